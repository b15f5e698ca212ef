//! Stickers: what clients choose from, and how admins add to it.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::actions;
use crate::api::access::{Access, Admin, AsUser};
use crate::api::media;
use crate::api::openapi::{Doc, Shape};
use crate::api::pages;
use crate::api::reply::{Reply, ack, data};
use crate::model::error::{Code, Error, Result};
use crate::model::sticker::{MIME_TYPES, Sticker, StickerDraft};
use crate::store::extensions::stickers;

/// All there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stickers)]
struct All {
    /// Those in the program.
    default_stickers: Vec<Sticker>,
    /// Those of the app.
    custom_stickers: Vec<Sticker>,
}

pub async fn fetch(access: Access<AsUser>) -> Result<Reply> {
    let (app, app_id, base) = (access.app().id, access.app().app_id.clone(), access.base());
    let custom_stickers = access.store().read(move |read| stickers::list(read, app, &app_id)).await?;
    let default_stickers = pages::stickers().iter().map(|name| Sticker::own(name, &base)).collect();
    Ok(data(&All { default_stickers, custom_stickers }))
}

/// Those of the app.
pub async fn list(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let read = access.store().read(move |read| {
        let app = actions::apps::find(read, &app_id)?;
        stickers::list(read, app.id, &app.app_id)
    });
    Ok(data(&read.await?))
}

/// Adds a picture: a form with `name`, `set`, perhaps `order` and `setOrder`, and one file.
pub async fn create(mut access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let app = access.store().read(move |read| actions::apps::find(read, &app_id)).await?;
    let form = media::receive_for(&mut access, (app.id, 0)).await?;
    let form = form.ok_or_else(|| Error::new(Code::BadRequest, "A sticker is sent as a form with a file."))?;
    let made = store(&access, app, &form).await;
    if made.is_err() {
        form.give_up(access.api());
    }
    made
}

async fn store(access: &Access<Admin>, app: crate::model::caller::App, form: &media::Form) -> Result<Reply> {
    let limits = app.limits(access.limits()).into_owned();
    let file = form.single().ok_or_else(|| Error::field("file", "There must be one file."))?;
    if !MIME_TYPES.contains(&&*file.mime_type) {
        return Err(Error::new(Code::FileType, format!("A sticker is one of {}.", MIME_TYPES.join(", "))));
    }
    let name = form.get("name").or(Some(&*file.title));
    let sticker = StickerDraft::parse(name, form.get("set"), form.get("setOrder"), form.get("order"), &limits)?;
    let Some(&arrived) = form.arrived().first() else { return Err(Code::EmptyFile.into()) };
    let create = move |tx: &mut crate::store::Write<'_>| {
        actions::extensions::stickers::create(tx, &app, &sticker, arrived, &limits)
    };
    let id = access.store().write("admin.create_sticker", create).await?;
    Ok(data(&json!({"id": id})))
}

pub async fn delete(access: Access<Admin>) -> Result<Reply> {
    let (app_id, name) = (access.param("appId").to_owned(), access.param("stickerId").to_owned());
    access
        .store()
        .write("admin.delete_sticker", move |tx| {
            let app = actions::apps::find(tx, &app_id)?;
            actions::extensions::stickers::remove(tx, &app, &name)
        })
        .await?;
    Ok(ack("The sticker is not listed any more."))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<All>("extension-list-stickers", Shape::One);
}
