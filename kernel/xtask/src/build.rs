//! `build`: kernel and user programs side by side, then the image folders.

use std::path::Path;

use serde_json::{Value, json};

use crate::arch::Arch;
use crate::cargo::{self, Executable, Failure, Messages};
use crate::{Options, image};

/// `cargo xtask build`
pub fn run(options: &Options) -> Result<(), Failure> {
    if options.arches.is_empty() {
        return Err(Failure::Message(
            "build needs --arch x86_64|aarch64|riscv64|all".into(),
        ));
    }
    for &arch in &options.arches {
        for mut image in images(arch, options)? {
            if options.messages == Messages::Json {
                image["reason"] = json!("veridian-image");
                println!("{image}");
            }
        }
    }
    Ok(())
}

/// Builds for one architecture; the `image.json` of the kernel and of each test kernel, with
/// absolute paths.
pub fn images(arch: Arch, options: &Options) -> Result<Vec<Value>, Failure> {
    let root = options.root.clone();
    let target = root.join("target").join(arch.name());
    // A target folder each: none waits for another's lock.
    let (kernels, programs, pie) = std::thread::scope(|scope| {
        let programs = scope.spawn(|| {
            user(
                &root,
                &target.join("user"),
                arch,
                options,
                &["--workspace", "--bins"],
            )
        });
        let pie = scope.spawn(|| pie(&root, &target.join("pie"), arch, options));
        let kernels = kernel(&root, &target, arch, options);
        (kernels, programs.join(), pie.join())
    });
    let kernels = kernels?;
    let panicked = |_| "the build of user programs panicked".to_string();
    let mut programs = programs.map_err(panicked)??;
    programs.extend(pie.map_err(panicked)??);

    let profile = options.profile.as_str();
    let folder = target.join("image").join(profile);
    let mut images = Vec::new();
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
        if kernel.is_test {
            image["test"] = json!(kernel.name);
        }
        images.push(image);
    }
    Ok(images)
}

fn kernel(
    root: &Path,
    target: &Path,
    arch: Arch,
    options: &Options,
) -> Result<Vec<Executable>, Failure> {
    let place = [
        "--target",
        arch.kernel_target(),
        "--target-dir",
        path(target)?,
    ];
    let common = [
        &[
            "--package",
            "veridian-kernel",
            "--profile",
            &options.profile,
        ],
        &place[..],
    ]
    .concat();
    let mut tests = Vec::new();
    if options.tests {
        // The checks cost time, so a release test kernel is what ships, plus the tests.
        let features = if options.profile == "release" {
            "ktest"
        } else {
            "ktest,checks"
        };
        let arguments = [&common[..], &["--test", "*", "--features", features]].concat();
        let built = cargo::build(root, &arguments, options.messages)?;
        tests.extend(built.into_iter().filter(|executable| executable.is_test));
    }
    // Behind the tests: with them cargo builds the kernel too, with their features, and leaves it
    // where the one that ships belongs.
    let kernel = [&common[..], &["--bin", "veridian"]].concat();
    let mut kernels = cargo::build(root, &kernel, options.messages)?;
    kernels.extend(tests);
    Ok(kernels)
}

/// User programs that `select` chooses.
fn user(
    root: &Path,
    target: &Path,
    arch: Arch,
    options: &Options,
    select: &[&str],
) -> Result<Vec<Executable>, Failure> {
    let mut arguments = select.to_vec();
    arguments.extend(["--target", arch.user_target()]);
    arguments.extend(["--target-dir", path(target)?]);
    arguments.extend(["--profile", &options.profile]);
    cargo::build(&root.join("user"), &arguments, options.messages)
}

/// The program that is linked as static-PIE.
fn pie(
    root: &Path,
    target: &Path,
    arch: Arch,
    options: &Options,
) -> Result<Vec<Executable>, Failure> {
    let triple = arch.user_target();
    let flags = format!("target.{triple}.rustflags=[\"-Crelocation-model=pic\"]");
    let select = ["--bin", "pie", "--features", "pie", "--config", &flags];
    user(root, target, arch, options, &select)
}

fn path(path: &Path) -> Result<&str, String> {
    path.to_str()
        .ok_or_else(|| format!("{}: the path is not valid UTF-8", path.display()))
}
