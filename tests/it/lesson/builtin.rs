//! Every built-in lesson runs unattended with its own solution, and fails with what it calls wrong.

use amflab::lesson::{self, Kind, Lesson};
use std::collections::BTreeSet;
use std::path::Path;

fn all() -> Vec<Lesson> {
    lesson::builtin()
        .iter()
        .map(|(name, _)| lesson::load(name).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

#[test]
fn every_file_is_built_in_and_in_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/lessons");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("readable").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    let names: Vec<&str> = lesson::builtin().iter().map(|(name, _)| *name).collect();
    assert_eq!(files, names);
    for (number, name) in (1..).zip(names) {
        let (no, _) = name.split_once('-').expect("a number");
        assert_eq!(no.parse(), Ok(number), "{name}");
    }
}

#[test]
fn every_claim_is_the_subject_of_a_lesson() {
    let claims: BTreeSet<u8> = all().iter().flat_map(|lesson| lesson.claims.clone()).collect();
    assert_eq!(claims, (1..=14).collect());
}

#[test]
fn there_are_enough_and_each_has_tasks_and_predictions() {
    let lessons = all();
    assert!(lessons.len() >= 16, "{}", lessons.len());
    let mut hunts = 0;
    for lesson in &lessons {
        let count = |is: fn(&Kind) -> bool| lesson.steps.iter().filter(|s| is(&s.kind)).count();
        let tasks = count(|kind| matches!(kind, Kind::Task(_)));
        let predictions = count(|kind| matches!(kind, Kind::Predict { .. }));
        hunts += count(|kind| matches!(kind, Kind::Hunt { .. }));
        assert!(tasks >= 2 && predictions >= 1, "{}: {tasks}, {predictions}", lesson.name);
        for step in lesson.steps.iter().filter(|step| step.kind != Kind::Narration) {
            assert!(!step.hints.is_empty(), "{}:{}: no hint", lesson.file, step.line);
        }
    }
    assert!(hunts >= 3, "{hunts}");
}

/// The reference solution solves every task, what is called wrong does not, nothing holds before it was
/// done, every prediction can be right and can be wrong; each hunt's script makes a checker fire with
/// the rule broken, and none with the rule whole. `prove` looks at all of this; the tests in `files` show that it
/// would notice.
#[test]
fn every_lesson_is_what_it_says() {
    let mut wrong = Vec::new();
    for lesson in all() {
        match lesson::prove(&lesson) {
            Ok(score) => {
                assert_eq!((score.points, score.hints), (score.of, 0), "{}", lesson.name);
                assert!(score.is_passed() && score.of > 0, "{}: {score:?}", lesson.name);
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lessons_are_found_by_number_and_by_words() {
    assert_eq!(lesson::find("1"), Ok("01-what-is-an-amf"));
    assert_eq!(lesson::find("01"), Ok("01-what-is-an-amf"));
    assert_eq!(lesson::find("what-is-an-amf"), Ok("01-what-is-an-amf"));
    let error = lesson::find("what-is-an-amd").expect_err("there is none");
    assert!(error.hint.contains("did you mean `what-is-an-amf`?"), "{error}");
    assert!(lesson::find("99").is_err());
}
