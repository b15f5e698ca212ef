//! Choices about notifications. A user makes them by token, the app for him by `uid` in the query or `onBehalfOf`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::access::{Access, Behalf, Either, FullKey};
use super::openapi::{Doc, Shape, schema_like};
use super::reply::{CursorMeta, Reply, data, list as list_reply};
use crate::actions::notifications::{self as actions, Named};
use crate::model::error::{Error, Result};
use crate::model::ids::Uid;
use crate::model::notification::{
    SETTINGS, check_email, check_phone, check_timezone, default_preferences, show_preferences, token_field,
};
use crate::model::user::check_length;
use crate::store::notifications::{self as rows, Contact, Mute, NewPushToken, PushToken, Whose};
use crate::store::{digest, users};

/// Conversations in one call.
const MOST_MUTES: usize = 100;

/// Characters of a push token and of a provider's id.
const MOST_TOKEN: usize = 4096;
const MOST_PROVIDER: usize = 100;

/// It is done.
#[derive(Serialize, ToSchema)]
struct Done {
    success: bool,
}

/// What a user has muted for now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MutedConversations)]
struct Mutes {
    muted_conversations: Vec<Mute>,
}

/// An IANA name. The client takes it only with `success`.
#[derive(Serialize, ToSchema)]
struct Timezone {
    success: bool,
    timezone: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PushTokens {
    push_tokens: Vec<PushToken>,
}

fn success() -> Reply {
    data(&Done { success: true })
}

/// users.id of the user the call is about.
async fn subject(access: &Access<Either>) -> Result<i64> {
    if let Some(user) = access.caller().viewer() {
        return Ok(user);
    }
    let uid = access.query().get("uid").ok_or_else(|| Error::field("uid", "The uid field is required."))?;
    let (uid, app) = (Uid::from_path(uid)?, access.app().clone());
    access.store().read(move |read| Ok(users::person(read, &app, &uid)?.id)).await
}

/// The body as it is, an object.
fn object(access: &Access<impl super::access::Demand>) -> Result<Value> {
    access.json::<Map<String, Value>>().map(Value::Object)
}

/// What the app chooses; only what is given changes. See the answer to GET for all that can be.
// Never read: the body is held against the shape of the defaults.
#[allow(dead_code)]
#[derive(ToSchema)]
struct SettingsBody {
    #[schema(value_type = Option<Object>)]
    preferences: Value,
    #[schema(value_type = Option<Object>)]
    sound: Value,
    #[schema(value_type = Option<Object>)]
    templates: Value,
}

/// What a user chooses; only what is given changes. See the answer to GET for all that can be.
// Never read, as above.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PreferencesBody {
    #[schema(value_type = Option<Object>)]
    group_preferences: Value,
    #[schema(value_type = Option<Object>)]
    one_on_one_preferences: Value,
    #[schema(value_type = Option<Object>)]
    mute_preferences: Value,
    use_privacy_template: Option<bool>,
}

pub async fn settings(access: Access<FullKey>) -> Result<Reply> {
    let app = access.app().id;
    Ok(data(&access.store().read(move |read| actions::settings(read, app)).await?))
}

pub async fn change_settings(access: Access<FullKey>) -> Result<Reply> {
    let (app, given) = (access.app().id, object(&access)?);
    access.store().write("notifications.settings", move |tx| actions::change_settings(tx, app, &given)).await?;
    Ok(success())
}

pub async fn reset_settings(access: Access<FullKey>) -> Result<Reply> {
    let app = access.app().id;
    access.store().write("notifications.reset", move |tx| actions::reset_settings(tx, app)).await?;
    Ok(success())
}

pub async fn preferences(access: Access<Either>) -> Result<Reply> {
    let (user, app) = (subject(&access).await?, access.app().id);
    let (settings, own) = access.store().read(move |read| actions::preferences(read, app, user)).await?;
    Ok(data(&show_preferences(&settings, &own)))
}

pub async fn change_preferences(access: Access<Either>) -> Result<Reply> {
    let (user, app, given) = (subject(&access).await?, access.app().id, object(&access)?);
    let (settings, own) = access
        .store()
        .write("notifications.preferences", move |tx| actions::change_preferences(tx, app, user, &given))
        .await?;
    Ok(data(&show_preferences(&settings, &own)))
}

pub async fn reset_preferences(access: Access<Either>) -> Result<Reply> {
    let (user, app) = (subject(&access).await?, access.app().id);
    let left =
        access.store().write("notifications.preferences", move |tx| actions::reset_preferences(tx, app, user)).await?;
    Ok(data(&left))
}

#[derive(Deserialize, ToSchema)]
struct MuteBody {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Unix milliseconds; only for muting
    until: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
struct MutesBody {
    conversations: Option<Vec<MuteBody>>,
}

fn conversations(access: &Access<Either>) -> Result<Vec<(String, String, Option<i64>)>> {
    let given = access.json::<MutesBody>()?.conversations;
    let given = given.ok_or_else(|| Error::field("conversations", "The conversations field is required."))?;
    if given.len() > MOST_MUTES {
        let sentence = format!("No more than {MOST_MUTES} conversations may be named in one call.");
        return Err(Error::field("conversations", sentence));
    }
    let one = |MuteBody { id, kind, until }: MuteBody| {
        let id = id.filter(|id| !id.is_empty()).ok_or_else(|| Error::field("id", "The id field is required."))?;
        match kind {
            Some(kind) if matches!(kind.as_str(), "oneOnOne" | "group") => Ok((kind, id, until)),
            _ => Err(Error::field("type", "The type must be oneOnOne or group.")),
        }
    };
    given.into_iter().map(one).collect()
}

pub async fn mutes(access: Access<Either>) -> Result<Reply> {
    let user = subject(&access).await?;
    let muted = access.store().read(move |read| rows::mutes(read, user)).await?;
    Ok(data(&Mutes { muted_conversations: muted }))
}

pub async fn mute(access: Access<Either>) -> Result<Reply> {
    let (user, app) = (subject(&access).await?, access.app().clone());
    let mutes = conversations(&access)?.into_iter().map(|(kind, id, until)| {
        let until = until.ok_or_else(|| Error::field("until", "The until field is required."))?;
        Ok(Mute { id, kind, until })
    });
    let mutes = mutes.collect::<Result<Vec<_>>>()?;
    access.store().write("notifications.mute", move |tx| actions::mute(tx, &app, user, mutes)).await?;
    Ok(success())
}

pub async fn unmute(access: Access<Either>) -> Result<Reply> {
    let user = subject(&access).await?;
    let named: Vec<_> = conversations(&access)?.into_iter().map(|(kind, id, _)| (kind, id)).collect();
    access.store().write("notifications.unmute", move |tx| actions::unmute(tx, user, &named)).await?;
    Ok(success())
}

#[derive(Deserialize, ToSchema)]
struct TimezoneBody {
    timezone: Option<String>,
}

pub async fn timezone(access: Access<Either>) -> Result<Reply> {
    let user = subject(&access).await?;
    let choices = access.store().read(move |read| rows::choices(read, user)).await?;
    Ok(data(&Timezone { success: true, timezone: choices.timezone.unwrap_or_else(|| "UTC".to_owned()) }))
}

pub async fn set_timezone(access: Access<Either>) -> Result<Reply> {
    let user = subject(&access).await?;
    let name = access.json::<TimezoneBody>()?.timezone;
    let name = name.ok_or_else(|| Error::field("timezone", "The timezone field is required."))?;
    check_timezone(&name)?;
    let answer = Timezone { success: true, timezone: name.clone() };
    access.store().write("notifications.timezone", move |tx| actions::set_timezone(tx, user, name)).await?;
    Ok(data(&answer))
}

#[derive(Deserialize, ToSchema)]
struct ContactBody {
    email: Option<String>,
    phno: Option<String>,
}

pub async fn contact(access: Access<Behalf>) -> Result<Reply> {
    let user = access.caller().user;
    Ok(data(&access.store().read(move |read| rows::choices(read, user)).await?.contact))
}

pub async fn set_contact(access: Access<Behalf>) -> Result<Reply> {
    let user = access.caller().user;
    let ContactBody { email, phno } = access.json()?;
    if let Some(email) = email.as_deref().filter(|email| !email.is_empty()) {
        check_email(email)?;
    }
    if let Some(phno) = phno.as_deref().filter(|phno| !phno.is_empty()) {
        check_phone(phno)?;
    }
    let left =
        access.store().write("notifications.contact", move |tx| actions::set_contact(tx, user, email, phno)).await?;
    Ok(data(&left))
}

pub async fn delete_contact(access: Access<Behalf>) -> Result<Reply> {
    let (user, none) = (access.caller().user, || Some(String::new()));
    access.store().write("notifications.contact", move |tx| actions::set_contact(tx, user, none(), none())).await?;
    Ok(success())
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TokenBody {
    auth_token: Option<String>,
    platform: Option<String>,
    provider_id: Option<String>,
    fcm_token: Option<String>,
    device_token: Option<String>,
    voip_token: Option<String>,
    timezone: Option<String>,
}

/// The login a call about push tokens is for: by its auth token, or the one that asks.
fn named(access: &Access<Either>, auth_token: Option<&str>) -> Result<Named> {
    let token = auth_token.filter(|token| !token.is_empty()).map(digest);
    match (access.caller().token, token) {
        (Some(login), token) => Ok(Named::Own { user: access.caller().user, login, token }),
        (None, Some(token)) => Ok(Named::Token(token)),
        (None, None) => Err(Error::field("authToken", "The authToken field is required.")),
    }
}

/// As `named`, from the body or the query.
fn named_anywhere(access: &Access<Either>) -> Result<Named> {
    let in_body = access.json::<TokenBody>()?.auth_token;
    named(access, in_body.as_deref().or(access.query().get("authToken")))
}

pub async fn register(access: Access<Either>) -> Result<Reply> {
    let body: TokenBody = access.json()?;
    let named = named(&access, body.auth_token.as_deref())?;
    let platform = body.platform.ok_or_else(|| Error::field("platform", "The platform field is required."))?;
    let (field, kind) =
        token_field(&platform).ok_or_else(|| Error::field("platform", "The platform is not one that is known."))?;
    let push_token = match field {
        "fcmToken" => body.fcm_token,
        "deviceToken" => body.device_token,
        _ => body.voip_token,
    };
    let push_token = push_token.filter(|token| !token.is_empty());
    let push_token = push_token.ok_or_else(|| Error::field(field, format!("The {field} field is required.")))?;
    check_length(field, &push_token, MOST_TOKEN)?;
    let provider_id = body.provider_id.unwrap_or_default();
    check_length("providerId", &provider_id, MOST_PROVIDER)?;
    let timezone = body.timezone.filter(|timezone| !timezone.is_empty());
    if let Some(timezone) = &timezone {
        check_timezone(timezone)?;
    }
    let (app, new) = (access.app().id, NewPushToken { push_token, platform, provider_id, kind });
    access.store().write("notifications.register", move |tx| actions::register(tx, app, named, &new, timezone)).await?;
    Ok(success())
}

pub async fn tokens(access: Access<Either>) -> Result<Reply> {
    let (app, all) = (access.app().id, access.query().flag("all"));
    let named = named(&access, access.query().get("authToken"))?;
    let found = access
        .store()
        .read(move |read| {
            let (user, login) = actions::login(read, app, named)?;
            rows::push_tokens(read, if all { Whose::User(user) } else { Whose::Login(login) })
        })
        .await?;
    Ok(data(&PushTokens { push_tokens: found }))
}

pub async fn unregister(access: Access<Either>) -> Result<Reply> {
    let (app, all) = (access.app().id, access.query().flag("all"));
    let named = named_anywhere(&access)?;
    let gone =
        access.store().write("notifications.unregister", move |tx| actions::unregister(tx, app, named, all)).await?;
    Ok(data(&PushTokens { push_tokens: gone }))
}

pub async fn unregister_one(access: Access<Either>) -> Result<Reply> {
    let (app, token) = (access.app().id, access.param("pushToken").to_owned());
    let named = named_anywhere(&access)?;
    let gone = access
        .store()
        .write("notifications.unregister", move |tx| actions::unregister_one(tx, app, named, &token))
        .await?;
    Ok(data(&PushTokens { push_tokens: vec![gone] }))
}

/// Nothing is sent, so there is nothing to log.
pub async fn logs(access: Access<FullKey>) -> Result<Reply> {
    let limit = access.query().int("limit")?.unwrap_or(20);
    Ok(list_reply(&Vec::<Value>::new(), CursorMeta::new(limit, 0)))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    let preferences = schema_like(&show_preferences(&SETTINGS, &json!({})));
    doc.reply_as("notifications-push-list-settings", Shape::One, "NotificationSettings", schema_like(&SETTINGS));
    for operation in [
        "notifications-push-list-preferences",
        "notifications-push-update-preferences",
        "(client) list-preferences",
        "(client) update-preferences",
    ] {
        doc.reply_as(operation, Shape::One, "NotificationPreferences", preferences.clone());
    }
    let defaults = schema_like(&default_preferences(&SETTINGS));
    for operation in ["notifications-push-reset-preferences", "(client) reset-preferences"] {
        doc.reply_as(operation, Shape::One, "DefaultNotificationPreferences", defaults.clone());
    }
    for operation in [
        "notifications-push-update-settings",
        "notifications-push-reset-settings",
        "notifications-push-mute-conversations",
        "notifications-push-unmute-conversations",
        "notifications-delete-contact-details",
        "notifications-push-register-token",
        "(client) mute-conversations",
        "(client) unmute-conversations",
    ] {
        doc.reply::<Done>(operation, Shape::One);
    }
    doc.reply::<Mutes>("notifications-push-list-muted", Shape::One).reply::<Mutes>("(client) list-muted", Shape::One);
    for operation in [
        "notifications-get-timezone",
        "notifications-update-timezone",
        "(client) get-timezone",
        "(client) update-timezone",
    ] {
        doc.reply::<Timezone>(operation, Shape::One);
    }
    for operation in ["notifications-get-contact-details", "notifications-update-contact-details"] {
        doc.reply::<Contact>(operation, Shape::One);
    }
    for operation in
        ["notifications-push-list-tokens", "notifications-push-unregister-tokens", "notifications-push-delete-token"]
    {
        doc.reply::<PushTokens>(operation, Shape::One);
    }
    doc.reply_as("notifications-logs", Shape::Cursor, "NotificationLog", json!({"type": "object"}));
    doc.body::<SettingsBody>("notifications-push-update-settings");
    doc.body::<PreferencesBody>("notifications-push-update-preferences");
    doc.body::<PreferencesBody>("(client) update-preferences");
    for operation in ["notifications-push-mute-conversations", "(client) mute-conversations"] {
        doc.body::<MutesBody>(operation);
    }
    for operation in ["notifications-push-unmute-conversations", "(client) unmute-conversations"] {
        doc.body::<MutesBody>(operation);
    }
    doc.body::<TimezoneBody>("notifications-update-timezone").body::<TimezoneBody>("(client) update-timezone");
    doc.body::<ContactBody>("notifications-update-contact-details");
    doc.body::<TokenBody>("notifications-push-register-token");
    doc.body::<TokenBody>("notifications-push-unregister-tokens").body::<TokenBody>("notifications-push-delete-token");
    for operation in ["notifications-push-unregister-tokens", "notifications-push-delete-token"] {
        let others = ["deviceToken", "fcmToken", "voipToken", "platform", "providerId", "timezone"];
        doc.without(operation, &others);
    }
    doc.query("notifications-logs", &["limit"]);
    doc.query("notifications-push-list-tokens", &["authToken", "all"]);
    doc.query("notifications-push-unregister-tokens", &["authToken", "all"]);
    for operation in [
        "notifications-push-list-preferences",
        "notifications-push-update-preferences",
        "notifications-push-reset-preferences",
        "notifications-push-list-muted",
        "notifications-push-mute-conversations",
        "notifications-push-unmute-conversations",
        "notifications-get-timezone",
        "notifications-update-timezone",
    ] {
        doc.query(operation, &["uid"]);
    }
}
