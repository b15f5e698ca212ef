//! What a test does to sockets: ends them, with a good-bye or without, holds frames back, has each told twice.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Control;
use crate::actions::sockets::known;
use crate::api::Api;
use crate::api::gate::Inside;
use crate::live::conn::{Close, Spoil};
use crate::model::error::{Error, Result};
use crate::model::event::{Move, Post};
use crate::model::ids::{Uid, unknown_uid};
use crate::store::users;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum What {
    /// The connection ends without a word.
    Drop,
    /// It is closed as for a restart (1012).
    Close,
    /// Frames wait.
    Hold,
    /// Each is told twice.
    Twice,
    /// They wait for somebody who does not read; one that has no room any more closes the socket (4003).
    Slow,
    /// Nothing more is done to them, and what waits is told.
    Mend,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    user: String,
    #[serde(rename = "do")]
    what: What,
    /// How many frames there is room for, if they wait for somebody slow; none: 0.
    room: Option<u16>,
}

/// Does it to all sockets that the user has; what lasts, also to those that come.
pub async fn spoil(control: &Control, asked: Asked, inside: &Inside<'_>) -> Result<Value> {
    if asked.room.is_some() && !matches!(asked.what, What::Slow) {
        return Err(Error::field("room", "The room is of somebody slow: \"do\": \"slow\"."));
    }
    let app = control.app(inside).await?;
    let uid = Uid::parse(&asked.user).map_err(|error| Error::field("user", error.plain()))?;
    let found = inside.api.store.read(move |read| users::any(read, app.id, &uid)).await?;
    let user = found.ok_or_else(|| unknown_uid(&asked.user))?.id;
    let hub = &inside.api.hub;
    // Who came and went just now is in the index.
    hub.told().await;
    let sockets = match asked.what {
        What::Drop => hub.end(user, true, Close::Restart),
        What::Close => hub.end(user, false, Close::Restart),
        What::Hold => hub.spoil(user, Spoil::Hold),
        What::Twice => hub.spoil(user, Spoil::Twice),
        What::Slow => hub.spoil(user, Spoil::Full(asked.room.unwrap_or_default().into())),
        What::Mend => hub.spoil(user, Spoil::Nothing),
    };
    Ok(json!({ "sockets": sockets }))
}

/// After the past was brought back: sockets stay whose login was there, and hear what they may hear then.
pub async fn stay(api: &Api) -> Result<()> {
    let here = api.hub.attached();
    let moves = api.store.read(move |read| {
        let mut moves = Vec::new();
        for (user, token) in here {
            match known(read, user, token)? {
                Some(known) => moves.push(Post::Move(Move::Anew(Box::new(known)))),
                None => moves.push(Post::Move(Move::CloseToken(token))),
            }
        }
        Ok(moves)
    });
    api.hub.deliver(moves.await?);
    Ok(())
}
