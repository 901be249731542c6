//! Switching the protocol of a running cluster: settle, destage, drop all lines, then a view under the
//! new one. Host requests wait meanwhile; the timer goes on with it.

use super::actions::Done;
use super::cluster::Cluster;
use super::delivery::PUMP_TURNS_MAX;
use super::inbox::Worklist;
use crate::protocol::id::{AmfId, Instant, NodeId, Span};
use crate::protocol::{AmfInput, Protocol, WitnessInput};
use crate::trace::{Control, EventKind, Step, Target};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// A protocol switch under way: settle, destage, drop all lines, then a view under the new protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    to: Protocol,
    stage: Stage,
    /// Given up then.
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Settle,
    Destage,
    View,
}

/// A switch that has not come so far in this time is given up; host requests wait meanwhile.
const SWITCH_MAX: Span = Span::secs(15);

impl Cluster {
    pub(super) fn begin_switch(&self, to: Protocol) -> Done {
        let mut switch = self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        if switch.is_some() {
            return Err("a protocol switch is under way already".to_owned());
        }
        let until = self.clock.now() + SWITCH_MAX;
        *switch = Some(Switch { to, stage: Stage::Settle, until });
        self.gate.store(true, Ordering::SeqCst);
        Ok(0)
    }

    /// A switch is under way.
    pub(super) fn is_switching(&self) -> bool {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Goes on with a switch, if there is one; the timer asks while it lasts.
    pub(super) fn go_on_switching(&self) {
        let switch = *self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut switch) = switch else { return };
        let mut work = Worklist::new();
        let idle = self.unsettled_machines().is_empty();
        if self.clock.now() > switch.until {
            let text = format!("the switch to {} was given up: the cluster is busy", switch.to);
            return self.end_switch(&text, work);
        }
        match switch.stage {
            Stage::Settle if idle => {
                let _ = self.destage(Target::All, &mut work);
                switch.stage = Stage::Destage;
            }
            Stage::Destage if idle => {
                for id in (0..self.config.amfs).map(AmfId) {
                    let control = Control::DropLines(id);
                    let _ = self.tell_amf(id, control, AmfInput::DropLines, &mut work);
                }
                let mut state = self.witness.lock();
                let step = || Step::Control(Control::SetProtocol(switch.to));
                let turn = self.turn(NodeId::Witness, &mut work, step);
                self.run_witness(&mut state, turn, WitnessInput::SetProtocol(switch.to));
                switch.stage = Stage::View;
            }
            Stage::View if idle && self.witness.lock().machine.view().protocol == switch.to => {
                let text = format!("the protocol is {}", switch.to);
                return self.end_switch(&text, work);
            }
            Stage::Settle | Stage::Destage | Stage::View => return,
        }
        *self.switch.lock().unwrap_or_else(PoisonError::into_inner) = Some(switch);
        self.pump(&mut work, PUMP_TURNS_MAX);
    }

    fn end_switch(&self, text: &str, mut work: Worklist) {
        *self.switch.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.gate.store(false, Ordering::SeqCst);
        for id in (0..self.config.amfs).map(AmfId) {
            self.ask_waiting(id, &mut work);
        }
        self.pump(&mut work, PUMP_TURNS_MAX);
        self.tell(NodeId::Witness, EventKind::Note(text.to_owned()));
    }
}
