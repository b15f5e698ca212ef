//! The oracle: what must be true of the town, in plain maps. It knows no SQL and no hub, only the rules as they are
//! described: who is where with which scope, who blocks whom, which messages there are, and who sees what.

use std::collections::{BTreeMap, BTreeSet};

/// A name a person may bear (`u00`, `u01` …). Who is deleted for good leaves it free, with no trace behind.
pub type P = usize;
/// The same for groups.
pub type G = usize;
/// Names a step of the play, and what it made.
pub type Step = u32;

pub const PEOPLE: usize = 24;
pub const GROUPS: usize = 7;

pub fn uid(p: P) -> String {
    format!("u{p:02}")
}

pub fn guid(g: G) -> String {
    format!("g{g}")
}

/// The number in a uid or guid; `None`: the app itself.
pub fn number(name: &str) -> Option<usize> {
    name.get(1..)?.parse().ok()
}

/// A conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Pair(P, P),
    Group(G),
}

impl Place {
    pub fn pair(a: P, b: P) -> Place {
        Place::Pair(a.min(b), a.max(b))
    }

    /// The other side of a pair.
    pub fn peer(self, p: P) -> Option<P> {
        match self {
            Place::Pair(a, b) => Some(if a == p { b } else { a }),
            Place::Group(_) => None,
        }
    }

    /// As the one who looks names it in a path.
    pub fn path(self, viewer: P) -> String {
        match self {
            Place::Pair(a, b) => format!("/users/{}", uid(if a == viewer { b } else { a })),
            Place::Group(g) => format!("/groups/{}", guid(g)),
        }
    }

    pub fn name(self) -> String {
        match self {
            Place::Pair(a, b) => format!("{}_user_{}", uid(a), uid(b)),
            Place::Group(g) => format!("group_{}", guid(g)),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody has this name.
    #[default]
    Free,
    Active,
    Deactivated,
    /// Deleted, with the messages left and the name taken.
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Participant,
    Moderator,
    Admin,
}

impl Scope {
    pub fn word(self) -> &'static str {
        match self {
            Scope::Participant => "participant",
            Scope::Moderator => "moderator",
            Scope::Admin => "admin",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    Public,
    Private,
    Password,
}

impl GroupKind {
    pub fn word(self) -> &'static str {
        match self {
            GroupKind::Public => "public",
            GroupKind::Private => "private",
            GroupKind::Password => "password",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Group {
    pub kind: GroupKind,
    /// `None`: the app's.
    pub owner: Option<P>,
    pub members: BTreeMap<P, Scope>,
    pub banned: BTreeSet<P>,
}

/// One person's part in a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    pub hidden: i64,
    pub read: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Custom,
    /// A custom message that does not show as the last one.
    Silent,
    Action,
    Call,
}

impl Kind {
    /// Whether it counts as unread, can be replied to, edited and so on.
    pub fn counts(self) -> bool {
        matches!(self, Kind::Text | Kind::Custom | Kind::Silent)
    }

    pub fn category(self) -> &'static str {
        match self {
            Kind::Text => "message",
            Kind::Custom | Kind::Silent => "custom",
            Kind::Action => "action",
            Kind::Call => "call",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Message {
    pub place: Place,
    /// `None`: the app.
    pub sender: Option<P>,
    pub kind: Kind,
    pub text: String,
    /// Of an action: whom it is about. Of a call: who called.
    pub about: Option<P>,
    pub parent: Option<i64>,
    pub quoted: Option<i64>,
    pub mention: Option<P>,
    pub muid: Option<String>,
    pub deleted: bool,
    pub edited: bool,
    /// A review has hidden it.
    pub hidden: bool,
    pub reactions: BTreeMap<&'static str, BTreeSet<P>>,
    /// Who pinned it for everybody.
    pub pinned: Option<P>,
    /// Who keeps it.
    pub saved: BTreeSet<P>,
}

#[derive(Clone, Debug)]
pub struct Login {
    pub who: P,
    pub device: String,
    pub token: String,
    pub jwt: String,
    pub alive: bool,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub session: String,
    pub place: Place,
    pub caller: P,
    pub status: String,
    pub began: i64,
    pub answered: Option<i64>,
}

impl Call {
    pub fn live(&self) -> bool {
        matches!(&*self.status, "initiated" | "ongoing")
    }
}

#[derive(Clone, Debug)]
pub struct Sock {
    pub who: P,
    pub login: Step,
    pub presence: bool,
}

/// A frame that some people must hear, on all their sockets but the acting session's.
#[derive(Clone, Debug)]
pub struct Said {
    pub what: String,
    /// The message it is about.
    pub id: i64,
    pub to: BTreeSet<P>,
    pub echo: Option<Step>,
    /// The server ended a call beside what was asked.
    pub ends_call: bool,
}

#[derive(Clone, Default)]
pub struct Model {
    pub people: [State; PEOPLE],
    pub groups: [Option<Group>; GROUPS],
    pub parts: BTreeMap<Place, BTreeMap<P, Part>>,
    pub messages: BTreeMap<i64, Message>,
    /// Who blocks whom.
    pub blocks: BTreeSet<(P, P)>,
    /// The smaller number first.
    pub friends: BTreeSet<(P, P)>,
    pub logins: BTreeMap<Step, Login>,
    pub socks: BTreeMap<Step, Sock>,
    pub calls: BTreeMap<Step, Call>,
    /// The message a step made.
    pub made: BTreeMap<Step, i64>,
    /// How each send was asked for, for retries.
    pub sends: BTreeMap<Step, super::acts::Act>,
    /// What is to be heard of the step at hand, in order.
    pub said: Vec<Said>,
    /// The newest message id there was.
    pub last_id: i64,
    /// The time of the server.
    pub now: i64,
}

impl Model {
    pub fn active(&self, p: P) -> bool {
        self.people[p] == State::Active
    }

    /// Whether something stands between the two.
    pub fn parted(&self, a: P, b: P) -> bool {
        a != b && (self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a)))
    }

    pub fn group(&self, g: G) -> Option<&Group> {
        self.groups[g].as_ref()
    }

    pub fn member(&self, g: G, p: P) -> bool {
        self.group(g).is_some_and(|group| group.members.contains_key(&p))
    }

    /// 0 participant, 1 moderator, 2 admin, 3 owner; `None`: no member.
    pub fn rank(&self, g: G, p: P) -> Option<u8> {
        let group = self.group(g)?;
        let scope = *group.members.get(&p)?;
        Some(if group.owner == Some(p) { 3 } else { scope as u8 })
    }

    pub fn part(&self, place: Place, p: P) -> Option<Part> {
        self.parts.get(&place)?.get(&p).copied()
    }

    pub fn part_mut(&mut self, place: Place, p: P) -> Option<&mut Part> {
        self.parts.get_mut(&place)?.get_mut(&p)
    }

    /// The rule of sight.
    pub fn sees(&self, viewer: P, id: i64) -> bool {
        let Some(message) = self.messages.get(&id) else { return false };
        let in_sight = self.part(message.place, viewer).is_some_and(|part| part.hidden < id);
        in_sight && (!message.hidden || message.sender == Some(viewer))
    }

    pub fn in_place(&self, place: Place) -> impl DoubleEndedIterator<Item = (i64, &Message)> {
        self.messages.iter().filter(move |(_, message)| message.place == place).map(|(id, message)| (*id, message))
    }

    /// The newest message of a conversation, whatever it is; 0: none.
    pub fn newest(&self, place: Place) -> i64 {
        self.in_place(place).next_back().map_or(0, |(id, _)| id)
    }

    /// The newest that is not hidden from them; 0: none.
    pub fn newest_seen(&self, place: Place, p: P) -> i64 {
        let sees = |message: &Message| !message.hidden || message.sender == Some(p);
        self.in_place(place).rfind(|(_, message)| sees(message)).map_or(0, |(id, _)| id)
    }

    /// The newest that shows as the last one; 0: none.
    pub fn preview(&self, place: Place) -> i64 {
        let shows = |message: &Message| message.kind != Kind::Silent && !message.hidden;
        self.in_place(place).rev().find(|(_, message)| shows(message)).map_or(0, |(id, _)| id)
    }

    fn waits(viewer: P, message: &Message) -> bool {
        message.kind.counts() && message.sender != Some(viewer) && !message.deleted && !message.hidden
    }

    /// Unread messages, and those of them that name the viewer.
    pub fn unread(&self, place: Place, viewer: P) -> (usize, usize) {
        let read = self.part(place, viewer).map_or(0, |part| part.read);
        let unread = || self.in_place(place).filter(|(id, message)| *id > read && Self::waits(viewer, message));
        (unread().count(), unread().filter(|(_, message)| message.mention == Some(viewer)).count())
    }

    pub fn replies(&self, parent: i64) -> impl Iterator<Item = (i64, &Message)> {
        self.messages.iter().filter(move |(_, m)| m.parent == Some(parent)).map(|(id, m)| (*id, m))
    }

    /// Moves the read point as reading up to `upto` (none: all) does.
    pub fn read(&mut self, place: Place, p: P, upto: Option<i64>) {
        let wanted = upto.unwrap_or(i64::MAX);
        // What is hidden from them they have not come to.
        let hidden = |message: &Message| message.hidden && message.sender != Some(p);
        let newest = self.in_place(place).rfind(|(id, message)| *id <= wanted && !hidden(message));
        let Some((mut upto, _)) = newest else { return };
        let later: Vec<(i64, &Message)> = self.in_place(place).filter(|(id, _)| *id > upto).collect();
        if !later.iter().any(|(_, message)| message.parent.is_none() && Self::waits(p, message))
            && let Some((last, _)) = later.iter().take_while(|(_, message)| !hidden(message)).last()
        {
            upto = *last;
        }
        if let Some(part) = self.part_mut(place, p)
            && upto > part.read
        {
            part.read = upto;
        }
    }

    /// Something is heard by these people; of what is personal nothing by those with a block between them and `by`.
    pub fn say(
        &mut self,
        (id, what): (i64, String),
        mut to: BTreeSet<P>,
        by: Option<P>,
        personal: bool,
        echo: Option<Step>,
    ) {
        if let Some(by) = by.filter(|_| personal) {
            to.retain(|p| !self.parted(*p, by));
        }
        self.said.push(Said { what, id, to, echo, ends_call: false });
    }

    /// All who are in a conversation now, and hear what is told there.
    pub fn audience(&self, place: Place) -> BTreeSet<P> {
        match place {
            Place::Pair(a, b) => [a, b].into(),
            Place::Group(g) => self.group(g).map(|group| group.members.keys().copied().collect()).unwrap_or_default(),
        }
    }

    /// Tells something that happens to a message to those who see it.
    pub fn say_of(&mut self, id: i64, what: String, by: Option<P>, echo: Option<Step>) {
        let Some(message) = self.messages.get(&id) else { return };
        let place = message.place;
        let to = self.audience(place).into_iter().filter(|p| self.sees(*p, id)).collect();
        self.say((id, what), to, by, matches!(place, Place::Pair(..)), echo);
    }

    /// The pair has a conversation from now on.
    pub fn open(&mut self, place: Place) {
        if let Place::Pair(a, b) = place {
            let parts = self.parts.entry(place).or_default();
            parts.entry(a).or_default();
            parts.entry(b).or_default();
        }
    }

    pub fn enter(&mut self, g: G, p: P, scope: Scope) {
        let read = self.newest(Place::Group(g));
        if let Some(group) = &mut self.groups[g] {
            group.members.insert(p, scope);
        }
        self.parts.entry(Place::Group(g)).or_default().insert(p, Part { hidden: 0, read });
    }

    pub fn exit(&mut self, g: G, p: P) {
        if let Some(group) = &mut self.groups[g] {
            group.members.remove(&p);
        }
        if let Some(parts) = self.parts.get_mut(&Place::Group(g)) {
            parts.remove(&p);
        }
    }

    /// A message is gone with every trace; replies to it hang on nothing.
    pub fn erase(&mut self, id: i64) {
        self.messages.remove(&id);
        self.messages.values_mut().filter(|m| m.parent == Some(id)).for_each(|m| m.parent = None);
    }

    pub fn erase_where(&mut self, gone: impl Fn(&Message) -> bool) {
        let ids: Vec<i64> = self.messages.iter().filter(|(_, m)| gone(m)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.erase(id));
    }

    /// All logins of a person end, and the sockets with them.
    pub fn end_logins(&mut self, p: P) {
        let ended: Vec<Step> = self.logins.iter().filter(|(_, l)| l.who == p && l.alive).map(|(s, _)| *s).collect();
        ended.into_iter().for_each(|login| self.end_login(login));
    }

    pub fn end_login(&mut self, login: Step) {
        if let Some(login) = self.logins.get_mut(&login) {
            login.alive = false;
        }
        self.socks.retain(|_, sock| sock.login != login);
    }

    pub fn online(&self, p: P) -> bool {
        self.socks.values().any(|sock| sock.who == p)
    }

    /// The newest login of a person that holds.
    pub fn login_of(&self, p: P) -> Option<Step> {
        self.logins.iter().rfind(|(_, login)| login.who == p && login.alive).map(|(step, _)| *step)
    }

    /// The conversations somebody has a part in.
    pub fn places_of(&self, p: P) -> Vec<Place> {
        self.parts.iter().filter(|(_, parts)| parts.contains_key(&p)).map(|(place, _)| *place).collect()
    }

    pub fn friend(a: P, b: P) -> (P, P) {
        (a.min(b), a.max(b))
    }
}
