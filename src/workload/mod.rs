//! What hosts do: trace file formats, and how a trace is laid on AMFs and on the volume.
//!
//! - [`formats`]: block traces of fio, DiskSim, MSR and vscsi, read as a stream;
//! - [`mapping`]: which AMF and which sectors a trace's request goes to.

pub mod formats;
pub mod mapping;
