//! What is said about a cluster: commands in, events and snapshots out, and the log of steps.
//!
//! - [`action`]: what an engine can be told to do; [`command`]: what people, scripts and profiles say,
//!   with one text form; [`condition`]: whether what is waited for holds; [`grammar`]: that text form, both ways; [`registry`]: the list of all commands.
//! - [`event`]: what happened, [`arrivals`]: what of it for the first time; [`snapshot`]: how things stand, and [`lamps`] whether it is linearizable;
//!   [`cells`]: how often each cell of the state x event table was met; [`lens`]: how safe one block is;
//!   [`step`]: what the log is made of.
//! - [`foreseen`]: when a violation became inevitable; [`change`]: what differs between two positions.
//! - [`recording`]: that log as bytes, and what writes and reads them.
//! - [`narrate`]: machines' inputs and outputs as events; [`sides`]: who a partition cuts off;
//!   [`standing`]: whether an action makes sense, and what is said once it is done.
//! - [`engine`]: the traits that `sim` and `live` implement, and everything above runs on.
//!
//! Knows `protocol`, nothing else of ours; no thread, no terminal, no store.

pub mod action;
pub mod arrivals;
pub mod beside;
pub mod cells;
pub mod change;
pub mod command;
pub mod condition;
pub mod engine;
pub mod event;
pub mod faults;
pub mod foreseen;
pub mod grammar;
pub mod lamps;
pub mod lens;
pub mod narrate;
pub mod picture;
pub mod recording;
pub mod registry;
pub mod sides;
pub mod snapshot;
pub mod standing;
pub mod step;
pub mod survey;

pub use action::{Action, HoldFilter, LinkSetting, Release, Seek, Target};
pub use cells::{Cells, Met};
pub use command::{Command, Condition, Expectation, HostCommand, Outcome, Value};
pub use engine::{Advance, Completion, Counts, Engine, EngineError, HostPort, Progress, Waker};
pub use event::{Event, EventKind, Violation};
pub use faults::{ActiveFault, Broken, Faults};
pub use foreseen::Foreseen;
pub use grammar::{GrammarError, Limits, Script, parse_command, parse_condition, parse_script};
pub use lamps::{BlockHistory, Lamp, LampInfo, Lamps, SeenOp};
pub use lens::{Lens, Survivor};
pub use recording::RecordingInfo;
pub use sides::Sides;
pub use snapshot::{Ask, Snapshot};
pub use standing::Standing;
pub use step::{Control, Step, StepEntry};
pub use survey::{Mark, Survey};
