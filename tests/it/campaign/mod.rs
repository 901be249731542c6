//! Campaigns: healthy seeds are silent, a seed is what its plan says, draws keep to their limits, and the
//! reports of shards join into one.

mod defects;
mod foresee;
mod golden;
mod near;

use amflab::campaign::recipe::Chance;
use amflab::campaign::report::Identity;
use amflab::campaign::space::{PROTOCOLS, SHAPES, promises};
use amflab::campaign::{FaultKind, RECIPES, Recipe, Report, Shard, Space, Spec};
use amflab::campaign::{run_plan, run_seed};
use amflab::protocol::{Layout, Protocol, WritePolicy};
use std::collections::BTreeSet;

fn spec(recipe: &str, sets: &[&str]) -> Spec {
    Spec {
        recipe: Recipe::find(recipe).expect("a recipe"),
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Spec::default()
    }
}

pub(crate) fn space(recipe: &str, sets: &[&str]) -> Space {
    Space::new(spec(recipe, sets)).unwrap_or_else(|error| panic!("{error}"))
}

/// A finding ends the test, with what repeats it.
pub(crate) fn must_be_silent(space: &Space, seed: u64) {
    let result = run_seed(space, seed, false).unwrap_or_else(|error| panic!("{error}"));
    if let Some(found) = &result.finding {
        let recipe = space.spec.recipe.name;
        let again = format!("amflab fuzz --recipe {recipe} --seeds {seed}..{} -v", seed + 1);
        panic!("{found:?}\n{}repeat: {again}", result.drawn.text());
    }
    assert_eq!(result.undecided, 0, "seed {seed}: every history is judged");
}

#[test]
fn healthy_seeds_are_silent() {
    let space = space("any", &[]);
    for seed in 0..300 {
        must_be_silent(&space, seed);
    }
}

#[test]
fn healthy_seeds_of_every_recipe_are_silent() {
    for recipe in RECIPES {
        let space = space(recipe.name, &[]);
        for seed in 0..20 {
            must_be_silent(&space, seed);
        }
    }
}

#[test]
fn healthy_seeds_with_many_amfs_are_silent() {
    let space = space("any", &["cluster.amfs=8"]);
    for seed in 0..30 {
        must_be_silent(&space, seed);
    }
}

/// What a seed did is in its plan, so that the plan does it again: as a script, too.
#[test]
fn a_plan_repeats_its_seed() {
    let space = space("any", &[]);
    for seed in 100..115 {
        let result = run_seed(&space, seed, true).unwrap();
        let again = run_seed(&space, seed, true).unwrap();
        assert_eq!(result.plan, again.plan, "seed {seed}");
        assert_eq!(result.log, again.log, "seed {seed}: step for step");
        let repeated = run_plan(&result.plan, true).unwrap();
        assert!(!repeated.beyond, "seed {seed}: what was given once may be given again");
        assert_eq!(repeated.finding, result.finding, "seed {seed}");
        assert_eq!(repeated.steps, result.steps, "seed {seed}: step for step");
        assert_eq!(repeated.nanos, result.nanos, "seed {seed}");
    }
}

#[test]
fn what_is_fixed_is_not_drawn_and_the_rest_is() {
    let sets = ["cluster.amfs=3", "group.layout=stripe", "cache.write=through"];
    let space = space("any", &sets);
    let (mut protocols, mut disks) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..40 {
        let config = space.draw(seed).unwrap().profile.config;
        assert_eq!((config.amfs, config.group.layout), (3, Layout::Stripe));
        assert_eq!(config.write, WritePolicy::Through);
        protocols.insert(config.protocol);
        disks.insert(config.lines);
    }
    assert!(protocols.len() > 1 && disks.len() > 4, "{protocols:?} {disks:?}");
}

#[test]
fn every_protocol_that_promises_something_is_drawn() {
    for protocol in Protocol::ALL {
        assert_eq!(PROTOCOLS.contains(&protocol), promises(protocol), "{protocol}");
    }
    let space = space("any", &[]);
    let drawn: BTreeSet<Protocol> =
        (0..60).map(|seed| space.draw(seed).unwrap().profile.config.protocol).collect();
    assert_eq!(drawn.len(), PROTOCOLS.len(), "{drawn:?}");
    let layouts: Vec<Layout> = SHAPES.iter().map(|shape| shape.layout).collect();
    for layout in [Layout::Single, Layout::Stripe, Layout::Mirror] {
        assert!(layouts.contains(&layout), "{layouts:?}");
    }
}

/// A profile's numbers are the most that is drawn.
#[test]
fn a_profile_limits_what_is_drawn() {
    let space = Space::new(Spec { profile: "claims".to_owned(), ..spec("any", &[]) }).unwrap();
    for seed in 0..40 {
        let config = space.draw(seed).unwrap().profile.config;
        assert!(config.amfs <= 2 && config.lines <= 8 && config.blocks <= 16, "{config:?}");
        assert!(config.disks_all() <= 2 && config.replicas <= 1, "{config:?}");
    }
}

/// Swarm testing: most seeds leave most kinds out, and none is left out of all.
#[test]
fn a_swarm_leaves_most_kinds_out_of_each_seed() {
    let space = space("any", &[]);
    let drawn: Vec<BTreeSet<FaultKind>> = (0..200)
        .map(|seed| space.draw(seed).unwrap().hazards.iter().map(|h| h.kind).collect())
        .collect();
    let average = drawn.iter().map(BTreeSet::len).sum::<usize>() / drawn.len();
    assert!((3..=9).contains(&average), "{average} of {} kinds", FaultKind::ALL.len());
    for Chance { kind, .. } in Recipe::find("any").unwrap().chances {
        assert!(drawn.iter().any(|kinds| kinds.contains(kind)), "{}", kind.name());
    }
}

/// Faults that never do anything test nothing.
#[test]
fn every_kind_of_fault_has_an_effect_somewhere() {
    let mut report = Report::new(Identity::new(&Spec::default(), 0, 0), Shard::WHOLE);
    for recipe in RECIPES {
        let space = space(recipe.name, &[]);
        for seed in 0..25 {
            report.add(&run_seed(&space, seed, false).unwrap());
        }
    }
    for kind in FaultKind::ALL {
        let faults = report.faults.get(kind.name()).copied().unwrap_or_default();
        assert!(faults.injected > faults.without_effect, "{}: {faults:?}", kind.name());
    }
}

fn part(index: u32, count: u32) -> Report {
    let space = space("any", &[]);
    let shard = Shard { index, count };
    let mut report = Report::new(Identity::new(&space.spec, 0, 6), shard);
    for seed in (0..6).filter(|seed| shard.has(*seed)) {
        report.add(&run_seed(&space, seed, false).expect("it fits"));
    }
    report
}

fn named(reports: Vec<Report>) -> Vec<(String, Report)> {
    ('a'..).map(String::from).zip(reports).collect()
}

#[test]
fn shards_join_into_the_report_of_the_whole() {
    let joined = Report::merge(named(vec![part(3, 3), part(1, 3), part(2, 3)])).unwrap();
    let whole = part(1, 1);
    let shards = joined.shards.clone();
    assert_eq!(shards.len(), 3);
    let cluster_s = whole.cluster_s;
    assert!((joined.cluster_s - cluster_s).abs() < 1e-6);
    assert_eq!(Report { shards: whole.shards.clone(), cluster_s, ..joined }, whole);
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let refusal = |reports| Report::merge(named(reports)).expect_err("refused");
    assert_eq!(refusal(vec![part(1, 3), part(3, 3)]), "missing: shard 2/3");
    let twice = refusal(vec![part(1, 2), part(2, 2), part(1, 2)]);
    assert_eq!(twice, "shard 1/2 is both in a and in c");
    let mut other = part(2, 2);
    other.identity.to = 7;
    let differ = refusal(vec![part(1, 2), other]);
    assert_eq!(differ, "a and b are of different campaigns: seeds `0..6` and `0..7`");
    assert_eq!(refusal(vec![part(1, 2), part(2, 3)]), "a is shard 1/2, b shard 2/3");
}

#[test]
fn a_shard_is_written_as_it_is_read() {
    for text in ["1/1", "2/4"] {
        assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
    }
    for text in ["0/4", "5/4", "1", "a/b", "1/0"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
    let parts = [1, 2, 3].map(|index| Shard { index, count: 3 });
    assert!((0..20).all(|at| parts.iter().filter(|shard| shard.has(at)).count() == 1));
}
