//! Going through a recording for what happens in it, from its first step on and without keeping anything:
//! whoever is told says when it is enough.

use super::compare::Steps;
use super::fold::Fold;
use super::head_of;
use super::ladder::{self, Row};
use crate::protocol::LineState;
use crate::protocol::amf::Amf;
use crate::protocol::id::{AmfId, Block, Key, Mode};
use crate::trace::arrivals::Arrivals;
use crate::trace::condition::Stand;
use crate::trace::picture::lock_info;
use crate::trace::recording::RecordingError;
use crate::trace::snapshot::LockPhase;
use crate::trace::{Condition, Event, Mark, Survey};
use crate::world::World;
use std::io::Read;

/// Steps whose rows are told at once.
const BATCH: u64 = 256;

/// Tells what happens in the steps after `from`, up to `to`, in order, until it hears `false`.
///
/// # Errors
/// It is no recording, or cannot be read.
pub fn each_row(
    recording: impl Read,
    (from, to): (u64, u64),
    told: &mut dyn FnMut(Row) -> bool,
) -> Result<(), RecordingError> {
    let (reader, profile) = head_of(recording)?;
    let mut fold = Fold::new(&profile, reader.head());
    let mut steps = Steps::new(reader);
    let mut goes_on = true;
    while goes_on && fold.position() < to {
        let Some(step) = steps.take()? else { break };
        if fold.position() == from {
            fold.observe(true);
        }
        goes_on = fold.apply(&step);
        let here = fold.position();
        if here > from && (here.is_multiple_of(BATCH) || here == to || !goes_on) {
            let mut rows = ladder::rows(&fold.take_events()).into_iter();
            goes_on &= rows.all(|row| row.at.step <= from || told(row));
        }
    }
    ladder::rows(&fold.take_events()).into_iter().filter(|row| row.at.step > from).all(told);
    Ok(())
}

/// A recording at a position, and what its last step has brought about.
struct There<'a> {
    world: &'a World,
    events: &'a [Event],
}

impl Stand for There<'_> {
    fn state(&mut self, amf: AmfId, block: Block) -> LineState {
        let line = self.world.amf(amf).and_then(|amf| amf.line(block));
        line.map_or(LineState::I, |line| line.state)
    }

    fn is_replicated(&mut self, amf: AmfId, block: Block) -> bool {
        let line = self.world.amf(amf).and_then(|amf| amf.line(block));
        line.is_some_and(|line| line.missing.is_empty())
    }

    fn holds(&mut self, amf: AmfId, key: Key, mode: Mode) -> bool {
        let keys = self.world.amf(amf).map(Amf::keys).unwrap_or_default();
        let held = keys.into_iter().filter(|view| view.key == key);
        let mut held = held.map(|view| lock_info(amf, view, self.world.now()));
        held.any(|lock| lock.phase == LockPhase::Holding && lock.mode == mode)
    }

    fn is_in_view(&mut self, epoch: u32) -> bool {
        let amfs = (0..self.world.config().amfs).map(AmfId);
        amfs.filter(|amf| !self.world.is_paused(*amf))
            .filter_map(|amf| self.world.amf(amf))
            .all(|amf| amf.is_member() && amf.epoch().0 >= epoch)
    }

    fn is_violated(&mut self) -> bool {
        self.world.violations_total() > 0
    }

    fn has_happened(&mut self, condition: &Condition) -> bool {
        self.events.iter().any(|event| condition.is_told_by(event))
    }

    fn is_through(&mut self, _: &Condition) -> bool {
        false
    }
}

/// The steps of a recording in which a condition begins to hold, as [`Mark::Watch`].
///
/// # Errors
/// It is no recording, or cannot be read.
pub fn hits(recording: impl Read, condition: &Condition) -> Result<Survey, RecordingError> {
    let (reader, profile) = head_of(recording)?;
    let mut fold = Fold::new(&profile, reader.head());
    let mut steps = Steps::new(reader);
    let is_event = condition.is_about_events();
    fold.observe(is_event);
    let (mut survey, mut arrivals) = (Survey::default(), Arrivals::default());
    let mut held = condition.holds(&mut There { world: fold.world(), events: &[] });
    while let Some(step) = steps.take()? {
        let goes_on = fold.apply(&step);
        let mut events = if is_event { fold.take_events() } else { Vec::new() };
        events.retain(|event| arrivals.is_new(&event.kind));
        let holds = condition.holds(&mut There { world: fold.world(), events: &events });
        if holds && (is_event || !held) {
            survey.set(Mark::Watch, fold.position());
        }
        held = holds;
        if !goes_on {
            break;
        }
    }
    Ok(survey)
}
