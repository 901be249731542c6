//! Two clusters on the same input, in figures: what each took for a request, and what the second took more
//! or less.
//!
//! ```text
//!                         protocol=sharing  protocol=moesi
//! messages a request                  1.82            1.31   -0.51   -28 %
//! hit ratio                         61.20 %         61.20 %
//! read p99                            412us           290us  -122us  -30 %
//! ```

use super::super::model::Model;
use super::super::theme::Role;
use super::rows;
use super::text::{count, left, right, time};
use crate::protocol::id;
use crate::trace::Snapshot;
use crate::trace::beside::{Beside, Side};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Rows of all the figures, with their heading.
pub const ROWS: u16 = 14;
/// Narrower than this there are short names, and no percentages.
const NARROW: u16 = 60;
/// From this width on the names of both have room.
const WIDE: u16 = 100;

/// How a figure is written, and which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// For each request; the less the better.
    Ratio,
    /// The same, the more the better.
    Saved,
    /// In hundredths; the more the better.
    Percent,
    /// In nanoseconds; the less the better.
    Time,
    /// A count; the less the better.
    Count,
    /// A count that is neither.
    Plain,
}

/// A figure of both.
struct Figure {
    name: &'static str,
    short: &'static str,
    kind: Kind,
    values: [Option<f64>; 2],
}

/// A figure of both in words: its name, the first, the second, by how much the second is more, and that in
/// hundredths of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// The same in few letters.
    pub short: &'static str,
    /// Of each cluster.
    pub values: [String; 2],
    /// By how much the second is more; empty: by nothing.
    pub more: String,
    /// The same in hundredths of the first.
    pub percent: String,
    /// That is better, or worse.
    pub better: Option<bool>,
}

/// What a cluster is called.
#[must_use]
pub fn name(at: usize, model: &Model) -> String {
    let beside = model.cluster.now.beside.as_ref();
    beside.map_or_else(String::new, |beside| beside.sides[at].name.clone())
}

/// For the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let Some(beside) = &model.cluster.now.beside else { return String::new() };
    format!("{} requests on both", count(beside.sides[0].answered.min(beside.sides[1].answered)))
}

/// Every figure, in words.
#[must_use]
pub fn told(now: &Snapshot) -> Vec<Told> {
    now.beside
        .as_ref()
        .map_or_else(Vec::new, |beside| figures(now, beside).iter().map(Figure::told).collect())
}

/// The figures as lines to be copied, or to be read aloud.
#[must_use]
pub fn lines(now: &Snapshot) -> Vec<String> {
    let Some(beside) = &now.beside else { return Vec::new() };
    let [a, b] = &beside.sides;
    let line = |told: Told| {
        let Told { name, values: [first, second], more, .. } = told;
        let more = if more.is_empty() { "no difference".to_owned() } else { more };
        format!("{name}: {first} with {}, {second} with {}, {more}", a.name, b.name)
    };
    told(now).into_iter().map(line).collect()
}

/// The same, if there are two clusters.
#[must_use]
pub fn text(model: &Model) -> Option<String> {
    let lines = lines(&model.cluster.now);
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn figures(now: &Snapshot, beside: &Beside) -> [Figure; 13] {
    let figure = |name, short, kind, of: &dyn Fn(&Side, &Snapshot) -> Option<f64>| {
        let [a, b] = &beside.sides;
        Figure { name, short, kind, values: [of(a, now), of(b, &beside.other)] }
    };
    let whole = |name, short, kind, of: &dyn Fn(&Side, &Snapshot) -> u64| {
        figure(name, short, kind, &|side, now| Some(float(of(side, now))))
    };
    let each = |name, short, kind, of: &dyn Fn(&Snapshot) -> u64| {
        figure(name, short, kind, &|side, now| {
            (side.answered > 0).then(|| float(of(now)) / float(side.answered))
        })
    };
    let hits = |side: &Side, _: &Snapshot| {
        let touches = side.hits + side.misses;
        (touches > 0).then(|| float(side.hits) * 100.0 / float(touches))
    };
    let at = |of: Option<[u64; 2]>, at: usize| of.map(|all| float(all[at]));
    [
        each("messages a request", "messages", Kind::Ratio, &|now| now.counts.sent_all()),
        each("broadcasts a request", "broadcasts", Kind::Ratio, &|now| now.counts.broadcasts),
        each("broadcasts saved a request", "saved", Kind::Saved, &|now| {
            now.counts.broadcasts_saved
        }),
        figure("hit ratio", "hits", Kind::Percent, &hits),
        each("from peers a request", "peers", Kind::Plain, &|now| now.counts.peer_transfers),
        each("disk reads a request", "disk reads", Kind::Ratio, &|now| now.counts.disk_reads),
        each("disk writes a request", "disk writes", Kind::Ratio, &|now| now.counts.disk_writes),
        figure("read latency p50", "read p50", Kind::Time, &|side, _| at(side.read_ns, 0)),
        figure("read latency p99", "read p99", Kind::Time, &|side, _| at(side.read_ns, 1)),
        figure("write latency p50", "write p50", Kind::Time, &|side, _| at(side.write_ns, 0)),
        figure("write latency p99", "write p99", Kind::Time, &|side, _| at(side.write_ns, 1)),
        whole("errors", "errors", Kind::Count, &|side, _| side.errors),
        whole("violations", "violations", Kind::Count, &|_, now| now.violations_total),
    ]
}

impl Figure {
    fn told(&self) -> Told {
        let Self { name, short, kind, values } = *self;
        let (mut more, mut percent, mut better) = (String::new(), String::new(), None);
        let shown = values.map(|value| value.map_or_else(|| "-".to_owned(), |v| self.value(v)));
        if let [Some(first), Some(second)] = values
            && shown[0] != shown[1]
        {
            let by = second - first;
            let sign = if by < 0.0 { '-' } else { '+' };
            more = format!("{sign}{}", self.value(by.abs()));
            if first > 0.0 && kind != Kind::Percent {
                percent = format!("{:+.0} %", by * 100.0 / first);
            }
            better = match kind {
                Kind::Plain => None,
                Kind::Saved | Kind::Percent => Some(by > 0.0),
                Kind::Ratio | Kind::Time | Kind::Count => Some(by < 0.0),
            };
        }
        Told { name, short, values: shown, more, percent, better }
    }

    fn value(&self, value: f64) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was one")]
        let whole = value as u64;
        match self.kind {
            Kind::Ratio | Kind::Saved => format!("{value:.2}"),
            Kind::Plain if value.fract() > 0.0 => format!("{value:.2}"),
            Kind::Percent => format!("{value:.2} %"),
            Kind::Time => time(id::Span(whole)),
            Kind::Count | Kind::Plain => count(whole),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let Some(beside) = &model.cluster.now.beside else {
        let texts = [
            "There is one cluster here. `:beside protocol=moesi` begins two that differ in",
            "that key of the profile, and in nothing else; both get the same requests.",
        ];
        let lines = texts.map(|text| Line::styled(text, model.style(Role::Dim)));
        return rows::draw(frame, area, &lines);
    };
    let narrow = area.width < NARROW;
    let (label, cell, more) = match area.width {
        ..NARROW => (11, 8, 8),
        NARROW..WIDE => (26, 15, 9),
        WIDE.. => (28, 22, 10),
    };
    let more_sign = model.glyphs.more;
    let head = |side: &Side| {
        if side.name.chars().count() <= cell {
            return side.name.clone();
        }
        // What differs is the value; where there is little room it stands alone.
        let values = side.name.split(',').map(|set| set.rsplit('=').next().unwrap_or_default());
        values.collect::<Vec<_>>().join(",")
    };
    let fit = |text: String| {
        let text = if text.chars().count() > cell { left(&text, cell, more_sign) } else { text };
        right(&text, cell, more_sign)
    };
    let [a, b] = &beside.sides;
    let title = format!("{}{}  {}", " ".repeat(label), fit(head(a)), fit(head(b)));
    let mut lines = vec![Line::styled(title, model.style(Role::Title))];
    for told in told(&model.cluster.now) {
        let Told { name, short, values: [first, second], more: by, percent, better } = told;
        let role = match better {
            Some(true) => Role::Good,
            Some(false) => Role::Warn,
            None => Role::Dim,
        };
        let name = left(if narrow { short } else { name }, label, more_sign);
        let percent = if narrow { String::new() } else { right(&percent, 9, more_sign) };
        lines.push(Line::from_iter([
            Span::styled(name, model.style(Role::Dim)),
            Span::styled(format!("{}  {}", fit(first), fit(second)), model.style(Role::Text)),
            Span::styled(format!("{}{percent}", right(&by, more, more_sign)), model.style(role)),
        ]));
    }
    rows::draw(frame, area, &lines);
}
