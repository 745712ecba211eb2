//! Inter-process communication.
//!
//! | file | what it knows |
//! |---|---|
//! | `endpoint` | where synchronous messages meet |
//! | `message_passing` | the fast path of call and reply |
//! | `sync` | everything else of call, send, receive, reply |
//! | `reply` | answering later |
//! | `buffer` | messages that wait without their sender |
//! | `limit`, `metrics` | rate limits; counts |
//! | `notification` | bits that are signalled and waited for |
//! | `async_ipc`, `ring` | channels without waiting senders |
//! | `registry` | names |
//! | `calls` | the system calls |

pub mod async_ipc;
pub mod buffer;
pub(crate) mod calls;
pub mod endpoint;
pub mod limit;
pub mod message_passing;
pub mod metrics;
pub mod notification;
pub mod registry;
pub mod reply;
pub mod ring;
pub mod sync;
