//! Memory management on the host, over an array that plays physical memory.
//!
//! Tests share the allocator's global state, so each holds the one `Machine`.

mod frames;
mod heap;
mod spaces;
mod tlb;

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Mutex, MutexGuard};
use std::vec::Vec;

use super::{frame_allocator, heap as slab, inject, page_table, shadow};
use crate::arch::paging;
use crate::machine::MachineInfo;
use crate::percpu::{CPUS, CpuState, MAX_CPUS};

static ONE: Mutex<()> = Mutex::new(());
pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;

/// Physical memory of a test, with everything of `mm` fresh over it.
pub struct Machine {
    memory: *mut u8,
    layout: Layout,
    pub info: MachineInfo,
    _alone: MutexGuard<'static, ()>,
}

impl Machine {
    /// RAM ranges (start, length, node) in MiB.
    pub fn new(ranges: &[(u64, u64, u32)]) -> Machine {
        let nodes = ranges.iter().map(|r| r.2 as usize + 1).max().unwrap();
        let mut info = MachineInfo::new();
        info.nodes = nodes;
        for (start, len, node) in ranges {
            info.add_memory(start * MIB..(start + len) * MIB, *node);
        }
        Machine::with(info)
    }

    pub fn with(info: MachineInfo) -> Machine {
        let alone = ONE.lock().unwrap_or_else(|poison| poison.into_inner());
        let end = info.memory.as_slice().last().unwrap().range.end;
        // Aligned by hand: zeroed memory of a large alignment would be cleared byte by byte.
        let align = 2usize << 20;
        let layout = Layout::from_size_align(end as usize + align, 16).unwrap();
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc_zeroed(layout) };
        let base = (memory as usize).next_multiple_of(align);
        paging::DIRECT_MAP.store(base as u64, SeqCst);
        paging::NUMBERS.store(1, SeqCst);
        inject::fail_nth(0);
        slab::reset();
        page_table::reset();
        frame_allocator::reset();
        shadow::reset();
        for (number, cpu) in CPUS.iter().enumerate() {
            cpu.describe(number, number as u64, 0);
            cpu.set_state(CpuState::Absent);
            cpu.space.store(std::ptr::null_mut(), SeqCst);
        }
        let this = crate::arch::cpu::current();
        this.space.store(std::ptr::null_mut(), SeqCst);
        this.node.set(0);
        this.held_ranks.set(0);
        super::init(&info);
        super::kernel_map::activate();
        Machine {
            memory,
            layout,
            info,
            _alone: alone,
        }
    }

    /// Another CPU than the one that the test runs on, online.
    pub fn other_cpu(&self) -> &'static crate::percpu::PerCpu {
        let this = crate::arch::cpu::current().number();
        let cpu = &CPUS[(this + 1) % MAX_CPUS];
        cpu.set_state(CpuState::Online);
        cpu
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        CPUS.iter().for_each(|cpu| cpu.set_state(CpuState::Absent));
        // SAFETY: allocated with this layout; nothing of `mm` outlives the test.
        unsafe { dealloc(self.memory, self.layout) };
    }
}

/// A generator that every run repeats.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
    }
}

/// How many cases a property test runs: `usual`, a million operations, or what `PROPTEST_CASES` says.
pub fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Seeds for tests that draw their own random numbers.
pub fn seeds() -> Vec<u64> {
    std::vec![1, 0x1234_5678_9abc_def1, 0xfeed_f00d]
}
