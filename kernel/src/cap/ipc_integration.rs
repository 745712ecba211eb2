//! Capabilities in messages.
