//! Kernel tests of what is special to AArch64: control registers, entries, frames, timer,
//! interrupts, FPU, user access, caches of translations, CPUs.

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use super::{console, cpu, ipi, machine, read_register};
use crate::arch::context::{self, FULL, FpuState, Frame};
use crate::arch::layout::{DIRECT_MAP, IMAGE, USER_END};
use crate::arch::{paging, power, timer, uaccess};
use crate::mm::{self, MapFlags, PhysAddr, frames};
use crate::percpu::{self, CPUS};
use crate::sched::smp;
use crate::test_framework::random;
use crate::{kernel_test, ktest_assert, ktest_assert_eq, ktest_ignore};

global_asm!(
    r#"
.section .text.test_vectors, "ax"
.global test_vectors
.balign 2048
test_vectors:
.skip 0x200
    mrs   x9, esr_el1              // kernel: note the syndrome, skip the instruction
    lsr   x10, x9, #26
    cmp   x10, #0x21
    mrs   x10, elr_el1
    add   x10, x10, #4
    csel  x10, x30, x10, eq        // or go back from the call that could not be made
    msr   elr_el1, x10
    eret
.balign 2048
"#
);

unsafe extern "C" {
    static test_vectors: [u8; 0];
    static __text_start: [u8; 0];
    static __rodata_start: [u8; 0];
    static __data_start: [u8; 0];
}

const UNDEFINED: u64 = 0x00;
const FETCH_ABORT: u64 = 0x21;
const DATA_ABORT: u64 = 0x25;
/// Status code of a permission fault, without its level.
const PERMISSION: u64 = 3;

/// Runs an instruction with this CPU's traps led around it. Gives the exception's syndrome, or 0.
macro_rules! probe {
    ($instruction:literal $(, $name:ident = $value:expr)*) => {{
        let syndrome: u64;
        // SAFETY: interrupts are off, so the only trap is that of the instruction, which writes
        // no register but x9 to x11 and x30; the vectors are put back.
        unsafe {
            asm!(
                "mrs {own}, vbar_el1", "msr vbar_el1, {vectors}", "isb", "mov x9, xzr",
                $instruction,
                "msr vbar_el1, {own}", "isb",
                own = out(reg) _, vectors = in(reg) (&raw const test_vectors).addr(),
                $($name = in(reg) $value,)*
                out("x9") syndrome, out("x10") _, out("x11") _, out("x30") _, options(nostack),
            )
        }
        syndrome
    }};
}

fn class(syndrome: u64) -> u64 {
    syndrome >> 26
}

/// Asks the MMU whether the kernel may read (or write) at an address; gives the physical address.
fn translate(address: u64, write: bool) -> Option<u64> {
    // SAFETY: address translation instructions read no memory.
    unsafe {
        match write {
            true => asm!("at s1e1w, {}", "isb", in(reg) address, options(nostack)),
            false => asm!("at s1e1r, {}", "isb", in(reg) address, options(nostack)),
        }
    }
    let result = read_register!("par_el1");
    let physical = (result & 0x000f_ffff_ffff_f000) | (address & 0xfff);
    (result & 1 == 0).then_some(physical)
}

/// The leaf that the kernel's own tables have for an address.
fn kernel_leaf(address: u64) -> Option<(paging::Entry, usize)> {
    let mut table = paging::kernel_root();
    for level in (0..4).rev() {
        let index = address >> (12 + 9 * level) & 511;
        // SAFETY: a live table of the kernel, in the direct map.
        let entry = unsafe { table.as_ptr::<paging::Entry>().add(index as usize).read() };
        match entry.is_leaf(level) {
            true => return Some((entry, level)),
            false if entry.is_present() => table = entry.address(),
            false => return None,
        }
    }
    None
}

/// Calls `each` with every leaf below `table`.
fn leaves(table: PhysAddr, level: usize, each: &mut impl FnMut(paging::Entry, usize)) {
    for index in 0..512 {
        // SAFETY: a live table of the kernel, in the direct map.
        let entry = unsafe { table.as_ptr::<paging::Entry>().add(index).read() };
        if entry.is_leaf(level) {
            each(entry, level);
        } else if entry.is_present() {
            leaves(entry.address(), level - 1, each);
        }
    }
}

const USER_PAGE: u64 = 0x0000_1234_5678_9000;

/// A user half with one page in it, that this CPU uses until it is dropped.
struct UserPage {
    tables: [PhysAddr; 4],
    page: PhysAddr,
    asid: u16,
}

impl UserPage {
    fn new(flags: MapFlags, asid: u16) -> UserPage {
        let frame = || frames::allocate_zeroed().expect("a frame");
        let user = UserPage {
            tables: [frame(), frame(), frame(), frame()],
            page: frame(),
            asid,
        };
        for level in 1..4 {
            user.set(level, paging::Entry::table(user.tables[level - 1]));
        }
        user.set(0, paging::Entry::leaf(user.page, flags, 0));
        user.enter();
        user
    }

    fn set(&self, level: usize, entry: paging::Entry) {
        let index = USER_PAGE >> (12 + 9 * level) & 511;
        // SAFETY: the tables are this test's own.
        unsafe {
            self.tables[level]
                .as_ptr::<paging::Entry>()
                .add(index as usize)
                .write_volatile(entry)
        };
        paging::publish();
    }

    fn enter(&self) {
        // SAFETY: the tables live as long as this value, which leaves them when it is dropped.
        unsafe { paging::write_root(paging::root_register(self.tables[3], self.asid)) };
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the frame is this test's own; the CPU's other mapping of it is only used by copies.
        unsafe { core::slice::from_raw_parts_mut(self.page.as_ptr::<u8>(), 4096) }
    }
}

impl Drop for UserPage {
    fn drop(&mut self) {
        paging::leave_user();
        paging::flush_space(self.asid);
        self.tables
            .iter()
            .chain([&self.page])
            .for_each(|frame| frames::free_one(*frame));
    }
}

/// Whether user mode may use the FPU now.
fn fpu_open() -> bool {
    read_register!("cpacr_el1") >> 20 & 3 == 3
}

/// Numbers that no kernel space has at the same time: tests run alone.
const TEST_ASID: u16 = 200;

kernel_test! {
    fn control_registers_are_as_designed() {
        let control = read_register!("sctlr_el1");
        ktest_assert_eq!(control & (cpu::SCTLR | cpu::SCTLR_WXN), cpu::SCTLR | cpu::SCTLR_WXN);
        // SPAN is clear: entering the kernel sets PAN.
        ktest_assert_eq!(control >> 23 & 1, 0);
        let translation = read_register!("tcr_el1");
        ktest_assert_eq!(translation & 0x3f, 16, "48-bit user half");
        ktest_assert_eq!(translation >> 16 & 0x3f, 16, "48-bit kernel half");
        ktest_assert_eq!((translation >> 14 & 3, translation >> 30 & 3), (0, 2), "4 KiB granules");
        let wide = read_register!("id_aa64mmfr0_el1") >> 4 & 0xf == 2;
        ktest_assert_eq!(translation >> 36 & 1 == 1, wide, "16-bit ASIDs");
        ktest_assert_eq!(read_register!("mair_el1"), paging::MAIR);
        ktest_assert_eq!(read_register!("CurrentEL") >> 2, 1);
        ktest_assert_eq!(read_register!("spsel"), 1);
    }

    fn entries_keep_every_combination_of_flags() {
        let address = PhysAddr(0x0000_7fff_c000_0000);
        for bits in 0..1u32 << 7 {
            let flags = MapFlags::from_bits_truncate(bits) | MapFlags::READ;
            if flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) {
                continue;
            }
            for level in 0..3 {
                let entry = paging::Entry::leaf(address, flags, level);
                ktest_assert_eq!(entry.flags(level), flags);
                ktest_assert_eq!(entry.address(), address);
                ktest_assert!(entry.is_leaf(level) && entry.is_present() && entry.accessed());
                ktest_assert_eq!(entry.dirty(), flags.contains(MapFlags::WRITE));
            }
        }
    }

    fn entries_have_the_architectures_bits() {
        let page = PhysAddr(0x8000_0000);
        let bits = |flags, level| paging::Entry::leaf(page, flags, level).0 & !0x0000_ffff_ffff_f000;
        // PXN is bit 53, UXN 54, nG 11, AF 10, SH 8, AP 6, AttrIndx 2; 56 is the kernel's own.
        ktest_assert_eq!(bits(MapFlags::USER_CODE, 0), 1 << 56 | 1 << 53 | 1 << 11 | 1 << 10 | 3 << 8 | 3 << 6 | 3);
        ktest_assert_eq!(bits(MapFlags::USER_DATA, 0), 3 << 53 | 1 << 11 | 1 << 10 | 3 << 8 | 1 << 6 | 3);
        ktest_assert_eq!(bits(MapFlags::KERNEL_DATA, 1), 3 << 53 | 1 << 10 | 3 << 8 | 1);
        ktest_assert_eq!(bits(MapFlags::KERNEL_DATA | MapFlags::DEVICE, 0), 3 << 53 | 1 << 10 | 1 << 2 | 3);
        let code = MapFlags::READ | MapFlags::EXECUTE | MapFlags::GLOBAL;
        ktest_assert_eq!(bits(code, 2), 1 << 56 | 1 << 54 | 1 << 10 | 3 << 8 | 1 << 7 | 1);
        ktest_assert_eq!(paging::Entry::table(page).0, 0x8000_0003);
        ktest_assert!(!paging::Entry::table(page).is_leaf(1) && !paging::Entry::EMPTY.is_present());
    }

    fn root_value_holds_table_and_number() {
        let value = paging::root_register(PhysAddr(0x4567_8000), 0xabcd);
        ktest_assert_eq!(value, 0xabcd_0000_4567_8000);
    }

    fn image_is_write_xor_execute() {
        let address = |symbol: *const [u8; 0]| symbol.addr() as u64;
        let text = address(&raw const __text_start);
        let rodata = address(&raw const __rodata_start);
        let data = address(&raw const __data_start);
        ktest_assert!(translate(text, false).is_some() && translate(text, true).is_none());
        ktest_assert!(translate(rodata, false).is_some() && translate(rodata, true).is_none());
        ktest_assert!(translate(data, true).is_some());
        for (place, executable) in [(text, true), (rodata, false), (data, false)] {
            let Some((leaf, level)) = kernel_leaf(place) else { panic!("{place:#x} is not mapped") };
            ktest_assert_eq!(leaf.flags(level).contains(MapFlags::EXECUTE), executable, "{place:#x}");
        }
        let physical = paging::image_physical(text);
        ktest_assert_eq!(translate(text, false), Some(physical));
        ktest_assert_eq!(translate(DIRECT_MAP + physical, false), Some(physical));
        // The other way to the text does not allow to execute it.
        let syndrome = probe!("blr {to}", to = DIRECT_MAP + physical);
        ktest_assert_eq!((class(syndrome), syndrome >> 2 & 0xf), (FETCH_ABORT, PERMISSION));
    }

    fn no_page_of_the_kernel_is_writable_and_executable() {
        let (mut count, mut bad, mut user) = (0, 0, 0);
        leaves(paging::kernel_root(), 3, &mut |leaf, level| {
            let flags = leaf.flags(level);
            count += 1;
            bad += usize::from(flags.contains(MapFlags::WRITE | MapFlags::EXECUTE));
            // UXN must be set, too: user mode executes nothing of the upper half.
            user += usize::from(flags.contains(MapFlags::USER) || leaf.0 & 1 << 54 == 0);
        });
        ktest_assert!(count > 3);
        ktest_assert_eq!((bad, user), (0, 0));
    }

    fn device_registers_are_device_memory() {
        for address in [&console::PORT, &ipi::DISTRIBUTOR, &ipi::LOCAL].map(|device| device.base()) {
            let Some((leaf, level)) = kernel_leaf(address) else { panic!("{address:#x} is not mapped") };
            let flags = leaf.flags(level);
            ktest_assert!(flags.contains(MapFlags::DEVICE | MapFlags::WRITE), "{:#x}", address);
            ktest_assert!(!flags.contains(MapFlags::EXECUTE));
        }
    }

    fn kernel_stack_ends_in_a_guard_page() {
        let top = cpu::current().kernel_stack_top.get();
        ktest_assert!(translate(top - 8, true).is_some());
        let mut page = (top - 8) & !0xfff;
        while translate(page, true).is_some() {
            page -= 4096;
            ktest_assert!(top - page < 1 << 20, "no guard below the stack");
        }
        ktest_assert_eq!(class(probe!("str xzr, [{at}]", at = page)), DATA_ABORT);
    }

    fn user_memory_is_closed_to_the_kernel() {
        if !cpu::has_pan() {
            ktest_ignore!("this CPU has no PAN");
        }
        let user = UserPage::new(MapFlags::USER_DATA, TEST_ASID);
        ktest_assert_eq!(read_register!("S3_0_C4_C2_3") >> 22 & 1, 1, "PSTATE.PAN");
        let syndrome = probe!("ldr x11, [{at}]", at = USER_PAGE);
        ktest_assert_eq!((class(syndrome), syndrome >> 2 & 0xf), (DATA_ABORT, PERMISSION));
        let syndrome = probe!("str xzr, [{at}]", at = USER_PAGE);
        ktest_assert_eq!((class(syndrome), syndrome >> 6 & 1), (DATA_ABORT, 1));
        // The one access that opens it closes it again, whether or not it succeeds.
        ktest_assert_eq!(uaccess::compare_exchange_u32_user(USER_PAGE, 0, 1), Ok(0));
        ktest_assert_eq!(uaccess::compare_exchange_u32_user(USER_PAGE + 4096, 0, 1), Err(()));
        ktest_assert_eq!(read_register!("S3_0_C4_C2_3") >> 22 & 1, 1, "PSTATE.PAN");
        drop(user);
    }

    fn user_code_is_never_executed_by_the_kernel() {
        let mut user = UserPage::new(MapFlags::USER_CODE, TEST_ASID);
        // ret
        user.bytes()[..4].copy_from_slice(&0xd65f_03c0u32.to_le_bytes());
        cpu::sync_instruction_cache(user.page.as_ptr::<u8>().addr() as u64, 4);
        let syndrome = probe!("blr {to}", to = USER_PAGE);
        ktest_assert_eq!((class(syndrome), syndrome >> 2 & 0xf), (FETCH_ABORT, PERMISSION));
    }

    fn user_copies_move_every_length_and_alignment() {
        let mut user = UserPage::new(MapFlags::USER_DATA, TEST_ASID);
        let mut random = random();
        for length in 0..130usize {
            for offset in [0, 1, 7, 8] {
                let mut data = [0u8; 160];
                data.iter_mut().for_each(|byte| *byte = random.next() as u8);
                user.bytes()[..320].fill(0xa5);
                let at = USER_PAGE + 64 + offset as u64;
                // SAFETY: `data` is longer than any length here.
                let written = unsafe { uaccess::copy_to_user(at, data.as_ptr(), length) };
                ktest_assert_eq!(written, Ok(()));
                let page = user.bytes();
                ktest_assert!(page[64 + offset..][..length] == data[..length]);
                ktest_assert!(page[..64 + offset].iter().chain(&page[64 + offset + length..320]).all(|b| *b == 0xa5));
                let mut back = [0u8; 160];
                // SAFETY: `back` is longer than any length here.
                let read = unsafe { uaccess::copy_from_user(back.as_mut_ptr(), at, length) };
                ktest_assert_eq!(read, Ok(()));
                ktest_assert!(back[..length] == data[..length] && back[length..].iter().all(|b| *b == 0));
            }
        }
    }

    fn user_copies_refuse_what_the_user_could_not_do() {
        let user = UserPage::new(MapFlags::USER_RODATA, TEST_ASID);
        let mut word = [0u8; 64];
        // SAFETY: `word` is as long as every copy here; bad user addresses become errors.
        unsafe {
            ktest_assert_eq!(uaccess::copy_from_user(word.as_mut_ptr(), USER_PAGE, 64), Ok(()));
            ktest_assert_eq!(uaccess::copy_to_user(USER_PAGE, word.as_ptr(), 1), Err(()));
            // The next page is not there: nothing beyond the end is copied.
            for length in [9, 17, 40, 64] {
                let at = USER_PAGE + 4096 - length as u64 + 1;
                ktest_assert_eq!(uaccess::copy_from_user(word.as_mut_ptr(), at, length), Err(()));
            }
            // Mapped, but the kernel's: unprivileged loads see what a user would see.
            let own = (&raw const __data_start).addr() as u64;
            ktest_assert_eq!(uaccess::copy_from_user(word.as_mut_ptr(), own, 8), Err(()));
            ktest_assert_eq!(uaccess::copy_to_user(own, word.as_ptr(), 8), Err(()));
        }
        ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE + 4), Ok(0));
        ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE + 2), Err(()));
        ktest_assert_eq!(uaccess::load_u32_user(USER_END), Err(()));
        ktest_assert_eq!(uaccess::load_u32_user(IMAGE), Err(()));
        ktest_assert_eq!(uaccess::compare_exchange_u32_user(USER_PAGE, 0, 1), Err(()));
        drop(user);
    }

    fn user_exchange_changes_what_it_expects_only() {
        let mut user = UserPage::new(MapFlags::USER_DATA, TEST_ASID);
        ktest_assert_eq!(uaccess::compare_exchange_u32_user(USER_PAGE + 8, 0, 7), Ok(0));
        ktest_assert_eq!(uaccess::compare_exchange_u32_user(USER_PAGE + 8, 0, 9), Ok(7));
        ktest_assert_eq!(uaccess::compare_exchange_u32_user(USER_PAGE + 8, 7, u32::MAX), Ok(7));
        ktest_assert_eq!(user.bytes()[4..16], [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
    }

    fn address_space_numbers_keep_translations_apart() {
        let mut first = UserPage::new(MapFlags::USER_DATA, TEST_ASID);
        let mut second = UserPage::new(MapFlags::USER_DATA, TEST_ASID + 1);
        (first.bytes()[0], second.bytes()[0]) = (1, 2);
        for _ in 0..3 {
            first.enter();
            ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE), Ok(1));
            second.enter();
            ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE), Ok(2));
        }
        // A flush of one number leaves nothing of it, and a changed entry counts from then on.
        second.set(0, paging::Entry::EMPTY);
        paging::flush_page(USER_PAGE, TEST_ASID + 1);
        ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE), Err(()));
        first.enter();
        ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE), Ok(1));
        first.set(0, paging::Entry::EMPTY);
        paging::flush_space(TEST_ASID);
        ktest_assert_eq!(uaccess::load_u32_user(USER_PAGE), Err(()));
    }

    fn flushes_reach_other_cpus() {
        static ROOT: AtomicU64 = AtomicU64::new(0);
        static SEEN: AtomicU64 = AtomicU64::new(0);
        fn look(_: u64) {
            // SAFETY: the tables live until every CPU has left them.
            unsafe { paging::write_root(ROOT.load(Ordering::Acquire)) };
            let seen = uaccess::load_u32_user(USER_PAGE).map_or(u64::MAX, u64::from);
            SEEN.store(seen, Ordering::Release);
        }
        fn leave(_: u64) {
            paging::leave_user();
        }
        let others = percpu::online_mask() & !cpu::current().bit();
        if others == 0 {
            ktest_ignore!("one CPU");
        }
        let mut user = UserPage::new(MapFlags::USER_DATA, TEST_ASID);
        user.bytes()[0] = 42;
        ROOT.store(paging::read_root(), Ordering::Release);
        let seen_by = |mask| {
            smp::call(mask, look, 0);
            SEEN.load(Ordering::Acquire)
        };
        let mut seen = [0; percpu::MAX_CPUS];
        for cpu in percpu::cpus(others) {
            seen[cpu.number()] = seen_by(cpu.bit());
        }
        user.set(0, paging::Entry::EMPTY);
        paging::flush_page(USER_PAGE, TEST_ASID);
        let mut after = [u64::MAX; percpu::MAX_CPUS];
        for cpu in percpu::cpus(others) {
            after[cpu.number()] = seen_by(cpu.bit());
        }
        smp::call(others, leave, 0);
        for cpu in percpu::cpus(others) {
            ktest_assert_eq!((seen[cpu.number()], after[cpu.number()]), (42, u64::MAX));
        }
    }

    fn new_frames_begin_in_user_mode() {
        let frame = Frame::user(0x40_0000, 0x7fff_0000, 11);
        ktest_assert_eq!((frame.pc(), frame.sp(), frame.registers[0], frame.tls()), (0x40_0000, 0x7fff_0000, 11, 0));
        ktest_assert!(frame.registers[1..31].iter().all(|register| *register == 0));
        // EL0, interrupts on, no flags; and everything counts.
        ktest_assert_eq!(frame.registers[context::KIND], FULL);
        ktest_assert!(!frame.in_system_call());
    }

    fn results_replace_all_result_registers() {
        let mut frame = Frame::user(0, 0, 1);
        (1..7).for_each(|at| frame.registers[at] = 0x1111 * at as u64);
        frame.set_results(&[5, 6, 7]);
        ktest_assert_eq!(frame.registers[..7], [5, 6, 7, 0, 0, 0, 0x6666]);
        let registers = frame.registers();
        ktest_assert_eq!((registers[2], registers[30].0, registers[32].0), (("x2", 7), "x30", "pc"));
    }

    fn interrupts_preserve_every_register_and_flag() {
        let before = timer::now();
        timer::arm(before);
        let (mut wrong, flags): (u64, u64);
        // SAFETY: registers are set and compared around a moment with interrupts on, in which the
        // timer's is taken.
        unsafe {
            asm!(
                "mov x0, #0x100", "mov x1, #0x101", "mov x2, #0x102", "mov x3, #0x103",
                "mov x4, #0x104", "mov x5, #0x105", "mov x6, #0x106", "mov x7, #0x107",
                "mov x8, #0x108", "mov x9, #0x109", "mov x10, #0x10a", "mov x11, #0x10b",
                "mov x12, #0x10c", "mov x13, #0x10d", "mov x14, #0x10e", "mov x15, #0x10f",
                "mov x16, #0x110", "mov x17, #0x111",
                "mov x20, #0xa0000000", "msr nzcv, x20",
                "msr daifclr, #2", "isb", "msr daifset, #2",
                "mrs x21, nzcv", "mov x20, xzr",
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17",
                "sub x22, x\\n, #0x100", "cmp x22, #\\n", "cinc x20, x20, ne",
                ".endr",
                out("x0") _, out("x1") _, out("x2") _, out("x3") _, out("x4") _, out("x5") _,
                out("x6") _, out("x7") _, out("x8") _, out("x9") _, out("x10") _, out("x11") _,
                out("x12") _, out("x13") _, out("x14") _, out("x15") _, out("x16") _, out("x17") _,
                out("x20") wrong, out("x21") flags, out("x22") _,
            )
        }
        ktest_assert_eq!((wrong, flags), (0, 0xa000_0000));
        // It was taken: nothing is pending any more.
        ktest_assert_eq!(read_register!("isr_el1"), 0);
        wrong = read_register!("cntv_ctl_el0");
        ktest_assert_eq!(wrong & 1, 0, "the timer is disarmed when its interrupt is taken");
    }

    fn timer_interrupts_wait_for_their_deadline() {
        for wanted in [20_000, 1_000_000, 3_000_000] {
            let start = timer::now();
            timer::arm(start + wanted);
            while read_register!("isr_el1") == 0 {
                ktest_assert!(timer::now() < start + 5_000_000_000, "never came");
            }
            ktest_assert!(timer::now() >= start + wanted, "{} ns early", start + wanted - timer::now());
            timer::disarm();
            ktest_assert_eq!(read_register!("isr_el1"), 0, "disarmed");
        }
    }

    fn deadlines_in_the_past_and_far_future_are_handled() {
        timer::arm(0);
        ktest_assert!(read_register!("isr_el1") >> 7 & 1 == 1, "at once");
        timer::arm(u64::MAX);
        ktest_assert_eq!(read_register!("isr_el1"), 0);
        timer::disarm();
    }

    fn clock_never_goes_back() {
        let mut last = timer::now();
        for _ in 0..20_000 {
            let now = timer::now();
            ktest_assert!(now >= last);
            last = now;
        }
        let frequency = read_register!("cntfrq_el0");
        let first = timer::now();
        let start = read_register!("cntvct_el0");
        while read_register!("cntvct_el0") - start < frequency / 1000 {}
        let passed = timer::now() - first;
        ktest_assert!((999_000..200_000_000).contains(&passed), "{} ns for a millisecond", passed);
    }

    fn interrupts_to_oneself_wait_until_they_are_let_in() {
        let this = cpu::current();
        ktest_assert!(!cpu::interrupts_enabled());
        smp::kick(this.number(), smp::RESCHEDULE);
        // The GIC may need a moment; the interrupt stays pending.
        for _ in 0..1_000_000 {
            if read_register!("isr_el1") != 0 {
                break;
            }
        }
        ktest_assert!(read_register!("isr_el1") != 0);
        ktest_assert!(this.ipi_pending.load(Ordering::SeqCst) & smp::RESCHEDULE != 0);
        cpu::interrupts_enable();
        cpu::interrupts_disable();
        ktest_assert_eq!(this.ipi_pending.load(Ordering::SeqCst), 0);
        ktest_assert_eq!(read_register!("isr_el1"), 0);
    }

    fn calls_run_on_the_cpus_that_are_asked() {
        static RAN: AtomicU64 = AtomicU64::new(0);
        fn note(argument: u64) {
            let this = cpu::current();
            let known = this.hardware_id.get() == cpu::hardware_id(0) && argument == 77;
            RAN.fetch_or(if known { this.bit() } else { 1 << 63 }, Ordering::SeqCst);
        }
        let others = percpu::online_mask() & !cpu::current().bit();
        for _ in 0..100 {
            RAN.store(0, Ordering::SeqCst);
            smp::call(others, note, 77);
            ktest_assert_eq!(RAN.load(Ordering::SeqCst), others);
        }
        ktest_assert_eq!(cpu::current().hardware_id.get(), cpu::hardware_id(0));
    }

    fn masked_lines_are_quiet() {
        let line = machine::devices().timer_interrupt;
        ipi::mask(line);
        timer::arm(0);
        let quiet = (0..1000).all(|_| read_register!("isr_el1") == 0);
        ipi::unmask(line);
        let loud = (0..1_000_000).any(|_| read_register!("isr_el1") != 0);
        timer::disarm();
        ktest_assert!(quiet && loud);
    }

    fn floating_point_traps_for_users_only() {
        context::fpu_disable();
        ktest_assert!(!fpu_open());
        // The kernel itself is never trapped, so that it can save the state at any time.
        ktest_assert_eq!(probe!(".inst 0x9e660009"), 0, "fmov x9, d0");
        context::fpu_enable();
        ktest_assert!(fpu_open());
        context::fpu_disable();
    }

    fn floating_point_state_is_saved_whole() {
        let mut random = random();
        let mut state = FpuState::default();
        let bytes = |state: &FpuState| -> [u64; 66] {
            // SAFETY: 528 bytes of plain integers.
            unsafe { core::ptr::from_ref(state).cast::<[u64; 66]>().read() }
        };
        let mut wanted = [0; 66];
        wanted[..64].iter_mut().for_each(|word| *word = random.next());
        // Rounding mode and default NaN; sticky flags of inexact and overflow.
        (wanted[64], wanted[65]) = (3 << 22 | 1 << 25, 1 << 4 | 1 << 2);
        // SAFETY: nobody's state is live in a test; the state is plain integers.
        unsafe {
            core::ptr::from_mut(&mut state).cast::<[u64; 66]>().write(wanted);
            context::fpu_restore(&state);
            let mut other = FpuState::default();
            context::fpu_save(&mut other);
            ktest_assert!(bytes(&other) == wanted);
            // A new thread finds zeros, nothing of the one before.
            context::fpu_restore(&FpuState::default());
            context::fpu_save(&mut other);
            ktest_assert!(bytes(&other) == [0; 66]);
        }
    }

    fn user_mode_reads_the_counters_and_nothing_else() {
        // Virtual counter and its frequency; neither timers nor the physical counter.
        ktest_assert_eq!(read_register!("cntkctl_el1") & 0x303, 2);
        ktest_assert_eq!(read_register!("pmuserenr_el0") & 0xf, 0b1100);
        ktest_assert_eq!(read_register!("tpidrro_el0"), 0, "nothing of the kernel in it");
        // Other things that user mode may do: DC ZVA, cache maintenance, CTR_EL0, WFE; not WFI.
        let control = read_register!("sctlr_el1");
        ktest_assert_eq!((control >> 14 & 3, control >> 26 & 1, control >> 16 & 1), (3, 1, 0));
        ktest_assert_eq!(control >> 9 & 1, 0, "interrupt masks are the kernel's");
    }

    fn instruction_counter_counts() {
        let first = cpu::instructions();
        let second = cpu::instructions();
        ktest_assert!(second > first);
    }

    fn undefined_instructions_are_told_apart() {
        ktest_assert_eq!(class(probe!(".inst 0")), UNDEFINED);
        ktest_assert_eq!(class(probe!("brk #5")), 0x3c);
        ktest_assert_eq!(probe!("nop"), 0);
    }

    fn pages_are_cleared_whole() {
        let frame = frames::allocate_one().expect("a frame");
        // SAFETY: the frame is this test's own.
        let clean = unsafe {
            let page = frame.as_ptr::<u8>();
            page.write_bytes(0xff, mm::PAGE_SIZE);
            cpu::clear_page(page);
            core::slice::from_raw_parts(page, mm::PAGE_SIZE).iter().all(|byte| *byte == 0)
        };
        frames::free_one(frame);
        ktest_assert!(clean);
    }

    fn firmware_knows_which_cpus_run() {
        for cpu in percpu::cpus(percpu::online_mask()) {
            ktest_assert!(!power::cpu_is_stopped(cpu), "cpu {}", cpu.number());
            ktest_assert!(!power::start_cpu(cpu), "cpu {} runs already", cpu.number());
        }
        ktest_assert_eq!(CPUS[0].number(), 0);
    }
}
