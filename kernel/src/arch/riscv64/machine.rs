//! The machine, from the device tree that the firmware hands over.
//!
//! Device addresses are kept here as physical ranges; registers are reached
//! through the direct map until `remap` says where they are mapped as devices.

use super::{boot, console, ipi, paging, timer};
use crate::arch::layout::DIRECT_MAP;
use crate::lock::Once;
use crate::machine::devicetree::{DeviceTree, cell, regions, text};
use crate::machine::{MachineInfo, PhysRange};
use core::sync::atomic::{AtomicU64, Ordering};

/// The most interrupt lines used of a PLIC.
pub(super) const PLIC_LINES: usize = 128;
/// The most harts whose PLIC context is known, by hart id.
const MAX_HARTS: usize = 64;
const NO_CONTEXT: u16 = u16::MAX;
/// Cause number of the supervisor external interrupt, as the tree refers to it.
const SUPERVISOR_EXTERNAL: u32 = 9;
const ISA_LENGTH: usize = 128;

struct Devices {
    uart: Option<PhysRange>,
    uart_line: Option<u32>,
    plic: Option<PhysRange>,
    finisher: Option<PhysRange>,
    contexts: [u16; MAX_HARTS],
    isa: [u8; ISA_LENGTH],
    isa_length: usize,
}

static DEVICES: Once<Devices> = Once::new();
/// Virtual address of the finisher's register; 0 if there is none.
static FINISHER: AtomicU64 = AtomicU64::new(0);

fn devices() -> &'static Devices {
    DEVICES.get().expect("discover comes first")
}

/// Reads the device tree at physical address `boot_arg`.
pub fn discover(boot_arg: u64, out: &mut MachineInfo) {
    // SAFETY: the firmware hands over the address of its tree, which the bootstrap tables map
    // and nobody writes: its memory is reserved below.
    let tree = unsafe { DeviceTree::at((DIRECT_MAP + boot_arg) as *const u8) };
    let tree = tree.unwrap_or_else(|error| panic!("no device tree at {boot_arg:#x}: {error}"));
    out.reserve(kernel_image(), "kernel");
    tree.describe(boot_arg, out);
    out.set_boot_cpu(boot::BOOT_HART.load(Ordering::Relaxed));
    let first = |names: &[&str]| tree.device(names).and_then(|node| regions(node).next());
    let uart = tree.device(&["ns16550a", "ns16550"]);
    let isa = tree
        .children("/cpus")
        .find_map(|cpu| text(cpu, "riscv,isa"))
        .unwrap_or("");
    let mut devices = Devices {
        uart: uart.and_then(|node| regions(node).next()),
        uart_line: uart
            .and_then(|node| node.property("interrupts"))
            .map(|i| cell(i.value, 0)),
        plic: first(&["riscv,plic0", "sifive,plic-1.0.0"]),
        finisher: first(&["sifive,test0"]),
        contexts: plic_contexts(&tree),
        isa: [0; ISA_LENGTH],
        isa_length: isa.len().min(ISA_LENGTH),
    };
    devices.isa[..devices.isa_length].copy_from_slice(&isa.as_bytes()[..devices.isa_length]);
    DEVICES.set(devices);
    remap(|range| DIRECT_MAP + range.start);
    paging::detect_asids();
    let frequency = tree.number("/cpus", "timebase-frequency");
    timer::detect(frequency.unwrap_or(10_000_000).max(1));
}

/// Which PLIC context is the supervisor mode of each hart: `interrupts-extended` of the PLIC
/// lists (interrupt controller of a hart, cause) by context.
fn plic_contexts(tree: &DeviceTree<'_>) -> [u16; MAX_HARTS] {
    let mut contexts = [NO_CONTEXT; MAX_HARTS];
    let plic = tree.device(&["riscv,plic0", "sifive,plic-1.0.0"]);
    let Some(list) = plic.and_then(|plic| plic.property("interrupts-extended")) else {
        return contexts;
    };
    for cpu in tree.children("/cpus") {
        let Some(hart) = cpu.property("reg").and_then(|reg| reg.as_usize()) else {
            continue;
        };
        let Some(intc) = cpu.children().find_map(|child| child.property("phandle")) else {
            continue;
        };
        let handle = cell(intc.value, 0);
        let is_supervisor =
            |pair: &[u8; 8]| cell(pair, 0) == handle && cell(pair, 4) == SUPERVISOR_EXTERNAL;
        let context = list.value.as_chunks::<8>().0.iter().position(is_supervisor);
        if let (Some(slot), Some(context)) = (contexts.get_mut(hart), context) {
            *slot = context as u16;
        }
    }
    contexts
}

/// Tells the drivers where their registers are: `map` gives the virtual address of a device's
/// physical range.
pub fn remap(mut map: impl FnMut(PhysRange) -> u64) {
    let devices = devices();
    if let Some(range) = &devices.uart {
        console::set_base(map(range.clone()));
    }
    if let Some(range) = &devices.plic {
        ipi::set_base(map(range.clone()));
    }
    if let Some(range) = &devices.finisher {
        FINISHER.store(map(range.clone()), Ordering::Release);
    }
}

/// Virtual address of the device that ends the machine.
pub(super) fn finisher() -> Option<u64> {
    Some(FINISHER.load(Ordering::Acquire)).filter(|address| *address != 0)
}

/// The UART's interrupt line.
pub(super) fn uart_interrupt() -> Option<u32> {
    devices().uart_line
}

/// The instruction set as the device tree spells it, cut at a fixed length.
pub(super) fn isa() -> &'static str {
    let devices = devices();
    core::str::from_utf8(&devices.isa[..devices.isa_length]).unwrap_or("")
}

/// The PLIC context of a hart's supervisor mode.
pub(super) fn plic_context(hart: u64) -> Option<u64> {
    let context = *devices().contexts.get(hart as usize)?;
    (context != NO_CONTEXT).then_some(context.into())
}

unsafe extern "C" {
    static __kernel_start: u8;
    static __kernel_end: u8;
}

/// Where the image lies in physical memory.
fn kernel_image() -> PhysRange {
    let physical = |symbol: *const u8| paging::image_physical(symbol as u64);
    physical(&raw const __kernel_start)..physical(&raw const __kernel_end)
}
