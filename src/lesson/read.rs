//! TOML in, a sound [`Lesson`] out. Everything that is wrong is told at once, with its line.

use super::model::{
    Ask, CLAIM_MAX, COMMANDS_MAX, HINTS_MAX, Kind, Lesson, QUESTIONS_MAX, STEPS_MAX, Step,
};
use super::question::Question;
use crate::profile::{self, Place, Problem, Profile};
use crate::protocol::Defect;
use crate::trace::command::ReplayCommand;
use crate::trace::grammar::nearest;
use crate::trace::{Action, Command, Limits, parse_script};
use core::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest lesson that is read, in bytes.
pub const LESSON_BYTES_MAX: usize = 256 << 10;
/// Longest title, in characters: a list has a column for it.
const TITLE_CHARS_MAX: usize = 44;
/// Longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 110;
/// Longest text of a step, in characters.
const TEXT_CHARS_MAX: usize = 4_000;
/// Problems that are listed before the rest is left out.
const PROBLEMS_MAX: usize = 20;

const HEAD_KEYS: &[&str] =
    &["title", "summary", "claims", "minutes", "profile", "set", "seed", "step"];
const STEP_KEYS: &[&str] = &[
    "say", "set", "do", "hints", "after", "task", "check", "solution", "wrong", "predict", "then",
    "ask", "hunt", "defect",
];
/// Keys of each kind of step, besides those that every step may have.
const TASK_KEYS: &[&str] = &["task", "check", "solution", "wrong"];
const PREDICT_KEYS: &[&str] = &["predict", "then", "ask"];
const HUNT_KEYS: &[&str] = &["hunt", "defect", "solution"];

/// A lesson that cannot be used: at least one problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LessonError {
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().take(PROBLEMS_MAX).enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        match self.problems.len().saturating_sub(PROBLEMS_MAX) {
            0 => Ok(()),
            more => write!(f, "\n... and {more} more"),
        }
    }
}

/// Reads a lesson. `name` becomes its name, and `file` says in messages which file the lines are of.
///
/// # Errors
/// Everything that is wrong with it, each with its line, what is allowed, and a hint.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Lesson, LessonError> {
    let mut reader = Reader::new(file, text);
    if text.len() > LESSON_BYTES_MAX {
        let what = format!("{} bytes are too many; allowed: {LESSON_BYTES_MAX}", text.len());
        reader.refuse(1, "", what, "");
        return Err(LessonError { problems: reader.problems });
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = reader.line(error.span().map_or(0, |span| span.start));
        reader.refuse(line, "", format!("this is no TOML: {}", error.message()), "");
    }
    let lesson = if errors.is_empty() { reader.lesson(name, table.get_ref()) } else { None };
    match lesson {
        Some(lesson) if reader.problems.is_empty() => Ok(lesson),
        Some(_) | None => Err(LessonError { problems: reader.problems }),
    }
}

/// A text of the file: the line where its content begins, and the content.
type Text = (usize, String);

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    /// Offset of each line's first byte.
    starts: Vec<usize>,
    problems: Vec<Problem>,
    /// What was done before, on the same cluster: labels are known across steps.
    before: String,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = core::iter::once(0).chain(starts.map(|(at, _)| at + 1)).collect();
        Self { file, text, starts, problems: Vec::new(), before: String::new() }
    }

    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    /// An empty hint is none.
    fn refuse(&mut self, line: usize, key: &str, text: impl Into<String>, hint: &str) {
        let place = Place::Line { file: self.file.to_owned(), line };
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.problems.push(Problem { place, key: key.to_owned(), text: text.into(), hint });
    }

    /// Keys that nobody knows.
    fn keys(&mut self, table: &DeTable, allowed: &[&str]) {
        let mut keys: Vec<_> = table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        for key in keys {
            let name = key.get_ref().as_ref();
            if !allowed.contains(&name) {
                let hint = match nearest(name, allowed.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("allowed: {}", allowed.join(", ")),
                };
                self.refuse(self.line(key.span().start), name, "there is no such key", &hint);
            }
        }
    }

    fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue>, wanted: &str) {
        let line = self.line(value.span().start);
        let is = value.get_ref().type_str();
        self.refuse(line, key, format!("is {wanted}, not of type {is}"), "");
    }

    fn text_of(&mut self, key: &str, value: &Spanned<DeValue>, max: usize) -> Option<Text> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(key, value, "a text in quotes");
            return None;
        };
        let start = value.span().start;
        let mut line = self.line(start);
        if text.chars().count() > max {
            self.refuse(line, key, format!("is longer than {max} characters"), "");
        }
        // The line break right behind the opening quotes is no part of the text.
        let quotes = self.text.get(start..).unwrap_or_default();
        let is_block = ["\"\"\"\n", "'''\n", "\"\"\"\r\n", "'''\r\n"];
        line += usize::from(is_block.iter().any(|open| quotes.starts_with(open)));
        Some((line, text.clone().into_owned()))
    }

    fn text(&mut self, table: &DeTable, key: &str, max: usize) -> Option<Text> {
        let value = table.get(key)?;
        self.text_of(key, value, max)
    }

    fn texts(&mut self, table: &DeTable, key: &str, max: usize) -> Vec<Text> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of texts, as [\"one\", \"two\"]");
            return Vec::new();
        };
        if list.len() > max {
            let what = format!("has {} entries; allowed: {max}", list.len());
            self.refuse(self.line(value.span().start), key, what, "");
        }
        list.iter().filter_map(|text| self.text_of(key, text, TEXT_CHARS_MAX)).collect()
    }

    fn number_of(&mut self, key: &str, value: &Spanned<DeValue>, max: u64) -> Option<u64> {
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(key, value, "a number");
            return None;
        };
        let read = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let read = read.filter(|read| (1..=max).contains(read));
        if read.is_none() {
            let line = self.line(value.span().start);
            self.refuse(line, key, format!("{} is out of range: 1 to {max}", number.as_str()), "");
        }
        read
    }

    fn number(&mut self, table: &DeTable, key: &str, max: u64) -> Option<u64> {
        let value = table.get(key)?;
        self.number_of(key, value, max)
    }

    fn lesson(&mut self, name: &str, table: &DeTable) -> Option<Lesson> {
        self.keys(table, HEAD_KEYS);
        let title = self.text(table, "title", TITLE_CHARS_MAX);
        let summary = self.text(table, "summary", SUMMARY_CHARS_MAX);
        for (key, text) in [("title", &title), ("summary", &summary)] {
            if text.as_ref().is_none_or(|(_, text)| text.trim().is_empty()) {
                let hint = format!("write {key} = \"...\" at the top");
                self.refuse(1, key, "is missing", &hint);
            }
        }
        let claims = self.claims(table);
        let minutes = self.number(table, "minutes", 120).unwrap_or(10);
        let seed = self.number(table, "seed", u64::MAX);
        let sets = self.texts(table, "set", 32);
        let base = self.text(table, "profile", 64);
        let base = base.unwrap_or_else(|| (1, "claims".to_owned()));
        let profile = self.profile(&base, &sets, &[], seed)?;
        let steps = self.steps(table, &profile, &(base, sets, seed));
        Some(Lesson {
            name: name.to_owned(),
            file: self.file.to_owned(),
            title: title.unwrap_or_default().1,
            summary: summary.unwrap_or_default().1,
            claims,
            minutes: u8::try_from(minutes).unwrap_or(u8::MAX),
            profile,
            steps,
        })
    }

    fn claims(&mut self, table: &DeTable) -> Vec<u8> {
        let Some(value) = table.get("claims") else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type("claims", value, "a list of numbers, as [1, 5]");
            return Vec::new();
        };
        let claims = list.iter().filter_map(|claim| {
            let number = self.number_of("claims", claim, u64::from(CLAIM_MAX))?;
            u8::try_from(number).ok()
        });
        claims.collect()
    }

    /// The cluster that a profile and what is set on top of it make.
    fn profile(
        &mut self,
        base: &Text,
        sets: &[Text],
        more: &[Text],
        seed: Option<u64>,
    ) -> Option<Profile> {
        if profile::is_path(&base.1) {
            let hint = format!("one of {}, and `set` for the rest", profile::names().join(", "));
            self.refuse(base.0, "profile", "is a built-in one, not a file", &hint);
            return None;
        }
        let all: Vec<String> = sets.iter().chain(more).map(|(_, set)| set.clone()).collect();
        match profile::load(&base.1, &all) {
            Ok(mut profile) => {
                profile.seed = seed.unwrap_or(profile.seed);
                // What happens in a lesson is what it says.
                profile.faults.clear();
                profile.workloads.iter_mut().for_each(|workload| workload.autostart = false);
                Some(profile)
            }
            Err(error) => {
                for problem in error.problems {
                    let set = match &problem.place {
                        Place::Set(text) => sets.iter().chain(more).find(|(_, set)| set == text),
                        Place::Line { .. } | Place::File(_) => None,
                    };
                    let (line, key) = set.map_or((base.0, "profile"), |(line, _)| (*line, "set"));
                    let of = if problem.key.is_empty() { "" } else { ": " };
                    let text = format!("{}{of}{}", problem.key, problem.text);
                    self.refuse(line, key, text, problem.hint.as_deref().unwrap_or_default());
                }
                None
            }
        }
    }

    fn steps(&mut self, table: &DeTable, profile: &Profile, made: &Made) -> Vec<Step> {
        let list = table.get("step");
        let tables = list.and_then(|list| list.get_ref().as_array());
        if let Some(list) = list
            && tables.is_none()
        {
            self.wrong_type("step", list, "written as [[step]]");
        }
        let Some(tables) = tables.filter(|tables| !tables.is_empty()) else {
            if list.is_none() {
                self.refuse(1, "step", "is missing", "a step begins with a line [[step]]");
            }
            return Vec::new();
        };
        if tables.len() > STEPS_MAX {
            let line = self.line(tables[STEPS_MAX].span().start);
            self.refuse(line, "step", format!("a lesson has at most {STEPS_MAX} steps"), "");
        }
        let mut steps = Vec::new();
        let mut limits = Limits::of(profile, Path::new("."));
        for value in tables.iter().take(STEPS_MAX) {
            let line = self.line(value.span().start);
            let Some(table) = value.get_ref().as_table() else {
                self.wrong_type("step", value, "written as [[step]]");
                continue;
            };
            let after_hunt =
                steps.last().is_some_and(|step: &Step| matches!(step.kind, Kind::Hunt { .. }));
            if let Some(step) = self.step((line, after_hunt), table, &mut limits, made) {
                steps.push(step);
            }
        }
        steps
    }

    /// `after_hunt`: the cluster before has a broken rule, so this step begins with another.
    fn step(
        &mut self,
        (line, after_hunt): (usize, bool),
        table: &DeTable,
        limits: &mut Limits,
        (base, sets, seed): &Made,
    ) -> Option<Step> {
        self.keys(table, STEP_KEYS);
        let kinds: Vec<&str> = ["task", "predict", "hunt"]
            .into_iter()
            .filter(|kind| table.contains_key(*kind))
            .collect();
        if let [one, other, ..] = kinds[..] {
            let what = format!("has both `{one}` and `{other}`");
            self.refuse(line, "step", what, "a step has one of task, predict and hunt, or none");
            return None;
        }
        let kind = kinds.first().copied().unwrap_or("");
        self.misplaced(table, kind);
        let mut more = self.texts(table, "set", 32);
        let defect = if kind == "hunt" { Some(self.defect(line, table)?) } else { None };
        more.extend(defect.map(|defect| (line, format!("defect={defect}"))));
        let mut fresh = None;
        if table.contains_key("set") || defect.is_some() || after_hunt {
            let profile = self.profile(base, sets, &more, *seed)?;
            *limits = Limits::of(&profile, Path::new("."));
            self.before.clear();
            fresh = Some(Box::new(profile));
        }
        let say = self.text(table, "say", TEXT_CHARS_MAX).unwrap_or_default().1;
        let scene = self.script(table, "do", limits, true);
        let hints = self.texts(table, "hints", HINTS_MAX).into_iter().map(|(_, text)| tidy(&text));
        let hints = hints.collect();
        let after = self.text(table, "after", TEXT_CHARS_MAX).unwrap_or_default().1;
        let text = self.text(table, kind, TEXT_CHARS_MAX).unwrap_or_default().1;
        if say.trim().is_empty() && text.trim().is_empty() {
            self.refuse(line, "say", "is missing", "a step says or asks something");
        }
        let kind = match (kind, defect) {
            ("task", _) => self.task(line, table, tidy(&text), limits),
            ("predict", _) => self.predict(line, table, tidy(&text), limits),
            (_, Some(defect)) => {
                let solution = self.wanted(line, table, "solution", limits);
                let solution = solution.into_iter().map(|(_, command)| command).collect();
                Kind::Hunt { text: tidy(&text), defect, solution }
            }
            _ => Kind::Narration,
        };
        Some(Step { line, say: tidy(&say), fresh, scene, kind, hints, after: tidy(&after) })
    }

    /// Keys of another kind of step.
    fn misplaced(&mut self, table: &DeTable, kind: &str) {
        let (own, hint): (&[&str], _) = match kind {
            "task" => (TASK_KEYS, "a task has check, solution and wrong"),
            "predict" => (PREDICT_KEYS, "a prediction has then and ask"),
            "hunt" => (HUNT_KEYS, "a hunt has defect and solution"),
            _ => (&[], "say with task, predict or hunt what the learner has to do"),
        };
        let of_a_kind = |key: &&&str| {
            TASK_KEYS.contains(key) || PREDICT_KEYS.contains(key) || HUNT_KEYS.contains(key)
        };
        for key in STEP_KEYS.iter().filter(of_a_kind).filter(|key| !own.contains(key)) {
            if let Some(value) = table.get(*key) {
                let line = self.line(value.span().start);
                self.refuse(line, key, "does not belong to this step", hint);
            }
        }
    }

    fn defect(&mut self, line: usize, table: &DeTable) -> Option<Defect> {
        let Some((line, name)) = self.text(table, "defect", 64) else {
            self.refuse(line, "defect", "is missing", "`amflab defects list` names them");
            return None;
        };
        let found = name.parse::<Defect>().ok();
        if found.is_none() {
            let near = nearest(&name, Defect::ALL.map(Defect::name));
            let hint = near.map_or_else(
                || "`amflab defects list` names them".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.refuse(line, "defect", format!("there is no defect `{name}`"), &hint);
        }
        found
    }

    fn task(&mut self, line: usize, table: &DeTable, text: String, limits: &Limits) -> Kind {
        let before = self.before.clone();
        let wrong = self.wanted(line, table, "wrong", limits);
        self.before = before;
        let solution = self.wanted(line, table, "solution", limits);
        let after_solution = self.before.clone();
        let checks = self.wanted(line, table, "check", limits);
        self.before = after_solution;
        let looks =
            |command: &Command| matches!(command, Command::Expect(_) | Command::RunUntil(..));
        if let Some((line, _)) = checks.first()
            && !checks.iter().any(|(_, command)| looks(command))
        {
            let hint = "`expect state amf0 3 M` is a check, for example";
            self.refuse(*line, "check", "expects nothing", hint);
        }
        let only = |commands: Vec<(usize, Command)>| commands.into_iter().map(|(_, c)| c).collect();
        Kind::Task(Ask { text, checks, solution: only(solution), wrong: only(wrong) })
    }

    fn predict(&mut self, line: usize, table: &DeTable, text: String, limits: &Limits) -> Kind {
        let then = self.wanted(line, table, "then", limits);
        let asked = self.texts(table, "ask", QUESTIONS_MAX);
        if asked.is_empty() {
            self.refuse(line, "ask", "is missing", "ask = [\"state amf0 3\"], for example");
        }
        let mut questions = Vec::new();
        for (line, probe) in asked {
            match Question::parse(line, &probe, limits) {
                Ok(question) => questions.push(question),
                Err((what, hint)) => self.refuse(line, "ask", what, &hint),
            }
        }
        Kind::Predict { text, then, questions }
    }

    /// A script that has to be there.
    fn wanted(
        &mut self,
        line: usize,
        table: &DeTable,
        key: &str,
        limits: &Limits,
    ) -> Vec<(usize, Command)> {
        let is_there = table.contains_key(key);
        let script = self.script(table, key, limits, false);
        if !is_there {
            let hint = match key {
                "check" => "expectations that hold once the task is done",
                "solution" => "commands that do it; the learner does not see them",
                "wrong" => "commands that look right and are not: the lesson is tested with them",
                _ => "the commands that make it happen",
            };
            self.refuse(line, key, "is missing", hint);
        }
        script
    }

    /// A script among what was done before; it may be empty only if `may_be_empty`.
    fn script(
        &mut self,
        table: &DeTable,
        key: &str,
        limits: &Limits,
        may_be_empty: bool,
    ) -> Vec<(usize, Command)> {
        let Some((first, text)) = self.text(table, key, TEXT_CHARS_MAX) else { return Vec::new() };
        let skipped = self.before.lines().count();
        let whole = format!("{}{text}\n", self.before);
        let place = |line: u32| first + (line as usize).saturating_sub(skipped + 1);
        // Also if it is wrong: what comes later is judged by itself.
        self.before.clone_from(&whole);
        let script = match parse_script(&whole, self.file, limits) {
            Ok(script) => script,
            Err(errors) => {
                for error in errors.iter().filter(|error| error.line as usize > skipped) {
                    let text = format!("column {}: {}", error.column, error.wrong);
                    let hint = error.hint.as_deref().unwrap_or_default();
                    self.refuse(place(error.line), key, text, hint);
                }
                return Vec::new();
            }
        };
        let mut commands = Vec::new();
        for entry in script.entries.iter().filter(|entry| entry.line as usize > skipped) {
            let line = place(entry.line);
            if let Some(why) = not_in_lessons(&entry.command) {
                self.refuse(line, key, why, "");
            } else if !entry.expected.is_empty() {
                let hint = "leave the lines that begin with `|` out";
                self.refuse(line, key, "a lesson compares no traces", hint);
            }
            commands.push((line, entry.command.clone()));
        }
        if commands.len() > COMMANDS_MAX {
            let what = format!("has {} commands; allowed: {COMMANDS_MAX}", commands.len());
            self.refuse(first, key, what, "");
        }
        if commands.is_empty() && !may_be_empty {
            self.refuse(first, key, "has no command", "");
        }
        commands
    }
}

/// The profile, what is set, and the seed, as the head of the file has them.
type Made = (Text, Vec<Text>, Option<u64>);

/// Commands that make no sense where every step can be taken back.
pub(super) fn not_in_lessons(command: &Command) -> Option<&'static str> {
    match command {
        Command::Act(Action::Record(_)) => Some("a lesson is not recorded"),
        Command::Act(Action::Seek(_)) => Some("`seek` is for recordings"),
        Command::Replay(ReplayCommand::Start(_)) => Some("a lesson replays no traces"),
        _ => None,
    }
}

/// Paragraphs, each on one line; lines that begin with a blank stay as they are.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut in_paragraph = false;
    for line in text.trim_end().lines() {
        let keeps = line.starts_with([' ', '\t']) || line.trim().is_empty();
        if !out.is_empty() {
            out.push(if keeps || !in_paragraph { '\n' } else { ' ' });
        }
        out.push_str(line.trim_end());
        in_paragraph = !keeps;
    }
    out.trim_start_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn paragraphs_flow_and_tables_stay() {
        let text = "\none\ntwo\n\nthree\n  a b\n  c d\nfour\n";
        assert_eq!(tidy(text), "one two\n\nthree\n  a b\n  c d\nfour");
    }
}
