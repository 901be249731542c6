//! Profiles: TOML in, a validated [`Profile`] out. Parse, don't validate: what exists is sound.
//!
//! - [`model`]: what a profile says; [`mod@schema`]: the table of all keys, which messages, defaults and
//!   documentation come from; [`error`]: what can be wrong, and where.
//! - `kind` reads one `value`, `draft` holds all of them, `build` compares them, `print` goes back.

mod build;
mod draft;
pub mod error;
mod faults;
pub(crate) mod kind;
pub mod library;
pub mod limits;
pub mod model;
mod parse;
mod print;
mod recorded;
pub mod schedule;
pub mod schema;
pub(crate) mod source;
pub(crate) mod value;

pub use error::{Place, Problem, ProfileError};
pub use library::{workload_names, workload_text};
pub use model::{
    Access, Arrivals, Durability, EndSpec, FaultSpec, HostSpec, LinkSpec, Profile, Sharing,
    StoreEngine, StoreSpec, WorkloadSpec,
};
pub use parse::{PROFILE_BYTES_MAX, parse, parse_with};
pub use print::to_toml;
pub use schedule::Schedule;
pub use schema::{KeyInfo, schema};

use crate::trace::grammar::nearest;
use std::path::Path;

/// The built-in profiles: name and text, the demo first.
const BUILTIN: &[(&str, &str)] = &[
    ("demo", include_str!("../../profiles/demo.toml")),
    ("claims", include_str!("../../profiles/claims.toml")),
    ("broadcast", include_str!("../../profiles/broadcast.toml")),
    ("write-through", include_str!("../../profiles/write-through.toml")),
    ("raid5", include_str!("../../profiles/raid5.toml")),
    ("raid6", include_str!("../../profiles/raid6.toml")),
    ("large", include_str!("../../profiles/large.toml")),
    ("wan", include_str!("../../profiles/wan.toml")),
    ("takeover", include_str!("../../profiles/takeover.toml")),
    ("fuzz", include_str!("../../profiles/fuzz.toml")),
];

/// The built-in profiles: name and text, the demo first.
#[must_use]
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    BUILTIN
}

/// Names of the built-in profiles, the demo first.
#[must_use]
pub fn names() -> Vec<&'static str> {
    BUILTIN.iter().map(|(name, _)| *name).collect()
}

/// Loads the profile that `spec` names: a built-in one, or a file if it contains a `/` or ends in
/// `.toml`. `sets` are `key=value` on top of it.
///
/// # Errors
/// The file cannot be read, or everything that is wrong with what it says.
pub fn load(spec: &str, sets: &[String]) -> Result<Profile, ProfileError> {
    load_with(spec, sets, &[])
}

/// The same, with workloads that it may not have itself: built-in ones, or files of `[[workload]]`.
///
/// # Errors
/// Those of [`load`]; a workload that does not exist, or does not fit the profile.
pub fn load_with(
    spec: &str,
    sets: &[String],
    workloads: &[String],
) -> Result<Profile, ProfileError> {
    if is_path(spec) {
        let text = read(spec)?;
        return parse_with(&stem(spec), spec, &text, sets, workloads);
    }
    let Some((name, text)) = BUILTIN.iter().find(|(name, _)| *name == spec) else {
        let hint = match nearest(spec, names()) {
            Some(near) => format!("did you mean `{near}`? A file is named with a `/` or `.toml`"),
            None => "a file is named with a `/` or `.toml`".to_owned(),
        };
        let text = format!("there is no such built-in profile; allowed: {}", names().join(", "));
        return Err(ProfileError::one(Place::File(spec.to_owned()), text, Some(hint)));
    };
    parse_with(name, &format!("built-in {name}"), text, sets, workloads)
}

/// A built-in workload on the cluster of `profile`, which does not have it itself, with those that belong
/// to it; `name` may be one of these.
///
/// # Errors
/// There is none of this name, or it does not fit the cluster.
pub fn workload_for(profile: &Profile, name: &str) -> Result<Vec<WorkloadSpec>, ProfileError> {
    let mut bare = profile.clone();
    // They stand behind the workloads, and say nothing about them.
    bare.faults.clear();
    let name = library::workload_of(name).unwrap_or(name).to_owned();
    let label = format!("built-in workload {name}");
    let with = parse_with(&bare.name, &label, &to_toml(&bare), &[], &[name])?;
    Ok(with.workloads.into_iter().skip(bare.workloads.len()).collect())
}

/// The name of what a file holds.
#[must_use]
pub fn stem(path: &str) -> String {
    Path::new(path).file_stem().map_or(path.into(), |stem| stem.to_string_lossy()).into_owned()
}

/// True if `spec` names a file.
#[must_use]
pub fn is_path(spec: &str) -> bool {
    spec.contains('/') || Path::new(spec).extension().is_some_and(|end| end == "toml")
}

fn read(path: &str) -> Result<String, ProfileError> {
    source::read(path, PROFILE_BYTES_MAX, "a profile")
        .map_err(|problem| ProfileError { problems: vec![problem] })
}
