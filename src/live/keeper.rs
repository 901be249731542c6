//! What the cluster remembers of itself in its data folder: the epochs that the witness promised, and
//! which disk fills which slot.

use crate::protocol::View;
use crate::protocol::id::Epoch;
use crate::store::{Folder, FolderState};
use std::sync::Arc;

/// Keeps [`FolderState`] up to date. Without a folder that outlives the run it remembers only.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: Option<Folder>,
    /// A folder that goes with this value.
    temp: Option<tempfile::TempDir>,
    state: FolderState,
    view: Option<Arc<View>>,
    trouble: Option<String>,
}

impl Keeper {
    pub(crate) fn new(
        folder: Option<Folder>,
        temp: Option<tempfile::TempDir>,
        state: FolderState,
    ) -> Self {
        Self { folder, temp, state, view: None, trouble: None }
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Option<&View> {
        self.view.as_deref()
    }

    /// The run leaves nothing behind.
    pub(crate) fn is_temporary(&self) -> bool {
        self.folder.is_none() || self.temp.is_some()
    }

    /// Why the newest state could not be saved.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Remembers that `epoch` was promised, and the newest view; `true`: it is durable.
    pub(crate) fn persist(&mut self, epoch: Epoch, view: &Arc<View>) -> bool {
        self.state.witness_epoch = self.state.witness_epoch.max(epoch);
        if self.view.as_ref().is_none_or(|known| known.epoch <= view.epoch) {
            self.view = Some(Arc::clone(view));
            self.state.view = Some(View::clone(view));
        }
        self.state.clean = false;
        self.save()
    }

    /// The last words: everything was destaged and closed, or not.
    pub(crate) fn close(&mut self, clean: bool) {
        self.state.clean = clean;
        self.save();
        self.folder = None;
        if let Some(temp) = self.temp.take()
            && let Err(error) = temp.close()
        {
            tracing::warn!(target: "live", "the temporary folder is still there: {error}");
        }
    }

    fn save(&mut self) -> bool {
        let Some(folder) = self.folder.as_ref().filter(|_| self.temp.is_none()) else {
            return true;
        };
        let saved = folder.save(&self.state).map_err(|error| error.to_string());
        if let Err(error) = &saved
            && self.trouble.as_ref() != Some(error)
        {
            tracing::error!(target: "live", "{error}");
        }
        self.trouble = saved.err();
        self.trouble.is_none()
    }
}
