//! Registers, counters, floating point, time, and what user mode must not do.

use crate::harness::{in_child, now, sleep};
use crate::{check, check_eq, tests};
use core::hint::black_box;
use veridian::abi::well_known::CONSOLE;
use veridian::sys;

/// Status of a process that a fault ended.
const FAULT: u64 = veridian::abi::fault::STATUS as u64;

fn faults(body: impl FnOnce()) -> Result<Option<u64>, veridian::Error> {
    in_child(|| {
        body();
        7
    })
}

fn load(address: u64) {
    // SAFETY: none; the address is meant to fault, which ends the child.
    black_box(unsafe { (address as *const u64).read_volatile() });
}

fn store(address: u64) {
    // SAFETY: as in `load`.
    unsafe { (address as *mut u64).write_volatile(1) };
}

fn jump(address: u64) {
    // SAFETY: as in `load`.
    let target: extern "C" fn() = unsafe { core::mem::transmute(black_box(address) as usize) };
    target();
}

/// A sum that only right floating-point registers give.
fn waves(start: f64, rounds: u32) -> f64 {
    let mut values = [
        start,
        start * 0.5,
        start * 0.25,
        start * 0.125,
        1.0,
        2.0,
        3.0,
        4.0,
    ];
    for round in 0..rounds {
        for i in 0..8 {
            values[i] = values[i] * 0.75 + values[(i + 1) % 8] * 0.25 + f64::from(round & 3);
        }
        if round % 16 == 0 {
            sys::yield_now();
        }
    }
    values.iter().sum()
}

const KERNEL_IMAGE: u64 = 0xffff_ffff_8020_0000;
const DIRECT_MAP: u64 = 0xffff_8000_8000_0000;

tests! {
    fn null_call_succeeds_and_returns_zeros() {
        let result = sys::null();
        check_eq!((result.status, result.value, result.words), (0, 0, [0; 4]));
    }
    fn unknown_calls_are_refused() {
        for number in [74, 100, 1 << 20, 1 << 32, u64::MAX, i64::MAX as u64] {
            let result = sys::raw(number, [1, 2, 3, 4, 5, 6]);
            check_eq!(result.check().err(), Some(veridian::Error::NoSuchCall));
            check_eq!((result.value, result.words), (0, [0; 4]));
        }
    }
    fn instruction_counter_is_readable() {
        let counts = [sys::instructions(), sys::instructions()];
        check!(counts[1] > counts[0]);
    }
    fn clock_is_monotonic_across_yields() {
        let mut last = now();
        for _ in 0..500 {
            sys::yield_now();
            let time = now();
            check!(time >= last);
            last = time;
        }
    }
    fn sleeping_is_never_short() {
        for nanoseconds in [0, 1, 1_000, 50_000, 2_000_000, 11_000_000] {
            let start = now();
            sleep(nanoseconds);
            check!(now() - start >= nanoseconds, "{nanoseconds}");
        }
    }
    fn sleeping_into_the_past_returns() {
        check_eq!(sys::sleep_until(0).status, 0);
    }
    fn floating_point_survives_yields_and_children() {
        let expected = waves(1.5, 2_000);
        let child = in_child(|| u8::from(waves(1.5, 2_000) != expected))?;
        check_eq!(child, Some(0));
        check!(waves(1.5, 2_000) == expected);
    }
    fn floating_point_state_is_forked() {
        let held = black_box(3.25f64) * black_box(2.0);
        let child = in_child(|| u8::from(held + black_box(0.5) != 7.0))?;
        check_eq!(child, Some(0));
        check!(held == 6.5);
    }
    fn floating_point_of_several_processes_does_not_mix() {
        let mut children = [0u64; 8];
        for (index, child) in children.iter_mut().enumerate() {
            let start = index as f64 + 0.5;
            *child = sys::fork(veridian::abi::well_known::PROCESS).value()?;
            if *child == 0 {
                let results = [waves(start, 3_000), waves(start, 3_000)];
                sys::exit(u64::from(results[0] != results[1]));
            }
        }
        for child in children {
            check_eq!(sys::process_wait(child, 0).value()?, 0);
            sys::delete(child).check()?;
        }
    }
    fn null_pointer_ends_the_process() {
        check_eq!(faults(|| load(0))?, Some(FAULT));
        check_eq!(faults(|| store(8))?, Some(FAULT));
        check_eq!(faults(|| jump(0))?, Some(FAULT));
    }
    fn kernel_image_is_out_of_reach() {
        check_eq!(faults(|| load(KERNEL_IMAGE))?, Some(FAULT));
        check_eq!(faults(|| store(KERNEL_IMAGE))?, Some(FAULT));
        check_eq!(faults(|| jump(KERNEL_IMAGE))?, Some(FAULT));
    }
    fn direct_map_is_out_of_reach() {
        check_eq!(faults(|| load(DIRECT_MAP))?, Some(FAULT));
        check_eq!(faults(|| store(DIRECT_MAP))?, Some(FAULT));
    }
    fn addresses_between_the_halves_fault() {
        check_eq!(faults(|| load(0x0000_8000_0000_0000))?, Some(FAULT));
        check_eq!(faults(|| load(0xffff_7fff_ffff_fff8))?, Some(FAULT));
        check_eq!(faults(|| jump(0x0000_9000_0000_0000))?, Some(FAULT));
    }
    fn own_code_cannot_be_written() {
        check_eq!(faults(|| store(waves as *const () as u64 & !7))?, Some(FAULT));
    }
    fn constants_cannot_be_written() {
        check_eq!(faults(|| store("constant text".as_ptr() as u64 & !7))?, Some(FAULT));
    }
    fn stack_cannot_be_executed() {
        let code = [0u64; 4];
        check_eq!(faults(|| jump(black_box(&code).as_ptr() as u64))?, Some(FAULT));
    }
    fn stack_overflow_ends_the_process() {
        #[allow(unconditional_recursion)]
        fn deeper(depth: u64) -> u64 {
            let kept = black_box([depth; 64]);
            deeper(depth + 1) + kept[7]
        }
        check_eq!(faults(|| { black_box(deeper(0)); })?, Some(FAULT));
    }
    fn privileged_instructions_end_the_process() {
        check_eq!(faults(privileged_read)?, Some(FAULT));
        check_eq!(faults(privileged_halt)?, Some(FAULT));
    }
    fn a_panic_ends_with_its_own_status() {
        check_eq!(in_child(|| panic!("asked for"))?, Some(101));
    }
    fn kernel_goes_on_after_many_faults() {
        for _ in 0..20 {
            check_eq!(faults(|| load(0))?, Some(FAULT));
        }
    }
    fn bad_buffers_are_errors() {
        let end = 0x0000_7fff_ffff_f000u64;
        for address in [0, 8, end - 4, end, u64::MAX, u64::MAX - 3, KERNEL_IMAGE, DIRECT_MAP, 1 << 47] {
            let result = sys::console_write(CONSOLE, address, 16);
            check_eq!(result.check().err(), Some(veridian::Error::BadAddress));
        }
    }
    fn buffer_that_runs_into_nothing_is_an_error() {
        let page = sys::map_anonymous(veridian::abi::well_known::ADDRESS_SPACE, 0, 4096, 3).value()?;
        let result = sys::console_write(CONSOLE, page + 4090, 100);
        check_eq!(result.check().err(), Some(veridian::Error::BadAddress));
        sys::unmap(veridian::abi::well_known::ADDRESS_SPACE, page, 4096).check()?;
    }
    fn preserved_registers_survive_system_calls() {
        // Values live across calls stay in preserved registers, which the compiler relies on.
        let values: [u64; 12] = core::array::from_fn(|i| black_box(0x1111 * i as u64));
        for _ in 0..100 {
            sys::yield_now();
            sys::null();
        }
        for (i, value) in values.iter().enumerate() {
            check_eq!(*value, 0x1111 * i as u64);
        }
    }
    fn preemption_preserves_everything() {
        // Long enough for several ticks of the timer.
        let mix = |mut x: u64| {
            for _ in 0..3_000_000u64 {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
            }
            x
        };
        let expected = mix(88_172_645_463_325_252);
        let child = in_child(|| u8::from(mix(88_172_645_463_325_252) != expected))?;
        check_eq!(child, Some(0));
        check_eq!(mix(88_172_645_463_325_252), expected);
    }
}

#[cfg(target_arch = "riscv64")]
fn privileged_read() {
    // SAFETY: the instruction faults.
    unsafe { core::arch::asm!("csrr {}, sstatus", out(reg) _) };
}

#[cfg(target_arch = "riscv64")]
fn privileged_halt() {
    // SAFETY: the instruction faults.
    unsafe { core::arch::asm!("sret") };
}

#[cfg(target_arch = "aarch64")]
fn privileged_read() {
    // SAFETY: the instruction faults.
    unsafe { core::arch::asm!("mrs {}, ttbr0_el1", out(reg) _) };
}

#[cfg(target_arch = "aarch64")]
fn privileged_halt() {
    // SAFETY: the instruction faults.
    unsafe { core::arch::asm!("eret") };
}

#[cfg(target_arch = "x86_64")]
fn privileged_read() {
    // SAFETY: the instruction faults.
    unsafe { core::arch::asm!("mov {}, cr3", out(reg) _) };
}

#[cfg(target_arch = "x86_64")]
fn privileged_halt() {
    // SAFETY: the instruction faults.
    unsafe { core::arch::asm!("hlt") };
}
