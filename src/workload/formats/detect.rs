//! Which format a file has, by its first bytes.

use super::{Bad, Format, fio, msr, vscsi};

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
    /// vscsi records.
    Vscsi(vscsi::Version),
}

/// First bytes of what is no trace, but often handed in as one.
const STRANGERS: [(&[u8], &str, &str); 5] = [
    (&[0x1f, 0x8b], "compressed with gzip", "unpack it first"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", "unpack it first"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "compressed with xz", "unpack it first"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (&[0x07, 0x74, 0x61, 0x65], "a binary blktrace", "`blkparse` and a converter make it an iolog"),
];

/// Decides by the first bytes of a file, at most [`HEAD_BYTES_MAX`].
///
/// # Errors
/// If they belong to no format, or not to the one that was `asked` for.
pub fn detect(asked: Format, head: &[u8]) -> Result<Detected, Bad> {
    if head.is_empty() {
        return Err(Bad::new("the file is empty").hint("was it copied whole?"));
    }
    match asked {
        Format::Fio => Ok(Detected::Fio),
        Format::DiskSim => Ok(Detected::DiskSim),
        Format::Msr => Ok(Detected::Msr),
        Format::Vscsi => vscsi::Version::of(head).map(Detected::Vscsi).ok_or_else(|| {
            Bad::new("no vscsi record of version 1 or 2 at the beginning")
                .hint("records have 32 bytes (version 1) or 40 (version 2); is it another format?")
        }),
        Format::Auto => by_content(head),
    }
}

fn by_content(head: &[u8]) -> Result<Detected, Bad> {
    for (magic, what, hint) in STRANGERS {
        if head.starts_with(magic) {
            return Err(Bad::new(format!("the file is {what}")).hint(hint));
        }
    }
    if let Some(version) = vscsi::Version::of(head) {
        return Ok(Detected::Vscsi(version));
    }
    let unknown = || {
        Bad::new("the format is not recognised")
            .hint("--format fio|disksim|msr|vscsi says which one it is")
    };
    let line = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| core::str::from_utf8(line).ok())
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .ok_or_else(unknown)?;
    if line.starts_with(fio::HEADER) {
        return fio::header(line).map(|_| Detected::Fio);
    }
    if line.matches(',').count() >= 5 && is_msr(line) {
        return Ok(Detected::Msr);
    }
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if fields.len() == 5 && fields.iter().all(|field| field.parse::<f64>().is_ok()) {
        return Ok(Detected::DiskSim);
    }
    Err(unknown())
}

/// The heading, or a line that can be read.
fn is_msr(line: &str) -> bool {
    msr::Msr::default().line(line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        let auto = |head: &[u8]| detect(Format::Auto, head);
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
    }

    #[test]
    fn strangers_are_named() {
        let what = |head: &[u8]| detect(Format::Auto, head).unwrap_err().what;
        assert!(what(b"").contains("empty"));
        assert!(what(&[0x1f, 0x8b, 8]).contains("gzip"));
        assert!(what(b"fio version 1 iolog\n").contains("version"));
        assert!(what(b"hello, world\n").contains("not recognised"));
        assert!(what(&[0xff; 100]).contains("not recognised"));
    }
}
