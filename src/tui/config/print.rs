//! The config file with everything in it, as `amflab config init` writes it.

use super::super::command::ENTRIES;
use super::{Draft, settings};
use core::fmt::Write;

const HEAD: &str = "\
# Settings of amflab's console. What is not said here is as shown.
# `amflab config check` says what is wrong with this file, with the line.

[console]
";

const KEYS: &str = "\
# Keys of each action: one, a list, or [] for none. What is given replaces all that the action had.
# A sequence is written with spaces: \"ctrl-w s\". Names: enter esc tab shift-tab space backspace
# delete up down left right pageup pagedown home end f1 to f12, with ctrl- or alt- in front.
[keys]
";

/// The text of the file: every setting with its default, every action with its keys.
#[must_use]
pub fn print() -> String {
    let mut out = HEAD.to_owned();
    let mut draft = Draft::default();
    for setting in settings() {
        let value = setting.kind.show(&mut draft).unwrap_or_default();
        let _ = writeln!(out, "# {}: {}.", setting.doc, setting.kind.range());
        let _ = writeln!(out, "{} = {value}\n", setting.name);
    }
    out.push_str(KEYS);
    let mut told: Vec<&str> = Vec::new();
    for entry in ENTRIES {
        if told.contains(&entry.name) {
            continue;
        }
        told.push(entry.name);
        let keys: Vec<String> = entry.keys.iter().map(|key| quoted(key)).collect();
        let line = format!("# {} = [{}]", entry.name, keys.join(", "));
        let _ = writeln!(out, "{line:<42}# {}", entry.help);
    }
    out
}

fn quoted(key: &str) -> String {
    toml::Value::String(key.to_owned()).to_string()
}
