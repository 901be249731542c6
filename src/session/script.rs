//! Runs a whole script: results line by line, expected traces compared or collected, one verdict.

use super::listing::is_summary;
use super::{Report, Session, Status};
use crate::trace::command::{Command, Expectation};
use crate::trace::engine::EngineError;
use crate::trace::grammar::Script;
use crate::trace::snapshot::Ask;

/// What became of one command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineReport {
    /// Its line in the script.
    pub line: u32,
    /// The command, in its canonical form.
    pub command: String,
    /// What it says at its end.
    pub report: Report,
    /// How what happened differs from the expected trace; empty if it does not, or none is given.
    pub difference: Vec<String>,
}

impl LineReport {
    /// True if the script has failed because of this line.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.report.is_failure() || !self.difference.is_empty()
    }
}

/// What became of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptReport {
    /// Lines that failed.
    pub failures: Vec<LineReport>,
    /// What the checkers found and no `expect violations` had said.
    pub violations: Vec<String>,
    /// The trace of every command, for `--bless`: one list for each of the script's entries.
    pub traces: Vec<Vec<String>>,
}

impl ScriptReport {
    /// True if everything was as it should be: exit status 0, else 1.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.failures.is_empty() && self.violations.is_empty()
    }
}

/// Lets the cluster settle, then runs a script from its first line to its last, whatever fails on the
/// way. `bless`: traces are collected and not compared. `tell` is called after every command.
///
/// # Errors
/// [`EngineError::Broken`] if the cluster cannot go on.
pub fn run_script(
    session: &mut Session,
    script: &Script,
    bless: bool,
    tell: &mut dyn FnMut(&LineReport),
) -> Result<ScriptReport, EngineError> {
    // What a cluster does at its start belongs to no command. If it does not settle, the script
    // will see.
    session.execute(&Command::Settle)?;
    let mut failures = Vec::new();
    let mut traces = Vec::with_capacity(script.entries.len());
    let mut said = 0;
    for entry in &script.entries {
        session.pump();
        let mark = session.mark();
        let report = session.execute(&entry.command)?;
        let trace = session.listing(&entry.command, report.op, mark);
        let compared = !bless && !entry.expected.is_empty();
        let difference = if compared {
            difference(&entry.expected, &trace, session.is_live())
        } else {
            Vec::new()
        };
        if let Command::Expect(Expectation::Violations(count)) = &entry.command {
            said = *count;
        }
        let command = entry.command.to_string();
        let line = LineReport { line: entry.line, command, report, difference };
        tell(&line);
        if line.is_failure() {
            failures.push(line);
        }
        traces.push(trace);
    }
    let violations = unsaid(session, said);
    Ok(ScriptReport { failures, violations, traces })
}

/// Violations count against a script unless its last `expect violations` has said how many.
fn unsaid(session: &mut Session, said: u64) -> Vec<String> {
    let snapshot = session.snapshot(&Ask::BRIEF);
    if snapshot.violations_total <= said {
        return Vec::new();
    }
    let found = snapshot.violations.iter();
    found.map(|found| format!("step {}: {}: {}", found.step, found.checker, found.text)).collect()
}

/// The lines that differ: `-` expected, `+` found. In a live cluster only summaries are compared.
fn difference(expected: &[String], found: &[String], live: bool) -> Vec<String> {
    let counts = |line: &&String| !live || is_summary(line);
    let expected: Vec<&String> = expected.iter().filter(counts).collect();
    let found: Vec<&String> = found.iter().filter(counts).collect();
    if expected == found {
        return Vec::new();
    }
    // What both begin and end with is left out; people look at the middle.
    let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let (rest, new) = (&expected[same..], &found[same..]);
    let tail = rest.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let mut lines = vec![format!("the trace differs after {same} lines:")];
    lines.extend(rest[..rest.len() - tail].iter().map(|line| format!("- {line}")));
    lines.extend(new[..new.len() - tail].iter().map(|line| format!("+ {line}")));
    lines
}

impl Status {
    /// One word for the margin.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::HostError(error) => error.name(),
            Self::Failed => "FAILED",
            Self::Refused => "REFUSED",
        }
    }
}
