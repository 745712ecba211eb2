//! Making processes and threads, and replacing a process's image.
//!
//! Everything that can fail is done before anything of the old state is given up; what was made
//! until a failure goes with the values that hold it.

use core::sync::atomic::Ordering::Relaxed;

use super::elf::{self, Image};
use super::lifecycle;
use super::objects::{Memory, OwnedSpace, SpaceObject};
use super::pcb::{Label, Life, Process};
use super::thread::{PAGE, Thread, ThreadObject};
use crate::arch::context::Frame;
use crate::arch::layout::USER_END;
use crate::cap::{Kind, Object, Rights, Use};
use crate::mm::VirtAddr;
use crate::sched::{fpu, scheduler, smp};
use crate::syscall::{Answer, Arguments};
use veridian_abi::{Error, well_known};

/// The file that lies in the memory object of the caller's with this token.
fn image(thread: &Thread, token: u64, offset: u64, length: u64) -> Result<Image<'_>, Error> {
    let found = thread.capability(token, Kind::Memory, Rights::READ | Rights::EXECUTE)?;
    let memory = found.typed::<Memory>().memory();
    Ok(Image {
        memory,
        offset,
        length,
    })
}

/// The system call of this name.
///
/// # Errors
/// `BadExecutable`, `OutOfMemory`, `SpaceFull`.
pub fn process_create(thread: &mut Thread, parent: &Process, arguments: Arguments) -> Answer {
    let [_, memory, offset, length, name, rest] = arguments;
    let image = image(thread, memory, offset, length)?;
    let name = (u128::from(rest) << 64 | u128::from(name)).to_le_bytes();
    let child = build(Some(parent), &image, name)?;
    let token = parent.give(child.header());
    token.inspect_err(|_| lifecycle::kill(&child, 0))
}

/// A process with the program of `image` loaded and its first thread made, not started.
///
/// # Errors
/// As `process_create`.
pub fn build(parent: Option<&Process>, image: &Image, name: Label) -> Result<Use<Process>, Error> {
    let memory = SpaceObject::create()?;
    let entry = elf::load(memory.space(), image)?;
    let process = Process::create(parent, memory.clone(), name)?;
    let frame = Frame::user(entry.pc, entry.stack, 0);
    let end = |_: &Error| lifecycle::kill(&process, 0);
    let thread = new_thread(&process, frame, 0).inspect_err(end)?;
    furnish(&process, &memory, thread.header()).inspect_err(end)?;
    Ok(process)
}

/// Gives a new process the capabilities that it begins with.
fn furnish(process: &Process, memory: &Use<SpaceObject>, thread: &Object) -> Result<(), Error> {
    for (object, expected) in [
        (&process.object, well_known::PROCESS),
        (memory.header(), well_known::ADDRESS_SPACE),
        (thread, well_known::THREAD),
    ] {
        let token = process.give(object)?;
        debug_assert_eq!(token, expected);
    }
    Ok(())
}

/// A thread of `process` with a message buffer at `buffer` (0: anywhere).
fn new_thread(process: &Process, frame: Frame, buffer: u64) -> Result<Use<ThreadObject>, Error> {
    let memory = process.memory()?;
    let new = Thread::create(frame)?;
    let thread = new.get();
    thread.memory = memory.space();
    thread.give_buffer(memory.space(), buffer)?;
    lifecycle::join_process(process, thread).inspect_err(|_| {
        // The mapping was made above, so it is there to be removed.
        let _ = memory.space().unmap(VirtAddr(thread.buffer_address), PAGE);
    })?;
    Ok(new)
}

/// The system call `process_start`.
///
/// # Errors
/// It was started, or killed, before.
pub fn start(process: &Process, argument: u64) -> Result<(), Error> {
    let members = process.members.lock();
    let first = members.threads().next().ok_or(Error::PeerDied)?;
    let first = &raw mut *first;
    drop(members);
    if !process.advance(Life::Created, Life::Alive) {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: looked up in this operation; nobody else starts the first thread.
    let thread = unsafe { &mut *first };
    thread.frame = Frame::user(thread.frame.pc(), thread.frame.sp(), argument);
    lifecycle::start(thread)
}

/// The system call of this name: the thread is started at once, on the CPUs of its creator. Result: its token.
///
/// # Errors
/// `InvalidArgument` for addresses outside user space, `OutOfMemory`, `SpaceFull`, `PeerDied`.
pub fn thread_create(creator: &mut Thread, process: &Process, arguments: Arguments) -> Answer {
    let [_, entry, sp, argument, tls, buffer] = arguments;
    let outside = entry >= USER_END || sp > USER_END || tls >= USER_END || buffer >= USER_END;
    if outside || buffer % PAGE != 0 {
        return Err(Error::InvalidArgument);
    }
    let mut frame = Frame::user(entry, sp, argument);
    frame.set_tls(tls);
    let new = new_thread(process, frame, buffer)?;
    let thread = new.get();
    let affinity = creator.task.affinity.load(Relaxed);
    thread.task.affinity.store(affinity, Relaxed);
    let token = process.give(&thread.object);
    token
        .and_then(|token| lifecycle::start(new.get()).map(|()| token))
        // SAFETY: the creator's use keeps the thread alive.
        .inspect_err(|_| unsafe { lifecycle::kill_thread(new.thread()) })
}

/// The system call of this name: the calling thread goes on in the new image, alone.
///
/// # Errors
/// `InvalidArgument` if other threads are alive or the process is not the caller's, and as
/// `process_create`. Nothing has changed then.
pub fn exec(thread: &mut Thread, process: &Process, arguments: Arguments) -> Answer {
    let [_, file, offset, length, argument, _] = arguments;
    if !core::ptr::eq(thread.process, process) || process.members.lock().count != 1 {
        return Err(Error::InvalidArgument);
    }
    let memory = process.memory()?;
    let new = OwnedSpace::create()?;
    let entry = elf::load(&new, &image(thread, file, offset, length)?)?;
    thread.give_buffer(&new, 0)?;
    crate::trace::event!(exec, process.pid, entry.pc);
    process.space()?.exec();
    fpu::discard(thread);
    let old = memory.replace(new);
    thread.memory = memory.space();
    thread.frame = Frame::user(entry.pc, entry.stack, argument);
    thread.activate();
    // Whoever still uses the old space looked it up before it was replaced.
    smp::barrier();
    drop(old);
    drop(memory);
    scheduler::leave_kernel()
}
