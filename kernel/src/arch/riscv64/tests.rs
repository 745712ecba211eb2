//! Kernel tests of what is special to RISC-V: status bits, frames, timer, interrupts, FPU, user
//! access, page-table bits, harts.

use super::{console, cpu, ipi, sstatus};
use crate::arch::context::{self, FpuState, Frame};
use crate::arch::layout::{DIRECT_MAP, IMAGE, USER_END};
use crate::arch::{paging, timer, uaccess};
use crate::mm::{MapFlags, PhysAddr};
use crate::percpu;
use crate::{kernel_test, ktest_assert, ktest_assert_eq, ktest_ignore};
use core::arch::asm;

const ILLEGAL_INSTRUCTION: u64 = 2;
const FETCH_PAGE_FAULT: u64 = 12;
const LOAD_PAGE_FAULT: u64 = 13;
const STORE_PAGE_FAULT: u64 = 15;

/// Runs `$instruction` with this hart's traps led around it. Gives the trap's cause, or `None`.
macro_rules! probe {
    ($instruction:literal $(, $name:ident = $value:expr)*) => {{
        let cause: u64;
        // SAFETY: interrupts are off, so the only trap is that of the instruction; vector and
        // status are restored, and the instruction writes no register but t0 and t1.
        unsafe {
            asm!(
                ".option push", ".option arch, +d",
                "csrr {status}, sstatus",
                "lla  {vector}, 2f",
                "csrrw {vector}, stvec, {vector}",
                "csrw scause, zero",
                $instruction,
                ".balign 4",
                "2: csrw stvec, {vector}",
                "csrw sstatus, {status}",
                "csrr {cause}, scause",
                ".option pop",
                status = out(reg) _, vector = out(reg) _, cause = lateout(reg) cause,
                out("t0") _, out("t1") _, out("ra") _
                $(, $name = in(reg) $value)*
            );
        }
        (cause != 0).then_some(cause)
    }};
}

fn load_at(address: u64) -> Option<u64> {
    probe!("ld t0, 0({address})", address = address)
}

fn store_at(address: u64) -> Option<u64> {
    probe!(
        "ld t1, 0({address})\n sd t1, 0({address})",
        address = address
    )
}

fn fetch_at(address: u64) -> Option<u64> {
    probe!("jalr ra, {address}", address = address)
}

unsafe extern "C" {
    static __text_start: u8;
    static __rodata_start: u8;
    static __data_start: u8;
}

/// Bits of `sip`: what is pending.
fn pending() -> u64 {
    let value;
    // SAFETY: reads a control register.
    unsafe { asm!("csrr {}, sip", out(reg) value, options(nostack)) };
    value
}

fn wait_pending(bit: u64, nanoseconds: u64) -> bool {
    let end = timer::now() + nanoseconds;
    while pending() & bit == 0 {
        if timer::now() > end {
            return false;
        }
        cpu::relax();
    }
    true
}

const SOFTWARE: u64 = 1 << 1;
const TIMER: u64 = 1 << 5;
const EXTERNAL: u64 = 1 << 9;

kernel_test! {
    fn status_register_is_closed_in_the_kernel() {
        let status = cpu::read_sstatus();
        ktest_assert_eq!(status & (sstatus::SUM | sstatus::SPP | sstatus::SIE), 0);
    }

    fn programs_may_read_the_counters() {
        let open: u64;
        // SAFETY: reads a control register.
        unsafe { asm!("csrr {}, scounteren", out(reg) open) };
        ktest_assert_eq!(open & 7, 7);
        let [a, b] = [cpu::instructions(), cpu::instructions()];
        ktest_assert!(b > a);
    }

    fn frame_keeps_each_register_in_its_place() {
        let mut frame = Frame::user(0x1000, 0x7fff_0000, 42);
        frame.set_tls(7);
        ktest_assert_eq!([frame.pc(), frame.sp(), frame.tls()], [0x1000, 0x7fff_0000, 7]);
        ktest_assert_eq!(frame.registers[10], 42);
        ktest_assert_eq!(frame.registers.iter().filter(|value| **value != 0).count(), 5);
        ktest_assert!(!frame.in_system_call());
        for number in 0..32 {
            frame.registers[number] = number as u64;
        }
        frame.set_results(&[100, 101, 102]);
        ktest_assert_eq!(frame.registers[9..17], [9, 100, 101, 102, 0, 0, 0, 16][..]);
        let registers = frame.registers();
        ktest_assert_eq!((registers[8], registers[0]), (("s0", 8), ("pc", 0)));
    }

    fn trap_in_the_kernel_preserves_every_register() {
        // A fault inside a user-copy routine is the one kernel trap that returns.
        let mut registers = [0u64; 12];
        let fails: u64;
        // SAFETY: the routine reads an address that is never mapped and fails; callee-saved
        // registers are set before and stored after, and restored by the block's end.
        unsafe {
            asm!(
                "addi sp, sp, -112",
                "sd s0, 0(sp)", "sd s1, 8(sp)", "sd ra, 16(sp)", "sd a7, 24(sp)",
                "mv s1, a7",
                "li s0, 0x55", "li s2, 2", "li s3, 3", "li s4, 4", "li s5, 5", "li s6, 6",
                "li s7, 7", "li s8, 8", "li s9, 9", "li s10, 10", "li s11, 11",
                "call uaccess_load",
                "sd s0, 0(s1)", "sd s2, 8(s1)", "sd s3, 16(s1)", "sd s4, 24(s1)", "sd s5, 32(s1)",
                "sd s6, 40(s1)", "sd s7, 48(s1)", "sd s8, 56(s1)", "sd s9, 64(s1)",
                "sd s10, 72(s1)", "sd s11, 80(s1)", "ld t0, 24(sp)", "sd t0, 88(s1)",
                "ld s0, 0(sp)", "ld s1, 8(sp)", "ld ra, 16(sp)",
                "addi sp, sp, 112",
                inlateout("a0") USER_END - 8 => fails, in("a7") registers.as_mut_ptr(),
                out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
                out("s8") _, out("s9") _, out("s10") _, out("s11") _, clobber_abi("C"),
            );
        }
        ktest_assert_eq!(fails, 1);
        ktest_assert_eq!(registers[..11], [0x55, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11][..]);
        ktest_assert_eq!(registers[11], registers.as_ptr() as u64);
    }

    fn bad_user_addresses_are_errors_and_close_user_memory() {
        let mut buffer = [0u8; 64];
        for (address, length) in [(0, 1), (0, 64), (0x1001, 7), (USER_END - 64, 64)] {
            // SAFETY: the buffer has room; nothing is mapped at the user addresses.
            let read = unsafe { uaccess::copy_from_user(buffer.as_mut_ptr(), address, length) };
            ktest_assert!(read.is_err(), "read {address:#x}");
            // SAFETY: as above.
            let written = unsafe { uaccess::copy_to_user(address, buffer.as_ptr(), length) };
            ktest_assert!(written.is_err(), "write {address:#x}");
            ktest_assert_eq!(cpu::read_sstatus() & sstatus::SUM, 0);
        }
        ktest_assert!(uaccess::load_u32_user(0x2000).is_err());
        ktest_assert!(uaccess::compare_exchange_u32_user(0x2000, 0, 1).is_err());
        ktest_assert_eq!(cpu::read_sstatus() & sstatus::SUM, 0);
    }

    fn kernel_text_is_readable_executable_and_not_writable() {
        let text = &raw const __text_start as u64;
        ktest_assert_eq!((load_at(text), store_at(text)), (None, Some(STORE_PAGE_FAULT)));
    }

    fn kernel_constants_are_neither_writable_nor_executable() {
        let rodata = &raw const __rodata_start as u64;
        ktest_assert_eq!((load_at(rodata), store_at(rodata)), (None, Some(STORE_PAGE_FAULT)));
        ktest_assert_eq!(fetch_at(rodata), Some(FETCH_PAGE_FAULT));
    }

    fn kernel_data_and_direct_map_are_not_executable() {
        let data = &raw const __data_start as u64;
        ktest_assert_eq!((load_at(data), fetch_at(data)), (None, Some(FETCH_PAGE_FAULT)));
        let alias = DIRECT_MAP + paging::image_physical(&raw const __text_start as u64);
        ktest_assert_eq!((load_at(alias), fetch_at(alias)), (None, Some(FETCH_PAGE_FAULT)));
    }

    fn nothing_is_mapped_at_null_or_between_the_halves() {
        for address in [0, 8, 0x1000, USER_END - 8, 0x0000_8000_0000_0000, DIRECT_MAP - 8] {
            ktest_assert_eq!(load_at(address), Some(LOAD_PAGE_FAULT), "{address:#x}");
        }
    }

    fn no_kernel_page_is_both_writable_and_executable() {
        let (mut leaves, mut bad) = (0, 0);
        let root = paging::root_address(paging::read_root());
        each_leaf(root, 3, &mut |entry, level| {
            let flags = entry.flags(level);
            leaves += 1;
            bad += usize::from(flags.contains(MapFlags::WRITE | MapFlags::EXECUTE));
            bad += usize::from(flags.contains(MapFlags::USER));
        });
        ktest_assert!(leaves > 3, "{leaves} leaves");
        ktest_assert_eq!(bad, 0, "of {leaves} leaves");
    }

    fn page_table_entries_hold_what_they_were_given() {
        ktest_assert!(!paging::Entry::EMPTY.is_present());
        let table = paging::Entry::table(PhysAddr(0x8765_4000));
        ktest_assert!(table.is_present() && !table.is_leaf(1));
        ktest_assert_eq!((table.address(), table.0 & 0x3ff), (PhysAddr(0x8765_4000), 1));
        for bits in 0..1u32 << 7 {
            let flags = MapFlags::from_bits_truncate(bits) | MapFlags::READ;
            for (level, page) in [(0, 0x12_3456_7000), (1, 0x8020_0000), (2, 0x1_4000_0000)] {
                let entry = paging::Entry::leaf(PhysAddr(page), flags, level);
                ktest_assert!(entry.is_present() && entry.is_leaf(level));
                ktest_assert_eq!(entry.address(), PhysAddr(page));
                ktest_assert_eq!(entry.flags(level), flags);
                ktest_assert!(entry.accessed());
                ktest_assert_eq!(entry.dirty(), flags.contains(MapFlags::WRITE));
            }
        }
    }

    fn root_register_names_table_and_space() {
        let value = paging::root_register(PhysAddr(0x8_7654_3000), 0x1234);
        ktest_assert_eq!(value >> 60, 9);
        ktest_assert_eq!(value >> 44 & 0xffff, 0x1234);
        ktest_assert_eq!(paging::root_address(value), PhysAddr(0x8_7654_3000));
        ktest_assert_eq!(paging::read_root() >> 60, 9);
        ktest_assert!(paging::asid_count().is_power_of_two());
    }

    fn remote_fences_reach_every_hart() {
        let others = percpu::online_mask() & !cpu::current().bit();
        ktest_assert!(paging::remote_flush(others, 0x1000, 0x3000, 3));
        ktest_assert!(paging::remote_flush(others, IMAGE, IMAGE + 0x1000, 0));
        cpu::sync_instruction_cache(IMAGE, 4);
    }

    fn timer_fires_and_never_early() {
        for delay in [1_000, 50_000, 1_234_567] {
            let deadline = timer::now() + delay;
            timer::arm(deadline);
            while pending() & TIMER == 0 {
                ktest_assert!(timer::now() < deadline + 500_000_000, "no interrupt");
                cpu::relax();
            }
            ktest_assert!(timer::now() >= deadline);
        }
        timer::disarm();
        ktest_assert_eq!(pending() & TIMER, 0);
    }

    fn disarmed_timer_stays_silent() {
        timer::arm(timer::now() + 2_000_000);
        timer::disarm();
        ktest_assert!(!wait_pending(TIMER, 5_000_000));
    }

    fn past_deadline_fires_at_once() {
        timer::arm(0);
        ktest_assert!(wait_pending(TIMER, 100_000_000));
        timer::disarm();
    }

    fn own_ipi_arrives_and_is_withdrawn() {
        ipi::send(cpu::current());
        ktest_assert!(wait_pending(SOFTWARE, 100_000_000));
        ipi::acknowledge();
        ktest_assert_eq!(pending() & SOFTWARE, 0);
    }

    fn uart_interrupt_comes_through_the_plic_and_is_masked_when_taken() {
        let Some(line) = console::enable_transmit_interrupt(true) else {
            ktest_ignore!("no UART interrupt in the device tree");
        };
        ipi::route_irq(line, cpu::current());
        ipi::unmask(line);
        ktest_assert!(wait_pending(EXTERNAL, 100_000_000));
        ktest_assert_eq!(ipi::take(), Some(line));
        ktest_assert_eq!(pending() & EXTERNAL, 0, "still pending after it was taken");
        // A new edge of the masked line stays out until the line is unmasked.
        console::enable_transmit_interrupt(false);
        console::enable_transmit_interrupt(true);
        ktest_assert!(!wait_pending(EXTERNAL, 1_000_000), "interrupts while masked");
        ipi::unmask(line);
        ktest_assert!(wait_pending(EXTERNAL, 100_000_000), "lost while masked");
        ktest_assert_eq!(ipi::take(), Some(line));
        console::enable_transmit_interrupt(false);
        ktest_assert_eq!(ipi::take(), None);
    }

    fn floating_point_traps_while_it_is_off() {
        context::fpu_disable();
        ktest_assert_eq!(probe!("fmv.d.x f0, zero"), Some(ILLEGAL_INSTRUCTION));
        ktest_assert!(!super::context::fpu_is_enabled());
        context::fpu_enable();
        ktest_assert_eq!(probe!("fmv.d.x f0, zero"), None);
        context::fpu_disable();
    }

    fn floating_point_state_survives_a_round_trip() {
        let mut state = FpuState::default();
        for (number, register) in state.registers.iter_mut().enumerate() {
            *register = 0x4000_0000_0000_0000 + number as u64 * 0x0101_0101;
        }
        state.control = 0x7f;
        let mut stored = FpuState::default();
        context::fpu_enable();
        // SAFETY: the FPU is on, and no program's state is in it while kernel tests run.
        unsafe {
            context::fpu_restore(&state);
            context::fpu_save(&mut stored);
            context::fpu_restore(&FpuState::default());
        }
        ktest_assert_eq!((stored.registers, stored.control), (state.registers, state.control));
        // SAFETY: as above.
        unsafe { context::fpu_save(&mut stored) };
        context::fpu_disable();
        ktest_assert_eq!((stored.registers, stored.control), ([0; 32], 0));
    }

    fn privileged_machine_registers_are_out_of_reach() {
        ktest_assert_eq!(probe!("csrr t0, mstatus"), Some(ILLEGAL_INSTRUCTION));
        ktest_assert_eq!(probe!("mret"), Some(ILLEGAL_INSTRUCTION));
    }

    fn firmware_knows_the_state_of_every_hart() {
        for cpu in percpu::cpus(percpu::online_mask()) {
            ktest_assert_eq!(sbi_rt::hart_get_status(cpu.hardware_id.get() as usize).ok(), Some(0));
        }
        ktest_assert!(sbi_rt::hart_get_status(4096).is_err());
        ktest_assert!(sbi_rt::hart_start(4096, 0, 0).is_err());
        let own = cpu::current().hardware_id.get();
        ktest_assert!(sbi_rt::hart_start(own as usize, 0, 0).error == (-6isize) as usize, "already available");
    }

    fn interrupts_are_taken_only_while_waiting() {
        ktest_assert!(!cpu::interrupts_enabled());
        let before = timer::now();
        timer::arm(before + 300_000);
        cpu::wait_for_interrupt();
        ktest_assert!(!cpu::interrupts_enabled());
        ktest_assert_eq!(pending() & TIMER, 0, "the interrupt was not handled");
        ktest_assert!(timer::now() >= before + 300_000);
    }
}

/// Visits every leaf of the kernel's half below a table.
fn each_leaf(table: PhysAddr, level: usize, visit: &mut dyn FnMut(paging::Entry, usize)) {
    let entries = (DIRECT_MAP + table.0) as *const paging::Entry;
    for index in if level == 3 { 256..512 } else { 0..512 } {
        // SAFETY: the tables in use are in RAM, which the direct map shows, and kernel tests run
        // while nothing else changes them.
        let entry = unsafe { entries.add(index).read() };
        if entry.is_leaf(level) {
            visit(entry, level);
        } else if entry.is_present() && level > 0 {
            each_leaf(entry.address(), level - 1, visit);
        }
    }
}
