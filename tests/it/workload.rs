//! Generators make what their workload says; the driver keeps to queue depth, rate and back-off.

use amflab::profile::{self, Access, Profile};
use amflab::protocol::id::{AmfId, AmfSet, Instant, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::workload::mapping::ReplayRequest;
use amflab::workload::{
    Driver, DriverSettings, Fetch, Generator, InOrder, Next, Pace, Paced, Planned, Source,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000_000_000;

fn profile(workload: &str) -> Profile {
    let text = format!("[volume]\nsize = \"4MiB\"\n[[workload]]\nname = \"w\"\n{workload}");
    profile::parse("test", "test.toml", &text, &[]).expect("a good profile")
}

fn generator(profile: &Profile, seed: u64) -> Generator {
    Generator::new(&profile.workloads[0], &profile.config, seed, 7)
}

fn sectors(planned: &Planned) -> Sectors {
    match &planned.kind {
        RequestKind::Read(sectors) | RequestKind::Write(sectors, _) => *sectors,
        other => panic!("a generator does not ask {other:?}"),
    }
}

fn block(planned: &Planned) -> u64 {
    sectors(planned).first / 8
}

/// First blocks of `count` requests, with how often each came.
fn histogram(workload: &str, count: usize) -> BTreeMap<u64, usize> {
    let mut seen = BTreeMap::new();
    for planned in generator(&profile(workload), 3).take(count) {
        *seen.entry(block(&planned)).or_default() += 1;
    }
    seen
}

#[test]
fn uniform_touches_every_block_about_alike() {
    let seen = histogram("working_set = 64\nfirst_block = 10\n", 64_000);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (10..74).collect::<Vec<_>>());
    assert!(seen.values().all(|n| (800..1200).contains(n)), "{seen:?}");
}

#[test]
fn zipf_prefers_the_first_block_by_its_exponent() {
    let seen = histogram("working_set = 100\naccess = \"zipf\"\ntheta = 1.0\n", 100_000);
    // Harmonic number of 100 is 5.187: the first block gets 19.3 %, the second half of that.
    assert!((18_500..20_100).contains(&seen[&0]), "{}", seen[&0]);
    assert!((9_000..10_300).contains(&seen[&1]), "{}", seen[&1]);
    assert_eq!(seen.values().max(), Some(&seen[&0]));
}

#[test]
fn scattered_zipf_is_the_same_law_elsewhere() {
    let plain = histogram("working_set = 100\naccess = \"zipf\"\n", 50_000);
    let apart = histogram("working_set = 100\naccess = \"zipf\"\nscatter = true\n", 50_000);
    let sorted = |seen: &BTreeMap<u64, usize>| {
        let mut counts: Vec<usize> = seen.values().copied().collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(sorted(&plain), sorted(&apart));
    assert_ne!(plain, apart);
}

#[test]
fn hotspot_gives_the_hot_part_its_share() {
    let seen =
        histogram("working_set = 100\naccess = \"hotspot\"\nhot = 0.1\nshare = 0.9\n", 50_000);
    let hot: usize = seen.range(..10).map(|(_, n)| n).sum();
    assert!((44_000..46_000).contains(&hot), "{hot}");
    assert!(seen.range(10..).count() == 90, "the cold part is touched too");
}

#[test]
fn sequential_goes_around_to_the_sector() {
    let profile =
        profile("working_set = 2\naccess = \"sequential\"\namfs = [1]\nsizes = [\"2560B\"]\n");
    let firsts: Vec<u64> = generator(&profile, 1).take(5).map(|p| sectors(&p).first).collect();
    assert_eq!(firsts, [0, 5, 10, 0, 5]);
}

#[test]
fn a_degree_splits_the_working_set_among_groups_of_amfs() {
    for (degree, parts) in
        [("1", [0..16, 16..32, 32..48, 48..64]), ("2", [0..32, 0..32, 32..64, 32..64])]
    {
        let profile = profile(&format!("working_set = 64\nsharing_degree = {degree}\n"));
        let mut seen: BTreeMap<AmfId, BTreeSet<u64>> = BTreeMap::new();
        for planned in generator(&profile, 5).take(8_000) {
            seen.entry(planned.amf).or_default().insert(block(&planned));
        }
        for (amf, part) in (0..4).map(AmfId).zip(parts) {
            assert_eq!(seen[&amf], part.collect(), "{amf} with degree {degree}");
        }
    }
}

#[test]
fn all_amfs_share_by_default() {
    let profile = profile("working_set = 16\n");
    let mut seen = [const { BTreeSet::new() }; 4];
    for planned in generator(&profile, 5).take(4_000) {
        seen[usize::from(planned.amf.0)].insert(block(&planned));
    }
    assert!(seen.iter().all(|blocks| blocks.len() == 16));
}

#[test]
fn reads_sizes_and_stamps_come_as_said() {
    let profile = profile("read_ratio = 0.25\nsizes = [[\"4KiB\", 3], [\"512B\", 1]]\n");
    let all: Vec<Planned> = generator(&profile, 9).take(20_000).collect();
    let reads = all.iter().filter(|p| !p.kind.is_write()).count();
    let small = all.iter().filter(|p| sectors(p).count == 1).count();
    assert!((4_700..5_300).contains(&reads), "{reads} reads");
    assert!((4_700..5_300).contains(&small), "{small} small requests");
    let inside =
        all.iter().filter(|p| sectors(p).count == 1 && !sectors(p).first.is_multiple_of(8));
    assert!(inside.count() > 4_000, "small requests lie anywhere inside a block");
    let stamps: Vec<(u32, u64)> = all
        .iter()
        .filter_map(|planned| match &planned.kind {
            RequestKind::Write(_, Payload::Stamp { writer, sequence, .. }) => {
                Some((*writer, *sequence))
            }
            _ => None,
        })
        .collect();
    let expected: Vec<(u32, u64)> = (1..=stamps.len() as u64).map(|n| (7, n)).collect();
    assert_eq!(stamps, expected);
}

#[test]
fn a_rate_spaces_requests_evenly() {
    let profile = profile("rate = 20\nops = 3\n");
    let at: Vec<Option<Instant>> = generator(&profile, 1).map(|planned| planned.at).collect();
    assert_eq!(at, [0, SECOND / 20, SECOND / 10].map(|ns| Some(Instant(ns))));
}

#[test]
fn what_one_amf_is_asked_does_not_depend_on_the_others() {
    let profile = profile("working_set = 64\n");
    let of_amf2 = |planned: Planned| {
        (planned.amf == AmfId(2)).then(|| (block(&planned), planned.kind.name()))
    };
    let all: Vec<_> = generator(&profile, 4).filter_map(of_amf2).take(50).collect();
    let mut alone = generator(&profile, 4);
    let only: Vec<_> = std::iter::from_fn(|| match alone.next_for(AmfSet::only(AmfId(2))) {
        Fetch::Request(planned) => of_amf2(planned),
        Fetch::Blocked | Fetch::End => None,
    })
    .take(50)
    .collect();
    assert_eq!(all, only);
}

proptest! {
    #[test]
    fn requests_stay_inside_their_working_set_and_repeat(
        seed: u64,
        first in 0u64..512,
        blocks in 4u64..512,
        size in 1u32..40,
        pattern in 0usize..4,
        degree in 0u8..6,
        read_ratio in 0.0f64..=1.0,
    ) {
        let mut profile = profile("");
        let spec = &mut profile.workloads[0];
        (spec.first_block, spec.working_set) = (first, blocks);
        spec.sizes = vec![(size * 512, 1), (512, 1)];
        spec.sharing_degree = degree;
        spec.read_ratio = read_ratio;
        spec.access = [
            Access::Uniform,
            Access::Zipf { theta: 0.9, scatter: seed.is_multiple_of(2) },
            Access::Sequential,
            Access::Hotspot { hot: read_ratio, share: 0.5 },
        ][pattern]
            .clone();
        let made: Vec<Planned> = generator(&profile, seed).take(200).collect();
        for planned in &made {
            let Sectors { first: at, count } = sectors(planned);
            prop_assert!(count >= 1);
            prop_assert!(at >= first * 8 && at + u64::from(count) <= (first + blocks) * 8);
            if count >= 8 && pattern != 2 {
                prop_assert!(at.is_multiple_of(8), "whole blocks begin at a block");
            }
        }
        let again: Vec<Planned> = generator(&profile, seed).take(200).collect();
        prop_assert_eq!(made, again);
    }

    /// Whatever order the answers come in: the depth holds, every request is made once, and it ends.
    #[test]
    fn a_driver_keeps_the_depth_and_ends(seed: u64, depth in 1u32..5, ops in 1u64..200) {
        let profile = profile(&format!("ops = {ops}\n"));
        let mut driver = Driver::new(generator(&profile, seed), settings(depth), Instant(0));
        let mut asked: Vec<AmfId> = Vec::new();
        let mut dice = seed;
        loop {
            match driver.poll(Instant(0)) {
                Next::Submit(planned) => {
                    asked.push(planned.amf);
                    let of = asked.iter().filter(|amf| **amf == planned.amf).count();
                    prop_assert!(of <= depth as usize);
                }
                Next::WaitCompletion => {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let amf = asked.swap_remove((dice >> 33) as usize % asked.len());
                    driver.on_completion(amf, Instant(0));
                }
                Next::WaitUntil(at) => prop_assert!(false, "nothing is timed, yet {at:?}"),
                Next::Done => break,
            }
        }
        prop_assert_eq!((driver.submitted(), driver.outstanding()), (ops, 0));
    }
}

fn settings(queue_depth: u32) -> DriverSettings {
    DriverSettings { amfs: (0..4).map(AmfId).collect(), queue_depth, late_max: None }
}

/// The AMF of the next request, or panics.
fn submit<S: Source>(driver: &mut Driver<S>, now: u64) -> u8 {
    match driver.poll(Instant(now)) {
        Next::Submit(planned) => planned.amf.0,
        other => panic!("{other:?} at {now}"),
    }
}

#[test]
fn an_amf_that_does_not_answer_does_not_stop_the_others() {
    let profile = profile("");
    let mut driver = Driver::new(generator(&profile, 1), settings(1), Instant(0));
    let first: Vec<u8> = (0..4).map(|_| submit(&mut driver, 0)).collect();
    assert_eq!(first, [0, 1, 2, 3]);
    assert_eq!(driver.poll(Instant(0)), Next::WaitCompletion);
    for _ in 0..10 {
        driver.on_completion(AmfId(2), Instant(0));
        assert_eq!(submit(&mut driver, 0), 2);
    }
}

#[test]
fn a_rate_is_waited_for() {
    let profile = profile("rate = 10\nops = 2\n");
    let mut driver = Driver::new(generator(&profile, 1), settings(4), Instant(SECOND));
    assert_eq!(submit(&mut driver, SECOND), 0);
    let due = SECOND + SECOND / 10;
    assert_eq!(driver.poll(Instant(SECOND)), Next::WaitUntil(Instant(due)));
    assert_eq!(submit(&mut driver, due), 1);
    assert_eq!(driver.poll(Instant(due)), Next::WaitCompletion);
    driver.on_completion(AmfId(0), Instant(due));
    driver.on_completion(AmfId(1), Instant(due));
    assert_eq!(driver.poll(Instant(due)), Next::Done);
}

#[test]
fn a_pause_moves_the_schedule() {
    let profile = profile("rate = 1\n");
    let mut driver = Driver::new(generator(&profile, 1), settings(4), Instant(0));
    assert_eq!(submit(&mut driver, 0), 0);
    driver.on_completion(AmfId(0), Instant(0));
    driver.pause(Instant(0));
    assert_eq!(driver.poll(Instant(5 * SECOND)), Next::WaitUntil(Instant::NEVER));
    driver.resume(Instant(5 * SECOND));
    assert_eq!(driver.poll(Instant(5 * SECOND)), Next::WaitUntil(Instant(6 * SECOND)));
}

#[test]
fn a_stall_is_followed_by_no_burst_if_so_wanted() {
    let profile = profile("rate = 1\n");
    let gentle = DriverSettings { late_max: Some(Span::secs(2)), ..settings(100) };
    let burst = |settings| {
        let mut driver = Driver::new(generator(&profile, 1), settings, Instant(0));
        let mut made = 0;
        while let Next::Submit(_) = driver.poll(Instant(60 * SECOND)) {
            made += 1;
        }
        made
    };
    assert_eq!((burst(settings(100)), burst(gentle)), (61, 3));
}

#[test]
fn an_amf_that_does_not_serve_is_left_alone_longer_each_time() {
    let profile = profile("amfs = [3]\n");
    let only = DriverSettings { amfs: AmfSet::only(AmfId(3)), ..settings(1) };
    let mut driver = Driver::new(generator(&profile, 1), only, Instant(0));
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..9 {
        assert_eq!(submit(&mut driver, now), 3);
        driver.on_not_serving(AmfId(3), Instant(now));
        let Next::WaitUntil(at) = driver.poll(Instant(now)) else { panic!("it is left alone") };
        waits.push((at.0 - now) / 1_000_000);
        now = at.0;
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    assert_eq!(submit(&mut driver, now), 3);
    driver.on_completion(AmfId(3), Instant(now));
    assert_eq!(submit(&mut driver, now), 3, "an answer ends the back-off");
}

#[test]
fn a_stopped_driver_waits_for_what_is_outstanding() {
    let profile = profile("");
    let mut driver = Driver::new(generator(&profile, 1), settings(1), Instant(0));
    assert_eq!(submit(&mut driver, 0), 0);
    driver.stop();
    assert_eq!(driver.poll(Instant(0)), Next::WaitCompletion);
    driver.on_completion(AmfId(0), Instant(0));
    assert_eq!(driver.poll(Instant(0)), Next::Done);
}

fn read(amf: u8, first: u64) -> Planned {
    let kind = RequestKind::Read(Sectors { first, count: 1 });
    Planned { amf: AmfId(amf), kind, at: None }
}

#[test]
fn a_trace_keeps_the_order_of_each_amf() {
    let trace = [read(0, 0), read(0, 1), read(0, 2), read(1, 3), read(1, 4)];
    let mut driver = Driver::new(InOrder::new(trace.into_iter(), 8), settings(1), Instant(0));
    let mut order = Vec::new();
    let mut take = |driver: &mut Driver<_>| match driver.poll(Instant(0)) {
        Next::Submit(planned) => order.push(sectors(&planned).first),
        other => panic!("{other:?}"),
    };
    take(&mut driver);
    take(&mut driver);
    assert_eq!(driver.poll(Instant(0)), Next::WaitCompletion);
    driver.on_completion(AmfId(1), Instant(0));
    take(&mut driver);
    for _ in 0..2 {
        driver.on_completion(AmfId(0), Instant(0));
        take(&mut driver);
    }
    assert_eq!(order, [0, 3, 4, 1, 2]);
    driver.on_completion(AmfId(0), Instant(0));
    driver.on_completion(AmfId(1), Instant(0));
    assert_eq!(driver.poll(Instant(0)), Next::Done);
}

#[test]
fn a_window_of_one_keeps_the_order_of_the_trace() {
    let trace = [read(0, 0), read(0, 1), read(1, 2)];
    let mut driver = Driver::new(InOrder::new(trace.into_iter(), 1), settings(1), Instant(0));
    assert_eq!(submit(&mut driver, 0), 0);
    assert_eq!(driver.poll(Instant(0)), Next::WaitCompletion, "amf1 waits for amf0's second");
}

#[test]
fn a_pace_scales_the_times_of_a_trace_and_an_error_ends_it() {
    let request = |at| {
        let kind = RequestKind::Flush;
        Ok(ReplayRequest { amf: AmfId(0), kind, at: Some(Instant(at)), record: 1 })
    };
    let trace = || vec![request(0), request(500), Err("line 3"), request(900)].into_iter();
    let mut fast = Paced::new(trace(), Pace::Times(10.0));
    let at: Vec<_> = fast.by_ref().map(|planned| planned.at).collect();
    assert_eq!(at, [Some(Instant(0)), Some(Instant(50))]);
    assert_eq!(fast.error(), Some(&"line 3"));
    assert!(Paced::new(trace(), Pace::Max).all(|planned| planned.at.is_none()));
}
