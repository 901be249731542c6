//! When a violation became inevitable: of races that scripts show, the share of futures that fail is 1 from
//! some step on, and less before; the same with the same seed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::campaign::foresee::{Blind, Foresight, Options};
use amflab::protocol::id::{Block, Key};
use amflab::trace::Foreseen;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The recording of a script.
fn recorded(script: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("run.amfrec");
    let mut amflab = Command::new(env!("CARGO_BIN_EXE_amflab"));
    amflab.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).stderr(Stdio::null());
    amflab.args(["exec", script, "--record"]).arg(&file).status().unwrap();
    std::fs::read(file).unwrap()
}

fn foresee(bytes: &[u8], options: Options) -> Foreseen {
    let mut foresight = Foresight::open(bytes, options, &mut |_| true).unwrap();
    while foresight.turn() {}
    foresight.foreseen()
}

/// The script of a defect that is a race: after the cliff every future fails, before it some are fine.
fn has_a_cliff(defect: &str) -> Foreseen {
    let bytes = recorded(&format!("tests/defects/{defect}.txt"));
    let options = Options { futures: 12, ..Options::default() };
    let known = foresee(&bytes, options);
    assert!(known.done && known.points.iter().all(|point| point.futures == 12), "{known:?}");
    let fine = known.last_fine().unwrap_or_else(|| panic!("{defect}: {known:?}"));
    let from = known.inevitable_from();
    assert_eq!(from, fine + 1, "{defect}: {known:?}");
    for point in &known.points {
        assert_eq!(point.failed == point.futures, point.position >= from || point.share() == 1_000);
        assert!(point.position <= fine || point.share() == 1_000, "{defect}: {known:?}");
    }
    assert!(known.points.iter().any(|point| point.share() < 1_000), "{known:?}");
    assert_eq!(foresee(&bytes, options), known, "{defect}: the same seed, the same shares");
    known
}

#[test]
fn a_race_has_a_step_after_which_every_future_fails() {
    let known = has_a_cliff("stale_grant_copy");
    assert_eq!(known.key, Some(Key::Block(Block(3))));
    has_a_cliff("no_recovery_deferral");
}

#[test]
fn what_is_no_race_is_inevitable_from_the_beginning() {
    let bytes = recorded("tests/defects/skip_one_invalidate.txt");
    let known = foresee(&bytes, Options { futures: 4, ..Options::default() });
    assert_eq!((known.last_fine(), known.inevitable_from()), (None, 0), "{known:?}");
    assert_eq!((&*known.checker, known.key), ("single-writer", Some(Key::Block(Block(1)))));
    assert!(known.said().contains("from the very beginning"));
}

#[test]
fn without_a_violation_there_is_nothing_to_foresee() {
    let bytes = recorded("tests/conversations/claim-03.txt");
    let open = |block| {
        let options = Options { block, ..Options::default() };
        Foresight::open(bytes.as_slice(), options, &mut |_| true).err().unwrap()
    };
    assert!(matches!(open(None), Blind::Fine));
    assert!(matches!(open(Some(Block(1))), Blind::FineAbout(Block(1))));
    let error = Foresight::open(&b"no recording"[..], Options::default(), &mut |_| true).err();
    assert!(matches!(error, Some(Blind::Recording(_))));
}

/// A write that is lost and never read shows in no step: the audit at the end finds it, in the recording and in
/// its futures.
#[test]
fn what_only_an_audit_finds_counts() {
    let bytes = recorded("tests/defects/dirty_handover.txt");
    let known = foresee(&bytes, Options { futures: 4, ..Options::default() });
    assert_eq!((&*known.checker, known.key), ("durability", Some(Key::Block(Block(1)))));
    assert_eq!(known.undecided(), 0, "{known:?}");
    let last = known.points.last().unwrap();
    assert_eq!((last.failed, last.share()), (4, 1_000), "{known:?}");
}

/// A future that does not come to its end is neither fine nor does it fail.
#[test]
fn a_future_that_runs_out_of_steps_is_undecided() {
    let bytes = recorded("tests/defects/skip_one_invalidate.txt");
    let known = foresee(&bytes, Options { futures: 4, steps: 1, ..Options::default() });
    let first = known.points.first().unwrap();
    assert_eq!((first.position, first.undecided, first.fine(), first.share()), (0, 4, 0, 0));
    assert_eq!(known.last_fine(), None, "{known:?}");
    assert!(known.said().contains("undecided"), "{}", known.said());
}
