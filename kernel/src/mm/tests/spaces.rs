use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::vec::Vec;

use super::{MIB, Machine};
use crate::arch::layout::USER_END;
use crate::cap::Binding;
use crate::mm::fault::Access;
use crate::mm::object::{Backing, MemoryObject};
use crate::mm::vas::AddressSpace;
use crate::mm::{
    FrameRange, MapFlags, PhysAddr, Request, VirtAddr, frames, heap, inject, kernel_map, tlb,
};
use veridian_abi::Error;

const PAGE: u64 = 4096;
const BASE: u64 = 0x4000_0000;
const RW: MapFlags = MapFlags::USER_DATA;
const RX: MapFlags = MapFlags::USER_CODE;
const RO: MapFlags = MapFlags::USER_RODATA;

/// A capability that a mapping was made through, as far as mappings look at it.
#[repr(align(64))]
struct Slot(#[allow(dead_code)] [u64; 8]);
struct Capability(*mut Slot);

impl Capability {
    fn new() -> Capability {
        Capability(Box::leak(Box::new(Slot([0; 8]))))
    }

    fn binding(&self) -> Binding {
        // SAFETY: a binding is the address of a slot and a generation, here that of a new slot.
        unsafe { std::mem::transmute::<(usize, u64), Binding>((self.0 as usize, 0)) }
    }

    /// Another generation, whatever field of the slot holds it.
    fn kill(&self) {
        // SAFETY: leaked above, so it stays.
        unsafe { self.0.write_volatile(Slot([u64::MAX; 8])) };
    }
}

/// An object over `len` bytes of contiguous frames, aligned to that.
fn contiguous(len: u64, align: u64) -> (NonNull<MemoryObject>, FrameRange) {
    let request = Request::frames((len / PAGE) as usize).aligned((align / PAGE) as usize);
    let range = frames::allocate(request).unwrap();
    let object = MemoryObject::new(Backing::Physical, len, range.start).unwrap();
    (object, range)
}

/// A space that is released at the end of the test.
struct Space(NonNull<AddressSpace>);

impl Space {
    fn new() -> Space {
        Space(AddressSpace::create().unwrap())
    }

    fn byte(&self, at: u64) -> u8 {
        let mut byte = [0];
        self.read(VirtAddr(at), &mut byte).unwrap();
        byte[0]
    }

    /// A store by user code: fault if need be, then write through the page table.
    fn store(&self, at: u64, value: u8) -> Result<(), Error> {
        let writable = |m: &crate::mm::vas::Mapping| m.flags.contains(MapFlags::WRITE);
        if !self.query(VirtAddr(at)).as_ref().is_some_and(writable) {
            self.handle_fault(at, Access::Write)?;
        }
        let mapping = self.query(VirtAddr(at)).unwrap();
        assert!(mapping.flags.contains(MapFlags::WRITE | MapFlags::USER));
        assert!(!mapping.flags.contains(MapFlags::COW));
        // SAFETY: the page is mapped in the test's memory.
        unsafe { mapping.physical.as_ptr::<u8>().write(value) };
        Ok(())
    }

    /// A load by user code.
    fn load(&self, at: u64) -> Result<u8, Error> {
        if self.query(VirtAddr(at)).is_none() {
            self.handle_fault(at, Access::Read)?;
        }
        // SAFETY: the page is mapped in the test's memory.
        Ok(unsafe { self.translate(VirtAddr(at)).unwrap().as_ptr::<u8>().read() })
    }
}

impl std::ops::Deref for Space {
    type Target = AddressSpace;
    fn deref(&self) -> &AddressSpace {
        // SAFETY: we hold a reference.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: the reference of `create`.
        unsafe { AddressSpace::release(self.0) };
    }
}

/// Checks that everything that the test allocated is back.
fn balanced(test: impl FnOnce(&Machine)) {
    let machine = Machine::new(&[(1024, 96, 0)]);
    let before = (frames::free_frames(), heap::in_use());
    test(&machine);
    heap::trim();
    assert_eq!((frames::free_frames(), heap::in_use()), before, "leaked");
}

#[test]
fn demand_zero_pages_appear_on_first_touch() {
    balanced(|_| {
        let space = Space::new();
        let at = space.map_anonymous(VirtAddr(BASE), 64 * PAGE, RW).unwrap();
        assert_eq!(space.usage(), (0, 1, 1));
        assert_eq!(space.query(at), None);
        assert_eq!(space.load(at.0 + 5 * PAGE + 77), Ok(0));
        space.store(at.0 + 9 * PAGE, 42).unwrap();
        assert_eq!(space.load(at.0 + 9 * PAGE), Ok(42));
        assert_eq!(space.usage(), (2, 4, 1));
        assert_eq!(space.load(at.0 + 64 * PAGE), Err(Error::NotFound));
        assert_eq!(space.load(at.0 - 1), Err(Error::NotFound));
        assert_eq!(
            space.handle_fault(at.0, Access::Execute),
            Err(Error::MissingRight)
        );
    });
}

#[test]
fn nothing_is_writable_and_executable() {
    balanced(|_| {
        let space = Space::new();
        let all = RW | MapFlags::EXECUTE;
        assert_eq!(
            space.map_anonymous(VirtAddr(BASE), PAGE, all),
            Err(Error::WriteExecute)
        );
        space.map_anonymous(VirtAddr(BASE), PAGE, RW).unwrap();
        assert_eq!(
            space.protect(VirtAddr(BASE), PAGE, all),
            Err(Error::WriteExecute)
        );
        space.store(BASE, 1).unwrap();
        space.protect(VirtAddr(BASE), PAGE, RX).unwrap();
        let flags = space.query(VirtAddr(BASE)).unwrap().flags;
        assert!(flags.contains(MapFlags::EXECUTE) && !flags.contains(MapFlags::WRITE));
        assert_eq!(space.store(BASE, 2), Err(Error::MissingRight));
    });
}

#[test]
fn bad_ranges_are_refused() {
    balanced(|_| {
        let space = Space::new();
        for (at, len) in [
            (1, PAGE),
            (BASE, 0),
            (USER_END, PAGE),
            (USER_END - PAGE, 2 * PAGE),
            (!4095, PAGE),
            (0xffff_8000_0000_0000, PAGE),
            (BASE, u64::MAX),
            (BASE, u64::MAX - 4094),
        ] {
            let at = VirtAddr(at);
            assert_eq!(
                space.map_anonymous(at, len, RW),
                Err(Error::InvalidArgument),
                "{at:x?} {len:#x}"
            );
            assert_eq!(space.unmap(at, len), Err(Error::InvalidArgument));
            assert_eq!(space.protect(at, len, RW), Err(Error::InvalidArgument));
        }
        space.map_anonymous(VirtAddr(BASE), 4 * PAGE, RW).unwrap();
        for at in [BASE, BASE + 3 * PAGE, BASE - PAGE] {
            let taken = space.map_anonymous(VirtAddr(at), 2 * PAGE, RW);
            assert_eq!(taken, Err(Error::AlreadyExists));
        }
        assert_eq!(
            space.protect(VirtAddr(BASE), 5 * PAGE, RO),
            Err(Error::NotFound)
        );
        let object = MemoryObject::create(3 * PAGE).unwrap();
        // SAFETY: the reference of `create`, released below.
        let shared = unsafe { object.as_ref() };
        for (offset, len) in [(1, PAGE), (3 * PAGE, PAGE), (PAGE, 3 * PAGE), (!4095, PAGE)] {
            let mapped = space.map_object(shared, offset, VirtAddr(0), len, RO, Binding::KERNEL);
            assert_eq!(mapped, Err(Error::InvalidArgument));
        }
        // SAFETY: as above.
        unsafe { MemoryObject::release(object) };
    });
}

#[test]
fn unmapping_the_middle_splits_and_gives_frames_back() {
    balanced(|_| {
        let space = Space::new();
        space.map_anonymous(VirtAddr(BASE), 10 * PAGE, RW).unwrap();
        (0..10).for_each(|i| space.store(BASE + i * PAGE, i as u8 + 1).unwrap());
        let free = frames::free_frames();
        space.unmap(VirtAddr(BASE + 3 * PAGE), 4 * PAGE).unwrap();
        assert_eq!(frames::free_frames(), free + 4);
        for i in 0..10 {
            let expected = if (3..7).contains(&i) {
                Err(Error::NotFound)
            } else {
                Ok(i as u8 + 1)
            };
            assert_eq!(space.load(BASE + i * PAGE), expected);
        }
        assert_eq!(space.usage().2, 2);
        // What was unmapped can be mapped again and is zero.
        space
            .map_anonymous(VirtAddr(BASE + 3 * PAGE), 4 * PAGE, RW)
            .unwrap();
        assert_eq!(space.load(BASE + 4 * PAGE), Ok(0));
    });
}

#[test]
fn empty_tables_are_given_up_at_once() {
    balanced(|_| {
        let space = Space::new();
        for i in 0..40 {
            let at = VirtAddr(i << 39 | BASE);
            space.map_anonymous(at, PAGE, RW).unwrap();
            space.store(at.0, 1).unwrap();
        }
        assert_eq!(space.usage(), (40, 1 + 3 * 40, 40));
        for i in 0..40 {
            space.unmap(VirtAddr(i << 39 | BASE), PAGE).unwrap();
        }
        assert_eq!(space.usage(), (0, 1, 0));
    });
}

#[test]
fn fork_shares_until_somebody_stores() {
    balanced(|_| {
        let parent = Space::new();
        parent.map_anonymous(VirtAddr(BASE), 80 * PAGE, RW).unwrap();
        (0..80).for_each(|i| parent.store(BASE + i * PAGE, i as u8).unwrap());
        let child = Space::new();
        let free = frames::free_frames();
        parent.fork_into(&child).unwrap();
        assert!(free - frames::free_frames() < 8, "pages were copied");
        for i in 0..80 {
            let at = VirtAddr(BASE + i * PAGE);
            let (a, b) = (parent.query(at).unwrap(), child.query(at).unwrap());
            assert_eq!(a.physical, b.physical);
            for flags in [a.flags, b.flags] {
                assert!(flags.contains(MapFlags::COW) && !flags.contains(MapFlags::WRITE));
            }
            assert_eq!(frames::references(a.physical), 2);
        }
        child.store(BASE + 7 * PAGE, 99).unwrap();
        parent.store(BASE + 8 * PAGE, 98).unwrap();
        assert_eq!(
            (parent.byte(BASE + 7 * PAGE), child.byte(BASE + 7 * PAGE)),
            (7, 99)
        );
        assert_eq!(
            (parent.byte(BASE + 8 * PAGE), child.byte(BASE + 8 * PAGE)),
            (98, 8)
        );
        // The last owner stores in place.
        let before = parent.translate(VirtAddr(BASE + 7 * PAGE));
        parent.store(BASE + 7 * PAGE, 5).unwrap();
        assert_eq!(parent.translate(VirtAddr(BASE + 7 * PAGE)), before);
        drop(child);
        let before = parent.translate(VirtAddr(BASE + 20 * PAGE));
        parent.store(BASE + 20 * PAGE, 5).unwrap();
        assert_eq!(parent.translate(VirtAddr(BASE + 20 * PAGE)), before);
    });
}

#[test]
fn what_fork_shared_read_only_stays_apart_after_protect() {
    balanced(|_| {
        let parent = Space::new();
        parent.map_anonymous(VirtAddr(BASE), 2 * PAGE, RW).unwrap();
        parent.store(BASE, 1).unwrap();
        parent.protect(VirtAddr(BASE), PAGE, RO).unwrap();
        let child = Space::new();
        parent.fork_into(&child).unwrap();
        child.protect(VirtAddr(BASE), PAGE, RW).unwrap();
        child.store(BASE, 2).unwrap();
        assert_eq!((parent.byte(BASE), child.byte(BASE)), (1, 2));
    });
}

#[test]
fn generations_of_forks_keep_their_own() {
    balanced(|_| {
        let mut spaces = std::vec![Space::new()];
        spaces[0]
            .map_anonymous(VirtAddr(BASE), 3 * PAGE, RW)
            .unwrap();
        spaces[0].store(BASE, 0).unwrap();
        for i in 1..12u8 {
            let child = Space::new();
            spaces.last().unwrap().fork_into(&child).unwrap();
            child.store(BASE, i).unwrap();
            child.store(BASE + PAGE, i).unwrap();
            spaces.push(child);
        }
        for (i, space) in spaces.iter().enumerate() {
            assert_eq!(space.byte(BASE), i as u8);
        }
        spaces.remove(5);
        assert_eq!(spaces[5].byte(BASE + PAGE), 6);
    });
}

#[test]
fn shared_objects_are_the_same_frames() {
    balanced(|_| {
        let object = MemoryObject::create(8 * PAGE).unwrap();
        // SAFETY: the reference of `create`, released below.
        let shared = unsafe { object.as_ref() };
        shared.write(3 * PAGE + 10, b"frames").unwrap();
        let (a, b) = (Space::new(), Space::new());
        let at_a = a
            .map_object(
                shared,
                2 * PAGE,
                VirtAddr(BASE),
                4 * PAGE,
                RW,
                Binding::KERNEL,
            )
            .unwrap();
        let at_b = b
            .map_object(shared, 0, VirtAddr(0), 8 * PAGE, RO, Binding::KERNEL)
            .unwrap();
        assert_eq!(a.load(at_a.0 + PAGE + 10), Ok(b'f'));
        a.store(at_a.0 + PAGE + 11, b'R').unwrap();
        assert_eq!(b.load(at_b.0 + 3 * PAGE + 11), Ok(b'R'));
        let frame = a.translate(VirtAddr(at_a.0 + PAGE)).unwrap();
        assert_eq!(b.translate(VirtAddr(at_b.0 + 3 * PAGE)), Some(frame));
        assert_eq!(shared.frame(3), Ok(frame));
        let mut bytes = [0; 6];
        shared.read(3 * PAGE + 10, &mut bytes).unwrap();
        assert_eq!(&bytes, b"fRames");
        assert_eq!(b.store(at_b.0, 1), Err(Error::MissingRight));
        assert_eq!(b.protect(at_b, PAGE, RW), Err(Error::MissingRight));
        // One word has one name, wherever it is mapped.
        let keys = (
            a.futex_key(VirtAddr(at_a.0 + 4)),
            b.futex_key(VirtAddr(at_b.0 + 2 * PAGE + 4)),
        );
        assert_eq!(keys.0, keys.1);
        // The frames outlive the object's last token while a mapping has them.
        // SAFETY: the reference of `create`.
        unsafe { MemoryObject::release(object) };
        assert_eq!(b.load(at_b.0 + 3 * PAGE + 10), Ok(b'f'));
        // A fork shares them, too.
        let child = Space::new();
        a.fork_into(&child).unwrap();
        child.store(at_a.0 + PAGE + 10, b'F').unwrap();
        assert_eq!(b.load(at_b.0 + 3 * PAGE + 10), Ok(b'F'));
    });
}

#[test]
fn a_dead_capability_takes_its_mappings_and_no_others() {
    balanced(|_| {
        let capabilities = [Capability::new(), Capability::new(), Capability::new()];
        let object = MemoryObject::create(4 * PAGE).unwrap();
        // SAFETY: the reference of `create`, released below.
        let shared = unsafe { object.as_ref() };
        let spaces = [Space::new(), Space::new(), Space::new()];
        for (i, space) in spaces.iter().enumerate() {
            for (n, capability) in capabilities.iter().enumerate() {
                let at = VirtAddr(BASE + n as u64 * MIB);
                let through = capability.binding();
                space
                    .map_object(shared, 0, at, 4 * PAGE, RW, through)
                    .unwrap();
                space.store(at.0, i as u8).unwrap();
            }
        }
        shared.unmap(false);
        assert_eq!(shared.references(), 1 + 9);
        capabilities[1].kill();
        shared.unmap(false);
        for space in &spaces {
            assert_eq!(space.load(BASE), Ok(2));
            assert_eq!(space.query(VirtAddr(BASE + MIB)), None);
            assert_eq!(space.load(BASE + MIB), Err(Error::NotFound));
            assert_eq!(space.load(BASE + 2 * MIB), Ok(2));
        }
        shared.unmap(false);
        assert_eq!(shared.references(), 1 + 6);
        // SAFETY: the reference of `create`.
        unsafe { MemoryObject::release(object) };
    });
}

#[test]
fn large_pages_are_used_and_split() {
    balanced(|_| {
        let (object, range) = contiguous(4 * MIB, 2 * MIB);
        let space = Space::new();
        let at = space
            .map_object(
                // SAFETY: the reference of `contiguous`, released below.
                unsafe { object.as_ref() },
                0,
                VirtAddr(0x4000_0000),
                4 * MIB,
                RW,
                Binding::KERNEL,
            )
            .unwrap();
        space.store(at.0 + 12345, 9).unwrap();
        let mapping = space.query(VirtAddr(at.0 + 12345)).unwrap();
        assert_eq!(
            (mapping.level, mapping.physical.0 % PAGE),
            (1, 12345 % PAGE)
        );
        assert_eq!(space.usage().0, 512);
        let child = Space::new();
        space.fork_into(&child).unwrap();
        child.store(at.0 + 12345, 10).unwrap();
        assert_eq!(
            (space.byte(at.0 + 12345), child.byte(at.0 + 12345)),
            (10, 10)
        );
        // Unmapping a part splits; the child's is as it was.
        space.unmap(VirtAddr(at.0 + MIB), PAGE).unwrap();
        assert_eq!(space.load(at.0 + MIB), Err(Error::NotFound));
        assert_eq!(space.byte(at.0 + 12345), 10);
        assert_eq!(space.query(VirtAddr(at.0)).unwrap().level, 0);
        assert_eq!(child.query(VirtAddr(at.0)).unwrap().level, 1);
        // So does reducing one.
        child.protect(VirtAddr(at.0 + MIB), PAGE, RO).unwrap();
        assert_eq!(child.store(at.0 + MIB, 1), Err(Error::MissingRight));
        child.store(at.0 + MIB + PAGE, 1).unwrap();
        drop((space, child));
        // SAFETY: the reference of `contiguous`.
        unsafe { MemoryObject::release(object) };
        frames::free(range);
    });
}

#[test]
fn contiguous_objects_are_mapped_by_the_largest_leaf() {
    let _machine = Machine::new(&[(1024, 2304, 0)]);
    let before = (frames::free_frames(), heap::in_use());
    let (object, range) = contiguous(1 << 30, 1 << 30);
    // SAFETY: the reference of `create`, released below.
    let memory = unsafe { object.as_ref() };
    let space = Space::new();
    let at = space
        .map_object(memory, 0, VirtAddr(0), 1 << 30, RW, Binding::KERNEL)
        .unwrap();
    space.store(at.0 + 7, 1).unwrap();
    assert_eq!(space.query(at).unwrap().level, 2);
    let part = space
        .map_object(memory, 2 * MIB, VirtAddr(0), 6 * MIB, RW, Binding::KERNEL)
        .unwrap();
    space.store(part.0 + 3 * MIB, 1).unwrap();
    assert_eq!(space.query(VirtAddr(part.0 + 3 * MIB)).unwrap().level, 1);
    // One page out of the middle of the GiB.
    space.unmap(VirtAddr(at.0 + 600 * MIB), PAGE).unwrap();
    assert_eq!(space.query(VirtAddr(at.0 + 600 * MIB)), None);
    let next = VirtAddr(at.0 + 600 * MIB + PAGE);
    assert_eq!(
        space.translate(next),
        Some(memory.frame(((600 << 20) >> 12) + 1).unwrap())
    );
    assert_eq!(space.query(at).unwrap().level, 1);
    drop(space);
    // SAFETY: the reference of `create`.
    unsafe { MemoryObject::release(object) };
    frames::free(range);
    heap::trim();
    assert_eq!((frames::free_frames(), heap::in_use()), before);
}

#[test]
fn stacks_have_a_guard_page() {
    balanced(|_| {
        let space = Space::new();
        let top = space.map_stack(16 * PAGE).unwrap();
        space.store(top.0 - 1, 1).unwrap();
        space.store(top.0 - 16 * PAGE, 1).unwrap();
        assert_eq!(
            space.store(top.0 - 16 * PAGE - 1, 1),
            Err(Error::BadAddress)
        );
        let reserved = space.reserve(VirtAddr(0), 8 * PAGE).unwrap();
        assert_eq!(space.load(reserved.0), Err(Error::BadAddress));
        assert_eq!(space.protect(reserved, PAGE, RW), Err(Error::NotFound));
    });
}

#[test]
fn the_loader_writes_where_user_code_may_not() {
    balanced(|_| {
        let space = Space::new();
        space.map_anonymous(VirtAddr(BASE), 2 * PAGE, RX).unwrap();
        space.write(VirtAddr(BASE + PAGE - 3), b"syscall").unwrap();
        let mut bytes = [0; 7];
        space.read(VirtAddr(BASE + PAGE - 3), &mut bytes).unwrap();
        assert_eq!(&bytes, b"syscall");
        assert!(
            !space
                .query(VirtAddr(BASE))
                .unwrap()
                .flags
                .contains(MapFlags::WRITE)
        );
        // A fork's text is shared until the loader changes one of them.
        let child = Space::new();
        space.fork_into(&child).unwrap();
        child.write(VirtAddr(BASE + PAGE - 3), b"S").unwrap();
        assert_eq!(
            (space.byte(BASE + PAGE - 3), child.byte(BASE + PAGE - 3)),
            (b's', b'S')
        );
    });
}

#[test]
fn the_kernel_half_is_mapped_w_xor_x() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    for at in (0..64 * MIB).step_by(PAGE as usize) {
        let address = crate::arch::layout::DIRECT_MAP + 1024 * MIB + at;
        let (physical, flags, level) = kernel_map::query(address).expect("RAM without a mapping");
        assert_eq!(physical, PhysAddr(1024 * MIB + at));
        assert!(!flags.contains(MapFlags::EXECUTE) && !flags.contains(MapFlags::USER));
        assert_eq!(level, 1);
    }
    assert!(kernel_map::query(crate::arch::layout::DIRECT_MAP + 1024 * MIB - 1).is_none());
    let free = frames::free_frames();
    let stacks: Vec<_> = (0..20).map(|_| kernel_map::stack(16384).unwrap()).collect();
    for top in &stacks {
        assert!(kernel_map::query(top - 1).is_some() && kernel_map::query(top - 16384).is_some());
        assert!(kernel_map::query(*top).is_none() && kernel_map::query(top - 16385).is_none());
    }
    stacks
        .into_iter()
        .for_each(|top| kernel_map::free_stack(top, 16384));
    heap::trim();
    assert_eq!(frames::free_frames(), free);
    drop(machine);
}

/// A workload that takes every path on which memory is allocated.
fn workload() -> Result<(), Error> {
    let space = AddressSpace::create()?;
    let object = MemoryObject::create(1500 * PAGE);
    let child = AddressSpace::create();
    // SAFETY: the references of `create`, released below.
    let result = unsafe {
        match (&object, &child) {
            (Ok(object), Ok(child)) => steps(space.as_ref(), object.as_ref(), child.as_ref()),
            _ => Err(Error::OutOfMemory),
        }
    };
    // SAFETY: as above; each is used no more.
    unsafe {
        AddressSpace::release(space);
        child
            .into_iter()
            .for_each(|child| AddressSpace::release(child));
        object
            .into_iter()
            .for_each(|object| MemoryObject::release(object));
    }
    result
}

fn steps(space: &AddressSpace, object: &MemoryObject, child: &AddressSpace) -> Result<(), Error> {
    let fault = |space: &AddressSpace, at, access| {
        space.handle_fault(at, access).map_err(|error| match error {
            Error::OutOfMemory => Error::OutOfMemory,
            other => panic!("{other:?}"),
        })
    };
    space.map_anonymous(VirtAddr(BASE), 40 * PAGE, RW)?;
    space.map_anonymous(VirtAddr(BASE + 4 * MIB), 2 * MIB, RW)?;
    let capability = Capability::new();
    let through = capability.binding();
    let shared = space.map_object(object, 0, VirtAddr(0), 1100 * PAGE, RW, through)?;
    for i in 0..5 {
        fault(space, BASE + i * PAGE, Access::Write)?;
    }
    fault(space, BASE + 4 * MIB, Access::Write)?;
    fault(space, shared.0, Access::Write)?;
    fault(space, shared.0 + 1050 * PAGE, Access::Read)?;
    space.map_stack(8 * PAGE)?;
    space.fork_into(child)?;
    fault(child, BASE, Access::Write)?;
    fault(child, BASE + 4 * MIB + PAGE, Access::Write)?;
    child.unmap(VirtAddr(BASE + 2 * PAGE), PAGE)?;
    space.protect(VirtAddr(BASE + 3 * PAGE), PAGE, RO)?;
    space.unmap(VirtAddr(BASE + 4 * MIB + 5 * PAGE), PAGE)?;
    capability.kill();
    object.unmap(false);
    Ok(())
}

#[test]
fn every_allocation_may_fail() {
    let _machine = Machine::new(&[(1024, 96, 0)]);
    workload().unwrap();
    heap::trim();
    let before = (frames::free_frames(), heap::in_use());
    inject::fail_nth(0);
    workload().unwrap();
    let sites = inject::fail_nth(0);
    assert!(sites > 40, "{sites} allocations");
    let mut failed = 0;
    for n in 1..=sites {
        heap::trim();
        frames::drain();
        inject::fail_nth(n);
        let result = workload();
        inject::fail_nth(0);
        failed += result.is_err() as u64;
        assert!(
            matches!(result, Ok(()) | Err(Error::OutOfMemory)),
            "{result:?}"
        );
        heap::trim();
        assert_eq!(
            (frames::free_frames(), heap::in_use()),
            before,
            "leak when allocation {n} fails"
        );
    }
    assert!(failed > sites / 2, "{failed} of {sites}");
}

#[test]
fn a_full_machine_is_an_error_and_nothing_else() {
    balanced(|_| {
        let space = Space::new();
        space.map_anonymous(VirtAddr(BASE), 1 << 30, RW).unwrap();
        let mut pages = 0;
        let error = loop {
            match space.store(BASE + pages * PAGE, 1) {
                Ok(()) => pages += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::OutOfMemory);
        assert!(pages > 20_000 / 2);
        assert_eq!(AddressSpace::create(), Err(crate::mm::OutOfMemory));
        space.unmap(VirtAddr(BASE), MIB).unwrap();
        space.store(BASE + pages * PAGE, 1).unwrap();
    });
}

#[test]
fn ten_thousand_spaces_leave_nothing_behind() {
    balanced(|_| {
        let base = Space::new();
        base.map_anonymous(VirtAddr(BASE), 8 * PAGE, RW).unwrap();
        (0..8).for_each(|i| base.store(BASE + i * PAGE, 1).unwrap());
        for i in 0..10_000u64 {
            let child = Space::new();
            base.fork_into(&child).unwrap();
            child.store(BASE + i % 8 * PAGE, 2).unwrap();
            tlb::switch_to(&child);
        }
    });
}

#[derive(Clone, Debug)]
enum Op {
    Map {
        space: usize,
        page: u64,
        pages: u64,
        flags: MapFlags,
    },
    MapObject {
        space: usize,
        page: u64,
        pages: u64,
        flags: MapFlags,
        tag: usize,
    },
    Unmap {
        space: usize,
        page: u64,
        pages: u64,
    },
    Protect {
        space: usize,
        page: u64,
        pages: u64,
        flags: MapFlags,
    },
    Store {
        space: usize,
        page: u64,
        value: u8,
    },
    Load {
        space: usize,
        page: u64,
    },
    Fork {
        from: usize,
        to: usize,
    },
    Revoke {
        tag: usize,
    },
    Switch {
        space: usize,
    },
}

const WINDOW: u64 = 96;
const SPACES: usize = 4;

fn op() -> impl Strategy<Value = Op> {
    let flags = prop_oneof![3 => Just(RW), 1 => Just(RO), 1 => Just(RX)];
    let space = 0..SPACES;
    let page = 0..WINDOW;
    let pages = 1..24u64;
    let access = (space.clone(), page.clone());
    prop_oneof![
        3 => (space.clone(), page.clone(), pages.clone(), flags.clone())
            .prop_map(|(space, page, pages, flags)| Op::Map { space, page, pages, flags }),
        3 => (space.clone(), page.clone(), pages.clone(), flags.clone(), 0..3usize).prop_map(
            |(space, page, pages, flags, tag)| Op::MapObject { space, page, pages, flags, tag }
        ),
        2 => (space.clone(), page.clone(), pages.clone())
            .prop_map(|(space, page, pages)| Op::Unmap { space, page, pages }),
        2 => (space.clone(), page.clone(), pages, flags)
            .prop_map(|(space, page, pages, flags)| Op::Protect { space, page, pages, flags }),
        20 => (access.clone(), any::<u8>()).prop_map(|((space, page), value)| Op::Store { space, page, value }),
        12 => access.prop_map(|(space, page)| Op::Load { space, page }),
        1 => (space.clone(), space.clone()).prop_map(|(from, to)| Op::Fork { from, to }),
        1 => (0..3usize).prop_map(|tag| Op::Revoke { tag }),
        2 => space.prop_map(|space| Op::Switch { space }),
    ]
}

/// What a page of a space is, the simple way.
#[derive(Clone, Debug)]
struct Page {
    flags: MapFlags,
    limit: MapFlags,
    /// Page of the object, of what it maps.
    object: Option<u64>,
    tag: usize,
    value: u8,
}

fn run(ops: &[Op]) {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let before = (frames::free_frames(), heap::in_use());
    let object = MemoryObject::create(WINDOW * PAGE).unwrap();
    // SAFETY: the reference of `create`, released below.
    let shared = unsafe { object.as_ref() };
    let mut spaces: Vec<Space> = (0..SPACES).map(|_| Space::new()).collect();
    let mut model: Vec<BTreeMap<u64, Page>> = std::vec![BTreeMap::new(); SPACES];
    let mut capabilities = [Capability::new(), Capability::new(), Capability::new()];
    let mut content = std::vec![0u8; WINDOW as usize];
    let at = |page: u64| VirtAddr(BASE + page * PAGE);
    for op in ops {
        match op.clone() {
            Op::Map {
                space,
                page,
                pages,
                flags,
            } => {
                let free = model[space].range(page..page + pages).next().is_none();
                let result = spaces[space].map_anonymous(at(page), pages * PAGE, flags);
                assert_eq!(
                    result,
                    if free {
                        Ok(at(page))
                    } else {
                        Err(Error::AlreadyExists)
                    }
                );
                if free {
                    let limit = MapFlags::all();
                    let new = Page {
                        flags,
                        limit,
                        object: None,
                        tag: 9,
                        value: 0,
                    };
                    (page..page + pages).for_each(|p| {
                        model[space].insert(p, new.clone());
                    });
                }
            }
            Op::MapObject {
                space,
                page,
                pages,
                flags,
                tag,
            } => {
                let fits = page + pages <= WINDOW;
                let free = model[space].range(page..page + pages).next().is_none();
                let result = spaces[space].map_object(
                    shared,
                    page * PAGE,
                    at(page),
                    pages * PAGE,
                    flags,
                    capabilities[tag].binding(),
                );
                match (fits, free) {
                    (false, _) => assert_eq!(result, Err(Error::InvalidArgument)),
                    (true, false) => assert_eq!(result, Err(Error::AlreadyExists)),
                    (true, true) => {
                        assert_eq!(result, Ok(at(page)));
                        for p in page..page + pages {
                            let new = Page {
                                flags,
                                limit: flags,
                                object: Some(p),
                                tag,
                                value: 0,
                            };
                            model[space].insert(p, new);
                        }
                    }
                }
            }
            Op::Unmap { space, page, pages } => {
                spaces[space].unmap(at(page), pages * PAGE).unwrap();
                (page..page + pages).for_each(|p| {
                    model[space].remove(&p);
                });
            }
            Op::Protect {
                space,
                page,
                pages,
                flags,
            } => {
                let range: Vec<_> = model[space]
                    .range(page..page + pages)
                    .map(|(_, p)| p.clone())
                    .collect();
                let expected = if range.len() < pages as usize {
                    // Which comes first, the gap or the limit, does not matter here.
                    None
                } else if range.iter().any(|p| !p.limit.contains(flags)) {
                    Some(Err(Error::MissingRight))
                } else {
                    Some(Ok(()))
                };
                let result = spaces[space].protect(at(page), pages * PAGE, flags);
                match expected {
                    None => assert!(matches!(result, Err(Error::NotFound | Error::MissingRight))),
                    Some(expected) => assert_eq!(result, expected),
                }
                if result.is_ok() {
                    model[space]
                        .range_mut(page..page + pages)
                        .for_each(|(_, p)| p.flags = flags);
                }
            }
            Op::Store { space, page, value } => {
                let expected = match model[space].get_mut(&page) {
                    None => Err(Error::NotFound),
                    Some(p) if !p.flags.contains(MapFlags::WRITE) => Err(Error::MissingRight),
                    Some(p) => {
                        if let Some(i) = p.object {
                            content[i as usize] = value;
                        }
                        p.value = value;
                        Ok(())
                    }
                };
                assert_eq!(spaces[space].store(at(page).0, value), expected);
            }
            Op::Load { space, page } => {
                let expected = match model[space].get(&page) {
                    None => Err(Error::NotFound),
                    Some(Page {
                        object: Some(i), ..
                    }) => Ok(content[*i as usize]),
                    Some(p) => Ok(p.value),
                };
                assert_eq!(spaces[space].load(at(page).0), expected);
            }
            Op::Fork { from, to } if from != to => {
                spaces[to] = Space::new();
                spaces[from].fork_into(&spaces[to]).unwrap();
                model[to] = model[from].clone();
            }
            Op::Revoke { tag } => {
                capabilities[tag].kill();
                capabilities[tag] = Capability::new();
                shared.unmap(false);
                model.iter_mut().for_each(|m| m.retain(|_, p| p.tag != tag));
            }
            Op::Switch { space } => tlb::switch_to(&spaces[space]),
            _ => {}
        }
    }
    // Every mapping is as promised, and no page is writable beyond that.
    for (space, model) in spaces.iter().zip(&model) {
        for page in 0..WINDOW + 24 {
            let mapping = space.query(at(page));
            let Some(promised) = model.get(&page) else {
                assert_eq!(mapping, None);
                continue;
            };
            if let Some(mapping) = mapping {
                let allowed = mapping.flags - MapFlags::COW;
                assert!(
                    promised.flags.contains(allowed),
                    "{allowed:?} for {promised:?}"
                );
            }
        }
    }
    drop(spaces);
    // SAFETY: the reference of `create`.
    unsafe { MemoryObject::release(object) };
    heap::trim();
    assert_eq!((frames::free_frames(), heap::in_use()), before, "leaked");
}

proptest! {
    // Cases of 700 operations.
    #![proptest_config(ProptestConfig { cases: super::cases(1500), max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn behaves_like_a_map_of_pages(ops in prop::collection::vec(op(), 700)) {
        run(&ops);
    }
}
