//! Mentions: users named in the text of a message as `<@uid:UID>`, and everybody in the group as `<@all:…>`.

use super::json::Object;

/// Who is named, before it is known whether there is such a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Each once, lower case, in the order of the text.
    pub uids: Vec<String>,
    pub everybody: bool,
}

impl Named {
    /// Of a message's `data`.
    pub fn in_data(data: &Object) -> Self {
        match data.get("text") {
            Some(raw) if raw.get().contains("<@") => data.read::<String>("text").map(|text| Named::in_text(&text)),
            _ => None,
        }
        .unwrap_or_default()
    }

    pub fn in_text(text: &str) -> Self {
        let mut named = Named::default();
        for piece in text.split("<@").skip(1) {
            let Some((mention, _)) = piece.split_once('>') else { continue };
            match mention.split_once(':') {
                Some(("uid", uid)) if !uid.is_empty() => {
                    let uid = uid.to_ascii_lowercase();
                    if !named.uids.contains(&uid) {
                        named.uids.push(uid);
                    }
                }
                Some(("all", _)) => named.everybody = true,
                _ => {}
            }
        }
        named
    }

    pub fn is_empty(&self) -> bool {
        self.uids.is_empty() && !self.everybody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named() {
        let named = Named::in_text("<@uid:Ann>, <@uid:bob> and <@uid:ann>: <@uid:> <@uid:x <@all:team>");
        assert_eq!((named.uids, named.everybody), (vec!["ann".to_owned(), "bob".to_owned()], true));
        for text in ["ann@uid", "<@>", "<@uid:ann", "< @uid:ann>"] {
            assert!(Named::in_text(text).is_empty(), "{text}");
        }
        assert!(Named::in_data(&Object::parse(r#"{"text":7}"#).unwrap()).is_empty());
        assert_eq!(Named::in_data(&Object::parse(r#"{"text":"<@uid:a>"}"#).unwrap()).uids, ["a"]);
    }
}
