//! Words of the language whose part of the program comes with a later version: recognised, and refused.

/// Protocols.
pub(super) const PROTOCOLS: &[&str] = &["directory", "hierarchical"];
