//! Campaigns near scripts: what is built in, what is changed, and that the healthy build passes.

use super::{must_be_silent, space, spec};
use amflab::campaign::near::NAME;
use amflab::campaign::{Plan, Situation, Space, Spec, run_plan, run_seed};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// What is built in, made anew from the conversations.
fn situations() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let entries = std::fs::read_dir(folder).expect("the folder of conversations");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("cex-")))
        .collect();
    paths.sort();
    let mut out = "\
# Situations in which drafts of the protocol broke: the conversations tests/conversations/cex-*.txt without
# their traces. Campaigns draw scripts near these. `AMFLAB_BLESS=1 cargo test --test it campaign::near` writes it.
"
    .to_owned();
    for path in paths {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("a readable script");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('|')).collect();
        write!(out, "\n{NAME}{name}\n{}\n", lines.join("\n").trim()).expect("a string");
    }
    out
}

#[test]
fn counterexamples_are_built_in_as_the_conversations_tell_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/situations.txt");
    let now = situations();
    if std::env::var_os("AMFLAB_BLESS").is_some() {
        std::fs::write(&path, &now).expect("it can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("assets/situations.txt");
    assert!(
        kept == now,
        "assets/situations.txt is not made from the conversations (AMFLAB_BLESS=1)"
    );
    let built_in = Situation::built_in();
    assert_eq!(built_in.len(), now.matches(NAME).count());
    for situation in built_in {
        assert!(situation.plan.commands.len() > 2, "{}", situation.name);
    }
}

#[test]
fn healthy_seeds_near_counterexamples_are_silent() {
    let space = space("near", &[]);
    for seed in 0..600 {
        must_be_silent(&space, seed);
    }
}

/// Every script is drawn, none is played as it is, and what is played is a plan that repeats.
#[test]
fn a_seed_near_a_script_changes_it_and_repeats() {
    let space = space("near", &[]);
    let mut drawn = BTreeSet::new();
    let mut same = 0;
    for seed in 0..400 {
        let near = space.draw(seed).unwrap().near.expect("it is near a script");
        let script = Situation::built_in().iter().find(|known| known.name == near.name);
        same += u32::from(script.expect("a built-in one").plan.commands == near.commands);
        assert!(!near.changes.is_empty(), "seed {seed}");
        drawn.insert(near.name);
    }
    assert_eq!(drawn.len(), Situation::built_in().len());
    assert!(same < 20, "{same} of 400 as they are");
    // The last one once let time pass behind a hold, until a member was suspected that could not be spared.
    for seed in (0..40).chain([601_457]) {
        let result = run_seed(&space, seed, true).unwrap();
        let again = run_plan(&result.plan, true).unwrap();
        assert!(!again.beyond, "seed {seed}: what was given once may be given again");
        assert_eq!((again.steps, again.nanos), (result.steps, result.nanos), "seed {seed}");
        let text = result.plan.script(&[]);
        let read = Plan::of_script(&text, "a plan", Path::new("."), &[]).unwrap();
        assert_eq!(read.commands, result.plan.commands, "seed {seed}: as a script");
    }
}

#[test]
fn scripts_of_ones_own_take_the_place_of_those_that_are_built_in() {
    let text = "# profile: claims\n# set: defect=no_lease\nwrite amf0 3 \"a\"\ncrash amf0\nexpect value amf1 3 \"a\"\n";
    let own = Situation::read("mine", text, Path::new(".")).unwrap();
    assert_eq!(own.plan.commands.len(), 3, "what is expected of a value is read");
    assert!(!own.plan.is_defective(), "a defect is for the campaign to say");
    let space = Space::new(Spec { near: vec![own.clone()], ..spec("any", &[]) }).unwrap();
    let mut lengths = BTreeSet::new();
    for seed in 0..30 {
        let near = space.draw(seed).unwrap().near.expect("it is near a script");
        assert_eq!(near.name, "mine");
        lengths.insert(near.commands.len());
        must_be_silent(&space, seed);
    }
    assert!(lengths.len() > 3, "{lengths:?}");
    // Who does not fit what is fixed is not drawn.
    let sets = vec!["cluster.amfs=1".to_owned()];
    let space = Space::new(Spec { near: vec![own], sets, ..Spec::default() }).unwrap();
    let error = space.draw(0).expect_err("amf1 is not there");
    assert!(error.to_string().contains("no script near which to draw"), "{error}");
}
