//! The first difference of two recordings, step by step.

use super::fold::{node_of, step_text};
use super::head_of;
use crate::protocol::id::Instant;
use crate::trace::recording::{Outcome, Reader, Recorded, RecordingError};
use core::fmt::Write;
use std::collections::VecDeque;
use std::io::Read;

/// Steps of a recording, one at a time.
pub struct Steps<R> {
    reader: Reader<R>,
    chunk: VecDeque<Recorded>,
}

impl<R: Read> Steps<R> {
    /// Those that `reader` has not read yet.
    pub fn new(reader: Reader<R>) -> Self {
        Self { reader, chunk: VecDeque::new() }
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
                Some(chunk) => self.chunk = chunk.steps.into(),
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

/// The first step that differs; or how many there are, if none does.
///
/// # Errors
/// One of them cannot be read.
pub fn first_of<A: Read, B: Read>(
    a: &mut Steps<A>,
    b: &mut Steps<B>,
) -> Result<Result<Difference, u64>, RecordingError> {
    let mut step = 0;
    loop {
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
    /// What each does then, a step a line; both empty: they are equal.
    pub sides: [Vec<String>; 2],
}

/// Puts two recordings side by side: at most so many steps of each from their first difference on.
///
/// # Errors
/// One of them is no recording, or cannot be read.
pub fn side_by_side(a: &[u8], b: &[u8], most: usize) -> Result<Comparison, RecordingError> {
    let steps = |bytes| Ok::<_, RecordingError>(Steps::new(head_of(bytes)?.0));
    let (mut a, mut b) = (steps(a)?, steps(b)?);
    let found = match first_of(&mut a, &mut b)? {
        Err(same) => return Ok(Comparison { same, sides: [Vec::new(), Vec::new()] }),
        Ok(found) => found,
    };
    let [one, other] = &found.steps;
    let mut sides = [vec![told(one.as_ref())], vec![told(other.as_ref())]];
    let follow = |side: &mut Vec<String>, steps: &mut Steps<&[u8]>| {
        while side.len() < most
            && let Some(step) = steps.take()?
        {
            side.push(told(Some(&step)));
        }
        Ok::<_, RecordingError>(())
    };
    follow(&mut sides[0], &mut a)?;
    follow(&mut sides[1], &mut b)?;
    Ok(Comparison { same: found.step - 1, sides })
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
