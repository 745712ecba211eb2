//! Kernel tests of the table as it is in the image.

use super::{Field, FieldKind, Name, Record, Text};
use crate::{kernel_test, ktest_assert, ktest_assert_eq};

unsafe extern "C" {
    static inspect_start: Record;
    static inspect_end: Record;
    static __kernel_start: u8;
    static __kernel_end: u8;
}

fn records() -> &'static [Record] {
    let (start, end) = (&raw const inspect_start, &raw const inspect_end);
    // SAFETY: the linker script puts the section, which holds nothing but records, between these.
    unsafe { core::slice::from_raw_parts(start, end.offset_from(start) as usize) }
}

fn text(text: Text) -> &'static str {
    // SAFETY: texts are made from string constants.
    unsafe {
        let bytes = core::slice::from_raw_parts(text.address, text.length as usize);
        core::str::from_utf8_unchecked(bytes)
    }
}

fn fields(record: &Record) -> &'static [Field] {
    // SAFETY: records are made from constant slices.
    unsafe { core::slice::from_raw_parts(record.fields, record.field_count as usize) }
}

fn names(field: &Field) -> &'static [Name] {
    // SAFETY: as in `fields`.
    unsafe { core::slice::from_raw_parts(field.names, field.name_count as usize) }
}

fn type_named(name: &str) -> Option<&'static Record> {
    records()
        .iter()
        .find(|record| record.what == 1 && text(record.name) == name)
}

/// Follows a path such as `link.next` from a type.
fn has_path(owner: &Record, path: &str) -> bool {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(field) = fields(owner).iter().find(|field| text(field.name) == first) else {
        return false;
    };
    rest.is_empty() || type_named(text(field.type_name)).is_some_and(|inner| has_path(inner, rest))
}

fn root(name: &str) -> Option<&'static Record> {
    records()
        .iter()
        .find(|record| record.what == 2 && text(record.name) == name)
}

kernel_test! {
    fn every_record_is_well_formed() {
        ktest_assert!(records().len() > 30, "{} records", records().len());
        for record in records() {
            ktest_assert_eq!((record.magic, record.version), (0x534e_4956, 1));
            ktest_assert!(matches!(record.what, 1 | 2));
            for field in fields(record) {
                let end = field.offset + field.size;
                let within = record.what == 2 || end <= record.size;
                ktest_assert!(within, "{}.{}", text(record.name), text(field.name));
                ktest_assert!(field.first_bit + field.bits <= 64);
            }
        }
    }

    fn no_type_is_described_twice() {
        for (i, record) in records().iter().enumerate() {
            let same = |other: &&Record| other.what == record.what && text(other.name) == text(record.name);
            ktest_assert!(!records()[i + 1..].iter().any(|other| same(&other)), "{}", text(record.name));
        }
    }

    fn every_type_that_is_named_is_there() {
        for record in records() {
            for field in fields(record).iter().filter(|field| field.kind != FieldKind::Flags) {
                let name = text(field.type_name);
                let known = !name.contains("::") || type_named(name).is_some();
                ktest_assert!(known, "{}.{}: {name}", text(record.name), text(field.name));
            }
        }
    }

    fn every_role_names_a_field() {
        for record in records() {
            for field in fields(record).iter().filter(|field| (11..=14).contains(&(field.kind as u8))) {
                for name in names(field) {
                    let owner = match name.value {
                        1..=4 => type_named(text(field.type_name)),
                        9 => type_named(text(name.type_name)),
                        _ => Some(record),
                    };
                    let found = owner.is_some_and(|owner| has_path(owner, text(name.name)));
                    ktest_assert!(found, "{}.{}: {}", text(record.name), text(field.name), text(name.name));
                }
            }
        }
    }

    fn every_kind_of_object_leads_to_its_structure() {
        let object = type_named("veridian_kernel::cap::object::Object");
        let kinds = object.into_iter().flat_map(fields).filter(|field| text(field.name) == "kind");
        let mut seen = 0;
        for name in kinds.flat_map(names).filter(|name| name.type_name.length != 0) {
            let owner = type_named(text(name.type_name));
            ktest_assert!(owner.is_some_and(|owner| has_path(owner, "object")), "{}", text(name.type_name));
            seen += 1;
        }
        ktest_assert!(seen >= 10, "{seen} kinds of object");
    }

    fn roots_lie_in_the_image() {
        let (start, end) = (&raw const __kernel_start as usize, &raw const __kernel_end as usize);
        for record in records().iter().filter(|record| record.what == 2) {
            let address = record.address as usize;
            let inside = start <= address && address + record.size as usize <= end;
            ktest_assert!(inside, "{} at {address:#x}", text(record.name));
        }
        for name in ["cpus", "processes", "schedulers", "memory nodes", "slab caches", "reserved memory"] {
            ktest_assert!(root(name).is_some(), "no root '{name}'");
        }
    }

    fn the_cpu_root_is_the_array_of_records() {
        let Some(cpus) = root("cpus") else { return Ok(()) };
        let field = &fields(cpus)[0];
        ktest_assert_eq!(cpus.address as usize, &raw const crate::percpu::CPUS as usize);
        ktest_assert_eq!(field.count as usize, crate::percpu::MAX_CPUS);
        ktest_assert_eq!((field.size / field.count) as usize, size_of::<crate::percpu::PerCpu>());
    }
}
