//! Counterexamples, step by step: the shortest ways to what goes wrong without a rule. With the rule
//! each passes; with the rule's defect switched on a checker fires.

use super::harness::Finding;
use amflab::profile;
use amflab::protocol::id::{AmfId, Block, DiskId, NodeId, OpId, Span};
use amflab::protocol::{Defect, MsgKind, Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::action::{HoldFilter, Target};
use amflab::trace::{Action, Advance, Engine, HostPort, LinkSetting};

/// The one block of every counterexample.
const BLOCK: Block = Block(3);

/// Somebody tells a cluster what happens, in words of the field.
struct Story {
    sim: Sim,
    writes: u64,
}

pub(super) type Tale = fn(Option<Defect>) -> Result<(), Finding>;

impl Story {
    fn of(defect: Option<Defect>, sets: &[&str]) -> Self {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let mut profile = profile::load("claims", &sets).expect("a profile of ours");
        profile.config.defect = defect;
        Self { sim: Sim::new(&profile, 1, SimOptions::default()), writes: 0 }
    }

    fn act(&mut self, action: Action) {
        let text = format!("{action:?}");
        self.sim.submit(action).unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    /// The next write's content is a stamp of its own.
    fn start_write(&mut self, amf: u8) -> OpId {
        self.writes += 1;
        let payload = Payload::Stamp { volume: 0, writer: 1, sequence: self.writes };
        self.sim.host(AmfId(amf), RequestKind::Write(Sectors::of_blocks(BLOCK, 1, 8), payload))
    }

    fn start_read(&mut self, amf: u8) -> OpId {
        self.sim.host(AmfId(amf), RequestKind::Read(Sectors::of_blocks(BLOCK, 1, 8)))
    }

    fn write(&mut self, amf: u8) {
        self.start_write(amf);
        self.wait(Span::millis(20));
    }

    fn read(&mut self, amf: u8) {
        self.start_read(amf);
        self.wait(Span::millis(20));
    }

    fn wait(&mut self, span: Span) {
        let until = self.sim.now() + span;
        while self.sim.now() < until {
            self.sim.advance(Advance { until, steps_max: u64::MAX }).expect("runs");
        }
    }

    fn hold(&mut self, kind: MsgKind, from: u8, to: u8) {
        self.act(Action::Hold(filter(kind, from, to)));
    }

    fn let_go(&mut self, kind: MsgKind, from: u8, to: u8) {
        self.act(Action::Unhold(filter(kind, from, to)));
        self.wait(Span::millis(20));
    }

    /// The AMF is down only for a moment: the others learn that its incarnation has left.
    fn crash_and_come_back(&mut self, amf: u8) {
        self.act(Action::Crash(AmfId(amf)));
        self.act(Action::Restart(AmfId(amf)));
        self.wait(Span::millis(300));
    }

    /// Nothing is held or late any more; everyone reads; then what is left is looked for.
    fn end(mut self) -> Result<(), Finding> {
        self.act(Action::Unhold(HoldFilter::ALL));
        self.act(Action::Heal);
        for amf in 0..self.sim.config().amfs {
            let _ = self.sim.submit(Action::Resume(AmfId(amf)));
            let _ = self.sim.submit(Action::Restart(AmfId(amf)));
        }
        self.wait(Span::secs(10));
        for amf in 0..self.sim.config().amfs {
            self.read(amf);
        }
        self.sim.shutdown().expect("a simulation shuts down");
        self.wait(Span::secs(5));
        if !self.sim.is_settled() || self.sim.world().outstanding() > 0 {
            let text = format!("{:?}", self.sim.world().unsettled());
            return Err(Finding { checker: "progress".to_owned(), text });
        }
        self.sim.audit();
        self.sim.world().violations().first().map_or(Ok(()), |violation| {
            let (checker, text) = (violation.checker.clone(), violation.text.clone());
            Err(Finding { checker, text })
        })
    }
}

fn filter(kind: MsgKind, from: u8, to: u8) -> HoldFilter {
    let pair = Some((NodeId::Amf(AmfId(from)), NodeId::Amf(AmfId(to))));
    HoldFilter { kind: Some(kind), pair }
}

const THREE: &[&str] = &["cluster.amfs=3", "cluster.replicas=1"];
const THREE_SHARING: &[&str] =
    &["cluster.amfs=3", "cluster.replicas=1", "cluster.protocol=sharing"];
const THREE_THROUGH: &[&str] = &["cluster.amfs=3", "cluster.replicas=1", "cache.write=through"];

/// H1a: the reader has been granted by everyone but the dirty owner when the writer asks.
pub(super) fn h1a(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE);
    story.write(0);
    story.hold(MsgKind::AccessShared, 1, 0);
    story.start_read(1);
    story.wait(Span::millis(1));
    story.start_write(2);
    story.wait(Span::millis(1));
    story.let_go(MsgKind::AccessShared, 1, 0);
    story.end()
}

/// H1b: the writer that was given the only copy crashes before it has written anything.
pub(super) fn h1b(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    story.write(0);
    story.hold(MsgKind::Grant, 2, 1);
    story.start_write(1);
    story.wait(Span::millis(1));
    story.crash_and_come_back(1);
    story.end()
}

/// H2: the copy in a grant is old by the time that the last grant comes.
pub(super) fn h2(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_THROUGH);
    story.write(0);
    story.hold(MsgKind::AccessExclusive, 2, 0);
    story.hold(MsgKind::AccessShared, 1, 2);
    story.start_write(2);
    story.wait(Span::millis(1));
    story.start_read(1);
    story.wait(Span::millis(1));
    story.let_go(MsgKind::AccessExclusive, 2, 0);
    story.act(Action::Evict(AmfId(2), Some(BLOCK)));
    story.wait(Span::millis(20));
    story.let_go(MsgKind::AccessShared, 1, 2);
    story.read(1);
    story.end()
}

/// H3a: who holds shared access reads, although it does not wait any more.
pub(super) fn h3a(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    for disk in [0, 1] {
        story.act(Action::SlowDisk(DiskId(disk), Span::millis(5)));
    }
    story.start_read(0);
    story.wait(Span::millis(1));
    story.start_read(1);
    story.wait(Span::millis(50));
    story.end()
}

/// H4: a hit shows a write whose replica never arrives.
pub(super) fn h4(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE);
    story.hold(MsgKind::Replicate, 0, 1);
    story.start_write(0);
    story.wait(Span::millis(1));
    story.start_read(0);
    story.wait(Span::millis(1));
    story.crash_and_come_back(0);
    story.end()
}

/// H6: the owner's new partner has nothing yet when the owner crashes; the old one still has it all.
pub(super) fn h6(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE);
    story.act(Action::Crash(AmfId(1)));
    story.wait(Span::secs(5));
    story.write(0);
    story.hold(MsgKind::Replicate, 0, 1);
    story.act(Action::Restart(AmfId(1)));
    story.wait(Span::millis(300));
    story.crash_and_come_back(0);
    story.end()
}

/// H7: the owner is back, under another incarnation, before anybody missed it.
pub(super) fn h7(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    story.write(0);
    story.crash_and_come_back(0);
    story.end()
}

/// L1: an AMF that cannot reach the witness goes on serving hits after it was evicted.
pub(super) fn l1(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    story.write(0);
    story.act(Action::Partition(vec![vec![NodeId::Amf(AmfId(0))]]));
    story.wait(Span::secs(6));
    story.write(1);
    story.read(0);
    story.end()
}

/// L2: what an AMF sent to a disk before it was evicted arrives after its successor's write.
pub(super) fn l2(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    story.write(0);
    for disk in [0, 1] {
        let (amf, disk) = (NodeId::Amf(AmfId(0)), NodeId::Disk(DiskId(disk)));
        story.act(Action::Link(amf, disk, LinkSetting::Delay(Span::secs(20))));
    }
    story.act(Action::Destage(Target::One(AmfId(0))));
    story.wait(Span::millis(1));
    story.act(Action::Pause(AmfId(0)));
    story.wait(Span::secs(6));
    story.write(1);
    story.act(Action::Destage(Target::One(AmfId(1))));
    story.wait(Span::secs(20));
    story.end()
}

/// L3, our own: the survivor of a crash suspects the dead; that must not evict the survivor.
pub(super) fn l3(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, &[]);
    story.write(0);
    story.act(Action::Crash(AmfId(0)));
    story.start_read(1);
    story.wait(Span::secs(5));
    let view = std::sync::Arc::clone(story.sim.world().witness().view());
    let members: Vec<AmfId> = view.members.iter().map(|(amf, _)| *amf).collect();
    assert_eq!(members, [AmfId(1)], "the survivor stays");
    story.end()
}

/// L3 again, our own: a link is mended after one suspicion; both ends renew later. Nobody may go for it.
pub(super) fn l3_mended(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE);
    let link = |setting| Action::Link(NodeId::Amf(AmfId(0)), NodeId::Amf(AmfId(1)), setting);
    story.wait(Span::millis(100));
    story.act(link(LinkSetting::Drop(1_000_000)));
    story.start_read(0);
    story.wait(Span::millis(1_050));
    story.act(link(LinkSetting::Clear));
    story.wait(Span::secs(4));
    let view = std::sync::Arc::clone(story.sim.world().witness().view());
    assert_eq!(view.members.len(), 3, "everybody stays");
    assert_eq!(view.epoch.0, 1, "nobody has left");
    story.end()
}

/// M1: the owner crashes when one half of the mirror has its write and the other has not.
pub(super) fn m1(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    story.write(0);
    let (amf, disk) = (NodeId::Amf(AmfId(0)), NodeId::Disk(DiskId(1)));
    story.act(Action::Link(amf, disk, LinkSetting::Delay(Span::secs(3))));
    story.act(Action::Destage(Target::One(AmfId(0))));
    story.wait(Span::millis(2));
    story.crash_and_come_back(0);
    story.wait(Span::secs(4));
    story.end()
}

/// M2: as M1, but the partner has not got the version either.
pub(super) fn m2(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_THROUGH);
    story.hold(MsgKind::Replicate, 0, 1);
    let (amf, disk) = (NodeId::Amf(AmfId(0)), NodeId::Disk(DiskId(1)));
    story.act(Action::Link(amf, disk, LinkSetting::Delay(Span::secs(3))));
    story.start_write(0);
    story.wait(Span::millis(2));
    story.crash_and_come_back(0);
    story.wait(Span::secs(4));
    story.end()
}

/// Our own: an AMF comes back while the disks are slow to answer the fence; it repeats its `Join` under
/// way. The view that lets it in answers both: the witness once waited for the second for ever.
pub(super) fn repeated_join(defect: Option<Defect>) -> Result<(), Finding> {
    let mut story = Story::of(defect, THREE_SHARING);
    story.hold(MsgKind::Retire, 0, 1);
    story.hold(MsgKind::List, 0, 1);
    story.write(0);
    story.act(Action::Destage(Target::One(AmfId(0))));
    story.wait(Span::millis(20));
    story.write(2);
    story.act(Action::Destage(Target::One(AmfId(2))));
    story.act(Action::Evict(AmfId(2), Some(BLOCK)));
    story.wait(Span::millis(20));
    story.act(Action::SlowDisk(DiskId(0), Span::millis(400)));
    story.act(Action::FailDisk(DiskId(1)));
    story.act(Action::ReplaceDisk(DiskId(1)));
    story.wait(Span::millis(20));
    story.crash_and_come_back(0);
    story.wait(Span::secs(5));
    story.act(Action::SlowDisk(DiskId(0), Span(0)));
    story.end()
}

const HEALTHY: &[(&str, Tale)] = &[
    ("H1a", h1a),
    ("H1b", h1b),
    ("H2", h2),
    ("H3a", h3a),
    ("H4", h4),
    ("H6", h6),
    ("H7", h7),
    ("L1", l1),
    ("L2", l2),
    ("L3", l3),
    ("L3 mended", l3_mended),
    ("M1", m1),
    ("M2", m2),
    ("repeated join", repeated_join),
];

/// What each rule's defect does to its counterexample, and who notices.
const BROKEN: &[(&str, Tale, Defect, &[&str])] = &[
    ("H1a", h1a, Defect::DirtyHandover, &["reads"]),
    ("H1b", h1b, Defect::DirtyHandover, &["reads", "durability"]),
    ("H2", h2, Defect::StaleGrantCopy, &["reads", "data-value"]),
    ("H3a", h3a, Defect::ReadingOnlyWhileWaiting, &["single-writer"]),
    ("H3b", h3a, Defect::ExclusiveDespiteReading, &["single-writer"]),
    ("H4", h4, Defect::HitUnreplicated, &["reads"]),
    ("H6", h6, Defect::OldPartnerDrops, &["reads", "durability", "redundancy"]),
    ("H7", h7, Defect::NoIncarnation, &["reads", "durability"]),
    ("L1", l1, Defect::NoLease, &["reads"]),
    ("L2", l2, Defect::NoFencing, &["data-value", "durability", "reads"]),
    ("M1", m1, Defect::AdoptLooksAtOneHalf, &["data-value"]),
    ("M2", m2, Defect::WriteThroughBeforeReplicaAck, &["data-value"]),
];

/// True if some counterexample shows what the defect does.
#[cfg(test)]
pub(super) fn shows(defect: Defect) -> bool {
    BROKEN.iter().any(|(_, _, broken, _)| *broken == defect)
}

#[cfg(not(test))]
pub(super) fn tell() {
    for (name, tale) in HEALTHY {
        println!("{name}: {:?}", tale(None));
    }
    for (name, tale, defect, want) in BROKEN {
        println!("{name} {defect} {want:?}: {:?}", tale(Some(*defect)));
    }
}

#[test]
fn with_its_rule_every_counterexample_passes() {
    for (name, tale) in HEALTHY {
        assert_eq!(tale(None), Ok(()), "{name}");
    }
}

#[test]
fn without_its_rule_a_checker_fires() {
    for (name, tale, defect, checkers) in BROKEN {
        let found = tale(Some(*defect)).expect_err(name);
        assert!(checkers.contains(&found.checker.as_str()), "{name} under {defect}: {found:?}");
    }
}
