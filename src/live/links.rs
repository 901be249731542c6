//! What the network does to a packet: losses, delays, duplicates, partitions, with their receipts.

use crate::profile::LinkSpec;
use crate::protocol::Many;
use crate::protocol::id::{AmfId, Instant, NodeId, Span};
use crate::trace::action::PPM;
use crate::trace::snapshot::FaultInfo;
use crate::trace::{Action, LinkSetting, Sides};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// A packet on a reordering link is late by up to this.
const REORDER_MAX: Span = Span::millis(2);
/// Below full tempo each packet takes at least this, on the cluster's slowed clock: 100 ms of real
/// time at a hundredth.
const SLOW_MOTION: Span = Span::millis(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Links {
    spec: LinkSpec,
    amfs: u8,
    rng: ChaCha8Rng,
    set: BTreeMap<(NodeId, NodeId), Link>,
    /// The partition in force.
    pub(crate) cut: Option<Cut>,
    /// The tempo is below full.
    pub(crate) slow_motion: bool,
}

/// A partition and what it did.
#[derive(Debug)]
pub(crate) struct Cut {
    /// Who is where.
    pub(crate) sides: Sides,
    /// Packets lost.
    pub(crate) lost: u64,
    /// Since when.
    pub(crate) since: Instant,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// It does not arrive.
    pub(crate) lost: bool,
    /// It arrives twice.
    pub(crate) twice: bool,
    /// It arrives this much later.
    pub(crate) delay: Span,
    /// It need not keep its place.
    pub(crate) overtakes: bool,
}

#[derive(Debug, Default)]
struct Link {
    drop_ppm: u32,
    delay: Span,
    duplicate_ppm: u32,
    reorder: bool,
    since: Instant,
    dropped: u64,
    delayed: u64,
    duplicated: u64,
    reordered: u64,
}

impl Links {
    pub(crate) fn new(spec: LinkSpec, amfs: u8, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { spec, amfs, rng, set: BTreeMap::new(), cut: None, slow_motion: false }
    }

    /// It does nothing to any packet.
    pub(crate) fn is_calm(&self) -> bool {
        let spec = &self.spec;
        let still = spec.drop_ppm == 0 && spec.duplicate_ppm == 0;
        let fast = spec.delay == Span(0) && (spec.sites <= 1 || spec.site_delay == Span(0));
        still && fast && !self.slow_motion && self.set.is_empty() && self.cut.is_none()
    }

    pub(crate) fn cuts(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.sides.cuts(from, to))
    }

    pub(crate) fn heal(&mut self) {
        self.set.clear();
        self.cut = None;
    }

    pub(crate) fn set(&mut self, a: NodeId, b: NodeId, setting: LinkSetting, now: Instant) {
        let pair = (a.min(b), a.max(b));
        if setting == LinkSetting::Clear {
            self.set.remove(&pair);
            return;
        }
        let link = self.set.entry(pair).or_insert_with(|| Link { since: now, ..Link::default() });
        match setting {
            LinkSetting::Drop(ppm) => link.drop_ppm = ppm,
            LinkSetting::Delay(delay) => link.delay = delay,
            LinkSetting::Duplicate(ppm) => link.duplicate_ppm = ppm,
            LinkSetting::Reorder => link.reorder = true,
            LinkSetting::Clear => {}
        }
    }

    /// What becomes of a packet from one to the other.
    pub(crate) fn fate(&mut self, from: NodeId, to: NodeId) -> Fate {
        if let Some(cut) = &mut self.cut
            && cut.sides.cuts(from, to)
        {
            cut.lost += 1;
            return Fate { lost: true, ..Fate::default() };
        }
        let mut fate = self.ordinary(from, to);
        let pair = (from.min(to), from.max(to));
        let Some(link) = self.set.get_mut(&pair) else { return fate };
        if draw(&mut self.rng, link.drop_ppm) {
            link.dropped += 1;
            fate.lost = true;
            return fate;
        }
        if draw(&mut self.rng, link.duplicate_ppm) {
            link.duplicated += 1;
            fate.twice = true;
        }
        if link.delay > Span(0) {
            link.delayed += 1;
            fate.delay = Span(fate.delay.0 + link.delay.0);
        }
        if link.reorder {
            link.reordered += 1;
            fate.overtakes = true;
            fate.delay = Span(fate.delay.0 + self.rng.random_range(0..REORDER_MAX.0));
        }
        fate
    }

    /// What the profile's network does. Disks are not behind it.
    fn ordinary(&mut self, from: NodeId, to: NodeId) -> Fate {
        let slow = if self.slow_motion { SLOW_MOTION } else { Span(0) };
        let mut fate = Fate { delay: slow, ..Fate::default() };
        if matches!(from, NodeId::Disk(_)) || matches!(to, NodeId::Disk(_)) {
            return fate;
        }
        fate.lost = draw(&mut self.rng, self.spec.drop_ppm);
        fate.twice = draw(&mut self.rng, self.spec.duplicate_ppm);
        let far = match (self.site(from), self.site(to)) {
            (Some(a), Some(b)) => a != b,
            _ => false,
        };
        fate.delay = fate.delay.max(if far { self.spec.site_delay } else { self.spec.delay });
        fate
    }

    /// AMFs are split into sites in id order; the witness is near everybody.
    fn site(&self, node: NodeId) -> Option<u32> {
        match node {
            NodeId::Amf(AmfId(id)) => {
                Some(u32::from(id) * u32::from(self.spec.sites.max(1)) / u32::from(self.amfs))
            }
            NodeId::Witness | NodeId::Disk(_) => None,
        }
    }

    /// Active faults with their receipts.
    pub(crate) fn faults(&self) -> Vec<FaultInfo> {
        let cut = self.cut.iter().map(|cut| FaultInfo {
            what: cut.sides.command().to_owned(),
            receipt: format!("dropped {}", Many(cut.lost, "packet")),
            undo: Action::Heal.to_string(),
            since: cut.since,
        });
        let links = self.set.iter().map(|((a, b), link)| FaultInfo {
            what: link.words(*a, *b),
            receipt: link.receipt(),
            undo: Action::Link(*a, *b, LinkSetting::Clear).to_string(),
            since: link.since,
        });
        cut.chain(links).collect()
    }
}

impl Link {
    /// The commands that made it so, the first in full.
    fn words(&self, a: NodeId, b: NodeId) -> String {
        let settings = [
            (self.drop_ppm > 0).then_some(LinkSetting::Drop(self.drop_ppm)),
            (self.delay > Span(0)).then_some(LinkSetting::Delay(self.delay)),
            (self.duplicate_ppm > 0).then_some(LinkSetting::Duplicate(self.duplicate_ppm)),
            self.reorder.then_some(LinkSetting::Reorder),
        ];
        let words = settings.into_iter().flatten().map(|s| Action::Link(a, b, s).to_string());
        words.collect::<Vec<_>>().join("; ")
    }

    fn receipt(&self) -> String {
        let counts = [
            ("dropped", self.drop_ppm > 0, self.dropped),
            ("delayed", self.delay > Span(0), self.delayed),
            ("duplicated", self.duplicate_ppm > 0, self.duplicated),
            ("reordered", self.reorder, self.reordered),
        ];
        let words = counts.iter().filter(|(_, on, n)| *on || *n > 0);
        let words = words.map(|(what, _, n)| format!("{what} {}", Many(*n, "packet")));
        words.collect::<Vec<_>>().join(", ")
    }
}

fn draw(rng: &mut ChaCha8Rng, ppm: u32) -> bool {
    ppm > 0 && rng.random_range(0..PPM) < ppm
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: LinkSpec = LinkSpec {
        delay: Span(0),
        drop_ppm: 0,
        duplicate_ppm: 0,
        jitter: 0,
        sites: 2,
        site_delay: Span(7),
    };

    #[test]
    fn sites_are_far_from_each_other_and_near_the_witness() {
        let amf = |id| NodeId::Amf(AmfId(id));
        let mut links = Links::new(SPEC, 5, 1);
        assert_eq!(links.fate(amf(0), amf(2)).delay, Span(0));
        assert_eq!(links.fate(amf(2), amf(3)).delay, Span(7));
        assert_eq!(links.fate(amf(4), NodeId::Witness).delay, Span(0));
        assert!(!links.is_calm());
    }

    #[test]
    fn a_link_keeps_a_receipt_of_what_it_did() {
        let (a, b) = (NodeId::Amf(AmfId(0)), NodeId::Amf(AmfId(1)));
        let mut links = Links::new(LinkSpec { sites: 1, ..SPEC }, 2, 1);
        links.set(b, a, LinkSetting::Drop(PPM / 2), Instant(5));
        let lost = (0..1_000).filter(|_| links.fate(a, b).lost).count();
        assert!((400..600).contains(&lost), "{lost}");
        let fault = &links.faults()[0];
        assert_eq!(fault.receipt, format!("dropped {}", Many::of(lost, "packet")));
        assert!(fault.what.starts_with("link amf0 amf1 drop"), "{}", fault.what);
        links.set(a, b, LinkSetting::Clear, Instant(9));
        assert!(links.is_calm() && links.faults().is_empty());
    }
}
