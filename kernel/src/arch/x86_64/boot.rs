//! Entry of the first CPU and of the others.
//!
//! QEMU starts the first CPU by PVH: 32-bit protected mode without paging, ebx = start info. It
//! builds bootstrap tables (kernel image, the first 16 GiB at the direct map and at their own
//! addresses; `reach` adds what is above) and enters long mode. The others start in real mode in a page below 1 MiB, take the
//! bootstrap tables to get into long mode, and load the kernel's final root before they touch a
//! stack. The bootstrap tables are not W^X; after boot only a starting CPU uses them, for the
//! few instructions between its first one and that load.

use core::arch::global_asm;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::cpu::{self, Features};
use super::{descriptors, paging};
use crate::percpu::{CPUS, PerCpu};

/// Where the real-mode entry is copied to: any free page below 1 MiB does.
pub const TRAMPOLINE: u64 = 0x8000;

/// What the entry code maps of physical memory.
const BOOT_GIB: u64 = 16;
/// End of what the bootstrap direct map shows from the start.
pub(super) const MAPPED_AT_BOOT: u64 = BOOT_GIB << 30;

/// The record of the CPU that is being started; it takes it out when it has arrived.
static STARTING: AtomicPtr<PerCpu> = AtomicPtr::new(core::ptr::null_mut());
/// The root that a starting CPU loads.
static ROOT: AtomicU64 = AtomicU64::new(0);

global_asm!(
    r#"
.set IMAGE, 0xffffffff80000000
.section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18              /* name size, descriptor size (QEMU reads 8 bytes), PHYS32_ENTRY */
    .asciz "Xen"
    .quad pvh_start - IMAGE

.section .text.boot, "ax"
.code32
.global pvh_start
pvh_start:
    cli
    cld
    movl %ebx, %esi
    movl $(boot_pdpt_low - IMAGE + 3), %eax
    movl %eax, (boot_pml4 - IMAGE)
    movl %eax, (boot_pml4 - IMAGE + 256*8)
    movl $(boot_pdpt_high - IMAGE + 3), %eax
    movl %eax, (boot_pml4 - IMAGE + 511*8)
    movl $(boot_pd - IMAGE + 3), %eax
    movl %eax, (boot_pdpt_high - IMAGE + 510*8)
    xorl %ecx, %ecx
1:  movl %eax, (boot_pdpt_low - IMAGE)(,%ecx,8)
    addl $4096, %eax
    incl %ecx
    cmpl ${gib}, %ecx
    jne 1b
    xorl %ecx, %ecx
2:  movl %ecx, %eax
    movl %ecx, %edx
    shrl $11, %edx
    shll $21, %eax
    orl $0x83, %eax             /* present, writable, 2 MiB */
    cmpl $1536, %ecx
    jb 3f
    cmpl $2048, %ecx
    jae 3f
    orl $0x18, %eax             /* 3 to 4 GiB: devices, uncached */
3:  movl %eax, (boot_pd - IMAGE)(,%ecx,8)
    movl %edx, (boot_pd - IMAGE + 4)(,%ecx,8)
    incl %ecx
    cmpl $({gib} * 512), %ecx
    jne 2b
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
    orl $0x80010001, %eax       /* paging, write protection, protection */
    movl %eax, %cr0
    lgdt (boot_gdtr - IMAGE)
    ljmp $0x08, $(boot_64 - IMAGE)
.code64
boot_64:
    movabsq $boot_high, %rax
    jmp *%rax
boot_high:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movabsq $boot_stack_top, %rsp
    xorl %ebp, %ebp
    movl %esi, %edi
    pushq $0                    /* a return address of 0 ends backtraces */
    movabsq ${boot_main}, %rax
    jmp *%rax

.global trampoline_start, trampoline_end
trampoline_start:
.code16
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl (trampoline_gdtr - trampoline_start + {trampoline})
    movl $(boot_pml4 - IMAGE), %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    andl $0x9fffffff, %eax      /* INIT leaves the caches off */
    orl $0x80010001, %eax       /* from real mode into long mode in one step */
    movl %eax, %cr0
    ljmpl $0x08, $(trampoline_64 - trampoline_start + {trampoline})
.code64
trampoline_64:
    movabsq $secondary_high, %rax
    jmp *%rax
.balign 4
trampoline_gdtr:
    .word 23
    .long boot_gdt - IMAGE
trampoline_end:
secondary_high:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movq {root}(%rip), %rax
    movq %rax, %cr3
    movq {starting}(%rip), %rdi
    movq 8(%rdi), %rsp
    xorl %ebp, %ebp
    pushq $0
    movabsq ${secondary_main}, %rax
    jmp *%rax

.section .rodata.boot, "a"
.balign 8
boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr:
    .word 23
    .long boot_gdt - IMAGE

.section .bss.boot, "aw", @nobits
.balign 4096
boot_pml4:      .skip 4096
boot_pdpt_low:  .skip 4096
boot_pdpt_high: .skip 4096
boot_pd:        .skip 4096*{gib}
.skip 32768
.global boot_stack_top
boot_stack_top:
.text
"#,
    boot_main = sym boot_main,
    secondary_main = sym secondary_main,
    starting = sym STARTING,
    root = sym ROOT,
    trampoline = const TRAMPOLINE,
    gib = const BOOT_GIB,
    options(att_syntax)
);

unsafe extern "C" {
    static boot_stack_top: [u8; 0];
    static mut boot_pdpt_low: [u64; 512];
    static trampoline_start: [u8; 0];
    static trampoline_end: [u8; 0];
}

/// First Rust code of the boot CPU: identity and traps, so that everything after can fault
/// readably.
extern "C" fn boot_main(start_info: u64) -> ! {
    let this = &CPUS[0];
    this.describe(0, cpu::local_apic_id(), 0);
    this.kernel_stack_top
        .set((&raw const boot_stack_top) as u64);
    cpu::detect_features();
    // SAFETY: the record is this CPU's, and nothing has used the CPU's base register yet.
    unsafe { cpu::set_current(this) };
    descriptors::init_cpu(this);
    crate::boot::start(start_info)
}

/// First Rust code of every other CPU, on its own kernel stack.
extern "C" fn secondary_main(this: &'static PerCpu) -> ! {
    // SAFETY: the starter wrote this CPU's record for it.
    unsafe { cpu::set_current(this) };
    STARTING.store(core::ptr::null_mut(), Ordering::Release);
    descriptors::init_cpu(this);
    crate::boot::start_secondary(this)
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
    let (start, end) = (&raw const trampoline_start, &raw const trampoline_end);
    let target = crate::mm::PhysAddr(TRAMPOLINE).as_ptr::<u8>();
    // SAFETY: the page is RAM reserved for this (machine.rs), mapped by the direct map, and the
    // copied bytes are part of the kernel's text.
    unsafe {
        start
            .cast::<u8>()
            .copy_to_nonoverlapping(target, end.addr() - start.addr())
    };
    ROOT.store(paging::empty_root(), Ordering::Relaxed);
    STARTING.store(core::ptr::from_ref(cpu).cast_mut(), Ordering::Release);
}

/// Whether the CPU that was prepared for runs kernel code.
pub fn secondary_arrived() -> bool {
    STARTING.load(Ordering::Acquire).is_null()
}

/// Takes back what `prepare_secondary` did, for a CPU that does not come.
pub fn abandon_secondary() {
    STARTING.store(core::ptr::null_mut(), Ordering::Release);
}
