//! The formats of other people's block traces to the last field, packed files, and what is wrong with
//! either.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use super::traces::{assert_bad, fixture, read, read_bytes, request};
use amflab::protocol::id::Span;
use amflab::workload::formats::{
    Event, Format, Packing, Place, TraceOp, TraceOptions, TraceReader, TraceRequest, open,
};
use std::io::Write;

fn auto() -> TraceOptions {
    TraceOptions::default()
}

/// The same request, from a host.
fn by(host: u32, request: TraceRequest) -> TraceRequest {
    TraceRequest { host: Some(host), ..request }
}

#[test]
fn spc() {
    let (requests, counts, format) = read(&fixture("small.spc"), auto());
    assert_eq!(format, "spc");
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Write, 303_567, 7),
            request(Some(0), 1, TraceOp::Write, 55_590, 6),
            request(Some(26_214_000), 0, TraceOp::Read, 303_574, 7),
            request(Some(500_000_001), 1, TraceOp::Read, 55_590, 2),
        ]
    );
    assert_eq!((counts.unaligned, counts.hostless), (1, 4));
}

#[test]
fn alibaba_counts_microseconds_and_bytes() {
    let (requests, counts, format) = read(&fixture("small.alibaba.csv"), auto());
    assert_eq!(format, "alibaba");
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Write, 16, 32),
            request(Some(200_000), 1, TraceOp::Read, 0, 8),
            request(Some(100_000), 0, TraceOp::Read, 24, 1),
        ]
    );
    assert_eq!(counts.backwards, 1);
}

#[test]
fn tencent_counts_seconds_and_sectors() {
    let (requests, _, format) = read(&fixture("small.tencent.csv"), auto());
    assert_eq!(format, "tencent");
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Write, 128, 16),
            request(Some(0), 1, TraceOp::Read, 0, 8),
            request(Some(1_000_000_000), 0, TraceOp::Read, 136, 1),
        ]
    );
}

#[test]
fn systor_leaves_out_what_had_no_answer() {
    let (requests, counts, format) = read(&fixture("small.systor.csv"), auto());
    assert_eq!(format, "systor");
    assert_eq!(
        requests,
        [
            request(Some(0), 0, TraceOp::Read, 8, 8),
            request(Some(100_000), 1, TraceOp::Write, 0, 128),
            request(Some(1_000_000_000), 0, TraceOp::Write, 9, 2),
        ]
    );
    assert_eq!(counts.ignored, 2, "the heading, and a line without a type");
}

#[test]
fn blkparse_takes_one_event_of_each_request() {
    let path = fixture("small.blkparse");
    let (requests, _, format) = read(&path, auto());
    assert_eq!(format, "blkparse");
    assert_eq!(
        requests,
        [
            by(0, request(Some(0), 0, TraceOp::Write, 223_490, 8)),
            by(1, request(Some(248_766), 1, TraceOp::Read, 64, 256)),
            by(0, request(Some(1_998_766), 0, TraceOp::Flush, 0, 0)),
            by(0, request(Some(2_998_766), 0, TraceOp::Write, 1_000, 8)),
            by(2, request(Some(3_998_766), 0, TraceOp::Trim, 2_048, 1_024)),
        ]
    );
    for event in [Event::Issued, Event::Completed] {
        let (requests, ..) = read(&path, TraceOptions { event, ..auto() });
        assert_eq!(requests, [by(0, request(Some(0), 0, TraceOp::Write, 223_490, 8))], "{event:?}");
    }
}

/// What blkparse prints of what has no sectors depends on the event, on packet commands, and on `-t`.
#[test]
fn blkparse_has_events_that_move_no_blocks() {
    let text = "\
        8,0 0 1 0.1 7 C R (12 01 00 00 24 00 ..) [0]\n\
        8,0 0 2 0.1 7 C N [0]\n\
        8,0 0 3 0.1 7 D R 36 (12 01 00 00 24 00 ..) [udevd]\n\
        8,0 0 4 0.2 0 C FN 0 [0]\n\
        8,0 0 5 0.3 0 C FWS 0 [0]\n\
        8,0 0 6 0.4 0 C FWS 0 (    1234) [0]\n\
        8,0 0 7 0.5 0 C WS 64 + 8 (    1234) [0]\n\
        8,0 0 8 0.6 7 D FWS (    1234) [Web Content]\n\
        8,0 0 9 0.7 7 D R 0 + 0 [a]\n";
    let of = |event| {
        let (requests, error, _) = read_bytes(text.as_bytes(), TraceOptions { event, ..auto() });
        assert_eq!(error, None);
        requests.iter().map(|one| (one.op, one.first, one.sectors)).collect::<Vec<_>>()
    };
    let flush = (TraceOp::Flush, 0, 0);
    assert_eq!(of(Event::Completed), [flush, flush, flush, (TraceOp::Write, 64, 8)]);
    assert_eq!(of(Event::Issued), [flush]);
}

/// What stands in traces of other tools and other versions of them.
#[test]
fn odd_values_that_nothing_depends_on_are_no_errors() {
    let of = |text: &[u8]| {
        let (requests, error, _) = read_bytes(text, auto());
        assert_eq!(error, None);
        requests.iter().map(|one| one.op).collect::<Vec<_>>()
    };
    let read = TraceOp::Read;
    assert_eq!(of(b"1,h,0,Read,0,512,-17\n1,h,0,Read,0,512,\n"), [read, read]);
    assert_eq!(of(b"1.5,-0.000001,R,0,0,512\n1.5,1e-5,R,0,0,512\n"), [read, read]);
    let syncs = b"fio version 3 iolog\n1 f sync_file_range 0 4096\n2 f syncfs 0 0\n";
    assert_eq!(of(syncs), [TraceOp::Flush, TraceOp::Flush]);
    let mut minor = std::fs::read(fixture("small.vscsi2")).unwrap();
    let whole = of(&minor);
    minor.chunks_exact_mut(40).for_each(|record| record[2] = 3);
    assert_eq!(of(&minor), whole);
}

#[test]
fn oracle_general_has_objects_and_only_reads() {
    let mut reader = open(&fixture("small.oracle"), auto()).unwrap();
    let requests: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    let object = |second: u64, number: u64| {
        request(Some(second * 1_000_000_000), 0, TraceOp::Read, number * 8, 8)
    };
    assert_eq!(requests, [object(0, 0), object(0, 1), object(1, 0), object(3, 1), object(10, 0)]);
    assert_eq!((reader.format(), reader.counts().ignored), ("oracle", 1));
    assert!(reader.note().unwrap().contains("reads only"));
    let options = TraceOptions { object_sectors: 16, ..auto() };
    let (requests, ..) = read(&fixture("small.oracle"), options);
    assert_eq!((requests[1].first, requests[1].sectors), (16, 16), "an object is a block");
}

#[test]
fn our_own_lines() {
    let (requests, counts, format) = read(&fixture("small.jsonl"), auto());
    assert_eq!(format, "jsonl");
    assert_eq!(
        requests,
        [
            by(2, request(Some(0), 0, TraceOp::Write, 8, 8)),
            by(0, request(Some(500), 0, TraceOp::Read, 9, 2)),
            by(2, request(Some(400), 1, TraceOp::Trim, 0, 16)),
            by(1, request(Some(8_000), 0, TraceOp::Flush, 0, 0)),
        ]
    );
    assert_eq!((counts.ignored, counts.backwards, counts.hostless), (1, 1, 0));
}

#[test]
fn packed_files_are_what_they_pack() {
    for (packed, plain, packing) in [
        ("small.spc.gz", "small.spc", Packing::Gzip),
        ("small.alibaba.csv.xz", "small.alibaba.csv", Packing::Xz),
        ("small.jsonl.zst", "small.jsonl", Packing::Zstd),
    ] {
        let (requests, counts, format) = read(&fixture(packed), auto());
        assert_eq!((requests, counts, format), read(&fixture(plain), auto()), "{packed}");
        let reader = open(&fixture(packed), auto()).unwrap();
        assert_eq!(reader.packing(), Some(packing));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = liblzma::write::XzEncoder::new(Vec::new(), 6);
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

/// DiskSim lines that do not pack too well.
fn long_text(lines: u64) -> Vec<u8> {
    let mut text = Vec::new();
    for line in 0..lines {
        let sector = line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        writeln!(text, "{line}.5 {} {sector} {} {}", line % 3, 1 + line % 64, line % 2).unwrap();
    }
    text
}

#[test]
fn files_packed_in_parts_are_read_to_the_end() {
    let text = long_text(20_000);
    let (first, second) = text.split_at(123_456);
    let expected = read_bytes(&text, auto());
    assert!(expected.1.is_none());
    for pack in [gzip, xz, zstd] {
        let parts = [pack(first), pack(second)].concat();
        assert_eq!(read_bytes(&parts, auto()), expected);
    }
}

#[test]
fn packed_files_that_are_cut_off_or_damaged_say_so() {
    let text = long_text(20_000);
    for (pack, name) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (xz, "xz"), (zstd, "zstd")] {
        let packed = pack(&text);
        for part in [2, 3] {
            let cut = &packed[..packed.len() * (part - 1) / part];
            let (requests, error, _) = read_bytes(cut, auto());
            let error = error.expect(name);
            let said = format!("the {name} data is cut off");
            assert!(error.to_string().contains(&said), "{error}");
            assert!(error.hint.contains("copied whole"), "{error}");
            assert!(requests.len() < 20_000);
            // Nothing that could be skipped: --skip-bad does not hide it.
            let skip = TraceOptions { skip_bad: true, ..auto() };
            assert!(read_bytes(cut, skip).1.is_some());
        }
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 40].iter_mut().for_each(|byte| *byte ^= 0x5a);
        let (_, error, _) = read_bytes(&damaged, auto());
        assert!(error.is_some(), "{name}: damage is found, at the latest by the check sum");
        let (_, error, _) = read_bytes(&pack(&pack(&text)), auto());
        let error = error.expect("packed twice");
        assert!(error.what.contains("packed twice"), "{error}");
        assert!(read_bytes(&pack(b""), auto()).1.unwrap().what.contains("empty"));
        assert!(read_bytes(&packed[..5], auto()).1.is_some());
    }
}

#[test]
fn a_file_made_to_fill_memory_ends_in_an_error() {
    // 256 MiB of blank lines: no line is too long, and none asks for anything.
    let mut packed = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    packed.write_all(b"0 0 0 8 0\n").unwrap();
    let mut blank = vec![b' '; 1 << 20];
    blank.iter_mut().step_by(4_000).for_each(|byte| *byte = b'\n');
    for _ in 0..256 {
        packed.write_all(&blank).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 100_000, "{}", packed.len());
    let (requests, error, _) = read_bytes(&packed, auto());
    assert_eq!(requests.len(), 1);
    assert!(error.unwrap().what.contains("more than 1000 times its size"));
    // A window of 2 GiB asks for as much memory.
    let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(31).unwrap();
    wide.long_distance_matching(true).unwrap();
    wide.write_all(&long_text(1_000)).unwrap();
    let (_, error, _) = read_bytes(&wide.finish().unwrap(), auto());
    assert!(error.unwrap().what.contains("zstd data is damaged"));
}

#[test]
fn line_ends_marks_and_blank_lines_do_not_matter() {
    for name in ["small.spc", "small.alibaba.csv", "small.tencent.csv", "small.systor.csv"] {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        let (plain, ..) = read_bytes(text.as_bytes(), auto());
        let strange = format!("\u{feff}\r\n# by hand\r\n{}\r\n\r\n", text.replace('\n', "\r\n"));
        let (requests, error, _) = read_bytes(strange.as_bytes(), auto());
        assert_eq!((requests, error), (plain, None), "{name}");
    }
    let (requests, error, _) =
        read_bytes("\u{feff}fio version 2 iolog\r\nf add\r\nf read 0 512\r\n".as_bytes(), auto());
    assert_eq!((requests.len(), error), (1, None));
}

#[test]
fn headings_are_no_requests() {
    for (heading, name) in [
        ("device_id,opcode,offset,length,timestamp", "small.alibaba.csv"),
        ("Timestamp,Offset,Size,IOType,VolumeID", "small.tencent.csv"),
        ("ASU,LBA,Size,Opcode,Timestamp", "small.spc"),
    ] {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        let (requests, error, counts) = read_bytes(format!("{heading}\n{text}").as_bytes(), auto());
        assert_eq!((requests.len() as u64, error), (counts.requests(), None));
        assert_eq!(counts.ignored, 1);
    }
}

#[test]
fn bad_lines_of_the_new_formats() {
    let line = Place::Line;
    assert_bad(Format::Spc, b"0,1,512\n", line(1), "3 fields instead of 5");
    assert_bad(Format::Spc, b"0,1,512,x,0\n", line(1), "`x` is neither R nor W");
    assert_bad(Format::Spc, b"0,1,512,r,-1\n", line(1), "time `-1` is negative");
    assert_bad(Format::Spc, b"0,18446744073709551615,512,r,0\n", line(1), "out of range");
    assert_bad(Format::Auto, b"0,1,512,r,0\n0,-1,512,r,0\n", line(2), "LBA `-1` is negative");
    assert_bad(Format::Alibaba, b"1,R,0,512\n", line(1), "4 fields instead of 5");
    assert_bad(
        Format::Alibaba,
        b"1,R,0,18446744073709551616,5\n",
        line(1),
        "length `18446744073709551616` does not fit 64 bits",
    );
    assert_bad(Format::Alibaba, b"1,R,0,512,99999999999999999\n", line(1), "out of range");
    assert_bad(Format::Tencent, b"5,0,8,2,1\n", line(1), "neither 0 (read) nor 1 (write)");
    assert_bad(Format::Tencent, b"5,9007199254740992,8,0,1\n", line(1), "out of range");
    assert_bad(Format::Systor, b"1.5,0.1,X,0,0,512\n", line(1), "neither R nor W");
    assert_bad(Format::Systor, b"1.5,x,R,0,0,512\n", line(1), "response time `x` is no number");
    assert_bad(Format::Msr, b"1,h,0,Read,0,512,x\n", line(1), "response time `x` is no number");
    assert_bad(Format::Blkparse, b"8,0 1 2 0.5\n", line(1), "no event of blkparse");
    assert_bad(Format::Blkparse, b"8,0 1 2 0.5 7 Q R x + 8 [a]\n", line(1), "sector `x`");
    assert_bad(Format::Blkparse, b"8,0 1 2 0.5 7 Q Z 1 + 8 [a]\n", line(1), "`Z` is no RWBS");
    assert_bad(Format::Blkparse, b"8,0 1 2 0.5 7 Q R 1 +\n", line(1), "SECTOR + SECTORS");
    assert_bad(Format::Blkparse, b"8,0 1 2 0.5 7 Q R\n", line(1), "SECTOR + SECTORS");
    assert_bad(Format::Jsonl, b"{\"op\":\"read\"\n", line(1), "EOF");
    assert_bad(Format::Jsonl, b"{\"op\":\"erase\"}\n", line(1), "unknown variant");
    assert_bad(Format::Jsonl, b"{\"op\":\"read\",\"sektor\":1}\n", line(1), "sektor");
    assert_bad(Format::Jsonl, b"{\"op\":\"read\",\"sector\":-1}\n", line(1), "no request");
    assert_bad(
        Format::Auto,
        b"{\"trace\":\"amflab\",\"version\":2}\n{\"op\":\"flush\"}\n",
        line(1),
        "version 2",
    );
    assert_bad(Format::Auto, b"{\"block\":1,\"op\":{}}\n", Place::File, "JSON lines, but no trace");
    assert_bad(Format::Auto, b"words\n0,1,512,r,0\n", line(1), "1 field instead of 5");
    let oracle = std::fs::read(fixture("small.oracle")).unwrap();
    assert_bad(
        Format::Auto,
        &oracle[..oracle.len() - 1],
        Place::Record(6),
        "cut off after 23 of 24",
    );
    assert_bad(Format::Auto, b"\xff\xfe1\0 \0", Place::File, "UTF-16");
    assert_bad(Format::Auto, b"\x89AMFREC\nrest", Place::File, "a recording of this program");
}

#[test]
fn times_limit_what_is_read() {
    let text = "10 0 0 8 1\n20 0 8 8 1\n30 0 16 8 1\n25 0 24 8 1\n40 0 32 8 1\n";
    let options = |from: Option<u64>, until: Option<u64>| TraceOptions {
        from: from.map(Span::millis),
        until: until.map(Span::millis),
        ..auto()
    };
    let firsts = |from, until| {
        let (requests, error, counts) = read_bytes(text.as_bytes(), options(from, until));
        assert_eq!(error, None);
        let first = requests.first().and_then(|request| request.at).map(|at| at.0 / 1_000_000);
        (requests.iter().map(|request| request.first).collect::<Vec<_>>(), first, counts.outside)
    };
    assert_eq!(firsts(Some(10), None), (vec![8, 16, 24, 32], Some(0), 1));
    assert_eq!(firsts(Some(15), None), (vec![16, 24, 32], Some(5), 2));
    assert_eq!(firsts(None, Some(20)), (vec![0, 8], Some(0), 1), "the first that is late ends it");
    assert_eq!(firsts(Some(10), Some(30)), (vec![8, 16, 24], Some(0), 2));
    let (_, error, _) = read_bytes(text.as_bytes(), options(Some(1_000), None));
    assert!(error.unwrap().hint.contains("outside of --from and --until"));
    let timeless = "fio version 2 iolog\nf add\nf read 0 512\n";
    let (_, error, _) = read_bytes(timeless.as_bytes(), options(Some(1), None));
    assert!(error.unwrap().what.contains("without a time"));
}

#[test]
fn a_long_packed_trace_is_a_stream() {
    let packed = zstd(&long_text(200_000));
    let mut reader = TraceReader::new("t", &packed[..], auto()).unwrap();
    for _ in 0..1_000 {
        reader.next().unwrap().unwrap();
    }
    assert!(reader.bytes_read() < packed.len() as u64 / 2, "only what is needed is unpacked");
    assert_eq!(reader.by_ref().flatten().count(), 199_000);
    assert_eq!(reader.bytes_read(), packed.len() as u64);
}
