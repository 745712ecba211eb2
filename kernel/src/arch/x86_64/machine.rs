//! What machine this is: PVH start information, then ACPI.

use super::boot::{self, TRAMPOLINE};
use super::{cpu, ipi};
use crate::arch::layout::PAGE_SIZE;
use crate::lock::Once;
use crate::machine::MachineInfo;
use crate::machine::acpi::{self, Bytes, Interrupts};
use crate::machine::mmio::Mmio;
use crate::mm::PhysAddr;

const MAGIC: u64 = 0x336e_c578;
const RAM: u32 = 1;

static INTERRUPTS: Once<Interrupts> = Once::new();

/// Where the interrupt controllers are.
pub(super) fn interrupts() -> &'static Interrupts {
    INTERRUPTS.get().expect("the machine is discovered first")
}

/// Physical memory as the bootstrap direct map shows it.
fn physical(address: u64, length: usize) -> &'static [u8] {
    if address == 0 || address.saturating_add(length as u64) > boot::MAPPED_AT_BOOT {
        return &[];
    }
    // SAFETY: the range is mapped, and what the loader and the firmware left there is not written
    // while the kernel starts.
    unsafe { core::slice::from_raw_parts(PhysAddr(address).as_ptr(), length) }
}

/// Fills in the machine; `start_info` is the physical address that the loader gave.
pub fn discover(start_info: u64, info: &mut MachineInfo) {
    let start = Bytes(physical(start_info, 56));
    let by_pvh = start.number(0, 4) == MAGIC && start.number(4, 4) >= 1;
    assert!(by_pvh, "not started by PVH");
    info.set_command_line(Bytes(physical(start.number(24, 8), 4096)).text());
    let map = physical(start.number(40, 8), 24 * start.number(48, 4) as usize);
    read_memory_map(Bytes(map), info);
    if start.number(12, 4) != 0 {
        let module = Bytes(physical(start.number(16, 8), 32));
        let initrd = module.number(0, 8)..module.number(0, 8) + module.number(8, 8);
        info.reserve(initrd.clone(), "initrd");
        info.initrd = Some(initrd);
    }
    info.reserve(0..PAGE_SIZE, "bios data");
    info.reserve(TRAMPOLINE..TRAMPOLINE + PAGE_SIZE, "cpu start");
    let found = acpi::discover(&physical, start.number(32, 8), info);
    for (device, name, at) in [
        (&ipi::LOCAL, "local apic", found.local_apic),
        (&ipi::IO, "io apic", found.io_apic),
    ] {
        device.place(at..at + PAGE_SIZE);
        info.reserve(device.range(), name);
    }
    INTERRUPTS.call_once(|| found);
    if info.cpus.is_empty() {
        info.add_cpu(cpu::hardware_id(0), 0);
    }
}

/// The devices whose registers are in memory.
pub const DEVICES: [&Mmio; 2] = [&ipi::LOCAL, &ipi::IO];

fn read_memory_map(map: Bytes<'_>, info: &mut MachineInfo) {
    let reach = boot::reach();
    for entry in map.0.as_chunks::<24>().0 {
        let [start, length, kind] = [0, 8, 16].map(|at| Bytes(entry).number(at, 8));
        let end = start.saturating_add(length);
        match kind as u32 {
            RAM => {
                let usable = start.next_multiple_of(PAGE_SIZE)..end.min(reach) & !(PAGE_SIZE - 1);
                info.add_memory(usable, 0);
            }
            _ => info.reserve(start..end, "firmware"),
        }
    }
}
