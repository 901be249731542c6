//! Everything the console knows: what is on the screen, what has the keys, what is selected, what is
//! open. `update` changes it, views read it; nothing else holds state.

pub mod about;
pub mod arrangement;
pub mod faults;
pub mod foreseen;
pub mod job;
pub mod ladder;
pub mod learn;
pub mod log;
pub mod modal;
pub mod place;
pub mod protocol;
pub mod replay;
pub mod timeline;

pub use about::About;
pub use foreseen::ForeseenShown;
pub use job::JobShown;
pub use log::{Log, LogLevel};
pub use modal::{
    Aim, Confirm, Dialog, DialogKind, HelpState, Jump, LineInput, Modal, Palette, PaletteItem,
};
pub use place::{Pane, Screen};
pub use replay::{Reading, ReplayShown};

use super::glyph::{self, Glyphs};
use super::keymap::Keymap;
use super::snapshot::Cluster;
use super::surroundings::Depth;
use super::theme::{Role, Theme};
use crate::protocol::id::{AmfId, Block, DiskId, OpId};
use crate::trace::{Condition, Snapshot};
use arrangement::Arrangement;
use faults::FaultList;
use ratatui::layout::Size;
use ratatui::style::Style;
use std::collections::{BTreeMap, VecDeque};

/// Commands kept in the `:` line's history.
pub const HISTORY_MAX: usize = 200;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Done.
    Info,
    /// Look here.
    Warn,
    /// Not done.
    Bad,
}

/// The one line that says what came of the last thing done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// In words.
    pub text: String,
}

/// What is selected; lists keep their selection by what it *is*, not by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The AMF that host I/O and faults go to.
    pub amf: AmfId,
    /// The block that host I/O goes to.
    pub block: Block,
    /// The other end of a link.
    pub peer: AmfId,
    /// The disk.
    pub disk: DiskId,
    /// A message in the traffic; `None`: the newest are shown.
    pub message: Option<u64>,
    /// A held message.
    pub held: Option<u64>,
    /// A host operation; `None`: the newest are shown.
    pub op: Option<OpId>,
    /// Row of the lock table.
    pub lock: usize,
    /// Row of the active faults.
    pub fault: usize,
}

impl Selected {
    /// The first of everything, in a cluster of so many AMFs.
    fn first(amfs: u8) -> Self {
        Self {
            amf: AmfId(0),
            block: Block(0),
            peer: AmfId(u8::from(amfs > 1)),
            disk: DiskId(0),
            message: None,
            held: None,
            op: None,
            lock: 0,
            fault: 0,
        }
    }
}

/// Which part of the address space the heat map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heat {
    /// First block shown.
    pub first: u64,
    /// Blocks shown, a power of two times the smallest, at least 1.
    pub blocks: u64,
}

/// Everything the console knows.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the profile says.
    pub about: About,
    /// The cluster.
    pub cluster: Cluster,
    /// Size of the terminal.
    pub size: Size,
    /// The screen shown.
    pub screen: Screen,
    /// Panes in the order in which they had the keys, newest first, on every screen.
    pub recent_panes: Vec<Pane>,
    /// The pane with the keys fills the screen.
    pub zoomed: bool,
    /// What is open above the screen.
    pub modal: Modal,
    /// What is selected.
    pub selected: Selected,
    /// Part of the address space in the heat map.
    pub heat: Heat,
    /// How the dashboard differs from what fits by itself.
    pub arrangement: Arrangement,
    /// Words a message must have to be shown.
    pub filter: String,
    /// Words a lamp must have to be shown.
    pub lamp_filter: String,
    /// The same for rows of other panes.
    pub filters: BTreeMap<Pane, String>,
    /// Only operations by hand are shown.
    pub only_by_hand: bool,
    /// The faults to inject.
    pub faults: FaultList,
    /// Commands typed, oldest first.
    pub history: VecDeque<String>,
    /// The space-time diagram.
    pub ladder: ladder::LadderState,
    /// When a violation became inevitable, once that was asked.
    pub foreseen: Option<ForeseenShown>,
    /// The whole of the run.
    pub timeline: timeline::TimelineState,
    /// The runs that are there; empty: only this one.
    pub runs: Vec<timeline::RunShown>,
    /// The selected one of them.
    pub run_at: usize,
    /// A step that another one is held against, and of which run.
    pub marked: Option<(String, u64)>,
    /// What is watched for: a cluster that runs stops there.
    pub watch: Option<Condition>,
    /// Two of them beside each other.
    pub compared: Option<timeline::Compared>,
    /// Lessons.
    pub learn: learn::LearnState,
    /// The state x event tables.
    pub protocol: protocol::ProtocolState,
    /// What came of the last thing done.
    pub notice: Option<Notice>,
    /// The first hint is still shown.
    pub hint: bool,
    /// Generators, and whether each is running.
    pub workloads: BTreeMap<String, bool>,
    /// The replay that is running, or was.
    pub replay: Option<ReplayShown>,
    /// A trace that is read before its replay.
    pub reading: Option<Reading>,
    /// Work that is under way in a thread of its own.
    pub job: Option<JobShown>,
    /// How it looks.
    pub theme: Theme,
    /// No colours, whatever the theme.
    pub no_color: bool,
    /// How many colours the terminal has.
    pub depth: Depth,
    /// Line drawing or ASCII.
    pub glyphs: &'static Glyphs,
    /// What keys mean.
    pub keymap: Keymap,
    /// Clicks and the wheel are taken.
    pub mouse: bool,
    /// Where the last click was, unless a key or the wheel came since.
    pub clicked: Option<(u16, u16)>,
    /// What was remarked.
    pub log: Log,
}

impl Model {
    /// A console on a cluster that was just started.
    #[must_use]
    pub fn new(about: About, cluster: Cluster, theme: Theme) -> Self {
        let workloads = about.workloads.iter().map(|(name, _)| (name.clone(), false)).collect();
        let heat = Heat { first: 0, blocks: about.blocks };
        let amfs = about.amfs;
        Self {
            about,
            cluster,
            size: Size::new(80, 24),
            screen: Screen::Dashboard,
            recent_panes: vec![Pane::Matrix],
            zoomed: false,
            modal: Modal::None,
            selected: Selected::first(amfs),
            heat,
            arrangement: Arrangement::default(),
            filter: String::new(),
            lamp_filter: String::new(),
            filters: BTreeMap::new(),
            only_by_hand: false,
            faults: FaultList::default(),
            history: VecDeque::new(),
            ladder: ladder::LadderState::default(),
            foreseen: None,
            timeline: timeline::TimelineState::default(),
            runs: Vec::new(),
            run_at: 0,
            marked: None,
            watch: None,
            compared: None,
            learn: learn::LearnState::default(),
            protocol: protocol::ProtocolState::default(),
            notice: None,
            hint: true,
            workloads,
            replay: None,
            reading: None,
            job: None,
            theme,
            no_color: false,
            depth: Depth::True,
            glyphs: &glyph::RICH,
            keymap: Keymap::default(),
            mouse: true,
            clicked: None,
            log: Log::default(),
        }
    }

    /// Another theme, as far as the terminal can show it.
    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = if self.no_color { theme.without_colour() } else { theme.fit(self.depth) };
    }

    /// How a role looks.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// The pane whose rows `/` filters: the one with the keys, or what it belongs to. A map of blocks, a
    /// card and the strip are no lists: there it is the traffic.
    #[must_use]
    pub fn filtered(&self) -> Pane {
        match self.focus() {
            Pane::Locks | Pane::Chain => Pane::Locks,
            Pane::Table | Pane::Cell => Pane::Table,
            Pane::Lesson | Pane::Lessons => Pane::Lessons,
            Pane::Traffic
            | Pane::Ladder
            | Pane::Around
            | Pane::Matrix
            | Pane::Heat
            | Pane::Card
            | Pane::Other
            | Pane::Figures
            | Pane::Strip => Pane::Traffic,
            own @ (Pane::Amfs
            | Pane::Group
            | Pane::Io
            | Pane::Log
            | Pane::Inject
            | Pane::Active
            | Pane::Lamps
            | Pane::History
            | Pane::Branches
            | Pane::Compare) => own,
        }
    }

    /// What `/` filters is on this screen.
    #[must_use]
    pub fn can_filter(&self) -> bool {
        let pane = self.filtered();
        let panes = self.panes();
        let also = [Pane::Ladder, Pane::Around];
        panes.contains(&pane)
            || (pane == Pane::Traffic && also.iter().any(|pane| panes.contains(pane)))
    }

    /// The words that rows of a pane must have.
    #[must_use]
    pub fn filter_of(&self, pane: Pane) -> &str {
        match pane {
            Pane::Traffic | Pane::Ladder | Pane::Around => &self.filter,
            Pane::Lamps => &self.lamp_filter,
            Pane::Lessons => &self.learn.filter,
            Pane::Table => &self.protocol.filter,
            other => self.filters.get(&other).map_or("", String::as_str),
        }
    }

    /// The same, to be changed.
    pub fn filter_mut(&mut self) -> &mut String {
        match self.filtered() {
            Pane::Traffic => &mut self.filter,
            Pane::Lamps => &mut self.lamp_filter,
            Pane::Lessons => &mut self.learn.filter,
            Pane::Table => &mut self.protocol.filter,
            other => self.filters.entry(other).or_default(),
        }
    }

    /// The pane that has the keys: the newest one of this screen.
    #[must_use]
    pub fn focus(&self) -> Pane {
        let panes = self.panes();
        let newest = self.recent_panes.iter().find(|pane| panes.contains(pane));
        newest.or(panes.first()).copied().unwrap_or(self.screen.panes()[0])
    }

    /// The panes of this screen that are shown, in the order of `tab`.
    #[must_use]
    pub fn panes(&self) -> Vec<Pane> {
        let all = self.screen.panes().iter().copied();
        let is_dashboard = self.screen == Screen::Dashboard;
        all.filter(|pane| !is_dashboard || self.arrangement.shows(*pane)).collect()
    }

    /// Gives a pane the keys.
    pub fn focus_on(&mut self, pane: Pane) {
        self.recent_panes.retain(|other| *other != pane);
        self.recent_panes.insert(0, pane);
    }

    /// Of panes that share a place, the one that is shown: the newest.
    #[must_use]
    pub fn front<'a>(&self, stack: &'a [Pane]) -> Option<&'a Pane> {
        let age = |pane: &&Pane| self.recent_panes.iter().position(|other| other == *pane);
        stack.iter().filter(|pane| age(pane).is_some()).min_by_key(age).or_else(|| stack.first())
    }

    /// It is a recording that is looked at, not a cluster that runs.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.cluster.now.engine == "recording"
    }

    /// The screen is about another cluster from now on: what was known of the one before goes.
    pub fn switch(&mut self, about: About, first: Snapshot) {
        self.workloads = about.workloads.iter().map(|(name, _)| (name.clone(), false)).collect();
        (self.selected, self.heat) = Self::at_first(&about);
        self.about = about;
        self.cluster = Cluster::new(first);
        self.ladder = ladder::LadderState::default();
        self.log.unlink();
        self.timeline = timeline::TimelineState::default();
        (self.replay, self.reading, self.foreseen) = (None, None, None);
    }

    /// What is selected in a cluster that is new on the screen, and where in it.
    #[must_use]
    pub fn at_first(about: &About) -> (Selected, Heat) {
        (Selected::first(about.amfs), Heat { first: 0, blocks: about.blocks })
    }

    /// True if some workload is running.
    #[must_use]
    pub fn workload_running(&self) -> bool {
        self.workloads.values().any(|running| *running)
    }

    /// Says what came of something.
    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.notice = Some(Notice { level, text: text.into() });
    }

    /// Selects a block, inside the volume.
    pub fn select_block(&mut self, block: u64) {
        self.selected.block = Block(block.min(self.about.blocks - 1));
    }
}
