//! Life of processes and threads.

use crate::harness::{in_child, now, sleep};
use crate::{check, check_eq, tests};
use veridian::abi::MessageInfo;
use veridian::abi::well_known::{INITRD, MACHINE, PROCESS, THREAD};
use veridian::initrd::{self, Initrd};
use veridian::{Error, sys};

tests! {
    fn exit_status_reaches_the_parent() {
        for status in [0, 1, 2, 7, 16, 100, 127, 128, 200, 254, 255] {
            check_eq!(in_child(|| status)?, Some(status.into()));
        }
    }
    fn waiting_without_patience_would_block() {
        let child = sys::fork(PROCESS).value()?;
        if child == 0 {
            sleep(20_000_000);
            sys::exit(3);
        }
        let early = sys::process_wait(child, MessageInfo::NO_WAIT).check();
        check_eq!(early.err(), Some(Error::WouldBlock));
        check_eq!(sys::process_wait(child, 0).value()?, 3);
        sys::delete(child).check()?;
    }
    fn killed_process_has_the_killers_status() {
        let child = sys::fork(PROCESS).value()?;
        if child == 0 {
            loop {
                core::hint::spin_loop();
            }
        }
        sleep(2_000_000);
        sys::process_kill(child, 77).check()?;
        check_eq!(sys::process_wait(child, 0).value()?, 77);
        sys::delete(child).check()?;
    }
    fn sleeping_process_can_be_killed() {
        let child = sys::fork(PROCESS).value()?;
        if child == 0 {
            sleep(1_000_000_000_000);
            sys::exit(1);
        }
        sleep(2_000_000);
        let start = now();
        sys::process_kill(child, 9).check()?;
        check_eq!(sys::process_wait(child, 0).value()?, 9);
        check!(now() - start < 5_000_000_000);
        sys::delete(child).check()?;
    }
    fn spinning_process_does_not_keep_others_from_running() {
        let child = sys::fork(PROCESS).value()?;
        if child == 0 {
            loop {
                core::hint::spin_loop();
            }
        }
        let start = now();
        for _ in 0..5 {
            sleep(1_000_000);
        }
        check!(now() - start < 5_000_000_000, "starved");
        sys::process_kill(child, 1).check()?;
        sys::process_wait(child, 0).value()?;
        sys::delete(child).check()?;
    }
    fn a_position_independent_program_runs_wherever_it_is_loaded() {
        let disk = Initrd::open()?;
        let mut bases = [0; 3];
        for base in &mut bases {
            let process = initrd::spawn(&disk, &["pie"])?;
            *base = sys::process_wait(process, 0).value()?;
            sys::delete(process).check()?;
        }
        check!(bases.iter().all(|base| *base < 64), "not relocated: {bases:?}");
        check!(bases[0] != bases[1] && bases[1] != bases[2], "always at one base: {bases:?}");
    }
    fn a_process_that_was_not_started_ends_once_with_threads_in_it() {
        let file = Initrd::open()?.find("exit")?;
        for round in 0..30 {
            let child = sys::process_create(PROCESS, INITRD, file.offset, file.length, 0, 0).value()?;
            for _ in 0..2 {
                // Nothing is there: the thread ends the process, unless that is faster.
                let _ = sys::thread_create(child, 0x1000, 0x2000, 0, 0, 0).check();
            }
            sleep(round * 5_000);
            let _ = sys::process_kill(child, 9).check();
            let status = sys::process_wait(child, 0).value()?;
            check!([9, veridian::abi::fault::STATUS as u64].contains(&status), "ended with {status}");
            sys::delete(child).check()?;
        }
    }
    fn a_process_that_has_ended_becomes_nobodys_parent() {
        let file = Initrd::open()?.find("exit")?;
        let parent = veridian::process::spawn(|| 3)?;
        check_eq!(parent.wait()?, 3);
        let child = sys::process_create(parent.0, INITRD, file.offset, file.length, 0, 0).value();
        check_eq!(child, Err(Error::Closed));
        sys::delete(parent.0).check()?;
    }
    fn processes_come_and_go_on_every_cpu() {
        let lines = [(); 4].map(|()| {
            veridian::process::spawn(|| {
                let children = (0..30).map(|_| veridian::process::spawn(|| 0).and_then(|child| child.join()));
                u8::from(children.into_iter().any(|status| status != Ok(0)))
            })
        });
        for line in lines {
            check_eq!(line?.join()?, 0);
        }
    }
    fn the_last_thread_ends_its_process() {
        let child = veridian::process::spawn(|| {
            sys::thread_exit(5);
            1
        })?;
        check_eq!(child.join()?, 0);
    }
    fn many_children_live_at_once() {
        let mut children = [0u64; 40];
        for (index, child) in children.iter_mut().enumerate() {
            *child = sys::fork(PROCESS).value()?;
            if *child == 0 {
                sys::yield_now();
                sys::exit(index as u64);
            }
        }
        for (index, child) in children.iter().enumerate() {
            check_eq!(sys::process_wait(*child, 0).value()?, index as u64);
            sys::delete(*child).check()?;
        }
    }
    fn children_of_children_are_cleaned_up() {
        let status = in_child(|| {
            for _ in 0..3 {
                if sys::fork(PROCESS).value == 0 {
                    sleep(1_000_000);
                    sys::exit(0);
                }
            }
            // Ends before they do: they become orphans.
            5
        })?;
        check_eq!(status, Some(5));
        sleep(30_000_000);
    }
    fn fork_and_exit_in_a_row() {
        for round in 0..100 {
            check_eq!(in_child(|| round as u8)?, Some(round));
        }
    }
    fn process_tokens_of_a_fork_name_the_child() {
        let status = in_child(|| {
            // Kills the child itself, not the parent.
            sys::process_kill(PROCESS, 33);
            1
        })?;
        check_eq!(status, Some(33));
    }
    fn affinity_is_honoured() {
        let online = sys::cpu_info(MACHINE).check()?.words[0];
        for cpu in (0..64).filter(|cpu| online >> cpu & 1 != 0) {
            sys::set_affinity(THREAD, 1 << cpu).check()?;
            for _ in 0..10 {
                sys::yield_now();
                check_eq!(sys::get_affinity(THREAD).check()?.words[0], cpu);
            }
        }
        sys::set_affinity(THREAD, online).check()?;
    }
    fn affinity_to_no_cpu_is_refused() {
        check!(sys::set_affinity(THREAD, 0).check().is_err());
    }
    fn a_nice_value_out_of_range_is_refused() {
        let fair = veridian::abi::class::FAIR;
        check!(sys::set_schedule(THREAD, fair, 20).check().is_err());
        check!(sys::set_schedule(THREAD, fair, (-21i64) as u64).check().is_err());
        check!(sys::set_schedule(THREAD, 9, 0).check().is_err());
    }
    fn class_and_level_read_back() {
        let fixed = veridian::abi::class::FIXED;
        let before = sys::get_schedule(THREAD).check()?;
        sys::set_schedule(THREAD, fixed, 17).check()?;
        let set = sys::get_schedule(THREAD).check()?;
        check_eq!((set.value, set.words[0]), (fixed, 17));
        sys::set_schedule(THREAD, before.value, before.words[0]).check()?;
    }
    fn cpus_go_offline_and_come_back() {
        let online = sys::cpu_info(MACHINE).check()?.words[0];
        if online.count_ones() < 2 {
            return Err(crate::harness::Failure("ignored: needs two CPUs".into()));
        }
        sys::set_affinity(THREAD, 1).check()?;
        for _ in 0..5 {
            sys::cpu_offline(MACHINE, 1, 0).check()?;
            check_eq!(sys::cpu_info(MACHINE).check()?.words[0], online & !2);
            sleep(1_000_000);
            sys::cpu_online(MACHINE, 1).check()?;
            check_eq!(sys::cpu_info(MACHINE).check()?.words[0], online);
        }
        sys::set_affinity(THREAD, online).check()?;
    }
    fn boot_cpu_number_out_of_range_is_refused() {
        check!(sys::cpu_offline(MACHINE, 99, 0).check().is_err());
        check!(sys::cpu_online(MACHINE, 99).check().is_err());
    }
}
