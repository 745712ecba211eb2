//! Messages apart from their threads, and those of an endpoint that wait without their sender.
//!
//! Capabilities of a buffered message live in a space of the endpoint's own, as children of what the
//! sender named, so revocation reaches them; delivery moves them on.

use alloc::collections::VecDeque;

use crate::cap::Token;
use crate::process::thread::Thread;
use veridian_abi::{CAPS_MAX, Error, INLINE_WORDS, MESSAGE_WORDS, MessageInfo};

/// Messages of a buffer at most.
pub const CAPACITY_MAX: u64 = 256;
/// What of a descriptor the receiver sees: length, capabilities, label.
const DELIVERED: u64 = 0x7fff_ffff_0000_071f;

/// One message.
#[derive(Clone, Copy)]
pub struct Message {
    /// Descriptor, as the receiver sees it.
    pub info: MessageInfo,
    /// Badge of the capability it was sent through.
    pub badge: u64,
    /// Words.
    pub words: [u64; MESSAGE_WORDS],
    /// Capabilities in the endpoint's space.
    pub caps: [Token; CAPS_MAX],
}

impl Message {
    /// The message that `sender` has ready, without its capabilities.
    pub fn of(sender: &Thread) -> Message {
        let mut message = Message {
            info: MessageInfo(sender.ipc.info & DELIVERED),
            badge: sender.ipc.badge,
            words: [0; MESSAGE_WORDS],
            caps: [Token(0); CAPS_MAX],
        };
        message.words[..INLINE_WORDS].copy_from_slice(&sender.ipc.words);
        for i in INLINE_WORDS..message.info.length().max(INLINE_WORDS) {
            message.words[i] = buffered_word(sender, i);
        }
        message
    }

    /// Puts what does not travel in registers into the receiver's buffer. Result: what does.
    pub fn put(&self, receiver: &Thread) -> [u64; 6] {
        let [w0, w1, w2, w3, ..] = self.words;
        put_words(receiver, self.info, |i| self.words[i]);
        [self.info.0, self.badge, w0, w1, w2, w3]
    }
}

/// Puts the message that `sender` has ready into the receiver's buffer, as `Message::put` does.
#[inline]
pub fn pass(sender: &Thread, receiver: &Thread) -> [u64; 6] {
    let info = MessageInfo(sender.ipc.info & DELIVERED);
    let [w0, w1, w2, w3] = sender.ipc.words;
    put_words(receiver, info, |i| buffered_word(sender, i));
    [info.0, sender.ipc.badge, w0, w1, w2, w3]
}

/// A word of a message that does not travel in a register.
fn buffered_word(sender: &Thread, i: usize) -> u64 {
    // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
    unsafe { (&raw const (*sender.buffer).words[i]).read_volatile() }
}

/// Puts the words of a message that do not travel in registers into the receiver's buffer.
fn put_words(receiver: &Thread, info: MessageInfo, word: impl Fn(usize) -> u64) {
    for i in INLINE_WORDS..info.length().max(INLINE_WORDS) {
        // SAFETY: as in `buffered_word`.
        unsafe { (&raw mut (*receiver.buffer).words[i]).write_volatile(word(i)) };
    }
}

crate::described! {
    /// First in, first out.
    #[derive(Default)]
    pub struct Buffer {
        messages: VecDeque<Message>,
        capacity: usize,
        count: usize,
    }
}

impl Buffer {
    /// A buffer of `capacity` messages; 0 makes one that takes nothing.
    ///
    /// # Errors
    /// `InvalidArgument` beyond the most, `OutOfMemory`.
    pub fn create(capacity: u64) -> Result<Buffer, Error> {
        if capacity > CAPACITY_MAX {
            return Err(Error::InvalidArgument);
        }
        let mut buffer = Buffer {
            capacity: capacity as usize,
            ..Buffer::default()
        };
        let reserved = buffer.messages.try_reserve_exact(buffer.capacity);
        reserved.map_err(|_| Error::OutOfMemory)?;
        Ok(buffer)
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.count == self.capacity
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Puts a message in; there is room.
    pub fn push(&mut self, message: Message) {
        self.messages.push_back(message);
        self.count = self.messages.len();
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<Message> {
        let oldest = self.messages.pop_front();
        self.count = self.messages.len();
        oldest
    }
}
