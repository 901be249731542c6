//! A space-time diagram of what happened: one column a place, one row an event, time downwards.
//!
//! Rows are made of events ([`rows`]), wherever those come from: a recording, or an engine that runs. What
//! belongs to one operation is found by causality ([`cone`]); rows become text ([`draw`]) or a picture
//! ([`svg`]). Nothing here knows a terminal.

pub mod cone;
pub mod draw;
pub mod svg;

use crate::protocol::id::{AmfId, DiskId, Instant, Key, NodeId, OpId};
use crate::protocol::{LineState, MsgKind, Rule};
use crate::trace::event::{DiskWhat, Event, EventKind, Passage};
use core::fmt::Write as _;

/// A place where things happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The hosts, all together.
    Hosts,
    /// An AMF.
    Amf(AmfId),
    /// The witness.
    Witness,
    /// A disk.
    Disk(DiskId),
}

impl Column {
    /// Of a machine.
    #[must_use]
    pub const fn of(node: NodeId) -> Self {
        match node {
            NodeId::Amf(amf) => Self::Amf(amf),
            NodeId::Witness => Self::Witness,
            NodeId::Disk(disk) => Self::Disk(disk),
        }
    }

    /// Every place of a cluster, in the usual order.
    #[must_use]
    pub fn all(amfs: u8, disks: u8) -> Vec<Self> {
        let amfs = (0..amfs).map(|amf| Self::Amf(AmfId(amf)));
        let disks = (0..disks).map(|disk| Self::Disk(DiskId(disk)));
        std::iter::once(Self::Hosts)
            .chain(amfs)
            .chain(std::iter::once(Self::Witness))
            .chain(disks)
            .collect()
    }

    /// Its head: `hosts`, `amf0`, `witness`, `disk2`.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Self::Hosts => "hosts".to_owned(),
            Self::Amf(amf) => amf.to_string(),
            Self::Witness => "witness".to_owned(),
            Self::Disk(disk) => disk.to_string(),
        }
    }
}

/// How much is shown; each level has all that those before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What hosts ask and are told, what arrives or is lost, disk I/O, views, faults.
    Messages,
    /// And what leaves, and every change of a line's state.
    #[default]
    States,
    /// And every rule that was applied.
    Rules,
}

impl Level {
    /// The next one, round.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Messages => Self::States,
            Self::States => Self::Rules,
            Self::Rules => Self::Messages,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::States => "states",
            Self::Rules => "rules",
        }
    }
}

/// What goes from one place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// A message between AMFs; `true`: repeated.
    Message(MsgKind, bool),
    /// A host's request.
    Request,
    /// The answer to it; `false`: an error.
    Answer(bool),
    /// Disk I/O; `false`: refused.
    Disk(bool),
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Something leaves for these places.
    Leaves {
        /// From here.
        from: Column,
        /// To these.
        to: Vec<Column>,
        /// What it is.
        kind: MsgKind,
        /// It is repeated.
        again: bool,
    },
    /// Something arrives.
    Arrow {
        /// From here.
        from: Column,
        /// To here.
        to: Column,
        /// What it is.
        carries: Carries,
        /// It got lost on the way.
        lost: bool,
    },
    /// A line changes its state.
    State(Column, LineState, LineState),
    /// A write takes its version, and the line is in this state.
    Commit(Column, LineState),
    /// A rule is applied.
    Rule(Column),
    /// A view is decided, or installed.
    View(Column),
    /// An AMF joins.
    Joined(Column),
    /// Something is broken on purpose.
    Fault(Column),
    /// An invariant is broken.
    Violation(Column),
    /// Something worth knowing.
    Note(Column),
}

impl What {
    /// Where it happens: at the end of an arrow.
    #[must_use]
    pub const fn place(&self) -> Column {
        match self {
            Self::Leaves { from, .. } => *from,
            Self::Arrow { to, .. } => *to,
            Self::State(at, ..)
            | Self::Commit(at, _)
            | Self::Rule(at)
            | Self::View(at)
            | Self::Joined(at)
            | Self::Fault(at)
            | Self::Violation(at)
            | Self::Note(at) => *at,
        }
    }

    /// It concerns everybody, and stands out.
    #[must_use]
    pub const fn is_band(&self) -> bool {
        matches!(self, Self::Fault(_) | Self::Violation(_))
            || matches!(self, Self::View(Column::Witness))
    }
}

/// Where an event happens, as its row shows it: at one place, or between two.
#[must_use]
pub fn places(event: &Event) -> (Column, Option<Column>) {
    let here = Column::of(event.node);
    match &event.kind {
        EventKind::Asked { .. } | EventKind::Answered { .. } => (here, Some(Column::Hosts)),
        EventKind::Sent(passage) | EventKind::Delivered(passage) | EventKind::Lost(passage) => {
            (Column::Amf(passage.from), Some(Column::Amf(passage.to)))
        }
        EventKind::Disk { amf, .. } => (here, Some(Column::Amf(*amf))),
        EventKind::Rule(_)
        | EventKind::View { .. }
        | EventKind::Joined(_)
        | EventKind::Fault(_)
        | EventKind::Violation(_)
        | EventKind::Note(_) => (here, None),
    }
}

/// Where a row is: rows are ordered by it, and a row keeps it whatever else is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The step, from 1; 0 is before the first.
    pub step: u64,
    /// The how-manieth event of the step.
    pub event: u32,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is.
    pub at: Address,
    /// When it happened.
    pub now: Instant,
    /// What it shows.
    pub what: What,
    /// The block, stripe or group that it is about.
    pub key: Option<Key>,
    /// The host operation that it is done for, if that is known.
    pub op: Option<OpId>,
    /// In words.
    pub text: String,
}

impl Row {
    /// Something of it is at this place.
    #[must_use]
    pub fn touches(&self, column: Column) -> bool {
        match &self.what {
            What::Leaves { from, to, .. } => *from == column || to.contains(&column),
            What::Arrow { from, to, .. } => *from == column || *to == column,
            what => what.place() == column,
        }
    }

    /// One line for a list: where it happens (for what goes from one place to another, both), a sign
    /// for what it is, and what.
    #[must_use]
    pub fn told(&self, arrow: char) -> String {
        let place = match &self.what {
            What::Leaves { from, to, .. } => match to.as_slice() {
                [one] => format!("{}{arrow}{}", from.title(), one.title()),
                _ => format!("{}{arrow}", from.title()),
            },
            What::Arrow { from, to, .. } => format!("{}{arrow}{}", from.title(), to.title()),
            what => what.place().title(),
        };
        format!("{place:<12} {} {}", self.sign(), self.text)
    }

    /// What it is, without a colour.
    const fn sign(&self) -> char {
        match &self.what {
            What::Leaves { .. } => '>',
            What::Arrow { lost: true, .. } => 'x',
            What::Arrow { .. } => '<',
            What::State(..) => '~',
            What::Commit(..) => 'C',
            What::Rule(_) => '.',
            What::View(_) | What::Joined(_) => 'V',
            What::Fault(_) => 'F',
            What::Violation(_) => 'X',
            What::Note(_) => '#',
        }
    }

    /// The level on which it is first shown.
    #[must_use]
    pub const fn level(&self) -> Level {
        match &self.what {
            What::Leaves { .. } | What::State(..) => Level::States,
            What::Rule(_) => Level::Rules,
            What::Arrow { .. }
            | What::Commit(..)
            | What::View(_)
            | What::Joined(_)
            | What::Fault(_)
            | What::Violation(_)
            | What::Note(_) => Level::Messages,
        }
    }
}

/// The rows of these events, which are in order and begin with the first event of a step. What leaves for
/// several places at once is one row.
#[must_use]
pub fn rows<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut at = Address::default();
    for event in events {
        if event.step != at.step || rows.is_empty() {
            at = Address { step: event.step, event: 0 };
        } else {
            at.event += 1;
        }
        if let EventKind::Sent(passage) = &event.kind
            && let Some(last) = rows.last_mut()
            && joins(last, event, passage)
        {
            continue;
        }
        rows.push(row(at, event));
    }
    rows
}

/// The same message to one more place: it goes into the row that is there.
fn joins(last: &mut Row, event: &Event, passage: &Passage) -> bool {
    let text = leaving(passage);
    let What::Leaves { from, to, kind, again } = &mut last.what else { return false };
    let same = *from == Column::Amf(passage.from) && *kind == passage.kind;
    if last.at.step != event.step || !same || *again != passage.again || last.text != text {
        return false;
    }
    to.push(Column::Amf(passage.to));
    true
}

fn leaving(passage: &Passage) -> String {
    let mut text = format!("sends {}", passage.kind);
    if let Some(key) = passage.key {
        let _ = write!(text, " {key}");
    }
    if !passage.detail.is_empty() {
        let _ = write!(text, " {}", passage.detail);
    }
    if passage.again {
        text.push_str(" again");
    }
    text
}

/// An operation, unless it is none.
fn some(op: OpId) -> Option<OpId> {
    (op != OpId::NONE).then_some(op)
}

fn row(at: Address, event: &Event) -> Row {
    let here = Column::of(event.node);
    let (what, key, op, text) = match &event.kind {
        EventKind::Asked { op, what } => {
            let carries = Carries::Request;
            let arrow = What::Arrow { from: Column::Hosts, to: here, carries, lost: false };
            (arrow, None, Some(*op), format!("op{} {what}", op.0))
        }
        EventKind::Answered { op, result, .. } => {
            let carries = Carries::Answer(result.is_ok());
            let arrow = What::Arrow { from: here, to: Column::Hosts, carries, lost: false };
            (arrow, None, Some(*op), event.kind.to_string())
        }
        EventKind::Sent(passage) => {
            let what = What::Leaves {
                from: Column::Amf(passage.from),
                to: vec![Column::Amf(passage.to)],
                kind: passage.kind,
                again: passage.again,
            };
            (what, passage.key, some(passage.cause), leaving(passage))
        }
        EventKind::Delivered(passage) | EventKind::Lost(passage) => {
            let lost = matches!(event.kind, EventKind::Lost(_));
            let arrow = What::Arrow {
                from: Column::Amf(passage.from),
                to: Column::Amf(passage.to),
                carries: Carries::Message(passage.kind, passage.again),
                lost,
            };
            let text = leaving(passage).split_off("sends ".len());
            let text = if lost { format!("lost: {text}") } else { text };
            (arrow, passage.key, some(passage.cause), text)
        }
        EventKind::Rule(fact) => {
            let changed = fact.before != fact.after;
            let what = match (changed, fact.key) {
                (_, Some(_)) if fact.rule == Rule::Commit => What::Commit(here, fact.after),
                (true, Some(_)) => What::State(here, fact.before, fact.after),
                _ => What::Rule(here),
            };
            (what, fact.key, None, fact.to_string())
        }
        EventKind::Disk { amf, what, block, error, .. } => {
            let amf = Column::Amf(*amf);
            let (from, to) = match what {
                DiskWhat::Read => (here, amf),
                DiskWhat::Write | DiskWhat::Other => (amf, here),
            };
            let carries = Carries::Disk(error.is_none());
            let arrow = What::Arrow { from, to, carries, lost: false };
            (arrow, Some(Key::Block(*block)), None, format!("{} {}", event.node, event.kind))
        }
        EventKind::View { .. } => (What::View(here), None, None, event.kind.to_string()),
        EventKind::Joined(_) => (What::Joined(here), None, None, event.kind.to_string()),
        EventKind::Fault(text) => (What::Fault(here), None, None, text.clone()),
        EventKind::Violation(violation) => {
            (What::Violation(here), violation.key, None, event.kind.to_string())
        }
        EventKind::Note(text) => (What::Note(here), None, None, text.clone()),
    };
    Row { at, now: event.now, what, key, op, text }
}
