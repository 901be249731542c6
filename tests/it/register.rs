//! The rule for one sector against a search over all orders: no false alarm, and nothing missed where
//! no two writes share a value.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use amflab::check::Value;
use amflab::check::register::{Read, Register, Write};
use amflab::protocol::Stamp;
use proptest::prelude::*;

/// One operation of a small history. Ticks are distinct; `end` is `None` without an answer.
#[derive(Clone, Copy, Debug)]
struct Op {
    start: u64,
    end: Option<u64>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Read(u8),
    Write(u8),
    /// A write that was answered with a refusal: it has no effect.
    Refused(u8),
    /// Compared equal to the first, wrote the second.
    Swap(u8, u8),
}

fn value(name: u8) -> Value {
    if name == 0 {
        return Value::ZERO;
    }
    Value::of_stamp(Stamp { volume: 0, writer: 1, sector: 0, sequence: u64::from(name) }, 0)
}

/// Searches for an order of effects that explains everything.
fn is_linearizable(ops: &[Op]) -> bool {
    fn search(ops: &[Op], done: u32, content: u8, failed: &mut Vec<(u32, u8)>) -> bool {
        let left = |index: &usize| done & (1 << index) == 0;
        let answered = |index: &usize| ops[*index].end.is_some();
        if !(0..ops.len()).any(|index| left(&index) && answered(&index)) {
            return true;
        }
        if failed.contains(&(done, content)) {
            return false;
        }
        // What is next must have started before everything that is left was answered.
        let first_end = (0..ops.len()).filter(left).filter_map(|i| ops[i].end).min().unwrap();
        for index in (0..ops.len()).filter(left) {
            let next = match ops[index].what {
                _ if ops[index].start > first_end => continue,
                What::Read(name) if name == content => content,
                What::Swap(old, new) if old == content => new,
                What::Write(name) => name,
                What::Refused(_) => content,
                What::Read(_) | What::Swap(..) => continue,
            };
            if search(ops, done | 1 << index, next, failed) {
                return true;
            }
        }
        failed.push((done, content));
        false
    }
    search(ops, 0, 0, &mut Vec::new())
}

/// Runs a history through a register, as the checker does: false at the first alarm.
fn is_accepted(ops: &[Op], prune: bool) -> bool {
    let mut events: Vec<(u64, bool, Op)> = ops.iter().map(|op| (op.start, false, *op)).collect();
    events.extend(ops.iter().filter_map(|op| op.end.map(|end| (end, true, *op))));
    events.sort_by_key(|event| event.0);
    let mut register = Register(vec![Write::first(Value::ZERO)]);
    let mut reading: Vec<u64> = Vec::new();
    for (now, is_end, op) in events {
        let reads = matches!(op.what, What::Read(_) | What::Swap(..));
        let read = |name| Read { value: value(name), start: op.start, end: now };
        match (is_end, op.what) {
            (false, What::Read(_)) => {}
            (false, What::Write(name) | What::Refused(name) | What::Swap(_, name)) => {
                register.0.push(Write::starting(value(name), op.start));
            }
            (true, What::Read(name)) => {
                if register.read(read(name)).is_err() {
                    return false;
                }
            }
            (true, What::Write(_)) => register.answered(op.start, now),
            (true, What::Refused(_)) => {
                if !register.refused(op.start) {
                    return false;
                }
            }
            (true, What::Swap(old, _)) => {
                if register.read(read(old)).is_err() {
                    return false;
                }
                register.answered(op.start, now);
            }
        }
        if reads && op.end.is_some() {
            reading.retain(|start| *start != op.start);
            if !is_end {
                reading.push(op.start);
            }
        }
        if prune {
            register.prune(reading.iter().copied().min().unwrap_or(now + 1));
        }
    }
    true
}

/// Histories of up to nine operations at any times. `swaps`: also refusals and compare-and-writes.
fn histories(unique: bool, swaps: bool) -> impl Strategy<Value = Vec<Op>> {
    let one = (0u32..100, 0u32..100, 0u8..10, 0u8..6, 0u8..6, 0u8..10);
    prop::collection::vec(one, 1..9).prop_map(move |raw| {
        let mut order: Vec<(u32, usize, bool)> = Vec::new();
        for (index, (a, b, ..)) in raw.iter().enumerate() {
            order.push((*a.min(b), index, false));
            order.push((*a.max(b), index, true));
        }
        order.sort_by_key(|(at, index, is_end)| (*at, *index, *is_end));
        let tick = |index: usize, is_end: bool| {
            let at = order.iter().position(|(_, i, e)| (*i, *e) == (index, is_end)).unwrap();
            at as u64 + 1
        };
        let made = raw.iter().enumerate().map(|(index, (_, _, kind, x, y, lost))| {
            let own = u8::try_from(index).unwrap() + 1;
            let (new, any) = if unique { (own, *x) } else { (*x % 3, *y % 3) };
            let what = match kind {
                0..5 => What::Read(any),
                8 if swaps => What::Swap(any, new),
                9 if swaps => What::Refused(new),
                _ => What::Write(new),
            };
            let is_open = *lost == 0 && matches!(what, What::Write(_));
            let end = (!is_open).then(|| tick(index, true));
            Op { start: tick(index, false), end, what }
        });
        made.collect()
    })
}

#[test]
fn the_search_itself_is_right() {
    let op = |start, end, what| Op { start, end: Some(end), what };
    let write = op(1, 2, What::Write(1));
    assert!(is_linearizable(&[write, op(3, 4, What::Read(1))]));
    assert!(!is_linearizable(&[write, op(3, 4, What::Read(0))]), "stale");
    assert!(!is_linearizable(&[write, op(3, 4, What::Read(7))]), "never written");
    let open = Op { start: 1, end: None, what: What::Write(2) };
    assert!(is_linearizable(&[open, op(3, 4, What::Read(0)), op(5, 6, What::Read(2))]));
    assert!(!is_linearizable(&[open, op(3, 4, What::Read(2)), op(5, 6, What::Read(0))]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn exact_where_values_are_unique(ops in histories(true, false), prune in any::<bool>()) {
        prop_assert_eq!(is_accepted(&ops, prune), is_linearizable(&ops));
    }

    #[test]
    fn no_false_alarm_where_writes_share_values(ops in histories(false, true), prune in any::<bool>()) {
        if is_linearizable(&ops) {
            prop_assert!(is_accepted(&ops, prune));
        }
    }

    #[test]
    fn no_false_alarm_with_compare_and_write(ops in histories(true, true), prune in any::<bool>()) {
        if is_linearizable(&ops) {
            prop_assert!(is_accepted(&ops, prune));
        }
    }
}
