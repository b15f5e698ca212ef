//! Stickers: pictures that clients show to choose from, in sets. A chosen one is sent as a custom message by the client.

use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Error, Result};
use super::limits::Limits;
use super::text::is_blank;
use super::time::iso;
use super::user::check_length;

/// Kinds of files that are taken: what every client shows as a picture.
pub const MIME_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The set of those in the program.
pub const OWN_SET: &str = "Hobnob";

/// A sticker that may be added.
#[derive(Clone, Debug)]
pub struct StickerDraft {
    pub title: String,
    pub set: String,
    pub set_position: i64,
    pub position: i64,
}

impl StickerDraft {
    /// Checks what an admin says of a picture; positions are whole numbers, 1 if none is given.
    pub fn parse(
        title: Option<&str>,
        set: Option<&str>,
        set_position: Option<&str>,
        position: Option<&str>,
        limits: &Limits,
    ) -> Result<Self> {
        let text = |name: &'static str, text: Option<&str>| {
            let text = text.unwrap_or_default();
            if is_blank(text) {
                return Err(Error::field(name, format!("The {name} is missing.")));
            }
            check_length(name, text, limits.name)?;
            Ok(text.to_owned())
        };
        let number = |name: &'static str, text: Option<&str>| {
            let number = text.filter(|text| !text.is_empty()).unwrap_or("1").parse::<i64>().ok();
            let number = number.filter(|number| (0..=1_000_000).contains(number));
            number.ok_or_else(|| Error::field(name, format!("The {name} must be a number up to 1000000.")))
        };
        Ok(StickerDraft {
            title: text("name", title)?,
            set: text("set", set)?,
            set_position: number("setOrder", set_position)?,
            position: number("order", position)?,
        })
    }
}

/// A sticker as clients know it. Numbers are texts there.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sticker {
    pub id: String,
    pub sticker_name: String,
    pub sticker_url: String,
    pub sticker_order: String,
    pub sticker_set_id: String,
    pub sticker_set_name: String,
    pub sticker_set_order: String,
    /// A date and time (UTC); not of those in the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<String>,
}

impl Sticker {
    /// One in the program: `01-smile.svg`, whose number is its place.
    pub fn own(file: &str, base: &str) -> Self {
        let stem = file.strip_suffix(".svg").unwrap_or(file);
        let (order, name) = stem.split_once('-').unwrap_or(("0", stem));
        Sticker {
            id: format!("hobnob-{name}"),
            sticker_name: name.to_owned(),
            sticker_url: format!("{base}/stickers/{file}"),
            sticker_order: order.trim_start_matches('0').to_owned(),
            sticker_set_id: "hobnob".to_owned(),
            sticker_set_name: OWN_SET.to_owned(),
            sticker_set_order: "1".to_owned(),
            created_at: None,
            modified_at: None,
        }
    }

    /// One of an app, with the address of its file.
    pub fn custom(id: String, draft: StickerDraft, set_id: String, url: String, created_at: i64) -> Self {
        Sticker {
            id,
            sticker_name: draft.title,
            sticker_url: url,
            sticker_order: draft.position.to_string(),
            sticker_set_id: set_id,
            sticker_set_name: draft.set,
            sticker_set_order: draft.set_position.to_string(),
            created_at: Some(iso(created_at)),
            modified_at: Some(iso(created_at)),
        }
    }
}
