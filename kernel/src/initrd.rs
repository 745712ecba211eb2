//! Reader of the initial RAM disk: a cpio archive in the "newc" format.
//!
//! The archive comes from outside the kernel, so nothing in it is trusted:
//! every length is checked against the bytes that are there, and a damaged
//! archive ends the iteration with an error instead of a fault. The reader
//! copies nothing; names and contents are slices of the archive.

use core::fmt;

const HEADER: usize = 110;
const MAGIC: [&[u8]; 2] = [b"070701", b"070702"];
const TRAILER: &str = "TRAILER!!!";

/// One file of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Path inside the archive, without a leading `./` or `/`.
    pub name: &'a str,
    /// Unix mode bits.
    pub mode: u32,
    /// The file's bytes.
    pub data: &'a [u8],
}

/// Why an archive could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A header does not begin with the magic number of the format.
    BadMagic,
    /// A header field is not hexadecimal, or a name is not UTF-8.
    BadField,
    /// The archive ends in the middle of a header, name or file.
    Truncated,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::BadMagic => "not a newc cpio archive",
            Error::BadField => "malformed header in cpio archive",
            Error::Truncated => "cpio archive ends early",
        })
    }
}

/// An archive in memory.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
}

impl<'a> Archive<'a> {
    /// Looks at `bytes` as an archive; nothing is read yet.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The files in the order of the archive; stops after the first error.
    pub fn entries(self) -> Entries<'a> {
        Entries {
            bytes: self.bytes,
            at: 0,
            done: false,
        }
    }

    /// The contents of the file called `name`.
    pub fn find(self, name: &str) -> Option<&'a [u8]> {
        self.entries()
            .filter_map(Result::ok)
            .find(|entry| entry.name == name)
            .map(|e| e.data)
    }
}

/// Iterator over the files of an [`Archive`].
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
}

impl<'a> Entries<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(length).ok_or(Error::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(Error::Truncated)?;
        // Names and contents are padded to four bytes; padding may be cut off at the very end.
        self.at = end.next_multiple_of(4).min(self.bytes.len());
        Ok(taken)
    }

    fn read(&mut self) -> Result<Option<Entry<'a>>, Error> {
        let header_at = self.at;
        let header = self
            .bytes
            .get(header_at..header_at + HEADER)
            .ok_or(Error::Truncated)?;
        if !MAGIC.contains(&&header[..6]) {
            return Err(Error::BadMagic);
        }
        let mode = field(header, 1)?;
        let size = field(header, 6)? as usize;
        let name_size = field(header, 11)? as usize;
        self.at += HEADER;
        let name = self.take(name_size)?;
        let name = name.strip_suffix(b"\0").ok_or(Error::BadField)?;
        let name = core::str::from_utf8(name).map_err(|_| Error::BadField)?;
        if name == TRAILER {
            return Ok(None);
        }
        let data = self.take(size)?;
        Ok(Some(Entry {
            name: name.trim_start_matches("./").trim_start_matches('/'),
            mode,
            data,
        }))
    }
}

/// Field number `index` of a header: eight hexadecimal digits.
fn field(header: &[u8], index: usize) -> Result<u32, Error> {
    let at = 6 + index * 8;
    header[at..at + 8].iter().try_fold(0, |value, digit| {
        let digit = (*digit as char).to_digit(16).ok_or(Error::BadField)?;
        Ok(value << 4 | digit)
    })
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.read();
        self.done = !matches!(entry, Ok(Some(_)));
        entry.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::vec::Vec;

    fn append(archive: &mut Vec<u8>, name: &str, data: &[u8]) {
        archive.extend(
            format!(
                "070701{:08x}{:08x}{}{:08x}{}{:08x}{:08x}",
                1,
                0o100755,
                "00000000".repeat(4),
                data.len(),
                "00000000".repeat(4),
                name.len() + 1,
                0
            )
            .bytes(),
        );
        archive.extend(name.bytes().chain([0]));
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(data);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }

    fn sample() -> Vec<u8> {
        let mut archive = Vec::new();
        append(&mut archive, "./init", b"elf!!");
        append(&mut archive, "empty", b"");
        append(&mut archive, "symbols", &[7; 1000]);
        append(&mut archive, TRAILER, b"");
        archive
    }

    #[test]
    fn finds_files_by_name() {
        let bytes = sample();
        let archive = Archive::new(&bytes);
        assert_eq!(archive.find("init"), Some(&b"elf!!"[..]));
        assert_eq!(archive.find("empty"), Some(&b""[..]));
        assert_eq!(archive.find("symbols").map(<[u8]>::len), Some(1000));
        assert_eq!(archive.find("TRAILER!!!"), None);
        assert!(archive.entries().all(|e| e.unwrap().mode == 0o100755));
    }

    #[test]
    fn every_truncation_is_an_error_and_no_panic() {
        let bytes = sample();
        let trailer = bytes.len() - 124;
        for length in 0..trailer {
            let last = Archive::new(&bytes[..length]).entries().last();
            assert!(matches!(last, Some(Err(_))), "cut at {length}: {last:?}");
        }
    }

    #[test]
    fn damaged_headers_are_refused() {
        for at in 0..HEADER {
            let mut bytes = sample();
            bytes[at] = b'x';
            assert!(Archive::new(&bytes).entries().count() <= 4);
        }
        let mut bytes = sample();
        bytes[6 + 6 * 8..][..8].copy_from_slice(b"ffffffff");
        assert_eq!(
            Archive::new(&bytes).entries().next(),
            Some(Err(Error::Truncated))
        );
    }
}
