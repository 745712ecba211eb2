//! Address spaces.
//!
//! Model: a space is a set of regions (what was promised) and page tables (what was needed so
//! far). Mapping makes a promise; the first access to a page faults and keeps it: a frame of
//! zeros, the object's frame, or a copy of it. Fork copies the promises and shares the frames
//! read-only; the first store on either side copies (`MapFlags::COW`). No mapping is ever writable
//! and executable. Every frame behind a page holds a reference for it, except those of contiguous
//! objects (see `object`).
//!
//! Removing or reducing a mapping ends only when no CPU can use the old one any more: entries are
//! cleared, TLBs flushed, and only then frames and empty tables given up. Long operations go in
//! batches and let go of the lock in between.
//!
//! Lock order: one space (`AddressSpace`; for fork the parent, then the child), then a memory
//! object, then heap and frames.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::AcqRel, Ordering::Relaxed};

use super::frame_info::{CODE_SYNCED, info};
use super::heap::Cache;
use super::object::MemoryObject;
use super::page_table::{Batch, PageTable, size};
use super::region::{Region, RegionKind, Regions};
use super::tlb::{self, SpaceTlb};
use super::{
    FrameRange, MapError, MapFlags, OutOfMemory, PAGE_SIZE, PhysAddr, Request, VirtAddr, breathe,
    frames, kernel_map,
};
use crate::arch::cpu;
use crate::arch::layout::USER_END;
use crate::arch::paging::{self, Entry};
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};
use crate::trap::Access;

const PAGE: u64 = PAGE_SIZE as u64;
/// Where the search for a free range begins.
const SEARCH_START: u64 = 0x1000_0000_0000;
/// Pages that one step of a long operation handles.
const STEP: usize = 32;

/// Whether stores through a mapping of an object are seen by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// They are.
    Shared,
    /// They go to a copy.
    Private,
}

/// Why a fault could not be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// Nothing is promised there.
    NotMapped,
    /// The promise does not allow this access.
    Denied,
    /// It is a guard region: a stack overflow, most likely.
    Guard,
    /// No memory to keep the promise.
    OutOfMemory,
}

impl From<OutOfMemory> for FaultError {
    fn from(_: OutOfMemory) -> FaultError {
        FaultError::OutOfMemory
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

/// Names a word of memory the same way in every space that shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutexKey {
    /// The object, or the space where the memory is the space's own.
    pub owner: usize,
    /// Offset in the object, or the address.
    pub offset: u64,
}

crate::described! {
    /// An address space.
    #[repr(C)]
    pub struct AddressSpace {
        refs: AtomicU32,
        /// What switching to it and flushing it takes.
        pub tlb: SpaceTlb,
        inner: SpinLock<Inner>,
    }
}

crate::described! {
    /// What a space's lock guards.
    #[repr(C)]
    pub struct Inner {
        tables: PageTable,
        regions: Regions,
        /// Pages of 4 KiB present.
        resident: usize,
        /// Where the next search for a free range begins.
        cursor: u64,
    }
}

static SPACES: Cache<AddressSpace> = Cache::new("address space");

/// Where something was mapped.
type Mapped = Result<VirtAddr, MapError>;
/// The frame behind a page that a fault brought.
type Brought = Result<PhysAddr, FaultError>;

impl AddressSpace {
    /// An empty space with one reference.
    pub fn create() -> Result<NonNull<AddressSpace>, OutOfMemory> {
        let mut tables = PageTable::new(Some(kernel_map::root()))?;
        let space = SPACES
            .allocate()
            .inspect_err(|_| tables.give_up())?
            .cast::<AddressSpace>();
        let value = AddressSpace {
            refs: AtomicU32::new(1),
            tlb: SpaceTlb::new(tables.root),
            inner: SpinLock::new(
                Rank::AddressSpace,
                Inner {
                    tables,
                    regions: Regions::new(),
                    resident: 0,
                    cursor: SEARCH_START,
                },
            ),
        };
        // SAFETY: the slot is ours and fits.
        unsafe { space.write(value) };
        Ok(space)
    }

    /// Adds a reference.
    pub fn retain(&self) {
        self.refs.fetch_add(1, Relaxed);
    }

    /// Adds a reference unless the last one is gone already.
    ///
    /// # Safety
    /// `space` points to a space that was not freed yet.
    pub(super) unsafe fn try_retain(space: *const AddressSpace) -> Option<NonNull<AddressSpace>> {
        // SAFETY: as the caller promises.
        let refs = unsafe { &(*space).refs };
        refs.fetch_update(AcqRel, Relaxed, |n| (n != 0).then_some(n + 1))
            .ok()?;
        NonNull::new(space.cast_mut())
    }

    /// Drops a reference; the last one removes every mapping and frees the space.
    ///
    /// # Safety
    /// The caller owns a reference to `space` and does not use it afterwards.
    pub unsafe fn release(space: NonNull<AddressSpace>) {
        // SAFETY: the caller's reference keeps the space alive until here.
        let this = unsafe { space.as_ref() };
        if this.refs.fetch_sub(1, AcqRel) != 1 {
            return;
        }
        tlb::retire(this);
        while let Some(region) = this.first_region() {
            // SAFETY: the last reference is gone: nobody else changes the regions.
            let (start, end) = unsafe { (region.as_ref().start, region.as_ref().end) };
            this.remove(region, start, end, false);
        }
        this.inner.lock().tables.give_up();
        // SAFETY: nobody has a reference, and no CPU has the space active.
        unsafe { SPACES.free(space) };
    }

    fn first_region(&self) -> Option<NonNull<Region>> {
        self.inner.lock().regions.at_or_above(0)
    }

    /// Value of the address-space register for this space.
    #[inline]
    pub fn root_register(&self) -> u64 {
        self.tlb.root_register
    }

    /// Pages of 4 KiB present, page tables, regions.
    pub fn usage(&self) -> (usize, usize, usize) {
        let inner = self.inner.lock();
        (
            inner.resident,
            inner.tables.tables + 1,
            inner.regions.count(),
        )
    }

    /// Promises `len` bytes of zeros of the space's own at `at` (0: anywhere); result: where.
    pub fn map_anonymous(&self, at: VirtAddr, len: u64, flags: MapFlags) -> Mapped {
        self.map_anonymous_large(at, len, flags, 0)
    }

    /// The same, with leaves of up to `level` (0 or 1) where memory allows.
    pub fn map_anonymous_large(
        &self,
        at: VirtAddr,
        len: u64,
        flags: MapFlags,
        level: u8,
    ) -> Mapped {
        let mut region = Region::new(0, 0, flags, RegionKind::Anonymous);
        (region.level, region.limit) = (level.min(1), MapFlags::all());
        self.promise(region, at, len)
    }

    /// Maps `len` bytes of an object from `offset` on, through the capability
    /// `binding`: `MemoryObject::unmap_dead` removes it when that is gone. A single page is there at once.
    #[allow(clippy::too_many_arguments)]
    pub fn map_object(
        &self,
        object: &MemoryObject,
        offset: u64,
        at: VirtAddr,
        len: u64,
        flags: MapFlags,
        sharing: Sharing,
        binding: Binding,
    ) -> Result<VirtAddr, MapError> {
        if len == PAGE
            && sharing == Sharing::Shared
            && self.map_next(object, offset, at, flags, binding)
        {
            return Ok(at);
        }
        let end = offset.checked_add(len).ok_or(MapError::Invalid)?;
        if offset % PAGE != 0 || end.next_multiple_of(PAGE) > object.size() {
            return Err(MapError::Invalid);
        }
        let (kind, more) = match sharing {
            Sharing::Shared => (RegionKind::Shared, MapFlags::USER_RODATA),
            Sharing::Private => (RegionKind::Private, MapFlags::USER_DATA),
        };
        let mut region = Region::new(0, 0, flags | object.extra_flags(), kind);
        region.level = if object.contiguous().is_some() { 2 } else { 0 };
        region.limit = region.flags | more;
        region.object = core::ptr::from_ref(object).cast_mut();
        (region.offset, region.binding) = (offset, binding);
        self.promise(region, at, len)
    }

    /// The short way for the next page behind a mapping of the same object, mapped alike: whoever
    /// maps an object page by page. Everything that `promise` checks follows from that mapping.
    #[inline]
    fn map_next(
        &self,
        object: &MemoryObject,
        offset: u64,
        at: VirtAddr,
        flags: MapFlags,
        binding: Binding,
    ) -> bool {
        let flags = flags | MapFlags::USER | MapFlags::READ;
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let Some(region) = inner.regions.growing(at.0, PAGE) else {
            return false;
        };
        let same = core::ptr::eq(region.object, object)
            && region.kind == RegionKind::Shared
            && (region.flags, region.limit) == (flags, flags)
            && region.binding == binding
            && offset.wrapping_sub(region.offset) == at.0 - region.start
            && region.level == 0
            && at.0 < USER_END;
        if !same || flags.contains(MapFlags::EXECUTE) {
            return false;
        }
        let Ok(frame) = object.frame(offset / PAGE) else {
            return false;
        };
        if inner.tables.map(at.0, 0, frame, flags) != Ok(true) {
            return false;
        }
        frames::retain(frame);
        region.end += PAGE;
        inner.resident += 1;
        paging::publish();
        true
    }

    /// Reserves a range in which every access fails.
    pub fn reserve(&self, at: VirtAddr, len: u64) -> Mapped {
        let guard = Region::new(0, 0, MapFlags::empty(), RegionKind::Guard);
        self.promise(guard, at, len)
    }

    /// Maps a stack of `len` bytes with a guard page below it; result: its upper end.
    pub fn map_stack(&self, len: u64) -> Result<VirtAddr, MapError> {
        let len = len.next_multiple_of(PAGE);
        let guard = self.reserve(VirtAddr(0), len + PAGE)?;
        let stack = guard.0 + PAGE;
        if let Err(error) = self.carve(stack, len) {
            self.unmap(guard, len + PAGE)?;
            return Err(error);
        }
        let mut inner = self.inner.lock();
        let mut region = inner.regions.find(stack).ok_or(MapError::NotMapped)?;
        // SAFETY: regions of the tree are valid while the lock is held.
        let region = unsafe { region.as_mut() };
        (region.kind, region.flags) = (RegionKind::Anonymous, MapFlags::USER_DATA);
        region.limit = MapFlags::all();
        Ok(VirtAddr(stack + len))
    }

    fn promise(&self, mut region: Region, at: VirtAddr, len: u64) -> Mapped {
        let len = check_range(at.0, len)? - at.0;
        let flags = region.flags;
        if flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) {
            return Err(MapError::WriteExecute);
        }
        if region.kind != RegionKind::Guard {
            region.flags |= MapFlags::USER | MapFlags::READ;
        }
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let start = if at.0 == 0 {
            inner.find_gap(len, &region)?
        } else {
            at.0
        };
        let (free, below) = inner.regions.room(start, start + len);
        if !free {
            return Err(MapError::Occupied);
        }
        (region.start, region.end, region.space) = (start, start + len, self);
        let new = match below {
            // SAFETY: regions of the tree are valid while the lock is held.
            Some(mut below) if unsafe { below.as_ref().continues(&region) } => {
                // SAFETY: as above.
                unsafe { below.as_mut().end = region.end };
                below
            }
            _ => {
                let new = region.store()?;
                inner.regions.insert(new);
                new
            }
        };
        // SAFETY: as above.
        let new = unsafe { new.as_ref() };
        if len == PAGE && !new.object.is_null() {
            // Without memory now, the first access will try again.
            let _ = inner.populate(new, start, flags.contains(MapFlags::WRITE));
        }
        Ok(VirtAddr(start))
    }

    /// Removes what is mapped in a range. When it returns, no CPU can use it any more.
    pub fn unmap(&self, at: VirtAddr, len: u64) -> Result<(), MapError> {
        let end = self.carve(at.0, len)?;
        let mut from = at.0;
        while let Some((region, start, stop, first)) = self.close(from, |r| r.start < end) {
            if first {
                self.remove(region, start, stop, true);
                from = stop;
            } else {
                // Somebody else is removing it; it is gone when its region is.
                crate::lock::spin();
                breathe();
            }
        }
        Ok(())
    }

    /// Removes the region at `start` if it maps `object` through a capability that is gone.
    pub(super) fn unmap_dead(&self, start: u64, object: &MemoryObject) {
        let dead = |r: &Region| {
            let here = r.start <= start && core::ptr::eq(r.object, object);
            here && !r.binding.is_live() && !r.closing
        };
        if let Some((region, start, end, _)) = self.close(start, dead) {
            self.remove(region, start, end, true);
        }
    }

    /// Marks the first region at or above `from` as closing, if it is `wanted`: its bounds, and
    /// whether this was the first to mark it, who is to remove it.
    fn close(
        &self,
        from: u64,
        wanted: impl Fn(&Region) -> bool,
    ) -> Option<(NonNull<Region>, u64, u64, bool)> {
        let inner = self.inner.lock();
        let mut found = inner.regions.at_or_above(from)?;
        // SAFETY: regions of the tree are valid while the lock is held.
        let region = unsafe { found.as_mut() };
        if !wanted(region) {
            return None;
        }
        let first = !core::mem::replace(&mut region.closing, true);
        Some((found, region.start, region.end, first))
    }

    /// Empties a region that the caller has marked as closing, batch by batch, and discards it.
    fn remove(&self, region: NonNull<Region>, start: u64, end: u64, flush: bool) {
        let mut at = start;
        loop {
            let mut inner = self.inner.lock();
            // SAFETY: the region is closing: only we discard it.
            at = self.clear(&mut inner, unsafe { region.as_ref() }, at, end, flush);
            if at >= end {
                inner.regions.remove(region);
                break;
            }
            drop(inner);
            breathe();
        }
        // SAFETY: it is out of the tree, so nobody finds it any more.
        unsafe { Region::discard(region) };
    }

    /// Removes one batch of pages from `at` on; returns how far it came.
    #[inline]
    fn clear(&self, inner: &mut Inner, region: &Region, at: u64, end: u64, flush: bool) -> u64 {
        let mut batch = Batch::new();
        let reached = inner.tables.clear(at, end, &mut batch);
        if flush && let Some((from, to)) = batch.range() {
            batch
                .leaves()
                .for_each(|(at, frame, level)| tlb::removed(self, at, level, frame));
            tlb::flush(self, from, to);
        }
        for (_, frame, level) in batch.leaves() {
            inner.resident -= 1 << (9 * level);
            drop_leaf(region, frame, level);
        }
        batch.give_tables();
        reached
    }

    /// Checks a range and makes regions and leaves end at its bounds. Returns its end.
    fn carve(&self, start: u64, len: u64) -> Result<u64, MapError> {
        let end = check_range(start, len)?;
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        for bound in [start, end] {
            let Some(mut region) = inner.regions.find(bound) else {
                continue;
            };
            // SAFETY: regions of the tree are valid while the lock is held.
            let region = unsafe { region.as_mut() };
            if region.start == bound || region.closing {
                continue;
            }
            let flush = |from, to| tlb::flush(self, from, to);
            inner.tables.split(bound, false, flush)?;
            let upper = region.part(bound, region.end, self).store()?;
            region.end = bound;
            inner.regions.insert(upper);
        }
        Ok(end)
    }

    /// Changes what a range allows. All of it must be mapped, and what was mapped from an object
    /// may not allow more than it did then.
    pub fn protect(&self, at: VirtAddr, len: u64, flags: MapFlags) -> Result<(), MapError> {
        if flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) {
            return Err(MapError::WriteExecute);
        }
        let flags = (flags & (MapFlags::WRITE | MapFlags::EXECUTE)) | MapFlags::READ;
        let end = self.carve(at.0, len)?;
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let mut check = at.0;
        while check < end {
            let region = inner.regions.find(check).ok_or(MapError::NotMapped)?;
            // SAFETY: regions of the tree are valid while the lock is held.
            let region = unsafe { region.as_ref() };
            if region.closing || region.kind == RegionKind::Guard {
                return Err(MapError::NotMapped);
            }
            if !region.limit.contains(flags) {
                return Err(MapError::Denied);
            }
            check = region.end;
        }
        let mut from = at.0;
        while from < end
            && let Some(mut region) = inner.regions.find(from)
        {
            // SAFETY: as above.
            let region = unsafe { region.as_mut() };
            let kept = region.flags - (MapFlags::READ | MapFlags::WRITE | MapFlags::EXECUTE);
            region.flags = kept | flags;
            let (own, wanted) = (region.kind != RegionKind::Shared, region.flags);
            inner
                .tables
                .visit(from, region.end, &mut |_, level, place| {
                    let entry = place.get();
                    let mut new = wanted;
                    // A page of the space's own may be shared since a fork: its first store decides.
                    if own && (wanted - entry.flags(level)).contains(MapFlags::WRITE) {
                        new = (wanted - MapFlags::WRITE) | MapFlags::COW;
                    }
                    if new.contains(MapFlags::EXECUTE) {
                        sync_code(entry.address(), level);
                    }
                    place.set(Entry::leaf(entry.address(), new, level));
                    true
                });
            from = region.end;
        }
        tlb::flush(self, at.0, end);
        Ok(())
    }

    /// What is behind an address now.
    pub fn query(&self, at: VirtAddr) -> Option<Mapping> {
        let inner = self.inner.lock();
        let (place, level) = inner.tables.find(at.0)?;
        let entry = place.get();
        let physical = entry.address().offset(at.0 & (size(level) - 1));
        Some(Mapping {
            physical,
            flags: entry.flags(level),
            level,
        })
    }

    /// The physical address behind an address, if a page is there.
    pub fn translate(&self, at: VirtAddr) -> Option<PhysAddr> {
        self.query(at).map(|mapping| mapping.physical)
    }

    /// Resolves a fault at `address`: makes a page that was promised, or copies one.
    #[inline]
    pub fn handle_fault(&self, address: u64, access: Access) -> Result<(), FaultError> {
        let mut inner = self.inner.lock();
        self.resolve(&mut inner, address, need(access), false)
            .map(|_| ())
    }

    /// Brings the page at `address` for what `need` says; with `force` a page of the space's own
    /// for the kernel to write, whatever user code may do with it.
    fn resolve(&self, inner: &mut Inner, address: u64, need: MapFlags, force: bool) -> Brought {
        let region = inner.regions.find(address).ok_or(FaultError::NotMapped)?;
        // SAFETY: regions of the tree are valid while the lock is held.
        let region = unsafe { region.as_ref() };
        let own = matches!(region.kind, RegionKind::Anonymous | RegionKind::Private);
        if region.closing || !(region.flags.contains(need) || force && own) {
            return Err(match region.kind {
                _ if region.closing => FaultError::NotMapped,
                RegionKind::Guard => FaultError::Guard,
                _ => FaultError::Denied,
            });
        }
        let (page, write) = (address & !(PAGE - 1), need == MapFlags::WRITE);
        let Some((place, level)) = inner.tables.find(page) else {
            return inner.populate(region, page, write);
        };
        let entry = place.get();
        if write && !entry.flags(level).contains(need) {
            return self.copy_on_write(inner, region, page);
        }
        // Another CPU resolved it meanwhile, or this one remembered what was here before.
        paging::flush_page(page, self.tlb.asid);
        Ok(entry.address().offset(page & (size(level) - 1)))
    }

    /// Makes the page at `page`, which is present, writable: in place if nobody shares its frame.
    fn copy_on_write(&self, inner: &mut Inner, region: &Region, page: u64) -> Brought {
        let flush = |from, to| tlb::flush(self, from, to);
        inner.tables.split(page, true, flush)?;
        let (place, _) = inner.tables.find(page).ok_or(FaultError::NotMapped)?;
        let old = place.get().address();
        let alone = counted(region, old) && frames::references(old) == 1;
        if region.kind == RegionKind::Shared || alone {
            place.set(Entry::leaf(old, region.flags, 0));
            paging::flush_page(page, self.tlb.asid);
            return Ok(old);
        }
        let new = frames::allocate_copy(old)?;
        place.set(Entry::EMPTY);
        tlb::removed(self, page, 0, old);
        tlb::flush(self, page, page + PAGE);
        if region.flags.contains(MapFlags::EXECUTE) {
            sync_code(new, 0);
        }
        place.set(Entry::leaf(new, region.flags, 0));
        paging::publish();
        drop_leaf(region, old, 0);
        Ok(new)
    }

    /// Copies every promise into `child`, an empty space, and shares the pages copy-on-write. On
    /// failure the child has a part of them and is to be released.
    pub fn fork_into(&self, child: &AddressSpace) -> Result<(), MapError> {
        let mut at = Some(0);
        while let Some(from) = at {
            at = self.fork_step(child, from)?;
            breathe();
        }
        Ok(())
    }

    /// Copies one region, or a batch of its pages; returns where to go on.
    fn fork_step(&self, child: &AddressSpace, at: u64) -> Result<Option<u64>, MapError> {
        let mut parent = self.inner.lock();
        let mut other = child.inner.lock_same_rank();
        let region = parent.regions.at_or_above(at);
        // SAFETY: regions of the tree are valid while the lock is held.
        let region = region.map(|r| unsafe { r.as_ref() }).filter(|r| !r.closing);
        if let Some(mut made) = other.regions.find(at) {
            // SAFETY: as above. Where the parent changed since the last step, the promise ends.
            let made = unsafe { made.as_mut() };
            if region.is_none_or(|r| r.start > at || !r.promises_as(made)) {
                made.end = at;
            }
        }
        let Some(region) = region else {
            let next = parent.regions.at_or_above(at);
            // SAFETY: as above.
            return Ok(next.map(|r| unsafe { r.as_ref().end }));
        };
        let from = at.max(region.start);
        if other.regions.find(from).is_none() {
            let copy = region.part(from, region.end, child).store()?;
            other.regions.insert(copy);
        }
        let mut reduced = false;
        let reached = share(&mut parent, &mut other, region, from, &mut reduced);
        if reduced {
            tlb::flush_space(self);
        }
        Ok(Some(reached?))
    }

    /// Copies bytes into the space, whatever its pages allow to user code; for loading programs.
    pub fn write(&self, at: VirtAddr, bytes: &[u8]) -> Result<(), FaultError> {
        self.each_piece(at.0, bytes.len(), true, |target, range| {
            // SAFETY: the piece lies in a page of the space, whose lock is held.
            unsafe { target.copy_from_nonoverlapping(bytes[range.clone()].as_ptr(), range.len()) }
        })
    }

    /// Copies bytes out of the space.
    pub fn read(&self, at: VirtAddr, bytes: &mut [u8]) -> Result<(), FaultError> {
        self.each_piece(at.0, bytes.len(), false, |source, range| {
            // SAFETY: as in `write`.
            unsafe { source.copy_to_nonoverlapping(bytes[range.clone()].as_mut_ptr(), range.len()) }
        })
    }

    fn each_piece(
        &self,
        start: u64,
        len: usize,
        write: bool,
        mut copy: impl FnMut(*mut u8, core::ops::Range<usize>),
    ) -> Result<(), FaultError> {
        let need = if write {
            MapFlags::WRITE
        } else {
            MapFlags::READ
        };
        let mut done = 0;
        while done < len {
            let at = start
                .checked_add(done as u64)
                .ok_or(FaultError::NotMapped)?;
            let within = (at % PAGE) as usize;
            let piece = (PAGE_SIZE - within).min(len - done);
            let mut inner = self.inner.lock();
            let frame = self.resolve(&mut inner, at, need, true)?;
            copy(
                frame.as_ptr::<u8>().wrapping_add(within),
                done..done + piece,
            );
            if write && let Some(info) = info(frame.frame()) {
                let synced = info.tag.fetch_and(!CODE_SYNCED, Relaxed) & CODE_SYNCED != 0;
                if synced {
                    sync_code(frame, 0);
                }
            }
            done += piece;
        }
        Ok(())
    }

    /// Names the word at an address for futexes: by object where memory is shared.
    pub fn futex_key(&self, at: VirtAddr) -> Result<FutexKey, FaultError> {
        let mut inner = self.inner.lock();
        let region = inner.regions.find(at.0).ok_or(FaultError::NotMapped)?;
        // SAFETY: regions of the tree are valid while the lock is held.
        let region = unsafe { region.as_ref() };
        match region.kind {
            RegionKind::Guard => Err(FaultError::Guard),
            RegionKind::Shared => Ok(FutexKey {
                owner: region.object as usize,
                offset: region.offset + (at.0 - region.start),
            }),
            _ => Ok(FutexKey {
                owner: self as *const _ as usize,
                offset: at.0,
            }),
        }
    }
}

impl Inner {
    fn find_gap(&mut self, len: u64, region: &Region) -> Result<u64, MapError> {
        let contiguous = region.object().and_then(MemoryObject::contiguous);
        let level = (1..=region.level as usize).rev().find(|l| {
            len >= size(*l)
                && contiguous.is_none_or(|base| (base.0 + region.offset) % size(*l) == 0)
        });
        let align = size(level.unwrap_or(0));
        let found = self.regions.gap(self.cursor, USER_END, len, align);
        let found = found.or_else(|| self.regions.gap(PAGE, USER_END, len, align));
        let start = found.ok_or(MapError::Occupied)?;
        self.cursor = start + len;
        Ok(start)
    }

    /// Brings the page at `page`, which is not present, by the largest leaf that the region allows.
    fn populate(&mut self, region: &Region, page: u64, write: bool) -> Brought {
        let top = match region.level {
            0 => 0,
            level => paging::largest_level().min(level as usize),
        };
        for level in (0..=top).rev() {
            let start = page & !(size(level) - 1);
            if start < region.start || start + size(level) > region.end {
                continue;
            }
            let Some((frame, flags)) = source(region, start, level, write)? else {
                continue;
            };
            if flags.contains(MapFlags::EXECUTE) {
                sync_code(frame, level);
            }
            match self.tables.map(start, level, frame, flags) {
                Ok(true) => {
                    self.resident += 1 << (9 * level);
                    paging::publish();
                    return Ok(frame.offset(page - start));
                }
                // Smaller pages are there already, or there is no memory for a table.
                other => {
                    drop_leaf(region, frame, level);
                    other?;
                }
            }
        }
        Err(FaultError::NotMapped)
    }
}

/// The frame, with a reference, and the flags for the leaf of `level` at `start`; none if a leaf
/// of that size is not possible.
fn source(
    region: &Region,
    start: u64,
    level: usize,
    write: bool,
) -> Result<Option<(PhysAddr, MapFlags)>, OutOfMemory> {
    let mut flags = region.flags;
    let Some(object) = region.object() else {
        if level == 0 {
            return frames::allocate_zeroed().map(|frame| Some((frame, flags)));
        }
        let count = 1 << (9 * level);
        let range = frames::allocate_cleared(Request::frames(count).aligned(count));
        return Ok(range.ok().map(|range| (range.start, flags)));
    };
    let offset = region.offset + (start - region.start);
    let frame = object.frame(offset / PAGE)?;
    let private = region.kind == RegionKind::Private;
    if frame.0 % size(level) != 0 || private && write && level > 0 {
        return Ok(None);
    }
    if private && write {
        return frames::allocate_copy(frame).map(|frame| Some((frame, flags)));
    }
    if private && flags.contains(MapFlags::WRITE) {
        flags = (flags - MapFlags::WRITE) | MapFlags::COW;
    }
    if counted(region, frame) {
        frames::retain(frame);
    }
    Ok(Some((frame, flags)))
}

/// The end of a range of whole pages of user space.
fn check_range(start: u64, len: u64) -> Result<u64, MapError> {
    let end = len
        .checked_next_multiple_of(PAGE)
        .and_then(|len| start.checked_add(len));
    let ok = |end: &u64| len != 0 && start % PAGE == 0 && *end <= USER_END;
    end.filter(ok).ok_or(MapError::Invalid)
}

/// Shares one batch of a region's pages with the child. Returns how far it came; `reduced` says
/// whether a page of the parent became read-only.
fn share(
    parent: &mut Inner,
    child: &mut Inner,
    region: &Region,
    from: u64,
    reduced: &mut bool,
) -> Result<u64, OutOfMemory> {
    let (mut left, mut result) = (STEP, Ok(true));
    let own = region.kind != RegionKind::Shared;
    let reached = parent
        .tables
        .visit(from, region.end, &mut |address, level, place| {
            if left == 0 {
                return false;
            }
            left -= 1;
            let entry = place.get();
            let mut flags = entry.flags(level);
            if own && flags.contains(MapFlags::WRITE) {
                flags = (flags - MapFlags::WRITE) | MapFlags::COW;
                place.set(Entry::leaf(entry.address(), flags, level));
                *reduced = true;
            }
            result = child.tables.map(address, level, entry.address(), flags);
            if result != Ok(true) {
                return false;
            }
            child.resident += 1 << (9 * level);
            if counted(region, entry.address()) {
                (0..size(level))
                    .step_by(PAGE_SIZE)
                    .for_each(|o| frames::retain(entry.address().offset(o)));
            }
            true
        });
    result.map(|_| reached)
}

fn need(access: Access) -> MapFlags {
    match access {
        Access::Read => MapFlags::READ,
        Access::Write => MapFlags::WRITE,
        Access::Execute => MapFlags::EXECUTE,
    }
}

/// Whether a page that maps this frame holds a reference to it.
#[inline]
fn counted(region: &Region, frame: PhysAddr) -> bool {
    region.object().is_none_or(|object| !object.owns(frame))
}

/// Drops the references of a leaf that no TLB holds any more.
fn drop_leaf(region: &Region, address: PhysAddr, level: usize) {
    if !counted(region, address) {
        return;
    }
    let count = 1 << (9 * level);
    if level > 0 && (0..count).all(|i| frames::references(address.offset(i * PAGE)) == 1) {
        return frames::free(FrameRange {
            start: address,
            frames: count as usize,
        });
    }
    (0..count).for_each(|i| frames::release(address.offset(i * PAGE)));
}

/// Makes instruction fetches see what was stored to the frames of a leaf.
fn sync_code(address: PhysAddr, level: usize) {
    for offset in (0..size(level)).step_by(PAGE_SIZE) {
        let at = address.offset(offset);
        let known = info(at.frame());
        if known.is_none_or(|i| i.tag.fetch_or(CODE_SYNCED, Relaxed) & CODE_SYNCED == 0) {
            cpu::sync_instruction_cache(at.as_ptr::<u8>() as u64, PAGE_SIZE);
        }
    }
}
