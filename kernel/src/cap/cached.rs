//! Objects that come from a cache of their own type and end with their `Drop`: most of them.

use core::ptr::{NonNull, null};

use super::object::{Object, ObjectOps, Typed, Use};
use super::space::Space;
use super::sync::Progress;
use crate::mm::heap::Cache;
use veridian_abi::Error;

/// A type of object with a cache of its own.
pub trait Cached: Typed + Sized + 'static {
    /// Where its memory comes from.
    const CACHE: &'static Cache<Self>;

    /// See `ObjectOps::sweep`.
    fn sweep(&self) -> Progress {
        Progress::Done
    }

    /// See `ObjectOps::holds`.
    fn holds(&self) -> *const Space {
        null()
    }
}

/// Makes a structure whose first field `object` is the header a type of object with a cache of its
/// own: its kind, the name of the cache, and the methods of [`Cached`] that it has itself.
#[macro_export]
macro_rules! object_type {
    ($type:ident: $kind:expr, $name:literal; $($methods:tt)*) => {
        const _: () = assert!(core::mem::offset_of!($type, object) == 0);
        // SAFETY: `repr(C)`, and the header comes first, as was just checked.
        unsafe impl $crate::cap::Typed for $type {
            const KIND: $crate::cap::Kind = $kind;
        }
        impl $crate::cap::Cached for $type {
            const CACHE: &'static $crate::mm::heap::Cache<Self> = {
                static CACHE: $crate::mm::heap::Cache<$type> = $crate::mm::heap::Cache::new($name);
                &CACHE
            };
            $($methods)*
        }
    };
}

impl ObjectOps {
    /// The operations of every `T`.
    pub const fn of<T: Cached>() -> &'static ObjectOps {
        const {
            &ObjectOps {
                sweep: |object| this::<T>(object).sweep(),
                destroy: destroy::<T>,
                holds: |object| this::<T>(object).holds(),
            }
        }
    }
}

/// A header for a new `T`.
pub fn header<T: Cached>() -> Object {
    Object::new(T::KIND, ObjectOps::of::<T>())
}

/// Puts a new object, whose header is `header::<T>()`, into the cache of its type.
///
/// # Errors
/// There is no memory for it.
pub fn create<T: Cached>(object: T) -> Result<Use<T>, Error> {
    let created = T::CACHE.allocate_with(object);
    // SAFETY: a new object's one use is its creator's.
    let used = created.map(|object| unsafe { Use::from_raw(object) });
    used.map_err(|_| Error::OutOfMemory)
}

fn this<T: Cached>(object: &Object) -> &T {
    // SAFETY: the operations of `T` are installed in headers of `T` alone, which come first.
    unsafe { &*(&raw const *object).cast() }
}

unsafe fn destroy<T: Cached>(object: NonNull<Object>) {
    // SAFETY: as in `this`; nobody uses the object any more, and `create` took it from the cache.
    unsafe { T::CACHE.free(object.cast()) };
}
