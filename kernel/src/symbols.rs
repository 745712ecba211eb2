//! Names for kernel addresses.
//!
//! The boot loaders put no ELF symbols into memory, so the build packs the
//! functions into the file `symbols` of the initrd (format: `xtask/src/symbols.rs`,
//! magic `VSYMTAB1`). The table is used only when it carries the build id that
//! the linker put into this image: a table of another build would name the wrong
//! functions. Before [`init`], or without a matching table, there are no names,
//! and a backtrace shows addresses that the host symbolises.

use crate::lock::Once;

const MAGIC: &[u8] = b"VSYMTAB1";
const HEADER: usize = 64;

static TABLE: Once<Table<'static>> = Once::new();

/// A checked symbol table.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    base: u64,
    offsets: &'a [[u8; 4]],
    names: &'a [[u8; 4]],
    strings: &'a [u8],
}

/// Why a table is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bytes are not a symbol table, or it ends early.
    Malformed,
    /// The table belongs to another build of the kernel.
    OtherBuild,
}

impl<'a> Table<'a> {
    /// Checks that `bytes` hold the table of the build with id `build_id`.
    pub fn parse(bytes: &'a [u8], build_id: &[u8]) -> Result<Self, Error> {
        let header = bytes.get(..HEADER).ok_or(Error::Malformed)?;
        if !header.starts_with(MAGIC) {
            return Err(Error::Malformed);
        }
        let [count, strings, id_length] = [8, 12, 24].map(|at| word(header, at) as usize);
        let id = header[32..].get(..id_length).ok_or(Error::Malformed)?;
        if id != build_id {
            return Err(Error::OtherBuild);
        }
        let base = u64::from(word(header, 16)) | u64::from(word(header, 20)) << 32;
        let rest = &bytes[HEADER..];
        let (words, rest) = rest.split_at_checked(8 * count).ok_or(Error::Malformed)?;
        let (offsets, names) = words.as_chunks().0.split_at(count);
        Ok(Self {
            base,
            offsets,
            names,
            strings: rest.get(..strings).ok_or(Error::Malformed)?,
        })
    }

    /// The function that contains `address`, and how far into it the address is.
    pub fn lookup(&self, address: u64) -> Option<(&'a str, u64)> {
        let offset = u32::try_from(address.checked_sub(self.base)?).ok()?;
        let starts_before = |start: &[u8; 4]| u32::from_le_bytes(*start) <= offset;
        let entry = self.offsets.partition_point(starts_before).checked_sub(1)?;
        let [start, name] = [self.offsets, self.names].map(|of| u32::from_le_bytes(of[entry]));
        let name = self.strings.get(name as usize..)?;
        let name = core::str::from_utf8(name.split(|byte| *byte == 0).next()?).ok()?;
        // The last entry has no name: it marks the end of the text.
        (!name.is_empty()).then(|| (name, u64::from(offset - start)))
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let chunk = bytes[at..].first_chunk();
    chunk.map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

#[cfg(target_os = "none")]
unsafe extern "C" {
    static build_id_note_start: [u8; 0];
    static build_id_note_end: [u8; 0];
}

/// The build id of this image; empty if the linker was not asked for one.
#[cfg(target_os = "none")]
pub fn build_id() -> &'static [u8] {
    let (start, end) = (&raw const build_id_note_start, &raw const build_id_note_end);
    // SAFETY: the linker script puts the two symbols around the note, in read-only data.
    let note =
        unsafe { core::slice::from_raw_parts(start.cast::<u8>(), end.addr() - start.addr()) };
    // An ELF note: name size (4), description size, type, "GNU\0", description.
    note.get(16..).unwrap_or(&[])
}

/// Takes the table out of the file `symbols` of the initrd.
#[cfg(target_os = "none")]
pub fn init(file: &'static [u8]) -> Result<(), Error> {
    let table = Table::parse(file, build_id())?;
    TABLE.call_once(|| table);
    Ok(())
}

/// The function that contains `address`, and how far into it the address is.
pub fn lookup(address: u64) -> Option<(&'static str, u64)> {
    TABLE.get()?.lookup(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const BASE: u64 = 0xffff_ffff_8000_0000;

    fn sample() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([3, 0, 0, 0, 8, 0, 0, 0]);
        bytes.extend(BASE.to_le_bytes());
        bytes.extend([20, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([7; 20]);
        bytes.resize(HEADER, 0);
        bytes.extend([0x10, 0, 0, 0, 0x40, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend([0, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0]);
        bytes.extend(b"a\0b::c\0\0");
        bytes
    }

    #[test]
    fn finds_the_enclosing_function() {
        let bytes = sample();
        let Ok(table) = Table::parse(&bytes, &[7; 20]) else {
            panic!("refused")
        };
        assert_eq!(table.lookup(BASE + 0xf), None);
        assert_eq!(table.lookup(BASE + 0x10), Some(("a", 0)));
        assert_eq!(table.lookup(BASE + 0x3f), Some(("a", 0x2f)));
        assert_eq!(table.lookup(BASE + 0xff), Some(("b::c", 0xbf)));
        assert_eq!(table.lookup(BASE + 0x100), None);
        assert_eq!(table.lookup(BASE - 1), None);
        assert_eq!(table.lookup(0), None);
        assert_eq!(table.lookup(u64::MAX), None);
    }

    #[test]
    fn refuses_other_builds_and_short_tables() {
        let bytes = sample();
        assert_eq!(
            Table::parse(&bytes, &[8; 20]).err(),
            Some(Error::OtherBuild)
        );
        for length in 0..bytes.len() {
            assert_eq!(
                Table::parse(&bytes[..length], &[7; 20]).err(),
                Some(Error::Malformed)
            );
        }
    }
}
