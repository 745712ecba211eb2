//! From the kernel's first instruction to the program's main function, and panics.

use crate::abi::well_known;
use crate::{Arguments, console, sys, tls};

unsafe extern "Rust" {
    /// Defined by [`crate::main!`] in every program.
    safe fn veridian_main(arguments: Arguments) -> u8;
}

/// Names the program's main function: `fn(Arguments) -> u8`, whose result is the exit status.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn veridian_main(arguments: $crate::Arguments) -> u8 {
            $main(arguments)
        }
    };
}

/// Called by the entry code with the word given to `process_start`.
pub extern "C" fn enter(argument: u64) -> ! {
    match tls::Block::create() {
        Ok(block) => sys::set_tls(block.pointer),
        Err(_) => exit(NO_MEMORY),
    };
    exit(veridian_main(Arguments::receive(argument)))
}

/// Status of a program that could not even start.
const NO_MEMORY: u8 = 125;

/// Ends the process.
pub fn exit(status: u8) -> ! {
    sys::exit(status as u64);
    unreachable!("exit returned")
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    console::print(format_args!("{info}\n"));
    sys::exit(101);
    loop {
        sys::yield_now();
    }
}

/// The console, as every program finds it if it was given one.
pub(crate) const CONSOLE: u64 = well_known::CONSOLE;
