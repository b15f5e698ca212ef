//! Files of messages: how they are named, described and found again in what clients send.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{Code, Error, Result};
use super::json::{Object, Raw, to_raw};
use super::limits::Limits;

/// Whose a file is: apps.id, and users.id of who brought it (0: the app itself).
pub type Owner = (i64, i64);

/// A file as `data.attachments` lists it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub extension: String,
    pub mime_type: String,
    pub name: String,
    pub size: i64,
    pub url: String,
}

/// A file about to come: what its sender says of it, made fit to be stored and shown.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What the sender calls it; no path, no control characters, not empty.
    pub title: String,
    pub mime_type: String,
    /// Lower-case letters and digits, or empty.
    pub extension: String,
}

/// Longest title kept, in characters.
const TITLE: usize = 255;

impl Profile {
    /// `guess` gives a MIME type for an extension, for senders that name none.
    pub fn parse(
        title: Option<&str>,
        mime_type: Option<&str>,
        guess: impl Fn(&str) -> Option<String>,
        limits: &Limits,
    ) -> Result<Self> {
        let title = title.unwrap_or_default();
        let title = title.rsplit(['/', '\\']).next().unwrap_or_default();
        let title: String = title.chars().filter(|c| !c.is_control()).take(TITLE).collect();
        let title = match title.trim() {
            "" => "file".to_owned(),
            title => title.to_owned(),
        };
        let extension = match title.rsplit_once('.') {
            Some((_, end)) if (1..=12).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                end.to_ascii_lowercase()
            }
            _ => String::new(),
        };
        let given = mime_type.map(|given| given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let mime_type = given
            .filter(|given| is_mime(given) && given != "application/octet-stream")
            .or_else(|| guess(&extension))
            .unwrap_or_else(|| "application/octet-stream".to_owned());
        let profile = Profile { title, mime_type, extension };
        profile.check(limits)?;
        Ok(profile)
    }

    fn check(&self, limits: &Limits) -> Result<()> {
        let is = |list: &[String]| list.iter().any(|entry| self.is(entry));
        if is(&limits.file_types_denied) || !(limits.file_types.is_empty() || is(&limits.file_types)) {
            return Err(Error::new(
                Code::FileType,
                format!("Files like {} ({}) are not taken here.", super::ids::shown(&self.title), self.mime_type),
            ));
        }
        Ok(())
    }

    /// Whether it is of a kind named in the settings: `image/*`, `image/png` or an extension.
    fn is(&self, entry: &str) -> bool {
        let entry = entry.trim().to_ascii_lowercase();
        match entry.split_once('/') {
            Some((kind, "*")) => self.mime_type.split('/').next() == Some(kind),
            Some(_) => self.mime_type == entry,
            None => self.extension == entry.trim_start_matches('.'),
        }
    }
}

fn is_mime(text: &str) -> bool {
    let part = |part: &str| {
        (1..=100).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, sub)| part(kind) && part(sub))
}

/// The name of a stored file; only made by the server or by parsing, so it can be used in a path.
pub fn is_name(text: &str) -> bool {
    let (stem, extension) = text.split_once('.').unwrap_or((text, ""));
    stem.len() == 32
        && stem.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && extension.len() <= 12
        && extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// The folder, of those for media, that a file of this name lies in.
pub fn folder_of(name: &str) -> &str {
    name.get(..2).unwrap_or("00")
}

/// The path of a file on this server.
pub fn path(app_id: &str, name: &str) -> String {
    format!("/media/{app_id}/{name}")
}

/// Stands in stored texts for the address of this server, before the path of one of its files. A server may be reached
/// by several names, and get another one tomorrow, so what is stored says only which file; the address is put in when
/// something is shown, for the one who asks. It is a noncharacter: no text that means anything holds one.
const HERE: char = '\u{FDD0}';

/// The start of every stored URL of a file.
const STORED: &str = "\u{FDD0}/media/";

/// The stored form of the URL of a file of this server.
pub fn stored_path(app_id: &str, name: &str) -> String {
    format!("{HERE}{}", path(app_id, name))
}

/// Whether it is the stored form of one, without anything behind it.
pub fn is_stored_url(url: &str) -> bool {
    url.starts_with(STORED) && !url.contains(['?', '#'])
}

/// The stored form of a URL, and the name of its file, if it leads to a file of this app. The host is not looked at: the
/// server may have several, and a name that nobody can guess proves enough.
pub fn stored_url(url: &str, app_id: &str) -> Option<(String, String)> {
    let (address, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let mut back = address.rsplit('/');
    let (name, app, folder) = (back.next()?, back.next()?, back.next()?);
    let ours = folder == "media" && app.eq_ignore_ascii_case(app_id) && is_name(name);
    ours.then(|| (format!("{HERE}{}{rest}", path(app_id, name)), name.to_owned()))
}

/// A URL as it is to be stored: without the server's address if it leads to a file of this app, else as it is.
pub fn keep_url(url: String, app_id: &str) -> String {
    stored_url(&url, app_id).map_or(url, |(stored, _)| stored)
}

/// Puts the URLs of files of this app in the data of a message into their stored form; gives the names of the files.
pub fn keep_urls(data: &mut Object, app_id: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut keep = |object: &mut Object| {
        let stored = object.read::<String>("url").and_then(|url| stored_url(&url, app_id));
        let Some((url, name)) = stored else { return false };
        object.set("url", to_raw(&url));
        if !names.contains(&name) {
            names.push(name);
        }
        true
    };
    if let Some(list) = data.read::<Vec<Raw>>("attachments") {
        let mut changed = false;
        let list: Vec<Raw> = list
            .into_iter()
            .map(|raw| {
                let Some(mut one) = Object::parse(raw.get()) else { return raw };
                if !keep(&mut one) {
                    return raw;
                }
                changed = true;
                to_raw(&one)
            })
            .collect();
        if changed {
            data.set("attachments", to_raw(&list));
        }
    }
    keep(data);
    names
}

/// Whether a text holds stored URLs.
pub fn has_urls(text: &str) -> bool {
    text.contains(STORED)
}

/// JSON as it leaves the server at `base` (`https://chat.example/chat`): stored URLs are whole again. Text without any, as
/// most is, is only looked through.
pub fn show_urls<'t>(text: &'t str, base: impl FnOnce() -> String) -> Cow<'t, str> {
    match has_urls(text) {
        true => Cow::Owned(text.replace(STORED, &format!("{}/media/", base()))),
        false => Cow::Borrowed(text),
    }
}

/// Whether a browser may show it in place. Anything that could run a script in this server's name is not here.
pub fn is_safe_inline(mime_type: &str) -> bool {
    const SAFE: [&str; 25] = [
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "image/heic",
        "image/heif",
        "video/mp4",
        "video/webm",
        "video/ogg",
        "video/quicktime",
        "video/3gpp",
        "audio/mpeg",
        "audio/mp4",
        "audio/aac",
        "audio/ogg",
        "audio/opus",
        "audio/wav",
        "audio/x-wav",
        "audio/webm",
        "audio/flac",
        "audio/x-m4a",
        "audio/3gpp",
        "audio/amr",
    ];
    SAFE.contains(&mime_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(title: &str, mime: Option<&str>, limits: &Limits) -> Result<Profile> {
        Profile::parse(Some(title), mime, |_| None, limits)
    }

    #[test]
    fn titles_are_names_and_no_paths() {
        let limits = Limits::default();
        let made = profile("../../etc/Bild\u{7}.PNG", Some("image/png; x=1"), &limits).unwrap();
        assert_eq!((&*made.title, &*made.extension, &*made.mime_type), ("Bild.PNG", "png", "image/png"));
        let made = profile("", Some("no mime\r\n"), &limits).unwrap();
        assert_eq!((&*made.title, &*made.extension, &*made.mime_type), ("file", "", "application/octet-stream"));
    }

    #[test]
    fn types_can_be_allowed_and_denied() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let only = Limits { file_types: list("image/*,pdf"), ..Limits::default() };
        assert!(profile("a.png", Some("image/png"), &only).is_ok() && profile("a.pdf", None, &only).is_ok());
        assert_eq!(profile("a.mp4", Some("video/mp4"), &only).unwrap_err().code, Code::FileType);
        let not = Limits { file_types_denied: list("exe,text/html"), ..Limits::default() };
        assert!(profile("a.EXE", None, &not).is_err() && profile("a", Some("text/html"), &not).is_err());
        assert!(profile("a.txt", None, &not).is_ok());
    }

    #[test]
    fn files_are_stored_by_name_and_shown_by_url() {
        let (app, name) = ("00112233445566aa", format!("{}.png", "0a".repeat(16)));
        let data = format!(
            r#"{{"text":"http://old/media/{app}/{name}","url":"http://127.0.0.1:8080/media/{app}/{name}?size=small","n":1.0,
                "attachments":[{{"k":1e2,"url":"https://a/chat/v3/media/{app}/{name}"}},{{"url":"https://a/media/other/{name}"}},
                {{"url":"https://a/media/{app}/../x"}},{{}},7]}}"#
        );
        let mut object = Object::parse(&data).unwrap();
        assert_eq!(keep_urls(&mut object, app).join(","), name);
        let stored = object.text();
        assert_eq!(stored.matches(STORED).count(), 2, "{stored}");
        assert!(stored.contains("1e2") && stored.contains("1.0") && !stored.contains("127.0.0.1"), "{stored}");
        // Once more changes nothing.
        assert_eq!(keep_urls(&mut object, app).join(","), name);
        assert_eq!(object.text(), stored);

        let shown = show_urls(&stored, || "https://new/chat".to_owned());
        let shown = Object::parse(&shown).unwrap();
        assert_eq!(shown.read::<String>("url").unwrap(), format!("https://new/chat/media/{app}/{name}?size=small"));
        assert_eq!(shown.read::<String>("text").unwrap(), format!("http://old/media/{app}/{name}"));
        let list: Vec<serde_json::Value> = shown.read("attachments").unwrap();
        assert_eq!(list[0]["url"], format!("https://new/chat/media/{app}/{name}"));
        assert_eq!(list[1]["url"], format!("https://a/media/other/{name}"));
    }

    #[test]
    fn text_without_files_is_not_touched() {
        let mut object = Object::parse(r#"{"text":"x","attachments":[{"url":"https://a/b.png" }] }"#).unwrap();
        assert!(keep_urls(&mut object, "00112233445566aa").is_empty());
        assert_eq!(object.text(), r#"{"text":"x","attachments":[{"url":"https://a/b.png" }]}"#);
        assert!(matches!(show_urls("{}", || unreachable!()), Cow::Borrowed("{}")));
    }
}
