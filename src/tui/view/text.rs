//! Cells of fixed width, short numbers, short times.

use super::super::glyph::Glyphs;
use crate::protocol::id::Span;
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` cut or padded on the right to `width` columns; `more` marks a cut.
#[must_use]
pub fn left(text: &str, width: usize, more: char) -> String {
    let used = text.width();
    if used <= width {
        return format!("{text}{}", " ".repeat(width - used));
    }
    let mut out = String::new();
    let mut columns = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if columns + wide + 1 > width {
            break;
        }
        out.push(c);
        columns += wide;
    }
    if columns < width {
        out.push(more);
        columns += 1;
    }
    out + &" ".repeat(width - columns)
}

/// `text` padded on the left to `width` columns, or cut.
#[must_use]
pub fn right(text: &str, width: usize, more: char) -> String {
    let used = text.width();
    if used <= width {
        format!("{}{text}", " ".repeat(width - used))
    } else {
        left(text, width, more)
    }
}

/// The same text in fewer columns if it does not fit: of `w1#145`, the content that a workload wrote,
/// the number stays, which tells it from others.
#[must_use]
pub fn shorter(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let short = |word: &str| {
        let stamp = word.strip_prefix('w').and_then(|rest| rest.split_once('#'));
        let is_stamp = stamp.is_some_and(|(writer, _)| {
            !writer.is_empty() && writer.bytes().all(|byte| byte.is_ascii_digit())
        });
        word[if is_stamp { word.find('#').unwrap_or(0) } else { 0 }..].to_owned()
    };
    let words: Vec<String> = text.split(' ').map(short).collect();
    Cow::Owned(words.join(" ").replace(" = ", "="))
}

/// A count in at most six columns: `842`, `9,120`, `48.2k`, `1.5M`.
#[must_use]
pub fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{},{:03}", n / 1_000, n % 1_000),
        10_000..1_000_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
        _ => format!("{}.{}G", n / 1_000_000_000, n % 1_000_000_000 / 100_000_000),
    }
}

/// A time in at most six columns without a space: `412us`, `1.8s`, `3m`.
#[must_use]
pub fn time(span: Span) -> String {
    let us = span.as_micros();
    match us {
        0..1_000 => format!("{us}us"),
        1_000..10_000 => format!("{}.{}ms", us / 1_000, us % 1_000 / 100),
        10_000..1_000_000 => format!("{}ms", us / 1_000),
        1_000_000..10_000_000 => format!("{}.{}s", us / 1_000_000, us % 1_000_000 / 100_000),
        10_000_000..600_000_000 => format!("{}s", us / 1_000_000),
        _ => format!("{}m", us / 60_000_000),
    }
}

/// `part` of `whole` in percent, or `-`.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(100).checked_div(whole);
    hundredths.map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"))
}

/// A bar of so many columns that is full at 100 percent.
#[must_use]
pub fn gauge(percent: u64, columns: usize, glyphs: &Glyphs) -> String {
    let full = usize::try_from(percent).unwrap_or(0) * columns / 100;
    let sign = |full: bool| if full { glyphs.gauge.0 } else { glyphs.gauge.1 };
    (0..columns).map(|at| sign(at < full)).collect()
}

/// Bytes as people say them: `64 MiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.iter().find(|(_, bits)| n >> bits >= 1 && n.trailing_zeros() + 7 >= *bits);
    unit.map_or_else(|| format!("{n} B"), |(name, bits)| format!("{} {name}", n >> bits))
}

/// `text` in rows of at most `width` columns, broken between words; a longer word is broken anywhere.
/// Line breaks of the text stay. At least one row.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut rows = Vec::new();
    for line in text.lines() {
        let mut row = String::new();
        for word in line.split_whitespace() {
            if !row.is_empty() && row.width() + 1 + word.width() > width {
                rows.push(core::mem::take(&mut row));
            }
            if !row.is_empty() {
                row.push(' ');
            }
            for c in word.chars() {
                if row.width() + c.width().unwrap_or(0) > width {
                    rows.push(core::mem::take(&mut row));
                }
                row.push(c);
            }
        }
        rows.push(row);
    }
    if rows.is_empty() {
        rows.push(String::new());
    }
    rows
}

/// Paragraphs in rows of at most `width` columns. Lines that begin with a blank are tables: they keep
/// their blanks, and are only broken if they do not fit; what is broken off stands below the first word.
#[must_use]
pub fn prose(text: &str, width: usize) -> Vec<String> {
    let row = |line: &str| {
        if !line.starts_with(' ') || line.width() <= width {
            return if line.starts_with(' ') { vec![line.to_owned()] } else { wrap(line, width) };
        }
        let blanks = (line.len() - line.trim_start().len()).min(width / 2);
        let rows = wrap(line, width - blanks).into_iter();
        rows.map(|row| format!("{:blanks$}{row}", "")).collect()
    };
    text.lines().flat_map(row).collect()
}

/// The first of `total` rows to show, so that row `at` is inside `height` rows.
#[must_use]
pub fn scroll(at: usize, height: usize, total: usize) -> usize {
    if total <= height || height == 0 {
        return 0;
    }
    at.saturating_sub(height / 2).min(total - height)
}
