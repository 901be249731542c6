//! Recordings as files.

use super::RecordingError;
use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::path::Path;

/// Whether a recording can be written there, as far as one can say before.
///
/// # Errors
/// The file has content, or is no regular file; in words, with the path.
pub fn check_new(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => Err(format!("{}: is a folder", path.display())),
        Ok(about) if about.is_file() && about.len() > 0 => {
            let text = format!("{}: exists and is not empty", path.display());
            Err(format!("{text}\n  hint: name another file, or remove this one"))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Makes the file of a new recording. What is there is not overwritten, unless it is empty.
///
/// # Errors
/// The file has content, or cannot be written; in words, with the path.
pub fn create(path: &Path) -> Result<File, String> {
    check_new(path)?;
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options.open(path).map_err(failed)
}

/// Opens a recording.
///
/// # Errors
/// It is no regular file, or cannot be opened.
pub fn open(path: &Path) -> Result<BufReader<File>, RecordingError> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        let hint = "a recording is read at many places: write it to a file first";
        return Err(RecordingError::Unusable("this is not a regular file".to_owned(), hint));
    }
    Ok(BufReader::with_capacity(256 << 10, file))
}
