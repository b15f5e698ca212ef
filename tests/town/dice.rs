//! The dice that choose what happens next: the same for a seed, whatever the machine does.

use super::acts::{Act, REACTIONS, STATUSES, To, WORDS};
use super::model::{G, GROUPS, GroupKind, Kind, Model, P, PEOPLE, Place, Scope, State, Step};

/// A small generator of numbers, the same each run.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.roll(of.len())])
    }
}

/// Chooses what happens next. Most acts may succeed; some are tried by anybody.
pub fn next(dice: &mut Dice, model: &Model) -> Act {
    for _ in 0..20 {
        if let Some(act) = propose(dice, model) {
            return act;
        }
    }
    Act::Chores
}

fn propose(dice: &mut Dice, model: &Model) -> Option<Act> {
    let of = |state: State| (0..PEOPLE).filter(|p| model.people[*p] == state).collect::<Vec<P>>();
    let active = of(State::Active);
    if active.len() < PEOPLE / 2 {
        return Some(Act::CreateUser { who: dice.pick(&of(State::Free)).or_else(|| dice.pick(&of(State::Deleted)))? });
    }
    // A few people do most of what happens, so that their days cross.
    let anybody = dice.roll(PEOPLE);
    let who = match dice.roll(40) {
        0 => anybody,
        1..=25 => active[dice.roll(active.len().min(9))],
        _ => dice.pick(&active)?,
    };
    let whom = match dice.roll(30) {
        0 => anybody,
        1..=15 => active[dice.roll(active.len().min(9))],
        _ => dice.pick(&active)?,
    };
    let groups: Vec<G> = (0..GROUPS).filter(|g| model.groups[*g].is_some()).collect();
    let own: Vec<G> = groups.iter().copied().filter(|g| model.member(*g, who)).collect();
    let g = match dice.roll(20) {
        0 => dice.roll(GROUPS),
        1..=4 => dice.pick(&groups)?,
        _ => dice.pick(&own).or_else(|| dice.pick(&groups)).unwrap_or(0),
    };
    let to = if dice.roll(5) < 3 { To::Group(g) } else { To::User(whom) };
    let word = dice.roll(WORDS.len());
    let scope = [Scope::Participant, Scope::Participant, Scope::Moderator, Scope::Admin][dice.roll(4)];
    let logins: Vec<Step> = model.logins.iter().filter(|(_, login)| login.alive).map(|(step, _)| *step).collect();
    let socks: Vec<Step> = model.socks.keys().copied().collect();
    Some(match dice.roll(1000) {
        0..=29 => Act::LogIn { who },
        30..=33 => Act::LogOut { login: dice.pick(&logins)? },
        34..=35 => Act::Flush { who },
        36..=40 => Act::Try { login: *model.logins.keys().nth(dice.roll(model.logins.len()))? },
        41..=120 if socks.len() < 30 => {
            let own = model.login_of(who).filter(|_| dice.roll(3) > 0);
            Act::Connect { login: own.or_else(|| dice.pick(&logins))?, presence: dice.roll(4) == 0 }
        }
        41..=120 => Act::Disconnect { sock: dice.pick(&socks)? },
        121..=145 => Act::Disconnect { sock: dice.pick(&socks)? },
        146..=399 => send(dice, model, who, to, word),
        400..=405 => {
            let one = |dice: &mut Dice| {
                let who = active[dice.roll(active.len().min(9))];
                (who, if dice.roll(3) > 0 { to } else { To::User(active[dice.roll(active.len())]) })
            };
            Act::Rush { sends: (0..2 + dice.roll(8)).map(|_| one(dice)).collect(), word }
        }
        406..=419 => Act::Retry { send: *model.sends.keys().nth(dice.roll(model.sends.len()))? },
        420..=424 => {
            let (who, message) = across(dice, model)?;
            match dice.roll(4) {
                0 => Act::Delete { who, message, permanent: false },
                1 => Act::React { who, message, reaction: REACTIONS[0], on: dice.roll(2) == 0 },
                2 => Act::Pin { who, message, on: true },
                _ => Act::Edit { who, message, word },
            }
        }
        425..=469 => Act::Edit { who: author(dice, model, who)?, message: message(dice, model, who)?, word },
        470..=499 => {
            let permanent = dice.roll(4) == 0;
            Act::Delete { who: author(dice, model, who)?, message: message(dice, model, who)?, permanent }
        }
        500..=514 => Act::Pin { who, message: message(dice, model, who)?, on: dice.roll(3) > 0 },
        515..=522 => Act::Save { who, message: message(dice, model, who)?, on: dice.roll(3) > 0 },
        523..=569 => {
            let reaction = REACTIONS[dice.roll(REACTIONS.len())];
            Act::React { who, message: message(dice, model, who)?, reaction, on: dice.roll(4) > 0 }
        }
        570..=582 => Act::Review { who, message: message(dice, model, who)?, hide: dice.roll(3) > 0 },
        583..=632 => {
            let on_socket = model.socks.iter().find(|(_, sock)| sock.who == who).map(|(step, _)| *step);
            let on_socket = on_socket.filter(|_| dice.roll(2) == 0);
            let message = message(dice, model, who)?;
            let to = to_of(model, message, who).unwrap_or(to);
            // A socket's receipt always names a message.
            let upto = (on_socket.is_some() || dice.roll(2) == 0).then_some(message);
            Act::Read { who, to, upto, on_socket }
        }
        633..=650 => {
            let message = message(dice, model, who)?;
            Act::Unread { who, to: to_of(model, message, who).unwrap_or(to), message }
        }
        651..=664 => Act::Hide { who, to },
        665..=667 => Act::HideForAll { who, to },
        668..=670 => Act::Erase { who, peer: whom },
        671..=695 => {
            let sock = dice.pick(&socks)?;
            let who = model.socks[&sock].who;
            (to != To::User(who)).then_some(Act::Type { sock, to })?
        }
        696..=711 => {
            let g = (0..GROUPS).find(|g| model.groups[*g].is_none()).unwrap_or(g);
            let kind = [GroupKind::Public, GroupKind::Public, GroupKind::Private, GroupKind::Password][dice.roll(4)];
            Act::CreateGroup { g, owner: who, kind }
        }
        712..=714 => Act::DeleteGroup { g, who },
        715..=754 => Act::Join { g: dice.pick(&groups)?, who },
        755..=769 => Act::Leave { g, who },
        770..=799 => Act::Add { g, who: ruler(dice, model, g, who), whom, scope },
        800..=819 => Act::Kick { g, who: ruler(dice, model, g, who), whom: inside(dice, model, g, whom) },
        820..=834 => Act::Ban { g, who: ruler(dice, model, g, who), whom: inside(dice, model, g, whom) },
        835..=849 => {
            let banned: Vec<P> = model.group(g)?.banned.iter().copied().collect();
            Act::Unban { g, who: ruler(dice, model, g, who), whom: dice.pick(&banned).unwrap_or(whom) }
        }
        850..=869 => Act::Rescope { g, who: ruler(dice, model, g, who), whom: inside(dice, model, g, whom), scope },
        870..=876 => Act::Transfer { g, who: ruler(dice, model, g, who), whom: inside(dice, model, g, whom) },
        877..=880 => Act::Retype { g, who, open: dice.roll(2) == 0 },
        881..=895 => {
            // Now and then two who are in a call.
            let calls = model.calls.values().filter(|call| call.live()).filter_map(|call| match call.place {
                Place::Pair(a, b) => Some((a, b)),
                Place::Group(_) => None,
            });
            let (who, whom) =
                dice.pick(&calls.collect::<Vec<_>>()).filter(|_| dice.roll(3) == 0).unwrap_or((who, whom));
            Act::Block { who, whom }
        }
        896..=910 => {
            let own: Vec<P> = model.blocks.iter().filter(|(by, _)| *by == who).map(|(_, of)| *of).collect();
            Act::Unblock { who, whom: dice.pick(&own).unwrap_or(whom) }
        }
        911..=917 => Act::Befriend { who, whom },
        918..=920 => Act::Unfriend { who, whom },
        921..=931 => Act::Call { who, peer: whom },
        932..=945 => {
            let call = model.calls.iter().rev().nth(dice.roll(3)).map(|(step, call)| (*step, call.place))?;
            let sides = match call.1 {
                Place::Pair(a, b) => [a, b, who],
                Place::Group(_) => [who; 3],
            };
            Act::CallStep { who: sides[dice.roll(3)], call: call.0, status: STATUSES[dice.roll(STATUSES.len())] }
        }
        946..=955 => match dice.roll(10) {
            // Who said the last word goes for good, and with them what lists show.
            0 => {
                let last = model.messages.iter().rev().find(|(_, m)| m.kind.counts())?.1.sender?;
                Act::DeleteUser { who: last, permanent: true }
            }
            1..=3 => Act::Deactivate { who: whom },
            _ => send(dice, model, who, to, word),
        },
        956..=959 => Act::Reactivate { who: dice.pick(&of(State::Deactivated))? },
        960..=961 => Act::DeleteUser { who: whom, permanent: dice.roll(2) == 0 },
        962..=965 => Act::CreateUser { who: dice.pick(&of(State::Free)).unwrap_or(whom) },
        966..=982 => Act::Clock { seconds: passing(dice) },
        983..=993 => Act::Chores,
        994..=996 => Act::Restart,
        _ => Act::Crash { who },
    })
}

/// Minutes to days, and now and then a clock that is set.
fn passing(dice: &mut Dice) -> i64 {
    let n = 1 + dice.roll(59) as i64;
    match dice.roll(12) {
        0..=4 => n,
        5..=7 => n * 60,
        8..=9 => n * 900,
        10 => n * 7200,
        _ => -n * 20,
    }
}

fn send(dice: &mut Dice, model: &Model, who: P, to: To, word: usize) -> Act {
    let kind = match dice.roll(12) {
        0 => Kind::Custom,
        1 => Kind::Silent,
        _ => Kind::Text,
    };
    let mut act = Act::Send { who, to, kind, word, mention: None, parent: None, quoted: None };
    if let Act::Send { to, mention, parent, quoted, .. } = &mut act {
        match dice.roll(10) {
            0 | 1 => *parent = message(dice, model, who),
            2 => *quoted = message(dice, model, who),
            3 if kind == Kind::Text => *mention = Some(dice.roll(PEOPLE)),
            _ => {}
        }
        // Mostly where that message is.
        if let Some(place) = parent.or(*quoted).and_then(|step| to_of(model, step, who)).filter(|_| dice.roll(10) > 0) {
            *to = place;
        }
    }
    act
}

/// As `who` names the conversation of the message.
fn to_of(model: &Model, message: Step, who: P) -> Option<To> {
    match model.messages.get(model.made.get(&message)?)?.place {
        Place::Group(g) => Some(To::Group(g)),
        Place::Pair(a, b) if a == who => Some(To::User(b)),
        Place::Pair(a, b) if b == who => Some(To::User(a)),
        Place::Pair(..) => None,
    }
}

/// A message, mostly one of the last, and one that `who` has a part in.
fn message(dice: &mut Dice, model: &Model, who: P) -> Option<Step> {
    let mut last = None;
    for _ in 0..6 {
        let recent = if dice.roll(3) == 0 { model.made.len() } else { model.made.len().min(40) };
        let step = *model.made.keys().rev().nth(dice.roll(recent))?;
        last = Some(step);
        let place = model.made.get(&step).and_then(|id| model.messages.get(id)).map(|message| message.place);
        if place.is_some_and(|place| model.part(place, who).is_some()) {
            break;
        }
    }
    last
}

/// Something said one to one by somebody who has a block with the other now.
fn across(dice: &mut Dice, model: &Model) -> Option<(P, Step)> {
    let made: Vec<(P, Step)> = model
        .made
        .iter()
        .filter_map(|(step, id)| {
            let message = model.messages.get(id)?;
            let sender = message.sender?;
            let parted = model.parted(sender, message.place.peer(sender)?);
            (parted && message.kind.counts() && !message.deleted).then_some((sender, *step))
        })
        .collect();
    dice.pick(&made)
}

/// Who may be the author of what is changed; the one who acts else.
fn author(dice: &mut Dice, model: &Model, who: P) -> Option<P> {
    let last = model.made.keys().rev().nth(dice.roll(8))?;
    let author = model.made.get(last).and_then(|id| model.messages.get(id)).and_then(|message| message.sender);
    Some(author.filter(|_| dice.roll(2) == 0).unwrap_or(who))
}

/// Somebody with a scope, mostly.
fn ruler(dice: &mut Dice, model: &Model, g: G, who: P) -> P {
    let rulers: Vec<P> = (0..PEOPLE).filter(|p| model.rank(g, *p).is_some_and(|rank| rank > 0)).collect();
    dice.pick(&rulers).filter(|_| dice.roll(4) > 0).unwrap_or(who)
}

/// A member, mostly.
fn inside(dice: &mut Dice, model: &Model, g: G, whom: P) -> P {
    let members: Vec<P> = model.group(g).map(|group| group.members.keys().copied().collect()).unwrap_or_default();
    dice.pick(&members).filter(|_| dice.roll(4) > 0).unwrap_or(whom)
}
