//! Work that is under way beside the console.

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobShown {
    /// What is done, as in "looking back at main".
    pub what: String,
    /// How much of it is done.
    pub percent: u64,
}
