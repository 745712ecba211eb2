//! Segment, task-state and interrupt descriptors.
//!
//! Segments are flat; their order is what SYSCALL and SYSRET want. Each CPU has a task state for
//! its stack pointers: the kernel stack for traps from user mode, and two stacks of their own for
//! what may strike at any instruction (NMI and debug; double fault and machine check).

use core::cell::UnsafeCell;

use x86_64::instructions::{segmentation::*, tables};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::idt::Entry;
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

use super::traps;
use crate::lock::Once;
use crate::percpu::{MAX_CPUS, PerCpu};

pub const KERNEL_CODE: u16 = 0x08;
pub const KERNEL_DATA: u16 = 0x10;
/// SYSRET loads this + 8 as SS and this + 16 as CS.
pub const SYSRET_BASE: u16 = 0x18 | 3;
pub const USER_DATA: u16 = 0x20 | 3;
pub const USER_CODE: u16 = 0x28 | 3;
const TASK_STATE: u16 = 0x30;

/// Index of the stack for NMI and debug traps.
const IST_NMI: u16 = 0;
/// Index of the stack for double faults and machine checks.
const IST_FATAL: u16 = 1;
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

static GATES: Once<[Entry<()>; 256]> = Once::new();

/// Loads this CPU's descriptors.
pub fn init_cpu(cpu: &PerCpu) {
    set_kernel_stack(cpu, cpu.kernel_stack_top.get());
    // SAFETY: the element belongs to the CPU that runs this; no other reference to it exists.
    let tables = unsafe { &mut *TABLES.0.get().cast::<CpuTables>().add(cpu.number()) };
    for (index, stack) in tables.stacks.iter().enumerate() {
        let top = VirtAddr::from_ptr(stack.as_ptr_range().end);
        tables.task.interrupt_stack_table[index] = top;
    }
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
    let gates = DescriptorTablePointer {
        limit: 4095,
        base: VirtAddr::from_ptr(GATES.call_once(|| core::array::from_fn(gate_of))),
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

fn gate_of(vector: usize) -> Entry<()> {
    let mut gate = Entry::missing();
    // SAFETY: the stub is the entry for this vector, and every CPU has these stacks.
    unsafe {
        let options = gate.set_handler_addr(VirtAddr::new(traps::stub(vector as u8)));
        match vector {
            1 | 2 => options.set_stack_index(IST_NMI),
            8 | 18 => options.set_stack_index(IST_FATAL),
            // User code may raise breakpoints itself.
            3 => options.set_privilege_level(PrivilegeLevel::Ring3),
            _ => options,
        };
    }
    gate
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
    let gates: *const [[u64; 2]; 256] =
        core::ptr::from_ref(GATES.get().expect("made at boot")).cast();
    // SAFETY: gates are 16 bytes each and do not change after boot.
    let [low, high] = unsafe { (*gates)[usize::from(vector)] };
    (
        low & 0xffff | low >> 48 << 16 | high << 32,
        low >> 32 & 7,
        low >> 45 & 3,
    )
}
