//! What hosts asked of a cluster, written as a trace: for fio, or as our own JSON lines.

use super::failure::Failure;
use super::{complain, output};
use crate::protocol::id::{AmfId, Instant};
use crate::protocol::{Many, RequestKind};
use crate::workload::export::{Form, Of, TraceWriter, Written};
use clap::Args;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Files that fio needs, and that are told one by one.
const FILES_SHOWN: usize = 16;

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
    /// The files that are wanted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.export_iolog, &self.export_jsonl].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Creates the files; blocks have so many sectors.
    pub(super) fn open(&self, per_block: u32) -> Result<Exports, Failure> {
        let wanted = [(&self.export_iolog, Form::Iolog), (&self.export_jsonl, Form::Jsonl)];
        let mut open = Vec::new();
        for (path, form) in wanted {
            let Some(path) = path else { continue };
            let out = BufWriter::new(output::create(path)?);
            let writer = TraceWriter::new(out, form, Of::Run)
                .map_err(|error| output::cannot(path, &error))?;
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
            let (requests, files) = (writer.requests(), writer.files_needed());
            let written = trouble.map_or_else(|| writer.finish().map(drop), Err);
            written.map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
            tell(&path, form, requests, &files);
        }
        Ok(())
    }
}

/// What a trace that was written holds, and the files that fio needs for it, each with its bytes.
pub(super) fn tell(path: &Path, form: Form, requests: u64, files: &[(String, u64)]) {
    let fio = match form {
        Form::Iolog => fio_needs(path, files),
        Form::Jsonl => String::new(),
    };
    complain("note", &format!("{}: {}{fio}", path.display(), Many(requests, "request")));
}

fn fio_needs(path: &Path, files: &[(String, u64)]) -> String {
    if let [(name, bytes)] = files {
        return format!("; fio needs `{name}` with {bytes} bytes: `truncate -s {bytes} {name}`");
    }
    let shown = files.iter().take(FILES_SHOWN);
    let shown: Vec<String> =
        shown.map(|(name, bytes)| format!("truncate -s {bytes} {name}")).collect();
    let more = match files.len().saturating_sub(FILES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more (`grep -w add {}`)", path.display()),
    };
    match files.len() {
        0 => String::new(),
        count => format!("; fio needs {count} files: `{}`{more}", shown.join("; ")),
    }
}
