//! Address spaces.
//!
//! Model: a space is a set of regions (what was promised) and page tables (what was needed so
//! far). Mapping makes a promise; the first access to a page faults and keeps it (`fault`): a frame
//! of zeros, or the object's frame. Fork copies the promises and shares the frames read-only; the
//! first store on either side copies (`fork`, `MapFlags::COW`). No mapping is ever writable and
//! executable. Every frame behind a page holds a reference for it, except those of contiguous
//! objects (see `object`), which alone are mapped by large leaves.
//!
//! Removing or reducing a mapping (`unmap`) ends only when no CPU can use the old one any more:
//! entries are cleared, TLBs flushed, and only then frames and empty tables given up. Long
//! operations go in batches and let go of the lock in between.
//!
//! Lock order: one space (`AddressSpace`; for fork the parent, then the child), then a memory
//! object, then heap and frames.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::AcqRel, Ordering::Relaxed};

use veridian_abi::Error;

use super::heap::Cache;
use super::object::MemoryObject;
pub use super::page_table::Mapping;
use super::page_table::{PageTable, size};
use super::region::{Region, RegionKind, Regions};
use super::tlb::{self, SpaceTlb};
use super::{MapFlags, OutOfMemory, PAGE_SIZE, VirtAddr};
use crate::arch::layout::USER_END;
use crate::arch::paging;
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};

pub(super) const PAGE: u64 = PAGE_SIZE as u64;
/// Where the search for a free range begins.
const SEARCH_START: u64 = 0x1000_0000_0000;

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
    pub struct AddressSpace {
        refs: AtomicU32,
        /// What switching to it and flushing it takes.
        pub tlb: SpaceTlb,
        pub(super) inner: SpinLock<Inner>,
    }
}

crate::described! {
    /// What a space's lock guards.
    pub struct Inner {
        pub(super) tables: PageTable,
        pub(super) regions: Regions,
        /// Where the next search for a free range begins.
        cursor: u64,
    }
}

static SPACES: Cache<AddressSpace> = Cache::new("address space");

/// An object, where in it, and the capability through which it is mapped.
type Source<'a> = (&'a MemoryObject, u64, Binding);
/// Where something was mapped.
type Mapped = Result<VirtAddr, Error>;

impl AddressSpace {
    /// An empty space with one reference.
    pub fn create() -> Result<NonNull<AddressSpace>, OutOfMemory> {
        let mut tables = PageTable::new(Some(paging::kernel_root()))?;
        let space = SPACES.allocate().inspect_err(|_| tables.give_up())?;
        let space = space.cast::<AddressSpace>();
        let tlb = SpaceTlb::new(tables.root);
        let inner = Inner {
            tables,
            regions: Regions::new(),
            cursor: SEARCH_START,
        };
        let inner = SpinLock::new(Rank::AddressSpace, inner);
        let refs = AtomicU32::new(1);
        // SAFETY: the slot is ours and fits.
        unsafe { space.write(AddressSpace { refs, tlb, inner }) };
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
        // The last reference is gone: nobody else changes the regions, and no TLB knows the space.
        while let Some((start, end, _)) = this.close(0, |_| true) {
            this.remove(start, end, false);
        }
        this.inner.lock().tables.give_up();
        // SAFETY: nobody has a reference, and no CPU has the space active.
        unsafe { SPACES.free(space) };
    }

    /// Pages of 4 KiB present, page tables, regions.
    pub fn usage(&self) -> (usize, usize, usize) {
        let inner = self.inner.lock();
        let tables = &inner.tables;
        (tables.resident, tables.tables + 1, inner.regions.count())
    }

    /// Promises `len` bytes of zeros of the space's own at `at` (0: anywhere); result: where.
    pub fn map_anonymous(&self, at: VirtAddr, len: u64, flags: MapFlags) -> Mapped {
        self.promise(Region::new(flags, RegionKind::Anonymous), at, len)
    }

    /// Maps `len` bytes of an object from `offset` on, through the capability
    /// `binding`: `MemoryObject::unmap` removes it when that is gone. A single page is there at once.
    pub fn map_object(
        &self,
        object: &MemoryObject,
        offset: u64,
        at: VirtAddr,
        len: u64,
        flags: MapFlags,
        binding: Binding,
    ) -> Mapped {
        if len == PAGE && self.map_next((object, offset, binding), at, flags) {
            return Ok(at);
        }
        let end = offset.checked_add(len).ok_or(Error::InvalidArgument)?;
        if offset % PAGE != 0 || end.next_multiple_of(PAGE) > object.size() {
            return Err(Error::InvalidArgument);
        }
        let mut region = Region::new(flags, RegionKind::Shared);
        region.limit = region.flags | MapFlags::USER_RODATA;
        region.object = core::ptr::from_ref(object).cast_mut();
        (region.offset, region.binding) = (offset, binding);
        self.promise(region, at, len)
    }

    /// The short way for the next page behind a mapping of the same object, mapped alike: whoever
    /// maps an object page by page. Everything that `promise` checks follows from that mapping.
    fn map_next(&self, from: Source, at: VirtAddr, flags: MapFlags) -> bool {
        let (object, offset, binding) = from;
        let flags = flags | MapFlags::USER | MapFlags::READ;
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        if at.0 >= USER_END || flags.contains(MapFlags::EXECUTE) {
            return false;
        }
        let (true, Some(region)) = inner.regions.room(at.0, at.0 + PAGE) else {
            return false;
        };
        let same = core::ptr::eq(region.object, object)
            && (region.flags, region.limit) == (flags, flags)
            && region.binding == binding
            && region.offset_of(at.0) == offset
            && !region.closing;
        if !same {
            return false;
        }
        let Ok(frame) = region.take_frame(at.0) else {
            return false;
        };
        if inner.tables.map(at.0, 0, frame, flags) != Ok(true) {
            region.drop_frame(frame);
            return false;
        }
        region.end += PAGE;
        paging::publish();
        true
    }

    /// Reserves a range in which every access fails.
    pub fn reserve(&self, at: VirtAddr, len: u64) -> Mapped {
        self.promise(Region::new(MapFlags::empty(), RegionKind::Guard), at, len)
    }

    /// Maps a stack of `len` bytes with a guard page below it; result: its upper end.
    pub fn map_stack(&self, len: u64) -> Mapped {
        let len = len.next_multiple_of(PAGE);
        let guard = self.reserve(VirtAddr(0), PAGE + len)?;
        let bottom = VirtAddr(guard.0 + PAGE);
        let map = |()| self.map_anonymous(bottom, len, MapFlags::USER_DATA);
        let stack = self.unmap(bottom, len).and_then(map);
        if stack.is_err() {
            self.unmap(guard, PAGE + len)?;
        }
        stack?;
        Ok(VirtAddr(bottom.0 + len))
    }

    fn promise(&self, mut region: Region, at: VirtAddr, len: u64) -> Mapped {
        let len = check_range(at.0, len)? - at.0;
        if region.flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) {
            return Err(Error::WriteExecute);
        }
        if region.kind != RegionKind::Guard {
            region.flags |= MapFlags::USER | MapFlags::READ;
        }
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let start = match at.0 {
            0 => inner.find_gap(len, &region)?,
            wanted => wanted,
        };
        let (free, below) = inner.regions.room(start, start + len);
        if !free {
            return Err(Error::AlreadyExists);
        }
        (region.start, region.end, region.space) = (start, start + len, self);
        if region.object.is_null() {
            region.offset = start;
        }
        let new = match below {
            Some(below) if below.continues(&region) => {
                below.end = region.end;
                below
            }
            _ => inner.regions.insert(region.store()?),
        };
        if len == PAGE && !new.object.is_null() {
            // Without memory now, the first access will try again.
            let _ = inner.tables.populate(new, start);
        }
        Ok(VirtAddr(start))
    }

    /// What is behind an address now.
    pub fn query(&self, at: VirtAddr) -> Option<Mapping> {
        self.inner.lock().tables.query(at.0)
    }

    /// The physical address behind an address, if a page is there.
    #[cfg(any(test, feature = "ktest"))]
    pub fn translate(&self, at: VirtAddr) -> Option<super::PhysAddr> {
        self.query(at).map(|mapping| mapping.physical)
    }

    /// Names the word at an address for futexes: by object where memory is shared.
    pub fn futex_key(&self, at: VirtAddr) -> Result<FutexKey, Error> {
        let mut inner = self.inner.lock();
        let region = inner.regions.find(at.0).ok_or(Error::NotFound)?;
        let owner = match region.kind {
            RegionKind::Guard => return Err(Error::BadAddress),
            RegionKind::Shared => region.object as usize,
            RegionKind::Anonymous => core::ptr::from_ref(self) as usize,
        };
        let offset = region.offset_of(at.0);
        Ok(FutexKey { owner, offset })
    }
}

impl Inner {
    fn find_gap(&mut self, len: u64, region: &Region) -> Result<u64, Error> {
        let base = region.object().and_then(MemoryObject::contiguous);
        let fits = |level: &usize| {
            let size = size(*level);
            len >= size && base.is_some_and(|base| (base.0 + region.offset) % size == 0)
        };
        let align = size((1..=region.largest_leaf()).rev().find(fits).unwrap_or(0));
        let mut gap = |from| self.regions.gap(from, USER_END, len, align);
        let start = gap(self.cursor).or_else(|| gap(PAGE));
        self.cursor = start.ok_or(Error::AlreadyExists)? + len;
        Ok(self.cursor - len)
    }
}

/// The end of a range of whole pages of user space.
pub(super) fn check_range(start: u64, len: u64) -> Result<u64, Error> {
    let len_in_pages = len.checked_next_multiple_of(PAGE);
    let end = len_in_pages.and_then(|len| start.checked_add(len));
    let ok = |end: &u64| len != 0 && start % PAGE == 0 && *end <= USER_END;
    end.filter(ok).ok_or(Error::InvalidArgument)
}
