//! Fork: a copy of an address space that shares its frames until one side writes.

use veridian_abi::Error;

use super::frames;
use super::object::MemoryObject;
use super::page_table::Place;
use super::region::{Region, RegionKind};
use super::vas::AddressSpace;
use super::{MapFlags, VirtAddr, tlb};
use crate::arch::paging::Entry;
use crate::cap::{Rights, Space};
use crate::sched::preemption_point;

/// Pages that one step handles.
const STEP: usize = 32;

impl AddressSpace {
    /// Copies every promise into `child`, an empty space, and shares the pages copy-on-write. On
    /// failure the child has a part of them and is to be released.
    pub fn fork_into(&self, child: &AddressSpace) -> Result<(), Error> {
        let mut at = Some(0);
        while let Some(from) = at {
            at = self.fork_step(child, from)?;
            preemption_point();
        }
        Ok(())
    }

    /// Binds what was copied from the memory of a process with the capabilities `parent` to their copies
    /// in `child`, and takes away what those do not allow.
    pub fn rebind(&self, parent: &Space, child: &Space) -> Result<(), Error> {
        let mut at = 0;
        loop {
            let mut inner = self.inner.lock();
            let Some(region) = inner.regions.at_or_above(at) else {
                return Ok(());
            };
            let (start, len) = (VirtAddr(region.start), region.end - region.start);
            at = region.end;
            let Some((binding, rights)) = region.binding.inherited(parent, child) else {
                continue;
            };
            // SAFETY: what was mapped through a capability maps an object.
            unsafe { MemoryObject::bind(region, binding) };
            let mut flags = region.flags;
            if !rights.contains(Rights::WRITE) {
                region.limit -= MapFlags::WRITE;
                flags -= MapFlags::WRITE;
            }
            let less = flags != region.flags;
            drop(inner);
            // A sweep finds the mapping from now on; one that was before did not.
            if !binding.is_live() || less && self.protect(start, len, flags).is_err() {
                self.unmap(start, len)?;
            }
            preemption_point();
        }
    }

    /// Copies one region, or a batch of its pages; returns where to go on.
    fn fork_step(&self, child: &AddressSpace, at: u64) -> Result<Option<u64>, Error> {
        let mut guards = (self.inner.lock(), child.inner.lock_same_rank());
        let (parent, copy) = (&mut *guards.0, &mut *guards.1);
        let region = parent.regions.at_or_above(at);
        if let Some(made) = copy.regions.find(at) {
            // Where the parent changed since the last step, the promise ends.
            let same = |r: &&mut Region| r.start <= at && r.promises_as(made);
            if !region.as_ref().is_some_and(same) {
                made.end = at;
            }
        }
        let Some(region) = region else {
            return Ok(None);
        };
        if region.closing {
            return Ok(Some(region.end));
        }
        let from = at.max(region.start);
        if copy.regions.find(from).is_none() {
            let part = region.part(from, region.end, child).store()?;
            copy.regions.insert(part);
        }
        // Whether a page of the parent became read-only.
        let mut reduced = false;
        let (mut left, mut result) = (STEP, Ok(true));
        let mut share = |address, level, place: Place, _: &_| {
            if left == 0 {
                return false;
            }
            left -= 1;
            let entry = place.get();
            let mut flags = entry.flags(level);
            if region.kind == RegionKind::Anonymous && flags.contains(MapFlags::WRITE) {
                flags = (flags - MapFlags::WRITE) | MapFlags::COW;
                place.set(Entry::leaf(entry.address(), flags, level));
                reduced = true;
            }
            result = copy.tables.map(address, level, entry.address(), flags);
            if result == Ok(true) && region.is_counted() {
                frames::retain(entry.address());
            }
            result == Ok(true)
        };
        let reached = parent.tables.visit(from, region.end, &mut share);
        if reduced {
            tlb::flush(self, 0, u64::MAX);
        }
        result?;
        Ok(Some(reached))
    }
}
