//! Chooses the linker script of the target and asks the linker for a build id, by which the
//! kernel recognises the symbol table that was packed for it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let architecture = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap();
    let script = format!(
        "{}/link/{architecture}.ld",
        std::env::var("CARGO_MANIFEST_DIR").unwrap()
    );
    println!("cargo:rerun-if-changed={script}");
    println!("cargo:rustc-link-arg=-T{script}");
    println!("cargo:rustc-link-arg=-zmax-page-size=4096");
    println!("cargo:rustc-link-arg=--no-dynamic-linker");
    println!("cargo:rustc-link-arg=--build-id=sha1");
}
