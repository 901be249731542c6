//! Layouts as files: one a layout, in a folder of the user's settings.

use super::super::model::Level;
use super::super::model::arrangement::LAYOUT_BYTES_MAX;
use super::super::update::{Effect, Msg};
use crate::profile::source;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Saves, reads or lists; what came of it.
pub(super) fn perform(folder: Option<&Path>, effect: Effect) -> Msg {
    let Some(folder) = folder else {
        let text = "there is no folder for layouts: settings are switched off".to_owned();
        return Msg::Say(Level::Bad, text);
    };
    match effect {
        Effect::SaveLayout(name, text, replace) => save(folder, &name, &text, replace),
        Effect::LoadLayout(name) => {
            let path = folder.join(format!("{name}.toml"));
            let text = source::read(&path.display().to_string(), LAYOUT_BYTES_MAX, "a layout");
            Msg::Layout(name, text.map_err(|problem| problem.to_string()))
        }
        _ => list(folder),
    }
}

fn save(folder: &Path, name: &str, text: &str, replace: bool) -> Msg {
    let path = folder.join(format!("{name}.toml"));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).truncate(replace).create(replace).create_new(!replace);
        options.open(&path)?.write_all(text.as_bytes())
    };
    match write() {
        Ok(()) => Msg::Say(Level::Info, format!("saved; `:layout {name}` takes it again")),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = format!("layout {name} exists; `:layout save! {name}` replaces it");
            Msg::Say(Level::Bad, text)
        }
        Err(error) => Msg::Say(Level::Bad, format!("{}: {error}", path.display())),
    }
}

fn list(folder: &Path) -> Msg {
    let stem = |entry: fs::DirEntry| {
        let path = entry.path();
        let is_layout = path.extension().is_some_and(|end| end == "toml");
        is_layout.then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
    };
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.ok()?)).collect();
    names.sort();
    names.insert(0, super::LAYOUT_DEFAULT.to_owned());
    Msg::Say(Level::Info, format!("layouts: {}", names.join(", ")))
}
