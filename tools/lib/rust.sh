# A Rust toolchain with the kernel's targets: found, or laid out in the user's cache from the
# distribution's Rust. Sourced by ./veridian; the Java side finds the same one (ToolchainFinder).

RUST_TARGETS="x86_64-unknown-none aarch64-unknown-none-softfloat riscv64imac-unknown-none-elf aarch64-unknown-none riscv64gc-unknown-none-elf"
RUST_HOST_TARGET=x86_64-unknown-linux-gnu

# Sets VERIDIAN_RUST, exported for everything that is started from here.
need_rust() {
    # Found here, not in the command substitution, which would forget it.
    if find_rust && have cc; then
        return 0
    fi
    # shellcheck disable=SC2046
    need_packages "building" $(rust_packages)
    if find_rust; then
        return 0
    fi
    have apt-get || die "no Rust toolchain has the kernel's targets; with rustup: rustup target add $RUST_TARGETS"
    locked rust provision_rust || die "laying out the Rust toolchain failed"
    find_rust || die "the Rust toolchain in $VERIDIAN_CACHE/rust is incomplete; remove that folder and try again"
}

# What is missing for building kernels: a linker for the host, and a Rust where none fits.
rust_packages() {
    have cc || echo "$PACKAGES_BUILD"
    find_rust || echo "$PACKAGES_RUST"
}

find_rust() {
    local bin
    for bin in "${VERIDIAN_RUST:-}" "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/"${RUSTUP_TOOLCHAIN:-stable}"*/bin \
        "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/bin "$VERIDIAN_CACHE"/rust/*/bin; do
        if rust_complete "$bin"; then
            export VERIDIAN_RUST=$bin
            return 0
        fi
    done
    return 1
}

rust_complete() {
    local target
    [ -x "$1/cargo" ] && [ -x "$1/rustc" ] || return 1
    case $1 in "$VERIDIAN_CACHE"/rust/*) [ -f "$1/../complete" ] || return 1 ;; esac
    for target in $RUST_TARGETS $RUST_HOST_TARGET; do
        compgen -G "$1/../lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null || return 1
    done
}

# The distribution's rustc has no bare-metal libraries but the sources of the standard library and
# everything it needs: core and alloc are compiled from those once, without network, and laid out as
# rustup would. After that every build is an ordinary stable one.
provision_rust() {
    local rustc=/usr/bin/rustc version root new
    ! find_rust || return 0
    version=$("$rustc" -V | cut -d' ' -f2)
    root=$VERIDIAN_CACHE/rust/$version
    mkdir -p "$VERIDIAN_CACHE/rust"
    # Paths inside the toolchain are absolute, so it is built in place; the file 'complete' says when it is whole.
    rm -rf "$root"
    new=$(mktemp -d)
    if ! step "building core and alloc of Rust $version for the kernel's targets (about 4 minutes, once)" lay_out_rust "$rustc" "$root" "$new"; then
        rm -rf "$new" "$root"
        return 1
    fi
    rm -rf "$new"
    : >"$root/complete"
}

lay_out_rust() {
    local rustc=$1 root=$2 work=$3 sysroot host lib sources lld entry tool target arguments=()
    sysroot=$("$rustc" --print sysroot)
    host=$("$rustc" -vV | sed -n 's/^host: //p')
    lib=$sysroot/lib/rustlib
    sources=$(readlink -f "$lib/src/rust")
    mkdir -p "$root/bin" "$root/lib/rustlib/$host/bin" "$root/lib/rustlib/src/rust/library"
    for entry in "$lib"/*; do
        case ${entry##*/} in src | "$host") ;; *) ln -s "$entry" "$root/lib/rustlib/" ;; esac
    done
    ln -s "$lib/$host/lib" "$root/lib/rustlib/$host/lib"
    lld=$(compgen -G '/usr/bin/lld-[0-9]*' | sort -V | tail -n 1) || lld=/usr/bin/lld
    ln -s "$lld" "$root/lib/rustlib/$host/bin/rust-lld"
    # Without the workspace manifest rust-analyzer does not look for the standard library's own dependencies.
    for entry in "$sources"/library/*/; do
        ln -s "${entry%/}" "$root/lib/rustlib/src/rust/library/"
    done
    for tool in rustc rustdoc; do
        printf '#!/bin/sh\nexec /usr/bin/%s --sysroot "%s" "$@"\n' "$tool" "$root" >"$root/bin/$tool"
    done
    for tool in clippy-driver cargo-clippy; do
        printf '#!/bin/sh\nSYSROOT="%s" exec /usr/bin/%s "$@"\n' "$root" "$tool" >"$root/bin/$tool"
    done
    chmod +x "$root"/bin/*
    for tool in cargo rustfmt cargo-fmt rust-analyzer; do
        [ ! -e "/usr/bin/$tool" ] || ln -s "/usr/bin/$tool" "$root/bin/$tool"
    done

    mkdir -p "$work/src" "$work/.cargo"
    cat >"$work/Cargo.toml" <<TOML
[package]
name = "std-for-kernel"
version = "0.0.0"
edition = "2021"
[workspace]
[profile.release]
opt-level = 3
debug = "line-tables-only"
codegen-units = 1
TOML
    printf '#![no_std]\nextern crate alloc;\n' >"$work/src/lib.rs"
    printf '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "%s"\n' "$lib/src/rust/library/vendor" >"$work/.cargo/config.toml"
    for target in $RUST_TARGETS; do
        arguments+=(--target "$target")
    done
    # The bitcode is for link-time optimisation of the kernel's release profile.
    (cd "$work" && env -u RUSTUP_TOOLCHAIN CARGO_HOME="$work/cargo" RUSTC="$rustc" RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=$sources=$root/lib/rustlib/src/rust" /usr/bin/cargo build --release --offline \
        -Zbuild-std=core,alloc -Zbuild-std-features=compiler-builtins-mem "${arguments[@]}" --target-dir "$work/target") || return 1
    for target in $RUST_TARGETS; do
        mkdir -p "$root/lib/rustlib/$target/lib"
        cp "$work/target/$target"/release/deps/lib{core,alloc,compiler_builtins}-*.rlib "$root/lib/rustlib/$target/lib/" || return 1
    done
}
