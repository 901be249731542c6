//! Space-time diagrams: what a recording of a known conversation looks like, and what belongs together.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::protocol::id::{AmfId, OpId};
use amflab::timeline::Timeline;
use amflab::timeline::ladder::cone::{Reach, follow, pairs};
use amflab::timeline::ladder::draw::{ASCII, Frame, RICH};
use amflab::timeline::ladder::{Carries, Column, Level, Row, What, rows, svg};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn amflab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amflab")).args(args).current_dir(root()).output().unwrap()
}

/// The conversation as a recording.
pub(crate) fn recorded(folder: &TempDir, script: &str) -> PathBuf {
    let file = folder.path().join("run.amfrec");
    let script = format!("tests/conversations/{script}");
    let done = amflab(&["exec", &script, "--record", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    file
}

fn rows_of(file: &Path) -> (Timeline, Vec<Row>) {
    let mut timeline = Timeline::open(std::fs::File::open(file).unwrap(), &mut |_| {}).unwrap();
    let len = timeline.len();
    let events = timeline.look(0, len).unwrap();
    (timeline, rows(&events))
}

fn op(row: &Row, number: u64) -> bool {
    row.op == Some(OpId(number))
}

#[test]
fn what_leaves_at_once_is_one_row_and_every_arrival_has_left() {
    let folder = TempDir::new().unwrap();
    let (timeline, rows) = rows_of(&recorded(&folder, "cex-R1.txt"));
    assert_eq!(timeline.position(), timeline.len(), "to look is not to go");
    assert!(rows.windows(2).all(|pair| pair[0].at < pair[1].at), "addresses are in order");

    let asks: Vec<&Row> = rows
        .iter()
        .filter(|row| op(row, 1) && matches!(&row.what, What::Leaves { to, .. } if to.len() == 2))
        .collect();
    assert_eq!(asks.len(), 1, "the broadcast of op1 to both others is one row: {asks:?}");

    let pairs = pairs(&rows);
    let mut arrivals = 0;
    for (row, left) in rows.iter().zip(&pairs) {
        // Lists left when the cluster began, before anybody looked.
        let asked = row.op.is_some();
        if let What::Arrow { carries: Carries::Message(..), .. } = row.what
            && asked
        {
            let left = &rows[left.unwrap_or_else(|| panic!("{row:?} never left"))];
            assert!(left.at < row.at && left.key == row.key && left.op == row.op);
            arrivals += 1;
        }
    }
    assert!(arrivals > 15, "{arrivals}");
}

#[test]
fn an_operation_is_followed_by_what_was_done_for_it_or_by_cause_and_effect() {
    let folder = TempDir::new().unwrap();
    let (_, rows) = rows_of(&recorded(&folder, "cex-R1.txt"));
    let shown = |number, reach| -> Vec<&Row> {
        let shown = follow(&rows, OpId(number), reach);
        rows.iter()
            .zip(shown)
            .filter(|(row, shown)| *shown && !row.what.is_band())
            .map(|(r, _)| r)
            .collect()
    };
    let own = shown(2, Reach::Own);
    assert!(own.len() > 10 && own.iter().all(|row| row.op.is_none_or(|op| op == OpId(2))));
    let commit = |row: &&Row| row.text.starts_with("commit b1");
    assert_eq!(own.iter().copied().filter(commit).count(), 1, "what its step did is part of it");
    assert!(!own.iter().any(|row| row.text.contains("b0")), "another block is not");

    let cone = shown(2, Reach::Cone);
    assert!(own.iter().all(|row| cone.contains(row)), "the cone has all of its own");
    let destage = |row: &&Row| row.text.starts_with("destaged b1");
    assert_eq!(own.iter().copied().filter(destage).count(), 0);
    assert_eq!(cone.iter().copied().filter(destage).count(), 1, "the destage comes of the write");
    assert!(!cone.iter().any(|row| op(row, 1)), "op1 wrote another block before: no cause of op2");
}

#[test]
fn what_happened_later_on_the_same_block_came_of_it_and_not_the_other_way_round() {
    let folder = TempDir::new().unwrap();
    let (_, rows) = rows_of(&recorded(&folder, "cex-R1.txt"));
    // op1 and op3 write b0, in this order, at amf0.
    let after = follow(&rows, OpId(1), Reach::Cone);
    assert!(rows.iter().zip(&after).any(|(row, shown)| op(row, 3) && *shown), "op3 follows op1");
    let before = follow(&rows, OpId(3), Reach::Cone);
    assert!(rows.iter().zip(&before).any(|(row, shown)| op(row, 1) && *shown), "op1 led to op3");
}

#[test]
fn a_line_is_as_wide_as_it_may_be_and_columns_that_find_no_room_are_counted() {
    let folder = TempDir::new().unwrap();
    let (_, rows) = rows_of(&recorded(&folder, "cex-R1.txt"));
    let columns = Column::all(3, 3);
    for width in [40, 60, 80, 120, 200, 400] {
        for first in 0..columns.len() {
            for signs in [RICH, ASCII] {
                let frame = Frame::fit(&columns, first, width, signs);
                assert_eq!(frame.hidden.0, first);
                assert_eq!(frame.hidden.0 + frame.columns.len() + frame.hidden.1, columns.len());
                assert!(!frame.columns.is_empty(), "{width} {first}");
                for line in
                    std::iter::once(frame.head()).chain(rows.iter().map(|r| frame.line(r, false)))
                {
                    let wide: usize = line.iter().map(|(_, text)| text.chars().count()).sum();
                    assert!(wide <= width, "{wide} of {width}: {line:?}");
                    let ascii = line.iter().all(|(_, text)| text.is_ascii());
                    assert!(signs != ASCII || ascii, "{line:?}");
                }
            }
        }
    }
    let frame = Frame::fit(&columns, 0, 200, RICH);
    assert_eq!(frame.column_at(11), Some(Column::Hosts));
    assert_eq!(frame.column_at(11 + frame.column), Some(Column::Amf(AmfId(0))));
    assert_eq!(frame.column_at(3), None);
}

#[test]
fn a_picture_is_well_formed_whatever_data_says() {
    let folder = TempDir::new().unwrap();
    let (_, mut rows) = rows_of(&recorded(&folder, "cex-R1.txt"));
    rows[3].text = "<script>&\"\u{1b}[2J".to_owned();
    let picture = svg::svg(&rows, &Column::all(3, 3), "a <b>");
    assert!(!picture.contains("<script>") && !picture.contains('\u{1b}'), "text is text");
    for name in ["svg", "title", "style", "text"] {
        let (open, close) = (format!("<{name}"), format!("</{name}>"));
        assert_eq!(picture.matches(&open).count(), picture.matches(&close).count(), "{name}");
    }
    let arrows = rows.iter().filter(|row| matches!(row.what, What::Arrow { .. })).count();
    assert!(picture.matches("<path ").count() >= arrows, "every arrow is drawn");
    assert!(!picture.contains("http://") || picture.matches("http").count() == 1, "no reference");

    let many: Vec<Row> = std::iter::repeat_n(rows[0].clone(), svg::ROWS_MAX + 7).collect();
    assert!(svg::svg(&many, &Column::all(3, 3), "many").contains("7 more rows are left out"));
}

#[test]
fn the_command_prints_a_diagram_follows_and_refuses_what_is_not_there() {
    let folder = TempDir::new().unwrap();
    let file = recorded(&folder, "cex-R1.txt");
    let name = file.to_str().unwrap();
    let said = amflab(&["ladder", name, "--ascii", "--width", "120"]);
    let text = String::from_utf8(said.stdout).unwrap();
    let golden = root().join("tests/golden/ladder.txt");
    if std::env::var_os("AMFLAB_BLESS").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    let known = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(text, known, "AMFLAB_BLESS=1 accepts");

    let levels = ["messages", "states", "rules"].map(|level| {
        let said = amflab(&["ladder", name, "--level", level]);
        String::from_utf8(said.stdout).unwrap().lines().count()
    });
    assert!(levels[0] < levels[1] && levels[1] < levels[2], "{levels:?}");
    assert!(Level::Messages < Level::States && Level::States < Level::Rules);

    let picture = folder.path().join("ladder.svg");
    let drawn = amflab(&["ladder", name, "--to", "60", "-o", picture.to_str().unwrap()]);
    assert!(drawn.status.success() && drawn.stdout.is_empty());
    assert!(std::fs::read_to_string(&picture).unwrap().starts_with("<svg "));

    for (args, words) in [
        (vec!["--follow", "77"], "operation 77"),
        (vec!["--from", "9", "--to", "3"], "steps 9 to 3"),
        (vec!["--to", "99999"], "the recording has"),
        (vec!["--columns", "amf7"], "no `amf7`"),
        (vec!["--width", "9"], "40 to 400"),
    ] {
        let mut all = vec!["ladder", name];
        all.extend(args);
        let refused = amflab(&all);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && refused.stdout.is_empty(), "{all:?}");
        assert!(said.contains(words), "{all:?}: {said}");
    }
}
