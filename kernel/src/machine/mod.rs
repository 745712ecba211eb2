//! What machine this is: memory, CPUs, distances, boot arguments.
//!
//! Filled once by `arch::machine::discover` before there is an allocator, so everything has a
//! fixed capacity; what does not fit is counted and reported, never lost silently.
//! Invariant: `memory` and `reserved` are sorted by address; memory ranges do not overlap.

pub mod acpi;
pub mod devicetree;
pub mod mmio;

use core::ops::Range;

use arrayvec::ArrayVec;

use crate::inspect::{Described, Shape};

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

/// A range of RAM that belongs to one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Physical addresses.
    pub range: PhysRange,
    /// NUMA node, dense from 0.
    pub node: u32,
}

/// First address and first behind it, in this order.
impl Described for PhysRange {
    const SHAPE: Shape = <[u64; 2]>::SHAPE;
}
const _: () = assert!(core::mem::offset_of!(PhysRange, end) == 8);

crate::described! {
    /// A range that must not be handed out, whether or not RAM is there.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Reserved {
        /// Physical addresses.
        pub range: PhysRange,
        /// Who has it: "kernel", "initrd", "firmware", ….
        pub name: &'static str,
    }
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
#[derive(Clone, Debug, Default)]
pub struct MachineInfo {
    /// RAM, sorted.
    pub memory: ArrayVec<Memory, MAX_MEMORY>,
    /// Ranges not to be handed out, sorted by start.
    pub reserved: ArrayVec<Reserved, MAX_RESERVED>,
    /// Pairs of names whose reservations overlap: reported at boot.
    pub overlaps: ArrayVec<(Reserved, Reserved), 8>,
    /// CPUs, the boot CPU first.
    pub cpus: ArrayVec<Cpu, MAX_CPUS>,
    /// Ranges that did not fit.
    pub dropped_ranges: usize,
    /// CPUs that did not fit.
    pub dropped_cpus: usize,
    /// Number of NUMA nodes, at least 1.
    pub nodes: usize,
    /// `distances[a][b]`: cost of memory of node b seen from node a, 10 is local.
    pub distances: [[u8; MAX_NODES]; MAX_NODES],
    /// Where the initrd lies, if the loader brought one.
    pub initrd: Option<PhysRange>,
    command_line: ArrayVec<u8, MAX_COMMAND_LINE>,
}

fn overlap(a: &PhysRange, b: &PhysRange) -> bool {
    a.start < b.end && b.start < a.end
}

impl MachineInfo {
    /// A machine of which nothing is known yet.
    pub fn new() -> Self {
        let distance = |a, b| if a == b { 10 } else { 20 };
        MachineInfo {
            nodes: 1,
            distances: core::array::from_fn(|a| core::array::from_fn(|b| distance(a, b))),
            ..Self::default()
        }
    }

    /// Adds RAM. Ranges that touch on the same node become one; of an overlap the part that is
    /// already known stays as it is.
    pub fn add_memory(&mut self, range: PhysRange, node: u32) {
        if range.start >= range.end {
            return;
        }
        let known = &self.memory;
        if let Some(other) = known.iter().find(|m| overlap(&m.range, &range)) {
            let other = other.range.clone();
            self.add_memory(range.start..other.start.min(range.end), node);
            self.add_memory(other.end.max(range.start)..range.end, node);
            return;
        }
        let at = known.partition_point(|m| m.range.start < range.start);
        let added = self.memory.try_insert(at, Memory { range, node });
        self.dropped_ranges += usize::from(added.is_err());
        for right in (1..self.memory.len()).rev() {
            let Memory { range, node } = self.memory[right].clone();
            let left = &mut self.memory[right - 1];
            if left.range.end == range.start && left.node == node {
                left.range.end = range.end;
                self.memory.remove(right);
            }
        }
    }

    /// Says that `range`, as far as it is RAM, belongs to `node`.
    pub fn assign_node(&mut self, range: PhysRange, node: u32) {
        let other = |m: &Memory| overlap(&m.range, &range) && m.node != node;
        while let Some(at) = self.memory.iter().position(other) {
            let memory = self.memory.remove(at);
            let start = memory.range.start.max(range.start);
            let end = memory.range.end.min(range.end);
            self.add_memory(start..end, node);
            self.add_memory(memory.range.start..start, memory.node);
            self.add_memory(end..memory.range.end, memory.node);
        }
    }

    /// Reserves a range under a name and notes every reservation that it overlaps.
    pub fn reserve(&mut self, range: PhysRange, name: &'static str) {
        if range.start >= range.end {
            return;
        }
        let new = Reserved { range, name };
        for other in self.reserved.iter() {
            if overlap(&other.range, &new.range) {
                // The first ones are enough to see that something is wrong.
                let _ = self.overlaps.try_push((other.clone(), new.clone()));
            }
        }
        let behind = |r: &Reserved| r.range.start < new.range.start;
        let at = self.reserved.partition_point(behind);
        let added = self.reserved.try_insert(at, new);
        self.dropped_ranges += usize::from(added.is_err());
    }

    /// Adds a CPU.
    pub fn add_cpu(&mut self, hardware_id: u64, node: u32) {
        let added = self.cpus.try_push(Cpu { hardware_id, node });
        self.dropped_cpus += usize::from(added.is_err());
    }

    /// Makes the CPU that runs now the first one.
    pub fn set_boot_cpu(&mut self, hardware_id: u64) {
        let mut cpus = self.cpus.iter();
        if let Some(at) = cpus.position(|cpu| cpu.hardware_id == hardware_id) {
            self.cpus[..=at].rotate_right(1);
        }
    }

    /// Bytes of RAM.
    pub fn memory_size(&self) -> u64 {
        let sizes = self.memory.iter().map(|m| m.range.end - m.range.start);
        sizes.sum()
    }

    /// Keeps a copy of the command line, cut at the capacity.
    pub fn set_command_line(&mut self, text: &[u8]) {
        self.command_line = text.iter().copied().take(MAX_COMMAND_LINE).collect();
    }

    /// The kernel command line; its readable beginning where it is not UTF-8.
    pub fn command_line(&self) -> &str {
        let chunk = self.command_line.utf8_chunks().next();
        chunk.map_or("", |chunk| chunk.valid())
    }
}

static MACHINE: Once<MachineInfo> = Once::new();

/// The machine, once `boot::start` has discovered it.
pub fn machine() -> &'static MachineInfo {
    MACHINE.get().expect("the machine is discovered first")
}

/// Sets the machine; boot code calls it once.
pub fn set_machine(info: MachineInfo) -> &'static MachineInfo {
    MACHINE.call_once(|| info)
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
            (info.cpus.as_slice().len(), info.dropped_cpus),
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
