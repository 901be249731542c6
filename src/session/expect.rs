//! Expectations: what a script says must be so, and what is said when it is not.
//!
//! `expect source`, `messages`, `broadcasts` and `error` speak of the last host command written in
//! the script, never of a read that an `expect value` made.

use super::host::HostOpId;
use super::wait::{holds, line_state};
use super::{Report, Session, Status};
use crate::protocol::Many;
use crate::protocol::id::{AmfId, Block, Key};
use crate::protocol::{Data, MsgKind, Source};
use crate::trace::Completion;
use crate::trace::command::{Expectation, HostCommand, Outcome};
use crate::trace::engine::ByKind;
use crate::trace::event::EventKind;
use crate::trace::snapshot::Ask;

impl Session {
    /// Checks what can be said at once; `expect value` is begun elsewhere, it may have to read.
    pub(super) fn check(&mut self, expectation: &Expectation) -> Report {
        let wrong = match expectation {
            Expectation::State(amf, block, want) => {
                let (_, info) = self.look(*amf, *block);
                let lines = info.map(|info| info.lines).unwrap_or_default();
                let is = line_state(&lines, block.0);
                (is != *want).then(|| format!("{amf} has block {block} in {is}, not {want}"))
            }
            Expectation::Lock(amf, block, mode) => {
                let snapshot = self.snapshot(&Ask { held_max: 1_000, ..Ask::BRIEF });
                let held = holds(&snapshot, *amf, Key::Block(*block), *mode);
                (!held).then(|| super::why::why(&snapshot, *amf, *block).join("; "))
            }
            Expectation::Source(want) => self.source_is(*want),
            Expectation::Messages(kind, want) => {
                let is = self.last_caused().map(|caused| caused.messages[kind.index()]);
                counted(is, *want, &format!("{kind} messages"))
            }
            Expectation::Broadcasts(want) => {
                let is = self.last_caused().map(|caused| caused.broadcasts);
                counted(is, *want, "broadcasts")
            }
            Expectation::Result(label, want) => match self.hosts.labelled(label) {
                None => Some(format!("nothing was started under the label `{label}`")),
                Some(id) => differs(self.hosts.outcome(id), *want),
            },
            Expectation::Error(want) => match self.hosts.last() {
                None => Some(NO_COMMAND.to_owned()),
                Some(id) => differs(self.hosts.outcome(id), Outcome::Error(*want)),
            },
            Expectation::Violations(want) => self.violations_are(*want),
            Expectation::Value(..) => None,
        };
        match wrong {
            None => Report { status: Status::Fine, lines: Vec::new(), op: None },
            Some(line) => Report { status: Status::Failed, lines: vec![line], op: None },
        }
    }

    /// The answer to the last host command written.
    fn last_done(&self) -> Result<&Completion, String> {
        let id: HostOpId = self.hosts.last().ok_or(NO_COMMAND)?;
        self.hosts.completion(id).ok_or_else(|| match self.hosts.outcome(id) {
            Outcome::Pending => "the last host command has no answer yet".to_owned(),
            Outcome::Ok | Outcome::Error(_) => {
                "the last host command had no answer in time".to_owned()
            }
        })
    }

    /// What the last host command written has sent: from its answer, or so far.
    fn last_caused(&self) -> Result<Caused, String> {
        let id = self.hosts.last().ok_or(NO_COMMAND)?;
        if let Some(done) = self.hosts.completion(id) {
            return Ok(Caused { messages: done.messages, broadcasts: done.broadcasts.into() });
        }
        let mut caused = Caused { messages: [0; MsgKind::ALL.len()], broadcasts: 0 };
        let Some(op) = self.hosts.get(id) else { return Ok(caused) };
        // A broadcast is one ticket, however many AMFs it asks.
        let mut tickets: Vec<&str> = Vec::new();
        for event in self.events_since(op.mark) {
            let EventKind::Sent(sent) = &event.kind else { continue };
            if sent.again || op.op != Some(sent.cause) {
                continue;
            }
            caused.messages[sent.kind.index()] += 1;
            let asks = matches!(sent.kind, MsgKind::AccessShared | MsgKind::AccessExclusive);
            if asks && !tickets.contains(&sent.detail.as_str()) {
                tickets.push(&sent.detail);
            }
        }
        caused.broadcasts = tickets.len() as u64;
        Ok(caused)
    }

    fn source_is(&self, want: Source) -> Option<String> {
        let done = match self.last_done() {
            Ok(done) => done,
            Err(wrong) => return Some(wrong),
        };
        let touched = match &done.answer.result {
            Ok(touched) => touched,
            Err(error) => return Some(format!("the last host command ended in {error}")),
        };
        let other = touched.iter().find(|touched| touched.source != want)?;
        Some(format!("block {} came from {}, not {want}", other.touch.block, other.source))
    }

    fn violations_are(&mut self, want: u64) -> Option<String> {
        let snapshot = self.snapshot(&Ask::BRIEF);
        if snapshot.violations_total == want {
            return None;
        }
        let first = snapshot.violations.first();
        let first = first.map(|v| format!("; the first: {}: {}", v.checker, v.text));
        let is = snapshot.violations_total;
        let is = Many(is, "violation");
        Some(format!("{is}, not {want}{}", first.unwrap_or_default()))
    }
}

/// What a host command has sent.
struct Caused {
    messages: ByKind,
    broadcasts: u64,
}

const NO_COMMAND: &str = "there was no host command yet";

fn counted(is: Result<u64, String>, want: u64, what: &str) -> Option<String> {
    match is {
        Ok(is) => (is != want).then(|| format!("it caused {is} {what}, not {want}")),
        Err(wrong) => Some(wrong),
    }
}

fn differs(is: Outcome, want: Outcome) -> Option<String> {
    (is != want).then(|| format!("the result is {is}, not {want}"))
}

/// True if the command reads this block through this AMF.
pub(super) fn reads(command: &HostCommand, amf: AmfId, block: Block) -> bool {
    match command {
        HostCommand::Read(asked, first, count) => {
            *asked == amf && (first.0..first.0 + u64::from(*count)).contains(&block.0)
        }
        HostCommand::Write(..)
        | HostCommand::WriteSectors(..)
        | HostCommand::WriteFua(..)
        | HostCommand::CompareAndWrite(..)
        | HostCommand::Trim(..)
        | HostCommand::Zero(..)
        | HostCommand::Flush(_) => false,
    }
}

/// What a read returned for a block.
#[must_use]
pub fn value_of(done: &Completion, block: Block) -> Option<Data> {
    let touched = done.answer.result.as_ref().ok()?;
    touched.iter().find(|t| t.touch.block == block).and_then(|t| t.data.clone())
}

/// First sends by kind that belong to an operation: what `expect messages` counts. Batched retires
/// belong to nobody.
pub fn messages(done: &Completion) -> impl Iterator<Item = (MsgKind, u64)> {
    let own = |kind: &MsgKind| *kind != MsgKind::Retire;
    MsgKind::ALL.into_iter().filter(own).map(|kind| (kind, done.messages[kind.index()]))
}
