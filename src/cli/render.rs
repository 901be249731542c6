//! `amflab report`: a recording as a page, as JSON, as CSV or as a log of latencies; and the page of
//! `run --report`.

use super::failure::{FAILED, FINE, Failure, UNDECIDED};
use super::hdr::interval;
use super::inspect::{open, open_timeline};
use super::reading::Reading;
use super::{Done, complain, output, print};
use crate::protocol::id::Span;
use crate::report::hdr::INTERVAL;
use crate::report::html::{self, About, Ladder};
use crate::report::series;
use crate::report::sums::Survey;
use crate::report::survey::Surveyor;
use crate::timeline::ladder::{Column, Level, Row, rows, svg};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Violations that get a ladder.
const LADDERS_MAX: usize = 5;
/// Steps before and after a violation that a ladder shows.
const AROUND: (u64, u64) = (60, 5);

/// What is said of a report that ctrl-c has ended.
const CUT_SHORT: &str = "interrupted: this is only the beginning of the recording";

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One self-contained page
    Html,
    /// One object with everything
    Json,
    /// One line for each piece of time
    Csv,
    /// Latencies over time, as an `HdrHistogram` interval log
    Hlog,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab run --engine sim --workload storm --ops 20000 --record run.amfrec
  amflab report run.amfrec -o run.html
  amflab report run.amfrec --format csv > run.csv
  amflab report run.amfrec -o run.hlog --hdr-interval 100ms")]
pub(super) struct ReportArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Writes it into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form (default: by the file's name, else html)
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// With `hlog`: a line is about so long a time on the cluster's clock (default: 1s)
    #[arg(long, value_name = "TIME", value_parser = interval)]
    hdr_interval: Option<Span>,
}

/// Writes a report.
pub(super) fn report(args: &ReportArgs) -> Done {
    let output = output::named(args.output.as_deref());
    output::apart(&args.recording, output, "recording")?;
    let by_name = output.and_then(|path| {
        let end = path.extension()?.to_str()?;
        Form::from_str(end, true).ok()
    });
    let form = args.format.or(by_name).unwrap_or(Form::Html);
    let interval = (form == Form::Hlog).then(|| args.hdr_interval.unwrap_or(INTERVAL));
    if let Some(path) = output {
        // Found out before the recording is gone through, and not behind it.
        output::create(path)?;
    }
    let Surveyed { survey, log, is_whole } = survey(&args.recording, interval)?;
    let is_sound = survey.violations_total == 0 && survey.trouble.is_none();
    let verdict = match (is_sound, is_whole) {
        (false, _) => "violation",
        (true, false) => "undecided",
        (true, true) => "ok",
    };
    let file = args.recording.display().to_string();
    let about = About {
        verdict: verdict.to_owned(),
        lines: if is_whole { Vec::new() } else { vec![CUT_SHORT.to_owned()] },
        command: format!("amflab inspect {file} --verify"),
        file,
    };
    let text = match form {
        Form::Html => html::html(&survey, &about, &ladders(&args.recording, &survey)?),
        Form::Json => series::json(&survey),
        Form::Csv => series::csv(&survey),
        Form::Hlog => log,
    };
    match output {
        None => print(&text)?,
        Some(path) => write(path, &text)?,
    }
    Ok(match (is_sound, is_whole) {
        (false, _) => FAILED,
        (true, false) => UNDECIDED,
        (true, true) => FINE,
    })
}

/// The page of a run that has just been recorded.
pub(super) fn page(recording: &Path, about: &About, to: &Path) -> Result<(), Failure> {
    let Surveyed { survey, .. } = survey(recording, None)?;
    write(to, &html::html(&survey, about, &ladders(recording, &survey)?))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    output::write(path, text)?;
    complain("note", &format!("the report is in {}", path.display()));
    Ok(())
}

/// What was seen of a recording.
struct Surveyed {
    survey: Survey,
    /// Latencies over time; empty if they were not asked for.
    log: String,
    /// `false`: ctrl-c came before the end.
    is_whole: bool,
}

/// Goes through a recording; with `interval` there is a log of latencies, too.
fn survey(path: &Path, interval: Option<Span>) -> Result<Surveyed, Failure> {
    let (mut reader, profile) = open(path)?;
    let mut surveyor = Surveyor::new(&profile, reader.head());
    if let Some(interval) = interval {
        let head = reader.head();
        let about = format!("{}, {}, seed {}", head.profile_name, head.engine, head.seed);
        surveyor.log_latencies(interval, about);
    }
    let mut look = Reading::new(path);
    'all: while let Some(chunk) = reader.next_chunk()? {
        for step in &chunk.steps {
            if !surveyor.step(step) {
                break 'all;
            }
        }
        if !look.at(chunk.offset + chunk.bytes) {
            break;
        }
    }
    let is_whole = look.end();
    if !is_whole {
        complain("note", CUT_SHORT);
    }
    if let Some(note) = reader.tail().note(reader.steps()) {
        complain("note", &format!("{}: {note}", path.display()));
    }
    let log = surveyor.end_log();
    let survey = surveyor.end();
    let log = log.map(|log| log.end(survey.end)).transpose().map_err(Failure::broken)?;
    let log = log.map_or_else(String::new, |(text, _)| String::from_utf8_lossy(&text).into_owned());
    Ok(Surveyed { survey, log, is_whole })
}

/// The ladder around each of the first violations.
fn ladders(path: &Path, survey: &Survey) -> Result<Vec<Ladder>, Failure> {
    if survey.violations.is_empty() {
        return Ok(Vec::new());
    }
    let mut timeline = open_timeline(path)?;
    let config = timeline.profile().config.clone();
    let all = Column::all(config.amfs, config.disks_all());
    let mut pictures = Vec::new();
    for found in survey.violations.iter().take(LADDERS_MAX) {
        let from = found.step.saturating_sub(AROUND.0);
        let to = found.step.saturating_add(AROUND.1).min(timeline.len());
        let events = timeline.look(from, to).map_err(Failure::broken)?;
        let rows: Vec<Row> =
            rows(&events).into_iter().filter(|row| row.level() <= Level::States).collect();
        let used = |column: &&Column| rows.iter().any(|row| row.touches(**column));
        let columns: Vec<Column> = all.iter().filter(used).copied().collect();
        let title = format!("{} after step {}: {}", found.checker, found.step, found.text);
        let picture = svg::svg(&rows, &columns, &title);
        pictures.push((title, picture));
    }
    Ok(pictures)
}
