//! The files that subcommands write: what is wrong with one is said with a way out.

use super::failure::Failure;
use std::fs::File;
use std::io;
use std::path::Path;

/// Creates a file, or empties it.
pub(super) fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| cannot(path, &error))
}

/// Writes a whole file.
pub(super) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| cannot(path, &error))
}

/// A file cannot be written.
pub(super) fn cannot(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{}: {error}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound if !folder.exists() => Failure::hinted(
            text,
            format!("there is no folder {}: create it first", folder.display()),
        ),
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem => {
            Failure::hinted(text, "name a file in a folder that you may write to, as /tmp/..")
        }
        io::ErrorKind::IsADirectory => {
            Failure::hinted(text, format!("name a file in it, as {}/out", path.display()))
        }
        io::ErrorKind::NotADirectory => {
            Failure::hinted(text, format!("{} is a file and no folder", folder.display()))
        }
        io::ErrorKind::StorageFull => Failure::hinted(text, "make room, or name another place"),
        _ => Failure::usage(text),
    }
}
