//! State x event tables are made in threads of their own: that takes a second or more, and nobody waits.

use super::super::update::Msg;
use super::Console;
use super::ConsoleError;
use crate::explore::explore;
use crate::protocol::Protocol;
use crate::session::Session;
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

impl Console {
    /// Begins to make a table. Without a thread it is made here.
    pub(super) fn explore(&mut self, protocol: Protocol) {
        let (sender, receiver) = mpsc::channel();
        let (inside, waker) = (sender.clone(), self.inputs.waker());
        let made = thread::Builder::new().name("console-table".to_owned()).spawn(move || {
            let _ = inside.send(Arc::new(explore(protocol)));
            waker();
        });
        if made.is_err() {
            let _ = sender.send(Arc::new(explore(protocol)));
        }
        self.exploring.push(receiver);
    }

    /// Tables that have been made.
    pub(super) fn take_tables(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let mut made = Vec::new();
        self.exploring.retain(|table| match table.try_recv() {
            Ok(table) => {
                made.push(table);
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => false,
        });
        for table in made {
            self.tell(session, Msg::Table(table))?;
        }
        Ok(())
    }
}
