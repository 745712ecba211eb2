//! Allocations that fail: for every call that allocates, the first, second, … allocation that it makes
//! fails, until it makes no more. Each failure is an error for the caller and leaves nothing behind.

use crate::harness::{Counters, Failure, in_child};
use crate::{check, check_eq, tests};
use veridian::abi::protection::{READ, WRITE};
use veridian::abi::rights;
use veridian::abi::well_known::{ADDRESS_SPACE, INITRD, MACHINE, PROCESS, THREAD};
use veridian::initrd::{File, Initrd};
use veridian::ipc::{Endpoint, Message};
use veridian::{Error, Result, sys};

const PAGE: u64 = 4096;
/// Nothing else is mapped around here.
const BASE: u64 = 0x6000_0000_0000;
/// No call makes more allocations.
const MOST: u64 = 2000;

/// Makes the `n`-th allocation of this CPU from now on fail (0: none); how many there were since the last call.
fn fail(n: u64) -> u64 {
    sys::kernel_info(MACHINE, n, u64::MAX).value
}

/// Goes to one of these CPUs.
fn on(cpus: u64) {
    sys::set_affinity(THREAD, cpus);
    sys::yield_now();
}

/// Does `run` with every one of its allocations failing in turn; `undo` gets what a run that succeeds
/// yields. A run that fails, or is undone, leaves nothing behind. Result: how many allocations there are.
fn every_failure(
    what: &str,
    mut run: impl FnMut() -> Result<u64>,
    mut undo: impl FnMut(u64),
) -> core::result::Result<u64, Failure> {
    undo(run()?);
    on(1);
    for n in 1..MOST {
        let before = Counters::read();
        fail(n);
        let got = run();
        let seen = fail(0);
        match got {
            Ok(value) => undo(value),
            Err(error) => check!(
                error == Error::OutOfMemory && seen >= n,
                "{what}, allocation {n} of {seen}: {error:?}"
            ),
        }
        let after = Counters::settle(before);
        check!(
            after == before,
            "{what}, allocation {n} of {seen}: leaves {after}; found {before}"
        );
        if seen < n {
            return Ok(seen);
        }
    }
    Err(Failure(alloc::format!("{what} never succeeds")))
}

/// How `in_children` hears that a call was refused for want of memory, or otherwise.
const REFUSED: u8 = 201;
const WRONG: u8 = 202;

/// The same in a child for each failure, for calls after which any instruction may need memory: the want
/// of it then ends the process. Result: how many calls were refused.
fn in_children(what: &str, run: impl Fn() -> u8) -> core::result::Result<u64, Failure> {
    let online = sys::cpu_info(MACHINE).check()?.words[0];
    // The children are on the first CPU, this process on others, where there are any.
    let elsewhere = if online == 1 { 1 } else { online & !1 };
    let (status, mut refused) = (in_child(&run)?, 0);
    for n in 1..MOST {
        on(elsewhere);
        let before = Counters::read();
        let got = in_child(|| {
            on(1);
            fail(n);
            run()
        })?;
        on(1);
        let seen = fail(0);
        check!(
            got.is_some_and(|status| status != u64::from(WRONG)),
            "{what}, allocation {n} of {seen}"
        );
        refused += u64::from(got == Some(REFUSED.into()));
        check_eq!(Counters::settle(before), before);
        if seen < n {
            check_eq!(got, status);
            return Ok(refused);
        }
    }
    Err(Failure(alloc::format!("{what} never succeeds")))
}

fn delete(token: u64) {
    sys::delete(token);
}

/// Ends a process, and its capability.
fn end(process: u64) {
    sys::process_kill(process, 0);
    sys::process_wait(process, 0);
    sys::delete(process);
}

/// Does `then` with a new object, which goes if that fails.
fn with(object: u64, gone: fn(u64), then: impl FnOnce(u64) -> Result<u64>) -> Result<u64> {
    then(object).inspect_err(|_| gone(object))?;
    Ok(object)
}

/// Where the program `exit` is, which ends with its argument as its status.
fn program() -> Result<File> {
    Initrd::open()?.find("exit")
}

fn new_process(file: File) -> Result<u64> {
    sys::process_create(PROCESS, INITRD, file.offset, file.length, 0, 0).value()
}

tests! {
    fn creating_objects() {
        let file = program()?;
        let all = [
            every_failure("endpoint_create", || sys::endpoint_create(PROCESS, 0).value(), delete)?,
            every_failure("endpoint_create with a ring", || sys::endpoint_create(PROCESS, 8).value(), delete)?,
            every_failure("notification_create", || sys::notification_create(PROCESS).value(), delete)?,
            every_failure("channel_create", || sys::channel_create(PROCESS, 64).value(), delete)?,
            every_failure("memory_create", || sys::memory_create(PROCESS, 9 * PAGE).value(), delete)?,
            every_failure("namespace_create", || sys::namespace_create(PROCESS).value(), delete)?,
            every_failure("process_create", || new_process(file), end)?,
        ];
        check!(all.iter().all(|allocations| *allocations > 0), "nothing was allocated: {all:?}");
    }
    fn creating_a_thread() {
        extern "C" fn ends() -> ! {
            sys::thread_exit(0);
            unreachable!("a thread that has ended")
        }
        let stack = sys::map_anonymous(ADDRESS_SPACE, 0, 4 * PAGE, READ | WRITE).value()?;
        let (entry, top) = (ends as *const () as u64, stack + 4 * PAGE - 64);
        let create = || sys::thread_create(PROCESS, entry, top, 0, 0, 0).value();
        let allocations = every_failure("thread_create", create, |thread| {
            sys::thread_join(thread, 0);
            delete(thread);
        })?;
        check!(allocations > 0);
    }
    fn mapping() {
        let object = sys::memory_create(PROCESS, 4 * PAGE).value()?;
        let unmap = |_| { sys::unmap(ADDRESS_SPACE, BASE, 4 * PAGE); };
        let anonymous = || sys::map_anonymous(ADDRESS_SPACE, BASE, 4 * PAGE, READ | WRITE).value();
        let map = |length| sys::map(ADDRESS_SPACE, object, 0, BASE, length, READ | WRITE).value();
        // The frame of the one page stays with the object.
        unmap(map(PAGE)?);
        let all = [
            every_failure("map_anonymous", anonymous, unmap)?,
            every_failure("map", || map(4 * PAGE), unmap)?,
            every_failure("map of one page", || map(PAGE), unmap)?,
            every_failure("unmap", || with(anonymous()?, unmap,
                |_| sys::unmap(ADDRESS_SPACE, BASE + PAGE, PAGE).value()), unmap)?,
            every_failure("protect", || with(anonymous()?, unmap,
                |_| sys::protect(ADDRESS_SPACE, BASE + PAGE, PAGE, READ).value()), unmap)?,
        ];
        check!(all[2] > all[1] && all[3] > all[0] && all[4] > all[0], "too few allocations: {all:?}");
    }
    fn growing_a_capability_space() {
        let file = program()?;
        // So many that the space needs further chunks of slots, and a directory of its own.
        let fill = || with(new_process(file)?, end, |process| {
            (0..600).try_fold(0, |_, _| sys::grant(process, PROCESS, 0, 0).value())
        });
        let alone = every_failure("process_create", || new_process(file), end)?;
        let all = every_failure("grant", fill, end)?;
        check!(all >= alone + 9, "{all} allocations, {alone} of them without grants");
    }
    fn starting_and_forking() {
        let file = program()?;
        let start = || with(new_process(file)?, end, |process| sys::process_start(process, 0).value());
        every_failure("process_start", start, end)?;
        let fork = || match sys::fork(PROCESS).value() {
            Ok(0) => 0,
            Ok(child) => {
                sys::process_wait(child, 0);
                0
            }
            Err(Error::OutOfMemory) => REFUSED,
            Err(_) => WRONG,
        };
        let failed = in_children("fork", fork)?;
        check!(failed > 10, "only {failed} allocations of fork failed");
    }
    fn replacing_the_program() {
        let file = program()?;
        let exec = || match sys::exec(PROCESS, INITRD, file.offset, file.length, 0).check() {
            Err(Error::OutOfMemory) => REFUSED,
            _ => WRONG,
        };
        let failed = in_children("exec", exec)?;
        check!(failed > 3, "only {failed} allocations of exec failed");
    }
    fn messages_and_names() {
        let memory = sys::memory_create(PROCESS, PAGE).value()?;
        let ring = || sys::endpoint_create(PROCESS, 4).value();
        let post = |endpoint| {
            let message = Message::from([1]).with_cap(memory, rights::READ);
            Endpoint(endpoint).post(message).map(|()| 0)
        };
        let register = |namespace| {
            let name = b"a name";
            let (at, length) = (name.as_ptr() as u64, name.len() as u64);
            sys::register(namespace, at, length, memory, rights::READ.into()).value()
        };
        let create = || sys::namespace_create(PROCESS).value();
        let alone = every_failure("endpoint_create", ring, delete)?;
        let all = [
            every_failure("send_buffered", || with(ring()?, delete, post), delete)?,
            every_failure("endpoint_limit", || with(ring()?, delete, |endpoint|
                sys::endpoint_limit(endpoint, 4, 1000, 1).value()), delete)?,
            every_failure("register", || with(create()?, delete, register), delete)?,
        ];
        check!(all[0] > alone && all[2] > 1, "too few allocations: {all:?}, {alone} for the ring");
    }
}
