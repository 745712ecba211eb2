//! What a caller finds in its registers after a system call: what the call preserves is as it
//! was, and everything that is no result is zero, whatever was in it before.

use core::arch::asm;
use veridian::abi::number;

use crate::check_eq;

/// Makes a call without results and without arguments. Each bit that is set in the answer is one
/// that differs in some register.
fn differences(call: u64) -> u64 {
    let wrong;
    // SAFETY: the call touches no memory; what the compiler cannot be told is put back.
    unsafe {
        asm!(
            "stp x19, x29, [sp, #-16]!",
            ".irp n, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18",
            "mov x\\n, #0xdead",
            ".endr",
            ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30",
            "mov x\\n, #0x4000 + \\n",
            ".endr",
            "svc #0",
            ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18",
            "orr x0, x0, x\\n",
            ".endr",
            ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30",
            "mov x1, #0x4000 + \\n",
            "eor x1, x1, x\\n",
            "orr x0, x0, x1",
            ".endr",
            "ldp x19, x29, [sp], #16",
            inout("x0") 0u64 => wrong, inout("x1") 0u64 => _, inout("x2") 0u64 => _,
            inout("x3") 0u64 => _, inout("x4") 0u64 => _, inout("x5") 0u64 => _,
            out("x6") _, out("x7") _, inout("x8") call => _, out("x9") _, out("x10") _,
            out("x11") _, out("x12") _, out("x13") _, out("x14") _, out("x15") _, out("x16") _,
            out("x17") _, out("x18") _, out("x20") _, out("x21") _, out("x22") _, out("x23") _,
            out("x24") _, out("x25") _, out("x26") _, out("x27") _, out("x28") _, out("x30") _,
        )
    }
    wrong
}

crate::tests! {
    fn a_call_that_returns_leaves_nothing_behind() {
        check_eq!(differences(number::null), 0);
    }
    fn a_call_that_gives_up_the_cpu_leaves_nothing_behind() {
        check_eq!(differences(number::yield_now), 0);
    }
}
