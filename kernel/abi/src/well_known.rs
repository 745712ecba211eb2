//! Tokens that every new process finds in its capability space, and what
//! its first thread finds in registers and memory.

/// Token of slot `index` at its first generation.
const fn initial(index: u64) -> u64 {
    1 << 24 | index
}

/// The process itself: all rights.
pub const PROCESS: u64 = initial(1);
/// Its address space: all rights.
pub const ADDRESS_SPACE: u64 = initial(2);
/// Its first thread: all rights.
pub const THREAD: u64 = initial(3);
/// The console: write; init alone has it at the start and delegates it.
pub const CONSOLE: u64 = initial(4);
/// A namespace of the registry.
pub const NAMESPACE: u64 = initial(5);
/// The initial RAM disk as a memory object (read, execute): init alone.
pub const INITRD: u64 = initial(6);
/// Machine control (CPU hotplug, shutdown): init alone.
pub const MACHINE: u64 = initial(7);
