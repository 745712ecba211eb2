//! System calls on threads, and those of a thread on itself.

use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Relaxed, Release};

use super::{Answer, Arguments, Done, return_words, userspace};
use crate::arch::{cpu, timer};
use crate::cap::{Checked, Kind, Rights};
use crate::percpu;
use crate::process::lifecycle;
use crate::process::thread::{Thread, ThreadObject, flag};
use crate::process::wait::{self, Reason};
use crate::sched::task::Class;
use crate::sched::{affinity, scheduler};
use veridian_abi::Error;

pub fn thread_exit(thread: &mut Thread, [value, ..]: Arguments) -> Answer {
    thread.exit_value.store(value, Relaxed);
    lifecycle::die(thread)
}

pub fn thread_join(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Answer {
    let joined: *mut Thread = found.typed::<ThreadObject>().get();
    // SAFETY: a thread with a capability exists for the length of the operation.
    let target = unsafe { &*joined };
    if target.is_current() || target.flags.load(Relaxed) & flag::DETACHED != 0 {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: a thread that has a process is one of its members, so the process exists.
    if let Some(process) = unsafe { target.process.as_ref() } {
        let members = process.members.lock();
        if !target.is_dead() {
            let (what, via) = ((Reason::Join, target.id as u64), found.binding());
            return wait::block(thread, what, via, info, members, |_| {
                // SAFETY: the joiners of a thread stand behind its process's lock.
                unsafe { &mut (*joined).joiners }
            });
        }
    }
    Ok(target.exit_value.load(Relaxed))
}

pub fn thread_detach(_: &mut Thread, target: &mut Thread, _: Arguments) {
    target.flags.fetch_or(flag::DETACHED, Relaxed);
}

pub fn thread_kill(_: &mut Thread, target: &mut Thread, _: Arguments) {
    // SAFETY: a thread with a capability is covered by a grace period.
    unsafe { lifecycle::kill_thread(target) };
}

pub fn yield_now(thread: &mut Thread, _: Arguments) -> Answer {
    thread.frame.set_results(&[0; 6]);
    scheduler::yield_current()
}

pub fn sleep_until(thread: &mut Thread, [deadline, ..]: Arguments) {
    if deadline > timer::now() {
        affinity::sleep(thread, Reason::Sleep, deadline)
    }
}

pub fn clock(_: &mut Thread, _: Arguments) -> u64 {
    timer::now()
}

pub fn get_affinity(thread: &mut Thread, target: &mut Thread, _: Arguments) -> Answer {
    let last = target.task.last_cpu.load(Relaxed) as u64;
    let affinity = target.task.affinity.load(Relaxed);
    return_words(thread, affinity, [last, percpu::online_mask(), 0, 0])
}

pub fn set_schedule(_: &mut Thread, target: &mut Thread, arguments: Arguments) -> Done {
    let [_, class, level, ..] = arguments;
    let class = Class::of(class, level as i64).ok_or(Error::InvalidArgument)?;
    affinity::set_class(target, class, level as i16);
    Ok(())
}

pub fn get_schedule(thread: &mut Thread, target: &mut Thread, _: Arguments) -> Answer {
    let (level, rank) = (target.task.level() as i64, target.task.rank());
    let words = [level as u64, rank as u64, 0, 0];
    return_words(thread, target.task.class() as u64, words)
}

pub fn thread_info(_: &mut Thread, target: &mut Thread, arguments: Arguments) -> Answer {
    let [_, buffer, length, ..] = arguments;
    let m = target.task.metrics;
    let words = [m.run_time, m.wait_time, m.switches, m.migrations];
    userspace::write_words(buffer, length, &words, &m.latency)
}

pub fn set_tls(thread: &mut Thread, [base, ..]: Arguments) -> Answer {
    thread.frame.set_tls(base);
    thread.frame.set_results(&[0; 6]);
    scheduler::leave_kernel()
}

pub fn set_fault_handler(thread: &mut Thread, faulting: &mut Thread, tokens: Arguments) -> Done {
    let (handler, badge) = match tokens[1] {
        0 => (null_mut(), 0),
        token => {
            let handler = thread.capability(token, Kind::Endpoint, Rights::WRITE)?;
            if !handler.object.acquire() {
                return Err(Error::InvalidCapability);
            }
            ((&raw const *handler.object).cast_mut(), handler.badge)
        }
    };
    lifecycle::drop_fault_handler(faulting);
    faulting.fault_badge = badge;
    faulting.fault_handler.store(handler, Release);
    Ok(())
}

pub fn whoami(thread: &mut Thread, _: Arguments) -> Answer {
    // SAFETY: a running thread has a process.
    let pid = unsafe { (*thread.process).pid } as u64;
    let cpu = cpu::current().index.get() as u64;
    let words = [cpu, pid, thread.buffer_address, 0];
    return_words(thread, thread.id as u64, words)
}

pub fn null(_: &mut Thread, _: Arguments) {}
