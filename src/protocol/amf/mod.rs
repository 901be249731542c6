//! An array management function: the machine that this program is about.
//!
//! Getters: [`Amf::id`], [`Amf::is_member`], [`Amf::view`], ... in `info`. In: [`Amf::handle`].
//! Out: [`Amf::poll_output`], [`Amf::poll_fact`]. When: [`Amf::deadline`].
//!
//! Reading order: `key` and `cache` (what there is), `host` (a request and its touches), `acquire`
//! (tickets, grants, deferral), `perform` (reads and writes), `lend` and `update` (what those protocols
//! add), `replicate`, `journal`, `destage`, `stripe` (destages with parity), `disk_io`, `row` (rows of parity layouts),
//! `regions` (the dirty-region log), `doubt`, `accept` (more failures than replicas), `view` (membership,
//! leases), `private` (access lists), `adopt` (takeover), `redo` (takeover of parity
//! updates), `refill` and `rebuild`, `scrub`, `invariant`, `met` (what the state x event table counts).
//!
//! Each input ends with the work list: keys whose situation changed are looked at again, one at a
//! time, until nothing is left to do. So nothing here recurses.

mod accept;
mod acquire;
mod adopt;
mod cache;
mod destage;
mod disk_io;
mod doubt;
mod give;
mod host;
mod info;
mod invariant;
mod journal;
mod key;
mod lend;
mod met;
mod perform;
mod private;
mod rebuild;
mod redo;
mod refill;
mod regions;
mod replicate;
mod row;
mod scrub;
mod stripe;
mod update;
mod view;

pub use info::{AccessView, AmfStats, KeyView, LineView};
pub use invariant::Broken;
pub use journal::{Damaged, JournalContent, JournalEntry};
pub use scrub::ScrubReport;

use self::accept::Accept;
use self::cache::Cache;
use self::disk_io::DiskWork;
use self::doubt::Doubt;
use self::host::{FlushWork, HostOp};
use self::journal::Journal;
use self::key::KeyCtl;
use self::private::Private;
use self::redo::Redo;
use self::refill::Refill;
use self::regions::Regions;
use self::replicate::Replica;
use self::scrub::Scrub;
use super::cell::Cell;
use super::config::{Config, Protocol};
use super::defect::Defect;
use super::group::Group;
use super::id::{
    AmfId, AmfSet, Block, Epoch, Incarnation, Instant, Key, NodeId, OpId, Ticket, Version,
};
use super::link::{Inbox, Link};
use super::machine::{AmfInput, AmfOutput};
use super::message::{Body, Message, Packet, WitnessMsg};
use super::rule::{Fact, LineState, Rule};
use super::table::Table;
use super::view::View;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

/// Touches of host requests that may be under way at once in one AMF.
pub const HOST_TOUCHES_MAX: usize = 16_384;

/// Disks that answered with errors, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct BadDisks(u64);

impl BadDisks {
    fn insert(&mut self, disk: u8) {
        self.0 |= 1 << disk;
    }
    fn contains(self, disk: u8) -> bool {
        self.0 & (1 << disk) != 0
    }
    fn retain(&mut self, keep: impl Fn(u8) -> bool) {
        for disk in (0..64).filter(|disk| !keep(*disk)) {
            self.0 &= !(1 << disk);
        }
    }
}

/// A caching controller. Drive it as `machine` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Amf {
    id: AmfId,
    cfg: Arc<Config>,
    group: Group,
    defect: Option<Defect>,

    // Membership (section 5).
    incarnation: Incarnation,
    view: Option<Arc<View>>,
    epoch: Epoch,
    /// Sharing partners: the other members of the view.
    peers: AmfSet,
    /// Replication partners in the view.
    partners: AmfSet,
    lease_until: Instant,
    /// When the next renewal (or `Join`) goes out.
    renew_at: Instant,
    /// No expiry postpones the next renewal beyond this: two periods after the one before.
    renew_latest: Instant,
    covered: bool,
    suspect_at: Instant,

    /// The volume's access list \[T2\]: what it means here, and who has said what in this view.
    access: Private,

    clock: u64,
    cache: Cache,
    floors: Vec<Version>,
    /// The highest ticket granted, by hash of the block (`update`, section 7 \[U1, U2\]).
    granted: Vec<Ticket>,
    /// Versions that hosts were answered for, and that other AMFs took over before they were on disk.
    handed: Table<Block, Version>,
    journal: Journal,
    keys: Table<Key, KeyCtl>,

    // Hosts.
    ops: Table<OpId, HostOp>,
    /// Requests whose touches have not all begun, in order.
    dispatch: VecDeque<OpId>,
    touches: usize,
    flushes: Vec<FlushWork>,

    // Replication (claims 4, 13).
    replicas: Table<(AmfId, Incarnation, Block), Replica>,
    /// Whose replicas of a block are to be adopted: owners whose incarnation is not in the view.
    orphans: Table<Block, SmallVec<[(AmfId, Incarnation); 2]>>,
    /// Members that may still keep replicas of ours although they are no longer partners [H6].
    holders: AmfSet,
    /// Dirty blocks of the last `List` that the partners have not acknowledged yet.
    relist: Table<Block, ()>,
    retiring: Vec<(Block, Version)>,
    retire_at: Instant,
    /// Blocks that wait to be adopted, or are being adopted.
    recovering: u32,
    /// Those of them that are own dirty lines by now, replicated and journalled \[D2\].
    secured: Table<Block, ()>,

    // Disks.
    disk_work: Table<u64, DiskWork>,
    disk_next: u64,
    /// Destages that have begun and not ended.
    destaging: u32,
    /// Disks that answered with errors.
    bad_disks: BadDisks,
    /// Requests below this number were sent before a disk was admitted: their errors are not reported.
    admitted_from: u64,
    /// Destages whose disk writes are in flight, by stripe [M3].
    stripes_busy: Table<u64, u32>,
    refill: Option<Refill>,
    /// Parity updates of owners that left, by stripe \[R5\].
    redo: Table<u64, Redo>,
    /// The number of the next intent \[R3\].
    intent_next: u64,
    scrub: Option<Scrub>,
    regions: Regions,
    doubt: Doubt,
    accept: Option<Accept>,
    /// Blocks made equal since the view became unsynchronised.
    synchronised: Table<Block, ()>,
    /// Dirty blocks by age, with stale entries.
    ages: VecDeque<(Instant, Block)>,
    age_at: Instant,

    links: Vec<Link>,
    /// No link has anything due before this.
    links_at: Instant,
    inbox: Inbox,
    work: VecDeque<Key>,
    /// Keys that wait for a live lease or a newer view.
    stalled: Vec<Key>,

    outputs: VecDeque<AmfOutput>,
    facts: VecDeque<Fact>,
    /// Cells of the state x event table that were met.
    cells: VecDeque<(Block, Cell)>,
    observed: bool,
    stats: AmfStats,
    /// Keys that the last input concerned: what the invariants look at.
    touched: SmallVec<[Key; 8]>,
    /// Versions that the last input drew: what the version order is checked on.
    commits: SmallVec<[(Block, Version); 2]>,
}

impl Amf {
    /// An AMF that has just started, empty, and will join under `incarnation` (1 more than any it
    /// had before \[H7\]).
    #[must_use]
    pub fn new(cfg: &Arc<Config>, id: AmfId, incarnation: Incarnation, now: Instant) -> Self {
        assert!(cfg.check().is_ok(), "profiles are validated");
        assert!(id.0 < cfg.amfs, "an AMF of this cluster");
        let links = (0..cfg.amfs).map(|_| Link::new(Epoch(0), cfg.retry)).collect();
        Self {
            id,
            cfg: Arc::clone(cfg),
            group: Group::new(&cfg.group),
            defect: cfg.defect,
            incarnation,
            view: None,
            epoch: Epoch(0),
            peers: AmfSet::EMPTY,
            partners: AmfSet::EMPTY,
            lease_until: Instant(0),
            renew_at: now,
            renew_latest: now,
            covered: false,
            suspect_at: Instant::NEVER,
            access: Private::new(cfg, id),
            clock: 0,
            cache: Cache::new(),
            floors: vec![Version::ZERO; cfg.floor_slots as usize],
            granted: Vec::new(),
            handed: Table::default(),
            journal: Journal::default(),
            keys: Table::default(),
            ops: Table::default(),
            dispatch: VecDeque::new(),
            touches: 0,
            flushes: Vec::new(),
            replicas: Table::default(),
            orphans: Table::default(),
            holders: AmfSet::EMPTY,
            relist: Table::default(),
            retiring: Vec::new(),
            retire_at: Instant::NEVER,
            recovering: 0,
            secured: Table::default(),
            destaging: 0,
            bad_disks: BadDisks::default(),
            admitted_from: 0,
            disk_work: Table::default(),
            disk_next: 1,
            stripes_busy: Table::default(),
            refill: None,
            redo: Table::default(),
            intent_next: 1,
            scrub: None,
            regions: Regions::default(),
            doubt: Doubt::default(),
            accept: None,
            synchronised: Table::default(),
            ages: VecDeque::new(),
            age_at: Instant::NEVER,
            links,
            links_at: Instant::NEVER,
            inbox: VecDeque::new(),
            work: VecDeque::new(),
            stalled: Vec::new(),
            outputs: VecDeque::new(),
            facts: VecDeque::new(),
            cells: VecDeque::new(),
            observed: false,
            stats: AmfStats::default(),
            touched: SmallVec::new(),
            commits: SmallVec::new(),
        }
    }

    /// An AMF that is a member of `view` from the start, its lease counted from `now`: the first
    /// view of a cluster needs no joining. `journal` is what its journal holds.
    #[must_use]
    pub fn member(
        cfg: &Arc<Config>,
        id: AmfId,
        view: &Arc<View>,
        journal: JournalContent,
        now: Instant,
    ) -> Self {
        let incarnation = view.incarnation(id).expect("the first view holds every AMF");
        let mut amf = Self::new(cfg, id, incarnation, now);
        amf.load_journal(journal);
        amf.lease_until = now + cfg.lease;
        amf.renew_at = now + cfg.renew;
        amf.renew_latest = amf.renew_at + cfg.renew;
        amf.on_view(now, view);
        amf.run_work(now);
        amf.assert_touched();
        amf
    }

    /// One input. The caller has drained the outputs of the one before.
    pub fn handle(&mut self, now: Instant, input: AmfInput) {
        assert!(self.outputs.is_empty(), "outputs are drained before the next input");
        self.touched.clear();
        self.commits.clear();
        match input {
            AmfInput::Host(request) => self.on_host(now, request),
            AmfInput::Packet(packet) => self.on_packet(now, packet),
            AmfInput::Tick => self.on_tick(now),
            AmfInput::ExpireLease => self.on_lease_timeout(now),
            AmfInput::Evict(block) => self.on_evict(now, block),
            AmfInput::Destage => self.on_destage_all(now),
            AmfInput::DropLines => self.on_drop_lines(now),
            AmfInput::Journal(result) => self.on_journal(now, result),
            AmfInput::Scrub => self.on_scrub(now),
            AmfInput::AcceptLoss => self.on_accept_loss(now),
            AmfInput::SetDefect(defect) => self.defect = defect,
        }
        if !self.work.is_empty() || !self.dispatch.is_empty() || self.access.owes_word() {
            self.run_work(now);
        }
        self.assert_touched();
    }

    /// The next output of the last input.
    pub fn poll_output(&mut self) -> Option<AmfOutput> {
        self.outputs.pop_front()
    }

    /// The next rule that was applied, while [observed](Self::observe).
    pub fn poll_fact(&mut self) -> Option<Fact> {
        self.facts.pop_front()
    }

    /// Facts are made only while somebody wants them.
    pub fn observe(&mut self, on: bool) {
        self.observed = on;
        if !on {
            self.facts.clear();
            self.cells.clear();
        }
    }

    /// When it next wants a `Tick`. One that comes early is harmless.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.renew_at.min(self.links_at).min(self.retire_at).min(self.age_at).min(self.suspect_at)
    }

    fn on_packet(&mut self, now: Instant, packet: Packet) {
        assert_eq!(packet.to, NodeId::Amf(self.id), "packets reach whom they are for");
        match packet.body {
            Body::Frame(frame) if let NodeId::Amf(from) = packet.from => {
                let link = &mut self.links[usize::from(from.0)];
                link.receive(now, from, frame, self.defect, &mut self.inbox);
                self.links_at = self.links_at.min(link.deadline());
                self.run_inbox(now);
            }
            Body::Witness(message) if packet.from == NodeId::Witness => {
                self.on_witness(now, message);
            }
            Body::DiskReply(reply) if let NodeId::Disk(disk) = packet.from => {
                self.on_disk_reply(now, disk, reply);
            }
            Body::Frame(_) | Body::Witness(_) | Body::DiskRequest(_) | Body::DiskReply(_) => {
                self.rule(Rule::IgnoreStranger, None);
            }
        }
    }

    fn run_inbox(&mut self, now: Instant) {
        while let Some((from, cause, message)) = self.inbox.pop_front() {
            if !self.peers.contains(from) {
                continue;
            }
            self.meet_message(from, &message);
            match &*message {
                Message::Access { ticket, key, mode } => {
                    self.on_access(now, from, cause, *ticket, *key, *mode);
                }
                Message::Grant { ticket, key, clock, floor, copy, reading, replica } => {
                    let (ticket, key, floor) = (*ticket, *key, *floor);
                    let (copy, reading, replica) = (copy.as_ref(), *reading, *replica);
                    self.clock = self.clock.max(*clock);
                    let grant = acquire::Granted { ticket, key, floor, copy, reading, replica };
                    self.on_grant(now, from, &grant);
                }
                Message::Replicate { block, version, data, intent } => {
                    let replica = Replica::new(*version, data, intent.as_ref());
                    self.on_replicate(now, from, cause, *block, replica);
                }
                Message::ReplicateAck { block, version, intent } => {
                    self.on_replicate_ack(now, from, *block, *version, *intent);
                }
                Message::Update { ticket, block, version, data } => {
                    self.on_update(now, from, *ticket, *block, *version, data);
                }
                Message::Superseded { block, version } => {
                    self.on_superseded(now, from, *block, *version);
                }
                Message::Retire { entries } => self.on_retire(from, entries),
                Message::List { entries } => self.on_list(from, entries),
                Message::DropOld => self.on_drop_old(from),
                Message::Clear => self.on_clear(from),
            }
        }
    }

    fn on_tick(&mut self, now: Instant) {
        if now >= self.renew_at {
            self.on_renew_timeout(now);
        }
        if now >= self.links_at {
            self.on_link_timeout(now);
        }
        if now >= self.suspect_at {
            self.on_suspect_timeout(now);
        }
        if now >= self.retire_at {
            self.send_retires(now);
        }
        if now >= self.age_at {
            self.on_age_timeout(now);
        }
    }

    /// Looks again at every key whose situation changed, until nothing is left to do.
    fn run_work(&mut self, now: Instant) {
        loop {
            while let Some(key) = self.work.pop_front() {
                self.settle_key(now, key);
            }
            self.dispatch_touches(now);
            if self.work.is_empty() {
                break;
            }
        }
        if self.access.owes_word() {
            self.say_clear(now);
        }
    }

    fn look_at(&mut self, key: Key) {
        if self.work.back() != Some(&key) {
            self.work.push_back(key);
        }
    }

    fn touched(&mut self, key: Key) {
        if !self.touched.contains(&key) {
            self.touched.push(key);
        }
    }

    // ---- sending

    fn send(&mut self, now: Instant, to: AmfId, cause: OpId, message: Message) {
        self.send_shared(now, to, cause, Arc::new(message));
    }

    /// One message to several peers: shared, not copied.
    fn broadcast(&mut self, now: Instant, to: AmfSet, cause: OpId, message: Message) {
        let message = Arc::new(message);
        for peer in to.iter() {
            self.send_shared(now, peer, cause, Arc::clone(&message));
        }
    }

    fn send_shared(&mut self, now: Instant, to: AmfId, cause: OpId, message: Arc<Message>) {
        assert!(self.peers.contains(to), "links lead to members of the view");
        self.stats.sent[message.kind().index()] += 1;
        let link = &mut self.links[usize::from(to.0)];
        let frame = link.send(now, cause, message);
        self.links_at = self.links_at.min(link.deadline());
        self.suspect_at = self.suspect_at.min(now + self.cfg.suspect_after);
        self.packet(NodeId::Amf(to), Body::Frame(frame));
    }

    fn send_witness(&mut self, message: WitnessMsg) {
        self.packet(NodeId::Witness, Body::Witness(message));
    }

    fn packet(&mut self, to: NodeId, body: Body) {
        self.outputs.push_back(AmfOutput::Send(Packet { from: NodeId::Amf(self.id), to, body }));
    }

    // ---- rules

    fn rule(&mut self, rule: Rule, key: Option<Key>) {
        self.fact(rule, key, LineState::I, LineState::I, None, Version::ZERO);
    }

    fn rule_peer(&mut self, rule: Rule, key: Key, peer: AmfId) {
        self.fact(rule, Some(key), LineState::I, LineState::I, Some(peer), Version::ZERO);
    }

    fn fact(
        &mut self,
        rule: Rule,
        key: Option<Key>,
        before: LineState,
        after: LineState,
        peer: Option<AmfId>,
        version: Version,
    ) {
        if let Some(key) = key {
            self.touched(key);
        }
        self.tell(Fact { rule, key, before, after, peer, version });
    }

    /// Counts a rule, and tells it while somebody observes.
    fn tell(&mut self, fact: Fact) {
        self.stats.rules[fact.rule as usize] += 1;
        if self.observed {
            self.facts.push_back(fact);
        }
    }

    // ---- small truths

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn lease_is_live(&self, now: Instant) -> bool {
        now < self.lease_until
    }

    /// Without any partner although replicas are wanted: destage everything, write through.
    fn is_last_survivor(&self) -> bool {
        self.cfg.replicas > 0 && self.cfg.amfs > 1 && self.partners.is_empty()
    }

    fn floor_slot(&self, block: Block) -> usize {
        let mixed = block.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
        usize::try_from(mixed % self.floors.len() as u64).expect("an index into the floors")
    }

    fn floor(&self, key: Key) -> Version {
        match key {
            Key::Block(block) => self.floors[self.floor_slot(block)],
            Key::Stripe(_) | Key::Group => Version::ZERO,
        }
    }

    fn raise_floor(&mut self, block: Block, version: Version) {
        let slot = self.floor_slot(block);
        self.floors[slot] = self.floors[slot].max(version);
    }

    fn next_clock(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// The protocol of the view.
    fn protocol(&self) -> Protocol {
        self.view.as_ref().map_or(self.cfg.protocol, |view| view.protocol)
    }

    fn current_view(&self) -> &View {
        self.view.as_ref().expect("members have installed a view")
    }
}
