//! What recording costs: requests a second of `demo`'s `storm` with and without, on both engines.

use crate::{Figure, paired, profile};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile::Profile;
use amflab::protocol::id::Span;
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Advance, Engine};
use amflab::workload::{Driver, DriverSettings, Generator, Next};
use std::path::Path;

pub(crate) const FIGURE: Figure = Figure {
    name: "recording",
    bar: "recorded, `demo` unpaced does at least 0.9 x what it does otherwise",
    run,
};

/// Requests of a round.
const OPS: u64 = 30_000;

fn run() -> String {
    let profile = profile("demo", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.amfrec");
    let live = |record: Option<&Path>| {
        let options = LiveOptions { keep_steps: record.is_some(), ..LiveOptions::default() };
        let engine = LiveEngine::start(&profile, &options).expect("starts");
        rate(engine, &profile, record)
    };
    let (with, without) = paired(|| live(Some(&file)), || live(None));
    let sim = |record: Option<&Path>| {
        let keep = record.is_some();
        let options = SimOptions { judge: false, keep, ..SimOptions::default() };
        rate(Sim::new(&profile, 1, options), &profile, record)
    };
    let (sim_with, sim_without) = paired(|| sim(Some(&file)), || sim(None));
    format!(
        "live {:.0} k requests/s, {:.2} x without; simulated {:.0} k requests/s, {:.2} x without",
        with / 1e3,
        with / without,
        sim_with / 1e3,
        sim_with / sim_without
    )
}

/// Requests a second.
fn rate(mut engine: impl Engine, profile: &Profile, record: Option<&Path>) -> f64 {
    if let Some(path) = record {
        let _ = std::fs::remove_file(path);
        engine.submit(Action::Record(Some(path.to_owned()))).expect("records");
    }
    let spec = profile.workloads.iter().find(|spec| spec.name == "storm").expect("storm");
    let amfs = profile.config.users();
    let settings = DriverSettings { amfs, queue_depth: spec.queue_depth, late_max: None };
    let generator = Generator::new(spec, &profile.config, 1, 1);
    let mut driver = Driver::new(generator, settings, engine.now());
    let start = std::time::Instant::now();
    let mut done = 0;
    while done < OPS {
        while let Next::Submit(planned) = driver.poll(engine.now()) {
            engine.host(planned.amf, planned.kind);
        }
        let until = engine.now() + Span::millis(50);
        engine.advance(Advance { until, steps_max: 1 }).expect("runs");
        while let Some(completion) = engine.poll_completion() {
            driver.on_completion(completion.amf, completion.ended);
            done += 1;
        }
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    engine.shutdown().expect("ends");
    rate
}
