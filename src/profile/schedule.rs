//! A profile's fault schedule as it comes due: what, when, again and again, and what ends it.
//!
//! Pure bookkeeping over the times that the caller brings; what is drawn is drawn by the profile's seed.

use super::model::{FaultSpec, Profile, Turn};
use crate::protocol::id::{Instant, Span};
use crate::trace::Command;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Stream of the dice: no generator has it.
const STREAM: u64 = u64::MAX;

/// See the module. Getters: `next`, `is_over`; doing: `take`; ending: `cut`, `heal`.
#[derive(Clone, Debug)]
pub struct Schedule {
    faults: Vec<Entry>,
    /// What ends faults that have come, by time.
    heals: Vec<(Instant, Command)>,
    dice: ChaCha8Rng,
}

#[derive(Clone, Debug)]
struct Entry {
    spec: FaultSpec,
    /// When it comes next.
    at: Instant,
    /// Times that it has come.
    times: usize,
}

impl Schedule {
    /// The schedule of a profile; times count from `start` on.
    #[must_use]
    pub fn new(profile: &Profile, start: Instant) -> Self {
        let entry =
            |spec: &FaultSpec| Entry { at: start + Span(spec.at.0), spec: spec.clone(), times: 0 };
        let mut dice = ChaCha8Rng::seed_from_u64(profile.seed);
        dice.set_stream(STREAM);
        Self { faults: profile.faults.iter().map(entry).collect(), heals: Vec::new(), dice }
    }

    /// When something is due next; [`Instant::NEVER`]: nothing is.
    #[must_use]
    pub fn next(&self) -> Instant {
        let faults = self.faults.iter().map(|entry| entry.at);
        let heals = self.heals.iter().map(|(at, _)| *at);
        faults.chain(heals).min().unwrap_or(Instant::NEVER)
    }

    /// True if nothing is left but what comes again and again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.heals.is_empty() && self.faults.iter().all(|entry| entry.spec.every.is_some())
    }

    /// The first that is due by `now`, if any is: what ends a fault before what begins one.
    pub fn take(&mut self, now: Instant) -> Option<Command> {
        let heal = self.heals.iter().enumerate().min_by_key(|(i, (at, _))| (*at, *i));
        let heal = heal.map(|(i, (at, _))| (i, *at));
        let fault = self.faults.iter().enumerate().min_by_key(|(i, entry)| (entry.at, *i));
        let fault = fault.map(|(i, entry)| (i, entry.at));
        match (heal, fault) {
            (Some((i, at)), other) if at <= now && other.is_none_or(|(_, fault)| at <= fault) => {
                Some(self.heals.remove(i).1)
            }
            (_, Some((i, at))) if at <= now => Some(self.strike(i)),
            _ => None,
        }
    }

    fn strike(&mut self, index: usize) -> Command {
        let Self { faults, heals, dice } = self;
        let entry = &mut faults[index];
        let all = &entry.spec.commands;
        let chosen = match entry.spec.turn {
            Turn::InTurn => entry.times % all.len(),
            Turn::Drawn => dice.random_range(0..all.len()),
        };
        let strike = all[chosen].clone();
        if let Some(heal) = strike.heal {
            heals.push((entry.at + entry.spec.stability, heal));
        }
        entry.times += 1;
        match entry.spec.every {
            Some(every) => entry.at = entry.at + every,
            None => {
                faults.remove(index);
            }
        }
        strike.command
    }

    /// Leaves out what would begin after `end`; what has begun is still ended.
    pub fn cut(&mut self, end: Instant) {
        self.faults.retain(|entry| entry.at <= end);
    }

    /// No fault comes any more; what ends those that have come, in order.
    pub fn heal(&mut self) -> Vec<Command> {
        self.faults.clear();
        self.heals.sort_by_key(|(at, _)| *at);
        self.heals.drain(..).map(|(_, command)| command).collect()
    }
}
