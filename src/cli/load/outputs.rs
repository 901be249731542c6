//! What a run writes beside its report: a history, traces, a log of latencies, figures while it goes on.

use super::{Load, Measured};
use crate::check::history::Recorder;
use crate::cli::export::Exports;
use crate::cli::failure::Failure;
use crate::cli::hdr::Hdr;
use crate::cli::metrics::{self, Board};
use crate::cli::output;
use crate::protocol::id::Span;
use crate::report::prometheus::Sample;
use crate::trace::{Ask, Counts};
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

impl Load {
    /// Writes every operation into a file, a line each.
    pub(in crate::cli) fn record_history(&mut self, path: &Path) -> Result<(), Failure> {
        let file = output::create(path)?;
        let per_block = self.profile.config.sectors_per_block();
        self.history = Some(Recorder::new(BufWriter::new(file), per_block, self.start));
        Ok(())
    }

    /// Writes every request that is made from now on into these.
    pub(in crate::cli) fn export(&mut self, exports: Exports) {
        self.exports = Some(exports);
    }

    /// Logs latencies from when the figures begin.
    pub(in crate::cli) fn log_latencies(&mut self, hdr: Option<Hdr>) {
        self.hdr = hdr;
    }

    /// Ends the log of latencies, at this time of the figures; gives one that is a part of another.
    pub(in crate::cli) fn end_hdr(&mut self, measured: &Measured) -> Result<Vec<u8>, Failure> {
        let Some(mut hdr) = self.hdr.take() else { return Ok(Vec::new()) };
        let end = self.begun.as_ref().map(|begun| begun.now + Span(measured.cluster_ns));
        if end.is_none() {
            // The warm-up was all there was.
            hdr.begin(self.engine.now(), &self.profile.name, false);
        }
        hdr.end(end.unwrap_or_else(|| self.engine.now()))
    }

    /// Ends what requests were written into.
    pub(in crate::cli) fn end_exports(&mut self) -> Result<(), Failure> {
        self.exports.take().map_or(Ok(()), Exports::end)
    }

    /// Puts figures there from now on, whenever they are wanted.
    pub(in crate::cli) fn serve(&mut self, board: Arc<Board>) {
        let counts = self.counts_so_far();
        board.put(self.sample(counts));
        self.board = Some(board);
    }

    pub(super) fn put_if_wanted(&mut self) {
        if let Some(board) = self.board.clone().filter(|board| board.is_wanted()) {
            let counts = self.counts_so_far();
            board.put(self.sample(counts));
        }
    }

    /// Puts the figures that are reported: there will be no others. `is_over`: not even of violations.
    pub(in crate::cli) fn put_last(&mut self, counts: &Counts, is_over: bool) {
        if let Some(board) = self.board.clone() {
            let sample = self.sample(counts.clone());
            board.put_still(Sample { is_over, ..sample });
        }
    }

    /// The counters that belong to the figures.
    pub(super) fn counts_so_far(&mut self) -> Counts {
        let now = self.engine.snapshot(&Ask::BRIEF).counts;
        self.begun.as_ref().map_or_else(Counts::default, |begun| now.since(&begun.counts))
    }

    pub(super) fn sample(&mut self, counts: Counts) -> Sample {
        let snapshot = self.engine.snapshot(&Ask::BRIEF);
        let violations = self.violations + snapshot.violations_total;
        let outstanding = self.open.len() as u64;
        let sample = metrics::sample(&self.profile, snapshot, counts, &self.tally, outstanding);
        Sample { violations, ..sample }
    }

    /// Writes what is left of the history.
    pub(in crate::cli) fn end_history(&mut self) -> Result<(), Failure> {
        let Some(history) = self.history.take() else { return Ok(()) };
        let written = history.finish().and_then(|mut out| std::io::Write::flush(&mut out));
        written.map_err(|error| Failure::broken(format!("the history: {error}")))
    }
}
