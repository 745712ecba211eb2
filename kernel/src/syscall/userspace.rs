//! User memory, as a user claims it.
//!
//! Model: an address from a user is an allegation, a `UserSlice` or `UserWord` that can be held but
//! not dereferenced. Making one checks the range once: no wrap, wholly below `USER_END`. Reading or
//! writing goes through the copy routines of `arch::uaccess`, the only code that opens user memory
//! (SMAP, PAN, SUM), and goes by the page tables as they are at that moment: a page that is absent
//! is brought or copied as for the user itself, one that is not allowed makes the copy fail with
//! `BadAddress`. So there is no gap between check and use into which another thread could unmap;
//! a CPU that unmaps waits until this one has answered its TLB request, after the copy.
//!
//! A fault takes the address space's lock: nothing of that rank or a later one may be held here.

use veridian_abi::Error;

use super::Answer;
use crate::arch::layout::USER_END;
use crate::arch::uaccess;

/// Values that any bytes are good for, without padding.
///
/// # Safety
/// Every bit pattern is a valid value of the type, and it has no padding bytes.
pub unsafe trait Plain: Copy {}
// SAFETY: integers are all of that.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}

/// Bytes that a user says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserSlice {
    address: u64,
    len: usize,
}

impl UserSlice {
    /// Takes note of the claim; it must lie in user space.
    #[inline]
    pub fn new(address: u64, len: u64) -> Result<UserSlice, Error> {
        let end = address.checked_add(len).filter(|end| *end <= USER_END);
        let len = len as usize;
        end.map(|_| UserSlice { address, len })
            .ok_or(Error::BadAddress)
    }

    /// How many bytes are claimed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The part of `len` bytes from `from` on.
    pub fn part(&self, from: usize, len: usize) -> Result<UserSlice, Error> {
        let end = from.checked_add(len).filter(|end| *end <= self.len);
        let address = self.address.wrapping_add(from as u64);
        end.map(|_| UserSlice { address, len })
            .ok_or(Error::InvalidArgument)
    }

    /// Copies the first bytes into `to`, all of it.
    #[inline]
    pub fn copy_in(&self, to: &mut [u8]) -> Result<(), Error> {
        if to.len() > self.len {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: the user range was checked when the claim was made, and `to` is ours.
        unsafe { uaccess::copy_from_user(to.as_mut_ptr(), self.address, to.len()) }
            .map_err(|()| Error::BadAddress)
    }

    /// Copies `from` to the first bytes.
    #[inline]
    pub fn copy_out(&self, from: &[u8]) -> Result<(), Error> {
        if from.len() > self.len {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: as in `copy_in`.
        unsafe { uaccess::copy_to_user(self.address, from.as_ptr(), from.len()) }
            .map_err(|()| Error::BadAddress)
    }
}

/// A word of 32 bits that a user says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserWord(u64);

impl UserWord {
    /// Takes note of the claim; it must lie in user space and be aligned.
    #[inline]
    pub fn new(address: u64) -> Result<UserWord, Error> {
        match address % 4 {
            0 => UserSlice::new(address, 4).map(|_| UserWord(address)),
            _ => Err(Error::BadAddress),
        }
    }

    /// Reads the word in one access, as atomics do.
    #[inline]
    pub fn load(&self) -> Result<u32, Error> {
        uaccess::load_u32_user(self.0).map_err(|()| Error::BadAddress)
    }

    /// Replaces the word by `new` if it is `expected`; result: what it was.
    #[inline]
    pub fn compare_exchange(&self, expected: u32, new: u32) -> Result<u32, Error> {
        uaccess::compare_exchange_u32_user(self.0, expected, new).map_err(|()| Error::BadAddress)
    }
}

/// The bytes of plain values.
fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: plain values have no padding, so all their bytes are initialised.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// Copies bytes that a user has at `address` into `to`.
pub fn read_bytes(address: u64, to: &mut [u8]) -> Result<(), Error> {
    UserSlice::new(address, to.len() as u64)?.copy_in(to)
}

/// Copies `from` to a user's memory at `address`.
pub fn write_bytes(address: u64, from: &[u8]) -> Result<(), Error> {
    UserSlice::new(address, from.len() as u64)?.copy_out(from)
}

/// Copies words, then counters, to a user's buffer of `length` bytes, as many as fit. Result: how
/// many bytes there would be.
pub fn write_words<C: Plain>(buffer: u64, length: u64, words: &[u64], more: &[C]) -> Answer {
    let claim = UserSlice::new(buffer, length)?;
    let (first, second) = (bytes_of(words), bytes_of(more));
    let fits = first.len().min(claim.len());
    claim.copy_out(&first[..fits])?;
    let rest = second.len().min(claim.len() - fits);
    claim.part(fits, rest)?.copy_out(&second[..rest])?;
    Ok((first.len() + second.len()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_outside_user_space_are_refused() {
        for (address, len) in [
            (USER_END, 1),
            (USER_END - 1, 2),
            (u64::MAX, 1),
            (u64::MAX, u64::MAX),
            (1, u64::MAX),
            (0xffff_8000_0000_0000, 8),
            (0x0000_8000_0000_0000, 0),
            (0, USER_END + 1),
        ] {
            assert_eq!(
                UserSlice::new(address, len),
                Err(Error::BadAddress),
                "{address:#x} {len:#x}"
            );
        }
        assert!(UserSlice::new(USER_END - 1, 1).is_ok());
        assert!(UserSlice::new(USER_END, 0).is_ok());
    }

    #[test]
    fn parts_stay_inside() {
        let slice = UserSlice::new(0x1000, 16).unwrap();
        assert_eq!(slice.part(8, 8).unwrap().len(), 8);
        assert_eq!(slice.part(8, 9), Err(Error::InvalidArgument));
        assert_eq!(slice.part(usize::MAX, 2), Err(Error::InvalidArgument));
    }

    #[test]
    fn words_are_aligned() {
        assert!(UserWord::new(0x1002).is_err());
        assert!(UserWord::new(0x1004).is_ok());
    }
}
