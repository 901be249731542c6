//! Looking back: going to another position of a run, also of one that goes on. That is folded from its first
//! step on in a thread of its own ([`super::job`]); the cluster stands still meanwhile.

use super::super::model::Level;
use super::super::update::Msg;
use super::stage::Stage;
use super::{Console, ConsoleError};
use crate::session::Session;
use crate::timeline::{Player, Timeline};
use crate::trace::Command;
use crate::trace::action::{Action, Seek};

const NO_PAST: &str = "this run cannot be looked back at";

impl Console {
    /// Goes to another position of the run: of a cluster that runs, in a recording of its steps so far.
    pub(super) fn rewind(&mut self, session: &mut Session, to: Seek) -> Result<(), ConsoleError> {
        self.rewind_to(session, to, |_, _| Ok(()))
    }

    /// The same; `then` this is done there.
    pub(super) fn rewind_to(
        &mut self,
        session: &mut Session,
        to: Seek,
        then: impl FnOnce(&mut Self, &mut Session) -> Result<(), ConsoleError> + Send + 'static,
    ) -> Result<(), ConsoleError> {
        if self.model.is_recording() {
            self.run_command(session, &Command::Act(Action::Seek(to)))?;
            return then(self, session);
        }
        if self.is_at_work(session)? {
            return Ok(());
        }
        self.stand_still(session)?;
        let what = format!("looking back at {}", self.here.name);
        self.begin_reading(session, what, NO_PAST, move |progress, whole| {
            let opened = Timeline::open(progress.read(whole), &mut |_| {});
            let timeline = opened.map_err(|error| error.to_string())?.of(whole);
            Ok(Box::new(move |console: &mut Self, session: &mut Session| {
                console.look_back(session, timeline, to)?;
                then(console, session)
            }))
        })
    }

    /// Shows the run as it was.
    fn look_back(
        &mut self,
        session: &mut Session,
        timeline: Timeline,
        to: Seek,
    ) -> Result<(), ConsoleError> {
        // It may have been let go meanwhile.
        self.stand_still(session)?;
        let len = timeline.len();
        let to = match to {
            Seek::To(to) => to.min(len),
            Seek::By(steps) => len.saturating_add_signed(steps).min(len),
            Seek::End => len,
        };
        let profile = timeline.profile().clone();
        let seen = self.model.timeline.looking_back(timeline.survey());
        let player = Player::new(timeline)?;
        let mut stage = Stage::new(self.here.clone(), Box::new(player), &profile, self, seen);
        // Now that its session listens: what happened right before is told.
        stage.session.engine().submit(Action::Seek(Seek::To(to)))?;
        stage.session.pump();
        self.exchange(session, &mut stage);
        self.under = Some(stage);
        self.refresh(session)?;
        let (step, steps) = (self.model.cluster.now.step, self.model.steps());
        let text = format!("step {step} of {steps}: the cluster stands still; N goes on");
        self.arrive(session, text)
    }

    /// Tells what differs between two steps; a cluster that runs is looked back at for that.
    pub(super) fn differ(
        &mut self,
        session: &mut Session,
        from: u64,
        to: u64,
    ) -> Result<(), ConsoleError> {
        if !self.model.is_recording() {
            return self.rewind_to(session, Seek::To(to), move |console, session| {
                console.differ(session, from, to)
            });
        }
        match session.differences(from, to)? {
            Some(found) => self.tell(session, Msg::Differences(Box::new(found))),
            None => Ok(()),
        }
    }

    /// Back from the past: the cluster as it stood; from another run, that which it came from.
    pub(super) fn go_on(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(mut stage) = self.under.take() else {
            if let Some((of, _)) = self.here.of.clone() {
                return self.branch(session, &of);
            }
            let said = "this is not the past: nothing to come back from";
            return self.tell(session, Msg::Say(Level::Info, said.to_owned()));
        };
        self.exchange(session, &mut stage);
        self.arrive(session, "here the cluster stood; space lets it run".to_owned())
    }
}
