//! Addresses of smaller versions of pictures, where clients of this extension look. The versions themselves are made when
//! they are first asked for (see `media`), so this is only a matter of addresses.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::attachment::is_stored_url;
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::extension::{Extension, set};
use crate::model::json::{Object, to_raw};
use crate::store::{Read, extensions};

/// Kinds of pictures that smaller versions are made of.
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    url: Option<String>,
    name: Option<String>,
    mime_type: Option<String>,
    extension: Option<String>,
}

impl Attached {
    /// Addresses of its smaller versions, if it is a picture that lies on this server.
    fn smaller(&self) -> Option<Value> {
        let url = self.url.as_deref().filter(|url| is_stored_url(url))?;
        let mime_type = self.mime_type.as_deref().unwrap_or_default();
        PICTURES.contains(&mime_type).then(|| {
            json!({
                "url_small": format!("{url}?size=small"),
                "url_medium": format!("{url}?size=medium"),
                "url_large": format!("{url}?size=large"),
            })
        })
    }

    fn shown(&self) -> Value {
        let smaller = self.smaller();
        let sentence = "Thumbnails are made of jpg, jpeg, png, gif and webp files on this server.";
        let error = match smaller {
            Some(_) => Value::Null,
            None => json!({
                "code": "ERR_FILETYPE_NOT_SUPPORTED", "message": sentence, "devMessage": sentence, "httpStatusCode": 400,
            }),
        };
        let data = json!({
            "name": self.name, "extension": self.extension, "mimeType": self.mime_type, "url": self.url,
            "thumbnails": smaller,
        });
        json!({"data": data, "error": error})
    }
}

/// Puts them into the data of a picture or video message whose files lie on this server; takes those of other files out.
/// A message without any such picture says nothing about it.
pub fn put_in(read: &Read<'_>, app: &App, kind: &str, data: &mut Object) -> Result<()> {
    let attached: Vec<Attached> = match kind {
        "image" | "video" => data.read("attachments").unwrap_or_default(),
        _ => Vec::new(),
    };
    let first = attached.iter().find_map(Attached::smaller);
    let on = first.is_some() && extensions::choice(read, app.id, Extension::Thumbnails)? != Some(false);
    let result = first.filter(|_| on).map(|mut result| {
        result["attachments"] = attached.iter().map(Attached::shown).collect();
        to_raw(&result)
    });
    set(data, Extension::Thumbnails, result);
    Ok(())
}
