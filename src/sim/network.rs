//! The model of links and disks, and the faults on them: delays, loss, duplicates, partitions, and the
//! messages that people hold.
//!
//! Faults act below the AMFs' reliable links. Packets between AMFs and disks are never lost: a fault
//! that names a disk keeps them until it ends (paths to disks that lose requests come later).

use crate::profile::Profile;
use crate::protocol::id::{AmfId, DiskId, Instant, NodeId, Span};
use crate::protocol::table::Table;
use crate::protocol::{Body, MsgKind, Packet};
use crate::trace::action::{HoldFilter, LinkSetting, PPM};
use crate::trace::sides::Sides;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// At a slower tempo every packet takes this much longer, so that it can be followed by eye.
const TEMPO_DELAY: Span = Span::millis(3);
/// What a packet takes where the profile adds nothing: real networks do not take zero time either.
const LINK_DELAY: Span = Span::micros(50);
/// A packet that arrives twice comes again right after the first time, or, once in so many times, after up to
/// [`LATE_COPY_MAX`]: when much that it could undo has happened since.
const LATE_COPY_PARTS: u32 = 4;
/// How late a second copy may come.
const LATE_COPY_MAX: Span = Span::millis(20);
/// Delay of a packet to or from the witness or a disk.
const SIDE_DELAY: Span = Span::micros(20);

/// What becomes of a packet that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Deliver,
    /// Now, and once more after this time.
    Twice(Span),
    Lose,
    /// Kept by the network.
    Held,
}

/// What a link does, and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkFault {
    pub(super) drop: u32,
    pub(super) delay: Span,
    pub(super) duplicate: u32,
    pub(super) reorder: bool,
    pub(super) dropped: u64,
    pub(super) delayed: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
}

/// A thing that waits to be let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) id: u64,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) what: HeldWhat,
}

impl Held {
    pub(super) fn is_with_disk(&self) -> bool {
        [self.from, self.to].iter().any(|node| matches!(node, NodeId::Disk(_)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldWhat {
    /// A packet, by number, with what tells a retransmission from a new message.
    Packet { no: u64, kind: Option<MsgKind>, epoch: u32, seq: u32 },
    /// The oldest operation in a disk's store.
    Store(DiskId),
}

/// One direction between two nodes.
#[derive(Clone, Copy, Debug)]
struct Lane {
    /// What a packet takes without faults.
    delay: Span,
    /// When the last packet arrives: none overtakes an earlier one, unless its link reorders.
    last: Instant,
}

#[derive(Debug)]
pub(super) struct Network {
    rng: ChaCha8Rng,
    /// Thousandths of a delay.
    jitter: u32,
    amfs: u8,
    disk_time: Span,
    journal_time: Span,
    /// When each AMF's journal has done what it was given.
    journal_until: Vec<Instant>,
    base: LinkFault,
    /// Every ordered pair of nodes.
    lanes: Vec<Lane>,
    nodes: usize,
    disk_free: Vec<Instant>,
    links: Table<(NodeId, NodeId), LinkFault>,
    sides: Option<Sides>,
    pub(super) partition_dropped: u64,
    /// Packets to and from disks that a partition keeps.
    pub(super) waiting: Vec<(NodeId, NodeId, u64)>,
    holds: Vec<HoldFilter>,
    held: VecDeque<Held>,
    next_held: u64,
}

impl Network {
    pub(super) fn new(profile: &Profile, seed: u64) -> Self {
        let link = &profile.link;
        let (drop, duplicate) = (link.drop_ppm, link.duplicate_ppm);
        let nodes = usize::from(profile.config.amfs) + 1 + usize::from(profile.config.disks_all());
        let lane = |index| {
            let at = |place| NodeId::at_index(place, profile.config.amfs);
            let delay = base_delay(profile, at(index / nodes), at(index % nodes));
            Lane { delay, last: Instant(0) }
        };
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            jitter: link.jitter * 10,
            amfs: profile.config.amfs,
            disk_time: profile.store.disk_time,
            journal_time: profile.store.journal_time,
            journal_until: vec![Instant(0); usize::from(profile.config.amfs)],
            base: LinkFault { drop, duplicate, ..LinkFault::default() },
            lanes: (0..nodes * nodes).map(lane).collect(),
            nodes,
            disk_free: vec![Instant(0); usize::from(profile.config.disks_all())],
            links: Table::default(),
            sides: None,
            partition_dropped: 0,
            waiting: Vec::new(),
            holds: Vec::new(),
            held: VecDeque::new(),
            next_held: 1,
        }
    }

    // ---- leaving and arriving

    /// When a packet arrives that leaves now.
    pub(super) fn departure(
        &mut self,
        now: Instant,
        from: NodeId,
        to: NodeId,
        tempo: u32,
    ) -> Instant {
        let lane = self.lane(from, to);
        let Lane { mut delay, last } = self.lanes[lane];
        if tempo < 1_000 && is_peers(from, to) {
            delay = Span(delay.0 + TEMPO_DELAY.0);
        }
        let mut reorders = false;
        if !self.links.is_empty()
            && let Some(fault) = self.links.get_mut(&pair(from, to))
        {
            delay = Span(delay.0 + fault.delay.0);
            fault.delayed += u64::from(fault.delay.0 > 0);
            reorders = fault.reorder;
        }
        delay = self.vary(delay, if reorders { 4_000 } else { self.jitter });
        let mut at = now + delay;
        if at < last {
            if reorders {
                if let Some(fault) = self.links.get_mut(&pair(from, to)) {
                    fault.reordered += 1;
                }
            } else {
                at = last;
            }
        }
        self.lanes[lane].last = at.max(last);
        at
    }

    fn lane(&self, from: NodeId, to: NodeId) -> usize {
        from.index(self.amfs) * self.nodes + to.index(self.amfs)
    }

    /// What becomes of a packet whose time has come.
    pub(super) fn arrival(&mut self, packet: &Packet, no: u64) -> Verdict {
        let (from, to) = (packet.from, packet.to);
        let with_disk = matches!(packet.body, Body::DiskRequest(_) | Body::DiskReply(_));
        if self.is_cut(from, to) {
            if with_disk {
                self.waiting.push((from, to, no));
                return Verdict::Held;
            }
            self.partition_dropped += 1;
            return Verdict::Lose;
        }
        if with_disk {
            return Verdict::Deliver;
        }
        if self.links.is_empty() && self.base.drop == 0 && self.base.duplicate == 0 {
            return Verdict::Deliver;
        }
        let base = if is_peers(from, to) { self.base } else { LinkFault::default() };
        let fault = self.links.get(&pair(from, to)).copied().unwrap_or_default();
        let (drop, duplicate) = (base.drop.max(fault.drop), base.duplicate.max(fault.duplicate));
        if drop > 0 && self.rng.random_range(0..PPM) < drop {
            if let Some(fault) = self.links.get_mut(&pair(from, to)) {
                fault.dropped += 1;
            }
            return Verdict::Lose;
        }
        if duplicate > 0 && self.rng.random_range(0..PPM) < duplicate {
            if let Some(fault) = self.links.get_mut(&pair(from, to)) {
                fault.duplicated += 1;
            }
            return Verdict::Twice(self.copy_delay(from, to));
        }
        Verdict::Deliver
    }

    /// How long after its first arrival a packet arrives again. Only the links' redelivery filter stands
    /// between a late copy and the AMF.
    fn copy_delay(&mut self, from: NodeId, to: NodeId) -> Span {
        if self.rng.random_range(0..LATE_COPY_PARTS) > 0 {
            return self.lanes[self.lane(from, to)].delay;
        }
        Span(self.rng.random_range(0..=LATE_COPY_MAX.0))
    }

    /// When a journal has done what it is given now: one operation after the other.
    pub(super) fn journal_time(&mut self, now: Instant, amf: AmfId) -> Instant {
        let time = self.vary(self.journal_time, self.jitter);
        let until = &mut self.journal_until[usize::from(amf.0)];
        *until = now.max(*until) + time;
        *until
    }

    /// When a disk's store has finished an operation that it is given now; in order.
    pub(super) fn disk_time(&mut self, now: Instant, disk: DiskId, slow: Span) -> Instant {
        let time = self.vary(Span(self.disk_time.0 + slow.0), self.jitter);
        let free = &mut self.disk_free[usize::from(disk.0)];
        // A disk works on several operations at once; they finish in order.
        let at = (now + time).max(*free);
        *free = at;
        at
    }

    /// None, all, or some of what there is.
    pub(super) fn so_many(&mut self, most: usize) -> u32 {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        if most == 0 { 0 } else { self.rng.random_range(0..=most) }
    }

    fn vary(&mut self, span: Span, thousandths: u32) -> Span {
        if thousandths == 0 || span.0 == 0 {
            return span;
        }
        let most = span.0.saturating_mul(u64::from(thousandths)) / 1_000;
        Span(span.0 + self.rng.random_range(0..=most))
    }

    // ---- faults

    pub(super) fn set_link(&mut self, a: NodeId, b: NodeId, setting: LinkSetting) {
        let fault = self.links.get_or_insert_with(pair(a, b), LinkFault::default);
        match setting {
            LinkSetting::Drop(rate) => fault.drop = rate,
            LinkSetting::Delay(delay) => fault.delay = delay,
            LinkSetting::Duplicate(rate) => fault.duplicate = rate,
            LinkSetting::Reorder => fault.reorder = true,
            LinkSetting::Clear => {
                self.links.remove(&pair(a, b));
            }
        }
    }

    pub(super) fn link_faults(&self) -> Vec<((NodeId, NodeId), LinkFault)> {
        self.links.sorted().into_iter().map(|(pair, fault)| (pair, *fault)).collect()
    }

    pub(super) fn partition(&mut self, sides: Sides) {
        self.sides = Some(sides);
    }

    /// Packets that waited for the end of the partition.
    pub(super) fn heal(&mut self) -> Vec<(NodeId, NodeId, u64)> {
        self.sides = None;
        self.partition_dropped = 0;
        self.links.clear();
        core::mem::take(&mut self.waiting)
    }

    fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        self.sides.as_ref().is_some_and(|sides| sides.cuts(a, b))
    }

    // ---- holding

    pub(super) fn is_step_mode(&self) -> bool {
        self.holds.iter().any(HoldFilter::is_all)
    }

    pub(super) fn hold(&mut self, filter: HoldFilter) {
        if !self.holds.contains(&filter) {
            self.holds.push(filter);
        }
    }

    /// Ends a hold; what it alone held goes on.
    pub(super) fn unhold(&mut self, filter: HoldFilter) -> Vec<Held> {
        if filter.is_all() {
            self.holds.clear();
            return self.held.drain(..).collect();
        }
        self.holds.retain(|hold| *hold != filter);
        let (stay, go) = self.held.iter().copied().partition(|held| self.still_held(held));
        self.held = stay;
        go.into()
    }

    fn still_held(&self, held: &Held) -> bool {
        self.holds.iter().any(|hold| {
            let pair = hold.pair.is_none_or(|pair| pair == (held.from, held.to));
            let kind = match held.what {
                HeldWhat::Packet { kind, .. } => hold.kind.is_none() || hold.kind == kind,
                HeldWhat::Store(_) => hold.kind.is_none(),
            };
            pair && kind
        })
    }

    pub(super) fn holds_any(&self) -> bool {
        !self.holds.is_empty()
    }

    /// Keeps a packet that people hold; false if nobody holds it.
    pub(super) fn keep_held(&mut self, packet: &Packet, no: u64) -> bool {
        let is_held = self.holds(packet);
        if is_held {
            self.hold_packet(packet, no);
        }
        is_held
    }

    /// Bare acknowledgements and what the witness says are never held, unless their pair is named.
    fn holds(&self, packet: &Packet) -> bool {
        let kind = match &packet.body {
            Body::Frame(frame) => frame.message.as_ref().map(|message| message.kind()),
            Body::Witness(_) | Body::DiskRequest(_) | Body::DiskReply(_) => None,
        };
        let ordinary = match &packet.body {
            Body::Frame(frame) => frame.message.is_some(),
            Body::Witness(_) => false,
            Body::DiskRequest(_) | Body::DiskReply(_) => true,
        };
        self.holds.iter().any(|hold| {
            let named = hold.pair == Some((packet.from, packet.to));
            let pair = hold.pair.is_none() || named;
            let kinds = hold.kind.is_none() || (hold.kind == kind && kind.is_some());
            pair && kinds && (ordinary || (named && hold.kind.is_none()))
        })
    }

    fn hold_packet(&mut self, packet: &Packet, no: u64) {
        let (kind, epoch, seq) = match &packet.body {
            Body::Frame(frame) => {
                (frame.message.as_ref().map(|message| message.kind()), frame.epoch.0, frame.seq)
            }
            Body::Witness(_) | Body::DiskRequest(_) | Body::DiskReply(_) => (None, 0, 0),
        };
        let what = HeldWhat::Packet { no, kind, epoch, seq };
        self.push_held(packet.from, packet.to, what);
    }

    /// Power is gone: nothing is held any more.
    pub(super) fn forget_held(&mut self) {
        self.held.clear();
    }

    pub(super) fn hold_store(&mut self, disk: DiskId) {
        let node = NodeId::Disk(disk);
        self.push_held(node, node, HeldWhat::Store(disk));
    }

    fn push_held(&mut self, from: NodeId, to: NodeId, what: HeldWhat) {
        let id = self.next_held;
        self.next_held += 1;
        self.held.push_back(Held { id, from, to, what });
    }

    /// The newest held packet repeats one that is held already: a retransmission. It is let go of.
    pub(super) fn duplicates(&mut self, from: NodeId, to: NodeId, no: u64) -> bool {
        let Some(newest) = self.held.back().copied() else { return false };
        let HeldWhat::Packet { no: held, kind: Some(_), epoch, seq } = newest.what else {
            return false;
        };
        let same = |other: &Held| {
            matches!(other.what, HeldWhat::Packet { kind: Some(_), epoch: e, seq: s, .. }
                if (other.from, other.to, e, s) == (from, to, epoch, seq) && other.id != newest.id)
        };
        let repeated = held == no && self.held.iter().any(same);
        if repeated {
            self.held.pop_back();
        }
        repeated
    }

    pub(super) fn held(&self) -> &VecDeque<Held> {
        &self.held
    }

    /// Takes one out of the held ones. What is to be repeated stays held, too, unless it is a disk's: a
    /// disk is asked once, and answers once.
    pub(super) fn take_held(
        &mut self,
        repeat: bool,
        test: impl FnMut(&Held) -> bool,
    ) -> Option<Held> {
        let at = self.held.iter().position(test)?;
        let held = self.held[at];
        if !repeat || held.is_with_disk() {
            self.held.remove(at);
        }
        Some(held)
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    if a <= b { (a, b) } else { (b, a) }
}

fn is_peers(a: NodeId, b: NodeId) -> bool {
    matches!((a, b), (NodeId::Amf(_), NodeId::Amf(_)))
}

/// What a packet takes where nobody made a fault.
fn base_delay(profile: &Profile, from: NodeId, to: NodeId) -> Span {
    let link = &profile.link;
    let site = |amf: AmfId| {
        u32::from(amf.0) * u32::from(link.sites.max(1)) / u32::from(profile.config.amfs)
    };
    match (from, to) {
        (NodeId::Amf(a), NodeId::Amf(b)) if site(a) != site(b) => link.site_delay,
        (NodeId::Amf(_), NodeId::Amf(_)) => link.delay.max(LINK_DELAY),
        _ => SIDE_DELAY,
    }
}
