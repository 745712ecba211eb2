//! The process control block: an address space, a capability space, threads, a place in the tree.
//!
//! Life: `Created` (program not started) → `Alive` → `Exiting` (the last thread is taking it down) →
//! `Zombie` (only number, status and capabilities to it are left) → freed with its last capability.
//! A zombie is *reaped* when its parent has waited for it or is gone; a process without a parent
//! belongs to init.
//!
//! Lock order: the tree of processes (`ProcessTree`, one lock: parents, children, the list of all)
//! comes before a process's own locks (`Process`: its threads and who waits for its end; its memory).

use core::cell::UnsafeCell;
use core::ptr::null;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering, Ordering::Relaxed};

use super::objects::SpaceObject;
use super::thread::Thread;
use super::wait::{self, WaitList};
use crate::cap::{self, DEFAULT_LIMIT, Keep, Kind, Object, Progress, Rights, Space, Use};
use crate::lock::{Rank, SpinLock};
use crate::sched::list::{Link, List, container};
use crate::syscall::Answer;
use veridian_abi::Error;

crate::described! {
    /// Where a process is in its life.
    #[repr(u8)]
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Life {
        /// Its program was not started yet.
        Created,
        /// Its program runs.
        Alive,
        /// Being taken down.
        Exiting,
        /// Ended; the status is known.
        Zombie,
    }
}

crate::described! {
    /// The threads of a process and those who wait for it.
    #[repr(C)]
    #[derive(Default)]
    pub struct Members {
        /// Threads that have not left.
        pub threads: List,
        /// How many they are.
        pub count: u32,
        /// Those who wait for the process's end.
        pub waiters: WaitList,
        /// Those who wait for the end of any child.
        pub child_waiters: WaitList,
    }
    threads: pointer("veridian_kernel::sched::list::Link").list(&[
        Name::role(1, "next"),
        Name::inside("veridian_kernel::process::thread::Thread", "sibling"),
    ])
}

impl Members {
    /// The threads that have not left.
    pub fn threads(&self) -> impl Iterator<Item = &mut Thread> {
        // SAFETY: threads in the list are alive, and the process's lock is held; what other CPUs
        // change of them meanwhile is atomic.
        let threads = |link: *mut Link| unsafe { &mut *container!(link, Thread, sibling) };
        self.threads.iter().map(threads)
    }
}

crate::described! {
    /// A process's place in the tree.
    #[repr(C)]
    #[derive(Default)]
    pub struct Kin {
        /// Parent, or null for init and for orphans of init.
        pub parent: *const Process,
        /// Its children.
        pub children: List,
        /// Place among the children of the same parent.
        pub sibling: Link,
        /// Place among all processes.
        pub all: Link,
    }
    children: pointer("veridian_kernel::sched::list::Link").list(&[
        Name::role(1, "next"),
        Name::inside("veridian_kernel::process::pcb::Process", "kin.sibling"),
    ])
}

/// A name of a process, padded with zeros.
pub type Label = [u8; 16];

crate::described! {
    /// A process.
    #[repr(C)]
    pub struct Process {
        /// Header of the kernel object.
        pub object: Object,
        /// Number, for people and traces only; never reused.
        pub pid: u32,
        life: AtomicU8,
        /// Exit status, 0 to 255, valid for a zombie.
        pub status: AtomicU32,
        /// Its capability space.
        pub space: Keep,
        /// Its address space as an object; gone for a zombie.
        pub memory: SpinLock<Option<Use<SpaceObject>>>,
        /// Threads and waiters.
        pub members: SpinLock<Members>,
        kin: UnsafeCell<Kin>,
        /// Name, for people: that of its image or of what it was forked from.
        pub name: Label,
    }
    life: names(Life::NAMES),
    name: text()
}

// SAFETY: what is not atomic or locked is guarded by the tree's lock, or belongs to whoever creates
// or takes down the process.
unsafe impl Sync for Process {}
// SAFETY: as above.
unsafe impl Send for Process {}

crate::object_type! {
    Process: Kind::Process, "process";

    fn sweep(&self) -> Progress {
        wait::sweep(|| {
            let members = &mut *self.members.lock();
            let dead = members.waiters.take_dead();
            dead.or_else(|| members.child_waiters.take_dead())
        })
    }

    fn holds(&self) -> *const Space {
        self.space.as_ptr()
    }
}

static NEXT_PID: AtomicU32 = AtomicU32::new(1);

crate::described! {
    /// The tree of processes.
    pub struct Tree {
        /// All processes, the newest first.
        first: List,
        /// Adopts orphans.
        pub init: *const Process,
        /// Number of processes, zombies included.
        pub count: usize,
    }
    first: pointer("veridian_kernel::sched::list::Link").list(&[
        Name::role(1, "next"),
        Name::inside("veridian_kernel::process::pcb::Process", "kin.all"),
    ])
}

// SAFETY: processes in the tree are reached under its lock.
unsafe impl Send for Tree {}

/// All processes.
pub static TREE: SpinLock<Tree> = SpinLock::new(
    Rank::ProcessTree,
    Tree {
        first: List::new(),
        init: null(),
        count: 0,
    },
);
crate::root!("processes", TREE: SpinLock<Tree>);

impl Tree {
    /// All processes.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.first.iter().map(|link| of(container!(link, Kin, all)))
    }

    /// The children of `parent`, while the lock is held.
    pub fn children<'p>(&self, parent: &'p Process) -> impl Iterator<Item = &'p Process> + use<'p> {
        // SAFETY: guarded by the tree's lock.
        let children = unsafe { &(*parent.kin.get()).children };
        let links = children.iter();
        links.map(|link| of(container!(link, Kin, sibling)))
    }

    /// The parent of `child`, while the lock is held.
    pub fn parent<'p>(&self, child: &'p Process) -> Option<&'p Process> {
        // SAFETY: guarded by the tree's lock; a parent hands its children on before it goes.
        unsafe { (*child.kin.get()).parent.as_ref() }
    }

    /// Makes `child`, which has no parent, a child of `parent`.
    pub fn adopt(&mut self, parent: &Process, child: &Process) {
        let kin = child.kin.get();
        // SAFETY: guarded by the tree's lock; a process leaves the tree before it is freed.
        unsafe {
            (*kin).parent = parent;
            let children = &raw mut (*parent.kin.get()).children;
            (*children).push_front(&raw mut (*kin).sibling);
        }
    }

    /// Takes a process out of its parent's children, if it has a parent.
    pub fn orphan(&mut self, child: &Process) {
        let kin = child.kin.get();
        // SAFETY: guarded by the tree's lock; with a parent it is in the list of its children.
        unsafe {
            if !core::mem::replace(&mut (*kin).parent, null()).is_null() {
                Link::unlink(&raw mut (*kin).sibling);
            }
        }
    }
}

/// The process that a place in the tree belongs to. The tree's lock is held.
fn of<'p>(kin: *mut Kin) -> &'p Process {
    // SAFETY: every place is part of a process, and processes exist until they leave the tree.
    unsafe { &*container!(kin, Process, kin) }
}

impl Process {
    /// A new process without threads, entered in the tree under `parent`.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create(
        parent: Option<&Process>,
        memory: Use<SpaceObject>,
        name: Label,
    ) -> Result<Use<Process>, Error> {
        let process = cap::create(Process {
            object: cap::header::<Process>(),
            pid: NEXT_PID.fetch_add(1, Relaxed),
            life: AtomicU8::new(Life::Created as u8),
            status: AtomicU32::new(0),
            space: Keep::default(),
            memory: SpinLock::new(Rank::Process, Some(memory)),
            members: SpinLock::new(Rank::Process, Members::default()),
            kin: UnsafeCell::new(Kin::default()),
            name,
        })?;
        {
            let mut tree = TREE.lock();
            // SAFETY: the tree's lock is held; the process leaves the list before it is freed.
            unsafe { tree.first.push_front(&raw mut (*process.kin.get()).all) };
            tree.count += 1;
            // One that ends hands its children on, now or before, and then takes no other.
            if let Some(parent) = parent.filter(|parent| !parent.is_ending()) {
                tree.adopt(parent, &process);
            }
        }
        process.space.fill(&process.object, true, DEFAULT_LIMIT)?;
        // A process that is not taken down yet is a use of itself.
        let alive = process.object.acquire();
        debug_assert!(alive);
        Ok(process)
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
        let (from, to) = (from as u8, to as u8);
        let moved = self
            .life
            .compare_exchange(from, to, Ordering::AcqRel, Relaxed);
        moved.is_ok()
    }

    /// Whether it is being taken down, or was.
    pub fn is_ending(&self) -> bool {
        matches!(self.life(), Life::Exiting | Life::Zombie)
    }

    /// Begins its end; false if that was done before. The lock of its members is held.
    pub fn begin_end(&self) -> bool {
        self.advance(Life::Created, Life::Exiting) || self.advance(Life::Alive, Life::Exiting)
    }

    /// The capability space.
    ///
    /// # Errors
    /// `PeerDied` if there was no memory for it.
    pub fn space(&self) -> Result<&Space, Error> {
        self.space.get().ok_or(Error::PeerDied)
    }

    /// Gives the process a first capability to a new object. Result: its token.
    ///
    /// # Errors
    /// Those of the space; `Closed` if the process is ending.
    pub fn give(&self, object: &Object) -> Answer {
        let token = self.space()?.insert_root(object, Rights::all(), 0)?;
        Ok(token.0)
    }

    /// The address space.
    ///
    /// # Errors
    /// `PeerDied` if the process has ended.
    pub fn memory(&self) -> Result<Use<SpaceObject>, Error> {
        self.memory.lock().clone().ok_or(Error::PeerDied)
    }
}

impl Drop for Process {
    /// It never started or is a zombie, and nobody uses it.
    fn drop(&mut self) {
        // One that could not be made is not in the tree yet.
        if self.kin.get_mut().all.next.is_null() {
            return;
        }
        let mut tree = TREE.lock();
        tree.orphan(self);
        tree.count -= 1;
        // SAFETY: the tree's lock is held; the process has been in the list since it was made.
        unsafe { Link::unlink(&raw mut self.kin.get_mut().all) };
    }
}
