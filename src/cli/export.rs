//! What hosts asked of a cluster, written as a trace: for fio, or as our own JSON lines.

use super::complain;
use super::failure::Failure;
use crate::protocol::id::{AmfId, Instant};
use crate::protocol::{Many, RequestKind};
use crate::workload::export::{Form, Of, TraceWriter, Written};
use clap::Args;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, Args)]
pub(super) struct ExportArgs {
    /// Writes what was asked as an iolog (version 3) for fio
    #[arg(long, value_name = "FILE")]
    export_iolog: Option<PathBuf>,
    /// Writes what was asked as JSON lines, with the AMF of each request
    #[arg(long, value_name = "FILE")]
    export_jsonl: Option<PathBuf>,
}

impl ExportArgs {
    /// Creates the files; blocks have so many sectors.
    pub(super) fn open(&self, per_block: u32) -> Result<Exports, Failure> {
        let wanted = [(&self.export_iolog, Form::Iolog), (&self.export_jsonl, Form::Jsonl)];
        let mut open = Vec::new();
        for (path, form) in wanted {
            let Some(path) = path else { continue };
            let cannot = |error| Failure::usage(format!("{}: {error}", path.display()));
            let out = BufWriter::new(File::create(path).map_err(cannot)?);
            let writer = TraceWriter::new(out, form, Of::Run).map_err(cannot)?;
            open.push(Export { path: path.clone(), form, writer, trouble: None });
        }
        Ok(Exports { open, per_block })
    }
}

struct Export {
    path: PathBuf,
    form: Form,
    writer: TraceWriter<BufWriter<File>>,
    /// Why nothing more is written.
    trouble: Option<io::Error>,
}

/// The files that a run is exported to.
pub(super) struct Exports {
    open: Vec<Export>,
    per_block: u32,
}

impl Exports {
    /// A host asked.
    pub(super) fn on_request(&mut self, amf: AmfId, kind: &RequestKind, now: Instant) {
        for export in &mut self.open {
            let written = Written::of(now, amf, kind, self.per_block);
            if export.trouble.is_none() {
                export.trouble = export.writer.write(&written).err();
            }
        }
    }

    /// Ends the files, and says what is in them.
    pub(super) fn end(self) -> Result<(), Failure> {
        for Export { path, form, writer, trouble } in self.open {
            let (requests, bytes) = (writer.requests(), writer.bytes_needed());
            let written = trouble.map_or_else(|| writer.finish().map(drop), Err);
            written.map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
            tell(&path, form, requests, "volume", bytes);
        }
        Ok(())
    }
}

/// What a trace that was written holds, and what fio needs for it.
pub(super) fn tell(path: &Path, form: Form, requests: u64, name: &str, bytes: u64) {
    let requests = Many(requests, "request");
    let fio = match form {
        Form::Iolog => {
            format!("; fio needs `{name}` with {bytes} bytes: `truncate -s {bytes} {name}`")
        }
        Form::Jsonl => String::new(),
    };
    complain("note", &format!("{}: {requests}{fio}", path.display()));
}
