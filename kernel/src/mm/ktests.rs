//! Kernel tests of memory management on the machine itself: its RAM, its page tables, its TLBs.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use super::frame_info::{FrameState, info};
use super::frames::{self, FreeError};
use super::heap::{self, Cache};
use super::object::{Backing, MemoryObject};
use super::vas::AddressSpace;
use super::zones::ZoneKind;
use super::{FrameRange, MapFlags, PAGE_SIZE, PhysAddr, Request, VirtAddr};
use super::{inject, kernel_map, numa, reserved, tlb};
use crate::arch::layout::USER_END;
use crate::arch::{cpu, paging, uaccess};
use crate::cap::Binding;
use crate::machine::machine;
use crate::percpu;
use crate::sched::smp;
use crate::syscall::userspace::{UserSlice, UserWord};
use crate::test_framework::{TestResult, random};
use crate::trap::Access;
use crate::{kernel_test, ktest_assert, ktest_assert_eq};
use veridian_abi::Error;

const PAGE: u64 = PAGE_SIZE as u64;
const BASE: u64 = 0x4000_0000;
const RW: MapFlags = MapFlags::USER_DATA;
const KINDS: [ZoneKind; 3] = [ZoneKind::Dma, ZoneKind::Normal, ZoneKind::High];

/// A space that ends with the test.
struct Space(NonNull<AddressSpace>);

impl Space {
    fn new() -> Space {
        Space(AddressSpace::create().expect("memory for an address space"))
    }
}

impl core::ops::Deref for Space {
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

/// A memory object that ends with the test.
struct Object(NonNull<MemoryObject>);

impl core::ops::Deref for Object {
    type Target = MemoryObject;
    fn deref(&self) -> &MemoryObject {
        // SAFETY: we hold a reference.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: the reference of `create`.
        unsafe { MemoryObject::release(self.0) };
    }
}

/// A store by the CPU through the space in its register, as for a user.
fn store(at: u64, value: u8) -> Result<(), ()> {
    // SAFETY: a byte of ours; the address is below `USER_END`.
    unsafe { uaccess::copy_to_user(at, &raw const value, 1) }
}

/// A load by the CPU through the space in its register, as for a user.
fn load(at: u64) -> Result<u8, ()> {
    let mut value = 0;
    // SAFETY: as in `store`.
    unsafe { uaccess::copy_from_user(&raw mut value, at, 1) }.map(|()| value)
}

/// What is in use, with nothing cached.
fn in_use() -> (usize, usize) {
    heap::trim();
    frames::drain();
    (frames::free_frames(), heap::in_use())
}

/// Takes every frame; the list goes through the frames themselves.
fn take_all() -> (PhysAddr, usize) {
    let (mut list, mut count) = (PhysAddr(0), 0);
    while let Ok(frame) = frames::allocate_one() {
        // SAFETY: the frame is ours.
        unsafe { frame.as_ptr::<PhysAddr>().write(list) };
        (list, count) = (frame, count + 1);
    }
    (list, count)
}

fn each(mut list: PhysAddr, mut visit: impl FnMut(PhysAddr)) {
    while list.0 != 0 {
        // SAFETY: `take_all` wrote the link, and the frame is ours until `visit`.
        let next = unsafe { list.as_ptr::<PhysAddr>().read() };
        visit(list);
        list = next;
    }
}

fn largest() -> usize {
    let zones =
        (0..numa::nodes()).flat_map(|n| KINDS.map(|kind| frames::statistics(n, kind).largest));
    zones.max().unwrap_or(0)
}

/// Frees a list in an order that has nothing to do with addresses.
fn free_shuffled(list: PhysAddr) {
    const LANES: usize = 61;
    let mut lanes = [PhysAddr(0); LANES];
    let mut random = random();
    each(list, |frame| {
        let lane = &mut lanes[random.below(LANES as u64) as usize];
        // SAFETY: the frame is ours.
        unsafe { frame.as_ptr::<PhysAddr>().write(*lane) };
        *lane = frame;
    });
    lanes
        .into_iter()
        .for_each(|lane| each(lane, frames::free_one));
}

kernel_test! {
    fn every_frame_singly_then_the_largest_piece() {
        let before = in_use();
        let piece = largest();
        let (list, count) = take_all();
        let left = frames::free_frames();
        free_shuffled(list);
        ktest_assert_eq!((count, left), (before.0, 0));
        frames::drain();
        let range = frames::allocate(Request::frames(piece));
        ktest_assert!(range.is_ok(), "the largest piece of the boot, {piece} frames, is gone");
        range.into_iter().for_each(frames::free);
        ktest_assert_eq!(in_use(), before);
    }

    fn the_largest_piece_then_every_frame_singly() {
        let before = in_use();
        let piece = largest();
        let range = frames::allocate(Request::frames(piece)).expect("a free piece");
        let (list, count) = take_all();
        each(list, frames::free_one);
        frames::free(range);
        ktest_assert_eq!(count + piece, before.0);
        ktest_assert_eq!(in_use(), before);
        ktest_assert_eq!(largest(), piece);
    }

    fn no_frame_is_handed_out_that_is_reserved() {
        let (list, _) = take_all();
        let mut wrong = None;
        each(list, |frame| {
            let kernel = kernel_map::query(frame.as_ptr::<u8>() as u64);
            let writable = kernel.is_some_and(|(_, flags, _)| flags.contains(MapFlags::WRITE));
            let list = reserved::RESERVED.lock();
            let hit = list.as_slice().iter().find(|r| r.range.start < frame.0 + PAGE && frame.0 < r.range.end);
            if hit.is_some() || !writable {
                wrong = Some((frame, hit.map(|r| r.name)));
            }
        });
        each(list, frames::free_one);
        ktest_assert_eq!(wrong, None);
        for name in ["kernel", "frame records"] {
            let list = reserved::RESERVED.lock();
            let known = list.as_slice().iter().any(|r| r.name.contains(name));
            drop(list);
            ktest_assert!(known, "{name} is not reserved");
        }
    }

    fn double_and_foreign_frees_are_refused() {
        let frame = frames::allocate_one().expect("a frame");
        let free = frames::free_frames();
        frames::free_one(frame);
        ktest_assert_eq!(frames::try_free_one(frame), Err(FreeError::Double));
        frames::drain();
        ktest_assert_eq!(frames::try_free_one(frame), Err(FreeError::Double));
        ktest_assert_eq!(frames::try_free_one(paging::kernel_root()), Err(FreeError::Foreign));
        ktest_assert_eq!(frames::try_free_one(PhysAddr(u64::MAX)), Err(FreeError::Foreign));
        let kernel = super::virt_to_phys((&raw const SHARED_SPACE).cast::<u8>());
        ktest_assert_eq!(frames::try_free_one(kernel), Err(FreeError::Foreign));
        ktest_assert_eq!(frames::free_frames(), free + 1);
    }

    fn contiguous_frames_are_contiguous_and_aligned() {
        let before = in_use();
        for (count, align) in [(2, 1), (7, 8), (300, 256), (512, 512), (513, 1), (1500, 1024)] {
            let request = Request::frames(count).aligned(align);
            let range = frames::allocate(request).expect("contiguous frames");
            ktest_assert_eq!(range.start.frame() as usize % align, 0);
            for i in 0..count as u64 {
                let record = info((range.start.0 / PAGE + i) as u32);
                ktest_assert!(record.is_some_and(|r| r.is(FrameState::Used)));
            }
            frames::free(range);
        }
        ktest_assert_eq!(in_use(), before);
    }

    fn an_exhausted_dma_zone_takes_nothing_higher() {
        let before = in_use();
        let end = PhysAddr(if cpu::NAME == "x86_64" { 16 << 20 } else { machine().memory.as_slice()[0].range.start + (64 << 20) });
        let (mut list, mut above) = (PhysAddr(0), 0);
        while let Ok(range) = frames::allocate(Request::frames(1).zone(ZoneKind::Dma)) {
            above += (range.start >= end) as usize;
            // SAFETY: the frame is ours.
            unsafe { range.start.as_ptr::<PhysAddr>().write(list) };
            list = range.start;
        }
        let other = frames::allocate_one();
        each(list, frames::free_one);
        other.into_iter().for_each(frames::free_one);
        ktest_assert!(list.0 != 0 && above == 0, "{above} frames above the zone");
        ktest_assert_eq!(in_use(), before);
    }

    fn zones_hold_what_their_names_say() {
        for node in 0..numa::nodes() {
            for kind in KINDS {
                let Ok(range) = frames::allocate(Request::frames(1).zone(kind).node(node)) else { continue };
                frames::free(range);
                if kind == ZoneKind::Normal {
                    ktest_assert!(range.start.0 < 4 << 30);
                }
            }
        }
        let large = machine().memory_size() > 5 << 30;
        let filled = |kind| (0..numa::nodes()).any(|node| frames::statistics(node, kind).total > 0);
        ktest_assert!(filled(ZoneKind::Dma));
        ktest_assert!(!large || KINDS.into_iter().all(filled), "6 GiB have all three zones");
        if large {
            let range = frames::allocate(Request::frames(600)).expect("memory above 4 GiB");
            frames::free(range);
            ktest_assert!(range.start.0 >= 4 << 30);
        }
    }

    fn memory_of_every_node_is_found_local_first() {
        let home = cpu::current().node.get() as usize;
        for node in 0..numa::nodes() {
            let range = frames::allocate(Request::frames(520).node(node)).expect("memory");
            let at = range.start.0;
            frames::free(range);
            let of = machine().memory.as_slice().iter().find(|m| m.range.contains(&at));
            ktest_assert_eq!(of.map(|m| m.node as usize), Some(node));
        }
        let local = numa::NODES[home].local.load(SeqCst);
        let range = frames::allocate(Request::frames(2)).expect("memory");
        frames::free(range);
        ktest_assert_eq!(numa::NODES[home].local.load(SeqCst), local + 1);
    }

    fn slabs_serve_and_take_back_thousands() {
        static OBJECTS: Cache<[u64; 12]> = Cache::new("test objects");
        let before = in_use();
        let mut list: Option<NonNull<[u64; 12]>> = None;
        for round in 0..3u64 {
            for i in 0..5000u64 {
                let next = list.map_or(0, |l| l.as_ptr() as u64);
                let mut value = [round; 12];
                (value[0], value[11]) = (next, i);
                list = Some(OBJECTS.allocate_with(value).expect("memory"));
            }
            ktest_assert_eq!(OBJECTS.statistics().in_use, 5000);
            for i in (0..5000u64).rev() {
                let object = list.expect("as many as were made");
                // SAFETY: allocated above and freed once.
                unsafe {
                    let [next, tag, .., last] = *object.as_ptr();
                    ktest_assert_eq!((tag, last), (round, i));
                    list = NonNull::new(next as *mut [u64; 12]);
                    OBJECTS.free(object);
                }
            }
        }
        ktest_assert_eq!(in_use(), before);
    }

    fn user_pages_appear_on_first_touch() {
        let before = in_use();
        let space = Space::new();
        space.map_anonymous(VirtAddr(BASE), 16 * PAGE, RW).expect("room");
        tlb::switch_to(&space);
        ktest_assert_eq!(load(BASE + 5 * PAGE + 9), Ok(0));
        ktest_assert_eq!(store(BASE + 5 * PAGE + 9, 7), Ok(()));
        ktest_assert_eq!(load(BASE + 5 * PAGE + 9), Ok(7));
        ktest_assert_eq!(space.usage().0, 1);
        // The CPU and the direct map see the same byte.
        let physical = space.translate(VirtAddr(BASE + 5 * PAGE + 9)).expect("it is there");
        // SAFETY: the page is mapped in a space of ours.
        ktest_assert_eq!(unsafe { physical.as_ptr::<u8>().read() }, 7);
        ktest_assert_eq!(load(BASE + 16 * PAGE), Err(()));
        ktest_assert_eq!(load(BASE - 1), Err(()));
        drop(space);
        ktest_assert_eq!(in_use(), before);
    }

    fn unmapped_and_protected_pages_are_really_gone() {
        let space = Space::new();
        space.map_anonymous(VirtAddr(BASE), 8 * PAGE, RW).expect("room");
        tlb::switch_to(&space);
        for i in 0..8 {
            ktest_assert_eq!(store(BASE + i * PAGE, i as u8), Ok(()));
        }
        ktest_assert_eq!(space.protect(VirtAddr(BASE + PAGE), 2 * PAGE, MapFlags::READ), Ok(()));
        ktest_assert_eq!(space.unmap(VirtAddr(BASE + 4 * PAGE), PAGE), Ok(()));
        for i in 0..8 {
            let (readable, writable) = (i != 4, i != 4 && i != 1 && i != 2);
            ktest_assert_eq!(load(BASE + i * PAGE).is_ok(), readable);
            ktest_assert_eq!(store(BASE + i * PAGE, i as u8).is_ok(), writable);
        }
        ktest_assert_eq!(space.protect(VirtAddr(BASE + PAGE), PAGE, RW), Ok(()));
        ktest_assert_eq!((store(BASE + PAGE, 1), load(BASE + PAGE)), (Ok(()), Ok(1)));
        ktest_assert_eq!(space.protect(VirtAddr(BASE), PAGE, RW | MapFlags::EXECUTE), Err(Error::WriteExecute));
    }

    fn copy_on_write_keeps_parent_and_child_apart() {
        let before = in_use();
        let (parent, child) = (Space::new(), Space::new());
        parent.map_anonymous(VirtAddr(BASE), 40 * PAGE, RW).expect("room");
        tlb::switch_to(&parent);
        for i in 0..40 {
            ktest_assert_eq!(store(BASE + i * PAGE, i as u8), Ok(()));
        }
        ktest_assert_eq!(parent.fork_into(&child), Ok(()));
        // The parent's old translations are gone: this store must fault and copy.
        ktest_assert_eq!(store(BASE, 100), Ok(()));
        tlb::switch_to(&child);
        ktest_assert_eq!(load(BASE), Ok(0));
        ktest_assert_eq!(store(BASE + PAGE, 101), Ok(()));
        tlb::switch_to(&parent);
        ktest_assert_eq!((load(BASE), load(BASE + PAGE)), (Ok(100), Ok(1)));
        let at = VirtAddr(BASE + 7 * PAGE);
        ktest_assert_eq!(parent.translate(at), child.translate(at));
        drop((parent, child));
        ktest_assert_eq!(in_use(), before);
    }

    fn shared_memory_is_the_same_frame_in_both_spaces() {
        let (a, b) = (Space::new(), Space::new());
        let memory = Object(MemoryObject::create(4 * PAGE).expect("memory"));
        let map = |space: &AddressSpace, at, flags| {
            space.map_object(&memory, PAGE, VirtAddr(at), 3 * PAGE, flags, Binding::KERNEL)
        };
        ktest_assert!(map(&a, BASE, RW).is_ok() && map(&b, 2 * BASE, MapFlags::READ).is_ok());
        tlb::switch_to(&a);
        ktest_assert_eq!(store(BASE + 5, 55), Ok(()));
        tlb::switch_to(&b);
        ktest_assert_eq!(load(2 * BASE + 5), Ok(55));
        ktest_assert_eq!(store(2 * BASE + 5, 1), Err(()));
        ktest_assert_eq!(b.protect(VirtAddr(2 * BASE), PAGE, RW), Err(Error::MissingRight));
        ktest_assert_eq!(a.translate(VirtAddr(BASE)), b.translate(VirtAddr(2 * BASE)));
        ktest_assert_eq!(memory.frame(1).ok(), a.translate(VirtAddr(BASE)));
    }

    fn large_pages_work_on_this_cpu() {
        let before = in_use();
        let space = Space::new();
        let range = frames::allocate(Request::frames(1024).aligned(512)).expect("memory");
        let memory = Object(MemoryObject::new(Backing::Physical, 4 << 20, range.start).expect("memory"));
        let at = space.map_object(&memory, 0, VirtAddr(0), 4 << 20, RW, Binding::KERNEL).expect("room");
        tlb::switch_to(&space);
        for i in 0..8u64 {
            ktest_assert_eq!(store(at.0 + (i << 19) + 3, i as u8), Ok(()));
        }
        ktest_assert_eq!(space.query(at).map(|m| m.level), Some(1));
        ktest_assert_eq!(space.unmap(VirtAddr(at.0 + (1 << 19)), PAGE), Ok(()));
        ktest_assert_eq!(load(at.0 + (1 << 19) + 3), Err(()));
        for i in [0u64, 2, 3, 4, 5, 6, 7] {
            ktest_assert_eq!(load(at.0 + (i << 19) + 3), Ok(i as u8));
        }
        ktest_assert_eq!(space.query(at).map(|m| m.level), Some(0));
        drop((space, memory));
        frames::free(range);
        ktest_assert_eq!(in_use(), before);
    }

    fn gigabyte_pages_map_ram() {
        let space = Space::new();
        let ram = machine().memory.as_slice()[0].range.clone();
        let start = PhysAddr(ram.start & !((1 << 30) - 1));
        let window = Object(MemoryObject::new(Backing::Physical, 1 << 30, start).expect("memory"));
        let flags = MapFlags::USER_RODATA;
        let at = space.map_object(&window, 0, VirtAddr(0), 1 << 30, flags, Binding::KERNEL).expect("room");
        tlb::switch_to(&space);
        let probe = ram.start + (1 << 20) + 123;
        // SAFETY: RAM, read only.
        let expected = unsafe { PhysAddr(probe).as_ptr::<u8>().read_volatile() };
        ktest_assert_eq!(load(at.0 + (probe - start.0)), Ok(expected));
        ktest_assert_eq!(space.query(at).map(|m| m.level), Some(paging::largest_level()));
        ktest_assert_eq!(store(at.0, 1), Err(()));
    }

    fn guard_pages_stop_user_stacks() {
        let space = Space::new();
        let top = space.map_stack(4 * PAGE).expect("room");
        tlb::switch_to(&space);
        ktest_assert_eq!(store(top.0 - 1, 1), Ok(()));
        ktest_assert_eq!(store(top.0 - 4 * PAGE, 1), Ok(()));
        ktest_assert_eq!(store(top.0 - 4 * PAGE - 1, 1), Err(()));
        let below = top.0 - 4 * PAGE - 1;
        ktest_assert_eq!(space.handle_fault(below, Access::Write), Err(Error::BadAddress));
    }

    fn kernel_stacks_have_guards_and_come_back() {
        let before = in_use();
        let top = kernel_map::stack(4 * PAGE_SIZE).expect("memory");
        ktest_assert!(kernel_map::query(top - 1).is_some());
        ktest_assert!(kernel_map::query(top).is_none() && kernel_map::query(top - 4 * PAGE - 1).is_none());
        // SAFETY: the stack is ours and mapped.
        unsafe { ((top - 8) as *mut u64).write_volatile(1) };
        kernel_map::free_stack(top, 4 * PAGE_SIZE);
        ktest_assert!(kernel_map::query(top - 1).is_none());
        ktest_assert_eq!(in_use(), before);
    }

    fn what_a_user_claims_is_checked() {
        for (at, len) in [(USER_END, 1), (u64::MAX, 2), (1, u64::MAX), (0xffff_8000_0000_0000, 8), (USER_END - 1, 2)] {
            ktest_assert!(UserSlice::new(at, len).is_err(), "{at:#x}");
        }
        ktest_assert!(UserWord::new(BASE + 2).is_err());
        let space = Space::new();
        space.map_anonymous(VirtAddr(BASE), 2 * PAGE, RW).expect("room");
        tlb::switch_to(&space);
        let word = UserWord::new(BASE + PAGE - 4).expect("in user space");
        let slice = UserSlice::new(BASE + PAGE - 4, 4).expect("in user space");
        let mut bytes = 0x1234_5678u32.to_le_bytes();
        ktest_assert_eq!(slice.copy_out(&bytes), Ok(()));
        ktest_assert_eq!(slice.copy_in(&mut bytes), Ok(()));
        ktest_assert_eq!((u32::from_le_bytes(bytes), word.load()), (0x1234_5678, Ok(0x1234_5678)));
        ktest_assert_eq!(word.compare_exchange(0x1234_5678, 9), Ok(0x1234_5678));
        ktest_assert_eq!(word.compare_exchange(1, 2), Ok(9));
        // Across a page that is not there: an error, and the kernel goes on.
        let slice = UserSlice::new(BASE + 2 * PAGE - 8, 16).expect("in user space");
        let mut bytes = [0; 16];
        ktest_assert!(slice.copy_in(&mut bytes).is_err() && slice.copy_out(&bytes).is_err());
        ktest_assert!(slice.part(0, 8).is_ok_and(|p| p.copy_in(&mut bytes[..8]).is_ok()));
        let kernel = UserSlice::new(0xffff_ffff_8000_0000, 8);
        ktest_assert!(kernel.is_err());
    }

    fn spaces_leave_nothing_behind() {
        let before = in_use();
        let base = Space::new();
        base.map_anonymous(VirtAddr(BASE), 8 * PAGE, RW).expect("room");
        tlb::switch_to(&base);
        for i in 0..8 {
            ktest_assert_eq!(store(BASE + i * PAGE, 1), Ok(()));
        }
        for i in 0..10_000u64 {
            let child = Space::new();
            ktest_assert_eq!(base.fork_into(&child), Ok(()));
            tlb::switch_to(&child);
            ktest_assert_eq!(store(BASE + i % 8 * PAGE, 2), Ok(()));
        }
        drop(base);
        ktest_assert_eq!(in_use(), before);
    }

    fn an_allocation_may_fail_anywhere() {
        every_failure()?;
    }

    fn unmapping_reaches_cpus_that_use_the_space() {
        use_on_other_cpus()?;
    }

    fn cpus_share_frames_and_slabs() {
        stress_on_all_cpus()?;
    }
}

/// Maps, touches, forks and unmaps; everything is back afterwards.
fn workload() -> Result<(), Error> {
    let no_memory = |error| match error {
        Error::OutOfMemory => Error::OutOfMemory,
        _ => Error::InvalidArgument,
    };
    let space = Space(AddressSpace::create()?);
    let child = Space(AddressSpace::create()?);
    let memory = Object(MemoryObject::create(1200 * PAGE)?);
    space.map_anonymous(VirtAddr(BASE), 8 * PAGE, RW)?;
    let shared = space.map_object(&memory, 0, VirtAddr(0), 1200 * PAGE, RW, Binding::KERNEL)?;
    for at in [BASE, BASE + PAGE, shared.0, shared.0 + 1100 * PAGE] {
        space.handle_fault(at, Access::Write).map_err(no_memory)?;
    }
    space.map_stack(2 * PAGE)?;
    space.fork_into(&child)?;
    child.handle_fault(BASE, Access::Write).map_err(no_memory)?;
    child.unmap(VirtAddr(BASE + 3 * PAGE), PAGE)?;
    space.protect(VirtAddr(BASE + PAGE), PAGE, MapFlags::READ)
}

#[cfg(feature = "checks")]
fn every_failure() -> TestResult {
    inject::fail_nth(0);
    ktest_assert_eq!(workload(), Ok(()));
    let sites = inject::fail_nth(0);
    let before = in_use();
    let mut failed = 0;
    for n in 1..=sites {
        in_use();
        inject::fail_nth(n);
        let result = workload();
        inject::fail_nth(0);
        failed += result.is_err() as u64;
        ktest_assert!(
            matches!(result, Ok(()) | Err(Error::OutOfMemory)),
            "{result:?}"
        );
        ktest_assert!(
            in_use() == before,
            "leak when allocation {n} of {sites} fails"
        );
    }
    ktest_assert!(failed > 10, "{failed} of {sites} were noticed");
    Ok(())
}

/// Without injection the machine is filled up instead.
#[cfg(not(feature = "checks"))]
fn every_failure() -> TestResult {
    let before = in_use();
    ktest_assert!(!inject::refuse());
    let (list, _) = take_all();
    let result = workload();
    each(list, frames::free_one);
    ktest_assert_eq!(result, Err(Error::OutOfMemory));
    ktest_assert_eq!(in_use(), before);
    Ok(())
}

/// The space that other CPUs take in the test below.
static SHARED_SPACE: AtomicU64 = AtomicU64::new(0);
static SEEN: AtomicU64 = AtomicU64::new(0);

fn use_on_other_cpus() -> TestResult {
    fn enter(_: u64) {
        // SAFETY: the test keeps the space until every CPU has left it.
        tlb::switch_to(unsafe { &*(SHARED_SPACE.load(SeqCst) as *const AddressSpace) });
        SEEN.fetch_or((load(BASE) == Ok(7)) as u64 * cpu::current().bit(), SeqCst);
    }
    fn touch(_: u64) {
        SEEN.fetch_or(load(BASE).is_ok() as u64 * cpu::current().bit(), SeqCst);
    }
    fn change(_: u64) {
        SEEN.fetch_or(
            store(BASE + PAGE, 9).is_ok() as u64 * cpu::current().bit(),
            SeqCst,
        );
    }
    let before = in_use();
    let others = percpu::online_mask() & !cpu::current().bit();
    for _ in 0..20 {
        let space = Space::new();
        space
            .map_anonymous(VirtAddr(BASE), 2 * PAGE, RW)
            .expect("room");
        SHARED_SPACE.store(core::ptr::from_ref(&*space) as u64, SeqCst);
        tlb::switch_to(&space);
        ktest_assert_eq!((store(BASE, 7), store(BASE + PAGE, 8)), (Ok(()), Ok(())));
        let all = |function| {
            SEEN.store(0, SeqCst);
            smp::call(others, function, 0);
            SEEN.load(SeqCst)
        };
        ktest_assert_eq!(all(enter), others);
        ktest_assert_eq!(all(change), others);
        // A page that other CPUs have in their TLBs: read-only, then gone, on all of them.
        ktest_assert_eq!(
            space.protect(VirtAddr(BASE + PAGE), PAGE, MapFlags::READ),
            Ok(())
        );
        ktest_assert_eq!(all(change), 0);
        ktest_assert_eq!(space.unmap(VirtAddr(BASE), PAGE), Ok(()));
        ktest_assert_eq!(all(touch), 0);
        // The end of the space makes every CPU leave it.
        drop(space);
        let holds =
            |cpu: &percpu::PerCpu| cpu.space.load(SeqCst) as u64 == SHARED_SPACE.load(SeqCst);
        ktest_assert!(!percpu::cpus(others).any(holds));
    }
    ktest_assert_eq!(in_use(), before);
    Ok(())
}

/// Set when a CPU found something wrong.
static WRONG: AtomicBool = AtomicBool::new(false);

fn stress_on_all_cpus() -> TestResult {
    static OBJECTS: Cache<[u64; 6]> = Cache::new("stress objects");
    fn work(seed: u64) {
        let mut state =
            seed ^ (cpu::current().number() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut held = [const { None::<FrameRange> }; 24];
        let mut objects = [const { None::<NonNull<[u64; 6]>> }; 24];
        for _ in 0..4000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let slot = (state >> 20) as usize % 24;
            match held[slot].take() {
                Some(range) => {
                    // SAFETY: the frames are ours.
                    let mark = unsafe { range.start.as_ptr::<u64>().read_volatile() };
                    let wrong = mark != (range.start.0 ^ seed);
                    WRONG.fetch_or(wrong, SeqCst);
                    frames::free(range);
                }
                None => {
                    let count = if state % 7 == 0 {
                        (state >> 30) as usize % 600 + 1
                    } else {
                        1
                    };
                    if let Ok(range) = frames::allocate(Request::frames(count)) {
                        // SAFETY: as above.
                        unsafe {
                            range
                                .start
                                .as_ptr::<u64>()
                                .write_volatile(range.start.0 ^ seed)
                        };
                        held[slot] = Some(range);
                    }
                }
            }
            match objects[slot].take() {
                // SAFETY: allocated below and freed once.
                Some(object) => unsafe {
                    let wrong = *object.as_ptr() != [object.as_ptr() as u64; 6];
                    WRONG.fetch_or(wrong, SeqCst);
                    OBJECTS.free(object);
                },
                None => {
                    objects[slot] = OBJECTS.allocate().ok().map(|o| o.cast());
                    if let Some(object) = objects[slot] {
                        // SAFETY: ours, and large enough.
                        unsafe { object.write([object.as_ptr() as u64; 6]) };
                    }
                }
            }
            tlb::service();
        }
        held.into_iter().flatten().for_each(frames::free);
        // SAFETY: as above.
        objects
            .into_iter()
            .flatten()
            .for_each(|object| unsafe { OBJECTS.free(object) });
    }
    let before = in_use();
    WRONG.store(false, SeqCst);
    for _ in 0..8 {
        // All others at once, while this one works, too.
        smp::call(percpu::online_mask(), work, random().next());
        work(1);
    }
    ktest_assert!(!WRONG.load(SeqCst), "two owners of one frame or object");
    ktest_assert_eq!(in_use(), before);
    Ok(())
}
