//! One record per CPU.
//!
//! Model: `CPUS[i]` belongs to logical CPU `i` (0 is the boot CPU); a CPU finds its own record
//! through `arch::cpu::current()` in one instruction. The first fields have fixed offsets because
//! the entry code of every architecture reaches them by number.
//! Invariant: plain fields are written only by their own CPU or before it starts; what others
//! write (`ipi_pending`, `state`) is atomic.

use core::cell::Cell;
use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

#[cfg(not(target_os = "none"))]
use crate::arch::scheduler::{SCHEDULERS, Scheduler};
#[cfg(target_os = "none")]
use crate::sched::scheduler::{SCHEDULERS, Scheduler};

/// The most CPUs a machine may have; further ones stay off. CPU masks are `u64`.
pub const MAX_CPUS: usize = 16;

crate::described! {
    /// Life of a CPU, as `PerCpu::state` holds it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum CpuState {
        /// Not in the machine.
        Absent,
        /// In the machine, not running kernel code.
        Off,
        /// Told to start, or told to stop, and not there yet.
        Changing,
        /// Runs the kernel and takes work.
        Online,
    }
}

crate::described! {
    /// What one CPU keeps to itself.
    #[repr(C, align(128))]
    pub struct PerCpu {
        /// Address of this record, so that one load through the CPU's base register yields it.
        pub this: Cell<*const PerCpu>,
        /// Top of this CPU's kernel stack; entry code from user mode starts there.
        pub kernel_stack_top: Cell<u64>,
        /// The thread whose user registers are live on this CPU, or null in the idle loop.
        pub current: Cell<*mut crate::Thread>,
        /// For entry code only.
        pub scratch: [Cell<u64>; 4],
        /// The thread that a message is about to leave; see `ipc::message_passing`.
        pub left: Cell<*mut crate::Thread>,
        /// This CPU's scheduler; null until `describe`.
        scheduler: Cell<*const Scheduler>,
        bit: Cell<u64>,
        /// Logical number; index in `CPUS`.
        pub index: Cell<u32>,
        /// NUMA node.
        pub node: Cell<u32>,
        /// What the hardware calls this CPU: APIC id, MPIDR affinity, hart id.
        pub hardware_id: Cell<u64>,
        /// Lock ranks that this CPU holds, one bit each; debug builds only.
        pub held_ranks: Cell<u32>,
        /// Reasons why other CPUs sent the IPI; bits are defined by `sched::smp`.
        pub ipi_pending: AtomicU32,
        /// The address space in this CPU's register, or null; see `mm::tlb`.
        pub space: AtomicPtr<crate::mm::vas::AddressSpace>,
        /// User mode may use the FPU; see `sched::fpu`.
        pub fpu_on: Cell<bool>,
        state: AtomicU8,
    }
    state: names(CpuState::NAMES)
}

#[cfg(target_os = "none")]
impl PerCpu {
    /// This CPU's scheduler.
    pub fn scheduler(&self) -> &'static Scheduler {
        // SAFETY: `describe` has said which one, before anybody asks.
        unsafe { &*self.scheduler.get() }
    }
}

// SAFETY: the `Cell` fields are touched only by the CPU that owns the record, or before that CPU
// starts (see the module's invariant); everything else is atomic.
unsafe impl Sync for PerCpu {}

/// Every CPU's record, by logical number.
pub static CPUS: [PerCpu; MAX_CPUS] = [const { PerCpu::new() }; MAX_CPUS];
crate::root!("cpus", CPUS: [PerCpu; MAX_CPUS]);
static ONLINE: AtomicU64 = AtomicU64::new(0);

impl PerCpu {
    /// A record of a CPU that is not there.
    pub const fn new() -> Self {
        // SAFETY: zeros are null pointers, numbers, `false`, and `CpuState::Absent`.
        unsafe { core::mem::zeroed() }
    }

    /// Fills in who this CPU is. Called before the CPU starts.
    pub fn describe(&'static self, index: usize, hardware_id: u64, node: u32) {
        self.this.set(self);
        self.scheduler.set(&SCHEDULERS[index]);
        self.index.set(index as u32);
        self.bit.set(1 << index);
        self.hardware_id.set(hardware_id);
        self.node.set(node);
    }

    /// Logical number as an index.
    pub fn number(&self) -> usize {
        self.index.get() as usize % MAX_CPUS
    }

    /// This CPU's bit in a mask.
    pub fn bit(&self) -> u64 {
        self.bit.get()
    }

    /// Where this CPU is in its life.
    pub fn state(&self) -> CpuState {
        use CpuState::*;
        [Absent, Off, Changing, Online][usize::from(self.state.load(Ordering::Acquire) & 3)]
    }

    /// Moves this CPU on in its life and keeps the online mask true.
    pub fn set_state(&self, state: CpuState) {
        if state != CpuState::Online {
            ONLINE.fetch_and(!self.bit(), Ordering::SeqCst);
        }
        self.state.store(state as u8, Ordering::Release);
        if state == CpuState::Online {
            ONLINE.fetch_or(self.bit(), Ordering::SeqCst);
        }
    }
}

/// The CPUs that are online, as a mask.
pub fn online_mask() -> u64 {
    ONLINE.load(Ordering::SeqCst)
}

/// How many CPUs are online.
#[cfg(feature = "ktest")]
pub fn online_count() -> usize {
    online_mask().count_ones() as usize
}

/// The records of the CPUs in `mask`, by rising number.
pub fn cpus(mask: u64) -> impl Iterator<Item = &'static PerCpu> {
    let chosen = (0..MAX_CPUS).filter(move |number| mask & (1 << number) != 0);
    chosen.map(|number| &CPUS[number])
}

// Entry code of every architecture relies on these.
const _: () = {
    assert!(offset_of!(PerCpu, this) == 0 && offset_of!(PerCpu, kernel_stack_top) == 8);
    assert!(offset_of!(PerCpu, current) == 16 && offset_of!(PerCpu, scratch) == 24);
};
