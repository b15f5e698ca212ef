//! Who may do what: every cell of the groups' privilege table over REST, and every route for every kind of caller.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::admin::door::within;
use crate::harness::{Answer, Client, Harness, id_of, text_to};

/// The members of every group here; `pa` is a participant, `mo` a moderator, `ad` an admin, `ow` the owner. Each of the
/// first three has a twin to act upon. `new` and `out` are outsiders, `bad` and `bax` are banned.
const PEOPLE: [&str; 11] = ["pa", "mo", "ad", "ow", "pa2", "mo2", "ad2", "out", "new", "bad", "bax"];
const RANKS: [&str; 4] = ["pa", "mo", "ad", "ow"];
const TARGETS: [&str; 4] = ["pa2", "mo2", "ad2", "ow"];
const SCOPES: [&str; 3] = ["participant", "moderator", "admin"];

struct Stage {
    h: Harness,
    tokens: Vec<(&'static str, Client)>,
    groups: usize,
}

impl Stage {
    async fn set() -> Stage {
        let h = Harness::start().await;
        let mut tokens = Vec::new();
        for uid in PEOPLE {
            tokens.push((uid, (*h.user(uid).await).clone()));
        }
        Stage { h, tokens, groups: 0 }
    }

    /// A fresh group with everybody in his place, and a message of `pa2` in it.
    async fn group(&mut self) -> (String, i64) {
        self.groups += 1;
        let guid = format!("g{}", self.groups);
        let members = json!({
            "participants": ["pa", "pa2"], "moderators": ["mo", "mo2"], "admins": ["ad", "ad2"], "usersToBan": ["bad", "bax"],
        });
        self.h
            .post("/groups", json!({"guid": guid, "name": "G", "type": "public", "owner": "ow", "members": members}))
            .await
            .ok();
        let sent = self.h.behalf("pa2").post("/messages", text_to("group", &guid, "hi")).await.ok();
        (guid, id_of(&sent))
    }

    /// The same person by his token, and by the key in his name.
    fn callers(&self, uid: &str) -> [Client; 2] {
        let token = self.tokens.iter().find(|(name, _)| *name == uid).map(|(_, client)| client.clone());
        [token.expect("one of them"), self.h.behalf(uid)]
    }

    /// Tries an act as everybody. `allowed`: one letter per rank that may, of `pmao`; `refusal` for the ranks that may
    /// not; `same`: what those who may are told instead of yes.
    async fn try_act(
        &mut self,
        what: &str,
        allowed: &str,
        refusal: Code,
        same: Option<Code>,
        act: impl AsyncFn(Client, String, i64) -> Answer,
    ) {
        for (at, actor) in RANKS.into_iter().enumerate() {
            let may = allowed.contains(['p', 'm', 'a', 'o'][at]);
            for caller in self.callers(actor) {
                let (guid, message) = self.group().await;
                let before = self.h.snapshot().await;
                let answer = act(caller, guid, message).await;
                match (may, same) {
                    (true, None) => {
                        assert!(answer.status == 200, "{actor} may {what}: {answer:?}");
                        assert!(before != self.h.snapshot().await, "{actor}: {what} did nothing");
                    }
                    (true, Some(code)) => _ = answer.refused(code),
                    (false, _) => {
                        assert_eq!(answer.code(), Some(refusal.as_str()), "{actor} may not {what}: {answer:?}");
                        answer.refused(refusal);
                        before.still(self.h.snapshot().await, &format!("{actor} may not {what}"));
                    }
                }
            }
        }
        for (actor, refusal) in [("out", Code::GroupNotJoined), ("bad", Code::Banned)] {
            for caller in self.callers(actor) {
                let (guid, message) = self.group().await;
                let before = self.h.snapshot().await;
                let answer = act(caller, guid, message).await;
                assert_eq!(answer.code(), Some(refusal.as_str()), "{actor} may not {what}: {answer:?}");
                before.still(self.h.snapshot().await, &format!("{actor} may not {what}"));
            }
        }
    }

    /// The app itself stands above the table.
    async fn app_may(&mut self, what: &str, act: impl AsyncFn(Client, String, i64) -> Answer) {
        let (guid, message) = self.group().await;
        let answer = act((*self.h.app).clone(), guid, message).await;
        assert!(answer.status == 200, "the app may {what}: {answer:?}");
    }
}

#[tokio::test]
async fn kick() {
    let mut stage = Stage::set().await;
    for (target, allowed) in TARGETS.into_iter().zip(["mao", "ao", "ao", ""]) {
        let act =
            async |caller: Client, guid: String, _| caller.delete(&format!("/groups/{guid}/members/{target}")).await;
        if target == "ow" {
            // Only the owner stands above himself, and nobody kicks himself.
            kick_or_ban_owner(&mut stage, "kick the owner", act).await;
        } else {
            stage.try_act(&format!("kick {target}"), allowed, Code::NoClearance, None, act).await;
        }
        stage.app_may(&format!("kick {target}"), act).await;
    }
}

#[tokio::test]
async fn ban() {
    let mut stage = Stage::set().await;
    for (target, allowed) in TARGETS.into_iter().zip(["mao", "ao", "ao", ""]) {
        let act = async |caller: Client, guid: String, _| {
            caller.post(&format!("/groups/{guid}/bannedusers/{target}"), json!({})).await
        };
        if target == "ow" {
            kick_or_ban_owner(&mut stage, "ban the owner", act).await;
        } else {
            stage.try_act(&format!("ban {target}"), allowed, Code::NoClearance, None, act).await;
        }
        stage.app_may(&format!("ban {target}"), act).await;
    }
    let outsider = async |caller: Client, guid: String, _| {
        caller.post(&format!("/groups/{guid}/bannedusers/new"), json!({})).await
    };
    stage.try_act("ban an outsider", "mao", Code::NoClearance, None, outsider).await;
    let unban = async |caller: Client, guid: String, _| caller.delete(&format!("/groups/{guid}/bannedusers/bax")).await;
    stage.try_act("unban", "mao", Code::NoClearance, None, unban).await;
    stage.app_may("unban", unban).await;
}

async fn kick_or_ban_owner(stage: &mut Stage, what: &str, act: impl AsyncFn(Client, String, i64) -> Answer) {
    for (actor, code) in [
        ("pa", Code::NoClearance),
        ("mo", Code::NoClearance),
        ("ad", Code::NoClearance),
        ("ow", Code::GroupSelf),
        ("out", Code::GroupNotJoined),
        ("bad", Code::Banned),
    ] {
        for caller in stage.callers(actor) {
            let (guid, message) = stage.group().await;
            let answer = act(caller, guid, message).await;
            assert_eq!(answer.code(), Some(code.as_str()), "{actor}: {what}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn change_scope() {
    let mut stage = Stage::set().await;
    // Rows: whose scope; columns: to which.
    let table = [["mao", "mao", "ao"], ["mao", "mao", "ao"], ["ao", "ao", "ao"]];
    for (of, (target, row)) in TARGETS.into_iter().zip(table).enumerate() {
        for (to, (scope, allowed)) in SCOPES.into_iter().zip(row).enumerate() {
            let act = async |caller: Client, guid: String, _| {
                caller.put(&format!("/groups/{guid}/members/{target}"), json!({"scope": scope})).await
            };
            let same = (of == to).then_some(Code::SameScope);
            stage.try_act(&format!("make {target} {scope}"), allowed, Code::NoScopeClearance, same, act).await;
        }
    }
    for scope in SCOPES {
        let act = async |caller: Client, guid: String, _| {
            caller.put(&format!("/groups/{guid}/members/ow"), json!({"scope": scope})).await
        };
        for (actor, code) in [
            ("pa", Code::NoScopeClearance),
            ("mo", Code::NoScopeClearance),
            ("ad", Code::NoScopeClearance),
            ("ow", Code::GroupSelf),
            ("out", Code::GroupNotJoined),
            ("bad", Code::Banned),
        ] {
            for caller in stage.callers(actor) {
                let (guid, message) = stage.group().await;
                let answer = act(caller, guid, message).await;
                assert_eq!(answer.code(), Some(code.as_str()), "{actor} makes the owner {scope}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_acts_on_himself() {
    let mut stage = Stage::set().await;
    for uid in RANKS {
        for caller in stage.callers(uid) {
            let (guid, _) = stage.group().await;
            caller.delete(&format!("/groups/{guid}/members/{uid}")).await.refused(Code::GroupSelf);
            caller.post(&format!("/groups/{guid}/bannedusers/{uid}"), json!({})).await.refused(Code::GroupSelf);
            let scope = json!({"scope": "moderator"});
            caller.put(&format!("/groups/{guid}/members/{uid}"), scope).await.refused(Code::GroupSelf);
        }
    }
}

#[tokio::test]
async fn the_group_itself() {
    let mut stage = Stage::set().await;
    let add = async |caller: Client, guid: String, _| {
        caller.put(&format!("/groups/{guid}/members"), json!({"participants": ["new"]})).await
    };
    stage.try_act("add members", "ao", Code::NoClearance, None, add).await;
    stage.app_may("add members", add).await;
    let update =
        async |caller: Client, guid: String, _| caller.put(&format!("/groups/{guid}"), json!({"name": "New"})).await;
    stage.try_act("update the group", "mao", Code::NoModeratorScope, None, update).await;
    stage.app_may("update the group", update).await;
    let delete = async |caller: Client, guid: String, _| caller.delete(&format!("/groups/{guid}")).await;
    stage.try_act("delete the group", "ao", Code::NoAdminScope, None, delete).await;
    stage.app_may("delete the group", delete).await;
    let transfer = async |caller: Client, guid: String, _| {
        caller.call(reqwest::Method::PATCH, &format!("/groups/{guid}/owner"), Some(json!({"owner": "pa2"}))).await
    };
    stage.try_act("transfer ownership", "o", Code::NoClearance, None, transfer).await;
    stage.app_may("transfer ownership", transfer).await;
    let leave = async |caller: Client, guid: String, _| caller.delete(&format!("/groups/{guid}/members")).await;
    for (actor, refusal) in [
        ("pa", None),
        ("mo", None),
        ("ad", None),
        ("ow", Some(Code::NoClearance)),
        ("out", Some(Code::GroupNotJoined)),
        // Whoever is banned is out already.
        ("bad", Some(Code::GroupNotJoined)),
    ] {
        for caller in stage.callers(actor) {
            let (guid, message) = stage.group().await;
            let answer = leave(caller, guid, message).await;
            assert_eq!(answer.code(), refusal.map(Code::as_str), "{actor} leaves: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_said_in_it() {
    let mut stage = Stage::set().await;
    let send = async |caller: Client, guid: String, _| caller.post("/messages", text_to("group", &guid, "hi")).await;
    stage.try_act("send", "pmao", Code::NoClearance, None, send).await;
    stage.app_may("send", send).await;
    let reply = async |caller: Client, guid: String, id| {
        caller.post(&format!("/messages/{id}/thread"), text_to("group", &guid, "re")).await
    };
    stage.try_act("reply", "pmao", Code::NoClearance, None, reply).await;
    let call = async |caller: Client, guid: String, _| {
        caller.post("/calls", json!({"receiver": guid, "receiverType": "group", "type": "audio"})).await
    };
    // One call a person: each caller's next try finds him free only if the last one is over.
    for actor in RANKS {
        for caller in stage.callers(actor) {
            let (guid, message) = stage.group().await;
            let made = call(caller.clone(), guid, message).await.ok();
            let session = made["data"]["entities"]["on"]["entity"]["sessionid"].as_str().unwrap().to_owned();
            caller.put(&format!("/calls/{session}"), json!({"status": "cancelled"})).await.ok();
        }
    }
    for (actor, code) in [("out", Code::GroupNotJoined), ("bad", Code::Banned)] {
        for caller in stage.callers(actor) {
            let (guid, message) = stage.group().await;
            call(caller, guid, message).await.refused(code);
        }
    }
}

#[tokio::test]
async fn what_others_said_in_it() {
    let mut stage = Stage::set().await;
    let edit = async |caller: Client, _, id| {
        caller.put(&format!("/messages/{id}"), json!({"data": {"text": "changed"}})).await
    };
    let delete = async |caller: Client, _, id| caller.delete(&format!("/messages/{id}")).await;
    let pin = async |caller: Client, _, id| caller.post(&format!("/messages/{id}/pin"), json!({})).await;
    for (what, code) in [("edit", Code::NotASender), ("delete", Code::NotASender), ("pin", Code::PermissionDenied)] {
        for actor in ["pa", "mo", "ad", "ow", "out", "bad"] {
            for caller in stage.callers(actor) {
                let (guid, id) = stage.group().await;
                let before = stage.h.snapshot().await;
                let answer = match what {
                    "edit" => edit(caller, guid, id).await,
                    "delete" => delete(caller, guid, id).await,
                    _ => pin(caller, guid, id).await,
                };
                match actor {
                    "mo" | "ad" | "ow" if what == "pin" => assert_eq!(answer.ok()["pinnedBy"], actor),
                    "mo" | "ad" | "ow" => {
                        assert_eq!(answer.ok()["data"]["action"], format!("{what}ed").replace("ee", "e"))
                    }
                    "pa" => _ = answer.refused(code),
                    // Whoever is not in the group does not even see the message.
                    _ => _ = answer.refused(Code::MessageNoAccess),
                }
                if !["mo", "ad", "ow"].contains(&actor) {
                    before.still(stage.h.snapshot().await, &format!("{actor} may not {what}"));
                }
            }
        }
    }
    stage.app_may("edit", edit).await;
    stage.app_may("delete", delete).await;
    stage.app_may("pin", pin).await;
    // Between two people nobody stands above the other.
    for (receiver, other) in [("ad", "ow"), ("ow", "ad")] {
        let mine = stage.h.behalf(other).post("/messages", text_to("user", receiver, "hi")).await.ok();
        let id = id_of(&mine);
        for caller in stage.callers(receiver) {
            edit(caller.clone(), String::new(), id).await.refused(Code::NotASender);
            delete(caller, String::new(), id).await.refused(Code::NotASender);
        }
        stage.h.behalf("pa").get(&format!("/messages/{id}")).await.refused(Code::MessageNoAccess);
    }
}

#[tokio::test]
async fn looking_into_it() {
    let mut stage = Stage::set().await;
    let (guid, id) = stage.group().await;
    let paths = [
        format!("/groups/{guid}/members"),
        format!("/groups/{guid}/bannedusers"),
        format!("/groups/{guid}/messages"),
        format!("/groups/{guid}/conversation"),
        format!("/messages/{id}"),
        format!("/messages/{id}/thread"),
    ];
    for path in &paths {
        for actor in RANKS {
            for caller in stage.callers(actor) {
                match actor {
                    "pa" if path.ends_with("bannedusers") => {
                        _ = caller.get(path).await.refused(Code::NoModeratorScope);
                    }
                    _ => _ = caller.get(path).await.ok(),
                }
            }
        }
        for (actor, code) in [("out", Code::GroupNotJoined), ("bad", Code::Banned)] {
            let code = if path.starts_with("/messages") { Code::MessageNoAccess } else { code };
            for caller in stage.callers(actor) {
                caller.get(path).await.refused(code);
            }
        }
    }
    for caller in stage.callers("out") {
        // A public group is seen by everybody; its messages are not.
        caller.get(&format!("/groups/{guid}")).await.ok();
        assert!(caller.get("/messages").await.list().is_empty());
    }
}

/// A path with its placeholders filled by what does not exist.
pub fn filled(path: &str) -> String {
    let known =
        [("{id}", "999999"), ("{uid}", "nobody"), ("{guid}", "nothing"), ("{muid}", "none"), ("{role}", "none")];
    let mut path = path.to_owned();
    for (name, value) in known {
        path = path.replace(name, value);
    }
    while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
        path.replace_range(from..=to, "none");
    }
    path
}

/// Refusals that are about who asks, not about what.
fn is_about_the_caller(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("AUTH_ERR_"))
}

#[tokio::test]
async fn every_route_for_every_kind_of_caller() {
    let h = Harness::start().await;
    let other = h.another_app().await;
    let (ann, gone, out) = (h.user("ann").await, h.user("gone").await, h.user("out").await);
    let stranger = other.user("ann").await;
    h.delete_with("/users", json!({"uidsToDeactivate": ["gone"]})).await.ok();
    out.delete("/me").await.ok();
    let made = h.post("/apikeys", json!({"name": "old", "scope": "fullAccess"})).await.ok();
    let old = made["apiKey"].as_str().unwrap().to_owned();
    h.delete(&format!("/apikeys/{old}")).await.ok();

    let root = crate::admin::root(&h).await;
    let over = root.clone().with("X-Hobnob-Admin", "0123");
    let nobody = h.nobody().with("appId", &h.app_id);
    let key = |key: &str| nobody.clone().with("apiKey", key);
    let token = |token: &str| nobody.clone().with("authToken", token);
    let mut wrong = Vec::new();
    for route in hobnob::api::routes() {
        let who = format!("{:?}", route.who);
        let who = who.as_str();
        let path = filled(route.path);
        // The token of the caller may be ended by the very call.
        let fresh = h.log_in("ann").await;
        let takes_token = matches!(who, "Either" | "AsUser" | "Token");
        let for_a_user = matches!(who, "AsUser" | "Behalf");
        let takes_key = who != "Token";
        let by_key = |yes: Option<Code>| if takes_key { yes } else { Some(Code::NoAccess) };
        let by_token = |yes: Option<Code>| if takes_token { yes } else { Some(Code::NoAccess) };
        let by_session = |yes: Option<Code>| if takes_key { yes } else { Some(Code::EmptyAuthToken) };
        let none = if takes_key { Code::EmptyApiKey } else { Code::EmptyAuthToken };
        let auth_only = if who == "AnyKey" { None } else { Some(Code::NoAccess) };
        let full = if for_a_user { Some(Code::BadRequest) } else { None };
        let no_such = if who == "Either" || for_a_user { Some(Code::UidNotFound) } else { None };
        let callers: Vec<(&str, Client, Option<Code>)> = vec![
            ("nobody", nobody.clone(), Some(none)),
            ("an empty key", key(""), Some(none)),
            ("a wrong key", key("0123456789"), by_key(Some(Code::ApiKeyUnknown))),
            ("a revoked key", key(&old), by_key(Some(Code::ApiKeyUnknown))),
            ("a token as the key", key(&ann.token), by_key(Some(Code::ApiKeyUnknown))),
            ("the auth key", h.auth_only(), by_key(auth_only)),
            ("the auth key for a user", h.auth_only().with("onBehalfOf", "ann"), by_key(auth_only)),
            ("the full key", (*h.app).clone(), by_key(full)),
            ("the full key for a user", h.behalf("ann"), by_key(None)),
            ("the full key for nobody", h.behalf("nobody"), by_key(no_such)),
            ("the full key for a deactivated user", h.behalf("gone"), by_key(no_such)),
            ("a wrong token", token("ann_1_0123"), by_token(Some(Code::AuthTokenUnknown))),
            ("a token that logged out", token(&out.token), by_token(Some(Code::AuthTokenUnknown))),
            ("the token of a deactivated user", token(&gone.token), by_token(Some(Code::AuthTokenUnknown))),
            ("a key as the token", token(&h.api_key), by_token(Some(Code::AuthTokenUnknown))),
            ("a jwt as the token", token(&ann.jwt), by_token(Some(Code::AuthTokenUnknown))),
            ("the key of another app", key(&other.api_key), by_key(Some(Code::InvalidAppId))),
            ("the token of another app", token(&stranger.token), by_token(Some(Code::InvalidAppId))),
            ("a token", token(&fresh.token), by_token(None)),
            ("an admin", within(&root, &h), by_session(full)),
            ("an admin for a user", within(&root, &h).with("onBehalfOf", "ann"), by_session(None)),
            ("an admin for nobody", within(&root, &h).with("onBehalfOf", "nobody"), by_session(no_such)),
            ("an admin in no app", root.clone(), by_session(Some(Code::InvalidAppId))),
            ("an admin whose session is over", within(&over, &h), by_session(Some(Code::EmptyAuthHeader))),
        ];
        for (what, caller, expected) in callers {
            let expected = match who {
                "Open" => None,
                // What admins may with their session is tried in tests/it/admin/roles.rs.
                "Admin" if what.starts_with("an admin") => continue,
                "Admin" | "Management" => Some(Code::EmptyAuthHeader),
                // Its credential is in a header of its own; tests/it/presence.rs tries it.
                "Socket" => Some(Code::EmptyAuthToken),
                _ => expected,
            };
            let answer = caller.call(route.method.as_str().parse().unwrap(), &path, Some(json!({}))).await;
            let fits = match expected {
                Some(Code::UidNotFound | Code::BadRequest) => answer.status < 500,
                Some(code) => answer.code() == Some(code.as_str()) && answer.status == code.status(),
                // An open route knows no credentials; one of them has passwords of its own.
                None => (who == "Open" || !is_about_the_caller(answer.code())) && answer.status < 500,
            };
            let refused_for = match expected {
                Some(code @ (Code::UidNotFound | Code::BadRequest)) => answer.code() == Some(code.as_str()),
                _ => true,
            };
            if !fits || !refused_for {
                let (status, text) = (answer.status, answer.text);
                wrong.push(format!(
                    "{} {} ({who}) as {what}: expected {expected:?}, got {status} {text}",
                    route.method, route.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[tokio::test]
async fn a_credential_names_its_app_in_every_way() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    // The credential alone is enough.
    let bare = h.nobody().with("apiKey", &h.api_key);
    bare.get("/users/ann").await.ok();
    h.nobody().with("authToken", &ann.token).get("/me").await.ok();
    // Case does not count; another app does, by header as by host.
    bare.clone().with("appId", &h.app_id.to_uppercase()).get("/users/ann").await.ok();
    bare.clone().with("appId", "0000000000000000").get("/users/ann").await.refused(Code::InvalidAppId);
    let host = |app: &str| format!("{app}.api-us.chat.example");
    bare.clone().with("Host", &host(&h.app_id)).get("/users/ann").await.ok();
    bare.clone().with("Host", &host("0000000000000000")).get("/users/ann").await.refused(Code::InvalidAppId);
    let error = bare.with("appId", "<b>x").get("/users/ann").await.refused(Code::InvalidAppId);
    assert_ne!(error["message"], Value::Null);
}
