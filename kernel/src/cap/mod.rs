//! Capabilities: the only way to reach an object.
//!
//! A process names a capability by a [`Token`]. Its [`Space`] leads from there to a *slot*, which
//! holds the type and rights (in one word, the tag), the [`Object`] and a badge, and stands in the
//! object's *derivation tree*: every copy is a child of what it was copied from, and never has a
//! right that its parent lacks. Revoking a capability kills all that was derived from it.
//!
//! | file | what it knows |
//! |---|---|
//! | `token`, `rights` | layout of tokens; rights and inheritance policies |
//! | `object` | what all objects begin with: type, uses, derivation lock; how they die |
//! | `slot` | one capability, its tag |
//! | `space` | the two-level table: lookup without a lock, taking and giving back slots |
//! | `derivation` | the tree: mint and delegate |
//! | `revocation` | delete, revoke, closing a space |
//! | `inheritance` | fork and exec |
//! | `ipc_integration` | capabilities in messages |
//! | `cycles` | objects that only keep each other alive |
//! | `cached` | objects with a cache of their own type |
//! | `keep` | the space that an object keeps |
//! | `cache` | per CPU: token to checked object |
//!
//! Rules for callers. What a lookup returns is good until the operation ends or passes a
//! preemption point; what must last longer takes a [`Use`] of the object, or notes a [`Binding`]
//! and is swept. `delete`, `revoke` and `close` wait for other CPUs (see `sync::barrier`): the
//! caller holds no lock then, and uses nothing afterwards that it looked up before.
//!
//! Lock order: derivation lock of an object, then the lock of a space. No operation holds two
//! derivation locks.

mod cache;
mod cached;
mod cycles;
mod derivation;
mod inheritance;
mod ipc_integration;
mod keep;
mod object;
mod revocation;
mod rights;
mod slot;
mod space;
mod sync;
mod token;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(any(test, feature = "ktest"))]
mod tests;

pub use cache::{Cache, Memo};
pub use cached::{Cached, create, header};
pub use derivation::Grant;
pub use ipc_integration::{Landing, Tokens};
pub use keep::Keep;
pub use object::{Kind, Object, ObjectOps, Typed, Use, reap};
pub use rights::{Policy, Rights};
pub use slot::{Binding, Tag};
pub use space::{Checked, DEFAULT_LIMIT, Space};
pub use sync::Progress;
pub use token::Token;
