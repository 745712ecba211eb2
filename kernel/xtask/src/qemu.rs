//! `run` and `test`: a built kernel in QEMU, with nothing but QEMU installed.
//!
//! How a machine is started comes from the profiles in `qemu-launch/` that the
//! IDE uses too. The guest's exit status is the last console line
//! `veridian-exit: N`. A test that panics or says nothing for a while ends its
//! machine only: the next boot goes on behind it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;

use crate::arch::Arch;
use crate::cargo::Failure;
use crate::{Options, build, kernel_folder};

/// A machine that prints nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(120);
/// A test kernel is booted again at most so often.
const BOOTS: usize = 200;

/// What a boot came to.
pub struct Outcome {
    /// The guest's exit status; none if it hung or died.
    pub status: Option<u8>,
    /// Everything it printed, line by line.
    pub lines: Vec<String>,
}

/// `cargo xtask run [-- KERNEL ARGUMENTS]`
pub fn run(options: &Options) -> Result<(), Failure> {
    let arch = one_arch(options)?;
    let images = build::images(arch, options)?;
    let image = images.first().ok_or("nothing was built".to_string())?;
    let outcome = boot(arch, image, options, &options.words.join(" "), |line| {
        println!("{line}")
    })?;
    match outcome.status {
        Some(0) => Ok(()),
        Some(status) => Err(Failure::Status(i32::from(status))),
        None => Err(Failure::Message("the machine hung or died".into())),
    }
}

/// `cargo xtask test [FILTER]`
pub fn test(options: &Options) -> Result<(), Failure> {
    let arch = one_arch(options)?;
    let filter = options
        .words
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let (passed, failed) = run_tests(arch, options, filter, |line| println!("{line}"))?;
    println!("{passed} passed, {failed} failed");
    match (passed, failed) {
        (_, 1..) => Err(Failure::Status(1)),
        (0, 0) => Err(Failure::Message(format!(
            "no test has '{filter}' in its name"
        ))),
        _ => Ok(()),
    }
}

/// Builds the test kernels and runs their tests; returns how many passed and failed.
pub fn run_tests(
    arch: Arch,
    options: &Options,
    filter: &str,
    mut show: impl FnMut(&str),
) -> Result<(usize, usize), Failure> {
    let options = Options {
        tests: true,
        ..options.clone()
    };
    let (mut passed, mut failed) = (0, 0);
    for image in build::images(arch, &options)?
        .iter()
        .filter(|image| is_test(image))
    {
        let mut after = String::new();
        for _ in 0..BOOTS {
            let arguments = format!("test.filter={filter} {after}");
            let outcome = boot(arch, image, &options, &arguments, &mut show)?;
            let count = |start: &str| {
                outcome
                    .lines
                    .iter()
                    .filter(|l| l.starts_with(start))
                    .count()
            };
            passed += count("ok ");
            failed += count("FAILED ");
            if outcome
                .lines
                .iter()
                .any(|line| line.starts_with("ktest: ") && line.contains(" passed"))
            {
                break;
            }
            let begun = outcome
                .lines
                .iter()
                .rev()
                .find_map(|line| line.strip_prefix("test "));
            let Some(name) = begun.and_then(|line| line.strip_suffix(" ...")) else {
                return Err(Failure::Message(
                    "the test kernel did not come to its first test".into(),
                ));
            };
            if !outcome
                .lines
                .iter()
                .any(|line| line.starts_with(&format!("FAILED {name}:")))
            {
                show(&format!("FAILED {name}: the machine hung or died"));
                failed += 1;
            }
            after = format!("test.after={name}");
        }
    }
    Ok((passed, failed))
}

/// Benchmarks are built like tests and are none.
fn is_test(image: &Value) -> bool {
    image["test"]
        .as_str()
        .is_some_and(|name| name != "performance_benchmarks")
}

fn one_arch(options: &Options) -> Result<Arch, Failure> {
    match options.arches.as_slice() {
        [arch] => Ok(*arch),
        _ => Err(Failure::Message(
            "one --arch is needed: x86_64, aarch64 or riscv64".into(),
        )),
    }
}

/// Boots an image and passes its console lines to `show`.
pub fn boot(
    arch: Arch,
    image: &Value,
    options: &Options,
    arguments: &str,
    mut show: impl FnMut(&str),
) -> Result<Outcome, Failure> {
    let mut child = command(arch, image, options, arguments)?
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start QEMU: {e}"))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_string();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    let mut lines = Vec::new();
    loop {
        match receiver.recv_timeout(SILENCE) {
            Ok(line) => {
                show(&line);
                lines.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                return Ok(Outcome {
                    status: None,
                    lines,
                });
            }
        }
    }
    end(&mut child);
    let _ = std::io::stdout().flush();
    let status = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("veridian-exit: "));
    Ok(Outcome {
        status: status.and_then(|status| status.parse().ok()),
        lines,
    })
}

fn end(child: &mut Child) {
    // It may have ended by itself; waiting then only collects it.
    let _ = child.kill();
    let _ = child.wait();
}

fn command(
    arch: Arch,
    image: &Value,
    options: &Options,
    arguments: &str,
) -> Result<Command, String> {
    let file = kernel_folder()
        .join("../qemu-launch")
        .join(format!("{arch}.properties"));
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    let need = |key: &str| value(key).ok_or_else(|| format!("{}: no {key}", file.display()));
    let mut command = Command::new(need("qemu")?);
    command.args(["-machine", need("machine")?, "-cpu", need("cpu")?]);
    let cpus = options.cpus.as_deref().map_or_else(|| need("cpus"), Ok)?;
    command.args(["-smp", cpus, "-m", need("memory")?]);
    if let Some(bios) = value("bios") {
        command.args(["-bios", bios]);
    }
    command.args([
        "-display",
        "none",
        "-serial",
        "stdio",
        "-monitor",
        "none",
        "-nodefaults",
        "-no-reboot",
    ]);
    if options.icount {
        command.args(["-icount", "shift=0,sleep=off"]);
    }
    command.args(value("args").unwrap_or_default().split_whitespace());
    let path = |key: &str| image[key].as_str().unwrap_or_default();
    command.args(["-kernel", path("boot"), "-initrd", path("initrd")]);
    let own = value("kernel.args").unwrap_or_default();
    command.args(["-append", format!("{own} {arguments}").trim()]);
    Ok(command)
}
