//! One frame of the dashboard: 240x67, 16 AMFs under load.

use crate::{Figure, each_ns, paired, profile};
use amflab::session::Session;
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Ask, Command};
use amflab::tui::model::{About, Model};
use amflab::tui::snapshot::Cluster;
use amflab::tui::theme::Theme;
use amflab::tui::update::{Msg, update};
use amflab::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::widgets::Paragraph;

pub(crate) const FIGURE: Figure =
    Figure { name: "draw", bar: "at most 1 ms (240x67, 16 AMFs)", run };

const SIZE: (u16, u16) = (240, 67);
const FRAMES: u64 = 100;
/// Steps of the cluster before it is drawn.
const STEPS: u64 = 4_000;

fn run() -> String {
    let mut model = loaded();
    update(&mut model, Msg::Resize(SIZE.0, SIZE.1));
    let mut ours = terminal();
    let mut plain = terminal();
    let text: Vec<String> =
        (0..2).map(|n| format!("{n}{}", "x".repeat(usize::from(SIZE.0 - 1)))).collect();
    let page = |n: u64| vec![text[n as usize % 2].as_str(); usize::from(SIZE.1)].join("\n");
    let pages = [page(0), page(1)];
    let (ours, reference) = paired(
        || {
            each_ns(FRAMES, |_| {
                // Every frame has something new in it, as when events flow.
                model.cluster.now.now.0 += 33_000_000;
                ours.draw(|frame| view::draw(frame, &model)).expect("a buffer").count
            })
        },
        || {
            each_ns(FRAMES, |n| {
                let page = Paragraph::new(pages[n as usize % 2].as_str());
                plain.draw(|frame| frame.render_widget(page, frame.area())).expect("a buffer").count
            })
        },
    );
    let (ours, reference) = (ours / 1_000.0, reference / 1_000.0);
    format!("{ours:.0} us, reference (one paragraph) {reference:.0} us: {:.1} x", ours / reference)
}

fn terminal() -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a buffer")
}

/// A console that has watched the profile `large` for a while.
fn loaded() -> Model {
    let profile = profile("large", &[]);
    let sim = Sim::new(&profile, profile.seed, SimOptions { judge: true, ..SimOptions::default() });
    let mut session = Session::new(Box::new(sim), &profile);
    let cluster = Cluster::new(session.snapshot(&Ask::BRIEF));
    let theme = Theme::named("terminal-16").expect("built in");
    let mut model = Model::new(About::new(&profile), cluster, theme);
    model.hint = false;
    for spec in &profile.workloads {
        session.execute(&Command::Workload(true, spec.name.clone())).expect("it goes on");
    }
    for _ in 0..STEPS {
        session.advance(amflab::protocol::id::Instant::NEVER).expect("it goes on");
    }
    let events: Vec<_> = session.events_since(0).cloned().collect();
    for event in events {
        update(&mut model, Msg::Event(event));
    }
    let snapshot = session.snapshot(&Ask { first: 0, end: 1_024, held_max: 0, ..Ask::BRIEF });
    update(&mut model, Msg::Snapshot(Box::new(snapshot)));
    model
}
