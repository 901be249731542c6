//! `amflab screenshot`: the console's screen as a picture, for the README. On the simulator, at a
//! fixed time: the same command gives the same picture.

use super::Done;
use super::failure::{FAILED, FINE, Failure};
use super::setup::{ClusterArgs, EngineKind, Judge, time};
use crate::explore::explore;
use crate::lesson::{Attempt, Refusal};
use crate::profile::Profile;
use crate::protocol::id::Span;
use crate::session::{Session, Status};
use crate::trace::grammar::decode;
use crate::trace::{Ask, Command, Limits, Script, parse_script};
use crate::tui::model::learn::StepShown;
use crate::tui::model::{About, Model, Screen};
use crate::tui::snapshot::Cluster;
use crate::tui::theme::Theme;
use crate::tui::update::{Msg, update};
use crate::tui::view::{self, layout};
use crate::tui::{glyph, screenshot};
use clap::{Args, ValueEnum};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Two looks of the console at the cluster are so far apart.
const LOOK_EVERY: Span = Span::millis(250);
/// Steps in one go.
const STEPS: u64 = 1_024;
/// Largest screen, in columns or rows.
const SIDE_MAX: u16 = 500;
/// Smallest screen.
const SIDE_MIN: u16 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    Dashboard,
    Caches,
    Locks,
    Faults,
    Checker,
    Ladder,
    Timeline,
    Protocol,
    Learn,
}

impl Shown {
    const fn screen(self) -> Screen {
        match self {
            Self::Dashboard => Screen::Dashboard,
            Self::Caches => Screen::Caches,
            Self::Locks => Screen::Locks,
            Self::Faults => Screen::Faults,
            Self::Checker => Screen::Checker,
            Self::Ladder => Screen::Ladder,
            Self::Timeline => Screen::Timeline,
            Self::Protocol => Screen::Protocol,
            Self::Learn => Screen::Learn,
        }
    }
}

/// A picture of the README: a screen, when, what happens before, and what is selected.
struct Picture {
    name: &'static str,
    screen: Shown,
    after: Span,
    script: &'static str,
    /// The selected block; else the one with the worst lamp.
    block: Option<u64>,
    /// A lesson, and how many of its steps are behind: the script is what its learner does then.
    lesson: Option<(&'static str, usize)>,
}

/// The others are like this one.
const PLAIN: Picture = Picture {
    name: "dashboard",
    screen: Shown::Dashboard,
    after: Span::secs(12),
    script: include_str!("../../assets/screens/dashboard.txt"),
    block: None,
    lesson: None,
};

/// All of them; what is in `assets/screens` is made from these, and a test looks that they still run.
const PICTURES: [Picture; 10] = [
    PLAIN,
    Picture { name: "caches", screen: Shown::Caches, after: Span::secs(20), script: "", ..PLAIN },
    Picture {
        name: "card",
        screen: Shown::Caches,
        script: include_str!("../../assets/screens/card.txt"),
        block: Some(17),
        ..PLAIN
    },
    Picture {
        name: "locks",
        screen: Shown::Locks,
        script: include_str!("../../assets/screens/locks.txt"),
        block: Some(17),
        ..PLAIN
    },
    Picture {
        name: "faults",
        screen: Shown::Faults,
        script: include_str!("../../assets/screens/faults.txt"),
        ..PLAIN
    },
    Picture {
        name: "checker",
        screen: Shown::Checker,
        after: Span::secs(6),
        script: include_str!("../../assets/screens/checker.txt"),
        ..PLAIN
    },
    Picture {
        name: "ladder",
        screen: Shown::Ladder,
        script: include_str!("../../assets/screens/ladder.txt"),
        ..PLAIN
    },
    Picture {
        name: "timeline",
        screen: Shown::Timeline,
        script: include_str!("../../assets/screens/timeline.txt"),
        ..PLAIN
    },
    Picture {
        name: "protocol",
        screen: Shown::Protocol,
        after: Span::secs(30),
        script: "",
        ..PLAIN
    },
    Picture {
        name: "lesson",
        screen: Shown::Learn,
        script: include_str!("../../assets/screens/lesson.txt"),
        lesson: Some(("05-write-invalidate", 1)),
        ..PLAIN
    },
];

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab screenshot --screen ladder -o ladder.svg
  amflab screenshot --all -o assets/screens        every picture of the README")]
pub(super) struct ScreenshotArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Columns and rows
    #[arg(long, default_value = "120x40", value_parser = size)]
    size: (u16, u16),
    /// The screen
    #[arg(long, value_enum, default_value = "dashboard")]
    screen: Shown,
    /// Every picture of the README, into the folder that -o names
    #[arg(long, conflicts_with_all = ["screen", "script", "after", "block", "lesson"])]
    all: bool,
    /// A script that is run first
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Virtual time for which the workloads run before the picture, and before the script
    #[arg(long, default_value = "12s", value_parser = time)]
    after: Span,
    /// The selected block; else the one with the worst lamp
    #[arg(long, value_name = "N")]
    block: Option<u64>,
    /// A lesson, at its first step: the script is what its learner does there
    #[arg(long, value_name = "NAME", conflicts_with_all = ["screen", "after"])]
    lesson: Option<String>,
    /// A theme: terminal-16, dark, light, colour-blind
    #[arg(long, value_name = "NAME", default_value = "terminal-16")]
    theme: String,
    /// ASCII signs and frames only
    #[arg(long)]
    ascii: bool,
    /// The picture; with --all the folder
    #[arg(short, long, value_name = "FILE.svg")]
    output: PathBuf,
}

/// Draws a screen into a file, or every picture into a folder.
pub(super) fn screenshot(args: &ScreenshotArgs) -> Done {
    let profile = args.cluster.load("demo")?;
    if !args.all {
        let script = args.script.as_deref().map(|path| load(path, &profile)).transpose()?;
        if let Some(name) = &args.lesson {
            return draw_lesson(args, (name, 0), script.as_ref(), &args.output);
        }
        let wanted = Wanted { screen: args.screen, after: args.after, script, block: args.block };
        return draw(args, &profile, wanted, &args.output);
    }
    std::fs::create_dir_all(&args.output)
        .map_err(|error| Failure::usage(format!("{}: {error}", args.output.display())))?;
    let mut code = FINE;
    for picture in &PICTURES {
        let script = read(picture.script, picture.name, Path::new("."), &profile)?;
        let file = args.output.join(format!("{}.svg", picture.name));
        if let Some(lesson) = picture.lesson {
            code = code.max(draw_lesson(args, lesson, Some(&script), &file)?);
            continue;
        }
        let (screen, after, block) = (picture.screen, picture.after, picture.block);
        let wanted = Wanted { screen, after, script: Some(script), block };
        code = code.max(draw(args, &profile, wanted, &file)?);
    }
    Ok(code)
}

/// One screen: which, after how long, after which commands, with which block selected.
struct Wanted {
    screen: Shown,
    after: Span,
    script: Option<Script>,
    block: Option<u64>,
}

/// A console on a cluster.
fn console(
    args: &ScreenshotArgs,
    session: &mut Session,
    profile: &Profile,
    screen: Screen,
) -> Result<Model, Failure> {
    let theme = Theme::named(&args.theme).map_err(Failure::told)?;
    let cluster = Cluster::new(session.snapshot(&Ask::BRIEF));
    let mut model = Model::new(About::new(profile), cluster, theme);
    update(&mut model, Msg::Resize(args.size.0, args.size.1));
    model.hint = false;
    if args.ascii {
        model.glyphs = &glyph::ASCII;
    }
    model.screen = screen;
    Ok(model)
}

/// Draws one screen, after a time and a script, into a file.
fn draw(args: &ScreenshotArgs, profile: &Profile, wanted: Wanted, output: &Path) -> Done {
    let Wanted { screen, after, script, block } = wanted;
    let engine = args.cluster.start(EngineKind::Sim, profile, Judge::Reads)?;
    let mut session = Session::new(engine, profile);
    let mut model = console(args, &mut session, profile, screen.screen())?;
    if let Some(block) = block {
        if block >= model.about.blocks {
            let last = model.about.blocks - 1;
            return Err(Failure::usage(format!("--block {block}: the last block is {last}")));
        }
        model.select_block(block);
    }
    if model.screen == Screen::Learn {
        let hint = "`--lesson NAME` draws one of them; `amflab lessons list` names them";
        return Err(Failure::hinted("--screen learn: no lesson is named", hint));
    }
    if model.screen == Screen::Protocol {
        model.protocol.tell(std::sync::Arc::new(explore(profile.config.protocol)));
    }
    let mut mark = 0;
    for spec in profile.workloads.iter().filter(|spec| spec.autostart) {
        session.execute(&Command::Workload(true, spec.name.clone()))?;
    }
    pass(&mut session, &mut model, &mut mark, after)?;
    let mut code = FINE;
    for entry in script.iter().flat_map(|script| &script.entries) {
        if !perform(&mut session, &mut model, &mut mark, &entry.command)? {
            code = FAILED;
        }
    }
    look(&mut session, &mut model, &mut mark);
    // Of the lamps, the worst is the one to see.
    let lamps = model.cluster.now.lamps.as_ref();
    let worst = lamps.and_then(|lamps| lamps.blocks.first()).map(|info| info.block.0);
    if let Some(block) = block.or(worst) {
        model.select_block(block);
        look(&mut session, &mut model, &mut mark);
    }
    write(&model, args.size, output)?;
    Ok(code)
}

/// Draws a lesson, some steps behind its learner and some commands given, into a file.
fn draw_lesson(
    args: &ScreenshotArgs,
    (name, steps): (&str, usize),
    script: Option<&Script>,
    output: &Path,
) -> Done {
    let refused = |refusal: Refusal| Failure::usage(refusal.to_string());
    let lesson = super::lessons::load(name)?;
    let (mut attempt, mut session) = Attempt::start(Arc::new(lesson)).map_err(refused)?;
    let profile = attempt.profile().clone();
    let mut model = console(args, &mut session, &profile, Screen::Learn)?;
    for _ in 0..steps {
        attempt.next(&mut session).map_err(refused)?;
    }
    let mut told = Vec::new();
    for entry in script.iter().flat_map(|script| &script.entries) {
        let given = attempt.give(&mut session, &entry.command).map_err(refused)?;
        told.push((&entry.command, given));
    }
    let mut shown = StepShown::of(&attempt);
    for (command, given) in told {
        shown.did(command, &given.report);
        shown.judged(&given.verdict);
    }
    update(&mut model, Msg::Lesson(Some(Box::new(shown))));
    look(&mut session, &mut model, &mut 0);
    write(&model, args.size, output)?;
    Ok(FINE)
}

fn write(model: &Model, size: (u16, u16), output: &Path) -> Result<(), Failure> {
    let picture = picture(model, &model.theme, size)?;
    super::output::write(output, picture)
}

fn load(path: &Path, profile: &Profile) -> Result<Script, Failure> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let text = decode(&bytes, &name).map_err(Failure::usage)?;
    read(text, &name, path.parent().unwrap_or(Path::new(".")), profile)
}

fn read(text: &str, name: &str, base: &Path, profile: &Profile) -> Result<Script, Failure> {
    parse_script(text, name, &Limits::of(profile, base)).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::usage(errors.join("\n"))
    })
}

/// Lets time pass, with a look every so often, as the console has it.
fn pass(
    session: &mut Session,
    model: &mut Model,
    mark: &mut u64,
    time: Span,
) -> Result<(), Failure> {
    let end = session.now() + time;
    while session.now() < end {
        let next = end.min(session.now() + LOOK_EVERY);
        while session.now() < next {
            session.advance_steps(next, STEPS)?;
        }
        look(session, model, mark);
    }
    Ok(())
}

/// Gives a command as a person would; `false` if it failed.
fn perform(
    session: &mut Session,
    model: &mut Model,
    mark: &mut u64,
    command: &Command,
) -> Result<bool, Failure> {
    let mut running = session.begin(command)?;
    let mut is_announced = false;
    let report = loop {
        if !is_announced && let Some(op) = running.op().and_then(|op| session.engine_op(op)) {
            update(model, Msg::Started(op));
            is_announced = true;
        }
        if let Some(report) = session.poll(&mut running)? {
            break report;
        }
        session.advance(running.deadline())?;
    };
    look(session, model, mark);
    let is_fine = !report.is_failure();
    let done = report.op.and_then(|op| session.completion(op)).cloned();
    let msg = match (done, report.status) {
        (Some(done), _) if matches!(command, Command::Host(_) | Command::Await(_)) => {
            Msg::Completed(Box::new(done), report.lines.join("  "))
        }
        (_, Status::Fine) => {
            Msg::Ran { command: Box::new(command.clone()), result: Ok(report.lines) }
        }
        (_, Status::HostError(_) | Status::Failed | Status::Refused) => {
            let said = report.lines.join("  ");
            Msg::Ran { command: Box::new(command.clone()), result: Err(said) }
        }
    };
    update(model, msg);
    Ok(is_fine)
}

/// Takes in events and a new snapshot of what the screen shows.
fn look(session: &mut Session, model: &mut Model, mark: &mut u64) {
    let events: Vec<_> = session.events_since(*mark).cloned().collect();
    *mark = session.mark();
    for event in events {
        update(model, Msg::Event(event));
    }
    let plan = layout::plan(model);
    let snapshot = session.snapshot(&view::asked(plan.as_ref(), model, 0));
    update(model, Msg::Workloads(session.workloads_running().map(str::to_owned).collect()));
    update(model, Msg::Snapshot(Box::new(snapshot)));
}

fn picture(model: &Model, theme: &Theme, size: (u16, u16)) -> Result<String, Failure> {
    let failed = |error: core::convert::Infallible| Failure::broken(error);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).map_err(failed)?;
    terminal.draw(|frame| view::draw(frame, model)).map_err(failed)?;
    Ok(screenshot::svg(terminal.backend().buffer(), theme))
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides
        .filter(|(w, h)| [w, h].into_iter().all(|side| (SIDE_MIN..=SIDE_MAX).contains(side)))
        .ok_or_else(|| format!("`{text}` is no size (120x40; {SIDE_MIN} to {SIDE_MAX} each)"))
}
