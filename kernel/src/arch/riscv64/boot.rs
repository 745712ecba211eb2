//! Entry from the firmware.
//!
//! OpenSBI starts one hart, whichever wins its lottery, in supervisor mode with
//! translation off; the kernel starts the others itself. Each hart enters the
//! upper half by the same step: with `stvec` at the virtual address of the next
//! instruction, writing `satp` makes the fetch that follows fault there. No
//! identity mapping exists at any time.
//!
//! The bootstrap table maps the first 512 GiB of physical memory at the direct
//! map and the image at its link address. `mm` replaces it by tables that hold
//! RAM only, write-xor-execute.

use super::{paging, sstatus, traps};
use crate::arch::layout::{DIRECT_MAP, IMAGE};
use crate::arch::paging::KERNEL_ROOT;
use crate::percpu::{CPUS, MAX_CPUS, PerCpu};
use core::arch::global_asm;
use core::mem::offset_of;

/// Distance from physical to virtual addresses of the image.
pub(super) const LOAD_OFFSET: u64 = IMAGE - 0x8000_0000;
const STACK_SIZE: usize = 32 * 1024;
#[repr(C, align(4096))]
struct Table([u64; 512]);

/// The top table, and by its last entry also the table of the last 512 GiB. Leaves are valid,
/// readable, writable, accessed and dirty: 512 GiB at the direct map, and the first GiB of RAM,
/// executable, at the image.
static mut BOOT_ROOT: Table = {
    let mut table = [0; 512];
    table[DIRECT_MAP as usize >> 39 & 511] = 0xc7;
    table[IMAGE as usize >> 30 & 511] = 0x8000_0000 >> 2 | 0xcf;
    Table(table)
};

global_asm!(
    r#"
.section .text.boot, "ax"
.option push
.option arch, +a
// Firmware: a0 = hart, a1 = device tree, both physical.
.global start
start:
    csrw sie, zero
    // Older firmware (OpenSBI 1.1) may let a hart go that hart_start is about to tell where to:
    // it comes here as well.
    lla  t0, boot_taken
    li   t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, secondary_start
    lla  t0, {boot_root}
    srli t1, t0, 2
    ori  t1, t1, 1
    li   t2, 511 * 8
    add  t2, t2, t0
    sd   t1, 0(t2)
    lla  t4, 1f
    j    enter_upper_half
.balign 4
1:  lla  tp, {cpus}
    mv   s0, zero
    lla  sp, boot_stack_top
    mv   a2, sp
    call {start}

// Kernel, through hart_start: a0 = hart, by which it finds its record.
.global secondary_start
secondary_start:
    csrw sie, zero
    lla  t0, {kernel_root}
    ld   t0, 0(t0)
    lla  t4, 1f
    j    enter_upper_half
.balign 4
1:  lla  tp, {cpus}
    li   t0, {max_cpus}
2:  ld   t1, {hardware_id}(tp)
    beq  t1, a0, 4f
    addi tp, tp, {cpu_size}
    addi t0, t0, -1
    bnez t0, 2b
3:  wfi                             // nobody asked for this hart
    j    3b
4:  mv   s0, zero
    ld   sp, 8(tp)
    mv   a0, tp
    call {start_secondary}

// t0 = root, t4 = physical address to go on from, at its virtual one.
enter_upper_half:
    srli t0, t0, 12
    li   t1, {sv48}
    or   t0, t0, t1
    li   t2, {load_offset}
    add  t4, t4, t2
    csrw stvec, t4
    sfence.vma
    csrw satp, t0
    // Still here: the hart has no Sv48.
    lla  sp, boot_stack_top
    call {no_paging}
.option pop

.section .bss.boot, "aw", @nobits
.balign 16
    .skip {stack_size}
boot_stack_top:
boot_taken: .skip 8
.text
"#,
    boot_root = sym BOOT_ROOT,
    cpus = sym CPUS,
    max_cpus = const MAX_CPUS,
    cpu_size = const size_of::<PerCpu>(),
    hardware_id = const offset_of!(PerCpu, hardware_id),
    stack_size = const STACK_SIZE,
    sv48 = const paging::SV48,
    kernel_root = sym KERNEL_ROOT,
    load_offset = const LOAD_OFFSET,
    no_paging = sym no_paging,
    start = sym crate::boot::start,
    start_secondary = sym crate::boot::start_secondary,
);

unsafe extern "C" {
    fn secondary_start();
}

const _: () = assert!(IMAGE >> 39 & 511 == 511);

/// Traps work from here on; the FPU is off and user memory closed.
pub fn arrived(_cpu: &PerCpu) {
    traps::install();
    // SAFETY: clears bits that open user memory and the FPU; nothing depends on them here.
    unsafe {
        core::arch::asm!("csrc sstatus, {}", in(reg) sstatus::FS | sstatus::SUM | sstatus::SPP);
    }
}

/// Says that the hart has no Sv48, and ends the machine. Runs at physical addresses: everything
/// in it must be reached from the program counter.
#[allow(deprecated)]
extern "C" fn no_paging() -> ! {
    for byte in b"veridian: this hart has no Sv48 paging\r\nveridian-exit: 101\r\n" {
        sbi_rt::legacy::console_putchar((*byte).into());
    }
    sbi_rt::legacy::shutdown()
}

/// Where a started hart begins, as the firmware needs it.
pub(super) fn secondary_entry() -> u64 {
    secondary_start as *const () as u64 - LOAD_OFFSET
}
