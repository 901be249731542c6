//! `amflab doctor`: looks whether everything that the program needs is there.

use super::failure::{FAILED, FINE};
use super::{Done, print};
use crate::live::{LiveEngine, LiveOptions};
use crate::profile;
use crate::protocol::id::{AmfId, Block};
use crate::protocol::{Payload, RequestKind, Sectors};
use crate::trace::Engine;
use crate::tui;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    /// `None`: good to know, nothing depends on it.
    is_good: Option<bool>,
    text: String,
}

/// Looks at the terminal, the text, the folders and the store.
pub(super) fn doctor() -> Done {
    let findings = [terminal(), colours(), text(), data_folder(), store()];
    let mut out = String::new();
    for Finding { what, is_good, text } in &findings {
        let mark = match is_good {
            Some(true) => "ok",
            Some(false) => "BAD",
            None => "-",
        };
        let _ = writeln!(out, "{mark:<4}{what:<14}{text}");
    }
    print(&out)?;
    let is_bad = findings.iter().any(|finding| finding.is_good == Some(false));
    Ok(if is_bad { FAILED } else { FINE })
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn terminal() -> Finding {
    let what = "terminal";
    if tui::terminal::is_there() {
        let size = crossterm::terminal::size();
        let size = size.map_or_else(|_| "of unknown size".to_owned(), |(w, h)| format!("{w}x{h}"));
        let term = env("TERM").unwrap_or_else(|| "unset".to_owned());
        return Finding { what, is_good: Some(true), text: format!("{size}, TERM={term}") };
    }
    let input = if std::io::stdin().is_terminal() { "output" } else { "input" };
    let text =
        format!("none (standard {input} is no terminal): the console needs one, `run` does not");
    Finding { what, is_good: None, text }
}

fn colours() -> Finding {
    let text = if env("NO_COLOR").is_some() {
        "off: NO_COLOR is set".to_owned()
    } else if env("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
        "16 million; every theme".to_owned()
    } else {
        "the terminal's own 16; themes of more may look coarse".to_owned()
    };
    Finding { what: "colours", is_good: None, text }
}

fn text() -> Finding {
    let locale = env("LC_ALL").or_else(|| env("LC_CTYPE")).or_else(|| env("LANG"));
    let locale = locale.unwrap_or_else(|| "unset".to_owned());
    let is_utf8 = locale.to_lowercase().replace('-', "").contains("utf8");
    let advice = if is_utf8 { "" } else { "; if signs look wrong: --ascii" };
    Finding { what: "text", is_good: None, text: format!("locale {locale}{advice}") }
}

/// Where the disks of a run without `--data-dir` go.
fn data_folder() -> Finding {
    let what = "data folder";
    let folder: PathBuf = std::env::temp_dir();
    match tempfile::tempdir() {
        Ok(_) => {
            let text = format!("{}, unless --data-dir names another", folder.display());
            Finding { what, is_good: Some(true), text }
        }
        Err(error) => {
            let text = format!("{}: {error}; TMPDIR names another", folder.display());
            Finding { what, is_good: Some(false), text }
        }
    }
}

/// Writes a block through a small live cluster to its sled disks, and reads it back.
fn store() -> Finding {
    let (is_good, text) = match try_store() {
        Ok(()) => (true, "a cluster of sled disks was made, written and read".to_owned()),
        Err(why) => (false, why),
    };
    Finding { what: "store", is_good: Some(is_good), text }
}

fn try_store() -> Result<(), String> {
    let sets = ["cache.write=through".to_owned()];
    let profile = profile::load("claims", &sets).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data_dir = Some(folder.path().to_owned());
    let options = LiveOptions { data_dir, ..LiveOptions::default() };
    let mut engine = LiveEngine::start(&profile, &options).map_err(|error| error.to_string())?;
    let sectors = Sectors::of_blocks(Block(0), 1, profile.config.sectors_per_block());
    let stamp = Payload::Stamp { volume: 0, writer: 1, sequence: 1 };
    let host = engine.handle();
    for kind in [RequestKind::Write(sectors, stamp), RequestKind::Read(sectors)] {
        let name = kind.name();
        let answer = host.request(AmfId(0), kind);
        answer.result.map_err(|error| format!("a {name} ended in `{error}`"))?;
    }
    engine.shutdown().map_err(|error| error.to_string())
}
