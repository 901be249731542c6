//! The Protocol screen: the tables that are there, the cursor, the second protocol, the filter.

use super::Model;
use crate::explore::print::differs;
use crate::explore::{Class, Table};
use crate::protocol::cell::{Cell, Lock, State, Trigger};
use crate::protocol::{LineState, Protocol};
use crate::trace::Met;
use std::sync::Arc;

/// See the module.
#[derive(Clone, Debug)]
pub struct ProtocolState {
    /// Tables that were made.
    tables: Vec<Arc<Table>>,
    /// Tables that somebody makes.
    asked: Vec<Protocol>,
    /// The selected cell.
    pub cursor: Cell,
    /// The protocol beside the one in force.
    pub other: Option<Protocol>,
    /// Words that a cell must have to be shown.
    pub filter: String,
    /// How often cells were met is shown.
    pub counts: bool,
    /// Lines of the cell's text that are scrolled off.
    pub detail_top: usize,
}

impl Default for ProtocolState {
    fn default() -> Self {
        let state = State { line: LineState::M, lock: Lock::Idle };
        Self {
            tables: Vec::new(),
            asked: Vec::new(),
            cursor: Cell { state, trigger: Trigger::Read },
            other: None,
            filter: String::new(),
            counts: true,
            detail_top: 0,
        }
    }
}

impl ProtocolState {
    /// A table has been made.
    pub fn tell(&mut self, table: Arc<Table>) {
        self.asked.retain(|asked| *asked != table.protocol);
        self.tables.retain(|other| other.protocol != table.protocol);
        self.tables.push(table);
    }

    /// The table of a protocol, once it is made.
    #[must_use]
    pub fn table(&self, protocol: Protocol) -> Option<&Table> {
        self.tables.iter().find(|table| table.protocol == protocol).map(Arc::as_ref)
    }

    /// Tables that are wanted of these, are not there, and nobody makes yet: somebody does from now on.
    pub fn want(&mut self, protocols: impl IntoIterator<Item = Protocol>) -> Vec<Protocol> {
        let mut wanted = Vec::new();
        for protocol in protocols {
            if self.table(protocol).is_none() && !self.asked.contains(&protocol) {
                self.asked.push(protocol);
                wanted.push(protocol);
            }
        }
        wanted
    }
}

/// What is shown of one or two tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Rows.
    pub rows: Vec<State>,
    /// Columns.
    pub columns: Vec<Trigger>,
}

impl Grid {
    /// Where a cell is; where it would be nearest if it is not shown.
    #[must_use]
    pub fn position(&self, cell: Cell) -> (usize, usize) {
        let row = self.rows.iter().position(|state| *state >= cell.state);
        let column = self.columns.iter().position(|trigger| *trigger >= cell.trigger);
        let last = |len: usize| len.saturating_sub(1);
        (row.unwrap_or(last(self.rows.len())), column.unwrap_or(last(self.columns.len())))
    }

    /// The cell at a position; `None`: nothing is shown.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<Cell> {
        let (state, trigger) = (*self.rows.get(row)?, *self.columns.get(column)?);
        Some(Cell { state, trigger })
    }
}

impl Model {
    /// The protocol in force.
    #[must_use]
    pub fn protocol_in_force(&self) -> Protocol {
        self.cluster.now.view.protocol
    }

    /// The table of the protocol in force, and of the one beside it, as far as they are made.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let protocols = [Some(self.protocol_in_force()), self.protocol.other];
        protocols.into_iter().flatten().filter_map(|protocol| self.protocol.table(protocol))
    }

    /// How often a cell was met here, and when last.
    #[must_use]
    pub fn met(&self, cell: Cell) -> Option<Met> {
        self.cluster.now.cells.as_ref()?.get(cell)
    }

    /// Rows and columns that are shown: those of both tables, those that were met here, and of them
    /// those with a cell that the filter lets through.
    #[must_use]
    pub fn grid(&self) -> Grid {
        let tables: Vec<&Table> = self.tables().collect();
        let mut rows: Vec<State> = tables.iter().flat_map(|table| table.rows()).collect();
        let mut columns: Vec<Trigger> = tables.iter().flat_map(|table| table.columns()).collect();
        if let Some(cells) = self.cluster.now.cells.as_ref().filter(|_| !tables.is_empty()) {
            for (cell, _) in cells.iter() {
                rows.push(cell.state);
                columns.push(cell.trigger);
            }
        }
        rows.sort_unstable();
        rows.dedup();
        columns.sort_unstable();
        columns.dedup();
        let words = self.protocol.words();
        if !words.is_empty() {
            let shown = |cell: Cell| tables.iter().any(|table| matches(self, table, cell, &words));
            let all = columns.clone();
            let cell = |state: State, trigger: Trigger| shown(Cell { state, trigger });
            columns.retain(|trigger| rows.iter().any(|state| cell(*state, *trigger)));
            rows.retain(|state| all.iter().any(|trigger| cell(*state, *trigger)));
        }
        Grid { rows, columns }
    }

    /// The filter lets this cell through.
    #[must_use]
    pub fn lets_through(&self, table: &Table, cell: Cell) -> bool {
        let words = self.protocol.words();
        words.is_empty() || matches(self, table, cell, &words)
    }

    /// The two protocols that are shown differ in this cell.
    #[must_use]
    pub fn is_different(&self, cell: Cell) -> bool {
        let tables: Vec<&Table> = self.tables().collect();
        matches!(tables[..], [one, other] if differs(one, other, cell))
    }
}

impl ProtocolState {
    fn words(&self) -> Vec<String> {
        self.filter.split_whitespace().map(str::to_lowercase).collect()
    }
}

/// Every word is in the cell's row, column, class or rules.
fn matches(model: &Model, table: &Table, cell: Cell, words: &[String]) -> bool {
    let class = match table.class(cell) {
        Class::Normal => "normal",
        Class::Fault => "fault",
        Class::Never => "never",
        Class::Impossible => "impossible",
    };
    let met = if model.met(cell).is_some() { "met" } else { "unmet" };
    let differs = if model.is_different(cell) { "differs" } else { "" };
    let (line, lock, trigger) =
        (cell.state.line.name(), cell.state.lock.name(), cell.trigger.name());
    let names = [class, met, differs, lock, trigger];
    words.iter().all(|word| {
        line.eq_ignore_ascii_case(word)
            || names.contains(&word.as_str())
            || (word.len() > 2 && trigger.contains(word.as_str()))
            || table
                .rules(cell)
                .iter()
                .any(|rule| rule.id().contains(word.as_str()) && word.len() > 2)
    })
}
