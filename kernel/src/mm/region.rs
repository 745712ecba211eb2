//! Regions: what an address space has promised for a range of addresses.
//!
//! A region says what a fault in it gets; the page tables hold what faults have brought so far.
//! Regions of a space do not overlap and are kept in a tree by start address.

use core::ptr::{NonNull, null_mut};

use super::heap::Cache;
use super::object::MemoryObject;
use super::vas::AddressSpace;
use super::{MapFlags, OutOfMemory};
use crate::cap::Binding;
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
        /// The object's frame until the first store, then a copy of its own.
        Private,
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
        /// The largest leaf that may be used.
        pub level: u8,
        /// What `protect` may allow at most.
        pub limit: MapFlags,
        /// Being removed: faults fail.
        pub closing: bool,
        /// The object, or null.
        pub object: *mut MemoryObject,
        /// Offset in the object of `start`.
        pub offset: u64,
        /// The capability it was mapped through; when that dies, so does the mapping.
        pub binding: Binding,
        /// The space it is in.
        pub space: *const AddressSpace,
        pub(super) next_of_object: *mut Region,
        pub(super) previous_of_object: *mut Region,
    }
}

static REGIONS: Cache<Region> = Cache::new("region");

impl Region {
    /// A region that is in no space yet.
    pub const fn new(start: u64, end: u64, flags: MapFlags, kind: RegionKind) -> Region {
        Region {
            node: Node::new(),
            start,
            end,
            flags,
            kind,
            level: 0,
            limit: flags,
            closing: false,
            object: null_mut(),
            offset: 0,
            binding: Binding::KERNEL,
            space: core::ptr::null(),
            next_of_object: null_mut(),
            previous_of_object: null_mut(),
        }
    }

    /// A copy of what the region promises, for `start..end` of it, in `space`.
    pub(super) fn part(&self, start: u64, end: u64, space: *const AddressSpace) -> Region {
        Region {
            level: self.level,
            limit: self.limit,
            closing: self.closing,
            object: self.object,
            offset: self.offset + (start - self.start),
            binding: self.binding,
            space,
            ..Region::new(start, end, self.flags, self.kind)
        }
    }

    /// Whether both promise the same for the addresses that they share.
    pub(super) fn promises_as(&self, other: &Region) -> bool {
        let here = self.offset.wrapping_sub(self.start) == other.offset.wrapping_sub(other.start);
        self.flags == other.flags
            && self.kind == other.kind
            && self.object == other.object
            && (self.object.is_null() || here && self.binding == other.binding)
            && self.level == other.level
            && self.limit == other.limit
            && self.closing == other.closing
    }

    /// Whether `next`, which is in no tree yet, could be the rest of this region.
    #[inline]
    pub(super) fn continues(&self, next: &Region) -> bool {
        self.end == next.start && self.promises_as(next) && self.kind != RegionKind::Guard
    }

    /// The object.
    #[inline]
    pub fn object(&self) -> Option<&MemoryObject> {
        // SAFETY: a region holds a reference to its object.
        unsafe { self.object.as_ref() }
    }

    /// Puts a copy of the region into memory of its own, with its reference to the object.
    pub(super) fn store(&self) -> Result<NonNull<Region>, OutOfMemory> {
        let region = REGIONS.allocate()?.cast::<Region>();
        // SAFETY: just allocated; it stays until `discard`. The copy is in no tree.
        unsafe {
            region.copy_from_nonoverlapping(NonNull::from(self), 1);
            if let Some(object) = region.as_ref().object() {
                object.retain();
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
            let object = NonNull::new(region.as_ref().object);
            if let Some(object) = object {
                object.as_ref().detach(region.as_ptr());
            }
            REGIONS.free(region);
            if let Some(object) = object {
                MemoryObject::release(object);
            }
        }
    }
}

crate::described! {
    /// The regions of one space.
    #[repr(C)]
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

    /// The first region that ends behind `address`: it holds the address, or lies above.
    #[inline]
    pub fn at_or_above(&self, address: u64) -> Option<NonNull<Region>> {
        let below = self.tree.last_at_or_below(address) as *mut Region;
        // SAFETY: nodes of the tree are the first fields of valid regions.
        unsafe {
            if below.is_null() {
                return NonNull::new(self.tree.first() as *mut Region);
            }
            if (*below).end > address {
                return NonNull::new(below);
            }
            NonNull::new(Tree::next(below as *mut Node) as *mut Region)
        }
    }

    /// The region that holds `address`.
    #[inline]
    pub fn find(&mut self, address: u64) -> Option<NonNull<Region>> {
        // SAFETY: nodes of the tree are the first fields of valid regions; `last` is null or one.
        unsafe {
            let last = self.last;
            if !last.is_null() && address.wrapping_sub((*last).start) < (*last).end - (*last).start
            {
                return Some(NonNull::new_unchecked(last));
            }
            let region = self.tree.last_at_or_below(address) as *mut Region;
            if region.is_null() || (*region).end <= address {
                return None;
            }
            self.last = region;
            Some(NonNull::new_unchecked(region))
        }
    }

    /// The region that was found or made last, if it ends at `start` and the page there is free.
    #[inline]
    pub(super) fn growing(&mut self, start: u64, page: u64) -> Option<&mut Region> {
        // SAFETY: `last` is null or a region of the tree.
        unsafe {
            let last = self
                .last
                .as_mut()
                .filter(|last| last.end == start && !last.closing)?;
            let above = Tree::next(&raw mut last.node) as *mut Region;
            (above.is_null() || (*above).start >= start + page).then_some(last)
        }
    }

    /// Whether no region touches `start..end`; with it the region that ends at `start`, if one does.
    #[inline]
    pub fn room(&mut self, start: u64, end: u64) -> (bool, Option<NonNull<Region>>) {
        // SAFETY: as in `find`.
        unsafe {
            let mut below = self.last;
            if below.is_null() || (*below).end != start {
                below = self.tree.last_at_or_below(start) as *mut Region;
            }
            if below.is_null() {
                let above = self.tree.first() as *mut Region;
                return (above.is_null() || (*above).start >= end, None);
            }
            self.last = below;
            let above = Tree::next(below as *mut Node) as *mut Region;
            let free = (*below).end <= start && (above.is_null() || (*above).start >= end);
            (
                free,
                NonNull::new(below).filter(|r| r.as_ref().end == start),
            )
        }
    }

    /// The lowest free range of `len` bytes at or above `from` and below `limit`, aligned.
    pub fn gap(&self, from: u64, limit: u64, len: u64, align: u64) -> Option<u64> {
        let mut at = from.next_multiple_of(align);
        loop {
            if at.checked_add(len)? > limit {
                return None;
            }
            match self.at_or_above(at) {
                // SAFETY: regions of the tree are valid.
                Some(r) if unsafe { r.as_ref().start } < at + len => {
                    // SAFETY: as above.
                    at = unsafe { r.as_ref().end }.next_multiple_of(align);
                }
                _ => return Some(at),
            }
        }
    }

    /// Inserts a region; the range is free.
    pub(super) fn insert(&mut self, region: NonNull<Region>) {
        self.last = region.as_ptr();
        // SAFETY: a stored region is valid and stays in place until it is removed.
        unsafe {
            self.tree
                .insert(region.as_ptr() as *mut Node, region.as_ref().start)
        };
    }

    /// Takes a region out.
    pub(super) fn remove(&mut self, region: NonNull<Region>) {
        self.last = null_mut();
        // SAFETY: the region is in this tree.
        unsafe { self.tree.remove(region.as_ptr() as *mut Node) };
    }
}

// SAFETY: the tree's nodes are guarded by the space's lock.
unsafe impl Send for Regions {}
