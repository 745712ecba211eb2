//! Page tables: what the architectures have in common.
//!
//! Levels count from the leaf: 3 is the top table, 0 the one of 4 KiB pages. How an entry is
//! written is a table of each architecture (`Format`). `KERNEL_ROOT` are the kernel's own tables,
//! which map nothing of user space; starting CPUs load them before they touch a stack.

use core::sync::atomic::{AtomicU64, Ordering};

pub use super::chosen::paging::*;
use crate::mm::{MapFlags, PhysAddr};

/// How an architecture writes the entries of its page tables.
pub struct Format {
    /// Set in every entry that the hardware uses.
    pub present: u64,
    /// Set in an entry that leads to a table as well.
    pub table: u64,
    /// Set in a leaf of level 0 as well.
    pub small: u64,
    /// Set in a leaf of a higher level as well.
    pub large: u64,
    /// The bits by which a leaf of a higher level differs from a table.
    pub kind: u64,
    /// The bits of the address, after the entry is shifted left by `shift`.
    pub address: u64,
    /// See `address`.
    pub shift: u32,
    /// For each flag the bits of a leaf that has it, those of one that has not, and the bits by
    /// which the two are told apart.
    pub flags: [(MapFlags, u64, u64, u64); 6],
}

/// One entry of a page table of any level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(pub u64);

impl Entry {
    /// Maps nothing.
    pub const EMPTY: Entry = Entry(0);

    /// Leads to the next table. Permissions are those of the leaves.
    #[inline]
    pub const fn table(table: PhysAddr) -> Entry {
        Entry(table.0 >> FORMAT.shift | FORMAT.present | FORMAT.table)
    }

    /// Maps a page; level 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB. It counts as used, and as changed
    /// if it is writable: the kernel does not page out, and the CPU need not note it.
    #[inline]
    pub fn leaf(page: PhysAddr, flags: MapFlags, level: usize) -> Entry {
        let size = [FORMAT.small, FORMAT.large][level.min(1)];
        let mut bits = page.0 >> FORMAT.shift | FORMAT.present | size;
        for (flag, on, off, _) in FORMAT.flags {
            bits |= if flags.contains(flag) { on } else { off };
        }
        Entry(bits)
    }

    /// Whether the entry maps anything.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & FORMAT.present != 0
    }

    /// Whether the entry, in a table of `level`, maps a page rather than a table.
    #[inline]
    pub const fn is_leaf(self, level: usize) -> bool {
        let large = self.0 & FORMAT.kind == FORMAT.large & FORMAT.kind;
        self.is_present() && (level == 0 || large)
    }

    /// The page or table.
    #[inline]
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 << FORMAT.shift & FORMAT.address)
    }

    /// What a leaf allows.
    #[inline]
    pub fn flags(self, _level: usize) -> MapFlags {
        let all = FORMAT.flags.iter();
        let set = all.filter(|(_, on, _, told)| self.0 & told == on & told);
        set.fold(MapFlags::READ, |flags, (flag, ..)| flags | *flag)
    }
}

/// The kernel's own tables.
pub(super) static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);
crate::root!("kernel page table", KERNEL_ROOT: AtomicU64, physical("page table"));

/// The kernel's own tables.
pub fn kernel_root() -> PhysAddr {
    PhysAddr(KERNEL_ROOT.load(Ordering::Relaxed))
}

/// Makes `root` the kernel's tables, on this CPU and on those that start later.
///
/// # Safety
/// The tables map everything of the kernel that is in use, at the same addresses.
pub unsafe fn write_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.0, Ordering::Release);
    // SAFETY: the caller's promise.
    unsafe { adopt_kernel_root(root) };
    leave_user();
    flush_all();
}

/// Takes every user mapping away from this CPU.
pub fn leave_user() {
    // SAFETY: the kernel's tables live forever.
    unsafe { write_root(empty_root()) };
    if !SWITCH_FORGETS && asid_count() == 1 {
        flush_all();
    }
}
