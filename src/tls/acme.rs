//! One order at a certificate authority (RFC 8555): account, order, proofs, certificate.
//!
//! The protocol's messages are `instant_acme`'s; they go out by [`Outgoing`], with its bounds on time and size. Only the
//! proofs that this server can show by itself are offered: in a TLS handshake (TLS-ALPN-01, RFC 8737) and by plain HTTP
//! (HTTP-01).

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient,
    Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::advice::{Kind, Trouble};
use super::{Certificates, Order, Tokens, provider};
use crate::durable;
use crate::outgoing::{Outgoing, Reach, Request};

/// Time for one request of the authority, and bytes of its answer.
const TIME: Duration = Duration::from_secs(30);
const BYTES: usize = 1024 * 1024;

/// How the authority is asked whether it has looked: for so long, for authorities look from several places.
const POLL: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(Duration::from_secs(90));

/// How the authority sees that a name leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a TLS handshake at port 443.
    Handshake,
    /// By a request at port 80.
    Plain,
}

impl Way {
    /// Where the authority comes, whatever the settings say: it takes no other port.
    pub fn port(self) -> u16 {
        match self {
            Way::Handshake => 443,
            Way::Plain => 80,
        }
    }

    /// The setting that says where the server listens for it.
    pub fn flag(self) -> &'static str {
        match self {
            Way::Handshake => "--https",
            Way::Plain => "--http",
        }
    }

    fn challenge(self) -> ChallengeType {
        match self {
            Way::Handshake => ChallengeType::TlsAlpn01,
            Way::Plain => ChallengeType::Http01,
        }
    }
}

/// Who asks, and where the proofs are shown.
pub struct Customer {
    pub order: Order,
    /// The file of the account.
    pub account: PathBuf,
    pub outgoing: Outgoing,
    pub certificates: Arc<Certificates>,
    pub tokens: Arc<Tokens>,
}

/// The account as it is kept. Whose it is at which authority is in the credentials.
#[derive(Serialize, Deserialize)]
struct Kept {
    email: Option<String>,
    credentials: AccountCredentials,
}

impl Customer {
    /// Gets a certificate: key and chain as PEM.
    pub async fn get(&self, way: Way) -> Result<String, Trouble> {
        let got = match self.once(way).await {
            Err(Trouble { kind: Kind::Account, why }) if self.account.exists() => {
                log::warn!("{why}: a new one is made");
                let _ = std::fs::remove_file(&self.account);
                self.once(way).await
            }
            got => got,
        };
        self.certificates.forget_proofs();
        self.tokens.clear();
        got
    }

    async fn once(&self, way: Way) -> Result<String, Trouble> {
        let trouble = |error: Error| Trouble::of(error, &self.order.directory);
        let account = self.account().await?;
        let names: Vec<Identifier> = self.order.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(trouble)?;
        let mut open = order.authorizations();
        while let Some(authorization) = open.next().await {
            let mut authorization = authorization.map_err(trouble)?;
            // One that was proved not long ago need not be proved again.
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            // Whatever it is, it is not for the authority to name.
            if !self.order.domains.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
                return Err(Trouble::own(&format!(
                    "the authority asks for a proof for {name:?}, which was not asked for"
                )));
            }
            let mut challenge = authorization.challenge(way.challenge()).ok_or_else(|| Trouble {
                kind: Kind::Proof,
                why: format!("the authority does not look at port {} for a proof for {name}", way.port()),
            })?;
            let proof = challenge.key_authorization();
            match way {
                Way::Handshake => self.show(&name, proof.digest().as_ref()).map_err(|why| Trouble::own(&*why))?,
                Way::Plain => self.tokens.put(&challenge.token, proof.as_str()),
            }
            challenge.set_ready().await.map_err(trouble)?;
        }
        let looked = order.poll_ready(&POLL).await;
        if !matches!(looked, Ok(OrderStatus::Ready)) {
            return Err(match refused(&mut order, way).await {
                Some(refused) => refused,
                None => looked.err().map_or_else(|| Trouble::own("the authority refused the order"), trouble),
            });
        }
        let key = order.finalize().await.map_err(trouble)?;
        let chain = order.poll_certificate(&POLL).await.map_err(trouble)?;
        Ok(format!("{key}{chain}"))
    }

    /// The account of this folder, made now if there is none with this authority.
    async fn account(&self) -> Result<Account, Trouble> {
        let Order { directory, email, .. } = &self.order;
        let trouble = |error: Error| Trouble::of(error, directory);
        let contact = email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let builder = Account::builder_with_http(Box::new(Requests(self.outgoing.clone())));
        let (account, kept) = match self.kept() {
            Some(Kept { email: known, credentials }) if known == *email => {
                return builder.from_credentials(credentials).await.map_err(trouble);
            }
            Some(Kept { credentials, .. }) => {
                let text = serde_json::to_value(&credentials).map_err(|e| Trouble::own(&e))?;
                let account = builder.from_credentials(credentials).await.map_err(trouble)?;
                account.update_contacts(&contact).await.map_err(trouble)?;
                (account, serde_json::json!({ "email": email, "credentials": text }))
            }
            None => {
                let asked =
                    NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
                let (account, credentials) = builder.create(&asked, directory.clone(), None).await.map_err(trouble)?;
                (account, serde_json::json!({ "email": email, "credentials": credentials }))
            }
        };
        durable::put(&self.account, kept.to_string().as_bytes(), 0o600)
            .map_err(|e| Trouble::own(&format!("cannot write {}: {e}", self.account.display())))?;
        Ok(account)
    }

    fn kept(&self) -> Option<Kept> {
        let text = std::fs::read_to_string(&self.account).ok()?;
        let kept: serde_json::Value = serde_json::from_str(&text).ok()?;
        // An account with one authority is nothing to another.
        (kept["credentials"]["directory"] == *self.order.directory).then(|| serde_json::from_value(kept).ok())?
    }

    /// Shows in handshakes for this name that whoever has the account's key has the server, too.
    fn show(&self, name: &str, digest: &[u8]) -> Result<(), String> {
        let made = || -> Result<_, rcgen::Error> {
            let mut proof = CertificateParams::new([name.to_owned()])?;
            proof.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
            let key = KeyPair::generate()?;
            Ok((proof.self_signed(&key)?.der().clone(), key.serialize_der()))
        };
        let (proof, key) = made().map_err(|e| e.to_string())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let key = provider().key_provider.load_private_key(key).map_err(|e| e.to_string())?;
        // Not compared with the key: a proof has an extension that no certificate for clients may have.
        self.certificates.prove(name, CertifiedKey::new(vec![proof], key));
        Ok(())
    }
}

impl Trouble {
    fn own(why: &(impl std::fmt::Display + ?Sized)) -> Trouble {
        Trouble { kind: Kind::Other, why: why.to_string() }
    }
}

/// Which name the authority saw no proof for, and why.
async fn refused(order: &mut instant_acme::Order, way: Way) -> Option<Trouble> {
    let mut open = order.authorizations();
    while let Some(Ok(mut authorization)) = open.next().await {
        let name = authorization.identifier().to_string();
        let state = authorization.refresh().await.ok()?;
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Some(Trouble::of_problem(problem, Some(&name), way));
        }
    }
    None
}

/// The longest wait that an authority may ask for, in seconds: far more than any is waited for.
const MOST_WAIT: u64 = 86_400;

/// The library adds the seconds to the clock as they are. Where that overflows it panics, and nothing would renew the
/// certificate any more.
fn shorten_wait(headers: &mut http::HeaderMap) {
    let asked =
        headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    if asked.is_some_and(|seconds| seconds > MOST_WAIT) {
        headers.insert(http::header::RETRY_AFTER, MOST_WAIT.into());
    }
}

/// The protocol's requests, by the server's own client.
struct Requests(Outgoing);

impl HttpClient for Requests {
    fn request(
        &self,
        request: http::Request<BodyWrapper<bytes::Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let outgoing = self.0.clone();
        Box::pin(async move {
            let (asked, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let body = body.to_bytes().to_vec();
            let (method, headers) = (asked.method, asked.headers);
            let get = Request::get(&asked.uri.to_string(), Reach::Anywhere);
            let asked = Request { method, headers, body, time: TIME, bytes: BYTES, ..get };
            let answer = outgoing.send(asked).await.map_err(|failure| Error::Other(failure.to_string().into()))?;
            let is_json = |kind: &http::HeaderValue| kind.as_bytes().windows(4).any(|part| part == b"json");
            if answer.status >= 400 && !answer.headers.get(http::header::CONTENT_TYPE).is_some_and(is_json) {
                return Err(Error::Other(format!("it answers with status {}", answer.status).into()));
            }
            let mut response = http::Response::builder().status(answer.status).body(()).map_err(Error::Http)?;
            *response.headers_mut() = answer.headers;
            shorten_wait(response.headers_mut());
            Ok(BytesResponse { parts: response.into_parts().0, body: Box::new(bytes::Bytes::from(answer.body)) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_is_longer_than_the_clock_goes() {
        let shortened = |text: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("retry-after", http::HeaderValue::from_static(text));
            shorten_wait(&mut headers);
            headers["retry-after"].to_str().unwrap().to_owned()
        };
        assert_eq!(shortened("18446744073709551615"), "86400");
        for kept in ["0", " 30 ", "86400", "Fri, 31 Dec 1999 23:59:59 GMT", "soon", "99999999999999999999999"] {
            assert_eq!(shortened(kept), kept);
        }
    }
}
