//! What a page says of itself: fetched from wherever a stranger's link leads, within a second and half a MiB.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};

use super::{Outgoing, Reach, Request};
use crate::model::link::Preview;

/// For all of it; clients of the contract wait no longer.
const TIME: Duration = Duration::from_secs(1);
/// Bytes that are read. What a page says of itself stands at its beginning.
const BYTES: usize = 512 * 1024;
const REDIRECTS: usize = 3;

/// Most characters kept of a title, of a description, and bytes of an address.
const TITLE: usize = 300;
const DESCRIPTION: usize = 1000;
const ADDRESS: usize = 2000;

/// The preview of the page at `link`; `None`: there is none to be had, or it says nothing of itself.
pub async fn fetch(outgoing: &Outgoing, link: &str) -> Option<Preview> {
    let mut request = Request { time: TIME, bytes: BYTES, redirects: REDIRECTS, ..Request::get(link, Reach::Public) };
    request.headers.insert(ACCEPT, HeaderValue::from_static("text/html,application/xhtml+xml"));
    let answer = match outgoing.send(request).await {
        Ok(answer) => answer,
        Err(failure) => {
            log::debug!("no preview of a link: {failure}");
            return None;
        }
    };
    let kind = answer.headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    if answer.status != 200 || !(kind.starts_with("text/html") || kind.starts_with("application/xhtml")) {
        return None;
    }
    let base = Url::parse(&answer.url).ok()?;
    let page = read(&decode(&answer.body, &kind));
    let address = |text: &str| {
        let url = base.join(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        // Whoever sees the preview loads it: it must not lead them into their own network.
        let good = outgoing.clients.may_name(&url) && url.host_str() != Some("localhost");
        Some(url.to_string()).filter(|url| good && url.len() <= ADDRESS)
    };
    let (title, description) = (cut(&page.title(), TITLE), cut(&page.description(), DESCRIPTION));
    if title.is_empty() && description.is_empty() {
        return None;
    }
    Some(Preview {
        url: link.to_owned(),
        title,
        description,
        image: page.image().and_then(|image| address(&image)).unwrap_or_default(),
        favicon: address(page.icon.as_deref().unwrap_or("/favicon.ico")).unwrap_or_default(),
    })
}

fn cut(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(most).collect()
}

/// The text of a page. Most are UTF-8; the others of Europe say that they are not.
fn decode(body: &[u8], kind: &str) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let latin = ["iso-8859-1", "windows-1252"];
    let told = if kind.contains("charset=") { kind } else { &*start };
    match latin.iter().any(|name| told.contains(name)) {
        true => body.iter().map(|byte| char::from(*byte)).collect(),
        false => String::from_utf8_lossy(body).into_owned(),
    }
}

/// What the head of a page holds.
#[derive(Debug, Default)]
struct Page {
    heading: Option<String>,
    /// `property` or `name`, and `content`, of each `meta`.
    said: Vec<(String, String)>,
    icon: Option<String>,
}

impl Page {
    fn of(&self, names: &[&str]) -> Option<String> {
        let of = |name: &&str| self.said.iter().find(|(said, text)| said == name && !text.trim().is_empty());
        names.iter().find_map(of).map(|(_, text)| text.clone())
    }

    fn title(&self) -> String {
        self.of(&["og:title", "twitter:title"]).or(self.heading.clone()).unwrap_or_default()
    }

    fn description(&self) -> String {
        self.of(&["og:description", "twitter:description", "description"]).unwrap_or_default()
    }

    fn image(&self) -> Option<String> {
        self.of(&["og:image:secure_url", "og:image", "twitter:image", "twitter:image:src"])
    }
}

/// Reads the head of a page: `title`, `meta` and `link`. Made for what is there, not for what should be; it looks at each
/// byte once or twice, whatever is in it.
fn read(html: &str) -> Page {
    let (mut page, mut at) = (Page::default(), 0);
    while let Some(open) = html[at..].find('<').map(|open| at + open) {
        let rest = &html[open + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            at = comment.find("-->").map_or(html.len(), |end| open + 4 + end + 3);
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/').unwrap_or(rest.len());
        let name = rest[..name_end].to_ascii_lowercase();
        let (attributes, length) = attributes(&rest[name_end..]);
        at = open + 1 + name_end + length;
        let value = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        match name.as_str() {
            "body" | "/head" => break,
            "title" if page.heading.is_none() => {
                let end = find_closing(&html[at..], "title");
                page.heading = Some(unescape(&html[at..at + end]));
                at += end;
            }
            "script" | "style" | "noscript" | "svg" => at += find_closing(&html[at..], &name),
            "meta" => {
                if let (Some(name), Some(content)) = (value("property").or(value("name")), value("content")) {
                    page.said.push((name.trim().to_ascii_lowercase(), content.to_owned()));
                }
            }
            "link" if page.icon.is_none() => {
                let is_icon = value("rel")
                    .is_some_and(|rel| rel.to_ascii_lowercase().split_whitespace().any(|rel| rel == "icon"));
                page.icon = value("href").filter(|_| is_icon).map(str::to_owned);
            }
            _ => {}
        }
    }
    page
}

/// How far it is to the closing tag of this name, or to the end.
fn find_closing(html: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = html[from..].find("</").map(|at| from + at) {
        if html
            .as_bytes()
            .get(at + 2..at + 2 + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        {
            return at;
        }
        from = at + 2;
    }
    html.len()
}

/// The attributes of a tag, and how far it is to its end. Names are lower case, values without their quotes.
fn attributes(text: &str) -> (Vec<(String, String)>, usize) {
    let (mut found, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
    let is_space = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_whitespace() || *b == b'/');
    while at < bytes.len() {
        while is_space(at) {
            at += 1;
        }
        if bytes.get(at).is_none_or(|b| *b == b'>') {
            return (found, (at + 1).min(bytes.len()));
        }
        let start = at;
        while at < bytes.len() && !matches!(bytes[at], b'=' | b'>') && !is_space(at) {
            at += 1;
        }
        let name = text[start..at].to_ascii_lowercase();
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if bytes.get(at) != Some(&b'=') {
            // A name alone; one that is not even that is passed over.
            at += usize::from(at == start);
            continue;
        }
        at += 1;
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        let (from, to, next) = match bytes.get(at) {
            Some(quote @ (b'"' | b'\'')) => {
                let end = text[at + 1..].find(char::from(*quote)).map_or(bytes.len(), |end| at + 1 + end);
                (at + 1, end, (end + 1).min(bytes.len()))
            }
            _ => {
                let end =
                    text[at..].find(|c: char| c.is_ascii_whitespace() || c == '>').map_or(bytes.len(), |end| at + end);
                (at, end, end)
            }
        };
        found.push((name, unescape(&text[from.min(to)..to])));
        at = next;
    }
    (found, bytes.len())
}

/// With the entities that occur in titles put into characters; others stay as they are.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = rest.as_bytes().iter().take(12).position(|b| *b == b';').and_then(|end| {
            let name = &rest[1..end];
            let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            });
            let c = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => ' ',
                "hellip" => '…',
                "mdash" => '—',
                "ndash" => '–',
                "laquo" => '«',
                "raquo" => '»',
                "rsquo" => '’',
                "lsquo" => '‘',
                "ldquo" => '“',
                "rdquo" => '”',
                _ => char::from_u32(number?)?,
            };
            Some((c, end + 1))
        });
        let (c, length) = known.unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_page_is_read() {
        let page = read(
            r#"<!DOCTYPE html><HTML><head><!-- <title>no</title> --><script>var a = "<title>no</title>";</script>
            <Title >A &amp; B&#39;s &#x1F600; &unknown;</tItle><meta name=description content='plain > sign'>
            <meta property="og:image" content="/i.png"/><meta content="Open" property="og:title">
            <link rel="shortcut ICON" href=/own.ico><link rel=stylesheet href=x.css></head>
            <body><meta property="og:description" content="not here"></body>"#,
        );
        assert_eq!((page.title(), page.description()), ("Open".to_owned(), "plain > sign".to_owned()));
        assert_eq!(page.heading.as_deref(), Some("A & B's 😀 &unknown;"));
        assert_eq!((page.image().as_deref(), page.icon.as_deref()), (Some("/i.png"), Some("/own.ico")));
    }

    #[test]
    fn whatever_is_there_ends() {
        let odd = [
            "",
            "<",
            "<<<<",
            "<meta",
            "<meta content",
            "<meta content=",
            "<meta content=\"",
            "<meta = = >",
            "<title>",
            "<!--",
            "<meta name='a' content=b",
            "<link rel=icon href>",
            "<ä ö='ü'>",
            "<meta name=\u{1F600} content=\u{1F600}>",
            "&#99999999;<title>&",
            "<title>&#xD800;</title>",
            "<script",
            "</",
            "<title/></title",
            "< meta name=description content=x>",
        ];
        for html in odd {
            let _ = (read(html), unescape(html));
        }
        // In any order, and long: the time it takes is that of reading it.
        let long = odd.concat().repeat(2000);
        let _ = read(&long);
    }

    #[test]
    fn old_pages_have_their_letters() {
        assert_eq!(decode(b"<title>Gr\xfc\xdfe</title>", "text/html; charset=iso-8859-1"), "<title>Grüße</title>");
        assert_eq!(decode("Grüße".as_bytes(), "text/html"), "Grüße");
        assert_eq!(cut(" a \n  b\u{7} ", 9), "a b");
        assert_eq!(cut("abcdef", 3), "abc");
    }
}
