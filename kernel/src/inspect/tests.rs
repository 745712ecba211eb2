//! Reads the table of the test executable itself, as the IDE reads the kernel's: by the binary
//! format alone.

use std::collections::HashMap;

unsafe extern "C" {
    static __start_veridian_inspect: u8;
    static __stop_veridian_inspect: u8;
}

fn read<const N: usize>(address: u64) -> u64 {
    // SAFETY: the tests follow only addresses that the table gives them.
    let bytes = unsafe { *(address as *const [u8; N]) };
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | byte as u64)
}

fn text(at: u64) -> String {
    let (address, length) = (read::<8>(at), read::<8>(at + 8));
    // SAFETY: as in `read`.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, length as usize) };
    std::str::from_utf8(bytes).unwrap().to_owned()
}

#[derive(Debug)]
struct Field {
    type_name: String,
    names: Vec<(u64, String, String)>,
    offset: u64,
    size: u64,
    count: u64,
    kind: u64,
    pointers: bool,
    bits: (u64, u64),
}

struct Record {
    fields: Vec<(String, Field)>,
    size: u64,
    file: String,
    root: Option<u64>,
}

fn table() -> HashMap<String, Record> {
    let mut at = &raw const __start_veridian_inspect as u64;
    let end = &raw const __stop_veridian_inspect as u64;
    let mut table = HashMap::new();
    while at < end {
        assert_eq!((read::<4>(at), read::<2>(at + 4)), (0x534e4956, 1));
        let fields = (0..read::<4>(at + 48))
            .map(|i| field(read::<8>(at + 40) + 64 * i))
            .collect();
        let root = (read::<2>(at + 6) == 2).then(|| read::<8>(at + 64));
        let record = Record {
            fields,
            size: read::<4>(at + 52),
            file: text(at + 24),
            root,
        };
        assert!(
            table.insert(text(at + 8), record).is_none(),
            "{} twice",
            text(at + 8)
        );
        at += 80;
    }
    table
}

fn field(at: u64) -> (String, Field) {
    let names = (0..read::<4>(at + 40)).map(|i| {
        let name = read::<8>(at + 32) + 40 * i;
        (read::<8>(name), text(name + 8), text(name + 24))
    });
    let field = Field {
        type_name: text(at + 16),
        names: names.collect(),
        offset: read::<4>(at + 44),
        size: read::<4>(at + 48),
        count: read::<4>(at + 52),
        kind: read::<1>(at + 56),
        pointers: read::<1>(at + 57) == 1,
        bits: (read::<1>(at + 58), read::<1>(at + 59)),
    };
    (text(at), field)
}

mod sample {
    use crate::lock::SpinLock;
    use core::sync::atomic::{AtomicPtr, AtomicU32};

    crate::described! {
        #[repr(u8)]
        #[derive(Clone, Copy)]
        pub enum Colour {
            Red = 3,
            Green,
        }
    }

    pub struct Opaque(#[allow(dead_code)] f64);

    crate::described! {
        pub struct Inner {
            pub next: *mut Inner,
            pub state: AtomicU32,
        }
        next: list(&[Name::role(1, "next")]),
        state: bits("colour", 4, 3).names(Colour::NAMES),
        state: bits("changing", 0, 4).sequence(),
    }

    crate::described! {
        pub struct Outer {
            pub colour: Colour,
            pub opaque: Opaque,
            pub table: [AtomicPtr<Inner>; 3],
            pub locked: SpinLock<Inner>,
            pub name: [u8; 16],
        }
        name: text()
    }

    pub static NUMBERS: [u32; 5] = [1, 2, 3, 4, 5];
    crate::root!("sample numbers", NUMBERS: [u32; 5]);
}

const PATH: &str = "veridian_kernel::inspect::tests::sample::";

#[test]
fn fields_follow_the_structure() {
    use sample::*;
    let table = table();
    let inner = &table[&format!("{PATH}Inner")];
    assert!(inner.file.ends_with("src/inspect/tests.rs"));
    assert_eq!(inner.size, size_of::<Inner>() as u64);
    let names: Vec<_> = inner.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["next", "state", "next", "colour", "changing"]);
    assert_eq!(inner.fields[2].1.kind, 11);
    assert_eq!(inner.fields[2].1.type_name, format!("{PATH}Inner"));
    let colour = &inner.fields[3].1;
    assert_eq!((colour.kind, colour.bits), (5, (4, 3)));
    assert_eq!(
        colour.names,
        [
            (3, "Red".to_owned(), String::new()),
            (4, "Green".to_owned(), String::new())
        ]
    );
    assert_eq!(colour.offset, core::mem::offset_of!(Inner, state) as u64);
    assert_eq!(inner.fields[4].1.kind, 15);
}

#[test]
fn shapes_follow_the_types() {
    use sample::*;
    let table = table();
    let outer: HashMap<_, _> = table[&format!("{PATH}Outer")]
        .fields
        .iter()
        .map(|(name, field)| (name.as_str(), field))
        .collect();
    assert_eq!((outer["colour"].kind, outer["colour"].size), (5, 1));
    assert_eq!((outer["opaque"].kind, outer["opaque"].size), (0, 8));
    let pointers = outer["table"];
    assert_eq!((pointers.kind, pointers.count, pointers.size), (8, 3, 24));
    let locked = outer["locked"];
    let value = core::mem::offset_of!(Outer, locked) + crate::lock::SpinLock::<Inner>::VALUE_OFFSET;
    assert_eq!((locked.kind, locked.offset), (7, value as u64));
}

#[test]
fn a_root_leads_to_the_data() {
    let table = table();
    let root = &table["sample numbers"];
    let (address, field) = (root.root.unwrap(), &root.fields[0].1);
    assert_eq!((field.kind, field.count, root.size), (1, 5, 20));
    let stride = field.size / field.count;
    assert_eq!(
        (0..5).map(|i| read::<4>(address + i * stride)).sum::<u64>(),
        15
    );
    assert_eq!(sample::NUMBERS.len(), 5);
}

/// Whatever a field says it is made of is in the table, so that the reader never meets a name
/// that it cannot resolve, and every role names a field that is there.
#[test]
fn every_name_resolves() {
    let table = table();
    for (name, record) in &table {
        for (field_name, field) in &record.fields {
            let primitive = !field.type_name.contains("::");
            let known = table.contains_key(&field.type_name);
            assert!(
                primitive || known,
                "{name}.{field_name}: {}",
                field.type_name
            );
            assert!(field.offset + field.size <= record.size.max(field.size));
            assert!(!field.pointers || matches!(field.kind, 8 | 13));
            if !(11..=14).contains(&field.kind) {
                continue;
            }
            for (role, path, container) in &field.names {
                let owner = match role {
                    1..=4 => &table[&field.type_name],
                    // Threads exist only in the kernel, whose own test looks at them.
                    9 if container.contains("::process::") => continue,
                    9 => &table[container],
                    _ => record,
                };
                let first = path.split('.').next().unwrap();
                assert!(
                    owner.fields.iter().any(|(name, _)| name == first),
                    "{name}.{field_name}: {path}"
                );
            }
        }
    }
    assert!(table.contains_key("veridian_kernel::cap::slot::Slot"));
}
