//! Printing through the console capability, a line at a time where possible.

use core::fmt::{self, Write};

use crate::start::CONSOLE;
use crate::{Error, Result, sys};

const LINE: usize = 240;

struct Buffer {
    bytes: [u8; LINE],
    used: usize,
}

impl Buffer {
    fn flush(&mut self) {
        let _ = write(&self.bytes[..self.used]);
        self.used = 0;
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.used == LINE {
                self.flush();
            }
            self.bytes[self.used] = byte;
            self.used += 1;
        }
        Ok(())
    }
}

/// Writes bytes to the console.
pub fn write(bytes: &[u8]) -> Result<()> {
    sys::console_write(CONSOLE, bytes.as_ptr() as u64, bytes.len() as u64)
        .check()
        .map(|_| ())
}

/// Reads what was typed; waits for at least one byte.
pub fn read(buffer: &mut [u8]) -> Result<usize> {
    if buffer.is_empty() {
        return Err(Error::InvalidArgument);
    }
    let (at, length) = (buffer.as_mut_ptr() as u64, buffer.len() as u64);
    loop {
        match sys::console_read(CONSOLE, at, length, 0).value() {
            // Something was typed; another reader may have been faster.
            Err(Error::Busy) => {}
            other => return other.map(|n| n as usize),
        }
    }
}

/// Prints formatted text; a program without a console prints nothing.
pub fn print(text: fmt::Arguments) {
    let mut buffer = Buffer {
        bytes: [0; LINE],
        used: 0,
    };
    let _ = buffer.write_fmt(text);
    buffer.flush();
}

/// Prints to the console.
#[macro_export]
macro_rules! print {
    ($($part:tt)*) => { $crate::console::print(format_args!($($part)*)) };
}

/// Prints a line to the console.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($part:tt)*) => { $crate::console::print(format_args!("{}\n", format_args!($($part)*))) };
}
