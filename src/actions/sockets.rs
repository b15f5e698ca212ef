//! A socket proves who it is and takes its place in the stream of events.

use crate::model::caller::{App, Credential, Holder};
use crate::model::error::{Code, Result};
use crate::model::event::{Attach, ConnId, Known, Move};
use crate::model::trigger::Trigger;
use crate::store::outbox::is_told;
use crate::store::{Read, Write, apps, blocks, digest, friends, groups, tokens, users};

/// Who a socket belongs to.
#[derive(Clone, Debug)]
pub struct Identity {
    pub app: App,
    pub user: i64,
    pub uid: std::sync::Arc<str>,
    pub token: i64,
}

/// Checks the socket token and attaches the socket. As part of the write stream, so that it hears everything that is
/// committed after this and nothing twice.
pub fn attach(tx: &mut Write<'_>, conn: ConnId, app_id: &str, jwt: &str) -> Result<Identity> {
    let Some(Credential { app, holder: Holder::Token { id: token, user, uid, .. } }) =
        apps::socket_credential(tx, &digest(jwt))?
    else {
        return Err(Code::AuthTokenUnknown.into());
    };
    if !app_id.is_empty() && *app.app_id != *app_id {
        return Err(Code::InvalidAppId.into());
    }
    users::set_last_active(tx, user, tx.now())?;
    let attach = Attach {
        conn,
        app: app.id,
        app_id: app.app_id.clone(),
        token,
        user: users::by_id(tx, user)?.entity(),
        groups: groups::of_user(tx, user)?,
        friends: friends::of(tx, user)?,
        blocked: blocks::around(tx, user)?,
        told: is_told(tx, app.id, Trigger::UserConnectionStatusChanged)?,
    };
    tx.shift(Move::Attach(Box::new(attach)));
    Ok(Identity { app, user, uid, token })
}

/// What the hub is to know of a user (users.id) with this login (tokens.id), if there is such a one.
pub fn known(read: &Read<'_>, user: i64, token: i64) -> Result<Option<Known>> {
    if !tokens::is_of(read, token, user)? {
        return Ok(None);
    }
    Ok(Some(Known {
        user: users::by_id(read, user)?.entity(),
        groups: groups::of_user(read, user)?,
        friends: friends::of(read, user)?,
        blocked: blocks::around(read, user)?,
    }))
}
