//! Watchpoints: the session of a cluster that runs is told what to stop at; a recording is gone through.

use super::super::update::Msg;
use super::job::NOT_FOUND;
use super::{Console, ConsoleError};
use crate::session::Session;
use crate::timeline::search::hits;
use crate::trace::{Condition, Survey};

impl Console {
    /// Watches for a condition in what is shown, or for nothing any more.
    pub(super) fn watch(
        &mut self,
        session: &mut Session,
        condition: Option<Condition>,
    ) -> Result<(), ConsoleError> {
        let Some(condition) = condition.filter(|_| self.model.is_recording()) else {
            session.watch_for(self.model.watch.clone().filter(|_| !self.model.is_recording()));
            return Ok(());
        };
        if self.is_at_work(session)? {
            return Ok(());
        }
        let what = format!("looking for {condition}");
        self.begin_reading(session, what, NOT_FOUND, move |progress, whole| {
            let hits = hits(progress.read(whole), &condition).map_err(|error| error.to_string())?;
            Ok(Box::new(move |console: &mut Self, session: &mut Session| {
                console.tell(session, Msg::Watched(condition, Box::new(hits)))
            }))
        })
    }

    /// What is shown is new on the screen: it is watched, too.
    pub(super) fn watch_here(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let wanted = self.model.watch.clone();
        if self.model.timeline.watched() == wanted.as_ref() || self.lessons.is_taken() {
            return Ok(());
        }
        if !self.model.is_recording() {
            self.model.timeline.watch(wanted.clone(), &Survey::default());
        }
        self.watch(session, wanted)
    }

    /// A cluster that runs stops where what is watched for has begun to hold.
    pub(super) fn stop_at_watch(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(step) = session.take_hit() else { return Ok(()) };
        self.stand_still(session)?;
        self.tell(session, Msg::Hit(step))
    }
}
