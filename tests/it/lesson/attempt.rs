//! One way through a lesson: what counts, what does not, and going back.

use amflab::lesson::{Attempt, Lesson, Midway, Outcome, Refusal, Verdict, parse, stage};
use amflab::session::Session;
use amflab::trace::parse_command;
use std::sync::Arc;

const SMALL: &str = r#"
title = "small"
summary = "for tests"

[[step]]
say = "hello"
do = """
read amf0 1
"""

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
hints = ["one", "two"]

[[step]]
predict = "what is it?"
then = """
read amf1 3
"""
ask = ["state amf0 3", "value amf1 3", "source"]

[[step]]
hunt = "find it"
defect = "skip_one_invalidate"
solution = """
read amf1 1
write amf0 1 "a"
"""
hints = ["think"]
"#;

fn small() -> Lesson {
    parse("small", "small.toml", SMALL).unwrap_or_else(|error| panic!("{error}"))
}

/// A learner.
struct Learner {
    attempt: Attempt,
    session: Session,
}

impl Learner {
    fn new() -> Self {
        let (attempt, session) = Attempt::start(Arc::new(small())).expect("it begins");
        Self { attempt, session }
    }

    fn types(&mut self, text: &str) -> Result<Verdict, Refusal> {
        let command = parse_command(text, &self.attempt.limits()).expect("a command");
        self.attempt.give(&mut self.session, &command).map(|given| given.verdict)
    }

    fn next(&mut self) {
        self.attempt.next(&mut self.session).expect("it goes on");
    }

    fn answers(&mut self, answers: &[&str]) -> Vec<bool> {
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let answered = self.attempt.answer(&mut self.session, &answers).expect("it is answered");
        answered.iter().map(|answered| answered.is_right).collect()
    }

    fn caches(&mut self) -> Vec<String> {
        stage::caches(&mut self.session)
    }

    /// At the prediction.
    fn at_prediction() -> Self {
        let mut learner = Self::new();
        learner.next();
        assert_eq!(learner.types("write amf0 3 \"x\""), Ok(Verdict::Solved));
        learner.next();
        learner
    }

    /// At the hunt.
    fn at_hunt() -> Self {
        let mut learner = Self::at_prediction();
        assert_eq!(learner.answers(&["s", "x", "AMF0"]), [true, true, true]);
        learner.next();
        learner
    }
}

#[test]
fn a_task_is_judged_by_the_engine() {
    let mut learner = Learner::new();
    assert!(learner.attempt.is_done(), "there is nothing to do");
    assert!(matches!(learner.types("read amf0 3"), Err(Refusal::No(_))));
    learner.next();
    assert!(!learner.attempt.is_done());
    assert!(matches!(learner.attempt.next(&mut learner.session), Err(Refusal::No(_))));
    assert_eq!(learner.types("write amf1 3 \"x\""), Ok(Verdict::Open));
    assert_eq!(learner.attempt.checks(), [("state amf0 3 M".to_owned(), false)]);
    assert_eq!(learner.types("write amf0 3 \"y\""), Ok(Verdict::Solved));
    assert_eq!(learner.attempt.outcome(), Some(Outcome::Solved));
    assert!(matches!(learner.types("write amf0 3 \"y\""), Err(Refusal::No(_))));
}

#[test]
fn who_looks_at_what_is_done_does_not_do_it_once_more() {
    let mut learner = Learner::at_prediction();
    learner.answers(&["s", "x", "AMF0"]);
    assert_eq!(learner.types("why amf0 3"), Ok(Verdict::Open));
    learner.next();
    assert_eq!(learner.types("read amf1 1"), Ok(Verdict::Open));
    assert!(matches!(learner.types("write amf0 1 \"a\""), Ok(Verdict::Found { commands: 2, .. })));
    assert_eq!(learner.types("note \"found\""), Ok(Verdict::Open));
    assert_eq!(learner.types("why amf0 1"), Ok(Verdict::Open));
    let found = Some(Outcome::Found { commands: 2, best: 2 });
    assert_eq!(learner.attempt.outcome(), found);
}

#[test]
fn looking_changes_nothing() {
    let mut learner = Learner::new();
    learner.next();
    let before = learner.caches();
    assert_eq!(learner.types("why amf0 3"), Ok(Verdict::Open));
    assert_eq!(learner.caches(), before);
}

#[test]
fn a_prediction_is_compared_with_what_happens() {
    let mut learner = Learner::at_prediction();
    assert!(matches!(learner.types("read amf1 3"), Err(Refusal::No(_))));
    let too_few = learner.attempt.answer(&mut learner.session, &["S".to_owned()]);
    assert!(matches!(too_few, Err(Refusal::No(_))));
    let no_state = ["X", "x", "amf0"].map(str::to_owned);
    assert!(matches!(learner.attempt.answer(&mut learner.session, &no_state), Err(Refusal::No(_))));
    assert_eq!(learner.caches(), ["b1 amf0:S amf1:I", "b3 amf0:M amf1:I"], "nothing was done");
    assert_eq!(learner.answers(&["M", "y", "disk0"]), [false, false, false]);
    let truths: Vec<&str> =
        learner.attempt.answered().iter().map(|answered| answered.truth.as_str()).collect();
    assert_eq!(truths, ["S", "\"x\"", "amf0"]);
    assert_eq!(learner.attempt.outcome(), Some(Outcome::Answered { right: 0 }));
}

#[test]
fn going_back_makes_the_cluster_as_it_was_and_the_first_answer_counts() {
    let mut learner = Learner::at_prediction();
    let before = learner.caches();
    assert_eq!(learner.answers(&["M", "x", "amf0"]), [false, true, true]);
    let after = learner.caches();
    assert_ne!(before, after);
    learner.next();
    learner.attempt.back(&mut learner.session).expect("back");
    assert_eq!((learner.attempt.at(), learner.caches()), (2, before.clone()));
    assert_eq!(learner.answers(&["S", "x", "amf0"]), [true, true, true]);
    assert_eq!(learner.caches(), after, "the same commands come to the same");
    assert_eq!(learner.attempt.score().right, 2, "the first answer counts");
    learner.attempt.back(&mut learner.session).expect("back");
    assert_eq!(learner.caches(), ["b1 amf0:S amf1:I"]);
    // What was done once is done again, without typing it.
    learner.next();
    assert_eq!((learner.attempt.at(), learner.caches()), (2, before));
    learner.next();
    assert_eq!((learner.attempt.at(), learner.attempt.is_over()), (3, false));
    for _ in 0..3 {
        learner.attempt.back(&mut learner.session).expect("back");
    }
    assert!(matches!(learner.attempt.back(&mut learner.session), Err(Refusal::No(_))));
}

#[test]
fn a_step_can_be_begun_again() {
    let mut learner = Learner::new();
    learner.next();
    let before = learner.caches();
    assert_eq!(learner.types("write amf1 3 \"x\""), Ok(Verdict::Open));
    learner.attempt.again(&mut learner.session).expect("again");
    assert_eq!((learner.attempt.at(), learner.caches()), (1, before));
    assert!(learner.attempt.script().is_empty());
}

#[test]
fn hints_come_one_by_one_and_cost_a_point() {
    let mut learner = Learner::new();
    learner.next();
    assert_eq!(learner.attempt.hint().as_deref(), Some("one"));
    assert_eq!(learner.attempt.hint().as_deref(), Some("two"));
    assert_eq!(learner.attempt.hint(), None);
    assert_eq!(learner.attempt.hints(), ["one", "two"]);
    assert_eq!(learner.types("write amf0 3 \"x\""), Ok(Verdict::Solved));
    let score = learner.attempt.score();
    assert_eq!((score.points, score.hints, score.done), (1, 2, 1));
}

#[test]
fn whoever_gives_up_sees_the_solution_and_does_not_pass() {
    let mut learner = Learner::new();
    learner.next();
    assert_eq!(learner.types("write amf1 3 \"x\""), Ok(Verdict::Open));
    let told = learner.attempt.give_up(&mut learner.session).expect("told");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].command.to_string(), "write amf0 3 \"x\"");
    assert!(learner.attempt.is_done());
    learner.next();
    assert_eq!(learner.answers(&["S", "x", "amf0"]), [true, true, true]);
    learner.next();
    learner.attempt.give_up(&mut learner.session).expect("told");
    learner.next();
    assert!(learner.attempt.is_over());
    let score = learner.attempt.score();
    assert_eq!((score.done, score.right), (0, 3));
    assert!(!score.is_passed());
}

#[test]
fn a_hunt_is_won_by_a_script_that_needs_the_broken_rule() {
    let mut learner = Learner::at_hunt();
    assert_eq!(learner.types("write amf0 5 \"a\""), Ok(Verdict::Open));
    assert_eq!(learner.types("read amf1 5"), Ok(Verdict::Open));
    let refused = learner.types("defect no_lease on");
    assert!(matches!(refused, Err(Refusal::No(_))), "{refused:?}");
    let verdict = learner.types("write amf0 5 \"b\"").expect("given");
    let Verdict::Found { commands, best, defect, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!((commands, best, defect.name()), (3, 2, "skip_one_invalidate"));
    assert_eq!(learner.attempt.score().points, 2 + 3 + 4);
    learner.next();
    assert!(learner.attempt.is_over() && learner.attempt.score().is_passed());
}

/// More is asked for than the protocol promises: whatever the rule, it is no proof.
#[test]
fn a_script_that_fails_with_every_rule_whole_wins_nothing() {
    let mut learner = Learner::at_hunt();
    assert_eq!(learner.types("protocol none"), Ok(Verdict::Open));
    assert_eq!(learner.types("read amf1 1"), Ok(Verdict::Open));
    assert_eq!(learner.types("write amf0 1 \"a\""), Ok(Verdict::Open));
    let verdict = learner.types("read amf1 1").expect("given");
    assert!(matches!(verdict, Verdict::Innocent(_)), "{verdict:?}");
    assert_eq!(learner.attempt.outcome(), None);
    assert!(matches!(learner.types("read amf1 1"), Err(Refusal::No(_))));
    learner.attempt.again(&mut learner.session).expect("again");
    assert_eq!(learner.types("read amf1 1"), Ok(Verdict::Open));
}

#[test]
fn after_the_end_one_may_play() {
    let mut learner = Learner::at_hunt();
    learner.attempt.give_up(&mut learner.session).expect("told");
    learner.next();
    assert_eq!(learner.types("read amf0 9"), Ok(Verdict::Open));
    assert!(learner.attempt.is_over());
}

/// A lesson that is left is gone on with where it was, with everything that counts; another text of it, or what
/// was written by somebody else, begins anew.
#[test]
fn what_was_left_goes_on_where_it_was() {
    let mut learner = Learner::new();
    assert_eq!(learner.attempt.midway(), None, "nothing was done yet");
    let mut seen = Vec::new();
    let mut check = |learner: &mut Learner| {
        let midway = learner.attempt.midway().expect("it is not over");
        let text = toml::to_string(&midway).expect("plain data");
        let again: Midway = toml::from_str(&text).expect("its own form");
        assert_eq!(again, midway);
        let resumed = Attempt::resume(&Arc::new(small()), &again).expect("a cluster");
        let (attempt, mut session) = resumed.expect("it fits");
        assert_eq!(attempt.midway().as_ref(), Some(&midway));
        assert_eq!((attempt.at(), attempt.is_done()), (midway.at, learner.attempt.is_done()));
        assert_eq!(attempt.score(), learner.attempt.score());
        assert_eq!(
            (attempt.hints(), attempt.checks()),
            (learner.attempt.hints(), learner.attempt.checks())
        );
        assert_eq!(attempt.answered(), learner.attempt.answered());
        assert_eq!(stage::caches(&mut session), stage::caches(&mut learner.session));
        seen.push((midway.at, midway.done));
    };
    learner.next();
    check(&mut learner);
    learner.attempt.hint();
    learner.types("read amf0 3").expect("a command");
    check(&mut learner);
    learner.types("write amf0 3 \"x\"").expect("a command");
    check(&mut learner);
    learner.next();
    check(&mut learner);
    learner.answers(&["S", "\"y\"", "amf0"]);
    check(&mut learner);
    learner.next();
    learner.types("read amf1 1").expect("a command");
    check(&mut learner);
    // One who has gone back is there again, and what was done later is known.
    learner.attempt.back(&mut learner.session).expect("there is a step before");
    check(&mut learner);
    assert_eq!(
        seen,
        [(1, false), (1, false), (1, true), (2, false), (2, true), (3, false), (2, false)]
    );
    let midway = learner.attempt.midway().expect("it is not over");
    let mut other = small();
    other.title.push('!');
    for (lesson, midway) in [
        (other, midway.clone()),
        (small(), Midway { at: 9, ..midway.clone() }),
        (small(), Midway { given: vec!["no command".to_owned()], ..midway.clone() }),
        (small(), Midway { steps: Vec::new(), ..midway }),
    ] {
        assert!(Attempt::resume(&Arc::new(lesson), &midway).expect("no trouble").is_none());
    }
}
