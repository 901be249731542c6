//! `amflab trace convert`: a trace in another format.

use crate::cli::export::tell;
use crate::cli::failure::{FINE, Failure, UNDECIDED};
use crate::cli::progress::Progress;
use crate::cli::replay::{ReadArgs, file_bytes, open_trace, trace_failure};
use crate::cli::{Done, complain, interrupt, output};
use crate::workload::export::{Form, Of, TraceWriter, Written};
use clap::{Args, ValueEnum};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Requests between two looks at the bar and at ctrl-c.
const LOOK_EVERY: u64 = 1_024;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// An iolog (version 3) for fio; each device is a file
    Fio,
    /// JSON lines: exact times, and who asked
    Jsonl,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab trace convert web_0.csv.gz --to fio -o web.iolog --limit 100000
  amflab trace convert sda.blkparse --to jsonl | head")]
pub(in crate::cli) struct ConvertArgs {
    /// The trace
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    /// The format that is written
    #[arg(long, value_enum)]
    to: To,
    /// The file that is written (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

/// Writes a trace in another format.
pub(super) fn convert(args: &ConvertArgs) -> Done {
    let output = output::named(args.output.as_deref());
    output::apart(&args.trace, output, "trace")?;
    let interrupted = interrupt::watch();
    let mut reader = open_trace(&args.trace, args.read.options(8))?;
    if let Some(note) = reader.note() {
        complain("note", note);
    }
    let form = match args.to {
        To::Fio => Form::Iolog,
        To::Jsonl => Form::Jsonl,
    };
    let cannot = |error: io::Error| {
        let name = output.unwrap_or(Path::new("standard output"));
        Failure::broken(format!("{}: {error}", name.display()))
    };
    let out: Box<dyn Write> = match output {
        None => Box::new(io::stdout().lock()),
        Some(path) => Box::new(output::create(path)?),
    };
    let mut writer = TraceWriter::new(BufWriter::new(out), form, Of::Trace).map_err(cannot)?;
    let mut progress = Progress::of_bytes(file_bytes(&args.trace));
    let mut code = FINE;
    while let Some(request) = reader.next() {
        let request = request.map_err(|error| trace_failure(&error))?;
        let written = Written {
            at: request.at,
            host: request.host,
            device: request.device,
            op: request.op,
            first: request.first,
            sectors: u64::from(request.sectors),
        };
        if !goes_on(writer.write(&written)).map_err(cannot)? {
            return Ok(FINE);
        }
        if writer.requests().is_multiple_of(LOOK_EVERY) {
            progress.at(reader.bytes_read());
            if interrupted.load(Ordering::Relaxed) {
                code = UNDECIDED;
                complain("note", "interrupted: this is only the beginning of the trace");
                break;
            }
        }
    }
    progress.end();
    let (requests, files) = (writer.requests(), writer.files_needed());
    let counts = reader.counts();
    if counts.bad > 0 {
        complain("note", &format!("{} bad lines were skipped", counts.bad));
    }
    if goes_on(writer.finish().map(drop)).map_err(cannot)?
        && let Some(path) = output
    {
        tell(path, form, requests, &files);
    }
    Ok(code)
}

/// A reader who has seen enough (`| head`) is no error.
fn goes_on(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
        Ok(()) => Ok(true),
    }
}
