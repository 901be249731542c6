//! A recording as a cluster that can be looked at, at any position.
//!
//! [`Timeline::open`] folds the whole recording once, compares what the machines put out with what was
//! recorded, and keeps snapshots of the world on the way; [`Timeline::seek`] starts from the nearest
//! one. A position counts steps: at `n`, the first `n` steps have happened.
//!
//! Reading order: [`fold`] (one step after the other), `snaps` (which worlds are kept), `marks` (what
//! stands out), this file,
//! [`player`] (a timeline as an engine that can only be looked at),
//! [`write`](mod@write) (a log of steps as a recording), [`ladder`] (what happened, as a space-time diagram),
//! [`search`] (what happens, told in order), [`mod@differences`] (of two positions, in all of the state).
//!
//! Knows `protocol`, `trace`, `profile`, `world`; no clock and no thread. Files are given to it.

pub mod compare;
pub mod differences;
pub mod fold;
pub mod ladder;
mod marks;
pub mod player;
pub mod search;
mod snaps;
pub mod write;

pub use compare::{Comparison, Difference};
pub use fold::{Divergence, Fold, Watch};
pub use player::{Player, TOLD_STEPS_MAX, Verdicts};
pub use write::write_log;

use self::differences::differences;
use self::marks::Marks;
use self::snaps::Snaps;
use crate::profile::Profile;
use crate::protocol::id::NodeId;
use crate::trace::change::Differences;
use crate::trace::recording::codec::Known;
use crate::trace::recording::reader::{self, Reader, Tail};
use crate::trace::recording::{Head, Recorded, RecordingError, RecordingInfo, Whole};
use crate::trace::snapshot::HeldInfo;
use crate::trace::{Ask, Cells, Event, Mark, Snapshot, Survey, narrate};
use crate::world::{InFlight, World};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

/// What a recording is read from: a file, or bytes.
pub trait Source: Read + Seek + Send {}
impl<T: Read + Seek + Send> Source for T {}

/// Where a chunk is.
#[derive(Clone, Copy, Debug)]
struct At {
    first: u64,
    offset: u64,
    bytes: u64,
}

/// See the module.
pub struct Timeline {
    source: Box<dyn Source>,
    /// The same recording, for whoever reads it from elsewhere, if that is at hand.
    whole: Option<Whole>,
    head: Head,
    profile: Profile,
    tail: Tail,
    index: Vec<At>,
    known: Known,
    /// The chunk that was read last.
    chunk: (u64, Vec<Recorded>),
    len: u64,
    recorded: u64,
    snaps: Snaps,
    fold: Fold,
    trouble: Option<Divergence>,
    survey: Arc<Survey>,
    /// What was met on the way that was told last.
    told: Cells,
}

/// Opens the head of a recording.
///
/// # Errors
/// It is no recording, or its profile is none for this code.
pub fn head_of<R: Read>(from: R) -> Result<(Reader<R>, Profile), RecordingError> {
    let mut reader = Reader::new(from)?;
    let profile = Profile::of_head(reader.head()).map_err(|error| {
        let hint = "it was made by another version of amflab: use that one";
        RecordingError::Unusable(format!("the recording's profile: {error}"), hint)
    })?;
    reader.set_nodes(profile.config.amfs, profile.config.disks_all());
    Ok((reader, profile))
}

impl Timeline {
    /// Opens a recording and folds all of it; `told` hears how many of its bytes are done, every now and then.
    ///
    /// # Errors
    /// It is no recording, or cannot be read. A damaged tail is no error ([`Self::tail`]), nor is a
    /// recording that this code does not follow ([`Self::trouble`]): both end the timeline there.
    pub fn open(
        source: impl Source + 'static,
        told: &mut dyn FnMut(u64),
    ) -> Result<Self, RecordingError> {
        Self::open_watched(source, told, |_, _| ()).map(|(timeline, ())| timeline)
    }

    /// The same; who `watch` makes, of the head and the profile, sees every step of it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_watched<W: Watch>(
        mut source: impl Source + 'static,
        told: &mut dyn FnMut(u64),
        watch: impl FnOnce(&Head, &Profile) -> W,
    ) -> Result<(Self, W), RecordingError> {
        source.seek(SeekFrom::Start(0))?;
        let (mut reader, profile) = head_of(BufReader::with_capacity(1 << 18, &mut source))?;
        let mut fold = Fold::new(&profile, reader.head());
        let mut watch = watch(reader.head(), &profile);
        let (mut snaps, mut index) = (Snaps::new(&fold), Vec::new());
        let (mut recorded, mut marks) = (0, Marks::new(&fold));
        'all: while let Some(chunk) = reader.next_chunk()? {
            index.push(At { first: chunk.first, offset: chunk.offset, bytes: chunk.bytes });
            recorded += chunk.steps.len() as u64;
            for step in &chunk.steps {
                if !marks.apply(&mut fold, step, &mut watch) {
                    break 'all;
                }
                snaps.passed(&fold);
            }
            told(chunk.offset + chunk.bytes);
        }
        // What is behind a step that cannot be followed is counted, not folded.
        while let Some(chunk) = reader.next_chunk()? {
            recorded += chunk.steps.len() as u64;
        }
        let (head, tail) = (reader.head().clone(), reader.tail().clone());
        drop(reader);
        let timeline = Self {
            known: Known::new(profile.config.amfs, profile.config.disks_all()),
            source: Box::new(source),
            whole: None,
            head,
            profile,
            tail,
            index,
            chunk: (u64::MAX, Vec::new()),
            len: fold.position(),
            recorded,
            snaps,
            trouble: fold.trouble().cloned(),
            survey: Arc::new(marks.survey),
            told: Cells::default(),
            fold,
        };
        Ok((timeline, watch))
    }

    /// What the run began with.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }
    /// The profile of the run.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }
    /// How the recording ends.
    #[must_use]
    pub fn tail(&self) -> &Tail {
        &self.tail
    }
    /// Steps that can be gone through.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }
    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Steps in the file: more than [`Self::len`] if this code cannot follow it to its end.
    #[must_use]
    pub fn recorded(&self) -> u64 {
        self.recorded
    }
    /// Steps that have happened here.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.fold.position()
    }
    /// The cluster here.
    #[must_use]
    pub fn world(&self) -> &World {
        self.fold.world()
    }
    /// Where this code first comes to something else than was recorded.
    #[must_use]
    pub fn trouble(&self) -> Option<&Divergence> {
        self.trouble.as_ref()
    }
    /// What stands out in all of it.
    #[must_use]
    pub fn survey(&self) -> &Arc<Survey> {
        &self.survey
    }
    /// What was found at these steps stands out, too.
    fn mark_violations(&mut self, steps: &[u64]) {
        let survey = Arc::make_mut(&mut self.survey);
        for step in steps {
            survey.set(Mark::Violation, *step);
        }
    }
    /// It was opened from this recording, which others read, too.
    #[must_use]
    pub fn of(self, whole: &Whole) -> Self {
        Self { whole: Some(whole.again()), ..self }
    }
    /// The whole recording as it was opened, to be read from elsewhere.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn whole(&mut self) -> Result<Whole, RecordingError> {
        if let Some(whole) = &self.whole {
            return Ok(whole.again());
        }
        let mut bytes = Vec::new();
        self.source.seek(SeekFrom::Start(0))?;
        self.source.read_to_end(&mut bytes)?;
        Ok(self.whole.insert(bytes.into()).again())
    }
    /// Worlds that are kept, and steps between them.
    #[must_use]
    pub fn snapshots(&self) -> (usize, u64) {
        (self.snaps.len(), self.snaps.distance_max(self.len))
    }

    /// Goes to a position; beyond the end: to the end.
    ///
    /// # Errors
    /// The file cannot be read any more, or has changed.
    pub fn seek(&mut self, to: u64) -> Result<(), RecordingError> {
        let to = to.min(self.len);
        if let Some(nearer) = self.snaps.nearest(to)
            && (to < self.fold.position() || nearer.position() > self.fold.position())
        {
            self.fold = nearer.clone();
        }
        self.go_on(to)
    }

    fn go_on(&mut self, to: u64) -> Result<(), RecordingError> {
        while self.fold.position() < to {
            let first = self.load(self.fold.position())?;
            let at = usize::try_from(self.fold.position() - first).unwrap_or(usize::MAX);
            for step in &self.chunk.1[at..] {
                if self.fold.position() >= to || !self.fold.apply(step) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads the chunk that holds the step after position `at`; the number of its first.
    fn load(&mut self, at: u64) -> Result<u64, RecordingError> {
        let place = self.index.partition_point(|chunk| chunk.first <= at) - 1;
        let At { first, offset, bytes } = self.index[place];
        if self.chunk.0 != first {
            self.source.seek(SeekFrom::Start(offset))?;
            let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
            self.source.read_exact(&mut buffer)?;
            self.chunk = (first, reader::parse(&mut self.known, &buffer)?);
        }
        Ok(first)
    }

    /// The step that leads to position `to` (1 to [`Self::len`]); `None`: there is none.
    ///
    /// # Errors
    /// The file cannot be read any more, or has changed.
    pub fn step_to(&mut self, to: u64) -> Result<Option<Recorded>, RecordingError> {
        if to == 0 || to > self.recorded {
            return Ok(None);
        }
        let first = self.load(to - 1)?;
        let at = usize::try_from(to - 1 - first).unwrap_or(usize::MAX);
        Ok(self.chunk.1.get(at).cloned())
    }

    /// Goes to `from`, then to `to`, and says what happened between them.
    ///
    /// # Errors
    /// The file cannot be read any more, or has changed.
    pub fn events(&mut self, from: u64, to: u64) -> Result<Vec<Event>, RecordingError> {
        self.seek(from)?;
        self.fold.observe(true);
        let gone = self.go_on(to.min(self.len));
        let events = self.fold.take_events();
        self.told = self.fold.take_cells();
        self.fold.observe(false);
        gone.map(|()| events)
    }

    /// Cells of the state x event table that were met on the way that [`Self::events`] told last.
    #[must_use]
    pub fn cells_told(&self) -> &Cells {
        &self.told
    }

    /// The same, and stays where it is.
    ///
    /// # Errors
    /// The file cannot be read any more, or has changed.
    pub fn look(&mut self, from: u64, to: u64) -> Result<Vec<Event>, RecordingError> {
        let here = self.fold.clone();
        let events = self.events(from, to);
        self.fold = here;
        events
    }

    /// What differs in all of the state between two positions; it stays where it is.
    ///
    /// # Errors
    /// The file cannot be read any more, or has changed.
    pub fn differences(&mut self, from: u64, to: u64) -> Result<Differences, RecordingError> {
        let here = self.fold.clone();
        let mut there = |at| {
            self.seek(at)?;
            Ok::<_, RecordingError>(self.fold.world().clone())
        };
        let worlds = there(from).and_then(|from| Ok([from, there(to)?]));
        self.fold = here;
        worlds.map(|[from, to]| differences(&from, &to))
    }

    /// How things stand here.
    #[must_use]
    pub fn snapshot(&self, ask: &Ask) -> Snapshot {
        let info = RecordingInfo {
            file: String::new(),
            on: false,
            steps: self.len,
            bytes: self.index.last().map_or(0, |at| at.offset + at.bytes),
            trouble: None,
        };
        Snapshot { recording: Some(info), ..picture(&self.fold, ask) }
    }
}

/// How things stand where a fold is. What is on its way is shown as if it were held.
#[must_use]
pub fn picture(fold: &Fold, ask: &Ask) -> Snapshot {
    let (world, now) = (fold.world(), fold.world().now());
    let flying = world.in_flight().in_flight();
    Snapshot {
        engine: "recording",
        now,
        step: fold.position(),
        step_mode: true,
        tempo: 1_000,
        view: Arc::clone(world.witness().view()),
        witness: world.witness_info(),
        amfs: world.amf_infos(now, ask),
        disks: world.disk_infos(),
        scrub: world.scrub_info(),
        doubt: world.doubt(),
        doubt_known: true,
        locks: world.lock_infos(now),
        held: flying.iter().take(ask.held_max).map(|key| held_info(world, *key)).collect(),
        held_total: flying.len(),
        faults: world.faults().iter().map(|fault| fault.info.clone()).collect(),
        counts: fold.counts(),
        violations: world.violations().to_vec(),
        violations_total: world.violations_total(),
        outstanding: world.outstanding() as u64,
        unsettled: world.unsettled(),
        events_lost: world.events_lost(),
        volatile: None,
        recording: None,
        lamps: None,
        cells: None,
        lens: ask.lens.map(|block| Box::new(world.lens(block))),
        beside: None,
    }
}

/// A packet on its way, as if it were held.
fn held_info(world: &World, (from, to, no): (NodeId, NodeId, u64)) -> HeldInfo {
    let packet = world.in_flight().packet(from, to, no);
    let kind = packet.and_then(narrate::passage).map(|passage| passage.kind);
    HeldInfo { id: no, from, to, kind, what: packet.map_or_else(String::new, narrate::words) }
}
