//! The arguments of commands: one reader for each kind, checked against the [`Limits`].

use super::error::{GrammarError, Wrong, nearest};
use super::lexer::{Token, TokenKind};
use super::{COUNT_MAX, LABEL_CHARS_MAX, Limits, TIME_MAX, words};
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::id::{AmfId, Block, DiskId, Mode, NodeId, SECTOR_BYTES, Span};
use crate::protocol::{Defect, HostError, LineState, MsgKind, Protocol, Rule, Source};
use crate::trace::action::{PPM, Seek, Target};
use crate::trace::command::Value;

pub(super) type Parsed<T> = Result<T, GrammarError>;

/// Reads the pieces of one line, front to back.
pub(super) struct Args<'a> {
    tokens: &'a [Token],
    at: usize,
    end: u32,
    pub(super) limits: &'a Limits,
    /// Usage of the command, the hint when something is missing or too much.
    pub(super) usage: Option<&'static str>,
}

impl<'a> Args<'a> {
    pub(super) fn new(tokens: &'a [Token], end: u32, limits: &'a Limits) -> Self {
        Self { tokens, at: 0, end, limits, usage: None }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    /// The next piece if it is a bare word.
    pub(super) fn peek_word(&self) -> Option<&'a str> {
        match self.peek()?.kind {
            TokenKind::Word(ref word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += usize::from(token.is_some());
        token
    }

    pub(super) fn missing(&self, what: &str) -> GrammarError {
        let usage = self.usage.map(|usage| format!("usage: {usage}"));
        GrammarError::at(self.end, Wrong::Missing(what.to_owned())).hint(usage)
    }

    /// Nothing may follow.
    pub(super) fn finish(&self) -> Parsed<()> {
        let Some(token) = self.peek() else { return Ok(()) };
        let usage = self.usage.map(|usage| format!("usage: {usage}"));
        Err(GrammarError::at(token.column, Wrong::TooMuch(token.shown())).hint(usage))
    }

    /// A bare word; `what` says what is missing if there is none.
    pub(super) fn word(&mut self, what: &'static str) -> Parsed<(&'a str, u32)> {
        let token = self.next().ok_or_else(|| self.missing(what))?;
        match &token.kind {
            TokenKind::Word(word) => Ok((word, token.column)),
            _ => Err(not_a(token.column, &token.shown(), what, "a bare word")),
        }
    }

    /// One of these words.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        what: &'static str,
        words: &[(&'static str, T)],
    ) -> Parsed<T> {
        let (word, column) = self.word(what)?;
        if let Some((_, value)) = words.iter().find(|(name, _)| *name == word) {
            return Ok(*value);
        }
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        Err(not_a(column, word, what, &names.join(", ")).hint(meant(word, &names)))
    }

    /// One of these words, or one of those that come later.
    fn named<T: Copy>(
        &mut self,
        what: &'static str,
        all: &[(&'static str, T)],
        later: &[&str],
    ) -> Parsed<T> {
        if let Some(word) = self.peek_word().filter(|word| later.contains(word)) {
            let column = self.peek().map_or(self.end, |token| token.column);
            return Err(GrammarError::at(column, Wrong::Later(word.to_owned())));
        }
        self.one_of(what, all)
    }

    pub(super) fn kind(&mut self) -> Parsed<MsgKind> {
        self.one_of("kind of message", &MsgKind::ALL.map(|kind| (kind.name(), kind)))
    }

    pub(super) fn rule(&mut self) -> Parsed<Rule> {
        let rules: Vec<(&str, Rule)> = Rule::ALL.iter().map(|rule| (rule.id(), *rule)).collect();
        self.one_of("rule", &rules)
    }

    pub(super) fn state(&mut self) -> Parsed<LineState> {
        let states = LineState::ALL.map(|state| (state.name(), state));
        self.one_of("line state", &states)
    }

    pub(super) fn protocol(&mut self) -> Parsed<Protocol> {
        self.named("protocol", &Protocol::ALL.map(|p| (p.name(), p)), words::PROTOCOLS)
    }

    pub(super) fn defect(&mut self) -> Parsed<Defect> {
        self.one_of("defect", &Defect::ALL.map(|d| (d.name(), d)))
    }

    pub(super) fn mode(&mut self) -> Parsed<Mode> {
        self.one_of("mode", &[("shared", Mode::Shared), ("exclusive", Mode::Exclusive)])
    }

    pub(super) fn error_kind(&mut self) -> Parsed<HostError> {
        self.one_of("kind of error", &HostError::ALL.map(|kind| (kind.name(), kind)))
    }

    pub(super) fn on_off(&mut self) -> Parsed<bool> {
        self.one_of("switch", &[("on", true), ("off", false)])
    }

    pub(super) fn amf(&mut self) -> Parsed<AmfId> {
        let (word, column) = self.word("AMF")?;
        self.amf_in(word, column)
    }

    fn amf_in(&self, word: &str, column: u32) -> Parsed<AmfId> {
        let allowed = numbered("amf", self.limits.amfs);
        number_of(word, column, ("amf", "AMF"), self.limits.amfs, &allowed).map(AmfId)
    }

    pub(super) fn disk(&mut self) -> Parsed<DiskId> {
        let (word, column) = self.word("disk")?;
        self.disk_in(word, column)
    }

    fn disk_in(&self, word: &str, column: u32) -> Parsed<DiskId> {
        let allowed = numbered("disk", self.limits.disks);
        number_of(word, column, ("disk", "disk"), self.limits.disks, &allowed).map(DiskId)
    }

    pub(super) fn target(&mut self) -> Parsed<Target> {
        if self.peek_word() == Some("all") {
            self.next();
            return Ok(Target::All);
        }
        self.amf().map(Target::One)
    }

    pub(super) fn node(&mut self) -> Parsed<NodeId> {
        let (word, column) = self.word("AMF, disk or `witness`")?;
        self.node_in(word, column)
    }

    fn node_in(&self, word: &str, column: u32) -> Parsed<NodeId> {
        if word == "witness" {
            return Ok(NodeId::Witness);
        }
        if word.starts_with("disk") {
            return self.disk_in(word, column).map(NodeId::Disk);
        }
        if word.starts_with("amf") {
            return self.amf_in(word, column).map(NodeId::Amf);
        }
        let allowed = format!("{}, witness", numbered("amf", self.limits.amfs));
        let hint = meant(word, &["witness"]);
        Err(not_a(column, word, "AMF, disk or `witness`", &allowed).hint(hint))
    }

    /// Two different nodes.
    pub(super) fn pair(&mut self) -> Parsed<(NodeId, NodeId)> {
        let from = self.node()?;
        let column = self.peek().map_or(self.end, |token| token.column);
        let to = self.node()?;
        if from == to {
            return Err(not_a(column, &to.to_string(), "other node", "two different ones"));
        }
        Ok((from, to))
    }

    /// `FROM TO` between AMFs, if something follows.
    pub(super) fn amf_pair_if_any(&mut self) -> Parsed<Option<(AmfId, AmfId)>> {
        if self.peek().is_none() || matches!(self.peek_word(), Some("within" | "and")) {
            return Ok(None);
        }
        Ok(Some((self.amf()?, self.amf()?)))
    }

    /// `NODE` or `NODE..NODE`, both included.
    pub(super) fn node_range(&mut self) -> Parsed<Vec<NodeId>> {
        let (word, column) = self.word("AMF, disk or `witness`")?;
        let Some((first, last)) = word.split_once("..") else {
            return Ok(vec![self.node_in(word, column)?]);
        };
        match (self.node_in(first, column)?, self.node_in(last, column)?) {
            (NodeId::Amf(a), NodeId::Amf(b)) if a <= b => {
                Ok((a.0..=b.0).map(|id| NodeId::Amf(AmfId(id))).collect())
            }
            (NodeId::Disk(a), NodeId::Disk(b)) if a <= b => {
                Ok((a.0..=b.0).map(|id| NodeId::Disk(DiskId(id))).collect())
            }
            _ => Err(not_a(column, word, "range", "as in amf0..amf2, the lower one first")),
        }
    }

    pub(super) fn block(&mut self) -> Parsed<Block> {
        let (word, column) = self.word("block")?;
        self.block_in(word, column)
    }

    fn block_in(&self, word: &str, column: u32) -> Parsed<Block> {
        let last = self.limits.blocks.saturating_sub(1);
        let allowed = format!("0 to {last}");
        let block = digits(word).ok_or_else(|| not_a(column, word, "block", &allowed))?;
        if block > last {
            let what = format!("block {word}");
            let allowed = format!("the volume has blocks {allowed}");
            return Err(GrammarError::at(column, Wrong::NotHere { what, allowed }));
        }
        Ok(Block(block))
    }

    /// `BLOCK` or `BLOCK+N`.
    pub(super) fn blocks(&mut self) -> Parsed<(Block, u32)> {
        let (word, column) = self.word("block")?;
        let (first, count) = word.split_once('+').unwrap_or((word, "1"));
        let block = self.block_in(first, column)?;
        let most = REQUEST_SECTORS_MAX / (self.limits.block_size / SECTOR_BYTES).max(1);
        let count = digits(count)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=most).contains(n))
            .ok_or_else(|| {
                not_a(column, word, "run of blocks", &format!("BLOCK+N, N from 1 to {most}"))
            })?;
        if u64::from(count) > self.limits.blocks - block.0 {
            let what = format!("block {}", block.0 + u64::from(count) - 1);
            let allowed = format!("the volume has blocks 0 to {}", self.limits.blocks - 1);
            return Err(GrammarError::at(column, Wrong::NotHere { what, allowed }));
        }
        Ok((block, count))
    }

    /// `BLOCK/SECTOR` or `BLOCK/SECTOR+N`, N sectors of 512 bytes.
    pub(super) fn sectors(&mut self) -> Parsed<(Block, u32, u32)> {
        let (word, column) = self.word("sectors of a block")?;
        let (block, rest) = word.split_once('/').unwrap_or((word, "0"));
        let (sector, count) = rest.split_once('+').unwrap_or((rest, "1"));
        let per = (self.limits.block_size / SECTOR_BYTES).max(1);
        let block = self.block_in(block, column)?;
        let allowed = format!(
            "BLOCK/SECTOR+N, SECTOR from 0 to {}, N from 1 to {REQUEST_SECTORS_MAX}",
            per - 1
        );
        let small = |text| digits(text).and_then(|n| u32::try_from(n).ok());
        let (sector, count) = small(sector)
            .filter(|n| *n < per)
            .zip(small(count).filter(|n| (1..=REQUEST_SECTORS_MAX).contains(n)))
            .ok_or_else(|| not_a(column, word, "run of sectors", &allowed))?;
        let last = block.0 + u64::from((sector + count - 1) / per);
        if last >= self.limits.blocks {
            let allowed = format!("the volume has blocks 0 to {}", self.limits.blocks - 1);
            return Err(GrammarError::at(
                column,
                Wrong::NotHere { what: format!("block {last}"), allowed },
            ));
        }
        Ok((block, sector, count))
    }

    pub(super) fn number(&mut self, what: &'static str, max: u64) -> Parsed<u64> {
        let (word, column) = self.word(what)?;
        digits(word)
            .filter(|n| *n <= max)
            .ok_or_else(|| not_a(column, word, what, &format!("a whole number up to {max}")))
    }

    /// A count from 1.
    pub(super) fn count(&mut self, what: &'static str) -> Parsed<u32> {
        let (word, column) = self.word(what)?;
        digits(word)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=COUNT_MAX).contains(n))
            .ok_or_else(|| not_a(column, word, what, &format!("a whole number, 1 to {COUNT_MAX}")))
    }

    pub(super) fn time(&mut self) -> Parsed<Span> {
        let (word, column) = self.word("time")?;
        parse_time(word)
            .filter(|span| *span <= TIME_MAX)
            .ok_or_else(|| not_a(column, word, "time", "as in 200us, 50ms, 1.5s, 2m; up to 24h"))
    }

    /// `20%` as parts in a million.
    pub(super) fn rate(&mut self) -> Parsed<u32> {
        let (word, column) = self.word("rate")?;
        word.strip_suffix('%')
            .and_then(|number| decimal(number, u64::from(PPM / 100)))
            .and_then(|ppm| u32::try_from(ppm).ok())
            .filter(|ppm| *ppm <= PPM)
            .ok_or_else(|| not_a(column, word, "rate", "0% to 100%, as in 20% or 0.5%"))
    }

    /// `0.1` as thousandths.
    pub(super) fn tempo(&mut self) -> Parsed<u32> {
        let (word, column) = self.word("tempo")?;
        decimal(word, 1_000)
            .and_then(|thousandths| u32::try_from(thousandths).ok())
            .filter(|thousandths| (1..=1_000).contains(thousandths))
            .ok_or_else(|| not_a(column, word, "tempo", "0.001 to 1, as in 1, 0.1, 0.01"))
    }

    pub(super) fn text(&mut self, what: &'static str) -> Parsed<String> {
        let token = self.next().ok_or_else(|| self.missing(what))?;
        match &token.kind {
            TokenKind::Text(text) => Ok(text.clone()),
            _ => Err(not_a(token.column, &token.shown(), what, "text in quotes")),
        }
    }

    /// `"text"`, `0xHEX` or `@FILE`, not longer than a block.
    pub(super) fn value(&mut self) -> Parsed<Value> {
        self.value_of(self.limits.block_size)
    }

    /// The same, of at most so many bytes.
    pub(super) fn value_of(&mut self, bytes_max: u32) -> Parsed<Value> {
        let token = self.next().ok_or_else(|| self.missing("value"))?;
        let column = token.column;
        let value = match &token.kind {
            TokenKind::Text(text) => Value::Text(text.clone()),
            TokenKind::File(file) if !file.is_empty() => Value::File(self.limits.resolve(file)),
            TokenKind::Word(word) => {
                let bytes = word.strip_prefix("0x").and_then(hex);
                let allowed = "\"text\", 0xHEX with two digits a byte, or @FILE";
                Value::Hex(bytes.ok_or_else(|| not_a(column, word, "value", allowed))?)
            }
            _ => {
                let allowed = "\"text\", 0xHEX or @FILE";
                return Err(not_a(column, &token.shown(), "value", allowed));
            }
        };
        match value.bytes(bytes_max) {
            Ok(_) => Ok(value),
            Err(wrong) => Err(GrammarError::at(column, wrong)),
        }
    }

    /// A file's path, in quotes or as one word; `None`: the word `instead`.
    pub(super) fn file_or(&mut self, instead: &str) -> Parsed<Option<std::path::PathBuf>> {
        let token = self.next().ok_or_else(|| self.missing("file"))?;
        match &token.kind {
            TokenKind::Word(word) if word == instead => Ok(None),
            TokenKind::Word(path) | TokenKind::Text(path) if !path.is_empty() => {
                Ok(Some(self.limits.resolve(path)))
            }
            _ => Err(not_a(token.column, &token.shown(), "file", "a path, in quotes if need be")),
        }
    }

    /// `N`, `+N`, `-N`, `start`, `end`.
    pub(super) fn seek(&mut self) -> Parsed<Seek> {
        let (word, column) = self.word("position")?;
        let signed = |digits_: &str| digits(digits_).and_then(|steps| i64::try_from(steps).ok());
        let seek = match word {
            "start" => Some(Seek::To(0)),
            "end" => Some(Seek::End),
            _ => match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(on), _) => signed(on).map(Seek::By),
                (None, Some(back)) => signed(back).map(|steps| Seek::By(-steps)),
                (None, None) => digits(word).map(Seek::To),
            },
        };
        let allowed = "N steps from the start, +N, -N, start, end";
        seek.ok_or_else(|| not_a(column, word, "position", allowed))
    }

    pub(super) fn label(&mut self) -> Parsed<String> {
        let (word, column) = self.word("label")?;
        check_label(word, column)?;
        Ok(word.to_owned())
    }

    pub(super) fn workload(&mut self) -> Parsed<String> {
        let (word, column) = self.word("workload")?;
        if self.limits.workloads.iter().any(|name| name == word) {
            return Ok(word.to_owned());
        }
        let names: Vec<&str> = self.limits.workloads.iter().map(String::as_str).collect();
        let allowed = match names.as_slice() {
            [] => "there is none".to_owned(),
            names => format!("there is {}", names.join(", ")),
        };
        let what = format!("workload `{word}`");
        let wrong = Wrong::NotHere { what, allowed };
        Err(GrammarError::at(column, wrong).hint(meant(word, &names)))
    }

    pub(super) fn source(&mut self) -> Parsed<Source> {
        let (word, column) = self.word("source")?;
        match word {
            "cache" => Ok(Source::Cache),
            "host" => Ok(Source::Host),
            _ if word.starts_with("amf") => self.amf_in(word, column).map(Source::Amf),
            _ if word.starts_with("disk") => self.disk_in(word, column).map(Source::Disk),
            _ => Err(not_a(column, word, "source", "cache, amfN, diskN, host")
                .hint(meant(word, &["cache", "host"]))),
        }
    }
}

impl Limits {
    /// Where a file named in a command is: absolute, so that the command means the same elsewhere.
    fn resolve(&self, file: &str) -> std::path::PathBuf {
        let path = self.base_dir.join(file);
        std::path::absolute(&path).unwrap_or(path)
    }
}

/// A label is a word of letters, digits, `-` and `_` that begins with a letter.
pub(super) fn check_label(label: &str, column: u32) -> Parsed<()> {
    let sound = label.starts_with(|c: char| c.is_ascii_alphabetic())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        && label.len() <= LABEL_CHARS_MAX;
    if sound {
        return Ok(());
    }
    let allowed =
        format!("a letter, then letters, digits, - and _, at most {LABEL_CHARS_MAX} in all");
    Err(not_a(column, label, "label", &allowed))
}

pub(super) fn not_a(
    column: u32,
    word: &str,
    expected: &'static str,
    allowed: &str,
) -> GrammarError {
    let word = word.to_owned();
    let allowed = allowed.to_owned();
    GrammarError::at(column, Wrong::NotA { word, expected, allowed })
}

/// The hint that names the nearest word.
pub(super) fn meant(word: &str, words: &[&str]) -> Option<String> {
    nearest(word, words.iter().copied()).map(|near| format!("did you mean `{near}`?"))
}

fn number_of(
    word: &str,
    column: u32,
    (prefix, what): (&str, &'static str),
    count: u8,
    allowed: &str,
) -> Parsed<u8> {
    let number = word
        .strip_prefix(prefix)
        .and_then(digits)
        .ok_or_else(|| not_a(column, word, what, allowed))?;
    u8::try_from(number).ok().filter(|n| *n < count).ok_or_else(|| {
        let allowed = format!("this cluster has {allowed}");
        GrammarError::at(column, Wrong::NotHere { what: word.to_owned(), allowed })
    })
}

fn numbered(prefix: &str, count: u8) -> String {
    match count {
        0 | 1 => format!("{prefix}0"),
        _ => format!("{prefix}0 to {prefix}{}", count - 1),
    }
}

/// A number in decimal digits only, without superfluous zeroes in front.
fn digits(word: &str) -> Option<u64> {
    let plain = word.chars().all(|c| c.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    plain.then(|| word.parse().ok()).flatten()
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    // `from_str_radix` accepts a sign, a value does not.
    let plain = digits.chars().all(|c| c.is_ascii_hexdigit());
    plain.then(|| (0..digits.len()).step_by(2).map(byte).collect())?
}

/// `1.25` times `unit`, exactly; `None` if it is no number or finer than one.
fn decimal(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !all_digits(whole) || !all_digits(part) || part.len() > 12 {
        return None;
    }
    let scale = 10u64.pow(u32::try_from(part.len()).ok()?);
    let fine = u128::from(part.parse::<u64>().ok()?) * u128::from(unit);
    let fine = fine.is_multiple_of(u128::from(scale)).then(|| fine / u128::from(scale))?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    whole.checked_add(u64::try_from(fine).ok()?)
}

/// `200ms`, `1.5s`: a number and its unit without a space.
fn parse_time(word: &str) -> Option<Span> {
    let at = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = word.split_at(at);
    let ns = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    decimal(number, ns).map(Span)
}
