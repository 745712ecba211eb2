//! `build`: kernel and user programs side by side, then the image folders.
//! `check`: what must be clean before a change is shown to others.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::arch::Arch;
use crate::cargo::{self, Executable, Failure, Messages};
use crate::{Options, image, kernel_folder};

/// `cargo xtask build`
pub fn run(options: &Options) -> Result<(), Failure> {
    if options.arches.is_empty() {
        return Err(Failure::Message(
            "build needs --arch x86_64|aarch64|riscv64|all".into(),
        ));
    }
    for &arch in &options.arches {
        one(arch, options)?;
    }
    Ok(())
}

fn one(arch: Arch, options: &Options) -> Result<(), Failure> {
    let root = kernel_folder();
    let target = root.join("target").join(arch.name());
    // Two workspaces with a target folder each: neither waits for the other's lock.
    let (kernels, programs) = std::thread::scope(|scope| {
        let programs = scope.spawn(|| user(&root, &target.join("user"), arch, options));
        (kernel(&root, &target, arch, options), programs.join())
    });
    let kernels = kernels?;
    let programs = programs.map_err(|_| "the build of user programs panicked".to_string())??;

    let profile = options.profile.as_str();
    let folder = target.join("image").join(profile);
    for kernel in &kernels {
        let folder = match kernel.is_test {
            true => folder.join("tests").join(&kernel.name),
            false => folder.clone(),
        };
        let inputs = image::Inputs {
            arch,
            profile,
            kernel: &kernel.path,
            programs: &programs,
        };
        let mut image = image::write(&folder, &inputs)?;
        if options.messages == Messages::Json {
            image["reason"] = json!("veridian-image");
            if kernel.is_test {
                image["test"] = json!(kernel.name);
            }
            println!("{image}");
        }
    }
    Ok(())
}

fn kernel(
    root: &Path,
    target: &Path,
    arch: Arch,
    options: &Options,
) -> Result<Vec<Executable>, Failure> {
    let target = path(target)?;
    let mut arguments = vec!["--package", "veridian-kernel", "--bin", "veridian"];
    if options.tests {
        arguments.extend(["--test", "*"]);
    }
    arguments.extend(["--target", arch.kernel_target(), "--target-dir", target]);
    arguments.extend(["--profile", &options.profile]);
    cargo::build(root, &arguments, options.messages)
}

fn user(
    root: &Path,
    target: &Path,
    arch: Arch,
    options: &Options,
) -> Result<Vec<Executable>, Failure> {
    if !root.join("user/Cargo.toml").exists() {
        return Ok(Vec::new());
    }
    let target = path(target)?;
    let mut arguments = vec!["--workspace", "--bins"];
    arguments.extend(["--target", arch.user_target(), "--target-dir", target]);
    arguments.extend(["--profile", &options.profile]);
    cargo::build(&root.join("user"), &arguments, options.messages)
}

fn path(path: &Path) -> Result<&str, String> {
    path.to_str()
        .ok_or_else(|| format!("{}: the path is not valid UTF-8", path.display()))
}

/// `cargo xtask check`
pub fn check() -> Result<(), Failure> {
    let root = kernel_folder();
    let user = root.join("user");
    let lints = ["--", "-D", "warnings"];
    step(&root, "format", &["fmt", "--all", "--check"])?;
    step(&user, "format (user)", &["fmt", "--all", "--check"])?;
    for arch in Arch::ALL {
        let target = root.join("target").join(arch.name());
        let kernel = [
            "clippy",
            "--package",
            "veridian-kernel",
            "--bin",
            "veridian",
            "--test",
            "*",
        ];
        let place = [
            "--target",
            arch.kernel_target(),
            "--target-dir",
            path(&target)?,
        ];
        step(
            &root,
            &format!("lints ({arch})"),
            &[&kernel[..], &place, &lints].concat(),
        )?;
        let target = target.join("user");
        let place = [
            "--target",
            arch.user_target(),
            "--target-dir",
            path(&target)?,
        ];
        let user_lints = [
            &["clippy", "--workspace", "--bins", "--lib"][..],
            &place,
            &lints,
        ]
        .concat();
        step(&user, &format!("lints (user, {arch})"), &user_lints)?;
    }
    step(
        &root,
        "lints (host)",
        &[
            &[
                "clippy",
                "--workspace",
                "--lib",
                "--package",
                "xtask",
                "--all-targets",
            ][..],
            &lints,
        ]
        .concat(),
    )?;
    step(
        &root,
        "host tests",
        &[
            "test",
            "--package",
            "veridian-kernel",
            "--lib",
            "--package",
            "xtask",
        ],
    )
}

fn step(directory: &Path, name: &str, arguments: &[&str]) -> Result<(), Failure> {
    eprintln!("check: {name}");
    let status = cargo::command(directory)
        .args(arguments)
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
