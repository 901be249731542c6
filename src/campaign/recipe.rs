//! Named mixtures of faults. A recipe says what may go wrong, how often and for how long; a seed draws
//! from those ranges, and turns some kinds off altogether if the recipe is a swarm.

use super::fault::FaultKind;

/// How often a kind of fault comes, and how stable it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// Which.
    pub kind: FaultKind,
    /// Out of a thousand requests, so many are followed by one: from, to.
    pub per_mille: (u32, u32),
    /// It is ended after so many hundredths of a lease on average: from, to.
    pub lasting: (u32, u32),
}

/// Whom faults hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Anybody.
    Any,
    /// One after the other.
    Rolling,
    /// Always the same, which the seed draws.
    Same,
}

/// A named mixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in one line.
    pub summary: &'static str,
    /// Keys that it sets, unless somebody else has.
    pub sets: &'static [&'static str],
    /// Only layouts that survive the loss of a disk are drawn.
    pub redundant: bool,
    /// Scripts are changed, and these faults come in between.
    pub near: bool,
    /// In so many of a hundred seeds more AMFs may go than there are replicas: what they had acknowledged may
    /// be in doubt then \[D3\].
    pub beyond: u32,
    /// What may go wrong.
    pub chances: &'static [Chance],
    /// Each seed leaves out most kinds.
    pub swarm: bool,
    /// Whom faults hit.
    pub pick: Pick,
    /// Most blocks that requests go to; 0: the seed draws.
    pub hot_max: u64,
    /// Most microseconds between two requests; 0: the seed draws.
    pub gap_us: u64,
    /// Most requests; 0: the seed draws. What is over soon hides less.
    pub ops_max: u32,
}

pub(super) const fn chance(kind: FaultKind, per_mille: (u32, u32), lasting: (u32, u32)) -> Chance {
    Chance { kind, per_mille, lasting }
}

use FaultKind as K;

/// Everything there is.
const ANY: &[Chance] = &[
    chance(K::Crash, (3, 60), (2, 400)),
    chance(K::Pause, (3, 60), (5, 300)),
    chance(K::Cut, (3, 60), (5, 300)),
    chance(K::Split, (3, 40), (5, 300)),
    chance(K::Drop, (3, 60), (5, 200)),
    chance(K::Duplicate, (3, 100), (5, 400)),
    chance(K::Reorder, (3, 100), (5, 400)),
    chance(K::Delay, (3, 100), (5, 400)),
    chance(K::FarWitness, (3, 30), (20, 300)),
    chance(K::SlowDisk, (3, 60), (5, 200)),
    chance(K::FarDisk, (3, 100), (5, 200)),
    chance(K::FailDisk, (3, 60), (5, 300)),
    chance(K::Lease, (3, 60), (0, 0)),
    chance(K::Witness, (3, 40), (5, 400)),
    chance(K::Evict, (10, 200), (0, 0)),
    chance(K::Flush, (3, 100), (0, 0)),
    chance(K::Switch, (3, 20), (0, 0)),
    chance(K::PowerFail, (3, 30), (0, 0)),
    chance(K::Corrupt, (3, 100), (5, 300)),
    chance(K::Scrub, (3, 30), (0, 0)),
    chance(K::Hold, (3, 150), (1, 12)),
    chance(K::SwapDisk, (3, 30), (0, 0)),
];

impl Recipe {
    pub(super) const fn new(
        name: &'static str,
        summary: &'static str,
        chances: &'static [Chance],
    ) -> Self {
        let (sets, swarm, pick) = (&[], false, Pick::Any);
        let (redundant, beyond, near) = (false, 0, false);
        Self {
            name,
            summary,
            sets,
            redundant,
            near,
            beyond,
            chances,
            swarm,
            pick,
            hot_max: 0,
            gap_us: 0,
            ops_max: 0,
        }
    }

    /// The recipe with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }
}

/// Near scripts: few faults, that they stay near.
pub const NEAR: Recipe = Recipe {
    near: true,
    swarm: true,
    beyond: 15,
    ..Recipe::new(
        "near",
        "scripts in which drafts of the protocol broke, each changed a little",
        &[
            chance(K::Hold, (3, 100), (1, 100)),
            chance(K::Crash, (3, 40), (1, 200)),
            chance(K::Pause, (3, 30), (5, 200)),
            chance(K::Lease, (3, 40), (0, 0)),
            chance(K::Delay, (3, 60), (5, 100)),
            chance(K::Duplicate, (3, 60), (5, 200)),
            chance(K::FarDisk, (3, 80), (1, 100)),
            chance(K::SlowDisk, (3, 40), (5, 100)),
            chance(K::FailDisk, (3, 30), (1, 100)),
            chance(K::SwapDisk, (3, 30), (0, 0)),
            chance(K::Evict, (10, 150), (0, 0)),
            chance(K::Flush, (3, 60), (0, 0)),
            chance(K::Corrupt, (3, 30), (5, 100)),
            chance(K::PowerFail, (3, 20), (0, 0)),
            chance(K::AcceptLoss, (3, 30), (0, 0)),
        ],
    )
};

/// Every recipe that can be named, the default first.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        swarm: true,
        beyond: 15,
        ..Recipe::new("any", "everything; each seed leaves out most kinds", ANY)
    },
    Recipe::new("quiet", "nothing goes wrong", &[]),
    Recipe {
        pick: Pick::Rolling,
        ..Recipe::new(
            "rolling-crash",
            "one AMF after the other crashes and comes back",
            &[
                chance(K::Crash, (20, 100), (2, 300)),
                chance(K::Evict, (0, 60), (0, 0)),
                chance(K::SlowDisk, (0, 20), (5, 50)),
            ],
        )
    },
    Recipe {
        pick: Pick::Rolling,
        ..Recipe::new(
            "rolling-partitions",
            "one AMF after the other is cut off",
            &[chance(K::Cut, (20, 100), (5, 300)), chance(K::Duplicate, (0, 50), (10, 200))],
        )
    },
    Recipe::new(
        "split-brain",
        "the AMFs are split, the witness on either side",
        &[
            chance(K::Split, (20, 80), (20, 400)),
            chance(K::Pause, (0, 20), (20, 300)),
            chance(K::FarWitness, (0, 20), (20, 200)),
        ],
    ),
    Recipe {
        pick: Pick::Same,
        ..Recipe::new(
            "flapping-link",
            "one link fails and works in turns",
            &[
                chance(K::Drop, (50, 200), (1, 60)),
                chance(K::Cut, (10, 50), (1, 30)),
                chance(K::Reorder, (0, 50), (5, 100)),
            ],
        )
    },
    Recipe::new(
        "slow-disk",
        "disks, and paths to them, are slow while lines are written",
        &[
            chance(K::SlowDisk, (20, 100), (20, 200)),
            chance(K::FarDisk, (20, 150), (10, 200)),
            chance(K::Evict, (50, 300), (0, 0)),
            chance(K::Flush, (10, 100), (0, 0)),
            chance(K::Crash, (0, 20), (5, 200)),
        ],
    ),
    Recipe {
        redundant: true,
        ..Recipe::new(
            "double-fault-in-rebuild",
            "something else fails while a disk is rebuilt",
            &[
                chance(K::FailDisk, (30, 120), (1, 60)),
                chance(K::SwapDisk, (0, 60), (0, 0)),
                chance(K::Crash, (10, 60), (2, 200)),
                chance(K::SlowDisk, (0, 60), (10, 100)),
                chance(K::FarDisk, (0, 60), (10, 100)),
                chance(K::Pause, (0, 20), (20, 200)),
                chance(K::Evict, (20, 100), (0, 0)),
            ],
        )
    },
    Recipe {
        redundant: true,
        ..Recipe::new(
            "bit-rot",
            "blocks on disks are damaged, and scrubbed",
            &[
                chance(K::Corrupt, (30, 150), (5, 200)),
                chance(K::Scrub, (0, 40), (0, 0)),
                chance(K::FailDisk, (0, 40), (5, 100)),
                chance(K::Evict, (50, 200), (0, 0)),
                chance(K::Flush, (10, 100), (0, 0)),
                chance(K::Crash, (0, 30), (5, 200)),
            ],
        )
    },
    Recipe {
        sets: &["journal.enabled=true"],
        ..Recipe::new(
            "power-cuts",
            "power fails everywhere, again and again",
            &[
                chance(K::PowerFail, (10, 60), (0, 0)),
                chance(K::Crash, (0, 40), (5, 200)),
                chance(K::SlowDisk, (0, 60), (10, 100)),
                // What is on its way to a disk is lost, and what has reached another is not.
                chance(K::FarDisk, (0, 80), (5, 100)),
                chance(K::FailDisk, (0, 80), (50, 2_000)),
                chance(K::Evict, (0, 100), (0, 0)),
            ],
        )
    },
    Recipe {
        beyond: 100,
        ..Recipe::new(
            "beyond-replicas",
            "more AMFs fail at once than there are replicas, and power fails",
            &[
                chance(K::Crash, (20, 100), (20, 400)),
                chance(K::Pause, (0, 40), (20, 300)),
                chance(K::Cut, (0, 40), (20, 300)),
                chance(K::PowerFail, (0, 20), (0, 0)),
                chance(K::AcceptLoss, (10, 60), (0, 0)),
                chance(K::FailDisk, (0, 40), (5, 100)),
                chance(K::Evict, (20, 150), (0, 0)),
                chance(K::Flush, (0, 60), (0, 0)),
            ],
        )
    },
    Recipe::new(
        "late-messages",
        "messages of one kind to one AMF are late, while others go on and crash",
        &[
            chance(K::Hold, (50, 300), (1, 12)),
            chance(K::Crash, (0, 80), (1, 100)),
            chance(K::Evict, (0, 150), (0, 0)),
            chance(K::Lease, (0, 20), (0, 0)),
            chance(K::FarDisk, (0, 60), (1, 30)),
            chance(K::FailDisk, (0, 20), (1, 60)),
        ],
    ),
    Recipe::new(
        "lossy-links",
        "links lose, repeat, delay and reorder",
        &[
            chance(K::Drop, (10, 60), (20, 200)),
            chance(K::Duplicate, (20, 100), (20, 400)),
            chance(K::Reorder, (20, 100), (20, 400)),
            chance(K::Delay, (20, 100), (20, 400)),
            chance(K::FarWitness, (0, 20), (20, 200)),
            chance(K::Crash, (0, 10), (5, 200)),
        ],
    ),
    Recipe::new(
        "witness-outage",
        "no view can change while AMFs come and go",
        &[
            chance(K::Witness, (30, 100), (20, 400)),
            chance(K::Crash, (10, 50), (5, 300)),
            chance(K::Pause, (10, 50), (5, 300)),
            chance(K::FailDisk, (0, 30), (10, 200)),
        ],
    ),
    NEAR,
];
