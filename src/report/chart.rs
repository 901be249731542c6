//! Charts as SVG inside a page: lines over time, bars, a heat map. Colours come from the page's style.

use core::fmt::Write;
use maud::{Markup, PreEscaped};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 22.0;
const HEIGHT: f64 = 190.0;

/// Values over time.
#[derive(Clone, Debug)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// One for each piece of time; `None`: nothing to show.
    pub values: Vec<Option<f64>>,
}

/// Something that happened at a time.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, in seconds.
    pub at_s: f64,
    /// What.
    pub text: String,
    /// It is a fault.
    pub is_fault: bool,
}

/// Lines over a time of `span_s` seconds, with what happened marked.
#[must_use]
pub fn lines(title: &str, unit: &str, series: &[Series], span_s: f64, events: &[Event]) -> Markup {
    let all = series.iter().flat_map(|one| one.values.iter().copied().flatten());
    let top = nice(all.fold(0.0, f64::max));
    let mut out = begin(title, HEIGHT);
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
    let x = |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * (at / span_s.max(f64::MIN_POSITIVE)).min(1.0);
    for part in 0..=4u8 {
        let value = top * f64::from(part) / 4.0;
        grid(&mut out, y(value), &format!("{}{unit}", figure(value)));
    }
    for part in 0..=4u8 {
        let at = span_s * f64::from(part) / 4.0;
        let anchor = if part == 4 { "end" } else { "middle" };
        text(&mut out, (x(at), HEIGHT - 6.0), anchor, "", &format!("{} s", figure(at)));
    }
    for event in events {
        let (at, class) = (x(event.at_s), if event.is_fault { "fault" } else { "view" });
        let (low, words) = (HEIGHT - BOTTOM, escape(&event.text));
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{low}\">\
             <title>{words}</title></line>"
        );
        if event.is_fault {
            text(&mut out, (at + 2.0, TOP + 9.0), "start", "fault", "f");
        }
    }
    for (number, one) in series.iter().enumerate() {
        let step = span_s / float(one.values.len().max(1));
        let mut run: Vec<String> = Vec::new();
        let flush = |run: &mut Vec<String>, out: &mut String| {
            if !run.is_empty() {
                let points = run.join(" ");
                let _ = write!(out, "<polyline class=\"s{}\" points=\"{points}\"/>", number % 4);
            }
            run.clear();
        };
        for (at, value) in one.values.iter().enumerate() {
            match value {
                Some(value) => {
                    let at = (float(at) + 0.5) * step;
                    run.push(format!("{:.1},{:.1}", x(at), y(*value)));
                }
                None => flush(&mut run, &mut out),
            }
        }
        flush(&mut run, &mut out);
        let at = LEFT + 8.0 + 150.0 * float(number);
        let _ = write!(
            out,
            "<line class=\"s{}\" x1=\"{at}\" x2=\"{}\" y1=\"9\" y2=\"9\"/>",
            number % 4,
            at + 22.0
        );
        text(&mut out, (at + 27.0, 13.0), "start", "", &one.name);
    }
    out.push_str("</svg>");
    PreEscaped(out)
}

/// Horizontal bars with their values.
#[must_use]
pub fn bars(title: &str, unit: &str, all: &[(String, f64)]) -> Markup {
    const ROW: f64 = 20.0;
    const NAMES: f64 = 190.0;
    let top = all.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut out = begin(title, ROW * float(all.len()) + 6.0);
    for (row, (name, value)) in all.iter().enumerate() {
        let y = ROW * float(row) + 4.0;
        let long = (WIDTH - NAMES - 90.0) * value / top;
        text(&mut out, (NAMES - 8.0, y + 11.0), "end", "", name);
        let _ = write!(
            out,
            "<rect class=\"bar\" x=\"{NAMES}\" y=\"{y}\" width=\"{long:.1}\" height=\"14\"/>"
        );
        let words = format!("{}{unit}", figure(*value));
        text(&mut out, (NAMES + long + 6.0, y + 11.0), "start", "", &words);
    }
    out.push_str("</svg>");
    PreEscaped(out)
}

/// How often something came, by column and row; rows from below.
#[must_use]
pub fn heat(title: &str, rows: &[String], columns: &[Vec<u32>], span_s: f64) -> Markup {
    const ROW: f64 = 7.0;
    const NAMES: f64 = 90.0;
    let height = ROW * float(rows.len()) + BOTTOM + 6.0;
    let most = columns.iter().flatten().copied().max().unwrap_or(0).max(1);
    let mut out = begin(title, height);
    let wide = (WIDTH - NAMES - RIGHT) / float(columns.len().max(1));
    for (at, column) in columns.iter().enumerate() {
        for (row, count) in column.iter().enumerate().filter(|(_, count)| **count > 0) {
            let x = NAMES + wide * float(at);
            let y = height - BOTTOM - ROW * float(row + 1);
            let shade = 0.12 + 0.88 * f64::from(*count).ln_1p() / f64::from(most).ln_1p();
            let _ = write!(
                out,
                "<rect class=\"heat\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{ROW}\" \
                 fill-opacity=\"{shade:.2}\"/>"
            );
        }
    }
    for (row, name) in rows.iter().enumerate().step_by(rows.len().div_ceil(8).max(1)) {
        let y = height - BOTTOM - ROW * float(row);
        text(&mut out, (NAMES - 6.0, y), "end", "", name);
    }
    for part in 0..=4u8 {
        let x = NAMES + (WIDTH - NAMES - RIGHT) * f64::from(part) / 4.0;
        let anchor = if part == 4 { "end" } else { "middle" };
        let words = format!("{} s", figure(span_s * f64::from(part) / 4.0));
        text(&mut out, (x, height - 6.0), anchor, "", &words);
    }
    out.push_str("</svg>");
    PreEscaped(out)
}

fn begin(title: &str, height: f64) -> String {
    let title = escape(title);
    format!(
        "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\"><title>{title}</title>"
    )
}

fn grid(out: &mut String, y: f64, words: &str) {
    let right = WIDTH - RIGHT;
    let _ = write!(
        out,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
    );
    text(out, (LEFT - 6.0, y + 4.0), "end", "", words);
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, class: &str, words: &str) {
    let words = escape(words);
    let _ = write!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

fn escape(words: &str) -> String {
    let legal = words.chars().filter(|sign| !sign.is_control());
    let legal: String = legal.collect();
    legal.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A round number that is at least `most`.
fn nice(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|round| *round >= most).unwrap_or(most)
}

/// A number in few signs.
#[must_use]
pub fn figure(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size >= 1e9 => (value / 1e9, "G"),
        _ if size >= 1e6 => (value / 1e6, "M"),
        _ if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{scaled:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn float(count: usize) -> f64 {
    count as f64
}
