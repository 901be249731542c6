//! The one place where live faults act and where held messages wait. With no fault, no delay and no
//! hold it is one atomic load: the sender delivers at once.

use super::inbox::Item;
use super::links::{Cut, Fate, Links};
use crate::profile::LinkSpec;
use crate::protocol::Many;
use crate::protocol::id::{DiskId, Instant, NodeId, Span};
use crate::protocol::{Body, Packet};
use crate::trace::narrate;
use crate::trace::snapshot::{FaultInfo, HeldInfo};
use crate::trace::{Action, HoldFilter, LinkSetting, Release, Sides};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Messages that may be held; beyond, they are lost.
pub(crate) const HELD_MAX: usize = 65_536;

/// What becomes of something that was sent.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    /// To deliver now, in this order.
    pub(crate) now: SmallVec<[Item; 2]>,
    /// Lost.
    pub(crate) lost: Option<Item>,
}

impl Routed {
    fn now(item: Item) -> Self {
        Self { now: SmallVec::from_iter([item]), lost: None }
    }
    fn lost(item: Item) -> Self {
        Self { now: SmallVec::new(), lost: Some(item) }
    }
}

/// What to do with held things that are picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// Deliver.
    Deliver,
    /// Lose.
    Lose,
    /// Deliver, and keep it.
    Repeat,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Fabric {
    calm: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    links: Links,
    holds: Vec<Holding>,
    held: VecDeque<Held>,
    next_id: u64,
    late: BinaryHeap<Reverse<Late>>,
    late_seq: u64,
    /// When the newest packet of a pair, or the newest result of a disk, is due: the next is not earlier.
    last_due: FxHashMap<(Option<NodeId>, NodeId), Instant>,
    slow: FxHashMap<DiskId, Slow>,
}

#[derive(Debug)]
struct Holding {
    filter: HoldFilter,
    since: Instant,
    held: u64,
}

#[derive(Debug)]
struct Held {
    id: u64,
    to: NodeId,
    item: Item,
}

#[derive(Debug)]
struct Slow {
    by: Span,
    since: Instant,
    count: u64,
}

#[derive(Debug)]
struct Late {
    due: Instant,
    seq: u64,
    to: NodeId,
    item: Item,
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.seq) == (other.due, other.seq)
    }
}
impl Eq for Late {}
impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Late {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.seq).cmp(&(other.due, other.seq))
    }
}

impl Fabric {
    /// A network as the profile describes it; what is random is drawn from `seed`.
    pub(crate) fn new(spec: LinkSpec, amfs: u8, seed: u64) -> Self {
        let state = State {
            links: Links::new(spec, amfs, seed),
            holds: Vec::new(),
            held: VecDeque::new(),
            next_id: 1,
            late: BinaryHeap::new(),
            late_seq: 0,
            last_due: FxHashMap::default(),
            slow: FxHashMap::default(),
        };
        let fabric = Self { calm: AtomicBool::new(false), state: Mutex::new(state) };
        fabric.settle(&fabric.lock());
        fabric
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing acts on packets: whoever sends may deliver at once, without asking further.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Acquire)
    }

    fn settle(&self, state: &State) {
        let calm = state.links.is_calm()
            && state.holds.is_empty()
            && state.held.is_empty()
            && state.late.is_empty()
            && state.slow.is_empty();
        self.calm.store(calm, Ordering::Release);
    }

    /// What becomes of `item`, sent at `now`. The sender's mutex is held.
    pub(crate) fn route(&self, now: Instant, to: NodeId, item: Item) -> Routed {
        let mut state = self.lock();
        if let Some(at) = state.holds.iter().position(|h| holds(h.filter, to, &item)) {
            return state.hold(at, to, item);
        }
        match item {
            Item::Stored => state.route_stored(now, to),
            Item::Packet { no, packet, .. } => state.route_packet(now, to, no, packet),
        }
    }

    /// Power is gone: nothing is on its way or held any more.
    pub(crate) fn forget_packets(&self) {
        let mut state = self.lock();
        state.held.clear();
        state.late.clear();
        state.last_due.clear();
    }

    /// When the next late thing is due.
    pub(crate) fn next_due(&self) -> Instant {
        if self.is_calm() {
            return Instant::NEVER;
        }
        self.lock().late.peek().map_or(Instant::NEVER, |late| late.0.due)
    }

    /// What is due by now, in order, and whether it is lost on arrival (a partition came up).
    pub(crate) fn due(&self, now: Instant) -> Vec<(NodeId, Item, bool)> {
        if self.is_calm() {
            return Vec::new();
        }
        let mut state = self.lock();
        let mut due = Vec::new();
        while state.late.peek().is_some_and(|late| late.0.due <= now) {
            let Some(Reverse(late)) = state.late.pop() else { break };
            let cut = late.item.from().is_some_and(|from| state.links.cuts(from, late.to));
            due.push((late.to, late.item, cut));
        }
        if state.late.is_empty() {
            state.last_due.retain(|_, due| *due > now);
        }
        self.settle(&state);
        due
    }

    /// How many things are on their way or held: they keep the cluster from being settled.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        let state = self.lock();
        (state.late.len(), state.held.len())
    }

    /// A partition is between them.
    pub(crate) fn cuts(&self, a: NodeId, b: NodeId) -> bool {
        !self.is_calm() && self.lock().links.cuts(a, b)
    }

    /// Cuts the network in two or more.
    pub(crate) fn partition(&self, sides: Sides, now: Instant) {
        let mut state = self.lock();
        state.links.cut = Some(Cut { sides, lost: 0, since: now });
        self.settle(&state);
    }

    /// Ends partitions and what links were set to. What is delayed still comes late.
    pub(crate) fn heal(&self) {
        let mut state = self.lock();
        state.links.heal();
        self.settle(&state);
    }

    /// Changes what a link does.
    pub(crate) fn set_link(&self, a: NodeId, b: NodeId, setting: LinkSetting, now: Instant) {
        let mut state = self.lock();
        state.links.set(a, b, setting, now);
        self.settle(&state);
    }

    /// Below full tempo, every packet takes a while, so that it can be seen.
    pub(crate) fn set_slow_motion(&self, on: bool) {
        let mut state = self.lock();
        state.links.slow_motion = on;
        self.settle(&state);
    }

    /// Each of the disk's operations takes this much longer; zero ends it.
    pub(crate) fn slow_disk(&self, disk: DiskId, by: Span, now: Instant) {
        let mut state = self.lock();
        if by == Span(0) {
            state.slow.remove(&disk);
        } else {
            state.slow.insert(disk, Slow { by, since: now, count: 0 });
        }
        self.settle(&state);
    }

    /// Time added to each of the disk's operations.
    pub(crate) fn slow_of(&self, disk: DiskId) -> Span {
        self.lock().slow.get(&disk).map_or(Span(0), |slow| slow.by)
    }

    /// Holds what matches from now on.
    pub(crate) fn hold(&self, filter: HoldFilter, now: Instant) {
        let mut state = self.lock();
        if !state.holds.iter().any(|h| h.filter == filter) {
            state.holds.push(Holding { filter, since: now, held: 0 });
        }
        self.settle(&state);
    }

    /// Everything is held: step mode.
    pub(crate) fn holds_all(&self) -> bool {
        !self.is_calm() && self.lock().holds.iter().any(|h| h.filter.is_all())
    }

    /// Stops holding what `filter` holds (all: everything); gives back what goes on, in order.
    pub(crate) fn unhold(&self, filter: HoldFilter) -> Result<Vec<(NodeId, Item)>, String> {
        let mut state = self.lock();
        let before = state.holds.len();
        state.holds.retain(|h| !filter.is_all() && h.filter != filter);
        if before == state.holds.len() && !filter.is_all() {
            return Err("nothing is held in this way".to_owned());
        }
        let State { holds, held, .. } = &mut *state;
        let mut free = Vec::new();
        let mut rest = VecDeque::new();
        for one in held.drain(..) {
            if holds.iter().any(|h| self::holds(h.filter, one.to, &one.item)) {
                rest.push_back(one);
            } else {
                free.push((one.to, one.item));
            }
        }
        *held = rest;
        self.settle(&state);
        Ok(free)
    }

    /// Picks held things. They go on as `pick` says.
    pub(crate) fn release(
        &self,
        release: Release,
        pick: Pick,
    ) -> Result<Vec<(NodeId, Item)>, String> {
        let mut state = self.lock();
        let picked = state.find(release)?;
        let mut out = Vec::new();
        for id in picked {
            let Some(at) = state.held.iter().position(|held| held.id == id) else { continue };
            if pick == Pick::Repeat {
                let held = &state.held[at];
                let Item::Packet { no, packet, .. } = &held.item else {
                    return Err("a disk finishes an operation once".to_owned());
                };
                let item = Item::Packet { no: *no, keep: true, packet: packet.clone() };
                out.push((held.to, item));
            } else if let Some(held) = state.held.remove(at) {
                if pick == Pick::Lose && matches!(held.item, Item::Stored) {
                    state.held.insert(at, held);
                    return Err("a disk's own work cannot be lost".to_owned());
                }
                out.push((held.to, held.item));
            }
        }
        self.settle(&state);
        Ok(out)
    }

    /// Held messages, oldest first, at most `max`, and how many there are.
    pub(crate) fn held(&self, max: usize) -> (Vec<HeldInfo>, usize) {
        let state = self.lock();
        (state.held.iter().take(max).map(held_info).collect(), state.held.len())
    }

    /// Active faults of the network and of slow disks, with their receipts.
    pub(crate) fn faults(&self) -> Vec<FaultInfo> {
        let state = self.lock();
        let mut faults = state.links.faults();
        let mut slow: Vec<_> = state.slow.iter().collect();
        slow.sort_unstable_by_key(|(disk, _)| **disk);
        faults.extend(slow.into_iter().map(|(disk, slow)| FaultInfo {
            what: Action::SlowDisk(*disk, slow.by).to_string(),
            receipt: format!("slowed {}", Many(slow.count, "operation")),
            undo: Action::SlowDisk(*disk, Span(0)).to_string(),
            since: slow.since,
        }));
        faults.extend(state.holds.iter().map(|hold| FaultInfo {
            what: Action::Hold(hold.filter).to_string(),
            receipt: format!("held {}", Many(hold.held, "message")),
            undo: Action::Unhold(hold.filter).to_string(),
            since: hold.since,
        }));
        faults
    }
}

impl State {
    fn hold(&mut self, at: usize, to: NodeId, item: Item) -> Routed {
        if self.is_held_already(to, &item) || self.held.len() >= HELD_MAX {
            return Routed::lost(item);
        }
        self.holds[at].held += 1;
        self.held.push_back(Held { id: self.next_id, to, item });
        self.next_id += 1;
        Routed::default()
    }

    /// A retransmission of what is held adds nothing that could be released.
    fn is_held_already(&self, to: NodeId, item: &Item) -> bool {
        let Item::Packet { packet: Packet { from, body: Body::Frame(frame), .. }, .. } = item
        else {
            return false;
        };
        frame.again
            && self.held.iter().any(|held| match &held.item {
                Item::Packet {
                    packet: Packet { from: f, body: Body::Frame(other), .. }, ..
                } => {
                    held.to == to
                        && f == from
                        && (other.epoch, other.seq) == (frame.epoch, frame.seq)
                        && other.message.is_some()
                }
                Item::Packet { .. } | Item::Stored => false,
            })
    }

    fn route_stored(&mut self, now: Instant, to: NodeId) -> Routed {
        let last = self.last_due.get(&(None, to)).copied().unwrap_or_default();
        let slow = match to {
            NodeId::Disk(disk) => self.slow.get_mut(&disk),
            NodeId::Amf(_) | NodeId::Witness => None,
        };
        let by = slow.map_or(Span(0), |slow| {
            slow.count += 1;
            slow.by
        });
        if by == Span(0) && last <= now {
            return Routed::now(Item::Stored);
        }
        self.later(last.max(now) + by, (None, to), Item::Stored)
    }

    fn route_packet(&mut self, now: Instant, to: NodeId, no: u64, packet: Packet) -> Routed {
        let pair = (Some(packet.from), to);
        let Fate { lost, twice, delay, overtakes } = self.links.fate(packet.from, to);
        let item = Item::Packet { no, keep: false, packet };
        if lost {
            return Routed::lost(item);
        }
        let last = self.last_due.get(&pair).copied().unwrap_or_default();
        let due = if overtakes { now + delay } else { last.max(now + delay) };
        let copy = twice.then(|| match &item {
            Item::Packet { packet, .. } => Item::Packet { no, keep: true, packet: packet.clone() },
            Item::Stored => Item::Stored,
        });
        if due <= now {
            return Routed { now: copy.into_iter().chain([item]).collect(), lost: None };
        }
        if let Some(copy) = copy {
            self.later(due, pair, copy);
        }
        self.later(due, pair, item)
    }

    fn later(&mut self, due: Instant, pair: (Option<NodeId>, NodeId), item: Item) -> Routed {
        let last = self.last_due.entry(pair).or_default();
        *last = due.max(*last);
        self.late.push(Reverse(Late { due, seq: self.late_seq, to: pair.1, item }));
        self.late_seq += 1;
        Routed::default()
    }

    fn find(&self, release: Release) -> Result<Vec<u64>, String> {
        let ids: Vec<u64> = match release {
            Release::Oldest(count) => {
                self.held.iter().take(count as usize).map(|held| held.id).collect()
            }
            Release::Pair(from, to) => {
                let mut all = self.held.iter();
                all.find(|h| h.to == to && h.item.from() == Some(from))
                    .map(|h| h.id)
                    .into_iter()
                    .collect()
            }
            Release::Nth(from, to, nth) => {
                let all = self.held.iter();
                let mut pair = all.filter(|h| h.to == to && h.item.from() == Some(from));
                pair.nth(nth.saturating_sub(1) as usize).map(|h| h.id).into_iter().collect()
            }
            Release::Id(id) => self.held.iter().filter(|h| h.id == id).map(|h| h.id).collect(),
        };
        if ids.is_empty() {
            return Err(match release {
                Release::Oldest(_) => "no message is held".to_owned(),
                Release::Pair(from, to) => format!("no message from {from} to {to} is held"),
                Release::Nth(from, to, nth) => {
                    format!("fewer than {nth} messages from {from} to {to} are held")
                }
                Release::Id(id) => format!("no message {id} is held"),
            });
        }
        Ok(ids)
    }
}

fn holds(filter: HoldFilter, to: NodeId, item: &Item) -> bool {
    let from = item.from();
    let kind = match item {
        Item::Packet { packet: Packet { body: Body::Frame(frame), .. }, .. } => {
            frame.message.as_ref().map(|message| message.kind())
        }
        Item::Packet { .. } | Item::Stored => None,
    };
    filter.kind.is_none_or(|wanted| kind == Some(wanted))
        && filter.pair.is_none_or(|(a, b)| from == Some(a) && to == b)
}

fn held_info(held: &Held) -> HeldInfo {
    let (from, kind, what) = match &held.item {
        Item::Packet { packet, .. } => {
            let kind = narrate::passage(packet).map(|passage| passage.kind);
            (packet.from, kind, narrate::words(packet))
        }
        Item::Stored => (held.to, None, "the disk's oldest operation is finished".to_owned()),
    };
    HeldInfo { id: held.id, from, to: held.to, kind, what }
}
