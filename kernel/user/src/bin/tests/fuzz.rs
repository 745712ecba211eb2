//! Random system calls, valid and not, from several threads of a process with some of every object.
//!
//! The seed is `test.seed`, another one in each repetition (`test.repeat`), and is printed when a test
//! fails; on one CPU under `-icount` it replays. The kernel must neither panic nor leak: the harness
//! compares its counters. How the process ends does not matter, and one that sleeps or waits for good is killed.

use crate::harness::{Failure, Random, TestResult, now, seed, sleep};
use crate::{check, tests};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use veridian::abi::well_known::{ADDRESS_SPACE, CONSOLE, MACHINE, NAMESPACE, PROCESS, THREAD};
use veridian::abi::{MessageInfo, number, protection};
use veridian::ipc::{Channel, Endpoint, Notification};
use veridian::process::Process;
use veridian::{process, sys, thread};

const THREADS: u64 = 8;
const CALLS: u64 = 400;
const PATIENCE: u64 = 400_000_000;
const SCRATCH: u64 = 16 * 4096;
/// One more than the highest number of a call, and then some that are no call's.
const NUMBERS: u64 = number::null + 4;

/// Tokens and addresses that calls gave, for later calls.
struct Pool {
    words: [AtomicU64; 32],
    scratch: u64,
}

impl Pool {
    fn create() -> veridian::Result<Self> {
        // Authority over the machine and what is shared with the tests' own process stays outside.
        for token in [MACHINE, CONSOLE, NAMESPACE] {
            sys::delete(token).check()?;
        }
        let known = [
            PROCESS,
            ADDRESS_SPACE,
            THREAD,
            sys::namespace_create(PROCESS).value()?,
            Endpoint::create()?.0,
            sys::endpoint_create(PROCESS, 4).value()?,
            Notification::create()?.0,
            Channel::create(8)?.0,
            sys::memory_create(PROCESS, 8 * 4096).value()?,
        ];
        let scratch = sys::map_anonymous(
            ADDRESS_SPACE,
            0,
            SCRATCH,
            protection::READ | protection::WRITE,
        );
        Ok(Self {
            words: core::array::from_fn(|i| AtomicU64::new(known.get(i).copied().unwrap_or(0))),
            scratch: scratch.value()?,
        })
    }

    fn token(&self, random: &mut Random) -> u64 {
        self.words[random.below(self.words.len() as u64) as usize].load(Relaxed)
    }

    /// An argument: mostly something that could be meant.
    fn argument(&self, random: &mut Random) -> u64 {
        match random.below(16) {
            0..5 => self.token(random),
            5 => self.token(random) ^ 1 << random.below(64),
            6 | 7 => self.scratch + random.below(SCRATCH + 64),
            8 => random.below(1 << 35) & !4095,
            9 => !random.below(1 << 40),
            10 | 11 => MessageInfo::NO_WAIT | random.below(20) | random.below(6) << 8,
            12 => now() + random.below(2_000_000),
            13 => random.next(),
            _ => random.below(70),
        }
    }

    /// One call, and what it gave into the pool.
    fn one(&self, random: &mut Random) {
        let call = random.below(NUMBERS);
        // These end the caller, or most likely so: now and then is enough.
        let ends = [
            number::exit,
            number::thread_exit,
            number::process_kill,
            number::thread_kill,
        ];
        let jumps = [
            number::exec,
            number::thread_create,
            number::set_tls,
            number::revoke,
            number::delete,
        ];
        if ends.contains(&call) && random.below(200) != 0
            || jumps.contains(&call) && random.below(20) != 0
        {
            return;
        }
        let mut arguments = core::array::from_fn(|_| self.argument(random));
        if random.below(4) != 0 {
            arguments[0] = self.token(random);
        }
        let got = sys::raw(call, arguments);
        match call {
            number::fork if got.status == 0 && got.value == 0 => {
                sys::exit(0);
            }
            // Those that wait have a receiver who goes on.
            number::receive | number::reply_receive if got.status >= 0 => {
                sys::reply(0, 0, 0, 0, 0);
            }
            number::null | number::clock | number::whoami => {}
            _ if got.status == 0 && got.value > 1 << 24 => {
                self.words[9 + random.below(23) as usize].store(got.value, Relaxed);
            }
            _ => {}
        }
    }
}

fn storm(seed: u64) -> veridian::Result<u8> {
    let pool = Arc::new(Pool::create()?);
    let workers: alloc::vec::Vec<_> = (0..THREADS)
        .filter_map(|index| {
            let pool = pool.clone();
            let work = move || {
                let mut random = Random(seed ^ index << 56);
                (0..CALLS).for_each(|_| pool.one(&mut random));
            };
            thread::spawn(work).ok()
        })
        .collect();
    for worker in workers {
        let _ = worker.join();
    }
    Ok(0)
}

fn ends(child: Process) -> TestResult {
    let end = now() + PATIENCE;
    while sys::process_wait(child.0, MessageInfo::NO_WAIT)
        .check()
        .is_err()
    {
        if now() > end {
            child.kill(1)?;
            break;
        }
        sleep(2_000_000);
    }
    child.join()?;
    Ok(())
}

tests! {
    fn random_calls_from_eight_threads_harm_nobody() {
        let seed = seed();
        for round in 0..4 {
            let child = process::spawn(move || storm(seed + round).unwrap_or(2))?;
            ends(child).map_err(|Failure(why)| Failure(alloc::format!("seed {}: {why}", seed + round)))?;
        }
    }
    fn two_storms_at_once_harm_nobody() {
        let seed = seed() + 1000;
        let first = process::spawn(move || storm(seed).unwrap_or(2))?;
        let second = process::spawn(move || storm(seed + 1).unwrap_or(2))?;
        ends(first)?;
        ends(second)?;
        check!(sys::null().check().is_ok());
    }
}
