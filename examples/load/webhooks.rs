//! What webhooks cost those who send, and how late they are told: pairs of users write while none, one or ten webhooks are
//! told of each message; then few write, and one webhook is told well beside one that hangs and one that is slow.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

use crate::{
    Options, Result, cast,
    http::{self, Http},
    marker::Marker,
    report::{Finding, findings},
    subject::{Server, Subject},
    traffic::{self, Latencies, Letter, Plan, Sends},
};

/// How many webhooks are told.
const MANY: [usize; 3] = [0, 1, 10];
/// Pairs that write where it is measured how late webhooks are told: so few that nothing piles up.
const FEW: usize = 2;
/// How long a slow one takes.
const SLOW: Duration = Duration::from_millis(300);

/// What a receiver does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Well,
    Slow,
    Hang,
}

pub async fn run(subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
    let mut all = Vec::new();
    for many in MANY {
        let (outcome, told) = flow(subject, options, options.pairs, &vec![Does::Well; many]).await?;
        all.extend(findings(
            format!("webhooks {many}, pairs {}", options.pairs),
            [
                ("delivered", "msg/s", Some(outcome.per_second(outcome.deliveries))),
                ("latency p50", "ms", outcome.latencies.percentile(50)),
                ("latency p99", "ms", outcome.latencies.percentile(99)),
                ("told", "req/s", Some(outcome.per_second(told.count))),
                ("server, each", "us", outcome.cost(outcome.messages)),
                ("server", "cpus", outcome.processors(|at| at.server_seconds)),
                ("generator", "cpus", outcome.processors(|at| at.generator_seconds)),
            ],
        ));
    }
    let beside: [(&str, &[Does]); 3] = [
        ("alone", &[Does::Well]),
        ("beside a slow one", &[Does::Well, Does::Slow]),
        ("beside one that hangs", &[Does::Well, Does::Hang]),
    ];
    for (name, does) in beside {
        let (outcome, told) = flow(subject, options, FEW, does).await?;
        all.extend(findings(
            format!("webhook {name}, pairs {FEW}"),
            [
                ("delivered", "msg/s", Some(outcome.per_second(outcome.deliveries))),
                ("latency p99", "ms", outcome.latencies.percentile(99)),
                ("told p50", "ms", told.late.percentile(50)),
                ("told p99", "ms", told.late.percentile(99)),
            ],
        ));
    }
    Ok(all)
}

/// What the first receiver was told while it was measured; of all receivers how often.
struct Told {
    late: Latencies,
    count: u64,
}

async fn flow(subject: &Subject, options: &Options, pairs: usize, does: &[Does]) -> Result<(traffic::Outcome, Told)> {
    let server = subject.start()?;
    let sends = Rc::new(Sends::default());
    let heard = Rc::new(Heard::default());
    // Dropped at the end: dropping a `JoinSet` ends its tasks.
    let mut receivers = JoinSet::new();
    let mut urls = Vec::new();
    for (index, does) in does.iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        urls.push(format!("http://{}/", listener.local_addr()?));
        receivers.spawn_local(listen(listener, *does, index == 0, Rc::clone(&sends), Rc::clone(&heard)));
    }
    if !urls.is_empty() {
        subscribe(&server, &urls).await?;
    }
    let mut senders = cast::users(&server, pairs * 2).await?;
    let others = senders.split_off(pairs);
    let letters =
        senders.iter().zip(&others).map(|(sender, receiver)| Letter::to_user(&server, sender, receiver)).collect();
    let plan = Plan { server: &server, letters, receivers: &others, copies: 1, sends: Some(sends) };
    let outcome = traffic::run(plan, options.warmup(), options.measure()).await?;
    let told = Told { late: Latencies::new(heard.late.take()), count: heard.count.get() };
    Ok((outcome, told))
}

/// What came to receivers while it was measured.
#[derive(Default)]
struct Heard {
    count: Cell<u64>,
    /// Microseconds since the message was sent, at the first receiver.
    late: RefCell<Vec<u32>>,
}

/// Makes a webhook for each address, told of messages that are sent.
async fn subscribe(server: &Server, urls: &[String]) -> Result<()> {
    let (key, secret) = server.management_key()?;
    let who = [("key", key.as_str()), ("secret", secret.as_str())];
    let mut http = Http::open(server.target).await?;
    let base = format!("/v3/apps/{}/webhooks", server.app.id);
    for (index, url) in urls.iter().enumerate() {
        let hook = json!({"id": format!("w{index}"), "name": "Load", "webhookURL": url, "retryOnFailure": true});
        let triggers = json!({"triggerIds": ["message_sent"]});
        for (path, body) in [(base.clone(), hook), (format!("{base}/w{index}/triggers"), triggers)] {
            let reply = http.exchange(&http::request("POST", &path, &who, &body.to_string())).await?;
            if reply.status != 200 {
                return Err(format!("no webhook: {} {}", reply.status, reply.text()).into());
            }
        }
    }
    Ok(())
}

async fn listen(listener: TcpListener, does: Does, is_first: bool, sends: Rc<Sends>, heard: Rc<Heard>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.spawn_local(receive(stream, does, is_first, Rc::clone(&sends), Rc::clone(&heard)));
    }
}

/// Requests of a connection, one after another.
async fn receive(mut stream: TcpStream, does: Does, is_first: bool, sends: Rc<Sends>, heard: Rc<Heard>) {
    let (mut input, mut hint) = (Vec::with_capacity(8192), 0);
    loop {
        let end = loop {
            if let Some(end) = complete(&input) {
                break end;
            }
            match stream.read_buf(&mut input).await {
                Ok(1..) => {}
                _ => return,
            }
        };
        if sends.is_recording() {
            heard.count.set(heard.count.get() + 1);
            let sent = Marker::find(&input[..end], &mut hint).and_then(|marker| sends.of(marker)).filter(|_| is_first);
            if let Some(sent) = sent {
                heard.late.borrow_mut().push(sent.elapsed().as_micros() as u32);
            }
        }
        input.drain(..end);
        match does {
            Does::Well => {}
            Does::Slow => sleep(SLOW).await,
            Does::Hang => std::future::pending().await,
        }
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

/// Where the first request ends, once all of it is there.
fn complete(input: &[u8]) -> Option<usize> {
    let head = input.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&input[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + length.unwrap_or(0);
    (input.len() >= end).then_some(end)
}
