//! Ways through a model: every point is gone on from by every move, once. Where something new was met, at
//! once; then where things stand as they never stood, then elsewhere, in turns from the nearest point and
//! from the farthest: a walk that ends before all is seen has been wide and deep. Faults happen wherever
//! something new was met without any.

use super::canon::{digest, shape};
use super::model::{MODELS, Model};
use super::node::Node;
use super::table::{Table, Walked};
use crate::protocol::Protocol;
use rustc_hash::FxHashSet;
use std::collections::VecDeque;

/// How far a model was gone through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The model, in words.
    pub model: &'static str,
    /// Points that differ, and were gone on from.
    pub states: usize,
    /// Ways from one to the next.
    pub moves: usize,
    /// There is no other.
    pub whole: bool,
}

/// Explores every model of a protocol.
#[must_use]
pub fn explore(protocol: Protocol) -> Table {
    explore_told(protocol, &mut |_, _| {})
}

/// The same; `told` hears how many moves are done, and how many there are at the most.
pub fn explore_told(protocol: Protocol, told: &mut dyn FnMut(usize, usize)) -> Table {
    let mut all = Walked::default();
    let most = MODELS.iter().map(|model| model.moves_max).sum();
    let mut before = 0;
    let mut extents = Vec::new();
    for model in MODELS {
        let mut far = |moves: usize| told(before + moves, most);
        let (walked, extent) = Walk::new(model, protocol).run(&mut far);
        all.join(walked);
        extents.push(extent);
        before += model.moves_max;
    }
    Table { protocol, cells: all.cells, extents }
}

/// One walk.
struct Walk<'a> {
    model: &'a Model,
    /// Points that were seen.
    seen: FxHashSet<u64>,
    /// Points where something new was met: first.
    fresh: Vec<Node>,
    /// Points where things stand as they never stood: next.
    shaped: VecDeque<Node>,
    shapes: FxHashSet<u64>,
    /// Other points to go on from.
    ahead: VecDeque<Node>,
    /// Points without a fault where something new was met.
    healthy: Vec<Node>,
    walked: Walked,
    extent: Extent,
}

impl<'a> Walk<'a> {
    fn new(model: &'a Model, protocol: Protocol) -> Self {
        let first = Node::new(model, protocol);
        let seen = FxHashSet::from_iter([digest(&first)]);
        Self {
            model,
            seen,
            fresh: Vec::new(),
            shaped: VecDeque::new(),
            shapes: FxHashSet::default(),
            ahead: VecDeque::from([first]),
            healthy: Vec::new(),
            walked: Walked::default(),
            extent: Extent { model: model.name, states: 0, moves: 0, whole: true },
        }
    }

    fn run(mut self, told: &mut dyn FnMut(usize)) -> (Walked, Extent) {
        if self.model.faults.is_empty() {
            self.until(self.model.moves_max, told);
        } else {
            self.until(self.model.moves_max / 3, told);
            (self.fresh, self.ahead) = (Vec::new(), VecDeque::new());
            self.shaped = VecDeque::new();
            for node in std::mem::take(&mut self.healthy) {
                for fault in node.faults(self.model) {
                    self.go(&node, fault);
                }
            }
            self.until(self.model.moves_max, told);
        }
        (self.walked, self.extent)
    }

    fn until(&mut self, moves_max: usize, told: &mut dyn FnMut(usize)) {
        let mut is_far = false;
        loop {
            let next = self.fresh.pop().or_else(|| {
                is_far = !is_far;
                let queue = if self.shaped.is_empty() { &mut self.ahead } else { &mut self.shaped };
                if is_far { queue.pop_back() } else { queue.pop_front() }
            });
            let Some(node) = next else { return };
            if self.extent.moves >= moves_max {
                self.extent.whole = false;
                return;
            }
            self.extent.states += 1;
            told(self.extent.moves);
            for next in node.moves(self.model) {
                self.go(&node, next);
            }
        }
    }

    /// Goes on from a point by a move; what is there is gone on from later, unless it was seen.
    fn go(&mut self, node: &Node, next: super::node::Move) {
        self.extent.moves += 1;
        let mut there = node.clone();
        self.walked.faulty = there.faulty;
        self.walked.is_new = false;
        there.go(next, &mut self.walked);
        if !self.seen.insert(digest(&there)) {
            return;
        }
        let is_shape = self.shapes.insert(shape(&there));
        if !self.walked.is_new {
            let queue = if is_shape { &mut self.shaped } else { &mut self.ahead };
            return queue.push_back(there);
        }
        if !there.faulty {
            self.healthy.push(there.clone());
        }
        self.fresh.push(there);
    }
}
