//! Segment, task-state and interrupt descriptors.
//!
//! Segments are flat; their order is what SYSCALL and SYSRET want. Each CPU has a task state for
//! its stack pointers: the kernel stack for traps from user mode, and two stacks of their own for
//! what may strike at any instruction (NMI and debug; double fault and machine check).

use core::cell::UnsafeCell;

use x86_64::VirtAddr;
use x86_64::instructions::{segmentation::*, tables};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::tss::TaskStateSegment;

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

#[repr(C, align(16))]
struct CpuTables {
    stacks: [[u8; IST_SIZE]; 2],
    segments: GlobalDescriptorTable,
    task: TaskStateSegment,
}

struct AllTables(UnsafeCell<[CpuTables; MAX_CPUS]>);

// SAFETY: each CPU touches its own element only.
unsafe impl Sync for AllTables {}

static TABLES: AllTables = AllTables(UnsafeCell::new(
    [const {
        CpuTables {
            stacks: [[0; IST_SIZE]; 2],
            segments: GlobalDescriptorTable::new(),
            task: TaskStateSegment::new(),
        }
    }; MAX_CPUS],
));

#[repr(C, align(16))]
struct Gates(UnsafeCell<[[u64; 2]; 256]>);

// SAFETY: written by the boot CPU before others start, with the same values by each later.
unsafe impl Sync for Gates {}

static GATES: Gates = Gates(UnsafeCell::new([[0; 2]; 256]));

/// Loads this CPU's descriptors.
pub fn init_cpu(cpu: &PerCpu) {
    set_kernel_stack(cpu, cpu.kernel_stack_top.get());
    // SAFETY: the element belongs to the CPU that runs this; no other reference to it exists.
    let tables = unsafe { &mut *TABLES.0.get().cast::<CpuTables>().add(cpu.number()) };
    let tops = tables
        .stacks
        .each_ref()
        .map(|stack| stack.as_ptr_range().end);
    let [nmi, fatal] = tops.map(VirtAddr::from_ptr);
    let unused = VirtAddr::zero();
    tables.task.interrupt_stack_table = [nmi, fatal, unused, unused, unused, unused, unused];
    tables.segments = GlobalDescriptorTable::new();
    for descriptor in [
        Descriptor::kernel_code_segment(),
        Descriptor::kernel_data_segment(),
        Descriptor::UserSegment(0),
        Descriptor::user_data_segment(),
        Descriptor::user_code_segment(),
        Descriptor::tss_segment(&tables.task),
    ] {
        tables.segments.append(descriptor);
    }
    fill_gates();
    let gates = DescriptorTablePointer {
        limit: 4095,
        base: VirtAddr::from_ptr(GATES.0.get()),
    };
    let data = SegmentSelector(KERNEL_DATA);
    // SAFETY: the tables are static and complete; the segments keep their meaning. Loading FS and
    // GS with null would clear their bases, so they are left alone.
    unsafe {
        tables.segments.load();
        tables::lidt(&gates);
        CS::set_reg(SegmentSelector(KERNEL_CODE));
        DS::set_reg(data);
        ES::set_reg(data);
        SS::set_reg(data);
        tables::load_tss(SegmentSelector(TASK_STATE));
    }
}

/// Sets where traps from user mode find their stack.
pub fn set_kernel_stack(cpu: &PerCpu, top: u64) {
    // SAFETY: the element belongs to the CPU that runs this, or to one that has not started.
    let tables = unsafe { &mut *TABLES.0.get().cast::<CpuTables>().add(cpu.number()) };
    tables.task.privilege_stack_table[0] = VirtAddr::new(top);
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
    let [nmi, fatal, ..] = task.interrupt_stack_table;
    [task.privilege_stack_table[0], nmi, fatal].map(VirtAddr::as_u64)
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
