//! Four-level page tables.
//!
//! Model: levels count from the leaf: 3 is the root's, 0 that of 4 KiB pages; a leaf may be at 0, 1
//! (2 MiB) or 2 (1 GiB). `FrameInfo::tag` of a table counts its entries in use, so that a table is
//! given up as soon as it is empty. An empty table is all zeros: it is kept as such, per CPU, and
//! the next one costs no clearing. Roots keep the kernel's half, which never changes after boot.
//!
//! Invariant: whoever changes a table holds its address space's lock. A table that was reachable
//! is given up only after the TLBs (which cache inner entries, too) were flushed.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release};

use super::frame_info::{FrameInfo, FrameState, known};
use super::{MapFlags, OutOfMemory, PhysAddr, frames, tlb};
use crate::arch::cpu;
use crate::arch::paging::{Entry, SHARED_ROOT};
use crate::lock::{Rank, SpinLock};
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
    #[inline]
    fn of(table: PhysAddr, index: usize) -> Place {
        Place(table.as_ptr::<AtomicU64>().wrapping_add(index & 511))
    }

    /// Reads the entry.
    #[inline]
    pub fn get(self) -> Entry {
        // SAFETY: a place is made from a live table, which stays while its space's lock is held.
        Entry(unsafe { (*self.0).load(Relaxed) })
    }

    /// Writes the entry; what it points to is visible before it is.
    #[inline]
    pub fn set(self, entry: Entry) {
        // SAFETY: as in `get`.
        unsafe { (*self.0).store(entry.0, Release) }
    }
}

/// Level of a table among what a `Batch` holds.
const TABLE: usize = 9;
const BATCH: usize = 36;

/// What an unmapping has removed and must give up after the flush: leaves, and tables that became
/// empty.
pub struct Batch {
    /// Address, frame and level; the first `count` are there.
    items: [MaybeUninit<(u64, PhysAddr, usize)>; BATCH],
    count: usize,
    /// Whether there is a table among them: all of the space is flushed then.
    tables: bool,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Batch {
        Batch {
            items: [const { MaybeUninit::uninit() }; BATCH],
            count: 0,
            tables: false,
        }
    }

    fn push(&mut self, address: u64, frame: PhysAddr, level: usize) {
        self.items[self.count].write((address, frame, level));
        self.count += 1;
        self.tables |= level == TABLE;
    }

    /// Address, frame and level of each leaf.
    pub fn leaves(&self) -> impl Iterator<Item = (u64, PhysAddr, usize)> {
        self.all().filter(|item| item.2 != TABLE)
    }

    fn all(&self) -> impl Iterator<Item = (u64, PhysAddr, usize)> {
        // SAFETY: the first `count` were written.
        self.items[..self.count]
            .iter()
            .map(|item| unsafe { item.assume_init() })
    }

    /// What must be flushed, if anything.
    pub fn range(&self) -> Option<(u64, u64)> {
        if self.tables {
            return Some((0, u64::MAX));
        }
        let (first, last) = (self.all().next()?, self.all().last()?);
        Some((first.0, last.0 + size(last.2)))
    }

    /// Gives up the tables, after the flush.
    pub fn give_tables(&self) {
        self.all()
            .filter(|item| item.2 == TABLE)
            .for_each(|item| give_table(item.1, TABLES));
    }
}

crate::described! {
    /// The tables of one address space.
    #[repr(C)]
    pub struct PageTable {
        /// The top table.
        pub root: PhysAddr,
        /// Tables below the root.
        pub tables: usize,
        /// The 2 MiB whose level-0 table was used last, that table, and its record.
        last: u64,
        last_table: PhysAddr,
        last_info: Option<&'static FrameInfo>,
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
            last: u64::MAX,
            last_table: PhysAddr(0),
            last_info: None,
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

    /// The place for a leaf at `level`; the tables above it are made as needed. Fails with `None`
    /// where a larger leaf is in the way.
    fn place(
        &mut self,
        address: u64,
        level: usize,
    ) -> Result<Option<(Place, PhysAddr)>, OutOfMemory> {
        let mut table = self.root;
        for above in (level + 1..=TOP).rev() {
            let place = Place::of(table, index(address, above));
            let entry = place.get();
            if entry.is_leaf(above) {
                return Ok(None);
            }
            if entry.is_present() {
                table = entry.address();
            } else {
                let new = take_table(TABLES)?;
                self.tables += 1;
                place.set(Entry::table(new));
                known(table.frame()).tag.fetch_add(1, Relaxed);
                table = new;
            }
        }
        if level == 0 {
            self.last = address >> shift(1);
            self.last_table = table;
            self.last_info = Some(known(table.frame()));
        }
        Ok(Some((Place::of(table, index(address, level)), table)))
    }

    /// Maps a leaf; false if something is mapped there.
    #[inline]
    pub fn map(
        &mut self,
        address: u64,
        level: usize,
        to: PhysAddr,
        flags: MapFlags,
    ) -> Result<bool, OutOfMemory> {
        let (place, info) = match self.last_info {
            Some(info) if level == 0 && address >> shift(1) == self.last => {
                (Place::of(self.last_table, index(address, 0)), info)
            }
            _ => match self.place(address, level)? {
                Some((place, table)) => (place, known(table.frame())),
                None => return Ok(false),
            },
        };
        if place.get().is_present() {
            return Ok(false);
        }
        place.set(Entry::leaf(to, flags, level));
        info.tag.store(info.tag.load(Relaxed) + 1, Relaxed);
        Ok(true)
    }

    /// The leaf that maps `address`, and its level.
    #[inline]
    pub fn find(&self, address: u64) -> Option<(Place, usize)> {
        if address >> shift(1) == self.last {
            let place = Place::of(self.last_table, index(address, 0));
            return place.get().is_present().then_some((place, 0));
        }
        let mut table = self.root;
        for level in (0..=TOP).rev() {
            let place = Place::of(table, index(address, level));
            let entry = place.get();
            if !entry.is_present() {
                return None;
            }
            if entry.is_leaf(level) {
                return Some((place, level));
            }
            table = entry.address();
        }
        None
    }

    /// Calls `each` with every leaf in `start..end`, until it says false; returns where it stopped.
    pub fn visit(
        &self,
        start: u64,
        end: u64,
        each: &mut impl FnMut(u64, usize, Place) -> bool,
    ) -> u64 {
        visit(self.root, TOP, start, end, each)
    }

    /// Removes every leaf that lies in `start..end` and every table that becomes empty; stops where
    /// the collector is full and returns how far it came.
    pub fn clear(&mut self, start: u64, end: u64, out: &mut Batch) -> u64 {
        let before = self.tables;
        let reached = clear(self.root, TOP, start, end, out, &mut self.tables);
        if self.tables != before {
            self.last = u64::MAX;
        }
        reached
    }

    /// Replaces the leaf at `address` by a table of leaves one level lower: until no leaf reaches
    /// across `address`, or with `fully` until its leaf is of the smallest size. In between, when
    /// nothing is mapped there, `flush` makes every CPU forget the old leaf.
    pub fn split(
        &mut self,
        address: u64,
        fully: bool,
        mut flush: impl FnMut(u64, u64),
    ) -> Result<(), OutOfMemory> {
        while let Some((place, level)) = self.find(address) {
            if level == 0 || !fully && address & (size(level) - 1) == 0 {
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

fn visit(
    table: PhysAddr,
    level: usize,
    start: u64,
    end: u64,
    each: &mut impl FnMut(u64, usize, Place) -> bool,
) -> u64 {
    if known(table.frame()).tag.load(Relaxed) == 0 {
        return end;
    }
    let mut at = start;
    while at < end {
        let place = Place::of(table, index(at, level));
        let next = ((at >> shift(level)) + 1) << shift(level);
        let entry = place.get();
        if entry.is_leaf(level) {
            if !each(at, level, place) {
                return at;
            }
        } else if entry.is_present() {
            let reached = visit(entry.address(), level - 1, at, end.min(next), each);
            if reached < end.min(next) {
                return reached;
            }
        }
        at = next;
    }
    end
}

fn clear(
    table: PhysAddr,
    level: usize,
    start: u64,
    end: u64,
    out: &mut Batch,
    tables: &mut usize,
) -> u64 {
    let used = &known(table.frame()).tag;
    let mut at = start;
    while at < end && used.load(Relaxed) != 0 {
        if out.count + TOP >= BATCH {
            return at;
        }
        let place = Place::of(table, index(at, level));
        let next = ((at >> shift(level)) + 1) << shift(level);
        let entry = place.get();
        if entry.is_leaf(level) {
            place.set(Entry::EMPTY);
            used.store(used.load(Relaxed) - 1, Relaxed);
            out.push(at & !(size(level) - 1), entry.address(), level);
        } else if entry.is_present() {
            let child = entry.address();
            let reached = clear(child, level - 1, at, end.min(next), out, tables);
            if reached < end.min(next) {
                return reached;
            }
            if known(child.frame()).tag.load(Relaxed) == 0 {
                place.set(Entry::EMPTY);
                used.store(used.load(Relaxed) - 1, Relaxed);
                *tables -= 1;
                out.push(at, child, TABLE);
            }
        }
        at = next;
    }
    end
}

const CACHE_SIZE: usize = 16;
const TABLES: usize = 0;
const ROOTS: usize = 1;

/// A CPU's empty tables.
#[repr(C)]
struct Cache {
    count: usize,
    frames: [u32; CACHE_SIZE],
}

static CACHES: [[SpinLock<Cache>; 2]; MAX_CPUS] = [const {
    [const {
        SpinLock::new(
            Rank::FrameCache,
            Cache {
                count: 0,
                frames: [0; CACHE_SIZE],
            },
        )
    }; 2]
}; MAX_CPUS];

fn pop(kind: usize) -> Option<PhysAddr> {
    let mut cache = CACHES[cpu::current().number()][kind].lock();
    cache.count = cache.count.checked_sub(1)?;
    Some(PhysAddr::of_frame(cache.frames[cache.count % CACHE_SIZE]))
}

fn take_table(kind: usize) -> Result<PhysAddr, OutOfMemory> {
    if super::inject::refuse() {
        return Err(OutOfMemory);
    }
    let table = match pop(kind) {
        Some(table) => table,
        None => frames::allocate_zeroed()?,
    };
    let info: &FrameInfo = known(table.frame());
    info.set_state(FrameState::Table);
    info.tag.store(0, Relaxed);
    Ok(table)
}

fn take_root(kernel: PhysAddr) -> Result<PhysAddr, OutOfMemory> {
    if let Some(root) = pop(ROOTS) {
        return Ok(root);
    }
    let root = take_table(TABLES)?;
    // SAFETY: both are whole tables; the kernel's half does not change after boot.
    unsafe {
        let from = kernel.as_ptr::<u64>().add(KERNEL_HALF);
        root.as_ptr::<u64>()
            .add(KERNEL_HALF)
            .copy_from_nonoverlapping(from, 512 - KERNEL_HALF);
    }
    Ok(root)
}

/// Gives up an empty table that no TLB knows.
fn give_table(table: PhysAddr, kind: usize) {
    tlb::check_unreachable(table.frame());
    debug_assert_eq!(
        known(table.frame()).tag.load(Relaxed),
        0,
        "a table that is not empty"
    );
    let mut cache = CACHES[cpu::current().number()][kind].lock();
    if cache.count < CACHE_SIZE {
        let at = cache.count;
        cache.frames[at % CACHE_SIZE] = table.frame();
        cache.count = at + 1;
    } else {
        drop(cache);
        free(table);
    }
}

fn free(table: PhysAddr) {
    known(table.frame()).set_state(FrameState::Used);
    frames::free_one(table);
}

/// Turns the tables kept for later into free frames, on all CPUs.
pub(super) fn drain() {
    for cache in CACHES.iter().flatten() {
        loop {
            let mut cache = cache.lock();
            let Some(left) = cache.count.checked_sub(1) else {
                break;
            };
            cache.count = left;
            let table = PhysAddr::of_frame(cache.frames[left % CACHE_SIZE]);
            drop(cache);
            free(table);
        }
    }
}

/// How many tables are kept for later.
pub(super) fn cached() -> usize {
    CACHES
        .iter()
        .flatten()
        .map(|cache| cache.lock().count)
        .sum()
}

/// Forgets the tables, for the next test on the host.
#[cfg(test)]
pub(super) fn reset() {
    CACHES
        .iter()
        .flatten()
        .for_each(|cache| cache.lock().count = 0);
}
