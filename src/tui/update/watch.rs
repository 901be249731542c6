//! Watchpoints: a condition in the words of `run-until`. A cluster that runs stops where it begins to hold;
//! in a recording those steps are marked, and gone to.

use super::super::model::{Level, Model};
use super::{Effect, timeline};
use crate::protocol::Many;
use crate::trace::action::{Action, HoldFilter};
use crate::trace::{Command, Condition, Mark, Survey, parse_condition};

const NONE: &str = "nothing is watched for; `:watch state amf1 3 I` does so";

/// `:watch CONDITION`, `:watch off`, `:watch`.
///
/// # Errors
/// It is no condition; in words.
pub fn named(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    match text {
        _ if model.learn.step.is_some() => {
            Err("not in a lesson; `:lesson-leave` ends it".to_owned())
        }
        "" => {
            let said = model.watch.as_ref().map_or_else(
                || NONE.to_owned(),
                |watch| format!("watching for {watch}; `:watch off` ends it"),
            );
            model.say(Level::Info, said);
            Ok(Vec::new())
        }
        "off" => {
            let said = match model.watch.take() {
                Some(watch) => format!("no longer watching for {watch}"),
                None => NONE.to_owned(),
            };
            model.timeline.watch(None, &Survey::default());
            model.say(Level::Info, said);
            Ok(vec![Effect::Watch(None)])
        }
        text => {
            let condition = parse_condition(text, &model.about.limits);
            let condition = condition.map_err(|error| error.to_string())?;
            model.watch = Some(condition.clone());
            if model.is_recording() {
                return Ok(vec![Effect::Watch(Some(condition))]);
            }
            model.timeline.watch(Some(condition.clone()), &Survey::default());
            model.say(
                Level::Info,
                format!("the cluster will stop where {condition} begins to hold"),
            );
            Ok(vec![Effect::Watch(Some(condition))])
        }
    }
}

/// A recording was gone through.
pub fn found(model: &mut Model, condition: Condition, hits: &Survey) -> Vec<Effect> {
    // What the judges of answers have found is known of the run, and not in its steps.
    let known = model.timeline.survey().next(Mark::Violation, 0);
    let judged = known.filter(|_| condition == Condition::Violation).map(|step| {
        let mut first = Survey::default();
        first.set(Mark::Watch, step);
        first
    });
    let hits = judged.as_ref().unwrap_or(hits);
    let all = hits.count(Mark::Watch, 0, model.steps());
    let text = match all {
        0 => format!("{condition} does not begin to hold anywhere in this run"),
        _ => format!("{condition} begins to hold {}; }} and {{ go there", Many(all, "time")),
    };
    model.timeline.watch(Some(condition), hits);
    model.say(Level::Info, text);
    Vec::new()
}

/// A cluster that runs has come to what is watched for.
pub fn hit(model: &mut Model, step: u64) -> Vec<Effect> {
    model.timeline.hit(step);
    let Some(watch) = &model.watch else { return Vec::new() };
    let now = model.cluster.now.step;
    let after = match now.saturating_sub(step) {
        0 => String::new(),
        more => format!(", {} ago", Many(more, "step")),
    };
    let text = format!("{watch}: begins to hold in step {step}{after}; space lets it run");
    model.say(Level::Warn, text);
    Vec::new()
}

/// To where it begins to hold next, or did before.
pub fn go(model: &mut Model, on: bool) -> Vec<Effect> {
    if model.watch.is_none() {
        model.say(Level::Info, NONE);
        return Vec::new();
    }
    if on && !model.is_recording() {
        if model.cluster.now.step_mode {
            return vec![Effect::Run(Command::Act(Action::Unhold(HoldFilter::ALL)))];
        }
        model.say(Level::Info, "it runs, and stops where that begins to hold");
        return Vec::new();
    }
    timeline::jump(model, Mark::Watch, on)
}
