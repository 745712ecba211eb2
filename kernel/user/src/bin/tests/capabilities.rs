//! Capability spaces under load: threads of two processes mint, grant, delete, revoke, look up and fork in
//! each other's trees. Then everything must still add up.

use crate::harness::{Random, seed, sleep};
use crate::{check, check_eq, tests};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use veridian::abi::protection::{READ, WRITE};
use veridian::abi::rights;
use veridian::abi::well_known::{ADDRESS_SPACE, PROCESS};
use veridian::{Result, sys, thread};

const THREADS: u64 = 3;
const ROUNDS: u64 = 400;
const OBJECTS: usize = 4;
/// Places for a capability to one object in one process.
const PLACES: usize = 24;
/// A place that somebody is about to fill.
const TAKEN: u64 = u64::MAX;
const ALL: u64 = rights::ALL as u64;

/// What both processes see: which tokens each has, as far as they may live.
struct Shared {
    places: [[[AtomicU64; PLACES]; OBJECTS]; 2],
    /// Each process's token of the other.
    other: [AtomicU64; 2],
    /// Steps of the second process.
    stage: AtomicU64,
    /// How many of its capabilities to each object are left.
    left: [AtomicU64; OBJECTS],
}

fn lives(token: u64) -> bool {
    sys::identify(token).check().is_ok()
}

impl Shared {
    /// Fills an empty place of process `who` with the token that `make` yields, if it yields one.
    fn fill(&self, who: usize, object: usize, place: usize, make: impl FnOnce() -> Result<u64>) {
        let place = &self.places[who][object][place];
        if place.compare_exchange(0, TAKEN, SeqCst, SeqCst).is_ok() {
            place.store(make().unwrap_or(0), SeqCst);
        }
    }

    /// One operation of a thread of process `who`.
    fn step(&self, who: usize, random: &mut Random) {
        let (object, from, to) = (
            random.below(OBJECTS as u64) as usize,
            random.below(PLACES as u64) as usize,
            random.below(PLACES as u64) as usize,
        );
        let source = self.places[who][object][from].load(SeqCst);
        match random.below(64) {
            0..24 => self.fill(who, object, to, || sys::mint(source, ALL, 0).value()),
            24..36 => self.fill(1 - who, object, to, || {
                sys::grant(self.other[who].load(SeqCst), source, ALL, 0).value()
            }),
            36..46 => {
                // Nobody else deletes what is in no place any more.
                let place = &self.places[who][object][from];
                let taken = place.compare_exchange(source, 0, SeqCst, SeqCst);
                if source != TAKEN && taken.is_ok() {
                    sys::delete(source);
                }
            }
            46..50 => {
                sys::revoke(source);
            }
            50 if random.below(8) == 0 => {
                if let Ok(child) = sys::fork(PROCESS).value() {
                    if child == 0 {
                        sys::exit(0);
                    }
                    let _ = sys::process_wait(child, 0);
                    sys::delete(child);
                }
            }
            _ => {
                sys::identify(source);
            }
        }
    }

    fn work(&'static self, who: usize) {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let mut random = Random(seed() ^ number << 40 ^ (who as u64) << 50);
                thread::spawn(move || (0..ROUNDS).for_each(|_| self.step(who, &mut random)))
            })
            .collect();
        for thread in threads {
            let _ = thread.and_then(|thread| thread.join());
        }
    }

    /// How many of the tokens of process `who` to an object live.
    fn count(&self, who: usize, object: usize) -> u64 {
        let places = self.places[who][object].iter();
        places.filter(|place| lives(place.load(SeqCst))).count() as u64
    }

    fn wait_for(&self, stage: u64) {
        while self.stage.load(SeqCst) < stage {
            sleep(500_000);
        }
    }
}

tests! {
    fn trees_add_up_after_two_processes_worked_in_them() {
        let length = (size_of::<Shared>() as u64).next_multiple_of(4096);
        let memory = sys::memory_create(PROCESS, length).value()?;
        let at = sys::map(ADDRESS_SPACE, memory, 0, 0, length, READ | WRITE).value()?;
        // SAFETY: zeros, mapped for both processes until they end.
        let shared = unsafe { &*(at as *const Shared) };
        let mut roots = [0; OBJECTS];
        for (object, root) in roots.iter_mut().enumerate() {
            *root = sys::memory_create(PROCESS, 4096).value()?;
            shared.fill(0, object, 0, || sys::mint(*root, ALL, 0).value());
        }
        let first = [0, 1, 2, 3].map(|object: usize| shared.places[0][object][0].load(SeqCst));
        let child = sys::fork(PROCESS).value()?;
        if child == 0 {
            // What it inherited is not for the threads, but counts.
            let inherited = |object: usize| u64::from(lives(roots[object])) + u64::from(lives(first[object]));
            shared.stage.store(1, SeqCst);
            shared.wait_for(2);
            shared.work(1);
            shared.stage.store(3, SeqCst);
            shared.wait_for(4);
            for object in 0..OBJECTS {
                shared.left[object].store(shared.count(1, object) + inherited(object), SeqCst);
            }
            shared.stage.store(5, SeqCst);
            shared.wait_for(6);
            let none = (0..OBJECTS).all(|object| shared.count(1, object) + inherited(object) == 0);
            sys::exit(none.into());
        }
        shared.wait_for(1);
        shared.other[0].store(child, SeqCst);
        shared.other[1].store(sys::grant(child, PROCESS, ALL, 0).value()?, SeqCst);
        for (object, root) in roots.iter().enumerate() {
            shared.fill(1, object, 0, || sys::grant(child, *root, ALL, 0).value());
        }
        shared.stage.store(2, SeqCst);
        shared.work(0);
        shared.wait_for(3);
        shared.stage.store(4, SeqCst);
        shared.wait_for(5);
        for (object, root) in roots.iter().enumerate() {
            let lived = shared.count(0, object) + shared.left[object].load(SeqCst);
            check_eq!(sys::revoke(*root).value()?, lived);
            check_eq!(shared.count(0, object), 0);
            check!(lives(*root));
        }
        shared.stage.store(6, SeqCst);
        check_eq!(sys::process_wait(child, 0).value()?, 1);
    }
}
