//! Builds a live cluster from a profile and a data folder, runs its threads, and ends it in order.

use super::blocks::Blocks;
use super::clock::{Clock, TEMPO_FULL};
use super::cluster::{Cluster, Found};
use super::delivery::{PUMP_TURNS_MAX, PUMP_TURNS_SHORT};
use super::events::Events;
use super::fabric::Fabric;
use super::hosts::Hosts;
use super::inbox::{Inbox, Worklist};
use super::keeper::Keeper;
use super::node::{AmfState, DiskState, DiskStore, Node, Row, WitnessState};
use super::steps::StepLog;
use super::timer::{Pool, Signal, Timer};
use crate::profile::{Durability, Profile, StoreEngine};
use crate::protocol::Many;
use crate::protocol::disk::Disk;
use crate::protocol::group::{Group, GroupView, SlotState};
use crate::protocol::id::{AmfId, DiskId, Epoch, Instant, NodeId, Span};
use crate::protocol::witness::Witness;
use crate::protocol::{Amf, AmfInput, Config, Nvram};
use crate::store::{
    BlockStore, Faulty, Folder, OpenDisk, OpenError, OpenJournal, StoreFault, Worker, open_all,
};
use crate::trace::recording::{Bounds, Origin, Recorder};
use crate::trace::{Control, EngineError, EventKind, HoldFilter, Step};
use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Threads that finish deliveries which others had no time for.
const HELPERS: usize = 2;
/// Without synchronous durability, disks are made durable this often while they are written.
const SYNC_EVERY: Duration = Duration::from_millis(500);
/// A clean end waits so long for dirty lines to reach the disks.
const SHUTDOWN_MAX: Duration = Duration::from_secs(15);
/// With a fault in force, it ends when nothing has moved for so long.
const STUCK_MAX: Duration = Duration::from_secs(2);
/// A deadline that stays in the past is looked at again after this.
const TIMER_PAUSE: Duration = Duration::from_millis(1);
/// Far deadlines may wait this long for each other, so that one wake-up serves them all.
const TIMER_SLACK: Span = Span::millis(5);
const TIMER_FAR: Span = Span::millis(100);
/// How often the cluster-wide invariants are sampled while anything happens.
const SAMPLE_EVERY: Span = Span::millis(250);

/// How a live cluster is run.
#[derive(Clone, Debug, Default)]
pub struct LiveOptions {
    /// Where the disks are kept; `None`: in a temporary folder that goes with the cluster.
    pub data_dir: Option<PathBuf>,
    /// Keep the steps, so that the run can be recorded, also from later on
    /// ([`crate::trace::Action::Record`]).
    pub keep_steps: bool,
    /// Wrap every disk's store: for tests that must fail.
    pub store_fault: Option<StoreFault>,
}

/// The cluster, its threads, and what was wrong with its disks.
pub(super) type Started = (Arc<Cluster>, Vec<JoinHandle<()>>, Vec<String>);

/// Builds the cluster and its threads.
pub(super) fn start(profile: &Profile, options: &LiveOptions) -> Result<Started, OpenError> {
    let config = Arc::new(profile.config.clone());
    let temp = match (&options.data_dir, profile.store.engine) {
        (None, StoreEngine::Sled) => Some(temporary()?),
        (Some(_), _) | (None, StoreEngine::Memory) => None,
    };
    let path = options.data_dir.clone().or_else(|| temp.as_ref().map(|t| t.path().to_owned()));
    let folder = path.as_deref().map(Folder::lock).transpose()?;
    let opened = open_all(folder, &config, &profile.store, temp.is_some())?;
    let fences = opened.disks.iter().map(|disk| disk.fence).max().unwrap_or_default();
    let before = opened.state.witness_epoch.max(fences);
    let was_used = before > Epoch(0);
    let clean = opened.state.clean && opened.disks.iter().all(|disk| disk.clean);
    let group = opened.state.view.as_ref().map(|view| view.group.clone());
    let group = group.unwrap_or_else(|| GroupView::fresh(&config.group));
    let first = Epoch(before.0 + 1);
    let whole = |amf: AmfId| {
        let journal = opened.journals.get(usize::from(amf.0));
        config.journal && journal.is_some_and(|journal| journal.content.is_whole())
    };
    let gone = opened
        .state
        .view
        .as_ref()
        .map(|view| view.gone_at_restart(config.amfs, first, clean, whole));
    let gone = gone.unwrap_or_default();
    let origin = Origin {
        epoch: first,
        unclean: was_used && !clean,
        group: opened.state.view.is_some().then(|| group.clone()),
        gone: gone.clone(),
        fences: opened.disks.iter().map(|disk| disk.fence).collect(),
        blank: !was_used,
        journals: opened.journals.iter().map(|journal| journal.content.clone()).collect(),
    };
    let kept = if options.keep_steps { Bounds::USUAL } else { Bounds::NONE };
    let nodes = (config.amfs, config.disks_all());
    let recorder = Recorder::new(profile.head("live", origin), nodes, kept);
    let steps = Arc::new(StepLog::new(recorder));
    let witness = Witness::resume(&config, first, group, gone, was_used && !clean, Instant(0));

    let row = Row { amfs: usize::from(config.amfs), disks: opened.disks.len() };
    let now = Instant(0);
    let view = Arc::clone(witness.view());
    let mut journals = opened.journals;
    let amf = |id: u8| {
        let content = journals.get_mut(usize::from(id)).map(|j| core::mem::take(&mut j.content));
        let content = content.unwrap_or_default();
        let machine = Amf::member(&config, AmfId(id), &view, content.clone(), now);
        Node::new(AmfState::new(machine, row.len(), Nvram::with(content)))
    };
    let amfs: Vec<_> = (0..config.amfs).map(amf).collect();
    let disks = opened
        .disks
        .iter()
        .zip(0..)
        .map(|(open, id)| disk(&config, id, open.fence, !was_used, row));
    let disks = disks.collect();
    let mut keeper = Keeper::new(opened.folder, temp, opened.state);
    keeper.persist(view.epoch, &view);

    let witness =
        WitnessState { machine: witness, down: None, unsaved: None, sent: vec![0; row.len()] };
    let cluster = Arc::new(Cluster {
        row,
        clock: Clock::new(config.lease),
        steps,
        fabric: Fabric::new(profile.link, config.amfs, profile.seed),
        events: Events::default(),
        hosts: Hosts::default(),
        amfs,
        witness: Node::new(witness),
        disks,
        stores: (0..row.disks).map(|_| DiskStore::default()).collect(),
        journals: journals.iter().map(|_| DiskStore::default()).collect(),
        inboxes: (0..row.len()).map(|_| Inbox::default()).collect(),
        timer: Timer::default(),
        pool: Pool::default(),
        signal: Signal::default(),
        found: Mutex::new(Found::default()),
        keeper: Mutex::new(keeper),
        gate: AtomicBool::new(false),
        ended: AtomicBool::new(false),
        switch: Mutex::new(None),
        defect: Mutex::new(profile.config.defect.map(|defect| (defect, now))),
        window_at: AtomicU64::new(0),
        first_epoch: view.epoch,
        progress: Mutex::new((0, now)),
        recorder: Mutex::new(None),
        group: Group::new(&config.group),
        profile: profile.clone(),
        config,
    });
    let disks = opened.disks.iter().filter_map(|disk| disk.trouble.clone());
    let troubles = disks.chain(journals.iter().filter_map(|j| j.trouble.clone())).collect();
    let threads = run(&cluster, opened.disks, journals, options.store_fault)
        .map_err(|error| OpenError::Io { path: PathBuf::from("a thread"), error })?;
    Ok((cluster, threads, troubles))
}

fn temporary() -> Result<tempfile::TempDir, OpenError> {
    tempfile::Builder::new()
        .prefix("amflab-")
        .tempdir()
        .map_err(|error| OpenError::Io { path: std::env::temp_dir(), error })
}

fn disk(config: &Arc<Config>, id: u8, fence: Epoch, blank: bool, row: Row) -> Node<DiskState> {
    Node::new(DiskState {
        machine: Disk::new(config, DiskId(id), fence),
        failed: None,
        stale_results: 0,
        sent: vec![0; row.len()],
        blocks: Blocks::new(blank),
        asked: FxHashMap::default(),
    })
}

/// Starts the threads: one a disk, the timer, the helpers.
fn run(
    cluster: &Arc<Cluster>,
    disks: Vec<OpenDisk>,
    journals: Vec<OpenJournal>,
    fault: Option<StoreFault>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let every = match cluster.profile.store.durability {
        Durability::Sync | Durability::None => None,
        Durability::Interval => Some(SYNC_EVERY),
    };
    for (open, id) in disks.into_iter().zip((0..).map(DiskId)) {
        let store: Box<dyn BlockStore> = match fault {
            Some(fault) => Box::new(Faulty::new(open.store, fault)),
            None => open.store,
        };
        // Weak: a disk's thread must not be the last to hold the cluster that would join it.
        let weak = Arc::downgrade(cluster);
        let worker = Worker::spawn(id.to_string(), store, every, move |results| {
            if let Some(cluster) = weak.upgrade() {
                cluster.stored(id, results);
            }
        })?;
        *cluster.stores[usize::from(id.0)].worker() = Some(worker);
    }
    for (open, id) in journals.into_iter().zip((0..).map(AmfId)) {
        let weak = Arc::downgrade(cluster);
        let name = format!("journal{}", id.0);
        let worker = Worker::spawn(name, open.store, every, move |results| {
            if let Some(cluster) = weak.upgrade() {
                cluster.journalled(id, results);
            }
        })?;
        *cluster.journals[usize::from(id.0)].worker() = Some(worker);
    }
    begin(cluster);
    let recorder = cluster.steps.spawn()?;
    *cluster.recorder.lock().unwrap_or_else(PoisonError::into_inner) = recorder;
    let mut threads = Vec::new();
    let timer = Arc::clone(cluster);
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new().name(name.to_owned()).spawn(work)
    };
    threads.push(spawn("timer", Box::new(move || run_timer(&timer)))?);
    for _ in 0..HELPERS {
        let helper = Arc::clone(cluster);
        threads.push(spawn("helper", Box::new(move || run_helper(&helper)))?);
    }
    Ok(threads)
}

/// What the machines say of themselves, before any step.
fn begin(cluster: &Cluster) {
    let mut work = Worklist::new();
    for (node, id) in cluster.amfs.iter().zip((0..).map(AmfId)) {
        let mut turn = cluster.first_turn(NodeId::Amf(id), &mut work);
        cluster.drain_amf(id, &mut node.lock(), &mut turn);
        cluster.end_turn(turn);
    }
    cluster.witness.set_deadline(cluster.witness.lock().machine.deadline());
    for node in &cluster.disks {
        node.set_deadline(node.lock().machine.deadline());
    }
    cluster.pump(&mut work, PUMP_TURNS_MAX);
}

fn run_helper(cluster: &Cluster) {
    while let Some(index) = cluster.pool.next() {
        let mut work = Worklist::from_iter([index]);
        cluster.pump(&mut work, PUMP_TURNS_MAX);
    }
}

/// Late packets, deadlines, samples. Its turns are short: renewals go through it and must not queue
/// behind I/O.
fn run_timer(cluster: &Cluster) {
    let mut sampled = (Instant(0), 0);
    let mut removed = Span(0);
    while !cluster.ended.load(Ordering::SeqCst) {
        cluster.timer.look();
        let now = cluster.clock.now();
        let mut work = Worklist::new();
        cluster.deliver_due(now, &mut work);
        if !cluster.clock.is_stopped() {
            for index in 0..cluster.row.len() {
                let node = cluster.row.node(index);
                if cluster.deadline(node) <= now {
                    cluster.tick(node, &mut work);
                }
            }
        }
        cluster.pump(&mut work, PUMP_TURNS_SHORT);
        cluster.go_on_switching();
        let gone = cluster.clock.removed();
        if gone != removed {
            let jump = Span(gone.0 - removed.0);
            let text = format!("the process did not run: {jump} taken out of the clock");
            cluster.tell(NodeId::Witness, EventKind::Note(text));
            removed = gone;
        }
        let steps = cluster.steps.count();
        let moved = steps != sampled.1;
        if moved && now >= sampled.0 + SAMPLE_EVERY {
            cluster.sample();
            sampled = (now, steps);
        }
        let until = sleep_until(cluster, now, moved.then(|| sampled.0 + SAMPLE_EVERY));
        let real = cluster.clock.wait_for(until).map_or(cluster.clock.heartbeat(), |real| {
            real.clamp(TIMER_PAUSE, cluster.clock.heartbeat())
        });
        cluster.timer.sleep(until, real);
    }
}

fn sleep_until(cluster: &Cluster, now: Instant, sample: Option<Instant>) -> Instant {
    let (_, deadline) = cluster.next_deadline();
    let far = deadline.since(now) > TIMER_FAR && deadline != Instant::NEVER;
    let deadline = if far { deadline + TIMER_SLACK } else { deadline };
    let switch = if cluster.is_switching() { now + TIMER_SLACK } else { Instant::NEVER };
    let sample = sample.unwrap_or(Instant::NEVER);
    deadline.min(cluster.fabric.next_due()).min(switch).min(sample)
}

impl Cluster {
    /// Delivers late packets that are due.
    pub(super) fn deliver_due(&self, now: Instant, work: &mut Worklist) {
        for (to, item, cut) in self.fabric.due(now) {
            if cut {
                self.lose(to, item);
            } else {
                self.put(self.row.index(to), item, work);
            }
        }
    }

    /// Destages everything, ends all threads but the caller's, closes the disks.
    pub(super) fn shut_down(&self, threads: Vec<JoinHandle<()>>) -> Result<(), EngineError> {
        self.let_go();
        self.gate.store(true, Ordering::SeqCst);
        let clean = self.write_back();
        self.end_threads(threads);
        self.end_recording();
        let view = Arc::clone(self.witness.lock().machine.view());
        let mut troubles = Vec::new();
        for (store, id) in self.stores.iter().zip((0..).map(DiskId)) {
            let worker = store.worker().take();
            // A disk that the view does not trust any more was complained about when it failed.
            let slot = view.group.slots.iter().find(|slot| slot.disk == id);
            let trusted = slot.is_some_and(|slot| slot.state == SlotState::Online);
            if let Some(Err(why)) = worker.map(Worker::close)
                && trusted
            {
                troubles.push(why);
            }
        }
        for journal in &self.journals {
            let worker = journal.worker().take();
            troubles.extend(worker.map(Worker::close).and_then(Result::err));
        }
        let mut keeper = self.keeper();
        keeper.close(clean.is_ok() && troubles.is_empty() && view.unsynchronised.is_none());
        troubles.extend(keeper.trouble().map(str::to_owned));
        clean?;
        troubles.into_iter().next().map_or(Ok(()), |why| Err(EngineError::Broken(why)))
    }

    /// Ends everything at once, as a kill would; for an engine that is dropped.
    pub(super) fn abandon(&self, threads: Vec<JoinHandle<()>>) {
        self.end_threads(threads);
        self.end_recording();
        for store in self.stores.iter().chain(&self.journals) {
            let worker = store.worker().take();
            if let Some(worker) = worker {
                worker.abandon();
            }
        }
        let mut keeper = self.keeper();
        if keeper.is_temporary() {
            keeper.close(false);
        }
    }

    fn end_threads(&self, threads: Vec<JoinHandle<()>>) {
        self.ended.store(true, Ordering::SeqCst);
        self.timer.nudge();
        self.pool.end();
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn end_recording(&self) {
        let thread = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.steps.end(thread);
    }

    /// Full speed, nothing held, nothing paused: what is under way can finish.
    fn let_go(&self) {
        let mut work = Worklist::new();
        self.clock.set_tempo(TEMPO_FULL);
        self.clock.stop(false);
        if let Ok(free) = self.fabric.unhold(HoldFilter::ALL) {
            for (to, item) in free {
                self.put(self.row.index(to), item, &mut work);
            }
        }
        self.pump(&mut work, PUMP_TURNS_MAX);
        self.timer.nudge();
    }

    /// Destages all dirty lines and waits for them. What cannot be written is named.
    fn write_back(&self) -> Result<(), EngineError> {
        let begun = std::time::Instant::now();
        let mut progress = (self.moved_so_far(), begun);
        loop {
            let mut dirty = Vec::new();
            let mut work = Worklist::new();
            for (node, id) in self.amfs.iter().zip((0..).map(AmfId)) {
                let mut state = node.lock();
                let lines = state.machine.as_ref().map_or(0, Amf::dirty);
                if lines > 0 {
                    dirty.push(format!("{} at {id}", Many(u64::from(lines), "dirty block")));
                    if state.paused.is_none() {
                        let step = || Step::Control(Control::Destage(id));
                        let turn = self.turn(NodeId::Amf(id), &mut work, step);
                        self.run_amf(id, &mut state, turn, AmfInput::Destage);
                    }
                }
            }
            self.pump(&mut work, PUMP_TURNS_MAX);
            if dirty.is_empty() && self.is_settled() {
                return Ok(());
            }
            let moved = self.moved_so_far();
            if moved != progress.0 {
                progress = (moved, std::time::Instant::now());
            }
            // With every disk of a block gone, nothing will write it; a slow one still has it in work.
            let working = self.disks.iter().any(|node| node.lock().machine.queue() > 0);
            let stuck = progress.1.elapsed() > STUCK_MAX && !working && !self.faults().is_empty();
            if stuck || begun.elapsed() > SHUTDOWN_MAX {
                dirty.extend(self.unsettled());
                return Err(EngineError::Broken(format!("not written: {}", dirty.join(", "))));
            }
            let steps = self.steps.count();
            self.signal.wait(Duration::from_millis(20), || self.steps.count() != steps);
        }
    }
}
