//! A certificate from an authority: got, kept, renewed, and what is said when there is none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use hobnob::tls::dates;

use crate::harness::{Harness, Pebble, Process, Visit, eventually, free_port, hobnob, temp_dir};

const DOMAIN: &str = "chat.example.org";

/// The settings that make a server at these ports ask this authority.
fn settings<'s>(https: &'s str, directory: &'s str, ca: &'s str) -> Vec<&'s str> {
    vec!["--https", https, "--domain", DOMAIN, "--acme-directory", directory, "--acme-ca", ca]
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

#[tokio::test]
async fn a_domain_gets_a_certificate_and_keeps_it() {
    let port = free_port();
    let Some(pebble) = Pebble::start(free_port(), port) else { return };
    pebble.ready().await;
    let directory = pebble.directory.clone();
    let (dir, keep) = (temp_dir(), temp_dir());
    // Pebble takes its own along when it goes.
    let ca = keep.path().join("ca.pem");
    std::fs::copy(pebble.ca(), &ca).unwrap();
    let https = format!("127.0.0.1:{port}");
    let given = [settings(&https, &directory, ca.to_str().unwrap()), vec!["--acme-email", "me@example.org"]].concat();
    let mut server = Process::start(dir.path(), &given);
    let at = server.https();
    server.logged("until there is a certificate for its names, the server has the local one");
    server.logged("chat.example.org: new connections get a certificate good until");
    let mut visit = Visit::to(at, DOMAIN);
    let granted = visit.leaf.clone();
    assert!(visit.get("/health").contains("strict-transport-security: max-age=31536000"));
    // Other names are not what it is for.
    let mut local = Visit::to(at, "localhost");
    assert_ne!(local.leaf, granted);
    assert!(!local.get("/health").contains("strict-transport-security"));
    let tls = dir.path().join("tls");
    assert_eq!((mode(&tls.join("acme.pem")), mode(&tls.join("acme-account.json"))), (0o600, 0o600));
    // Clients are told the name.
    let base = server.site.base.clone();
    let front = reqwest::get(&base).await.unwrap().text().await.unwrap();
    assert!(front.contains("https://chat.example.org/v3"), "{front}");
    server.stop();

    // It is there again when nobody can be asked, and in a backup.
    let backup = hobnob(dir.path(), &["backup", "--to", dir.path().join("b.tar.zst").to_str().unwrap()]);
    assert!(backup.status.success(), "{backup:?}");
    drop(pebble);
    let restored = temp_dir();
    let back = hobnob(&restored.path().join("r"), &["restore", dir.path().join("b.tar.zst").to_str().unwrap()]);
    assert!(back.status.success(), "{back:?}");
    for data in [dir.path().to_owned(), restored.path().join("r")] {
        let mut server = Process::start(&data, &given);
        assert_eq!(Visit::to(server.https(), DOMAIN).leaf, granted);
        let log = server.stop_and_log();
        assert!(!log.contains("asking"), "{log}");
    }
    // Another authority's is another certificate.
    let other = [&given[..4], &["--acme-directory", "http://127.0.0.1:1/dir"]].concat();
    let mut server = Process::start(dir.path(), &other);
    server.logged("cannot ask http://127.0.0.1:1/dir");
    assert_ne!(Visit::to(server.https(), DOMAIN).leaf, granted);
    server.stop();
}

#[tokio::test]
async fn plain_http_proves_it_where_a_handshake_does_not() {
    let (http, nobody) = (free_port(), free_port());
    let Some(pebble) = Pebble::start(http, nobody) else { return };
    pebble.ready().await;
    let directory = pebble.directory.clone();
    let (dir, ca, plain) = (temp_dir(), pebble.ca(), format!("127.0.0.1:{http}"));
    let given = [settings("127.0.0.1:0", &directory, ca.to_str().unwrap()), vec!["--http", &plain]].concat();
    let mut server = Process::start(dir.path(), &given);
    let at = server.https();
    server.logged("chat.example.org: new connections get a certificate good until");
    assert_ne!(Visit::to(at, DOMAIN).leaf, Visit::to(at, "localhost").leaf);
    // A proof is there for as long as it is asked for.
    let gone = reqwest::get(format!("{}/.well-known/acme-challenge/x", server.site.base)).await.unwrap();
    assert_eq!(gone.status(), 404);
    server.stop();
}

#[tokio::test]
async fn who_is_not_reached_is_told_what_to_do() {
    let Some(pebble) = Pebble::start(free_port(), free_port()) else { return };
    pebble.ready().await;
    let directory = pebble.directory.clone();
    let (dir, ca) = (temp_dir(), pebble.ca());
    let mut server = Process::start(dir.path(), &settings("127.0.0.1:0", &directory, ca.to_str().unwrap()));
    let at = server.https();
    let warned = server.logged("only this machine comes");
    assert!(warned.contains("--https 0.0.0.0:443 --http 0.0.0.0:80"), "{warned}");
    let told = server.logged("no certificate for chat.example.org");
    let words = [
        "port 443 of chat.example.org must lead here",
        "port 80 of chat.example.org must lead here",
        "minutes, or when SIGHUP comes",
        "clients get the local certificate",
    ];
    for words in words {
        assert!(told.contains(words), "{words}: {told}");
    }
    // A quarter of an hour, and up to a tenth more.
    let minutes = told.split("The next try is in ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(minutes.is_some_and(|minutes| (15..=17).contains(&minutes)), "{told}");
    assert_eq!(Visit::to(at, DOMAIN).leaf, Visit::to(at, "localhost").leaf);
    server.signal("HUP");
    server.logged("asking");
    server.stop();
}

#[tokio::test]
async fn a_certificate_is_renewed_in_time() {
    let port = free_port();
    let Some(pebble) = Pebble::start(free_port(), port) else { return };
    pebble.ready().await;
    let directory = pebble.directory.clone();
    let (ca, https) = (pebble.ca(), format!("127.0.0.1:{port}"));
    let h = Harness::with(&settings(&https, &directory, ca.to_str().unwrap())).await;
    let at = https.parse().unwrap();
    let leaf = || Visit::to(at, DOMAIN).leaf;
    let local = Visit::to(at, "localhost").leaf;
    eventually("there is one", async || leaf() != local).await;
    let first = leaf();
    let dates = dates::of(&first).unwrap();
    let life = dates.until - dates.from;
    // Half of its time is no reason.
    h.clock.advance(dates.from - h.clock.now() + life / 2);
    h.user("ann").await;
    assert_eq!(leaf(), first);
    h.clock.advance(life / 6 + 60);
    eventually("there is another", async || leaf() != first).await;
    assert_ne!(leaf(), local);
    h.stop().await;
}

/// An authority of few words: answers each request by the next of these, and tells what was asked.
fn authority(answers: Vec<(&'static str, String)>) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = std::sync::mpsc::channel();
    let at = base.clone();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let Ok((socket, _)) = listener.accept() else { return };
            let mut reader = BufReader::new(socket);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut content = vec![0; length];
            reader.read_exact(&mut content).unwrap();
            let body = body.replace("BASE", &at);
            let kind = if body.starts_with('{') { "application/problem+json" } else { "text/html" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nReplay-Nonce: n{}\r\nContent-Length: {}\r\nConnection: \
                 close\r\n\r\n",
                head.len(),
                body.len()
            );
            let body = if head.starts_with("HEAD") { String::new() } else { body };
            reader.into_inner().write_all((answer + &body).as_bytes()).unwrap();
            let _ = told.send(head.lines().next().unwrap_or_default().to_owned());
        }
    });
    (format!("{base}/dir"), asked)
}

fn directory() -> (&'static str, String) {
    let urls = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"];
    let urls: Vec<String> = urls.iter().map(|name| format!("{name:?}:\"BASE/{name}\"")).collect();
    ("200 OK", format!("{{{}}}", urls.join(",")))
}

fn problem(kind: &str) -> String {
    format!("{{\"type\":\"urn:ietf:params:acme:error:{kind}\",\"detail\":\"as told\"}}")
}

#[tokio::test]
async fn an_authority_that_fails_is_told_of_and_asked_again() {
    let cases = [
        (vec![("502 Bad Gateway", "<html>".to_owned())], "it answers with status 502", "in 1 minutes"),
        (vec![("200 OK", "<html>".to_owned())], "does not answer as an ACME server does", "in 1 minutes"),
        (
            // A number used up is no reason to give up; to be told that it was too often is.
            vec![
                directory(),
                ("200 OK", String::new()),
                ("400 Bad Request", problem("badNonce")),
                ("429 Too Many Requests", problem("rateLimited")),
            ],
            "the authority was asked too often",
            "in 6",
        ),
    ];
    for (answers, words, wait) in cases {
        let (dir, count) = (temp_dir(), answers.len());
        let (directory, asked) = authority(answers);
        let given = ["--https", "127.0.0.1:0", "--domain", DOMAIN, "--acme-directory", &directory];
        let mut server = Process::start(dir.path(), &given);
        let told = server.logged("no certificate for chat.example.org");
        assert!(told.contains(words), "{told}");
        assert!(told.contains(wait) || wait == "in 1 minutes" && told.contains("in 2 minutes"), "{told}");
        let asked: Vec<String> = asked.iter().collect();
        assert_eq!(asked.len(), count, "{asked:?}");
        if count > 1 {
            assert!(asked[2..].iter().all(|line| line.starts_with("POST /newAccount")), "{asked:?}");
        }
        assert!(Visit::to(server.https(), DOMAIN).get("/health").starts_with("http/1.1 200"), "it serves all the same");
        server.stop();
    }
}

#[test]
fn wrong_set_ups_are_refused_with_what_to_do() {
    let cases: [(&[&str], &str); 8] = [
        (&["--domain", "192.0.2.1"], "name a domain that leads to it"),
        (&["--domain", "localhost"], "leave --domain out"),
        (&["--domain", "*.example.org"], "--tls-cert"),
        (&["--domain", "https://chat.example.org"], "without https://"),
        (&["--domain", "chat.local"], "--acme-directory"),
        (&["--domain", DOMAIN, "--https", "off"], "--public-host"),
        (&["--domain", DOMAIN, "--tls-cert", "c", "--tls-key", "k"], "cannot be used with"),
        (&["--domain", DOMAIN, "--acme-ca", "/nowhere.pem"], "--acme-ca: cannot use /nowhere.pem"),
    ];
    for (args, words) in cases {
        let dir = temp_dir();
        let listen = ["serve", "--http", "127.0.0.1:0"];
        let https: &[&str] = if args.contains(&"--https") { &[] } else { &["--https", "127.0.0.1:0"] };
        let output = hobnob(dir.path(), &[&listen[..], https, args].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{args:?}: {said}");
    }
}
