//! Every ceiling in one place. The defaults are the contract's; all can be changed in the settings (`--limit`).

use super::nearest::nearest;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr,)*) => {
        /// Ceilings on what a request may hold and how much a thing may have.
        #[derive(Clone, Debug)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $kind,)*
            /// Types of files that are taken: `image/*`, `image/png` or an extension. None named: all.
            pub file_types: Vec<String>,
            /// Types of files that are not taken.
            pub file_types_denied: Vec<String>,
        }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($name: $default,)* file_types: Vec::new(), file_types_denied: Vec::new() }
            }
        }

        impl Limits {
            /// Name, meaning and default of each number, for the command line.
            pub const TABLE: &'static [(&'static str, &'static str, u64)] =
                &[$((stringify!($name), concat!($($doc),+), $default as u64),)*];

            /// Sets one number by its name.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = fitting(value)?,)*
                    _ => return Err(unknown(name)),
                }
                Ok(())
            }

            /// The number of the limit of this name.
            pub fn number(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($name) => u64::try_from(self.$name).ok(),)*
                    _ => None,
                }
            }
        }
    };
}

pub(super) fn unknown(name: &str) -> String {
    let near = nearest(name, Limits::TABLE.iter().map(|(name, ..)| *name)).unwrap_or_default();
    format!("there is no limit {name}; the nearest is {near}, and `hobnob limits` lists them")
}

/// No limit is larger: what is added to it (the clock, another limit) must still be a number. In seconds 285 million years.
const MOST: u64 = (1 << 53) - 1;

fn fitting<T: TryFrom<u64>>(value: u64) -> Result<T, String> {
    let fits = T::try_from(value).ok().filter(|_| value <= MOST);
    fits.ok_or_else(|| format!("{value} is too large"))
}

limits! {
    /// Characters in a user, group, role or key name.
    name: usize = 100,
    /// Characters in an avatar, icon or link URL.
    url: usize = 3000,
    /// Characters in a group or role description.
    description: usize = 255,
    /// Characters in a group password.
    password: usize = 100,
    /// Bytes of JSON in the metadata of a user or group.
    metadata: usize = 5 * 1024,
    /// Tags on one thing.
    tags: usize = 25,
    /// Characters in a tag.
    tag: usize = 100,
    /// Bytes of a JSON request body.
    body: usize = 256 * 1024,
    /// Characters of a number in JSON.
    number: usize = 64,
    /// Levels of arrays and objects inside one another in JSON.
    depth: usize = 64,
    /// Characters of a message's text.
    text: usize = 65_536,
    /// Bytes of a message's `data`.
    data: usize = 64 * 1024,
    /// Characters in a muid.
    muid: usize = 255,
    /// Distinct reactions on a message.
    reactions: usize = 25,
    /// Characters in a reaction.
    reaction: usize = 45,
    /// Users mentioned in a message.
    mentions: usize = 10,
    /// Uids in one call that adds members or friends.
    bulk: usize = 25,
    /// Rows of one import.
    import_rows: usize = 50,
    /// Members of a group.
    members: i64 = 100_000,
    /// API keys of an app.
    keys: i64 = 25,
    /// Roles of an app.
    roles: i64 = 25,
    /// Active auth tokens of a user; one more ends the oldest of the device that has most.
    tokens: i64 = 100,
    /// Conversations a user pins for himself.
    pins: i64 = 5,
    /// Conversations an app pins for everybody.
    app_pins: usize = 5,
    /// Messages pinned in a conversation by its users.
    pinned_messages: i64 = 100,
    /// Messages pinned in a conversation by the app.
    app_pinned_messages: i64 = 100,
    /// Messages a user has saved.
    saved_messages: i64 = 100,
    /// Reasons for flagging of an app.
    reasons: usize = 25,
    /// Webhooks of an app.
    webhooks: i64 = 25,
    /// Seconds in which a webhook is to answer.
    webhook_seconds: u64 = 10,
    /// Seconds for which an event is kept to be told outside, or told again.
    events_age: i64 = 3 * 86_400,
    /// Bytes of the events of an app that are kept; beyond that the oldest go.
    events_bytes: i64 = 2_i64 << 30,
    /// Moderation rules of an app, beside those of the server.
    rules: i64 = 25,
    /// Lists for moderation of an app, beside those of the server.
    keyword_lists: i64 = 25,
    /// Messages submitted for moderation that are kept of an app; beyond that the oldest go.
    submitted_messages: i64 = 100_000,
    /// Bots of an app.
    bots: i64 = 25,
    /// Receivers of one message.
    receivers: usize = 100,
    /// Rows of a page when no number is named.
    per_page: i64 = 100,
    /// Rows of a page at most.
    max_per_page: i64 = 1000,
    /// Bytes of a page: a list of messages ends there and says where it goes on, another one is refused.
    page_bytes: usize = 8 * 1024 * 1024,
    /// Bytes of large answers that wait to be read, in all; a quarter of it for one client.
    answers: usize = 256 * 1024 * 1024,
    /// Bytes of request bodies over 16 KiB that are on their way in, in all; a quarter of it from one address.
    bodies: usize = 256 * 1024 * 1024,
    /// Seconds a client may take to read an answer; of a file one more for each 16 KiB.
    answer_seconds: u64 = 60,
    /// Messages of a page when no limit is named (contract: 10).
    page_messages: i64 = 10,
    /// Seconds between the deletion of an app and the end of its rows.
    app_grace: i64 = 86_400,
    /// Bytes of the database up to which it is put together anew after somebody was erased, while the server runs: writes wait.
    compact_bytes: u64 = 64 * 1024 * 1024,
    /// Seconds a call may ring; clients give up after 45.
    call_ring: i64 = 60,
    /// Seconds somebody in a call may be without any socket.
    call_grace: i64 = 60,
    /// The same for somebody who had none since the call began, and speaks over REST.
    call_silence: i64 = 3600,
    /// Seconds a call may last.
    call_duration: i64 = 86_400,
    /// Presence is pushed while at most this many users of an app are online.
    presence_users: usize = 1000,
    /// Typing and transient frames reach groups up to this many online members.
    typing_members: usize = 1000,
    /// Seconds a read may take; a longer one is ended with `ERR_READ_TIMEOUT`.
    read_seconds: u64 = 5,
    /// Reads of one user that may wait for a reader; more are refused with 503.
    waiting_reads: usize = 2_000,
    /// Values of one list in a query.
    list: usize = 250,
    /// Bytes of one socket frame from a client.
    frame: usize = 64 * 1024,
    /// Frames a second that a client may write on a socket; the budget of ten seconds may be spent at once.
    frames: u32 = 100,
    /// Connections of one address at once; one more is closed. Those of trusted proxies, and so of this machine, are not
    /// counted.
    address_connections: usize = 5_000,
    /// Sockets of a user at once; one more closes the oldest of the login that has most.
    sockets: usize = 100,
    /// Bytes of one upload with all its files.
    upload: u64 = 100 * 1024 * 1024,
    /// Files of a message.
    files: usize = 10,
    /// Parts of a multipart body, files and fields.
    parts: usize = 100,
    /// Passwords that may wait to be hashed or checked.
    waiting_passwords: usize = 256,
    /// Wrong passwords for a name (or for a group, by a user) before the next try must wait.
    guesses: u32 = 5,
    /// Wrong passwords from an address before the next try must wait.
    address_guesses: u32 = 30,
    /// Seconds such a wait grows to at most; the first is 1, each further one twice as long.
    guess_wait: i64 = 300,
    /// Seconds the name of an admin is locked for after twenty wrong passwords, and after each further one.
    guess_lock: i64 = 3600,
    /// Options of a poll.
    poll_options: usize = 25,
    /// Characters of a poll's question, and of each option.
    poll_text: usize = 1000,
    /// Reminders of a user that are still to come.
    reminders: i64 = 1000,
    /// Characters of a reminder that is about no message.
    reminder_text: usize = 1000,
    /// Seconds after which a message disappears at the latest (contract: a year).
    disappear: i64 = 365 * 86_400,
    /// Languages of one call for translations.
    translations: usize = 20,
    /// Stickers of an app, besides those in the program.
    stickers: i64 = 1000,
    /// Bytes of all files a user has brought.
    user_files: u64 = 20_u64 << 30,
    /// Bytes of all files of an app.
    app_files: u64 = 2_u64 << 40,
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

/// Requests of an app in a minute, by the class of the operation, and of one of its users.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    pub rates: Rates,
    pub standard: u32,
    pub core: u32,
    pub import: u32,
    /// Of one logged-in user, whatever the class.
    pub user: u32,
}

/// Below these a server refuses everything, or cannot make its first app.
const LEAST: &[(&str, u64)] = &[
    ("name", 16),
    ("body", 1024),
    ("number", 20),
    ("depth", 8),
    ("text", 1),
    ("data", 256),
    ("members", 1),
    ("keys", 2),
    ("tokens", 1),
    ("per_page", 1),
    ("max_per_page", 1),
    ("page_bytes", 1024),
    ("page_messages", 1),
    ("waiting_reads", 1),
    ("list", 1),
    ("frame", 1024),
    ("frames", 1),
    ("sockets", 1),
    ("waiting_passwords", 1),
    ("guesses", 1),
    ("address_guesses", 1),
];

impl Limits {
    /// The smallest value this limit may be given.
    pub fn least(name: &str) -> u64 {
        LEAST.iter().find(|(limit, _)| *limit == name).map_or(0, |(_, least)| *least)
    }

    /// Bytes of an import's body: each row may be a whole message with the people in it.
    pub fn import_body(&self) -> usize {
        const PEOPLE: usize = 16 * 1024;
        self.body.max(self.import_rows.saturating_mul(self.data + PEOPLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_leaves_room_for_what_is_added_to_it() {
        let now = std::time::Instant::now();
        for (name, ..) in Limits::TABLE {
            for huge in [u64::MAX, i64::MAX as u64, MOST + 1] {
                assert_eq!(Limits::default().set(name, huge), Err(format!("{huge} is too large")), "{name}");
            }
        }
        let mut limits = Limits::default();
        limits.set("read_seconds", MOST).unwrap();
        assert!(now.checked_add(std::time::Duration::from_secs(limits.read_seconds)).is_some());
    }
}
