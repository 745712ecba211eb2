//! Random operations on several spaces against a simple model: a list of capabilities, each with
//! its parent. Every answer and, after every sequence, every token, right, badge, count and link
//! must agree. `CAP_CASES` and `PROPTEST_RNG_SEED` widen and repeat a run; a failing sequence is
//! shrunk and printed with its seed.

use std::cell::Cell;
use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::super::derivation::at;
use super::*;

const SPACES: usize = 4;
const LENGTH: usize = 400;

#[derive(Clone, Debug)]
enum Operation {
    Create {
        space: usize,
        rights: u8,
        badge: u64,
    },
    Mint {
        source: usize,
        rights: u8,
        badge: u64,
    },
    Delegate {
        source: usize,
        space: usize,
        rights: u8,
        badge: u64,
    },
    Delete {
        token: usize,
    },
    Revoke {
        token: usize,
    },
    SetPolicy {
        token: usize,
        policy: u64,
    },
    Lookup {
        token: usize,
        space: usize,
        rights: u8,
        damage: u64,
    },
    Message {
        space: usize,
        sources: Vec<(usize, u8)>,
    },
    Fork {
        from: usize,
        to: usize,
    },
    Exec {
        space: usize,
    },
    Close {
        space: usize,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let (pick, space, badge) = (
        0..10_000usize,
        0..SPACES,
        prop_oneof![3 => Just(0), 1 => 1..4u64],
    );
    // Mostly full rights, else nothing can be done with what was made.
    let rights = prop_oneof![3 => Just(0x3f), 1 => 0..64u8];
    prop_oneof![
        6 => (space.clone(), rights.clone(), badge.clone())
            .prop_map(|(space, rights, badge)| Create { space, rights, badge }),
        20 => (pick.clone(), rights.clone(), badge.clone())
            .prop_map(|(source, rights, badge)| Mint { source, rights, badge }),
        20 => (pick.clone(), space.clone(), rights.clone(), badge)
            .prop_map(|(source, space, rights, badge)| Delegate { source, space, rights, badge }),
        12 => pick.clone().prop_map(|token| Delete { token }),
        6 => pick.clone().prop_map(|token| Revoke { token }),
        6 => (pick.clone(), 0..4u64).prop_map(|(token, policy)| SetPolicy { token, policy }),
        20 => (pick.clone(), space.clone(), 0..64u8, prop_oneof![3 => Just(0), 1 => any::<u64>()])
            .prop_map(|(token, space, rights, damage)| Lookup { token, space, rights, damage }),
        6 => (space.clone(), prop::collection::vec((pick, rights), 0..=4))
            .prop_map(|(space, sources)| Message { space, sources }),
        2 => (space.clone(), space.clone()).prop_map(|(from, to)| Fork { from, to }),
        1 => space.clone().prop_map(|space| Exec { space }),
        1 => space.prop_map(|space| Close { space }),
    ]
}

#[derive(Clone, Debug)]
struct Known {
    space: usize,
    token: Token,
    object: usize,
    rights: u8,
    badge: u64,
    policy: u64,
    parent: Option<usize>,
    live: bool,
}

/// The system under test and what it should be.
struct World {
    // A space is never moved: its slots point at it.
    #[allow(clippy::vec_box)]
    spaces: Vec<Box<Space>>,
    objects: Vec<Use<Probe>>,
    known: Vec<Known>,
}

impl World {
    fn new() -> World {
        World {
            spaces: (0..SPACES).map(|_| space()).collect(),
            objects: Vec::new(),
            known: Vec::new(),
        }
    }

    fn pick(&self, number: usize) -> Option<usize> {
        (!self.known.is_empty()).then(|| number % self.known.len())
    }

    fn add(&mut self, space: usize, token: Token, parent: usize, rights: u8, badge: u64) {
        let source = &self.known[parent];
        let badge = if badge != 0 { badge } else { source.badge };
        let rights = source.rights & rights;
        let object = source.object;
        // A token is never given out twice in a space, except to a fork's copy.
        let taken = |known: &Known| known.live && known.space == space && known.token == token;
        assert!(!self.known.iter().any(taken), "{token:?} is taken");
        let parent = Some(parent);
        self.known.push(Known {
            space,
            token,
            object,
            rights,
            badge,
            policy: 0,
            parent,
            live: true,
        });
    }

    /// What deriving from `source` should say, if not success.
    fn refusal(&self, source: usize, needed: Rights, badge: u64) -> Option<Error> {
        let source = &self.known[source];
        match () {
            _ if !source.live => Some(Error::InvalidCapability),
            _ if source.rights & needed.bits() == 0 => Some(Error::MissingRight),
            _ if badge != 0 && source.badge != 0 && badge != source.badge => {
                Some(Error::InvalidArgument)
            }
            _ => None,
        }
    }

    fn kill(&mut self, dead: usize) {
        self.known[dead].live = false;
        let parent = self.known[dead].parent;
        for known in &mut self.known {
            if known.parent == Some(dead) {
                known.parent = parent;
            }
        }
    }

    fn descendants(&self, root: usize) -> Vec<usize> {
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for (i, known) in self
            .known
            .iter()
            .enumerate()
            .filter(|(_, known)| known.live)
        {
            if let Some(parent) = known.parent {
                children.entry(parent).or_default().push(i);
            }
        }
        let mut found = children.remove(&root).unwrap_or_default();
        let mut next = 0;
        while next < found.len() {
            found.extend(children.remove(&found[next]).unwrap_or_default());
            next += 1;
        }
        found
    }

    fn derived(
        &mut self,
        result: Result<Token, Error>,
        source: usize,
        needed: Rights,
        space: usize,
        rights: u8,
        badge: u64,
    ) {
        match self.refusal(source, needed, badge) {
            Some(error) => assert_eq!(result, Err(error)),
            None => self.add(space, result.unwrap(), source, rights, badge),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        use Operation::*;
        let grant = |rights: &u8, badge: &u64| Grant {
            rights: Rights::from_bits_truncate(*rights),
            badge: *badge,
        };
        match operation {
            Create {
                space,
                rights,
                badge,
            } => {
                let object = probe();
                let given = Rights::from_bits_truncate(*rights);
                let token = self.spaces[*space]
                    .insert_root(object.object(), given, *badge)
                    .unwrap();
                self.objects.push(object);
                let (object, space) = (self.objects.len() - 1, *space);
                self.known.push(Known {
                    space,
                    token,
                    object,
                    rights: *rights,
                    badge: *badge,
                    policy: 0,
                    parent: None,
                    live: true,
                });
            }
            Mint {
                source,
                rights,
                badge,
            } => {
                let Some(source) = self.pick(*source) else {
                    return;
                };
                let Known { space, token, .. } = self.known[source];
                let result = self.spaces[space].mint(token, grant(rights, badge));
                self.derived(result, source, Rights::DERIVE, space, *rights, *badge);
            }
            Delegate {
                source,
                space,
                rights,
                badge,
            } => {
                let Some(source) = self.pick(*source) else {
                    return;
                };
                let Known {
                    space: from, token, ..
                } = self.known[source];
                let result =
                    self.spaces[from].delegate(token, &self.spaces[*space], grant(rights, badge));
                self.derived(result, source, Rights::GRANT, *space, *rights, *badge);
            }
            Delete { token } => {
                let Some(i) = self.pick(*token) else { return };
                let Known {
                    space, token, live, ..
                } = self.known[i];
                let expected = if live {
                    Ok(())
                } else {
                    Err(Error::InvalidCapability)
                };
                assert_eq!(self.spaces[space].delete(token), expected);
                if live {
                    self.kill(i);
                }
            }
            Revoke { token } => {
                let Some(i) = self.pick(*token) else { return };
                let Known {
                    space,
                    token,
                    live,
                    rights,
                    ..
                } = self.known[i];
                let result = self.spaces[space].revoke(token);
                if !live {
                    assert_eq!(result, Err(Error::InvalidCapability));
                } else if rights & Rights::MANAGE.bits() == 0 {
                    assert_eq!(result, Err(Error::MissingRight));
                } else {
                    let dead = self.descendants(i);
                    assert_eq!(result, Ok(dead.len() as u64));
                    dead.iter().for_each(|&dead| self.known[dead].live = false);
                }
            }
            SetPolicy { token, policy } => {
                let Some(i) = self.pick(*token) else { return };
                let known = &mut self.known[i];
                let Some(parsed) = Policy::from_word(*policy) else {
                    return assert!(*policy > 2);
                };
                let result = self.spaces[known.space].set_policy(known.token, parsed);
                assert_eq!(result.is_ok(), known.live);
                known.policy = *policy;
            }
            Lookup {
                token,
                space,
                rights,
                damage,
            } => {
                let Some(i) = self.pick(*token) else { return };
                let token = Token(self.known[i].token.0 ^ damage);
                self.check(*space, token, *rights);
                self.check(self.known[i].space, token, *rights);
            }
            Message { space, sources } => self.message(*space, sources),
            Fork { from, to } if from != to => self.fork(*from, *to),
            Fork { .. } => {}
            Exec { space } => {
                self.spaces[*space].exec();
                for i in 0..self.known.len() {
                    match &mut self.known[i] {
                        known if !known.live || known.space != *space => {}
                        known if known.policy == 1 => known.rights &= Rights::REDUCED.bits(),
                        known if known.policy == 2 => self.kill(i),
                        _ => {}
                    }
                }
            }
            Close { space } => self.close(*space),
        }
    }

    fn check(&self, space: usize, token: Token, rights: u8) {
        let named = |known: &&Known| known.live && known.space == space && known.token == token;
        let known = self.known.iter().find(named);
        let wanted = Rights::from_bits_truncate(rights);
        match (self.spaces[space].lookup(token, Kind::Test, wanted), known) {
            (Ok(found), Some(known)) => {
                assert_eq!(rights & !known.rights, 0);
                assert_eq!(
                    (found.tag().rights().bits(), found.badge),
                    (known.rights, known.badge)
                );
                assert!(std::ptr::eq(
                    found.object,
                    self.objects[known.object].object()
                ));
            }
            (Err(Error::MissingRight), Some(known)) => assert_ne!(rights & !known.rights, 0),
            (Err(error), None) => assert_eq!(error, Error::InvalidCapability),
            (found, known) => panic!("{:?} but {known:?}", found.err()),
        }
    }

    fn message(&mut self, space: usize, sources: &[(usize, u8)]) {
        let Some(first) = sources.first().and_then(|first| self.pick(first.0)) else {
            return;
        };
        let from = self.known[first].space;
        let sources: Vec<_> = sources
            .iter()
            .map(|(i, rights)| (self.pick(*i).unwrap(), *rights))
            .collect();
        // A source in another space is an arbitrary token here, mostly of nothing.
        let in_space = |i: usize| {
            let token = self.known[i].token;
            self.known
                .iter()
                .position(|known| known.live && known.space == from && known.token == token)
        };
        let meant: Vec<_> = sources
            .iter()
            .map(|(i, rights)| (in_space(*i), *rights))
            .collect();
        let named: Vec<_> = sources
            .iter()
            .map(|(i, rights)| (self.known[*i].token, Rights::from_bits_truncate(*rights)))
            .collect();
        let before = self.spaces[space].count();
        let result = self.spaces[space]
            .prepare(named.len())
            .unwrap()
            .copy(&self.spaces[from], &named);
        let refused = meant.iter().find_map(|(source, _)| match source {
            None => Some(Error::InvalidCapability),
            Some(source) => self.refusal(*source, Rights::GRANT, 0),
        });
        match refused {
            Some(error) => {
                assert_eq!(result, Err(error));
                assert_eq!(self.spaces[space].count(), before);
            }
            None => {
                for ((source, rights), token) in meant.iter().zip(result.unwrap()) {
                    self.add(space, token, source.unwrap(), *rights, 0);
                }
            }
        }
    }

    fn close(&mut self, space: usize) {
        self.spaces[space].close();
        reap();
        assert_eq!(self.spaces[space].count(), 0);
        self.spaces[space] = super::space();
        for i in 0..self.known.len() {
            if self.known[i].space == space && self.known[i].live {
                self.kill(i);
            }
        }
        // Tokens of the old space mean nothing in the new one, not even as stale ones.
        self.known
            .iter_mut()
            .filter(|known| known.space == space)
            .for_each(|known| known.token = Token(0));
    }

    fn fork(&mut self, from: usize, to: usize) {
        self.close(to);
        self.spaces[to].inherit(&self.spaces[from]).unwrap();
        for i in 0..self.known.len() {
            let known = self.known[i].clone();
            if known.live && known.space == from && known.policy != 2 {
                let rights = if known.policy == 1 {
                    Rights::REDUCED.bits()
                } else {
                    0x3f
                };
                self.add(to, known.token, i, rights, 0);
                self.known.last_mut().unwrap().policy = known.policy;
            }
        }
    }

    /// Everything agrees with the model, and the links with each other.
    fn agree(&self) {
        for known in &self.known {
            (0..SPACES).for_each(|space| self.check(space, known.token, 0));
        }
        for (i, space) in self.spaces.iter().enumerate() {
            let live = self
                .known
                .iter()
                .filter(|known| known.live && known.space == i)
                .count();
            assert_eq!(space.count() as usize, live);
        }
        for (i, object) in self.objects.iter().enumerate() {
            let live: Vec<_> = self
                .known
                .iter()
                .filter(|known| known.live && known.object == i)
                .collect();
            assert_eq!(object.object().capabilities() as usize, live.len());
            assert_eq!(object.object().uses(), 1 + !live.is_empty() as u32);
            let tree = object.object().tree.lock();
            assert_eq!(
                (tree.revoking, tree.sequence.load(Ordering::Relaxed) % 2),
                (0, 0)
            );
            let mut met = 0;
            let mut open = vec![(std::ptr::null_mut(), tree.roots)];
            while let Some((parent, first)) = open.pop() {
                let (mut previous, mut next) = (std::ptr::null_mut(), first);
                while let Some(slot) = at(next) {
                    assert!(slot.tag().is_live());
                    assert_eq!((slot.parent.get(), slot.previous.get()), (parent, previous));
                    open.push((next, slot.first_child.get()));
                    (previous, next) = (next, slot.next.get());
                    met += 1;
                }
            }
            assert_eq!(met, live.len());
        }
        for known in self.known.iter().filter(|known| known.live) {
            let slot = |known: &Known| -> *const super::super::slot::Slot {
                self.spaces[known.space].slot(known.token.index()).unwrap() as *const _
            };
            let parent = known
                .parent
                .map_or(std::ptr::null(), |parent| slot(&self.known[parent]));
            // SAFETY: the slot of a live capability.
            assert_eq!(unsafe { &*slot(known) }.parent.get().cast_const(), parent);
        }
    }
}

#[test]
fn random_operations_agree_with_the_model() {
    let cases: u32 = std::env::var("CAP_CASES").map_or(2_600, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("PROPTEST_RNG_SEED").map_or(0x0cab_5eed, |n| n.parse().unwrap());
    println!("seed {seed}, {cases} sequences of up to {LENGTH} operations");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let count = Cell::new(0);
    let sequences = prop::collection::vec(operation(), LENGTH - 10..LENGTH);
    let outcome = runner.run(&sequences, |operations| {
        balanced(|| {
            let mut world = World::new();
            for (i, operation) in operations.iter().enumerate() {
                world.apply(operation);
                if i % 100 == 99 {
                    world.agree();
                }
            }
            world.agree();
            count.set(count.get() + operations.len());
            world.objects.clear();
            world.spaces.iter().for_each(|space| space.close());
            reap();
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("seed {seed}: {failure}");
    }
    println!("{} operations", count.get());
    assert!(count.get() >= 1_000_000 || std::env::var("CAP_CASES").is_ok());
}
