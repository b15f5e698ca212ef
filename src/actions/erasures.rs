//! Ending people's accounts for good: softly, anonymised, or with everything.
//!
//! Each is noted in the audit log with what ends at once, and once nothing is left with what was taken away, counted as it
//! went: to count all of it first takes as long as the app's history is. Of who was anonymised or erased the log keeps a
//! digest in place of the uid: whoever still knows the uid can prove by it that this was done and when, and nobody can read
//! it there.

use crate::model::audit::{Act, Actor};
use crate::model::caller::App;
use crate::model::erasure::{Kind, NAME, UID};
use crate::model::error::{Error, Result};
use crate::model::ids::{SYSTEM_UID, Uid, unknown_uid};
use crate::model::time::hex;
use crate::store::erasures::{self, Counts, Erasure, Need, New};
use crate::store::{Read, Write, apps, audit, digest, purge, users};

/// What the audit log calls who was anonymised or erased.
pub fn digest_of(app_id: &str, uid: &str) -> String {
    format!("#{}", hex(&digest(&format!("{app_id}/{uid}"))[..16]))
}

/// The user that is meant. Who is gone softly can still be anonymised or erased.
fn find(read: &Read<'_>, app: &App, uid: &Uid, kind: Kind) -> Result<i64> {
    let found = match kind {
        Kind::Soft => users::any(read, app.id, uid)?.map(|user| user.id).filter(|id| *id != app.system_user),
        _ => erasures::whoever(read, app.id, uid.as_str())?,
    };
    found.ok_or_else(|| unknown_uid(uid.as_str()))
}

/// What that end of the user would touch, for a dry run: it looks through all messages of the app.
pub fn count(read: &Read<'_>, app: &App, uid: &Uid, kind: Kind) -> Result<Counts> {
    erasures::count(read, app.id, find(read, app, uid, kind)?, kind)
}

/// Ends the user that way. `most`: of their groups that are told by this call.
pub fn end(tx: &mut Write<'_>, (actor, app): (&Actor, &App), uid: &Uid, kind: Kind, most: i64) -> Result<()> {
    let id = find(tx, app, uid, kind)?;
    let counts = &erasures::ends(tx, app.id, id)?;
    super::users::end_account(tx, app, &users::by_id(tx, id)?, most)?;
    if kind == Kind::Soft {
        let named = (Some(&*app.app_id), Some(uid.as_str()));
        return super::audit::note_with(tx, actor, Act::UserDelete, named, counts);
    }
    let digest = digest_of(&app.app_id, uid.as_str());
    let (act, neutral) = match kind {
        Kind::Erase => (Act::UserErase, SYSTEM_UID.to_owned()),
        _ => (Act::UserAnonymise, format!("{UID}{}", tx.ids().hex(8))),
    };
    let new = New { app: app.id, user: id, kind, uid: uid.as_str(), neutral: &neutral, digest: &digest };
    erasures::insert(tx, &new)?;
    match kind {
        Kind::Erase => purge::user(tx, id)?,
        _ => erasures::anonymise(tx, id, &neutral, NAME)?,
    }
    audit::rename(tx, &app.app_id, uid.as_str(), &digest)?;
    super::audit::note_with(tx, actor, act, (Some(&*app.app_id), Some(&digest)), counts)
}

/// What the oldest unfinished one needs; `None`: there is none.
pub fn need(read: &Read<'_>) -> Result<Option<Need>> {
    erasures::next(read)?.map(|erasure| erasures::need(read, &erasure)).transpose()
}

/// Does a piece of the oldest one that has something to do; whether there was one.
pub fn sweep(tx: &mut Write<'_>) -> Result<bool> {
    let Some(erasure) = erasures::next(tx)? else { return Ok(false) };
    if erasures::need(tx, &erasure)? != Need::Write {
        return Ok(false);
    }
    erasures::sweep(tx, &erasure)?;
    Ok(true)
}

/// The database file was put together anew.
pub fn compacted(tx: &mut Write<'_>) -> Result<()> {
    erasures::compacted(tx)
}

/// The log was emptied, so the oldest one is done.
pub fn finish(tx: &mut Write<'_>) -> Result<()> {
    let Some(erasure) = erasures::next(tx)? else { return Ok(()) };
    if erasures::need(tx, &erasure)? != Need::Log {
        return Ok(());
    }
    erasures::finish(tx, &erasure)?;
    let Erasure { app, digest, counts, .. } = &erasure;
    let counts: Counts = serde_json::from_str(counts).map_err(|e| Error::internal("erasures", e))?;
    let app = apps::by_id(tx, *app)?.ok_or_else(|| Error::internal("erasures", format!("no app {app}")))?;
    super::audit::note_with(tx, &Actor::Server, Act::UserGone, (Some(&*app.app_id), Some(digest)), &counts)
}
