//! How many are online, for clients.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::access::{Access, Socket};
use super::openapi::{Doc, Shape};
use super::reply::Reply;
use crate::model::error::{Error, Result};
use crate::model::ids::Guid;
use crate::store::{blocks, groups, members};

/// Groups asked for in one call.
const MOST: usize = 100;

#[derive(Deserialize, ToSchema)]
struct Body {
    groups: Option<Vec<String>>,
}

/// How many are online: in the app, or by guid in the groups that were asked for.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = OnlineMembers, rename_all = "camelCase")]
struct Online {
    online_users_count: Option<usize>,
    groups: Option<BTreeMap<String, usize>>,
}

/// Without groups: users of the app. With groups: members of each the caller is in; of others nothing is said. Users with
/// a block between them and the caller are not counted.
pub async fn online(access: Access<Socket>) -> Result<Reply> {
    let hub = access.api().hub.clone();
    let (app, user) = (access.app().id, access.caller().user);
    let Some(guids) = access.json::<Body>()?.groups else {
        let hidden = access.store().read(move |read| blocks::around(read, user)).await?;
        return Ok(bare(json!({"onlineUsersCount": hub.online_in_app_but(app, &hidden)})));
    };
    if guids.len() > MOST {
        return Err(Error::field("groups", format!("No more than {MOST} groups may be asked for in one call.")));
    }
    let (own, hidden) = access
        .store()
        .read(move |read| {
            let mut own = Vec::new();
            for guid in guids {
                let Ok(group) = Guid::from_path(&guid).and_then(|guid| groups::by_guid(read, app, &guid)) else {
                    continue;
                };
                if members::find(read, group.id, user)?.is_some() {
                    own.push((guid, group.id));
                }
            }
            Ok((own, blocks::around(read, user)?))
        })
        .await?;
    let counts: BTreeMap<String, usize> =
        own.into_iter().map(|(guid, group)| (guid, hub.online_in_group_but(group, &hidden))).collect();
    Ok(bare(json!({ "groups": counts })))
}

/// This call belongs to the socket's address, whose answers have no envelope; with one as well, either reader is served.
fn bare(counts: Value) -> Reply {
    let mut body = counts.clone();
    body["data"] = counts;
    Reply::new(body.to_string())
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Online>("(client) online-members", Shape::Bare);
    doc.body::<Body>("(client) online-members");
}
