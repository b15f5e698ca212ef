//! Users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Access, AnyKey, Demand, Either, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data, page_with_cursor};
use crate::actions;
use crate::actions::erasures;
use crate::model::caller::App;
use crate::model::erasure::Kind;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{RoleId, SYSTEM_UID, Uid};
use crate::model::json::Raw;
use crate::model::limits::Limits;
use crate::model::patch::Patch;
use crate::model::policy::narrow;
use crate::model::user::{
    Profile, User, UserDraft, UserPatch, check_length, check_metadata, check_name, check_tags, patch_url,
};
use crate::store::erasures::Counts;
use crate::store::users::{Deactivated, Filter};
use crate::store::{Write, friends, tokens::Device, users};

// Read from the same body as the required fields, not flattened into them: raw JSON cannot be read through serde's
// `flatten`. What stands below goes into the API description.
/// The optional fields of a user.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileBody {
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    avatar: Patch<String>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    link: Patch<String>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    status_message: Patch<String>,
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    metadata: Patch<Raw>,
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(default)]
    tags: Patch<Vec<String>>,
    #[serde(default)]
    unset: Vec<String>,
}

impl ProfileBody {
    pub fn parse(self, limits: &Limits) -> Result<Profile> {
        let mut profile = Profile {
            avatar: patch_url("avatar", self.avatar, limits)?,
            link: patch_url("link", self.link, limits)?,
            status_message: self
                .status_message
                .try_map(|text| check_length("statusMessage", &text, limits.description).map(|()| text))?,
            metadata: self.metadata.try_map(|raw| check_metadata(raw, limits.metadata))?,
            tags: self.tags.try_map(|tags| check_tags(tags, limits))?,
        };
        for field in self.unset {
            match field.as_str() {
                "avatar" => profile.avatar = Patch::Clear,
                "link" => profile.link = Patch::Clear,
                "metadata" => profile.metadata = Patch::Clear,
                _ => return Err(Error::field("unset", "Only avatar, link and metadata can be unset.")),
            }
        }
        Ok(profile)
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    uid: Option<String>,
    name: Option<String>,
    role: Option<String>,
    #[serde(default)]
    with_auth_token: bool,
}

fn role(text: Option<String>) -> Result<Option<RoleId>> {
    text.filter(|text| !text.is_empty()).map(|text| RoleId::parse(&text)).transpose()
}

pub async fn create(access: Access<AnyKey>) -> Result<Reply> {
    let body: CreateBody = access.json()?;
    let limits = access.limits().clone();
    let uid = Uid::parse(&body.uid.ok_or_else(|| Error::field("uid", "The uid field is required."))?)?;
    if uid.as_str() == SYSTEM_UID {
        return Err(Error::new(Code::UidExists, "The uid app_system already exists: it is the app's own."));
    }
    let draft = UserDraft {
        uid,
        name: check_name("name", &body.name.unwrap_or_default(), &limits)?,
        role: role(body.role)?,
        profile: access.json::<ProfileBody>()?.parse(&limits)?,
    };
    let app = access.app().clone();
    let with_token = body.with_auth_token;
    let mut user = access
        .store()
        .write("users.create", move |tx| {
            let mut user = actions::users::create(tx, &app, draft)?;
            if with_token {
                user.auth_token = Some(actions::tokens::issue(tx, &app.app_id, &user, &Device::default(), &limits)?);
            }
            Ok(user)
        })
        .await?;
    user.tags.get_or_insert_default();
    Ok(data(&user))
}

/// How many there are.
#[derive(Serialize, ToSchema)]
#[schema(as = UserCount)]
struct Count {
    count: i64,
}

pub async fn list(access: Access<Either>) -> Result<Reply> {
    let role = access.caller().role.clone();
    role.may_list_users()?;
    let ask = access.page()?;
    let query = access.query();
    let fields = query.list("searchIn");
    let field = |name: &str| fields.is_empty() || fields.iter().any(|field| field == name);
    let mut role_ids = query.list("roles");
    role_ids.extend(query.get("role").map(str::to_owned));
    let deactivated = match (query.flag("onlyDeactivated"), query.flag("withDeactivated")) {
        (true, _) => Deactivated::Only,
        (_, true) => Deactivated::With,
        _ => Deactivated::Without,
    };
    if deactivated != Deactivated::Without && access.caller().person {
        return Err(Error::new(Code::NoAccess, "Deactivated users are listed for the app alone."));
    }
    let filter = Filter {
        search: query.search("searchKey"),
        in_name: field("name"),
        in_uid: field("uid"),
        online: online(&query.list("status"))?,
        roles: narrow(role_ids.into_iter().map(|role| role.to_ascii_lowercase()).collect(), role.listed_roles()),
        tags: query.list("tags"),
        uids: query.list("uids").into_iter().map(|uid| uid.to_ascii_lowercase()).collect(),
        created: query.range("createdAt")?,
        updated: query.range("updatedAt")?,
        deactivated,
        viewer: access.caller().viewer(),
        friends_only: role.lists_friends_only() || (query.flag("friendsOnly") && access.caller().person),
        hide_blocked: query.flag("hideBlockedUsers") && access.caller().person,
        by_status: query.get("sortBy") == Some("status"),
        descending: query.get("sortOrder") == Some("desc"),
    };
    let with_tags = query.flag("withTags");
    let count = query.flag("count");
    let caller = access.caller().clone();
    let mut page = access
        .store()
        .read(move |read| {
            let viewer = caller.viewer().map(|viewer| users::by_id(read, viewer)).transpose()?;
            let mut page = users::list(read, caller.app.id, &filter, ask)?;
            if let Some(viewer) = viewer {
                page.items =
                    page.items.into_iter().map(|user| users::seen_by(read, user, &viewer)).collect::<Result<_>>()?;
            }
            Ok(page)
        })
        .await?;
    if count {
        return Ok(data(&Count { count: page.total }));
    }
    if !with_tags {
        page.items.iter_mut().for_each(|user| user.tags = None);
    }
    let last = page.items.last().map(|user| user.updated_at.unwrap_or(user.created_at));
    Ok(page_with_cursor(&page, ask, last, true))
}

/// The `status` filter of lists; with both words it is none.
pub fn online(words: &[String]) -> Result<Option<bool>> {
    let mut asked = None;
    for word in words {
        let online = match word.as_str() {
            "available" | "online" => true,
            "offline" => false,
            _ => return Err(Error::field("status", "The status must be available or offline.")),
        };
        if asked.is_some_and(|other| other != online) {
            return Ok(None);
        }
        asked = Some(online);
    }
    Ok(asked)
}

pub async fn show(access: Access<Either>) -> Result<Reply> {
    let uid = access.uid()?;
    let caller = access.caller().clone();
    let user = access
        .store()
        .read(move |read| {
            let user = users::active(read, caller.app.id, &uid)?;
            match caller.viewer() {
                Some(viewer) => {
                    if user.id != viewer {
                        caller.role.may_see(&user.role, || friends::are(read, viewer, user.id))?;
                    }
                    users::seen_by(read, user, &users::by_id(read, viewer)?)
                }
                None => Ok(user),
            }
        })
        .await?;
    Ok(data(&User { tags: None, ..user }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    name: Option<String>,
    role: Option<String>,
}

pub async fn update(access: Access<AnyKey>) -> Result<Reply> {
    let uid = access.uid()?;
    let body: UpdateBody = access.json()?;
    let limits = access.limits();
    let patch = UserPatch {
        name: body.name.map(|name| check_name("name", &name, limits)).transpose()?,
        role: role(body.role)?,
        profile: access.json::<ProfileBody>()?.parse(limits)?,
    };
    let app = access.app().clone();
    let mut user =
        access.store().write("users.update", move |tx| actions::users::update(tx, &app, &uid, patch)).await?;
    user.tags.get_or_insert_default();
    Ok(data(&user))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeleteBody {
    #[serde(default)]
    permanent: bool,
    /// `soft`, `anonymise` or `erase`, which is what `permanent` asks for
    kind: Option<String>,
    /// Only count what it would touch
    #[serde(default)]
    dry_run: bool,
}

impl DeleteBody {
    fn kind(&self) -> Result<Kind> {
        let kind = match &self.kind {
            Some(text) => Kind::parse(text)?,
            None if self.permanent => Kind::Erase,
            None => Kind::Soft,
        };
        if self.permanent && kind != Kind::Erase {
            return Err(Error::field("kind", "The kind must be erase where permanent is true."));
        }
        Ok(kind)
    }
}

/// What became of a user. The kind where one or a dry run was asked for; the counts of a dry run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserDeletion)]
struct Deletion {
    success: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// How many of each it would touch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, i64>>)]
    counts: Option<Counts>,
}

pub async fn delete(access: Access<FullKey>) -> Result<Reply> {
    let uid = access.uid()?;
    remove(&access, access.app().clone(), uid).await
}

/// Ends a user of the app as the body asks.
pub(super) async fn remove<D: Demand>(access: &Access<D>, app: App, uid: Uid) -> Result<Reply> {
    let body: DeleteBody = access.json()?;
    let kind = body.kind()?;
    let (named, asked) = (uid.clone(), body.kind.is_some() || body.dry_run);
    let (message, counts) = if body.dry_run {
        let counts = access.store().read(move |read| erasures::count(read, &app, &uid, kind)).await?;
        (format!("Nothing was done: this is what it would touch of the user with UID {named}."), Some(counts))
    } else {
        let actor = access.actor();
        let end = move |tx: &mut Write<'_>| erasures::end(tx, (&actor, &app), &uid, kind, actions::users::PIECE);
        access.store().write("users.delete", end).await?;
        (format!("User with UID {named} has been deleted successfully."), None)
    };
    Ok(data(&Deletion { success: true, message, kind: asked.then(|| kind.as_str()), counts }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReactivateBody {
    uids_to_activate: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeactivateBody {
    uids_to_deactivate: Option<Vec<String>>,
}

fn uids<D: Demand>(access: &Access<D>, field: &str, uids: Option<Vec<String>>) -> Result<Vec<String>> {
    let uids = uids.ok_or_else(|| Error::field(field, format!("The {field} field is required.")))?;
    if uids.len() as i64 > access.limits().max_per_page {
        return Err(Error::field(field, "These are too many uids for one call."));
    }
    Ok(uids)
}

/// Users who are not deactivated after the call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReactivatedUsers)]
struct Reactivated {
    non_deactivated_uids: Vec<String>,
}

/// Users who are deactivated after the call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeactivatedUsers)]
struct DeactivatedUids {
    deactivated_uids: Vec<String>,
}

pub async fn reactivate(access: Access<FullKey>) -> Result<Reply> {
    let uids = uids(&access, "uidsToActivate", access.json::<ReactivateBody>()?.uids_to_activate)?;
    let app = access.app().clone();
    let done = access.store().write("users.reactivate", move |tx| actions::users::reactivate(tx, &app, &uids)).await?;
    Ok(data(&Reactivated { non_deactivated_uids: done }))
}

pub async fn deactivate(access: Access<FullKey>) -> Result<Reply> {
    let uids = uids(&access, "uidsToDeactivate", access.json::<DeactivateBody>()?.uids_to_deactivate)?;
    let app = access.app().clone();
    let done = access
        .store()
        .write("users.deactivate", move |tx| actions::users::deactivate(tx, &app, &uids, actions::users::PIECE))
        .await?;
    Ok(data(&DeactivatedUids { deactivated_uids: done }))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["create-user", "get-user", "update-user"] {
        doc.reply::<User>(operation, Shape::One);
    }
    doc.reply::<User>("list-users", Shape::PageAndCursor).reply::<Count>("list-users", Shape::One);
    doc.reply::<Reactivated>("reactivate-users", Shape::One).reply::<DeactivatedUids>("deactivate-users", Shape::One);
    doc.reply::<Deletion>("delete-user", Shape::One);
    doc.body::<CreateBody>("create-user").body::<ProfileBody>("create-user");
    doc.without("create-user", &["unset"]);
    doc.body::<UpdateBody>("update-user").body::<ProfileBody>("update-user");
    doc.body::<DeleteBody>("delete-user");
    doc.body::<ReactivateBody>("reactivate-users").body::<DeactivateBody>("deactivate-users");
    doc.query(
        "list-users",
        &[
            "searchKey",
            "searchIn",
            "status",
            "role",
            "roles",
            "tags",
            "withTags",
            "uids",
            "createdAt[from]",
            "createdAt[to]",
            "updatedAt[from]",
            "updatedAt[to]",
            "friendsOnly",
            "hideBlockedUsers",
            "count",
            "onlyDeactivated",
            "withDeactivated",
            "sortBy",
            "sortOrder",
            "perPage",
            "page",
        ],
    );
}
