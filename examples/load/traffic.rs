//! Messages in flight: lanes that send, sockets that receive, and the count of what arrived.
//!
//! A lane is one HTTP connection with one message on its way. It sends the next one only when the answer is there *and*
//! every socket that should have the message has it, so the figures are those of a closed loop: nothing piles up
//! anywhere, and the latency is that of a server as busy as it can be with this much in flight.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Result, cast,
    cast::User,
    http::{self, Http},
    marker::{self, Marker},
    socket::{self, Outgoing, Socket},
    subject::{Counters, Server},
};

/// Without any delivery for so long, something is lost.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Plan<'a> {
    pub server: &'a Server,
    /// One lane each.
    pub letters: Vec<Letter>,
    /// Who is connected.
    pub receivers: &'a [User],
    /// How many of them get each message.
    pub copies: u32,
    /// Where it is noted when each message was sent, if anybody wants to know.
    pub sends: Option<Rc<Sends>>,
}

/// When each message was sent, for those who hear of it by another way.
#[derive(Default)]
pub struct Sends {
    times: RefCell<HashMap<Marker, Instant>>,
    recording: Cell<bool>,
}

impl Sends {
    pub fn of(&self, marker: Marker) -> Option<Instant> {
        self.times.borrow().get(&marker).copied()
    }

    /// Whether what happens now counts.
    pub fn is_recording(&self) -> bool {
        self.recording.get()
    }
}

pub struct Outcome {
    pub elapsed: Duration,
    pub messages: u64,
    pub deliveries: u64,
    /// From sending to the last delivery.
    pub latencies: Latencies,
    pub before: Counters,
    pub after: Counters,
}

impl Outcome {
    pub fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.elapsed.as_secs_f64()
    }

    /// What one of `count` cost the server in processor time, in microseconds. Other programs on the machine disturb
    /// this figure least.
    pub fn cost(&self, count: u64) -> Option<f64> {
        let seconds = self.after.server_seconds? - self.before.server_seconds?;
        Some(seconds * 1e6 / count.max(1) as f64)
    }

    /// Processors used on average.
    pub fn processors(&self, of: impl Fn(&Counters) -> Option<f64>) -> Option<f64> {
        Some((of(&self.after)? - of(&self.before)?) / self.elapsed.as_secs_f64())
    }
}

pub async fn run(plan: Plan<'_>, warmup: Duration, measure: Duration) -> Result<Outcome> {
    let board = Rc::new(Board::new(plan.letters.len(), plan.copies, plan.sends));
    let sockets = cast::sockets(plan.server, plan.receivers).await?;
    // Dropped at the end: dropping a `JoinSet` ends its tasks.
    let mut listening = JoinSet::new();
    let outgoing: Vec<Outgoing> = sockets.iter().map(Socket::outgoing).collect();
    listening.spawn_local(socket::keep_alive(outgoing));
    for socket in sockets {
        listening.spawn_local(receive(socket, Rc::clone(&board)));
    }
    let mut sending = JoinSet::new();
    for (lane, letter) in plan.letters.into_iter().enumerate() {
        let http = Http::open(plan.server.target).await?;
        sending.spawn_local(send(lane, http, letter, Rc::clone(&board)));
    }

    watch(&board, warmup).await?;
    let before = plan.server.read();
    board.begin_recording();
    let begun = Instant::now();
    watch(&board, measure).await?;
    let elapsed = begun.elapsed();
    board.record(false);
    let after = plan.server.read();

    board.stopping.set(true);
    let ended = timeout(PATIENCE, async { while sending.join_next().await.is_some() {} }).await;
    board.check()?;
    if ended.is_err() {
        return Err("messages were still missing after the end".into());
    }
    Ok(Outcome {
        elapsed,
        messages: board.messages.get(),
        deliveries: board.deliveries.get(),
        latencies: Latencies::new(board.latencies.take()),
        before,
        after,
    })
}

/// Lets the traffic flow for a while, unless it fails or stops.
async fn watch(board: &Board, duration: Duration) -> Result<()> {
    let end = Instant::now() + duration;
    let mut progress = (board.progress.get(), Instant::now());
    loop {
        board.check()?;
        let now = Instant::now();
        if board.progress.get() != progress.0 {
            progress = (board.progress.get(), now);
        } else if now - progress.1 > PATIENCE {
            return Err(format!("nothing was delivered for {PATIENCE:?}").into());
        }
        if now >= end {
            return Ok(());
        }
        sleep((end - now).min(Duration::from_millis(250))).await;
    }
}

async fn send(lane: usize, mut http: Http, mut letter: Letter, board: Rc<Board>) {
    for sequence in 1.. {
        if board.stopping.get() {
            return;
        }
        let request = letter.mark(Marker { lane, sequence });
        board.begin(lane, sequence);
        match http.exchange(request).await {
            Ok(reply) if reply.status == 200 => {}
            Ok(reply) => {
                return board.fail(format!("a message was refused: {} {}", reply.status, reply.text()));
            }
            Err(error) => return board.fail(format!("while sending: {error}")),
        }
        board.delivered_everywhere(lane).await;
    }
}

async fn receive(mut socket: Socket, board: Rc<Board>) {
    let mut hint = 0;
    loop {
        let input = socket.frames(|frame| {
            if let Some(marker) = Marker::find(frame, &mut hint) {
                board.deliver(marker);
            }
        });
        if let Err(error) = input.await {
            return board.fail(format!("while receiving: {error}"));
        }
    }
}

/// What is on its way, and what has arrived.
struct Board {
    flights: Vec<Flight>,
    copies: u32,
    sends: Option<Rc<Sends>>,
    stopping: Cell<bool>,
    recording: Cell<bool>,
    progress: Cell<u64>,
    messages: Cell<u64>,
    deliveries: Cell<u64>,
    latencies: RefCell<Vec<u32>>,
    failure: RefCell<Option<String>>,
}

struct Flight {
    sequence: Cell<u32>,
    missing: Cell<u32>,
    sent: Cell<Instant>,
    waiting: Cell<Option<Waker>>,
}

impl Board {
    fn new(lanes: usize, copies: u32, sends: Option<Rc<Sends>>) -> Self {
        let flight = || Flight {
            sequence: Cell::new(0),
            missing: Cell::new(0),
            sent: Cell::new(Instant::now()),
            waiting: Cell::new(None),
        };
        Self {
            flights: (0..lanes).map(|_| flight()).collect(),
            copies,
            sends,
            stopping: Cell::new(false),
            recording: Cell::new(false),
            progress: Cell::new(0),
            messages: Cell::new(0),
            deliveries: Cell::new(0),
            latencies: RefCell::new(Vec::with_capacity(1 << 17)),
            failure: RefCell::new(None),
        }
    }

    fn begin_recording(&self) {
        self.messages.set(0);
        self.deliveries.set(0);
        self.latencies.borrow_mut().clear();
        self.record(true);
    }

    fn record(&self, recording: bool) {
        self.recording.set(recording);
        if let Some(sends) = &self.sends {
            sends.recording.set(recording);
        }
    }

    fn begin(&self, lane: usize, sequence: u32) {
        let flight = &self.flights[lane];
        flight.sequence.set(sequence);
        flight.missing.set(self.copies);
        flight.sent.set(Instant::now());
        if let Some(sends) = &self.sends {
            sends.times.borrow_mut().insert(Marker { lane, sequence }, Instant::now());
        }
    }

    fn deliver(&self, marker: Marker) {
        let Some(flight) = self.flights.get(marker.lane) else {
            return self.fail(format!("a message nobody sent: {marker:?}"));
        };
        if flight.sequence.get() != marker.sequence || flight.missing.get() == 0 {
            return self.fail(format!("delivered once too often: {marker:?}"));
        }
        flight.missing.set(flight.missing.get() - 1);
        self.progress.set(self.progress.get() + 1);
        if self.recording.get() {
            self.deliveries.set(self.deliveries.get() + 1);
        }
        if flight.missing.get() > 0 {
            return;
        }
        if self.recording.get() {
            self.messages.set(self.messages.get() + 1);
            let latency = flight.sent.get().elapsed().as_micros() as u32;
            self.latencies.borrow_mut().push(latency);
        }
        if let Some(waker) = flight.waiting.take() {
            waker.wake();
        }
    }

    async fn delivered_everywhere(&self, lane: usize) {
        let flight = &self.flights[lane];
        poll_fn(|context| {
            if flight.missing.get() == 0 {
                return Poll::Ready(());
            }
            flight.waiting.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// The first failure counts: the others follow from it.
    fn fail(&self, reason: String) {
        self.failure.borrow_mut().get_or_insert(reason);
    }

    fn check(&self) -> Result<()> {
        match &*self.failure.borrow() {
            Some(reason) => Err(reason.clone().into()),
            None => Ok(()),
        }
    }
}

/// A message ready for sending, in which only the marker changes.
pub struct Letter {
    request: Vec<u8>,
    marks: Vec<usize>,
}

impl Letter {
    pub fn to_user(server: &Server, sender: &User, receiver: &User) -> Self {
        Self::new(server, sender, "user", &receiver.uid)
    }

    pub fn to_group(server: &Server, sender: &User, guid: &str) -> Self {
        Self::new(server, sender, "group", guid)
    }

    fn new(server: &Server, sender: &User, receiver_type: &str, receiver: &str) -> Self {
        let template = marker::TEMPLATE;
        let body = serde_json::json!({
            "receiver": receiver, "receiverType": receiver_type, "category": "message", "type": "text",
            "data": {"text": format!("{template} shall we meet at the usual place at seven?")},
            // Unlike that of any other lane: a server takes a known muid of the same sender for a retry.
            "muid": format!("{}-{template}", cast::unique()),
        });
        let who = [("appId", server.app.id.as_str()), ("authToken", sender.token.as_str())];
        let request = http::request("POST", "/v3/messages", &who, &body.to_string());
        let marks = request
            .windows(template.len())
            .enumerate()
            .filter(|(_, bytes)| *bytes == template.as_bytes())
            .map(|(at, _)| at)
            .collect();
        Self { request, marks }
    }

    pub fn mark(&mut self, marker: Marker) -> &[u8] {
        for at in &self.marks {
            marker.write(&mut self.request[*at..]);
        }
        &self.request
    }
}

/// Latencies in microseconds, sorted.
pub struct Latencies(Vec<u32>);

impl Latencies {
    pub fn new(mut microseconds: Vec<u32>) -> Self {
        microseconds.sort_unstable();
        Self(microseconds)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds; `None` when nothing was measured.
    pub fn percentile(&self, percent: usize) -> Option<f64> {
        let index = (self.0.len() * percent / 100).min(self.0.len().checked_sub(1)?);
        Some(f64::from(self.0[index]) / 1000.0)
    }
}
