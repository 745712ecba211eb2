//! Frames: the one resource that everything is made of.
//!
//! Model: single frames without special wishes come from a small cache of the CPU; it exchanges
//! frames with the zones of its node in batches. Everything else goes to the zones directly
//! (`numa`, `zones`). A frame's record says whether it is handed out, so that giving back a frame
//! twice, or one that was never handed out, is refused before it can do harm.
//!
//! A handed-out frame has a count of references. `free` is for who has the only one; `retain` and
//! `release` are for frames that several mappings share.
//!
//! Lock order: a CPU's cache (rank `FrameCache`), then a zone (`Frames`). A cache's lock is taken
//! by others only to empty it when memory runs out.

use core::ops::Range;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use arrayvec::ArrayVec;

use super::frame_info::{self, FrameInfo, FrameState, by_block, info, known};
use super::numa::{self, NODES};
use super::tlb::shadow;
use super::zones::ZoneKind;
use super::{OutOfMemory, PAGE_SIZE, PhysAddr, inject, reserved};
use crate::arch::cpu;
use crate::lock::{Rank, SpinLock};
use crate::machine::{MachineInfo, Memory};
use crate::percpu::MAX_CPUS;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// How many frames, contiguous.
    pub frames: usize,
    /// The first frame's number is a multiple of this, a power of two.
    pub align: usize,
    /// The highest zone that will do.
    pub zone: ZoneKind,
    /// The node to start with; none means that of this CPU.
    pub node: Option<usize>,
}

impl Request {
    /// `frames` contiguous frames from anywhere near.
    pub const fn frames(frames: usize) -> Request {
        Request {
            frames,
            align: 1,
            zone: ZoneKind::High,
            node: None,
        }
    }

    /// The same, aligned to `align` frames.
    pub const fn aligned(mut self, align: usize) -> Request {
        self.align = align;
        self
    }
}

#[cfg(any(test, feature = "ktest"))]
impl Request {
    /// The same, from `zone` or below.
    pub const fn zone(mut self, zone: ZoneKind) -> Request {
        self.zone = zone;
        self
    }

    /// The same, near `node`.
    pub const fn node(mut self, node: usize) -> Request {
        self.node = Some(node);
        self
    }
}

/// Contiguous frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRange {
    /// Address of the first.
    pub start: PhysAddr,
    /// How many.
    pub frames: usize,
}

/// Why frames were not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeError {
    /// One of them is free already.
    Double,
    /// One of them was never handed out: no RAM, reserved, or in another use.
    Foreign,
}

/// Frames that a cache exchanges with zones at a time.
const BATCH: usize = 32;
type Cache = ArrayVec<u32, 64>;

/// Each CPU's free frames.
static CACHES: [SpinLock<Cache>; MAX_CPUS] =
    [const { SpinLock::new(Rank::FrameCache, Cache::new_const()) }; MAX_CPUS];

/// Takes one frame. Its contents are undefined.
#[inline]
pub fn allocate_one() -> Result<PhysAddr, OutOfMemory> {
    if inject::refuse() {
        return Err(OutOfMemory);
    }
    let cpu = cpu::current();
    let mut cache = CACHES[cpu.number()].lock();
    let frame = cache.pop();
    let Some(frame) = frame.or_else(|| refill(&mut cache, cpu.node.get() as usize)) else {
        drop(cache);
        return slow(Request::frames(1)).map(|range| range.start);
    };
    drop(cache);
    known(frame).hand_out();
    Ok(PhysAddr::of_frame(frame))
}

/// Takes one frame of zeros.
#[inline]
pub fn allocate_zeroed() -> Result<PhysAddr, OutOfMemory> {
    let frame = allocate_one()?;
    // SAFETY: the frame was just handed out to us alone.
    unsafe { cpu::clear_page(frame.as_ptr()) };
    Ok(frame)
}

/// Takes contiguous frames.
pub fn allocate(request: Request) -> Result<FrameRange, OutOfMemory> {
    if request.frames == 0 || !request.align.is_power_of_two() || inject::refuse() {
        return Err(OutOfMemory);
    }
    slow(request)
}

/// Takes a frame and copies `from` into it.
pub fn allocate_copy(from: PhysAddr) -> Result<PhysAddr, OutOfMemory> {
    let frame = allocate_one()?;
    let [from, to] = [from, frame].map(PhysAddr::as_ptr::<[u64; 512]>);
    // SAFETY: the new frame is ours alone, and the caller keeps the old one.
    unsafe { to.copy_from_nonoverlapping(from, 1) };
    Ok(frame)
}

#[cold]
fn slow(request: Request) -> Result<FrameRange, OutOfMemory> {
    let node = request.node.unwrap_or(cpu::current().node.get() as usize);
    let count = u32::try_from(request.frames).map_err(|_| OutOfMemory)?;
    let align = u32::try_from(request.align).map_err(|_| OutOfMemory)?;
    let find = || numa::search(node, request.zone, |zone| zone.take(count, align));
    let again = || {
        drain();
        find()
    };
    let first = find().or_else(again).ok_or(OutOfMemory)?;
    (first..first + count).for_each(|frame| known(frame).hand_out());
    let (start, frames) = (PhysAddr::of_frame(first), request.frames);
    Ok(FrameRange { start, frames })
}

/// Fills an empty cache with a batch and takes one of it.
#[cold]
fn refill(cache: &mut Cache, node: usize) -> Option<u32> {
    numa::search(node, ZoneKind::High, |zone| {
        for frame in (0..BATCH).map_while(|_| zone.take_one()) {
            known(frame).set_state(FrameState::Cached);
            cache.push(frame);
        }
        cache.pop()
    })
}

/// The record of a frame that the caller may give back.
#[inline]
fn held(frame: u32) -> Result<&'static FrameInfo, FreeError> {
    let info = info(frame).ok_or(FreeError::Foreign)?;
    match info.is(FrameState::Used) {
        true => Ok(info),
        false if info.is(FrameState::Free) || info.is(FrameState::Cached) => Err(FreeError::Double),
        false => Err(FreeError::Foreign),
    }
}

/// Marks a frame as no longer handed out.
#[inline]
fn take_back(frame: u32, info: &FrameInfo, next: FrameState) {
    shadow!(check(frame));
    info.set_state(next);
    info.refs.store(0, Relaxed);
}

/// Gives one frame back, or says why not; nothing changes then.
#[inline]
pub fn try_free_one(address: PhysAddr) -> Result<(), FreeError> {
    let frame = address.frame();
    let info = held(frame)?;
    take_back(frame, info, FrameState::Cached);
    let (cpu, zone) = (cpu::current(), info.zone.load(Relaxed));
    // Only memory that a plain request takes first may stay in the cache: local, not DMA.
    if (zone as u32).wrapping_sub(cpu.node.get() * 3 + 1) > 1 {
        go_home(frame, info);
        return Ok(());
    }
    let mut cache = CACHES[cpu.number()].lock();
    if cache.is_full() {
        spill(&mut cache, BATCH);
    }
    cache.push(frame);
    Ok(())
}

/// Gives one frame to its zone.
#[cold]
fn go_home(frame: u32, info: &FrameInfo) {
    info.set_state(FrameState::Free);
    numa::zone(info.zone.load(Relaxed)).lock().give(frame, 1);
}

/// Moves frames from a cache to their zones until `keep` are left, oldest first.
#[cold]
fn spill(cache: &mut Cache, keep: usize) {
    let excess = cache.len() - keep;
    for frame in cache.drain(..excess) {
        go_home(frame, known(frame));
    }
}

/// Gives contiguous frames back, or says why not; nothing changes then.
pub fn try_free(range: FrameRange) -> Result<(), FreeError> {
    let first = range.start.frame();
    let end = first + range.frames as u32;
    for frame in first..end {
        held(frame)?;
    }
    for part in by_block(first, end) {
        let (start, count) = (part.start, part.end - part.start);
        part.for_each(|frame| take_back(frame, known(frame), FrameState::Free));
        let zone = known(start).zone.load(Relaxed);
        numa::zone(zone).lock().give(start, count);
    }
    Ok(())
}

/// Gives one frame back.
///
/// # Panics
/// When it is free already or was never handed out: a bug that would corrupt memory later.
#[inline]
#[track_caller]
pub fn free_one(address: PhysAddr) {
    try_free_one(address).unwrap_or_else(|error| refuse(address, error));
}

/// Gives contiguous frames back.
///
/// # Panics
/// As `free_one`.
#[track_caller]
pub fn free(range: FrameRange) {
    try_free(range).unwrap_or_else(|error| refuse(range.start, error));
}

#[cold]
#[track_caller]
fn refuse(address: PhysAddr, error: FreeError) -> ! {
    panic!("{error:?} free of frame {:#x}", address.0)
}

/// Adds a reference to a frame; what is not RAM has no count.
#[inline]
pub fn retain(address: PhysAddr) {
    if let Some(info) = info(address.frame()) {
        info.refs.fetch_add(1, Relaxed);
    }
}

/// Drops a reference; the last one frees the frame.
#[inline]
pub fn release(address: PhysAddr) {
    let Some(info) = info(address.frame()) else {
        return;
    };
    // A count of one means that nobody else can change it.
    if info.refs.load(Acquire) == 1 || info.refs.fetch_sub(1, Release) == 1 {
        free_one(address);
    }
}

/// How many references a frame has; 0 if it is free or not RAM.
#[inline]
pub fn references(address: PhysAddr) -> u32 {
    info(address.frame()).map_or(0, |info| info.refs.load(Acquire))
}

/// Gives every cached frame back to its zone, on all CPUs.
pub fn drain() {
    super::page_table::drain();
    CACHES.iter().for_each(|cache| spill(&mut cache.lock(), 0));
}

/// Frames of one zone.
#[cfg(any(test, feature = "ktest"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZoneStatistics {
    /// Frames given to the zone at boot.
    pub total: usize,
    /// Frames free in the zone; what CPUs have cached is not among them.
    pub free: usize,
    /// Frames in the largest contiguous free piece of whole blocks.
    pub largest: usize,
}

/// What one zone of one node holds.
#[cfg(any(test, feature = "ktest"))]
pub fn statistics(node: usize, kind: ZoneKind) -> ZoneStatistics {
    let zone = NODES[node].zones[kind as usize].lock();
    ZoneStatistics {
        total: zone.total,
        free: zone.free,
        largest: zone.largest(),
    }
}

fn sum(count: impl Fn(&super::zones::Zone) -> usize) -> usize {
    let zones = NODES.iter().flat_map(|node| &node.zones);
    zones.map(|zone| count(&zone.lock())).sum()
}

/// Free frames of the whole machine, those in caches included.
pub fn free_frames() -> usize {
    let kept = |cache: &SpinLock<Cache>| cache.lock().len();
    let cached: usize = CACHES.iter().map(kept).sum();
    sum(|zone| zone.free) + cached + super::page_table::cached()
}

/// Frames of the whole machine that were ever handed to the allocator.
pub fn total_frames() -> usize {
    sum(|zone| zone.total)
}

/// Takes over the machine's RAM at boot, except what is reserved.
pub fn init(machine: &MachineInfo) {
    numa::init(machine.nodes, &machine.distances);
    reserved::init(machine);
    let memory = machine.memory.as_slice();
    // Above the last section there are no records.
    let limit = (frame_info::SECTIONS as u64) << 30;
    let span = |m: &Memory| {
        let page = PAGE_SIZE as u64;
        let end = m.range.end.min(limit) / page;
        m.range.start.div_ceil(page) as u32..end as u32
    };
    let spans = memory.iter().map(span).filter(|span| !span.is_empty());
    frame_info::init(spans.clone(), |bytes| {
        let found = reserved::claim(memory, bytes, "frame records");
        found.expect("no RAM for the frame records")
    });
    // What old devices reach: 16 MiB of a PC, whose RAM begins at 0, else the first 64 MiB.
    let dma_end = match spans.map(|span| span.start).min().unwrap_or(0) {
        0..256 => 16 << 8,
        lowest => lowest + (64 << 8),
    };
    let normal_end = (1u32 << 20).max(dma_end);
    for m in memory {
        let span = span(m);
        for info in span.clone().map(known) {
            info.set_state(FrameState::Reserved);
            info.refs.store(1, Relaxed);
        }
        // Frame 0 stays out: its number means "none" in memory objects.
        let bounds = [1, dma_end, normal_end, u32::MAX];
        for (kind, bounds) in bounds.windows(2).enumerate() {
            let (start, end) = (span.start.max(bounds[0]), span.end.min(bounds[1]));
            let index = m.node as usize * 3 + kind;
            reserved::gaps(start, end).for_each(|gap| add(index, gap));
        }
    }
}

/// Hands frames to a zone at boot.
fn add(index: usize, frames: Range<u32>) {
    for part in by_block(frames.start, frames.end) {
        // SAFETY: the block has records, and only the boot CPU runs.
        let block = unsafe { &mut *frame_info::block(part.start / frame_info::BLOCK_FRAMES) };
        // Where two nodes share a block, the first one has it all.
        if block.kind == frame_info::BlockKind::Absent {
            block.zone = index as u8;
        }
        let zone = block.zone;
        for info in part.clone().map(known) {
            info.zone.store(zone, Relaxed);
            info.set_state(FrameState::Free);
            info.refs.store(0, Relaxed);
        }
        numa::zone(zone).lock().add(part.start, part.end);
    }
}

/// Forgets everything, for the next test on the host.
#[cfg(test)]
pub(super) fn reset() {
    CACHES.iter().for_each(|cache| cache.lock().clear());
    frame_info::clear();
}
