//! What `update` wants done, and done.

use super::super::model::Level;
use super::super::update::{Effect, Msg, update};
use super::{Console, ConsoleError, execute, layouts};
use crate::session::Session;
use crate::trace::Command;
use crate::trace::action::Action;

impl Console {
    /// Tells `update`, and does what it wants.
    pub(super) fn tell(&mut self, session: &mut Session, msg: Msg) -> Result<(), ConsoleError> {
        for effect in update(&mut self.model, msg) {
            self.effect(session, effect)?;
        }
        Ok(())
    }

    pub(super) fn effect(
        &mut self,
        session: &mut Session,
        effect: Effect,
    ) -> Result<(), ConsoleError> {
        match effect {
            Effect::Save(..)
            | Effect::Source(_)
            | Effect::Replay(_)
            | Effect::Foresee(_)
            | Effect::Rewind(_)
            | Effect::GoOn
            | Effect::Watch(_)
            | Effect::Differ(..)
            | Effect::Fork(_)
            | Effect::Branch(_)
            | Effect::Unbranch(_)
            | Effect::Compare(_)
            | Effect::Beside(_)
            | Effect::StepOperation
            | Effect::FindBlock(..)
                if self.lessons.is_taken() =>
            {
                let text = "not in a lesson; `:lesson-leave` ends it".to_owned();
                self.tell(session, Msg::Say(Level::Bad, text))?;
            }
            Effect::Run(command) => self.run_command(session, &command)?,
            Effect::Save(path, replace) => {
                let is_pair = self.model.cluster.now.beside.is_some();
                let said = match self.here.of.as_ref().filter(|_| !is_pair) {
                    Some((of, step)) => {
                        Msg::Say(Level::Bad, unscripted(&self.here.name, of, *step))
                    }
                    None => match &self.under {
                        Some(stage) => stage.save(&path, replace),
                        None => self.executor.save(&path, replace),
                    },
                };
                self.tell(session, said)?;
            }
            Effect::Source(path) => {
                self.acted = true;
                let said = self.executor.source(&path);
                self.tell(session, said)?;
            }
            Effect::Learn(effect) => self.learn(session, effect)?,
            Effect::Replay(words) => self.open_trace(session, &words)?,
            Effect::StopReading => self.opening = None,
            Effect::Tell(from, to) => {
                if let Some(events) = session.told(from, to)? {
                    self.tell(session, Msg::Told((from, to), events))?;
                }
            }
            Effect::Foresee(block) => self.foresee(session, block)?,
            Effect::StopForeseeing => self.foreseeing = None,
            Effect::EndJob => self.end_job(session)?,
            Effect::Differ(from, to) => self.differ(session, from, to)?,
            Effect::Watch(condition) => self.watch(session, condition)?,
            Effect::Rewind(to) => self.rewind(session, to)?,
            Effect::GoOn => self.go_on(session)?,
            Effect::Fork(name) => self.fork(session, name)?,
            Effect::Branch(name) => self.branch(session, &name)?,
            Effect::Unbranch(name) => self.unbranch(session, &name)?,
            Effect::Compare(names) => self.compare(session, names)?,
            Effect::Beside(sets) => self.beside(session, &sets)?,
            Effect::StepOperation => self.step_operation(session)?,
            Effect::FindBlock(block, on) => self.find_block(session, block, on)?,
            Effect::Explore(protocol) => self.explore(protocol),
            Effect::Write(path, text) => {
                let said = execute::write_new(&path, &text);
                self.tell(session, said)?;
            }
            Effect::SaveLayout(..) | Effect::LoadLayout(_) | Effect::ListLayouts => {
                let said = layouts::perform(self.layouts.as_deref(), effect);
                self.tell(session, said)?;
            }
            Effect::Copy(text) => self.screen.copy(&text)?,
            Effect::Mouse(on) => self.screen.set_mouse(on)?,
            Effect::Suspend => self.suspend(session)?,
            Effect::Redraw => self.screen.clear()?,
            Effect::Quit => self.ended = true,
        }
        Ok(())
    }

    pub(super) fn run_command(
        &mut self,
        session: &mut Session,
        command: &Command,
    ) -> Result<(), ConsoleError> {
        self.acted = true;
        if self.lessons.is_taken() {
            return self.lesson_command(session, command);
        }
        if let Command::Act(Action::Seek(to)) = command {
            self.tell(session, Msg::Seeking(*to))?;
        }
        let said = self.executor.run(session, command)?;
        self.take_events(session)?;
        for msg in said {
            self.tell(session, msg)?;
        }
        self.refresh(session)
    }
}

/// Why a fork is not saved as a script.
fn unscripted(name: &str, of: &str, step: u64) -> String {
    let why = "no script can begin there";
    format!("{name} begins at step {step} of {of}, and {why}; `:record FILE` keeps it whole")
}
