//! Faults of user code.
//!
//! A fault that memory management cannot resolve goes as a message to the thread's fault handler, if it
//! has one: the thread waits as a caller does, and the reply says what becomes of it. Without a handler
//! the process ends with a report on the console.
//!
//! The message has the label `abi::fault::LABEL` and the words kind, address, pc, code. A reply with a word 0
//! of zero lets the thread go on where it was (the access is tried again); any other value ends its process.

use core::sync::atomic::Ordering;

use super::lifecycle;
use super::thread::Thread;
use super::wait::Claimed;
use crate::ipc::sync;
use crate::println;
use crate::trap::Fault;
use veridian_abi::fault;

/// Handles a fault of the current thread that nothing resolved.
pub fn raise(thread: &mut Thread, fault: &Fault) -> ! {
    let handler = thread.fault_handler.load(Ordering::Acquire);
    // SAFETY: the thread holds a use of its handler.
    if let Some(handler) = unsafe { handler.as_ref() } {
        let words = [fault.kind.facts().0, fault.address, fault.pc, fault.code];
        sync::send_fault(thread, handler, words);
    }
    end(thread, fault)
}

/// Reports and ends the process.
fn end(thread: &mut Thread, fault: &Fault) -> ! {
    // SAFETY: a running thread has a process.
    let process = unsafe { &*thread.process };
    let name = core::str::from_utf8(&process.name).unwrap_or("?");
    let name = name.trim_end_matches('\0');
    println!(
        "{name}: process {}, thread {} ended: {fault}",
        process.pid, thread.id
    );
    println!("{}", thread.frame);
    lifecycle::kill(process, fault::STATUS);
    lifecycle::die(thread)
}

/// Ends the wait of a faulting thread by the first word of its handler's answer.
pub fn answer(thread: Claimed, word: u64) {
    if word != 0 {
        // SAFETY: a thread that waits has a process.
        lifecycle::kill(unsafe { &*thread.process }, fault::STATUS);
    }
    // Its registers are as the fault left them.
    thread.go_on();
}
