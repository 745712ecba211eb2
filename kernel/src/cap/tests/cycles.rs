//! Objects that keep each other alive must go, and no others.

use super::*;

/// Puts a copy of `token` into the ring of `ring`.
fn send(space: &Space, token: Token, ring: &Probe) -> Token {
    ring.ring()
        .prepare(1)
        .unwrap()
        .copy(space, &[(token, Rights::all())])
        .unwrap()[0]
}

fn make(space: &Space) -> (Use<Probe>, Token) {
    let object = probe();
    let token = space
        .insert_root(object.object(), Rights::all(), 0)
        .unwrap();
    (object, token)
}

/// From now on, what is in the space is thereby kept alive.
fn anchor(space: &Space) {
    space.anchored.store(true, Ordering::Relaxed);
    for (_, slot) in space.slots() {
        if let Ok((object, _tree, tag)) = slot.capability()
            && tag.has(Tag::LOOSE)
        {
            object.loose.fetch_sub(1, Ordering::Relaxed);
            slot.set_tag(tag.with(Tag::LOOSE, false));
        }
    }
}

tests! {
    fn an_endpoint_in_its_own_ring() {
        let space = space();
        let (object, token) = make(&space);
        send(&space, token, &object);
        send(&space, token, &object);
        drop(object);
        let before = alive();
        space.delete(token).unwrap();
        assert_eq!(alive(), before - 1);
        space.close();
    }

    fn two_endpoints_in_each_others_rings() {
        let space = space();
        let ((a, a_token), (b, b_token)) = (make(&space), make(&space));
        send(&space, a_token, &b);
        send(&space, b_token, &a);
        drop((a, b));
        let before = alive();
        space.delete(a_token).unwrap();
        assert_eq!(alive(), before, "still reachable through the other");
        space.delete(b_token).unwrap();
        assert_eq!(alive(), before - 2);
        space.close();
    }

    fn a_use_keeps_a_cycle_alive_until_it_ends() {
        let space = space();
        let ((a, a_token), (b, b_token)) = (make(&space), make(&space));
        send(&space, a_token, &b);
        send(&space, b_token, &a);
        drop(b);
        let before = alive();
        space.delete(a_token).unwrap();
        space.delete(b_token).unwrap();
        assert_eq!(alive(), before);
        drop(a);
        reap();
        assert_eq!(alive(), before - 2);
        space.close();
    }

    fn a_full_endpoint_on_its_way_stays_full() {
        let space = space();
        let ((outer, outer_token), (inner, inner_token), (gift, gift_token)) =
            (make(&space), make(&space), make(&space));
        let in_inner = send(&space, gift_token, &inner);
        let in_outer = send(&space, inner_token, &outer);
        drop((inner, gift));
        space.delete(inner_token).unwrap();
        space.delete(gift_token).unwrap();
        let got = space.prepare(1).unwrap().take(outer.ring(), &[in_outer])[0];
        let inner = space
            .lookup(got, Kind::Test, Rights::READ)
            .unwrap()
            .typed::<Probe>();
        let gift = space.prepare(1).unwrap().take(inner.ring(), &[in_inner])[0];
        assert!(lives(&space, gift));
        drop(outer);
        space.delete(outer_token).unwrap();
        space.close();
    }

    fn a_large_cycle_hanging_from_a_live_object_lives() {
        let space = space();
        let made: Vec<_> = (0..300).map(|_| make(&space)).collect();
        for (i, (_, token)) in made.iter().enumerate() {
            send(&space, *token, &made[(i + 1) % made.len()].0);
        }
        let (keeper, keeper_token) = make(&space);
        let last = send(&space, made[0].1, &keeper);
        let tokens: Vec<_> = made.into_iter().map(|(_, token)| token).collect();
        let before = alive();
        tokens
            .iter()
            .for_each(|&token| space.delete(token).unwrap());
        assert_eq!(alive(), before);
        keeper.ring().delete(last).unwrap();
        assert_eq!(alive(), before - 300);
        drop(keeper);
        space.delete(keeper_token).unwrap();
        space.close();
    }

    fn a_long_chain_dies_without_recursion() {
        let space = space();
        let (mut outer, mut outer_token) = make(&space);
        for _ in 0..CHAIN {
            let (inner, inner_token) = make(&space);
            send(&space, outer_token, &inner);
            space.delete(outer_token).unwrap();
            (outer, outer_token) = (inner, inner_token);
        }
        drop(outer);
        space.delete(outer_token).unwrap();
        space.close();
    }

    fn a_process_that_was_not_started_and_holds_itself() {
        let space = space();
        let (process, token) = make(&space);
        send(&space, token, &process);
        drop(process);
        let before = alive();
        space.delete(token).unwrap();
        assert_eq!(alive(), before - 1);
        space.close();
    }

    fn a_process_that_runs_and_holds_itself() {
        let space = space();
        let (process, token) = make(&space);
        let inner = send(&space, token, &process);
        anchor(process.ring());
        let before = alive();
        space.delete(token).unwrap();
        assert!(lives(process.ring(), inner));
        // Its exit empties its space.
        process.ring().close();
        drop(process);
        reap();
        assert_eq!(alive(), before - 1);
        space.close();
    }
}
