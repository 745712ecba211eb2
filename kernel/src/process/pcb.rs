//! The process control block: an address space, a capability space, threads, a place in the tree.
//!
//! Life: `Created` (no thread started) → `Alive` → `Exiting` (the last thread is taking it down) →
//! `Zombie` (only number, status and capabilities to it are left) → freed with its last capability.
//! A zombie is *reaped* when its parent has waited for it or is gone; a process without a parent
//! belongs to init.
//!
//! Lock order: the tree of processes (`ProcessTree`, one lock: parents, children, the list of all)
//! comes before a process's own lock (`Process`: its threads, who waits for its end).

use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering, Ordering::Relaxed};

use alloc::boxed::Box;

use super::objects::SpaceObject;
use super::thread::Thread;
use super::wait::WaitList;
use crate::cap::{DEFAULT_LIMIT, Kind, Object, ObjectOps, Progress, Space, Typed, Use};
use crate::lock::{Guard, Rank, SpinLock};
use crate::mm::heap::Cache;
use veridian_abi::Error;

crate::described! {
    /// Where a process is in its life.
    #[repr(u8)]
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Life {
        /// No thread was started yet.
        Created,
        /// Threads may run.
        Alive,
        /// Being taken down.
        Exiting,
        /// Ended; the status is known.
        Zombie,
    }
}

crate::described! {
    /// What a process's lock guards.
    #[repr(C)]
    pub struct Members {
        /// First thread.
        pub threads: *mut Thread,
        /// Threads that have not left.
        pub count: u32,
        /// Those who wait for the process's end.
        pub waiters: WaitList,
        /// Those who wait for the end of any child.
        pub child_waiters: WaitList,
    }
    threads: list(&[Name::role(1, "next")])
}

crate::described! {
    /// What the tree's lock guards.
    #[repr(C)]
    pub struct Kin {
        /// Parent, or null for init and for orphans of init.
        pub parent: *mut Process,
        /// First child.
        pub children: *mut Process,
        /// Next child of the same parent.
        pub next_sibling: *mut Process,
        /// Neighbours in the list of all processes.
        pub next: *mut Process,
        /// Neighbours in the list of all processes.
        pub previous: *mut Process,
    }
    children: list(&[Name::role(1, "kin.next_sibling")])
}

crate::described! {
    /// A process.
    #[repr(C)]
    pub struct Process {
        object: Object,
        /// Number, for people and traces only; never reused.
        pub pid: u32,
        life: AtomicU8,
        /// Exit status, 0 to 255, valid for a zombie.
        pub status: AtomicU32,
        /// Its capability space; null once it has been freed.
        pub space: AtomicPtr<Space>,
        /// Its address space as an object; gone for a zombie.
        memory: UnsafeCell<Option<Use<SpaceObject>>>,
        lock: SpinLock<()>,
        members: UnsafeCell<Members>,
        kin: UnsafeCell<Kin>,
        /// Name, for people: that of its image or of what it was forked from.
        pub name: [u8; 16],
    }
    life: names(Life::NAMES),
    name: text()
}

// SAFETY: what is not atomic is guarded by the process's lock, the tree's lock, or belongs to
// whoever creates or takes down the process.
unsafe impl Sync for Process {}
// SAFETY: as above.
unsafe impl Send for Process {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Process {
    const KIND: Kind = Kind::Process;
}

static CACHE: Cache<Process> = Cache::new("process");
static NEXT_PID: AtomicU32 = AtomicU32::new(1);
static OPERATIONS: ObjectOps = ObjectOps {
    sweep,
    destroy,
    holds: |object| of(object).space.load(Ordering::Acquire),
};

crate::described! {
    /// The tree of processes.
    pub struct Tree {
        /// First of all processes.
        pub first: *mut Process,
        /// Adopts orphans.
        pub init: *mut Process,
        /// Number of processes, zombies included.
        pub count: usize,
    }
    first: list(&[Name::role(1, "kin.next")])
}

// SAFETY: processes in the tree are reached under its lock.
unsafe impl Send for Tree {}

/// All processes.
pub static TREE: SpinLock<Tree> = SpinLock::new(
    Rank::ProcessTree,
    Tree {
        first: null_mut(),
        init: null_mut(),
        count: 0,
    },
);
crate::root!("processes", TREE: SpinLock<Tree>);

impl Process {
    /// A new process without threads, entered in the tree under `parent`. Its one use is the caller's.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create(
        parent: Option<&Process>,
        memory: Use<SpaceObject>,
        name: [u8; 16],
    ) -> Result<NonNull<Process>, Error> {
        let process = CACHE
            .allocate()
            .map_err(|_| Error::OutOfMemory)?
            .cast::<Process>();
        let space = match Space::create(process.as_ptr().cast(), true, DEFAULT_LIMIT) {
            Ok(space) => Box::into_raw(space),
            Err(error) => {
                // SAFETY: just allocated, never used.
                unsafe { CACHE.free_uninit(process.cast()) };
                return Err(error);
            }
        };
        // SAFETY: the memory is fresh and large enough.
        unsafe {
            process.write(Process {
                object: Object::new(Kind::Process, &OPERATIONS),
                pid: NEXT_PID.fetch_add(1, Relaxed),
                life: AtomicU8::new(Life::Created as u8),
                status: AtomicU32::new(0),
                space: AtomicPtr::new(space),
                memory: UnsafeCell::new(Some(memory)),
                lock: SpinLock::new(Rank::Process, ()),
                members: UnsafeCell::new(Members {
                    threads: null_mut(),
                    count: 0,
                    waiters: WaitList::new(),
                    child_waiters: WaitList::new(),
                }),
                kin: UnsafeCell::new(Kin {
                    parent: null_mut(),
                    children: null_mut(),
                    next_sibling: null_mut(),
                    next: null_mut(),
                    previous: null_mut(),
                }),
                name,
            });
        }
        // SAFETY: just written.
        let p = unsafe { process.as_ref() };
        // A process that is not taken down yet is a use of itself.
        let alive = p.object.acquire();
        debug_assert!(alive);
        p.enter_tree(parent);
        Ok(process)
    }

    /// The kernel object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Where it is in its life.
    pub fn life(&self) -> Life {
        match self.life.load(Ordering::Acquire) {
            0 => Life::Created,
            1 => Life::Alive,
            2 => Life::Exiting,
            _ => Life::Zombie,
        }
    }

    /// Moves from one stage of life to another; false if it was not in that stage.
    pub fn advance(&self, from: Life, to: Life) -> bool {
        self.life
            .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Relaxed)
            .is_ok()
    }

    /// The capability space.
    ///
    /// # Safety
    /// The process is not a zombie, or the caller is taking it down.
    pub unsafe fn capabilities(&self) -> &Space {
        // SAFETY: the caller promises that the space was not freed.
        unsafe { &*self.space.load(Ordering::Acquire) }
    }

    /// The capability space, to put something in for a process that another one names.
    ///
    /// # Errors
    /// `PeerDied` if the process is ending: its space is closed or gone.
    ///
    /// # Safety
    /// The process was looked up in this operation, so that its space is freed only afterwards.
    pub unsafe fn open_space(&self) -> Result<&Space, Error> {
        // SAFETY: a space that was not null when it was read is freed after a grace period.
        unsafe { self.space.load(Ordering::Acquire).as_ref() }.ok_or(Error::PeerDied)
    }

    /// The address space, unless the process has ended.
    pub fn memory(&self) -> Option<Use<SpaceObject>> {
        let _guard = self.lock.lock();
        // SAFETY: guarded by the process's lock.
        unsafe { (*self.memory.get()).clone() }
    }

    /// Replaces the address space (exec), or takes it away (exit). Result: the one before.
    pub fn replace_memory(&self, memory: Option<Use<SpaceObject>>) -> Option<Use<SpaceObject>> {
        let _guard = self.lock.lock();
        // SAFETY: guarded by the process's lock.
        unsafe { core::mem::replace(&mut *self.memory.get(), memory) }
    }

    /// Locks threads and waiters.
    pub fn members(&self) -> Locked<'_, Members> {
        let _guard = self.lock.lock();
        // SAFETY: the lock is held as long as the reference lives.
        let value = unsafe { &mut *self.members.get() };
        Locked { _guard, value }
    }

    /// The lock, as waiting threads name it.
    pub fn wait_lock(&self) -> *const SpinLock<()> {
        &raw const self.lock
    }

    /// Its place in the tree.
    pub fn kin<'a>(&'a self, _tree: &'a mut Guard<'_, Tree>) -> &'a mut Kin {
        // SAFETY: the tree's lock is held, and borrowed for as long as the reference lives.
        unsafe { &mut *self.kin.get() }
    }

    fn pointer(&self) -> *mut Process {
        (self as *const Process).cast_mut()
    }

    fn enter_tree(&self, parent: Option<&Process>) {
        let mut tree = TREE.lock();
        let first = tree.first;
        let kin = self.kin(&mut tree);
        kin.next = first;
        if let Some(parent) = parent {
            kin.parent = parent.pointer();
            // SAFETY: both records are guarded by the tree's lock, and they are two.
            unsafe {
                let elder = &mut *parent.kin.get();
                (*self.kin.get()).next_sibling = elder.children;
                elder.children = self.pointer();
            }
        }
        // SAFETY: processes in the list exist until they leave it.
        if let Some(first) = unsafe { first.as_ref() } {
            first.kin(&mut tree).previous = self.pointer();
        }
        tree.first = self.pointer();
        tree.count += 1;
    }

    /// Takes the process out of its parent's children. Called with the tree's lock.
    pub fn orphan(&self, tree: &mut Guard<'_, Tree>) {
        let parent = core::mem::replace(&mut self.kin(tree).parent, null_mut());
        // SAFETY: a parent outlives its children's links: it hands them on before it goes.
        let Some(parent) = (unsafe { parent.as_ref() }) else {
            return;
        };
        let mut link = &raw mut parent.kin(tree).children;
        // SAFETY: links of siblings, under the tree's lock.
        unsafe {
            while !(*link).is_null() {
                if *link == self.pointer() {
                    *link = (*self.kin.get()).next_sibling;
                    (*self.kin.get()).next_sibling = null_mut();
                    return;
                }
                link = &raw mut (*(**link).kin.get()).next_sibling;
            }
        }
    }

    fn leave_tree(&self) {
        let mut tree = TREE.lock();
        self.orphan(&mut tree);
        let (next, previous) = (self.kin(&mut tree).next, self.kin(&mut tree).previous);
        // SAFETY: neighbours in the list exist until they leave it.
        unsafe {
            match previous.as_ref() {
                Some(previous) => previous.kin(&mut tree).next = next,
                None => tree.first = next,
            }
            if let Some(next) = next.as_ref() {
                next.kin(&mut tree).previous = previous;
            }
        }
        tree.count -= 1;
    }
}

/// Something behind a process's lock.
pub struct Locked<'a, T> {
    _guard: Guard<'a, ()>,
    value: &'a mut T,
}

impl<T> core::ops::Deref for Locked<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> core::ops::DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}

fn of(object: &Object) -> &Process {
    // SAFETY: these operations are installed in processes alone, whose header comes first.
    unsafe { &*(&raw const *object).cast() }
}

/// Ends the waits that were begun through capabilities which no longer exist.
fn sweep(object: &Object) -> Progress {
    let process = of(object);
    let found = {
        let members = process.members();
        super::wait::take_dead(&members.waiters)
            .or_else(|| super::wait::take_dead(&members.child_waiters))
    };
    match found {
        // SAFETY: `take_dead` unlinked the thread, so its wake-up is this function's.
        Some(thread) => unsafe {
            super::wait::finish(thread, Error::Revoked as i64 as u64, 0);
            Progress::More
        },
        None => Progress::Done,
    }
}

/// Frees a process that nobody uses; it never started or is a zombie.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    let process = object.cast::<Process>();
    // SAFETY: nobody else uses the process.
    unsafe {
        let p = process.as_ref();
        p.leave_tree();
        drop(p.replace_memory(None));
        let space = p.space.swap(null_mut(), Ordering::AcqRel);
        if !space.is_null() {
            (*space).close();
            drop(Box::from_raw(space));
        }
        CACHE.free(process);
    }
}
