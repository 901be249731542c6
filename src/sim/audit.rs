//! What no single step can tell: that every request was answered, the slow full scan of the invariants,
//! every acknowledged write looked for where it should be (invariant 6), and every block's history
//! (invariant 7).

use super::Sim;
use crate::check::durability::{CHECKER, Tally};
use crate::check::linear::blocks::{Blocks, described};
use crate::check::linear::{Conflict, Verdict};
use crate::protocol::Data;
use crate::protocol::Many;
use crate::protocol::amf::Amf;
use crate::protocol::group::{Group, SlotState};
use crate::protocol::id::{AmfId, Block, Key};
use crate::trace::snapshot::DoubtInfo;

/// Configurations that may be explored for a block's history.
const BUDGET: u64 = 4_000_000;
/// Operations of a conflict that are told.
const TOLD_MAX: usize = 8;

/// What an audit could not decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// Blocks whose history was too long for the budget.
    pub undecided: u64,
    /// Something is under way, or down, that an active fault holds back: nothing was judged but histories.
    pub held_back: bool,
}

impl Sim {
    /// Judges what no single step can tell: that nothing is outstanding, every block of the volume as it
    /// would be read now (a dirty line if there is one, else every copy on a trusted disk), and the
    /// histories, if they are kept. What it finds is in the violations. For a cluster that has settled, or
    /// should have; a volume of many blocks takes its time.
    pub fn audit(&mut self) -> Audited {
        let members = self.world.witness().view().set();
        let is_up = |amf: AmfId| self.world.amf(amf).is_some() && !self.world.is_paused(amf);
        let all_up = members.iter().all(is_up);
        let (open, unsettled) = (self.world.outstanding(), self.world.unsettled());
        let rests = open == 0 && unsettled.is_empty() && self.parked.is_empty();
        let mut audited = Audited { held_back: !rests || !all_up, ..Audited::default() };
        if rests && all_up {
            self.world.full_scan();
            self.audit_blocks();
        } else if !rests && all_up && !self.is_hindered() {
            let open = Many::of(open, "request");
            let text = format!("{open} unanswered; does not settle: {}", unsettled.join("; "));
            self.world.report("progress", None, text);
        }
        audited.undecided = self.audit_histories();
        self.undecided = audited.undecided;
        audited
    }

    /// Hosts live with the loss of what is in doubt: nothing is expected of it any more.
    pub(super) fn forget_what_is_lost(&mut self) {
        for DoubtInfo { first, blocks, .. } in self.world.doubt() {
            if let Some(judge) = &mut self.judge {
                (first.0..first.0 + blocks).for_each(|block| judge.forget(Block(block)));
            }
            if let Some(history) = &mut self.history {
                history.on_lost(first, blocks, self.now).expect("memory takes every line");
            }
        }
    }

    fn audit_blocks(&mut self) {
        let Some(judge) = &self.judge else { return };
        let mut tally = Tally::default();
        for block in (0..self.profile.config.blocks).map(Block) {
            for (place, data) in self.contents(block) {
                // Nobody is given what is in doubt (section 6 [D3]).
                let Some(data) = data else { continue };
                tally.add(judge, block, Some(&data), &place);
            }
        }
        for finding in tally.findings {
            self.world.report(CHECKER, finding.key, finding.text);
        }
    }

    /// Judges every block's history; how many could not be decided.
    fn audit_histories(&mut self) -> u64 {
        let Some(history) = self.history.clone() else { return 0 };
        let bytes = history.finish().expect("memory takes every line");
        let text = String::from_utf8(bytes).expect("JSON is text");
        let mut blocks = Blocks::default();
        for line in text.lines() {
            blocks.line(line).expect("what a recorder writes is a history");
        }
        blocks.sort();
        let mut undecided = 0;
        for index in 0..blocks.len() {
            let part = blocks.part(index);
            match part.register.judge(BUDGET).verdict {
                Verdict::Linearizable(_) => {}
                Verdict::Unknown => undecided += 1,
                Verdict::NotLinearizable(conflict) => {
                    let block = Block(part.first / u64::from(blocks.per_block()));
                    let told = told(&conflict, &part.lines, &text, blocks.per_block());
                    let text = format!("b{}: {told}", block.0);
                    self.world.report("linearizability", Some(Key::Block(block)), text);
                }
            }
        }
        undecided
    }

    /// Where a block's current content is, and what it is; `None`: that is in doubt.
    fn contents(&self, block: Block) -> Vec<(String, Option<Data>)> {
        let cfg = &self.profile.config;
        let amfs = (0..cfg.amfs).map(AmfId).filter_map(|amf| self.world.amf(amf));
        let epoch = self.world.witness().view().epoch;
        let members = amfs.filter(|amf| amf.is_member() && amf.epoch() == epoch);
        let dirty = |amf: &Amf| {
            let line = amf.line(block).filter(|line| line.state.is_dirty());
            line.map(|line| (line.version, amf.id().to_string(), line.data.clone()))
        };
        let dirty = members.filter_map(dirty).max_by_key(|(version, ..)| *version);
        let slots = &self.world.witness().view().group.slots;
        let places = Group::new(&cfg.group).places(block).into_iter();
        let online = places.filter_map(|place| {
            let slot = slots[usize::from(place.slot)];
            (slot.state == SlotState::Online).then_some((slot.disk, place.at))
        });
        // A lent line may be older than what is on disk.
        let stored = |disk, at| self.world.record_on(disk, at).map(|record| record.version);
        if let Some((version, owner, data)) = dirty
            && !online.clone().all(|(disk, at)| stored(disk, at) >= Some(version))
        {
            return vec![(owner, Some(data))];
        }
        let blank = || Data::zero(cfg.block_size);
        online
            .map(|(disk, at)| {
                let record = self.world.record_on(disk, at);
                let version = record.map(|record| record.version).unwrap_or_default();
                let data = record.map_or_else(blank, |record| record.data.clone());
                let sure = !self.world.is_in_doubt(block, version);
                (disk.to_string(), sure.then_some(data))
            })
            .collect()
    }
}

/// The operations that contradict each other.
fn told(conflict: &Conflict, lines: &[u32], text: &str, per_block: u32) -> String {
    let all: Vec<&str> = text.lines().collect();
    let ops = conflict.ops.iter().take(TOLD_MAX).map(|op| {
        let line = lines[*op as usize] as usize;
        let words = described(line, all[line - 1], per_block);
        words.split_once("  ").map_or(words.clone(), |(_, rest)| rest.to_owned())
    });
    let ops: Vec<String> = ops.collect();
    let more = conflict.ops.len().saturating_sub(TOLD_MAX);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    format!("these contradict each other: {}{more}", ops.join(" | "))
}
