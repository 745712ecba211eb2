//! Translation tables: 4 KiB granule, 48-bit addresses, four levels.
//!
//! Levels count from the leaf: 3 is the top table, 0 the one of 4 KiB pages.
//! (The architecture's own numbers run the other way.) The kernel's half is
//! under TTBR1, the user's under TTBR0 with the ASID; `root_register` is the
//! literal TTBR0 value. TLB maintenance is broadcast by hardware.
//! Invariant: every leaf has the access flag set, and a writable leaf is never
//! executable (`SCTLR_EL1.WXN` enforces it too).

use core::arch::asm;

use super::{read_register, write_register};
use crate::arch::layout::IMAGE;
use crate::arch::paging::Format;
use crate::mm::{MapFlags, PhysAddr};

/// Attribute 0 is normal write-back memory, attribute 1 device memory (nGnRE).
pub const MAIR: u64 = 0x04ff;
/// 48-bit addresses in both halves, write-back inner shareable walks, 4 KiB granules. The boot code
/// adds the physical address size and the ASID size.
pub const TCR: u64 = 16 | 16 << 16 | 0x35 << 8 | 0x35 << 24 | 2 << 30;

/// TLB maintenance of one CPU reaches all.
pub const BROADCAST_FLUSH: bool = true;
/// Whether a switch forgets the space before, if translations carry no number.
pub const SWITCH_FORGETS: bool = false;

/// The kernel's half has a root of its own.
pub const SHARED_ROOT: bool = false;

const VALID: u64 = 1;
const TABLE_OR_PAGE: u64 = 1 << 1;
const DEVICE: u64 = 1 << 2;
const USER: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
/// By the CPUs of the inner domain, which are all.
const SHAREABLE: u64 = 3 << 8;
const ACCESSED: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
/// Never executed: by the kernel, by the user.
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;
const COW: u64 = 1 << 55;
/// Ignored by the hardware, which has PXN and UXN.
const EXECUTABLE: u64 = 1 << 56;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
const ASID_SHIFT: u32 = 48;

/// Entries of the page tables (Arm ARM D8.3).
pub const FORMAT: Format = Format {
    present: VALID,
    table: TABLE_OR_PAGE,
    small: ACCESSED | TABLE_OR_PAGE,
    large: ACCESSED,
    kind: TABLE_OR_PAGE,
    address: ADDRESS,
    shift: 0,
    flags: [
        (MapFlags::WRITE, 0, READ_ONLY, READ_ONLY),
        (MapFlags::EXECUTE, EXECUTABLE, PXN | UXN, EXECUTABLE),
        (MapFlags::USER, USER | PXN, UXN, USER),
        (MapFlags::GLOBAL, 0, NOT_GLOBAL, NOT_GLOBAL),
        (MapFlags::DEVICE, DEVICE, SHAREABLE, DEVICE),
        (MapFlags::COW, COW, 0, COW),
    ],
};

#[cfg(feature = "ktest")]
impl crate::arch::paging::Entry {
    /// Whether the page may have been used: the hardware does not tell, so it was.
    pub const fn accessed(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// Whether the page may have been changed: whenever that was allowed.
    pub const fn dirty(self) -> bool {
        self.0 & READ_ONLY == 0
    }
}

/// The TTBR0 value of a space.
pub const fn root_register(root: PhysAddr, asid: u16) -> u64 {
    root.0 | (asid as u64) << ASID_SHIFT
}

/// The highest level that has leaves: 1 GiB pages.
pub const fn largest_level() -> usize {
    2
}

/// Makes `value` the user half of this CPU.
///
/// # Safety
/// It must come from `root_register` with a live top table.
#[inline]
pub unsafe fn write_root(value: u64) {
    // SAFETY: the caller vouches for the table; the kernel's half is not touched.
    unsafe { asm!("msr ttbr0_el1, {}", "isb", in(reg) value, options(nostack, preserves_flags)) };
}

/// The user half of this CPU.
#[inline]
pub fn read_root() -> u64 {
    read_register!("ttbr0_el1")
}

/// An empty top table: no user address is mapped.
#[repr(align(4096))]
struct EmptyTable(#[allow(dead_code)] [u64; 512]);
static NO_USER: EmptyTable = EmptyTable([0; 512]);

/// A root with nothing under it, for CPUs that run no process.
pub fn empty_root() -> u64 {
    image_physical((&raw const NO_USER).addr() as u64)
}

/// Makes `root` the kernel's half of this CPU.
///
/// # Safety
/// The tables must map everything of the kernel that is in use, at the same addresses.
pub unsafe fn adopt_kernel_root(root: PhysAddr) {
    let control = read_register!("sctlr_el1");
    // SAFETY: the caller vouches for the tables. From here on what is writable is never executed.
    unsafe {
        write_register!("ttbr1_el1", root.0, isb);
        write_register!("sctlr_el1", control | super::cpu::SCTLR_WXN, isb);
    }
}

/// The physical address behind an address of the kernel image.
pub fn image_physical(address: u64) -> u64 {
    let result: u64;
    // SAFETY: asks the MMU; reads no memory.
    unsafe {
        asm!("at s1e1r, {}", "isb", "mrs {}, par_el1", in(reg) address, lateout(reg) result, options(nostack));
    }
    result & ADDRESS | address & 0xfff
}

/// Makes table entries written before visible to the walkers of every CPU.
#[inline]
pub fn publish() {
    // SAFETY: barriers only.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) }
}

/// TLB maintenance on every CPU, after entries were changed, and its completion.
macro_rules! forget {
    ($what:literal, $operand:expr) => {
        // SAFETY: forgetting translations only makes the CPUs walk the tables again.
        unsafe {
            asm!("dsb ishst", concat!("tlbi ", $what, ", {}"), "dsb ish", "isb", in(reg) $operand, options(nostack, preserves_flags))
        }
    };
}

/// Forgets the translation of one page, on every CPU. Kernel pages belong to no ASID.
#[inline]
pub fn flush_page(address: u64, asid: u16) {
    let page = address >> 12 & 0xfff_ffff_ffff;
    match address >> 63 {
        0 => forget!("vae1is", page | (asid as u64) << ASID_SHIFT),
        _ => forget!("vaae1is", page),
    }
}

/// Forgets every translation of one space, on every CPU.
#[inline]
pub fn flush_space(asid: u16) {
    forget!("aside1is", (asid as u64) << ASID_SHIFT);
}

/// Forgets every translation, on every CPU.
pub fn flush_all() {
    // SAFETY: as in `forget`.
    unsafe {
        asm!(
            "dsb ishst; tlbi vmalle1is; dsb ish; isb",
            options(nostack, preserves_flags)
        )
    }
}

/// Other CPUs need nothing: the flushes above have reached them.
pub fn remote_flush(_cpus: u64, _start: u64, _end: u64, _asid: u16) -> bool {
    true
}

/// How many address-space numbers the CPU has.
pub fn asid_count() -> u32 {
    let wide = read_register!("id_aa64mmfr0_el1") >> 4 & 0xf == 2;
    if wide { 1 << 16 } else { 1 << 8 }
}

const _: () = assert!(IMAGE >> 39 & 0x1ff == 511 && IMAGE >> 30 & 0x1ff == 510);
