//! The fast path of call and reply-and-receive.
//!
//! Model: guards first, without side effect; when the last has passed, the message is a switch of
//! registers. Words 0 to 3 are where the receiver finds them already; words 4 to 15 go
//! from buffer to buffer. The receiver runs at once on this CPU and on the sender's slice: no run queue is
//! touched, and no lock but the endpoint's. Whatever is unusual takes the slow path in `sync`, which
//! checks everything again.
//!
//! Until it replies, the receiver runs with the higher of its own and the caller's rank and the caller
//! pays for its time, through nested calls.

use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::endpoint::Endpoint;
use super::sync;
use crate::arch::{context, cpu};
use crate::cap::{Kind, Rights, Token};
use crate::process::thread::{Thread, flag};
use crate::process::wait::Reason;
use crate::sched::scheduler::Scheduler;
use crate::sched::{fpu, timers};
use crate::syscall::Outcome;
use veridian_abi::{INLINE_WORDS, MESSAGE_WORDS, MessageInfo};

/// Every 64th fast call is measured on the slow path.
const SAMPLE: u64 = 64;

/// `call`: sends a message and waits for the reply.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_fast_call(
    token: u64,
    info: u64,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
) -> Outcome {
    let here = cpu::current();
    // SAFETY: a system call has a current thread, which lives while it runs; only this CPU
    // touches what is not atomic or under the endpoint's lock.
    let sender = unsafe { &mut *here.current.get() };
    let scheduler = here.scheduler();
    'slow: {
        let length = MessageInfo(info).length();
        sender.ipc.fast_calls += 1;
        if info & !MessageInfo::FAST_MASK != 0
            || length > MESSAGE_WORDS
            || sender.ipc.fast_calls % SAMPLE == 0
        {
            break 'slow;
        }
        // SAFETY: a thread's space lives as long as the thread runs.
        let space = unsafe { &*sender.space };
        let Ok(found) = space.lookup(Token(token), Kind::Endpoint, Rights::WRITE) else {
            break 'slow;
        };
        let endpoint: &Endpoint = found.typed();
        let mut queues = endpoint.lock();
        let first = queues.receivers.first();
        // SAFETY: a thread in the list is alive while the endpoint's lock is held.
        let Some(receiver) = (unsafe { first.as_mut() }) else {
            break 'slow;
        };
        let rank = sender.task.rank().max(receiver.task.rank());
        if queues.unusual != 0 && !queues.fast_allowed(found.badge)
            || !may_switch(scheduler, here.number(), receiver, rank)
        {
            break 'slow;
        }

        queues.sequence += 1;
        // SAFETY: the receiver is in this endpoint's list, the sender, which is running, in none;
        // the lock is held.
        unsafe {
            crate::process::wait::unlink(receiver);
            queues.in_flight.append(sender, endpoint.wait_lock());
        }
        sender.ipc.started = 0;
        sender.wait.reason = Reason::Reply;
        sender.wait.object = &raw const *endpoint as u64;
        sender.wait.via = found.binding();
        sender.wait.server.store(receiver, Relaxed);
        receiver.ipc.caller.store(sender, Relaxed);
        receiver.ipc.payer = scheduler.charged.get();
        receiver.task.effective_rank.store(rank, Relaxed);
        queues.metrics.fast(length);
        copy_words(sender, receiver, length);
        queues.sequence += 1;
        let badge = found.badge;
        drop(queues);
        // SAFETY: the receiver was unlinked above and passed `may_switch`.
        unsafe { switch(scheduler, sender, receiver, info, badge, [w0, w1, w2, w3]) }
    }
    sync::call(sender, token, info, [w0, w1, w2, w3])
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
    let scheduler = here.scheduler();
    'slow: {
        let length = MessageInfo(info).length();
        if info & !MessageInfo::FAST_MASK != 0 || length > MESSAGE_WORDS {
            break 'slow;
        }
        // SAFETY: as in `ipc_fast_call`.
        let space = unsafe { &*server.space };
        let Ok(found) = space.lookup(Token(token), Kind::Endpoint, Rights::READ) else {
            break 'slow;
        };
        let endpoint: &Endpoint = found.typed();
        let mut queues = endpoint.lock();
        // SAFETY: `caller` is cleared before the thread it names is freed, and a grace period
        // covers the time between; whether it still waits for this server is checked next.
        let Some(caller) = (unsafe { server.ipc.caller.load(Acquire).as_mut() }) else {
            break 'slow;
        };
        if !core::ptr::eq(caller.wait.lock.load(Acquire), endpoint.wait_lock())
            || !core::ptr::eq(caller.wait.server.load(Relaxed), server)
            || caller.wait.reason != Reason::Reply
            || caller.ipc.started != 0
            || queues.unusual & !super::endpoint::unusual::LIMITED != 0
            || !queues.senders.is_empty()
            || !may_switch(scheduler, here.number(), caller, caller.task.rank())
        {
            break 'slow;
        }

        queues.sequence += 1;
        // SAFETY: the caller is in this endpoint's list of calls in flight, the server, which is
        // running, in none; the lock is held.
        unsafe {
            crate::process::wait::unlink(caller);
            queues.receivers.insert(server, endpoint.wait_lock());
        }
        server.wait.reason = Reason::Receive;
        server.wait.object = &raw const *endpoint as u64;
        server.wait.via = found.binding();
        server.ipc.caller.store(null_mut(), Relaxed);
        server.ipc.payer = null_mut();
        server
            .task
            .effective_rank
            .store(server.task.base_rank.load(Relaxed), Relaxed);
        caller.wait.server.store(null_mut(), Relaxed);
        copy_words(server, caller, length);
        queues.sequence += 1;
        drop(queues);
        // SAFETY: the caller was unlinked above and passed `may_switch`.
        unsafe { switch(scheduler, server, caller, info, 0, [w0, w1, w2, w3]) }
    }
    sync::reply_receive(server, token, info, [w0, w1, w2, w3])
}

/// Whether this CPU may run `next` at `rank` in place of the current thread: its state is saved, its
/// affinity allows it, nobody ready here outranks it, and it is not about to die.
#[inline(always)]
fn may_switch(scheduler: &Scheduler, number: usize, next: &Thread, rank: u16) -> bool {
    next.task.on_cpu.load(Acquire) < 0
        && next.task.allows(number)
        && scheduler.top_rank() <= rank as i32
        && next.flags.load(Relaxed) & flag::KILLED == 0
}

/// Copies the words of a message that do not travel in registers.
#[inline(always)]
fn copy_words(from: &Thread, to: &Thread, length: usize) {
    if length > INLINE_WORDS {
        for i in INLINE_WORDS..length {
            // SAFETY: `length` is at most `MESSAGE_WORDS`; a live thread's buffer is a frame
            // that the kernel has mapped, and user space may change it at any time.
            unsafe {
                let word = (&raw const (*from.buffer).words[i]).read_volatile();
                (&raw mut (*to.buffer).words[i]).write_volatile(word);
            }
        }
    }
}

/// Leaves `from`, which is queued, and enters `to` with a message.
///
/// # Safety
/// The caller owns the wake-up of `to`, which stopped in a system call and passed `may_switch`.
#[inline(always)]
unsafe fn switch(
    scheduler: &Scheduler,
    from: &mut Thread,
    to: &mut Thread,
    info: u64,
    badge: u64,
    words: [u64; 4],
) -> ! {
    to.wait.reason = Reason::None;
    timers::disarm(to);
    to.task
        .on_cpu
        .store(cpu::current().index.get() as i32, Relaxed);
    crate::trace::event!(ipc_switch, from.id, to.id);
    fpu::suspend(scheduler);
    from.task.on_cpu.store(-1, Release);
    to.activate();
    // SAFETY: the caller's promise; the address space was switched.
    unsafe { context::resume_message(to, info, badge, words) }
}
