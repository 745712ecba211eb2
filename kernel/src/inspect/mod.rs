//! The kernel describes its own data, so that the IDE can decode it from guest memory.
//!
//! `described!` around a structure or enumeration and `root!` beside a static put records into
//! the ELF section `veridian_inspect`; the compiler fills in offsets, sizes and addresses. The
//! kernel itself never reads them.
//!
//! # Binary format, version 1
//!
//! Little endian, natural alignment, addresses are kernel virtual addresses; texts, fields and
//! names lie in the image's read-only data, so the ELF file alone is enough to read the table.
//! The section (from symbol `inspect_start` to `inspect_end`) is an array of **records** of 80
//! bytes, in no particular order:
//!
//! | offset | type | type record | root record |
//! |---|---|---|---|
//! | 0 | u32 | magic `0x534e4956` (bytes `VINS`) | the same |
//! | 4 | u16 | version of the format: 1 | the same |
//! | 6 | u16 | 1 | 2 |
//! | 8 | text | name, a full path such as `veridian_kernel::cap::slot::Slot` | name |
//! | 24 | text | source file | source file |
//! | 40 | u64 | address of its fields | address of its one field |
//! | 48 | u32 | number of fields | 1 |
//! | 52 | u32 | size of the type | size of the data |
//! | 56 | u32 | source line | source line |
//! | 60 | u32 | 0 | 0 |
//! | 64 | u64 | 0 | address of the data |
//! | 72 | u64 | 0 | 0 |
//!
//! A **text** is its address (u64) and its length in bytes (u64), UTF-8; source files are relative
//! to the package (`kernel/`). An enumeration is a type
//! record without fields whose names hang on the fields that hold it.
//!
//! A **field** (64 bytes) says what lies where. Several fields may describe the same bytes: bit
//! ranges of one word, or a plain pointer that is described once more as the list it begins. A
//! root's field is the root's data; its offset counts from the root's address.
//!
//! | offset | type | meaning |
//! |---|---|---|
//! | 0 | text | name |
//! | 16 | text | name of the type: of the structure, of what is pointed at or collected, of the enumeration or flags, else of the integer (`u64`, …) |
//! | 32 | u64 | address of its names |
//! | 40 | u32 | number of names |
//! | 44 | u32 | offset in the type |
//! | 48 | u32 | size in bytes, of all elements together |
//! | 52 | u32 | number of elements: above 1 in an array, whose stride is size / elements |
//! | 56 | u8 | kind, below |
//! | 57 | u8 | 1: elements of what is pointed at or collected are themselves pointers to the type |
//! | 58 | u8 | first bit, and |
//! | 59 | u8 | number of bits, if only a range of the integer is meant (else 0) |
//! | 60 | u32 | 0 |
//!
//! | kind | field | names |
//! |---|---|---|
//! | 0 | opaque bytes | |
//! | 1, 2, 3 | unsigned integer, signed integer, bool | |
//! | 4 | flags | value = mask of the bits |
//! | 5 | enumeration: the integer selects a name | value; type of the payload, if any |
//! | 6 | text: bytes up to the first zero; of the type `str` its address and its length in bytes | |
//! | 7 | structure of the named type | |
//! | 8 | pointer to the named type, or null | |
//! | 9 | physical address of the named type, or 0 | |
//! | 10 | index into the root named in names\[0\] | |
//! | 11 | list: pointer to the first element | roles |
//! | 12 | tree: pointer to the first node | roles |
//! | 13 | table: pointer to an array of elements | roles |
//! | 14 | ring: pointer to an array of elements | roles |
//! | 15 | sequence count of the type it stands in: odd while the type changes. Read it, the type, and it again | |
//!
//! A **name** (40 bytes) is a value (u64), a text and the name of a type (text, often empty). In
//! collections the value is a role and the text a field, as a path of names joined by dots:
//! 1 next element, 2 first child, 3 left, 4 right (the four: in the element); 5 length, 6 head,
//! 7 tail, 8 capacity (in the type that has the collection); 9 the element is the field with this
//! path inside the type named, which is what is really collected; on a structure (kind 7) it says
//! so for the collections inside it. A list ends at null, or where it began: at the address of the
//! field that begins it.
//!
//! An object is found through a capability's slot, as the header `Object` within a structure of
//! the type that the name of its kind carries; the structure's field of that type is `object`.

mod describe;
#[cfg(all(target_os = "none", feature = "ktest"))]
mod ktests;
#[cfg(all(test, not(loom)))]
mod tests;

pub use describe::{Described, Named, Reach, Shape, Undescribed};

/// Characters that somebody else finds through an address.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    address: *const u8,
    length: u64,
}

/// A value with a name; see the module's documentation.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Name {
    value: u64,
    name: Text,
    type_name: Text,
}

/// What a field holds.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum FieldKind {
    Opaque = 0,
    Unsigned = 1,
    Signed = 2,
    Bool = 3,
    Flags = 4,
    Enumeration = 5,
    Text = 6,
    Structure = 7,
    Pointer = 8,
    Physical = 9,
    Index = 10,
    List = 11,
    Tree = 12,
    Table = 13,
    Ring = 14,
    Sequence = 15,
}

/// One field of a type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Field {
    name: Text,
    type_name: Text,
    names: *const Name,
    name_count: u32,
    offset: u32,
    size: u32,
    count: u32,
    kind: FieldKind,
    pointers: u8,
    first_bit: u8,
    bits: u8,
    zero: u32,
}

/// One entry of the table.
#[repr(C)]
pub struct Record {
    magic: u32,
    version: u16,
    what: u16,
    name: Text,
    file: Text,
    fields: *const Field,
    field_count: u32,
    size: u32,
    line: u32,
    zero: u32,
    address: *const (),
    reserved: u64,
}

// SAFETY: all of these are constants; their addresses are never followed by the kernel.
unsafe impl Sync for Record {}
// SAFETY: as above.
unsafe impl Sync for Field {}
// SAFETY: as above.
unsafe impl Sync for Name {}

const _: () =
    assert!(size_of::<Record>() == 80 && size_of::<Field>() == 64 && size_of::<Name>() == 40);

impl Text {
    /// The text `text`.
    pub const fn new(text: &'static str) -> Text {
        Text {
            address: text.as_ptr(),
            length: text.len() as u64,
        }
    }
}

impl Name {
    /// The name of a value.
    pub const fn new(value: u64, name: &'static str) -> Name {
        Name {
            value,
            name: Text::new(name),
            type_name: Text::new(""),
        }
    }

    /// The same name, of a kind of object whose header is the field `object` of a `type_name`.
    pub const fn object(self, type_name: &'static str) -> Name {
        Name {
            type_name: Text::new(type_name),
            ..self
        }
    }

    /// A field by the role it has in a collection.
    pub const fn role(role: u64, path: &'static str) -> Name {
        Name::new(role, path)
    }

    /// The element is the field `path` of a `type_name`.
    pub const fn inside(type_name: &'static str, path: &'static str) -> Name {
        Name::new(9, path).object(type_name)
    }
}

impl Field {
    /// A field of the given shape.
    pub const fn new(name: &'static str, offset: usize, shape: Shape) -> Field {
        Field {
            name: Text::new(name),
            type_name: Text::new(shape.type_name),
            names: shape.names.as_ptr(),
            name_count: shape.names.len() as u32,
            offset: (offset + shape.offset) as u32,
            size: shape.size as u32,
            count: shape.count as u32,
            kind: shape.kind,
            pointers: shape.pointers as u8,
            first_bit: 0,
            bits: 0,
            zero: 0,
        }
    }

    /// Bytes that it takes.
    pub const fn size(&self) -> usize {
        self.size as usize
    }

    const fn with(mut self, kind: FieldKind, names: &'static [Name]) -> Field {
        self.kind = kind;
        self.names = names.as_ptr();
        self.name_count = names.len() as u32;
        self
    }

    /// Only `count` bits of the integer, from bit `first`, under a name of their own.
    pub const fn bits(mut self, name: &'static str, first: u8, count: u8) -> Field {
        self.name = Text::new(name);
        (self.first_bit, self.bits) = (first, count);
        self
    }

    /// The integer is a set of flags.
    pub const fn flags(self, names: &'static [Name]) -> Field {
        self.with(FieldKind::Flags, names)
    }

    /// The integer selects one of these names.
    pub const fn names(self, names: &'static [Name]) -> Field {
        self.with(FieldKind::Enumeration, names)
    }

    /// The bytes are text.
    pub const fn text(self) -> Field {
        self.with(FieldKind::Text, &[])
    }

    /// The integer is the physical address of a `type_name`.
    pub const fn physical(mut self, type_name: &'static str) -> Field {
        self.type_name = Text::new(type_name);
        self.with(FieldKind::Physical, &[])
    }

    /// The integer or pointer stands for a `type_name`: a pointer kept as a number.
    pub const fn pointer(mut self, type_name: &'static str) -> Field {
        self.type_name = Text::new(type_name);
        self.with(FieldKind::Pointer, &[])
    }

    /// The pointer begins a list; `roles` name the link.
    pub const fn list(self, roles: &'static [Name]) -> Field {
        self.with(FieldKind::List, roles)
    }

    /// The pointer leads to the first node of a tree.
    pub const fn tree(self, roles: &'static [Name]) -> Field {
        self.with(FieldKind::Tree, roles)
    }

    /// The pointer leads to an array; `roles` name its length.
    pub const fn table(self, roles: &'static [Name]) -> Field {
        self.with(FieldKind::Table, roles)
    }

    /// The collections inside this structure hold what `names` say with role 9.
    pub const fn holds(self, names: &'static [Name]) -> Field {
        self.with(FieldKind::Structure, names)
    }

    /// The integer is the sequence count of its type.
    pub const fn sequence(self) -> Field {
        self.with(FieldKind::Sequence, &[])
    }
}

impl Record {
    /// Describes a type of `size` bytes, or the data of one field at `root`.
    pub const fn new(
        name: &'static str,
        fields: &'static [Field],
        size: usize,
        root: Option<*const ()>,
        (file, line): (&'static str, u32),
    ) -> Record {
        let (what, address) = match root {
            None => (1, core::ptr::null()),
            Some(address) => (2, address),
        };
        Record {
            magic: u32::from_le_bytes(*b"VINS"),
            version: 1,
            what,
            name: Text::new(name),
            file: Text::new(file),
            fields: fields.as_ptr(),
            field_count: fields.len() as u32,
            size: size as u32,
            line,
            zero: 0,
            address,
            reserved: 0,
        }
    }
}

/// Defines a structure or enumeration and describes it.
///
/// Every field of the structure is described by its type alone. What the type does not say
/// follows after the structure: `field: description` adds a description of the field's bytes,
/// made with the methods of [`Field`]. What stands behind a `;` within the structure is not described.
///
/// ```ignore
/// described! {
///     /// One queue.
///     #[repr(C)]
///     pub struct Queue {
///         first: *mut Thread,
///         state: AtomicU64,
///     }
///     first: list(&[Name::role(1, "link.next")]),
///     state: bits("mode", 0, 2).names(Mode::NAMES),
/// }
/// ```
#[macro_export]
macro_rules! described {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
            $(; $hidden:ident: $hidden_type:ty)?
        }
        $($extra:ident: $($method:ident($($argument:expr),* $(,)?)).+),* $(,)?
    ) => {
        $(#[$meta])* $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)*
            $($hidden: $hidden_type,)?
        }

        const _: () = {
            #[allow(unused_imports)]
            use $crate::inspect::{Described, Field, FieldKind, Name, Named, Reach, Record, Shape, Undescribed};

            const NAME: &str = concat!(module_path!(), "::", stringify!($name));
            impl Described for $name {
                const SHAPE: Shape = Shape::new(FieldKind::Structure, NAME, size_of::<$name>());
            }
            $(#[allow(non_upper_case_globals)]
            const $field: Field = Field::new(
                stringify!($field),
                core::mem::offset_of!($name, $field),
                Reach::<$type>::SHAPE,
            );)*
            static FIELDS: &[Field] = &[$($field,)* $($extra $(.$method($($argument),*))+,)*];
            #[used]
            #[unsafe(link_section = "veridian_inspect")]
            static RECORD: Record =
                Record::new(NAME, FIELDS, size_of::<$name>(), None, (file!(), line!()));
        };
    };
    (
        $(#[$meta:meta])* $vis:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident $(= $value:expr)?),* $(,)?
        }
    ) => {
        $(#[$meta])* $vis enum $name { $($(#[$variant_meta])* $variant $(= $value)?),* }

        const _: () = {
            use $crate::inspect::{Described, FieldKind, Name, Named, Record, Shape};

            const NAME: &str = concat!(module_path!(), "::", stringify!($name));
            impl Named for $name {
                const NAMES: &'static [Name] = &[$(Name::new($name::$variant as u64, stringify!($variant))),*];
            }
            impl Described for $name {
                const SHAPE: Shape =
                    Shape::new(FieldKind::Enumeration, NAME, size_of::<$name>()).named(Self::NAMES);
            }
            #[used]
            #[unsafe(link_section = "veridian_inspect")]
            static RECORD: Record =
                Record::new(NAME, &[], size_of::<$name>(), None, (file!(), line!()));
        };
    };
}

/// Describes a static as a root: `root!("cpus", CPUS: [PerCpu; MAX_CPUS])`, followed by further
/// description as in [`described!`] if the type does not say it: `root!("processes",
/// FIRST: AtomicPtr<Process>, list(&[Name::role(1, "next")]))`.
#[macro_export]
macro_rules! root {
    ($name:literal, $place:ident: $type:ty $(, $($method:ident($($argument:expr),* $(,)?)).+)?) => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::inspect::{Described, Field, Name, Named, Reach, Record, Undescribed};
            static FIELD: &[Field; 1] =
                &[Field::new($name, 0, Reach::<$type>::SHAPE) $($(.$method($($argument),*))+)?];
            #[used]
            #[unsafe(link_section = "veridian_inspect")]
            static RECORD: Record = Record::new(
                $name,
                FIELD,
                FIELD[0].size(),
                Some((&raw const $place).cast()),
                (file!(), line!()),
            );
        };
    };
}
