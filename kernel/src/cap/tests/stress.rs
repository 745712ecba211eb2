//! Several threads at once, with the barrier that the kernel has: a thread is *inside* while it
//! runs an operation, and a barrier waits until every other one has left or passed a preemption
//! point.

use std::cell::Cell;
use std::sync::atomic::Ordering::SeqCst;

use super::*;

const THREADS: usize = 4;

/// Odd while the thread is inside; moves on at every quiescent moment.
static EPOCHS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];

std::thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The thread holds nothing that it looked up.
pub fn quiescent() {
    if let Some(epoch) = EPOCHS.get(NUMBER.get()) {
        epoch.fetch_add(2, SeqCst);
    }
}

/// Waits for the others.
pub fn barrier() {
    let number = NUMBER.get();
    if number == usize::MAX {
        return;
    }
    for (other, epoch) in EPOCHS.iter().enumerate() {
        let before = epoch.load(SeqCst);
        while other != number && before % 2 == 1 && epoch.load(SeqCst) == before {
            quiescent();
            std::thread::yield_now();
        }
    }
}

fn inside<R>(operation: impl FnOnce() -> R) -> R {
    EPOCHS[NUMBER.get()].fetch_add(1, SeqCst);
    let result = operation();
    EPOCHS[NUMBER.get()].fetch_add(1, SeqCst);
    result
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Objects that this test made and that exist, over all threads.
static OBJECTS: AtomicUsize = AtomicUsize::new(0);
const MAGIC: u64 = 0x600d_0b1e_c700_0001;

#[repr(C)]
struct Counted {
    header: Object,
    magic: AtomicU64,
}

// SAFETY: `repr(C)`, header first; objects of this kind exist only in this test's spaces.
unsafe impl Typed for Counted {
    const KIND: Kind = Kind::Machine;
}

static COUNTED: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    destroy: |object| {
        // SAFETY: boxed by `create`; nobody uses it any more.
        let object = unsafe { Box::from_raw(object.as_ptr().cast::<Counted>()) };
        assert_eq!(object.magic.swap(0, SeqCst), MAGIC);
        OBJECTS.fetch_sub(1, SeqCst);
    },
    holds: |_| std::ptr::null(),
};

fn create(space: &Space) -> Result<Token, Error> {
    OBJECTS.fetch_add(1, SeqCst);
    let object = Counted {
        header: Object::new(Kind::Machine, &COUNTED),
        magic: AtomicU64::new(MAGIC),
    };
    // SAFETY: the box gives up its object with the creator's use.
    let object = unsafe { Use::from_raw(NonNull::new(Box::into_raw(Box::new(object))).unwrap()) };
    space.insert_root(&object.header, Rights::all(), 0)
}

/// Everybody mints, delegates, deletes and revokes in everybody's spaces, looks up and touches
/// the objects. A capability honoured after its death, an object freed too early or a slot given
/// out twice shows as a wrong magic number, a crash, or a wrong count at the end.
#[test]
fn four_threads_in_each_others_spaces() {
    let _alone = alone();
    let operations: u64 = std::env::var("CAP_STRESS").map_or(60_000, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("CAP_SEED").map_or(0x5eed_1234_5678_9abc, |n| n.parse().unwrap());
    println!("seed {seed}");
    let spaces: Vec<_> = (0..THREADS).map(|_| space()).collect();
    let tokens: [AtomicU64; 256] = std::array::from_fn(|_| AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (spaces, tokens) = (&spaces, &tokens);
            scope.spawn(move || {
                NUMBER.set(thread);
                let cache = Cache::new();
                let mut state = seed.wrapping_add(thread as u64 * 0x9e37_79b9);
                for _ in 0..operations {
                    let (dice, place) = (random(&mut state), random(&mut state) as usize % 256);
                    let owner = &spaces[place % THREADS];
                    let token = Token(tokens[place].load(SeqCst));
                    let target = random(&mut state) as usize % 256;
                    let other = &spaces[target % THREADS];
                    inside(|| match dice % 16 {
                        0 => drop(create(owner).map(|token| tokens[place].store(token.0, SeqCst))),
                        1..=3 => drop(
                            owner
                                .delegate(token, other, ALL)
                                .map(|t| tokens[target].store(t.0, SeqCst)),
                        ),
                        4 => drop(
                            owner
                                .mint(token, ALL)
                                .map(|t| tokens[place].store(t.0, SeqCst)),
                        ),
                        5 | 6 => drop(owner.delete(token)),
                        7 => drop(owner.revoke(token)),
                        8 => {
                            let moved = other
                                .prepare(1)
                                .and_then(|to| to.copy(owner, &[(token, Rights::all())]));
                            if let Ok(moved) = moved {
                                tokens[target].store(moved[0].0, SeqCst);
                            }
                        }
                        _ => {
                            let found = cache.lookup(owner, token, Kind::Machine, Rights::READ);
                            if let Ok(found) = found {
                                std::thread::yield_now();
                                assert_eq!(found.typed::<Counted>().magic.load(SeqCst), MAGIC);
                            }
                        }
                    });
                }
                inside(reap);
                NUMBER.set(usize::MAX);
            });
        }
    });
    spaces.iter().for_each(|space| space.close());
    reap();
    assert!(spaces.iter().all(|space| space.count() == 0));
    assert_eq!(OBJECTS.load(SeqCst), 0, "objects left");
}
