//! System calls on memory objects and address spaces.

use super::{Answer, Arguments, Done, return_words};
use crate::arch::layout::USER_END;
use crate::cap::{Kind, Rights};
use crate::mm::object::MemoryObject;
use crate::mm::{MapFlags, VirtAddr};
use crate::process::objects::{Memory, SpaceObject};
use crate::process::pcb::Process;
use crate::process::thread::Thread;
use veridian_abi::{Error, protection};

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

pub fn memory_create(_: &mut Thread, process: &Process, [_, size, ..]: Arguments) -> Answer {
    if size == 0 {
        return Err(Error::InvalidArgument);
    }
    let memory = Memory::wrap(MemoryObject::create(size))?;
    process.give(memory.header())
}

pub fn map(thread: &mut Thread, target: &SpaceObject, arguments: Arguments) -> Answer {
    let [_, memory, offset, address, length, bits] = arguments;
    let flags = flags(bits)?;
    let (at, length) = range(address, length)?;
    let source = thread.capability(memory, Kind::Memory, needed(flags))?;
    let memory = source.typed::<Memory>().memory();
    let (space, binding) = (target.space(), source.binding());
    let at = space.map_object(memory, offset, at, length, flags, binding)?;
    Ok(at.0)
}

pub fn map_anonymous(_: &mut Thread, target: &SpaceObject, arguments: Arguments) -> Answer {
    let [_, address, length, bits, ..] = arguments;
    let flags = flags(bits)?;
    let (at, length) = range(address, length)?;
    Ok(target.space().map_anonymous(at, length, flags)?.0)
}

pub fn unmap(_: &mut Thread, target: &SpaceObject, arguments: Arguments) -> Done {
    let [_, address, length, ..] = arguments;
    let (at, length) = range(address, length)?;
    target.space().unmap(at, length)
}

pub fn protect(_: &mut Thread, target: &SpaceObject, arguments: Arguments) -> Done {
    let [_, address, length, bits, ..] = arguments;
    let flags = flags(bits)?;
    let (at, length) = range(address, length)?;
    target.space().protect(at, length, flags)
}

pub fn query(thread: &mut Thread, target: &SpaceObject, arguments: Arguments) -> Answer {
    let mapping = target.space().query(VirtAddr(arguments[1]));
    let mapping = mapping.ok_or(Error::NotFound)?;
    let words = [mapping.flags.bits() as u64, mapping.level as u64, 0, 0];
    return_words(thread, mapping.physical.0, words)
}

pub fn memory_size(_: &mut Thread, memory: &Memory, _: Arguments) -> Answer {
    Ok(memory.memory().size())
}
