//! Kernel tests of what every architecture promises to the rest of the kernel: the same tests
//! run on all of them.

use super::context::{self, FpuState, Frame};
use super::layout::{DIRECT_MAP, DYNAMIC, IMAGE, PAGE_SIZE, USER_END};
use super::paging::{self, Entry};
use super::{cpu, timer, uaccess};
use crate::machine::machine;
use crate::mm::{MapFlags, PhysAddr, kernel_map};
use crate::percpu::{self, CpuState, MAX_CPUS};
use crate::{kernel_test, ktest_assert, ktest_assert_eq};

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __data_start: u8;
    static __kernel_end: u8;
}

fn flags_at(address: u64) -> Option<MapFlags> {
    kernel_map::query(address).map(|(_, flags, _)| flags)
}

kernel_test! {
    fn new_thread_starts_with_zeroed_registers() {
        let frame = Frame::user(0x1000, 0x7000_0000, 0x1234);
        ktest_assert_eq!((frame.pc(), frame.sp(), frame.tls()), (0x1000, 0x7000_0000, 0));
        ktest_assert!(!frame.in_system_call());
        let registers = frame.registers();
        let holds = |value| registers.iter().filter(|(_, v)| *v == value).count();
        ktest_assert_eq!((holds(0x1000), holds(0x7000_0000), holds(0x1234)), (1, 1, 1));
        // Besides those three only flags and segments may differ from zero.
        ktest_assert!(holds(0) >= registers.len() - 6, "{registers:x?}");
    }

    fn frame_setters_change_one_register_each() {
        let mut frame = Frame::user(0x1000, 0x2000, 0);
        frame.set_pc(0x4000);
        frame.set_tls(0x6000);
        ktest_assert_eq!((frame.pc(), frame.sp(), frame.tls()), (0x4000, 0x2000, 0x6000));
    }

    fn results_fill_six_registers_and_zero_the_missing() {
        let mut frame = Frame::user(0, 0, 0);
        frame.set_results(&[11, 12, 13, 14, 15, 16]);
        let count = |frame: &Frame| {
            frame.registers().iter().filter(|(_, v)| (11..=16).contains(v)).count()
        };
        ktest_assert_eq!(count(&frame), 6);
        frame.set_results(&[11, 12]);
        ktest_assert_eq!(count(&frame), 2);
        frame.set_results(&[]);
        ktest_assert_eq!(count(&frame), 0);
    }

    fn registers_have_distinct_names() {
        let registers = Frame::user(0, 0, 0).registers();
        for (index, (name, _)) in registers.iter().enumerate() {
            ktest_assert!(!name.is_empty());
            ktest_assert!(registers[..index].iter().all(|(other, _)| other != name), "{name}");
        }
    }

    fn empty_entry_maps_nothing() {
        ktest_assert!(!Entry::EMPTY.is_present());
        for level in 0..4 {
            ktest_assert!(!Entry::EMPTY.is_leaf(level));
        }
    }

    fn table_entry_leads_to_its_table() {
        let entry = Entry::table(PhysAddr(0x8765_4000));
        ktest_assert!(entry.is_present());
        for level in 1..4 {
            ktest_assert!(!entry.is_leaf(level), "level {level}");
        }
        ktest_assert_eq!(entry.address(), PhysAddr(0x8765_4000));
    }

    fn leaf_entries_keep_address_and_flags_at_every_level() {
        let relevant = [
            MapFlags::WRITE, MapFlags::EXECUTE, MapFlags::USER, MapFlags::GLOBAL, MapFlags::COW,
        ];
        for level in 0..=paging::largest_level() {
            let page = PhysAddr(0x1_4000_0000 + (1 << (12 + 9 * level)));
            for bits in 0..1usize << relevant.len() {
                let chosen = relevant.iter().enumerate().filter(|(i, _)| bits >> i & 1 != 0);
                let flags = chosen.fold(MapFlags::READ, |flags, (_, flag)| flags | *flag);
                // Never written and executed; the kernel's own pages are global, users' are not.
                let both = flags.contains(MapFlags::WRITE | MapFlags::EXECUTE);
                if both || flags.contains(MapFlags::USER) == flags.contains(MapFlags::GLOBAL) {
                    continue;
                }
                let entry = Entry::leaf(page, flags, level);
                ktest_assert!(entry.is_present() && entry.is_leaf(level));
                ktest_assert_eq!(entry.address(), page, "level {level} {flags:?}");
                ktest_assert_eq!(entry.flags(level), flags, "level {level}");
            }
        }
    }

    fn device_entries_say_so() {
        let flags = MapFlags::KERNEL_DATA | MapFlags::DEVICE;
        let entry = Entry::leaf(PhysAddr(0x1000_0000), flags, 0);
        ktest_assert_eq!(entry.flags(0), flags);
        let memory = Entry::leaf(PhysAddr(0x1000_0000), MapFlags::KERNEL_DATA, 0);
        ktest_assert!(!memory.flags(0).contains(MapFlags::DEVICE));
        ktest_assert!(memory != entry);
    }

    fn fresh_leaf_counts_as_accessed_and_written_if_it_can_be() {
        let entry = |flags| Entry::leaf(PhysAddr(0x8000_0000), flags, 0);
        ktest_assert!(entry(MapFlags::USER_RODATA).accessed());
        ktest_assert!(!entry(MapFlags::USER_RODATA).dirty());
        ktest_assert!(entry(MapFlags::USER_DATA).dirty());
    }

    fn address_space_numbers_are_a_power_of_two() {
        ktest_assert!(paging::asid_count().is_power_of_two());
    }

    fn kernel_text_is_executable_and_not_writable() {
        for address in [&raw const __text_start as u64, &raw const __text_end as u64 - 1] {
            let flags = flags_at(address);
            ktest_assert!(flags.is_some_and(|flags| flags.contains(MapFlags::EXECUTE)));
            ktest_assert!(flags.is_some_and(|flags| !flags.contains(MapFlags::WRITE)));
        }
    }

    fn kernel_constants_are_read_only() {
        let flags = flags_at(&raw const __rodata_start as u64);
        ktest_assert!(flags.is_some_and(|f| !f.intersects(MapFlags::WRITE | MapFlags::EXECUTE)));
    }

    fn kernel_data_is_writable_and_not_executable() {
        for address in [&raw const __data_start as u64, &raw const __kernel_end as u64 - 1] {
            let flags = flags_at(address);
            ktest_assert!(flags.is_some_and(|flags| flags.contains(MapFlags::WRITE)));
            ktest_assert!(flags.is_some_and(|flags| !flags.contains(MapFlags::EXECUTE)));
        }
    }

    fn direct_map_never_writes_or_executes_kernel_text() {
        let text = &raw const __text_start as u64;
        let flags = flags_at(DIRECT_MAP + paging::image_physical(text));
        ktest_assert!(flags.is_some_and(|f| !f.intersects(MapFlags::WRITE | MapFlags::EXECUTE)));
    }

    fn all_memory_is_in_the_direct_map() {
        for memory in machine().memory.as_slice() {
            let start = memory.range.start.next_multiple_of(PAGE_SIZE);
            let last = memory.range.end / PAGE_SIZE * PAGE_SIZE - PAGE_SIZE;
            for physical in [start, (start + last) / 2, last] {
                let found = kernel_map::query(DIRECT_MAP + physical).map(|(at, _, _)| at.0);
                ktest_assert_eq!(found, Some(physical));
            }
        }
    }

    fn nothing_is_mapped_for_users_in_the_kernels_half() {
        for address in [DIRECT_MAP, DYNAMIC, IMAGE, &raw const __text_start as u64] {
            ktest_assert!(flags_at(address).is_none_or(|f| !f.contains(MapFlags::USER)));
        }
    }

    fn kernel_stack_has_guard_pages() {
        let top = cpu::current().kernel_stack_top.get();
        ktest_assert!(flags_at(top - 8).is_some_and(|flags| flags.contains(MapFlags::WRITE)));
        ktest_assert_eq!(flags_at(top), None);
        let bottom = (1..1024).map(|page| top - page * PAGE_SIZE).find(|at| flags_at(*at).is_none());
        ktest_assert!(bottom.is_some_and(|at| top - at >= 16 * 1024), "stack ends at {bottom:x?}");
    }

    fn the_running_root_is_what_the_kernel_says() {
        crate::mm::tlb::leave();
        ktest_assert_eq!(paging::read_root(), paging::empty_root());
    }

    fn clock_is_monotonic() {
        let mut last = timer::now();
        let start = last;
        for _ in 0..10_000 {
            let now = timer::now();
            ktest_assert!(now >= last, "{now} after {last}");
            last = now;
        }
        ktest_assert!(last > start, "the clock stands still");
    }

    fn waiting_ends_at_the_deadline_and_not_before() {
        for delay in [20_000, 500_000, 3_000_000] {
            let deadline = timer::now() + delay;
            timer::arm(deadline);
            // Other interrupts may end a wait early; the timer's comes in time at the latest.
            while timer::now() < deadline {
                cpu::wait_for_interrupt();
                ktest_assert!(!cpu::interrupts_enabled());
                if timer::now() < deadline {
                    timer::arm(deadline);
                }
            }
            ktest_assert!(timer::now() < deadline + 1_000_000_000, "far too late");
        }
        timer::disarm();
    }

    fn deadline_in_the_past_ends_a_wait_at_once() {
        let before = timer::now();
        timer::arm(before.saturating_sub(1_000_000));
        cpu::wait_for_interrupt();
        ktest_assert!(timer::now() - before < 1_000_000_000);
        timer::disarm();
    }

    fn kernel_tests_run_with_interrupts_off() {
        ktest_assert!(!cpu::interrupts_enabled());
        cpu::interrupts_enable();
        let on = cpu::interrupts_enabled();
        cpu::interrupts_disable();
        ktest_assert!(on && !cpu::interrupts_enabled());
    }

    fn executed_instructions_count_up() {
        let counts = [cpu::instructions(), cpu::instructions(), cpu::instructions()];
        ktest_assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
    }

    fn clearing_a_page_clears_exactly_a_page() {
        #[repr(align(4096))]
        struct Pages([u8; 3 * PAGE_SIZE as usize]);
        static PAGES: crate::lock::SpinLock<Pages> =
            crate::lock::SpinLock::new(crate::lock::Rank::Heap, Pages([0; 3 * PAGE_SIZE as usize]));
        let mut pages = PAGES.lock();
        let size = PAGE_SIZE as usize;
        pages.0.fill(0xa5);
        // SAFETY: the second of three pages, borrowed mutably.
        unsafe { cpu::clear_page(pages.0.as_mut_ptr().add(size)) };
        let (before, rest) = pages.0.split_at(size);
        let (page, behind) = rest.split_at(size);
        ktest_assert!(page.iter().all(|byte| *byte == 0));
        ktest_assert!(before.iter().chain(behind).all(|byte| *byte == 0xa5));
    }

    fn bad_user_addresses_become_errors() {
        let mut buffer = [0x5au8; 100];
        let lengths = [1, 2, 3, 4, 7, 8, 9, 16, 31, 32, 33, 64, 100];
        for (address, length) in lengths.iter().flat_map(|l| [(0, *l), (USER_END - *l as u64, *l)]) {
            // SAFETY: the buffer has room for the length; no user address is mapped.
            let read = unsafe { uaccess::copy_from_user(buffer.as_mut_ptr(), address, length) };
            // SAFETY: as above.
            let written = unsafe { uaccess::copy_to_user(address, buffer.as_ptr(), length) };
            ktest_assert!(read.is_err() && written.is_err(), "{length} bytes at {address:#x}");
        }
        ktest_assert!(buffer.iter().all(|byte| *byte == 0x5a), "bytes from nowhere");
        ktest_assert!(uaccess::compare_exchange_u32_user(0x4000, 0, 1).is_err());
    }

    fn copying_nothing_succeeds_anywhere() {
        // SAFETY: no byte is copied.
        unsafe {
            let nowhere = core::ptr::dangling_mut();
            ktest_assert!(uaccess::copy_from_user(nowhere, 0, 0).is_ok());
            ktest_assert!(uaccess::copy_to_user(USER_END, nowhere, 0).is_ok());
        }
    }

    fn floating_point_state_can_be_loaded_and_stored() {
        let fresh = FpuState::default();
        let mut stored = FpuState::default();
        context::fpu_enable();
        // SAFETY: the FPU is enabled, and no program's state is in it while kernel tests run.
        unsafe {
            context::fpu_restore(&fresh);
            context::fpu_save(&mut stored);
            context::fpu_restore(&stored);
        }
        context::fpu_disable();
    }

    fn every_cpu_knows_itself() {
        let this = cpu::current();
        ktest_assert!(core::ptr::eq(this.this.get(), this));
        ktest_assert!(this.number() < MAX_CPUS);
        ktest_assert_eq!(this.state(), CpuState::Online);
        ktest_assert!(percpu::online_mask() & this.bit() != 0);
        let cpus = machine().cpus.as_slice();
        ktest_assert_eq!(cpus[this.number()].hardware_id, this.hardware_id.get());
    }

    fn every_cpu_of_the_machine_is_online() {
        let cpus = machine().cpus.as_slice().len();
        ktest_assert_eq!(percpu::online_count(), cpus);
        ktest_assert_eq!(percpu::online_mask(), (1 << cpus) - 1);
    }

    fn hardware_ids_are_distinct() {
        let cpus = machine().cpus.as_slice();
        for (index, cpu) in cpus.iter().enumerate() {
            ktest_assert!(cpus[..index].iter().all(|other| other.hardware_id != cpu.hardware_id));
        }
    }

    fn memory_is_sorted_and_holds_the_kernel() {
        let memory = machine().memory.as_slice();
        ktest_assert!(memory.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
        let kernel = paging::image_physical(&raw const __text_start as u64);
        ktest_assert!(memory.iter().any(|m| m.range.contains(&kernel)));
        ktest_assert!(memory.iter().all(|m| (m.node as usize) < machine().nodes));
    }

    fn kernel_and_initrd_are_reserved() {
        let reserved = machine().reserved.as_slice();
        let kernel = paging::image_physical(&raw const __text_start as u64);
        let last = paging::image_physical(&raw const __kernel_end as u64 - 1);
        for address in [kernel, last] {
            ktest_assert!(reserved.iter().any(|r| r.range.contains(&address)), "{address:#x}");
        }
        if let Some(initrd) = &machine().initrd {
            let covers = |at| reserved.iter().any(|r| r.range.contains(&at));
            ktest_assert!(covers(initrd.start) && covers(initrd.end - 1));
        }
        ktest_assert_eq!(machine().overlaps.as_slice().len(), 0);
    }

    fn local_memory_is_nearest() {
        let nodes = machine().nodes;
        for a in 0..nodes {
            for b in 0..nodes {
                let distance = machine().distances[a][b];
                ktest_assert_eq!(distance == 10, a == b, "from {a} to {b}: {distance}");
            }
        }
    }
}
