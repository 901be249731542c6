//! `amflab doctor`: looks whether everything that the program needs is there, and says what to do where
//! it is not. One line a finding: `ok`, `warn`, `BAD`, or `-` for what is only good to know.

mod machine;
mod terminal;

use super::config::Place;
use super::failure::{FAILED, FINE};
use super::{Done, print};
use clap::Args;
use std::fmt::Write;
use std::path::Path;

#[derive(Clone, Debug, Args)]
pub(super) struct DoctorArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    Note,
    Warn,
    Bad,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "-",
            Self::Warn => "warn",
            Self::Bad => "BAD",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    state: State,
    text: String,
    /// What to do about it; empty: nothing.
    advice: String,
}

impl Finding {
    fn new(what: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { what, state, text: text.into(), advice: String::new() }
    }

    /// With what to do about it.
    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

/// Looks at the terminal, the machine, the store and the settings.
pub(super) fn doctor(args: &DoctorArgs) -> Done {
    let mut findings = terminal::findings();
    findings.extend(machine::findings());
    findings.push(config());
    let is_bad = findings.iter().any(|finding| finding.state == State::Bad);
    print(&if args.json { json(&findings, is_bad) } else { lines(&findings) })?;
    Ok(if is_bad { FAILED } else { FINE })
}

fn lines(findings: &[Finding]) -> String {
    let mut out = String::new();
    for Finding { what, state, text, advice } in findings {
        let _ = writeln!(out, "{:<6}{what:<14}{text}", state.word());
        if !advice.is_empty() {
            let _ = writeln!(out, "{:<20}hint: {advice}", "");
        }
    }
    out
}

fn json(findings: &[Finding], is_bad: bool) -> String {
    let one = |finding: &Finding| {
        serde_json::json!({
            "what": finding.what,
            "state": finding.state.name(),
            "text": finding.text,
            "advice": finding.advice,
        })
    };
    let findings: Vec<_> = findings.iter().map(one).collect();
    format!("{}\n", serde_json::json!({ "ok": !is_bad, "findings": findings }))
}

/// The user's own settings.
fn config() -> Finding {
    let what = "config file";
    let place = Place::of(None);
    let name = place.path().map(Path::display);
    match (place.load(), name) {
        (Ok(_), None) => Finding::new(what, State::Note, "none is read: the defaults hold"),
        (Ok(_), Some(name)) if !place.path().is_some_and(Path::exists) => {
            let text = format!("{name} is not there: the defaults hold");
            Finding::new(what, State::Note, text).advise("`amflab config init` writes one")
        }
        (Ok(_), Some(name)) => Finding::new(what, State::Ok, format!("{name}: fine")),
        (Err(failure), _) => {
            let first = failure.text.lines().next().unwrap_or_default().to_owned();
            let advice = "`amflab config check` tells all of it; `--config none` starts without";
            Finding::new(what, State::Bad, first).advise(advice)
        }
    }
}
