//! A profile at the head of a recording, and back.

use super::{Profile, ProfileError, parse, to_toml};
use crate::trace::recording::{CODE, Head, Origin};

impl Profile {
    /// The head of a recording of a cluster that was built from this profile.
    #[must_use]
    pub fn head(&self, engine: &str, origin: Origin) -> Head {
        Head {
            code: CODE.to_owned(),
            engine: engine.to_owned(),
            profile_name: self.name.clone(),
            profile: to_toml(self),
            seed: self.seed,
            origin,
        }
    }

    /// The profile that a recording was made with.
    ///
    /// # Errors
    /// What the head says is no profile for this code.
    pub fn of_head(head: &Head) -> Result<Self, ProfileError> {
        let mut profile = parse(&head.profile_name, "the recording's profile", &head.profile, &[])?;
        profile.seed = head.seed;
        Ok(profile)
    }
}
