//! What apps and users choose about notifications. Hobnob stores and answers it; it sends none itself.
//!
//! Choices are kept as the part that differs from the defaults. What is given is held against the shape of the defaults:
//! keys that have no meaning are dropped, values of another kind are refused, so a stored choice is always sound and
//! small.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::error::{Error, Result};

/// Longest text of a template or sound, in characters; longest free object, in bytes.
const MOST_LETTERS: usize = 2000;
const MOST_BYTES: usize = 4096;

const MEMBER_EVENTS: [&str; 7] = [
    "memberLeft",
    "memberAdded",
    "memberJoined",
    "memberKicked",
    "memberBanned",
    "memberUnbanned",
    "memberScopeChanged",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn schedule() -> Value {
    DAYS.iter().map(|day| ((*day).to_owned(), json!({"from": 0, "to": 2359, "dnd": false}))).collect()
}

/// `messages`, `replies` … with the number that is the app's choice and whether users may choose for themselves.
fn choices(names: &[&str], number: i64, own: Option<bool>) -> Map<String, Value> {
    let mut map = Map::new();
    for name in names {
        map.insert(format!("{name}Setting"), json!(number));
        if let Some(own) = own {
            map.insert(format!("{name}Override"), json!(own));
        }
    }
    map
}

/// The settings of an app that has chosen nothing. 1 says nothing, 2 all (of reactions: those to own messages), 3 only
/// mentions (of reactions: all).
pub static SETTINGS: LazyLock<Value> = LazyLock::new(|| {
    let talk = choices(&["messages", "replies", "quotedReplies", "reactions"], 2, Some(true));
    let changes = choices(&["messageEdited", "messageDeleted"], 2, None);
    let one_on_one: Map<String, Value> = talk.clone().into_iter().chain(changes).collect();
    let mut group = one_on_one.clone();
    group.extend(choices(&MEMBER_EVENTS, 1, Some(true)));
    let steps = ["initiated", "ongoing", "cancelled", "rejected", "unanswered", "busy", "ended"];
    let digest = json!({
        "notifyForUnreadOnly": true, "intervalInSeconds": 7200, "maxPerDay": 20, "maxPerDayPerConversation": 2,
        "includeMessageObjectSetting": false, "includeSenderMetadataSetting": true, "includeReceiverMetadataSetting": true,
        "includeMessageMetadataSetting": true,
    });
    let sender = "{{message.data.entities.sender.entity.name}}";
    let in_group = format!("{sender} @ {{{{message.data.entities.receiver.entity.name}}}}");
    let text = "{{message.data.text}}";
    let titled = |more: Value| {
        let mut template = json!({"titleOneOnOne": sender, "titleGroup": in_group});
        for (key, value) in more.as_object().into_iter().flatten() {
            template[key] = value.clone();
        }
        template
    };
    let media = titled(json!({
        "body_audio": "Sent an audio file", "body_file": "Sent a file", "body_image": "Sent an image",
        "body_video": "Sent a video",
    }));
    let hidden = "New message";
    let hidden_media =
        titled(json!({"body_audio": hidden, "body_file": hidden, "body_image": hidden, "body_video": hidden}));
    let with_fallback = |body: &str, fallback: &str| titled(json!({"body": body, "body_fallback": fallback}));
    let subject = json!({"subjectGroup": "New messages in {{groupDetails.name}}", "subjectOneOnOne": "New messages from {{senderDetails.name}}"});
    let sms = json!({
        "bodyGroup": "{{messages.length}} new messages in {{groupDetails.name}}",
        "bodyOneOnOne": "{{messages.length}} new messages from {{senderDetails.name}}",
    });
    json!({
        "preferences": {
            "group": group,
            "oneOnOne": one_on_one,
            "call": choices(&steps, 1, Some(false)),
            "bypassPreferencesForMentions": false,
            "bypassPreferencesForGroupMentions": false,
            "mute": {
                "dndPreferenceSetting": 1, "dndPreferenceOverride": true, "schedulePreferenceSetting": schedule(),
                "schedulePreferenceOverride": true, "mutedGroupsOverride": true, "mutedOneOnOnesOverride": true,
            },
            "email": digest,
            "sms": digest,
            "push": {
                "includeMessageObjectSetting": false, "includeSenderMetadataSetting": false,
                "includeReceiverMetadataSetting": false, "trimTextFieldSetting": false,
                "includeMessageMetadataSetting": false, "customJson": {},
            },
        },
        "sound": {"chat": "default", "call": "default"},
        "templates": {
            "usePrivacyTemplate": 3,
            "textMessageTemplateDefault": titled(json!({"body": text})),
            "textMessageTemplatePrivacy": titled(json!({"body": hidden})),
            "mediaMessageTemplateDefault": media,
            "mediaMessageTemplatePrivacy": hidden_media,
            "pollMessageTemplateDefault": with_fallback(text, ""),
            "pollMessageTemplatePrivacy": with_fallback(hidden, ""),
            "reminderMessageTemplateDefault": with_fallback(text, ""),
            "reminderMessageTemplatePrivacy": with_fallback(hidden, ""),
            "customMessageTemplateDefault": with_fallback(text, hidden),
            "customMessageTemplatePrivacy": with_fallback(hidden, hidden),
            "interactiveFormTemplateDefault": titled(json!({"body": "{{message.data.interactiveData.title}}"})),
            "interactiveFormTemplatePrivacy": titled(json!({"body": hidden})),
            "interactiveCardTemplateDefault": titled(json!({"body": "{{message.data.interactiveData.text}}"})),
            "interactiveCardTemplatePrivacy": titled(json!({"body": hidden})),
            "interactiveSchedulerTemplateDefault": titled(json!({"body": "New invitation"})),
            "interactiveSchedulerTemplatePrivacy": titled(json!({"body": hidden})),
            "interactiveCustomTemplateDefault": titled(json!({"body": hidden})),
            "interactiveCustomTemplatePrivacy": titled(json!({"body": hidden})),
            "emailSubjectTemplateDefault": subject,
            "emailSubjectTemplatePrivacy": subject,
            "smsContentTemplateDefault": sms,
            "smsContentTemplatePrivacy": sms,
        },
    })
});

/// The four names that a user's own choices about talk have after their prefix.
const TALK: [(&str, &str); 4] =
    [("Messages", "messages"), ("Replies", "replies"), ("QuotedReplies", "quotedReplies"), ("Reactions", "reactions")];

/// The choices of a user who has made none, by the app's settings, in the form users make them.
pub fn default_preferences(settings: &Value) -> Value {
    let talk = |prefix: &str, of: &Value| -> Map<String, Value> {
        TALK.iter().map(|(own, app)| (format!("{prefix}{own}"), of[format!("{app}Setting")].clone())).collect()
    };
    let app = &settings["preferences"];
    let mut group = talk("group", &app["group"]);
    for event in MEMBER_EVENTS {
        let own = format!("group{}{}", event[..1].to_uppercase(), &event[1..]);
        group.insert(own, app["group"][format!("{event}Setting")].clone());
    }
    json!({
        "groupPreferences": group,
        "oneOnOnePreferences": talk("oneOnOne", &app["oneOnOne"]),
        "mutePreferences": {
            "dnd": app["mute"]["dndPreferenceSetting"],
            "schedule": app["mute"]["schedulePreferenceSetting"],
        },
        "usePrivacyTemplate": settings["templates"]["usePrivacyTemplate"] == 2,
    })
}

/// A user's choices as they are shown: as users make them, and under `preferences` in the words of the app's settings.
pub fn show_preferences(settings: &Value, own: &Value) -> Value {
    let mut shown = default_preferences(settings);
    merge(&mut shown, own);
    let app = &settings["preferences"];
    let mut nested = json!({"group": app["group"], "oneOnOne": app["oneOnOne"], "mute": app["mute"]});
    for (part, prefix) in [("group", "group"), ("oneOnOne", "oneOnOne")] {
        let own = shown[format!("{prefix}Preferences")].as_object().cloned().unwrap_or_default();
        for (key, value) in own {
            let name = &key[prefix.len()..];
            nested[part][format!("{}{}Setting", name[..1].to_lowercase(), &name[1..])] = value;
        }
    }
    nested["mute"]["dndPreferenceSetting"] = shown["mutePreferences"]["dnd"].clone();
    nested["mute"]["schedulePreferenceSetting"] = shown["mutePreferences"]["schedule"].clone();
    shown["preferences"] = nested;
    shown["sound"] = settings["sound"].clone();
    shown["templates"] = settings["templates"].clone();
    shown
}

/// Puts what `over` has into `under`, object by object.
pub fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The part of `given` that has a place in `shape`; refuses what is there but of another kind or out of range.
pub fn fit(shape: &Value, given: &Value, name: &str) -> Result<Value> {
    let odd = |what: &str| Err(Error::field(name, format!("The {name} must be {what}.")));
    match (shape, given) {
        (Value::Object(known), Value::Object(_)) if known.is_empty() => match given.to_string().len() > MOST_BYTES {
            true => odd(&format!("no larger than {MOST_BYTES} bytes")),
            false => Ok(given.clone()),
        },
        (Value::Object(known), Value::Object(given)) => {
            let kept = given.iter().filter_map(|(key, value)| {
                known.get(key).map(|shape| fit(shape, value, key).map(|value| (key.clone(), value)))
            });
            Ok(Value::Object(kept.collect::<Result<_>>()?))
        }
        (Value::Object(_), Value::Array(list)) if list.is_empty() => Ok(json!({})),
        (Value::Object(_), _) => odd("an object"),
        (Value::Number(_), Value::Number(number)) => {
            let (least, most) = range(name);
            match number.as_i64() {
                Some(number) if (least..=most).contains(&number) => Ok(given.clone()),
                _ => odd(&format!("a whole number from {least} to {most}")),
            }
        }
        (Value::Number(_), _) => odd("a whole number"),
        (Value::Bool(_), Value::Bool(_)) => Ok(given.clone()),
        (Value::Bool(_), _) => odd("true or false"),
        (_, Value::String(text)) if text.chars().count() <= MOST_LETTERS => Ok(given.clone()),
        _ => odd(&format!("a text of up to {MOST_LETTERS} characters")),
    }
}

fn range(name: &str) -> (i64, i64) {
    match name {
        "from" | "to" => (0, 2359),
        "intervalInSeconds" | "maxPerDay" | "maxPerDayPerConversation" => (0, 1_000_000),
        "dnd" | "dndPreferenceSetting" | "messageEditedSetting" | "messageDeletedSetting" => (1, 2),
        _ if name.starts_with("groupMember") || name.starts_with("member") => (1, 2),
        _ => (1, 3),
    }
}

/// Platforms that register push tokens, the field the token comes in, and what it is for.
pub fn token_field(platform: &str) -> Option<(&'static str, &'static str)> {
    const FCM: [&str; 9] = [
        "fcm_android",
        "fcm_ios",
        "fcm_web",
        "fcm_flutter_android",
        "fcm_flutter_ios",
        "fcm_react_native_android",
        "fcm_react_native_ios",
        "fcm_ionic_cordova_android",
        "fcm_ionic_cordova_ios",
    ];
    const DEVICE: [&str; 4] =
        ["apns_ios_device", "apns_flutter_device", "apns_react_native_device", "apns_ionic_cordova_device"];
    const VOIP: [&str; 4] = ["apns_ios_voip", "apns_flutter_voip", "apns_react_native_voip", "apns_ionic_cordova_voip"];
    match platform {
        _ if FCM.contains(&platform) => Some(("fcmToken", "chat")),
        _ if DEVICE.contains(&platform) => Some(("deviceToken", "chat")),
        _ if VOIP.contains(&platform) => Some(("voipToken", "voip")),
        _ => None,
    }
}

/// A time zone by its IANA name, as far as its form goes: which zones there are changes every year.
pub fn check_timezone(name: &str) -> Result<()> {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b));
    let parts: Vec<&str> = name.split('/').collect();
    let known = matches!(name, "UTC" | "GMT") || (2..=3).contains(&parts.len());
    match known && name.len() <= 64 && parts.into_iter().all(part) {
        true => Ok(()),
        false => Err(Error::field("timezone", "The timezone must be an IANA name such as Asia/Tokyo.")),
    }
}

/// An e-mail address, as far as its form goes.
pub fn check_email(text: &str) -> Result<()> {
    let fits = text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if fits { Ok(()) } else { Err(Error::field("email", "The email must be an e-mail address.")) }
}

/// A phone number with its country code.
pub fn check_phone(text: &str) -> Result<()> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (5..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Ok(())
    } else {
        Err(Error::field("phno", "The phno must be a number with country code, such as +15550100."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_fit_the_shape_of_the_defaults() {
        let shape = default_preferences(&SETTINGS);
        assert_eq!(fit(&shape, &shape, "").unwrap(), shape);
        assert_eq!(fit(&SETTINGS, &SETTINGS, "").unwrap(), *SETTINGS);
        let given = json!({"noise": 1, "groupPreferences": {"groupMessages": 3}, "mutePreferences": {"dnd": 2}});
        let kept = fit(&shape, &given, "").unwrap();
        assert_eq!(kept, json!({"groupPreferences": {"groupMessages": 3}, "mutePreferences": {"dnd": 2}}));
        let shown = show_preferences(&SETTINGS, &kept);
        assert_eq!(shown["groupPreferences"]["groupMessages"], 3);
        assert_eq!(shown["groupPreferences"]["groupMemberScopeChanged"], 1);
        assert_eq!(shown["preferences"]["group"]["messagesSetting"], 3);
        assert_eq!(shown["preferences"]["mute"]["dndPreferenceSetting"], 2);
        assert_eq!(shown["preferences"]["oneOnOne"]["repliesSetting"], 2);
        for bad in [
            json!({"groupPreferences": 1}),
            json!({"groupPreferences": {"groupMessages": 4}}),
            json!({"groupPreferences": {"groupMemberLeft": 3}}),
            json!({"oneOnOnePreferences": {"oneOnOneReplies": "2"}}),
            json!({"mutePreferences": {"schedule": {"monday": {"from": 2400}}}}),
            json!({"usePrivacyTemplate": 1}),
        ] {
            assert!(fit(&shape, &bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn forms_are_checked() {
        for good in ["UTC", "Asia/Tokyo", "America/Argentina/Ushuaia", "Etc/GMT+5"] {
            assert!(check_timezone(good).is_ok(), "{good}");
        }
        for bad in ["", "Tokyo", "Asia/", "/Tokyo", "a/b/c/d", "Asia/To kyo", &format!("a/{}", "b".repeat(99))] {
            assert!(check_timezone(bad).is_err(), "{bad}");
        }
        assert!(
            check_email("ann@chat.example").is_ok() && check_email("ann").is_err() && check_email("a b@c.d").is_err()
        );
        assert!(check_phone("+15550100").is_ok() && check_phone("15550100").is_err() && check_phone("+1x").is_err());
        assert_eq!(token_field("fcm_web"), Some(("fcmToken", "chat")));
        assert_eq!(token_field("pigeon"), None);
    }
}
