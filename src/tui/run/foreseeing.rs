//! When a violation became inevitable: futures of the run so far are tried in a thread of their own, and what
//! is known comes in now and then.

use super::super::update::Msg;
use super::{Console, ConsoleError};
use crate::protocol::id::Block;
use crate::session::Session;
use crate::trace::Foreseen;
use crate::trace::recording::Whole;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

/// Results that wait to be drawn; older ones are of no use.
const WAITING_MAX: usize = 4;

/// Tries futures of a recording. Tells what is known after each, until it is told `false`.
pub type Foresee = Arc<
    dyn Fn(Whole, Option<Block>, &mut dyn FnMut(Foreseen) -> bool) -> Result<(), String>
        + Send
        + Sync,
>;

/// What comes of it.
type News = Result<Foreseen, String>;

/// A thread that tries futures.
pub(super) struct Foreseeing {
    news: Receiver<News>,
    stop: Arc<AtomicBool>,
}

impl Drop for Foreseeing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Console {
    /// Begins to try futures of the run so far.
    pub(super) fn foresee(
        &mut self,
        session: &mut Session,
        block: Option<Block>,
    ) -> Result<(), ConsoleError> {
        let whole = match session.recorded() {
            Ok(whole) => whole,
            Err(error) => return self.tell(session, Msg::Foreseen(Err(error.to_string()))),
        };
        let (sender, news) = mpsc::sync_channel(WAITING_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let (foresee, wake) = (Arc::clone(&self.outside.foresee), self.inputs.waker());
        let told = Arc::clone(&stop);
        thread::Builder::new().name("console-foresee".to_owned()).spawn(move || {
            let done = foresee(whole, block, &mut |known| {
                // The last one must come; of the others a newer one will.
                let sent = if known.done {
                    sender.send(Ok(known)).is_ok()
                } else {
                    !matches!(sender.try_send(Ok(known)), Err(mpsc::TrySendError::Disconnected(_)))
                };
                wake();
                sent && !told.load(Ordering::Relaxed)
            });
            if let Err(error) = done {
                let _ = sender.send(Err(error));
                wake();
            }
        })?;
        self.foreseeing = Some(Foreseeing { news, stop });
        Ok(())
    }

    /// Takes in what is known.
    pub(super) fn take_foreseen(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        loop {
            let Some(foreseeing) = &self.foreseeing else { return Ok(()) };
            let news = match foreseeing.news.try_recv() {
                Ok(news) => news,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    self.foreseeing = None;
                    return Ok(());
                }
            };
            if !matches!(&news, Ok(known) if !known.done) {
                self.foreseeing = None;
            }
            self.tell(session, Msg::Foreseen(news.map(Box::new)))?;
        }
    }
}
