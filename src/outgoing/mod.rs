//! Requests that leave the server: one client for all of them, with a bound on everything.
//!
//! An address that an operator names in the settings may lead anywhere. One that comes from a stranger (a link in a message)
//! may only lead into the public Internet: the server stands where others cannot reach, beside databases and metadata
//! services of clouds. So the name is resolved here, what it leads to is looked at, and the connection is made to that very
//! address, not to the name once more; each step of a redirect likewise. No proxy of the environment is used and no cookie
//! kept, a connection is kept for a moment by those who ask for it, and every answer has a time and a size.
//!
//! A proxy that the settings name resolves names itself, so what a name leads to is its to refuse. An address that is written
//! as one is looked at here all the same.

mod address;
mod clients;
mod names;
pub mod preview;
pub mod translate;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Method, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::model::webhook::is_local;
use crate::network::Network;
use clients::Clients;
pub use clients::{Settings, proxy};

/// Where a request may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: whoever runs this server named the address.
    Anywhere,
    /// To this origin wherever it is, because whoever runs this server named it; elsewhere as [`Reach::Public`], also by
    /// a redirect from there.
    Around(String),
    /// Into the public Internet, and the private networks that the settings allow.
    Public,
}

/// A request, and how much its answer may take.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub reach: Reach,
    /// For all of it, from the name to the last byte.
    pub time: Duration,
    /// Bytes of the body that are read.
    pub bytes: usize,
    /// Redirects that are followed; only a GET follows any.
    pub redirects: usize,
    /// The connection is kept a moment for the next request to there.
    pub keeps_open: bool,
    /// An answer that breaks off or goes on for too long is none. Otherwise it is one as far as it came.
    pub is_patient: bool,
}

impl Reach {
    /// Around the server at this address.
    pub fn around(url: &str) -> Reach {
        Url::parse(url).map_or(Reach::Public, |url| Reach::Around(url.origin().ascii_serialization()))
    }

    /// To an address that an app names: on this very machine, or in the public Internet.
    pub fn of_app(url: &str) -> Reach {
        if is_local(url) { Reach::around(url) } else { Reach::Public }
    }

    /// Whether whoever runs this server named where this leads.
    fn is_named(&self, url: &Url) -> bool {
        match self {
            Reach::Anywhere => true,
            Reach::Around(origin) => url.origin().ascii_serialization() == *origin,
            Reach::Public => false,
        }
    }
}

impl Request {
    /// A GET of an address.
    pub fn get(url: &str, reach: Reach) -> Self {
        Request {
            method: Method::GET,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            reach,
            time: Duration::from_secs(10),
            bytes: 1024 * 1024,
            redirects: 0,
            keeps_open: false,
            is_patient: true,
        }
    }

    /// A DELETE.
    pub fn delete(url: &str, reach: Reach) -> Self {
        Request { method: Method::DELETE, ..Request::get(url, reach) }
    }

    /// The same with a header more; `Err`: it can be none.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Result<Self, String> {
        let value = header::HeaderValue::from_str(value).map_err(|_| format!("this is no value of {name}"))?;
        self.headers.insert(header::HeaderName::from_static(name), value);
        Ok(self)
    }

    /// A POST of JSON.
    pub fn post_json(url: &str, reach: Reach, body: &serde_json::Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        Request { method: Method::POST, headers, body: body.to_string().into_bytes(), ..Request::get(url, reach) }
    }
}

/// The value of `Authorization` for Basic auth.
pub fn basic(username: &str, password: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Where it came from in the end.
    pub url: String,
    pub body: Vec<u8>,
    /// There was more of it than was to be read.
    pub is_cut: bool,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is no address of http or https.
    Url,
    /// It leads to where strangers' addresses may not lead.
    Forbidden,
    /// More redirects than were to be followed, or one that says not where to.
    Redirects,
    Timeout,
    /// Whatever else: the name is not known, nobody listens, the certificate is not good.
    Broken(String),
}

impl std::error::Error for Failure {}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Url => f.write_str("this is no address of http or https"),
            Failure::Forbidden => {
                f.write_str("it leads to a place that is not public, and --outgoing-private allows no such place")
            }
            Failure::Redirects => f.write_str("it is redirected too often"),
            Failure::Timeout => f.write_str("it takes too long"),
            Failure::Broken(why) => f.write_str(why),
        }
    }
}

/// Requests under way at once; further ones wait, within their own time.
const MOST: usize = 64;
/// How long the body of an answer may take where only its beginning matters.
const BODY: Duration = Duration::from_secs(1);

/// The client; cheap to clone.
#[derive(Clone)]
pub struct Outgoing {
    clients: Arc<Clients>,
    /// One for each request under way.
    slots: Arc<Semaphore>,
}

impl Outgoing {
    /// `private`: networks that are not public and may be reached all the same.
    pub fn new(private: Vec<Network>) -> Result<Self, String> {
        Outgoing::by(&Settings { private, ..Settings::default() })
    }

    /// One as the settings say.
    pub fn by(settings: &Settings) -> Result<Self, String> {
        Ok(Outgoing { clients: Arc::new(Clients::new(settings)?), slots: Arc::new(Semaphore::new(MOST)) })
    }

    /// One that believes an authority (a PEM file) besides those this machine believes.
    pub fn with_authority(file: &Path) -> Result<Self, String> {
        Outgoing::by(&Settings { authority: Some(file.to_owned()), ..Settings::default() })
    }

    /// The same with room for so many requests of its own: what hangs here holds up nothing there.
    pub fn with_slots(&self, most: usize) -> Self {
        Outgoing { slots: Arc::new(Semaphore::new(most)), ..self.clone() }
    }

    /// Why nothing can be sent to an address, wherever it leads; `None`: it can.
    pub fn complaint(url: &str) -> Option<String> {
        match Url::parse(url) {
            Err(error) => Some(error.to_string()),
            Ok(url) => url.host().is_none().then(|| "it names no host".to_owned()),
        }
    }

    /// Whether the settings allow a host that is only in a private network: an address within, or a name that no public
    /// server has.
    pub fn allows_private(&self, host: &str) -> bool {
        self.clients.allows_private(host)
    }

    /// Sends it and reads what comes back, as far as the request says.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let deadline = Instant::now() + request.time;
        let slots = self.slots.clone();
        let begun = async {
            let slot = slots.acquire_owned().await;
            Ok((self.follow(&request).await?, slot))
        };
        let (answer, _slot) = timeout_at(deadline, begun).await.unwrap_or(Err(Failure::Timeout))?;
        read(answer, &request, deadline).await
    }

    /// What answers at the end of all redirects.
    async fn follow(&self, request: &Request) -> Result<reqwest::Response, Failure> {
        let mut url = Url::parse(&request.url).map_err(|_| Failure::Url)?;
        let mut left = if request.method == Method::GET { request.redirects } else { 0 };
        loop {
            let answer = self.once(request, &url).await?;
            let moved = matches!(answer.status(), s if s.is_redirection() && s != 304);
            if !moved || request.redirects == 0 {
                return Ok(answer);
            }
            left = left.checked_sub(1).ok_or(Failure::Redirects)?;
            let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            url = to.and_then(|to| url.join(to).ok()).ok_or(Failure::Redirects)?;
        }
    }

    async fn once(&self, request: &Request, url: &Url) -> Result<reqwest::Response, Failure> {
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(Failure::Url);
        }
        let client = self.clients.choose(request, url).await?;
        let asked = client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        asked.body(request.body.clone()).send().await.map_err(|error| failure(&error))
    }
}

async fn read(mut answer: reqwest::Response, request: &Request, deadline: Instant) -> Result<Answer, Failure> {
    let (status, headers, url) = (answer.status().as_u16(), answer.headers().clone(), answer.url().to_string());
    let (mut body, mut is_cut) = (Vec::new(), false);
    let deadline = if request.is_patient { deadline } else { deadline.min(Instant::now() + BODY) };
    while !is_cut {
        match timeout_at(deadline, answer.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = request.bytes - body.len();
                is_cut = chunk.len() > room;
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(Ok(None)) => break,
            Ok(Err(error)) if request.is_patient => return Err(failure(&error)),
            Err(_) if request.is_patient => return Err(Failure::Timeout),
            Ok(Err(_)) | Err(_) => is_cut = true,
        }
    }
    Ok(Answer { status, headers, url, body, is_cut })
}

/// What went wrong, by the innermost cause. Addresses are not in it: they may hold secrets.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    loop {
        if cause.downcast_ref::<names::Refused>().is_some() {
            return Failure::Forbidden;
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None if error.is_timeout() => return Failure::Timeout,
            None => return Failure::Broken(cause.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server on this machine that gives each of these answers once.
    async fn answering(answers: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = [0; 2048];
                let _ = socket.read(&mut head).await;
                let _ = socket.write_all(answer.as_bytes()).await;
                let _ = socket.shutdown().await;
            }
        });
        at
    }

    fn page(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn moved(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    fn here() -> Vec<Network> {
        vec![Network::parse("127.0.0.0/8").unwrap()]
    }

    #[tokio::test]
    async fn strangers_lead_nowhere_inside() {
        let outgoing = Outgoing::new(Vec::new()).unwrap();
        let inside = answering(vec![page("secret"); 9]).await;
        let port = inside.rsplit_once(':').unwrap().1;
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0", "127.1"] {
            let request = Request::get(&format!("http://{host}:{port}/"), Reach::Public);
            assert_eq!(outgoing.send(request).await.unwrap_err(), Failure::Forbidden, "{host}");
        }
        // Whoever runs the server may.
        let answer = outgoing.send(Request::get(&format!("http://{inside}/"), Reach::Anywhere)).await.unwrap();
        assert_eq!(answer.body, b"secret");
        for url in ["ftp://a.example/", "file:///etc/passwd", "http://", "a.example", ""] {
            assert_eq!(outgoing.send(Request::get(url, Reach::Public)).await.unwrap_err(), Failure::Url, "{url}");
        }
    }

    #[tokio::test]
    async fn each_step_of_a_redirect_is_looked_at() {
        let get = |url: String, redirects| Request { redirects, ..Request::get(&url, Reach::Public) };
        let outgoing = Outgoing::new(here()).unwrap();
        let at = answering(vec![moved("/next"), page("there")]).await;
        let answer = outgoing.send(get(format!("http://{at}/"), 3)).await.unwrap();
        assert_eq!((answer.body.as_slice(), answer.url), (&b"there"[..], format!("http://{at}/next")));
        for inside in
            ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/"]
        {
            let at = answering(vec![moved(inside)]).await;
            assert_eq!(
                outgoing.send(get(format!("http://{at}/"), 3)).await.unwrap_err(),
                Failure::Forbidden,
                "{inside}"
            );
        }
        let at = answering(vec![moved("file:///etc/passwd")]).await;
        assert_eq!(outgoing.send(get(format!("http://{at}/"), 3)).await.unwrap_err(), Failure::Url);
        let at = answering(vec![moved("/a"); 9]).await;
        assert_eq!(outgoing.send(get(format!("http://{at}/"), 3)).await.unwrap_err(), Failure::Redirects);
        let at = answering(vec![moved("/a")]).await;
        assert_eq!(outgoing.send(get(format!("http://{at}/"), 0)).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn around_a_server_is_at_its_origin_alone() {
        let outgoing = Outgoing::new(Vec::new()).unwrap();
        let inside = answering(vec![page("secret"); 9]).await;
        let at = answering(vec![page("own"), moved("/next"), page("own"), moved(&format!("http://{inside}/"))]).await;
        let reach = Reach::around(&format!("http://{at}/v3"));
        let get = async |url: String| {
            outgoing.send(Request { redirects: 3, ..Request::get(&url, reach.clone()) }).await.map(|answer| answer.body)
        };
        for _ in 0..2 {
            assert_eq!(get(format!("http://{at}/file")).await.unwrap(), b"own");
        }
        assert_eq!(get(format!("http://{at}/file")).await, Err(Failure::Forbidden), "by a redirect");
        assert_eq!(get(format!("http://{at}@{inside}/file")).await, Err(Failure::Forbidden), "it only begins so");
        assert_eq!(get(format!("http://{inside}/file")).await, Err(Failure::Forbidden));
    }

    #[tokio::test]
    async fn answers_end_at_a_size_and_at_a_time() {
        let outgoing = Outgoing::new(Vec::new()).unwrap();
        let at = answering(vec![page(&"x".repeat(5000))]).await;
        let small = Request { bytes: 100, ..Request::get(&format!("http://{at}/"), Reach::Anywhere) };
        let answer = outgoing.send(small).await.unwrap();
        assert_eq!((answer.body.len(), answer.is_cut), (100, true));
        // Somebody who accepts and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let short = Request { time: Duration::from_millis(20), ..Request::get(&url, Reach::Anywhere) };
        assert_eq!(outgoing.send(short).await.unwrap_err(), Failure::Timeout);
    }
}
