//! Memory that is never handed out: firmware, kernel image, initrd, device tables.
//!
//! The list comes from the machine description and grows by what memory management itself takes at
//! boot. Overlaps are the machine's (or the loader's) mistake; they are reported at boot and the
//! union is what stays reserved.

use core::ops::Range;

use super::{PAGE_SIZE, PhysAddr};
use crate::lock::{Rank, SpinLock};
use crate::machine::{MAX_RESERVED, MachineInfo, Memory, Reserved};

const CAPACITY: usize = MAX_RESERVED + 16;
const NOTHING: Reserved = Reserved {
    range: 0..0,
    name: "",
};

crate::described! {
    /// The reserved ranges, sorted by start.
    #[derive(Clone)]
    pub struct List {
        ranges: [Reserved; CAPACITY],
        len: usize,
    }
}

const EMPTY: List = List {
    ranges: [NOTHING; CAPACITY],
    len: 0,
};

/// What is reserved.
pub static RESERVED: SpinLock<List> = SpinLock::new(Rank::Frames, EMPTY);

crate::root!("reserved memory", RESERVED: SpinLock<List>);

impl List {
    /// The ranges, sorted by start.
    pub fn as_slice(&self) -> &[Reserved] {
        &self.ranges[..self.len]
    }

    fn insert(&mut self, new: Reserved) {
        assert!(self.len < CAPACITY, "too many reserved ranges");
        let before = |r: &Reserved| r.range.start < new.range.start;
        let at = self.as_slice().partition_point(before);
        self.len += 1;
        self.ranges[at..self.len].rotate_right(1);
        self.ranges[at] = new;
    }
}

/// Frames that a reserved range touches.
fn frames_of(reserved: Reserved) -> Range<u32> {
    let (range, page) = (reserved.range, PAGE_SIZE as u64);
    let clamp = |frame: u64| frame.min(u32::MAX as u64) as u32;
    clamp(range.start / page)..clamp(range.end.div_ceil(page))
}

/// Takes over the machine's list and reports overlaps.
pub(super) fn init(machine: &MachineInfo) {
    let mut list = RESERVED.lock();
    list.len = 0;
    let known = machine.reserved.iter().cloned();
    known.for_each(|reserved| list.insert(reserved));
    drop(list);
    for (a, b) in machine.overlaps.as_slice() {
        let (first, second) = (&a.range, &b.range);
        let (a, b) = (a.name, b.name);
        crate::println!("mm: reserved ranges overlap: {a} {first:#x?} and {b} {second:#x?}");
    }
    let dropped = machine.dropped_ranges;
    assert!(
        dropped == 0,
        "{dropped} memory ranges do not fit the tables"
    );
}

/// The parts of the frames `start..end` that are not reserved.
pub(super) fn gaps(start: u32, end: u32) -> impl Iterator<Item = Range<u32>> {
    let List { ranges, len } = RESERVED.lock().clone();
    let reserved = ranges.into_iter().take(len).map(frames_of);
    let mut at = start;
    let behind = core::iter::once(end..end);
    reserved.chain(behind).filter_map(move |used| {
        let gap = at..used.start.min(end);
        at = at.max(used.end);
        (!gap.is_empty()).then_some(gap)
    })
}

/// Reserves `bytes`, rounded up to pages, of RAM that nobody has, above the first 64 MiB of it if that is
/// possible, and where the boot page tables reach.
pub(super) fn claim(memory: &[Memory], bytes: usize, name: &'static str) -> Option<PhysAddr> {
    let lowest = memory.first()?.range.start;
    let frames = bytes.div_ceil(PAGE_SIZE) as u32;
    for above in [lowest + (64 << 20), lowest] {
        for m in memory {
            let start = m.range.start.max(above).div_ceil(PAGE_SIZE as u64) as u32;
            let end = (m.range.end.min(1 << 32) / PAGE_SIZE as u64) as u32;
            if let Some(gap) = gaps(start, end).find(|gap| gap.end - gap.start >= frames) {
                let at = PhysAddr::of_frame(gap.start);
                let range = at.0..PhysAddr::of_frame(gap.start + frames).0;
                RESERVED.lock().insert(Reserved { range, name });
                return Some(at);
            }
        }
    }
    None
}
