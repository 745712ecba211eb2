//! Tests of the kernel by user programs: what system calls promise, seen from outside.
//!
//! The test kernel starts this program as the first process, with all authority there is. Each
//! test runs in a child of its own, so that one that crashes or hangs ends itself only; the
//! kernel's free memory, heap and processes are compared before and after it. Console lines and
//! boot arguments are those of the kernel's own tests (`test_framework`).
#![no_std]
#![no_main]

extern crate alloc;

mod authority;
mod capabilities;
mod cpu;
mod failures;
mod faults;
mod fuzz;
mod harness;
mod ipc;
mod memory;
mod process;
#[cfg(target_arch = "aarch64")]
mod registers;
mod threads;

use veridian::Arguments;

veridian::main!(run);

const TESTS: &[&[harness::Test]] = &[
    authority::TESTS,
    capabilities::TESTS,
    cpu::TESTS,
    failures::TESTS,
    faults::TESTS,
    fuzz::TESTS,
    ipc::TESTS,
    memory::TESTS,
    process::TESTS,
    #[cfg(target_arch = "aarch64")]
    registers::TESTS,
    threads::TESTS,
];

fn run(arguments: Arguments) -> u8 {
    harness::run(TESTS, arguments)
}
