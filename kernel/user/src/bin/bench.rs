//! What operations cost, in executed instructions (run under `-icount shift=0,sleep=off`).
//!
//! Each row is measured by user-mode code in one function that is not inlined: it reads the counter
//! right before and right after the operation, and what reading it costs is subtracted; 16 rounds warm
//! up, 16 count. Client and server are two processes of equal fixed priority. An endpoint's 64th call is
//! measured by the kernel itself, so each row has an endpoint of its own and makes half as many; the
//! dearer ones have a row of their own.
//!
//! With several CPUs only the row for them is measured: the others are halted.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use veridian::abi::well_known::{ADDRESS_SPACE, INITRD, MACHINE, PROCESS, THREAD};
use veridian::abi::{MessageInfo, class, protection};
use veridian::initrd::{File, Initrd};
use veridian::sys::Returned;
use veridian::{Result, ipc, println, sys, thread};

veridian::main!(run);

const ROUNDS: usize = 16;
const PAGE: u64 = 4096;
const DATA: u64 = protection::READ | protection::WRITE;

/// Instructions that an operation executes.
macro_rules! counted {
    ($operation:expr) => {{
        let start = sys::instructions();
        let _ = $operation;
        sys::instructions() - start
    }};
}

/// Makes a function that counts an operation.
macro_rules! sample {
    ($name:ident($($argument:ident),*) $operation:expr) => {
        #[inline(never)]
        fn $name($($argument: u64),*) -> u64 {
            counted!($operation)
        }
    };
}

sample!(nothing()());
sample!(null() sys::null());
sample!(call_0(endpoint) sys::call_without_words(endpoint, 0));
sample!(call_4(endpoint) sys::call(endpoint, 4, 1, 2, 3, 4));
sample!(call_10(endpoint) sys::call(endpoint, 10, 1, 2, 3, 4));
sample!(signal(notification) sys::signal(notification, 1));
sample!(yielding() sys::yield_now());
sample!(mint(token) sys::mint(token, 0x3f, 0));
sample!(delete(token) sys::delete(token));
sample!(map(memory, offset, address) sys::map(ADDRESS_SPACE, memory, offset, address, PAGE, DATA));
sample!(touch(address) write(address));
sample!(fault(endpoint) sys::reply_receive(endpoint, 1, 0, 0, 0, 0));
sample!(batch(channel) {
    sys::channel_send(channel, 16);
    sys::channel_receive(channel, 16, MessageInfo::NO_WAIT)
});

fn write(address: u64) {
    // SAFETY: the callers mapped the address for this.
    unsafe { (address as *mut u64).write_volatile(1) }
}

/// Forks, has the child write one page and exit, and waits for it; the child's token is in `child`.
#[inline(never)]
fn fork_exit_wait(page: u64, child: &mut u64) -> u64 {
    counted!({
        *child = sys::fork(PROCESS).value;
        if *child == 0 {
            write(page);
            sys::exit(0);
        }
        sys::process_wait(*child, 0)
    })
}

/// Prints the row `op`: what `sample` counts, for one of the `times` things that it does.
fn row(op: &str, times: u64, mut sample: impl FnMut() -> u64) {
    let overhead = nothing();
    for _ in 0..ROUNDS {
        sample();
    }
    let samples: [u64; ROUNDS] = core::array::from_fn(|_| sample() - overhead);
    let mean = samples.iter().sum::<u64>() / ROUNDS as u64;
    let squares = samples.iter().map(|s| s.abs_diff(mean).pow(2));
    let deviation = squares.sum::<u64>().div_ceil(ROUNDS as u64).isqrt();
    println!(
        "bench: {{\"op\":\"{op}\",\"instructions\":{},\"stddev\":{deviation},\"runs\":{ROUNDS}}}",
        mean.div_ceil(times)
    );
}

/// As `row`, of something that leaves a new capability behind, whose token it stores.
fn row_of_new(op: &str, mut sample: impl FnMut(&mut u64) -> u64) {
    row(op, 1, || {
        let mut token = 0;
        let cost = sample(&mut token);
        sys::delete(token);
        cost
    });
}

fn run(_: veridian::Arguments) -> u8 {
    let status = match measure() {
        Ok(()) => 0,
        Err(error) => {
            println!("bench: {}", error.text());
            1
        }
    };
    // As the first program it ends the machine; otherwise it has no capability of it.
    sys::shutdown(MACHINE, status);
    status as u8
}

fn measure() -> Result<()> {
    sys::set_schedule(THREAD, class::FIXED, 200).check()?;
    // There is a second CPU if one may be asked for.
    if sys::set_affinity(THREAD, 1 << 1).check().is_ok() {
        sys::set_affinity(THREAD, 1).check()?;
        return calls("call_reply_0_smp4", call_0);
    }
    row("null_syscall", 1, null);
    calls("call_reply_0", call_0)?;
    calls("call_reply_4", call_4)?;
    calls("call_reply_10", call_10)?;
    served(|endpoint| {
        sys::endpoint_limit(endpoint, u64::MAX, 1, 0).check()?;
        row("call_reply_0_limited", 1, || call_0(endpoint));
        Ok(())
    })?;
    served(|endpoint| {
        row("call_reply_0_sampled", 1, || {
            (0..64).map(|_| call_0(endpoint)).max().unwrap_or(0)
        });
        Ok(())
    })?;
    let notification = sys::notification_create(PROCESS).value()?;
    row("signal_no_waiter", 1, || signal(notification));
    minting()?;
    memory()?;
    faults()?;
    let channel = sys::channel_create(PROCESS, 64).value()?;
    row("async_per_message_16", 16, || batch(channel));
    forks()?;
    switches()?;
    threads()?;
    programs()
}

/// Measures a call to a server of its own.
fn calls(op: &str, sample: fn(u64) -> u64) -> Result<()> {
    served(|endpoint| {
        row(op, 1, || sample(endpoint));
        Ok(())
    })
}

/// Runs `body` with an endpoint that another process serves.
fn served(body: impl FnOnce(u64) -> Result<()>) -> Result<()> {
    let endpoint = sys::endpoint_create(PROCESS, 0).value()?;
    let server = sys::fork(PROCESS).value()?;
    if server == 0 {
        serve(endpoint);
    }
    sys::yield_now();
    body(endpoint)?;
    sys::process_kill(server, 0).check()?;
    sys::process_wait(server, 0).check()?;
    Ok(())
}

fn serve(endpoint: u64) -> ! {
    ipc::buffer();
    let mut message: Returned = sys::receive(endpoint, 0);
    loop {
        let [w0, w1, w2, w3] = message.words;
        message = sys::reply_receive(endpoint, message.status as u64, w0, w1, w2, w3);
    }
}

fn minting() -> Result<()> {
    let token = sys::endpoint_create(PROCESS, 0).value()?;
    row("mint", 1, || mint(token));
    row("delete", 1, || delete(sys::mint(token, 0x3f, 0).value));
    Ok(())
}

fn memory() -> Result<()> {
    let pages = 2 * ROUNDS as u64;
    let memory = sys::memory_create(PROCESS, pages * PAGE).value()?;
    let all = sys::map(ADDRESS_SPACE, memory, 0, 0, pages * PAGE, DATA).value()?;
    (0..pages).for_each(|page| write(all + page * PAGE));
    let room = sys::map_anonymous(ADDRESS_SPACE, 0, 2 * pages * PAGE, DATA).value()?;
    // The tables are there when something beside it is.
    write(room + pages * PAGE);
    sys::unmap(ADDRESS_SPACE, room, pages * PAGE).check()?;
    let mut next = 0;
    row("map_page", 1, || {
        next += PAGE;
        map(memory, next - PAGE, room + next - PAGE)
    });
    // All in one table, which is there from the first page on.
    let table = 512 * PAGE;
    let zeros = sys::map_anonymous(ADDRESS_SPACE, 0, 2 * table, DATA).value()?;
    let mut at = zeros.next_multiple_of(table);
    row("anonymous_fault", 1, || {
        at += PAGE;
        touch(at - PAGE)
    });
    sys::unmap(ADDRESS_SPACE, zeros, 2 * table).check()?;
    Ok(())
}

/// A thread that faults again and again, since its handler only tells it to try once more.
fn faults() -> Result<()> {
    let endpoint = sys::endpoint_create(PROCESS, 0).value()?;
    let thread = thread::spawn(|| write(8))?;
    sys::set_schedule(thread.token(), class::FIXED, 200).check()?;
    sys::set_fault_handler(thread.token(), endpoint).check()?;
    sys::receive(endpoint, 0).check()?;
    row("fault_round_trip", 1, || fault(endpoint));
    sys::thread_kill(thread.token()).check()?;
    Ok(())
}

/// From one thread to another of the same rank, which gives the CPU back at once: two switches.
fn switches() -> Result<()> {
    let peer = thread::spawn(|| {
        loop {
            sys::yield_now();
        }
    })?;
    sys::set_schedule(peer.token(), class::FIXED, 200).check()?;
    row("thread_switch", 2, yielding);
    peer.kill()?;
    let peer = sys::fork(PROCESS).value()?;
    if peer == 0 {
        loop {
            sys::yield_now();
        }
    }
    row("process_switch", 2, yielding);
    sys::process_kill(peer, 0).check()?;
    sys::process_wait(peer, 0).check()?;
    sys::delete(peer).check()?;
    Ok(())
}

/// When the last signal was sent, and when its receiver ran.
static SENT: AtomicU64 = AtomicU64::new(0);
static WOKEN: AtomicU64 = AtomicU64::new(0);

#[inline(never)]
fn wake(notification: u64) -> u64 {
    SENT.store(sys::instructions(), Relaxed);
    sys::signal(notification, 1);
    WOKEN.load(Relaxed) - SENT.load(Relaxed)
}

extern "C" fn done(_: u64) -> ! {
    sys::thread_exit(0);
    unreachable!("thread_exit returned")
}

/// Wake-up of a thread that outranks the one that wakes it, and the life of one that does nothing.
fn threads() -> Result<()> {
    let notification = sys::notification_create(PROCESS).value()?;
    let waiter = thread::spawn(move || {
        loop {
            sys::wait(notification, 0);
            WOKEN.store(sys::instructions(), Relaxed);
        }
    })?;
    sys::set_schedule(waiter.token(), class::FIXED, 201).check()?;
    row("wake_same_cpu", 1, || wake(notification));
    waiter.kill()?;
    let stack = sys::map_anonymous(ADDRESS_SPACE, 0, PAGE, DATA).value()?;
    write(stack + PAGE - 8);
    row_of_new("thread_create_join", |token| {
        create_join(stack + PAGE, token)
    });
    Ok(())
}

#[inline(never)]
fn create_join(stack: u64, token: &mut u64) -> u64 {
    counted!({
        *token = sys::thread_create(PROCESS, done as *const () as u64, stack, 0, 0, 0).value;
        sys::thread_join(*token, 0)
    })
}

/// Programs that end at once: as a new process, and in place of a forked one.
fn programs() -> Result<()> {
    let disk = Initrd::open()?;
    let file = disk.find("exit")?;
    row_of_new("process_create_exit_wait", |child| {
        create_exit_wait(&file, child)
    });
    row_of_new("fork_exec_wait", |child| fork_exec_wait(&file, child));
    Ok(())
}

#[inline(never)]
fn create_exit_wait(file: &File, child: &mut u64) -> u64 {
    counted!({
        *child = sys::process_create(PROCESS, INITRD, file.offset, file.length, 0, 0).value;
        sys::process_start(*child, 0);
        sys::process_wait(*child, 0)
    })
}

#[inline(never)]
fn fork_exec_wait(file: &File, child: &mut u64) -> u64 {
    counted!({
        *child = sys::fork(PROCESS).value;
        if *child == 0 {
            sys::exec(PROCESS, INITRD, file.offset, file.length, 0);
            sys::exit(1);
        }
        sys::process_wait(*child, 0)
    })
}

/// At least 16 touched pages and 16 capabilities.
fn forks() -> Result<()> {
    let pages = sys::map_anonymous(ADDRESS_SPACE, 0, 16 * PAGE, DATA).value()?;
    (0..16).for_each(|page| write(pages + page * PAGE));
    row_of_new("fork_exit_wait", |child| fork_exit_wait(pages, child));
    Ok(())
}
