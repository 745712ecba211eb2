//! `mutants`: do the tests see it when the kernel is wrong?
//!
//! Each file `kernel/mutants/*.patch` breaks one thing. Lines before the patch
//! say what it is and who must notice:
//!
//! ```text
//! what: the TLB is not flushed when a page is unmapped
//! arch: aarch64
//! cpus: 2
//! test: mm::ktests::unmapped_pages_are_gone
//! host: mm::tests::model
//! ```
//!
//! `test:` names a kernel test (by a part of its name) that is run on `arch`
//! with `cpus` CPUs (by default aarch64 and 2), `host:` a test of the kernel's
//! library on the host. There may be several; one that fails catches the
//! mutant. All of them must pass on the kernel as it is, which is tried first.
//! Work is done on a copy under `target/mutants`, so that nothing is lost when
//! it is interrupted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::arch::Arch;
use crate::cargo::{self, Failure};
use crate::{Options, kernel_folder, qemu};

/// A test that must notice, and where it runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Check {
    Kernel {
        arch: &'static str,
        cpus: String,
        filter: String,
    },
    Host {
        filter: String,
    },
}

struct Mutant {
    name: String,
    what: String,
    patch: PathBuf,
    checks: Vec<Check>,
}

/// What a test says about a kernel.
#[derive(PartialEq, Eq)]
enum Verdict {
    Passes,
    Fails,
    DoesNotBuild,
}

/// `cargo xtask mutants [NAME]`
pub fn run(options: &Options) -> Result<(), Failure> {
    let root = kernel_folder();
    let wanted = options
        .words
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let arches: Vec<_> = options.arches.iter().map(|arch| arch.name()).collect();
    let mut mutants = read_all(&root.join("mutants"))?;
    mutants.retain(|mutant| mutant.name.contains(wanted));
    for mutant in &mut mutants {
        mutant.checks.retain(|check| match check {
            Check::Kernel { arch, .. } => arches.is_empty() || arches.contains(arch),
            Check::Host { .. } => arches.is_empty(),
        });
    }
    mutants.retain(|mutant| !mutant.checks.is_empty());
    let scratch = root.join("target/mutants/kernel");
    let options = Options {
        root: scratch.clone(),
        words: Vec::new(),
        ..options.clone()
    };

    synchronise(&root, &scratch)?;
    let checks: BTreeSet<_> = mutants
        .iter()
        .flat_map(|mutant| mutant.checks.clone())
        .collect();
    for check in &checks {
        if verdict(check, &options)? != Verdict::Passes {
            return Err(Failure::Message(format!(
                "{} fails without any mutation",
                check.name()
            )));
        }
    }
    println!("{} tests pass on the kernel as it is", checks.len());

    let mut missed = 0;
    for mutant in &mutants {
        synchronise(&root, &scratch)?;
        apply(&mutant.patch, &scratch)?;
        let mut caught = None;
        for check in &mutant.checks {
            match verdict(check, &options)? {
                Verdict::Passes => {}
                Verdict::Fails => caught = Some(format!("caught by {}", check.name())),
                Verdict::DoesNotBuild => {
                    return Err(Failure::Message(format!("{}: does not build", mutant.name)));
                }
            }
            if caught.is_some() {
                break;
            }
        }
        missed += usize::from(caught.is_none());
        let outcome = caught.unwrap_or_else(|| "NOT CAUGHT".into());
        println!("{}: {} ({})", mutant.name, outcome, mutant.what);
    }
    println!("{} caught, {missed} not caught", mutants.len() - missed);
    match missed {
        0 => Ok(()),
        _ => Err(Failure::Status(1)),
    }
}

impl Check {
    fn name(&self) -> String {
        match self {
            Check::Kernel { arch, filter, .. } => format!("{filter} on {arch}"),
            Check::Host { filter } => format!("{filter} on the host"),
        }
    }
}

fn verdict(check: &Check, options: &Options) -> Result<Verdict, Failure> {
    match check {
        Check::Kernel { arch, cpus, filter } => {
            let options = Options {
                cpus: Some(cpus.clone()),
                ..options.clone()
            };
            let arch = Arch::parse(arch)?[0];
            match qemu::run_tests(arch, &options, filter, |_| {}) {
                Ok((0, 0)) => Err(Failure::Message(format!(
                    "no test has '{filter}' in its name"
                ))),
                Ok((_, 0)) => Ok(Verdict::Passes),
                Ok(_) => Ok(Verdict::Fails),
                Err(Failure::Status(_)) => Ok(Verdict::DoesNotBuild),
                // A kernel that does not come to its tests is noticed, too.
                Err(Failure::Message(_)) => Ok(Verdict::Fails),
            }
        }
        Check::Host { filter } => {
            let test = |last: &str| -> Result<bool, Failure> {
                let status = cargo::command(&options.root)
                    .args([
                        "test",
                        "--quiet",
                        "--package",
                        "veridian-kernel",
                        "--lib",
                        last,
                    ])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                Ok(status
                    .map_err(|e| format!("cannot run cargo: {e}"))?
                    .success())
            };
            if !test("--no-run")? {
                return Ok(Verdict::DoesNotBuild);
            }
            let passes = test(filter)?;
            Ok(if passes {
                Verdict::Passes
            } else {
                Verdict::Fails
            })
        }
    }
}

fn read_all(folder: &Path) -> Result<Vec<Mutant>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "patch")
    });
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(patch: PathBuf) -> Result<Mutant, String> {
    let text = fs::read_to_string(&patch).map_err(|e| format!("{}: {e}", patch.display()))?;
    let name = patch
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (what, checks) = parse(&text).map_err(|e| format!("{name}: {e}"))?;
    Ok(Mutant {
        name,
        what,
        patch,
        checks,
    })
}

/// The lines before the patch: what it is, and who must notice.
fn parse(text: &str) -> Result<(String, Vec<Check>), String> {
    let (mut what, mut arch, mut cpus) = (String::new(), "aarch64", "2");
    let mut checks = Vec::new();
    for line in text
        .lines()
        .take_while(|line| !line.starts_with("---") && !line.starts_with("diff "))
    {
        let Some((key, value)) = line.split_once(':').map(|(key, value)| (key, value.trim()))
        else {
            continue;
        };
        match key {
            "what" => what = value.into(),
            "arch" => arch = Arch::parse(value)?[0].name(),
            "cpus" => cpus = value,
            "test" => checks.push(Check::Kernel {
                arch,
                cpus: cpus.into(),
                filter: value.into(),
            }),
            "host" => checks.push(Check::Host {
                filter: value.into(),
            }),
            _ => return Err(format!("unknown line '{line}'")),
        }
    }
    match (what.is_empty(), checks.is_empty()) {
        (false, false) => Ok((what, checks)),
        (true, _) => Err("no line 'what:'".into()),
        (_, true) => Err("no line 'test:' or 'host:'".into()),
    }
}

fn apply(patch: &Path, scratch: &Path) -> Result<(), String> {
    let status = Command::new("patch")
        .args([
            "--batch",
            "--silent",
            "--forward",
            "--strip=2",
            "--no-backup-if-mismatch",
        ])
        .args([
            Path::new("--input"),
            patch,
            Path::new("--directory"),
            scratch,
        ])
        .status()
        .map_err(|e| format!("cannot run patch: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} does not apply any more", patch.display())),
    }
}

/// Makes `to` the same as `from`, build products apart; touches only what differs, so that builds
/// stay incremental.
fn synchronise(from: &Path, to: &Path) -> Result<(), String> {
    let describe = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    fs::create_dir_all(to).map_err(|e| describe(to, e))?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).map_err(|e| describe(from, e))?.flatten() {
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(&name));
        if source.is_dir() {
            synchronise(&source, &copy)?;
        } else {
            let content = fs::read(&source).map_err(|e| describe(&source, e))?;
            if fs::read(&copy).ok().as_ref() != Some(&content) {
                fs::write(&copy, &content).map_err(|e| describe(&copy, e))?;
            }
        }
        names.insert(name);
    }
    for entry in fs::read_dir(to).map_err(|e| describe(to, e))?.flatten() {
        if entry.file_name() != "target" && !names.contains(&entry.file_name()) {
            let path = entry.path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(|e| describe(&path, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_say_who_must_notice() {
        let text = "what: x: y\nhost: a\ntest: b\narch: riscv64\ncpus: 4\ntest: c\n--- a/kernel/src\ntest: d\n";
        let (what, checks) = parse(text).expect("a header");
        assert_eq!((what.as_str(), checks.len()), ("x: y", 3));
        assert!(matches!(
            &checks[1],
            Check::Kernel {
                arch: "aarch64",
                ..
            }
        ));
        assert!(matches!(&checks[2], Check::Kernel { arch: "riscv64", cpus, .. } if cpus == "4"));
        assert!(parse("what: x\n--- a\n").is_err());
        assert!(parse("test: x\n--- a\n").is_err());
        assert!(parse("what: x\ntest: a\nwho: b\n").is_err());
    }
}
