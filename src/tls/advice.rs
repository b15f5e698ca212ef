//! Why there is no certificate, in words that say what to do about it.

use instant_acme::{Error, Problem};

use super::acme::Way;

/// A certificate was asked for in vain.
#[derive(Debug)]
pub struct Trouble {
    pub kind: Kind,
    /// What went wrong and what to do, one or two sentences without the last full stop.
    pub why: String,
}

/// What decides when it is tried again, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The authority's server does not answer, or not sensibly: nothing was used up by asking.
    Unreachable,
    /// It was asked too often.
    Limited,
    /// It did not see the proof: another way may do.
    Proof,
    /// It does not know the account any more.
    Account,
    Other,
}

/// What the types of an authority's problems begin with (RFC 8555, section 6.7).
const TYPES: &str = "urn:ietf:params:acme:error:";

impl Trouble {
    /// While the authority at this address was asked.
    pub fn of(error: Error, directory: &str) -> Trouble {
        match error {
            Error::Api(problem) => Trouble::of_problem(&problem, None, Way::Handshake),
            Error::Timeout(_) => Trouble {
                kind: Kind::Unreachable,
                why: format!("{directory} took the order and has not finished it in time"),
            },
            Error::Json(_) => Trouble {
                kind: Kind::Unreachable,
                why: format!(
                    "{directory} does not answer as an ACME server does: see whether --acme-directory is right"
                ),
            },
            error => Trouble {
                kind: Kind::Unreachable,
                why: format!(
                    "cannot ask {directory}: {error}. This machine must reach it; a private one's certificate \
                     authority is named with --acme-ca"
                ),
            },
        }
    }

    /// What the authority says is wrong: about a name whose proof it looked for in this way, or about the order.
    pub fn of_problem(problem: &Problem, name: Option<&str>, way: Way) -> Trouble {
        let kind = problem.r#type.as_deref().unwrap_or_default();
        let kind = match kind.strip_prefix(TYPES).unwrap_or(kind) {
            // Some authorities call that by another name, too.
            "unauthorized" if problem.detail.as_ref().is_some_and(|said| said.contains("Failed to connect")) => {
                "connection"
            }
            kind => kind,
        };
        let name = name.unwrap_or("this name");
        let (port, flag) = (way.port(), way.flag());
        let proof = |advice: String| (Kind::Proof, advice);
        let other = |advice: &str| (Kind::Other, advice.to_owned());
        let (kind, advice) = match kind {
            "connection" => proof(format!(
                "port {port} of {name} must lead here from outside: let {flag} listen at 0.0.0.0:{port} (or forward \
                 the port to it), and open it in the firewall and the router"
            )),
            "dns" => proof(format!(
                "{name} must lead here: set its A (and AAAA) record to this machine's public address, and remove one \
                 that leads elsewhere"
            )),
            "unauthorized" | "incorrectResponse" => proof(format!(
                "something else answers at port {port} of {name}: see where its A and AAAA records lead, and whether a \
                 proxy stands in between (one that does TLS itself gets the certificate itself)"
            )),
            "tls" => proof(format!(
                "port {port} of {name} must lead straight to {flag}: something in between does TLS of its own"
            )),
            "rateLimited" => (
                Kind::Limited,
                "the authority was asked too often: leave the set-up as it is and wait, or try it out with a test \
                 authority (--acme-directory https://acme-staging-v02.api.letsencrypt.org/directory)"
                    .to_owned(),
            ),
            "accountDoesNotExist" => {
                (Kind::Account, "the authority does not know the account of this folder".to_owned())
            }
            "caa" => other("a CAA record of the domain names other authorities: add this one, or remove it"),
            "rejectedIdentifier" | "unsupportedIdentifier" => {
                other("the authority gives no certificate for this name: see what --domain says")
            }
            "invalidContact" | "unsupportedContact" => other("see whether --acme-email is an address that gets mail"),
            "externalAccountRequired" => {
                other("this authority wants an account made with it beforehand, which Hobnob cannot use: take another")
            }
            "userActionRequired" => other("the authority's terms have changed: see the address it names"),
            "serverInternal" => (Kind::Unreachable, "that is the authority's own trouble".to_owned()),
            _ => other("the authority's words are all there is to go by"),
        };
        let said = problem.detail.as_deref().or(problem.r#type.as_deref()).unwrap_or("no reason was given");
        let said: String = said.chars().filter(|c| !c.is_control()).take(500).collect();
        Trouble { kind, why: format!("the authority says: {said:?}; {advice}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, way: Way) -> Trouble {
        let problem = serde_json::json!({"type": format!("{TYPES}{kind}"), "detail": "so it is\n"});
        Trouble::of_problem(&serde_json::from_value(problem).unwrap(), Some("chat.example.org"), way)
    }

    #[test]
    fn each_trouble_has_its_advice() {
        let cases = [
            ("connection", Kind::Proof, "port 443 of chat.example.org"),
            ("dns", Kind::Proof, "A (and AAAA) record"),
            ("unauthorized", Kind::Proof, "something else answers"),
            ("tls", Kind::Proof, "does TLS of its own"),
            ("rateLimited", Kind::Limited, "acme-staging"),
            ("accountDoesNotExist", Kind::Account, "account"),
            ("caa", Kind::Other, "CAA"),
            ("rejectedIdentifier", Kind::Other, "--domain"),
            ("invalidContact", Kind::Other, "--acme-email"),
            ("externalAccountRequired", Kind::Other, "take another"),
            ("serverInternal", Kind::Unreachable, "own trouble"),
            ("somethingNew", Kind::Other, "words"),
        ];
        for (kind, expected, advice) in cases {
            let Trouble { kind: found, why } = told(kind, Way::Handshake);
            assert!(found == expected && why.contains(advice) && why.contains("\"so it is\""), "{kind}: {why}");
        }
        assert!(told("connection", Way::Plain).why.contains("--http listen at 0.0.0.0:80"));
        let silent = Trouble::of(Error::Other("nobody listens".into()), "https://acme.example/dir");
        assert!(silent.kind == Kind::Unreachable && silent.why.contains("nobody listens"), "{silent:?}");
    }
}
