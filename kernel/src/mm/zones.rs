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

use core::sync::atomic::Ordering::Relaxed;

use super::frame_info::{BLOCK_FRAMES, Block, BlockKind, block, by_block};
use super::list::{self, Links, NONE};

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
    pub const fn new(index: u8) -> Zone {
        Zone {
            free: 0,
            total: 0,
            partial: NONE,
            chunks: [NONE; ORDERS],
            first_block: NONE,
            last_block: 0,
            index,
        }
    }

    /// Adds the free frames `first..end` at boot; their blocks must carry this zone's index.
    pub(super) fn add(&mut self, first: u32, end: u32) {
        self.total += (end - first) as usize;
        self.first_block = self.first_block.min(first / BLOCK_FRAMES);
        self.last_block = self.last_block.max((end - 1) / BLOCK_FRAMES);
        self.give(first, end - first);
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
    pub(super) fn take_one(&mut self) -> Option<u32> {
        let number = self.partial;
        if number == NONE {
            return self.take(1, 1);
        }
        let bit = next_bit(&self.block(number).bits, 0, false)?;
        self.free -= 1;
        Some(self.carve(number, bit, 1))
    }

    /// The record of one of this zone's blocks.
    fn block(&mut self, number: u32) -> &mut Block {
        // SAFETY: callers pass blocks that are in this zone's lists, or hold frames that are or
        // were in it; the zone's lock is held (`&mut self`).
        unsafe { &mut *block(number) }
    }

    /// The order of the free chunk of this zone that begins with block `number`, if one does.
    fn chunk_at(&self, number: u32) -> Option<u32> {
        // SAFETY: a block that is not null is valid; the lock is held.
        let block = unsafe { block(number).as_ref() }?;
        (block.kind == BlockKind::Free && block.zone == self.index).then_some(block.order.into())
    }

    /// Gives frames back; the caller has checked that they were handed out.
    pub(super) fn give(&mut self, first: u32, count: u32) {
        self.free += count as usize;
        for part in by_block(first, first + count) {
            let number = part.start / BLOCK_FRAMES;
            let count = part.end - part.start;
            let b = self.block(number);
            if b.kind != BlockKind::Bitmap {
                (b.kind, b.bits, b.free) = (BlockKind::Bitmap, [0; 8], 0);
            }
            let before = b.free;
            b.free += count as u16;
            flip(&mut b.bits, part.start % BLOCK_FRAMES, count);
            let whole = u32::from(b.free) == BLOCK_FRAMES;
            if whole && before != 0 {
                self.unlink(number);
            }
            if whole {
                self.insert_chunk(number, 0);
            } else if before == 0 {
                self.push(number);
            }
        }
    }

    fn take_bits(&mut self, count: u32, align: u32) -> Option<u32> {
        let mut number = self.partial;
        while number != NONE {
            let b = self.block(number);
            if let Some(start) = find_run(&b.bits, count, align, b.free.into()) {
                return Some(self.carve(number, start, count));
            }
            number = b.next.load(Relaxed);
        }
        let number = self.take_blocks(BLOCK_FRAMES, BLOCK_FRAMES)? / BLOCK_FRAMES;
        self.make_bitmap(number, 0);
        Some(self.carve(number, 0, count))
    }

    /// Puts a used block on the bitmap side, its frames from `from` on free.
    fn make_bitmap(&mut self, number: u32, from: u32) {
        let free = BLOCK_FRAMES - from;
        let b = self.block(number);
        (b.kind, b.bits, b.free) = (BlockKind::Bitmap, [0; 8], free as u16);
        flip(&mut b.bits, from, free);
        self.push(number);
    }

    fn carve(&mut self, number: u32, start: u32, count: u32) -> u32 {
        let b = self.block(number);
        flip(&mut b.bits, start, count);
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
        let size = blocks.max(align).checked_next_power_of_two()?;
        let fit = self.chunks.iter().skip(size.trailing_zeros() as usize);
        let start = match fit.copied().find(|chunk| *chunk != NONE) {
            Some(chunk) => chunk,
            None => self.find_joined(blocks, align)?,
        };
        let end = start + blocks;
        // Take every chunk that the run touches and put back what sticks out of it.
        let mut at = start;
        while at < end {
            let (head, next) = self.chunk_of(at)?;
            self.unlink(head);
            self.block(head).kind = BlockKind::Inside;
            self.insert_run(head, at);
            self.insert_run(end.min(next), next);
            at = next;
        }
        (start..end).for_each(|used| self.block(used).kind = BlockKind::Used);
        let tail = count % BLOCK_FRAMES;
        if tail != 0 {
            self.make_bitmap(end - 1, tail);
        }
        Some(start * BLOCK_FRAMES)
    }

    /// The free chunk that holds block `number`, and what is behind it.
    fn chunk_of(&self, number: u32) -> Option<(u32, u32)> {
        (0..ORDERS).find_map(|order| {
            let head = number & !((1 << order) - 1);
            let end = head + (1 << self.chunk_at(head)?);
            (number < end).then_some((head, end))
        })
    }

    /// The first run of `blocks` free blocks that crosses chunks, aligned.
    fn find_joined(&self, blocks: u32, align: u32) -> Option<u32> {
        let (mut start, mut at) = (self.first_block, self.first_block);
        while at <= self.last_block {
            match self.chunk_at(at) {
                Some(order) => at += 1 << order,
                None => (start, at) = (at + 1, at + 1),
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
            let most = (end - start).ilog2().min(ORDERS as u32 - 1);
            let order = start.trailing_zeros().min(most);
            self.insert_chunk(start, order);
            start += 1 << order;
        }
    }

    /// Inserts a chunk and joins it with its buddies.
    fn insert_chunk(&mut self, mut number: u32, mut order: u32) {
        while order < ORDERS as u32 - 1 {
            let buddy = number ^ (1 << order);
            if self.chunk_at(buddy) != Some(order) {
                break;
            }
            self.unlink(buddy);
            self.block(number.max(buddy)).kind = BlockKind::Inside;
            number = number.min(buddy);
            order += 1;
        }
        let b = self.block(number);
        (b.kind, b.order) = (BlockKind::Free, order as u8);
        self.push(number);
    }

    /// The list that a block is in, or is to be in.
    fn list(&mut self, number: u32) -> &mut u32 {
        let b = self.block(number);
        match (b.kind, b.order) {
            (BlockKind::Bitmap, _) => &mut self.partial,
            (_, order) => &mut self.chunks[order as usize],
        }
    }

    fn push(&mut self, number: u32) {
        list::push(self.list(number), number, links);
    }

    fn unlink(&mut self, number: u32) {
        list::unlink(self.list(number), number, links);
    }

    /// Frames of the largest request that would succeed now, without alignment.
    #[cfg(any(test, feature = "ktest"))]
    pub fn largest(&self) -> usize {
        let fits = |blocks: &u32| self.find_joined(*blocks, 1).is_some();
        let count = (1..).take_while(fits).count();
        count * BLOCK_FRAMES as usize
    }
}

fn links<'a>(number: u32) -> Links<'a> {
    // SAFETY: blocks in a list exist, and their records are never taken away.
    let block = unsafe { &*block(number) };
    (&block.next, &block.previous)
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
        let toggle = if inverted { !0 } else { 0 };
        let word = (bits[index as usize] ^ toggle) & mask;
        if word != 0 {
            return Some(index * 64 + word.trailing_zeros());
        }
        mask = !0;
    }
    None
}

/// Changes `count` bits from `start` on, which are all set or all clear.
fn flip(bits: &mut [u64; 8], start: u32, count: u32) {
    for part in super::cut(start.into()..(start + count).into(), 64) {
        let ones = !0u64 >> (64 - (part.end - part.start));
        bits[part.start as usize / 64] ^= ones << (part.start % 64);
    }
}
