//! A cluster that never was: fixed content for golden screens and conversations.

use amflab::profile::{
    Durability, EndSpec, HostSpec, LinkSpec, Profile, StoreEngine, StoreSpec, WorkloadSpec,
};
use amflab::protocol::group::GroupView;
use amflab::protocol::id::{
    AmfId, AmfSet, Block, DiskId, Epoch, Incarnation, Instant, Key, Mode, NodeId, OpId, Span,
    Ticket, TicketClass, Version,
};
use amflab::protocol::{
    Answer, Config, Fact, GroupConfig, HostError, Layout, LineState, MsgKind, Protocol, Rule,
    Source, Touch, Touched, View, WritePolicy,
};
use amflab::trace::engine::Counts;
use amflab::trace::event::{DiskWhat, Passage};
use amflab::trace::lens::{CachedCopy, DiskCopy, KeptCopy, Lens, Survivor};
use amflab::trace::snapshot::{
    AmfInfo, AmfStatus, DiskInfo, FaultInfo, HeldInfo, LineInfo, LockInfo, LockPhase, WitnessInfo,
};
use amflab::trace::{BlockHistory, Lamp, LampInfo, Lamps, SeenOp};
use amflab::trace::{Completion, Event, EventKind, Snapshot};
use amflab::tui::model::{About, Model};
use amflab::tui::snapshot::Cluster;
use amflab::tui::theme::Theme;
use std::sync::Arc;

/// 4 AMFs on two mirrors and a spare, 64 MiB, as the demo profile.
pub(crate) fn profile() -> Profile {
    let config = Config {
        amfs: 4,
        protocol: Protocol::Sharing,
        replicas: 1,
        lines: 96,
        write: WritePolicy::Back,
        dirty_high: 48,
        destage_age: Some(Span::secs(2)),
        floor_slots: 256,
        blocks: 16_384,
        block_size: 4_096,
        access: amflab::protocol::id::AmfSet::EMPTY,
        group: GroupConfig { layout: Layout::Mirror, disks: 4, spares: 1, copies: 2, chunk: 16 },
        lease: Span::secs(2),
        renew: Span::secs(1),
        suspect_after: Span::millis(600),
        retry: Span::millis(40),
        journal: false,
        dirty_log: true,
        region_blocks: 256,
        defect: None,
    };
    Profile {
        name: "demo".to_owned(),
        summary: "four AMFs on two mirrors".to_owned(),
        config,
        seed: 1,
        link: LinkSpec {
            delay: Span::micros(50),
            drop_ppm: 0,
            duplicate_ppm: 0,
            jitter: 0,
            sites: 1,
            site_delay: Span(0),
        },
        store: StoreSpec {
            durability: Durability::Sync,
            engine: StoreEngine::Sled,
            cache_bytes: 1 << 20,
            disk_time: Span::millis(1),
            journal_time: Span::micros(20),
            tears: false,
        },
        host: HostSpec { timeout: Span::secs(10), paths: 2 },
        workloads: vec![WorkloadSpec {
            name: "gentle".to_owned(),
            sizes: vec![(4_096, 1)],
            working_set: 256,
            sharing_degree: 4,
            rate: Some(20.0),
            ..WorkloadSpec::default()
        }],
        faults: Vec::new(),
        end: EndSpec::default(),
        notes: Vec::new(),
    }
}

fn version(clock: u64, amf: u8) -> Version {
    Version { epoch: Epoch(1), clock, amf: AmfId(amf) }
}

fn ticket(clock: u64, amf: u8) -> Ticket {
    Ticket { class: TicketClass::Normal, epoch: Epoch(1), clock, amf: AmfId(amf) }
}

/// Blocks that have lines somewhere: scattered, but always the same.
fn lines(amf: u8) -> Vec<LineInfo> {
    let mut lines = Vec::new();
    for at in 0..160_u64 {
        let mixed = (at * 2_654_435_761 + 7) % 97;
        let state = match (mixed % 8, u64::from(amf) == mixed % 4) {
            (0 | 1, true) => LineState::M,
            (2, true) => LineState::E,
            (3 | 4, _) => LineState::S,
            _ => continue,
        };
        lines.push(LineInfo {
            block: Block(at),
            state,
            version: version(100 + at, amf),
            unreplicated: state == LineState::M && at % 5 == 0,
            destaging: state == LineState::M && at % 7 == 0,
        });
    }
    for at in [1_000_u64, 1_001, 4_096, 9_000, 16_383] {
        let state = if amf == 1 { LineState::E } else { continue };
        lines.push(LineInfo {
            block: Block(at),
            state,
            version: version(at, amf),
            unreplicated: false,
            destaging: false,
        });
    }
    lines
}

fn amf(id: u8) -> AmfInfo {
    let lines = lines(id);
    let dirty = lines.iter().filter(|line| line.state == LineState::M).count();
    let ops = [412, 371, 1_204, 98][usize::from(id % 4)];
    AmfInfo {
        id: AmfId(id),
        status: AmfStatus::Serving,
        epoch: Epoch(1),
        incarnation: Incarnation(1),
        lease_left: Span::millis(1_800 - u64::from(id) * 200),
        partners: AmfSet::only(AmfId((id + 1) % 4)),
        last_survivor: false,
        lines_used: u32::try_from(lines.len()).unwrap(),
        lines_max: 96,
        dirty: u32::try_from(dirty).unwrap(),
        replicas: 7 + u32::from(id),
        recovering: 0,
        ops,
        hits: ops * 3 / 4,
        misses: ops / 4,
        replicas_kept: vec![(AmfId((id + 3) % 4), Block(6 + u64::from(id)), version(90, id))],
        lines,
    }
}

fn disk(id: u8) -> DiskInfo {
    let spare = id == 4;
    DiskInfo {
        id: DiskId(id),
        role: if spare { "spare" } else { "online" }.to_owned(),
        slot: (!spare).then_some(id),
        failed: false,
        trouble: None,
        reads: if spare { 0 } else { 1_204 + u64::from(id) },
        writes: if spare { 0 } else { 311 },
        damaged: 0,
        repaired: 0,
        fenced: 0,
        queue: u32::from(id == 1),
        slow: Span(0),
        rebuilt: None,
    }
}

fn locks() -> Vec<LockInfo> {
    let lock = |block, amf, phase, mode, clock, age| LockInfo {
        key: Key::Block(Block(block)),
        amf: AmfId(amf),
        phase,
        mode,
        ticket: Some(ticket(clock, amf)),
        missing: AmfSet::EMPTY,
        deferred: Vec::new(),
        queued: 0,
        age: Span::micros(age),
        cause: OpId(41),
    };
    let mut holder = lock(17, 0, LockPhase::Holding, Mode::Exclusive, 120, 12_400);
    holder.deferred =
        vec![(AmfId(2), Mode::Exclusive, ticket(121, 2), "holds a conflicting access".to_owned())];
    holder.queued = 2;
    let mut waiter = lock(17, 2, LockPhase::Waiting, Mode::Exclusive, 121, 11_900);
    waiter.missing = AmfSet::only(AmfId(0));
    waiter.cause = OpId(42);
    let reader = lock(33, 1, LockPhase::Holding, Mode::Shared, 118, 310);
    let writer = lock(42, 3, LockPhase::Destaging, Mode::Exclusive, 117, 2_150);
    vec![holder, waiter, reader, writer]
}

/// Who has what of block 17: dirty at amf1, with a replica, without a journal.
fn lens() -> Lens {
    let version = |clock| Version { epoch: Epoch(1), clock, amf: AmfId(1) };
    let value = "\"hello\"".to_owned();
    let disk = |disk, value: &str| DiskCopy {
        disk: DiskId(disk),
        at: 8,
        parity: 0,
        standing: "online".to_owned(),
        version: Some(version(97)),
        value: value.to_owned(),
    };
    Lens {
        block: Block(17),
        cached: vec![CachedCopy {
            amf: AmfId(1),
            state: LineState::M,
            version: version(119),
            value: value.clone(),
            missing: AmfSet::EMPTY,
        }],
        replicas: vec![KeptCopy {
            keeper: AmfId(2),
            owner: AmfId(1),
            version: version(119),
            value,
        }],
        journals: Vec::new(),
        disks: vec![disk(2, "w1#813"), disk(3, "w1#813")],
        power: Survivor::InDoubt { version: version(97) },
        or: Vec::new(),
        newest: (version(119), true),
        failures: vec![(AmfId(1), version(119), [AmfId(2)].into_iter().collect())],
    }
}

/// How the cluster stands, 12.345 s after its start.
pub(crate) fn snapshot() -> Snapshot {
    let config = profile().config;
    let mut messages = [0; MsgKind::ALL.len()];
    messages.copy_from_slice(&[412, 155, 1_701, 155, 155, 0, 0, 31, 0, 0, 0]);
    Snapshot {
        recording: None,
        cells: None,
        lamps: Some(lamps()),
        lens: Some(Box::new(lens())),
        beside: None,
        engine: "sim",
        now: Instant(12_345_000_000),
        step: 5_120,
        step_mode: false,
        tempo: 1_000,
        view: Arc::new(View {
            epoch: Epoch(1),
            members: (0..4).map(|id| (AmfId(id), Incarnation(1))).collect(),
            replicas: 1,
            protocol: Protocol::Sharing,
            group: GroupView::fresh(&config.group),
            admitted: Epoch(0),
            unsynchronised: None,
            joined: Vec::new(),
            gone: Vec::new(),
        }),
        witness: WitnessInfo { up: true, doing: "stable".to_owned() },
        amfs: (0..4).map(amf).collect(),
        disks: (0..5).map(disk).collect(),
        scrub: None,
        doubt: Vec::new(),
        doubt_known: true,
        locks: locks(),
        held: Vec::new(),
        held_total: 0,
        faults: Vec::new(),
        counts: Counts {
            messages,
            retransmissions: 0,
            broadcasts: 189,
            broadcasts_saved: 1_042,
            peer_transfers: 77,
            hits: 1_563,
            misses: 521,
            disk_reads: 444,
            disk_writes: 311,
            takeovers: 0,
            views: 1,
            evictions: 12,
            destages: 140,
        },
        violations: Vec::new(),
        violations_total: 0,
        outstanding: 2,
        unsettled: Vec::new(),
        events_lost: 0,
        volatile: Some("write-back without a journal".to_owned()),
    }
}

fn lamp(block: u64, lamp: Lamp, ops: u64, why: &str) -> LampInfo {
    let why = why.to_owned();
    let busy = block == 17;
    LampInfo {
        block: Block(block),
        lamp,
        ops,
        under_way: u32::from(busy),
        open: 0,
        since: None,
        why,
    }
}

/// An operation on block 17 that began at this moment of the order; with its answer's.
fn seen(op: u64, amf: u8, what: (&str, &str), starts: u64, ends: Option<u64>, ok: bool) -> SeenOp {
    let at = |tick: u64| Instant(12_340_000_000 + tick * 137_000);
    let result = match ends {
        Some(_) if ok => "ok",
        Some(_) => "unknown-outcome",
        None => "none",
    };
    SeenOp {
        op: OpId(op),
        amf: AmfId(amf),
        kind: what.0.to_owned(),
        value: what.1.to_owned(),
        start: at(starts),
        end: ends.map(at),
        starts,
        ends,
        asked_at: None,
        answered_at: None,
        result: result.to_owned(),
    }
}

fn history(lamp: Lamp) -> BlockHistory {
    let ops = vec![
        seen(38, 0, ("write", "\"hello\""), 2, Some(5), true),
        seen(39, 2, ("read", "0"), 3, Some(4), true),
        seen(41, 1, ("read", "\"hello\""), 7, Some(11), true),
        seen(42, 2, ("write", "w1#813"), 8, Some(14), true),
        seen(43, 3, ("caw", "\"hello\" -> w2#7"), 9, Some(10), lamp == Lamp::Linearizable),
        seen(45, 1, ("read", "w1#813"), 12, Some(13), true),
        seen(46, 3, ("read", "\"hello\""), 16, Some(18), true),
        seen(47, 0, ("read", ""), 19, None, true),
    ];
    let is_bad = lamp == Lamp::Violated;
    let said = if is_bad { "no order of effects explains the answer of op46" } else { "" };
    BlockHistory {
        block: Block(17),
        lamp,
        ops,
        before: 214,
        order: if is_bad { Vec::new() } else { vec![1, 0, 2, 4, 3, 5] },
        conflict: if is_bad { vec![3, 5, 6] } else { Vec::new() },
        said: said.to_owned(),
        faults: Vec::new(),
    }
}

fn lamps() -> Lamps {
    let blocks = (0..40).map(|block| lamp(block, Lamp::Linearizable, 900 + 7 * block, ""));
    Lamps {
        violated: 0,
        unknown: 0,
        linearizable: 40,
        beyond: 0,
        until: None,
        blocks: blocks.collect(),
        history: Some(Arc::new(history(Lamp::Linearizable))),
    }
}

/// A block whose answers contradict each other, and one of which that is not known.
fn lamps_in_trouble() -> Lamps {
    let red = "no order of effects explains the answer of op46";
    let open = "not all of it could be judged: more than 64 writes were not answered";
    let worst = [lamp(17, Lamp::Violated, 41, red), lamp(3, Lamp::Unknown, 12_040, open)];
    let others = (0..40).filter(|block| ![17, 3].contains(block));
    let others = others.map(|block| lamp(block, Lamp::Linearizable, 9 * block, ""));
    Lamps {
        violated: 1,
        unknown: 1,
        linearizable: 38,
        beyond: 0,
        until: None,
        blocks: worst.into_iter().chain(others).collect(),
        history: Some(Arc::new(history(Lamp::Violated))),
    }
}

/// The same cluster in trouble: step mode, faults, an AMF down, a disk being refilled, a violation.
pub(crate) fn trouble() -> Snapshot {
    let mut now = snapshot();
    now.step_mode = true;
    now.tempo = 10;
    now.amfs[2].status = AmfStatus::Down;
    now.amfs[2].lease_left = Span(0);
    now.amfs[2].lines.clear();
    now.amfs[2].lines_used = 0;
    now.amfs[3].recovering = 3;
    now.disks[1].failed = true;
    "failed".clone_into(&mut now.disks[1].role);
    now.disks[1].slot = None;
    now.disks[4].slot = Some(1);
    now.disks[4].rebuilt = Some(412);
    "rebuilding".clone_into(&mut now.disks[4].role);
    "waiting for amf2's lease".clone_into(&mut now.witness.doing);
    now.held = (0..5)
        .map(|id| HeldInfo {
            id: 700 + id,
            from: NodeId::Amf(AmfId(1)),
            to: NodeId::Amf(AmfId(u8::try_from(id % 4).unwrap())),
            kind: Some(MsgKind::AccessExclusive),
            what: format!("access-exclusive b{} t1.130.1", 17 + id),
        })
        .collect();
    now.held_total = 5;
    now.faults = vec![
        FaultInfo {
            what: "crash amf2".to_owned(),
            receipt: "96 lines, 12 dirty, 7 replicas gone".to_owned(),
            undo: "restart amf2".to_owned(),
            since: Instant(11_200_000_000),
        },
        FaultInfo {
            what: "link amf0 amf1 drop 20%".to_owned(),
            receipt: "dropped 7 of 31 packets".to_owned(),
            undo: "link amf0 amf1 clear".to_owned(),
            since: Instant(11_900_000_000),
        },
        FaultInfo {
            what: "fail disk1".to_owned(),
            receipt: "refused 4 requests".to_owned(),
            undo: "replace disk1".to_owned(),
            since: Instant(12_000_000_000),
        },
    ];
    now.violations_total = 1;
    now.lamps = Some(lamps_in_trouble());
    now
}

fn passage(from: u8, to: u8, kind: MsgKind, block: u64, detail: &str, op: u64) -> Passage {
    Passage {
        from: AmfId(from),
        to: AmfId(to),
        kind,
        key: Some(Key::Block(Block(block))),
        detail: detail.to_owned(),
        cause: OpId(op),
        again: false,
    }
}

/// One read that finds the block modified elsewhere, with a workload's write before it.
pub(crate) fn events() -> Vec<Event> {
    let mut step = 5_000;
    let mut events = Vec::new();
    let mut add = |us: u64, node: u8, kind: EventKind| {
        step += 1;
        let now = Instant(12_340_000_000 + us * 1_000);
        events.push(Event { step, now, node: NodeId::Amf(AmfId(node)), kind });
    };
    let asked = |op, what: &str| EventKind::Asked { op: OpId(op), what: what.to_owned() };
    let answered = |op, source, value: Option<&str>| EventKind::Answered {
        op: OpId(op),
        result: Ok(vec![source]),
        value: value.map(str::to_owned),
    };
    add(0, 2, asked(39, "write b8 #812"));
    add(100, 2, answered(39, Source::Host, None));
    add(200, 1, asked(40, "read b9"));
    add(230, 1, answered(40, Source::Cache, Some("#655")));
    add(300, 3, asked(41, "read b300"));
    let search = passage(3, 0, MsgKind::AccessShared, 300, "t1.119.3", 41);
    add(310, 3, EventKind::Sent(search.clone()));
    add(360, 0, EventKind::Delivered(search));
    add(370, 3, EventKind::Sent(passage(0, 3, MsgKind::Grant, 300, "no copy", 41)));
    add(1_000, 1, asked(45, "read b17"));
    for peer in [0, 2, 3] {
        let ask = passage(1, peer, MsgKind::AccessShared, 17, "t1.120.1", 45);
        add(1_010, 1, EventKind::Sent(ask.clone()));
        add(1_060, peer, EventKind::Delivered(ask));
    }
    let wrote = EventKind::Disk {
        amf: AmfId(0),
        what: DiskWhat::Write,
        block: Block(17),
        parity: false,
        version: version(117, 0),
        error: None,
    };
    let fact = |rule, (before, after), peer| {
        let key = Some(Key::Block(Block(17)));
        EventKind::Rule(Fact { rule, key, before, after, peer, version: version(117, 0) })
    };
    let first = fact(Rule::DestageFirst, (LineState::I, LineState::I), Some(AmfId(1)));
    add(1_060, 0, first);
    add(1_200, 0, wrote);
    add(1_250, 0, fact(Rule::Destaged, (LineState::M, LineState::S), None));
    for peer in [0, 2, 3] {
        let detail = if peer == 0 { "copy v1.117.0" } else { "no copy" };
        let grant = passage(peer, 1, MsgKind::Grant, 17, detail, 45);
        add(1_300, peer, EventKind::Sent(grant.clone()));
        if peer == 2 {
            add(1_320, peer, EventKind::Lost(grant));
        } else {
            add(1_350, 1, EventKind::Delivered(grant));
        }
    }
    add(1_412, 1, answered(45, Source::Amf(AmfId(0)), Some("\"hello\"")));
    add(2_000, 0, asked(46, "write b33 #813"));
    let failed =
        EventKind::Answered { op: OpId(46), result: Err(HostError::NotServing), value: None };
    add(2_050, 0, failed);
    let view = EventKind::View { epoch: Epoch(1), members: AmfSet(0b1111) };
    add(2_100, 0, view);
    add(2_200, 2, asked(47, "read b160"));
    events
}

/// The account of the read of block 17.
pub(crate) fn completion() -> Completion {
    let mut messages = [0; MsgKind::ALL.len()];
    messages[MsgKind::AccessShared.index()] = 3;
    messages[MsgKind::Grant.index()] = 4;
    let touched = Touched {
        touch: Touch { block: Block(17), offset: 0, len: 4_096 },
        hit: false,
        source: Source::Amf(AmfId(0)),
        data: None,
    };
    Completion {
        amf: AmfId(1),
        answer: Answer {
            op: OpId(45),
            result: Ok([touched].into_iter().collect()),
            broadcasts: 1,
            saved: 0,
        },
        started: Instant(12_341_000_000),
        ended: Instant(12_341_412_000),
        messages,
        broadcasts: 1,
        saved: 0,
    }
}

/// A console on that cluster, with some seconds of history.
pub(crate) fn model(now: Snapshot) -> Model {
    let mut earlier = now.clone();
    earlier.now = Instant(500_000_000);
    for amf in &mut earlier.amfs {
        amf.ops = 0;
    }
    let mut cluster = Cluster::new(earlier.clone());
    for tick in 1..24_u64 {
        let mut then = earlier.clone();
        then.now = Instant(500_000_000 * (tick + 1));
        for (at, amf) in then.amfs.iter_mut().enumerate() {
            amf.ops = tick * (3 + at as u64 * 4) + tick * tick / 3;
        }
        cluster.take(then);
    }
    cluster.io.by_hand(OpId(45));
    for event in events() {
        cluster.event(event);
    }
    let sentence = "amf1 asked 3 AMFs, amf0 had it in its cache; 7 messages, 412 us";
    cluster.completed(&completion(), sentence);
    cluster.now = now;
    let mut model = Model::new(
        About::new(&profile()),
        cluster,
        Theme::named("terminal-16").expect("the default theme is built in"),
    );
    model.hint = false;
    model.workloads.insert("gentle".to_owned(), true);
    model.select_block(17);
    model.selected.amf = AmfId(1);
    model.selected.peer = AmfId(0);
    model
}

/// An AMF as the end of a message.
pub(crate) fn amf_node(id: u8) -> NodeId {
    NodeId::Amf(AmfId(id))
}
