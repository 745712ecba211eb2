//! The few ACPI tables that say what QEMU and PCs do not say otherwise: MADT (CPUs, interrupt
//! controllers), SRAT (nodes), SLIT (distances).
//!
//! Tables come from outside, so every length is checked: `Bytes` never reads beyond its end and
//! yields zero there. They are read before there is an allocator, through the bootstrap direct
//! map, which ends at 4 GiB; tables above that are ignored.

use core::ops::Range;

use crate::lock::Once;
use crate::machine::{MAX_NODES, MachineInfo};
use crate::mm::PhysAddr;

/// Bytes of physical memory with bounds.
#[derive(Clone, Copy)]
pub struct Bytes(&'static [u8]);

impl Bytes {
    /// `length` bytes at `address`; none if they are out of the bootstrap map's reach.
    pub fn at(address: u64, length: usize) -> Bytes {
        if address == 0 || address.saturating_add(length as u64) > 1 << 32 {
            return Bytes(&[]);
        }
        // SAFETY: the bootstrap direct map covers the first 4 GiB, and firmware tables are not
        // written while the kernel starts.
        Bytes(unsafe { core::slice::from_raw_parts(PhysAddr(address).as_ptr(), length) })
    }

    /// A little-endian number of `size` bytes (at most 8).
    pub fn number(self, at: usize, size: usize) -> u64 {
        let bytes = self.0.get(at..at + size).unwrap_or(&[]);
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The bytes themselves.
    pub fn slice(self, range: Range<usize>) -> &'static [u8] {
        self.0.get(range).unwrap_or(&[])
    }

    /// The bytes up to the first zero.
    pub fn text(self) -> &'static [u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or(&[])
    }

    /// The entries of a table whose entries begin with type and length, from offset `at` on.
    fn entries(self, at: usize) -> impl Iterator<Item = (u64, Bytes)> {
        let mut rest = self.0.get(at..).unwrap_or(&[]);
        core::iter::from_fn(move || {
            let length = usize::from(*rest.get(1)?);
            let (entry, tail) = rest.split_at_checked(length.max(2))?;
            rest = tail;
            Some((entry[0].into(), Bytes(entry)))
        })
    }
}

/// What the tables say about interrupts.
pub struct Interrupts {
    /// Physical address of the local APIC.
    pub local_apic: u64,
    /// Physical address of the first I/O APIC.
    pub io_apic: u64,
    /// Input and flags (as the I/O APIC wants them) of each ISA line.
    isa: [(u32, u32); 16],
}

static INTERRUPTS: Once<Interrupts> = Once::new();

/// What `discover` found.
pub fn interrupts() -> &'static Interrupts {
    INTERRUPTS.get().expect("the machine is discovered first")
}

impl Interrupts {
    /// The input of a line and its polarity and trigger bits.
    pub fn isa_line(&self, line: u32) -> (u32, u32) {
        self.isa.get(line as usize).copied().unwrap_or((line, 0))
    }
}

/// Reads the tables that the root pointer leads to.
pub fn discover(root_pointer: u64, info: &mut MachineInfo) {
    let mut interrupts = Interrupts {
        local_apic: 0xfee0_0000,
        io_apic: 0xfec0_0000,
        isa: core::array::from_fn(|line| (line as u32, 0)),
    };
    let pointer = Bytes::at(root_pointer, 36);
    let extended = pointer.number(15, 1) >= 2 && pointer.number(24, 8) != 0;
    let (root, size) = if extended { (pointer.number(24, 8), 8) } else { (pointer.number(16, 4), 4) };
    let root = table(root);
    let count = root.0.len().saturating_sub(36) / size;
    let find = |signature: &[u8]| {
        (0..count)
            .map(|i| table(root.number(36 + i * size, size)))
            .find(|table| table.slice(0..4) == signature)
    };
    if let Some(madt) = find(b"APIC") {
        read_madt(madt, info, &mut interrupts);
    }
    let mut domains = Domains { ids: [0; MAX_NODES], count: 0 };
    if let Some(srat) = find(b"SRAT") {
        read_srat(srat, info, &mut domains);
    }
    if let Some(slit) = find(b"SLIT") {
        read_slit(slit, info, &domains);
    }
    info.nodes = domains.count.max(1);
    INTERRUPTS.set(interrupts);
}

/// A whole table, if its checksum holds.
fn table(address: u64) -> Bytes {
    let length = Bytes::at(address, 36).number(4, 4) as usize;
    let table = Bytes::at(address, length.max(36));
    let sum = table.0.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == 0 { table } else { Bytes(&[]) }
}

fn read_madt(madt: Bytes, info: &mut MachineInfo, interrupts: &mut Interrupts) {
    interrupts.local_apic = madt.number(36, 4);
    let mut io_apics = 0;
    for (kind, entry) in madt.entries(44) {
        match kind {
            // Enabled, or able to be: the flag says whether firmware would use it.
            0 if entry.number(4, 4) & 1 != 0 => info.add_cpu(entry.number(3, 1), 0),
            9 if entry.number(8, 4) & 1 != 0 => info.add_cpu(entry.number(4, 4), 0),
            1 => {
                if io_apics == 0 {
                    interrupts.io_apic = entry.number(4, 4);
                }
                io_apics += 1;
            }
            2 => {
                let (line, flags) = (entry.number(3, 1) as usize, entry.number(8, 2));
                // Active low, and level-triggered; otherwise the bus's own: high, edge.
                let low = if flags & 3 == 3 { 1 << 13 } else { 0 };
                let level = if flags >> 2 & 3 == 3 { 1 << 15 } else { 0 };
                if let Some(isa) = interrupts.isa.get_mut(line) {
                    *isa = (entry.number(4, 4) as u32, low | level);
                }
            }
            5 => interrupts.local_apic = entry.number(4, 8),
            _ => {}
        }
    }
}

/// Proximity domains may be any numbers; nodes are dense, in order of appearance.
struct Domains {
    ids: [u64; MAX_NODES],
    count: usize,
}

impl Domains {
    fn node(&mut self, id: u64) -> u32 {
        if let Some(node) = self.ids[..self.count].iter().position(|known| *known == id) {
            return node as u32;
        }
        if self.count == MAX_NODES {
            return 0;
        }
        self.ids[self.count] = id;
        self.count += 1;
        self.count as u32 - 1
    }
}

fn read_srat(srat: Bytes, info: &mut MachineInfo, domains: &mut Domains) {
    for (kind, entry) in srat.entries(48) {
        let cpu = match kind {
            0 if entry.number(4, 4) & 1 != 0 => {
                Some((entry.number(3, 1), entry.number(2, 1) | entry.number(9, 3) << 8))
            }
            2 if entry.number(12, 4) & 1 != 0 => Some((entry.number(8, 4), entry.number(4, 4))),
            1 if entry.number(28, 4) & 1 != 0 => {
                let (start, length) = (entry.number(8, 8), entry.number(16, 8));
                let node = domains.node(entry.number(2, 4));
                info.assign_node(start..start.saturating_add(length), node);
                None
            }
            _ => None,
        };
        if let Some((id, domain)) = cpu {
            let node = domains.node(domain);
            let cpus = info.cpus.as_mut_slice();
            cpus.iter_mut().filter(|cpu| cpu.hardware_id == id).for_each(|cpu| cpu.node = node);
        }
    }
}

fn read_slit(slit: Bytes, info: &mut MachineInfo, domains: &Domains) {
    let count = slit.number(36, 8) as usize;
    for (from, a) in domains.ids[..domains.count].iter().enumerate() {
        for (to, b) in domains.ids[..domains.count].iter().enumerate() {
            let distance = slit.number(44 + *a as usize * count + *b as usize, 1);
            if distance != 0 && (*a as usize) < count && (*b as usize) < count {
                info.distances[from][to] = distance as u8;
            }
        }
    }
}
