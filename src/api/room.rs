//! Room for what clients make the server hold: bytes, bounded in all and for each client.
//!
//! Whose the bytes are is known by a credential that held, or else by the address: what a request only claims would let
//! one client be as many as it likes, and take everybody's room.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::{HttpMessage, HttpRequest};

use super::peer;
use crate::model::caller::Caller;
use crate::network::{Network, owner};
use crate::watch::meter::Counter;

/// The part of the room that may be one client's.
const SHARE: usize = 4;

/// Bytes that are held for all connections.
pub struct Room {
    waiting: Arc<Mutex<Waiting>>,
    most: usize,
    /// How often there was none.
    pub refused: Counter,
}

#[derive(Default)]
struct Waiting {
    bytes: usize,
    clients: HashMap<Client, usize>,
}

impl Room {
    /// `most`: bytes in all.
    pub fn new(most: usize) -> Self {
        Room { waiting: Arc::default(), most, refused: Counter::default() }
    }

    /// Room for so many bytes, until it is dropped. One piece alone always has it.
    pub fn reserve(&self, client: Client, bytes: usize) -> Option<Held> {
        let mut waiting = lock(&self.waiting);
        let own = waiting.clients.get(&client).copied().unwrap_or(0);
        let fits = |used: usize, most: usize| used == 0 || used.saturating_add(bytes) <= most;
        if !fits(waiting.bytes, self.most) || !fits(own, self.most / SHARE) {
            self.refused.one();
            return None;
        }
        waiting.bytes += bytes;
        waiting.clients.insert(client, own + bytes);
        Some(Held { waiting: self.waiting.clone(), client, bytes })
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(|e| e.into_inner())
}

/// Whose bytes: a hash, so that nothing of the credential is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(u64);

impl Client {
    /// Who makes the request: whom [`Client::note`] named, or an address.
    pub fn of(request: &HttpRequest, trusted: &[Network]) -> Self {
        let noted = request.extensions().get::<Client>().copied();
        noted.unwrap_or_else(|| Client::at(request, trusted))
    }

    /// Whoever it is, by the address.
    pub fn at(request: &HttpRequest, trusted: &[Network]) -> Self {
        Client::hashed(peer::address(request, trusted).map(owner))
    }

    /// Notes with the request whose credential it bore.
    pub fn note(request: &HttpRequest, caller: &Caller) {
        request.extensions_mut().insert(Client::hashed(("caller", caller.app.id, caller.user)));
    }

    fn hashed(who: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        who.hash(&mut hasher);
        Client(hasher.finish())
    }
}

/// Bytes that are held.
pub struct Held {
    waiting: Arc<Mutex<Waiting>>,
    client: Client,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        waiting.bytes -= self.bytes;
        let own = waiting.clients.get(&self.client).map_or(0, |own| own.saturating_sub(self.bytes));
        match own {
            0 => waiting.clients.remove(&self.client),
            own => waiting.clients.insert(self.client, own),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_is_held_is_bounded_in_all_and_for_each() {
        let room = Room::new(400);
        let reserve = |client: u64, bytes| room.reserve(Client(client), bytes);
        let first = reserve(1, 60).unwrap();
        let second = reserve(1, 40).unwrap();
        assert!(reserve(1, 1).is_none(), "a quarter is one client's");
        drop(first);
        let third = reserve(1, 60).unwrap();
        let others: Vec<Held> = (2..5).map(|client| reserve(client, 100).unwrap()).collect();
        assert!(reserve(9, 1).is_none());
        drop((second, third, others));
        let left = |waiting: &Waiting| (waiting.bytes, waiting.clients.len());
        assert_eq!(left(&lock(&room.waiting)), (0, 0));
        let alone = reserve(1, 100_000).unwrap();
        assert!(reserve(2, 1).is_none());
        drop(alone);
        assert!(reserve(2, 1).is_some());
    }

    #[test]
    fn nobody_is_many_by_what_they_claim() {
        let request = |peer: &str, headers: &[(&'static str, &'static str)]| {
            let request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 1));
            headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request()
        };
        let of = |peer: &str, headers: &[(&'static str, &'static str)]| Client::of(&request(peer, headers), &[]);
        let plain = of("9.9.9.9", &[]);
        for name in ["authtoken", "apikey", "onbehalfof", "x-hobnob-admin", "x-forwarded-for", "resource", "appid"] {
            assert_eq!(of("9.9.9.9", &[(name, "1.2.3.4")]), plain, "{name}");
        }
        assert_ne!(of("9.9.9.8", &[]), plain);
        assert_eq!(of("2001:db8::1", &[]), of("2001:db8::2:1", &[]));
    }
}
