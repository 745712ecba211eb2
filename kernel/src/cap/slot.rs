//! A slot holds one capability; 63 slots and a header make a chunk of one page.
//!
//! The tag word holds everything a check needs, so that a check is one load:
//!
//! ```text
//! 63          32 31   20 19      18       17 16    15   8   7    6 5      0
//! ┌─────────────┬───────┬───────┬──────────┬────────┬──────┬──────┬───┬────────┐
//! │ generation  │   0   │ loose │ revoking │ policy │ kind │ live │ 0 │ rights │
//! └─────────────┴───────┴───────┴──────────┴────────┴──────┴──────┴───┴────────┘
//! ```
//!
//! Invariants: the tag of a live slot changes only under the derivation lock of its object.
//! A capability's death raises the generation before anything else of the slot changes, so who
//! reads a matching tag, then object and badge, then the same tag again has read the capability
//! that the tag stood for. Links are written under the same lock; they are atomic only because
//! the IDE reads them at any time. A chunk belongs to one space until the space is gone, so a
//! stale slot pointer within a living space always points at a slot.

#[cfg(not(loom))]
use crate::inspect::{Described, Shape};

use super::object::{Kind, Object, Tree};
use super::rights::{Policy, Rights};
use super::space::Space;
use super::sync::{AtomicPtr, AtomicU64, Guard, Ordering};
use super::token::Token;

/// Slots of a chunk, of which the first is its header (few for the model checker).
pub const CHUNK_SLOTS: u32 = if cfg!(loom) { 4 } else { 64 };

/// The word by which a capability is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Tag(pub u64);

impl Tag {
    const GENERATION_SHIFT: u32 = 32;
    const KIND_SHIFT: u32 = 8;
    const POLICY_SHIFT: u32 = 16;
    /// The descendants are being revoked.
    pub const REVOKING: u64 = 1 << 18;
    /// The capability does not keep its object alive by itself (see `cycles`).
    pub const LOOSE: u64 = 1 << 19;
    /// The slot holds a capability.
    pub const LIVE: u64 = 1 << 7;

    /// The tag of a live capability.
    pub const fn live(generation: u32, kind: Kind, rights: Rights, policy: Policy) -> Tag {
        Tag((generation as u64) << Self::GENERATION_SHIFT
            | (policy as u64) << Self::POLICY_SHIFT
            | (kind as u64) << Self::KIND_SHIFT
            | Self::LIVE
            | rights.bits() as u64)
    }

    /// The tag of a slot that holds nothing and will hold `generation` next.
    pub const fn empty(generation: u32, kind: Kind) -> Tag {
        Tag((generation as u64) << Self::GENERATION_SHIFT | (kind as u64) << Self::KIND_SHIFT)
    }

    /// Which of the slot's capabilities this is, or will be next.
    #[inline]
    pub const fn generation(self) -> u32 {
        (self.0 >> Self::GENERATION_SHIFT) as u32
    }

    /// The type of object, or a state of an empty slot.
    #[inline]
    pub const fn kind(self) -> Kind {
        Kind::from_bits((self.0 >> Self::KIND_SHIFT) as u8)
    }

    /// Rights of the capability.
    #[inline]
    pub const fn rights(self) -> Rights {
        Rights::from_bits_truncate(self.0 as u8)
    }

    /// What a fork or exec does with it.
    pub const fn policy(self) -> Policy {
        match Policy::from_word(self.0 >> Self::POLICY_SHIFT & 3) {
            Some(policy) => policy,
            None => Policy::Drop,
        }
    }

    /// The same capability with another policy.
    pub const fn with_policy(self, policy: Policy) -> Tag {
        Tag(self.0 & !(3 << Self::POLICY_SHIFT) | (policy as u64) << Self::POLICY_SHIFT)
    }

    /// The same capability with fewer rights.
    pub const fn with_rights(self, rights: Rights) -> Tag {
        Tag(self.0 & !0x3f | rights.bits() as u64)
    }

    /// The same capability with a bit set or clear: `REVOKING`, `LOOSE`.
    pub const fn with(self, bit: u64, set: bool) -> Tag {
        Tag(self.0 & !bit | if set { bit } else { 0 })
    }

    /// Whether the slot holds a capability.
    #[inline]
    pub const fn is_live(self) -> bool {
        self.has(Self::LIVE)
    }

    /// Whether a bit is set: `LIVE`, `REVOKING`, `LOOSE`.
    #[inline]
    pub const fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }

    /// Whether the slot holds the capability that `token` names.
    #[inline]
    pub const fn is_named_by(self, token: Token) -> bool {
        self.meets(token, Need::any(Rights::NONE))
    }

    /// Whether the slot holds the capability that `token` names, and it is what is needed.
    #[inline]
    pub const fn meets(self, token: Token, need: Need) -> bool {
        token.claimed_generation() == self.0 >> Self::GENERATION_SHIFT
            && self.0 & need.mask == need.value
    }

    /// Whether this is another type of object than is needed.
    pub const fn is_wrong_type(self, need: Need) -> bool {
        (self.0 ^ need.value) & need.mask & 0xff << Self::KIND_SHIFT != 0
    }

    /// The tag after the capability's death: the slot's next generation. After the last one
    /// that is 0, and the slot is never handed out again.
    #[inline]
    pub const fn after_death(self, state: Kind) -> Tag {
        match self.generation() {
            0 => Tag::empty(0, state),
            generation => Tag::empty(generation.wrapping_add(1), state),
        }
    }
}

/// What a lookup asks of a capability: bits of its tag.
#[derive(Clone, Copy)]
pub struct Need {
    mask: u64,
    value: u64,
}

impl Need {
    /// Some capability with `rights`.
    #[inline]
    pub const fn any(rights: Rights) -> Need {
        let value = Tag::LIVE | rights.bits() as u64;
        Need { mask: value, value }
    }

    /// One to a `kind` of object, with `rights`.
    #[inline]
    pub const fn of(kind: Kind, rights: Rights) -> Need {
        let any = Need::any(rights);
        Need {
            mask: any.mask | 0xff << Tag::KIND_SHIFT,
            value: any.value | (kind as u64) << Tag::KIND_SHIFT,
        }
    }
}

crate::described! {
    /// One capability, or room for one.
    #[repr(C, align(64))]
    pub struct Slot {
        pub(super) tag: AtomicU64,
        pub(super) object: AtomicPtr<Object>,
        /// What a receiver sees of the sender; in a chunk's header, the chunk's number.
        pub(super) badge: AtomicU64,
        pub(super) parent: Link,
        pub(super) first_child: Link,
        /// Next sibling, or next free slot.
        pub(super) next: Link,
        pub(super) previous: Link,
        /// The space that the slot is part of.
        pub(super) space: AtomicPtr<Space>,
    }
    tag: bits("generation", 32, 32),
    tag: bits("kind", 8, 8).names(Kind::NAMES),
    tag: bits("live", 7, 1),
    tag: bits("rights", 0, 6).flags(Rights::NAMES),
    tag: bits("policy", 16, 2).names(Policy::NAMES),
    tag: bits("revoking", 18, 1),
    tag: bits("loose", 19, 1),
    first_child: tree(&[Name::role(2, "first_child"), Name::role(1, "next")])
}

crate::described! {
    /// The slots of one page; the first is the header.
    #[repr(C, align(4096))]
    pub(super) struct Chunk {
        slots: [Slot; CHUNK_SLOTS as usize],
    }
}

/// A pointer from slot to slot.
#[repr(transparent)]
pub(super) struct Link(AtomicPtr<Slot>);

#[cfg(not(loom))]
impl Described for Link {
    const SHAPE: Shape = <AtomicPtr<Slot>>::SHAPE;
}

impl Link {
    #[cfg(loom)]
    pub fn null() -> Link {
        Link(AtomicPtr::new(core::ptr::null_mut()))
    }

    #[inline]
    pub fn get(&self) -> *mut Slot {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub fn set(&self, slot: *mut Slot) {
        self.0.store(slot, Ordering::Relaxed);
    }
}

impl Slot {
    /// What the slot holds now.
    #[inline]
    pub fn tag(&self) -> Tag {
        Tag(self.tag.load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn set_tag(&self, tag: Tag) {
        self.tag.store(tag.0, Ordering::Release);
    }

    /// Object and badge of the capability whose tag is `tag`, or nothing if it has died since.
    #[inline]
    pub(super) fn contents(&self, tag: Tag) -> Option<(*mut Object, u64)> {
        let object = self.object.load(Ordering::Acquire);
        let badge = self.badge.load(Ordering::Acquire);
        let same = self.tag.load(Ordering::Relaxed) ^ tag.0;
        // Everything else may change in life.
        (same >> Tag::GENERATION_SHIFT == 0).then_some((object, badge))
    }

    /// The live capability that is here now: its object, the lock of its tree, its tag. Else the tag
    /// of the empty slot. The result is good until the next preemption point.
    pub(super) fn capability(&self) -> Result<(&Object, Guard<'_, Tree>, Tag), Tag> {
        loop {
            let tag = self.tag();
            if !tag.is_live() {
                return Err(tag);
            }
            let Some((object, _)) = self.contents(tag) else {
                continue;
            };
            // SAFETY: alive when the tag was read, and allocated until the next preemption point.
            let object = unsafe { &*object };
            let tree = object.tree.lock();
            let now = self.tag();
            if now.is_live() && now.generation() == tag.generation() {
                return Ok((object, tree, now));
            }
        }
    }

    /// Number of the slot in its space.
    pub(super) fn index(&self) -> u32 {
        let address = self as *const Slot as usize;
        // SAFETY: slots exist only inside chunks, which are aligned to their size of one page and
        // begin with the header.
        let header = unsafe { &*((address & !0xfff) as *const Slot) };
        let number = header.badge.load(Ordering::Relaxed) as u32;
        number * CHUNK_SLOTS + ((address & 0xfff) / size_of::<Slot>()) as u32
    }

    /// The space that the slot belongs to.
    #[inline]
    pub(super) fn space(&self) -> &Space {
        // SAFETY: set when the slot was first handed out; a space outlives its slots.
        unsafe { &*self.space.load(Ordering::Relaxed) }
    }
}

crate::described! {
    /// Which capability something was done through: a wait, a mapping. Costs no reference; `is_live`
    /// tells whether the capability still exists.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    #[repr(C)]
    pub struct Binding {
        slot: *const Slot,
        generation: u64,
    }
}

// SAFETY: a binding is an address and a number; reading through it is an atomic load.
unsafe impl Send for Binding {}
// SAFETY: as above.
unsafe impl Sync for Binding {}

impl Binding {
    /// Made through no capability: by the kernel itself. Always live.
    pub const KERNEL: Binding = Binding {
        slot: core::ptr::null(),
        generation: 0,
    };

    #[inline]
    pub(super) fn new(slot: &Slot, generation: u32) -> Binding {
        Binding {
            slot,
            generation: generation as u64,
        }
    }

    /// Whether the capability still exists. `ObjectOps::sweep` ends whatever was done through
    /// one that does not, before the slot's memory goes.
    #[inline]
    pub fn is_live(&self) -> bool {
        if self.slot.is_null() {
            return true;
        }
        // SAFETY: a space's chunks are freed only after all its capabilities have died and all
        // their objects were swept, and the sweep removes every binding to them.
        let tag = unsafe { &*self.slot }.tag();
        tag.generation() as u64 == self.generation
    }

    /// If this is a capability of `parent`: its copy in `child`, which has inherited from there, with the
    /// copy's rights. The capability was not swept yet.
    pub fn inherited(&self, parent: &Space, child: &Space) -> Option<(Binding, Rights)> {
        // SAFETY: not swept, so its space is there.
        let slot = unsafe { self.slot.as_ref() }.filter(|s| core::ptr::eq(s.space(), parent))?;
        let slot = child.slot(slot.index())?;
        Some((Binding { slot, ..*self }, slot.tag().rights()))
    }
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot>() == 64);
const _: () = assert!(size_of::<Chunk>() == 4096);
