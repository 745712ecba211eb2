//! Memory as objects: what capabilities to memory and to address spaces point at.
//!
//! The memory manager counts references to its own structures and knows nothing of capabilities;
//! these headers tie the two together.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

use alloc::boxed::Box;

use crate::cap::{self, Kind, Object, ObjectOps, Progress, Use};
use crate::mm::OutOfMemory;
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
    pub fn create() -> Result<OwnedSpace, OutOfMemory> {
        AddressSpace::create().map(OwnedSpace)
    }

    fn into_raw(self) -> *mut AddressSpace {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
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

crate::object_type! {
    Memory: Kind::Memory, "memory capability";

    /// Removes mappings that were made through capabilities which no longer exist.
    fn sweep(&self) -> Progress {
        self.memory().unmap(false);
        Progress::Done
    }
}

crate::object_type!(SpaceObject: Kind::AddressSpace, "address space capability";);

impl Memory {
    /// Wraps a new memory object, whose one reference it takes over.
    ///
    /// # Errors
    /// There is no memory for the object or its header.
    pub fn wrap(memory: Result<NonNull<MemoryObject>, OutOfMemory>) -> Result<Use<Memory>, Error> {
        let object = cap::header::<Memory>();
        let memory = memory?;
        cap::create(Memory { object, memory })
    }

    /// The memory object.
    pub fn memory(&self) -> &MemoryObject {
        // SAFETY: this header holds a reference.
        unsafe { self.memory.as_ref() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: this header holds a reference; mappings hold references of their own.
        unsafe { MemoryObject::release(self.memory) };
    }
}

impl SpaceObject {
    /// A new, empty address space.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn create() -> Result<Use<SpaceObject>, Error> {
        cap::create(SpaceObject {
            object: cap::header::<SpaceObject>(),
            space: AtomicPtr::new(OwnedSpace::create()?.into_raw()),
        })
    }

    /// Puts another address space in place of the one it has. Result: that one. Others may still use
    /// it until a grace period has passed.
    pub fn replace(&self, new: OwnedSpace) -> OwnedSpace {
        let old = self.space.swap(new.into_raw(), Ordering::AcqRel);
        // SAFETY: never null; the reference that this header held goes to the result.
        OwnedSpace(unsafe { NonNull::new_unchecked(old) })
    }

    /// The address space.
    pub fn space(&self) -> &AddressSpace {
        // SAFETY: it lives as long as this header, or until a grace period after it was replaced.
        unsafe { &*self.space.load(Ordering::Acquire) }
    }
}

impl Drop for SpaceObject {
    fn drop(&mut self) {
        // SAFETY: never null; nobody uses the header, so no thread runs in the space.
        let space = unsafe { NonNull::new_unchecked(*self.space.get_mut()) };
        drop(OwnedSpace(space));
    }
}

crate::described! {
    /// An object without state: what counts is who may name it.
    #[repr(C)]
    pub struct Plain {
        object: Object,
    }
}

static PLAIN_OPERATIONS: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    // Its creator's use never ends.
    destroy: |_| unreachable!(),
    holds: |_| core::ptr::null(),
};

impl Plain {
    /// A new object of `kind` (console, machine) that is there for ever.
    pub fn create(kind: Kind) -> &'static Object {
        let object = Object::new(kind, &PLAIN_OPERATIONS);
        &Box::leak(Box::new(Plain { object })).object
    }
}
