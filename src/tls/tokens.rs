//! What the server answers an authority that looks for a proof by plain HTTP (RFC 8555, section 8.3).

use std::collections::HashMap;
use std::sync::RwLock;

/// Proofs by their tokens; none unless an authority is about to come.
#[derive(Debug, Default)]
pub struct Tokens(RwLock<HashMap<String, String>>);

impl Tokens {
    /// Shows a proof to who names the token.
    pub fn put(&self, token: &str, proof: &str) {
        self.0.write().unwrap_or_else(|e| e.into_inner()).insert(token.to_owned(), proof.to_owned());
    }

    /// The proof for a token.
    pub fn find(&self, token: &str) -> Option<String> {
        self.0.read().unwrap_or_else(|e| e.into_inner()).get(token).cloned()
    }

    /// Shows none any more.
    pub fn clear(&self) {
        self.0.write().unwrap_or_else(|e| e.into_inner()).clear();
    }
}
