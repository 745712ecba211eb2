//! Capabilities as the kernel alone works on them: without system call and dispatch.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;

use veridian_kernel::cap::{
    Cache, DEFAULT_LIMIT, Grant, Kind, Object, ObjectOps, Progress, Rights, Space, Token, Typed,
    Use,
};

use crate::{row, row_around};

#[repr(C)]
struct Thing {
    header: Object,
}

// SAFETY: `repr(C)` with the header first; nothing else in this kernel is of kind `Test`.
unsafe impl Typed for Thing {
    const KIND: Kind = Kind::Test;
}

static OPERATIONS: ObjectOps = ObjectOps {
    sweep: |_| Progress::Done,
    // SAFETY: every thing is boxed by `thing`, and this is its end.
    destroy: |object| drop(unsafe { Box::from_raw(object.as_ptr().cast::<Thing>()) }),
    holds: |_| core::ptr::null(),
};

const ALL: Grant = Grant {
    rights: Rights::all(),
    badge: 0,
};

fn thing() -> Use<Thing> {
    let thing = Box::new(Thing {
        header: Object::new(Kind::Test, &OPERATIONS),
    });
    // SAFETY: the box gives up its object with the creator's use.
    unsafe { Use::from_raw(NonNull::from(Box::leak(thing))) }
}

fn space() -> Box<Space> {
    Space::create(core::ptr::null(), true, DEFAULT_LIMIT).expect("memory for a space")
}

pub fn rows() {
    let (space, thing) = (space(), thing());
    let root = space
        .insert_root(&thing.header, Rights::all(), 0)
        .expect("room");
    lookups(&space, &thing);
    mint_and_delete(&space, root);
    revoke(&space, root);
    space.close();
}

/// Between ten capabilities and sixty thousand nothing may change.
fn lookups(space: &Space, thing: &Use<Thing>) {
    let insert = |space: &Space| {
        space
            .insert_root(&thing.header, Rights::all(), 0)
            .expect("room")
    };
    let (mut tokens, other) = (Vec::new(), self::space());
    for (count, hit, miss) in [
        (10, "capability_lookup_hit", "capability_lookup_miss"),
        (
            1_000,
            "capability_lookup_hit_1000",
            "capability_lookup_miss_1000",
        ),
        (
            60_000,
            "capability_lookup_hit_60000",
            "capability_lookup_miss_60000",
        ),
    ] {
        tokens.resize_with(count, || insert(space));
        let cache = Cache::new();
        let token = tokens[count - 1];
        row(hit, 8, &mut || {
            for _ in 0..8 {
                core::hint::black_box(find(&cache, space, token));
            }
        });
        // Two capabilities of two spaces drive each other out of the one entry they share.
        let rival = core::iter::repeat_with(|| insert(&other))
            .find(|t| t.index() % 64 == token.index() % 64);
        let rival = rival.expect("one of the next 64");
        row(miss, 8, &mut || {
            for _ in 0..4 {
                core::hint::black_box(find(&cache, space, token));
                core::hint::black_box(find(&cache, &other, rival));
            }
        });
    }
    for token in tokens {
        space.delete(token).expect("it is there");
    }
    other.close();
}

#[inline(never)]
fn find(cache: &Cache, space: &Space, token: Token) -> u64 {
    match cache.lookup(space, token, Kind::Test, Rights::READ) {
        Ok(found) => found.badge,
        Err(_) => u64::MAX,
    }
}

fn mint_and_delete(space: &Space, root: Token) {
    let mut minted = [Token(0); 16];
    let mint = |minted: &mut [Token; 16]| {
        for token in minted {
            *token = space.mint(root, ALL).expect("room");
        }
    };
    let delete = |minted: &[Token; 16]| {
        for &token in minted {
            space.delete(token).expect("it is there");
        }
    };
    let minted = core::cell::RefCell::new(&mut minted);
    let mut make = || mint(&mut minted.borrow_mut());
    let mut clear = || delete(&minted.borrow());
    row_around("capability_mint", 16, &mut || {}, &mut make, &mut clear);
    row_around("capability_delete", 16, &mut make, &mut clear, &mut || {});
}

/// 8 and 64 descendants over four spaces: a quarter each, half of them grandchildren.
fn revoke(space: &Space, root: Token) {
    let others: Vec<_> = (0..4).map(|_| self::space()).collect();
    let spread = |count: usize| {
        for i in 0..count / 2 {
            let (first, second) = (&others[i % 4], &others[(i + 1) % 4]);
            let child = space.delegate(root, first, ALL).expect("room");
            first.delegate(child, second, ALL).expect("room");
        }
    };
    let mut revoke = || assert!(space.revoke(root).is_ok());
    let mut counts = [8, 64].map(|count| {
        let name = if count == 8 {
            "capability_revoke_8"
        } else {
            "capability_revoke_64"
        };
        row_around(name, 1, &mut || spread(count), &mut revoke, &mut || {})
    });
    counts.sort();
    if crate::is_wanted("capability_revoke") {
        veridian_kernel::println!(
            "bench: {{\"op\":\"revoke_per_descendant\",\"instructions\":{},\"stddev\":0,\"runs\":16}}",
            (counts[1] - counts[0]).div_ceil(56)
        );
    }
    others.iter().for_each(|space| space.close());
}
