//! Sv48 page tables.
//!
//! Four levels of 512 entries; leaves at levels 0 (4 KiB), 1 (2 MiB), 2 (1 GiB).
//! Accessed and dirty are set when a leaf is written: harts differ in whether
//! they set them or fault, and the kernel does not page out. The two bits that
//! hardware ignores hold COW and DEVICE.

use super::{boot, sbi};
use crate::mm::{MapFlags, PhysAddr};
use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Mode field of `satp`.
pub(super) const SV48: u64 = 9 << 60;
const ASID_SHIFT: u32 = 44;
const PPN_MASK: u64 = (1 << 44) - 1;

const VALID: u64 = 1;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 2;
const EXECUTE: u64 = 1 << 3;
const USER: u64 = 1 << 4;
const GLOBAL: u64 = 1 << 5;
const ACCESSED: u64 = 1 << 6;
const DIRTY: u64 = 1 << 7;
const COW: u64 = 1 << 8;
const DEVICE: u64 = 1 << 9;

/// Flags and the bits they are, one to one.
const FLAGS: [(MapFlags, u64); 7] = [
    (MapFlags::READ, READ),
    (MapFlags::WRITE, WRITE),
    (MapFlags::EXECUTE, EXECUTE),
    (MapFlags::USER, USER),
    (MapFlags::GLOBAL, GLOBAL),
    (MapFlags::DEVICE, DEVICE),
    (MapFlags::COW, COW),
];

/// Whether the flush functions reach every CPU.
pub const BROADCAST_FLUSH: bool = false;
/// Whether a space's root also holds the kernel's half.
pub const SHARED_ROOT: bool = true;

static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// One entry of a page table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(pub u64);

impl Entry {
    /// Nothing is mapped.
    pub const EMPTY: Entry = Entry(0);

    /// Refers to a table of the next lower level.
    #[inline]
    pub const fn table(table: PhysAddr) -> Entry {
        Entry(table.0 >> 2 | VALID)
    }

    /// Maps a page. A leaf is told from a table by its permissions, so a page is at least
    /// readable.
    #[inline]
    pub fn leaf(page: PhysAddr, flags: MapFlags, _level: usize) -> Entry {
        let mut entry = page.0 >> 2 | VALID | READ | ACCESSED;
        for (flag, bit) in FLAGS {
            if flags.contains(flag) {
                entry |= bit;
            }
        }
        if flags.contains(MapFlags::WRITE) {
            entry |= DIRTY;
        }
        Entry(entry)
    }

    /// Whether the entry maps or refers to anything.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & VALID != 0
    }

    /// Whether the entry maps a page.
    #[inline]
    pub const fn is_leaf(self, _level: usize) -> bool {
        self.0 & VALID != 0 && self.0 & (READ | WRITE | EXECUTE) != 0
    }

    /// The page or table.
    #[inline]
    pub const fn address(self) -> PhysAddr {
        PhysAddr((self.0 >> 10 & PPN_MASK) << 12)
    }

    /// What a leaf allows.
    #[inline]
    pub fn flags(self, _level: usize) -> MapFlags {
        let set = FLAGS.iter().filter(|(_, bit)| self.0 & bit != 0);
        set.fold(MapFlags::empty(), |flags, (flag, _)| flags | *flag)
    }

    /// Whether the page was used.
    pub const fn accessed(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// Whether the page was written.
    pub const fn dirty(self) -> bool {
        self.0 & DIRTY != 0
    }
}

/// Value of `satp` for a space.
#[inline]
pub const fn root_register(root: PhysAddr, asid: u16) -> u64 {
    SV48 | (asid as u64) << ASID_SHIFT | root.0 >> 12
}

/// The root table that a `satp` value names.
pub const fn root_address(value: u64) -> PhysAddr {
    PhysAddr((value & PPN_MASK) << 12)
}

/// Changes the address space.
///
/// # Safety
/// The tables must map the kernel as the current ones do and stay until the next change.
#[inline]
pub unsafe fn write_root(value: u64) {
    // SAFETY: the caller vouches for the tables.
    unsafe { asm!("csrw satp, {}", in(reg) value, options(nostack)) };
    if asid_count() == 1 {
        flush_all();
    }
}

/// The literal `satp`.
#[inline]
pub fn read_root() -> u64 {
    let value;
    // SAFETY: reads a control register.
    unsafe { asm!("csrr {}, satp", out(reg) value, options(nomem, nostack)) };
    value
}

/// The highest level that leaves may have.
pub const fn largest_level() -> usize {
    2
}

/// The kernel's own tables, which map nothing of user space.
pub fn kernel_root() -> PhysAddr {
    PhysAddr(KERNEL_ROOT.load(Ordering::Relaxed))
}

/// Makes `root` the kernel's tables, on this CPU and on those that start later.
///
/// # Safety
/// The tables map everything of the kernel that is in use, at the same addresses.
pub unsafe fn write_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.0, Ordering::Relaxed);
    leave_user();
    flush_all();
}

/// The root of a CPU that runs no process.
pub fn empty_root() -> u64 {
    root_register(kernel_root(), 0)
}

/// Takes every user mapping away from this CPU.
pub fn leave_user() {
    // SAFETY: the kernel's tables live forever.
    unsafe { write_root(empty_root()) }
}

/// New entries need no announcement: a hart that still remembers that there was nothing faults,
/// and the trap handler makes it forget that before it looks.
#[inline]
pub fn publish() {}

static ASIDS: AtomicU32 = AtomicU32::new(1);

/// How many address-space identifiers there are; 1 means none.
#[inline]
pub fn asid_count() -> u32 {
    ASIDS.load(Ordering::Relaxed)
}

/// Finds out how many ASIDs the hart keeps, from which bits of the field stick.
pub(super) fn detect_asids() {
    let root = read_root();
    // SAFETY: the same tables under another identifier, and back, with everything forgotten.
    unsafe { asm!("csrw satp, {}", in(reg) root | 0xffff << ASID_SHIFT, options(nostack)) };
    let mask = read_root() >> ASID_SHIFT & 0xffff;
    // SAFETY: as above.
    unsafe { asm!("csrw satp, {}", in(reg) root, options(nostack)) };
    flush_all();
    ASIDS.store(mask as u32 + 1, Ordering::Relaxed);
}

/// Forgets one page: of one space, or of all for a kernel address.
#[inline]
pub fn flush_page(address: u64, asid: u16) {
    if address >> 63 == 0 {
        // SAFETY: forgetting translations only makes the hart walk the tables again.
        unsafe { asm!("sfence.vma {}, {}", in(reg) address, in(reg) asid, options(nostack)) };
    } else {
        flush_address(address);
    }
}

/// Forgets one page in every space.
#[inline]
pub(super) fn flush_address(address: u64) {
    // SAFETY: as in `flush_page`.
    unsafe { asm!("sfence.vma {}, x0", in(reg) address, options(nostack)) };
}

/// Forgets one space; global translations stay.
#[inline]
pub fn flush_space(asid: u16) {
    // SAFETY: as in `flush_page`.
    unsafe { asm!("sfence.vma x0, {}", in(reg) asid, options(nostack)) };
}

/// Forgets everything.
#[inline]
pub fn flush_all() {
    // SAFETY: as in `flush_page`.
    unsafe { asm!("sfence.vma", options(nostack)) };
}

/// Makes other CPUs forget a range, through the firmware. Always true: done when it returns.
pub fn remote_flush(cpus: u64, start: u64, end: u64, asid: u16) -> bool {
    let size = end - start;
    let fence = match start >> 63 {
        0 => sbi::Fence::Asid {
            start,
            size,
            asid: asid.into(),
        },
        _ => sbi::Fence::Range { start, size },
    };
    sbi::remote_fence(cpus, &fence);
    true
}

/// Physical address of something in the kernel image.
#[inline]
pub const fn image_physical(address: u64) -> u64 {
    address - boot::LOAD_OFFSET
}
