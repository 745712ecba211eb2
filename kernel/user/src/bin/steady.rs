//! A fixed amount of work that never waits for time: what somebody who looks on costs the machine can
//! be told from how many instructions it took, and how long.
//!
//! `steady ROUNDS` forks, calls, maps, delegates and revokes ROUNDS times, says `steady: begin` before
//! and `steady: ROUNDS rounds, N instructions` after it. The count is exact where QEMU counts.
#![no_std]
#![no_main]

use veridian::abi::rights;
use veridian::ipc::{Endpoint, Message, Server};
use veridian::memory::{Mapping, Memory, READ, WRITE};
use veridian::process::{self, Process};
use veridian::{Result, println, sys};

const PAGE: u64 = 4096;
const CALLS: u64 = 50;

veridian::main!(run);

fn run(arguments: veridian::Arguments) -> u8 {
    let rounds = arguments.get(1).and_then(|word| word.parse().ok());
    match work(rounds.unwrap_or(100)) {
        Ok(()) => 0,
        Err(error) => {
            println!("steady: {}", error.text());
            1
        }
    }
}

fn work(rounds: u64) -> Result<()> {
    let adder = Endpoint::create()?;
    let holder = process::spawn(|| {
        let mut server = Server::new(adder);
        while let Ok(received) = server.next() {
            server.reply(Message::from([received.message.words[0] + 1]));
        }
        0
    })?;
    println!("steady: begin");
    let start = sys::instructions();
    for round in 0..rounds {
        one(round, adder, holder)?;
    }
    let count = sys::instructions() - start;
    println!("steady: {rounds} rounds, {count} instructions");
    holder.kill(0)
}

fn one(round: u64, adder: Endpoint, holder: Process) -> Result<()> {
    let mut sum = round;
    for _ in 0..CALLS {
        sum = adder.call(Message::from([sum]))?.words[0];
    }
    let memory = Memory::create(8 * PAGE)?;
    let mappings = [memory.map(READ | WRITE)?, Mapping::anonymous(16 * PAGE)?];
    for mapping in &mappings {
        for at in (0..mapping.length()).step_by(PAGE as usize) {
            // SAFETY: within the mapping, which holds nothing else.
            unsafe { mapping.as_ptr::<u8>().add(at as usize).write(at as u8) };
        }
    }
    for _ in 0..8 {
        let inner = sys::mint(memory.0, rights::ALL as u64, sum).value()?;
        holder.grant(inner, rights::READ)?;
    }
    sys::revoke(memory.0).check()?;
    sys::delete(memory.0).check()?;
    process::spawn(|| 0)?.join().map(|_| ())
}
