//! The first program: says that the machine is up, then runs what the boot arguments name.
//!
//! `-- PROGRAM ARGUMENTS…` runs that program and ends the machine with its status;
//! without one, `interactive` keeps an echo on the console, else the machine ends with 0.
#![no_std]
#![no_main]

use veridian::abi::well_known::MACHINE;
use veridian::{Arguments, console, initrd, println, sys};

veridian::main!(run);

fn run(arguments: Arguments) -> u8 {
    let cpus = sys::cpu_info(MACHINE)
        .check()
        .map_or(0, |r| r.words[0].count_ones());
    println!("init: ready, {cpus} cpus");
    let mut words = arguments.iter();
    let interactive = words
        .by_ref()
        .take_while(|&w| w != "--")
        .any(|w| w == "interactive");
    let mut words = arguments.iter().skip_while(|&w| w != "--").skip(1);
    let mut program = [""; 16];
    let count = words
        .by_ref()
        .zip(&mut program)
        .map(|(word, place)| *place = word)
        .count();
    let status = if count > 0 {
        match run_program(&program[..count]) {
            Ok(status) => status,
            Err(error) => {
                println!("init: cannot run {}: {}", program[0], error.text());
                127
            }
        }
    } else if interactive {
        echo()
    } else {
        0
    };
    sys::shutdown(MACHINE, status as u64);
    status
}

fn run_program(words: &[&str]) -> veridian::Result<u8> {
    let disk = initrd::Initrd::open()?;
    let process = initrd::spawn(&disk, words)?;
    sys::process_wait(process, 0)
        .value()
        .map(|status| status as u8)
}

/// Shows what is typed until the machine is ended.
fn echo() -> u8 {
    let mut buffer = [0; 64];
    loop {
        match console::read(&mut buffer) {
            Ok(count) => {
                let _ = console::write(&buffer[..count]);
            }
            Err(error) => {
                println!("init: console: {}", error.text());
                return 1;
            }
        }
    }
}
