//! Data import: rows keyed by the id of what they hold, each with a result of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::lenient::{self, Wrong};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data};
use crate::actions::Outcomes;
use crate::actions::imports::{self as act, Row};
use crate::actions::members::Changed as Membership;
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::group::{Group, GroupDraft, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, RoleId, Uid, shown};
use crate::model::import;
use crate::model::json::{self, Raw};
use crate::model::limits::Limits;
use crate::model::message::{Content, Message, Receiver};
use crate::model::patch::Patch;
use crate::model::permission::Scope;
use crate::model::time::seconds;
use crate::model::user::{Profile, User, UserDraft, check_length, check_metadata, check_name, check_tags, patch_url};
use crate::store::{Write, groups as group_rows};

/// A time in Unix seconds (or milliseconds), as a number or as digits in a text.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let at = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let at = at.filter(|at| *at > 0).map(seconds);
    at.map(Some).ok_or_else(|| D::Error::custom("not a Unix time"))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRow {
    uid: Option<String>,
    name: Option<String>,
    avatar: Option<String>,
    link: Option<String>,
    role: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Raw>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    last_active_at: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    deactivated_at: Option<i64>,
}

fn required(field: &str, value: Option<String>) -> Result<String> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Error::field(field, format!("The {field} field is required.")))
}

fn optional<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

fn metadata(raw: Option<Raw>, limits: &Limits) -> Result<Patch<Raw>> {
    optional(raw.filter(|raw| raw.get() != "null")).try_map(|raw| check_metadata(raw, limits.metadata))
}

impl UserRow {
    pub(super) fn parse(self, limits: &Limits) -> Result<import::User> {
        let role = self.role.filter(|role| !role.is_empty());
        Ok(import::User {
            draft: UserDraft {
                uid: Uid::parse(&required("uid", self.uid)?)?,
                name: check_name("name", &self.name.unwrap_or_default(), limits)?,
                role: role.map(|role| RoleId::parse(&role)).transpose()?,
                profile: Profile {
                    avatar: patch_url("avatar", optional(self.avatar), limits)?,
                    link: patch_url("link", optional(self.link), limits)?,
                    status_message: Patch::Keep,
                    metadata: metadata(self.metadata, limits)?,
                    tags: optional(self.tags).try_map(|tags| check_tags(tags, limits))?,
                },
            },
            created_at: self.created_at,
            last_active_at: self.last_active_at,
            deactivated_at: self.deactivated_at,
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupRow {
    guid: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    icon: Option<String>,
    description: Option<String>,
    password: Option<String>,
    owner: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Raw>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<i64>,
    group_owner_details: Option<UserRow>,
}

impl GroupRow {
    fn parse(self, limits: &Limits) -> Result<import::Group> {
        let kind = GroupType::parse(&required("type", self.kind)?)
            .ok_or_else(|| Error::field("type", "The type must be public, password or private."))?;
        let password = self.password.filter(|password| kind == GroupType::Password && !password.is_empty());
        match &password {
            Some(password) => check_length("password", password, limits.password)?,
            None if kind == GroupType::Password => return Err(Code::EmptyGroupPass.into()),
            None => {}
        }
        let owner = self.owner.filter(|owner| !owner.is_empty());
        Ok(import::Group {
            draft: GroupDraft {
                guid: Guid::parse(&required("guid", self.guid)?)?,
                name: check_name("name", &self.name.unwrap_or_default(), limits)?,
                kind,
                password_hash: None,
                owner: owner.map(|owner| Uid::parse(&owner)).transpose()?,
                profile: GroupProfile {
                    icon: patch_url("icon", optional(self.icon), limits)?,
                    description: optional(self.description)
                        .try_map(|text| check_length("description", &text, limits.description).map(|()| text))?,
                    metadata: metadata(self.metadata, limits)?,
                    tags: optional(self.tags).try_map(|tags| check_tags(tags, limits))?,
                },
                members: MemberLists::default(),
            },
            password,
            created_at: self.created_at,
            owner: self.group_owner_details.map(|owner| owner.parse(limits)).transpose()?,
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MemberRow {
    member_id: Option<String>,
    guid: Option<String>,
    uid: Option<String>,
    scope: Option<String>,
    is_banned: Option<bool>,
    #[serde(default, deserialize_with = "time")]
    joined_at: Option<i64>,
    group_details: Option<GroupRow>,
    user_details: Option<UserRow>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageRow {
    muid: Option<String>,
    sender: Option<String>,
    receiver_type: Option<String>,
    receiver: Option<String>,
    category: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "time")]
    sent_at: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    delivered_at: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    read_at: Option<i64>,
    sender_user_details: Option<UserRow>,
    receiver_user_details: Option<UserRow>,
    receiver_group_details: Option<GroupRow>,
    receiver_group_owner_details: Option<UserRow>,
    #[serde(default, deserialize_with = "json::map")]
    mentioned_user_details: Option<BTreeMap<String, UserRow>>,
}

type Act<T> = fn(&mut Write<'_>, &App, Vec<Row<T>>, &Limits) -> Result<Outcomes>;

/// What can stand in a row, and how it is taken over.
trait Import: Sized + Send + 'static {
    type Body: DeserializeOwned;
    /// The property of the body that holds the rows.
    const FIELD: &'static str;
    /// The code of a row that is none.
    const CODE: Code;
    /// The name of the write.
    const NAME: &'static str;
    const ACT: Act<Self>;

    fn parse(body: Self::Body, limits: &Limits) -> Result<Self>;
    /// The id, as the key must have it.
    fn key(&self) -> String;
    /// The group that may be made on the way.
    fn group(&mut self) -> Option<&mut import::Group>;
}

impl Import for import::User {
    type Body = UserRow;
    const FIELD: &'static str = "users";
    const CODE: Code = Code::ImportUser;
    const NAME: &'static str = "imports.users";
    const ACT: Act<Self> = act::users;

    fn parse(body: UserRow, limits: &Limits) -> Result<Self> {
        body.parse(limits)
    }

    fn key(&self) -> String {
        self.draft.uid.to_string()
    }

    fn group(&mut self) -> Option<&mut import::Group> {
        None
    }
}

impl Import for import::Group {
    type Body = GroupRow;
    const FIELD: &'static str = "groups";
    const CODE: Code = Code::ImportGroup;
    const NAME: &'static str = "imports.groups";
    const ACT: Act<Self> = act::groups;

    fn parse(body: GroupRow, limits: &Limits) -> Result<Self> {
        body.parse(limits)
    }

    fn key(&self) -> String {
        self.draft.guid.to_string()
    }

    fn group(&mut self) -> Option<&mut import::Group> {
        Some(self)
    }
}

impl Import for import::Member {
    type Body = MemberRow;
    const FIELD: &'static str = "members";
    const CODE: Code = Code::ImportMember;
    const NAME: &'static str = "imports.members";
    const ACT: Act<Self> = act::members;

    fn parse(body: MemberRow, limits: &Limits) -> Result<Self> {
        let scope = body.scope.as_deref().map(|scope| {
            Scope::parse(scope)
                .ok_or_else(|| Error::field("scope", "The scope must be admin, moderator or participant."))
        });
        let member = import::Member {
            guid: Guid::parse(&required("guid", body.guid)?)?,
            uid: Uid::parse(&required("uid", body.uid)?)?,
            scope: scope.transpose()?.unwrap_or(Scope::Participant),
            banned: body.is_banned.unwrap_or(false),
            joined_at: body.joined_at,
            group: body.group_details.map(|group| group.parse(limits)).transpose()?,
            user: body.user_details.map(|user| user.parse(limits)).transpose()?,
        };
        if !required("memberId", body.member_id)?.eq_ignore_ascii_case(&member.key()) {
            return Err(Error::field("memberId", "The memberId must be the guid, _member_ and the uid."));
        }
        Ok(member)
    }

    fn key(&self) -> String {
        format!("{}_member_{}", self.guid, self.uid)
    }

    fn group(&mut self) -> Option<&mut import::Group> {
        self.group.as_mut()
    }
}

impl Import for import::Message {
    type Body = MessageRow;
    const FIELD: &'static str = "messages";
    const CODE: Code = Code::ImportMessage;
    const NAME: &'static str = "imports.messages";
    const ACT: Act<Self> = act::messages;

    fn parse(body: MessageRow, limits: &Limits) -> Result<Self> {
        let muid = required("muid", body.muid)?;
        check_length("muid", &muid, limits.muid)?;
        let content = match &body.data {
            None => json::Object::default(),
            Some(raw) => json::Object::parse(raw.get()).ok_or(Code::InvalidData)?,
        };
        let sent_at = body.sent_at.ok_or_else(|| Error::field("sentAt", "The sentAt field is required."))?;
        let people = [body.sender_user_details, body.receiver_user_details, body.receiver_group_owner_details];
        let named = body.mentioned_user_details.unwrap_or_default().into_values();
        let people = people.into_iter().flatten().chain(named);
        Ok(import::Message {
            muid: Some(muid),
            sender: Uid::parse(&required("sender", body.sender)?)?,
            receiver: Receiver::parse(body.receiver_type.as_deref(), body.receiver.as_deref())?,
            content: Content::parse(body.category.as_deref(), body.kind.as_deref(), content, limits)?,
            tags: body.tags.map(|tags| check_tags(tags, limits)).transpose()?,
            sent_at,
            delivered_at: body.delivered_at,
            read_at: body.read_at,
            users: people.map(|user| user.parse(limits)).collect::<Result<_>>()?,
            group: body.receiver_group_details.map(|group| group.parse(limits)).transpose()?,
            past: None,
        })
    }

    fn key(&self) -> String {
        self.muid.clone().unwrap_or_default()
    }

    fn group(&mut self) -> Option<&mut import::Group> {
        self.group.as_mut()
    }
}

/// One row; what is wrong with it is its own result.
fn row<T: Import>(key: &str, raw: &RawValue, limits: &Limits) -> Result<T> {
    if !json::is_object(raw) {
        return Err(T::CODE.into());
    }
    let body = lenient::read(raw.get().as_bytes()).map_err(|Wrong { path, error }| {
        let told = if path.is_empty() { error.to_string() } else { format!("{path}: {error}") };
        Error::new(T::CODE, format!("{}: {}.", shown(key), shown(&told)))
    })?;
    // A field that is not as it should be makes the row malformed; other refusals keep their own code.
    let parsed = T::parse(body, limits).map_err(|error| match error.code {
        Code::BadRequest => error.under(T::CODE),
        _ => error,
    })?;
    if !parsed.key().eq_ignore_ascii_case(key) {
        return Err(Error::new(T::CODE, format!("The key {} is not the id inside.", shown(key))));
    }
    Ok(parsed)
}

async fn import<T: Import>(access: Access<FullKey>) -> Result<Reply> {
    let limits = access.limits().clone();
    let given = access.json::<HashMap<String, Raw>>()?.remove(T::FIELD);
    let given = given.ok_or_else(|| Error::field(T::FIELD, format!("The {} field is required.", T::FIELD)))?;
    let given = json::Object::parse(given.get())
        .ok_or_else(|| Error::new(T::CODE, format!("The {} must be an object keyed by id.", T::FIELD)))?;
    let most = limits.import_rows;
    if given.0.len() > most {
        let sentence = format!("The number of {} has reached the allowed limit of {most}.", T::FIELD);
        return Err(Error::field(T::FIELD, sentence).with_params(serde_json::json!({ "limit": most })));
    }
    let parse = |(key, raw): (String, Raw)| {
        let parsed = row(&key, &raw, &limits);
        (key, parsed)
    };
    let mut rows: Vec<Row<T>> = given.0.into_iter().map(parse).collect();
    hash_passwords(&access, &mut rows).await?;
    let app = access.app().clone();
    let outcomes = access.store().write(T::NAME, move |tx| T::ACT(tx, &app, rows, &limits)).await?;
    Ok(data(&outcomes))
}

/// Passwords of the groups that will be made; those that are there already keep theirs. The first row that names a group
/// makes it.
async fn hash_passwords<T: Import>(access: &Access<FullKey>, rows: &mut [Row<T>]) -> Result<()> {
    let with_password = |(_, row): &mut Row<T>| {
        let group = row.as_mut().ok()?.group()?;
        group.password.is_some().then(|| group.draft.guid.clone())
    };
    let guids: Vec<Guid> = rows.iter_mut().filter_map(with_password).collect();
    if guids.is_empty() {
        return Ok(());
    }
    let app = access.app().id;
    let there: HashSet<String> = access
        .store()
        .read(move |read| {
            let there = guids.iter().filter(|guid| group_rows::by_guid(read, app, guid).is_ok());
            Ok(there.map(Guid::to_string).collect())
        })
        .await?;
    let mut hashed: HashMap<String, String> = HashMap::new();
    for (_, row) in rows.iter_mut() {
        let Some(group) = row.as_mut().ok().and_then(Import::group) else { continue };
        let guid = group.draft.guid.to_string();
        let Some(password) = group.password.take().filter(|_| !there.contains(&guid)) else { continue };
        if !hashed.contains_key(&guid) {
            hashed.insert(guid.clone(), access.api().passwords.hash(password).await?);
        }
        group.draft.password_hash = hashed.get(&guid).cloned();
    }
    Ok(())
}

/// A group that is made if there is none of its guid.
pub(super) async fn ready_group(access: &Access<FullKey>, row: GroupRow) -> Result<import::Group> {
    let group = row.parse(access.limits())?;
    let mut rows = [(group.key(), Ok(group))];
    hash_passwords(access, &mut rows).await?;
    let [(_, group)] = rows;
    group
}

pub async fn users(access: Access<FullKey>) -> Result<Reply> {
    import::<import::User>(access).await
}

pub async fn groups(access: Access<FullKey>) -> Result<Reply> {
    import::<import::Group>(access).await
}

pub async fn members(access: Access<FullKey>) -> Result<Reply> {
    import::<import::Member>(access).await
}

pub async fn messages(access: Access<FullKey>) -> Result<Reply> {
    import::<import::Message>(access).await
}

/// The bodies as the description shows them.
#[allow(dead_code)]
mod bodies {
    use super::{BTreeMap, GroupRow, MemberRow, MessageRow, ToSchema, UserRow};

    #[derive(ToSchema)]
    pub struct Users {
        users: BTreeMap<String, UserRow>,
    }

    #[derive(ToSchema)]
    pub struct Groups {
        groups: BTreeMap<String, GroupRow>,
    }

    #[derive(ToSchema)]
    pub struct Members {
        members: BTreeMap<String, MemberRow>,
    }

    #[derive(ToSchema)]
    pub struct Messages {
        messages: BTreeMap<String, MessageRow>,
    }
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<User>("import-users", Shape::Results).reply::<Group>("import-groups", Shape::Results);
    doc.reply::<Membership>("import-members", Shape::Results).reply::<Message>("import-messages", Shape::Results);
    doc.body::<bodies::Users>("import-users").body::<bodies::Groups>("import-groups");
    doc.body::<bodies::Members>("import-members").body::<bodies::Messages>("import-messages");
}
