//! The way in from outside, through whatever stands before the server: tried as clients try it.
//!
//! The server tells strangers where it thinks it is reached (`GET /`), and names a credential it does not know by another
//! code than one that is missing: that is enough to see which headers arrive, without a door that echoes them.

use std::time::Duration;

use base64::Engine;
use reqwest::{Client, Method, Response, StatusCode, Upgraded};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Finding, size};

/// What is to be tried.
pub struct Outside {
    /// As clients are told, without a slash at the end.
    pub url: String,
    /// Seconds a socket is left silent.
    pub idle: u64,
    /// Bytes of the largest body that the server takes.
    pub body: usize,
    /// PEM of an authority that is trusted besides those of the system: the server's own.
    pub authority: Option<Vec<u8>>,
    pub login: Option<Login>,
}

/// Who a socket is opened for. Without one the server ends it after ten seconds.
pub struct Login {
    pub app: String,
    /// A REST API key (`fullAccess`).
    pub key: String,
    pub uid: String,
}

/// An answer to anything but the largest body.
const PATIENCE: Duration = Duration::from_secs(20);
/// A large body may take a while.
const BODY_PATIENCE: Duration = Duration::from_secs(300);

/// Tries it all; what cannot be tried because of an earlier failure is left out.
pub async fn check(outside: &Outside) -> Vec<Finding> {
    let (client, mut found) = match reach(outside).await {
        Ok(reached) => reached,
        Err(finding) => return vec![finding],
    };
    let place = place(outside, &client).await;
    let is_ours = place.is_some();
    found.push(place.unwrap_or_else(|| {
        Finding::fail(
            "outside: server",
            format!("what answers at {} is not Hobnob", outside.url),
            "let the proxy pass everything below this address to the server's --http address (nginx: proxy_pass; Caddy: reverse_proxy)",
        )
    }));
    if !is_ours {
        return found;
    }
    found.push(health(outside, &client).await);
    found.push(headers(outside, &client).await);
    found.extend(clients(outside, &client).await);
    found.extend(socket(outside, &client).await);
    found.push(body(outside, &client).await);
    found
}

fn client(outside: &Outside, any_certificate: bool) -> Result<Client, String> {
    let mut builder = Client::builder()
        .use_rustls_tls()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PATIENCE)
        .danger_accept_invalid_certs(any_certificate)
        .user_agent(concat!("hobnob-doctor/", env!("CARGO_PKG_VERSION")));
    for root in rustls_native_certs::load_native_certs().certs {
        builder = builder.add_root_certificate(reqwest::Certificate::from_der(&root).map_err(|e| e.to_string())?);
    }
    if let Some(pem) = &outside.authority {
        builder = builder.add_root_certificate(reqwest::Certificate::from_pem(pem).map_err(|e| e.to_string())?);
    }
    builder.build().map_err(|e| e.to_string())
}

/// An error with what lies below it, which says more.
fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(error) = below {
        text = error.to_string();
        below = error.source();
    }
    text
}

/// A client that gets through, and what there is to say of the certificate.
async fn reach(outside: &Outside) -> Result<(Client, Vec<Finding>), Finding> {
    const CHECK: &str = "outside: https";
    let broken = |why: String| Finding::fail(CHECK, why, "");
    let strict = client(outside, false).map_err(broken)?;
    let secure = outside.url.starts_with("https:");
    let failed = match strict.get(&outside.url).timeout(PATIENCE).send().await {
        Ok(_) if secure => {
            return Ok((strict, vec![Finding::ok(CHECK, "the certificate and its chain are trusted here")]));
        }
        Ok(_) => {
            let advice = "client SDKs speak https only: name the https address";
            return Ok((strict, vec![Finding::warn(CHECK, "the address is plain http", advice)]));
        }
        Err(error) => reason(&error),
    };
    let lenient = client(outside, true).map_err(broken)?;
    match lenient.get(&outside.url).timeout(PATIENCE).send().await {
        Ok(_) if secure => {
            let advice = "let the proxy send the whole chain (nginx: ssl_certificate fullchain.pem) of a certificate for this name \
                          that has not expired";
            Ok((
                lenient,
                vec![Finding::fail(CHECK, format!("clients will not trust the certificate: {failed}"), advice)],
            ))
        }
        _ => Err(Finding::fail(
            "outside: reach",
            format!("cannot reach {}: {failed}", outside.url),
            "see that the name leads here, the port is open in the firewall, and the proxy runs",
        )),
    }
}

async fn json_of(answer: Result<Response, reqwest::Error>) -> Option<(StatusCode, Value)> {
    let answer = answer.ok()?;
    let status = answer.status();
    Some((status, serde_json::from_slice(&answer.bytes().await.ok()?).ok()?))
}

/// Where the server thinks it is reached. `None`: it is another one.
async fn place(outside: &Outside, client: &Client) -> Option<Finding> {
    const CHECK: &str = "outside: host";
    let (_, said) = json_of(client.get(format!("{}/", outside.url)).timeout(PATIENCE).send().await).await?;
    if said["data"]["name"] != "Hobnob" {
        return None;
    }
    let base = said["data"]["health"].as_str()?.strip_suffix("/health")?.to_owned();
    if base == outside.url {
        return Some(Finding::ok(CHECK, format!("the server knows that it is reached at {base}")));
    }
    let says = format!("the server takes itself to be at {base}, clients are at {}", outside.url);
    let (ours, seen) = (outside.url.split_once("://"), base.split_once("://"));
    let advice = match (ours, seen) {
        (Some((scheme, rest)), Some((other, seen))) if scheme != other && rest == seen => {
            "nginx: proxy_set_header X-Forwarded-Proto $scheme; and name a proxy on another machine in --trusted-proxies"
        }
        _ => {
            "start the server with --public-host and this address; or nginx: proxy_set_header Host $http_host; Caddy passes Host by \
             itself; and name a proxy on another machine in --trusted-proxies"
        }
    };
    Some(Finding::fail(CHECK, says, advice))
}

async fn health(outside: &Outside, client: &Client) -> Finding {
    const CHECK: &str = "outside: health";
    match json_of(client.get(format!("{}/health", outside.url)).timeout(PATIENCE).send().await).await {
        Some((StatusCode::OK, _)) => Finding::ok(CHECK, "the server is ready"),
        Some((status, said)) => {
            let why = said["data"]["status"].as_str().unwrap_or_default().to_owned();
            Finding::fail(CHECK, format!("the server answers {status}: {why}"), "look at its log")
        }
        None => Finding::fail(CHECK, "/health gives no answer of the server", "let the proxy pass /health as well"),
    }
}

/// Which headers arrive, by the codes of the refusals.
async fn headers(outside: &Outside, client: &Client) -> Finding {
    const CHECK: &str = "outside: headers";
    const PROBE: &str = "doctor-probe";
    let code = async |path: &str, headers: &[(&str, &str)]| {
        let request = client.get(format!("{}{path}", outside.url)).timeout(PATIENCE);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (_, said) = json_of(request.send().await).await?;
        said["error"]["code"].as_str().map(str::to_owned)
    };
    let mut lost = Vec::new();
    for (path, header) in [("/v3/users", "apikey"), ("/v3/me", "authToken")] {
        // The same refusal with and without it, or none of ours: it did not arrive.
        match (code(path, &[]).await, code(path, &[(header, PROBE)]).await) {
            (Some(without), Some(with)) if without != with => {}
            _ => lost.push(header),
        }
    }
    // A key for another app than the one that is named is refused.
    if let Some(login) = &outside.login
        && code("/v3/users", &[("apikey", &login.key), ("appid", PROBE)]).await.is_none()
    {
        lost.push("appid");
    }
    match lost.is_empty() {
        true => Finding::ok(CHECK, "credentials arrive (apikey, authToken)"),
        false => Finding::fail(
            CHECK,
            format!("these headers do not arrive: {}", lost.join(", ")),
            "let the proxy pass all headers of requests (nginx: proxy_pass_request_headers on; and no proxy_set_header that empties them)",
        ),
    }
}

/// Whether the server can tell the proxy's clients from one another. `None`: nothing shows that there is a proxy.
async fn clients(outside: &Outside, client: &Client) -> Option<Finding> {
    const CHECK: &str = "outside: clients";
    // Nobody's (documentation, RFC 5737). A proxy adds the address it sees to this, or puts that in its place.
    const CLAIM: &str = "192.0.2.1";
    let asked = client.get(format!("{}/", outside.url)).header("x-forwarded-for", CLAIM);
    let answer = asked.timeout(PATIENCE).send().await.ok()?;
    let is_proxied = ["server", "via"].iter().any(|name| answer.headers().contains_key(*name));
    let (_, said) = json_of(Ok(answer)).await?;
    let seen = &said["data"]["client"];
    let (address, forwarded) = (seen["address"].as_str()?, seen["forwarded"].as_u64()?);
    let advice = "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; Caddy does it by itself";
    let wrong = |says: String, advice: String| Some(Finding::fail(CHECK, says, advice));
    match (is_proxied, forwarded, seen["believed"] == true) {
        (false, ..) => None,
        (_, 0, _) => {
            wrong(format!("the proxy does not say who its clients are: all of them count as {address}"), advice.into())
        }
        (_, _, false) => wrong(
            format!("the server does not believe the proxy at {address}: all of its clients count as one"),
            format!("--trusted-proxies {address}, or the network it is in"),
        ),
        (_, 1, true) if address == CLAIM => wrong(
            "the proxy passes on what clients say of their own address: anybody can pretend to be anywhere".to_owned(),
            advice.into(),
        ),
        _ => Some(Finding::ok(CHECK, "the server is told who the proxy's clients are")),
    }
}

/// A socket: it opens, answers, and outlives some silence.
async fn socket(outside: &Outside, client: &Client) -> Vec<Finding> {
    const CHECK: &str = "outside: socket";
    let advice = "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \
                  $connection_upgrade; Caddy's reverse_proxy does it by itself";
    let mut opened = match open(outside, client).await {
        Ok(opened) => opened,
        Err(why) => return vec![Finding::fail(CHECK, format!("no WebSocket: {why}"), advice)],
    };
    let login = match &outside.login {
        None => None,
        Some(login) => match log_in(outside, client, login).await {
            Ok(token) => Some((login, token)),
            Err(why) => {
                return vec![Finding::fail(CHECK, format!("cannot log in: {why}"), "see --app, --key and --user")];
            }
        },
    };
    let mut found = Vec::new();
    if let Some((login, (_, jwt))) = &login {
        let auth = auth_frame(&login.app, &login.uid, jwt);
        let answer = match say(&mut opened, &auth).await {
            Ok(()) => hear(&mut opened, PATIENCE).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(frame) if frame.contains("\"200\"") => {}
            other => found.push(Finding::fail(
                CHECK,
                format!("the login is refused: {other:?}"),
                "see --app, --key and --user",
            )),
        }
    }
    if found.is_empty() {
        found.push(silence(outside, &mut opened, login.is_some()).await);
    }
    if let Some((login, (token, _))) = login {
        let path = format!("{}/v3/users/{}/auth_tokens/{token}", outside.url, login.uid);
        let _ = client.delete(path).header("apikey", &login.key).header("appid", &login.app).send().await;
    }
    found
}

/// Leaves the socket silent and asks for an answer then.
async fn silence(outside: &Outside, opened: &mut Upgraded, known: bool) -> Finding {
    const CHECK: &str = "outside: socket";
    let idle = Duration::from_secs(outside.idle);
    // Whatever comes meanwhile is no end.
    let until = tokio::time::Instant::now() + idle;
    let mut ended = None;
    while ended.is_none() && tokio::time::Instant::now() < until {
        if let Ok(Err(error)) = tokio::time::timeout_at(until, frame(opened)).await {
            ended = Some(error.to_string());
        }
    }
    if let Some(why) = ended {
        let advice =
            "nginx: proxy_read_timeout 120s; in the location of the server. Clients say something every 15 seconds";
        return Finding::fail(
            CHECK,
            format!("a silent socket was ended within {} seconds: {why}", outside.idle),
            advice,
        );
    }
    // A heartbeat of a client; or, from one that is not known, a login that is refused.
    let word = match known {
        true => json!({"action": "ping"}).to_string(),
        false => auth_frame("doctor", "doctor", "doctor"),
    };
    let answer = match say(opened, &word).await {
        Ok(()) => hear(opened, PATIENCE).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(_) => {
            let more = if known { "" } else { "; --app, --key and --user allow a longer --idle" };
            Finding::ok(CHECK, format!("it opens, stays open for {} silent seconds, and answers{more}", outside.idle))
        }
        Err(error) => Finding::fail(
            CHECK,
            format!("it opens, and no frame comes back: {error}"),
            "let the proxy pass sockets unbuffered (nginx: proxy_http_version 1.1; and the Upgrade headers)",
        ),
    }
}

fn auth_frame(app: &str, uid: &str, jwt: &str) -> String {
    json!({
        "appId": app, "type": "auth", "deviceId": "doctor", "sender": uid,
        "body": {"auth": jwt, "deviceId": "doctor", "presenceSubscription": "NONE"},
    })
    .to_string()
}

/// A login for the socket: the token, and what sockets know it by.
async fn log_in(outside: &Outside, client: &Client, login: &Login) -> Result<(String, String), String> {
    let path = format!("{}/v3/users/{}/auth_tokens", outside.url, login.uid);
    let asked = client.post(path).header("apikey", &login.key).header("appid", &login.app).json_body(&json!({}));
    let (_, made) = json_of(asked.send().await).await.ok_or("no answer")?;
    let why = |said: &Value| said["error"]["message"].as_str().unwrap_or("an answer that is not known").to_owned();
    let token = made["data"]["authToken"].as_str().ok_or_else(|| why(&made))?.to_owned();
    let me = client.get(format!("{}/v3/me", outside.url)).header("authToken", &token).header("appid", &login.app);
    let (_, me) = json_of(me.send().await).await.ok_or("no answer")?;
    let jwt = me["data"]["jwt"].as_str().ok_or_else(|| why(&me))?.to_owned();
    Ok((token, jwt))
}

/// A body without a feature of the client for it.
trait JsonBody {
    fn json_body(self, value: &Value) -> Self;
}

impl JsonBody for reqwest::RequestBuilder {
    fn json_body(self, value: &Value) -> Self {
        self.header("content-type", "application/json").body(value.to_string())
    }
}

async fn open(outside: &Outside, client: &Client) -> Result<Upgraded, String> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|e| e.to_string())?;
    let answer = client
        .get(format!("{}/", outside.url))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", base64::engine::general_purpose::STANDARD.encode(key))
        .timeout(PATIENCE + Duration::from_secs(outside.idle) * 2)
        .send()
        .await
        .map_err(|error| reason(&error))?;
    match answer.status() {
        StatusCode::SWITCHING_PROTOCOLS => answer.upgrade().await.map_err(|error| reason(&error)),
        other => Err(format!("the upgrade is answered with {other}: its headers were lost on the way")),
    }
}

/// Sends a text frame. Clients mask theirs (RFC 6455, section 5.3); with zeros the text stays as it is.
async fn say(socket: &mut Upgraded, text: &str) -> std::io::Result<()> {
    let length = text.len() as u16;
    let mut frame = vec![0x81];
    match length {
        0..126 => frame.push(0x80 | length as u8),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    socket.write_all(&frame).await?;
    socket.flush().await
}

/// The next frame: its kind and what is in it.
async fn frame(socket: &mut Upgraded) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).await?;
    let length = match head[1] & 0x7f {
        126 => u64::from(socket.read_u16().await?),
        127 => socket.read_u64().await?,
        short => u64::from(short),
    };
    if length > 1 << 20 {
        return Err(std::io::Error::other("a frame of more than 1 MiB"));
    }
    let mut content = vec![0; length as usize];
    socket.read_exact(&mut content).await?;
    Ok((head[0] & 0x0f, content))
}

/// The next text, or the end the server gives.
async fn hear(socket: &mut Upgraded, patience: Duration) -> std::io::Result<String> {
    let words = async {
        loop {
            if let (0x1 | 0x8, content) = frame(socket).await? {
                return Ok(String::from_utf8_lossy(&content).into_owned());
            }
        }
    };
    timeout(patience, words).await.map_err(|_| std::io::Error::other("nothing came"))?
}

/// The largest upload: the server refuses whoever sends it for other reasons than its size.
async fn body(outside: &Outside, client: &Client) -> Finding {
    const CHECK: &str = "outside: body";
    let sent = client
        .request(Method::POST, format!("{}/v3/messages", outside.url))
        .header("content-type", "multipart/form-data; boundary=doctor")
        .body(vec![0; outside.body])
        .timeout(BODY_PATIENCE)
        .send()
        .await;
    let room = size(outside.body as u64);
    let sent = match sent {
        Ok(answer) => Ok((answer.status(), answer.text().await.unwrap_or_default())),
        Err(error) => Err(error),
    };
    match sent {
        // The server says so in an error of its own.
        Ok((StatusCode::PAYLOAD_TOO_LARGE, said)) if !said.contains("\"error\"") => Finding::fail(
            CHECK,
            format!("the proxy refuses a body of {room} (413); files of messages may be that large"),
            format!(
                "nginx: client_max_body_size {}m; Caddy: no request_body max_size below it",
                (outside.body >> 20) + 1
            ),
        ),
        Ok(_) => Finding::ok(CHECK, format!("a body of {room} gets through")),
        Err(error) => Finding::warn(
            CHECK,
            format!("a body of {room} was cut off: {}", reason(&error)),
            "see to the proxy's limits of size and time (nginx: client_max_body_size, client_body_timeout)",
        ),
    }
}
