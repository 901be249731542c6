//! Recordings: what is written while a cluster runs comes back, whatever happens to the file.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cli;
mod damage;
mod export;
mod fork;
mod live;
mod past;
mod sim;
mod timeline;

use amflab::campaign::direct::Director;
use amflab::campaign::stage::Stage;
use amflab::campaign::{Space, Spec};
use amflab::profile::Profile;
use amflab::sim::SimOptions;
use amflab::timeline::{Fold, head_of};
use amflab::trace::recording::{Encoder, Head, Reader, Recorded, Tail};
use amflab::trace::{Action, Engine, StepEntry};
use std::io::Read as _;
use std::path::Path;

/// A recording, whole.
struct Read {
    head: Head,
    profile: Profile,
    steps: Vec<Recorded>,
    tail: Tail,
}

/// The bytes of a run that goes on.
fn bytes_of(engine: &mut impl Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.recorded().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Read {
    let (mut reader, profile) = head_of(bytes).unwrap();
    let steps = steps(&mut reader);
    Read { head: reader.head().clone(), profile, steps, tail: reader.tail().clone() }
}

fn steps(reader: &mut Reader<impl std::io::Read>) -> Vec<Recorded> {
    let mut steps = Vec::new();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        assert_eq!(chunk.first, steps.len() as u64);
        steps.extend(chunk.steps);
    }
    steps
}

/// The steps as a recording.
fn write(head: &Head, profile: &Profile, steps: &[Recorded]) -> Vec<u8> {
    let mut bytes = Encoder::head(head);
    let mut encoder = Encoder::new(profile.config.amfs, profile.config.disks_all());
    for step in steps {
        if encoder.push(step) {
            encoder.seal(&mut bytes);
        }
    }
    encoder.end("the run ended", false, &mut bytes);
    bytes
}

/// Folds all of it, every output compared.
fn fold(read: &Read) -> Fold {
    let mut fold = Fold::new(&read.profile, &read.head);
    for step in &read.steps {
        assert!(fold.apply(step) && fold.trouble().is_none(), "{}", fold.trouble().unwrap());
    }
    fold
}

/// A simulated run under every fault, recorded into a file; and its log.
fn run(seed: u64, ops: u32, file: &Path) -> (Stage, Vec<StepEntry>) {
    let space = Space::new(Spec { ops: Some(ops), ..Spec::default() }).unwrap();
    let drawn = space.draw(seed).unwrap();
    let options = SimOptions { log: true, keep: true, ..Stage::JUDGED };
    let mut stage = Stage::new(&drawn.profile, options, false);
    stage.look(|sim, _| sim.submit(Action::Record(Some(file.to_owned()))).unwrap());
    let (ended, _, _) = Director::new(&mut stage, &drawn).direct();
    assert_eq!(ended, Ok(()), "seed {seed}");
    // The clean end of the engine is the end of its recording.
    stage.look(|sim, _| sim.shutdown().unwrap());
    assert!(stage.look(|sim, _| sim.submit(Action::Record(None))).is_err());
    let log = stage.look(|sim, _| sim.log().to_vec());
    (stage, log)
}

/// The bytes of such a recording.
fn recording(seed: u64, ops: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.amfrec");
    run(seed, ops, &file);
    std::fs::read(&file).unwrap()
}
