//! What differs in all of the state between two steps: a step is marked, and another one held against it.

use super::super::model::{HelpState, Level, Modal, Model};
use super::Effect;
use crate::trace::change::Differences;
use std::sync::Arc;

/// Marks the step where one stands.
pub fn mark(model: &mut Model) -> Vec<Effect> {
    let step = model.cluster.now.step;
    model.marked = Some((model.run_name().to_owned(), step));
    model.say(Level::Info, format!("step {step} is marked; d at another one tells what differs"));
    Vec::new()
}

/// Between the marked step and this one.
pub fn here(model: &mut Model) -> Vec<Effect> {
    let Some(from) = model.marked_step() else {
        model.say(Level::Info, "no step of this run is marked; a marks one, `:diff N` names one");
        return Vec::new();
    };
    vec![Effect::Differ(from, model.cluster.now.step)]
}

/// `:diff`, `:diff STEP`, `:diff STEP STEP`.
///
/// # Errors
/// These are no steps of the run; in words.
pub fn named(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    let steps = model.steps();
    let step = |word: &str| {
        let step = word.parse().ok().filter(|step| *step <= steps);
        step.ok_or_else(|| format!("`{word}` is no step of this run (0 to {steps})"))
    };
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [] => Ok(here(model)),
        [from] => Ok(vec![Effect::Differ(step(from)?, model.cluster.now.step)]),
        [from, to] => Ok(vec![Effect::Differ(step(from)?, step(to)?)]),
        _ => Err("`diff` takes one step, or two".to_owned()),
    }
}

/// They are known: shows them.
pub fn found(model: &mut Model, found: Differences) -> Vec<Effect> {
    if found.changes.is_empty() {
        let [from, to] = found.positions;
        model.say(Level::Info, format!("nothing differs between the steps {from} and {to}"));
        return Vec::new();
    }
    model.modal = Modal::Differences(HelpState::default(), Arc::new(found));
    Vec::new()
}
