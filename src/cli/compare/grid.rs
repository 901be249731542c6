//! What is varied, and the cells that come of it: each a profile and the workloads that run on it.

use crate::cli::failure::Failure;
use crate::cli::run::named;
use crate::profile::{self, Profile, WorkloadSpec};

/// Most values of one key.
const VALUES_MAX: usize = 100;
/// Most cells.
const CELLS_MAX: usize = 1_000;
/// The key that varies the workload.
const WORKLOAD: &str = "workload";

/// A key and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vary {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Vary {
    /// As the command line says it.
    pub(super) fn said(&self) -> String {
        format!("{}={}", self.key, self.values.join(","))
    }
}

/// A combination of values.
pub(super) struct Cell {
    /// The value of each key that is varied, in their order.
    pub(super) values: Vec<String>,
    pub(super) profile: Profile,
    /// What runs on it.
    pub(super) specs: Vec<WorkloadSpec>,
}

/// `KEY=A,B`; commas inside brackets and quotes are part of a value.
pub(super) fn vary(text: &str) -> Result<Vary, String> {
    let Some((key, list)) = text.split_once('=') else {
        return Err("write it as KEY=A,B,..".to_owned());
    };
    let (mut values, mut depth, mut quoted) = (vec![String::new()], 0i32, false);
    for sign in list.chars() {
        match sign {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(value) = values.last_mut() {
            value.push(sign);
        }
    }
    let values: Vec<String> = values.iter().map(|value| value.trim().to_owned()).collect();
    if values.iter().any(String::is_empty) || values.len() > VALUES_MAX {
        return Err(format!("1 to {VALUES_MAX} values are needed, none of them empty"));
    }
    let twice = values.iter().enumerate().find(|(i, value)| values[..*i].contains(value));
    if let Some((_, value)) = twice {
        return Err(format!("`{value}` is there twice"));
    }
    let key = match key.trim() {
        "protocol" => "cluster.protocol",
        key => key,
    };
    Ok(Vary { key: key.to_owned(), values })
}

/// Every combination, the last key the quickest.
pub(super) fn cells(
    base: &str,
    sets: &[String],
    vary: &[Vary],
    workloads: &[String],
) -> Result<Vec<Cell>, Failure> {
    for (i, one) in vary.iter().enumerate() {
        if vary[..i].iter().any(|other| other.key == one.key) {
            return Err(Failure::usage(format!("--vary {}: the key is varied twice", one.key)));
        }
    }
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for one in vary {
        all = all
            .iter()
            .flat_map(|cell| {
                one.values
                    .iter()
                    .map(move |value| [cell.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
        if all.len() > CELLS_MAX {
            return Err(Failure::hinted(format!("more than {CELLS_MAX} cells"), "vary less"));
        }
    }
    all.into_iter().map(|values| cell(base, sets, vary, workloads, values)).collect()
}

fn cell(
    base: &str,
    sets: &[String],
    vary: &[Vary],
    workloads: &[String],
    values: Vec<String>,
) -> Result<Cell, Failure> {
    let (mut sets, mut names) = (sets.to_vec(), workloads.to_vec());
    for (one, value) in vary.iter().zip(&values) {
        if one.key == WORKLOAD {
            names.push(value.clone());
        } else {
            sets.push(format!("{}={value}", one.key));
        }
    }
    let profile = profile::load_with(base, &sets, &names)?;
    let specs = if names.is_empty() {
        profile.workloads.iter().filter(|spec| spec.autostart).cloned().collect()
    } else {
        named(&profile, &names)
    };
    let mut specs: Vec<WorkloadSpec> = specs;
    specs.extend(profile.workloads.first().filter(|_| specs.is_empty()).cloned());
    if specs.is_empty() {
        let text = format!("the profile `{base}` has no workload");
        let hint = "name a built-in one with --workload (`amflab workloads list`)";
        return Err(Failure::hinted(text, hint));
    }
    Ok(Cell { values, profile, specs })
}

/// A word of a command line, quoted if a shell would take it apart.
pub(in crate::cli) fn quoted(word: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./=,:+%".contains(sign);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
