//! Test builds: which old translations each CPU may still have cached.
//!
//! An emulator forgets more than hardware would, so a missing flush would go unnoticed. Here every
//! removed entry is kept, with the CPUs that may remember it, until each of them has flushed; a
//! frame that is freed while one may still reach it is a panic. Likewise an address-space number
//! that is given out while a CPU may have translations of its former owner.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicU64, AtomicUsize};

use super::PhysAddr;
use super::page_table::size;
use super::tlb::{EVERYTHING, KERNEL, tagged};
use super::vas::AddressSpace;
use crate::lock::{Rank, SpinLock};
use crate::percpu::{self, MAX_CPUS, PerCpu};

/// One removed entry.
#[derive(Clone, Copy)]
struct Old {
    cpus: u64,
    asid: u16,
    start: u64,
    end: u64,
    frame: u32,
}

const CAPACITY: usize = 512;
static OLD: SpinLock<[Old; CAPACITY]> = SpinLock::new(
    Rank::Shadow,
    [Old {
        cpus: 0,
        asid: 0,
        start: 0,
        end: 0,
        frame: 0,
    }; CAPACITY],
);
/// How many entries are in use; 0 makes `check` cheap.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Numbers of which each CPU may have translations.
static SEEN: [[AtomicU64; 1024]; MAX_CPUS] =
    [const { [const { AtomicU64::new(0) }; 1024] }; MAX_CPUS];
/// Numbers that no CPU uses and none gets before everything was flushed: what is remembered under
/// them reaches nothing.
static RETIRED: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];
/// Frames that were checked while old translations existed.
pub static CHECKED: AtomicU64 = AtomicU64::new(0);

/// CPUs that may have translations of `space`.
fn may_remember(space: &AddressSpace) -> u64 {
    let asid = space.tlb.asid as usize;
    if RETIRED[asid / 64].load(SeqCst) & 1 << (asid % 64) != 0 {
        return 0;
    }
    let remembers = |cpu: &PerCpu| {
        if tagged() {
            SEEN[cpu.number()][asid / 64].load(SeqCst) & 1 << (asid % 64) != 0
        } else {
            core::ptr::eq(cpu.space.load(SeqCst), space)
        }
    };
    let online = percpu::online_mask() | crate::arch::cpu::current().bit();
    (0..MAX_CPUS)
        .filter(|i| online & 1 << i != 0)
        .fold(0, |mask, i| {
            let this = crate::arch::cpu::current();
            let cpu = if this.number() == i {
                this
            } else {
                &percpu::CPUS[i]
            };
            mask | (remembers(cpu) as u64) << i
        })
}

/// Entries (address, frame, level) were removed: whoever may remember them is noted.
pub fn removed(space: &AddressSpace, leaves: &[(u64, PhysAddr, usize)]) {
    let cpus = may_remember(space);
    if cpus == 0 {
        return;
    }
    let mut old = OLD.lock();
    for (start, frame, level) in leaves {
        let mut free = old.iter_mut().filter(|o| o.cpus == 0);
        *free
            .next()
            .expect("more removed entries than one batch has") = Old {
            cpus,
            asid: space.tlb.asid,
            start: *start,
            end: start + size(*level),
            frame: frame.frame(),
        };
        COUNT.fetch_add(1, Relaxed);
    }
}

/// CPUs have forgotten a range of an address-space number.
pub fn flushed(cpus: u64, asid: u32, start: u64, end: u64) {
    forget(cpus, |o| {
        asid == EVERYTHING || asid == o.asid as u32 && o.start < end && start < o.end
    });
    let seen = SEEN.iter().enumerate().filter(|(i, _)| cpus & 1 << i != 0);
    if asid == EVERYTHING {
        seen.for_each(|(_, seen)| seen.iter().for_each(|word| word.store(0, SeqCst)));
    } else if asid < KERNEL && start == 0 && end == u64::MAX {
        let (word, bit) = (asid as usize / 64, 1 << (asid % 64));
        for (_, seen) in seen {
            seen[word].fetch_and(!bit, SeqCst);
        }
    }
}

/// These CPUs are marked to flush before they use the space again, so they reach nothing until then.
pub fn deferred(cpus: u64, asid: u32, start: u64, end: u64) {
    forget(cpus, |o| {
        asid == o.asid as u32 && o.start < end && start < o.end
    });
}

/// A CPU has another space in its register.
pub fn switched(cpu: &PerCpu, asid: u16) {
    if tagged() {
        SEEN[cpu.number()][asid as usize / 64].fetch_or(1 << (asid % 64), SeqCst);
    } else {
        forget(cpu.bit(), |_| true);
    }
}

fn forget(cpus: u64, matches: impl Fn(&Old) -> bool) {
    if COUNT.load(Relaxed) == 0 {
        return;
    }
    for old in OLD.lock().iter_mut().filter(|o| o.cpus != 0) {
        if matches(old) {
            old.cpus &= !cpus;
            COUNT.fetch_sub((old.cpus == 0) as usize, Relaxed);
        }
    }
}

/// A number will not be used before everything was flushed.
pub fn number_retired(asid: u16) {
    RETIRED[asid as usize / 64].fetch_or(1 << (asid % 64), SeqCst);
}

/// A number is given out: nobody may remember anything under it.
pub fn number_given(asid: u16) {
    RETIRED[asid as usize / 64].fetch_and(!(1 << (asid % 64)), SeqCst);
    let seen =
        |words: &[AtomicU64; 1024]| words[asid as usize / 64].load(SeqCst) & 1 << (asid % 64) != 0;
    let known = SEEN.iter().position(seen);
    assert!(
        known.is_none(),
        "space number {asid} reused while CPU {known:?} may have translations of it"
    );
}

/// A frame changes hands: panics if a CPU may still reach it.
pub fn check(frame: u32) {
    if COUNT.load(Relaxed) == 0 {
        return;
    }
    CHECKED.fetch_add(1, Relaxed);
    let old = OLD.lock();
    let reaches =
        |o: &&Old| o.cpus != 0 && (frame.wrapping_sub(o.frame) as u64) < (o.end - o.start) >> 12;
    if let Some(o) = old.iter().find(reaches) {
        panic!(
            "frame {frame:#x} freed while CPUs {:#x} may reach it at {:#x}",
            o.cpus, o.start
        );
    }
}

/// Forgets everything, for the next test on the host.
#[cfg(test)]
pub(crate) fn reset() {
    OLD.lock().iter_mut().for_each(|o| o.cpus = 0);
    COUNT.store(0, Relaxed);
    SEEN.iter()
        .flatten()
        .chain(&RETIRED)
        .for_each(|word| word.store(0, SeqCst));
}
