//! Users: blocks between them, and their connections.

use serde::Serialize;

use super::{Named, tell};
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::event::Presence;
use crate::model::ids::Uid;
use crate::model::trigger::Trigger;
use crate::model::user::{Status, User};
use crate::store::{Write, apps, users};

/// Somebody (users.id) blocked these (`on`), or unblocked them: all of one call at once.
pub fn blocked(tx: &mut Write<'_>, app: &App, on: bool, blocker: i64, blocked: &[i64]) -> Result<()> {
    #[derive(Serialize)]
    struct Blocked {
        users: Named<User>,
        by: User,
    }
    if blocked.is_empty() {
        return Ok(());
    }
    let trigger = if on { Trigger::UserBlocked } else { Trigger::UserUnblocked };
    tell(tx, app, trigger, |tx| {
        let by = users::by_id(tx, blocker)?.entity();
        let others = blocked.iter().map(|user| {
            let user = users::as_known(tx, *user)?.entity();
            Ok((user.uid.clone(), user))
        });
        Ok(Blocked { users: Named(others.collect::<Result<_>>()?), by })
    })
}

/// A connection, as the contract has it. Its times are in milliseconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'a> {
    timestamp: i64,
    user: User,
    status: &'static str,
    current_connection: Current<'a>,
    user_presence_changed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Current<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    connected_at: i64,
}

/// A connection came or went; nothing, if its user or app went with it.
pub fn connection(tx: &mut Write<'_>, presence: &Presence) -> Result<()> {
    let Presence { app, uid, client, connected, online, changed, at, .. } = presence;
    if !super::is_told(tx, *app, Trigger::UserConnectionStatusChanged)? {
        return Ok(());
    }
    let (Some(app), Ok(uid)) = (apps::by_id(tx, *app)?, Uid::parse(uid)) else { return Ok(()) };
    let Some(user) = users::any(tx, app.id, &uid)? else { return Ok(()) };
    let status = if *online { Status::Available } else { Status::Offline };
    tell(tx, &app, Trigger::UserConnectionStatusChanged, |_| {
        Ok(Connection {
            timestamp: *at,
            user: User { status, ..user.entity() },
            status: if *online { "online" } else { "offline" },
            current_connection: Current {
                action: if *connected { "connected" } else { "disconnected" },
                platform: client.platform.as_deref(),
                user_agent: client.user_agent.as_deref(),
                connected_at: client.connected_at,
            },
            user_presence_changed: *changed,
        })
    })
}
