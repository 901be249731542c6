//! The strip above the status bar while a trace is replayed: how far, how fast, what was verified.
//!
//! ```text
//!  reading vm.vscsi ███░░░░░░░░░ 28%  3.1 MiB of 11.0 MiB  esc stops it
//!  replay vm.vscsi ██████░░░░░░ 52%  52,100/100,000  12.3k requests/s  14.0k touches/s  verified 31.2k reads  0 mismatches
//! ```

use super::super::model::{Model, Reading, ReplayShown};
use super::super::theme::Role;
use super::text::{bytes, count, gauge, left};
use crate::session::ReplayState;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// Columns of the bar.
const BAR: usize = 16;
/// Columns that the name of the trace may take.
const NAME_MAX: usize = 28;

/// One part of the strip; the least important go first when there is no room.
struct Part {
    text: String,
    role: Role,
    importance: u8,
}

/// Draws the strip.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let mut parts = match (&model.reading, &model.replay) {
        (Some(reading), _) => reading_parts(reading, model),
        (None, Some(replay)) => parts(replay, model),
        (None, None) => return,
    };
    let used = |parts: &[Part]| parts.iter().map(|part| part.text.width() + 2).sum::<usize>();
    while used(&parts) > usize::from(area.width) && parts.len() > 1 {
        let Some(least) = (0..parts.len()).min_by_key(|at| parts[*at].importance) else { break };
        parts.remove(least);
    }
    let mut spans = vec![Span::raw(" ")];
    for part in parts {
        spans.push(Span::styled(part.text, model.style(part.role)));
        spans.push(Span::raw("  "));
    }
    frame.render_widget(Line::from(spans).style(model.style(Role::Text)), area);
}

/// A trace is read to its end before its first request is made.
fn reading_parts(reading: &Reading, model: &Model) -> Vec<Part> {
    let part = |text: String, role: Role, importance: u8| Part { text, role, importance };
    let name = left(&reading.words, reading.words.width().min(NAME_MAX), model.glyphs.more);
    let percent = reading.percent();
    vec![
        part(format!("reading {name}"), Role::Title, 4),
        part(gauge(percent, BAR, model.glyphs), Role::Accent, 3),
        part(format!("{percent}%"), Role::Text, 9),
        part(format!("{} of {}", bytes(reading.done), bytes(reading.bytes)), Role::Dim, 2),
        part("esc stops it".to_owned(), Role::Dim, 5),
    ]
}

fn parts(replay: &ReplayShown, model: &Model) -> Vec<Part> {
    let part = |text: String, role: Role, importance: u8| Part { text, role, importance };
    let progress = &replay.progress;
    let name = left(&progress.name, progress.name.width().min(NAME_MAX), model.glyphs.more);
    let percent = replay.percent();
    let (word, role) = state(progress.state, model);
    let mut parts = vec![
        part(format!("replay {name}"), Role::Title, 4),
        part(gauge(percent, BAR, model.glyphs), Role::Accent, 3),
        part(format!("{percent}%"), Role::Text, 9),
    ];
    if !word.is_empty() {
        parts.push(part(word, role, 10));
    }
    parts.push(part(
        format!("{}/{}", count(progress.answered), count(progress.requests)),
        Role::Text,
        6,
    ));
    if progress.state != ReplayState::Paused {
        parts.push(part(format!("{} requests/s", count(replay.requests_per_s)), Role::Text, 8));
        parts.push(part(format!("{} touches/s", count(replay.touches_per_s)), Role::Text, 2));
    }
    parts.push(part(format!("{} reads verified", count(progress.reads)), Role::Text, 5));
    parts.push(match replay.mismatches {
        0 => part("0 mismatches".to_owned(), Role::Good, 7),
        1 => part("1 MISMATCH".to_owned(), Role::Bad, 11),
        n => part(format!("{n} MISMATCHES"), Role::Bad, 11),
    });
    match progress.errors {
        0 => {}
        1 => parts.push(part("1 error".to_owned(), Role::Bad, 7)),
        n => parts.push(part(format!("{} errors", count(n)), Role::Bad, 7)),
    }
    if !replay.is_under_way() {
        let (s, tenths) = (replay.ran_ms / 1_000, replay.ran_ms % 1_000 / 100);
        parts.push(part(format!("in {s}.{tenths} s"), Role::Dim, 1));
    }
    parts
}

fn state(state: ReplayState, model: &Model) -> (String, Role) {
    match state {
        ReplayState::Running => (String::new(), Role::Text),
        ReplayState::Paused => (format!("{} paused", model.glyphs.held), Role::Warn),
        ReplayState::Done => ("done".to_owned(), Role::Good),
        ReplayState::Stopped => ("stopped".to_owned(), Role::Warn),
    }
}
