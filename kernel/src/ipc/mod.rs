//! Inter-process communication.

pub mod calls;
pub mod endpoint;
pub mod message_passing;
pub mod metrics;
pub mod sync;
