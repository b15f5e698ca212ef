//! Files: uploads streamed to disk, and the files themselves.
//!
//! An upload comes with a message (multipart), or before it to an address asked for. It is never in memory as a whole.
//! Files are served to everybody who knows their unguessable name; what a browser might run is only ever downloaded.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_files::NamedFile;
use actix_multipart::Field;
use actix_web::http::{Method, header};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::OptionFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Demand, Open};
use super::bodies::BODY_TIME;
use super::multipart::{FRAMING, Parts, broken, title_of, too_large};
use super::openapi::{Doc, Shape};
use super::reply::{self, Reply, data};
use super::{Api, versionless};
use crate::actions;
use crate::actions::attachments::Arrived;
use crate::media::{Size, Smaller};
use crate::model::attachment::{self, Attachment, Owner, Profile, is_safe_inline};
use crate::model::error::{self, Code, Error, Result};
use crate::store::attachments::{self, Stored};

/// An upload that takes this long in all is given up: well before its row would be swept.
const WHOLE: Duration = Duration::from_secs(30 * 60);

/// A multipart request, read: its fields, and its files on disk.
pub struct Form {
    fields: Vec<(String, String)>,
    files: Vec<Stored>,
}

impl Form {
    /// The last field with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All fields with this name, or with it and brackets.
    pub fn list(&self, name: &str) -> Vec<String> {
        let named = self.fields.iter().filter(|(key, _)| key.strip_suffix("[]").unwrap_or(key) == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// The files as a message shows them.
    pub fn attachments<D: Demand>(&self, access: &Access<D>) -> Vec<Attachment> {
        self.files.iter().map(|file| shown(access, &access.app().app_id, file)).collect()
    }

    /// The only file.
    pub fn single(&self) -> Option<&Stored> {
        self.files.first().filter(|_| self.files.len() == 1)
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.files.iter().map(|file| Arrived { id: file.id, size: file.size }).collect()
    }

    /// Lets the files go: nothing will show them.
    pub fn give_up(&self, api: &Api) {
        give_up(api, self.files.iter().map(|file| file.id).collect());
    }
}

fn give_up(api: &Api, ids: Vec<i64>) {
    if !ids.is_empty() {
        api.store.write_later("attachments.give_up", move |tx| actions::attachments::give_up(tx, &ids));
    }
}

fn shown<D: Demand>(access: &Access<D>, app_id: &str, file: &Stored) -> Attachment {
    Attachment {
        extension: file.name.split_once('.').map_or("", |(_, extension)| extension).to_owned(),
        mime_type: file.mime_type.clone(),
        name: file.title.clone(),
        size: file.size,
        url: format!("{}{}", access.base(), attachment::path(app_id, &file.name)),
    }
}

fn profile(title: Option<&str>, mime_type: Option<&str>, limits: &crate::model::limits::Limits) -> Result<Profile> {
    let guess = |extension: &str| mime_guess::from_ext(extension).first_raw().map(str::to_owned);
    Profile::parse(title, mime_type, guess, limits)
}

/// Streams a part to the disk; its size. More than was promised is refused for the reason `over`.
async fn store_file(api: &Api, parts: &Parts, part: &mut Field, file: &Stored, over: &Error) -> Result<i64> {
    let mut out = api.media.put(&file.name).await?;
    let mut left = file.size as u64;
    while let Some(chunk) = parts.chunk(part).await? {
        left = left.checked_sub(chunk.len() as u64).ok_or_else(|| over.clone())?;
        out.write(&chunk).await?;
    }
    Ok(out.finish().await? as i64)
}

/// Reads the multipart body of a request, if it has one.
pub async fn receive<D: Demand>(access: &mut Access<D>) -> Result<Option<Form>> {
    let whose = whose(access);
    receive_for(access, whose).await
}

/// The same, of files that are to be somebody else's than the caller's.
pub async fn receive_for<D: Demand>(access: &mut Access<D>, whose: Owner) -> Result<Option<Form>> {
    let Some(payload) = access.take_upload() else { return Ok(None) };
    let mut form = Form { fields: Vec::new(), files: Vec::new() };
    let read = timeout(WHOLE, read_form(access, whose, payload, &mut form)).await;
    match read.unwrap_or_else(|_| Err(Error::new(Code::BadRequest, "The upload took too long."))) {
        Ok(()) => Ok(Some(form)),
        Err(error) => {
            form.give_up(access.api());
            Err(error)
        }
    }
}

async fn read_form<D: Demand>(access: &Access<D>, whose: Owner, payload: Payload, form: &mut Form) -> Result<()> {
    let (api, limits) = (access.api(), access.limits());
    let mut left = announced(access, limits.upload)?;
    // Fields together are as large as a JSON body may be.
    let mut room = limits.body;
    let most = limits.upload.saturating_add(room as u64).saturating_add(FRAMING);
    let mut parts = Parts::new(access.headers(), payload, most, limits.parts);
    while let Some(mut part) = parts.next().await? {
        let Some(title) = title_of(&part) else {
            let name = part.name().unwrap_or_default().to_owned();
            let value = parts.text(&mut part, room).await?;
            room = room.checked_sub(value.len() + name.len()).ok_or_else(|| too_large(limits.body as u64))?;
            form.fields.push((name, value));
            continue;
        };
        if form.files.len() >= limits.files {
            return Err(Error::field("files", format!("A message may have {} files.", limits.files)));
        }
        let mime_type = part.content_type().map(|mime| mime.to_string());
        let profile = profile(Some(&title), mime_type.as_deref(), limits)?;
        let (limits, most) = (limits.clone(), left as i64);
        let (stored, over) = api
            .store
            .write("attachments.promise", move |tx| actions::attachments::promise(tx, whose, &profile, most, &limits))
            .await?;
        form.files.push(stored);
        if let Some(file) = form.files.last_mut() {
            file.size = store_file(api, &parts, &mut part, file, &over).await?;
            left -= file.size as u64;
        }
    }
    Ok(())
}

/// Whose the files are that this caller brings.
fn whose<D: Demand>(access: &Access<D>) -> Owner {
    let caller = access.caller();
    (caller.app.id, if caller.person { caller.user } else { 0 })
}

/// How many bytes of at most `most` the files of an upload may have; one that says beforehand that it is larger is not
/// begun.
fn announced<D: Demand>(access: &Access<D>, most: u64) -> Result<u64> {
    let length = access.header("content-length").and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > most.saturating_add(FRAMING)) {
        return Err(too_large(most));
    }
    Ok(length.unwrap_or(most).min(most))
}

#[derive(Deserialize, ToSchema)]
struct UploadsBody {
    files: BTreeMap<String, FileBody>,
}

/// A file that is to be uploaded.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FileBody {
    name: Option<String>,
    #[schema(value_type = Option<i64>)]
    size: Option<Value>,
    mime_type: Option<String>,
}

/// Where each file can be put, or why not, by the ids of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadInvitations)]
struct Invitations(BTreeMap<String, Invitation>);

#[derive(Default, Serialize, ToSchema)]
#[schema(as = UploadInvitation)]
struct Invitation {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<UploadRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<error::Shown>)]
    error: Option<Error>,
}

/// The form to send, and before the file the fields to put into it.
#[derive(Serialize, ToSchema)]
struct UploadRequest {
    method: &'static str,
    url: String,
    body: BTreeMap<&'static str, String>,
}

/// An address for each file, where it can be put once.
pub async fn request_uploads(access: Access<AsUser>) -> Result<Reply> {
    let UploadsBody { files } = access.json()?;
    let limits = access.limits().clone();
    if files.is_empty() || files.len() > limits.files {
        return Err(Error::field("files", format!("Between 1 and {} files can be uploaded together.", limits.files)));
    }
    let wanted: Vec<(String, Result<(Profile, i64)>)> = files
        .into_iter()
        .map(|(id, file)| {
            let size = file.size.as_ref().and_then(|size| size.as_f64().or_else(|| size.as_str()?.parse().ok()));
            let size = size.filter(|size| *size >= 1.0).map(|size| size as u64);
            let wanted = match size {
                Some(size) if size > limits.upload => Err(too_large(limits.upload)),
                _ => profile(file.name.as_deref(), file.mime_type.as_deref(), &limits)
                    .map(|profile| (profile, size.unwrap_or(limits.upload) as i64)),
            };
            (id, wanted)
        })
        .collect();
    let whose = whose(&access);
    let invited = access
        .store()
        .write("attachments.invite", move |tx| {
            let invited = wanted.into_iter().map(|(id, wanted)| {
                let mut invite = |(profile, most): (Profile, i64)| {
                    tx.attempt(|tx| actions::attachments::invite(tx, whose, &profile, most, &limits))
                };
                match wanted {
                    Ok(wanted) => Ok((id, invite(wanted)?)),
                    Err(error) => Ok((id, Err(error))),
                }
            });
            invited.collect::<Result<Vec<_>>>()
        })
        .await?;
    let answer = invited.into_iter().map(|(id, invited)| {
        let invitation = match invited {
            Ok((file, ticket)) => Invitation {
                request: Some(UploadRequest {
                    method: "POST",
                    url: format!("{}/v3/files/uploads/{}/{}", access.base(), access.app().app_id, file.name),
                    body: BTreeMap::from([("ticket", ticket)]),
                }),
                attachment: Some(shown(&access, &access.app().app_id, &file)),
                error: None,
            },
            Err(error) => Invitation { error: Some(error), ..Invitation::default() },
        };
        (id, invitation)
    });
    Ok(data(&Invitations(answer.collect())))
}

/// The one upload to an address given by [`request_uploads`]: the fields named there, then the file. Who has the ticket
/// needs no other credential.
pub async fn upload(mut access: Access<Open>) -> Result<Reply> {
    let name = access.param("name").to_owned();
    let payload = access.take_upload().ok_or_else(broken)?;
    if !attachment::is_name(&name) {
        return Err(Code::UploadNotFound.into());
    }
    let mut begun = None;
    let read = timeout(WHOLE, read_upload(&access, payload, name, &mut begun)).await;
    match read.unwrap_or_else(|_| Err(Error::new(Code::BadRequest, "The upload took too long."))) {
        Ok(file) => Ok(data(&shown(&access, access.param("appId"), &file))),
        Err(error) => {
            give_up(access.api(), begun.into_iter().collect());
            Err(error)
        }
    }
}

async fn read_upload(access: &Access<Open>, payload: Payload, name: String, begun: &mut Option<i64>) -> Result<Stored> {
    let (store, limits) = (access.store(), access.limits());
    announced(access, limits.upload)?;
    let asked = name.clone();
    if !store.read(move |read| attachments::is_expected(read, &asked)).await? {
        return Err(Code::UploadNotFound.into());
    }
    // Until the ticket is seen there is room and time for little else.
    let mut parts = Parts::new(access.headers(), payload, FRAMING, limits.parts);
    let ticket = timeout(BODY_TIME, read_ticket(&mut parts, limits.url)).await;
    let (ticket, mut part) = ticket.map_err(|_| Error::new(Code::BadRequest, "The body did not arrive in time."))??;
    let mut file =
        store.write("attachments.redeem", move |tx| actions::attachments::redeem(tx, &name, &ticket)).await?;
    *begun = Some(file.id);
    parts.allow(file.size as u64);
    file.size = store_file(access.api(), &parts, &mut part, &file, &too_large(file.size as u64)).await?;
    let arrived = [Arrived { id: file.id, size: file.size }];
    store.write("attachments.arrive", move |tx| actions::attachments::arrive(tx, &arrived)).await?;
    Ok(file)
}

/// The ticket, and the part with the file, which comes after it.
async fn read_ticket(parts: &mut Parts, most: usize) -> Result<(String, Field)> {
    let mut ticket = None;
    while let Some(mut part) = parts.next().await? {
        if title_of(&part).is_some() {
            return Ok((ticket.ok_or(Code::UploadNotFound)?, part));
        }
        let text = parts.text(&mut part, most).await?;
        if part.name() == Some("ticket") {
            ticket = Some(text);
        }
    }
    Err(Code::EmptyFile.into())
}

/// Bytes that stand for themselves in the value of `filename*`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Scripts are not run, nothing is loaded, nothing is sent: a file is only looked at.
const POLICY: &str =
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// Names are never used again, so what was got once is good for ever. Not shared: a proxy would keep what was deleted.
const CACHE: &str = "private, max-age=31536000, immutable";

/// The file at this address; `None` if the address is not one of files.
pub async fn find(request: &HttpRequest, path: &str, api: &Api) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let (app_id, name) = versionless(path).ok()?.strip_prefix("/media/")?.split_once('/')?;
    Some(serve(request, api, app_id, name).await.unwrap_or_else(|error| reply::refusal(&error)))
}

async fn serve(request: &HttpRequest, api: &Api, app_id: &str, name: &str) -> Result<HttpResponse> {
    if !attachment::is_name(name) {
        return Err(Code::FileNotFound.into());
    }
    let (app_id, name) = (app_id.to_ascii_lowercase(), name.to_owned());
    let file = api.store.read(move |read| attachments::find(read, &app_id, &name)).await?;
    let asked = super::query::Query::parse(request.query_string());
    let smaller = asked.get("size").and_then(Size::parse).filter(|_| file.mime_type.starts_with("image/"));
    let smaller = OptionFuture::from(smaller.map(|size| api.media.smaller(file.owner, &file.name, size))).await;
    // What is shown in place of a small version that could not be made now is not to be kept in its place.
    // Nor a file of a server for tests, where another may have the same name after a reset.
    let passes = matches!(smaller, Some(Smaller::Later)) || api.gate.is_some();
    let cache = if passes { "no-store" } else { CACHE };
    let (path, mime_type) = match smaller {
        Some(Smaller::Made(path)) => {
            let mime_type = if path.extension().is_some_and(|end| end == "png") { "image/png" } else { "image/jpeg" };
            (path, mime_type.to_owned())
        }
        _ => (api.media.path(&file.name), file.mime_type),
    };
    let opened = web::block(move || NamedFile::open(path)).await.map_err(|e| Error::internal("media", e))?;
    let opened = opened.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::from(Code::FileNotFound),
        _ => Error::internal("media", e),
    })?;
    let (kind, way) = if is_safe_inline(&mime_type) {
        (mime_type.as_str(), "inline")
    } else {
        ("application/octet-stream", "attachment")
    };
    let kind = kind.parse().map_err(|e| Error::internal("media type", e))?;
    let mut response = opened.disable_content_disposition().set_content_type(kind).into_response(request);
    let disposition = format!("{way}; filename*=UTF-8''{}", utf8_percent_encode(&file.title, PLAIN));
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-disposition", disposition.as_str()),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", POLICY),
        ("cross-origin-resource-policy", "cross-origin"),
        ("cache-control", cache),
    ] {
        if let Ok(value) = header::HeaderValue::from_str(value) {
            headers.insert(header::HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Attachment>("upload", Shape::One).reply::<Invitations>("request-uploads", Shape::One);
    doc.body::<UploadsBody>("request-uploads");
}
