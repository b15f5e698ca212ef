//! `hobnob doctor`: each check fails when there is something to find, and counters that were broken are mended.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use hobnob::doctor::database::{mend, recount};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::count_law::World;
use crate::harness::{Harness, Process, hobnob, temp_dir, text_to};

fn doctor(args: &[&str]) -> (bool, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    let output = command.arg("doctor").args(args).arg("--json").output().expect("runs");
    let found = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.success(), found)
}

/// The finding of a check, as `verdict: what it says. advice`.
fn of(found: &[Value], check: &str) -> String {
    let one = found.iter().find(|one| one["check"] == check).unwrap_or_else(|| panic!("no {check} in {found:?}"));
    let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
    format!("{}: {}. {}", text("verdict"), text("says"), text("advice"))
}

fn look(data: &Path, more: &[&str]) -> Vec<Value> {
    let data = data.to_str().expect("a plain path");
    doctor(&[&["--data", data, "--http", "127.0.0.1:0", "--https", "off"], more].concat()).1
}

fn served() -> tempfile::TempDir {
    let dir = temp_dir();
    Process::start(dir.path(), &["--https", "127.0.0.1:0"]).stop();
    dir
}

fn database(data: &Path) -> Connection {
    Connection::open(data.join("hobnob.db")).expect("opens")
}

#[tokio::test]
async fn a_sound_server_is_told_so_while_it_runs() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &["--https", "127.0.0.1:0"]);
    let app = process.app(dir.path());
    app.user("ann").await;
    let (data, base) = (dir.path().to_str().expect("a path"), process.site.base.clone());
    let http = base.trim_start_matches("http://").to_owned();
    let (_, found) = doctor(&[
        "--data",
        data,
        "--http",
        &http,
        "--https",
        "off",
        "--url",
        &base,
        "--limit",
        "upload=100000",
        "--idle",
        "1",
    ]);
    for check in [
        "permissions",
        "sync",
        "log",
        "schema",
        "tables",
        "integrity",
        "references",
        "clock",
        "files",
        "search",
        "counters",
        "ports",
        "outside: host",
        "outside: health",
        "outside: headers",
        "outside: socket",
        "outside: body",
    ] {
        assert!(of(&found, check).starts_with("ok: "), "{check}: {found:#?}");
    }
    for check in ["space", "file system", "memory", "open files", "certificate"] {
        of(&found, check);
    }
    assert!(of(&found, "outside: https").contains("https only"), "{found:#?}");
    // A socket with a login, which is ended again.
    let (_, found) = doctor(&[
        "--data",
        data,
        "--http",
        &http,
        "--https",
        "off",
        "--url",
        &base,
        "--limit",
        "upload=1000",
        "--idle",
        "1",
        "--app",
        &app.app_id,
        "--key",
        &app.api_key,
        "--user",
        "ann",
    ]);
    assert!(of(&found, "outside: socket").starts_with("ok: "), "{found:#?}");
    assert!(of(&found, "outside: headers").starts_with("ok: "), "{found:#?}");
    assert_eq!(app.get("/users/ann/auth_tokens").await.list().len(), 1, "the login of the test alone is left");
    // For people: a line each, and the exit code.
    let output = Command::new(env!("CARGO_BIN_EXE_hobnob"))
        .args(["doctor", "--data", data, "--http", &http, "--https", "off"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.lines().any(|line| line.starts_with("ok    integrity: ")), "{said}");
    assert_eq!(output.status.success(), !said.contains("FAIL"), "{output:?}");
}

#[test]
fn what_is_wrong_with_folder_and_machine_is_found() {
    let dir = served();
    let data = dir.path();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |bits| {
            std::fs::set_permissions(data.join("hobnob.db"), std::fs::Permissions::from_mode(bits)).expect("chmod")
        };
        mode(0o644);
        let said = of(&look(data, &[]), "permissions");
        assert!(said.starts_with("fail: ") && said.contains("hobnob.db") && said.contains("chmod go="), "{said}");
        let path = data.to_str().expect("a path");
        assert!(!doctor(&["--data", path]).0, "a failure is an exit code");
        // The log was made like the database while that was open: the advice names it as well.
        let said = of(&look(data, &[]), "permissions");
        let advice = said.rsplit(". ").next().unwrap_or_default();
        assert!(Command::new("sh").args(["-c", advice]).status().expect("runs").success(), "{advice}");
        assert!(of(&look(data, &[]), "permissions").starts_with("ok: "));
    }
    let config = data.join("settings.toml");
    std::fs::write(&config, "translate_url = \"http://127.0.0.1:1\"\ntranslate_key = \"hush\"\n").expect("writes");
    let said = of(&look(data, &["--config", config.to_str().expect("a path")]), "settings");
    assert!(said.starts_with("fail: ") && !said.contains("hush"), "{said}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("an address").to_string();
    let path = data.to_str().expect("a path");
    let said = of(&doctor(&["--data", path, "--http", &at, "--https", "off"]).1, "ports");
    assert!(said.starts_with("fail: ") && said.contains("another program"), "{said}");
    let said = of(&look(data, &["--connections", "100000000"]), "open files");
    assert!(said.starts_with("warn: ") && said.contains("ulimit -n 100000"), "{said}");

    let none = temp_dir();
    assert!(of(&look(none.path(), &[]), "database").starts_with("warn: "));
    assert!(of(&look(&none.path().join("not"), &[]), "permissions").starts_with("fail: "));
}

/// Needs root, who alone can give files away.
#[cfg(unix)]
#[test]
fn what_root_leaves_in_the_folder_of_another_user_is_refused_or_found() {
    use std::os::unix::fs::chown;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = served();
    let data = dir.path();
    let file = data.join("media").join("ab").join("ab.txt");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("makes");
    std::fs::write(&file, b"of root").expect("writes");
    assert!(of(&look(data, &[]), "permissions").starts_with("ok: "));
    chown(data.join("hobnob.db"), Some(65534), None).expect("gives");
    let said = of(&look(data, &[]), "permissions");
    assert!(said.starts_with("fail: ") && said.contains("another user") && said.contains("chown -R"), "{said}");
    let refused = crate::harness::hobnob(data, &["import", "/nowhere", "--new-app", "x"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("sudo -u '#65534'"), "{said}");
    // A restore is made by whoever may, and says whose it should be.
    let (to, empty) = (temp_dir(), temp_dir());
    let archive = to.path().join("b");
    let archive = archive.to_str().expect("a path");
    assert!(crate::harness::hobnob(data, &["backup", "--to", archive]).status.success());
    chown(empty.path(), Some(65534), None).expect("gives");
    let restored = crate::harness::hobnob(empty.path(), &["restore", archive]);
    let said = String::from_utf8_lossy(&restored.stderr).into_owned();
    assert!(restored.status.success() && said.contains("chown -R 65534"), "{said}");
}

#[test]
fn what_is_wrong_with_a_certificate_is_found() {
    let dir = served();
    let write = |name: &str, until: i32, host: &str| {
        let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("names");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("signs");
        let paths = [dir.path().join(format!("{name}.pem")), dir.path().join(format!("{name}.key"))];
        std::fs::write(&paths[0], cert.pem()).expect("writes");
        std::fs::write(&paths[1], key.serialize_pem()).expect("writes");
        paths.map(|path| path.to_str().expect("a path").to_owned())
    };
    let [good, good_key] = write("good", 2200, "chat.example");
    let [old, old_key] = write("old", 2021, "chat.example");
    for (cert, key, host, words) in [
        (&good, &good_key, "chat.example", "ok: "),
        (&old, &old_key, "chat.example", "expired"),
        (&good, &good_key, "other.example", "is not for other.example"),
        (&good, &old_key, "chat.example", "key"),
        (&good_key, &good_key, "chat.example", "fail: "),
    ] {
        let said = of(&look(dir.path(), &["--tls-cert", cert, "--tls-key", key, "--public-host", host]), "certificate");
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.starts_with("ok: ") == (words == "ok: "), "{said}");
    }
    // That of its own.
    let path = dir.path().to_str().expect("a path");
    assert!(of(&doctor(&["--data", path]).1, "certificate").contains("more days"));
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_found() {
    let dir = served();
    let data = dir.path();
    let sql = |sql: &str| database(data).execute_batch(sql).expect("runs");
    let media = data.join("media").join("ab");
    std::fs::create_dir_all(&media).expect("a folder");
    std::fs::write(media.join("abnobodys.png"), "x").expect("writes");
    let said = of(&look(data, &[]), "files");
    assert!(said.starts_with("warn: ") && said.contains("abnobodys.png"), "{said}");
    sql("INSERT INTO attachments (app, name, title, mime_type, size, created_at, arrived_at) VALUES (1, 'ffgone.png', 'x', 'image/png', 1, 1, 1);
         INSERT INTO stickers (app, name, title, set_title, set_position, position, attachment_id, created_at)
         VALUES (1, 's', 's', 's', 1, 1, (SELECT max(id) FROM attachments), 1)");
    let said = of(&look(data, &[]), "files");
    assert!(said.starts_with("fail: ") && said.contains("ffgone.png"), "{said}");
    sql("UPDATE clock SET last = 9999999999");
    let said = of(&look(data, &[]), "clock");
    assert!(said.starts_with("warn: ") && said.contains("behind"), "{said}");
    sql(
        "UPDATE clock SET last = 0; PRAGMA foreign_keys = 0; INSERT INTO tokens (user_id, hash, jwt_hash, hint, created_at) VALUES (999, x'00', x'01', '', 1)",
    );
    let said = of(&look(data, &[]), "references");
    assert!(said.starts_with("fail: ") && said.contains("1 in tokens"), "{said}");
    sql("DELETE FROM tokens; DROP INDEX messages_by_time; DROP INDEX participants_by_read;
         CREATE INDEX participants_by_read ON participants(conv_id, user_id)");
    let said = of(&look(data, &[]), "tables");
    assert!(
        said.starts_with("fail: ") && said.contains("index participants_by_read, index messages_by_time"),
        "{said}"
    );
    sql("UPDATE search_state SET indexed_id = -200000");
    assert!(of(&look(data, &[]), "search").starts_with("warn: "));
    sql("PRAGMA user_version = 1");
    assert!(of(&look(data, &[]), "schema").contains("older"));
    sql("PRAGMA user_version = 999");
    assert!(of(&look(data, &[]), "schema").contains("newer"));
    for args in [&["backup", "--to", "-"][..], &["export", "app", "--to", "-"], &["app", "list"]] {
        let told = crate::transfer::said(&hobnob(data, args));
        assert!(told.contains("newer version of Hobnob"), "{args:?}: {told}");
    }
    std::fs::write(data.join("hobnob.db"), [7; 8192]).expect("writes");
    assert!(of(&look(data, &[]), "database").starts_with("fail: "));

    // A page of zeros in the middle.
    let dir = served();
    let path = dir.path().join("hobnob.db");
    let mut bytes = std::fs::read(&path).expect("reads");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 8 * 4096].fill(0);
    std::fs::write(&path, bytes).expect("writes");
    let found = look(dir.path(), &["--repair"]);
    let broken = found.iter().any(|one| {
        one["verdict"] == "fail" && ["integrity", "database"].contains(&one["check"].as_str().unwrap_or_default())
    });
    assert!(broken, "{found:#?}");
    assert!(!found.iter().any(|one| one["check"] == "counters"), "what is damaged is not mended: {found:#?}");
}

/// All numbers that are kept beside what they count.
fn counters(connection: &Connection) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "SELECT json_array(id, members_count) FROM groups ORDER BY id",
        "SELECT json_array(id, total, last_id, preview_id) FROM conversations ORDER BY id",
        "SELECT json_array(id, app, reply_count, last_reply_at IS NULL, flags) FROM messages ORDER BY id",
        "SELECT json_array(conv_id, sender_id, block, holes) FROM hole_sums WHERE holes <> 0 ORDER BY 1",
        "SELECT json_array(conv_id, seq, sender_id) FROM holes ORDER BY conv_id, seq",
        "SELECT json_array(message_id, number, votes) FROM poll_options ORDER BY 1",
        "SELECT json_array(app, user_id, bytes) FROM file_bytes WHERE bytes <> 0 ORDER BY 1",
        "SELECT json_array(app, kind, word, id) FROM name_words ORDER BY 1",
        "SELECT json_array(id, expires_at IS NULL) FROM attachments ORDER BY id",
        "SELECT json_array(app, events, bytes) FROM outbox_sums ORDER BY app",
    ] {
        let mut statement = connection.prepare(sql).expect("sound");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        all.push(sql.to_owned());
        all.extend(rows.map(|row| row.expect("a row")));
    }
    all
}

/// What breaks each of them.
const BREAKS: &[&str] = &[
    "UPDATE groups SET members_count = members_count + 3",
    "UPDATE conversations SET total = total + 7 WHERE id % 2 = 0",
    "UPDATE conversations SET last_id = last_id + 1",
    "UPDATE conversations SET preview_id = 999999999 WHERE preview_id = (SELECT max(id) FROM messages m WHERE m.conv_id = conversations.id AND m.flags & 1024 = 0)",
    "UPDATE messages SET app = app + 1 WHERE id % 3 = 0",
    "UPDATE messages SET reply_count = reply_count + 1 WHERE id % 2 = 0",
    "UPDATE messages SET last_reply_at = CASE WHEN last_reply_at IS NULL THEN 5 END",
    "UPDATE messages SET flags = flags | 64 WHERE id % 2 = 0",
    "UPDATE messages SET flags = flags & ~2048",
    "UPDATE participants SET own_total = own_total + 2 WHERE user_id % 2 = 0",
    "UPDATE participants SET own_read = own_read + 1",
    "UPDATE participants SET read_total = max(read_total - 1, 0)",
    "UPDATE hole_sums SET holes = holes + 4",
    "DELETE FROM holes WHERE seq = (SELECT min(m.seq) FROM messages m WHERE m.conv_id = holes.conv_id AND m.deleted_at IS NOT NULL)",
    "UPDATE poll_options SET votes = votes + 1",
    "UPDATE file_bytes SET bytes = bytes + 9",
    "UPDATE outbox_sums SET events = events + 1",
    "UPDATE outbox_sums SET bytes = bytes - 1",
    "DELETE FROM name_words WHERE id % 2 = 0",
    "INSERT INTO name_words VALUES (1, 0, 'nobody', 1)",
];

async fn some_polls_and_files(h: &Harness) {
    // By the app itself, which nobody has blocked or deactivated, and which has no part in the conversation.
    h.post("/messages", json!({"receiver": "team", "receiverType": "group", "data": {"text": "look"}})).await.ok();
    database(&h.data)
        .execute_batch(
            "INSERT INTO reactions (message_id, user_id, reaction, key, reacted_at) SELECT max(id), 2, 'x', 'x', 1 FROM messages;
             INSERT INTO attachments (app, name, title, mime_type, size, created_at, arrived_at, expires_at, user_id)
             VALUES (1, 'aa.png', 'x', 'image/png', 100, 1, 1, NULL, 2), (1, 'bb.png', 'x', 'image/png', 50, 1, 1, 9999999999, 0);
             INSERT INTO outbox (app, name, kind, at, data) VALUES (1, 'e1', 'message_sent', 9999999999, '{\"x\":\"ü\"}');
             INSERT INTO attachment_uses SELECT max(m.id), (SELECT id FROM attachments WHERE name = 'aa.png') FROM messages m;
             INSERT INTO polls SELECT max(id), app, 'p', 'Where?' FROM messages WHERE id NOT IN (SELECT message_id FROM polls);
             INSERT INTO poll_options SELECT max(message_id), 1, 'here', 0 FROM polls WHERE name = 'p';
             INSERT INTO poll_votes (message_id, user_id, number) SELECT max(message_id), 2, 1 FROM polls WHERE name = 'p';",
        )
        .expect("runs");
}

#[tokio::test]
async fn broken_counters_are_found_and_mended_beside_the_server() {
    for seed in [3, 23] {
        let mut world = World::with_imports(seed).await;
        let path = world.h.data.join("hobnob.db");
        for step in 0..200 {
            world.act(step).await;
            // What is sound is not complained of, wherever it stands.
            if step % 50 == 49 {
                let (wrong, finding) = recount(&path).expect("counts");
                assert!(wrong.is_empty(), "{seed} after {step}: {finding:?}");
            }
        }
        some_polls_and_files(&world.h).await;
        let before = counters(&database(&world.h.data));
        for sql in BREAKS {
            let changed = database(&world.h.data).execute(sql, []).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert!(changed > 0, "{sql} breaks nothing");
            let (wrong, _) = recount(&path).expect("counts");
            assert!(!wrong.is_empty(), "{sql} is not noticed");
            let mended = mend(&world.h.store, wrong).await.expect("mends");
            assert!(mended > 0, "{sql}");
            assert!(recount(&path).expect("counts").0.is_empty(), "{sql} is not mended");
            let after = counters(&database(&world.h.data));
            let differ: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).take(3).collect();
            assert!(before.len() == after.len() && differ.is_empty(), "{seed}: {sql}: {differ:?}");
        }
        // All at once, and then the lists agree again.
        for sql in BREAKS {
            database(&world.h.data).execute(sql, []).expect("runs");
        }
        let (wrong, _) = recount(&path).expect("counts");
        mend(&world.h.store, wrong).await.expect("mends");
        assert_eq!(counters(&database(&world.h.data)), before);
        world.check(200).await;
        for step in 200..260 {
            world.act(step).await;
        }
        world.check(260).await;
        assert!(recount(&path).expect("counts").0.is_empty());
    }
}

/// Columns of the schema that look like a count are recounted, or are named here with the reason why not.
#[test]
fn every_column_that_counts_is_recounted() {
    let counted = concat!(
        include_str!("../../src/store/counters/mod.rs"),
        include_str!("../../src/store/counters/conversation.rs")
    );
    let not = [
        // A number that is promised, measured or chosen, not counted.
        "size",
        "position",
        "set_position",
        "leaves",
        "number",
        "last",
        "database_bytes",
        "wal_bytes",
        "media_bytes",
        "memory_bytes",
    ];
    let schema = include_str!("../../schema.sql");
    let columns = schema.lines().filter_map(|line| line.strip_prefix("  "));
    let names = columns.filter_map(|line| line.split_whitespace().next().filter(|_| line.contains(" INTEGER ")));
    let looks =
        ["count", "total", "votes", "bytes", "holes", "own", "flags", "sum", "last_reply", "last_id", "preview"];
    let mut seen = 0;
    for name in names.filter(|name| looks.iter().any(|look| name.contains(look)) && !not.contains(name)) {
        // A time, a switch or a name of somebody.
        if name.ends_with("owner_id") || name == "downloads" {
            continue;
        }
        seen += 1;
        assert!(counted.contains(name), "{name} is not recounted in src/store/counters");
    }
    assert!(seen >= 10, "the schema was not read: {seen}");
}

/// How a proxy stands in the way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Honest,
    /// Takes the headers of an upgrade away.
    NoUpgrade,
    /// Lets a socket open and ends it.
    Hasty,
    /// Refuses bodies of more than 100,000 bytes by itself.
    Small,
    /// Takes a header of credentials away.
    NoKey,
    /// Says another host.
    OtherHost,
    /// Answers everything itself.
    Another,
    /// Adds what it sees of clients to what they say.
    Tells,
    /// Passes on what they say.
    Claims,
    /// Takes that away and says nothing.
    Mute,
}

/// A proxy on a thread of its own for each connection; they end with the test.
fn proxy(to: &str, way: Way) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    let to = to.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let to = to.clone();
            std::thread::spawn(move || drop(pass(client, &to, way)));
        }
    });
    format!("http://{at}")
}

fn pass(mut client: TcpStream, to: &str, way: Way) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let mut headers: Vec<(String, String)> = rest
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
    let page = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\n<p>x\n");
    match way {
        Way::Another => return client.write_all(page("200 OK").as_bytes()),
        Way::Small if length > 100_000 => {
            // What is sent is read, so that the answer is not lost with the connection.
            std::io::copy(&mut Read::take(&mut client, length), &mut std::io::sink())?;
            return client.write_all(page("413 Request Entity Too Large").as_bytes());
        }
        Way::NoUpgrade => headers.retain(|(name, _)| name != "upgrade" && name != "connection"),
        Way::NoKey => headers.retain(|(name, _)| name != "apikey"),
        Way::OtherHost => {
            headers.iter_mut().filter(|(name, _)| name == "host").for_each(|(_, host)| *host = "inner".to_owned())
        }
        Way::Tells => headers.push(("x-forwarded-for".to_owned(), "127.0.0.1".to_owned())),
        Way::Mute => headers.retain(|(name, _)| name != "x-forwarded-for"),
        _ => {}
    }
    let upgrades = headers.iter().any(|(name, _)| name == "upgrade");
    if !upgrades {
        headers.retain(|(name, _)| name != "connection");
        headers.push(("connection".to_owned(), "close".to_owned()));
    }
    let mut server = TcpStream::connect(to)?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    server.write_all(format!("{first}\r\n{headers}\r\n").as_bytes())?;
    let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
    let (mut from_client, mut to_client) = (client.try_clone()?, client);
    if way == Way::Hasty && upgrades {
        let mut answer = [0; 1024];
        let much = down.read(&mut answer)?;
        to_client.write_all(&answer[..much])?;
        return up.shutdown(std::net::Shutdown::Both);
    }
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut server);
    });
    if matches!(way, Way::Tells | Way::Claims | Way::Mute) {
        let mut byte = [0];
        while byte != *b"\n" {
            down.read_exact(&mut byte)?;
            to_client.write_all(&byte)?;
        }
        to_client.write_all(b"server: between\r\n")?;
    }
    std::io::copy(&mut down, &mut to_client)?;
    let _ = up.flush();
    up.shutdown(std::net::Shutdown::Both)
}

#[tokio::test]
async fn what_a_proxy_does_wrong_is_named_with_the_line_that_mends_it() {
    let h = Harness::start().await;
    let base = h.app.base();
    let elsewhere = temp_dir();
    let data = elsewhere.path().to_str().expect("a path");
    for (way, wrong, words) in [
        (Way::Honest, "", &[][..]),
        (Way::NoUpgrade, "outside: socket", &["no WebSocket", "proxy_set_header Upgrade"]),
        (Way::Hasty, "outside: socket", &["was ended", "proxy_read_timeout"]),
        (Way::Small, "outside: body", &["413", "client_max_body_size"]),
        (Way::NoKey, "outside: headers", &["apikey", "proxy_pass_request_headers"]),
        (Way::OtherHost, "outside: host", &["http://inner", "proxy_set_header Host", "--public-host"]),
        (Way::Another, "outside: server", &["not Hobnob", "proxy_pass"]),
        (Way::Claims, "outside: clients", &["pretend", "proxy_add_x_forwarded_for"]),
        (Way::Mute, "outside: clients", &["all of them count as 127.0.0.1", "proxy_add_x_forwarded_for"]),
    ] {
        let url = proxy(base, way);
        let (_, found) = doctor(&["--data", data, "--url", &url, "--limit", "upload=200000", "--idle", "1"]);
        let failed: Vec<&Value> = found.iter().filter(|one| one["verdict"] == "fail").collect();
        if way == Way::Honest {
            assert!(failed.is_empty(), "{failed:?}");
            continue;
        }
        let said = of(&found, wrong);
        assert!(said.starts_with("fail: ") && words.iter().all(|word| said.contains(word)), "{way:?}: {found:#?}");
        assert_eq!(failed.len(), 1, "{way:?}: {failed:#?}");
    }
    let told = |base: &str| {
        doctor(&["--data", data, "--url", &proxy(base, Way::Tells), "--limit", "upload=1000", "--idle", "1"]).1
    };
    let said = of(&told(base), "outside: clients");
    assert!(said.starts_with("ok: "), "{said}");
    let deaf = temp_dir();
    let process = Process::start(deaf.path(), &["--trusted-proxies", "none"]);
    let said = of(&told(&process.site.base), "outside: clients");
    assert!(said.starts_with("fail: ") && said.contains("--trusted-proxies 127.0.0.1"), "{said}");
    process.stop();
    // Nobody there.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (well, found) = doctor(&["--data", data, "--url", &format!("http://{free}")]);
    assert!(!well && of(&found, "outside: reach").contains("firewall"), "{found:#?}");
}

#[tokio::test]
async fn the_tool_mends_while_a_server_runs_and_says_how_much() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    app.user("ann").await;
    app.post("/groups", json!({"guid": "team", "name": "Team", "type": "public", "owner": "ann"})).await.ok();
    let sql = |sql: &str| database(dir.path()).execute_batch(sql).expect("runs");
    sql("UPDATE groups SET members_count = 77");
    let said = of(&look(dir.path(), &[]), "counters");
    assert!(said.starts_with("fail: wrong: groups.members_count (1)") && said.contains("--repair"), "{said}");
    assert_eq!(app.get("/groups/team").await.ok()["membersCount"], 77, "a look changes nothing");
    let said = of(&look(dir.path(), &["--repair"]), "counters");
    assert!(said.starts_with("ok: mended: 1 were wrong"), "{said}");
    assert_eq!(app.get("/groups/team").await.ok()["membersCount"], 1);
    process.stop();
    // A file that is shown would be swept, another never.
    sql("INSERT INTO attachments (app, name, title, mime_type, size, created_at, arrived_at, expires_at)
         VALUES (1, 'aa', 'x', 'image/png', 1, 1, 1, 7), (1, 'bb', 'x', 'image/png', 1, 1, 1, NULL);
         INSERT INTO stickers (app, name, title, set_title, set_position, position, attachment_id, created_at)
         VALUES (1, 's', 's', 's', 1, 1, (SELECT id FROM attachments WHERE name = 'aa'), 1)");
    let said = of(&look(dir.path(), &["--repair"]), "counters");
    assert!(said.contains("attachments.expires_at (2)"), "{said}");
    let kept: Vec<String> = database(dir.path())
        .prepare("SELECT name FROM attachments WHERE expires_at IS NULL")
        .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
        .expect("reads");
    assert_eq!(kept, ["aa"]);
}

/// A message that rules blocked is hidden; where it is not, or is gone, what is noted of it is wrong.
#[tokio::test]
async fn notes_of_blocked_messages_fit_what_people_see() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    for uid in ["ann", "bob"] {
        app.user(uid).await;
    }
    let looks = json!([{"operand": "text", "category": "word", "value": "darn"}]);
    app.post("/moderation/rules", json!({"id": "r", "name": "R", "conditions": looks})).await.ok();
    let mut ids = Vec::new();
    for status in ["", "rejected", "approved", ""] {
        let sent = app.behalf("ann").post("/messages", text_to("user", "bob", "darn")).await.ok();
        let id = sent["id"].as_str().expect("an id").to_owned();
        if !status.is_empty() {
            app.patch(&format!("/moderation/blocked-messages/{id}"), json!({"status": status})).await.ok();
        }
        ids.push(id);
    }
    let sound = of(&look(dir.path(), &[]), "counters");
    assert!(sound.starts_with("ok"), "{sound}");
    process.stop();
    let sql = |sql: &str| database(dir.path()).execute_batch(sql).expect("runs");
    sql(&format!(
        "UPDATE messages SET flags = flags & ~512 WHERE id IN ({}, {}); UPDATE moderation_blocked SET app = 99 WHERE message_id = {}",
        ids[0], ids[1], ids[3]
    ));
    let said = of(&look(dir.path(), &[]), "counters");
    assert!(said.contains("moderation_blocked.status (2)") && said.contains("moderation_blocked.app (1)"), "{said}");
    look(dir.path(), &["--repair"]);
    let wrong = format!(
        "SELECT count(*) FROM moderation_blocked WHERE message_id IN ({}, {}) AND status IS NOT 'approved' OR app = 99",
        ids[0], ids[1]
    );
    let left: i64 = database(dir.path()).query_row(&wrong, [], |row| row.get(0)).expect("counts");
    assert_eq!(left, 0);
    // Of one that is gone nothing may be noted.
    sql(&format!("PRAGMA foreign_keys = OFF; DELETE FROM messages WHERE id = {}", ids[3]));
    let said = of(&look(dir.path(), &[]), "references");
    assert!(said.contains("moderation_blocked"), "{said}");
}

#[test]
fn a_certificate_that_clients_do_not_trust_is_named() {
    let (dir, elsewhere) = (temp_dir(), temp_dir());
    let at = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let _process = Process::start(dir.path(), &["--https", &at]);
    let ask = |data: &Path| {
        let data = data.to_str().expect("a path").to_owned();
        let url = format!("https://{at}");
        doctor(&["--data", &data, "--url", &url, "--limit", "upload=1000", "--idle", "1", "--https", &at]).1
    };
    let said = of(&ask(elsewhere.path()), "outside: https");
    assert!(said.starts_with("fail: ") && said.contains("will not trust") && said.contains("fullchain"), "{said}");
    // With its own authority.
    let found = ask(dir.path());
    assert!(of(&found, "outside: https").starts_with("ok: "), "{found:#?}");
    assert!(of(&found, "outside: socket").starts_with("ok: "), "{found:#?}");
}

#[test]
fn completions_and_manual_name_every_command() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hobnob")).args(args).output().expect("runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let command = hobnob::cli::described();
    let names: Vec<&str> = command.get_subcommands().map(|tool| tool.get_name()).collect();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = run(&["completions", shell]);
        for name in &names {
            assert!(text.contains(name), "{shell} does not know {name}");
        }
        assert!(text.contains("public-host"), "{shell} does not know the flags");
    }
    let page = run(&["man"]);
    assert!(page.contains(".TH") && page.contains("hobnob") && page.contains("HOBNOB"), "{page}");
    let dir = temp_dir();
    run(&["man", "--dir", dir.path().to_str().expect("a path")]);
    fn check(dir: &Path, command: &clap::Command, name: &str) {
        let text = std::fs::read_to_string(dir.join(format!("{name}.1"))).unwrap_or_else(|e| panic!("{name}.1: {e}"));
        assert!(text.contains(".TH"), "{name}");
        for tool in command.get_subcommands() {
            check(dir, tool, &format!("{name}-{}", tool.get_name()));
        }
    }
    check(dir.path(), &command, "hobnob");
}
