//! What bytes looked like before they became a [`Value`]: so that a finding says `"alpha"` and not a
//! digest. Stamps and zeroes name themselves.

use super::value::{Runs, Value};
use crate::protocol::Data;
use crate::protocol::id::SECTOR_BYTES;
use rustc_hash::FxHashMap;

/// Contents whose looks are kept; later ones are named by their digests.
const NAMES_MAX: usize = 4_096;

/// Values and what they look like.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(FxHashMap<Value, String>);

impl Names {
    /// Remembers what `data`, whose values are `runs`, looks like, sector by sector.
    pub(super) fn learn(&mut self, data: &Data, runs: &Runs) {
        let mut from = 0;
        for (count, value) in runs {
            if value.is_digest() && self.0.len() < NAMES_MAX {
                let look = || data.slice(from * SECTOR_BYTES, SECTOR_BYTES).to_string();
                self.0.entry(*value).or_insert_with(look);
            }
            from += count;
        }
    }

    /// A value in words; zeroes as everywhere else.
    pub(super) fn of(&self, value: Value) -> String {
        if value == Value::ZERO {
            return "0x00".to_owned();
        }
        self.0.get(&value).map_or_else(|| value.to_string(), Clone::clone)
    }
}
