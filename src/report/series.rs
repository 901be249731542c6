//! What a page shows, as JSON and as CSV, for other programs.

use super::sums::{Bucket, Survey, float, seconds};
use core::fmt::Write;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Blocks that are listed.
const BLOCKS_MAX: usize = 1_000;

/// One JSON object with everything.
#[must_use]
pub fn json(survey: &Survey) -> String {
    let head = &survey.head;
    let series: Vec<Value> =
        survey.buckets.iter().enumerate().map(|(at, b)| point(survey, at, b)).collect();
    let blocks: Vec<Value> = survey
        .contended(BLOCKS_MAX)
        .into_iter()
        .map(|(block, figures)| {
            let chain: Vec<String> = figures.chain.iter().map(ToString::to_string).collect();
            json!({
                "block": block, "touches": figures.touches, "transfers": figures.transfers,
                "moves": figures.moves, "newest_writers": chain,
            })
        })
        .collect();
    let messages: serde_json::Map<String, Value> = survey
        .messages()
        .into_iter()
        .map(|(name, count)| (name.to_owned(), json!(count)))
        .collect();
    let whole = json!({
        "profile": head.profile_name, "seed": head.seed, "engine": head.engine, "version": head.code,
        "steps": survey.steps, "time_s": seconds(survey.end.since(survey.begin).0),
        "ops": survey.ops, "errors": survey.errors, "retried": survey.retried,
        "touches": survey.touches, "hits": survey.hits, "hit_ratio": survey.hit_ratio(),
        "counts": survey.counts, "messages": messages,
        "latency_us": { "read": quantiles(&survey.read_ns), "write": quantiles(&survey.write_ns) },
        "series": series, "marks": survey.marks, "takeovers": survey.takeovers, "blocks": blocks,
        "violations": survey.violations_total, "findings": survey.violations, "trouble": survey.trouble,
    });
    let mut text = serde_json::to_string_pretty(&whole).expect("plain data with text keys");
    text.push('\n');
    text
}

fn quantiles(hist: &Histogram<u64>) -> Value {
    let at = |at: f64| (!hist.is_empty()).then(|| float(hist.value_at_quantile(at)) / 1e3);
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0) })
}

fn point(survey: &Survey, at: usize, bucket: &Bucket) -> Value {
    let us = |at: f64| {
        (!bucket.latency.is_empty()).then(|| float(bucket.latency.value_at_quantile(at)) / 1e3)
    };
    json!({
        "at_s": seconds(survey.width.saturating_mul(at as u64)),
        "ops": bucket.ops, "errors": bucket.errors, "touches": bucket.touches, "hits": bucket.hits,
        "messages": bucket.messages, "lost": bucket.lost, "p50_us": us(0.5), "p99_us": us(0.99),
    })
}

/// One line for each piece of time.
#[must_use]
pub fn csv(survey: &Survey) -> String {
    let mut out = String::from("at_s,ops,errors,touches,hits,messages,lost,p50_us,p99_us\n");
    for (at, bucket) in survey.buckets.iter().enumerate() {
        let at_s = seconds(survey.width.saturating_mul(at as u64));
        let us = |at: f64| {
            let value = || float(bucket.latency.value_at_quantile(at)) / 1e3;
            if bucket.latency.is_empty() { String::new() } else { value().to_string() }
        };
        let Bucket { ops, errors, touches, hits, messages, lost, .. } = bucket;
        let (p50, p99) = (us(0.5), us(0.99));
        let _ =
            writeln!(out, "{at_s},{ops},{errors},{touches},{hits},{messages},{lost},{p50},{p99}");
    }
    out
}
