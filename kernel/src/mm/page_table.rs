//! Four-level page tables.
//!
//! Model: levels count from the leaf: 3 is the root's, 0 that of 4 KiB pages; a leaf may be at 0, 1
//! (2 MiB) or 2 (1 GiB). `FrameInfo::tag` of a table counts its entries in use, so that a table is
//! given up as soon as it is empty. An empty table is all zeros: it is kept as such, per CPU, and
//! the next one costs no clearing. Roots keep the kernel's half, which never changes after boot.
//!
//! Invariant: whoever changes a table holds its address space's lock. A table that was reachable
//! is given up only after the TLBs (which cache inner entries, too) were flushed.

use core::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed, Ordering::Release};

use arrayvec::ArrayVec;

use super::frame_info::{FrameInfo, FrameState, known};
use super::tlb::shadow;
use super::{Allocated, MapFlags, OutOfMemory, PhysAddr, frames};
use crate::arch::cpu;
use crate::arch::paging::{Entry, SHARED_ROOT};
use crate::lock::{Guard, Rank, SpinLock};
use crate::percpu::MAX_CPUS;

/// Level of the root.
pub const TOP: usize = 3;
/// First entry of the kernel's half in a root.
pub const KERNEL_HALF: usize = 256;

/// log2 of the size of a leaf at `level`.
pub const fn shift(level: usize) -> u32 {
    12 + 9 * level as u32
}

/// Size of a leaf at `level`.
pub const fn size(level: usize) -> u64 {
    1 << shift(level)
}

fn index(address: u64, level: usize) -> usize {
    (address >> shift(level)) as usize & 511
}

/// One entry, as hardware and other CPUs see it.
#[derive(Clone, Copy)]
pub struct Place(*mut AtomicU64);

impl Place {
    fn of(table: PhysAddr, index: usize) -> Place {
        Place(table.as_ptr::<AtomicU64>().wrapping_add(index & 511))
    }

    /// Reads the entry.
    pub fn get(self) -> Entry {
        // SAFETY: a place is made from a live table, which stays while its space's lock is held.
        Entry(unsafe { (*self.0).load(Relaxed) })
    }

    /// Writes the entry; what it points to is visible before it is.
    pub fn set(self, entry: Entry) {
        // SAFETY: as in `get`.
        unsafe { (*self.0).store(entry.0, Release) }
    }
}

/// Level of a table among what `walk` visits.
const TABLE: usize = 9;
const BATCH: usize = 32;

/// What an unmapping has removed and must give up after the flush: leaves, and tables that became
/// empty.
#[derive(Default)]
pub struct Batch {
    /// Address, frame and level of each leaf, by rising address.
    pub leaves: ArrayVec<(u64, PhysAddr, usize), BATCH>,
    tables: ArrayVec<PhysAddr, BATCH>,
}

impl Batch {
    /// What must be flushed, if anything: all of the space if there is a table among it.
    fn range(&self) -> Option<(u64, u64)> {
        if !self.tables.is_empty() {
            return Some((0, u64::MAX));
        }
        let (first, last) = (self.leaves.first()?, self.leaves.last()?);
        Some((first.0, last.0 + size(last.2)))
    }

    /// Gives everything up: `flush` makes every CPU forget a range, then `drop` gets each frame.
    pub fn give_up(&self, flush: impl FnOnce(u64, u64), drop: impl Fn(PhysAddr)) {
        if let Some((start, end)) = self.range() {
            flush(start, end);
        }
        self.leaves.iter().for_each(|leaf| drop(leaf.1));
        let tables = self.tables.iter();
        tables.for_each(|table| give_table(*table, TABLES));
    }
}

/// What is behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The physical address.
    pub physical: PhysAddr,
    /// What the page allows at the moment.
    pub flags: MapFlags,
    /// Level of the leaf: 0, 1, 2 for 4 KiB, 2 MiB, 1 GiB.
    pub level: usize,
}

crate::described! {
    /// The tables of one address space.
    pub struct PageTable {
        /// The top table.
        pub root: PhysAddr,
        /// Tables below the root.
        pub tables: usize,
        /// Pages of 4 KiB present.
        pub resident: usize,
        /// The 2 MiB whose level-0 table was used last, that table, and its record.
        last: Option<(u64, PhysAddr, &'static FrameInfo)>,
    }
    root: physical("page table")
}

impl PageTable {
    /// A root; for user spaces, with the kernel's half as in `kernel`.
    pub fn new(kernel: Option<PhysAddr>) -> Result<PageTable, OutOfMemory> {
        let root = if SHARED_ROOT && let Some(kernel) = kernel {
            take_root(kernel)?
        } else {
            take_table(TABLES)?
        };
        Ok(PageTable {
            root,
            tables: 0,
            resident: 0,
            last: None,
        })
    }

    /// Gives up the root. Everything below it in the user's half is gone already.
    pub fn give_up(&mut self) {
        give_table(self.root, if SHARED_ROOT { ROOTS } else { TABLES });
    }

    /// Fills the root's entries from `first` on with empty tables, which are never given up.
    pub fn fill_top(&mut self, first: usize) -> Result<(), OutOfMemory> {
        for i in first..512 {
            let table = take_table(TABLES)?;
            known(table.frame()).tag.store(1, Relaxed);
            Place::of(self.root, i).set(Entry::table(table));
            known(self.root.frame()).tag.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// The table that leads to `address` at `to`, or above where there is none, and its level.
    fn descend(&self, address: u64, to: usize) -> (PhysAddr, usize) {
        let (mut table, mut level) = (self.root, TOP);
        while level > to {
            let entry = Place::of(table, index(address, level)).get();
            if !entry.is_present() || entry.is_leaf(level) {
                break;
            }
            (table, level) = (entry.address(), level - 1);
        }
        (table, level)
    }

    /// The table for a leaf at `level`; it and those above it are made as needed. Fails with `None`
    /// where a larger leaf is in the way.
    fn provide(&mut self, address: u64, level: usize) -> Result<Option<PhysAddr>, OutOfMemory> {
        loop {
            let (table, at) = self.descend(address, level);
            if at == level {
                return Ok(Some(table));
            }
            let place = Place::of(table, index(address, at));
            if place.get().is_present() {
                return Ok(None);
            }
            place.set(Entry::table(take_table(TABLES)?));
            known(table.frame()).tag.fetch_add(1, Relaxed);
            self.tables += 1;
        }
    }

    /// Maps a leaf; false if something is mapped there.
    pub fn map(&mut self, at: u64, level: usize, to: PhysAddr, flags: MapFlags) -> Allocated<bool> {
        let (_, table, info) = match self.last {
            Some(last) if level == 0 && at >> shift(1) == last.0 => last,
            _ => {
                let Some(table) = self.provide(at, level)? else {
                    return Ok(false);
                };
                let made = (at >> shift(1), table, known(table.frame()));
                if level == 0 {
                    self.last = Some(made);
                }
                made
            }
        };
        let place = Place::of(table, index(at, level));
        if place.get().is_present() {
            return Ok(false);
        }
        place.set(Entry::leaf(to, flags, level));
        info.tag.store(info.tag.load(Relaxed) + 1, Relaxed);
        self.resident += 1 << (9 * level);
        Ok(true)
    }

    /// The leaf that maps `address`, and its level.
    pub fn find(&self, address: u64) -> Option<(Place, usize)> {
        let (table, level) = match self.last {
            Some((at, table, _)) if address >> shift(1) == at => (table, 0),
            _ => self.descend(address, 0),
        };
        let place = Place::of(table, index(address, level));
        place.get().is_present().then_some((place, level))
    }

    /// What is behind `address`.
    pub fn query(&self, address: u64) -> Option<Mapping> {
        let (place, level) = self.find(address)?;
        let entry = place.get();
        Some(Mapping {
            physical: entry.address().offset(address & (size(level) - 1)),
            flags: entry.flags(level),
            level,
        })
    }

    /// Calls `each` as `walk` does with every leaf in `start..end`; returns where it stopped.
    pub fn visit(&self, start: u64, end: u64, each: &mut impl Each) -> u64 {
        walk(self.root, TOP, start, end, each)
    }

    /// Removes every leaf that lies in `start..end` and every table that becomes empty; stops where
    /// the batch is full and returns how far it came.
    pub fn clear(&mut self, start: u64, end: u64, out: &mut Batch) -> u64 {
        walk(self.root, TOP, start, end, &mut |at, level, place, used| {
            let frame = place.get().address();
            if level == TABLE {
                out.tables.push(frame);
                self.tables -= 1;
                self.last = None;
            } else if out.leaves.is_full() || out.tables.remaining_capacity() < TOP {
                // What becomes empty above the last leaf must find room, too.
                return false;
            } else {
                out.leaves.push((at & !(size(level) - 1), frame, level));
                self.resident -= 1 << (9 * level);
            }
            place.set(Entry::EMPTY);
            used.store(used.load(Relaxed) - 1, Relaxed);
            true
        })
    }

    /// Replaces the leaf at `address` by a table of leaves one level lower, until no leaf reaches
    /// across `address`. In between, when nothing is mapped there, `flush` makes every CPU forget
    /// the old leaf.
    pub fn split(&mut self, address: u64, mut flush: impl FnMut(u64, u64)) -> Allocated {
        while let Some((place, level)) = self.find(address) {
            if address & (size(level) - 1) == 0 {
                break;
            }
            let entry = place.get();
            let table = take_table(TABLES)?;
            self.tables += 1;
            for i in 0..512 {
                let part = entry.address().offset(i as u64 * size(level - 1));
                Place::of(table, i).set(Entry::leaf(part, entry.flags(level), level - 1));
            }
            known(table.frame()).tag.store(512, Relaxed);
            let start = address & !(size(level) - 1);
            place.set(Entry::EMPTY);
            flush(start, start + size(level));
            place.set(Entry::table(table));
        }
        Ok(())
    }
}

/// What a walk calls: with an address, a level, the place of the entry there and the count of entries
/// in use around it; whether to go on.
pub trait Each: FnMut(u64, usize, Place, &AtomicU16) -> bool {}
impl<F: FnMut(u64, usize, Place, &AtomicU16) -> bool> Each for F {}

/// Calls `each` with every leaf in `start..end` below `table`, and then, as of level `TABLE`, with
/// every table there that is empty by now. Ends when `each` says false; returns where.
fn walk(table: PhysAddr, level: usize, start: u64, end: u64, each: &mut impl Each) -> u64 {
    let used = &known(table.frame()).tag;
    let mut at = start;
    while at < end && used.load(Relaxed) != 0 {
        let place = Place::of(table, index(at, level));
        let next = ((at >> shift(level)) + 1) << shift(level);
        let entry = place.get();
        if entry.is_leaf(level) {
            if !each(at, level, place, used) {
                return at;
            }
        } else if entry.is_present() {
            let reached = walk(entry.address(), level - 1, at, end.min(next), each);
            if reached < end.min(next) {
                return reached;
            }
            if known(entry.address().frame()).tag.load(Relaxed) == 0 {
                each(at, TABLE, place, used);
            }
        }
        at = next;
    }
    end
}

const TABLES: usize = 0;
const ROOTS: usize = 1;
type Cache = ArrayVec<u32, 16>;

/// Each CPU's empty tables: plain ones, and roots.
static CACHES: [[SpinLock<Cache>; 2]; MAX_CPUS] =
    [const { [const { SpinLock::new(Rank::FrameCache, Cache::new_const()) }; 2] }; MAX_CPUS];

fn cache(kind: usize) -> Guard<'static, Cache> {
    CACHES[cpu::current().number()][kind].lock()
}

fn take_table(kind: usize) -> Result<PhysAddr, OutOfMemory> {
    if super::inject::refuse() {
        return Err(OutOfMemory);
    }
    let cached = cache(kind).pop();
    let table = match cached {
        Some(table) => PhysAddr::of_frame(table),
        None => frames::allocate_zeroed()?,
    };
    let info = known(table.frame());
    info.set_state(FrameState::Table);
    info.tag.store(0, Relaxed);
    Ok(table)
}

fn take_root(kernel: PhysAddr) -> Result<PhysAddr, OutOfMemory> {
    if let Some(root) = cache(ROOTS).pop() {
        return Ok(PhysAddr::of_frame(root));
    }
    let root = take_table(TABLES)?;
    let [from, to] = [kernel, root].map(PhysAddr::as_ptr::<[[u64; KERNEL_HALF]; 2]>);
    // SAFETY: both are whole tables; the kernel's half does not change after boot.
    unsafe { (*to)[1] = (*from)[1] };
    Ok(root)
}

/// Gives up an empty table that no TLB knows.
fn give_table(table: PhysAddr, kind: usize) {
    shadow!(check(table.frame()));
    debug_assert_eq!(known(table.frame()).tag.load(Relaxed), 0, "not empty");
    let full = cache(kind).try_push(table.frame());
    full.unwrap_or_else(|full| free(full.element()));
}

fn free(table: u32) {
    known(table).set_state(FrameState::Used);
    frames::free_one(PhysAddr::of_frame(table));
}

/// Turns the tables kept for later into free frames, on all CPUs.
pub(super) fn drain() {
    for cache in CACHES.iter().flatten() {
        let kept = cache.lock().take();
        kept.into_iter().for_each(free);
    }
}

/// How many tables are kept for later.
pub(super) fn cached() -> usize {
    let kept = |cache: &SpinLock<Cache>| cache.lock().len();
    CACHES.iter().flatten().map(kept).sum()
}

/// Forgets the tables, for the next test on the host.
#[cfg(test)]
pub(super) fn reset() {
    CACHES
        .iter()
        .flatten()
        .for_each(|cache| cache.lock().clear());
}
