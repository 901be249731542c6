//! Help: every key and every command, made from the two registries.
//!
//! ```text
//! ╭ Help ────────────────────────────────────────────╮
//! │ Moving around                                    │
//! │   ? f1        This overlay: every key and ...    │
//! ╰──────────────────────── up, down  esc close ─────╯
//! ```

use super::super::command::{ENTRIES, Entry, Scope, VERBS};
use super::super::fuzzy::Filter;
use super::super::model::{HelpState, Model};
use super::super::theme::Role;
use super::super::view::text::{left, wrap};
use super::super::view::thumb;
use crate::trace::registry;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Columns of the overlay; what is wider is hard to read.
const WIDTH_MAX: u16 = 92;

/// Draws the overlay.
pub fn render(frame: &mut Frame, area: Rect, help: &HelpState, model: &Model) {
    scrolled(frame, area, WIDTH_MAX, "Help", help, model, |width| lines(width, help, model));
}

/// Draws a text that is scrolled and filtered.
pub(super) fn scrolled<'a>(
    frame: &mut Frame,
    area: Rect,
    width_max: u16,
    title: &str,
    state: &HelpState,
    model: &Model,
    lines: impl FnOnce(usize) -> Vec<Line<'a>>,
) {
    let size = (area.width.min(width_max), area.height.saturating_sub(2));
    let title = match state.filter.value() {
        "" => title.to_owned(),
        words => format!("{title} /{words}"),
    };
    let keys = if state.is_typing {
        "enter keeps it  esc shows all"
    } else {
        "up, down, page up, page down  / filter  esc close"
    };
    let mut inside = super::open(frame, size, &title, keys, model);
    if state.is_typing {
        let prompt = Rect { height: 1, ..inside };
        super::line::prompt(frame, prompt, "show only ", &state.filter, model);
        inside = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    }
    let lines = lines(usize::from(inside.width));
    let (total, height) = (lines.len(), usize::from(inside.height));
    let first = state.scroll.min(last_scroll(total, height));
    let shown: Vec<Line> = lines.into_iter().skip(first).take(height).collect();
    thumb::draw(frame, inside, first..first + shown.len(), total, model);
    frame.render_widget(Paragraph::new(shown), inside);
}

/// Columns of the text of an overlay that is at most so wide.
pub(super) fn width(model: &Model, width_max: u16) -> usize {
    // A frame, and a blank on either side.
    usize::from(model.size.width.min(width_max).saturating_sub(4))
}

/// The furthest that a text of so many lines scrolls.
#[must_use]
pub fn last_scroll(lines: usize, height: usize) -> usize {
    lines.saturating_sub(height)
}

/// How many lines the overlay has.
#[must_use]
pub fn line_count(help: &HelpState, model: &Model) -> usize {
    lines(width(model, WIDTH_MAX), help, model).len()
}

/// Columns of keys, and of how a command is written.
const KEYS_WIDE: usize = 16;
const USAGE_WIDE: usize = 34;

/// One row.
struct Row {
    /// Keys, or how a command is written, and how wide that is.
    key: String,
    wide: usize,
    /// What it does.
    text: String,
    /// Its name, where that is not shown.
    name: &'static str,
}

/// Everything there is to say, under its headings.
fn sections(model: &Model) -> Vec<(&'static str, Vec<Row>)> {
    let mut groups: Vec<&str> = Vec::new();
    for entry in ENTRIES {
        if !groups.contains(&entry.group) {
            groups.push(entry.group);
        }
    }
    let keyed = |entry: &Entry| {
        let keys: Vec<String> = model.keymap.keys_of(entry).map(ToString::to_string).collect();
        let place = match entry.scope {
            Scope::Everywhere => String::new(),
            Scope::Panes(panes) => {
                let names: Vec<&str> = panes.iter().map(|pane| pane.title()).collect();
                format!(" ({})", names.join(", "))
            }
        };
        let (text, name) = (format!("{}{place}", entry.help), entry.name);
        Row { key: keys.join(", "), wide: KEYS_WIDE, text, name }
    };
    let written = |usage: &str, help: &str| Row {
        key: usage.to_owned(),
        wide: USAGE_WIDE,
        text: help.to_owned(),
        name: "",
    };
    // What is meant here comes first: the keys of the pane that has them, and what is on the screen.
    let pane = model.focus();
    let own = ENTRIES
        .iter()
        .filter(|entry| matches!(entry.scope, Scope::Panes(panes) if panes.contains(&pane)));
    let mut sections: Vec<(&str, Vec<Row>)> = Vec::new();
    let own: Vec<Row> = own.map(keyed).collect();
    if !own.is_empty() {
        sections.push(("Here", own));
    }
    sections.push(("Signs", signs(written)));
    for group in groups {
        let entries = ENTRIES.iter().filter(|entry| entry.group == group);
        sections.push((group, entries.map(keyed).collect()));
    }
    let verbs = VERBS.iter().map(|verb| written(verb.usage, verb.help));
    sections.push(("On the : line", verbs.collect()));
    for group in registry::Group::ALL {
        let entries = registry::ENTRIES.iter().filter(|entry| entry.group == group);
        let rows = entries.map(|entry| written(entry.usage, entry.help));
        sections.push((group.title(), rows.collect()));
    }
    sections
}

/// What stands on the screen, and what it means.
fn signs(written: impl Fn(&str, &str) -> Row) -> Vec<Row> {
    let signs = [
        (
            "M O E S L",
            "a line: modified (dirty, the only copy), owned (dirty, with sharers), exclusive (clean, the only copy), shared, lent (handed over, kept until that is safe)",
        ),
        ("r", "a replica kept for another AMF: no line, an insurance"),
        ("* ? v '", "locked, waits, on its way to disk, not replicated yet"),
        ("w1#145 0x00", "content: write 145 of workload 1; zeroes"),
        ("v3.120.1", "a version: of epoch 3, at clock 120, by amf1; t3.120.1 is such a ticket"),
        ("b17 op9 e3", "block 17, host operation 9, epoch 3 (the number of the view in force)"),
        ("volatile", "acknowledged writes would not survive the end of this process"),
    ];
    let row = |(sign, meaning): (&str, &str)| Row { wide: KEYS_WIDE, ..written(sign, meaning) };
    signs.into_iter().map(row).collect()
}

fn lines<'a>(width: usize, help: &HelpState, model: &Model) -> Vec<Line<'a>> {
    let filter = Filter::new(help.filter.value());
    let mut lines = Vec::new();
    for (group, rows) in sections(model) {
        let shown: Vec<Row> = rows
            .into_iter()
            .filter(|row| filter.matches(&format!("{} {} {} {group}", row.key, row.text, row.name)))
            .collect();
        if !shown.is_empty() {
            title(&mut lines, group, model);
        }
        for one in shown {
            row(&mut lines, &one.key, &one.text, one.wide, width, model);
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing matches", model.style(Role::Dim)));
    }
    lines
}

fn title(lines: &mut Vec<Line<'_>>, text: &str, model: &Model) {
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines.push(Line::styled(text.to_owned(), model.style(Role::Title)));
}

/// Keys, or how a command is written, and what it does; what is too long goes on below.
fn row(lines: &mut Vec<Line<'_>>, key: &str, text: &str, wide: usize, width: usize, model: &Model) {
    let wide = wide.min(width / 2);
    let left_rows = wrap(key, wide);
    let right_rows = wrap(text, width.saturating_sub(wide + 3));
    for at in 0..left_rows.len().max(right_rows.len()) {
        let cell = |rows: &[String]| rows.get(at).cloned().unwrap_or_default();
        let key = left(&cell(&left_rows), wide, model.glyphs.more);
        lines.push(Line::from(vec![
            Span::styled(format!("  {key} "), model.style(Role::Key)),
            Span::styled(cell(&right_rows), model.style(Role::Text)),
        ]));
    }
}
