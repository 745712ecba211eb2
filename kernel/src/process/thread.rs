//! The thread control block.
//!
//! A thread is its user registers, its place in the scheduler and what it waits for; it has no
//! kernel stack. The registers come first, so that entry code reaches them from the per-CPU
//! record without knowing the rest.
//!
//! Life: `New` → (ready, running, blocked)* → `Dead`. A dead thread stays as long as it has a
//! capability or a use. A thread kills itself only: others set `flag::KILLED` and see to it that it
//! comes to a point where it looks.
//!
//! Invariant: the fields that others read without a lock are atomic; everything else belongs to
//! the CPU that runs the thread, or to whoever owns its wake-up, or (`links`) to its process's lock.

use core::mem::offset_of;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{
    AtomicI32, AtomicPtr, AtomicU16, AtomicU32, AtomicU64, Ordering, Ordering::Relaxed,
};

use super::objects::Memory;
use super::pcb::Process;
use super::wait::{Reason, Wait, WaitList};
use crate::arch::context::{FpuState, Frame};
use crate::arch::cpu;
use crate::cap::{Binding, Kind, Memo, Object, ObjectOps, Space, Typed, Use};
use crate::mm::heap::Cache;
use crate::mm::object::MemoryObject;
use crate::mm::vas::{AddressSpace, FutexKey};
use crate::mm::{MapFlags, OutOfMemory, PAGE_SIZE, VirtAddr};
use crate::sched::list::{Link, container};
use crate::sched::task::Task;
use crate::sched::tree::Node;
use veridian_abi::{Error, MessageBuffer};

/// Bytes of a message buffer's page.
pub const PAGE: u64 = PAGE_SIZE as u64;

/// Bits of `Thread::flags`.
pub mod flag {
    /// It must end as soon as it is looked at.
    pub const KILLED: u32 = 1;
    /// Nobody will join it.
    pub const DETACHED: u32 = 1 << 1;
    /// It was started.
    pub const STARTED: u32 = 1 << 2;
    /// It has ended and left its process.
    pub const DEAD: u32 = 1 << 3;
}

crate::described! {
    /// What IPC keeps in a thread.
    #[repr(C)]
    #[derive(Default)]
    pub struct Ipc {
        /// The caller this thread serves and has not answered.
        pub caller: AtomicPtr<Thread>,
        /// Descriptor of the message that waits to be taken.
        pub info: u64,
        /// Its register words.
        pub words: [u64; 4],
        /// Badge of the capability it was sent through.
        pub badge: u64,
        /// When the call was made, if its round trip is measured.
        pub started: u64,
        /// The endpoint it sent to last; while it waits there, it does so through this capability.
        pub target: Memo,
        /// The endpoint it received from last; likewise.
        pub source: Memo,
    }
}

crate::described! {
    /// A thread.
    #[repr(C)]
    pub struct Thread {
        /// User registers while it does not run.
        pub frame: Frame,
        /// Header of the kernel object.
        pub object: Object,
        /// Its address space, which its process keeps alive.
        pub memory: *const AddressSpace,
        /// The message buffer through the kernel's own mapping.
        pub buffer: *mut MessageBuffer,
        /// Its process's capability space.
        pub space: *const Space,
        /// Its process; null once it has left it.
        pub process: *mut Process,
        /// Number, for people and traces only; never reused.
        pub id: u32,
        /// `flag` bits.
        pub flags: AtomicU32,
        /// What IPC keeps.
        pub ipc: Ipc,
        /// What it waits for.
        pub wait: Wait,
        /// The scheduler's part.
        pub task: Task,
        /// Node in a timer queue.
        pub timer: Node,
        /// CPU whose timer queue holds the node, or -1.
        pub timer_cpu: AtomicI32,
        /// Saved floating-point and vector state, once it used any.
        pub fpu: Option<NonNull<FpuState>>,
        /// CPU whose FPU holds its state, or -1.
        pub fpu_cpu: AtomicI32,
        /// Where its faults are sent; null: they end the process.
        pub fault_handler: AtomicPtr<Object>,
        /// Badge of the capability by which the fault handler was set.
        pub fault_badge: u64,
        /// Those who wait for its end, under its process's lock.
        pub joiners: WaitList,
        /// What it ended with.
        pub exit_value: AtomicU64,
        /// Place among the threads of its process.
        pub sibling: Link,
        /// User address of the message buffer.
        pub buffer_address: u64,
        /// The word it waits at, while it waits for one.
        pub futex: Option<FutexKey>,
        /// The rank that waiters for its mutexes lend it; 0 if none does.
        pub lent_rank: AtomicU16,
        /// Keeps the message buffer's frame.
        pub buffer_memory: Option<Use<Memory>>,
    }
    flags: bits("state", 2, 2).names(&[
        Name::new(0, "New"),
        Name::new(1, "Alive"),
        Name::new(2, "Dead"),
        Name::new(3, "Dead"),
    ])
}

const _: () = assert!(offset_of!(Thread, frame) == 0);

// SAFETY: `ThreadObject` is the header itself; threads are the one type in which it does not come
// first, because entry code needs the registers there.
unsafe impl Typed for ThreadObject {
    const KIND: Kind = Kind::Thread;
}

/// What a thread capability points to: the header within the thread.
#[repr(C)]
pub struct ThreadObject(Object);

impl ThreadObject {
    /// The thread that a capability names. What is not its own CPU's business is atomic or locked.
    #[expect(clippy::mut_from_ref, reason = "a thread is its own CPU's to change")]
    pub fn get(&self) -> &mut Thread {
        // SAFETY: a thread with a capability exists for the length of the operation.
        unsafe { &mut *self.thread() }
    }

    /// The thread that the header belongs to.
    pub fn thread(&self) -> *mut Thread {
        container!((&raw const *self).cast_mut(), Thread, object)
    }
}

/// The longest chain of calls whose first caller pays for all; in longer ones it is a later one.
const PAYING_CHAIN: usize = 64;

static CACHE: Cache<Thread> = Cache::new("thread");
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

static OPERATIONS: ObjectOps = ObjectOps {
    sweep: super::lifecycle::sweep_thread,
    destroy,
    holds: |_| core::ptr::null(),
};

impl Thread {
    /// A thread of no process yet, with the registers of `frame`.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create(frame: Frame) -> Result<Use<ThreadObject>, OutOfMemory> {
        let thread = CACHE.allocate_with(Thread {
            frame,
            object: Object::new(Kind::Thread, &OPERATIONS),
            memory: core::ptr::null(),
            buffer: null_mut(),
            space: core::ptr::null(),
            process: null_mut(),
            id: NEXT_ID.fetch_add(1, Relaxed),
            flags: AtomicU32::new(0),
            ipc: Ipc::default(),
            wait: Wait::default(),
            task: Task::new(),
            timer: Node::default(),
            timer_cpu: AtomicI32::new(-1),
            fpu: None,
            fpu_cpu: AtomicI32::new(-1),
            fault_handler: AtomicPtr::new(null_mut()),
            fault_badge: 0,
            joiners: WaitList::default(),
            exit_value: AtomicU64::new(0),
            sibling: Link::default(),
            buffer_address: 0,
            futex: None,
            lent_rank: AtomicU16::new(0),
            buffer_memory: None,
        })?;
        // SAFETY: the thread exists; its one use is its creator's.
        Ok(unsafe { Use::from_raw(thread.byte_add(offset_of!(Thread, object)).cast()) })
    }

    /// Gives a thread of the address space `memory` a message buffer at `at` (0: anywhere).
    ///
    /// # Errors
    /// `OutOfMemory`, and those of a mapping.
    pub fn give_buffer(&mut self, memory: &AddressSpace, at: u64) -> Result<(), Error> {
        let page = Memory::wrap(MemoryObject::create(PAGE))?;
        let (at, flags) = (VirtAddr(at), MapFlags::USER_DATA);
        let at = memory.map_object(page.memory(), 0, at, PAGE, flags, Binding::KERNEL)?;
        let frame = page.memory().frame(0);
        self.buffer = frame.map_or(null_mut(), |frame| frame.as_ptr());
        self.buffer_address = at.0;
        self.buffer_memory = Some(page);
        Ok(())
    }

    /// Makes this thread's address space that of this CPU.
    #[inline]
    pub fn activate(&self) {
        // SAFETY: a thread that runs has a process, which keeps the space.
        crate::mm::tlb::switch_to(unsafe { &*self.memory });
    }

    /// Who pays for its time: the first of those who wait for its answer, in a chain of calls.
    pub fn payer(&self) -> *mut Thread {
        let mut payer = core::ptr::from_ref(self).cast_mut();
        for _ in 0..PAYING_CHAIN {
            // SAFETY: a caller is not named any more when it is freed, a grace period before.
            match unsafe { (*payer).ipc.caller.load(Ordering::Acquire) } {
                caller if caller.is_null() => break,
                caller => payer = caller,
            }
        }
        payer
    }

    /// The capability it blocked through.
    pub fn via(&self) -> Binding {
        match self.wait.reason {
            Reason::Send | Reason::Call | Reason::Reply => self.ipc.target.binding(),
            Reason::Receive => self.ipc.source.binding(),
            _ => self.wait.via,
        }
    }

    /// Whether it has ended.
    pub fn is_dead(&self) -> bool {
        self.flags.load(Ordering::Acquire) & flag::DEAD != 0
    }

    /// Whether it is the calling CPU's current thread.
    pub fn is_current(&self) -> bool {
        core::ptr::eq(cpu::current().current.get(), self)
    }
}

/// Frees a thread that nobody uses.
///
/// # Safety
/// As `ObjectOps::destroy` says.
unsafe fn destroy(object: NonNull<Object>) {
    // SAFETY: the header is part of a thread from the cache; nobody uses it any more.
    unsafe {
        let thread = object.cast::<ThreadObject>().as_ref().thread();
        crate::sched::fpu::discard(&mut *thread);
        super::lifecycle::drop_fault_handler(&mut *thread);
        let buffer = (*thread).buffer_memory.take();
        buffer.inspect(|buffer| buffer.memory().unmap(true));
        CACHE.free(NonNull::new_unchecked(thread));
    }
}
