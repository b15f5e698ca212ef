//! Names in strangers' links, resolved: what does not lead into the public Internet is left out, and the client connects to
//! what is left, so that no second look at the name can lead elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Strangers;

/// All that the name leads to is out of bounds.
#[derive(Debug)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name leads to no public address")
    }
}

impl std::error::Error for Refused {}

/// The resolver of the machine, with what it finds looked at.
pub struct Checked(pub Arc<Strangers>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let strangers = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| strangers.may_reach(address.ip())).collect();
            match public.is_empty() {
                true => Err(Refused.into()),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}
