//! Credentials in memory, so that a request need not ask the database who it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use super::Digest;
use crate::model::caller::{Credential, Holder};
use crate::model::role::Role;

/// Credentials by the digest of their secret. Any change to one forgets them all: changes are rare, looks are not.
#[derive(Default)]
pub struct Credentials {
    generation: AtomicU64,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    credentials: HashMap<Digest, Credential>,
    /// One copy of each role's rules for all its logins, by apps.id.
    roles: HashMap<i64, Vec<Arc<Role>>>,
}

impl Known {
    fn clear(&mut self) {
        self.credentials.clear();
        self.roles.clear();
    }

    fn share(&mut self, app: i64, role: Arc<Role>) -> Arc<Role> {
        let known = self.roles.entry(app).or_default();
        if let Some(same) = known.iter().find(|same| ***same == *role) {
            return same.clone();
        }
        known.push(role.clone());
        role
    }
}

impl Credentials {
    /// More than any server has logged in at once; beyond it the map starts anew.
    const MOST: usize = 100_000;

    pub fn find(&self, digest: &Digest) -> (u64, Option<Credential>) {
        let generation = self.generation.load(Ordering::Acquire);
        let known = self.known.read().unwrap_or_else(|e| e.into_inner());
        (generation, known.credentials.get(digest).cloned())
    }

    /// Keeps what was read, unless something changed since `generation`.
    pub fn keep(&self, generation: u64, digest: Digest, mut credential: Credential) {
        let mut known = self.known.write().unwrap_or_else(|e| e.into_inner());
        if self.generation.load(Ordering::Acquire) == generation {
            if known.credentials.len() >= Self::MOST {
                known.clear();
            }
            if let Holder::Token { role, .. } = &mut credential.holder {
                *role = known.share(credential.app.id, role.clone());
            }
            known.credentials.insert(digest, credential);
        }
    }

    pub fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(|e| e.into_inner());
        self.generation.fetch_add(1, Ordering::AcqRel);
        known.clear();
    }
}
