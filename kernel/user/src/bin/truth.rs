//! Builds structures that are known, prints them, and keeps them as they are, so that what somebody
//! reads out of the machine's memory can be compared with the truth.
//!
//! `truth SEED` prints lines that begin with `truth:` and then obeys lines of the console:
//! `revoke N` revokes capability N of its trees and prints who died and who was freed,
//! `spin` keeps a CPU in user mode for some seconds, `quit` ends it.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use veridian::abi::well_known::ADDRESS_SPACE;
use veridian::abi::{inheritance, rights};
use veridian::ipc::{Channel, Endpoint, Message, Namespace, Notification, Server};
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
/// Threads that wait for messages, and that wait for signals.
const WAITERS: [usize; 2] = [8, 4];
/// Mappings, names and messages in a buffer, each made with a capability of the trees.
const MAPPINGS: usize = 6;
const KEPT: usize = 4;

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

/// A capability of a tree; `holder` none is this process.
struct Node {
    token: u64,
    kind: Kind,
    holder: Option<usize>,
}

/// What a tree's capabilities are to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Endpoint,
    Notification,
    Memory,
    Process,
}

fn tell(seed: u64) -> Result<()> {
    let me = thread::current();
    println!("truth: main thread {} process {}", me.number, me.process);
    let mut holders = Vec::new();
    for _ in 0..HOLDERS {
        holders.push(holder()?);
    }
    let mut random = Random(seed | 1 << 40);
    let mut tree = Vec::new();
    // Before the others: a fork would have copies of their capabilities.
    let sleeper = process::spawn(wait_for_ever)?;
    let roots = [
        (Kind::Endpoint, Endpoint::create()?.0, NODES),
        (Kind::Notification, Notification::create()?.0, NODES / 3),
        (Kind::Memory, Memory::create(2 * PAGE)?.0, NODES / 3),
        (Kind::Process, sleeper.0, NODES / 6),
    ];
    for (kind, root, nodes) in roots {
        grow(&mut random, &holders, kind, root, nodes, &mut tree)?;
    }
    let (_private, _shared) = map()?;
    let _mapped = map_through(&mut random, &tree)?;
    keep(&mut random, &tree)?;
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

fn wait_for_ever() -> u8 {
    loop {
        sleep(HOUR);
    }
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

/// A random tree of capabilities to one object; only those of this process have children.
fn grow(
    random: &mut Random,
    holders: &[Holder],
    kind: Kind,
    root: u64,
    nodes: usize,
    tree: &mut Vec<Node>,
) -> Result<()> {
    sys::set_inheritance(root, inheritance::DROP).check()?;
    let first = tree.len();
    let mine = thread::current().process as u64;
    tell_node(tree, "-", mine, rights::ALL, node(root, kind, None));
    while tree.len() < first + nodes {
        let parent = first + random.below(tree.len() - first);
        if tree[parent].holder.is_some() {
            continue;
        }
        let holder = random.below(2 * holders.len());
        let from = tree[parent].token;
        let parent = alloc::format!("{parent}");
        if let Some(to) = holders.get(holder) {
            let allowed = rights::READ | rights::WRITE;
            let made = node(to.process.grant(from, allowed)?, kind, Some(holder));
            tell_node(tree, &parent, to.pid, allowed, made);
        } else {
            let token = sys::mint(from, rights::ALL as u64, 0).value()?;
            tell_node(tree, &parent, mine, rights::ALL, node(token, kind, None));
        }
    }
    Ok(())
}

fn node(token: u64, kind: Kind, holder: Option<usize>) -> Node {
    Node {
        token,
        kind,
        holder,
    }
}

fn tell_node(tree: &mut Vec<Node>, parent: &str, pid: u64, allowed: u8, node: Node) {
    println!(
        "truth: cap {} parent {parent} process {pid} token {:#x} rights {allowed} kind {:?}",
        tree.len(),
        node.token,
        node.kind
    );
    tree.push(node);
}

/// A random capability of this process to an object of a kind, by its number.
fn any_of(random: &mut Random, tree: &[Node], kind: Kind) -> usize {
    loop {
        let number = random.below(tree.len());
        if tree[number].kind == kind && tree[number].holder.is_none() {
            return number;
        }
    }
}

/// Maps memory through capabilities of the trees.
fn map_through(random: &mut Random, tree: &[Node]) -> Result<Vec<Mapping>> {
    let mut mapped = Vec::new();
    while mapped.len() < MAPPINGS {
        let number = any_of(random, tree, Kind::Memory);
        let mapping = Memory(tree[number].token).map(READ)?;
        println!("truth: mapped {:#x} cap {number}", mapping.address());
        mapped.push(mapping);
    }
    Ok(mapped)
}

/// Leaves capabilities where no process has them: as names, and in messages that nobody has taken.
fn keep(random: &mut Random, tree: &[Node]) -> Result<()> {
    let (names, messages) = (Namespace::create()?, Endpoint::buffered(KEPT as u64)?);
    for i in 0..KEPT {
        let number = any_of(random, tree, [Kind::Endpoint, Kind::Memory][i % 2]);
        names.register(
            &alloc::format!("kept-{i}"),
            tree[number].token,
            rights::READ,
        )?;
        println!("truth: kept {number}");
        let number = any_of(random, tree, [Kind::Notification, Kind::Endpoint][i % 2]);
        messages.post(Message::from([1]).with_cap(tree[number].token, rights::WRITE))?;
        println!("truth: kept {number}");
    }
    Ok(())
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

/// Threads that receive or wait through capabilities of the trees; bit n of `freed` is set when the n-th gets an error.
fn wait_at(random: &mut Random, tree: &[Node], freed: &Arc<AtomicU64>) -> Result<Vec<u32>> {
    let mut waiting = Vec::new();
    while waiting.len() < WAITERS.iter().sum() {
        let message = waiting.len() < WAITERS[0];
        let (kind, reason) = match message {
            true => (Kind::Endpoint, "Receive"),
            false => (Kind::Notification, "Notification"),
        };
        let node = any_of(random, tree, kind);
        let (token, freed, bit) = (tree[node].token, freed.clone(), waiting.len());
        let number = blocked(reason, move || {
            let failed = match message {
                true => Endpoint(token).receive().is_err(),
                false => Notification(token).wait().is_err(),
            };
            freed.fetch_or((failed as u64) << bit, SeqCst);
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
