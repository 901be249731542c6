//! Rows as lines of text: what the console shows and `amflab ladder` prints. Each piece says what it is
//! ([`Ink`]); how that looks is the reader's business.

use super::{Carries, Column, Row, What};
use crate::protocol::MsgKind;
use core::fmt::Write as _;

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// A place, as long as nothing happens there.
    Life,
    /// Words and numbers at the side.
    Dim,
    /// What happened, in words.
    Text,
    /// A host's request, or the answer to it.
    Host,
    /// A message.
    Message(MsgKind),
    /// Disk I/O.
    Disk,
    /// A line's state.
    State,
    /// A view.
    View,
    /// Something lost, refused or broken.
    Bad,
    /// A violation.
    Violation,
}

/// A piece of a line.
pub type Piece = (Ink, String);

/// The signs that it is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// A place.
    pub life: char,
    /// An arrow's shaft, crossing a place, and of something repeated.
    pub shaft: (char, char, char),
    /// Its heads.
    pub heads: (char, char),
    /// Where it begins.
    pub tail: (char, char),
    /// Something leaves; and goes that way.
    pub leaves: (char, char),
    /// Something happens.
    pub dot: char,
    /// A write takes its version.
    pub commit: char,
    /// It got lost.
    pub lost: char,
    /// A band.
    pub band: char,
    /// Columns off the screen, to either side.
    pub more: (char, char),
}

/// Line drawing.
pub const RICH: Signs = Signs {
    life: '│',
    shaft: ('─', '┼', '╌'),
    heads: ('◀', '▶'),
    tail: ('├', '┤'),
    leaves: ('◦', '·'),
    dot: '●',
    commit: '◆',
    lost: '✗',
    band: '═',
    more: ('‹', '›'),
};

/// Seven bits.
pub const ASCII: Signs = Signs {
    life: '|',
    shaft: ('-', '+', '~'),
    heads: ('<', '>'),
    tail: ('|', '|'),
    leaves: ('o', '.'),
    dot: '*',
    commit: '#',
    lost: 'x',
    band: '=',
    more: ('<', '>'),
};

/// Narrowest column that shows anything.
pub const COLUMN_MIN: usize = 4;
/// Narrowest column with room for a label; narrower only where not even one of these fits.
const COLUMN_LABELLED: usize = 6;
/// Widest that is of use.
const COLUMN_MAX: usize = 16;
/// Fewest letters of a word that say what it was.
const LABEL_MIN: usize = 3;
/// Room for the time.
const TIME: usize = 11;
/// Narrowest room for words that is worth its place.
const WORDS_MIN: usize = 24;

/// Which columns are drawn, how wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The columns, from the left.
    pub columns: Vec<Column>,
    /// Columns that are scrolled off to the left.
    pub before: Vec<Column>,
    /// Columns before and after those.
    pub hidden: (usize, usize),
    /// Each this wide.
    pub column: usize,
    /// All of it.
    pub width: usize,
    /// The signs.
    pub signs: Signs,
}

impl Frame {
    /// As many of these columns as have room, from the so-manieth on.
    #[must_use]
    pub fn fit(columns: &[Column], first: usize, width: usize, signs: Signs) -> Self {
        let first = first.min(columns.len().saturating_sub(1));
        let wanted = columns.len() - first;
        // Words get two fifths, unless that leaves less than two columns.
        let words = WORDS_MIN.max(width * 2 / 5).min(width.saturating_sub(TIME + COLUMN_MIN * 2));
        let room = width.saturating_sub(TIME + words);
        let share = room / wanted.max(1);
        let column = share.clamp(COLUMN_LABELLED, COLUMN_MAX).min(room.max(COLUMN_MIN));
        let count = (room / column).max(1).min(wanted);
        Self {
            columns: columns[first..first + count].to_vec(),
            before: columns[..first].to_vec(),
            hidden: (first, columns.len() - first - count),
            column,
            width,
            signs,
        }
    }

    /// Where a column's line is, from the left of the columns.
    fn middle(&self, index: usize) -> usize {
        index * self.column + self.column / 2
    }

    fn index(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|known| *known == column)
    }

    /// Width of all columns.
    #[must_use]
    pub fn body(&self) -> usize {
        self.columns.len() * self.column
    }

    /// Where a column begins, from the left of a line.
    #[must_use]
    pub fn begins(&self, index: usize) -> usize {
        TIME + index * self.column
    }

    /// Which column is at this place of a line.
    #[must_use]
    pub fn column_at(&self, x: usize) -> Option<Column> {
        self.columns.get(x.checked_sub(TIME)? / self.column.max(1)).copied()
    }

    /// The line of titles.
    #[must_use]
    pub fn head(&self) -> Vec<Piece> {
        let (before, after) = self.hidden;
        let time = if before > 0 {
            format!("{:<TIME$}", format!("{}{before}", self.signs.more.0))
        } else {
            format!("{:<TIME$}", "seconds")
        };
        let mut body = String::new();
        for column in &self.columns {
            let title = short(*column, self.column);
            let _ = write!(body, "{title:^width$}", width = self.column);
        }
        let after = if after > 0 { format!("{after}{}", self.signs.more.1) } else { String::new() };
        vec![(Ink::Dim, time), (Ink::Text, body), (Ink::Dim, after)]
    }

    /// One row.
    #[must_use]
    pub fn line(&self, row: &Row, same_time: bool) -> Vec<Piece> {
        let seconds =
            format!("{}.{:06}", row.now.0 / 1_000_000_000, row.now.0 % 1_000_000_000 / 1_000);
        let seconds = if same_time { String::new() } else { seconds };
        let mut pieces = vec![(Ink::Dim, format!("{seconds:<TIME$}"))];
        let mut canvas = Canvas::new(self);
        canvas.draw(row);
        pieces.extend(canvas.pieces());
        let room = self.width.saturating_sub(TIME + self.body() + 1);
        let words: String = row.text.chars().take(room).collect();
        pieces.push((words_ink(&row.what), format!(" {words}")));
        pieces
    }
}

/// The longest title that has room.
fn short(column: Column, width: usize) -> String {
    let title = column.title();
    if title.chars().count() < width {
        return title;
    }
    match column {
        Column::Hosts => "H".to_owned(),
        Column::Amf(amf) => format!("a{}", amf.0),
        Column::Witness => "W".to_owned(),
        Column::Disk(disk) => format!("d{}", disk.0),
    }
}

fn words_ink(what: &What) -> Ink {
    match what {
        What::Fault(_)
        | What::Arrow { lost: true, .. }
        | What::Arrow { carries: Carries::Answer(false) | Carries::Disk(false), .. } => Ink::Bad,
        What::Violation(_) => Ink::Violation,
        What::View(_) | What::Joined(_) => Ink::View,
        What::Leaves { .. } | What::Rule(_) | What::Note(_) => Ink::Dim,
        What::Arrow { .. } | What::State(..) | What::Commit(..) => Ink::Text,
    }
}

/// One line of cells.
struct Canvas<'a> {
    frame: &'a Frame,
    cells: Vec<(char, Ink)>,
}

impl<'a> Canvas<'a> {
    fn new(frame: &'a Frame) -> Self {
        let mut cells = vec![(' ', Ink::Life); frame.body()];
        for index in 0..frame.columns.len() {
            cells[frame.middle(index)].0 = frame.signs.life;
        }
        Self { frame, cells }
    }

    fn put(&mut self, at: usize, sign: char, ink: Ink) {
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = (sign, ink);
        }
    }

    fn draw(&mut self, row: &Row) {
        let signs = self.frame.signs;
        if row.what.is_band() {
            self.band(row);
        }
        match &row.what {
            What::Leaves { from, to, kind, .. } => self.leaves(*from, to, *kind),
            What::Arrow { from, to, carries, lost } => self.arrow(*from, *to, *carries, *lost),
            What::State(at, before, after) => {
                self.mark(*at, &format!("{before:?}{}{after:?}", signs.heads.1), Ink::State);
            }
            What::Commit(at, state) => {
                self.mark(*at, &format!("{}{state:?}", signs.commit), Ink::State);
            }
            What::Rule(at) | What::Note(at) => self.mark(*at, &signs.dot.to_string(), Ink::Dim),
            What::View(at) | What::Joined(at) => self.mark(*at, &signs.dot.to_string(), Ink::View),
            What::Fault(at) => self.mark(*at, &signs.lost.to_string(), Ink::Bad),
            What::Violation(at) => self.mark(*at, &signs.lost.to_string(), Ink::Violation),
        }
    }

    fn band(&mut self, row: &Row) {
        let ink = match row.what {
            What::Violation(_) => Ink::Violation,
            What::Fault(_) => Ink::Bad,
            _ => Ink::View,
        };
        let sign = self.frame.signs.band;
        self.cells.iter_mut().for_each(|cell| *cell = (sign, ink));
    }

    /// Words in the middle of a column.
    fn mark(&mut self, at: Column, words: &str, ink: Ink) {
        let Some(index) = self.frame.index(at) else { return };
        let length = words.chars().count();
        let first = self.frame.middle(index).saturating_sub(length / 2);
        for (offset, sign) in words.chars().enumerate() {
            self.put(first + offset, sign, ink);
        }
    }

    /// A place, or the edge that it is beyond.
    fn spot(&self, column: Column, other: Column) -> Option<usize> {
        if let Some(index) = self.frame.index(column) {
            return Some(self.frame.middle(index));
        }
        // Off the screen: an arrow goes to the edge if its other end is on it.
        self.frame.index(other)?;
        let first = self.frame.columns.first()?;
        // Those that are hidden for good are on the side where they would be by themselves.
        let scrolled = self.frame.hidden != (0, 0);
        let is_left = self.frame.before.contains(&column) || (!scrolled && column < *first);
        Some(if is_left { 0 } else { self.cells.len().saturating_sub(1) })
    }

    fn leaves(&mut self, from: Column, to: &[Column], kind: MsgKind) {
        let (origin, trace) = self.frame.signs.leaves;
        for to in to {
            let (Some(a), Some(b)) = (self.spot(from, *to), self.spot(*to, from)) else { continue };
            for at in a.min(b) + 1..a.max(b) {
                if at % 2 == 0 && self.cells[at].0 == ' ' {
                    self.put(at, trace, Ink::Message(kind));
                }
            }
        }
        self.mark(from, &origin.to_string(), Ink::Message(kind));
    }

    fn arrow(&mut self, from: Column, to: Column, carries: Carries, lost: bool) {
        let (Some(a), Some(b)) = (self.spot(from, to), self.spot(to, from)) else {
            // Both ends are elsewhere.
            return;
        };
        let signs = self.frame.signs;
        let (ink, label, again) = match carries {
            Carries::Message(kind, again) => (Ink::Message(kind), kind.word(), again),
            Carries::Request | Carries::Answer(true) => (Ink::Host, "", false),
            Carries::Disk(true) => (Ink::Disk, "", false),
            Carries::Answer(false) | Carries::Disk(false) => (Ink::Bad, "", false),
        };
        let ink = if lost { Ink::Bad } else { ink };
        let (low, high) = (a.min(b), a.max(b));
        for at in low + 1..high {
            let crosses = self.cells[at].0 == signs.life;
            let sign = match (again, crosses) {
                (_, true) => signs.shaft.1,
                (true, false) => signs.shaft.2,
                (false, false) => signs.shaft.0,
            };
            self.put(at, sign, ink);
        }
        let rightwards = b > a;
        self.put(a, if rightwards { signs.tail.0 } else { signs.tail.1 }, ink);
        let head = if rightwards { signs.heads.1 } else { signs.heads.0 };
        self.put(b, if lost { signs.lost } else { head }, ink);
        self.label(a, b, label, ink);
    }

    /// On the shaft, next to where it ends, if it has room there.
    fn label(&mut self, a: usize, b: usize, label: &str, ink: Ink) {
        // Between the last two places; the shaft shows on both sides of it.
        let room = a.abs_diff(b).min(self.frame.column).saturating_sub(3);
        let length = label.len().min(room);
        if length < LABEL_MIN.min(label.len()) || length == 0 {
            return;
        }
        let label = &label[..length];
        let slack = (room - length) / 2 + 1;
        let first = if b > a { b - length - slack } else { b + slack + 1 };
        for (offset, sign) in label.chars().enumerate() {
            self.put(first + offset, sign, ink);
        }
    }

    fn pieces(self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for (sign, ink) in self.cells {
            match pieces.last_mut() {
                Some((last, text)) if *last == ink => text.push(sign),
                _ => pieces.push((ink, sign.to_string())),
            }
        }
        pieces
    }
}
