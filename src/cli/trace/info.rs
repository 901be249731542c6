//! `amflab trace info`: what a trace is like.

use super::text;
use crate::cli::failure::{FINE, UNDECIDED};
use crate::cli::progress::Progress;
use crate::cli::replay::{ReadArgs, file_bytes, open_trace, trace_failure};
use crate::cli::{Done, complain, interrupt, print};
use crate::protocol::id::SECTOR_BYTES;
use crate::workload::formats::{Packing, TraceCounts};
use crate::workload::insight::{BLOCK_BYTES, BLOCKS_MAX, Facts, Insight, Question};
use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Requests between two looks at the bar and at ctrl-c.
const LOOK_EVERY: u64 = 1_024;
/// Largest block.
const BLOCK_SIZE_MAX: u64 = 1 << 20;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab trace info web_0.csv.gz
  amflab trace info vm.vscsi --lines 64,1024 --json
  amflab trace info sda.blkparse --amfs 16 --until 1h")]
pub(in crate::cli) struct InfoArgs {
    /// The trace
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    #[command(flatten)]
    read: ReadArgs,
    /// AMFs that share the blocks
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    amfs: u8,
    /// Seed of the random mapping
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Size of a block
    #[arg(long, value_name = "SIZE", default_value = "4KiB", value_parser = block_size)]
    block_size: u64,
    /// Cache sizes in lines that must be in the table
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    lines: Vec<u64>,
    /// Blocks that are kept, some 200 bytes each; with more, only a part of them is counted
    #[arg(long, value_name = "N", default_value_t = BLOCKS_MAX as u64,
          value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    blocks_max: u64,
    /// Reports one JSON object
    #[arg(long)]
    json: bool,
}

/// Everything that is reported. Field names are the JSON's.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Info {
    pub(super) file: String,
    pub(super) format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) packing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<&'static str>,
    pub(super) requests: u64,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) trims: u64,
    pub(super) flushes: u64,
    pub(super) bad: u64,
    pub(super) ignored: u64,
    pub(super) unaligned: u64,
    pub(super) split: u64,
    pub(super) backwards: u64,
    pub(super) outside: u64,
    /// Ctrl-c: this is only the beginning.
    pub(super) interrupted: bool,
    #[serde(flatten)]
    pub(super) facts: Facts,
}

/// Reads a trace once, and reports.
pub(super) fn info(args: &InfoArgs) -> Done {
    let sectors = u32::try_from(args.block_size / u64::from(SECTOR_BYTES)).unwrap_or(1);
    let mut reader = open_trace(&args.trace, args.read.options(sectors))?;
    if let Some(note) = reader.note() {
        complain("note", note);
    }
    let mut insight = Insight::new(Question {
        sectors_per_block: sectors,
        amfs: usize::from(args.amfs),
        seed: args.seed,
        blocks_max: usize::try_from(args.blocks_max).unwrap_or(BLOCKS_MAX),
        lines: args.lines.clone(),
    });
    let interrupt = interrupt::watch();
    let mut progress = Progress::of_bytes(file_bytes(&args.trace));
    let (mut looked, mut interrupted) = (0u64, false);
    while let Some(request) = reader.next() {
        insight.on_request(&request.map_err(|error| trace_failure(&error))?);
        looked += 1;
        if looked.is_multiple_of(LOOK_EVERY) {
            progress.at(reader.bytes_read());
            interrupted = interrupt.load(Ordering::Relaxed);
            if interrupted {
                break;
            }
        }
    }
    progress.end();
    for bad in reader.bad() {
        complain("skipped", bad.to_string().lines().next().unwrap_or_default());
    }
    let TraceCounts {
        good: _,
        bad,
        ignored,
        reads,
        writes,
        trims,
        flushes,
        unaligned,
        split,
        backwards,
        outside,
        ..
    } = reader.counts();
    let info = Info {
        file: args.trace.display().to_string(),
        format: reader.format(),
        packing: reader.packing().map(Packing::name),
        note: reader.note(),
        requests: reader.counts().requests(),
        reads,
        writes,
        trims,
        flushes,
        bad,
        ignored,
        unaligned,
        split,
        backwards,
        outside,
        interrupted,
        facts: insight.facts(),
    };
    if info.facts.sampled_one_in > 1 {
        let one_in = info.facts.sampled_one_in;
        let all = ByteSize(info.facts.blocks * BLOCK_BYTES).display().iec();
        let text = format!("1 block in {one_in} was counted; --blocks-max would need some {all}");
        complain("note", &text);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&info).expect("plain data with text keys");
        print(&format!("{json}\n"))?;
    } else {
        print(&text::told(&info, &args.lines))?;
    }
    if interrupted {
        complain("note", "interrupted: this is only the beginning of the trace");
    }
    Ok(if interrupted { UNDECIDED } else { FINE })
}

fn block_size(text: &str) -> Result<u64, String> {
    let bytes = text.parse::<ByteSize>().map_err(|_| format!("`{text}` is no size (4KiB)"))?.0;
    let fits =
        bytes.is_multiple_of(u64::from(SECTOR_BYTES)) && (1..=BLOCK_SIZE_MAX).contains(&bytes);
    if fits { Ok(bytes) } else { Err("allowed are multiples of 512 up to 1MiB".to_owned()) }
}
