//! Unanswered operations: interchangeable within a class.

use super::op::{Act, Content};
use crate::protocol::table::Table;

/// Unanswered operations that do the same.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) act: Act,
    /// Those that have started, in order.
    names: Vec<u32>,
}

/// All classes, and where to find them.
#[derive(Clone, Debug, Default)]
pub(super) struct Opens {
    classes: Vec<Class>,
    numbers: Table<Act, u32>,
    /// Classes of compare-and-writes by what they look for.
    swaps_from: Table<Content, Vec<u32>>,
    swaps: Vec<u32>,
}

impl Opens {
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    /// Every class, with its number.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &Class)> + Clone {
        (0..).zip(&self.classes)
    }

    pub(super) fn act(&self, class: u32) -> Act {
        self.classes[class as usize].act
    }

    /// The class of writes of `content`.
    pub(super) fn writes(&self, content: Content) -> Option<u32> {
        self.numbers.get(&Act::Write(content)).copied()
    }

    /// Classes of compare-and-writes that look for `content`.
    pub(super) fn swaps_from(&self, content: Content) -> &[u32] {
        self.swaps_from.get(&content).map_or(&[], Vec::as_slice)
    }

    /// Every class of compare-and-writes.
    pub(super) fn swaps(&self) -> &[u32] {
        &self.swaps
    }

    /// One of this class may still be used after `spent` were.
    pub(super) fn has(&self, class: u32, spent: u32) -> bool {
        (spent as usize) < self.classes[class as usize].names.len()
    }

    /// The name of the `index`th that started.
    pub(super) fn name(&self, class: u32, index: usize) -> u32 {
        self.classes[class as usize].names[index]
    }

    /// What they look for and write.
    pub(super) fn contents(&self) -> Vec<Content> {
        let acts =
            self.classes.iter().flat_map(|class| [class.act.looked_for(), class.act.written()]);
        acts.flatten().collect()
    }

    /// The same without the first `used[class]` of each class, which every configuration has used; with
    /// new names for contents. Also the old numbers of the classes that are left, in their new order.
    pub(super) fn left(
        &self,
        used: &[u32],
        rename: impl Fn(Content) -> Content,
    ) -> (Self, Vec<u32>) {
        let (mut left, mut kept) = (Self::default(), Vec::new());
        for (number, class) in self.all() {
            let names = &class.names[used[number as usize] as usize..];
            if !names.is_empty() {
                let act = class.act.renamed(&rename);
                for name in names {
                    left.start(*name, act);
                }
                kept.push(number);
            }
        }
        (left, kept)
    }

    /// An operation starts that will have no answer.
    pub(super) fn start(&mut self, name: u32, act: Act) {
        let class = self.class(act);
        self.classes[class as usize].names.push(name);
    }

    fn class(&mut self, act: Act) -> u32 {
        let next = u32::try_from(self.classes.len()).expect("memory ends before");
        let class = *self.numbers.get_or_insert_with(act, || next);
        if class == next {
            self.classes.push(Class { act, names: Vec::new() });
            if let Act::Swap { old, .. } = act {
                self.swaps_from.get_or_insert_with(old, Vec::new).push(class);
                self.swaps.push(class);
            }
        }
        class
    }
}
