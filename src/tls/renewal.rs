//! A certificate from an authority: got when there is none, and anew when two thirds of its time are over.
//!
//! Authorities count what they are asked, failed proofs most of all (Let's Encrypt: five an hour for a name). So a failure
//! is waited out, each time for longer, and servers that started together do not ask together. Nothing depends on it going
//! well: until there is a certificate the local one is served, and a renewal has a third of the old one's time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;

use super::acme::Customer;
pub use super::acme::Way;
use super::advice::{Kind, Trouble};
use super::dates::{self, Dates};
use super::{Certificates, Tokens, certified};
use crate::durable;
use crate::model::time::{Clock, Ids, iso};
use crate::outgoing::Outgoing;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What is wanted, and from whom.
#[derive(Clone, Debug)]
pub struct Order {
    /// The names, the first of which is the server's own.
    pub domains: Vec<String>,
    /// Address of the authority's directory (RFC 8555, section 7.1.1).
    pub directory: String,
    /// Where the authority may write to.
    pub email: Option<String>,
}

/// Keeps a certificate good.
pub struct Renewal {
    customer: Customer,
    /// Key and chain in one file: they are never of two minds.
    file: PathBuf,
    /// The best first.
    ways: Vec<Way>,
    clock: Clock,
    held: Option<Dates>,
    /// When to ask (Unix seconds).
    due: i64,
    failures: u32,
    again: Arc<Notify>,
}

impl Renewal {
    /// With what was got before, if it is good for these names. `folder`: where accounts and certificates are kept;
    /// `again`: a failed try is repeated at once when it is told.
    pub fn open(
        order: Order,
        folder: &Path,
        outgoing: Outgoing,
        (certificates, tokens): (Arc<Certificates>, Arc<Tokens>),
        ways: Vec<Way>,
        clock: Clock,
        again: Arc<Notify>,
    ) -> Renewal {
        let (file, account) = (folder.join("acme.pem"), folder.join("acme-account.json"));
        let customer = Customer { order, account, outgoing, certificates, tokens };
        let due = clock.now();
        let mut renewal = Renewal { customer, file, ways, clock, held: None, due, failures: 0, again };
        renewal.take_up();
        renewal
    }

    /// Uses the certificate in the file, if it is what is wanted.
    fn take_up(&mut self) {
        let order = &self.customer.order;
        let Ok(text) = std::fs::read_to_string(&self.file) else { return };
        // From another authority (one to try things out, say) it is not what was asked for.
        if text.lines().next() != Some(&heading(order)) {
            return;
        }
        match parsed(&text, order) {
            Ok((key, dates)) => self.hold(key, dates),
            Err(why) => log::info!("{}: {why}, so a new certificate is got", self.file.display()),
        }
    }

    fn hold(&mut self, key: CertifiedKey, dates: Dates) {
        self.customer.certificates.grant(&self.customer.order.domains, key);
        (self.held, self.due) = (Some(dates), due(dates, chance()));
    }

    /// Whether there is one.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Gets certificates when it is time; runs until it is dropped.
    pub async fn keep(mut self) {
        loop {
            let (next, again) = (self.due, self.again.clone());
            let come = async {
                while self.clock.now() < next {
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::select! {
                () = again.notified() => {
                    // Nothing is wrong: the one there is stays until its time.
                    if self.failures == 0 {
                        continue;
                    }
                }
                () = come => {}
            }
            self.renew().await;
        }
    }

    async fn renew(&mut self) {
        let names = self.customer.order.domains.join(", ");
        let directory = &self.customer.order.directory;
        log::info!("asking {directory} for a certificate for {names}");
        match self.get().await {
            Ok(()) => {
                self.failures = 0;
                let until = self.held.map_or(0, |dates| dates.until);
                log::info!("{names}: new connections get a certificate good until {}", iso(until));
            }
            Err(trouble) => {
                self.failures = self.failures.saturating_add(1);
                let wait = wait(trouble.kind, self.failures, chance());
                self.due = self.clock.now() + wait;
                let meanwhile = match self.held {
                    Some(dates) => format!("the one there is, good until {}", iso(dates.until)),
                    None => "the local certificate, which browsers and apps refuse".to_owned(),
                };
                log::warn!(
                    "no certificate for {names}: {}. The next try is in {} minutes, or when SIGHUP comes. Until then \
                     clients get {meanwhile}",
                    trouble.why,
                    (wait + 59) / 60
                );
            }
        }
    }

    /// In one way after the other, as long as it is the proof that is wrong.
    async fn get(&mut self) -> Result<(), Trouble> {
        let mut trouble: Option<Trouble> = None;
        for at in 0..self.ways.len() {
            match self.customer.get(self.ways[at]).await {
                Ok(text) => {
                    // Next time this way first.
                    self.ways.swap(0, at);
                    return self.take(&text).map_err(|why| Trouble { kind: Kind::Other, why });
                }
                Err(next) => {
                    let is_over = next.kind != Kind::Proof;
                    trouble = Some(match trouble {
                        Some(first) => Trouble { kind: next.kind, why: format!("{}. Then {}", first.why, next.why) },
                        None => next,
                    });
                    if is_over {
                        break;
                    }
                }
            }
        }
        Err(trouble.unwrap_or(Trouble { kind: Kind::Other, why: "there is no way to prove anything".to_owned() }))
    }

    /// Keeps and uses what was got.
    fn take(&mut self, text: &str) -> Result<(), String> {
        let (key, dates) = parsed(text, &self.customer.order)?;
        let kept = format!("{}\n{text}", heading(&self.customer.order));
        if let Err(error) = durable::put(&self.file, kept.as_bytes(), 0o600) {
            // It is good all the same; the next start has to ask again.
            log::warn!("cannot write {}: {error}", self.file.display());
        }
        self.hold(key, dates);
        Ok(())
    }
}

/// The first line of the file: from whom it is.
fn heading(order: &Order) -> String {
    format!("# {}", order.directory)
}

/// Key and chain, if they belong together and are for all names.
fn parsed(text: &str, order: &Order) -> Result<(CertifiedKey, Dates), String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("what the authority gave cannot be used: {error}");
    let chain = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|e| unreadable(&e))?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| unreadable(&e))?;
    let key = certified(chain, key).map_err(|e| unreadable(&e))?;
    let leaf = key.end_entity_cert().map_err(|e| unreadable(&e))?;
    let dates = dates::of(leaf).ok_or("what the authority gave has no dates")?;
    let parsed = rustls::server::ParsedCertificate::try_from(leaf).map_err(|e| unreadable(&e))?;
    for name in &order.domains {
        let wanted = ServerName::try_from(name.as_str()).map_err(|e| unreadable(&e))?;
        rustls::client::verify_server_name(&parsed, &wanted).map_err(|_| format!("it is not for {name}"))?;
    }
    Ok((key, dates))
}

/// When a certificate is renewed: at two thirds of its time, or up to a twentieth of it earlier. `chance`: from 0 to 1.
fn due(dates: Dates, chance: f64) -> i64 {
    let life = (dates.until - dates.from).max(0);
    dates.from + life / 3 * 2 - (life as f64 / 20.0 * chance) as i64
}

/// Seconds until the next try after so many that failed. An authority that does not answer is asked soon again; one that
/// did answer counts.
fn wait(kind: Kind, failures: u32, chance: f64) -> i64 {
    let (first, most) = match kind {
        Kind::Unreachable => (60, 3600),
        Kind::Limited => (3600, 43_200),
        Kind::Proof | Kind::Account | Kind::Other => (900, 43_200),
    };
    let wait = (first << failures.saturating_sub(1).min(10)).min(most);
    wait + (wait as f64 / 10.0 * chance) as i64
}

/// From 0 to 1.
fn chance() -> f64 {
    let drawn = u32::from_str_radix(&Ids::default().hex(4), 16).unwrap_or_default();
    f64::from(drawn) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_while_a_third_of_its_time_is_left() {
        let dates = Dates { from: 1_000_000, until: 1_000_000 + 90 * 86_400 };
        assert_eq!(due(dates, 0.0), 1_000_000 + 60 * 86_400);
        assert_eq!(due(dates, 1.0), 1_000_000 + 60 * 86_400 - 45 * 8640);
        assert!((0..100).all(|_| (0.0..=1.0).contains(&chance())));
    }

    #[test]
    fn failures_are_waited_out() {
        let waits = |kind| (1..9).map(|failures| wait(kind, failures, 0.0)).collect::<Vec<_>>();
        assert_eq!(waits(Kind::Unreachable), [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(waits(Kind::Proof), [900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 43_200]);
        assert_eq!(waits(Kind::Limited)[..3], [3600, 7200, 14_400]);
        assert_eq!((wait(Kind::Proof, u32::MAX, 1.0), wait(Kind::Other, 1, 1.0)), (47_520, 990));
    }
}
