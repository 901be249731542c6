//! The `:` line: words of the console, names of its acts, and commands of the cluster.

use super::super::command::{ENTRIES, VERBS, by_name};
use super::super::keymap::Key;
use super::super::model::{HISTORY_MAX, Level, LineInput, Modal, Model};
use super::{
    Effect, acts, arrange, columns, differences, ladder, learn, moves, timeline, typing, watch,
};
use crate::protocol::id::AmfId;
use crate::trace::{parse_command, registry};
use crossterm::event::KeyCode;
use std::path::PathBuf;
use tui_input::Input;

/// A key while the line is open.
pub fn key(model: &mut Model, mut line: LineInput, key: Key) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => return enter(model, line),
        KeyCode::Tab => complete(model, &mut line, true),
        KeyCode::BackTab => complete(model, &mut line, false),
        KeyCode::Up => recall(model, &mut line, true),
        KeyCode::Down => recall(model, &mut line, false),
        KeyCode::Backspace if line.input.value().is_empty() => return Vec::new(),
        _ => {
            typing::key(&mut line.input, key);
            forget(&mut line);
        }
    }
    model.modal = Modal::Line(line);
    Vec::new()
}

/// What was offered no longer fits.
pub fn forget(line: &mut LineInput) {
    line.candidates.clear();
    (line.at, line.recalled, line.error) = (None, None, None);
}

fn enter(model: &mut Model, mut line: LineInput) -> Vec<Effect> {
    let text = line.input.value().trim().to_owned();
    if text.is_empty() {
        return Vec::new();
    }
    model.history.retain(|other| *other != text);
    if model.history.len() == HISTORY_MAX {
        model.history.pop_front();
    }
    model.history.push_back(text.clone());
    match run(model, &text) {
        Ok(effects) => effects,
        Err(error) => {
            line.error = Some(error);
            model.modal = Modal::Line(line);
            Vec::new()
        }
    }
}

/// Does what a line says.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub fn run(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    let text = text.trim().trim_start_matches(':');
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    if let Some(done) = verb(model, name, rest) {
        return done;
    }
    // A word that only the console knows; the cluster's own commands come first.
    if rest.is_empty()
        && registry::find(name).is_none()
        && let Some(entry) = by_name(name)
    {
        return Ok(acts::act(model, entry.act));
    }
    let command = parse_command(text, &model.about.limits).map_err(|error| error.to_string())?;
    Ok(acts::run(model, command))
}

fn verb(model: &mut Model, name: &str, rest: &str) -> Option<Result<Vec<Effect>, String>> {
    let missing = |usage: &str| Some(Err(format!("`{name}` needs more: {usage}")));
    Some(match name {
        "save" | "save!" | "source" | "theme" | "layout" | "goto" | "select" | "columns"
        | "svg" | "unbranch" | "compare" | "lesson"
            if rest.is_empty() =>
        {
            let usage = VERBS
                .iter()
                .find(|verb| verb.name == name.trim_end_matches('!'))
                .map_or("", |verb| verb.usage);
            return missing(usage);
        }
        "q" | "q!" | "quit!" => {
            Ok(if name == "q" { acts::quit(model) } else { vec![Effect::Quit] })
        }
        "save" | "save!" => Ok(vec![Effect::Save(path(rest), name == "save!")]),
        "source" => Ok(vec![Effect::Source(path(rest))]),
        // Without the quotes that a script needs; steering is a command as any other.
        "replay"
            if !rest.is_empty()
                && !rest.starts_with('"')
                && !matches!(rest, "pause" | "resume" | "stop") =>
        {
            Ok(vec![Effect::Replay(rest.to_owned())])
        }
        "theme" => Ok(acts::theme(model, rest)),
        "layout" => arrange::layout(model, rest),
        "lesson" => Ok(learn::open(model, rest)),
        "columns" => columns::named(model, rest).map(|()| Vec::new()),
        "svg" => Ok(ladder::picture(model, path(rest))),
        "fork" => Ok(vec![Effect::Fork((!rest.is_empty()).then(|| rest.to_owned()))]),
        "branch" => Ok(vec![Effect::Branch(rest.to_owned())]),
        "unbranch" => Ok(vec![Effect::Unbranch(rest.to_owned())]),
        "branches" => Ok(timeline::list(model)),
        "compare" => timeline::compare_named(model, rest),
        "watch" => watch::named(model, rest),
        "diff" => differences::named(model, rest),
        // Alone it is about the table of another protocol.
        "beside" if !rest.is_empty() => {
            Ok(vec![Effect::Beside(rest.split_whitespace().map(str::to_owned).collect())])
        }
        "filter" => {
            rest.clone_into(model.filter_mut());
            super::modal::filtered(model);
            Ok(Vec::new())
        }
        // Steps in a recording, unless a block is named as one.
        "goto" if model.is_recording() && !rest.starts_with('b') => {
            let text = format!("seek {rest}");
            let command = parse_command(&text, &model.about.limits);
            command.map(|command| acts::run(model, command)).map_err(|error| error.to_string())
        }
        "goto" => goto(model, rest).map(|()| Vec::new()),
        "select" => select(model, rest).map(|()| Vec::new()),
        _ => return None,
    })
}

/// The rest of a line is a path, spaces and all; quotes around it are not part of it.
fn path(text: &str) -> PathBuf {
    let inside = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    PathBuf::from(inside('"').or_else(|| inside('\'')).unwrap_or(text))
}

/// Goes to a block, by its number with or without a `b`.
///
/// # Errors
/// It is no block of the volume.
pub fn goto(model: &mut Model, text: &str) -> Result<(), String> {
    let last = model.about.blocks - 1;
    let number = text.strip_prefix('b').unwrap_or(text).parse::<u64>().ok();
    let number = number.filter(|block| *block <= last);
    let block = number.ok_or_else(|| format!("`{text}` is no block (0 to {last})"))?;
    model.select_block(block);
    let heat = model.heat;
    if !(heat.first..heat.first + heat.blocks).contains(&block) {
        model.heat.first =
            block.saturating_sub(heat.blocks / 2).min(model.about.blocks - heat.blocks);
    }
    Ok(())
}

fn select(model: &mut Model, text: &str) -> Result<(), String> {
    let number = text.strip_prefix("amf").and_then(|n| n.parse::<u8>().ok());
    let number = number.filter(|amf| *amf < model.about.amfs);
    let last = model.about.amfs - 1;
    let amf = number.ok_or_else(|| format!("`{text}` is no AMF (amf0 to amf{last})"))?;
    moves::select_amf(model, AmfId(amf));
    Ok(())
}

/// Words of `run-until` that are none of `watch`.
const WATCHED_NOT: [&str; 4] = ["within", "answered", "idle", "replayed"];

/// What may stand where the cursor is: words of the console first, then of the cluster's registry.
fn candidates(model: &Model, head: &str) -> Vec<String> {
    let first_word = !head.contains(char::is_whitespace);
    let mut words = Vec::new();
    if first_word {
        let verbs = VERBS.iter().map(|verb| verb.name);
        let acts = ENTRIES.iter().map(|entry| entry.name);
        for name in verbs.chain(acts).filter(|name| name.starts_with(head)) {
            if !words.iter().any(|word| word == name) {
                words.push(name.to_owned());
            }
        }
    } else if let Some(partial) = head.strip_prefix("layout ") {
        let words = ["save", "hide", "show", "list", "default"];
        let known = words.iter().filter(|word| word.starts_with(partial.trim_start()));
        return known.map(|word| (*word).to_owned()).collect();
    } else if let Some(partial) =
        ["branch ", "unbranch ", "compare "].iter().find_map(|verb| head.strip_prefix(verb))
    {
        let partial = partial.rsplit(' ').next().unwrap_or_default();
        let names = model.runs.iter().map(|run| run.name.clone());
        return names.filter(|name| name.starts_with(partial)).collect();
    } else if let Some(partial) = head.strip_prefix("watch ") {
        let off = Some("off".to_owned()).filter(|off| off.starts_with(partial));
        // As behind the command of scripts, but for its limit, and for what no recording knows.
        let line = format!("run-until {partial}");
        let known = registry::complete(&line, line.len(), &model.about.limits).into_iter();
        let known = known.filter(|word| !WATCHED_NOT.contains(&word.as_str()));
        return off.into_iter().chain(known).collect();
    } else if let Some(partial) = head.strip_prefix("theme ") {
        return super::super::theme::Theme::names()
            .filter(|name| name.starts_with(partial.trim_start()))
            .map(str::to_owned)
            .collect();
    }
    let known = registry::complete(head, head.len(), &model.about.limits);
    if !known.is_empty() && !head.is_empty() && first_word {
        // The cluster's commands come first: `cras` is `crash`, not also `crash-restart`.
        let verbs = words.into_iter().filter(|word| VERBS.iter().any(|verb| verb.name == word));
        return known.into_iter().chain(verbs).collect();
    }
    known.into_iter().chain(words.into_iter().filter(|w| registry::find(w).is_none())).collect()
}

fn complete(model: &Model, line: &mut LineInput, forward: bool) {
    line.error = None;
    if line.candidates.is_empty() {
        let typed = line.input.value();
        let head: String = typed.chars().take(line.input.cursor()).collect();
        line.candidates = candidates(model, &head);
        line.at = None;
        if line.candidates.is_empty() {
            line.error = Some("nothing to complete here".to_owned());
            return;
        }
        if let [only] = line.candidates.as_slice() {
            let whole = format!("{only} ");
            replace(line, &whole);
            line.candidates.clear();
            return;
        }
        let shared = shared_start(&line.candidates);
        if shared.len() > head.rsplit(char::is_whitespace).next().unwrap_or("").len() {
            replace(line, &shared);
            return;
        }
    }
    let count = line.candidates.len();
    let at = match (line.at, forward) {
        (None, true) => 0,
        (None, false) => count - 1,
        (Some(at), true) => (at + 1) % count,
        (Some(at), false) => (at + count - 1) % count,
    };
    line.at = Some(at);
    let word = line.candidates[at].clone();
    replace(line, &word);
}

fn shared_start(words: &[String]) -> String {
    let Some(first) = words.first() else { return String::new() };
    let mut len = first.len();
    for word in words {
        let same = first.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
        len = len.min(same);
    }
    while !first.is_char_boundary(len) {
        len -= 1;
    }
    first[..len].to_owned()
}

/// Puts `word` in the place of the word before the cursor.
fn replace(line: &mut LineInput, word: &str) {
    let typed = line.input.value();
    let head: String = typed.chars().take(line.input.cursor()).collect();
    let tail: String = typed.chars().skip(line.input.cursor()).collect();
    let keep = head.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let head = format!("{}{word}", &head[..keep]);
    let cursor = head.chars().count();
    line.input = Input::new(format!("{head}{tail}")).with_cursor(cursor);
}

fn recall(model: &Model, line: &mut LineInput, older: bool) {
    let count = model.history.len();
    let back = match (line.recalled, older) {
        (None, true) => 1,
        (Some(back), true) => (back + 1).min(count),
        (Some(back), false) => back.saturating_sub(1),
        (None, false) => 0,
    };
    forget(line);
    if back == 0 || count == 0 {
        if count > 0 {
            line.input = Input::default();
        }
        return;
    }
    line.recalled = Some(back);
    line.input = Input::new(model.history[count - back].clone());
}

/// Opens the line with something typed already.
pub fn open_with(model: &mut Model, text: &str) {
    model.modal =
        Modal::Line(LineInput { input: Input::new(text.to_owned()), ..LineInput::default() });
}

/// Says that a line was wrong where no line is open.
pub fn complain(model: &mut Model, error: &str) {
    model.say(Level::Bad, error.replace('\n', "  "));
}
