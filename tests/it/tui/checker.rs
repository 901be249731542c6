//! The Checker screen and the block's card: of a recording that has a violation, and of a cluster that runs.

use super::conversation::press;
use super::fake;
use super::screens::{Form, draw, shown, text};
use amflab::check::{Past, Start};
use amflab::protocol::MsgKind;
use amflab::protocol::id::{AmfId, Block, Instant, Key, NodeId, OpId};
use amflab::timeline::{Player, Timeline};
use amflab::trace::action::Action;
use amflab::trace::event::Passage;
use amflab::trace::foreseen::Point;
use amflab::trace::{Ask, Command, Engine, Event, EventKind, Foreseen, Lamp};
use amflab::tui::model::{About, Model, Pane, Screen};
use amflab::tui::snapshot::Cluster;
use amflab::tui::theme::Theme;
use amflab::tui::update::{Effect, Msg, update};
use amflab::tui::view::{asked, layout};
use std::process::{Command as Process, Stdio};
use tempfile::TempDir;

/// A console on the recording of a run that a defect spoilt: effects are carried out as it does.
struct Played {
    model: Model,
    player: Player,
    _folder: TempDir,
}

impl Played {
    fn open(script: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("run.amfrec");
        let script = format!("tests/defects/{script}.txt");
        let mut amflab = Process::new(env!("CARGO_BIN_EXE_amflab"));
        amflab.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).stderr(Stdio::null());
        amflab.args(["exec", &script, "--record"]).arg(&file);
        assert_eq!(amflab.status().unwrap().code(), Some(1), "{script} shows its defect");
        let file = std::fs::File::open(file).unwrap();
        let (timeline, past) = Timeline::open_watched(file, &mut |_| {}, |_, profile| {
            Past::new(profile.config.sectors_per_block(), Start::Zero)
        })
        .unwrap();
        let about = About::new(timeline.profile());
        let mut player = Player::new(timeline).unwrap().judged(past);
        let cluster = Cluster::new(player.snapshot(&Ask::BRIEF));
        let theme = Theme::named(Theme::names().next().unwrap()).unwrap();
        let mut model = Model::new(about, cluster, theme);
        (model.size.width, model.size.height, model.hint) = (100, 30, false);
        let mut console = Self { model, player, _folder: folder };
        console.press("5");
        console.look();
        console
    }

    fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let effects = press(&mut self.model, key);
            self.carry_out(effects);
            self.look();
        }
    }

    fn look(&mut self) {
        let ask = asked(layout::plan(&self.model).as_ref(), &self.model, 100);
        let snapshot = self.player.snapshot(&ask);
        let more = update(&mut self.model, Msg::Snapshot(Box::new(snapshot)));
        self.carry_out(more);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let more = match effect {
                Effect::Tell(from, to) => {
                    let events = self.player.told(from, to).unwrap().unwrap();
                    update(&mut self.model, Msg::Told((from, to), events))
                }
                Effect::Run(Command::Act(Action::Seek(to))) => {
                    self.player.submit(Action::Seek(to)).unwrap();
                    self.look();
                    Vec::new()
                }
                other => panic!("{other:?}"),
            };
            self.carry_out(more);
        }
    }

    fn screen(&mut self) -> String {
        text(&draw(&mut self.model, (100, 30)))
    }
}

#[test]
fn from_a_red_lamp_of_a_recording_to_the_step_that_made_it_red() {
    let mut played = Played::open("stale_grant_copy");
    assert!(!played.screen().contains("violated"), "nothing had happened yet");
    played.press("]");
    let end = played.player.timeline().position();
    let lamps = played.model.cluster.now.lamps.clone().unwrap();
    assert_eq!(lamps.violated, 1);
    let red = lamps.blocks[0].clone();
    assert_eq!((red.lamp, red.block), (Lamp::Violated, Block(3)));
    played.model.select_block(3);
    played.look();
    let history = played.model.cluster.now.lamps.clone().unwrap().history.unwrap();
    assert!(!history.conflict.is_empty(), "{history:?}");
    assert!(played.screen().contains("violated: no order of effects"));
    // The violation, in the ladder, and the recording stands there.
    played.press("o");
    assert_eq!(played.model.screen, Screen::Ladder);
    let since = red.since.unwrap();
    assert_eq!(played.player.timeline().position(), since);
    assert!(since <= end);
    let row = played.model.ladder.selected().unwrap();
    assert!(row.at.step <= since && row.at.step + 1 >= since, "{row:?}");
    // One of its operations: chosen with the arrows, opened with enter.
    played.press("] 5 tab down enter");
    assert_eq!(played.model.screen, Screen::Ladder);
    let op = played.model.selected.op.unwrap();
    let here = played.player.timeline().position();
    assert!(here < since, "op{} was asked before", op.0);
    let row = played.model.ladder.selected().unwrap();
    assert_eq!((row.op, row.at.step), (Some(op), here));
}

#[test]
fn a_running_cluster_shows_the_operation_in_its_ladder() {
    let mut model = shown(fake::trouble(), Screen::Checker, Form::Default);
    model.select_block(17);
    press(&mut model, "o");
    let said = &model.notice.as_ref().unwrap().text;
    assert!(said.contains("op46 is no longer in the ladder"), "{said}");
    let (op, what) = (OpId(46), "read b17".to_owned());
    let (now, node) = (Instant(12_340_000_000), NodeId::Witness);
    let kind = EventKind::Asked { op, what };
    update(&mut model, Msg::Event(Event { step: 77, now, node, kind }));
    press(&mut model, "o");
    assert_eq!(model.screen, Screen::Ladder);
    assert_eq!(model.ladder.selected().unwrap().op, Some(op));
    // Without a violation, and nothing chosen, there is nothing to go to.
    let mut model = shown(fake::snapshot(), Screen::Checker, Form::Default);
    model.select_block(4);
    press(&mut model, "o");
    assert_eq!(model.screen, Screen::Checker);
    assert!(model.notice.is_some());
}

#[test]
fn arrows_choose_operations_and_escape_lets_go() {
    let mut model = shown(fake::snapshot(), Screen::Checker, Form::Default);
    model.select_block(17);
    press(&mut model, "enter");
    assert_eq!(model.focus(), Pane::History);
    press(&mut model, "down");
    let newest = model.selected.op;
    press(&mut model, "up");
    press(&mut model, "up");
    assert!(newest.is_some() && model.selected.op.is_some() && model.selected.op != newest);
    assert_eq!(model.selected.block, Block(17));
    press(&mut model, "right");
    assert_ne!(model.selected.block, Block(17), "sideways goes from block to block");
    press(&mut model, "esc");
    assert_eq!((model.selected.op, model.focus()), (None, Pane::History));
    press(&mut model, "esc");
    assert_eq!(model.focus(), Pane::Lamps);
}

#[test]
fn enter_on_the_matrix_opens_the_card_with_what_would_be_left() {
    let mut model = shown(fake::snapshot(), Screen::Dashboard, Form::Default);
    model.select_block(17);
    model.focus_on(Pane::Matrix);
    press(&mut model, "enter");
    assert_eq!((model.screen, model.focus()), (Screen::Caches, Pane::Card));
    let plan = layout::plan(&model);
    assert_eq!(asked(plan.as_ref(), &model, 0).lens, Some(Block(17)));
    let screen = text(&draw(&mut model, (120, 40)));
    for said in ["power off", "in doubt", "amf2 completes", "waits for exclusive", "stored  disk2"]
    {
        assert!(screen.contains(said), "{said}\n{screen}");
    }
    // What is known of another block is not shown for this one.
    model.select_block(18);
    let screen = text(&draw(&mut model, (120, 40)));
    assert!(!screen.contains("power off"), "{screen}");
}

#[test]
fn the_chain_names_the_message_that_is_missing() {
    let mut now = fake::snapshot();
    // amf0 has nothing to do with the block: its grant is what amf2 waits for.
    now.locks.retain(|lock| lock.key != Key::Block(Block(17)) || lock.amf == AmfId(2));
    let mut model = shown(now, Screen::Caches, Form::Default);
    model.select_block(17);
    model.focus_on(Pane::Card);
    let passage = Passage {
        from: AmfId(0),
        to: AmfId(2),
        kind: MsgKind::Grant,
        key: Some(Key::Block(Block(17))),
        detail: String::new(),
        cause: OpId(42),
        again: false,
    };
    let (step, sent) = (9, Instant(12_345_000_000 - 3_000_000));
    let node = NodeId::Amf(AmfId(0));
    update(&mut model, Msg::Event(Event { step, now: sent, node, kind: EventKind::Sent(passage) }));
    let screen = text(&draw(&mut model, (200, 60)));
    assert!(screen.contains("grant to amf2 is on its way"), "{screen}");
    assert!(screen.contains("sent 3.0ms"), "{screen}");
}

fn foreseen(upto: usize, done: bool) -> Foreseen {
    let shares = [(0, 1), (290, 3), (417, 6), (418, 5), (419, 12), (420, 12)];
    let point = |(position, failed): &(u64, u32)| Point {
        position: *position,
        futures: 12,
        failed: *failed,
        undecided: 0,
    };
    Foreseen {
        checker: "linearizability".to_owned(),
        key: Some(Key::Block(Block(17))),
        violation: 421,
        base: 0,
        points: shares[..upto].iter().map(point).collect(),
        futures: 12,
        broke: 0,
        done,
    }
}

#[test]
fn when_it_became_inevitable_is_asked_drawn_and_gone_to() {
    let mut model = shown(fake::trouble(), Screen::Checker, Form::Default);
    model.select_block(17);
    assert!(press(&mut model, "I").is_empty() && model.notice.is_some(), "nothing is known yet");
    assert_eq!(press(&mut model, "i"), [Effect::Foresee(Some(Block(17)))]);
    update(&mut model, Msg::Foreseen(Ok(Box::new(foreseen(2, false)))));
    let screen = text(&draw(&mut model, (120, 40)));
    assert!(screen.contains("inevitable? so far: "), "{screen}");
    update(&mut model, Msg::Foreseen(Ok(Box::new(foreseen(6, true)))));
    let said = "step 419 made it inevitable: from 418 some futures are fine";
    assert!(model.notice.as_ref().unwrap().text.contains(said));
    let screen = text(&draw(&mut model, (120, 40)));
    assert!(screen.contains("step 0 to 421, 12 futures each; I goes there"), "{screen}");
    // A cluster that runs goes to the row of the last step that was fine, if it still has it.
    press(&mut model, "I");
    assert!(model.notice.as_ref().unwrap().text.contains("step 418 is no longer in the ladder"));
    // Again, and stopped: what still comes is not shown.
    assert_eq!(press(&mut model, "i").len(), 1);
    assert_eq!(press(&mut model, "i"), [Effect::StopForeseeing]);
    update(&mut model, Msg::Foreseen(Ok(Box::new(foreseen(6, true)))));
    assert!(model.foreseen.as_ref().unwrap().known.is_none());
    assert_eq!(press(&mut model, "i").len(), 1);
    update(&mut model, Msg::Foreseen(Err("the steps of this run are not kept".to_owned())));
    let screen = text(&draw(&mut model, (120, 40)));
    assert!(screen.contains("inevitable? the steps of this run are not kept"), "{screen}");
}

/// The share of futures that fails, as a sparkline.
pub(super) fn cliff(form: Form) -> Model {
    let mut model = shown(fake::trouble(), Screen::Checker, form);
    model.select_block(17);
    model.focus_on(Pane::History);
    press(&mut model, "i");
    update(&mut model, Msg::Foreseen(Ok(Box::new(foreseen(6, true)))));
    model.notice = None;
    model
}

/// The card of a block, with what would survive.
pub(super) fn card(form: Form) -> Model {
    let mut model = shown(fake::trouble(), Screen::Caches, form);
    model.select_block(17);
    model.focus_on(Pane::Card);
    model
}
