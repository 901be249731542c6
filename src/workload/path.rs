//! Over which AMFs the host of a workload goes with one request: multipathing.
//!
//! An AMF that does not serve says so, and nothing was done: the host asks the next one that may serve the
//! volume, as real hosts do. What has no answer, or may have happened, is made again by nobody here.

use crate::protocol::id::{AmfId, AmfSet};

/// The paths of one request that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    at: AmfId,
    left: u8,
}

impl Path {
    /// A request to `amf`, whose host may try so many of `users` in all.
    #[must_use]
    pub fn new(amf: AmfId, paths: u8, users: AmfSet) -> Self {
        let most = u8::try_from(users.len()).unwrap_or(u8::MAX);
        Self { at: amf, left: paths.min(most).saturating_sub(1) }
    }

    /// The AMF that was asked did not serve: who is asked now; `None`: all paths were tried.
    pub fn next(&mut self, users: AmfSet) -> Option<AmfId> {
        self.left = self.left.checked_sub(1)?;
        let behind = users.iter().find(|amf| *amf > self.at);
        self.at = behind.or_else(|| users.iter().next())?;
        Some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(first: u8, paths: u8, users: &[u8]) -> Vec<u8> {
        let users: AmfSet = users.iter().copied().map(AmfId).collect();
        let mut path = Path::new(AmfId(first), paths, users);
        core::iter::from_fn(|| path.next(users)).map(|amf| amf.0).collect()
    }

    #[test]
    fn each_path_is_tried_once_and_no_more_than_are_allowed() {
        assert_eq!(tried(1, 4, &[0, 1, 2, 3]), [2, 3, 0]);
        assert_eq!(tried(3, 2, &[0, 1, 2, 3]), [0]);
        assert_eq!(tried(1, 9, &[1, 4, 6]), [4, 6]);
        assert!(tried(0, 1, &[0, 1]).is_empty());
        assert!(tried(0, 4, &[0]).is_empty());
    }
}
