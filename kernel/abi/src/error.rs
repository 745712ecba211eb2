//! Errors a system call reports: small negative numbers in the status register.

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a system call failed.
        #[repr(i64)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Error { $($(#[$doc])* $name = -$code,)* }

        impl Error {
            /// The error whose status value is `status`, if it is one.
            pub const fn from_status(status: i64) -> Option<Self> {
                match status { $(x if x == -$code => Some(Self::$name),)* _ => None }
            }
            /// A short description for people.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

errors! {
    /// The call number is not in the table.
    NoSuchCall = 1, "no such system call";
    /// An argument is out of its range.
    InvalidArgument = 2, "invalid argument";
    /// A user address is outside user space or not accessible.
    BadAddress = 3, "bad address";
    /// The token names no live capability.
    InvalidCapability = 4, "missing or stale capability";
    /// The capability is for another type of object.
    WrongType = 5, "capability of the wrong type";
    /// The capability lacks a right that the call needs.
    MissingRight = 6, "capability lacks a right";
    /// The kernel has no memory for it.
    OutOfMemory = 7, "out of memory";
    /// The process's capability space is full.
    SpaceFull = 8, "capability space full";
    /// The deadline passed.
    TimedOut = 9, "timed out";
    /// The peer died before it answered.
    PeerDied = 10, "peer died";
    /// The channel was closed.
    Closed = 11, "channel closed";
    /// The capability was revoked during the call.
    Revoked = 12, "capability revoked";
    /// It would have to wait and was told not to.
    WouldBlock = 13, "would block";
    /// The rate limit of the sender or channel is exhausted.
    RateLimited = 14, "rate limited";
    /// The range or name is already in use.
    AlreadyExists = 15, "already exists";
    /// There is no such range, name or child.
    NotFound = 16, "not found";
    /// A concurrent operation is in the way; try again.
    Busy = 17, "busy";
    /// The executable is malformed.
    BadExecutable = 18, "malformed executable";
    /// Nobody awaits a reply from this thread.
    NoReplyExpected = 19, "no reply expected";
    /// The operation was interrupted by the death of its thread.
    Cancelled = 20, "cancelled";
    /// The mapping would be writable and executable.
    WriteExecute = 21, "writable and executable";
    /// The thread's affinity allows no CPU that is online.
    NoCpu = 22, "no CPU allowed";
}
