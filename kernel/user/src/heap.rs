//! The program's heap: a size-class allocator over memory mapped on demand.
//!
//! Blocks of 16 bytes to 32 KiB come from free lists by power of two; larger ones are mapped and
//! unmapped by themselves. One spin lock guards the lists; it is held for a few instructions.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::abi::protection;
use crate::abi::well_known::ADDRESS_SPACE;
use crate::sys;

const CLASSES: usize = 12;
const SMALLEST: usize = 16;
const LARGEST: usize = SMALLEST << (CLASSES - 1);
const REGION: u64 = 256 * 1024;

struct Lists {
    free: [*mut u8; CLASSES],
    fresh: u64,
    end: u64,
}

struct Heap {
    held: AtomicBool,
    lists: UnsafeCell<Lists>,
}

// SAFETY: the lists are used only while `held` is.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap {
    held: AtomicBool::new(false),
    lists: UnsafeCell::new(Lists {
        free: [null_mut(); CLASSES],
        fresh: 0,
        end: 0,
    }),
};

fn class(layout: Layout) -> Option<usize> {
    let size = layout.size().max(layout.align()).max(SMALLEST);
    (size <= LARGEST).then(|| (size.next_power_of_two() / SMALLEST).trailing_zeros() as usize)
}

fn map(length: u64) -> *mut u8 {
    sys::map_anonymous(
        ADDRESS_SPACE,
        0,
        length,
        protection::READ | protection::WRITE,
    )
    .value()
    .map_or(null_mut(), |a| a as *mut u8)
}

impl Heap {
    fn with<R>(&self, body: impl FnOnce(&mut Lists) -> R) -> R {
        while self.held.swap(true, Ordering::Acquire) {
            sys::yield_now();
        }
        // SAFETY: `held` is this thread's until it is cleared below.
        let result = body(unsafe { &mut *self.lists.get() });
        self.held.store(false, Ordering::Release);
        result
    }
}

// SAFETY: blocks are handed out once until they come back, and have the size and alignment of
// their class, which is a power of two no smaller than either.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            return map(layout.size().next_multiple_of(4096) as u64);
        };
        self.with(|lists| {
            let block = lists.free[class];
            if !block.is_null() {
                // SAFETY: a free block begins with the next one.
                lists.free[class] = unsafe { block.cast::<*mut u8>().read() };
                return block;
            }
            let size = (SMALLEST << class) as u64;
            let start = lists.fresh.next_multiple_of(size);
            if start + size > lists.end {
                let region = map(REGION) as u64;
                if region == 0 {
                    return null_mut();
                }
                (lists.fresh, lists.end) = (region + size, region + REGION);
                return region as *mut u8;
            }
            lists.fresh = start + size;
            start as *mut u8
        })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class(layout) {
            Some(class) => self.with(|lists| {
                // SAFETY: the block is free now and large enough for a pointer.
                unsafe { block.cast::<*mut u8>().write(lists.free[class]) };
                lists.free[class] = block;
            }),
            None => {
                let length = layout.size().next_multiple_of(4096) as u64;
                let _ = sys::unmap(ADDRESS_SPACE, block as u64, length);
            }
        }
    }
}
