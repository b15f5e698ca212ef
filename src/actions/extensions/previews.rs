//! Previews of links: put into a message after it was sent, by what was fetched meanwhile.

use crate::actions::messages as sending;
use crate::model::caller::{App, Caller};
use crate::model::error::Result;
use crate::model::extension::{Extension, injected, set};
use crate::model::flags;
use crate::model::json::{Object, to_raw};
use crate::model::link::{self, Preview};
use crate::model::message::Category;
use crate::store::messages::{self, Row};
use crate::store::{Read, Write};

/// The link of a message that wants a preview: the first of its text, unless it has one already or the app has the
/// extension off.
pub fn wanted(read: &Read<'_>, app: &App, message: i64) -> Result<Option<String>> {
    super::check(read, app.id, Extension::LinkPreview)?;
    let row = messages::find(read, app.id, message)?;
    let Some((data, link)) = linked(&row) else { return Ok(None) };
    Ok(Some(link).filter(|link| shown_of(&data).as_ref() != Some(link)))
}

/// Data and first link of a text that stands and is seen.
fn linked(row: &Row) -> Option<(Object, String)> {
    let text = row.category == Category::Message && row.kind == "text";
    if !text || row.deleted_at.is_some() || row.flags & (flags::DISAPPROVED | flags::LINK) != flags::LINK {
        return None;
    }
    let data = Object::parse(&row.data)?;
    let link = link::first(&data.read::<String>("text")?)?.to_owned();
    Some((data, link))
}

/// The link whose preview the data holds.
fn shown_of(data: &Object) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Links {
        links: Vec<Preview>,
    }
    let all = Object::parse(injected(data)?.get())?
        .read::<std::collections::HashMap<String, serde_json::Value>>("extensions")?;
    let links: Links = serde_json::from_value(all.get(Extension::LinkPreview.slug())?.clone()).ok()?;
    links.links.into_iter().next().map(|preview| preview.url)
}

/// Puts it into the message, if that has this link still; everybody hears of it as of an edit, but it is none: the text is
/// as its sender wrote it.
pub fn put(tx: &mut Write<'_>, app: &App, message: i64, preview: &Preview) -> Result<()> {
    super::check(tx, app.id, Extension::LinkPreview)?;
    let row = messages::find(tx, app.id, message)?;
    let Some((mut data, link)) = linked(&row) else { return Ok(()) };
    if link != preview.url || shown_of(&data).as_ref() == Some(&link) {
        return Ok(());
    }
    set(&mut data, Extension::LinkPreview, Some(to_raw(&serde_json::json!({ "links": [preview] }))));
    messages::amend(tx, row.id, &data.text())?;
    sending::announce(tx, &Caller::system(app.clone()), row, sending::Change::Edit).map(drop)
}

/// Takes a preview out whose link an edit took out.
pub fn refresh(data: &mut Object) {
    let Some(shown) = shown_of(data) else { return };
    let text: String = data.read("text").unwrap_or_default();
    if link::first(&text) != Some(&shown) {
        set(data, Extension::LinkPreview, None);
    }
}
