//! `check`: what must be clean before a change is shown to others.

use std::path::Path;
use std::process::Stdio;

use crate::arch::Arch;
use crate::cargo::{self, Failure};
use crate::kernel_folder;

/// `cargo xtask check`
pub fn run() -> Result<(), Failure> {
    let root = kernel_folder();
    let user = root.join("user");
    step(&root, "format", "fmt --all --check")?;
    step(&user, "format of user programs", "fmt --all --check")?;
    for arch in Arch::ALL {
        let (kernel, program) = (arch.kernel_target(), arch.user_target());
        let lints = format!(
            "clippy --package veridian-kernel --bin veridian --test * --features ktest,checks \
             --target {kernel} --target-dir target/{arch} -- -D warnings"
        );
        step(&root, &format!("lints for {arch}"), &lints)?;
        let lints = format!(
            "clippy --workspace --lib --bins --target {program} \
             --target-dir ../target/{arch}/user -- -D warnings"
        );
        step(&user, &format!("lints of user programs for {arch}"), &lints)?;
    }
    step(
        &root,
        "lints on the host",
        "clippy --package veridian-kernel --lib --tests -- -D warnings",
    )?;
    step(
        &root,
        "lints of xtask",
        "clippy --package xtask --all-targets -- -D warnings",
    )?;
    step(
        &root,
        "tests on the host",
        "test --package veridian-kernel --lib",
    )?;
    step(&root, "tests of xtask", "test --package xtask")
}

/// Runs cargo with the words of `arguments`.
fn step(directory: &Path, name: &str, arguments: &str) -> Result<(), Failure> {
    eprintln!("check: {name}");
    let status = cargo::command(directory)
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Status(code)),
        None => Err(Failure::Message(format!(
            "cargo was ended by a signal ({status})"
        ))),
    }
}
