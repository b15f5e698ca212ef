//! Pull: a live app elsewhere becomes lines and files in a folder, by the documented REST API and its REST key.
//!
//! The folder has the form of an export, so that what follows is an import. Beside the lines stands how far it has come:
//! lines are synced first and then that note takes its place, so a pull that was stopped cuts off what the note does not
//! know and goes on. Requests wait when the other side says so, and are tried again when it or the way there fails.
//!
//! What the API does not tell stays behind: passwords of groups, logins, single receipts in groups, who deleted a
//! conversation for themselves.

mod ask;
mod shapes;
mod since;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::{Outcome, Progress};
use crate::backup::private_folder;
use crate::durable;
use crate::model::attachment::folder_of;
use crate::model::transfer::FORM;
use crate::outgoing::{Outgoing, Reach, Request};
use ask::{get, send};
use shapes::{blocks, call, file_name, friends, group, items, mark, member, message, number, role, text, user};
pub use since::forget;
use since::since;

/// Where the note stands.
const NOTE: &str = "pull.json";

/// Requests under way at once: far below what the other side allows.
const AT_ONCE: usize = 6;

/// Items asked for on a page.
const PAGE: usize = 100;

/// Pages of one list that is held in memory until it is whole: a million items.
const MOST_PAGES: usize = 10_000;

/// The largest file that is fetched, in bytes: it is held in memory.
const MOST_FILE: usize = 200 << 20;

/// An app elsewhere.
#[derive(Clone)]
pub struct Source {
    /// `https://host/v3`, without a slash at the end.
    pub url: String,
    pub app_id: String,
    pub region: String,
    /// Its REST key.
    pub key: String,
    /// Fetch the files of messages, too.
    pub media: bool,
    /// The app here that takes it and may have some of it; `None`: it is made for it.
    pub into: Option<String>,
}

/// What is pulled, in this order.
const STEPS: [&str; 8] = ["role", "user", "friend", "block", "group", "member", "call", "message"];
/// The last step: how far everybody has read.
const MARKS: usize = STEPS.len();

/// How far it has come.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    step: usize,
    /// Within the step: a page, a place in a list, a message id.
    cursor: u64,
    /// Messages up to this one are not pulled: the app has them.
    #[serde(default)]
    since: u64,
    /// Bytes of each part that count.
    bytes: BTreeMap<String, u64>,
    /// What was left out, and how often.
    pub left: BTreeMap<String, u64>,
    /// Lines by kind.
    pub lines: BTreeMap<String, u64>,
    done: bool,
}

/// Pulls the app into the folder; what was left out, and counts.
pub async fn pull(source: Source, folder: &Path, outgoing: Outgoing, progress: Progress<'_>) -> Outcome<Note> {
    private_folder(folder)?;
    let since = since(folder, source.into.as_deref());
    let begun = read_note(folder)?;
    // What was begun for an app that has more lacks what this one has not. Files stay, and are not fetched again.
    let note = if begun.since > since { Note::default() } else { begun };
    let mut pull = Pull { source, folder: folder.to_owned(), outgoing, note, progress };
    if pull.note.done {
        return Ok(pull.note);
    }
    if pull.note.bytes.is_empty() {
        pull.note.since = since;
    }
    pull.cut()?;
    pull.run().await?;
    Ok(pull.note)
}

fn failed(path: &Path, error: &io::Error) -> String {
    format!("cannot use {}: {error}", path.display())
}

fn read_note(folder: &Path) -> Outcome<Note> {
    match fs::read(folder.join(NOTE)) {
        Ok(text) => serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", folder.join(NOTE).display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Note::default()),
        Err(error) => Err(failed(folder, &error)),
    }
}

fn write_note(folder: &Path, note: &Note) -> Outcome<()> {
    let text = serde_json::to_vec(note).map_err(|e| e.to_string())?;
    durable::put(&folder.join(NOTE), &text, 0o600).map_err(|e| failed(folder, &e))
}

struct Pull<'p> {
    source: Source,
    folder: PathBuf,
    outgoing: Outgoing,
    note: Note,
    progress: Progress<'p>,
}

fn endless(path: &str) -> String {
    format!("GET {path}: the list has no end")
}

/// A server that gives the same page for every number would be asked for ever.
fn advances(path: &str, before: &[Value], items: &[Value]) -> Outcome<()> {
    match items.is_empty() || before != items {
        true => Ok(()),
        false => Err(endless(path)),
    }
}

/// Lines of one page, by the part they belong to.
type Lines = Vec<(&'static str, Value)>;

impl Pull<'_> {
    /// Removes what the note does not know.
    fn cut(&self) -> Outcome<()> {
        for entry in fs::read_dir(&self.folder).map_err(|e| failed(&self.folder, &e))?.flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if !name.ends_with(".jsonl") {
                continue;
            }
            let bytes = self.note.bytes.get(&name).copied().unwrap_or(0);
            let file = OpenOptions::new().write(true).open(&path).map_err(|e| failed(&path, &e))?;
            file.set_len(bytes).map_err(|e| failed(&path, &e))?;
        }
        Ok(())
    }

    async fn run(&mut self) -> Outcome<()> {
        if self.note.bytes.is_empty() {
            let Source { app_id, region, .. } = &self.source;
            let head = json!({ "form": FORM, "appId": app_id, "name": app_id, "region": region });
            self.keep(vec![("app", head)], 0, 0)?;
        }
        while self.note.step <= MARKS {
            match self.note.step {
                0 => self.pages("/roles", &[], role).await?,
                1 => self.pages("/users", &["withTags=true", "withDeactivated=true"], user).await?,
                2 => self.of_users(|uid| (format!("/users/{uid}/friends"), None), friends).await?,
                3 => self.of_users(|uid| (format!("/users/{uid}/blockedusers"), None), blocks).await?,
                4 => self.pages("/groups", &["withTags=true"], group).await?,
                5 => self.members().await?,
                6 => self.calls().await?,
                7 => self.messages().await?,
                _ => self.marks().await?,
            }
            let next = self.note.step + 1;
            self.keep(Vec::new(), next, 0)?;
        }
        self.note.done = true;
        self.keep(Vec::new(), MARKS + 1, 0)
    }

    /// Writes lines durably, and then how far that is.
    fn keep(&mut self, lines: Lines, step: usize, cursor: u64) -> Outcome<()> {
        let mut parts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (kind, line) in lines {
            let part = parts.entry(format!("{kind}.jsonl")).or_default();
            let mut whole = Map::new();
            whole.insert(kind.to_owned(), line);
            part.extend_from_slice(Value::Object(whole).to_string().as_bytes());
            part.push(b'\n');
            *self.note.lines.entry(kind.to_owned()).or_default() += 1;
        }
        for (name, bytes) in parts {
            let path = self.folder.join(&name);
            let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
                file.write_all(&bytes)?;
                file.sync_data()
            });
            written.map_err(|e| failed(&path, &e))?;
            *self.note.bytes.entry(name).or_default() += bytes.len() as u64;
        }
        (self.note.step, self.note.cursor) = (step, cursor);
        write_note(&self.folder, &self.note)?;
        (self.progress)("lines", self.note.lines.values().sum());
        Ok(())
    }

    fn leave(&mut self, what: &str) {
        *self.note.left.entry(what.to_owned()).or_default() += 1;
    }

    async fn get(&self, path: &str, behalf: Option<&str>) -> Outcome<Option<Value>> {
        get(&self.outgoing, &self.source, path, behalf).await
    }

    /// Answers to several requests, in their order; `None`: there is no such thing (any more).
    async fn all(&self, asks: Vec<(String, Option<String>)>) -> Outcome<Vec<Option<Value>>> {
        let mut running = JoinSet::new();
        let count = asks.len();
        for (index, (path, behalf)) in asks.into_iter().enumerate() {
            let (outgoing, source) = (self.outgoing.clone(), self.source.clone());
            running.spawn(async move { (index, get(&outgoing, &source, &path, behalf.as_deref()).await) });
        }
        let mut answers: Vec<Option<Value>> = std::iter::repeat_with(|| None).take(count).collect();
        while let Some(done) = running.join_next().await {
            let (index, answer) = done.map_err(|e| e.to_string())?;
            answers[index] = answer?;
        }
        Ok(answers)
    }

    /// All pages of a list.
    async fn pages(
        &mut self,
        path: &str,
        query: &[&str],
        line: fn(&Value) -> Option<(&'static str, Value)>,
    ) -> Outcome<()> {
        let step = self.note.step;
        let mut before = Vec::new();
        loop {
            let page = self.note.cursor + 1;
            let more = query.iter().map(|more| format!("&{more}")).collect::<String>();
            let answer = self.get(&format!("{path}?perPage={PAGE}&page={page}{more}"), None).await?;
            let items = items(answer.as_ref());
            advances(path, &before, &items)?;
            let lines = items.iter().filter_map(line).collect();
            self.keep(lines, step, page)?;
            if items.len() < PAGE {
                return Ok(());
            }
            before = items;
        }
    }

    /// What stands in a part already: one field of each line.
    fn known(&self, kind: &str, field: &str) -> Outcome<Vec<String>> {
        let path = self.folder.join(format!("{kind}.jsonl"));
        let Ok(file) = fs::File::open(&path) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|e| failed(&path, &e))?;
            let value: Value = serde_json::from_str(&line).map_err(|e| format!("{}: {e}", path.display()))?;
            found.extend(value[kind][field].as_str().map(str::to_owned));
        }
        Ok(found)
    }

    /// Asks for a list about each user, a few at a time.
    async fn of_users(
        &mut self,
        ask: impl Fn(&str) -> (String, Option<String>),
        line: fn(&str, &Value) -> Option<(&'static str, Value)>,
    ) -> Outcome<()> {
        let step = self.note.step;
        let uids = self.known("user", "uid")?;
        loop {
            let from = self.note.cursor as usize;
            let some: Vec<String> = uids.iter().skip(from).take(AT_ONCE).cloned().collect();
            if some.is_empty() {
                return Ok(());
            }
            let found = self.lists(&some, &ask).await?;
            let mut lines = Lines::new();
            for (uid, items) in some.iter().zip(found) {
                lines.extend(items.iter().filter_map(|item| line(uid, item)));
            }
            self.keep(lines, step, (from + some.len()) as u64)?;
        }
    }

    /// Whole lists, one for each name.
    async fn lists(
        &self,
        names: &[String],
        ask: impl Fn(&str) -> (String, Option<String>),
    ) -> Outcome<Vec<Vec<Value>>> {
        let mut found: Vec<Vec<Value>> = vec![Vec::new(); names.len()];
        let mut open: Vec<usize> = (0..names.len()).collect();
        for page in 1.. {
            if open.is_empty() {
                break;
            }
            if page > MOST_PAGES {
                return Err(endless(&ask(&names[open[0]]).0));
            }
            let asks = open.iter().map(|index| {
                let (path, behalf) = ask(&names[*index]);
                let sign = if path.contains('?') { '&' } else { '?' };
                (format!("{path}{sign}perPage={PAGE}&page={page}"), behalf)
            });
            let answers = self.all(asks.collect()).await?;
            let mut more = Vec::new();
            for (index, answer) in open.iter().zip(&answers) {
                let items = items(answer.as_ref());
                let before = found[*index].len().saturating_sub(PAGE);
                advances(&ask(&names[*index]).0, &found[*index][before..], &items)?;
                if items.len() == PAGE {
                    more.push(*index);
                }
                found[*index].extend(items);
            }
            open = more;
        }
        Ok(found)
    }

    async fn members(&mut self) -> Outcome<()> {
        let step = self.note.step;
        let guids = self.known("group", "guid")?;
        loop {
            let from = self.note.cursor as usize;
            let some: Vec<String> = guids.iter().skip(from).take(AT_ONCE / 2).cloned().collect();
            if some.is_empty() {
                return Ok(());
            }
            let members = self.lists(&some, |guid| (format!("/groups/{guid}/members"), None)).await?;
            let banned = self.lists(&some, |guid| (format!("/groups/{guid}/bannedusers"), None)).await?;
            let mut lines = Lines::new();
            for (guid, (members, banned)) in some.iter().zip(members.iter().zip(&banned)) {
                lines.extend(members.iter().map(|one| member(guid, one, false)));
                lines.extend(banned.iter().map(|one| member(guid, one, true)));
            }
            self.keep(lines, step, (from + some.len()) as u64)?;
        }
    }

    async fn calls(&mut self) -> Outcome<()> {
        // Not every app has them.
        match self.get(&format!("/calls?perPage={PAGE}&page=1"), None).await {
            Ok(Some(_)) => self.pages("/calls", &[], call).await,
            Ok(None) => Ok(()),
            Err(why) => {
                self.leave(&format!("list of calls ({why})"));
                Ok(())
            }
        }
    }

    async fn messages(&mut self) -> Outcome<()> {
        let step = self.note.step;
        let calls: BTreeSet<String> = self.known("call", "sessionId")?.into_iter().collect();
        if self.note.cursor == 0 {
            self.note.cursor = self.note.since;
        }
        loop {
            let from = self.note.cursor;
            let path = format!("/messages?limit={PAGE}&affix=append&id={from}&withTags=true");
            let mut page = items(self.get(&path, None).await?.as_ref());
            page.retain(|message| number(&message["id"]) > from);
            page.sort_by_key(|message| number(&message["id"]));
            let Some(last) = page.last().map(|message| number(&message["id"])) else { return Ok(()) };
            let mut reacted: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
            let has = |message: &&Value| message["data"]["reactions"].as_array().is_some_and(|list| !list.is_empty());
            let ids: Vec<u64> = page.iter().filter(has).map(|message| number(&message["id"])).collect();
            for id in ids {
                reacted.insert(id, self.reactions(id).await?);
            }
            let mut lines = Lines::new();
            for one in page {
                let id = number(&one["id"]);
                match message(&one, reacted.remove(&id).unwrap_or_default(), &calls) {
                    Ok(mut line) => {
                        if self.source.media {
                            self.files(&mut line, &mut lines).await?;
                        }
                        lines.push(("message", line));
                    }
                    Err(why) => self.leave(why),
                }
            }
            self.keep(lines, step, last)?;
        }
    }

    /// Everybody's reactions to a message.
    async fn reactions(&self, id: u64) -> Outcome<Vec<Value>> {
        let (mut found, mut from) = (Vec::new(), 0);
        loop {
            let path = format!("/messages/{id}/reactions?limit={PAGE}&affix=append&id={from}");
            let page = items(self.get(&path, None).await?.as_ref());
            let newest = page.iter().map(|reaction| number(&reaction["id"])).max().unwrap_or(0);
            let full = page.len() >= PAGE;
            found.extend(page.iter().map(
                |one| json!({ "uid": text(one, "uid"), "reaction": one["reaction"], "reactedAt": one["reactedAt"] }),
            ));
            if !full || newest <= from {
                return Ok(found);
            }
            if found.len() > MOST_PAGES * PAGE {
                return Err(endless(&format!("/messages/{id}/reactions")));
            }
            from = newest;
        }
    }

    /// Fetches the files of a message, and puts where they lie in place of their addresses.
    async fn files(&mut self, message: &mut Value, lines: &mut Lines) -> Outcome<()> {
        let owner = message["sender"].as_str().filter(|uid| *uid != "app_system").map(str::to_owned);
        let sent_at = message["sentAt"].clone();
        let mut placed: BTreeMap<String, String> = BTreeMap::new();
        let attachments = message["data"]["attachments"].as_array().cloned().unwrap_or_default();
        let mut wanted: Vec<Value> = attachments;
        if let Some(url) = message["data"]["url"].as_str() {
            wanted.push(json!({ "url": url }));
        }
        for one in wanted {
            let Some(url) = one["url"].as_str().filter(|url| url.starts_with("http")) else { continue };
            if placed.contains_key(url) {
                continue;
            }
            let title = one["name"].as_str().unwrap_or_default();
            let name = file_name(url, one["extension"].as_str().or(title.rsplit_once('.').map(|(_, end)| end)));
            match self.file(url, &name).await? {
                Ok(size) => {
                    let title = if title.is_empty() { "file" } else { title };
                    let kind = one["mimeType"].as_str().unwrap_or("application/octet-stream");
                    let mut file =
                        json!({ "name": name, "title": title, "mimeType": kind, "size": size, "createdAt": sent_at });
                    if let Some(owner) = &owner {
                        file["owner"] = json!(owner);
                    }
                    lines.push(("file", file));
                    placed.insert(url.to_owned(), format!("\u{FDD0}/media/{name}"));
                }
                Err(why) => self.leave(&format!("file ({why}); its message keeps the old address")),
            }
        }
        if !placed.is_empty() {
            // Wherever it stands: small versions of a picture have its address with something behind it.
            let text = placed.iter().fold(message["data"].to_string(), |text, (url, place)| text.replace(url, place));
            message["data"] = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Fetches one file, unless it is there; its size, or why it is not to be had.
    async fn file(&self, url: &str, name: &str) -> Outcome<Result<u64, String>> {
        let folder = self.folder.join("media").join(folder_of(name));
        let path = folder.join(name);
        if let Ok(known) = fs::metadata(&path) {
            return Ok(Ok(known.len()));
        }
        // A message may name any address; only the server that was named here may be anywhere.
        let reach = Reach::around(&self.source.url);
        let request =
            Request { bytes: MOST_FILE, time: Duration::from_secs(600), redirects: 5, ..Request::get(url, reach) };
        let answer = match send(&self.outgoing, request).await {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        if answer.status != 200 || answer.is_cut {
            return Ok(Err(match answer.is_cut {
                true => format!("larger than {MOST_FILE} bytes"),
                false => format!("status {}", answer.status),
            }));
        }
        private_folder(&folder)?;
        durable::put(&path, &answer.body, 0o600).map_err(|e| failed(&path, &e))?;
        Ok(Ok(answer.body.len() as u64))
    }

    /// How far everybody has read each of their conversations.
    async fn marks(&mut self) -> Outcome<()> {
        let path = "/conversations?withTags=true&includeBlockedUsers=true";
        self.of_users(|uid| (path.to_owned(), Some(uid.to_owned())), mark).await
    }
}
