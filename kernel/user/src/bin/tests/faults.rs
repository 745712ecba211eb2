//! Faults that go to a handler, and processes that die in the middle of whatever they do.

use crate::harness::{Failure, in_child, sleep};
use crate::{check, check_eq, tests};
use core::hint::black_box;
use veridian::abi::protection::{READ, WRITE};
use veridian::abi::well_known::{ADDRESS_SPACE, THREAD};
use veridian::abi::{fault, rights};
use veridian::ipc::{self, Endpoint, Message, Received};
use veridian::process::Process;
use veridian::thread::{self, Thread};
use veridian::{process, sys};

const PAGE: u64 = 4096;
const PLACE: u64 = 0x3000_0000_0000;
/// Kinds of fault: the first word.
const READING: u64 = 0;
const WRITING: u64 = 1;

fn load(address: u64) -> u64 {
    // SAFETY: the handler maps the page, or the process ends.
    black_box(unsafe { (address as *const u64).read_volatile() })
}

fn store(address: u64, value: u64) {
    // SAFETY: as in `load`.
    unsafe { (address as *mut u64).write_volatile(value) }
}

/// A thread whose faults go to `handler`, started when the handler is set.
fn handled(handler: Endpoint, body: fn() -> u64) -> veridian::Result<Thread<u64>> {
    let ready = veridian::ipc::Notification::create()?;
    let thread = thread::spawn(move || {
        let _ = ready.wait();
        body()
    })?;
    sys::set_fault_handler(thread.token(), handler.0).check()?;
    ready.signal(1)?;
    Ok(thread)
}

fn next(handler: Endpoint) -> Result<Received, Failure> {
    let received = handler.receive()?;
    check_eq!(received.message.label, fault::LABEL);
    check_eq!(received.message.length, 4);
    check!(received.message.words[2] != 0, "no pc");
    Ok(received)
}

/// A process whose only thread stores to nowhere, with its faults sent to `handler`.
fn doomed(handler: Endpoint) -> veridian::Result<Process> {
    process::spawn(move || {
        sys::set_fault_handler(THREAD, handler.0);
        store(PLACE, 1);
        7
    })
}

tests! {
    fn a_handler_maps_the_page_and_the_thread_goes_on() {
        let handler = Endpoint::create()?;
        let thread = handled(handler, || {
            store(PLACE + 8, 77);
            load(PLACE + 8) + load(PLACE + PAGE)
        })?;
        for (kind, address) in [(WRITING, PLACE + 8), (READING, PLACE + PAGE)] {
            let fault = next(handler)?.message.words;
            check_eq!((fault[0], fault[1]), (kind, address));
            sys::map_anonymous(ADDRESS_SPACE, address & !(PAGE - 1), PAGE, READ | WRITE).check()?;
            ipc::reply(Message::from([0]))?;
        }
        check_eq!(thread.join()?, 77);
    }
    fn a_fault_that_is_not_mended_comes_again() {
        let handler = Endpoint::create()?;
        let thread = handled(handler, || load(PLACE))?;
        let first = next(handler)?.message.words;
        ipc::reply(Message::from([0]))?;
        check_eq!(next(handler)?.message.words, first);
        sys::map_anonymous(ADDRESS_SPACE, PLACE, PAGE, READ).check()?;
        ipc::reply(Message::from([0]))?;
        check_eq!(thread.join()?, 0);
    }
    fn a_handler_can_end_the_process() {
        let handler = Endpoint::create()?;
        let child = doomed(handler)?;
        next(handler)?;
        ipc::reply(Message::from([1]))?;
        check_eq!(child.join()?, fault::STATUS);
    }
    fn the_badge_tells_whose_fault_it_is() {
        let handler = Endpoint::create()?;
        let badged = handler.mint(rights::WRITE, 4711)?;
        let child = doomed(badged)?;
        check_eq!(next(handler)?.badge, 4711);
        ipc::reply(Message::from([1]))?;
        check_eq!(child.join()?, fault::STATUS);
    }
    fn a_closed_handler_is_as_good_as_none() {
        let handler = Endpoint::create()?;
        handler.close()?;
        check_eq!(doomed(handler)?.join()?, fault::STATUS);
    }
    fn closing_a_handler_ends_those_that_wait_for_it() {
        let handler = Endpoint::create()?;
        let child = doomed(handler)?;
        sleep(2_000_000);
        handler.close()?;
        check_eq!(child.join()?, fault::STATUS);
    }
    fn a_handler_that_is_taken_away_is_not_asked() {
        let handler = Endpoint::create()?;
        let status = in_child(|| {
            sys::set_fault_handler(THREAD, handler.0);
            sys::set_fault_handler(THREAD, 0);
            store(PLACE, 1);
            7
        })?;
        check_eq!(status, Some(fault::STATUS.into()));
        let none = handler.receive_with(veridian::abi::MessageInfo::NO_WAIT);
        check_eq!(none.err(), Some(veridian::Error::WouldBlock));
    }
    fn a_thread_that_waits_for_its_handler_can_be_killed() {
        let handler = Endpoint::create()?;
        let child = doomed(handler)?;
        sleep(1_000_000);
        child.kill(5)?;
        check_eq!(child.join()?, 5);
        let child = doomed(handler)?;
        next(handler)?;
        child.kill(6)?;
        check_eq!(child.join()?, 6);
        check_eq!(ipc::reply(Message::from([0])).err(), Some(veridian::Error::NoReplyExpected));
    }
    fn when_a_handler_dies_the_next_one_gets_the_same_fault() {
        let handler = Endpoint::create()?;
        let server = process::spawn(move || u8::from(handler.receive().is_err()))?;
        let child = doomed(handler)?;
        check_eq!(server.join()?, 0);
        let fault = next(handler)?.message.words;
        check_eq!((fault[0], fault[1]), (WRITING, PLACE));
        ipc::reply(Message::from([1]))?;
        check_eq!(child.join()?, fault::STATUS);
    }
}
