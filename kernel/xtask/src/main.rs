//! `cargo xtask`: builds, checks and counts the kernel.
//!
//! Runs on the host, on its own (the IDE and the `veridian` script call it, it
//! knows neither). Exit status: 0 done, cargo's own when cargo failed, 2 for a
//! wrong command line, else 1 with one line on standard error.

mod arch;
mod build;
mod cargo;
mod check;
mod cpio;
mod image;
mod lines;
mod mutants;
mod qemu;
mod symbols;

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::arch::Arch;
use crate::cargo::{Failure, Messages};

const HELP: &str = "\
cargo xtask COMMAND

  build --arch A|all [--profile dev|release] [--message-format json] [--tests]
                  builds kernel, user programs, initrd and symbol table into
                  target/A/image/PROFILE (with --tests also every test kernel)
  run --arch A [--profile P] [--cpus N] [--icount] [-- KERNEL ARGUMENTS]
                  builds and boots it, console on standard output; the exit
                  status is the guest's
  test --arch A [--profile P] [--cpus N] [FILTER]
                  builds the test kernels and runs the tests in them
  mutants [--arch A] [NAME]
                  applies each patch of kernel/mutants to a copy of the kernel
                  and runs the tests it names; each must be caught
  check           formatting, lints of every target, host tests
  lines [files]   counts the kernel's lines by subsystem (and file); fails above
                  the limit

A is x86_64, aarch64 or riscv64.";

/// The options that commands share.
#[derive(Clone)]
pub struct Options {
    /// The folder `kernel/` that is built.
    pub root: PathBuf,
    pub arches: Vec<Arch>,
    pub profile: String,
    pub messages: Messages,
    pub tests: bool,
    pub cpus: Option<String>,
    pub icount: bool,
    pub words: Vec<String>,
}

fn main() -> ExitCode {
    let (command, options) = match parse() {
        Ok(parsed) => parsed,
        Err(message) => {
            eprintln!("xtask: {message} (cargo xtask help lists the commands)");
            return ExitCode::from(2);
        }
    };
    let result = match command.as_str() {
        "build" => build::run(&options),
        "run" => qemu::run(&options),
        "test" => qemu::test(&options),
        "mutants" => mutants::run(&options),
        "check" => check::run(),
        "lines" => {
            lines::run(&kernel_folder(), options.words == ["files"]).map_err(Failure::Message)
        }
        "help" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Failure::Message(format!(
            "unknown command '{other}' (cargo xtask help)"
        ))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Status(status)) => ExitCode::from(status.clamp(1, 255) as u8),
        Err(Failure::Message(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<(String, Options), String> {
    let mut options = Options {
        root: kernel_folder(),
        arches: Vec::new(),
        profile: "dev".into(),
        messages: Messages::Human,
        tests: false,
        cpus: None,
        icount: false,
        words: Vec::new(),
    };
    let mut command = None;
    let mut parser = lexopt::Parser::from_env();
    let mut read = || -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => command = Some("help".into()),
                Long("arch") => options.arches = Arch::parse(&parser.value()?.string()?)?,
                Long("profile") => {
                    options.profile = parser.value()?.string()?;
                    if !["dev", "release"].contains(&options.profile.as_str()) {
                        return Err("--profile is dev or release".into());
                    }
                }
                Long("release") => options.profile = "release".into(),
                Long("message-format") => match parser.value()?.string()?.as_str() {
                    "json" => options.messages = Messages::Json,
                    "human" => options.messages = Messages::Human,
                    _ => return Err("--message-format is json or human".into()),
                },
                Long("tests") => options.tests = true,
                Long("cpus") => options.cpus = Some(parser.value()?.string()?),
                Long("icount") => options.icount = true,
                Value(word) if command.is_none() => command = Some(word.string()?),
                Value(word) => options.words.push(word.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    };
    read().map_err(|e| e.to_string())?;
    Ok((command.unwrap_or_else(|| "help".into()), options))
}

/// The folder `kernel/`, wherever the checkout is.
pub fn kernel_folder() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let own = own.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    own.parent().map(PathBuf::from).unwrap_or(own)
}
