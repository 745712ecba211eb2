//! How a type of the language says what a field of it holds.
//!
//! `Reach<T>::SHAPE` is the shape that `T` is described with; of a type that describes nothing it
//! is opaque bytes. (An inherent constant that needs `T: Described` goes before the one of a
//! trait that every type has, if both are in scope.)

use core::cell::{Cell, UnsafeCell};
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::*;

use super::{FieldKind, Name};
use crate::lock::SpinLock;

/// What a field holds, as far as its type says.
#[derive(Clone, Copy)]
pub struct Shape {
    pub(super) kind: FieldKind,
    /// Path of the type.
    pub type_name: &'static str,
    pub(super) names: &'static [Name],
    /// Where it begins within the type, which may wrap it.
    pub(super) offset: usize,
    pub(super) size: usize,
    pub(super) count: usize,
    pub(super) pointers: bool,
}

/// A type whose values the IDE can decode.
pub trait Described {
    /// What a field of this type holds.
    const SHAPE: Shape;
}

/// An enumeration, or a set of flags, whose values have names.
pub trait Named {
    /// Values, or bits, and their names.
    const NAMES: &'static [Name];
}

impl Shape {
    /// What a type called `type_name` of `size` bytes holds.
    pub const fn new(kind: FieldKind, type_name: &'static str, size: usize) -> Shape {
        Shape {
            kind,
            type_name,
            names: &[],
            offset: 0,
            size,
            count: 1,
            pointers: false,
        }
    }

    /// The same, whose values or bits have names.
    pub const fn named(self, names: &'static [Name]) -> Shape {
        Shape { names, ..self }
    }

    const fn pointer_to(target: Shape) -> Shape {
        Shape {
            pointers: matches!(target.kind, FieldKind::Pointer),
            ..Shape::new(FieldKind::Pointer, target.type_name, size_of::<usize>())
        }
    }

    /// The same, `offset` bytes into a type that wraps it.
    pub const fn within(self, offset: usize) -> Shape {
        Shape {
            offset: self.offset + offset,
            ..self
        }
    }
}

/// See the module's documentation.
pub struct Reach<T: ?Sized>(PhantomData<T>);

/// The shape of what no type describes.
pub trait Undescribed {
    /// Opaque bytes.
    const SHAPE: Shape;
}

impl<T> Undescribed for Reach<T> {
    const SHAPE: Shape = Shape::new(FieldKind::Opaque, "", size_of::<T>());
}

impl<T: Described> Reach<T> {
    /// What `T` says of itself.
    pub const SHAPE: Shape = T::SHAPE;
}

macro_rules! plain {
    ($kind:ident: $($name:literal $($type:ty)*;)*) => {
        $($(impl Described for $type {
            const SHAPE: Shape = Shape::new(FieldKind::$kind, $name, size_of::<$type>());
        })*)*
    };
}
plain!(Unsigned: "u8" u8 AtomicU8; "u16" u16 AtomicU16; "u32" u32 AtomicU32;
    "u64" u64 AtomicU64 usize AtomicUsize; "u128" u128;);
plain!(Signed: "i8" i8 AtomicI8; "i16" i16 AtomicI16; "i32" i32 AtomicI32;
    "i64" i64 AtomicI64 isize AtomicIsize;);
plain!(Bool: "bool" bool AtomicBool;);

impl Described for &'static str {
    const SHAPE: Shape = Shape::new(FieldKind::Text, "str", size_of::<&str>());
}

macro_rules! pointers {
    ($($type:ty),*) => {
        $(impl<T: Described> Described for $type {
            const SHAPE: Shape = Shape::pointer_to(T::SHAPE);
        })*
    };
}
pointers!(
    *const T,
    *mut T,
    AtomicPtr<T>,
    NonNull<T>,
    Option<NonNull<T>>,
    &'static T,
    Option<&'static T>,
    alloc::boxed::Box<T>,
    Option<alloc::boxed::Box<T>>
);

macro_rules! wrappers {
    ($($type:ty),*) => {
        $(impl<T: Described> Described for $type {
            const SHAPE: Shape = T::SHAPE;
        })*
    };
}
wrappers!(
    Cell<T>,
    UnsafeCell<T>,
    core::mem::MaybeUninit<T>,
    core::mem::ManuallyDrop<T>
);

impl<T: Described> Described for SpinLock<T> {
    const SHAPE: Shape = T::SHAPE.within(SpinLock::<T>::VALUE_OFFSET);
}

impl<T: Described, const N: usize> Described for [T; N] {
    const SHAPE: Shape = Shape {
        size: size_of::<[T; N]>(),
        count: N * T::SHAPE.count,
        ..T::SHAPE
    };
}
