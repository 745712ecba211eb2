use std::sync::atomic::Ordering::SeqCst;

use super::Machine;
use crate::arch::paging::{self, FLUSHES};
use crate::mm::fault::Access;
use crate::mm::vas::AddressSpace;
use crate::mm::{MapFlags, VirtAddr, frames};
use crate::mm::{shadow, tlb};

const BASE: u64 = 0x4000_0000;

/// A space with one page touched, active on this CPU and on another.
fn two_cpus(machine: &Machine) -> &'static AddressSpace {
    let space = AddressSpace::create().unwrap();
    // SAFETY: the tests release it or leave it to the machine's end.
    let space = unsafe { space.as_ref() };
    space
        .map_anonymous(VirtAddr(BASE), 0x10000, MapFlags::USER_DATA)
        .unwrap();
    space.handle_fault(BASE, Access::Write).unwrap();
    let other = machine.other_cpu();
    other
        .space
        .store(std::ptr::from_ref(space).cast_mut(), SeqCst);
    shadow::switched(other, space.tlb.asid);
    tlb::switch_to(space);
    space
}

#[test]
fn unmapping_reaches_the_other_cpu_before_the_frame_is_free() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    let space = two_cpus(&machine);
    let pages = FLUSHES[0].load(SeqCst);
    let spaces = FLUSHES[1].load(SeqCst);
    let checked = shadow::CHECKED.load(SeqCst);
    space.unmap(VirtAddr(BASE), 0x1000).unwrap();
    let flushed = FLUSHES[0].load(SeqCst) - pages + FLUSHES[1].load(SeqCst) - spaces;
    assert_eq!(flushed, 2, "one flush on each CPU");
    assert_eq!(
        shadow::CHECKED.load(SeqCst),
        checked,
        "an old translation was left"
    );
}

#[test]
#[should_panic(expected = "may reach it")]
fn a_frame_that_a_cpu_may_reach_is_not_reused() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    let space = two_cpus(&machine);
    let frame = space.translate(VirtAddr(BASE)).unwrap();
    shadow::removed(space, &[(BASE, frame, 0)]);
    frames::free_one(frame);
}

#[test]
#[should_panic(expected = "may reach it")]
fn a_flush_on_one_cpu_is_not_enough() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    let space = two_cpus(&machine);
    let frame = space.translate(VirtAddr(BASE)).unwrap();
    shadow::removed(space, &[(BASE, frame, 0)]);
    shadow::flushed(crate::arch::cpu::current().bit(), 0, BASE, BASE + 0x1000);
    frames::free_one(frame);
}

#[test]
fn the_end_of_a_space_makes_every_cpu_leave_it() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    let space = two_cpus(&machine);
    // SAFETY: the reference of `create`; not used afterwards.
    unsafe { AddressSpace::release(std::ptr::NonNull::from(space)) };
    assert!(machine.other_cpu().space.load(SeqCst).is_null());
    assert!(crate::arch::cpu::current().space.load(SeqCst).is_null());
}

#[test]
fn a_cpu_that_left_flushes_when_it_comes_back() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    paging::NUMBERS.store(64, SeqCst);
    tlb::init();
    let space = two_cpus(&machine);
    assert_ne!(space.tlb.asid, 0);
    // The other CPU goes elsewhere; with numbers it keeps the translations.
    let other = machine.other_cpu();
    other.space.store(std::ptr::null_mut(), SeqCst);
    let before = FLUSHES[1].load(SeqCst);
    space.unmap(VirtAddr(BASE + 0x1000), 0x1000).unwrap();
    assert_eq!(FLUSHES[1].load(SeqCst), before, "nobody was disturbed");
    // This CPU plays the one that comes back.
    let this = crate::arch::cpu::current();
    this.space.store(std::ptr::null_mut(), SeqCst);
    tlb::switch_to(space);
    assert_eq!(
        FLUSHES[1].load(SeqCst),
        before,
        "this CPU has flushed already"
    );
    tlb::init();
}

#[test]
fn numbers_are_reused_only_after_everything_was_flushed() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    paging::NUMBERS.store(64, SeqCst);
    tlb::init();
    let everything = FLUSHES[2].load(SeqCst);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let space = AddressSpace::create().unwrap();
        // SAFETY: the reference of `create`.
        let asid = unsafe { space.as_ref() }.tlb.asid;
        assert_ne!(asid, 0);
        seen.insert(asid);
        // SAFETY: as above; not used afterwards.
        unsafe {
            tlb::switch_to(space.as_ref());
            AddressSpace::release(space);
        }
    }
    assert!(seen.len() <= 63);
    assert!((3..=4).contains(&(FLUSHES[2].load(SeqCst) - everything)));
    // More spaces than numbers: the rest shares 0 and flushes at every switch.
    let spaces: std::vec::Vec<_> = (0..70).map(|_| AddressSpace::create().unwrap()).collect();
    // SAFETY: the references of `create`.
    let shared: std::vec::Vec<_> = spaces
        .iter()
        .map(|s| unsafe { s.as_ref() })
        .filter(|s| s.tlb.asid == 0)
        .collect();
    assert!(shared.len() >= 7);
    let before = FLUSHES[1].load(SeqCst);
    shared.iter().for_each(|space| tlb::switch_to(space));
    assert_eq!(FLUSHES[1].load(SeqCst) - before, shared.len() as u64);
    // SAFETY: as above.
    spaces
        .into_iter()
        .for_each(|space| unsafe { AddressSpace::release(space) });
    paging::NUMBERS.store(1, SeqCst);
    tlb::init();
}
