//! Watchpoints in a cluster that runs, and the conditions that they share with scripts.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::protocol::LineState;
use amflab::protocol::id::{AmfId, Block};
use amflab::session::{Session, Status};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Ask, Condition, Limits, parse_command, parse_condition};
use std::path::Path;

/// A simulated cluster of two AMFs, and how it reads what is typed.
fn session() -> (Session, Limits) {
    let profile = amflab::profile::load("claims", &[]).unwrap();
    let sim = Sim::new(&profile, 1, SimOptions::default());
    let limits = Limits::of(&profile, Path::new("."));
    (Session::new(Box::new(sim), &profile), limits)
}

fn state(session: &mut Session, amf: u8, block: u64) -> LineState {
    let amfs = session.snapshot(&Ask::ALL).amfs;
    let lines = &amfs[usize::from(amf)].lines;
    lines.iter().find(|line| line.block == Block(block)).map_or(LineState::I, |line| line.state)
}

#[test]
fn a_cluster_stops_in_the_step_in_which_the_condition_begins_to_hold() {
    let (mut session, limits) = session();
    let write = parse_command("write amf0 3 \"alpha\"", &limits).unwrap();
    session.watch_for(Some(parse_condition("state amf0 3 M", &limits).unwrap()));
    let mut running = session.begin(&write).unwrap();
    let until = running.deadline();
    session.advance_steps(until, u64::MAX).unwrap();
    let step = session.has_hit().unwrap();
    assert_eq!(
        (session.snapshot(&Ask::BRIEF).step, state(&mut session, 0, 3)),
        (step, LineState::M)
    );
    assert!(session.poll(&mut running).unwrap().is_none(), "it is not answered yet");
    assert_eq!((session.take_hit(), session.take_hit()), (Some(step), None), "it is told once");
    // It holds on, and does not begin to.
    while session.poll(&mut running).unwrap().is_none() {
        session.advance_steps(until, u64::MAX).unwrap();
    }
    assert_eq!(session.has_hit(), None);
    // The other one takes it away, and it begins once more.
    session.execute(&parse_command("write amf1 3 \"beta\"", &limits).unwrap()).unwrap();
    assert_eq!((session.has_hit(), state(&mut session, 0, 3)), (None, LineState::I));
    session.execute(&write).unwrap();
    assert!(session.take_hit().is_some_and(|later| later > step));
    // Of what is sent every time counts; and what is not watched for any more stops nothing.
    session.watch_for(Some(parse_condition("sent grant amf0 amf1", &limits).unwrap()));
    for _ in 0..2 {
        session.execute(&parse_command("write amf1 3 \"beta\"", &limits).unwrap()).unwrap();
        assert!(session.take_hit().is_some());
        session.execute(&write).unwrap();
        assert_eq!(session.has_hit(), None);
    }
    session.watch_for(None);
    session.execute(&parse_command("write amf1 3 \"beta\"", &limits).unwrap()).unwrap();
    assert_eq!(session.has_hit(), None);
}

#[test]
fn conditions_are_denied_and_put_together() {
    let (mut session, limits) = session();
    let mut status = |line: &str| {
        let report = session.execute(&parse_command(line, &limits).unwrap()).unwrap();
        (report.status, report.lines.join("; "))
    };
    status("write amf0 3 \"alpha\"");
    let fine = "run-until state amf0 3 M and not state amf1 3 M and not violation within 1ms";
    assert_eq!(status(fine).0, Status::Fine);
    let (failed, told) = status("run-until not state amf0 3 M and not violation within 1ms");
    assert_eq!(failed, Status::Failed);
    assert!(told.contains("not state amf0 3 M and not violation did not come"), "{told}");
    assert!(told.contains("amf0 has block 3 in M"), "{told}");
}

#[test]
fn what_cannot_be_denied_or_put_together_is_refused_at_its_place() {
    let (_, limits) = session();
    for (line, column, why) in [
        ("run-until not sent grant", 15, "`sent` is no condition that can be denied"),
        ("run-until not not view 1", 15, "`not` is no condition"),
        ("run-until idle and view 1", 11, "`idle` is no condition that goes with others"),
        ("run-until view 1 and", 21, "condition is missing"),
        (
            "run-until view 1 and view 1 and view 1 and view 1 and view 1",
            51,
            "at most 4 conditions",
        ),
    ] {
        let error = parse_command(line, &limits).unwrap_err();
        assert!(error.to_string().contains(why), "{line}: {error}");
        assert_eq!(error.column, column, "{line}: {error}");
    }
    let watched = parse_condition("view 1 and state amf1 3 S", &limits).unwrap();
    let both = vec![Condition::View(1), Condition::State(AmfId(1), Block(3), LineState::S)];
    assert_eq!(watched, Condition::All(both));
    let error = parse_condition("replayed", &limits).unwrap_err().to_string();
    assert!(error.contains("no condition that can be watched"), "{error}");
    assert!(parse_condition("view 1 within 5s", &limits).is_err());
}
