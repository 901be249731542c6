//! What a profile allows commands to name.

use super::Profile;
use crate::trace::Limits;
use std::path::Path;

impl Limits {
    /// What exists under `profile`; `@FILE` is looked for from `base_dir` on.
    #[must_use]
    pub fn of(profile: &Profile, base_dir: &Path) -> Self {
        let config = &profile.config;
        Self {
            amfs: config.amfs,
            disks: config.disks_all(),
            blocks: config.blocks,
            block_size: config.block_size,
            workloads: profile.workloads.iter().map(|spec| spec.name.clone()).collect(),
            base_dir: base_dir.to_owned(),
        }
    }
}
