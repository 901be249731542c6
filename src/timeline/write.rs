//! A list of steps as a recording: what a campaign keeps of a seed that failed.

use super::fold::Fold;
use crate::profile::Profile;
use crate::trace::recording::{Encoder, Origin, Recorded};
use crate::trace::step::StepEntry;
use std::io::{self, Write};

/// Writes the steps of a simulation that began with blank disks ([`crate::trace::StepEntry`]s as
/// `Sim::log` keeps them) as a whole recording. `profile` carries the seed. A last step in which the
/// core contradicts itself is written too.
///
/// # Errors
/// `out` cannot be written.
pub fn write_log(profile: &Profile, steps: &[StepEntry], mut out: impl Write) -> io::Result<()> {
    let head = profile.head("sim", Origin::BLANK);
    out.write_all(&Encoder::head(&head))?;
    let mut fold = Fold::new(profile, &head);
    let mut encoder = Encoder::new(profile.config.amfs, profile.config.disks_all());
    let mut bytes = Vec::new();
    let mut goes_on = true;
    for entry in steps {
        let mut recorded =
            Recorded { entry: entry.clone(), outcome: None, digest: 0, broke: false };
        if goes_on {
            goes_on = fold.apply(&recorded);
            recorded.digest = fold.world().digest();
        }
        if encoder.push(&recorded) {
            encoder.seal(&mut bytes);
            out.write_all(&bytes)?;
            bytes.clear();
        }
    }
    encoder.end("the run ended", false, &mut bytes);
    out.write_all(&bytes)?;
    out.flush()
}
