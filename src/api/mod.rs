//! The REST API: one route table.
//!
//! Every operation is a row of [`routes`]: method, path, the contract's operation name, and its handler. Whom it serves
//! is in the handler's type. Everything enters by [`dispatch`], which also answers what is no operation: preflights,
//! socket upgrades, the admin page.

mod absent;
mod access;
mod admin;
mod answering;
pub mod answers;
mod apps;
mod blocks;
mod bodies;
mod calls;
mod conversations;
mod extensions;
mod features;
mod forms;
mod friends;
pub mod front;
mod groups;
pub mod guesses;
mod imports;
mod keys;
mod lenient;
mod me;
mod media;
mod members;
mod messages;
mod metrics;
mod moderation;
mod multipart;
mod notifications;
mod openapi;
mod pages;
mod peer;
mod permissions;
mod pins;
mod presence;
pub mod rate;
mod reactions;
mod reply;
mod roles;
pub mod room;
mod threads;
mod tokens;
mod users;

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use tokio::sync::Notify;

use crate::live::command::Context;
use crate::live::hub::Hub;
use crate::live::socket;
use crate::media::Media;
use crate::model::attachment::show_urls;
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{self, Extension, Offer};
use crate::model::feature::{Feature, Features};
use crate::model::limits::Limits;
use crate::model::public::PublicHost;
use crate::model::time::Ids;
use crate::network::Network;
use crate::outgoing::Outgoing;
use crate::passwords::Passwords;
use crate::previews::Previews;
use crate::store::Store;
use access::{Access, Demand, Parts, Query, Who};
use answers::Answers;
use guesses::Guesses;
use rate::{Budget, Class, Meter};
use reply::Reply;
use room::Room;

/// What handlers share.
pub struct Api {
    pub store: Store,
    pub hub: Hub,
    pub passwords: Passwords,
    pub guesses: Guesses,
    pub limits: Arc<Limits>,
    /// Where clients reach this server, when it is not the address in their requests.
    pub public_host: Option<Arc<PublicHost>>,
    /// Where extensions are found, and which there are.
    pub extensions: Offer,
    pub outgoing: Outgoing,
    /// Where messages with links are handed in, if their previews are fetched.
    pub previews: Option<Previews>,
    /// Told when something is to happen sooner than before; see `server::keep_due`.
    pub due: Arc<Notify>,
    /// Where https is served, once it is; unset: it is not.
    pub https_port: OnceLock<u16>,
    /// Proxies whose word about the client is taken; see `peer`.
    pub trusted: Vec<Network>,
    /// Given to new apps; see `Config::region`.
    pub region: String,
    pub ids: Ids,
    pub router: Router,
    pub meter: Meter,
    pub media: Media,
    pub health: front::Health,
    pub answers: Answers,
    /// For bodies on their way in.
    pub bodies: Room,
    /// `openapi.json`, made when it is first asked for.
    pub description: OnceLock<Bytes>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Reply>>>>;

/// A row of the route table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// The contract's name for the operation.
    pub operation: &'static str,
    pub who: Who,
    /// What the call belongs to, for roles that have features switched off.
    pub features: Features,
    /// What it counts as among an app's requests.
    pub class: Class,
    /// The extension it belongs to, which an app may have off.
    pub extension: Option<Extension>,
    /// Takes multipart bodies besides JSON, and reads them itself: they are not held in memory.
    pub takes_files: bool,
    handler: Box<dyn Fn(Arc<Api>, Parts) -> Answer + Send + Sync>,
}

fn route<D, F, Fut>(method: Method, path: &'static str, operation: &'static str, handler: F) -> Route
where
    D: Demand,
    F: Fn(Access<D>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply>> + 'static,
{
    Route {
        method,
        path,
        operation,
        who: D::WHO,
        features: Features::NONE,
        class: Class::Standard,
        extension: Extension::of_path(path),
        takes_files: false,
        handler: Box::new(move |api, parts| Box::pin(async move { handler(Access::check(api, parts).await?).await })),
    }
}

impl Route {
    fn with_files(self) -> Route {
        Route { takes_files: true, ..self }
    }

    fn core(self) -> Route {
        Route { class: Class::Core, ..self }
    }

    fn import(self) -> Route {
        Route { class: Class::Import, ..self }
    }

    /// Ties the row to features; one of them switched off for a role refuses the call to its users.
    fn feature(self, features: &[Feature]) -> Route {
        Route { features: Features::of(features), ..self }
    }
}

/// The whole API.
pub fn routes() -> Vec<Route> {
    let get = Method::GET;
    let post = Method::POST;
    let put = Method::PUT;
    let patch = Method::PATCH;
    let delete = Method::DELETE;
    let r = Row;
    use Feature as F;
    vec![
        r.on(&post, "/messages", "send-message", messages::send).with_files().feature(&[F::CreateMessage]),
        r.on(&get, "/messages", "list-all-messages", messages::list).feature(&[F::ListMessages]),
        r.on(&get, "/messages/{id}", "get-message-details", messages::show).feature(&[F::GetMessage]),
        r.on(&put, "/messages/{id}", "update-message", messages::update).feature(&[F::UpdateMessage]),
        r.on(&delete, "/messages/{id}", "delete-message", messages::delete).feature(&[F::DeleteMessage]),
        r.on(&get, "/user/messages/{muid}", "get-message-by-muid", messages::by_muid).feature(&[F::GetMessage]),
        r.on(&patch, "/messages/{id}/interacted", "mark-message-as-interacted", messages::interacted),
        r.on(&get, "/messages/{id}/reactions", "list-all-reactions", reactions::list),
        r.on(&get, "/messages/{id}/reactions/{reaction}", "get-message-reactions", reactions::list_one),
        r.on(&post, "/messages/{id}/reactions/{reaction}", "add-message-reactions", reactions::add),
        r.on(&delete, "/messages/{id}/reactions/{reaction}", "remove-message-reactions", reactions::remove),
        r.on(&post, "/messages/{id}/thread", "send-thread-message", messages::reply)
            .with_files()
            .feature(&[F::CreateMessageThread]),
        r.on(&post, "/bots/{uid}/messages", "send-bot-message", messages::send_as_bot).with_files(),
        r.on(&post, "/messages/{id}/flagged", "flag-a-message", moderation::flag),
        r.on(&post, "/moderation/reasons", "create-reason", moderation::create_reason),
        r.on(&get, "/moderation/reasons", "list-reasons", moderation::list_reasons),
        r.on(&get, "/moderation/reasons/{id}", "get-reason-details", moderation::show_reason),
        r.on(&put, "/moderation/reasons/{id}", "update-reason-details", moderation::update_reason),
        r.on(&delete, "/moderation/reasons/{id}", "delete-reason", moderation::delete_reason),
        r.on(&get, "/moderation/flagged-messages", "list-flagged-messages", moderation::list_flagged),
        r.on(&patch, "/moderation/flagged-messages/{id}", "blockreview-flagged-message", moderation::review),
        r.on(&get, "/moderation/reviewed-messages", "list-reviewed-messages", moderation::list_reviewed),
        r.on(&get, "/threads", "list-threads", threads::list).feature(&[F::ListThreadedMessages]),
        r.on(&get, "/users/{uid}/threads", "(client) list-user-threads", threads::with_user)
            .feature(&[F::ListThreadedMessages]),
        r.on(&get, "/groups/{guid}/threads", "(client) list-group-threads", threads::in_group)
            .feature(&[F::ListThreadedMessages]),
        r.on(&post, "/messages/{id}/thread/subscription", "subscribe-thread", threads::subscribe),
        r.on(&delete, "/messages/{id}/thread/subscription", "unsubscribe-thread", threads::unsubscribe),
        r.on(&post, "/messages/{id}/pin", "pin-message", pins::pin),
        r.on(&delete, "/messages/{id}/pin", "unpin-message", pins::unpin),
        r.on(&post, "/messages/{id}/save", "save-message", pins::save),
        r.on(&delete, "/messages/{id}/save", "unsave-message", pins::unsave),
        r.on(&post, "/files/upload-url", "request-uploads", media::request_uploads),
        r.on(&post, "/files/uploads/{appId}/{name}", "upload", media::upload).with_files(),
        r.on(&get, "/messages/{id}/thread", "list-all-thread-messages", messages::thread)
            .feature(&[F::ListThreadedMessages]),
        r.on(&get, "/users/{uid}/messages", "user-list-user-messages", messages::with_user)
            .feature(&[F::GetUserMessages]),
        r.on(&get, "/groups/{guid}/messages", "user-list-group-messages", messages::in_group)
            .feature(&[F::GetGroupMessages]),
        r.on(&put, "/me", "update-me", me::update).core().feature(&[F::UpdateAuthToken]),
        r.on(&get, "/me", "get-me", me::show).feature(&[F::GetMyDetails]),
        r.on(&delete, "/me", "logout", me::log_out).feature(&[F::Logout]),
        r.on(&post, "/me/jwt", "(client) create-media-token", me::media_token),
        r.on(&post, "/api/{version}/online-members", "(client) online-members", presence::online),
        r.on(&get, "/settings", "get-settings", me::settings).feature(&[F::ListSettings]),
        r.on(&post, "/user_sessions", "create-user-session", me::session),
        r.on(&post, "/apikeys", "create-apikey", keys::create),
        r.on(&get, "/apikeys", "list-apikeys", keys::list),
        r.on(&get, "/apikeys/{apiKey}", "get-apikey", keys::show),
        r.on(&put, "/apikeys/{apiKey}", "update-apikey", keys::update),
        r.on(&delete, "/apikeys/{apiKey}", "delete-apikey", keys::delete),
        r.on(&post, "/users/{uid}/auth_tokens", "create-authtoken", tokens::create).core(),
        r.on(&get, "/users/{uid}/auth_tokens", "list-authtokens", tokens::list),
        r.on(&delete, "/users/{uid}/auth_tokens", "flush-authtokens", tokens::flush),
        r.on(&get, "/users/{uid}/auth_tokens/{authToken}", "get-authtoken", tokens::show),
        r.on(&put, "/users/{uid}/auth_tokens/{authToken}", "update-authtoken", tokens::update),
        r.on(&delete, "/users/{uid}/auth_tokens/{authToken}", "delete-authtoken", tokens::delete),
        r.on(&post, "/roles", "create-role", roles::create),
        r.on(&get, "/roles", "list-roles", roles::list),
        r.on(&get, "/roles/{role}", "get-role", roles::show),
        r.on(&put, "/roles/{role}", "update-role", roles::update),
        r.on(&delete, "/roles/{role}", "delete-role", roles::delete),
        r.on(&post, "/roles/{role}/restrictedfeatures", "restrict-features", features::restrict),
        r.on(&get, "/roles/{role}/restrictedfeatures", "get-restrictedfeatures", features::list),
        r.on(&delete, "/roles/{role}/restrictedfeatures", "allow-features", features::allow),
        r.on(&get, "/roles/{role}/permissions", "list-role-permissions", permissions::list_role),
        r.on(&put, "/roles/{role}/permissions", "set-role-permissions", permissions::set_role),
        r.on(&delete, "/roles/{role}/permissions/{permission}", "unset-role-permissions", permissions::unset_role),
        r.on(&get, "/groups/{guid}/scopes/{scope}/permissions", "list-scope-permissions", permissions::list_scope),
        r.on(&put, "/groups/{guid}/scopes/{scope}/permissions", "set-scope-permissions", permissions::set_scope),
        r.on(
            &delete,
            "/groups/{guid}/scopes/{scope}/permissions/{permission}",
            "unset-scope-permissions",
            permissions::unset_scope,
        ),
        r.on(&post, "/users", "create-user", users::create).core(),
        r.on(&get, "/users", "list-users", users::list).feature(&[F::ListUsers]),
        r.on(&put, "/users", "reactivate-users", users::reactivate),
        r.on(&delete, "/users", "deactivate-users", users::deactivate),
        r.on(&get, "/users/{uid}", "get-user", users::show).feature(&[F::GetUser]),
        r.on(&put, "/users/{uid}", "update-user", users::update),
        r.on(&delete, "/users/{uid}", "delete-user", users::delete).core(),
        r.on(&post, "/users/{uid}/blockedusers", "block-users", blocks::block_for).feature(&[F::BlockUser]),
        r.on(&delete, "/users/{uid}/blockedusers", "unblock-users", blocks::unblock_for).feature(&[F::UnblockUser]),
        r.on(&get, "/users/{uid}/blockedusers", "list-blocked-users", blocks::list_for).feature(&[F::GetBlockedUsers]),
        r.on(&post, "/blockedusers", "(client) block-users", blocks::block).feature(&[F::BlockUser]),
        r.on(&delete, "/blockedusers", "(client) unblock-users", blocks::unblock).feature(&[F::UnblockUser]),
        r.on(&get, "/blockedusers", "(client) list-blocked-users", blocks::list).feature(&[F::GetBlockedUsers]),
        r.on(&post, "/users/{uid}/friends", "add-friend", friends::add),
        r.on(&get, "/users/{uid}/friends", "list-all-friends", friends::list),
        r.on(&delete, "/users/{uid}/friends", "remove-friend", friends::remove),
        r.on(&post, "/groups", "create-group", groups::create).core().feature(&[F::CreateGroup]),
        r.on(&get, "/groups", "list-groups", groups::list).feature(&[F::ListGroups]),
        r.on(&get, "/groups/{guid}", "get-group", groups::show).feature(&[F::GetGroup]),
        r.on(&put, "/groups/{guid}", "update-group", groups::update).feature(&[F::UpdateGroup]),
        r.on(&delete, "/groups/{guid}", "delete-group", groups::delete).feature(&[F::DeleteGroup]),
        r.on(&patch, "/groups/{guid}/owner", "(client) transfer-ownership", groups::transfer).feature(&[F::PatchOwner]),
        r.on(&post, "/groups/{guid}/members", "add-group-members", members::add_or_join)
            .core()
            .feature(&[F::JoinGroup]),
        r.on(&put, "/groups/{guid}/members", "(client) add-group-members", members::add)
            .feature(&[F::AddMember, F::MassMemberOperate]),
        r.on(&delete, "/groups/{guid}/members", "(client) leave-group", members::leave).feature(&[F::LeaveGroup]),
        r.on(&get, "/groups/{guid}/members", "list-group-members", members::list).feature(&[F::ListGroupMembers]),
        r.on(&put, "/groups/{guid}/members/{uid}", "change-group-member-scope", members::change_scope)
            .feature(&[F::ChangeScope]),
        r.on(&delete, "/groups/{guid}/members/{uid}", "kick-group-member", members::kick).feature(&[F::KickMember]),
        r.on(&post, "/groups/{guid}/bannedusers/{uid}", "ban-group-user", members::ban).feature(&[F::Ban]),
        r.on(&delete, "/groups/{guid}/bannedusers/{uid}", "unban-group-user", members::unban).feature(&[F::Unban]),
        r.on(&get, "/groups/{guid}/bannedusers", "list-banned-group-users", members::banned)
            .feature(&[F::ListBannedUsers]),
        r.on(&get, "/conversations", "list-all-conversations", conversations::list).feature(&[F::ListConversations]),
        r.on(&get, "/conversations/pinned", "list-global-pinned-conversations", conversations::list_pinned),
        r.on(&put, "/conversations/pinned", "replace-global-pinned-conversations", conversations::replace_pinned),
        r.on(&get, "/conversations/{conversationId}", "get-conversation", conversations::show_by_id)
            .feature(&[F::GetConversation]),
        r.on(&delete, "/conversations/{conversationId}", "delete-conversation", conversations::delete_by_id),
        r.on(&post, "/users/{uid}/conversation/pin", "pin-user-conversation", conversations::pin_user),
        r.on(&delete, "/users/{uid}/conversation/pin", "unpin-user-conversation", conversations::unpin_user),
        r.on(&post, "/groups/{guid}/conversation/pin", "pin-group-conversation", conversations::pin_group),
        r.on(&delete, "/groups/{guid}/conversation/pin", "unpin-group-conversation", conversations::unpin_group),
        r.on(&get, "/users/{uid}/conversation", "get-user-conversations", conversations::show_user)
            .feature(&[F::GetConversation]),
        r.on(&put, "/users/{uid}/conversation", "update-user-conversation", conversations::update_user),
        r.on(&delete, "/users/{uid}/conversation", "reset-user-conversation", conversations::reset_user)
            .feature(&[F::DeleteConversationForUser]),
        r.on(
            &post,
            "/users/{uid}/conversation/delivered",
            "mark-conversation-as-delivered",
            conversations::delivered_user,
        ),
        r.on(&post, "/users/{uid}/conversation/read", "mark-conversation-as-read", conversations::read_user),
        r.on(&delete, "/users/{uid}/conversation/read", "mark-conversation-as-unread", conversations::unread_user),
        r.on(&get, "/groups/{guid}/conversation", "get-group-conversations", conversations::show_group)
            .feature(&[F::GetConversation]),
        r.on(&put, "/groups/{guid}/conversation", "update-group-conversation", conversations::update_group),
        r.on(&delete, "/groups/{guid}/conversation", "reset-group-conversation", conversations::reset_group)
            .feature(&[F::DeleteConversationForUser]),
        r.on(
            &post,
            "/groups/{guid}/conversation/delivered",
            "mark-group-conversation-as-delivered",
            conversations::delivered_group,
        ),
        r.on(&post, "/groups/{guid}/conversation/read", "mark-group-conversation-as-read", conversations::read_group),
        r.on(
            &delete,
            "/groups/{guid}/conversation/read",
            "mark-group-conversation-as-unread",
            conversations::unread_group,
        ),
        r.on(&post, "/data_import/users", "import-users", imports::users).import(),
        r.on(&post, "/data_import/groups", "import-groups", imports::groups).import(),
        r.on(&post, "/data_import/members", "import-members", imports::members).import(),
        r.on(&post, "/data_import/messages", "import-messages", imports::messages).import(),
        r.on(&post, "/apps", "create-app", apps::create),
        r.on(&get, "/apps", "list-apps", apps::list),
        r.on(&delete, "/apps/{appId}", "delete-app", apps::delete),
        r.on(&post, "/apps/{appId}/usage", "fetch-multi-tenant-usage", apps::usage),
        r.on(&post, "/extensions/polls/create", "extension-create-poll", extensions::polls::create)
            .feature(&[F::CreateMessage]),
        r.on(&post, "/extensions/polls/vote", "extension-vote-in-poll", extensions::polls::vote),
        r.on(&get, "/extensions/polls/results", "extension-poll-results", extensions::polls::results),
        r.on(&get, "/extensions/stickers/fetch", "extension-list-stickers", extensions::stickers::fetch),
        r.on(&post, "/extensions/pin-message/pin", "extension-pin-message", extensions::pins::pin),
        r.on(&delete, "/extensions/pin-message/unpin", "extension-unpin-message", extensions::pins::unpin),
        r.on(&get, "/extensions/pin-message/fetch", "extension-list-pinned-messages", extensions::pins::fetch),
        r.on(
            &post,
            "/extensions/message-translation/translate",
            "extension-translate",
            extensions::translation::translate,
        ),
        r.on(&post, "/extensions/document/create", "extension-create-document", extensions::boards::document)
            .feature(&[F::CreateMessage]),
        r.on(&post, "/extensions/whiteboard/create", "extension-create-whiteboard", extensions::boards::whiteboard)
            .feature(&[F::CreateMessage]),
        r.on(&get, "/extensions/reminders/fetch", "extension-list-reminders", extensions::reminders::fetch),
        r.on(&post, "/extensions/reminders/reminder", "extension-create-reminder", extensions::reminders::create),
        r.on(&put, "/extensions/reminders/reminder", "extension-update-reminder", extensions::reminders::update),
        r.on(&delete, "/extensions/reminders/reminder", "extension-delete-reminder", extensions::reminders::delete),
        r.on(
            &delete,
            "/extensions/disappearing-messages/disappear",
            "extension-delete-message-later",
            extensions::disappearing::disappear,
        )
        .feature(&[F::DeleteMessage]),
        r.on(&get, "/stats", "usage-metrics", metrics::usage),
        r.on(&get, "/stats/messages", "message-receipt-metrics", metrics::messages),
        r.on(&get, "/calls", "list-calls", calls::list).feature(&[F::ListCalls]),
        r.on(&get, "/calls/{sessionid}", "retrieve-call-details", calls::show).feature(&[F::GetCall]),
        r.on(&get, "/calls/{sessionid}/transcriptions", "retrieve-call-transcriptions", calls::transcriptions)
            .feature(&[F::GetCall]),
        r.on(&post, "/calls", "(client) initiate-call", calls::initiate).feature(&[F::CreateCall]),
        r.on(&put, "/calls/{sessionid}", "(client) update-call", calls::update).feature(&[F::UpdateCall]),
        r.on(&patch, "/calls/{sessionid}/type", "(client) switch-call-type", calls::switch).feature(&[F::UpdateCall]),
        r.on(&get, "/notifications/v1/settings", "notifications-push-list-settings", notifications::settings),
        r.on(
            &patch,
            "/notifications/v1/settings",
            "notifications-push-update-settings",
            notifications::change_settings,
        ),
        r.on(&delete, "/notifications/v1/settings", "notifications-push-reset-settings", notifications::reset_settings),
        r.on(&get, "/notifications/v1/preferences", "notifications-push-list-preferences", notifications::preferences),
        r.on(
            &patch,
            "/notifications/v1/preferences",
            "notifications-push-update-preferences",
            notifications::change_preferences,
        ),
        r.on(
            &delete,
            "/notifications/v1/preferences",
            "notifications-push-reset-preferences",
            notifications::reset_preferences,
        ),
        r.on(&get, "/notifications/v1/preferences/mute", "notifications-push-list-muted", notifications::mutes),
        r.on(&put, "/notifications/v1/preferences/mute", "notifications-push-mute-conversations", notifications::mute),
        r.on(
            &delete,
            "/notifications/v1/preferences/mute",
            "notifications-push-unmute-conversations",
            notifications::unmute,
        ),
        r.on(&get, "/notifications/v1/preferences/timezone", "notifications-get-timezone", notifications::timezone),
        r.on(
            &patch,
            "/notifications/v1/preferences/timezone",
            "notifications-update-timezone",
            notifications::set_timezone,
        ),
        r.on(&get, "/notifications/push/v1/preferences", "(client) list-preferences", notifications::preferences),
        r.on(
            &patch,
            "/notifications/push/v1/preferences",
            "(client) update-preferences",
            notifications::change_preferences,
        ),
        r.on(
            &delete,
            "/notifications/push/v1/preferences",
            "(client) reset-preferences",
            notifications::reset_preferences,
        ),
        r.on(&get, "/notifications/push/v1/preferences/mute", "(client) list-muted", notifications::mutes),
        r.on(&put, "/notifications/push/v1/preferences/mute", "(client) mute-conversations", notifications::mute),
        r.on(
            &delete,
            "/notifications/push/v1/preferences/mute",
            "(client) unmute-conversations",
            notifications::unmute,
        ),
        r.on(&get, "/notifications/push/v1/preferences/timezone", "(client) get-timezone", notifications::timezone),
        r.on(
            &patch,
            "/notifications/push/v1/preferences/timezone",
            "(client) update-timezone",
            notifications::set_timezone,
        ),
        r.on(&get, "/notifications/v1/contact-details", "notifications-get-contact-details", notifications::contact),
        r.on(
            &patch,
            "/notifications/v1/contact-details",
            "notifications-update-contact-details",
            notifications::set_contact,
        ),
        r.on(
            &delete,
            "/notifications/v1/contact-details",
            "notifications-delete-contact-details",
            notifications::delete_contact,
        ),
        r.on(&post, "/notifications/push/v1/tokens", "notifications-push-register-token", notifications::register),
        r.on(&get, "/notifications/push/v1/tokens", "notifications-push-list-tokens", notifications::tokens),
        r.on(
            &delete,
            "/notifications/push/v1/tokens",
            "notifications-push-unregister-tokens",
            notifications::unregister,
        ),
        r.on(
            &delete,
            "/notifications/push/v1/tokens/{pushToken}",
            "notifications-push-delete-token",
            notifications::unregister_one,
        ),
        r.on(&get, "/notifications/v1/logs", "notifications-logs", notifications::logs),
        r.on(&post, "/admin/api/setup", "admin-setup", admin::set_up),
        r.on(&post, "/admin/api/login", "admin-login", admin::log_in),
        r.on(&post, "/admin/api/logout", "admin-logout", admin::log_out),
        r.on(&post, "/admin/api/password", "admin-change-password", admin::change_password),
        r.on(&get, "/admin/api/overview", "admin-overview", admin::overview),
        r.on(&post, "/admin/api/apps", "admin-create-app", admin::create_app),
        r.on(&get, "/admin/api/apps/{appId}", "admin-show-app", admin::show_app),
        r.on(&delete, "/admin/api/apps/{appId}", "admin-delete-app", admin::delete_app),
        r.on(&get, "/admin/api/apps/{appId}/keys", "admin-list-keys", admin::list_keys),
        r.on(&post, "/admin/api/apps/{appId}/keys", "admin-create-key", admin::create_key),
        r.on(&delete, "/admin/api/apps/{appId}/keys/{keyId}", "admin-revoke-key", admin::revoke_key),
        r.on(&get, "/admin/api/apps/{appId}/extensions", "admin-list-extensions", extensions::list),
        r.on(&put, "/admin/api/apps/{appId}/extensions/{slug}", "admin-switch-extension", extensions::switch),
        r.on(&get, "/admin/api/apps/{appId}/stickers", "admin-list-stickers", extensions::stickers::list),
        r.on(&post, "/admin/api/apps/{appId}/stickers", "admin-create-sticker", extensions::stickers::create)
            .with_files(),
        r.on(
            &delete,
            "/admin/api/apps/{appId}/stickers/{stickerId}",
            "admin-delete-sticker",
            extensions::stickers::delete,
        ),
        r.on(&get, "/admin/api/apps/{appId}/users", "admin-list-users", admin::list_users),
        r.on(&get, "/admin/api/apps/{appId}/users/{uid}", "admin-show-user", admin::show_user),
        r.on(&post, "/admin/api/apps/{appId}/users/{uid}/deactivate", "admin-deactivate-user", admin::deactivate_user),
        r.on(&post, "/admin/api/apps/{appId}/users/{uid}/reactivate", "admin-reactivate-user", admin::reactivate_user),
        r.on(&get, "/admin/api/apps/{appId}/users/{uid}/logins", "admin-list-logins", admin::list_logins),
        r.on(&delete, "/admin/api/apps/{appId}/users/{uid}/logins/{loginId}", "admin-end-login", admin::end_login),
        r.on(&get, "/admin/api/apps/{appId}/groups", "admin-list-groups", admin::list_groups),
        r.on(&get, "/admin/api/apps/{appId}/groups/{guid}", "admin-show-group", admin::show_group),
        r.on(&get, "/admin/api/apps/{appId}/groups/{guid}/members", "admin-list-members", admin::list_members),
    ]
}

/// What each noun says of its operations, for the API description.
fn describe_nouns() -> openapi::Doc {
    let mut doc = openapi::Doc::default();
    apps::describe(&mut doc);
    blocks::describe(&mut doc);
    calls::describe(&mut doc);
    conversations::describe(&mut doc);
    extensions::describe(&mut doc);
    features::describe(&mut doc);
    friends::describe(&mut doc);
    groups::describe(&mut doc);
    imports::describe(&mut doc);
    keys::describe(&mut doc);
    me::describe(&mut doc);
    media::describe(&mut doc);
    members::describe(&mut doc);
    messages::describe(&mut doc);
    metrics::describe(&mut doc);
    moderation::describe(&mut doc);
    presence::describe(&mut doc);
    notifications::describe(&mut doc);
    permissions::describe(&mut doc);
    pins::describe(&mut doc);
    reactions::describe(&mut doc);
    roles::describe(&mut doc);
    threads::describe(&mut doc);
    tokens::describe(&mut doc);
    users::describe(&mut doc);
    doc
}

fn described(api: &Api) -> Bytes {
    description(api.router.routes(), api.public_host.as_deref()).into()
}

/// The API description as JSON.
pub fn description(routes: &[Route], public: Option<&PublicHost>) -> String {
    // One that is read from the server itself may leave out where that is.
    let server = public.map_or_else(|| "/v3".to_owned(), |public| format!("{}/v3", public.base("https")));
    openapi::describe(routes, describe_nouns(), &server).to_string()
}

/// Lets the rows above read as a table.
#[derive(Clone, Copy)]
struct Row;

impl Row {
    fn on<D, F, Fut>(self, method: &Method, path: &'static str, operation: &'static str, handler: F) -> Route
    where
        D: Demand,
        F: Fn(Access<D>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply>> + 'static,
    {
        route(method.clone(), path, operation, handler)
    }
}

/// Finds the row for a request.
pub struct Router {
    routes: Vec<Route>,
    by_method: HashMap<Method, matchit::Router<usize>>,
}

impl Router {
    pub fn new(routes: Vec<Route>) -> Self {
        let mut by_method: HashMap<Method, matchit::Router<usize>> = HashMap::new();
        for (at, route) in routes.iter().enumerate() {
            let inserted = by_method.entry(route.method.clone()).or_default().insert(route.path, at);
            // The table is part of the program; a test walks it, so this is never seen by a user.
            inserted.unwrap_or_else(|error| panic!("route {}: {error}", route.path));
        }
        Router { routes, by_method }
    }

    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn find(&self, method: &Method, path: &str) -> Option<(&Route, Vec<(String, String)>)> {
        let found = self.by_method.get(method)?.at(path).ok()?;
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let params = found.params.iter().map(|(key, value)| (key.to_owned(), decode(value))).collect();
        Some((&self.routes[*found.value], params))
    }
}

/// What some editors and frameworks write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Answers every request.
pub async fn dispatch(
    request: HttpRequest,
    payload: Payload,
    api: actix_web::web::Data<Api>,
    context: actix_web::web::ThinData<Rc<Context>>,
) -> HttpResponse {
    let path = below(api.public_host.as_deref(), request.path());
    let routed = extensions::route(&api, &request, path);
    let path = routed.as_deref().unwrap_or(path);
    let mut response = if request.method() == Method::OPTIONS {
        preflight(&request, path)
    } else if is_upgrade(&request, path) {
        match socket::accept(&request, payload, context.0.clone(), access::base(&api, &request)).await {
            // A socket's answer belongs to the socket: no more headers on it.
            Ok(response) => return response,
            Err(_) => reply::refusal(&Error::new(Code::BadRequest, "This is no proper WebSocket handshake.")),
        }
    } else if let Some(page) = pages::find(&request, path) {
        page
    } else if let Some(file) = media::find(&request, path, &api).await {
        file
    } else if let Some(answer) = front::find(&request, path, &api).await {
        answer
    } else if path == "/openapi.json" && matches!(*request.method(), Method::GET | Method::HEAD) {
        HttpResponse::Ok()
            .content_type("application/json")
            .body(api.description.get_or_init(|| described(&api)).clone())
    } else {
        let answer = operate(&request, path, payload, api.clone().into_inner());
        let answer = match request.method().is_safe() {
            true => answers::while_there(&request, answer).await,
            // What was asked for is done, whoever hears of it.
            false => answer.await,
        };
        match answer {
            Ok(Reply { body, .. }) => {
                let body = match show_urls(&body, || access::base(&api, &request)) {
                    Cow::Borrowed(_) => body,
                    Cow::Owned(shown) => shown,
                };
                HttpResponse::Ok().content_type("application/json").body(body)
            }
            Err(error) => reply::refusal(&error),
        }
    };
    response = answering::outgoing(&request, api.answers.outgoing(&request, response, &api.trusted));
    if let Some(budget) = request.extensions().get::<Budget>() {
        budget.tell(&mut response);
    }
    if !is_admins(path) {
        allow_any_origin(&mut response);
    }
    response
}

async fn operate(request: &HttpRequest, path: &str, payload: Payload, api: Arc<Api>) -> Result<Reply> {
    let path = versionless(beside_socket(path))?;
    let plain = extension::plain(path);
    let path = plain.as_deref().unwrap_or(path);
    if is_admins(path) && !request.method().is_safe() && !is_own_page(request, &api) {
        return Err(Error::new(Code::NoAccess, "The admin API is for this server's own pages."));
    }
    // HEAD is GET without the body, which the framework leaves out.
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let (route, params) = api.router.find(method, path).ok_or_else(|| match absent::is(path) {
        true => Code::FeatureNotAccessible.into(),
        false => extensions::unknown(path).unwrap_or(Code::ApiNotFound.into()),
    })?;
    let query = Query::parse(request.query_string());
    let mut parts = Parts {
        features: route.features,
        class: route.class,
        extension: route.extension,
        request: request.clone(),
        params,
        query,
        body: Bytes::new(),
        upload: None,
    };
    let most = if route.class == Class::Import {
        // So much is read only from somebody who may import.
        access::admit::<access::FullKey>(&api, &parts).await?;
        api.limits.import_body()
    } else {
        api.limits.body
    };
    match route.takes_files && is_multipart(request) {
        true => parts.upload = Some(payload),
        false => parts.body = bodies::read(&api, request, payload, most).await?,
    }
    if let Some(rest) = parts.body.strip_prefix(BYTE_ORDER_MARK) {
        parts.body = parts.body.slice_ref(rest);
    }
    if forms::is(request) {
        parts.body = forms::json(parts.body);
    }
    // Many clients and proxies send no body with a DELETE: what it would say may stand in the query.
    if request.method() == Method::DELETE && parts.body.is_empty() && !request.query_string().is_empty() {
        parts.body = Bytes::from(forms::object(&parts.query).to_string());
    }
    let reply = (route.handler)(api.clone(), parts).await?;
    let most = api.limits.page_bytes;
    match reply.is_page && reply.body.len() > most {
        true => Err(too_large_a_page(most)),
        false => Ok(reply),
    }
}

/// A page by number cannot end early: what is left out would be on no page.
fn too_large_a_page(most: usize) -> Error {
    let sentence = format!("This page would be larger than {most} bytes: ask for fewer at a time.");
    Error::field("perPage", sentence).with_params(serde_json::json!({ "limit": most }))
}

fn is_multipart(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// The path below the one of the public address, for proxies that pass it on whole.
fn below<'p>(public: Option<&PublicHost>, path: &'p str) -> &'p str {
    let rest = public.and_then(|public| path.strip_prefix(public.path()));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The path without its version: `/v3`, `/v3.0`, both, or none name the same API.
fn versionless(path: &str) -> Result<&str> {
    let mut rest = path;
    loop {
        let segment = rest.strip_prefix('/').map_or("", |rest| rest.split('/').next().unwrap_or(""));
        match segment {
            "v3" | "v3.0" => rest = &rest[segment.len() + 1..],
            _ if is_version(segment) => return Err(Code::InvalidVersion.into()),
            _ => break,
        }
    }
    let rest = if rest.len() > 1 { rest.trim_end_matches('/') } else { rest };
    Ok(if rest.is_empty() { "/" } else { rest })
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// A client whose socket has a path below `/ws` asks for what lives beside sockets (`/api/…`) there, too.
fn beside_socket(path: &str) -> &str {
    let below = path.starts_with("/ws/") || path.starts_with("/ws:");
    if !below {
        return path;
    }
    path.find("/api/").map_or(path, |at| &path[at..])
}

/// Sockets live at `/`; anything below `/ws` is taken, too.
fn is_upgrade(request: &HttpRequest, path: &str) -> bool {
    let asked = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    let here = matches!(path, "/" | "/ws") || path.starts_with("/ws/") || path.starts_with("/ws:");
    request.method() == Method::GET && here && asked.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Whether the path is the admin page's or its API's, which serve no page of another site.
fn is_admins(path: &str) -> bool {
    let path = versionless(beside_socket(path)).unwrap_or(path);
    path == "/admin" || path.starts_with("/admin/")
}

/// Whether a request comes from a page of this server, or from no browser at all. What a browser says of the site comes
/// first; one that says nothing (by plain http from elsewhere) still names the origin.
fn is_own_page(request: &HttpRequest, api: &Api) -> bool {
    let text = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return true };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let own = peer::host(request, &api.trusted);
    host.eq_ignore_ascii_case(&own)
        || api.public_host.as_deref().is_some_and(|own| host.eq_ignore_ascii_case(&own.authority()))
}

/// Browsers ask first. No cookies are used by clients, so any page may be one.
fn preflight(request: &HttpRequest, path: &str) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::OK);
    if is_admins(path) {
        return response.finish();
    }
    response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE, OPTIONS"));
    response.insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"));
    if let Some(asked) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    response.finish()
}

/// Headers that a browser lets its page read.
const EXPOSED: &str = "Retry-After, X-Rate-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Reset, X-RateLimit-Limit, \
    X-RateLimit-Remaining, X-RateLimit-Limit-For-App, X-RateLimit-Remaining-For-App, Content-Range, ETag";

fn allow_any_origin(response: &mut HttpResponse) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, header::HeaderValue::from_static(EXPOSED));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_optional() {
        for path in ["/users/a", "/v3/users/a", "/v3.0/users/a", "/v3/v3.0/users/a", "/v3/users/a/"] {
            assert_eq!(versionless(path).unwrap(), "/users/a", "{path}");
        }
        assert_eq!(versionless("/v3").unwrap(), "/");
        for path in ["/api/v3.0/x", "/ws/api/v3.0/x", "/ws:8443/api/v3.0/x", "/ws/deep/api/v3.0/x"] {
            assert_eq!(beside_socket(path), "/api/v3.0/x", "{path}");
        }
        assert_eq!(beside_socket("/wsx/api/y"), "/wsx/api/y");
        assert_eq!(versionless("/v2/users").unwrap_err().code, Code::InvalidVersion);
    }

    #[test]
    fn the_table_has_no_conflicts() {
        assert!(Router::new(routes()).routes().len() > 50);
    }
}
