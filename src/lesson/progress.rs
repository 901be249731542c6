//! What a learner has done, in a small file: written whole or not at all, with a version, and never the
//! reason why a lesson cannot be taken.

use super::attempt::{Attempt, Midway, Refusal};
use super::model::Lesson;
use super::score::Score;
use crate::session::Session;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The form that this program writes.
const VERSION: u32 = 1;
/// Largest file that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// What is remembered of a lesson.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// It was passed at least once.
    pub passed: bool,
    /// Points of the best attempt.
    pub points: u32,
    /// Points that it could have had.
    pub of: u32,
    /// Attempts that came to their end.
    pub attempts: u32,
}

/// What is wrong with the file, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgressTrouble {
    /// It cannot be read.
    #[error("progress: {path} cannot be read: {why}\n  hint: nothing will be kept")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// It is not what this program writes.
    #[error(
        "progress: {path}{}: {why}\n  hint: the lessons begin afresh; the file is kept as {path}.damaged",
        line.map_or_else(String::new, |line| format!(":{line}"))
    )]
    Damaged {
        /// The file.
        path: String,
        /// The line, if it is known.
        line: Option<usize>,
        /// Why.
        why: String,
    },
    /// A newer program wrote it.
    #[error(
        "progress: {path} is of a newer version ({version}, this program knows {VERSION})\n  \
         hint: nothing will be kept, and the file stays as it is"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        version: u32,
    },
    /// It cannot be written.
    #[error("progress: {path} was not written: {why}\n  hint: --progress FILE names another place")]
    Unwritten {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

/// What a learner has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where it is kept; `None`: nowhere.
    path: Option<PathBuf>,
    /// What is there is damaged, and is put aside before anything is written.
    is_damaged: bool,
    lessons: BTreeMap<String, Kept>,
    /// Attempts that are not over.
    midway: BTreeMap<String, Midway>,
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(default)]
    lessons: BTreeMap<String, Kept>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    midway: BTreeMap<String, Midway>,
}

/// Only the version, of whatever version the rest is.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Progress {
    /// Progress that is kept nowhere.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::default()
    }

    /// Reads a file; one that is not there is empty. What is wrong with it is said, and is no error.
    #[must_use]
    pub fn load(path: &Path) -> (Self, Option<ProgressTrouble>) {
        let name = path.display().to_string();
        let here = Self { path: Some(path.to_owned()), ..Self::default() };
        let text = match read(path) {
            Ok(Some(text)) => text,
            Ok(None) => return (here, None),
            Err(why) => {
                return (Self::nowhere(), Some(ProgressTrouble::Unreadable { path: name, why }));
            }
        };
        let damaged = |error: &toml::de::Error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count());
            let why = error.message().to_owned();
            let trouble = ProgressTrouble::Damaged { path: name.clone(), line, why };
            (Self { is_damaged: true, ..here.clone() }, Some(trouble))
        };
        match toml::from_str::<Versioned>(&text) {
            Ok(Versioned { version }) if version > VERSION => {
                (Self::nowhere(), Some(ProgressTrouble::Newer { path: name, version }))
            }
            Err(error) => damaged(&error),
            Ok(_) => match toml::from_str::<File>(&text) {
                Ok(File { lessons, midway, .. }) => (Self { lessons, midway, ..here }, None),
                Err(error) => damaged(&error),
            },
        }
    }

    /// What is remembered of a lesson.
    #[must_use]
    pub fn of(&self, lesson: &str) -> Option<Kept> {
        self.lessons.get(lesson).copied()
    }

    /// Lessons that were passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.lessons.values().filter(|kept| kept.passed).count()
    }

    /// An attempt came to its end: the best one counts. Writes the file.
    ///
    /// # Errors
    /// It cannot be written; what was done is remembered until the program ends.
    pub fn ended(&mut self, lesson: &str, score: &Score) -> Result<(), ProgressTrouble> {
        let kept = self.lessons.entry(lesson.to_owned()).or_default();
        kept.attempts = kept.attempts.saturating_add(1);
        kept.passed |= score.is_passed();
        if (score.points, kept.of) >= (kept.points, score.of) || kept.of != score.of {
            (kept.points, kept.of) = (score.points, score.of);
        }
        self.midway.remove(lesson);
        self.save()
    }

    /// An attempt at a lesson: the one that was left before its end, if that is wanted, and one that can be
    /// gone on with.
    ///
    /// # Errors
    /// The cluster cannot be made.
    pub fn begin(&self, lesson: Lesson, goes_on: bool) -> Result<(Attempt, Session), Refusal> {
        let lesson = Arc::new(lesson);
        let left = self.midway(&lesson.name).filter(|_| goes_on);
        match left.map(|left| Attempt::resume(&lesson, left)) {
            Some(Ok(Some(resumed))) => Ok(resumed),
            // What cannot be repeated is begun anew.
            Some(Ok(None) | Err(_)) | None => Attempt::start(lesson),
        }
    }

    /// Where an attempt was left that is not over.
    #[must_use]
    pub fn midway(&self, lesson: &str) -> Option<&Midway> {
        self.midway.get(lesson)
    }

    /// An attempt is left here, or none is to be gone on with. Writes the file, if that is new.
    ///
    /// # Errors
    /// It cannot be written; what was done is remembered until the program ends.
    pub fn left(&mut self, lesson: &str, midway: Option<Midway>) -> Result<(), ProgressTrouble> {
        let is_new = match midway {
            Some(midway) if self.midway.get(lesson) == Some(&midway) => false,
            Some(midway) => {
                self.midway.insert(lesson.to_owned(), midway);
                true
            }
            None => self.midway.remove(lesson).is_some(),
        };
        if is_new { self.save() } else { Ok(()) }
    }

    fn save(&mut self) -> Result<(), ProgressTrouble> {
        let Some(path) = &self.path else { return Ok(()) };
        let unwritten =
            |why: String| ProgressTrouble::Unwritten { path: path.display().to_string(), why };
        let (lessons, midway) = (self.lessons.clone(), self.midway.clone());
        let mut file = File { version: VERSION, lessons, midway };
        let text =
            |file: &File| toml::to_string(file).map_err(|error| unwritten(error.to_string()));
        let mut written = text(&file)?;
        if written.len() as u64 > BYTES_MAX {
            // What would not be read again is not written: what was done before, rather than all.
            file.midway.clear();
            written = text(&file)?;
        }
        if self.is_damaged {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".damaged");
            fs::rename(path, aside).map_err(|error| unwritten(error.to_string()))?;
        }
        write(path, &written).map_err(|error| unwritten(error.to_string()))?;
        self.is_damaged = false;
        Ok(())
    }
}

/// The text of a file; `None`: there is none.
fn read(path: &Path) -> Result<Option<String>, String> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    // What is no text is no TOML either, and is told as such.
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// All of it, or nothing: beside the file, then in its place.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
