//! `amflab lessons list|show|run|check`: what there is to learn, and taking a lesson line by line.

mod line;

use super::failure::{FINE, Failure};
use super::lists::list;
use super::{Done, complain, print};
use crate::lesson::{self, Kind, Lesson, Progress};
use crate::tui::view::text::prose;
use clap::{Args, Subcommand};
use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Names another place for the file with the progress.
const PROGRESS_VARIABLE: &str = "AMFLAB_PROGRESS";
/// Columns of what is printed.
pub(super) const WIDTH: usize = 78;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum LessonsCommand {
    /// Names them, one a line
    List {
        /// Also what was passed, the titles and the claims
        #[arg(short, long)]
        long: bool,
        #[command(flatten)]
        place: ProgressPlace,
    },
    /// Everything that a learner may read beforehand: no solutions
    Show {
        /// Its name, its number, or a file (with a `/`, or ending in `.toml`)
        name: String,
    },
    /// Takes a lesson, line by line
    #[command(before_help = "\
Examples:
  amflab lessons run 1
  amflab lessons run write-invalidate --answers mine.txt
  amflab lessons run ./my-lesson.toml

Exit codes: 0 passed, 1 not passed, 2 bad usage or a lesson that cannot be used.")]
    Run {
        /// Its name, its number, or a file (with a `/`, or ending in `.toml`)
        name: String,
        /// What the learner types, a line each; lines that begin with # are left out
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
        /// Begins at the first step, also if it was left in the middle
        #[arg(long)]
        anew: bool,
        #[command(flatten)]
        place: ProgressPlace,
    },
    /// For teachers: takes lessons with their own solutions, and says what is not as it should be
    Check {
        /// Names or files; all built-in ones if none is named
        names: Vec<String>,
    },
}

/// Where progress is kept.
#[derive(Clone, Debug, Args)]
pub(super) struct ProgressPlace {
    /// The file with your progress (else `$AMFLAB_PROGRESS`, else one in your data folder)
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,
}

impl ProgressPlace {
    /// The progress so far; what is wrong with its file is said.
    pub(super) fn load(&self) -> Progress {
        let Some(path) = self.path() else { return Progress::nowhere() };
        let (progress, trouble) = Progress::load(&path);
        if let Some(trouble) = trouble {
            complain("warning", &trouble.to_string());
        }
        progress
    }

    fn path(&self) -> Option<PathBuf> {
        let named = std::env::var_os(PROGRESS_VARIABLE).filter(|path| !path.is_empty());
        let named = self.progress.clone().or(named.map(PathBuf::from));
        named.or_else(|| {
            let app = AppStrategyArgs { app_name: "amflab".to_owned(), ..Default::default() };
            Some(choose_app_strategy(app).ok()?.in_data_dir("progress.toml"))
        })
    }
}

/// What there is to learn.
pub(super) fn lessons(command: &LessonsCommand) -> Done {
    match command {
        LessonsCommand::List { long: false, .. } => list(&names()),
        LessonsCommand::List { long: true, place } => {
            print(&long_list(&place.load())?)?;
            Ok(FINE)
        }
        LessonsCommand::Show { name } => {
            print(&shown(&load(name)?))?;
            Ok(FINE)
        }
        LessonsCommand::Run { name, answers, anew, place } => {
            line::run(load(name)?, answers.as_deref(), *anew, place.load())
        }
        LessonsCommand::Check { names } => check(names),
    }
}

/// Names of the built-in lessons.
fn names() -> Vec<&'static str> {
    lesson::builtin().iter().map(|(name, _)| *name).collect()
}

/// Loads a lesson by its name, its number or its file.
pub(super) fn load(name: &str) -> Result<Lesson, Failure> {
    lesson::load(name).map_err(Failure::usage)
}

/// A name, a mark, a title, claims and points, a line each.
fn long_list(progress: &Progress) -> Result<String, Failure> {
    let mut text = String::new();
    for name in names() {
        let lesson = load(name)?;
        let kept = progress.of(name);
        let mark = match kept {
            Some(kept) if kept.passed => "passed",
            Some(_) => "begun",
            None => "-",
        };
        let points = kept.map_or_else(String::new, |kept| format!("{}/{}", kept.points, kept.of));
        let claims = claims(&lesson);
        let (title, minutes) = (&lesson.title, lesson.minutes);
        let _ =
            writeln!(text, "{name:<30} {mark:<6} {points:>6}  {minutes:>2} min  {title}{claims}");
    }
    Ok(text)
}

/// ` (claims 5, 6)`, or nothing.
fn claims(lesson: &Lesson) -> String {
    let claims: Vec<String> = lesson.claims.iter().map(ToString::to_string).collect();
    match claims.len() {
        0 => String::new(),
        1 => format!(" (claim {})", claims[0]),
        _ => format!(" (claims {})", claims.join(", ")),
    }
}

/// What a learner may read beforehand.
fn shown(lesson: &Lesson) -> String {
    let mut text = format!("{}: {}{}\n", lesson.name, lesson.title, claims(lesson));
    let (minutes, profile) = (lesson.minutes, &lesson.profile.name);
    let _ = writeln!(text, "{}\n{minutes} minutes, profile {profile}", lesson.summary);
    let mut protocol = lesson.profile.config.protocol;
    for (number, step) in (1..).zip(&lesson.steps) {
        if let Some(profile) = &step.fresh {
            protocol = profile.config.protocol;
        }
        let _ = writeln!(text, "\n{number}. {}", step.kind.word());
        for said in [step.say.as_str(), step.kind.text()].iter().filter(|said| !said.is_empty()) {
            for row in prose(said, WIDTH - 3) {
                let _ = writeln!(text, "{}", format!("   {row}").trim_end());
            }
        }
        if let Kind::Predict { questions, .. } = &step.kind {
            for question in questions {
                let _ = writeln!(text, "   ? {} ({})", question.words(), question.form(protocol));
            }
        }
    }
    text
}

/// Takes lessons with their own solutions.
fn check(wanted: &[String]) -> Done {
    let all: Vec<String> = names().into_iter().map(str::to_owned).collect();
    let wanted = if wanted.is_empty() { &all } else { wanted };
    let lessons: Result<Vec<Lesson>, Failure> = wanted.iter().map(|name| load(name)).collect();
    let mut text = String::new();
    let mut code = FINE;
    for lesson in lessons? {
        match lesson::prove(&lesson) {
            Ok(score) => {
                let steps = lesson.steps.len();
                let _ = writeln!(text, "{}: fine, {steps} steps, {} points", lesson.name, score.of);
            }
            Err(error) => {
                let _ = writeln!(text, "{error}");
                code = super::failure::FAILED;
            }
        }
    }
    print(&text)?;
    Ok(code)
}

/// Reads what the learner types from a file; at most so much.
pub(super) fn read_answers(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let fail = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(1 << 20).read_to_end(&mut bytes))
        .map_err(|error| fail(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| fail("is no text in UTF-8".to_owned()))
}
