//! Memory as objects: what capabilities to memory and to address spaces point at.
//!
//! The memory manager counts references to its own structures and knows nothing of capabilities;
//! these headers tie the two together.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::cap::{Kind, Object, ObjectOps, Progress, Typed, Use};
use crate::mm::heap::Cache;
use crate::mm::object::MemoryObject;
use crate::mm::vas::AddressSpace;
use veridian_abi::Error;

crate::described! {
    /// A memory object behind capabilities.
    #[repr(C)]
    pub struct Memory {
        object: Object,
        memory: NonNull<MemoryObject>,
    }
}

crate::described! {
    /// An address space behind capabilities.
    #[repr(C)]
    pub struct SpaceObject {
        object: Object,
        /// Replaced by exec, so that capabilities go on to mean the process's memory.
        space: AtomicPtr<AddressSpace>,
    }
}

/// A reference to an address space that is nobody else's business yet, or any more.
pub struct OwnedSpace(NonNull<AddressSpace>);

impl OwnedSpace {
    /// A new, empty address space.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<OwnedSpace, Error> {
        AddressSpace::create()
            .map(OwnedSpace)
            .map_err(|_| Error::OutOfMemory)
    }
}

impl core::ops::Deref for OwnedSpace {
    type Target = AddressSpace;
    fn deref(&self) -> &AddressSpace {
        // SAFETY: this value holds a reference.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for OwnedSpace {
    fn drop(&mut self) {
        // SAFETY: this value holds a reference, which it gives up.
        unsafe { AddressSpace::release(self.0) };
    }
}

// SAFETY: the memory manager's structures lock themselves.
unsafe impl Sync for Memory {}
// SAFETY: as above.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for SpaceObject {}
// SAFETY: as above.
unsafe impl Send for SpaceObject {}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for Memory {
    const KIND: Kind = Kind::Memory;
}
// SAFETY: `repr(C)` with the header first.
unsafe impl Typed for SpaceObject {
    const KIND: Kind = Kind::AddressSpace;
}

static MEMORIES: Cache<Memory> = Cache::new("memory capability");
static SPACES: Cache<SpaceObject> = Cache::new("address space capability");
static MEMORY_OPERATIONS: ObjectOps = ObjectOps {
    sweep: sweep_memory,
    destroy: destroy_memory,
    holds: |_| core::ptr::null(),
};
static SPACE_OPERATIONS: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    destroy: destroy_space,
    holds: |_| core::ptr::null(),
};

impl Memory {
    /// Wraps a memory object, whose one reference it takes over.
    ///
    /// # Errors
    /// There is no memory for the header; the reference is released.
    pub fn wrap(memory: NonNull<MemoryObject>) -> Result<Use<Memory>, Error> {
        let value = Memory {
            object: Object::new(Kind::Memory, &MEMORY_OPERATIONS),
            memory,
        };
        match MEMORIES.allocate_with(value) {
            // SAFETY: a new object's one use is its creator's.
            Ok(wrapped) => Ok(unsafe { Use::from_raw(wrapped) }),
            Err(_) => {
                // SAFETY: the reference was handed over.
                unsafe { MemoryObject::release(memory) };
                Err(Error::OutOfMemory)
            }
        }
    }

    /// The memory object.
    pub fn memory(&self) -> &MemoryObject {
        // SAFETY: this header holds a reference.
        unsafe { self.memory.as_ref() }
    }

    /// The memory object as mappings name it.
    pub fn pointer(&self) -> NonNull<MemoryObject> {
        self.memory
    }
}

impl SpaceObject {
    /// A new, empty address space.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<Use<SpaceObject>, Error> {
        let space = OwnedSpace::create()?;
        let value = SpaceObject {
            object: Object::new(Kind::AddressSpace, &SPACE_OPERATIONS),
            space: AtomicPtr::new(space.0.as_ptr()),
        };
        let wrapped = SPACES
            .allocate_with(value)
            .map_err(|_| Error::OutOfMemory)?;
        core::mem::forget(space);
        // SAFETY: a new object's one use is its creator's.
        Ok(unsafe { Use::from_raw(wrapped) })
    }

    /// Puts another address space in place of the one it has. Result: that one. Others may still use
    /// it until a grace period has passed.
    pub fn replace(&self, new: OwnedSpace) -> OwnedSpace {
        let old = self.space.swap(new.0.as_ptr(), Ordering::AcqRel);
        core::mem::forget(new);
        // SAFETY: never null; the reference that this header held goes to the result.
        OwnedSpace(unsafe { NonNull::new_unchecked(old) })
    }

    /// The kernel object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The address space.
    pub fn space(&self) -> &AddressSpace {
        // SAFETY: it lives as long as this header, or until a grace period after it was replaced.
        unsafe { &*self.space.load(Ordering::Acquire) }
    }
}

/// Removes mappings that were made through capabilities which no longer exist.
fn sweep_memory(object: &Object) -> Progress {
    // SAFETY: these operations are installed in `Memory` alone, whose header comes first.
    let memory: &Memory = unsafe { &*(&raw const *object).cast() };
    memory.memory().unmap_dead();
    Progress::Done
}

unsafe fn destroy_memory(object: NonNull<Object>) {
    let wrapped = object.cast::<Memory>();
    // SAFETY: nobody uses the header; mappings hold references of their own.
    unsafe {
        MemoryObject::release(wrapped.as_ref().memory);
        MEMORIES.free(wrapped);
    }
}

unsafe fn destroy_space(object: NonNull<Object>) {
    let wrapped = object.cast::<SpaceObject>();
    // SAFETY: nobody uses the header, so no thread runs in the space.
    unsafe {
        drop(OwnedSpace(NonNull::new_unchecked(
            wrapped.as_ref().space.load(Ordering::Acquire),
        )));
        SPACES.free(wrapped);
    }
}

crate::described! {
    /// An object without state: what counts is who may name it.
    #[repr(C)]
    pub struct Plain {
        object: Object,
    }
}

/// A use of a plain object.
pub struct PlainUse(NonNull<Plain>);

static PLAINS: Cache<Plain> = Cache::new("plain object");
static PLAIN_OPERATIONS: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    destroy: destroy_plain,
    holds: |_| core::ptr::null(),
};

impl Plain {
    /// A new object of `kind` (console, machine, namespace).
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create(kind: Kind) -> Result<PlainUse, Error> {
        let plain = PLAINS.allocate_with(Plain {
            object: Object::new(kind, &PLAIN_OPERATIONS),
        });
        plain.map(PlainUse).map_err(|_| Error::OutOfMemory)
    }
}

impl PlainUse {
    /// The kernel object.
    pub fn header(&self) -> &Object {
        // SAFETY: this value holds a use.
        unsafe { &self.0.as_ref().object }
    }
}

impl Drop for PlainUse {
    fn drop(&mut self) {
        self.header().release();
    }
}

unsafe fn destroy_plain(object: NonNull<Object>) {
    // SAFETY: nobody uses the object.
    unsafe { PLAINS.free(object.cast()) };
}
