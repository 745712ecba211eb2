//! The one place where an architecture is chosen.
//!
//! Every architecture has the same files with the same names in them; the rest of the kernel uses
//! `arch::cpu`, `arch::paging`, … and names no architecture. What the three have in common is in
//! files of the same names here, which use the architecture's own as `chosen`. On the host a
//! stand-in without hardware takes their place, so that portable code can be tested there.
//!
//! | module | what it gives | what an architecture gives to that |
//! |---|---|---|
//! | `boot` | | entry of all CPUs, up to `crate::boot::start` / `start_secondary` on a stack; `arrived` |
//! | `machine` | | `discover(boot_arg, &mut MachineInfo)`, `DEVICES` with registers to map |
//! | `cpu` | | `NAME`, `current`, `set_current`, `hardware_id`, `interrupts_enable/disable/enabled`, `wait_for_interrupt`, `halt`, `relax`, `init_cpu`, `features`, `sync_instruction_cache`, `clear_page`, `frame_pointer`, `FRAME_RECORD` |
//! | `console` | | `init`, `put`, `get`, `enable_receive_interrupt` |
//! | `paging` | `Entry`, `kernel_root`, `write_kernel_root`, `leave_user` | `FORMAT`, `root_register`, `write_root`, `read_root`, `empty_root`, `adopt_kernel_root`, `flush_page`, `flush_space`, `flush_all`, `BROADCAST_FLUSH`, `SHARED_ROOT`, `remote_flush`, `asid_count`, `largest_level`, `publish`, `image_physical` |
//! | `context` | `Frame`, `resume` | `NAMES` and numbers of a frame's registers, `enter`, `resume_message`, `run_on_stack`, `FpuState`, `fpu_save`, `fpu_restore`, `fpu_enable`, `fpu_disable` |
//! | `traps` | | vectors, system-call entry; calls `crate::trap` and `crate::syscall` |
//! | `timer` | `init_boot`, `now`, `arm` | `counter_hz`, `counter`, `init_cpu`, `arm_ticks`, `disarm` |
//! | `ipi` | | `init_boot`, `init_cpu`, `send`, `route_irq`, `mask`, `unmask` |
//! | `power` | `exit` | `start_cpu`, `stop_this_cpu`, `cpu_is_stopped`, `off` |
//! | `uaccess` | `copy_from_user`, `copy_to_user`, `load_u32_user`, `compare_exchange_u32_user`, `fixup` | the `uaccess_…` routines, `open`, `close`, `UNPRIVILEGED` |

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod aarch64;
#[cfg(target_os = "none")]
pub mod context;
#[cfg(not(target_os = "none"))]
mod host;
#[cfg(all(target_os = "none", feature = "ktest"))]
mod ktests;
#[cfg(target_os = "none")]
pub mod paging;
#[cfg(target_os = "none")]
pub mod power;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod riscv64;
#[cfg(target_os = "none")]
pub mod timer;
#[cfg(target_os = "none")]
pub mod uaccess;
#[cfg(all(target_os = "none", target_arch = "x86_64"))]
mod x86_64;

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
use aarch64 as chosen;
#[cfg(not(target_os = "none"))]
use host as chosen;
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
use riscv64 as chosen;
#[cfg(all(target_os = "none", target_arch = "x86_64"))]
use x86_64 as chosen;

pub use chosen::*;

/// Virtual layout, the same on all architectures (48-bit addresses, four levels).
pub mod layout {
    /// First address that user space can never have.
    pub const USER_END: u64 = 0x0000_7fff_ffff_f000;
    /// All RAM, physical address 0 first.
    pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
    /// Kernel mappings made at run time: stacks with guard pages, device windows.
    pub const DYNAMIC: u64 = 0xffff_c000_0000_0000;
    /// The kernel image, at its load offset.
    pub const IMAGE: u64 = 0xffff_ffff_8000_0000;
    /// Size of the smallest page.
    pub const PAGE_SIZE: u64 = 4096;
}
