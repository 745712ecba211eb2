//! Page-table entries, the root register and the TLB.
//!
//! Roots are CR3 values with the PCID in the low bits where the CPU has it. Loading a root never
//! flushes then: whoever reuses a PCID flushes it first (`flush_space`).

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::cpu::{self, CR4_PGE, Features};
use crate::arch::layout::IMAGE;
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
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const ASID_MASK: u64 = 0xfff;
const KEEP_TLB: u64 = 1 << 63;

/// Flags that are bits of a leaf.
const BITS: [(MapFlags, u64); 5] = [
    (MapFlags::WRITE, WRITABLE | DIRTY),
    (MapFlags::USER, USER),
    (MapFlags::GLOBAL, GLOBAL),
    (MapFlags::DEVICE, UNCACHED),
    (MapFlags::COW, COW),
];

/// Whether the flush functions reach every CPU.
pub const BROADCAST_FLUSH: bool = false;
/// Whether a space's root also holds the kernel's half.
pub const SHARED_ROOT: bool = true;

static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// One entry of a page table of any level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(pub u64);

impl Entry {
    /// Maps nothing.
    pub const EMPTY: Entry = Entry(0);

    /// Leads to the next table. Permissions are those of the leaves.
    pub const fn table(table: PhysAddr) -> Entry {
        Entry(table.0 | PRESENT | WRITABLE | USER | ACCESSED)
    }

    /// Maps a page; level 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB. Accessed and dirty are set, so that
    /// the CPU need not.
    pub const fn leaf(page: PhysAddr, flags: MapFlags, level: usize) -> Entry {
        let mut entry = page.0 | PRESENT | ACCESSED | if level > 0 { LARGE } else { 0 };
        let mut i = 0;
        while i < BITS.len() {
            if flags.contains(BITS[i].0) {
                entry |= BITS[i].1;
            }
            i += 1;
        }
        Entry(if flags.contains(MapFlags::EXECUTE) {
            entry
        } else {
            entry | NO_EXECUTE
        })
    }

    /// Whether the entry maps anything.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// Whether the entry maps a page rather than a table.
    #[inline]
    pub const fn is_leaf(self, level: usize) -> bool {
        self.is_present() && (level == 0 || self.0 & LARGE != 0)
    }

    /// The page or table.
    #[inline]
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 & ADDRESS)
    }

    /// What a leaf allows.
    pub fn flags(self, _level: usize) -> MapFlags {
        let mut flags = MapFlags::READ;
        flags.set(MapFlags::EXECUTE, self.0 & NO_EXECUTE == 0);
        BITS.iter()
            .for_each(|(flag, bits)| flags.set(*flag, self.0 & bits & !DIRTY != 0));
        flags
    }

    /// Whether the CPU has used the entry.
    pub const fn accessed(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// Whether the CPU has written through the entry.
    pub const fn dirty(self) -> bool {
        self.0 & DIRTY != 0
    }
}

/// The highest level that leaves may have on this CPU.
pub fn largest_level() -> usize {
    if cpu::has(Features::HUGE_PAGES) { 2 } else { 1 }
}

/// Number of address-space identifiers; 1 means that the CPU has none.
pub fn asid_count() -> u32 {
    if cpu::has(Features::PCID) { 4096 } else { 1 }
}

/// The value of CR3 for an address space.
#[inline]
pub fn root_register(root: PhysAddr, asid: u16) -> u64 {
    root.0 | u64::from(asid)
}

/// Loads CR3.
///
/// # Safety
/// The tables map the kernel as it runs now.
#[inline]
pub unsafe fn write_root(value: u64) {
    let value = if cpu::has(Features::PCID) {
        value | KEEP_TLB
    } else {
        value
    };
    // SAFETY: the caller's promise.
    unsafe { cpu::write_cr3(value) }
}

/// CR3 as it is.
pub use super::cpu::read_cr3 as read_root;

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
    // SAFETY: forgetting a translation is always sound.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) }
}

/// Forgets an address space on this CPU; global pages stay.
pub fn flush_space(asid: u16) {
    if cpu::has(Features::PCID) {
        return invalidate(1, asid, 0);
    }
    // SAFETY: the root stays what it is; loading it forgets what is not global.
    unsafe { write_root(read_root()) }
}

/// Forgets everything on this CPU.
pub fn flush_all() {
    if cpu::has(Features::PCID) {
        return invalidate(2, 0, 0);
    }
    let cr4 = cpu::read_cr4();
    // SAFETY: turning global pages off and on again changes nothing but the TLB; the root stays.
    unsafe {
        cpu::write_cr4(cr4 & !CR4_PGE);
        cpu::write_cr4(cr4);
        write_root(read_root());
    }
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
