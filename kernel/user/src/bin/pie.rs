//! A position-independent program: tells where it was loaded by its exit status, in GiB above the lowest place.
//!
//! Status 255 says that an address in its data was not relocated.
#![no_std]
#![no_main]

use core::hint::black_box;

veridian::main!(run);

const LOWEST: usize = 0x5555_0000_0000;
static WORDS: [&str; 3] = ["position", "independent", "executable"];
static CALLS: [fn(&str) -> usize; 2] = [length, vowels];

fn length(word: &str) -> usize {
    word.len()
}

fn vowels(word: &str) -> usize {
    word.chars().filter(|c| "aeiou".contains(*c)).count()
}

fn run(_: veridian::Arguments) -> u8 {
    let sum = |call: &fn(&str) -> usize| -> usize {
        black_box(&WORDS).iter().map(|word| call(word)).sum()
    };
    let sums = [0, 1].map(|index: usize| sum(&black_box(&CALLS)[index]));
    let base = (&raw const WORDS as usize).wrapping_sub(LOWEST) >> 30;
    match u8::try_from(base) {
        Ok(base) if sums == [29, 13] && base < 64 => base,
        _ => 255,
    }
}
