//! Processes and threads.
//!
//! | file | what it knows |
//! |---|---|
//! | `thread`, `pcb` | the control blocks |
//! | `wait` | blocking and waking |
//! | `create`, `fork`, `elf` | how processes and threads begin |
//! | `lifecycle`, `fault` | how they end |
//! | `futex` | waiting for words of user memory |
//! | `objects` | memory as capabilities see it |
//! | `input` | console input |
//! | `first` | the first process |

pub mod create;
pub mod elf;
pub mod fault;
pub mod first;
pub mod fork;
pub mod futex;
pub mod input;
pub mod lifecycle;
pub mod objects;
pub mod pcb;
pub mod thread;
pub mod wait;

pub use first::start_first;
