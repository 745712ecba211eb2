//! Entry of the first CPU and of the others.
//!
//! QEMU starts the first CPU by PVH: 32-bit protected mode without paging, ebx = start info. It
//! enters long mode with bootstrap tables (kernel image, the first 16 GiB at the direct map and at
//! their own addresses; `reach` adds what is above). The others start in real mode in a page below 1 MiB, take the
//! bootstrap tables to get into long mode, and load the kernel's final root before they touch a
//! stack. The bootstrap tables are not W^X; after boot only a starting CPU uses them, for the
//! few instructions between its first one and that load.

use core::arch::global_asm;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::cpu::{self, Features};
use super::descriptors;
use crate::arch::paging::KERNEL_ROOT;
use crate::percpu::PerCpu;

/// Where the real-mode entry is copied to: any free page below 1 MiB does.
pub const TRAMPOLINE: u64 = 0x8000;
/// Bytes of it.
const REAL_MODE_SIZE: usize = 128;

/// What the bootstrap tables map of physical memory.
const BOOT_GIB: u64 = 16;
/// End of what the bootstrap direct map shows from the start.
pub(super) const MAPPED_AT_BOOT: u64 = BOOT_GIB << 30;

/// The record of the CPU that is being started; it takes it out when it has arrived.
static STARTING: AtomicPtr<PerCpu> = AtomicPtr::new(core::ptr::null_mut());

global_asm!(
    r#"
.set IMAGE, 0xffffffff80000000
.section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18              /* name size, descriptor size (QEMU reads 8 bytes), PHYS32_ENTRY */
    .asciz "Xen"
    .quad pvh_start - IMAGE

/* From real or protected mode into long mode in one step, and on to the upper half. */
.macro enter_long_mode gdtr, at, high
    lgdtl \gdtr
    movl $(boot_pml4 - IMAGE), %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax             /* PAE */
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x900, %eax            /* long mode, NX */
    wrmsr
    movl %cr0, %eax
    andl $0x9fffffff, %eax      /* INIT leaves the caches off */
    orl $0x80010001, %eax       /* paging, write protection, protection */
    movl %eax, %cr0
    ljmpl $0x08, $(1f - \at)
.code64
1:  movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movabsq $\high, %rax
    jmp *%rax
.endm

/* With a stack and the argument in place: the end of backtraces, and on to Rust. */
.macro begin main
    xorl %ebp, %ebp
    pushq $0
    jmp \main
.endm

.section .text.boot, "ax"
.code32
.global pvh_start
pvh_start:
    cli
    cld
    movl %ebx, %esi
    enter_long_mode (boot_gdtr - IMAGE), IMAGE, boot_high
boot_high:
    movabsq $boot_stack_top, %rsp
    movq %rsp, %rdx
    begin {start}

.global real_mode_start
.set MOVED, real_mode_start - {trampoline}
real_mode_start:
.code16
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    enter_long_mode (trampoline_gdtr - MOVED), MOVED, secondary_high
.balign 4
trampoline_gdtr:
    .word 23
    .long boot_gdt - IMAGE
.org real_mode_start + {real_mode_size}
secondary_high:
    movq {root}(%rip), %rax
    movq %rax, %cr3
    movq {starting}(%rip), %rdi
    movq 8(%rdi), %rsp
    begin {start_secondary}

.section .rodata.boot, "a"
.balign 8
boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr:
    .word 23
    .long boot_gdt - IMAGE

.macro pages from, to, flags    /* of 2 MiB */
    .set n, \from
    .rept \to - \from
    .quad n << 21 | \flags
    .set n, n + 1
    .endr
.endm
.section .data.boot, "aw"
.balign 4096
boot_pml4:
    .quad boot_pdpt_low - IMAGE + 3
    .skip 255 * 8
    .quad boot_pdpt_low - IMAGE + 3
    .skip 254 * 8
    .quad boot_pdpt_high - IMAGE + 3
boot_pdpt_low:
    .set n, 0
    .rept {gib}
    .quad boot_pd - IMAGE + 4096 * n + 3
    .set n, n + 1
    .endr
    .skip (512 - {gib}) * 8
boot_pdpt_high:
    .skip 510 * 8
    .quad boot_pd - IMAGE + 3, 0
boot_pd:
    pages 0, 1536, 0x83         /* present, writable */
    pages 1536, 2048, 0x9b      /* 3 to 4 GiB: devices, uncached */
    pages 2048, ({gib} * 512), 0x83

.section .bss.boot, "aw", @nobits
.balign 16
.skip 32768
.global boot_stack_top
boot_stack_top:
.text
"#,
    start = sym crate::boot::start,
    start_secondary = sym crate::boot::start_secondary,
    starting = sym STARTING,
    root = sym KERNEL_ROOT,
    trampoline = const TRAMPOLINE,
    real_mode_size = const REAL_MODE_SIZE,
    gib = const BOOT_GIB,
    options(att_syntax)
);

unsafe extern "C" {
    static mut boot_pdpt_low: [u64; 512];
    static real_mode_start: [u8; REAL_MODE_SIZE];
}

/// Traps work from here on.
pub fn arrived(cpu: &'static PerCpu) {
    STARTING.store(core::ptr::null_mut(), Ordering::Release);
    cpu::detect_features();
    descriptors::init_cpu(cpu);
}

/// Extends the bootstrap direct map over all that one top-level entry can hold, where the CPU has
/// 1 GiB pages. The physical address up to which memory can be used.
pub(super) fn reach() -> u64 {
    if !cpu::has(Features::HUGE_PAGES) {
        return MAPPED_AT_BOOT;
    }
    for gib in BOOT_GIB..512 {
        // SAFETY: the table is in use but has nothing at these entries; 0x83 is a present,
        // writable leaf.
        unsafe { (&raw mut boot_pdpt_low[gib as usize]).write_volatile(gib << 30 | 0x83) };
    }
    512 << 30
}

/// Puts the real-mode entry in place for `cpu`.
pub fn prepare_secondary(cpu: &'static PerCpu) {
    let target = crate::mm::PhysAddr(TRAMPOLINE).as_ptr::<[u8; REAL_MODE_SIZE]>();
    // SAFETY: the page is RAM reserved for this (machine.rs), mapped by the direct map, and the
    // copied bytes are part of the kernel's text.
    unsafe { target.write(real_mode_start) };
    STARTING.store(core::ptr::from_ref(cpu).cast_mut(), Ordering::Release);
}

/// Whether the CPU that was prepared for runs kernel code.
pub fn secondary_arrived() -> bool {
    STARTING.load(Ordering::Acquire).is_null()
}

/// Nobody is expected any more, whether or not the CPU came.
pub fn forget_secondary() {
    STARTING.store(core::ptr::null_mut(), Ordering::Release);
}
