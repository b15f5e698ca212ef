//! Settings of a server for tests: the flags of `hobnob serve` with other defaults, whatever variables of the machine say.
//!
//! Nothing listens but on loopback, and nothing is kept where it would outlive the server.

use std::net::SocketAddr;
use std::path::Path;

use clap::builder::Resettable;
use clap::{Args, Command, FromArgMatches};

use crate::api::gate::host_name;
use crate::config::Config;
use crate::server;

/// Before the flags that were given, which win: free ports, few threads, requests are not counted, and webhooks may lead to
/// the tests themselves.
const DEFAULTS: [&str; 8] = [
    "--http=127.0.0.1:0",
    "--https=127.0.0.1:0",
    "--workers=1",
    "--readers=2",
    "--rate-limits=off",
    "--outgoing-private=127.0.0.0/8",
    "--outgoing-private=::1",
    "--limit=address_connections=25000",
];

/// What stands in the way of throwing everything away.
const FOREIGN: [&str; 5] = ["--data", "--config", "--backups", "--domain", "--new-database"];

/// The settings that these flags make of a server in `data`.
pub fn read(data: &Path, flags: &[String]) -> Result<Config, String> {
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    if let Some(foreign) = flags.iter().map(|flag| name(flag)).find(|flag| FOREIGN.contains(&flag.as_str())) {
        return Err(format!("{foreign} is nothing for a server that is thrown away"));
    }
    let command = Config::augment_args(Command::new("hobnob test --").no_binary_name(true).args_override_self(true));
    let command = command.mut_args(|arg| arg.env(Resettable::Reset));
    let data = format!("--data={}", data.display());
    // What is given in parts and named by the caller is the caller's alone.
    let given: Vec<String> = flags.iter().map(|flag| name(flag)).collect();
    // What a test orders to be cut off is no error of the server's.
    let log = format!("--log=warn,{}=off", server::COMPLAINS);
    let defaults = DEFAULTS.iter().map(|flag| flag.to_string()).chain([log]);
    let defaults = defaults.filter(|flag| !given.contains(&name(flag)));
    let all = [data].into_iter().chain(defaults).chain(flags.iter().cloned());
    let matches = command.try_get_matches_from(all).map_err(|error| told(&error))?;
    let config = Config::from_arg_matches(&matches).map_err(|error| told(&error))?;
    let (http, https) = config.addresses()?;
    for (flag, address) in [("--http", http), ("--https", https), ("--metrics", config.metrics()?)] {
        if let Some(address) = address.filter(|address| !is_near(address)) {
            return Err(format!("{flag} {address}: a server for tests listens on loopback alone, as 127.0.0.1 is"));
        }
    }
    Ok(config)
}

/// The name in an origin, or alone.
pub fn name_of(origin: &str) -> Result<String, String> {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host).trim_end_matches('/');
    host_name(host).ok_or_else(|| format!("--origin {origin}: expected a page's origin, as https://app.test is"))
}

fn is_near(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The parser's words, in one piece.
fn told(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelp {
        return format!(
            "`hobnob serve --help` lists the flags; those of folders are nothing here: {}",
            FOREIGN.join(", ")
        );
    }
    error.to_string().trim_start_matches("error: ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flags: &[&str]) -> Result<Config, String> {
        read(Path::new("there"), &flags.iter().map(|flag| flag.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_of_the_server_win_over_defaults() {
        let config = of(&["--readers=3", "--limit", "members=5", "--https", "off"]).unwrap();
        assert_eq!((config.readers, config.workers, config.limits().unwrap().members), (3, 1, 5));
        assert_eq!(config.addresses().unwrap(), (Some(([127, 0, 0, 1], 0).into()), None));
        assert_eq!(config.data(), Path::new("there"));
        assert!(of(&["--nonsense"]).unwrap_err().contains("--nonsense"));
        assert!(of(&["--help"]).unwrap_err().contains("hobnob serve --help"));
    }

    #[test]
    fn it_listens_on_loopback_alone() {
        for far in ["--http=0.0.0.0:8080", "--https=[::]:0", "--metrics=192.0.2.1:9", "--http=[::ffff:10.0.0.1]:1"] {
            let refused = of(&[far]).unwrap_err();
            assert!(refused.contains("loopback"), "{refused}");
        }
        for near in ["--http=127.5.5.5:0", "--http=[::1]:0", "--https=[::ffff:127.0.0.1]:0"] {
            assert!(of(&[near]).is_ok(), "{near}");
        }
    }

    #[test]
    fn origins_are_read_or_refused() {
        for (origin, name) in
            [("https://App.test:8443/", "app.test"), ("app.test", "app.test"), ("http://[::2]:1", "::2")]
        {
            assert_eq!(name_of(origin).as_deref(), Ok(name));
        }
        for wrong in ["", "https://", "https://a@b", "https://a b", "http://localhost:80@evil.example", "[::1]x", "a:b"]
        {
            assert!(name_of(wrong).unwrap_err().contains("--origin"), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_kept_elsewhere() {
        for flag in ["--data=/srv", "--config=a.toml", "--domain=a.example", "--backups=/b"] {
            assert!(of(&[flag]).unwrap_err().contains("thrown away"), "{flag}");
        }
    }
}
