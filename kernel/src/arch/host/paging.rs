//! Page-table entries in memory that no hardware walks, and TLB operations that are only counted.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::mm::{MapFlags, PhysAddr};

/// One entry: the flags as they are, in the bits below the address.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

const PRESENT: u64 = 1 << 8;
const LEAF: u64 = 1 << 9;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

impl Entry {
    /// Nothing is mapped.
    pub const EMPTY: Entry = Entry(0);

    /// Points to a table of the next level.
    pub const fn table(address: PhysAddr) -> Entry {
        Entry(address.0 | PRESENT)
    }

    /// Maps a page.
    pub const fn leaf(address: PhysAddr, flags: MapFlags, _level: usize) -> Entry {
        Entry(address.0 | PRESENT | LEAF | flags.bits() as u64)
    }

    /// Whether the entry is in use.
    pub const fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// Whether the entry maps a page.
    pub const fn is_leaf(self, _level: usize) -> bool {
        self.0 & LEAF != 0
    }

    /// The page or table.
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 & ADDRESS)
    }

    /// What a leaf allows.
    pub fn flags(self, _level: usize) -> MapFlags {
        MapFlags::from_bits_truncate(self.0 as u32 & 0x7f)
    }
}

/// Roots hold the kernel's half.
pub const SHARED_ROOT: bool = true;
/// A flush reaches one CPU only.
pub const BROADCAST_FLUSH: bool = false;
/// Whether a switch forgets the space before, if translations carry no number.
pub const SWITCH_FORGETS: bool = true;
/// How many space numbers there are; tests change it.
pub static NUMBERS: AtomicU32 = AtomicU32::new(1);
/// Flushes so far: pages, spaces, everything.
pub static FLUSHES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// Where physical address 0 would be in the test's memory.
pub static DIRECT_MAP: AtomicU64 = AtomicU64::new(0);

/// Where physical address 0 would be in the test's memory.
pub fn direct_map() -> u64 {
    DIRECT_MAP.load(SeqCst)
}

/// The root with its number.
pub fn root_register(root: PhysAddr, asid: u16) -> u64 {
    root.0 | (asid as u64) << 48
}

/// There is no register.
///
/// # Safety
/// None needed.
pub unsafe fn write_root(_value: u64) {}

/// There is no register.
///
/// # Safety
/// None needed.
pub unsafe fn write_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.0, SeqCst);
}

static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// The kernel's own tables.
pub fn kernel_root() -> PhysAddr {
    PhysAddr(KERNEL_ROOT.load(SeqCst))
}

/// There is no register.
pub fn leave_user() {}

/// There is no image.
pub fn image_physical(address: u64) -> u64 {
    address
}

/// Nothing walks the tables.
pub fn publish() {}

/// All leaves are possible.
pub fn largest_level() -> usize {
    2
}

/// How many space numbers there are.
pub fn asid_count() -> u32 {
    NUMBERS.load(SeqCst)
}

/// Counted.
pub fn flush_page(_address: u64, _asid: u16) {
    FLUSHES[0].fetch_add(1, SeqCst);
}

/// Counted.
pub fn flush_space(_asid: u16) {
    FLUSHES[1].fetch_add(1, SeqCst);
}

/// Counted.
pub fn flush_all() {
    FLUSHES[2].fetch_add(1, SeqCst);
}

/// Other CPUs are asked one by one.
pub fn remote_flush(_cpus: u64, _start: u64, _end: u64, _asid: u16) -> bool {
    false
}
