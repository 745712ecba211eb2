//! Models for loom: lookups against insertion, deletion and growth, in every order that the
//! memory model of the language allows. Run with
//! `RUSTFLAGS="--cfg loom" cargo test --lib --release loom`.

use core::ptr::NonNull;
use loom::sync::Arc;
use loom::thread;

use super::slot::{CHUNK_SLOTS, Link, Slot};
use super::sync::{AtomicPtr, AtomicU64};
use super::tests::{ALL, Probe, probe};
use super::{Grant, Kind, Rights, Space, Token};
use crate::lock::Rank;

/// The lock of the kernel, as loom knows locks.
pub struct SpinLock<T>(loom::sync::Mutex<T>);

impl<T> SpinLock<T> {
    pub fn new(_rank: Rank, value: T) -> Self {
        SpinLock(loom::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
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
