//! gzip, xz and zstd, told by their first bytes and unpacked as a stream.
//!
//! What is packed may be made to hurt: hence the limits. Memory: gzip needs 32 KiB, xz and zstd at
//! most [`XZ_BYTES_MAX`] and 2^[`ZSTD_WINDOW_LOG_MAX`] bytes, whatever the file asks for. Output: past
//! [`FREE_BYTES`] at most [`RATIO_MAX`] bytes for each byte of the file; traces come to 10 or 20.

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use std::io::{self, BufRead, Read};

/// Most memory for xz, in bytes: `xz -9` needs 65 MiB.
pub const XZ_BYTES_MAX: u64 = 256 << 20;
/// Largest window of zstd, as a power of two: what `zstd` itself unpacks without being told.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// So much may come out whatever went in.
pub const FREE_BYTES: u64 = 64 << 20;
/// Most bytes out for each byte in, after that.
pub const RATIO_MAX: u64 = 1_000;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// gzip, one member or several.
    Gzip,
    /// xz, one stream or several.
    Xz,
    /// zstd, one frame or several.
    Zstd,
}

/// Bytes that tell a packing.
pub const MAGIC_BYTES: usize = 6;

impl Packing {
    /// Every packing.
    pub const ALL: [Self; 3] = [Self::Gzip, Self::Xz, Self::Zstd];

    /// Its name, which is also that of the tool.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    const fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b],
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        }
    }

    /// The packing that a file begins with.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|packing| head.starts_with(packing.magic()))
    }
}

/// Counts what is taken from a reader.
#[derive(Debug)]
struct Counted<R> {
    inner: R,
    taken: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }
    fn consume(&mut self, amount: usize) {
        self.taken += amount as u64;
        self.inner.consume(amount);
    }
}

/// The members of a gzip file, one after the other. Zeroes behind the last are padding, as on tapes;
/// anything else there is an error: it would be left out in silence.
struct Members<R: BufRead> {
    /// `None`: the input is at its end, or could not be read on.
    member: Option<GzDecoder<Counted<R>>>,
    /// Bytes taken by then.
    taken: u64,
}

impl<R: BufRead> Members<R> {
    fn new(input: Counted<R>) -> Self {
        Self { member: Some(GzDecoder::new(input)), taken: 0 }
    }

    fn taken(&self) -> u64 {
        self.member.as_ref().map_or(self.taken, |member| member.get_ref().taken)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut input) = self.member.take().map(GzDecoder::into_inner) else { break };
            let goes_on = next_member(&mut input);
            self.taken = input.taken;
            if goes_on? {
                self.member = Some(GzDecoder::new(input));
            }
        }
        Ok(0)
    }
}

/// Skips padding; `true`: a member begins here.
fn next_member(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let ahead = input.fill_buf()?;
        match ahead.iter().position(|byte| *byte != 0) {
            None if ahead.is_empty() => return Ok(false),
            None => {
                let zeroes = ahead.len();
                input.consume(zeroes);
            }
            Some(at) if ahead[at] == Packing::Gzip.magic()[0] => {
                input.consume(at);
                return Ok(true);
            }
            Some(_) => {
                let text = "something that is not packed follows it";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
    }
}

enum Inner<R: BufRead> {
    Plain(Counted<R>),
    Gzip(Members<R>),
    Xz(XzDecoder<Counted<R>>),
    Zstd(zstd::stream::read::Decoder<'static, Counted<R>>),
}

/// A file, unpacked if need be.
pub struct Unpack<R: BufRead> {
    inner: Inner<R>,
    packing: Option<Packing>,
    /// Bytes that came out.
    given: u64,
}

impl<R: BufRead> Unpack<R> {
    /// `input` from its first byte on, packed in this way.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn new(input: R, packing: Option<Packing>) -> io::Result<Self> {
        let input = Counted { inner: input, taken: 0 };
        let inner = match packing {
            None => Inner::Plain(input),
            Some(Packing::Gzip) => Inner::Gzip(Members::new(input)),
            Some(Packing::Xz) => {
                let stream = Stream::new_stream_decoder(XZ_BYTES_MAX, CONCATENATED)?;
                Inner::Xz(XzDecoder::new_stream(input, stream))
            }
            Some(Packing::Zstd) => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Inner::Zstd(decoder)
            }
        };
        Ok(Self { inner, packing, given: 0 })
    }

    /// How it is packed.
    pub fn packing(&self) -> Option<Packing> {
        self.packing
    }

    /// Bytes taken from the file so far.
    pub fn taken(&self) -> u64 {
        match &self.inner {
            Inner::Plain(input) => input.taken,
            Inner::Gzip(members) => members.taken(),
            Inner::Xz(decoder) => decoder.get_ref().taken,
            Inner::Zstd(decoder) => decoder.get_ref().taken,
        }
    }
}

impl<R: BufRead> Read for Unpack<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Inner::Plain(input) => return input.read(buffer),
            Inner::Gzip(members) => members.read(buffer),
            Inner::Xz(decoder) => decoder.read(buffer),
            Inner::Zstd(decoder) => decoder.read(buffer),
        };
        let name = self.packing.map_or("", Packing::name);
        let read = read.map_err(|error| told(name, &error))?;
        self.given += read as u64;
        if self.given > FREE_BYTES && self.given / RATIO_MAX > self.taken() {
            let text = format!(
                "the {name} data unpacks to more than {RATIO_MAX} times its size: no trace does, \
                 it is made to fill something"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(read)
    }
}

fn told(name: &str, error: &io::Error) -> io::Error {
    let kind = error.kind();
    let text = match kind {
        io::ErrorKind::UnexpectedEof => format!("the {name} data is cut off"),
        io::ErrorKind::Interrupted => return kind.into(),
        _ => format!("the {name} data is damaged ({error})"),
    };
    io::Error::new(kind, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(text: &str) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).expect("memory");
        packer.finish().expect("memory")
    }

    fn unpacked(file: &[u8]) -> Result<String, String> {
        // A buffer of a few bytes: whatever is looked at ahead may lie across two of them.
        let input = io::BufReader::with_capacity(3, file);
        let mut all = String::new();
        let mut from = Unpack::new(input, Packing::of(file)).map_err(|error| error.to_string())?;
        from.read_to_string(&mut all).map_err(|error| error.to_string())?;
        assert_eq!(from.taken(), file.len() as u64, "all of it was looked at");
        Ok(all)
    }

    #[test]
    fn members_follow_each_other_and_zeroes_behind_them_are_padding() {
        let two = [packed("one "), packed("two")].concat();
        assert_eq!(unpacked(&two), Ok("one two".to_owned()));
        assert_eq!(unpacked(&[two.clone(), vec![0; 1_000]].concat()), Ok("one two".to_owned()));
        let apart = [packed("one "), vec![0; 7], packed("two")].concat();
        assert_eq!(unpacked(&apart), Ok("one two".to_owned()));
    }

    #[test]
    fn what_follows_and_is_not_packed_is_an_error_and_not_left_out() {
        let file = [packed("one"), b"1,host,0,Read\n".to_vec()].concat();
        let why = "the gzip data is damaged (something that is not packed follows it)";
        assert_eq!(unpacked(&file), Err(why.to_owned()));
        let file = packed("one");
        assert_eq!(unpacked(&file[..file.len() - 3]), Err("the gzip data is cut off".to_owned()));
    }
}
