//! Page-table entries, the root register and the TLB.
//!
//! Roots are CR3 values with the PCID in the low bits where the CPU has it. Loading a root never
//! flushes then: whoever reuses a PCID flushes it first (`flush_space`).

use core::arch::asm;

use x86_64::VirtAddr;
use x86_64::instructions::tlb;
use x86_64::registers::control::{Cr4, Cr4Flags};

use super::cpu::{self, Features};
use crate::arch::layout::IMAGE;
use crate::arch::paging::{Format, kernel_root};
use crate::mm::{MapFlags, PhysAddr};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const UNCACHED: u64 = 1 << 3 | 1 << 4;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const COW: u64 = 1 << 9;
const NO_EXECUTE: u64 = 1 << 63;
const ASID_MASK: u64 = 0xfff;
/// Bit of a value written to CR3: forget nothing.
const KEEP_TLB: u64 = 1 << 63;

/// Entries of the page tables (Intel SDM volume 3, 4.5).
pub const FORMAT: Format = Format {
    present: PRESENT,
    table: WRITABLE | USER | ACCESSED,
    small: ACCESSED,
    large: ACCESSED | LARGE,
    kind: LARGE,
    address: 0x000f_ffff_ffff_f000,
    shift: 0,
    flags: [
        (MapFlags::WRITE, WRITABLE | DIRTY, 0, WRITABLE),
        (MapFlags::EXECUTE, 0, NO_EXECUTE, NO_EXECUTE),
        (MapFlags::USER, USER, 0, USER),
        (MapFlags::GLOBAL, GLOBAL, 0, GLOBAL),
        (MapFlags::DEVICE, UNCACHED, 0, UNCACHED),
        (MapFlags::COW, COW, 0, COW),
    ],
};

#[cfg(feature = "ktest")]
impl crate::arch::paging::Entry {
    /// Whether the CPU has used the entry.
    pub const fn accessed(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// Whether the CPU has written through the entry.
    pub const fn dirty(self) -> bool {
        self.0 & DIRTY != 0
    }
}

/// Whether the flush functions reach every CPU.
pub const BROADCAST_FLUSH: bool = false;
/// Whether a switch forgets the space before, if translations carry no number.
pub const SWITCH_FORGETS: bool = true;
/// Whether a space's root also holds the kernel's half.
pub const SHARED_ROOT: bool = true;

/// The highest level that leaves may have on this CPU.
pub fn largest_level() -> usize {
    if cpu::has(Features::HUGE_PAGES) { 2 } else { 1 }
}

/// Number of address-space identifiers; 1 means that the CPU has none.
pub fn asid_count() -> u32 {
    if cpu::has(Features::PCID) { 4096 } else { 1 }
}

/// The value of CR3 for an address space. One with a PCID of its own keeps the TLB when it is loaded.
#[inline]
pub fn root_register(root: PhysAddr, asid: u16) -> u64 {
    root.0 | u64::from(asid) | if asid == 0 { 0 } else { KEEP_TLB }
}

/// Loads CR3.
///
/// # Safety
/// The tables map the kernel as it runs now.
#[inline]
pub unsafe fn write_root(value: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr3, {}", in(reg) value, options(nostack, preserves_flags)) }
}

/// CR3 as it is.
#[inline]
pub fn read_root() -> u64 {
    let value;
    // SAFETY: reading has no side effect.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
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

/// Table entries are visible to the walkers of every CPU as stores are.
#[inline]
pub fn publish() {}

/// Where the kernel image's `address` is in physical memory.
pub fn image_physical(address: u64) -> u64 {
    address - IMAGE
}

/// Forgets one page on this CPU; pages of the kernel belong to every address space.
pub fn flush_page(address: u64, asid: u16) {
    // INVLPG reaches the current space and global pages, whatever their PCID.
    let here = address >> 63 != 0 || read_root() & ASID_MASK == u64::from(asid);
    if cpu::has(Features::PCID) && !here {
        return invalidate(0, asid, address);
    }
    tlb::flush(VirtAddr::new_truncate(address));
}

/// Forgets an address space on this CPU; global pages stay.
pub fn flush_space(asid: u16) {
    if cpu::has(Features::PCID) {
        return invalidate(1, asid, 0);
    }
    tlb::flush_all();
}

/// Forgets everything on this CPU.
pub fn flush_all() {
    if cpu::has(Features::PCID) {
        return invalidate(2, 0, 0);
    }
    let cr4 = Cr4::read_raw();
    // SAFETY: turning global pages off and on again changes nothing but the TLB.
    unsafe {
        Cr4::write_raw(cr4 & !Cr4Flags::PAGE_GLOBAL.bits());
        Cr4::write_raw(cr4);
    }
    tlb::flush_all();
}

/// Has other CPUs forget a range by hardware alone; not on this architecture.
pub fn remote_flush(_cpus: u64, _from: u64, _to: u64, _asid: u16) -> bool {
    false
}

fn invalidate(kind: u64, asid: u16, address: u64) {
    let descriptor = [u64::from(asid), address];
    // SAFETY: forgetting translations is always sound; the descriptor is well formed, and PCID
    // is only reported together with this instruction.
    unsafe {
        asm!("invpcid {}, [{}]", in(reg) kind, in(reg) &descriptor, options(nostack, preserves_flags))
    }
}
