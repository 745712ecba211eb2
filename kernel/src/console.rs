//! Console output: one line discipline over the architecture's serial port.
//!
//! Lines end in `\r\n`. One `print!` is written whole before another CPU's begins. The panic path
//! writes through `force`, which does not wait for a lock that the panicking CPU may hold.

use core::fmt::{self, Write};

use crate::arch::console;
use crate::lock::{Rank, SpinLock};

static LOCK: SpinLock<()> = SpinLock::new(Rank::Console, ());

struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        put_bytes(text.as_bytes());
        Ok(())
    }
}

fn put_bytes(bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' {
            console::put(b'\r');
        }
        console::put(byte);
    }
}

/// Writes one formatted text; what `print!` calls.
pub fn write(text: fmt::Arguments) {
    let _guard = LOCK.lock();
    // The serial port never fails, and a failing Display has nowhere to be reported.
    let _ = Serial.write_fmt(text);
}

/// Writes bytes that a user program gave, unchanged but for line ends.
pub fn write_bytes(bytes: &[u8]) {
    let _guard = LOCK.lock();
    put_bytes(bytes);
}

/// Writes without the lock, for a CPU that panics.
pub fn force(text: fmt::Arguments) {
    let _ = Serial.write_fmt(text);
}

/// Prints to the console.
#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => { $crate::console::write(format_args!($($arg)*)) };
}

/// Prints a line to the console.
#[macro_export]
macro_rules! println {
    () => { $crate::console::write(format_args!("\n")) };
    ($($arg:tt)*) => { $crate::console::write(format_args!("{}\n", format_args!($($arg)*))) };
}
