//! Builds structures that are known, prints them, and keeps them as they are, so that what somebody
//! reads out of the machine's memory can be compared with the truth.
//!
//! `truth SEED` prints lines that begin with `truth:` and then obeys lines of the console:
//! `revoke N` revokes capability N of its tree and prints who died and who was freed,
//! `spin` keeps a CPU in user mode for some seconds, `quit` ends it.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use veridian::abi::well_known::ADDRESS_SPACE;
use veridian::abi::{inheritance, rights};
use veridian::ipc::{Channel, Endpoint, Message, Notification, Server};
use veridian::memory::{Mapping, Memory, READ, WRITE};
use veridian::process::{self, Process};
use veridian::sync::{self, Mutex, MutexGuard};
use veridian::thread::{self, Schedule, Thread, now, sleep};
use veridian::{Result, console, println, sys};

const MILLISECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MILLISECOND;
const PAGE: u64 = 4096;
const NODES: usize = 48;
const HOLDERS: usize = 3;
const WAITERS: usize = 8;

veridian::main!(run);

fn run(arguments: veridian::Arguments) -> u8 {
    let seed = arguments.get(1).and_then(|word| word.parse().ok());
    match tell(seed.unwrap_or(1)) {
        Ok(()) => 0,
        Err(error) => {
            println!("truth: failed: {}", error.text());
            1
        }
    }
}

/// A generator of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// A process that keeps capabilities and says which of them live.
struct Holder {
    process: Process,
    ask: Endpoint,
    pid: u64,
}

/// A capability of the tree; `holder` none is this process.
struct Node {
    token: u64,
    holder: Option<usize>,
}

fn tell(seed: u64) -> Result<()> {
    let me = thread::current();
    println!("truth: main thread {} process {}", me.number, me.process);
    let mut holders = Vec::new();
    for _ in 0..HOLDERS {
        holders.push(holder()?);
    }
    let mut random = Random(seed | 1 << 40);
    let tree = grow(&mut random, &holders)?;
    let (_private, _shared) = map()?;
    let freed = Arc::new(AtomicU64::new(0));
    let waiting = wait_at(&mut random, &tree, &freed)?;
    let held = Arc::new(Mutex::new(()));
    let _guard = held.lock();
    block(&held)?;
    deadlock()?;
    classes()?;
    println!("truth: ready");
    obey(&holders, &tree, &waiting, &freed)
}

/// Forks a holder, which serves questions about tokens.
fn holder() -> Result<Holder> {
    let ask = Endpoint::create()?;
    let process = process::spawn(|| {
        let mut server = Server::new(ask);
        while let Ok(question) = server.next() {
            let token = question.message.words[0];
            let lives = token == 0 || sys::identify(token).check().is_ok();
            let pid = thread::current().process;
            server.reply(Message::from([lives as u64, pid as u64]));
        }
        0
    })?;
    let pid = ask.call(Message::from([0]))?.words[1];
    Ok(Holder { process, ask, pid })
}

/// A random tree of capabilities to one endpoint; only those of this process have children.
fn grow(random: &mut Random, holders: &[Holder]) -> Result<Vec<Node>> {
    let endpoint = Endpoint::create()?;
    sys::set_inheritance(endpoint.0, inheritance::DROP).check()?;
    let mut tree = Vec::from([Node {
        token: endpoint.0,
        holder: None,
    }]);
    println!(
        "truth: cap 0 parent - process {} token {:#x} rights {}",
        thread::current().process,
        endpoint.0,
        rights::ALL
    );
    while tree.len() < NODES {
        let parent = random.below(tree.len());
        if tree[parent].holder.is_some() {
            continue;
        }
        let holder = random.below(2 * holders.len());
        let (token, holder, pid, allowed) = match holders.get(holder) {
            Some(to) => {
                let allowed = rights::READ | rights::WRITE;
                let token = to.process.grant(tree[parent].token, allowed)?;
                (token, Some(holder), to.pid, allowed)
            }
            None => {
                let token = sys::mint(tree[parent].token, rights::ALL as u64, 0).value()?;
                (token, None, thread::current().process as u64, rights::ALL)
            }
        };
        println!(
            "truth: cap {} parent {parent} process {pid} token {token:#x} rights {allowed}",
            tree.len()
        );
        tree.push(Node { token, holder });
    }
    Ok(tree)
}

/// Maps memory of its own, of which every second page is touched, and a memory object to read.
fn map() -> Result<(Mapping, Mapping)> {
    let private = Mapping::anonymous(16 * PAGE)?;
    for page in (0..16).step_by(2) {
        // SAFETY: the page is this mapping's.
        unsafe { private.as_ptr::<u64>().add(page * 512).write(page as u64) };
    }
    let memory = Memory::create(4 * PAGE)?;
    let shared = memory.map(READ)?;
    // SAFETY: the page is this mapping's.
    unsafe { shared.as_ptr::<u64>().add(512).read_volatile() };
    for (mapping, protection) in [(&private, READ | WRITE), (&shared, READ)] {
        println!(
            "truth: map {:#x} pages {} protection {protection}",
            mapping.address(),
            mapping.length() / PAGE
        );
        for page in 0..mapping.length() / PAGE {
            let address = mapping.address() + page * PAGE;
            if let Ok(physical) = sys::query(ADDRESS_SPACE, address).value() {
                println!("truth: page {address:#x} physical {physical:#x}");
            }
        }
    }
    Ok((private, shared))
}

/// Starts a thread; it and its number, which it has noted before it goes on.
fn start<T>(body: impl FnOnce() -> T + Send + 'static) -> Result<(Thread<()>, u32)> {
    let number = Arc::new(AtomicU32::new(0));
    let theirs = number.clone();
    let started = thread::spawn(move || {
        theirs.store(thread::current().number, SeqCst);
        drop(body());
    })?;
    while number.load(SeqCst) == 0 {
        sleep(MILLISECOND);
    }
    Ok((started, number.load(SeqCst)))
}

/// Starts a thread that nobody joins, and says what it is blocked on; its number.
fn blocked<T>(reason: &str, body: impl FnOnce() -> T + Send + 'static) -> Result<u32> {
    let (started, number) = start(body)?;
    core::mem::forget(started);
    println!("truth: blocked {number} {reason}");
    Ok(number)
}

/// Threads that receive through capabilities of the tree; bit n of `freed` is set when the n-th gets an error.
fn wait_at(random: &mut Random, tree: &[Node], freed: &Arc<AtomicU64>) -> Result<Vec<u32>> {
    let mut waiting = Vec::new();
    while waiting.len() < WAITERS {
        let node = random.below(tree.len());
        if tree[node].holder.is_some() {
            continue;
        }
        let (endpoint, freed, bit) = (Endpoint(tree[node].token), freed.clone(), waiting.len());
        let number = blocked("Receive", move || {
            let received = endpoint.receive();
            freed.fetch_or((received.is_err() as u64) << bit, SeqCst);
            sleep(HOUR);
        })?;
        println!("truth: through {number} cap {node}");
        waiting.push(number);
    }
    Ok(waiting)
}

/// One thread for each other reason to wait.
fn block(held: &Arc<Mutex<()>>) -> Result<()> {
    let notification = Notification::create()?;
    blocked("Notification", move || notification.wait())?;
    let channel = Channel::create(4)?;
    blocked("Channel", move || channel.receive(&mut [[0; 4]; 1]))?;
    blocked("Futex", || sync::wait(&AtomicU32::new(0), 0, u64::MAX))?;
    blocked("Sleep", || sleep(HOUR))?;
    let (nobody, quiet) = (Endpoint::create()?, Endpoint::create()?);
    blocked("Call", move || nobody.call(Message::from([1])))?;
    blocked("Send", move || nobody.send(Message::from([1])))?;
    let sleeper = thread::spawn(move || {
        let _ = quiet.receive();
        sleep(HOUR);
    })?;
    blocked("Reply", move || quiet.call(Message::from([1])))?;
    blocked("Join", move || sleeper.join())?;
    let held = held.clone();
    let waiter = blocked("Mutex", move || drop(held.lock()))?;
    println!("truth: waits {waiter} for {}", thread::current().number);
    Ok(())
}

/// Two threads that hold what the other wants.
fn deadlock() -> Result<()> {
    let locks = Arc::new([Mutex::new(()), Mutex::new(())]);
    let ready = Arc::new(AtomicU32::new(0));
    let mut numbers = Vec::new();
    for mine in 0..2 {
        let (locks, ready) = (locks.clone(), ready.clone());
        numbers.push(blocked("Mutex", move || {
            let _first: MutexGuard<()> = locks[mine].lock();
            ready.fetch_add(1, SeqCst);
            while ready.load(SeqCst) < 2 {
                sleep(MILLISECOND);
            }
            drop(locks[1 - mine].lock());
        })?);
    }
    println!("truth: deadlock {} {}", numbers[0], numbers[1]);
    Ok(())
}

/// Threads of every class.
fn classes() -> Result<()> {
    let all = [
        (Schedule::Fixed(7), "Fixed", 7),
        (Schedule::RoundRobin, "RoundRobin", 0),
        (Schedule::Fair(-3), "Fair", -3),
    ];
    for (schedule, name, level) in all {
        let (started, number) = start(|| sleep(HOUR))?;
        started.set_schedule(schedule)?;
        core::mem::forget(started);
        println!("truth: blocked {number} Sleep");
        println!("truth: class {number} {name} {level}");
    }
    Ok(())
}

fn obey(holders: &[Holder], tree: &[Node], waiting: &[u32], freed: &AtomicU64) -> Result<()> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        console::read(&mut byte)?;
        if byte[0] != b'\r' && byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        let mut words = core::str::from_utf8(&line).unwrap_or("").split(' ');
        match (
            words.next(),
            words.next().and_then(|w| w.parse::<usize>().ok()),
        ) {
            (Some("revoke"), Some(number))
                if number < tree.len() && tree[number].holder.is_none() =>
            {
                sys::revoke(tree[number].token).check()?;
                sleep(20 * MILLISECOND);
                report(holders, tree, waiting, freed)?;
            }
            (Some("spin"), _) => {
                println!("truth: spinning");
                let end = now() + 4000 * MILLISECOND;
                while now() < end {
                    (0..100_000).for_each(|_| core::hint::spin_loop());
                }
            }
            (Some("quit"), _) => return Ok(()),
            _ => println!("truth: what?"),
        }
        line.clear();
    }
}

/// Who of the tree is dead, and who of those that waited through it was freed.
fn report(holders: &[Holder], tree: &[Node], waiting: &[u32], freed: &AtomicU64) -> Result<()> {
    for (number, node) in tree.iter().enumerate() {
        let lives = match node.holder {
            None => sys::identify(node.token).check().is_ok(),
            Some(holder) => holders[holder].ask.call(Message::from([node.token]))?.words[0] == 1,
        };
        if !lives {
            println!("truth: dead {number}");
        }
    }
    for (bit, number) in waiting.iter().enumerate() {
        if freed.load(SeqCst) >> bit & 1 != 0 {
            println!("truth: freed {number}");
        }
    }
    println!("truth: done");
    Ok(())
}
