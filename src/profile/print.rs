//! The effective profile as TOML: every key with its value, its meaning, its range.
//!
//! What is printed parses back to an equal profile.

use super::draft::Draft;
use super::model::{Access, Profile, Sharing, WorkloadSpec};
use super::schema::{self, Key};
use core::fmt::Write;

/// Column at which comments begin, if the value is short enough.
const COMMENT_COLUMN: usize = 34;

/// The effective profile with every default; each key with its meaning, unit and range.
#[must_use]
pub fn to_toml(profile: &Profile) -> String {
    let mut draft = Draft::from(profile);
    let mut out =
        format!("# Effective profile `{}`: every key there is, with its value.\n", profile.name);
    for note in &profile.notes {
        line(&mut out, &format!("# note: {note}"));
    }
    for section in schema::sections() {
        if !section.name.is_empty() {
            line(&mut out, &format!("\n[{}]", section.name));
        }
        keys(&mut out, &section.keys, &mut draft, |_| true);
    }
    let workload_keys = schema::workload();
    for (spec, workload) in profile.workloads.iter().zip(&mut draft.workloads) {
        line(&mut out, "\n[[workload]]");
        keys(&mut out, &workload_keys, workload, |key| belongs(key, spec));
    }
    let fault_keys = schema::fault();
    for fault in &mut draft.faults {
        line(&mut out, "\n[[fault]]");
        let by_kind = fault.kind > 0;
        keys(&mut out, &fault_keys, fault, |key| match key {
            "command" => !by_kind,
            "kind" | "target" => by_kind,
            _ => true,
        });
    }
    out
}

/// Keys of another pattern would be refused: they have no meaning there.
fn belongs(key: &str, spec: &WorkloadSpec) -> bool {
    let access = &spec.access;
    match key {
        "theta" => matches!(access, Access::Zipf { .. } | Access::Latest { .. }),
        "scatter" => matches!(access, Access::Zipf { .. }),
        "hot" | "share" => matches!(access, Access::Hotspot { .. }),
        "stride" => matches!(access, Access::Stride { .. }),
        "zones" => matches!(access, Access::Zoned { .. }),
        "sequence" => matches!(access, Access::Sequence { .. }),
        "read_ratio" | "rmw_ratio" => !spec.sharing.says_who_reads(),
        "sharing_degree" => spec.sharing != Sharing::Private,
        "arrivals" => spec.rate.is_some(),
        "pause_ms" => spec.burst.0 > 0,
        _ => true,
    }
}

fn keys<T>(out: &mut String, keys: &[Key<T>], target: &mut T, wanted: impl Fn(&str) -> bool) {
    for key in keys.iter().filter(|key| wanted(key.name)) {
        let Some(value) = key.kind.show(target) else { continue };
        let left = format!("{} = {value}", key.name);
        let range = if key.name == "defect" {
            "none, or one of `amflab defects list`".to_owned()
        } else {
            key.kind.range()
        };
        line(out, &format!("{left:<COMMENT_COLUMN$}  # {} ({range})", key.doc));
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
