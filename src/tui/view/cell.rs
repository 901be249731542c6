//! The selected cell of the state x event table in words: what it means, where it leads, by which rules and
//! where they are told, what leaves, and when it happened last.

use super::super::model::Model;
use super::super::theme::Role;
use super::rows;
use super::text::{count, wrap};
use crate::explore::print::line_words;
use crate::explore::{Class, Table, place::place};
use crate::protocol::Cell;
use crate::protocol::cell::impossible;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::collections::BTreeSet;

/// The cell, as its title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let cell = model.protocol.cursor;
    format!("{cell}{}", model.met(cell).map_or_else(String::new, |met| format!(", {}x", met.count)))
}

/// What is said of the cell: a role and a line each.
#[must_use]
pub fn lines(model: &Model) -> Vec<(Role, String)> {
    let cell = model.protocol.cursor;
    let mut lines = vec![(Role::Title, cell.to_string()), (Role::Accent, last(cell, model))];
    for table in model.tables() {
        about(table, cell, model.protocol.other.is_some(), &mut lines);
    }
    let Cell { state, trigger } = cell;
    lines.push((Role::Dim, format!("{}: {}", state.line, line_words(state))));
    lines.push((Role::Dim, format!("{}: {}", state.lock, state.lock.sentence())));
    lines.push((Role::Dim, format!("{trigger}: {}", trigger.sentence())));
    lines
}

/// When it happened last.
fn last(cell: Cell, model: &Model) -> String {
    let Some(met) = model.met(cell) else { return "not met here yet".to_owned() };
    let (step, clock) = (met.step, super::super::snapshot::seconds(met.now));
    let times = if met.count == 1 { "once" } else { "times" };
    let count = if met.count == 1 { String::new() } else { format!("{} ", count(met.count)) };
    format!(
        "met {count}{times}, last at {clock} s, step {step}, {} b{}: enter goes there",
        met.amf, met.block
    )
}

/// What a table says of it.
fn about(table: &Table, cell: Cell, is_one_of_two: bool, lines: &mut Vec<(Role, String)>) {
    let who = if is_one_of_two { format!("{}: ", table.protocol) } else { String::new() };
    let next: Vec<String> = table.next(cell).iter().map(ToString::to_string).collect();
    let next = next.join(", or ");
    match table.class(cell) {
        Class::Impossible => {
            let why = impossible(cell).unwrap_or("an assertion forbids it");
            return lines.push((Role::Warn, format!("{who}impossible: {why}")));
        }
        Class::Never => {
            let text = "never met in what was explored; nothing forbids it";
            return lines.push((Role::Warn, format!("{who}{text}")));
        }
        Class::Fault => lines.push((Role::Warn, format!("{who}only after a fault, to {next}"))),
        Class::Normal => lines.push((Role::Text, format!("{who}to {next}"))),
    }
    let sent: BTreeSet<_> = table.outcomes(cell).flat_map(|(one, _)| one.sent.clone()).collect();
    let sent: Vec<&str> = sent.into_iter().map(crate::explore::Sent::word).collect();
    let sent = if sent.is_empty() { "nothing".to_owned() } else { sent.join(", ") };
    lines.push((Role::Text, format!("sends {sent}")));
    let rules = table.rules(cell);
    if rules.is_empty() {
        lines.push((Role::Dim, "no rule is applied: it waits for its turn".to_owned()));
    }
    for rule in rules {
        let (id, section, sentence) = (rule.id(), rule.section(), rule.sentence());
        lines.push((Role::Text, format!("{id} ({section}): {sentence}")));
        if let Some(place) = place(rule) {
            lines.push((Role::Dim, format!("  {}; {}", place.heading, place.code)));
        }
    }
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let lines = lines(model).into_iter().flat_map(|(role, text)| {
        let style = model.style(role);
        wrap(&text, width).into_iter().map(move |row| Line::styled(row, style))
    });
    let skip = model.protocol.detail_top;
    let lines: Vec<Line> = lines.collect();
    let most = lines.len().saturating_sub(usize::from(area.height));
    rows::draw(frame, area, &lines[skip.min(most)..]);
}
