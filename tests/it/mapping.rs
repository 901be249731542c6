//! How a trace is laid on AMFs and on the volume: sector-exact, repeatable, inside the volume.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use super::traces::{fixture, shared};
use amflab::protocol::id::{AmfId, AmfSet};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::workload::formats::{TimeUnit, TraceOptions, TraceReader, open};
use amflab::workload::mapping::{
    AddressMap, Addresses, AmfMap, ReplayOptions, ReplayRequest, ReplaySource, Survey,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const PER: u32 = 8;
const PLAIN: ReplayOptions = ReplayOptions {
    map: AmfMap::RoundRobin,
    amfs: AmfSet(0b1111),
    replicate: 1,
    seed: 1,
    writer: 9,
};

fn reader(text: &str) -> TraceReader<&[u8]> {
    TraceReader::new("t", text.as_bytes(), TraceOptions::default()).unwrap()
}

/// Replays DiskSim lines on a volume of `blocks` blocks, or as many as it needs.
fn replay(
    text: &str,
    address: AddressMap,
    blocks: Option<u64>,
    options: ReplayOptions,
) -> Vec<ReplayRequest> {
    let survey = Survey::of(reader(text), address, PER).unwrap();
    let blocks = blocks.or(survey.blocks_needed()).unwrap();
    let addresses = Addresses::new(survey, blocks).unwrap();
    ReplaySource::new(reader(text), addresses, options).map(Result::unwrap).collect()
}

fn runs(requests: &[ReplayRequest]) -> Vec<(u64, u32)> {
    requests
        .iter()
        .map(|request| match &request.kind {
            RequestKind::Read(s)
            | RequestKind::Write(s, _)
            | RequestKind::WriteFua(s, _)
            | RequestKind::Zero(s) => (s.first, s.count),
            RequestKind::Flush | RequestKind::CompareAndWrite { .. } => (0, 0),
        })
        .collect()
}

/// DiskSim lines of writes: device, first sector, sectors.
fn lines_of(requests: impl Iterator<Item = (u32, u64, u32)>) -> String {
    requests.fold(String::new(), |text, (device, first, count)| {
        text + &format!("0 {device} {first} {count} 0\n")
    })
}

fn amfs(requests: &[ReplayRequest]) -> Vec<u8> {
    requests.iter().map(|request| request.amf.0).collect()
}

#[test]
fn identity_lays_devices_end_to_end() {
    // Device 1 ends at sector 13, so it is two blocks long; device 3 follows.
    let text = "0 3 5 4 0\n1 1 10 3 0\n2 3 0 8 1\n";
    let survey = Survey::of(reader(text), AddressMap::Identity, PER).unwrap();
    assert_eq!(survey.devices, [(1, 16), (3, 16)].into());
    assert_eq!(survey.blocks_needed(), Some(4));
    let requests = replay(text, AddressMap::Identity, None, PLAIN);
    assert_eq!(runs(&requests), [(21, 4), (10, 3), (16, 8)]);
    assert_eq!(amfs(&requests), [0, 1, 2]);
    let stamp = Payload::Stamp { volume: 1, writer: 9, sequence: 2 };
    assert_eq!(requests[1].kind, RequestKind::Write(Sectors { first: 10, count: 3 }, stamp));
}

#[test]
fn a_volume_that_is_too_small_is_refused() {
    let survey = Survey::of(reader("0 0 800 8 0\n"), AddressMap::Identity, PER).unwrap();
    let error = Addresses::new(survey, 100).err().unwrap();
    assert_eq!(error, "the trace needs 101 blocks, the volume has 100");
}

#[test]
fn modulo_wraps_and_splits_at_the_end() {
    let requests = replay("0 0 30 8 0\n1 0 4 40 1\n", AddressMap::Modulo, Some(4), PLAIN);
    assert_eq!(runs(&requests), [(30, 2), (0, 6), (4, 28), (0, 12)]);
    assert_eq!(amfs(&requests), [0, 0, 1, 1], "the pieces of a request stay together");
    assert_eq!(requests.iter().map(|r| r.record).collect::<Vec<_>>(), [1, 1, 2, 2]);
}

#[test]
fn dense_numbers_blocks_by_first_touch_and_keeps_offsets() {
    let text = "0 0 8003 2 0\n1 0 16 16 0\n2 0 8 16 1\n3 1 8001 1 1\n";
    let requests = replay(text, AddressMap::Dense, None, PLAIN);
    // Block 1000 is 0; 2 and 3 are 1 and 2; 1 is 3 (so the third is split); device 1's is 4.
    assert_eq!(runs(&requests), [(3, 2), (8, 16), (24, 8), (8, 8), (33, 1)]);
    let survey = Survey::of(reader(text), AddressMap::Dense, PER).unwrap();
    assert_eq!(survey.blocks_needed(), Some(5));
}

/// However long the devices of a trace are together: only what is touched takes room.
#[test]
fn dense_takes_devices_that_no_volume_would_hold() {
    let far = (1_u64 << 53) - 8;
    let text = lines_of((0..5_000).map(|device| (device, far, 8)));
    let requests = replay(&text, AddressMap::Dense, None, PLAIN);
    assert_eq!(requests.len(), 5_000);
    assert_eq!(runs(&requests)[4_999], (4_999 * 8, 8));
    assert!(Survey::of(reader(&text), AddressMap::Identity, PER).is_err());
}

#[test]
fn amfs_by_device_by_block_and_by_seed() {
    let text = lines_of((0..400).map(|i| (i % 5, u64::from(i % 7 * 8), 8)));
    let with = |map, seed| {
        amfs(&replay(&text, AddressMap::Identity, None, ReplayOptions { map, seed, ..PLAIN }))
    };
    assert!(
        with(AmfMap::Device, 1).iter().enumerate().all(|(i, amf)| usize::from(*amf) == i % 5 % 4)
    );
    let hashed = with(AmfMap::Hash, 1);
    assert_eq!(hashed[..35], hashed[35..70], "the same block, the same AMF");
    assert_eq!(with(AmfMap::Random, 1), with(AmfMap::Random, 1));
    assert_ne!(with(AmfMap::Random, 1), with(AmfMap::Random, 2));
    for map in [AmfMap::Hash, AmfMap::Random] {
        assert!((0..4).all(|amf| with(map, 3).contains(&amf)), "{map:?} uses every AMF");
    }
}

#[test]
fn trims_and_flushes_and_times_go_through() {
    let path = fixture("small.fio3");
    let options = TraceOptions::default();
    let survey = Survey::of(open(&path, options).unwrap(), AddressMap::Identity, PER).unwrap();
    let addresses = Addresses::new(survey, 1_000).unwrap();
    let source = ReplaySource::new(open(&path, options).unwrap(), addresses, PLAIN);
    let requests: Vec<_> = source.map(Result::unwrap).collect();
    let names: Vec<_> = requests.iter().map(|request| request.kind.name()).collect();
    assert_eq!(names, ["write", "read", "zero", "flush", "write"]);
    assert_eq!(requests[4].at.map(|at| at.0), Some(1_000_000));
    assert_eq!(requests[3].amf, AmfId(3));
}

#[test]
fn a_bad_line_ends_the_replay_with_its_error() {
    let text = "0 0 0 8 0\nnonsense\n1 0 0 8 0\n";
    assert!(Survey::of(reader(text), AddressMap::Identity, PER).is_err());
    let survey = Survey::of(reader("0 0 0 8 0\n"), AddressMap::Identity, PER).unwrap();
    let addresses = Addresses::new(survey, 10).unwrap();
    let items: Vec<_> = ReplaySource::new(reader(text), addresses, PLAIN).collect();
    assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn real_traces_fit_the_volumes_they_ask_for() {
    for name in ["tpcc-small.trace", "cloudphysics-20k.vscsi"] {
        let Some(path) = shared(name) else { continue };
        let options = TraceOptions { time_unit: TimeUnit::Nanos, ..TraceOptions::default() };
        for address in [AddressMap::Identity, AddressMap::Modulo, AddressMap::Dense] {
            let survey = Survey::of(open(&path, options).unwrap(), address, PER).unwrap();
            let blocks = survey.blocks_needed().unwrap_or(1_000);
            if address == AddressMap::Identity {
                let mut ends = BTreeMap::new();
                for request in open(&path, options).unwrap().map(Result::unwrap) {
                    let end = ends.entry(request.device).or_insert(0);
                    *end = (request.first + u64::from(request.sectors)).max(*end);
                }
                let laid: u64 = ends.values().map(|end| end.div_ceil(8)).sum();
                assert_eq!(blocks, laid, "devices are laid end to end");
            }
            let recorded = survey.counts;
            let addresses = Addresses::new(survey, blocks).unwrap();
            let source = ReplaySource::new(open(&path, options).unwrap(), addresses, PLAIN);
            let requests: Vec<_> = source.map(Result::unwrap).collect();
            let sectors: u64 = runs(&requests).iter().map(|(_, count)| u64::from(*count)).sum();
            assert_eq!(sectors, recorded.sectors, "no sector is lost or rounded");
            assert!(runs(&requests).iter().all(|(first, n)| first + u64::from(*n) <= blocks * 8));
            assert_eq!(requests.last().unwrap().record, recorded.requests());
        }
    }
}

proptest! {
    /// Whatever the trace: every sector of it is asked for once, inside the volume, and two
    /// different sectors stay different except under `modulo`.
    #[test]
    fn mapping_keeps_every_sector(
        lines in prop::collection::vec((0u32..4, 0u64..200, 1u32..40), 1..40),
        address in prop::sample::select(vec![AddressMap::Identity, AddressMap::Modulo, AddressMap::Dense]),
    ) {
        let text = lines_of(lines.iter().copied());
        let blocks = (address == AddressMap::Modulo).then_some(5);
        let requests = replay(&text, address, blocks, PLAIN);
        let mut of = std::collections::BTreeMap::new();
        let mut runs = runs(&requests).into_iter().flat_map(|(f, n)| f..f + u64::from(n));
        for (device, first, count) in lines {
            for sector in first..first + u64::from(count) {
                let laid = runs.next().unwrap();
                prop_assert_eq!(*of.entry((device, sector)).or_insert(laid), laid);
                prop_assert_eq!(laid % 8, sector % 8, "the offset in a block stays");
            }
        }
        prop_assert_eq!(runs.next(), None);
        let distinct: std::collections::BTreeSet<u64> = of.values().copied().collect();
        if address == AddressMap::Modulo {
            prop_assert!(distinct.iter().all(|sector| *sector < 40));
        } else {
            prop_assert_eq!(distinct.len(), of.len());
        }
    }
}
