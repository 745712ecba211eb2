//! Synchronous channels: the paths that check everything.
//!
//! A message is taken by a receiver that waits, or its sender waits in the order of rank until one
//! comes. A call that was taken waits on in the endpoint's list of calls in flight for its reply;
//! a send ends when it is taken. Capabilities travel between two threads of which one is running and the
//! other is claimed (in no list), with no lock held: the message is delivered whole or not at all.

use core::ptr::null_mut;
use core::sync::atomic::Ordering;

use super::buffer::{self, Message};
use super::endpoint::{Endpoint, unusual};
use super::reply::Reply;
use crate::arch::timer;
use crate::cap::{Binding, Checked, Kind, Rights, Token, Tokens};
use crate::process::thread::Thread;
use crate::process::wait::{self, Claimed, Reason};
use crate::sched::{affinity, scheduler};
use crate::syscall::{Answer, Arguments, Outcome};
use veridian_abi::{CAPS_MAX, Error, MESSAGE_WORDS, MessageInfo};

/// The bits of a descriptor that hold the number of capabilities.
const CAPS: u64 = 0x700;

/// Notes the message that the current thread is about to send, after a check of what it says of it.
fn stage(thread: &mut Thread, info: u64, words: [u64; 4], badge: u64) -> Result<(), Error> {
    let stated = MessageInfo(info);
    if stated.length() > MESSAGE_WORDS || stated.caps() > CAPS_MAX || info >> 63 != 0 {
        return Err(Error::InvalidArgument);
    }
    thread.ipc.info = info;
    thread.ipc.words = words;
    thread.ipc.badge = badge;
    Ok(())
}

/// The slow path of `call`.
#[cold]
#[inline(never)]
pub extern "C" fn call(token: u64, info: u64, w0: u64, w1: u64, w2: u64, w3: u64) -> Outcome {
    // SAFETY: a system call has a current thread.
    let thread = unsafe { scheduler::current() };
    submit(thread, token, info, [w0, w1, w2, w3], Reason::Call).into()
}

/// The system call `send`.
pub fn send(thread: &mut Thread, _: Checked, [token, info, words @ ..]: Arguments) -> Answer {
    submit(thread, token, info, words, Reason::Send)
}

/// Sends a message: to a receiver that waits, or by waiting for one.
fn submit(thread: &mut Thread, token: u64, info: u64, words: [u64; 4], reason: Reason) -> Answer {
    // SAFETY: a running thread has a process, whose space exists.
    let space = unsafe { &*thread.space };
    let memo = &mut thread.ipc.target;
    let found = memo.lookup(space, Token(token), Kind::Endpoint, Rights::WRITE)?;
    let (endpoint, via) = (found.typed::<Endpoint>(), found.binding());
    stage(thread, info, words, found.badge)?;
    thread.ipc.started = timer::now();
    let mut queues = endpoint.queues.lock();
    let wait = queues.admit(found.badge)?;
    if wait != 0 {
        drop(queues);
        // The sender tries again after the wait.
        return match MessageInfo(info).has(MessageInfo::NO_WAIT) {
            true => Err(Error::RateLimited),
            false => affinity::sleep(thread, Reason::Limit, timer::now() + wait),
        };
    }
    queues.metrics.slow(MessageInfo(info).length());
    let object = &raw const *endpoint as u64;
    let Some(mut receiver) = queues.receivers.pop() else {
        return wait::block(thread, (reason, object), via, info, queues, |queues| {
            queues.unusual |= unusual::SENDERS;
            &mut queues.senders
        });
    };
    drop(queues);
    if let Err(error) = transfer(thread, &mut receiver) {
        receiver.wait_on(&endpoint.queues, |queues| &mut queues.receivers);
        return Err(error);
    }
    if reason == Reason::Send {
        deliver(thread, receiver);
        return Ok(0);
    }
    serve(thread, &mut receiver);
    let deadline = wait::deadline(thread, info);
    wait::leave(thread, (Reason::Reply, object), via, deadline, |thread| {
        thread.wait.measured = true;
        let mut queues = endpoint.queues.lock();
        let lock = queues.wait_lock();
        // SAFETY: the lock is held; the thread is running, so in no list.
        unsafe { queues.in_flight.settled_push(thread, lock) };
        drop(queues);
        deliver(thread, receiver);
    })
}

/// The capabilities that a sender names in its buffer, each with the rights it reduces them to.
fn named(sender: &Thread) -> [(Token, Rights); CAPS_MAX] {
    core::array::from_fn(|i| {
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
        let token = unsafe { (&raw const (*sender.buffer).caps[i]).read_volatile() };
        // SAFETY: as above.
        let rights = unsafe { (&raw const (*sender.buffer).cap_rights[i]).read_volatile() };
        (Token(token), Rights::from_bits_truncate(rights as u8))
    })
}

/// Tells a receiver the capabilities that it got.
fn put_tokens(receiver: &Thread, tokens: &[Token]) {
    for (i, token) in tokens.iter().enumerate() {
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
        unsafe { (&raw mut (*receiver.buffer).caps[i]).write_volatile(token.0) };
    }
}

/// Hands the sender's capabilities to the receiver.
fn transfer(sender: &Thread, receiver: &mut Thread) -> Result<(), Error> {
    let count = MessageInfo(sender.ipc.info).caps();
    if count == 0 {
        return Ok(());
    }
    if !MessageInfo(receiver.ipc.info).has(MessageInfo::ACCEPT) || sender.buffer.is_null() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: the sender waits or runs, the receiver waits: both have processes, whose spaces exist.
    let (source, target) = unsafe { (&*sender.space, &*receiver.space) };
    let tokens = target
        .prepare(count)?
        .copy(source, &named(sender)[..count])?;
    put_tokens(receiver, &tokens);
    Ok(())
}

/// Notes that `server` is to answer `caller`, at the rank of the higher and so at the caller's expense.
fn serve(caller: &mut Thread, server: &mut Thread) {
    server.ipc.caller.store(caller, Ordering::Release);
    let rank = server.task.rank().max(caller.task.rank());
    server.task.effective_rank.store(rank, Ordering::Relaxed);
    caller.wait.server.store(server, Ordering::Release);
}

/// Gives a claimed receiver the sender's message and makes it ready.
fn deliver(sender: &Thread, receiver: Claimed) {
    let results = buffer::pass(sender, &receiver);
    receiver.resume(&results);
}

/// Goes on as the current thread with what it has received.
fn go_on(thread: &mut Thread, results: &[u64; 6]) -> ! {
    thread.frame.set_results(results);
    scheduler::leave_kernel()
}

/// The system call `receive`.
pub fn receive(thread: &mut Thread, _: Checked, [token, info, ..]: Arguments) -> Answer {
    let (endpoint, via) = source(thread, token)?;
    match thread.ipc.caller.load(Ordering::Acquire).is_null() {
        true => receive_from(thread, endpoint, via, info),
        false => Err(Error::Busy),
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

fn receive_from(thread: &mut Thread, endpoint: &Endpoint, via: Binding, info: u64) -> Answer {
    thread.ipc.info = info;
    loop {
        let mut queues = endpoint.queues.lock();
        if queues.unusual & unusual::CLOSED != 0 {
            return Err(Error::Closed);
        }
        if let Some(message) = queues.buffer.pop() {
            if queues.buffer.is_empty() {
                queues.unusual &= !unusual::BUFFERED;
            }
            drop(queues);
            take_buffered(thread, endpoint, message);
        }
        let sender = queues.senders.pop();
        if queues.senders.is_empty() {
            queues.unusual &= !unusual::SENDERS;
        }
        let Some(sender) = sender else {
            let what = (Reason::Receive, &raw const *endpoint as u64);
            return wait::block(thread, what, via, info, queues, |q| &mut q.receivers);
        };
        drop(queues);
        match transfer(&sender, thread) {
            Ok(()) => take(thread, endpoint, sender),
            Err(error) => sender.finish(Err(error)),
        }
    }
}

/// Takes the message of a claimed sender and goes on with it.
fn take(thread: &mut Thread, endpoint: &Endpoint, mut sender: Claimed) -> ! {
    let results = buffer::pass(&sender, thread);
    if sender.wait.reason == Reason::Send {
        sender.finish(Ok(0));
    } else {
        serve(&mut sender, thread);
        scheduler::local().charge_to(thread.payer());
        if sender.wait.reason == Reason::Call {
            sender.wait.reason = Reason::Reply;
            sender.wait.measured = true;
        }
        sender.wait_on(&endpoint.queues, |queues| &mut queues.in_flight);
    }
    go_on(thread, &results)
}

/// Goes on with a buffered message.
fn take_buffered(thread: &mut Thread, endpoint: &Endpoint, mut message: Message) -> ! {
    let caps = &message.caps[..message.info.caps()];
    if let (Some(buffered), false) = (endpoint.space.get(), caps.is_empty()) {
        // SAFETY: a running thread has a process, whose space exists.
        let landing = unsafe { &*thread.space }.prepare(caps.len());
        match landing {
            Ok(landing) if MessageInfo(thread.ipc.info).has(MessageInfo::ACCEPT) => {
                let tokens: Tokens = landing.take(buffered, caps);
                put_tokens(thread, &tokens);
            }
            _ => {
                endpoint.discard(caps);
                message.info.0 &= !CAPS;
            }
        }
    }
    let results = message.put(thread);
    go_on(thread, &results)
}

/// The system call `send_buffered`: leaves a message without waiting for a receiver.
///
/// # Errors
/// `WouldBlock` if the buffer is full, `RateLimited`, and those of a send.
pub fn send_buffered(thread: &mut Thread, found: Checked, arguments: Arguments) -> Answer {
    let [_, info, words @ ..] = arguments;
    let endpoint: &Endpoint = found.typed();
    stage(thread, info, words, found.badge)?;
    let mut message = Message::of(thread);
    let count = message.info.caps();
    if count > 0 {
        let buffered = endpoint.space.get().ok_or(Error::WouldBlock)?;
        // SAFETY: a running thread has a process, whose space exists.
        let source = unsafe { &*thread.space };
        let landing = buffered.prepare(count)?;
        message.caps = landing.copy(source, &named(thread)[..count])?;
    }
    let enter = || {
        let mut queues = endpoint.queues.lock();
        if queues.unusual & unusual::CLOSED == 0 && queues.buffer.is_full() {
            return Err(Error::WouldBlock);
        }
        if queues.admit(found.badge)? != 0 {
            return Err(Error::RateLimited);
        }
        queues.metrics.slow(message.info.length());
        queues.buffer.push(message);
        queues.unusual |= unusual::BUFFERED;
        Ok(queues.receivers.pop())
    };
    let receiver = enter().inspect_err(|_| endpoint.discard(&message.caps[..count]))?;
    if let Some(receiver) = receiver {
        // It is to receive again.
        receiver.finish(Err(Error::Busy));
    }
    Ok(0)
}

/// The system call `reply`: answers the caller that the thread serves.
///
/// # Errors
/// `NoReplyExpected` if it serves nobody, or the caller's wait has ended.
pub fn reply(thread: &mut Thread, [info, words @ .., _]: Arguments) -> Answer {
    stage(thread, info, words, 0)?;
    let caller = thread.ipc.caller.swap(null_mut(), Ordering::AcqRel);
    stop_serving(thread);
    // SAFETY: a caller clears the link before it is freed, and a grace period covers the rest.
    let claimed = unsafe { wait::claim(caller, |wait| wait.is_for(thread)) };
    let caller = claimed.ok_or(Error::NoReplyExpected)?;
    caller.wait.server.store(null_mut(), Ordering::Release);
    answer(thread, caller)
}

/// From now on the thread runs at its own rank and expense.
pub fn stop_serving(thread: &mut Thread) {
    affinity::set_effective_rank(thread, thread.task.base_rank.load(Ordering::Relaxed));
    scheduler::local().charge_to(thread);
}

/// The system call `reply_to`: answers through a reply object, which is used up, whether its caller still
/// waited or not.
///
/// # Errors
/// `NoReplyExpected` if it was used, or the caller's wait has ended; those of capabilities.
pub fn reply_to(thread: &mut Thread, found: Checked, arguments: Arguments) -> Answer {
    let [token, info, words @ ..] = arguments;
    let reply: &Reply = found.typed();
    let answered = stage(thread, info, words, 0).and_then(|()| {
        let caller = reply.take().ok_or(Error::NoReplyExpected)?;
        caller.wait.reply.store(null_mut(), Ordering::Release);
        answer(thread, caller)
    });
    // SAFETY: a running thread has a process, whose space exists.
    let _ = unsafe { &*thread.space }.delete(Token(token));
    answered
}

/// Gives a claimed caller the message that the thread has staged.
fn answer(thread: &Thread, mut caller: Claimed) -> Answer {
    if caller.wait.measured {
        // SAFETY: the caller waited in this endpoint until it was claimed in this operation, so a grace
        // period covers the endpoint.
        let endpoint = unsafe { &*(caller.wait.object as *const Endpoint) };
        let waited = timer::now().saturating_sub(caller.ipc.started);
        endpoint.queues.lock().metrics.round_trip(waited);
    }
    if caller.wait.reason == Reason::Fault {
        crate::process::fault::answer(caller, thread.ipc.words[0]);
        return Ok(0);
    }
    match transfer(thread, &mut caller) {
        Ok(()) => deliver(thread, caller),
        Err(error) => {
            caller.finish(Err(error));
            return Err(error);
        }
    }
    Ok(0)
}

/// The slow path of `reply_receive`.
#[cold]
#[inline(never)]
pub extern "C" fn reply_receive(at: u64, info: u64, w0: u64, w1: u64, w2: u64, w3: u64) -> Outcome {
    // SAFETY: a system call has a current thread.
    let thread = unsafe { scheduler::current() };
    let mut go = || {
        let (endpoint, via) = source(thread, at)?;
        if !thread.ipc.caller.load(Ordering::Acquire).is_null() {
            match reply(thread, [info & !MessageInfo::ACCEPT, w0, w1, w2, w3, 0]) {
                Ok(_) | Err(Error::NoReplyExpected) => {}
                error => return error,
            }
        }
        let flags = MessageInfo::ACCEPT | MessageInfo::NO_WAIT | MessageInfo::TIMED;
        receive_from(thread, endpoint, via, info & flags)
    };
    go().into()
}

/// Sends a fault of the current thread to its handler and waits for the answer. Returns only if the
/// handler's endpoint is closed.
pub fn send_fault(thread: &mut Thread, handler: &crate::cap::Object, words: [u64; 4]) {
    // SAFETY: only endpoints become fault handlers, and the thread holds a use of its own.
    let endpoint: &Endpoint = unsafe { &*core::ptr::from_ref(handler).cast() };
    thread.ipc.info = MessageInfo::words(4).labelled(veridian_abi::fault::LABEL).0;
    thread.ipc.words = words;
    thread.ipc.badge = thread.fault_badge;
    let what = (Reason::Fault, &raw const *endpoint as u64);
    let mut queues = endpoint.queues.lock();
    if queues.unusual & unusual::CLOSED != 0 {
        return;
    }
    let mut receiver = queues.receivers.pop();
    match &mut receiver {
        Some(receiver) => serve(thread, receiver),
        None => queues.unusual |= unusual::SENDERS,
    }
    wait::leave(thread, what, Binding::KERNEL, u64::MAX, |thread| {
        let lock = queues.wait_lock();
        let list = match receiver {
            Some(_) => &mut queues.in_flight,
            None => &mut queues.senders,
        };
        // SAFETY: the lock is held; the thread is running, so in no list.
        unsafe { list.insert(thread, lock) };
        drop(queues);
        if let Some(receiver) = receiver {
            deliver(thread, receiver);
        }
    })
}
