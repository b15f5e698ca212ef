//! Three pieces that threads share, under a scheduler that tries one order of their steps after the other: the writer's
//! queue, a connection's queue, and the hub with its index. They are the server's own files, with the locks, channels and
//! threads of shuttle in the place of the standard library's (`crate::sync`). A failing order is printed and can be
//! replayed.
//!
//! `HOBNOB_ORDERS=100000 cargo test --test shuttle` tries so many of each.

#[path = "../../src/store/queue.rs"]
#[allow(dead_code)]
mod queue;

mod sync {
    pub use shuttle::sync::atomic;
    pub use shuttle::sync::mpsc;
    pub use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock};
    pub use shuttle::thread;
}

mod model {
    pub use hobnob::model::*;
}

mod watch {
    pub use hobnob::watch::*;
}

mod live;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hobnob::live::frame::Encoded;
use hobnob::model::answer::About;
use hobnob::model::event::{Attach, Audience, Body, Event, Move, Origin, Post};
use hobnob::model::message::ReceiverType;
use hobnob::model::time::Clock;
use hobnob::model::user::User;
use hobnob::watch::tail::Tail;
use live::conn::{Close, Conn, Next};
use live::hub::Hub;
use queue::{Lane, Queue, Refused, Taken};
use shuttle::thread;

/// Orders of each piece that are tried when nothing else is asked for.
const ORDERS: usize = 1_000;

fn orders() -> usize {
    std::env::var("HOBNOB_ORDERS").map_or(ORDERS, |text| text.parse().expect("a whole number"))
}

/// Half of them by chance, half with few changes of thread at the worst moments.
fn check(what: &str, play: fn()) {
    shuttle::check_random(play, orders() / 2);
    shuttle::check_pct(play, orders() / 2, 3);
    println!("{what}: {} orders", orders());
}

fn main() {
    // The words behind `cargo test … -- words` name what is wanted.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let plays: [(&str, fn()); 6] = [
        ("a_job_is_done_or_refused", a_job_is_done_or_refused),
        ("after_a_failure_every_job_is_answered", after_a_failure_every_job_is_answered),
        ("a_frame_wakes_its_socket", a_frame_wakes_its_socket),
        ("a_closed_connection_hears_why", a_closed_connection_hears_why),
        ("nobody_hears_what_comes_after_they_went", nobody_hears_what_comes_after_they_went),
        ("whoever_comes_while_all_are_closed_is_closed", whoever_comes_while_all_are_closed_is_closed),
    ];
    for (name, play) in plays {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            check(name, play);
        }
    }
}

/// As the writer does: waits, fills a batch with what is there, until the queue is closed and empty.
fn work(queue: &Queue<u32>) -> Vec<(Lane, u32)> {
    let mut done = Vec::new();
    loop {
        match queue.wait(Duration::from_secs(1)) {
            Taken::Job(lane, job) => {
                done.push((lane, job));
                while let Some(next) = queue.next(lane == Lane::Low) {
                    done.push(next);
                }
            }
            Taken::Nothing => {}
            Taken::Closed => return done,
        }
    }
}

fn a_job_is_done_or_refused() {
    let queue = Arc::new(Queue::new(2));
    let writer = {
        let queue = queue.clone();
        thread::spawn(move || work(&queue))
    };
    let senders: Vec<_> = [(Lane::High, 10), (Lane::High, 20), (Lane::Low, 30)]
        .into_iter()
        .map(|(lane, first)| {
            let queue = queue.clone();
            thread::spawn(move || {
                (first..first + 3).filter(|job| queue.submit(lane, *job).is_ok()).collect::<Vec<u32>>()
            })
        })
        .collect();
    let closer = {
        let queue = queue.clone();
        thread::spawn(move || queue.close())
    };
    let mut taken: Vec<u32> = senders.into_iter().flat_map(|sender| sender.join().expect("ends")).collect();
    closer.join().expect("ends");
    let done = writer.join().expect("ends");
    assert_eq!(queue.submit(Lane::High, 99), Err(Refused::Closed));
    // Each sender's in its order, none twice, none lost.
    for first in [10, 20, 30] {
        let of = |job: &&u32| (first..first + 3).contains(*job);
        let mine: Vec<u32> = done.iter().map(|(_, job)| job).filter(of).copied().collect();
        assert!(mine.is_sorted(), "{mine:?}");
    }
    let mut done: Vec<u32> = done.into_iter().map(|(_, job)| job).collect();
    taken.sort_unstable();
    done.sort_unstable();
    assert_eq!(taken, done);
}

fn after_a_failure_every_job_is_answered() {
    let queue = Arc::new(Queue::new(10));
    let writer = {
        let queue = queue.clone();
        thread::spawn(move || {
            let mut answered = Vec::new();
            // The first job meets a disk that fails.
            if let Taken::Job(_, job) = queue.wait(Duration::from_secs(1)) {
                answered.push(job);
            }
            while let Some(job) = queue.give_up() {
                answered.push(job);
            }
            answered
        })
    };
    let senders: Vec<_> = [(Lane::High, 10), (Lane::Low, 20)]
        .into_iter()
        .map(|(lane, first)| {
            let queue = queue.clone();
            thread::spawn(move || {
                (first..first + 2).filter(|job| queue.submit(lane, *job).is_ok()).collect::<Vec<u32>>()
            })
        })
        .collect();
    let mut taken: Vec<u32> = senders.into_iter().flat_map(|sender| sender.join().expect("ends")).collect();
    let mut answered = writer.join().expect("ends");
    taken.sort_unstable();
    answered.sort_unstable();
    assert_eq!(taken, answered, "nobody waits for an answer that does not come");
}

fn encoded(text: &str) -> Encoded {
    bytestring::ByteString::from(text).into()
}

/// As the socket does: sends what there is, then waits to be woken. What was sent, and why it ended.
async fn listen(conn: &Conn, most: usize) -> (Vec<String>, Option<Close>) {
    let mut heard = Vec::new();
    while heard.len() < most {
        match conn.next(Instant::now) {
            Next::Send(frame) => heard.push(frame.text.to_string()),
            Next::Close(why) => return (heard, Some(why)),
            Next::Hold(_) | Next::Wait => conn.ready().await,
        }
    }
    (heard, None)
}

fn a_frame_wakes_its_socket() {
    let conn = Arc::new(Conn::new(1));
    let hub = {
        let conn = conn.clone();
        thread::spawn(move || (0..3).for_each(|n| _ = conn.offer(&encoded(&format!("hub{n}")), false)))
    };
    let typing = {
        let conn = conn.clone();
        thread::spawn(move || (0..2).for_each(|n| _ = conn.offer(&encoded(&format!("typing{n}")), true)))
    };
    // Hangs, and is found out, if a frame wakes nobody.
    let (heard, why) = shuttle::future::block_on(listen(&conn, 5));
    hub.join().expect("ends");
    typing.join().expect("ends");
    assert_eq!((heard.len(), why), (5, None));
    for from in ["hub", "typing"] {
        assert!(heard.iter().filter(|text| text.starts_with(from)).is_sorted(), "{heard:?}");
    }
}

fn a_closed_connection_hears_why() {
    let conn = Arc::new(Conn::new(1));
    let hub = {
        let conn = conn.clone();
        thread::spawn(move || (0..3).for_each(|n| _ = conn.offer(&encoded(&n.to_string()), false)))
    };
    let closer = {
        let conn = conn.clone();
        thread::spawn(move || conn.close(Close::Restart))
    };
    let (heard, why) = shuttle::future::block_on(listen(&conn, usize::MAX));
    hub.join().expect("ends");
    closer.join().expect("ends");
    assert_eq!(why, Some(Close::Restart));
    assert!(heard.is_sorted() && matches!(conn.next(Instant::now), Next::Close(Close::Restart)), "{heard:?}");
}

const GROUP: i64 = 7;

fn person(id: i64) -> User {
    User { id, uid: format!("u{id}"), ..User::default() }
}

fn event(text: &str) -> Event {
    Event {
        app_id: "app".into(),
        kind: "message",
        sender: "u1".into(),
        receiver: "team".into(),
        receiver_type: ReceiverType::Group,
        device: "d".into(),
        by: Origin { user: 99, login: None },
        answer: None,
        about: About::default(),
        message_sender: None,
        body: Body::Json(format!("{{\"text\":\"{text}\"}}").into()),
    }
}

fn tell(text: &str) -> Post {
    Post::Tell(Audience::group(GROUP), event(text))
}

fn attach(conn: &Conn, user: i64) -> Post {
    Post::Move(Move::Attach(Box::new(Attach {
        conn: conn.id,
        app: 1,
        app_id: "app".into(),
        token: user,
        user: person(user),
        groups: vec![GROUP],
        friends: Vec::new(),
        blocked: Vec::new(),
        told: false,
    })))
}

fn house() -> Hub {
    let (hub, starter) = Hub::new(Clock::fixed(1), Tail::default(), 0, 10);
    starter.run(Box::new(|_| {})).expect("starts");
    hub
}

fn heard(conn: &Conn) -> Vec<String> {
    std::iter::from_fn(|| match conn.next(Instant::now) {
        Next::Send(frame) => Some(frame.text.to_string()),
        _ => None,
    })
    .collect()
}

fn nobody_hears_what_comes_after_they_went() {
    let hub = house();
    let (stays, kicked, leaves) = (hub.open(), hub.open(), hub.open());
    hub.deliver(vec![attach(&stays, 1), attach(&kicked, 2), attach(&leaves, 3)]);
    let writer = {
        let hub = hub.clone();
        thread::spawn(move || {
            hub.deliver(vec![tell("before"), Post::Move(Move::Leave { group: GROUP, user: 2 }), tell("after")]);
            hub.deliver(vec![tell("last")]);
        })
    };
    let gone = {
        let (hub, leaves) = (hub.clone(), leaves.clone());
        thread::spawn(move || hub.gone(&leaves))
    };
    let typing = {
        let hub = hub.clone();
        thread::spawn(move || hub.tell(&Audience::group(GROUP).ephemeral(), &event("typing")))
    };
    for thread in [writer, gone, typing] {
        thread.join().expect("ends");
    }
    hub.stop();
    let durable = |conn: &Conn| -> Vec<String> {
        let texts = heard(conn).into_iter();
        texts
            .filter(|text| !text.contains("typing"))
            .map(|text| text.split("text\":\"").nth(1).expect("a text").to_owned())
            .collect()
    };
    let starts = |texts: &[String], words: &[&str]| {
        texts.len() == words.len() && texts.iter().zip(words).all(|(text, word)| text.starts_with(word))
    };
    let (at_stays, at_kicked) = (durable(&stays), durable(&kicked));
    assert!(starts(&at_stays, &["before", "after", "last"]), "{at_stays:?}");
    assert!(starts(&at_kicked, &["before"]), "the kicked: {at_kicked:?}");
    assert!(hub.is_online(1) && hub.is_online(2) && !hub.is_online(3));
    assert_eq!((hub.online_in_group(GROUP), hub.online_in_app(1), hub.connections()), (1, 2, 2));
}

fn whoever_comes_while_all_are_closed_is_closed() {
    let hub = house();
    let comers: Vec<_> = (0..2)
        .map(|_| {
            let hub = hub.clone();
            thread::spawn(move || hub.open())
        })
        .collect();
    hub.close_all();
    for comer in comers {
        let conn = comer.join().expect("ends");
        assert!(matches!(conn.next(Instant::now), Next::Close(Close::Restart)), "it would wait for ever");
    }
    hub.stop();
}
