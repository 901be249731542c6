//! Histories of registers as Jepsen prints them, an event a line, or keeps them, an event a map (`super::edn`).
//!
//! ```text
//! INFO  jepsen.util - 3  :invoke  :cas    [1 2]
//! INFO  jepsen.util - 3  :ok      :cas    [1 2]
//! ```
//!
//! Process, `:invoke | :ok | :fail | :info`, `:read | :write | :cas`, and a value: `nil`, a number or
//! word, `[old new]`, or why there is none (`:timed-out`). The register holds `nil` at first, if nothing
//! else is said. `:info`, and no answer at all: it may take effect at any time, or never. `:fail`: it took
//! no effect; in a log, of a `:cas` with its two values, because what it compared with was not there. In
//! EDN a `:fail` says no more than that nothing happened, and a read of `nil` that nobody knows what it
//! found: so Knossos reads them. Lines of a log without one of those four words, and those of the nemesis, are no events of the
//! register.
//!
//! A history of several registers (`jepsen.independent`; our own export) says with every operation which one
//! it is about: `["b0" nil]`, `[7 3]`, `[7 [old new]]`. An answer need not say it again.

use super::edn;
use super::op::{Act, Content, Op};
use super::register::Register;
use super::space::Space;
use std::collections::BTreeMap;

/// Events that a history may have.
pub const EVENTS_MAX: usize = 20_000_000;
/// Registers that a history may have.
pub const REGISTERS_MAX: usize = 1_000_000;

/// The level of a line is among so many words at its beginning.
const LEVEL_WORDS_MAX: usize = 4;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// An event, as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    /// From 1.
    pub(super) line: usize,
    pub(super) process: &'a str,
    /// `:invoke`, `:ok`, `:fail` or `:info`.
    pub(super) kind: &'a str,
    /// `:read`, `:write`, `:cas`.
    pub(super) what: &'a str,
    /// Empty: there is none.
    pub(super) value: &'a str,
}

/// An operation under way, which event began it, from 1, and which register it is about. The event's value
/// is without the register's name.
struct Open<'a> {
    no: usize,
    event: Event<'a>,
    key: Option<&'a str>,
}

/// A history.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its registers, in the order in which they are met.
    pub registers: Vec<Part>,
    edn: bool,
}

/// A register, and where its operations stand.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, as it is written; `None`: the history is of one register.
    pub key: Option<String>,
    /// The register.
    pub register: Register,
    /// Lines of start and answer (0: none), from 1, by operation.
    pub lines: Vec<[usize; 2]>,
    /// The same events, counted from 1: several may stand in one line.
    events: Vec<[usize; 2]>,
}

impl Part {
    fn new(key: Option<&str>) -> Self {
        let register = Register { space: Space::Plain, first: 0, ops: Vec::new() };
        let key = key.map(str::to_owned);
        Self { key, register, lines: Vec::new(), events: Vec::new() }
    }
}

/// Reads a history of registers that hold `nil` at first.
///
/// # Errors
/// The first line that is wrong.
pub fn parse(text: &str) -> Result<Log, Bad> {
    parse_from(text, "nil")
}

/// The same, of registers that hold `first` at first.
///
/// # Errors
/// The first line that is wrong.
pub fn parse_from<'a>(text: &'a str, first: &'a str) -> Result<Log, Bad> {
    let edn = edn::is_edn(text);
    let mut reader = Reader {
        edn,
        contents: BTreeMap::from([(first, Content(0))]),
        under_way: BTreeMap::new(),
        registers: Vec::new(),
        places: BTreeMap::new(),
    };
    for (number, event) in (1..).zip(events(text, edn)) {
        let event = event?;
        let line = event.line;
        if number > EVENTS_MAX {
            return Err(Bad { line, what: format!("more than {EVENTS_MAX} events") });
        }
        reader.event(number, event).map_err(|what| Bad { line, what })?;
    }
    let left = core::mem::take(&mut reader.under_way);
    for open in left.into_values() {
        reader.end(&open, None).map_err(|what| Bad { line: open.event.line, what })?;
    }
    Ok(Log { registers: reader.registers, edn })
}

/// True if a text looks like such a history.
#[must_use]
pub fn is_history(text: &str) -> bool {
    /// Of a log, so many lines at its beginning are looked at.
    const LINES_MAX: usize = 1_000;
    edn::is_edn(text) || text.lines().take(LINES_MAX).any(|line| fields(1, line).is_some())
}

/// The events of a text.
fn events(text: &str, edn: bool) -> Box<dyn Iterator<Item = Result<Event<'_>, Bad>> + '_> {
    if edn {
        return Box::new(edn::Events::new(text));
    }
    Box::new((1..).zip(text.lines()).filter_map(|(number, line)| {
        if let Some(event) = fields(number, line) {
            return Some(Ok(event));
        }
        // Newer logs begin their lines with a time.
        let mut first = line.split_whitespace().take(LEVEL_WORDS_MAX).peekable();
        let is_log = first.peek().is_none_or(|word| word.starts_with('#'))
            || first.any(|word| ["INFO", "WARN", "ERROR", "DEBUG"].contains(&word));
        (!is_log).then(|| Err(Bad { line: number, what: "no event".to_owned() }))
    }))
}

/// The event in a line of a log.
fn fields(number: usize, line: &str) -> Option<Event<'_>> {
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
    Some(Event { line: number, process, kind, what, value: value.trim() })
}

struct Reader<'a> {
    edn: bool,
    contents: BTreeMap<&'a str, Content>,
    under_way: BTreeMap<&'a str, Open<'a>>,
    registers: Vec<Part>,
    /// Where they are in that list.
    places: BTreeMap<Option<&'a str>, usize>,
}

impl<'a> Reader<'a> {
    fn event(&mut self, no: usize, event: Event<'a>) -> Result<(), String> {
        let Event { process, kind, what, .. } = event;
        if process == ":nemesis" {
            return Ok(());
        }
        if process.parse::<u64>().is_err() {
            return Err(format!("`{}` is no process", shown(process)));
        }
        if ![":read", ":write", ":cas"].contains(&what) {
            return Err(format!("`{}` is neither :read nor :write nor :cas", shown(what)));
        }
        match kind {
            ":invoke" => {
                let (key, value) = keyed(what, event.value);
                let open = Open { no, event: Event { value, ..event }, key };
                self.demand(&open.event)?;
                self.place(key)?;
                match self.under_way.insert(process, open) {
                    None => Ok(()),
                    Some(before) => Err(format!(
                        "process {process} still waits for the answer to line {}",
                        before.event.line
                    )),
                }
            }
            ":ok" | ":fail" | ":info" => {
                let Some(open) = self.under_way.remove(process) else {
                    return Err(format!("process {process} was answered, but asked nothing"));
                };
                let (line, asked) = (open.event.line, open.event.what);
                if asked != what {
                    return Err(format!("an answer to {what}, but line {line} asked {asked}"));
                }
                let (key, value) = match open.key {
                    Some(_) => keyed(what, event.value),
                    None => (None, event.value),
                };
                if key.is_some() && key != open.key {
                    let [key, asked] = [key, open.key].map(|key| shown(key.unwrap_or_default()));
                    return Err(format!("an answer of {key}, but line {line} asked {asked}"));
                }
                self.end(&open, Some((no, Event { value, ..event })))
            }
            _ => Err(format!("`{}` is neither :invoke nor :ok, :fail or :info", shown(kind))),
        }
    }

    /// Where a register is in the list.
    fn place(&mut self, key: Option<&'a str>) -> Result<usize, String> {
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        if self.places.contains_key(&None) || (key.is_none() && !self.places.is_empty()) {
            return Err(
                "some operations say which register they are about, and others do not".to_owned()
            );
        }
        if self.registers.len() >= REGISTERS_MAX {
            return Err(format!("more than {REGISTERS_MAX} registers"));
        }
        let place = self.registers.len();
        self.places.insert(key, place);
        self.registers.push(Part::new(key));
        Ok(place)
    }

    /// Is the value what such an operation needs?
    fn demand(&mut self, event: &Event<'a>) -> Result<(), String> {
        match event.what {
            ":write" => self.content(event.value).map(|_| ()),
            ":cas" => self.pair(event.value).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn end(&mut self, open: &Open<'a>, answer: Option<(usize, Event<'a>)>) -> Result<(), String> {
        let (kind, value) = answer.map_or((":info", ""), |(_, event)| (event.kind, event.value));
        let asked = open.event.value;
        let act = match (open.event.what, kind) {
            (":read", ":ok") if self.edn && value == "nil" => return Ok(()),
            (":read", ":ok") => Act::Read(self.content(value)?),
            (":read", _) | (":write", ":fail") => return Ok(()),
            (":write", _) => Act::Write(self.content(asked)?),
            (_, ":fail") if self.edn || !value.starts_with('[') => return Ok(()),
            (_, ":fail") => Act::Miss(self.pair(asked)?.0),
            (..) => {
                let (old, new) = self.pair(asked)?;
                Act::Swap { old, new }
            }
        };
        let (no, line) = answer.map_or((0, 0), |(no, event)| (no, event.line));
        let end = (kind != ":info").then_some(no as u64);
        let place = self.place(open.key)?;
        let part = &mut self.registers[place];
        part.register.ops.push(Op { start: open.no as u64, end, act });
        part.lines.push([open.event.line, line]);
        part.events.push([open.no, no]);
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
        let is_between = |c: char| c.is_whitespace() || c == ',';
        let mut words = inner.unwrap_or("").split(is_between).filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next()) {
            (Some(old), Some(new), None) => Ok((self.content(old)?, self.content(new)?)),
            _ => Err(format!("`{}` is no pair of values ([old new])", shown(value))),
        }
    }
}

/// The register that a value names, and the rest of it: of `[7 3]`, and `[7 [1 2]]` of a `:cas`.
fn keyed<'a>(what: &str, value: &'a str) -> (Option<&'a str>, &'a str) {
    let is_between = |c: char| c.is_whitespace() || c == ',';
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim);
    let named = inner.and_then(|inner| inner.split_once(is_between));
    let Some((key, rest)) = named else { return (None, value) };
    let rest = rest.trim_start_matches(is_between);
    // Two values of one register are the pair of a `:cas`.
    if what == ":cas" && !rest.starts_with(['[', ':']) { (None, value) } else { (Some(key), rest) }
}

/// At most 40 characters, none of them odd.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

impl Log {
    /// Operations of all registers.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.registers.iter().map(|part| part.lines.len()).sum()
    }

    /// An operation of a register in words: who, what, with which result. `text` is what the log was read
    /// from.
    #[must_use]
    pub fn described(&self, text: &str, register: usize, op: usize) -> String {
        let part = &self.registers[register];
        let ([start, end], [first, last]) = (part.events[op], part.lines[op]);
        let event = |no: usize| {
            let event = events(text, self.edn).nth(no.checked_sub(1)?)?.ok()?;
            let value = match part.key {
                Some(_) => keyed(event.what, event.value).1,
                None => event.value,
            };
            Some(Event { value, ..event })
        };
        let Some(Event { process, what, value, .. }) = event(start) else { return String::new() };
        let name = what.trim_start_matches(':');
        let asked = if what == ":read" { name.to_owned() } else { format!("{name} {value}") };
        let got = match event(end) {
            Some(Event { kind: ":ok", what: ":read", value, .. }) => format!("got {value}"),
            Some(Event { kind: ":ok", .. }) => "ok".to_owned(),
            Some(Event { kind: ":fail", .. }) => "found something else".to_owned(),
            Some(_) | None => "no answer".to_owned(),
        };
        let until = if last == 0 { "end".to_owned() } else { last.to_string() };
        format!("lines {first}..{until}  process {process}  {asked}: {got}")
    }
}
