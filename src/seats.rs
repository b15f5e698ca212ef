//! How many connections each address has, so that one client does not take all there are.
//!
//! Whatever a connection makes the server hold (half a head, half a body, a frame) is bounded for itself; this bounds how
//! often one client has it. Proxies that are trusted bring everybody's connections and are not counted: they know whose
//! they are and have limits of their own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::network::{Network, owner};

/// The connections there are; cheap to clone.
#[derive(Clone)]
pub struct Seats {
    inner: Arc<Inner>,
}

struct Inner {
    taken: Mutex<HashMap<IpAddr, usize>>,
    /// Connections of one address.
    most: usize,
    free: Vec<Network>,
}

impl Inner {
    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Seats {
    /// `most`: connections of one address, of those that are not in `free`.
    pub fn new(most: usize, free: Vec<Network>) -> Self {
        Seats { inner: Arc::new(Inner { taken: Mutex::default(), most, free }) }
    }

    /// A seat for a connection from this address, until it is dropped; `None`: it has as many as it may.
    pub fn take(&self, address: IpAddr) -> Option<Seat> {
        if self.inner.free.iter().any(|network| network.contains(address)) {
            return Some(Seat { of: None });
        }
        let whose = owner(address);
        let mut taken = self.inner.taken();
        let own = taken.entry(whose).or_default();
        if *own >= self.inner.most {
            return None;
        }
        *own += 1;
        Some(Seat { of: Some((self.inner.clone(), whose)) })
    }
}

/// A place for a connection, to be kept with it.
pub struct Seat {
    of: Option<(Arc<Inner>, IpAddr)>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((inner, whose)) = &self.of else { return };
        let mut taken = inner.taken();
        match taken.get(whose).map_or(0, |own| own.saturating_sub(1)) {
            0 => taken.remove(whose),
            own => taken.insert(*whose, own),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_as_many_as_it_may() {
        let seats = Seats::new(2, vec![Network::parse("10.0.0.0/8").unwrap()]);
        let take = |address: &str| seats.take(address.parse().unwrap());
        let own = (take("9.9.9.9").unwrap(), take("::ffff:9.9.9.9").unwrap());
        assert!(take("9.9.9.9").is_none());
        let others = (take("9.9.9.8").unwrap(), take("2001:db8::1").unwrap(), take("2001:db8::2:1").unwrap());
        assert!(take("2001:db8::3").is_none() && take("2001:db8:0:1::3").is_some());
        assert!((0..9).all(|_| take("10.1.1.1").is_some()), "a proxy's");
        drop(own);
        assert!(take("9.9.9.9").is_some());
        drop(others);
        assert!(seats.inner.taken().is_empty(), "nothing is kept of who has gone");
    }
}
