//! The same diagram as a picture: messages are slanted, from where they left to where they arrived.

use super::cone::pairs;
use super::{Carries, Column, Row, What};
use crate::protocol::MsgKind;
use core::fmt::Write as _;

/// Rows that a picture holds; more are a book.
pub const ROWS_MAX: usize = 5_000;
const ROW: usize = 18;
const COLUMN: usize = 110;
const LEFT: usize = 110;
const TOP: usize = 48;
const WORDS: usize = 620;

/// Colours by what a piece is, for light and for dark pages.
const STYLE: &str = "\
text{font:12px ui-monospace,monospace;fill:#1f2328}.d{fill:#57606a}.h{font-weight:bold}\
line,path{stroke:#8c959f;stroke-width:1;fill:none}.life{stroke:#d0d7de}\
.ask{stroke:#0550ae}.inv{stroke:#cf222e}.grant{stroke:#116329}.rep{stroke:#8250df}.other{stroke:#57606a}\
.host{stroke:#1f2328}.disk{stroke:#953800}.bad{stroke:#cf222e;stroke-dasharray:4 3}.again{stroke-dasharray:2 3}\
.band{fill:#ddf4ff}.fault{fill:#fff1e5}.violation{fill:#ffebe9}.page{fill:#ffffff}circle{fill:#57606a}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.d{fill:#8d96a0}.life{stroke:#30363d}\
.ask{stroke:#79c0ff}.inv,.bad{stroke:#ff7b72}.grant{stroke:#7ee787}.rep{stroke:#d2a8ff}.other{stroke:#8d96a0}\
.host{stroke:#e6edf3}.disk{stroke:#ffa657}.band{fill:#0c2d6b}.fault{fill:#3d1300}.violation{fill:#67060c}\
.page{fill:#0d1117}}";

/// The rows as an SVG file that needs nothing else. Rows past [`ROWS_MAX`] are left out, and it says so.
#[must_use]
pub fn svg(rows: &[Row], columns: &[Column], title: &str) -> String {
    let (drawn, left_out) = rows.split_at(rows.len().min(ROWS_MAX));
    let width = LEFT + columns.len() * COLUMN + WORDS;
    let height = TOP + (drawn.len() + 2) * ROW;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">\n<title>{}</title>\n<style>{STYLE}</style>\n",
        escape(title)
    );
    let _ = writeln!(out, "<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>");
    let mut picture = Picture { columns, out, width };
    picture.frame(drawn.len());
    let pairs = pairs(drawn);
    for (index, row) in drawn.iter().enumerate() {
        picture.row(index, row, pairs[index]);
    }
    if !left_out.is_empty() {
        let text = format!("{} more rows are left out", left_out.len());
        picture.text(8, y_of(drawn.len()), "d", &text);
    }
    picture.out.push_str("</svg>\n");
    picture.out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // What XML cannot hold at all.
            sign if sign.is_control() => out.push('\u{fffd}'),
            sign => out.push(sign),
        }
    }
    out
}

fn y_of(row: usize) -> usize {
    TOP + (row + 1) * ROW
}

struct Picture<'a> {
    columns: &'a [Column],
    out: String,
    width: usize,
}

impl Picture<'_> {
    fn x(&self, column: Column) -> Option<usize> {
        let at = self.columns.iter().position(|known| *known == column)?;
        Some(LEFT + at * COLUMN + COLUMN / 2)
    }

    fn text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        let text = escape(text);
        let _ = writeln!(self.out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
    }

    fn frame(&mut self, rows: usize) {
        let bottom = y_of(rows);
        for column in self.columns {
            let Some(x) = self.x(*column) else { continue };
            let title = column.title();
            let half = title.len() * 7 / 2;
            self.text(x.saturating_sub(half), TOP - 14, "h", &title);
            let _ = writeln!(
                self.out,
                "<line class=\"life\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>",
                TOP - 6
            );
        }
    }

    fn row(&mut self, index: usize, row: &Row, left_at: Option<usize>) {
        let y = y_of(index);
        if row.what.is_band() {
            let class = match row.what {
                What::Fault(_) => "fault",
                What::Violation(_) => "violation",
                _ => "band",
            };
            let (top, width) = (y - ROW + 5, self.width);
            let _ = writeln!(
                self.out,
                "<rect class=\"{class}\" x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{ROW}\"/>"
            );
        }
        let micros = row.now.0 / 1_000;
        let time = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        self.text(8, y, "d", &time);
        match &row.what {
            What::Arrow { from, to, carries, lost } => {
                let from_y = left_at.map_or(y, y_of) - 4;
                self.arrow((*from, from_y), (*to, y - 4), *carries, *lost);
            }
            What::State(at, before, after) => {
                if let Some(x) = self.x(*at) {
                    self.text(x + 5, y, "h", &format!("{before:?}\u{2192}{after:?}"));
                    self.dot(x, y - 4);
                }
            }
            What::Commit(at, state) => {
                if let Some(x) = self.x(*at) {
                    self.text(x + 5, y, "h", &format!("\u{25c6}{state:?}"));
                    self.dot(x, y - 4);
                }
            }
            what @ (What::Leaves { .. }
            | What::Rule(_)
            | What::View(_)
            | What::Joined(_)
            | What::Fault(_)
            | What::Violation(_)
            | What::Note(_)) => {
                if let Some(x) = self.x(what.place()) {
                    self.dot(x, y - 4);
                }
            }
        }
        let at = LEFT + self.columns.len() * COLUMN + 8;
        self.text(at, y, if row.level() > super::Level::Messages { "d" } else { "" }, &row.text);
    }

    fn dot(&mut self, x: usize, y: usize) {
        let _ = writeln!(self.out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\"/>");
    }

    fn arrow(&mut self, from: (Column, usize), to: (Column, usize), carries: Carries, lost: bool) {
        let (Some(a), Some(b)) = (self.x(from.0), self.x(to.0)) else { return };
        let class = match carries {
            _ if lost => "bad",
            Carries::Message(kind, _) => message_class(kind),
            Carries::Request | Carries::Answer(true) => "host",
            Carries::Disk(true) => "disk",
            Carries::Answer(false) | Carries::Disk(false) => "bad",
        };
        let again = if matches!(carries, Carries::Message(_, true)) { " again" } else { "" };
        let (y1, y2) = (from.1, to.1);
        // The head, turned by hand: markers look different everywhere.
        let (dx, dy) = (signed(b) - signed(a), signed(y2) - signed(y1));
        let length =
            f64::from(i32::try_from(dx * dx + dy * dy).unwrap_or(i32::MAX)).sqrt().max(1.0);
        let (ux, uy) = (as_f64(dx) / length, as_f64(dy) / length);
        let tip = |along: f64, across: f64| {
            (
                as_f64(signed(b)) - ux * along - uy * across,
                as_f64(signed(y2)) - uy * along + ux * across,
            )
        };
        let ((hx, hy), (kx, ky)) = (tip(8.0, 4.0), tip(8.0, -4.0));
        let _ = writeln!(
            self.out,
            "<path class=\"{class}{again}\" d=\"M{a} {y1}L{b} {y2}M{hx:.1} {hy:.1}L{b} {y2}L{kx:.1} {ky:.1}\"/>"
        );
        if lost {
            let _ = writeln!(
                self.out,
                "<path class=\"inv\" d=\"M{} {}l8 8m0 -8l-8 8\"/>",
                b.saturating_sub(4),
                y2.saturating_sub(4)
            );
        }
    }
}

const fn message_class(kind: MsgKind) -> &'static str {
    match kind {
        MsgKind::AccessShared => "ask",
        MsgKind::AccessExclusive => "inv",
        MsgKind::Grant => "grant",
        MsgKind::Replicate | MsgKind::ReplicateAck | MsgKind::Update => "rep",
        MsgKind::Superseded
        | MsgKind::Retire
        | MsgKind::List
        | MsgKind::DropOld
        | MsgKind::Clear => "other",
    }
}

fn signed(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// A coordinate: far below where a float is inexact.
#[expect(clippy::cast_precision_loss, reason = "coordinates are small")]
fn as_f64(at: i64) -> f64 {
    at as f64
}
