//! Buffered messages of an endpoint: whole messages that wait without their sender.
//!
//! Capabilities of a buffered message live in a space of the buffer's own, as children of what the
//! sender named, so revocation reaches them; delivery moves them on.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::cap::{Object, Space, Token};
use veridian_abi::{CAPS_MAX, Error, MESSAGE_WORDS};

/// Messages of a buffer at most.
pub const CAPACITY_MAX: u64 = 256;

/// One message.
#[derive(Clone, Copy)]
pub struct Message {
    /// Descriptor.
    pub info: u64,
    /// Badge of the capability it was sent through.
    pub badge: u64,
    /// Words.
    pub words: [u64; MESSAGE_WORDS],
    /// Capabilities in the buffer's space.
    pub caps: [Token; CAPS_MAX],
}

crate::described! {
    /// First in, first out.
    pub struct Buffer {
        messages: Vec<Message>,
        capacity: usize,
        first: usize,
        count: usize,
        space: Option<Box<Space>>,
    }
}

impl Buffer {
    /// A buffer of `capacity` messages for the endpoint `holder`; 0 makes one that takes nothing.
    ///
    /// # Errors
    /// `InvalidArgument` beyond the most, `OutOfMemory`.
    pub fn create(capacity: u64, holder: *const Object) -> Result<Buffer, Error> {
        if capacity > CAPACITY_MAX {
            return Err(Error::InvalidArgument);
        }
        let capacity = capacity as usize;
        let mut messages = Vec::new();
        messages
            .try_reserve_exact(capacity)
            .map_err(|_| Error::OutOfMemory)?;
        let space = match capacity {
            0 => None,
            _ => Some(Space::create(holder, false, (capacity * CAPS_MAX) as u32)?),
        };
        Ok(Buffer {
            messages,
            capacity,
            first: 0,
            count: 0,
            space,
        })
    }

    /// Where the capabilities of buffered messages live.
    pub fn space(&self) -> Option<&Space> {
        self.space.as_deref()
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.count == self.capacity
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Puts a message in; there is room.
    pub fn push(&mut self, message: Message) {
        let at = (self.first + self.count) % self.capacity;
        if at == self.messages.len() {
            self.messages.push(message);
        } else {
            self.messages[at] = message;
        }
        self.count += 1;
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<Message> {
        if self.count == 0 {
            return None;
        }
        let message = self.messages[self.first];
        self.first = (self.first + 1) % self.capacity;
        self.count -= 1;
        Some(message)
    }
}
