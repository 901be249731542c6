//! A run as one self-contained page: verdict, what was run, plots, blocks, takeovers, violations.

use super::chart::{self, Event, Scale, Series, figure};
use super::page::{page, picture};
use super::sums::{Bucket, Survey, float, ratio, seconds};
use crate::protocol::Many;
use hdrhistogram::Histogram;
use maud::{Markup, html};

/// Blocks that are listed.
const BLOCKS_SHOWN: usize = 20;
/// Violations that are listed.
const VIOLATIONS_SHOWN: usize = 50;

/// What a page says beside what the recording says.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// `ok`, `violation`, `undecided`.
    pub verdict: String,
    /// What to think of it, a line each.
    pub lines: Vec<String>,
    /// The command that makes the run again.
    pub command: String,
    /// Where the recording is.
    pub file: String,
}

/// A ladder around a violation: its title and its picture.
pub type Ladder = (String, String);

/// The page.
#[must_use]
pub fn html(survey: &Survey, about: &About, ladders: &[Ladder]) -> String {
    let title = format!("amflab: {}, seed {}", survey.head.profile_name, survey.head.seed);
    let body = html! {
        (summary(survey, about, &title))
        (what_was_run(survey, about))
        (over_time(survey))
        (latencies(survey))
        (messages(survey))
        (blocks(survey))
        (faults(survey))
        (violations(survey, ladders))
        section {
            h2 { "Profile" }
            pre { (survey.head.profile) }
        }
    };
    page(&title, &body)
}

fn summary(survey: &Survey, about: &About, title: &str) -> Markup {
    let class = if about.verdict == "ok" { "ok" } else { "bad" };
    let hits = survey.hit_ratio().map_or("-".to_owned(), |ratio| format!("{:.2} %", ratio * 100.0));
    let per_op = ratio(survey.counts.sent_all(), survey.ops);
    let seconds = seconds(survey.end.since(survey.begin).0);
    html! {
        h1 { (title) }
        p { "Verdict: " span class=(class) { (about.verdict) } }
        @for line in &about.lines { p class="dim" { (line) } }
        div class="wide" { table {
            tr { th { "requests" } th { "errors" } th { "retried" } th { "hit ratio" } th { "messages/request" }
                 th { "broadcasts" } th { "saved" } th { "takeovers" } th { "violations" } th { "time" } }
            tr {
                td { (survey.ops) }
                td { (survey.errors) }
                td { (survey.retried) }
                td { (hits) }
                td { (per_op.map_or("-".to_owned(), figure)) }
                td { (survey.counts.broadcasts) }
                td { (survey.counts.broadcasts_saved) }
                td { (survey.counts.takeovers) }
                td { (survey.violations_total) }
                td { (figure(seconds)) " s" }
            }
        } }
    }
}

fn what_was_run(survey: &Survey, about: &About) -> Markup {
    let head = &survey.head;
    html! {
        section {
            h2 { "What was run" }
            table {
                tr { th { "profile" } td { (head.profile_name) } }
                tr { th { "seed" } td { (head.seed) } }
                tr { th { "engine" } td { (head.engine) } }
                tr { th { "version" } td { "amflab " (head.code) } }
                tr { th { "steps" } td { (survey.steps) } }
                @if !about.file.is_empty() { tr { th { "recording" } td { (about.file) } } }
            }
            @if !about.command.is_empty() { pre { (about.command) } }
            @if let Some(trouble) = &survey.trouble {
                p class="bad" { "This program does not come to what was recorded: " (trouble) }
            }
        }
    }
}

fn over_time(survey: &Survey) -> Markup {
    let events: Vec<Event> = survey
        .marks
        .iter()
        .map(|mark| Event { at_s: mark.at_s, text: mark.text.clone(), is_fault: mark.is_fault })
        .collect();
    let wide = seconds(survey.width);
    let span = wide * as_float(survey.buckets.len());
    let series = |name: &str, of: &dyn Fn(&Bucket) -> Option<f64>| Series {
        name: name.to_owned(),
        values: survey.buckets.iter().map(of).collect(),
    };
    let rate = |count: u64| Some(float(count) / wide);
    let us = |nanos: u64| float(nanos) / 1e3;
    let quantile = |at: f64| {
        move |bucket: &Bucket| {
            (!bucket.latency.is_empty()).then(|| us(bucket.latency.value_at_quantile(at)))
        }
    };
    let throughput = [
        series("requests", &|bucket| rate(bucket.ops)),
        series("messages", &|bucket| rate(bucket.messages)),
        series("errors", &|bucket| rate(bucket.errors)),
        series("packets lost", &|bucket| rate(bucket.lost)),
    ];
    let latency = [series("p50", &quantile(0.5)), series("p99", &quantile(0.99))];
    let hits = [series("hits", &|bucket| ratio(bucket.hits, bucket.touches).map(|r| r * 100.0))];
    html! {
        section {
            h2 { "Over time" }
            @if survey.buckets.is_empty() { p { "Nothing happened." } }
            @else {
                figure { figcaption { "A second: requests, messages between AMFs, errors" }
                    (chart::lines("throughput over time", ("/s", Scale::Linear), &throughput, span, &events)) }
                figure { figcaption { "Latency of requests, on a logarithmic axis" }
                    (chart::lines("latency over time", (" us", Scale::Log), &latency, span, &events)) }
                figure { figcaption { "Hit ratio" }
                    (chart::lines("hit ratio over time", (" %", Scale::Linear), &hits, span, &events)) }
                p class="dim" { "f and a solid line: a fault; a dotted line: a new view." }
            }
        }
    }
}

fn latencies(survey: &Survey) -> Markup {
    let all = [("read", &survey.read_ns), ("write", &survey.write_ns)];
    html! {
        section {
            h2 { "Latency" }
            table {
                tr { th {} @for name in ["count", "p50", "p90", "p99", "p99.9", "max"] { th class="n" { (name) } } }
                @for (name, hist) in all {
                    tr { th { (name) ", us" } td class="n" { (hist.len()) }
                        @for at in [0.5, 0.9, 0.99, 0.999, 1.0] {
                            td class="n" {
                                @if hist.is_empty() { "-" } @else {
                                    (figure(float(hist.value_at_quantile(at)) / 1e3))
                                }
                            }
                        }
                    }
                }
            }
            @for (name, hist) in all.into_iter().filter(|(_, hist)| !hist.is_empty()) {
                figure {
                    figcaption { "How many " (name) "s took so long" }
                    (chart::bars(&format!("{name} latency histogram"), "", &histogram(hist)))
                }
            }
        }
    }
}

/// Counts between 0.1, 0.2, 0.5, 1, .. microseconds. What the histogram cannot tell apart from a bound
/// counts where its middle lies, so that everything is in just one bar.
fn histogram(hist: &Histogram<u64>) -> Vec<(String, f64)> {
    let powers = (2..19).map(|power| 10u64.pow(power));
    let bounds: Vec<u64> = powers.flat_map(|power| [1, 2, 5].map(|step| step * power)).collect();
    let mut counts = vec![0; bounds.len()];
    for value in hist.iter_recorded() {
        let middle = hist.median_equivalent(value.value_iterated_to());
        let at = bounds.partition_point(|bound| *bound <= middle).min(bounds.len() - 1);
        counts[at] += value.count_since_last_iteration();
    }
    let first = counts.iter().position(|count| *count > 0).unwrap_or(0);
    let last = counts.iter().rposition(|count| *count > 0).map_or(0, |at| at + 1);
    let bars = bounds.iter().zip(counts).take(last).skip(first);
    bars.map(|(bound, count)| (format!("below {} us", figure(float(*bound) / 1e3)), float(count)))
        .collect()
}

fn messages(survey: &Survey) -> Markup {
    let mix: Vec<(String, f64)> = survey
        .messages()
        .into_iter()
        .map(|(name, count)| (name.to_owned(), float(count)))
        .collect();
    let counts = &survey.counts;
    html! {
        section {
            h2 { "Messages between AMFs" }
            @if mix.is_empty() { p { "None." } }
            @else { figure { (chart::bars("message mix", "", &mix)) } }
            p { (Many(counts.retransmissions, "retransmission")) ", "
                (Many(counts.peer_transfers, "peer transfer")) ", "
                (Many(counts.disk_reads, "disk read")) ", "
                (Many(counts.disk_writes, "disk write")) ", "
                (Many(counts.destages, "destage")) ", "
                (Many(counts.evictions, "eviction")) }
        }
    }
}

fn blocks(survey: &Survey) -> Markup {
    let used =
        survey.buckets.iter().map(|b| b.heat.iter().rposition(|n| *n > 0).map_or(0, |at| at + 1));
    let rows = used.max().unwrap_or(0);
    let names: Vec<String> =
        (0..rows as u64).map(|row| format!("b{}", row * survey.row_blocks)).collect();
    let columns: Vec<Vec<u32>> = survey.buckets.iter().map(|b| b.heat[..rows].to_vec()).collect();
    let span = seconds(survey.width) * as_float(survey.buckets.len());
    let contended = survey.contended(BLOCKS_SHOWN);
    html! {
        section {
            h2 { "Blocks" }
            @if rows > 0 {
                figure {
                    figcaption { (Many(survey.blocks_touched(), "block")) " touched; a row is "
                        (Many(survey.row_blocks, "block")) ", dark is often" }
                    (chart::heat("touches by block and time", &names, &columns, span))
                }
            }
            @if contended.is_empty() { p { "No block went from one AMF to another." } }
            @else {
                p { "The blocks that AMFs took from each other most often. A move is a write by another AMF \
                     than the one before." }
                div class="wide" { table {
                    tr { th { "block" } th class="n" { "touches" } th class="n" { "peer transfers" }
                         th class="n" { "moves" } th { "newest writers" } }
                    @for (block, figures) in contended {
                        tr {
                            td { "b" (block) }
                            td class="n" { (figures.touches) }
                            td class="n" { (figures.transfers) }
                            td class="n" { (figures.moves) }
                            td { @for (at, amf) in figures.chain.iter().enumerate() {
                                @if at > 0 { " → " } (amf)
                            } }
                        }
                    }
                } }
            }
        }
    }
}

fn faults(survey: &Survey) -> Markup {
    html! {
        section {
            h2 { "Faults and takeovers" }
            @if survey.marks.is_empty() { p { "Nothing was broken." } }
            @else {
                table {
                    tr { th class="n" { "s" } th class="n" { "step" } th { "what" } }
                    @for mark in &survey.marks {
                        tr {
                            td class="n" { (format!("{:.3}", mark.at_s)) }
                            td class="n" { (mark.step) }
                            td { @if mark.is_fault { "fault: " } (mark.text) }
                        }
                    }
                }
            }
            @if !survey.takeovers.is_empty() {
                table {
                    tr { th { "lost" } th class="n" { "at s" } th class="n" { "blocks adopted" }
                         th class="n" { "recovery ms" } }
                    @for takeover in &survey.takeovers {
                        tr { td { (takeover.fault) } td class="n" { (format!("{:.3}", takeover.at_s)) }
                             td class="n" { (takeover.blocks) } td class="n" { (figure(takeover.ms)) } }
                    }
                }
            }
        }
    }
}

fn violations(survey: &Survey, ladders: &[Ladder]) -> Markup {
    html! {
        section {
            h2 { "Violations" }
            @if survey.violations_total == 0 { p { "None." } }
            @else {
                p { (survey.violations_total) " in all." }
                @for found in survey.violations.iter().take(VIOLATIONS_SHOWN) {
                    p { span class="bad" { (found.checker) } " after step " (found.step) ": " (found.text) }
                }
            }
            @for (title, svg) in ladders {
                figure { figcaption { (title) } div class="wide" { (picture(svg, title)) } }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most some hundred")]
fn as_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of a simulated cluster are round numbers: right on the bounds.
    #[test]
    fn every_value_is_in_one_bar_of_the_histogram() {
        let mut hist = Histogram::new(3).unwrap();
        for us in [0, 100, 200, 240, 500, 999, 1_000, 3_000_000] {
            hist.record_n(us * 1_000, 7).unwrap();
        }
        let bars = histogram(&hist);
        let filled: Vec<(&str, f64)> = bars
            .iter()
            .filter(|(_, count)| *count > 0.0)
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(
            filled,
            [
                ("below 0.1 us", 7.0),
                ("below 200 us", 7.0),
                ("below 500 us", 14.0),
                ("below 1000 us", 14.0),
                ("below 2000 us", 7.0),
                ("below 5M us", 7.0),
            ]
        );
    }
}
