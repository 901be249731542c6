//! One sentence for each host operation: what happened, in the words of the claims.

use super::expect::messages;
use crate::protocol::{HostError, MsgKind, Source, Touched};
use crate::trace::Completion;
use crate::trace::command::HostCommand;

/// What became of an operation in a cluster of `amfs` AMFs: `amf1 asked 3 AMFs, amf0 had it in its
/// cache; 7 messages, 412 us`.
#[must_use]
pub fn sentence(command: &HostCommand, done: &Completion, amfs: u8) -> String {
    let total: u64 = messages(done).map(|(_, count)| count).sum();
    let took = done.ended.since(done.started);
    let what = match &done.answer.result {
        Ok(touched) => format!("{}{}", done.amf, story(command, done, touched, amfs)),
        Err(error) => format!("{error}: {}", error_in_words(*error)),
    };
    match total {
        0 => format!("{what}; no message, {took}"),
        1 => format!("{what}; 1 message, {took}"),
        _ => format!("{what}; {total} messages, {took}"),
    }
}

fn story(command: &HostCommand, done: &Completion, touched: &[Touched], amfs: u8) -> String {
    match command {
        HostCommand::Read(..) => read_story(done, touched, amfs),
        HostCommand::Flush(_) => ": everything it had acknowledged is durable".to_owned(),
        HostCommand::Write(..)
        | HostCommand::WriteSectors(..)
        | HostCommand::WriteFua(..)
        | HostCommand::CompareAndWrite(..)
        | HostCommand::Trim(..)
        | HostCommand::Zero(..) => write_story(done, amfs),
    }
}

/// Who was asked; `None` if nobody had to be. More messages than there are others: a view changed
/// meanwhile, and who is left was asked again.
fn asked(done: &Completion, kind: MsgKind, amfs: u8) -> Option<String> {
    let broadcasts = u64::from(done.broadcasts);
    let sent = done.messages[kind.index()];
    if broadcasts == 0 || sent == 0 {
        return None;
    }
    let others = u64::from(amfs.saturating_sub(1));
    let peers = sent.div_ceil(broadcasts).min(others);
    let amfs = if peers == 1 { "1 AMF" } else { &format!("{peers} AMFs") };
    let times = if broadcasts == 1 { String::new() } else { format!(", {broadcasts} times") };
    let again = if sent > others * broadcasts { " (again after a view change)" } else { "" };
    Some(format!("{amfs}{times}{again}"))
}

fn read_story(done: &Completion, touched: &[Touched], amfs: u8) -> String {
    if !touched.is_empty() && touched.iter().all(|t| t.source == Source::Cache) {
        return " had it in its own cache".to_owned();
    }
    let mut from: Vec<Source> = Vec::new();
    for source in touched.iter().map(|t| t.source) {
        if !from.contains(&source) {
            from.push(source);
        }
    }
    let given: Vec<String> = from.iter().map(|source| gave(*source)).collect();
    let given = given.join(", ");
    match asked(done, MsgKind::AccessShared, amfs) {
        Some(amfs) if from.iter().all(|source| matches!(source, Source::Disk(_))) => {
            format!(" asked {amfs}, nobody had it, {given}")
        }
        Some(amfs) => format!(" asked {amfs}, {given}"),
        None if done.saved > 0 => format!(": not shared, no broadcast; {given}"),
        None => format!(": {given}"),
    }
}

fn gave(source: Source) -> String {
    match source {
        Source::Cache => "its own cache had it".to_owned(),
        Source::Amf(amf) => format!("{amf} had it in its cache"),
        Source::Disk(disk) => format!("{disk} gave it"),
        Source::Host => "nothing had to be read".to_owned(),
    }
}

fn write_story(done: &Completion, amfs: u8) -> String {
    let first = match asked(done, MsgKind::AccessExclusive, amfs) {
        Some(amfs) => format!(" told {amfs} to invalidate"),
        None if done.saved > 0 => ": not shared, no broadcast".to_owned(),
        None => " wrote it alone".to_owned(),
    };
    match done.messages[MsgKind::Replicate.index()] {
        0 => first,
        1 => format!("{first}, 1 replica"),
        copies => format!("{first}, {copies} replicas"),
    }
}

fn error_in_words(error: HostError) -> &'static str {
    match error {
        HostError::Miscompare => "the block holds something else, nothing was written",
        HostError::NotServing => "the AMF does not serve now, nothing was done",
        HostError::Timeout => "no answer in time",
        HostError::UnknownOutcome => "the AMF left during the write, it may have happened or not",
        HostError::Media => "no copy of the block can be read or written",
        HostError::InDoubt => {
            "acknowledged data may be lost here, old data is not given out (`accept-loss` ends that)"
        }
        HostError::OutOfRange => "beyond the end of the volume",
    }
}
