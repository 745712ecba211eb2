//! Memory management.
//!
//! Model: frames (`frame_allocator`) are the one resource. Each has a record (`frame_info`) that
//! says who has it and how many references there are. The kernel's own objects come from slabs
//! (`heap`), user memory from memory objects (`object`) and from the anonymous regions of address
//! spaces (`vas`), which put frames behind addresses through `page_table`; `tlb` makes every CPU
//! forget a translation before its frame is used again.
//!
//! All RAM is mapped at `DIRECT_MAP`, so a physical address is a pointer by one addition.
//! Everything fallible returns an error: running out of memory never ends the kernel.

pub mod fault;
mod fork;
pub mod frame_allocator;
pub mod frame_info;
pub mod heap;
pub mod inject;
pub mod kernel_map;
mod list;
pub mod numa;
mod numbers;
pub mod object;
mod page_table;
pub mod region;
pub mod reserved;
#[cfg(any(test, feature = "checks"))]
pub mod shadow;
pub mod tlb;
mod unmap;
pub mod vas;
pub mod zones;

#[cfg(all(feature = "ktest", target_os = "none"))]
mod ktests;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(test)]
mod tests;

use core::ops::Range;

pub use frame_allocator as frames;
pub use frame_allocator::{FrameRange, Request};

#[cfg(target_os = "none")]
use crate::arch::layout::DIRECT_MAP;
use crate::arch::layout::IMAGE;
use crate::arch::paging;
use crate::inspect::{Described, FieldKind, Name, Record, Shape};
use crate::machine::MachineInfo;
use veridian_abi::Error;

/// Size of a frame and of the smallest page.
pub const PAGE_SIZE: usize = 4096;

/// A physical address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct PhysAddr(pub u64);

/// A virtual address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct VirtAddr(pub u64);

/// There is no memory for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// What comes of something that fails only for want of memory.
pub type Allocated<T = ()> = Result<T, OutOfMemory>;

impl From<OutOfMemory> for Error {
    fn from(_: OutOfMemory) -> Error {
        Error::OutOfMemory
    }
}

bitflags::bitflags! {
    /// What a mapping allows and how it behaves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MapFlags: u32 {
        /// Loads.
        const READ = 1;
        /// Stores; never together with `EXECUTE`.
        const WRITE = 1 << 1;
        /// Instruction fetches.
        const EXECUTE = 1 << 2;
        /// From user mode.
        const USER = 1 << 3;
        /// In every address space: TLB entries survive a change of root.
        const GLOBAL = 1 << 4;
        /// Device registers: uncached, strongly ordered.
        const DEVICE = 1 << 5;
        /// Software bit: a store gets a copy of the frame first.
        const COW = 1 << 6;
    }
}

const FLAGS_TYPE: &str = "veridian_kernel::mm::MapFlags";

impl Described for MapFlags {
    const SHAPE: Shape = Shape::new(FieldKind::Flags, FLAGS_TYPE, 4).named(&[
        Name::new(1, "read"),
        Name::new(1 << 1, "write"),
        Name::new(1 << 2, "execute"),
        Name::new(1 << 3, "user"),
        Name::new(1 << 4, "global"),
        Name::new(1 << 5, "device"),
        Name::new(1 << 6, "copy-on-write"),
    ]);
}

#[used]
#[unsafe(link_section = "veridian_inspect")]
static MAP_FLAGS: Record = Record::new(FLAGS_TYPE, &[], 4, None, (file!(), line!()));

impl Described for PhysAddr {
    const SHAPE: Shape = <u64 as Described>::SHAPE;
}

impl MapFlags {
    /// Kernel data: read and write.
    pub const KERNEL_DATA: Self = Self::READ.union(Self::WRITE).union(Self::GLOBAL);
    /// User data: read and write.
    pub const USER_DATA: Self = Self::READ.union(Self::WRITE).union(Self::USER);
    /// User code: read and execute.
    pub const USER_CODE: Self = Self::READ.union(Self::EXECUTE).union(Self::USER);
    /// User constants: read.
    pub const USER_RODATA: Self = Self::READ.union(Self::USER);
}

impl PhysAddr {
    /// The address of frame number `frame`.
    pub const fn of_frame(frame: u32) -> PhysAddr {
        PhysAddr((frame as u64) << 12)
    }

    /// The number of the frame that holds this address.
    pub const fn frame(self) -> u32 {
        (self.0 >> 12) as u32
    }

    /// Where this address is in the direct map.
    pub fn as_ptr<T>(self) -> *mut T {
        direct_map().wrapping_add(self.0) as *mut T
    }

    /// The address `bytes` further on.
    pub const fn offset(self, bytes: u64) -> PhysAddr {
        PhysAddr(self.0 + bytes)
    }
}

/// Start of the direct map.
#[cfg(target_os = "none")]
pub(crate) fn direct_map() -> u64 {
    DIRECT_MAP
}

/// On the host "physical memory" is an array of the test.
#[cfg(not(target_os = "none"))]
pub(crate) fn direct_map() -> u64 {
    paging::direct_map()
}

/// The physical address behind a pointer into the direct map or the kernel image.
pub fn virt_to_phys<T>(pointer: *const T) -> PhysAddr {
    let address = pointer as u64;
    if cfg!(target_os = "none") && address >= IMAGE {
        return PhysAddr(paging::image_physical(address));
    }
    PhysAddr(address.wrapping_sub(direct_map()))
}

/// The parts of a range between multiples of `unit`.
pub(crate) fn cut(range: Range<u64>, unit: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    core::iter::from_fn(move || {
        let start = at;
        at = range.end.min((start / unit + 1) * unit);
        (start < at).then_some(start..at)
    })
}

/// `len` bytes from `start` on in pieces that lie in one page each: where each is, and which part
/// of the bytes.
pub(crate) fn pieces(start: u64, len: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
    let within = move |at: u64| (at - start) as usize;
    cut(start..start + len as u64, PAGE_SIZE as u64)
        .map(move |piece| (piece.start, within(piece.start)..within(piece.end)))
}

/// Brings memory management up on the boot CPU: frame allocator, heap, and the kernel's final page
/// tables, which `kernel_map::activate` puts to use on each CPU.
pub fn init(machine: &MachineInfo) {
    frame_allocator::init(machine);
    tlb::init();
    kernel_map::init(machine);
}
