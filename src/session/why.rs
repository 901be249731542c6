//! "Why is this block busy?": the chain of who waits for whom, in words. A pure function of a snapshot.

use crate::protocol::id::{AmfId, Block, Key, NodeId};
use crate::trace::snapshot::{AmfStatus, LockInfo, LockPhase, Snapshot};

/// Longest chain that is told.
const LINES_MAX: usize = 32;

/// Why an AMF has not got access to a block, or what it does with it; then the same of those it
/// waits for, indented, each AMF once.
#[must_use]
pub fn why(snapshot: &Snapshot, amf: AmfId, block: Block) -> Vec<String> {
    let mut chain = Chain { snapshot, key: Key::Block(block), told: Vec::new(), lines: Vec::new() };
    chain.tell(amf, 0);
    chain.lines
}

struct Chain<'a> {
    snapshot: &'a Snapshot,
    key: Key,
    told: Vec<AmfId>,
    lines: Vec<String>,
}

impl Chain<'_> {
    fn say(&mut self, depth: usize, line: &str) {
        if self.lines.len() < LINES_MAX {
            self.lines.push(format!("{}{line}", "  ".repeat(depth)));
        }
    }

    fn tell(&mut self, amf: AmfId, depth: usize) {
        if self.told.contains(&amf) {
            return;
        }
        self.told.push(amf);
        let key = self.key;
        let locks: Vec<&LockInfo> =
            self.snapshot.locks.iter().filter(|lock| lock.key == key && lock.amf == amf).collect();
        if locks.is_empty() {
            self.say(depth, &format!("{amf} has nothing to do with {key}{}", self.standing(amf)));
            if depth == 0 {
                self.tell_others(amf);
            }
            return;
        }
        for lock in locks {
            self.say(depth, &self.phase(lock));
            for peer in lock.missing.iter() {
                self.say(depth + 1, &self.reason(peer, amf));
                self.tell(peer, depth + 2);
            }
        }
    }

    /// The AMF asked about is idle: say who is not.
    fn tell_others(&mut self, amf: AmfId) {
        let busy: Vec<AmfId> = self
            .snapshot
            .locks
            .iter()
            .filter(|lock| lock.key == self.key && lock.amf != amf)
            .map(|lock| lock.amf)
            .collect();
        if busy.is_empty() {
            self.say(0, &format!("nobody has: {} is free", self.key));
        }
        for other in busy {
            self.tell(other, 0);
        }
    }

    fn phase(&self, lock: &LockInfo) -> String {
        let LockInfo { amf, key, mode, age, .. } = lock;
        let ticket = lock.ticket.map(|ticket| format!(" with {ticket}")).unwrap_or_default();
        let what = match lock.phase {
            LockPhase::Holding => format!("{amf} holds {mode} access to {key}{ticket}"),
            LockPhase::Waiting => format!(
                "{amf} waits for {mode} access to {key}{ticket}; {} not granted yet",
                have(&lock.missing.to_string(), lock.missing.len())
            ),
            LockPhase::Suspended => {
                format!("{amf} will ask again for {mode} access to {key}, after a recovery")
            }
            LockPhase::Recovering => format!("{amf} adopts {key} of an AMF that left{ticket}"),
            LockPhase::Destaging => format!("{amf} is writing {key} to the disks"),
            LockPhase::Queued => format!("{amf} only keeps others waiting for {key}"),
        };
        let queued = match lock.queued {
            0 => String::new(),
            1 => ", 1 operation behind it".to_owned(),
            n => format!(", {n} operations behind it"),
        };
        format!("{what} (since {age}{queued}){}", self.standing(*amf))
    }

    /// Why `peer` has not granted to `asker`.
    fn reason(&self, peer: AmfId, asker: AmfId) -> String {
        let locks = || self.snapshot.locks.iter().filter(|l| l.key == self.key && l.amf == peer);
        let deferral = locks().flat_map(|l| &l.deferred).find(|(who, ..)| *who == asker);
        if let Some((_, mode, ticket, why)) = deferral {
            return format!("{peer} defers the {mode} request {ticket}: {why}");
        }
        let (from, to) = (NodeId::Amf(asker), NodeId::Amf(peer));
        for held in &self.snapshot.held {
            if (held.from, held.to) == (from, to) || (held.from, held.to) == (to, from) {
                return format!("{} -> {}: {} is held", held.from, held.to, held.what);
            }
        }
        match self.standing(peer).as_str() {
            "" => format!("the request to {peer}, or its grant, is under way"),
            standing => format!("{peer} does not answer{standing}"),
        }
    }

    fn standing(&self, amf: AmfId) -> String {
        let info = self.snapshot.amfs.iter().find(|info| info.id == amf);
        match info.map(|info| info.status) {
            None | Some(AmfStatus::Serving) => "",
            Some(AmfStatus::NoLease) => " - its lease has run out",
            Some(AmfStatus::Joining) => " - it is joining",
            Some(AmfStatus::Paused) => " - it is paused",
            Some(AmfStatus::Down) => " - it is down",
        }
        .to_owned()
    }
}

fn have(who: &str, count: usize) -> String {
    if count == 1 { format!("{who} has") } else { format!("{who} have") }
}
