//! Tokens: how user space names a capability.
//!
//! ```text
//! 63      56 55                            24 23                     0
//! ┌─────────┬────────────────────────────────┬───────────────────────┐
//! │  zero   │       generation (32 bits)     │   slot index (24)     │
//! └─────────┴────────────────────────────────┴───────────────────────┘
//! ```
//!
//! The index finds the slot in the process's space, the generation says which of the slot's
//! successive capabilities is meant. Generation 0 is never valid, so the word 0 never names
//! anything; a slot that has used all its generations is retired instead of starting over.
//! This is the only place that knows the layout; `veridian_abi::well_known` follows it.

/// Bits of a token that hold the slot index.
pub const INDEX_BITS: u32 = 24;

/// Names a capability within one space; plain data that anybody may make up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Token(pub u64);

impl Token {
    /// The token of `generation` in slot `index`.
    #[inline]
    pub const fn new(index: u32, generation: u32) -> Self {
        Token((generation as u64) << INDEX_BITS | index as u64)
    }

    /// Number of the slot.
    #[inline]
    pub const fn index(self) -> u32 {
        self.0 as u32 & ((1 << INDEX_BITS) - 1)
    }

    /// Everything above the index: the generation, if the token is well formed, else a number
    /// that equals no generation.
    #[inline]
    pub const fn claimed_generation(self) -> u64 {
        self.0 >> INDEX_BITS
    }
}

const _: () = assert!(veridian_abi::well_known::PROCESS == Token::new(1, 1).0);
