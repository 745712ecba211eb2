//! What machine this is: memory, CPUs, distances, boot arguments.
//!
//! Filled once by `arch::machine::discover` before there is an allocator, so everything has a
//! fixed capacity; what does not fit is counted in `dropped` and reported, never lost silently.
//! Invariant: `memory` and `reserved` are sorted by address; memory ranges do not overlap.

pub mod acpi;
pub mod devicetree;

use core::ops::Range;

use crate::lock::Once;
use crate::percpu::MAX_CPUS;

/// The most NUMA nodes.
pub const MAX_NODES: usize = 8;
/// The most ranges of RAM.
pub const MAX_MEMORY: usize = 32;
/// The most reserved ranges.
pub const MAX_RESERVED: usize = 48;
/// The longest kernel command line in bytes.
pub const MAX_COMMAND_LINE: usize = 1024;

/// A range of physical addresses.
pub type PhysRange = Range<u64>;

/// A list without allocation.
#[derive(Clone, Debug)]
pub struct List<T, const N: usize> {
    items: [T; N],
    len: usize,
    /// Entries that did not fit.
    pub dropped: usize,
}

impl<T: Clone, const N: usize> List<T, N> {
    const fn new(items: [T; N]) -> Self {
        List {
            items,
            len: 0,
            dropped: 0,
        }
    }

    /// The entries.
    pub fn as_slice(&self) -> &[T] {
        &self.items[..self.len]
    }

    /// The entries, to change in place.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items[..self.len]
    }

    /// Inserts at `at`; counts the entry as dropped when the list is full.
    pub fn insert(&mut self, at: usize, item: T) {
        if self.len == N {
            self.dropped += 1;
            return;
        }
        self.len += 1;
        self.items[at..self.len].rotate_right(1);
        self.items[at] = item;
    }

    /// Adds at the end.
    pub fn push(&mut self, item: T) {
        self.insert(self.len, item);
    }

    /// Takes out the entry at `at`.
    pub fn remove(&mut self, at: usize) {
        self.items[at..self.len].rotate_left(1);
        self.len -= 1;
    }
}

/// A range of RAM that belongs to one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Physical addresses.
    pub range: PhysRange,
    /// NUMA node, dense from 0.
    pub node: u32,
}

/// A range that must not be handed out, whether or not RAM is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Physical addresses.
    pub range: PhysRange,
    /// Who has it: "kernel", "initrd", "firmware", ….
    pub name: &'static str,
}

/// A CPU that the machine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// APIC id, MPIDR affinity or hart id.
    pub hardware_id: u64,
    /// NUMA node, dense from 0.
    pub node: u32,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct MachineInfo {
    /// RAM, sorted.
    pub memory: List<Memory, MAX_MEMORY>,
    /// Ranges not to be handed out, sorted by start.
    pub reserved: List<Reserved, MAX_RESERVED>,
    /// Pairs of names whose reservations overlap: reported at boot.
    pub overlaps: List<(Reserved, Reserved), 8>,
    /// CPUs, the boot CPU first.
    pub cpus: List<Cpu, MAX_CPUS>,
    /// Number of NUMA nodes, at least 1.
    pub nodes: usize,
    /// `distances[a][b]`: cost of memory of node b seen from node a, 10 is local.
    pub distances: [[u8; MAX_NODES]; MAX_NODES],
    /// Where the initrd lies, if the loader brought one.
    pub initrd: Option<PhysRange>,
    command_line: [u8; MAX_COMMAND_LINE],
    command_line_len: usize,
}

impl MachineInfo {
    /// A machine of which nothing is known yet.
    pub const fn new() -> Self {
        const NOWHERE: Reserved = Reserved {
            range: 0..0,
            name: "",
        };
        let mut distances = [[20; MAX_NODES]; MAX_NODES];
        let mut node = 0;
        while node < MAX_NODES {
            distances[node][node] = 10;
            node += 1;
        }
        MachineInfo {
            memory: List::new(
                [const {
                    Memory {
                        range: 0..0,
                        node: 0,
                    }
                }; MAX_MEMORY],
            ),
            reserved: List::new([NOWHERE; MAX_RESERVED]),
            overlaps: List::new([const { (NOWHERE, NOWHERE) }; 8]),
            cpus: List::new(
                [const {
                    Cpu {
                        hardware_id: 0,
                        node: 0,
                    }
                }; MAX_CPUS],
            ),
            nodes: 1,
            distances,
            initrd: None,
            command_line: [0; MAX_COMMAND_LINE],
            command_line_len: 0,
        }
    }

    /// Adds RAM. Ranges that touch on the same node become one; of an overlap the part that is
    /// already known stays as it is.
    pub fn add_memory(&mut self, range: PhysRange, node: u32) {
        if range.start >= range.end {
            return;
        }
        let known = self.memory.as_slice();
        if let Some(other) = known
            .iter()
            .find(|m| m.range.start < range.end && range.start < m.range.end)
        {
            let other = other.range.clone();
            self.add_memory(range.start..other.start.min(range.end), node);
            self.add_memory(other.end.max(range.start)..range.end, node);
            return;
        }
        let at = known.partition_point(|m| m.range.start < range.start);
        self.memory.insert(at, Memory { range, node });
        let mut i = 1;
        while i < self.memory.as_slice().len() {
            let (left, right) = (&self.memory.as_slice()[i - 1], &self.memory.as_slice()[i]);
            if left.range.end == right.range.start && left.node == right.node {
                let end = right.range.end;
                self.memory.as_mut_slice()[i - 1].range.end = end;
                self.memory.remove(i);
            } else {
                i += 1;
            }
        }
    }

    /// Says that `range`, as far as it is RAM, belongs to `node`.
    pub fn assign_node(&mut self, range: PhysRange, node: u32) {
        let mut i = 0;
        while let Some(memory) = self.memory.as_slice().get(i).cloned() {
            i += 1;
            let start = memory.range.start.max(range.start);
            let end = memory.range.end.min(range.end);
            if start >= end || memory.node == node {
                continue;
            }
            self.memory.remove(i - 1);
            self.add_memory(start..end, node);
            self.add_memory(memory.range.start..start, memory.node);
            self.add_memory(end..memory.range.end, memory.node);
            i = 0;
        }
    }

    /// Reserves a range under a name and notes every reservation that it overlaps.
    pub fn reserve(&mut self, range: PhysRange, name: &'static str) {
        if range.start >= range.end {
            return;
        }
        let new = Reserved { range, name };
        for other in self.reserved.as_slice() {
            if other.range.start < new.range.end && new.range.start < other.range.end {
                self.overlaps.push((other.clone(), new.clone()));
            }
        }
        let at = self
            .reserved
            .as_slice()
            .partition_point(|r| r.range.start < new.range.start);
        self.reserved.insert(at, new);
    }

    /// Adds a CPU.
    pub fn add_cpu(&mut self, hardware_id: u64, node: u32) {
        self.cpus.push(Cpu { hardware_id, node });
    }

    /// Makes the CPU that runs now the first one.
    pub fn set_boot_cpu(&mut self, hardware_id: u64) {
        let cpus = self.cpus.as_mut_slice();
        if let Some(at) = cpus.iter().position(|cpu| cpu.hardware_id == hardware_id) {
            cpus[..=at].rotate_right(1);
        }
    }

    /// Bytes of RAM.
    pub fn memory_size(&self) -> u64 {
        self.memory
            .as_slice()
            .iter()
            .map(|m| m.range.end - m.range.start)
            .sum()
    }

    /// Keeps a copy of the command line, cut at the capacity.
    pub fn set_command_line(&mut self, text: &[u8]) {
        let len = text.len().min(MAX_COMMAND_LINE);
        self.command_line[..len].copy_from_slice(&text[..len]);
        self.command_line_len = len;
    }

    /// The kernel command line; its readable beginning where it is not UTF-8.
    pub fn command_line(&self) -> &str {
        let bytes = &self.command_line[..self.command_line_len];
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl Default for MachineInfo {
    fn default() -> Self {
        Self::new()
    }
}

static MACHINE: Once<MachineInfo> = Once::new();

/// The machine, once `boot::start` has discovered it.
pub fn machine() -> &'static MachineInfo {
    MACHINE.get().expect("the machine is discovered first")
}

/// Sets the machine; boot code calls it once.
pub fn set_machine(info: MachineInfo) -> &'static MachineInfo {
    MACHINE.set(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(info: &MachineInfo) -> Vec<(u64, u64, u32)> {
        info.memory
            .as_slice()
            .iter()
            .map(|m| (m.range.start, m.range.end, m.node))
            .collect()
    }

    #[test]
    fn memory_is_sorted_merged_and_never_double() {
        let mut info = MachineInfo::new();
        info.add_memory(0x4000..0x6000, 0);
        info.add_memory(0x1000..0x2000, 0);
        info.add_memory(0x2000..0x5000, 0);
        assert_eq!(ranges(&info), [(0x1000, 0x6000, 0)]);
        info.add_memory(0x0..0x10000, 0);
        assert_eq!(ranges(&info), [(0x0, 0x10000, 0)]);
        assert_eq!(info.memory_size(), 0x10000);
    }

    #[test]
    fn nodes_split_ranges() {
        let mut info = MachineInfo::new();
        info.add_memory(0x0..0x9000, 0);
        info.add_memory(0x10000..0x20000, 0);
        info.assign_node(0x8000..0x18000, 1);
        info.assign_node(0x18000..0x100000, 2);
        let expected = [
            (0, 0x8000, 0),
            (0x8000, 0x9000, 1),
            (0x10000, 0x18000, 1),
            (0x18000, 0x20000, 2),
        ];
        assert_eq!(ranges(&info), expected);
    }

    #[test]
    fn overlapping_reservations_are_noted() {
        let mut info = MachineInfo::new();
        info.reserve(0x1000..0x3000, "kernel");
        info.reserve(0x3000..0x4000, "initrd");
        assert!(info.overlaps.as_slice().is_empty());
        info.reserve(0x2fff..0x3001, "firmware");
        let names: Vec<_> = info
            .overlaps
            .as_slice()
            .iter()
            .map(|(a, b)| (a.name, b.name))
            .collect();
        assert_eq!(names, [("kernel", "firmware"), ("initrd", "firmware")]);
        assert_eq!(info.reserved.as_slice()[1].name, "firmware");
    }

    #[test]
    fn a_full_list_counts_what_it_drops() {
        let mut info = MachineInfo::new();
        (0..MAX_CPUS as u64 + 3).for_each(|id| info.add_cpu(id * 4, 0));
        assert_eq!(
            (info.cpus.as_slice().len(), info.cpus.dropped),
            (MAX_CPUS, 3)
        );
        info.set_boot_cpu(8);
        let ids: Vec<_> = info
            .cpus
            .as_slice()
            .iter()
            .take(4)
            .map(|c| c.hardware_id)
            .collect();
        assert_eq!(ids, [8, 0, 4, 12]);
    }

    #[test]
    fn command_line_is_cut_to_what_can_be_read() {
        let mut info = MachineInfo::new();
        info.set_command_line(b"once -- exit \xff7");
        assert_eq!(info.command_line(), "once -- exit ");
        info.set_command_line(&[b'a'; MAX_COMMAND_LINE + 5]);
        assert_eq!(info.command_line().len(), MAX_COMMAND_LINE);
    }
}
