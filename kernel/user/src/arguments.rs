//! What a program was started with: words in a page that its starter gave it.
//!
//! The page holds a 64-bit length and then the words, each ended by a zero byte. Its
//! token is the argument of `process_start`; 0 means none.

use core::str;

use crate::abi::protection;
use crate::abi::well_known::ADDRESS_SPACE;
use crate::{Result, sys};

/// Bytes of words at most.
pub const MAX: usize = 4096 - 8;

/// Words a program was started with.
#[derive(Clone, Copy)]
pub struct Arguments {
    bytes: &'static [u8],
    /// The word given to `process_start`.
    pub word: u64,
}

impl Arguments {
    pub(crate) fn receive(word: u64) -> Self {
        let mapped = if word == 0 {
            Ok(0)
        } else {
            sys::map(ADDRESS_SPACE, word, 0, 0, 4096, protection::READ).value()
        };
        let bytes = match mapped {
            Ok(address) if address != 0 => {
                // SAFETY: the kernel mapped a page here, readable, for the life of the process;
                // the starter gives it up by contract.
                unsafe {
                    let length = (address as *const u64).read().min(MAX as u64) as usize;
                    core::slice::from_raw_parts((address + 8) as *const u8, length)
                }
            }
            _ => &[],
        };
        Self { bytes, word }
    }

    /// The words that are valid UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.bytes
            .split(|&b| b == 0)
            .filter(|w| !w.is_empty())
            .filter_map(|w| str::from_utf8(w).ok())
    }

    /// Number of words.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// Word `index`, from 0.
    pub fn get(&self, index: usize) -> Option<&'static str> {
        self.iter().nth(index)
    }
}

/// Puts words into a new page; result: its token, to be granted to the program.
pub fn pack<'a>(words: impl Iterator<Item = &'a str>) -> Result<u64> {
    let memory = sys::memory_create(crate::well_known::PROCESS, 4096).value()?;
    let page = sys::map(
        ADDRESS_SPACE,
        memory,
        0,
        0,
        4096,
        protection::READ | protection::WRITE,
    )
    .value()?;
    let mut used = 0;
    for word in words {
        for &byte in word.as_bytes().iter().chain(&[0]) {
            if used == MAX {
                return Err(crate::Error::InvalidArgument);
            }
            // SAFETY: within the page just mapped.
            unsafe { ((page + 8) as *mut u8).add(used).write(byte) };
            used += 1;
        }
    }
    // SAFETY: the start of the page just mapped.
    unsafe { (page as *mut u64).write(used as u64) };
    sys::unmap(ADDRESS_SPACE, page, 4096).check()?;
    Ok(memory)
}
