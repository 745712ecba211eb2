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

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::frame_info::{self, FrameState, info, known};
use super::numa::{self, NODES};
use super::zones::ZoneKind;
use super::{OutOfMemory, PAGE_SIZE, PhysAddr, inject, reserved, tlb};
use crate::arch::cpu;
use crate::lock::{Rank, SpinLock};
use crate::machine::MachineInfo;
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

const CACHE_SIZE: usize = 64;
const BATCH: usize = 32;

/// A CPU's free frames.
#[repr(C, align(64))]
struct Cache {
    count: usize,
    frames: [u32; CACHE_SIZE],
}

static CACHES: [SpinLock<Cache>; MAX_CPUS] = [const {
    SpinLock::new(
        Rank::FrameCache,
        Cache {
            count: 0,
            frames: [0; CACHE_SIZE],
        },
    )
}; MAX_CPUS];

/// Takes one frame. Its contents are undefined.
#[inline]
pub fn allocate_one() -> Result<PhysAddr, OutOfMemory> {
    if inject::refuse() {
        return Err(OutOfMemory);
    }
    let cpu = cpu::current();
    let mut cache = CACHES[cpu.number()].lock();
    if cache.count == 0 && !refill(&mut cache, cpu.node.get() as usize) {
        drop(cache);
        return slow(Request::frames(1)).map(|range| range.start);
    }
    cache.count -= 1;
    let frame = cache.frames[cache.count % CACHE_SIZE];
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

/// Takes contiguous frames of zeros.
pub fn allocate_cleared(request: Request) -> Result<FrameRange, OutOfMemory> {
    let range = allocate(request)?;
    for i in 0..range.frames {
        // SAFETY: the frames were just handed out to us alone.
        unsafe { cpu::clear_page(range.start.as_ptr::<u8>().add(i * PAGE_SIZE)) };
    }
    Ok(range)
}

/// Takes a frame and copies `from` into it.
pub fn allocate_copy(from: PhysAddr) -> Result<PhysAddr, OutOfMemory> {
    let frame = allocate_one()?;
    // SAFETY: the new frame is ours alone, and the caller keeps the old one.
    unsafe {
        frame
            .as_ptr::<[u64; 512]>()
            .copy_from_nonoverlapping(from.as_ptr(), 1)
    };
    Ok(frame)
}

#[cold]
fn slow(request: Request) -> Result<FrameRange, OutOfMemory> {
    let node = request.node.unwrap_or(cpu::current().node.get() as usize);
    let count = u32::try_from(request.frames).map_err(|_| OutOfMemory)?;
    let align = u32::try_from(request.align).map_err(|_| OutOfMemory)?;
    let find = || numa::search(node, request.zone, |zone| zone.take(count, align));
    let first = match find() {
        Some(first) => first,
        None => {
            drain();
            find().ok_or(OutOfMemory)?
        }
    };
    (first..first + count).for_each(|frame| known(frame).hand_out());
    Ok(FrameRange {
        start: PhysAddr::of_frame(first),
        frames: request.frames,
    })
}

#[cold]
fn refill(cache: &mut Cache, node: usize) -> bool {
    numa::search(node, ZoneKind::High, |zone| {
        while cache.count < BATCH
            && let Some(frame) = zone.take_one()
        {
            known(frame).set_state(FrameState::Cached);
            cache.frames[cache.count] = frame;
            cache.count += 1;
        }
        (cache.count != 0).then_some(())
    })
    .is_some()
}

/// Why a frame that is not handed out cannot be given back.
#[cold]
fn not_held(info: &frame_info::FrameInfo) -> FreeError {
    match info.state() {
        FrameState::Free | FrameState::Cached => FreeError::Double,
        _ => FreeError::Foreign,
    }
}

/// Checks that the caller may give this frame back, and marks it as no longer handed out.
#[inline]
fn take_back(frame: u32, next: FrameState) -> Result<&'static frame_info::FrameInfo, FreeError> {
    let info = info(frame).ok_or(FreeError::Foreign)?;
    if !info.is(FrameState::Used) {
        return Err(not_held(info));
    }
    tlb::check_unreachable(frame);
    info.set_state(next);
    info.refs.store(0, Relaxed);
    Ok(info)
}

/// Gives one frame back, or says why not; nothing changes then.
#[inline]
pub fn try_free_one(address: PhysAddr) -> Result<(), FreeError> {
    let frame = address.frame();
    let info = take_back(frame, FrameState::Cached)?;
    let (cpu, zone) = (cpu::current(), info.zone.load(Relaxed));
    // Only memory that a plain request takes first may stay in the cache: local, not DMA.
    if (zone as u32).wrapping_sub(cpu.node.get() * 3 + 1) > 1 {
        go_home(frame, info);
        return Ok(());
    }
    let mut cache = CACHES[cpu.number()].lock();
    if cache.count == CACHE_SIZE {
        spill(&mut cache, BATCH);
    }
    let at = cache.count;
    cache.frames[at % CACHE_SIZE] = frame;
    cache.count = at + 1;
    Ok(())
}

/// Gives one frame to its zone.
#[cold]
fn go_home(frame: u32, info: &frame_info::FrameInfo) {
    info.set_state(FrameState::Free);
    numa::zone(info.zone.load(Relaxed)).lock().give(frame, 1);
}

/// Moves frames from a cache to their zones until `keep` are left, oldest first.
#[cold]
fn spill(cache: &mut Cache, keep: usize) {
    let excess = cache.count - keep;
    for frame in &cache.frames[..excess] {
        go_home(*frame, known(*frame));
    }
    cache.frames.copy_within(excess..cache.count, 0);
    cache.count = keep;
}

/// Gives contiguous frames back, or says why not; nothing changes then.
pub fn try_free(range: FrameRange) -> Result<(), FreeError> {
    let (first, count) = (range.start.frame(), range.frames as u32);
    for frame in first..first + count {
        let info = info(frame).ok_or(FreeError::Foreign)?;
        if !info.is(FrameState::Used) {
            return Err(not_held(info));
        }
    }
    let mut at = first;
    while at < first + count {
        let zone = known(at).zone.load(Relaxed);
        let start = at;
        while at < first + count && known(at).zone.load(Relaxed) == zone {
            take_back(at, FrameState::Free)?;
            at += 1;
        }
        numa::zone(zone).lock().give(start, at - start);
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
    if let Err(error) = try_free_one(address) {
        refuse(address, error);
    }
}

/// Gives contiguous frames back.
///
/// # Panics
/// As `free_one`.
#[track_caller]
pub fn free(range: FrameRange) {
    if let Err(error) = try_free(range) {
        refuse(range.start, error);
    }
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
pub fn statistics(node: usize, kind: ZoneKind) -> ZoneStatistics {
    let zone = NODES[node].zones[kind as usize].lock();
    ZoneStatistics {
        total: zone.total,
        free: zone.free,
        largest: zone.largest(),
    }
}

fn sum(count: impl Fn(&super::zones::Zone) -> usize) -> usize {
    NODES
        .iter()
        .flat_map(|node| &node.zones)
        .map(|zone| count(&zone.lock()))
        .sum()
}

/// Free frames of the whole machine, those in caches included.
pub fn free_frames() -> usize {
    let cached: usize = CACHES.iter().map(|cache| cache.lock().count).sum();
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
    let mut spans = [(0u32, 0u32); crate::machine::MAX_MEMORY];
    let memory = machine.memory.as_slice();
    for (span, m) in spans.iter_mut().zip(memory) {
        let limit = (frame_info::SECTIONS as u64) << 30;
        let end = m.range.end.min(limit) / PAGE_SIZE as u64;
        *span = (
            m.range.start.div_ceil(PAGE_SIZE as u64).min(end) as u32,
            end as u32,
        );
    }
    let spans = &spans[..memory.len()];
    frame_info::spans(spans, |index, first, last| {
        let bytes = frame_info::span_bytes(first, last).next_multiple_of(PAGE_SIZE) as u64;
        let at =
            reserved::claim(memory, bytes, "frame records").expect("no RAM for the frame records");
        // SAFETY: `claim` found RAM that nobody has and reserved it for us.
        unsafe {
            at.as_ptr::<u8>().write_bytes(0, bytes as usize);
            frame_info::install(index, first, last, at.as_ptr());
        }
    });
    let lowest = spans
        .iter()
        .filter(|s| s.0 < s.1)
        .map(|s| s.0)
        .min()
        .unwrap_or(0);
    let dma_end = if lowest < 256 {
        16 << 8
    } else {
        lowest + (64 << 8)
    };
    for (span, m) in spans.iter().zip(memory) {
        for frame in span.0..span.1 {
            known(frame).set_state(FrameState::Reserved);
            known(frame).refs.store(1, Relaxed);
        }
        let bounds = [
            (0, dma_end),
            (dma_end, (1u32 << 20).max(dma_end)),
            (1 << 20, u32::MAX),
        ];
        for (kind, (low, high)) in bounds.into_iter().enumerate() {
            // Frame 0 stays out: its number means "none" in memory objects.
            let (start, end) = (span.0.max(low).max(1), span.1.min(high));
            reserved::gaps(start, end, |first, end| {
                add(m.node as usize * 3 + kind, first, end)
            });
        }
    }
}

/// Hands the frames `first..end` to a zone at boot.
fn add(index: usize, first: u32, end: u32) {
    for frame in first..end {
        let info = known(frame);
        info.set_state(FrameState::Free);
        info.refs.store(0, Relaxed);
    }
    let mut at = first;
    while at < end {
        let number = at / frame_info::BLOCK_FRAMES;
        let stop = end.min((number + 1) * frame_info::BLOCK_FRAMES);
        // SAFETY: the block has records, and only the boot CPU runs.
        let block = unsafe { &mut *frame_info::block(number) };
        // Where two nodes share a block, the first one has it all.
        if block.kind == frame_info::BlockKind::Absent {
            block.zone = index as u8;
        }
        let zone = block.zone;
        (at..stop).for_each(|frame| known(frame).zone.store(zone, Relaxed));
        numa::zone(zone).lock().add(at, stop);
        at = stop;
    }
}

/// Forgets everything, for the next test on the host.
#[cfg(test)]
pub(super) fn reset() {
    CACHES.iter().for_each(|cache| cache.lock().count = 0);
    frame_info::clear();
}
