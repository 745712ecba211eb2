//! One zone of one node: the hybrid of bitmap and buddy over the same memory.
//!
//! Model: memory is cut into 2 MiB blocks. A block is either on the buddy side (free chunks of
//! 2^order whole blocks, coalescing) or on the bitmap side (512 bits, one per frame). Requests
//! under 512 frames take bits; when no block has the bits, the bitmap side takes a whole block from
//! the buddy side, and a block whose bits are all free goes back at once. Larger requests take
//! chunks; where no chunk is large enough, neighbouring chunks of any order are joined.
//! A request under 512 frames never straddles a block.
//!
//! Invariant: a block with some but not all frames free is in `partial`; a free chunk is in
//! `chunks[order]`; nothing is in both. Only the first block of a free chunk has kind `Free`, the
//! others any other kind. The zone's lock guards the zone and its blocks.

use super::frame_info::{BLOCK_FRAMES, BlockKind, NONE, block};

/// Orders of the buddy side: up to 2^18 blocks, 512 GiB.
pub const ORDERS: usize = 19;

crate::described! {
    /// Which physical addresses a zone covers.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    #[repr(u8)]
    pub enum ZoneKind {
        /// What old devices reach: the first 16 MiB on x86_64, the first 64 MiB of RAM elsewhere.
        Dma,
        /// Up to physical 4 GiB.
        Normal,
        /// Above.
        High,
    }
}

crate::described! {
    /// Free memory of one zone.
    #[repr(C)]
    pub struct Zone {
        /// Frames that are free now.
        pub free: usize,
        /// Frames the zone was given at boot.
        pub total: usize,
        partial: u32,
        chunks: [u32; ORDERS],
        first_block: u32,
        last_block: u32,
        /// This zone's index, as blocks carry it.
        pub index: u8,
    }
}

impl Zone {
    /// A zone without memory.
    pub const fn new() -> Zone {
        Zone {
            free: 0,
            total: 0,
            partial: NONE,
            chunks: [NONE; ORDERS],
            first_block: NONE,
            last_block: 0,
            index: 0,
        }
    }

    /// Adds the free frames `first..end` at boot; their blocks must carry this zone's index.
    pub(super) fn add(&mut self, first: u32, end: u32) {
        self.total += (end - first) as usize;
        self.first_block = self.first_block.min(first / BLOCK_FRAMES);
        self.last_block = self.last_block.max((end - 1) / BLOCK_FRAMES);
        self.release(first, end - first);
    }

    /// Takes `count` frames whose first is a multiple of `align` (a power of two).
    pub(super) fn take(&mut self, count: u32, align: u32) -> Option<u32> {
        if self.free < count as usize {
            return None;
        }
        let first = if count < BLOCK_FRAMES && align <= BLOCK_FRAMES {
            self.take_bits(count, align)
        } else {
            self.take_blocks(count, align)
        }?;
        self.free -= count as usize;
        Some(first)
    }

    /// Takes one frame: the lowest of the first block that has one.
    #[inline]
    pub(super) fn take_one(&mut self) -> Option<u32> {
        if self.partial == NONE {
            return self.take(1, 1);
        }
        let number = self.partial;
        // SAFETY: blocks in a list exist, and the zone's lock is held (`&mut self`).
        let b = unsafe { &mut *block(number) };
        let word = b.bits.iter().position(|w| *w != 0)?;
        let bit = b.bits[word].trailing_zeros();
        b.bits[word] &= b.bits[word] - 1;
        b.free -= 1;
        if b.free == 0 {
            self.unlink(number);
        }
        self.free -= 1;
        Some(number * BLOCK_FRAMES + word as u32 * 64 + bit)
    }

    /// Gives frames back; the caller has checked that they were handed out.
    pub(super) fn give(&mut self, first: u32, count: u32) {
        self.release(first, count);
    }

    fn release(&mut self, first: u32, count: u32) {
        self.free += count as usize;
        let (mut at, end) = (first, first + count);
        while at < end {
            let number = at / BLOCK_FRAMES;
            let stop = end.min((number + 1) * BLOCK_FRAMES);
            // SAFETY: the frames are RAM, so their block exists; the lock is held.
            let b = unsafe { &mut *block(number) };
            if b.kind == BlockKind::Used && stop - at == BLOCK_FRAMES {
                self.insert_chunk(number, 0);
            } else {
                if b.kind != BlockKind::Bitmap {
                    b.kind = BlockKind::Bitmap;
                    b.bits = [0; 8];
                    b.free = 0;
                }
                let before = b.free as u32;
                let free = before + stop - at;
                set_bits(&mut b.bits, at % BLOCK_FRAMES, stop - at);
                b.free = free as u16;
                if free == BLOCK_FRAMES {
                    if before != 0 {
                        self.unlink(number);
                    }
                    self.insert_chunk(number, 0);
                } else if before == 0 {
                    self.push_partial(number);
                }
            }
            at = stop;
        }
    }

    fn take_bits(&mut self, count: u32, align: u32) -> Option<u32> {
        let mut number = self.partial;
        while number != NONE {
            // SAFETY: blocks in a list exist; the lock is held.
            let b = unsafe { &mut *block(number) };
            if let Some(start) = find_run(&b.bits, count, align, b.free as u32) {
                return Some(self.carve(number, start, count));
            }
            number = b.next;
        }
        let number = self.take_blocks(BLOCK_FRAMES, BLOCK_FRAMES)? / BLOCK_FRAMES;
        self.make_bitmap(number, 0);
        Some(self.carve(number, 0, count))
    }

    /// Puts a used block on the bitmap side, its frames from `from` on free.
    fn make_bitmap(&mut self, number: u32, from: u32) {
        // SAFETY: the block was just taken from the buddy side; the lock is held.
        let b = unsafe { &mut *block(number) };
        b.kind = BlockKind::Bitmap;
        b.bits = [0; 8];
        b.free = (BLOCK_FRAMES - from) as u16;
        set_bits(&mut b.bits, from, BLOCK_FRAMES - from);
        self.push_partial(number);
    }

    fn carve(&mut self, number: u32, start: u32, count: u32) -> u32 {
        // SAFETY: blocks in a list exist; the lock is held.
        let b = unsafe { &mut *block(number) };
        clear_bits(&mut b.bits, start, count);
        b.free -= count as u16;
        if b.free == 0 {
            self.unlink(number);
        }
        number * BLOCK_FRAMES + start
    }

    /// Takes whole blocks for `count` frames; what is left of the last one goes to the bitmap side.
    fn take_blocks(&mut self, count: u32, align: u32) -> Option<u32> {
        let blocks = count.div_ceil(BLOCK_FRAMES);
        let align = (align / BLOCK_FRAMES).max(1);
        let order = blocks
            .max(align)
            .checked_next_power_of_two()?
            .trailing_zeros() as usize;
        let fit = (order..ORDERS).find(|o| self.chunks[*o] != NONE);
        let start = match fit {
            Some(order) => self.chunks[order],
            None => self.find_joined(blocks, align)?,
        };
        let end = start + blocks;
        // Take every chunk that the run touches and put back what sticks out of it.
        let mut at = start;
        while at < end {
            let head = self.chunk_of(at)?;
            // SAFETY: `chunk_of` returns the head of a free chunk; the lock is held.
            let size = 1u32 << unsafe { (*block(head)).order };
            self.unlink(head);
            self.set_kind(head, BlockKind::Inside);
            self.insert_run(head, at);
            self.insert_run(end.min(head + size), head + size);
            at = head + size;
        }
        (start..end).for_each(|used| self.set_kind(used, BlockKind::Used));
        let tail = count % BLOCK_FRAMES;
        if tail != 0 {
            self.make_bitmap(end - 1, tail);
        }
        Some(start * BLOCK_FRAMES)
    }

    /// The head of the free chunk that holds `number`.
    fn chunk_of(&self, number: u32) -> Option<u32> {
        (0..ORDERS)
            .map(|order| number & !((1 << order) - 1))
            .find(|head| {
                // SAFETY: a block that is not null is valid; the lock is held.
                unsafe { block(*head).as_ref() }
                    .is_some_and(|b| b.kind == BlockKind::Free && number - head < 1 << b.order)
            })
    }

    /// The first run of `blocks` free blocks that crosses chunks, aligned.
    fn find_joined(&self, blocks: u32, align: u32) -> Option<u32> {
        let (mut start, mut at) = (self.first_block, self.first_block);
        while at != NONE && at <= self.last_block {
            // SAFETY: a block that is not null is valid; the lock is held.
            match unsafe { block(at).as_ref() } {
                Some(b) if b.kind == BlockKind::Free && b.zone == self.index => at += 1 << b.order,
                _ => {
                    at += 1;
                    start = at;
                }
            }
            let aligned = start.next_multiple_of(align);
            if at >= aligned && at - aligned >= blocks {
                return Some(aligned);
            }
        }
        None
    }

    /// Inserts the blocks `start..end` as the largest aligned chunks.
    fn insert_run(&mut self, mut start: u32, end: u32) {
        while start < end {
            let order = start
                .trailing_zeros()
                .min((end - start).ilog2())
                .min(ORDERS as u32 - 1);
            self.insert_chunk(start, order as u8);
            start += 1 << order;
        }
    }

    /// Inserts a chunk and joins it with its buddies.
    fn insert_chunk(&mut self, mut number: u32, mut order: u8) {
        while (order as usize) < ORDERS - 1 {
            let buddy = number ^ (1 << order);
            // SAFETY: a block that is not null is valid; the lock is held.
            match unsafe { block(buddy).as_ref() } {
                Some(b)
                    if b.kind == BlockKind::Free && b.order == order && b.zone == self.index => {}
                _ => break,
            }
            self.unlink(buddy);
            self.set_kind(number.max(buddy), BlockKind::Inside);
            number = number.min(buddy);
            order += 1;
        }
        self.set_kind(number, BlockKind::Free);
        let head = self.chunks[order as usize];
        // SAFETY: the block is free and belongs to this zone; the lock is held.
        unsafe {
            (*block(number)).order = order;
            (*block(number)).next = head;
            (*block(number)).previous = NONE;
            if head != NONE {
                (*block(head)).previous = number;
            }
        }
        self.chunks[order as usize] = number;
    }

    fn set_kind(&mut self, number: u32, kind: BlockKind) {
        // SAFETY: callers pass blocks of this zone; the lock is held.
        unsafe { (*block(number)).kind = kind };
    }

    fn push_partial(&mut self, number: u32) {
        let head = self.partial;
        // SAFETY: callers pass blocks of this zone; the lock is held.
        unsafe {
            (*block(number)).next = head;
            (*block(number)).previous = NONE;
            if head != NONE {
                (*block(head)).previous = number;
            }
        }
        self.partial = number;
    }

    /// Takes a block out of the list that it is in.
    fn unlink(&mut self, number: u32) {
        // SAFETY: the block is in one of this zone's lists, so it and its neighbours exist; the
        // lock is held.
        unsafe {
            let b = &*block(number);
            if b.next != NONE {
                (*block(b.next)).previous = b.previous;
            }
            if b.previous != NONE {
                (*block(b.previous)).next = b.next;
            } else if b.kind == BlockKind::Bitmap {
                self.partial = b.next;
            } else {
                self.chunks[b.order as usize] = b.next;
            }
        }
    }

    /// Frames of the largest request that would succeed now, without alignment.
    pub fn largest(&self) -> usize {
        let (mut best, mut run, mut at) = (0, 0, self.first_block);
        while at != NONE && at <= self.last_block {
            // SAFETY: a block that is not null is valid; the lock is held.
            match unsafe { block(at).as_ref() } {
                Some(b) if b.kind == BlockKind::Free && b.zone == self.index => {
                    run += 1usize << b.order;
                    at += 1 << b.order;
                }
                _ => {
                    run = 0;
                    at += 1;
                }
            }
            best = best.max(run);
        }
        best * BLOCK_FRAMES as usize
    }
}

/// The first `count` set bits in a row that start at a multiple of `align`.
fn find_run(bits: &[u64; 8], count: u32, align: u32, free: u32) -> Option<u32> {
    if free < count {
        return None;
    }
    let mut start = 0;
    loop {
        start = next_bit(bits, start, false)?.next_multiple_of(align);
        let end = next_bit(bits, start, true).unwrap_or(BLOCK_FRAMES);
        if start + count <= end {
            return Some(start);
        }
        start = end.max(start + 1);
    }
}

/// The first set (or clear, with `inverted`) bit at or after `from`.
fn next_bit(bits: &[u64; 8], from: u32, inverted: bool) -> Option<u32> {
    let mut mask = !0u64 << (from % 64);
    for index in from / 64..8 {
        let word = if inverted {
            !bits[index as usize]
        } else {
            bits[index as usize]
        } & mask;
        if word != 0 {
            return Some(index * 64 + word.trailing_zeros());
        }
        mask = !0;
    }
    None
}

fn set_bits(bits: &mut [u64; 8], start: u32, count: u32) {
    each_word(start, count, |word, mask| bits[word] |= mask);
}

fn clear_bits(bits: &mut [u64; 8], start: u32, count: u32) {
    each_word(start, count, |word, mask| bits[word] &= !mask);
}

fn each_word(start: u32, count: u32, mut apply: impl FnMut(usize, u64)) {
    let (mut at, end) = (start, start + count);
    while at < end {
        let stop = end.min((at / 64 + 1) * 64);
        apply(
            (at / 64) as usize,
            (!0u64 >> (64 - (stop - at))) << (at % 64),
        );
        at = stop;
    }
}
