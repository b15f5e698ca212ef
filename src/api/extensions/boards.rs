//! Documents and whiteboards: `v1/create` of each.

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::place;
use crate::actions;
use crate::actions::extensions::boards::{Board, DOCUMENT, WHITEBOARD};
use crate::api::access::{Access, AsUser};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Reply, data};
use crate::model::error::Result;
use crate::model::extension::{Extension, Template};
use crate::store::Write;

/// Where to begin one.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoardBody {
    receiver: Option<String>,
    receiver_type: Option<String>,
    #[schema(value_type = Option<String>)]
    quoted_message_id: Option<Value>,
}

pub async fn document(access: Access<AsUser>) -> Result<Reply> {
    let template = access.api().extensions.document.clone();
    create(access, DOCUMENT, template).await
}

pub async fn whiteboard(access: Access<AsUser>) -> Result<Reply> {
    let template = access.api().extensions.whiteboard.clone();
    create(access, WHITEBOARD, template).await
}

async fn create(access: Access<AsUser>, board: Board, template: Option<Template>) -> Result<Reply> {
    let template = template.ok_or_else(|| Extension::absent(board.extension.slug()))?;
    let body: BoardBody = access.json()?;
    let place = place(&body.receiver_type, &body.receiver, body.quoted_message_id.as_ref())?;
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let write =
        move |tx: &mut Write<'_>| actions::extensions::boards::create(tx, &caller, board, &template, place, &limits);
    let (url, sent) = access.store().write("boards.create", write).await?;
    Ok(data(&json!({"success": true, "messageId": sent.id.to_string(), board.key: url})))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for (operation, name, board) in [
        ("extension-create-document", "DocumentMade", DOCUMENT),
        ("extension-create-whiteboard", "WhiteboardMade", WHITEBOARD),
    ] {
        let text = json!({"type": "string"});
        let schema = json!({"type": "object", "required": ["success", "messageId", board.key],
            "properties": {"success": {"type": "boolean"}, "messageId": text, board.key: text}});
        doc.body::<BoardBody>(operation).reply_as(operation, Shape::One, name, schema);
    }
}
