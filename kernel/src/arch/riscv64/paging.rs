//! Sv48 page tables.
//!
//! Four levels of 512 entries; leaves at levels 0 (4 KiB), 1 (2 MiB), 2 (1 GiB).
//! Accessed and dirty are set when a leaf is written: harts differ in whether
//! they set them or fault, and the kernel does not page out. The two bits that
//! hardware ignores hold COW and DEVICE.

use super::boot;
use crate::arch::paging::{Format, kernel_root};
use crate::mm::{MapFlags, PhysAddr};
use crate::percpu;
use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};
use sbi_rt::{HartMask, SbiRet};

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

/// Entries of the page tables (RISC-V Privileged Architecture, Sv48). A leaf is told from a table by
/// its permissions, so a page is at least readable.
pub const FORMAT: Format = Format {
    present: VALID,
    table: 0,
    small: READ | ACCESSED,
    large: READ | ACCESSED,
    kind: READ,
    address: PPN_MASK << 12,
    shift: 2,
    flags: [
        (MapFlags::WRITE, WRITE | DIRTY, 0, WRITE),
        (MapFlags::EXECUTE, EXECUTE, 0, EXECUTE),
        (MapFlags::USER, USER, 0, USER),
        (MapFlags::GLOBAL, GLOBAL, 0, GLOBAL),
        (MapFlags::DEVICE, DEVICE, 0, DEVICE),
        (MapFlags::COW, COW, 0, COW),
    ],
};

#[cfg(feature = "ktest")]
impl crate::arch::paging::Entry {
    /// Whether the page was used.
    pub const fn accessed(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// Whether the page was written.
    pub const fn dirty(self) -> bool {
        self.0 & DIRTY != 0
    }
}

/// Whether the flush functions reach every CPU.
pub const BROADCAST_FLUSH: bool = false;
/// Whether a switch forgets the space before, if translations carry no number.
pub const SWITCH_FORGETS: bool = false;
/// Whether a space's root also holds the kernel's half.
pub const SHARED_ROOT: bool = true;

/// Value of `satp` for a space.
#[inline]
pub const fn root_register(root: PhysAddr, asid: u16) -> u64 {
    SV48 | (asid as u64) << ASID_SHIFT | root.0 >> 12
}

/// The root table that a `satp` value names.
#[cfg(feature = "ktest")]
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

/// The kernel's tables come into effect with the next root.
///
/// # Safety
/// None needed here.
pub unsafe fn adopt_kernel_root(_root: PhysAddr) {}

/// The root of a CPU that runs no process.
pub fn empty_root() -> u64 {
    root_register(kernel_root(), 0)
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
    let (address, size) = (start as usize, (end - start) as usize);
    remote_fence(cpus, |harts| match start >> 63 {
        0 => sbi_rt::remote_sfence_vma_asid(harts, address, size, asid.into()),
        _ => sbi_rt::remote_sfence_vma(harts, address, size),
    });
    true
}

/// Makes CPUs execute a fence; all have when it returns.
pub(super) fn remote_fence(cpus: u64, fence: impl Fn(HartMask) -> SbiRet) {
    let send = |harts, base| {
        let sent = fence(HartMask::from_mask_base(harts, base));
        // A translation that survives is a hole in isolation: the kernel must not go on.
        assert!(sent.is_ok(), "remote fence failed: {sent:?}");
    };
    // Hart ids are mostly small, and then one call reaches every CPU.
    let mut harts = 0;
    for cpu in percpu::cpus(cpus) {
        match cpu.hardware_id.get() as usize {
            hart @ 0..64 => harts |= 1 << hart,
            hart => send(1, hart),
        }
    }
    if harts != 0 {
        send(harts, 0);
    }
}

/// Physical address of something in the kernel image.
#[inline]
pub const fn image_physical(address: u64) -> u64 {
    address - boot::LOAD_OFFSET
}
