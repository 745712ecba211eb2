//! The few ACPI tables that say what a PC does not say otherwise: MADT (CPUs, interrupt
//! controllers), FADT (timer), SRAT (nodes), SLIT (distances).
//!
//! Tables come from outside, so nothing in them is trusted: `Bytes` never reads beyond its end and
//! yields zero there, a table counts only with its checksum, and entries of length zero do not
//! stop the walk. Physical memory is read through a function that gives an empty slice for what it
//! cannot reach.

use arrayvec::ArrayVec;

use super::{MAX_NODES, MachineInfo};

/// Gives the bytes at a physical address, or none if they cannot be reached.
pub type Read<'a> = &'a dyn Fn(u64, usize) -> &'a [u8];

/// Bytes with bounds.
#[derive(Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// A little-endian number of `size` bytes (at most 8).
    pub fn number(self, at: usize, size: usize) -> u64 {
        let bytes = self.0.get(at..at + size).unwrap_or(&[]).iter().rev();
        bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The bytes up to the first zero.
    pub fn text(self) -> &'a [u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or(&[])
    }

    /// The entries of a table whose entries begin with type and length, from offset `at` on.
    fn entries(self, at: usize) -> impl Iterator<Item = (u64, Bytes<'a>)> {
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
    /// I/O port of the ACPI timer.
    pub timer_port: Option<u16>,
    /// Input and flags (as the I/O APIC wants them) of each ISA line.
    isa: [(u32, u32); 16],
}

impl Interrupts {
    /// The input of a line and its polarity and trigger bits.
    pub fn isa_line(&self, line: u32) -> (u32, u32) {
        self.isa.get(line as usize).copied().unwrap_or((line, 0))
    }
}

/// Fills in CPUs, nodes and distances from the tables that the root pointer leads to. Memory is
/// known already.
pub fn discover(read: Read, root_pointer: u64, info: &mut MachineInfo) -> Interrupts {
    let mut interrupts = Interrupts {
        local_apic: 0xfee0_0000,
        io_apic: 0xfec0_0000,
        timer_port: None,
        isa: core::array::from_fn(|line| (line as u32, 0)),
    };
    let pointer = Bytes(read(root_pointer, 36));
    let extended = pointer.number(15, 1) >= 2 && pointer.number(24, 8) != 0;
    let (at, size) = if extended { (24, 8) } else { (16, 4) };
    let root = table(read, pointer.number(at, size));
    let count = root.0.len().saturating_sub(36) / size;
    let tables = (0..count).map(|i| table(read, root.number(36 + i * size, size)));
    let find = |signature: &[u8]| {
        let found = tables.clone().find(|table| table.0.starts_with(signature));
        found.unwrap_or(Bytes(&[]))
    };
    read_madt(find(b"APIC"), info, &mut interrupts);
    interrupts.timer_port = Some(find(b"FACP").number(76, 4) as u16).filter(|port| *port != 0);
    let mut domains = Domains::new();
    read_srat(find(b"SRAT"), info, &mut domains);
    read_slit(find(b"SLIT"), info, &domains);
    info.nodes = domains.len().max(1);
    interrupts
}

/// A whole table, empty if its checksum does not hold.
fn table<'a>(read: Read<'a>, address: u64) -> Bytes<'a> {
    let length = Bytes(read(address, 36)).number(4, 4) as usize;
    let table = Bytes(read(address, length.max(36)));
    let bytes = table.0.iter();
    let sum = bytes.fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == 0 { table } else { Bytes(&[]) }
}

fn read_madt(madt: Bytes, info: &mut MachineInfo, interrupts: &mut Interrupts) {
    if !madt.0.is_empty() {
        interrupts.local_apic = madt.number(36, 4);
    }
    for (kind, entry) in madt.entries(44) {
        match kind {
            // Enabled, or able to be: the flag says whether firmware would use it.
            0 if entry.number(4, 4) & 1 != 0 => info.add_cpu(entry.number(3, 1), 0),
            9 if entry.number(8, 4) & 1 != 0 => info.add_cpu(entry.number(4, 4), 0),
            // The first I/O APIC has the lines of the old devices: its inputs begin at 0.
            1 if entry.number(8, 4) == 0 => interrupts.io_apic = entry.number(4, 4),
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
type Domains = ArrayVec<u64, MAX_NODES>;

/// The node of a domain; further ones than there are nodes count as the first.
fn node(domains: &mut Domains, id: u64) -> u32 {
    let known = domains.iter().position(|known| *known == id);
    let new = || domains.try_push(id).map_or(0, |()| domains.len() - 1);
    known.unwrap_or_else(new) as u32
}

fn read_srat(srat: Bytes, info: &mut MachineInfo, domains: &mut Domains) {
    for (kind, entry) in srat.entries(48) {
        // A CPU's domain is in two parts.
        let domain = || entry.number(2, 1) | entry.number(9, 3) << 8;
        let (flags, domain, id) = match kind {
            0 => (4, domain(), entry.number(3, 1)),
            1 => (28, entry.number(2, 4), 0),
            2 => (12, entry.number(4, 4), entry.number(8, 4)),
            _ => continue,
        };
        if entry.number(flags, 4) & 1 == 0 {
            continue;
        }
        let node = node(domains, domain);
        if kind == 1 {
            let (start, length) = (entry.number(8, 8), entry.number(16, 8));
            info.assign_node(start..start.saturating_add(length), node);
        } else if let Some(cpu) = info.cpus.iter_mut().find(|cpu| cpu.hardware_id == id) {
            cpu.node = node;
        }
    }
}

fn read_slit(slit: Bytes, info: &mut MachineInfo, domains: &Domains) {
    let count = slit.number(36, 8);
    for (from, a) in domains.iter().enumerate() {
        for (to, b) in domains.iter().enumerate() {
            // Domains beyond the table, and tables larger than any firmware's, say nothing.
            if *a < count && *b < count && count < 1 << 16 {
                let distance = slit.number(44 + (a * count + b) as usize, 1);
                info.distances[from][to] = distance.max(10) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x1000;

    /// Firmware memory with a root pointer at its start, a root table, and these tables.
    fn firmware(tables: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let finish = |signature: &[u8; 4], body: &[u8]| {
            let mut table = signature.to_vec();
            table.extend(((36 + body.len()) as u32).to_le_bytes());
            table.resize(36, 0);
            table.extend(body);
            table[9] = table.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
            table
        };
        let mut memory = vec![0; 0x400];
        let mut entries = Vec::new();
        for (signature, body) in tables {
            entries.extend((BASE + memory.len() as u64).to_le_bytes());
            memory.extend(finish(signature, body));
        }
        let root = finish(b"XSDT", &entries);
        memory[15] = 2;
        memory[24..32].copy_from_slice(&(BASE + 0x40).to_le_bytes());
        memory[0x40..0x40 + root.len()].copy_from_slice(&root);
        memory
    }

    fn discover_in(memory: &[u8], info: &mut MachineInfo) -> Interrupts {
        let read = |address: u64, length: usize| {
            let at = address.wrapping_sub(BASE) as usize;
            memory.get(at..at.wrapping_add(length)).unwrap_or(&[])
        };
        discover(&read, BASE, info)
    }

    fn madt(entries: &[&[u8]]) -> Vec<u8> {
        let mut body = 0xfee0_0000u32.to_le_bytes().to_vec();
        body.extend([0; 4]);
        entries.iter().for_each(|entry| body.extend(*entry));
        body
    }

    const CPU_0: &[u8] = &[0, 8, 0, 0, 1, 0, 0, 0];
    const CPU_8: &[u8] = &[0, 8, 1, 8, 1, 0, 0, 0];
    const DISABLED: &[u8] = &[0, 8, 2, 9, 0, 0, 0, 0];
    const X2_300: &[u8] = &[9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0];
    const IO_APIC: &[u8] = &[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0];
    /// ISA line 9 on input 20, active low, level-triggered.
    const OVERRIDE: &[u8] = &[2, 10, 0, 9, 20, 0, 0, 0, 0x0f, 0];

    #[test]
    fn cpus_with_gaps_and_wide_ids() {
        let tables = [(
            b"APIC",
            madt(&[CPU_0, CPU_8, DISABLED, X2_300, IO_APIC, OVERRIDE]),
        )];
        let mut info = MachineInfo::new();
        let interrupts = discover_in(&firmware(&tables), &mut info);
        let ids: Vec<_> = info
            .cpus
            .as_slice()
            .iter()
            .map(|cpu| cpu.hardware_id)
            .collect();
        assert_eq!(ids, [0, 8, 300]);
        assert_eq!(
            (interrupts.local_apic, interrupts.io_apic),
            (0xfee0_0000, 0xfec0_0000)
        );
        assert_eq!(interrupts.isa_line(9), (20, 1 << 13 | 1 << 15));
        assert_eq!(interrupts.isa_line(4), (4, 0));
    }

    #[test]
    fn nodes_are_dense_whatever_the_domains_are() {
        let memory = |domain: u8, start: u64, length: u64| {
            let mut entry = vec![1, 40, domain, 0, 0, 0, 0, 0];
            entry.extend(start.to_le_bytes());
            entry.extend(length.to_le_bytes());
            entry.extend([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            entry
        };
        let mut srat = vec![0; 12];
        srat.extend(memory(7, 0, 0x8000));
        srat.extend(memory(2, 0x8000, 0x8000));
        srat.extend([0, 16, 2, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut slit = 8u64.to_le_bytes().to_vec();
        slit.extend((0..64).map(|i| if i % 9 == 0 { 10 } else { 20 + i as u8 }));
        let tables = [
            (b"APIC", madt(&[CPU_0, CPU_8])),
            (b"SRAT", srat),
            (b"SLIT", slit),
        ];
        let mut info = MachineInfo::new();
        info.add_memory(0x1000..0xc000, 0);
        discover_in(&firmware(&tables), &mut info);
        assert_eq!(info.nodes, 2);
        let ranges: Vec<_> = info
            .memory
            .as_slice()
            .iter()
            .map(|m| (m.range.clone(), m.node))
            .collect();
        assert_eq!(ranges, [(0x1000..0x8000, 0), (0x8000..0xc000, 1)]);
        assert_eq!(info.cpus.as_slice()[1].node, 1);
        assert_eq!(info.distances[0][1], 20 + 7 * 8 + 2);
        assert_eq!(
            (info.distances[1][0], info.distances[1][1]),
            (20 + 2 * 8 + 7, 10)
        );
    }

    #[test]
    fn damaged_tables_are_as_good_as_none() {
        let mut memory = firmware(&[(b"APIC", madt(&[CPU_0]))]);
        *memory.last_mut().unwrap() ^= 1;
        let mut info = MachineInfo::new();
        discover_in(&memory, &mut info);
        assert!(
            info.cpus.as_slice().is_empty(),
            "the checksum does not hold"
        );
        // An entry without length, an entry longer than its table, a table longer than memory.
        for bad in [&[0u8, 0, 0, 0][..], &[0, 200, 1, 1, 1, 0, 0, 0]] {
            discover_in(
                &firmware(&[(b"APIC", madt(&[bad, CPU_8]))]),
                &mut MachineInfo::new(),
            );
        }
        let whole = firmware(&[(b"APIC", madt(&[CPU_0]))]);
        for length in 0..whole.len() {
            discover_in(&whole[..length], &mut MachineInfo::new());
        }
    }

    #[test]
    fn any_byte_may_be_anything() {
        let whole = firmware(&[
            (b"APIC", madt(&[CPU_0, IO_APIC, OVERRIDE])),
            (b"SLIT", vec![0xff; 16]),
        ]);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut memory = whole.clone();
                memory[at] = value;
                discover_in(&memory, &mut MachineInfo::new());
            }
        }
    }
}
