//! What each act of the registry does.

use super::super::command::{Act, Side};
use super::super::model::{
    Confirm, DialogKind, HelpState, Level, LineInput, Modal, Model, Pane, ReplayShown, Screen,
};
use super::super::theme::Theme;
use super::dialog;
use super::timeline;
use super::{
    Effect, arrange, checker, columns, differences, jump, ladder, learn, log, moves, palette,
    protocol, watch,
};
use crate::session::ReplayState;
use crate::trace::action::Action;
use crate::trace::command::{HostCommand, ReplayCommand};
use crate::trace::snapshot::{AmfStatus, HeldInfo};
use crate::trace::{Command, HoldFilter, Release, Seek};
use tui_input::Input;

/// The slowest tempo, in thousandths.
const TEMPO_MIN: u32 = 1;
/// Full speed.
const TEMPO_MAX: u32 = 1_000;

/// Does an act.
pub fn act(model: &mut Model, act: Act) -> Vec<Effect> {
    match act {
        Act::Quit => quit(model),
        Act::Help => open(model, Modal::Help(HelpState::default())),
        Act::Palette => open(model, Modal::Palette(palette::opened())),
        Act::CommandLine => open(model, Modal::Line(LineInput::default())),
        Act::Filter => filter(model),
        Act::Goto => open(model, Modal::Goto(Input::default())),
        Act::Show(screen) => show(model, screen),
        Act::FocusNext => moves::focus(model, true),
        Act::FocusPrevious => moves::focus(model, false),
        Act::Zoom => {
            model.zoomed = !model.zoomed;
            Vec::new()
        }
        Act::Back => back(model),
        Act::Up | Act::Down | Act::Left | Act::Right => moves::step(model, act),
        Act::PageUp | Act::PageDown | Act::First | Act::Last => moves::page(model, act),
        Act::Open => enter(model),
        // Nothing needs to be typed, and nothing changes: done at once.
        Act::Read => {
            let (amf, block) = (model.selected.amf, model.selected.block);
            vec![Effect::Run(Command::Host(HostCommand::Read(amf, block, 1)))]
        }
        Act::Write => dialog::open(model, DialogKind::Write),
        Act::CompareAndWrite => dialog::open(model, DialogKind::CompareAndWrite),
        Act::Trim => dialog::open(model, DialogKind::Trim),
        Act::Flush => vec![Effect::Run(Command::Host(HostCommand::Flush(model.selected.amf)))],
        Act::Why => vec![Effect::Run(Command::Why(model.selected.amf, model.selected.block))],
        // In the past nothing runs.
        Act::StepMode if model.timeline.rewound => vec![Effect::GoOn],
        Act::StepMode => {
            let all = HoldFilter::ALL;
            let on = !model.cluster.now.step_mode;
            let action = if on { Action::Hold(all) } else { Action::Unhold(all) };
            vec![Effect::Run(Command::Act(action))]
        }
        Act::ReleaseNext => release_next(model),
        Act::SeekBy(steps) => seek(model, Seek::By(steps)),
        Act::SeekStart => seek(model, Seek::To(0)),
        Act::SeekEnd => seek(model, Seek::End),
        Act::ToMark(mark, on) => timeline::jump(model, mark, on),
        Act::JumpWatch(on) => watch::go(model, on),
        Act::MarkStep => differences::mark(model),
        Act::Differ => differences::here(model),
        Act::JumpBlock(on) => timeline::jump_block(model, on),
        Act::GoOn => vec![Effect::GoOn],
        Act::Fork => vec![Effect::Fork(None)],
        Act::Compare => timeline::compare(model),
        Act::DropRun => timeline::drop_run(model),
        Act::DropHeld => held(model, Action::Lose),
        Act::DuplicateHeld => held(model, Action::Repeat),
        Act::Slower | Act::Faster => tempo(model, act == Act::Slower),
        Act::Workload => workload(model),
        Act::ReplayPause => replay_pause(model),
        Act::ReplayStop => replay_stop(model),
        Act::CrashRestart => crash_restart(model),
        Act::PauseResume => pause_resume(model),
        Act::UndoFault => undo(model),
        Act::Heal => vec![Effect::Run(Command::Act(Action::Heal))],
        Act::OnlyByHand => {
            model.only_by_hand = !model.only_by_hand;
            Vec::new()
        }
        Act::HeatIn | Act::HeatOut => moves::heat(model, act == Act::HeatIn),
        Act::Copy => copy(model),
        Act::Mouse => {
            model.mouse = !model.mouse;
            let word = if model.mouse { "on" } else { "off: the terminal selects text" };
            model.say(Level::Info, format!("mouse {word}"));
            vec![Effect::Mouse(model.mouse)]
        }
        Act::Theme => {
            let name = model.theme.next_name();
            theme(model, name)
        }
        Act::Foresee => checker::foresee(model),
        Act::Cliff => checker::cliff(model),
        Act::ToLadder => checker::to_ladder(model),
        Act::Follow => ladder::follow(model),
        Act::Level => level(model),
        Act::Beside => protocol::beside(model),
        Act::Places => columns::places(model),
        Act::ShiftColumn(side) => columns::shift(model, side == Side::After),
        Act::HideColumn => columns::hide_selected(model),
        Act::FindNext | Act::FindPrevious if model.screen == Screen::Protocol => {
            protocol::find(model, act == Act::FindNext)
        }
        Act::FindNext | Act::FindPrevious => ladder::find(model, act == Act::FindNext),
        Act::Jump => jump::open(model),
        Act::Arrange(how) => arrange::arrange(model, how),
        Act::FindMark(mark, side) => ladder::mark(model, mark, side),
        Act::WorstLamp => worst_lamp(model),
        Act::LessonNext => learn::next(model),
        Act::LessonBack => learn::back(model),
        Act::LessonAgain => learn::again(model),
        Act::LessonHint => learn::hint(model),
        Act::LessonSolve => learn::solve(model),
        Act::LessonAnew => learn::anew(model),
        Act::LessonLeave => learn::leave(model),
        Act::Suspend => vec![Effect::Suspend],
        Act::Redraw => vec![Effect::Redraw],
    }
}

fn open(model: &mut Model, opened: Modal) -> Vec<Effect> {
    model.modal = opened;
    Vec::new()
}

/// Opens the line for the words of the list with the keys.
fn filter(model: &mut Model) -> Vec<Effect> {
    if !model.can_filter() {
        model.say(Level::Info, "there is no list on this screen; g goes to a block");
        return Vec::new();
    }
    let words = Input::new(model.filter_mut().clone());
    open(model, Modal::Filter(words))
}

/// More of it, or less: of a source of the log, of a table, of the ladder.
fn level(model: &mut Model) -> Vec<Effect> {
    if model.focus() == Pane::Log {
        model.log.less();
        return Vec::new();
    }
    if model.screen == Screen::Protocol { protocol::counts(model) } else { ladder::level(model) }
}

/// Shows a screen.
pub fn show(model: &mut Model, screen: Screen) -> Vec<Effect> {
    model.screen = screen;
    model.zoomed = false;
    if screen == Screen::Learn {
        return learn::show(model);
    }
    let mut effects = ladder::want(model);
    effects.extend(protocol::want(model));
    effects
}

/// Shows the operations on the block with the worst lamp.
fn worst_lamp(model: &mut Model) -> Vec<Effect> {
    let lamps = model.cluster.now.lamps.as_ref();
    let worst = lamps.and_then(|lamps| lamps.blocks.first()).map(|info| info.block);
    let effects = show(model, Screen::Checker);
    if let Some(block) = worst {
        model.select_block(block.0);
    }
    effects
}

/// Another theme, by name.
pub fn theme(model: &mut Model, name: &str) -> Vec<Effect> {
    match Theme::named(name) {
        Ok(theme) => {
            let said = format!("theme {name}: {}", theme.summary);
            model.set_theme(theme);
            model.say(Level::Info, said);
        }
        Err(error) => model.say(Level::Bad, error.to_string().replace('\n', "  ")),
    }
    Vec::new()
}

/// Leaves; asks once while a workload is running.
pub fn quit(model: &mut Model) -> Vec<Effect> {
    if let Some(effects) = stop_reading(model) {
        return effects;
    }
    let running = model.workloads.iter().filter(|(_, on)| **on).map(|(name, _)| name.as_str());
    let mut names: Vec<String> = running.map(|name| format!("The workload {name}")).collect();
    if let Some(replay) = model.replay.as_ref().filter(|replay| replay.is_under_way()) {
        names.push(format!("The replay of {}", replay.progress.name));
    }
    if names.is_empty() {
        return vec![Effect::Quit];
    }
    let reasons: Vec<String> =
        names.iter().map(|name| format!("{name} is running; it stops.")).collect();
    model.modal = Modal::Confirm(Confirm {
        question: "Quit?".to_owned(),
        reason: reasons.join(" "),
        then: vec![Effect::Quit],
    });
    Vec::new()
}

fn back(model: &mut Model) -> Vec<Effect> {
    if let Some(effects) = stop_reading(model) {
        return effects;
    }
    match model.focus() {
        Pane::Traffic => {
            if model.selected.message.take().is_none() {
                model.filter.clear();
            }
        }
        Pane::Io => {
            if model.selected.op.take().is_none() {
                model.filters.remove(&Pane::Io);
            }
        }
        Pane::History if model.selected.op.is_some() => model.selected.op = None,
        pane @ (Pane::Locks
        | Pane::Inject
        | Pane::Active
        | Pane::Amfs
        | Pane::Group
        | Pane::History
        | Pane::Branches
        | Pane::Compare)
            if !model.zoomed && !model.filter_of(pane).is_empty() =>
        {
            model.filters.remove(&pane);
        }
        Pane::Lamps if !model.zoomed => model.lamp_filter.clear(),
        Pane::History if !model.zoomed => model.focus_on(Pane::Lamps),
        Pane::Log if !model.zoomed || model.log.cursor.is_some() => log::back(model),
        Pane::Ladder | Pane::Around => ladder::back(model),
        Pane::Compare if !model.zoomed => model.focus_on(Pane::Around),
        Pane::Table | Pane::Cell => protocol::back(model),
        Pane::Lessons if !model.zoomed => model.learn.filter.clear(),
        Pane::Strip
        | Pane::Other
        | Pane::Figures
        | Pane::Branches
        | Pane::Compare
        | Pane::Amfs
        | Pane::Matrix
        | Pane::Locks
        | Pane::Group
        | Pane::Heat
        | Pane::Card
        | Pane::Chain
        | Pane::Inject
        | Pane::Lamps
        | Pane::History
        | Pane::Lesson
        | Pane::Lessons
        | Pane::Log
        | Pane::Active => model.zoomed = false,
    }
    model.selected.held = None;
    Vec::new()
}

fn enter(model: &mut Model) -> Vec<Effect> {
    match model.focus() {
        Pane::Traffic => {
            if let Some(id) = model.selected.held {
                return vec![Effect::Run(Command::Act(Action::Deliver(release(model, id))))];
            }
            let line = model.selected.message.and_then(|id| model.cluster.traffic.by_id(id));
            if let Some(cause) = line.and_then(super::super::snapshot::traffic::Line::cause) {
                model.filter = format!("op{}", cause.0);
            }
        }
        Pane::Io => {
            let newest = model.cluster.io.newest_story().map(|line| line.op);
            if let Some(op) = model.selected.op.or(newest) {
                model.filter = format!("op{}", op.0);
                model.selected.message = None;
                model.focus_on(Pane::Traffic);
            }
        }
        Pane::Inject => return inject(model),
        Pane::Active => return undo(model),
        Pane::Heat => return moves::heat(model, true),
        Pane::Lamps => model.focus_on(Pane::History),
        Pane::History => return checker::to_ladder(model),
        Pane::Ladder | Pane::Around => return ladder::open(model),
        Pane::Branches => return timeline::show_run(model),
        Pane::Compare => return timeline::go_to_difference(model),
        Pane::Strip => model.focus_on(Pane::Around),
        Pane::Other | Pane::Figures => {}
        Pane::Lesson => return learn::enter(model),
        Pane::Lessons => return learn::take(model),
        Pane::Table | Pane::Cell => return protocol::open(model),
        Pane::Log => return log::open(model),
        Pane::Amfs | Pane::Matrix | Pane::Locks | Pane::Group | Pane::Card | Pane::Chain => {
            if model.screen == Screen::Dashboard {
                if model.focus() == Pane::Matrix {
                    model.focus_on(Pane::Card);
                }
                let screen = match model.focus() {
                    Pane::Locks => Screen::Locks,
                    Pane::Amfs | Pane::Group => Screen::Faults,
                    _ => Screen::Caches,
                };
                return show(model, screen);
            }
        }
    }
    Vec::new()
}

/// Runs the selected row of the list of faults.
pub fn inject(model: &mut Model) -> Vec<Effect> {
    let Some(row) = super::super::model::faults::ROWS.get(model.faults.at) else {
        return Vec::new();
    };
    let command = model.faults.command(row.fault, &model.selected, model.about.amfs);
    run(model, command)
}

/// Runs a command; asks first before the last good disk fails.
pub fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    let now = &model.cluster.now;
    let failed: Vec<_> = now.disks.iter().filter(|info| info.failed).map(|info| info.id).collect();
    if let Command::Act(Action::FailDisk(disk)) = command
        && model.about.is_last_good(disk, &now.view, &failed)
    {
        model.modal = Modal::Confirm(Confirm {
            question: format!("Fail {disk}?"),
            reason: "It holds the last good copy of its blocks: reads of them will fail, and \
                     writes wait, until it is replaced."
                .to_owned(),
            then: vec![Effect::Run(Command::Act(Action::FailDisk(disk)))],
        });
        return Vec::new();
    }
    match command {
        Command::Replay(ReplayCommand::Start(words)) => vec![Effect::Replay(words)],
        Command::Act(Action::Seek(to)) => seek(model, to),
        command => vec![Effect::Run(command)],
    }
}

/// Goes to another position, in a recording.
pub fn seek(model: &mut Model, to: Seek) -> Vec<Effect> {
    let now = &model.cluster.now;
    let forward = matches!(to, Seek::By(1..));
    if model.is_recording() {
        if forward && model.timeline.rewound && now.step == model.steps() {
            return vec![Effect::GoOn];
        }
        return vec![Effect::Run(Command::Act(Action::Seek(to)))];
    }
    match to {
        Seek::By(steps @ 1..) if now.step_mode => {
            let steps = u32::try_from(steps).unwrap_or(u32::MAX);
            vec![Effect::Run(Command::Act(Action::Step(steps)))]
        }
        Seek::By(0..) | Seek::End => {
            model.say(Level::Info, "this is the newest step; space turns step mode on");
            Vec::new()
        }
        Seek::By(_) | Seek::To(_) => vec![Effect::Rewind(to)],
    }
}

fn release_next(model: &mut Model) -> Vec<Effect> {
    if model.is_recording() {
        return seek(model, Seek::By(1));
    }
    let now = &model.cluster.now;
    if !now.held.is_empty() || now.held_total > 0 {
        return vec![Effect::Run(Command::Act(Action::Deliver(Release::Oldest(1))))];
    }
    if now.step_mode {
        return vec![Effect::Run(Command::Act(Action::Step(1)))];
    }
    model.say(Level::Info, "no message is held; space turns step mode on");
    Vec::new()
}

/// How to name a held message: by its pair, and which of it, so that a saved session means the same
/// message again; numbers of messages are of one run only.
pub fn release(model: &Model, id: u64) -> Release {
    let held = &model.cluster.now.held;
    let Some(wanted) = held.iter().find(|held| held.id == id) else { return Release::Id(id) };
    let pair = |held: &&HeldInfo| (held.from, held.to) == (wanted.from, wanted.to);
    let older = held.iter().filter(pair).take_while(|held| held.id != id).count();
    match u32::try_from(older + 1) {
        Ok(1) => Release::Pair(wanted.from, wanted.to),
        Ok(nth) => Release::Nth(wanted.from, wanted.to, nth),
        Err(_) => Release::Id(id),
    }
}

/// The selected held message, or the oldest.
fn held(model: &mut Model, action: fn(Release) -> Action) -> Vec<Effect> {
    let oldest = model.cluster.now.held.first().map(|held| held.id);
    let Some(id) = model.selected.held.or(oldest) else {
        model.say(Level::Info, "no message is held; space turns step mode on");
        return Vec::new();
    };
    vec![Effect::Run(Command::Act(action(release(model, id))))]
}

fn tempo(model: &mut Model, slower: bool) -> Vec<Effect> {
    let now = model.cluster.now.tempo;
    let wanted = if slower { now / 10 } else { now.saturating_mul(10) };
    let wanted = wanted.clamp(TEMPO_MIN, TEMPO_MAX);
    if wanted == now {
        let word = if slower { "slowest" } else { "fastest" };
        model.say(Level::Info, format!("this is the {word} tempo"));
        return Vec::new();
    }
    vec![Effect::Run(Command::Act(Action::Tempo(wanted)))]
}

fn workload(model: &mut Model) -> Vec<Effect> {
    if model.workloads.is_empty() {
        let text = format!(
            "the profile {} has no workload; `:workload start NAME` takes a built-in one",
            model.about.profile
        );
        model.say(Level::Info, text);
        return Vec::new();
    }
    let start = !model.workload_running();
    let wanted = model.workloads.iter().filter(|(_, running)| **running != start);
    wanted.map(|(name, _)| Effect::Run(Command::Workload(start, name.clone()))).collect()
}

fn replay_pause(model: &mut Model) -> Vec<Effect> {
    match model.replay.as_ref().map(|replay| replay.progress.state) {
        Some(ReplayState::Running) => vec![Effect::Run(Command::Replay(ReplayCommand::Pause))],
        Some(ReplayState::Paused) => vec![Effect::Run(Command::Replay(ReplayCommand::Resume))],
        Some(ReplayState::Done | ReplayState::Stopped) | None => {
            model.say(Level::Info, "no replay is running; `:replay TRACE` starts one");
            Vec::new()
        }
    }
}

/// Reads no more of a trace, if one is read; its replay has not begun.
fn stop_reading(model: &mut Model) -> Option<Vec<Effect>> {
    let reading = model.reading.take()?;
    let (words, percent) = (&reading.words, reading.percent());
    let text = format!("stopped reading {words} at {percent}%: nothing was replayed");
    model.say(Level::Info, text);
    Some(vec![Effect::StopReading])
}

fn replay_stop(model: &mut Model) -> Vec<Effect> {
    if let Some(effects) = stop_reading(model) {
        return effects;
    }
    if model.replay.as_ref().is_some_and(ReplayShown::is_under_way) {
        return vec![Effect::Run(Command::Replay(ReplayCommand::Stop))];
    }
    if model.replay.take().is_none() {
        model.say(Level::Info, "no replay is running; `:replay TRACE` starts one");
    }
    Vec::new()
}

fn crash_restart(model: &mut Model) -> Vec<Effect> {
    if model.focus() == Pane::Group {
        let disk = model.selected.disk;
        let info = model.cluster.now.disks.iter().find(|info| info.id == disk);
        let failed = info.is_some_and(|info| info.failed);
        let command = if failed {
            Command::Act(Action::ReplaceDisk(disk))
        } else {
            Command::Act(Action::FailDisk(disk))
        };
        return run(model, command);
    }
    let amf = model.selected.amf;
    let down = status(model) == Some(AmfStatus::Down);
    vec![Effect::Run(if down {
        Command::Act(Action::Restart(amf))
    } else {
        Command::Act(Action::Crash(amf))
    })]
}

fn pause_resume(model: &mut Model) -> Vec<Effect> {
    let amf = model.selected.amf;
    let paused = status(model) == Some(AmfStatus::Paused);
    vec![Effect::Run(if paused {
        Command::Act(Action::Resume(amf))
    } else {
        Command::Act(Action::Pause(amf))
    })]
}

fn status(model: &Model) -> Option<AmfStatus> {
    let amf = model.selected.amf;
    model.cluster.now.amfs.iter().find(|info| info.id == amf).map(|info| info.status)
}

/// Undoes the selected fault (on the Faults screen), else the newest.
fn undo(model: &mut Model) -> Vec<Effect> {
    let faults = &model.cluster.now.faults;
    let fault = match model.screen {
        Screen::Faults => faults.get(model.selected.fault),
        Screen::Dashboard
        | Screen::Caches
        | Screen::Locks
        | Screen::Checker
        | Screen::Ladder
        | Screen::Timeline
        | Screen::Protocol
        | Screen::Beside
        | Screen::Learn => faults.last(),
    };
    let Some(undo) = fault.map(|fault| fault.undo.clone()) else {
        model.say(Level::Info, "no fault is active");
        return Vec::new();
    };
    super::line::run(model, &undo).unwrap_or_else(|error| {
        model.say(Level::Bad, error);
        Vec::new()
    })
}

/// What is selected, as text.
fn copy(model: &mut Model) -> Vec<Effect> {
    let text = match model.focus() {
        Pane::Traffic => model
            .selected
            .message
            .and_then(|id| model.cluster.traffic.by_id(id))
            .map(super::super::snapshot::traffic::Line::text),
        Pane::Io => {
            let io = &model.cluster.io;
            let line = model.selected.op.and_then(|op| io.line(op)).or_else(|| io.newest_story());
            line.map(|line| {
                format!("{} {} {}", line.node, line.what, line.story.as_deref().unwrap_or(""))
            })
        }
        Pane::Log => model.log.cursor.and_then(|id| model.log.line(id)).map(|l| l.text.clone()),
        Pane::Inject => Some(super::super::view::inject::heading(model)),
        Pane::Ladder | Pane::Around => model.ladder.selected().map(|row| row.text),
        Pane::Branches => model.runs.get(model.run_at).map(|run| run.name.clone()),
        Pane::Compare => super::super::view::compare::text(model),
        Pane::Figures => super::super::view::beside::text(model),
        Pane::Table | Pane::Cell => {
            let lines = super::super::view::cell::lines(model).into_iter().map(|(_, line)| line);
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
        Pane::Amfs
        | Pane::Matrix
        | Pane::Other
        | Pane::Locks
        | Pane::Group
        | Pane::Heat
        | Pane::Card
        | Pane::Chain
        | Pane::Lamps
        | Pane::History
        | Pane::Strip
        | Pane::Lesson
        | Pane::Lessons
        | Pane::Active => None,
    };
    let text = text.unwrap_or_else(|| format!("{} {}", model.selected.amf, model.selected.block));
    model.say(Level::Info, format!("copied: {text}"));
    vec![Effect::Copy(text)]
}
