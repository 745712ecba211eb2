//! The ready tasks of one CPU.
//!
//! Tasks above the fair rank stand in one list per rank, found through a bitmap: picking is
//! O(1) whatever the number of tasks. Fair tasks stand in a tree ordered by virtual run time.
//! A run queue is guarded by its CPU's scheduler lock; `top_rank` alone may be read
//! without it, as a hint for wake-ups and as the condition of the IPC fast path on its own CPU.
//!
//! Invariant: a task is in the list (or tree) of the rank it had when it was put in, `queued_rank`.
//! Its effective rank may change at any time; whoever changes it sees to it that it is put in anew.

use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

use super::task::{RANK_FAIR, RANKS, Task};
use super::tree::{Node, Tree};

const WORDS: usize = RANKS.div_ceil(64);

crate::described! {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct List {
        first: *mut Task,
        last: *mut Task,
    }
    first: list(&[Name::role(1, "next"), Name::inside("veridian_kernel::process::thread::Thread", "task")])
}

crate::described! {
    /// Ready tasks, best first.
    #[repr(C)]
    pub struct RunQueue {
        lists: [List; RANKS],
        bitmap: [u64; WORDS],
        fair: Tree,
        /// Virtual time that new arrivals start from: it never goes back.
        pub floor: u64,
        /// Number of ready tasks.
        pub length: usize,
        top_rank: AtomicI32,
    }
    fair: holds(&[Name::inside("veridian_kernel::process::thread::Thread", "task.node")])
}

// SAFETY: the tasks a queue points to are reached only under the queue's lock.
unsafe impl Send for RunQueue {}

impl RunQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            lists: [List {
                first: null_mut(),
                last: null_mut(),
            }; RANKS],
            bitmap: [0; WORDS],
            fair: Tree::new(),
            floor: 0,
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
            let rank = (*task).rank();
            (*task).queued_rank = rank;
            if rank == RANK_FAIR {
                let key = (*task).virtual_time;
                self.fair.insert(&raw mut (*task).node, key);
            } else {
                let list = &mut self.lists[rank as usize];
                if list.first.is_null() {
                    (*task).next = null_mut();
                    (*task).previous = null_mut();
                    *list = List {
                        first: task,
                        last: task,
                    };
                } else if at_front {
                    (*task).previous = null_mut();
                    (*task).next = list.first;
                    (*list.first).previous = task;
                    list.first = task;
                } else {
                    (*task).next = null_mut();
                    (*task).previous = list.last;
                    (*list.last).next = task;
                    list.last = task;
                }
                self.bitmap[rank as usize / 64] |= 1 << (rank % 64);
            }
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
        unsafe {
            let rank = (*task).queued_rank;
            if rank == RANK_FAIR {
                self.fair.remove(&raw mut (*task).node);
            } else {
                let list = &mut self.lists[rank as usize];
                let (next, previous) = ((*task).next, (*task).previous);
                if previous.is_null() {
                    list.first = next;
                } else {
                    (*previous).next = next;
                }
                if next.is_null() {
                    list.last = previous;
                } else {
                    (*next).previous = previous;
                }
                if list.first.is_null() {
                    self.bitmap[rank as usize / 64] &= !(1 << (rank % 64));
                }
            }
        }
        self.length -= 1;
        self.refresh_top();
    }

    /// The task to run next, which stays in the queue, or null.
    pub fn best(&self) -> *mut Task {
        match self.top_rank() {
            -1 => null_mut(),
            0 => task_of(self.fair.first()),
            rank => self.lists[rank as usize].first,
        }
    }

    /// Takes out the task to run next, or null.
    pub fn pop(&mut self) -> *mut Task {
        let task = self.best();
        if !task.is_null() {
            // SAFETY: `best` is in this queue.
            unsafe {
                if (*task).queued_rank == RANK_FAIR {
                    self.floor = self.floor.max((*task).virtual_time);
                }
                self.remove(task);
            }
        }
        task
    }

    /// The first task, best rank first, for which `wanted` holds; looks at `limit` tasks at most.
    pub fn find(&self, limit: usize, wanted: impl Fn(&Task) -> bool) -> *mut Task {
        let mut left = limit;
        for word in (0..WORDS).rev() {
            let mut bits = self.bitmap[word];
            while bits != 0 {
                let bit = 63 - bits.leading_zeros() as usize;
                bits &= !(1 << bit);
                let mut task = self.lists[word * 64 + bit].first;
                // SAFETY: tasks in a list of this queue are valid.
                while let Some(t) = unsafe { task.as_ref() } {
                    if wanted(t) {
                        return task;
                    }
                    left -= 1;
                    if left == 0 {
                        return null_mut();
                    }
                    task = t.next;
                }
            }
        }
        let mut node = self.fair.first();
        while !node.is_null() && left > 0 {
            let task = task_of(node);
            // SAFETY: nodes of the tree are embedded in valid tasks.
            unsafe {
                if wanted(&*task) {
                    return task;
                }
                node = Tree::next(node);
            }
            left -= 1;
        }
        null_mut()
    }

    fn refresh_top(&mut self) {
        for word in (0..WORDS).rev() {
            if self.bitmap[word] != 0 {
                let bit = 63 - self.bitmap[word].leading_zeros() as usize;
                self.top_rank.store((word * 64 + bit) as i32, Relaxed);
                return;
            }
        }
        self.top_rank
            .store(if self.fair.is_empty() { -1 } else { 0 }, Relaxed);
    }
}

impl Default for RunQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// The task that a fair-queue node is part of; null for null.
fn task_of(node: *mut Node) -> *mut Task {
    if node.is_null() {
        null_mut()
    } else {
        node.wrapping_byte_sub(offset_of!(Task, node)).cast()
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
                unsafe {
                    (*task).set_class(class, level);
                    let rank = (*task).base_rank.load(Relaxed);
                    (*task).effective_rank.store(rank, Relaxed);
                }
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
