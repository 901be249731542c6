//! Workloads that are built in: any profile may be loaded with them.
//!
//! A file holds one or more `[[workload]]`; the one that is named like the file is what was asked for,
//! those with it belong to it.

/// Name and text of each.
const LIBRARY: &[(&str, &str)] = &[
    ("ycsb-a", include_str!("../../assets/workloads/ycsb-a.toml")),
    ("ycsb-b", include_str!("../../assets/workloads/ycsb-b.toml")),
    ("ycsb-c", include_str!("../../assets/workloads/ycsb-c.toml")),
    ("ycsb-d", include_str!("../../assets/workloads/ycsb-d.toml")),
    ("ycsb-f", include_str!("../../assets/workloads/ycsb-f.toml")),
    ("ping-pong", include_str!("../../assets/workloads/ping-pong.toml")),
    ("false-sharing", include_str!("../../assets/workloads/false-sharing.toml")),
    ("migratory", include_str!("../../assets/workloads/migratory.toml")),
    ("producer-consumer", include_str!("../../assets/workloads/producer-consumer.toml")),
    ("oltp-like", include_str!("../../assets/workloads/oltp-like.toml")),
    ("backup-stream", include_str!("../../assets/workloads/backup-stream.toml")),
];

/// Names of the built-in workloads.
#[must_use]
pub fn workload_names() -> Vec<&'static str> {
    LIBRARY.iter().map(|(name, _)| *name).collect()
}

/// All that can be started of them: also what belongs to one, like the filling of its blocks beforehand.
#[must_use]
pub fn workload_parts() -> Vec<&'static str> {
    let mut names = workload_names();
    let parts =
        LIBRARY.iter().flat_map(|(name, text)| parts(text).filter(move |part| part != name));
    names.extend(parts);
    names
}

/// The built-in workload that this one is, or belongs to.
pub(super) fn workload_of(part: &str) -> Option<&'static str> {
    let is_it = |(_, text): &&(&str, &'static str)| parts(text).any(|name| name == part);
    LIBRARY.iter().find(is_it).map(|(name, _)| *name)
}

fn parts(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

/// The text of a built-in workload.
#[must_use]
pub fn workload_text(name: &str) -> Option<&'static str> {
    LIBRARY.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
