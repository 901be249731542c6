//! What a profile allows commands to name.

use super::Profile;
use super::library::workload_parts;
use crate::trace::Limits;
use std::path::Path;

impl Limits {
    /// What exists under `profile`; `@FILE` is looked for from `base_dir` on.
    #[must_use]
    pub fn of(profile: &Profile, base_dir: &Path) -> Self {
        let config = &profile.config;
        let own = profile.workloads.iter().map(|spec| spec.name.as_str());
        let mut workloads: Vec<String> = own.map(str::to_owned).collect();
        let known = workload_parts().into_iter().map(str::to_owned);
        workloads
            .extend(known.filter(|name| profile.workloads.iter().all(|own| own.name != *name)));
        Self {
            amfs: config.amfs,
            disks: config.disks_all(),
            blocks: config.blocks,
            block_size: config.block_size,
            workloads,
            base_dir: base_dir.to_owned(),
        }
    }
}
