//! The end of a store that can vouch for nothing more: why, told once, and heard by whoever waits for it.

use std::sync::OnceLock;

use tokio::sync::Notify;

/// Why the store stopped by itself, once it has.
#[derive(Default)]
pub struct Failure {
    why: OnceLock<String>,
    told: Notify,
}

impl Failure {
    /// Says why; only the first word counts.
    pub fn tell(&self, why: impl Into<String>) {
        let why = why.into();
        let line = why.clone();
        if self.why.set(why).is_ok() {
            log::error!("{line}");
            self.told.notify_waiters();
        }
    }

    /// Whether it has happened. Costs no more than a look at memory.
    pub fn happened(&self) -> bool {
        self.why.get().is_some()
    }

    /// Waits until it happens; on a sound store, for ever.
    pub async fn wait(&self) -> String {
        loop {
            let mut told = std::pin::pin!(self.told.notified());
            // Listening before looking: what is told between the two is not missed.
            told.as_mut().enable();
            if let Some(why) = self.why.get() {
                return why.clone();
            }
            told.await;
        }
    }
}
