//! Rate limits: token buckets, of an endpoint or of each sender's badge.
//!
//! A bucket holds up to `burst` tokens; a message takes one. Only when a bucket is empty is the clock
//! read and the bucket filled with one token for every `period` that has passed, so a message within the
//! limit costs a decrement. Over any time `t` no more than `burst + t / period` messages pass.
//!
//! Senders are told apart by badge in a small table; two badges that share a place share its bucket.

use crate::arch::timer;

const SENDERS: usize = 16;

#[repr(C)]
#[derive(Clone, Copy)]
struct Bucket {
    tokens: u64,
    filled: u64,
}

/// A limit, or none.
#[repr(C)]
pub struct Limit {
    burst: u64,
    period: u64,
    per_sender: bool,
    buckets: [Bucket; SENDERS],
}

impl Limit {
    /// No limit.
    pub const fn none() -> Self {
        Self {
            burst: 0,
            period: 0,
            per_sender: false,
            buckets: [Bucket {
                tokens: 0,
                filled: 0,
            }; SENDERS],
        }
    }

    /// `burst` messages at once, one more every `period` nanoseconds (at least 1).
    pub fn new(burst: u64, period: u64, per_sender: bool) -> Self {
        let bucket = Bucket {
            tokens: burst,
            filled: timer::now(),
        };
        Self {
            burst,
            period,
            per_sender,
            buckets: [bucket; SENDERS],
        }
    }

    /// Takes a token for a message with `badge`; 0 if there was one, else nanoseconds until the next.
    #[inline]
    pub fn take(&mut self, badge: u64) -> u64 {
        let place = if self.per_sender {
            badge as usize % SENDERS
        } else {
            0
        };
        let bucket = &mut self.buckets[place];
        if bucket.tokens > 0 {
            bucket.tokens -= 1;
            return 0;
        }
        refill(bucket, self.burst, self.period)
    }
}

#[cold]
fn refill(bucket: &mut Bucket, burst: u64, period: u64) -> u64 {
    let elapsed = timer::now().saturating_sub(bucket.filled);
    let earned = (elapsed / period).min(burst);
    if earned == 0 {
        return period - elapsed;
    }
    bucket.filled += elapsed - elapsed % period;
    bucket.tokens = earned - 1;
    0
}
