//! System calls on threads, and those of a thread on itself.

use core::sync::atomic::Ordering::Relaxed;

use super::{Arguments, Outcome, return_words, userspace};
use crate::arch::{cpu, timer};
use crate::cap::{Checked, Kind, Rights};
use crate::percpu;
use crate::process::pcb::Process;
use crate::process::thread::{Thread, ThreadObject, flag};
use crate::process::wait::{self, Reason};
use crate::process::{create, lifecycle};
use crate::sched::task::Class;
use crate::sched::{affinity, scheduler};
use veridian_abi::{Error, MessageInfo};

fn target<'a>(found: &Checked<'a>) -> &'a mut Thread {
    // SAFETY: a thread with a capability exists for the length of the operation; what is not its
    // own CPU's business is atomic or locked.
    unsafe { &mut *found.typed::<ThreadObject>().thread() }
}

pub fn thread_create(_: &mut Thread, found: Checked, arguments: Arguments) -> Outcome {
    let [_, entry, sp, argument, tls, buffer] = arguments;
    create::thread(found.typed::<Process>(), entry, sp, argument, tls, buffer).into()
}

pub fn thread_exit(thread: &mut Thread, [value, ..]: Arguments) -> Outcome {
    thread.exit_value.store(value, Relaxed);
    lifecycle::die(thread)
}

pub fn thread_join(thread: &mut Thread, found: Checked, [_, info, ..]: Arguments) -> Outcome {
    let joined = target(&found);
    if joined.is_current() || joined.flags.load(Relaxed) & flag::DETACHED != 0 {
        return Err::<u64, _>(Error::InvalidArgument).into();
    }
    // SAFETY: a thread that has a process is one of its members, so the process exists.
    if let Some(process) = unsafe { joined.process.as_ref() } {
        let members = process.members();
        if !joined.is_dead() {
            return wait::block(
                thread,
                Reason::Join,
                joined.id as u64,
                found.binding(),
                info,
                |thread| {
                    // SAFETY: the process's lock is held; the thread is running, so in no list.
                    unsafe { joined.joiners.insert(thread, process.wait_lock()) };
                    drop(members);
                },
            );
        }
    }
    Ok::<u64, Error>(joined.exit_value.load(Relaxed)).into()
}

pub fn thread_detach(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    target(&found).flags.fetch_or(flag::DETACHED, Relaxed);
    Ok::<(), Error>(()).into()
}

pub fn thread_kill(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    // SAFETY: as in `target`.
    unsafe { lifecycle::kill_thread(found.typed::<ThreadObject>().thread()) };
    Ok::<(), Error>(()).into()
}

pub fn yield_now(thread: &mut Thread, _: Arguments) -> Outcome {
    thread.frame.set_results(&[0; 6]);
    scheduler::yield_current()
}

pub fn sleep_until(thread: &mut Thread, [deadline, ..]: Arguments) -> Outcome {
    if deadline <= timer::now() {
        return Ok::<u64, Error>(0).into();
    }
    affinity::sleep(thread, Reason::Sleep, deadline)
}

pub fn clock(_: &mut Thread, _: Arguments) -> Outcome {
    Ok::<u64, Error>(timer::now()).into()
}

pub fn set_affinity(_: &mut Thread, found: Checked, [_, mask, ..]: Arguments) -> Outcome {
    affinity::set(target(&found), mask).into()
}

pub fn get_affinity(thread: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    let task = &target(&found).task;
    return_words(
        thread,
        task.affinity.load(Relaxed),
        [
            task.last_cpu.load(Relaxed) as u64,
            percpu::online_mask(),
            0,
            0,
        ],
    )
}

pub fn set_schedule(_: &mut Thread, found: Checked, [_, class, level, ..]: Arguments) -> Outcome {
    let set = || {
        let class = match class {
            veridian_abi::class::FIXED => Class::Fixed,
            veridian_abi::class::ROUND_ROBIN => Class::RoundRobin,
            veridian_abi::class::FAIR => Class::Fair,
            _ => return Err(Error::InvalidArgument),
        };
        if !scheduler::valid_level(class, level as i64) {
            return Err(Error::InvalidArgument);
        }
        affinity::set_class(target(&found), class, level as i16);
        Ok(())
    };
    set().into()
}

pub fn get_schedule(thread: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    let task = &target(&found).task;
    return_words(
        thread,
        task.class() as u64,
        [task.level() as i64 as u64, task.rank() as u64, 0, 0],
    )
}

pub fn thread_info(_: &mut Thread, found: Checked, [_, buffer, length, ..]: Arguments) -> Outcome {
    let metrics = target(&found).task.metrics;
    let words = [
        metrics.run_time,
        metrics.wait_time,
        metrics.switches,
        metrics.migrations,
    ];
    userspace::write_words(buffer, length, &words, &metrics.latency).into()
}

pub fn set_tls(thread: &mut Thread, [base, ..]: Arguments) -> Outcome {
    thread.frame.set_tls(base);
    thread.frame.set_results(&[0; 6]);
    scheduler::leave_kernel()
}

pub fn set_fault_handler(
    thread: &mut Thread,
    found: Checked,
    [_, endpoint, ..]: Arguments,
) -> Outcome {
    let set = || {
        let faulting = target(&found);
        let (handler, badge) = match endpoint {
            0 => (core::ptr::null_mut(), 0),
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
        faulting
            .fault_handler
            .store(handler, core::sync::atomic::Ordering::Release);
        Ok(())
    };
    set().into()
}

pub fn whoami(thread: &mut Thread, _: Arguments) -> Outcome {
    // SAFETY: a running thread has a process.
    let pid = unsafe { (*thread.process).pid } as u64;
    return_words(
        thread,
        thread.id as u64,
        [
            cpu::current().index.get() as u64,
            pid,
            thread.buffer_address,
            0,
        ],
    )
}

pub fn null(_: &mut Thread, _: Arguments) -> Outcome {
    Outcome {
        status: 0,
        value: 0,
    }
}

/// The deadline that a descriptor asks for: that of the message buffer, none, or the past.
pub fn deadline(thread: &Thread, info: u64) -> u64 {
    let info = MessageInfo(info);
    if info.has(MessageInfo::TIMED) && !thread.buffer.is_null() {
        // SAFETY: a live thread's buffer is a frame that the kernel has mapped.
        unsafe { (&raw const (*thread.buffer).deadline).read_volatile() }
    } else {
        u64::MAX
    }
}
