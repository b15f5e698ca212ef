//! Files of messages: room made, content arrived, given up.

use serde::Serialize;
use serde_json::json;

use crate::model::attachment::{Owner, Profile};
use crate::model::error::{Code, Error, Result};
use crate::model::limits::Limits;
use crate::store::attachments::{self, Stored};
use crate::store::{Write, digest};

/// A file that arrived with a message: its row and its size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Arrived {
    pub id: i64,
    pub size: i64,
}

/// Makes room for a file of at most `most` bytes that comes with the request itself. As stored it may have fewer: as many
/// as there is room for; with the reason to refuse more for.
pub fn promise(
    tx: &mut Write<'_>,
    whose: Owner,
    profile: &Profile,
    most: i64,
    limits: &Limits,
) -> Result<(Stored, Error)> {
    let room = room(tx, whose, limits)?;
    if room.left <= 0 {
        return Err(room.refusal);
    }
    let over = if room.left < most { room.refusal } else { too_large(limits) };
    Ok((attachments::promise(tx, whose, profile, most.min(room.left), None)?, over))
}

/// Makes room for a file that will come in a request of its own; with the ticket for it, which is kept nowhere else.
pub fn invite(
    tx: &mut Write<'_>,
    whose: Owner,
    profile: &Profile,
    most: i64,
    limits: &Limits,
) -> Result<(Stored, String)> {
    let room = room(tx, whose, limits)?;
    if room.left < most {
        return Err(room.refusal);
    }
    let ticket = tx.ids().hex(32);
    let stored = attachments::promise(tx, whose, profile, most, Some(&digest(&ticket)))?;
    Ok((stored, ticket))
}

fn too_large(limits: &Limits) -> Error {
    let most = limits.upload;
    Error::new(Code::TooLarge, format!("The upload may not be larger than {most} bytes."))
        .with_params(json!({ "limit": most }))
}

/// What the files of an owner may still have, and why not more.
struct Room {
    left: i64,
    refusal: Error,
}

fn room(tx: &Write<'_>, (app, user): Owner, limits: &Limits) -> Result<Room> {
    let room = |most: u64, used: i64, of: &str| Room {
        left: i64::try_from(most).unwrap_or(i64::MAX) - used,
        refusal: Error::new(
            Code::QuotaRestriction,
            format!("The files of {of} have reached the allowed limit of {most} bytes."),
        )
        .with_params(json!({ "limit": most })),
    };
    let of_app = room(limits.app_files, attachments::bytes_of_app(tx, app)?, "the app");
    if user == 0 {
        return Ok(of_app);
    }
    let of_user = room(limits.user_files, attachments::bytes_of_user(tx, app, user)?, "the user");
    Ok(if of_user.left < of_app.left { of_user } else { of_app })
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
