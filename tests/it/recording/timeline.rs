//! Timelines: any position equals the fold up to there; the first difference is found and named.

use super::{fold, read, recording, run, write};
use amflab::protocol::id::{AmfId, Block, Instant, NodeId};
use amflab::protocol::{Config, LineState, MsgKind, WritePolicy};
use amflab::timeline::compare::{Comparison, beside, side_by_side};
use amflab::timeline::ladder::{Address, Column, Row, What};
use amflab::timeline::search::hits;
use amflab::timeline::{Player, Timeline};
use amflab::trace::action::Seek;
use amflab::trace::recording::Outcome;
use amflab::trace::{Action, Ask, Condition, Engine, EventKind, HostPort, Mark, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

fn open(bytes: Vec<u8>) -> Timeline {
    Timeline::open(Cursor::new(bytes), &mut |_| {}).unwrap()
}

#[test]
fn every_position_equals_the_fold_up_to_there() {
    // What a seed draws decides how long it runs; snapshots are some ten thousand steps apart.
    let mut long = (12..30).map(|seed| recording(seed, 6_000));
    let bytes = long.find(|bytes| read(bytes).steps.len() > 70_000).expect("some run is long");
    let whole = read(&bytes);
    let mut timeline = open(bytes);
    let len = timeline.len();
    assert_eq!(len, whole.steps.len() as u64);
    assert!(timeline.trouble().is_none());
    let (snapshots, _) = timeline.snapshots();
    assert!(snapshots > 1, "{snapshots} snapshots over {len} steps");
    let whole_shot = |fold: &amflab::timeline::Fold| {
        serde_json::to_string(&amflab::timeline::picture(fold, &Ask::ALL)).unwrap()
    };
    let mut places: Vec<u64> = (1..40).map(|n| n * 7_919 % (len + 1)).collect();
    places.extend([0, len]);
    // Forwards once, and what it was like there.
    let mut sorted = places.clone();
    sorted.sort_unstable();
    let mut there = std::collections::BTreeMap::new();
    let mut folded = amflab::timeline::Fold::new(&whole.profile, &whole.head);
    for place in sorted {
        let from = usize::try_from(folded.position()).unwrap();
        for step in &whole.steps[from..usize::try_from(place).unwrap()] {
            assert!(folded.apply(step));
        }
        there.insert(place, whole_shot(&folded));
    }
    // To and fro.
    for place in places {
        timeline.seek(place).unwrap();
        assert_eq!(timeline.position(), place);
        let shot = Snapshot { recording: None, ..timeline.snapshot(&Ask::ALL) };
        assert_eq!(serde_json::to_string(&shot).unwrap(), there[&place]);
    }
    timeline.seek(u64::MAX).unwrap();
    assert_eq!(timeline.position(), len);
    assert_eq!(timeline.world().witness(), fold(&whole).world().witness());
}

#[test]
fn events_between_two_positions_are_those_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let (_, log) = run(12, 30, &file);
    let mut timeline = open(std::fs::read(&file).unwrap());
    let len = timeline.len();
    let all = timeline.events(0, len).unwrap();
    let half = len / 2;
    let mut halves = timeline.events(0, half).unwrap();
    halves.extend(timeline.events(half, len).unwrap());
    assert_eq!(all, halves);
    assert!(all.iter().any(|event| matches!(event.kind, EventKind::Asked { .. })));
    assert!(all.iter().all(|event| event.step >= 1 && event.step <= len));
    let third = timeline.step_to(3).unwrap().unwrap();
    assert_eq!(third.entry, log[2]);
    assert_eq!(timeline.step_to(0).unwrap(), None);
    assert_eq!(timeline.step_to(len + 1).unwrap(), None);
}

#[test]
fn the_first_tampered_output_is_found_and_named() {
    let whole = read(&recording(13, 80));
    let with_output = |step: &&amflab::trace::recording::Recorded| step.digest != 0;
    let at = whole.steps.iter().rposition(|step| step.digest != 0).unwrap() / 2;
    let at = at + whole.steps[at..].iter().position(|step| with_output(&step)).unwrap();
    let mut steps = whole.steps.clone();
    steps[at].digest ^= 0x10;
    // A later one does not count.
    steps.last_mut().unwrap().digest ^= 1;
    let timeline = open(write(&whole.head, &whole.profile, &steps));
    let trouble = timeline.trouble().unwrap();
    assert_eq!(trouble.step, at as u64 + 1);
    assert_eq!(trouble.expected, whole.steps[at].digest ^ 0x10);
    assert_eq!(trouble.got, whole.steps[at].digest);
    assert_eq!(trouble.node, amflab::timeline::fold::node_of(&whole.steps[at].entry.step));
    let words = trouble.to_string();
    for word in [format!("step {}", at + 1), trouble.node.to_string(), "expected".into()] {
        assert!(words.contains(&word), "{words}");
    }
    assert_eq!(timeline.len(), whole.steps.len() as u64, "it can still be gone through");
}

#[test]
fn a_player_moves_and_changes_nothing() {
    let mut player = Player::new(open(recording(14, 60))).unwrap();
    let len = player.timeline().len();
    player.subscribe(true);
    let go = |player: &mut Player, seek| match player.submit(Action::Seek(seek)) {
        Ok(text) => text,
        other => panic!("{other:?}"),
    };
    assert!(go(&mut player, Seek::By(100)).starts_with("step 100 of"));
    assert!(player.poll_event().is_some());
    assert!(go(&mut player, Seek::By(-97)).starts_with("step 3 of"));
    assert!(go(&mut player, Seek::By(-100)).starts_with("step 0 of"));
    assert!(go(&mut player, Seek::End).starts_with(&format!("step {len} of {len}")));
    assert_eq!(player.snapshot(&Ask::BRIEF).step, len);
    let beyond = player.submit(Action::Seek(Seek::To(len + 1))).unwrap_err();
    assert!(beyond.to_string().contains("seek end"), "{beyond}");
    let refused = player.submit(Action::Crash(AmfId(0))).unwrap_err();
    assert!(refused.to_string().contains("this is a recording"), "{refused}");
    player.host(AmfId(0), amflab::protocol::RequestKind::Flush);
    let answer = player.poll_completion().unwrap().answer;
    assert_eq!(answer.result, Err(amflab::protocol::HostError::NotServing));
    assert_eq!(player.snapshot(&Ask::BRIEF).step, len);
}

/// What a real store answered is part of the log: content that nobody put there is found.
#[test]
fn a_store_that_answers_otherwise_is_a_difference() {
    let mut whole = read(&recording(15, 80));
    let store = |step: &amflab::trace::Step| matches!(step, amflab::trace::Step::Store { .. });
    let at = whole.steps.iter().position(|step| store(&step.entry.step)).unwrap();
    whole.steps[at].outcome = Some(Outcome::Known(7));
    let timeline = open(write(&whole.head, &whole.profile, &whole.steps));
    let trouble = timeline.trouble().unwrap();
    assert!(trouble.is_end && trouble.why.contains("other content"), "{trouble}");
    assert!(matches!(trouble.node, NodeId::Disk(_)));
    assert_eq!((timeline.len(), timeline.recorded()), (at as u64, whole.steps.len() as u64));
}

/// What a live cluster saw as a crash, because the machine contradicted itself, is one in the fold too;
/// and that it does not contradict itself any more is told.
#[test]
fn a_machine_that_broke_is_down_afterwards() {
    let whole = read(&recording(16, 80));
    let host = |step: &amflab::trace::Step| matches!(step, amflab::trace::Step::Host { .. });
    let at = whole.steps.iter().position(|step| host(&step.entry.step)).unwrap();
    let mut steps = whole.steps[..=at].to_vec();
    steps[at].broke = true;
    steps[at].digest = 0;
    let mut timeline = open(write(&whole.head, &whole.profile, &steps));
    assert_eq!((timeline.len(), timeline.trouble()), (steps.len() as u64, None));
    timeline.seek(u64::MAX).unwrap();
    let NodeId::Amf(amf) = amflab::timeline::fold::node_of(&steps[at].entry.step) else {
        panic!("hosts ask AMFs")
    };
    assert!(timeline.world().amf(amf).is_none());
    let faults = timeline.world().faults().iter().map(|fault| fault.info.what.clone());
    assert_eq!(faults.last(), Some(format!("crash {amf}")), "it can be restarted in a fork");
    let violation = &timeline.world().violations()[0];
    assert!(violation.text.contains("stopped here when this was recorded"), "{violation:?}");
    assert_eq!(timeline.world().outstanding(), 0, "its host was answered");
}

fn compared(a: &[u8], b: &[u8]) -> Comparison {
    side_by_side([&|| a, &|| b], 200, '>').unwrap()
}

#[test]
fn two_runs_are_told_by_what_happens_from_their_first_difference_on() {
    let bytes = recording(12, 120);
    let whole = read(&bytes);
    let same = whole.steps.len() / 2;
    let half = write(&whole.head, &whole.profile, &whole.steps[..same]);
    let beside = compared(&bytes, &half);
    assert_eq!(beside.same, same as u64);
    let [told, other] = &beside.sides;
    assert_eq!(told.len(), other.len());
    assert!(other.iter().all(String::is_empty), "it has no more steps");
    // Messages by what they carry, each with its step, all behind the difference.
    assert!(told.iter().any(|line| line.contains(" > ") || line.contains(" < ")), "{told:?}");
    assert!(told.iter().all(|line| !line.contains("packet ")), "{told:?}");
    let steps = told.iter().map(|line| line.split_whitespace().next().unwrap().parse().unwrap());
    assert!(steps.collect::<Vec<u64>>().is_sorted_by(|a, b| a <= b && *a > same as u64));
    let equal = compared(&bytes, &bytes);
    assert_eq!((equal.same, equal.sides), (whole.steps.len() as u64, [Vec::new(), Vec::new()]));
}

fn noted(told: &[(u64, &str)]) -> Vec<Row> {
    let row = |(step, text): &(u64, &str)| Row {
        at: Address { step: *step, event: 0 },
        now: Instant(0),
        what: What::Note(Column::Witness),
        key: None,
        op: None,
        text: (*text).to_owned(),
    };
    told.iter().map(row).collect()
}

#[test]
fn what_happens_in_both_stands_side_by_side() {
    let one = noted(&[(5, "a"), (6, "b"), (7, "c")]);
    let other = noted(&[(5, "b"), (6, "a"), (9, "c"), (10, "d")]);
    let [left, right] = beside(&[one.clone(), other.clone()], '>');
    assert_eq!(left.len(), right.len());
    let all = |side: &[String]| -> Vec<String> {
        side.iter().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect()
    };
    assert_eq!((all(&left).join(""), all(&right).join("")), ("abc".into(), "bacd".into()));
    let at = |side: &[String], step: &str| {
        side.iter().position(|line| line.trim_start().starts_with(step)).unwrap_or(99)
    };
    assert_eq!(at(&left, "7 "), at(&right, "9 "), "c, whatever its step\n{left:?}\n{right:?}");
    assert_eq!(left[at(&right, "10 ")], "", "only one has d");
    let both = left.iter().zip(&right).filter(|(l, r)| !l.is_empty() && !r.is_empty()).count();
    assert_eq!(both, 2, "as many as possible: one of a and b, and c");
    let nothing = beside(&[Vec::new(), noted(&[(3, "x")])], '>');
    assert_eq!(nothing[0], [""]);
    assert!(nothing[1][0].ends_with('x'));
}

/// The state of every line.
type States = BTreeMap<(AmfId, Block), LineState>;

/// A recording of a cluster of three AMFs or more that keep replicas.
fn shared_recording() -> Vec<u8> {
    let mut seeds = (100..200).map(|seed| recording(seed, 120));
    let is_shared = |config: &Config| {
        config.amfs > 2 && config.replicas > 0 && config.write == WritePolicy::Back
    };
    seeds.find(|bytes| is_shared(&read(bytes).profile.config)).unwrap()
}

/// Every step in which a condition begins to hold is found: those that somebody finds who goes through all
/// positions and looks.
#[test]
fn a_watch_finds_where_its_condition_begins_to_hold() {
    let bytes = shared_recording();
    let mut timeline = open(bytes.clone());
    // The state of every line at every position.
    let mut states: Vec<States> = Vec::new();
    for at in 0..=timeline.len() {
        timeline.seek(at).unwrap();
        let amfs = timeline.snapshot(&Ask::ALL).amfs.into_iter();
        let lines = amfs.flat_map(|amf| {
            amf.lines.into_iter().map(move |line| ((amf.id, line.block), line.state))
        });
        states.push(lines.collect());
    }
    let begins = |holds: &dyn Fn(&States) -> bool| -> Vec<u64> {
        let held: Vec<bool> = states.iter().map(holds).collect();
        (1..).zip(held.windows(2)).filter(|(_, two)| !two[0] && two[1]).map(|(at, _)| at).collect()
    };
    let has_m =
        |key: (AmfId, Block)| begins(&move |states| states.get(&key) == Some(&LineState::M));
    let keys: BTreeSet<(AmfId, Block)> = states.iter().flat_map(|at| at.keys().copied()).collect();
    let (amf, block) = keys.into_iter().max_by_key(|key| has_m(*key).len()).unwrap();
    let other = AmfId((amf.0 + 1) % 3);
    let len = timeline.len();
    let steps = |condition: &Condition| {
        let survey = hits(bytes.as_slice(), condition).unwrap();
        (1..=len)
            .filter(|step| survey.count(Mark::Watch, step - 1, *step) > 0)
            .collect::<Vec<u64>>()
    };
    let owns = Condition::State(amf, block, LineState::M);
    assert!(has_m((amf, block)).len() > 2, "it is written there");
    assert_eq!(steps(&owns), has_m((amf, block)));
    let other_has = Condition::Not(Box::new(Condition::State(other, block, LineState::I)));
    let both = Condition::All(vec![
        Condition::Not(Box::new(Condition::State(amf, block, LineState::I))),
        other_has,
    ]);
    let wanted = begins(&|states| {
        states.contains_key(&(amf, block)) && states.contains_key(&(other, block))
    });
    assert_eq!(steps(&both), wanted);
    // Of what happens, every time counts.
    let told = timeline.events(0, timeline.len()).unwrap();
    let sent = Condition::Sent(MsgKind::Grant, None);
    let mut grants: Vec<u64> =
        told.iter().filter(|event| sent.is_told_by(event)).map(|event| event.step).collect();
    grants.dedup();
    assert!(grants.len() > 10);
    assert_eq!(steps(&sent), grants);
}

/// Of two positions everything is told that differs, and nothing else: applied to what is there at one, it
/// is what is there at the other.
#[test]
fn what_differs_between_two_positions_is_all_that_differs() {
    let mut timeline = open(shared_recording());
    let len = timeline.len();
    let lines = |timeline: &mut Timeline, at: u64| -> BTreeMap<(String, String), String> {
        timeline.seek(at).unwrap();
        let mut all = BTreeMap::new();
        for amf in timeline.snapshot(&Ask::ALL).amfs {
            for line in amf.lines {
                let what = format!("line b{}", line.block.0);
                let told = format!("{} {}", line.state, line.version);
                all.insert((amf.id.to_string(), what), told);
            }
        }
        all
    };
    let mut kinds = BTreeSet::new();
    let mut pairs = vec![(0, len), (len / 3, len / 2), (len / 2, len / 3), (len, len), (7, 8)];
    pairs.extend((1..24).map(|n| (len * n / 24, len * (n * 7 % 24) / 24)));
    for (from, to) in pairs {
        timeline.seek(len / 4).unwrap();
        let found = timeline.differences(from, to).unwrap();
        assert_eq!(timeline.position(), len / 4, "it stays where it is");
        assert_eq!((found.positions, found.more), ([from, to], 0));
        assert_eq!(found.changes.is_empty(), from == to, "{from} {to}");
        let (mut there, wanted) = (lines(&mut timeline, from), lines(&mut timeline, to));
        for change in found.changes {
            assert_ne!(change.before, change.after, "{change:?}");
            let kind = change.what.split(' ').next().unwrap().to_owned();
            if kind == "line" {
                let key = (change.place(), change.what.clone());
                match change.after {
                    None => drop(there.remove(&key).expect("it was there")),
                    Some(after) => {
                        // Behind the version stands what else is known of the line.
                        let words: Vec<&str> = after.split(' ').take(2).collect();
                        there.insert(key, words.join(" "));
                    }
                }
            }
            kinds.insert(kind);
        }
        assert_eq!(there, wanted, "{from} {to}");
    }
    for kind in ["line", "replica", "lock", "its", "packet", "request"] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
}
