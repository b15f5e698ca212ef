//! What every operation answers, held against the contract's objects and against what it answered before.
//!
//! The replies are those of the walk in [`crate::endpoints`]. `golden/` has them as they were, one file for each part of
//! the list, with ids, times and secrets replaced; `HOBNOB_GOLDEN=write` writes the files anew, and the difference shows
//! in version control what a change does to clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::endpoints::{By, Reply, replies};

/// The objects of the contract: their fields that are always there, and those (`?`) that have this form when they are.
/// `..x`: all of x. `@x`: an object x, `[x]`: a list of them, `{x}`: an object with such values, `a|b`: one of the words.
///
/// What the contract names and is not here has no meaning on a server of one's own: `trialEndsAt` of an app.
const OBJECTS: &[(&str, &str)] = &[
    ("success", "success:true"),
    ("ack", "success:true message:str"),
    ("both_acks", "..ack Message:str"),
    ("unread_ack", "..ack conversation:@conversation"),
    ("result", "success:bool message?:str error?:@error"),
    ("error", "code:str message:str"),
    ("results", "*:@result"),
    ("accepted", "accepted:{result}"),
    (
        "app",
        "id:str name:str plan:str state:str owner:int region:str createdAt:ts appOwner:@app_owner appRegion:@app_region
         apiKeys:{app_key}",
    ),
    ("app_owner", "id:str name:str email:str"),
    ("app_region", "id:str name:str description:str"),
    ("app_key", "apiKey:str name:str scope:fullAccess|authOnly createdBy:str"),
    ("deletion", "success:true scheduledToDeleteAt:ts"),
    ("key", "apiKey:str name:str scope:fullAccess|authOnly createdAt:ts"),
    ("token", "uid:str authToken:str createdAt:ts platform?:str userAgent?:str"),
    ("role", "role:str name:str createdAt:ts description?:str metadata?:obj settings?:obj updatedAt?:ts"),
    ("feature", "title:str description:str key:str path:str createdAt:ts"),
    (
        "permission",
        "id:str type:role|scope title:str description:str dataType:string|stringArray availableValues:list defaultValue:any
         createdAt:ts updatedAt:ts",
    ),
    ("permissions_set", "*:@permission_result permissions:obj"),
    ("permission_result", "success?:bool message?:str"),
    ("permissions_left", "permissions:obj"),
    (
        "user",
        "uid:str name:str status:available|offline role:str createdAt:ts updatedAt?:ts avatar?:str link?:str
         statusMessage?:str metadata?:obj tags?:list lastActiveAt?:ts deactivatedAt?:ts conversationId?:str
         blockedByMe?:bool blockedByMeAt?:ts hasBlockedMe?:bool blockedAt?:ts",
    ),
    ("written_user", "..user tags:list"),
    ("blocked_user", "..user blockedByMe:true blockedByMeAt:ts blockedAt:ts conversationId:str"),
    ("member", "..user scope:admin|moderator|participant joinedAt:ts"),
    ("banned_user", "..user scope:admin|moderator|participant isBanned:true bannedAt:ts"),
    ("reactivated", "nonDeactivatedUids:list"),
    ("deactivated", "deactivatedUids:list"),
    (
        "group",
        "guid:str name:str type:public|password|private owner:str membersCount:int conversationId:str createdAt:ts
         updatedAt?:ts updatedBy?:str description?:str icon?:str metadata?:obj tags?:list hasJoined?:bool
         scope?:admin|moderator|participant joinedAt?:ts isBanned?:bool",
    ),
    ("written_group", "..group tags:list updatedAt:ts updatedBy:str"),
    ("group_with_members", "..group tags:list members:@created_members"),
    // Back ends read the lists here, clients under `data`.
    ("created_members", "..added_in_lists data:@added_in_lists"),
    ("added", "admins?:{added_one} moderators?:{added_one} participants?:{added_one} usersToBan?:{result}"),
    ("added_in_lists", "admins:{added_one} moderators:{added_one} participants:{added_one} usersToBan:{result}"),
    ("added_one", "..result data?:@message"),
    ("changed_scope", "guid:str uid:str scope:admin|moderator|participant joinedAt:ts"),
    (
        "message",
        "id:id conversationId:str sender:str receiverType:user|group receiver:str
         category:message|custom|action|call|interactive type:str data:@message_data sentAt:ts updatedAt:ts muid?:str
         deliveredAt?:ts readAt?:ts editedAt?:ts editedBy?:str deletedAt?:ts deletedBy?:str parentId?:id replyCount?:int
         tags?:list quotedMessageId?:id quotedMessage?:@message pinnedAt?:ts pinnedBy?:str savedAt?:ts
         threadSubscribed?:bool",
    ),
    (
        "message_data",
        "entities:@entities metadata?:obj mentions?:{user} reactions?:[reaction_count] attachments?:[attachment]
         resource?:str",
    ),
    ("entities", "*:@entity"),
    // What the entity is depends on its type; see `check`.
    ("entity", "entity:obj entityType:user|group|message|call"),
    ("reaction_count", "reaction:str count:int reactedByMe?:bool"),
    ("attachment", "url:str name:str mimeType:str extension:str size:int"),
    ("judged_message", "..message data:@judged_data"),
    ("judged_data", "..message_data moderation:@moderation"),
    ("moderation", "status:approved|disapproved"),
    ("reply", "..message parentId:id"),
    ("pinned_message", "..message pinnedAt:ts pinnedBy:str"),
    ("saved_message", "..message savedAt:ts"),
    ("message_with_reactions", "..message data:@reacted_data"),
    ("reacted_data", "..message_data reactions:[reaction_count]"),
    ("thread", "..message replyCount:int lastReply:@message unreadReplyCount?:int"),
    ("flagged_message", "..message ..flags"),
    (
        "reviewed_message",
        "..flags message:@message action:list createdAt:ts updatedAt:ts blockedAt?:str",
    ),
    ("flags", "flaggedBy:[flag] flaggedCount:int appId:str"),
    ("flag", "uid:str name:str role:str reasonId:str reasonName?:str description?:str flaggedAt:ts remark?:str avatar?:str"),
    ("imported_message", "*:@imported_one_message"),
    ("imported_one_message", "..result data?:@whole_message"),
    ("whole_message", "..message muid:str deliveredAt:ts readAt:ts"),
    ("edited_action", "..message category:action type:message data:@edited_data"),
    ("edited_data", "action:edited entities:@edited_entities"),
    ("edited_entities", "by:@entity for:@entity on:@edited_entity"),
    ("edited_entity", "..entity entity:@edited_message entityType:message"),
    ("edited_message", "..message editedAt:ts editedBy:str tags:list"),
    ("deleted_action", "..message category:action type:message data:@deleted_data"),
    ("deleted_data", "action:deleted entities:@deleted_entities"),
    ("deleted_entities", "by:@entity for:@entity on:@deleted_entity"),
    ("deleted_entity", "..entity entity:@deleted_message entityType:message"),
    ("deleted_message", "..message deletedAt:ts deletedBy:str"),
    ("joined_action", "..message category:action type:groupMember data:@joined_data"),
    ("joined_data", "action:joined entities:@joined_entities"),
    ("joined_entities", "by:@entity for:@joined_entity"),
    ("joined_entity", "..entity entity:@group entityType:group"),
    ("call_message", "..message category:call type:audio|video data:@call_data"),
    ("call_data", "action:str entities:@call_entities"),
    ("call_entities", "by:@entity for:@entity on:@entity"),
    (
        "call_in_message",
        "sessionid:str status:initiated|ongoing|rejected|cancelled|busy|unanswered|ended type:audio|video sender:str
         receiver:str receiverType:user|group conversationId:str initiatedAt:ts startedAt?:ts joinedAt?:ts endedAt?:ts
         data:@message_data",
    ),
    ("reaction", "id:id messageId:id reaction:str uid:str reactedAt:ts reactedBy:@user"),
    (
        "conversation",
        "conversationId:str conversationType:user|group unreadMessageCount:id unreadMentionsCount:int latestMessageId:id
         lastReadMessageId?:id conversationWith:obj createdAt:ts updatedAt:ts lastMessage?:@message tags?:list pinnedAt?:ts
         pinnedBy?:str",
    ),
    ("pinned_conversation", "..conversation pinnedAt:ts pinnedBy:str"),
    ("usage", "metrics:@usage_metrics time_range:@time_range"),
    (
        "usage_metrics",
        "audio_minutes:int video_minutes:int recorded_minutes:int active_users:int concurrent_users:int",
    ),
    ("time_range", "fromDate:ms toDate:ms"),
    ("message_figures", "startTime:id endTime:id dataPoints:[data_point] appId:str"),
    ("data_point", "messagesSent:int readReceipts:int deliveryReceipts:int startTime:id endTime:id"),
    (
        "call",
        "sessionId:str initiator:str receiver:str receiverType:user|group type:audio|video mode:str status:str mid:str
         initiatedAt:ts startedAt?:ts endedAt?:ts totalAudioMinutes:num totalVideoMinutes:num totalDurationInMinutes:num
         totalDuration:str totalParticipants:int hasRecording:bool hasTranscription:bool participants:[participant]",
    ),
    (
        "participant",
        "uid:str isJoined:bool state:str totalAudioMinutes:num totalVideoMinutes:num totalDuration:num joinedAt?:ts
         leftAt?:ts deviceId?:str mid?:str",
    ),
    ("transcription", "roomName:str mid:str tid:str startTime:ts endTime:ts transcriptDate:str transcriptUrl:str"),
    ("reason", "id:str name:str createdAt:ts updatedAt:ts description?:str default?:bool"),
    (
        "rule",
        "id:str name:str description:str enabled:bool filters:[filter] conditions:[condition] action:list active:bool createdAt:ts
         updatedAt:ts revisionId:str default?:bool",
    ),
    ("filter", "entity:str type:str operand:str operator:str value:list"),
    (
        "condition",
        "id:int entity:str operand:str operator:str category:str isKeywordsReferencePresent:bool isMediaPresent:bool
         value:list message?:list",
    ),
    (
        "keywords",
        "id:str name:str description?:str category:str isCSV:bool searchTerms:list createdAt:ts updatedAt:ts revisionId:str
         active:bool default?:bool",
    ),
    (
        "blocked_message",
        "ruleId:str ruleName:str revisionId:str condition:@condition message:@message action:list createdAt:ts updatedAt:ts
         status?:str",
    ),
    (
        "webhook",
        "id:str name:str webhookURL:str enabled:bool useBasicAuth:bool username?:str retryOnFailure:bool createdAt:ts
         updatedAt:ts",
    ),
    ("made_webhook", "..webhook signingSecret:str"),
    ("trigger", "id:str description:str category:str"),
    ("imported_user", "*:@imported_one_user"),
    ("imported_one_user", "..result data?:@user"),
    ("imported_group", "*:@imported_one_group"),
    ("imported_one_group", "..result data?:@group"),
    ("imported_member", "*:@imported_one_member"),
    ("imported_one_member", "..result data?:@changed_scope"),
    ("notification_settings", "preferences:obj sound:@sound templates:obj"),
    ("sound", "chat:str call:str"),
    (
        "preferences",
        "groupPreferences:@group_preferences oneOnOnePreferences:@one_on_one mutePreferences:@mute_preferences
         usePrivacyTemplate:bool",
    ),
    (
        "group_preferences",
        "groupMessages:int groupReplies:int groupQuotedReplies:int groupReactions:int groupMemberLeft:int
         groupMemberAdded:int groupMemberJoined:int groupMemberKicked:int groupMemberBanned:int groupMemberUnbanned:int
         groupMemberScopeChanged:int",
    ),
    ("one_on_one", "oneOnOneMessages:int oneOnOneReplies:int oneOnOneQuotedReplies:int oneOnOneReactions:int"),
    ("mute_preferences", "dnd:int schedule:{day}"),
    ("day", "from:int to:int dnd:bool"),
    ("mutes", "mutedConversations:[mute]"),
    ("mute", "id:str type:oneOnOne|group until:ms"),
    ("timezone", "timezone:str"),
    ("contact", "email:str phno:str"),
    ("push_tokens", "pushTokens:[push_token]"),
    (
        "push_token",
        "authToken:str pushTokenType:str createdAt:str platform:str providerId:str pushToken:str uid:str updatedAt:str",
    ),
    ("log", ""),
    // What stands beside `data`.
    ("pagination", "total:int count:int per_page:int current_page:int total_pages:int"),
    ("time_cursor", "updatedAt:ts affix:append|prepend"),
    ("current", "limit:int count:int"),
    ("point", "affix:append|prepend id:id"),
    ("message_point", "..point sentAt:ts"),
];

fn fields(object: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let found = OBJECTS.iter().find(|(name, _)| *name == object);
    let (_, fields) = found.unwrap_or_else(|| panic!("the object {object} is not described"));
    fields.split_whitespace().map(|field| field.split_once(':').unwrap_or((field, "")))
}

/// Notes what is wrong with an object of this name.
fn check(object: &str, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(given) = value.as_object() else {
        wrong.push(format!("{at}: no {object} in {value}"));
        return;
    };
    for (name, kind) in fields(object) {
        if let Some(base) = name.strip_prefix("..") {
            check(base, value, at, wrong);
        } else if name == "*" {
            let named = |key: &str| fields(object).any(|(name, _)| name == key);
            for (key, value) in given.iter().filter(|(key, _)| !named(key)) {
                check_kind(kind, value, &format!("{at}.{key}"), wrong);
            }
        } else {
            let (name, may_lack) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
            match given.get(name) {
                Some(value) => check_kind(kind, value, &format!("{at}.{name}"), wrong),
                None if may_lack => {}
                None => wrong.push(format!("{at}.{name} is missing")),
            }
        }
    }
    match object {
        "entity" => match given.get("entityType").and_then(Value::as_str) {
            Some("call") => check("call_in_message", &value["entity"], at, wrong),
            Some(kind @ ("user" | "group" | "message")) => check(kind, &value["entity"], at, wrong),
            _ => {}
        },
        "message_data" => {
            let sides = value["entities"].as_object().into_iter().flatten().map(|(side, _)| &**side);
            let sides: Vec<_> = sides.collect();
            let fits = sides == ["sender", "receiver"] || sides == ["by", "for"] || sides == ["by", "on", "for"];
            if !fits {
                wrong.push(format!("{at}.entities are of {sides:?}"));
            }
        }
        "conversation" => {
            let kind = given.get("conversationType").and_then(Value::as_str).unwrap_or("user");
            check(
                kind,
                given.get("conversationWith").unwrap_or(&Value::Null),
                &format!("{at}.conversationWith"),
                wrong,
            );
        }
        _ => {}
    }
}

fn check_kind(kind: &str, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let inside = |open, close| kind.strip_prefix(open).map(|rest: &str| rest.strip_suffix(close).unwrap_or(rest));
    if let Some(object) = inside('@', '@') {
        return check(object, value, at, wrong);
    }
    if let Some(object) = inside('[', ']') {
        match value.as_array() {
            Some(items) => {
                items.iter().enumerate().for_each(|(n, item)| check(object, item, &format!("{at}[{n}]"), wrong))
            }
            None => wrong.push(format!("{at} is no list: {value}")),
        }
        return;
    }
    if let Some(object) = inside('{', '}') {
        match value.as_object() {
            Some(items) => items.iter().for_each(|(key, item)| check(object, item, &format!("{at}.{key}"), wrong)),
            None => wrong.push(format!("{at} is no object: {value}")),
        }
        return;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = match kind {
        "any" => true,
        "str" => value.is_string(),
        "id" => value.as_str().is_some_and(digits),
        "int" => value.is_i64(),
        "num" => value.is_number(),
        "bool" => value.is_boolean(),
        "true" => *value == json!(true),
        "obj" => value.is_object(),
        "list" => value.is_array(),
        "ts" => value.as_i64().is_some_and(is_seconds),
        "ms" => value.as_i64().is_some_and(is_milliseconds),
        words => value.as_str().is_some_and(|word| words.split('|').any(|known| known == word)),
    };
    if !fits {
        wrong.push(format!("{at} is no {kind}: {value}"));
    }
}

fn is_seconds(at: i64) -> bool {
    (1_500_000_000..2_500_000_000).contains(&at)
}

fn is_milliseconds(at: i64) -> bool {
    is_seconds(at / 1000)
}

/// Notes what is wrong with a reply: its envelope, and the objects in it.
fn check_reply(reply: &Reply, wrong: &mut Vec<String>) {
    let at = format!("{} by {:?}", reply.operation, reply.by);
    let (data, meta) = (&reply.body["data"], &reply.body["meta"]);
    let (list, object) = match reply.shape.split_once(' ') {
        Some((list @ ("page" | "page+" | "cursor" | "list"), object)) => (list, object),
        _ => ("", reply.shape),
    };
    let object = object.replace(' ', "_");
    if list.is_empty() {
        return check(&object, data, &at, wrong);
    }
    check_kind(&format!("[{object}]"), data, &at, wrong);
    // A list with nothing in it shows nothing; these can have none here.
    let nothing = data.as_array().is_none_or(Vec::is_empty);
    if nothing && !["transcription", "log"].contains(&&*object) {
        wrong.push(format!("{at}: nothing is listed"));
    }
    match list {
        "page" | "page+" => {
            check("pagination", &meta["pagination"], &format!("{at} meta.pagination"), wrong);
            if list == "page+" {
                check("time_cursor", &meta["cursor"], &format!("{at} meta.cursor"), wrong);
            }
            // These have it in both places.
            if ["list-users", "list-group-members"].contains(&reply.operation) {
                check("time_cursor", &reply.body["cursor"], &format!("{at} cursor"), wrong);
            }
        }
        "cursor" => {
            check("current", &meta["current"], &format!("{at} meta.current"), wrong);
            match &*object {
                "message" => {
                    for point in ["next", "previous"] {
                        check("message_point", &meta[point], &format!("{at} meta.{point}"), wrong);
                    }
                    // Clients cannot do without these, and back ends take them for another kind of list.
                    if reply.by == By::Token {
                        check("message_point", &meta["cursor"], &format!("{at} meta.cursor"), wrong);
                        check("pagination", &meta["pagination"], &format!("{at} meta.pagination"), wrong);
                    } else if meta.get("cursor").or(meta.get("pagination")).is_some() {
                        wrong.push(format!("{at}: {meta}"));
                    }
                }
                "reaction" | "flagged_message" | "reviewed_message" => {
                    for point in ["next", "previous"] {
                        check("point", &meta[point], &format!("{at} meta.{point}"), wrong);
                    }
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// The reply with everything replaced that is different in every run.
fn normal(value: &Value, key: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let mut normals = Map::new();
            for (key, value) in fields {
                let mut name = normal_text(key);
                while normals.contains_key(&name) {
                    name.push_str(" and");
                }
                normals.insert(name, normal(value, key));
            }
            Value::Object(normals)
        }
        Value::Array(items) => items.iter().map(|item| normal(item, key)).collect(),
        Value::Number(number) => match number.as_i64() {
            Some(at) if is_seconds(at) => json!("<time>"),
            Some(at) if is_milliseconds(at) => json!("<milliseconds>"),
            _ => value.clone(),
        },
        Value::String(text) => {
            let is_id = matches!(key, "id" | "parentId") || key.ends_with("Id");
            match text.parse::<i64>() {
                Ok(at) if is_milliseconds(at) => json!("<milliseconds>"),
                Ok(_) if is_id => json!("<id>"),
                _ if key == "signingSecret" => json!("<secret>"),
                _ if key == "resource" => json!("<session>"),
                _ => json!(normal_text(text)),
            }
        }
        _ => value.clone(),
    }
}

/// Secrets and names of apps are long runs of hex digits; sentences name messages by their ids.
fn normal_text(text: &str) -> String {
    let mut normal = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hex = rest.bytes().take_while(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b)).count();
        let number = rest.bytes().take_while(u8::is_ascii_digit).count();
        if hex >= 12 || (hex == 4 && rest[hex..].starts_with("****")) {
            normal.push_str("<hex>");
            rest = &rest[hex..];
        } else if number > 0 && normal.ends_with(" id ") {
            normal.push_str("<id>");
            rest = &rest[number..];
        } else {
            let whole = first.len_utf8().max(hex);
            normal.push_str(&rest[..whole]);
            rest = &rest[whole..];
        }
    }
    normal
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}

/// The file of each part, with its text: as the app sees it and as a client does.
fn files(replies: &[Reply]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for reply in replies {
        let by = match reply.by {
            By::Key => "by key",
            By::Token => "by token",
            By::Management => "by management key",
            By::Behalf if !replies.iter().any(|it| it.operation == reply.operation && it.by == By::Token) => {
                "on behalf"
            }
            // The same as another one; see the test below.
            By::Behalf | By::AuthKey => continue,
        };
        let name = format!("{}.json", reply.tag.to_lowercase().replace(' ', "-"));
        files.entry(name).or_default().insert(format!("{} {by}", reply.operation), normal(&reply.body, ""));
    }
    let text = |map| format!("{:#}\n", Value::Object(map));
    files.into_iter().map(|(name, map)| (name, text(map))).collect()
}

#[tokio::test]
async fn replies_have_what_the_contract_says_is_always_there() {
    let mut wrong = Vec::new();
    for reply in replies().await {
        check_reply(reply, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[tokio::test]
async fn the_app_on_behalf_of_a_user_gets_what_he_gets() {
    let replies = replies().await;
    let by = |operation: &str, by| replies.iter().find(|it| it.operation == operation && it.by == by);
    let mut wrong = Vec::new();
    for reply in replies {
        let same_as = match reply.by {
            By::Behalf => By::Token,
            By::AuthKey => By::Key,
            _ => continue,
        };
        let Some(other) = by(reply.operation, same_as) else { continue };
        let plain = |reply: &Reply| {
            let mut body = without_session(normal(&reply.body, ""));
            if let (true, Some(meta)) = (reply.shape == "cursor message", body["meta"].as_object_mut()) {
                // For clients only.
                meta.retain(|name, _| name != "cursor" && name != "pagination");
            }
            body
        };
        let (one, other) = (plain(reply), plain(other));
        if one != other {
            wrong.push(format!("{}: {one} {other}", reply.operation));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Without the client session that only a token has.
fn without_session(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            fields.shift_remove("resource");
            Value::Object(fields.into_iter().map(|(key, value)| (key, without_session(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_session).collect(),
        other => other,
    }
}

#[tokio::test]
async fn replies_are_what_they_were() {
    let files = files(replies().await);
    if std::env::var("HOBNOB_GOLDEN").is_ok_and(|how| how == "write") {
        std::fs::create_dir_all(folder()).expect("a folder");
        for (name, text) in &files {
            std::fs::write(folder().join(name), text).expect("writes");
        }
    }
    let entries = std::fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut stored: Vec<String> = entries.map(|name| name.into_string().expect("plain")).collect();
    stored.sort();
    assert_eq!(stored, files.keys().cloned().collect::<Vec<_>>());
    for (name, text) in &files {
        let was: Value =
            serde_json::from_str(&std::fs::read_to_string(folder().join(name)).expect("reads")).expect("JSON");
        let is: Value = serde_json::from_str(text).expect("JSON");
        for (key, is) in is.as_object().expect("an object") {
            assert!(was[key] == *is, "{name}, {key}\nwas {:#}\n\nis {is:#}", was[key]);
        }
        assert_eq!(was.as_object().map(Map::len), is.as_object().map(Map::len), "{name}: an operation is gone");
    }
}
