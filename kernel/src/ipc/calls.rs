//! The system calls of IPC.

use crate::cap::{Checked, Rights};
use crate::ipc::endpoint::Endpoint;
use crate::ipc::sync;
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use crate::syscall::Outcome;
use veridian_abi::Error;

type Arguments = [u64; 6];

pub(crate) fn call(thread: &mut Thread, _: Checked, [token, info, words @ ..]: Arguments) -> Outcome {
    sync::call(thread, token, info, words)
}

pub(crate) fn reply_receive(thread: &mut Thread, _: Checked, [token, info, words @ ..]: Arguments) -> Outcome {
    sync::reply_receive(thread, token, info, words)
}

pub(crate) fn send(thread: &mut Thread, _: Checked, [token, info, words @ ..]: Arguments) -> Outcome {
    sync::send(thread, token, info, words)
}

pub(crate) fn receive(thread: &mut Thread, _: Checked, [token, info, ..]: Arguments) -> Outcome {
    sync::receive(thread, token, info)
}

pub(crate) fn reply(thread: &mut Thread, [info, w0, w1, w2, w3, _]: Arguments) -> Outcome {
    sync::reply(thread, info, [w0, w1, w2, w3]).into()
}

pub(crate) fn endpoint_create(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    let create = || {
        let endpoint = Endpoint::create().map_err(|_| Error::OutOfMemory)?;
        // SAFETY: a new object's one use is its creator's; the caller holds a capability of the
        // process, which therefore exists.
        unsafe {
            let endpoint = crate::cap::Use::from_raw(endpoint);
            let space = found.typed::<Process>().open_space()?;
            space.insert_root(endpoint.header(), Rights::all(), 0).map(|token| token.0)
        }
    };
    create().into()
}

pub(crate) fn endpoint_close(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    found.typed::<Endpoint>().close();
    Ok::<u64, Error>(0).into()
}
