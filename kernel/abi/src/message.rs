//! Messages: a descriptor word, up to sixteen data words, up to four capabilities.
//!
//! Words 0 to 3 travel in registers; words 4 to 15, capabilities and the
//! deadline stand in the thread's message buffer, one page of the process
//! that the kernel reads and writes through its own mapping. The buffer is the
//! user's: the kernel reads each field once and trusts none.

/// Words of a message that travel in registers.
pub const INLINE_WORDS: usize = 4;
/// Words of a message at most.
pub const MESSAGE_WORDS: usize = 16;
/// Capabilities of a message at most.
pub const CAPS_MAX: usize = 4;
/// Size of the message buffer in bytes.
pub const MESSAGE_BUFFER_SIZE: usize = 4096;
/// The token that never names a capability.
pub const NO_TOKEN: u64 = 0;

/// Describes a message, or how to receive one.
///
/// Bits 0–4 number of words, 8–10 number of capabilities, 16 timed (the
/// buffer holds the deadline), 17 do not wait, 18 accept capabilities,
/// 32–62 the sender's label, carried unchanged; 63 zero.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MessageInfo(pub u64);

impl MessageInfo {
    /// The buffer's `deadline` bounds the wait.
    pub const TIMED: u64 = 1 << 16;
    /// Fail with `WouldBlock` instead of waiting.
    pub const NO_WAIT: u64 = 1 << 17;
    /// The receiver accepts capabilities into new slots of its space.
    pub const ACCEPT: u64 = 1 << 18;
    /// The bits that a plain message may have set: its length and its label.
    pub const FAST_MASK: u64 = 0x7fff_ffff_0000_001f;

    /// The bits that hold the number of words.
    pub const LENGTH: u64 = 0x1f;

    /// A message of `words` words (at most [`MESSAGE_WORDS`]) and no capabilities.
    pub const fn words(words: usize) -> Self {
        Self(words as u64)
    }
    /// The same with a label of 31 bits.
    pub const fn labelled(self, label: u32) -> Self {
        Self(self.0 | (label as u64 & 0x7fff_ffff) << 32)
    }
    /// The same with `caps` capabilities, named in the buffer.
    pub const fn with_caps(self, caps: usize) -> Self {
        Self(self.0 | (caps as u64) << 8)
    }
    /// The same with the given flag bits.
    pub const fn with(self, flags: u64) -> Self {
        Self(self.0 | flags)
    }
    /// Number of data words.
    pub const fn length(self) -> usize {
        (self.0 & Self::LENGTH) as usize
    }
    /// Number of capabilities.
    pub const fn caps(self) -> usize {
        (self.0 >> 8 & 7) as usize
    }
    /// The label.
    pub const fn label(self) -> u32 {
        (self.0 >> 32) as u32 & 0x7fff_ffff
    }
    /// Whether all of `flags` are set.
    pub const fn has(self, flags: u64) -> bool {
        self.0 & flags == flags
    }
}

/// The page a thread shares with the kernel for what does not fit registers.
#[repr(C, align(4096))]
pub struct MessageBuffer {
    /// Words of the message; 0 to 3 are not read, they travel in registers.
    pub words: [u64; MESSAGE_WORDS],
    /// Tokens of the capabilities sent, or of those received.
    pub caps: [u64; CAPS_MAX],
    /// Rights that each sent capability is reduced to.
    pub cap_rights: [u64; CAPS_MAX],
    /// Absolute deadline in nanoseconds of the kernel's clock.
    pub deadline: u64,
    /// Room for batches of asynchronous messages.
    pub batch: [u64; 448],
}

const _: () = assert!(size_of::<MessageBuffer>() == MESSAGE_BUFFER_SIZE);
