//! Backups over the admin API: made one at a time, listed, proved, downloaded as a stream.
//!
//! They lie in one folder (`--backups`) under the names that [`backup::make`] gives, and no other file of it is listed or
//! handed out.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use actix_files::NamedFile;
use actix_web::http::{Method, header};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::access::{self, Access, Admin, By, Parts, Who};
use super::query::Query;
use super::rate::Class;
use super::reply::{self, Reply, data};
use super::{Api, versionless};
use crate::actions::audit;
use crate::backup::{self, Manifest, Target};
use crate::model::audit::{Act, Actor};
use crate::model::error::{Code, Error, Result};
use crate::model::feature::Features;
use crate::model::time::Clock;
use crate::store::admins::{self, Admission};
use crate::store::checkup::Checkup;
use crate::store::{Digest, Write, digest};

/// The operation that hands one out: it is no row of the route table.
pub const DOWNLOAD: &str = "admin-download-backup";

/// Where backups lie, and whether one is being made or proved.
pub struct Backups {
    data: PathBuf,
    folder: PathBuf,
    busy: AtomicBool,
    tickets: Mutex<Vec<Ticket>>,
}

/// A one-time link to a backup. A browser saves a file that a link leads to as it comes; one that a script fetches with a
/// session it would hold in memory first.
struct Ticket {
    secret: Digest,
    name: String,
    /// Of the admin who asked for it: it must still be good when the link is used.
    session: Digest,
    until: i64,
}

/// Seconds within which a download by a link must begin.
const TICKET: i64 = 60;
/// Links that are open at once; the oldest goes.
const TICKETS: usize = 100;

/// The folder they lie in: the one that is named, or one in the data folder.
pub fn place(data: &Path, named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| data.join("backups"))
}

/// The right to work on them; given back when it is dropped.
struct Turn<'b>(&'b AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Backups {
    /// Of the data folder, in `folder`.
    pub fn new(data: &Path, folder: Option<PathBuf>) -> Self {
        let folder = place(data, folder);
        Backups { data: data.to_owned(), folder, busy: AtomicBool::new(false), tickets: Mutex::default() }
    }

    fn turn(&self) -> Result<Turn<'_>> {
        match self.busy.swap(true, Ordering::AcqRel) {
            true => {
                Err(Error::new(Code::Busy, "A backup is being made or checked, or the database is: one at a time."))
            }
            false => Ok(Turn(&self.busy)),
        }
    }

    fn tickets(&self) -> std::sync::MutexGuard<'_, Vec<Ticket>> {
        self.tickets.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Uses up the ticket with this secret for this backup: the session of who asked for it.
    fn use_ticket(&self, secret: &str, name: &str, now: i64) -> Option<Digest> {
        let (mut tickets, secret) = (self.tickets(), digest(secret));
        tickets.retain(|ticket| ticket.until > now);
        let at = tickets.iter().position(|ticket| bool::from(ticket.secret.ct_eq(&secret)))?;
        let ticket = tickets.swap_remove(at);
        (ticket.name == name).then_some(ticket.session)
    }

    /// The backup of this name, if it is one.
    fn path(&self, name: &str) -> Result<PathBuf> {
        let all = listed(&self.folder)?;
        let found = all.into_iter().find(|path| path.file_name().is_some_and(|known| known == name));
        found.ok_or_else(|| Error::new(Code::FileNotFound, "There is no such backup."))
    }
}

/// The newest first; a folder that is not there yet has none.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    match backup::list(folder) {
        Ok(mut all) => {
            all.reverse();
            Ok(all)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::internal("backups", error)),
    }
}

fn shown(path: &Path) -> Value {
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    json!({ "name": path.file_name().and_then(|name| name.to_str()), "size": size })
}

fn contents(path: &Path, manifest: &Manifest) -> Value {
    let mut shown = shown(path);
    shown["madeAt"] = json!(manifest.made_at);
    shown["schema"] = json!(manifest.schema);
    shown["counts"] = json!(manifest.counts);
    shown
}

/// Runs something long beside the requests; it is finished though nobody waits for it any more.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("backups", e))?
}

/// What went wrong with a backup is for the admin to know, and nobody else can ask.
fn told(sentence: String) -> Error {
    log::error!("backup: {sentence}");
    Error::new(Code::StorageFailed, sentence)
}

/// Makes one now; answers when it is whole and on disk.
pub async fn create(access: Access<Admin>) -> Result<Reply> {
    let api = access.api().clone();
    let done = beside(move || {
        let backups = &api.backups;
        let _turn = backups.turn()?;
        backup::private_folder(&backups.folder).map_err(told)?;
        let to = Target::Path(backups.folder.clone());
        let (path, manifest) = backup::make(&backups.data, &to, &Clock::default(), &mut |_, _| ()).map_err(told)?;
        Ok(contents(&path.ok_or(Code::Internal)?, &manifest))
    });
    let made = done.await?;
    let (actor, name) = (access.actor(), made["name"].as_str().map(str::to_owned));
    let note = move |tx: &mut Write<'_>| audit::note(tx, &actor, Act::BackupCreate, None, name.as_deref());
    access.store().write("backups.create", note).await?;
    Ok(data(&made))
}

/// Those there are, the newest first.
pub async fn list(access: Access<Admin>) -> Result<Reply> {
    let api = access.api().clone();
    let all = beside(move || Ok(listed(&api.backups.folder)?.iter().map(|path| shown(path)).collect::<Vec<_>>()));
    Ok(data(&all.await?))
}

/// When the newest one was written, in Unix seconds, if there is one.
pub async fn newest(api: Arc<Api>) -> Result<Option<i64>> {
    let written = |path: &PathBuf| {
        let at = std::fs::metadata(path).and_then(|file| file.modified()).ok()?;
        i64::try_from(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
    };
    beside(move || Ok(listed(&api.backups.folder)?.first().and_then(written))).await
}

/// Reads one through, opens the database in it and counts.
pub async fn check(access: Access<Admin>) -> Result<Reply> {
    let (api, name) = (access.api().clone(), access.param("name").to_owned());
    let proved = beside(move || {
        let backups = &api.backups;
        let path = backups.path(&name)?;
        let _turn = backups.turn()?;
        let file = std::fs::File::open(&path).map_err(|e| Error::internal("backups", e))?;
        let checked = backup::check_in(&backups.folder, BufReader::new(file), &mut |_, _| ());
        checked.map(|manifest| contents(&path, &manifest)).map_err(|sentence| Error::new(Code::BadRequest, sentence))
    });
    Ok(data(&proved.await?))
}

/// Makes a one-time link to the file.
pub async fn link(access: Access<Admin>) -> Result<Reply> {
    let (api, name) = (access.api().clone(), access.param("name").to_owned());
    let (session, now) = (access.admin()?.session, access.store().clock().now());
    let secret = access.store().write("backups.link", |tx| Ok(tx.ids().hex(20))).await?;
    let made = beside(move || {
        api.backups.path(&name)?;
        let mut tickets = api.backups.tickets();
        tickets.retain(|ticket| ticket.until > now);
        if tickets.len() >= TICKETS {
            tickets.remove(0);
        }
        tickets.push(Ticket { secret: digest(&secret), name: name.clone(), session, until: now + TICKET });
        // Their names need no encoding.
        Ok(json!({"path": format!("backups/{name}?ticket={secret}"), "expiresAt": now + TICKET}))
    });
    Ok(data(&made.await?))
}

/// Reads every page of the database and follows all references, beside whatever else goes on; says what is damaged.
pub async fn integrity(access: Access<Admin>) -> Result<Reply> {
    let api = access.api().clone();
    let found = beside(move || {
        let _turn = api.backups.turn()?;
        let checkup = Checkup::open(api.store.path())?;
        Ok((checkup.damage()?, checkup.broken_references()?))
    });
    let (damage, broken) = found.await?;
    let broken: Vec<Value> = broken.into_iter().map(|(table, rows)| json!({"table": table, "rows": rows})).collect();
    let is_well = damage.is_empty() && broken.is_empty();
    Ok(data(&json!({"ok": is_well, "damage": damage, "brokenReferences": broken})))
}

/// The download at this address; `None` if the address is not one of a backup.
pub async fn find(request: &HttpRequest, path: &str, api: &web::Data<Api>) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let name = versionless(path).ok()?.strip_prefix("/admin/api/backups/")?;
    Some(download(request, api, name).await.unwrap_or_else(|error| reply::refusal(&error)))
}

async fn download(request: &HttpRequest, api: &web::Data<Api>, name: &str) -> Result<HttpResponse> {
    let parts = Parts {
        operation: DOWNLOAD,
        features: Features::default(),
        class: Class::default(),
        extension: None,
        request: request.clone(),
        params: Vec::new(),
        query: Query::parse(""),
        body: Bytes::new(),
        upload: None,
    };
    let ticket = Query::parse(request.query_string()).get("ticket").map(str::to_owned);
    let by = match ticket.filter(|_| request.method() == Method::GET) {
        Some(ticket) => By::Admin(Arc::new(by_ticket(api, &ticket, name).await?)),
        None => access::admit(api, &parts, Who::Admin).await?.1,
    };
    let (shared, asked) = (api.clone().into_inner(), name.to_owned());
    let path = beside(move || shared.backups.path(&asked)).await?;
    let opened = web::block(move || NamedFile::open(path)).await.map_err(|e| Error::internal("backups", e))?;
    let opened = opened.map_err(|e| Error::internal("backups", e))?;
    // Each part is noted: whoever asks for all but the first byte has the backup as well.
    if let Some(admin) = by.admin().filter(|_| request.method() == Method::GET) {
        let (actor, name) = (Actor::Admin(admin.name.clone()), name.to_owned());
        let note = move |tx: &mut Write<'_>| audit::note(tx, &actor, Act::BackupDownload, None, Some(&name));
        api.store.write("backups.download", note).await?;
    }
    let mut response = opened.into_response(request);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Who asked for the link, if they still may have what it leads to.
async fn by_ticket(api: &web::Data<Api>, ticket: &str, name: &str) -> Result<Admission> {
    let over = || Error::new(Code::NoAccess, "This link has been used, is over, or was never made.");
    let session = api.backups.use_ticket(ticket, name, api.store.clock().now()).ok_or_else(over)?;
    let admin = api.store.read(move |read| admins::session(read, &session)).await?.ok_or_else(over)?;
    admin.role.may(DOWNLOAD, true)?;
    Ok(admin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_only_what_is_a_backup() {
        let data = tempfile::tempdir().unwrap();
        let backups = Backups::new(data.path(), None);
        let first = backups.turn().unwrap();
        assert_eq!(backups.turn().err().map(|error| error.code), Some(Code::Busy));
        drop(first);
        assert!(backups.turn().is_ok());
        assert_eq!(listed(&backups.folder).unwrap(), Vec::<PathBuf>::new());
        std::fs::create_dir(data.path().join("backups")).unwrap();
        for name in
            ["hobnob-20260101T000000Z.tar.zst", "hobnob-20260102T000000Z.tar.zst", "notes.txt", "hobnob-x.partial"]
        {
            std::fs::write(data.path().join("backups").join(name), b"x").unwrap();
        }
        let names: Vec<_> = listed(&backups.folder).unwrap().iter().map(|path| shown(path)["name"].clone()).collect();
        assert_eq!(names, ["hobnob-20260102T000000Z.tar.zst", "hobnob-20260101T000000Z.tar.zst"]);
        assert!(backups.path("hobnob-20260101T000000Z.tar.zst").is_ok());
        for other in ["notes.txt", "../hobnob.db", "", "hobnob-x.partial"] {
            assert_eq!(backups.path(other).err().map(|error| error.code), Some(Code::FileNotFound), "{other}");
        }
    }
}
