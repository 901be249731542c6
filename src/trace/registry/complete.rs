//! Completion of a line that is being typed: which words may stand where the cursor is.

use super::{Arg, ENTRIES, find};
use crate::protocol::{Defect, HostError, LineState, MsgKind, Protocol, Rule};
use crate::trace::grammar::Limits;

/// Most candidates given back: a list that a person can read.
const CANDIDATES_MAX: usize = 200;

/// The words that can stand where the cursor is, given what is typed before it, in the order of the
/// registry. `cursor` is in bytes; what follows it does not count. Empty: nothing to offer.
#[must_use]
pub fn complete(line: &str, cursor: usize, limits: &Limits) -> Vec<String> {
    let head = line.get(..cursor.min(line.len())).unwrap_or(line);
    if head.matches('"').count() % 2 == 1 {
        return Vec::new();
    }
    let words = head.trim_end_matches(|c: char| !c.is_whitespace());
    let (typed, partial) = head.split_at(words.len());
    let typed: Vec<&str> = typed.split_whitespace().collect();
    let mut words: Vec<String> = Vec::new();
    for word in candidates(&typed, limits) {
        if word.starts_with(partial) && !words.contains(&word) && words.len() < CANDIDATES_MAX {
            words.push(word);
        }
    }
    words
}

fn candidates(typed: &[&str], limits: &Limits) -> Vec<String> {
    let Some((name, behind)) = typed.split_first() else {
        return ENTRIES
            .iter()
            .map(|e| e.name)
            .filter(|n| *n != "LABEL:")
            .map(String::from)
            .collect();
    };
    if name.ends_with(':') {
        if behind.is_empty() {
            let hosts = ["write", "write-fua", "read", "caw", "trim", "zero", "flush"];
            return hosts.map(String::from).to_vec();
        }
        return candidates(behind, limits);
    }
    let Some(entry) = find(name) else { return Vec::new() };
    let mut words = Vec::new();
    if entry.name == "run-until" {
        let (alone, rest) = of_condition(behind);
        if alone && rest.is_empty() {
            words.push("not".to_owned());
        }
        for form in entry.forms.iter().filter(|form| fits(form, rest, limits)) {
            match form.get(rest.len()) {
                Some(Arg::Word("within")) => words.extend(["and".to_owned(), "within".to_owned()]),
                Some(arg) => words.extend(of(*arg, limits)),
                None => {}
            }
        }
        return words;
    }
    for form in entry.forms {
        if let [Arg::Sides] = form {
            words.extend(of(Arg::Sides, limits));
        } else if form.len() > behind.len() && fits(form, behind, limits) {
            words.extend(of(form[behind.len()], limits));
        }
    }
    words
}

/// What is typed of the last of some conditions, without its `not`; and whether it has none.
fn of_condition<'a>(typed: &'a [&'a str]) -> (bool, &'a [&'a str]) {
    let last = typed.iter().rposition(|word| *word == "and").map_or(typed, |at| &typed[at + 1..]);
    match last {
        ["not", rest @ ..] => (false, rest),
        rest => (true, rest),
    }
}

/// What is typed could be the beginning of this form.
fn fits(form: &[Arg], typed: &[&str], limits: &Limits) -> bool {
    form.iter().zip(typed).all(|(arg, word)| {
        let known = of(*arg, limits);
        known.is_empty() || known.iter().any(|candidate| candidate == word) || is_open(*arg)
    })
}

/// Words besides the candidates are possible.
fn is_open(arg: Arg) -> bool {
    match arg {
        Arg::Block
        | Arg::Blocks
        | Arg::Value
        | Arg::Time
        | Arg::Rate
        | Arg::Number
        | Arg::Text
        | Arg::Label
        | Arg::HostCommand
        | Arg::Sides => true,
        Arg::Word(_)
        | Arg::Amf
        | Arg::Target
        | Arg::Disk
        | Arg::Node
        | Arg::Kind
        | Arg::State
        | Arg::Mode
        | Arg::Protocol
        | Arg::Defect
        | Arg::Rule
        | Arg::Workload
        | Arg::Error
        | Arg::Source => false,
    }
}

fn of(arg: Arg, limits: &Limits) -> Vec<String> {
    let amfs = || (0..limits.amfs).map(|id| format!("amf{id}"));
    let disks = || (0..limits.disks).map(|id| format!("disk{id}"));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match arg {
        Arg::Word(word) => words(&[word]),
        Arg::Amf => amfs().collect(),
        Arg::Target => amfs().chain(["all".to_owned()]).collect(),
        Arg::Disk => disks().collect(),
        Arg::Node => amfs().chain(disks()).chain(["witness".to_owned()]).collect(),
        Arg::Sides => {
            let others = ["|", "witness"].map(String::from);
            amfs().chain(disks()).chain(others).collect()
        }
        Arg::Kind => MsgKind::ALL.map(|kind| kind.name().to_owned()).to_vec(),
        Arg::State => LineState::ALL.map(|state| state.to_string()).to_vec(),
        Arg::Mode => words(&["shared", "exclusive"]),
        Arg::Protocol => Protocol::ALL.map(|protocol| protocol.name().to_owned()).to_vec(),
        Arg::Defect => Defect::ALL.map(|defect| defect.name().to_owned()).to_vec(),
        Arg::Rule => Rule::ALL.iter().map(|rule| rule.id().to_owned()).collect(),
        Arg::Workload => limits.workloads.clone(),
        Arg::Error => HostError::ALL.map(|kind| kind.name().to_owned()).to_vec(),
        Arg::Source => ["cache".to_owned()].into_iter().chain(amfs()).chain(disks()).collect(),
        Arg::Time => words(&["50ms", "200ms", "1s", "5s"]),
        Arg::Rate => words(&["5%", "20%", "100%"]),
        Arg::Value => words(&["\"", "0x00", "@"]),
        Arg::Block | Arg::Blocks | Arg::Number | Arg::Text | Arg::Label | Arg::HostCommand => {
            Vec::new()
        }
    }
}
