//! A screen as an SVG picture: for the README, made from the program's own screen.
//!
//! Pure: a buffer and a theme in, text out. Runs of equal style become one `text` with a fixed
//! length, so that columns stay in line whatever monospace font the viewer has.

use super::theme::{Role, Theme};
use core::fmt::Write;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// Width of a cell in hundredths of a pixel.
const CELL_WIDTH: u32 = 840;
/// Height of a cell in pixels.
const CELL_HEIGHT: u32 = 18;
/// Size of the font in pixels.
const FONT: u32 = 14;
/// Around the screen, in pixels.
const MARGIN: u32 = 12;
/// What terminals show where a program names no colour.
const PLAIN: (&str, &str) = ("#d6dae2", "#14171d");

/// How a run of cells looks.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    ink: String,
    paper: Option<String>,
    modifier: Modifier,
}

/// The picture of a screen. The theme gives the colours where cells name none.
#[must_use]
pub fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let text = theme.style(Role::Text);
    let ink = text.fg.map_or_else(|| PLAIN.0.to_owned(), |c| css(c, PLAIN.0));
    let paper = text.bg.map_or_else(|| PLAIN.1.to_owned(), |c| css(c, PLAIN.1));
    let width = pixels(u32::from(buffer.area.width)) + 2 * MARGIN;
    let height = u32::from(buffer.area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"'DejaVu Sans Mono','JetBrains Mono',\
         Menlo,Consolas,monospace\" font-size=\"{FONT}\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{paper}\"/>\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let look = look_at(buffer, (x, y), (&ink, &paper));
            let start = x;
            let mut run = String::new();
            while x < buffer.area.width && look_at(buffer, (x, y), (&ink, &paper)) == look {
                run.push_str(buffer[(buffer.area.x + x, buffer.area.y + y)].symbol());
                x += 1;
            }
            paint(&mut out, &look, (start, x, y), &run);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn pixels(cells: u32) -> u32 {
    (cells * CELL_WIDTH).div_ceil(100)
}

fn look_at(buffer: &Buffer, at: (u16, u16), plain: (&str, &str)) -> Look {
    let cell = &buffer[(buffer.area.x + at.0, buffer.area.y + at.1)];
    let ink = css(cell.fg, plain.0);
    let paper = match cell.bg {
        Color::Reset => None,
        other => Some(css(other, plain.1)),
    };
    if cell.modifier.contains(Modifier::REVERSED) {
        let behind = paper.unwrap_or_else(|| plain.1.to_owned());
        return Look { ink: behind, paper: Some(ink), modifier: cell.modifier };
    }
    Look { ink, paper: paper.filter(|paper| paper != plain.1), modifier: cell.modifier }
}

/// One run: its background if it has one, its text if there is any.
fn paint(out: &mut String, look: &Look, (start, end, row): (u16, u16, u16), run: &str) {
    let x = MARGIN * 100 + u32::from(start) * CELL_WIDTH;
    let wide = u32::from(end - start) * CELL_WIDTH;
    let y = MARGIN + u32::from(row) * CELL_HEIGHT;
    let (left, width) = (hundredths(x), hundredths(wide));
    if let Some(paper) = &look.paper {
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{CELL_HEIGHT}\" fill=\"{paper}\"/>"
        );
    }
    if run.trim().is_empty() {
        return;
    }
    let mut style = String::new();
    for (modifier, text) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
    ] {
        if look.modifier.contains(modifier) {
            style.push_str(text);
        }
    }
    let base = y + CELL_HEIGHT - 5;
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{base}\" fill=\"{}\"{style} textLength=\"{width}\" \
         lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
        look.ink,
        escaped(run)
    );
}

fn hundredths(n: u32) -> String {
    format!("{}.{:02}", n / 100, n % 100)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A colour as CSS; the 16 named ones in a quiet palette, since a terminal's own are not known.
fn css(color: Color, plain: &str) -> String {
    let named = match color {
        Color::Reset => plain,
        Color::Black => "#1c1f26",
        Color::Red => "#d9544d",
        Color::Green => "#7fbf6a",
        Color::Yellow => "#dcb85a",
        Color::Blue => "#6f9cf0",
        Color::Magenta => "#bd8ee6",
        Color::Cyan => "#5fb8c9",
        Color::Gray => "#aab1bd",
        Color::DarkGray => "#646c7a",
        Color::LightRed => "#ff7b72",
        Color::LightGreen => "#9be08a",
        Color::LightYellow => "#f2d37e",
        Color::LightBlue => "#8fb6ff",
        Color::LightMagenta => "#d3a8f5",
        Color::LightCyan => "#7fd7e6",
        Color::White => "#f0f3f8",
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(index) => return indexed(index),
    };
    named.to_owned()
}

/// The 256-colour table: 16 named ones, a 6x6x6 cube, 24 greys.
fn indexed(index: u8) -> String {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match index {
        0..16 => css(NAMED[usize::from(index)], PLAIN.0),
        16..232 => {
            let cube = index - 16;
            let (r, g, b) = (step(cube / 36), step(cube / 6 % 6), step(cube % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}
