//! System calls on memory objects and address spaces.

use super::{Arguments, Outcome, return_words};
use crate::arch::layout::USER_END;
use crate::cap::{Checked, Kind, Rights};
use crate::mm::object::MemoryObject;
use crate::mm::{MapError, MapFlags, VirtAddr};
use crate::process::objects::{Memory, SpaceObject};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use veridian_abi::{Error, protection};

impl From<MapError> for Error {
    fn from(error: MapError) -> Error {
        match error {
            MapError::OutOfMemory => Error::OutOfMemory,
            MapError::Invalid => Error::InvalidArgument,
            MapError::Occupied => Error::AlreadyExists,
            MapError::NotMapped => Error::NotFound,
            MapError::WriteExecute => Error::WriteExecute,
            MapError::Denied => Error::MissingRight,
        }
    }
}

/// What a user's protection bits mean for the page tables.
fn flags(bits: u64) -> Result<MapFlags, Error> {
    if bits == 0 || bits & !(protection::READ | protection::WRITE | protection::EXECUTE) != 0 {
        return Err(Error::InvalidArgument);
    }
    let mut flags = MapFlags::USER | MapFlags::READ;
    flags.set(MapFlags::WRITE, bits & protection::WRITE != 0);
    flags.set(MapFlags::EXECUTE, bits & protection::EXECUTE != 0);
    if flags.contains(MapFlags::WRITE | MapFlags::EXECUTE) {
        return Err(Error::WriteExecute);
    }
    Ok(flags)
}

/// The rights to a memory object that a mapping needs.
fn needed(flags: MapFlags) -> Rights {
    let mut rights = Rights::READ;
    rights.set(Rights::WRITE, flags.contains(MapFlags::WRITE));
    rights.set(Rights::EXECUTE, flags.contains(MapFlags::EXECUTE));
    rights
}

fn range(address: u64, length: u64) -> Result<(VirtAddr, u64), Error> {
    let end = address.checked_add(length).ok_or(Error::InvalidArgument)?;
    if length == 0 || address % 4096 != 0 || end > USER_END {
        return Err(Error::InvalidArgument);
    }
    Ok((VirtAddr(address), length))
}

pub fn memory_create(_: &mut Thread, found: Checked, [_, size, ..]: Arguments) -> Outcome {
    let create = || {
        if size == 0 {
            return Err(Error::InvalidArgument);
        }
        let memory = Memory::wrap(MemoryObject::create(size))?;
        // SAFETY: the caller holds a capability of the process, which therefore exists.
        let space = unsafe { found.typed::<Process>().open_space()? };
        space
            .insert_root(memory.header(), Rights::all(), 0)
            .map(|token| token.0)
    };
    create().into()
}

pub fn map(thread: &mut Thread, found: Checked, arguments: Arguments) -> Outcome {
    let [_, memory, offset, address, length, bits] = arguments;
    let map = || {
        let flags = flags(bits)?;
        let (at, length) = range(address, length)?;
        let source = thread.capability(memory, Kind::Memory, needed(flags))?;
        let space = found.typed::<SpaceObject>().space();
        let memory = source.typed::<Memory>().memory();
        let at = space.map_object(memory, offset, at, length, flags, source.binding())?;
        Ok(at.0)
    };
    map().into()
}

pub fn map_anonymous(
    _: &mut Thread,
    found: Checked,
    [_, address, length, bits, ..]: Arguments,
) -> Outcome {
    let map = || {
        let flags = flags(bits)?;
        let (at, length) = range(address, length)?;
        Ok(found
            .typed::<SpaceObject>()
            .space()
            .map_anonymous(at, length, flags)?
            .0)
    };
    map().into()
}

pub fn unmap(_: &mut Thread, found: Checked, [_, address, length, ..]: Arguments) -> Outcome {
    let unmap = || {
        let (at, length) = range(address, length)?;
        Ok::<_, Error>(found.typed::<SpaceObject>().space().unmap(at, length)?)
    };
    unmap().into()
}

pub fn protect(
    _: &mut Thread,
    found: Checked,
    [_, address, length, bits, ..]: Arguments,
) -> Outcome {
    let protect = || {
        let flags = flags(bits)?;
        let (at, length) = range(address, length)?;
        Ok::<_, Error>(
            found
                .typed::<SpaceObject>()
                .space()
                .protect(at, length, flags)?,
        )
    };
    protect().into()
}

pub fn query(thread: &mut Thread, found: Checked, [_, address, ..]: Arguments) -> Outcome {
    match found
        .typed::<SpaceObject>()
        .space()
        .query(VirtAddr(address))
    {
        Some(mapping) => {
            let words = [mapping.flags.bits() as u64, mapping.level as u64, 0, 0];
            return_words(thread, mapping.physical.0, words)
        }
        None => Err::<u64, _>(Error::NotFound).into(),
    }
}

pub fn memory_size(_: &mut Thread, found: Checked, _: Arguments) -> Outcome {
    Ok::<u64, Error>(found.typed::<Memory>().memory().size()).into()
}
