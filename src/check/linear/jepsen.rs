//! Histories of one register as Jepsen prints them: an event a line.
//!
//! ```text
//! INFO  jepsen.util - 3  :invoke  :cas    [1 2]
//! INFO  jepsen.util - 3  :ok      :cas    [1 2]
//! ```
//!
//! Process, `:invoke | :ok | :fail | :info`, `:read | :write | :cas`, and a value: `nil`, a number or
//! word, `[old new]`, or why there is none (`:timed-out`). The register holds `nil` at first. `:info`, and
//! no answer at all: it may take effect at any time, or never. `:fail`: it took no effect; of a `:cas`
//! with its two values, because what it compared with was not there. Lines of a log without one of those
//! four words, and those of the nemesis, are no events of the register.

use super::op::{Act, Content, Op};
use super::register::Register;
use super::space::Space;
use std::collections::BTreeMap;

/// Events that a history may have.
pub const EVENTS_MAX: usize = 20_000_000;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// An operation under way.
struct Open<'a> {
    line: usize,
    what: &'a str,
    value: &'a str,
}

/// A register, and for each operation the lines of its start and of its answer (0: none).
#[derive(Clone, Debug)]
pub struct Log {
    /// The register.
    pub register: Register,
    /// Lines, from 1, by operation.
    pub lines: Vec<[usize; 2]>,
}

/// Reads a log.
///
/// # Errors
/// The first line that is wrong.
pub fn parse(text: &str) -> Result<Log, Bad> {
    let mut reader = Reader {
        contents: BTreeMap::from([("nil", Content(0))]),
        under_way: BTreeMap::new(),
        ops: Vec::new(),
        lines: Vec::new(),
    };
    for (number, line) in (1..).zip(text.lines()) {
        if number > EVENTS_MAX {
            return Err(Bad { line: number, what: format!("more than {EVENTS_MAX} lines") });
        }
        reader.line(number, line).map_err(|what| Bad { line: number, what })?;
    }
    let left = core::mem::take(&mut reader.under_way);
    for open in left.into_values() {
        reader.end(&open, None, 0).map_err(|what| Bad { line: open.line, what })?;
    }
    let register = Register { space: Space::Plain, first: 0, ops: reader.ops };
    Ok(Log { register, lines: reader.lines })
}

/// True if a line looks like an event of such a log.
pub fn is_event(line: &str) -> bool {
    fields(line).is_some()
}

/// Process, type, what, value.
fn fields(line: &str) -> Option<[&str; 4]> {
    let at = [":invoke", ":ok", ":fail", ":info"].into_iter().find_map(|word| {
        let mut found = line.match_indices(word).map(|(at, _)| at);
        let is_word = |at: &usize| {
            let (before, after) = (&line[..*at], &line[at + word.len()..]);
            before.ends_with(char::is_whitespace)
                && (after.is_empty() || after.starts_with(char::is_whitespace))
        };
        found.find(is_word).map(|at| (at, word))
    });
    let (at, kind) = at?;
    let process = line[..at].split_whitespace().next_back()?;
    let rest = line[at + kind.len()..].trim();
    let (what, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some([process, kind, what, value.trim()])
}

struct Reader<'a> {
    contents: BTreeMap<&'a str, Content>,
    under_way: BTreeMap<&'a str, Open<'a>>,
    ops: Vec<Op>,
    lines: Vec<[usize; 2]>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: usize, line: &'a str) -> Result<(), String> {
        let Some([process, kind, what, value]) = fields(line) else {
            let is_log = line.split_whitespace().next().is_none_or(|first| {
                ["INFO", "WARN", "ERROR", "DEBUG"].contains(&first) || first.starts_with('#')
            });
            return if is_log { Ok(()) } else { Err("no event".to_owned()) };
        };
        if process == ":nemesis" {
            return Ok(());
        }
        if process.parse::<u64>().is_err() {
            return Err(format!("`{}` is no process", shown(process)));
        }
        if ![":read", ":write", ":cas"].contains(&what) {
            return Err(format!("`{}` is neither :read nor :write nor :cas", shown(what)));
        }
        if kind == ":invoke" {
            let open = Open { line: number, what, value };
            self.demand(&open)?;
            return match self.under_way.insert(process, open) {
                None => Ok(()),
                Some(before) => Err(format!(
                    "process {process} still waits for the answer to line {}",
                    before.line
                )),
            };
        }
        let Some(open) = self.under_way.remove(process) else {
            return Err(format!("process {process} was answered, but asked nothing"));
        };
        if open.what != what {
            return Err(format!("an answer to {what}, but line {} asked {}", open.line, open.what));
        }
        self.end(&open, Some((kind, value)), number)
    }

    /// Is the value what such an operation needs?
    fn demand(&mut self, open: &Open<'a>) -> Result<(), String> {
        match open.what {
            ":write" => self.content(open.value).map(|_| ()),
            ":cas" => self.pair(open.value).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn end(
        &mut self,
        open: &Open<'a>,
        answer: Option<(&str, &'a str)>,
        number: usize,
    ) -> Result<(), String> {
        let (kind, value) = answer.unwrap_or((":info", ""));
        let act = match (open.what, kind) {
            (":read", ":ok") => Act::Read(self.content(value)?),
            (":read", _) | (":write", ":fail") => return Ok(()),
            (":write", _) => Act::Write(self.content(open.value)?),
            (_, ":fail") if !value.starts_with('[') => return Ok(()),
            (_, ":fail") => Act::Miss(self.pair(open.value)?.0),
            (..) => {
                let (old, new) = self.pair(open.value)?;
                Act::Swap { old, new }
            }
        };
        let is_answered = kind != ":info";
        let end = is_answered.then_some(number as u64);
        self.ops.push(Op { start: open.line as u64, end, act });
        self.lines.push([open.line, number]);
        Ok(())
    }

    fn content(&mut self, value: &'a str) -> Result<Content, String> {
        let is_word = |c: char| c.is_alphanumeric() || "+-._\"".contains(c);
        if value.is_empty() || !value.chars().all(is_word) {
            return Err(format!("`{}` is no value (nil, 3, ..)", shown(value)));
        }
        let next = Content(u32::try_from(self.contents.len()).map_err(|error| error.to_string())?);
        Ok(*self.contents.entry(value).or_insert(next))
    }

    fn pair(&mut self, value: &'a str) -> Result<(Content, Content), String> {
        let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let mut words = inner.unwrap_or("").split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(old), Some(new), None) => Ok((self.content(old)?, self.content(new)?)),
            _ => Err(format!("`{}` is no pair of values ([old new])", shown(value))),
        }
    }
}

/// At most 40 characters, none of them odd.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

/// An operation in words: who, what, with which result.
pub fn described(text: &str, lines: [usize; 2]) -> String {
    let field = |line: usize| {
        line.checked_sub(1).and_then(|index| text.lines().nth(index)).and_then(fields)
    };
    let Some([process, _, what, value]) = field(lines[0]) else { return String::new() };
    let asked = if what == ":read" { "read".to_owned() } else { format!("{} {value}", &what[1..]) };
    let got = match field(lines[1]) {
        Some([_, ":ok", ":read", value]) => format!("got {value}"),
        Some([_, ":ok", ..]) => "ok".to_owned(),
        Some([_, ":fail", ..]) => "found something else".to_owned(),
        Some(_) | None => "no answer".to_owned(),
    };
    let until = if lines[1] == 0 { "end".to_owned() } else { lines[1].to_string() };
    format!("lines {}..{until}  process {process}  {asked}: {got}", lines[0])
}
