//! The system calls on the objects of IPC.

use super::async_ipc::Channel;
use super::endpoint::{Endpoint, unusual};
use super::limit::Limit;
use super::message_passing::{ipc_fast_call, ipc_fast_reply_receive};
use super::notification::Notification;
use super::registry::{NAME_MAX, Name, Namespace};
use crate::cap::{Checked, Kind, Rights, Token, Use};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use crate::syscall::{Answer, Arguments, Done, Outcome, rights, userspace};
use veridian_abi::Error;

pub fn call(_: &mut Thread, _: Checked, [token, info, w0, w1, w2, w3]: Arguments) -> Outcome {
    ipc_fast_call(token, info, w0, w1, w2, w3)
}

pub fn reply_receive(_: &mut Thread, _: Checked, arguments: Arguments) -> Outcome {
    let [token, info, w0, w1, w2, w3] = arguments;
    ipc_fast_reply_receive(token, info, w0, w1, w2, w3)
}

pub fn endpoint_create(_: &mut Thread, process: &Process, [_, ring, ..]: Arguments) -> Answer {
    process.give(Endpoint::create(ring)?.header())
}

pub fn endpoint_limit(_: &mut Thread, endpoint: &Endpoint, arguments: Arguments) -> Answer {
    let [_, burst, period, per_sender, ..] = arguments;
    if burst != 0 && period == 0 {
        return Err(Error::InvalidArgument);
    }
    let mut queues = endpoint.queues.lock();
    queues.limit = Limit::new(burst, period, per_sender != 0);
    match burst {
        0 => queues.unusual &= !unusual::LIMITED,
        _ => queues.unusual |= unusual::LIMITED,
    }
    Ok(0)
}

pub fn endpoint_metrics(_: &mut Thread, endpoint: &Endpoint, arguments: Arguments) -> Answer {
    let [_, buffer, length, ..] = arguments;
    let m = *endpoint.queues.lock().metrics.settle();
    let words = [m.fast, m.slow, m.words, m.limited, m.blocked_time];
    userspace::write_words(buffer, length, &words, &m.latency)
}

pub fn endpoint_close(_: &mut Thread, endpoint: &Endpoint, _: Arguments) -> Answer {
    // It is in use while its capabilities end, which waits for other CPUs.
    let endpoint = Use::of(endpoint).ok_or(Error::InvalidCapability)?;
    endpoint.close();
    Ok(0)
}

pub fn notification_create(_: &mut Thread, process: &Process, _: Arguments) -> Answer {
    process.give(Notification::create()?.header())
}

pub fn signal(_: &mut Thread, notification: &Notification, [_, bits, ..]: Arguments) -> Answer {
    notification.signal(bits);
    Ok(0)
}

pub fn wait(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Answer {
    let notification: &Notification = found.typed();
    notification.wait(thread, found.binding(), info)
}

pub fn channel_create(_: &mut Thread, process: &Process, [_, capacity, ..]: Arguments) -> Answer {
    process.give(Channel::create(capacity)?.header())
}

pub fn channel_send(thread: &mut Thread, channel: &Channel, [_, count, ..]: Arguments) -> Answer {
    channel.send(thread, count)
}

pub fn channel_receive(thread: &mut Thread, found: Checked, arguments: Arguments) -> Answer {
    let [_, count, info, ..] = arguments;
    let channel: &Channel = found.typed();
    channel.receive(thread, found.binding(), count, info)
}

pub fn channel_bind(thread: &mut Thread, channel: &Channel, arguments: Arguments) -> Answer {
    let [_, token, bits, ..] = arguments;
    let bound = thread.capability(token, Kind::Notification, Rights::WRITE)?;
    let bound = Use::of(bound.typed::<Notification>()).ok_or(Error::InvalidCapability)?;
    let channel = Use::of(channel).ok_or(Error::InvalidCapability)?;
    channel.bind(bound, bits);
    Ok(0)
}

pub fn namespace_create(_: &mut Thread, process: &Process, _: Arguments) -> Answer {
    process.give(Namespace::create()?.header())
}

/// Copies a name in; names are 1 to 32 bytes without a zero.
fn name(address: u64, length: u64) -> Result<Name, Error> {
    let mut name = [0; NAME_MAX];
    let bytes = name.get_mut(..length as usize).filter(|b| !b.is_empty());
    let bytes = bytes.ok_or(Error::InvalidArgument)?;
    userspace::read_bytes(address, bytes)?;
    match bytes.contains(&0) {
        true => Err(Error::InvalidArgument),
        false => Ok(name),
    }
}

pub fn register(thread: &mut Thread, namespace: &Namespace, arguments: Arguments) -> Done {
    let [_, address, length, token, bits, _] = arguments;
    let (name, rights) = (name(address, length)?, rights(bits)?);
    namespace.register(name, thread.capabilities(), Token(token), rights)
}

pub fn lookup(thread: &mut Thread, namespace: &Namespace, arguments: Arguments) -> Answer {
    let name = name(arguments[1], arguments[2])?;
    Ok(namespace.find(name, thread.capabilities())?.0)
}

pub fn unregister(_: &mut Thread, namespace: &Namespace, arguments: Arguments) -> Done {
    namespace.unregister(name(arguments[1], arguments[2])?)
}
