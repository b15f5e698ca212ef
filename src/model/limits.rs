//! Every ceiling in one place. The defaults are the contract's; all can be raised in the settings.

/// Ceilings on what a request may hold and how much a thing may have.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Characters in a user, group, role or key name.
    pub name: usize,
    /// Characters in an avatar, icon or link URL.
    pub url: usize,
    /// Characters in a group or role description.
    pub description: usize,
    /// Characters in a group password.
    pub password: usize,
    /// Bytes of JSON in the metadata of a user or group.
    pub metadata: usize,
    /// Tags on one thing, and characters in a tag.
    pub tags: usize,
    pub tag: usize,
    /// Bytes of a JSON request body.
    pub body: usize,
    /// Characters of a message's text.
    pub text: usize,
    /// Bytes of a message's `data`.
    pub data: usize,
    /// Characters in a muid.
    pub muid: usize,
    /// Distinct reactions on a message, and characters in one.
    pub reactions: usize,
    pub reaction: usize,
    /// Users mentioned in a message.
    pub mentions: usize,
    /// Uids in one call that adds members or friends.
    pub bulk: usize,
    /// Rows of one import.
    pub import_rows: usize,
    /// Members of a group.
    pub members: i64,
    /// API keys and roles of an app.
    pub keys: i64,
    pub roles: i64,
    /// Active auth tokens of a user; one more ends the oldest.
    pub tokens: i64,
    /// Conversations a user pins for himself, and an app for everybody; counted apart.
    pub pins: i64,
    pub app_pins: usize,
    /// Rows of a page: what is asked without a number, and the most that is given.
    pub per_page: i64,
    pub max_per_page: i64,
    /// Messages of a page when no limit is named (contract: 10).
    pub page_messages: i64,
    /// Seconds between the deletion of an app and the end of its rows.
    pub app_grace: i64,
    /// Presence is pushed while at most this many users of an app are online.
    pub presence_users: usize,
    /// Typing and transient frames reach groups up to this many online members.
    pub typing_members: usize,
    /// Bytes of one socket frame from a client.
    pub frame: usize,
    /// Bytes of one upload with all its files, and files of a message.
    pub upload: u64,
    pub files: usize,
    /// Types of files that are taken (none named: all) and that are not: `image/*`, `image/png` or an extension.
    pub file_types: Vec<String>,
    pub file_types_denied: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            name: 100,
            url: 3000,
            description: 255,
            password: 100,
            metadata: 5 * 1024,
            tags: 25,
            tag: 100,
            body: 256 * 1024,
            text: 65_536,
            data: 64 * 1024,
            muid: 255,
            reactions: 25,
            reaction: 45,
            mentions: 10,
            bulk: 25,
            import_rows: 50,
            members: 100_000,
            keys: 25,
            roles: 25,
            tokens: 100,
            pins: 5,
            app_pins: 5,
            per_page: 100,
            max_per_page: 1000,
            page_messages: 10,
            app_grace: 86_400,
            presence_users: 1000,
            typing_members: 1000,
            frame: 64 * 1024,
            upload: 100 * 1024 * 1024,
            files: 10,
            file_types: Vec::new(),
            file_types_denied: Vec::new(),
        }
    }
}

/// Whose requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    Off,
    /// All but those from the server's own machine.
    Remote,
    All,
}

impl Rates {
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        match text {
            "off" => Ok(Rates::Off),
            "remote" => Ok(Rates::Remote),
            "all" => Ok(Rates::All),
            _ => Err("expected off, remote or all".to_owned()),
        }
    }
}

/// Requests of an app in a minute, by the class of the operation.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    pub rates: Rates,
    pub standard: u32,
    pub core: u32,
    pub import: u32,
}

impl Limits {
    /// Bytes of an import's body: each row may be a whole message with the people in it.
    pub fn import_body(&self) -> usize {
        const PEOPLE: usize = 16 * 1024;
        self.body.max(self.import_rows.saturating_mul(self.data + PEOPLE))
    }
}
