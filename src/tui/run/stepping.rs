//! Steps that are wanted by what they lead to: a host's answer, something that happens to a block.

use super::super::model::Level;
use super::super::update::Msg;
use super::{Console, ConsoleError};
use crate::protocol::id::{Block, Key};
use crate::session::Session;
use crate::timeline::ladder::rows;
use crate::trace::action::{Action, Seek};
use crate::trace::{Command, EventKind};

/// Steps that are taken for one operation; it may wait for what never comes.
const STEPS_MAX: usize = 2_000;
/// Steps of a recording that are looked at in one go ...
const LOOK_STEPS: u64 = 1_000;
/// ... and in all, before one is asked to go on.
const LOOKS_MAX: usize = 200;

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
            self.rewind(session, Seek::End)?;
            if !self.model.is_recording() {
                return Ok(());
            }
        }
        let len = self.model.steps();
        let here = self.model.cluster.now.step;
        let mut from = here;
        for _ in 0..LOOKS_MAX {
            let (low, high) = if on {
                (from, (from + LOOK_STEPS).min(len))
            } else {
                (from.saturating_sub(LOOK_STEPS), from)
            };
            let Some(events) = session.told(low, high)? else { break };
            let name = format!("b{}", block.0);
            let is_it = |row: &crate::timeline::ladder::Row| {
                let named = |word: &str| word == name || word.starts_with(&format!("{name}+"));
                row.key == Some(Key::Block(block)) || row.text.split([' ', ':']).any(named)
            };
            let rows = rows(&events);
            let found = if on {
                rows.iter().find(|row| row.at.step > here && is_it(row))
            } else {
                rows.iter().rev().find(|row| row.at.step < here && is_it(row))
            };
            if let Some(row) = found {
                return self.rewind(session, Seek::To(row.at.step));
            }
            from = if on { high } else { low };
            if from == 0 || from == len {
                break;
            }
        }
        let side = if on { "after" } else { "before" };
        let text = match from {
            from if from == 0 || from == len => {
                format!("nothing happens to b{} {side} step {here}", block.0)
            }
            from => {
                // What was looked at need not be looked at again.
                self.rewind(session, Seek::To(from))?;
                format!("nothing happens to b{} up to step {from}; again goes on", block.0)
            }
        };
        self.tell(session, Msg::Say(Level::Info, text))
    }
}
