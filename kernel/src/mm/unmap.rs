//! Removing and reducing mappings.
//!
//! What is to go is marked as closing first: from then on faults in it fail, and whoever marked it
//! empties it, batch by batch. Each batch is flushed everywhere before its frames are given up.

use veridian_abi::Error;

use super::fault::sync_code;
use super::object::MemoryObject;
use super::page_table::{Batch, Place};
use super::region::{Region, RegionKind};
use super::tlb::{self, shadow};
use super::vas::{AddressSpace, check_range};
use super::{MapFlags, VirtAddr};
use crate::arch::paging::Entry;
use crate::sched::preemption_point;

/// Bounds of a region that is closing, and whether the caller was the first to mark it.
type Closed = (u64, u64, bool);

impl AddressSpace {
    /// Removes what is mapped in a range. When it returns, no CPU can use it any more.
    pub fn unmap(&self, at: VirtAddr, len: u64) -> Result<(), Error> {
        let end = self.carve(at.0, len)?;
        let mut from = at.0;
        while let Some((start, stop, first)) = self.close(from, |r| r.start < end) {
            if first {
                self.remove(start, stop, true);
                from = stop;
            } else {
                // Somebody else is removing it; it is gone when its region is.
                crate::lock::spin();
                preemption_point();
            }
        }
        Ok(())
    }

    /// Removes the region at `start` if it maps `object`, and through a capability that is gone
    /// unless `all` go.
    pub(super) fn unmap_object(&self, start: u64, object: &MemoryObject, all: bool) {
        let dead = |r: &Region| {
            let here = r.start <= start && core::ptr::eq(r.object, object);
            here && (all || !r.binding.is_live()) && !r.closing
        };
        if let Some((start, end, _)) = self.close(start, dead) {
            self.remove(start, end, true);
        }
    }

    /// Marks the first region at or above `from` as closing, if it is `wanted`: its bounds, and
    /// whether this was the first to mark it, who is to remove it.
    pub(super) fn close(&self, from: u64, wanted: impl Fn(&Region) -> bool) -> Option<Closed> {
        let mut inner = self.inner.lock();
        let region = inner.regions.at_or_above(from).filter(|r| wanted(r))?;
        let first = !core::mem::replace(&mut region.closing, true);
        Some((region.start, region.end, first))
    }

    /// Empties the region `start..end` that the caller has marked as closing, and discards it.
    pub(super) fn remove(&self, start: u64, end: u64, flush: bool) {
        let mut at = start;
        loop {
            let mut guard = self.inner.lock();
            let inner = &mut *guard;
            let Some(region) = inner.regions.find(start) else {
                return;
            };
            let mut batch = Batch::default();
            at = inner.tables.clear(at, end, &mut batch);
            let forget = |from, to| {
                if flush {
                    shadow!(removed(self, &batch.leaves));
                    tlb::flush(self, from, to);
                }
            };
            batch.give_up(forget, |frame| region.drop_frame(frame));
            if at < end {
                drop(guard);
                preemption_point();
                continue;
            }
            let region = inner.regions.remove(start);
            drop(guard);
            // SAFETY: it is out of the tree, so nobody finds it any more.
            return unsafe { region.into_iter().for_each(|r| Region::discard(r)) };
        }
    }

    /// Checks a range and makes regions and leaves end at its bounds. Returns its end.
    fn carve(&self, start: u64, len: u64) -> Result<u64, Error> {
        let end = check_range(start, len)?;
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        for bound in [start, end] {
            let Some(region) = inner.regions.find(bound) else {
                continue;
            };
            if region.start != bound && !region.closing {
                let flush = |from, to| tlb::flush(self, from, to);
                inner.tables.split(bound, flush)?;
                let upper = region.part(bound, region.end, self).store()?;
                region.end = bound;
                inner.regions.insert(upper);
            }
        }
        Ok(end)
    }

    /// Changes what a range allows. All of it must be mapped, and what was mapped from an object
    /// may not allow more than it did then.
    pub fn protect(&self, at: VirtAddr, len: u64, flags: MapFlags) -> Result<(), Error> {
        if flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) {
            return Err(Error::WriteExecute);
        }
        let changed = MapFlags::READ | MapFlags::WRITE | MapFlags::EXECUTE;
        let flags = (flags & changed) | MapFlags::READ;
        let end = self.carve(at.0, len)?;
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let mut check = at.0;
        while check < end {
            let region = inner.regions.find(check).ok_or(Error::NotFound)?;
            if region.closing || region.kind == RegionKind::Guard {
                return Err(Error::NotFound);
            }
            if !region.limit.contains(flags) {
                return Err(Error::MissingRight);
            }
            check = region.end;
        }
        let mut from = at.0;
        while let Some(region) = inner.regions.find(from).filter(|_| from < end) {
            region.flags = (region.flags - changed) | flags;
            let mut change = |_, level, place: Place, _: &_| {
                let entry = place.get();
                let mut new = region.flags;
                let more = new - entry.flags(level);
                // A page of the space's own may be shared since a fork: its first store decides.
                if region.kind == RegionKind::Anonymous && more.contains(MapFlags::WRITE) {
                    new = (new - MapFlags::WRITE) | MapFlags::COW;
                }
                if new.contains(MapFlags::EXECUTE) {
                    sync_code(entry.address(), level);
                }
                place.set(Entry::leaf(entry.address(), new, level));
                true
            };
            inner.tables.visit(from, region.end, &mut change);
            from = region.end;
        }
        tlb::flush(self, at.0, end);
        Ok(())
    }
}
