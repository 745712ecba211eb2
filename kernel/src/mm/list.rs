//! Doubly linked lists of numbered things, frames or blocks, whose records hold the links.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// No frame, no block: the end of a list.
pub const NONE: u32 = u32::MAX;

/// Where a record keeps its next and its previous one.
pub(super) type Links<'a> = (&'a AtomicU32, &'a AtomicU32);

/// Puts what is in no list at the head of one.
pub(super) fn push<'a>(head: &mut u32, number: u32, links: impl Fn(u32) -> Links<'a>) {
    let first = core::mem::replace(head, number);
    links(number).0.store(first, Relaxed);
    links(number).1.store(NONE, Relaxed);
    if first != NONE {
        links(first).1.store(number, Relaxed);
    }
}

/// Takes something out of the list that it is in.
pub(super) fn unlink<'a>(head: &mut u32, number: u32, links: impl Fn(u32) -> Links<'a>) {
    let (next, previous) = links(number);
    let (next, previous) = (next.load(Relaxed), previous.load(Relaxed));
    if next != NONE {
        links(next).1.store(previous, Relaxed);
    }
    match previous {
        NONE => *head = next,
        _ => links(previous).0.store(next, Relaxed),
    }
}
