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
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, fence};

use super::vas::AddressSpace;
use super::{PAGE_SIZE, PhysAddr};
use crate::arch::paging::{self, BROADCAST_FLUSH};
use crate::arch::{cpu, ipi};
use crate::lock::{Rank, SpinLock};
use crate::percpu::{self, MAX_CPUS, PerCpu};

/// Bit in `PerCpu::ipi_pending`: a request waits in `service`.
pub const IPI_TLB: u32 = 1 << 31;
/// More pages than this are flushed as a whole space.
const MOST_PAGES: u64 = 16;
/// Pseudo number: translations of the kernel, which every CPU may have.
pub(super) const KERNEL: u32 = 1 << 16;
/// Pseudo number: everything.
pub(super) const EVERYTHING: u32 = 2 << 16;

crate::described! {
    /// What a space needs for switching and flushing.
    #[repr(C)]
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
        let asid = allocate_number();
        // Who shares number 0 flushes at every switch.
        let stale = if asid == 0 && tagged() { u64::MAX } else { 0 };
        SpaceTlb {
            root_register: paging::root_register(root, asid),
            asid,
            stale: AtomicU64::new(stale),
        }
    }
}

/// Address-space numbers, one bit each.
struct Numbers {
    used: [u64; 1024],
    /// Those of `used` whose space is gone.
    retired: [u64; 1024],
    any_retired: bool,
    next: u32,
}

static NUMBERS: SpinLock<Numbers> = SpinLock::new(
    Rank::Frames,
    Numbers {
        used: [0; 1024],
        retired: [0; 1024],
        any_retired: false,
        next: 1,
    },
);
static COUNT: AtomicU32 = AtomicU32::new(1);

/// Whether translations carry a number.
#[inline]
pub fn tagged() -> bool {
    COUNT.load(Relaxed) > 1
}

/// Asks the CPU how many numbers it has.
pub(super) fn init() {
    COUNT.store(paging::asid_count().clamp(1, 1 << 16), Relaxed);
}

fn allocate_number() -> u16 {
    let count = COUNT.load(Relaxed);
    if count == 1 {
        return 0;
    }
    loop {
        let mut numbers = NUMBERS.lock();
        let words = count as usize / 64;
        let first = numbers.next as usize / 64 % words;
        for word in (first..words).chain(0..first) {
            let reserved = (word == 0) as u64;
            let free = !(numbers.used[word] | reserved);
            if free != 0 {
                let number = word as u32 * 64 + free.trailing_zeros();
                numbers.used[word] |= free & free.wrapping_neg();
                numbers.next = number;
                shadow::number_given(number as u16);
                return number as u16;
            }
        }
        if !numbers.any_retired {
            return 0;
        }
        // Every CPU forgets everything; then the retired numbers are as good as new.
        numbers.any_retired = false;
        let retired = core::mem::replace(&mut numbers.retired, [0; 1024]);
        drop(numbers);
        flush_local(EVERYTHING, 0, u64::MAX);
        flush_others(percpu::online_mask(), EVERYTHING, 0, u64::MAX);
        let mut numbers = NUMBERS.lock();
        for (used, retired) in numbers.used.iter_mut().zip(retired) {
            *used &= !retired;
        }
    }
}

/// Makes `space` the one that user addresses of this CPU mean.
#[inline]
pub fn switch_to(space: &AddressSpace) {
    let cpu = cpu::current();
    let new = core::ptr::from_ref(space).cast_mut();
    if cpu.space.load(Relaxed) == new {
        return;
    }
    cpu.space.store(new, Relaxed);
    if !BROADCAST_FLUSH {
        fence(SeqCst);
        let stale = &space.tlb.stale;
        if stale.load(Relaxed) & cpu.bit() != 0 {
            refresh(cpu, space);
        }
    } else if space.tlb.asid == 0 {
        flush_local(0, 0, u64::MAX);
    }
    shadow::switched(cpu, space.tlb.asid);
    // SAFETY: the space is alive while it is in the register: `retire` makes CPUs leave first.
    unsafe { paging::write_root(space.tlb.root_register) };
}

#[cold]
fn refresh(cpu: &PerCpu, space: &AddressSpace) {
    if space.tlb.asid != 0 {
        space.tlb.stale.fetch_and(!cpu.bit(), SeqCst);
    }
    flush_local(space.tlb.asid as u32, 0, u64::MAX);
}

/// The space that user addresses of this CPU mean.
///
/// # Safety
/// The caller must know that the space stays alive: it is the current thread's.
#[inline]
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
    shadow::switched(cpu, 0);
}

/// Forgets `start..end` of a space on every CPU.
#[inline]
pub fn flush(space: &AddressSpace, start: u64, end: u64) {
    let cpu = cpu::current();
    let asid = space.tlb.asid as u32;
    let this = core::ptr::from_ref(space).cast_mut();
    if BROADCAST_FLUSH || tagged() || cpu.space.load(Relaxed) == this {
        flush_local(asid, start, end);
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
    shadow::deferred(others & !active, asid, start, end);
    if active != 0 {
        flush_others(active, asid, start, end);
        if asid != 0 {
            space.tlb.stale.fetch_and(!active, SeqCst);
        }
    }
}

/// Forgets all of a space on every CPU.
pub fn flush_space(space: &AddressSpace) {
    flush(space, 0, u64::MAX);
}

/// Forgets `start..end` of the kernel's half on every CPU.
pub fn flush_kernel(start: u64, end: u64) {
    flush_local(KERNEL, start, end);
    if !BROADCAST_FLUSH {
        flush_others(
            percpu::online_mask() & !cpu::current().bit(),
            KERNEL,
            start,
            end,
        );
    }
}

/// Makes every CPU leave a space that nobody will enter again, and retires its number.
pub(super) fn retire(space: &AddressSpace) {
    let this = core::ptr::from_ref(space).cast_mut();
    let cpu = cpu::current();
    if cpu.space.load(Relaxed) == this {
        leave_as(cpu);
    }
    fence(SeqCst);
    let active = holders(percpu::online_mask() & !cpu.bit(), this);
    if active != 0 {
        request(active, EVERYTHING, 0, 0, this);
    }
    let number = space.tlb.asid as usize;
    if number != 0 {
        let mut numbers = NUMBERS.lock();
        numbers.retired[number / 64] |= 1 << (number % 64);
        numbers.any_retired = true;
        shadow::number_retired(number as u16);
    }
}

/// The CPUs of `mask` that have `space` in their register.
#[inline]
fn holders(mask: u64, space: *mut AddressSpace) -> u64 {
    let holds = |cpu: &&PerCpu| cpu.space.load(Relaxed) == space;
    percpu::cpus(mask)
        .filter(holds)
        .fold(0, |mask, cpu| mask | cpu.bit())
}

fn flush_local(asid: u32, start: u64, end: u64) {
    flush_as(cpu::current(), asid, start, end);
}

fn flush_as(cpu: &PerCpu, asid: u32, start: u64, end: u64) {
    if asid == EVERYTHING || asid == KERNEL && end - start > MOST_PAGES * PAGE_SIZE as u64 {
        paging::flush_all();
    } else if end - start > MOST_PAGES * PAGE_SIZE as u64 {
        paging::flush_space(asid as u16);
    } else {
        let pages = (start..end).step_by(PAGE_SIZE);
        pages.for_each(|page| paging::flush_page(page, asid as u16));
    }
    let cpus = if BROADCAST_FLUSH { u64::MAX } else { cpu.bit() };
    shadow::flushed(cpus, asid, start, end);
}

/// Makes other CPUs flush, and waits until they have.
fn flush_others(cpus: u64, asid: u32, start: u64, end: u64) {
    let cpus = cpus & !cpu::current().bit();
    if cpus == 0 || BROADCAST_FLUSH && asid == EVERYTHING {
        return;
    }
    if asid < KERNEL && paging::remote_flush(cpus, start, end, asid as u16) {
        shadow::flushed(cpus, asid, start, end);
    } else {
        request(cpus, asid, start, end, null_mut());
    }
}

/// What one CPU asks of others.
#[repr(C, align(64))]
struct Request {
    /// CPUs that have not answered yet. Written last, so it guards the rest.
    pending: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    asid: AtomicU32,
    /// The space to leave, instead of a flush.
    leave: AtomicPtr<AddressSpace>,
}

static REQUESTS: [Request; MAX_CPUS] = [const {
    Request {
        pending: AtomicU64::new(0),
        start: AtomicU64::new(0),
        end: AtomicU64::new(0),
        asid: AtomicU32::new(0),
        leave: AtomicPtr::new(null_mut()),
    }
}; MAX_CPUS];

fn request(cpus: u64, asid: u32, start: u64, end: u64, leave: *mut AddressSpace) {
    let request = &REQUESTS[cpu::current().number()];
    request.start.store(start, Relaxed);
    request.end.store(end, Relaxed);
    request.asid.store(asid, Relaxed);
    request.leave.store(leave, Relaxed);
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

/// Answers what other CPUs ask of this one.
#[inline]
pub fn service() {
    service_as(cpu::current());
}

/// Answers in the name of `cpu`, which is this one (the host's tests play several).
pub(crate) fn service_as(cpu: &PerCpu) {
    for request in &REQUESTS {
        if request.pending.load(Acquire) & cpu.bit() == 0 {
            continue;
        }
        let leave = request.leave.load(Relaxed);
        if leave.is_null() {
            let (start, end) = (request.start.load(Relaxed), request.end.load(Relaxed));
            flush_as(cpu, request.asid.load(Relaxed), start, end);
        } else if cpu.space.load(Relaxed) == leave {
            leave_as(cpu);
        }
        request.pending.fetch_and(!cpu.bit(), Release);
    }
}

#[cfg(any(test, feature = "checks"))]
pub(super) use super::shadow;

/// Without checks the shadow keeps nothing.
#[cfg(not(any(test, feature = "checks")))]
pub(super) mod shadow {
    use super::{AddressSpace, PerCpu, PhysAddr};

    #[inline(always)]
    pub fn removed(_: &AddressSpace, _: u64, _: usize, _: PhysAddr) {}
    #[inline(always)]
    pub fn flushed(_: u64, _: u32, _: u64, _: u64) {}
    #[inline(always)]
    pub fn deferred(_: u64, _: u32, _: u64, _: u64) {}
    #[inline(always)]
    pub fn switched(_: &PerCpu, _: u16) {}
    #[inline(always)]
    pub fn number_given(_: u16) {}
    #[inline(always)]
    pub fn number_retired(_: u16) {}
    #[inline(always)]
    pub fn check(_: u32) {}
}
