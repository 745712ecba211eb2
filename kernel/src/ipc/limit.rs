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
#[derive(Clone, Copy, Default)]
struct Bucket {
    tokens: u64,
    filled: u64,
}

/// A limit, or none.
#[repr(C)]
#[derive(Default)]
pub struct Limit {
    burst: u64,
    period: u64,
    /// Which bits of a badge choose the bucket.
    sender_mask: usize,
    buckets: [Bucket; SENDERS],
}

impl Limit {
    /// `burst` messages at once, one more every `period` nanoseconds (at least 1).
    pub fn new(burst: u64, period: u64, per_sender: bool) -> Self {
        let (tokens, filled) = (burst, timer::now());
        let bucket = Bucket { tokens, filled };
        Self {
            burst,
            period,
            sender_mask: if per_sender { SENDERS - 1 } else { 0 },
            buckets: [bucket; SENDERS],
        }
    }

    /// Takes a token for a message with `badge`; 0 if there was one, else nanoseconds until the next.
    pub fn take(&mut self, badge: u64) -> u64 {
        if self.take_quick(badge) {
            return 0;
        }
        let (burst, period) = (self.burst, self.period);
        let bucket = self.bucket(badge);
        let elapsed = timer::now().saturating_sub(bucket.filled);
        let earned = (elapsed / period).min(burst);
        if earned == 0 {
            return period - elapsed;
        }
        bucket.filled += elapsed - elapsed % period;
        bucket.tokens = earned - 1;
        0
    }

    /// Takes a token if there is one without looking at the clock.
    #[inline(always)]
    pub fn take_quick(&mut self, badge: u64) -> bool {
        let bucket = self.bucket(badge);
        let some = bucket.tokens > 0;
        bucket.tokens -= some as u64;
        some
    }

    #[inline(always)]
    fn bucket(&mut self, badge: u64) -> &mut Bucket {
        &mut self.buckets[badge as usize % SENDERS & self.sender_mask]
    }
}
