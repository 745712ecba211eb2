//! The interrupt controller: GICv3 through its system registers, or GICv2.
//!
//! One software-generated interrupt is the IPI; what it means is in
//! `PerCpu::ipi_pending`. An interrupt is acknowledged and ended before its
//! handler runs, because the handler may not come back: so the timer is
//! disarmed and a device line masked first.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::machine::devices;
use super::{cpu, read_register, timer, write_register};
use crate::machine::mmio::Mmio;
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

/// What the CPUs share.
pub(super) static DISTRIBUTOR: Mmio = Mmio::new();
/// GICv3: the redistributors; GICv2: the interface, on every CPU its own.
pub(super) static LOCAL: Mmio = Mmio::new();
/// Per CPU, for GICv3 the offset of its redistributor, for GICv2 its interface's bit.
static PLACE: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

/// Whether the controller is a GICv3.
pub fn is_version_3() -> bool {
    devices().gic_version_3
}

fn place(cpu: &PerCpu) -> u64 {
    PLACE[cpu.number()].load(Relaxed)
}

/// Brings up what all CPUs share. Every line is masked.
pub fn init_boot() {
    DISTRIBUTOR.write(CONTROL, 0u32);
    (1..=DISTRIBUTOR.read::<u32>(4) & 0x1f).for_each(|block| reset(block * 32));
    // GICv3: affinity routing, group 1. GICv2: on.
    let on: u32 = if is_version_3() { 1 << 4 | 1 << 1 } else { 1 };
    DISTRIBUTOR.write(CONTROL, on);
}

/// Masks the 32 lines from `first` on and gives them group and priority.
fn reset(first: u32) {
    let (bank, at) = bank(first);
    let word = u64::from(first / 8);
    bank.write(at + CLEAR_ENABLE + word, u32::MAX);
    bank.write(at + GROUP + word, if is_version_3() { u32::MAX } else { 0 });
    let priorities = at + PRIORITIES + u64::from(first);
    (0..32).for_each(|line| bank.write(priorities + line, PRIORITY));
}

/// Lets this CPU receive interrupts.
pub fn init_cpu() {
    let own = &PLACE[cpu::current().number()];
    if is_version_3() {
        own.store(find_redistributor(), Relaxed);
        sleep(false);
    } else {
        own.store(DISTRIBUTOR.read::<u8>(TARGETS).into(), Relaxed);
    }
    reset(0);
    unmask(IPI);
    if !is_version_3() {
        LOCAL.write(PRIORITY_MASK, 0xffu32);
        return LOCAL.write(INTERFACE_CONTROL, 1u32);
    }
    // SAFETY: the boot code has allowed these registers; interrupts are off until the kernel
    // waits for one.
    unsafe {
        // ICC_SRE_EL1, ICC_PMR_EL1, ICC_CTLR_EL1, ICC_IGRPEN1_EL1
        write_register!("S3_0_C12_C12_5", read_register!("S3_0_C12_C12_5") | 1, isb);
        write_register!("S3_0_C4_C6_0", 0xff);
        write_register!("S3_0_C12_C12_4", 0);
        write_register!("S3_0_C12_C12_7", 1, isb);
    }
}

/// The offset of this CPU's redistributor: the one that has its affinity.
fn find_redistributor() -> u64 {
    let affinity = cpu::hardware_id(0);
    let packed = affinity & 0xff_ffff | affinity >> 8 & 0xff00_0000;
    let mut at = 0;
    while LOCAL.range().start + at < LOCAL.range().end {
        let kind: u64 = LOCAL.read(at + TYPE);
        if kind >> 32 == packed {
            return at;
        }
        // Two frames each, two more where virtual interrupts have theirs.
        at += if kind & 2 != 0 { 4 * FRAME } else { 2 * FRAME };
    }
    panic!("no redistributor for CPU {affinity:#x}");
}

/// Puts this CPU's redistributor to sleep, or wakes it.
fn sleep(asleep: bool) {
    let wake = place(cpu::current()) + WAKE;
    let rest = LOCAL.read::<u32>(wake) & !2;
    LOCAL.write(wake, rest | u32::from(asleep) << 1);
    while (LOCAL.read::<u32>(wake) & 4 != 0) != asleep {
        cpu::relax();
    }
}

/// Keeps interrupts away from this CPU, which is about to be turned off.
pub fn leave_cpu() {
    timer::disarm();
    if !is_version_3() {
        return LOCAL.write(INTERFACE_CONTROL, 0u32);
    }
    // SAFETY: closes this CPU's interface.
    unsafe { write_register!("S3_0_C12_C12_7", 0, isb) };
    sleep(true);
}

/// Sends the IPI. Stores before it are visible to the receiver.
pub fn send(to: &PerCpu) {
    // SAFETY: a barrier.
    unsafe { asm!("dsb ishst", options(nostack, preserves_flags)) };
    if !is_version_3() {
        return DISTRIBUTOR.write(SEND, (place(to) as u32) << 16 | IPI);
    }
    let id = to.hardware_id.get();
    let target = 1 << (id & 0xf) | (id >> 4 & 0xf) << 44 | u64::from(IPI) << 24;
    let cluster = (id >> 8 & 0xff) << 16 | (id >> 16 & 0xff) << 32 | (id >> 32 & 0xff) << 48;
    // SAFETY: ICC_SGI1R_EL1 only sends an interrupt.
    unsafe { write_register!("S3_0_C12_C11_5", target | cluster, isb) };
}

/// Delivers a shared line to `cpu` from now on.
pub fn route_irq(line: u32, cpu: &PerCpu) {
    let line = u64::from(line);
    match is_version_3() {
        true => DISTRIBUTOR.write(ROUTES + line * 8, cpu.hardware_id.get()),
        false => DISTRIBUTOR.write(TARGETS + line, place(cpu) as u8),
    }
}

/// Keeps a line quiet. Below 32 it is this CPU's own.
pub fn mask(line: u32) {
    write_bit(CLEAR_ENABLE, line);
}

/// Lets a line through.
pub fn unmask(line: u32) {
    write_bit(SET_ENABLE, line);
}

fn write_bit(register: u64, line: u32) {
    let (bank, at) = bank(line);
    let word = u64::from(line / 32) * 4;
    bank.write(at + register + word, 1u32 << (line % 32));
}

/// Where the registers of a line begin.
fn bank(line: u32) -> (&'static Mmio, u64) {
    match is_version_3() && line < 32 {
        true => (&LOCAL, place(cpu::current()) + FRAME),
        false => (&DISTRIBUTOR, 0),
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
        return LOCAL.read(ACKNOWLEDGE);
    }
    // ICC_IAR1_EL1
    let number = read_register!("S3_0_C12_C12_0") as u32;
    // SAFETY: a barrier: what the interrupt announces is read after it.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
    number
}

fn end(number: u32) {
    if !is_version_3() {
        return LOCAL.write(END, number);
    }
    // SAFETY: ICC_EOIR1_EL1, for the interrupt that was just acknowledged.
    unsafe { write_register!("S3_0_C12_C12_1", number, isb) };
}
