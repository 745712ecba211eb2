//! Segment, task-state and interrupt descriptors.
//!
//! Segments are flat; their order is what SYSCALL and SYSRET want. Each CPU has a task state for
//! its stack pointers: the kernel stack for traps from user mode, and two stacks of their own for
//! what may strike at any instruction (NMI and debug; double fault and machine check).

use core::arch::asm;
use core::cell::UnsafeCell;

use super::traps;
use crate::percpu::{MAX_CPUS, PerCpu};

pub const KERNEL_CODE: u16 = 0x08;
pub const KERNEL_DATA: u16 = 0x10;
/// SYSRET loads this + 8 as SS and this + 16 as CS.
pub const SYSRET_BASE: u16 = 0x18 | 3;
pub const USER_DATA: u16 = 0x20 | 3;
pub const USER_CODE: u16 = 0x28 | 3;
const TASK_STATE: u16 = 0x30;

/// Stack number for NMI and debug traps.
const IST_NMI: u64 = 1;
/// Stack number for double faults and machine checks.
const IST_FATAL: u64 = 2;
const IST_SIZE: usize = 8192;

/// A task state is 26 words; its stack pointers are pairs of them.
const TASK_WORDS: usize = 26;
/// First word of the stack for traps from user mode.
const KERNEL_STACK: usize = 1;
/// First word of interrupt stack 1.
const INTERRUPT_STACKS: usize = 9;

#[repr(C, align(16))]
struct CpuTables {
    stacks: [[u8; IST_SIZE]; 2],
    segments: [u64; 8],
    task: [u32; TASK_WORDS],
}

struct AllTables(UnsafeCell<[CpuTables; MAX_CPUS]>);

// SAFETY: each CPU touches its own element only.
unsafe impl Sync for AllTables {}

const NO_TABLES: CpuTables = CpuTables {
    stacks: [[0; IST_SIZE]; 2],
    segments: [0; 8],
    task: [0; TASK_WORDS],
};
static TABLES: AllTables = AllTables(UnsafeCell::new([NO_TABLES; MAX_CPUS]));

impl CpuTables {
    fn set_stack(&mut self, word: usize, top: u64) {
        self.task[word] = top as u32;
        self.task[word + 1] = (top >> 32) as u32;
    }
}

#[repr(C, align(16))]
struct Gates(UnsafeCell<[[u64; 2]; 256]>);

// SAFETY: written by the boot CPU before others start, with the same values by each later.
unsafe impl Sync for Gates {}

static GATES: Gates = Gates(UnsafeCell::new([[0; 2]; 256]));

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

/// Loads this CPU's descriptors.
pub fn init_cpu(cpu: &PerCpu) {
    // SAFETY: the element belongs to the CPU that runs this; no other reference to it exists.
    let tables = unsafe { &mut *TABLES.0.get().cast::<CpuTables>().add(cpu.number()) };
    tables.set_stack(KERNEL_STACK, cpu.kernel_stack_top.get());
    for stack in 0..2 {
        let top = tables.stacks[stack].as_ptr_range().end as u64;
        tables.set_stack(INTERRUPT_STACKS + 2 * stack, top);
    }
    // No port is open to user mode: the map lies beyond the limit.
    tables.task[TASK_WORDS - 1] = (TASK_WORDS as u32 * 4) << 16;
    let base = (&raw const tables.task) as u64;
    let limit = TASK_WORDS as u64 * 4 - 1;
    tables.segments = [
        0,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        0,
        0x00cf_f300_0000_ffff,
        0x00af_fb00_0000_ffff,
        // An available 64-bit task state; its descriptor takes two entries.
        limit | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56,
        base >> 32,
    ];
    fill_gates();
    let segments = TablePointer {
        limit: 63,
        base: tables.segments.as_ptr() as u64,
    };
    let gates = TablePointer {
        limit: 4095,
        base: GATES.0.get() as u64,
    };
    // SAFETY: the tables are static and complete; the code segment keeps its meaning. Loading FS
    // and GS with null would clear their bases, so they are left alone.
    unsafe {
        asm!(
            "lgdt [{segments}]",
            "lidt [{gates}]",
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2: mov ds, {data:e}",
            "mov es, {data:e}",
            "mov ss, {data:e}",
            "ltr {task:x}",
            segments = in(reg) &segments,
            gates = in(reg) &gates,
            code = in(reg) u64::from(KERNEL_CODE),
            data = in(reg) u32::from(KERNEL_DATA),
            task = in(reg) TASK_STATE,
            scratch = out(reg) _,
        );
    }
}

/// Sets where traps from user mode find their stack.
pub fn set_kernel_stack(cpu: &PerCpu, top: u64) {
    // SAFETY: the element belongs to the CPU that runs this, or to one that has not started.
    let tables = unsafe { &mut *TABLES.0.get().cast::<CpuTables>().add(cpu.number()) };
    tables.set_stack(KERNEL_STACK, top);
}

fn fill_gates() {
    for vector in 0..256u64 {
        let stack = match vector {
            1 | 2 => IST_NMI,
            8 | 18 => IST_FATAL,
            _ => 0,
        };
        // User code may raise breakpoints itself.
        let level = if vector == 3 { 3 } else { 0 };
        let entry = traps::stub(vector as u8);
        let low = entry & 0xffff
            | u64::from(KERNEL_CODE) << 16
            | stack << 32
            | (0x8e | level << 5) << 40
            | (entry >> 16 & 0xffff) << 48;
        // SAFETY: every CPU writes the same values, the first before any gate is used.
        unsafe { (*GATES.0.get())[vector as usize] = [low, entry >> 32] };
    }
}

/// This CPU's stacks: for traps from user mode, for NMI, for what is fatal.
#[cfg(feature = "ktest")]
pub(super) fn stacks(cpu: &PerCpu) -> [u64; 3] {
    // SAFETY: the element belongs to the CPU that runs this.
    let task = unsafe { &(*TABLES.0.get().cast::<CpuTables>().add(cpu.number())).task };
    [KERNEL_STACK, INTERRUPT_STACKS, INTERRUPT_STACKS + 2]
        .map(|word| u64::from(task[word]) | u64::from(task[word + 1]) << 32)
}

/// Entry, stack number and privilege level of a gate.
#[cfg(feature = "ktest")]
pub(super) fn gate(vector: u8) -> (u64, u64, u64) {
    // SAFETY: gates do not change after boot.
    let [low, high] = unsafe { (*GATES.0.get())[usize::from(vector)] };
    (
        low & 0xffff | low >> 48 << 16 | high << 32,
        low >> 32 & 7,
        low >> 45 & 3,
    )
}
