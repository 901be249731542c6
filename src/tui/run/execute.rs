//! Effects: what `update` wants done to the cluster, to files, to the log.

use super::super::model::Level;
use super::super::update::Msg;
use crate::profile::Profile;
use crate::protocol::Many;
use crate::session::{KeptId, Recorder, Report, Running, Session, Status};
use crate::trace::engine::EngineError;
use crate::trace::{Command, Limits, grammar, parse_script};
use std::collections::VecDeque;
use std::fs;
use std::path::Path;

/// Commands under way at once; a person at a keyboard does not get there.
const RUNNING_MAX: usize = 256;
/// Largest script that `:source` reads.
const SCRIPT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A command under way.
struct Task {
    command: Command,
    running: Running,
    kept: KeptId,
    /// Its host operation was announced.
    announced: bool,
    /// Another command was given since.
    overtaken: bool,
}

/// A script under way: its commands one after the other.
struct Script {
    name: String,
    left: VecDeque<Command>,
    done: usize,
    failed: usize,
    /// Its current command is the last of the tasks.
    waiting: bool,
    /// It was said that time stands still for the current command.
    stalled: bool,
}

/// Commands under way, and what was commanded so far.
pub(super) struct Executor {
    tasks: Vec<Task>,
    script: Option<Script>,
    /// Commands begun so far.
    given: u64,
    recorder: Recorder,
    limits: Limits,
}

impl Executor {
    pub(super) fn new(profile: &Profile, sets: Vec<String>) -> Self {
        Self {
            tasks: Vec::new(),
            script: None,
            given: 0,
            recorder: Recorder::new(&profile.name, profile.seed, sets),
            limits: Limits::of(profile, Path::new(".")),
        }
    }

    /// True while commands of this console are under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.tasks.is_empty() || self.script.is_some()
    }

    /// Gives a command to the session.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    pub(super) fn run(
        &mut self,
        session: &mut Session,
        command: &Command,
    ) -> Result<Vec<Msg>, EngineError> {
        if self.tasks.len() >= RUNNING_MAX {
            let text = format!("{RUNNING_MAX} commands are under way already");
            return Ok(vec![Msg::Say(Level::Bad, text)]);
        }
        self.begin(session, command.clone())?;
        let number = self.given;
        let mut messages = self.poll(session)?;
        if let Some(task) = self.tasks.last().filter(|_| self.given == number)
            && task.command == *command
            && !matches!(command, Command::Start(..))
        {
            let text = format!("under way: {command}");
            messages.push(Msg::Say(Level::Info, text));
        }
        Ok(messages)
    }

    fn begin(&mut self, session: &mut Session, command: Command) -> Result<(), EngineError> {
        for task in self.tasks.iter().filter(|task| !task.overtaken) {
            self.recorder.overtaken(task.kept);
        }
        self.tasks.iter_mut().for_each(|task| task.overtaken = true);
        let kept = self.recorder.give(session.now(), &command);
        let running = session.begin(&command)?;
        self.given += 1;
        self.tasks.push(Task { command, running, kept, announced: false, overtaken: false });
        Ok(())
    }

    /// Keeps a command that was done in another way in the session that `:save` writes.
    pub(super) fn keep(&mut self, session: &Session, command: &Command) {
        self.recorder.give(session.now(), command);
    }

    /// What has come of the commands under way.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    pub(super) fn poll(&mut self, session: &mut Session) -> Result<Vec<Msg>, EngineError> {
        let mut messages = Vec::new();
        loop {
            self.poll_tasks(session, &mut messages)?;
            if !self.next_of_script(session, &mut messages)? {
                return Ok(messages);
            }
        }
    }

    fn poll_tasks(
        &mut self,
        session: &mut Session,
        messages: &mut Vec<Msg>,
    ) -> Result<(), EngineError> {
        let last = self.tasks.len().saturating_sub(1);
        let mut kept = Vec::new();
        for (at, mut task) in core::mem::take(&mut self.tasks).into_iter().enumerate() {
            if !task.announced
                && let Some(op) = task.running.op().and_then(|op| session.engine_op(op))
            {
                task.announced = true;
                messages.push(Msg::Started(op));
            }
            let Some(report) = session.poll(&mut task.running)? else {
                kept.push(task);
                continue;
            };
            if let Some(script) = &mut self.script
                && script.waiting
                && at == last
            {
                script.waiting = false;
                script.done += 1;
                script.failed += usize::from(report.is_failure());
            }
            match report.status {
                Status::Refused => self.recorder.refused(task.kept),
                Status::Failed => self.recorder.failed(task.kept),
                Status::Fine | Status::HostError(_) => {
                    self.recorder.ended(session.now(), task.kept);
                }
            }
            messages.push(told(session, task.command, report));
        }
        self.tasks = kept;
        Ok(())
    }

    /// In step mode time stands still, and a script may wait for what only a person can let happen: what
    /// it waits for, once.
    pub(super) fn stalls(&mut self) -> Option<Msg> {
        let script = self.script.as_mut().filter(|script| script.waiting && !script.stalled)?;
        let command = &self.tasks.last()?.command;
        script.stalled = true;
        let text =
            format!("{}: `{command}` waits; `:step`, or `:hold off` lets time go on", script.name);
        Some(Msg::Say(Level::Info, text))
    }

    /// Begins the next command of a script; `false` if none was begun.
    fn next_of_script(
        &mut self,
        session: &mut Session,
        messages: &mut Vec<Msg>,
    ) -> Result<bool, EngineError> {
        let Some(script) = &mut self.script else { return Ok(false) };
        if script.waiting {
            return Ok(false);
        }
        let Some(command) = script.left.pop_front() else {
            let level = if script.failed == 0 { Level::Info } else { Level::Bad };
            let (name, done, failed) = (&script.name, script.done, script.failed);
            messages.push(Msg::Say(level, format!("{name}: {done} commands, {failed} failed")));
            self.script = None;
            return Ok(false);
        };
        (script.waiting, script.stalled) = (true, false);
        self.begin(session, command)?;
        Ok(true)
    }

    /// Writes the session so far as a script. A file that exists is kept, unless `replace`.
    pub(super) fn save(&self, path: &Path, replace: bool) -> Msg {
        let name = path.display();
        match write(path, &self.recorder.text(), replace) {
            Ok(()) => {
                let count = self.recorder.len();
                let shown = name.to_string();
                let quote = if shown.contains(char::is_whitespace) { "'" } else { "" };
                let run = format!("`amflab exec {quote}{shown}{quote}` runs them");
                Msg::Say(Level::Info, format!("saved {}; {run}", Many::of(count, "command")))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && !path.is_dir() => {
                Msg::Say(Level::Bad, format!("{name} exists; `:save! {name}` replaces it"))
            }
            Err(error) => unwritten(path, &error),
        }
    }

    /// Reads a script, checks all of it, and begins to run it.
    pub(super) fn source(&mut self, path: &Path) -> Msg {
        if self.script.is_some() {
            return Msg::Say(Level::Bad, "a script is running already".to_owned());
        }
        let name = path.display().to_string();
        match read_script(path, &name, &self.limits) {
            Ok(commands) => {
                let count = commands.len();
                let left = commands.into();
                let script = Script {
                    name: name.clone(),
                    left,
                    done: 0,
                    failed: 0,
                    waiting: false,
                    stalled: false,
                };
                self.script = Some(script);
                Msg::Say(Level::Info, format!("{name}: {count} commands"))
            }
            Err(error) => Msg::Say(Level::Bad, error),
        }
    }
}

fn read_script(path: &Path, name: &str, limits: &Limits) -> Result<Vec<Command>, String> {
    let about = fs::metadata(path).map_err(|error| format!("{name}: {error}"))?;
    if !about.is_file() {
        return Err(format!("{name}: not a file"));
    }
    if about.len() > SCRIPT_BYTES_MAX {
        return Err(format!("{name}: larger than 4 MiB, which is the most for a script"));
    }
    let bytes = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    let text = grammar::decode(&bytes, name).map_err(|error| error.to_string())?;
    let script = parse_script(text, name, limits).map_err(|errors| {
        let first = errors.first().map_or_else(String::new, ToString::to_string);
        match errors.len() {
            0 | 1 => first,
            more => format!("{first} (and {} more)", more - 1),
        }
    })?;
    Ok(script.entries.into_iter().map(|entry| entry.command).collect())
}

/// What the screen is told of a command that is through.
pub(super) fn told(session: &Session, command: Command, report: Report) -> Msg {
    let done = report.op.and_then(|op| session.completion(op));
    if let (Command::Host(_) | Command::Await(_), Some(done)) = (&command, done) {
        return Msg::Completed(Box::new(done.clone()), report.lines.join("  "));
    }
    let result = match report.status {
        Status::Fine => Ok(report.lines),
        Status::HostError(_) | Status::Failed | Status::Refused => {
            Err(if report.lines.is_empty() { command.to_string() } else { report.lines.join("  ") })
        }
    };
    Msg::Ran { command: Box::new(command), result }
}

/// Writes a file; over one that exists only if told so.
fn write(path: &Path, text: &str, replace: bool) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).truncate(replace).create(replace).create_new(!replace);
    let mut file = options.open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Msg {
    let name = path.display();
    let why =
        if path.is_dir() { "is a folder".to_owned() } else { format!("was not written: {error}") };
    Msg::Say(Level::Bad, format!("{name} {why}"))
}

/// Writes a new file, and says so.
pub(super) fn write_new(path: &Path, text: &str) -> Msg {
    match write(path, text, false) {
        Ok(()) => Msg::Say(Level::Info, format!("wrote {}", path.display())),
        Err(error) => unwritten(path, &error),
    }
}
