//! Invariants over several AMFs together (section 9, 1 to 5): pure functions over what they are now.
//!
//! An AMF counts while it *may serve*: it is a member and its lease is live. An evicted AMF that does
//! not know it yet may hold stale lines; its lease has run out before the view without it began.

use super::amf::Amf;
use super::id::{Block, Instant, Key, Mode, Version};
use super::rule::LineState;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Name of the checker.
    pub checker: &'static str,
    /// What is wrong, in one sentence.
    pub text: String,
}

fn may_serve(amf: &Amf, now: Instant) -> bool {
    amf.is_member() && amf.lease_until() > now
}

/// Invariants 1, 2 (lines), 4 and 5 for one key; `amfs` are those that are up, in id order.
#[must_use]
pub fn check_key(amfs: &[&Amf], key: Key, now: Instant) -> Option<Breach> {
    if let Some(breach) = mutual_exclusion(amfs, key, now) {
        return Some(breach);
    }
    let Key::Block(block) = key else { return None };
    lines_agree(amfs, block, now).or_else(|| redundancy(amfs, block, now))
}

/// 4: no two live AMFs hold conflicting accesses to one key, across epochs too.
fn mutual_exclusion(amfs: &[&Amf], key: Key, now: Instant) -> Option<Breach> {
    let mut first: Option<(&Amf, Mode)> = None;
    for amf in amfs.iter().filter(|amf| may_serve(amf, now)) {
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

/// 1: one `M` or `E` and nothing else, or only `S`. 2: all valid lines have one version and content.
fn lines_agree(amfs: &[&Amf], block: Block, now: Instant) -> Option<Breach> {
    let serving = amfs.iter().filter(|amf| may_serve(amf, now));
    let mut lines = serving.filter_map(|amf| amf.line(block).map(|line| (amf.id(), line)));
    let (first, one) = lines.next()?;
    for (other, line) in lines {
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

/// 5: a dirty line has its version at every partner that has acknowledged it.
fn redundancy(amfs: &[&Amf], block: Block, now: Instant) -> Option<Breach> {
    for owner in amfs.iter().filter(|amf| may_serve(amf, now)) {
        let Some(line) = owner.line(block).filter(|line| line.state == LineState::M) else {
            continue;
        };
        for partner in owner.partners().minus(line.missing).iter() {
            let Some(keeper) = amfs.iter().find(|amf| amf.id() == partner) else { continue };
            let listed = owner.view().and_then(|view| view.incarnation(partner));
            if listed != Some(keeper.incarnation()) || !keeper.is_member() {
                continue;
            }
            let kept = keeper.replica(owner.id(), owner.incarnation(), block);
            if kept.is_none_or(|(version, _)| version < line.version) {
                let text = format!(
                    "b{}: {} has {} dirty and acknowledged, but {partner} does not keep it",
                    block.0,
                    owner.id(),
                    line.version
                );
                return Some(Breach { checker: "redundancy", text });
            }
        }
    }
    None
}

/// 2, disks: if nobody has the block dirty, keeps a replica of it or works on it, all copies on
/// trusted disks are equal, and the valid lines have their version. `on_disk` are the versions of
/// the copies that are online; `None` where the block is at rest nowhere.
#[must_use]
pub fn check_at_rest(amfs: &[&Amf], block: Block, on_disk: &[Version]) -> Option<Breach> {
    let key = Key::Block(block);
    let working = amfs.iter().any(|amf| {
        let dirty = amf.line(block).is_some_and(|line| line.state == LineState::M);
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
