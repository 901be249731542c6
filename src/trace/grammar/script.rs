//! A whole script: checked before anything runs, and kept line by line so that a bless can rewrite
//! the expected traces and nothing else.

use super::error::{GrammarError, Wrong, nearest};
use super::{Limits, parse_command};
use crate::trace::command::{Command, Condition, Expectation};

/// Most lines in a script.
pub const LINES_MAX: usize = 100_000;
/// Longest line, in bytes: a block of 16 KiB typed in hex, and room to spare.
pub const LINE_BYTES_MAX: usize = 65_536;
/// Errors that are listed before the rest is left out.
const ERRORS_MAX: usize = 20;

/// A script whose every command fits the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What to call it in messages.
    pub file: String,
    /// What its head says.
    pub head: Head,
    /// Its commands, in order.
    pub entries: Vec<Entry>,
    /// Every line as written, without line ends.
    lines: Vec<String>,
    /// It ends its lines in the manner of DOS.
    crlf: bool,
}

/// A command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its line, from 1.
    pub line: u32,
    /// What it says.
    pub command: Command,
    /// The expected trace below it, without the `| `; empty if there is none.
    pub expected: Vec<String>,
}

/// What the comments at the head of a script say about how it wants to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `# profile: NAME`.
    pub profile: Option<String>,
    /// `# seed: N`.
    pub seed: Option<u64>,
    /// `# set: KEY=VALUE`, as `--set`, in order.
    pub sets: Vec<String>,
}

impl Head {
    /// Reads the comments and empty lines before the first command.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut head = Self::default();
        let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim);
        for line in lines.take_while(|line| line.is_empty() || line.starts_with('#')) {
            let said = line.trim_start_matches('#').split_once(':');
            match said.map(|(key, value)| (key.trim(), value.trim())) {
                Some(("profile", name)) if !name.is_empty() => head.profile = Some(name.to_owned()),
                Some(("seed", seed)) => head.seed = seed.parse().ok(),
                Some(("set", set)) if set.contains('=') => head.sets.push(set.to_owned()),
                Some(_) | None => {}
            }
        }
        head
    }
}

/// The text of a script's bytes.
///
/// # Errors
/// Where it stops being UTF-8.
pub fn decode<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, GrammarError> {
    core::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let wrong = Wrong::Script("the text is not UTF-8 from here on".to_owned());
        GrammarError::at(small(column), wrong).in_script(file, small(line))
    })
}

/// Reads and checks a whole script.
///
/// # Errors
/// Everything that is wrong with it (the first twenty things).
pub fn parse_script(text: &str, file: &str, limits: &Limits) -> Result<Script, Vec<GrammarError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { file, limits, entries: Vec::new(), labels: Vec::new(), asked: false };
    let mut errors = Vec::new();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if index >= LINES_MAX {
            let wrong = Wrong::Script(format!("a script has at most {LINES_MAX} lines"));
            errors.push(GrammarError::at(1, wrong).in_script(file, small(index + 1)));
            break;
        }
        if let Err(error) = reader.line(small(index + 1), line) {
            errors.push(error);
            if errors.len() == ERRORS_MAX {
                break;
            }
        }
        lines.push(line.to_owned());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Script {
        file: file.to_owned(),
        head: Head::of(text),
        entries: reader.entries,
        lines,
        crlf: text.contains("\r\n"),
    })
}

struct Reader<'a> {
    file: &'a str,
    limits: &'a Limits,
    entries: Vec<Entry>,
    labels: Vec<String>,
    /// A host command was given, so that `expect source` and its kind have something to speak of.
    asked: bool,
}

impl Reader<'_> {
    fn line(&mut self, number: u32, line: &str) -> Result<(), GrammarError> {
        if line.len() > LINE_BYTES_MAX {
            let wrong = Wrong::Script(format!("a line has at most {LINE_BYTES_MAX} bytes"));
            return Err(GrammarError::at(1, wrong).in_script(self.file, number));
        }
        let trimmed = line.trim();
        if let Some(expected) = trace_line(line) {
            let Some(entry) = self.entries.last_mut() else {
                let wrong = Wrong::Script("an expected trace without a command above".to_owned());
                return Err(GrammarError::at(1, wrong).in_script(self.file, number));
            };
            entry.expected.push(expected.to_owned());
            return Ok(());
        }
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Ok(());
        }
        let command = parse_command(line, self.limits)
            .and_then(|command| self.check(command, line))
            .map_err(|error| error.in_script(self.file, number))?;
        self.entries.push(Entry { line: number, command, expected: Vec::new() });
        Ok(())
    }

    fn known_label(&self, label: &str, column: u32) -> Result<(), GrammarError> {
        if self.labels.iter().any(|known| known == label) {
            return Ok(());
        }
        let hint = nearest(label, self.labels.iter().map(String::as_str)).map_or_else(
            || format!("write `{label}: write amf0 ...` above"),
            |near| format!("did you mean `{near}`?"),
        );
        let wrong = Wrong::Label(format!("no line above has the label `{label}`"));
        Err(GrammarError::at(column, wrong).hint(Some(hint)))
    }

    /// What only the lines above can tell.
    fn check(&mut self, command: Command, line: &str) -> Result<Command, GrammarError> {
        let column = small(line.chars().take_while(|c| c.is_whitespace()).count() + 1);
        match &command {
            Command::Start(label, _) => {
                if self.labels.contains(label) {
                    let wrong = Wrong::Label(format!("the label `{label}` is used already"));
                    return Err(GrammarError::at(column, wrong));
                }
                self.labels.push(label.clone());
                self.asked = true;
            }
            Command::Host(_) => self.asked = true,
            Command::Await(label)
            | Command::Expect(Expectation::Result(label, _))
            | Command::RunUntil(Condition::Answered(label), _) => {
                self.known_label(label, column)?;
            }
            Command::Expect(
                Expectation::Source(_)
                | Expectation::Messages(..)
                | Expectation::Broadcasts(_)
                | Expectation::Error(_),
            ) if !self.asked => {
                let wrong = Wrong::Script("there is no host command above".to_owned());
                let hint = "it speaks of the last read, write, caw, trim, zero or flush";
                return Err(GrammarError::at(column, wrong).hint(Some(hint.to_owned())));
            }
            _ => {}
        }
        Ok(command)
    }
}

/// The part behind `| `, if the line belongs to an expected trace.
fn trace_line(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('|')?;
    Some(rest.strip_prefix(' ').unwrap_or(rest).trim_end())
}

impl Script {
    /// The profile that its head names; works before anything else is known.
    #[must_use]
    pub fn profile_name(text: &str) -> Option<String> {
        Head::of(text).profile
    }

    /// True if some command has an expected trace.
    #[must_use]
    pub fn has_traces(&self) -> bool {
        self.entries.iter().any(|entry| !entry.expected.is_empty())
    }

    /// The line as written, from 1.
    #[must_use]
    pub fn line(&self, number: u32) -> &str {
        self.lines.get(number as usize - 1).map_or("", String::as_str)
    }

    /// The whole text with these traces below its commands, one list for each of [`Self::entries`];
    /// comments and everything else stay as they are.
    #[must_use]
    pub fn blessed(&self, traces: &[Vec<String>]) -> String {
        let mut out = String::new();
        let end = if self.crlf { "\r\n" } else { "\n" };
        let mut commands = self.entries.iter().zip(traces).peekable();
        for (line, number) in self.lines.iter().zip(1u32..) {
            if trace_line(line).is_some() {
                continue;
            }
            out.push_str(line);
            out.push_str(end);
            if let Some((_, trace)) = commands.next_if(|(entry, _)| entry.line == number) {
                for expected in trace {
                    out.push_str("| ");
                    out.push_str(expected);
                    out.push_str(end);
                }
            }
        }
        out
    }
}

/// Lines and columns are counted in 32 bits: longer ones are refused before.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
