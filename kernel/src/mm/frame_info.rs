//! What the kernel knows about each frame and each 2 MiB block of RAM.
//!
//! You can picture one huge array indexed by frame number. Only the parts where there is RAM
//! exist: a table of 1 GiB sections points to them, each pointer biased so that the frame number
//! itself is the index. The size of it all follows the RAM present, holes cost nothing.
//!
//! Who may write a record: the holder of the frame (reference count, tag, link), and the frame
//! allocator when a frame changes hands. Blocks belong to their zone's lock.

use core::ops::Range;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};

use super::PhysAddr;

crate::described! {
    /// What a frame is used for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum FrameState {
        /// No RAM here.
        Absent,
        /// Firmware, kernel image, initrd, this table: never handed out.
        Reserved,
        /// In its zone, free.
        Free,
        /// In a CPU's cache, free.
        Cached,
        /// Handed out.
        Used,
        /// A page table; `tag` counts the entries that are in use.
        Table,
        /// Part of a slab; see `heap`.
        Slab,
    }
}

crate::described! {
    /// One frame.
    pub struct FrameInfo {
        state: AtomicU8,
        /// Index of the frame's zone: node * 3 + kind.
        pub zone: AtomicU8,
        /// Meaning depends on the state.
        pub tag: AtomicU16,
        /// References: mappings and memory objects. 0 when free.
        pub refs: AtomicU32,
        /// Next of the list that the frame is in; meaning depends on the state.
        pub next: AtomicU32,
        /// As `next`.
        pub previous: AtomicU32,
    }
    state: names(<FrameState as Named>::NAMES)
}

/// `tag` of a used frame whose contents the instruction caches have seen.
pub const CODE_SYNCED: u16 = 1;

impl FrameInfo {
    /// Whether the frame is in `state`.
    #[inline]
    pub fn is(&self, state: FrameState) -> bool {
        self.state.load(Relaxed) == state as u8
    }

    /// Notes a new use.
    #[inline]
    pub fn set_state(&self, state: FrameState) {
        self.state.store(state as u8, Relaxed);
    }

    /// Notes that the frame is handed out, with one reference.
    #[inline]
    pub(super) fn hand_out(&self) {
        self.set_state(FrameState::Used);
        self.tag.store(0, Relaxed);
        self.refs.store(1, Relaxed);
    }
}

crate::described! {
    /// How a 2 MiB block is used.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum BlockKind {
        /// No usable RAM.
        Absent,
        /// Single frames: the bitmap says which are free.
        Bitmap,
        /// First block of a free chunk of the buddy side, of `order`.
        Free,
        /// Inside a free chunk.
        Inside,
        /// Handed out whole.
        Used,
    }
}

crate::described! {
    /// One 2 MiB block.
    pub struct Block {
        /// Free frames of a `Bitmap` block, one bit each.
        pub bits: [u64; 8],
        /// How many bits are set.
        pub free: u16,
        /// How the block is used.
        pub kind: BlockKind,
        /// Order of a `Free` chunk: 2^order blocks.
        pub order: u8,
        /// Index of the zone.
        pub zone: u8,
        /// Neighbours in the zone's list of partly free blocks or of chunks of one order; `NONE` ends.
        pub next: AtomicU32,
        /// As `next`.
        pub previous: AtomicU32,
    }
}

/// Frames in a block.
pub const BLOCK_FRAMES: u32 = 512;
const SECTION_SHIFT: u32 = 18;
/// Sections of 1 GiB: RAM above 512 GiB is not used.
pub const SECTIONS: usize = 512;

crate::described! {
    /// One GiB of physical addresses.
    pub struct Section {
        frames: AtomicPtr<FrameInfo>,
        blocks: AtomicPtr<Block>,
        first: AtomicU32,
        count: AtomicU32,
    }
}

/// All sections; frame `f` is in `SECTION[f >> 18]`.
// SAFETY: zeros are null pointers and no frames.
pub static SECTION: [Section; SECTIONS] = unsafe { core::mem::zeroed() };

crate::root!("frame sections", SECTION: [Section; SECTIONS]);

/// The record of a frame, or none where there is no RAM.
#[inline]
pub fn info(frame: u32) -> Option<&'static FrameInfo> {
    let section = SECTION.get((frame >> SECTION_SHIFT) as usize)?;
    if frame.wrapping_sub(section.first.load(Relaxed)) >= section.count.load(Relaxed) {
        return None;
    }
    // SAFETY: the section has records for `count` frames from `first` on, and they are never taken away.
    Some(unsafe { &*section.frames.load(Relaxed).wrapping_add(frame as usize) })
}

/// The record of a frame that is known to be RAM.
#[inline]
pub(super) fn known(frame: u32) -> &'static FrameInfo {
    debug_assert!(info(frame).is_some(), "frame {frame:#x} is not RAM");
    let section = &SECTION[(frame >> SECTION_SHIFT) as usize % SECTIONS];
    // SAFETY: callers pass frames that the allocator has handed out or holds.
    unsafe { &*section.frames.load(Relaxed).wrapping_add(frame as usize) }
}

/// The record of a block, null where there is no RAM.
#[inline]
pub(super) fn block(number: u32) -> *mut Block {
    let Some(section) = SECTION.get((number >> (SECTION_SHIFT - 9)) as usize) else {
        return null_mut();
    };
    let (first, count) = (section.first.load(Relaxed), section.count.load(Relaxed));
    if count == 0 || number < first / BLOCK_FRAMES || number > (first + count - 1) / BLOCK_FRAMES {
        return null_mut();
    }
    section.blocks.load(Relaxed).wrapping_add(number as usize)
}

/// The parts of the frames `first..end` that lie in one block each.
pub(super) fn by_block(first: u32, end: u32) -> impl Iterator<Item = Range<u32>> {
    super::cut(first.into()..end.into(), BLOCK_FRAMES.into())
        .map(|part| part.start as u32..part.end as u32)
}

/// Gives each section records (all `Absent`) for the frames that RAM spans in it, in `claim`ed memory
/// that is theirs from now on.
pub(super) fn init(
    ram: impl Iterator<Item = Range<u32>> + Clone,
    claim: impl Fn(usize) -> PhysAddr,
) {
    for (index, section) in SECTION.iter().enumerate() {
        let start = (index as u32) << SECTION_SHIFT;
        let end = start + (1 << SECTION_SHIFT);
        let inside = ram.clone().filter(|r| r.start < end && r.end > start);
        let first = inside.clone().map(|r| r.start.max(start)).min();
        let end = inside.map(|r| r.end.min(end)).max();
        let (Some(first), Some(end)) = (first, end) else {
            continue;
        };
        let (frames, block) = (end - first, first / BLOCK_FRAMES);
        let blocks = (end - 1) / BLOCK_FRAMES - block + 1;
        let bytes = frames as usize * size_of::<FrameInfo>() + blocks as usize * size_of::<Block>();
        let records = claim(bytes).as_ptr::<FrameInfo>();
        // SAFETY: what was claimed is RAM that nobody else has.
        unsafe { records.cast::<u8>().write_bytes(0, bytes) };
        let blocks = records.wrapping_add(frames as usize) as *mut Block;
        let records = records.wrapping_sub(first as usize);
        let blocks = blocks.wrapping_sub(block as usize);
        section.frames.store(records, Relaxed);
        section.blocks.store(blocks, Relaxed);
        section.first.store(first, Relaxed);
        section.count.store(frames, Relaxed);
    }
}

/// Forgets all records; the host's tests start over with other memory.
#[cfg(test)]
pub(super) fn clear() {
    for section in &SECTION {
        section.count.store(0, Relaxed);
    }
}
