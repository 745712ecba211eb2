//! Address-space numbers (ASID, PCID), by which CPUs tag translations.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::tlb::{EVERYTHING, Flush, shadow};
use crate::arch::paging;
use crate::lock::{Rank, SpinLock};

/// Address-space numbers, one bit each.
struct Numbers {
    used: [u64; 1024],
    /// Those of `used` whose space is gone.
    retired: [u64; 1024],
    next: u32,
}

/// Gives a number back. Nobody gets it before every CPU has flushed everything.
pub(super) fn retire(number: u16) {
    if number != 0 {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        let mut numbers = NUMBERS.lock();
        numbers.retired[word] |= bit;
        shadow!(number_retired(number));
    }
}

// SAFETY: zeros say that no number is in use.
static NUMBERS: SpinLock<Numbers> = SpinLock::new(Rank::Frames, unsafe { core::mem::zeroed() });
static COUNT: AtomicU32 = AtomicU32::new(1);

/// Whether translations carry a number.
pub fn tagged() -> bool {
    COUNT.load(Relaxed) > 1
}

/// Asks the CPU how many numbers it has.
pub(super) fn init() {
    COUNT.store(paging::asid_count().clamp(1, 1 << 16), Relaxed);
}

/// Takes a number; 0 if there is none, which is shared.
pub(super) fn take() -> u16 {
    let count = COUNT.load(Relaxed);
    if count == 1 {
        return 0;
    }
    loop {
        let mut numbers = NUMBERS.lock();
        let words = count as usize / 64;
        let first = numbers.next as usize / 64 % words;
        for word in (first..words).chain(0..first) {
            let reserved = (word == 0) as u64;
            let free = !(numbers.used[word] | reserved);
            if free != 0 {
                let number = word as u32 * 64 + free.trailing_zeros();
                numbers.used[word] |= free & free.wrapping_neg();
                numbers.next = number;
                shadow!(number_given(number as u16));
                return number as u16;
            }
        }
        let retired = core::mem::replace(&mut numbers.retired, [0; 1024]);
        drop(numbers);
        if retired == [0; 1024] {
            return 0;
        }
        // Every CPU forgets everything; then the retired numbers are as good as new.
        Flush::all(EVERYTHING).everywhere();
        let mut numbers = NUMBERS.lock();
        for (used, retired) in numbers.used.iter_mut().zip(retired) {
            *used &= !retired;
        }
    }
}
