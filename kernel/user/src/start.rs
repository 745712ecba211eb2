//! From the kernel's first instruction to the program's main function, and panics.

use crate::abi::well_known;
use crate::{Arguments, arch, console, sys, tls};

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

/// Address that `user.ld` links programs at.
const LINKED: usize = 0x40_0000;

/// An entry of the relocation table (System V ABI, `Elf64_Rela`).
#[repr(C)]
pub(crate) struct Relocation {
    offset: usize,
    info: u64,
    addend: usize,
}

/// Adds to every absolute address in a position-independent program what it was loaded above the place it was
/// linked for. Until this is done nothing may use such an address.
///
/// # Safety
/// The pointers delimit the program's own relocation table, and nothing else runs yet.
unsafe fn relocate(bias: usize, mut at: *const Relocation, end: *const Relocation) {
    while at < end {
        // SAFETY: inside the table, by the caller.
        let entry = unsafe { &*at };
        if entry.info & 0xffff_ffff == arch::RELATIVE {
            // SAFETY: the linker made the entry for a word of this program's writable data.
            unsafe { ((bias + entry.offset) as *mut usize).write(bias.wrapping_add(entry.addend)) };
        }
        at = at.wrapping_add(1);
    }
}

/// Called by the entry code with the word given to `process_start`, the place where the program was loaded,
/// and both ends of its relocation table.
pub(crate) extern "C" fn enter(
    argument: u64,
    image: usize,
    start: *const Relocation,
    end: *const Relocation,
) -> ! {
    // SAFETY: the first thing that happens, with what the linker laid out.
    unsafe { relocate(image - LINKED, start, end) };
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
