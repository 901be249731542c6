//! Words of the language whose part of the program comes with a later version: recognised, and refused.

/// Commands.
pub(super) const COMMANDS: &[&str] = &["scrub", "corrupt", "power-fail"];
/// Kinds of messages.
pub(super) const KINDS: &[&str] = &["update", "superseded"];
/// Line states.
pub(super) const STATES: &[&str] = &["O", "L"];
/// Protocols.
pub(super) const PROTOCOLS: &[&str] = &["moesi", "update", "directory", "hierarchical", "none"];
/// Seeded defects.
pub(super) const DEFECTS: &[&str] = &[
    "floor_takes_disk_unseen",
    "adopt_trusts_clean_copy",
    "no_recovery_deferral",
    "resend_held_write",
    "update_without_ticket_check",
    "update_at_commit",
    "update_writer_stays_m",
    "ack_before_journal",
    "supersede_before_journal",
    "adopt_without_journal",
    "no_dirty_region_log",
    "doubt_by_partner_map",
    "no_stripe_lock",
    "no_parity_intent",
    "degraded_read_without_lock",
    "skip_crc",
];
