//! The lessons that are part of the program, and how one is named.

use super::model::Lesson;
use super::read::{LESSON_BYTES_MAX, LessonError, parse};
use crate::profile::{Place, Problem};
use crate::trace::grammar::nearest;
use std::io::Read;
use std::path::Path;

macro_rules! lessons {
    ($($name:literal),* $(,)?) => {
        const BUILTIN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../assets/lessons/", $name, ".toml")))),*];
    };
}

lessons! {
    "01-what-is-an-amf",
    "02-data-from-the-host",
    "03-the-read-search",
    "04-where-the-data-comes-from",
    "05-write-invalidate",
    "06-readers-and-writers",
    "07-races-and-tickets",
    "08-replication-and-takeover",
    "09-is-it-shared",
    "10-silent-writes",
    "11-invalidate-when-shared",
    "12-leases-and-fencing",
    "13-ping-pong",
    "14-dirty-sharing",
    "15-update-or-invalidate",
    "16-no-coherency",
    "17-redundancy",
    "18-the-write-hole",
    "19-more-failures-than-replicas",
    "20-hunt-the-forgotten-copy",
    "21-hunt-the-lost-write",
    "22-hunt-the-sleeper",
    "23-hunt-the-write-hole",
}

/// The built-in lessons, in their order: name and text.
#[must_use]
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    BUILTIN
}

/// There is no such lesson.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no lesson `{name}`\n  hint: {hint}")]
pub struct LessonNotFound {
    /// What was asked for.
    pub name: String,
    /// What to do.
    pub hint: String,
}

/// The full name of a built-in lesson that `spec` means: its name, its number, or its name without the
/// number.
///
/// # Errors
/// None, or more than one.
pub fn find(spec: &str) -> Result<&'static str, LessonNotFound> {
    let number = spec.parse::<u32>().ok();
    let is_it = |name: &str| {
        let (no, words) = name.split_once('-').unwrap_or((name, ""));
        name == spec || words == spec || number.is_some_and(|number| no.parse() == Ok(number))
    };
    let names = || BUILTIN.iter().map(|(name, _)| *name);
    if let Some(name) = names().find(|name| is_it(name)) {
        return Ok(name);
    }
    let words = names().map(|name| name.split_once('-').map_or(name, |(_, words)| words));
    let hint = match nearest(spec, names().chain(words)) {
        Some(near) => format!("did you mean `{near}`? A file is named with a `/` or `.toml`"),
        None => "`amflab lessons list` names them; a file is named with a `/` or `.toml`".into(),
    };
    Err(LessonNotFound { name: spec.to_owned(), hint })
}

/// Loads the lesson that `spec` names: a built-in one, or a file if it contains a `/` or ends in
/// `.toml`.
///
/// # Errors
/// There is none, it cannot be read, or everything that is wrong with it; in words.
pub fn load(spec: &str) -> Result<Lesson, String> {
    if crate::profile::is_path(spec) {
        let text = read(spec).map_err(|error| error.to_string())?;
        let stem = Path::new(spec).file_stem().map_or(spec.into(), |stem| stem.to_string_lossy());
        return parse(&stem, spec, &text).map_err(|error| error.to_string());
    }
    let name = find(spec).map_err(|error| error.to_string())?;
    let text = BUILTIN.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
    parse(name, &format!("lesson {name}"), text).map_err(|error| error.to_string())
}

/// At most one byte more than is allowed is read, so that a device or a huge file costs nothing.
fn read(path: &str) -> Result<String, LessonError> {
    let fail = |text: String| {
        let place = Place::File(path.to_owned());
        LessonError { problems: vec![Problem { place, key: String::new(), text, hint: None }] }
    };
    let file =
        std::fs::File::open(path).map_err(|error| fail(format!("cannot be opened: {error}")))?;
    let mut bytes = Vec::new();
    file.take(LESSON_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fail(format!("cannot be read: {error}")))?;
    if bytes.len() > LESSON_BYTES_MAX {
        return Err(fail(format!("is larger than a lesson may be: {LESSON_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| fail("is no text in UTF-8".to_owned()))
}
