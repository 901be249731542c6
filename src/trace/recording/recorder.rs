//! What engines write their recording with: every step from the first on goes into a file, or is kept
//! in memory so that a recording can begin later and still be whole, or both.
//!
//! A world is only known by all its steps, so a recording cannot begin in the middle. What is kept is
//! [bounded](Bounds); past the bound it is forgotten, and `record FILE` says so. A recording that cannot go on
//! ends with its reason, in the file if that can be written, and in [`RecordingInfo`]; it never has a
//! gap.

use super::kept::{Bounds, Kept, Whole};
use super::{Encoder, Head, Recorded, file};
use std::io::{self, Write};
use std::path::Path;

/// Encoded steps that are kept in memory for a recording that begins later: some two million of them.
pub const KEPT_BYTES_MAX: usize = 32 << 20;

/// How a recording stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordingInfo {
    /// Its file.
    pub file: String,
    /// It goes on.
    pub on: bool,
    /// Steps in it so far.
    pub steps: u64,
    /// Bytes written so far.
    pub bytes: u64,
    /// Why it ended although the run went on.
    pub trouble: Option<String>,
}

/// See the module.
pub struct Recorder {
    head: Head,
    encoder: Encoder,
    kept: Option<Kept>,
    /// Why nothing is kept, or not any more.
    unkept: String,
    out: Option<Box<dyn Write + Send>>,
    info: Option<RecordingInfo>,
    /// Steps came that neither went anywhere nor were kept.
    gap: bool,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Records nothing yet, and keeps so much for a recording that begins later.
    #[must_use]
    pub fn new(head: Head, (amfs, disks): (u8, u8), bounds: Bounds) -> Self {
        Self {
            head,
            encoder: Encoder::new(amfs, disks),
            kept: (bounds != Bounds::NONE).then(|| Kept::new(bounds)),
            unkept: "the steps of this run are not kept".to_owned(),
            out: None,
            info: None,
            gap: false,
            buffer: Vec::new(),
        }
    }

    /// Steps have to be given to it: they are recorded, or kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.out.is_some() || self.kept.is_some()
    }

    /// A file is being written.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.out.is_some()
    }

    /// How the recording stands; `None` before the first.
    #[must_use]
    pub fn info(&self) -> Option<&RecordingInfo> {
        self.info.as_ref()
    }

    /// Records into a new file: all that was kept, and what comes.
    ///
    /// # Errors
    /// In words: it records already, the beginning of the run is not there any more, the file cannot be
    /// made or has content.
    pub fn start(&mut self, path: &Path) -> Result<(), String> {
        if let Some(info) = self.info.as_ref().filter(|_| self.out.is_some()) {
            let text = format!("this run is being recorded into {}", info.file);
            return Err(format!("{text}; hint: record off"));
        }
        if self.gap || (self.kept.is_none() && self.encoder.steps() > 0) {
            return Err(format!(
                "a recording holds a run from its first step, and {}; hint: start with --record FILE",
                self.unkept
            ));
        }
        let out = file::create(path)?;
        self.start_into(Box::new(out), path.display().to_string())
    }

    /// The same into something that is no file.
    ///
    /// # Errors
    /// The beginning cannot be written.
    pub fn start_into(
        &mut self,
        mut out: Box<dyn Write + Send>,
        name: String,
    ) -> Result<(), String> {
        self.flush();
        let begin = Encoder::head(&self.head);
        let mut begin = match &self.kept {
            Some(kept) => kept.whole(begin, &[]),
            None => Whole::from(begin),
        };
        io::copy(&mut begin, &mut out).map_err(|error| format!("{name}: {error}"))?;
        let (steps, bytes) = (self.encoder.steps(), begin.len());
        self.info = Some(RecordingInfo { file: name, on: true, steps, bytes, trouble: None });
        self.out = Some(out);
        Ok(())
    }

    /// The run so far, as a whole recording of its own; what comes is recorded, or kept, on.
    ///
    /// # Errors
    /// In words: the beginning of the run is not kept, or not any more.
    pub fn so_far(&mut self) -> Result<Whole, String> {
        self.flush();
        let kept = self.kept.as_ref().filter(|_| !self.gap).ok_or_else(|| self.unkept.clone())?;
        let mut end = Vec::new();
        self.encoder.end("the run goes on", false, &mut end);
        Ok(kept.whole(Encoder::head(&self.head), &end))
    }

    /// A step happened that it did not get: no recording can be whole any more.
    pub fn miss(&mut self) {
        self.gap = true;
    }

    /// Takes the next step.
    pub fn push(&mut self, recorded: &Recorded) {
        if !self.is_on() {
            return self.miss();
        }
        if self.encoder.push(recorded) {
            self.flush();
        }
    }

    /// Hands everything so far to the file.
    pub fn flush(&mut self) {
        self.buffer.clear();
        let mut buffer = core::mem::take(&mut self.buffer);
        self.encoder.seal(&mut buffer);
        self.put(&buffer);
        self.buffer = buffer;
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(kept) = &mut self.kept
            && let Err(why) = kept.push(bytes)
        {
            (self.kept, self.unkept) = (None, why);
        }
        let (Some(out), Some(info)) = (&mut self.out, &mut self.info) else { return };
        match out.write_all(bytes) {
            Ok(()) => {
                info.bytes += bytes.len() as u64;
                info.steps = self.encoder.steps();
            }
            Err(error) => {
                info.on = false;
                info.trouble = Some(format!("{}: {error}: the recording ends here", info.file));
                self.out = None;
            }
        }
    }

    /// Ends the recording in order; what is kept is kept on.
    ///
    /// # Errors
    /// There is none, or its end could not be written; in words.
    pub fn stop(&mut self, why: &str) -> Result<(), String> {
        self.finish(why, false)
    }

    /// Ends the recording because it cannot go on, and forgets what was kept.
    pub fn cut_short(&mut self, why: &str) {
        let was_on = self.out.is_some();
        let _ = self.finish(why, true);
        if let Some(info) = self.info.as_mut().filter(|_| was_on) {
            info.trouble.get_or_insert_with(|| format!("{}: recording ended: {why}", info.file));
        }
        (self.kept, self.unkept) = (None, format!("its steps could not be kept: {why}"));
        self.gap = true;
    }

    fn finish(&mut self, why: &str, cut_short: bool) -> Result<(), String> {
        self.flush();
        let Some(mut out) = self.out.take() else {
            let trouble = self.info.as_ref().and_then(|info| info.trouble.clone());
            return Err(trouble.unwrap_or_else(|| "nothing is being recorded".to_owned()));
        };
        let mut end = Vec::new();
        self.encoder.end(why, cut_short, &mut end);
        let written = out.write_all(&end).and_then(|()| out.flush());
        let Some(info) = &mut self.info else { return Ok(()) };
        info.bytes += end.len() as u64;
        info.on = false;
        written.map_err(|error| {
            let text = format!("{}: {error}: its last part is missing", info.file);
            info.trouble = Some(text.clone());
            text
        })
    }
}
