//! Backups: made beside a server at work, put back, and refused when they are not whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hobnob::model::Code;
use serde_json::{Value, json};

use crate::harness::{App, Client, Harness, Process, hobnob, id_of, temp_dir};
use crate::media::{Part, post};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn good(output: Output) -> Output {
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// A backup of the folder, in a folder of its own.
fn backup(data: &Path, to: &Path) -> (PathBuf, Value) {
    let output = good(hobnob(data, &["backup", "--json", "--to", to.to_str().unwrap()]));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    (said["file"].as_str().unwrap().into(), said)
}

fn restore(file: &Path, data: &Path) -> Output {
    hobnob(data, &["restore", file.to_str().unwrap()])
}

/// Names of all that is kept in a data folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true => folders.push(path),
                false => _ = found.insert(name),
            }
        }
    }
    found.retain(|name| !matches!(name.as_str(), "hobnob.db-wal" | "hobnob.db-shm" | "hobnob.lock"));
    found
}

async fn texts(app: &App, uid: &str, with: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut id = 0;
    loop {
        let page = app.behalf(uid).get(&format!("/users/{with}/messages?limit=100&affix=append&id={id}")).await.list();
        let Some(last) = page.last() else { return found };
        id = id_of(last);
        found.extend(page.iter().map(|message| message["data"]["text"].as_str().unwrap_or_default().to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_is_in_it() {
    let (dir, to, again) = (temp_dir(), temp_dir(), temp_dir());
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let photo = b"not really a picture".to_vec();
    let parts: [Part<'_>; 4] = [
        ("receiver", None, b"bob"),
        ("receiverType", None, b"user"),
        ("type", None, b"file"),
        ("files[]", Some(("a.bin", "application/x-thing")), &photo),
    ];
    let (status, sent) = post(&ann, "/messages", &parts).await;
    assert_eq!(status, 200, "{sent}");
    let shown = sent["data"]["data"]["attachments"][0]["url"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();

    let (stop, mut before) = (Arc::new(AtomicBool::new(false)), BTreeSet::new());
    for n in 0..50 {
        ann.send("bob", &format!("before {n}")).await;
        before.insert(format!("before {n}"));
    }
    // Others go on writing while it is made.
    let (going, stopped) = (bob.clone(), stop.clone());
    let writing = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::Relaxed) {
            going.send("ann", &format!("during {n}")).await;
            n += 1;
        }
    });
    let (data, target) = (dir.path().to_owned(), to.path().to_owned());
    let (file, told) = tokio::task::spawn_blocking(move || backup(&data, &target)).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    let all = texts(&app, "ann", "bob").await;
    process.stop();

    // Nothing but the backup is left in its folder, and it is for its owner alone.
    assert_eq!(std::fs::read_dir(to.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let checked = good(hobnob(again.path(), &["restore", "--check", "--json", file.to_str().unwrap()]));
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(checked["counts"], told["counts"]);
    assert_eq!(told["counts"]["files"], 1);
    assert!(told["counts"]["messages"].as_i64() > Some(50), "{told}");
    assert_eq!(std::fs::read_dir(again.path()).unwrap().count(), 0, "a check leaves nothing");

    good(restore(&file, again.path()));
    let process = Process::start(again.path(), &[]);
    let back = App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key);
    let found = texts(&back, "ann", "bob").await;
    assert!(found.is_superset(&before), "{:?}", before.difference(&found));
    assert!(found.is_subset(&all));
    // Logins hold, and files are there.
    ann.at(&back).get("/me").await.ok();
    let path = &shown[shown.find("/media/").unwrap()..];
    let answer = reqwest::get(format!("{}{path}", process.site.base)).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), photo);
    back.user("late").await.send("ann", "and on it goes").await;
    process.stop();
    let refused = restore(&file, again.path());
    assert!(!refused.status.success() && said(&refused).contains("is not empty"), "{}", said(&refused));
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused() {
    let (dir, to) = (temp_dir(), temp_dir());
    let process = Process::start(dir.path(), &[]);
    process.app(dir.path()).user("ann").await;
    process.stop();
    std::fs::create_dir_all(dir.path().join("tls")).unwrap();
    for name in ["cert.pem", "key.pem"] {
        std::fs::write(dir.path().join("tls").join(name), name).unwrap();
    }
    let (file, _) = backup(dir.path(), to.path());
    let whole = std::fs::read(&file).unwrap();
    let tried = |name: &str, bytes: &[u8]| {
        let bad = to.path().join(name);
        std::fs::write(&bad, bytes).unwrap();
        let place = temp_dir();
        let checked = hobnob(place.path(), &["restore", "--check", bad.to_str().unwrap()]);
        let restored = restore(&bad, place.path());
        assert!(!checked.status.success() && !restored.status.success(), "{name}");
        for left in ["hobnob.db", "restoring.db"] {
            assert!(!place.path().join(left).exists(), "{name}: nothing that could be served");
        }
        said(&restored)
    };
    for cut in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        tried("cut", &whole[..cut]);
    }
    let plain = zstd::decode_all(&*whole).unwrap();
    for at in (10..whole.len()).step_by(whole.len() / 23) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        // About one bit in 300 says nothing that matters: all that is unpacked is the same, and whole.
        if zstd::decode_all(&*bytes).is_ok_and(|unpacked| unpacked == plain) {
            continue;
        }
        tried("flipped", &bytes);
    }
    // Taken apart and put together again with something changed.
    let forged = |change: &dyn Fn(&mut String, &mut Vec<u8>)| {
        let mut tar = tar::Builder::new(Vec::new());
        for entry in tar::Archive::new(&*plain).entries().unwrap() {
            let mut entry = entry.unwrap();
            let (mut name, mut bytes) = (entry.path().unwrap().to_string_lossy().into_owned(), Vec::new());
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            change(&mut name, &mut bytes);
            let mut header = tar::Header::new_gnu();
            header.set_size(if bytes.starts_with(b"huge") { 1 << 56 } else { bytes.len() as u64 });
            // Takes no more than a file does.
            if name.starts_with('L') {
                header.set_entry_type(tar::EntryType::GNULongName);
            }
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, &*bytes).unwrap();
        }
        zstd::encode_all(&*tar.into_inner().unwrap(), 1).unwrap()
    };
    assert!(said(&hobnob(dir.path(), &["restore", "--check", file.to_str().unwrap()])).contains("is good"));
    std::fs::write(to.path().join("same"), forged(&|_, _| {})).unwrap();
    good(hobnob(dir.path(), &["restore", "--check", to.path().join("same").to_str().unwrap()]));
    for name in ["LongLink", "../hobnob.db", "/tmp/x", "media/../../x", "tls/../x.pem", "hobnob.lock", "media/aa/x"] {
        let said = tried(
            "elsewhere",
            &forged(&|path, _| {
                if path == "hobnob.db" {
                    name.clone_into(path);
                }
            }),
        );
        assert!(said.contains("no backup of Hobnob"), "{name}: {said}");
    }
    let said = tried(
        "endless",
        &forged(&|path, bytes| {
            if path == "manifest.json" {
                bytes.resize((64 << 20) + (1 << 16), b' ');
            }
        }),
    );
    assert!(said.contains("its manifest is larger"), "{said}");
    let said = tried(
        "huge",
        &forged(&|path, bytes| {
            if path == "hobnob.db" {
                *bytes = b"huge".to_vec();
            }
        }),
    );
    assert!(said.contains("has room for"), "{said}");
    let said = tried(
        "twice",
        &forged(&|path, _| {
            if path.starts_with("tls/") {
                "tls/key.pem".clone_into(path);
            }
        }),
    );
    assert!(said.contains("tls/key.pem is in it twice"), "{said}");
    let said = tried(
        "changed",
        &forged(&|path, bytes| {
            if path == "hobnob.db" {
                bytes[200] ^= 1;
            }
        }),
    );
    assert!(said.contains("damaged"), "{said}");
    let said = tried(
        "newer",
        &forged(&|path, bytes| {
            if path == "manifest.json" {
                *bytes = String::from_utf8_lossy(bytes).replace("\"format\": 1", "\"format\": 2").into_bytes();
            }
        }),
    );
    assert!(said.contains("of form 2"), "{said}");
}

#[tokio::test]
async fn old_ones_go_and_wrong_asks_are_told() {
    let (dir, to) = (temp_dir(), temp_dir());
    let process = Process::start(dir.path(), &[]);
    process.app(dir.path()).user("ann").await;
    for name in ["hobnob-20200101T000000Z.tar.zst", "hobnob-20210101T000000Z.tar.zst", "hobnob-mine.tar.zst"] {
        std::fs::write(to.path().join(name), b"x").unwrap();
    }
    let (file, told) = {
        let folder = to.path().to_str().unwrap();
        let output = good(hobnob(dir.path(), &["backup", "--json", "--keep", "2", "--to", folder]));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        (PathBuf::from(said["file"].as_str().unwrap()), said)
    };
    assert!(
        told["removed"][0].as_str().unwrap().contains("20200101") && told["removed"].as_array().unwrap().len() == 1
    );
    assert!(file.exists() && to.path().join("hobnob-mine.tar.zst").exists());
    // All that is in the folder comes back, but what belongs to the running server.
    std::fs::create_dir_all(dir.path().join("tls")).unwrap();
    for name in ["ca.pem", "cert.pem", "key.pem", "names"] {
        std::fs::write(dir.path().join("tls").join(name), name).unwrap();
    }
    let (again, place) = (temp_dir(), temp_dir());
    let (file_again, _) = backup(dir.path(), again.path());
    good(restore(&file_again, place.path()));
    assert_eq!(files(place.path()), files(dir.path()));
    // To standard output, for whoever encrypts or sends it on.
    let piped = good(hobnob(dir.path(), &["backup", "--to", "-"])).stdout;
    std::fs::write(to.path().join("piped"), piped).unwrap();
    good(hobnob(dir.path(), &["restore", "--check", to.path().join("piped").to_str().unwrap()]));
    process.stop();
    let nowhere = temp_dir();
    for (args, word) in [
        (vec!["backup", "--to", file.to_str().unwrap()], "is there already"),
        (vec!["backup", "--to", "/nowhere/at/all"], "cannot write"),
        (vec!["backup", "--every", "6x"], "is no time"),
        (vec!["backup", "--every", "6h", "--to", file.to_str().unwrap()], "need a folder"),
        (vec!["restore", "/nowhere/at/all"], "cannot read"),
    ] {
        let output = hobnob(dir.path(), &args);
        assert!(!output.status.success() && said(&output).contains(word), "{args:?}: {}", said(&output));
    }
    let output = hobnob(nowhere.path(), &["backup"]);
    assert!(!output.status.success() && said(&output).contains("there is no database"), "{}", said(&output));
    assert_eq!(std::fs::read_dir(nowhere.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_leaves_the_locks_of_the_server_that_makes_it() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let said = String::from_utf8(hobnob(dir.path(), &["admin", "create"]).stdout).expect("text");
    let link = said.split_once("#setup=").expect("a link").1.split_whitespace().next().expect("its end");
    let site = Client::nobody(&process.site);
    let body = json!({"link": link, "name": "root", "password": "correct horse"});
    let session = site.post("/admin/api/setup", body).await.ok()["session"].as_str().expect("a session").to_owned();
    site.with("X-Hobnob-Admin", &session).post("/admin/api/backups", json!({})).await.ok();
    // Whatever opens a database that nobody has locked takes its log away when it closes it.
    let database =
        std::fs::OpenOptions::new().read(true).write(true).open(dir.path().join("hobnob.db")).expect("opens");
    let taken = rustix::fs::fcntl_lock(&database, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert!(taken.is_err(), "others would take it for a database that nobody has open");
    app.post("/users", json!({"uid": "ann", "name": "Ann"})).await.ok();
}

#[tokio::test]
async fn admins_make_list_prove_and_download_backups() {
    let h = Harness::start().await;
    let root = crate::admin::root(&h).await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    ann.send("bob", "hello").await;
    let path = "/admin/api/backups";
    h.nobody().get(path).await.refused(Code::EmptyAuthHeader);
    assert_eq!(root.get(path).await.list().len(), 0);
    let made = root.post(path, json!({})).await.ok();
    assert_eq!(made["counts"]["messages"], 1);
    let name = made["name"].as_str().expect("a name").to_owned();
    assert_eq!(root.get(path).await.each("name"), std::slice::from_ref(&name));
    let proved = root.post(&format!("{path}/{name}/check"), json!({})).await.ok();
    assert_eq!(proved["counts"], made["counts"]);
    root.post(&format!("{path}/hobnob.db/check"), json!({})).await.refused(Code::FileNotFound);
    root.get(&format!("{path}/hobnob.db")).await.refused(Code::FileNotFound);
    h.nobody().get(&format!("{path}/{name}")).await.refused(Code::EmptyAuthHeader);
    h.get(&format!("{path}/{name}")).await.refused(Code::EmptyAuthHeader);

    let body = json!({"name": "root", "password": "correct horse"});
    let session =
        h.nobody().post("/admin/api/login", body).await.ok()["session"].as_str().expect("a session").to_owned();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let asked = client.get(format!("{}/v3{path}/{name}", h.base())).header("X-Hobnob-Admin", &session).send();
    let bytes = asked.await.expect("answers").bytes().await.expect("all of it");
    // Another in the same second has a name of its own.
    let more = root.post(path, json!({})).await.ok();
    assert_ne!(more["name"].as_str(), Some(name.as_str()));
    let folder = temp_dir();
    let file = folder.path().join("got.tar.zst");
    std::fs::write(&file, &bytes).expect("written");
    let new = folder.path().join("new");
    let restored = hobnob(&new, &["restore", file.to_str().expect("a plain path")]);
    assert!(restored.status.success(), "{restored:?}");
    // What was restored says so itself, and holds what it was made from.
    let acts = |data: &std::path::Path| -> Vec<String> {
        let listed: Value = serde_json::from_slice(&hobnob(data, &["audit", "list", "--json"]).stdout).expect("JSON");
        listed
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| entry["act"].as_str().expect("an act").to_owned())
            .collect()
    };
    assert_eq!(acts(&new), ["backup.restore", "admin.create"]);
    assert_eq!(acts(&h.data), ["backup.create", "backup.download", "admin.log-in", "backup.create", "admin.create"]);
    // In parts it is noted as well, whichever they are.
    for range in ["bytes=0-", "bytes=1-"] {
        let asked = client.get(format!("{}/v3{path}/{name}", h.base())).header("X-Hobnob-Admin", &session);
        assert_eq!(asked.header("Range", range).send().await.expect("answers").status(), 206);
    }
    assert_eq!(acts(&h.data)[..3], ["backup.download", "backup.download", "backup.create"]);
    h.stop().await;
}

#[tokio::test]
async fn a_link_to_a_backup_works_once_for_a_minute_and_for_who_may() {
    let h = Harness::start().await;
    let root = crate::admin::root(&h).await;
    let path = "/admin/api/backups";
    let name = root.post(path, json!({})).await.ok()["name"].as_str().expect("a name").to_owned();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let fetch = async |link: &str| {
        let answer = client.get(format!("{}/admin/api/{link}", h.base())).send().await.expect("answers");
        let kept = answer.headers().get("content-disposition").map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), kept.unwrap_or_default(), answer.bytes().await.expect("all of it"))
    };
    let link = async |admin: &crate::harness::Client| {
        let made = admin.post(&format!("{path}/{name}/link"), json!({})).await.ok();
        made["path"].as_str().expect("a path").to_owned()
    };
    root.post(&format!("{path}/hobnob.db/link"), json!({})).await.refused(Code::FileNotFound);
    let first = link(&root).await;
    let (status, kept, bytes) = fetch(&first).await;
    let size = std::fs::metadata(h.data.join("backups").join(&name)).expect("the file").len();
    assert_eq!((status, bytes.len() as u64), (200, size));
    assert!(kept.starts_with("attachment") && kept.contains(&name), "{kept}");
    assert_eq!(fetch(&first).await.0, 403, "once");
    // Another file, a minute later, a session that ended, a role that changed, and one that was made up.
    let other = root.post(path, json!({})).await.ok()["name"].as_str().expect("a name").to_owned();
    assert_eq!(fetch(&link(&root).await.replace(&name, &other)).await.0, 403);
    let late = link(&root).await;
    h.clock.advance(61);
    assert_eq!(fetch(&late).await.0, 403);
    let owner = crate::admin::roles::admin_of(&h, hobnob::model::admin::AdminRole::Owner).await;
    let (ended, demoted) = (link(&owner).await, link(&owner).await);
    let id = owner.get("/admin/api/me").await.ok()["id"].clone();
    root.put(&format!("/admin/api/admins/{id}"), json!({"role": "admin"})).await.ok();
    assert_eq!(fetch(&demoted).await.0, 403);
    root.put(&format!("/admin/api/admins/{id}"), json!({"role": "owner"})).await.ok();
    root.delete(&format!("/admin/api/admins/{id}/sessions")).await.ok();
    assert_eq!(fetch(&ended).await.0, 403);
    assert_eq!(fetch(&format!("backups/{name}?ticket=0123")).await.0, 403);
    let log = root.get("/admin/api/audit").await.ok();
    let downloads = log.as_array().expect("a list").iter().filter(|one| one["act"] == "backup.download").count();
    assert_eq!(downloads, 1);
    h.stop().await;
}

#[tokio::test]
async fn nothing_that_runs_by_itself_comes_with_a_backup() {
    let (dir, to, place) = (temp_dir(), temp_dir(), temp_dir());
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    app.user("ann").await;
    process.stop();
    let database = |folder: &Path| rusqlite::Connection::open(folder.join("hobnob.db")).unwrap();
    let strange = "CREATE TRIGGER spy AFTER INSERT ON messages BEGIN DELETE FROM users; END;
                   CREATE VIEW \"odd \"\" one\" AS SELECT uid FROM users; CREATE TABLE own_notes (note TEXT);";
    database(dir.path()).execute_batch(strange).unwrap();
    let (file, _) = backup(dir.path(), to.path());
    let told = said(&good(hobnob(place.path(), &["restore", "--check", file.to_str().unwrap()])));
    assert!(told.contains("TRIGGER") && told.contains("spy") && told.contains("is good"), "{told}");
    let told = said(&good(restore(&file, place.path())));
    assert!(told.contains("spy") && told.contains("odd"), "{told}");
    let kinds = "SELECT group_concat(type) FROM sqlite_schema WHERE name IN ('spy', 'odd \" one', 'own_notes')";
    let left: String = database(place.path()).query_row(kinds, [], |row| row.get(0)).unwrap();
    assert_eq!(left, "table", "a table does nothing by itself");
    let process = Process::start(place.path(), &[]);
    let back = App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key);
    back.user("bob").await.send("ann", "both are there").await;
    process.stop();
}

/// What a process that is killed leaves behind: a draft whose lock nobody holds.
fn left_behind(folder: &Path) -> PathBuf {
    let draft = folder.join(".hobnob-0123456789abcdef");
    std::fs::create_dir(&draft).unwrap();
    std::fs::write(draft.join("lock"), b"").unwrap();
    std::fs::write(draft.join("hobnob.db"), b"of people who were erased since").unwrap();
    draft
}

#[tokio::test]
async fn what_the_killed_leave_behind_goes() {
    let (dir, to) = (temp_dir(), temp_dir());
    std::fs::create_dir(dir.path().join("backups")).unwrap();
    let drafts = [left_behind(dir.path()), left_behind(&dir.path().join("backups"))];
    let process = Process::start(dir.path(), &[]);
    assert!(!drafts.iter().any(|draft| draft.exists()), "a start removes them");
    process.app(dir.path()).user("ann").await;
    let (beside, made) = (left_behind(to.path()), left_behind(dir.path()));
    let folder = format!("{}/", to.path().join("later").to_str().unwrap());
    // A folder is made, and two of one second have two names.
    let backups: Vec<_> = (0..3).map(|_| backup(dir.path(), Path::new(&folder)).0).collect();
    backup(dir.path(), to.path());
    assert!(!beside.exists() && made.exists(), "where it is made, and nowhere else");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3, "{backups:?}");
    for file in &backups {
        good(hobnob(dir.path(), &["restore", "--check", file.to_str().unwrap()]));
    }
    process.stop();
}

#[tokio::test]
async fn an_interrupted_restore_is_not_served_and_goes_on() {
    let (dir, to, place) = (temp_dir(), temp_dir(), temp_dir());
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    app.user("ann").await;
    let (file, _) = backup(dir.path(), to.path());
    // Beside a server nothing is restored, not even where it has nothing yet.
    let held = temp_dir();
    let lock = hobnob::lock::Lock::take(held.path()).unwrap();
    let refused = restore(&file, held.path());
    assert!(!refused.status.success() && said(&refused).contains("another Hobnob"), "{}", said(&refused));
    drop(lock);
    good(restore(&file, held.path()));
    process.stop();
    let data = place.path();
    for name in ["lost+found", "tls", "media", "media/ab"] {
        std::fs::create_dir(data.join(name)).unwrap();
    }
    for name in ["restoring.db", "restoring.db-journal", "tls/key.pem", "media/ab/x"] {
        std::fs::write(data.join(name), b"half").unwrap();
    }
    let served = hobnob(data, &["serve", "--http", "127.0.0.1:0", "--https", "off"]);
    assert!(!served.status.success() && said(&served).contains("did not come to its end"), "{}", said(&served));
    assert!(!data.join("hobnob.db").exists());
    // What cannot be a restore's is nobody's to remove.
    std::fs::write(data.join("mine"), b"x").unwrap();
    let refused = restore(&file, data);
    assert!(!refused.status.success() && said(&refused).contains("is not empty"), "{}", said(&refused));
    std::fs::remove_file(data.join("mine")).unwrap();
    // One that fails leaves nothing, and the next one begins anew.
    let cut = to.path().join("cut");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let refused = restore(&cut, data);
    assert!(!refused.status.success() && said(&refused).contains("no whole backup"), "{}", said(&refused));
    assert_eq!(files(data), BTreeSet::new());
    std::fs::write(data.join("restoring.db"), b"half").unwrap();
    good(restore(&file, data));
    assert_eq!(files(data), files(held.path()));
    let process = Process::start(data, &[]);
    App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key).get("/users/ann").await.ok();
    process.stop();
}

/// A disk that is full: what was to be written to it is no backup, and what was to be told of a key is not told.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_under_the_output_is_told_as_what_it_is() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let onto = |output: &str, args: &[&str]| {
        let file = std::fs::OpenOptions::new().write(true).open(output).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hobnob"));
        command.args(args).arg("--data").arg(dir.path()).stdout(file).output().unwrap()
    };
    for (args, word) in [
        (&["backup", "--to", "-"][..], "cannot write the backup: No space left"),
        (&["export", &app.app_id, "--to", "-"], "cannot write the export: No space left"),
        (&["key", "create", &app.app_id, "x"], "No space left"),
        (&["app", "list"], "No space left"),
    ] {
        let output = onto("/dev/full", args);
        assert!(!output.status.success() && said(&output).contains(word), "{args:?}: {}", said(&output));
        assert!(onto("/dev/null", args).status.success(), "{args:?}");
    }
    // Standard output keeps what comes after the last line's end: in a small export without such a byte, all of it.
    for each in 0..16 {
        app.user(&format!("u{each}")).await;
        let output = onto("/dev/full", &["export", &app.app_id, "--to", "-"]);
        assert!(!output.status.success() && said(&output).contains("cannot write the export"), "{}", said(&output));
    }
    process.stop();
}
