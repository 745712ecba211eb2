//! Ends with the status it is given.
#![no_std]
#![no_main]

veridian::main!(run);

fn run(arguments: veridian::Arguments) -> u8 {
    arguments
        .get(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(255)
}
