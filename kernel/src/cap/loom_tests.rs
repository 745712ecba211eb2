//! Models for loom: lookups against insertion, deletion and growth, in every order that the
//! memory model of the language allows. Run with
//! `RUSTFLAGS="--cfg loom" cargo test --lib --release loom`.

use core::ptr::NonNull;
use loom::sync::Arc;
use loom::thread;

use super::slot::{CHUNK_SLOTS, Link, Slot};
use super::sync::{AtomicPtr, AtomicU64};
use super::tests::{Probe, probe};
use super::{Cache, Kind, Object, Rights, Space, Token};
use crate::lock::Rank;

/// The lock of the kernel, as loom knows locks.
pub struct SpinLock<T>(loom::sync::Mutex<T>);

/// A held lock.
pub type Guard<'a, T> = loom::sync::MutexGuard<'a, T>;

impl<T> SpinLock<T> {
    pub fn new(_rank: Rank, value: T) -> Self {
        SpinLock(loom::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap()
    }
}

/// Loom's atomics are not made of zeroes.
pub fn initialise_chunk(chunk: NonNull<Slot>) {
    for k in 0..CHUNK_SLOTS as usize {
        let slot = Slot {
            tag: AtomicU64::new(0),
            object: AtomicPtr::new(core::ptr::null_mut()),
            badge: AtomicU64::new(0),
            parent: Link::null(),
            first_child: Link::null(),
            next: Link::null(),
            previous: Link::null(),
            space: AtomicPtr::new(core::ptr::null_mut()),
        };
        // SAFETY: the chunk has room for this many slots and nobody has seen it yet.
        unsafe { chunk.add(k).write(slot) };
    }
}

fn space() -> Arc<Box<Space>> {
    Arc::new(Space::create(core::ptr::null(), true, 100).unwrap())
}

fn model(check: impl Fn() + Sync + Send + 'static) {
    let _alone = super::tests::alone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        check();
        super::reap();
    });
}

/// A lookup that succeeds yields the object and badge of that very capability, although its slot
/// may get another one at any moment.
#[test]
fn lookup_against_reuse_of_the_slot() {
    model(|| {
        let (space, old, new) = (space(), probe(), probe());
        let token = space.insert_root(old.object(), Rights::READ, 1).unwrap();
        let (reader, expected) = (space.clone(), old.object() as *const Object as usize);
        let lookup = thread::spawn(move || {
            if let Ok(found) = reader.lookup(token, Kind::Test, Rights::READ) {
                assert_eq!(
                    (found.object as *const Object as usize, found.badge),
                    (expected, 1)
                );
            }
        });
        space.delete(token).unwrap();
        let again = space.insert_root(new.object(), Rights::READ, 2).unwrap();
        assert_eq!(again.index(), token.index());
        lookup.join().unwrap();
        assert!(space.lookup(token, Kind::Test, Rights::READ).is_err());
        space.close();
    });
}

/// The same through a cache that knows the old capability.
#[test]
fn cache_against_reuse_of_the_slot() {
    model(|| {
        let (space, old, new) = (space(), probe(), probe());
        let token = space.insert_root(old.object(), Rights::READ, 1).unwrap();
        let reader = space.clone();
        let lookup = thread::spawn(move || {
            let cache = Cache::new();
            for _ in 0..2 {
                if let Ok(found) = cache.lookup(&reader, token, Kind::Test, Rights::READ) {
                    assert_eq!(found.badge, 1);
                }
            }
        });
        space.delete(token).unwrap();
        space.insert_root(new.object(), Rights::READ, 2).unwrap();
        lookup.join().unwrap();
        space.close();
    });
}

/// Lookups while chunks and directories are added find what is there and nothing else.
#[test]
fn lookup_against_growth() {
    model(|| {
        let (space, object) = (space(), probe());
        let first = space.insert_root(object.object(), Rights::READ, 1).unwrap();
        let reader = space.clone();
        let lookup = thread::spawn(move || {
            assert_eq!(
                reader
                    .lookup(first, Kind::Test, Rights::READ)
                    .unwrap()
                    .badge,
                1
            );
            // Slot 5 is the first of the second chunk, which needs a second directory.
            if let Ok(found) = reader.lookup(Token::new(5, 1), Kind::Test, Rights::READ) {
                assert_eq!(found.badge, 4);
            }
        });
        for badge in 2..=4 {
            space
                .insert_root(object.object(), Rights::READ, badge)
                .unwrap();
        }
        lookup.join().unwrap();
        assert!(
            space
                .lookup(Token::new(5, 1), Kind::Test, Rights::READ)
                .is_ok()
        );
        space.close();
    });
}

/// Slots that come back from two CPUs while a third takes some are neither lost nor doubled.
#[test]
fn returned_slots_against_reservation() {
    model(|| {
        let space = space();
        let taken: Vec<_> = (0..2).map(|_| space.reserve().unwrap().token).collect();
        let threads: Vec<_> = taken
            .iter()
            .map(|token| {
                let (space, index) = (space.clone(), token.index());
                thread::spawn(move || space.give_back(space.slot(index).unwrap()))
            })
            .collect();
        let meanwhile = space.reserve().unwrap().token.index();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let mut all = vec![meanwhile];
        all.extend((0..2).map(|_| space.reserve().unwrap().token.index()));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 3);
        assert!(
            all.iter()
                .filter(|index| taken.iter().any(|t| t.index() == **index))
                .count()
                >= 2
        );
    });
}

/// A use is never taken of an object whose last use ended, and the last is seen once.
#[test]
fn acquire_against_release() {
    model(|| {
        // Dead or not, it stays allocated until the model's end reaps it.
        let address = probe().into_raw().as_ptr() as usize;
        // SAFETY: the address of a probe.
        let object = move || unsafe { &*(address as *const Probe) }.object();
        let thread = thread::spawn(move || object().acquire());
        object().release();
        let acquired = thread.join().unwrap();
        assert_eq!(object().uses(), acquired as u32);
        if acquired {
            object().release();
        }
    });
}
