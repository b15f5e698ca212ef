//! Certificates of a server that runs: files that change, and what browsers are told about https.

use std::path::{Path, PathBuf};

use crate::harness::{Process, Visit, eventually, temp_dir};

/// A certificate for this name and its key in two files; the certificate as it is on the wire.
fn place(folder: &Path, name: &str) -> (PathBuf, PathBuf, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    for (path, text) in [(&key, made.signing_key.serialize_pem()), (&cert, made.cert.pem())] {
        let new = folder.join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, path).unwrap();
    }
    (cert, key, made.cert.der().to_vec())
}

#[tokio::test]
async fn files_are_read_again_when_they_change_and_upon_sighup() {
    let (dir, pki) = (temp_dir(), temp_dir());
    let (cert, key, first) = place(pki.path(), "a.example.org");
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let mut server = Process::start(dir.path(), &["--https", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key]);
    let at = server.https();
    let mut old = Visit::to(at, "chat.example.org");
    assert_eq!(old.leaf, first);

    let (_, _, second) = place(pki.path(), "b.example.org");
    let changed = server.logged("new connections get the certificate of");
    assert!(changed.contains("good until"), "{changed}");
    assert_eq!(Visit::to(at, "chat.example.org").leaf, second);
    assert!(old.get("/health").starts_with("http/1.1 200"), "who was there stays");

    // One file of two is no reason to serve nothing.
    std::fs::write(cert, rcgen::generate_simple_self_signed(["c.example.org".to_owned()]).unwrap().cert.pem()).unwrap();
    let kept = server.logged("stays in use");
    assert!(kept.contains("the private key belongs to another certificate"), "{kept}");
    assert_eq!(Visit::to(at, "chat.example.org").leaf, second);

    server.signal("HUP");
    server.logged("reloading");
    server.logged("stays in use");
    let (_, _, third) = place(pki.path(), "d.example.org");
    server.signal("HUP");
    server.logged("new connections get the certificate of");
    assert_eq!(Visit::to(at, "chat.example.org").leaf, third);
    assert!(old.get("/health/live").starts_with("http/1.1 200"));
    server.stop();
}

#[tokio::test]
async fn log_levels_are_read_again_upon_sighup() {
    let (dir, folder) = (temp_dir(), temp_dir());
    let file = folder.path().join("hobnob.toml");
    std::fs::write(&file, "log = \"warn\"\n").unwrap();
    let server = Process::start(dir.path(), &["--config", file.to_str().unwrap()]);
    std::fs::write(&file, "log = \"nonsense=nonsense\"\n").unwrap();
    server.signal("HUP");
    server.logged("the log stays as it is");
    std::fs::write(&file, "log = \"info\"\n").unwrap();
    server.signal("HUP");
    // Nothing at this level before.
    server.logged("INFO");
    server.stop();
}

#[tokio::test]
async fn browsers_are_held_to_https_by_certificates_they_know() {
    const TOLD: &str = "strict-transport-security: max-age=";
    let pki = temp_dir();
    let (cert, key, _) = place(pki.path(), "chat.example.org");
    let given = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let cases: [(&[&str], Option<&str>); 4] = [
        (&[], None),
        (&given, Some("31536000")),
        (&[&given[..], &["--hsts", "off"]].concat(), None),
        (&[&given[..], &["--hsts", "300"]].concat(), Some("300")),
    ];
    for (more, told) in cases {
        let dir = temp_dir();
        let mut server = Process::start(dir.path(), &[&["--https", "127.0.0.1:0"], more].concat());
        let at = server.https();
        let mut visit = Visit::to(at, "localhost");
        for path in ["/health/live", "/v3/users", "/admin/"] {
            let answer = visit.get(path);
            let found = answer.split(TOLD).nth(1).and_then(|rest| rest.lines().next());
            assert_eq!(found, told, "{more:?} {path}");
        }
        let plain = reqwest::get(format!("{}/health/live", server.site.base)).await.unwrap();
        assert!(!plain.headers().contains_key("strict-transport-security"));
        server.stop();
    }
}

#[tokio::test]
async fn a_supervisor_without_http_asks_the_program() {
    let ask = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hobnob"));
        command.arg("health").args(args).output().unwrap()
    };
    let dir = temp_dir();
    let server = Process::start(dir.path(), &[]);
    let (base, at) = (server.site.base.clone(), server.site.base.trim_start_matches("http://").to_owned());
    let everywhere = at.replace("127.0.0.1", "0.0.0.0");
    for args in [["--http", &at], ["--http", &everywhere], ["--url", &base]] {
        let well = ask(&args);
        assert!(well.status.success() && well.stdout == b"ok\n", "{args:?} {well:?}");
    }
    let elsewhere = ask(&["--url", &format!("{base}/admin")]);
    assert!(!elsewhere.status.success() && String::from_utf8_lossy(&elsewhere.stderr).contains("status 404"));
    server.stop();
    let gone = ask(&["--http", &at]);
    assert!(!gone.status.success() && String::from_utf8_lossy(&gone.stderr).contains(&at), "{gone:?}");
}

/// The terminal a server was started from is closed: that is its end. Any other SIGHUP is a wish to reload.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_ends_with_its_terminal() {
    let dir = temp_dir();
    let command = format!(
        "exec {} serve --http 127.0.0.1:0 --https off --data {}",
        env!("CARGO_BIN_EXE_hobnob"),
        dir.path().display()
    );
    // util-linux: runs a command in a terminal of its own.
    let script = std::process::Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn();
    let Ok(mut script) = script else {
        eprintln!("SKIPPED: there is no `script` on this machine");
        return;
    };
    let held = || hobnob::lock::holder(dir.path()).filter(|holder| holder.base.is_some());
    eventually("it serves", async || held().is_some()).await;
    let process = held().unwrap().process;
    let sent = std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap();
    assert!(sent.success());
    script.kill().unwrap();
    script.wait().unwrap();
    eventually("it ends", async || held().is_none()).await;
}
