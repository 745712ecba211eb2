//! What a capability allows, and what happens to it when its process forks or executes.

use veridian_abi::rights as bits;

use crate::inspect::{Name, Named};

bitflags::bitflags! {
    /// Rights of a capability, written `rwxgdm`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    #[repr(transparent)]
    pub struct Rights: u8 {
        /// Receive, read, query.
        const READ = bits::READ;
        /// Send, write, signal.
        const WRITE = bits::WRITE;
        /// Execute from a memory object.
        const EXECUTE = bits::EXECUTE;
        /// Pass a copy on to another space.
        const GRANT = bits::GRANT;
        /// Mint children.
        const DERIVE = bits::DERIVE;
        /// Control the object; revoke what was derived.
        const MANAGE = bits::MANAGE;
    }
}

impl Rights {
    /// No right at all: what a call needs that any capability may make.
    pub const NONE: Rights = Rights::empty();
    /// The rights left to a copy that is inherited reduced.
    pub const REDUCED: Rights = Rights::READ.union(Rights::EXECUTE);
}

impl Named for Rights {
    const NAMES: &'static [Name] = &[
        Name::new(bits::READ as u64, "read"),
        Name::new(bits::WRITE as u64, "write"),
        Name::new(bits::EXECUTE as u64, "execute"),
        Name::new(bits::GRANT as u64, "grant"),
        Name::new(bits::DERIVE as u64, "derive"),
        Name::new(bits::MANAGE as u64, "manage"),
    ];
}

crate::described! {
    /// What a process's child or its next image gets of a capability.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    #[repr(u8)]
    pub enum Policy {
        /// A copy with the same rights under the same token.
        Inherit = veridian_abi::inheritance::INHERIT as u8,
        /// A copy with at most `Rights::REDUCED`.
        InheritReduced = veridian_abi::inheritance::INHERIT_REDUCED as u8,
        /// Nothing.
        Drop = veridian_abi::inheritance::DROP as u8,
    }
}

impl Policy {
    /// The policy a system call names.
    pub const fn from_word(word: u64) -> Option<Policy> {
        match word {
            veridian_abi::inheritance::INHERIT => Some(Policy::Inherit),
            veridian_abi::inheritance::INHERIT_REDUCED => Some(Policy::InheritReduced),
            veridian_abi::inheritance::DROP => Some(Policy::Drop),
            _ => None,
        }
    }

    /// The rights that a copy of `rights` has, or none if there is no copy.
    pub fn reduce(self, rights: Rights) -> Option<Rights> {
        match self {
            Policy::Inherit => Some(rights),
            Policy::InheritReduced => Some(rights & Rights::REDUCED),
            Policy::Drop => None,
        }
    }
}
