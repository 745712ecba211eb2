//! Tests of what only this architecture has. They run on the boot CPU with interrupts off.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use x86_64::registers::{control::Cr4, model_specific::Msr};

use super::cpu::{self, Features};
use super::{descriptors, ipi, traps};
use crate::arch::context::{self, FpuState, Frame};
use crate::arch::layout::{DIRECT_MAP, DYNAMIC, IMAGE, USER_END};
use crate::arch::paging::{self, Entry};
use crate::arch::{timer, uaccess};
use crate::machine::machine;
use crate::mm::{MapFlags, PhysAddr, frames};
use crate::percpu::{self, CPUS};
use crate::sched::smp;
use crate::{kernel_test, ktest_assert, ktest_assert_eq, ktest_ignore};

/// Reads a model-specific register.
fn read_msr(msr: u32) -> u64 {
    // SAFETY: the registers that the tests name are there, and reading has no side effect.
    unsafe { Msr::new(msr).read() }
}

unsafe extern "C" {
    static __text_start: [u8; 0];
    static __rodata_start: [u8; 0];
    static __data_start: [u8; 0];
}

/// The leaf that maps `address` in the tables of `root`, with its level.
fn leaf(root: u64, address: u64) -> Option<(Entry, usize)> {
    let mut table = PhysAddr(root & 0x000f_ffff_ffff_f000);
    for level in (0..4).rev() {
        let index = address >> (12 + 9 * level) & 511;
        // SAFETY: tables that are in use are whole pages of the direct map.
        let entry = unsafe { *table.as_ptr::<Entry>().add(index as usize) };
        if !entry.is_present() {
            return None;
        }
        if entry.is_leaf(level) {
            return Some((entry, level));
        }
        table = entry.address();
    }
    None
}

/// Calls `each` with every leaf below the root entries `from..512`.
fn each_leaf(root: PhysAddr, from: usize, each: &mut impl FnMut(u64, Entry, usize)) {
    fn walk(
        table: PhysAddr,
        level: usize,
        base: u64,
        from: usize,
        each: &mut impl FnMut(u64, Entry, usize),
    ) {
        for index in from..512 {
            // SAFETY: as in `leaf`.
            let entry = unsafe { *table.as_ptr::<Entry>().add(index) };
            let address = base | (index as u64) << (12 + 9 * level);
            if entry.is_leaf(level) {
                each(address, entry, level);
            } else if entry.is_present() {
                walk(entry.address(), level - 1, address, 0, each);
            }
        }
    }
    walk(root, 3, 0, from, each);
}

const SECOND: u64 = 1_000_000_000;

/// Waits with interrupts on for the next timer interrupt; when it was seen, or None at `limit`.
fn next_tick(limit: u64) -> Option<u64> {
    let ticks = || crate::sched::scheduler::local().metrics.ticks.get();
    let before = ticks();
    while timer::now() < limit {
        cpu::interrupts_enable();
        cpu::relax();
        cpu::interrupts_disable();
        if ticks() != before {
            return Some(timer::now());
        }
    }
    None
}

kernel_test! {
    fn a_trap_in_the_kernel_preserves_every_register() {
        let mut after = [0u64; 13];
        // SAFETY: raises the spurious vector, whose handler does nothing; every register that the
        // code changes is restored or declared.
        unsafe {
            asm!(
                "push rbx", "push rbp", "push rdi",
                "mov rax, 1", "mov rbx, 2", "mov rcx, 3", "mov rdx, 4", "mov rsi, 5", "mov rbp, 6",
                "mov r8, 8", "mov r9, 9", "mov r10, 10", "mov r11, 11", "mov r12, 12", "mov r13, 13", "mov r14, 14",
                "int 0xff",
                "mov [rdi], rax", "mov [rdi+8], rbx", "mov [rdi+16], rcx", "mov [rdi+24], rdx",
                "mov [rdi+32], rsi", "mov [rdi+40], rbp", "mov [rdi+48], r8", "mov [rdi+56], r9",
                "mov [rdi+64], r10", "mov [rdi+72], r11", "mov [rdi+80], r12", "mov [rdi+88], r13", "mov [rdi+96], r14",
                "pop rdi", "pop rbp", "pop rbx",
                in("rdi") &raw mut after,
                out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("r8") _, out("r9") _,
                out("r10") _, out("r11") _, out("r12") _, out("r13") _, out("r14") _,
            );
        }
        ktest_assert_eq!(after, [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14]);
    }

    fn a_trap_in_the_kernel_preserves_flags() {
        let flags: u64;
        // SAFETY: sets and clears carry and direction around a trap that does nothing.
        unsafe { asm!("std", "stc", "int 0xff", "pushfq", "pop {}", "cld", out(reg) flags) };
        ktest_assert_eq!(flags & 0x401, 0x401, "carry and direction");
    }

    fn unused_vectors_return() {
        // SAFETY: vectors without a device have a handler that does nothing.
        unsafe { asm!("int 0x80", "int 0xa5", "int 0xfe") };
    }

    fn an_nmi_interrupts_even_with_interrupts_off() {
        let before = traps::NMI_COUNT.load(SeqCst);
        ktest_assert!(!cpu::interrupts_enabled());
        ipi::command(cpu::current().hardware_id.get(), 0x4400);
        let end = timer::now() + 1_000_000_000;
        while traps::NMI_COUNT.load(SeqCst) == before && timer::now() < end {
            cpu::relax();
        }
        ktest_assert_eq!(traps::NMI_COUNT.load(SeqCst), before + 1);
    }

    fn frames_start_threads_as_asked() {
        let mut frame = Frame::user(0x1234, 0x5678, 9);
        ktest_assert_eq!((frame.pc(), frame.sp(), frame.tls()), (0x1234, 0x5678, 0));
        ktest_assert!(!frame.in_system_call());
        let named = |frame: &Frame, name| frame.registers().iter().find(|r| r.0 == name).map(|r| r.1);
        ktest_assert_eq!(named(&frame, "rdi"), Some(9));
        ktest_assert_eq!(named(&frame, "rflags"), Some(0x202), "interrupts on, no privilege");
        frame.set_results(&[1, 2, 3, 4]);
        let results = ["rax", "rsi", "rdx", "r10", "r8", "r9"].map(|name| named(&frame, name));
        ktest_assert_eq!(results, [1, 2, 3, 4, 0, 0].map(Some));
    }

    fn frames_never_return_outside_user_space() {
        let mut frame = Frame::user(0xffff_8000_0000_0000, 0, 0);
        ktest_assert_eq!(frame.pc(), USER_END);
        frame.set_pc(0x0000_8000_0000_0000);
        ktest_assert_eq!(frame.pc(), USER_END, "not canonical: IRET would fault in the kernel");
        frame.set_tls(0x0100_0000_0000_0000);
        ktest_assert_eq!(frame.tls(), USER_END, "not canonical: WRMSR would fault in the kernel");
    }

    fn the_thread_pointer_reaches_the_cpu() {
        let mut frame = Frame::user(0, 0, 0);
        for value in [0x1000, 0x7f00_1234_5678, 0] {
            frame.set_tls(value);
            super::context::activate_tls(&frame);
            ktest_assert_eq!(read_msr(0xc000_0100), value);
        }
    }

    fn the_timer_fires_once_and_not_early() {
        for span in [20_000, 300_000, 2_000_000] {
            let deadline = timer::now() + span;
            timer::arm(deadline);
            let Some(fired) = next_tick(deadline + SECOND) else { crate::ktest_fail!("never, for {span} ns") };
            // The APIC counts by its own clock, whose rate was measured to 1 in 1000.
            ktest_assert!(fired + span / 100 + 1000 >= deadline, "{} ns early of {span}", deadline - fired);
            ktest_assert!(next_tick(timer::now() + 3_000_000).is_none(), "twice for {span} ns");
        }
    }

    fn a_disarmed_timer_stays_silent() {
        timer::arm(timer::now() + 20_000_000);
        timer::disarm();
        ktest_assert!(next_tick(timer::now() + 25_000_000).is_none());
    }

    fn a_deadline_in_the_past_fires_at_once() {
        timer::arm(timer::now().saturating_sub(1_000_000));
        ktest_assert!(next_tick(timer::now() + SECOND).is_some());
    }

    fn a_later_deadline_replaces_an_earlier_one() {
        let start = timer::now();
        timer::arm(start + 10_000_000);
        timer::arm(start + 15_000_000);
        let Some(fired) = next_tick(start + SECOND) else { crate::ktest_fail!("never") };
        ktest_assert!(fired >= start + 14_500_000, "{} ns", fired - start);
    }

    fn time_runs_as_the_acpi_timer_says() {
        let Some(hz) = timer::measured_clock_hz() else { ktest_ignore!("no ACPI timer") };
        ktest_assert!(hz.abs_diff(1_000_000_000) < 10_000_000, "{hz} ns per second");
    }

    fn time_never_goes_back_between_cpus() {
        static LATEST: AtomicU64 = AtomicU64::new(0);
        static BACKWARDS: AtomicU64 = AtomicU64::new(0);
        fn look(_: u64) {
            let seen = LATEST.load(SeqCst);
            let now = timer::now();
            if now < seen {
                BACKWARDS.fetch_add(1, SeqCst);
            }
            LATEST.store(now, SeqCst);
        }
        if percpu::online_count() < 2 {
            ktest_ignore!("needs two CPUs");
        }
        for _ in 0..50 {
            for cpu in percpu::cpus(percpu::online_mask()) {
                look(0);
                smp::call(cpu.bit(), look, 0);
            }
        }
        ktest_assert_eq!(BACKWARDS.load(SeqCst), 0);
    }

    fn an_ipi_reaches_exactly_the_cpu_it_is_for() {
        static RAN_ON: AtomicU64 = AtomicU64::new(0);
        fn mark(argument: u64) {
            RAN_ON.fetch_or(cpu::current().bit(), SeqCst);
            assert_eq!(argument, 7);
        }
        for target in percpu::cpus(percpu::online_mask() & !1) {
            RAN_ON.store(0, SeqCst);
            smp::call(target.bit(), mark, 7);
            ktest_assert_eq!(RAN_ON.load(SeqCst), target.bit());
        }
    }

    fn every_cpu_knows_who_it_is() {
        static WRONG: AtomicU64 = AtomicU64::new(0);
        fn check(_: u64) {
            let here = cpu::current();
            let same = core::ptr::eq(here, &CPUS[here.number()]) && here.hardware_id.get() == cpu::hardware_id(0);
            WRONG.fetch_add(!same as u64, SeqCst);
        }
        check(0);
        smp::call(percpu::online_mask(), check, 0);
        ktest_assert_eq!(WRONG.load(SeqCst), 0);
    }

    fn every_cpu_has_the_protections_that_the_boot_cpu_has() {
        static DIFFERENT: AtomicU64 = AtomicU64::new(0);
        fn compare(expected: u64) {
            DIFFERENT.fetch_add((Cr4::read_raw() != expected) as u64, SeqCst);
        }
        let wanted = [(Features::SMEP, 20), (Features::SMAP, 21), (Features::UMIP, 11), (Features::PGE, 7), (Features::XSAVE, 18), (Features::PCID, 17)];
        for (feature, bit) in wanted {
            ktest_assert_eq!(Cr4::read_raw() >> bit & 1 != 0, cpu::has(feature), "CR4 bit {bit}");
        }
        let cr0: u64;
        // SAFETY: reads a register.
        unsafe { asm!("mov {}, cr0", out(reg) cr0) };
        ktest_assert!(cr0 >> 16 & 1 == 1, "write protection in kernel mode");
        ktest_assert_eq!(read_msr(0xc000_0080) & 0xd01, 0xd01, "SYSCALL, long mode, NX");
        smp::call(percpu::online_mask(), compare, Cr4::read_raw());
        ktest_assert_eq!(DIFFERENT.load(SeqCst), 0);
    }

    fn system_calls_enter_where_and_as_they_should() {
        ktest_assert_eq!(read_msr(0xc000_0082), traps::syscall_entry_address());
        ktest_assert_eq!(read_msr(0xc000_0081) >> 32, 0x001b_0008);
        let mask = read_msr(0xc000_0084);
        ktest_assert_eq!(mask & 0x4_4700, 0x4_4700, "AC, NT, DF, IF and TF are cleared on entry");
    }

    fn traps_find_their_stacks() {
        let task: u16;
        // SAFETY: reads a register.
        unsafe { asm!("str {:x}", out(reg) task) };
        ktest_assert_eq!(task, 0x30);
        let [kernel, nmi, fatal] = descriptors::stacks(cpu::current());
        ktest_assert_eq!(kernel, cpu::current().kernel_stack_top.get());
        ktest_assert!(nmi % 16 == 0 && fatal % 16 == 0 && nmi != fatal);
        for vector in 0..=255u8 {
            let (entry, stack, level) = descriptors::gate(vector);
            ktest_assert_eq!(entry, traps::stub(vector));
            ktest_assert_eq!(stack, match vector { 1 | 2 => 1, 8 | 18 => 2, _ => 0 });
            ktest_assert_eq!(level, if vector == 3 { 3 } else { 0 });
        }
    }

    fn the_fpu_keeps_what_it_is_given() {
        let (mut saved, pattern) = (FpuState::default(), [0x1122_3344_5566_7788u64, 0x99aa_bbcc_ddee_ff00]);
        let mut found = [0u64; 2];
        context::fpu_enable();
        // SAFETY: the FPU is enabled, and its owner's state is not live: tests run without threads.
        unsafe {
            asm!("movdqu xmm7, [{}]", in(reg) &pattern);
            context::fpu_save(&mut saved);
            asm!("pxor xmm7, xmm7", "fninit");
            context::fpu_restore(&saved);
            asm!("movdqu [{}], xmm7", in(reg) &mut found);
        }
        context::fpu_disable();
        ktest_assert_eq!(found, pattern);
    }

    fn wide_vectors_are_kept_whole() {
        if !cpu::has(Features::AVX) {
            ktest_ignore!("the CPU has no AVX");
        }
        let (mut saved, pattern) = (FpuState::default(), [1u64, 2, 3, 4]);
        let mut found = [0u64; 4];
        context::fpu_enable();
        // SAFETY: as in `the_fpu_keeps_what_it_is_given`.
        unsafe {
            asm!("vmovdqu ymm9, [{}]", in(reg) &pattern);
            context::fpu_save(&mut saved);
            asm!("vzeroall");
            context::fpu_restore(&saved);
            asm!("vmovdqu [{}], ymm9", in(reg) &mut found);
        }
        context::fpu_disable();
        ktest_assert_eq!(found, pattern);
    }

    fn a_new_threads_fpu_holds_nothing_of_others() {
        let mut found = [1u64; 2];
        let (mut control, mut status) = (0u16, 0u32);
        context::fpu_enable();
        // SAFETY: as in `the_fpu_keeps_what_it_is_given`.
        unsafe {
            asm!("movdqu xmm3, [{}]", in(reg) &[u64::MAX; 2]);
            context::fpu_restore(&FpuState::default());
            asm!("movdqu [{}], xmm3", "fnstcw [{}]", "stmxcsr [{}]", in(reg) &mut found, in(reg) &mut control, in(reg) &mut status);
        }
        context::fpu_disable();
        ktest_assert_eq!((found, control, status), ([0; 2], 0x37f, 0x1f80));
    }

    fn a_disabled_fpu_traps() {
        let cr0 = || {
            let value: u64;
            // SAFETY: reads a register.
            unsafe { asm!("mov {}, cr0", out(reg) value) };
            value >> 3 & 1
        };
        context::fpu_enable();
        ktest_assert_eq!(cr0(), 0);
        context::fpu_disable();
        ktest_assert_eq!(cr0(), 1);
    }

    fn user_copies_refuse_what_is_not_user_memory() {
        let mut byte = 0u8;
        for address in [0, 0x1000, USER_END - 1, USER_END, 0x0000_8000_0000_0000, DIRECT_MAP, IMAGE + 0x10_0000, u64::MAX] {
            // SAFETY: the byte is valid.
            let read = unsafe { uaccess::copy_from_user(&mut byte, address, 1) };
            ktest_assert!(read.is_err(), "reading {address:#x}");
            // SAFETY: the byte is valid.
            ktest_assert!(unsafe { uaccess::copy_to_user(address, &byte, 1) }.is_err(), "writing {address:#x}");
            ktest_assert!(uaccess::load_u32_user(address).is_err());
            ktest_assert!(uaccess::compare_exchange_u32_user(address, 0, 0).is_err());
        }
        // SAFETY: nothing is written: the range wraps and is refused.
        ktest_assert!(unsafe { uaccess::copy_from_user(&mut byte, 0x1000, usize::MAX) }.is_err());
    }

    fn user_memory_is_closed_after_a_failed_copy() {
        let mut byte = 0u8;
        // SAFETY: the byte is valid.
        let _ = unsafe { uaccess::copy_from_user(&mut byte, 0x1000, 1) };
        let flags: u64;
        // SAFETY: pushes and pops one word.
        unsafe { asm!("pushfq", "pop {}", out(reg) flags) };
        ktest_assert_eq!(flags >> 18 & 1, 0, "AC");
    }

    fn entries_say_what_they_were_made_of() {
        let all = [MapFlags::WRITE, MapFlags::EXECUTE, MapFlags::USER, MapFlags::GLOBAL, MapFlags::DEVICE, MapFlags::COW];
        for level in 0..3 {
            let page = PhysAddr(0x0000_00ab_4000_0000);
            for choice in 0..1u32 << all.len() {
                let flags = all.iter().enumerate().filter(|(i, _)| choice >> i & 1 != 0).fold(MapFlags::READ, |f, (_, flag)| f | *flag);
                let entry = Entry::leaf(page, flags, level);
                ktest_assert_eq!((entry.address(), entry.flags(level)), (page, flags));
                ktest_assert!(entry.is_present() && entry.is_leaf(level));
                ktest_assert_eq!(entry.0 >> 63 != 0, !flags.contains(MapFlags::EXECUTE), "no-execute bit");
                ktest_assert_eq!(entry.0 >> 7 & 1 != 0, level > 0, "page-size bit");
            }
        }
        let table = Entry::table(PhysAddr(0x5000));
        ktest_assert!(table.is_present() && !table.is_leaf(1) && !table.is_leaf(2));
        ktest_assert!(!Entry::EMPTY.is_present());
    }

    fn nothing_of_the_kernel_is_writable_and_executable() {
        let (mut leaves, mut bad) = (0u64, 0u64);
        each_leaf(paging::kernel_root(), 256, &mut |_, entry, level| {
            leaves += 1;
            let flags = entry.flags(level);
            bad += flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) as u64;
            bad += flags.contains(MapFlags::USER) as u64;
        });
        ktest_assert!(leaves > 10);
        ktest_assert_eq!(bad, 0);
    }

    fn the_image_is_mapped_as_its_parts_want_it() {
        let flags = |address: u64| leaf(paging::read_root(), address).map(|(entry, level)| entry.flags(level) & (MapFlags::WRITE | MapFlags::EXECUTE));
        ktest_assert_eq!(flags((&raw const __text_start) as u64), Some(MapFlags::EXECUTE));
        ktest_assert_eq!(flags((&raw const __rodata_start) as u64), Some(MapFlags::empty()));
        ktest_assert_eq!(flags((&raw const __data_start) as u64), Some(MapFlags::WRITE));
        ktest_assert_eq!(flags(DIRECT_MAP + 0x10_0000), Some(MapFlags::empty()), "alias of the text");
        ktest_assert_eq!(flags(DIRECT_MAP + super::boot::TRAMPOLINE), Some(MapFlags::WRITE));
    }

    fn the_kernel_root_maps_no_user_address() {
        // SAFETY: the kernel's root is a page of the direct map.
        let root = unsafe { &*paging::kernel_root().as_ptr::<[Entry; 256]>() };
        ktest_assert!(root.iter().all(|entry| !entry.is_present()));
    }

    fn all_ram_is_in_the_direct_map() {
        for memory in machine().memory.as_slice() {
            for address in [memory.range.start, memory.range.end - 4096] {
                let found = leaf(paging::read_root(), DIRECT_MAP + address);
                let Some((entry, level)) = found else { crate::ktest_fail!("{address:#x} is missing") };
                let offset = address & ((1 << (12 + 9 * level)) - 1);
                ktest_assert_eq!(entry.address().0 + offset, address);
            }
        }
    }

    fn below_each_kernel_stack_is_a_hole() {
        let top = cpu::current().kernel_stack_top.get();
        ktest_assert!(top > DYNAMIC && top < IMAGE);
        let mut at = top - 4096;
        while leaf(paging::read_root(), at).is_some() {
            at -= 4096;
            ktest_assert!(top - at < 1 << 20, "no guard page");
        }
        ktest_assert!(top - at >= 16384, "a stack of {} bytes", top - at);
    }

    fn a_flushed_page_is_looked_up_again() {
        let mut entries = [PhysAddr(0); 2];
        for (page, value) in entries.iter_mut().zip([0x11u8, 0x22]) {
            let Ok(frame) = frames::allocate_zeroed() else { crate::ktest_fail!("no memory") };
            *page = frame;
            // SAFETY: the frame was just allocated.
            unsafe { frame.as_ptr::<u8>().write(value) };
        }
        #[repr(align(4096))]
        struct Window([u8; 4096]);
        static WINDOW: Window = Window([0; 4096]);
        let window = WINDOW.0.as_ptr() as u64;
        let Some((_, 0)) = leaf(paging::read_root(), window) else { ktest_ignore!("in a large page") };
        let mut table = PhysAddr(paging::read_root() & 0x000f_ffff_ffff_f000);
        for level in (1..4).rev() {
            // SAFETY: the window is mapped by a small page, so its tables exist.
            table = unsafe { *table.as_ptr::<Entry>().add((window >> (12 + 9 * level) & 511) as usize) }.address();
        }
        // SAFETY: as above.
        let place = unsafe { table.as_ptr::<Entry>().add((window >> 12 & 511) as usize) };
        // SAFETY: the place is that of this test's own window; its old frame is put back.
        unsafe {
            let old = place.read();
            for (page, value) in entries.iter().zip([0x11u8, 0x22]) {
                place.write_volatile(Entry::leaf(*page, MapFlags::KERNEL_DATA, 0));
                paging::flush_page(window, 0);
                let seen = (window as *const u8).read_volatile();
                ktest_assert_eq!(seen, value);
            }
            place.write_volatile(old);
        }
        paging::flush_page(window, 0);
        entries.into_iter().for_each(frames::free_one);
    }

    fn device_lines_are_masked_until_they_are_wanted() {
        let line = 11;
        ktest_assert!(ipi::line_is_masked(line));
        ipi::unmask(line);
        ktest_assert!(!ipi::line_is_masked(line));
        ipi::mask(line);
        ktest_assert!(ipi::line_is_masked(line));
    }

    fn apic_ids_are_distinct() {
        let cpus = machine().cpus.as_slice();
        for (i, cpu) in cpus.iter().enumerate() {
            ktest_assert!(cpus[..i].iter().all(|other| other.hardware_id != cpu.hardware_id));
        }
        ktest_assert_eq!(cpus[0].hardware_id, cpu::hardware_id(0));
    }
}
