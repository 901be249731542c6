//! What a teacher may get wrong: in the file, told with its line; in the lesson, told by `prove`.

use crate::profiles::refused_as_they_say;
use amflab::lesson::{self, parse};
use proptest::prelude::*;
use std::path::Path;

/// Every file in `tests/lessons_invalid` says in its head what its error must contain.
#[test]
fn invalid_lessons_are_refused_as_they_say() {
    let parse =
        |label: &str, text: &str| parse("bad", label, text).err().map(|error| error.to_string());
    let bad = refused_as_they_say("tests/lessons_invalid", parse);
    for (label, error, expected) in &bad {
        let hints = error.matches("\n  hint: ").count();
        let lines = error.lines().count() - hints;
        let wanted = expected.iter().filter(|wanted| !wanted.starts_with("hint: ")).count();
        assert_eq!(lines, wanted, "{label}: so many problems are expected:\n{error}");
    }
    assert!(bad.len() >= 14, "only {} bad lessons", bad.len());
}

const SOUND: &str = r#"
title = "t"
summary = "s"

[[step]]
task = "own block 3"
check = """
expect state amf0 3 M
"""
solution = """
write amf0 3 "x"
"""
wrong = """
read amf0 3
"""

[[step]]
predict = "what is it?"
then = """
read amf1 3
"""
ask = ["state amf0 3"]

[[step]]
hunt = "find it"
defect = "skip_one_invalidate"
solution = """
read amf1 1
write amf0 1 "a"
"""
"#;

fn told(text: &str) -> String {
    let lesson = parse("t", "t.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    match lesson::prove(&lesson) {
        Ok(score) => format!("{} points", score.points),
        Err(error) => error.to_string(),
    }
}

/// The tests of the built-in lessons rely on `prove`: it notices what they must not be.
#[test]
fn a_lesson_that_is_not_what_it_says_is_found_out() {
    assert_eq!(told(SOUND), "8 points");
    let cases = [
        ("write amf0 3 \"x\"", "read amf0 3", "t.toml:5: solution: does not do what is asked"),
        (
            "read amf0 3",
            "write amf0 3 \"y\"",
            "t.toml:5: wrong: `write amf0 3 \"y\"` solves the task",
        ),
        ("state amf0 3 M", "state amf0 3 I", "t.toml:5: check: holds before anything was done"),
        (
            "write amf0 3 \"x\"",
            "write amf0 3 \"x\"\nread amf0 3",
            "is done 1 commands before its end",
        ),
        ("write amf0 1 \"a\"", "read amf0 1", "solution: no checker fires with the broken rule"),
        (
            "read amf1 1\n",
            "protocol none\nread amf1 2\nwrite amf0 2 \"b\"\nread amf1 2\n",
            "solution: a checker fires with every rule whole, too: reads",
        ),
        (
            "task = \"own block 3\"",
            "task = \"own block 3\"\ndo = \"expect state amf0 3 M\"",
            "t.toml:7: do: `expect state amf0 3 M`: amf0 has block 3 in I, not M",
        ),
    ];
    for (from, to, wanted) in cases {
        let text = SOUND.replacen(from, to, 1);
        assert_ne!(text, SOUND, "{from}");
        let told = told(&text);
        assert!(told.contains(wanted), "wanted `{wanted}` in: {told}");
    }
}

/// The worked example of docs/LESSONS.md is a lesson, and is what it says.
#[test]
fn the_example_of_the_documentation_works() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LESSONS.md");
    let text = std::fs::read_to_string(path).expect("the documentation");
    let example = text.split("```toml\n").nth(1).expect("an example");
    let example = example.split("```").next().expect("its end");
    let lesson = parse("example", "example.toml", example).unwrap_or_else(|e| panic!("{e}"));
    let kinds: Vec<&str> = lesson.steps.iter().map(|step| step.kind.word()).collect();
    assert_eq!(kinds, ["read", "task", "predict", "hunt"]);
    let score = lesson::prove(&lesson).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(score.points, score.of);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A damaged lesson is refused or accepted, never a panic.
    #[test]
    fn damage_is_never_a_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), ".{0,6}"), 1..4),
    ) {
        let mut text = SOUND.to_owned();
        for (at, put) in cuts {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + put.len()).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            text.replace_range(at..end, &put);
        }
        let _ = parse("damaged", "damaged.toml", &text);
    }
}
