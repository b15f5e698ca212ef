//! The certificate the server shows: whether it is there, belongs to its key, names the host, and for how long it is good.

use std::path::Path;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::Finding;
use crate::config::Config;
use crate::tls::{self, Files, dates};

const CHECK: &str = "certificate";
const DAY: i64 = 86_400;
/// Renewal is late when less than this is left.
const SOON: i64 = 14 * DAY;

/// Looks at the files that were given, or at those the server made itself.
pub fn check(config: &Config, now: i64) -> Finding {
    let given = match (&config.tls_cert, &config.tls_key) {
        (Some(cert), Some(key)) => Some(Files { cert: cert.clone(), key: key.clone() }),
        _ => None,
    };
    let name = config.public.public_host.as_ref().map(|public| public.name().to_owned());
    match given {
        Some(files) => of(&files, name.as_deref(), now),
        None if !config.acme.domains.is_empty() => {
            let file = tls::folder(config.data()).join("acme.pem");
            match file.exists() {
                true => {
                    of(&Files { cert: file.clone(), key: file }, config.acme.domains.first().map(String::as_str), now)
                }
                false => Finding::warn(
                    CHECK,
                    "none has come from the authority yet",
                    "the server orders it; its log says what is in the way",
                ),
            }
        }
        None if config.https == "off" => Finding::ok(CHECK, "none is shown: --https is off"),
        None => local(config.data(), now),
    }
}

fn local(data: &Path, now: i64) -> Finding {
    let folder = tls::folder(data);
    let files = Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    match files.cert.exists() {
        true => of(&files, None, now),
        false => Finding::ok(CHECK, "none yet: the server makes one of its own at its first start"),
    }
}

fn of(files: &Files, name: Option<&str>, now: i64) -> Finding {
    let certified = match tls::read(files) {
        Ok(certified) => certified,
        Err(why) => return Finding::fail(CHECK, why, "give --tls-cert and --tls-key of the same certificate (PEM)"),
    };
    let cert = files.cert.display();
    let Some((leaf, dates)) = certified.cert.first().and_then(|leaf| Some((leaf, dates::of(leaf)?))) else {
        return Finding::fail(CHECK, format!("{cert} holds no certificate"), "give the chain, the server's own first");
    };
    let days = |seconds: i64| seconds / DAY;
    if dates.until <= now {
        let says = format!("{cert} expired {} days ago", days(now - dates.until));
        return Finding::fail(CHECK, says, "renew it; remove it (and key.pem) if the server made it itself");
    }
    if dates.from > now {
        let says = format!("{cert} is good only in {} days", days(dates.from - now) + 1);
        return Finding::fail(CHECK, says, "see to this machine's clock");
    }
    if let Some(name) = name
        && !is_for(leaf, name)
    {
        let says = format!("{cert} is not for {name}");
        return Finding::fail(CHECK, says, "get one for the name in --public-host");
    }
    let left = dates.until - now;
    let says = format!("{cert} belongs to its key and is good for {} more days", days(left));
    match left < SOON {
        true => Finding::warn(CHECK, says, "renew it: what renews it should have by now"),
        false => Finding::ok(CHECK, says),
    }
}

fn is_for(leaf: &CertificateDer<'_>, name: &str) -> bool {
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(leaf), ServerName::try_from(name.to_owned())) else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}
