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

pub mod ring;

#[cfg(target_os = "none")]
pub mod async_ipc;
#[cfg(target_os = "none")]
pub mod buffer;
#[cfg(target_os = "none")]
pub(crate) mod calls;
#[cfg(target_os = "none")]
pub mod endpoint;
#[cfg(target_os = "none")]
pub mod limit;
#[cfg(target_os = "none")]
pub mod message_passing;
#[cfg(target_os = "none")]
pub mod metrics;
#[cfg(target_os = "none")]
pub mod notification;
#[cfg(target_os = "none")]
pub mod registry;
#[cfg(target_os = "none")]
pub mod reply;
#[cfg(target_os = "none")]
pub mod sync;
