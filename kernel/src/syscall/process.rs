//! System calls on processes.

use core::sync::atomic::Ordering::Relaxed;

use super::{Arguments, Outcome, userspace};
use crate::cap::{Checked, Kind, Rights};
use crate::process::elf::Image;
use crate::process::objects::Memory;
use crate::process::pcb::{Life, Process, TREE};
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason};
use crate::process::{create, fork, lifecycle};
use veridian_abi::Error;

fn image<'a>(thread: &'a Thread, token: u64, offset: u64, length: u64) -> Result<Image<'a>, Error> {
    let found = thread.capability(token, Kind::Memory, Rights::READ | Rights::EXECUTE)?;
    Ok(Image {
        memory: found.typed::<Memory>().memory(),
        offset,
        length,
    })
}

pub fn process_create(
    thread: &mut Thread,
    found: Checked,
    [_, memory, offset, length, ..]: Arguments,
) -> Outcome {
    let create = || {
        create::process(
            found.typed::<Process>(),
            &image(thread, memory, offset, length)?,
        )
    };
    create().into()
}

pub fn process_start(_: &mut Thread, found: Checked, [_, argument, ..]: Arguments) -> Outcome {
    create::start(found.typed::<Process>(), argument).into()
}

pub fn fork(thread: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    fork::fork(thread, found.typed::<Process>()).into()
}

pub fn exec(
    thread: &mut Thread,
    found: Checked,
    [_, memory, offset, length, argument, _]: Arguments,
) -> Outcome {
    let process = found.typed::<Process>();
    let (memory, offset, length) = match image(thread, memory, offset, length) {
        Ok(image) => (
            core::ptr::from_ref(image.memory),
            image.offset,
            image.length,
        ),
        Err(error) => return Err::<u64, _>(error).into(),
    };
    // SAFETY: the memory object is alive for the length of the operation: `exec` takes a use first.
    let memory = unsafe { &*memory };
    create::exec(thread, process, memory, offset, length, argument).into()
}

pub fn exit(thread: &mut Thread, [status, ..]: Arguments) -> Outcome {
    // SAFETY: a running thread has a process.
    lifecycle::kill(unsafe { &*thread.process }, status as u8);
    lifecycle::die(thread)
}

pub fn process_wait(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Outcome {
    let process = found.typed::<Process>();
    let mut members = process.members();
    if process.life() == Life::Zombie {
        drop(members);
        lifecycle::reap(process);
        return Ok::<u64, Error>(process.status.load(Relaxed) as u64).into();
    }
    wait::block(
        thread,
        Reason::Exit,
        process.pid as u64,
        found.binding(),
        info,
        |thread| {
            // SAFETY: the process's lock is held; the thread is running, so in no list.
            unsafe { members.waiters.insert(thread, process.wait_lock()) };
            drop(members);
        },
    )
}

pub fn process_wait_any(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Outcome {
    let process = found.typed::<Process>();
    let mut tree = TREE.lock();
    if let Some((pid, status)) = lifecycle::reap_any(process, &mut tree) {
        return Outcome {
            status: status as u64,
            value: pid as u64,
        };
    }
    let mut members = process.members();
    wait::block(thread, Reason::Exit, 0, found.binding(), info, |thread| {
        // SAFETY: the process's lock is held; the thread is running, so in no list.
        unsafe { members.child_waiters.insert(thread, process.wait_lock()) };
        drop(members);
        drop(tree);
    })
}

pub fn process_kill(_: &mut Thread, found: Checked, [_, status, ..]: Arguments) -> Outcome {
    lifecycle::kill(found.typed::<Process>(), status as u8);
    Ok::<(), Error>(()).into()
}

pub fn process_info(_: &mut Thread, found: Checked, [_, buffer, length, ..]: Arguments) -> Outcome {
    let process = found.typed::<Process>();
    let threads = process.members().count as u64;
    let (resident, tables, regions) = process.memory().map_or((0, 0, 0), |m| m.space().usage());
    let words = [
        process.pid as u64,
        process.life() as u64,
        process.status.load(Relaxed) as u64,
        threads,
        resident as u64,
        tables as u64,
        regions as u64,
    ];
    userspace::write_words(buffer, length, &words, &[0u32; 0]).into()
}
