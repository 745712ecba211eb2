//! Translation caches: who may remember what, and making them forget.
//!
//! Model: each CPU's record says which space its address-space register holds (`PerCpu::space`);
//! it stays there, lazily, while the CPU runs kernel code only. Where CPUs tag translations with
//! an address-space number (ASID, PCID), a space has a number of its own and its translations
//! survive a switch; else every switch forgets all. A retired number is not given out again before
//! every CPU has flushed everything, so the end of a space costs no flush.
//!
//! To flush a space: first the entry is cleared, then (a full fence in between) the CPUs that have
//! the space in their register are made to flush and the others are marked in `stale`. A CPU that
//! switches does the reverse: it announces the space, fences, then looks at `stale`, and only then
//! walks the tables. So either it is seen and told, or it sees the mark (and the cleared entry).
//!
//! A request to other CPUs is a record per sender, answered in `service`, which the interrupt
//! handler calls and everybody who waits with interrupts off. So waiting here cannot deadlock.

use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicU64, fence};

pub(super) use super::numbers::{init, tagged};
use super::vas::AddressSpace;
use super::{PAGE_SIZE, PhysAddr, numbers};
use crate::arch::paging::{self, BROADCAST_FLUSH};
use crate::arch::{cpu, ipi};
use crate::percpu::{self, MAX_CPUS, PerCpu};

/// Tells the shadow of the translation caches what happens.
#[cfg(any(test, feature = "checks"))]
macro_rules! shadow {
    ($($what:tt)*) => { $crate::mm::shadow::$($what)* };
}
/// Without checks there is no shadow.
#[cfg(not(any(test, feature = "checks")))]
macro_rules! shadow {
    ($what:ident($($argument:expr),*)) => { let _ = ($(&$argument),*); };
}
pub(super) use shadow;

/// Bit in `PerCpu::ipi_pending`: a request waits in `service`.
pub const IPI_TLB: u32 = 1 << 31;
/// More pages than this are flushed as a whole space.
const MOST_PAGES: u64 = 16;
/// Pseudo number: translations of the kernel, which every CPU may have.
pub(super) const KERNEL: u32 = 1 << 16;
/// Pseudo number: everything.
pub(super) const EVERYTHING: u32 = 2 << 16;
/// Pseudo number: not a flush; the CPU is to leave the space whose address is `start`.
const LEAVE: u32 = 3 << 16;

crate::described! {
    /// What a space needs for switching and flushing.
    pub struct SpaceTlb {
        /// Literal value of the address-space register: CR3, TTBR0, satp.
        pub root_register: u64,
        /// Number that tags its translations; 0 is shared by those who got none.
        pub asid: u16,
        /// CPUs that must flush the number before they use the space again.
        stale: AtomicU64,
    }
}

impl SpaceTlb {
    /// For a new space with this root.
    pub(super) fn new(root: PhysAddr) -> SpaceTlb {
        let asid = numbers::take();
        // Who shares number 0 flushes at every switch, unless that does it by itself.
        let forgets = paging::SWITCH_FORGETS && !tagged();
        let stale = if asid == 0 && !forgets { u64::MAX } else { 0 };
        SpaceTlb {
            root_register: paging::root_register(root, asid),
            asid,
            stale: AtomicU64::new(stale),
        }
    }
}

/// Makes `space` the one that user addresses of this CPU mean.
pub fn switch_to(space: &AddressSpace) {
    let cpu = cpu::current();
    let new = core::ptr::from_ref(space).cast_mut();
    if cpu.space.load(Relaxed) != new && !switch_if_fresh(cpu, space) {
        let tlb = &space.tlb;
        cpu.space.store(new, SeqCst);
        if tlb.asid != 0 {
            tlb.stale.fetch_and(!cpu.bit(), SeqCst);
        }
        fence(SeqCst);
        // SAFETY: the space is alive while it is in the register: `retire` makes CPUs leave first.
        unsafe { paging::write_root(tlb.root_register) };
        Flush::all(tlb.asid.into()).on(cpu);
        shadow!(switched(cpu, tlb.asid));
    }
}

/// The same if that takes no flush: false, and nothing has changed for user addresses, if it does. Where
/// it costs no translations, the register is written even if it holds the space already.
#[inline(always)]
pub fn switch_if_fresh(cpu: &PerCpu, space: &AddressSpace) -> bool {
    let new = core::ptr::from_ref(space).cast_mut();
    if paging::SWITCH_FORGETS && cpu.space.load(Relaxed) == new {
        return true;
    }
    cpu.space.store(new, Relaxed);
    let fresh = if BROADCAST_FLUSH {
        space.tlb.asid != 0
    } else {
        fence(SeqCst);
        space.tlb.stale.load(Relaxed) & cpu.bit() == 0
    };
    if fresh {
        shadow!(switched(cpu, space.tlb.asid));
        // SAFETY: as in `switch_to`.
        unsafe { paging::write_root(space.tlb.root_register) };
    } else {
        cpu.space.store(null_mut(), Relaxed);
    }
    fresh
}

/// The space that user addresses of this CPU mean.
///
/// # Safety
/// The caller must know that the space stays alive: it is the current thread's.
pub unsafe fn current() -> Option<&'static AddressSpace> {
    // SAFETY: as the caller promises.
    unsafe { cpu::current().space.load(Relaxed).as_ref() }
}

/// Makes user addresses of this CPU mean nothing.
pub fn leave() {
    leave_as(cpu::current());
}

fn leave_as(cpu: &PerCpu) {
    cpu.space.store(null_mut(), Relaxed);
    paging::leave_user();
    shadow!(switched(cpu, 0));
}

/// Forgets `start..end` of a space on every CPU.
pub fn flush(space: &AddressSpace, start: u64, end: u64) {
    let cpu = cpu::current();
    let asid = space.tlb.asid.into();
    let flush = Flush::new(asid, start, end);
    let this = core::ptr::from_ref(space).cast_mut();
    if BROADCAST_FLUSH || tagged() || cpu.space.load(Relaxed) == this {
        flush.on(cpu);
    }
    if BROADCAST_FLUSH {
        return;
    }
    let others = percpu::online_mask() & !cpu.bit();
    if tagged() && asid != 0 {
        space.tlb.stale.fetch_or(others, SeqCst);
    }
    fence(SeqCst);
    let active = holders(others, this);
    shadow!(deferred(others & !active, asid, start, end));
    if active != 0 {
        flush.on_others(active);
        if asid != 0 {
            space.tlb.stale.fetch_and(!active, SeqCst);
        }
    }
}

/// Forgets `start..end` of the kernel's half on every CPU.
pub fn flush_kernel(start: u64, end: u64) {
    Flush::new(KERNEL, start, end).everywhere();
}

/// Makes every CPU leave a space that nobody will enter again, and retires its number.
pub(super) fn retire(space: &AddressSpace) {
    let this = core::ptr::from_ref(space).cast_mut();
    let leave = Flush::new(LEAVE, this as u64, 0);
    let cpu = cpu::current();
    leave.on(cpu);
    fence(SeqCst);
    leave.on_others(holders(percpu::online_mask() & !cpu.bit(), this));
    numbers::retire(space.tlb.asid);
}

/// The CPUs of `mask` that have `space` in their register.
fn holders(mask: u64, space: *mut AddressSpace) -> u64 {
    let holds = |cpu: &&PerCpu| cpu.space.load(Relaxed) == space;
    let found = percpu::cpus(mask).filter(holds);
    found.fold(0, |mask, cpu| mask | cpu.bit())
}

/// What a CPU is to forget: translations of `start..end` under a number.
#[derive(Clone, Copy)]
pub(super) struct Flush {
    asid: u32,
    start: u64,
    end: u64,
}

impl Flush {
    const fn new(asid: u32, start: u64, end: u64) -> Flush {
        Flush { asid, start, end }
    }

    /// All that a number tags.
    pub const fn all(asid: u32) -> Flush {
        Flush::new(asid, 0, u64::MAX)
    }

    /// Does it on `cpu`, which is this one.
    fn on(self, cpu: &PerCpu) {
        let Flush { asid, start, end } = self;
        if asid == LEAVE {
            if cpu.space.load(Relaxed) as u64 == start {
                leave_as(cpu);
            }
            return;
        }
        let many = end - start > MOST_PAGES * PAGE_SIZE as u64;
        if asid == EVERYTHING || asid == KERNEL && many {
            paging::flush_all();
        } else if many {
            paging::flush_space(asid as u16);
        } else {
            let pages = (start..end).step_by(PAGE_SIZE);
            pages.for_each(|page| paging::flush_page(page, asid as u16));
        }
        let cpus = if BROADCAST_FLUSH { u64::MAX } else { cpu.bit() };
        shadow!(flushed(cpus, asid, start, end));
    }

    /// Does it on every CPU.
    pub fn everywhere(self) {
        let cpu = cpu::current();
        self.on(cpu);
        if !BROADCAST_FLUSH {
            self.on_others(percpu::online_mask() & !cpu.bit());
        }
    }

    /// Makes other CPUs do it, and waits until they have.
    fn on_others(self, cpus: u64) {
        let Flush { asid, start, end } = self;
        if cpus == 0 {
            return;
        }
        if asid < KERNEL && paging::remote_flush(cpus, start, end, asid as u16) {
            shadow!(flushed(cpus, asid, start, end));
            return;
        }
        let request = &REQUESTS[cpu::current().number()];
        for (word, value) in request.flush.iter().zip([asid.into(), start, end]) {
            word.store(value, Relaxed);
        }
        request.pending.store(cpus, SeqCst);
        for cpu in percpu::cpus(cpus) {
            cpu.ipi_pending.fetch_or(IPI_TLB, SeqCst);
            ipi::send(cpu);
        }
        while request.pending.load(Acquire) != 0 {
            service();
            cpu::relax();
        }
    }
}

/// What one CPU asks of others.
#[repr(C, align(64))]
struct Request {
    /// CPUs that have not answered yet. Written last, so it guards the rest.
    pending: AtomicU64,
    /// A `Flush`.
    flush: [AtomicU64; 3],
}

// SAFETY: zeros are a request that nobody is to answer.
static REQUESTS: [Request; MAX_CPUS] = unsafe { core::mem::zeroed() };

/// Answers what other CPUs ask of this one.
pub fn service() {
    service_as(cpu::current());
}

/// Answers in the name of `cpu`, which is this one (the host's tests play several).
pub(crate) fn service_as(cpu: &PerCpu) {
    for request in &REQUESTS {
        if request.pending.load(Acquire) & cpu.bit() == 0 {
            continue;
        }
        let [asid, start, end] = request.flush.each_ref().map(|word| word.load(Relaxed));
        Flush::new(asid as u32, start, end).on(cpu);
        request.pending.fetch_and(!cpu.bit(), Release);
    }
}
