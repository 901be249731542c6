//! The log, by tui-logger: what the engine and the console remark, with the target selector where
//! there is room (zoom: `z`).

use super::super::model::Model;
use super::super::theme::Role;
use ratatui::Frame;
use ratatui::layout::Rect;
use tui_logger::{TuiLoggerLevelOutput, TuiLoggerSmartWidget, TuiLoggerWidget};

/// From this width on, the target selector is shown.
const SELECTOR_COLUMNS: u16 = 80;

/// Draws the pane.
pub fn render(frame: &mut Frame, area: Rect, model: &Model) {
    let text = model.style(Role::Text);
    let (error, warn) = (model.style(Role::Bad), model.style(Role::Warn));
    let dim = model.style(Role::Dim);
    let level = Some(TuiLoggerLevelOutput::Abbreviated);
    if area.width >= SELECTOR_COLUMNS {
        let widget = TuiLoggerSmartWidget::default()
            .style(text)
            .style_error(error)
            .style_warn(warn)
            .style_debug(dim)
            .style_trace(dim)
            .border_style(model.style(Role::Border))
            .highlight_style(model.style(Role::Select))
            .title_target(" targets ")
            .title_log(" log ")
            .output_separator(' ')
            .output_timestamp(None)
            .output_level(level)
            .output_target(true)
            .output_file(false)
            .output_line(false)
            .state(&model.log.0);
        frame.render_widget(widget, area);
        return;
    }
    let widget = TuiLoggerWidget::default()
        .style(text)
        .style_error(error)
        .style_warn(warn)
        .style_debug(dim)
        .style_trace(dim)
        .output_separator(' ')
        .output_timestamp(None)
        .output_level(level)
        .output_target(false)
        .output_file(false)
        .output_line(false)
        .state(&model.log.0);
    frame.render_widget(widget, area);
}
