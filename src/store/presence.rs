//! What a viewer sees of others' presence: nothing across a block, wherever a user is shown.
//!
//! Users are read in dozens of places, and filtered and sorted by who is online in some. So the decision is not made
//! there but here, where a row becomes a [`User`](crate::model::user::User) and where SQL asks `online(…)`: a read on
//! behalf of a viewer first takes a [`Veil`], which holds until the read is over. Both run on the reading thread, so
//! that is where the veil is kept.

use std::cell::RefCell;
use std::collections::HashSet;

use super::{Read, blocks};
use crate::model::error::Result;

#[derive(Default)]
struct Hidden {
    viewer: Option<i64>,
    /// users.id of all with whom the viewer has a block, either way.
    users: HashSet<i64>,
}

thread_local! {
    static HIDDEN: RefCell<Hidden> = RefCell::default();
}

/// Hides presence until it is dropped.
pub struct Veil(Option<Hidden>);

impl Drop for Veil {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            HIDDEN.with_borrow_mut(|hidden| *hidden = before);
        }
    }
}

/// Users are shown as `viewer` (users.id) sees them while the veil lives; `None` changes nothing.
pub fn veil(read: &Read<'_>, viewer: Option<i64>) -> Result<Veil> {
    if viewer.is_none() || HIDDEN.with_borrow(|hidden| hidden.viewer == viewer) {
        return Ok(Veil(None));
    }
    let users = viewer.map_or(Ok(Vec::new()), |viewer| blocks::around(read, viewer))?;
    let new = Hidden { viewer, users: users.into_iter().collect() };
    Ok(Veil(Some(HIDDEN.replace(new))))
}

/// Whether the presence of this user (users.id) is hidden from whoever looks now.
pub fn is_hidden(user: i64) -> bool {
    HIDDEN.with_borrow(|hidden| hidden.users.contains(&user))
}
