//! The kernel's half of every address space.
//!
//! Model: built once at boot and then only added to: all RAM at `DIRECT_MAP` (read, write, never
//! execute, by the largest pages that fit; over the kernel's own text and constants read-only, so
//! that no alias makes them writable), device registers at their place in the direct map, the image
//! at `IMAGE` with text read-execute, constants read-only, data read-write, and stacks with guard
//! pages at `DYNAMIC`. The 256 entries of the root are filled at boot, so that every space can
//! copy them and sees later additions through the tables below.
//!
//! Lock order: `KernelMap`, then heap and frames.

use super::page_table::{Batch, KERNEL_HALF, PageTable, size};
use super::{Allocated, MapFlags, OutOfMemory, PAGE_SIZE, PhysAddr, frames, tlb, virt_to_phys};
use crate::arch::layout::{DIRECT_MAP, DYNAMIC, IMAGE};
use crate::arch::paging::{self, SHARED_ROOT};
use crate::lock::{Rank, SpinLock};
use crate::machine::{MachineInfo, PhysRange};

const PAGE: u64 = PAGE_SIZE as u64;
const DYNAMIC_END: u64 = DYNAMIC + (1 << 40);
const REGISTERS: MapFlags = MapFlags::KERNEL_DATA.union(MapFlags::DEVICE);
const CONSTANT: MapFlags = MapFlags::READ.union(MapFlags::GLOBAL);

crate::described! {
    /// The kernel's mappings.
    pub struct KernelMap {
        tables: Option<PageTable>,
        /// Where the next stack goes. Stacks belong to CPUs: few, and their addresses are not used again.
        next_stack: u64,
    }
}

const NO_TABLES: KernelMap = KernelMap {
    tables: None,
    next_stack: DYNAMIC,
};

/// The kernel's mappings.
pub static KERNEL: SpinLock<KernelMap> = SpinLock::new(Rank::KernelMap, NO_TABLES);
crate::root!("kernel map", KERNEL: SpinLock<KernelMap>);
static DIRECT: u64 = DIRECT_MAP;
crate::root!("direct map", DIRECT: u64);

/// Adds device registers to the kernel's tables, if those are built already, and returns where they
/// are: the same place in the bootstrap direct map.
pub fn device(range: PhysRange) -> u64 {
    let pages = range.start & !(PAGE - 1)..range.end.next_multiple_of(PAGE);
    if let Some(tables) = &mut KERNEL.lock().tables {
        linear(tables, DIRECT_MAP, pages, REGISTERS).expect("no memory for page tables");
        paging::publish();
    }
    PhysAddr(range.start).as_ptr::<u8>().addr() as u64
}

/// Builds the final tables.
pub(super) fn init(machine: &MachineInfo) {
    let tables = build(machine).expect("no memory for the kernel's page tables");
    KERNEL.lock().tables = Some(tables);
}

/// Puts the final tables to use on this CPU.
pub fn activate() {
    let root = KERNEL.lock().tables.as_ref().map(|tables| tables.root);
    // SAFETY: the tables map all that the boot tables did and the kernel uses, at the same places.
    unsafe { paging::write_kernel_root(root.expect("tables are made first")) };
}

fn build(machine: &MachineInfo) -> Result<PageTable, OutOfMemory> {
    let mut tables = PageTable::new(None)?;
    if SHARED_ROOT {
        tables.fill_top(KERNEL_HALF)?;
    }
    let mut map = |offset, range, flags| linear(&mut tables, offset, range, flags);
    let [text, rodata, data] = image();
    let code = (physical(text.0), physical(rodata.1));
    for memory in machine.memory.as_slice() {
        let start = memory.range.start.next_multiple_of(PAGE);
        let end = memory.range.end & !(PAGE - 1);
        let cut = |at: u64| at.clamp(start, end.max(start));
        map(DIRECT_MAP, start..cut(code.0), MapFlags::KERNEL_DATA)?;
        map(DIRECT_MAP, cut(code.0)..cut(code.1), CONSTANT)?;
        map(DIRECT_MAP, cut(code.1)..end, MapFlags::KERNEL_DATA)?;
    }
    let code = CONSTANT.union(MapFlags::EXECUTE);
    let allowed = [code, CONSTANT, MapFlags::KERNEL_DATA];
    for (part, flags) in [text, rodata, data].into_iter().zip(allowed) {
        let (start, end) = (physical(part.0), physical(part.1));
        map(part.0.wrapping_sub(start), start..end, flags)?;
    }
    debug_assert!(text.0 >= IMAGE || !cfg!(target_os = "none"));
    Ok(tables)
}

/// Maps the physical range `of` at `offset +` it, by the largest pages that fit. What is mapped
/// already stays.
fn linear(tables: &mut PageTable, offset: u64, of: PhysRange, flags: MapFlags) -> Allocated {
    let mut at = of.start;
    while at < of.end {
        let to = offset.wrapping_add(at);
        let aligned = |level: usize| (at | to) & (size(level) - 1) == 0;
        let fits = |level: &usize| aligned(*level) && at + size(*level) <= of.end;
        let level = (1..=paging::largest_level()).rev().find(fits).unwrap_or(0);
        tables.map(to, level, PhysAddr(at), flags)?;
        at += size(level);
    }
    Ok(())
}

fn physical(address: u64) -> u64 {
    virt_to_phys(address as *const u8).0
}

/// Bounds of text, constants and data.
#[cfg(target_os = "none")]
fn image() -> [(u64, u64); 3] {
    unsafe extern "C" {
        static __text_start: u8;
        static __text_end: u8;
        static __rodata_start: u8;
        static __rodata_end: u8;
        static __data_start: u8;
        static __data_end: u8;
    }
    [
        (&raw const __text_start, &raw const __text_end),
        (&raw const __rodata_start, &raw const __rodata_end),
        (&raw const __data_start, &raw const __data_end),
    ]
    .map(|(start, end)| (start as u64, end as u64))
}

/// The host's image is none of ours.
#[cfg(not(target_os = "none"))]
fn image() -> [(u64, u64); 3] {
    let nowhere = super::direct_map();
    [(nowhere, nowhere); 3]
}

/// Allocates a kernel stack of `len` bytes with a guard page below and above; result: its top.
pub fn stack(len: usize) -> Result<u64, OutOfMemory> {
    let mut guard = KERNEL.lock();
    let map = &mut *guard;
    let bottom = map.next_stack + PAGE;
    let top = bottom + (len as u64).next_multiple_of(PAGE);
    let tables = map.tables.as_mut().filter(|_| top < DYNAMIC_END);
    let tables = tables.ok_or(OutOfMemory)?;
    for page in (bottom..top).step_by(PAGE_SIZE) {
        let made = frames::allocate_zeroed().and_then(|frame| {
            let mapped = tables.map(page, 0, frame, MapFlags::KERNEL_DATA);
            mapped.inspect_err(|_| frames::free_one(frame))
        });
        if let Err(error) = made {
            unmap(tables, bottom, page);
            return Err(error);
        }
    }
    paging::publish();
    map.next_stack = top;
    Ok(top)
}

/// Unmaps the stack of `len` bytes with this top and frees it. Nobody runs on it any more.
#[cfg(any(test, feature = "ktest"))]
pub fn free_stack(top: u64, len: usize) {
    let mut map = KERNEL.lock();
    let tables = map.tables.as_mut().expect("the stack is mapped");
    unmap(tables, top - len as u64, top);
}

fn unmap(tables: &mut PageTable, start: u64, end: u64) {
    let mut at = start;
    while at < end {
        // Tables below the root's entries may go: every space sees them through its copy of those.
        let mut batch = Batch::default();
        at = tables.clear(at, end, &mut batch);
        batch.give_up(tlb::flush_kernel, frames::free_one);
    }
}

/// What the kernel's tables say about an address.
#[cfg(any(test, feature = "ktest"))]
pub fn query(address: u64) -> Option<(PhysAddr, MapFlags, usize)> {
    let found = KERNEL.lock().tables.as_ref()?.query(address)?;
    Some((found.physical, found.flags, found.level))
}
