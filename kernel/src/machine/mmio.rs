//! Registers of a device in memory.
//!
//! A driver has its registers as a static, empty until `discover` says where they are in physical
//! memory. Boot maps them twice: by the bootstrap direct map, so that the console works early, and
//! as device memory of their own when there is memory management. Nobody uses an address after
//! the next one is set.

use core::sync::atomic::{AtomicU64, Ordering};

use super::PhysRange;
use crate::lock::Once;

/// What a register may be.
pub trait Register: Copy {}
impl Register for u8 {}
impl Register for u32 {}
impl Register for u64 {}

/// The registers of one device.
pub struct Mmio {
    range: Once<PhysRange>,
    mapped: AtomicU64,
}

impl Mmio {
    /// A device of which nothing is known yet.
    pub const fn new() -> Self {
        Mmio {
            range: Once::new(),
            mapped: AtomicU64::new(0),
        }
    }

    /// Says where the device is in physical memory. An empty range is no device.
    pub fn place(&self, range: PhysRange) {
        self.range.call_once(|| range);
    }

    /// The physical addresses.
    pub fn range(&self) -> PhysRange {
        self.range.get().cloned().unwrap_or(0..0)
    }

    /// Says at which virtual address the registers are mapped; `map` is asked if there are any.
    ///
    /// # Safety
    /// `map` gives an address at which the whole range is mapped for good, and what it gave
    /// before stays mapped until no CPU is using it.
    pub unsafe fn map(&self, map: impl FnOnce(PhysRange) -> u64) {
        let range = self.range();
        if !range.is_empty() {
            self.mapped.store(map(range), Ordering::Release);
        }
    }

    /// Where the registers are mapped; 0: nowhere yet.
    #[inline]
    pub fn base(&self) -> u64 {
        self.mapped.load(Ordering::Relaxed)
    }

    /// Reads the register at byte `offset`, a multiple of its size.
    #[inline]
    pub fn read<T: Register>(&self, offset: u64) -> T {
        let base = self.checked(offset, size_of::<T>());
        // SAFETY: `map`'s caller mapped the whole range, in which the register is.
        unsafe { ((base + offset) as *const T).read_volatile() }
    }

    /// Writes the register at byte `offset`, a multiple of its size. The devices of this kernel
    /// are none that touch memory.
    #[inline]
    pub fn write<T: Register>(&self, offset: u64, value: T) {
        let base = self.checked(offset, size_of::<T>());
        // SAFETY: as for `read`.
        unsafe { ((base + offset) as *mut T).write_volatile(value) };
    }

    fn checked(&self, offset: u64, size: usize) -> u64 {
        let base = self.base();
        debug_assert!(base != 0 && offset + size as u64 <= self.range().end - self.range().start);
        base
    }
}
