//! The whole of a run, from its first step to its last: how much happens, what stands out, and where one
//! stands. A press goes there; with the button down the position goes along.
//!
//! ```text
//! ▂▃▅█▆▃▂▂▁▁▂▃▅▇█▆▅▃▂▁▂▂▃▃   messages and requests
//! ····F····V········x···X·   F fault  V view  x lost  X violation
//! 0          ▲ step 412, 0.093 s                 1,024
//! ```

use super::super::model::Model;
use super::super::snapshot::seconds;
use super::super::theme::Role;
use super::rows;
use super::text::count;
use crate::trace::Mark;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Where it stands, for the title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let now = &model.cluster.now;
    let mut words = vec![format!("step {} of {}", now.step, model.steps())];
    words.push(format!("{} s", seconds(now.now)));
    if model.timeline.rewound {
        words.push("looking back".to_owned());
    } else if model.is_recording() {
        words.push("recording".to_owned());
    } else {
        words.push(if now.step_mode { "held" } else { "running" }.to_owned());
    }
    if let Some(run) = model.runs.iter().find(|run| run.here)
        && model.runs.len() > 1
    {
        words.push(run.name.clone());
    }
    words.join(&format!(" {} ", model.glyphs.dot))
}

/// The position at a column of the screen.
#[must_use]
pub fn step_at(area: Rect, model: &Model, column: u16) -> Option<u64> {
    let at = u64::from(column.checked_sub(area.x).filter(|at| *at < area.width)?);
    let last = u64::from(area.width) - 1;
    let steps = model.steps();
    Some(if at == last || last == 0 { steps } else { scaled(at, steps, last) })
}

/// Steps that a column stands for, at least one.
#[must_use]
pub fn steps_of_column(area: Rect, model: &Model) -> u64 {
    (model.steps() / u64::from(area.width.max(2) - 1)).max(1)
}

fn scaled(at: u64, steps: u64, last: u64) -> u64 {
    let wide = u128::from(at) * u128::from(steps) / u128::from(last);
    u64::try_from(wide).unwrap_or(steps)
}

/// The column of a position.
fn column_of(step: u64, steps: u64, width: u16) -> u16 {
    let last = u128::from(width.saturating_sub(1));
    let at = (u128::from(step) * last).checked_div(u128::from(steps)).unwrap_or(last);
    u16::try_from(at.min(last)).unwrap_or(0)
}

/// The steps of a column: after the first of these, up to the second.
fn steps_of(at: u16, steps: u64, width: u16) -> (u64, u64) {
    let last = u64::from(width.saturating_sub(1)).max(1);
    let upto = |at: u64| scaled(at.min(last), steps, last);
    let from = if at == 0 { 0 } else { upto(u64::from(at) - 1) };
    (from, upto(u64::from(at)))
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    if area.width == 0 {
        return;
    }
    let steps = model.steps();
    let mut lines = Vec::new();
    let extra = area.height.saturating_sub(3);
    let bars = density(model, steps, area.width);
    lines.push(Line::styled(bars, model.style(Role::Accent)));
    lines.push(marks(model, steps, area.width));
    lines.push(cursor(model, steps, area.width));
    if extra > 0 {
        lines.push(legend(model));
    }
    rows::draw(frame, area, &lines);
}

fn density(model: &Model, steps: u64, width: u16) -> String {
    let survey = model.timeline.survey();
    let counts: Vec<u64> = (0..width)
        .map(|at| {
            let (from, to) = steps_of(at, steps, width);
            survey.count(Mark::Loud, from, to)
        })
        .collect();
    let most = counts.iter().copied().max().unwrap_or(0);
    let sign = |count: &u64| {
        let spark = model.glyphs.spark;
        if *count == 0 {
            return ' ';
        }
        let at = (count - 1) * spark.len() as u64 / most.max(1);
        spark[usize::try_from(at).unwrap_or(0).min(spark.len() - 1)]
    };
    counts.iter().map(sign).collect()
}

/// What is worst in each column.
const SHOWN: [(Mark, char, Role); 5] = [
    (Mark::Violation, 'X', Role::Bad),
    (Mark::Watch, 'W', Role::Accent),
    (Mark::Fault, 'F', Role::Bad),
    (Mark::View, 'V', Role::Warn),
    (Mark::Lost, 'x', Role::Warn),
];

fn marks<'a>(model: &Model, steps: u64, width: u16) -> Line<'a> {
    let survey = model.timeline.survey();
    let spans = (0..width).map(|at| {
        let (from, to) = steps_of(at, steps, width);
        let found = SHOWN.iter().find(|(mark, ..)| survey.count(*mark, from, to) > 0);
        match found {
            Some((_, sign, role)) => Span::styled(sign.to_string(), model.style(*role)),
            None => Span::styled(model.glyphs.none.to_string(), model.style(Role::Dim)),
        }
    });
    spans.collect()
}

fn cursor<'a>(model: &Model, steps: u64, width: u16) -> Line<'a> {
    let now = &model.cluster.now;
    let at = usize::from(column_of(now.step, steps, width));
    let wide = usize::from(width);
    let label = format!("step {}", now.step);
    // On the side where there is more room.
    let (text, from) = if at + label.len() + 2 <= wide {
        (format!("^ {label}"), at)
    } else if let Some(from) = at.checked_sub(label.len() + 1) {
        (format!("{label} ^"), from)
    } else {
        ("^".to_owned(), at)
    };
    let span = |columns: usize| Span::styled(" ".repeat(columns), model.style(Role::Text));
    let label = Span::styled(text, model.style(Role::Title));
    // Where the label stands, it says more than the mark.
    let marked = model.marked_step().map(|step| usize::from(column_of(step, steps, width)));
    let mark = Span::styled("a", model.style(Role::Accent));
    match marked {
        Some(at) if at < from => Line::from_iter([span(at), mark, span(from - at - 1), label]),
        Some(at) if at >= from + label.width() => {
            let between = span(at - from - label.width());
            Line::from_iter([span(from), label, between, mark])
        }
        Some(_) | None => Line::from_iter([span(from), label]),
    }
}

fn legend<'a>(model: &Model) -> Line<'a> {
    let survey = model.timeline.survey();
    let steps = model.steps();
    let is_shown = |(mark, ..): &&(Mark, char, Role)| {
        *mark != Mark::Watch || model.timeline.watched().is_some()
    };
    let parts = SHOWN.iter().filter(is_shown).map(|(mark, sign, role)| {
        let found = survey.count(*mark, 0, steps);
        let role = if found == 0 { Role::Dim } else { *role };
        Span::styled(format!("{sign} {} {}   ", mark.name(), count(found)), model.style(role))
    });
    let answers = count(survey.count(Mark::Answer, 0, steps));
    let answers = Span::styled(format!("answers {answers}"), model.style(Role::Dim));
    parts.chain([answers]).collect()
}
