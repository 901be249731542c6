//! `Msg -> update(&mut Model) -> Vec<Effect>`: everything the console decides. No clock, no terminal,
//! no engine: tests drive it as a conversation.

pub mod acts;
pub mod arrange;
pub mod checker;
pub mod columns;
pub mod dialog;
pub mod differences;
pub mod engine;
pub mod jump;
pub mod ladder;
pub mod learn;
pub mod line;
pub mod log;
pub mod modal;
pub mod mouse;
pub mod moves;
pub mod palette;
pub mod protocol;
pub mod timeline;
pub mod typing;
pub mod watch;

use super::keymap::{self, Key, Meaning};
use super::model::learn::{LessonRow, StepShown};
use super::model::{About, JobShown, Level, LogLevel, Modal, Model, Reading, ReplayShown};
use crate::explore::Table;
use crate::protocol::Protocol;
use crate::protocol::id::{Block, OpId};
use crate::trace::change::Differences;
use crate::trace::engine::Completion;
use crate::trace::{Command, Condition, Event, Foreseen, Seek, Snapshot, Survey};
use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent};
use ratatui::layout::Size;
use std::path::PathBuf;
use std::sync::Arc;

/// Something that came in.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// A click, or the wheel.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// A newer snapshot.
    Snapshot(Box<Snapshot>),
    /// Something happened in the cluster.
    Event(Event),
    /// What happened in these steps of a recording.
    Told((u64, u64), Vec<Event>),
    /// A recording is about to go to another position.
    Seeking(Seek),
    /// A host operation of this console is under way.
    Started(OpId),
    /// A host operation of this console was answered; in one sentence.
    Completed(Box<Completion>, String),
    /// A command is through: what it says, or why it was not done.
    Ran {
        /// Which.
        command: Box<Command>,
        /// What it says.
        result: Result<Vec<String>, String>,
    },
    /// The text of a layout that was saved, by name.
    Layout(String, Result<String, String>),
    /// What is known of when a violation became inevitable, or why nothing can be.
    Foreseen(Result<Box<Foreseen>, String>),
    /// Some work is under way; `None`: not any more.
    Job(Option<JobShown>),
    /// A recording was gone through for what is watched for: it begins to hold in these steps.
    Watched(Condition, Box<Survey>),
    /// What is watched for has begun to hold, in this step.
    Hit(u64),
    /// What differs between two steps.
    Differences(Box<Differences>),
    /// Something else is to be said.
    Say(Level, String),
    /// Another part of the program has remarked something: how much it matters, which, and what.
    Logged(LogLevel, String, String),
    /// A state x event table has been made.
    Table(Arc<Table>),
    /// How a replay stands.
    Replay(Box<ReplayShown>),
    /// How far a trace is read; `None`: it no longer is.
    Reading(Option<Reading>),
    /// These generators make requests now.
    Workloads(Vec<String>),
    /// Another run is shown, or the same from elsewhere.
    Arrived,
    /// Two runs: their names, how many steps they have in common, and those from there on.
    Compared(Box<([String; 2], u64, [Vec<String>; 2])>),
    /// The screen is about another cluster from now on.
    Switched(Box<About>, Box<Snapshot>),
    /// The step of the lesson that is taken; `None`: none is.
    Lesson(Option<Box<StepShown>>),
    /// The lessons that there are.
    LessonList(Vec<LessonRow>),
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Carry out a command.
    Run(Command),
    /// Save the session as a script; over a file that exists only if told so.
    Save(PathBuf, bool),
    /// Run a script's commands.
    Source(PathBuf),
    /// Replay a trace, given with its options.
    Replay(String),
    /// Read no more of the trace that was to be replayed.
    StopReading,
    /// Take a lesson, or do something in it.
    Learn(LearnEffect),
    /// Ask a recording what happened in these steps.
    Tell(u64, u64),
    /// Try futures of the run so far: of this block's violation, or of the first.
    Foresee(Option<Block>),
    /// Try no more.
    StopForeseeing,
    /// End the work that is under way.
    EndJob,
    /// Find out what differs between two steps.
    Differ(u64, u64),
    /// Watch for a condition, or for nothing any more.
    Watch(Option<Condition>),
    /// Go to another position of a run, also of one that goes on.
    Rewind(Seek),
    /// Back from the past of a run that goes on.
    GoOn,
    /// Begin another run here.
    Fork(Option<String>),
    /// Show another run.
    Branch(String),
    /// Give up a run.
    Unbranch(String),
    /// Put two runs side by side.
    Compare([String; 2]),
    /// Begin two clusters on the same input, the second with these keys of the profile changed.
    Beside(Vec<String>),
    /// In step mode: let happen what is next until a host is answered.
    StepOperation,
    /// Go to the next thing that happened to a block, or to the one before.
    FindBlock(Block, bool),
    /// Find out what the core does under a protocol: its state x event table.
    Explore(Protocol),
    /// Write a new file.
    Write(PathBuf, String),
    /// Save a layout under a name; over one that exists only if told so.
    SaveLayout(String, String, bool),
    /// Read a layout that was saved.
    LoadLayout(String),
    /// Say which layouts were saved.
    ListLayouts,
    /// Put text on the clipboard.
    Copy(String),
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Stop this program until `fg`.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Leave.
    Quit,
}

/// What is to be done about lessons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LearnEffect {
    /// Say which lessons there are.
    List,
    /// Take the lesson with this name, where it was left.
    Open(String),
    /// Take it from its beginning.
    Anew(String),
    /// End it.
    Leave,
    /// To the next step.
    Next,
    /// To the step before.
    Back,
    /// This step once more.
    Again,
    /// The next hint.
    Hint,
    /// Show the solution.
    Solve,
    /// These are the answers to the questions.
    Answer(Vec<String>),
}

/// Takes in a message; says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(event) => key(model, event),
        Msg::Mouse(event) => mouse::mouse(model, event),
        Msg::Paste(text) => modal::paste(model, &text),
        Msg::Resize(width, height) => {
            model.size = Size::new(width, height);
            model.clicked = None;
            // The letters stand elsewhere now.
            if matches!(model.modal, Modal::Jump(_)) {
                model.modal = Modal::None;
            }
            Vec::new()
        }
        Msg::Snapshot(snapshot) => engine::snapshot(model, *snapshot),
        Msg::Event(event) => engine::event(model, event),
        Msg::Told(range, events) => ladder::told(model, range, events),
        Msg::Seeking(to) => {
            engine::seeking(model, to);
            Vec::new()
        }
        Msg::Started(op) => {
            model.cluster.io.by_hand(op);
            model.selected.op = None;
            Vec::new()
        }
        Msg::Completed(done, sentence) => engine::completed(model, &done, &sentence),
        Msg::Ran { command, result } => engine::ran(model, &command, result),
        Msg::Layout(name, text) => arrange::loaded(model, &name, text),
        Msg::Foreseen(news) => checker::foreseen(model, news),
        Msg::Job(job) => {
            model.job = job;
            Vec::new()
        }
        Msg::Watched(condition, hits) => watch::found(model, condition, &hits),
        Msg::Hit(step) => watch::hit(model, step),
        Msg::Differences(found) => differences::found(model, *found),
        Msg::Say(level, text) => {
            model.say(level, text);
            Vec::new()
        }
        Msg::Logged(level, source, text) => {
            model.write_log(level, &source, text, None);
            Vec::new()
        }
        Msg::Table(table) => protocol::table(model, table),
        Msg::Replay(shown) => engine::replay(model, *shown),
        Msg::Reading(reading) => {
            model.reading = reading;
            Vec::new()
        }
        Msg::Arrived => ladder::moved(model),
        Msg::Compared(compared) => timeline::compared(model, *compared),
        Msg::Switched(about, snapshot) => {
            model.switch(*about, *snapshot);
            Vec::new()
        }
        Msg::Lesson(step) => learn::shown(model, step.map(|step| *step)),
        Msg::LessonList(rows) => {
            model.learn.rows = rows;
            Vec::new()
        }
        Msg::Workloads(running) => {
            let own = model.about.workloads.iter().map(|(name, _)| (name.clone(), false));
            let running = running.into_iter().map(|name| (name, true));
            // A built-in one is there as long as it runs.
            model.workloads = own.chain(running).collect();
            Vec::new()
        }
    }
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.hint = false;
    model.clicked = None;
    let key = Key::from(event);
    if !matches!(model.modal, Modal::None) {
        return modal::key(model, key);
    }
    if model.job.is_some() && modal::ends(key) {
        return vec![Effect::EndJob];
    }
    model.notice = None;
    keys(model, vec![key])
}

/// Keys of which all but the last were known to begin a sequence.
fn keys(model: &mut Model, keys: Vec<Key>) -> Vec<Effect> {
    match model.keymap.meaning(&keys, model.focus()) {
        Meaning::Act(act) => acts::act(model, act),
        Meaning::Prefix => {
            model.modal = Modal::Prefix(keys);
            Vec::new()
        }
        Meaning::Nothing => {
            let text = format!("{} does nothing here; ? shows every key", keymap::told(&keys));
            model.say(Level::Info, text);
            Vec::new()
        }
    }
}
