//! What opens above the screen: one small file each.

pub mod confirm;
pub mod dialog;
pub mod differences;
pub mod help;
pub mod jump;
pub mod line;
pub mod notice;
pub mod palette;
pub mod prefix;

use super::model::{Modal, Model};
use super::theme::Role;
use super::view::layout::Plan;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Clear, Padding};

/// Draws what is open, if anything is.
pub fn draw(frame: &mut Frame, plan: &Plan, model: &Model) {
    match &model.modal {
        Modal::None => notice::render(frame, plan.status, model),
        Modal::Help(help) => help::render(frame, frame.area(), help, model),
        Modal::Differences(state, found) => {
            differences::render(frame, frame.area(), state, found, model);
        }
        Modal::Jump(jump) => jump::render(frame, plan, jump, model),
        Modal::Prefix(keys) => prefix::render(frame, plan.status, keys, model),
        Modal::Palette(palette) => palette::render(frame, frame.area(), palette, model),
        Modal::Line(line) => line::render(frame, plan.keys, line, model),
        Modal::Filter(input) => {
            let label = format!("{}: show only ", model.filtered().title());
            line::prompt(frame, plan.keys, &label, input, model);
        }
        Modal::Goto(input) => line::prompt(frame, plan.keys, "go to block ", input, model),
        Modal::Answer(input) => {
            line::prompt(frame, plan.keys, &learn_prompt(model), input, model);
        }
        Modal::Dialog(dialog) => dialog::render(frame, frame.area(), dialog, model),
        Modal::Confirm(confirm) => confirm::render(frame, frame.area(), confirm, model),
    }
}

/// The question that is being answered.
fn learn_prompt(model: &Model) -> String {
    let step = model.learn.step.as_ref();
    let question = step.and_then(|step| step.questions.get(step.next_question()?));
    question.map_or_else(String::new, |question| {
        let question = &question.question;
        format!("{} ({}): ", question.words(), question.form(model.cluster.now.view.protocol))
    })
}

/// A box of this size in the middle, with a title and what its keys do; what is left inside.
pub fn open(frame: &mut Frame, size: (u16, u16), title: &str, keys: &str, model: &Model) -> Rect {
    let area = frame.area();
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let at = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    framed(frame, at, title, keys, model)
}

/// A box at a place, over what is there; what is left inside.
fn framed(frame: &mut Frame, at: Rect, title: &str, keys: &str, model: &Model) -> Rect {
    let block = Block::new()
        .borders(Borders::ALL)
        .border_set(model.glyphs.border)
        .border_style(model.style(Role::Focus))
        .style(model.style(Role::Text))
        .padding(Padding::horizontal(1))
        .title(Line::styled(format!(" {title} "), model.style(Role::Focus)))
        .title_bottom(Line::styled(format!(" {keys} "), model.style(Role::Dim)).right_aligned());
    let inside = block.inner(at);
    frame.render_widget(Clear, at);
    frame.render_widget(block, at);
    inside
}
