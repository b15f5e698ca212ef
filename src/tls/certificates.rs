//! Which certificate a handshake gets: the one that stands here at that moment.
//!
//! A certificate from an authority is for its names only; whoever asks for another (the server's address, `localhost`)
//! still gets the local one, which is made for those. Proofs for an authority go to nobody but who asks for a proof.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// What there is to choose from. A change holds from the next handshake on.
#[derive(Debug)]
pub struct Certificates {
    /// For names that nothing else is for.
    usual: RwLock<Arc<CertifiedKey>>,
    /// The usual one is the operator's own, not the local authority's.
    usual_is_given: bool,
    granted: RwLock<Option<Granted>>,
    /// By name.
    proofs: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

/// From an authority, for these names.
#[derive(Debug)]
struct Granted {
    names: Vec<String>,
    key: Arc<CertifiedKey>,
}

impl Certificates {
    /// `is_given`: it is the operator's, and not of the local authority.
    pub fn new(usual: CertifiedKey, is_given: bool) -> Self {
        Certificates {
            usual: RwLock::new(Arc::new(usual)),
            usual_is_given: is_given,
            granted: RwLock::default(),
            proofs: RwLock::default(),
        }
    }

    /// Puts another in the place of the usual one.
    pub fn change(&self, usual: CertifiedKey) {
        *self.usual.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(usual);
    }

    /// Uses what an authority gave for these names.
    pub fn grant(&self, names: &[String], key: CertifiedKey) {
        let granted = Granted { names: names.to_vec(), key: Arc::new(key) };
        *self.granted.write().unwrap_or_else(|e| e.into_inner()) = Some(granted);
    }

    /// Shows this to an authority that wants a proof for a name.
    pub fn prove(&self, name: &str, proof: CertifiedKey) {
        self.proofs.write().unwrap_or_else(|e| e.into_inner()).insert(name.to_owned(), Arc::new(proof));
    }

    /// Shows no proofs any more.
    pub fn forget_proofs(&self) {
        self.proofs.write().unwrap_or_else(|e| e.into_inner()).clear();
    }

    /// Whether a client that asked for this name got a certificate that browsers know, or that the operator says is as
    /// good: one that the local authority has not made.
    pub fn is_public(&self, name: Option<&str>) -> bool {
        self.usual_is_given || name.is_some_and(|name| self.granted(name).is_some())
    }

    fn granted(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let granted = self.granted.read().unwrap_or_else(|e| e.into_inner());
        let granted = granted.as_ref()?;
        granted.names.iter().any(|known| known.eq_ignore_ascii_case(name)).then(|| granted.key.clone())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        // Alone in the list, and for no other purpose (RFC 8737, section 3).
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.next() == Some(super::PROOF) && protocols.next().is_none() {
            let proofs = self.proofs.read().unwrap_or_else(|e| e.into_inner());
            return proofs.get(&name?.to_ascii_lowercase()).cloned();
        }
        let granted = name.and_then(|name| self.granted(name));
        Some(granted.unwrap_or_else(|| self.usual.read().unwrap_or_else(|e| e.into_inner()).clone()))
    }
}
