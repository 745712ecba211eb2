//! From the first Rust instruction to the first process.
//!
//! Order: the CPU, the console, what the machine is, memory, interrupts and time, a kernel stack
//! for each CPU; then, on its own stack, the boot CPU brings up the others one by one and starts
//! user space (or the kernel tests).

use core::sync::atomic::Ordering;

use crate::arch::{self, context, cpu, ipi, paging, power, timer};
use crate::lock::{Rank, SpinLock};
use crate::machine::{MachineInfo, PhysRange, machine, set_machine};
use crate::mm::{self, PhysAddr, kernel_map};
use crate::percpu::{CPUS, CpuState, PerCpu};
use crate::{cmdline, initrd, print, println, symbols};

/// Size of a CPU's kernel stack.
const STACK_SIZE: usize = 32 * 1024;

unsafe extern "C" {
    static __kernel_start: [u8; 0];
    static __kernel_end: [u8; 0];
}

/// A CPU did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartError;

/// Held while a CPU comes or goes.
pub static HOTPLUG: SpinLock<()> = SpinLock::new(Rank::Hotplug, ());

/// Says who this CPU is and sets it up, so that everything after can fault readably.
fn arrive(cpu: &'static PerCpu) {
    // SAFETY: the record is this CPU's: the boot CPU's, or the one that the starter wrote for it.
    unsafe { cpu::set_current(cpu) };
    arch::boot::arrived(cpu);
    cpu::init_cpu();
}

/// Starts the kernel on the boot CPU. Entry code calls it on its first stack, with interrupts off;
/// `id` is what the firmware calls the CPU, if it says so, `boot_arg` what it handed over.
pub extern "C" fn start(id: u64, boot_arg: u64, stack_top: u64) -> ! {
    CPUS[0].describe(0, cpu::hardware_id(id), 0);
    CPUS[0].kernel_stack_top.set(stack_top);
    arrive(&CPUS[0]);
    let mut info = MachineInfo::new();
    info.reserve(image(), "kernel");
    arch::machine::discover(boot_arg, &mut info);
    info.set_boot_cpu(CPUS[0].hardware_id.get());
    // Before there are tables of our own, the bootstrap direct map shows the devices.
    map_devices();
    arch::console::init();
    let machine = set_machine(info);
    report(machine);
    mm::init(machine);
    map_devices();
    kernel_map::activate();
    for (number, found) in machine.cpus.iter().enumerate() {
        CPUS[number].describe(number, found.hardware_id, found.node);
        CPUS[number].set_state(CpuState::Off);
    }
    CPUS[0].set_state(CpuState::Online);
    ipi::init_boot();
    ipi::init_cpu();
    timer::init_boot();
    timer::init_cpu();
    let top = kernel_map::stack(STACK_SIZE).expect("kernel stack");
    // SAFETY: the stack was just made for this CPU; `main_boot` uses nothing of the old one.
    unsafe { context::run_on_stack(top, main_boot) }
}

/// Physical addresses of the kernel image.
fn image() -> PhysRange {
    let physical = |symbol: *const [u8; 0]| paging::image_physical(symbol.addr() as u64);
    physical(&raw const __kernel_start)..physical(&raw const __kernel_end)
}

/// Tells the drivers where their registers are.
fn map_devices() {
    for device in arch::machine::DEVICES {
        // SAFETY: the bootstrap direct map shows every device; the mappings made later stay.
        unsafe { device.map(kernel_map::device) };
    }
}

/// Says what the machine is. What is wrong with its memory is reported by `mm`.
fn report(machine: &MachineInfo) {
    print!(
        "veridian: {}, {} CPUs, {} MiB in {} nodes, {} address spaces, features:",
        cpu::NAME,
        machine.cpus.len(),
        machine.memory_size() >> 20,
        machine.nodes,
        paging::asid_count(),
    );
    cpu::features().for_each(|name| print!(" {name}"));
    println!();
    if machine.dropped_cpus != 0 {
        println!("warning: no room for {} CPUs", machine.dropped_cpus);
    }
}

/// The boot CPU on its final stack.
extern "C" fn main_boot() -> ! {
    let archive = machine().initrd.clone().map(|range| {
        let length = (range.end - range.start) as usize;
        // SAFETY: the loader put the initrd there, and it is reserved: nobody writes it.
        unsafe { core::slice::from_raw_parts(PhysAddr(range.start).as_ptr::<u8>(), length) }
    });
    let archive = initrd::Archive::new(archive.unwrap_or(&[]));
    let names = archive.find("symbols").map(symbols::init);
    if let Some(Err(error)) = names {
        println!("warning: no names in backtraces: {error:?}");
    }
    for cpu in &CPUS[1..machine().cpus.len()] {
        if let Err(error) = bring_up(cpu) {
            println!("warning: cpu {} does not start: {error:?}", cpu.number());
        }
    }
    #[cfg(feature = "ktest")]
    crate::test_framework::run();
    panic_if_asked();
    arch::console::enable_receive_interrupt(cpu::current());
    crate::process::start_first(archive);
    crate::sched::scheduler::start()
}

/// A panic at will, to see one.
#[inline(never)]
fn panic_if_asked() {
    if cmdline::arguments().flag("panic") {
        panic!("the boot argument 'panic' asks for it");
    }
}

/// Starts a CPU that is off and waits until it takes work.
pub fn bring_up(cpu: &'static PerCpu) -> Result<(), StartError> {
    let _hotplug = HOTPLUG.lock();
    if cpu.kernel_stack_top.get() == 0 {
        let stack = kernel_map::stack(STACK_SIZE).map_err(|_| StartError)?;
        cpu.kernel_stack_top.set(stack);
    }
    // What was asked of the CPU before it stopped is answered; a bit left behind would keep the
    // next request from interrupting it.
    cpu.ipi_pending.store(0, Ordering::SeqCst);
    cpu.set_state(CpuState::Changing);
    if !power::start_cpu(cpu) {
        cpu.set_state(CpuState::Off);
        return Err(StartError);
    }
    while cpu.state() != CpuState::Online {
        crate::lock::spin();
    }
    Ok(())
}

/// Continues on a CPU that was just started, on its own kernel stack, with interrupts off.
pub extern "C" fn start_secondary(cpu: &'static PerCpu) -> ! {
    arrive(cpu);
    kernel_map::activate();
    ipi::init_cpu();
    timer::init_cpu();
    cpu.set_state(CpuState::Online);
    crate::sched::scheduler::start()
}
