//! Lines of text, straight into the buffer. What `Paragraph` does costs more than everything else in a
//! frame: it looks for graphemes in text that is nearly always ASCII.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

/// Draws lines from the top of `area`, each cut at its right edge.
pub(super) fn draw(frame: &mut Frame, area: Rect, lines: &[Line]) {
    let area = area.intersection(frame.area());
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        let mut x = area.left();
        for span in &line.spans {
            let style = line.style.patch(span.style);
            x = put(frame.buffer_mut(), (x, y), area.right(), &span.content, style);
        }
    }
}

/// Puts text at a place, at most up to column `end`; the column behind it.
fn put(buffer: &mut Buffer, (x, y): (u16, u16), end: u16, text: &str, style: Style) -> u16 {
    let left = usize::from(end.saturating_sub(x));
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return buffer.set_stringn(x, y, text, left, style).0;
    }
    if text.is_empty() || left == 0 {
        return x;
    }
    let first = buffer.index_of(x, y);
    let cells = &mut buffer.content[first..first + left.min(text.len())];
    for (cell, byte) in cells.iter_mut().zip(text.bytes()) {
        cell.set_char(char::from(byte)).set_style(style);
    }
    x + u16::try_from(cells.len()).unwrap_or(end - x)
}
