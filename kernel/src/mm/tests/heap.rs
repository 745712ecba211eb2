use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;
use std::vec::Vec;

use super::{Machine, Random, seeds};
use crate::mm::frames;
use crate::mm::heap::{self, Cache, KernelHeap, SlabCache};

#[repr(C, align(64))]
struct Big([u64; 200]);

#[test]
fn objects_are_distinct_and_all_come_back() {
    static WORDS: Cache<[u64; 5]> = Cache::new("words");
    static BIG: Cache<Big> = Cache::new("big");
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let free = frames::free_frames();
    for seed in seeds() {
        let mut random = Random(seed);
        let mut live: Vec<(NonNull<[u64; 5]>, u64)> = Vec::new();
        let mut bigs: Vec<NonNull<Big>> = Vec::new();
        for step in 0..60_000u64 {
            if random.next() % 5 < 3 {
                live.push((WORDS.allocate_with([step; 5]).unwrap(), step));
            } else if !live.is_empty() {
                let (object, step) = live.swap_remove(random.next() as usize % live.len());
                // SAFETY: live, allocated from this cache.
                unsafe {
                    assert_eq!(*object.as_ref(), [step; 5]);
                    WORDS.free(object);
                }
            }
            if step % 100 == 0 {
                let big = BIG.allocate_with(Big([step; 200])).unwrap();
                assert_eq!(big.as_ptr() as usize % 64, 0);
                bigs.push(big);
            }
        }
        assert_eq!(WORDS.statistics().in_use, live.len());
        assert_eq!(BIG.statistics().in_use, bigs.len());
        // SAFETY: as above.
        live.into_iter()
            .for_each(|(object, _)| unsafe { WORDS.free(object) });
        // SAFETY: as above.
        bigs.into_iter()
            .for_each(|object| unsafe { BIG.free(object) });
        heap::trim();
        assert_eq!(WORDS.statistics(), Default::default());
        assert_eq!(BIG.statistics(), Default::default());
        assert_eq!(frames::free_frames(), free);
    }
}

#[test]
fn an_empty_machine_gives_an_error_and_recovers() {
    static PAGES: Cache<[u64; 256]> = Cache::new("pages");
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let free = frames::free_frames();
    let objects: Vec<_> = std::iter::from_fn(|| PAGES.allocate().ok()).collect();
    assert!(objects.len() > 10_000);
    assert!(PAGES.allocate().is_err());
    // SAFETY: allocated above, never initialised.
    objects
        .into_iter()
        .for_each(|object| unsafe { PAGES.free_uninit(object) });
    heap::trim();
    assert_eq!(frames::free_frames(), free);
}

#[test]
fn the_global_heap_serves_every_size_and_alignment() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let mut live = Vec::new();
    for size in (1..300).chain([511, 512, 513, 1024, 2047, 2048, 2049, 4096, 10_000, 100_000]) {
        for align in [1, 2, 4, 8, 16, 32, 64, 128, 1024, 4096, 8192] {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the layout is not empty; the block is as large as asked.
            unsafe {
                let block = KernelHeap.alloc(layout);
                assert!(
                    !block.is_null() && block as usize % align == 0,
                    "{layout:?}"
                );
                block.write_bytes(size as u8, size);
                live.push((block, layout));
            }
        }
    }
    for (block, layout) in live {
        // SAFETY: allocated above with this layout.
        unsafe {
            assert!((0..layout.size()).all(|i| block.add(i).read() == layout.size() as u8));
            KernelHeap.dealloc(block, layout);
        }
    }
    assert_eq!(heap::in_use(), 0);
}

static CHECKED: SlabCache = SlabCache::new("checked", 40, 8);

#[test]
#[should_panic(expected = "freed twice")]
fn a_second_free_is_found() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let object = CHECKED.allocate().unwrap();
    // SAFETY: the second is the mistake that the test is about.
    unsafe {
        CHECKED.free(object);
        CHECKED.free(object);
    }
}

#[test]
#[should_panic(expected = "written behind")]
fn a_write_behind_the_end_is_found() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let object = CHECKED.allocate().unwrap();
    // SAFETY: the red zone is the slab's memory, too.
    unsafe {
        object.as_ptr().add(40).write(7);
        CHECKED.free(object);
    }
}

#[test]
#[should_panic(expected = "written to")]
fn a_write_after_free_is_found() {
    let _machine = Machine::new(&[(1024, 64, 0)]);
    let object = CHECKED.allocate().unwrap();
    // SAFETY: the slot is still the slab's memory.
    unsafe {
        CHECKED.free(object);
        object.as_ptr().add(16).write(7);
    }
    let _ = CHECKED.allocate();
}

#[test]
fn four_threads_share_a_cache() {
    static SHARED: Cache<u64> = Cache::new("shared");
    let _machine = Machine::new(&[(1024, 64, 0)]);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                let mut live = Vec::new();
                for step in 0..50_000u64 {
                    if random.next() % 2 == 0 {
                        live.push((SHARED.allocate_with(thread << 32 | step).unwrap(), step));
                    } else if let Some((object, step)) = live.pop() {
                        // SAFETY: allocated above by this thread.
                        unsafe {
                            assert_eq!(*object.as_ref(), thread << 32 | step);
                            SHARED.free(object);
                        }
                    }
                }
                // SAFETY: as above.
                live.into_iter()
                    .for_each(|(object, _)| unsafe { SHARED.free(object) });
            });
        }
    });
    assert_eq!(SHARED.statistics().in_use, 0);
}
