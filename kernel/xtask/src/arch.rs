//! What differs between the architectures as far as building is concerned.

use std::fmt;

/// An architecture that the kernel is built for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    X86_64,
    Aarch64,
    Riscv64,
}

impl Arch {
    pub const ALL: [Arch; 3] = [Arch::X86_64, Arch::Aarch64, Arch::Riscv64];

    /// Parses `x86_64`, `aarch64`, `riscv64` or `all`.
    pub fn parse(name: &str) -> Result<Vec<Arch>, String> {
        if name == "all" {
            return Ok(Arch::ALL.to_vec());
        }
        match Arch::ALL.into_iter().find(|arch| arch.name() == name) {
            Some(arch) => Ok(vec![arch]),
            None => Err(format!(
                "unknown architecture '{name}': use x86_64, aarch64, riscv64 or all"
            )),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
            Arch::Riscv64 => "riscv64",
        }
    }

    /// The kernel never touches floating point: its targets have none.
    pub fn kernel_target(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64-unknown-none",
            Arch::Aarch64 => "aarch64-unknown-none-softfloat",
            Arch::Riscv64 => "riscv64imac-unknown-none-elf",
        }
    }

    /// User programs have hardware floating point. No bare x86_64 target has
    /// SSE, so the Linux one is used freestanding.
    pub fn user_target(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64-unknown-linux-gnu",
            Arch::Aarch64 => "aarch64-unknown-none",
            Arch::Riscv64 => "riscv64gc-unknown-none-elf",
        }
    }

    /// QEMU hands a device tree and an initrd on AArch64 only to a flat image.
    pub fn boots_flat(self) -> bool {
        self == Arch::Aarch64
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
