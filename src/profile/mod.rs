//! Profiles: TOML in, a validated [`Profile`] out. Parse, don't validate: what exists is sound.

pub mod limits;
pub mod model;

pub use model::{
    Access, Durability, EndSpec, FaultSpec, HostSpec, LinkSpec, Profile, StoreEngine, StoreSpec,
    WorkloadSpec,
};
