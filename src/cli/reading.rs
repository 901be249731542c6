//! A file that is gone through: a bar in bytes, and an end by ctrl-c with what is known by then.

use super::failure::{FINE, UNDECIDED};
use super::progress::Progress;
use super::replay::file_bytes;
use super::{complain, interrupt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the module.
pub(super) struct Reading {
    progress: Progress,
    interrupted: Arc<AtomicBool>,
    is_cut_short: bool,
}

impl Reading {
    /// Goes through this file from its begin.
    pub(super) fn new(path: &Path) -> Self {
        let progress = Progress::of_bytes(file_bytes(path));
        Self { progress, interrupted: interrupt::watch(), is_cut_short: false }
    }

    /// So many bytes of the file are done; `false` if that is to be all.
    pub(super) fn at(&mut self, bytes: u64) -> bool {
        self.progress.at(bytes);
        self.is_cut_short = self.interrupted.load(Ordering::Relaxed);
        !self.is_cut_short
    }

    /// Takes the bar off the screen; `false` if ctrl-c came before the end.
    pub(super) fn end(&mut self) -> bool {
        self.progress.end();
        !self.is_cut_short
    }

    /// The same, and says so; the exit code.
    pub(super) fn end_told(mut self) -> u8 {
        if self.end() {
            return FINE;
        }
        complain("note", "interrupted: this is only the beginning of the recording");
        UNDECIDED
    }
}
