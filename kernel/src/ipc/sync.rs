//! Synchronous channels: the paths that check everything.
//!
//! A message is taken by a receiver that waits, or its sender waits in the order of rank until one
//! comes. A call that was taken waits on in the endpoint's list of calls in flight for its reply;
//! a send ends when it is taken. Capabilities travel between two threads of which one is running and the
//! other is claimed (in no list), with no lock held: the message is delivered whole or not at all.

use core::ptr::null_mut;
use core::sync::atomic::Ordering;

use super::buffer::Message;
use super::endpoint::{Endpoint, unusual};
use super::reply::Reply;
use crate::arch::timer;
use crate::cap::{Binding, Kind, Rights, Space, Token};
use crate::process::thread::{Thread, flag};
use crate::process::wait::{self, Reason};
use crate::sched::{affinity, scheduler};
use crate::syscall::Outcome;
use veridian_abi::{CAPS_MAX, Error, INLINE_WORDS, MESSAGE_WORDS, MessageInfo};

/// What of a descriptor the receiver sees: length, capabilities, label.
const DELIVERED: u64 = 0x7fff_ffff_0000_071f;

fn error(error: Error) -> Outcome {
    Err::<u64, _>(error).into()
}

/// Checks what a sender says of its message.
fn valid(info: u64) -> Result<(), Error> {
    let info = MessageInfo(info);
    let ok = info.length() <= MESSAGE_WORDS && info.caps() <= CAPS_MAX && info.0 >> 63 == 0;
    if ok {
        Ok(())
    } else {
        Err(Error::InvalidArgument)
    }
}

/// The slow path of `call`.
#[cold]
#[inline(never)]
pub extern "C" fn call(token: u64, info: u64, w0: u64, w1: u64, w2: u64, w3: u64) -> Outcome {
    // SAFETY: a system call has a current thread.
    let thread = unsafe { scheduler::current() };
    submit(thread, token, info, [w0, w1, w2, w3], Reason::Call)
}

/// The system call `send`.
pub fn send(thread: &mut Thread, token: u64, info: u64, words: [u64; 4]) -> Outcome {
    submit(thread, token, info, words, Reason::Send)
}

/// Sends a message: to a receiver that waits, or by waiting for one.
fn submit(thread: &mut Thread, token: u64, info: u64, words: [u64; 4], reason: Reason) -> Outcome {
    if let Err(e) = valid(info) {
        return error(e);
    }
    let memo = &mut thread.ipc.target;
    // SAFETY: a running thread has a process, whose space exists.
    let space = unsafe { &*thread.space };
    let found = match memo.lookup(space, Token(token), Kind::Endpoint, Rights::WRITE) {
        Ok(found) => found,
        Err(e) => return error(e),
    };
    let (endpoint, badge, binding) = (found.typed::<Endpoint>(), found.badge, found.binding());
    thread.ipc.info = info;
    thread.ipc.words = words;
    thread.ipc.badge = badge;
    thread.ipc.started = timer::now();
    let mut queues = endpoint.lock();
    if queues.unusual & unusual::CLOSED != 0 {
        return error(Error::Closed);
    }
    if queues.unusual & unusual::LIMITED != 0 {
        let wait = queues.limit.take(badge);
        if wait != 0 {
            queues.metrics.limited += 1;
            drop(queues);
            return limited(thread, info, wait);
        }
    }
    queues.metrics.slow(MessageInfo(info).length());
    // SAFETY: the endpoint's lock is held.
    let receiver = unsafe { queues.receivers.pop() };
    // SAFETY: just popped, so the receiver is this function's.
    let Some(receiver) = (unsafe { receiver.as_mut() }) else {
        return wait::block(
            thread,
            reason,
            core::ptr::from_ref(endpoint) as u64,
            binding,
            info,
            |thread| {
                // SAFETY: the lock is held; the thread is running, so in no list.
                unsafe { queues.senders.insert(thread, endpoint.wait_lock()) };
                queues.unusual |= unusual::SENDERS;
                drop(queues);
            },
        );
    };
    drop(queues);
    if let Err((e, receiver_fault)) = transfer(thread, receiver) {
        return refuse(endpoint, receiver, e, receiver_fault);
    }
    if reason == Reason::Send {
        deliver(thread, receiver, badge);
        return Ok::<u64, Error>(0).into();
    }
    serve(thread, receiver);
    wait::block(
        thread,
        Reason::Reply,
        core::ptr::from_ref(endpoint) as u64,
        binding,
        info & MessageInfo::TIMED,
        |thread| {
            thread.wait.measured = true;
            thread.wait.server.store(receiver, Ordering::Release);
            let mut queues = endpoint.lock();
            // SAFETY: the lock is held; the thread is running, so in no list.
            unsafe { queues.in_flight.append(thread, endpoint.wait_lock()) };
            drop(queues);
            deliver(thread, receiver, badge);
        },
    )
}

/// A message beyond the limit: an error, or a wait after which the sender tries again (`Busy`).
fn limited(thread: &mut Thread, info: u64, wait: u64) -> Outcome {
    if MessageInfo(info).has(MessageInfo::NO_WAIT) {
        return error(Error::RateLimited);
    }
    affinity::sleep(thread, Reason::Limit, timer::now() + wait)
}

/// Puts a receiver whose message was not delivered back, or ends its wait if it is to blame.
fn refuse(endpoint: &Endpoint, receiver: &mut Thread, e: Error, receiver_fault: bool) -> Outcome {
    if receiver_fault {
        // SAFETY: the receiver was claimed by the caller.
        unsafe { wait::finish(receiver, e as i64 as u64, 0) };
        return error(e);
    }
    let killed = {
        let mut queues = endpoint.lock();
        // SAFETY: the lock is held; the receiver was claimed, so it is in no list.
        unsafe { queues.receivers.insert(receiver, endpoint.wait_lock()) };
        receiver.flags.load(Ordering::SeqCst) & flag::KILLED != 0
    };
    if killed {
        // SAFETY: it is in the list or somebody else ends its wait.
        unsafe { wait::cancel(receiver, Error::Cancelled) };
    }
    error(e)
}

/// The capabilities that a sender names in its buffer, each with the rights it reduces them to.
fn named(sender: &Thread, count: usize) -> [(Token, Rights); CAPS_MAX] {
    let mut named = [(Token(0), Rights::NONE); CAPS_MAX];
    for (i, named) in named[..count].iter_mut().enumerate() {
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
        let (token, rights) = unsafe {
            let buffer = sender.buffer;
            (
                (&raw const (*buffer).caps[i]).read_volatile(),
                (&raw const (*buffer).cap_rights[i]).read_volatile(),
            )
        };
        *named = (Token(token), Rights::from_bits_truncate(rights as u8));
    }
    named
}

/// Hands the sender's capabilities to the receiver. An error says whether the receiver caused it.
fn transfer(sender: &Thread, receiver: &mut Thread) -> Result<(), (Error, bool)> {
    let count = MessageInfo(sender.ipc.info).caps();
    if count == 0 {
        return Ok(());
    }
    if !MessageInfo(receiver.ipc.info).has(MessageInfo::ACCEPT) || sender.buffer.is_null() {
        return Err((Error::InvalidArgument, false));
    }
    let named = named(sender, count);
    // SAFETY: the sender waits or runs, the receiver waits: both have processes, whose spaces exist.
    let (source, target): (&Space, &Space) = unsafe { (&*sender.space, &*receiver.space) };
    let landing = target.prepare(count).map_err(|e| (e, false))?;
    let tokens = landing
        .copy(source, &named[..count])
        .map_err(|e| (e, false))?;
    for (i, token) in tokens.iter().enumerate() {
        // SAFETY: as above.
        unsafe { (&raw mut (*receiver.buffer).caps[i]).write_volatile(token.0) };
    }
    Ok(())
}

/// Copies the words that stand in buffers.
fn copy_words(from: &Thread, to: &Thread, info: u64) {
    for i in INLINE_WORDS
        ..MessageInfo(info)
            .length()
            .clamp(INLINE_WORDS, MESSAGE_WORDS)
    {
        // SAFETY: live threads' buffers are frames that the kernel has mapped.
        unsafe {
            let word = (&raw const (*from.buffer).words[i]).read_volatile();
            (&raw mut (*to.buffer).words[i]).write_volatile(word);
        }
    }
}

/// Notes that `server` is to answer `caller`, at the rank of the higher and so at the caller's expense.
fn serve(caller: &mut Thread, server: &mut Thread) {
    server.ipc.caller.store(caller, Ordering::Release);
    let rank = server.task.rank().max(caller.task.rank());
    server.task.effective_rank.store(rank, Ordering::Relaxed);
}

/// Gives a claimed receiver the sender's message and makes it ready.
fn deliver(sender: &Thread, receiver: &mut Thread, badge: u64) {
    let info = sender.ipc.info;
    copy_words(sender, receiver, info);
    let [w0, w1, w2, w3] = sender.ipc.words;
    receiver
        .frame
        .set_results(&[info & DELIVERED, badge, w0, w1, w2, w3]);
    wait::settle(receiver);
    // SAFETY: the caller has claimed the receiver.
    unsafe { scheduler::make_ready(receiver) };
}

/// The system call `receive`.
pub fn receive(thread: &mut Thread, token: u64, info: u64) -> Outcome {
    match source(thread, token) {
        Ok(_) if !thread.ipc.caller.load(Ordering::Acquire).is_null() => error(Error::Busy),
        Ok((endpoint, binding)) => receive_from(thread, endpoint, binding, info),
        Err(e) => error(e),
    }
}

/// The endpoint to receive from. Good for this operation, which passes no preemption point before it
/// ends or waits.
fn source(thread: &mut Thread, token: u64) -> Result<(&'static Endpoint, Binding), Error> {
    // SAFETY: a running thread has a process, whose space exists.
    let space = unsafe { &*thread.space };
    let memo = &mut thread.ipc.source;
    let found = memo.lookup(space, Token(token), Kind::Endpoint, Rights::READ)?;
    Ok((found.typed(), found.binding()))
}

fn receive_from(thread: &mut Thread, endpoint: &Endpoint, binding: Binding, info: u64) -> Outcome {
    thread.ipc.info = info;
    loop {
        let mut queues = endpoint.lock();
        if queues.unusual & unusual::CLOSED != 0 {
            return error(Error::Closed);
        }
        if let Some(message) = queues.buffer.pop() {
            if queues.buffer.len() == 0 {
                queues.unusual &= !unusual::BUFFERED;
            }
            drop(queues);
            take_buffered(thread, endpoint, &message);
        }
        // SAFETY: the endpoint's lock is held.
        let sender = unsafe { queues.senders.pop() };
        if queues.senders.is_empty() {
            queues.unusual &= !unusual::SENDERS;
        }
        // SAFETY: just popped, so the sender is this function's.
        let Some(sender) = (unsafe { sender.as_mut() }) else {
            return wait::block(
                thread,
                Reason::Receive,
                core::ptr::from_ref(endpoint) as u64,
                binding,
                info,
                |thread| {
                    // SAFETY: the lock is held; the thread is running, so in no list.
                    unsafe { queues.receivers.insert(thread, endpoint.wait_lock()) };
                    drop(queues);
                },
            );
        };
        drop(queues);
        if let Err((e, _)) = transfer(sender, thread) {
            // SAFETY: the sender was claimed above.
            unsafe { wait::finish(sender, e as i64 as u64, 0) };
            continue;
        }
        take(thread, endpoint, sender)
    }
}

/// Takes the message of a claimed sender and goes on with it.
fn take(thread: &mut Thread, endpoint: &Endpoint, sender: &mut Thread) -> ! {
    let (info, badge) = (sender.ipc.info, sender.ipc.badge);
    let [w0, w1, w2, w3] = sender.ipc.words;
    copy_words(sender, thread, info);
    thread
        .frame
        .set_results(&[info & DELIVERED, badge, w0, w1, w2, w3]);
    if sender.wait.reason == Reason::Send {
        // SAFETY: the caller has claimed the sender.
        unsafe { wait::finish(sender, 0, 0) };
        scheduler::leave_kernel()
    }
    serve(sender, thread);
    scheduler::local().charge_to(thread.payer());
    if sender.wait.reason == Reason::Call {
        sender.wait.reason = Reason::Reply;
        sender.wait.measured = true;
    }
    sender.wait.server.store(thread, Ordering::Release);
    let killed = {
        let mut queues = endpoint.lock();
        // SAFETY: the lock is held; the sender was claimed, so it is in no list.
        unsafe { queues.in_flight.append(sender, endpoint.wait_lock()) };
        sender.flags.load(Ordering::SeqCst) & flag::KILLED != 0
    };
    if killed {
        // SAFETY: it is in the list or somebody else ends its wait.
        unsafe { wait::cancel(sender, Error::Cancelled) };
    }
    scheduler::leave_kernel()
}

/// Goes on with a buffered message.
fn take_buffered(thread: &mut Thread, endpoint: &Endpoint, message: &Message) -> ! {
    let count = MessageInfo(message.info).caps();
    let mut info = message.info;
    if let (Some(buffer), true) = (endpoint.buffer_space(), count > 0) {
        // SAFETY: a running thread has a process, whose space exists.
        let landing = unsafe { &*thread.space }.prepare(count);
        let accepts = MessageInfo(thread.ipc.info).has(MessageInfo::ACCEPT);
        match landing {
            Ok(landing) if accepts => {
                let tokens = landing.take(buffer, &message.caps[..count]);
                for (i, token) in tokens.iter().enumerate() {
                    // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
                    unsafe { (&raw mut (*thread.buffer).caps[i]).write_volatile(token.0) };
                }
            }
            _ => {
                for token in &message.caps[..count] {
                    // It may have been revoked already.
                    let _ = buffer.delete(*token);
                }
                info &= !0x700;
            }
        }
    }
    for i in INLINE_WORDS
        ..MessageInfo(info)
            .length()
            .clamp(INLINE_WORDS, MESSAGE_WORDS)
    {
        // SAFETY: as above.
        unsafe { (&raw mut (*thread.buffer).words[i]).write_volatile(message.words[i]) };
    }
    let [w0, w1, w2, w3, ..] = message.words;
    thread
        .frame
        .set_results(&[info & DELIVERED, message.badge, w0, w1, w2, w3]);
    scheduler::leave_kernel()
}

/// The system call `send_buffered`: leaves a message without waiting for a receiver.
///
/// # Errors
/// `WouldBlock` if the buffer is full, `RateLimited`, and those of a send.
pub fn send_buffered(
    thread: &mut Thread,
    token: u64,
    info: u64,
    words: [u64; 4],
) -> Result<u64, Error> {
    valid(info)?;
    let found = thread.capability(token, Kind::Endpoint, Rights::WRITE)?;
    let (endpoint, badge) = (core::ptr::from_ref(found.typed::<Endpoint>()), found.badge);
    // SAFETY: as in `submit`.
    let endpoint = unsafe { &*endpoint };
    let mut message = Message {
        info: info & DELIVERED,
        badge,
        words: [0; MESSAGE_WORDS],
        caps: [Token(0); CAPS_MAX],
    };
    message.words[..INLINE_WORDS].copy_from_slice(&words);
    for i in INLINE_WORDS..MessageInfo(info).length().max(INLINE_WORDS) {
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
        message.words[i] = unsafe { (&raw const (*thread.buffer).words[i]).read_volatile() };
    }
    let count = MessageInfo(info).caps();
    if count > 0 {
        let buffer = endpoint.buffer_space().ok_or(Error::WouldBlock)?;
        // SAFETY: a running thread has a process, whose space exists.
        let source = unsafe { &*thread.space };
        message.caps = buffer
            .prepare(count)?
            .copy(source, &named(thread, count)[..count])?;
    }
    let mut queues = endpoint.lock();
    let refusal = if queues.unusual & unusual::CLOSED != 0 {
        Some(Error::Closed)
    } else if queues.buffer.is_full() {
        Some(Error::WouldBlock)
    } else if queues.unusual & unusual::LIMITED != 0 && queues.limit.take(badge) != 0 {
        queues.metrics.limited += 1;
        Some(Error::RateLimited)
    } else {
        None
    };
    if let Some(error) = refusal {
        drop(queues);
        if let Some(buffer) = endpoint.buffer_space() {
            for token in &message.caps[..count] {
                // It may have been revoked already.
                let _ = buffer.delete(*token);
            }
        }
        return Err(error);
    }
    queues.metrics.slow(MessageInfo(info).length());
    queues.buffer.push(message);
    queues.unusual |= unusual::BUFFERED;
    // SAFETY: the endpoint's lock is held.
    let receiver = unsafe { queues.receivers.pop() };
    drop(queues);
    if !receiver.is_null() {
        // SAFETY: just popped, so its wake-up is this function's. `Busy`: it is to receive again.
        unsafe { wait::finish(receiver, Error::Busy as i64 as u64, 0) };
    }
    Ok(0)
}

/// The system call `reply`: answers the caller that the thread serves.
///
/// # Errors
/// `NoReplyExpected` if it serves nobody, or the caller's wait has ended.
pub fn reply(thread: &mut Thread, info: u64, words: [u64; 4]) -> Result<u64, Error> {
    valid(info)?;
    let caller = thread.ipc.caller.swap(null_mut(), Ordering::AcqRel);
    stop_serving(thread);
    // SAFETY: a caller clears the link before it is freed, and a grace period covers the rest.
    unsafe {
        if caller.is_null() || !wait::claim_from(caller, thread) {
            return Err(Error::NoReplyExpected);
        }
    }
    // SAFETY: claimed above.
    let caller = unsafe { &mut *caller };
    caller.wait.server.store(null_mut(), Ordering::Release);
    answer(thread, caller, info, words)
}

/// From now on the thread runs at its own rank and expense.
pub fn stop_serving(thread: &mut Thread) {
    affinity::set_effective_rank(thread, thread.task.base_rank.load(Ordering::Relaxed));
    scheduler::local().charge_to(thread);
}

/// The system call `reply_to`: answers through a reply object.
///
/// # Errors
/// `NoReplyExpected` if it was used, or the caller's wait has ended; those of capabilities.
pub fn reply_to(
    thread: &mut Thread,
    reply: &Reply,
    info: u64,
    words: [u64; 4],
) -> Result<u64, Error> {
    valid(info)?;
    let caller = reply.take();
    // SAFETY: what was taken is this function's.
    let caller = unsafe { caller.as_mut() }.ok_or(Error::NoReplyExpected)?;
    caller.wait.reply.store(null_mut(), Ordering::Release);
    answer(thread, caller, info, words)
}

/// Notes how long a claimed caller that is measured has waited for its reply.
fn measure(caller: &mut Thread) {
    if !caller.wait.measured {
        return;
    }
    // SAFETY: the caller waited in this endpoint until it was claimed in this operation, so a grace
    // period covers the endpoint.
    let endpoint = unsafe { &*(caller.wait.object as *const Endpoint) };
    let waited = timer::now().saturating_sub(caller.ipc.started);
    endpoint.lock().metrics.round_trip(waited);
}

/// Gives a claimed caller the thread's message.
fn answer(
    thread: &mut Thread,
    caller: &mut Thread,
    info: u64,
    words: [u64; 4],
) -> Result<u64, Error> {
    measure(caller);
    thread.ipc.info = info;
    thread.ipc.words = words;
    if crate::process::fault::answer(caller, info, words) {
        return Ok(0);
    }
    if let Err((e, _)) = transfer(thread, caller) {
        // SAFETY: claimed above.
        unsafe { wait::finish(caller, e as i64 as u64, 0) };
        return Err(e);
    }
    deliver(thread, caller, 0);
    Ok(0)
}

/// The slow path of `reply_receive`.
#[cold]
#[inline(never)]
pub extern "C" fn reply_receive(
    token: u64,
    info: u64,
    w0: u64,
    w1: u64,
    w2: u64,
    w3: u64,
) -> Outcome {
    // SAFETY: a system call has a current thread.
    let thread = unsafe { scheduler::current() };
    let (endpoint, binding) = match source(thread, token) {
        Ok(found) => found,
        Err(e) => return error(e),
    };
    if !thread.ipc.caller.load(Ordering::Acquire).is_null() {
        match reply(thread, info & !MessageInfo::ACCEPT, [w0, w1, w2, w3]) {
            Ok(_) | Err(Error::NoReplyExpected) => {}
            Err(e) => return error(e),
        }
    }
    receive_from(
        thread,
        endpoint,
        binding,
        info & (MessageInfo::ACCEPT | MessageInfo::NO_WAIT | MessageInfo::TIMED),
    )
}

/// Label of a fault message.
pub const FAULT_LABEL: u32 = 0x7fff_0001;

/// Sends a fault of the current thread to its handler and waits for the answer. Returns only if the
/// handler's endpoint is closed.
pub fn send_fault(thread: &mut Thread, handler: &crate::cap::Object, words: [u64; 4]) {
    // SAFETY: only endpoints become fault handlers, and the thread holds a use of its own.
    let endpoint: &Endpoint = unsafe { &*core::ptr::from_ref(handler).cast() };
    thread.ipc.info = MessageInfo::words(4).labelled(FAULT_LABEL).0;
    thread.ipc.words = words;
    thread.ipc.badge = thread.fault_badge;
    thread.wait.object = core::ptr::from_ref(endpoint) as u64;
    let mut queues = endpoint.lock();
    if queues.unusual & unusual::CLOSED != 0 {
        return;
    }
    // SAFETY: the endpoint's lock is held.
    let receiver = unsafe { queues.receivers.pop() };
    // SAFETY: just popped, so the receiver is this function's.
    if let Some(receiver) = unsafe { receiver.as_mut() } {
        serve(thread, receiver);
        thread.wait.server.store(receiver, Ordering::Release);
        // SAFETY: the lock is held; the thread is running, so in no list.
        unsafe { queues.in_flight.append(thread, endpoint.wait_lock()) };
        drop(queues);
        let badge = thread.fault_badge;
        deliver(thread, receiver, badge);
    } else {
        // SAFETY: as above.
        unsafe { queues.senders.insert(thread, endpoint.wait_lock()) };
        queues.unusual |= unusual::SENDERS;
        drop(queues);
    }
    scheduler::reschedule()
}
