//! The signs of the screen, in two sets: line drawing for terminals that have it, and ASCII (`--ascii`).

use ratatui::symbols::border;

/// One set of signs; every sign is one column wide.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Frames.
    pub border: border::Set<'static>,
    /// A rule.
    pub rule: &'static str,
    /// Between columns.
    pub bar: &'static str,
    /// Nothing here.
    pub none: char,
    /// From left to right.
    pub arrow: char,
    /// A message on its way.
    pub flying: char,
    /// It arrived.
    pub arrived: char,
    /// It was lost.
    pub lost: char,
    /// It is held.
    pub held: char,
    /// On.
    pub on: char,
    /// Off, or empty.
    pub off: char,
    /// The selected row.
    pub pick: char,
    /// Text goes on.
    pub more: char,
    /// Between items of a line.
    pub dot: char,
    /// From nothing to much, eight steps.
    pub spark: [char; 8],
    /// Full and empty part of a gauge.
    pub gauge: (char, char),
    /// From nothing to full, five steps.
    pub heat: [char; 5],
    /// Where an interval begins and ends.
    pub ends: (char, char),
    /// Which part of a list is shown.
    pub thumb: char,
    /// Branch of a chain.
    pub branch: &'static str,
}

/// For terminals with line drawing.
pub const RICH: Glyphs = Glyphs {
    border: border::ROUNDED,
    rule: "─",
    bar: "│",
    none: '·',
    arrow: '→',
    flying: '→',
    arrived: '✓',
    lost: '✗',
    held: '‖',
    on: '●',
    off: '○',
    pick: '▸',
    more: '…',
    dot: '·',
    spark: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    gauge: ('█', '░'),
    heat: ['·', '░', '▒', '▓', '█'],
    ends: ('├', '┤'),
    thumb: '▐',
    branch: "└─",
};

/// For every terminal.
pub const ASCII: Glyphs = Glyphs {
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    rule: "-",
    bar: "|",
    none: '.',
    arrow: '>',
    flying: '>',
    arrived: '+',
    lost: 'x',
    held: '=',
    on: '*',
    off: 'o',
    pick: '>',
    more: '~',
    dot: '|',
    spark: ['_', '.', ',', '-', '~', '+', '*', '#'],
    gauge: ('#', '-'),
    heat: ['.', ':', '+', '#', '@'],
    ends: ('[', ']'),
    thumb: '#',
    branch: "`-",
};
