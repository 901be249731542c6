//! Invariants over several AMFs together (section 9, 1 to 5): pure functions over what they are now.
//!
//! An AMF counts while it *may serve*: it is a member and its lease is live. An evicted AMF that does
//! not know it yet may hold stale lines; its lease has run out before the view without it began.

use super::amf::{Amf, LineView};
use super::id::{AmfId, Block, Instant, Key, Mode, Version};
use super::rule::LineState;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Name of the checker.
    pub checker: &'static str,
    /// What is wrong, in one sentence.
    pub text: String,
}

/// Where an AMF may be: up, or not.
pub trait Place {
    /// The AMF, if it is up.
    fn amf(&self) -> Option<&Amf>;
}

impl Place for &Amf {
    fn amf(&self) -> Option<&Amf> {
        Some(self)
    }
}

fn up<P: Place>(places: &[P]) -> impl Iterator<Item = &Amf> {
    places.iter().filter_map(Place::amf)
}

fn may_serve(amf: &Amf, now: Instant) -> bool {
    amf.is_member() && amf.lease_until() > now
}

/// It may serve, and its protocol promises that what it serves agrees with what others do.
fn agrees(amf: &Amf, now: Instant) -> bool {
    may_serve(amf, now) && amf.view().is_some_and(|view| view.protocol.is_coherent())
}

/// Invariants 1, 2 (lines), 4 and 5 for one key; `amfs` are in id order.
#[must_use]
pub fn check_key<P: Place>(amfs: &[P], key: Key, now: Instant) -> Option<Breach> {
    if let Some(breach) = mutual_exclusion(amfs, key, now) {
        return Some(breach);
    }
    let Key::Block(block) = key else { return None };
    let lacks = |owner: &Amf| redundancy(amfs, owner, owner.line(block)?, now);
    lines_agree(amfs, block, now).or_else(|| up(amfs).find_map(lacks))
}

/// The same after an input of `changed` alone, for a key that the input concerned. What the others
/// are among themselves was looked at before; only what `changed` holds, caches or keeps can break
/// an invariant now. The full check must agree with it.
#[must_use]
pub fn check_key_of<P: Place>(amfs: &[P], changed: &Amf, key: Key, now: Instant) -> Option<Breach> {
    if agrees(changed, now)
        && changed.holds(key).is_some()
        && let Some(breach) = mutual_exclusion(amfs, key, now)
    {
        return Some(breach);
    }
    let Key::Block(block) = key else { return None };
    let keeps_for = |owner: &Amf| owner.partners().contains(changed.id());
    if agrees(changed, now)
        && changed.line(block).is_some()
        && let Some(breach) = lines_agree(amfs, block, now)
    {
        return Some(breach);
    }
    if let Some(line) = changed.line(block)
        && let Some(breach) = redundancy(amfs, changed, line, now)
    {
        return Some(breach);
    }
    let lacks = |owner: &Amf| redundancy(amfs, owner, owner.line(block)?, now);
    up(amfs).filter(|owner| keeps_for(owner)).find_map(lacks)
}

/// 4: no two live AMFs hold conflicting accesses to one key, across epochs too.
fn mutual_exclusion<P: Place>(amfs: &[P], key: Key, now: Instant) -> Option<Breach> {
    let mut first: Option<(&Amf, Mode)> = None;
    for amf in up(amfs).filter(|amf| agrees(amf, now)) {
        let Some(mode) = amf.holds(key) else { continue };
        if let Some((other, held)) = first
            && mode.conflicts(held)
        {
            let text = format!("{} and {} both hold {key}: {held}, {mode}", other.id(), amf.id());
            return Some(Breach { checker: "mutual-exclusion", text });
        }
        first = first.or(Some((amf, mode)));
    }
    None
}

/// 1: one `M` or `E` and nothing else, or only `S` and at most one `O`; lent lines do not count.
/// 2: all valid lines have one version and content.
fn lines_agree<P: Place>(amfs: &[P], block: Block, now: Instant) -> Option<Breach> {
    let mut found: Option<(&Amf, LineView<'_>)> = None;
    let mut owner: Option<AmfId> = None;
    for amf in up(amfs).filter(|amf| agrees(amf, now)) {
        let Some(line) = amf.line(block).filter(|line| line.state.is_valid()) else { continue };
        if line.state == LineState::O {
            if let Some(first) = owner {
                let text = format!("b{}: {first} and {} both have O", block.0, amf.id());
                return Some(Breach { checker: "single-writer", text });
            }
            owner = Some(amf.id());
        }
        let Some((first, one)) = &found else {
            found = Some((amf, line));
            continue;
        };
        let (first, other) = (first.id(), amf.id());
        if one.state.is_sole() || line.state.is_sole() {
            let text = format!("{first} has {} and {other} has {}", one.state, line.state);
            return Some(Breach {
                checker: "single-writer",
                text: format!("b{}: {text}", block.0),
            });
        }
        if one.version != line.version || one.data != line.data {
            let (a, b) = (one.version, line.version);
            let text = format!("{first} has {a} {}, {other} has {b} {}", one.data, line.data);
            return Some(Breach { checker: "data-value", text: format!("b{}: {text}", block.0) });
        }
    }
    None
}

/// 5: a dirty line of `owner` has its version at every partner that has acknowledged it.
fn redundancy<P: Place>(
    amfs: &[P],
    owner: &Amf,
    line: LineView<'_>,
    now: Instant,
) -> Option<Breach> {
    if !line.state.is_dirty() {
        return None;
    }
    let block = line.block;
    let lacks = |partner: &AmfId| {
        let partner = *partner;
        let Some(keeper) = up(amfs).find(|amf| amf.id() == partner) else { return false };
        let listed = owner.view().and_then(|view| view.incarnation(partner));
        if listed != Some(keeper.incarnation()) || !keeper.is_member() {
            return false;
        }
        let kept = keeper.replica(owner.id(), owner.incarnation(), block);
        kept.is_none_or(|(version, _)| version < line.version)
    };
    let acknowledged = owner.partners().minus(line.missing);
    if acknowledged.is_empty() || !may_serve(owner, now) {
        return None;
    }
    let partner = acknowledged.iter().find(lacks)?;
    let (owner, version) = (owner.id(), line.version);
    let what = format!("{owner} has {version} dirty and acknowledged, but {partner}");
    let text = format!("b{}: {what} does not keep it", block.0);
    Some(Breach { checker: "redundancy", text })
}

/// 2, disks: if nobody has the block dirty, keeps a replica of it or works on it, all copies on
/// trusted disks are equal, and the valid lines have their version. `on_disk` are the versions of
/// the copies that are online; `None` where the block is at rest nowhere.
#[must_use]
pub fn check_at_rest(amfs: &[&Amf], block: Block, on_disk: &[Version]) -> Option<Breach> {
    let key = Key::Block(block);
    let working = amfs.iter().any(|amf| {
        let dirty = amf.line(block).is_some_and(|line| line.state.is_dirty());
        dirty || !amf.is_idle_on(key) || amf.keeps(block)
    });
    if working {
        return None;
    }
    let other = on_disk.iter().find(|version| Some(*version) != on_disk.first());
    if let (Some(one), Some(other)) = (on_disk.first(), other) {
        let text = format!("b{}: at rest, copies differ: {one} and {other}", block.0);
        return Some(Breach { checker: "data-value", text });
    }
    let stored = on_disk.first()?;
    let line = amfs.iter().find_map(|amf| {
        amf.line(block).filter(|line| line.version != *stored).map(|line| (amf.id(), line.version))
    });
    line.map(|(amf, version)| Breach {
        checker: "data-value",
        text: format!("b{}: at rest, {amf} has {version} clean, the disk {stored}", block.0),
    })
}
