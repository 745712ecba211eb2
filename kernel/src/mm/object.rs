//! Memory objects: what is shared, moved and executed.
//!
//! Model: an object is an array of frames with a size. A demand-zero object takes each frame when
//! it is first needed; a contiguous one is a range of physical memory that belongs to somebody else
//! (the initrd) and can be mapped by large pages. Frames of a
//! demand-zero object are counted: the object holds one reference, each page that maps them
//! another. Those of a contiguous object are not; the object outlives its mappings anyway.
//!
//! An object knows the regions that map it, each with the capability it was mapped through, so
//! that revoking that finds what was mapped through it.
//!
//! Lock order: an address space, then the object. Reference counts need no lock.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use veridian_abi::Error;

use super::fault::forget_code;
use super::heap::Cache;
use super::region::Region;
use super::vas::AddressSpace;
use super::{OutOfMemory, PAGE_SIZE, PhysAddr, frames, pieces};
use crate::cap::Binding;
use crate::lock::{Rank, SpinLock};
use crate::sched::list::{Link, List, container};
use crate::sched::preemption_point;

/// Entries of one node of the tree of frames.
const FANOUT: u64 = 1 << 10;
/// Pages of the largest object: three levels, 4 TiB.
const MAX_PAGES: u64 = FANOUT * FANOUT * FANOUT;

crate::described! {
    /// Where an object's frames come from.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Backing {
        /// Frames of zeros on demand.
        Demand,
        /// A physical range that belongs to somebody else.
        Physical,
    }
}

crate::described! {
    /// An array of frames.
    pub struct MemoryObject {
        refs: AtomicU32,
        backing: Backing,
        /// Levels of the tree of frames.
        height: u8,
        /// Size in pages.
        pages: u64,
        /// Start of a contiguous object.
        base: PhysAddr,
        /// The frame (height 0) or node; 0 for none. Like the entries of nodes it is set once, under
        /// the lock, and read without it.
        root: AtomicU32,
        inner: SpinLock<Inner>,
    }
}

crate::described! {
    /// What changes in an object.
    #[derive(Default)]
    struct Inner {
        /// Frames present.
        resident: u64,
        /// The regions that map the object.
        regions: List,
    }
    regions: holds(&[Name::inside("veridian_kernel::mm::region::Region", "of_object")])
}

/// A new object, with one reference.
type Created = Result<NonNull<MemoryObject>, OutOfMemory>;

static OBJECTS: Cache<MemoryObject> = Cache::new("memory object");

impl MemoryObject {
    /// A demand-zero object of `size` bytes, rounded up to pages, with one reference.
    pub fn create(size: u64) -> Created {
        Self::new(Backing::Demand, size, PhysAddr(0))
    }

    /// An object of `size` bytes, rounded up to pages, with one reference; over physical memory from
    /// `base` on unless its frames come on demand.
    pub fn new(backing: Backing, size: u64, base: PhysAddr) -> Created {
        let pages = size.div_ceil(PAGE_SIZE as u64);
        if pages == 0 || pages > MAX_PAGES {
            return Err(OutOfMemory);
        }
        let height = (0..).find(|h| FANOUT.pow(*h) >= pages).unwrap_or(3) as u8;
        OBJECTS.allocate_with(MemoryObject {
            refs: AtomicU32::new(1),
            backing,
            height,
            pages,
            base,
            root: AtomicU32::new(0),
            inner: SpinLock::new(Rank::MemoryObject, Inner::default()),
        })
    }

    /// Size in bytes, whole pages.
    pub fn size(&self) -> u64 {
        self.pages * PAGE_SIZE as u64
    }

    /// Frames present of a demand-zero object.
    #[cfg(any(test, feature = "ktest"))]
    pub fn resident(&self) -> u64 {
        self.inner.lock().resident
    }

    /// Start of a contiguous object.
    pub fn contiguous(&self) -> Option<PhysAddr> {
        (self.backing != Backing::Demand).then_some(self.base)
    }

    /// Adds a reference.
    pub fn retain(&self) {
        self.refs.fetch_add(1, Relaxed);
    }

    /// Drops a reference; the last one frees the object and its frames.
    ///
    /// # Safety
    /// The caller owns a reference to `object` and does not use it afterwards.
    pub unsafe fn release(object: NonNull<MemoryObject>) {
        // SAFETY: the caller's reference keeps the object alive until here.
        let this = unsafe { object.as_ref() };
        if this.refs.fetch_sub(1, AcqRel) != 1 {
            return;
        }
        let root = this.root.load(Relaxed);
        if root != 0 {
            free_tree(root, this.height);
        }
        // SAFETY: the last reference is gone, and the object came from this cache.
        unsafe { OBJECTS.free(object) };
    }

    /// How many references there are.
    #[cfg(any(test, feature = "ktest"))]
    pub fn references(&self) -> u32 {
        self.refs.load(Acquire)
    }

    /// The frame of page `index`, taken now if it is not there yet.
    pub fn frame(&self, index: u64) -> Result<PhysAddr, OutOfMemory> {
        if index >= self.pages {
            return Err(OutOfMemory);
        }
        if let Some(base) = self.contiguous() {
            return Ok(base.offset(index * PAGE_SIZE as u64));
        }
        let (slot, height) = self.descend(index);
        match slot.load(Acquire) {
            frame if frame != 0 && height == 0 => Ok(PhysAddr::of_frame(frame)),
            _ => self.take_frame(index),
        }
    }

    /// Where the frame of page `index` is noted, or the node that leads to it, where there is none
    /// yet; and how far above the frames that is.
    #[inline]
    fn descend(&self, index: u64) -> (&AtomicU32, u32) {
        let (mut slot, mut height) = (&self.root, self.height as u32);
        while height > 0 {
            let node = slot.load(Acquire);
            if node == 0 {
                break;
            }
            height -= 1;
            let entry = (index >> (10 * height) & (FANOUT - 1)) as usize;
            // SAFETY: a node is a frame of entries and stays until the object ends.
            slot = unsafe { &*PhysAddr::of_frame(node).as_ptr::<AtomicU32>().add(entry) };
        }
        (slot, height)
    }

    #[cold]
    fn take_frame(&self, index: u64) -> Result<PhysAddr, OutOfMemory> {
        let mut inner = self.inner.lock();
        loop {
            let (slot, height) = self.descend(index);
            if slot.load(Relaxed) == 0 {
                slot.store(frames::allocate_zeroed()?.frame(), Release);
                inner.resident += (height == 0) as u64;
            }
            if height == 0 {
                return Ok(PhysAddr::of_frame(slot.load(Relaxed)));
            }
        }
    }

    /// Copies bytes out of the object; what lies beyond its end is an error.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), Error> {
        self.each_piece(offset, into.len(), |at, range| {
            // SAFETY: the piece lies within a frame of the object, which stays while we have a
            // reference.
            unsafe { at.copy_to_nonoverlapping(into[range.clone()].as_mut_ptr(), range.len()) };
        })
    }

    /// Copies bytes into the object; what lies beyond its end is an error.
    pub fn write(&self, offset: u64, from: &[u8]) -> Result<(), Error> {
        self.each_piece(offset, from.len(), |at, range| {
            // SAFETY: as in `read`.
            unsafe { at.copy_from_nonoverlapping(from[range.clone()].as_ptr(), range.len()) };
            forget_code(super::virt_to_phys(at));
        })
    }

    fn each_piece(
        &self,
        offset: u64,
        len: usize,
        mut copy: impl FnMut(*mut u8, Range<usize>),
    ) -> Result<(), Error> {
        let fits = |end: &u64| *end <= self.size();
        let end = offset.checked_add(len as u64).filter(fits);
        end.ok_or(Error::InvalidArgument)?;
        for (at, range) in pieces(offset, len) {
            let frame = self.frame(at / PAGE_SIZE as u64)?;
            copy(frame.offset(at % PAGE_SIZE as u64).as_ptr(), range);
        }
        Ok(())
    }

    /// Notes that `region` maps this object, and holds a reference for it.
    ///
    /// # Safety
    /// `region` stays valid until `detach`.
    pub(super) unsafe fn attach(&self, region: *mut Region) {
        self.retain();
        let mut inner = self.inner.lock();
        // SAFETY: as the caller promises; the lock guards the list.
        unsafe { inner.regions.push_front(&raw mut (*region).of_object) };
    }

    /// Forgets `region`; the reference is the caller's now.
    ///
    /// # Safety
    /// `region` is attached to this object.
    pub(super) unsafe fn detach(&self, region: *mut Region) {
        let _inner = self.inner.lock();
        // SAFETY: as in `attach`.
        unsafe { Link::unlink(&raw mut (*region).of_object) };
    }

    /// Has `region` mapped through another capability.
    ///
    /// # Safety
    /// `region` is attached to an object.
    pub(super) unsafe fn bind(region: *mut Region, binding: Binding) {
        // SAFETY: as in `attach`; others read the binding under this lock.
        unsafe {
            let _inner = (*(*region).object).inner.lock();
            (*region).binding = binding;
        }
    }

    /// Removes every mapping, in whatever space, or every one that was made through a capability which
    /// no longer exists. When it returns, no CPU can reach the object through them.
    pub fn unmap(&self, all: bool) {
        while let Some((space, start)) = self.first_mapping(all) {
            match space {
                // SAFETY: `first_mapping` took a reference for us.
                Some(space) => unsafe {
                    space.as_ref().unmap_object(start, self, all);
                    AddressSpace::release(space);
                },
                // The space is being destroyed on another CPU; that removes the mapping, too.
                None => crate::lock::spin(),
            }
            preemption_point();
        }
    }

    /// The space, with a reference unless it is ending, and the start of a region that `unmap` removes.
    fn first_mapping(&self, all: bool) -> Option<(Option<NonNull<AddressSpace>>, u64)> {
        let inner = self.inner.lock();
        // SAFETY: regions in the list are valid while the lock is held, and a region's space is
        // there as long as the region is.
        unsafe {
            let region = |link: *mut Link| &*container!(link, Region, of_object);
            let mut regions = inner.regions.iter().map(region);
            let dead = regions.find(|region| all || !region.binding.is_live())?;
            Some((AddressSpace::try_retain(dead.space), dead.start))
        }
    }
}

/// Frees the frames under a node, and the node.
fn free_tree(node: u32, height: u8) {
    if height > 0 {
        preemption_point();
        for entry in 0..FANOUT as usize {
            // SAFETY: the object is ending: its nodes are ours alone.
            let child = unsafe { *PhysAddr::of_frame(node).as_ptr::<u32>().add(entry) };
            if child != 0 {
                free_tree(child, height - 1);
            }
        }
    }
    frames::release(PhysAddr::of_frame(node));
}
