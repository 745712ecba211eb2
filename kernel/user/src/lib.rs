//! The user side of VeridianOS: typed system calls and what programs need around them.
//!
//! A program is `#![no_std] #![no_main]` and names its main function with [`main!`]:
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! veridian::main!(run);
//!
//! fn run(arguments: veridian::Arguments) -> u8 {
//!     veridian::println!("hello from {} arguments", arguments.count());
//!     0
//! }
//! ```
#![no_std]
#![warn(missing_docs)]

extern crate alloc;

mod arch;
pub mod arguments;
pub mod console;
pub mod heap;
pub mod initrd;
pub mod ipc;
pub mod memory;
pub mod process;
pub mod start;
pub mod sync;
pub mod sys;
pub mod thread;
pub mod tls;

pub use arguments::Arguments;
pub use veridian_abi as abi;
pub use veridian_abi::{Error, MessageBuffer, MessageInfo, well_known};

/// What a call that can fail returns.
pub type Result<T> = core::result::Result<T, Error>;
