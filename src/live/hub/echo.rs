//! The law of echoes: an event reaches every socket of its audience but the acting session's own.
//!
//! Sessions are named by clients, and everybody is told the names: whatever name an act bears, it hides nothing from
//! anybody else.

use std::sync::Arc;
use std::time::Instant;

use super::Hub;
use crate::live::conn::{Conn, Next};
use crate::model::answer::{About, Answer, LONGEST, SETTLE};
use crate::model::caller::SERVER_DEVICE;
use crate::model::event::{Attach, Audience, Body, Event, Move, Origin, Post};
use crate::model::message::ReceiverType;
use crate::model::time::Clock;
use crate::model::user::User;
use crate::watch::tail::Tail;

const NAMES: [&str; 4] = ["", SERVER_DEVICE, "a", "b"];
const USERS: i64 = 3;

/// A socket and whose it is.
struct Seat {
    conn: Arc<Conn>,
    user: i64,
    login: i64,
    device: &'static str,
}

/// Numbers that look random and are the same in every run.
fn dice(seed: &mut u64, sides: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % sides
}

fn attach(hub: &Hub, seat: &Seat, blocked: Vec<i64>) {
    let _ = seat.conn.device.set(seat.device.into());
    let user = User { id: seat.user, uid: format!("u{}", seat.user), ..User::default() };
    let (conn, app_id) = (seat.conn.id, "app".into());
    let (groups, friends) = (vec![1], Vec::new());
    let attach = Attach { conn, app: 1, app_id, token: seat.login, user, groups, friends, blocked, told: false };
    hub.deliver(vec![Post::Move(Move::Attach(Box::new(attach)))]);
}

fn event(device: &str, by: Origin) -> Event {
    Event {
        app_id: "app".into(),
        kind: "message",
        sender: format!("u{}", by.user).into(),
        receiver: "g".into(),
        receiver_type: ReceiverType::Group,
        device: device.into(),
        by,
        answer: None,
        about: About::default(),
        message_sender: None,
        body: Body::Json("{}".into()),
    }
}

fn heard(conn: &Conn) -> Vec<serde_json::Value> {
    std::iter::from_fn(|| match conn.next(Instant::now) {
        Next::Send(frame) => serde_json::from_str(&frame.text).ok(),
        _ => None,
    })
    .collect()
}

#[test]
fn nobody_is_made_deaf_by_a_name() {
    for seed in 0..200 {
        let mut seed = seed;
        let (hub, starter) = Hub::new(Clock::fixed(1), Tail::default(), 0, 100);
        starter.run(Box::new(|_| {})).expect("starts");
        let seats: Vec<Seat> = (1..=8)
            .map(|login| Seat {
                conn: hub.open(),
                user: 1 + dice(&mut seed, USERS as u64) as i64,
                login,
                device: NAMES[dice(&mut seed, NAMES.len() as u64) as usize],
            })
            .collect();
        seats.iter().for_each(|seat| attach(&hub, seat, Vec::new()));
        hub.stop();
        for _ in 0..20 {
            let device = NAMES[dice(&mut seed, NAMES.len() as u64) as usize];
            let user = 1 + dice(&mut seed, USERS as u64) as i64;
            let mut logins = seats.iter().filter(|seat| seat.user == user).map(|seat| seat.login);
            let login = if dice(&mut seed, 2) == 0 { None } else { logins.next() };
            hub.tell(&Audience::group(1), &event(device, Origin { user, login }));
            for seat in &seats {
                let told = heard(&seat.conn);
                let own = seat.user == user && login.is_none_or(|login| login == seat.login);
                let named = !device.is_empty() && device != SERVER_DEVICE && device == seat.device;
                assert_eq!(told.len(), usize::from(!(own && named)), "{device:?} of user {user} at user {}", seat.user);
                // A client throws away what bears its own name.
                let thrown = |frame: &serde_json::Value| seat.device == "a" && frame["deviceId"] == "a";
                assert!(!told.iter().any(thrown), "a frame bears the name of a session that must hear it");
            }
        }
    }
}

#[test]
fn nothing_personal_passes_across_a_block() {
    let (hub, starter) = Hub::new(Clock::fixed(1), Tail::default(), 0, 100);
    starter.run(Box::new(|_| {})).expect("starts");
    let seats: Vec<Seat> = (1..=3).map(|user| Seat { conn: hub.open(), user, login: user, device: NAMES[0] }).collect();
    attach(&hub, &seats[0], vec![2]);
    attach(&hub, &seats[1], vec![1]);
    attach(&hub, &seats[2], Vec::new());
    hub.stop();
    let count = |audience: Audience, user: i64| {
        hub.tell(&audience, &event("x", Origin { user, login: None }));
        seats.iter().map(|seat| heard(&seat.conn).len()).collect::<Vec<_>>()
    };
    for (from, expected) in [(1, [1, 0, 1]), (2, [0, 1, 1]), (3, [1, 1, 1])] {
        assert_eq!(count(Audience::users([1, 2, 3]), from), expected, "from {from}");
        assert_eq!(count(Audience::group(1).ephemeral(), from), expected, "from {from}");
        assert_eq!(count(Audience::group(1), from), [1, 1, 1], "a group's own events reach all its members");
    }
}

#[test]
fn a_session_hears_of_its_own_message_only_once_it_can_know_it() {
    let (hub, starter) = Hub::new(Clock::fixed(1), Tail::default(), 0, 100);
    starter.run(Box::new(|_| {})).expect("starts");
    let seat = |user, login, device| Seat { conn: hub.open(), user, login, device };
    // The session that sends, another one of the same user, and the receiver.
    let seats = [seat(1, 1, "a"), seat(1, 2, "b"), seat(2, 3, "b")];
    seats.iter().for_each(|seat| attach(&hub, seat, Vec::new()));
    hub.stop();
    let start = Instant::now();
    let answer = Arc::new(Answer::new(start));
    let by = |user, login| Origin { user, login: Some(login) };
    let tell = |device, by, about, answer: Option<&Arc<Answer>>| {
        let event = Event { about, answer: answer.cloned(), ..event(device, by) };
        hub.tell(&Audience::users([1, 2]), &event);
    };
    let waiting = |conn: &Conn, now: Instant| {
        let taken = std::iter::from_fn(|| matches!(conn.next(|| now), Next::Send(_)).then_some(())).count();
        (taken, matches!(conn.next(|| now), Next::Hold(_)))
    };
    tell("a", by(1, 1), About::message(7), Some(&answer));
    tell("b", by(2, 3), About::message(5), None);
    tell("b", by(2, 3), About::reply(8, Some(7), None), None);
    tell("b", by(2, 3), About::default(), None);
    assert_eq!(waiting(&seats[1].conn, start), (4, false), "others hear at once");
    assert_eq!(waiting(&seats[2].conn, start), (1, false));
    assert_eq!(waiting(&seats[0].conn, start), (1, true), "what came before it, and nothing that came after");
    answer.end(start + SETTLE);
    assert_eq!(waiting(&seats[0].conn, start + SETTLE), (0, true), "the client has not read it yet");
    assert_eq!(waiting(&seats[0].conn, start + SETTLE * 2), (2, false));
    // What it knows holds nothing up any more, and neither does an answer that nobody writes for ever.
    tell("b", by(2, 3), About::message(7), None);
    assert_eq!(waiting(&seats[0].conn, start + SETTLE * 2), (1, false));
    let never = Arc::new(Answer::new(start));
    tell("a", by(1, 1), About::message(9), Some(&never));
    tell("b", by(2, 3), About::message(9), None);
    assert_eq!(waiting(&seats[0].conn, start + LONGEST / 2), (0, true));
    assert_eq!(waiting(&seats[0].conn, start + LONGEST), (1, false));
}
