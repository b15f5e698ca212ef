//! Making and revoking credentials of the management API.

use crate::model::error::{Error, Result};
use crate::model::limits::Limits;
use crate::model::user::check_name;
use crate::store::Write;
use crate::store::management::{self, Created};

/// Makes a credential; the secret is in the answer and nowhere else.
pub fn create(tx: &mut Write<'_>, name: &str, limits: &Limits) -> Result<Created> {
    management::insert(tx, &check_name("name", name, limits)?)
}

/// Ends the credential with this key.
pub fn revoke(tx: &mut Write<'_>, key: &str) -> Result<()> {
    match management::delete(tx, key)? {
        true => Ok(()),
        false => Err(Error::field("key", format!("there is no management key {key}"))),
    }
}
