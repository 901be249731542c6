//! Near scripts: a seed takes a script in which something once went wrong, changes it a little, and lets
//! faults and requests of its recipe in between. Where drafts of the protocol broke, its code is likelier
//! to break than anywhere else; and what takes messages that are late in one certain order is hardly ever
//! drawn from nothing.
//!
//! Reading order: this file (the scripts), [`mod@draw`] (on which cluster one is played), [`change`] (how it
//! is changed). [`super::direct`] plays it, asks the guard before every command, heals and reads back, as it
//! does for any other seed.

pub mod change;
pub mod draw;

use super::plan::{NoPlan, Plan};
use super::simpler::{blocks_of, host_of, rename};
use crate::protocol::id::NodeId;
use crate::trace::Command;
use crate::trace::action::Action;
use crate::trace::command::{Condition, Expectation, HostCommand};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

/// The counterexamples among the conversations of the tests, without their traces
/// (`AMFLAB_BLESS=1 cargo test --test it campaign::near` writes it).
const BUILT_IN: &str = include_str!("../../../assets/situations.txt");
/// Begins a line that names the script below it.
pub const NAME: &str = "=== ";

static SITUATIONS: LazyLock<Vec<Situation>> = LazyLock::new(|| {
    let parts = BUILT_IN.split(NAME).skip(1);
    let named = parts.filter_map(|part| part.split_once('\n'));
    let read = |(name, text)| Situation::read(name, text, Path::new("."));
    named.map(|part| read(part).expect("a test reads every one of them")).collect()
});

/// A script near which seeds are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// What to call it.
    pub name: String,
    /// Its keys and what it does: expectations of a value are reads, whatever only speaks is left out.
    pub plan: Plan,
}

/// Machines and blocks that a script names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cast {
    /// One more than the highest AMF's number.
    pub amfs: u8,
    /// One more than the highest disk's number.
    pub disks: u8,
    /// Blocks that hosts ask for.
    pub blocks: BTreeSet<u64>,
}

impl Situation {
    /// A situation from the text of a script.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(name: &str, text: &str, base: &Path) -> Result<Self, NoPlan> {
        Ok(Self::of(name, Plan::of_script(text, name, base, &[])?))
    }

    /// A situation from a plan. What rule is broken, if any, the campaign says.
    #[must_use]
    pub fn of(name: &str, plan: Plan) -> Self {
        let plan = if plan.is_defective() { plan.healthy() } else { plan };
        let commands = plan.commands.iter().filter_map(played).collect();
        Self { name: name.to_owned(), plan: Plan { commands, ..plan } }
    }

    /// Those that are built in.
    #[must_use]
    pub fn built_in() -> &'static [Self] {
        &SITUATIONS
    }

    /// Whom it names.
    #[must_use]
    pub fn cast(&self) -> Cast {
        let mut cast = Cast::default();
        for command in &self.plan.commands {
            rename(command, &mut |node| {
                match node {
                    NodeId::Amf(amf) => cast.amfs = cast.amfs.max(amf.0 + 1),
                    NodeId::Disk(disk) => cast.disks = cast.disks.max(disk.0 + 1),
                    NodeId::Witness => {}
                }
                node
            });
            if let Some((block, count)) = host_of(command).and_then(blocks_of) {
                cast.blocks.extend(block..block + u64::from(count));
            }
        }
        cast
    }
}

/// What is played of a command.
fn played(command: &Command) -> Option<Command> {
    match command {
        Command::Expect(Expectation::Value(amf, block, _)) => {
            Some(Command::Host(HostCommand::Read(*amf, *block, 1)))
        }
        // Step mode stops the clock; the others are not about the cluster, or go on by themselves.
        Command::Act(Action::Hold(filter)) if filter.is_all() => None,
        Command::Act(
            Action::Step(_)
            | Action::Tempo(_)
            | Action::Record(_)
            | Action::Seek(_)
            | Action::Defect(..),
        )
        | Command::Expect(_)
        | Command::RunUntil(Condition::Replayed, _)
        | Command::Note(_)
        | Command::Why(..)
        | Command::Workload(..)
        | Command::Replay(_) => None,
        Command::Act(_)
        | Command::Host(_)
        | Command::Start(..)
        | Command::Await(_)
        | Command::RunUntil(..)
        | Command::Wait(_)
        | Command::Settle
        | Command::Audit => Some(command.clone()),
    }
}
