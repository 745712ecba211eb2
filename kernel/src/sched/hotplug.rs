//! CPUs that come and go.
//!
//! Going offline, a CPU takes no new threads (it is not in the online mask any more), then moves its
//! ready threads and timers to others, answers whatever is still asked of it, saves its floating-point
//! owner, leaves its address space and stops for real. The boot CPU stays: it has the console's
//! interrupt, and firmware does not let it come back on every architecture.
//!
//! Lock order: `HOTPLUG` is outermost; the CPU that goes holds nothing.

use core::sync::atomic::Ordering::Relaxed;

use super::list::container;
use super::scheduler::{self, SCHEDULERS};
use super::{fpu, smp, timers};
use crate::arch::{cpu, power};
use crate::boot::{self, HOTPLUG};
use crate::cap::Checked;
use crate::percpu::{self, CPUS, CpuState, PerCpu};
use crate::process::pcb::TREE;
use crate::process::thread::Thread;
use crate::syscall::Arguments;
use veridian_abi::Error;

/// The system call of this name: brings a CPU online.
///
/// # Errors
/// `NotFound` if there is no such CPU, `AlreadyExists` if it is online, `NoCpu` if it does not start.
pub fn cpu_online(_: &mut Thread, _: Checked, arguments: Arguments) -> Result<(), Error> {
    let cpu = CPUS.get(arguments[1] as usize).ok_or(Error::NotFound)?;
    match cpu.state() {
        CpuState::Absent => Err(Error::NotFound),
        CpuState::Online => Err(Error::AlreadyExists),
        _ => boot::bring_up(cpu).map_err(|_| Error::NoCpu),
    }
}

/// The system call of this name: takes a CPU offline. With `force`, threads that may run nowhere else may
/// then run anywhere.
///
/// # Errors
/// `NotFound`, `InvalidArgument` for the boot CPU and the calling one, `Busy` if a thread is pinned to it.
pub fn cpu_offline(_: &mut Thread, _: Checked, arguments: Arguments) -> Result<(), Error> {
    let (number, force) = (arguments[1] as usize, arguments[2] != 0);
    let cpu = CPUS.get(number).ok_or(Error::NotFound)?;
    if number == 0 || number == cpu::current().number() {
        return Err(Error::InvalidArgument);
    }
    let hotplug = HOTPLUG.lock();
    if cpu.state() != CpuState::Online {
        return Err(Error::NotFound);
    }
    cpu.set_state(CpuState::Changing);
    if pinned(force) {
        cpu.set_state(CpuState::Online);
        return Err(Error::Busy);
    }
    while cpu.state() != CpuState::Off || !power::cpu_is_stopped(cpu) {
        smp::kick(number, smp::RESCHEDULE);
        crate::lock::spin();
    }
    timers::adopt(number);
    drop(hotplug);
    Ok(())
}

/// Whether a thread may run on no CPU that is online; with `force` it is allowed everywhere instead.
fn pinned(force: bool) -> bool {
    let tree = TREE.lock();
    for process in tree.processes() {
        for thread in process.members.lock().threads() {
            if thread.task.affinity.load(Relaxed) & percpu::online_mask() == 0 {
                if !force {
                    return true;
                }
                thread.task.affinity.store(u64::MAX, Relaxed);
            }
        }
    }
    false
}

/// Leaves the calling CPU, which runs no thread, if it is to go.
pub fn leave(here: &'static PerCpu) -> ! {
    let scheduler = &SCHEDULERS[here.number()];
    loop {
        let task = scheduler.ready.lock().pop();
        if task.is_null() {
            break;
        }
        // SAFETY: just popped, so it is this CPU's.
        unsafe {
            scheduler.load.fetch_sub(1, Relaxed);
            scheduler::make_ready(container!(task, Thread, task));
        }
    }
    fpu::save_local();
    crate::mm::tlb::leave();
    smp::drain();
    here.set_state(CpuState::Off);
    power::stop_this_cpu()
}
