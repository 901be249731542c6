//! Two simulated clusters on the same input, which differ in a few keys of their profile.

use crate::check::{Judged, Start};
use crate::profile::{self, Profile};
use crate::session::AnyEngine;
use crate::sim::pair::Pair;
use crate::sim::{Sim, SimOptions};
use std::sync::Arc;
use toml::{Table, Value};

/// Loads the profile once more, with more keys overridden; or what is wrong, in words.
pub(super) type Again = Arc<dyn Fn(&[String]) -> Result<Profile, String> + Send + Sync>;

/// The same for a profile that is only there as it is, with all that it says by default.
pub(super) fn as_it_is(profile: &Profile) -> Again {
    let profile = profile.clone();
    Arc::new(move |sets| {
        let text = profile::to_toml(&profile);
        profile::parse(&profile.name, "the profile", &text, sets).map_err(|error| error.to_string())
    })
}

/// The cluster of `profile`, and beside it the same with `sets` (`KEY=VALUE`) changed. What is wrong, in
/// words.
pub(super) fn two(profile: &Profile, again: &Again, sets: &[String]) -> Result<AnyEngine, String> {
    let text = profile::to_toml(profile);
    let sets: Vec<String> = sets.iter().map(|set| whole(set)).collect();
    let mut other = again(&sets)?;
    other.seed = profile.seed;
    let (a, b) = (&profile.config, &other.config);
    let seen = |of: &Profile| (of.config.amfs, of.config.blocks, of.config.block_size);
    if seen(profile) != seen(&other) || a.users() != b.users() {
        return Err(
            "both get the same requests: their AMFs and their volume must be the same".to_owned()
        );
    }
    // What is asked of them is the first's business.
    (other.workloads, other.faults) = (profile.workloads.clone(), profile.faults.clone());
    other.notes.clone_from(&profile.notes);
    if profile::to_toml(&other) == text {
        return Err(format!("{}: the two would be the same", sets.join(" ")));
    }
    let table: Table = text.parse().map_err(|error| format!("the profile: {error}"))?;
    let name = |of: &dyn Fn(&str, &str) -> String| {
        let said = sets.iter().map(|set| {
            let (key, value) = set.split_once('=').unwrap_or((set, ""));
            let short = key.rsplit('.').next().unwrap_or(key);
            format!("{short}={}", of(key, value))
        });
        said.collect::<Vec<_>>().join(",")
    };
    let names =
        [name(&|key, _| told(&table, key)), name(&|_, value| value.trim_matches('"').to_owned())];
    // The first is the one that can be recorded, looked back at and forked.
    let keep = SimOptions { keep: true, ..SimOptions::default() };
    let first = Sim::new(profile, profile.seed, keep);
    let second = Sim::new(&other, other.seed, SimOptions::default());
    Ok(Box::new(Judged::lit(Pair::new([first, second], names), Start::Zero)))
}

/// `protocol` is as well known as `cluster.protocol`.
fn whole(set: &str) -> String {
    let (key, value) = set.split_once('=').unwrap_or((set, ""));
    match (key.trim(), value.trim()) {
        ("protocol", value) => format!("cluster.protocol={value}"),
        (key, "") => key.to_owned(),
        (key, value) => format!("{key}={value}"),
    }
}

/// The value of a key of a profile, `workload.NAME.KEY` included.
fn told(table: &Table, key: &str) -> String {
    let words: Vec<&str> = key.split('.').collect();
    let value = match words[..] {
        [section, key] => table.get(section).and_then(|section| section.get(key)),
        [list, name, key] => table.get(list).and_then(Value::as_array).and_then(|all| {
            let is_it = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(name);
            all.iter().find(is_it)?.get(key)
        }),
        _ => table.get(key),
    };
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    }
}
