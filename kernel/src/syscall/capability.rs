//! System calls on capabilities themselves.

use super::{Arguments, Outcome, return_words};
use crate::cap::{Checked, Grant, Policy, Rights, Space, Token};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use veridian_abi::Error;

fn space(thread: &Thread) -> &Space {
    // SAFETY: a thread's space lives as long as the thread runs.
    unsafe { &*thread.space }
}

fn rights(bits: u64) -> Result<Rights, Error> {
    u8::try_from(bits)
        .ok()
        .and_then(Rights::from_bits)
        .ok_or(Error::InvalidArgument)
}

pub fn mint(thread: &mut Thread, found: Checked, [_, bits, badge, ..]: Arguments) -> Outcome {
    rights(bits)
        .and_then(|rights| found.derive(space(thread), Grant { rights, badge }))
        .map(|t| t.0)
        .into()
}

pub fn delete(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    found.delete().into()
}

pub fn revoke(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    found.revoke().into()
}

pub fn identify(thread: &mut Thread, _: Checked, [token, ..]: Arguments) -> Outcome {
    match space(thread).identify(Token(token)) {
        Ok((tag, badge)) => return_words(
            thread,
            tag.kind() as u64,
            [tag.rights().bits() as u64, badge, tag.policy() as u64, 0],
        ),
        Err(error) => Err::<u64, _>(error).into(),
    }
}

pub fn grant(
    thread: &mut Thread,
    found: Checked,
    [_, token, bits, badge, ..]: Arguments,
) -> Outcome {
    let grant = || {
        let grant = Grant {
            rights: rights(bits)?,
            badge,
        };
        // SAFETY: the caller holds a capability of the process, which therefore exists.
        let target = unsafe { found.typed::<Process>().open_space()? };
        space(thread)
            .delegate(Token(token), target, grant)
            .map(|token| token.0)
    };
    grant().into()
}

pub fn set_inheritance(_: &mut Thread, found: Checked, [_, policy, ..]: Arguments) -> Outcome {
    Policy::from_word(policy)
        .ok_or(Error::InvalidArgument)
        .and_then(|policy| found.set_policy(policy))
        .into()
}
