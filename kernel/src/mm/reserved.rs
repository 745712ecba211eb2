//! Memory that is never handed out: firmware, kernel image, initrd, device tables.
//!
//! The list comes from the machine description and grows by what memory management itself takes at
//! boot. Overlaps are the machine's (or the loader's) mistake; they are reported at boot and the
//! union is what stays reserved.

use super::{PAGE_SIZE, PhysAddr};
use crate::lock::{Rank, SpinLock};
use crate::machine::{MAX_RESERVED, MachineInfo, Memory, Reserved};

const CAPACITY: usize = MAX_RESERVED + 16;

crate::described! {
    /// The reserved ranges, sorted by start.
    #[repr(C)]
    pub struct List {
        ranges: [Reserved; CAPACITY],
        len: usize,
    }
}

/// What is reserved.
pub static RESERVED: SpinLock<List> = SpinLock::new(
    Rank::Frames,
    List {
        ranges: [const {
            Reserved {
                range: 0..0,
                name: "",
            }
        }; CAPACITY],
        len: 0,
    },
);

crate::root!("reserved memory", RESERVED: SpinLock<List>);

impl List {
    /// The ranges, sorted by start.
    pub fn as_slice(&self) -> &[Reserved] {
        &self.ranges[..self.len]
    }

    fn insert(&mut self, new: Reserved) {
        assert!(self.len < CAPACITY, "too many reserved ranges");
        let at = self
            .as_slice()
            .partition_point(|r| r.range.start < new.range.start);
        self.len += 1;
        self.ranges[at..self.len].rotate_right(1);
        self.ranges[at] = new;
    }

    /// The first frame at or after `frame` that is not reserved.
    fn skip(&self, mut frame: u32) -> u32 {
        for r in self.as_slice() {
            let (first, end) = frames_of(r);
            if first <= frame && frame < end {
                frame = end;
            }
        }
        frame
    }
}

/// Frames that a reserved range touches.
fn frames_of(reserved: &Reserved) -> (u32, u32) {
    let page = PAGE_SIZE as u64;
    let clamp = |frame: u64| frame.min(u32::MAX as u64) as u32;
    (
        clamp(reserved.range.start / page),
        clamp(reserved.range.end.div_ceil(page)),
    )
}

/// Takes over the machine's list and reports overlaps.
pub(super) fn init(machine: &MachineInfo) {
    let mut list = RESERVED.lock();
    list.len = 0;
    machine
        .reserved
        .as_slice()
        .iter()
        .for_each(|r| list.insert(r.clone()));
    drop(list);
    for (a, b) in machine.overlaps.as_slice() {
        crate::println!(
            "mm: reserved ranges overlap: {} {:#x}..{:#x} and {} {:#x}..{:#x}",
            a.name,
            a.range.start,
            a.range.end,
            b.name,
            b.range.start,
            b.range.end
        );
    }
    let dropped = machine.reserved.dropped + machine.memory.dropped;
    assert!(
        dropped == 0,
        "{dropped} memory ranges of the machine do not fit the tables"
    );
}

/// Calls `each` with the parts of the frames `start..end` that are not reserved.
pub(super) fn gaps(start: u32, end: u32, mut each: impl FnMut(u32, u32)) {
    let mut at = start;
    loop {
        let (first, stop) = {
            let list = RESERVED.lock();
            let first = list.skip(at);
            let next = list
                .as_slice()
                .iter()
                .map(|r| frames_of(r).0)
                .filter(|f| *f > first)
                .min();
            (first, end.min(next.unwrap_or(end)))
        };
        if first >= end {
            return;
        }
        each(first, stop);
        at = stop;
    }
}

/// Reserves `bytes` (whole pages) of RAM that nobody has, above the first 64 MiB of it if that is
/// possible, and where the boot page tables reach.
pub(super) fn claim(memory: &[Memory], bytes: u64, name: &'static str) -> Option<PhysAddr> {
    let lowest = memory.first()?.range.start;
    let frames = (bytes / PAGE_SIZE as u64) as u32;
    for above in [lowest + (64 << 20), lowest] {
        for m in memory {
            let start = m.range.start.max(above).div_ceil(PAGE_SIZE as u64) as u32;
            let end = (m.range.end.min(1 << 32) / PAGE_SIZE as u64) as u32;
            let mut found = None;
            gaps(start, end, |first, stop| {
                if found.is_none() && stop - first >= frames {
                    found = Some(PhysAddr::of_frame(first));
                }
            });
            if let Some(at) = found {
                RESERVED.lock().insert(Reserved {
                    range: at.0..at.0 + bytes,
                    name,
                });
                return Some(at);
            }
        }
    }
    None
}
