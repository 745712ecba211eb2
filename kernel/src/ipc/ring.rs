//! A bounded ring of messages: many producers, one consumer, no locks.
//!
//! Model: `tail` counts places taken by producers, `head` those given back by the consumer. A producer
//! takes a run of places with one compare-and-swap, fills them and marks each with its own
//! number; the consumer takes what is marked, in order, and then moves `head` on. A place's mark is
//! one more than the count at which it was taken, so that a mark of the round before never matches.
//!
//! Invariant: `tail - head` is at most the capacity; only the consumer writes `head`.
//! With `--cfg loom` the atomics are the model checker's.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

/// Words of one message.
pub const WORDS: usize = 4;

/// One place.
#[repr(C)]
struct Slot {
    mark: AtomicU64,
    words: [AtomicU64; WORDS],
}

crate::described! {
    /// The ring.
    #[repr(C)]
    pub struct Ring {
        head: AtomicU64,
        tail: AtomicU64,
        slots: Box<[Slot]>,
    }
}

impl Ring {
    /// An empty ring of `capacity` messages, a power of two; nothing if there is no memory for it.
    pub fn create(capacity: usize) -> Option<Ring> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(capacity).ok()?;
        for _ in 0..capacity {
            slots.push(Slot {
                mark: AtomicU64::new(0),
                words: core::array::from_fn(|_| AtomicU64::new(0)),
            });
        }
        Some(Ring {
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            slots: slots.into_boxed_slice(),
        })
    }

    fn slot(&self, at: u64) -> &Slot {
        &self.slots[at as usize & (self.slots.len() - 1)]
    }

    /// Puts in up to `count` messages; `message(i)` yields the i-th. Result: how many there was room for.
    #[inline]
    pub fn send(&self, count: usize, mut message: impl FnMut(usize) -> [u64; WORDS]) -> usize {
        let mut taken = 0;
        let take = |tail: u64| {
            let used = tail.wrapping_sub(self.head.load(Ordering::Acquire));
            taken = (self.slots.len() as u64 - used).min(count as u64);
            (taken != 0).then_some(tail + taken)
        };
        let (order, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let Ok(tail) = self.tail.fetch_update(order, failure, take) else {
            return 0;
        };
        for i in 0..taken {
            let slot = self.slot(tail + i);
            for (place, word) in slot.words.iter().zip(message(i as usize)) {
                place.store(word, Ordering::Relaxed);
            }
            slot.mark.store(tail + i + 1, Ordering::Release);
        }
        taken as usize
    }

    /// Takes out up to `count` messages, in order, and hands each to `take`. Result: how many. Only one
    /// consumer at a time may call this.
    #[inline]
    pub fn receive(&self, count: usize, mut take: impl FnMut(usize, [u64; WORDS])) -> usize {
        let head = self.head.load(Ordering::Relaxed);
        let mut taken = 0;
        while taken < count {
            let at = head + taken as u64;
            let slot = self.slot(at);
            if slot.mark.load(Ordering::Acquire) != at + 1 {
                break;
            }
            let words = core::array::from_fn(|i| slot.words[i].load(Ordering::Relaxed));
            take(taken, words);
            taken += 1;
        }
        if taken > 0 {
            self.head.store(head + taken as u64, Ordering::Release);
        }
        taken
    }

    /// Whether the next message is there.
    pub fn is_ready(&self) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        self.slot(head).mark.load(Ordering::Acquire) == head + 1
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn keeps_order_and_bounds() {
        let ring = Ring::create(4).expect("memory");
        assert_eq!(ring.send(6, |i| [i as u64; WORDS]), 4);
        assert_eq!(ring.send(1, |_| [9; WORDS]), 0);
        let mut seen = std::vec![];
        assert_eq!(ring.receive(3, |_, words| seen.push(words[3])), 3);
        assert_eq!(ring.send(2, |i| [10 + i as u64; WORDS]), 2);
        assert_eq!(ring.receive(8, |_, words| seen.push(words[0])), 3);
        assert_eq!(seen, [0, 1, 2, 3, 10, 11]);
        assert!(!ring.is_ready());
    }

    #[test]
    fn many_producers_lose_and_repeat_nothing() {
        let ring = Arc::new(Ring::create(64).expect("memory"));
        let producers: std::vec::Vec<_> = (0..4u64)
            .map(|who| {
                let ring = ring.clone();
                std::thread::spawn(move || {
                    let mut next = 0;
                    while next < 20_000 {
                        next += ring.send(7.min(20_000 - next), |i| [who, (next + i) as u64, 0, 0]);
                        std::thread::yield_now();
                    }
                })
            })
            .collect();
        let mut expected = [0u64; 4];
        while expected.iter().sum::<u64>() < 80_000 {
            ring.receive(16, |_, [who, number, ..]| {
                assert_eq!(expected[who as usize], number);
                expected[who as usize] += 1;
            });
        }
        producers
            .into_iter()
            .for_each(|p| p.join().expect("producer"));
        assert!(!ring.is_ready());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;

    /// Two producers and the consumer in every interleaving: each message arrives once and whole.
    #[test]
    fn every_interleaving_delivers_whole_messages() {
        loom::model(|| {
            let ring = Arc::new(Ring::create(2).expect("memory"));
            let producers: std::vec::Vec<_> = (1..=2u64)
                .map(|who| {
                    let ring = ring.clone();
                    loom::thread::spawn(move || ring.send(1, |_| [who; WORDS]))
                })
                .collect();
            let mut sum = 0;
            let mut check = |_: usize, words: [u64; WORDS]| {
                assert!(words.iter().all(|&w| w == words[0] && w != 0));
                sum += words[0];
            };
            ring.receive(2, &mut check);
            let sent: usize = producers
                .into_iter()
                .map(|p| p.join().expect("producer"))
                .sum();
            assert_eq!(sent, 2);
            ring.receive(2, &mut check);
            assert_eq!(sum, 3);
        });
    }
}
