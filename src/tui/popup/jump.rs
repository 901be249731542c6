//! The letters of jump mode, over what they select. They follow their rows.

use super::super::model::{Jump, Model};
use super::super::theme::Role;
use super::super::update::jump::targets;
use super::super::view::layout::Plan;
use ratatui::Frame;

/// Draws the letters that are still to be typed.
pub fn render(frame: &mut Frame, plan: &Plan, jump: &Jump, model: &Model) {
    let style = model.style(Role::Cursor);
    for target in targets(model, plan) {
        let label = jump.labels.iter().find(|(aim, _)| *aim == target.aim);
        let Some(rest) = label.and_then(|(_, label)| label.strip_prefix(&jump.typed)) else {
            continue;
        };
        let (x, y) = target.at;
        let room = usize::from(frame.area().right().saturating_sub(x));
        frame.buffer_mut().set_stringn(x, y, rest, room, style);
    }
}
