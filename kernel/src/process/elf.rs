//! Loading an ELF file into an address space: static and static-PIE.
//!
//! The file is read from a memory object and believed in nothing: every offset, size and address
//! is checked before anything is mapped, and nothing stays mapped on an error, since the space is then
//! given up whole. Format: System V ABI, "Object Files", for 64-bit little-endian.
//!
//! A PIE is mapped at a base; the program relocates itself (see `user/src/start.rs`).

use crate::arch::cpu;
use crate::arch::layout::{PAGE_SIZE, USER_END};
use crate::mm::object::MemoryObject;
use crate::mm::vas::AddressSpace;
use crate::mm::{MapFlags, VirtAddr};
use veridian_abi::Error;

/// Where a position-independent program goes if nothing else is asked.
pub const PIE_BASE: u64 = 0x5555_0000_0000;
/// Size of a new process's first stack.
const STACK: u64 = 256 * 1024;
/// Segments of a program at most.
const SEGMENTS: usize = 16;
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

const TYPE_EXECUTABLE: u16 = 2;
const TYPE_DYNAMIC: u16 = 3;
const SEGMENT_LOAD: u32 = 1;
const SEGMENT_INTERPRETER: u32 = 3;
const FLAG_EXECUTE: u32 = 1;
const FLAG_WRITE: u32 = 2;

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

#[derive(Clone, Copy)]
struct Segment {
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
}

/// What the headers say, checked.
struct Plan {
    segments: [Segment; SEGMENTS],
    count: usize,
    entry: u64,
}

/// Loads the program of `image` into the empty `space` and gives it a stack.
///
/// # Errors
/// `BadExecutable` for anything malformed, `OutOfMemory`.
pub fn load(space: &AddressSpace, image: &Image) -> Result<Entry, Error> {
    let plan = plan(image)?;
    for segment in &plan.segments[..plan.count] {
        map(space, image, segment)?;
    }
    let stack = space.map_stack(STACK).map_err(|_| Error::OutOfMemory)?;
    Ok(Entry {
        pc: plan.entry,
        stack: stack.0,
    })
}

fn plan(image: &Image) -> Result<Plan, Error> {
    let mut header = [0; HEADER];
    read(image, 0, &mut header)?;
    let kind = u16_at(&header, 16);
    let ok = header[..7] == [0x7f, b'E', b'L', b'F', 2, 1, 1]
        && matches!(kind, TYPE_EXECUTABLE | TYPE_DYNAMIC)
        && u16_at(&header, 18) == cpu::ELF_MACHINE
        && u16_at(&header, 54) as usize == PROGRAM_HEADER;
    if !ok {
        return Err(Error::BadExecutable);
    }
    let base = if kind == TYPE_DYNAMIC { PIE_BASE } else { 0 };
    let empty = Segment {
        flags: 0,
        offset: 0,
        address: 0,
        file_size: 0,
        memory_size: 0,
    };
    let entry = base
        .checked_add(u64_at(&header, 24))
        .ok_or(Error::BadExecutable)?;
    let mut plan = Plan {
        segments: [empty; SEGMENTS],
        count: 0,
        entry,
    };
    let (table, entries) = (u64_at(&header, 32), u16_at(&header, 56) as u64);
    for index in 0..entries {
        let mut raw = [0; PROGRAM_HEADER];
        let at = table
            .checked_add(index * PROGRAM_HEADER as u64)
            .ok_or(Error::BadExecutable)?;
        read(image, at, &mut raw)?;
        match u32_at(&raw, 0) {
            SEGMENT_LOAD => plan.add(image, base, &raw)?,
            SEGMENT_INTERPRETER => return Err(Error::BadExecutable),
            _ => {}
        }
    }
    let starts =
        |s: &Segment| s.flags & FLAG_EXECUTE != 0 && entry.wrapping_sub(s.address) < s.memory_size;
    if !plan.segments[..plan.count].iter().any(starts) {
        return Err(Error::BadExecutable);
    }
    Ok(plan)
}

impl Plan {
    fn add(&mut self, image: &Image, base: u64, raw: &[u8]) -> Result<(), Error> {
        let segment = Segment {
            flags: u32_at(raw, 4),
            offset: u64_at(raw, 8),
            address: base
                .checked_add(u64_at(raw, 16))
                .ok_or(Error::BadExecutable)?,
            file_size: u64_at(raw, 32),
            memory_size: u64_at(raw, 40),
        };
        if segment.memory_size == 0 {
            return Ok(());
        }
        let end = segment
            .address
            .checked_add(segment.memory_size)
            .filter(|end| *end <= USER_END);
        // A segment without bytes in the file may claim any offset.
        let in_file = |end: &u64| *end <= image.length || segment.file_size == 0;
        let file_end = segment
            .offset
            .checked_add(segment.file_size)
            .filter(in_file);
        let start_page = segment.address & !(PAGE_SIZE - 1);
        let ok = end.is_some()
            && file_end.is_some()
            && segment.file_size <= segment.memory_size
            && segment.flags & (FLAG_WRITE | FLAG_EXECUTE) != FLAG_WRITE | FLAG_EXECUTE
            && start_page >= PAGE_SIZE
            && self.count < SEGMENTS
            && self.segments[..self.count].last().is_none_or(|last| {
                (last.address + last.memory_size).next_multiple_of(PAGE_SIZE) <= start_page
            });
        if !ok {
            return Err(Error::BadExecutable);
        }
        self.segments[self.count] = segment;
        self.count += 1;
        Ok(())
    }
}

fn map(space: &AddressSpace, image: &Image, segment: &Segment) -> Result<(), Error> {
    let start = segment.address & !(PAGE_SIZE - 1);
    let end = (segment.address + segment.memory_size).next_multiple_of(PAGE_SIZE);
    let flags = match segment.flags & (FLAG_WRITE | FLAG_EXECUTE) {
        FLAG_EXECUTE => MapFlags::USER_CODE,
        FLAG_WRITE => MapFlags::USER_DATA,
        _ => MapFlags::USER_RODATA,
    };
    space
        .map_anonymous(VirtAddr(start), end - start, flags)
        .map_err(map_error)?;
    let mut buffer = [0; 512];
    let mut done = 0;
    while done < segment.file_size {
        let piece = (segment.file_size - done).min(buffer.len() as u64) as usize;
        read(image, segment.offset + done, &mut buffer[..piece])?;
        let at = VirtAddr(segment.address + done);
        space
            .write(at, &buffer[..piece])
            .map_err(|_| Error::OutOfMemory)?;
        done += piece as u64;
    }
    Ok(())
}

fn map_error(error: crate::mm::MapError) -> Error {
    match error {
        crate::mm::MapError::OutOfMemory => Error::OutOfMemory,
        _ => Error::BadExecutable,
    }
}

fn read(image: &Image, offset: u64, into: &mut [u8]) -> Result<(), Error> {
    let end = offset
        .checked_add(into.len() as u64)
        .filter(|end| *end <= image.length);
    end.ok_or(Error::BadExecutable)?;
    let at = image
        .offset
        .checked_add(offset)
        .ok_or(Error::BadExecutable)?;
    image.memory.read(at, into).map_err(map_error)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u16_at(bytes, at) as u32 | (u16_at(bytes, at + 2) as u32) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u32_at(bytes, at) as u64 | (u32_at(bytes, at + 4) as u64) << 32
}
