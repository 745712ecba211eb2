//! Fork: a process like the calling one, with the calling thread alone in it.
//!
//! Memory is shared copy-on-write, capabilities follow their inheritance policies under the same
//! tokens. The message buffer is the kernel's way to reach the thread, so the child gets one of its
//! own at the same address, with the same contents.

use core::sync::atomic::Ordering::Relaxed;

use super::lifecycle;
use super::objects::SpaceObject;
use super::pcb::{Life, Process};
use super::thread::{PAGE, Thread, ThreadObject};
use crate::cap::Use;
use crate::mm::VirtAddr;
use crate::sched::fpu;
use crate::syscall::{Answer, Arguments};
use veridian_abi::Error;

/// The system call `fork`. Result: the child's token; the child finds 0.
///
/// # Errors
/// `InvalidArgument` if the process is not the caller's, `OutOfMemory`, `SpaceFull`, `Busy` while a
/// capability to be inherited is being revoked.
pub fn fork(thread: &mut Thread, parent: &Process, _: Arguments) -> Answer {
    if !core::ptr::eq(thread.process, parent) {
        return Err(Error::InvalidArgument);
    }
    let memory = SpaceObject::create()?;
    parent.memory()?.space().fork_into(memory.space())?;
    let copy = child_thread(thread, &memory)?;
    let child = Process::create(Some(parent), memory.clone(), parent.name)?;
    let furnish = || {
        lifecycle::join_process(&child, copy.get())?;
        for object in [child.header(), memory.header(), copy.header()] {
            child.give(object)?;
        }
        let (from, to) = (parent.space()?, child.space()?);
        to.inherit(from)?;
        memory.space().rebind(from, to)?;
        let token = parent.give(child.header())?;
        child.advance(Life::Created, Life::Alive);
        crate::trace::event!(fork, parent.pid, child.pid);
        lifecycle::start(copy.get()).map(|()| token)
    };
    let token = furnish();
    token.inspect_err(|_| lifecycle::kill(&child, 0))
}

/// The calling thread once more: its registers, its floating-point state, a copy of its buffer.
fn child_thread(thread: &mut Thread, memory: &SpaceObject) -> Result<Use<ThreadObject>, Error> {
    let new = Thread::create(thread.frame.clone())?;
    let copy = new.get();
    copy.frame.set_results(&[0; 6]);
    copy.memory = memory.space();
    let at = thread.buffer_address;
    memory.space().unmap(VirtAddr(at), PAGE)?;
    copy.give_buffer(memory.space(), at)?;
    if !thread.buffer.is_null() && !copy.buffer.is_null() {
        let to = copy.buffer.cast::<[u64; 512]>();
        // SAFETY: both are whole frames, mapped by the kernel, and two different ones.
        unsafe { to.copy_from_nonoverlapping(thread.buffer.cast(), 1) };
    }
    fpu::collect(thread);
    if let Some(state) = thread.fpu {
        copy.fpu = Some(fpu::copy(state)?);
    }
    let task = &thread.task;
    copy.task.set_class(task.class(), task.level());
    let (affinity, last) = (task.affinity.load(Relaxed), task.last_cpu.load(Relaxed));
    copy.task.affinity.store(affinity, Relaxed);
    copy.task.last_cpu.store(last, Relaxed);
    copy.task.virtual_time = task.virtual_time;
    Ok(new)
}
