//! `amflab run` with what a profile says of its course: phases, warm-up, faults that come again, demands.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::cli::amflab;
use serde_json::Value;
use std::path::PathBuf;

/// Runs a profile of this text in the simulator; its exit code and report.
fn run(text: &str, args: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("mine.toml");
    std::fs::write(&path, text).unwrap();
    let fixed = ["run", "--engine", "sim", "--json", "-p", path.to_str().unwrap()];
    let ran = amflab(&[&fixed, args].concat());
    let report = serde_json::from_str(&ran.out);
    (ran.code, report.unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err)))
}

const SMALL: &str = "[volume]\nsize = \"4MiB\"\n[cache]\nlines = 512\n";

#[test]
fn phases_come_one_after_the_other_and_only_the_counted_one_is_in_the_figures() {
    let text = format!(
        "{SMALL}[[workload]]\nname = \"fill\"\ncounted = false\nread_ratio = 0\naccess = \"sequential\"\n\
         working_set = 64\nsharing = \"private\"\nops = 64\n\
         [[workload]]\nname = \"use\"\nafter = \"fill\"\nread_ratio = 1\nworking_set = 64\n\
         sharing = \"private\"\naccess = \"sequential\"\nops = 640\n"
    );
    let (code, report) = run(&text, &["--workload", "use"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!((&report["ops"], &report["writes"]), (&640.into(), &0.into()));
    assert_eq!(report["hit_ratio"], 1.0, "the phase before has filled the caches");
    assert_eq!(report["broadcasts"], 0, "{report:#}");
    assert_eq!(report["blocks_written"], 64);
    assert!(report["warmup_s"].as_f64().unwrap() > 0.0);
    assert_eq!(report["workloads"][0]["name"], "fill");
    assert_eq!(report["workloads"][0]["ops"], 0);
    assert_eq!(report["workloads"][1]["ops"], 640);
    // Both at once, without phases: the misses of the beginning are there.
    let (_, cold) = run(&text.replace("after = \"fill\"\n", ""), &["--workload", "use"]);
    assert!(cold["hit_ratio"].as_f64().unwrap() < 1.0);
}

#[test]
fn a_warm_up_is_left_out_and_an_end_counts_behind_it() {
    let text = format!(
        "{SMALL}[[workload]]\nname = \"w\"\nread_ratio = 1\nworking_set = 32\nrate = 1000\n\
         warmup = \"2s\"\n[end]\nduration = 3\n"
    );
    let (code, report) = run(&text, &[]);
    assert_eq!(code, 0, "{report:#}");
    let (ops, warmup) = (report["ops"].as_u64().unwrap(), report["warmup_s"].as_f64().unwrap());
    assert!(ops.abs_diff(3_000) <= 2, "{ops}");
    assert!((warmup - 2.0).abs() < 0.01, "{warmup}");
    assert_eq!(report["misses"], 0, "they were in the warm-up");
}

/// Only `warmup` and `counted = false` keep anything out of the figures: not that another one starts later.
#[test]
fn who_starts_later_does_not_keep_the_others_out_of_the_figures() {
    let text = format!(
        "{SMALL}[[workload]]\nname = \"early\"\nworking_set = 32\nrate = 100\nops = 100\n\
         [[workload]]\nname = \"late\"\nstart = \"2s\"\nworking_set = 32\nrate = 100\nops = 100\n\
         [[workload]]\nname = \"last\"\nafter = \"late\"\nworking_set = 32\nrate = 100\nops = 100\n"
    );
    let (code, report) = run(&text, &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!((&report["ops"], &report["warmup_s"]), (&300.into(), &0.0.into()));
    assert!(report["cluster_s"].as_f64().unwrap() > 3.9, "{report:#}");
    // All start late: the figures begin with the first of them.
    let (_, report) = run(&text.replace("\"early\"\n", "\"early\"\nstart = \"1s\"\n"), &[]);
    assert_eq!((&report["ops"], &report["warmup_s"]), (&300.into(), &1.0.into()));
    // The last one has a warm-up, behind the others.
    let (_, report) = run(&format!("{text}warmup = \"500ms\"\n"), &[]);
    let ops = report["ops"].as_u64().unwrap();
    assert!((49..=51).contains(&ops), "{ops}");
}

#[test]
fn demands_set_the_exit_code() {
    let text = format!(
        "{SMALL}[[workload]]\nname = \"w\"\nworking_set = 32\nops = 500\n[end]\nviolations = 0\nlost = 0\n\
         errors_max = 0\nops_min = 500\nhit_ratio_min = 0.1\np99_ms_max = 1000\n"
    );
    let (code, report) = run(&text, &[]);
    assert_eq!(code, 0, "{report:#}");
    let all = report["expectations"].as_array().unwrap();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|one| one["holds"] == true));
    for (set, key) in [
        ("end.hit_ratio_min=1.0", "hit_ratio_min"),
        ("end.p99_ms_max=0.001", "p99_ms_max"),
        ("end.ops_min=501", "ops_min"),
        ("end.messages_per_op_max=0.01", "messages_per_op_max"),
    ] {
        let (code, report) = run(&text, &["--set", set]);
        assert_eq!((code, &report["verdict"]), (1, &"ok".into()), "{set}");
        let failed: Vec<_> = report["expectations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["holds"] == false)
            .map(|one| one["key"].clone())
            .collect();
        assert_eq!(failed, [key]);
    }
}

#[test]
fn a_profile_may_say_that_something_is_wrong() {
    let broken = ["--set", "defect=skip_one_invalidate", "--ops", "2000"];
    let text = format!("{SMALL}[[workload]]\nname = \"w\"\nworking_set = 8\nread_ratio = 0.5\n");
    let (code, report) = run(&text, &broken);
    assert_eq!((code, &report["verdict"]), (1, &"violation".into()));
    let (code, report) =
        run(&format!("{text}[end]\nviolations = 1000000\nlost = 1000000\n"), &broken);
    assert_eq!((code, &report["verdict"]), (0, &"violation".into()), "{report:#}");
    let (code, _) = run(&format!("{text}[end]\nviolations = 0\n"), &broken);
    assert_eq!(code, 1);
}

/// Who says how many violations there may be has not said that anything may be lost.
#[test]
fn what_a_profile_says_nothing_of_is_not_accepted() {
    let text = format!(
        "{SMALL}[cluster]\nreplicas = 0\n[dirty_log]\nenabled = false\n\
         [[workload]]\nname = \"w\"\nworking_set = 32\nrate = 1000\n\
         [[fault]]\nat = \"1s\"\ncommand = \"crash amf1\"\n\
         [end]\nduration = 3\nviolations = 1000000\n"
    );
    let (code, report) = run(&text, &[]);
    assert!(report["lost_acknowledged_writes"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(code, 1);
    assert_eq!(run(&text, &["--set", "end.lost=1000000"]).0, 0);
}

#[test]
fn faults_come_again_are_ended_and_keep_no_run_from_its_end() {
    let text = format!(
        "{SMALL}[timing]\nlease_ms = 200\nsuspect_after_ms = 100\nretry_ms = 5\n\
         [[workload]]\nname = \"w\"\nworking_set = 32\nrate = 200\nduration = \"6s\"\n\
         [[fault]]\nat = 1\nevery = 2\nkind = \"crash\"\ntarget = \"each\"\nstability = \"700ms\"\n\
         [[fault]]\nat = \"5800ms\"\nkind = \"fail-disk\"\ntarget = \"disk0\"\nstability = 100\n"
    );
    let (code, report) = run(&text, &[]);
    assert_eq!((code, &report["verdict"]), (0, &"ok".into()), "{report:#}");
    assert!(report["takeovers"].as_u64().unwrap() > 0);
    assert!(report["views"].as_u64().unwrap() >= 6, "three crashes, three returns: {report:#}");
    assert_eq!(report["remarks"], serde_json::json!([]), "everything was ended: {report:#}");
}

#[test]
fn built_in_workloads_run_with_every_profile() {
    let names = amflab(&["workloads", "list"]);
    assert_eq!(names.code, 0);
    for name in names.out.lines() {
        let args = ["run", "--engine", "sim", "-p", "demo", "--workload", name, "--ops", "300"];
        let ran = amflab(&args);
        assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("verdict     ok"), "{name}: {}", ran.out);
        let shown = amflab(&["workloads", "show", name]);
        assert!(shown.out.contains(&format!("name = \"{name}\"")));
    }
    let ran = amflab(&["run", "--workload", "ping-pongg"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("hint: did you mean `ping-pong`?"), "{}", ran.err);
    let ran = amflab(&["workloads", "show", "nothing"]);
    assert_eq!(ran.code, 2);
}
