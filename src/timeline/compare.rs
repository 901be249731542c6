//! The first difference of two recordings, step by step.

use super::fold::{node_of, step_text};
use super::head_of;
use super::ladder::{Level, Row};
use super::search::each_row;
use crate::protocol::id::Instant;
use crate::trace::recording::{Outcome, Reader, Recorded, RecordingError};
use core::fmt::Write;
use std::collections::VecDeque;
use std::io::Read;

/// Events of a run that are put beside those of another one.
const ROWS_MAX: usize = 400;

/// Steps of a recording, one at a time.
pub struct Steps<R> {
    reader: Reader<R>,
    chunk: VecDeque<Recorded>,
    /// Bytes that were read.
    done: u64,
}

impl<R: Read> Steps<R> {
    /// Those that `reader` has not read yet.
    pub fn new(reader: Reader<R>) -> Self {
        Self { reader, chunk: VecDeque::new(), done: 0 }
    }

    /// What they are read with.
    pub fn reader(&self) -> &Reader<R> {
        &self.reader
    }

    /// The next one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn take(&mut self) -> Result<Option<Recorded>, RecordingError> {
        while self.chunk.is_empty() {
            match self.reader.next_chunk()? {
                Some(chunk) => {
                    self.done = chunk.offset + chunk.bytes;
                    self.chunk = chunk.steps.into();
                }
                None => return Ok(None),
            }
        }
        Ok(self.chunk.pop_front())
    }
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the step, from 1: up to the position before it they are the same.
    pub step: u64,
    /// What it is in either; `None`: that has no more steps.
    pub steps: [Option<Recorded>; 2],
}

/// The first step that differs; or how many there are, if none does. `told` hears before every step how many
/// bytes of the first are done, and may say that this is enough.
///
/// # Errors
/// One of them cannot be read.
pub fn first_of<A: Read, B: Read>(
    a: &mut Steps<A>,
    b: &mut Steps<B>,
    told: &mut dyn FnMut(u64) -> bool,
) -> Result<Result<Difference, u64>, RecordingError> {
    let mut step = 0;
    loop {
        if !told(a.done) {
            return Ok(Err(step));
        }
        let steps = [a.take()?, b.take()?];
        if steps[0] == steps[1] {
            if steps[0].is_none() {
                return Ok(Err(step));
            }
            step += 1;
            continue;
        }
        return Ok(Ok(Difference { step: step + 1, steps }));
    }
}

/// Two runs from the first step in which they differ on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Steps that they have in common.
    pub same: u64,
    /// What happens then in each, an event a line, with its step; what happens in both stands side by
    /// side, and opposite of what happens in one only is nothing. Both empty: they are equal.
    pub sides: [Vec<String>; 2],
}

/// Puts two recordings side by side: what happens in at most so many steps of each from their first
/// difference on. `arrow` stands between two places. Each is read twice: from what `open` gives, from its
/// beginning on.
///
/// # Errors
/// One of them is no recording, or cannot be read.
pub fn side_by_side<R: Read>(
    open: [&dyn Fn() -> R; 2],
    most: usize,
    arrow: char,
) -> Result<Comparison, RecordingError> {
    let [a, b] = open;
    let steps = |from: R| Ok::<_, RecordingError>(Steps::new(head_of(from)?.0));
    let same = match first_of(&mut steps(a())?, &mut steps(b())?, &mut |_| true)? {
        Err(same) => return Ok(Comparison { same, sides: [Vec::new(), Vec::new()] }),
        Ok(found) => found.step - 1,
    };
    let rows = [rows_behind(a(), same, most)?, rows_behind(b(), same, most)?];
    Ok(Comparison { same, sides: beside(&rows, arrow) })
}

/// What happens behind this step of a recording.
fn rows_behind(from: impl Read, same: u64, most: usize) -> Result<Vec<Row>, RecordingError> {
    let mut rows = Vec::new();
    each_row(from, (same, same.saturating_add(most as u64)), &mut |row| {
        if row.level() < Level::Rules {
            rows.push(row);
        }
        rows.len() < ROWS_MAX
    })?;
    Ok(rows)
}

/// Lines of both, of the same number, so that as many as possible that say the same stand side by side, in their order.
#[must_use]
pub fn beside([a, b]: &[Vec<Row>; 2], arrow: char) -> [Vec<String>; 2] {
    let words = |rows: &[Row]| rows.iter().map(|row| row.told(arrow)).collect::<Vec<_>>();
    let (one, other) = (words(a), words(b));
    // How many are in both from here on: the longest common subsequence.
    let mut common = vec![vec![0_u32; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            common[i][j] = if one[i] == other[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let line = |rows: &[Row], words: &[String], at: usize| {
        format!("{:>6} {}", rows[at].at.step, words[at])
    };
    let mut sides = [Vec::new(), Vec::new()];
    let (mut i, mut j) = (0, 0);
    while i < one.len() || j < other.len() {
        let is_same = i < one.len() && j < other.len() && one[i] == other[j];
        let is_left =
            j == other.len() || (i < one.len() && !is_same && common[i + 1][j] >= common[i][j + 1]);
        sides[0].push(if is_same || is_left { line(a, &one, i) } else { String::new() });
        sides[1].push(if is_left { String::new() } else { line(b, &other, j) });
        i += usize::from(is_same || is_left);
        j += usize::from(!is_left);
    }
    if sides[0].is_empty() {
        // What differs is nothing that can be seen: a renewal, an acknowledgement of a link.
        let text = "nothing that is seen differs here".to_owned();
        return [vec![text.clone()], vec![text]];
    }
    sides
}

/// A recorded step in words.
#[must_use]
pub fn told(recorded: Option<&Recorded>) -> String {
    let Some(Recorded { entry, outcome, digest, broke }) = recorded else {
        return "has no more steps".to_owned();
    };
    let at = entry.now.since(Instant(0));
    let mut text = format!("{at}  {}: {}", node_of(&entry.step), step_text(&entry.step));
    match outcome {
        Some(Outcome::Full(result)) => {
            let _ = write!(text, " ({result:?})");
        }
        Some(Outcome::Known(digest)) => {
            let _ = write!(text, " (content {digest:08x})");
        }
        None => {}
    }
    match digest {
        0 => text.push_str(", no output"),
        digest => {
            let _ = write!(text, ", outputs {digest:08x}");
        }
    }
    if *broke {
        text.push_str(", the machine broke");
    }
    text
}
