//! A write that means nothing, to see whether what is written is kept.

use crate::model::error::Result;
use crate::store::{Write, health};

/// For tests of a full disk.
#[cfg(test)]
pub use crate::store::health::{beat as fill, may_grow_by};

/// Bytes for which there must be room after the disk was full: more than a batch of small messages takes.
const ROOM: i64 = 256 * 1024;

/// Changes the row that is there for it; `was_full`: by so much that it shows whether there is room again.
pub fn beat(tx: &mut Write<'_>, was_full: bool) -> Result<()> {
    health::beat(tx, if was_full { ROOM } else { 0 })
}
