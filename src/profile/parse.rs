//! TOML and `--set` into a draft. All problems of a file are collected, not just the first.

use super::build::{Places, build};
use super::draft::{Draft, FaultDraft, WorkloadDraft};
use super::error::{Place, Problem, ProfileError};
use super::model::Profile;
use super::schema::{self, Key, LIST_MAX, LISTS, Section};
use super::source::raw;
use super::value::{Raw, is_name};
use super::{is_path, workload_names, workload_text};
use crate::trace::grammar::nearest;
use std::collections::BTreeMap;
use toml::de::{DeArray, DeTable, DeValue};

/// Largest profile that is read, in bytes.
pub const PROFILE_BYTES_MAX: usize = 1 << 20;
/// Most `--set` of one command line.
const SETS_MAX: usize = 1_000;

/// Reads a profile from `text`, with `sets` (`key=value`) on top. `name` becomes its name, and
/// `file_label` says in errors which file the lines are of.
///
/// # Errors
/// Everything that is wrong with it, each with its place, key and what is allowed.
pub fn parse(
    name: &str,
    file_label: &str,
    text: &str,
    sets: &[String],
) -> Result<Profile, ProfileError> {
    parse_with(name, file_label, text, sets, &[])
}

/// The same, with those of `workloads` that the profile does not have itself: built-in ones, or files.
///
/// # Errors
/// Those of [`parse`], and of the workloads.
pub fn parse_with(
    name: &str,
    file_label: &str,
    text: &str,
    sets: &[String],
    workloads: &[String],
) -> Result<Profile, ProfileError> {
    if text.len() > PROFILE_BYTES_MAX {
        let text = format!("{} bytes are too many; allowed: {PROFILE_BYTES_MAX}", text.len());
        return Err(ProfileError::one(Place::File(file_label.to_owned()), text, None));
    }
    let mut reader = Reader::new(file_label, text);
    reader.document(text, false);
    // Places of what comes by default are those of the profile.
    let (file, lines) = (reader.places.file.clone(), reader.lines.clone());
    for wanted in workloads {
        reader.workloads_of(wanted);
    }
    (reader.places.file, reader.lines) = (file, lines);
    if sets.len() > SETS_MAX {
        reader.refuse(Place::Set(String::new()), "", &format!("more than {SETS_MAX} overrides"));
    }
    for set in sets.iter().take(SETS_MAX) {
        reader.set(set);
    }
    if !reader.problems.is_empty() {
        return Err(ProfileError { problems: reader.problems });
    }
    build(name, &reader.draft, &reader.places).map_err(|problems| ProfileError { problems })
}

/// Offsets of each line's first byte.
fn lines_of(text: &str) -> Vec<usize> {
    let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
    core::iter::once(0).chain(starts).collect()
}

/// Fills a draft and remembers where each key was written.
struct Reader {
    /// Offset of each line's first byte.
    lines: Vec<usize>,
    sections: Vec<Section>,
    workload: Vec<Key<WorkloadDraft>>,
    fault: Vec<Key<FaultDraft>>,
    draft: Draft,
    places: Places,
    problems: Vec<Problem>,
}

impl Reader {
    fn new(file: &str, text: &str) -> Self {
        Self {
            lines: lines_of(text),
            sections: schema::sections(),
            workload: schema::workload(),
            fault: schema::fault(),
            draft: Draft::default(),
            places: Places { file: file.to_owned(), of: BTreeMap::new() },
            problems: Vec::new(),
        }
    }

    fn line(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= at);
        Place::Line { file: self.places.file.clone(), line: line.max(1) }
    }

    fn refuse(&mut self, place: Place, key: &str, text: &str) {
        self.problems.push(Problem {
            place,
            key: key.to_owned(),
            text: text.to_owned(),
            hint: None,
        });
    }

    /// Reads a whole text; `is_list`: it may hold nothing but `[[workload]]`.
    fn document(&mut self, text: &str, is_list: bool) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let place = self.line(at);
            let text = format!("this is no TOML: {}", error.message());
            self.problems.push(Problem { place, key: String::new(), text, hint: None });
        }
        if !errors.is_empty() {
            return;
        }
        let strays = table.get_ref().keys().filter(|key| key.get_ref() != "workload");
        let strays: Vec<_> = strays.filter(|_| is_list).collect();
        for key in &strays {
            let place = self.line(key.span().start);
            let text = "a file of workloads has nothing but [[workload]]";
            self.refuse(place, key.get_ref(), text);
        }
        if strays.is_empty() {
            self.file(table.get_ref());
        }
    }

    /// Adds the workloads of a file, or a built-in one, unless the profile has one of that name.
    fn workloads_of(&mut self, wanted: &str) {
        let has = |reader: &Self, name: &str| {
            reader.draft.workloads.iter().any(|workload| workload.name == *name)
        };
        if has(self, wanted) {
            return;
        }
        let (label, name, text) = if is_path(wanted) {
            match super::read(wanted) {
                Ok(text) => (wanted.to_owned(), super::stem(wanted), text),
                Err(error) => return self.problems.extend(error.problems),
            }
        } else {
            match workload_text(wanted) {
                Some(text) => {
                    (format!("built-in workload {wanted}"), wanted.to_owned(), text.to_owned())
                }
                None => return self.unknown_workload(wanted),
            }
        };
        if has(self, &name) {
            return;
        }
        (self.places.file, self.lines) = (label.clone(), lines_of(&text));
        let before = self.problems.len();
        self.document(&text, true);
        if self.problems.len() == before && !has(self, &name) {
            let text = format!("has no workload `{name}`: one is named like the file");
            self.refuse(Place::File(label), "workload", &text);
        }
    }

    fn unknown_workload(&mut self, wanted: &str) {
        let own = self.draft.workloads.iter().map(|workload| workload.name.clone());
        let all: Vec<String> = own.chain(workload_names().into_iter().map(str::to_owned)).collect();
        let hint = match nearest(wanted, all.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("allowed: {}, or a file", all.join(", ")),
        };
        let place = Place::File(self.places.file.clone());
        let text = format!("there is no workload `{wanted}`, neither here nor built in");
        self.problems.push(Problem { place, key: String::new(), text, hint: Some(hint) });
    }

    fn file(&mut self, table: &DeTable) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            let place = self.line(key.span().start);
            if LISTS.contains(&name) {
                self.list(name, place, value.get_ref());
            } else if !name.is_empty() && self.sections.iter().any(|section| section.name == name) {
                match value.get_ref().as_table() {
                    Some(table) => self.table(name, table),
                    None => self.refuse(place, name, &format!("is a section: write [{name}]")),
                }
            } else if is_section(value.get_ref()) {
                self.unknown_section(place, name);
            } else {
                self.key(place, "", name, &raw(value));
            }
        }
    }

    fn table(&mut self, section: &str, table: &DeTable) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let place = self.line(key.span().start);
            self.key(place, section, key.get_ref(), &raw(value));
        }
    }

    fn list(&mut self, name: &str, place: Place, value: &DeValue) {
        let tables: Option<Vec<(&DeTable, usize)>> = value.as_array().and_then(|all| {
            all.iter().map(|one| Some((one.get_ref().as_table()?, one.span().start))).collect()
        });
        let Some(tables) = tables else {
            self.refuse(place, name, &format!("is a list of tables: write [[{name}]]"));
            return;
        };
        // A file of workloads comes behind what the profile has.
        let offset = if name == "workload" { self.draft.workloads.len() } else { 0 };
        if offset + tables.len() > LIST_MAX {
            self.refuse(
                place,
                name,
                &format!("{} are too many; allowed: {LIST_MAX}", tables.len()),
            );
            return;
        }
        for (i, (table, at)) in (offset..).zip(tables) {
            let place = self.line(at);
            self.places.of.insert(format!("{name}[{i}]."), place.clone());
            match name {
                "workload" => self.draft.workloads.push(WorkloadDraft::default()),
                _ => self.draft.faults.push(FaultDraft::default()),
            }
            let needed: &[&str] = if name == "workload" { &["name"] } else { &["command", "kind"] };
            if !needed.iter().any(|key| table.contains_key(*key)) {
                let needed = needed.join("` and no `");
                self.refuse(place, name, &format!("has no `{needed}`"));
            }
            self.table(&format!("{name}[{i}]"), table);
        }
    }

    /// Puts one value where it belongs. `section` is a name, `name[index]`, or empty.
    fn key(&mut self, place: Place, section: &str, key: &str, value: &Raw) {
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let read = if let Some((list, index)) = section.split_once('[') {
            let index: usize = index.trim_end_matches(']').parse().unwrap_or(usize::MAX);
            match list {
                "workload" => read(&self.workload, key, self.draft.workloads.get_mut(index), value),
                _ => read(&self.fault, key, self.draft.faults.get_mut(index), value),
            }
        } else {
            let keys = self.sections.iter().find(|found| found.name == section);
            read(keys.map_or(&[], |found| &found.keys), key, Some(&mut self.draft), value)
        };
        match read {
            Some(Ok(())) => {
                self.places.of.insert(path, place);
            }
            Some(Err(refusal)) => {
                let (text, hint) = (refusal.text, refusal.hint);
                self.problems.push(Problem { place, key: path, text, hint });
            }
            None => self.unknown_key(place, section, key, path),
        }
    }

    fn unknown_key(&mut self, place: Place, section: &str, key: &str, path: String) {
        let home = section.split('[').next().unwrap_or_default();
        let all = schema::schema();
        let here: Vec<&str> = all.iter().filter(|k| k.section == home).map(|k| k.key).collect();
        let elsewhere = all.iter().find(|k| k.key == key && !k.section.is_empty());
        let hint = match (nearest(key, here.iter().copied()), elsewhere) {
            (_, Some(other)) => Some(format!("`{key}` belongs to {}", bracket(other.section))),
            (Some(near), None) => Some(format!("did you mean `{near}`?")),
            (None, None) => {
                let known = all.iter().filter(|k| !k.section.is_empty());
                nearest(key, known.clone().map(|k| k.key)).and_then(|near| {
                    let other = known.clone().find(|k| k.key == near)?;
                    Some(format!("did you mean `{near}` of {}?", bracket(other.section)))
                })
            }
        };
        let of =
            if home.is_empty() { "at the top".to_owned() } else { format!("in {}", bracket(home)) };
        let text = format!("there is no such key {of}; allowed: {}", here.join(", "));
        self.problems.push(Problem { place, key: path, text, hint });
    }

    fn unknown_section(&mut self, place: Place, name: &str) {
        let names: Vec<&str> = self.section_names();
        let hint = nearest(name, names.iter().copied())
            .map(|near| format!("did you mean {}?", bracket(near)));
        let text = format!("there is no such section; allowed: {}", names.join(", "));
        self.problems.push(Problem { place, key: name.to_owned(), text, hint });
    }

    fn section_names(&self) -> Vec<&'static str> {
        let tables = self.sections.iter().map(|section| section.name);
        tables.filter(|name| !name.is_empty()).chain(LISTS).collect()
    }

    /// `section.key=value`, `workload.NAME.key=value`, `fault.INDEX.key=value`, `defect=NAME`.
    fn set(&mut self, text: &str) {
        let place = Place::Set(text.to_owned());
        let Some((path, value)) = text.split_once('=') else {
            let text = "is no KEY=VALUE".to_owned();
            let hint = Some("write --set cache.lines=64".to_owned());
            self.problems.push(Problem { place, key: String::new(), text, hint });
            return;
        };
        let value = set_value(value.trim());
        let parts: Vec<&str> = path.trim().split('.').collect();
        match parts.as_slice() {
            [key] => self.key(place, "", key, &value),
            [section, key] if self.sections.iter().any(|s| s.name == *section) => {
                self.key(place, section, key, &value);
            }
            [list @ ("workload" | "fault"), which, key] => match self.index(list, which) {
                Some(index) => self.key(place, &format!("{list}[{index}]"), key, &value),
                None => self.unknown_entry(place, path, list, which),
            },
            [list @ ("workload" | "fault"), ..] => {
                let text = format!("names no key; write {list}.NAME.KEY=VALUE");
                self.refuse(place, path, &text);
            }
            [section, ..] => self.unknown_section(place, section),
            [] => unreachable!("splitting gives at least one part"),
        }
    }

    fn unknown_entry(&mut self, place: Place, path: &str, list: &str, which: &str) {
        let names = self.draft.workloads.iter().map(|workload| workload.name.as_str());
        let near = if list == "workload" { nearest(which, names) } else { None };
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let text = format!("the profile has no {list} `{which}`");
        self.problems.push(Problem { place, key: path.to_owned(), text, hint });
    }

    fn index(&self, list: &str, which: &str) -> Option<usize> {
        let number = which.parse::<usize>().ok();
        match list {
            "workload" => {
                let all = &self.draft.workloads;
                let named = all.iter().position(|workload| workload.name == which);
                named.filter(|_| is_name(which)).or(number.filter(|i| *i < all.len()))
            }
            _ => number.filter(|i| *i < self.draft.faults.len()),
        }
    }
}

/// Reads `value` into the field of `key`; `None`: there is no such key.
fn read<T>(
    keys: &[Key<T>],
    key: &str,
    target: Option<&mut T>,
    value: &Raw,
) -> Option<Result<(), super::kind::Refusal>> {
    let key = keys.iter().find(|found| found.name == key)?;
    Some(key.kind.read(target?, value))
}

/// A table, or a list of some, whatever it is called.
fn is_section(value: &DeValue) -> bool {
    let is_list = |all: &DeArray| !all.is_empty() && all.iter().all(|one| one.get_ref().is_table());
    value.is_table() || value.as_array().is_some_and(is_list)
}

fn bracket(section: &str) -> String {
    if LISTS.contains(&section) { format!("[[{section}]]") } else { format!("[{section}]") }
}

/// A value after `--set KEY=`: TOML if it is that, else text without quotes.
fn set_value(text: &str) -> Raw {
    match DeValue::parse(text) {
        Ok(value) => match raw(&value) {
            Raw::Other(_) => Raw::Text(text.to_owned()),
            value => value,
        },
        Err(_) => Raw::Text(text.to_owned()),
    }
}
