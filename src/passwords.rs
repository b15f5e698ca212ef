//! Passwords chosen by people: argon2id, on a few threads of its own that keep their memory.
//!
//! One hash fills 19 MiB and takes tens of milliseconds on purpose. On whichever thread is free, the allocator would keep
//! such a block for each thread that ever did it; here there are as many blocks as threads, made when they are first
//! needed and used again from then on. What waits is bounded; who has gone meanwhile is passed over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

use crate::model::error::{Code, Error, Result};
use crate::watch::meter::Counter;

/// Bytes of a salt: what the argon2 specification recommends.
const SALT: usize = 16;

/// More KiB than any hash made here asks for; one that does is not ours.
const MOST_MEMORY: usize = 64 * 1024;

type Work = Box<dyn FnOnce(&mut Hasher) + Send>;

/// A handle to the threads; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    queue: SyncSender<Work>,
    /// How many were refused because too many waited.
    pub refused: Arc<Counter>,
}

impl Passwords {
    /// `threads`: hashes computed at the same time. `waiting`: how many may wait; more are refused.
    pub fn new(threads: usize, waiting: usize) -> std::io::Result<Self> {
        let (queue, work) = sync_channel(waiting);
        let work = Arc::new(Mutex::new(work));
        for number in 0..threads.max(1) {
            let work = work.clone();
            std::thread::Builder::new().name(format!("password-{number}")).spawn(move || serve(&work))?;
        }
        Ok(Passwords { queue, refused: Arc::default() })
    }

    /// The password's argon2id hash in PHC form, with a salt of its own.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move |hasher| hasher.hash(&password)).await
    }

    /// Whether the password fits the hash. Without a hash it does not, and that takes as long.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.run(move |hasher| match hash {
            Some(hash) => Ok(hasher.verify(&password, &hash)),
            None => hasher.hash(&password).map(|_| false),
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Hasher) -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, waiting) = oneshot::channel();
        let work: Work = Box::new(move |hasher| {
            if !answer.is_closed() {
                let _ = answer.send(work(hasher));
            }
        });
        let full = |_| {
            self.refused.one();
            Error::new(Code::Busy, "Too many passwords are waiting to be checked; try again.")
        };
        self.queue.try_send(work).map_err(full)?;
        waiting.await.map_err(|_| Error::from(Code::Busy))?
    }
}

/// Works until nobody can ask any more.
fn serve(queue: &Mutex<Receiver<Work>>) {
    let mut hasher = Hasher { memory: Vec::new() };
    loop {
        let next = queue.lock().unwrap_or_else(|e| e.into_inner()).recv();
        let Ok(work) = next else { return };
        if catch_unwind(AssertUnwindSafe(|| work(&mut hasher))).is_err() {
            log::error!("passwords: a hash panicked");
        }
    }
}

/// The memory of one thread.
struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    fn hash(&mut self, password: &str) -> Result<String> {
        let failed = |e: &dyn std::fmt::Display| Error::internal("argon2", e);
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|e| failed(&e))?;
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        self.fill(&Argon2::default(), password, &salt, &mut out).map_err(|e| failed(&e))?;
        let hash = PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: ParamsString::try_from(&Params::default()).map_err(|e| failed(&e))?,
            salt: Some(Salt::new(&salt).map_err(|e| failed(&e))?),
            hash: Some(Output::new(&out).map_err(|e| failed(&e))?),
        };
        Ok(hash.to_string())
    }

    fn verify(&mut self, password: &str, hash: &str) -> bool {
        self.computed(password, hash).is_some_and(|(is, should)| bool::from(is.ct_eq(&should)))
    }

    /// What the password gives with salt and cost of the hash, and what it should.
    fn computed(&mut self, password: &str, hash: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let hash = PasswordHash::new(hash).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let (salt, should) = (hash.salt?, hash.hash?.as_ref().to_vec());
        let mut is = vec![0; should.len()];
        self.fill(&Argon2::new(algorithm, version, params), password, salt.as_ref(), &mut is).ok()?;
        Some((is, should))
    }

    fn fill(&mut self, argon2: &Argon2<'_>, password: &str, salt: &[u8], out: &mut [u8]) -> argon2::Result<()> {
        let blocks = argon2.params().block_count();
        if blocks > MOST_MEMORY {
            return Err(argon2::Error::MemoryTooMuch);
        }
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, self.memory.as_mut_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(passwords: &Passwords) -> std::sync::mpsc::Sender<()> {
        let (go, wait) = std::sync::mpsc::channel();
        let work: Work = Box::new(move |_| _ = wait.recv());
        passwords.queue.try_send(work).ok().unwrap();
        go
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(2, 8).unwrap();
        let hash = passwords.hash("sesame".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("sesame".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("Sesame".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("sesame".into(), None).await.unwrap());
        assert_ne!(hash, passwords.hash("sesame".into()).await.unwrap());
        for odd in ["", "$argon2id$", "plain", "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"] {
            assert!(!passwords.verify("sesame".into(), Some(odd.into())).await.unwrap(), "{odd}");
        }
        // The way hashes were checked before, and one made then.
        use argon2::password_hash::PasswordVerifier;
        assert!(Argon2::default().verify_password(b"sesame", hash.as_str()).is_ok());
        use argon2::password_hash::PasswordHasher;
        let older = Argon2::default().hash_password(b"old").unwrap().to_string();
        assert!(passwords.verify("old".into(), Some(older)).await.unwrap());
    }

    #[tokio::test]
    async fn what_waits_is_bounded_and_who_left_is_passed_over() {
        let passwords = Passwords::new(1, 2).unwrap();
        let go = blocked(&passwords);
        // The thread has taken it once there is room for two again.
        let mut waiting = Vec::new();
        while waiting.len() < 2 {
            let (passwords, password) = (passwords.clone(), "x".to_owned());
            let mut asked = Box::pin(async move { passwords.hash(password).await });
            let polled = futures_util::poll!(&mut asked);
            match polled {
                std::task::Poll::Pending => waiting.push(asked),
                std::task::Poll::Ready(_) => std::thread::yield_now(),
            }
        }
        let refused = passwords.hash("y".into()).await.unwrap_err();
        assert_eq!(refused.code, Code::Busy);
        let last = waiting.pop().unwrap();
        drop(waiting);
        go.send(()).unwrap();
        assert!(last.await.is_ok());
    }
}
