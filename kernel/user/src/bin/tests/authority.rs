//! What every system call refuses: the whole table, by every kind of bad token.

use crate::harness::{Failure, TestResult, in_child, sleep};
use crate::{check, check_eq, tests};
use alloc::vec::Vec;
use veridian::abi::well_known::{
    ADDRESS_SPACE, CONSOLE, INITRD, MACHINE, NAMESPACE, PROCESS, THREAD,
};
use veridian::abi::{MessageInfo, number, protection, rights};
use veridian::ipc::{self, Channel, Endpoint, Message, Notification};
use veridian::{Error, process, sys};

/// A line of the table: what the first argument must be, if the call needs a capability.
struct Call {
    number: u64,
    name: &'static str,
    needs: Option<(&'static str, u8)>,
}

macro_rules! table {
    ($($(#[$doc:meta])* $number:literal $name:ident($($arg:ident),*) $authority:ident $(($type:ident, $rights:ident))?;)*) => {
        const CALLS: &[Call] = &[$(Call {
            number: $number,
            name: stringify!($name),
            needs: table!(@needs $($type $rights)?),
        }),*];
    };
    (@needs) => { None };
    (@needs $type:ident NONE) => { Some((stringify!($type), 0)) };
    (@needs $type:ident $rights:ident) => { Some((stringify!($type), rights::$rights)) };
}
veridian::abi::system_calls!(table);

/// A capability with all rights to an object of a type.
fn one(kind: &str) -> Result<u64, Failure> {
    Ok(match kind {
        "Process" | "Any" => PROCESS,
        "AddressSpace" => ADDRESS_SPACE,
        "Thread" => THREAD,
        "Console" => CONSOLE,
        "Namespace" => NAMESPACE,
        "Machine" => MACHINE,
        "Memory" => sys::memory_create(PROCESS, 4096).value()?,
        "Endpoint" => Endpoint::create()?.0,
        "Notification" => Notification::create()?.0,
        "Channel" => Channel::create(4)?.0,
        _ => return Err(Failure(alloc::format!("no object of type {kind}"))),
    })
}

/// A reply capability, whose caller waits in a process of its own.
fn reply() -> Result<(process::Process, u64), Failure> {
    let endpoint = Endpoint::create()?;
    let caller = process::spawn(move || u8::from(endpoint.call(Message::from([1])).is_ok()))?;
    endpoint.receive()?;
    Ok((caller, sys::reply_save(PROCESS).value()?))
}

/// A token whose slot another capability has by now, and that one's token.
fn stale() -> Result<(u64, u64), Failure> {
    let stale = sys::mint(PROCESS, rights::ALL.into(), 0).value()?;
    sys::delete(stale).check()?;
    Ok((stale, sys::mint(PROCESS, rights::ALL.into(), 0).value()?))
}

/// `arguments` with `token` in place `at`, and the error that must come of it.
fn refused(call: &Call, mut arguments: [u64; 6], at: usize, token: u64, with: Error) -> TestResult {
    arguments[at] = token;
    let got = sys::raw(call.number, arguments).check().err();
    check!(
        got == Some(with),
        "{} with {token:#x}: {got:?}, not {with:?}",
        call.name
    );
    Ok(())
}

/// Every way in which a token in one place can be wrong.
fn refuses(call: &Call, arguments: [u64; 6], at: usize, kind: &str, right: u8) -> TestResult {
    let (old, live) = stale()?;
    for missing in [0, u64::MAX, PROCESS | 1 << 63, PROCESS ^ 1 << 24, old] {
        refused(call, arguments, at, missing, Error::InvalidCapability)?;
    }
    check!(
        sys::identify(live).check().is_ok(),
        "{} harms a live slot",
        call.name
    );
    sys::delete(live).check()?;
    if kind != "Any" {
        for other in [
            "Process",
            "AddressSpace",
            "Thread",
            "Memory",
            "Endpoint",
            "Notification",
        ] {
            if other != kind {
                refused(call, arguments, at, one(other)?, Error::WrongType)?;
            }
        }
    }
    if right != 0 && kind != "Reply" {
        let weak = sys::mint(one(kind)?, u64::from(rights::ALL & !right), 0).value()?;
        refused(call, arguments, at, weak, Error::MissingRight)?;
    }
    Ok(())
}

fn call(number: u64) -> &'static Call {
    CALLS
        .iter()
        .find(|call| call.number == number)
        .expect("a number of the table")
}

tests! {
    fn every_call_refuses_missing_stale_foreign_and_weak_tokens() {
        let mut walked = 0;
        for call in CALLS {
            let Some((kind, right)) = call.needs else { continue };
            refuses(call, [0; 6], 0, kind, right)?;
            walked += 1;
        }
        check!(walked > 50, "only {walked} calls need a capability");
    }
    fn every_second_capability_is_checked_as_well() {
        let channel = one("Channel")?;
        let memory = one("Memory")?;
        let page = protection::READ;
        let second = [
            (number::map, [ADDRESS_SPACE, 0, 0, 0, 4096, page], "Memory", rights::READ),
            (number::channel_bind, [channel, 0, 1, 0, 0, 0], "Notification", rights::WRITE),
            (number::process_create, [PROCESS, 0, 0, 4096, 0, 0], "Memory", rights::READ),
            (number::exec, [PROCESS, 0, 0, 4096, 0, 0], "Memory", rights::READ),
            (number::grant, [PROCESS, 0, rights::ALL.into(), 0, 0, 0], "Any", rights::GRANT),
        ];
        for (number, arguments, kind, right) in second {
            refuses(call(number), arguments, 1, kind, right)?;
        }
        // No endpoint at all is the way to take a fault handler away.
        let (number, arguments) = (number::set_fault_handler, [THREAD, 0, 0, 0, 0, 0]);
        check!(sys::raw(number, arguments).check().is_ok());
        refused(call(number), arguments, 1, u64::MAX, Error::InvalidCapability)?;
        refused(call(number), arguments, 1, memory, Error::WrongType)?;
        let name = b"authority";
        let arguments = [NAMESPACE, name.as_ptr() as u64, name.len() as u64, 0, rights::ALL.into(), 0];
        refuses(call(number::register), arguments, 3, "Any", rights::GRANT)?;
    }
    fn a_process_without_capabilities_can_only_end_and_wait() {
        let foreign = [one("Memory")?, one("Endpoint")?];
        let status = in_child(|| {
            let every: Vec<u64> = (0..128u64).flat_map(|slot| (0..8).map(move |generation| generation << 24 | slot)).collect();
            for token in &every {
                sys::delete(*token);
            }
            let tokens = [0, u64::MAX, PROCESS, ADDRESS_SPACE, THREAD, CONSOLE, NAMESPACE, INITRD, MACHINE];
            for call in CALLS.iter().filter(|call| call.needs.is_some()) {
                for token in tokens.iter().chain(&foreign).chain(&every) {
                    let arguments = [*token, MessageInfo::NO_WAIT, 0, 0, 0, 0];
                    if sys::raw(call.number, arguments).check().err() != Some(Error::InvalidCapability) {
                        return call.number as u8 + 1;
                    }
                }
            }
            let lives = sys::clock().check().is_ok() && sys::yield_now().check().is_ok() && sys::whoami().check().is_ok()
                && sys::sleep_until(sys::clock().value + 1000).check().is_ok() && sys::null().check().is_ok();
            if lives { 0 } else { 255 }
        })?;
        check_eq!(status, Some(0));
    }
    fn calls_without_capability_touch_the_caller_alone() {
        let own: Vec<&str> = CALLS.iter().filter(|call| call.needs.is_none()).map(|call| call.name).collect();
        let known = ["reply", "exit", "thread_exit", "yield_now", "sleep_until", "clock", "set_tls", "whoami",
            "futex_wait", "futex_wake", "futex_lock", "futex_unlock", "futex_requeue", "null"];
        check_eq!(own, known);
    }
    fn a_process_can_be_killed_in_every_call() {
        let spared = [number::shutdown, number::cpu_online, number::cpu_offline, number::console_write, number::register];
        for call in CALLS.iter().filter(|call| !spared.contains(&call.number)) {
            let Ok(token) = call.needs.map_or(Ok(0), |(kind, _)| one(kind)) else { continue };
            for wait in [0, 40_000, 150_000] {
                let child = process::spawn(move || {
                    let place = sys::map_anonymous(ADDRESS_SPACE, 0, 8192, protection::READ | protection::WRITE).value;
                    for argument in [place, 1].into_iter().cycle() {
                        let got = sys::raw(call.number, [token, argument, 4096, 1, 4096, place]);
                        if call.number == number::fork && got.value == 0 {
                            sys::exit(0);
                        }
                    }
                    0
                })?;
                sleep(wait);
                let _ = child.kill(9);
                child.join()?;
            }
        }
    }
    fn a_reply_capability_answers_once() {
        let (caller, token) = reply()?;
        for bad in [0, PROCESS ^ 1 << 24] {
            refused(call(number::reply_to), [0; 6], 0, bad, Error::InvalidCapability)?;
        }
        sys::reply_to(token, 0, 0, 0, 0, 0).check()?;
        refused(call(number::reply_to), [0; 6], 0, token, Error::InvalidCapability)?;
        check_eq!(caller.join()?, 1);
        check_eq!(ipc::reply(Message::default()).err(), Some(Error::NoReplyExpected));
    }
}
