//! What operations cost, in executed instructions (run under `-icount shift=0,sleep=off`).
//!
//! Each row is measured by user-mode code: the counter is read before and after one operation, and
//! what reading it costs is subtracted; 16 rounds warm up, 16 count.
#![no_std]
#![no_main]

use veridian::abi::MessageInfo;
use veridian::abi::well_known::{PROCESS, THREAD};
use veridian::{println, sys};

veridian::main!(run);

const ROUNDS: usize = 16;

/// Prints the row `op`: instructions of one call of `operation`.
fn row(op: &str, mut operation: impl FnMut()) {
    let mut samples = [0u64; ROUNDS];
    for _ in 0..ROUNDS {
        operation();
    }
    for sample in &mut samples {
        let start = sys::instructions();
        operation();
        *sample = sys::instructions() - start;
    }
    let start = sys::instructions();
    let overhead = sys::instructions() - start;
    let mean = samples.iter().sum::<u64>() / ROUNDS as u64;
    let spread = samples.iter().map(|s| s.abs_diff(mean)).max().unwrap_or(0);
    println!("{samples:?}");
    println!(
        "bench: {{\"op\":\"{op}\",\"instructions\":{},\"stddev\":{spread},\"runs\":{ROUNDS}}}",
        mean.saturating_sub(overhead)
    );
}

fn run(_: veridian::Arguments) -> u8 {
    match measure() {
        Ok(()) => 0,
        Err(error) => {
            println!("bench: {}", error.text());
            1
        }
    }
}

fn measure() -> veridian::Result<()> {
    sys::set_schedule(THREAD, veridian::abi::class::FIXED, 200).check()?;
    row("null_syscall", || {
        sys::null();
    });
    let endpoint = sys::endpoint_create(PROCESS, 0).value()?;
    if sys::fork(PROCESS).value()? == 0 {
        serve(endpoint);
    }
    sys::yield_now();
    for words in [0, 4, 10] {
        let info = MessageInfo::words(words).0;
        let name = ["call_reply_0", "call_reply_4", "call_reply_10"][words.div_ceil(5).min(2)];
        row(name, || {
            sys::call(endpoint, info, 1, 2, 3, 4);
        });
    }
    let token = sys::endpoint_create(PROCESS, 0).value()?;
    let mut minted = [0; 64];
    let mut count = 0;
    row("mint", || {
        minted[count] = sys::mint(token, 0x3f, 0).value;
        count += 1;
    });
    row("delete", || {
        count -= 1;
        sys::delete(minted[count]);
    });
    Ok(())
}

fn serve(endpoint: u64) -> ! {
    let mut message = sys::receive(endpoint, 0);
    loop {
        message = sys::reply_receive(
            endpoint,
            message.status as u64,
            message.words[0],
            message.words[1],
            message.words[2],
            message.words[3],
        );
    }
}
