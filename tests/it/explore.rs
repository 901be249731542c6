//! The state x event tables: docs/PROTOCOL.md carries them, and no run meets what they call impossible.

use amflab::campaign::direct::Director;
use amflab::campaign::stage::{Stage, Stop};
use amflab::explore::{Class, Table, explore, print};
use amflab::protocol::cell::{Cell, Lock, State, Trigger};
use amflab::protocol::id::{AmfId, Block, Span};
use amflab::protocol::{LineState, Protocol, RequestKind, Rule, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Advance, Ask, Engine, HostPort};
use std::fmt::Write as _;
use std::sync::OnceLock;

const BEGIN: &str = "<!-- tables: generated; a test compares them -->\n";
const END: &str = "<!-- end of tables -->";

/// All tables, made once: the walks take their time.
fn tables() -> &'static [Table] {
    static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
    TABLES.get_or_init(|| {
        std::thread::scope(|scope| {
            let made = Protocol::ALL.map(|protocol| scope.spawn(move || explore(protocol)));
            made.into_iter().map(|made| made.join().expect("a table")).collect()
        })
    })
}

pub(crate) fn table(protocol: Protocol) -> &'static Table {
    tables().iter().find(|table| table.protocol == protocol).expect("every protocol has one")
}

fn cell(line: LineState, lock: Lock, trigger: Trigger) -> Cell {
    Cell { state: State { line, lock }, trigger }
}

#[test]
fn the_document_has_the_tables() {
    let mut made = format!("\n```\n{}\n```\n", print::LEGEND);
    for table in tables() {
        let (name, matrix) = (table.protocol.name(), print::matrix(table));
        write!(made, "\n### {name}, by state and event\n\n```\n{matrix}```\n").expect("a string");
    }
    made.push('\n');
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PROTOCOL.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let from = text.find(BEGIN).expect("where the tables begin") + BEGIN.len();
    let to = text.find(END).expect("where they end");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, format!("{}{made}{}", &text[..from], &text[to..])).expect("written");
        return;
    }
    assert_eq!(&text[from..to], made, "BLESS=1 rewrites the tables");
}

/// What the specification says in so many words is in the tables.
#[test]
fn the_tables_say_what_the_claims_say() {
    use LineState::{E, I, L, M, O, S};
    let next = |protocol, cell| table(protocol).next(cell);
    let idle = |line| State { line, lock: Lock::Idle };
    let goes = |protocol, line, trigger, state: State| {
        let at = cell(line, Lock::Idle, trigger);
        assert_eq!(next(protocol, at), [state], "{protocol}: {at}");
    };
    for protocol in [Protocol::Broadcast, Protocol::Sharing, Protocol::Moesi, Protocol::Update] {
        // Claims 5 to 9: a miss asks, a hit does not. Claim 3: an invalidate takes the copy.
        goes(protocol, I, Trigger::Read, State { line: I, lock: Lock::WaitsShared });
        goes(protocol, S, Trigger::Read, idle(S));
        goes(protocol, S, Trigger::ExclusiveOlder, idle(I));
    }
    // Claims 10 to 12: a sole owner writes without asking; where nobody knows sharers it asks.
    goes(Protocol::Sharing, E, Trigger::Write, State { line: M, lock: Lock::HoldsExclusive });
    goes(Protocol::Broadcast, M, Trigger::Write, State { line: M, lock: Lock::WaitsExclusive });
    // H1: a dirty line is destaged before it is granted, or lent.
    goes(Protocol::Sharing, M, Trigger::SharedOlder, State { line: M, lock: Lock::Destaging });
    goes(Protocol::Moesi, M, Trigger::SharedOlder, idle(O));
    goes(Protocol::Moesi, M, Trigger::ExclusiveOlder, idle(L));
    let lent = cell(M, Lock::Idle, Trigger::ExclusiveOlder);
    assert!(table(Protocol::Moesi).rules(lent).contains(&Rule::Lend));
    // Only `update` has updates, and only lenders are superseded.
    let update = cell(I, Lock::Idle, Trigger::Update);
    assert_eq!(table(Protocol::Update).class(update), Class::Normal);
    assert_eq!(table(Protocol::Moesi).class(update), Class::Never);
    // What has left is adopted: after a fault, and only then.
    for protocol in Protocol::ALL {
        let orphaned = cell(I, Lock::Idle, Trigger::View);
        assert_eq!(table(protocol).class(orphaned), Class::Fault, "{protocol}");
        let recovers = |state: &State| state.lock == Lock::Recovering;
        assert!(next(protocol, orphaned).iter().any(recovers), "{protocol} adopts");
    }
}

/// Each protocol has rows for the states that it says its lines have, and no others.
#[test]
fn a_table_has_the_line_states_of_its_protocol() {
    for table in tables() {
        let mut states: Vec<LineState> = table.rows().iter().map(|row| row.line).collect();
        states.dedup();
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        assert_eq!(names.join(" "), table.protocol.line_states(), "{}", table.protocol);
    }
}

/// What an assertion forbids was not met, and the other way round.
#[test]
fn nothing_that_was_met_is_impossible() {
    let mut forbidden = 0;
    for table in tables() {
        for state in State::all() {
            for trigger in Trigger::ALL {
                let cell = Cell { state, trigger: *trigger };
                let why = amflab::protocol::cell::impossible(cell);
                forbidden += usize::from(why.is_some());
                assert_eq!(table.class(cell) == Class::Impossible, why.is_some(), "{cell}");
            }
        }
    }
    assert!(forbidden > 100, "assertions forbid cells: {forbidden}");
}

#[test]
fn a_protocol_does_not_differ_from_itself() {
    let sharing = table(Protocol::Sharing);
    assert_eq!(print::diff(sharing, sharing), "");
    let text = print::diff(sharing, table(Protocol::Moesi));
    assert!(text.starts_with("only moesi has: O idle"), "{text}");
    assert!(text.contains("M idle, invalidate\n  sharing Md (destage-first"), "{text}");
}

/// Runs of drawn seeds, with every kind of fault and over every layout, meet nothing that an assertion
/// forbids: it would have fired.
#[test]
fn no_seed_meets_what_is_impossible() {
    let space = crate::campaign::space("any", &[]);
    let mut met = 0;
    for seed in 0..200 {
        let drawn = space.draw(seed).expect("it fits");
        let mut stage = Stage::new(&drawn.profile, Stage::JUDGED, true);
        if drawn.beyond {
            stage.allow_beyond();
        }
        let (ended, _, _) = Director::new(&mut stage, &drawn).direct();
        assert!(!matches!(ended, Err(Stop::Found(_))), "seed {seed}: {ended:?}");
        stage.look(|sim, _| {
            let protocol = sim.world().witness().view().protocol;
            for (cell, _) in sim.world().cells().iter() {
                met += 1;
                let class = table(protocol).class(cell);
                assert!(class != Class::Impossible, "seed {seed}: {protocol}: {cell}");
            }
        });
    }
    assert!(met > 5_000, "seeds meet cells: {met}");
}

/// What happens is counted while somebody subscribes, in the simulator and in a recording of it.
#[test]
fn cells_are_counted_while_somebody_subscribes() {
    let profile = amflab::profile::load("claims", &[]).expect("a profile");
    let mut sim = Sim::new(&profile, 1, SimOptions::default());
    let ask = Ask { cells: true, ..Ask::BRIEF };
    let read = |sim: &mut Sim, amf| {
        sim.host(AmfId(amf), RequestKind::Read(Sectors::of_blocks(Block(3), 1, 8)));
        let until = sim.now() + Span::millis(100);
        sim.advance(Advance { until, steps_max: u64::MAX }).expect("it goes on");
    };
    read(&mut sim, 0);
    assert_eq!(sim.snapshot(&ask).cells.map(|cells| cells.iter().count()), Some(0));
    sim.subscribe(true);
    read(&mut sim, 1);
    read(&mut sim, 1);
    let cells = sim.snapshot(&ask).cells.expect("it was asked for");
    let miss = cells.get(cell(LineState::I, Lock::Idle, Trigger::Read)).expect("one miss");
    assert_eq!((miss.count, miss.amf, miss.block), (1, AmfId(1), Block(3)));
    let hit = cells.get(cell(LineState::S, Lock::Idle, Trigger::Read)).expect("one hit");
    assert_eq!(hit.count, 1);
    assert!(hit.step > miss.step && hit.now >= miss.now);
    assert_eq!(sim.snapshot(&Ask::BRIEF).cells, None);
}

/// In a live cluster, too: a cell is told at the step that its events have.
#[test]
fn live_cells_have_the_steps_of_their_events() {
    use amflab::live::{LiveEngine, LiveOptions};
    use amflab::trace::EventKind;
    let profile = amflab::profile::load("claims", &[]).expect("a profile");
    let mut engine = LiveEngine::start(&profile, &LiveOptions::default()).expect("it starts");
    engine.subscribe(true);
    let op = engine.host(AmfId(1), RequestKind::Read(Sectors::of_blocks(Block(3), 1, 8)));
    while engine.poll_completion().is_none_or(|done| done.answer.op != op) {
        let until = engine.now() + Span::millis(20);
        engine.advance(Advance { until, steps_max: 1 }).expect("it goes on");
    }
    let events: Vec<_> = std::iter::from_fn(|| engine.poll_event()).collect();
    let asked = events.iter().find(|event| matches!(event.kind, EventKind::Asked { .. }));
    let cells = engine.snapshot(&Ask { cells: true, ..Ask::BRIEF }).cells.expect("asked for");
    let miss = cells.get(cell(LineState::I, Lock::Idle, Trigger::Read)).expect("one miss");
    assert_eq!(Some(miss.step), asked.map(|event| event.step));
    engine.shutdown().expect("it ends");
}
