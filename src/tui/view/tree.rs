//! Panes side by side and above each other, as a tree: it can be changed before it is laid out.

use super::super::model::Pane;
use super::super::model::arrangement::Arrangement;
use super::layout::Places;
use ratatui::layout::{Constraint, Direction, Layout, Rect};

/// Rows that a pane keeps, however small it is made.
const ROWS_MIN: u16 = 3;
/// Columns that a pane keeps.
const COLUMNS_MIN: u16 = 12;

/// A part of the screen.
pub(super) enum Node {
    /// A place, and the panes that share it.
    Slot(Vec<Pane>),
    /// Parts beside, or below, each other.
    Split(Direction, Vec<(Constraint, Node)>),
}

impl Node {
    /// Parts beside each other.
    pub(super) fn row(parts: Vec<(Constraint, Self)>) -> Self {
        Self::Split(Direction::Horizontal, parts)
    }

    /// Parts below each other.
    pub(super) fn column(parts: Vec<(Constraint, Self)>) -> Self {
        Self::Split(Direction::Vertical, parts)
    }

    /// Without what is hidden, and with what is to have a place of its own; `None`: nothing is left.
    pub(super) fn arranged(self, by: &Arrangement) -> Option<Self> {
        match self {
            Self::Slot(panes) => {
                let shown: Vec<Pane> = panes.into_iter().filter(|pane| by.shows(*pane)).collect();
                let (mut apart, shared): (Vec<Pane>, Vec<Pane>) =
                    shown.into_iter().partition(|pane| by.apart.contains(pane));
                if apart.is_empty() || apart.len() + shared.len() == 1 {
                    apart.extend(shared);
                    return (!apart.is_empty()).then_some(Self::Slot(apart));
                }
                let shared = (!shared.is_empty()).then_some(shared);
                let stacks = shared.into_iter().chain(apart.into_iter().map(|pane| vec![pane]));
                let part = |stack| (Constraint::Fill(1), Self::Slot(stack));
                Some(Self::column(stacks.map(part).collect()))
            }
            Self::Split(direction, parts) => {
                let kept = parts.into_iter();
                let kept = kept.filter_map(|(size, node)| Some((size, node.arranged(by)?)));
                let mut kept: Vec<(Constraint, Self)> = kept.collect();
                let fills = |(size, _): &(Constraint, Self)| matches!(size, Constraint::Fill(_));
                if !kept.iter().any(fills)
                    && let Some((size, _)) = kept.last_mut()
                {
                    // The one that took what was left is gone.
                    *size = Constraint::Fill(1);
                }
                match kept.len() {
                    0 => None,
                    1 => kept.pop().map(|(_, node)| node),
                    _ => Some(Self::Split(direction, kept)),
                }
            }
        }
    }

    /// Lays it out.
    pub(super) fn place(self, area: Rect, by: &Arrangement, places: &mut Places) {
        let (direction, parts) = match self {
            Self::Slot(panes) => return places.push((area, panes)),
            Self::Split(direction, parts) => (direction, parts),
        };
        let sizes: Vec<Constraint> = parts.iter().map(|(size, _)| *size).collect();
        let mut areas = Layout::new(direction, sizes).split(area).to_vec();
        let changes: Vec<i32> = parts.iter().map(|(_, node)| node.change(direction, by)).collect();
        if changes.iter().any(|change| *change != 0) {
            areas = Layout::new(direction, shares(direction, area, &areas, &changes))
                .split(area)
                .to_vec();
        }
        for ((_, node), area) in parts.into_iter().zip(areas) {
            node.place(area, by, places);
        }
    }

    /// Hundredths more, or less, that the panes in it want of a split in this direction.
    fn change(&self, direction: Direction, by: &Arrangement) -> i32 {
        let shares = if direction == Direction::Vertical { &by.tall } else { &by.wide };
        match self {
            Self::Slot(panes) => {
                let wanted = panes.iter().filter_map(|pane| shares.get(pane));
                wanted.map(|share| i32::from(*share)).sum()
            }
            // Parts of a split in the same direction have their share of that one.
            Self::Split(own, _) if *own == direction => 0,
            Self::Split(_, parts) => parts.iter().map(|(_, node)| node.change(direction, by)).sum(),
        }
    }
}

/// The parts as shares of the whole, with what is more and less; the others make room.
fn shares(direction: Direction, whole: Rect, areas: &[Rect], changes: &[i32]) -> Vec<Constraint> {
    let (all, least) = match direction {
        Direction::Vertical => (whole.height, ROWS_MIN),
        Direction::Horizontal => (whole.width, COLUMNS_MIN),
    };
    let share = |(area, change): (&Rect, &i32)| {
        let now = if direction == Direction::Vertical { area.height } else { area.width };
        let wanted = i32::from(now) + i32::from(all) * change / 100;
        Constraint::Fill(u16::try_from(wanted).unwrap_or(0).max(least))
    };
    areas.iter().zip(changes).map(share).collect()
}
