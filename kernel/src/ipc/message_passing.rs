//! The fast path of call and reply-and-receive.
//!
//! Model: guards first, without side effect; when the last has passed, the message is a switch of
//! registers. Words 0 to 3 are where the receiver finds them already; words 4 to 15 go
//! from buffer to buffer. The receiver runs at once on this CPU and on the sender's slice: no run queue is
//! touched, and no lock but the endpoint's. Whatever is unusual takes the slow path in `sync`, which
//! checks everything again.
//!
//! The two functions call nothing that returns to them, so that they need no stack and every value
//! stays in a register: a held lock, an empty bucket or a timer lead away instead of out and back.
//!
//! Until it replies, the receiver runs with the higher of its own and the caller's rank and the caller
//! pays for its time, through nested calls.

use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::endpoint::{Endpoint, unusual};
use super::metrics::Metrics;
use super::sync;
use crate::arch::{context, cpu};
use crate::cap::{Kind, Rights, Token};
use crate::mm::tlb;
use crate::percpu::PerCpu;
use crate::process::thread::Thread;
use crate::process::wait::{self, Reason};
use crate::sched::scheduler;
use crate::sched::{fpu, timers};
use crate::syscall::Outcome;
use crate::trace;
use veridian_abi::{INLINE_WORDS, MESSAGE_WORDS, MessageInfo};

/// Every 64th call of an endpoint is measured on the slow path.
const SAMPLE: u64 = 64;

/// `call`: sends a message and waits for the reply.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_fast_call(to: u64, info: u64, w0: u64, w1: u64, w2: u64, w3: u64) -> Outcome {
    let here = cpu::current();
    // SAFETY: a system call has a current thread, which lives while it runs; only this CPU
    // touches what is not atomic or under the endpoint's lock.
    let sender = unsafe { &mut *here.current.get() };
    if sender.ipc.target.token != to {
        return call_another(to, info, w0, w1, w2, w3);
    }
    'slow: {
        if info > INLINE_WORDS as u64 && !is_plain(info) || !sender.ipc.target.holds() {
            break 'slow;
        }
        // SAFETY: an endpoint, by the memo's place; the capability exists.
        let endpoint = unsafe { &*sender.ipc.target.object.cast::<Endpoint>() };
        let Some(mut queues) = endpoint.queues.try_lock() else {
            break 'slow;
        };
        let first = queues.receivers.settled_first();
        let Some(receiver) = first else {
            break 'slow;
        };
        // SAFETY: a thread in the list is alive while the endpoint's lock is held.
        let receiver = unsafe { &mut *receiver };
        let length = info & MessageInfo::LENGTH;
        let recent = queues.metrics.recent + Metrics::recent(length);
        let rank = sender.task.rank().max(receiver.task.rank());
        if recent % SAMPLE == 0
            || !may_switch(here, receiver, rank)
            || queues.unusual != 0
                && !(queues.unusual == unusual::LIMITED
                    && queues.limit.take_quick(sender.ipc.target.badge))
        {
            break 'slow;
        }

        queues.sequence += 1;
        queues.metrics.recent = recent;
        receiver.task.on_cpu.store(here.index.get() as i32, Relaxed);
        receiver.task.effective_rank.store(rank, Relaxed);
        receiver.ipc.caller.store(sender, Relaxed);
        sender.wait.reason = Reason::Reply;
        sender.wait.object = &raw const *endpoint as u64;
        sender.wait.server.store(receiver, Relaxed);
        // SAFETY: the receiver is in this endpoint's list, the sender, which is running, in none;
        // the lock is held.
        unsafe {
            wait::unlink(receiver);
            queues
                .in_flight
                .settled_push(sender, endpoint.queues.wait_lock());
        }
        copy_words(sender, receiver, length);
        queues.sequence += 1;
        drop(queues);
        let badge = sender.ipc.target.badge;
        // SAFETY: the receiver was unlinked above and passed `may_switch`.
        return unsafe { switch(here, sender, receiver, [info, badge, w0, w1, w2, w3]) };
    }
    sync::call(to, info, w0, w1, w2, w3)
}

/// `reply_receive`: answers the caller this thread serves and waits for the next message.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_fast_reply_receive(
    token: u64,
    info: u64,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
) -> Outcome {
    let here = cpu::current();
    // SAFETY: as in `ipc_fast_call`.
    let server = unsafe { &mut *here.current.get() };
    'slow: {
        if server.ipc.source.token != token
            || info > INLINE_WORDS as u64 && !is_plain(info)
            || !server.ipc.source.holds()
        {
            break 'slow;
        }
        // SAFETY: as in `ipc_fast_call`.
        let endpoint = unsafe { &*server.ipc.source.object.cast::<Endpoint>() };
        let Some(mut queues) = endpoint.queues.try_lock() else {
            break 'slow;
        };
        // SAFETY: `caller` is cleared before the thread it names is freed, and a grace period
        // covers the time between; whether it still waits here is checked next. If so, it waits for
        // this server: whoever had ended that wait would have cleared `caller` before the thread
        // could wait again.
        let Some(caller) = (unsafe { server.ipc.caller.load(Relaxed).as_mut() }) else {
            break 'slow;
        };
        if !core::ptr::eq(caller.wait.lock.load(Relaxed), endpoint.queues.wait_lock())
            || !caller.wait.is_for_plain_reply()
            || queues.unusual & !unusual::LIMITED != 0
            || !may_switch(here, caller, caller.task.rank())
        {
            break 'slow;
        }

        queues.sequence += 1;
        caller.task.on_cpu.store(here.index.get() as i32, Relaxed);
        caller.wait.server.store(null_mut(), Relaxed);
        let rank = server.task.base_rank.load(Relaxed);
        server.task.effective_rank.store(rank, Relaxed);
        server.ipc.caller.store(null_mut(), Relaxed);
        server.wait.reason = Reason::Receive;
        server.wait.object = &raw const *endpoint as u64;
        // SAFETY: the caller is in this endpoint's list of calls in flight, the server, which is
        // running, in none; the lock is held.
        unsafe {
            wait::unlink(caller);
            queues
                .receivers
                .settled_insert(server, endpoint.queues.wait_lock());
        }
        copy_words(server, caller, info & MessageInfo::LENGTH);
        queues.sequence += 1;
        drop(queues);
        // SAFETY: the caller was unlinked above and passed `may_switch`.
        return unsafe { switch(here, server, caller, [info, 0, w0, w1, w2, w3]) };
    }
    sync::reply_receive(token, info, w0, w1, w2, w3)
}

/// A call through another capability than the last: remembers it and tries again.
#[cold]
#[inline(never)]
extern "C" fn call_another(token: u64, info: u64, w0: u64, w1: u64, w2: u64, w3: u64) -> Outcome {
    // SAFETY: as in `ipc_fast_call`; a running thread has a process, whose space exists.
    let (sender, space) = unsafe {
        let sender = scheduler::current();
        (&mut sender.ipc, &*sender.space)
    };
    let found = sender
        .target
        .lookup(space, Token(token), Kind::Endpoint, Rights::WRITE);
    match found {
        Ok(_) => ipc_fast_call(token, info, w0, w1, w2, w3),
        Err(_) => sync::call(token, info, w0, w1, w2, w3),
    }
}

/// Whether a descriptor asks for nothing but words and a label.
#[inline(always)]
fn is_plain(info: u64) -> bool {
    info & !MessageInfo::FAST_MASK == 0 && info & MessageInfo::LENGTH <= MESSAGE_WORDS as u64
}

/// Whether this CPU may run `next` at `rank` in place of the current thread: its state is saved, its
/// affinity allows it, and nobody ready here outranks it. It may have been killed a moment ago: then
/// whoever did that finds it not waiting any more and on this CPU, which sees to it.
#[inline(always)]
fn may_switch(here: &PerCpu, next: &Thread, rank: u16) -> bool {
    next.task.on_cpu.load(Acquire) < 0
        && next.task.affinity.load(Relaxed) & here.bit() != 0
        && here.scheduler().top_rank() <= rank as i32
}

/// Copies the words of a message that do not travel in registers.
#[inline(always)]
fn copy_words(from: &Thread, to: &Thread, length: u64) {
    let (source, target) = (from.buffer, to.buffer);
    let mut i = INLINE_WORDS as u64;
    while i < length {
        // SAFETY: the length is at most `MESSAGE_WORDS`; a live thread's buffer is a frame
        // that the kernel has mapped, and user space may change it at any time.
        unsafe {
            let word = (&raw const (*source).words[i as usize]).read_volatile();
            (&raw mut (*target).words[i as usize]).write_volatile(word);
        }
        i += 1;
    }
}

/// Leaves `from`, which is queued, and enters `to` with a message. It does not return.
///
/// # Safety
/// The caller owns the wake-up of `to`, which stopped in a system call and passed `may_switch`.
#[inline(always)]
unsafe fn switch(here: &PerCpu, from: &mut Thread, to: &mut Thread, message: [u64; 6]) -> Outcome {
    let [info, badge, w0, w1, w2, w3] = message;
    to.wait.reason = Reason::None;
    here.current.set(to);
    // SAFETY: a thread that waits has a process, which keeps the address space.
    let memory = unsafe { &*to.memory };
    if trace::is_on!(ipc_switch)
        || here.fpu_on.get()
        || timers::is_armed(to)
        || !tlb::switch_if_fresh(here, memory)
    {
        here.left.set(from);
        return switch_slowly(info, badge, w0, w1, w2, w3);
    }
    from.task.on_cpu.store(-1, Release);
    // SAFETY: the caller's promise; the address space was switched.
    unsafe { context::resume_message(to, info, badge, [w0, w1, w2, w3]) }
}

/// The same from `PerCpu::left` to the current thread, with a tracepoint, live floating-point state, a
/// timer to take out or translations to forget.
#[cold]
#[inline(never)]
extern "C" fn switch_slowly(info: u64, badge: u64, w0: u64, w1: u64, w2: u64, w3: u64) -> Outcome {
    let here = cpu::current();
    // SAFETY: `switch` has set both; the one that is left is held by its `on_cpu`.
    let (from, to) = unsafe { (&*here.left.get(), &mut *here.current.get()) };
    timers::disarm(to);
    trace::event!(ipc_switch, from.id, to.id);
    fpu::suspend(here);
    to.activate();
    from.task.on_cpu.store(-1, Release);
    // SAFETY: as in `switch`; the address space was switched.
    unsafe { context::resume_message(to, info, badge, [w0, w1, w2, w3]) }
}
