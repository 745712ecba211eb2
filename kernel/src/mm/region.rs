//! Regions: what an address space has promised for a range of addresses.
//!
//! A region says what a fault in it gets; the page tables hold what faults have brought so far.
//! Regions of a space do not overlap and are kept in a tree by start address.

use core::ptr::{NonNull, null_mut};

use super::heap::Cache;
use super::object::MemoryObject;
use super::vas::AddressSpace;
use super::{MapFlags, OutOfMemory, PAGE_SIZE, PhysAddr, frames};
use crate::arch::paging;
use crate::cap::Binding;
use crate::sched::list::Link;
use crate::sched::tree::{Node, Tree};

crate::described! {
    /// What a fault in a region gets.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum RegionKind {
        /// A frame of zeros of its own.
        Anonymous,
        /// The object's frame; stores are seen by all who map it.
        Shared,
        /// An error: nothing is ever mapped here.
        Guard,
    }
}

crate::described! {
    /// A range of an address space.
    #[repr(C)]
    pub struct Region {
        node: Node,
        /// First address.
        pub start: u64,
        /// First address behind it.
        pub end: u64,
        /// What mappings in it allow.
        pub flags: MapFlags,
        /// What a fault gets.
        pub kind: RegionKind,
        /// What `protect` may allow at most.
        pub limit: MapFlags,
        /// Being removed: faults fail.
        pub closing: bool,
        /// The object, or null.
        pub object: *mut MemoryObject,
        /// Offset in the object of `start`; the address itself where there is no object.
        pub offset: u64,
        /// The capability it was mapped through; when that dies, so does the mapping.
        pub binding: Binding,
        /// The space it is in.
        pub space: *const AddressSpace,
        /// Among the regions that map the object.
        pub(super) of_object: Link,
    }
}

static REGIONS: Cache<Region> = Cache::new("region");

impl Region {
    /// A region that is in no space yet and has no bounds.
    pub fn new(flags: MapFlags, kind: RegionKind) -> Region {
        Region {
            node: Node::default(),
            start: 0,
            end: 0,
            flags,
            kind,
            limit: MapFlags::all(),
            closing: false,
            object: null_mut(),
            offset: 0,
            binding: Binding::KERNEL,
            space: core::ptr::null(),
            of_object: Link::default(),
        }
    }

    /// A copy of what the region promises, for `start..end` of it, in `space`.
    pub(super) fn part(&self, start: u64, end: u64, space: *const AddressSpace) -> Region {
        Region {
            node: Node::default(),
            start,
            end,
            offset: self.offset_of(start),
            space,
            of_object: Link::default(),
            ..*self
        }
    }

    /// Where `address` is in the object.
    pub fn offset_of(&self, address: u64) -> u64 {
        self.offset.wrapping_add(address.wrapping_sub(self.start))
    }

    /// Whether both promise the same for the addresses that they share.
    pub(super) fn promises_as(&self, other: &Region) -> bool {
        let limits = |region: &Region| (region.flags, region.limit, region.closing);
        self.kind == other.kind
            && self.object == other.object
            && self.offset_of(0) == other.offset_of(0)
            && self.binding == other.binding
            && limits(self) == limits(other)
    }

    /// Whether `next`, which is in no tree yet, could be the rest of this region.
    pub(super) fn continues(&self, next: &Region) -> bool {
        self.end == next.start && self.kind != RegionKind::Guard && self.promises_as(next)
    }

    /// The object.
    pub fn object(&self) -> Option<&MemoryObject> {
        // SAFETY: a region holds a reference to its object.
        unsafe { self.object.as_ref() }
    }

    /// Whether each page of it holds a reference to its frame.
    pub(super) fn is_counted(&self) -> bool {
        self.object().is_none_or(|o| o.contiguous().is_none())
    }

    /// The frame for the page at `page`, with the reference that the page will hold.
    #[inline]
    pub(super) fn take_frame(&self, page: u64) -> Result<PhysAddr, OutOfMemory> {
        let Some(object) = self.object() else {
            return frames::allocate_zeroed();
        };
        let frame = object.frame(self.offset_of(page) / PAGE_SIZE as u64)?;
        if self.is_counted() {
            frames::retain(frame);
        }
        Ok(frame)
    }

    /// Drops the reference that a page held, which no TLB knows any more.
    pub(super) fn drop_frame(&self, frame: PhysAddr) {
        if self.is_counted() {
            frames::release(frame);
        }
    }

    /// The largest leaf that can map its frames.
    pub(super) fn largest_leaf(&self) -> usize {
        match self.is_counted() {
            true => 0,
            false => paging::largest_level(),
        }
    }

    /// Puts a copy of the region into memory of its own, with its reference to the object.
    pub(super) fn store(&self) -> Result<NonNull<Region>, OutOfMemory> {
        let region = REGIONS.allocate()?.cast::<Region>();
        // SAFETY: just allocated; it stays until `discard`. The copy is in no tree.
        unsafe {
            region.copy_from_nonoverlapping(NonNull::from(self), 1);
            if let Some(object) = region.as_ref().object() {
                object.attach(region.as_ptr());
            }
        }
        Ok(region)
    }

    /// Frees a region that is in no tree, with its reference to the object.
    ///
    /// # Safety
    /// `region` came from `store`, and nobody uses it any more.
    pub(super) unsafe fn discard(region: NonNull<Region>) {
        // SAFETY: as the caller promises; a stored region is attached and holds a reference.
        unsafe {
            let object = region.as_ref().object();
            object.inspect(|object| object.detach(region.as_ptr()));
            let object = object.map(NonNull::from);
            REGIONS.free(region);
            object.inspect(|object| MemoryObject::release(*object));
        }
    }
}

crate::described! {
    /// The regions of one space.
    pub struct Regions {
        tree: Tree,
        /// The region that was found or made last, or null.
        last: *mut Region,
    }
    tree: pointer("veridian_kernel::sched::tree::Node").tree(&[
        Name::role(3, "left"),
        Name::role(4, "right"),
        Name::inside("veridian_kernel::mm::region::Region", "node"),
    ])
}

impl Regions {
    /// None.
    pub const fn new() -> Regions {
        Regions {
            tree: Tree::new(),
            last: null_mut(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.tree.len()
    }

    /// The last region that begins at or below `address`, and the one behind it. Where one ends at
    /// `address` and another begins there, either may be the first of the two.
    fn around(&mut self, address: u64) -> (*mut Region, *mut Region) {
        // SAFETY: nodes of the tree are the first fields of valid regions; `last` is null or one.
        unsafe {
            let mut below = self.last;
            if below.is_null() || !((*below).start..=(*below).end).contains(&address) {
                below = self.tree.last_at_or_below(address) as *mut Region;
            }
            if below.is_null() {
                return (below, self.tree.first() as *mut Region);
            }
            self.last = below;
            (below, Tree::next(below as *mut Node) as *mut Region)
        }
    }

    /// The first region that ends behind `address`: it holds the address, or lies above.
    pub fn at_or_above(&mut self, address: u64) -> Option<&mut Region> {
        let (below, above) = self.around(address);
        // SAFETY: both are null or regions of the tree, which are ours with the tree.
        unsafe {
            let below = below.as_mut().filter(|region| region.end > address);
            below.or(above.as_mut())
        }
    }

    /// The region that holds `address`.
    pub fn find(&mut self, address: u64) -> Option<&mut Region> {
        let holds =
            |region: &&mut Region| address.wrapping_sub(region.start) < region.end - region.start;
        // SAFETY: `last` is null or a region of the tree, whose nodes are the first fields of regions.
        unsafe {
            if let Some(last) = self.last.as_mut().filter(holds) {
                return Some(last);
            }
            let below = self.tree.last_at_or_below(address) as *mut Region;
            let found = below.as_mut().filter(holds)?;
            self.last = below;
            Some(found)
        }
    }

    /// Whether no region touches `start..end`; with it the region that ends at `start`, if one does.
    pub fn room(&mut self, start: u64, end: u64) -> (bool, Option<&mut Region>) {
        let (below, above) = self.around(start);
        // SAFETY: both are null or regions of the tree, which are ours with the tree.
        unsafe {
            let free = below.as_ref().is_none_or(|region| region.end <= start)
                && above.as_ref().is_none_or(|region| region.start >= end);
            (free, below.as_mut().filter(|region| region.end == start))
        }
    }

    /// The lowest free range of `len` bytes at or above `from` and below `limit`, aligned.
    pub fn gap(&mut self, from: u64, limit: u64, len: u64, align: u64) -> Option<u64> {
        let mut at = from.next_multiple_of(align);
        while at.checked_add(len)? <= limit {
            let next = self.at_or_above(at).filter(|r| r.start < at + len);
            let Some(region) = next else {
                return Some(at);
            };
            at = region.end.next_multiple_of(align);
        }
        None
    }

    /// Inserts a stored region; the range is free.
    pub(super) fn insert(&mut self, region: NonNull<Region>) -> &mut Region {
        self.last = region.as_ptr();
        // SAFETY: a stored region is valid and stays in place until it is removed.
        unsafe {
            self.tree
                .insert(region.as_ptr() as *mut Node, region.as_ref().start);
            &mut *self.last
        }
    }

    /// Takes out the region that holds `address`; it is to be discarded.
    pub(super) fn remove(&mut self, address: u64) -> Option<NonNull<Region>> {
        let region = self.find(address).map(NonNull::from)?;
        self.last = null_mut();
        // SAFETY: the region is in this tree.
        unsafe { self.tree.remove(region.as_ptr() as *mut Node) };
        Some(region)
    }
}

// SAFETY: the tree's nodes are guarded by the space's lock.
unsafe impl Send for Regions {}
