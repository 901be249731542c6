//! Which format a file has, by its first bytes.

use super::blkparse::Event;
use super::oracle::Oracle;
use super::parser::who_reads;
use super::text::shown;
use super::unpack::Packing;
use super::{Bad, Format, TraceOptions, fio, vscsi};

/// So many first bytes decide.
pub const HEAD_BYTES_MAX: usize = 4096;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// fio iolog; the version is in its first line.
    Fio,
    /// DiskSim ASCII.
    DiskSim,
    /// MSR CSV.
    Msr,
    /// SPC.
    Spc,
    /// Events of blkparse, and which of them counts.
    Blkparse(Event),
    /// Alibaba's CSV.
    Alibaba,
    /// Tencent's CSV.
    Tencent,
    /// Systor's CSV.
    Systor,
    /// Our own.
    Jsonl,
    /// vscsi records.
    Vscsi(vscsi::Version),
    /// oracleGeneral records.
    Oracle,
}

impl Detected {
    /// The format in words; the version, where there are two kinds of record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vscsi(vscsi::Version::V1) => "vscsi v1",
            Self::Vscsi(vscsi::Version::V2) => "vscsi v2",
            _ => self.format().name(),
        }
    }

    /// The format.
    #[must_use]
    pub const fn format(self) -> Format {
        match self {
            Self::Fio => Format::Fio,
            Self::DiskSim => Format::DiskSim,
            Self::Msr => Format::Msr,
            Self::Spc => Format::Spc,
            Self::Blkparse(_) => Format::Blkparse,
            Self::Alibaba => Format::Alibaba,
            Self::Tencent => Format::Tencent,
            Self::Systor => Format::Systor,
            Self::Jsonl => Format::Jsonl,
            Self::Vscsi(_) => Format::Vscsi,
            Self::Oracle => Format::Oracle,
        }
    }
}

/// First bytes of what is no trace, but often handed in as one.
const STRANGERS: [(&[u8], &str, &str); 8] = [
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"BZh", "compressed with bzip2", "unpack it first: gzip, xz and zstd can be read as they are"),
    (&[0x04, 0x22, 0x4d, 0x18], "compressed with lz4", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (
        &[0x07, 0x74, 0x61, 0x65],
        "a binary blktrace",
        "`blkparse` makes the text of it that can be read",
    ),
    (&[0xff, 0xfe], "text in UTF-16", "`iconv -f UTF-16 -t UTF-8` makes it readable"),
    (&[0xfe, 0xff], "text in UTF-16", "`iconv -f UTF-16 -t UTF-8` makes it readable"),
    (
        &crate::trace::recording::MAGIC,
        "a recording of this program",
        "`amflab inspect RECORDING --export jsonl` makes a trace of it",
    ),
];

/// Where a tar archive says that it is one, and how.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Decides by the first bytes of a file, unpacked and without a byte order mark, at most
/// [`HEAD_BYTES_MAX`].
///
/// # Errors
/// If they belong to no format, or not to the one that was asked for.
pub fn detect(options: &TraceOptions, head: &[u8]) -> Result<Detected, Bad> {
    if head.is_empty() {
        return Err(Bad::new("the file is empty").hint("was it copied whole?"));
    }
    Ok(match options.format {
        Format::Auto => return by_content(options, head),
        Format::Fio => Detected::Fio,
        Format::DiskSim => Detected::DiskSim,
        Format::Msr => Detected::Msr,
        Format::Spc => Detected::Spc,
        Format::Blkparse => Detected::Blkparse(options.event.of(&lines(head))),
        Format::Alibaba => Detected::Alibaba,
        Format::Tencent => Detected::Tencent,
        Format::Systor => Detected::Systor,
        Format::Jsonl => Detected::Jsonl,
        Format::Oracle => Detected::Oracle,
        Format::Vscsi => vscsi::Version::of(head).map(Detected::Vscsi).ok_or_else(|| {
            Bad::new("no vscsi record of version 1 or 2 at the beginning")
                .hint("records have 32 bytes (version 1) or 40 (version 2); is it another format?")
        })?,
    })
}

/// Its lines of text; the last one only if it is whole or the only one.
fn lines(head: &[u8]) -> impl Iterator<Item = &str> + Clone {
    let end = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if head.len() == HEAD_BYTES_MAX => end,
        Some(_) | None => head.len(),
    };
    head[..end]
        .split(|byte| *byte == b'\n')
        .filter_map(|line| core::str::from_utf8(line).ok())
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn by_content(options: &TraceOptions, head: &[u8]) -> Result<Detected, Bad> {
    if let Some(version) = vscsi::Version::of(head) {
        return Ok(Detected::Vscsi(version));
    }
    for (magic, what, hint) in STRANGERS {
        if head.starts_with(magic) {
            return Err(Bad::new(format!("the file is {what}")).hint(hint));
        }
    }
    if let Some(packing) = Packing::of(head) {
        let text = format!("the file is packed twice, inside with {}", packing.name());
        return Err(Bad::new(text).hint("unpack it once"));
    }
    if head.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return Err(Bad::new("the file is a tar archive")
            .hint("`tar -xf` unpacks it; one of its files is a trace, perhaps"));
    }
    if let Some(first) = lines(head).next().filter(|first| first.starts_with(fio::HEADER)) {
        return fio::header(first).map(|_| Detected::Fio);
    }
    // The first line that anybody understands: a bad one before it is named when it is read.
    if let Some(found) = lines(head).find_map(who_reads) {
        return Ok(match found {
            Detected::Blkparse(_) => Detected::Blkparse(options.event.of(&lines(head))),
            other => other,
        });
    }
    if Oracle::is_likely(head) {
        return Ok(Detected::Oracle);
    }
    if lines(head).next().is_some_and(|line| line.starts_with('{')) {
        return Err(Bad::new("JSON lines, but no trace").hint(
            "the history of a run is for `amflab check`; docs/TRACES.md has our own format",
        ));
    }
    let is_text = core::str::from_utf8(head).map_or_else(|cut| cut.error_len().is_none(), |_| true);
    let what = match lines(head).next() {
        Some(first) if is_text => format!(", its first line is `{}`", shown(first)),
        None if is_text => ": nothing but blank lines and comments at its beginning".to_owned(),
        _ => String::new(),
    };
    let what = format!("the format is not recognised{what}");
    Err(Bad::new(what).hint("`--format` says which one it is; `amflab trace --help` has them all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        let auto = |head: &[u8]| detect(&TraceOptions::default(), head);
        assert_eq!(auto(b"fio version 2 iolog\n"), Ok(Detected::Fio));
        assert_eq!(auto(b"0.5 0 8 16 1\n"), Ok(Detected::DiskSim));
        assert_eq!(auto(b"# by hand\n\n12 0 8 16 0\n"), Ok(Detected::DiskSim));
        assert_eq!(
            auto(b"128166372003061629,usr,0,Read,7014609920,24576,41286\n"),
            Ok(Detected::Msr)
        );
        assert_eq!(
            auto(b"Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n"),
            Ok(Detected::Msr)
        );
        for (text, format) in [
            ("0,303567,3584,w,0.000000", Detected::Spc),
            ("0,303567,3584,W,0.5,more", Detected::Spc),
            ("419,W,8792731648,16384,1577808144360767", Detected::Alibaba),
            ("device_id,opcode,offset,length,timestamp", Detected::Alibaba),
            ("1538323199,12910952,128,0,1063", Detected::Tencent),
            ("Timestamp,Offset,Size,IOType,VolumeID", Detected::Tencent),
            ("Timestamp,Response,IOType,LUN,Offset,Size", Detected::Systor),
            ("1455592811.222713000,0.000354000,R,0,4096,512", Detected::Systor),
            ("1455592811.222713000,,,0,4096,512", Detected::Systor),
            ("{\"trace\":\"amflab\",\"version\":1}", Detected::Jsonl),
            ("{\"op\":\"flush\"}", Detected::Jsonl),
        ] {
            assert_eq!(auto(format!("{text}\n").as_bytes()), Ok(format), "{text}");
            let late = format!("something else\n\n{text}\r\n");
            assert_eq!(auto(late.as_bytes()), Ok(format), "after a bad line: {text}");
        }
        let issued = b"  8,0    1        1     0.000000000   697  D   W 223490 + 8 [kjournald]\n";
        assert_eq!(auto(issued), Ok(Detected::Blkparse(Event::Issued)));
    }

    #[test]
    fn strangers_are_named() {
        let what = |head: &[u8]| detect(&TraceOptions::default(), head).unwrap_err().what;
        assert!(what(b"").contains("empty"));
        assert!(what(&[0x1f, 0x8b, 8]).contains("packed twice, inside with gzip"));
        assert!(what(b"PK\x03\x04").contains("zip archive"));
        assert!(what(&[0xff, 0xfe, b'1', 0, b',', 0]).contains("UTF-16"));
        assert!(what(b"{\"op\":3}\n").contains("JSON lines, but no trace"));
        let mut tar = vec![b'x'; 600];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(what(&tar).contains("tar archive"));
        assert!(what(b"fio version 1 iolog\n").contains("version"));
        assert!(what(b"hello, world\n").contains("not recognised"));
        assert!(what(&[0xff; 100]).contains("not recognised"));
    }
}
