//! What a campaign comes to: sums over its seeds. Reports of shards are joined into the report that one
//! machine would have written.

use super::effect::Effect;
use super::seed::SeedResult;
use super::space::Spec;
use super::stage::Finding;
use crate::protocol::{HostError, MsgKind};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Failures that are kept in words; all are counted.
pub const FAILURES_MAX: usize = 100;
/// Significant digits of latencies.
const DIGITS: u8 = 2;

/// One of several parts of a campaign: every `count`th seed, beginning with the `index`th.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub index: u32,
    /// How many parts there are.
    pub count: u32,
}

impl Shard {
    /// The whole.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// True if this part runs the seed that is `offset` behind the first.
    #[must_use]
    pub const fn has(self, offset: u64) -> bool {
        offset % self.count as u64 == self.index as u64 - 1
    }
}

impl core::str::FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no shard; allowed: i/n with i from 1 to n, as in 2/4");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let index = index.parse().map_err(|_| wrong())?;
        let count = count.parse().map_err(|_| wrong())?;
        let fits = (1..=count).contains(&index);
        fits.then_some(Self { index, count }).ok_or_else(wrong)
    }
}

impl core::fmt::Display for Shard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Which campaign it is: reports are joined only if this is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of this program.
    pub version: String,
    /// The profile.
    pub profile: String,
    /// What was fixed.
    pub sets: Vec<String>,
    /// The recipe.
    pub recipe: String,
    /// Scripts near which seeds were drawn, if they were named.
    #[serde(default)]
    pub near: Vec<String>,
    /// The rule that was broken.
    pub defect: Option<String>,
    /// Requests of each seed, if they were not drawn.
    pub ops_each: Option<u32>,
    /// The first seed.
    pub from: u64,
    /// The seed behind the last.
    pub to: u64,
}

impl Identity {
    /// The identity of a campaign over these seeds.
    #[must_use]
    pub fn new(spec: &Spec, from: u64, to: u64) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: spec.profile.clone(),
            sets: spec.sets.clone(),
            recipe: spec.recipe.name.to_owned(),
            near: spec.near.iter().map(|situation| situation.name.clone()).collect(),
            defect: spec.defect.map(|defect| defect.name().to_owned()),
            ops_each: spec.ops,
            from,
            to,
        }
    }
}

/// Faults of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// How many there were.
    pub injected: u64,
    /// How many of them did nothing.
    pub without_effect: u64,
}

/// A seed that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// The command that repeats it.
    pub repeat: String,
    /// Files that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// Counts of latencies: how many requests took at most so many nanoseconds, by bucket.
pub type Buckets = BTreeMap<u64, u64>;

/// The sums of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which campaign.
    #[serde(flatten)]
    pub identity: Identity,
    /// Which parts of it.
    pub shards: Vec<Shard>,
    /// Seeds that were run.
    pub seeds: u64,
    /// It was ended before all were.
    pub interrupted: bool,
    /// Seeds that failed.
    pub failed: u64,
    /// Blocks whose histories were too long to be judged.
    pub undecided: u64,
    /// Their seeds, in order, the first [`FAILURES_MAX`].
    #[serde(default)]
    pub undecided_seeds: Vec<u64>,
    /// Seeds by protocol.
    pub protocols: BTreeMap<String, u64>,
    /// Seeds by layout.
    pub layouts: BTreeMap<String, u64>,
    /// Requests.
    pub ops: u64,
    /// Blocks touched.
    pub touches: u64,
    /// Reads.
    pub reads: u64,
    /// Writes of whatever kind.
    pub writes: u64,
    /// Requests that ended in an error.
    pub errors: u64,
    /// The same by kind.
    pub errors_by_kind: BTreeMap<String, u64>,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Touches answered from another cache.
    pub peer_transfers: u64,
    /// Blocks read from disks.
    pub disk_reads: u64,
    /// Blocks written to disks.
    pub disk_writes: u64,
    /// First sends by kind.
    pub messages: BTreeMap<String, u64>,
    /// Accesses that were broadcast.
    pub broadcasts: u64,
    /// Accesses that needed none.
    pub broadcasts_saved: u64,
    /// Messages sent again.
    pub retransmissions: u64,
    /// Blocks adopted.
    pub takeovers: u64,
    /// Views.
    pub views: u64,
    /// Steps of all simulations.
    pub steps: u64,
    /// Virtual seconds.
    pub cluster_s: f64,
    /// Faults by kind.
    pub faults: BTreeMap<String, Faults>,
    /// Latencies of reads.
    pub read_ns: Buckets,
    /// Latencies of writes.
    pub write_ns: Buckets,
    /// Seconds on the clock, over all shards.
    pub elapsed_s: f64,
    /// The failures, in the order of their seeds, the first [`FAILURES_MAX`].
    pub failures: Vec<Failure>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(identity: Identity, shard: Shard) -> Self {
        Self {
            identity,
            shards: vec![shard],
            seeds: 0,
            interrupted: false,
            failed: 0,
            undecided: 0,
            undecided_seeds: Vec::new(),
            protocols: BTreeMap::new(),
            layouts: BTreeMap::new(),
            ops: 0,
            touches: 0,
            reads: 0,
            writes: 0,
            errors: 0,
            errors_by_kind: BTreeMap::new(),
            hits: 0,
            misses: 0,
            peer_transfers: 0,
            disk_reads: 0,
            disk_writes: 0,
            messages: BTreeMap::new(),
            broadcasts: 0,
            broadcasts_saved: 0,
            retransmissions: 0,
            takeovers: 0,
            views: 0,
            steps: 0,
            cluster_s: 0.0,
            faults: BTreeMap::new(),
            read_ns: Buckets::new(),
            write_ns: Buckets::new(),
            elapsed_s: 0.0,
            failures: Vec::new(),
        }
    }

    /// Adds a seed.
    pub fn add(&mut self, result: &SeedResult) {
        let SeedResult { drawn, asked, counts, .. } = result;
        let config = &drawn.profile.config;
        self.seeds += 1;
        self.failed += u64::from(result.finding.is_some());
        self.undecided += result.undecided;
        if result.undecided > 0 && self.undecided_seeds.len() < FAILURES_MAX {
            self.undecided_seeds.push(drawn.seed);
        }
        *self.protocols.entry(config.protocol.name().to_owned()).or_default() += 1;
        *self.layouts.entry(config.group.layout.name().to_owned()).or_default() += 1;
        self.ops += asked.reads + asked.writes + asked.flushes;
        self.reads += asked.reads;
        self.writes += asked.writes;
        self.hits += asked.hits;
        self.misses += asked.misses;
        self.touches += asked.hits + asked.misses;
        for (error, count) in HostError::ALL.iter().zip(asked.errors).filter(|(_, n)| *n > 0) {
            self.errors += count;
            *self.errors_by_kind.entry(error.name().to_owned()).or_default() += count;
        }
        self.peer_transfers += counts.peer_transfers;
        self.disk_reads += counts.disk_reads;
        self.disk_writes += counts.disk_writes;
        for kind in MsgKind::ALL {
            *self.messages.entry(kind.name().to_owned()).or_default() += counts.sent(kind);
        }
        self.broadcasts += counts.broadcasts;
        self.broadcasts_saved += counts.broadcasts_saved;
        self.retransmissions += counts.retransmissions;
        self.takeovers += counts.takeovers;
        self.views += counts.views;
        self.steps += result.steps;
        self.cluster_s += seconds(result.nanos);
        for Effect { kind, hit, .. } in &result.effects {
            let faults = self.faults.entry(kind.name().to_owned()).or_default();
            faults.injected += 1;
            faults.without_effect += u64::from(!hit);
        }
        add_all(&mut self.read_ns, &asked.read_ns);
        add_all(&mut self.write_ns, &asked.write_ns);
    }

    /// Joins the reports of all shards of one campaign.
    ///
    /// # Errors
    /// They are of different campaigns, one is there twice, or one is missing; in words. Names are what
    /// people call the reports.
    pub fn merge(reports: Vec<(String, Self)>) -> Result<Self, String> {
        let mut reports = reports.into_iter();
        let (first_name, mut all) = reports.next().ok_or("there is no report to join")?;
        let mut from: BTreeMap<Shard, String> =
            all.shards.iter().map(|shard| (*shard, first_name.clone())).collect();
        for (name, one) in reports {
            if let Some(what) = differs(&all.identity, &one.identity) {
                return Err(format!("{first_name} and {name} are of different campaigns: {what}"));
            }
            for shard in &one.shards {
                if shard.count != all.shards[0].count {
                    let (a, b) = (all.shards[0], shard);
                    return Err(format!("{first_name} is shard {a}, {name} shard {b}"));
                }
                if let Some(other) = from.insert(*shard, name.clone()) {
                    return Err(format!("shard {shard} is both in {other} and in {name}"));
                }
            }
            all.absorb(one);
        }
        let count = all.shards[0].count;
        let missing = (1..=count).map(|index| Shard { index, count });
        let missing: Vec<String> =
            missing.filter(|shard| !from.contains_key(shard)).map(|s| s.to_string()).collect();
        if !missing.is_empty() {
            return Err(format!("missing: shard {}", missing.join(", ")));
        }
        Ok(all)
    }

    fn absorb(&mut self, other: Self) {
        let add = |sums: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>| {
            for (key, count) in more {
                *sums.entry(key).or_default() += count;
            }
        };
        self.shards.extend(other.shards);
        self.shards.sort_unstable();
        self.seeds += other.seeds;
        self.interrupted |= other.interrupted;
        self.failed += other.failed;
        self.undecided += other.undecided;
        self.undecided_seeds.extend(other.undecided_seeds);
        self.undecided_seeds.sort_unstable();
        self.undecided_seeds.truncate(FAILURES_MAX);
        add(&mut self.protocols, other.protocols);
        add(&mut self.layouts, other.layouts);
        self.ops += other.ops;
        self.touches += other.touches;
        self.reads += other.reads;
        self.writes += other.writes;
        self.errors += other.errors;
        add(&mut self.errors_by_kind, other.errors_by_kind);
        self.hits += other.hits;
        self.misses += other.misses;
        self.peer_transfers += other.peer_transfers;
        self.disk_reads += other.disk_reads;
        self.disk_writes += other.disk_writes;
        add(&mut self.messages, other.messages);
        self.broadcasts += other.broadcasts;
        self.broadcasts_saved += other.broadcasts_saved;
        self.retransmissions += other.retransmissions;
        self.takeovers += other.takeovers;
        self.views += other.views;
        self.steps += other.steps;
        self.cluster_s += other.cluster_s;
        for (kind, faults) in other.faults {
            let sums = self.faults.entry(kind).or_default();
            sums.injected += faults.injected;
            sums.without_effect += faults.without_effect;
        }
        for (mine, more) in
            [(&mut self.read_ns, other.read_ns), (&mut self.write_ns, other.write_ns)]
        {
            for (bucket, count) in more {
                *mine.entry(bucket).or_default() += count;
            }
        }
        self.elapsed_s += other.elapsed_s;
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|failure| failure.seed);
        self.failures.truncate(FAILURES_MAX);
    }
}

fn differs(a: &Identity, b: &Identity) -> Option<String> {
    let texts = |one: &Identity| {
        let defect = one.defect.clone().unwrap_or_else(|| "none".to_owned());
        let ops = one.ops_each.map_or_else(|| "drawn".to_owned(), |ops| ops.to_string());
        [
            ("version", one.version.clone()),
            ("profile", one.profile.clone()),
            ("--set", one.sets.join(" ")),
            ("recipe", one.recipe.clone()),
            ("--near", one.near.join(" ")),
            ("defect", defect),
            ("ops", ops),
            ("seeds", format!("{}..{}", one.from, one.to)),
        ]
    };
    let pairs = texts(a).into_iter().zip(texts(b));
    pairs
        .filter(|((_, a), (_, b))| a != b)
        .map(|((what, a), (_, b))| format!("{what} `{a}` and `{b}`"))
        .next()
}

fn seconds(nanos: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    let nanos = nanos as f64;
    nanos / 1e9
}

/// Adds latencies to their buckets: two digits are enough for quantiles of simulated times.
fn add_all(buckets: &mut Buckets, nanos: &[u64]) {
    for value in nanos {
        let digits = value.checked_ilog10().unwrap_or(0).saturating_sub(u32::from(DIGITS) - 1);
        let unit = 10u64.pow(digits);
        *buckets.entry(value.div_ceil(unit) * unit).or_default() += 1;
    }
}

/// The histogram of some buckets.
#[must_use]
pub fn histogram(buckets: &Buckets) -> Histogram<u64> {
    let mut all = Histogram::new(DIGITS).expect("2 digits are allowed");
    for (bucket, count) in buckets {
        all.record_n(*bucket, *count).unwrap_or_default();
    }
    all
}
