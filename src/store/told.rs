//! Who hears that there is more in the outbox: those who send an app's events hear of that app alone, so that an event of
//! one wakes nobody of another; and whoever keeps them hears that webhooks changed. Whoever asks engines about messages hears
//! that more of them are pending.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

/// The writer tells, after each commit.
#[derive(Default)]
pub struct Told {
    /// By apps.id; only those that somebody listens to.
    apps: Mutex<HashMap<i64, watch::Sender<()>>>,
    webhooks: watch::Sender<()>,
    asks: watch::Sender<()>,
    /// Nothing more is to be sent.
    ends: AtomicBool,
    /// How often the database became another one, counted at both ends: an odd number while it becomes one.
    times: AtomicU64,
    /// Requests that are being sent, and what came back that is being noted.
    under_way: Arc<AtomicUsize>,
    /// How often everybody was to look again, and who looks: since which of these times each has.
    wakes: AtomicU64,
    looks: Arc<Mutex<HashMap<u64, u64>>>,
    lookers: AtomicU64,
}

/// Somebody who looks whenever everybody is to, until this is dropped.
pub struct Looker {
    number: u64,
    looks: Arc<Mutex<HashMap<u64, u64>>>,
}

impl Looker {
    /// It has looked, and begun whatever can be begun, since everybody was to look for the n-th time.
    pub fn looked(&self, wakes: u64) {
        self.looks.lock().unwrap_or_else(|e| e.into_inner()).insert(self.number, wakes);
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.looks.lock().unwrap_or_else(|e| e.into_inner()).remove(&self.number);
    }
}

/// Something is being sent or noted, until this is dropped.
pub struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Told {
    /// Changes whenever there may be more to send of the app (apps.id), or otherwise.
    pub fn of_app(&self, app: i64) -> watch::Receiver<()> {
        self.apps().entry(app).or_default().subscribe()
    }

    /// Changes whenever webhooks may have changed, of whichever app.
    pub fn of_webhooks(&self) -> watch::Receiver<()> {
        self.webhooks.subscribe()
    }

    /// Changes whenever there may be more messages about which engines are to be asked.
    pub fn of_asks(&self) -> watch::Receiver<()> {
        self.asks.subscribe()
    }

    /// Nothing more is to be sent: the server stops. Who listens hears of it.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Release);
        self.changed();
    }

    pub fn ends(&self) -> bool {
        self.ends.load(Ordering::Acquire)
    }

    /// Everybody looks again: the time is another one. For the how manieth time.
    pub fn wake(&self) -> u64 {
        let wakes = self.wakes.fetch_add(1, Ordering::AcqRel) + 1;
        self.changed();
        wakes
    }

    /// How often everybody was to look; asked for before looking.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Acquire)
    }

    /// Somebody more, who has not looked yet.
    pub fn looker(&self) -> Looker {
        let number = self.lookers.fetch_add(1, Ordering::AcqRel);
        let looker = Looker { number, looks: self.looks.clone() };
        looker.looked(0);
        looker
    }

    /// Whether all have looked since then.
    pub fn all_looked(&self, wakes: u64) -> bool {
        self.looks.lock().unwrap_or_else(|e| e.into_inner()).values().all(|looked| *looked >= wakes)
    }

    /// The database becomes another one, and has become it: told at both ends. What anybody knows of its rows is of rows that
    /// were, and what they would write of them is not written any more ([`Told::is_still`]).
    pub(super) fn begin_anew(&self) {
        self.times.fetch_add(1, Ordering::AcqRel);
        self.changed();
    }

    /// Which database it is; who finds another number than before begins anew.
    pub fn times(&self) -> u64 {
        self.times.load(Ordering::Acquire)
    }

    /// Whether it is the same database still. Asked by the writer, it holds for what is written then.
    pub fn is_still(&self, times: u64) -> bool {
        !self.is_between() && self.times() == times
    }

    /// Which database it is, once it has become it.
    pub async fn settled(&self) -> u64 {
        while self.is_between() {
            let mut changed = self.of_webhooks();
            // Whoever makes it another one tells of it afterwards.
            if self.is_between() {
                let _ = changed.changed().await;
            }
        }
        self.times()
    }

    /// Whether it just becomes another: nobody begins anything now.
    pub fn is_between(&self) -> bool {
        self.times() % 2 == 1
    }

    /// Something is being sent, or noted.
    pub fn one_more(&self) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(self.under_way.clone())
    }

    /// How much of that there is.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Acquire)
    }

    /// There is more to send of these apps.
    pub(super) fn grown(&self, grown: impl IntoIterator<Item = i64>) {
        let apps = self.apps();
        for app in grown {
            if let Some(told) = apps.get(&app) {
                told.send_replace(());
            }
        }
    }

    /// More messages are pending.
    pub(super) fn pending(&self) {
        self.asks.send_replace(());
    }

    /// Webhooks changed, or somebody else wrote: whatever anybody knows may be otherwise.
    pub(super) fn changed(&self) {
        let mut apps = self.apps();
        apps.retain(|_, told| told.receiver_count() > 0);
        apps.values().for_each(|told| told.send_replace(()));
        self.webhooks.send_replace(());
        self.asks.send_replace(());
    }

    fn apps(&self) -> MutexGuard<'_, HashMap<i64, watch::Sender<()>>> {
        self.apps.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_wakes_nobody_of_another() {
        let told = Told::default();
        let (mut one, mut two, mut hooks) = (told.of_app(1), told.of_app(2), told.of_webhooks());
        let mut woken = || {
            [&mut one, &mut two, &mut hooks].map(|told| {
                let changed = told.has_changed().expect("open");
                told.mark_unchanged();
                changed
            })
        };
        assert_eq!(woken(), [false; 3]);
        told.grown([1, 3]);
        assert_eq!(woken(), [true, false, false]);
        told.changed();
        assert_eq!(woken(), [true; 3]);
        drop((one, two));
        told.changed();
        assert!(told.apps().is_empty(), "nobody listens to them");
    }
}
