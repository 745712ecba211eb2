//! System calls on capabilities themselves.

use super::{Answer, Arguments, return_words};
use crate::cap::{Checked, Grant, Policy, Rights, Space, Token};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use veridian_abi::Error;

fn space(thread: &Thread) -> &Space {
    // SAFETY: a thread's space lives as long as the thread runs.
    unsafe { &*thread.space }
}

fn rights(bits: u64) -> Result<Rights, Error> {
    let bits = u8::try_from(bits).ok();
    bits.and_then(Rights::from_bits)
        .ok_or(Error::InvalidArgument)
}

pub fn mint(thread: &mut Thread, found: Checked, [_, bits, badge, ..]: Arguments) -> Answer {
    let rights = rights(bits)?;
    let child = found.derive(space(thread), Grant { rights, badge })?;
    Ok(child.0)
}

pub fn delete(_: &mut Thread, found: Checked, _: Arguments) -> Result<(), Error> {
    found.delete()
}

pub fn revoke(_: &mut Thread, found: Checked, _: Arguments) -> Answer {
    found.revoke()
}

pub fn identify(thread: &mut Thread, _: Checked, [token, ..]: Arguments) -> Answer {
    let (tag, badge) = space(thread).identify(Token(token))?;
    let words = [tag.rights().bits() as u64, badge, tag.policy() as u64, 0];
    return_words(thread, tag.kind() as u64, words)
}

pub fn grant(thread: &mut Thread, process: &Process, arguments: Arguments) -> Answer {
    let [_, token, bits, badge, ..] = arguments;
    let rights = rights(bits)?;
    // SAFETY: the caller holds a capability of the process, which therefore exists.
    let target = unsafe { process.open_space()? };
    let copy = space(thread).delegate(Token(token), target, Grant { rights, badge })?;
    Ok(copy.0)
}

pub fn set_inheritance(
    _: &mut Thread,
    found: Checked,
    [_, policy, ..]: Arguments,
) -> Result<(), Error> {
    found.set_policy(Policy::from_word(policy).ok_or(Error::InvalidArgument)?)
}
