//! What an endpoint counts, under its lock.

/// Buckets of the latency histogram: bucket `n` counts round trips below 2^n microseconds.
pub const LATENCY_BUCKETS: usize = 16;

crate::described! {
    /// Counts of one endpoint.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    pub struct Metrics {
        /// Messages that took the fast path.
        pub fast: u64,
        /// Messages that took the slow path.
        pub slow: u64,
        /// Words in all messages.
        pub words: u64,
        /// Fast messages and their words that are not counted above yet.
        pub recent: u64,
        /// Messages beyond the rate limit.
        pub limited: u64,
        /// Nanoseconds that measured senders were blocked.
        pub blocked_time: u64,
        /// Round trips that were measured.
        pub latency: [u32; LATENCY_BUCKETS],
    }
    recent: bits("messages", 0, 32),
    recent: bits("words", 32, 32)
}

impl Metrics {
    /// What a message of the fast path adds to `recent`. The slow path comes often enough that neither
    /// half overflows.
    #[inline(always)]
    pub const fn recent(words: u64) -> u64 {
        words << 32 | 1
    }

    /// Counts what is recent.
    pub fn settle(&mut self) -> &mut Self {
        let recent = core::mem::take(&mut self.recent);
        self.fast += recent & 0xffff_ffff;
        self.words += recent >> 32;
        self
    }

    /// Counts a message of the slow path.
    pub fn slow(&mut self, words: usize) {
        self.settle();
        self.slow += 1;
        self.words += words as u64;
    }

    /// Notes a measured round trip of `nanoseconds`.
    pub fn round_trip(&mut self, nanoseconds: u64) {
        self.blocked_time += nanoseconds;
        let bucket = (64 - (nanoseconds / 1000).leading_zeros() as usize).min(LATENCY_BUCKETS - 1);
        self.latency[bucket] += 1;
    }
}
