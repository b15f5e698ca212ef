//! Passwords chosen by people: argon2id, off the request threads, a few at a time.
//!
//! One hash takes about 19 MiB and tens of milliseconds on purpose; without a bound a burst of joins would take the
//! machine's memory and every core.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::model::error::{Error, Result};

#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// `parallel`: hashes computed at the same time.
    pub fn new(parallel: usize) -> Self {
        Passwords { permits: Arc::new(Semaphore::new(parallel.max(1))) }
    }

    /// The password's argon2id hash in PHC form, with a salt of its own.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|e| Error::internal("argon2", e))
        })
        .await
    }

    /// Whether the password fits the hash.
    pub async fn verify(&self, password: String, hash: String) -> Result<bool> {
        self.run(move || Ok(Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok())).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _permit = self.permits.acquire().await.map_err(|e| Error::internal("argon2", e))?;
        tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("argon2", e))?
    }
}
