//! What takes longer than a frame goes on beside the keys, in the real program; and what stops a cluster.

use super::pty::Console;
use crate::cli::amflab;

#[test]
fn a_fold_goes_on_beside_the_keys_and_esc_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.amfrec");
    let file = file.to_str().unwrap();
    // To fold it takes much longer than anybody waits for without a bar.
    let args = ["run", "-p", "demo", "--engine", "sim", "--ops", "15000", "--record", file];
    assert_eq!(amflab(&args).code, 0);
    let mut console = Console::real(100, 30, &["play", file]);
    console.until_text("This is a recording");
    console.type_keys("7]");
    let is_at_end = |line: &str| line.trim_end().ends_with('^');
    console.until("its end", |screen, _| screen.lines().any(is_at_end));
    console.type_keys("b");
    console.until_text("another run from step");
    // Other keys do what they always do.
    console.type_keys("6");
    console.until_text("Ladder ─");
    console.type_keys("\x1b");
    console.until_text("was ended");
    console.until("its bar is gone", |screen, _| !screen.contains("esc ends it"));
    // It can be begun again, and comes to its end.
    console.type_keys("7:watch view 1\r");
    console.until_text("does not begin to hold anywhere in this run");
    console.type_keys("q");
    assert!(console.ends().0);
}

#[test]
fn a_cluster_is_held_where_the_condition_begins_to_hold() {
    let args = ["--engine", "sim", "-p", "claims"];
    let mut console = Console::real(100, 30, &args);
    console.until_text("2 of 2 serve");
    console.type_keys(":watch state amf0 3 M\r");
    console.until_text("the cluster will stop where state amf0 3 M begins to hold");
    console.type_keys(":write amf0 3 \"x\"\r");
    console.until_text("begins to hold in step");
    console.until_text("0 held");
    console.type_keys(" ");
    console.until_text("amf0 told 1 AMF to invalidate");
    // Looking back, that step is marked, and gone to.
    console.type_keys("7,");
    console.until_text("begins to hold 1 time");
    console.type_keys("{a");
    console.until_text("is marked; d at another one tells what differs");
    console.type_keys("[d");
    console.until_text("line b3");
    console.type_keys("\x1b");
    console.until("it is closed", |screen, _| !screen.contains("line b3"));
    console.type_keys("N");
    console.until_text("here the cluster stood");
    console.type_keys(":watch off\rq");
    assert!(console.ends().0);
}
