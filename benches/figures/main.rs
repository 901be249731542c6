//! The published figures: each calls what the console calls (leases, assertions and counters on) and
//! prints its ratio to a reference that is measured in the same run. Machines are shared and noisy, so
//! only the ratios count; each figure is the median of alternating rounds.
//!
//! `cargo bench` runs all but the long one; `cargo bench -- NAME...` some.

#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
#![expect(clippy::print_stdout, reason = "the figures are what this prints")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers drawn from large ones")]

mod check_linear;
mod draw;
mod durable_writes;
mod idle;
mod key;
mod live_read;
mod live_write;
mod long_run;
mod recorded;
mod recording;
mod seek;
mod sim_rate;
mod sim_replay;
mod sim_round;
mod start;
mod terminal;

use std::hint::black_box;
use std::time::Instant;

/// Rounds of each pair of measurements.
const ROUNDS: usize = 7;

/// A figure: what was measured, against what, and the bar it has to clear.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) bar: &'static str,
    pub(crate) run: fn() -> String,
}

const FIGURES: &[Figure] = &[
    live_read::FIGURE,
    live_write::FIGURE,
    durable_writes::FIGURE,
    sim_round::FIGURE,
    sim_rate::FIGURE,
    sim_replay::FIGURE,
    check_linear::FIGURE,
    recording::FIGURE,
    seek::FIGURE,
    draw::FIGURE,
    key::FIGURE,
    recorded::FIGURE,
    start::FIGURE,
    idle::FIGURE,
];

/// Takes minutes: runs only if it is named.
const LONG: &[Figure] = &[long_run::FIGURE];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    for figure in FIGURES {
        if wanted.is_empty() || is_wanted(figure, &wanted) {
            print(figure);
        }
    }
    LONG.iter().filter(|figure| is_wanted(figure, &wanted)).for_each(print);
}

fn is_wanted(figure: &Figure, wanted: &[String]) -> bool {
    wanted.iter().any(|name| figure.name.contains(name.as_str()))
}

fn print(figure: &Figure) {
    println!("{:<16} {}\n{:<16} bar: {}", figure.name, (figure.run)(), "", figure.bar);
}

/// Nanoseconds that `count` calls of `work` take, for each.
pub(crate) fn each_ns<R>(count: u64, mut work: impl FnMut(u64) -> R) -> f64 {
    let start = Instant::now();
    for i in 0..count {
        black_box(work(i));
    }
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Medians of two measurements that alternate, so that a machine that slows down slows both.
pub(crate) fn paired(
    mut ours: impl FnMut() -> f64,
    mut reference: impl FnMut() -> f64,
) -> (f64, f64) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        a.push(ours());
        b.push(reference());
    }
    (median(a), median(b))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A built-in profile with overrides.
pub(crate) fn profile(name: &str, sets: &[&str]) -> amflab::profile::Profile {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    amflab::profile::load(name, &sets).unwrap_or_else(|error| panic!("{error}"))
}
