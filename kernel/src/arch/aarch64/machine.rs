//! The machine as its device tree describes it, and the devices this
//! architecture's own code drives: serial port, interrupt controller, timer,
//! PSCI.

use super::{console, ipi};
use crate::arch::layout::DIRECT_MAP;
use crate::lock::Once;
use crate::machine::MachineInfo;
use crate::machine::devicetree::{DeviceTree, FdtNode, cell, regions, text};
use crate::machine::mmio::Mmio;

/// What the device tree says about the devices, besides where their registers are.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// Interrupt number of the PL011.
    pub console_interrupt: u32,
    /// The virtual timer's interrupt number.
    pub timer_interrupt: u32,
    /// Whether the interrupt controller is a GICv3 (else GICv2).
    pub gic_version_3: bool,
    psci_by_smc: bool,
}

static FOUND: Once<Devices> = Once::new();

/// The devices whose registers are in memory.
pub const DEVICES: [&Mmio; 3] = [&console::PORT, &ipi::DISTRIBUTOR, &ipi::LOCAL];

/// What is known of the devices.
pub fn devices() -> &'static Devices {
    FOUND.get().expect("the machine is discovered first")
}

/// Whether PSCI is called by SMC (else by HVC).
pub fn psci_by_smc() -> bool {
    FOUND.get().is_some_and(|found| found.psci_by_smc)
}

/// Entry `at` of a node's interrupts as the controller numbers them: three cells each, shared
/// ones from 32 on, private ones from 16 on.
fn interrupt(node: FdtNode<'_, '_>, at: usize) -> u32 {
    let list = node.property("interrupts");
    let cells = list.map_or(&[][..], |list| list.value);
    let base = if cell(cells, at * 12) == 0 { 32 } else { 16 };
    base + cell(cells, at * 12 + 4)
}

/// Reads the device tree at physical address `boot_arg`.
pub fn discover(boot_arg: u64, out: &mut MachineInfo) {
    // SAFETY: the bootstrap tables map the loader's address; nothing else is there until the
    // tree's own reservation is known. What is no tree is refused by its magic number.
    let tree = unsafe { DeviceTree::at((DIRECT_MAP + boot_arg) as *const u8) };
    let tree = tree.expect("the loader handed over a device tree");
    tree.describe(boot_arg, out);
    let mut found = Devices::default();
    if let Some(port) = tree.device(&["arm,pl011"]) {
        console::PORT.place(regions(port).next().unwrap_or(0..0));
        found.console_interrupt = interrupt(port, 0);
    }
    if let Some(timer) = tree.device(&["arm,armv8-timer", "arm,armv7-timer"]) {
        // Secure, physical, virtual, hypervisor.
        found.timer_interrupt = interrupt(timer, 2);
    }
    let version_3 = tree.device(&["arm,gic-v3"]);
    found.gic_version_3 = version_3.is_some();
    let gic = version_3.or_else(|| tree.device(&["arm,cortex-a15-gic", "arm,gic-400"]));
    let mut parts = gic.into_iter().flat_map(regions);
    ipi::DISTRIBUTOR.place(parts.next().unwrap_or(0..0));
    ipi::LOCAL.place(parts.next().unwrap_or(0..0));
    let psci = tree.device(&["arm,psci-1.0", "arm,psci-0.2", "arm,psci"]);
    found.psci_by_smc = psci.is_some_and(|psci| text(psci, "method") == Some("smc"));
    FOUND.call_once(|| found);
}
