//! Steps that are wanted by what they lead to: a host's answer, something that happens to a block.

use super::super::model::Level;
use super::super::update::Msg;
use super::job::NOT_FOUND;
use super::{Console, ConsoleError};
use crate::protocol::id::{Block, Key};
use crate::session::Session;
use crate::timeline::ladder::{Row, rows};
use crate::timeline::search::each_row;
use crate::trace::action::{Action, Seek};
use crate::trace::{Command, EventKind};

/// Steps that are taken for one operation; it may wait for what never comes.
const STEPS_MAX: usize = 2_000;
/// Steps of a recording that are looked at before all of it is gone through.
const LOOK_STEPS: u64 = 1_000;

impl Console {
    /// In step mode: lets happen what is next, until a host is answered.
    pub(super) fn step_operation(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let step = Command::Act(Action::Step(1));
        for taken in 1..=STEPS_MAX {
            let mark = session.mark();
            let before = session.snapshot(&crate::trace::Ask::BRIEF).step;
            if let Err(error) = session.engine().submit(Action::Step(1)) {
                let why = error.to_string();
                return self.tell(session, Msg::Say(Level::Bad, why));
            }
            self.executor.keep(session, &step);
            session.pump();
            let answered = session.events_since(mark).find_map(|event| match event.kind {
                EventKind::Answered { op, .. } => Some(op),
                _ => None,
            });
            let after = session.snapshot(&crate::trace::Ask::BRIEF);
            if answered.is_some() || (after.step == before && after.held_total == 0) {
                self.take_events(session)?;
                self.refresh(session)?;
                let text = match answered {
                    Some(op) => format!("op{} is answered, after {taken} steps", op.0),
                    None => "nothing more happens by itself".to_owned(),
                };
                return self.tell(session, Msg::Say(Level::Info, text));
            }
        }
        self.take_events(session)?;
        self.refresh(session)?;
        let text = format!("{STEPS_MAX} steps, and no host is answered");
        self.tell(session, Msg::Say(Level::Info, text))
    }

    /// Goes to the next thing that happened to a block, or to the one before.
    pub(super) fn find_block(
        &mut self,
        session: &mut Session,
        block: Block,
        on: bool,
    ) -> Result<(), ConsoleError> {
        if !self.model.is_recording() {
            return self.rewind_to(session, Seek::End, move |console, session| {
                console.find_block(session, block, on)
            });
        }
        let (here, len) = (self.model.cluster.now.step, self.model.steps());
        let (from, to) = if on { (here, len) } else { (0, here.saturating_sub(1)) };
        let near = if on {
            (here, (here + LOOK_STEPS).min(len))
        } else {
            (here.saturating_sub(LOOK_STEPS), here)
        };
        let Some(events) = session.told(near.0, near.1)? else { return Ok(()) };
        let rows = rows(&events);
        let mut steps = rows.iter().filter(|row| is_about(row, block)).map(|row| row.at.step);
        let found =
            if on { steps.find(|step| *step > here) } else { steps.rfind(|step| *step < here) };
        if found.is_some() || near == (from, to) {
            return self.found(session, block, on, found);
        }
        // Not near: all of it is gone through.
        if self.is_at_work(session)? {
            return Ok(());
        }
        let what = format!("looking for b{}", block.0);
        self.begin_reading(session, what, NOT_FOUND, move |progress, whole| {
            let mut found = None;
            let looked = each_row(progress.read(whole), (from, to), &mut |row| {
                if is_about(&row, block) {
                    found = Some(row.at.step);
                }
                !(on && found.is_some())
            });
            looked.map_err(|error| error.to_string())?;
            Ok(Box::new(move |console: &mut Self, session: &mut Session| {
                console.found(session, block, on, found)
            }))
        })
    }

    fn found(
        &mut self,
        session: &mut Session,
        block: Block,
        on: bool,
        found: Option<u64>,
    ) -> Result<(), ConsoleError> {
        if let Some(step) = found {
            return self.rewind(session, Seek::To(step));
        }
        let (side, here) = (if on { "after" } else { "before" }, self.model.cluster.now.step);
        let text = format!("nothing happens to b{} {side} step {here}", block.0);
        self.tell(session, Msg::Say(Level::Info, text))
    }
}

/// Something happens to the block there.
fn is_about(row: &Row, block: Block) -> bool {
    let name = format!("b{}", block.0);
    let named = |word: &str| {
        word.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    };
    row.key == Some(Key::Block(block)) || row.text.split([' ', ':']).any(named)
}
