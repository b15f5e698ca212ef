//! The route table: the whole API, a row an operation.

use actix_web::http::Method;
use serde_json::Value;

use super::access::{Admin, Management};
use super::router::{Route, Row};
use super::{
    admin, apps, backups, blocks, calls, conversations, deliveries, extensions, features, friends, groups, imports,
    keys, me, media, members, messages, metrics, moderation, notifications, openapi, permissions, pins, presence,
    reactions, roles, threads, tokens, users, webhooks,
};
use crate::model::feature::Feature;

/// Webhooks, for whoever this demands: the same below the path of an app here and there.
macro_rules! webhooks_of {
    ($demand:ty, $apps:literal, $name:literal) => {{
        let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
        macro_rules! at {
            ($method:expr, $path:literal, $operation:literal, $handler:path) => {
                Row.on(&$method, concat!($apps, $path), concat!($name, $operation), $handler)
            };
        }
        [
            at!(post, "/webhooks", "create-webhook", webhooks::create::<$demand>),
            at!(get, "/webhooks", "list-webhooks", webhooks::list::<$demand>),
            at!(get, "/webhooks/{webhookId}", "get-webhook", webhooks::show::<$demand>),
            at!(put, "/webhooks/{webhookId}", "update-webhook", webhooks::update::<$demand>),
            at!(delete, "/webhooks/{webhookId}", "delete-webhook", webhooks::delete::<$demand>),
            at!(post, "/webhooks/{webhookId}/triggers", "add-triggers", webhooks::add_triggers::<$demand>),
            at!(get, "/webhooks/{webhookId}/triggers", "list-triggers", webhooks::list_triggers::<$demand>),
            at!(delete, "/webhooks/{webhookId}/triggers", "remove-triggers", webhooks::remove_triggers::<$demand>),
            at!(get, "/triggers", "list-all-triggers", webhooks::all_triggers::<$demand>),
            at!(post, "/webhooks/{webhookId}/secret", "rotate-webhook-secret", webhooks::rotate::<$demand>),
            at!(post, "/webhooks/{webhookId}/test", "test-webhook", deliveries::test::<$demand>),
            at!(get, "/webhooks/{webhookId}/deliveries", "list-deliveries", deliveries::list::<$demand>),
            at!(get, "/webhooks/{webhookId}/deliveries/{deliveryId}", "get-delivery", deliveries::show::<$demand>),
            at!(
                post,
                "/webhooks/{webhookId}/deliveries/{deliveryId}/replay",
                "replay-delivery",
                deliveries::replay_one::<$demand>
            ),
            at!(post, "/webhooks/{webhookId}/replay", "replay-deliveries", deliveries::replay::<$demand>),
        ]
    }};
}

/// The whole API.
pub fn routes() -> Vec<Route> {
    let mut routes = rows();
    routes.extend(webhooks_of!(Management, "/apps/{appId}", ""));
    routes.extend(webhooks_of!(Admin, "/admin/api/apps/{appId}", "admin-"));
    routes
}

fn rows() -> Vec<Route> {
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
        r.on(&post, "/moderation/rules", "create-rule", moderation::rules::create),
        r.on(&get, "/moderation/rules", "list-rules", moderation::rules::index),
        r.on(&get, "/moderation/rules/{ruleId}", "get-rule", moderation::rules::show),
        r.on(&put, "/moderation/rules/{ruleId}", "update-rule", moderation::rules::update),
        r.on(&delete, "/moderation/rules/{ruleId}", "delete-rule", moderation::rules::delete),
        r.on(&get, "/moderation/rules/{ruleId}/revisions", "list-rule-revisions", moderation::rules::revisions),
        r.on(&get, "/moderation/settings", "get-moderation-settings", moderation::rules::show_settings),
        r.on(&put, "/moderation/settings", "update-moderation-settings", moderation::rules::set_settings),
        r.on(&post, "/moderation/keywords", "create-rule-keyword", moderation::rules::create_list).with_files(),
        r.on(&get, "/moderation/keywords", "list-rule-keywords", moderation::rules::index_lists),
        r.on(&get, "/moderation/keywords/{keywordId}", "get-rule-keyword", moderation::rules::show_list),
        r.on(&put, "/moderation/keywords/{keywordId}", "update-rule-keyword", moderation::rules::update_list)
            .with_files(),
        r.on(&delete, "/moderation/keywords/{keywordId}", "delete-rule-keyword", moderation::rules::delete_list),
        r.on(&post, "/moderation/messages", "send-message-moderation", moderation::submitted::create),
        r.on(&get, "/moderation/messages", "list-message-moderation", moderation::submitted::list),
        r.on(&get, "/moderation/messages/{id}", "get-message-moderation", moderation::submitted::show),
        r.on(&put, "/moderation/messages/{id}", "update-message-moderation", moderation::submitted::update),
        r.on(&delete, "/moderation/messages/{id}", "delete-message-moderation", moderation::submitted::delete),
        r.on(&get, "/moderation/blocked-messages", "list-moderation-blocked-messages", moderation::blocked::list),
        r.on(&patch, "/moderation/blocked-messages/{id}", "review-blocked-message", moderation::blocked::review),
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
        r.on(&post, "/admin/api/setup", "admin-setup", admin::login::set_up),
        r.on(&post, "/admin/api/login", "admin-login", admin::login::log_in),
        r.on(&post, "/admin/api/logout", "admin-logout", admin::login::log_out),
        r.on(&post, "/admin/api/password", "admin-change-password", admin::login::change_password),
        r.on(&get, "/admin/api/overview", "admin-overview", admin::overview::overview),
        r.on(&get, "/admin/api/series", "admin-series", admin::series::series),
        r.on(&get, "/admin/api/health", "admin-health", admin::health::health),
        r.on(&post, "/admin/api/integrity", "admin-check-database", backups::integrity),
        r.on(&get, "/admin/api/logs", "admin-logs", admin::health::logs),
        r.on(&post, "/admin/api/tail", "admin-create-tail", admin::tail::create),
        r.on(&get, "/admin/api/tail/{id}", "admin-show-tail", admin::tail::show),
        r.on(&delete, "/admin/api/tail/{id}", "admin-delete-tail", admin::tail::delete),
        r.on(&get, "/admin/api/me", "admin-me", admin::admins::me),
        r.on(&get, "/admin/api/sessions", "admin-list-own-sessions", admin::admins::own_sessions),
        r.on(&delete, "/admin/api/sessions/{sessionId}", "admin-end-own-session", admin::admins::end_own_session),
        r.on(&post, "/admin/api/totp", "admin-enrol-totp", admin::totp::enrol),
        r.on(&post, "/admin/api/totp/confirm", "admin-confirm-totp", admin::totp::confirm),
        r.on(&delete, "/admin/api/totp", "admin-remove-totp", admin::totp::remove),
        r.on(&delete, "/admin/api/admins/{adminId}/totp", "admin-reset-totp", admin::totp::reset),
        r.on(&get, "/admin/api/admins", "admin-list-admins", admin::admins::list),
        r.on(&post, "/admin/api/admins", "admin-create-admin", admin::admins::create),
        r.on(&put, "/admin/api/admins/{adminId}", "admin-update-admin", admin::admins::update),
        r.on(&delete, "/admin/api/admins/{adminId}", "admin-delete-admin", admin::admins::delete),
        r.on(&post, "/admin/api/admins/{adminId}/reset", "admin-reset-admin", admin::admins::reset),
        r.on(&get, "/admin/api/admins/{adminId}/sessions", "admin-list-admin-sessions", admin::admins::sessions),
        r.on(&delete, "/admin/api/admins/{adminId}/sessions", "admin-end-admin-sessions", admin::admins::end_session),
        r.on(
            &delete,
            "/admin/api/admins/{adminId}/sessions/{sessionId}",
            "admin-end-admin-session",
            admin::admins::end_session,
        ),
        r.on(&post, "/admin/api/apps", "admin-create-app", admin::apps::create_app),
        r.on(&get, "/admin/api/apps/{appId}", "admin-show-app", admin::apps::show_app),
        r.on(&put, "/admin/api/apps/{appId}", "admin-rename-app", admin::apps::rename_app),
        r.on(&get, "/admin/api/apps/{appId}/bots", "admin-list-bots", admin::bots::list),
        r.on(&post, "/admin/api/apps/{appId}/bots", "admin-create-bot", admin::bots::create),
        r.on(&delete, "/admin/api/apps/{appId}/bots/{uid}", "admin-retire-bot", admin::bots::retire),
        r.on(&delete, "/admin/api/apps/{appId}", "admin-delete-app", admin::apps::delete_app),
        r.on(&get, "/admin/api/apps/{appId}/keys", "admin-list-keys", admin::apps::list_keys),
        r.on(&post, "/admin/api/apps/{appId}/keys", "admin-create-key", admin::apps::create_key),
        r.on(&delete, "/admin/api/apps/{appId}/keys/{keyId}", "admin-revoke-key", admin::apps::revoke_key),
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
        r.on(&get, "/admin/api/apps/{appId}/users", "admin-list-users", admin::users::list_users),
        r.on(&get, "/admin/api/apps/{appId}/users/{uid}", "admin-show-user", admin::users::show_user),
        r.on(&delete, "/admin/api/apps/{appId}/users/{uid}", "admin-delete-user", admin::users::delete_user),
        r.on(&get, "/admin/api/apps/{appId}/retention", "admin-show-retention", admin::apps::show_retention),
        r.on(&put, "/admin/api/apps/{appId}/retention", "admin-set-retention", admin::apps::set_retention),
        r.on(&get, "/admin/api/apps/{appId}/limits", "admin-show-limits", admin::app_limits::show),
        r.on(&put, "/admin/api/apps/{appId}/limits", "admin-set-limits", admin::app_limits::set),
        r.on(&get, "/admin/api/invitations", "admin-list-invitations", admin::admins::invitations),
        r.on(&delete, "/admin/api/invitations/{invitationId}", "admin-withdraw-invitation", admin::admins::withdraw),
        r.on(&get, "/admin/api/management-keys", "admin-list-management-keys", admin::management::list),
        r.on(&post, "/admin/api/management-keys", "admin-create-management-key", admin::management::create),
        r.on(&delete, "/admin/api/management-keys/{key}", "admin-revoke-management-key", admin::management::revoke),
        r.on(&post, "/admin/api/backups", "admin-create-backup", backups::create),
        r.on(&get, "/admin/api/backups", "admin-list-backups", backups::list),
        r.on(&post, "/admin/api/backups/{name}/link", "admin-link-backup", backups::link),
        r.on(&post, "/admin/api/backups/{name}/check", "admin-check-backup", backups::check),
        r.on(&get, "/admin/api/audit", "admin-list-audit", admin::list_audit),
        r.on(
            &post,
            "/admin/api/apps/{appId}/users/{uid}/deactivate",
            "admin-deactivate-user",
            admin::users::deactivate_user,
        ),
        r.on(
            &post,
            "/admin/api/apps/{appId}/users/{uid}/reactivate",
            "admin-reactivate-user",
            admin::users::reactivate_user,
        ),
        r.on(&get, "/admin/api/apps/{appId}/users/{uid}/logins", "admin-list-logins", admin::users::list_logins),
        r.on(
            &delete,
            "/admin/api/apps/{appId}/users/{uid}/logins/{loginId}",
            "admin-end-login",
            admin::users::end_login,
        ),
        r.on(&get, "/admin/api/apps/{appId}/groups", "admin-list-groups", admin::groups::list_groups),
        r.on(&get, "/admin/api/apps/{appId}/groups/{guid}", "admin-show-group", admin::groups::show_group),
        r.on(&get, "/admin/api/apps/{appId}/groups/{guid}/members", "admin-list-members", admin::groups::list_members),
    ]
}

/// What each noun says of its operations, for the API description.
pub(super) fn describe_nouns() -> openapi::Doc {
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
    webhooks::describe(&mut doc);
    deliveries::describe(&mut doc);
    doc
}

/// The description of the API, and that of the admin API, made from the table. What is served is what `examples/describe` wrote
/// down of them: see `openapi::written`.
pub fn described() -> (Value, Value) {
    let routes = routes();
    (openapi::describe(&routes, describe_nouns()), openapi::describe_admin(&routes, describe_nouns()))
}
