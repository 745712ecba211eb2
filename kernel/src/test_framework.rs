//! Tests that run inside the kernel, on the machine itself.
//!
//! A test is a function registered with [`kernel_test!`]; the linker collects
//! the registrations, so a test needs no list to be added to. The runner takes
//! the boot CPU after the kernel is completely up, runs the selected tests one
//! after the other, and reports each before and after it runs, so that the
//! console names the culprit even if a test hangs or panics. A failed assertion
//! ends its test only. A panic cannot be survived (the kernel aborts): it is
//! reported under the test's name, and whoever started the machine boots again
//! and goes on behind that test.
//!
//! A test whose name ends in `_on_purpose` breaks the machine and runs only when it is
//! filtered for by its whole name.
//!
//! Invariant: a test leaves the machine as it found it. The runner compares the
//! count of free frames before and after, and a difference is a failure.
//!
//! Boot arguments: `test.filter=SUBSTRING`, `test.skip=A,B`, `test.after=NAME`
//! (only tests behind NAME in the order of names), `test.list`, `test.seed=N`,
//! `test.repeat=N`.

use crate::arch::{power, timer};
use crate::cmdline;
use crate::mm::{frames, heap};
use crate::println;
use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// How a test ends when it does not pass.
pub enum Verdict {
    /// An assertion did not hold.
    Failed(Message),
    /// The test cannot run on this machine, for this reason.
    Ignored(&'static str),
}

/// What a test function returns; the macros produce it.
pub type TestResult = Result<(), Verdict>;

/// One registered test.
pub struct KernelTest {
    /// Module path and function name.
    pub name: &'static str,
    /// What it is.
    pub run: Run,
}

/// What is registered.
#[derive(Clone, Copy)]
pub enum Run {
    /// A test.
    Test(fn() -> TestResult),
    /// What the image does instead of running tests; at most one per image.
    Kernel(fn()),
    /// What the image goes on with in user mode: the file of the initrd that becomes the first
    /// program, and its first arguments; at most one per image.
    Program(&'static str),
}

impl KernelTest {
    /// The name without the crate, which is the same for nearly all tests.
    fn short_name(&self) -> &'static str {
        self.name
            .strip_prefix("veridian_kernel::")
            .unwrap_or(self.name)
    }
}

/// Text of bounded length; what does not fit is cut off.
pub struct Message {
    bytes: [u8; 240],
    length: usize,
}

impl Message {
    /// Formats `text`.
    pub fn new(text: fmt::Arguments<'_>) -> Self {
        let mut message = Self {
            bytes: [0; 240],
            length: 0,
        };
        // A message that is too long is cut off, which is all that can go wrong.
        let _ = message.write_fmt(text);
        message
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let room = self
                .bytes
                .get_mut(self.length..self.length + character.len_utf8());
            self.length += character.encode_utf8(room.ok_or(fmt::Error)?).len();
        }
        Ok(())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("?"))
    }
}

/// Registers test functions: `kernel_test! { fn name() { … } fn other() { … } }`.
/// A body may use `?` on [`TestResult`]s and ends as passed.
#[macro_export]
macro_rules! kernel_test {
    () => {};
    ($(#[$attribute:meta])* fn $name:ident() $body:block $($rest:tt)*) => {
        $(#[$attribute])*
        fn $name() -> $crate::test_framework::TestResult {
            $body
            #[allow(unreachable_code)]
            Ok(())
        }
        const _: () = {
            #[used]
            // SAFETY: the section holds nothing but KernelTest values, which is what
            // the linker scripts and `registered` expect in it.
            #[unsafe(link_section = "kernel_tests")]
            static TEST: $crate::test_framework::KernelTest = $crate::test_framework::KernelTest {
                name: concat!(module_path!(), "::", stringify!($name)),
                run: $crate::test_framework::Run::Test($name),
            };
        };
        $crate::kernel_test! { $($rest)* }
    };
}

/// What a test kernel does besides the tests that are linked into it: `instead function` makes a
/// `fn()` what it does instead of running them, `then "program arguments"` the first program that
/// it starts afterwards. Without the latter the machine ends.
#[macro_export]
macro_rules! test_kernel {
    (instead $name:ident) => {
        $crate::test_kernel!(@ Kernel($name));
    };
    (then $words:literal) => {
        $crate::test_kernel!(@ Program($words));
    };
    (@ $what:expr) => {
        const _: () = {
            use $crate::test_framework::Run::*;
            #[used]
            // SAFETY: as in `kernel_test!`.
            #[unsafe(link_section = "kernel_tests")]
            static WHAT: $crate::test_framework::KernelTest =
                $crate::test_framework::KernelTest { name: module_path!(), run: $what };
        };
    };
}

/// Ends the test as failed, with a message.
#[macro_export]
macro_rules! ktest_fail {
    ($($text:tt)+) => {
        return Err($crate::test_framework::Verdict::Failed($crate::test_framework::Message::new(
            format_args!("{} ({}:{})", format_args!($($text)+), file!(), line!()),
        )))
    };
}

/// Ends the test as failed unless the condition holds.
#[macro_export]
macro_rules! ktest_assert {
    ($condition:expr $(,)?) => {
        if !$condition {
            $crate::ktest_fail!("{}", stringify!($condition));
        }
    };
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            $crate::ktest_fail!("{}: {}", stringify!($condition), format_args!($($text)+));
        }
    };
}

/// Ends the test as failed unless both values are equal.
#[macro_export]
macro_rules! ktest_assert_eq {
    ($left:expr, $right:expr $(,)?) => {
        match (&$left, &$right) {
            (left, right) => if *left != *right {
                $crate::ktest_fail!(
                    "{} is {:x?}, not {:x?}", stringify!($left), left, right
                );
            }
        }
    };
    ($left:expr, $right:expr, $($text:tt)+) => {
        match (&$left, &$right) {
            (left, right) => if *left != *right {
                $crate::ktest_fail!(
                    "{} is {:x?}, not {:x?}: {}",
                    stringify!($left), left, right, format_args!($($text)+)
                );
            }
        }
    };
}

/// Ends the test as ignored, with the reason.
#[macro_export]
macro_rules! ktest_ignore {
    ($why:expr) => {
        return Err($crate::test_framework::Verdict::Ignored($why))
    };
}

/// A pseudo-random sequence that a seed replays (splitmix64).
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// The random sequence for a test: the same for the same `test.seed`.
pub fn random() -> Random {
    Random::new(seed())
}

fn seed() -> u64 {
    cmdline::arguments().number("test.seed").unwrap_or(1)
}

unsafe extern "C" {
    static kernel_tests_start: u8;
    static kernel_tests_end: u8;
}

/// Every registered test, as the linker found them.
fn registered() -> &'static [KernelTest] {
    let (start, end) = (&raw const kernel_tests_start, &raw const kernel_tests_end);
    let count = (end.addr() - start.addr()) / size_of::<KernelTest>();
    // SAFETY: the linker puts the two symbols around all entries of the section
    // kernel_tests, into which only `kernel_test!` writes, and only KernelTest.
    unsafe { core::slice::from_raw_parts(start.cast(), count) }
}

/// Every registered test by name: the same order in every build, without memory for a list.
fn in_order() -> impl Iterator<Item = &'static KernelTest> {
    core::iter::successors(smallest(""), |last| smallest(last.name))
}

/// The test whose name comes next behind `name`.
fn smallest(name: &str) -> Option<&'static KernelTest> {
    let behind = registered().iter().filter(|test| test.name > name);
    behind.min_by_key(|test| test.name)
}

/// The test that runs.
static RUNNING: AtomicPtr<KernelTest> = AtomicPtr::new(core::ptr::null_mut());

/// The name of the test that runs now, for the panic handler.
pub fn running() -> Option<&'static str> {
    // SAFETY: null, or made from a reference to a registered test, which is static.
    let test = unsafe { RUNNING.load(Ordering::Relaxed).as_ref() };
    test.map(KernelTest::short_name)
}

/// Whether the name ends in a way that says: breaks the machine.
fn breaks_on_purpose(name: &str) -> bool {
    name.ends_with("_on_purpose")
}

/// Whether the boot arguments want the test.
fn wanted(name: &str) -> bool {
    let arguments = cmdline::arguments();
    let value = |key| arguments.value(key).unwrap_or("");
    let (filter, skip) = (value("test.filter"), value("test.skip"));
    if breaks_on_purpose(name) {
        return name == filter;
    }
    let behind = arguments
        .value("test.after")
        .is_none_or(|after| name > after);
    behind && name.contains(filter) && !skip.split(',').any(|skipped| skipped == name)
}

static PASSED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);

fn other<T>(choose: impl Fn(Run) -> Option<T>) -> Option<T> {
    registered().iter().find_map(|entry| choose(entry.run))
}

/// Does what the test kernel is for: by default, runs the selected tests. Returns to start the
/// first program if the image goes on with one, else ends the machine: exit status 0 when no test
/// failed.
pub fn run() {
    let instead = other(|run| match run {
        Run::Kernel(function) => Some(function),
        _ => None,
    });
    instead.unwrap_or(run_tests)();
    if program().is_none() {
        let [passed, failed] = [&PASSED, &FAILED].map(|count| count.load(Ordering::Relaxed));
        println!("ktest: {passed} passed, {failed} failed");
        power::exit((failed != 0) as u8);
    }
}

fn program() -> Option<&'static str> {
    other(|run| match run {
        Run::Program(words) => Some(words),
        _ => None,
    })
}

/// The file that becomes the first process and its first arguments: those of the registration,
/// then how many tests have passed and failed, so that the program can add its own.
pub fn first_program() -> (&'static str, &'static str) {
    let words = program().unwrap_or("init");
    let (name, words) = words.split_once(' ').unwrap_or((words, ""));
    let [passed, failed] = [&PASSED, &FAILED].map(|count| count.load(Ordering::Relaxed));
    let words = format!("{words} ktest.passed={passed} ktest.failed={failed}");
    // The first process has its arguments as long as the machine runs.
    (name, String::leak(words))
}

fn run_tests() {
    let arguments = cmdline::arguments();
    let selected = || {
        let named = in_order().map(|test| (test.short_name(), test));
        named.filter(|(name, test)| matches!(test.run, Run::Test(_)) && wanted(name))
    };
    if arguments.flag("test.list") {
        return selected().for_each(|(name, _)| println!("{name}"));
    }
    println!("ktest: {} tests", selected().count());
    for (name, test) in selected() {
        let Run::Test(function) = test.run else {
            continue;
        };
        RUNNING.store(core::ptr::from_ref(test).cast_mut(), Ordering::Relaxed);
        println!("test {name} ...");
        let started = timer::now();
        let verdict = run_one(function, arguments.number("test.repeat").unwrap_or(1));
        let micros = (timer::now() - started) / 1000;
        RUNNING.store(core::ptr::null_mut(), Ordering::Relaxed);
        match verdict {
            Ok(()) => {
                println!("ok {name} ({micros} us)");
                PASSED.fetch_add(1, Ordering::Relaxed);
            }
            Err(Verdict::Failed(message)) => {
                println!("FAILED {name}: {message} (seed {})", seed());
                FAILED.fetch_add(1, Ordering::Relaxed);
            }
            Err(Verdict::Ignored(why)) => println!("ignored {name}: {why}"),
        }
    }
}

fn run_one(test: fn() -> TestResult, times: u64) -> TestResult {
    for _ in 0..times {
        let before = memory();
        test()?;
        let after = memory();
        if after != before {
            let text =
                format_args!("leaves {after:?} free frames and objects in use, found {before:?}");
            return Err(Verdict::Failed(Message::new(text)));
        }
    }
    Ok(())
}

/// Free frames, and objects that the kernel heap has given out, when nothing is cached.
fn memory() -> (usize, usize) {
    crate::cap::reap();
    heap::trim();
    frames::drain();
    (frames::free_frames(), heap::in_use())
}

kernel_test! {
    fn panic_on_purpose() {
        panic!("asked for");
    }
    fn fault_on_purpose() {
        // SAFETY: none: the address is no kernel address, and the fault ends the machine.
        unsafe { (0xffff_9000_dead_0000 as *mut u64).write_volatile(1) };
    }
    fn stack_overflow_on_purpose() {
        #[allow(unconditional_recursion)]
        fn deeper(depth: &mut [u64; 64]) -> u64 {
            let mut next = *depth;
            next[0] += 1;
            deeper(core::hint::black_box(&mut next)) + next[1]
        }
        ktest_assert_eq!(deeper(&mut [0; 64]), 0);
    }
    fn failure_on_purpose() {
        ktest_assert_eq!(1 + 1, 3, "asked for");
    }
    fn hang_on_purpose() {
        loop {
            crate::arch::cpu::relax();
        }
    }
}
