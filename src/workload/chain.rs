//! Workloads that come one after the other (`after = "NAME"`) or together (`with = "NAME"`): what a start
//! brings with it.

use crate::profile::WorkloadSpec;

/// The workload of this name, behind those that come before it, in order; `None`: there is none.
///
/// A profile lets a workload come only after one that stands before it, so this ends.
#[must_use]
pub fn chain<'a>(specs: &'a [WorkloadSpec], name: &str) -> Option<Vec<&'a WorkloadSpec>> {
    let mut found = Vec::new();
    let mut wanted = Some(name);
    while let Some(name) = wanted {
        let spec = specs.iter().find(|spec| spec.name == *name)?;
        wanted = spec.after.as_deref();
        found.push(spec);
    }
    found.reverse();
    Some(found)
}

/// Those that start whenever the workload of this name does.
pub fn companions<'a>(
    specs: &'a [WorkloadSpec],
    name: &str,
) -> impl Iterator<Item = &'a WorkloadSpec> {
    specs.iter().filter(move |spec| spec.with.as_deref() == Some(name))
}
