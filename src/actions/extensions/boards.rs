//! Documents and whiteboards that several work on together: a message with an address made by a template. What is there is
//! up to whoever runs it.

use serde_json::json;

use super::{Place, heard_by_all};
use crate::actions::messages;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::extension::{Extension, Template, inject};
use crate::model::json::{Object, to_raw};
use crate::model::limits::Limits;
use crate::model::message::{Category, Content, Draft, Sent};
use crate::store::Write;

/// A kind of them, as clients know it.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    pub extension: Extension,
    /// The type of its message.
    pub kind: &'static str,
    /// The key of its address.
    pub key: &'static str,
}

pub const DOCUMENT: Board = Board { extension: Extension::Document, kind: "extension_document", key: "document_url" };
pub const WHITEBOARD: Board =
    Board { extension: Extension::Whiteboard, kind: "extension_whiteboard", key: "board_url" };

/// Begins one: everybody in the conversation gets its address. The address, and the message.
pub fn create(
    tx: &mut Write<'_>,
    caller: &Caller,
    board: Board,
    template: &Template,
    place: Place,
    limits: &Limits,
) -> Result<(String, Sent)> {
    let url = template.with(&tx.ids().hex(16));
    let mut data = Object::default();
    data.set("customData", to_raw(&json!({ board.key: url })));
    data.set("metadata", to_raw(&json!({"incrementUnreadCount": true})));
    inject(&mut data, board.extension, to_raw(&json!({ board.key: url })));
    let mut content = Content { category: Category::Custom, kind: board.kind.to_owned(), data };
    content.check(limits)?;
    let Place { receiver, quoted } = place;
    let draft = Draft { receiver, content, tags: None, muid: None, parent: None, quoted };
    let sent = messages::send(tx, &heard_by_all(caller), draft)?;
    Ok((url, sent))
}
