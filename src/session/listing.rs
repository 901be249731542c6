//! What a command made happen, as lines: the expected traces of conversations.
//!
//! Two parts (docs/TESTING.md). Event lines begin with the event's glyph and are compared in the
//! simulator, where they are exact. Summary lines begin with `~`: the result with source and value,
//! first sends by kind, and where the touched blocks are now. A live cluster is compared by them alone.

use super::Session;
use super::expect::messages;
use super::host::HostOpId;
use super::observer::Worth;
use crate::protocol::id::OpId;
use crate::protocol::{LineState, Source};
use crate::trace::command::{Command, HostCommand, Outcome};
use crate::trace::event::{Event, EventKind};
use crate::trace::snapshot::Ask;
use core::fmt::Write;

/// Begins a summary line.
pub const SUMMARY: &str = "~ ";
/// Events of one command that are listed; the rest is counted.
pub const EVENTS_LISTED_MAX: usize = 400;
/// Blocks of one command whose places are listed.
const BLOCKS_LISTED_MAX: u32 = 8;

impl Session {
    /// The lines of a command that began at event number `mark` and was about `op`.
    pub fn listing(&mut self, command: &Command, op: Option<HostOpId>, mark: u64) -> Vec<String> {
        let of = |worth| self.observer.since(mark).filter(move |(_, is)| *is == worth);
        let told = of(Worth::Line).take(EVENTS_LISTED_MAX);
        let mut lines: Vec<String> = told.map(|(event, _)| self.event_line(event)).collect();
        let more = of(Worth::Line).count().saturating_sub(EVENTS_LISTED_MAX);
        if more > 0 {
            lines.push(format!("... and {more} events more"));
        }
        let again = of(Worth::Retransmission).count();
        if again > 0 {
            lines.push(format!("... {again} retransmissions"));
        }
        let tells = matches!(command, Command::Host(_) | Command::Await(_));
        if let Some(op) = op.filter(|_| tells) {
            lines.extend(self.summary(op));
        }
        lines
    }

    /// An event in one line; operations are numbered by the session, from 1 in the order of the script.
    fn event_line(&self, event: &Event) -> String {
        let renumbered = |op: &OpId| self.hosts.number(*op).map(|id| OpId(id.0));
        let mut event = event.clone();
        if let EventKind::Asked { op, .. } | EventKind::Answered { op, .. } = &mut event.kind
            && let Some(number) = renumbered(op)
        {
            *op = number;
        }
        event.to_string()
    }

    fn summary(&mut self, op: HostOpId) -> Vec<String> {
        let mut lines = vec![format!("{SUMMARY}{}", self.result_line(op))];
        // What else is under way moves lines and sends messages: then these say nothing of this one.
        if !self.hosts.in_flight.is_empty() || self.workloads.is_busy() {
            return lines;
        }
        if let Some(done) = self.hosts.completion(op) {
            let sent: Vec<String> = messages(done)
                .filter(|(_, count)| *count > 0)
                .map(|(kind, count)| format!("{kind} {count}"))
                .collect();
            let sent = if sent.is_empty() { "nothing".to_owned() } else { sent.join(", ") };
            lines.push(format!("{SUMMARY}sent {sent}"));
        }
        lines.extend(self.places(op));
        lines
    }

    fn result_line(&self, op: HostOpId) -> String {
        let Some(done) = self.hosts.completion(op) else {
            return match self.hosts.outcome(op) {
                Outcome::Pending => "pending".to_owned(),
                Outcome::Ok => "ok".to_owned(),
                Outcome::Error(error) => error.to_string(),
            };
        };
        let touched = match &done.answer.result {
            Ok(touched) => touched,
            Err(error) => return error.to_string(),
        };
        let mut line = "ok".to_owned();
        for t in touched {
            if t.source != Source::Host {
                let _ = write!(line, " from {}", t.source);
            }
            if let Some(data) = &t.data {
                let _ = write!(line, " {data}");
            }
        }
        line
    }

    /// Where the blocks of an operation are: `b3 amf0:M`, `b4 nowhere`.
    fn places(&mut self, op: HostOpId) -> Vec<String> {
        let sectors = self.engine.config().sectors_per_block();
        let Some((first, count)) = self.hosts.get(op).and_then(|op| blocks(&op.command, sectors))
        else {
            return Vec::new();
        };
        let end = first + u64::from(count.min(BLOCKS_LISTED_MAX));
        let snapshot = self.snapshot(&Ask { first, end, held_max: 0, ..Ask::BRIEF });
        let place = |block: u64| {
            let mut line = format!("{SUMMARY}b{block}");
            for info in &snapshot.amfs {
                let state = super::wait::line_state(&info.lines, block);
                if state != LineState::I {
                    let _ = write!(line, " {}:{state}", info.id);
                }
            }
            if !line.contains(':') {
                line.push_str(" nowhere");
            }
            line
        };
        (first..end).map(place).collect()
    }
}

/// First block and number of blocks that a command touches.
fn blocks(command: &HostCommand, sectors_per_block: u32) -> Option<(u64, u32)> {
    match command {
        HostCommand::WriteSectors(_, block, sector, count, _) => {
            Some((block.0, (sector + count).div_ceil(sectors_per_block)))
        }
        HostCommand::Write(_, block, _)
        | HostCommand::WriteFua(_, block, _)
        | HostCommand::CompareAndWrite(_, block, ..) => Some((block.0, 1)),
        HostCommand::Read(_, block, count)
        | HostCommand::Trim(_, block, count)
        | HostCommand::Zero(_, block, count) => Some((block.0, *count)),
        HostCommand::Flush(_) => None,
    }
}

/// True if a line of an expected trace is compared in a live cluster too.
#[must_use]
pub fn is_summary(line: &str) -> bool {
    line.starts_with(SUMMARY.trim_end())
}
