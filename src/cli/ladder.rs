//! `amflab ladder`: what happened in a recording, as a space-time diagram.

use super::failure::{FINE, Failure};
use super::inspect::open_timeline;
use super::{Done, complain, output, print};
use crate::protocol::Many;
use crate::protocol::id::OpId;
use crate::timeline::ladder::cone::{Reach, follow};
use crate::timeline::ladder::draw::{ASCII, Frame, RICH};
use crate::timeline::ladder::{Column, Level, Row, rows, svg};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Steps that are looked at; `--from` and `--to` choose which.
const STEPS_MAX: u64 = 20_000;
/// Lines are not made wider than this.
const WIDTH_MAX: usize = 400;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// What hosts ask and are told, what arrives or is lost, disk I/O, views, faults
    Messages,
    /// And what leaves, and changes of lines
    States,
    /// And every rule that was applied
    Rules,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab ladder run.amfrec --to 200                    the first 200 steps
  amflab ladder run.amfrec --follow 12                 what was done for operation 12
  amflab ladder run.amfrec --follow 12 --cone          and all that it came from and led to
  amflab ladder run.amfrec --from 900 --to 1000 -o ladder.svg")]
pub(super) struct LadderArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// After this step
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Up to this step (default: as far as 20,000 steps go)
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// How much is shown
    #[arg(long, value_enum, default_value_t = Shown::States)]
    level: Shown,
    /// Only what was done for this host operation
    #[arg(long, value_name = "OP")]
    follow: Option<u64>,
    /// With --follow: its causal past and future
    #[arg(long, requires = "follow")]
    cone: bool,
    /// The columns, in this order: hosts, amf0, witness, disk0 (default: those where something happens)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
    /// Width of the text, in columns (40 to 400)
    #[arg(long, value_name = "N", default_value_t = 120)]
    width: usize,
    /// Seven bits
    #[arg(long)]
    ascii: bool,
    /// Draws an SVG picture into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints it, or draws it.
pub(super) fn ladder(args: &LadderArgs) -> Done {
    if !(40..=WIDTH_MAX).contains(&args.width) {
        return Err(Failure::usage(format!("--width {}: 40 to {WIDTH_MAX}", args.width)));
    }
    output::apart(&args.recording, args.output.as_deref(), "recording")?;
    let mut timeline = open_timeline(&args.recording)?;
    let len = timeline.len();
    let from = args.from;
    let to = args.to.unwrap_or(from.saturating_add(STEPS_MAX).min(len));
    if from > to || to > len {
        let text = format!("steps {from} to {to}: the recording has {}", Many(len, "step"));
        return Err(Failure::usage(format!("{text}\n  hint: --from A --to B, A below B")));
    }
    if to - from > STEPS_MAX {
        let text = format!("{} are too many at once", Many(to - from, "step"));
        return Err(Failure::usage(format!("{text}\n  hint: at most {STEPS_MAX}")));
    }
    let config = &timeline.profile().config;
    let all = Column::all(config.amfs, config.disks_all());
    let wanted = columns(&args.columns, &all)?;
    let events = timeline.look(from, to).map_err(Failure::broken)?;
    let rows = chosen(args, rows(&events))?;
    let columns = wanted.unwrap_or_else(|| used(&rows, &all));
    if let Some(path) = &args.output {
        let title = format!("{}, steps {from} to {to}", args.recording.display());
        output::write(path, svg::svg(&rows, &columns, &title))?;
        complain("note", &format!("{}: {}", path.display(), Many(rows.len() as u64, "row")));
        return Ok(FINE);
    }
    let signs = if args.ascii { ASCII } else { RICH };
    let frame = Frame::fit(&columns, 0, args.width, signs);
    let text = |line: Vec<(_, String)>| -> String {
        let line: String = line.into_iter().map(|(_, text)| text).collect();
        format!("{}\n", line.trim_end())
    };
    let mut out = text(frame.head());
    let mut before = None;
    for row in &rows {
        out.push_str(&text(frame.line(row, before == Some(row.now))));
        before = Some(row.now);
    }
    if frame.hidden.1 > 0 {
        let hidden = Many(frame.hidden.1 as u64, "column");
        complain("note", &format!("{hidden} found no room; hint: --width, or --columns"));
    }
    print(&out)?;
    Ok(FINE)
}

/// The rows that are asked for.
fn chosen(args: &LadderArgs, rows: Vec<Row>) -> Result<Vec<Row>, Failure> {
    let level = match args.level {
        Shown::Messages => Level::Messages,
        Shown::States => Level::States,
        Shown::Rules => Level::Rules,
    };
    let shown = match args.follow {
        None => vec![true; rows.len()],
        Some(op) => {
            if !rows.iter().any(|row| row.op == Some(OpId(op))) {
                let text = format!("nothing was done for operation {op} in these steps");
                return Err(Failure::usage(format!("{text}\n  hint: operations count from 1")));
            }
            follow(&rows, OpId(op), if args.cone { Reach::Cone } else { Reach::Own })
        }
    };
    let shown = rows.into_iter().zip(shown).filter(|(row, shown)| *shown && row.level() <= level);
    Ok(shown.map(|(row, _)| row).collect())
}

fn columns(names: &[String], all: &[Column]) -> Result<Option<Vec<Column>>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    let find = |name: &String| {
        all.iter().find(|column| column.title() == *name).copied().ok_or_else(|| {
            let known: Vec<String> = all.iter().map(|column| column.title()).collect();
            Failure::usage(format!("--columns: no `{name}`\n  hint: {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Those where something happens.
fn used(rows: &[Row], all: &[Column]) -> Vec<Column> {
    all.iter().filter(|column| rows.iter().any(|row| row.touches(**column))).copied().collect()
}
