//! `amflab inspect --export`: a run for other people's tools.

use super::{InspectArgs, open};
use crate::cli::Done;
use crate::cli::export::tell;
use crate::cli::failure::Failure;
use crate::cli::reading::Reading;
use crate::cli::{complain, output};
use crate::profile::Profile;
use crate::report::Export;
use crate::report::chrome::Chrome;
use crate::report::edn::Edn;
use crate::report::shiviz::ShiViz;
use crate::timeline::Fold;
use crate::trace::recording::Reader;
use crate::trace::step::Step;
use crate::workload::export as trace;
use clap::ValueEnum;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

/// Another tool's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The history of every block as Jepsen writes it, for Knossos and Elle
    Edn,
    /// Every step with its vector clock, for the diagrams of `ShiViz`
    Shiviz,
    /// A track for each machine and an arrow for each packet, for Perfetto and Chrome
    Chrome,
    /// What hosts asked, as an iolog (version 3) for fio
    Iolog,
    /// What hosts asked, as JSON lines that `amflab replay` reads
    Jsonl,
}

/// Writes a recording in another form.
pub(super) fn export(args: &InspectArgs, form: Form) -> Done {
    let output = output::named(args.output.as_deref());
    output::apart(&args.recording, output, "recording")?;
    let (mut reader, profile) = open(&args.recording)?;
    let mut fold = Fold::new(&profile, reader.head());
    let steps_max = args.at.unwrap_or(u64::MAX);
    let out: Box<dyn Write> = match output {
        None => Box::new(io::stdout().lock()),
        Some(path) => Box::new(output::create(path)?),
    };
    let out = BufWriter::with_capacity(1 << 18, out);
    let mut export: Box<dyn Export> = match form {
        Form::Iolog => return requests(args, reader, &profile, trace::Form::Iolog, out),
        Form::Jsonl => return requests(args, reader, &profile, trace::Form::Jsonl, out),
        Form::Edn => Box::new(Edn::new(&profile.config, out)),
        Form::Shiviz => Box::new(ShiViz::new(out)),
        Form::Chrome => Box::new(Chrome::new(out)),
    };
    if export.needs_survey() {
        let (mut first, _) = open(&args.recording)?;
        let mut look = Reading::new(&args.recording);
        while let Some(chunk) = first.next_chunk()? {
            chunk.steps.iter().for_each(|step| export.survey(step));
            if !look.at(chunk.offset + chunk.bytes) {
                return Ok(look.end_told());
            }
        }
        look.end();
    }
    let mut look = Reading::new(&args.recording);
    let mut goes_on = true;
    while goes_on && let Some(chunk) = reader.next_chunk()? {
        for step in &chunk.steps {
            goes_on = fold.position() < steps_max && check(export.step(step, &mut fold))?;
            if !goes_on {
                break;
            }
        }
        goes_on &= look.at(chunk.offset + chunk.bytes);
    }
    check(export.end().map(|()| true))?;
    let code = look.end_told();
    if let Some(note) = reader.tail().note(reader.steps()) {
        complain("note", &format!("{}: {note}", args.recording.display()));
    }
    if let Some(trouble) = fold.trouble() {
        complain("note", &format!("this program does not come to the same: {trouble}"));
    }
    Ok(code)
}

/// Writes what hosts asked as a trace: the steps say it all, nothing is folded.
fn requests(
    args: &InspectArgs,
    mut reader: Reader<BufReader<File>>,
    profile: &Profile,
    form: trace::Form,
    out: impl Write,
) -> Done {
    let per_block = profile.config.sectors_per_block();
    let mut left = args.at.unwrap_or(u64::MAX);
    let mut writer = trace::TraceWriter::new(out, form, trace::Of::Run).map_err(Failure::broken)?;
    let mut look = Reading::new(&args.recording);
    let mut goes_on = true;
    while goes_on && let Some(chunk) = reader.next_chunk()? {
        for step in &chunk.steps {
            goes_on = left > 0;
            left = left.saturating_sub(1);
            if let (true, Step::Host { amf, request }) = (goes_on, &step.entry.step) {
                let written = trace::Written::of(step.entry.now, *amf, &request.kind, per_block);
                goes_on = check(writer.write(&written).map(|()| true))?;
            }
            if !goes_on {
                break;
            }
        }
        goes_on &= look.at(chunk.offset + chunk.bytes);
    }
    let code = look.end_told();
    let (requests, files) = (writer.requests(), writer.files_needed());
    check(writer.finish().map(|_| true))?;
    if let Some(note) = reader.tail().note(reader.steps()) {
        complain("note", &format!("{}: {note}", args.recording.display()));
    }
    let output = output::named(args.output.as_deref());
    tell(output.unwrap_or(Path::new("standard output")), form, requests, &files);
    Ok(code)
}

/// A reader who has seen enough (`| head`) is no error.
fn check(written: io::Result<bool>) -> Result<bool, Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::broken(error)),
        Ok(goes_on) => Ok(goes_on),
    }
}
