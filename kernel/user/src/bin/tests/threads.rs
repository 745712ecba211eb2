//! Threads of one process: life, locks, thread-local storage, scheduling.

use crate::harness::{now, sleep};
use crate::{check, check_eq, tests};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use veridian::abi::well_known::{MACHINE, THREAD};
use veridian::sync::{Barrier, Condition, Mutex, RwLock, Semaphore};
use veridian::thread::{self, Schedule};
use veridian::{Error, local, process, sys};

const MILLISECOND: u64 = 1_000_000;

local! {
    static LOCAL: Cell<u64> = Cell::new(0x1122_3344_5566_7788);
    static OTHER: Cell<u32> = Cell::new(9);
}

tests! {
    fn results_come_back_through_join() {
        let threads: Vec<_> = (0..8u64).map(|i| thread::spawn(move || i * i)).collect::<Result<_, _>>()?;
        for (i, thread) in threads.into_iter().enumerate() {
            check_eq!(thread.join()?, (i * i) as u64);
        }
    }
    fn a_thread_can_be_joined_after_it_has_ended() {
        let thread = thread::spawn(|| 5)?;
        sleep(5 * MILLISECOND);
        check_eq!(thread.join()?, 5);
    }
    fn a_spinning_thread_can_be_killed() {
        let thread = thread::spawn(|| loop { core::hint::spin_loop(); })?;
        sleep(2 * MILLISECOND);
        thread.kill()?;
        let joined: Result<(), Error> = thread.join();
        check_eq!(joined.err(), Some(Error::PeerDied));
    }
    fn a_sleeping_thread_can_be_killed() {
        let thread = thread::spawn(|| sleep(1_000_000 * MILLISECOND))?;
        sleep(2 * MILLISECOND);
        let start = now();
        thread.kill()?;
        check_eq!(thread.join().err(), Some(Error::PeerDied));
        check!(now() - start < 1000 * MILLISECOND);
    }
    fn a_thread_cannot_join_itself() {
        check_eq!(sys::thread_join(THREAD, 0).check().err(), Some(Error::InvalidArgument));
    }
    fn exit_ends_every_thread() {
        let child = process::spawn(|| {
            for _ in 0..4 {
                if thread::spawn(|| loop { core::hint::spin_loop(); }).is_err() {
                    return 1;
                }
            }
            sleep(2 * MILLISECOND);
            17
        })?;
        check_eq!(child.join()?, 17);
    }
    fn every_thread_has_its_own_local_storage() {
        check_eq!(LOCAL.with(Cell::get), 0x1122_3344_5566_7788);
        LOCAL.with(|value| value.set(1));
        let threads: Vec<_> = (10..18u64)
            .map(|i| thread::spawn(move || {
                let first = LOCAL.with(Cell::get);
                LOCAL.with(|value| value.set(i));
                OTHER.with(|value| value.set(i as u32));
                for _ in 0..5 {
                    thread::yield_now();
                }
                (first, LOCAL.with(Cell::get), OTHER.with(Cell::get))
            }))
            .collect::<Result<_, _>>()?;
        for (i, thread) in threads.into_iter().enumerate() {
            let i = i as u64 + 10;
            check_eq!(thread.join()?, (0x1122_3344_5566_7788, i, i as u32));
        }
        check_eq!(LOCAL.with(Cell::get), 1);
        check_eq!(OTHER.with(Cell::get), 9);
    }
    fn local_storage_survives_a_fork() {
        LOCAL.with(|value| value.set(77));
        let child = process::spawn(|| LOCAL.with(Cell::get) as u8)?;
        check_eq!(child.join()?, 77);
    }
    fn a_mutex_excludes() {
        let total = Arc::new(Mutex::new(0u64));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let total = total.clone();
                thread::spawn(move || {
                    for _ in 0..500 {
                        let mut guard = total.lock();
                        let seen = *guard;
                        if seen % 64 == 0 {
                            thread::yield_now();
                        }
                        *guard = seen + 1;
                    }
                })
            })
            .collect::<Result<_, _>>()?;
        for thread in threads {
            thread.join()?;
        }
        check_eq!(*total.lock(), 2000);
    }
    fn a_mutex_locked_twice_is_an_error() {
        let mutex = Mutex::new(());
        let _guard = mutex.lock();
        check_eq!(mutex.lock_until(u64::MAX).err(), Some(Error::InvalidArgument));
        check!(mutex.try_lock().is_none());
    }
    fn a_mutex_wait_ends_at_its_deadline() {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock();
        let theirs = mutex.clone();
        let waiter = thread::spawn(move || theirs.lock_until(now() + 5 * MILLISECOND).err())?;
        check_eq!(waiter.join()?, Some(Error::TimedOut));
        drop(guard);
        check!(mutex.try_lock().is_some(), "the word still says that somebody waits");
    }
    fn a_holder_runs_at_the_rank_of_its_waiters() {
        let mutex = Arc::new(Mutex::new(()));
        let held = Arc::new(AtomicU32::new(0));
        let (theirs, flag) = (mutex.clone(), held.clone());
        let holder = thread::spawn(move || {
            let guard = theirs.lock();
            flag.store(1, Ordering::SeqCst);
            // Asleep, since at the rank it is lent it would keep the CPU from this test.
            while flag.load(Ordering::SeqCst) != 2 {
                sleep(MILLISECOND);
            }
            drop(guard);
        })?;
        while held.load(Ordering::SeqCst) != 1 {
            thread::yield_now();
        }
        let before = sys::get_schedule(holder.token()).check()?.words[1];
        let theirs = mutex.clone();
        let go = Arc::new(AtomicU32::new(0));
        let started = go.clone();
        let waiter = thread::spawn(move || {
            while started.load(Ordering::SeqCst) == 0 {
                sleep(MILLISECOND);
            }
            drop(theirs.lock());
        })?;
        waiter.set_schedule(Schedule::Fixed(40))?;
        go.store(1, Ordering::SeqCst);
        let end = now() + 1000 * MILLISECOND;
        let mut lent = before;
        while lent != 42 && now() < end {
            sleep(MILLISECOND);
            lent = sys::get_schedule(holder.token()).check()?.words[1];
        }
        held.store(2, Ordering::SeqCst);
        holder.join()?;
        waiter.join()?;
        check_eq!(before, 0);
        check_eq!(lent, 42);
    }
    fn a_condition_hands_items_over() {
        let queue = Arc::new((Mutex::new(Vec::<u32>::new()), Condition::new()));
        let theirs = queue.clone();
        let consumer = thread::spawn(move || {
            let mut sum = 0;
            for _ in 0..100 {
                let mut guard = theirs.0.lock();
                while guard.is_empty() {
                    guard = theirs.1.wait(guard);
                }
                sum += guard.remove(0);
            }
            sum
        })?;
        for i in 0..100 {
            queue.0.lock().push(i);
            queue.1.notify_one();
        }
        check_eq!(consumer.join()?, 4950);
    }
    fn a_condition_wait_ends_at_its_deadline() {
        let (mutex, condition) = (Mutex::new(()), Condition::new());
        let start = now();
        let (_guard, late) = condition.wait_until(mutex.lock(), start + 5 * MILLISECOND);
        check!(late && now() - start >= 5 * MILLISECOND);
    }
    fn a_semaphore_counts() {
        let semaphore = Arc::new(Semaphore::new(2));
        check!(semaphore.try_acquire() && semaphore.try_acquire() && !semaphore.try_acquire());
        check_eq!(semaphore.acquire_until(now() + 2 * MILLISECOND).err(), Some(Error::TimedOut));
        let theirs = semaphore.clone();
        let waiter = thread::spawn(move || theirs.acquire())?;
        sleep(2 * MILLISECOND);
        semaphore.release();
        waiter.join()?;
    }
    fn readers_share_and_writers_exclude() {
        let lock = Arc::new(RwLock::new((0u64, 0u64)));
        let torn = Arc::new(AtomicU32::new(0));
        let mut threads = Vec::new();
        for writer in [true, false, false, true] {
            let (lock, torn) = (lock.clone(), torn.clone());
            threads.push(thread::spawn(move || {
                for _ in 0..200 {
                    if writer {
                        let mut value = lock.write();
                        value.0 += 1;
                        thread::yield_now();
                        value.1 += 1;
                    } else {
                        let value = lock.read();
                        torn.fetch_add((value.0 != value.1) as u32, Ordering::Relaxed);
                    }
                }
            })?);
        }
        for thread in threads {
            thread.join()?;
        }
        check_eq!(*lock.read(), (400, 400));
        check_eq!(torn.load(Ordering::Relaxed), 0);
    }
    fn a_barrier_gathers_all() {
        let barrier = Arc::new(Barrier::new(4));
        let count = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for _ in 0..4 {
            let (barrier, count) = (barrier.clone(), count.clone());
            threads.push(thread::spawn(move || {
                let mut wrong = 0;
                for round in 1..=20 {
                    count.fetch_add(1, Ordering::SeqCst);
                    barrier.wait();
                    wrong += (count.load(Ordering::SeqCst) < round * 4) as u32;
                    barrier.wait();
                }
                wrong
            })?);
        }
        for thread in threads {
            check_eq!(thread.join()?, 0);
        }
    }
    fn locks_work_between_processes() {
        let memory = veridian::memory::Memory::create(4096)?;
        let mapping = memory.map(veridian::memory::READ | veridian::memory::WRITE)?;
        // SAFETY: zeroed memory is two free semaphores without permits.
        let pair = unsafe { &*mapping.as_ptr::<[Semaphore; 2]>() };
        let child = process::spawn(|| {
            for _ in 0..50 {
                pair[0].acquire();
                pair[1].release();
            }
            21
        })?;
        for _ in 0..50 {
            pair[0].release();
            pair[1].acquire();
        }
        check_eq!(child.join()?, 21);
    }
    fn sleeps_are_never_short() {
        for length in [1, 1000, 50_000, MILLISECOND, 7 * MILLISECOND] {
            let start = now();
            thread::sleep(length);
            check!(now() - start >= length, "slept too short for {length} ns");
        }
    }
    fn a_higher_level_runs_first() {
        sys::set_affinity(THREAD, 1).check()?;
        thread::set_schedule(THREAD, Schedule::Fixed(100))?;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        for level in [10u8, 30, 20, 40] {
            let order = order.clone();
            let thread = thread::spawn(move || order.lock().push(level))?;
            thread.set_affinity(1)?;
            thread.set_schedule(Schedule::Fixed(level))?;
            threads.push(thread);
        }
        for thread in threads {
            thread.join()?;
        }
        check_eq!(order.lock().as_slice(), [40, 30, 20, 10]);
        sys::set_affinity(THREAD, sys::cpu_info(MACHINE).check()?.words[0]).check()?;
    }
    fn schedules_out_of_range_are_refused() {
        for (class, level) in [(0, 256), (0, u64::MAX), (2, 20), (2, -21i64 as u64), (3, 0), (1, 1)] {
            check_eq!(sys::set_schedule(THREAD, class, level).check().err(), Some(Error::InvalidArgument));
        }
    }
    fn floating_point_survives_switches_and_migration() {
        let mut threads = Vec::new();
        for seed in 1..=8u32 {
            threads.push(thread::spawn(move || {
                let mut lanes: [f64; 8] = core::array::from_fn(|i| (seed * 10 + i as u32) as f64);
                let first = lanes;
                for round in 0..200u32 {
                    lanes.iter_mut().for_each(|lane| *lane = *lane * 1.5 + 1.0);
                    lanes.iter_mut().for_each(|lane| *lane = (*lane - 1.0) / 1.5);
                    if round % 8 == 0 {
                        thread::yield_now();
                    }
                }
                lanes.iter().zip(first).all(|(a, b)| (a - b).abs() < 1e-6)
            })?);
        }
        for thread in threads {
            check!(thread.join()?, "floating-point state was mixed up");
        }
    }
    fn floating_point_state_is_copied_by_fork() {
        let value = core::hint::black_box(2.5f64);
        let child = process::spawn(move || (core::hint::black_box(value) * 4.0) as u8)?;
        check_eq!(child.join()?, 10);
        check_eq!((core::hint::black_box(value) * 4.0) as u8, 10);
    }
}
