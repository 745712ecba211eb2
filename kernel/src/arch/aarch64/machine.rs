//! The machine as its device tree describes it, and the devices this
//! architecture's own code drives: serial port, interrupt controller, timer,
//! PSCI. Registers are reached through the bootstrap direct map until `remap`
//! says where they are mapped.

use core::sync::atomic::{AtomicU64, Ordering};

use super::boot;
use crate::lock::Once;
use crate::machine::devicetree::{DeviceTree, FdtNode, cell, regions, text};
use crate::machine::{MachineInfo, PhysRange};

/// What the device tree says about the devices.
#[derive(Clone, Debug)]
pub struct Devices {
    /// Registers of the PL011.
    pub console: PhysRange,
    /// Its interrupt number.
    pub console_interrupt: u32,
    /// The virtual timer's interrupt number.
    pub timer_interrupt: u32,
    /// Whether the interrupt controller is a GICv3 (else GICv2).
    pub gic_version_3: bool,
    /// Registers of the interrupt controller's distributor.
    pub distributor: PhysRange,
    /// GICv3: redistributors; GICv2: CPU interface.
    pub cpu_interface: PhysRange,
    /// PSCI is called by SMC (else by HVC).
    pub psci_by_smc: bool,
}

impl Devices {
    const NONE: Devices = Devices {
        console: 0..0,
        console_interrupt: 0,
        timer_interrupt: 0,
        gic_version_3: false,
        distributor: 0..0,
        cpu_interface: 0..0,
        psci_by_smc: false,
    };
}

static DEVICES: Once<Devices> = Once::new();
/// Where the registers of console, distributor and CPU interface are mapped; 0: nowhere yet.
static MAPPED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// The devices.
pub fn devices() -> &'static Devices {
    DEVICES.get().unwrap_or(const { &Devices::NONE })
}

/// Address of the serial port's registers, 0 before they are known.
pub fn console() -> u64 {
    MAPPED[0].load(Ordering::Relaxed)
}

/// Addresses of the distributor's registers, and of the redistributors or the CPU interface.
pub fn controller() -> [u64; 2] {
    [1, 2].map(|part: usize| MAPPED[part].load(Ordering::Relaxed))
}

/// Tells the drivers where their registers are: `map` gives the virtual address of a device's
/// physical range.
pub fn remap(mut map: impl FnMut(PhysRange) -> u64) {
    let devices = devices();
    let ranges = [
        &devices.console,
        &devices.distributor,
        &devices.cpu_interface,
    ];
    for (range, mapped) in ranges.into_iter().zip(&MAPPED) {
        if !range.is_empty() {
            mapped.store(map(range.clone()), Ordering::Release);
        }
    }
}

fn tree(physical: u64) -> Option<DeviceTree<'static>> {
    // SAFETY: boot code has mapped the GiB that the loader's address is in; nothing else is there
    // until the tree's own reservation is known. What is no tree is refused by its magic number.
    unsafe { DeviceTree::at(boot::direct(physical)) }.ok()
}

/// Reads the devices, so that the console works from here on.
pub fn note_device_tree(physical: u64) {
    let Some(tree) = tree(physical) else { return };
    let mut devices = Devices::NONE;
    if let Some(port) = tree.device(&["arm,pl011"]) {
        devices.console = regions(port).next().unwrap_or(0..0);
        devices.console_interrupt = interrupt(port, 0);
    }
    if let Some(timer) = tree.device(&["arm,armv8-timer", "arm,armv7-timer"]) {
        // Secure, physical, virtual, hypervisor.
        devices.timer_interrupt = interrupt(timer, 2);
    }
    let version_3 = tree.device(&["arm,gic-v3"]);
    devices.gic_version_3 = version_3.is_some();
    let gic = version_3.or_else(|| tree.device(&["arm,cortex-a15-gic", "arm,gic-400"]));
    if let Some(gic) = gic {
        let mut parts = regions(gic);
        devices.distributor = parts.next().unwrap_or(0..0);
        devices.cpu_interface = parts.next().unwrap_or(0..0);
    }
    let psci = tree.device(&["arm,psci-1.0", "arm,psci-0.2", "arm,psci"]);
    devices.psci_by_smc = psci.is_some_and(|psci| text(psci, "method") == Some("smc"));
    DEVICES.set(devices);
    remap(|range| boot::direct::<u8>(range.start).addr() as u64);
}

/// Entry `at` of a node's interrupts as the controller numbers them: three cells each, shared
/// ones from 32 on, private ones from 16 on.
fn interrupt(node: FdtNode<'_, '_>, at: usize) -> u32 {
    let cells = node
        .property("interrupts")
        .map_or(&[][..], |property| property.value);
    let base = if cell(cells, at * 12) == 0 { 32 } else { 16 };
    base + cell(cells, at * 12 + 4)
}

/// Fills in the machine.
pub fn discover(boot_arg: u64, out: &mut MachineInfo) {
    let tree = tree(boot_arg).expect("the loader handed over a device tree");
    tree.describe(boot_arg, out);
    out.reserve(boot::image(), "kernel");
    out.set_boot_cpu(super::cpu::affinity());
    boot::map_memory(out);
}
