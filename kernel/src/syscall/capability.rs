//! System calls on capabilities themselves.

use super::{Answer, Arguments, Done, return_words};
use crate::cap::{Checked, Grant, Policy, Rights, Token};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use veridian_abi::Error;

/// The rights that a user names.
pub fn rights(bits: u64) -> Result<Rights, Error> {
    let bits = u8::try_from(bits).ok();
    bits.and_then(Rights::from_bits)
        .ok_or(Error::InvalidArgument)
}

pub fn mint(thread: &mut Thread, found: Checked, [_, bits, badge, ..]: Arguments) -> Answer {
    let rights = rights(bits)?;
    let child = found.derive(thread.capabilities(), Grant { rights, badge })?;
    Ok(child.0)
}

pub fn delete(_: &mut Thread, found: Checked, _: Arguments) -> Done {
    found.delete()
}

pub fn revoke(_: &mut Thread, found: Checked, _: Arguments) -> Answer {
    found.revoke()
}

pub fn identify(thread: &mut Thread, found: Checked, _: Arguments) -> Answer {
    let (tag, badge) = (found.tag(), found.badge);
    let words = [tag.rights().bits() as u64, badge, tag.policy() as u64, 0];
    return_words(thread, tag.kind() as u64, words)
}

pub fn grant(thread: &mut Thread, process: &Process, arguments: Arguments) -> Answer {
    let [_, token, bits, badge, ..] = arguments;
    let (rights, space) = (rights(bits)?, thread.capabilities());
    let copy = space.delegate(Token(token), process.space()?, Grant { rights, badge })?;
    Ok(copy.0)
}

pub fn set_inheritance(_: &mut Thread, found: Checked, [_, policy, ..]: Arguments) -> Done {
    found.set_policy(Policy::from_word(policy).ok_or(Error::InvalidArgument)?)
}
