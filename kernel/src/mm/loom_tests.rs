//! A model of `tlb` for loom: one CPU clears an entry and flushes while another, whose TLB may hold it,
//! enters the space, leaves it, or stays. The steps and their orderings are those of `flush`,
//! `switch_if_fresh`, `switch_to`, `on_others` and `service`; what is shared there with the whole
//! kernel (per-CPU records, statics) loom could not watch. Run with
//! `RUSTFLAGS="--cfg loom" cargo test --lib --release loom`.

use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, fence};
use loom::thread;

/// What `PerCpu::space` holds: the space of the test, or none.
const SPACE: usize = 1;
const NONE: usize = 0;
/// The other CPU's bit.
const BIT: u64 = 2;

/// Which of the kernel's fences a model has.
#[derive(Clone, Copy, PartialEq)]
enum Fences {
    Both,
    NotInFlush,
    NotInSwitch,
}

/// What the two CPUs share.
struct Machine {
    fences: Fences,
    /// Whether translations carry a number, so that they survive a switch.
    tagged: bool,
    /// The page-table entry: 1 while it maps the frame.
    entry: AtomicU64,
    /// The frame belongs to somebody else.
    freed: AtomicBool,
    /// The other CPU's `PerCpu::space`.
    space: AtomicUsize,
    /// `SpaceTlb::stale`.
    stale: AtomicU64,
    /// `Request::pending` of each CPU, and what it asks.
    pending: [AtomicU64; 2],
    asked: [AtomicU64; 2],
}

/// The CPU that the flush must reach: what its TLB holds under the space's number.
struct Other {
    machine: Arc<Machine>,
    cached: bool,
}

impl Machine {
    fn new(fences: Fences, tagged: bool, space: usize) -> Arc<Machine> {
        Arc::new(Machine {
            fences,
            tagged,
            entry: AtomicU64::new(1),
            freed: AtomicBool::new(false),
            space: AtomicUsize::new(space),
            stale: AtomicU64::new(0),
            pending: Default::default(),
            asked: Default::default(),
        })
    }

    /// `tlb::flush` after the entry was cleared; then the frame goes to somebody else.
    fn unmap(&self) {
        self.entry.store(0, Relaxed);
        if self.tagged {
            self.stale.fetch_or(BIT, SeqCst);
        }
        if self.fences != Fences::NotInFlush {
            fence(SeqCst);
        }
        if self.space.load(Relaxed) == SPACE {
            self.ask(0, BIT, 1);
            if self.tagged {
                self.stale.fetch_and(!BIT, SeqCst);
            }
        }
        self.freed.store(true, Release);
    }

    /// `Flush::on_others`, by CPU `from`, whose bit is 1 or 2.
    fn ask(&self, from: usize, cpus: u64, what: u64) {
        self.asked[from].store(what, Relaxed);
        self.pending[from].store(cpus, SeqCst);
        while self.pending[from].load(Acquire) != 0 {
            self.service(1 << from, |asked| assert_ne!(asked, what));
            thread::yield_now();
        }
    }

    /// `tlb::service` by the CPU with this bit.
    fn service(&self, bit: u64, mut answer: impl FnMut(u64)) {
        for (pending, asked) in self.pending.iter().zip(&self.asked) {
            if pending.load(Acquire) & bit != 0 {
                answer(asked.load(Relaxed));
                pending.fetch_and(!bit, Release);
            }
        }
    }
}

impl Other {
    /// `switch_if_fresh`, and `switch_to` where that refuses.
    fn enter(&mut self) {
        let machine = self.machine.clone();
        machine.space.store(SPACE, Relaxed);
        if machine.fences != Fences::NotInSwitch {
            fence(SeqCst);
        }
        if !machine.tagged {
            // Writing the register forgets everything.
            self.cached = false;
        } else if machine.stale.load(Relaxed) & BIT != 0 {
            machine.space.store(NONE, Relaxed);
            machine.space.store(SPACE, SeqCst);
            machine.stale.fetch_and(!BIT, SeqCst);
            fence(SeqCst);
            self.cached = false;
        }
    }

    /// Leaves; with numbers the TLB keeps what it has.
    fn leave(&mut self) {
        self.machine.space.store(NONE, Relaxed);
        self.cached &= self.machine.tagged;
    }

    /// One user instruction that touches the page, then whatever interrupt waits.
    fn touch(&mut self) {
        self.cached |= self.machine.entry.load(Relaxed) == 1;
        if self.cached {
            assert!(
                !self.machine.freed.load(Acquire),
                "reached a frame after it was freed"
            );
        }
        let cached = &mut self.cached;
        self.machine.service(BIT, |_| *cached = false);
    }

    /// Answers until the first CPU has what it waits for.
    fn finish(&mut self) {
        while !self.machine.freed.load(Acquire) {
            let cached = &mut self.cached;
            self.machine.service(BIT, |_| *cached = false);
            thread::yield_now();
        }
    }
}

fn model(fences: Fences, tagged: bool, space: usize, act: fn(&mut Other)) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let machine = Machine::new(fences, tagged, space);
        let mut other = Other {
            machine: machine.clone(),
            cached: true,
        };
        let thread = thread::spawn(move || {
            act(&mut other);
            other.finish();
            // What is left must not be reachable after all is done, either.
            other.enter();
            other.touch();
        });
        machine.unmap();
        thread.join().unwrap();
    });
}

fn comes_back(cpu: &mut Other) {
    cpu.enter();
    cpu.touch();
    cpu.touch();
}

fn leaves_and_comes_back(cpu: &mut Other) {
    cpu.touch();
    cpu.leave();
    cpu.enter();
    cpu.touch();
}

#[test]
fn flush_against_a_cpu_that_comes_back() {
    model(Fences::Both, true, NONE, comes_back);
}

#[test]
fn flush_against_a_cpu_that_leaves_and_comes_back() {
    for tagged in [false, true] {
        model(Fences::Both, tagged, SPACE, leaves_and_comes_back);
    }
}

#[test]
fn flush_against_a_cpu_that_stays() {
    for tagged in [false, true] {
        model(Fences::Both, tagged, SPACE, |cpu| {
            cpu.touch();
            cpu.touch();
        });
    }
}

/// The model would see it if the kernel had no fence there.
#[test]
#[should_panic(expected = "after it was freed")]
fn flush_needs_its_fence() {
    model(Fences::NotInFlush, true, NONE, comes_back);
}

#[test]
#[should_panic(expected = "after it was freed")]
fn switch_needs_its_fence() {
    model(Fences::NotInSwitch, true, NONE, comes_back);
}

/// Two CPUs that ask each other at once both get an answer, and to what they asked.
#[test]
fn requests_cross_without_a_deadlock() {
    loom::model(|| {
        let machine = Machine::new(Fences::Both, true, NONE);
        let other = machine.clone();
        let thread = thread::spawn(move || {
            other.ask(1, 1, 7);
            other.service(2, |asked| assert_eq!(asked, 5));
        });
        machine.ask(0, 2, 5);
        machine.service(1, |asked| assert_eq!(asked, 7));
        thread.join().unwrap();
    });
}
