//! `workload start NAME` with what the profile does not have itself: the built-in workloads.

use super::cli::{amflab, amflab_with};
use amflab::profile;
use amflab::session::{Session, Status};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Limits, parse_command};
use std::path::Path;

#[test]
fn every_built_in_workload_is_started_and_stopped_in_a_session() {
    let profile = profile::load("demo", &["volume.size=64MiB".to_owned()]).unwrap();
    let limits = Limits::of(&profile, Path::new("."));
    for name in profile::workload_names() {
        let sim = Sim::new(&profile, 1, SimOptions::default());
        let mut session = Session::new(Box::new(sim), &profile);
        let mut give = |text: &str| {
            let command = parse_command(text, &limits).unwrap_or_else(|e| panic!("{text}: {e}"));
            let report = session.execute(&command).unwrap();
            assert_eq!(report.status, Status::Fine, "{text}: {:?}", report.lines);
            session.workloads_running().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(give(&format!("workload start {name}")).iter().any(|on| on == name));
        give("wait 20ms");
        for on in give("wait 1ms") {
            give(&format!("workload stop {on}"));
        }
        assert!(give("settle").is_empty(), "{name}");
        let counts = session.snapshot(&amflab::trace::Ask::BRIEF).counts;
        assert!(counts.hits + counts.misses > 0, "{name} asked for nothing");
    }
}

#[test]
fn scripts_start_them_on_either_engine() {
    let script = "# profile: demo\nworkload start ping-pong\nwait 50ms\nworkload stop ping-pong\n\
                  settle\nexpect violations 0\n";
    for engine in ["sim", "live"] {
        let ran = amflab_with(&["exec", "--engine", engine, "-"], script);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
}

#[test]
fn what_is_misspelt_or_does_not_fit_is_refused_before_anything_runs() {
    let refused = |profile: &str, name: &str| {
        let script = format!("note \"first\"\nworkload start {name}\n");
        let ran = amflab_with(&["exec", "-p", profile, "-"], &script);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        ran.err
    };
    let said = refused("demo", "ycbs-a");
    assert!(said.contains("-:2:") && said.contains("did you mean `ycsb-a`?"), "{said}");
    let said = refused("claims", "ycsb-a");
    assert!(said.contains("-:2:") && said.contains("working_set"), "{said}");
}

/// What the console saves runs again, built-in workloads and all.
#[test]
fn a_saved_session_starts_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("mine.txt").display().to_string();
    let typed = format!(
        "workload start producer-consumer\nwait 20ms\nworkload stop producer-consumer\n\
         workload start nothing-like-it\nsave {saved}\n"
    );
    let ran =
        amflab_with(&["--plain", "--engine", "sim", "-p", "demo", "--config", "none"], &typed);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("error: ") && ran.out.contains("nothing-like-it"), "{}", ran.out);
    let text = std::fs::read_to_string(&saved).unwrap();
    assert!(text.contains("\nworkload start producer-consumer\n"), "{text}");
    let ran = amflab(&["exec", &saved]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

/// A schedule of faults may start one, too.
#[test]
fn a_schedule_starts_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml").display().to_string();
    let text = "[[workload]]\nname = \"own\"\nread_ratio = 1\nworking_set = 8\nrate = 100\n\
                [[fault]]\nat = \"100ms\"\ncommand = \"workload start migratory\"\n[end]\nduration = 1\n";
    std::fs::write(&path, text).unwrap();
    let ran = amflab(&["run", "--engine", "sim", "--json", "-p", &path]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["remarks"], serde_json::json!([]), "{}", ran.err);
    assert!(report["writes"].as_u64().unwrap() > 0, "the own workload only reads: {report:#}");
}

/// What comes with a built-in workload has a name of its own, and can be stopped and started by it.
#[test]
fn what_belongs_to_one_can_be_named() {
    let script = "# profile: demo\nworkload start ycsb-c-load\nwait 10ms\nworkload stop ycsb-c-load\n\
                  settle\n";
    let ran = amflab_with(&["exec", "-"], script);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
