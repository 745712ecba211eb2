//! Fork: a process like the calling one, with the calling thread alone in it.
//!
//! Memory is shared copy-on-write, capabilities follow their inheritance policies under the same
//! tokens. The message buffer is the kernel's way to reach the thread, so the child gets one of its
//! own at the same address, with the same contents.

use core::sync::atomic::Ordering::Relaxed;

use super::lifecycle;
use super::objects::{Memory, SpaceObject};
use super::pcb::{Life, Process};
use super::thread::Thread;
use crate::cap::{Binding, Rights, Use};
use crate::mm::object::MemoryObject;
use crate::mm::{MapFlags, PAGE_SIZE, VirtAddr};
use veridian_abi::Error;

const PAGE: u64 = PAGE_SIZE as u64;

/// The system call `fork`. Result: the child's token; the child finds 0.
///
/// # Errors
/// `InvalidArgument` if the process is not the caller's, `OutOfMemory`, `SpaceFull`, `Busy` while a
/// capability to be inherited is being revoked.
pub fn fork(thread: &mut Thread, parent: &Process) -> Result<u64, Error> {
    if !core::ptr::eq(thread.process, parent) {
        return Err(Error::InvalidArgument);
    }
    let memory = SpaceObject::create()?;
    let mine = parent.memory().ok_or(Error::PeerDied)?;
    mine.space().fork_into(memory.space())?;
    // SAFETY: a new process's one use is its creator's.
    let child =
        unsafe { Use::from_raw(Process::create(Some(parent), memory.clone(), parent.name)?) };
    let copy = child_thread(thread, &memory)?;
    // SAFETY: the thread was just made, and nobody else knows it.
    let t = unsafe { &mut *copy.as_ptr() };
    lifecycle::join_process(&child, t).inspect_err(|_| t.object.release())?;
    // SAFETY: the child is not shared yet; the caller's process is alive.
    let (theirs, ours) = unsafe { (child.capabilities(), parent.capabilities()) };
    let own = [child.header(), memory.object(), &t.object];
    let inherited = own
        .into_iter()
        .try_for_each(|object| theirs.insert_root(object, Rights::all(), 0).map(|_| ()))
        .and_then(|()| theirs.inherit(ours))
        .and_then(|()| ours.insert_root(child.header(), Rights::all(), 0));
    t.object.release();
    let token = inherited.inspect_err(|_| lifecycle::kill(&child, 0))?;
    child.advance(Life::Created, Life::Alive);
    crate::trace::event!(fork, parent.pid, child.pid);
    lifecycle::start(t).inspect_err(|_| lifecycle::kill(&child, 0))?;
    Ok(token.0)
}

/// The calling thread once more: its registers, its floating-point state, a copy of its buffer.
fn child_thread(
    thread: &mut Thread,
    memory: &SpaceObject,
) -> Result<core::ptr::NonNull<Thread>, Error> {
    let page =
        Memory::wrap(MemoryObject::create_contiguous(PAGE, PAGE).map_err(|_| Error::OutOfMemory)?)?;
    let at = VirtAddr(thread.buffer_address);
    memory.space().unmap(at, PAGE)?;
    memory.space().map_object(
        page.memory(),
        0,
        at,
        PAGE,
        MapFlags::USER_DATA,
        Binding::KERNEL,
    )?;
    let copy = Thread::create(thread.frame.clone()).map_err(|_| Error::OutOfMemory)?;
    // SAFETY: just made, nobody else knows it.
    let t = unsafe { &mut *copy.as_ptr() };
    t.frame.set_results(&[0; 6]);
    t.memory = memory.space();
    t.buffer_address = at.0;
    t.buffer = page
        .memory()
        .contiguous()
        .map_or(core::ptr::null_mut(), |frame| frame.as_ptr());
    if !thread.buffer.is_null() && !t.buffer.is_null() {
        // SAFETY: both are whole frames, mapped by the kernel, and two different ones.
        unsafe {
            t.buffer
                .cast::<[u64; 512]>()
                .copy_from_nonoverlapping(thread.buffer.cast(), 1)
        };
    }
    t.buffer_memory = Some(page);
    crate::sched::fpu::collect(thread);
    if let Some(state) = thread.fpu {
        match crate::sched::fpu::copy(state) {
            Ok(copied) => t.fpu = Some(copied),
            Err(_) => {
                t.object.release();
                return Err(Error::OutOfMemory);
            }
        }
    }
    let (class, level) = (thread.task.class(), thread.task.level());
    t.task.set_class(class, level);
    t.task
        .effective_rank
        .store(t.task.base_rank.load(Relaxed), Relaxed);
    t.task
        .affinity
        .store(thread.task.affinity.load(Relaxed), Relaxed);
    t.task.virtual_time = thread.task.virtual_time;
    t.task
        .last_cpu
        .store(thread.task.last_cpu.load(Relaxed), Relaxed);
    Ok(copy)
}
