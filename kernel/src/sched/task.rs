//! What a schedulable thing is: class, rank, share and where it stands.
//!
//! Order of the classes: fixed priority (256 levels) before round-robin before
//! fair. The *rank* puts all three on one scale, so that comparing two tasks
//! is comparing two numbers: fair 0, round-robin 1, fixed level `n` at `n + 2`.
//!
//! A task runs with its *effective* rank: its own, or that of whoever it works
//! for (a caller it serves, a waiter for a mutex it holds), if that is higher.
//!
//! Invariant: `queue` names the CPU whose run queue holds the task, and only
//! that queue's lock guards the links, the key and the effective rank then.

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU64, Ordering::Relaxed};

use super::list::Link;
use super::tree::Node;
use veridian_abi::class;

/// Ranks there are.
pub const RANKS: usize = 258;
/// Rank of every fair task.
pub const RANK_FAIR: u16 = 0;
/// Rank of every round-robin task.
pub const RANK_ROUND_ROBIN: u16 = 1;
/// Rank of fixed level 0; level `n` is `n` above.
pub const RANK_FIXED: u16 = 2;
/// A woken fair task preempts one that is further ahead than this in virtual time.
const FAIR_GRANULARITY: u64 = 2_000_000;
/// Weight of nice 0.
pub const WEIGHT_UNIT: u64 = 1024;

crate::described! {
    /// How a task shares the CPU with others.
    #[repr(u8)]
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Class {
        /// Runs until it blocks or a higher level is ready.
        Fixed,
        /// Takes turns of one slice with its equals.
        RoundRobin,
        /// Gets a share of CPU time by weight.
        Fair,
    }
}

impl Class {
    /// The class that a user calls `number`, if `level` is one of its levels.
    pub fn of(number: u64, level: i64) -> Option<Class> {
        let (class, levels) = match number {
            class::FIXED => (Class::Fixed, 0..256),
            class::ROUND_ROBIN => (Class::RoundRobin, 0..1),
            class::FAIR => (Class::Fair, -20..20),
            _ => return None,
        };
        levels.contains(&level).then_some(class)
    }
}

/// Weight of nice -20 to 19: each step is worth 1.25 times the next.
const WEIGHTS: [u32; 40] = [
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906, 3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87,
    70, 56, 45, 36, 29, 23, 18, 15,
];

/// Buckets of the wake-up latency histogram: bucket `n` counts latencies below 2^n microseconds.
pub const LATENCY_BUCKETS: usize = 16;

crate::described! {
    /// What the scheduler counts for one task; nanoseconds and events.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    pub struct Metrics {
        /// CPU time charged.
        pub run_time: u64,
        /// Time spent ready but not running.
        pub wait_time: u64,
        /// Times it was given a CPU by the scheduler.
        pub switches: u64,
        /// Times it changed CPUs.
        pub migrations: u64,
        /// Latencies from wake-up to running.
        pub latency: [u32; LATENCY_BUCKETS],
    }
}

impl Metrics {
    /// Notes that the task ran after being ready for `waited` nanoseconds.
    pub fn dispatched(&mut self, waited: u64) {
        self.switches += 1;
        self.wait_time += waited;
        let bucket = (64 - (waited / 1000).leading_zeros() as usize).min(LATENCY_BUCKETS - 1);
        self.latency[bucket] += 1;
    }
}

crate::described! {
    /// The scheduler's part of a thread.
    #[repr(C)]
    pub struct Task {
        /// Place in a ready list.
        pub link: Link,
        /// Place in the fair queue.
        pub node: Node,
        /// CPU whose run queue holds the task, or -1.
        pub queue: AtomicI32,
        /// CPU the task runs on, or -1; set until that CPU no longer needs its state.
        pub on_cpu: AtomicI32,
        /// CPU it last ran on or was placed on.
        pub last_cpu: AtomicI32,
        class: AtomicU8,
        level: AtomicU8,
        /// Rank by its own class and level.
        pub base_rank: AtomicU16,
        /// Rank it is scheduled by.
        pub effective_rank: AtomicU16,
        /// Rank under which it stands in its queue.
        pub queued_rank: u16,
        /// CPUs it may run on.
        pub affinity: AtomicU64,
        /// Weighted run time in nanoseconds of nice 0; the fair queue's order.
        pub virtual_time: u64,
        /// When it became ready.
        pub ready_since: u64,
        /// Counts.
        pub metrics: Metrics,
    }
    class: names(Class::NAMES)
}

impl Task {
    /// A fair task of nice 0 that may run anywhere.
    pub fn new() -> Self {
        Self {
            link: Link::default(),
            node: Node::default(),
            queue: AtomicI32::new(-1),
            on_cpu: AtomicI32::new(-1),
            last_cpu: AtomicI32::new(0),
            class: AtomicU8::new(Class::Fair as u8),
            level: AtomicU8::new(0),
            base_rank: AtomicU16::new(RANK_FAIR),
            effective_rank: AtomicU16::new(RANK_FAIR),
            queued_rank: RANK_FAIR,
            affinity: AtomicU64::new(u64::MAX),
            virtual_time: 0,
            ready_since: 0,
            metrics: Metrics::default(),
        }
    }

    /// The task's class.
    pub fn class(&self) -> Class {
        match self.class.load(Relaxed) {
            0 => Class::Fixed,
            1 => Class::RoundRobin,
            _ => Class::Fair,
        }
    }
    /// Level (fixed) or nice value (fair) as it was set.
    pub fn level(&self) -> i16 {
        match self.class() {
            Class::Fair => self.level.load(Relaxed) as i8 as i16,
            _ => self.level.load(Relaxed) as i16,
        }
    }
    /// Sets class, level and the rank that follows from them. The level is valid for the class.
    pub fn set_class(&self, class: Class, level: i16) {
        self.class.store(class as u8, Relaxed);
        self.level.store(level as u8, Relaxed);
        let rank = match class {
            Class::Fair => RANK_FAIR,
            Class::RoundRobin => RANK_ROUND_ROBIN,
            Class::Fixed => RANK_FIXED + level as u16,
        };
        self.base_rank.store(rank, Relaxed);
        self.effective_rank.store(rank, Relaxed);
    }
    /// Rank it is scheduled by.
    #[inline]
    pub fn rank(&self) -> u16 {
        self.effective_rank.load(Relaxed)
    }
    /// Weight in the fair class; tasks of other classes that are charged weigh as nice 0.
    pub fn weight(&self) -> u64 {
        match self.class() {
            Class::Fair => WEIGHTS[(self.level() + 20) as usize] as u64,
            _ => WEIGHT_UNIT,
        }
    }
    /// Whether the task is to run in place of one that runs: it outranks it, or is behind in its share.
    pub fn preempts(&self, running: &Task) -> bool {
        let (new, old) = (self.rank(), running.rank());
        let behind = self.virtual_time + FAIR_GRANULARITY < running.virtual_time;
        new > old || new == RANK_FAIR && old == RANK_FAIR && behind
    }
    /// Whether the task may run on `cpu`.
    pub fn allows(&self, cpu: usize) -> bool {
        self.affinity.load(Relaxed) >> cpu & 1 != 0
    }
    /// Charges `ran` nanoseconds of CPU time.
    pub fn charge(&mut self, ran: u64) {
        self.metrics.run_time += ran;
        self.virtual_time += ran * WEIGHT_UNIT / self.weight();
    }
}
