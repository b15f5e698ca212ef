//! Files of messages: room made, content arrived, given up.

use serde::Serialize;

use crate::model::attachment::Profile;
use crate::model::caller::App;
use crate::model::error::Result;
use crate::store::attachments::{self, Stored};
use crate::store::{Write, digest};

/// A file that arrived with a message: its row and its size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Arrived {
    pub id: i64,
    pub size: i64,
}

/// Makes room for a file that comes with the request itself.
pub fn promise(tx: &mut Write<'_>, app: i64, profile: &Profile, most: i64) -> Result<Stored> {
    attachments::promise(tx, app, profile, most, None)
}

/// Makes room for a file that will come in a request of its own; with the ticket for it, which is kept nowhere else.
pub fn invite(tx: &mut Write<'_>, app: &App, profile: &Profile, most: i64) -> Result<(Stored, String)> {
    let ticket = tx.ids().hex(32);
    let stored = attachments::promise(tx, app.id, profile, most, Some(&digest(&ticket)))?;
    Ok((stored, ticket))
}

/// Takes a ticket: from here on its one upload is under way.
pub fn redeem(tx: &mut Write<'_>, name: &str, ticket: &str) -> Result<Stored> {
    attachments::redeem(tx, name, &digest(ticket))
}

/// Files that are whole and on disk.
pub fn arrive(tx: &mut Write<'_>, files: &[Arrived]) -> Result<()> {
    files.iter().try_for_each(|file| attachments::arrived(tx, file.id, file.size))
}

/// Files that nobody will use.
pub fn give_up(tx: &mut Write<'_>, ids: &[i64]) -> Result<()> {
    attachments::drop_all(tx, ids)
}
