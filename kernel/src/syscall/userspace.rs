//! User memory, as a user claims it.
//!
//! Model: an address from a user is an allegation, a `UserSlice` or `UserPtr` that can be held but
//! not dereferenced. Making one checks the range once: no wrap, wholly below `USER_END`. Reading or
//! writing goes through the copy routines of `arch::uaccess`, the only code that opens user memory
//! (SMAP, PAN, SUM), and goes by the page tables as they are at that moment: a page that is absent
//! is brought or copied as for the user itself, one that is not allowed makes the copy fail with
//! `BadAddress`. So there is no gap between check and use into which another thread could unmap;
//! a CPU that unmaps waits until this one has answered its TLB request, after the copy.
//!
//! A fault takes the address space's lock: nothing of that rank or a later one may be held here.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use veridian_abi::Error;

use crate::arch::layout::USER_END;
use crate::arch::uaccess;

/// Values that any bytes are good for, without padding.
///
/// # Safety
/// Every bit pattern is a valid value of the type, and it has no padding bytes.
pub unsafe trait Plain: Copy {}
// SAFETY: integers are all of that.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: arrays have what their items have.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

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
        match address.checked_add(len) {
            Some(end) if end <= USER_END => Ok(UserSlice {
                address,
                len: len as usize,
            }),
            _ => Err(Error::BadAddress),
        }
    }

    /// How many bytes are claimed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The part of `len` bytes from `from` on.
    pub fn part(&self, from: usize, len: usize) -> Result<UserSlice, Error> {
        match from.checked_add(len) {
            Some(end) if end <= self.len => Ok(UserSlice {
                address: self.address + from as u64,
                len,
            }),
            _ => Err(Error::InvalidArgument),
        }
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

/// One value that a user says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPtr<T> {
    slice: UserSlice,
    value: PhantomData<T>,
}

impl<T: Plain> UserPtr<T> {
    /// Takes note of the claim; it must lie in user space and be aligned.
    #[inline]
    pub fn new(address: u64) -> Result<UserPtr<T>, Error> {
        if address % align_of::<T>() as u64 != 0 {
            return Err(Error::BadAddress);
        }
        Ok(UserPtr {
            slice: UserSlice::new(address, size_of::<T>() as u64)?,
            value: PhantomData,
        })
    }

    /// Reads the value.
    pub fn read(&self) -> Result<T, Error> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the buffer is as large as the value, and the user range was checked.
        unsafe {
            uaccess::copy_from_user(
                value.as_mut_ptr().cast(),
                self.slice.address,
                self.slice.len,
            )
        }
        .map_err(|()| Error::BadAddress)?;
        // SAFETY: all bytes were written, and any bytes make a value.
        Ok(unsafe { value.assume_init() })
    }

    /// Writes the value.
    pub fn write(&self, value: T) -> Result<(), Error> {
        self.slice.copy_out(bytes_of(core::slice::from_ref(&value)))
    }
}

impl UserPtr<u32> {
    /// Reads the word in one access, as atomics do.
    #[inline]
    pub fn load(&self) -> Result<u32, Error> {
        uaccess::load_u32_user(self.slice.address).map_err(|()| Error::BadAddress)
    }

    /// Replaces the word by `new` if it is `expected`; result: what it was.
    #[inline]
    pub fn compare_exchange(&self, expected: u32, new: u32) -> Result<u32, Error> {
        uaccess::compare_exchange_u32_user(self.slice.address, expected, new)
            .map_err(|()| Error::BadAddress)
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
pub fn write_words<C: Plain>(
    buffer: u64,
    length: u64,
    words: &[u64],
    more: &[C],
) -> Result<u64, Error> {
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
    fn pointers_are_aligned() {
        assert!(UserPtr::<u64>::new(0x1004).is_err());
        assert!(UserPtr::<u32>::new(0x1004).is_ok());
    }
}
