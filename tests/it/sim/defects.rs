//! Every seeded defect is found by a checker that is named here, within a bounded number of seeds that
//! are drawn so that they can reach it; and the healthy build passes the very same seeds.
//!
//! Not drawn, but told step by step in a conversation, are those that need messages that are
//! late in one certain order: `stale_grant_copy`, `write_through_before_replica_ack` and others.

use super::harness::{Fault, Finding, Recipe, run};
use amflab::protocol::Defect;

/// How a defect is provoked, and who must notice.
#[derive(Clone, Copy, Debug)]
struct Trap {
    defect: Defect,
    recipe: Recipe,
    /// The checkers that may be the first to notice.
    checkers: &'static [&'static str],
    seeds_max: u64,
}

/// Writes and reads crossing on a few blocks, nothing else going wrong.
const RACES: Recipe =
    Recipe { ops: 150, fault_share: 0.05, faults: &[Fault::Evict], hot: 3, ..Recipe::ANY };

/// What AMFs send to disks is late: destages take long, and may be cut in two.
const FAR: Recipe = Recipe {
    ops: 200,
    fault_share: 0.3,
    faults: &[Fault::Evict, Fault::Evict, Fault::Destage, Fault::FarDisk, Fault::Heal],
    hot: 2,
    gap_us: 2_000,
    ..Recipe::ANY
};

/// Owners come and go, one after the other.
const CRASHES: Recipe = Recipe {
    ops: 120,
    fault_share: 0.4,
    faults: &[Fault::Crash, Fault::Crash, Fault::Restart],
    hot: 6,
    long_gaps: 0.05,
    ..Recipe::ANY
};

/// An owner comes back at once, as a new incarnation, while what it sent is still under way.
const CRASHES_LATE: Recipe = Recipe {
    ops: 200,
    fault_share: 0.25,
    faults: &[Fault::Crash, Fault::Restart, Fault::Restart],
    hot: 2,
    gap_us: 600,
    long_gaps: 0.03,
    ..Recipe::ANY
};

const CRASHES_FAR: Recipe = Recipe {
    faults: &[Fault::Crash, Fault::Restart, Fault::Restart, Fault::FarDisk, Fault::Destage],
    gap_us: 2_000,
    ..CRASHES_LATE
};

const SLEEPERS: Recipe = Recipe {
    ops: 120,
    fault_share: 0.12,
    faults: &[Fault::Pause, Fault::Resume],
    hot: 3,
    long_gaps: 0.12,
    ..Recipe::ANY
};

const DISKS: Recipe = Recipe {
    ops: 120,
    fault_share: 0.2,
    faults: &[Fault::FailDisk, Fault::ReplaceDisk, Fault::ReplaceDisk, Fault::FarDisk],
    hot: 8,
    gap_us: 1_000,
    ..Recipe::ANY
};

const fn trap(
    defect: Defect,
    recipe: Recipe,
    sets: &'static [&'static str],
    checkers: &'static [&'static str],
) -> Trap {
    Trap { defect, recipe: Recipe { sets, ..recipe }, checkers, seeds_max: 60 }
}

const BACK3: &[&str] = &["cluster.amfs=3", "cache.write=back"];
const ECHO_BACK3: &[&str] = &["cluster.amfs=3", "cache.write=back", "link.duplicate=0.5"];
const FAR_BACK3: &[&str] = &["cluster.amfs=3", "cache.write=back", "link.delay_us=3000"];
const BACK4: &[&str] = &["cluster.amfs=4", "cache.write=back"];
const SHARING3: &[&str] = &["cluster.amfs=3", "cache.write=back", "cluster.protocol=sharing"];
const ACCESS3: &[&str] =
    &["cluster.amfs=3", "cache.write=back", "cluster.protocol=sharing", "volume.access=[1]"];
const MIRROR3: &[&str] = &[
    "cluster.amfs=3",
    "cluster.replicas=1",
    "cache.write=back",
    "group.layout=mirror",
    "group.disks=2",
    "group.copies=2",
    "group.spares=0",
];

const RAID5: &[&str] = &[
    "cluster.amfs=3",
    "cluster.replicas=1",
    "cache.write=back",
    "group.layout=raid5",
    "group.disks=3",
    "group.copies=1",
    "group.spares=0",
    "group.chunk=1",
];

/// A disk is missing while rows are written and read, some of it late.
const DEGRADED: Recipe = Recipe {
    ops: 250,
    fault_share: 0.3,
    faults: &[Fault::FailDisk, Fault::FarDisk, Fault::Evict, Fault::Evict, Fault::Destage],
    hot: 8,
    gap_us: 1_000,
    ..Recipe::ANY
};

const DAMAGE: Recipe = Recipe {
    ops: 150,
    fault_share: 0.4,
    faults: &[Fault::Corrupt, Fault::Corrupt, Fault::Evict, Fault::Evict, Fault::Destage],
    hot: 6,
    gap_us: 1_000,
    ..Recipe::ANY
};

/// Links repeat what they carry, some of it late, while views come and go: a `List` that arrives again
/// after a newer replica was acknowledged.
const ECHOES: Recipe = Recipe {
    ops: 200,
    fault_share: 0.1,
    faults: &[Fault::Crash, Fault::Restart, Fault::Restart, Fault::Evict],
    hot: 4,
    writes: 0.7,
    gap_us: 1_000,
    ..Recipe::ANY
};

fn traps() -> Vec<Trap> {
    use Defect as D;
    vec![
        trap(D::SkipOneInvalidate, RACES, BACK3, &["single-writer", "version-order"]),
        trap(D::AckBeforeGrants, RACES, BACK3, &["mutual-exclusion", "single-writer"]),
        trap(D::DirtyHandover, RACES, BACK3, &["reads", "data-value", "durability"]),
        trap(D::ReadingOnlyWhileWaiting, RACES, SHARING3, &["single-writer"]),
        trap(D::ExclusiveDespiteReading, RACES, SHARING3, &["single-writer", "mutual-exclusion"]),
        trap(D::HitUnreplicated, CRASHES_LATE, FAR_BACK3, &["reads"]),
        trap(D::OldPartnerDrops, CRASHES, BACK3, &["reads", "redundancy", "durability"]),
        trap(D::NoIncarnation, CRASHES, BACK3, &["reads", "durability"]),
        trap(D::BlindRelease, RACES, BACK3, &["reads", "durability"]),
        trap(D::GrantWhileDestaging, FAR, BACK3, &["reads", "durability"]),
        trap(D::LostDeferredGrant, RACES, BACK3, &["progress"]),
        trap(D::KeepGrantsAcrossViews, CRASHES_LATE, BACK4, &["mutual-exclusion", "reads"]),
        trap(D::ResendHeldWrite, CRASHES_LATE, BACK4, &["reads", "data-value", "version-order"]),
        trap(D::NoLease, SLEEPERS, BACK3, &["version-order", "reads"]),
        trap(D::NoFencing, SLEEPERS, BACK3, &["reads", "data-value", "durability"]),
        trap(D::AdoptLooksAtOneHalf, CRASHES_FAR, MIRROR3, &["reads", "data-value"]),
        trap(D::RebuildWithoutLock, DISKS, MIRROR3, &["data-value", "reads"]),
        trap(D::NoStripeLock, FAR, RAID5, &["parity", "reads", "data-value"]),
        trap(D::DegradedReadWithoutLock, DEGRADED, RAID5, &["reads"]),
        trap(D::SkipCrc, DAMAGE, MIRROR3, &["reads", "data-value"]),
        trap(D::AccessListUnasked, CRASHES_LATE, ACCESS3, &["reads", "mutual-exclusion"]),
        trap(D::NoRedeliveryFilter, ECHOES, ECHO_BACK3, &["redundancy", "reads"]),
    ]
}

fn attempt(seed: u64, recipe: Recipe) -> Result<(), Finding> {
    let caught = std::panic::catch_unwind(|| run(seed, recipe));
    caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Finding { checker: "panic".to_owned(), text: text.unwrap_or_default() })
    })
}

/// Looks at what finds each defect, or how a healthy build fares: `AMFLAB_SEEDS=A..B`, and
/// `AMFLAB_DEFECT=NAME` or nothing.
#[cfg(not(test))]
pub(super) fn campaign() {
    use super::harness::seeds;
    if let Ok(name) = std::env::var("AMFLAB_DEFECT") {
        std::panic::set_hook(Box::new(|_| {}));
        for trap in traps().into_iter().filter(|t| name == "all" || t.defect.name() == name) {
            let mut tally = std::collections::BTreeMap::<String, (u32, u64, String)>::new();
            let mut healthy = 0;
            for seed in seeds(0..40) {
                let recipe = Recipe { defect: Some(trap.defect), ..trap.recipe };
                if let Err(f) = attempt(seed, recipe) {
                    let e = tally.entry(f.checker).or_insert((0, seed, f.text));
                    e.0 += 1;
                }
                if let Err(f) = attempt(seed, trap.recipe) {
                    healthy += 1;
                    println!("HEALTHY {} seed {seed}: {f:?}", trap.defect);
                }
            }
            println!("{} healthy failures {healthy}", trap.defect);
            for (checker, (n, seed, text)) in tally {
                println!("    {checker} {n} first {seed}: {text}");
            }
        }
        return;
    }
    let mut failed = 0;
    for seed in seeds(0..1_000) {
        let recipe =
            Recipe { amfs_max: 8, ops: 150, long_gaps: 0.04, hot: 3 + seed % 10, ..Recipe::ANY };
        if let Err(found) = attempt(seed, recipe) {
            failed += 1;
            println!("seed {seed}: {found:?}");
        }
        if seed % 200 == 0 {
            println!("at {seed}: {failed} failed");
        }
    }
    println!("done: {failed} failed");
}

/// Each defect is found, by a checker that may be the first to find it, and by nothing else; and the
/// same seeds without it are silent.
#[test]
fn every_seeded_defect_is_found_by_a_named_checker() {
    let traps = traps();
    for defect in Defect::ALL {
        let drawn = traps.iter().any(|trap| trap.defect == defect);
        let told = crate::conversations::shows(defect);
        assert!(drawn || told, "no trap for {defect}");
    }
    let mut holes = Vec::new();
    for trap in traps {
        let broken = Recipe { defect: Some(trap.defect), ..trap.recipe };
        let mut caught = None;
        for seed in 0..trap.seeds_max {
            let healthy = attempt(seed, trap.recipe);
            assert_eq!(healthy, Ok(()), "{}: seed {seed} fails without the defect", trap.defect);
            if let Err(found) = attempt(seed, broken) {
                caught = Some((seed, found));
                break;
            }
        }
        match caught {
            Some((_, found)) if trap.checkers.contains(&found.checker.as_str()) => {}
            other => {
                holes.push(format!("{}: {:?} expected, {other:?}", trap.defect, trap.checkers));
            }
        }
    }
    assert!(holes.is_empty(), "{}", holes.join("\n"));
}
