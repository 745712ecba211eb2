//! Reader of the initial RAM disk: a cpio archive in the "newc" format.
//!
//! The archive comes from outside the kernel, so nothing in it is trusted:
//! every length is checked against the bytes that are there, and a damaged
//! archive ends the iteration with an error instead of a fault. The reader
//! copies nothing; names and contents are slices of the archive.

const HEADER: usize = 110;
const MAGIC: [&[u8]; 2] = [b"070701", b"070702"];
const TRAILER: &str = "TRAILER!!!";

/// One file of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Path inside the archive, without a leading `./` or `/`.
    pub name: &'a str,
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

/// An archive in memory.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a>(&'a [u8]);

impl<'a> Archive<'a> {
    /// Looks at `bytes` as an archive; nothing is read yet.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The files in the order of the archive; stops after the first error.
    pub fn entries(self) -> impl Iterator<Item = Result<Entry<'a>, Error>> {
        let mut rest = Some(self.0);
        core::iter::from_fn(move || {
            let read = read(rest.take()?).transpose()?;
            Some(read.map(|(entry, behind)| {
                rest = Some(behind);
                entry
            }))
        })
    }

    /// The contents of the file called `name`.
    pub fn find(self, name: &str) -> Option<&'a [u8]> {
        let mut files = self.entries().flatten();
        files.find(|file| file.name == name).map(|file| file.data)
    }
}

/// The file at the start of `bytes` and what is behind it; none for the trailer.
fn read(bytes: &[u8]) -> Result<Option<(Entry<'_>, &[u8])>, Error> {
    let header = bytes.get(..HEADER).ok_or(Error::Truncated)?;
    if !MAGIC.contains(&&header[..6]) {
        return Err(Error::BadMagic);
    }
    // Names and contents are padded to four bytes; padding may be cut off at the very end.
    let name_end = HEADER + field(header, 11)?;
    let data = name_end.next_multiple_of(4);
    let data_end = data + field(header, 6)?;
    let name = bytes.get(HEADER..name_end).ok_or(Error::Truncated)?;
    let name = name.strip_suffix(b"\0").ok_or(Error::BadField)?;
    let name = core::str::from_utf8(name).map_err(|_| Error::BadField)?;
    if name == TRAILER {
        return Ok(None);
    }
    let entry = Entry {
        name: name.trim_start_matches("./").trim_start_matches('/'),
        data: bytes.get(data..data_end).ok_or(Error::Truncated)?,
    };
    let behind = data_end.next_multiple_of(4).min(bytes.len());
    Ok(Some((entry, &bytes[behind..])))
}

/// Field number `index` of a header: eight hexadecimal digits.
fn field(header: &[u8], index: usize) -> Result<usize, Error> {
    let digits = &header[6 + index * 8..][..8];
    let text = core::str::from_utf8(digits).map_err(|_| Error::BadField)?;
    usize::from_str_radix(text, 16).map_err(|_| Error::BadField)
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
        assert!(archive.entries().all(|e| e.is_ok()));
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
