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

/// The text of a built-in workload.
#[must_use]
pub fn workload_text(name: &str) -> Option<&'static str> {
    LIBRARY.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
