//! Runs tests in children and reports like the kernel's own runner.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use veridian::abi::well_known::{CONSOLE, INITRD, MACHINE, NAMESPACE, PROCESS};
use veridian::abi::{MessageInfo, inheritance};
use veridian::{Arguments, Error, println, sys};

/// A test that takes longer hangs.
const PATIENCE: u64 = 20_000_000_000;
/// Statuses by which a child says how its test ended.
const PASSED: u64 = 0;
const FAILED: u64 = 1;
const IGNORED: u64 = 2;

/// Why a test failed.
pub struct Failure(pub String);

/// How a test ends.
pub type TestResult = Result<(), Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure(alloc::format!("unexpected error: {}", error.text()))
    }
}

/// A test.
pub struct Test {
    /// Module and function.
    pub name: &'static str,
    /// What it does.
    pub run: fn() -> TestResult,
}

/// Makes the list `TESTS` from functions, which end as passed.
#[macro_export]
macro_rules! tests {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {
        /// The tests of this module.
        pub const TESTS: &[$crate::harness::Test] = &[$($crate::harness::Test {
            name: concat!(module_path!(), "::", stringify!($name)),
            run: $name,
        }),*];
        $($(#[$attribute])* fn $name() -> $crate::harness::TestResult {
            $body
            #[allow(unreachable_code)]
            Ok(())
        })*
    };
}

/// Ends the test as failed unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr) => { $crate::check!($condition, "does not hold") };
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::harness::Failure(alloc::format!(
                "{}: {} ({}:{})", stringify!($condition), format_args!($($text)+), file!(), line!()
            )));
        }
    };
}

/// Ends the test as failed unless both values are equal.
#[macro_export]
macro_rules! check_eq {
    ($left:expr, $right:expr) => {
        match (&$left, &$right) {
            (left, right) => $crate::check!(left == right, "{left:x?} is not {right:x?}"),
        }
    };
}

/// What must be the same before and after a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counters {
    free_frames: u64,
    heap_objects: u64,
    processes: u64,
}

impl Counters {
    /// What they are now, with nothing cached.
    pub fn read() -> Self {
        let mut words = [0u64; 5];
        sys::kernel_info(
            MACHINE,
            words.as_mut_ptr() as u64,
            size_of_val(&words) as u64,
        );
        Self {
            free_frames: words[0],
            heap_objects: words[2],
            processes: words[3],
        }
    }

    /// Reads until the counters are `expected`: other CPUs may still be cleaning up.
    pub fn settle(expected: Self) -> Self {
        let end = now() + 300_000_000;
        loop {
            let counters = Self::read();
            if counters == expected || now() > end {
                return counters;
            }
            sleep(1_000_000);
        }
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            free_frames,
            heap_objects,
            processes,
        } = self;
        write!(
            f,
            "{free_frames} free frames, {heap_objects} heap objects, {processes} processes"
        )
    }
}

/// Seed of the repetition that runs.
static SEED: AtomicU64 = AtomicU64::new(1);

/// What a test with random numbers begins with: `test.seed`, in later repetitions another one.
pub fn seed() -> u64 {
    SEED.load(Ordering::Relaxed)
}

/// A pseudo-random sequence that its first state replays (splitmix64).
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// The kernel's clock.
pub fn now() -> u64 {
    sys::clock().value
}

/// Sleeps for so many nanoseconds.
pub fn sleep(nanoseconds: u64) {
    sys::sleep_until(now() + nanoseconds);
}

/// Runs `body` in a child and gives the child's status; `None` if it hung and was killed.
pub fn in_child(body: impl FnOnce() -> u8) -> Result<Option<u64>, Error> {
    let child = sys::fork(PROCESS).value()?;
    if child == 0 {
        let status = body();
        sys::exit(status.into());
    }
    let end = now() + PATIENCE;
    let status = loop {
        match sys::process_wait(child, MessageInfo::NO_WAIT).value() {
            Ok(status) => break Some(status),
            Err(Error::WouldBlock) if now() < end => sleep(200_000),
            Err(Error::WouldBlock) => {
                sys::process_kill(child, 255);
                sys::process_wait(child, 0).value()?;
                break None;
            }
            Err(error) => return Err(error),
        }
    };
    sys::delete(child).check()?;
    Ok(status)
}

/// What the boot arguments select.
struct Selection {
    filter: &'static str,
    after: &'static str,
    skip: &'static str,
}

fn value(arguments: Arguments, key: &str) -> &'static str {
    let words = arguments.iter().take_while(|word| *word != "--");
    let values = words.filter_map(|word| word.split_once('=').filter(|(k, _)| *k == key));
    values.last().map_or("", |(_, value)| value)
}

impl Selection {
    fn takes(&self, name: &str) -> bool {
        let skipped = self.skip.split(',').any(|skipped| skipped == name);
        name > self.after && name.contains(self.filter) && !skipped
    }
}

/// Runs the selected tests and ends the machine: status 0 if no test failed, here or before.
pub fn run(tests: &[&[Test]], arguments: Arguments) -> u8 {
    for token in [CONSOLE, INITRD, MACHINE, NAMESPACE] {
        sys::set_inheritance(token, inheritance::INHERIT);
    }
    let number = |key| value(arguments, key).parse::<u64>().unwrap_or(0);
    SEED.store(number("test.seed").max(1), Ordering::Relaxed);
    let selection = Selection {
        filter: value(arguments, "test.filter"),
        after: value(arguments, "test.after"),
        skip: value(arguments, "test.skip"),
    };
    let mut selected: Vec<_> = tests
        .iter()
        .flat_map(|tests| tests.iter())
        .map(|test| {
            (
                alloc::format!("user::{}", test.name.split_once("::").map_or("", |n| n.1)),
                test,
            )
        })
        .filter(|(name, _)| selection.takes(name))
        .collect();
    selected.sort_by(|a, b| a.0.cmp(&b.0));
    if arguments.iter().any(|word| word == "test.list") {
        selected.iter().for_each(|(name, _)| println!("{name}"));
        sys::shutdown(MACHINE, 0);
    }
    println!("ktest: {} tests", selected.len());
    let (mut passed, mut failed) = (number("ktest.passed"), number("ktest.failed"));
    // The first fork makes what the kernel and this process keep.
    let _ = in_child(|| 0);
    for (name, test) in &selected {
        println!("test {name} ...");
        let started = now();
        let (status, detail) = run_one(name, test, number("test.repeat").max(1));
        let micros = (now() - started) / 1000;
        match status {
            PASSED => {
                println!("ok {name} ({micros} us)");
                passed += 1;
            }
            IGNORED => {}
            _ => {
                if let Some(detail) = detail {
                    println!("FAILED {name}: {detail}");
                }
                failed += 1;
            }
        }
    }
    println!("ktest: {passed} passed, {failed} failed");
    sys::shutdown(MACHINE, (failed != 0).into());
    1
}

/// Runs one test; the detail of a failure that the child has not reported itself.
fn run_one(name: &str, test: &Test, times: u64) -> (u64, Option<String>) {
    for _ in 0..times {
        let before = Counters::read();
        let status = in_child(|| match (test.run)() {
            Ok(()) => PASSED as u8,
            Err(Failure(why)) if why.starts_with("ignored: ") => {
                println!("ignored {name}: {}", &why[9..]);
                IGNORED as u8
            }
            Err(Failure(why)) => {
                println!("FAILED {name}: {why}");
                FAILED as u8
            }
        });
        match status {
            Ok(Some(PASSED)) => {}
            Ok(Some(reported @ (FAILED | IGNORED))) => return (reported, None),
            Ok(Some(other)) => return (FAILED, Some(alloc::format!("ended with status {other}"))),
            Ok(None) => return (FAILED, Some("hangs".into())),
            Err(error) => return (FAILED, Some(alloc::format!("no child: {}", error.text()))),
        }
        SEED.fetch_add(1 << 16, Ordering::Relaxed);
        let after = Counters::settle(before);
        if after != before {
            return (
                FAILED,
                Some(alloc::format!("leaves {after}; found {before}")),
            );
        }
    }
    (PASSED, None)
}
