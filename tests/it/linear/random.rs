//! Thousands of small random histories: the clever checker and the naive one agree; witnesses replay;
//! conflicts are as small as it says.

use super::naive::{Case, Deed, apply};
use amflab::check::linear::{BUDGET, Conflict, Pattern, Size, UNKNOWN, Verdict};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How histories are drawn.
#[derive(Clone, Copy)]
struct Kind {
    ops: usize,
    values: u32,
    cells: u16,
    is_known: bool,
    /// Each write has a value of its own, and nothing is compared: the quick way.
    is_distinct: bool,
    /// One in so many operations has no answer.
    unanswered: u32,
    histories: u64,
}

const USUAL: Kind = Kind {
    ops: 7,
    values: 3,
    cells: 1,
    is_known: true,
    is_distinct: false,
    unanswered: 5,
    histories: 6_000,
};

fn pattern(rng: &mut ChaCha8Rng, kind: Kind) -> Pattern {
    let mut cells: Vec<u16> = (0..kind.cells).filter(|_| rng.random_bool(0.6)).collect();
    if cells.is_empty() {
        cells.push(rng.random_range(0..kind.cells));
    }
    cells.into_iter().map(|cell| (cell, rng.random_range(0..kind.values))).collect()
}

fn deed(rng: &mut ChaCha8Rng, kind: Kind, index: usize) -> Deed {
    if kind.is_distinct {
        let own = u32::try_from(index).unwrap() + 1;
        return if rng.random_bool(0.4) {
            Deed::Write(vec![(0, own)])
        } else {
            Deed::Read(vec![(0, rng.random_range(0..kind.values))])
        };
    }
    match rng.random_range(0..8) {
        0..3 => Deed::Read(pattern(rng, kind)),
        3..6 => Deed::Write(pattern(rng, kind)),
        6 => {
            let old = pattern(rng, kind);
            let new = old.iter().map(|(cell, _)| (*cell, rng.random_range(0..kind.values)));
            Deed::Swap(old.clone(), new.collect())
        }
        _ => Deed::Miss(pattern(rng, kind)),
    }
}

/// What an operation that means to do `deed` gets from a register that holds `state`.
fn really(state: &mut [u32], deed: Deed) -> Deed {
    match deed {
        Deed::Read(mut it) => {
            for (cell, value) in &mut it {
                *value = state[usize::from(*cell)];
            }
            Deed::Read(it)
        }
        Deed::Swap(old, new) if !apply(&mut state.to_vec(), &Deed::Read(old.clone())) => {
            drop(new);
            Deed::Miss(old)
        }
        Deed::Miss(old) if apply(&mut state.to_vec(), &Deed::Read(old.clone())) => {
            Deed::Swap(old.clone(), old)
        }
        other => {
            assert!(apply(state, &other), "what was found out is so");
            other
        }
    }
}

/// A history: anything, or what a real register gave, or that with one wrong answer.
fn case(seed: u64, kind: Kind) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rng = &mut rng;
    let fill = |rng: &mut ChaCha8Rng| rng.random_range(0..kind.values);
    let first: Vec<u32> =
        (0..kind.cells).map(|_| if kind.is_known { 0 } else { UNKNOWN }).collect();
    let mut state: Vec<u32> =
        first.iter().map(|cell| if *cell == UNKNOWN { fill(rng) } else { *cell }).collect();
    let count = rng.random_range(1..=kind.ops);
    let mut ops: Vec<(u64, Option<u64>, Deed)> = Vec::new();
    let is_real = rng.random_bool(0.5);
    for index in 0..count {
        let mut wanted = deed(rng, kind, index);
        // It takes effect at `at`, in the order of their numbers.
        let at = 4 * index as u64 + 20;
        let (start, end) = (at - rng.random_range(1..12), at + rng.random_range(1..12));
        let is_open = rng.random_ratio(1, kind.unanswered);
        if is_real {
            let has_effect = !is_open || rng.random_bool(0.5);
            if has_effect {
                wanted = really(&mut state, wanted);
            }
        }
        if !(is_open && matches!(wanted, Deed::Miss(_))) {
            ops.push((start, (!is_open).then_some(end), wanted));
        }
    }
    if rng.random_bool(0.5) && !ops.is_empty() {
        let at = rng.random_range(0..ops.len());
        if let Deed::Read(it) = &mut ops[at].2 {
            it[0].1 = fill(rng);
        }
    }
    Case { first, values: kind.values.max(u32::try_from(count).unwrap() + 1), ops }
}

fn is_witness(case: &Case, order: &[u32]) -> bool {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let answered = |op: &u32| case.ops[*op as usize].1.is_some();
    let all = (0..u32::try_from(case.ops.len()).unwrap()).filter(answered);
    let is_all = all.into_iter().all(|op| sorted.binary_search(&op).is_ok());
    let times = |op: u32| (case.ops[op as usize].0, case.ops[op as usize].1);
    let is_timely = order.iter().enumerate().all(|(at, op)| {
        order[at + 1..].iter().all(|later| times(*later).1.is_none_or(|end| end >= times(*op).0))
    });
    let replays =
        |mut state: Vec<u32>| order.iter().all(|op| apply(&mut state, &case.ops[*op as usize].2));
    sorted.len() == order.len() && is_all && is_timely && case.firsts().into_iter().any(replays)
}

fn check_conflict(case: &Case, conflict: &Conflict, seed: u64) {
    let bits = |ops: &[u32]| ops.iter().fold(0, |bits, op| bits | 1 << op);
    let kept: u32 = bits(&conflict.ops);
    assert!(!case.is_linearizable(kept), "seed {seed}: {conflict:?} is none in {case:?}");
    for op in &conflict.ops {
        let less = kept & !(1 << op);
        assert!(case.is_linearizable(less), "seed {seed}: {conflict:?} without {op} in {case:?}");
    }
    assert_eq!(conflict.size, Size::Smallest, "seed {seed}");
    // Among those that were answered by its last answer.
    let end = conflict.ops.iter().filter_map(|op| case.ops[*op as usize].1).max();
    let answered: Vec<u32> = (0..u32::try_from(case.ops.len()).unwrap())
        .filter(|op| case.ops[*op as usize].1.is_some_and(|its| Some(its) <= end))
        .collect();
    let answered = bits(&answered);
    for some in 0..1u32 << case.ops.len() {
        if some & !answered == 0 && (some.count_ones() as usize) < conflict.ops.len() {
            assert!(case.is_linearizable(some), "seed {seed}: {some:b} beats {conflict:?}");
        }
    }
}

fn compare(kind: Kind, first_seed: u64) {
    let (mut right, mut wrong, mut explored) = (0, 0, 0);
    for seed in first_seed..first_seed + kind.histories {
        let case = case(seed, kind);
        let all = (1 << case.ops.len()) - 1;
        let judgement = case.register().judge(BUDGET);
        match judgement.verdict {
            Verdict::Linearizable(order) => {
                right += 1;
                assert!(case.is_linearizable(all), "seed {seed}: {case:?}");
                assert!(is_witness(&case, &order), "seed {seed}: {order:?} of {case:?}");
            }
            Verdict::NotLinearizable(conflict) => {
                wrong += 1;
                assert!(!case.is_linearizable(all), "seed {seed}: {case:?}");
                check_conflict(&case, &conflict, seed);
            }
            Verdict::Unknown => panic!("seed {seed}: unknown"),
        }
        assert!(judgement.explored == 0 || !kind.is_distinct, "seed {seed}: not the quick way");
        explored += judgement.explored;
    }
    assert_eq!(explored == 0, kind.is_distinct, "which way");
    assert!(
        right > kind.histories / 5 && wrong > kind.histories / 20,
        "{right} right, {wrong} not"
    );
}

#[test]
fn histories_with_few_values() {
    compare(USUAL, 0);
    compare(Kind { values: 2, unanswered: 2, ops: 8, histories: 3_000, ..USUAL }, 10_000);
}

#[test]
fn histories_with_distinct_values_go_the_quick_way() {
    compare(Kind { values: 7, is_distinct: true, ..USUAL }, 20_000);
}

#[test]
fn histories_of_registers_whose_first_content_nobody_knows() {
    compare(Kind { is_known: false, ops: 6, histories: 3_000, ..USUAL }, 30_000);
}

#[test]
fn histories_of_registers_with_several_cells() {
    let kind = Kind { cells: 2, values: 2, ops: 6, histories: 3_000, ..USUAL };
    compare(kind, 40_000);
    compare(Kind { cells: 3, is_known: false, histories: 1_500, ..kind }, 50_000);
}
