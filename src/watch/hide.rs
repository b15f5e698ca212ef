//! What passes through the server, shown to whoever looks at it from outside: without secrets, and without what people wrote
//! unless that is asked for.
//!
//! Two nets. Secrets are known by the name they stand under, and by their looks wherever they stand. What people wrote is
//! known by standing under any name but those of this list, whose values are ids and words of the API: a field that is added
//! later is hidden until it is listed here.

use serde_json::{Map, Value};

/// Names (as they are in small letters, without anything but letters) of values that are shown to nobody.
const SECRETS: [&str; 20] = [
    "auth",
    "authorization",
    "bearer",
    "cookies",
    "headers",
    "jwt",
    "key",
    "link",
    "otp",
    "pass",
    "pin",
    "pwd",
    "recovery",
    "session",
    "sid",
    "sig",
    "signature",
    "signed",
    "totp",
    "userinfo",
];

/// Names that have one of these in them are such, too.
const SECRET_PARTS: [&str; 10] =
    ["accesskey", "apikey", "authkey", "cookie", "credential", "passphrase", "passw", "privatekey", "secret", "token"];

/// Names of values that are ids, or words of the API.
const WORDS: [&str; 52] = [
    "action",
    "affix",
    "appId",
    "appid",
    "app_id",
    "blockedBy",
    "callStatus",
    "category",
    "chatType",
    "code",
    "conversationId",
    "conversationType",
    "conversation_id",
    "deviceId",
    "entityId",
    "entityType",
    "event",
    "extension",
    "guid",
    "hasJoined",
    "id",
    "initiator",
    "interactedWith",
    "mimeType",
    "muid",
    "newScope",
    "oldScope",
    "operation",
    "owner",
    "parentId",
    "platform",
    "presence",
    "receiver",
    "receiverId",
    "receiverType",
    "region",
    "resource",
    "role",
    "scope",
    "sender",
    "sessionid",
    "sessionId",
    "source",
    "status",
    "subType",
    "trigger",
    "type",
    "uid",
    "user",
    "uids",
    "guids",
    "version",
];

/// Names of values in which there are further ones of this kind.
const CONTAINERS: [&str; 34] = [
    "action",
    "admins",
    "body",
    "by",
    "byUser",
    "call",
    "conversation",
    "conversationWith",
    "cursor",
    "current",
    "data",
    "entities",
    "entity",
    "error",
    "extra",
    "for",
    "forUser",
    "group",
    "lastMessage",
    "message",
    "meta",
    "next",
    "on",
    "pagination",
    "participants",
    "previous",
    "quotedMessage",
    "receipts",
    "receiver",
    "rule",
    "sender",
    "user",
    "uids",
    "members",
];

/// Some JSON as it may be shown. `texts`: with what people wrote.
pub fn json(text: &[u8], texts: bool) -> Value {
    match serde_json::from_slice::<Value>(text) {
        Ok(value) => shown("data", value, texts),
        // A form, or nothing that anybody could read.
        Err(_) => Value::String(format!("({} bytes that are no JSON)", text.len())),
    }
}

/// A value of a query or a path, by its name, as it may be shown.
pub fn word(name: &str, value: &str, texts: bool) -> String {
    match is_secret(name) || has_secret(value) {
        true => HIDDEN.to_owned(),
        // What is searched for is what people say.
        false if !texts && name.to_ascii_lowercase().contains("search") => said(value),
        false => without_logins(value),
    }
}

/// A name that stands alone, such as a uid: it may be anything that somebody sent.
pub fn name(value: &str) -> &str {
    if has_secret(value) { HIDDEN } else { value }
}

/// A text as it may be shown where texts are.
fn text(text: String) -> String {
    // JSON within JSON.
    if text.starts_with(['{', '['])
        && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text)
    {
        return shown("data", inner, true).to_string();
    }
    without_logins(&text)
}

/// A text without what addresses in it hold that is secret: `https://user:password@host/?token=…`.
fn without_logins(text: &str) -> String {
    if !text.contains("://") && !text.contains('=') {
        return text.to_owned();
    }
    text.split_inclusive(parts).map(without_login).collect()
}

/// Whether a sign stands between the parts of addresses, or around them.
fn parts(sign: char) -> bool {
    sign.is_whitespace() || "?&;#\"'<>".contains(sign)
}

/// The same of a piece, which ends with the sign that follows it.
fn without_login(piece: &str) -> std::borrow::Cow<'_, str> {
    let end = piece.trim_end_matches(parts).len();
    if let Some((name, _)) = piece[..end].split_once('=').filter(|(name, _)| is_secret(name)) {
        return format!("{name}={HIDDEN}{}", &piece[end..]).into();
    }
    if let Some((scheme, rest)) = piece.split_once("://") {
        let host = rest.find('/').unwrap_or(rest.len());
        if let Some(at) = rest[..host].rfind('@') {
            return format!("{scheme}://{HIDDEN}{}", &rest[at..]).into();
        }
    }
    piece.into()
}

const HIDDEN: &str = "…";

/// In place of what somebody wrote.
fn said(text: &str) -> String {
    match text.chars().count() {
        1 => "(1 character)".to_owned(),
        many => format!("({many} characters)"),
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    SECRETS.contains(&plain.as_str()) || SECRET_PARTS.iter().any(|part| plain.contains(part))
}

/// Whether a value looks like something secret: keys and tokens are long runs of hexadecimal digits here, a login of a socket
/// is a JSON Web Token, a webhook's secret says what it is.
fn has_secret(value: &str) -> bool {
    const RUN: usize = 32;
    let mut run = 0;
    let hex = value.bytes().any(|byte| {
        run = if byte.is_ascii_hexdigit() { run + 1 } else { 0 };
        run >= RUN
    });
    hex || value.contains("whsec_") || value.contains("eyJ")
}

fn shown(name: &str, value: Value, texts: bool) -> Value {
    if is_secret(name) {
        return Value::String(HIDDEN.to_owned());
    }
    match value {
        Value::String(text) if has_secret(&text) => Value::String(HIDDEN.to_owned()),
        Value::String(one) if texts || WORDS.contains(&name) => Value::String(text(one)),
        Value::String(text) => Value::String(said(&text)),
        Value::Array(all) if texts || WORDS.contains(&name) || CONTAINERS.contains(&name) => {
            all.into_iter().map(|one| shown(name, one, texts)).collect()
        }
        Value::Array(all) => Value::String(format!("({} values)", all.len())),
        Value::Object(all) if texts || CONTAINERS.contains(&name) => {
            let each = all.into_iter().map(|(name, value)| {
                // Names in what apps make up may be anything as well.
                let value = shown(&name, value, texts);
                (if has_secret(&name) { HIDDEN.to_owned() } else { name }, value)
            });
            Value::Object(each.collect::<Map<_, _>>())
        }
        Value::Object(all) => Value::String(format!("({} fields)", all.len())),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(value: &Value, texts: bool) -> Value {
        json(value.to_string().as_bytes(), texts)
    }

    #[test]
    fn without_texts_ids_and_words_are_left() {
        let message = json!({"data": {"id": 7, "receiver": "bob", "receiverType": "user", "type": "text",
            "data": {"text": "the plan", "metadata": {"the plan": 1}, "entities": {"sender": {"entity": {"uid": "ann", "name": "Ann"}}}},
            "tags": ["the plan"], "somethingNew": "the plan"}});
        let shown = seen(&message, false);
        assert!(!shown.to_string().contains("plan") && !shown.to_string().contains("Ann"), "{shown}");
        assert_eq!(
            (&shown["data"]["receiver"], &shown["data"]["data"]["text"]),
            (&json!("bob"), &json!("(8 characters)"))
        );
        assert_eq!(shown["data"]["data"]["entities"]["sender"]["entity"]["uid"], "ann");
        assert_eq!(seen(&message, true), message);
    }

    #[test]
    fn secrets_are_shown_to_nobody() {
        let token = "0123456789abcdef0123456789abcdef";
        let held = json!({"authToken": "t", "api_key": "t", "body": {"auth": "t"}, "new-password": "t", "note": format!("a {token} b"),
            "jwt": "t", "refreshTokens": ["t"], "secret": {"t": "t"}, "text": "eyJhbGciOi.J9.x"});
        let shown = seen(&held, true);
        assert_eq!(shown.to_string().matches(HIDDEN).count(), 9, "{shown}");
        let others = json!({"pwd": "t", "passwd": "t", "passphrase": "t", "pin": "t", "otp": "t", "cookie": "t", "bearer": "t",
            "private_key": "t", "accessKeyId": "t", "signature": "t", "cfg": "{\"password\": \"swordfish\", \"a\": 1}",
            "at": "see https://ann:swordfish@host.example/x?token=swordfish&b=1 and x=1;apikey=swordfish ."});
        let shown = seen(&others, true);
        assert!(!shown.to_string().contains("swordfish") && shown.to_string().matches(HIDDEN).count() == 14, "{shown}");
        assert_eq!(shown["at"], "see https://…@host.example/x?token=…&b=1 and x=1;apikey=… .");
        assert_eq!((name(token), name("ann")), (HIDDEN, "ann"));
        assert_eq!(word("searchKey", "plan", false), "(4 characters)");
        assert_eq!(word("uid", token, true), HIDDEN);
        assert_eq!(word("uid", "ann", false), "ann");
    }

    #[test]
    fn what_is_no_json_is_not_shown() {
        assert_eq!(json(b"password=x", true), "(10 bytes that are no JSON)");
    }
}
