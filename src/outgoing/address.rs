//! Which addresses a stranger's link may lead to.
//!
//! What is allowed is named, not what is forbidden, as far as that goes: of IPv6 only global unicast (2000::/3) without the
//! ranges inside it that lead elsewhere or nowhere. An IPv4 address inside an IPv6 one (mapped, translated, tunnelled) is
//! refused in every form, also where it would be public: nobody who means well writes one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::model::webhook::is_private_name;
use crate::network::Network;

/// IPv4 that is not public: IANA's special-purpose registry, with multicast and what is reserved.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Inside 2000::/3: protocol assignments (Teredo among them), documentation, 6to4.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether everybody could reach it, from anywhere.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let within =
                |(start, bits): &(Ipv4Addr, u32)| (address.to_bits() ^ start.to_bits()).leading_zeros() >= *bits;
            !NOT_PUBLIC_V4.iter().any(within)
        }
        IpAddr::V6(address) => {
            let within =
                |(start, bits): &(Ipv6Addr, u32)| (address.to_bits() ^ start.to_bits()).leading_zeros() >= *bits;
            address.to_bits() >> 125 == 1 && !NOT_PUBLIC_V6.iter().any(within)
        }
    }
}

/// Where strangers' links may lead.
pub struct Strangers {
    private: Vec<Network>,
}

impl Strangers {
    pub fn new(private: Vec<Network>) -> Self {
        Strangers { private }
    }

    /// Whether a link may lead to this address.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_private(address)
    }

    /// Whether it is in a private network that is allowed.
    pub fn is_private(&self, address: IpAddr) -> bool {
        // A network is meant as it is written: an IPv4 one allows no IPv4 address in the form of an IPv6 one.
        let plain = address == address.to_canonical();
        plain && self.private.iter().any(|network| network.contains(address))
    }

    pub fn has_no_private(&self) -> bool {
        self.private.is_empty()
    }

    /// Whether a host is in a private network that may be reached: an address within one, or, where there is any, a name that
    /// no public server has.
    pub fn allows_private(&self, host: &str) -> bool {
        match host.parse() {
            Ok(address) => !is_public(address) && self.may_reach(address),
            Err(_) => !self.private.is_empty() && is_private_name(host),
        }
    }

    /// Whether the host of a URL may be asked: a name is looked at when it has been resolved, an address now.
    pub fn may_name(&self, url: &Url) -> bool {
        match url.host_str().map(|host| host.trim_matches(['[', ']'])) {
            None => false,
            Some(host) => host.parse().map_or(true, |address| self.may_reach(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_can_reach_is_public() {
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:10.0.0.1",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:808:808::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
            "4000::1",
        ];
        for address in inside {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let outside = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.254",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00::1",
            "3ffe::1",
        ];
        for address in outside {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_allowed_as_it_is_written() {
        let strangers =
            Strangers::new(vec![Network::parse("10.1.0.0/16").unwrap(), Network::parse("fd00::/8").unwrap()]);
        let may = |address: &str| strangers.may_reach(address.parse().unwrap());
        assert!(may("10.1.2.3") && may("fd00::5") && may("8.8.8.8"));
        assert!(!may("10.2.0.1") && !may("::ffff:10.1.2.3") && !may("127.0.0.1"));
        let names = |url: &str| strangers.may_name(&Url::parse(url).unwrap());
        assert!(names("http://a.example/") && names("http://10.1.0.9/") && names("http://[fd00::1]:8080/"));
        assert!(!names("http://127.0.0.1/") && !names("http://[::1]/") && !names("http://0x7f000001/"));
    }
}
