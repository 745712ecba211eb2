//! The ready tasks of one CPU.
//!
//! Tasks above the fair rank stand in one list per rank, found through a bitmap: picking is
//! O(1) whatever the number of tasks. Fair tasks stand in a tree ordered by virtual run time.
//! A run queue is guarded by its CPU's scheduler lock; `top_rank` and `floor` alone may be read
//! without it, as hints and as the condition of the IPC fast path on its own CPU.
//!
//! Invariant: a task is in the list (or tree) of the rank it had when it was put in, `queued_rank`.
//! Its effective rank may change at any time; whoever changes it sees to it that it is put in anew.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

use super::list::{Link, List, container};
use super::task::{RANK_FAIR, RANKS, Task};
use super::tree::Tree;

const WORDS: usize = RANKS.div_ceil(64);

crate::described! {
    /// Ready tasks, best first.
    #[repr(C)]
    pub struct RunQueue {
        top_rank: AtomicI32,
        lists: [List; RANKS],
        /// One bit for each rank of which a task is ready.
        bitmap: [u64; WORDS],
        fair: Tree,
        /// Virtual time that new arrivals start from: it never goes back.
        pub floor: AtomicU64,
        /// Number of ready tasks.
        pub length: usize,
    }
    lists: holds(&[Name::inside("veridian_kernel::process::thread::Thread", "task.link")]),
    fair: holds(&[Name::inside("veridian_kernel::process::thread::Thread", "task.node")])
}

// SAFETY: the tasks a queue points to are reached only under the queue's lock.
unsafe impl Send for RunQueue {}

impl RunQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            lists: [const { List::new() }; RANKS],
            bitmap: [0; WORDS],
            fair: Tree::new(),
            floor: AtomicU64::new(0),
            length: 0,
            top_rank: AtomicI32::new(-1),
        }
    }

    /// Highest rank that is ready, or -1.
    #[inline]
    pub fn top_rank(&self) -> i32 {
        self.top_rank.load(Relaxed)
    }

    /// Puts `task` in, at the front of its equals if it was preempted, else behind them.
    ///
    /// # Safety
    /// `task` is valid, in no queue, and stays valid and in place until it is taken out.
    pub unsafe fn insert(&mut self, task: *mut Task, at_front: bool) {
        // SAFETY: the caller promises `task`; tasks already queued were promised before.
        unsafe {
            let (rank, time) = ((*task).rank(), (*task).virtual_time);
            (*task).queued_rank = rank;
            let (list, link) = (&mut self.lists[rank as usize], &raw mut (*task).link);
            match rank {
                RANK_FAIR => self.fair.insert(&raw mut (*task).node, time),
                _ if at_front => list.push_front(link),
                _ => list.push_back(link),
            }
            self.bitmap[rank as usize / 64] |= 1 << (rank % 64);
            self.length += 1;
            if rank as i32 > self.top_rank() {
                self.top_rank.store(rank as i32, Relaxed);
            }
        }
    }

    /// Takes `task` out.
    ///
    /// # Safety
    /// `task` is in this queue.
    pub unsafe fn remove(&mut self, task: *mut Task) {
        // SAFETY: `task` is in this queue, so it and its neighbours are valid.
        let rank = unsafe {
            match (*task).queued_rank {
                RANK_FAIR => self.fair.remove(&raw mut (*task).node),
                _ => Link::unlink(&raw mut (*task).link),
            }
            // Under the queue's lock, so that nobody takes out twice what says that it is in here.
            (*task).queue.store(-1, Relaxed);
            (*task).queued_rank as usize
        };
        self.length -= 1;
        if self.lists[rank].is_empty() && (rank != RANK_FAIR as usize || self.fair.is_empty()) {
            self.bitmap[rank / 64] &= !(1 << (rank % 64));
            let top = self.highest(RANKS).map_or(-1, |rank| rank as i32);
            self.top_rank.store(top, Relaxed);
        }
    }

    /// The highest rank below `limit` of which a task is ready.
    fn highest(&self, limit: usize) -> Option<usize> {
        let below = |word: usize| match word == limit / 64 {
            true => self.bitmap[word] & ((1 << (limit % 64)) - 1),
            false => self.bitmap[word],
        };
        let mut words = (0..=limit / 64).rev();
        let word = words.find(|&word| below(word) != 0)?;
        Some(word * 64 + below(word).ilog2() as usize)
    }

    /// The task to run next, which stays in the queue, or null.
    pub fn best(&self) -> *mut Task {
        match self.top_rank() {
            -1 => null_mut(),
            0 => container!(self.fair.first(), Task, node),
            rank => container!(self.lists[rank as usize].first(), Task, link),
        }
    }

    /// Takes out the task to run next, or null.
    pub fn pop(&mut self) -> *mut Task {
        let task = self.best();
        if !task.is_null() {
            // SAFETY: `best` is in this queue.
            unsafe {
                if (*task).queued_rank == RANK_FAIR {
                    self.floor.fetch_max((*task).virtual_time, Relaxed);
                }
                self.remove(task);
            }
        }
        task
    }

    /// The first task, best rank first, for which `wanted` holds; looks at `limit` tasks at most.
    pub fn find(&self, limit: usize, wanted: impl Fn(&Task) -> bool) -> *mut Task {
        let ranks = core::iter::successors(self.highest(RANKS), |&rank| self.highest(rank));
        let listed = ranks.flat_map(|rank| self.lists[rank].iter());
        let fair = self.fair.iter().map(|node| container!(node, Task, node));
        let tasks = listed.map(|link| container!(link, Task, link)).chain(fair);
        // SAFETY: tasks in this queue are valid.
        let found = tasks.take(limit).find(|&task| wanted(unsafe { &*task }));
        found.unwrap_or(null_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::Class;
    use super::*;
    use std::{boxed::Box, vec::Vec};

    fn tasks(specs: &[(Class, i16)]) -> Vec<*mut Task> {
        specs
            .iter()
            .map(|&(class, level)| {
                let task = Box::into_raw(Box::new(Task::new()));
                // SAFETY: just made; leaked for the length of the test process.
                unsafe { (*task).set_class(class, level) };
                task
            })
            .collect()
    }

    #[test]
    fn classes_and_levels_are_ordered() {
        let t = tasks(&[
            (Class::Fair, 0),
            (Class::Fixed, 3),
            (Class::RoundRobin, 0),
            (Class::Fixed, 255),
            (Class::Fixed, 0),
            (Class::Fixed, 3),
        ]);
        let mut queue = RunQueue::new();
        // SAFETY: leaked tasks, each put in once.
        t.iter()
            .for_each(|&task| unsafe { queue.insert(task, false) });
        assert_eq!(queue.top_rank(), 257);
        for expected in [3, 1, 5, 4, 2, 0] {
            assert_eq!(queue.pop(), t[expected]);
        }
        assert!(queue.pop().is_null());
        assert_eq!(queue.top_rank(), -1);
    }

    #[test]
    fn a_preempted_task_goes_before_its_equals() {
        let t = tasks(&[(Class::Fixed, 7), (Class::Fixed, 7), (Class::Fixed, 7)]);
        let mut queue = RunQueue::new();
        // SAFETY: leaked tasks, each in the queue at most once at any time.
        unsafe {
            queue.insert(t[0], false);
            queue.insert(t[1], false);
            queue.insert(t[2], true);
            queue.remove(t[0]);
        }
        assert_eq!((queue.pop(), queue.pop()), (t[2], t[1]));
    }

    #[test]
    fn fair_tasks_run_by_virtual_time_and_weight() {
        let t = tasks(&[(Class::Fair, 0), (Class::Fair, 5), (Class::Fair, -5)]);
        let mut queue = RunQueue::new();
        // SAFETY: leaked tasks; each is taken out before it is changed and put back.
        unsafe {
            t.iter().for_each(|&task| queue.insert(task, false));
            for _ in 0..100_000 {
                let task = queue.pop();
                (*task).charge(1_000_000);
                queue.insert(task, false);
            }
            let total: u64 = t.iter().map(|&task| (*task).metrics.run_time).sum();
            let weights: u64 = t.iter().map(|&task| (*task).weight()).sum();
            for &task in &t {
                let share = (*task).metrics.run_time * 10_000 / total;
                let ideal = (*task).weight() * 10_000 / weights;
                assert!(share.abs_diff(ideal) <= 10, "share {share} ideal {ideal}");
            }
        }
    }

    #[test]
    fn finds_what_affinity_allows() {
        let t = tasks(&[(Class::Fixed, 1), (Class::RoundRobin, 0), (Class::Fair, 0)]);
        let mut queue = RunQueue::new();
        // SAFETY: leaked tasks, each put in once.
        unsafe {
            t.iter().for_each(|&task| queue.insert(task, false));
            (*t[0]).affinity.store(1, Relaxed);
            (*t[1]).affinity.store(1, Relaxed);
        }
        assert_eq!(queue.find(16, |task| task.allows(1)), t[2]);
        assert!(queue.find(2, |task| task.allows(1)).is_null());
        assert_eq!(queue.find(16, |task| task.allows(0)), t[0]);
    }
}
