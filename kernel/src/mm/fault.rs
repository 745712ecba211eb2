//! Page faults: keeping the promises of an address space.

use core::sync::atomic::Ordering::Relaxed;

use veridian_abi::Error;

use super::frame_info::{CODE_SYNCED, info};
use super::page_table::{PageTable, size};
use super::region::{Region, RegionKind};
use super::tlb::{self, shadow};
use super::vas::{AddressSpace, Inner, PAGE};
use super::{MapFlags, PAGE_SIZE, PhysAddr, VirtAddr, frames, pieces};
use crate::arch::cpu;
use crate::arch::layout::USER_END;
use crate::arch::paging::{self, Entry};

/// What an instruction tried to do with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Load.
    Read,
    /// Store, or an atomic operation.
    Write,
    /// Instruction fetch.
    Execute,
}

/// The frame behind a page that a fault brought.
type Brought = Result<PhysAddr, Error>;

/// Resolves a fault at a user address in the space of the current thread, whether user code or a
/// copy to or from user memory met it.
#[inline]
pub fn user_fault(address: u64, access: Access) -> Result<(), Error> {
    if address >= USER_END {
        return Err(Error::NotFound);
    }
    // SAFETY: the current thread holds a reference to the space that its CPU has active.
    let space = unsafe { tlb::current() }.ok_or(Error::NotFound)?;
    space.handle_fault(address, access)
}

impl AddressSpace {
    /// Resolves a fault at `address`: makes a page that was promised, or copies one.
    #[inline]
    pub fn handle_fault(&self, address: u64, access: Access) -> Result<(), Error> {
        let need = [MapFlags::READ, MapFlags::WRITE, MapFlags::EXECUTE][access as usize];
        let mut inner = self.inner.lock();
        self.resolve(&mut inner, address, need, false).map(|_| ())
    }

    /// Brings the page at `address` for what `need` says; with `force` a page of the space's own
    /// for the kernel to write, whatever user code may do with it.
    fn resolve(&self, inner: &mut Inner, address: u64, need: MapFlags, force: bool) -> Brought {
        let region = inner.regions.find(address).ok_or(Error::NotFound)?;
        let forced = force && region.kind == RegionKind::Anonymous;
        if region.closing || !(region.flags.contains(need) || forced) {
            return Err(match region.kind {
                _ if region.closing => Error::NotFound,
                RegionKind::Guard => Error::BadAddress,
                _ => Error::MissingRight,
            });
        }
        let page = address & !(PAGE - 1);
        let Some((place, level)) = inner.tables.find(page) else {
            return inner.tables.populate(region, page);
        };
        let entry = place.get();
        if !entry.flags(level).contains(need) && need == MapFlags::WRITE {
            return self.copy_on_write(&mut inner.tables, region, page);
        }
        // Another CPU resolved it meanwhile, or this one remembered what was here before.
        paging::flush_page(page, self.tlb.asid);
        Ok(entry.address().offset(page & (size(level) - 1)))
    }

    /// Makes the space's own page at `page`, which is present, writable: in place if nobody shares
    /// its frame.
    fn copy_on_write(&self, tables: &mut PageTable, region: &Region, page: u64) -> Brought {
        let (place, _) = tables.find(page).ok_or(Error::NotFound)?;
        let old = place.get().address();
        if frames::references(old) == 1 {
            place.set(Entry::leaf(old, region.flags, 0));
            paging::flush_page(page, self.tlb.asid);
            return Ok(old);
        }
        let new = frames::allocate_copy(old)?;
        place.set(Entry::EMPTY);
        shadow!(removed(self, &[(page, old, 0)]));
        tlb::flush(self, page, page + PAGE);
        if region.flags.contains(MapFlags::EXECUTE) {
            sync_code(new, 0);
        }
        place.set(Entry::leaf(new, region.flags, 0));
        paging::publish();
        region.drop_frame(old);
        Ok(new)
    }

    /// Copies bytes into the space, whatever its pages allow to user code; for loading programs.
    pub fn write(&self, at: VirtAddr, bytes: &[u8]) -> Result<(), Error> {
        at.0.checked_add(bytes.len() as u64)
            .ok_or(Error::NotFound)?;
        for (at, range) in pieces(at.0, bytes.len()) {
            let mut inner = self.inner.lock();
            let frame = self.resolve(&mut inner, at, MapFlags::WRITE, true)?;
            let (from, target) = (&bytes[range], frame.offset(at % PAGE).as_ptr::<u8>());
            // SAFETY: the piece lies in a page of the space, whose lock is held.
            unsafe { target.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
            if forget_code(frame) {
                sync_code(frame, 0);
            }
        }
        Ok(())
    }

    /// Copies bytes out of the space.
    #[cfg(any(test, feature = "ktest"))]
    pub fn read(&self, at: VirtAddr, bytes: &mut [u8]) -> Result<(), Error> {
        at.0.checked_add(bytes.len() as u64)
            .ok_or(Error::NotFound)?;
        for (at, range) in pieces(at.0, bytes.len()) {
            let mut inner = self.inner.lock();
            let frame = self.resolve(&mut inner, at, MapFlags::READ, true)?;
            let (into, from) = (&mut bytes[range], frame.offset(at % PAGE).as_ptr::<u8>());
            // SAFETY: as in `write`.
            unsafe { from.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
        }
        Ok(())
    }
}

impl PageTable {
    /// Brings the page at `page`, which is not present, by the largest leaf that the region allows.
    #[inline]
    pub(super) fn populate(&mut self, region: &Region, page: u64) -> Brought {
        for level in (0..=region.largest_leaf()).rev() {
            let start = page & !(size(level) - 1);
            if start < region.start || start + size(level) > region.end {
                continue;
            }
            let frame = region.take_frame(start)?;
            if frame.0 % size(level) != 0 {
                continue;
            }
            if region.flags.contains(MapFlags::EXECUTE) {
                sync_code(frame, level);
            }
            match self.map(start, level, frame, region.flags) {
                Ok(true) => {
                    paging::publish();
                    return Ok(frame.offset(page - start));
                }
                // Smaller pages are there already, or there is no memory for a table.
                other => {
                    region.drop_frame(frame);
                    other?;
                }
            }
        }
        Err(Error::NotFound)
    }
}

/// Notes that the kernel has written to a frame; whether instruction caches had seen it before.
pub(super) fn forget_code(frame: PhysAddr) -> bool {
    let synced = |info: &super::frame_info::FrameInfo| info.tag.fetch_and(!CODE_SYNCED, Relaxed);
    info(frame.frame()).is_some_and(|info| synced(info) & CODE_SYNCED != 0)
}

/// Makes instruction fetches see what was stored to the frames of a leaf.
pub(super) fn sync_code(address: PhysAddr, level: usize) {
    for offset in (0..size(level)).step_by(PAGE_SIZE) {
        let at = address.offset(offset);
        let known = info(at.frame());
        if known.is_none_or(|i| i.tag.fetch_or(CODE_SYNCED, Relaxed) & CODE_SYNCED == 0) {
            cpu::sync_instruction_cache(at.as_ptr::<u8>() as u64, PAGE_SIZE);
        }
    }
}
