//! Host operations: one line each, with where the data came from and how long it took.

use crate::protocol::id::{Instant, NodeId, OpId, Span};
use crate::protocol::{HostError, Source};
use crate::trace::engine::Completion;
use std::collections::{BTreeSet, VecDeque};

/// Lines kept.
pub const LINES_MAX: usize = 1_000;
/// Operations given by hand that may wait for their first event.
const HAND_MAX: usize = 256;

/// One host operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoLine {
    /// Its number.
    pub op: OpId,
    /// Who was asked.
    pub node: NodeId,
    /// What was asked, in words.
    pub what: String,
    /// When.
    pub started: Instant,
    /// What came of it.
    pub end: Option<IoEnd>,
    /// Asked for in this console, not by a workload.
    pub by_hand: bool,
    /// What happened, in one sentence; operations by hand only.
    pub story: Option<String>,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoEnd {
    /// From asking to the answer.
    pub took: Span,
    /// Where the data came from, or the error.
    pub result: Result<Vec<Source>, HostError>,
    /// What was read.
    pub value: Option<String>,
}

/// The newest operations, by number.
#[derive(Clone, Debug, Default)]
pub struct HostIo {
    /// Lowest number first.
    pub lines: VecDeque<IoLine>,
    hand: BTreeSet<OpId>,
}

impl HostIo {
    /// This operation was asked for in this console.
    pub fn by_hand(&mut self, op: OpId) {
        if let Some(line) = self.line_mut(op) {
            line.by_hand = true;
        } else {
            if self.hand.len() == HAND_MAX {
                self.hand.pop_first();
            }
            self.hand.insert(op);
        }
    }

    /// An operation began.
    pub fn asked(&mut self, op: OpId, node: NodeId, what: &str, started: Instant) {
        if self.line(op).is_some() {
            return;
        }
        let by_hand = self.hand.remove(&op);
        let what = what.to_owned();
        let line = IoLine { op, node, what, started, end: None, by_hand, story: None };
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        let at = self.lines.partition_point(|other| other.op < op);
        self.lines.insert(at, line);
    }

    /// An operation ended.
    pub fn answered(
        &mut self,
        op: OpId,
        result: &Result<Vec<Source>, HostError>,
        value: Option<&str>,
        now: Instant,
    ) {
        if let Some(line) = self.line_mut(op) {
            let took = now.since(line.started);
            let value = value.map(str::to_owned);
            line.end = Some(IoEnd { took, result: result.clone(), value });
        }
    }

    /// The engine's own account of an operation, with its story.
    pub fn completed(&mut self, done: &Completion, story: &str) {
        let op = done.answer.op;
        if self.line(op).is_none() {
            let what = done.answer.result.as_ref().map_or_else(
                |_| "operation".to_owned(),
                |touched| {
                    touched.first().map_or_else(String::new, |t| format!("b{}", t.touch.block.0))
                },
            );
            self.asked(op, NodeId::Amf(done.amf), &what, done.started);
        }
        let Some(line) = self.line_mut(op) else { return };
        line.story = Some(story.to_owned());
        if line.end.is_none() {
            let result = match &done.answer.result {
                Ok(touched) => {
                    let sources: BTreeSet<Source> = touched.iter().map(|t| t.source).collect();
                    Ok(sources.into_iter().collect())
                }
                Err(error) => Err(*error),
            };
            let took = done.ended.since(done.started);
            line.end = Some(IoEnd { took, result, value: None });
        }
    }

    /// The line of an operation.
    #[must_use]
    pub fn line(&self, op: OpId) -> Option<&IoLine> {
        let at = self.lines.partition_point(|line| line.op < op);
        self.lines.get(at).filter(|line| line.op == op)
    }

    fn line_mut(&mut self, op: OpId) -> Option<&mut IoLine> {
        let at = self.lines.partition_point(|line| line.op < op);
        self.lines.get_mut(at).filter(|line| line.op == op)
    }

    /// The newest operation by hand that has its story.
    #[must_use]
    pub fn newest_story(&self) -> Option<&IoLine> {
        self.lines.iter().rev().find(|line| line.by_hand && line.story.is_some())
    }
}
