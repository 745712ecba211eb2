//! Objects that only keep each other alive.
//!
//! A capability in the space of a running process keeps its object alive: the space is
//! *anchored*. One inside an object (a message in an endpoint's ring, a name in a
//! namespace) is *loose*: it matters only as long as the object that holds it can be reached itself. When a use of an object with loose capabilities
//! ends, the object becomes a suspect, and the collector looks backwards from it: who holds its
//! capabilities, who holds theirs, and so on. If it meets an anchored capability or a use by the
//! kernel, the suspect lives. If not, nothing outside can reach any of what it met, ever again:
//! the spaces of all of them are closed, and they die by the ordinary rules.
//!
//! Why nothing changes under the collector's eyes unnoticed: whoever kills the last anchored
//! capability of an object keeps a use of it until every operation that had looked it up is
//! over, so an object without uses is in nobody's hands; and a capability that is moved changes
//! the sequence count of its tree, which is compared at the end for all that was met.
//!
//! The search goes through the holders alone, so it is short unless rings hold each other by the
//! thousand; it works in bounded steps. One CPU collects at a time; others leave their suspects
//! to it.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering as HostOrdering};

use super::derivation::at;
use super::object::Object;
use super::slot::Slot;
use super::sync::{Ordering, preemption_point};

/// Capabilities looked at between two preemption points.
const BATCH: usize = 64;

static COLLECTING: AtomicBool = AtomicBool::new(false);

/// Runs `body` unless another CPU (or this one, further out) is collecting; says whether it ran.
pub(super) fn alone(body: impl FnOnce()) -> bool {
    if COLLECTING.swap(true, HostOrdering::Acquire) {
        return false;
    }
    body();
    COLLECTING.store(false, HostOrdering::Release);
    true
}

/// Destroys what only `object` and others like it keep alive, if that includes `object`. The
/// caller gives up a use of it.
pub(super) fn examine(object: &Object) {
    let mut met = Met { last: object };
    object.next_listed.store(null_mut(), Ordering::Relaxed);
    object.listed.store(1, Ordering::Relaxed);
    object.met.store(true, Ordering::Relaxed);
    if met.search(object)
        && each(object).all(|met| is_adrift(met, met.seen.load(Ordering::Relaxed)))
    {
        for member in each(object) {
            // SAFETY: the collector has a use of every member, so what it holds exists.
            if let Some(space) = unsafe { (member.ops.holds)(member).as_ref() } {
                space.close();
            }
        }
    }
    for member in each(object) {
        member.met.store(false, Ordering::Relaxed);
        // A use that ended in the meantime found the object listed; it deserves another look.
        match member.listed.swap(0, Ordering::AcqRel) > 1 {
            true => member.release(),
            false => member.drop_use(),
        }
    }
}

/// What the search has met: a queue through `next_listed`, each with a use of the collector's.
struct Met<'a> {
    last: &'a Object,
}

fn each(first: &Object) -> impl Iterator<Item = &Object> {
    let mut next = first as *const Object;
    core::iter::from_fn(move || {
        // SAFETY: members are in use until the queue is given up, each after the link was read.
        let object = unsafe { next.as_ref() }?;
        next = object.next_listed.load(Ordering::Relaxed);
        Some(object)
    })
}

/// Whether only loose capabilities, and the collector, use the object.
fn is_adrift(object: &Object, seen: u32) -> bool {
    let tree = object.tree.lock();
    tree.capabilities == object.loose.load(Ordering::Relaxed)
        && object.uses() == 2
        && tree.sequence.load(Ordering::Relaxed) == seen
}

impl<'a> Met<'a> {
    /// Follows the holders of all capabilities, from `first` on. Says whether none leads outside.
    fn search(&mut self, first: &'a Object) -> bool {
        let mut next = first as *const Object;
        // SAFETY: members are in use by the collector.
        while let Some(object) = unsafe { next.as_ref() } {
            if !self.follow(object) {
                return false;
            }
            next = object.next_listed.load(Ordering::Relaxed);
        }
        true
    }

    /// Meets the holders of one object's capabilities.
    fn follow(&mut self, object: &'a Object) -> bool {
        let seen = object.tree.lock().sequence.load(Ordering::Relaxed);
        object.seen.store(seen, Ordering::Relaxed);
        if !is_adrift(object, seen) {
            return false;
        }
        let mut next = object.tree.lock().roots;
        while !next.is_null() {
            let tree = object.tree.lock();
            if tree.sequence.load(Ordering::Relaxed) != seen {
                return false;
            }
            for _ in 0..BATCH {
                let Some(slot) = at(next) else { break };
                if !self.meet(slot.space().holder) {
                    return false;
                }
                next = after(slot);
            }
            drop(tree);
            preemption_point();
        }
        true
    }

    /// Adds a holder. Says no if it is none, or is being looked after by somebody else.
    fn meet(&mut self, holder: *const Object) -> bool {
        // SAFETY: a space with a capability in it exists, and so does the object it belongs to.
        let Some(holder) = (unsafe { holder.as_ref() }) else {
            return false;
        };
        if holder.met.load(Ordering::Relaxed) {
            return true;
        }
        if !holder.acquire() {
            return false;
        }
        if holder.listed.fetch_add(1, Ordering::AcqRel) != 0 {
            holder.drop_use();
            return false;
        }
        holder.next_listed.store(null_mut(), Ordering::Relaxed);
        let link = &self.last.next_listed;
        link.store(core::ptr::from_ref(holder).cast_mut(), Ordering::Relaxed);
        holder.met.store(true, Ordering::Relaxed);
        self.last = holder;
        true
    }
}

/// The slot after `slot` in its tree: children, then siblings, then those of its ancestors.
fn after(slot: &Slot) -> *mut Slot {
    let mut slot = slot;
    let mut next = slot.first_child.get();
    while next.is_null() {
        next = slot.next.get();
        match at(slot.parent.get()) {
            Some(parent) if next.is_null() => slot = parent,
            _ => break,
        }
    }
    next
}
