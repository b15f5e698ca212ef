//! What is done beside the requests, each at its own pace: rows of what was deleted are removed, calls ended that nobody is
//! in, new messages put into the search index, files forgotten that nothing shows, and what has become due is done.
//!
//! Each is a small step that asks first whether there is anything to do, so an idle server writes nothing. A server repeats
//! them ([`all`]); a test does one [`round`] when it wants to.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::actions;
use crate::engines;
use crate::media::Media;
use crate::model::error::Result;
use crate::model::limits::Limits;
use crate::out;
use crate::outgoing::Outgoing;
use crate::previews::Previews;
use crate::store::erasures::Need;
use crate::store::extensions::due;
use crate::store::{Lane, Store, Write, apps, attachments, clock, kept, metrics, purge, search};

/// How often the server looks for what was deleted and has rows left, and for calls that nobody is in.
const SWEEP: Duration = Duration::from_secs(1);
/// How often new messages are looked for that wait for the search index.
const INDEX: Duration = Duration::from_secs(1);

/// How often the log says that events went untold.
const SAY: Duration = Duration::from_secs(3600);

/// How often files are looked for that nothing shows any more, and how many go at a time.
const MEDIA_SWEEP: Duration = Duration::from_secs(60);
const SWEEP_FILES: i64 = 100;

/// How long after a panic a chore begins anew.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub type Chore = Pin<Box<dyn Future<Output = ()>>>;

/// What chores need. `sooner` is told when something has become due before what was due next.
#[derive(Clone)]
pub struct Needs {
    pub store: Store,
    pub limits: Arc<Limits>,
    pub media: Media,
    pub sooner: Arc<Notify>,
    pub outgoing: Outgoing,
    /// Where messages with links are handed in, if their previews are fetched.
    pub previews: Option<Previews>,
    /// Where clients find this server, for those who are told of files.
    pub base: String,
    /// Nobody outside is told anything.
    pub holds: bool,
}

/// Tells those outside, until [`Told::end`](crate::store::Told::end).
pub fn telling(needs: &Needs) -> Chore {
    if needs.holds {
        return Box::pin(std::future::ready(()));
    }
    let needs = needs.clone();
    lasting(AGAIN, move || {
        let Needs { store, outgoing, limits, base, .. } = needs.clone();
        Box::pin(out::keep(out::Needs::new(store, &outgoing, limits, &base)))
    })
}

/// Everything else there is to do.
pub fn all(needs: &Needs) -> Vec<Chore> {
    let chores: [fn(Needs) -> Chore; 8] = [
        |Needs { store, outgoing, previews, base, holds, .. }| {
            Box::pin(engines::keep(engines::Needs::new(store, &outgoing, previews, base, holds)))
        },
        |Needs { store, limits, .. }| Box::pin(sweep(store, limits.app_grace)),
        |Needs { store, limits, .. }| Box::pin(sweep_calls(store, limits)),
        |Needs { store, .. }| Box::pin(keep_indexed(store)),
        |Needs { store, media, .. }| Box::pin(keep_swept(store, media)),
        |Needs { store, sooner, limits, .. }| Box::pin(keep_due(store, sooner, limits)),
        |Needs { store, limits, .. }| Box::pin(keep_bounded(store, limits)),
        |Needs { store, media, limits, .. }| Box::pin(keep_erasing(store, media, limits.compact_bytes)),
    ];
    let lasting = |chore: fn(Needs) -> Chore| {
        let needs = needs.clone();
        lasting(AGAIN, move || chore(needs.clone()))
    };
    chores.into_iter().map(lasting).collect()
}

/// A chore that begins anew a while after it panicked (the log has told of it): a server that runs for years must not go on
/// without one of them.
fn lasting(again: Duration, make: impl Fn() -> Chore + 'static) -> Chore {
    Box::pin(async move {
        while AssertUnwindSafe(make()).catch_unwind().await.is_err() {
            tokio::time::sleep(again).await;
        }
    })
}

/// Does all that is to be done now.
pub async fn round(store: &Store, limits: &Arc<Limits>, media: &Media) -> Result<()> {
    sweep_once(store, limits.app_grace).await;
    sweep_calls_once(store, limits).await;
    bound_events(store, limits).await;
    index_all(store).await?;
    while due_once(store, limits).await.is_none() {}
    sweep_files(store, media).await?;
    while erase_once(store, media, limits.compact_bytes).await? {
        sweep_once(store, limits.app_grace).await;
        index_all(store).await?;
    }
    Ok(())
}

/// As [`keep_indexed`] does it, by what waits.
async fn index_all(store: &Store) -> Result<()> {
    while store.read(search::waiting).await? > 0 {
        store.write_in(Lane::Low, "search.index", |tx| search::index(tx, search::CHUNK)).await?;
    }
    Ok(())
}

/// Removes the rows of what was deleted, piece by piece, while there is nothing better to write.
async fn sweep(store: Store, grace: i64) {
    loop {
        sweep_once(&store, grace).await;
        tokio::time::sleep(SWEEP).await;
    }
}

async fn sweep_once(store: &Store, grace: i64) {
    if let Ok(true) = store.read(actions::users::is_due).await {
        let more = |tx: &mut Write<'_>| actions::users::sweep(tx, actions::users::PIECE);
        while let Ok(true) = store.write_in(Lane::Low, "users.sweep", more).await {}
    }
    if let Ok(true) = store.read(actions::retention::is_due).await {
        while let Ok(true) = store.write_in(Lane::Low, "retention.sweep", actions::retention::sweep).await {}
    }
    // What ended and what went of age leave rows behind.
    if let Ok(true) = store.read(purge::any).await {
        let more = |tx: &mut Write<'_>| purge::sweep(tx, purge::PIECE);
        while let Ok(true) = store.write_in(Lane::Low, "gone.sweep", more).await {}
    }
    let due = store.read(move |read| apps::deleted_before(read, read.now() - grace)).await;
    if matches!(due, Ok(Some(_))) {
        let more = move |tx: &mut Write<'_>| actions::apps::sweep(tx, grace);
        while let Ok(true) = store.write_in(Lane::Low, "apps.sweep", more).await {}
    }
    // Noticed first, then noted by a write, then brought back.
    let healing = store.read(clock::is_healing).await;
    if store.clock().has_healed() || matches!(healing, Ok(true)) {
        while let Ok(true) = store.write_in(Lane::Low, "clock.heal", |tx| clock::heal(tx)).await {}
    }
}

/// Takes away what is left of people who were anonymised or erased.
async fn keep_erasing(store: Store, media: Media, most: u64) {
    loop {
        match erase_once(&store, &media, most).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => log::warn!("erasing: {error}"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Whether anything could be done. `most`: bytes of a database that is put together anew while people write.
async fn erase_once(store: &Store, media: &Media, most: u64) -> Result<bool> {
    match store.read(actions::erasures::need).await? {
        None | Some(Need::Wait) => return Ok(false),
        Some(Need::Write) => while store.write_in(Lane::Low, "users.erase", actions::erasures::sweep).await? {},
        Some(Need::Files) => sweep_files(store, media).await?,
        Some(Need::Compact) => {
            if store.read(metrics::database_bytes).await?.unsigned_abs() > most {
                // `hobnob compact` does it when there is time.
                return Ok(false);
            }
            store.compact().await?;
            store.write_in(Lane::Low, "users.compacted", actions::erasures::compacted).await?;
        }
        Some(Need::Log) => {
            if !store.empty_log().await? {
                return Ok(false);
            }
            store.write_in(Lane::Low, "users.erased", actions::erasures::finish).await?;
        }
    }
    Ok(true)
}

/// Removes events that are too old or too many, and says at times how many of them nobody was told of.
async fn keep_bounded(store: Store, limits: Arc<Limits>) {
    let (mut dropped, mut said) = (0, None::<Instant>);
    loop {
        dropped += bound_events(&store, &limits).await;
        if dropped > 0 && said.is_none_or(|at| at.elapsed() >= SAY) {
            log::warn!("{dropped} events went before a webhook had taken them: they were too old or too many");
            (dropped, said) = (0, Some(Instant::now()));
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// How often something went that had not been told yet.
async fn bound_events(store: &Store, limits: &Limits) -> i64 {
    let bounds = kept::Bounds { age: limits.events_age, bytes: limits.events_bytes };
    let mut dropped = 0;
    if let Ok(true) = store.read(move |read| kept::is_due(read, bounds)).await {
        let more = move |tx: &mut Write<'_>| kept::sweep(tx, bounds);
        while let Ok(Some(some)) = store.write_in(Lane::Low, "events.sweep", more).await {
            dropped += some;
        }
    }
    store.meters().told_dropped.add(dropped.unsigned_abs());
    dropped
}

/// Ends calls that nobody is in any more.
async fn sweep_calls(store: Store, limits: Arc<Limits>) {
    loop {
        sweep_calls_once(&store, &limits).await;
        tokio::time::sleep(SWEEP).await;
    }
}

async fn sweep_calls_once(store: &Store, limits: &Arc<Limits>) {
    let asked = limits.clone();
    if let Ok(true) = store.read(move |read| actions::calls::is_due(read, &asked)).await {
        let limits = limits.clone();
        let more = move |tx: &mut Write<'_>| actions::calls::sweep(tx, &limits);
        while let Ok(true) = store.write_in(Lane::Low, "calls.sweep", more.clone()).await {}
    }
}

/// Feeds the search index while there is nothing better to write; when it has fallen far behind, beside other writes.
async fn keep_indexed(store: Store) {
    let (mut writes, mut since, mut busy) = (store.writes(), Instant::now(), false);
    loop {
        if since.elapsed() >= INDEX {
            let now = store.writes();
            busy = (now - writes) as f64 > search::BUSY as f64 * since.elapsed().as_secs_f64();
            (writes, since) = (now, Instant::now());
        }
        let waiting = store.read(search::waiting).await.unwrap_or(0);
        let far_behind = waiting > search::FAR_BEHIND;
        if waiting > 0 && (far_behind || !busy) {
            let lane = if far_behind { Lane::High } else { Lane::Low };
            if index_once(&store, lane).await {
                continue;
            }
        }
        tokio::time::sleep(INDEX).await;
    }
}

/// Whether there may be more.
async fn index_once(store: &Store, lane: Lane) -> bool {
    let done = store.write_in(lane, "search.index", |tx| search::index(tx, search::CHUNK)).await;
    matches!(done, Ok(false))
}

/// Does what has become due. It reads when the next thing is, and until then only looks at the clock: however much waits
/// costs nothing. `sooner` says that something was put before it.
async fn keep_due(store: Store, sooner: Arc<Notify>, limits: Arc<Limits>) {
    loop {
        let Some(next) = due_once(&store, &limits).await else { continue };
        let come = async {
            while store.clock().now() < next {
                tokio::time::sleep(SWEEP).await;
            }
        };
        tokio::select! {
            () = sooner.notified() => {}
            () = come => {}
        }
    }
}

/// Does some of what is due. `Some`: nothing is before that time.
async fn due_once(store: &Store, limits: &Arc<Limits>) -> Option<i64> {
    let limits = limits.clone();
    let more = move |tx: &mut Write<'_>| actions::extensions::due::sweep(tx, &limits);
    let again = store.clock().now() + 1;
    match store.read(due::next).await {
        Ok(Some(at)) if at < again => store.write_in(Lane::Low, "due.sweep", more).await.is_err().then_some(again),
        Ok(next) => Some(next.unwrap_or(i64::MAX)),
        Err(_) => Some(again),
    }
}

async fn keep_swept(store: Store, media: Media) {
    loop {
        if let Err(error) = sweep_files(&store, &media).await {
            log::warn!("sweeping files: {error}");
        }
        tokio::time::sleep(MEDIA_SWEEP).await;
    }
}

/// Removes the files that no message shows any more or ever showed: each first from the disk, then its row.
pub async fn sweep_files(store: &Store, media: &Media) -> Result<()> {
    loop {
        let due = store.read(|read| attachments::expired(read, SWEEP_FILES)).await?;
        if due.is_empty() {
            return Ok(());
        }
        let (ids, names): (Vec<i64>, Vec<String>) = due.into_iter().unzip();
        media.remove(names).await?;
        store.write_in(Lane::Low, "attachments.forget", move |tx| attachments::forget(tx, &ids)).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[tokio::test]
    async fn a_chore_that_panics_begins_anew() {
        let begun = Rc::new(Cell::new(0));
        let count = begun.clone();
        let chore = lasting(Duration::ZERO, move || {
            count.set(count.get() + 1);
            let first = count.get() == 1;
            Box::pin(async move { assert!(!first, "the chore's own fault") })
        });
        chore.await;
        assert_eq!(begun.get(), 2);
    }
}
