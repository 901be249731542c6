//! What `amflab trace info` finds: reuse against a plain LRU list, sharing and sizes against sums.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use super::cli::{amflab, json, refused};
use super::lru::Lru;
use super::traces::fixture;
use amflab::workload::formats::{TraceOptions, TraceReader};
use amflab::workload::insight::{Facts, Insight, Question, Sharing};
use amflab::workload::mapping::AmfMap;
use amflab::workload::reuse::Reuse;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

fn question(blocks_max: usize) -> Question {
    let lines = vec![7, 100];
    Question { sectors_per_block: 8, amfs: 4, seed: 3, blocks_max, lines }
}

fn facts(text: &str, blocks_max: usize) -> Facts {
    let mut insight = Insight::new(question(blocks_max));
    for request in TraceReader::new("t", text.as_bytes(), TraceOptions::default()).unwrap() {
        insight.on_request(&request.unwrap());
    }
    insight.facts()
}

/// Keys that come again, some of them often.
fn keys(count: u64, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut draw = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..count).map(|_| if draw(4) == 0 { draw(20_000) } else { draw(400) }).collect()
}

#[test]
fn hits_of_every_cache_size_are_those_of_a_list() {
    let keys = keys(30_000, 5);
    let mut reuse = Reuse::<()>::new(usize::MAX, &[7, 100]);
    for key in &keys {
        assert!(reuse.touch((1, *key)).is_some());
    }
    let curve = reuse.curve();
    assert!(curve.iter().any(|hits| hits.lines == 7) && curve.iter().any(|hits| hits.lines == 100));
    for hits in curve {
        let mut lru = Lru::new(usize::try_from(hits.lines).unwrap());
        let counted = keys.iter().filter(|key| lru.touch(**key)).count() as u64;
        assert_eq!(hits.hits, counted, "{} lines", hits.lines);
    }
    let distinct: BTreeSet<u64> = keys.iter().copied().collect();
    assert_eq!((reuse.cold(), reuse.touches()), (distinct.len() as u64, 30_000));
}

#[test]
fn with_too_many_blocks_a_part_of_them_stands_for_all() {
    let keys = keys(200_000, 9);
    let mut exact = Reuse::<()>::new(usize::MAX, &[]);
    let mut sampled = Reuse::<()>::new(1_000, &[]);
    for key in &keys {
        exact.touch((0, *key));
        sampled.touch((0, *key));
    }
    assert!(sampled.one_in() > 1 && sampled.blocks().count() <= 1_000);
    let sampled = sampled.curve();
    let exact = exact.curve();
    for (one, other) in exact.iter().zip(&sampled).filter(|(one, _)| one.lines >= 64) {
        assert_eq!(one.lines, other.lines);
        let apart = (one.hit_ratio - other.hit_ratio).abs();
        assert!(apart < 0.08, "{} lines: {} and {}", one.lines, one.hit_ratio, other.hit_ratio);
    }
}

proptest! {
    #[test]
    fn any_touches_have_the_distances_of_a_list(
        keys in prop::collection::vec(0u64..40, 1..400),
        lines in 1usize..50,
    ) {
        let mut reuse = Reuse::<()>::new(usize::MAX, &[lines as u64]);
        let mut lru = Lru::new(lines);
        for key in &keys {
            reuse.touch((0, *key));
            lru.touch(*key);
        }
        let curve = reuse.curve();
        // The curve ends with the first size that holds everything.
        let at = curve.iter().find(|hits| hits.lines >= lines as u64).or(curve.last()).unwrap();
        prop_assert_eq!(at.hits, lru.hits);
    }
}

/// DiskSim lines: device, first sector, sectors, and whether it is a read.
fn lines(requests: &[(u32, u64, u64, bool)]) -> String {
    let mut text = String::new();
    for (number, (device, first, sectors, is_read)) in requests.iter().enumerate() {
        writeln!(text, "{number} {device} {first} {sectors} {}", u8::from(*is_read)).unwrap();
    }
    text
}

#[test]
fn sums_of_a_small_trace() {
    // Blocks 0 and 1; 1 again; 2 of another device; a flush has no place here.
    let text = lines(&[(0, 0, 16, true), (0, 8, 8, false), (0, 16, 1, false), (1, 16, 3, true)]);
    let facts = facts(&text, 1_000);
    assert_eq!((facts.devices, facts.hosts, facts.sequential), (2, 0, 1));
    assert_eq!((facts.bytes_read, facts.bytes_written), (19 * 512, 9 * 512));
    assert_eq!((facts.touches, facts.first_touches, facts.sampled_one_in), (5, 4, 1));
    assert_eq!((facts.blocks, facts.blocks_read, facts.blocks_written), (4, 3, 2));
    let sizes: Vec<_> =
        facts.sizes.iter().map(|size| (size.bytes_max, size.reads, size.writes)).collect();
    assert_eq!(sizes, [(512, 0, 1), (2_048, 1, 0), (4_096, 0, 1), (8_192, 1, 0)]);
    assert_eq!(facts.span_s, Some(0.003));
    let rate = facts.rate.unwrap();
    assert_eq!((rate.reads.iter().sum::<u64>(), rate.others.iter().sum::<u64>()), (2, 2));
    assert!(rate.reads.len() <= 64);
}

#[test]
fn sharing_is_what_each_mapping_comes_to() {
    let requests: Vec<_> = keys(900, 4)
        .into_iter()
        .map(|key| ((key % 3) as u32, key / 4 * 8, 8, key % 2 == 0))
        .collect();
    let found = facts(&lines(&requests), 10_000).sharing;
    assert_eq!(found.len(), AmfMap::ALL.len() - 1, "no hosts, so nothing is said of them");
    let by = |choose: &dyn Fn(usize, u32) -> usize| {
        let mut users: BTreeMap<(u32, u64), BTreeSet<usize>> = BTreeMap::new();
        for (number, (device, first, ..)) in requests.iter().enumerate() {
            users.entry((*device, *first)).or_default().insert(choose(number, *device));
        }
        let with = |is: &dyn Fn(usize) -> bool| {
            users.values().filter(|users| is(users.len())).count() as u64
        };
        [with(&|n| n == 1), with(&|n| n == 2), with(&|n| n > 2)]
    };
    let of = |map: AmfMap| {
        let Sharing { one, two, more, .. } =
            *found.iter().find(|sharing| sharing.map == map.name()).unwrap();
        [one, two, more]
    };
    assert_eq!(of(AmfMap::RoundRobin), by(&|number, _| number % 4));
    assert_eq!(of(AmfMap::Device), by(&|_, device| device as usize % 4));
    let [alone, two, more] = of(AmfMap::Hash);
    assert_eq!((two, more), (0, 0), "a block always to the same AMF");
    assert!(of(AmfMap::RoundRobin)[2] > 0 && alone > 0);
    assert_eq!(of(AmfMap::Random).iter().sum::<u64>(), alone);
}

#[test]
fn the_curve_is_what_a_replay_with_one_amf_comes_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made.disksim");
    let requests: Vec<_> = keys(1_500, 6)
        .into_iter()
        .map(|key| ((key % 2) as u32, key * 3, 1 + key % 30, key % 3 > 0))
        .collect();
    std::fs::write(&path, lines(&requests)).unwrap();
    let name = path.to_str().unwrap();
    let info = json(&["trace", "info", name, "--lines", "77,1000000", "--json"], 0);
    let args = ["--set", "cluster.amfs=1", "--set", "cache.lines=77", "--json"];
    let report = json(&[&["replay", name][..], &args].concat(), 0);
    let curve = info["lru"].as_array().unwrap();
    let at = curve.iter().find(|hits| hits["lines"] == 77).unwrap();
    assert_eq!(at["hits"], report["hits"]);
    // Larger than the working set: asked for, so it is there.
    let last = curve.last().unwrap();
    assert_eq!(last["lines"], 1_000_000);
    let (all, first) = (info["touches"].as_u64().unwrap(), info["blocks"].as_u64().unwrap());
    assert_eq!(last["hits"], all - first);
    assert_eq!(curve[curve.len() - 2]["hits"], last["hits"]);
    assert_eq!(info["touches"], report["touches"]);
    assert_eq!((&info["reads"], &info["writes"]), (&report["reads"], &report["writes"]));
}

#[test]
fn every_small_trace_is_told_of_and_converted() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(".")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        let info = json(&["trace", "info", name, "--json"], 0);
        assert!(info["requests"].as_u64() > Some(0), "{info:#}");
        let ran = amflab(&["trace", "info", name]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for word in ["mix", "working set", "sizes", "LRU hit ratio", "round-robin"] {
            assert!(ran.out.contains(word), "{name}: {}", ran.out);
        }
        assert!(ran.out.is_ascii() && ran.out.lines().all(|line| line.len() < 120), "{}", ran.out);
        for (to, format) in [("jsonl", "jsonl"), ("fio", "fio")] {
            let out = dir.path().join("out");
            let out = out.to_str().unwrap();
            let ran = amflab(&["trace", "convert", name, "--to", to, "-o", out]);
            assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
            let again = json(&["trace", "info", out, "--json"], 0);
            assert_eq!(again["format"], format);
            for field in ["reads", "writes", "trims", "flushes", "touches", "blocks", "lru"] {
                // A large request is converted in the pieces that it is replayed in.
                if info["split"] == 0 {
                    assert_eq!(again[field], info[field], "{name} to {to}: {field}");
                }
            }
        }
    }
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let path = fixture("small.spc");
    let name = path.to_str().unwrap();
    refused(&["trace", "info", "no-such.trace"], &["no-such.trace", "hint:"]);
    refused(&["trace", "info", name, "--block-size", "1000"], &["multiples of 512"]);
    refused(&["trace", "info", name, "--amfs", "65"], &["--amfs"]);
    refused(&["trace", "info", name, "--format", "csv"], &["no trace format", "tencent"]);
    refused(&["trace", "info", name, "--until", "1h", "--from", "2h"], &["not one request"]);
    refused(&["trace", "convert", name], &["--to"]);
    refused(&["trace", "convert", name, "--to", "fio", "-o", "/no/such/x"], &["/no/such/x"]);
    refused(&["trace", "info", "Cargo.toml"], &["not recognised", "hint:"]);
}
