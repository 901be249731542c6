//! Sessions over a tiny engine of the tests' own: one store, no protocol, answers after 100 us. What a
//! session waits for, gives up on, prints and compares is its own doing and is tested here.

use amflab::profile;
use amflab::protocol::group::GroupView;
use amflab::protocol::id::{
    AmfId, AmfSet, Block, Epoch, Incarnation, Instant, Key, Mode, NodeId, OpId, Span,
};
use amflab::protocol::{
    Answer, Config, Data, HostError, LineState, MsgKind, RequestKind, Sectors, Source, Touched,
    View,
};
use amflab::session::{Recorder, Session, Status, run_script, sentence, why};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::action::{Action, Target};
use amflab::trace::command::{Command, HostCommand, Value};
use amflab::trace::engine::{Advance, Completion, Counts, Engine, EngineError, HostPort, Progress};
use amflab::trace::event::{Event, EventKind};
use amflab::trace::snapshot::{
    AmfInfo, AmfStatus, Ask, LineInfo, LockInfo, LockPhase, Snapshot, WitnessInfo,
};
use amflab::trace::{Limits, parse_command, parse_script};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

const TAKES: Span = Span::micros(100);
const JOINS_IN: Span = Span::millis(300);

struct Fake {
    now: Instant,
    config: Config,
    next: u64,
    content: BTreeMap<u64, Data>,
    status: Vec<AmfStatus>,
    joins: Vec<(Instant, AmfId)>,
    due: VecDeque<(Instant, OpId, AmfId, RequestKind)>,
    done: VecDeque<Completion>,
    events: VecDeque<Event>,
    held: bool,
    dirty: u32,
}

impl Fake {
    fn new(config: &Config) -> Self {
        let status = vec![AmfStatus::Serving; usize::from(config.amfs)];
        Self {
            now: Instant(0),
            config: config.clone(),
            next: 100,
            content: BTreeMap::new(),
            status,
            joins: Vec::new(),
            due: VecDeque::new(),
            done: VecDeque::new(),
            events: VecDeque::new(),
            held: false,
            dirty: 0,
        }
    }

    fn event(&mut self, amf: AmfId, kind: EventKind) {
        self.events.push_back(Event { step: 0, now: self.now, node: NodeId::Amf(amf), kind });
    }

    fn touched(&self, sectors: Sectors, read: bool) -> Vec<Touched> {
        let per = self.config.sectors_per_block();
        (0..sectors.touches(per))
            .map(|index| {
                let touch = sectors.touch(index, per);
                let zero = Data::zero(self.config.block_size);
                let data = self.content.get(&touch.block.0).cloned().unwrap_or(zero);
                let source = if read { Source::Cache } else { Source::Host };
                Touched { touch, hit: read, source, data: read.then_some(data) }
            })
            .collect()
    }

    fn perform(&mut self, op: OpId, amf: AmfId, kind: &RequestKind) {
        let per = self.config.sectors_per_block();
        let result = match kind {
            RequestKind::Read(sectors) => Ok(self.touched(*sectors, true)),
            RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
                for index in 0..sectors.touches(per) {
                    let touch = sectors.touch(index, per);
                    self.content.insert(touch.block.0, payload.part(sectors.first, touch, per));
                }
                self.dirty += 1;
                Ok(self.touched(*sectors, false))
            }
            RequestKind::Zero(sectors) => {
                self.content.remove(&sectors.touch(0, per).block.0);
                Ok(self.touched(*sectors, false))
            }
            RequestKind::CompareAndWrite { block, old, new } => {
                let zero = Data::zero(self.config.block_size);
                if self.content.get(&block.0).unwrap_or(&zero) == old {
                    self.content.insert(block.0, new.clone());
                    Ok(self.touched(Sectors::of_blocks(*block, 1, per), false))
                } else {
                    Err(HostError::Miscompare)
                }
            }
            RequestKind::Flush => Ok(Vec::new()),
        };
        self.complete(op, amf, result.map(Into::into));
    }

    fn complete(
        &mut self,
        op: OpId,
        amf: AmfId,
        result: Result<smallvec::SmallVec<[Touched; 1]>, HostError>,
    ) {
        let sources = result.as_ref().map(|t| t.iter().map(|t| t.source).collect());
        let answered = EventKind::Answered { op, result: sources.map_err(|e| *e), value: None };
        self.event(amf, answered);
        let mut messages = [0; MsgKind::ALL.len()];
        messages[MsgKind::AccessShared.index()] = 3;
        messages[MsgKind::Retire.index()] = 9;
        let answer = Answer { op, result, broadcasts: 0, saved: 0 };
        let (started, ended) = (self.now - TAKES, self.now);
        let done = Completion { amf, answer, started, ended, messages, broadcasts: 1, saved: 0 };
        self.done.push_back(done);
    }
}

impl HostPort for Fake {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        let op = OpId(self.next);
        self.next += 1;
        self.event(amf, EventKind::Asked { op, what: kind.name().to_owned() });
        match self.status[usize::from(amf.0)] {
            AmfStatus::Paused => {}
            AmfStatus::Down | AmfStatus::Joining | AmfStatus::NoLease => {
                self.complete(op, amf, Err(HostError::NotServing));
            }
            AmfStatus::Serving => self.due.push_back((self.now + TAKES, op, amf, kind)),
        }
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        self.done.pop_front()
    }
}

impl Engine for Fake {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        match action {
            Action::Crash(amf) => self.status[usize::from(amf.0)] = AmfStatus::Down,
            Action::Pause(amf) => self.status[usize::from(amf.0)] = AmfStatus::Paused,
            Action::Restart(amf) => {
                if self.status[usize::from(amf.0)] != AmfStatus::Down {
                    return Err(EngineError::Refused(format!("{amf} is up")));
                }
                self.status[usize::from(amf.0)] = AmfStatus::Joining;
                self.joins.push((self.now + JOINS_IN, amf));
            }
            Action::Hold(_) => self.held = true,
            Action::Unhold(_) => self.held = false,
            Action::Destage(Target::All) => self.dirty = 0,
            _ => {}
        }
        Ok(String::new())
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn subscribe(&mut self, _on: bool) {}

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        let lines = self.content.keys().filter(|block| (ask.first..ask.end).contains(block));
        let line = |block: &u64| LineInfo {
            block: Block(*block),
            state: LineState::M,
            version: amflab::protocol::id::Version::ZERO,
            unreplicated: false,
            destaging: false,
        };
        let lines: Vec<LineInfo> = lines.map(line).collect();
        let mut amfs: Vec<AmfInfo> =
            (0..).zip(&self.status).map(|(id, s)| amf_info(id, *s)).collect();
        amfs[0].lines = lines;
        amfs[0].dirty = self.dirty;
        Snapshot { now: self.now, amfs, ..empty(&self.config) }
    }

    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError> {
        if self.held {
            return Ok(Progress::Idle);
        }
        if let Some((at, amf)) = self.joins.first().copied()
            && at <= how.until
            && self.due.front().is_none_or(|due| due.0 > at)
        {
            self.joins.remove(0);
            self.now = at;
            self.status[usize::from(amf.0)] = AmfStatus::Serving;
            return Ok(Progress::Stepped);
        }
        match self.due.pop_front() {
            Some((at, op, amf, kind)) if at <= how.until => {
                self.now = at;
                self.perform(op, amf, &kind);
                Ok(Progress::Stepped)
            }
            other => {
                self.due.extend(other);
                self.now = how.until;
                Ok(Progress::Deadline)
            }
        }
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn config(&self) -> &Config {
        &self.config
    }

    fn is_settled(&mut self) -> bool {
        self.due.is_empty() && self.joins.is_empty()
    }

    fn shutdown(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

fn amf_info(id: u8, status: AmfStatus) -> AmfInfo {
    let (epoch, incarnation) = (Epoch(1), Incarnation(1));
    AmfInfo { status, epoch, incarnation, ..AmfInfo::down(AmfId(id), 8) }
}

fn empty(config: &Config) -> Snapshot {
    Snapshot {
        recording: None,
        lamps: None,
        cells: None,
        lens: None,
        beside: None,
        engine: "sim",
        now: Instant(0),
        step: 0,
        step_mode: false,
        tempo: 1_000,
        view: Arc::new(View {
            epoch: Epoch(1),
            members: Vec::new(),
            replicas: 1,
            protocol: config.protocol,
            group: GroupView::fresh(&config.group),
            admitted: Epoch(0),
            unsynchronised: None,
            joined: Vec::new(),
            gone: Vec::new(),
        }),
        witness: WitnessInfo { up: true, doing: "stable".to_owned() },
        amfs: Vec::new(),
        disks: Vec::new(),
        scrub: None,
        doubt: Vec::new(),
        doubt_known: true,
        locks: Vec::new(),
        held: Vec::new(),
        held_total: 0,
        faults: Vec::new(),
        counts: Counts::default(),
        violations: Vec::new(),
        violations_total: 0,
        outstanding: 0,
        unsettled: vec!["a thing".to_owned()],
        events_lost: 0,
        volatile: None,
    }
}

fn session() -> (Session, Limits) {
    let profile = profile::load("claims", &[]).expect("a built-in profile");
    let limits = Limits::of(&profile, Path::new("."));
    (Session::new(Box::new(Fake::new(&profile.config)), &profile), limits)
}

fn run(text: &str) -> (Vec<(Status, String)>, Session) {
    let (mut session, limits) = session();
    let mut reports = Vec::new();
    for line in text.lines() {
        let command = parse_command(line, &limits).unwrap_or_else(|e| panic!("{line}: {e}"));
        let report = session.execute(&command).expect("a fake does not break");
        reports.push((report.status, report.lines.join("; ")));
    }
    (reports, session)
}

fn statuses(text: &str) -> Vec<Status> {
    run(text).0.into_iter().map(|(status, _)| status).collect()
}

use Status::{Failed, Fine, Refused};

#[test]
fn a_host_command_waits_for_its_answer_and_an_expectation_reads_it() {
    let text = "write amf0 3 \"alpha\"\nread amf1 3\nexpect value amf1 3 \"alpha\"\n\
                expect value amf0 3 \"alpha\"\nexpect value amf1 3 \"beta\"\nexpect source cache";
    let (reports, _) = run(text);
    let statuses: Vec<Status> = reports.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [Fine, Fine, Fine, Fine, Failed, Fine]);
    assert_eq!(reports[4].1, "it is \"alpha\", not \"beta\"");
    assert_eq!(reports[1].1, "amf1 had it in its own cache; 3 messages, 100 us");
}

#[test]
fn expectations_speak_of_the_last_command_written_not_of_their_own_reads() {
    let text = "write amf0 3 \"a\"\nexpect value amf1 3 \"a\"\nexpect source host\n\
                expect messages access-shared 3\nexpect messages grant 1\nexpect broadcasts 1\n\
                caw amf0 3 \"b\" \"c\"\nexpect error miscompare\nexpect error media\nexpect source cache";
    let caw = Status::HostError(HostError::Miscompare);
    assert_eq!(statuses(text), [Fine, Fine, Fine, Fine, Failed, Fine, caw, Fine, Failed, Failed]);
}

#[test]
fn an_answer_is_waited_for_no_longer_than_the_host_does() {
    let (reports, session) = run("pause amf1\nread amf1 3\nexpect error timeout");
    assert_eq!(reports[1].0, Status::HostError(HostError::Timeout));
    assert_eq!(reports[2].0, Fine);
    assert_eq!(session.now(), Instant(0) + Span::secs(10), "virtual time, all of it");
}

#[test]
fn a_host_command_waits_while_its_amf_joins() {
    let (reports, session) = run("crash amf1\nread amf1 3\nrestart amf1\nread amf1 3");
    assert_eq!(reports[1].0, Status::HostError(HostError::NotServing));
    assert_eq!(reports[3].0, Fine);
    assert_eq!(session.now(), Instant(0) + JOINS_IN + TAKES);
}

#[test]
fn a_labelled_command_goes_on_and_is_awaited() {
    let text = "a: write amf0 3 \"x\"\nexpect result a pending\nexpect result a ok\nawait a\n\
                expect result a ok\nawait b\nr: read amf0 3\nawait r\nexpect value amf0 3 \"x\"";
    assert_eq!(statuses(text), [Fine, Fine, Failed, Fine, Fine, Refused, Fine, Fine, Fine]);
}

#[test]
fn run_until_and_settle_run_out() {
    let text = "run-until state amf0 3 M within 1s\nwrite amf0 3 \"x\"\nrun-until state amf0 3 M\n\
                expect state amf0 3 M\nexpect state amf0 3 S\na: read amf1 3\nsettle\nexpect result a ok\n\
                run-until view 2 within 5s\nwait 2s";
    let (reports, session) = run(text);
    let statuses: Vec<Status> = reports.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [Failed, Fine, Fine, Fine, Failed, Fine, Fine, Fine, Failed, Fine]);
    assert!(reports[0].1.contains("amf0 has block 3 in I"), "{}", reports[0].1);
    assert_eq!(session.now(), Instant(0) + Span::secs(8) + TAKES + TAKES);
}

/// Once found, it is behind: the same condition waits for the next time.
#[test]
fn run_until_finds_what_an_amf_or_a_disk_did() {
    let profile = profile::load("claims", &[]).expect("a built-in profile");
    let sim = Sim::new(&profile, 1, SimOptions::default());
    let mut session = Session::new(Box::new(sim), &profile);
    let limits = Limits::of(&profile, Path::new("."));
    let mut give = |text: &str| {
        let command = parse_command(text, &limits).expect(text);
        session.execute(&command).expect("no break").status
    };
    assert_eq!(give("write amf0 3 \"x\""), Fine);
    assert_eq!(give("f: flush amf0"), Fine);
    assert_eq!(give("run-until written disk1 3"), Fine);
    assert_eq!(give("run-until applied destaged amf0"), Fine);
    for not in ["written disk1 3", "written disk1 4", "applied destaged amf0", "applied join amf0"]
    {
        assert_eq!(give(&format!("run-until {not} within 100ms")), Failed, "{not}");
    }
}

#[test]
fn where_everything_is_held_nobody_waits_for_ever() {
    let text =
        "write amf0 3 \"x\"\nhold on\nread amf0 3\nsettle\nrun-until view 2\ndestage all\nhold off";
    let timeout = Status::HostError(HostError::Timeout);
    assert_eq!(statuses(text), [Fine, Fine, timeout, Failed, Failed, Fine, Fine]);
}

#[test]
fn what_an_engine_refuses_is_a_failure_and_the_next_command_runs() {
    let (reports, _) = run("restart amf0\nwrite amf0 3 \"x\"");
    assert_eq!(reports[0], (Refused, "amf0 is up".to_owned()));
    assert_eq!(reports[1].0, Fine);
}

#[test]
fn a_workload_asks_until_it_is_stopped() {
    let profile = profile::load("demo", &[]).expect("a built-in profile");
    let limits = Limits::of(&profile, Path::new("."));
    let name = &limits.workloads[0];
    let mut session = Session::new(Box::new(Fake::new(&profile.config)), &profile);
    let give = |session: &mut Session, text: &str| {
        let command = parse_command(text, &limits).expect(text);
        session.execute(&command).expect("no break").status
    };
    let asked = |session: &Session, mark| {
        session.events_since(mark).filter(|e| matches!(e.kind, EventKind::Asked { .. })).count()
    };
    assert_eq!(give(&mut session, &format!("workload start {name}")), Fine);
    assert_eq!(give(&mut session, &format!("workload start {name}")), Refused);
    assert_eq!(give(&mut session, "wait 5s"), Fine);
    let rate = profile.workloads[0].rate.expect("the gentle workload has a rate");
    let (low, high) = (rate * 4.0, rate * 6.0);
    let count = asked(&session, 0);
    assert!((low..high).contains(&f64::from(u32::try_from(count).expect("few"))), "{count}");
    assert_eq!(give(&mut session, &format!("workload stop {name}")), Fine);
    assert_eq!(session.workloads_running().count(), 0);
    let mark = session.mark();
    assert_eq!(give(&mut session, "wait 5s"), Fine);
    assert_eq!(asked(&session, mark), 0);
    assert_eq!(give(&mut session, &format!("workload stop {name}")), Fine, "it is stopped already");
    assert_eq!(asked(&session, mark), 0);
}

/// The console takes a cluster's answers and makes its requests in parts, and reads keys in between.
#[test]
fn what_is_due_is_asked_and_told_in_parts() {
    let text = "[[workload]]\nname = \"main\"\nrate = 0\nqueue_depth = 3\n";
    let profile = profile::parse("test", "test.toml", text, &[]).expect("a good profile");
    let mut session = Session::new(Box::new(Fake::new(&profile.config)), &profile);
    let all = 3 * u32::from(profile.config.amfs);
    let asked = |session: &Session, mark| {
        let is_asked = |event: &&Event| matches!(event.kind, EventKind::Asked { .. });
        u32::try_from(session.events_since(mark).filter(is_asked).count()).expect("few")
    };
    let start = Command::Workload(true, "main".to_owned());
    session.execute(&start).expect("no break");
    session.pump();
    assert_eq!(asked(&session, 0), all, "as many as may be under way");
    // All of them are answered, and nobody has looked yet.
    let until = session.now() + TAKES + TAKES;
    for _ in 0..all {
        session.engine().advance(Advance { until, steps_max: 1 }).expect("no break");
    }
    let mark = session.mark();
    let mut more = session.pump_some(2);
    let mut turns = 1;
    while more {
        more = session.ask_some(2);
        turns += 1;
        assert!(turns <= all, "it comes to an end");
    }
    session.pump();
    assert!(turns > 1, "in parts");
    let (mut at, mut told) = (mark, 0);
    while at < session.mark() {
        let (events, next) = session.some_events_since(at, 3);
        assert!((1..=3).contains(&events.len()) && next == at + events.len() as u64);
        (at, told) = (next, told + events.len());
    }
    assert_eq!(told, session.events_since(mark).count(), "every event once");
    assert_eq!(asked(&session, mark), all, "each answer makes room for one");
}

/// A start brings those before it and those with it; what comes after waits, and a stop ends the waiting.
#[test]
fn workloads_wait_for_each_other_and_come_together() {
    let text = "[[workload]]\nname = \"first\"\nrate = 10\nops = 20\n\
                [[workload]]\nname = \"main\"\nafter = \"first\"\nrate = 10\n\
                [[workload]]\nname = \"beside\"\nwith = \"main\"\nrate = 1\n";
    let profile = profile::parse("test", "test.toml", text, &[]).expect("a good profile");
    let limits = Limits::of(&profile, Path::new("."));
    let mut session = Session::new(Box::new(Fake::new(&profile.config)), &profile);
    let give = |session: &mut Session, text: &str| {
        let command = parse_command(text, &limits).expect(text);
        session.execute(&command).expect("no break").status
    };
    let running = |session: &Session| {
        let mut names: Vec<String> = session.workloads_running().map(str::to_owned).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(give(&mut session, "workload start main"), Fine);
    assert_eq!(running(&session), "beside first main");
    assert_eq!(give(&mut session, "workload start beside"), Fine, "it came with the other");
    assert_eq!(give(&mut session, "workload start main"), Refused);
    assert_eq!(give(&mut session, "wait 1s"), Fine);
    assert_eq!(running(&session), "beside first main", "main waits: two seconds are not over");
    assert_eq!(give(&mut session, "wait 5s"), Fine);
    assert_eq!(running(&session), "beside main", "the first has ended");
    assert_eq!(give(&mut session, "workload stop main"), Fine);
    assert_eq!(give(&mut session, "workload start main"), Fine);
    assert_eq!(running(&session), "beside main", "the first is not run again");
    let mut other = Session::new(Box::new(Fake::new(&profile.config)), &profile);
    assert_eq!(give(&mut other, "workload start main"), Fine);
    assert_eq!(give(&mut other, "workload stop main"), Fine);
    assert_eq!(give(&mut other, "wait 5s"), Fine);
    assert_eq!(running(&other), "beside", "what was stopped while it waited does not begin");
}

fn run_text(text: &str, bless: bool) -> (amflab::session::ScriptReport, amflab::trace::Script) {
    let (mut session, limits) = session();
    let script = parse_script(text, "test", &limits).expect("a sound script");
    let report = run_script(&mut session, &script, bless, &mut |_| {}).expect("no break");
    (report, script)
}

const TRACED: &str = "\
# Why: to see.
write amf0 3 \"x\"
| ? amf0 asked op1 write
| = amf0 answered op1 ok from host
| ~ ok
| ~ sent access-shared 3
| ~ b3 amf0:M
expect value amf1 3 \"x\"
| ? amf1 asked op2 read
| = amf1 answered op2 ok from cache
caw amf1 3 \"y\" \"z\"
| ? amf1 asked op3 caw
| ! amf1 answered op3 miscompare
| ~ miscompare
| ~ sent access-shared 3
| ~ b3 amf0:M
crash amf1
";

#[test]
fn a_script_compares_what_happened_with_what_it_says() {
    let (report, script) = run_text(TRACED, false);
    assert!(report.is_fine(), "{:#?}", report.failures);
    assert_eq!(script.blessed(&report.traces), TRACED, "a bless would change nothing");
    let other = TRACED.replace("| = amf1 answered op2 ok from cache", "| = amf1 said nothing");
    let (report, _) = run_text(&other, false);
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].line, 8);
    assert_eq!(
        report.failures[0].difference,
        [
            "the trace differs after 1 lines:",
            "- = amf1 said nothing",
            "+ = amf1 answered op2 ok from cache"
        ]
    );
    let (report, script) = run_text(&other, true);
    assert!(report.is_fine());
    assert_eq!(script.blessed(&report.traces), TRACED);
}

#[test]
fn a_failed_expectation_fails_the_script_and_a_host_error_does_not() {
    let (report, _) =
        run_text("caw amf0 1 \"a\" \"b\"\nexpect state amf0 1 M\nread amf0 1\n", false);
    let lines: Vec<u32> = report.failures.iter().map(|line| line.line).collect();
    assert_eq!(lines, [2]);
    assert!(!report.is_fine());
}

#[test]
fn a_saved_session_is_a_script() {
    let (_, limits) = session();
    let mut recorder = Recorder::new("claims", 7, vec!["cache.lines=4".to_owned()]);
    let write = HostCommand::Write(AmfId(0), Block(3), Value::Text("x y".to_owned()));
    recorder.give(Instant(0), &Command::Host(write));
    recorder.give(Instant(0) + Span::millis(30), &Command::Settle);
    let settle = recorder.give(Instant(0) + Span::millis(31), &Command::Settle);
    recorder.failed(settle);
    recorder.give(Instant(0) + Span::millis(430), &Command::Act(Action::Crash(AmfId(1))));
    let text = recorder.text();
    assert_eq!(
        text,
        "# profile: claims\n# seed: 7\n# set: cache.lines=4\n\n\
         write amf0 3 \"x y\"\nsettle\n# failed: settle\nwait 400ms\ncrash amf1\n"
    );
    let script = parse_script(&text, "saved", &limits).expect("a sound script");
    assert_eq!(script.head.seed, Some(7));
    assert_eq!(script.entries.len(), 4);
}

#[test]
fn a_sentence_tells_what_the_claims_say() {
    let read = HostCommand::Read(AmfId(1), Block(3), 1);
    let write = HostCommand::Write(AmfId(1), Block(3), Value::Hex(vec![1]));
    let (_, session_limits) = session();
    let touch = Sectors::of_blocks(Block(3), 1, session_limits.block_size / 512).touch(0, 8);
    let done = |source, messages: &[(MsgKind, u64)], broadcasts, saved| {
        let touched = Touched { touch, hit: false, source, data: None };
        let mut by_kind = [0; MsgKind::ALL.len()];
        for (kind, count) in messages {
            by_kind[kind.index()] = *count;
        }
        let result = Ok([touched].into_iter().collect());
        let answer = Answer { op: OpId(1), result, broadcasts: 0, saved: 0 };
        let ended = Instant(412_000);
        let (amf, started) = (AmfId(1), Instant(0));
        Completion { amf, answer, started, ended, messages: by_kind, broadcasts, saved }
    };
    let three = [(MsgKind::AccessShared, 3), (MsgKind::Grant, 3)];
    assert_eq!(
        sentence::sentence(&read, &done(Source::Amf(AmfId(0)), &three, 1, 0), 4),
        "amf1 asked 3 AMFs, amf0 had it in its cache; 6 messages, 412 us"
    );
    assert_eq!(
        sentence::sentence(
            &read,
            &done(Source::Disk(amflab::protocol::id::DiskId(2)), &three, 1, 0),
            4
        ),
        "amf1 asked 3 AMFs, nobody had it, disk2 gave it; 6 messages, 412 us"
    );
    let copies = [(MsgKind::Replicate, 1), (MsgKind::ReplicateAck, 1)];
    assert_eq!(
        sentence::sentence(&write, &done(Source::Host, &copies, 0, 1), 4),
        "amf1: not shared, no broadcast, 1 replica; 2 messages, 412 us"
    );
    let five = [(MsgKind::AccessExclusive, 5), (MsgKind::Grant, 2)];
    assert_eq!(
        sentence::sentence(&write, &done(Source::Host, &five, 1, 0), 4),
        "amf1 told 3 AMFs (again after a view change) to invalidate; 7 messages, 412 us"
    );
}

#[test]
fn why_follows_the_chain_of_waiting() {
    let profile = profile::load("claims", &[]).expect("a built-in profile");
    let lock = |amf: u8, phase, missing: AmfSet| LockInfo {
        key: Key::Block(Block(3)),
        amf: AmfId(amf),
        phase,
        mode: Mode::Exclusive,
        ticket: None,
        missing,
        deferred: Vec::new(),
        queued: 0,
        age: Span::millis(12),
        cause: OpId(1),
    };
    let mut snapshot = empty(&profile.config);
    snapshot.amfs = (0..3).map(|id| amf_info(id, AmfStatus::Serving)).collect();
    snapshot.amfs[2].status = AmfStatus::Paused;
    let mut missing = AmfSet::only(AmfId(1));
    missing.insert(AmfId(2));
    snapshot.locks =
        vec![lock(0, LockPhase::Waiting, missing), lock(1, LockPhase::Holding, AmfSet::EMPTY)];
    let lines = why::why(&snapshot, AmfId(0), Block(3));
    assert_eq!(
        lines,
        [
            "amf0 waits for exclusive access to b3; amf1,amf2 have not granted yet (since 12 ms)",
            "  the request to amf1, or its grant, is under way",
            "    amf1 holds exclusive access to b3 (since 12 ms)",
            "  amf2 does not answer - it is paused",
            "    amf2 has nothing to do with b3 - it is paused",
        ]
    );
    snapshot.locks.clear();
    let lines = why::why(&snapshot, AmfId(0), Block(3));
    assert_eq!(lines, ["amf0 has nothing to do with b3", "nobody has: b3 is free"]);
}
