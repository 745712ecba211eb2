//! From the first instruction to `crate::boot`.
//!
//! The image begins with the 64-byte header of a Linux Image; the loader jumps
//! to it with the MMU off and x0 = physical address of the device tree. The
//! bootstrap tables map the image at its place in the upper half, and the first
//! 512 GiB of physical memory at the direct map and at their own addresses (for
//! the moment the MMU goes on). They are not W^X; `mm` replaces them by tables
//! that hold RAM only. Other CPUs come in through PSCI at `secondary_entry` and
//! go straight to the kernel's final tables.

use core::arch::global_asm;
use core::mem::offset_of;

use super::{cpu, paging, traps};
use crate::arch::paging::{KERNEL_ROOT, leave_user};
use crate::percpu::PerCpu;

/// Size of the boot CPU's first stack.
const BOOT_STACK: usize = 32 * 1024;
/// Valid block, accessed, inner shareable, normal memory.
const NORMAL: u64 = 0x701;
/// Valid block, accessed, device memory, never executed.
const DEVICE: u64 = 0x405 | 3 << 53;

#[repr(C, align(4096))]
struct Table([u64; 512]);

/// The first 512 GiB of physical memory by 1 GiB blocks: devices, then RAM.
static BOOT_DIRECT: Table = {
    let mut table = [DEVICE; 512];
    let mut gib = 1;
    while gib < 512 {
        table[gib] = (gib as u64) << 30 | NORMAL;
        gib += 1;
    }
    Table(table)
};

global_asm!(
    r#"
.section .text.boot, "ax"
.global image_header, secondary_entry
image_header:
    b     boot_entry
    .long 0
    .quad 0                        // offset from the load base: none
    .quad __image_size
    .quad 0xa                      // little endian, 4 KiB pages, anywhere in memory
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

boot_entry:
    mov   x20, x0
    bl    enter_el1
    adrp  x0, __bss_start
    adrp  x1, __bss_end
1:  stp   xzr, xzr, [x0], #16
    cmp   x0, x1
    b.lo  1b

    adrp  x1, bootstrap_tables     // for both halves: top, image, image pages
    adrp  x2, {direct}
    orr   x2, x2, #3
    str   x2, [x1]                 // the lower half for the moment the MMU goes on
    str   x2, [x1, #256 * 8]
    add   x2, x1, #0x1000
    orr   x3, x2, #3
    str   x3, [x1, #511 * 8]
    add   x3, x1, #0x2000
    orr   x4, x3, #3
    str   x4, [x2, #510 * 8]
    adrp  x5, image_header
    mov   x4, #{normal}
    orr   x4, x4, x5
    adrp  x6, __kernel_end
1:  add   x3, x3, #8               // 2 MiB pages, the first one left empty as in the link map
    str   x4, [x3]
    add   x4, x4, #0x200000
    cmp   x4, x6
    b.lo  1b
    mov   x2, x1
    bl    enable_mmu
    ldr   x1, =2f
    br    x1
2:  ldr   x2, =boot_stack_top
    mov   sp, x2
    mov   x1, x20
    mov   x29, xzr
    mov   x30, xzr
    b     {start}

secondary_entry:
    mov   x20, x0                  // the CPU's record
    bl    enter_el1
    adrp  x2, {kernel_root}
    ldr   x2, [x2, :lo12:{kernel_root}]
    adrp  x1, bootstrap_tables
    bl    enable_mmu
    ldr   x1, =3f
    br    x1
3:  ldr   x1, [x20, #{stack_top}]
    mov   sp, x1
    mov   x0, x20
    mov   x29, xzr
    mov   x30, xzr
    b     {start_secondary}

// To EL1 with interrupts masked; keeps x20.
enter_el1:
    msr   daifset, #0xf
    mrs   x9, CurrentEL
    cmp   x9, #2 << 2
    b.ne  3f
    mov   x9, #1 << 31             // EL1 is AArch64; after reset nothing else is trapped
    msr   hcr_el2, x9
    msr   cntvoff_el2, xzr
    mrs   x9, id_aa64pfr0_el1
    tst   x9, #0xf << 24
    b.eq  2f
    mov   x9, #0xf                 // ICC_SRE_EL2: EL1 may use the GIC's system registers
    msr   S3_4_C12_C9_5, x9
2:  mov   x9, #0x3c5               // EL1 with its own stack, interrupts masked
    msr   spsr_el2, x9
    msr   elr_el2, x30
    eret
3:  ret

// x1 = TTBR0, x2 = TTBR1.
enable_mmu:
    msr   ttbr0_el1, x1
    msr   ttbr1_el1, x2
    mov   x3, #{mair}
    msr   mair_el1, x3
    ldr   x3, ={tcr}
    mrs   x4, id_aa64mmfr0_el1
    and   x5, x4, #0xf             // physical addresses as wide as the CPU has them, up to 48 bits
    mov   x6, #5
    cmp   x5, x6
    csel  x5, x5, x6, lo
    orr   x3, x3, x5, lsl #32
    ubfx  x5, x4, #5, #1           // 16-bit ASIDs if it has them
    orr   x3, x3, x5, lsl #36
    msr   tcr_el1, x3
    tlbi  vmalle1
    dsb   nsh
    ldr   x3, ={sctlr}
    isb
    msr   sctlr_el1, x3
    isb
    ret
.ltorg

.section .bss.boot, "aw", @nobits
.global bootstrap_tables, boot_stack_top
.balign 4096
bootstrap_tables:
    .skip 3 * 4096
    .skip {boot_stack}
boot_stack_top:
.text
"#,
    direct = sym BOOT_DIRECT,
    normal = const NORMAL,
    mair = const paging::MAIR,
    tcr = const paging::TCR,
    sctlr = const cpu::SCTLR,
    boot_stack = const BOOT_STACK,
    stack_top = const offset_of!(PerCpu, kernel_stack_top),
    kernel_root = sym KERNEL_ROOT,
    start = sym crate::boot::start,
    start_secondary = sym crate::boot::start_secondary,
);

unsafe extern "C" {
    static secondary_entry: [u8; 0];
}

/// Traps work from here on, and the lower half is the user's.
pub fn arrived(_cpu: &PerCpu) {
    traps::init_cpu();
    leave_user();
}

/// Physical address at which PSCI starts a CPU.
pub fn secondary_address() -> u64 {
    paging::image_physical((&raw const secondary_entry).addr() as u64)
}
