//! One property each.

use alloc::rc::Rc;
use core::cell::Cell;

use super::*;

fn root(space: &Space) -> (Use<Probe>, Token) {
    let object = probe();
    let token = space
        .insert_root(object.object(), Rights::all(), 0)
        .unwrap();
    (object, token)
}

fn mint_many(space: &Space, source: Token) {
    for _ in 0..1000 {
        space.mint(source, ALL).unwrap();
    }
}

fn only(rights: Rights) -> Grant {
    Grant { rights, badge: 0 }
}

tests! {
    fn a_token_names_what_was_inserted() {
        let (space, object) = (space(), probe());
        let token = space.insert_root(object.object(), Rights::READ, 7).unwrap();
        assert_eq!(token, Token::new(1, 1));
        let found = space.lookup(token, Kind::Test, Rights::READ).unwrap();
        assert_eq!((found.badge, found.tag().rights()), (7, Rights::READ));
        assert!(core::ptr::eq(found.typed::<Probe>(), &*object));
        space.close();
    }

    fn refusals_say_why() {
        let space = space();
        let (object, _) = root(&space);
        let token = space.insert_root(object.object(), Rights::READ, 0).unwrap();
        let why = |token, kind, rights| space.lookup(token, kind, rights).err();
        assert_eq!(
            why(token, Kind::Test, Rights::WRITE),
            Some(Error::MissingRight)
        );
        assert_eq!(
            why(token, Kind::Memory, Rights::READ),
            Some(Error::WrongType)
        );
        for missing in [
            0,
            token.0 + 1,
            token.0 | 1 << 56,
            token.0 | 1 << 63,
            u64::MAX,
            64,
            1 << 24,
            1,
        ] {
            assert_eq!(
                why(Token(missing), Kind::Test, Rights::NONE),
                Some(Error::InvalidCapability)
            );
            assert_eq!(space.delete(Token(missing)), Err(Error::InvalidCapability));
            assert_eq!(space.revoke(Token(missing)), Err(Error::InvalidCapability));
        }
        // States of empty slots are no types that anybody can ask for.
        for kind in [Kind::Free, Kind::Dying, Kind::Retired] {
            assert!(why(Token::new(2, 0), kind, Rights::NONE).is_some());
        }
        space.close();
    }

    fn a_stale_token_is_refused_and_harms_nothing() {
        let space = space();
        let (object, old) = root(&space);
        space.delete(old).unwrap();
        assert!(!lives(&space, old));
        let new = space
            .insert_root(object.object(), Rights::all(), 0)
            .unwrap();
        assert_eq!(new.index(), old.index(), "the slot is used again");
        assert_ne!(new, old);
        assert_eq!(space.delete(old), Err(Error::InvalidCapability));
        assert_eq!(space.revoke(old), Err(Error::InvalidCapability));
        assert_eq!(space.mint(old, ALL), Err(Error::InvalidCapability));
        assert_eq!(
            space.set_policy(old, Policy::Drop),
            Err(Error::InvalidCapability)
        );
        assert!(lives(&space, new));
        space.close();
    }

    fn a_slot_that_has_used_all_generations_is_retired() {
        let space = space();
        let (object, token) = root(&space);
        space.delete(token).unwrap();
        let slot = space.slot(token.index()).unwrap();
        slot.set_tag(Tag::empty(u32::MAX, Kind::Free));
        let last = space
            .insert_root(object.object(), Rights::all(), 0)
            .unwrap();
        assert_eq!(last, Token::new(token.index(), u32::MAX));
        space.delete(last).unwrap();
        assert!(!lives(&space, last));
        let next = space
            .insert_root(object.object(), Rights::all(), 0)
            .unwrap();
        assert_ne!(next.index(), last.index());
        assert_eq!(slot.tag().kind(), Kind::Retired);
        assert!(!lives(&space, Token::new(token.index(), 0)));
        space.close();
    }

    fn a_child_has_no_right_that_its_parent_lacks() {
        let (space, other) = (space(), super::space());
        let object = probe();
        for bits in 0..64 {
            let rights = Rights::from_bits_truncate(bits);
            let source = space.insert_root(object.object(), rights, 0).unwrap();
            for asked in (0..64).map(Rights::from_bits_truncate) {
                let minted = space.mint(source, only(asked));
                assert_eq!(minted.is_ok(), rights.contains(Rights::DERIVE));
                let granted = space.delegate(source, &other, only(asked));
                assert_eq!(granted.is_ok(), rights.contains(Rights::GRANT));
                for (space, token) in [(&space, minted), (&other, granted)] {
                    match token {
                        Ok(token) => {
                            assert_eq!(space.identify(token).unwrap().0.rights(), rights & asked)
                        }
                        Err(error) => assert_eq!(error, Error::MissingRight),
                    }
                }
            }
            assert_eq!(
                space.revoke(source).is_ok(),
                rights.contains(Rights::MANAGE)
            );
        }
        space.close();
        other.close();
    }

    fn a_badge_is_given_once() {
        let space = space();
        let (_object, source) = root(&space);
        let badged = space
            .mint(
                source,
                Grant {
                    rights: Rights::all(),
                    badge: 5,
                },
            )
            .unwrap();
        assert_eq!(space.identify(badged).unwrap().1, 5);
        let inherited = space.mint(badged, ALL).unwrap();
        assert_eq!(space.identify(inherited).unwrap().1, 5);
        let forged = space.mint(
            badged,
            Grant {
                rights: Rights::all(),
                badge: 6,
            },
        );
        assert_eq!(forged, Err(Error::InvalidArgument));
        space.close();
    }

    fn revocation_is_exact_across_spaces() {
        let spaces = [space(), space(), space()];
        let (_object, top) = root(&spaces[0]);
        let a = spaces[0].delegate(top, &spaces[1], ALL).unwrap();
        let b = spaces[0].delegate(top, &spaces[2], ALL).unwrap();
        let below = spaces[1].delegate(a, &spaces[2], ALL).unwrap();
        let further = spaces[2].delegate(below, &spaces[0], ALL).unwrap();
        assert_eq!(spaces[1].revoke(a), Ok(2));
        assert!(lives(&spaces[0], top) && lives(&spaces[1], a) && lives(&spaces[2], b));
        assert!(!lives(&spaces[2], below) && !lives(&spaces[0], further));
        spaces.iter().for_each(|space| space.close());
    }

    fn deleting_moves_children_to_the_parent_and_to_nobody_else() {
        let space = space();
        let (object, top) = root(&space);
        let older = space.mint(top, ALL).unwrap();
        let middle = space.mint(top, ALL).unwrap();
        let younger = space.mint(top, ALL).unwrap();
        let children: Vec<_> = (0..200).map(|_| space.mint(middle, ALL).unwrap()).collect();
        space.delete(middle).unwrap();
        assert_eq!(space.revoke(older), Ok(0));
        assert_eq!(space.revoke(younger), Ok(0));
        assert!(children.iter().all(|&child| lives(&space, child)));
        assert_eq!(space.revoke(top), Ok(202));
        assert_eq!((space.count(), object.object().capabilities()), (1, 1));
        space.close();
    }

    fn children_of_a_deleted_original_stand_alone() {
        let space = space();
        let (object, top) = root(&space);
        let children: Vec<_> = (0..3).map(|_| space.mint(top, ALL).unwrap()).collect();
        drop(object);
        space.delete(top).unwrap();
        assert_eq!(space.revoke(children[1]), Ok(0));
        assert!(children.iter().all(|&child| lives(&space, child)));
        space.close();
    }

    fn any_depth() {
        let space = space();
        let (_object, top) = root(&space);
        let first = space.mint(top, ALL).unwrap();
        let last = (1..MANY).fold(first, |token, _| space.mint(token, ALL).unwrap());
        assert!(lives(&space, last));
        space.delete(first).unwrap();
        assert_eq!(space.revoke(top), Ok(MANY as u64 - 1));
        assert!(!lives(&space, last));
        assert_eq!(space.count(), 1);
        space.close();
    }

    fn any_width_over_many_spaces() {
        let spaces: Vec<_> = (0..10).map(|_| space()).collect();
        let (object, top) = root(&spaces[0]);
        for i in 0..MANY {
            spaces[0].delegate(top, &spaces[i % 10], ALL).unwrap();
        }
        assert_eq!(object.object().capabilities(), MANY as u32 + 1);
        assert_eq!(spaces[0].revoke(top), Ok(MANY as u64));
        assert_eq!(spaces.iter().map(|space| space.count()).sum::<u32>(), 1);
        spaces.iter().for_each(|space| space.close());
    }

    fn a_space_grows_to_its_limit_and_keeps_every_token() {
        let limit = 70_000;
        let space = Space::create(core::ptr::null(), true, limit).unwrap();
        let object = probe();
        let insert = || space.insert_root(object.object(), Rights::READ, 0);
        let tokens: Vec<_> = (0..limit).map(|_| insert().unwrap()).collect();
        assert_eq!(insert(), Err(Error::SpaceFull));
        assert!(tokens.iter().all(|&token| lives(&space, token)));
        space.delete(tokens[33_333]).unwrap();
        assert!(insert().is_ok());
        space.close();
    }

    fn nothing_is_derived_inside_what_is_being_revoked() {
        let spaces = Rc::new([space(), space()]);
        let (_object, top) = root(&spaces[0]);
        let target = spaces[0].mint(top, ALL).unwrap();
        let outside = spaces[0].mint(top, ALL).unwrap();
        let inside: Vec<_> = (0..1000)
            .map(|_| spaces[0].mint(target, ALL).unwrap())
            .collect();
        let last = spaces[0].mint(inside[0], ALL).unwrap();
        let seen = Rc::new(Cell::new(0));
        let (watched, counter) = (spaces.clone(), seen.clone());
        at_next_preemption(move || {
            let [a, b] = &*watched;
            for inner in [target, inside[0], last] {
                assert!(lives(a, inner));
                assert_eq!(a.mint(inner, ALL), Err(Error::Busy));
                assert_eq!(a.delegate(inner, b, ALL), Err(Error::Busy));
                assert_eq!(
                    b.prepare(1).unwrap().copy(a, &[(inner, Rights::all())]),
                    Err(Error::Busy)
                );
            }
            assert_eq!(b.inherit(a), Err(Error::Busy));
            assert_eq!(a.delete(target), Err(Error::Busy));
            assert!(a.mint(outside, ALL).is_ok() && a.mint(top, ALL).is_ok());
            counter.set(counter.get() + 1);
        });
        assert_eq!(spaces[0].revoke(target), Ok(1001));
        assert_eq!(seen.get(), 1);
        assert!(
            spaces[0].mint(target, ALL).is_ok(),
            "afterwards it can be derived from again"
        );
        spaces.iter().for_each(|space| space.close());
    }

    fn too_deep_to_tell_counts_as_inside() {
        let space = Rc::new(space());
        let (_object, top) = root(&space);
        let (wide, deep) = (space.mint(top, ALL).unwrap(), space.mint(top, ALL).unwrap());
        mint_many(&space, wide);
        let last = (0..5000).fold(deep, |token, _| space.mint(token, ALL).unwrap());
        let watched = space.clone();
        at_next_preemption(move || assert_eq!(watched.mint(last, ALL), Err(Error::Busy)));
        assert_eq!(space.revoke(wide), Ok(1000));
        assert!(space.mint(last, ALL).is_ok());
        space.close();
    }

    fn an_outer_revocation_takes_over_from_an_inner_one() {
        let space = Rc::new(space());
        let (object, top) = root(&space);
        let inner = space.mint(top, ALL).unwrap();
        mint_many(&space, inner);
        let watched = space.clone();
        at_next_preemption(move || assert!(watched.revoke(top).unwrap() > 900));
        assert_eq!(space.revoke(inner), Err(Error::Revoked));
        assert_eq!(object.object().capabilities(), 1);
        assert!(space.mint(top, ALL).is_ok(), "no mark is left behind");
        space.close();
    }

    fn two_revocations_of_the_same_capability_both_finish() {
        let space = Rc::new(space());
        let (_object, top) = root(&space);
        mint_many(&space, top);
        let watched = space.clone();
        at_next_preemption(move || {
            watched.revoke(top).unwrap();
            assert!(watched.mint(top, ALL).is_ok());
        });
        space.revoke(top).unwrap();
        assert_eq!(space.count(), 1);
        assert!(space.mint(top, ALL).is_ok());
        space.close();
    }

    fn a_revocation_finishes_a_deletion_that_is_under_way() {
        let space = Rc::new(space());
        let (object, top) = root(&space);
        let middle = space.mint(top, ALL).unwrap();
        mint_many(&space, middle);
        let watched = space.clone();
        at_next_preemption(move || {
            assert!(!lives(&watched, middle));
            watched.revoke(top).unwrap();
            // The dying capability's slot may be used again before its deleter looks.
            assert!((0..1001).all(|_| watched.mint(top, ALL).is_ok()));
        });
        space.delete(middle).unwrap();
        assert_eq!(
            (space.count(), object.object().capabilities()),
            (1002, 1002)
        );
        space.close();
    }

    fn what_was_done_through_a_dead_capability_is_swept() {
        let (space, other) = (space(), super::space());
        let (object, top) = root(&space);
        let bind = |space: &Space, token| {
            let binding = space
                .lookup(token, Kind::Test, Rights::NONE)
                .unwrap()
                .binding();
            object.bindings.lock().push(binding);
        };
        let tokens: Vec<_> = (0..4)
            .map(|_| space.delegate(top, &other, ALL).unwrap())
            .collect();
        tokens.iter().for_each(|&token| bind(&other, token));
        bind(&space, top);
        let swept = || object.swept.load(Ordering::Relaxed);
        other.delete(tokens[2]).unwrap();
        assert_eq!(swept(), 1);
        space.revoke(top).unwrap();
        assert_eq!(swept(), 4);
        space.close();
        assert_eq!(swept(), 5);
        other.close();
    }

    fn the_last_capability_or_use_frees_the_object() {
        let space = space();
        let (object, token) = root(&space);
        let copy = space.mint(token, ALL).unwrap();
        drop(object);
        let kept = Use::of(
            space
                .lookup(copy, Kind::Test, Rights::NONE)
                .unwrap()
                .typed::<Probe>(),
        )
        .unwrap();
        let before = alive();
        space.delete(token).unwrap();
        space.delete(copy).unwrap();
        reap();
        assert_eq!((alive(), kept.object().uses()), (before, 1));
        drop(kept);
        reap();
        assert_eq!(alive(), before - 1);
        space.close();
    }

    fn a_fork_inherits_under_the_same_tokens() {
        let (parent, child) = (space(), space());
        let (object, kept) = root(&parent);
        let reduced = parent.mint(kept, ALL).unwrap();
        let dropped = parent.mint(kept, ALL).unwrap();
        let stale = parent.mint(kept, ALL).unwrap();
        parent.delete(stale).unwrap();
        parent.set_policy(reduced, Policy::InheritReduced).unwrap();
        parent.set_policy(dropped, Policy::Drop).unwrap();
        let far: Vec<_> = (0..200).map(|_| parent.mint(kept, ALL).unwrap()).collect();
        child.inherit(&parent).unwrap();
        assert_eq!(child.identify(kept).unwrap().0.rights(), Rights::all());
        assert_eq!(child.identify(reduced).unwrap().0.rights(), Rights::REDUCED);
        assert_eq!(
            child.identify(reduced).unwrap().0.policy(),
            Policy::InheritReduced
        );
        assert!(!lives(&child, dropped) && !lives(&child, stale));
        assert!(far.iter().all(|&token| lives(&child, token)));
        assert_eq!(child.count(), 202);
        // New capabilities of the child have tokens that the parent never had.
        for _ in 0..300 {
            let new = child.insert_root(object.object(), Rights::READ, 0).unwrap();
            assert_ne!(new, stale);
            assert_ne!(new, dropped);
        }
        // Each copy is a child of its source.
        assert_eq!(parent.revoke(far[7]), Ok(1));
        assert!(!lives(&child, far[7]) && lives(&parent, far[7]));
        parent.close();
        assert!(lives(&child, kept));
        child.close();
    }

    fn exec_drops_and_reduces() {
        let space = space();
        let (_object, kept) = root(&space);
        let reduced = space.mint(kept, ALL).unwrap();
        let dropped = space.mint(kept, ALL).unwrap();
        space.set_policy(reduced, Policy::InheritReduced).unwrap();
        space.set_policy(dropped, Policy::Drop).unwrap();
        space.exec();
        assert_eq!(space.identify(kept).unwrap().0.rights(), Rights::all());
        assert_eq!(space.identify(reduced).unwrap().0.rights(), Rights::REDUCED);
        assert!(!lives(&space, dropped));
        space.close();
    }

    fn a_message_carries_all_its_capabilities_or_none() {
        let (from, to) = (space(), Space::create(core::ptr::null(), true, 3).unwrap());
        let (_object, good) = root(&from);
        let mute = from.mint(good, only(Rights::READ)).unwrap();
        let send = |named: &[(Token, Rights)]| to.prepare(named.len())?.copy(&from, named);
        let all = Rights::all();
        assert_eq!(send(&[(good, all), (mute, all)]), Err(Error::MissingRight));
        assert_eq!(
            send(&[(good, all), (Token(0), all)]),
            Err(Error::InvalidCapability)
        );
        assert_eq!(send(&[(good, all); 4]), Err(Error::SpaceFull));
        assert_eq!(send(&[(good, all); 5]), Err(Error::InvalidArgument));
        assert_eq!((to.count(), from.count()), (0, 2));
        let tokens = send(&[(good, Rights::READ), (good, all)]).unwrap();
        assert_eq!(to.identify(tokens[0]).unwrap().0.rights(), Rights::READ);
        assert_eq!(to.identify(tokens[1]).unwrap().0.rights(), all);
        assert_eq!(tokens[2..], [Token(0), Token(0)]);
        assert_eq!(to.count(), 2);
        assert_eq!(from.revoke(good), Ok(3));
        from.close();
        to.close();
    }

    fn revocation_reaches_undelivered_messages() {
        let (from, to) = (space(), space());
        let (_object, source) = root(&from);
        let ring = probe();
        let named = [(source, Rights::READ), (source, Rights::all())];
        let early = ring.ring().prepare(2).unwrap().copy(&from, &named).unwrap();
        let late = ring.ring().prepare(2).unwrap().copy(&from, &named).unwrap();
        let received = to.prepare(2).unwrap().take(ring.ring(), &early[..2]);
        assert!(lives(&to, received[0]) && lives(&to, received[1]));
        assert_eq!(to.identify(received[0]).unwrap().0.rights(), Rights::READ);
        assert_eq!(from.revoke(source), Ok(4));
        assert!(
            !lives(&to, received[0]),
            "a moved capability is still a child of its source"
        );
        assert_eq!(
            to.prepare(2).unwrap().take(ring.ring(), &late[..2]),
            [Token(0); 4]
        );
        assert_eq!((to.count(), ring.ring().count()), (0, 0));
        drop(ring);
        from.close();
        to.close();
    }

    fn a_cache_answers_only_for_what_still_exists() {
        let (space, cache) = (space(), Cache::new());
        let (object, top) = root(&space);
        let tokens: Vec<_> = (0..50)
            .map(|i| {
                space
                    .mint(
                        top,
                        Grant {
                            rights: Rights::all(),
                            badge: i + 1,
                        },
                    )
                    .unwrap()
            })
            .collect();
        let find = |token, rights| {
            cache
                .lookup(&space, token, Kind::Test, rights)
                .map(|found| found.badge)
        };
        assert!(
            tokens
                .iter()
                .all(|&token| find(token, Rights::READ).is_ok())
        );
        assert_eq!(cache.misses(), 50);
        space.delete(tokens[20]).unwrap();
        for (i, &token) in tokens.iter().enumerate() {
            let expected = if i == 20 {
                Err(Error::InvalidCapability)
            } else {
                Ok(i as u64 + 1)
            };
            assert_eq!(find(token, Rights::READ), expected);
        }
        assert_eq!(cache.misses(), 51, "deleting one leaves the others cached");
        assert_eq!(
            cache
                .lookup(&space, tokens[0], Kind::Memory, Rights::READ)
                .err(),
            Some(Error::WrongType)
        );
        space.revoke(top).unwrap();
        assert!(
            tokens
                .iter()
                .all(|&token| find(token, Rights::NONE).is_err())
        );
        // The slots' next capabilities are not mistaken for the cached ones.
        let again = space
            .insert_root(object.object(), Rights::READ, 99)
            .unwrap();
        assert_eq!(find(again, Rights::READ), Ok(99));
        assert_eq!(find(again, Rights::WRITE), Err(Error::MissingRight));
        // Nor is another space's slot of the same number.
        let other = super::space();
        assert!(
            cache
                .lookup(&other, again, Kind::Test, Rights::READ)
                .is_err()
        );
        space.close();
        other.close();
    }

    fn without_memory_nothing_changes() {
        let object = probe();
        for allowed in 0..12 {
            let (parent, child) = (space(), space());
            allow_allocations(allowed);
            let mut tokens = Vec::new();
            let failed = loop {
                match parent.insert_root(object.object(), Rights::all(), 0) {
                    Ok(token) if tokens.len() < 700 => tokens.push(token),
                    Ok(_) => break false,
                    Err(error) => break error == Error::OutOfMemory,
                }
            };
            let forked = child.inherit(&parent);
            allow_allocations(u64::MAX);
            assert_eq!(failed, allowed < 13);
            assert_eq!(parent.count() as usize, tokens.len());
            assert_eq!(forked.is_err(), !tokens.is_empty());
            assert!(tokens.iter().all(|&token| lives(&parent, token)));
            child.close();
            assert_eq!(object.object().capabilities() as usize, tokens.len());
            parent.close();
            assert_eq!(object.object().capabilities(), 0);
        }
        allow_allocations(0);
        assert!(Space::create(core::ptr::null(), true, 1).is_err());
        allow_allocations(u64::MAX);
    }

    fn a_closed_space_takes_nothing_more() {
        let (space, other) = (space(), super::space());
        let (object, token) = root(&other);
        space
            .insert_root(object.object(), Rights::all(), 0)
            .unwrap();
        space.close();
        assert_eq!(other.delegate(token, &space, ALL), Err(Error::Closed));
        assert_eq!(object.object().capabilities(), 1);
        other.close();
    }
}
