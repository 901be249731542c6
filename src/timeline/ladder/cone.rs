//! What belongs together: which sending an arrival is of, and what came before and after an operation by
//! cause and effect.

use super::{Carries, Column, Row, What};
use crate::protocol::MsgKind;
use crate::protocol::id::{Key, OpId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What of an operation is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What was done for it.
    Own,
    /// Everything that it can have come from, and that can have come from it: Lamport's "happened before",
    /// where what a place did with one block says nothing of what it did with another.
    Cone,
}

/// Same sender, receiver, kind, key and operation: links are first in, first out.
type Channel = (Column, Column, MsgKind, Option<Key>, Option<OpId>);

/// For each row that is an arrival (or a loss): the row in which it left, if that is among these.
#[must_use]
pub fn pairs(rows: &[Row]) -> Vec<Option<usize>> {
    let mut flying: BTreeMap<Channel, VecDeque<usize>> = BTreeMap::new();
    let mut pairs = vec![None; rows.len()];
    for (index, row) in rows.iter().enumerate() {
        match &row.what {
            What::Leaves { from, to, kind, .. } => {
                for to in to {
                    let channel = (*from, *to, *kind, row.key, row.op);
                    flying.entry(channel).or_default().push_back(index);
                }
            }
            What::Arrow { from, to, carries: Carries::Message(kind, _), .. } => {
                let channel = (*from, *to, *kind, row.key, row.op);
                pairs[index] = flying.get_mut(&channel).and_then(VecDeque::pop_front);
            }
            What::Arrow { .. }
            | What::State(..)
            | What::Commit(..)
            | What::Rule(_)
            | What::View(_)
            | What::Joined(_)
            | What::Fault(_)
            | What::Violation(_)
            | What::Note(_) => {}
        }
    }
    pairs
}

/// Which rows belong to an operation. Views, faults and violations always do: they concern everybody.
#[must_use]
pub fn follow(rows: &[Row], op: OpId, reach: Reach) -> Vec<bool> {
    let mut shown = match reach {
        Reach::Own => own(rows, op),
        Reach::Cone => {
            let pairs = pairs(rows);
            let future = future(rows, &pairs, op);
            let past = past(rows, &pairs, op);
            future.iter().zip(past).map(|(after, before)| *after || before).collect()
        }
    };
    for (shown, row) in shown.iter_mut().zip(rows) {
        *shown |= row.what.is_band();
    }
    shown
}

/// Rows that name the operation, and what else was done about the same block in the same step.
fn own(rows: &[Row], op: OpId) -> Vec<bool> {
    let named: BTreeSet<u64> =
        rows.iter().filter(|row| row.op == Some(op)).map(|row| row.at.step).collect();
    let keys: BTreeSet<Key> =
        rows.iter().filter(|row| row.op == Some(op)).filter_map(|row| row.key).collect();
    let belongs = |row: &Row| match row.op {
        Some(other) => other == op,
        None => named.contains(&row.at.step) && row.key.is_none_or(|key| keys.contains(&key)),
    };
    rows.iter().map(belongs).collect()
}

/// What a place did about one thing is a line of its own; a row is on one or more of them.
type Thread = (Column, Option<Key>, Option<OpId>);

fn threads(row: &Row) -> Vec<Thread> {
    let mut places = vec![row.what.place()];
    if let What::Arrow { from, carries: Carries::Disk(_), .. } = row.what {
        // What a disk did for an AMF is one event at both.
        places.push(from);
    }
    if let What::Arrow { from, carries: Carries::Answer(_), .. } = row.what {
        places = vec![from];
    }
    if matches!(row.what, What::Arrow { lost: true, .. }) {
        places.clear();
    }
    let mut threads = Vec::new();
    for place in places {
        threads.extend(row.key.map(|key| (place, Some(key), None)));
        threads.extend(row.op.map(|op| (place, None, Some(op))));
    }
    threads
}

fn future(rows: &[Row], pairs: &[Option<usize>], op: OpId) -> Vec<bool> {
    let mut hot: BTreeSet<Thread> = BTreeSet::new();
    let mut inside = vec![false; rows.len()];
    for (index, row) in rows.iter().enumerate() {
        let threads = threads(row);
        let sent = pairs[index].is_some_and(|from| inside[from]);
        inside[index] = row.op == Some(op) || sent || threads.iter().any(|one| hot.contains(one));
        if inside[index] {
            hot.extend(threads);
        }
    }
    inside
}

fn past(rows: &[Row], pairs: &[Option<usize>], op: OpId) -> Vec<bool> {
    let mut hot: BTreeSet<Thread> = BTreeSet::new();
    let mut inside = vec![false; rows.len()];
    for (index, row) in rows.iter().enumerate().rev() {
        let threads = threads(row);
        inside[index] |= row.op == Some(op) || threads.iter().any(|one| hot.contains(one));
        if inside[index] {
            hot.extend(threads);
            if let Some(from) = pairs[index] {
                inside[from] = true;
            }
        }
    }
    inside
}
