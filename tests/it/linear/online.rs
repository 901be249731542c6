//! The lamp says at every moment what the whole checker says of what was told so far.

use amflab::check::linear::{
    Act, BUDGET, Content, Intent, Lamp, Online, Op, Outcome, Register, Space, Verdict,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Told to both.
struct Talk {
    online: Online,
    register: Register,
    under_way: BTreeMap<u32, (u64, Intent)>,
    now: u64,
}

impl Talk {
    fn new() -> Self {
        let register = Register { space: Space::Plain, first: 0, ops: Vec::new() };
        let online = Online::new(Space::Plain, 0, BUDGET);
        Self { online, register, under_way: BTreeMap::new(), now: 0 }
    }

    fn start(&mut self, name: u32, intent: Intent) {
        self.now += 1;
        self.online.on_start(name, intent);
        self.under_way.insert(name, (self.now, intent));
    }

    fn answer(&mut self, name: u32, outcome: Outcome) {
        self.now += 1;
        self.online.on_answer(name, outcome);
        let (start, intent) = self.under_way.remove(&name).unwrap();
        let end = (outcome != Outcome::Unknown).then_some(self.now);
        let act = match (intent, outcome) {
            (_, Outcome::Failed) | (Intent::Read, Outcome::Unknown) => return,
            (Intent::Read, Outcome::Found(content)) => Act::Read(content),
            (Intent::Write(new), _) => Act::Write(new),
            (Intent::Swap { old, .. }, Outcome::Missed) => Act::Miss(old),
            (Intent::Swap { old, new }, _) => Act::Swap { old, new },
            (Intent::Read, _) => unreachable!("a read finds something"),
        };
        self.register.ops.push(Op { start, end, act });
    }

    /// What the whole checker says; writes under way may have happened.
    fn verdict(&self) -> Verdict {
        let mut register = self.register.clone();
        for (start, intent) in self.under_way.values() {
            let act = match *intent {
                Intent::Read => continue,
                Intent::Write(new) => Act::Write(new),
                Intent::Swap { old, new } => Act::Swap { old, new },
            };
            register.ops.push(Op { start: *start, end: None, act });
        }
        register.judge(BUDGET).verdict
    }
}

fn intent(rng: &mut ChaCha8Rng) -> Intent {
    let mut content = || Content(rng.random_range(0..4));
    let (old, new) = (content(), content());
    match rng.random_range(0..5) {
        0..2 => Intent::Read,
        2..4 => Intent::Write(new),
        _ => Intent::Swap { old, new },
    }
}

/// What a register that holds `state` answers; one in 150 answers is wrong.
fn outcome(rng: &mut ChaCha8Rng, state: &mut u32, intent: Intent) -> Outcome {
    if rng.random_ratio(1, 150) && intent == Intent::Read {
        return Outcome::Found(Content(rng.random_range(0..4)));
    }
    match intent {
        Intent::Read => Outcome::Found(Content(*state)),
        Intent::Write(new) => {
            *state = new.0;
            if rng.random_ratio(1, 20) { Outcome::Unknown } else { Outcome::Done }
        }
        Intent::Swap { old, new } if old.0 == *state => {
            *state = new.0;
            if rng.random_ratio(1, 10) { Outcome::Unknown } else { Outcome::Done }
        }
        Intent::Swap { .. } if rng.random_ratio(1, 10) => Outcome::Failed,
        Intent::Swap { .. } => Outcome::Missed,
    }
}

#[test]
fn the_lamp_agrees_with_the_whole_checker_at_every_moment() {
    let (mut wrong, mut kept_most) = (0, 0);
    for seed in 0..150 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut talk = Talk::new();
        let (mut state, mut names) = (0, 0);
        let mut decided: Vec<(u32, Outcome)> = Vec::new();
        for _ in 0..120 {
            if talk.under_way.len() < 4 && rng.random_bool(0.6) {
                names += 1;
                let intent = intent(&mut rng);
                talk.start(names, intent);
                // It takes effect some time later: its outcome is drawn then.
                let at = rng.random_range(0..=decided.len());
                decided.insert(at, (names, Outcome::Failed));
            } else if !decided.is_empty() {
                let (name, _) = decided.remove(0);
                let intent = talk.under_way[&name].1;
                let outcome = outcome(&mut rng, &mut state, intent);
                talk.answer(name, outcome);
            }
            kept_most = kept_most.max(talk.online.kept());
            match (talk.online.lamp(), talk.verdict()) {
                (Lamp::Linearizable, Verdict::Linearizable(_)) => {}
                (Lamp::NotLinearizable(_), Verdict::NotLinearizable(_)) => {
                    wrong += 1;
                    break;
                }
                (lamp, verdict) => panic!("seed {seed}: {lamp:?}, but {verdict:?}"),
            }
        }
    }
    assert!(wrong > 10, "{wrong} wrong histories");
    assert!(kept_most < 60, "{kept_most} moments kept: the past is forgotten");
}

#[test]
fn a_red_lamp_stays_red_and_names_the_answer() {
    let mut talk = Talk::new();
    talk.start(1, Intent::Write(Content(1)));
    talk.start(2, Intent::Read);
    talk.answer(1, Outcome::Done);
    assert_eq!(talk.online.lamp(), Lamp::Linearizable);
    talk.start(3, Intent::Read);
    talk.answer(3, Outcome::Found(Content(0)));
    assert_eq!(talk.online.lamp(), Lamp::NotLinearizable(3), "although 2 is still under way");
    talk.answer(2, Outcome::Found(Content(1)));
    talk.start(4, Intent::Write(Content(0)));
    assert_eq!(talk.online.lamp(), Lamp::NotLinearizable(3));
}
