//! The kernel image. Everything is in the library, so that test kernels are built from the same
//! parts; an architecture's entry code (`arch/<isa>/boot.rs`) leads to `veridian_kernel::boot::start`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
extern crate veridian_kernel as _;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("the kernel runs on bare metal: build it with `cargo xtask build --arch ARCH`");
    std::process::exit(2);
}
