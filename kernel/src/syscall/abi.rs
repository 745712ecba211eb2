//! Which register carries what, on each architecture.
//!
//! | | x86_64 | AArch64 | RISC-V |
//! |---|---|---|---|
//! | instruction | `syscall` | `svc #0` | `ecall` |
//! | call number | rax | x8 | a7 |
//! | arguments 0 to 5 | rdi rsi rdx r10 r8 r9 | x0 to x5 | a0 to a5 |
//! | status | rax | x0 | a0 |
//! | value (badge of a message) | rsi | x1 | a1 |
//! | words 0 to 3 | rdx r10 r8 r9 | x2 to x5 | a2 to a5 |
//! | zero on return | rdi | x6 x7 x9 to x18 | a6 a7 t0 to t6 |
//! | the caller's own | rcx (rip) r11 (rflags) | — | — |
//!
//! Preserved: every register that the platform's C ABI calls callee-saved, the link register, the
//! stack and thread pointers, and the floating-point and vector state. A message's first four words are arguments
//! 2 to 5 on the way in and words 0 to 3 on the way out: the same registers, so that the
//! fast path of IPC moves none of them.
