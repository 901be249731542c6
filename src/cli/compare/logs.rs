//! `--hdr` of a comparison: the latencies of every cell over time, as `HdrHistogram` interval logs.
//!
//! A folder has one log a cell, a file has all of them. Every run is a part of its log with tags of its own,
//! so that tools take them apart (`HistogramLogProcessor -tag sharing/1/read`).

use super::Compared;
use super::cell::Run;
use super::grid::Cell;
use crate::cli::failure::Failure;
use crate::cli::{complain, output};
use crate::protocol::Many;
use crate::protocol::id::Instant;
use crate::report::hdr::{HdrLog, INTERVAL};
use std::path::{Path, PathBuf};

/// Where the logs go.
pub(super) enum Logs {
    Folder(PathBuf),
    File(PathBuf),
}

/// What the tags of a run begin with.
pub(super) fn tags(cell: &Cell, seed: u64) -> String {
    format!("{}/{seed}/", cell.values.join("/"))
}

impl Logs {
    /// Makes sure that they can be written. A folder is one that is there, or has a `/` at its end.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_folder {
            std::fs::create_dir_all(path).map_err(|error| output::cannot(path, &error))?;
            return Ok(Self::Folder(path.to_owned()));
        }
        output::create(path)?;
        Ok(Self::File(path.to_owned()))
    }

    /// Writes what was logged.
    pub(super) fn write(&self, compared: &Compared) -> Result<(), Failure> {
        let head = head(&super::table::about(compared))?;
        let logs = compared.cells.iter().zip(&compared.runs);
        match self {
            Self::File(path) => {
                let runs = logs.flat_map(|(_, runs)| runs);
                output::write(path, joined(head, runs))?;
                told(path, compared.cells.len());
            }
            Self::Folder(path) => {
                for (cell, runs) in logs {
                    output::write(&path.join(name(compared, cell)), joined(head.clone(), runs))?;
                }
                told(path, compared.cells.len());
            }
        }
        Ok(())
    }
}

fn joined<'a>(mut log: Vec<u8>, runs: impl IntoIterator<Item = &'a Run>) -> Vec<u8> {
    runs.into_iter().for_each(|run| log.extend_from_slice(&run.log));
    log
}

fn told(path: &Path, cells: usize) {
    complain("note", &format!("{}: latencies of {}", path.display(), Many::of(cells, "cell")));
}

/// What every log begins with.
fn head(about: &str) -> Result<Vec<u8>, Failure> {
    let mut log = HdrLog::new(Vec::new(), INTERVAL);
    log.begin(Instant(0), about, None).map_err(Failure::broken)?;
    log.end(Instant(0)).map(|(head, _)| head).map_err(Failure::broken)
}

/// The log of a cell, after what is varied.
fn name(compared: &Compared, cell: &Cell) -> String {
    let keys = compared.vary.iter().zip(&cell.values);
    let parts: Vec<String> = keys.map(|(vary, value)| format!("{}={value}", vary.key)).collect();
    let fits = |sign: char| if sign == '/' || sign.is_whitespace() { '_' } else { sign };
    format!("{}.hlog", parts.join(",").chars().map(fits).collect::<String>())
}
