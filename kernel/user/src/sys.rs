//! System calls, one stub per line of the kernel's table.
//!
//! The stubs take and return plain words: status first, then value and message words. What a
//! program normally uses are the typed wrappers in the other modules.

use core::mem::MaybeUninit;

use crate::arch;
use crate::{Error, Result};

/// What a call returned: status or error, value, words 0 to 3.
#[derive(Clone, Copy, Debug)]
pub struct Returned {
    /// Zero or positive on success, an error code otherwise.
    pub status: i64,
    /// First result.
    pub value: u64,
    /// Message words.
    pub words: [u64; 4],
}

impl Returned {
    /// The value, or the error.
    #[inline]
    pub fn value(self) -> Result<u64> {
        self.check().map(|r| r.value)
    }
    /// The whole, or the error.
    #[inline]
    pub fn check(self) -> Result<Self> {
        if self.status >= 0 {
            Ok(self)
        } else {
            Err(error(self.status))
        }
    }
    /// The status, or the error.
    #[inline]
    pub fn status(self) -> Result<u64> {
        self.check().map(|r| r.status as u64)
    }
}

#[cold]
fn error(status: i64) -> Error {
    Error::from_status(status).unwrap_or(Error::InvalidArgument)
}

/// Enters the kernel with a number and arguments of the caller's choice.
#[inline(always)]
pub fn raw(number: u64, arguments: [u64; 6]) -> Returned {
    enter(number, arguments.map(MaybeUninit::new))
}

#[inline(always)]
fn enter(number: u64, arguments: [MaybeUninit<u64>; 6]) -> Returned {
    let [status, value, words @ ..] = arch::system_call(number, arguments);
    Returned {
        status: status as i64,
        value,
        words,
    }
}

macro_rules! stubs {
    ($($(#[$doc:meta])* $number:literal $name:ident($($arg:ident),*) $authority:ident $(($type:ident, $rights:ident))?;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name($($arg: u64),*) -> Returned {
            #[allow(unused_mut)]
            let mut arguments = [MaybeUninit::uninit(); 6];
            let given: &[u64] = &[$($arg),*];
            for (place, word) in arguments.iter_mut().zip(given) {
                *place = MaybeUninit::new(*word);
            }
            enter($number, arguments)
        })*
    };
}
veridian_abi::system_calls!(stubs);

/// `call` without words, whose registers then need no values.
#[inline(always)]
pub fn call_without_words(endpoint: u64, info: u64) -> Returned {
    let mut arguments = [MaybeUninit::uninit(); 6];
    (arguments[0], arguments[1]) = (MaybeUninit::new(endpoint), MaybeUninit::new(info));
    enter(veridian_abi::number::call, arguments)
}

/// Instructions this CPU executed, when QEMU counts them.
#[inline(always)]
pub fn instructions() -> u64 {
    arch::instructions()
}

/// The calling thread's pointer to its thread-local data.
#[inline(always)]
pub fn thread_pointer() -> usize {
    arch::thread_pointer()
}
