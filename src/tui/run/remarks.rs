//! What other parts of the program remark with `tracing`, from whatever thread: it comes to the log pane.

use super::super::model::LogLevel;
use core::fmt::{Debug, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Remarks that wait to be shown; whoever makes more of them must not wait for the screen.
const REMARKS_MAX: usize = 1_000;

/// One of them.
pub(super) struct Remark {
    pub(super) level: LogLevel,
    /// Which part.
    pub(super) source: String,
    pub(super) text: String,
}

/// Hands over what is remarked from now on.
pub(super) fn listen() -> Receiver<Remark> {
    let (sender, remarks) = sync_channel(REMARKS_MAX);
    // Another subscriber may be there already, in tests: then nothing comes.
    let _ = tracing_subscriber::registry().with(Listener(sender)).try_init();
    remarks
}

struct Listener(SyncSender<Remark>);

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            _ => return,
        };
        let mut words = Words::default();
        event.record(&mut words);
        let source = event.metadata().target().to_owned();
        let _ = self.0.try_send(Remark { level, source, text: words.0 });
    }
}

/// The message, and what else is told.
#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = field.name();
        let _ = match name {
            "message" => write!(self.0, "{value:?}"),
            _ => write!(self.0, " {name}: {value:?}"),
        };
    }
}
