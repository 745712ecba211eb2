//! From the first instruction to `crate::boot`.
//!
//! The image begins with the 64-byte header of a Linux Image; the loader jumps
//! to it with the MMU off and x0 = physical address of the device tree. The
//! bootstrap tables map the image at its place in the upper half (TTBR1) and
//! at its physical place (TTBR0, for the moment the MMU goes on), and in the
//! direct map the GiB with the devices, the one with the kernel and the one
//! with the device tree; `map_memory` adds the rest of RAM. Other CPUs come in
//! through PSCI at `secondary_entry` and go straight to the kernel's final
//! tables.

use core::arch::global_asm;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{cpu, paging};
use crate::arch::layout::DIRECT_MAP;
use crate::machine::{MachineInfo, PhysRange};
use crate::percpu::{CPUS, PerCpu};

/// Size of the boot CPU's first stack.
pub const BOOT_STACK: usize = 32 * 1024;
const GIB: u64 = 1 << 30;
/// Valid block, accessed, inner shareable, normal memory.
const NORMAL: u64 = 0x701;
/// Valid block, accessed, device memory.
const DEVICE: u64 = 0x405;
const NO_EXECUTE: u64 = 3 << 53;

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

    adrp  x1, bootstrap_tables     // TTBR1: top, direct map, image, image pages; TTBR0: top, identity
    add   x2, x1, #0x1000
    orr   x3, x2, #3
    str   x3, [x1, #256 * 8]       // top -> direct map
    ldr   x4, ={device}
    str   x4, [x2]
    ldr   x4, ={direct}
    adrp  x5, image_header
    lsr   x6, x5, #30
    orr   x7, x4, x6, lsl #30
    str   x7, [x2, x6, lsl #3]     // the GiB of the kernel
    lsr   x6, x20, #30
    orr   x7, x4, x6, lsl #30
    str   x7, [x2, x6, lsl #3]     // the GiB of the device tree
    add   x2, x1, #0x2000
    orr   x3, x2, #3
    str   x3, [x1, #511 * 8]       // top -> image
    add   x3, x1, #0x3000
    orr   x4, x3, #3
    str   x4, [x2, #510 * 8]
    mov   x4, #{normal}
    orr   x4, x4, x5
    adrp  x6, __kernel_end
1:  add   x3, x3, #8               // 2 MiB pages, the first one left empty as in the link map
    str   x4, [x3]
    add   x4, x4, #0x200000
    cmp   x4, x6
    b.lo  1b
    add   x1, x1, #0x4000
    add   x2, x1, #0x1000
    orr   x3, x2, #3
    lsr   x4, x5, #39
    str   x3, [x1, x4, lsl #3]
    ubfx  x4, x5, #30, #9
    mov   x6, #{normal}
    and   x7, x5, #~0x3fffffff
    orr   x6, x6, x7
    str   x6, [x2, x4, lsl #3]

    adrp  x2, bootstrap_tables
    bl    enable_mmu
    ldr   x1, =2f
    br    x1
2:  ldr   x1, =boot_stack_top
    mov   sp, x1
    mov   x0, x20
    mov   x29, xzr
    mov   x30, xzr
    b     {boot_cpu}

secondary_entry:
    mov   x20, x0                  // the CPU's record
    bl    enter_el1
    adrp  x2, {kernel_root}
    ldr   x2, [x2, :lo12:{kernel_root}]
    adrp  x1, bootstrap_tables
    add   x1, x1, #0x4000
    bl    enable_mmu
    ldr   x1, =3f
    br    x1
3:  ldr   x1, [x20, #{stack_top}]
    mov   sp, x1
    mov   x0, x20
    mov   x29, xzr
    mov   x30, xzr
    b     {secondary_cpu}

// To EL1 with interrupts masked; keeps x20.
enter_el1:
    msr   daifset, #0xf
    mrs   x9, CurrentEL
    cmp   x9, #2 << 2
    b.ne  3f
    mov   x9, #1 << 31             // EL1 is AArch64, nothing is trapped
    msr   hcr_el2, x9
    mrs   x9, cnthctl_el2
    orr   x9, x9, #3               // timers are EL1's
    msr   cnthctl_el2, x9
    msr   cntvoff_el2, xzr
    mov   x9, #0x33ff
    msr   cptr_el2, x9
    msr   hstr_el2, xzr
    mrs   x9, midr_el1
    msr   vpidr_el2, x9
    mrs   x9, mpidr_el1
    msr   vmpidr_el2, x9
    mrs   x9, id_aa64dfr0_el1
    ubfx  x9, x9, #8, #4
    cbz   x9, 1f
    mrs   x9, pmcr_el0
    ubfx  x9, x9, #11, #5          // all event counters are EL1's
    msr   mdcr_el2, x9
1:  mrs   x9, id_aa64pfr0_el1
    tst   x9, #0xf << 24
    b.eq  2f
    mrs   x9, S3_4_C12_C9_5        // ICC_SRE_EL2: EL1 may use the GIC's system registers
    orr   x9, x9, #1
    orr   x9, x9, #8
    msr   S3_4_C12_C9_5, x9
    isb
    msr   S3_4_C12_C11_0, xzr      // ICH_HCR_EL2
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
    .skip 6 * 4096
    .skip {boot_stack}
boot_stack_top:
.text
"#,
    device = const DEVICE | NO_EXECUTE,
    direct = const NORMAL | NO_EXECUTE,
    normal = const NORMAL,
    mair = const paging::MAIR,
    tcr = const paging::TCR,
    sctlr = const cpu::SCTLR,
    boot_stack = const BOOT_STACK,
    stack_top = const offset_of!(PerCpu, kernel_stack_top),
    kernel_root = sym SECONDARY_ROOT,
    boot_cpu = sym boot_cpu,
    secondary_cpu = sym secondary_cpu,
);

unsafe extern "C" {
    static image_header: [u8; 0];
    static secondary_entry: [u8; 0];
    static bootstrap_tables: [u64; 0];
    static boot_stack_top: [u8; 0];
    static __kernel_end: [u8; 0];
}

/// TTBR1 for CPUs that start.
static SECONDARY_ROOT: AtomicU64 = AtomicU64::new(0);

extern "C" fn boot_cpu(device_tree: u64) -> ! {
    let cpu = &CPUS[0];
    cpu.this.set(cpu);
    let stack = &raw const boot_stack_top;
    cpu.kernel_stack_top.set(stack.addr() as u64);
    // SAFETY: this is CPU 0, before anything asked who it is.
    unsafe { cpu::set_current(cpu) };
    super::traps::init_cpu();
    super::machine::note_device_tree(device_tree);
    crate::boot::start(device_tree)
}

extern "C" fn secondary_cpu(cpu: &'static PerCpu) -> ! {
    // SAFETY: `power::start_cpu` passed the record that belongs to this CPU.
    unsafe { cpu::set_current(cpu) };
    super::traps::init_cpu();
    paging::leave_user();
    crate::boot::start_secondary(cpu)
}

fn physical(symbol: *const [u8; 0]) -> u64 {
    paging::image_physical(symbol.addr() as u64)
}

/// Physical addresses of the whole image.
pub fn image() -> PhysRange {
    physical(&raw const image_header)..physical(&raw const __kernel_end)
}

/// Physical address at which PSCI starts a CPU.
pub fn secondary_address() -> u64 {
    physical(&raw const secondary_entry)
}

/// The tables that the next CPU starts with.
pub fn set_secondary_root(ttbr1: u64) {
    SECONDARY_ROOT.store(ttbr1, Ordering::Release);
}

/// Adds all RAM to the bootstrap direct map, by whole GiB, so that the frame
/// allocator can keep its records anywhere.
pub fn map_memory(info: &MachineInfo) {
    let tables = (&raw const bootstrap_tables).cast_mut().cast::<u64>();
    for memory in info.memory.as_slice() {
        for gib in memory.range.start / GIB..memory.range.end.div_ceil(GIB).min(512) {
            // SAFETY: the second bootstrap table is the direct map's, in use by this CPU alone;
            // an entry is only ever added where there was none.
            unsafe {
                let entry = tables.add(512 + gib as usize);
                if entry.read() == 0 {
                    entry.write_volatile((gib * GIB) | NORMAL | NO_EXECUTE);
                }
            }
        }
    }
    paging::publish();
}

/// Where the loader's physical address is mapped.
pub fn direct<T>(physical: u64) -> *mut T {
    (DIRECT_MAP + physical) as *mut T
}
