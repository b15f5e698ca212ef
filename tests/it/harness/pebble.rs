//! Pebble, the test server of the ACME protocol, and a name server by which every name leads to this machine.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// A certificate authority on this machine; gone when dropped.
pub struct Pebble {
    child: Child,
    dir: TempDir,
    /// Address of its directory.
    pub directory: String,
    names: Arc<AtomicBool>,
    at: String,
}

/// A port that nobody listens at now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

impl Pebble {
    /// One that looks for proofs at these ports. `None`, with a word about it: it is not installed (Debian has it as
    /// `pebble`). Where tests must be whole (`CI` is set) that is a failure.
    pub fn start(http: u16, https: u16) -> Option<Pebble> {
        let dir = super::temp_dir();
        let file = |name: &str| dir.path().join(name);
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name").signed_by(&key, &ca);
        std::fs::write(file("ca.pem"), ca.pem()).expect("writes");
        std::fs::write(file("cert.pem"), leaf.expect("a certificate").pem()).expect("writes");
        std::fs::write(file("key.pem"), key.serialize_pem()).expect("writes");
        let at = format!("127.0.0.1:{}", free_port());
        let config = serde_json::json!({"pebble": {
            "listenAddress": at,
            "managementListenAddress": "",
            "certificate": file("cert.pem"),
            "privateKey": file("key.pem"),
            "httpPort": http,
            "tlsPort": https,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        std::fs::write(file("config.json"), config.to_string()).expect("writes");
        let (names, resolver) = name_server();
        let child = Command::new("pebble")
            .arg("-config")
            .arg(file("config.json"))
            .args(["-dnsserver", &resolver])
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "0")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Pebble { child, dir, directory: format!("https://{at}/dir"), names, at }),
            Err(error) => {
                eprintln!("SKIPPED: there is no pebble on this machine ({error}); Debian has it as a package");
                None
            }
        }
    }

    /// The authority by which its own certificate is known.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Waits until it can be asked.
    pub async fn ready(&self) {
        super::eventually("pebble listens", async || tokio::net::TcpStream::connect(&self.at).await.is_ok()).await;
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.names.store(false, Ordering::Relaxed);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says of every name that it leads to 127.0.0.1, until the flag is taken back; and its address.
fn name_server() -> (Arc<AtomicBool>, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("a time");
    let at = socket.local_addr().expect("an address").to_string();
    let goes_on = Arc::new(AtomicBool::new(true));
    let flag = goes_on.clone();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while flag.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
            let _ = socket.send_to(&answer(&question[..length]), from);
        }
    });
    (goes_on, at)
}

/// RFC 1035: the question again, and an address if one was asked for.
fn answer(question: &[u8]) -> Vec<u8> {
    let name = question[12..].iter().position(|&byte| byte == 0).expect("the end of the name");
    let end = 12 + name + 1 + 4;
    let is_address = question[end - 4..end - 2] == [0, 1];
    let mut answer = question[..end].to_vec();
    // An answer, with so many of them and nothing more.
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    if is_address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    answer
}
