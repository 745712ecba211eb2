//! What kernel and user space agree on, in one place.
//!
//! The system-call table ([`system_calls!`]) is the only list of calls: the
//! kernel generates its dispatcher from it and the user library its stubs.
//! Everything here is plain data; nothing depends on the architecture.
//!
//! Registers: a call has a number and up to six arguments; it returns a status,
//! one value and up to four words. The registers that carry them are listed in
//! `kernel/src/syscall/abi.rs`. Words 0 to 3 of a message travel in the same
//! registers in both directions.
#![no_std]

mod calls;
mod error;
mod message;
pub mod well_known;

pub use calls::number;
pub use error::Error;
pub use message::{
    CAPS_MAX, INLINE_WORDS, MESSAGE_BUFFER_SIZE, MESSAGE_WORDS, MessageBuffer, MessageInfo,
    NO_TOKEN,
};

/// Rights of a capability, as bits (`r w x g d m` in every listing).
pub mod rights {
    /// Receive from an endpoint, read a memory object, query an object.
    pub const READ: u8 = 1;
    /// Send to an endpoint, write a memory object, signal a notification.
    pub const WRITE: u8 = 1 << 1;
    /// Execute from a memory object.
    pub const EXECUTE: u8 = 1 << 2;
    /// Pass the capability on in a message or to another process.
    pub const GRANT: u8 = 1 << 3;
    /// Mint children of the capability.
    pub const DERIVE: u8 = 1 << 4;
    /// Control the object: kill, map into, schedule, destroy.
    pub const MANAGE: u8 = 1 << 5;
    /// Every right.
    pub const ALL: u8 = 0x3f;
}

/// Scheduling classes, in falling order of precedence.
pub mod class {
    /// Fixed priority, level 0 (lowest) to 255 (highest); runs until it blocks.
    pub const FIXED: u64 = 0;
    /// Round-robin with a fixed slice, below every fixed-priority thread.
    pub const ROUND_ROBIN: u64 = 1;
    /// Completely fair: nice weights over virtual run time, below round-robin.
    pub const FAIR: u64 = 2;
}

/// Access permissions of a mapping, as bits.
pub mod protection {
    /// Readable.
    pub const READ: u64 = 1;
    /// Writable; never together with [`EXECUTE`].
    pub const WRITE: u64 = 2;
    /// Executable.
    pub const EXECUTE: u64 = 4;
}

/// What happens to a capability when its process forks or executes.
pub mod inheritance {
    /// The child or new image gets a derived copy under the same token.
    pub const INHERIT: u64 = 0;
    /// As `INHERIT`, without the write, grant, derive and manage rights.
    pub const INHERIT_REDUCED: u64 = 1;
    /// The child or new image does not get it.
    pub const DROP: u64 = 2;
}

/// What becomes of a fault in user code.
pub mod fault {
    /// Label of the message to the thread's fault handler; its words are kind, address, pc, code.
    pub const LABEL: u32 = 0x7fff_0001;
    /// Status of a process that ended by a fault.
    pub const STATUS: u8 = 139;
}

/// Words that user-space locks share with the kernel.
pub mod futex {
    /// Set in a mutex word when the kernel knows of waiters; the other bits are the owner's number.
    pub const WAITERS: u32 = 1 << 31;
}
