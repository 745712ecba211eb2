//! Stand-in for an architecture on the host: no hardware, just enough for portable code to be
//! tested. A "CPU" is a host thread.

pub mod paging;

/// The other CPUs of a test: one that is sent an interrupt answers at once.
pub mod ipi {
    use crate::percpu::PerCpu;

    /// Answers TLB requests in the name of `cpu`.
    pub fn send(cpu: &PerCpu) {
        crate::mm::tlb::service_as(cpu);
    }
}

/// Nothing is scheduled here.
pub mod scheduler {
    use crate::percpu::MAX_CPUS;

    /// One CPU's scheduler: nothing.
    pub struct Scheduler;
    /// All of them.
    pub static SCHEDULERS: [Scheduler; MAX_CPUS] = [const { Scheduler }; MAX_CPUS];
}

/// CPU identity per thread; interrupts are always off.
pub mod cpu {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::percpu::{MAX_CPUS, PerCpu};

    /// Name of the architecture.
    pub const NAME: &str = "host";

    std::thread_local! {
        static CURRENT: Cell<Option<&'static PerCpu>> = const { Cell::new(None) };
    }

    /// The record of this thread's CPU; every thread gets one of its own, leaked.
    pub fn current() -> &'static PerCpu {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        CURRENT.with(|current| {
            current.get().unwrap_or_else(|| {
                let cpu: &'static PerCpu = Box::leak(Box::new(PerCpu::new()));
                let index = NEXT.fetch_add(1, Ordering::Relaxed) % MAX_CPUS;
                cpu.describe(index, index as u64, 0);
                current.set(Some(cpu));
                cpu
            })
        })
    }

    /// Interrupts do not exist here.
    pub fn interrupts_enabled() -> bool {
        false
    }

    /// Nothing to do.
    pub fn interrupts_disable() {}

    /// Nothing to do.
    pub fn interrupts_enable() {}

    /// Frame records are not walked here.
    pub const FRAME_RECORD: i64 = 0;

    /// No frame to begin with.
    pub fn frame_pointer() -> u64 {
        0
    }

    /// Clears a page.
    ///
    /// # Safety
    /// The page belongs to the caller.
    pub unsafe fn clear_page(page: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { page.write_bytes(0, 4096) };
    }

    /// Nothing is executed here.
    pub fn sync_instruction_cache(_start: u64, _len: usize) {}

    /// Lets another thread run.
    pub fn relax() {
        std::thread::yield_now();
    }
}

/// Standard output.
pub mod console {
    use std::io::Write;

    /// Writes one byte.
    pub fn put(byte: u8) {
        let _ = std::io::stdout().write_all(&[byte]);
    }
}

/// The process is the machine.
pub mod power {
    /// Ends the process.
    pub fn exit(code: u8) -> ! {
        std::process::exit(code.into())
    }
}
