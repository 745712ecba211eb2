//! Memory objects and mappings.

use crate::abi::well_known::{ADDRESS_SPACE, PROCESS};
use crate::{Result, sys};

pub use crate::abi::protection::{EXECUTE, READ, WRITE};

/// A memory object, by its token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory(pub u64);

impl Memory {
    /// A new object of `size` bytes of zeros.
    pub fn create(size: u64) -> Result<Memory> {
        sys::memory_create(PROCESS, size).value().map(Memory)
    }

    /// Its size in bytes.
    pub fn size(self) -> Result<u64> {
        sys::memory_size(self.0).value()
    }

    /// Maps all of it somewhere.
    pub fn map(self, protection: u64) -> Result<Mapping> {
        let length = self.size()?;
        let address = sys::map(ADDRESS_SPACE, self.0, 0, 0, length, protection).value()?;
        Ok(Mapping { address, length })
    }
}

/// A range of the process's address space; dropping it unmaps.
#[derive(Debug)]
pub struct Mapping {
    address: u64,
    length: u64,
}

impl Mapping {
    /// Maps `length` bytes of zeros of the process's own.
    pub fn anonymous(length: u64) -> Result<Mapping> {
        let address = sys::map_anonymous(ADDRESS_SPACE, 0, length, READ | WRITE).value()?;
        Ok(Mapping { address, length })
    }

    /// Where it begins.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its first byte, as whatever the caller knows to be there.
    pub fn as_ptr<T>(&self) -> *mut T {
        self.address as *mut T
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let _ = sys::unmap(ADDRESS_SPACE, self.address, self.length);
    }
}
