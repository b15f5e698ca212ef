//! Taking over an app from its lines (`model::transfer`), a batch in each write.
//!
//! Each line stands or falls alone, and nothing is announced: it is not new. What is there already is left as it is, so a
//! transfer may be stopped anywhere and done again. Messages go the way of the data import (`imports`); what that does not
//! know is put beside them in the same write.

mod message;

use std::collections::HashSet;
use std::sync::Arc;

use super::erasures::digest_of;
use super::imports::{self, GroupMarks};
use super::{moderation, webhooks};
use crate::model::attachment::is_name;
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Move;
use crate::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, RoleId, Uid, unknown_guid, unknown_uid};
use crate::model::import;
use crate::model::limits::Limits;
use crate::model::moderation::ask::Place;
use crate::model::moderation::list::Draft;
use crate::model::moderation::rule::Category;
use crate::model::patch::Patch;
use crate::model::permission::Scope;
use crate::model::transfer::{self as lines, Between, EVERYBODY, FORM, Head, Line};
use crate::model::trigger::Trigger;
use crate::model::user::{Profile, User, UserDraft, check_name};
use crate::model::webhook::Webhook;
use crate::store::conversations::{self, Conv};
use crate::store::imports as rows;
use crate::store::moderation::imports as verdicts;
use crate::store::receipts::{self, Kind};
use crate::store::{Read, Write, audit, bans, blocks, groups, members, users, webhooks as hooks};

/// Where lines go to.
#[derive(Clone, Debug)]
pub struct Into {
    pub app: App,
    /// imports.id
    import: i64,
    /// The lines are an export of Hobnob: what they do not tell is not.
    told: bool,
    /// Who was anonymised or erased here since it was first begun, as the audit log calls them: they are not brought back.
    erased: Arc<HashSet<String>>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    New,
    /// It was there.
    There,
}

/// What checks of the data import do not look at here: whoever runs the server takes over what was said elsewhere.
fn limits() -> Limits {
    let most = usize::MAX / 4;
    Limits {
        name: most,
        url: most,
        description: most,
        metadata: most,
        tags: most,
        tag: most,
        text: most,
        data: most,
        mentions: most,
        ..Limits::default()
    }
}

/// Begins to take over the app of this head into the app with this id, or goes on.
pub fn begin(tx: &mut Write<'_>, app_id: &str, head: &Head) -> Result<Into> {
    if head.form != FORM {
        let sentence = format!("This export is of form {}, and this version of Hobnob reads {FORM}.", head.form);
        return Err(Error::new(Code::BadRequest, sentence));
    }
    let app = super::apps::find(tx, app_id)?;
    // A message of an import is known by the import it came with, and these came with none.
    if head.hobnob.is_some() && head.app_id.eq_ignore_ascii_case(&app.app_id) {
        let sentence = "This is an export of that very app: all that was said would be in it twice. Take it over into another one.";
        return Err(Error::new(Code::BadRequest, sentence));
    }
    let import = rows::begin(tx, app.id, &head.app_id)?;
    let erased = audit::erased_since(tx, &app.app_id, rows::begun_at(tx, import)?)?;
    Ok(Into { app, import, told: head.hobnob.is_some(), erased: Arc::new(erased.into_iter().collect()) })
}

/// The app into which an import of this head's app was begun under this name and not finished.
pub fn unfinished(read: &Read<'_>, head: &Head, name: &str) -> Result<Option<String>> {
    rows::unfinished(read, &head.app_id, name.trim())
}

/// All of it is there.
pub fn finish(tx: &mut Write<'_>, into: &Into) -> Result<()> {
    rows::finish(tx, into.import)
}

/// Takes over lines in their order. With `stop` those after the first that is refused are left alone: fewer outcomes than
/// lines.
pub fn take(tx: &mut Write<'_>, into: &Into, batch: Vec<Line>, stop: bool) -> Result<Vec<Result<Was>>> {
    let mut marks = GroupMarks::default();
    let mut done = Vec::with_capacity(batch.len());
    for line in batch {
        let outcome = match into.is_of_erased(tx, &line)? {
            true => Ok(Was::There),
            false => tx.attempt(|tx| one(tx, into, line, &mut marks))?,
        };
        let refused = outcome.is_err();
        done.push(outcome);
        if refused && stop {
            break;
        }
    }
    marks.set(tx)?;
    Ok(done)
}

/// The name here of a file whose content is at hand, if it is still to come.
pub fn awaited(read: &Read<'_>, into: &Into, name: &str) -> Result<Option<String>> {
    match rows::file_of(read, into.import, name)? {
        Some(name) if rows::awaits_file(read, &name)? => Ok(Some(name)),
        _ => Ok(None),
    }
}

/// The file of this name (as it is called here) is whole and on disk.
pub fn arrived(tx: &mut Write<'_>, name: &str, size: i64) -> Result<()> {
    rows::file_arrived(tx, name, size)
}

fn was(new: bool) -> Result<Was> {
    Ok(if new { Was::New } else { Was::There })
}

fn one(tx: &mut Write<'_>, into: &Into, line: Line, marks: &mut GroupMarks) -> Result<Was> {
    let app = into.app.id;
    match line {
        Line::App(_) | Line::End(_) => Ok(Was::There),
        Line::Extension(line) => was(rows::put_extension(tx, app, &line)?),
        Line::Reason(line) => was(rows::put_reason(tx, app, &line)?),
        Line::Notifications(line) => was(rows::put_notifications(tx, app, line.settings.get())?),
        Line::List(line) => list(tx, &into.app, line),
        Line::Rule(line) => rule(tx, &into.app, line),
        Line::Webhook(line) => webhook(tx, app, line),
        Line::Role(line) => {
            RoleId::parse(&line.role)?;
            check_name("name", &line.name, &limits())?;
            was(rows::put_role(tx, app, &line)?)
        }
        Line::User(line) => user(tx, into, line),
        Line::Friend(line) => {
            let (a, b) = (into.user(tx, "uid", &line.uid)?, into.user(tx, "friend", &line.friend)?);
            if a.id == b.id {
                return Err(Error::field("friend", "Nobody is their own friend."));
            }
            was(rows::put_friends(tx, a.id, b.id, line.created_at.unwrap_or(tx.now()))?)
        }
        Line::Block(line) => {
            let (a, b) = (into.user(tx, "uid", &line.uid)?, into.user(tx, "blocked", &line.blocked)?);
            if a.id == b.id {
                return Err(Error::field("blocked", "Nobody blocks themselves."));
            }
            let new = tx.dated(line.created_at, |tx| blocks::insert(tx, a.id, b.id))?;
            was(new)
        }
        Line::Group(line) => group(tx, into, line),
        Line::Member(line) => member(tx, into, line),
        Line::File(line) => {
            if !is_name(&line.name) {
                return Err(Error::field("name", "The name of a file must be 32 hexadecimal digits and an extension."));
            }
            let owner = match &line.owner {
                Some(uid) => into.user(tx, "owner", uid)?.id,
                None => 0,
            };
            was(rows::promise_file(tx, into.import, app, owner, &line)?.is_some())
        }
        Line::Sticker(line) => {
            let unknown = || Error::field("file", "There is no such file in this export.");
            let file = rows::file_of(tx, into.import, &line.file)?.ok_or_else(unknown)?;
            was(rows::put_sticker(tx, app, &line, &file)?)
        }
        Line::Call(line) => call(tx, into, &line),
        Line::Message(line) => message::take(tx, into, *line, marks),
        Line::Conversation(line) => {
            let conv = into.conversation(tx, &line.between, Some(line.created_at))?;
            was(rows::set_conversation(tx, conv.id, &line)?)
        }
        Line::Mark(line) => {
            let conv = into.conversation(tx, &line.between, line.created_at)?;
            let user = into.user(tx, "uid", &line.uid)?;
            let upto = |source: Option<i64>| match source {
                Some(source) => rows::upto(tx, into.import, conv.id, source),
                None => Ok(None),
            };
            let points = rows::Points {
                delivered: upto(line.delivered_id)?.map(|(id, _)| id),
                read: upto(line.read_id)?,
                hidden: upto(line.hidden_id)?.map(|(id, _)| id),
                since: upto(line.since_id)?.map(|(id, _)| id),
            };
            was(rows::set_mark(tx, &conv, user.id, &points, &line)?)
        }
        Line::Receipt(line) => {
            let kind = match line.kind.as_str() {
                "delivered" => Kind::Delivered,
                "read" => Kind::Read,
                _ => return Err(Error::field("kind", "The kind of a receipt is delivered or read.")),
            };
            let conv = into.conversation(tx, &line.between, Some(line.at))?;
            let user = match line.uid.as_str() {
                EVERYBODY => receipts::ALL,
                uid => into.user(tx, "uid", uid)?.id,
            };
            let Some((upto, _)) = rows::upto(tx, into.import, conv.id, line.upto)? else { return Ok(Was::There) };
            was(tx.dated(Some(line.at), |tx| receipts::insert(tx, conv.id, user, kind, upto))?)
        }
        Line::Pin(line) => match &line.peer {
            Some(peer) => {
                let peer = into.user(tx, "peer", peer)?.id;
                was(rows::put_pin(tx, app, None, Some(peer), &line)?)
            }
            None => {
                let conv = into.conversation(tx, &line.between, Some(line.pinned_at))?;
                was(rows::put_pin(tx, app, Some(conv.id), None, &line)?)
            }
        },
        Line::Reminder(line) => {
            let user = into.user(tx, "uid", &line.uid)?.id;
            let message = line.message_id.map(|id| rows::message_of(tx, into.import, id)).transpose()?.flatten();
            was(rows::put_reminder(tx, app, user, message, &line)?)
        }
    }
}

impl Into {
    /// The user of this uid, whatever became of them.
    /// Whether it is about somebody who was erased here since, and is not there again.
    fn is_of_erased(&self, read: &Read<'_>, line: &Line) -> Result<bool> {
        if self.erased.is_empty() {
            return Ok(false);
        }
        for uid in line.people().into_iter().filter_map(|uid| Uid::parse(uid).ok()) {
            let is_erased = self.erased.contains(&digest_of(&self.app.app_id, uid.as_str()));
            if is_erased && users::ever(read, self.app.id, &uid)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn user(&self, read: &Read<'_>, field: &str, uid: &str) -> Result<User> {
        let parsed = Uid::parse(uid).map_err(|error| Error::field(field, error.plain()))?;
        users::ever(read, self.app.id, &parsed)?.ok_or_else(|| unknown_uid(uid))
    }

    fn conversation(&self, tx: &mut Write<'_>, between: &Between, at: Option<i64>) -> Result<Conv> {
        match (&between.users, &between.guid) {
            (Some((one, other)), None) => {
                let (one, other) = (self.user(tx, "users", one)?, self.user(tx, "users", other)?);
                tx.dated(at, |tx| conversations::of_pair(tx, &self.app, &one, &other))
            }
            (None, Some(guid)) => {
                let guid = Guid::parse(guid).map_err(|_| unknown_guid(guid))?;
                conversations::by_id(tx, groups::by_guid(tx, self.app.id, &guid)?.conv)
            }
            _ => Err(Error::field("users", "A conversation is named by two users or by the guid of a group.")),
        }
    }

    /// Puts addresses of files into the form they have in this app.
    fn place(&self, read: &Read<'_>, text: &str) -> Result<Option<String>> {
        const START: &str = "\u{FDD0}/media/";
        if !text.contains(START) {
            return Ok(None);
        }
        let mut placed = String::with_capacity(text.len() + 64);
        let mut parts = text.split(START);
        placed.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let here = rows::file_of(read, self.import, name)?;
            placed.push_str(&crate::model::attachment::stored_path(&self.app.app_id, here.as_deref().unwrap_or(name)));
            placed.push_str(rest);
        }
        Ok(Some(placed))
    }

    fn placed(&self, read: &Read<'_>, text: Option<String>) -> Result<Patch<String>> {
        Ok(match text {
            None => Patch::Keep,
            Some(text) => Patch::Set(self.place(read, &text)?.unwrap_or(text)),
        })
    }
}

fn patch<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

fn user(tx: &mut Write<'_>, into: &Into, mut line: lines::User) -> Result<Was> {
    let uid = Uid::parse(&line.uid)?;
    if users::ever(tx, into.app.id, &uid)?.is_some() {
        return Ok(Was::There);
    }
    let role = line.role.take().filter(|role| role != "default" && !role.is_empty());
    let draft = UserDraft {
        uid,
        name: check_name("name", &line.name, &limits())?,
        role: role.map(|role| RoleId::parse(&role)).transpose()?,
        profile: Profile {
            avatar: into.placed(tx, line.avatar.take())?,
            link: patch(line.link.take()),
            status_message: patch(line.status_message.take()),
            metadata: patch(line.metadata.take()),
            tags: patch(line.tags.take()),
        },
    };
    let row = import::User {
        draft,
        created_at: line.created_at,
        last_active_at: line.last_active_at,
        deactivated_at: line.deactivated_at,
    };
    let made = imports::user(tx, &into.app, row)?;
    rows::set_user(tx, made.id, &line)?;
    Ok(Was::New)
}

fn group(tx: &mut Write<'_>, into: &Into, mut line: lines::Group) -> Result<Was> {
    let guid = Guid::parse(&line.guid)?;
    match groups::by_guid(tx, into.app.id, &guid) {
        Ok(_) => return Ok(Was::There),
        Err(error) if error.code == Code::GuidNotFound => {}
        Err(error) => return Err(error),
    }
    let kind = GroupType::parse(&line.kind)
        .ok_or_else(|| Error::field("type", "The type must be public, password or private."))?;
    let password_hash = match (kind, line.password_hash.take()) {
        (GroupType::Password, Some(hash)) if hash.starts_with("$argon2id$") => Some(hash),
        (GroupType::Password, Some(_)) => {
            return Err(Error::field("passwordHash", "The passwordHash must be argon2id in PHC form."));
        }
        // Nobody gets in by a password until an admin sets one.
        (GroupType::Password, None) => Some(String::new()),
        _ => None,
    };
    let owner = match &line.owner {
        Some(uid) => into.user(tx, "owner", uid)?.id,
        None => into.app.system_user,
    };
    let draft = GroupDraft {
        guid,
        name: check_name("name", &line.name, &limits())?,
        kind,
        password_hash,
        owner: None,
        profile: GroupProfile {
            icon: into.placed(tx, line.icon.take())?,
            description: patch(line.description.take()),
            metadata: patch(line.metadata.take()),
            tags: patch(line.tags.take()),
        },
        members: MemberLists::default(),
    };
    let made = tx.dated(line.created_at, |tx| groups::insert(tx, &into.app, &draft, owner))?;
    rows::set_group(tx, made.id, &line)?;
    Ok(Was::New)
}

fn member(tx: &mut Write<'_>, into: &Into, line: lines::Member) -> Result<Was> {
    let guid = Guid::parse(&line.guid)?;
    let group = groups::by_guid(tx, into.app.id, &guid)?;
    let user = into.user(tx, "uid", &line.uid)?;
    let scope = match &line.scope {
        Some(scope) => Some(
            Scope::parse(scope)
                .ok_or_else(|| Error::field("scope", "The scope must be admin, moderator or participant."))?,
        ),
        None => None,
    };
    let there = members::find(tx, group.id, user.id)?.is_some() || bans::is(tx, group.id, user.id)?;
    if there {
        return Ok(Was::There);
    }
    tx.dated(line.joined_at, |tx| match line.is_banned {
        true => bans::insert(tx, group.id, user.id, scope),
        false => members::insert(tx, group.id, group.conv, user.id, scope.unwrap_or(Scope::Participant)),
    })?;
    if !line.is_banned {
        tx.shift(Move::Join { group: group.id, user: user.id });
    }
    Ok(Was::New)
}

fn call(tx: &mut Write<'_>, into: &Into, line: &lines::Call) -> Result<Was> {
    let initiator = into.user(tx, "initiator", &line.initiator)?;
    let callee = line.callee.as_ref().map(|uid| into.user(tx, "callee", uid)).transpose()?;
    let between = match (&callee, &line.guid) {
        (_, Some(guid)) => Between { users: None, guid: Some(guid.clone()) },
        (Some(callee), None) => Between { users: Some((initiator.uid.clone(), callee.uid.clone())), guid: None },
        (None, None) => return Err(Error::field("callee", "A call is with a callee or in a group.")),
    };
    let conv = into.conversation(tx, &between, Some(line.initiated_at))?;
    let sides = (initiator.id, callee.as_ref().map(|callee| callee.id));
    let Some(call) = rows::put_call(tx, (into.app.id, conv.id), sides, line)? else { return Ok(Was::There) };
    for one in &line.participants {
        let user = into.user(tx, "participants", &one.uid)?;
        rows::put_participant(tx, call, user.id, one)?;
    }
    Ok(Was::New)
}

fn list(tx: &mut Write<'_>, app: &App, line: lines::List) -> Result<Was> {
    let unknown = || Error::field("category", "The category must be word, pattern or custom-api.");
    let category = Category::parse(&line.category).ok_or_else(unknown)?;
    let username = line.username.unwrap_or_default();
    // Without its password, which stays behind.
    let place = line.url.map(|url| Place { url, basic_auth: false, username, password: String::new() });
    let draft = Draft {
        id: line.id,
        name: line.name,
        description: line.description,
        category,
        is_csv: line.is_csv,
        terms: line.terms,
        place,
    };
    draft.check(true)?;
    let new = verdicts::put_list(tx, app.id, &draft, line.revision, (line.created_at, line.updated_at))?;
    // A rule of this app may name it already.
    moderation::rules::try_out(tx, app)?;
    was(new)
}

fn rule(tx: &mut Write<'_>, app: &App, mut line: lines::Rule) -> Result<Was> {
    line.rule.check()?;
    // Nothing is told to an engine until somebody here says so, and gives its password.
    line.rule.enabled &= line.rule.conditions.iter().all(|condition| condition.category != Category::CustomApi);
    moderation::rules::check_lists(tx, app, &line.rule)?;
    let new = verdicts::put_rule(tx, app.id, &line.rule, line.revision, (line.created_at, line.updated_at))?;
    moderation::rules::try_out(tx, app)?;
    was(new)
}

/// It comes in switched off, with a secret of its own and without a password: the app it was of may tell it still.
fn webhook(tx: &mut Write<'_>, app: i64, line: lines::Webhook) -> Result<Was> {
    let hook = Webhook {
        id: line.id,
        name: line.name,
        url: line.url,
        basic_auth: false,
        username: line.username.unwrap_or_default(),
        password: String::new(),
        enabled: false,
        retries: line.retries,
    };
    // Whether it may be reached without TLS is looked at when it is switched on.
    hook.check(true)?;
    let triggers = line.triggers.iter().map(|name| Trigger::parse(name)).collect::<Result<Vec<_>>>()?;
    let secret = webhooks::secret(tx);
    was(hooks::take(tx, app, &hook, &secret, &triggers, (line.created_at, line.updated_at))?)
}
