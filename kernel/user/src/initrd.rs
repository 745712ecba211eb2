//! Files of the initial RAM disk (cpio "newc"), for whoever holds its capability.

use crate::abi::protection;
use crate::abi::well_known::{ADDRESS_SPACE, CONSOLE, INITRD, PROCESS};
use crate::{Error, Result, arguments, sys};

/// Where a file is within the disk.
#[derive(Clone, Copy)]
pub struct File {
    /// Offset in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// The disk, mapped.
pub struct Initrd {
    bytes: &'static [u8],
}

impl Initrd {
    /// Maps the disk.
    pub fn open() -> Result<Self> {
        let size = sys::memory_size(INITRD).value()?;
        let address = sys::map(ADDRESS_SPACE, INITRD, 0, 0, size, protection::READ).value()?;
        // SAFETY: the kernel mapped `size` readable bytes that never change.
        let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, size as usize) };
        Ok(Self { bytes })
    }

    /// Finds a file by name.
    pub fn find(&self, name: &str) -> Result<File> {
        let mut at = 0;
        while let Some(header) = self
            .bytes
            .get(at..at + 110)
            .filter(|h| h.starts_with(b"070701"))
        {
            let field = |index: usize| {
                let digits = &header[6 + index * 8..14 + index * 8];
                core::str::from_utf8(digits)
                    .ok()
                    .and_then(|d| usize::from_str_radix(d, 16).ok())
            };
            let (Some(length), Some(name_length)) = (field(6), field(11)) else {
                break;
            };
            let start = (at + 110 + name_length).next_multiple_of(4);
            let found = self
                .bytes
                .get(at + 110..at + 109 + name_length)
                .unwrap_or(b"");
            if found == b"TRAILER!!!" {
                break;
            }
            if found == name.as_bytes() {
                return Ok(File {
                    offset: start as u64,
                    length: length as u64,
                });
            }
            at = (start + length).next_multiple_of(4);
        }
        Err(Error::NotFound)
    }
}

/// Starts the program `words[0]` of the disk with all of `words` as its arguments and the console.
/// Result: the process's token.
pub fn spawn(disk: &Initrd, words: &[&str]) -> Result<u64> {
    let name = words.first().ok_or(Error::InvalidArgument)?;
    let file = disk.find(name)?;
    let mut padded = [0; 16];
    let shown = name.len().min(padded.len());
    padded[..shown].copy_from_slice(&name.as_bytes()[..shown]);
    let shown = u128::from_le_bytes(padded);
    let process = sys::process_create(
        PROCESS,
        INITRD,
        file.offset,
        file.length,
        shown as u64,
        (shown >> 64) as u64,
    )
    .value()?;
    sys::grant(process, CONSOLE, crate::abi::rights::ALL as u64, 0).check()?;
    let memory = arguments::pack(words.iter().copied())?;
    let theirs = sys::grant(process, memory, crate::abi::rights::READ as u64, 0).value()?;
    sys::delete(memory).check()?;
    sys::process_start(process, theirs).check()?;
    Ok(process)
}
