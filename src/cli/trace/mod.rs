//! `amflab trace`: what a block trace holds, and the same trace in another format.

mod convert;
mod info;
mod text;

use super::Done;
use clap::Subcommand;

/// Shown below the subcommands.
const FORMATS: &str = "\
Formats (--format; auto recognises all of them, packed with gzip, xz or zstd or not):
  fio       iolog version 2 and 3            alibaba   Alibaba block traces, CSV
  disksim   DiskSim and MQSim, ASCII         tencent   Tencent CBS, CSV
  msr       MSR Cambridge, CSV               systor    SYSTOR '17, CSV
  spc       Financial and WebSearch          oracle    oracleGeneral of libCacheSim (reads only)
  vscsi     records of version 1 and 2       jsonl     our own JSON lines
  blkparse  the text of blkparse             docs/TRACES.md has an example of each";

#[derive(Clone, Debug, Subcommand)]
#[command(after_help = FORMATS)]
pub(super) enum TraceCommand {
    /// What a trace is like: mix, sizes, times, working set, reuse, sharing
    Info(info::InfoArgs),
    /// Writes a trace as an iolog for fio or as JSON lines
    Convert(convert::ConvertArgs),
}

/// Does one of them.
pub(super) fn trace(command: &TraceCommand) -> Done {
    match command {
        TraceCommand::Info(args) => info::info(args),
        TraceCommand::Convert(args) => convert::convert(args),
    }
}
