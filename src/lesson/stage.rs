//! Clusters of a lesson: a new one, one in which commands are repeated, and what a copy says.

use crate::check::{Judged, Start};
use crate::guard::guarded;
use crate::profile::Profile;
use crate::session::{Report, Session};
use crate::sim::{Sim, SimOptions};
use crate::trace::snapshot::{Ask, LineInfo};
use crate::trace::{Command, EngineError, Violation};

/// Why a cluster cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The machines contradicted themselves.
    #[error("an assertion of the core failed: {0}")]
    Core(String),
    /// The engine gave up.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A new cluster that has settled: simulated, every read judged, a lamp for every block.
pub(super) fn fresh(profile: &Profile) -> Result<Session, Trouble> {
    let options = SimOptions { judge: true, history: true, keep: true, ..SimOptions::default() };
    let sim = Sim::new(profile, profile.seed, options);
    let mut session = Session::new(Box::new(Judged::lit(sim, Start::Zero)), profile);
    execute(&mut session, &Command::Settle)?;
    Ok(session)
}

/// Gives a command and lets time pass until it is through, and no longer.
pub(super) fn execute(session: &mut Session, command: &Command) -> Result<Report, Trouble> {
    let report = guarded(|| {
        session.pump();
        session.execute(command)
    });
    Ok(report.map_err(Trouble::Core)??)
}

/// A cluster in which these commands were given: the same commands always come to the same.
pub(super) fn repeated<'a>(
    profile: &Profile,
    commands: impl IntoIterator<Item = &'a Command>,
) -> Result<Session, Trouble> {
    let mut session = fresh(profile)?;
    for command in commands {
        execute(&mut session, command)?;
    }
    Ok(session)
}

/// What a checker has found first.
pub(super) fn finding(session: &mut Session) -> Option<Violation> {
    session.snapshot(&Ask::BRIEF).violations.into_iter().next()
}

/// Every block that some AMF has in its cache, and in which states: `b3 amf0:M amf1:I`.
#[must_use]
pub fn caches(session: &mut Session) -> Vec<String> {
    let snapshot = session.snapshot(&Ask { held_max: 0, ..Ask::ALL });
    let lines = snapshot.amfs.iter().flat_map(|amf| amf.lines.iter().map(|line| line.block));
    let mut blocks: Vec<_> = lines.collect();
    blocks.sort_unstable();
    blocks.dedup();
    let state = |lines: &[LineInfo], block| {
        let line = lines.iter().find(|line| line.block == block);
        line.map_or_else(|| "I".to_owned(), |line| line.state.to_string())
    };
    let row = |block: &crate::protocol::id::Block| {
        let of =
            snapshot.amfs.iter().map(|amf| format!(" {}:{}", amf.id, state(&amf.lines, *block)));
        format!("b{}{}", block.0, of.collect::<String>())
    };
    blocks.iter().map(row).collect()
}
