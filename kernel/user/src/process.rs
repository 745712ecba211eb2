//! Processes.

use crate::abi::well_known::PROCESS;
use crate::{Result, sync, sys};

/// Another process, by its token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process(pub u64);

/// Which side of a fork this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fork {
    /// The new process.
    Child,
    /// The one that forked, with the child.
    Parent(Process),
}

/// Duplicates the process; the calling thread alone goes on in the child.
pub fn fork() -> Result<Fork> {
    match sys::fork(PROCESS).value()? {
        0 => {
            sync::forked();
            Ok(Fork::Child)
        }
        token => Ok(Fork::Parent(Process(token))),
    }
}

/// Runs `body` in a forked child, whose exit status it gives.
pub fn spawn(body: impl FnOnce() -> u8) -> Result<Process> {
    match fork()? {
        Fork::Child => crate::start::exit(body()),
        Fork::Parent(child) => Ok(child),
    }
}

impl Process {
    /// Waits for its end; its exit status.
    pub fn wait(self) -> Result<u8> {
        sys::process_wait(self.0, 0)
            .value()
            .map(|status| status as u8)
    }

    /// Waits for its end and gives up the token.
    pub fn join(self) -> Result<u8> {
        let status = self.wait()?;
        sys::delete(self.0).check()?;
        Ok(status)
    }

    /// Ends it.
    pub fn kill(self, status: u8) -> Result<()> {
        sys::process_kill(self.0, status as u64).check().map(|_| ())
    }

    /// Copies a capability into its space with at most `rights`; its token there.
    pub fn grant(self, token: u64, rights: u8) -> Result<u64> {
        sys::grant(self.0, token, rights as u64, 0).value()
    }
}
