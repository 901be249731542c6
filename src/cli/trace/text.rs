//! What `amflab trace info` tells people: a few aligned lines, and plots in plain characters.
//!
//! ```text
//! reuse       exact; LRU hit ratio by cache size in lines
//!         64  ########                                  20.1 %
//!        128  ###############                           37.5 %
//! ```

use super::info::Info;
use crate::protocol::Many;
use crate::workload::insight::{Facts, Rate, Sharing};
use crate::workload::reuse::Hits;
use bytesize::ByteSize;
use std::fmt::Write;

/// Width of a full bar.
const BAR: usize = 40;
/// Rows of the plot over time.
const ROWS: u64 = 8;
/// Cache sizes that are shown, the largest ones, unless others are asked for.
const SIZES_SHOWN: usize = 16;

/// The whole; the hit ratios of caches with these `lines` are among those shown.
pub(super) fn told(info: &Info, lines: &[u64]) -> String {
    let facts = &info.facts;
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<12}{text}");
    };
    let packing = info.packing.map_or_else(String::new, |packing| format!(", {packing}"));
    line("trace", &format!("{} ({}{packing})", info.file, info.format));
    let Info { requests, reads, writes, trims, flushes, .. } = *info;
    let part = ratio(reads, requests);
    let (requests, reads, writes) =
        (Many(requests, "request"), Many(reads, "read"), Many(writes, "write"));
    let trims = Many(trims, "trim");
    line("mix", &format!("{requests}: {reads} ({part}), {writes}, {trims}, {flushes} to flush"));
    let Info { bad, ignored, unaligned, split, backwards, outside, .. } = *info;
    line(
        "",
        &format!(
            "{bad} bad lines skipped, {ignored} asked for nothing, {outside} outside of the times"
        ),
    );
    line("", &format!("{unaligned} widened to sectors, {split} split, {backwards} out of order"));
    line(
        "data",
        &format!("{} read, {} written", size(facts.bytes_read), size(facts.bytes_written)),
    );
    let span = match (facts.span_s, facts.requests_per_s) {
        (Some(span), Some(rate)) => format!("{span:.3} s, {rate:.1} requests a second"),
        (Some(span), None) => format!("{span:.3} s"),
        (None, _) => "the format has no times".to_owned(),
    };
    line("span", &span);
    let (devices, hosts) = (Many(facts.devices as u64, "device"), Many(facts.hosts as u64, "host"));
    let sequential = ratio(facts.sequential, info.requests);
    line("places", &format!("{devices}, {hosts}, {sequential} begin where the last one ended"));
    let all = size(facts.blocks * facts.block_size);
    let (read, written) = (facts.blocks_read, facts.blocks_written);
    let about = if facts.sampled_one_in > 1 { "some " } else { "" };
    line(
        "working set",
        &format!(
            "{about}{} blocks of {} ({all}): {read} read, {written} written",
            facts.blocks,
            size(facts.block_size)
        ),
    );
    let first = ratio(facts.first_touches, facts.touches);
    line(
        "touches",
        &format!("{} of single blocks, {first} the first of their block", facts.touches),
    );
    out + &sizes(facts) + &curve(facts, lines) + &sharing(facts) + &over_time(facts)
}

fn sizes(facts: &Facts) -> String {
    let mut out = String::from("\nsizes       requests of at most so many bytes\n");
    let all: u64 = facts.sizes.iter().map(|size| size.reads + size.writes).sum();
    for one in &facts.sizes {
        let (part, bar) = (ratio(one.reads + one.writes, all), bar(one.reads + one.writes, all));
        let (reads, writes) = (Many(one.reads, "read"), Many(one.writes, "write"));
        let name = size(one.bytes_max);
        let _ = writeln!(out, "{name:>11} {bar:<BAR$} {part:>8}  {reads}, {writes}");
    }
    out
}

fn curve(facts: &Facts, lines: &[u64]) -> String {
    let how = match facts.sampled_one_in {
        1 => "exact".to_owned(),
        one_in => format!("sampled, 1 block in {one_in}"),
    };
    let mut out = format!("\nreuse       {how}; LRU hit ratio by cache size in lines\n");
    let small = facts.lru.len().saturating_sub(SIZES_SHOWN);
    let shown = |(at, hits): &(usize, &Hits)| *at >= small || lines.contains(&hits.lines);
    for (_, hits) in facts.lru.iter().enumerate().filter(shown) {
        let (part, bar) = (ratio(hits.hits, facts.touches), bar(hits.hits, facts.touches));
        let _ = writeln!(out, "{:>11} {bar:<BAR$} {part:>8}", hits.lines);
    }
    out
}

fn sharing(facts: &Facts) -> String {
    let mut out = format!("\nsharing     blocks by how many of {} AMFs touch them\n", facts.amfs);
    let _ = writeln!(out, "{:>11} {:>18} {:>18} {:>18}", "", "1", "2", "3 and more");
    for Sharing { map, one, two, more } in &facts.sharing {
        let cell = |count: u64| format!("{count} ({})", ratio(count, one + two + more));
        let (one, two, more) = (cell(*one), cell(*two), cell(*more));
        let _ = writeln!(out, "{map:>11} {one:>18} {two:>18} {more:>18}");
    }
    out
}

/// A number in three digits that count, or more before the point.
fn digits(number: f64) -> String {
    let before = number.log10().floor();
    let behind = (2.0 - before).clamp(0.0, 9.0);
    let behind = (0..=9).find(|n| f64::from(*n) >= behind).unwrap_or(9);
    format!("{number:.0$}", usize::try_from(behind).unwrap_or(9))
}

/// A column for each span of time: `#` reads, `+` the others on top.
fn over_time(facts: &Facts) -> String {
    let Some(Rate { span_s, reads, others }) = &facts.rate else { return String::new() };
    let most = reads.iter().zip(others).map(|(one, other)| one + other).max().unwrap_or(0).max(1);
    let mut out = format!(
        "\nrate        requests in each {} s, at most {most}; # reads, + others\n",
        digits(*span_s)
    );
    for row in (0..ROWS).rev() {
        let sign = |(reads, others): (&u64, &u64)| match most * row / ROWS {
            floor if *reads > floor => '#',
            floor if reads + others > floor => '+',
            _ => ' ',
        };
        let text: String = reads.iter().zip(others).map(sign).collect();
        let _ = writeln!(out, "            |{}", text.trim_end());
    }
    let _ = writeln!(out, "            +{}", "-".repeat(reads.len()));
    out
}

fn bar(part: u64, whole: u64) -> String {
    let length = u128::from(part) * BAR as u128 / u128::from(whole.max(1));
    "#".repeat(usize::try_from(length).unwrap_or(BAR).min(BAR))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.2} %", part as f64 * 100.0 / whole as f64) }
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}
