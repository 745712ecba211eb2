//! System calls on processes.

use core::sync::atomic::Ordering::Relaxed;

use super::{Answer, Arguments, Done, Outcome, userspace};
use crate::cap::Checked;
use crate::process::pcb::{Life, Process, TREE};
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason};
use crate::process::{create, lifecycle};
use veridian_abi::Error;

pub fn process_start(_: &mut Thread, process: &Process, [_, argument, ..]: Arguments) -> Done {
    create::start(process, argument)
}

pub fn exit(thread: &mut Thread, [status, ..]: Arguments) -> Answer {
    // SAFETY: a running thread has a process.
    lifecycle::kill(unsafe { &*thread.process }, status as u8);
    lifecycle::die(thread)
}

pub fn process_wait(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Answer {
    let process: &Process = found.typed();
    let members = process.members.lock();
    if process.life() == Life::Zombie {
        drop(members);
        TREE.lock().orphan(process);
        return Ok(process.status.load(Relaxed) as u64);
    }
    let (what, via) = ((Reason::Exit, process.pid as u64), found.binding());
    wait::block(thread, what, via, info, members, |m| &mut m.waiters)
}

pub fn process_wait_any(
    thread: &mut Thread,
    found: Checked,
    [_, info, ..]: Arguments,
) -> Result<Outcome, Error> {
    let process: &Process = found.typed();
    let mut tree = TREE.lock();
    if let Some((pid, status)) = lifecycle::reap_any(process, &mut tree) {
        let (status, value) = (status as u64, pid as u64);
        return Ok(Outcome { status, value });
    }
    // A child that ends from here on needs this lock to tell.
    let members = process.members.lock();
    drop(tree);
    let (what, via) = ((Reason::Exit, 0), found.binding());
    wait::block(thread, what, via, info, members, |m| &mut m.child_waiters)
}

pub fn process_kill(_: &mut Thread, process: &Process, [_, status, ..]: Arguments) {
    lifecycle::kill(process, status as u8);
}

pub fn process_info(_: &mut Thread, process: &Process, arguments: Arguments) -> Answer {
    let [_, buffer, length, ..] = arguments;
    let threads = process.members.lock().count as u64;
    let memory = process.memory();
    let (resident, tables, regions) = memory.map_or((0, 0, 0), |m| m.space().usage());
    let words = [
        process.pid as u64,
        process.life() as u64,
        process.status.load(Relaxed) as u64,
        threads,
        resident as u64,
        tables as u64,
        regions as u64,
    ];
    userspace::write_words(buffer, length, &words, &[0u32; 0])
}
