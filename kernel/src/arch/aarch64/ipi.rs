//! The interrupt controller: GICv3 through its system registers, or GICv2.
//!
//! One software-generated interrupt is the IPI; what it means is in
//! `PerCpu::ipi_pending`. An interrupt is acknowledged and ended before its
//! handler runs, because the handler may not come back: so the timer is
//! disarmed and a device line masked first.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::machine::{self, devices};
use super::{cpu, read_register, timer, write_register};
use crate::percpu::{MAX_CPUS, PerCpu};
use crate::trap::{self, Interrupt};

const IPI: u32 = 0;
/// Numbers from here on mean that nothing is pending.
const SPECIAL: u32 = 1020;
const PRIORITY: u8 = 0xa0;
const FRAME: u64 = 0x1_0000;

// Distributor; the first 32 interrupts of GICv3 are in the redistributor's second frame, with
// the same offsets.
const CONTROL: u64 = 0x000;
const GROUP: u64 = 0x080;
const SET_ENABLE: u64 = 0x100;
const CLEAR_ENABLE: u64 = 0x180;
const PRIORITIES: u64 = 0x400;
const TARGETS: u64 = 0x800;
const SEND: u64 = 0xf00;
const ROUTES: u64 = 0x6000;
// Redistributor.
const TYPE: u64 = 0x008;
const WAKE: u64 = 0x014;
// GICv2 CPU interface.
const INTERFACE_CONTROL: u64 = 0x00;
const PRIORITY_MASK: u64 = 0x04;
const ACKNOWLEDGE: u64 = 0x0c;
const END: u64 = 0x10;

/// Per CPU, for GICv3 the offset of its redistributor, for GICv2 its interface's bit.
static LOCAL: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

/// Whether the controller is a GICv3.
pub fn is_version_3() -> bool {
    devices().gic_version_3
}

fn distributor(register: u64) -> u64 {
    machine::controller()[0] + register
}

fn interface(register: u64) -> u64 {
    machine::controller()[1] + register
}

fn read(address: u64) -> u32 {
    // SAFETY: a register of the controller, mapped as device memory.
    unsafe { (address as *const u32).read_volatile() }
}

fn write(address: u64, value: u32) {
    // SAFETY: a register of the controller, mapped as device memory; it touches no memory itself.
    unsafe { (address as *mut u32).write_volatile(value) };
}

/// Brings up what all CPUs share. Every line is masked.
pub fn init_boot() {
    let lines = ((read(distributor(4)) & 0x1f) + 1) * 32;
    write(distributor(CONTROL), 0);
    for line in (32..lines).step_by(4) {
        let priorities = u32::from_ne_bytes([PRIORITY; 4]);
        write(distributor(PRIORITIES) + u64::from(line), priorities);
    }
    for block in 1..u64::from(lines / 32) {
        write(distributor(CLEAR_ENABLE) + block * 4, u32::MAX);
        if is_version_3() {
            write(distributor(GROUP) + block * 4, u32::MAX);
        }
    }
    // GICv3: affinity routing, group 1. GICv2: on.
    write(
        distributor(CONTROL),
        if is_version_3() { 1 << 4 | 1 << 1 } else { 1 },
    );
}

/// Lets this CPU receive interrupts.
pub fn init_cpu() {
    let own = &LOCAL[cpu::current().number()];
    let private = if is_version_3() {
        own.store(find_redistributor(), Relaxed);
        let redistributor = redistributor();
        write(redistributor + WAKE, read(redistributor + WAKE) & !2);
        while read(redistributor + WAKE) & 4 != 0 {
            cpu::relax();
        }
        write(redistributor + FRAME + GROUP, u32::MAX);
        redistributor + FRAME
    } else {
        own.store(u64::from(read(distributor(TARGETS)) & 0xff), Relaxed);
        distributor(0)
    };
    for at in (0..32).step_by(4) {
        write(private + PRIORITIES + at, u32::from_ne_bytes([PRIORITY; 4]));
    }
    write(private + SET_ENABLE, 1 << IPI);
    if is_version_3() {
        // SAFETY: the boot code has allowed these registers; interrupts are off until the kernel
        // waits for one.
        unsafe {
            // ICC_SRE_EL1, ICC_PMR_EL1, ICC_CTLR_EL1, ICC_IGRPEN1_EL1
            write_register!("S3_0_C12_C12_5", read_register!("S3_0_C12_C12_5") | 1);
            asm!("isb", options(nostack, preserves_flags));
            write_register!("S3_0_C4_C6_0", 0xff);
            write_register!("S3_0_C12_C12_4", 0);
            write_register!("S3_0_C12_C12_7", 1);
            asm!("isb", options(nostack, preserves_flags));
        }
    } else {
        write(interface(PRIORITY_MASK), 0xff);
        write(interface(INTERFACE_CONTROL), 1);
    }
}

/// The redistributor of this CPU: the one that has its affinity.
fn find_redistributor() -> u64 {
    let affinity = cpu::affinity();
    let packed = affinity & 0xff_ffff | affinity >> 8 & 0xff00_0000;
    let range = &devices().cpu_interface;
    let mut at = machine::controller()[1];
    let end = at + (range.end - range.start);
    while at < end {
        let kind = u64::from(read(at + TYPE)) | u64::from(read(at + TYPE + 4)) << 32;
        if kind >> 32 == packed {
            return at - machine::controller()[1];
        }
        // Two frames each, two more where virtual interrupts have theirs.
        at += if kind & 2 != 0 { 4 * FRAME } else { 2 * FRAME };
    }
    panic!("no redistributor for CPU {affinity:#x}");
}

/// Where this CPU's redistributor is mapped.
fn redistributor() -> u64 {
    machine::controller()[1] + LOCAL[cpu::current().number()].load(Relaxed)
}

/// Keeps interrupts away from this CPU, which is about to be turned off.
pub fn leave_cpu() {
    timer::disarm();
    if is_version_3() {
        // SAFETY: closes this CPU's interface.
        unsafe {
            write_register!("S3_0_C12_C12_7", 0);
            asm!("isb", options(nostack, preserves_flags));
        }
        let redistributor = redistributor();
        write(redistributor + WAKE, read(redistributor + WAKE) | 2);
        while read(redistributor + WAKE) & 4 == 0 {
            cpu::relax();
        }
    } else {
        write(interface(INTERFACE_CONTROL), 0);
    }
}

/// Sends the IPI. Stores before it are visible to the receiver.
pub fn send(to: &PerCpu) {
    // SAFETY: a barrier, and for GICv3 a register that only sends an interrupt.
    unsafe {
        asm!("dsb ishst", options(nostack, preserves_flags));
        if is_version_3() {
            let id = to.hardware_id.get();
            let target = 1 << (id & 0xf) | (id >> 4 & 0xf) << 44;
            let cluster =
                (id >> 8 & 0xff) << 16 | (id >> 16 & 0xff) << 32 | (id >> 32 & 0xff) << 48;
            // ICC_SGI1R_EL1
            write_register!("S3_0_C12_C11_5", target | cluster | u64::from(IPI) << 24);
            asm!("isb", options(nostack, preserves_flags));
        } else {
            let interface = LOCAL[to.number()].load(Relaxed) as u32;
            write(distributor(SEND), interface << 16 | IPI);
        }
    }
}

/// Delivers a shared line to `cpu` from now on.
pub fn route_irq(line: u32, cpu: &PerCpu) {
    if is_version_3() {
        let route = (distributor(ROUTES) + u64::from(line) * 8) as *mut u64;
        // SAFETY: a register of the controller, mapped as device memory.
        unsafe { route.write_volatile(cpu.hardware_id.get()) };
    } else {
        let targets = (distributor(TARGETS) + u64::from(line)) as *mut u8;
        // SAFETY: as above; this register takes bytes.
        unsafe { targets.write_volatile(LOCAL[cpu.number()].load(Relaxed) as u8) };
    }
}

/// Keeps a line quiet. Below 32 it is this CPU's own.
pub fn mask(line: u32) {
    write(
        bank(line) + CLEAR_ENABLE + u64::from(line / 32) * 4,
        1 << (line % 32),
    );
}

/// Lets a line through.
pub fn unmask(line: u32) {
    write(
        bank(line) + SET_ENABLE + u64::from(line / 32) * 4,
        1 << (line % 32),
    );
}

fn bank(line: u32) -> u64 {
    match is_version_3() && line < 32 {
        true => redistributor() + FRAME,
        false => distributor(0),
    }
}

/// Takes the pending interrupt and passes it on.
pub fn handle(from_user: bool) {
    let number = acknowledge();
    let line = number & 0x3ff;
    if line >= SPECIAL {
        return;
    }
    let what = if line == IPI {
        Interrupt::Ipi
    } else if line == devices().timer_interrupt {
        timer::disarm();
        Interrupt::Timer
    } else {
        mask(line);
        Interrupt::Device(line)
    };
    end(number);
    trap::interrupt(what, from_user);
}

fn acknowledge() -> u32 {
    if !is_version_3() {
        return read(interface(ACKNOWLEDGE));
    }
    // ICC_IAR1_EL1
    let number = read_register!("S3_0_C12_C12_0") as u32;
    // SAFETY: a barrier: what the interrupt announces is read after it.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
    number
}

fn end(number: u32) {
    if is_version_3() {
        // SAFETY: ICC_EOIR1_EL1, for the interrupt that was just acknowledged.
        unsafe {
            write_register!("S3_0_C12_C12_1", number);
            asm!("isb", options(nostack, preserves_flags));
        }
    } else {
        write(interface(END), number);
    }
}
