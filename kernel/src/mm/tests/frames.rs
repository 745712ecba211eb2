use proptest::prelude::*;
use std::vec::Vec;

use super::{GIB, MIB, Machine, Random, seeds};
use crate::machine::MachineInfo;
use crate::mm::frame_info::info;
use crate::mm::frames::{self, FreeError};
use crate::mm::zones::ZoneKind;
use crate::mm::{FrameRange, OutOfMemory, PAGE_SIZE, PhysAddr, Request, numa, reserved};

fn drain_all() -> Vec<PhysAddr> {
    std::iter::from_fn(|| frames::allocate_one().ok()).collect()
}

/// The largest contiguous piece over all zones.
fn largest() -> usize {
    let zones = (0..numa::nodes()).flat_map(|n| {
        [ZoneKind::Dma, ZoneKind::Normal, ZoneKind::High].map(|k| frames::statistics(n, k).largest)
    });
    zones.max().unwrap()
}

#[test]
fn every_frame_singly_then_the_largest_piece() {
    for seed in seeds() {
        let _machine = Machine::new(&[(1024, 160, 0), (1500, 33, 0)]);
        let (free, piece) = (frames::free_frames(), largest());
        assert!(free < frames::total_frames());
        let mut all = drain_all();
        assert_eq!(all.len(), free);
        assert_eq!(frames::free_frames(), 0);
        let mut unique = all.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), free);
        Random(seed).shuffle(&mut all);
        all.iter().for_each(|frame| frames::free_one(*frame));
        assert_eq!(frames::free_frames(), free);
        let range =
            frames::allocate(Request::frames(piece)).expect("the largest piece of the boot");
        frames::free(range);
        frames::drain();
        assert_eq!((frames::free_frames(), largest()), (free, piece));
    }
}

#[test]
fn the_largest_piece_then_every_frame_singly() {
    let _machine = Machine::new(&[(1024, 128, 0)]);
    let free = frames::free_frames();
    let range = frames::allocate(Request::frames(largest())).unwrap();
    let rest = drain_all();
    assert_eq!(rest.len() + range.frames, free);
    // Giving the piece back frame by frame makes it whole again.
    (0..range.frames).for_each(|i| frames::free_one(range.start.offset((i * PAGE_SIZE) as u64)));
    let again = frames::allocate(Request::frames(range.frames)).unwrap();
    assert_eq!(again, range);
    frames::free(again);
    assert_eq!(drain_all().len() + rest.len(), free);
}

#[test]
fn a_piece_larger_than_any_chunk_joins_chunks() {
    // 3 blocks of one chunk and 4 of the next are 7 in a row, though no power of two holds them.
    let _machine = Machine::new(&[(1034, 190, 0)]);
    let piece = largest();
    assert!(!piece.is_power_of_two());
    let range = frames::allocate(Request::frames(piece)).unwrap();
    frames::free(range);
    assert_eq!(largest(), piece);
}

#[test]
fn double_and_foreign_frees_are_refused() {
    let machine = Machine::new(&[(1024, 64, 0)]);
    let frame = frames::allocate_one().unwrap();
    let before = frames::free_frames();
    frames::free_one(frame);
    assert_eq!(frames::try_free_one(frame), Err(FreeError::Double));
    frames::drain();
    assert_eq!(frames::try_free_one(frame), Err(FreeError::Double));
    assert_eq!(
        frames::try_free_one(PhysAddr(0x1000)),
        Err(FreeError::Foreign)
    );
    assert_eq!(
        frames::try_free_one(PhysAddr(100 * GIB)),
        Err(FreeError::Foreign)
    );
    assert_eq!(
        frames::try_free_one(PhysAddr(u64::MAX)),
        Err(FreeError::Foreign)
    );
    let table = crate::arch::paging::kernel_root();
    assert_eq!(frames::try_free_one(table), Err(FreeError::Foreign));
    let records = reserved::RESERVED.lock().as_slice()[0].range.start;
    assert_eq!(
        frames::try_free_one(PhysAddr(records)),
        Err(FreeError::Foreign)
    );
    let range = frames::allocate(Request::frames(8)).unwrap();
    frames::free_one(range.start.offset(5 * PAGE_SIZE as u64));
    assert_eq!(frames::try_free(range), Err(FreeError::Double));
    let end = machine.info.memory.as_slice()[0].range.end;
    let past = FrameRange {
        start: PhysAddr(end - 4096),
        frames: 2,
    };
    assert!(frames::try_free(past).is_err());
    frames::free(FrameRange { frames: 5, ..range });
    frames::free(FrameRange {
        start: range.start.offset(6 * PAGE_SIZE as u64),
        frames: 2,
    });
    assert_eq!(frames::free_frames(), before + 1);
}

#[test]
#[should_panic(expected = "Double free")]
fn a_double_free_in_the_kernel_is_a_panic() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let frame = frames::allocate_one().unwrap();
    frames::free_one(frame);
    frames::free_one(frame);
}

#[test]
fn what_is_reserved_is_never_handed_out() {
    let mut info = MachineInfo::new();
    info.add_memory(0..640 << 10, 0);
    info.add_memory(MIB..96 * MIB, 0);
    info.reserve(0..0x1000, "vectors");
    info.reserve(0x7_f123..0x8_0001, "firmware");
    info.reserve(2 * MIB + 5..5 * MIB + 17, "kernel");
    info.reserve(5 * MIB..6 * MIB, "initrd");
    let reserved = info.reserved.clone();
    assert_eq!(info.overlaps.as_slice().len(), 1);
    let _machine = Machine::with(info);
    let all = drain_all();
    for frame in &all {
        let (start, end) = (frame.0, frame.0 + PAGE_SIZE as u64);
        let hit = reserved
            .as_slice()
            .iter()
            .find(|r| r.range.start < end && start < r.range.end);
        assert!(hit.is_none(), "{start:#x} belongs to {hit:?}");
        assert!(!(640 << 10..MIB).contains(&start));
    }
    assert!(all.iter().any(|f| f.0 < 640 << 10));
    assert!(all.iter().any(|f| f.0 == 6 * MIB));
}

fn zoned() -> Machine {
    // As x86_64 with 6 GiB: a hole below 4 GiB.
    Machine::new(&[(0, 2048, 0), (4096, 4096, 0)])
}

#[test]
fn three_zones_of_six_gib() {
    let _machine = zoned();
    for kind in [ZoneKind::Dma, ZoneKind::Normal, ZoneKind::High] {
        assert!(frames::statistics(0, kind).total > 0, "{kind:?}");
        let frame = frames::allocate(Request::frames(4).zone(kind)).unwrap();
        let bounds = match kind {
            ZoneKind::Dma => 0..16 * MIB,
            ZoneKind::Normal => 16 * MIB..4 * GIB,
            ZoneKind::High => 4 * GIB..u64::MAX,
        };
        assert!(
            bounds.contains(&frame.start.0),
            "{kind:?} got {:#x}",
            frame.start.0
        );
    }
}

#[test]
fn requests_fall_back_downwards_only() {
    let _machine = zoned();
    let take = |kind| frames::allocate(Request::frames(1).zone(kind)).map(|r| r.start.0);
    // An exhausted DMA zone stays exhausted however much there is above.
    while take(ZoneKind::Dma).is_ok_and(|at| {
        assert!(at < 16 * MIB);
        true
    }) {}
    assert_eq!(take(ZoneKind::Dma), Err(OutOfMemory));
    assert!(frames::statistics(0, ZoneKind::Normal).free > 0);
    // Normal without Normal and DMA fails, too, while High has memory.
    let block = Request::frames(512).zone(ZoneKind::Normal);
    while frames::allocate(block).is_ok() {}
    while take(ZoneKind::Normal).is_ok_and(|at| {
        assert!(at < 4 * GIB);
        true
    }) {}
    assert_eq!(take(ZoneKind::Normal), Err(OutOfMemory));
    assert!(take(ZoneKind::High).unwrap() >= 4 * GIB);
}

#[test]
fn high_falls_back_to_normal_and_then_to_dma() {
    let _machine = zoned();
    let mut seen = [false; 3];
    let mut last = u64::MAX;
    while let Ok(range) = frames::allocate(Request::frames(512)) {
        let zone = [16 * MIB, 4 * GIB, u64::MAX]
            .iter()
            .position(|end| range.start.0 < *end)
            .unwrap();
        seen[zone] = true;
        assert!(zone as u64 <= last, "went up from zone {last} to {zone}");
        last = zone as u64;
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
fn dma_memory_in_a_cpu_cache_is_found_again() {
    let _machine = zoned();
    while frames::allocate(Request::frames(512)).is_ok() {}
    let all = drain_all();
    let dma: Vec<_> = all.into_iter().filter(|f| f.0 < 16 * MIB).collect();
    dma.iter().for_each(|f| frames::free_one(*f));
    let one = frames::allocate_one().unwrap();
    assert!(one.0 < 16 * MIB);
    for _ in 1..dma.len() {
        assert!(frames::allocate(Request::frames(1).zone(ZoneKind::Dma)).is_ok());
    }
}

#[test]
fn nodes_are_tried_by_distance() {
    let mut info = MachineInfo::new();
    info.nodes = 4;
    for node in 0..4u64 {
        info.add_memory(
            (1024 + 100 * node) * MIB..(1124 + 100 * node) * MIB,
            node as u32,
        );
    }
    let far = [
        [10, 20, 40, 30],
        [20, 10, 30, 40],
        [40, 30, 10, 20],
        [30, 40, 20, 10],
    ];
    for (a, row) in far.iter().enumerate() {
        info.distances[a][..4].copy_from_slice(row);
    }
    let _machine = Machine::with(info);
    let node_of = |at: u64| (at / MIB - 1024) / 100;
    let this = crate::arch::cpu::current();
    for (home, order) in [[0, 1, 3, 2], [1, 0, 2, 3], [2, 3, 1, 0], [3, 2, 0, 1]]
        .into_iter()
        .enumerate()
    {
        this.node.set(home as u32);
        let mut taken = Vec::new();
        let mut visited = Vec::new();
        while let Ok(range) = frames::allocate(Request::frames(512).zone(ZoneKind::Normal)) {
            let node = node_of(range.start.0);
            // Node 0 has the DMA zone, which comes last of all.
            if range.start.0 >= (1024 + 64) * MIB && visited.last() != Some(&node) {
                visited.push(node);
            }
            taken.push(range);
        }
        assert_eq!(visited, order, "from node {home}");
        taken.into_iter().for_each(frames::free);
        let explicit = frames::allocate(Request::frames(3).node(2)).unwrap();
        assert_eq!(node_of(explicit.start.0), 2);
        frames::free(explicit);
    }
    this.node.set(0);
    assert!(
        numa::NODES[1]
            .remote
            .load(std::sync::atomic::Ordering::Relaxed)
            > 0
    );
}

#[test]
fn frames_of_another_node_go_home() {
    let _machine = Machine::new(&[(1024, 128, 0), (2048, 128, 1)]);
    let far = frames::statistics(1, ZoneKind::Normal);
    let range: Vec<_> = (0..100)
        .map(|_| frames::allocate(Request::frames(1).node(1)).unwrap().start)
        .collect();
    range.iter().for_each(|frame| frames::free_one(*frame));
    assert_eq!(frames::statistics(1, ZoneKind::Normal), far);
}

#[test]
fn records_follow_the_ram_present() {
    for mib in [64, 512, 4096] {
        let machine = Machine::new(&[(1024, mib, 0)]);
        let range = reserved::RESERVED.lock().as_slice()[0].range.clone();
        let bytes = range.end - range.start;
        let ram = machine.info.memory_size();
        assert!(bytes * 200 < ram, "{bytes} bytes of records for {ram}");
    }
    // A hole costs nothing.
    let _machine = Machine::new(&[(1024, 128, 0), (7 * 1024, 128, 0)]);
    let list: u64 = {
        let reserved = reserved::RESERVED.lock();
        reserved
            .as_slice()
            .iter()
            .map(|r| r.range.end - r.range.start)
            .sum()
    };
    assert!(list < 3 * MIB);
    assert!(info((3 * GIB / 4096) as u32).is_none());
}

#[test]
fn references_are_counted() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let free = frames::free_frames();
    let frame = frames::allocate_zeroed().unwrap();
    frames::retain(frame);
    frames::retain(frame);
    assert_eq!(frames::references(frame), 3);
    frames::release(frame);
    frames::release(frame);
    assert_eq!(
        (frames::references(frame), frames::free_frames()),
        (1, free - 1)
    );
    frames::release(frame);
    assert_eq!(
        (frames::references(frame), frames::free_frames()),
        (0, free)
    );
    // Memory that is not RAM has no count and needs none.
    frames::retain(PhysAddr(900 * GIB));
    frames::release(PhysAddr(900 * GIB));
}

#[derive(Clone, Debug)]
enum Op {
    One,
    Many {
        frames: usize,
        align: u32,
        zone: ZoneKind,
    },
    Free(usize),
    FreePart(usize, usize),
    Drain,
}

fn op() -> impl Strategy<Value = Op> {
    let zone = prop_oneof![
        Just(ZoneKind::Dma),
        Just(ZoneKind::Normal),
        Just(ZoneKind::High)
    ];
    let size = prop_oneof![6 => 1usize..40, 3 => 40usize..512, 2 => 512usize..3000];
    prop_oneof![
        8 => Just(Op::One),
        5 => (size, 0u32..11, zone).prop_map(|(frames, align, zone)| Op::Many { frames, align, zone }),
        12 => any::<usize>().prop_map(Op::Free),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Op::FreePart(a, b)),
        1 => Just(Op::Drain),
    ]
}

/// Who has each frame, the simple way.
struct Model {
    start: u32,
    dma_end: u32,
    free: Vec<bool>,
}

impl Model {
    fn take(&mut self, first: u32, count: usize) {
        for frame in first..first + count as u32 {
            let slot = &mut self.free[(frame - self.start) as usize];
            assert!(*slot, "frame {frame:#x} handed out twice");
            *slot = false;
        }
    }

    fn give(&mut self, first: u32, count: usize) {
        let at = (first - self.start) as usize;
        self.free[at..at + count].fill(true);
    }

    /// Whether `count` frames could be found where the allocator promises to find them.
    fn could(&self, count: usize, align: usize, zone: ZoneKind) -> bool {
        let mut bounds = std::vec![(self.start, self.dma_end)];
        if zone > ZoneKind::Dma {
            bounds.push((self.dma_end, self.start + self.free.len() as u32));
        }
        let is_free = |frame: u32| self.free[(frame - self.start) as usize];
        bounds.into_iter().any(|(low, high)| {
            let blocks = (low / 512..high / 512).collect::<Vec<_>>();
            if count < 512 && align <= 512 {
                blocks.into_iter().any(|block| {
                    let mut run = 0;
                    (0..512usize).any(|at| {
                        run = if is_free(block * 512 + at as u32) {
                            run + 1
                        } else {
                            0
                        };
                        let first = (at + 1 - run).next_multiple_of(align);
                        first + count <= at + 1
                    })
                })
            } else {
                let whole = |block: u32| (block * 512..block * 512 + 512).all(is_free);
                let need = count.div_ceil(512) as u32;
                let fit = |b: &u32| (b * 512) as usize % align == 0 && (b + need) * 512 <= high;
                blocks
                    .into_iter()
                    .filter(fit)
                    .any(|b| (b..b + need).all(whole))
            }
        })
    }
}

fn run(ops: &[Op]) {
    let machine = Machine::new(&[(1024, 96, 0)]);
    // What the boot left in this CPU's cache is free, too.
    frames::drain();
    let memory = machine.info.memory.as_slice()[0].range.clone();
    let start = (memory.start / 4096) as u32;
    let len = ((memory.end - memory.start) / 4096) as usize;
    let mut model = Model {
        start,
        dma_end: start + (64 << 8),
        free: std::vec![false; len],
    };
    let is_free = |i: usize| {
        info(start + i as u32)
            .unwrap()
            .is(crate::mm::frame_info::FrameState::Free)
    };
    (0..len)
        .filter(|i| is_free(*i))
        .for_each(|i| model.free[i] = true);
    let boot = (frames::free_frames(), largest());
    let mut held: Vec<(u32, usize)> = Vec::new();
    for op in ops {
        match *op {
            Op::One => match frames::allocate_one() {
                Ok(at) => {
                    model.take(at.frame(), 1);
                    held.push((at.frame(), 1));
                }
                Err(OutOfMemory) => assert!(model.free.iter().all(|free| !free)),
            },
            Op::Many {
                frames: count,
                align,
                zone,
            } => {
                let align = 1usize << align;
                match frames::allocate(Request::frames(count).aligned(align).zone(zone)) {
                    Ok(range) => {
                        assert_eq!(range.start.frame() as usize % align, 0);
                        assert_eq!(range.frames, count);
                        if zone == ZoneKind::Dma {
                            assert!(range.start.frame() + count as u32 <= model.dma_end);
                        }
                        model.take(range.start.frame(), count);
                        held.push((range.start.frame(), count));
                    }
                    Err(OutOfMemory) => assert!(
                        !model.could(count, align, zone),
                        "{count} frames aligned to {align} in {zone:?} are there"
                    ),
                }
            }
            Op::Free(which) if !held.is_empty() => {
                let (first, count) = held.swap_remove(which % held.len());
                model.give(first, count);
                if count == 1 {
                    frames::free_one(PhysAddr::of_frame(first));
                } else {
                    frames::free(FrameRange {
                        start: PhysAddr::of_frame(first),
                        frames: count,
                    });
                }
            }
            Op::FreePart(which, at) if !held.is_empty() => {
                let (first, count) = held.swap_remove(which % held.len());
                let cut = at % (count + 1);
                model.give(first, cut);
                (0..cut as u32).for_each(|i| frames::free_one(PhysAddr::of_frame(first + i)));
                if cut < count {
                    held.push((first + cut as u32, count - cut));
                }
            }
            Op::Drain => frames::drain(),
            _ => {}
        }
    }
    let free = model.free.iter().filter(|free| **free).count();
    assert_eq!(frames::free_frames(), free);
    for (first, count) in held {
        frames::free(FrameRange {
            start: PhysAddr::of_frame(first),
            frames: count,
        });
    }
    frames::drain();
    assert_eq!((frames::free_frames(), largest()), boot);
}

proptest! {
    // Cases of 1000 operations.
    #![proptest_config(ProptestConfig { cases: super::cases(1000), max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn behaves_like_a_set_of_frames(ops in prop::collection::vec(op(), 1000)) {
        run(&ops);
    }
}
