//! What verdicts cost, in configurations: unanswered operations and concurrent writes do not blow up.

use amflab::check::linear::{Act, BUDGET, Content, Judgement, Op, Register, Space, Verdict};

fn register(ops: Vec<Op>) -> Register {
    Register { space: Space::Plain, first: 0, ops }
}

fn op(start: u64, end: u64, act: Act) -> Op {
    Op { start, end: Some(end), act }
}

fn open(start: u64, act: Act) -> Op {
    Op { start, end: None, act }
}

fn write(value: u32) -> Act {
    Act::Write(Content(value))
}

fn read(value: u32) -> Act {
    Act::Read(Content(value))
}

fn swap(old: u32, new: u32) -> Act {
    Act::Swap { old: Content(old), new: Content(new) }
}

fn cost(ops: Vec<Op>, is_right: bool) -> u64 {
    let Judgement { verdict, explored } = register(ops).judge(BUDGET);
    match verdict {
        Verdict::Linearizable(_) => assert!(is_right),
        Verdict::NotLinearizable(_) => assert!(!is_right),
        Verdict::Unknown => panic!("{explored} configurations were not enough"),
    }
    explored
}

/// `count` unanswered operations of each of these, then a hundred writes and reads, the last of which
/// may be wrong.
fn behind(unanswered: &[Act], count: u64, is_right: bool) -> u64 {
    let mut ops: Vec<Op> =
        (0..count).flat_map(|at| unanswered.iter().map(move |act| open(at, *act))).collect();
    for at in (0..100).map(|at| 1_000 + 10 * at) {
        ops.push(op(at, at + 3, write(1)));
        ops.push(op(at + 2, at + 6, write(2)));
        ops.push(op(at + 7, at + 8, read(2)));
        // Overtaken by an unanswered write, now and then.
        ops.push(op(at + 9, at + 9, read(if at % 50 == 0 { 3 } else { 2 })));
    }
    ops.push(op(3_000, 3_001, read(if is_right { 2 } else { 9 })));
    cost(ops, is_right)
}

#[test]
fn identical_unanswered_writes_are_a_count() {
    for is_right in [true, false] {
        let few = behind(&[write(3), write(2)], 30, is_right);
        let many = behind(&[write(3), write(2)], 3_000, is_right);
        assert!(many < 20_000, "{many}");
        assert!(many <= 4 * few, "{many} against {few}: the count must not matter");
    }
}

#[test]
fn unanswered_compare_and_writes_do_not_multiply() {
    let acts = [write(3), write(2), swap(2, 3), swap(3, 2), swap(1, 2), swap(2, 1)];
    for is_right in [true, false] {
        let explored = behind(&acts, 40, is_right);
        assert!(explored < 100_000, "{explored}");
    }
}

#[test]
fn unanswered_writes_of_different_contents_that_nobody_reads_are_one_class() {
    let unread: Vec<Act> = (100..140).map(write).collect();
    // Compared, so that it is the search that judges.
    let mut ops: Vec<Op> = (0..).zip(&unread).map(|(at, act)| open(at, *act)).collect();
    ops.extend((0..100).map(|at| op(100 + 2 * at, 101 + 2 * at, Act::Miss(Content(0)))));
    let explored = cost(ops, true);
    assert!(explored < 1_000, "{explored}");
}

#[test]
fn concurrent_writes_do_not_multiply() {
    // 24 writes at once, each answered, in rounds; then one of them is read.
    let mut ops = Vec::new();
    for round in 0..20u64 {
        let at = 1_000 * round;
        ops.extend((0..24u32).map(|one| op(at, at + 100 + u64::from(one), write(1 + one))));
        ops.push(op(at + 200, at + 201, swap(7, 30)));
        ops.push(op(at + 202, at + 203, read(30)));
    }
    let explored = cost(ops, true);
    assert!(explored < 50_000, "{explored}");
}

#[test]
fn distinct_contents_take_no_search_however_much_is_concurrent() {
    // Sixty writes and sixty reads of them, all at once: no forward search could try the orders.
    let writes = (0..60u32).map(|one| op(one.into(), 1_000 + u64::from(one), write(1 + one)));
    let reads = (0..60u32).map(|one| op(100, 2_000 + u64::from(one), read(1 + one)));
    let ops: Vec<Op> = writes.chain(reads).collect();
    assert_eq!(cost(ops, true), 0);
}

#[test]
fn a_budget_that_is_used_up_is_unknown() {
    let mut ops: Vec<Op> = Vec::new();
    for one in 0..12u32 {
        ops.push(op(u64::from(one), 1_000, swap(one, one + 1)));
        ops.push(op(u64::from(one), 1_000, write(one)));
        ops.push(op(u64::from(one), 1_000, read(one)));
    }
    let judged = register(ops).judge(50);
    assert_eq!(judged.verdict, Verdict::Unknown);
    assert!((51..5_000).contains(&judged.explored), "{}", judged.explored);
}
