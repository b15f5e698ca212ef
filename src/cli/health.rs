//! `hobnob health`: asks a running server whether it is ready, for supervisors that know no HTTP.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Args;

use super::{Outcome, say};
use crate::config;
use crate::outgoing::{Outgoing, Reach, Request};

/// Flags of `health`.
#[derive(Args)]
pub struct Health {
    /// Where the server serves plain HTTP
    #[arg(long, env = "HOBNOB_HTTP", default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    http: String,
    /// Where clients reach it, e.g. `https://chat.example.org`, in place of that
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Asks; `Err`: it is not ready, or nobody answers.
pub async fn run(args: Health) -> Outcome {
    let base = match args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let at = config::address("--http", &args.http)?;
            let at = at.ok_or("--http is off: name where clients reach the server with --url")?;
            format!("http://{}", here(at))
        }
    };
    let url = format!("{base}/health/ready");
    let answer = Outgoing::new(Vec::new())?.send(Request::get(&url, Reach::Anywhere)).await;
    let answer = answer.map_err(|failure| format!("{url}: {failure}"))?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let status = body["data"]["status"].as_str();
    match (answer.status, status) {
        (200, Some(status)) => {
            say(status);
            Ok(())
        }
        (_, Some(complaint)) => Err(format!("not ready: {complaint}")),
        (status, None) => Err(format!("{url} answers with status {status}, which is not how a Hobnob does")),
    }
}

/// Who listens everywhere listens here.
fn here(at: SocketAddr) -> SocketAddr {
    match at {
        SocketAddr::V4(at) if at.ip().is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.port()),
        SocketAddr::V6(at) if at.ip().is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), at.port()),
        at => at,
    }
}
