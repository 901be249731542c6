//! The step at hand: narration, what was done, what is asked, and what came of it.
//!
//! ```text
//!  Block 3 is in no cache yet ...
//!
//!  > write amf1 3 "alpha"
//!    amf1 told 1 AMF to invalidate, 1 replica; 4 messages, 340 us
//!
//!  TASK  Let a host write "alpha" to block 3 through amf0.
//!  [ ] state amf0 3 M
//!  hint 1 of 2: ...
//! ```

use super::super::model::Model;
use super::super::model::learn::{QuestionShown, StepShown};
use super::super::theme::Role;
use super::rows;
use super::text::{prose, right};
use super::thumb;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// What stands at the right of the pane's title.
#[must_use]
pub fn heading(model: &Model) -> String {
    let Some(step) = &model.learn.step else { return String::new() };
    let points = format!("{}/{} points", step.score.points, step.score.of);
    if step.is_over() {
        return points;
    }
    format!("step {} of {} {} {points}", step.number, step.steps, model.glyphs.dot)
}

/// The first row that can be shown so that the last one is.
#[must_use]
pub fn last_scroll(area: Rect, model: &Model) -> usize {
    lines(usize::from(area.width), model).len().saturating_sub(usize::from(area.height))
}

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let lines = lines(usize::from(area.width), model);
    let last = lines.len().saturating_sub(usize::from(area.height));
    let first = model.learn.scroll.min(last);
    thumb::draw(frame, area, first..first + lines.len() - last, lines.len(), model);
    let Some(rows) = usize::from(area.height).checked_sub(1).filter(|_| first < last) else {
        return rows::draw(frame, area, &lines[first..]);
    };
    // There is more below, and the last row says so.
    rows::draw(frame, area, &lines[first..first + rows]);
    let more = format!("{} more {}", lines.len() - first - rows, model.glyphs.more);
    let more = right(&more, usize::from(area.width), model.glyphs.more);
    let at = Rect { y: area.bottom() - 1, height: 1, ..area };
    rows::draw(frame, at, &[Line::styled(more, model.style(Role::Accent))]);
}

/// Rows on their way, each paragraph in its role.
struct Page<'a> {
    lines: Vec<Line<'a>>,
    width: usize,
    model: &'a Model,
}

impl Page<'_> {
    /// A blank row, unless it would be the first.
    fn gap(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(Line::raw(""));
        }
    }

    fn say(&mut self, indent: usize, text: &str, role: Role) {
        let style = self.model.style(role);
        let rows = prose(&marked(text), self.width.saturating_sub(indent).max(8));
        let lead = " ".repeat(indent);
        let mut is_strong = false;
        for row in rows {
            let mut line = Line::styled(lead.clone(), style);
            for (at, part) in row.split(MARK).enumerate() {
                is_strong ^= at > 0;
                let strong = if is_strong { Modifier::BOLD } else { Modifier::empty() };
                line.push_span(Span::styled(part.to_owned(), Style::new().add_modifier(strong)));
            }
            self.lines.push(line);
        }
    }
}

/// Stands for the asterisk of `*a new word*`; it takes no column.
const MARK: char = '\u{2060}';

/// Text whose `*new words*` are between two [`MARK`]s instead. An asterisk for itself stays.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('*') {
        out.push_str(before);
        let is_word = |c: char| !c.is_whitespace() && c != '*';
        let begins = !out.ends_with(is_word) || out.ends_with(['(', '"']);
        let word = after.split_once('*').filter(|(word, _)| {
            begins && word.starts_with(is_word) && word.ends_with(is_word) && !word.contains("\n\n")
        });
        rest = if let Some((word, behind)) = word {
            out.extend([MARK].into_iter().chain(word.chars()).chain([MARK]));
            behind
        } else {
            out.push('*');
            after
        };
    }
    out + rest
}

fn lines(width: usize, model: &Model) -> Vec<Line<'_>> {
    // The bar that says what part is seen does not touch the text.
    let mut page = Page { lines: Vec::new(), width: width.saturating_sub(1), model };
    let Some(step) = &model.learn.step else {
        page.say(0, "No lesson is taken. Choose one from the list.", Role::Dim);
        return page.lines;
    };
    if step.is_over() {
        card(&mut page, step);
        return page.lines;
    }
    page.say(0, &step.say, Role::Text);
    if !step.text.is_empty() {
        page.gap();
        let word = match step.kind {
            "predict" => "PREDICT",
            "hunt" => "BUG HUNT",
            _ => "TASK",
        };
        page.say(0, &format!("{word}: {}", step.text), Role::Title);
    }
    if !step.done.is_empty() {
        page.gap();
        for line in &step.done {
            let is_command = line.starts_with("> ");
            let (indent, role) = if is_command { (0, Role::Key) } else { (4, Role::Dim) };
            page.say(indent, line, role);
        }
    }
    if !step.checks.is_empty() {
        page.gap();
    }
    for (check, holds) in &step.checks {
        let (mark, role) = if *holds { ('x', Role::Good) } else { (' ', Role::Warn) };
        page.say(0, &format!("[{mark}] {check}"), role);
    }
    questions(&mut page, step);
    for (number, hint) in (1..).zip(&step.hints) {
        page.gap();
        page.say(0, &format!("hint {number} of {}: {hint}", step.hints_all), Role::Accent);
    }
    if !step.verdict.is_empty() {
        page.gap();
        let role = if step.is_done { Role::Good } else { Role::Warn };
        for line in &step.verdict {
            page.say(0, line, role);
        }
    }
    if !step.after.is_empty() {
        page.gap();
        page.say(0, &step.after, Role::Text);
    }
    page.gap();
    page.say(0, &what_next(step, model), Role::Accent);
    page.lines
}

fn questions(page: &mut Page<'_>, step: &StepShown) {
    if !step.questions.is_empty() {
        page.gap();
    }
    let next = step.next_question();
    for (at, question) in step.questions.iter().enumerate() {
        let QuestionShown { question, answer, truth, is_right } = question;
        let words = question.words();
        let (text, role) = match (answer, truth) {
            (Some(answer), Some(_)) if *is_right => {
                (format!("{words}: {answer}, right"), Role::Good)
            }
            (Some(answer), Some(truth)) => {
                (format!("{words}: it is {truth}, not {answer}"), Role::Bad)
            }
            (Some(answer), None) => (format!("{words}: {answer}"), Role::Text),
            (None, _) => {
                let role = if next == Some(at) { Role::Title } else { Role::Dim };
                (
                    format!("{words} ({})?", question.form(page.model.cluster.now.view.protocol)),
                    role,
                )
            }
        };
        page.say(0, &text, role);
    }
}

/// What the keys do now.
fn what_next(step: &StepShown, model: &Model) -> String {
    use super::super::command::{self, Act};
    let key = |act: Act, name: &'static str| {
        let entry = command::by_name(name).or_else(|| command::of(act));
        let bound = entry.and_then(|entry| model.keymap.key_of(entry));
        bound.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let enter = key(Act::Open, "lesson-open");
    if step.is_done {
        return format!(
            "{enter} goes on, {} goes back a step.",
            key(Act::LessonBack, "lesson-back")
        );
    }
    let hint = if step.hints.len() < step.hints_all {
        format!(", {} for a hint", key(Act::LessonHint, "hint"))
    } else {
        String::new()
    };
    if step.next_question().is_some() {
        return format!("{enter} to answer{hint}.");
    }
    let again = key(Act::LessonAgain, "lesson-again");
    format!("{enter} to type a command{hint}, {again} to redo the step; or use any screen.")
}

/// The end.
fn card(page: &mut Page<'_>, step: &StepShown) {
    let score = &step.score;
    page.say(0, &format!("The end of \"{}\"", step.title), Role::Title);
    page.gap();
    let (word, role) =
        if score.is_passed() { ("PASSED", Role::Good) } else { ("NOT PASSED", Role::Bad) };
    page.say(0, word, role);
    for why in score.what_is_missing() {
        page.say(0, &format!("  {why}"), Role::Warn);
    }
    page.gap();
    page.say(0, &format!("  points       {} of {}", score.points, score.of), Role::Text);
    if score.tasks > 0 {
        page.say(0, &format!("  tasks        {} of {}", score.done, score.tasks), Role::Text);
    }
    if score.questions > 0 {
        let text = format!("  predictions  {} of {}", score.right, score.questions);
        page.say(0, &text, Role::Text);
    }
    page.say(0, &format!("  hints        {}", score.hints), Role::Text);
    page.gap();
    let text =
        "The cluster is yours now: try what you like. enter leads back to the list of lessons.";
    page.say(0, text, Role::Accent);
}
