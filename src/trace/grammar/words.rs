//! Words of the language whose part of the program comes with a later version: recognised, and refused.

/// Commands.
pub(super) const COMMANDS: &[&str] = &[];
/// Kinds of messages.
pub(super) const KINDS: &[&str] = &[];
/// Line states.
pub(super) const STATES: &[&str] = &[];
/// Protocols.
pub(super) const PROTOCOLS: &[&str] = &["directory", "hierarchical"];
/// Seeded defects.
pub(super) const DEFECTS: &[&str] = &["no_dirty_region_log", "doubt_by_partner_map"];
