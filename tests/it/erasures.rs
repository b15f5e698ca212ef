//! People whose accounts end: what is counted before, what others see afterwards, and that of who is erased nothing is left
//! in any file of the data folder, not even in what the database gave up.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hobnob::chores;
use hobnob::media::Media;
use hobnob::model::Code;
use hobnob::model::limits::Limits;
use serde_json::{Value, json};

use crate::admin::{of, root};
use crate::harness::receiver::{Does, Receiver};
use crate::harness::{Dice, Harness, NOW, User, eventually, hobnob, id_of, temp_dir, text_to};
use crate::media;
use crate::webhooks::hook;

/// Everything there is to be done in the background.
async fn settle(h: &Harness) {
    let media = Media::open(&h.data, 1).expect("opens");
    let limits = Arc::new(Limits::default());
    // The log is emptied when nobody reads, and the server does its own rounds besides.
    eventually("nobody is left to be erased", async || {
        chores::round(&h.store, &limits, &media).await.expect("done");
        h.count("SELECT count(*) FROM erasures") == 0
    })
    .await;
}

/// What a file holds, read by another process: the server is within this one, and whoever closes a file loses all locks on it.
fn bytes_of(path: &Path) -> Vec<u8> {
    let read = std::process::Command::new("cat").arg(path).output().expect("reads");
    assert!(read.status.success(), "{read:?}");
    read.stdout
}

/// Files below the folder that hold one of these words, in whatever case, each with the word.
fn found(folder: &Path, words: &[&str]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(found(&path, words));
            continue;
        }
        let bytes = bytes_of(&path).to_ascii_lowercase();
        for word in words {
            if bytes.windows(word.len()).any(|at| at == word.as_bytes()) {
                all.push((path.display().to_string(), (*word).to_owned()));
            }
        }
    }
    all
}

/// The audit log says of who was ended by `act` what a dry run had counted: what ended at once with that act, and the rest
/// in the entry that says that nothing is left. What hangs on a message is not counted when it goes with it.
fn noted(h: &Harness, counts: &Value, act: &str) {
    let log = hobnob(&h.data, &["audit", "list", "--json"]);
    let log: Vec<Value> = serde_json::from_slice(&log.stdout).expect("JSON");
    let details = |act: &str| &log.iter().find(|entry| entry["act"] == act).expect("noted")["details"];
    let (at_once, gone) = (details(act), details("user.gone"));
    for (name, count) in counts.as_object().expect("counts") {
        let noted = if at_once[name].is_null() { gone[name].as_i64() } else { at_once[name].as_i64() };
        let (noted, count) = (noted.unwrap_or(0), count.as_i64().expect("a number"));
        let exact = ["logins", "memberships", "ownedGroups", "messages", "messagesToThem", "files", "fileBytes"];
        assert!(noted == count || !exact.contains(&&**name) && noted < count, "{name}: {noted} noted of {count}");
    }
}

/// However long counting takes: it is not asked for.
#[tokio::test]
async fn a_deletion_waits_for_no_count() {
    let h = Harness::with(&["--limit", "read_seconds=0"]).await;
    for (uid, body) in [("ann", json!({"permanent": true})), ("bob", json!({"kind": "anonymise"})), ("cy", json!({}))] {
        h.post("/users", json!({"uid": uid, "name": uid})).await.ok();
        h.delete_with(&format!("/users/{uid}"), json!({"kind": "erase", "dryRun": true}))
            .await
            .refused(Code::ReadTimeout);
        h.delete_with(&format!("/users/{uid}"), body).await.ok();
    }
    assert_eq!(h.count("SELECT count(*) FROM audit WHERE act LIKE 'user.%' AND act <> 'user.gone'"), 3);
    h.stop().await;
}

/// What only they say: their uid, name, what is in their texts, file names and profile.
const WORDS: [&str; 6] = ["zqvictim", "zqname", "zqtext", "zqfile", "zqmeta", "zqmail"];

/// People who talk at random, one of them in words of their own. How many messages that one sent and did not remove.
async fn play(h: &Harness, seed: u64, steps: usize) -> usize {
    let profile = json!({
        "name": "Zqname Person", "metadata": {"zqmeta": "zqmeta"}, "avatar": "https://else.example/zqmeta.png",
        "link": "https://else.example/zqmeta", "tags": ["zqmeta"], "statusMessage": "zqmeta",
    });
    let victim = h.user_with("zqvictim", profile).await;
    let (bob, cy) = (h.user("bob").await, h.user("cy").await);
    h.group("team", &victim, &[&bob, &cy]).await;
    h.group("others", &bob, &[&victim, &cy]).await;
    let mut dice = Dice::new(seed);
    let (mut theirs, mut all): (Vec<i64>, Vec<i64>) = (Vec::new(), Vec::new());
    let people = [&victim, &bob, &cy];
    for step in 0..steps {
        let who = people[dice.roll(3)];
        let own = std::ptr::eq(who, &victim);
        // Of lengths that fit in a page and that do not.
        let length = [1, 20, 300, 9_000][dice.roll(4)];
        let word = if own { "zqtext" } else { "<@uid:zqvictim> plain" };
        let text = format!("{word}{step} ").repeat(1 + length / 20);
        let (kind, to) =
            [("group", "team"), ("group", "others"), ("user", if own { "bob" } else { "zqvictim" })][dice.roll(3)];
        match dice.roll(12) {
            0..=5 => {
                let id = id_of(&who.post("/messages", text_to(kind, to, &text)).await.ok());
                all.push(id);
                if own {
                    theirs.push(id);
                }
            }
            6 if !theirs.is_empty() => {
                let id = theirs[dice.roll(theirs.len())];
                victim
                    .put(
                        &format!("/messages/{id}"),
                        json!({"data": {"text": text.replace("<@uid:zqvictim> plain", "zqtext")}}),
                    )
                    .await
                    .ok();
            }
            7 if theirs.len() > 3 => {
                let id = theirs.swap_remove(dice.roll(theirs.len()));
                all.retain(|other| *other != id);
                victim.delete_with(&format!("/messages/{id}"), json!({"permanent": dice.roll(2) == 0})).await.ok();
            }
            8 if !all.is_empty() => {
                let id = all[dice.roll(all.len())];
                who.post(&format!("/messages/{id}/reactions/%F0%9F%98%80"), json!({})).await;
            }
            9 if own => {
                let data = json!({"text": "zqtext with a file"}).to_string();
                let name = format!("zqfile{step}.png");
                let file = ("files", Some((&*name, "image/png")), &b"zqfile content"[..]);
                let parts = vec![
                    ("receiver", None, to.as_bytes()),
                    ("receiverType", None, kind.as_bytes()),
                    ("category", None, b"message"),
                    ("type", None, b"image"),
                    ("data", None, data.as_bytes()),
                    file,
                ];
                let (status, sent) = media::post(&victim, "/messages", &parts).await;
                assert_eq!(status, 200, "{sent}");
                theirs.push(id_of(&sent["data"]));
            }
            10 => settle(h).await,
            _ => {
                // Of others, changed by them.
                let Some(id) = all.iter().find(|id| !theirs.contains(id)).copied() else { continue };
                victim.post(&format!("/messages/{id}/pin"), json!({})).await;
                victim.delete_with(&format!("/messages/{id}"), json!({})).await;
                all.retain(|other| *other != id);
            }
        }
    }
    victim.put("/groups/team", json!({"name": "Team"})).await.ok();
    h.behalf("zqvictim").patch("/notifications/v1/contact-details", json!({"email": "zqmail@else.example"})).await.ok();
    let mute = json!([{"id": "zqvictim", "type": "oneOnOne", "until": (NOW + 1_000_000) * 1000}]);
    bob.put("/notifications/push/v1/preferences/mute", json!({"conversations": mute})).await.ok();
    for (sender, to, text) in
        [("zqvictim", "bob", "zqtext"), ("bob", "zqvictim", "plain"), ("bob", "cy", "plain <@uid:zqvictim>")]
    {
        let mut asked = text_to("user", to, text);
        asked["sender"] = sender.into();
        h.post("/moderation/messages", asked).await.ok();
    }
    let call = json!({"receiver": "zqvictim", "receiverType": "user", "type": "audio"});
    bob.post("/calls", call).await.ok();
    theirs.len()
}

/// Everything a client can list of what there is.
async fn lists(h: &Harness, people: &[&User]) -> String {
    let mut text = String::new();
    for path in [
        "/users?withDeactivated=1",
        "/groups",
        "/groups/team/members",
        "/groups/others/members",
        "/messages?limit=100",
        "/conversations",
        "/threads",
        "/calls",
        "/roles",
    ] {
        text.push_str(&h.get(path).await.text);
        for person in people {
            text.push_str(&person.get(path).await.text);
        }
    }
    for person in people {
        for path in ["/groups/team/messages", "/groups/others/messages", "/groups/team", "/messages?searchKey=plain"] {
            text.push_str(&person.get(path).await.text);
        }
    }
    text.to_ascii_lowercase()
}

#[tokio::test]
async fn nothing_is_left_of_who_was_erased() {
    for seed in [88_172_645_463_325_252, 1_234_567_891_011, 42] {
        let h = Harness::start().await;
        play(&h, seed, 160).await;
        settle(&h).await;
        let counts = h.delete_with("/users/zqvictim", json!({"kind": "erase", "dryRun": true})).await.ok();
        assert_eq!(counts["counts"]["messages"], h.count(
            "SELECT count(*) FROM messages m JOIN users u ON u.id = m.sender_id WHERE u.uid = 'zqvictim' AND m.category = 'message'"));
        assert!(!found(&h.data, &WORDS).is_empty(), "the words are there to be found");
        let done = h.delete_with("/users/zqvictim", json!({"kind": "erase"})).await.ok();
        assert_eq!((&done["kind"], done.get("counts")), (&json!("erase"), None), "counted when it is asked for");
        settle(&h).await;
        noted(&h, &counts["counts"], "user.erase");
        assert_eq!(found(&h.data, &WORDS), [], "seed {seed}");
        assert_eq!(h.count("SELECT count(*) FROM attachments"), 0);
        // The sums that are kept equal what they are sums of.
        for sql in [
            "SELECT (SELECT coalesce(sum(bytes), 0) FROM file_bytes) - 2 * (SELECT coalesce(sum(size), 0) FROM attachments)",
            "SELECT count(*) FROM groups g WHERE members_count <> (SELECT count(*) FROM members m WHERE m.group_id = g.id)",
            "SELECT count(*) FROM conversations c WHERE last_id <> coalesce((SELECT max(id) FROM messages m WHERE m.conv_id = c.id), 0)",
        ] {
            assert_eq!(h.count(sql), 0, "{sql}");
        }
        let log = String::from_utf8(hobnob(&h.data, &["audit", "list"]).stdout).expect("text");
        assert!(log.contains("user.erase") && log.contains("user.gone") && !log.contains("zqvictim"), "{log}");
        // The uid may be taken again, and has nothing of who had it.
        h.user("zqvictim").await;
        h.stop().await;
    }
}

#[tokio::test]
async fn whose_word_was_the_last_is_erased_though_nobody_says_another() {
    let h = Harness::start().await;
    let (_ann, bob) = (h.user("ann").await, h.user("bob").await);
    for text in ["one", "two", "three"] {
        bob.send("ann", text).await;
    }
    settle(&h).await;
    let app = &*h.app_id;
    let erased = hobnob(&h.data, &["user", "delete", app, "bob", "--kind", "erase", "--yes"]);
    assert!(erased.status.success(), "{erased:?}");
    settle(&h).await;
    h.stop().await;
}

#[tokio::test]
async fn who_was_anonymised_is_named_nowhere_and_what_they_wrote_stays() {
    for seed in [7, 4_711] {
        let h = Harness::start().await;
        let sent = play(&h, seed, 120).await;
        settle(&h).await;
        let messages = "SELECT count(*) FROM messages WHERE data LIKE '%zqtext%'";
        let before = h.count(messages);
        assert_eq!(before, sent as i64);
        let root = root(&h).await;
        let path = of(&h.app, "/users/zqvictim");
        h.delete_with("/users/zqvictim", json!({"kind": "anonymise", "permanent": true}))
            .await
            .refused(Code::BadRequest);
        h.delete_with("/users/zqvictim", json!({"kind": "hard"})).await.refused(Code::BadRequest);
        let dry = Some(json!({"kind": "anonymise", "dryRun": true}));
        let dry = root.call(reqwest::Method::DELETE, &path, dry).await.ok();
        assert_eq!(h.get("/users/zqvictim").await.ok()["name"], "Zqname Person");
        root.call(reqwest::Method::DELETE, &path, Some(json!({"kind": "anonymise"}))).await.ok();
        settle(&h).await;
        noted(&h, &dry["counts"], "user.anonymise");
        assert_eq!(h.count(messages), before);
        let words = ["zqvictim", "zqname", "zqmeta", "zqmail"];
        let (bob, cy) = (h.log_in("bob").await, h.log_in("cy").await);
        let text = lists(&h, &[&bob, &cy]).await;
        assert!(text.contains("deleted user") && text.contains("zqtext"), "they are still there, by no name");
        for word in words {
            assert!(!text.contains(word), "{word}: {text}");
        }
        assert_eq!(found(&h.data, &words), [], "seed {seed}");
        h.get("/users/zqvictim").await.refused(Code::UidNotFound);
        let log = root.get("/admin/api/audit").await.list();
        assert_eq!(log[0]["act"], "user.gone");
        let noted = log.iter().find(|entry| entry["act"] == "user.anonymise").expect("noted");
        assert_eq!((&noted["actor"], noted["app"].as_str()), (&json!("admin root"), Some(&*h.app_id)));
        assert!(noted["target"].as_str().expect("a digest").starts_with('#'));
        // Who is anonymised can still be erased, by the name they have now.
        let neutral = h.get("/messages?limit=100").await.list();
        let neutral =
            neutral.iter().filter_map(|message| message["sender"].as_str()).find(|uid| uid.starts_with("deleted-"));
        let neutral = neutral.expect("a message of theirs").to_owned();
        h.delete_with(&format!("/users/{neutral}"), json!({"kind": "erase"})).await.ok();
        settle(&h).await;
        assert_eq!(found(&h.data, &["zqtext", "zqfile"]), []);
        h.stop().await;
    }
}

#[tokio::test]
async fn the_command_line_counts_first_and_a_running_server_does_the_rest() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    ann.send_group("team", "hello").await;
    let sock = ann.connect().await;
    let run = |more: &[&str]| {
        let all: Vec<&str> = ["user", "delete", &h.app_id, "ann"].iter().copied().chain(more.iter().copied()).collect();
        hobnob(&h.data, &all)
    };
    assert!(!run(&[]).status.success(), "the kind is not guessed");
    let dry = run(&["--kind", "soft", "--json"]);
    let said: Value = serde_json::from_slice(&dry.stdout).expect("JSON");
    assert_eq!((&said["done"], &said["counts"]["memberships"]), (&json!(false), &json!(1)));
    assert_eq!(h.get("/users/ann").await.ok()["uid"], "ann");
    assert!(run(&["--kind", "soft", "--yes"]).status.success());
    settle(&h).await;
    sock.closed().await;
    h.get("/users/ann").await.refused(Code::UidNotFound);
    assert_eq!(h.get("/groups/team").await.ok()["owner"], "bob");
    let entries: Value = serde_json::from_slice(&hobnob(&h.data, &["audit", "list", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&entries[0]["act"], &entries[0]["target"], &entries[0]["actor"]),
        (&json!("user.delete"), &json!("ann"), &json!("cli"))
    );
    // Who is gone softly can still be erased, and then the log does not name them any more.
    assert!(run(&["--kind", "erase", "--yes"]).status.success());
    settle(&h).await;
    assert_eq!(h.count("SELECT count(*) FROM users WHERE name = 'Ann'"), 0);
    assert_eq!(h.count("SELECT count(*) FROM audit WHERE target = 'ann'"), 0);
    assert_eq!(h.count("SELECT count(*) FROM audit WHERE act LIKE 'user.%'"), 3);
    assert!(!run(&["--kind", "erase", "--yes"]).status.success());
    h.stop().await;
}

/// A large database is put together anew when there is time, by the tool; until then whoever else is erased need not wait.
#[tokio::test]
async fn a_large_database_waits_for_the_tool() {
    let h = Harness::with(&["--limit", "compact_bytes=1"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    ann.send("bob", "zqtext").await;
    bob.send("ann", "hello").await;
    let limits = Arc::new(Limits { compact_bytes: 1, ..Limits::default() });
    let media = Media::open(&h.data, 1).expect("opens");
    for uid in ["ann", "bob"] {
        h.delete_with(&format!("/users/{uid}"), json!({"permanent": true})).await.ok();
        chores::round(&h.store, &limits, &media).await.expect("done");
    }
    assert_eq!(h.count("SELECT count(*) FROM erasures WHERE uid IS NULL"), 2);
    assert!(!hobnob(&h.data, &["compact"]).status.success(), "a server runs there");
    // As it would lie there after a stop.
    let stopped = temp_dir();
    for name in ["hobnob.db", "hobnob.db-wal"] {
        fs::write(stopped.path().join(name), bytes_of(&h.data.join(name))).expect("copied");
    }
    let done = hobnob(stopped.path(), &["compact"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(found(stopped.path(), &["zqtext"]), []);
    h.stop().await;
}

/// Each administrative act leaves one entry that says who did what to what, and no secret.
#[tokio::test]
async fn what_those_do_who_run_the_server_is_noted() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let made = root.post(&of(&h.app, "/keys"), json!({"name": "k", "scope": "fullAccess"})).await.ok();
    let secret = made["apiKey"].as_str().expect("a key").to_owned();
    h.put(&format!("/apikeys/{secret}"), json!({"name": "other"})).await.ok();
    h.delete(&format!("/apikeys/{secret}")).await.ok();
    h.post("/roles", json!({"role": "vip", "name": "Vip"})).await.ok();
    h.put("/roles/vip", json!({"name": "VIP"})).await.ok();
    h.delete("/roles/vip").await.ok();
    let app = root.post("/admin/api/apps", json!({"name": "Second"})).await.ok();
    root.call(reqwest::Method::DELETE, &format!("/admin/api/apps/{}", app["appId"].as_str().expect("an id")), None)
        .await
        .ok();
    let made: Value =
        serde_json::from_slice(&hobnob(&h.data, &["management-key", "create", "--json"]).stdout).expect("JSON");
    assert!(hobnob(&h.data, &["management-key", "revoke", made["key"].as_str().expect("a key")]).status.success());
    let log = root.get("/admin/api/audit").await.list();
    let lines: Vec<String> = log
        .iter()
        .rev()
        .map(|entry| {
            format!("{} {}", entry["actor"].as_str().unwrap_or_default(), entry["act"].as_str().unwrap_or_default())
        })
        .collect();
    let key = format!("key {}", &h.api_key[..4]);
    let want = [
        ("admin root", "admin.create"),
        ("admin root", "key.create"),
        (&*key, "key.update"),
        (&*key, "key.revoke"),
        (&*key, "role.create"),
        (&*key, "role.update"),
        (&*key, "role.delete"),
        ("admin root", "app.create"),
        ("admin root", "app.delete"),
        ("cli", "management-key.create"),
        ("cli", "management-key.revoke"),
    ];
    assert_eq!(lines, want.map(|(actor, act)| format!("{actor} {act}")));
    assert!(!json!(log).to_string().contains(&secret));
    let of_app = root.get(&format!("/admin/api/audit?app={}", h.app_id)).await.list();
    assert_eq!(of_app.len(), 6);
}

/// Events that are told outside hold what was said and by whom: those that were told, those that wait, and what was answered.
#[tokio::test]
async fn what_is_told_outside_holds_nothing_of_who_was_erased() {
    for kind in ["erase", "anonymise"] {
        let h = Harness::start().await;
        let (ann, victim, down) = (h.user("ann").await, h.user("zqvictim").await, Receiver::start().await);
        let well = Receiver::start().await;
        h.user("bob").await;
        down.be(Does::Answer(500, "", "who is zqvictim?".to_owned()));
        hook(&h, "down", &down, json!({"retryOnFailure": true}), &["message_sent"]).await;
        hook(&h, "well", &well, json!({}), &["message_sent"]).await;
        victim.send("ann", "zqtext by them").await;
        ann.send("zqvictim", "zqtext to them").await;
        ann.send("bob", "zqtext of <@uid:zqvictim>").await;
        for each in 0..600 {
            ann.send("bob", &format!("{each} of others")).await;
        }
        victim.send("bob", "zqtext at last").await;
        well.expect(604).await;
        eventually("all are noted", async || {
            h.count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 604
        })
        .await;
        assert!(h.count("SELECT count(*) FROM outbox WHERE data LIKE '%zqvictim%'") == 4);
        h.delete_with("/users/zqvictim", json!({"kind": kind})).await.ok();
        settle(&h).await;
        assert_eq!(found(&h.data, &["zqvictim"]), [], "{kind}");
        let left = h.count("SELECT count(*) FROM outbox");
        assert_eq!(left, 600, "what others said of others is still told");
        h.stop().await;
    }
}
