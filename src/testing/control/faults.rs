//! Faults of the way between a client and its server, as a test orders them: this route, this user, the third time.
//!
//! The first rule that fits a request and is not used up befalls it. What is counted is counted in the order in which requests
//! come, so that a test that asks one after the other gets the same each time.

use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::as_in_table;
use crate::api::gate::{Befallen, Fault, OWN, Passing, Then};
use crate::model::error::{Code, Error, Result};
use crate::model::nearest::nearest;
use crate::testing::time::duration;

/// Rules at once.
const MOST: usize = 1000;

/// Of requests.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Of an answer's headers.
const HEADERS: usize = 50;

/// The longest that a request is held up, in milliseconds.
const LONGEST: i64 = 600_000;

/// Which requests.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct On {
    method: Option<String>,
    /// A `*` stands for one piece, `**` at the end for all that follow.
    path: Option<String>,
    operation: Option<String>,
    user: Option<String>,
    /// Those that are to become sockets; else all but those.
    socket: bool,
}

/// What a test orders.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    #[serde(default, deserialize_with = "object")]
    on: On,
    /// So many that fit pass first.
    #[serde(default)]
    after: u64,
    /// It befalls so many, and is used up then; none: all.
    times: Option<u64>,
    delay: Option<Value>,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// The connection ends after so many bytes of the answer's body.
    cut: Option<usize>,
    drop: Option<Drop>,
}

/// `[]` reads as an object of which all may be left out, and means nothing here.
fn object<'de, D: serde::Deserializer<'de>>(input: D) -> Result<On, D::Error> {
    let value = Value::deserialize(input)?;
    match value.is_object() {
        true => serde_json::from_value(value).map_err(serde::de::Error::custom),
        false => Err(serde::de::Error::custom("expected an object")),
    }
}

/// When the connection ends.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Drop {
    /// Before anything is done.
    Before,
    /// When it is done, without an answer.
    After,
}

#[derive(Debug)]
struct Ordered {
    id: u64,
    rule: Rule,
    fault: Fault,
    /// Requests that fitted.
    seen: u64,
    /// Those it befell.
    hits: u64,
}

#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Ordered>,
    made: u64,
}

impl Faults {
    pub fn show(&self) -> Value {
        let shown = |one: &Ordered| json!({ "id": one.id, "rule": one.rule, "seen": one.seen, "hits": one.hits });
        self.rules.iter().map(shown).collect()
    }

    /// `operations`: those there are.
    pub fn add<'o>(&mut self, mut rule: Rule, operations: impl Iterator<Item = &'o str> + Clone) -> Result<Value> {
        if self.rules.len() >= MOST {
            return Err(Error::new(Code::BadRequest, format!("There are {MOST} faults already: clear them first.")));
        }
        let fault = rule.fault()?;
        rule.on.check(operations)?;
        self.made += 1;
        let ordered = Ordered { id: self.made, rule, fault, seen: 0, hits: 0 };
        let said = json!({ "id": ordered.id });
        self.rules.push(ordered);
        Ok(said)
    }

    pub fn clear(&mut self) -> Value {
        self.rules.clear();
        json!({})
    }

    pub fn befall(&mut self, passing: Passing<'_>) -> Option<Befallen> {
        for one in self.rules.iter_mut().filter(|one| one.rule.on.fits(&passing)) {
            one.seen += 1;
            if one.seen <= one.rule.after || one.rule.times.is_some_and(|times| one.hits >= times) {
                continue;
            }
            one.hits += 1;
            let headers = one.rule.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            return Some(Befallen { fault: one.fault.clone(), headers });
        }
        None
    }
}

impl Rule {
    fn fault(&self) -> Result<Fault> {
        let delay = match &self.delay {
            Some(value) => {
                duration(value).map_err(|why| Error::field("delay", format!("The delay is not valid: {why}.")))?
            }
            None => 0,
        };
        if delay > LONGEST {
            return Err(Error::field("delay", "The delay may be ten minutes at most: it is of the real time."));
        }
        if self.times == Some(0) {
            return Err(Error::field("times", "It would befall none: leave times out for all of them."));
        }
        if self.on.socket && (self.cut.is_some() || matches!(self.drop, Some(Drop::After))) {
            let sentence = "Where a socket is opened there is no answer to cut: status, delay or \"drop\": \"before\". A socket \
                that is open is ended by /_test/sockets.";
            return Err(Error::field("on.socket", sentence));
        }
        let told = [self.status.is_some(), self.cut.is_some(), self.drop.is_some()];
        if told.iter().filter(|one| **one).count() > 1 {
            return Err(Error::field("status", "One of status, cut and drop: an answer ends in one way."));
        }
        if self.status.is_none() && (self.code.is_some() || self.message.is_some()) {
            return Err(Error::field("status", "A code or message is of an answer, which has a status."));
        }
        if !told.contains(&true) && delay == 0 && self.headers.is_empty() {
            return Err(Error::field(
                "status",
                "Nothing would befall a request: say delay, status, cut, drop or headers.",
            ));
        }
        if self.headers.len() > HEADERS {
            return Err(Error::field("headers", format!("There may be {HEADERS} headers.")));
        }
        for (name, value) in &self.headers {
            let fits = |text: &str, sign: fn(u8) -> bool| text.bytes().all(sign);
            let is_name = !name.is_empty() && fits(name, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !is_name || !fits(value, |byte| (b' '..=b'~').contains(&byte)) {
                return Err(Error::field("headers", format!("The header {name:?} is none that an answer can have.")));
            }
        }
        let then = match (self.status, self.cut, self.drop) {
            (Some(status), _, _) => {
                if !(400..600).contains(&status) {
                    return Err(Error::field("status", "The status must be from 400 to 599."));
                }
                let code = self.code.clone().unwrap_or_else(|| code_of(status).to_owned());
                let message = self.message.clone().unwrap_or_else(|| "This was ordered by a test.".to_owned());
                Then::Refuse { status, code, message }
            }
            (_, Some(bytes), _) => Then::Cut(bytes),
            (_, _, Some(when)) => Then::Drop { done: matches!(when, Drop::After) },
            _ => Then::Pass,
        };
        Ok(Fault { delay: Duration::from_millis(delay.unsigned_abs()), then })
    }
}

impl On {
    /// Refuses what fits no request there is, and puts the path as it is compared.
    fn check<'o>(&mut self, operations: impl Iterator<Item = &'o str> + Clone) -> Result<()> {
        if let Some(method) = &self.method
            && !METHODS.contains(&method.to_ascii_uppercase().as_str())
        {
            return Err(Error::field("on.method", format!("The method must be one of {}.", METHODS.join(", "))));
        }
        if let Some(named) = &self.operation
            && !operations.clone().any(|one| one == named)
        {
            let near = nearest(named, operations).unwrap_or_default();
            return Err(Error::field(
                "on.operation",
                format!("There is no operation {named:?}: did you mean {near:?}?"),
            ));
        }
        if self.socket && (self.user.is_some() || self.operation.is_some()) {
            let sentence =
                "A socket says whose it is when it is open: what befalls a user's is ordered by /_test/sockets.";
            return Err(Error::field("on.user", sentence));
        }
        let Some(path) = &self.path else { return Ok(()) };
        let wrong = |sentence: &str| Err(Error::field("on.path", sentence));
        if !path.starts_with('/') {
            return wrong("The path must begin with a slash, as /messages does.");
        }
        if path.contains(['?', '#']) {
            return wrong("The path is told without what is asked for behind it.");
        }
        let path = as_in_table(path).unwrap_or(path.into());
        if path == OWN || path.starts_with(&format!("{OWN}/")) {
            return wrong("Nothing befalls the control API itself.");
        }
        if path.split('/').rev().skip(1).any(|piece| piece == "**") {
            return wrong("A ** stands at the end, for all that follows; one piece is *.");
        }
        self.path = Some(path.into_owned());
        Ok(())
    }

    fn fits(&self, passing: &Passing<'_>) -> bool {
        self.socket == passing.is_socket
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(passing.method))
            && self.operation.as_ref().is_none_or(|operation| Some(operation.as_str()) == passing.operation)
            && self.user.as_ref().is_none_or(|uid| Some(uid.as_str()) == passing.uid)
            && self.path.as_ref().is_none_or(|pattern| is_like(pattern, passing.path))
    }
}

fn decoded(piece: &str) -> Cow<'_, str> {
    percent_decode_str(piece).decode_utf8_lossy()
}

fn is_like(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (Some("**"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(piece)) if !piece.is_empty() => {}
            (Some(one), Some(other)) if decoded(one) == decoded(other) => {}
            _ => return false,
        }
    }
}

/// What the contract calls an answer of this status, where a test says nothing else.
fn code_of(status: u16) -> &'static str {
    let known =
        [Code::TooManyRequests, Code::Busy, Code::Internal, Code::NoAccess, Code::AuthTokenUnknown, Code::BadRequest];
    known.iter().find(|code| code.status() == status).map_or("ERR_TEST_FAULT", |code| code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing<'p>(method: &'p str, path: &'p str, uid: Option<&'p str>) -> Passing<'p> {
        Passing { method, path, operation: Some("send-message"), uid, is_socket: false }
    }

    fn ordered(rule: Value) -> Result<Faults> {
        let mut faults = Faults::default();
        faults.add(serde_json::from_value(rule).unwrap(), ["send-message", "list-users"].into_iter()).map(|_| faults)
    }

    #[test]
    fn it_befalls_whom_it_is_meant_for_and_so_many() {
        let mut faults = ordered(json!({
            "on": {"method": "post", "path": "/messages/*/thread", "user": "ann"}, "after": 1, "times": 2, "status": 503
        }))
        .unwrap();
        let mut hits = |method, path, uid| faults.befall(passing(method, path, uid)).is_some();
        for other in [
            ("GET", "/messages/1/thread", Some("ann")),
            ("POST", "/messages/1", Some("ann")),
            ("POST", "/messages/1/thread/x", Some("ann")),
            ("POST", "/messages/1/thread", Some("bob")),
            ("POST", "/messages/1/thread", None),
        ] {
            assert!(!hits(other.0, other.1, other.2), "{other:?}");
        }
        let mut hit = || hits("POST", "/messages/1/thread", Some("ann"));
        assert_eq!([hit(), hit(), hit(), hit()], [false, true, true, false]);
        assert_eq!(faults.show()[0]["seen"], 4);
    }

    #[test]
    fn a_rule_that_means_nothing_is_refused() {
        for (rule, field) in [
            (json!({}), "status"),
            (json!({"status": 200}), "status"),
            (json!({"status": 500, "cut": 3}), "status"),
            (json!({"code": "X"}), "status"),
            (json!({"delay": "soon"}), "delay"),
            (json!({"delay": "1h"}), "delay"),
            (json!({"headers": {"a b": "c"}}), "headers"),
            (json!({"headers": {"a": "c\nd"}}), "headers"),
            (json!({"on": {"path": "messages"}, "cut": 1}), "on.path"),
            (json!({"on": {"path": "/**/x"}, "cut": 1}), "on.path"),
            (json!({"on": {"path": "/users?x=1"}, "cut": 1}), "on.path"),
            (json!({"on": {"path": "/_test/**"}, "cut": 1}), "on.path"),
            (json!({"on": {"method": "FROB"}, "cut": 1}), "on.method"),
            (json!({"on": {"operation": "send-mesage"}, "cut": 1}), "on.operation"),
            (json!({"on": {"socket": true, "user": "ann"}, "status": 503}), "on.user"),
            (json!({"on": {"socket": true}, "cut": 5}), "on.socket"),
            (json!({"times": 0, "cut": 5}), "times"),
        ] {
            let refused = ordered(rule.clone()).map(drop).unwrap_err();
            let said = json!(refused);
            assert!(said["details"][field].is_array(), "{rule}: {said}");
        }
        let mut faults = ordered(json!({"on": {"path": "/v3/users/a%20b"}, "cut": 1})).unwrap();
        assert!(faults.befall(passing("GET", "/users/a b", None)).is_some());
        assert!(faults.befall(passing("GET", "/users/%61%20b", None)).is_some());
        assert_eq!(code_of(429), Code::TooManyRequests.as_str());
        assert!(
            is_like("/users/**", "/users/a/b") && !is_like("/users/**", "/groups/a") && !is_like("/users/*", "/users/")
        );
    }
}
