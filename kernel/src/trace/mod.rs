//! Tracepoints.
//!
//! `event!` is the one macro. A tracepoint that is off costs one load and one predicted branch: the
//! load is of a word with one bit per kind of event, the branch leads to code out of line. What is on is
//! counted per kind and CPU; packets come behind `record` without another change at the points.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::arch::cpu;
use crate::percpu::MAX_CPUS;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        /// Kinds of event: their bits in `ENABLED` and indices in `COUNTS`.
        #[allow(non_upper_case_globals)]
        pub mod kind { $($(#[$doc])* pub const $name: usize = $number;)* }
        /// Number of kinds.
        pub const KINDS: usize = [$($number),*].len();
    };
}

kinds! {
    /// The scheduler gave the CPU to a thread: thread, rank.
    switch = 0;
    /// A thread became ready: thread, CPU.
    wakeup = 1;
    /// A thread changed CPUs: thread, to.
    migrate = 2;
    /// A process was forked: parent, child.
    fork = 3;
    /// A process replaced its image: process, entry.
    exec = 4;
    /// A process ended: process, status.
    exit = 5;
    /// A system call began: thread, number.
    syscall_enter = 6;
    /// A system call ended: thread, status.
    syscall_leave = 7;
    /// An interrupt began: kind.
    interrupt_enter = 8;
    /// An interrupt ended: kind.
    interrupt_leave = 9;
    /// A page fault: address, access.
    page_fault = 10;
    /// IPC switched directly: from, to.
    ipc_switch = 11;
}

/// One bit for each kind of event that is on.
pub static ENABLED: AtomicU64 = AtomicU64::new(0);

/// Events seen while their kind was on, per CPU.
pub static COUNTS: [[AtomicU64; KINDS]; MAX_CPUS] =
    [const { [const { AtomicU64::new(0) }; KINDS] }; MAX_CPUS];

/// Records an event: a kind of `trace::kind` and up to two words.
#[macro_export]
macro_rules! trace_event {
    ($kind:ident $(, $word:expr)*) => {
        if $crate::trace::is_on!($kind) {
            $crate::trace::record($crate::trace::kind::$kind, &[$($word as u64),*]);
        }
    };
}
pub use trace_event as event;

/// Whether events of a kind are recorded.
#[macro_export]
macro_rules! trace_is_on {
    ($kind:ident) => {
        $crate::trace::ENABLED.load(core::sync::atomic::Ordering::Relaxed)
            & 1 << $crate::trace::kind::$kind
            != 0
    };
}
pub use trace_is_on as is_on;

/// Takes an event whose kind is on.
#[cold]
#[inline(never)]
pub fn record(kind: usize, _words: &[u64]) {
    COUNTS[cpu::current().number()][kind].fetch_add(1, Relaxed);
}
