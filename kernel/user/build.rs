//! Programs are linked by `user.ld`, the same for every architecture: at fixed addresses, but for `pie`.
//!
//! The core library of the bare-metal targets has absolute addresses in its read-only data; a program that relocates
//! itself needs to write to them, so its read-only data lies with the rest.

use std::{env, fs};

fn main() {
    let script = fs::read_to_string("user.ld").expect("beside this file");
    let directory = env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    let folder = env::var("OUT_DIR").expect("set by cargo");
    let of_pie = format!("{folder}/pie.ld");
    fs::write(&of_pie, script.replace("} :rodata", "} :data")).expect("cargo's own folder");
    for program in fs::read_dir("src/bin").expect("beside this file") {
        let program = program.expect("readable").path();
        let name = program.file_stem().and_then(|name| name.to_str());
        let name = name.expect("programs have names");
        let words = match name {
            "pie" => [format!("-T{of_pie}"), "-pie".into(), "-znotext".into()],
            _ => [
                format!("-T{directory}/user.ld"),
                "--no-pie".into(),
                "-ztext".into(),
            ],
        };
        for word in words {
            println!("cargo:rustc-link-arg-bin={name}={word}");
        }
    }
    println!("cargo:rustc-link-arg-bins=--no-dynamic-linker");
    println!("cargo:rustc-link-arg-bins=-zmax-page-size=4096");
    for file in ["user.ld", "build.rs", "src/bin"] {
        println!("cargo:rerun-if-changed={file}");
    }
}
