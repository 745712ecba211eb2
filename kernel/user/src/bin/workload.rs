//! Keeps the machine lively, so that there is something to look at: until it is stopped, processes
//! fork and end, call each other through a chain of servers, get capabilities that are revoked again,
//! map and unmap memory, and threads of every class share the CPUs.
//!
//! It is slow enough for eyes to follow, takes about half a CPU, and bounded memory. What fails is
//! tried again: the machine may be short of anything.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;
use veridian::abi::well_known::THREAD;
use veridian::abi::{class, rights};
use veridian::ipc::{Channel, Endpoint, Message, Notification, Server};
use veridian::memory::{Mapping, Memory, READ, WRITE};
use veridian::process::{self, Process};
use veridian::sync::Mutex;
use veridian::thread::{self, Schedule, now, sleep};
use veridian::{Result, println, sys};

const MILLISECOND: u64 = 1_000_000;
const PAGE: u64 = 4096;

veridian::main!(run);

fn run(_: veridian::Arguments) -> u8 {
    let Err(error) = start();
    println!("workload: {}", error.text());
    1
}

/// Starts every part and then delegates for ever.
fn start() -> Result<Infallible> {
    let adder = Endpoint::create()?;
    let relay = Endpoint::create()?;
    server(move || serve(adder, |words| words[0] += 1))?;
    server(move || serve(relay, move |words| pass_on(adder, words)))?;
    for badge in 1..=2 {
        let mine = relay.mint(rights::WRITE, badge)?;
        server(move || client(mine, badge))?;
    }
    server(map_and_unmap)?;
    server(parent)?;
    server(threads)?;
    let wake = Notification::create()?;
    let mut holders = Vec::new();
    for _ in 0..2 {
        holders.push(server(move || while wake.wait().is_ok() {})?);
    }
    println!("workload: running");
    loop {
        if let Err(error) = delegate(&holders) {
            println!("workload: delegation: {}", error.text());
        }
        sleep(400 * MILLISECOND);
    }
}

/// A process that is meant to run as long as the machine does.
fn server(body: impl FnOnce()) -> Result<Process> {
    process::spawn(move || {
        body();
        0
    })
}

/// Keeps the CPU for a while.
fn burn(nanoseconds: u64) {
    let end = now() + nanoseconds;
    while now() < end {
        core::hint::spin_loop();
    }
}

fn serve(endpoint: Endpoint, answer: impl Fn(&mut [u64; 16])) {
    let mut server = Server::new(endpoint);
    while let Ok(received) = server.next() {
        let mut message = received.message;
        message.cap_count = 0;
        answer(&mut message.words);
        burn(MILLISECOND);
        server.reply(message);
    }
}

fn pass_on(next: Endpoint, words: &mut [u64; 16]) {
    if let Ok(answer) = next.call(Message::from([words[0]])) {
        words[0] = answer.words[0];
    }
}

fn client(endpoint: Endpoint, badge: u64) {
    let mut sum = 0;
    loop {
        if let Ok(answer) = endpoint.call(Message::from([sum])) {
            sum = answer.words[0];
        }
        sleep((30 + 20 * badge) * MILLISECOND);
    }
}

/// Maps a few more pages each time, of its own and of a memory object, and unmaps all of it again.
fn map_and_unmap() {
    for pages in (1..=12).cycle() {
        let Ok(memory) = Memory::create(pages * PAGE) else {
            sleep(100 * MILLISECOND);
            continue;
        };
        let own = Mapping::anonymous(pages * 4 * PAGE);
        for mapping in [own, memory.map(READ | WRITE)].into_iter().flatten() {
            touch(&mapping);
            sleep(60 * MILLISECOND);
        }
        let _ = sys::delete(memory.0);
    }
}

fn touch(mapping: &Mapping) {
    for at in (0..mapping.length()).step_by(PAGE as usize) {
        // SAFETY: within the mapping, which lives as long as the reference and holds nothing else.
        unsafe { mapping.as_ptr::<u8>().add(at as usize).write(at as u8) };
    }
}

/// Forks children that work for a moment; some have a child of their own.
fn parent() {
    for round in 0u64.. {
        let child = process::spawn(|| {
            let inner = (round % 3 == 0).then(|| {
                process::spawn(|| {
                    sleep(150 * MILLISECOND);
                    0
                })
            });
            burn(2 * MILLISECOND);
            sleep(200 * MILLISECOND);
            if let Some(Ok(inner)) = inner {
                let _ = inner.join();
            }
            (round & 0x7f) as u8
        });
        if let Ok(child) = child {
            let _ = child.join();
        }
        sleep(100 * MILLISECOND);
    }
}

/// Threads of every class, two that pass messages through a channel, and two that want one lock.
fn threads() {
    let classes = [
        (Schedule::Fixed(40), 1, 40),
        (Schedule::Fixed(12), 1, 35),
        (Schedule::RoundRobin, 2, 50),
        (Schedule::RoundRobin, 2, 50),
        (Schedule::Fair(-5), 3, 60),
        (Schedule::Fair(0), 3, 60),
        (Schedule::Fair(5), 3, 60),
    ];
    let mut running = Vec::new();
    for (schedule, busy, idle) in classes {
        let body = move || loop {
            burn(busy * MILLISECOND);
            sleep(idle * MILLISECOND);
        };
        if let Ok(worker) = thread::spawn(body) {
            let _ = worker.set_schedule(schedule);
            running.push(worker);
        }
    }
    let Ok(channel) = Channel::create(16) else {
        return;
    };
    let receiver = thread::spawn(move || {
        let mut messages = [[0; 4]; 8];
        while channel.receive(&mut messages).is_ok() {}
    });
    let sender = thread::spawn(move || {
        for number in 0u64.. {
            let _ = channel.send(&[[number; 4], [number + 1; 4]]);
            sleep(45 * MILLISECOND);
        }
    });
    let lock = Arc::new(Mutex::new(0u64));
    let rivals: Vec<_> = (0..2)
        .map(|_| {
            let lock = lock.clone();
            thread::spawn(move || {
                loop {
                    let mut count = lock.lock();
                    *count += 1;
                    sleep(80 * MILLISECOND);
                    drop(count);
                    sleep(20 * MILLISECOND);
                }
            })
        })
        .collect();
    let _ = sys::set_schedule(THREAD, class::FAIR, 10);
    for rival in rivals.into_iter().flatten() {
        let _: Result<()> = rival.join();
    }
    drop((running, receiver, sender));
}

/// Derives a tree of capabilities, partly into the holders' spaces, and revokes all of it.
fn delegate(holders: &[Process]) -> Result<()> {
    let memory = Memory::create(16 * PAGE)?;
    let grown = grow_and_cut(memory.0, holders);
    sys::revoke(memory.0).check()?;
    sys::delete(memory.0).check()?;
    grown
}

/// Three branches that come one after another, and go one after another.
fn grow_and_cut(source: u64, holders: &[Process]) -> Result<()> {
    let mut branches = Vec::new();
    for branch in 1..=3u64 {
        let inner = sys::mint(source, rights::ALL as u64, 0).value()?;
        branches.push(inner);
        for leaf in 1..=branch {
            let fewer = rights::READ | rights::GRANT | rights::DERIVE;
            let leaf = sys::mint(inner, fewer as u64, branch * 16 + leaf).value()?;
            for holder in holders {
                holder.grant(leaf, rights::READ)?;
            }
        }
        sleep(200 * MILLISECOND);
    }
    for branch in branches {
        sleep(250 * MILLISECOND);
        sys::revoke(branch).check()?;
    }
    Ok(())
}
