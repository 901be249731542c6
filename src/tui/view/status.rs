//! The first line (screens), the status bar, and the line with keys and notices.
//!
//! ```text
//!  amflab  1 Dashboard  2 Caches  3 Locks  4 Faults  5 Checker  6 Ladder  9 Learn  12.345 s
//!  demo  sim  e3  sharing  ● running  tempo 1  ● no violation  ● linearizable  1 fault
//!  r read  w write  space run/step  : command  ? help
//! ```

use super::super::command::{self, Act, Scope};
use super::super::model::{Level, Model, ReplayShown, Screen};
use super::super::theme::Role;
use super::lamps;
use crate::trace::Lamp;
use crate::trace::action::{Action, HoldFilter};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// Width of the name before the screens.
const NAME: &str = " amflab ";
/// Columns of the clock.
const CLOCK: usize = 10;

/// The screens that have something to show: two clusters are not always there.
fn screens(model: &Model) -> impl Iterator<Item = Screen> {
    let two = model.screen == Screen::Beside || model.cluster.now.beside.is_some();
    Screen::ALL.into_iter().filter(move |screen| two || *screen != Screen::Beside)
}

/// Draws the first line.
pub fn tabs(frame: &mut Frame, area: Rect, model: &Model) {
    let (name, names) = names(model);
    let mut spans = vec![Span::styled(name, model.style(Role::Focus))];
    for screen in screens(model) {
        let role = if screen == model.screen { Role::Title } else { Role::Dim };
        let style = model.style(role);
        let style =
            if screen == model.screen { style.patch(model.style(Role::Select)) } else { style };
        spans.push(Span::styled(tab(screen, names, screen == model.screen), style));
    }
    let clock = clock(model);
    let used: usize = spans.iter().map(Span::width).sum();
    if let Some(gap) =
        usize::from(area.width).checked_sub(used + clock.len()).filter(|gap| *gap > 1)
    {
        spans.push(Span::raw(" ".repeat(gap)));
        spans.push(Span::styled(clock, model.style(Role::Dim)));
    }
    frame.render_widget(Line::from(spans), area);
}

fn clock(model: &Model) -> String {
    format!("{} s ", model.cluster.clock())
}

/// How the screens that are not shown are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// Whole.
    Whole,
    /// By a shorter name.
    Short,
    /// By that, with one space between two.
    Tight,
    /// By their digit.
    Digits,
}

/// The fullest names that there is room for, whichever screen is shown, and the program's own name.
fn names(model: &Model) -> (&'static str, Names) {
    let width = usize::from(model.size.width);
    let all: Vec<Screen> = screens(model).collect();
    let fits = |(name, names, more): &(&str, Names, usize)| {
        let wide = |screen: &Screen, is_shown| tab(*screen, *names, is_shown).len();
        let tabs: usize = all.iter().map(|screen| wide(screen, false)).sum();
        let whole = all.iter().map(|screen| wide(screen, true) - wide(screen, false)).max();
        name.len() + tabs + whole.unwrap_or(0) + more <= width
    };
    let ways = [
        (NAME, Names::Whole, CLOCK),
        (NAME, Names::Whole, 0),
        ("", Names::Whole, 0),
        ("", Names::Short, 0),
        ("", Names::Tight, 0),
    ];
    let way = ways.into_iter().find(fits);
    way.map_or(("", Names::Digits), |(name, names, _)| (name, names))
}

/// A screen's digit and name.
fn tab(screen: Screen, names: Names, is_shown: bool) -> String {
    let (digit, title) = (screen.digit(), screen.title());
    match names {
        Names::Short if !is_shown => format!(" {digit} {} ", screen.short()),
        Names::Tight if !is_shown => format!(" {digit} {}", screen.short()),
        Names::Digits if !is_shown => format!(" {digit} "),
        Names::Whole | Names::Short | Names::Tight | Names::Digits => format!(" {digit} {title} "),
    }
}

/// The screen whose name is at this column of the first line.
#[must_use]
pub fn screen_at(model: &Model, column: u16) -> Option<Screen> {
    let (name, names) = names(model);
    let mut x = name.len();
    screens(model).find(|screen| {
        let wide = tab(*screen, names, *screen == model.screen).len();
        let here = (x..x + wide).contains(&usize::from(column));
        x += wide;
        here
    })
}

/// One part of the status bar; the least important go first when there is no room.
struct Part {
    text: String,
    role: Role,
    importance: u8,
}

fn parts(model: &Model) -> Vec<Part> {
    let now = &model.cluster.now;
    let glyphs = model.glyphs;
    let part = |text: String, role: Role, importance: u8| Part { text, role, importance };
    let mut parts = vec![
        part(model.about.profile.clone(), Role::Title, 6),
        part(now.engine.to_owned(), Role::Text, 5),
        part(now.view.epoch.to_string(), Role::Text, 7),
        part(now.view.protocol.to_string(), Role::Text, 2),
    ];
    parts.push(if let (true, Some(recording)) = (model.is_recording(), &now.recording) {
        part(format!("step {} of {}", now.step, recording.steps), Role::Warn, 9)
    } else if model.learn.step.is_some() {
        let held =
            if now.held_total > 0 { format!(", {} held", now.held_total) } else { String::new() };
        part(format!("{} lesson{held}", glyphs.held), Role::Warn, 9)
    } else if now.step_mode {
        part(format!("{} step, {} held", glyphs.held, now.held_total), Role::Warn, 9)
    } else {
        part(format!("{} running", glyphs.on), Role::Good, 9)
    });
    if model.timeline.rewound {
        parts.push(part("looking back".to_owned(), Role::Warn, 8));
    }
    if model.runs.len() > 1 {
        parts.push(part(format!("run {}", model.run_name()), Role::Title, 8));
    }
    let is_slow = now.tempo != 1_000;
    let text = format!("tempo {}", tempo(now.tempo));
    parts.push(part(
        text,
        if is_slow { Role::Warn } else { Role::Text },
        if is_slow { 7 } else { 4 },
    ));
    parts.push(match now.violations_total {
        0 => part(format!("{} no violation", glyphs.on), Role::Good, 8),
        1 => part(format!("{} 1 VIOLATION", glyphs.lost), Role::Bad, 10),
        n => part(format!("{} {n} VIOLATIONS", glyphs.lost), Role::Bad, 10),
    });
    if let Some(lamps) = &now.lamps {
        let (sign, role) = lamps::sign(lamps.all(), model);
        parts.push(match lamps.all() {
            Lamp::Violated => part(format!("{sign} {} NOT LINEARIZABLE", lamps.violated), role, 9),
            Lamp::Unknown => part(format!("{sign} {} unknown", lamps.unknown.max(1)), role, 6),
            Lamp::Linearizable => part(format!("{sign} linearizable"), role, 4),
        });
    }
    let doubt = now.doubt.len();
    if doubt > 0 {
        let word = if doubt == 1 { "region" } else { "regions" };
        parts.push(part(format!("{} {doubt} {word} IN DOUBT", glyphs.lost), Role::Bad, 9));
    }
    if let Some(watch) = &model.watch {
        parts.push(part(format!("watch {watch}"), Role::Title, 6));
    }
    // Step mode is told already.
    let step_mode = Action::Hold(HoldFilter::ALL).to_string();
    let faults = now.faults.iter().filter(|fault| fault.what != step_mode).count();
    if faults > 0 {
        let word = if faults == 1 { "fault" } else { "faults" };
        parts.push(part(format!("{faults} {word}"), Role::Bad, 7));
    }
    match &now.recording {
        Some(recording) if recording.trouble.is_some() => {
            parts.push(part("recording ended".to_owned(), Role::Bad, 9));
        }
        Some(recording) if recording.on => {
            parts.push(part(format!("{} recording", glyphs.on), Role::Bad, 6));
        }
        Some(_) | None => {}
    }
    if now.volatile.is_some() || model.about.volatile.is_some() {
        parts.push(part("volatile".to_owned(), Role::Warn, 5));
    }
    if model.workload_running() {
        parts.push(part("workload on".to_owned(), Role::Text, 3));
    }
    parts
}

/// `1`, `0.1`, `0.01`.
fn tempo(thousandths: u32) -> String {
    match thousandths {
        1_000 => "1".to_owned(),
        n if n % 100 == 0 => format!("0.{}", n / 100),
        n if n % 10 == 0 => format!("0.{:02}", n / 10),
        n => format!("0.{n:03}"),
    }
}

/// Draws the status bar.
pub fn bar(frame: &mut Frame, area: Rect, model: &Model) {
    let mut parts = parts(model);
    let room = usize::from(area.width).saturating_sub(1);
    let used = |parts: &[Part]| parts.iter().map(|p| p.text.width() + 2).sum::<usize>();
    while used(&parts) > room {
        let Some(least) = (0..parts.len()).min_by_key(|at| parts[*at].importance) else { break };
        parts.remove(least);
    }
    let base = model.style(Role::Bar);
    let mut spans = vec![Span::styled(" ", base)];
    for part in parts {
        spans.push(Span::styled(format!("{}  ", part.text), on_bar(base, part.role, model)));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let rest = usize::from(area.width).saturating_sub(used);
    spans.push(Span::styled(" ".repeat(rest), base));
    frame.render_widget(Line::from(spans), area);
}

/// A role's accent on the bar: on a reversed bar only bold and underline would stay readable.
fn on_bar(base: Style, role: Role, model: &Model) -> Style {
    let style = model.style(role);
    if base.bg.is_some() {
        return base.patch(Style { bg: None, ..style });
    }
    let loud = matches!(role, Role::Bad | Role::Warn | Role::Title);
    if loud { base.add_modifier(ratatui::style::Modifier::BOLD) } else { base }
}

/// What stands on the line with keys: text, role, and what a click on it does.
fn keys_line(model: &Model) -> Vec<(String, Role, Option<Act>)> {
    let width = usize::from(model.size.width);
    let mut parts = vec![(" ".to_owned(), Role::Text, None)];
    let mut used = 1;
    // One that is too long for the line stands above the bar (`popup::notice`).
    if let Some(notice) = model.notice.as_ref().filter(|notice| has_room(&notice.text, model)) {
        let role = role_of(notice.level);
        used += notice.text.width() + 2;
        parts.push((notice.text.clone(), role, None));
        parts.push(("  ".to_owned(), Role::Text, None));
    }
    let hints = hints(model);
    let wide = |(key, word, _): &(String, &str, Act)| key.width() + word.width() + 3;
    // Whatever a pane has to say: the way to all keys is always there.
    let mut kept = hints.iter().find(|hint| hint.2 == Act::Help).map_or(0, wide);
    for hint in hints {
        let wide = wide(&hint);
        let (key, word, act) = hint;
        if parts.iter().any(|(_, _, there)| *there == Some(act)) {
            continue;
        }
        if act == Act::Help {
            kept = 0;
        }
        if used + wide + kept > width {
            if kept > 0 {
                continue;
            }
            break;
        }
        used += wide;
        parts.push((key, Role::Key, Some(act)));
        parts.push((format!(" {word}  "), Role::Dim, Some(act)));
    }
    parts
}

/// How a notice looks.
#[must_use]
pub fn role_of(level: Level) -> Role {
    match level {
        Level::Info => Role::Accent,
        Level::Warn => Role::Warn,
        Level::Bad => Role::Bad,
    }
}

/// True if a notice with this text stands whole on the line with keys.
#[must_use]
pub fn has_room(text: &str, model: &Model) -> bool {
    text.width() + 2 <= usize::from(model.size.width)
}

/// Draws the line with keys; a notice stands before them.
pub fn keys(frame: &mut Frame, area: Rect, model: &Model) {
    let parts = keys_line(model).into_iter();
    let spans = parts.map(|(text, role, _)| Span::styled(text, model.style(role)));
    frame.render_widget(spans.collect::<Line>(), area);
}

/// What the hint at this column does.
#[must_use]
pub fn hint_at(model: &Model, column: u16) -> Option<Act> {
    let mut x = 0;
    let found = keys_line(model).into_iter().find(|(text, ..)| {
        let here = (x..x + text.width()).contains(&usize::from(column));
        x += text.width();
        here
    });
    found.and_then(|(_, _, act)| act)
}

/// Keys worth showing here: the pane's own, then those that make sense now, then the general ones.
fn hints(model: &Model) -> Vec<(String, &'static str, Act)> {
    let pane = model.focus();
    let own = command::ENTRIES.iter().filter(|entry| {
        let stepping = matches!(entry.act, Act::DropHeld | Act::DuplicateHeld);
        matches!(entry.scope, Scope::Panes(panes) if panes.contains(&pane))
            && (!stepping || model.cluster.now.held_total > 0)
            && (entry.act != Act::Compare || model.runs.len() > 1)
            && (entry.act != Act::JumpWatch(true) || model.watch.is_some())
            && (entry.act != Act::Differ || model.marked_step().is_some())
            && in_lesson(entry.act, model)
    });
    let own = first(model).into_iter().filter_map(command::of).chain(own);
    let mut general = vec![Act::Help, Act::Palette, Act::CommandLine];
    if model.is_recording() {
        let to = [1, -1, 100, -100].map(Act::SeekBy);
        general.extend(to.into_iter().chain([Act::SeekStart, Act::SeekEnd]));
        general.extend([Act::Fork, Act::FocusNext, Act::Zoom, Act::Filter, Act::Quit]);
        return shown(model, own, general);
    }
    if model.cluster.now.step_mode {
        general.push(Act::ReleaseNext);
    }
    if model.replay.as_ref().is_some_and(ReplayShown::is_under_way) {
        general.extend([Act::ReplayPause, Act::ReplayStop]);
    }
    general.extend([
        Act::StepMode,
        Act::Read,
        Act::Write,
        Act::Workload,
        Act::CrashRestart,
        Act::FocusNext,
        Act::Zoom,
        Act::Slower,
        Act::Filter,
        Act::Quit,
    ]);
    shown(model, own, general)
}

/// What a key of lessons does makes sense now: there is a lesson, and something to do in it.
fn in_lesson(act: Act, model: &Model) -> bool {
    let step = model.learn.step.as_ref();
    match act {
        Act::LessonBack => step.is_some(),
        Act::LessonHint | Act::LessonSolve => step.is_some_and(|step| !step.is_done),
        Act::LessonNext => step.is_some_and(|step| !step.is_over()),
        Act::LessonAnew => {
            step.is_some() || model.learn.selected().is_some_and(|row| row.left_at.is_some())
        }
        _ => true,
    }
}

/// What comes before everything else: the way to and fro, and out of the past.
fn first(model: &Model) -> Vec<Act> {
    let mut acts = Vec::new();
    let is_branch = model.runs.iter().any(|run| run.here && run.of.is_some());
    if model.timeline.rewound || is_branch {
        acts.push(Act::GoOn);
    }
    if model.screen == Screen::Timeline {
        acts.extend([Act::SeekBy(-1), Act::SeekBy(1), Act::Fork]);
    }
    acts
}

/// Those that have a key and a word.
fn shown(
    model: &Model,
    own: impl Iterator<Item = &'static command::Entry>,
    general: Vec<Act>,
) -> Vec<(String, &'static str, Act)> {
    let general = general.into_iter().filter_map(command::of);
    own.chain(general)
        .filter(|entry| !entry.short.is_empty())
        .filter_map(|entry| {
            Some((model.keymap.key_of(entry)?.to_string(), word(entry, model), entry.act))
        })
        .collect()
}

/// What a key does: `enter` in a lesson, what there is to do.
fn word(entry: &command::Entry, model: &Model) -> &'static str {
    let step = model.learn.step.as_ref().filter(|_| entry.name == "lesson-open");
    match step {
        Some(step) if step.is_over() => "to the list",
        Some(step) if step.next_question().is_some() => "answer",
        Some(step) if !step.is_done => "type",
        Some(_) | None => entry.short,
    }
}
