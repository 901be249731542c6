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

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From 0 up, evenly.
    Linear,
    /// Ten times as much is as high everywhere: for what spreads over decades, as latencies do.
    Log,
}

/// The upright axis of a chart.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    /// Room for all of these.
    fn of(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let most = values.clone().fold(0.0, f64::max);
        if scale == Scale::Linear {
            return Self { scale, low: 0.0, high: nice(most) };
        }
        let least = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let (least, most) = if least.is_finite() { (least, most) } else { (1.0, 10.0) };
        let low = 10f64.powf(least.log10().floor());
        let high = 10f64.powf(most.log10().ceil()).max(low * 10.0);
        Self { scale, low, high }
    }

    /// From 0 at the bottom to 1 at the top.
    fn height(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value / self.high,
            Scale::Log => (value.max(self.low) / self.low).log10() / self.decades(),
        }
    }

    fn decades(&self) -> f64 {
        (self.high / self.low).log10()
    }

    /// Where lines are drawn: quarters, or decades; of few decades 2 and 5 times each, too.
    fn marks(&self) -> Vec<f64> {
        if self.scale == Scale::Linear {
            return (0..=4u8).map(|part| self.high * f64::from(part) / 4.0).collect();
        }
        let steps: &[f64] = if self.decades() < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let decades = core::iter::successors(Some(self.low), |decade| Some(decade * 10.0));
        // Ten times ten times .. is never exact.
        let top = self.high * 1.001;
        let marks = decades.take_while(|decade| *decade <= top);
        marks
            .flat_map(|decade| steps.iter().map(move |step| decade * step))
            .filter(|mark| *mark <= top)
            .collect()
    }
}

/// Lines over a time of `span_s` seconds, with what happened marked.
#[must_use]
pub fn lines(
    title: &str,
    (unit, scale): (&str, Scale),
    series: &[Series],
    span_s: f64,
    events: &[Event],
) -> Markup {
    let axis = Axis::of(scale, series.iter().flat_map(|one| one.values.iter().copied().flatten()));
    let mut out = begin(title, HEIGHT);
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - axis.height(value));
    let x = |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * (at / span_s.max(f64::MIN_POSITIVE)).min(1.0);
    for value in axis.marks() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_has_its_decades_at_equal_distances() {
        let axis = Axis::of(Scale::Log, [3.0, 0.0, 4_200.0].into_iter());
        assert_eq!(
            axis.marks().iter().map(|mark| mark.round()).collect::<Vec<_>>(),
            [1.0, 10.0, 100.0, 1_000.0, 10_000.0]
        );
        let heights: Vec<f64> = [1.0, 10.0, 100.0, 10_000.0].map(|v| axis.height(v)).to_vec();
        let expected = [0.0, 0.25, 0.5, 1.0];
        assert!(heights.iter().zip(expected).all(|(is, want)| (is - want).abs() < 1e-9));
        // What took no time is at the bottom, and not below it.
        assert!(axis.height(0.0).abs() < 1e-9);
    }

    #[test]
    fn few_decades_have_marks_between_them_and_nothing_has_an_axis_too() {
        let marks = Axis::of(Scale::Log, [20.0, 80.0].into_iter()).marks();
        assert_eq!(marks.len(), 4, "{marks:?}");
        assert_eq!(Axis::of(Scale::Log, core::iter::empty()).marks().len(), 4);
        assert_eq!(Axis::of(Scale::Linear, [7.0].into_iter()).marks().last(), Some(&8.0));
    }
}
