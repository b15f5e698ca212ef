//! Rules, their revisions, and the lists they refer to.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::actions::moderation::rules as act;
use crate::api::access::{Access, Moderator};
use crate::api::multipart::{FRAMING, Parts};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, CursorMeta, Reply, data, done, list};
use crate::model::audit::Act;
use crate::model::caller::App;
use crate::model::error::{Error, Result};
use crate::model::moderation::ask::{OnError, Place, Settings};
use crate::model::moderation::list::{Draft, Keywords, MOST_BYTES, terms_of};
use crate::model::moderation::rule::{Action, Category, Condition, Filter, OneOrMore, Rule};
use crate::model::webhook::{is_local, is_same_server};
use crate::store::Write;
use crate::store::moderation::lists as list_rows;
use crate::store::moderation::pending;
use crate::store::moderation::rules::{self as rows, Stored, revision_id};

/// Rows of these lists when no limit is named (contract).
const PAGE: i64 = 50;
const REVISIONS: i64 = 10;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ModerationRule)]
struct Shown {
    id: String,
    name: String,
    description: String,
    enabled: bool,
    filters: Vec<Filter>,
    conditions: Vec<Condition>,
    action: Vec<Action>,
    active: bool,
    created_at: i64,
    updated_at: i64,
    revision_id: String,
    /// It came with the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
}

fn shown(app_id: &str, stored: Stored) -> Shown {
    let Stored { rule, revision, active, usual, created_at, updated_at } = stored;
    Shown {
        revision_id: revision_id(app_id, &rule.id, revision),
        id: rule.id,
        name: rule.name,
        description: rule.description,
        enabled: rule.enabled,
        filters: rule.filters,
        conditions: rule.conditions,
        action: rule.action,
        active,
        created_at,
        updated_at,
        default: usual,
    }
}

#[derive(Deserialize, ToSchema)]
struct RuleBody {
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
    enabled: Option<bool>,
    action: Option<Vec<Action>>,
    filters: Option<Vec<Filter>>,
    conditions: Option<Vec<Condition>>,
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::field(field, format!("The {field} field is required.")))
}

pub async fn create(access: Access<Moderator>) -> Result<Reply> {
    let body: RuleBody = access.json()?;
    let rule = Rule {
        id: required("id", body.id)?,
        name: required("name", body.name)?,
        description: body.description.unwrap_or_default(),
        enabled: body.enabled.unwrap_or(true),
        action: body.action.unwrap_or_default(),
        filters: body.filters.unwrap_or_default(),
        conditions: required("conditions", body.conditions)?,
    };
    let (app, limits) = (access.app().clone(), access.limits().clone());
    let app_id = app.app_id.clone();
    let make = move |tx: &mut Write<'_>| {
        let made = act::create(tx, &app, rule, &limits)?;
        let id = made.rule.id.clone();
        Ok((made, Some(id)))
    };
    let made = access.audited("rules.create", Act::RuleCreate, Some(&app_id), make).await?;
    Ok(data(&shown(&app_id, made)))
}

pub async fn index(access: Access<Moderator>) -> Result<Reply> {
    let (app, limit) = (access.app().clone(), crate::api::messages::limit(&access, PAGE)?);
    let mut found = access.store().read(move |read| rows::all(read, app.id)).await?;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let items: Vec<Shown> = found.into_iter().map(|stored| shown(&access.app().app_id, stored)).collect();
    Ok(list(&items, CursorMeta::new(limit, items.len())))
}

/// The app and the id that the path names.
fn named(access: &Access<Moderator>, param: &'static str) -> (App, String) {
    (access.app().clone(), access.param(param).to_owned())
}

pub async fn show(access: Access<Moderator>) -> Result<Reply> {
    let (app, id) = named(&access, "ruleId");
    let found = access.store().read(move |read| act::find(read, &app, &id)).await?;
    Ok(data(&shown(&access.app().app_id, found)))
}

pub async fn update(access: Access<Moderator>) -> Result<Reply> {
    let body: RuleBody = access.json()?;
    let (app, id) = named(&access, "ruleId");
    let change = move |rule: &mut Rule| {
        rule.name = body.name.unwrap_or_else(|| rule.name.clone());
        rule.description = body.description.unwrap_or_else(|| rule.description.clone());
        rule.enabled = body.enabled.unwrap_or(rule.enabled);
        rule.action = body.action.unwrap_or_else(|| rule.action.clone());
        rule.filters = body.filters.unwrap_or_else(|| rule.filters.clone());
        rule.conditions = body.conditions.unwrap_or_else(|| rule.conditions.clone());
    };
    let update = move |tx: &mut Write<'_>| Ok((act::update(tx, &app, &id, change)?, Some(id)));
    let changed = access.audited("rules.update", Act::RuleUpdate, Some(&access.app().app_id), update).await?;
    Ok(data(&shown(&access.app().app_id, changed)))
}

pub async fn delete(access: Access<Moderator>) -> Result<Reply> {
    let (app, id) = named(&access, "ruleId");
    let sentence = format!("The rule {} has been deleted.", crate::model::ids::shown(&id));
    let delete = move |tx: &mut Write<'_>| Ok((act::delete(tx, &app, &id)?, Some(id)));
    access.audited("rules.delete", Act::RuleDelete, Some(&access.app().app_id), delete).await?;
    Ok(done(sentence, None))
}

pub async fn revisions(access: Access<Moderator>) -> Result<Reply> {
    let (app, id) = named(&access, "ruleId");
    let limit = crate::api::messages::limit(&access, REVISIONS)?;
    let found = access
        .store()
        .read(move |read| {
            act::find(read, &app, &id)?;
            rows::revisions(read, app.id, &id, limit)
        })
        .await?;
    let items: Vec<Shown> = found.into_iter().map(|stored| shown(&access.app().app_id, stored)).collect();
    Ok(list(&items, CursorMeta::new(limit, items.len())))
}

/// A list as it is sent: a form, perhaps with a file, or JSON.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ListBody {
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
    /// word, pattern or custom-api
    category: Option<String>,
    /// Words parted by commas, or patterns, one a line; or a list of them, as answers have it
    #[serde(default, deserialize_with = "lines")]
    search_terms: Option<String>,
    /// Of custom-api: where the engine is that is asked
    url: Option<String>,
    /// Whether it is asked with name and password
    basic_auth_enabled: Option<bool>,
    #[serde(alias = "basicAuthUsername")]
    username: Option<String>,
    /// Never shown again
    #[serde(alias = "basicAuthPassword")]
    password: Option<String>,
    #[serde(skip)]
    file: Option<String>,
}

/// A text, or a list of texts: each in quotes and on a line of its own, so that it stays one.
fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let quoted = |text: &String| format!("\"{}\"\n", text.replace('"', "\"\""));
    Ok(match Option::<OneOrMore>::deserialize(deserializer)? {
        None => None,
        Some(OneOrMore::One(text)) => Some(text),
        Some(OneOrMore::More(texts)) => Some(texts.iter().map(quoted).collect()),
    })
}

impl ListBody {
    fn category(&self) -> Result<Option<Category>> {
        match self.category.as_deref() {
            None => Ok(None),
            Some("sentence-similarity") => Err(Error::field(
                "category",
                "Nothing on this server compares sentences: the category custom-api asks something that does.",
            )),
            Some(name) => Category::parse(name)
                .map(Some)
                .ok_or_else(|| Error::field("category", "The category must be word, pattern or custom-api.")),
        }
    }

    /// What it says of an engine goes into `place`, which is there already or not.
    fn place(&self, place: &mut Option<Place>) {
        if self.url.is_none() && self.basic_auth_enabled.is_none() && self.username.is_none() && self.password.is_none()
        {
            return;
        }
        let place = place.get_or_insert_default();
        let set = |field: &mut String, given: &Option<String>| {
            if let Some(given) = given {
                field.clone_from(given);
            }
        };
        // Where there is none, it goes nowhere.
        if self.url.as_ref().is_some_and(|url| !url.is_empty() && !is_same_server(&place.url, url)) {
            place.password.clear();
        }
        set(&mut place.url, &self.url);
        set(&mut place.username, &self.username);
        set(&mut place.password, &self.password);
        place.basic_auth = self.basic_auth_enabled.unwrap_or(place.basic_auth);
    }

    /// What it holds, if anything is said of that; a file goes before text.
    fn terms(&self, category: Category) -> Option<Vec<String>> {
        // A column of a table is one word a line, whatever the list holds.
        self.file.as_ref().or(self.search_terms.as_ref()).map(|text| terms_of(category, text))
    }
}

/// Parts of a form, and bytes of a field that is no list.
const MOST_PARTS: usize = 20;
const MOST_FIELD: usize = 4096;

async fn list_body(access: &mut Access<Moderator>) -> Result<ListBody> {
    let Some(payload) = access.take_upload() else { return access.json() };
    let mut parts = Parts::new(access.headers(), payload, MOST_BYTES as u64 + FRAMING, MOST_PARTS);
    let mut fields: HashMap<String, String> = HashMap::new();
    let mut file = None;
    while let Some(mut part) = parts.next().await? {
        let name = part.name().unwrap_or_default().trim_end_matches("[]").to_owned();
        let is_list = matches!(name.as_str(), "file" | "searchTerms");
        let text = parts.text(&mut part, if is_list { MOST_BYTES } else { MOST_FIELD }).await?;
        match name.as_str() {
            "file" => file = Some(text),
            // Given several times it is a list already.
            "searchTerms" => fields.entry(name).or_default().push_str(&format!("\n{text}")),
            _ => _ = fields.insert(name, text),
        }
    }
    let mut take = |name: &str| fields.remove(name);
    Ok(ListBody {
        id: take("id"),
        name: take("name"),
        description: take("description"),
        category: take("category"),
        search_terms: take("searchTerms"),
        url: take("url"),
        basic_auth_enabled: flag(take("basicAuthEnabled"))?,
        username: take("username").or(take("basicAuthUsername")),
        password: take("password").or(take("basicAuthPassword")),
        file: file.filter(|file| !file.trim().is_empty()),
    })
}

/// A field of a form that is true or false.
fn flag(text: Option<String>) -> Result<Option<bool>> {
    let refused = || Error::field("basicAuthEnabled", "The basicAuthEnabled must be true or false.");
    text.map(|text| text.trim().parse().map_err(|_| refused())).transpose()
}

/// Whether the engine that is named may be reached without TLS. This machine is not an app's: with an app's key no engine
/// is named on it, unless the settings open it.
fn plain(access: &Access<Moderator>, body: &ListBody) -> Result<bool> {
    let Some(url) = &body.url else { return Ok(false) };
    let opened = || ["127.0.0.1", "::1"].iter().any(|address| access.api().outgoing.allows_private(address));
    if access.key().is_some() && is_local(url) && !opened() {
        let sentence =
            "The url leads to this machine, which takes a management key or an admin, or --outgoing-private.";
        return Err(Error::field("url", sentence));
    }
    crate::api::webhooks::plain(access, ("url", url))
}

pub async fn create_list(mut access: Access<Moderator>) -> Result<Reply> {
    let body = list_body(&mut access).await?;
    let category = required("category", body.category()?)?;
    let plain = plain(&access, &body)?;
    let mut place = None;
    body.place(&mut place);
    let draft = Draft {
        terms: match category {
            Category::CustomApi => Vec::new(),
            _ => required("searchTerms", body.terms(category))?,
        },
        place,
        is_csv: body.file.is_some(),
        id: required("id", body.id)?,
        name: required("name", body.name)?,
        description: body.description.filter(|text| !text.is_empty()),
        category,
    };
    let (app, limits) = (access.app().clone(), access.limits().clone());
    let make = move |tx: &mut Write<'_>| Ok((act::create_list(tx, &app, &draft, plain, &limits)?, Some(draft.id)));
    let made = access.audited("keywords.create", Act::KeywordsCreate, Some(&access.app().app_id), make).await?;
    Ok(data(&made))
}

pub async fn index_lists(access: Access<Moderator>) -> Result<Reply> {
    let (app, limit) = (access.app().clone(), crate::api::messages::limit(&access, PAGE)?);
    let mut found = access.store().read(move |read| list_rows::all(read, (app.id, &app.app_id))).await?;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    found.iter_mut().for_each(|list| discreet(&access, list));
    Ok(list(&found, CursorMeta::new(limit, found.len())))
}

pub async fn show_list(access: Access<Moderator>) -> Result<Reply> {
    let (app, id) = named(&access, "keywordId");
    let mut found = access.store().read(move |read| act::find_list(read, &app, &id)).await?;
    discreet(&access, &mut found);
    Ok(data(&found))
}

/// Where an engine is, and who it is asked as, is not for all admins.
fn discreet(access: &Access<Moderator>, list: &mut Keywords) {
    if !access.sees_addresses() {
        list.place = None;
    }
}

pub async fn update_list(mut access: Access<Moderator>) -> Result<Reply> {
    let body = list_body(&mut access).await?;
    let category = body.category()?;
    let plain = plain(&access, &body)?;
    let (app, id) = named(&access, "keywordId");
    let change = move |draft: &mut Draft| {
        draft.category = category.unwrap_or(draft.category);
        body.place(&mut draft.place);
        if let Some(terms) = body.terms(draft.category).filter(|_| draft.category != Category::CustomApi) {
            (draft.terms, draft.is_csv) = (terms, body.file.is_some());
        }
        draft.name = body.name.unwrap_or_else(|| draft.name.clone());
        draft.description = body.description.or(draft.description.take()).filter(|text| !text.is_empty());
    };
    let update = move |tx: &mut Write<'_>| Ok((act::update_list(tx, &app, &id, plain, change)?, Some(id)));
    let changed = access.audited("keywords.update", Act::KeywordsUpdate, Some(&access.app().app_id), update).await?;
    Ok(data(&changed))
}

pub async fn delete_list(access: Access<Moderator>) -> Result<Reply> {
    let (app, id) = named(&access, "keywordId");
    let sentence = format!("The list {} has been deleted.", crate::model::ids::shown(&id));
    let delete = move |tx: &mut Write<'_>| Ok((act::delete_list(tx, &app, &id)?, Some(id)));
    access.audited("keywords.delete", Act::KeywordsDelete, Some(&access.app().app_id), delete).await?;
    Ok(done(sentence, None))
}

/// How the app has engines asked.
pub async fn show_settings(access: Access<Moderator>) -> Result<Reply> {
    let app = access.app().id;
    Ok(data(&access.store().read(move |read| pending::settings(read, app)).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingsBody {
    /// Earlier messages of the conversation that an engine is told: 0 (as it is at first) to 10
    context_messages: Option<i64>,
    /// What happens where it gives no verdict: approve-message (as it is at first) or drop-message
    on_custom_api_error: Option<OnError>,
}

pub async fn set_settings(access: Access<Moderator>) -> Result<Reply> {
    let body: SettingsBody = access.json()?;
    let app = access.app().id;
    let change = move |settings: &mut Settings| {
        settings.context_messages = body.context_messages.unwrap_or(settings.context_messages);
        settings.on_custom_api_error = body.on_custom_api_error.unwrap_or(settings.on_custom_api_error);
    };
    let set = move |tx: &mut Write<'_>| Ok((act::update_settings(tx, app, change)?, None));
    let app_id = access.app().app_id.clone();
    Ok(data(&access.audited("moderation.settings", Act::ModerationSettings, Some(&app_id), set).await?))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["create-rule", "get-rule", "update-rule"] {
        doc.reply::<Shown>(operation, Shape::One);
    }
    for operation in ["create-rule-keyword", "get-rule-keyword", "update-rule-keyword"] {
        doc.reply::<Keywords>(operation, Shape::One);
    }
    doc.reply::<Shown>("list-rules", Shape::Cursor).reply::<Shown>("list-rule-revisions", Shape::Cursor);
    doc.reply::<Keywords>("list-rule-keywords", Shape::Cursor);
    doc.reply::<Ack>("delete-rule", Shape::Done).reply::<Ack>("delete-rule-keyword", Shape::Done);
    doc.body::<RuleBody>("create-rule").body::<RuleBody>("update-rule").without("update-rule", &["id"]);
    doc.body::<ListBody>("create-rule-keyword").body::<ListBody>("update-rule-keyword");
    doc.without("update-rule-keyword", &["id", "category"]);
    doc.reply::<Settings>("get-moderation-settings", Shape::One);
    doc.reply::<Settings>("update-moderation-settings", Shape::One).body::<SettingsBody>("update-moderation-settings");
    for operation in ["list-rules", "list-rule-revisions", "list-rule-keywords"] {
        doc.query(operation, &["limit"]);
    }
}
