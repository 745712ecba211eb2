//! The kernel's own objects: slabs.
//!
//! Model: a cache serves objects of one size. Its memory comes in slabs of 1 to 8 frames, cut
//! into slots. Each CPU has a magazine, a short list of free slots, and touches nothing else until
//! the magazine is empty or too full; then a batch is exchanged with the slabs under the cache's
//! lock. A slab whose slots are all back is freed. Every kind of kernel object has a typed
//! `Cache<T>`, whose allocation can fail; ten caches of fixed sizes make up the `GlobalAlloc`,
//! larger sizes go to the frame allocator.
//!
//! Debug builds put a red zone behind each object and fill free ones with a pattern: a write
//! behind the end, a second free and a write after free are found when the slot changes hands.
//!
//! Lock order: a magazine (rank `Magazine`), the cache (`Heap`), then frames. Others take a
//! magazine's lock only to count or to empty it.

use core::alloc::{GlobalAlloc, Layout};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed, Ordering::SeqCst};

use super::frame_info::{FrameState, known};
use super::list::{self, Links, NONE};
use super::{FrameRange, OutOfMemory, PAGE_SIZE, PhysAddr, Request, frames, inject, virt_to_phys};
use crate::arch::cpu;
use crate::lock::{Rank, SpinLock};
use crate::percpu::MAX_CPUS;

const CHECKED: bool = cfg!(debug_assertions);
const RED_ZONE: usize = if CHECKED { 16 } else { 0 };
const LIVE: u64 = 0x51ab_11fe_51ab_11fe;
const DEAD: u64 = 0x51ab_dead_51ab_dead;
const POISON: u8 = 0xdd;
const MAX_SLAB_FRAMES: usize = 8;
const NO_SLOT: u32 = u32::MAX;

/// A free slot begins with the next one.
struct Slot {
    next: *mut Slot,
}

crate::described! {
    /// A CPU's free slots of one cache.
    #[repr(C, align(64))]
    struct Magazine {
        head: *mut Slot,
        count: u32,
    }
}

crate::described! {
    /// What the CPUs share of one cache.
    struct Shared {
        /// First frame of the first slab that has free slots; linked through `FrameInfo::link`.
        partial: u32,
        /// How many slabs there are.
        slabs: u32,
        /// Slots that are out of their slab: in use or in a magazine.
        taken: usize,
    }
}

crate::described! {
    /// A cache of slots of one size, whatever is in them.
    pub struct SlabCache {
        /// What is in the slots.
        pub name: &'static str,
        /// Size of an object.
        pub size: u32,
        /// Distance of two slots.
        stride: u32,
        slab_frames: u32,
        slots: u32,
        /// Most slots in a magazine; half of it is a batch.
        limit: u32,
        registered: AtomicU32,
        next: AtomicPtr<SlabCache>,
        shared: SpinLock<Shared>,
        magazines: [SpinLock<Magazine>; MAX_CPUS],
    }
}

// SAFETY: slots in magazines and slabs belong to nobody, and locks guard the lists.
unsafe impl Send for SlabCache {}
// SAFETY: as above.
unsafe impl Sync for SlabCache {}
// SAFETY: a magazine's slots belong to nobody; its lock guards the list.
unsafe impl Send for Magazine {}

impl Magazine {
    /// Adds a slot that belongs to nobody.
    #[inline]
    fn push(&mut self, slot: *mut Slot) {
        // SAFETY: nobody has the slot, so its beginning is ours.
        unsafe { (*slot).next = self.head };
        self.head = slot;
        self.count += 1;
    }

    /// Takes out the slot that came last; there is one.
    #[inline]
    fn pop(&mut self) -> *mut Slot {
        let slot = self.head;
        // SAFETY: a slot in a magazine begins with a valid link.
        self.head = unsafe { (*slot).next };
        self.count -= 1;
        slot
    }
}

/// All caches that ever held a slab, linked through `SlabCache::next`.
pub static ALL: AtomicPtr<SlabCache> = AtomicPtr::new(null_mut());

crate::root!("slab caches", ALL: AtomicPtr<SlabCache>, list(&[Name::role(1, "next")]));

/// Slots of one cache.
#[cfg(any(test, feature = "ktest"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatistics {
    /// Objects in use.
    pub in_use: usize,
    /// Free slots in magazines.
    pub cached: usize,
    /// Slabs.
    pub slabs: usize,
}

const EMPTY: Magazine = Magazine {
    head: null_mut(),
    count: 0,
};
const NO_SLABS: Shared = Shared {
    partial: NONE,
    slabs: 0,
    taken: 0,
};

impl SlabCache {
    /// An empty cache for objects of this layout, at most 32 KiB large and page aligned.
    pub const fn new(name: &'static str, size: usize, align: usize) -> SlabCache {
        assert!(align <= PAGE_SIZE && size <= MAX_SLAB_FRAMES * PAGE_SIZE - RED_ZONE);
        const fn at_least(least: usize, value: usize) -> usize {
            if value < least { least } else { value }
        }
        let size = at_least(8, size).next_multiple_of(8);
        let stride = (size + RED_ZONE).next_multiple_of(at_least(8, align));
        let mut bytes = at_least(PAGE_SIZE, stride.next_power_of_two());
        // Up to an eighth of a slab may be lost.
        while bytes < MAX_SLAB_FRAMES * PAGE_SIZE && bytes % stride * 8 > bytes {
            bytes *= 2;
        }
        let limit = at_least(4, 16 * 1024 / stride) as u32;
        SlabCache {
            name,
            size: size as u32,
            stride: stride as u32,
            slab_frames: (bytes / PAGE_SIZE) as u32,
            slots: (bytes / stride) as u32,
            limit: if limit > 64 { 64 } else { limit },
            registered: AtomicU32::new(0),
            next: AtomicPtr::new(null_mut()),
            shared: SpinLock::new(Rank::Heap, NO_SLABS),
            magazines: [const { SpinLock::new(Rank::Magazine, EMPTY) }; MAX_CPUS],
        }
    }

    /// Takes a slot. Its contents are undefined.
    #[inline]
    pub fn allocate(&'static self) -> Result<NonNull<u8>, OutOfMemory> {
        if inject::refuse() {
            return Err(OutOfMemory);
        }
        let mut magazine = self.magazines[cpu::current().number()].lock();
        if magazine.head.is_null() {
            self.refill(&mut magazine)?;
        }
        let slot = magazine.pop();
        drop(magazine);
        if CHECKED {
            self.check_out(slot);
        }
        // SAFETY: not null, as tested or refilled above.
        Ok(unsafe { NonNull::new_unchecked(slot as *mut u8) })
    }

    /// Gives a slot back.
    ///
    /// # Safety
    /// `object` came from `allocate` of this cache, and nobody uses it any more.
    #[inline]
    pub unsafe fn free(&'static self, object: NonNull<u8>) {
        let slot = object.as_ptr() as *mut Slot;
        if CHECKED {
            self.check_in(slot);
        }
        let mut magazine = self.magazines[cpu::current().number()].lock();
        magazine.push(slot);
        if magazine.count > self.limit {
            self.spill(&mut magazine, self.limit / 2);
        }
    }

    /// Fills an empty magazine with a batch.
    #[cold]
    fn refill(&'static self, magazine: &mut Magazine) -> Result<(), OutOfMemory> {
        let mut shared = self.shared.lock();
        while magazine.count < self.limit / 2 {
            if shared.partial == NONE {
                match self.grow(&mut shared) {
                    Err(OutOfMemory) if magazine.count == 0 => return Err(OutOfMemory),
                    Err(OutOfMemory) => break,
                    Ok(()) => {}
                }
            }
            let slab = shared.partial;
            let info = known(slab);
            let offset = info.refs.load(Relaxed).into();
            let slot = PhysAddr::of_frame(slab).offset(offset).as_ptr::<Slot>();
            // SAFETY: a free slot of the slab holds the offset of the next one, or `NO_SLOT`.
            let next = unsafe { (*slot).next } as usize as u32;
            info.refs.store(next, Relaxed);
            info.tag.fetch_add(1, Relaxed);
            if next == NO_SLOT {
                list::unlink(&mut shared.partial, slab, links);
            }
            magazine.push(slot);
            shared.taken += 1;
        }
        Ok(())
    }

    /// Returns slots from a magazine to their slabs until `keep` are left.
    #[cold]
    fn spill(&'static self, magazine: &mut Magazine, keep: u32) {
        let mut shared = self.shared.lock();
        while magazine.count > keep {
            shared.taken -= 1;
            let slab = self.put(&mut shared, magazine.pop());
            if known(slab).tag.load(Relaxed) == 0 {
                list::unlink(&mut shared.partial, slab, links);
                shared.slabs -= 1;
                (slab..slab + self.slab_frames).for_each(|f| known(f).hand_out());
                match (PhysAddr::of_frame(slab), self.slab_frames as usize) {
                    (start, 1) => frames::free_one(start),
                    (start, frames) => frames::free(FrameRange { start, frames }),
                }
            }
        }
    }

    /// Puts a slot back into its slab; result: the slab.
    fn put(&self, shared: &mut Shared, slot: *mut Slot) -> u32 {
        let base = slot as usize & !(self.slab_frames as usize * PAGE_SIZE - 1);
        let slab = virt_to_phys(base as *const u8).frame();
        let info = known(slab);
        let first = info.refs.swap((slot as usize - base) as u32, Relaxed);
        // SAFETY: the slot is free; it keeps the offset of the next free one.
        unsafe { (*slot).next = first as usize as *mut Slot };
        if first == NO_SLOT {
            list::push(&mut shared.partial, slab, links);
        }
        info.tag.fetch_sub(1, Relaxed);
        slab
    }

    /// Adds a slab with all slots free.
    fn grow(&'static self, shared: &mut Shared) -> Result<(), OutOfMemory> {
        let start = match self.slab_frames as usize {
            1 => frames::allocate_one()?,
            frames => frames::allocate(Request::frames(frames).aligned(frames))?.start,
        };
        let slab = start.frame();
        (slab..slab + self.slab_frames).for_each(|f| known(f).set_state(FrameState::Slab));
        known(slab).tag.store(self.slots as u16, Relaxed);
        known(slab).refs.store(NO_SLOT, Relaxed);
        for index in (0..self.slots).rev() {
            let slot = start.offset((index * self.stride).into()).as_ptr::<Slot>();
            if CHECKED {
                // SAFETY: the slot lies in the frames just taken.
                unsafe { self.red_zone(slot).write(LIVE) };
                self.check_in(slot);
            }
            self.put(shared, slot);
        }
        shared.slabs += 1;
        if self.registered.swap(1, SeqCst) == 0 {
            let this = core::ptr::from_ref(self).cast_mut();
            let _ = ALL.fetch_update(SeqCst, SeqCst, |head| {
                self.next.store(head, SeqCst);
                Some(this)
            });
        }
        Ok(())
    }

    fn red_zone(&self, slot: *mut Slot) -> *mut u64 {
        slot.wrapping_byte_add(self.size as usize).cast()
    }

    /// A slot leaves: it must be as it was when it came back.
    fn check_out(&self, slot: *mut Slot) {
        let (bytes, red) = (slot as *const u8, self.red_zone(slot));
        // SAFETY: the slot is ours, with its red zone behind it.
        unsafe {
            let poisoned = |i| bytes.add(i).read() == POISON;
            let clean = red.read() == DEAD && (8..self.size as usize).all(poisoned);
            assert!(clean, "heap: free {} at {slot:p} written to", self.name);
            red.write(LIVE);
        }
    }

    /// A slot comes back: it must be live and its red zone untouched.
    fn check_in(&self, slot: *mut Slot) {
        let (bytes, red, name) = (slot as *mut u8, self.red_zone(slot), self.name);
        // SAFETY: the caller gives up the slot, which has its red zone behind it.
        unsafe {
            let mark = red.read();
            assert!(mark != DEAD, "heap: {name} at {slot:p} freed twice");
            assert!(mark == LIVE, "heap: written behind {name} at {slot:p}");
            red.write(DEAD);
            bytes.add(8).write_bytes(POISON, self.size as usize - 8);
        }
    }

    /// Free slots in magazines.
    fn cached(&self) -> usize {
        self.magazines.iter().map(|m| m.lock().count as usize).sum()
    }

    /// Objects in use.
    pub fn in_use(&self) -> usize {
        let cached = self.cached();
        self.shared.lock().taken.saturating_sub(cached)
    }

    /// Objects in use, free slots in magazines, slabs.
    #[cfg(any(test, feature = "ktest"))]
    pub fn statistics(&self) -> CacheStatistics {
        CacheStatistics {
            in_use: self.in_use(),
            cached: self.cached(),
            slabs: self.shared.lock().slabs as usize,
        }
    }
}

/// Where the record of a slab's first frame keeps its neighbours in a list.
fn links<'a>(slab: u32) -> Links<'a> {
    (&known(slab).next, &known(slab).previous)
}

/// A cache of objects of one type.
#[repr(transparent)]
pub struct Cache<T> {
    slab: SlabCache,
    objects: PhantomData<fn() -> T>,
}

impl<T> Cache<T> {
    /// An empty cache.
    pub const fn new(name: &'static str) -> Cache<T> {
        Cache {
            slab: SlabCache::new(name, size_of::<T>(), align_of::<T>()),
            objects: PhantomData,
        }
    }

    /// Takes an object; it is not initialised.
    #[inline]
    pub fn allocate(&'static self) -> Result<NonNull<MaybeUninit<T>>, OutOfMemory> {
        self.slab.allocate().map(NonNull::cast)
    }

    /// Takes an object and moves `value` into it.
    #[inline]
    pub fn allocate_with(&'static self, value: T) -> Result<NonNull<T>, OutOfMemory> {
        let object = self.slab.allocate()?.cast();
        // SAFETY: the slot is ours, large enough and aligned for a T.
        unsafe { object.write(value) };
        Ok(object)
    }

    /// Drops an object and gives its memory back.
    ///
    /// # Safety
    /// `object` came from this cache, is initialised, and nobody uses it any more.
    #[inline]
    pub unsafe fn free(&'static self, object: NonNull<T>) {
        // SAFETY: as the caller promises.
        unsafe {
            object.drop_in_place();
            self.slab.free(object.cast());
        }
    }

    /// Gives back memory that was never initialised.
    ///
    /// # Safety
    /// `object` came from `allocate` of this cache, and nobody uses it any more.
    #[cfg(any(test, feature = "ktest"))]
    pub unsafe fn free_uninit(&'static self, object: NonNull<MaybeUninit<T>>) {
        // SAFETY: as the caller promises.
        unsafe { self.slab.free(object.cast()) };
    }

    /// Objects in use, free slots in magazines, slabs.
    #[cfg(any(test, feature = "ktest"))]
    pub fn statistics(&self) -> CacheStatistics {
        self.slab.statistics()
    }
}

/// Every cache that ever held a slab.
pub fn caches() -> impl Iterator<Item = &'static SlabCache> {
    // SAFETY: only static caches are registered.
    let first = unsafe { ALL.load(SeqCst).as_ref() };
    // SAFETY: as above.
    core::iter::successors(first, |cache| unsafe { cache.next.load(SeqCst).as_ref() })
}

/// Objects in use in all caches.
pub fn in_use() -> usize {
    caches().map(SlabCache::in_use).sum()
}

/// Returns what magazines hold to the slabs, so that empty slabs become free frames.
pub fn trim() {
    for cache in caches() {
        let magazines = cache.magazines.iter();
        magazines.for_each(|m| cache.spill(&mut m.lock(), 0));
    }
}

/// The ten general classes: 8 to 4096 bytes, each aligned to its size.
static CLASSES: [SlabCache; 10] = {
    let mut classes = [const { SlabCache::new("heap", 8, 8) }; 10];
    let mut i = 1;
    while i < classes.len() {
        classes[i] = SlabCache::new("heap", 8 << i, 8 << i);
        i += 1;
    }
    classes
};

/// The kernel's `GlobalAlloc`. Nothing that a system call reaches may rely on it without
/// `try_reserve`.
pub struct KernelHeap;

impl KernelHeap {
    #[inline]
    fn class(layout: Layout) -> Option<&'static SlabCache> {
        let size = layout.size().max(layout.align()).max(8);
        CLASSES.get((size - 1).ilog2() as usize - 2)
    }

    fn large(layout: Layout) -> Request {
        let frames = layout.size().div_ceil(PAGE_SIZE);
        Request::frames(frames).aligned(layout.align().div_ceil(PAGE_SIZE))
    }
}

// SAFETY: slots and frames are handed out to one owner at a time and are as large and as aligned
// as the layout asks.
unsafe impl GlobalAlloc for KernelHeap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Self::class(layout) {
            Some(cache) => cache.allocate().map_or(null_mut(), NonNull::as_ptr),
            None => frames::allocate(Self::large(layout)).map_or(null_mut(), |r| r.start.as_ptr()),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match Self::class(layout) {
            // SAFETY: the caller got the pointer from `alloc` with the same layout.
            Some(cache) => unsafe { cache.free(NonNull::new_unchecked(pointer)) },
            None => frames::free(FrameRange {
                start: virt_to_phys(pointer),
                frames: Self::large(layout).frames,
            }),
        }
    }
}

#[cfg(target_os = "none")]
#[global_allocator]
static HEAP: KernelHeap = KernelHeap;

/// Forgets every slab; the host's tests start over with other memory.
#[cfg(test)]
pub(super) fn reset() {
    for cache in caches() {
        cache.magazines.iter().for_each(|m| *m.lock() = EMPTY);
        *cache.shared.lock() = NO_SLABS;
    }
}
