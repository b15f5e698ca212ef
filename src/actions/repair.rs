//! Counters that are mended: nothing is announced, because what is counted has not changed.

pub use crate::store::counters::Piece;

use crate::model::error::Result;
use crate::store::{Write, checkup};

/// Makes the counters of a piece what they count; how many rows were wrong.
pub fn mend(tx: &mut Write<'_>, piece: &Piece) -> Result<usize> {
    checkup::mend(tx, piece)
}
