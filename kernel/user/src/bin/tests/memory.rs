//! Address spaces: demand-zero memory, protection, copy-on-write, memory objects.

use crate::harness::{Failure, in_child, sleep};
use crate::{check, check_eq, tests};
use veridian::abi::inheritance::{DROP, INHERIT_REDUCED};
use veridian::abi::protection::{EXECUTE, READ, WRITE};
use veridian::abi::well_known::{ADDRESS_SPACE, PROCESS};
use veridian::{Error, sys};

const PAGE: u64 = 4096;
const FAULT: Option<u64> = Some(veridian::abi::fault::STATUS as u64);

fn map(pages: u64) -> Result<u64, Error> {
    sys::map_anonymous(ADDRESS_SPACE, 0, pages * PAGE, READ | WRITE).value()
}

fn unmap(address: u64, pages: u64) -> Result<(), Error> {
    sys::unmap(ADDRESS_SPACE, address, pages * PAGE)
        .check()
        .map(drop)
}

fn get(address: u64) -> u64 {
    // SAFETY: the tests read only what they mapped, or mean to fault in a child.
    unsafe { (address as *const u64).read_volatile() }
}

fn put(address: u64, value: u64) {
    // SAFETY: as in `get`.
    unsafe { (address as *mut u64).write_volatile(value) };
}

/// Whether the page at `address`, which held 7 once, is still there.
fn is_mapped(address: u64) -> bool {
    sys::query(ADDRESS_SPACE, address).check().is_ok() && get(address) == 7
}

/// Maps a page of a memory object, forks, and has the child, then the parent do something with the
/// capability, which `before` may change. Result: whether the page is still mapped in the parent, and
/// in the child.
fn shared_by_fork(
    before: impl FnOnce(u64) -> u64,
    child: impl FnOnce(u64),
    parent: impl FnOnce(u64),
) -> Result<(bool, bool), Failure> {
    let map = |object| sys::map(ADDRESS_SPACE, object, 0, 0, PAGE, READ | WRITE).value();
    let (object, control) = (
        sys::memory_create(PROCESS, PAGE).value()?,
        sys::memory_create(PROCESS, PAGE).value()?,
    );
    let (at, turn) = (map(before(object))?, map(control)?);
    put(at, 7);
    let wait_for = |step| {
        while get(turn) != step {
            sleep(200_000);
        }
    };
    let process = sys::fork(PROCESS).value()?;
    if process == 0 {
        child(object);
        put(turn, 1);
        wait_for(2);
        sys::exit(is_mapped(at).into());
    }
    wait_for(1);
    parent(object);
    put(turn, 2);
    let in_child = sys::process_wait(process, 0).value()? == 1;
    Ok((is_mapped(at), in_child))
}

tests! {
    fn a_forked_child_maps_through_its_own_capability() {
        let (keep, nothing) = (|object| object, |_| ());
        let delete = |object| {
            sys::delete(object);
        };
        let revoke = |object| {
            sys::revoke(object);
        };
        check_eq!(shared_by_fork(keep, nothing, nothing)?, (true, true));
        check_eq!(shared_by_fork(keep, nothing, delete)?, (false, true));
        check_eq!(shared_by_fork(keep, nothing, revoke)?, (true, false));
        check_eq!(shared_by_fork(keep, delete, nothing)?, (true, false));
        check_eq!(shared_by_fork(keep, revoke, nothing)?, (true, true));
        // Deleted here first: the child's is nobody's descendant then.
        check_eq!(shared_by_fork(keep, nothing, |object| { delete(object); revoke(object) })?, (false, true));
        // Mapped through a descendant of what is deleted or revoked.
        let mint = |object| sys::mint(object, READ | WRITE, 0).value;
        check_eq!(shared_by_fork(mint, nothing, delete)?, (true, true));
        check_eq!(shared_by_fork(mint, nothing, revoke)?, (false, false));
    }
    fn what_a_fork_does_not_inherit_it_does_not_map() {
        let nothing = |_| ();
        let with = |policy| move |object| { let _ = sys::set_inheritance(object, policy); object };
        check_eq!(shared_by_fork(with(DROP), nothing, nothing)?, (true, false));
        check_eq!(shared_by_fork(with(INHERIT_REDUCED), nothing, nothing)?, (true, true));
        // Read, but not write, what is inherited reduced.
        let object = sys::memory_create(PROCESS, PAGE).value()?;
        let at = sys::map(ADDRESS_SPACE, with(INHERIT_REDUCED)(object), 0, 0, PAGE, READ | WRITE).value()?;
        put(at, 7);
        check_eq!(in_child(|| get(at) as u8)?, Some(7));
        check_eq!(in_child(|| { put(at, 8); 0 })?, FAULT);
        let more = || sys::protect(ADDRESS_SPACE, at, PAGE, READ | WRITE).check().err();
        check_eq!(in_child(|| (more() == Some(Error::MissingRight)) as u8)?, Some(1));
        check_eq!(get(at), 7);
    }
    fn new_memory_is_zero() {
        let at = map(64)?;
        for offset in (0..64 * PAGE).step_by(8) {
            check_eq!(get(at + offset), 0);
        }
        unmap(at, 64)?;
    }
    fn memory_keeps_what_was_written() {
        let at = map(128)?;
        for page in 0..128 {
            put(at + page * PAGE + page * 8, page ^ 0xabcd);
        }
        for page in 0..128 {
            check_eq!(get(at + page * PAGE + page * 8), page ^ 0xabcd);
        }
        unmap(at, 128)?;
    }
    fn memory_is_zero_again_after_reuse() {
        for _ in 0..10 {
            let at = map(16)?;
            for page in 0..16 {
                check_eq!(get(at + page * PAGE), 0);
                put(at + page * PAGE, u64::MAX);
            }
            unmap(at, 16)?;
        }
    }
    fn unmapped_memory_faults() {
        let at = map(2)?;
        put(at, 1);
        unmap(at, 2)?;
        check_eq!(in_child(|| get(at) as u8)?, FAULT);
    }
    fn holes_fault_and_neighbours_stay() {
        let at = map(3)?;
        (0..3).for_each(|page| put(at + page * PAGE, page + 1));
        unmap(at + PAGE, 1)?;
        check_eq!((get(at), get(at + 2 * PAGE)), (1, 3));
        check_eq!(in_child(|| get(at + PAGE) as u8)?, FAULT);
        unmap(at, 1)?;
        unmap(at + 2 * PAGE, 1)?;
    }
    fn read_only_memory_cannot_be_written() {
        let at = map(1)?;
        put(at, 77);
        sys::protect(ADDRESS_SPACE, at, PAGE, READ).check()?;
        check_eq!(get(at), 77);
        check_eq!(in_child(|| { put(at, 1); 0 })?, FAULT);
        sys::protect(ADDRESS_SPACE, at, PAGE, READ | WRITE).check()?;
        put(at, 78);
        check_eq!(get(at), 78);
        unmap(at, 1)?;
    }
    fn writable_and_executable_is_refused() {
        let all = sys::map_anonymous(ADDRESS_SPACE, 0, PAGE, READ | WRITE | EXECUTE);
        check!(all.check().is_err());
        let at = map(1)?;
        check!(sys::protect(ADDRESS_SPACE, at, PAGE, READ | WRITE | EXECUTE).check().is_err());
        put(at, 5);
        check_eq!(get(at), 5);
        unmap(at, 1)?;
    }
    fn kernel_addresses_cannot_be_mapped() {
        for at in [0xffff_8000_0000_0000u64, 0x0000_8000_0000_0000, 0x0000_7fff_ffff_f000, u64::MAX - 4095] {
            check!(sys::map_anonymous(ADDRESS_SPACE, at, PAGE, READ | WRITE).check().is_err());
        }
    }
    fn odd_ranges_are_refused() {
        check!(sys::map_anonymous(ADDRESS_SPACE, 0, 0, READ).check().is_err());
        check!(sys::map_anonymous(ADDRESS_SPACE, 0x1234_5001, PAGE, READ).check().is_err());
        check!(sys::map_anonymous(ADDRESS_SPACE, 0, u64::MAX, READ).check().is_err());
        check!(sys::unmap(ADDRESS_SPACE, 1, PAGE).check().is_err());
    }
    fn a_place_is_given_once() {
        let at = map(4)?;
        let again = sys::map_anonymous(ADDRESS_SPACE, at + PAGE, PAGE, READ | WRITE).check();
        check!(again.is_err(), "an overlapping mapping was accepted");
        unmap(at, 4)?;
        let back = sys::map_anonymous(ADDRESS_SPACE, at, PAGE, READ | WRITE).value()?;
        check_eq!(back, at);
        unmap(at, 1)?;
    }
    fn forked_memory_is_copied_on_write() {
        let at = map(8)?;
        (0..8).for_each(|page| put(at + page * PAGE, 100 + page));
        let child = in_child(|| {
            let inherited = (0..8).all(|page| get(at + page * PAGE) == 100 + page);
            (0..8).for_each(|page| put(at + page * PAGE, 200 + page));
            let written = (0..8).all(|page| get(at + page * PAGE) == 200 + page);
            u8::from(!(inherited && written))
        })?;
        check_eq!(child, Some(0));
        check!((0..8).all(|page| get(at + page * PAGE) == 100 + page), "the child wrote here");
        unmap(at, 8)?;
    }
    fn parent_writes_after_fork_are_not_seen_by_the_child() {
        let at = map(1)?;
        put(at, 1);
        let child = sys::fork(PROCESS).value()?;
        if child == 0 {
            crate::harness::sleep(3_000_000);
            sys::exit(get(at));
        }
        put(at, 2);
        check_eq!(sys::process_wait(child, 0).value()?, 1);
        sys::delete(child).check()?;
        unmap(at, 1)?;
    }
    fn grandchildren_share_nothing_either() {
        let at = map(1)?;
        put(at, 10);
        let status = in_child(|| {
            put(at, 20);
            let inner = in_child(|| {
                put(at, 30);
                get(at) as u8
            });
            u8::from(!matches!(inner, Ok(Some(30))) || get(at) != 20)
        })?;
        check_eq!(status, Some(0));
        check_eq!(get(at), 10);
        unmap(at, 1)?;
    }
    fn memory_objects_are_the_same_memory_everywhere() {
        let object = sys::memory_create(PROCESS, 2 * PAGE).value()?;
        let map = || sys::map(ADDRESS_SPACE, object, 0, 0, 2 * PAGE, READ | WRITE).value();
        let (one, two) = (map()?, map()?);
        check!(one != two);
        put(one + PAGE, 4711);
        check_eq!(get(two + PAGE), 4711);
        put(two, 42);
        check_eq!(get(one), 42);
        unmap(one, 2)?;
        check_eq!(get(two), 42);
        unmap(two, 2)?;
        sys::delete(object).check()?;
    }
    fn memory_object_has_its_size() {
        for pages in [1, 3, 100] {
            let object = sys::memory_create(PROCESS, pages * PAGE).value()?;
            check_eq!(sys::memory_size(object).value()?, pages * PAGE);
            check!(sys::map(ADDRESS_SPACE, object, pages * PAGE, 0, PAGE, READ).check().is_err());
            sys::delete(object).check()?;
        }
    }
    fn object_mapped_read_only_stays_so() {
        let object = sys::memory_create(PROCESS, PAGE).value()?;
        let at = sys::map(ADDRESS_SPACE, object, 0, 0, PAGE, READ).value()?;
        check_eq!(get(at), 0);
        check_eq!(in_child(|| { put(at, 1); 0 })?, FAULT);
        unmap(at, 1)?;
        sys::delete(object).check()?;
    }
    fn right_to_write_is_needed_to_map_for_writing() {
        let object = sys::memory_create(PROCESS, PAGE).value()?;
        let reader = sys::mint(object, veridian::abi::rights::READ.into(), 0).value()?;
        let refused = sys::map(ADDRESS_SPACE, reader, 0, 0, PAGE, READ | WRITE).check();
        check_eq!(refused.err(), Some(Error::MissingRight));
        let at = sys::map(ADDRESS_SPACE, reader, 0, 0, PAGE, READ).value()?;
        unmap(at, 1)?;
        sys::delete(object).check()?;
    }
    fn query_tells_what_is_mapped() {
        let at = map(1)?;
        put(at, 1);
        check!(sys::query(ADDRESS_SPACE, at).check().is_ok());
        unmap(at, 1)?;
        check!(sys::query(ADDRESS_SPACE, at).check().is_err());
    }
    fn a_thousand_mappings_come_and_go() {
        for round in 0..1000u64 {
            let pages = 1 + round % 5;
            let at = map(pages)?;
            put(at, round);
            check_eq!(get(at), round);
            unmap(at, pages)?;
        }
    }
}
