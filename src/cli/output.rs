//! The files that subcommands write: what is wrong with one is said with a way out.

use super::failure::Failure;
use std::fs::File;
use std::io;
use std::path::Path;

/// The file that `-o` names; `None`, as for `-`: standard output.
pub(super) fn named(output: Option<&Path>) -> Option<&Path> {
    output.filter(|path| *path != Path::new("-"))
}

/// Creates a file, or empties it.
pub(super) fn create(path: &Path) -> Result<File, Failure> {
    is_file(path)?;
    File::create(path).map_err(|error| cannot(path, &error))
}

/// Writes a whole file.
pub(super) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    is_file(path)?;
    std::fs::write(path, text).map_err(|error| cannot(path, &error))
}

/// What is made of a file must not take its place: it would be empty before all of it was read.
pub(super) fn apart(from: &Path, to: Option<&Path>, what: &str) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().ok();
    match to {
        Some(to) if whole(to).is_some_and(|to| Some(to) == whole(from)) => {
            let text = format!("{}: is the {what} itself", to.display());
            Err(Failure::hinted(text, "name another file"))
        }
        _ => Ok(()),
    }
}

/// Nobody who says `-` wants a file of that name.
fn is_file(path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") {
        let hint = "this does not go to standard output: name a file (./- if that is its name)";
        return Err(Failure::hinted("-: is no file", hint));
    }
    Ok(())
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
