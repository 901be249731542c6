//! The quick way, for reads and writes of contents that were written only once each (as stamps are):
//! O(n log n), whatever is concurrent, and exact.
//!
//! Required reading: P. Gibbons and E. Korach, *Testing Shared Memories* (1997), section 4. A write and
//! the reads that returned it are a cluster. Its zone lies between the first end and the last start in
//! it. If the end is first, the content was surely there all the time between (a forward zone); else
//! everything in the cluster overlaps, and one moment in between is enough (a backward zone). The
//! history is linearizable exactly if no read ended before its write started, no two forward zones
//! overlap, and no backward zone lies inside a forward one.

use super::op::Act;
use super::register::Register;

/// What the quick way finds.
pub(super) enum Zoned {
    /// An order that explains everything.
    Order(Vec<u32>),
    /// Operations among which there is a conflict: at most six.
    Conflict(Vec<u32>),
}

/// A write, or the first content, and those who read it.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    /// `None`: the first content.
    write: Option<u32>,
    /// The earliest end, and whose it is.
    first_end: (u32, Option<u32>),
    /// The latest start, and whose it is.
    last_start: (u32, Option<u32>),
    is_used: bool,
}

impl Cluster {
    fn is_forward(&self) -> bool {
        self.first_end.0 <= self.last_start.0
    }

    fn members(&self) -> impl Iterator<Item = u32> {
        [self.write, self.first_end.1, self.last_start.1].into_iter().flatten()
    }

    fn add(&mut self, op: u32, start: u32, end: u32) {
        self.first_end = self.first_end.min((end, Some(op)));
        self.last_start = self.last_start.max((start, Some(op)));
    }
}

/// No cluster.
const NONE: u32 = u32::MAX;

/// Judges the quick way, if `acts` (what each operation of the register does) allow it.
pub(super) fn judge(register: &Register, acts: &[Act]) -> Option<Zoned> {
    let contents = contents(register, acts)?;
    let ranks = Ranks::of(register);
    let mut clusters =
        vec![Cluster { write: None, first_end: (0, None), last_start: (0, None), is_used: true }];
    // By content, the cluster; by operation, too.
    let mut of_content = vec![NONE; contents];
    of_content[register.first as usize] = 0;
    let mut of_op = vec![NONE; acts.len()];
    for (op, act) in (0..).zip(acts) {
        if let Act::Write(content) = act {
            let cluster = u32::try_from(clusters.len()).ok()?;
            let (start, end) = ranks.of_op(op);
            clusters.push(Cluster {
                write: Some(op),
                first_end: (end, Some(op)),
                last_start: (start, Some(op)),
                is_used: register.ops[op as usize].end.is_some(),
            });
            of_content[content.0 as usize] = cluster;
            of_op[op as usize] = cluster;
        }
    }
    for (op, act) in (0..).zip(acts) {
        let Act::Read(content) = act else { continue };
        let (start, end) = ranks.of_op(op);
        if register.ops[op as usize].end.is_none() {
            continue;
        }
        let number = of_content[content.0 as usize];
        let Some(cluster) = clusters.get_mut(number as usize) else {
            return Some(Zoned::Conflict(vec![op]));
        };
        if let Some(write) = cluster.write
            && end < ranks.of_op(write).0
        {
            return Some(Zoned::Conflict(vec![op, write]));
        }
        cluster.add(op, start, end);
        cluster.is_used = true;
        of_op[op as usize] = number;
    }
    // A write without an answer that nobody read need not have happened.
    for cluster in &mut of_op {
        if *cluster != NONE && !clusters[*cluster as usize].is_used {
            *cluster = NONE;
        }
    }
    Some(match places(&clusters) {
        Ok(places) => Zoned::Order(order(&of_op, acts, &ranks, &places)),
        Err((one, other)) => {
            let both = [clusters[one], clusters[other]];
            let mut ops: Vec<u32> = both.iter().flat_map(Cluster::members).collect();
            ops.sort_unstable();
            ops.dedup();
            Zoned::Conflict(ops)
        }
    })
}

/// How many contents there are; `None` if the quick way is not exact here.
fn contents(register: &Register, acts: &[Act]) -> Option<usize> {
    if !register.space.is_plain() {
        return None;
    }
    let top = |act: &Act| match act {
        Act::Read(content) | Act::Write(content) => Some(content.0),
        Act::Swap { .. } | Act::Miss(_) => None,
    };
    let mut most = register.first;
    for act in acts {
        most = most.max(top(act)?);
    }
    let mut is_read = vec![false; most as usize + 1];
    for act in acts {
        if let Act::Read(content) = act {
            is_read[content.0 as usize] = true;
        }
    }
    let mut is_written = vec![false; most as usize + 1];
    is_written[register.first as usize] = true;
    for act in acts {
        if let Act::Write(content) = act
            && is_read[content.0 as usize]
            && core::mem::replace(&mut is_written[content.0 as usize], true)
        {
            return None;
        }
    }
    Some(most as usize + 1)
}

/// Starts and ends by their place in the order of all, from 1 on: no two are the same.
struct Ranks {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl Ranks {
    fn of(register: &Register) -> Self {
        let count = register.ops.len();
        let (mut starts, mut ends) = (vec![0; count], vec![u32::MAX; count]);
        for (rank, event) in (1..).zip(register.events(|_| true)) {
            let of = if event.is_end { &mut ends } else { &mut starts };
            of[event.op as usize] = rank;
        }
        Self { starts, ends }
    }

    fn of_op(&self, op: u32) -> (u32, u32) {
        (self.starts[op as usize], self.ends[op as usize])
    }
}

/// For each cluster the moment that puts them in order, or two that exclude each other.
fn places(clusters: &[Cluster]) -> Result<Vec<u32>, (usize, usize)> {
    let used = || clusters.iter().enumerate().filter(|(_, cluster)| cluster.is_used);
    // First end, last start, cluster.
    let mut forward: Vec<(u32, u32, usize)> = used()
        .filter(|(_, cluster)| cluster.is_forward())
        .map(|(at, cluster)| (cluster.first_end.0, cluster.last_start.0, at))
        .collect();
    forward.sort_unstable();
    for pair in forward.windows(2) {
        if pair[1].0 < pair[0].1 {
            return Err((pair[0].2, pair[1].2));
        }
    }
    let mut places = vec![0; clusters.len()];
    for (at, cluster) in used() {
        let (first_end, last_start) = (cluster.first_end.0, cluster.last_start.0);
        if cluster.is_forward() {
            places[at] = first_end;
            continue;
        }
        let before = forward.partition_point(|(first_end, ..)| *first_end < last_start);
        let inside = before.checked_sub(1).map(|zone| forward[zone]);
        places[at] = match inside {
            Some((_, until, zone)) if first_end < until => return Err((zone, at)),
            Some((_, until, _)) => last_start.max(until),
            None => last_start,
        };
    }
    Ok(places)
}

/// Clusters by their places, in each the write before the reads, those by their starts.
fn order(of_op: &[u32], acts: &[Act], ranks: &Ranks, places: &[u32]) -> Vec<u32> {
    let mut keys: Vec<(u32, u32, bool, u32, u32)> = (0..)
        .zip(of_op)
        .filter(|(_, cluster)| **cluster != NONE)
        .map(|(op, cluster)| {
            let is_read = acts[op as usize].is_observer();
            (places[*cluster as usize], *cluster, is_read, ranks.of_op(op).0, op)
        })
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(.., op)| op).collect()
}
