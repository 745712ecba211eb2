//! The system calls of IPC.

use super::async_ipc::Channel;
use super::endpoint::{Endpoint, unusual};
use super::limit::Limit;
use super::notification::Notification;
use super::registry::{NAME_MAX, Name, Namespace};
use super::reply::{self, Reply};
use super::sync;
use crate::cap::{Checked, Kind, Rights, Token, Typed, Use};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use crate::syscall::{Outcome, userspace};
use veridian_abi::Error;

type Arguments = [u64; 6];

pub(crate) fn call(
    _: &mut Thread,
    _: Checked,
    [token, info, w0, w1, w2, w3]: Arguments,
) -> Outcome {
    sync::call(token, info, w0, w1, w2, w3)
}

pub(crate) fn reply_receive(
    _: &mut Thread,
    _: Checked,
    [token, info, w0, w1, w2, w3]: Arguments,
) -> Outcome {
    sync::reply_receive(token, info, w0, w1, w2, w3)
}

pub(crate) fn send(
    thread: &mut Thread,
    _: Checked,
    [token, info, words @ ..]: Arguments,
) -> Outcome {
    sync::send(thread, token, info, words)
}

pub(crate) fn receive(thread: &mut Thread, _: Checked, [token, info, ..]: Arguments) -> Outcome {
    sync::receive(thread, token, info)
}

pub(crate) fn reply(thread: &mut Thread, [info, w0, w1, w2, w3, _]: Arguments) -> Outcome {
    sync::reply(thread, info, [w0, w1, w2, w3]).into()
}

/// Puts a first capability to a new object into the space of the process that was named.
fn enter<T: Typed>(found: &Checked, object: Use<T>) -> Result<u64, Error> {
    // SAFETY: the caller holds a capability of the process, which therefore exists.
    let space = unsafe { found.typed::<Process>().open_space()? };
    space
        .insert_root(object.header(), Rights::all(), 0)
        .map(|token| token.0)
}

pub(crate) fn endpoint_create(
    _: &mut Thread,
    found: Checked,
    [_, buffered, ..]: Arguments,
) -> Outcome {
    // SAFETY: a new object's one use is its creator's.
    let created = Endpoint::create(buffered).map(|endpoint| unsafe { Use::from_raw(endpoint) });
    created.and_then(|endpoint| enter(&found, endpoint)).into()
}

pub(crate) fn reply_save(thread: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    reply::save(thread, found.typed::<Process>()).into()
}

pub(crate) fn reply_to(
    thread: &mut Thread,
    found: Checked,
    [token, info, words @ ..]: Arguments,
) -> Outcome {
    let answered = sync::reply_to(thread, found.typed::<Reply>(), info, words);
    // Used up, whether the caller still waited or not.
    // SAFETY: a running thread has a process, whose space exists.
    let _ = unsafe { &*thread.space }.delete(Token(token));
    answered.into()
}

pub(crate) fn send_buffered(
    thread: &mut Thread,
    _: Checked,
    [token, info, words @ ..]: Arguments,
) -> Outcome {
    sync::send_buffered(thread, token, info, words).into()
}

pub(crate) fn endpoint_limit(
    _: &mut Thread,
    found: Checked,
    [_, burst, period, per_sender, ..]: Arguments,
) -> Outcome {
    if burst != 0 && period == 0 {
        return Err::<u64, _>(Error::InvalidArgument).into();
    }
    let mut queues = found.typed::<Endpoint>().lock();
    if burst == 0 {
        queues.unusual &= !unusual::LIMITED;
    } else {
        queues.limit = Limit::new(burst, period, per_sender != 0);
        queues.unusual |= unusual::LIMITED;
    }
    Ok::<u64, Error>(0).into()
}

pub(crate) fn endpoint_metrics(
    _: &mut Thread,
    found: Checked,
    [_, buffer, length, ..]: Arguments,
) -> Outcome {
    let metrics = *found.typed::<Endpoint>().lock().metrics.settle();
    let words = [
        metrics.fast,
        metrics.slow,
        metrics.words,
        metrics.limited,
        metrics.blocked_time,
    ];
    userspace::write_words(buffer, length, &words, &metrics.latency).into()
}

pub(crate) fn notification_create(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    // SAFETY: a new object's one use is its creator's.
    let created = Notification::create().map(|notification| unsafe { Use::from_raw(notification) });
    created
        .map_err(|_| Error::OutOfMemory)
        .and_then(|notification| enter(&found, notification))
        .into()
}

pub(crate) fn signal(_: &mut Thread, found: Checked, [_, bits, ..]: Arguments) -> Outcome {
    found.typed::<Notification>().signal(bits);
    Ok::<u64, Error>(0).into()
}

pub(crate) fn wait(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Outcome {
    found
        .typed::<Notification>()
        .wait(thread, found.binding(), info)
}

pub(crate) fn channel_create(
    _: &mut Thread,
    found: Checked,
    [_, capacity, ..]: Arguments,
) -> Outcome {
    // SAFETY: a new object's one use is its creator's.
    let created = Channel::create(capacity).map(|channel| unsafe { Use::from_raw(channel) });
    created.and_then(|channel| enter(&found, channel)).into()
}

pub(crate) fn channel_send(
    thread: &mut Thread,
    found: Checked,
    [_, count, ..]: Arguments,
) -> Outcome {
    found.typed::<Channel>().send(thread, count).into()
}

pub(crate) fn channel_receive(
    thread: &mut Thread,
    found: Checked,
    [_, count, info, ..]: Arguments,
) -> Outcome {
    found
        .typed::<Channel>()
        .receive(thread, found.binding(), count, info)
}

pub(crate) fn channel_bind(
    thread: &mut Thread,
    found: Checked,
    [_, token, bits, ..]: Arguments,
) -> Outcome {
    let bind = || {
        let bound = thread.capability(token, Kind::Notification, Rights::WRITE)?;
        let bound = Use::of(bound.typed::<Notification>()).ok_or(Error::InvalidCapability)?;
        let channel = Use::of(found.typed::<Channel>()).ok_or(Error::InvalidCapability)?;
        channel.bind(bound, bits);
        Ok(())
    };
    bind().into()
}

pub(crate) fn namespace_create(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    Namespace::create()
        .and_then(|namespace| enter(&found, namespace))
        .into()
}

/// Copies a name in; names are 1 to 32 bytes without a zero.
fn name(address: u64, length: u64) -> Result<Name, Error> {
    let mut name = [0; NAME_MAX];
    let bytes = name
        .get_mut(..length as usize)
        .filter(|b| !b.is_empty())
        .ok_or(Error::InvalidArgument)?;
    userspace::read_bytes(address, bytes)?;
    if bytes.contains(&0) {
        Err(Error::InvalidArgument)
    } else {
        Ok(name)
    }
}

pub(crate) fn register(thread: &mut Thread, found: Checked, arguments: Arguments) -> Outcome {
    let [_, address, length, token, rights, _] = arguments;
    let register = || {
        let name = name(address, length)?;
        let rights = u8::try_from(rights)
            .ok()
            .and_then(Rights::from_bits)
            .ok_or(Error::InvalidArgument)?;
        // SAFETY: a running thread has a process, whose space exists.
        let space = unsafe { &*thread.space };
        found
            .typed::<Namespace>()
            .register(name, space, Token(token), rights)
    };
    register().into()
}

pub(crate) fn lookup(
    thread: &mut Thread,
    found: Checked,
    [_, address, length, ..]: Arguments,
) -> Outcome {
    let find = || {
        // SAFETY: a running thread has a process, whose space exists.
        let space = unsafe { &*thread.space };
        found
            .typed::<Namespace>()
            .find(name(address, length)?, space)
            .map(|token| token.0)
    };
    find().into()
}

pub(crate) fn unregister(
    _: &mut Thread,
    found: Checked,
    [_, address, length, ..]: Arguments,
) -> Outcome {
    name(address, length)
        .and_then(|name| found.typed::<Namespace>().unregister(name))
        .into()
}

pub(crate) fn endpoint_close(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    found.typed::<Endpoint>().close();
    Ok::<u64, Error>(0).into()
}
