//! Groups.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Access, Either};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page_with_cursor};
use crate::actions;
use crate::actions::members::Added;
use crate::model::error::{Code, Error, Result};
use crate::model::group::{Group, GroupDraft, GroupPatch, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, Uid};
use crate::model::json::Raw;
use crate::model::limits::Limits;
use crate::model::page::Affix;
use crate::model::patch::Patch;
use crate::model::policy::narrow;
use crate::model::user::{check_length, check_metadata, check_name, check_tags, patch_url};
use crate::store::Read;
use crate::store::groups::{self, Filter, Order};

#[derive(Deserialize, Default, ToSchema)]
struct ProfileBody {
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    icon: Patch<String>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    description: Patch<String>,
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
    fn parse(self, limits: &Limits) -> Result<GroupProfile> {
        let mut profile = GroupProfile {
            icon: patch_url("icon", self.icon, limits)?,
            description: self
                .description
                .try_map(|text| check_length("description", &text, limits.description).map(|()| text))?,
            metadata: self.metadata.try_map(|raw| check_metadata(raw, limits.metadata))?,
            tags: self.tags.try_map(|tags| check_tags(tags, limits))?,
        };
        for field in self.unset {
            match field.as_str() {
                "icon" => profile.icon = Patch::Clear,
                "description" => profile.description = Patch::Clear,
                "metadata" => profile.metadata = Patch::Clear,
                _ => return Err(Error::field("unset", "Only icon, description and metadata can be unset.")),
            }
        }
        Ok(profile)
    }
}

/// Uids by the list they stand in. SDKs leave empty lists out.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MembersBody {
    admins: Option<Vec<String>>,
    moderators: Option<Vec<String>>,
    participants: Option<Vec<String>>,
    users_to_ban: Option<Vec<String>>,
}

impl MembersBody {
    pub fn lists(self) -> MemberLists {
        MemberLists {
            admins: self.admins.unwrap_or_default(),
            moderators: self.moderators.unwrap_or_default(),
            participants: self.participants.unwrap_or_default(),
            ban: self.users_to_ban.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GroupBody {
    guid: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    password: Option<String>,
    owner: Option<String>,
    members: Option<MembersBody>,
}

fn kind(text: Option<&str>) -> Result<Option<GroupType>> {
    text.map(|text| {
        GroupType::parse(text).ok_or_else(|| Error::field("type", "The type must be public, password or private."))
    })
    .transpose()
}

/// The password's hash, if there is a password.
async fn hashed(access: &Access<Either>, password: Option<String>) -> Result<Option<String>> {
    let Some(password) = password.filter(|password| !password.is_empty()) else { return Ok(None) };
    check_length("password", &password, access.limits().password)?;
    access.api().passwords.hash(password).await.map(Some)
}

/// A new group, with how adding each member went.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupWithMembers)]
struct Created<'a> {
    #[serde(flatten)]
    group: Group,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Results>)]
    members: Option<Results<'a>>,
}

/// Clients look for the lists under `data`, back ends right here.
#[derive(Serialize, ToSchema)]
#[schema(as = AddedMembersTwice)]
struct Results<'a> {
    #[serde(flatten)]
    #[schema(value_type = Added)]
    here: &'a Added,
    #[schema(value_type = Added)]
    data: &'a Added,
}

pub async fn create(access: Access<Either>) -> Result<Reply> {
    let body: GroupBody = access.json()?;
    let limits = access.limits().clone();
    let guid = match body.guid.filter(|guid| !guid.is_empty()) {
        Some(guid) => Guid::parse(&guid)?,
        None => Guid::parse(&format!("group_{}", access.api().ids.hex(8)))?,
    };
    let kind = kind(body.kind.as_deref())?.unwrap_or(GroupType::Public);
    if kind == GroupType::Password && body.password.as_deref().unwrap_or_default().is_empty() {
        return Err(Code::EmptyGroupPass.into());
    }
    let password = body.password.filter(|_| kind == GroupType::Password);
    let mut draft = GroupDraft {
        guid,
        name: check_name("name", &body.name.unwrap_or_default(), &limits)?,
        kind,
        password_hash: None,
        owner: body
            .owner
            .filter(|owner| !owner.is_empty() && !access.caller().person)
            .map(|owner| Uid::from_path(&owner))
            .transpose()?,
        profile: access.json::<ProfileBody>()?.parse(&limits)?,
        members: body.members.unwrap_or_default().lists(),
    };
    if draft.members.len() > limits.bulk {
        return Err(Error::field("members", format!("No more than {} uids may be given in one call.", limits.bulk)));
    }
    let caller = access.caller().clone();
    if password.is_some() {
        // What will be refused anyway is not worth a hash.
        let (asking, guid, owner) = (caller.clone(), draft.guid.clone(), draft.owner.clone());
        let check = move |read: &Read<'_>| actions::groups::check_create(read, &asking, kind, &guid, owner.as_ref());
        access.store().read(check).await?;
    }
    draft.password_hash = hashed(&access, password).await?;
    let (mut group, members) =
        access.store().write("groups.create", move |tx| actions::groups::create(tx, &caller, draft, &limits)).await?;
    group.tags.get_or_insert_default();

    let members = members.as_ref().map(|lists| Results { here: lists, data: lists });
    Ok(data(&Created { group, members }))
}

pub async fn list(access: Access<Either>) -> Result<Reply> {
    let role = access.caller().role.clone();
    role.may_list_groups()?;
    let ask = access.page()?;
    let query = access.query();
    let fields = query.list("searchIn");
    let field = |name: &str| fields.is_empty() || fields.iter().any(|field| field == name);
    let mut types = query.list("types");
    types.extend(query.get("type").map(str::to_owned));
    let affix = affix(query.get("affix"))?;
    let time = query.int("updatedAt")?;
    let followed = affix.is_some() || time.is_some();
    let filter = Filter {
        search: query.search("searchKey"),
        in_name: field("name"),
        in_guid: field("guid"),
        types: narrow(
            types
                .iter()
                .map(|text| Ok(kind(Some(text))?.map_or("", GroupType::as_str).to_owned()))
                .collect::<Result<_>>()?,
            role.listed_groups(),
        ),
        tags: query.list("tags"),
        guids: query.either("guid", "guids").into_iter().map(|guid| guid.to_ascii_lowercase()).collect(),
        created: query.range("createdAt")?,
        updated: query.range("updatedAt")?,
        members: query.range("membersCount")?,
        viewer: access.caller().viewer(),
        joined_only: query.flag("hasJoined") && access.caller().person,
        after: time.filter(|_| affix != Some(Affix::Prepend)),
        before: time.filter(|_| affix == Some(Affix::Prepend)),
        order: match query.get("sortBy") {
            _ if followed => Order::UpdatedAt,
            Some("guid") => Order::Guid,
            Some("createdAt") => Order::CreatedAt,
            _ => Order::Name,
        },
        descending: if followed { affix == Some(Affix::Prepend) } else { query.get("sortOrder") == Some("desc") },
    };
    let with_tags = query.flag("withTags");
    let app = access.app().id;
    let mut page = access
        .store()
        .read(move |read| match followed {
            true => groups::list_by_change(read, app, &filter, ask),
            false => groups::list(read, app, &filter, ask),
        })
        .await?;
    if !with_tags {
        page.items.iter_mut().for_each(|group| group.tags = None);
    }
    let last = page.items.last().map(|group| group.updated_at.unwrap_or(group.created_at));
    Ok(page_with_cursor(&page, ask, last, false))
}

/// The direction of a cursor.
pub fn affix(text: Option<&str>) -> Result<Option<Affix>> {
    match text {
        None => Ok(None),
        Some("append") => Ok(Some(Affix::Append)),
        Some("prepend") => Ok(Some(Affix::Prepend)),
        Some(_) => Err(Error::field("affix", "The affix must be append or prepend.")),
    }
}

pub async fn show(access: Access<Either>) -> Result<Reply> {
    let guid = access.guid()?;
    let caller = access.caller().clone();
    let group = access
        .store()
        .read(move |read| {
            let group = groups::by_guid(read, caller.app.id, &guid)?;
            let Some(viewer) = caller.viewer() else { return Ok(group) };
            let group = groups::seen_by(read, group, viewer)?;
            // Nobody outside a private group learns more of it than that he is not in it.
            if group.kind == GroupType::Private && group.has_joined != Some(true) {
                actions::groups::standing(read, &caller, &group)?;
            }
            Ok(group)
        })
        .await?;
    Ok(data(&group))
}

pub async fn update(access: Access<Either>) -> Result<Reply> {
    let guid = access.guid()?;
    let body: GroupBody = access.json()?;
    let limits = access.limits();
    let kind = kind(body.kind.as_deref())?;
    let mut patch = GroupPatch {
        name: body.name.map(|name| check_name("name", &name, limits)).transpose()?,
        kind,
        password_hash: None,
        owner: body
            .owner
            .filter(|owner| !owner.is_empty() && !access.caller().person)
            .map(|owner| Uid::from_path(&owner))
            .transpose()?,
        profile: access.json::<ProfileBody>()?.parse(limits)?,
    };
    let caller = access.caller().clone();
    if body.password.as_deref().is_some_and(|password| !password.is_empty()) {
        let (asking, guid) = (caller.clone(), guid.clone());
        access.store().read(move |read| actions::groups::check_update(read, &asking, &guid)).await?;
    }
    patch.password_hash = hashed(&access, body.password).await?;
    let mut group =
        access.store().write("groups.update", move |tx| actions::groups::update(tx, &caller, &guid, patch)).await?;
    group.tags.get_or_insert_default();
    Ok(data(&group))
}

pub async fn delete(access: Access<Either>) -> Result<Reply> {
    let guid = access.guid()?;
    let named = guid.clone();
    let caller = access.caller().clone();
    access.store().write("groups.delete", move |tx| actions::groups::delete(tx, &caller, &guid)).await?;
    Ok(ack(format!("Group with guid {named} has been deleted successfully.")))
}

#[derive(Deserialize, ToSchema)]
struct OwnerBody {
    owner: Option<String>,
}

pub async fn transfer(access: Access<Either>) -> Result<Reply> {
    let guid = access.guid()?;
    let body: OwnerBody = access.json()?;
    let owner = Uid::from_path(&body.owner.ok_or_else(|| Error::field("owner", "The owner field is required."))?)?;
    let (caller, group, to) = (access.caller().clone(), guid.clone(), owner.clone());
    access.store().write("groups.transfer", move |tx| actions::groups::transfer(tx, &caller, &group, &to)).await?;
    Ok(ack(format!("Ownership of the group {guid} has been transferred to the user {owner} successfully.")))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Created>("create-group", Shape::One).reply::<Group>("list-groups", Shape::Page);
    doc.reply::<Group>("get-group", Shape::One).reply::<Group>("update-group", Shape::One);
    doc.reply::<Ack>("delete-group", Shape::One).reply::<Ack>("(client) transfer-ownership", Shape::One);
    doc.body::<GroupBody>("create-group").body::<ProfileBody>("create-group");
    doc.body::<GroupBody>("update-group").body::<ProfileBody>("update-group");
    doc.without("create-group", &["unset"]).without("update-group", &["guid", "members"]);
    doc.body::<OwnerBody>("(client) transfer-ownership");
    doc.query(
        "list-groups",
        &[
            "searchKey",
            "searchIn",
            "type",
            "types",
            "tags",
            "withTags",
            "hasJoined",
            "guid",
            "guids",
            "createdAt[from]",
            "createdAt[to]",
            "updatedAt[from]",
            "updatedAt[to]",
            "membersCount[gt]",
            "membersCount[gte]",
            "membersCount[lt]",
            "membersCount[lte]",
            "membersCount[eq]",
            "sortBy",
            "sortOrder",
            "affix",
            "updatedAt",
            "perPage",
            "page",
        ],
    );
}
