//! Pages of a long conversation of two, as a client scrolls back through it (`walk`) or jumps to a place (`jump`).
//! The conversation is written through the API with many messages in flight, which is reported as `seed`.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::{
    Options, Result, cast,
    cast::User,
    http::{self, Http},
    marker::Marker,
    report::{Finding, findings},
    subject::{Counters, Server, Subject},
    traffic::{Latencies, Letter},
};

const PAGE: usize = 50;
const SEED_LANES: usize = 64;

pub async fn run(subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
    let server = subject.start()?;
    let users = cast::users(&server, 2).await?;
    let (ann, bob) = (&users[0], &users[1]);

    let begun = Instant::now();
    let ids = seed(&server, ann, bob, options.messages).await?;
    let seeded = ids.len() as f64 / begun.elapsed().as_secs_f64();
    let mut all = findings(format!("history of {}", ids.len()), [("seed", "msg/s", Some(seeded))]);

    let book = Book { server: &server, reader: ann, other: bob, ids };
    book.check().await?;
    for course in [Course::Walk, Course::Jump] {
        for &readers in &options.readers {
            let reading = Reading::default();
            let before = server.read();
            let begun = Instant::now();
            let from = begun + options.warmup();
            let until = from + options.measure();
            try_join_all((0..readers).map(|reader| book.read(course, reader, &reading, from..until))).await?;
            let elapsed = begun.elapsed().as_secs_f64();
            let after = server.read();
            let used = |of: fn(&Counters) -> Option<f64>| Some(of(&after)? - of(&before)?);
            let (server_used, generator_used) = (used(|at| at.server_seconds), used(|at| at.generator_seconds));
            let latencies = Latencies::new(reading.latencies.take());
            all.extend(findings(
                format!("history {} x{readers}", course.name()),
                [
                    ("pages", "1/s", Some(latencies.count() as f64 / options.seconds)),
                    ("latency p50", "ms", latencies.percentile(50)),
                    ("latency p99", "ms", latencies.percentile(99)),
                    (
                        "server, each",
                        "us",
                        server_used.map(|seconds| seconds * 1e6 / reading.fetched.get().max(1) as f64),
                    ),
                    ("server", "cpus", server_used.map(|seconds| seconds / elapsed)),
                    ("generator", "cpus", generator_used.map(|seconds| seconds / elapsed)),
                ],
            ));
        }
    }
    Ok(all)
}

/// Both write to each other until there are `count` messages; their ids, rising.
async fn seed(server: &Server, ann: &User, bob: &User, count: usize) -> Result<Vec<u64>> {
    let left = Cell::new(count);
    let parts = try_join_all((0..SEED_LANES).map(|lane| {
        let left = &left;
        let (sender, receiver) = if lane % 2 == 0 { (ann, bob) } else { (bob, ann) };
        let mut letter = Letter::to_user(server, sender, receiver);
        async move {
            let mut http = Http::open(server.target).await?;
            let mut ids = Vec::new();
            for sequence in 1.. {
                let Some(rest) = left.get().checked_sub(1) else {
                    break;
                };
                left.set(rest);
                let reply = http.exchange(letter.mark(Marker { lane, sequence })).await?;
                let id = first_id(&reply.body).filter(|_| reply.status == 200);
                ids.push(id.ok_or_else(|| format!("while seeding: {} {}", reply.status, reply.text()))?);
            }
            Result::Ok(ids)
        }
    }))
    .await?;
    let mut ids: Vec<u64> = parts.into_iter().flatten().collect();
    ids.sort_unstable();
    Ok(ids)
}

#[derive(Clone, Copy)]
enum Course {
    /// Page after page back to the beginning, then again from the end.
    Walk,
    /// Each page from another random place.
    Jump,
}

impl Course {
    fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Jump => "jump",
        }
    }
}

struct Book<'a> {
    server: &'a Server,
    reader: &'a User,
    other: &'a User,
    ids: Vec<u64>,
}

#[derive(Default)]
struct Reading {
    /// Pages, those before measuring began included.
    fetched: Cell<u64>,
    latencies: RefCell<Vec<u32>>,
}

impl Book<'_> {
    async fn read(
        &self,
        course: Course,
        reader: usize,
        reading: &Reading,
        time: std::ops::Range<Instant>,
    ) -> Result<()> {
        let mut http = Http::open(self.server.target).await?;
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (reader as u64 + 1));
        let mut before = Some(self.anywhere(&mut random));
        loop {
            let begun = Instant::now();
            if begun >= time.end {
                return Ok(());
            }
            let reply = http.exchange(&self.page_before(before)).await?;
            let latency = begun.elapsed();
            let first = first_id(&reply.body);
            if reply.status != 200 {
                return Err(format!("a page was refused: {} {}", reply.status, reply.text()).into());
            }
            reading.fetched.set(reading.fetched.get() + 1);
            if begun >= time.start {
                reading.latencies.borrow_mut().push(micros(latency));
            }
            before = match course {
                Course::Jump => Some(self.anywhere(&mut random)),
                // At the beginning it starts over from the newest.
                Course::Walk => match (first, before) {
                    (Some(first), Some(before)) if first >= before => {
                        return Err(format!("the page before {before} begins with {first}").into());
                    }
                    (first, _) => first,
                },
            };
        }
    }

    /// The id before which a full page lies.
    fn anywhere(&self, random: &mut Random) -> u64 {
        let pages = self.ids.len().saturating_sub(PAGE).max(1);
        self.ids[(PAGE + random.below(pages)).min(self.ids.len() - 1)]
    }

    fn page_before(&self, id: Option<u64>) -> Vec<u8> {
        let mut path = format!("/v3/users/{}/messages?limit={PAGE}&affix=prepend", self.other.uid);
        if let Some(id) = id {
            path += &format!("&id={id}");
        }
        let who = [("appId", self.server.app.id.as_str()), ("authToken", self.reader.token.as_str())];
        http::request("GET", &path, &who, "")
    }

    /// Reads one page with care, since all others are only glanced at: the right messages, oldest first.
    async fn check(&self) -> Result<()> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Message>,
        }
        #[derive(Deserialize)]
        struct Message {
            id: String,
        }

        let middle = self.ids.len() / 2;
        let mut http = Http::open(self.server.target).await?;
        let reply = http.exchange(&self.page_before(Some(self.ids[middle]))).await?;
        let page: Page = serde_json::from_slice(&reply.body)
            .map_err(|error| format!("no page of history ({error}): {}", reply.text()))?;
        let found: Vec<u64> = page.data.iter().filter_map(|message| message.id.parse().ok()).collect();
        if found != self.ids[middle.saturating_sub(PAGE)..middle] {
            return Err(format!("a wrong page of history: {found:?}").into());
        }
        Ok(())
    }
}

fn micros(duration: Duration) -> u32 {
    duration.as_micros().try_into().unwrap_or(u32::MAX)
}

/// The id of the first message in the answer, found without parsing it: the `"id"` is among its first fields.
fn first_id(body: &[u8]) -> Option<u64> {
    const KEY: &[u8] = br#""id":""#;
    let at = body.windows(KEY.len()).position(|bytes| bytes == KEY)? + KEY.len();
    let length = body[at..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[at..at + length]).ok()?.parse().ok()
}

/// Xorshift: good enough for choosing places, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
