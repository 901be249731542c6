//! `amflab config`: the file with the user's own settings of the console.

use super::failure::{FINE, Failure};
use super::{Done, print};
use crate::tui::config::{self, Config};
use clap::Subcommand;
use etcetera::BaseStrategy;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Names the file, instead of the user's own.
pub(super) const VARIABLE: &str = "AMFLAB_CONFIG";
/// No file, where a file is named.
const NONE: &str = "none";

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Writes the file, with every setting and every key as they are by default
    Init {
        /// Over a file that exists
        #[arg(long)]
        force: bool,
        /// Another file than the one that is read
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Says what is wrong with the file, with its lines
    Check {
        /// Another file than the one that is read
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Prints where the file is, or would be
    Path,
}

/// Where settings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file that was named: it must be there.
    Named(PathBuf),
    /// The user's own: it may be there.
    Own(PathBuf),
    /// No file.
    Nowhere,
}

impl Place {
    /// By an option, else by the variable, else where such files are kept.
    pub(super) fn of(option: Option<&Path>) -> Self {
        let variable = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let named = option.map(Path::to_owned).or_else(|| variable().map(PathBuf::from));
        match named {
            Some(path) if path.as_os_str() == NONE => Self::Nowhere,
            Some(path) => Self::Named(path),
            None => etcetera::choose_base_strategy().map_or(Self::Nowhere, |base| {
                Self::Own(base.config_dir().join("amflab").join("config.toml"))
            }),
        }
    }

    /// The file, whether it is there or not.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Named(path) | Self::Own(path) => Some(path),
            Self::Nowhere => None,
        }
    }

    /// What it says; without a file what holds by default.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        match self {
            Self::Nowhere => Ok(Config::default()),
            Self::Own(path) if !path.exists() => Ok(Config::default()),
            Self::Named(path) | Self::Own(path) => config::read(path).map_err(Failure::usage),
        }
    }
}

/// Writes, checks or names the file.
pub(super) fn config(what: &ConfigCommand) -> Done {
    match what {
        ConfigCommand::Init { force, file } => init(&there(file.as_deref())?, *force),
        ConfigCommand::Check { file } => check(&Place::of(file.as_deref())),
        ConfigCommand::Path => {
            print(&format!("{}\n", there(None)?.display()))?;
            Ok(FINE)
        }
    }
}

fn there(file: Option<&Path>) -> Result<PathBuf, Failure> {
    let place = Place::of(file);
    place.path().map(Path::to_owned).ok_or_else(|| {
        let text = "there is no folder for settings, or they were switched off";
        Failure::hinted(text, format!("name a file, or unset {VARIABLE}"))
    })
}

fn init(path: &Path, force: bool) -> Done {
    let name = path.display();
    if path.exists() && !force {
        return Err(Failure::hinted(format!("{name} exists"), "--force writes over it"));
    }
    let failed = |error: std::io::Error| Failure::usage(format!("{name}: {error}"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).truncate(force).create(force).create_new(!force);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(config::print().as_bytes()).map_err(failed)?;
    print(&format!("wrote {name}\n"))?;
    Ok(FINE)
}

fn check(place: &Place) -> Done {
    let config = place.load()?;
    let text = match place {
        Place::Nowhere => "no file is read: the defaults hold".to_owned(),
        Place::Own(path) if !path.exists() => {
            format!("{} is not there: the defaults hold", path.display())
        }
        Place::Named(path) | Place::Own(path) => {
            let keys = config.keys.len();
            let word = if keys == 1 { "action has" } else { "actions have" };
            format!("{}: fine; theme {}, {keys} {word} other keys", path.display(), config.theme)
        }
    };
    print(&format!("{text}\n"))?;
    Ok(FINE)
}
