//! The machine, from the device tree that the firmware hands over.

use super::{console, ipi, paging, timer};
use crate::arch::layout::DIRECT_MAP;
use crate::lock::Once;
use crate::machine::MachineInfo;
use crate::machine::devicetree::{DeviceTree, cell, regions, text};
use crate::machine::mmio::Mmio;

/// The most interrupt lines used of a PLIC.
pub(super) const PLIC_LINES: usize = 128;
/// The most harts whose PLIC context is known, by hart id.
const MAX_HARTS: usize = 64;
const UART_NAMES: [&str; 2] = ["ns16550a", "ns16550"];
const PLIC_NAMES: [&str; 2] = ["riscv,plic0", "sifive,plic-1.0.0"];
/// Cause number of the supervisor external interrupt, as the tree refers to it.
const SUPERVISOR_EXTERNAL: u32 = 9;

/// What the device tree says, besides where the devices' registers are.
pub(super) struct Found {
    /// The UART's interrupt line.
    pub uart_line: Option<u32>,
    /// The PLIC context of each hart's supervisor mode.
    contexts: [Option<u16>; MAX_HARTS],
    /// The instruction set as the device tree spells it.
    pub isa: &'static str,
}

static FOUND: Once<Found> = Once::new();

/// The devices whose registers are in memory.
pub const DEVICES: [&Mmio; 2] = [&console::UART, &ipi::PLIC];

/// What is known of the machine.
pub(super) fn found() -> &'static Found {
    FOUND.get().expect("discover comes first")
}

/// Reads the device tree at physical address `boot_arg`.
pub fn discover(boot_arg: u64, out: &mut MachineInfo) {
    // SAFETY: the firmware hands over the address of its tree, which the bootstrap tables map
    // and nobody writes: its memory is reserved, and stays mapped as RAM.
    let tree = unsafe { DeviceTree::at((DIRECT_MAP + boot_arg) as *const u8) };
    let tree = tree.unwrap_or_else(|error| panic!("no device tree at {boot_arg:#x}: {error}"));
    tree.describe(boot_arg, out);
    let [uart, plic] = [&UART_NAMES, &PLIC_NAMES].map(|names| tree.device(names));
    for (device, node) in [(&console::UART, uart), (&ipi::PLIC, plic)] {
        device.place(node.and_then(|node| regions(node).next()).unwrap_or(0..0));
    }
    let mut cpus = tree.children("/cpus");
    let line = uart.and_then(|uart| uart.property("interrupts"));
    FOUND.call_once(|| Found {
        uart_line: line.map(|line| cell(line.value, 0)),
        contexts: plic_contexts(&tree),
        isa: cpus.find_map(|cpu| text(cpu, "riscv,isa")).unwrap_or(""),
    });
    paging::detect_asids();
    let frequency = tree.number("/cpus", "timebase-frequency");
    timer::detect(frequency.unwrap_or(10_000_000).max(1));
}

/// Which PLIC context is the supervisor mode of each hart: `interrupts-extended` of the PLIC
/// lists (interrupt controller of a hart, cause) by context.
fn plic_contexts(tree: &DeviceTree<'_>) -> [Option<u16>; MAX_HARTS] {
    let mut contexts = [None; MAX_HARTS];
    let plic = tree.device(&PLIC_NAMES);
    let Some(list) = plic.and_then(|plic| plic.property("interrupts-extended")) else {
        return contexts;
    };
    for cpu in tree.children("/cpus") {
        let hart = cpu.property("reg").and_then(|reg| reg.as_usize());
        let intc = cpu.children().find_map(|child| child.property("phandle"));
        let Some((hart, intc)) = hart.zip(intc) else {
            continue;
        };
        let handle = cell(intc.value, 0);
        let is_supervisor =
            |pair: &[u8; 8]| cell(pair, 0) == handle && cell(pair, 4) == SUPERVISOR_EXTERNAL;
        let context = list.value.as_chunks::<8>().0.iter().position(is_supervisor);
        if let Some(slot) = contexts.get_mut(hart) {
            *slot = context.map(|context| context as u16);
        }
    }
    contexts
}

/// The PLIC context of a hart's supervisor mode.
pub(super) fn plic_context(hart: u64) -> Option<u64> {
    found().contexts.get(hart as usize)?.map(u64::from)
}
