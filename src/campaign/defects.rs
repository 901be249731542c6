//! What a seed may draw when a rule is broken on purpose: only what can reach the breach, so that a few
//! seconds of fuzzing find it. One row a defect; a new one does not compile without its row.

use super::fault::FaultKind as K;
use super::recipe::{Chance, NEAR, Recipe, chance};
use crate::protocol::{Defect, Layout, Protocol, WritePolicy};

/// What reaches a breach, and who notices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Protocols under which the rule counts.
    pub protocols: &'static [Protocol],
    /// Layouts under which it does.
    pub layouts: &'static [Layout],
    /// The write policy, if only one reaches it.
    pub write: Option<WritePolicy>,
    /// AMFs: from, to.
    pub amfs: (u8, u8),
    /// Replicas: from, to.
    pub replicas: (u8, u8),
    /// Keys that are fixed.
    pub sets: &'static [&'static str],
    /// What goes wrong besides.
    pub recipe: &'static Recipe,
    /// The checkers that may be the first to notice.
    pub checkers: &'static [&'static str],
}

const BOTH: &[Protocol] = &[Protocol::Broadcast, Protocol::Sharing];
const MOESI: &[Protocol] = &[Protocol::Moesi];
const LENDING: &[Protocol] = &[Protocol::Moesi, Protocol::Update];
const UPDATE: &[Protocol] = &[Protocol::Update];
const SHARING: &[Protocol] = &[Protocol::Sharing];
/// Where nothing but the rule in question slows a run down.
const PLAIN: &[Layout] = &[Layout::Single, Layout::Stripe, Layout::Mirror];
const MIRROR: &[Layout] = &[Layout::Mirror];
const RAID5: &[Layout] = &[Layout::Raid5];
const REDUNDANT: &[Layout] = &[Layout::Mirror, Layout::Raid5, Layout::Raid6];
/// Neighbours share a row.
const ROWS_SHARED: &[&str] = &["group.chunk=1"];

/// Writes and reads crossing on a few blocks, nothing else going wrong.
const RACES: Recipe = Recipe {
    hot_max: 3,
    gap_us: 150,
    ..Recipe::new("races", "few blocks", &[chance(K::Evict, (5, 100), (0, 0))])
};

/// What AMFs send to disks is late: destages take long, and may be cut in two.
const FAR: Recipe = Recipe {
    hot_max: 2,
    gap_us: 2_000,
    ..Recipe::new(
        "far",
        "paths to disks are slow",
        &[
            chance(K::Evict, (50, 200), (0, 0)),
            chance(K::Flush, (50, 150), (0, 0)),
            chance(K::FarDisk, (30, 100), (5, 100)),
            chance(K::SlowDisk, (10, 60), (5, 100)),
        ],
    )
};

const CRASHING: &[Chance] =
    &[chance(K::Crash, (20, 150), (1, 300)), chance(K::Evict, (0, 40), (0, 0))];

/// Owners come and go.
const CRASHES: Recipe = Recipe { hot_max: 6, ..Recipe::new("crashes", "AMFs crash", CRASHING) };

/// An owner crashes just after it wrote, and somebody read.
const CRASHES_HOT: Recipe = Recipe {
    hot_max: 1,
    gap_us: 300,
    ..Recipe::new("hot", "AMFs crash on one block", &[chance(K::Crash, (40, 200), (1, 100))])
};

/// An owner comes back at once, as a new incarnation, while what it sent is still under way.
const CRASHES_LATE: Recipe =
    Recipe { hot_max: 2, gap_us: 600, ..Recipe::new("late", "AMFs crash on hot blocks", CRASHING) };

/// The same, while what they send to disks is late.
const CRASHES_FAR: Recipe = Recipe {
    hot_max: 2,
    gap_us: 2_000,
    ..Recipe::new(
        "crashes-far",
        "AMFs crash while destages take long",
        &[
            chance(K::Crash, (20, 120), (1, 200)),
            chance(K::FarDisk, (30, 120), (10, 150)),
            chance(K::Flush, (30, 150), (0, 0)),
            chance(K::Evict, (20, 100), (0, 0)),
        ],
    )
};

/// AMFs sleep longer than their leases.
const SLEEPERS: Recipe = Recipe {
    hot_max: 3,
    ..Recipe::new(
        "sleepers",
        "AMFs sleep",
        &[
            chance(K::Pause, (20, 120), (50, 300)),
            chance(K::Cut, (0, 60), (50, 300)),
            chance(K::FarDisk, (0, 60), (20, 200)),
        ],
    )
};

/// Disks fail and are refilled under load.
const DISKS: Recipe = Recipe {
    hot_max: 12,
    gap_us: 600,
    ..Recipe::new(
        "disks",
        "disks fail and are refilled",
        &[
            chance(K::FailDisk, (40, 150), (1, 30)),
            chance(K::SwapDisk, (0, 100), (0, 0)),
            chance(K::FarDisk, (20, 100), (5, 100)),
            chance(K::Flush, (30, 150), (0, 0)),
            chance(K::Evict, (20, 100), (0, 0)),
        ],
    )
};

/// Rows are written while paths to disks are slow.
const ROWS_FAR: Recipe = Recipe {
    hot_max: 6,
    gap_us: 1_000,
    ..Recipe::new(
        "rows-far",
        "rows are written slowly",
        &[
            chance(K::Evict, (50, 200), (0, 0)),
            chance(K::Flush, (50, 150), (0, 0)),
            chance(K::FarDisk, (30, 100), (5, 100)),
            chance(K::SlowDisk, (10, 60), (5, 100)),
        ],
    )
};

/// A disk is missing while rows are written and read, some of it late.
const DEGRADED: Recipe = Recipe {
    hot_max: 6,
    gap_us: 1_000,
    ..Recipe::new(
        "degraded",
        "a disk is missing",
        &[
            chance(K::FailDisk, (30, 100), (20, 300)),
            chance(K::FarDisk, (30, 100), (5, 100)),
            chance(K::Evict, (50, 200), (0, 0)),
            chance(K::Flush, (20, 100), (0, 0)),
        ],
    )
};

/// The same, while AMFs crash in the middle of a row.
const DEGRADED_CRASHES: Recipe = Recipe {
    hot_max: 12,
    gap_us: 1_000,
    ..Recipe::new(
        "degraded-crashes",
        "a disk is missing while AMFs crash",
        &[
            chance(K::FailDisk, (20, 80), (50, 400)),
            chance(K::Crash, (20, 120), (1, 200)),
            chance(K::FarDisk, (60, 250), (10, 100)),
            chance(K::Flush, (30, 150), (0, 0)),
            chance(K::Evict, (20, 100), (0, 0)),
        ],
    )
};

/// AMFs crash between the writes of a row; hardly anybody writes to the row again.
const ROWS_CRASHES: Recipe = Recipe {
    hot_max: 32,
    gap_us: 1_000,
    ..Recipe::new(
        "rows-crashes",
        "AMFs crash in the middle of a row",
        &[
            chance(K::Crash, (40, 200), (1, 60)),
            chance(K::FarDisk, (100, 300), (10, 100)),
            chance(K::Flush, (50, 200), (0, 0)),
        ],
    )
};

/// Blocks on the disks are damaged.
const DAMAGE: Recipe = Recipe {
    hot_max: 6,
    gap_us: 1_000,
    ..Recipe::new(
        "damage",
        "blocks on disks are damaged",
        &[
            chance(K::Corrupt, (50, 200), (10, 100)),
            chance(K::Evict, (50, 200), (0, 0)),
            chance(K::Flush, (20, 100), (0, 0)),
        ],
    )
};

/// Links repeat what they carry, some of it late, while views come and go.
const ECHOES: Recipe = Recipe {
    hot_max: 4,
    ..Recipe::new(
        "echoes",
        "links repeat while AMFs crash",
        &[
            chance(K::Duplicate, (20, 150), (20, 400)),
            chance(K::Crash, (10, 80), (1, 200)),
            chance(K::Evict, (20, 100), (0, 0)),
        ],
    )
};

/// More AMFs crash at once than there are replicas.
const BEYOND: Recipe = Recipe {
    beyond: 100,
    hot_max: 3,
    gap_us: 600,
    ..Recipe::new(
        "beyond",
        "more AMFs crash than there are replicas",
        &[
            chance(K::Crash, (30, 150), (10, 300)),
            chance(K::Delay, (0, 60), (5, 100)),
            chance(K::Evict, (0, 60), (0, 0)),
            chance(K::Flush, (0, 60), (0, 0)),
        ],
    )
};

/// Journals are slower than partners.
const JOURNAL: &[&str] = &["journal.enabled=true", "journal.time_us=5000"];

/// Power fails while AMFs come and go.
const POWER: Recipe = Recipe {
    hot_max: 3,
    gap_us: 600,
    ..Recipe::new(
        "power",
        "power fails while AMFs crash",
        &[
            chance(K::PowerFail, (10, 80), (0, 0)),
            chance(K::Crash, (0, 100), (1, 200)),
            chance(K::Evict, (0, 60), (0, 0)),
            chance(K::SlowDisk, (0, 60), (5, 100)),
        ],
    )
};

/// A row for everything that write-back, two to four AMFs and a plain layout reach.
const fn row(recipe: &'static Recipe, checkers: &'static [&'static str]) -> Reach {
    Reach {
        protocols: BOTH,
        layouts: PLAIN,
        write: Some(WritePolicy::Back),
        amfs: (2, 4),
        replicas: (1, 2),
        sets: &[],
        recipe,
        checkers,
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one row a defect")]
const fn of(defect: Defect) -> Reach {
    let three = (3, 4);
    match defect {
        Defect::SkipOneInvalidate => row(&RACES, &["single-writer", "version-order"]),
        Defect::NoDirtyRegionLog | Defect::DoubtByPartnerMap => {
            Reach { replicas: (1, 1), amfs: three, ..row(&BEYOND, &["reads", "linearizability"]) }
        }
        Defect::AckBeforeGrants => row(&RACES, &["mutual-exclusion", "single-writer"]),
        Defect::DirtyHandover => row(&RACES, &["reads", "data-value", "durability"]),
        Defect::StaleGrantCopy => Reach {
            protocols: SHARING,
            amfs: (3, 3),
            ..row(&NEAR, &["reads", "single-writer", "data-value"])
        },
        Defect::ReadingOnlyWhileWaiting => {
            Reach { protocols: SHARING, ..row(&RACES, &["single-writer"]) }
        }
        Defect::ExclusiveDespiteReading => {
            Reach { protocols: SHARING, ..row(&RACES, &["single-writer", "mutual-exclusion"]) }
        }
        Defect::HitUnreplicated => {
            let sets = &["link.delay_us=3000", "group.layout=single"];
            Reach { sets, amfs: (2, 3), ..row(&CRASHES_HOT, &["reads"]) }
        }
        Defect::OldPartnerDrops => {
            Reach { amfs: three, ..row(&CRASHES, &["reads", "redundancy", "durability"]) }
        }
        Defect::NoIncarnation => row(&CRASHES, &["reads", "durability"]),
        Defect::BlindRelease => Reach {
            amfs: three,
            ..row(
                &RACES,
                &[
                    "reads",
                    "durability",
                    "single-writer",
                    "mutual-exclusion",
                    "progress",
                    "version-order",
                ],
            )
        },
        Defect::GrantWhileDestaging => {
            row(&FAR, &["reads", "durability", "progress", "data-value"])
        }
        Defect::LostDeferredGrant => row(&RACES, &["progress"]),
        Defect::KeepGrantsAcrossViews => Reach {
            amfs: three,
            ..row(&CRASHES_LATE, &["mutual-exclusion", "single-writer", "reads"])
        },
        Defect::NoLease => row(&SLEEPERS, &["version-order", "reads"]),
        Defect::NoFencing => row(&SLEEPERS, &["reads", "data-value", "durability"]),
        Defect::NoAdmission => {
            Reach { layouts: MIRROR, ..row(&DISKS, &["reads", "data-value", "linearizability"]) }
        }
        Defect::AdoptLooksAtOneHalf => {
            Reach { layouts: MIRROR, ..row(&CRASHES_FAR, &["reads", "data-value"]) }
        }
        Defect::AdoptIgnoresNewerDisk => {
            Reach { amfs: three, layouts: MIRROR, ..row(&NEAR, &["reads", "data-value"]) }
        }
        Defect::AdoptIgnoresRefill => {
            Reach { layouts: MIRROR, ..row(&NEAR, &["reads", "data-value"]) }
        }
        Defect::AdoptWithNewVersion | Defect::ForgetRetireAndVersionCheck => {
            Reach { amfs: three, ..row(&CRASHES_FAR, &["reads", "data-value"]) }
        }
        Defect::RetireAdoptedAgain => {
            Reach { amfs: three, layouts: MIRROR, ..row(&NEAR, &["redundancy", "reads"]) }
        }
        Defect::WriteThroughBeforeReplicaAck => {
            Reach { layouts: MIRROR, write: None, ..row(&NEAR, &["data-value", "reads"]) }
        }
        Defect::RebuildWithoutLock => {
            Reach { layouts: MIRROR, ..row(&DISKS, &["data-value", "reads"]) }
        }
        Defect::NoStripeLock => Reach {
            layouts: RAID5,
            sets: ROWS_SHARED,
            ..row(&ROWS_FAR, &["parity", "reads", "data-value"])
        },
        Defect::BlindRedo | Defect::StripeNotRecovering => Reach {
            layouts: RAID5,
            sets: ROWS_SHARED,
            amfs: three,
            ..row(&DEGRADED_CRASHES, &["parity", "reads", "durability"])
        },
        Defect::NoParityIntent | Defect::RedoTrustsDataHeader => Reach {
            layouts: RAID5,
            sets: ROWS_SHARED,
            ..row(&ROWS_CRASHES, &["parity", "reads", "durability"])
        },
        Defect::DegradedReadWithoutLock => {
            Reach { layouts: RAID5, sets: ROWS_SHARED, ..row(&DEGRADED, &["reads", "data-value"]) }
        }
        Defect::SkipCrc => {
            Reach { layouts: REDUNDANT, ..row(&DAMAGE, &["reads", "data-value", "parity"]) }
        }
        Defect::AccessListUnasked => Reach {
            protocols: SHARING,
            amfs: three,
            sets: &["volume.access=[1]"],
            ..row(&CRASHES_LATE, &["reads", "mutual-exclusion"])
        },
        Defect::FloorTakesDiskUnseen => Reach {
            protocols: LENDING,
            amfs: three,
            sets: &["cache.floor_slots=1"],
            ..row(&RACES, &["reads", "data-value", "single-writer"])
        },
        Defect::AdoptTrustsCleanCopy => {
            Reach { protocols: MOESI, amfs: three, ..row(&CRASHES, &["reads", "durability"]) }
        }
        Defect::NoRecoveryDeferral => Reach {
            protocols: LENDING,
            amfs: three,
            ..row(&NEAR, &["single-writer", "mutual-exclusion", "reads"])
        },
        Defect::ResendHeldWrite => Reach {
            amfs: (4, 4),
            ..row(&CRASHES_LATE, &["reads", "linearizability", "data-value", "version-order"])
        },
        Defect::UpdateWithoutTicketCheck => Reach {
            protocols: UPDATE,
            amfs: three,
            ..row(&RACES, &["single-writer", "data-value", "reads"])
        },
        Defect::UpdateAtCommit => Reach {
            protocols: UPDATE,
            amfs: (3, 3),
            replicas: (1, 1),
            ..row(&NEAR, &["reads", "data-value"])
        },
        Defect::UpdateWriterStaysM => Reach {
            protocols: UPDATE,
            amfs: three,
            ..row(&RACES, &["single-writer", "data-value"])
        },
        Defect::AckBeforeJournal => {
            Reach { sets: JOURNAL, ..row(&POWER, &["reads", "durability"]) }
        }
        Defect::SupersedeBeforeJournal => Reach {
            protocols: LENDING,
            amfs: three,
            sets: JOURNAL,
            ..row(&POWER, &["reads", "durability"])
        },
        Defect::AdoptWithoutJournal => {
            let checkers = &["reads", "durability", "progress"];
            Reach { amfs: three, sets: JOURNAL, ..row(&POWER, checkers) }
        }
        Defect::NoRedeliveryFilter => {
            Reach { sets: &["link.duplicate=0.5"], ..row(&ECHOES, &["redundancy", "reads"]) }
        }
    }
}

/// The rows, in the order of [`Defect::ALL`].
const ROWS: [Reach; Defect::ALL.len()] = {
    let mut rows = [of(Defect::ALL[0]); Defect::ALL.len()];
    let mut index = 0;
    while index < rows.len() {
        rows[index] = of(Defect::ALL[index]);
        index += 1;
    }
    rows
};

/// The row of a defect.
#[must_use]
pub fn reach(defect: Defect) -> &'static Reach {
    let at = Defect::ALL.iter().position(|known| *known == defect);
    &ROWS[at.expect("every defect is listed")]
}
