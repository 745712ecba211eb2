//! Making processes and threads, and replacing a process's image.
//!
//! Everything that can fail is done before anything of the old state is given up; what was made
//! until a failure goes with the values that hold it.

use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use super::elf::{self, Image};
use super::lifecycle;
use super::objects::{Memory, OwnedSpace, SpaceObject};
use super::pcb::{Life, Process};
use super::thread::Thread;
use crate::arch::context::Frame;
use crate::arch::layout::USER_END;
use crate::cap::{Binding, Rights, Space, Token, Use};
use crate::mm::object::MemoryObject;
use crate::mm::{MapFlags, PAGE_SIZE, VirtAddr};
use crate::sched::scheduler;
use veridian_abi::{Error, well_known};

const PAGE: u64 = PAGE_SIZE as u64;

/// The system call `process_create`.
///
/// # Errors
/// `BadExecutable`, `OutOfMemory`, `SpaceFull`.
pub fn process(parent: &Process, image: &Image) -> Result<u64, Error> {
    let child = build(Some(parent), image, *b"program\0\0\0\0\0\0\0\0\0")?;
    // SAFETY: the caller holds a capability of the parent, which therefore exists.
    let space = unsafe { parent.open_space()? };
    space
        .insert_root(child.header(), Rights::all(), 0)
        .map(|token| token.0)
}

/// A process with the program of `image` loaded and its first thread made, not started.
///
/// # Errors
/// As `process`.
pub fn build(
    parent: Option<&Process>,
    image: &Image,
    name: [u8; 16],
) -> Result<Use<Process>, Error> {
    let memory = SpaceObject::create()?;
    let entry = elf::load(memory.space(), image)?;
    // SAFETY: a new process's one use is its creator's.
    let process = unsafe { Use::from_raw(Process::create(parent, memory.clone(), name)?) };
    furnish(&process, &memory, entry).inspect_err(|_| lifecycle::kill(&process, 0))?;
    Ok(process)
}

/// Gives a new process its first thread and the capabilities that it begins with.
fn furnish(process: &Process, memory: &SpaceObject, entry: elf::Entry) -> Result<(), Error> {
    let thread = new_thread(process, memory, Frame::user(entry.pc, entry.stack, 0), 0)?;
    // SAFETY: just made; the creator's use keeps it.
    let thread = unsafe { &thread.as_ref().object };
    // SAFETY: the process is not shared with anybody yet.
    let space = unsafe { process.capabilities() };
    let expected = [
        well_known::PROCESS,
        well_known::ADDRESS_SPACE,
        well_known::THREAD,
    ];
    let given = [process.object(), memory.object(), thread]
        .into_iter()
        .zip(expected)
        .try_for_each(|(object, expected)| {
            let token = space.insert_root(object, Rights::all(), 0)?;
            debug_assert_eq!(token, Token(expected));
            Ok(())
        });
    // The thread is a member of the process and has a capability; the creator's use ends.
    thread.release();
    given
}

/// A thread of `process` with a message buffer at `buffer` (0: anywhere). Its one use is the caller's.
fn new_thread(
    process: &Process,
    memory: &SpaceObject,
    frame: Frame,
    buffer: u64,
) -> Result<NonNull<Thread>, Error> {
    let page =
        Memory::wrap(MemoryObject::create_contiguous(PAGE, PAGE).map_err(|_| Error::OutOfMemory)?)?;
    let at = memory.space().map_object(
        page.memory(),
        0,
        VirtAddr(buffer),
        PAGE,
        MapFlags::USER_DATA,
        Binding::KERNEL,
    )?;
    let made = Thread::create(frame)
        .map_err(|_| Error::OutOfMemory)
        .and_then(|thread| {
            // SAFETY: just made, nobody else knows it.
            let t = unsafe { &mut *thread.as_ptr() };
            t.memory = memory.space();
            t.buffer_address = at.0;
            t.buffer = page
                .memory()
                .contiguous()
                .map_or(core::ptr::null_mut(), |frame| frame.as_ptr());
            t.buffer_memory = Some(page);
            lifecycle::join_process(process, t).inspect_err(|_| t.object.release())?;
            Ok(thread)
        });
    made.inspect_err(|_| {
        // The mapping was made above, so it is there to be removed.
        let _ = memory.space().unmap(at, PAGE);
    })
}

/// The system call `process_start`.
///
/// # Errors
/// It was started, or killed, before.
pub fn start(process: &Process, argument: u64) -> Result<(), Error> {
    if !process.advance(Life::Created, Life::Alive) {
        return Err(Error::InvalidArgument);
    }
    let thread = process.members().threads;
    // SAFETY: a created process has its first thread, which nobody else starts.
    let thread = unsafe { &mut *thread };
    thread.frame = Frame::user(thread.frame.pc(), thread.frame.sp(), argument);
    lifecycle::start(thread)
}

/// The system call `thread_create`: the thread is started at once, on the CPUs of its creator. Result: its token.
///
/// # Errors
/// `InvalidArgument` for addresses outside user space, `OutOfMemory`, `SpaceFull`, `PeerDied`.
pub fn thread(
    process: &Process,
    entry: u64,
    sp: u64,
    argument: u64,
    tls: u64,
    buffer: u64,
) -> Result<u64, Error> {
    if entry >= USER_END
        || sp > USER_END
        || tls >= USER_END
        || buffer >= USER_END
        || buffer % PAGE != 0
    {
        return Err(Error::InvalidArgument);
    }
    let memory = process.memory().ok_or(Error::PeerDied)?;
    let mut frame = Frame::user(entry, sp, argument);
    frame.set_tls(tls);
    let thread = new_thread(process, &memory, frame, buffer)?;
    // SAFETY: just made; it does not run yet.
    let t = unsafe { &mut *thread.as_ptr() };
    // SAFETY: a system call has a current thread.
    let creator = unsafe { scheduler::current() };
    let affinity = creator.task.affinity.load(Relaxed);
    t.task.affinity.store(affinity, Relaxed);
    // SAFETY: the caller holds a capability of the process, which therefore exists.
    let token = unsafe { process.open_space() }
        .and_then(|space| space.insert_root(&t.object, Rights::all(), 0));
    let started = token.and_then(|token| lifecycle::start(t).map(|()| token.0));
    if started.is_err() {
        // SAFETY: the creator's use keeps the thread alive.
        unsafe { lifecycle::kill_thread(thread.as_ptr()) };
    }
    t.object.release();
    started
}

/// The system call `exec`: the calling thread goes on in the new image, alone.
///
/// # Errors
/// `InvalidArgument` if other threads are alive or the process is not the caller's, and as `process`.
/// Nothing has changed then.
pub fn exec(
    thread: &mut Thread,
    process: &Process,
    image: &MemoryObject,
    offset: u64,
    length: u64,
    argument: u64,
) -> Result<u64, Error> {
    if !core::ptr::eq(thread.process, process) || process.members().count != 1 {
        return Err(Error::InvalidArgument);
    }
    let memory = process.memory().ok_or(Error::PeerDied)?;
    let new = OwnedSpace::create()?;
    let entry = elf::load(
        &new,
        &Image {
            memory: image,
            offset,
            length,
        },
    )?;
    let page =
        Memory::wrap(MemoryObject::create_contiguous(PAGE, PAGE).map_err(|_| Error::OutOfMemory)?)?;
    let at = new.map_object(
        page.memory(),
        0,
        VirtAddr(0),
        PAGE,
        MapFlags::USER_DATA,
        Binding::KERNEL,
    )?;
    // SAFETY: the caller's process is alive.
    let space: &Space = unsafe { process.capabilities() };
    crate::trace::event!(exec, process.pid, entry.pc);
    space.exec();
    crate::sched::fpu::discard(thread);
    thread.buffer = page
        .memory()
        .contiguous()
        .map_or(core::ptr::null_mut(), |frame| frame.as_ptr());
    thread.buffer_memory = Some(page);
    thread.buffer_address = at.0;
    let old = memory.replace(new);
    thread.memory = memory.space();
    thread.frame = Frame::user(entry.pc, entry.stack, argument);
    thread.activate();
    // Whoever still uses the old space looked it up before it was replaced.
    crate::sched::smp::barrier();
    drop(old);
    drop(memory);
    scheduler::leave_kernel()
}
