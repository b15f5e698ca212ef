//! Figures of the server: taken each minute and kept, told as they are now and as they were.
//!
//! What is counted since the start (frames, requests, commits) is told as the difference between two looks; what is in the
//! database or on the disk is looked up. One small write a minute keeps it, in the lane of what may wait.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::web::Data;

use super::Api;
use crate::actions;
use crate::model::error::Result;
use crate::store::figures::{self as rows, ByApp, Figures as Row, HOUR, MINUTE};
use crate::store::{Lane, Read, metrics, search};
use crate::watch::process::Process;

/// How often it is looked whether a minute is over.
const LOOK: Duration = Duration::from_secs(1);

/// What is counted since the start.
#[derive(Clone, Copy, Default)]
struct Counted {
    deliveries: u64,
    requests: u64,
    commits: u64,
    commit_seconds: f64,
}

impl Counted {
    fn look(api: &Api) -> Counted {
        let commit = api.store.meters().commit_time.read();
        let requests = api.requests.tallies().iter().flat_map(|tally| tally.statuses()).map(|(_, count)| count).sum();
        let deliveries = api.hub.meters().deliveries.value();
        Counted { deliveries, requests, commits: commit.count, commit_seconds: commit.sum }
    }
}

/// A look at what is counted.
#[derive(Clone, Copy)]
struct Mark {
    minute: i64,
    taken: Instant,
    counted: Counted,
}

/// The last two looks: what is told of now is of the time since the older one, one minute or two.
#[derive(Default)]
pub struct Figures {
    marks: Mutex<(Option<Mark>, Option<Mark>)>,
    most: Mutex<Most>,
}

/// What comes and goes within a minute, looked at each second: a queue that was long for a while is seen, though it is
/// empty when the minute ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Most {
    sockets: i64,
    online: i64,
    queued: i64,
}

impl Most {
    fn look(api: &Api) -> Most {
        let queued = api.store.queued();
        Most {
            sockets: whole(api.hub.connections()),
            online: whole(api.hub.users_online()),
            queued: whole(queued.high + queued.low),
        }
    }

    /// The larger of each.
    fn or(self, other: Most) -> Most {
        Most {
            sockets: self.sockets.max(other.sockets),
            online: self.online.max(other.online),
            queued: self.queued.max(other.queued),
        }
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How things are now.
pub struct Now {
    /// Each second, in the last minute or two.
    pub messages: f64,
    pub deliveries: f64,
    pub requests: f64,
    /// Milliseconds of a commit with its sync, on average; none: there was none.
    pub commit_millis: Option<f64>,
    pub row: Row,
}

/// What is looked up in the database: messages of a period, bytes of files, and what waits for the search index.
fn stored(read: &Read<'_>, from: i64, to: i64) -> Result<(ByApp, i64, i64)> {
    Ok((rows::messages_of_apps(read, from, to)?, metrics::file_bytes(read)?, search::waiting(read)?))
}

/// The states of now beside what was counted and looked up.
async fn states(api: &Api, (media_bytes, search_backlog): (i64, i64)) -> Row {
    let ((database, wal), Most { sockets, online, queued }) = (api.store.bytes(), Most::look(api));
    // It opens files of the system.
    let process = tokio::task::spawn_blocking(Process::look).await.ok().flatten();
    Row {
        sockets,
        online,
        queued,
        database_bytes: database as i64,
        wal_bytes: wal as i64,
        media_bytes,
        search_backlog,
        memory_bytes: process.map_or(0, |process| process.resident_bytes as i64),
        ..Row::default()
    }
}

impl Figures {
    fn most(&self) -> std::sync::MutexGuard<'_, Most> {
        self.most.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, (Option<Mark>, Option<Mark>)> {
        self.marks.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// How things are now.
pub async fn now(api: &Api) -> Result<Now> {
    let (messages, media, backlog) = api.store.read(|read| stored(read, read.now() - MINUTE + 1, read.now())).await?;
    let row = states(api, (media, backlog)).await;
    let counted = Counted::look(api);
    let since = {
        let marks = api.figures.marks();
        marks.0.or(marks.1)
    };
    let (then, seconds) = match since {
        Some(mark) => (mark.counted, mark.taken.elapsed().as_secs_f64().max(1.0)),
        None => (counted, 1.0),
    };
    let commits = counted.commits.saturating_sub(then.commits);
    let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
    Ok(Now {
        messages: messages.iter().map(|(_, sent)| *sent).sum::<i64>() as f64 / MINUTE as f64,
        deliveries: rate(counted.deliveries, then.deliveries),
        requests: rate(counted.requests, then.requests),
        commit_millis: (commits > 0).then(|| (counted.commit_seconds - then.commit_seconds) * 1e3 / commits as f64),
        row,
    })
}

/// Keeps a row for each minute, for as long as the server runs.
pub async fn keep(api: Data<Api>) {
    loop {
        tick(&api).await;
        tokio::time::sleep(LOOK).await;
    }
}

/// Keeps the minute before, if there is a new one.
async fn tick(api: &Api) {
    let minute = api.store.clock().now() / MINUTE * MINUTE;
    let seen = Most::look(api);
    let mark = Mark { minute, taken: Instant::now(), counted: Counted::look(api) };
    let before = {
        let mut marks = api.figures.marks();
        match marks.1 {
            Some(last) if last.minute == minute => {
                let mut most = api.figures.most();
                *most = most.or(seen);
                return;
            }
            last => {
                *marks = (last, Some(mark));
                last
            }
        }
    };
    // This look is the end of the one and the beginning of the other.
    let most = std::mem::replace(&mut *api.figures.most(), seen).or(seen);
    // The first minute began before the server looked.
    let Some(before) = before else { return };
    if let Err(error) = keep_minute(api, before, mark, most).await {
        log::debug!("figures of a minute were not kept: {error}");
    }
}

async fn keep_minute(api: &Api, before: Mark, now: Mark, most: Most) -> Result<()> {
    let at = before.minute;
    let (messages, media, backlog) = api.store.read(move |read| stored(read, at, at + MINUTE - 1)).await?;
    let (hour, next) = (at / HOUR * HOUR, now.minute / HOUR * HOUR);
    let over = match hour == next {
        true => None,
        false => {
            let of_apps = api.store.read(move |read| rows::messages_of_apps(read, hour, hour + HOUR - 1));
            Some((hour, of_apps.await?))
        }
    };
    let difference = |now: u64, then: u64| i64::try_from(now.saturating_sub(then)).unwrap_or(i64::MAX);
    let commit_time = (now.counted.commit_seconds - before.counted.commit_seconds).max(0.0);
    let row = Row {
        at,
        messages: messages.iter().map(|(_, sent)| sent).sum(),
        deliveries: difference(now.counted.deliveries, before.counted.deliveries),
        requests: difference(now.counted.requests, before.counted.requests),
        commits: difference(now.counted.commits, before.counted.commits),
        commit_us: (commit_time * 1e6) as i64,
        sockets: most.sockets,
        online: most.online,
        queued: most.queued,
        ..states(api, (media, backlog)).await
    };
    api.store.write_in(Lane::Low, "figures.keep", move |tx| actions::figures::keep(tx, &row, over)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_each_is_kept() {
        let looks =
            [(1, 1, 40), (9, 2, 0), (3, 1, 2)].map(|(sockets, online, queued)| Most { sockets, online, queued });
        let most = looks.into_iter().fold(Most::default(), Most::or);
        assert_eq!(most, Most { sockets: 9, online: 2, queued: 40 });
    }
}
