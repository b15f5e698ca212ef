//! Extensions: what clients reach through `callExtension`, and how their results stand in a message.
//!
//! A client asks `https://<slug>-<region>.<domain>/<version>/<act>`. One binary serves them all: the name in the `Host`
//! header is turned into a path below `/extensions/<slug>`, which is a row of the route table like any other. Where one
//! name is all there is, the path itself may be asked for. Results are put into `metadata["@injected"].extensions.<slug>`
//! of messages, which is where clients look.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Code, Error};
use super::json::{Object, Raw, to_raw};
use super::public::PublicHost;

macro_rules! extensions {
    ($($(#[doc = $doc:literal])+ $variant:ident $slug:literal $name:literal,)*) => {
        /// An extension that this program has. Whether it is on is up to the settings and to each app.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Extension { $($(#[doc = $doc])+ $variant,)* }

        impl Extension {
            /// All of them, in the order they are listed.
            pub const ALL: &'static [Extension] = &[$(Extension::$variant),*];

            /// Its name in addresses and in messages.
            pub fn slug(self) -> &'static str {
                match self { $(Extension::$variant => $slug,)* }
            }

            /// Its name for people.
            pub fn name(self) -> &'static str {
                match self { $(Extension::$variant => $name,)* }
            }
        }
    };
}

extensions! {
    /// Questions with options, one vote each.
    Polls "polls" "Polls",
    /// Pictures to choose from.
    Stickers "stickers" "Stickers",
    /// The older way to pin messages.
    PinMessage "pin-message" "Pin Message",
    /// Messages that a bot sends when their time has come.
    Reminders "reminders" "Reminders",
    /// Messages that are deleted when their time has come.
    Disappearing "disappearing-messages" "Disappearing Messages",
    /// Addresses of smaller versions of pictures.
    Thumbnails "thumbnail-generation" "Thumbnail Generation",
    /// What a page says of itself that a link leads to.
    LinkPreview "link-preview" "Link Preview",
    /// Texts in other languages, by a hook.
    Translation "message-translation" "Message Translation",
    /// A text that several write together, elsewhere.
    Document "document" "Collaborative Document",
    /// A drawing, likewise.
    Whiteboard "whiteboard" "Collaborative Whiteboard",
}

impl Extension {
    /// The one with this slug.
    pub fn parse(slug: &str) -> Option<Self> {
        Extension::ALL.iter().copied().find(|extension| extension.slug() == slug)
    }

    /// The one whose path this is: `/extensions/polls/create`.
    pub fn of_path(path: &str) -> Option<Self> {
        Extension::parse(path.strip_prefix(ROOT)?.split('/').next()?)
    }

    /// What is answered where it is not to be had.
    pub fn absent(slug: &str) -> Error {
        Error::new(Code::ExtensionNotFound, format!("There is no extension {slug} on this server."))
    }
}

/// Where all of them are in the route table.
pub const ROOT: &str = "/extensions/";

/// A row of the list that clients get.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExtensionListed)]
pub struct Listed {
    pub id: &'static str,
    pub name: &'static str,
    /// Always true: what is off is not listed. Clients on iOS want it said.
    pub enabled: bool,
}

impl From<Extension> for Listed {
    fn from(extension: Extension) -> Self {
        Listed { id: extension.slug(), name: extension.name(), enabled: true }
    }
}

/// What this server offers, by its settings.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    pub domain: Domain,
    /// Where documents are.
    pub document: Option<Template>,
    /// Where whiteboards are.
    pub whiteboard: Option<Template>,
    /// Whether pages are asked that links in messages lead to.
    pub link_previews: bool,
    /// Who translates.
    pub translator: Option<Translator>,
}

/// A service that translates as LibreTranslate does.
#[derive(Clone, PartialEq, Eq)]
pub struct Translator {
    /// Where it is: `http://127.0.0.1:5000`, with or without the `/translate` at the end.
    pub url: String,
    /// Its API key, if it wants one.
    pub key: Option<String>,
}

impl std::fmt::Debug for Translator {
    /// Without the key, which must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translator").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Translator {
    /// Reads the setting of the address; `Err` says what is wrong with it.
    pub fn parse_url(text: &str) -> Result<String, String> {
        let text = text.trim().trim_end_matches('/');
        if !["https://", "http://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err("it is an address that begins with https:// or http://".to_owned());
        }
        Ok(if text.ends_with("/translate") { text.to_owned() } else { format!("{text}/translate") })
    }
}

/// An address with a place for an id: `https://pad.example/p/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Reads the setting; `Err` says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !["https://", "http://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err("it is an address that begins with https:// or http://".to_owned());
        }
        if !text.contains(ID) {
            return Err(format!("there is no {ID} in it, where the id of each one stands"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("there is a space in it".to_owned());
        }
        Ok(Template(text.to_owned()))
    }

    /// The address of the one with this id.
    pub fn with(&self, id: &str) -> String {
        self.0.replace(ID, id)
    }
}

/// Stands for the id in a [`Template`].
const ID: &str = "{id}";

impl Offer {
    /// Whether the server has what the extension needs.
    pub fn has(&self, extension: Extension) -> bool {
        match extension {
            Extension::Polls
            | Extension::Stickers
            | Extension::PinMessage
            | Extension::Reminders
            | Extension::Disappearing
            | Extension::Thumbnails => true,
            Extension::LinkPreview => self.link_previews,
            Extension::Translation => self.translator.is_some(),
            Extension::Document => self.document.is_some(),
            Extension::Whiteboard => self.whiteboard.is_some(),
        }
    }

    /// All that may be on.
    pub fn all(&self) -> Vec<Extension> {
        Extension::ALL.iter().copied().filter(|extension| self.has(*extension)).collect()
    }
}

/// The name below which clients find extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Domain {
    /// Below the public host if there is one, else below `localhost`.
    #[default]
    Usual,
    /// No extension is listed, and none has a name of its own.
    Off,
    /// `ext.chat.example`, `ext.chat.example:8443`.
    Named { name: String, port: Option<u16> },
}

/// What stands before the public host, or before `localhost`, in the usual domain.
const LABEL: &str = "ext";
/// The usual domain on one's own machine: browsers take every name below `localhost` for it. Directly below it they take
/// no wildcard of a certificate, one level deeper they do.
pub const LOCAL: &str = "ext.localhost";
/// Told to clients where there is no domain: a name that never resolves (RFC 2606).
const NOWHERE: &str = "extensions.invalid";

impl Domain {
    /// Reads the setting; `Err` says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("off") {
            return Ok(Domain::Off);
        }
        let host = PublicHost::parse(text)?;
        if !host.path().is_empty() || text.contains("://") {
            return Err("it is a name with or without a port: ext.chat.example, ext.chat.example:8443".to_owned());
        }
        if is_address(host.name()) {
            return Err(format!("{} is an address: extensions have names below it, so it must be a name", host.name()));
        }
        Ok(Domain::Named { name: host.name().to_owned(), port: host.port() })
    }

    /// What a client is told that named this server `host` and finds https at `port` (443: none is said); `None` if it
    /// would find no extension. An address has no names below it, so only one's own machine has them without a setting.
    pub fn told(&self, public: Option<&PublicHost>, host: &str, port: u16) -> Option<String> {
        let with = |name: &str, port: Option<u16>| match port {
            Some(port) if port != 443 => format!("{name}:{port}"),
            _ => name.to_owned(),
        };
        match (self, public) {
            (Domain::Off, _) => None,
            (Domain::Named { name, port }, _) => Some(with(name, *port)),
            (Domain::Usual, Some(public)) if is_local(public.name()) => Some(with(LOCAL, public.port())),
            (Domain::Usual, Some(public)) if is_address(public.name()) => None,
            (Domain::Usual, Some(public)) => Some(with(&format!("{LABEL}.{}", public.name()), public.port())),
            (Domain::Usual, None) => is_local(without_port(host)).then(|| with(LOCAL, Some(port))),
        }
    }

    /// The name the settings answer gives, for clients that read it whether or not there is anything to find.
    pub fn nowhere() -> String {
        NOWHERE.to_owned()
    }

    /// The wildcard a certificate of this server needs for the names below the domain.
    pub fn wildcard(&self, public: Option<&PublicHost>) -> Option<String> {
        match (self, public) {
            (Domain::Off, _) => None,
            (Domain::Named { name, .. }, _) => Some(format!("*.{name}")),
            (Domain::Usual, Some(public)) if is_local(public.name()) || is_address(public.name()) => None,
            (Domain::Usual, public) => public.map(|public| format!("*.{LABEL}.{}", public.name())),
        }
    }

    /// The host of the server itself, of a name below the usual domain on one's own machine: what is told to others must not
    /// depend on who asked an extension. A domain that was named may be this server's only one.
    pub fn main_of<'h>(&self, host: &'h str) -> Option<&'h str> {
        let label = self.label_of(None, host).filter(|_| *self == Domain::Usual)?;
        Some(&host[label.len() + 1 + LABEL.len() + 1..])
    }

    /// The first label of a name below the domain: `polls-us` of `polls-us.ext.localhost:8443`. `None` for every other
    /// host, after no more than a few comparisons: each request passes here.
    pub fn label_of<'h>(&self, public: Option<&PublicHost>, host: &'h str) -> Option<&'h str> {
        let host = without_port(host);
        let below = |parts: &[&str]| {
            let mut rest = host;
            for part in parts.iter().rev() {
                let at = rest.len().checked_sub(part.len())?;
                if !rest.is_char_boundary(at) || !rest[at..].eq_ignore_ascii_case(part) {
                    return None;
                }
                rest = &rest[..at];
            }
            Some(rest).filter(|label| !label.is_empty() && !label.contains('.'))
        };
        match self {
            Domain::Off => None,
            Domain::Named { name, .. } => below(&[".", name]),
            Domain::Usual => below(&[".", LOCAL]).or_else(|| below(&[".", LABEL, ".", public?.name()])),
        }
    }
}

/// Whether it is one of the names a machine has for itself.
fn is_local(name: &str) -> bool {
    let name = name.trim_matches(['[', ']']);
    let address = name.parse::<core::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    let below = name.len() > 10
        && name.is_char_boundary(name.len() - 10)
        && name[name.len() - 10..].eq_ignore_ascii_case(".localhost");
    address || below || name.eq_ignore_ascii_case("localhost")
}

fn is_address(name: &str) -> bool {
    name.trim_matches(['[', ']']).parse::<core::net::IpAddr>().is_ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The slug of a label: of `polls-us` it is `polls`. Slugs and regions may both hold hyphens, so it is the longest slug
/// that fits; of one that is not known, what stands before the last hyphen.
pub fn slug_of(label: &str) -> Cow<'_, str> {
    let fits = |slug: &str| label.get(..slug.len()).is_some_and(|start| start.eq_ignore_ascii_case(slug));
    let known = Extension::ALL.iter().map(|extension| extension.slug()).filter(|slug| fits(slug));
    let known = known.filter(|slug| matches!(label.as_bytes().get(slug.len()), None | Some(b'-')));
    match known.max_by_key(|slug| slug.len()) {
        Some(slug) => Cow::Borrowed(slug),
        None => Cow::Borrowed(label.rsplit_once('-').map_or(label, |(slug, _)| slug)),
    }
}

/// The path of an operation as the route table has it: without the version, which says nothing here, and without the
/// empty segments that some clients make. `None` where there is nothing to change.
pub fn plain(path: &str) -> Option<String> {
    let (slug, rest) = path.strip_prefix(ROOT)?.split_once('/')?;
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty()).peekable();
    if segments.peek().is_some_and(|first| matches!(*first, "v1" | "v2")) {
        segments.next();
    }
    let act = segments.collect::<Vec<_>>().join("/");
    (act != rest).then(|| format!("{ROOT}{slug}/{act}"))
}

/// Where results stand in a message's metadata.
pub const INJECTED: &str = "@injected";

/// Puts the result of an extension into the data of a message.
pub fn inject(data: &mut Object, extension: Extension, result: Raw) {
    set(data, extension, Some(result));
}

/// The same, or takes it out.
pub fn set(data: &mut Object, extension: Extension, result: Option<Raw>) {
    let mut metadata = inner(data, "metadata");
    let mut injected = inner(&metadata, INJECTED);
    let mut all = inner(&injected, "extensions");
    match result {
        Some(result) => all.set(extension.slug(), result),
        None if all.remove(extension.slug()).is_none() => return,
        None => {}
    }
    injected.set("extensions", to_raw(&all));
    metadata.set(INJECTED, to_raw(&injected));
    data.set("metadata", to_raw(&metadata));
}

fn inner(parent: &Object, key: &str) -> Object {
    parent.get(key).and_then(|raw| Object::parse(raw.get())).unwrap_or_default()
}

/// What extensions have put into the data of a message.
pub fn injected(data: &Object) -> Option<Raw> {
    let metadata = data.get("metadata").filter(|raw| raw.get().contains(INJECTED))?;
    Object::parse(metadata.get())?.remove(INJECTED)
}

/// Leaves in the data what extensions had put there, and nothing that only looks like it: a client must not be able to
/// show a preview of another page, or votes that nobody gave.
pub fn keep_injected(data: &mut Object, before: Option<Raw>) {
    // What is no object is refused as such, not made one.
    let plain = data.get("metadata").is_some_and(|raw| Object::parse(raw.get()).is_none());
    let claimed = data.get("metadata").is_some_and(|raw| raw.get().contains(INJECTED));
    if plain || (!claimed && before.is_none()) {
        return;
    }
    let mut metadata = inner(data, "metadata");
    metadata.remove(INJECTED);
    if let Some(before) = before {
        metadata.set(INJECTED, before);
    }
    data.set("metadata", to_raw(&metadata));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> PublicHost {
        PublicHost::parse(text).unwrap()
    }

    #[test]
    fn every_client_is_told_a_domain_it_can_reach() {
        let told = |domain: &str, public_host: &str, host: &str, port: u16| {
            let domain = if domain.is_empty() { Domain::Usual } else { Domain::parse(domain).unwrap() };
            domain.told((!public_host.is_empty()).then(|| public(public_host)).as_ref(), host, port)
        };
        let here = Some("ext.localhost:8443".to_owned());
        for host in ["127.0.0.1:8443", "localhost:8443", "[::1]:8443", "a.localhost:8443"] {
            assert_eq!(told("", "", host, 8443), here, "{host}");
        }
        assert_eq!(told("", "", "192.168.1.5:8443", 8443), None, "an address has no names below it");
        assert_eq!(told("", "", "chat.example", 443), None, "nobody said that names below it lead here");
        assert_eq!(told("", "https://chat.example/chat", "inner", 443).as_deref(), Some("ext.chat.example"));
        assert_eq!(told("", "chat.example:8443", "inner", 443).as_deref(), Some("ext.chat.example:8443"));
        assert_eq!(told("", "192.0.2.1", "inner", 443), None);
        assert_eq!(told("", "localhost:9443", "inner", 443).as_deref(), Some("ext.localhost:9443"));
        assert_eq!(told("x.example:7", "chat.example", "inner", 443).as_deref(), Some("x.example:7"));
        assert_eq!(told("off", "chat.example", "127.0.0.1:8443", 8443), None);
        for wrong in ["https://a.example", "a.example/x", "192.0.2.1", "a b", ""] {
            assert!(Domain::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_below_the_domain_names_an_extension() {
        let chat = public("chat.example");
        let usual = Domain::Usual;
        let of = |host| usual.label_of(Some(&chat), host).map(slug_of);
        assert_eq!(of("polls-us.ext.localhost:8443").as_deref(), Some("polls"));
        assert_eq!(of("POLLS-us-east.EXT.chat.example").as_deref(), Some("polls"));
        assert_eq!(of("voice-transcription-us.ext.chat.example").as_deref(), Some("voice-transcription"));
        for host in
            ["chat.example", "ext.chat.example", "a.b.ext.chat.example", "localhost", "", "ä.ext.other", "127.0.0.1:1"]
        {
            assert_eq!(of(host), None, "{host}");
        }
        assert_eq!(usual.main_of("polls-us.ext.localhost:8443"), Some("localhost:8443"));
        assert_eq!(usual.main_of("localhost:8443"), None);
        assert_eq!(Domain::Off.label_of(Some(&chat), "polls-us.ext.chat.example"), None);
        assert_eq!(Domain::parse("x.example").unwrap().label_of(None, "polls-us.x.example:1"), Some("polls-us"));
    }

    #[test]
    fn versions_and_empty_segments_say_nothing() {
        assert_eq!(plain("/extensions/polls/v2/create").as_deref(), Some("/extensions/polls/create"));
        assert_eq!(plain("/extensions/polls//v1/vote/").as_deref(), Some("/extensions/polls/vote"));
        assert_eq!(plain("/extensions/polls/create"), None);
        assert_eq!(plain("/messages"), None);
    }

    #[test]
    fn what_only_looks_like_a_result_is_left_out() {
        let of = |text: &str, before: Option<&str>| {
            let mut data = Object::parse(text).unwrap();
            keep_injected(&mut data, before.map(|raw| crate::model::json::raw(raw.to_owned())));
            data.text()
        };
        assert_eq!(of(r#"{"metadata":{"a":1,"@injected":{"x":1}}}"#, None), r#"{"metadata":{"a":1}}"#);
        assert_eq!(of(r#"{"metadata":{"a":1}}"#, None), r#"{"metadata":{"a":1}}"#);
        assert_eq!(of(r#"{"metadata":"@injected"}"#, None), r#"{"metadata":"@injected"}"#);
        assert_eq!(of(r#"{"metadata":{"@injected":1}}"#, Some("2")), r#"{"metadata":{"@injected":2}}"#);
        assert_eq!(of(r#"{"text":"a"}"#, Some("2")), r#"{"text":"a","metadata":{"@injected":2}}"#);
        assert_eq!(of(r#"{"text":"a"}"#, None), r#"{"text":"a"}"#);
    }

    #[test]
    fn templates_have_a_place_for_an_id() {
        assert_eq!(Template::parse("https://pad.example/p/{id}?x").unwrap().with("7"), "https://pad.example/p/7?x");
        for wrong in ["pad.example/{id}", "https://pad.example/", "https://pad.example/ {id}", "javascript:{id}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn results_stand_beside_what_was_sent() {
        let mut data =
            Object::parse(r#"{"text":"a","metadata":{"own":1,"@injected":{"extensions":{"other":2}}}}"#).unwrap();
        inject(&mut data, Extension::Polls, to_raw(&3));
        assert_eq!(
            data.text(),
            r#"{"text":"a","metadata":{"own":1,"@injected":{"extensions":{"other":2,"polls":3}}}}"#
        );
    }
}
