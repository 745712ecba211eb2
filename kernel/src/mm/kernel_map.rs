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

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::page_table::{Batch, KERNEL_HALF, PageTable, shift, size};
use super::region::{Region, RegionKind, Regions};
use super::{MapFlags, OutOfMemory, PAGE_SIZE, PhysAddr, frames, tlb, virt_to_phys};
use crate::arch::layout::{DIRECT_MAP, DYNAMIC, IMAGE};
use crate::arch::paging::{self, SHARED_ROOT};
use crate::lock::{Rank, SpinLock};
use crate::machine::MachineInfo;

const PAGE: u64 = PAGE_SIZE as u64;
const DYNAMIC_END: u64 = DYNAMIC + (1 << 40);
const MOST_DEVICES: usize = 32;

crate::described! {
    /// The kernel's mappings.
    #[repr(C)]
    pub struct KernelMap {
        tables: Option<PageTable>,
        /// What is in use above `DYNAMIC`.
        regions: Regions,
        /// Device windows: address and length.
        devices: [(u64, u64); MOST_DEVICES],
        device_count: usize,
    }
}

/// The kernel's mappings.
pub static KERNEL: SpinLock<KernelMap> = SpinLock::new(
    Rank::KernelMap,
    KernelMap {
        tables: None,
        regions: Regions::new(),
        devices: [(0, 0); MOST_DEVICES],
        device_count: 0,
    },
);
crate::root!("kernel map", KERNEL: SpinLock<KernelMap>);
static ROOT: AtomicU64 = AtomicU64::new(0);
crate::root!("kernel page table", ROOT: AtomicU64, physical("page table"));
static DIRECT: u64 = DIRECT_MAP;
crate::root!("direct map", DIRECT: u64);

/// The root that has the kernel's half.
#[inline]
pub fn root() -> PhysAddr {
    PhysAddr(ROOT.load(Relaxed))
}

/// Makes device registers accessible and returns where. Works before `init`, too.
pub fn device(at: PhysAddr, len: usize) -> *mut u8 {
    let (start, end) = (
        at.0 & !(PAGE - 1),
        (at.0 + len as u64).next_multiple_of(PAGE),
    );
    let mut map = KERNEL.lock();
    let known = map.devices[..map.device_count]
        .iter()
        .any(|d| d.0 <= start && end <= d.0 + d.1);
    if !known {
        let next = map.device_count;
        assert!(next < MOST_DEVICES, "too many device windows");
        map.devices[next] = (start, end - start);
        map.device_count += 1;
        if let Some(tables) = &mut map.tables {
            let flags = MapFlags::KERNEL_DATA | MapFlags::DEVICE;
            linear(tables, DIRECT_MAP, start, end, flags)
                .expect("no memory for a device's page tables");
            paging::publish();
        }
    }
    at.as_ptr()
}

/// Builds the final tables and goes over to them.
pub(super) fn init(machine: &MachineInfo) {
    let mut map = KERNEL.lock();
    let devices = map.devices;
    let count = map.device_count;
    map.tables =
        Some(build(machine, &devices[..count]).expect("no memory for the kernel's page tables"));
    ROOT.store(
        map.tables.as_ref().map_or(0, |tables| tables.root.0),
        Relaxed,
    );
    drop(map);
    activate();
}

/// Puts the final tables to use on this CPU.
pub(super) fn activate() {
    // SAFETY: the tables map all that the boot tables did and the kernel uses, at the same places.
    unsafe { paging::write_kernel_root(root()) };
}

fn build(machine: &MachineInfo, devices: &[(u64, u64)]) -> Result<PageTable, OutOfMemory> {
    let mut tables = PageTable::new(None)?;
    if SHARED_ROOT {
        tables.fill_top(KERNEL_HALF)?;
    }
    let (text, rodata, data) = image();
    let code = (physical(text.0), physical(rodata.1));
    for memory in machine.memory.as_slice() {
        let page = |address: u64| address & !(PAGE - 1);
        let (start, end) = (
            memory.range.start.next_multiple_of(PAGE),
            page(memory.range.end),
        );
        let cut = |at: u64| at.clamp(start, end.max(start));
        let read_only = MapFlags::READ | MapFlags::GLOBAL;
        linear(
            &mut tables,
            DIRECT_MAP,
            start,
            cut(code.0),
            MapFlags::KERNEL_DATA,
        )?;
        linear(&mut tables, DIRECT_MAP, cut(code.0), cut(code.1), read_only)?;
        linear(
            &mut tables,
            DIRECT_MAP,
            cut(code.1),
            end,
            MapFlags::KERNEL_DATA,
        )?;
    }
    for (start, len) in devices {
        linear(
            &mut tables,
            DIRECT_MAP,
            *start,
            start + len,
            MapFlags::KERNEL_DATA | MapFlags::DEVICE,
        )?;
    }
    let constant = MapFlags::READ | MapFlags::GLOBAL;
    for (part, flags) in [
        (text, constant | MapFlags::EXECUTE),
        (rodata, constant),
        (data, MapFlags::KERNEL_DATA),
    ] {
        let offset = part.0.wrapping_sub(physical(part.0));
        linear(
            &mut tables,
            offset,
            physical(part.0),
            physical(part.1),
            flags,
        )?;
    }
    debug_assert!(text.0 >= IMAGE || !cfg!(target_os = "none"));
    Ok(tables)
}

/// Maps physical `start..end` at `offset +` it, by the largest pages that fit. What is mapped
/// already stays.
fn linear(
    tables: &mut PageTable,
    offset: u64,
    start: u64,
    end: u64,
    flags: MapFlags,
) -> Result<(), OutOfMemory> {
    let mut at = start;
    while at < end {
        let to = offset.wrapping_add(at);
        let fits = |level: &usize| (at | to) & (size(*level) - 1) == 0 && at + size(*level) <= end;
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
fn image() -> ((u64, u64), (u64, u64), (u64, u64)) {
    unsafe extern "C" {
        static __text_start: u8;
        static __text_end: u8;
        static __rodata_start: u8;
        static __rodata_end: u8;
        static __data_start: u8;
        static __data_end: u8;
    }
    let at = |symbol: *const u8| symbol as u64;
    (
        (at(&raw const __text_start), at(&raw const __text_end)),
        (at(&raw const __rodata_start), at(&raw const __rodata_end)),
        (at(&raw const __data_start), at(&raw const __data_end)),
    )
}

/// The host's image is none of ours.
#[cfg(not(target_os = "none"))]
fn image() -> ((u64, u64), (u64, u64), (u64, u64)) {
    let nowhere = super::phys_to_virt(PhysAddr(0)) as u64;
    ((nowhere, nowhere), (nowhere, nowhere), (nowhere, nowhere))
}

/// Allocates a kernel stack of `len` bytes with a guard page below and above; result: its top.
pub fn stack(len: usize) -> Result<u64, OutOfMemory> {
    let len = (len as u64).next_multiple_of(PAGE);
    let mut guard = KERNEL.lock();
    let map = &mut *guard;
    let at = map
        .regions
        .gap(DYNAMIC, DYNAMIC_END, len + 2 * PAGE, PAGE)
        .ok_or(OutOfMemory)?;
    let end = at + len + 2 * PAGE;
    let region = Region::new(at, end, MapFlags::KERNEL_DATA, RegionKind::Anonymous).store()?;
    map.regions.insert(region);
    let tables = map.tables.as_mut().ok_or(OutOfMemory)?;
    for page in (at + PAGE..end - PAGE).step_by(PAGE_SIZE) {
        let made = frames::allocate_zeroed().and_then(|frame| {
            let mapped = tables.map(page, 0, frame, MapFlags::KERNEL_DATA);
            mapped.inspect_err(|_| frames::free_one(frame))
        });
        if made.is_err() {
            drop(guard);
            unmap(end - PAGE);
            return Err(OutOfMemory);
        }
    }
    paging::publish();
    Ok(end - PAGE)
}

/// Unmaps the stack with this top and frees it. Nobody runs on it any more.
pub fn unmap(top: u64) {
    let mut guard = KERNEL.lock();
    let map = &mut *guard;
    let Some(region) = map.regions.find(top - 1) else {
        return;
    };
    // SAFETY: regions of the tree are valid while the lock is held.
    let (mut at, end) = unsafe { (region.as_ref().start, region.as_ref().end) };
    let Some(tables) = &mut map.tables else {
        return;
    };
    while at < end {
        // Tables below the root's entries may go: every space sees them through its copy of those.
        let mut batch = Batch::new();
        at = tables.clear(at, end, &mut batch);
        if let Some((from, to)) = batch.range() {
            tlb::flush_kernel(from, to);
        }
        batch
            .leaves()
            .for_each(|(_, frame, _)| frames::free_one(frame));
        batch.give_tables();
    }
    map.regions.remove(region);
    // SAFETY: it is out of the tree.
    unsafe { Region::discard(region) };
}

/// What the kernel's tables say about an address.
pub fn query(address: u64) -> Option<(PhysAddr, MapFlags, usize)> {
    let map = KERNEL.lock();
    let (place, level) = map.tables.as_ref()?.find(address)?;
    let entry = place.get();
    let offset = address & ((1 << shift(level)) - 1);
    Some((entry.address().offset(offset), entry.flags(level), level))
}
