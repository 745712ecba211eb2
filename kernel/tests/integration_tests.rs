//! The test kernel: runs every registered kernel test, those of the library and those here.
//!
//! `cargo xtask build --tests` builds it with the feature `ktest`, which makes the kernel run the
//! tests linked into it where it would otherwise start the first program.
#![no_std]
#![no_main]

extern crate veridian_kernel as _;
