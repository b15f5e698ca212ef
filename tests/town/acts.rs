//! What can happen in the town.
//!
//! An act names messages, logins and sockets by the step that made them, so that a play still makes sense when steps are
//! taken out of it: an act whose step is gone does not happen.

use std::fmt;

use super::model::{G, GroupKind, Kind, P, Place, Scope, Step, guid, uid};

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    User(P),
    Group(G),
}

impl To {
    pub fn place(self, from: P) -> Place {
        match self {
            To::User(p) => Place::pair(from, p),
            To::Group(g) => Place::Group(g),
        }
    }
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            To::User(p) => f.write_str(&uid(*p)),
            To::Group(g) => f.write_str(&guid(*g)),
        }
    }
}

#[derive(Clone, Debug)]
pub enum Act {
    CreateUser {
        who: P,
    },
    Deactivate {
        who: P,
    },
    Reactivate {
        who: P,
    },
    DeleteUser {
        who: P,
        permanent: bool,
    },
    LogIn {
        who: P,
    },
    LogOut {
        login: Step,
    },
    Flush {
        who: P,
    },
    /// With a login that may have ended.
    Try {
        login: Step,
    },
    Connect {
        login: Step,
        presence: bool,
    },
    Disconnect {
        sock: Step,
    },
    Send {
        who: P,
        to: To,
        kind: Kind,
        word: usize,
        mention: Option<P>,
        parent: Option<Step>,
        quoted: Option<Step>,
    },
    Retry {
        send: Step,
    },
    /// Several people send at the same time.
    Rush {
        sends: Vec<(P, To)>,
        word: usize,
    },
    Edit {
        who: P,
        message: Step,
        word: usize,
    },
    Delete {
        who: P,
        message: Step,
        permanent: bool,
    },
    React {
        who: P,
        message: Step,
        reaction: &'static str,
        on: bool,
    },
    /// For everybody.
    Pin {
        who: P,
        message: Step,
        on: bool,
    },
    /// For oneself.
    Save {
        who: P,
        message: Step,
        on: bool,
    },
    /// Somebody flags it and the app decides.
    Review {
        who: P,
        message: Step,
        hide: bool,
    },
    Read {
        who: P,
        to: To,
        upto: Option<Step>,
        on_socket: Option<Step>,
    },
    Unread {
        who: P,
        to: To,
        message: Step,
    },
    Hide {
        who: P,
        to: To,
    },
    HideForAll {
        who: P,
        to: To,
    },
    Erase {
        who: P,
        peer: P,
    },
    Type {
        sock: Step,
        to: To,
    },
    CreateGroup {
        g: G,
        owner: P,
        kind: GroupKind,
    },
    DeleteGroup {
        g: G,
        who: P,
    },
    Join {
        g: G,
        who: P,
    },
    Leave {
        g: G,
        who: P,
    },
    Add {
        g: G,
        who: P,
        whom: P,
        scope: Scope,
    },
    Kick {
        g: G,
        who: P,
        whom: P,
    },
    Ban {
        g: G,
        who: P,
        whom: P,
    },
    Unban {
        g: G,
        who: P,
        whom: P,
    },
    Rescope {
        g: G,
        who: P,
        whom: P,
        scope: Scope,
    },
    Transfer {
        g: G,
        who: P,
        whom: P,
    },
    Retype {
        g: G,
        who: P,
        open: bool,
    },
    Block {
        who: P,
        whom: P,
    },
    Unblock {
        who: P,
        whom: P,
    },
    Befriend {
        who: P,
        whom: P,
    },
    Unfriend {
        who: P,
        whom: P,
    },
    Call {
        who: P,
        peer: P,
    },
    CallStep {
        who: P,
        call: Step,
        status: &'static str,
    },
    /// Seconds the clock is turned; may be back.
    Clock {
        seconds: i64,
    },
    Chores,
    Restart,
    Crash {
        who: P,
    },
}

/// Words that texts are made of; none begins another.
pub const WORDS: [&str; 8] = ["apple", "brook", "cedar", "delta", "ember", "fjord", "grove", "heath"];
pub const REACTIONS: [&str; 3] = ["x", "y", "z"];
pub const STATUSES: [&str; 6] = ["ongoing", "rejected", "cancelled", "busy", "unanswered", "ended"];

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |step: &Option<Step>| step.map_or(String::new(), |step| format!("#{step}"));
        match self {
            Act::CreateUser { who } => write!(f, "{} comes to town", uid(*who)),
            Act::Deactivate { who } => write!(f, "{} is deactivated", uid(*who)),
            Act::Reactivate { who } => write!(f, "{} is reactivated", uid(*who)),
            Act::DeleteUser { who, permanent: false } => write!(f, "{} is deleted", uid(*who)),
            Act::DeleteUser { who, permanent: true } => write!(f, "{} is deleted for good", uid(*who)),
            Act::LogIn { who } => write!(f, "{} logs in", uid(*who)),
            Act::LogOut { login } => write!(f, "login #{login} ends"),
            Act::Flush { who } => write!(f, "all logins of {} end", uid(*who)),
            Act::Try { login } => write!(f, "login #{login} is tried"),
            Act::Connect { login, presence } => {
                write!(f, "login #{login} opens a socket{}", if *presence { " and asks for presence" } else { "" })
            }
            Act::Disconnect { sock } => write!(f, "socket #{sock} closes"),
            Act::Send { who, to, kind, word, mention, parent, quoted } => {
                write!(f, "{} sends {kind:?} {:?} to {to}", uid(*who), WORDS[*word])?;
                mention.map_or(Ok(()), |p| write!(f, " naming {}", uid(p)))?;
                write!(f, "{}", parent.map_or(String::new(), |parent| format!(" in the thread of #{parent}")))?;
                write!(f, "{}", quoted.map_or(String::new(), |quoted| format!(" quoting #{quoted}")))
            }
            Act::Retry { send } => write!(f, "#{send} is sent again"),
            Act::Rush { sends, word } => {
                let sends: Vec<String> = sends.iter().map(|(who, to)| format!("{} to {to}", uid(*who))).collect();
                write!(f, "at the same time {:?} is sent by {}", WORDS[*word], sends.join(", "))
            }
            Act::Edit { who, message, word } => write!(f, "{} edits #{message} to {:?}", uid(*who), WORDS[*word]),
            Act::Delete { who, message, permanent } => {
                write!(f, "{} deletes #{message}{}", uid(*who), if *permanent { " for good" } else { "" })
            }
            Act::React { who, message, reaction, on: true } => {
                write!(f, "{} reacts {reaction} to #{message}", uid(*who))
            }
            Act::React { who, message, reaction, on: false } => {
                write!(f, "{} takes {reaction} back from #{message}", uid(*who))
            }
            Act::Pin { who, message, on } => {
                write!(f, "{} {} #{message}", uid(*who), if *on { "pins" } else { "unpins" })
            }
            Act::Save { who, message, on } => {
                write!(f, "{} {} #{message}", uid(*who), if *on { "saves" } else { "saves no more" })
            }
            Act::Review { who, message, hide } => {
                let word = if *hide { "hidden" } else { "approved" };
                write!(f, "{} flags #{message}, which is {word}", uid(*who))
            }
            Act::Read { who, to, upto, on_socket } => {
                let by = if on_socket.is_some() { " by socket " } else { "" };
                write!(f, "{} reads {to} {}{by}{}", uid(*who), step(upto), step(on_socket))
            }
            Act::Unread { who, to, message } => write!(f, "{} marks {to} unread from #{message}", uid(*who)),
            Act::Hide { who, to } => write!(f, "{} hides {to}", uid(*who)),
            Act::HideForAll { who, to } => write!(f, "{} hides {to} for all", uid(*who)),
            Act::Erase { who, peer } => write!(f, "{} erases all with {}", uid(*who), uid(*peer)),
            Act::Type { sock, to } => write!(f, "socket #{sock} types to {to}"),
            Act::CreateGroup { g, owner, kind } => write!(f, "{} {} of {} is made", kind.word(), guid(*g), uid(*owner)),
            Act::DeleteGroup { g, who } => write!(f, "{} deletes {}", uid(*who), guid(*g)),
            Act::Join { g, who } => write!(f, "{} joins {}", uid(*who), guid(*g)),
            Act::Leave { g, who } => write!(f, "{} leaves {}", uid(*who), guid(*g)),
            Act::Add { g, who, whom, scope } => {
                write!(f, "{} adds {} to {} as {}", uid(*who), uid(*whom), guid(*g), scope.word())
            }
            Act::Kick { g, who, whom } => write!(f, "{} kicks {} from {}", uid(*who), uid(*whom), guid(*g)),
            Act::Ban { g, who, whom } => write!(f, "{} bans {} from {}", uid(*who), uid(*whom), guid(*g)),
            Act::Unban { g, who, whom } => write!(f, "{} unbans {} in {}", uid(*who), uid(*whom), guid(*g)),
            Act::Rescope { g, who, whom, scope } => {
                write!(f, "{} makes {} {} in {}", uid(*who), uid(*whom), scope.word(), guid(*g))
            }
            Act::Transfer { g, who, whom } => write!(f, "{} hands {} over to {}", uid(*who), guid(*g), uid(*whom)),
            Act::Retype { g, who, open } => {
                write!(f, "{} makes {} {}", uid(*who), guid(*g), if *open { "public" } else { "private" })
            }
            Act::Block { who, whom } => write!(f, "{} blocks {}", uid(*who), uid(*whom)),
            Act::Unblock { who, whom } => write!(f, "{} unblocks {}", uid(*who), uid(*whom)),
            Act::Befriend { who, whom } => write!(f, "{} and {} become friends", uid(*who), uid(*whom)),
            Act::Unfriend { who, whom } => write!(f, "{} and {} are friends no more", uid(*who), uid(*whom)),
            Act::Call { who, peer } => write!(f, "{} calls {}", uid(*who), uid(*peer)),
            Act::CallStep { who, call, status } => write!(f, "{} makes call #{call} {status}", uid(*who)),
            Act::Clock { seconds } => write!(f, "{seconds} seconds pass"),
            Act::Chores => write!(f, "chores are done"),
            Act::Restart => write!(f, "the server restarts"),
            Act::Crash { who } => write!(f, "the server crashes while the logins of {} end", uid(*who)),
        }
    }
}
