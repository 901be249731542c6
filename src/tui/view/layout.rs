//! Where everything is. Pure: views draw by it, and clicks find their pane by it.

use super::super::model::{Model, Pane, Screen};
use super::tree::Node;
use ratatui::layout::{Constraint, Layout, Rect};

/// Below this nothing useful can be shown.
pub const COLUMNS_MIN: u16 = 40;
/// Below this nothing useful can be shown.
pub const ROWS_MIN: u16 = 12;
/// Rows of the first hint.
const HINT_ROWS: u16 = 3;

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// One pane at a time.
    Small,
    /// 80x24: panes under a rule, some share a place.
    Medium,
    /// 120x40: panes in boxes.
    Large,
    /// 200x60: everything at once.
    Wide,
}

/// A place on the screen, and the panes that share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where.
    pub area: Rect,
    /// The panes that share it.
    pub stack: Vec<Pane>,
    /// The one that is shown.
    pub pane: Pane,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How much room there is.
    pub class: Class,
    /// The line with the screens.
    pub tabs: Rect,
    /// The panes.
    pub slots: Vec<Slot>,
    /// The first hint.
    pub hint: Option<Rect>,
    /// How far a replay is.
    pub replay: Option<Rect>,
    /// How far some work is.
    pub job: Option<Rect>,
    /// The status bar.
    pub status: Rect,
    /// The line with keys, notices, and the `:` line.
    pub keys: Rect,
}

/// Where everything is; `None`: the terminal is too small.
#[must_use]
pub fn plan(model: &Model) -> Option<Plan> {
    let (width, height) = (model.size.width, model.size.height);
    if width < COLUMNS_MIN || height < ROWS_MIN {
        return None;
    }
    let class = match (width, height) {
        (160.., 45..) => Class::Wide,
        (110.., 32..) => Class::Large,
        (70.., 20..) => Class::Medium,
        _ => Class::Small,
    };
    let whole = Rect::new(0, 0, width, height);
    let hint_rows = if model.hint && class > Class::Small { HINT_ROWS } else { 0 };
    let replay_rows = u16::from(model.replay.is_some() || model.reading.is_some());
    let job_rows = u16::from(model.job.is_some());
    let [tabs, body, hint, replay, job, status, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(hint_rows),
        Constraint::Length(replay_rows),
        Constraint::Length(job_rows),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(whole);
    let places = if model.zoomed || class == Class::Small {
        let stack = if model.zoomed { vec![model.focus()] } else { model.panes() };
        vec![(body, stack)]
    } else {
        match model.screen {
            Screen::Dashboard => dashboard(model, class, body),
            Screen::Caches => caches(class, body),
            Screen::Locks => locks(class, body),
            Screen::Faults => faults(model, class, body),
            Screen::Checker => checker(class, body),
            Screen::Ladder => ladder(class, body),
            Screen::Timeline => timeline(model, class, body),
            Screen::Learn => learn(model, class, body),
            Screen::Protocol => protocol(class, body),
            Screen::Beside => beside(model, class, body),
        }
    };
    let slot = |(area, stack): (Rect, Vec<Pane>)| {
        let pane = model.front(&stack).copied()?;
        Some(Slot { area, stack, pane })
    };
    Some(Plan {
        class,
        tabs,
        slots: places.into_iter().filter_map(slot).collect(),
        hint: (hint_rows > 0).then_some(hint),
        replay: (replay_rows > 0).then_some(replay),
        job: (job_rows > 0).then_some(job),
        status,
        keys,
    })
}

/// Places on the screen, and the panes that share each.
pub(super) type Places = Vec<(Rect, Vec<Pane>)>;

/// Rows that a list of `rows` rows with a heading wants, its frame included.
fn wanted(class: Class, rows: u16, most: u16) -> u16 {
    let frame = if class >= Class::Large { 2 } else { 1 };
    (rows + frame + 1).min(most)
}

fn dashboard(model: &Model, class: Class, body: Rect) -> Places {
    let amfs = u16::from(model.about.amfs);
    let amf_rows = wanted(class, amfs, body.height / 3);
    let group_most = group_rows(model).min(body.height / 3);
    let one = |pane| Node::Slot(vec![pane]);
    let tree = match class {
        Class::Small | Class::Medium => {
            let matrix_rows = wanted(class, amfs, body.height * 2 / 5);
            let shared = vec![Pane::Io, Pane::Locks, Pane::Group, Pane::Log];
            let below = Node::row(vec![
                (Constraint::Percentage(54), one(Pane::Traffic)),
                (Constraint::Fill(1), Node::Slot(shared)),
            ]);
            Node::column(vec![
                (Constraint::Length(amf_rows), one(Pane::Amfs)),
                (Constraint::Length(matrix_rows), one(Pane::Matrix)),
                (Constraint::Fill(1), below),
            ])
        }
        Class::Large => {
            let left = Node::column(vec![
                (Constraint::Length(amf_rows), one(Pane::Amfs)),
                (Constraint::Fill(5), one(Pane::Matrix)),
                (Constraint::Fill(6), one(Pane::Traffic)),
            ]);
            let right = Node::column(vec![
                (Constraint::Fill(5), one(Pane::Io)),
                (Constraint::Fill(3), one(Pane::Locks)),
                (Constraint::Length(group_most), Node::Slot(vec![Pane::Group, Pane::Log])),
            ]);
            Node::row(vec![(Constraint::Percentage(62), left), (Constraint::Fill(1), right)])
        }
        Class::Wide => {
            let left = Node::column(vec![
                (Constraint::Length(amf_rows), one(Pane::Amfs)),
                (Constraint::Fill(5), one(Pane::Matrix)),
                (Constraint::Fill(2), one(Pane::Locks)),
            ]);
            let bottom = Node::row(vec![
                (Constraint::Percentage(50), one(Pane::Group)),
                (Constraint::Fill(1), one(Pane::Log)),
            ]);
            let rows = group_rows(model).clamp(9, body.height / 3);
            let right = Node::column(vec![
                (Constraint::Fill(3), one(Pane::Io)),
                (Constraint::Fill(5), one(Pane::Traffic)),
                (Constraint::Length(rows), bottom),
            ]);
            Node::row(vec![(Constraint::Percentage(52), left), (Constraint::Fill(1), right)])
        }
    };
    let mut places = Vec::new();
    if let Some(tree) = tree.arranged(&model.arrangement) {
        tree.place(body, &model.arrangement, &mut places);
    }
    places
}

/// Rows of the group pane: frame, summary, heading, disks.
fn group_rows(model: &Model) -> u16 {
    u16::from(model.about.disks) + 4
}

fn caches(class: Class, body: Rect) -> Places {
    let card = if class >= Class::Large { 54 } else { 38 };
    let [heat, card] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(card)]).areas(body);
    vec![(heat, vec![Pane::Heat]), (card, vec![Pane::Card])]
}

fn locks(class: Class, body: Rect) -> Places {
    let chain = if class >= Class::Large { body.height / 3 } else { 8 };
    let [table, chain] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(chain)]).areas(body);
    vec![(table, vec![Pane::Locks]), (chain, vec![Pane::Chain])]
}

fn checker(class: Class, body: Rect) -> Places {
    let lamps = match class {
        Class::Small | Class::Medium => 34,
        Class::Large => 50,
        Class::Wide => 76,
    };
    let [lamps, history] =
        Layout::horizontal([Constraint::Length(lamps), Constraint::Fill(1)]).areas(body);
    vec![(lamps, vec![Pane::Lamps]), (history, vec![Pane::History])]
}

/// The log below the diagram: their cursors are one.
fn ladder(class: Class, body: Rect) -> Places {
    let log = match class {
        Class::Small | Class::Medium => 4,
        Class::Large => 9,
        Class::Wide => 12,
    };
    let [diagram, log] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(log)]).areas(body);
    vec![(diagram, vec![Pane::Ladder]), (log, vec![Pane::Log])]
}

/// The strip over everything; a comparison has the rest for itself.
fn timeline(model: &Model, class: Class, body: Rect) -> Places {
    const LEFT: [Pane; 2] = [Pane::Around, Pane::Compare];
    const RIGHT: [Pane; 3] = [Pane::Branches, Pane::Traffic, Pane::Log];
    let frame = if class >= Class::Large { 2 } else { 1 };
    let strip = frame + if class >= Class::Large { 4 } else { 3 };
    let [strip, rest] =
        Layout::vertical([Constraint::Length(strip), Constraint::Fill(1)]).areas(body);
    let whole = (strip, vec![Pane::Strip]);
    if model.front(&LEFT) == Some(&Pane::Compare) {
        let runs = frame + 5;
        let [two, runs] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(runs)]).areas(rest);
        return vec![whole, (two, LEFT.to_vec()), (runs, RIGHT.to_vec())];
    }
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(58), Constraint::Fill(1)]).areas(rest);
    if class == Class::Medium {
        return vec![whole, (left, LEFT.to_vec()), (right, RIGHT.to_vec())];
    }
    let [runs, held, log] =
        Layout::vertical([Constraint::Length(frame + 7), Constraint::Fill(1), Constraint::Fill(1)])
            .areas(right);
    let runs = (runs, vec![Pane::Branches]);
    let held = (held, vec![Pane::Traffic]);
    vec![whole, (left, LEFT.to_vec()), runs, held, (log, vec![Pane::Log])]
}

/// A lesson, with the caches of its cluster below it, or where there is room these and its messages beside
/// it; else the list.
fn learn(model: &Model, class: Class, body: Rect) -> Places {
    let own = vec![Pane::Lesson, Pane::Lessons];
    let Some(step) = &model.learn.step else { return vec![(body, own)] };
    if class < Class::Large {
        // Below the lesson, if there is room for both: one wants to see what a command does.
        let rows = u16::from(model.about.amfs) + 2;
        if class == Class::Small || step.is_over() || rows * 3 > body.height {
            return vec![(body, own)];
        }
        // What the letters mean, too, if that takes no more than a third.
        let rows = if (rows + 1) * 3 > body.height { rows } else { rows + 1 };
        let [text, matrix] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(body);
        return vec![(text, own), (matrix, vec![Pane::Matrix])];
    }
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(62), Constraint::Fill(1)]).areas(body);
    let [matrix, traffic] =
        Layout::vertical([Constraint::Percentage(34), Constraint::Fill(1)]).areas(right);
    vec![(left, own), (matrix, vec![Pane::Matrix]), (traffic, vec![Pane::Traffic])]
}

fn protocol(class: Class, body: Rect) -> Places {
    let cell = match class {
        Class::Small | Class::Medium => body.height / 3,
        Class::Large => 14,
        Class::Wide => 20,
    };
    let [table, cell] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(cell)]).areas(body);
    vec![(table, vec![Pane::Table]), (cell, vec![Pane::Cell])]
}

/// Two matrices that show the same blocks, and all the figures below.
fn beside(model: &Model, class: Class, body: Rect) -> Places {
    // A rule in the middle of the screen takes a column from the right one.
    let rule = u16::from(class < Class::Large);
    let half = (body.width - rule) / 2;
    let frame = if class >= Class::Large { 2 } else { 1 };
    let rows = wanted(class, u16::from(model.about.amfs), body.height / 2);
    let figures = super::beside::ROWS + frame;
    let [above, below] = if class >= Class::Large {
        Layout::vertical([Constraint::Fill(1), Constraint::Length(figures.min(body.height / 2))])
    } else {
        Layout::vertical([Constraint::Length(rows), Constraint::Fill(1)])
    }
    .areas(body);
    let left = Rect { width: half, ..above };
    let right = Rect { x: above.x + half, width: half + rule, ..above };
    vec![(left, vec![Pane::Matrix]), (right, vec![Pane::Other]), (below, vec![Pane::Figures])]
}

fn faults(model: &Model, class: Class, body: Rect) -> Places {
    let inject = if class >= Class::Large { 52 } else { 40 };
    let [left, right] =
        Layout::horizontal([Constraint::Length(inject), Constraint::Fill(1)]).areas(body);
    let amfs = wanted(class, u16::from(model.about.amfs), body.height / 3);
    if class >= Class::Large {
        let [active, table, group] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(amfs),
            Constraint::Length(group_rows(model).min(body.height / 3)),
        ])
        .areas(right);
        return vec![
            (left, vec![Pane::Inject]),
            (active, vec![Pane::Active]),
            (table, vec![Pane::Amfs]),
            (group, vec![Pane::Group]),
        ];
    }
    let [active, table] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(amfs.max(8))]).areas(right);
    vec![
        (left, vec![Pane::Inject]),
        (active, vec![Pane::Active]),
        (table, vec![Pane::Amfs, Pane::Group]),
    ]
}

impl Plan {
    /// The slot at a position.
    #[must_use]
    pub fn slot_at(&self, column: u16, row: u16) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.area.contains((column, row).into()))
    }

    /// The place of a pane, if it is shown.
    #[must_use]
    pub fn inner(&self, pane: Pane) -> Option<Rect> {
        let slot = self.slots.iter().find(|slot| slot.pane == pane)?;
        Some(super::frame::inner(slot.area, self.class))
    }
}
