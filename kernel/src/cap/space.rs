//! The capability space of a process (or of a ring, or of a namespace): a two-level table.
//!
//! A directory of pointers leads to chunks of 64 slots. Lookups take no lock: they read the
//! directory pointer, the chunk pointer and the slot, all of which stay valid as long as the
//! space does. A directory that became too small is replaced by a copy of twice the size and kept
//! until the space goes (all of them together are no larger than the current one); chunks never
//! move. New slots are taken from a list under the space's lock; slots come back from any CPU
//! through a lock-free list, which the next taker that finds its own list empty collects whole.
//!
//! Life: a space is created empty, closed once (`close`: nothing can be inserted any more, every
//! capability in it dies) and then freed. Its holder, the object that it belongs to, sees to it
//! that nobody looks up in it by then.

use alloc::boxed::Box;
use core::alloc::Layout;
use core::marker::PhantomPinned;
use core::ptr::{NonNull, null, null_mut};

use veridian_abi::Error;

use super::derivation::address;
use super::object::{Kind, Object, Tree};
use super::rights::Rights;
use super::slot::{CHUNK_SLOTS, Chunk, Need, Slot, Tag};
use super::sync::{
    AtomicBool, AtomicPtr, AtomicU32, Guard, Ordering, SpinLock, allocate, free, preemption_point,
};
use super::token::{INDEX_BITS, Token};
use crate::lock::Rank;

/// Chunks that a new space has room for without a directory of its own.
const INLINE_CHUNKS: usize = if cfg!(loom) { 1 } else { 8 };
/// Chunks of the largest space.
const CHUNKS_MAX: usize = 1 << (INDEX_BITS - CHUNK_SLOTS.ilog2());
/// Capabilities that a process may have unless it is given another limit.
pub const DEFAULT_LIMIT: u32 = 1 << 20;

type ChunkPointer = AtomicPtr<Chunk>;

crate::described! {
    /// First level of the table.
    #[repr(C)]
    pub(super) struct Directory {
        length: u64,
        chunks: *const ChunkPointer,
        /// The smaller directory that this one replaced.
        replaced: *mut Directory,
    }
    chunks: table(&[Name::role(5, "length")])
}

crate::described! {
    /// A table of capabilities.
    #[repr(C)]
    pub struct Space {
        directory: AtomicPtr<Directory>,
        /// Never the id of another space, also not after this one is gone.
        pub(super) id: u64,
        /// The object that this space is part of.
        pub(super) holder: *const Object,
        /// Slots that other operations gave back.
        returned: AtomicPtr<Slot>,
        /// Slots given back, over all time.
        given_back: AtomicU32,
        /// Whether what is in it is thereby kept alive (see `cycles`).
        pub(super) anchored: AtomicBool,
        store: SpinLock<Store>,
        inline_directory: Directory,
        inline_chunks: [ChunkPointer; INLINE_CHUNKS];
        pinned: PhantomPinned
    }
}

crate::described! {
    /// What the space's lock guards.
    #[repr(C)]
    #[derive(Default)]
    pub(super) struct Store {
        /// Slots to hand out first.
        free: *mut Slot,
        /// Slots handed out, over all time.
        taken: u32,
        /// First slot that was never handed out.
        pub(super) fresh: u32,
        /// The most that may be handed out.
        limit: u32,
        closed: bool,
    }
    free: list(&[Name::role(1, "next")])
}

// SAFETY: raw pointers of the store and of the directories are followed only as the module's
// header says; everything that changes is atomic or behind the lock.
unsafe impl Send for Space {}
// SAFETY: as above.
unsafe impl Sync for Space {}
// SAFETY: the pointers are used only under the lock.
unsafe impl Send for Store {}

/// What a successful lookup yields. Good until the operation ends or passes a preemption point.
#[derive(Clone, Copy)]
pub struct Checked<'a> {
    /// The slot.
    pub(super) slot: &'a Slot,
    /// The capability's object.
    pub object: &'a Object,
    /// The capability's badge.
    pub badge: u64,
    generation: u32,
}

/// The outcome of a lookup.
pub(super) type Found<'a> = Result<Checked<'a>, Error>;

/// The lock of a capability's tree and the capability's tag, if it exists.
pub(super) type Locked<'a> = Result<(Guard<'a, Tree>, Tag), Error>;

impl<'a> Checked<'a> {
    #[inline]
    pub(super) fn new(slot: &'a Slot, object: *const Object, badge: u64, tag: Tag) -> Self {
        // SAFETY: the object was alive when the tag was read, and stays allocated until this
        // operation has left the kernel or reached a preemption point (see `object`).
        let object = unsafe { &*object };
        Checked {
            slot,
            object,
            badge,
            generation: tag.generation(),
        }
    }

    /// The capability's tag, if it still exists. Certain while the lock of its object's tree is held.
    #[inline]
    pub(super) fn still(&self) -> Result<Tag, Error> {
        let tag = self.slot.tag();
        let same = tag.generation() == self.generation;
        same.then_some(tag).ok_or(Error::InvalidCapability)
    }

    /// The lock of its object's tree, and its tag, if it still exists.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'a> {
        let tree = self.object.tree.lock();
        let tag = self.still()?;
        Ok((tree, tag))
    }

    /// Type, rights and policy, as they are now.
    pub fn tag(&self) -> Tag {
        self.slot.tag()
    }

    /// The object as what its kind says it is.
    #[inline]
    pub fn typed<T: super::Typed>(&self) -> &'a T {
        debug_assert!(self.object.kind() == T::KIND);
        // SAFETY: an object of this kind is the first field of a `T` (contract of `Typed`).
        unsafe { &*(self.object as *const Object).cast() }
    }

    /// A note of which capability this is, for what is done through it and outlives the call.
    #[inline]
    pub fn binding(&self) -> super::slot::Binding {
        super::slot::Binding::new(self.slot, self.generation)
    }
}

/// A slot taken for a capability that is not there yet.
pub(super) struct Reserved<'a> {
    pub slot: &'a Slot,
    pub token: Token,
}

impl Reserved<'_> {
    /// The generation that the slot's next capability has.
    #[inline]
    pub fn generation(&self) -> u32 {
        self.token.claimed_generation() as u32
    }
}

impl Space {
    /// An empty space that belongs to `holder` and takes at most `limit` capabilities.
    pub fn create(holder: *const Object, anchored: bool, limit: u32) -> Result<Box<Space>, Error> {
        static NEXT_ID: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(1);
        let memory = allocate(Layout::new::<Space>()).ok_or(Error::OutOfMemory)?;
        let memory = memory.cast::<Space>();
        let store = Store {
            fresh: 1,
            limit,
            ..Store::default()
        };
        let space = Space {
            directory: AtomicPtr::new(null_mut()),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            holder,
            returned: AtomicPtr::new(null_mut()),
            given_back: AtomicU32::new(0),
            anchored: AtomicBool::new(anchored),
            store: SpinLock::new(Rank::CapabilitySpace, store),
            inline_directory: Directory {
                length: INLINE_CHUNKS as u64,
                chunks: null(),
                replaced: null_mut(),
            },
            inline_chunks: core::array::from_fn(|_| AtomicPtr::new(null_mut())),
            // Its directory leads into itself.
            pinned: PhantomPinned,
        };
        // SAFETY: the memory is fresh and of a space's layout; a box may own it, since `allocate`
        // takes from the global allocator.
        let mut space = unsafe {
            memory.write(space);
            Box::from_raw(memory.as_ptr())
        };
        space.inline_directory.chunks = space.inline_chunks.as_ptr();
        let first = &raw mut space.inline_directory;
        space.directory.store(first, Ordering::Release);
        Ok(space)
    }

    /// The slot with the number `index`, if it has memory.
    #[inline]
    pub(super) fn slot(&self, index: u32) -> Option<&Slot> {
        // SAFETY: the current directory and all before it live as long as the space.
        let directory = unsafe { &*self.directory.load(Ordering::Acquire) };
        let number = (index / CHUNK_SLOTS) as u64;
        if number >= directory.length {
            return None;
        }
        // SAFETY: `number` is below the number of entries; the entries live like the directory.
        let chunk = unsafe { &*directory.chunks.add(number as usize) }.load(Ordering::Acquire);
        if chunk.is_null() {
            return None;
        }
        // SAFETY: a chunk has `CHUNK_SLOTS` slots and lives as long as the space.
        Some(unsafe { &*chunk.cast::<Slot>().add((index % CHUNK_SLOTS) as usize) })
    }

    /// Finds the capability that `token` names, for an object of type `kind`, with `rights`.
    #[inline]
    pub fn lookup(&self, token: Token, kind: Kind, rights: Rights) -> Result<Checked<'_>, Error> {
        self.find(token, Need::of(kind, rights))
    }

    /// Finds the capability that `token` names, whatever its type, with `rights`.
    #[inline]
    pub fn lookup_any(&self, token: Token, rights: Rights) -> Result<Checked<'_>, Error> {
        self.find(token, Need::any(rights))
    }

    #[inline]
    fn find(&self, token: Token, need: Need) -> Found<'_> {
        let slot = self.slot(token.index()).ok_or(Error::InvalidCapability)?;
        let tag = slot.tag();
        if !tag.meets(token, need) {
            return Err(refusal(tag, token, need));
        }
        let (object, badge) = slot.contents(tag).ok_or(Error::InvalidCapability)?;
        Ok(Checked::new(slot, object, badge, tag))
    }

    /// The slots that were ever handed out, with their numbers. Passes preemption points.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, &Slot)> {
        let extent = self.store.lock().fresh;
        (1..extent).filter_map(|index| {
            if index % CHUNK_SLOTS == 0 {
                // The first slot of a chunk is its header, not a capability.
                preemption_point();
                return None;
            }
            Some((index, self.slot(index)?))
        })
    }

    /// The tag of the capability that `token` names (its type, rights and policy), and its badge.
    #[cfg(any(test, feature = "ktest"))]
    pub fn identify(&self, token: Token) -> Result<(Tag, u64), Error> {
        let found = self.lookup_any(token, Rights::NONE)?;
        Ok((found.tag(), found.badge))
    }

    /// Number of capabilities in the space.
    #[cfg(any(test, feature = "ktest"))]
    pub fn count(&self) -> u32 {
        self.in_use(&self.store.lock())
    }

    #[inline]
    fn in_use(&self, store: &Store) -> u32 {
        store
            .taken
            .wrapping_sub(self.given_back.load(Ordering::Relaxed))
    }

    /// Takes a slot.
    #[inline(always)]
    pub(super) fn reserve(&self) -> Result<Reserved<'_>, Error> {
        let mut store = self.store.lock();
        if self.in_use(&store) >= store.limit {
            return Err(match store.closed {
                true => Error::Closed,
                false => Error::SpaceFull,
            });
        }
        if store.free.is_null() && !self.returned.load(Ordering::Relaxed).is_null() {
            store.free = self.returned.swap(null_mut(), Ordering::Acquire);
        }
        let slot = match NonNull::new(store.free) {
            // SAFETY: free slots are slots of this space's chunks.
            Some(slot) => unsafe { slot.as_ref() },
            None => self.take_fresh(&mut store)?,
        };
        store.free = slot.next.get();
        store.taken = store.taken.wrapping_add(1);
        drop(store);
        let generation = Tag(slot.tag.load(Ordering::Relaxed)).generation();
        Ok(Reserved {
            slot,
            token: Token::new(slot.index(), generation),
        })
    }

    /// Puts a slot back. Its capability has died, or was never there; nobody else does the same.
    #[inline]
    pub(super) fn give_back(&self, slot: &Slot) {
        if slot.tag().generation() == 0 {
            // Without a generation to come the slot stays in use for ever, by nobody.
            return slot.set_tag(Tag::empty(0, Kind::Retired));
        }
        // The only one who takes from the list takes all of it, so the list's first element cannot go
        // and come back in between.
        let push = |first| {
            slot.next.set(first);
            Some(address(slot))
        };
        let (order, failure) = (Ordering::Release, Ordering::Relaxed);
        let _ = self.returned.fetch_update(order, failure, push);
        self.given_back.fetch_add(1, Ordering::Relaxed);
    }

    /// The first slot that was never used; its link is null.
    fn take_fresh(&self, store: &mut Store) -> Result<&Slot, Error> {
        // The first slot of a chunk is its header.
        let index = store.fresh + (store.fresh % CHUNK_SLOTS == 0) as u32;
        let slot = match self.slot(index) {
            Some(slot) => slot,
            None => self.provide(index)?,
        };
        store.fresh = index + 1;
        Ok(slot)
    }

    /// The slot with the number `index`, with memory for it if it has none. Called with the lock.
    pub(super) fn provide(&self, index: u32) -> Result<&Slot, Error> {
        let number = (index / CHUNK_SLOTS) as usize;
        // SAFETY: directories live as long as the space.
        let mut directory = unsafe { &*self.directory.load(Ordering::Relaxed) };
        if number as u64 >= directory.length {
            directory = self.grow(directory, number)?;
        }
        // SAFETY: `number` is below the directory's length now.
        let entry = unsafe { &*directory.chunks.add(number) };
        if entry.load(Ordering::Relaxed).is_null() {
            let chunk = new_chunk(self, number).ok_or(Error::OutOfMemory)?;
            entry.store(chunk.cast().as_ptr(), Ordering::Release);
        }
        Ok(self.slot(index).expect("has a chunk"))
    }

    /// Replaces the directory by one that has room for chunk `number`.
    fn grow(&self, old: &Directory, number: usize) -> Result<&Directory, Error> {
        if number >= CHUNKS_MAX {
            return Err(Error::SpaceFull);
        }
        let length = (number + 1)
            .next_power_of_two()
            .max(2 * old.length as usize);
        let memory = allocate(directory_layout(length)).ok_or(Error::OutOfMemory)?;
        let directory = memory.cast::<Directory>();
        // SAFETY: `directory_layout` has room for the header and then `length` entries; zero is a
        // valid null entry (the model checker's atomics are written below in any case).
        unsafe {
            let chunks = directory.add(1).cast::<ChunkPointer>();
            for i in 0..length {
                let known = (i < old.length as usize).then(|| &*old.chunks.add(i));
                let chunk = known.map_or(null_mut(), |known| known.load(Ordering::Relaxed));
                chunks.add(i).write(AtomicPtr::new(chunk));
            }
            directory.write(Directory {
                length: length as u64,
                chunks: chunks.as_ptr(),
                replaced: core::ptr::from_ref(old).cast_mut(),
            });
            self.directory.store(directory.as_ptr(), Ordering::Release);
            Ok(&*directory.as_ptr())
        }
    }

    /// Forbids insertions from now on; those under way end before the next barrier has passed.
    pub(super) fn shut(&self) {
        let mut store = self.store.lock();
        (store.closed, store.limit) = (true, 0);
    }

    /// Notes that the slot with the number `index`, and none behind it, is in use or free.
    pub(super) fn occupy(&self, index: u32, slot: &Slot, free: bool) {
        let mut store = self.store.lock();
        store.fresh = index + 1;
        if free {
            slot.next.set(store.free);
            store.free = address(slot);
        } else {
            store.taken += 1;
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: the owner drops a space only when nobody can look up in it any more, so chunks
        // and directories have no reader; each was allocated with the layout it is freed with.
        unsafe {
            let current = self.directory.load(Ordering::Relaxed);
            for i in 0..(*current).length as usize {
                let chunk = (*(*current).chunks.add(i)).load(Ordering::Relaxed);
                if let Some(chunk) = NonNull::new(chunk) {
                    free(chunk.cast(), Layout::new::<Chunk>());
                }
            }
            let mut directory = current;
            while directory != &raw mut self.inline_directory {
                let replaced = (*directory).replaced;
                let layout = directory_layout((*directory).length as usize);
                free(NonNull::new_unchecked(directory).cast(), layout);
                directory = replaced;
            }
        }
    }
}

/// Why a tag does not grant what was asked.
#[cold]
fn refusal(tag: Tag, token: Token, need: Need) -> Error {
    match tag.is_named_by(token) {
        false => Error::InvalidCapability,
        true if tag.is_wrong_type(need) => Error::WrongType,
        true => Error::MissingRight,
    }
}

fn directory_layout(length: usize) -> Layout {
    let entries = Layout::array::<ChunkPointer>(length).expect("bounded by CHUNKS_MAX");
    let layout = Layout::new::<Directory>().extend(entries);
    layout.expect("bounded").0
}

/// A chunk of slots that hold nothing and begin with generation 1.
fn new_chunk(space: &Space, number: usize) -> Option<NonNull<Slot>> {
    let chunk = allocate(Layout::new::<Chunk>())?.cast::<Slot>();
    #[cfg(loom)]
    super::loom_tests::initialise_chunk(chunk);
    for k in 0..CHUNK_SLOTS as usize {
        // SAFETY: the chunk has room for this many slots, and all-zero bytes are a valid slot.
        let slot = unsafe { chunk.add(k).as_ref() };
        let space = core::ptr::from_ref(space).cast_mut();
        slot.space.store(space, Ordering::Relaxed);
        slot.set_tag(Tag::empty((k != 0) as u32, Kind::Free));
    }
    // SAFETY: as above; the first slot is the header.
    let header = unsafe { chunk.as_ref() };
    header.badge.store(number as u64, Ordering::Relaxed);
    Some(chunk)
}
