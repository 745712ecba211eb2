//! Messages between processes.
//!
//! ```ignore
//! let endpoint = Endpoint::create()?;
//! process::spawn(move || {
//!     let mut server = Server::new(endpoint);
//!     while let Ok(request) = server.next() {
//!         server.reply(Message::from([request.words[0] + 1]));
//!     }
//!     0
//! })?;
//! let answer = endpoint.call(Message::from([41]))?;
//! assert_eq!(answer.words[0], 42);
//! ```

use crate::abi::well_known::{NAMESPACE, PROCESS};
use crate::abi::{CAPS_MAX, INLINE_WORDS, MESSAGE_WORDS, MessageBuffer, MessageInfo, NO_TOKEN};
use crate::{Error, Result, local, sys, thread};
use core::cell::Cell;

local! {
    static BUFFER: Cell<*mut MessageBuffer> = Cell::new(core::ptr::null_mut());
}

/// The calling thread's message buffer.
pub fn buffer() -> *mut MessageBuffer {
    BUFFER.with(|known| {
        if known.get().is_null() {
            known.set(thread::current().buffer);
        }
        known.get()
    })
}

/// A message: words, a label, and capabilities to send with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message {
    /// Words; those from `length` on are not sent.
    pub words: [u64; MESSAGE_WORDS],
    /// Number of words.
    pub length: usize,
    /// A number of 31 bits that travels with it.
    pub label: u32,
    /// Capabilities: tokens and the rights they are reduced to, or tokens received.
    pub caps: [(u64, u8); CAPS_MAX],
    /// Number of capabilities.
    pub cap_count: usize,
}

impl<const N: usize> From<[u64; N]> for Message {
    fn from(words: [u64; N]) -> Self {
        let mut message = Message {
            length: N,
            ..Message::default()
        };
        message.words[..N].copy_from_slice(&words);
        message
    }
}

impl Message {
    /// The same with a label.
    pub fn labelled(mut self, label: u32) -> Self {
        self.label = label;
        self
    }

    /// The same with a capability, reduced to `rights`.
    ///
    /// # Panics
    /// It has four already.
    pub fn with_cap(mut self, token: u64, rights: u8) -> Self {
        self.caps[self.cap_count] = (token, rights);
        self.cap_count += 1;
        self
    }

    /// Puts what does not travel in registers into the buffer; the descriptor.
    fn prepare(&self) -> MessageInfo {
        let info = MessageInfo::words(self.length)
            .labelled(self.label)
            .with_caps(self.cap_count);
        if self.length > INLINE_WORDS || self.cap_count > 0 {
            let buffer = buffer();
            // SAFETY: the buffer is this thread's, mapped for its life.
            unsafe {
                for i in INLINE_WORDS..MESSAGE_WORDS {
                    (*buffer).words[i] = self.words[i];
                }
                for (i, (token, rights)) in self.caps[..self.cap_count].iter().enumerate() {
                    (*buffer).caps[i] = *token;
                    (*buffer).cap_rights[i] = *rights as u64;
                }
            }
        }
        info
    }

    /// Reads a received message.
    fn read(returned: sys::Returned) -> Self {
        let info = MessageInfo(returned.status as u64);
        let mut message = Message {
            length: info.length(),
            label: info.label(),
            ..Message::default()
        };
        message.words[..INLINE_WORDS].copy_from_slice(&returned.words);
        message.cap_count = info.caps().min(CAPS_MAX);
        if message.length > INLINE_WORDS || message.cap_count > 0 {
            let buffer = buffer();
            // SAFETY: the buffer is this thread's, mapped for its life.
            unsafe {
                for i in INLINE_WORDS..MESSAGE_WORDS {
                    message.words[i] = (*buffer).words[i];
                }
                for i in 0..message.cap_count {
                    message.caps[i] = ((*buffer).caps[i], 0);
                }
            }
        }
        message
    }
}

/// Sets the deadline of the next call of this thread that is `TIMED`.
pub fn set_deadline(nanoseconds: u64) {
    // SAFETY: the buffer is this thread's, mapped for its life.
    unsafe { (*buffer()).deadline = nanoseconds };
}

/// A synchronous channel, by its token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint(pub u64);

/// A message with the badge of the capability it came through.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Who sent it, as far as the badge tells.
    pub badge: u64,
    /// The message.
    pub message: Message,
}

impl Endpoint {
    /// A new endpoint without a buffer.
    pub fn create() -> Result<Endpoint> {
        Self::buffered(0)
    }

    /// A new endpoint that buffers up to `messages` messages.
    pub fn buffered(messages: u64) -> Result<Endpoint> {
        sys::endpoint_create(PROCESS, messages)
            .value()
            .map(Endpoint)
    }

    /// A child of this capability with fewer rights and a badge.
    pub fn mint(self, rights: u8, badge: u64) -> Result<Endpoint> {
        sys::mint(self.0, rights as u64, badge)
            .value()
            .map(Endpoint)
    }

    /// Sends a message and waits for the reply.
    pub fn call(self, message: Message) -> Result<Message> {
        self.call_with(message, 0)
    }

    /// The same, with a deadline in nanoseconds.
    pub fn call_until(self, message: Message, deadline: u64) -> Result<Message> {
        set_deadline(deadline);
        self.call_with(message, MessageInfo::TIMED)
    }

    /// The same with descriptor flags.
    pub fn call_with(self, message: Message, flags: u64) -> Result<Message> {
        loop {
            let info = message.prepare().with(flags);
            let w = &message.words;
            let returned = sys::call(self.0, info.0, w[0], w[1], w[2], w[3]);
            // A limited sender that waited for its turn tries again.
            if returned.status == Error::Busy as i64 {
                continue;
            }
            return returned.check().map(Message::read);
        }
    }

    /// Sends a message and waits until it is received.
    pub fn send(self, message: Message) -> Result<()> {
        self.send_with(message, 0)
    }

    /// The same with descriptor flags.
    pub fn send_with(self, message: Message, flags: u64) -> Result<()> {
        loop {
            let info = message.prepare().with(flags);
            let w = &message.words;
            let returned = sys::send(self.0, info.0, w[0], w[1], w[2], w[3]);
            if returned.status == Error::Busy as i64 {
                continue;
            }
            return returned.check().map(|_| ());
        }
    }

    /// Leaves a message in the endpoint's buffer.
    ///
    /// # Errors
    /// `WouldBlock` if the buffer is full.
    pub fn post(self, message: Message) -> Result<()> {
        let info = message.prepare();
        let w = &message.words;
        sys::send_buffered(self.0, info.0, w[0], w[1], w[2], w[3])
            .check()
            .map(|_| ())
    }

    /// Receives a message.
    pub fn receive(self) -> Result<Received> {
        self.receive_with(MessageInfo::ACCEPT)
    }

    /// The same with descriptor flags.
    pub fn receive_with(self, flags: u64) -> Result<Received> {
        loop {
            let returned = sys::receive(self.0, flags);
            // A buffered message has come: receive it.
            if returned.status == Error::Busy as i64 {
                continue;
            }
            return returned.check().map(|r| Received {
                badge: r.value,
                message: Message::read(r),
            });
        }
    }

    /// Limits the endpoint to `burst` messages at once and one more every `period` nanoseconds.
    pub fn limit(self, burst: u64, period: u64, per_sender: bool) -> Result<()> {
        sys::endpoint_limit(self.0, burst, period, per_sender as u64)
            .check()
            .map(|_| ())
    }

    /// Closes it: everybody who waits gets `Closed`.
    pub fn close(self) -> Result<()> {
        sys::endpoint_close(self.0).check().map(|_| ())
    }
}

/// Answers the caller that this thread serves.
pub fn reply(message: Message) -> Result<()> {
    let info = message.prepare();
    let w = &message.words;
    sys::reply(info.0, w[0], w[1], w[2], w[3])
        .check()
        .map(|_| ())
}

/// Turns the caller that this thread serves into a capability by which to answer later.
pub fn save_reply() -> Result<Reply> {
    sys::reply_save(PROCESS).value().map(Reply)
}

/// The right to answer a caller once.
#[derive(Debug)]
pub struct Reply(pub u64);

impl Reply {
    /// Answers.
    pub fn send(self, message: Message) -> Result<()> {
        let info = message.prepare();
        let w = &message.words;
        sys::reply_to(self.0, info.0, w[0], w[1], w[2], w[3])
            .check()
            .map(|_| ())
    }
}

/// A server's loop: replies to one caller and receives from the next in a single call.
pub struct Server {
    endpoint: Endpoint,
    reply: Option<Message>,
}

impl Server {
    /// A server of `endpoint`.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            reply: None,
        }
    }

    /// Sets what the caller is answered with the next `next`.
    pub fn reply(&mut self, message: Message) {
        self.reply = Some(message);
    }

    /// Answers, if there is an answer, and waits for the next message.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Received> {
        let Some(message) = self.reply.take() else {
            return self.endpoint.receive();
        };
        let info = message.prepare();
        let w = &message.words;
        let returned = sys::reply_receive(self.endpoint.0, info.0, w[0], w[1], w[2], w[3]);
        if returned.status == Error::Busy as i64 {
            return self.endpoint.receive();
        }
        returned.check().map(|r| Received {
            badge: r.value,
            message: Message::read(r),
        })
    }
}

/// A notification, by its token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notification(pub u64);

impl Notification {
    /// A new notification.
    pub fn create() -> Result<Notification> {
        sys::notification_create(PROCESS).value().map(Notification)
    }

    /// Merges bits in.
    pub fn signal(self, bits: u64) -> Result<()> {
        sys::signal(self.0, bits).check().map(|_| ())
    }

    /// Waits for bits and takes them.
    pub fn wait(self) -> Result<u64> {
        sys::wait(self.0, 0).value()
    }

    /// Takes the bits there are.
    ///
    /// # Errors
    /// `WouldBlock` if there are none.
    pub fn poll(self) -> Result<u64> {
        sys::wait(self.0, MessageInfo::NO_WAIT).value()
    }
}

/// An asynchronous channel, by its token. A message is four words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channel(pub u64);

/// Messages of a batch at most.
pub const BATCH: usize = 112;

impl Channel {
    /// A new channel for `capacity` messages, a power of two.
    pub fn create(capacity: u64) -> Result<Channel> {
        sys::channel_create(PROCESS, capacity).value().map(Channel)
    }

    /// Sends messages; how many the channel took.
    ///
    /// # Errors
    /// `WouldBlock` if it is full.
    pub fn send(self, messages: &[[u64; 4]]) -> Result<usize> {
        let count = messages.len().min(BATCH);
        let batch = batch();
        for (i, words) in messages[..count].iter().enumerate() {
            for (word, value) in words.iter().enumerate() {
                // SAFETY: within the batch area of this thread's buffer.
                unsafe { batch.add(i * 4 + word).write(*value) };
            }
        }
        sys::channel_send(self.0, count as u64)
            .value()
            .map(|sent| sent as usize)
    }

    /// Receives messages, waiting for at least one; how many.
    pub fn receive(self, messages: &mut [[u64; 4]]) -> Result<usize> {
        self.receive_with(messages, 0)
    }

    /// The same with descriptor flags.
    pub fn receive_with(self, messages: &mut [[u64; 4]], flags: u64) -> Result<usize> {
        let count = messages.len().min(BATCH);
        loop {
            let received = sys::channel_receive(self.0, count as u64, flags).value()? as usize;
            if received == 0 {
                continue;
            }
            let batch = batch();
            for (i, words) in messages[..received].iter_mut().enumerate() {
                // SAFETY: within the batch area of this thread's buffer.
                *words = core::array::from_fn(|word| unsafe { batch.add(i * 4 + word).read() });
            }
            return Ok(received);
        }
    }

    /// Has every send signal `bits` of a notification.
    pub fn bind(self, notification: Notification, bits: u64) -> Result<()> {
        sys::channel_bind(self.0, notification.0, bits)
            .check()
            .map(|_| ())
    }
}

fn batch() -> *mut u64 {
    // SAFETY: only the field's address is taken.
    unsafe { (&raw mut (*buffer()).batch).cast() }
}

/// Names for capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespace(pub u64);

impl Namespace {
    /// The namespace that the process was given.
    pub const fn own() -> Namespace {
        Namespace(NAMESPACE)
    }

    /// A new, empty namespace.
    pub fn create() -> Result<Namespace> {
        sys::namespace_create(PROCESS).value().map(Namespace)
    }

    /// Enters a capability under a name, for finders to get with `rights`.
    pub fn register(self, name: &str, token: u64, rights: u8) -> Result<()> {
        let bytes = name.as_bytes();
        let (at, length) = (bytes.as_ptr().addr() as u64, bytes.len() as u64);
        sys::register(self.0, at, length, token, rights as u64)
            .check()
            .map(|_| ())
    }

    /// Finds a name; a new token.
    pub fn find(self, name: &str) -> Result<u64> {
        let bytes = name.as_bytes();
        sys::lookup(self.0, bytes.as_ptr().addr() as u64, bytes.len() as u64).value()
    }

    /// Removes a name.
    pub fn unregister(self, name: &str) -> Result<()> {
        let bytes = name.as_bytes();
        sys::unregister(self.0, bytes.as_ptr().addr() as u64, bytes.len() as u64)
            .check()
            .map(|_| ())
    }
}

/// Whether a token names anything.
pub fn is_token(token: u64) -> bool {
    token != NO_TOKEN
}
