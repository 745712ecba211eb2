//! Calls to the firmware: the Supervisor Binary Interface.
//!
//! A call leaves every register but a0 and a1 as it was.

use crate::percpu;
use core::arch::asm;

/// The hart runs already.
#[cfg(feature = "ktest")]
pub const ALREADY_AVAILABLE: i64 = -6;

/// Calls function `function` of extension `extension`; the error becomes `Err`.
pub fn call(extension: u64, function: u64, arguments: [u64; 5]) -> Result<u64, i64> {
    let (error, value): (i64, u64);
    // SAFETY: the firmware preserves all registers but a0 and a1, and the extensions used
    // here touch no memory of the kernel's.
    unsafe {
        asm!("ecall", in("a7") extension, in("a6") function,
            inlateout("a0") arguments[0] => error, inlateout("a1") arguments[1] => value,
            in("a2") arguments[2], in("a3") arguments[3], in("a4") arguments[4],
            options(nostack));
    }
    if error == 0 { Ok(value) } else { Err(error) }
}

/// Specification version and implementation id of the firmware.
pub fn versions() -> (u64, u64) {
    let get = |function| call(0x10, function, [0; 5]).unwrap_or(0);
    (get(0), get(1))
}

/// Writes one character to the firmware's console (legacy call, which returns no value).
pub fn put(byte: u8) {
    // A console that does not take the character leaves nothing to be done.
    let _ = call(1, 0, [byte.into(), 0, 0, 0, 0]);
}

/// Sets this hart's timer.
pub fn set_timer(ticks: u64) {
    // Every firmware with a timer extension accepts every value.
    let _ = call(0x5449_4d45, 0, [ticks, 0, 0, 0, 0]);
}

/// Raises the software interrupt of one hart.
pub fn send_ipi(hart: u64) {
    let sent = call(0x73_5049, 0, [1, hart, 0, 0, 0]);
    debug_assert!(sent.is_ok(), "IPI to hart {hart}: error {sent:?}");
}

/// Starts a stopped hart at a physical address with `opaque` in a1.
pub fn hart_start(hart: u64, entry: u64, opaque: u64) -> Result<u64, i64> {
    call(0x48_534d, 0, [hart, entry, opaque, 0, 0])
}

/// Stops this hart; returns only if the firmware refuses.
pub fn hart_stop() {
    let _ = call(0x48_534d, 1, [0; 5]);
}

/// State of a hart: 0 started, 1 stopped, others on the way.
pub fn hart_status(hart: u64) -> Result<u64, i64> {
    call(0x48_534d, 2, [hart, 0, 0, 0, 0])
}

/// Remote fences: which instruction the harts execute.
pub enum Fence {
    /// `fence.i`
    Instructions,
    /// `sfence.vma` for a range in every address space.
    Range { start: u64, size: u64 },
    /// `sfence.vma` for a range in one address space.
    Asid { start: u64, size: u64, asid: u64 },
}

/// Makes CPUs execute a fence; all have when it returns.
pub fn remote_fence(cpus: u64, fence: &Fence) {
    let (function, start, size, asid) = match *fence {
        Fence::Instructions => (0, 0, 0, 0),
        Fence::Range { start, size } => (1, start, size, 0),
        Fence::Asid { start, size, asid } => (2, start, size, asid),
    };
    let send = |harts, base| {
        let sent = call(0x5246_4e43, function, [harts, base, start, size, asid]);
        // A translation that survives is a hole in isolation: the kernel must not go on.
        sent.unwrap_or_else(|error| panic!("remote fence failed: SBI error {error}"));
    };
    // Hart ids are mostly small, and then one call reaches every CPU.
    let mut harts = 0;
    for cpu in percpu::cpus(cpus) {
        match cpu.hardware_id.get() {
            hart @ 0..64 => harts |= 1 << hart,
            hart => send(1, hart),
        }
    }
    if harts != 0 {
        send(harts, 0);
    }
}
