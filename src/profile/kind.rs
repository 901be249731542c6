//! Kinds of values: what a key accepts, how it is read, how it is shown.
//!
//! A [`Kind`] holds the accessor of the field it fills, so that a key's type and its field cannot
//! disagree. Whatever is read here is inside its range; what several keys say together is checked in
//! [`super::draft`].

use super::value::{Extent, NAME_MAX, Raw, Unit, is_name, nanos, quote, show_size, show_time};
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::id::{AMFS_MAX, SECTOR_BYTES, Span};
use crate::trace::grammar::nearest;

/// The field of `T` that a key fills.
pub(crate) type At<T, F> = fn(&mut T) -> &mut F;

/// What a key accepts, and where it goes.
pub(crate) enum Kind<T> {
    /// Any text of at most so many characters.
    Text { max: usize, at: At<T, String> },
    /// A name: letters, digits, `-` and `_`.
    Name { at: At<T, String> },
    /// `true` or `false`.
    Bool { at: At<T, bool> },
    /// A whole number.
    Int { min: u64, max: u64, at: At<T, u64> },
    /// A whole number; what it is when absent depends on other keys.
    Derived { min: u64, max: u64, at: At<T, Option<u64>> },
    /// Bytes.
    Size { min: u64, max: u64, at: At<T, u64> },
    /// Blocks, or a size.
    Extent { min: u64, max: u64, at: At<T, Extent> },
    /// A time; a plain number is in the unit.
    Time { unit: Unit, min: Span, max: Span, at: At<T, Span> },
    /// A number.
    Float { min: f64, max: f64, at: At<T, f64> },
    /// A part of a whole, 0 to 1 or 0% to 100%.
    Ratio { at: At<T, f64> },
    /// One of these names; the field is the index.
    Choice { names: fn() -> Vec<&'static str>, later: &'static [&'static str], at: At<T, usize> },
    /// A list of AMFs.
    Amfs { at: At<T, Vec<u8>> },
    /// A size, or a list of sizes, or of `[size, weight]`.
    Sizes { at: At<T, Vec<(u32, u32)>> },
    /// 1 to 64, or `"all"` (the field is 0).
    Degree { at: At<T, u64> },
    /// A number that may be left out.
    Limit { min: f64, max: f64, at: At<T, Option<f64>> },
    /// A list of `[part, share]`, each column adding up to 1.
    Zones { at: At<T, Vec<(f64, f64)>> },
    /// A list of block numbers.
    Blocks { at: At<T, Vec<u64>> },
}

/// Why a value was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

/// Most entries of a list of sizes, or of zones.
const SIZES_MAX: usize = 64;
/// Most entries of a list of blocks.
const BLOCKS_MAX: usize = 4_096;
/// Largest block number in a list.
const BLOCK_MAX: u64 = 1 << 41;
/// How far the sum of the parts of a whole may be from it.
const WHOLE_WITHIN: f64 = 1e-6;
/// Largest request in bytes.
const REQUEST_MAX: u64 = REQUEST_SECTORS_MAX as u64 * SECTOR_BYTES as u64;
/// Largest weight of a size.
const WEIGHT_MAX: i128 = 1_000_000;

impl<T> Kind<T> {
    /// The type, in a word or two.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Name { .. } => "a name",
            Self::Bool { .. } => "true or false",
            Self::Int { .. } | Self::Derived { .. } => "a whole number",
            Self::Size { .. } => "a size",
            Self::Extent { .. } => "a number of blocks, or a size",
            Self::Time { .. } => "a time",
            Self::Float { .. } | Self::Limit { .. } => "a number",
            Self::Ratio { .. } => "a ratio",
            Self::Choice { .. } => "one of",
            Self::Amfs { .. } => "a list of AMFs",
            Self::Sizes { .. } => "sizes",
            Self::Degree { .. } => "a whole number or \"all\"",
            Self::Zones { .. } => "a list of zones",
            Self::Blocks { .. } => "a list of blocks",
        }
    }

    /// The unit of a plain number; empty: it has none.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Time { unit, .. } => unit.name(),
            Self::Size { .. } | Self::Sizes { .. } => "bytes",
            Self::Extent { .. } => "blocks",
            Self::Text { .. }
            | Self::Name { .. }
            | Self::Bool { .. }
            | Self::Int { .. }
            | Self::Derived { .. }
            | Self::Float { .. }
            | Self::Ratio { .. }
            | Self::Choice { .. }
            | Self::Amfs { .. }
            | Self::Limit { .. }
            | Self::Zones { .. }
            | Self::Blocks { .. }
            | Self::Degree { .. } => "",
        }
    }

    /// What is allowed, in the key's unit.
    pub(crate) fn range(&self) -> String {
        match self {
            Self::Text { max, .. } => format!("at most {max} characters"),
            Self::Name { .. } => format!("1 to {NAME_MAX} letters, digits, `-` and `_`"),
            Self::Bool { .. } => "true, false".to_owned(),
            Self::Int { min, max, .. } | Self::Derived { min, max, .. } => {
                format!("{min} to {max}")
            }
            Self::Size { min, max, .. } => format!("{} to {}", show_size(*min), show_size(*max)),
            Self::Extent { min, max, .. } => format!("{min} to {max} blocks, or a size"),
            Self::Time { unit, min, max, .. } => {
                let plain = |span: &Span| span.0 / unit.nanos();
                format!("{} to {} {}", plain(min), plain(max), unit.name())
            }
            Self::Float { min, max, .. } | Self::Limit { min, max, .. } => {
                format!("{min} to {max}")
            }
            Self::Zones { .. } => {
                format!("1 to {SIZES_MAX} like [[0.1, 0.6], [0.9, 0.4]]; each column adds up to 1")
            }
            Self::Blocks { .. } => format!("1 to {BLOCKS_MAX} like [3, 1, 4]"),
            Self::Ratio { .. } => "0.0 to 1.0, or \"20%\"".to_owned(),
            Self::Choice { names, .. } => names().join(", "),
            Self::Amfs { .. } => "like [0, 2] or [\"amf0\", \"amf2\"]; empty: all".to_owned(),
            Self::Sizes { .. } => {
                "\"4KiB\", or [\"4KiB\", ..], or [[\"4KiB\", weight], ..]; multiples of 512B up to 32MiB".to_owned()
            }
            Self::Degree { .. } => format!("1 to {AMFS_MAX}, \"all\""),
        }
    }

    /// Reads `raw` into its field.
    pub(crate) fn read(&self, target: &mut T, raw: &Raw) -> Result<(), Refusal> {
        match self {
            Self::Text { max, at } => *at(target) = self.text(raw, *max)?,
            Self::Name { at } => *at(target) = self.name(raw)?,
            Self::Bool { at } => match raw {
                Raw::Bool(value) => *at(target) = *value,
                _ => return Err(self.wrong_type(raw)),
            },
            Self::Int { min, max, at } => *at(target) = self.int(raw, *min, *max)?,
            Self::Derived { min, max, at } => *at(target) = Some(self.int(raw, *min, *max)?),
            Self::Size { min, max, at } => {
                *at(target) = self.inside(self.bytes(raw)?, *min, *max, raw)?;
            }
            Self::Extent { min, max, at } => {
                *at(target) = match raw {
                    Raw::Text(_) => Extent::Bytes(self.bytes(raw)?),
                    _ => Extent::Blocks(self.int(raw, *min, *max)?),
                };
            }
            Self::Time { unit, min, max, at } => {
                let span = self.time(raw, *unit)?;
                *at(target) = Span(self.inside(span.0, min.0, max.0, raw)?);
            }
            Self::Float { min, max, at } => *at(target) = self.float(raw, *min, *max)?,
            Self::Ratio { at } => *at(target) = self.ratio(raw)?,
            Self::Choice { names, later, at } => *at(target) = self.choice(raw, &names(), later)?,
            Self::Amfs { at } => *at(target) = self.amfs(raw)?,
            Self::Sizes { at } => *at(target) = self.sizes(raw)?,
            Self::Degree { at } => {
                *at(target) = match raw {
                    Raw::Text(text) if text == "all" => 0,
                    _ => self.int(raw, 1, AMFS_MAX as u64)?,
                };
            }
            Self::Limit { min, max, at } => *at(target) = Some(self.float(raw, *min, *max)?),
            Self::Zones { at } => *at(target) = self.zones(raw)?,
            Self::Blocks { at } => *at(target) = self.blocks(raw)?,
        }
        Ok(())
    }

    /// The field as TOML; `None`: it has no value of its own.
    pub(crate) fn show(&self, target: &mut T) -> Option<String> {
        Some(match self {
            Self::Text { at, .. } | Self::Name { at } => quote(at(target)),
            Self::Bool { at } => at(target).to_string(),
            Self::Int { at, .. } => at(target).to_string(),
            Self::Derived { at, .. } => (*at(target))?.to_string(),
            Self::Size { at, .. } => quote(&show_size(*at(target))),
            Self::Extent { at, .. } => match *at(target) {
                Extent::Blocks(blocks) => blocks.to_string(),
                Extent::Bytes(bytes) => quote(&show_size(bytes)),
            },
            Self::Time { unit, at, .. } => show_time(*at(target), *unit),
            Self::Float { at, .. } | Self::Ratio { at } => format!("{:?}", at(target)),
            Self::Choice { names, at, .. } => quote(names()[*at(target)]),
            Self::Amfs { at } => {
                let all: Vec<String> = at(target).iter().map(|id| format!("\"amf{id}\"")).collect();
                format!("[{}]", all.join(", "))
            }
            Self::Sizes { at } => {
                let one = |(size, weight): &(u32, u32)| {
                    format!("[\"{}\", {weight}]", show_size(u64::from(*size)))
                };
                let all: Vec<String> = at(target).iter().map(one).collect();
                if all.is_empty() {
                    return None;
                }
                format!("[{}]", all.join(", "))
            }
            Self::Degree { at } => match *at(target) {
                0 => quote("all"),
                degree => degree.to_string(),
            },
            Self::Limit { at, .. } => format!("{:?}", (*at(target))?),
            Self::Zones { at } => {
                list(at(target), |(part, share)| format!("[{part:?}, {share:?}]"))?
            }
            Self::Blocks { at } => list(at(target), u64::to_string)?,
        })
    }

    fn wrong_type(&self, raw: &Raw) -> Refusal {
        let text = format!("{} is not {}; allowed: {}", raw.quote(), self.what(), self.range());
        Refusal { text, hint: None }
    }

    fn what(&self) -> &'static str {
        if matches!(self, Self::Choice { .. }) { "one of the names" } else { self.type_name() }
    }

    fn out_of_range(&self, raw: &Raw) -> Refusal {
        let text = format!("{} is out of range; allowed: {}", raw.quote(), self.range());
        Refusal { text, hint: None }
    }

    fn inside(&self, value: u64, min: u64, max: u64, raw: &Raw) -> Result<u64, Refusal> {
        if (min..=max).contains(&value) { Ok(value) } else { Err(self.out_of_range(raw)) }
    }

    fn int(&self, raw: &Raw, min: u64, max: u64) -> Result<u64, Refusal> {
        let Raw::Int(n) = raw else { return Err(self.wrong_type(raw)) };
        let value = u64::try_from(*n).map_err(|_| self.out_of_range(raw))?;
        self.inside(value, min, max, raw)
    }

    fn float(&self, raw: &Raw, min: f64, max: f64) -> Result<f64, Refusal> {
        let value = match raw {
            Raw::Float(x) => *x,
            // A whole number that a person writes fits; beyond 2^53 it is out of every range here.
            #[expect(clippy::cast_precision_loss, reason = "every range ends far below 2^53")]
            Raw::Int(n) => *n as f64,
            _ => return Err(self.wrong_type(raw)),
        };
        if value >= min && value <= max { Ok(value) } else { Err(self.out_of_range(raw)) }
    }

    fn ratio(&self, raw: &Raw) -> Result<f64, Refusal> {
        let Raw::Text(text) = raw else { return self.float(raw, 0.0, 1.0) };
        let percent = text.trim().strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
        let percent = percent.ok_or_else(|| self.wrong_type(raw))?;
        if (0.0..=100.0).contains(&percent) {
            Ok(percent / 100.0)
        } else {
            Err(self.out_of_range(raw))
        }
    }

    fn text(&self, raw: &Raw, max: usize) -> Result<String, Refusal> {
        let Raw::Text(text) = raw else { return Err(self.wrong_type(raw)) };
        if text.chars().count() > max || text.chars().any(char::is_control) {
            return Err(Refusal {
                text: format!(
                    "{} is too long or has control characters; allowed: {}",
                    raw.quote(),
                    self.range()
                ),
                hint: None,
            });
        }
        Ok(text.clone())
    }

    fn name(&self, raw: &Raw) -> Result<String, Refusal> {
        let Raw::Text(text) = raw else { return Err(self.wrong_type(raw)) };
        if is_name(text) { Ok(text.clone()) } else { Err(self.wrong_type(raw)) }
    }

    fn bytes(&self, raw: &Raw) -> Result<u64, Refusal> {
        match raw {
            Raw::Int(n) => u64::try_from(*n).map_err(|_| self.out_of_range(raw)),
            Raw::Text(text) => match text.trim().parse::<bytesize::ByteSize>() {
                Ok(size) => Ok(size.as_u64()),
                Err(_) => Err(Refusal {
                    text: format!("{} is no size; allowed: {}", raw.quote(), self.range()),
                    hint: Some("write bytes as a plain number, or \"4KiB\", \"64MiB\"".to_owned()),
                }),
            },
            _ => Err(self.wrong_type(raw)),
        }
    }

    fn time(&self, raw: &Raw, unit: Unit) -> Result<Span, Refusal> {
        match raw {
            Raw::Int(n) => u64::try_from(*n)
                .ok()
                .and_then(|n| n.checked_mul(unit.nanos()))
                .map(Span)
                .ok_or_else(|| self.out_of_range(raw)),
            Raw::Text(text) => match humantime::parse_duration(text.trim()) {
                Ok(duration) => nanos(duration).map(Span).ok_or_else(|| self.out_of_range(raw)),
                Err(_) => Err(Refusal {
                    text: format!("{} is no time; allowed: {}", raw.quote(), self.range()),
                    hint: Some(format!(
                        "a plain number is in {}; or write \"5s\", \"200ms\", \"50us\"",
                        unit.name()
                    )),
                }),
            },
            _ => Err(self.wrong_type(raw)),
        }
    }

    fn choice(&self, raw: &Raw, names: &[&str], later: &[&str]) -> Result<usize, Refusal> {
        let Raw::Text(text) = raw else { return Err(self.wrong_type(raw)) };
        if let Some(index) = names.iter().position(|name| name == text) {
            return Ok(index);
        }
        let allowed = self.range();
        if later.contains(&text.as_str()) {
            return Err(Refusal {
                text: format!("`{text}` comes with a later version; allowed: {allowed}"),
                hint: None,
            });
        }
        let hint =
            nearest(text, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
        Err(Refusal { text: format!("{} is not known; allowed: {allowed}", raw.quote()), hint })
    }

    fn amfs(&self, raw: &Raw) -> Result<Vec<u8>, Refusal> {
        let Raw::List(all) = raw else { return Err(self.wrong_type(raw)) };
        let mut ids = Vec::new();
        for one in all {
            let id = match one {
                Raw::Int(n) => u8::try_from(*n).ok(),
                Raw::Text(text) => text.strip_prefix("amf").and_then(|n| n.parse::<u8>().ok()),
                Raw::Float(_) | Raw::Bool(_) | Raw::List(_) | Raw::Other(_) => None,
            };
            match id {
                Some(id) if usize::from(id) < AMFS_MAX && !ids.contains(&id) => ids.push(id),
                Some(id) if ids.contains(&id) => {
                    let text = format!("{} is named twice", one.quote());
                    return Err(Refusal { text, hint: None });
                }
                Some(_) | None => return Err(self.not_an(one, "AMF")),
            }
        }
        Ok(ids)
    }

    fn sizes(&self, raw: &Raw) -> Result<Vec<(u32, u32)>, Refusal> {
        let Raw::List(all) = raw else { return Ok(vec![(self.one_size(raw)?, 1)]) };
        if all.is_empty() || all.len() > SIZES_MAX {
            let text =
                format!("a list of 1 to {SIZES_MAX} sizes is needed; allowed: {}", self.range());
            return Err(Refusal { text, hint: None });
        }
        let pair = |one: &Raw| match one {
            Raw::List(pair) => match pair.as_slice() {
                [size, Raw::Int(weight)] if (1..=WEIGHT_MAX).contains(weight) => {
                    let weight = u32::try_from(*weight).map_err(|_| self.out_of_range(one))?;
                    Ok((self.one_size(size)?, weight))
                }
                _ => Err(Refusal {
                    text: format!(
                        "an entry is not [size, weight] with a weight of 1 to {WEIGHT_MAX}"
                    ),
                    hint: Some("write [[\"4KiB\", 3], [\"16KiB\", 1]]".to_owned()),
                }),
            },
            Raw::Text(_) | Raw::Int(_) | Raw::Float(_) | Raw::Bool(_) | Raw::Other(_) => {
                Ok((self.one_size(one)?, 1))
            }
        };
        all.iter().map(pair).collect()
    }

    fn zones(&self, raw: &Raw) -> Result<Vec<(f64, f64)>, Refusal> {
        let Raw::List(all) = raw else { return Err(self.wrong_type(raw)) };
        let pair = |one: &Raw| match one {
            Raw::List(pair) => match pair.as_slice() {
                [part, share] => Ok((self.ratio(part)?, self.ratio(share)?)),
                _ => Err(self.not_an(one, "[part, share]")),
            },
            _ => Err(self.not_an(one, "[part, share]")),
        };
        let zones = all.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        let is_whole = |sum: f64| (sum - 1.0).abs() <= WHOLE_WITHIN;
        let (parts, shares) =
            zones.iter().fold((0.0, 0.0), |(a, b), (part, share)| (a + part, b + share));
        if zones.len() > SIZES_MAX || !is_whole(parts) || !is_whole(shares) {
            let text = format!(
                "{} zones with parts of {parts} and shares of {shares}; allowed: {}",
                zones.len(),
                self.range()
            );
            return Err(Refusal { text, hint: None });
        }
        Ok(zones)
    }

    fn blocks(&self, raw: &Raw) -> Result<Vec<u64>, Refusal> {
        let Raw::List(all) = raw else { return Err(self.wrong_type(raw)) };
        if all.is_empty() || all.len() > BLOCKS_MAX {
            let text = format!("{} entries; allowed: {}", all.len(), self.range());
            return Err(Refusal { text, hint: None });
        }
        all.iter().map(|one| self.int(one, 0, BLOCK_MAX)).collect()
    }

    fn one_size(&self, raw: &Raw) -> Result<u32, Refusal> {
        let bytes = self.bytes(raw)?;
        let sector = u64::from(SECTOR_BYTES);
        match u32::try_from(bytes) {
            Ok(size) if bytes >= sector && bytes <= REQUEST_MAX && bytes.is_multiple_of(sector) => {
                Ok(size)
            }
            Ok(_) | Err(_) => Err(self.out_of_range(raw)),
        }
    }

    fn not_an(&self, raw: &Raw, what: &str) -> Refusal {
        let text = format!("{} is no {what}; allowed: {}", raw.quote(), self.range());
        Refusal { text, hint: None }
    }
}

/// A list as TOML; `None` if it is empty, which means that nothing was said.
fn list<F>(all: &[F], one: impl Fn(&F) -> String) -> Option<String> {
    let all: Vec<String> = all.iter().map(one).collect();
    (!all.is_empty()).then(|| format!("[{}]", all.join(", ")))
}
