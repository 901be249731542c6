//! Campaigns: many runs that seeds draw, each a plan that can be repeated, shrunk and read.
//!
//! In come limits (a profile, fixed keys, a recipe, perhaps a seeded defect) and seeds; out come
//! [`SeedResult`]s, a [`Report`] over all of them, and for what failed a [`Plan`]: a profile and
//! commands of the script grammar. Pure but for files that profiles are read from: threads, clocks and
//! terminals belong to `cli`.
//!
//! Reading order: [`fault`] (what can go wrong), [`recipe`] (named mixtures), [`space`] (what a seed may
//! draw), [`draw`] (what it drew), [`near`] (scripts near which it
//! draws), [`guard`] (what the protocol promises to survive), [`stage`] (a
//! simulator behind a session, watched), [`direct`] (from a draw to commands), [`effect`] (what a fault
//! did), [`plan`] (the script), [`seed`] (one seed from end to end), [`mod@shrink`] and
//! [`simpler`] (the shortest plan that still fails), [`foresee`] (when a violation became inevitable), [`report`]
//! (sums, merged over shards).

pub mod defects;
pub mod direct;
pub mod draw;
pub mod effect;
pub mod fault;
pub mod foresee;
pub mod guard;
pub mod near;
pub mod plan;
pub mod recipe;
pub mod report;
pub mod seed;
pub mod shrink;
pub mod simpler;
pub mod space;
pub mod stage;

pub use draw::{Drawn, Hazard, Load};
pub use fault::FaultKind;
pub use foresee::Foresight;
pub use near::Situation;
pub use plan::Plan;
pub use recipe::{RECIPES, Recipe};
pub use report::{Report, Shard};
pub use seed::{SeedResult, run_plan, run_seed};
pub use shrink::{CannotShrink, Shrunk, shrink};
pub use space::{Space, Spec};
pub use stage::Finding;
