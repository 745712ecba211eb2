//! The test kernel: runs every registered kernel test, then the program `tests`, whose tests are
//! user programs against the real kernel.
//!
//! `cargo xtask build --tests` builds it with the feature `ktest`, which makes the kernel run the
//! tests linked into it where it would otherwise start the first program.
#![no_std]
#![no_main]

veridian_kernel::test_kernel!(then "tests");
