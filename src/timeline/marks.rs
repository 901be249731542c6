//! What stands out while a recording is folded: for the strip of the whole of it, and to jump to.

use super::fold::{Fold, Watch};
use crate::protocol::Answer;
use crate::protocol::id::{Epoch, NodeId};
use crate::trace::recording::Recorded;
use crate::trace::step::{Step, StepEntry};
use crate::trace::{Mark, Survey};
use crate::world::World;

/// Whether a host was answered; everything is passed on.
struct Heard<'a, W> {
    answered: bool,
    watch: &'a mut W,
}

impl<W: Watch> Watch for Heard<'_, W> {
    fn before(&mut self, step: &StepEntry, world: &World) {
        self.watch.before(step, world);
    }
    fn answered(&mut self, answer: &Answer) {
        self.answered = true;
        self.watch.answered(answer);
    }
    fn sent(&mut self, from: NodeId, to: NodeId, no: u64) {
        self.watch.sent(from, to, no);
    }
    fn after(&mut self, position: u64, world: &World) {
        self.watch.after(position, world);
    }
}

/// See the module.
pub(super) struct Marks {
    pub(super) survey: Survey,
    epoch: Epoch,
    violations: u64,
}

impl Marks {
    pub(super) fn new(fold: &Fold) -> Self {
        let epoch = fold.world().witness().view().epoch;
        Self { survey: Survey::default(), epoch, violations: 0 }
    }

    /// Applies the next step, and marks what comes of it; false as [`Fold::apply`].
    pub(super) fn apply(
        &mut self,
        fold: &mut Fold,
        recorded: &Recorded,
        watch: &mut impl Watch,
    ) -> bool {
        let mut heard = Heard { answered: false, watch };
        if !fold.apply_with(recorded, &mut heard) {
            return false;
        }
        let answered = heard.answered;
        let at = fold.position();
        let mut mark = |mark, is_it: bool| {
            if is_it {
                self.survey.set(mark, at);
            }
        };
        mark(Mark::Answer, answered);
        match &recorded.entry.step {
            Step::Host { .. } | Step::Deliver { from: NodeId::Amf(_), to: NodeId::Amf(_), .. } => {
                mark(Mark::Loud, true);
            }
            Step::Lose { .. } => mark(Mark::Lost, true),
            Step::Control(control) => mark(Mark::Fault, World::is_fault(control)),
            Step::Deliver { .. }
            | Step::Tick { .. }
            | Step::Store { .. }
            | Step::Journal { .. } => {}
        }
        let world = fold.world();
        let (epoch, violations) = (world.witness().view().epoch, world.violations_total());
        mark(Mark::View, epoch != self.epoch);
        mark(Mark::Violation, violations > self.violations);
        (self.epoch, self.violations) = (epoch, violations);
        true
    }
}
