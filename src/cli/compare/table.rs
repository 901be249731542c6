//! A comparison as aligned columns, as JSON and as CSV.

use super::Compared;
use super::cell::{FIGURES, Figure, Run};
use crate::cli::report::Verdict;
use crate::cli::setup::EngineKind;
use crate::protocol::Many;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// A figure over the runs of a cell.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// Each run's, in the order of seeds; `None`: nothing to measure.
    pub(super) values: Vec<Option<f64>>,
}

impl Spread {
    /// Of the `index`th figure; `None` if no run has it.
    pub(super) fn of(runs: &[Run], index: usize) -> Option<Self> {
        let values: Vec<Option<f64>> = runs.iter().map(|run| run.values[index]).collect();
        let mut known: Vec<f64> = values.iter().copied().flatten().collect();
        known.sort_by(f64::total_cmp);
        let (min, max) = (*known.first()?, *known.last()?);
        let middle = known.len() / 2;
        let median = match known.len() % 2 {
            1 => known[middle],
            _ => f64::midpoint(known[middle - 1], known[middle]),
        };
        Some(Self { median, min, max, values })
    }

    /// The median, and how far a run is from it at most.
    pub(super) fn told(&self, figure: &Figure) -> String {
        let scale = if figure.is_ratio { 100.0 } else { 1.0 };
        let (median, low, high) = (self.median * scale, self.min * scale, self.max * scale);
        let off = (high - median).max(median - low);
        if self.values.len() < 2 {
            short(median)
        } else {
            format!("{} ±{}", short(median), short(off))
        }
    }
}

/// About three digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.995 => format!("{value:.2}"),
        size if size >= 0.0005 => format!("{value:.3}"),
        _ => format!("{value:.0e}"),
    }
}

/// What all cells have in common, in one line.
pub(super) fn about(compared: &Compared) -> String {
    let Compared { profile, engine, workloads, ops, repeat, seed, .. } = compared;
    let live = if *engine == EngineKind::Live { ", live" } else { "" };
    let workloads = match workloads.as_slice() {
        [] => "its workloads".to_owned(),
        names => names.join(", "),
    };
    let made = compared.runs.iter().flatten().map(|run| run.ops);
    let (fewest, most) = (made.clone().min().unwrap_or(*ops), made.max().unwrap_or(*ops));
    let from = if fewest < most { format!("{fewest} to ") } else { String::new() };
    format!(
        "{profile}{live}, {workloads}: {from}{}, {} of each cell from seed {seed}",
        Many(most, "request"),
        Many(*repeat, "run")
    )
}

/// The figures that any cell has, by their numbers, in groups.
pub(super) fn groups(compared: &Compared) -> Vec<(&'static str, Vec<(usize, &'static Figure)>)> {
    let known = |at: usize| compared.runs.iter().any(|runs| Spread::of(runs, at).is_some());
    let mut names: Vec<&str> = FIGURES.iter().map(|figure| figure.group).collect();
    names.dedup();
    let of = |group: &str| {
        let all = FIGURES.iter().enumerate();
        all.filter(|(at, figure)| figure.group == group && known(*at)).collect()
    };
    names.into_iter().map(|group| (group, of(group))).collect()
}

/// What a figure came to in the runs of a cell.
pub(super) fn told(runs: &[Run], (at, figure): &(usize, &Figure)) -> String {
    Spread::of(runs, *at).map_or("-".to_owned(), |spread| spread.told(figure))
}

/// What is to be known of the cells beside their figures.
pub(super) fn remarks(compared: &Compared) -> Vec<String> {
    let mut remarks = Vec::new();
    let inputs: Vec<Vec<u64>> =
        compared.runs.iter().map(|runs| runs.iter().map(|run| run.inputs).collect()).collect();
    let full = inputs.iter().filter(|of| of.len() as u64 == compared.repeat);
    let mut full = full.peekable();
    if let Some(first) = full.peek().copied()
        && full.any(|other| other != first)
    {
        remarks.push(
            "the requests differ between cells: what is varied decides on them, too".to_owned(),
        );
    }
    for (cell, runs) in compared.cells.iter().zip(&compared.runs) {
        let bad = runs.iter().filter(|run| run.verdict != Verdict::Ok);
        remarks.extend(bad.map(|run| {
            format!("{}: seed {}: {}", cell.values.join(", "), run.seed, run.verdict.word())
        }));
    }
    remarks
}

/// Aligned columns, a block for each group of figures.
pub(super) fn text(compared: &Compared) -> String {
    let mut out = about(compared);
    out.push('\n');
    for (group, of) in groups(compared) {
        let _ = write!(out, "\n{group}\n");
        let keys = compared.vary.iter().map(|vary| last(&vary.key).to_owned());
        let head = keys.chain(of.iter().map(|(_, figure)| figure.title.to_owned())).collect();
        let mut rows: Vec<Vec<String>> = vec![head];
        for (cell, runs) in compared.cells.iter().zip(&compared.runs) {
            let figures = of.iter().map(|figure| told(runs, figure));
            rows.push(cell.values.iter().cloned().chain(figures).collect());
        }
        columns(&mut out, &rows, compared.vary.len());
    }
    for remark in remarks(compared) {
        let _ = write!(out, "\nremark: {remark}");
    }
    let _ = writeln!(out, "\n{}", compared.command);
    out
}

/// The last part of a key.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The first `names` columns to the left, the others to the right.
fn columns(out: &mut String, rows: &[Vec<String>], names: usize) {
    let count = rows.first().map_or(0, Vec::len);
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (at, (text, width)) in row.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - text.chars().count());
            let piece = if at < names { format!("{text}{pad}") } else { format!("{pad}{text}") };
            let _ = write!(line, "  {piece}");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// One JSON object.
pub(super) fn json(compared: &Compared) -> String {
    let cells: Vec<Value> = compared
        .cells
        .iter()
        .zip(&compared.runs)
        .map(|(cell, runs)| {
            let set: Map<String, Value> = compared
                .vary
                .iter()
                .zip(&cell.values)
                .map(|(vary, value)| (vary.key.clone(), json!(value)))
                .collect();
            let figures: Map<String, Value> = FIGURES
                .iter()
                .enumerate()
                .map(|(at, figure)| {
                    let spread = Spread::of(runs, at).map(|spread| {
                        let Spread { median, min, max, values } = spread;
                        json!({ "median": median, "min": min, "max": max, "values": values })
                    });
                    (figure.name.to_owned(), json!(spread))
                })
                .collect();
            let runs: Vec<Value> = runs
                .iter()
                .map(|run| {
                    let inputs = format!("{:016x}", run.inputs);
                    let verdict = run.verdict.word();
                    json!({ "seed": run.seed, "ops": run.ops, "verdict": verdict, "inputs": inputs })
                })
                .collect();
            json!({ "set": set, "runs": runs, "figures": figures })
        })
        .collect();
    let vary: Vec<Value> = compared
        .vary
        .iter()
        .map(|vary| json!({ "key": vary.key, "values": vary.values }))
        .collect();
    let whole = json!({
        "command": compared.command,
        "profile": compared.profile,
        "engine": compared.engine.name(),
        "workloads": compared.workloads,
        "ops": compared.ops,
        "repeat": compared.repeat,
        "seed": compared.seed,
        "interrupted": compared.interrupted,
        "vary": vary,
        "cells": cells,
        "remarks": remarks(compared),
    });
    let mut text = serde_json::to_string_pretty(&whole).expect("plain data with text keys");
    text.push('\n');
    text
}

/// One line a cell and figure, with the values of the keys first.
pub(super) fn csv(compared: &Compared) -> String {
    let mut out = String::new();
    let keys: Vec<String> = compared.vary.iter().map(|vary| field(&vary.key)).collect();
    let _ = writeln!(out, "{},figure,runs,median,min,max", keys.join(","));
    for (cell, runs) in compared.cells.iter().zip(&compared.runs) {
        let values: Vec<String> = cell.values.iter().map(|value| field(value)).collect();
        for (at, figure) in FIGURES.iter().enumerate() {
            let Some(Spread { median, min, max, values: of }) = Spread::of(runs, at) else {
                continue;
            };
            let (values, name, count) = (values.join(","), figure.name, of.len());
            let _ = writeln!(out, "{values},{name},{count},{median},{min},{max}");
        }
    }
    out
}

/// A field of CSV, quoted where it must be.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
