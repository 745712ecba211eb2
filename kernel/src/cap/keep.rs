//! The space in which an object keeps capabilities of its own: a process's, the messages of an endpoint,
//! the names of a namespace.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::object::Object;
use super::space::Space;
use crate::inspect::{Described, Shape};
use veridian_abi::Error;

/// A space that is part of an object, made after it and gone with it; null before and between.
#[derive(Default)]
#[repr(transparent)]
pub struct Keep(AtomicPtr<Space>);

impl Described for Keep {
    const SHAPE: Shape = <AtomicPtr<Space>>::SHAPE;
}

impl Keep {
    /// Makes the space of `holder`, whose part this is; `Space::create` says how.
    pub fn fill(&self, holder: &Object, anchored: bool, limit: u32) -> Result<(), Error> {
        let space = Space::create(holder, anchored, limit)?;
        self.0.store(Box::into_raw(space), Ordering::Release);
        Ok(())
    }

    /// Where the space is, or null.
    pub fn as_ptr(&self) -> *mut Space {
        self.0.load(Ordering::Acquire)
    }

    /// The space.
    pub fn get(&self) -> Option<&Space> {
        // SAFETY: the space goes with its object, which this reference is to a part of.
        unsafe { self.as_ptr().as_ref() }
    }

    /// Closes the space, if there is one.
    pub fn close(&self) {
        if let Some(space) = self.get() {
            space.close();
        }
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        self.close();
        let space = self.as_ptr();
        if !space.is_null() {
            // SAFETY: it came from a box; nobody uses the object any more, nor looks up in its space.
            drop(unsafe { Box::from_raw(space) });
        }
    }
}
