//! The machine as a flattened device tree describes it.
//!
//! Shared by the architectures whose firmware hands one over. Parsing is the
//! `fdt` crate's; here is what the kernel takes from the tree: memory with its
//! NUMA nodes, CPUs, node distances, every kind of reservation, the boot
//! arguments and the initrd, and the addresses of devices by `compatible` name.
//! The tree is read once, at boot, from where the firmware put it; its own
//! memory is reserved.

use super::{MAX_NODES, MachineInfo, PhysRange};
use fdt::Fdt;
pub use fdt::FdtError;
pub use fdt::node::FdtNode;

/// A device tree in memory.
pub struct DeviceTree<'a>(Fdt<'a>);

impl<'a> DeviceTree<'a> {
    /// Looks at `bytes` as a device tree.
    #[cfg(test)]
    pub fn new(bytes: &'a [u8]) -> Result<Self, FdtError> {
        Fdt::new(bytes).map(Self)
    }

    /// The device tree that begins at `start`.
    ///
    /// # Safety
    /// If there is a tree's header at `start`, as many bytes as it says must be
    /// mapped there and stay unchanged for `'a`; without a header, 40 bytes.
    pub unsafe fn at(start: *const u8) -> Result<Self, FdtError> {
        // SAFETY: passed on to the caller.
        unsafe { Fdt::from_ptr(start) }.map(Self)
    }

    /// Puts everything that is common to all machines into `info`; `physical`
    /// is where the tree itself lies.
    pub fn describe(&self, physical: u64, info: &mut MachineInfo) {
        info.reserve(pages(physical, self.0.total_size() as u64), "device tree");
        for node in self.of_type("/", "memory") {
            let numa = numa_node(node);
            info.nodes = info.nodes.max(numa as usize + 1);
            regions(node).for_each(|range| info.add_memory(range, numa));
        }
        for cpu in self.of_type("/cpus", "cpu") {
            let usable = matches!(text(cpu, "status"), None | Some("okay" | "ok"));
            if let (true, Some(id)) = (usable, cpu.property("reg").and_then(|reg| reg.as_usize())) {
                info.add_cpu(id as u64, numa_node(cpu));
            }
        }
        for entry in self.0.memory_reservations() {
            let range = pages(entry.address() as u64, entry.size() as u64);
            info.reserve(range, "firmware");
        }
        for node in self.children("/reserved-memory") {
            regions(node).for_each(|range| info.reserve(outward(range), "firmware"));
        }
        self.distances(info);
        self.chosen(info);
    }

    fn of_type(&self, path: &str, kind: &str) -> impl Iterator<Item = FdtNode<'_, 'a>> {
        self.children(path)
            .filter(move |node| text(*node, "device_type") == Some(kind))
    }

    fn distances(&self, info: &mut MachineInfo) {
        let map = self.0.find_compatible(&["numa-distance-map-v1"]);
        let Some(matrix) = map.and_then(|map| map.property("distance-matrix")) else {
            return;
        };
        for triple in matrix.value.as_chunks::<12>().0 {
            let [from, to, cost] = [0, 4, 8].map(|at| cell(triple, at) as usize);
            if from < MAX_NODES && to < MAX_NODES {
                // The matrix may name only one direction; a later entry for the other wins.
                info.distances[from][to] = cost.min(255) as u8;
                info.distances[to][from] = cost.min(255) as u8;
            }
        }
    }

    fn chosen(&self, info: &mut MachineInfo) {
        let Some(chosen) = self.0.find_node("/chosen") else {
            return;
        };
        if let Some(arguments) = chosen.property("bootargs") {
            let text = arguments.value;
            info.set_command_line(text.strip_suffix(b"\0").unwrap_or(text));
        }
        let address = |name| chosen.property(name)?.as_usize().map(|value| value as u64);
        let initrd = address("linux,initrd-start").zip(address("linux,initrd-end"));
        if let Some((start, end)) = initrd.filter(|(start, end)| start < end) {
            info.initrd = Some(start..end);
            info.reserve(outward(start..end), "initrd");
        }
    }

    /// The children of the node with this path; none if there is no such node.
    pub fn children(&self, path: &str) -> impl Iterator<Item = FdtNode<'_, 'a>> {
        let node = self.0.find_node(path).into_iter();
        node.flat_map(|node| node.children())
    }

    /// The first node that is compatible with one of `names`.
    pub fn device(&self, names: &[&str]) -> Option<FdtNode<'_, 'a>> {
        self.0.find_compatible(names)
    }

    /// A number that a node has as a property.
    pub fn number(&self, path: &str, property: &str) -> Option<u64> {
        Some(self.0.find_node(path)?.property(property)?.as_usize()? as u64)
    }
}

/// The address ranges of a device or memory node (`reg`), without empty ones.
pub fn regions<'a>(node: FdtNode<'_, 'a>) -> impl Iterator<Item = PhysRange> + 'a {
    let found = node.reg().into_iter().flatten();
    let ranges = found.map(|region| {
        let start = region.starting_address as u64;
        start..start + region.size.unwrap_or(0) as u64
    });
    ranges.filter(|range| !range.is_empty())
}

/// A property that is text.
pub fn text<'a>(node: FdtNode<'_, 'a>, property: &str) -> Option<&'a str> {
    node.property(property)?.as_str()
}

/// The 32-bit cell at byte `at` of a property's value; 0 behind its end.
pub fn cell(value: &[u8], at: usize) -> u32 {
    let bytes = value.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn numa_node(node: FdtNode<'_, '_>) -> u32 {
    let id = node.property("numa-node-id");
    let id = id.map_or(0, |id| cell(id.value, 0));
    // A node beyond the capacity is treated as the last one: slower, never wrong.
    id.min(MAX_NODES as u32 - 1)
}

fn pages(start: u64, size: u64) -> PhysRange {
    outward(start..start + size)
}

/// The range of whole pages around `range`.
fn outward(range: PhysRange) -> PhysRange {
    let page = crate::arch::layout::PAGE_SIZE;
    range.start / page * page..range.end.next_multiple_of(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A builder of small trees, so that the tests show what they read.
    #[derive(Default)]
    struct Builder {
        structure: Vec<u8>,
        strings: Vec<u8>,
        reservations: Vec<u8>,
    }

    impl Builder {
        fn pad(&mut self) {
            self.structure
                .resize(self.structure.len().next_multiple_of(4), 0);
        }

        fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
            self.structure.extend(1u32.to_be_bytes());
            self.structure.extend(name.bytes().chain([0]));
            self.pad();
            inside(self);
            self.structure.extend(2u32.to_be_bytes());
        }

        fn bytes(&mut self, name: &str, value: &[u8]) {
            self.structure.extend(3u32.to_be_bytes());
            self.structure.extend((value.len() as u32).to_be_bytes());
            self.structure
                .extend((self.strings.len() as u32).to_be_bytes());
            self.strings.extend(name.bytes().chain([0]));
            self.structure.extend(value);
            self.pad();
        }

        fn cells(&mut self, name: &str, cells: &[u32]) {
            self.bytes(
                name,
                &cells
                    .iter()
                    .flat_map(|c| c.to_be_bytes())
                    .collect::<Vec<_>>(),
            );
        }

        fn finish(mut self) -> Vec<u8> {
            self.structure.extend(9u32.to_be_bytes());
            self.reservations.extend([0; 16]);
            let reservations = 40;
            let structure = reservations + self.reservations.len() as u32;
            let strings = structure + self.structure.len() as u32;
            let total = strings + self.strings.len() as u32;
            let (strings_size, structure_size) = (total - strings, strings - structure);
            let words = [
                0xd00d_feed,
                total,
                structure,
                strings,
                reservations,
                17,
                16,
                0,
                strings_size,
                structure_size,
            ];
            let mut tree: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            tree.extend(self.reservations);
            tree.extend(self.structure);
            tree.extend(self.strings);
            tree
        }
    }

    fn sample() -> Vec<u8> {
        let mut tree = Builder::default();
        tree.reservations.extend(0x8000_0000u64.to_be_bytes());
        tree.reservations.extend(0x1234u64.to_be_bytes());
        tree.node("", |tree| {
            tree.cells("#address-cells", &[2]);
            tree.cells("#size-cells", &[2]);
            for node in 0..2 {
                tree.node(&format!("memory@{node}"), |tree| {
                    tree.bytes("device_type", b"memory\0");
                    tree.cells("reg", &[node, 0x8000_0000, 0, 0x4000_0000]);
                    tree.cells("numa-node-id", &[node]);
                });
            }
            tree.node("cpus", |tree| {
                tree.cells("#address-cells", &[1]);
                tree.cells("#size-cells", &[0]);
                for (id, status) in [(0, "okay\0"), (3, "disabled\0"), (7, "okay\0")] {
                    tree.node(&format!("cpu@{id}"), |tree| {
                        tree.bytes("device_type", b"cpu\0");
                        tree.cells("reg", &[id]);
                        tree.bytes("status", status.as_bytes());
                        tree.cells("numa-node-id", &[u32::from(id > 3)]);
                    });
                }
            });
            tree.node("distance-map", |tree| {
                tree.bytes("compatible", b"numa-distance-map-v1\0");
                tree.cells("distance-matrix", &[0, 0, 10, 0, 1, 30, 1, 1, 10]);
            });
            tree.node("reserved-memory", |tree| {
                tree.cells("#address-cells", &[2]);
                tree.cells("#size-cells", &[2]);
                tree.node("mmode", |tree| {
                    tree.cells("reg", &[0, 0x8010_0000, 0, 0x4_0000])
                });
            });
            tree.node("chosen", |tree| {
                tree.bytes("bootargs", b"once -- exit 7\0");
                tree.cells("linux,initrd-start", &[0x8800_0100]);
                tree.cells("linux,initrd-end", &[0, 0x8800_2001]);
            });
            tree.node("soc", |tree| {
                tree.cells("#address-cells", &[2]);
                tree.cells("#size-cells", &[2]);
                tree.node("uart@1", |tree| {
                    tree.bytes("compatible", b"other\0ns16550a\0");
                    tree.cells("reg", &[0, 0x1000_0000, 0, 0x100]);
                });
            });
        });
        tree.finish()
    }

    #[test]
    fn takes_everything_from_the_tree() {
        let bytes = sample();
        let mut info = MachineInfo::new();
        DeviceTree::new(&bytes)
            .unwrap()
            .describe(0xbfe0_0010, &mut info);
        let memory: Vec<_> = info
            .memory
            .as_slice()
            .iter()
            .map(|m| (m.range.clone(), m.node))
            .collect();
        assert_eq!(
            memory,
            [
                (0x8000_0000..0xc000_0000, 0),
                (0x1_8000_0000..0x1_c000_0000, 1)
            ]
        );
        let cpus: Vec<_> = info
            .cpus
            .as_slice()
            .iter()
            .map(|c| (c.hardware_id, c.node))
            .collect();
        assert_eq!(cpus, [(0, 0), (7, 1)]);
        assert_eq!(
            (info.nodes, info.distances[0][1], info.distances[1][0]),
            (2, 30, 30)
        );
        let reserved: Vec<_> = info
            .reserved
            .as_slice()
            .iter()
            .map(|r| (r.range.clone(), r.name))
            .collect();
        assert_eq!(
            reserved,
            [
                (0x8000_0000..0x8000_2000, "firmware"),
                (0x8010_0000..0x8014_0000, "firmware"),
                (0x8800_0000..0x8800_3000, "initrd"),
                (0xbfe0_0000..0xbfe0_1000, "device tree"),
            ]
        );
        assert_eq!(info.command_line(), "once -- exit 7");
        assert_eq!(info.initrd, Some(0x8800_0100..0x8800_2001));
    }

    #[test]
    fn finds_devices_by_any_of_their_names() {
        let bytes = sample();
        let tree = DeviceTree::new(&bytes).unwrap();
        let uart = tree.device(&["ns16550a"]).unwrap();
        assert_eq!(regions(uart).next(), Some(0x1000_0000..0x1000_0100));
        assert_eq!(regions(uart).count(), 1);
        assert!(tree.device(&["ns16550"]).is_none());
        assert_eq!(
            tree.number("/chosen", "linux,initrd-start"),
            Some(0x8800_0100)
        );
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        assert_eq!(DeviceTree::new(&[0; 64]).err(), Some(FdtError::BadMagic));
        assert_eq!(
            DeviceTree::new(&sample()[..100]).err(),
            Some(FdtError::BufferTooSmall)
        );
    }
}
