//! Journals \[J1 to J5, M7\] and power failures: what was acknowledged is there when everything is back.
//! Each counterexample is a script that passes with its rule, and without it a named checker fires.

use amflab::profile;
use amflab::protocol::id::{AmfId, DiskId, Span};
use amflab::protocol::{Defect, Payload, RequestKind, Sectors};
use amflab::session::{Session, run_script};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::engine::{Advance, HostPort};
use amflab::trace::{Action, Ask, Control, Engine, Limits, Step, StepEntry, Target, parse_script};
use std::fmt::Write;
use std::path::Path;

/// What went wrong: failed commands, then violations by checker.
fn run(sets: &[&str], defect: Option<Defect>, text: &str) -> (Vec<String>, Vec<String>) {
    let mut sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    sets.push("journal.enabled=true".to_owned());
    if let Some(defect) = defect {
        sets.push(format!("defect={defect}"));
    }
    let profile = profile::load("claims", &sets).expect("a good profile");
    let script = parse_script(text, "journal", &Limits::of(&profile, Path::new(".")));
    let script = script.unwrap_or_else(|errors| panic!("{errors:?}"));
    let options = SimOptions { judge: true, ..SimOptions::default() };
    let sim = Sim::new(&profile, 1, options);
    let mut session = Session::new(Box::new(sim), &profile);
    let report = run_script(&mut session, &script, false, &mut |_| {}).expect("a working engine");
    let failures = report.failures.iter();
    let failures = failures.map(|f| format!("{}: {}", f.line, f.report.lines.join(" "))).collect();
    let found = session.snapshot(&Ask::BRIEF).violations;
    (failures, found.into_iter().map(|v| format!("{}: {}", v.checker, v.text)).collect())
}

fn healthy(sets: &[&str], text: &str) {
    assert_eq!(run(sets, None, text), (Vec::new(), Vec::new()));
}

fn caught(sets: &[&str], defect: Defect, text: &str, checker: &str) {
    healthy(sets, text);
    let (_, found) = run(sets, Some(defect), text);
    assert!(found.iter().any(|v| v.starts_with(checker)), "{defect}: {found:?}");
}

/// \[J1\] Nobody else has it: it is answered once the own journal does.
#[test]
fn an_answered_write_survives_a_power_failure() {
    let alone = ["cluster.replicas=0", "journal.time_us=3000"];
    let text = "write amf0 3 \"alpha\"\npower-fail\nsettle\nexpect value amf1 3 \"alpha\"\n\
                expect value amf0 3 \"alpha\"\nexpect violations 0\n";
    caught(&alone, Defect::AckBeforeJournal, text, "reads");
}

/// \[J2\] The lender's entry goes only when the new owner's is there.
#[test]
fn a_lender_waits_for_the_new_owners_journal() {
    let sets = ["cluster.protocol=moesi", "cluster.replicas=0", "journal.time_us=5000"];
    let text = "write amf0 3 \"alpha\"\na: write amf1 5 \"x\"\nb: write amf1 6 \"y\"\n\
                c: write amf1 7 \"z\"\nw: write amf1 3 \"beta\"\nwait 12ms\npower-fail\nsettle\n\
                expect result w unknown-outcome\nexpect value amf0 3 \"alpha\"\n\
                expect value amf1 3 \"alpha\"\nexpect violations 0\n";
    caught(&sets, Defect::SupersedeBeforeJournal, text, "reads");
}

/// \[J4\] Who adopts has it in the own journal, or on disk, before it gives up the replica.
#[test]
fn an_adopter_journals_what_it_adopts() {
    let sets = ["cluster.amfs=3", "cluster.protocol=sharing"];
    let text = "write amf0 3 \"alpha\"\nslow disk0 200ms\nslow disk1 200ms\ncrash amf0\n\
                run-until replicated amf1 3\nwait 5ms\npower-fail\nsettle\n\
                expect value amf2 3 \"alpha\"\nexpect violations 0\n";
    caught(&sets, Defect::AdoptWithoutJournal, text, "reads");
}

/// After an eviction, too, an AMF's own journal is recovering before its first grant; and what is on
/// disk is not in it any more \[J3\].
#[test]
fn a_journal_is_adopted_after_an_eviction_and_goes_when_the_disk_has_it() {
    let text = "write amf0 3 \"alpha\"\nwrite amf0 4 \"beta\"\npause amf0\nrun-until view 2\n\
                resume amf0\nsettle\nexpect value amf0 3 \"alpha\"\nexpect value amf1 4 \"beta\"\n\
                write amf1 3 \"gamma\"\ndestage all\nsettle\npower-fail\nsettle\n\
                expect value amf0 3 \"gamma\"\nexpect violations 0\n";
    healthy(&["cluster.amfs=3"], text);
}

/// Power fails again and again under every protocol, while everybody writes.
#[test]
fn power_fails_again_and_again() {
    for protocol in ["broadcast", "sharing", "moesi", "update"] {
        for (seed, replicas) in [(1, 0), (2, 1), (3, 2)] {
            let mut text = String::new();
            for round in 0..12_u32 {
                for n in 0..6_u32 {
                    let (amf, block) = ((round * 7 + n * seed) % 3, (round + n * n) % 5);
                    let name = format!("r{round}n{n}");
                    let _ = writeln!(text, "{name}: write amf{amf} {block} \"{name}\"");
                    let _ =
                        writeln!(text, "x{name}: read amf{} {}", (amf + n) % 3, (block + n) % 5);
                }
                let _ = writeln!(text, "wait {}us", 37 * (round + 1) * seed);
                text += "power-fail\n";
                if round % 3 == 2 {
                    text += "settle\n";
                }
            }
            text += "settle\n";
            for block in 0..5 {
                for amf in 0..3 {
                    let _ = writeln!(text, "read amf{amf} {block}");
                }
            }
            text += "destage all\nsettle\nexpect violations 0\n";
            let sets = [
                "cluster.amfs=3".to_owned(),
                format!("cluster.protocol={protocol}"),
                format!("cluster.replicas={replicas}"),
                format!("journal.time_us={}", 20 * seed * seed * 10),
                format!("store.tears={}", seed > 1),
            ];
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            healthy(&sets, &text);
        }
    }
}

/// What stores and journals had been given and had not reported when the power failed may have got there or not:
/// everything between all and nothing is drawn, from each of them.
#[test]
fn a_power_failure_takes_part_of_what_is_being_written() {
    let sets = [
        "journal.enabled=true",
        "journal.time_us=300",
        "store.disk_time_us=900",
        "store.tears=true",
    ];
    let sets = sets.map(str::to_owned);
    let profile = profile::load("claims", &sets).expect("a good profile");
    let per = u64::from(profile.config.sectors_per_block());
    let mut drawn: [Vec<(usize, u32)>; 2] = Default::default();
    for seed in 0..60 {
        let options = SimOptions { log: true, ..SimOptions::default() };
        let mut sim = Sim::new(&profile, seed, options);
        let pass = |sim: &mut Sim, time| {
            let until = sim.now() + time;
            sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
        };
        pass(&mut sim, Span::secs(1));
        // The first write has the region noted.
        for (first, blocks) in [(true, 0..1), (false, 0..6)] {
            for block in blocks {
                let sectors = Sectors { first: block * per, count: u32::try_from(per).unwrap() };
                let payload = Payload::Stamp { volume: 0, writer: 1, sequence: block + 1 };
                sim.host(AmfId(0), RequestKind::Write(sectors, payload));
            }
            pass(&mut sim, Span::micros(if first { 5_000 } else { 300 + seed * 20 }));
        }
        sim.submit(Action::Destage(Target::All)).unwrap();
        pass(&mut sim, Span::micros(100 + seed * 20));
        let given = [sim.world().may_be_lost(DiskId(0)), sim.world().journalled(AmfId(0))];
        let before = sim.world().step_count();
        sim.submit(Action::PowerFail).unwrap();
        let log = &sim.log()[usize::try_from(before).unwrap()..];
        let of = |is: fn(&Control) -> Option<u32>| {
            let mut counts = log.iter().filter_map(|entry| match &entry.step {
                Step::Control(control) => is(control),
                _ => None,
            });
            counts.next().unwrap_or(0)
        };
        let lost = of(|control| match control {
            Control::LoseWrites(DiskId(0), count) => Some(*count),
            _ => None,
        });
        let kept = of(|control| match control {
            Control::KeepJournal(AmfId(0), count) => Some(*count),
            _ => None,
        });
        for (at, part) in [lost, kept].into_iter().enumerate() {
            drawn[at].push((given[at], part));
        }
    }
    for drawn in drawn {
        let whole = |given: usize| u32::try_from(given).unwrap();
        assert!(drawn.iter().all(|(given, part)| *part <= whole(*given)), "{drawn:?}");
        assert!(drawn.iter().any(|(given, part)| *given > 0 && *part == 0), "none: {drawn:?}");
        assert!(
            drawn.iter().any(|(given, part)| *given > 0 && *part == whole(*given)),
            "{drawn:?}"
        );
        assert!(drawn.iter().any(|(given, part)| *part > 0 && *part < whole(*given)), "{drawn:?}");
    }
}

/// A log cannot take away what is not there.
#[test]
fn a_log_that_loses_more_than_was_given_is_refused() {
    let profile = profile::load("claims", &["journal.enabled=true".to_owned()]).unwrap();
    let sim = Sim::new(&profile, 1, SimOptions::default());
    for control in [Control::LoseWrites(DiskId(0), 1), Control::KeepJournal(AmfId(0), 1)] {
        let mut world = sim.world().clone();
        let step = Step::Control(control);
        let refused = world.apply(&StepEntry { now: sim.now(), step });
        assert!(refused.is_err(), "nothing is under way");
    }
}
