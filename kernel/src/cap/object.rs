//! What every kernel object begins with.
//!
//! Life: an object lives while somebody *uses* it. All its capabilities together are one use; a
//! kernel operation, a mapping, a blocked thread may hold others. The last use to go puts the
//! object on the list of the dead, from which `reap` destroys it at a point where no locks are
//! held; destroying one object may kill capabilities to others, whose death then joins the list,
//! so nothing recurses.
//!
//! Why a plain pointer found by a lookup stays good for the rest of the operation: whoever kills
//! a capability keeps a use of the object until the barrier has passed.
//!
//! Lock order: the derivation lock (`tree`) is outermost within this subsystem; a space's lock
//! nests inside it. Operations of objects (`ObjectOps`) are called with no lock held.

use core::ops::Deref;
use core::ptr::{NonNull, null_mut};

use super::slot::Slot;
use super::sync::{
    AtomicBool, AtomicPtr, AtomicU32, Ordering, Progress, SpinLock, preemption_point,
};
use crate::inspect::{Described, Name, Named, Shape};
use crate::lock::Rank;

crate::described! {
    /// Types of object, and the states of a slot that holds none.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    #[repr(u8)]
    pub enum Kind {
        /// The slot is free.
        Free = 0,
        /// Memory that can be mapped.
        Memory = 1,
        /// An address space.
        AddressSpace = 2,
        /// A thread.
        Thread = 3,
        /// A process with its capability space.
        Process = 4,
        /// A synchronous channel.
        Endpoint = 5,
        /// An asynchronous ring.
        Channel = 6,
        /// A word of bits to signal and wait for.
        Notification = 7,
        /// A device interrupt.
        Interrupt = 8,
        /// The console.
        Console = 9,
        /// Names of the registry.
        Namespace = 10,
        /// The right to answer one caller once.
        Reply = 11,
        /// The machine: CPUs and power.
        Machine = 12,
        /// Objects of tests.
        Test = 13,
        /// Dead, but still linked: its children are being moved to its parent.
        Dying = 14,
        /// All generations are used up.
        Retired = 15,
    }
}

impl Kind {
    #[inline]
    pub(super) const fn from_bits(bits: u8) -> Kind {
        // SAFETY: every number from 0 to 15 is a variant.
        unsafe { core::mem::transmute(bits & 15) }
    }
}

/// What a type of object does when capabilities to it go.
pub struct ObjectOps {
    /// Ends what was done through capabilities that no longer exist: threads blocked through one
    /// get their error, mappings made from one go with their TLB entries (`Binding::is_live`).
    /// Bounded; called until it is done, after the barrier, with no lock held.
    pub sweep: fn(&Object) -> Progress,
    /// Frees the object. No capability and no use is left. May close spaces and end uses, but
    /// not delete or revoke: what dies with the object waits its turn on the list.
    pub destroy: unsafe fn(NonNull<Object>),
    /// The space, other than a process's own, in which the object keeps capabilities: messages in
    /// a ring, names in a namespace. The collector of cycles follows it.
    pub holds: fn(&Object) -> *const super::space::Space,
}

/// A type of object: a structure that begins with an [`Object`] of the type's kind.
///
/// # Safety
/// The structure is `repr(C)`, its first field is the `Object`, and every `Object` of `KIND` is
/// the first field of such a structure.
pub unsafe trait Typed {
    /// The kind of every object of this type.
    const KIND: Kind;
}

/// Which structure an object of each kind is the header of.
const OBJECT_TYPES: &[Name] = &[
    of(Kind::Memory, "veridian_kernel::process::objects::Memory"),
    of(
        Kind::AddressSpace,
        "veridian_kernel::process::objects::SpaceObject",
    ),
    of(Kind::Thread, "veridian_kernel::process::thread::Thread"),
    of(Kind::Process, "veridian_kernel::process::pcb::Process"),
    of(Kind::Endpoint, "veridian_kernel::ipc::endpoint::Endpoint"),
    of(Kind::Channel, "veridian_kernel::ipc::async_ipc::Channel"),
    of(
        Kind::Notification,
        "veridian_kernel::ipc::notification::Notification",
    ),
    of(Kind::Console, "veridian_kernel::process::objects::Plain"),
    of(Kind::Namespace, "veridian_kernel::ipc::registry::Namespace"),
    of(Kind::Reply, "veridian_kernel::ipc::reply::Reply"),
    of(Kind::Machine, "veridian_kernel::process::objects::Plain"),
];

const fn of(kind: Kind, structure: &'static str) -> Name {
    <Kind as Named>::NAMES[kind as usize].object(structure)
}

crate::described! {
    /// Header of every kernel object.
    #[repr(C)]
    pub struct Object {
        kind: Kind,
        refs: AtomicU32,
        /// Capabilities in spaces that keep nothing alive by themselves (see `cycles`); changes
        /// only under the lock.
        pub(super) loose: AtomicU32,
        /// Next in the list of the dead, of suspects, or in the collector's work list.
        pub(super) next_listed: AtomicPtr<Object>,
        /// Not 0 while the object is among the suspects or in the collector's work list; each
        /// use that ends meanwhile adds one.
        pub(super) listed: AtomicU32,
        /// Whether it is in the collector's work list.
        pub(super) met: AtomicBool,
        /// The tree's sequence count when the collector looked at it.
        pub(super) seen: AtomicU32,
        pub(super) ops: &'static ObjectOps,
        pub(super) tree: SpinLock<Tree>,
    }
    kind: names(OBJECT_TYPES)
}

crate::described! {
    /// The derivation trees of one object, guarded by its derivation lock.
    #[repr(C)]
    #[derive(Default)]
    pub struct Tree {
        /// Odd while links change.
        pub(super) sequence: AtomicU32,
        /// Live capabilities.
        pub(super) capabilities: u32,
        /// Capabilities whose descendants are being revoked.
        pub(super) revoking: u32,
        /// First of the capabilities without a parent.
        pub(super) roots: *mut Slot,
    }
    sequence: sequence(),
    roots: tree(&[Name::role(2, "first_child"), Name::role(1, "next")])
}

// SAFETY: the pointers of a tree are used only under its lock.
unsafe impl Send for Tree {}
// SAFETY: everything mutable is atomic or behind the lock; `ops` is immutable.
unsafe impl Sync for Object {}

impl Object {
    /// A new object's header, with one use: its creator's.
    pub fn new(kind: Kind, ops: &'static ObjectOps) -> Object {
        Object {
            kind,
            refs: AtomicU32::new(1),
            loose: AtomicU32::new(0),
            next_listed: AtomicPtr::new(null_mut()),
            listed: AtomicU32::new(0),
            met: AtomicBool::new(false),
            seen: AtomicU32::new(0),
            ops,
            tree: SpinLock::new(Rank::Derivation, Tree::default()),
        }
    }

    /// The object's type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Live capabilities to the object.
    #[cfg(any(test, feature = "ktest"))]
    pub fn capabilities(&self) -> u32 {
        self.tree.lock().capabilities
    }

    /// Uses of the object; all its capabilities together are one.
    pub fn uses(&self) -> u32 {
        self.refs.load(Ordering::Relaxed)
    }

    /// Takes a further use. The caller holds one, or looked the object up in this operation and
    /// checks the answer: false means that the object is already dead.
    #[must_use]
    pub fn acquire(&self) -> bool {
        let more = |refs: u32| (refs != 0).then_some(refs + 1);
        let (order, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        self.refs.fetch_update(order, failure, more).is_ok()
    }

    /// Takes a further use while holding one, or while a capability exists under the lock.
    pub(super) fn acquire_held(&self) {
        self.refs.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a use. The last one leaves the object to `reap`.
    #[inline]
    pub fn release(&self) {
        if self.loose.load(Ordering::Relaxed) != 0
            && self.listed.fetch_add(1, Ordering::AcqRel) == 0
        {
            // Perhaps nothing but a cycle keeps it alive now. The list takes over this use.
            return SUSPECTS.push(self);
        }
        self.drop_use();
    }

    /// Ends a use without suspecting that the others are a cycle's.
    #[inline]
    pub(super) fn drop_use(&self) {
        let before = self.refs.fetch_sub(1, Ordering::AcqRel);
        debug_assert!(before != 0, "released a dead object");
        if before == 1 {
            DEAD.push(self);
        }
    }

    /// Ends what was done through capabilities that no longer exist.
    pub(super) fn sweep(&self) {
        while (self.ops.sweep)(self) == Progress::More {
            preemption_point();
        }
    }
}

/// Objects that wait for something to be done with them.
pub(super) struct Waiting(core::sync::atomic::AtomicPtr<Object>);

static DEAD: Waiting = Waiting::new();
static SUSPECTS: Waiting = Waiting::new();

impl Waiting {
    const fn new() -> Waiting {
        Waiting(core::sync::atomic::AtomicPtr::new(null_mut()))
    }

    fn push(&self, object: &Object) {
        let push = |first| {
            object.next_listed.store(first, Ordering::Relaxed);
            Some(core::ptr::from_ref(object).cast_mut())
        };
        let (order, failure) = (Ordering::Release, Ordering::Relaxed);
        let _ = self.0.fetch_update(order, failure, push);
    }

    /// Takes the whole list and does `body` to each.
    fn drain(&self, body: impl Fn(NonNull<Object>)) {
        let mut next = self.0.swap(null_mut(), Ordering::Acquire);
        while let Some(object) = NonNull::new(next) {
            // SAFETY: what is listed exists; taking the list gave it to this CPU alone.
            let link = unsafe { &object.as_ref().next_listed };
            next = link.load(Ordering::Relaxed);
            body(object);
            preemption_point();
        }
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

/// Destroys every object that has died. Called with no lock held, by whoever may have released
/// the last use of something.
#[inline]
pub fn reap() {
    while (!DEAD.is_empty() || !SUSPECTS.is_empty()) && reap_listed() {}
}

/// Says whether there can be more to do for this CPU.
#[cold]
fn reap_listed() -> bool {
    DEAD.drain(|object| {
        // SAFETY: no capability and no use is left, and the barrier after its last capability's
        // death has passed, since whoever killed that kept a use until then.
        unsafe { (object.as_ref().ops.destroy)(object) }
    });
    super::cycles::alone(|| {
        SUSPECTS.drain(|object| {
            // SAFETY: the list had a use of it.
            let object = unsafe { object.as_ref() };
            object.listed.store(0, Ordering::Release);
            super::cycles::examine(object);
        })
    })
}

/// A use of an object, as a value: the object lives as long as this does.
#[repr(transparent)]
pub struct Use<T: Typed>(NonNull<T>);

// SAFETY: a use can move to and be read from any CPU if the object can.
unsafe impl<T: Typed + Send + Sync> Send for Use<T> {}
// SAFETY: as above.
unsafe impl<T: Typed + Send + Sync> Sync for Use<T> {}

impl<T: Typed> Use<T> {
    /// Takes a further use of `object`, unless it is dead.
    pub fn of(object: &T) -> Option<Use<T>> {
        let this = core::mem::ManuallyDrop::new(Use(NonNull::from(object)));
        this.header().acquire().then_some(Use(this.0))
    }

    /// The use that a new object begins with.
    ///
    /// # Safety
    /// The caller owns one use of `object` and gives it up.
    pub unsafe fn from_raw(object: NonNull<T>) -> Use<T> {
        Use(object)
    }

    /// Gives up the value but not the use.
    pub fn into_raw(self) -> NonNull<T> {
        core::mem::ManuallyDrop::new(self).0
    }

    /// The header.
    pub fn header(&self) -> &Object {
        // SAFETY: `Typed` promises that the header comes first, and this use keeps it alive.
        unsafe { self.0.cast().as_ref() }
    }
}

impl<T: Typed + Described> Described for Use<T> {
    const SHAPE: Shape = NonNull::<T>::SHAPE;
}

impl<T: Typed + Described> Described for Option<Use<T>> {
    const SHAPE: Shape = NonNull::<T>::SHAPE;
}

impl<T: Typed> Deref for Use<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this use keeps the object alive.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Typed> Clone for Use<T> {
    fn clone(&self) -> Self {
        self.header().acquire_held();
        Use(self.0)
    }
}

impl<T: Typed> Drop for Use<T> {
    fn drop(&mut self) {
        self.header().release();
    }
}
