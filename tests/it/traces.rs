//! Block traces: our fixtures to the last field, real traces to their stated facts, and bad input.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use amflab::protocol::host::REQUEST_SECTORS_MAX;
use amflab::protocol::id::Instant;
use amflab::workload::formats::{
    BAD_KEPT_MAX, Format, Place, TimeUnit, TraceCounts, TraceError, TraceOp, TraceOptions,
    TraceReader, TraceRequest, open,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces").join(name)
}

/// A real trace beside the project, or a visible word that the test is skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: ../shared/traces/{name} is not there");
    None
}

pub(crate) fn read(
    path: &Path,
    options: TraceOptions,
) -> (Vec<TraceRequest>, TraceCounts, &'static str) {
    let mut reader = open(path, options).unwrap();
    let requests: Result<Vec<_>, _> = reader.by_ref().collect();
    (requests.unwrap(), reader.counts(), reader.format())
}

pub(crate) fn request(
    at: Option<u64>,
    device: u32,
    op: TraceOp,
    first: u64,
    sectors: u32,
) -> TraceRequest {
    TraceRequest { at: at.map(Instant), host: None, device, op, first, sectors, continued: false }
}

/// Reads `bytes` to the end: the requests, the first error, what was counted.
pub(crate) fn read_bytes(
    bytes: &[u8],
    options: TraceOptions,
) -> (Vec<TraceRequest>, Option<TraceError>, TraceCounts) {
    let mut reader = match TraceReader::new("t", bytes, options) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error), TraceCounts::default()),
    };
    let (mut requests, mut error) = (Vec::new(), None);
    for item in reader.by_ref() {
        match item {
            Ok(request) => requests.push(request),
            Err(found) => assert!(error.replace(found).is_none(), "the reader ends at an error"),
        }
    }
    (requests, error, reader.counts())
}

#[test]
fn fio_version_2() {
    let (requests, counts, format) = read(&fixture("small.fio2"), TraceOptions::default());
    let late = Some(25_000_000);
    assert_eq!(format, "fio");
    assert_eq!(
        requests,
        [
            request(None, 0, TraceOp::Write, 0, 8),
            request(None, 0, TraceOp::Read, 1, 2),
            request(None, 1, TraceOp::Trim, 16, 8),
            request(late, 1, TraceOp::Read, 0, 2),
            request(late, 0, TraceOp::Flush, 0, 0),
            request(late, 1, TraceOp::Flush, 0, 0),
        ]
    );
    assert_eq!((counts.good, counts.ignored, counts.unaligned), (14, 8, 1));
}

#[test]
fn fio_version_3_has_microseconds() {
    let (requests, ..) = read(&fixture("small.fio3"), TraceOptions::default());
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Write, 120, 8),
            request(Some(33_000), 0, TraceOp::Read, 120, 8),
            request(Some(50_000), 0, TraceOp::Trim, 0, 16),
            request(Some(70_000), 0, TraceOp::Flush, 0, 0),
            request(Some(1_000_000), 0, TraceOp::Write, 121, 1),
        ]
    );
}

#[test]
fn disksim_and_its_options() {
    let (requests, counts, format) = read(&fixture("small.disksim"), TraceOptions::default());
    assert_eq!(format, "disksim");
    assert_eq!(
        requests[..4],
        [
            request(Some(0), 0, TraceOp::Write, 0, 8),
            request(Some(500_000), 0, TraceOp::Read, 4, 2),
            request(Some(1_250_000), 1, TraceOp::Write, 100, 16),
            request(Some(1_000_000), 1, TraceOp::Read, 100, 16),
        ]
    );
    // 70,000 sectors are more than a host may ask for at once.
    let (large, rest) = (requests[4], requests[5]);
    assert_eq!((large.first, large.sectors, large.continued), (3, REQUEST_SECTORS_MAX, false));
    assert_eq!((rest.first, rest.sectors, rest.continued), (65_539, 4_464, true));
    assert_eq!((counts.requests(), counts.split, counts.backwards), (5, 1, 1));

    let options =
        TraceOptions { time_unit: TimeUnit::Micros, read_flag: false, ..TraceOptions::default() };
    let (requests, ..) = read(&fixture("small.disksim"), options);
    assert_eq!(requests[1], request(Some(500), 0, TraceOp::Write, 4, 2));
}

/// The same request, from a host.
fn by(host: u32, request: TraceRequest) -> TraceRequest {
    TraceRequest { host: Some(host), ..request }
}

#[test]
fn msr_counts_hundreds_of_nanoseconds_and_tells_disks_by_host() {
    let (requests, counts, format) = read(&fixture("small.msr.csv"), TraceOptions::default());
    assert_eq!(format, "msr");
    assert_eq!(
        requests,
        [
            by(0, request(Some(0), 0, TraceOp::Write, 8, 16)),
            by(0, request(Some(1_000), 1, TraceOp::Read, 0, 1)),
            by(1, request(Some(10_000), 2, TraceOp::Read, 1, 1)),
            by(0, request(Some(100_000), 0, TraceOp::Read, 16, 8)),
        ]
    );
    assert_eq!((counts.ignored, counts.unaligned), (1, 1));
}

#[test]
fn vscsi_both_versions() {
    let (requests, counts, format) = read(&fixture("small.vscsi1"), TraceOptions::default());
    assert_eq!((format, counts.ignored), ("vscsi v1", 1));
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Write, 8, 8),
            request(Some(10_000), 0, TraceOp::Read, 9, 1),
            request(Some(20_000), 0, TraceOp::Flush, 0, 0),
            request(Some(30_000), 0, TraceOp::Write, 12, 16),
        ]
    );
    let (requests, _, format) = read(&fixture("small.vscsi2"), TraceOptions::default());
    assert_eq!(format, "vscsi v2");
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Write, 8, 8),
            request(Some(5_000), 0, TraceOp::Read, 10, 2),
            request(Some(100_000), 0, TraceOp::Read, 1 << 33, 1),
        ]
    );
}

#[test]
fn a_limit_counts_recorded_requests() {
    let options = TraceOptions { limit: Some(5), ..TraceOptions::default() };
    let (requests, counts, _) = read(&fixture("small.disksim"), options);
    assert_eq!((requests.len(), counts.requests()), (6, 5), "both pieces of the fifth");
    let options = TraceOptions { limit: Some(2), ..options };
    assert_eq!(read(&fixture("small.disksim"), options).0.len(), 2);
}

/// What a real trace adds up to, counted here a second time with nothing of the reader's: the
/// files beside the project are not ours, so what they hold is no constant of ours either.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    reads: u64,
    writes: u64,
    sectors: u64,
}

impl Sums {
    fn add(&mut self, is_read: bool, sectors: u64) {
        *(if is_read { &mut self.reads } else { &mut self.writes }) += 1;
        self.sectors += sectors;
    }
}

fn sums(counts: &TraceCounts) -> Sums {
    Sums { reads: counts.reads, writes: counts.writes, sectors: counts.sectors }
}

#[test]
fn real_disksim_trace() {
    let Some(path) = shared("tpcc-small.trace") else { return };
    let (mut expected, mut devices, mut times) = (Sums::default(), BTreeSet::new(), Vec::new());
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let fields: Vec<u64> = line.split_whitespace().map(|f| f.parse().unwrap()).collect();
        expected.add(fields[4] == 1, fields[3]);
        devices.insert(u32::try_from(fields[1]).unwrap());
        times.push(fields[0]);
    }
    assert!(times.len() > 1_000 && expected.reads > 0 && expected.writes > 0, "a real trace");
    let options = TraceOptions { time_unit: TimeUnit::Nanos, ..TraceOptions::default() };
    let (requests, counts, format) = read(&path, options);
    assert_eq!((format, sums(&counts)), ("disksim", expected));
    assert_eq!((requests.len(), counts.requests()), (times.len(), times.len() as u64));
    assert_eq!(requests.iter().map(|r| r.device).collect::<BTreeSet<_>>(), devices);
    let span = times.iter().max().unwrap() - times.iter().min().unwrap();
    assert_eq!(requests.last().and_then(|r| r.at), Some(Instant(span)), "times from the first on");
}

#[test]
fn real_vscsi_trace() {
    let Some(path) = shared("cloudphysics-20k.vscsi") else { return };
    let (mut expected, mut firsts) = (Sums::default(), Vec::new());
    for record in std::fs::read(&path).unwrap().chunks_exact(32) {
        let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        expected.add(word(12) & 0xffff == 0x28, u64::from(word(4)) / 512);
        firsts.push(u64::from(word(16)) | u64::from(word(20)) << 32);
    }
    let (requests, counts, format) = read(&path, TraceOptions::default());
    assert_eq!((format, sums(&counts), counts.unaligned), ("vscsi v1", expected, 0));
    assert_eq!(requests.iter().map(|r| r.first).collect::<Vec<_>>(), firsts);
    let aligned = |r: &&TraceRequest| r.first.is_multiple_of(8) && r.sectors.is_multiple_of(8);
    let few = requests.iter().filter(aligned).count();
    assert!(few * 100 < requests.len(), "few are 4 KiB aligned, so edges are exercised: {few}");
}

#[test]
fn real_fio_trace() {
    let Some(path) = shared("fio-v3-sample.iolog") else { return };
    let (mut expected, mut times) = (Sums::default(), Vec::new());
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [at, _file, op @ ("read" | "write"), _offset, bytes] = fields[..] {
            expected.add(op == "read", bytes.parse::<u64>().unwrap() / 512);
            times.push(at.parse::<u64>().unwrap());
        }
    }
    assert!(expected.reads > 0 && expected.writes > 0, "a real trace");
    let (requests, counts, _) = read(&path, TraceOptions::default());
    assert_eq!(sums(&counts), expected);
    let micros = |at: &u64| Some(Instant((at - times[0]) * 1_000));
    assert!(requests.iter().map(|r| r.at).eq(times.iter().map(micros)), "microseconds");
}

#[test]
fn a_bad_line_says_where_and_what() {
    let text = b"0 0 0 8 0\n1 0 8 8 1\n2 0 x 8 1\n3 0 8 8 1\n";
    let (requests, error, _) = read_bytes(text, TraceOptions::default());
    let error = error.unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!((error.place, error.good_before), (Place::Line(3), 2));
    assert_eq!(
        error.to_string(),
        "t:3: sector `x` is no whole number (2 good lines before it)\n\
         hint: --skip-bad counts bad lines and goes on"
    );
    let skip = TraceOptions { skip_bad: true, ..TraceOptions::default() };
    let (requests, error, counts) = read_bytes(text, skip);
    assert_eq!((requests.len(), error, counts.bad, counts.good), (3, None, 1, 3));
}

#[test]
fn skipped_lines_are_counted_and_a_few_are_kept() {
    let mut text = String::from("0 0 0 8 0\n");
    for _ in 0..100 {
        text.push_str("nonsense\n");
    }
    let options = TraceOptions { skip_bad: true, ..TraceOptions::default() };
    let mut reader = TraceReader::new("t", text.as_bytes(), options).unwrap();
    assert_eq!(reader.by_ref().count(), 1);
    assert_eq!((reader.counts().bad, reader.bad().len()), (100, BAD_KEPT_MAX));
    assert_eq!(reader.bad()[0].place, Place::Line(2));
}

/// What is wrong with a trace of one format, and the place.
#[track_caller]
pub(crate) fn assert_bad(format: Format, bytes: &[u8], place: Place, part: &str) {
    let (_, error, _) = read_bytes(bytes, TraceOptions { format, ..TraceOptions::default() });
    let error = error.expect("an error");
    assert_eq!(error.place, place, "{error}");
    assert!(error.to_string().contains(part), "{error}");
    assert!(!error.hint.is_empty());
}

#[test]
fn bad_input_of_every_kind() {
    let v1 = std::fs::read(fixture("small.vscsi1")).unwrap();
    assert_bad(Format::Auto, b"", Place::File, "empty");
    assert_bad(Format::Auto, b"\n\n\n", Place::File, "blank lines and comments");
    assert_bad(Format::Auto, b"\n0;R;1\n", Place::File, "its first line is `0;R;1`");
    assert_bad(Format::Auto, &[0x1f, 0x8b, 8, 0], Place::File, "gzip");
    assert_bad(Format::Auto, &[0xff; 10_000], Place::File, "not recognised");
    assert_bad(Format::DiskSim, &[0xff; 10_000], Place::Line(1), "longer than 4096 bytes");
    assert_bad(Format::DiskSim, b"\xff\xfe\n", Place::Line(1), "not text");
    assert_bad(Format::DiskSim, b"# nothing\n", Place::File, "not one request");
    assert_bad(Format::DiskSim, b"0 0 0 8 0\n1 0 8", Place::Line(2), "copied whole");
    assert_bad(Format::DiskSim, b"0 0 9007199254740992 1 0\n", Place::Line(1), "out of range");
    assert_bad(Format::DiskSim, b"0 0 0 99999999 0\n", Place::Line(1), "more than one request");
    assert_bad(Format::DiskSim, b"0 70000 0 8 0\n", Place::Line(1), "device 70000");
    assert_bad(Format::Fio, b"0 0 0 8 0\n", Place::Line(1), "no fio header");
    assert_bad(Format::Auto, b"fio version 9 iolog\n", Place::File, "no version");
    assert_bad(
        Format::Auto,
        b"fio version 3 iolog\n1 f add\n1 f verify 0 512\n",
        Place::Line(3),
        "no action",
    );
    assert_bad(
        Format::Auto,
        b"fio version 3 iolog\n1 f wait 5 0\n",
        Place::Line(2),
        "has no `wait`",
    );
    assert_bad(
        Format::Auto,
        b"fio version 2 iolog\nf read 0\n",
        Place::Line(2),
        "offset and a length",
    );
    assert_bad(
        Format::Auto,
        b"1,h,0,Read,0,512,9\n1,h,0,Erase,0,512,9\n",
        Place::Line(2),
        "neither",
    );
    assert_bad(
        Format::Msr,
        b"1,h,0,Read,18446744073709551615,512,9\n",
        Place::Line(1),
        "out of range",
    );
    assert_bad(Format::Auto, &v1[..v1.len() - 7], Place::Record(5), "cut off after 25 of 32");
    assert_bad(Format::Vscsi, &v1[..20], Place::File, "no vscsi record");
    let mut damaged = v1.clone();
    damaged[32 + 15] = 9;
    assert_bad(Format::Auto, &damaged, Place::Record(2), "version 0x0900 instead of 0x0100");
}

#[test]
fn a_file_that_is_not_there_or_no_file() {
    let error = open(&fixture("none"), TraceOptions::default()).err().expect("an error");
    assert!(error.what.contains("cannot be opened"), "{error}");
    let error = open(&fixture("."), TraceOptions::default()).err().expect("an error");
    assert!(error.what.contains("cannot be read"), "{error}");
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

/// What must hold of every answer to any input at all.
fn check_any(bytes: &[u8], format: Format) {
    let options = TraceOptions { format, skip_bad: true, ..TraceOptions::default() };
    let (requests, error, counts) = read_bytes(bytes, options);
    assert_eq!(requests.is_empty(), error.is_some(), "nothing read is an error, and only that");
    let pieces = requests.iter().filter(|request| !request.continued).count() as u64;
    assert_eq!(pieces, counts.requests());
    for request in &requests {
        assert!(request.sectors <= REQUEST_SECTORS_MAX);
        assert_eq!(request.sectors == 0, request.op == TraceOp::Flush);
    }
    let strict = TraceOptions { skip_bad: false, ..options };
    let (_, error, strict_counts) = read_bytes(bytes, strict);
    assert_eq!(error.is_some(), counts.bad > 0 || requests.is_empty());
    assert!(strict_counts.good <= counts.good);
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2_000), format in any_format()) {
        check_any(&bytes, format);
    }

    #[test]
    fn text_like_a_trace_never_panics(
        head in prop::sample::select(vec!["", "fio version 2 iolog\n", "fio version 3 iolog\n"]),
        text in "([0-9]{1,22}|read|write|trim|wait|sync|add|,|\\.| |\n|Read|\\PC){0,60}",
        format in any_format(),
    ) {
        check_any(format!("{head}{text}").as_bytes(), format);
    }

    #[test]
    fn damaged_fixtures_never_panic(
        name in prop::sample::select(vec![
            "small.fio2", "small.fio3", "small.disksim", "small.msr.csv", "small.vscsi1",
            "small.vscsi2", "small.spc", "small.alibaba.csv", "small.tencent.csv",
            "small.systor.csv", "small.blkparse", "small.oracle", "small.jsonl", "small.spc.gz",
            "small.alibaba.csv.xz", "small.jsonl.zst",
        ]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        format in any_format(),
    ) {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        check_any(&bytes, format);
    }
}
