//! Every seeded defect is caught by a checker that its row names: by fuzzing what the row draws, and by a
//! short script, `tests/defects/NAME.txt`. The healthy build passes the same seeds and scripts.

#![expect(clippy::print_stdout, reason = "a bless says what it could not make")]

use super::{must_be_silent, spec};
use amflab::campaign::defects::reach;
use amflab::campaign::seed::PlanResult;
use amflab::campaign::{Plan, Space, Spec, run_plan, run_seed, shrink};
use amflab::protocol::Defect;
use std::path::{Path, PathBuf};

/// Commands of a short script.
const COMMANDS_MAX: usize = 12;
/// Seeds in which a defect must be caught.
const SEEDS_MAX: u64 = 5_000;

fn space_of(defect: Defect) -> Space {
    Space::new(Spec { defect: Some(defect), ..spec("any", &[]) }).expect("the row fits the profile")
}

/// What is drawn for a defect can reach it.
#[test]
fn every_draw_keeps_to_the_row_of_its_defect() {
    for defect in Defect::ALL {
        let (row, space) = (reach(defect), space_of(defect));
        for seed in 0..50 {
            let drawn = space.draw(seed).unwrap_or_else(|error| panic!("{defect}: {error}"));
            let config = &drawn.profile.config;
            assert_eq!(config.defect, Some(defect));
            assert!(row.protocols.contains(&config.protocol), "{defect}: {config:?}");
            assert!(row.layouts.contains(&config.group.layout), "{defect}: {config:?}");
            assert!(row.write.is_none_or(|write| write == config.write), "{defect}: {config:?}");
            assert!((row.amfs.0..=row.amfs.1).contains(&config.amfs), "{defect}: {config:?}");
            let replicas = row.replicas.0..=row.replicas.1;
            assert!(replicas.contains(&config.replicas), "{defect}: {config:?}");
            let kinds: Vec<_> = row.recipe.chances.iter().map(|chance| chance.kind).collect();
            assert!(drawn.hazards.iter().all(|hazard| kinds.contains(&hazard.kind)), "{defect}");
            for set in row.sets {
                assert!(drawn.sets.iter().any(|drawn| drawn == set), "{defect}: {set}");
            }
        }
    }
}

#[test]
fn fuzzing_catches_every_defect() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut holes = Vec::new();
    for defect in Defect::ALL {
        let (row, space) = (reach(defect), space_of(defect));
        let caught = (0..SEEDS_MAX).find_map(|seed| {
            let result = run_seed(&space, seed, false).expect("it fits");
            result.finding.map(|found| (seed, found))
        });
        match caught {
            Some((seed, found)) if row.checkers.contains(&found.checker.as_str()) => {
                let healthy = space.healthy().expect("it fits");
                let result = run_seed(&healthy, seed, false).expect("it fits");
                if result.finding.is_some() {
                    holes.push(format!("{defect}, seed {seed} without it: {:?}", result.finding));
                }
            }
            other => holes.push(format!("{defect}: {:?} expected, {other:?}", row.checkers)),
        }
    }
    let _ = std::panic::take_hook();
    assert!(holes.is_empty(), "{}", holes.join("\n"));
}

/// What the same rows draw, with every rule whole.
#[test]
fn the_healthy_build_passes_what_catches_defects() {
    for defect in Defect::ALL {
        let space = space_of(defect).healthy().expect("it fits");
        for seed in 0..6 {
            must_be_silent(&space, seed);
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/defects")
}

fn plan_of(path: &Path) -> Plan {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    Plan::of_script(&text, &name, &folder(), &[]).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// The shrunk script of the first seed that catches a defect (with `AMFLAB_BLESS`, where there is none).
fn make_script(defect: Defect, path: &Path) {
    let space = space_of(defect);
    let caught = (0..SEEDS_MAX * 2).find_map(|seed| {
        let result = run_seed(&space, seed, false).expect("it fits");
        result.finding.map(|_| shrink(&result.plan, 3_000, &mut |_, _| true))
    });
    let Some(Ok(shrunk)) = caught else { return println!("{defect}: {caught:?}") };
    let finding = format!("{}: {}", shrunk.finding.checker, shrunk.finding.text);
    let before = format!("Shrunk from {} commands.", shrunk.before);
    std::fs::write(path, shrunk.plan.script(&[finding, before])).expect("it can be written");
}

#[test]
fn a_short_script_shows_every_defect_and_passes_without_it() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut wrong = Vec::new();
    for defect in Defect::ALL {
        let path = folder().join(format!("{defect}.txt"));
        if std::env::var_os("AMFLAB_BLESS").is_some() && !path.exists() {
            make_script(defect, &path);
        }
        if !path.exists() {
            wrong.push(format!("{defect}: {} is missing", path.display()));
            continue;
        }
        let plan = plan_of(&path);
        let row = reach(defect);
        let commands = plan.commands.len();
        if commands > COMMANDS_MAX || plan.load().expect("it fits").config.defect != Some(defect) {
            wrong.push(format!("{defect}: {commands} commands"));
        }
        let run = |plan: &Plan| run_plan(plan, false).expect("it fits");
        let PlanResult { finding, beyond, .. } = run(&plan);
        if !finding.as_ref().is_some_and(|f| row.checkers.contains(&f.checker.as_str())) || beyond {
            wrong.push(format!("{defect}: {:?} expected: {finding:?}", row.checkers));
        }
        let healthy = run(&plan.healthy());
        if healthy.finding.is_some() || healthy.beyond {
            wrong.push(format!("{defect}, without it: {healthy:?}"));
        }
    }
    let _ = std::panic::take_hook();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What campaigns found in the healthy build, and was mended: nothing fires any more.
#[test]
fn what_was_found_once_is_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("readable").path();
        let result = run_plan(&plan_of(&path), false).expect("it fits");
        assert_eq!(result.finding, None, "{}", path.display());
        assert!(!result.beyond, "{}", path.display());
        count += 1;
    }
    assert!(count > 0, "there are some");
}
