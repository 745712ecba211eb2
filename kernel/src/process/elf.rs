//! Loading an ELF file into an address space: static and static-PIE.
//!
//! The file is read from a memory object and believed in nothing: every offset, size and address
//! is checked before it is used, and nothing stays mapped on an error, since the space is then
//! given up whole. Format: System V ABI, "Object Files", for 64-bit little-endian.
//!
//! A PIE is mapped at a base; the program relocates itself (see `user/src/start.rs`).

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use elf::abi::{EI_NIDENT, ET_DYN, ET_EXEC, PF_W, PF_X, PT_INTERP, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::parse::{ParseAt, ParseError};
use elf::segment::ProgramHeader;

use crate::arch::cpu;
use crate::arch::layout::{PAGE_SIZE, USER_END};
use crate::mm::object::MemoryObject;
use crate::mm::vas::AddressSpace;
use crate::mm::{MapFlags, VirtAddr};
use veridian_abi::Error;

/// Position-independent programs go to 64 bases from here on, 1 GiB apart, each to the next.
const PIE_BASE: u64 = 0x5555_0000_0000;
static LOADED: AtomicU64 = AtomicU64::new(0);
/// Size of a new process's first stack.
const STACK: u64 = 256 * 1024;
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

/// A part of a memory object: a file in it.
pub struct Image<'a> {
    /// The object.
    pub memory: &'a MemoryObject,
    /// Where the file begins.
    pub offset: u64,
    /// Its length.
    pub length: u64,
}

/// Where a loaded program starts.
pub struct Entry {
    /// First instruction.
    pub pc: u64,
    /// Upper end of the first stack.
    pub stack: u64,
}

/// Loads the program of `image` into the empty `space` and gives it a stack.
///
/// # Errors
/// `BadExecutable` for anything malformed, `OutOfMemory`.
pub fn load(space: &AddressSpace, image: &Image) -> Result<Entry, Error> {
    let header = header(image)?;
    let base = match header.e_type {
        ET_DYN => PIE_BASE + ((LOADED.fetch_add(1, Relaxed) % 64) << 30),
        _ => 0,
    };
    let pc = add(base, header.e_entry)?;
    let (mut end, mut starts) = (PAGE_SIZE, false);
    for index in 0..header.e_phnum as u64 {
        let mut raw = [0; PROGRAM_HEADER];
        image.read(
            add(header.e_phoff, index * PROGRAM_HEADER as u64)?,
            &mut raw,
        )?;
        let segment = ProgramHeader::parse_at(LittleEndian, Class::ELF64, &mut 0, &raw);
        let mut segment = segment.map_err(malformed)?;
        match segment.p_type {
            PT_LOAD if segment.p_memsz != 0 => {
                segment.p_vaddr = add(base, segment.p_vaddr)?;
                end = map(space, image, &segment, end)?;
                let inside = pc.wrapping_sub(segment.p_vaddr) < segment.p_memsz;
                starts |= inside && segment.p_flags & PF_X != 0;
            }
            PT_INTERP => return Err(Error::BadExecutable),
            _ => {}
        }
    }
    if !starts {
        return Err(Error::BadExecutable);
    }
    let stack = space.map_stack(STACK).map_err(|_| Error::OutOfMemory)?;
    Ok(Entry { pc, stack: stack.0 })
}

/// The file's header, if this kernel can run what it describes.
fn header(image: &Image) -> Result<FileHeader<LittleEndian>, Error> {
    let mut raw = [0; HEADER];
    image.read(0, &mut raw)?;
    let ident = parse_ident(&raw[..EI_NIDENT]).map_err(malformed)?;
    let header = FileHeader::parse_tail(ident, &raw[EI_NIDENT..]).map_err(malformed)?;
    let ok = header.class == Class::ELF64
        && matches!(header.e_type, ET_EXEC | ET_DYN)
        && header.e_machine == cpu::ELF_MACHINE
        && header.e_phentsize as usize == PROGRAM_HEADER;
    if ok {
        Ok(header)
    } else {
        Err(Error::BadExecutable)
    }
}

/// Maps a segment, whose address is that in `space`, behind `above`. Result: its last page's end.
fn map(
    space: &AddressSpace,
    image: &Image,
    segment: &ProgramHeader,
    above: u64,
) -> Result<u64, Error> {
    let start = segment.p_vaddr & !(PAGE_SIZE - 1);
    let end = add(segment.p_vaddr, segment.p_memsz)?;
    let flags = match segment.p_flags & (PF_W | PF_X) {
        0 => MapFlags::USER_RODATA,
        PF_X => MapFlags::USER_CODE,
        PF_W => MapFlags::USER_DATA,
        _ => return Err(Error::BadExecutable),
    };
    if start < above || end > USER_END || segment.p_filesz > segment.p_memsz {
        return Err(Error::BadExecutable);
    }
    let end = end.next_multiple_of(PAGE_SIZE);
    let mapped = space.map_anonymous(VirtAddr(start), end - start, flags);
    mapped.map_err(map_error)?;
    let mut buffer = [0; 512];
    let mut done = 0;
    while done < segment.p_filesz {
        let piece = (segment.p_filesz - done).min(buffer.len() as u64) as usize;
        image.read(add(segment.p_offset, done)?, &mut buffer[..piece])?;
        let written = space.write(VirtAddr(segment.p_vaddr + done), &buffer[..piece]);
        written.map_err(|_| Error::OutOfMemory)?;
        done += piece as u64;
    }
    Ok(end)
}

impl Image<'_> {
    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), Error> {
        if add(offset, into.len() as u64)? > self.length {
            return Err(Error::BadExecutable);
        }
        let read = self.memory.read(add(self.offset, offset)?, into);
        read.map_err(map_error)
    }
}

fn add(a: u64, b: u64) -> Result<u64, Error> {
    a.checked_add(b).ok_or(Error::BadExecutable)
}

fn malformed(_: ParseError) -> Error {
    Error::BadExecutable
}

fn map_error(error: Error) -> Error {
    match error {
        Error::OutOfMemory => error,
        _ => Error::BadExecutable,
    }
}
