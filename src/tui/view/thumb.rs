//! Which part of a list is shown, where not all of it fits: a bar in the column right of the list, which every
//! pane and every box leaves free.

use super::super::model::Model;
use super::super::theme::Role;
use core::ops::Range;
use ratatui::Frame;
use ratatui::layout::Rect;

/// Draws the bar of a list in `area`, of whose `total` rows these are shown. None, if that is all of them.
pub fn draw(frame: &mut Frame, area: Rect, shown: Range<usize>, total: usize, model: &Model) {
    let Some((at, rows)) = place(usize::from(area.height), shown, total) else { return };
    let x = area.right();
    if x >= frame.area().right() {
        return;
    }
    let style = model.style(Role::Border);
    for y in (area.y..area.bottom()).skip(at).take(rows) {
        if let Some(cell) = frame.buffer_mut().cell_mut((x, y)) {
            cell.set_char(model.glyphs.thumb).set_style(style);
        }
    }
}

/// The first row of the bar, and how many it has.
fn place(height: usize, shown: Range<usize>, total: usize) -> Option<(usize, usize)> {
    let count = shown.len();
    let hidden = total.checked_sub(count).filter(|hidden| *hidden > 0)?;
    if height == 0 || count == 0 {
        return None;
    }
    let rows = (height * count / total).clamp(1, height);
    let free = height - rows;
    let first = shown.start.min(hidden);
    // It touches an end only where the list does.
    let at = match first {
        0 => 0,
        first if first == hidden => free,
        first if free > 1 => (free * first / hidden).clamp(1, free - 1),
        first => free * first / hidden,
    };
    Some((at, rows))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn it_touches_an_end_where_the_list_does() {
        assert_eq!(place(10, 0..10, 10), None);
        assert_eq!(place(10, 0..0, 10), None);
        assert_eq!(place(10, 0..10, 20), Some((0, 5)));
        assert_eq!(place(10, 10..20, 20), Some((5, 5)));
        assert_eq!(place(10, 1..11, 1_000_000), Some((1, 1)));
        assert_eq!(place(10, 999_989..999_999, 1_000_000), Some((8, 1)));
        assert_eq!(place(10, 999_990..1_000_000, 1_000_000), Some((9, 1)));
        for first in 0..=20 {
            let (at, rows) = place(7, first..first + 7, 27).expect("it does not fit");
            assert!(
                at + rows <= 7 && (at == 0) == (first == 0) && (at + rows == 7) == (first == 20)
            );
        }
    }
}
