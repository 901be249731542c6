//! One command under way: what it waits for, and what is said at its end.

use super::action::{Ending, ending_of};
use super::host::HostOpId;
use super::wait::Watch;
use super::{
    AUDIT_SIM, RUN_UNTIL, ReplayState, SETTLE_LIVE, SETTLE_SIM, Session, expect, sentence, why,
};
use crate::protocol::id::{AmfId, Block, Instant};
use crate::protocol::{Data, HostError};
use crate::trace::action::Action;
use crate::trace::command::{Command, Condition, Expectation, HostCommand, Outcome, ReplayCommand};
use crate::trace::engine::EngineError;
use crate::trace::snapshot::Ask;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As it should.
    Fine,
    /// A host operation ended in this error; a script goes on.
    HostError(HostError),
    /// An expectation does not hold, or `run-until` or `settle` ran out.
    Failed,
    /// The engine would not do it.
    Refused,
}

/// What is said at the end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// What to tell people, one line each; may be empty.
    pub lines: Vec<String>,
    /// The host operation that it was about.
    pub op: Option<HostOpId>,
}

impl Report {
    pub(super) fn new(status: Status, line: impl Into<String>) -> Self {
        Self { status, lines: vec![line.into()], op: None }
    }

    pub(super) fn fine() -> Self {
        Self { status: Status::Fine, lines: Vec::new(), op: None }
    }

    /// True if a script that holds this command has failed.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.status, Status::Failed | Status::Refused)
    }
}

/// A command that was begun.
#[derive(Debug)]
pub struct Running {
    task: Task,
}

#[derive(Debug)]
enum Task {
    /// Nothing to wait for.
    Done(Report),
    /// A host operation, to be reported in a sentence.
    Op(HostOpId, Instant),
    /// A read that `expect value` makes, and what it should find.
    Value(HostOpId, Instant, Block, Data),
    /// `run-until`.
    Until(Watch, Instant),
    /// `settle`.
    Settle(Instant),
    /// `audit`: what the cluster had violated before.
    Audit(Instant, u64),
    /// `wait`.
    Wait(Instant),
    /// `destage`, `evict`, `protocol`: over when this is so; running out is no failure.
    Ends(Ending, Instant),
}

impl Running {
    /// The host operation that is waited for.
    #[must_use]
    pub fn op(&self) -> Option<HostOpId> {
        match &self.task {
            Task::Op(id, _) | Task::Value(id, ..) => Some(*id),
            Task::Done(report) => report.op,
            Task::Until(..)
            | Task::Settle(_)
            | Task::Audit(..)
            | Task::Wait(_)
            | Task::Ends(..) => None,
        }
    }

    /// Until when time may pass before it must be looked at.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        match &self.task {
            Task::Done(_) => Instant(0),
            Task::Op(_, at)
            | Task::Value(_, at, ..)
            | Task::Until(_, at)
            | Task::Settle(at)
            | Task::Audit(at, _)
            | Task::Wait(at)
            | Task::Ends(_, at) => *at,
        }
    }
}

fn unknown_label(label: &str) -> Task {
    let line = format!("nothing was started under the label `{label}`");
    Task::Done(Report::new(Status::Refused, line))
}

impl Session {
    /// Gives a command. Host operations are under way afterwards, faults are done.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on; a refusal is a [`Report`].
    pub fn begin(&mut self, command: &Command) -> Result<Running, EngineError> {
        self.pump();
        self.note_last_command(command);
        let task = match command {
            Command::Host(host) => self.begin_host(host, None),
            Command::Start(label, host) => self.begin_host(host, Some(label)),
            Command::Await(label) => self.begin_await(label),
            Command::RunUntil(Condition::Answered(label), _)
                if self.hosts.labelled(label).is_none() =>
            {
                unknown_label(label)
            }
            Command::RunUntil(condition, within) => {
                let at = self.now() + within.unwrap_or(RUN_UNTIL);
                Task::Until(Watch::new(condition.clone(), self.watch_from), at)
            }
            Command::Wait(span) => Task::Wait(self.now() + *span),
            Command::Settle => {
                Task::Settle(self.now() + if self.live { SETTLE_LIVE } else { SETTLE_SIM })
            }
            Command::Audit => {
                let limit = if self.live { SETTLE_LIVE } else { AUDIT_SIM };
                let before = self.snapshot(&Ask::BRIEF).violations_total;
                Task::Audit(self.now() + limit, before)
            }
            Command::Why(amf, block) => {
                let snapshot = self.snapshot(&Ask { held_max: 1_000, ..Ask::BRIEF });
                let lines = why::why(&snapshot, *amf, *block);
                Task::Done(Report { status: Status::Fine, lines, op: None })
            }
            Command::Note(text) => Task::Done(Report::new(Status::Fine, text.clone())),
            Command::Expect(Expectation::Value(amf, block, value)) => {
                self.begin_value(*amf, *block, value)
            }
            Command::Expect(expectation) => Task::Done(self.check(expectation)),
            Command::Workload(start, name) => Task::Done(self.workload(*start, name)),
            Command::Replay(replay) => Task::Done(self.do_replay(replay)),
            Command::Act(action) => self.begin_action(action)?,
        };
        self.pump();
        Ok(Running { task })
    }

    /// What later commands speak of: `expect value` may use the answer of a read only if nothing was
    /// commanded since; `run-until sent` looks at what came of the last command that did something
    /// (or of all operations that were started in a row).
    fn note_last_command(&mut self, command: &Command) {
        let looks = matches!(command, Command::Expect(_) | Command::Note(_) | Command::Why(..));
        if !looks {
            self.hosts.set_last_command(None);
        }
        let waits = matches!(command, Command::RunUntil(..) | Command::Wait(_));
        // Operations that are started in a row are one thing to look at.
        let starts = matches!(command, Command::Start(..));
        let same = looks || waits || (starts && self.starting);
        if !same {
            self.watch_from = self.mark();
        }
        self.starting = if looks { self.starting } else { starts };
    }

    fn begin_host(&mut self, host: &HostCommand, label: Option<&String>) -> Task {
        let (timeout, mark) = (self.host_timeout, self.mark());
        let given = self.hosts.give(host, timeout, mark, self.engine.as_mut());
        let id = match given {
            Ok(id) => id,
            Err(wrong) => return Task::Done(Report::new(Status::Refused, wrong.to_string())),
        };
        self.hosts.written(id, label.map(String::as_str));
        if label.is_some() {
            return Task::Done(Report { op: Some(id), ..Report::fine() });
        }
        self.hosts.set_last_command(Some(id));
        Task::Op(id, self.now() + timeout)
    }

    fn begin_await(&mut self, label: &str) -> Task {
        let Some(id) = self.hosts.labelled(label) else {
            return unknown_label(label);
        };
        self.hosts.awaited(label);
        self.hosts.set_last_command(Some(id));
        Task::Op(id, self.hosts.get(id).map_or(Instant(0), |op| op.deadline))
    }

    fn begin_value(&mut self, amf: AmfId, block: Block, value: &crate::trace::Value) -> Task {
        let want = match self.hosts.content(value) {
            Ok(want) => want,
            Err(wrong) => return Task::Done(Report::new(Status::Refused, wrong.to_string())),
        };
        if let Some(id) = self.hosts.last_command()
            && self.hosts.get(id).is_some_and(|op| expect::reads(&op.command, amf, block))
        {
            return Task::Value(id, Instant(0), block, want);
        }
        let read = HostCommand::Read(amf, block, 1);
        let (timeout, mark) = (self.host_timeout, self.mark());
        match self.hosts.give(&read, timeout, mark, self.engine.as_mut()) {
            Ok(id) => Task::Value(id, self.now() + timeout, block, want),
            Err(wrong) => Task::Done(Report::new(Status::Refused, wrong.to_string())),
        }
    }

    fn begin_action(&mut self, action: &Action) -> Result<Task, EngineError> {
        let doubt = match action {
            Action::AcceptLoss => self.snapshot(&Ask::BRIEF).view.lost().count(),
            _ => 0,
        };
        let receipt = match self.engine.submit(action.clone()) {
            Ok(receipt) => receipt,
            Err(EngineError::Refused(why)) => {
                return Ok(Task::Done(Report::new(Status::Refused, why)));
            }
            Err(broken @ EngineError::Broken(_)) => return Err(broken),
        };
        match action {
            Action::Hold(_) => self.holds += 1,
            Action::Unhold(filter) if filter.is_all() => self.holds = 0,
            Action::Unhold(_) => self.holds = self.holds.saturating_sub(1),
            _ => {}
        }
        let lines = if receipt.is_empty() { Vec::new() } else { vec![receipt] };
        let done = Report { status: Status::Fine, lines, op: None };
        // Held messages may be what it takes: then the script says itself how to go on.
        let ending = ending_of(action, doubt).filter(|_| self.holds == 0);
        let limit = match action {
            Action::Protocol(_) if self.live => SETTLE_LIVE,
            Action::Protocol(_) => SETTLE_SIM,
            _ => self.host_timeout,
        };
        Ok(ending.map_or(Task::Done(done), |ending| Task::Ends(ending, self.now() + limit)))
    }

    fn do_replay(&mut self, command: &ReplayCommand) -> Report {
        let steer = match command {
            ReplayCommand::Start(words) => {
                let interrupted = Arc::clone(&self.interrupted);
                let look = &mut |_, _| !interrupted.load(Ordering::Relaxed);
                let started = (self.open_trace)(words, look).and_then(|replay| {
                    let told = replay.told();
                    self.start_replay(replay).map(|()| told)
                });
                return started.map_or_else(
                    |why| Report::new(Status::Refused, why),
                    |told| Report::new(Status::Fine, told),
                );
            }
            ReplayCommand::Pause => ReplayState::Paused,
            ReplayCommand::Resume => ReplayState::Running,
            ReplayCommand::Stop => ReplayState::Stopped,
        };
        let steered = self.steer_replay(steer);
        steered.map_or_else(|why| Report::new(Status::Refused, why), |()| Report::fine())
    }

    fn workload(&mut self, start: bool, name: &str) -> Report {
        let now = self.now();
        let done = if start { self.workloads.start(name, now) } else { self.workloads.stop(name) };
        // What does not run is stopped already: the console starts workloads by itself, `exec` does not.
        let wrong = if start { Status::Refused } else { Status::Fine };
        done.map_or_else(|why| Report::new(wrong, why), |()| Report::fine())
    }

    /// Says whether a command is through. Call after every [`Session::pump`].
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    pub fn poll(&mut self, running: &mut Running) -> Result<Option<Report>, EngineError> {
        let now = self.now();
        Ok(match &mut running.task {
            Task::Done(report) => Some(report.clone()),
            Task::Op(id, _) => self.op_report(*id),
            Task::Value(id, _, block, want) => self.value_report(*id, *block, want),
            Task::Until(watch, at) => {
                let (at, mut watch) = (*at, watch.clone());
                if self.holds_true(&mut watch) {
                    Some(Report::fine())
                } else if at <= now {
                    Some(self.ran_out(&watch))
                } else {
                    running.task = Task::Until(watch, at);
                    None
                }
            }
            Task::Settle(at) => {
                let at = *at;
                if self.engine.is_settled() {
                    Some(self.settled_report())
                } else {
                    (at <= now).then(|| self.unsettled_report())
                }
            }
            Task::Audit(at, before) => {
                let (at, before) = (*at, *before);
                (self.engine.is_settled() || at <= now).then(|| self.audited(before))
            }
            Task::Wait(at) => (*at <= now).then(Report::fine),
            Task::Ends(ending, at) => {
                let (ending, at) = (*ending, *at);
                if self.has_ended(ending) {
                    Some(self.ended(ending))
                } else {
                    (at <= now).then(|| Self::not_ended(ending))
                }
            }
        })
    }

    /// The report of a command for which nothing will happen any more.
    pub(super) fn give_up(&mut self, running: Running) -> Report {
        match running.task {
            Task::Done(report) => report,
            Task::Op(id, _) => {
                self.hosts.give_up(id);
                self.op_report(id).unwrap_or_else(Report::fine)
            }
            Task::Value(id, _, block, want) => {
                self.hosts.give_up(id);
                self.value_report(id, block, &want).unwrap_or_else(Report::fine)
            }
            Task::Until(watch, _) => self.ran_out(&watch),
            Task::Settle(_) => self.unsettled_report(),
            Task::Audit(_, before) => self.audited(before),
            Task::Wait(_) => Report::fine(),
            Task::Ends(ending, _) => Self::not_ended(ending),
        }
    }

    fn op_report(&mut self, id: HostOpId) -> Option<Report> {
        let status = match self.hosts.outcome(id) {
            Outcome::Pending => return None,
            Outcome::Ok => Status::Fine,
            Outcome::Error(error) => Status::HostError(error),
        };
        let line = match (self.hosts.completion(id), self.hosts.get(id)) {
            (Some(completion), Some(op)) => {
                sentence::sentence(&op.command, completion, self.hosts.amfs)
            }
            _ => format!("timeout: no answer within {}", self.host_timeout),
        };
        let mut lines = vec![line];
        if matches!(status, Status::HostError(HostError::Media | HostError::Timeout)) {
            // What is wrong with a disk, without the way out, which the end of the script says.
            let disks = self.snapshot(&Ask::BRIEF).disks;
            lines.extend(disks.iter().find_map(|disk| disk.what_is_wrong()).map(str::to_owned));
        }
        Some(Report { status, lines, op: Some(id) })
    }

    fn value_report(&self, id: HostOpId, block: Block, want: &Data) -> Option<Report> {
        let status = match self.hosts.outcome(id) {
            Outcome::Pending => return None,
            Outcome::Ok => None,
            Outcome::Error(error) => Some(format!("the read ended in {error}")),
        };
        let found = self.hosts.completion(id).and_then(|done| expect::value_of(done, block));
        let wrong = status.or_else(|| match found {
            Some(found) if found == *want => None,
            Some(found) => Some(format!("it is {found}, not {want}")),
            None => Some("the read returned nothing of that block".to_owned()),
        });
        Some(wrong.map_or_else(Report::fine, |line| Report::new(Status::Failed, line)))
    }

    /// The cluster has settled, or had its time: everything is judged. A finding is a violation like any
    /// other, and counts as one.
    fn audited(&mut self, before: u64) -> Report {
        self.engine.audit();
        let snapshot = self.snapshot(&Ask::BRIEF);
        let found = snapshot.violations_total - before;
        let new = usize::try_from(before).unwrap_or(usize::MAX);
        let lines = snapshot.violations.iter().skip(new);
        let mut lines: Vec<String> =
            lines.map(|found| format!("{}: {}", found.checker, found.text)).collect();
        if found == 0 {
            lines.push("nothing is wrong".to_owned());
        }
        lines.extend(snapshot.unsettled.into_iter().map(|what| format!("held back: {what}")));
        Report { status: Status::Fine, lines, op: None }
    }

    fn settled_report(&mut self) -> Report {
        // What an active fault holds back does not count, but is said.
        let held_back = self.snapshot(&Ask::BRIEF).unsettled;
        let lines = held_back.into_iter().map(|what| format!("held back: {what}")).collect();
        Report { status: Status::Fine, lines, op: None }
    }

    fn unsettled_report(&mut self) -> Report {
        let mut lines = vec!["settle ran out; still outstanding:".to_owned()];
        lines.extend(self.snapshot(&Ask::BRIEF).unsettled);
        Report { status: Status::Failed, lines, op: None }
    }

    fn ran_out(&mut self, watch: &Watch) -> Report {
        let mut lines = vec![format!("run-until ran out: {} did not come", watch.condition())];
        lines.extend(self.how_it_stands(watch.condition()));
        Report { status: Status::Failed, lines, op: None }
    }
}
