//! The benchmark kernel: what operations cost in executed instructions.
//!
//! Meant for one CPU under `-icount shift=0,sleep=off`, where every run counts the same. Each row
//! is one line `bench: {…}` with the instructions of one operation, averaged over `RUNS` runs;
//! reading the counter and calling an empty operation are subtracted. Operations of the kernel
//! alone are measured here; those that user programs ask for, by the program `bench`.
#![no_std]
#![no_main]

use veridian_kernel::arch::cpu;
use veridian_kernel::cap::Binding;
use veridian_kernel::mm::heap::SlabCache;
use veridian_kernel::mm::object::MemoryObject;
use veridian_kernel::mm::vas::AddressSpace;
use veridian_kernel::mm::{MapFlags, VirtAddr, frames};
use veridian_kernel::trap::Access;
use veridian_kernel::{cmdline, println, test_kernel};

#[path = "benches/capabilities.rs"]
mod capabilities;

const RUNS: usize = 16;

/// The one place where an operation is counted, so that no row is inlined differently.
#[inline(never)]
fn counted(operation: &mut dyn FnMut()) -> u64 {
    let before = cpu::instructions();
    operation();
    cpu::instructions() - before
}

fn is_wanted(name: &str) -> bool {
    let filter = cmdline::arguments().value("test.filter").unwrap_or("");
    name.contains(filter)
}

/// Measures `operation`, which does its thing `times` times, and prints the row.
fn row(name: &str, times: u64, operation: &mut dyn FnMut()) {
    row_around(name, times, &mut || {}, operation, &mut || {});
}

/// The same with uncounted work before and after each run; returns the count of a whole run.
fn row_around(
    name: &str,
    times: u64,
    before: &mut dyn FnMut(),
    operation: &mut dyn FnMut(),
    after: &mut dyn FnMut(),
) -> u64 {
    if !is_wanted(name) {
        return 0;
    }
    let empty = counted(&mut || {});
    let mut run = || {
        before();
        let count = counted(operation).saturating_sub(empty);
        after();
        count
    };
    // Caches fill and lists grow in the first runs.
    for _ in 0..4 {
        run();
    }
    let counts: [u64; RUNS] = core::array::from_fn(|_| run());
    let mean = counts.iter().sum::<u64>() / RUNS as u64;
    let variance = counts.iter().map(|c| c.abs_diff(mean).pow(2)).sum::<u64>() / RUNS as u64;
    let (one, deviation) = (mean.div_ceil(times), variance.isqrt());
    println!(
        "bench: {{\"op\":\"{name}\",\"instructions\":{one},\"stddev\":{deviation},\"runs\":{RUNS}}}"
    );
    mean
}

fn benchmarks() {
    // The rows of several CPUs are the program's.
    if veridian_kernel::percpu::online_count() > 1 {
        return;
    }
    row("clock_read", 1, &mut || {
        core::hint::black_box(veridian_kernel::arch::timer::now());
    });
    memory();
    capabilities::rows();
}

fn memory() {
    row("frame_alloc_free", 1, &mut || {
        let frame = frames::allocate_one().expect("a frame");
        frames::free_one(core::hint::black_box(frame));
    });
    static SLAB: SlabCache = SlabCache::new("bench-64", 64, 64);
    row("slab_alloc_free", 1, &mut || {
        let object = SLAB.allocate().expect("an object");
        // SAFETY: allocated from this cache just now, and nobody else knows it.
        unsafe { SLAB.free(core::hint::black_box(object)) };
    });
    row("global_alloc_free", 1, &mut || {
        drop(core::hint::black_box(alloc::boxed::Box::new([0u64; 8])));
    });
    let space = AddressSpace::create().expect("an address space");
    // SAFETY: created just now and released below.
    let shared = unsafe { space.as_ref() };
    let page = VirtAddr(0x4000_0000);
    row("map_unmap_page_lazy", 1, &mut || {
        let mapped = shared.map_anonymous(page, 4096, MapFlags::USER_DATA);
        mapped.expect("room in an empty space");
        shared.unmap(page, 4096).expect("it is mapped");
    });
    let object = MemoryObject::create(1024 * 4096).expect("a memory object");
    // SAFETY: created just now and released below.
    let memory = unsafe { object.as_ref() };
    (0..1024).for_each(|i| {
        memory.frame(i).expect("a frame");
    });
    let map = |offset: u64| {
        let (at, flags) = (VirtAddr(0x4000_0000 + offset), MapFlags::USER_DATA);
        shared
            .map_object(memory, offset, at, 4096, flags, Binding::KERNEL)
            .expect("room");
    };
    map(0);
    row("map_unmap_object_page", 1, &mut || {
        map(2 * 4096);
        shared
            .unmap(VirtAddr(0x4000_2000), 4096)
            .expect("it is mapped");
    });
    let mut next = 0;
    row("map_next_page_in_kernel", 1, &mut || {
        next += 4096;
        map(next);
    });
    let heap = VirtAddr(0x8000_0000);
    shared
        .map_anonymous(heap, 1 << 20, MapFlags::USER_DATA)
        .expect("room");
    let mut at = heap.0;
    row("anonymous_fault_in_kernel", 1, &mut || {
        shared.handle_fault(at, Access::Write).expect("memory");
        at += 4096;
    });
    // SAFETY: the one reference to each.
    unsafe {
        AddressSpace::release(space);
        MemoryObject::release(object);
    }
}

extern crate alloc;
test_kernel!(instead benchmarks);
test_kernel!(then "bench");
