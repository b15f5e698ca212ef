//! `hobnob serve`: the server, until a signal ends it.

use super::{Cli, Outcome, say};
use crate::actions::apps::Created;
use crate::actions::{self, demo};
use crate::config::Config;
use crate::logging;
use crate::model::limits::Rates;
use crate::model::time::Clock;
use crate::server::Server;
use crate::store::apps;
use crate::{systemd, tls};

/// Flags of the server.
#[derive(clap::Args)]
pub struct Serve {
    #[command(flatten)]
    pub(super) config: Config,
    /// Add five users and a public group to try things with to the first app of a new server
    #[arg(long)]
    demo: bool,
}

/// Serves.
pub async fn run(args: Serve) -> Outcome {
    let mut config = args.config;
    logging::reload(&config.watch.log)?;
    logging::set_format(config.watch.log_format);
    if args.demo {
        // Who tries things out is not counted, unless that is what he tries.
        config.rates.rate_limits.get_or_insert(Rates::Off);
    }
    // Before anybody can know that it runs, and so ask it to stop.
    let mut signals = Signals::listen()?;
    let server = Server::start(&config, Clock::default()).await?;
    let limits = config.limits()?;
    let (region, demo) = (config.region.region.clone(), args.demo);
    let first = server
        .store
        .write("first start", move |tx| {
            if apps::any(tx)? {
                return Ok(None);
            }
            let app = actions::apps::create(tx, "First app", &region, &limits)?;
            if demo {
                let app = actions::apps::find(tx, &app.app_id)?;
                demo::fill_app(tx, app)?;
            }
            let link = actions::admin::invite(tx)?;
            Ok(Some((app, link)))
        })
        .await
        .map_err(|e| e.plain())?;

    say(&format!("Hobnob {} is running. Data: {}", env!("CARGO_PKG_VERSION"), config.data().display()));
    if let Some(address) = server.http {
        say(&format!("  http://{address}"));
    }
    if let Some(address) = server.https {
        say(&format!("  https://{address}"));
        if !config.acme.domains.is_empty() {
            let names = config.acme.domains.join(", ");
            say(&format!("  certificate for {names}: from {}; the log says how that goes", config.acme.acme_directory));
        }
        if config.tls_cert.is_none() {
            say(&format!("  certificate authority to trust: {}", tls::authority(config.data()).display()));
        }
    }
    match first {
        Some((app, link)) => {
            welcome(&server, &app, &link.secret, demo);
            if demo {
                say(&format!("Demo: users {} in the group {}.", demo::UIDS.join(", "), demo::GUID));
            }
        }
        None if demo => say("--demo adds nobody: this server has apps already."),
        None => {}
    }

    systemd::notify(&format!("READY=1\nSTATUS=Reached at {}", server.base));
    let failed = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => break None,
                Signal::Reload => reload(&server),
            },
            why = server.failed() => break Some(why),
        }
    };
    systemd::notify("STOPPING=1");
    say("Stopping.");
    server.stop().await;
    failed.map_or(Ok(()), Err)
}

/// Reads again what may have changed while the server runs: certificates, and the levels of the log.
fn reload(server: &Server) {
    systemd::notify("RELOADING=1");
    if let Err(error) = Cli::again().and_then(|config| logging::reload(&config.watch.log)) {
        log::warn!("the log stays as it is: {error}");
    }
    log::info!("reloading");
    server.reload();
    systemd::notify("READY=1");
}

/// What a newcomer needs, shown once: the keys are stored as digests and cannot be read again.
fn welcome(server: &Server, app: &Created, link: &str, demo: bool) {
    let Created { app_id, region, auth_key, api_key } = app;
    say(&format!(
        "
This is the first start. Keep these, they are shown only now:
  app id        {app_id}
  region        {region}
  auth key      {auth_key}
  REST API key  {api_key}
  admin set-up  {}
                (the link is good once, for a day)
",
        super::admin::url(&server.base, link)
    ));
    let uid = if demo { demo::UIDS[0] } else { "UID" };
    match &server.client_host {
        Some(host) => say(&format!(
            "To point a client at this server:
  const settings = new CometChat.AppSettingsBuilder()
    .setRegion('{region}')
    .subscribePresenceForAllUsers()
    .autoEstablishSocketConnection(true)
    .overrideAdminHost('{host}/v3')
    .overrideClientHost('{host}/v3')
    .build();
  await CometChat.init('{app_id}', settings);
  await CometChat.login('{uid}', '{auth_key}');
"
        )),
        None => say(
            "Client SDKs speak https only, and --https is off: put a proxy with a certificate in front, and name it with
--public-host (README: Behind a proxy).
",
        ),
    }
    if !demo && server.client_host.is_some() {
        say(
            "There are no users yet: make one (POST /v3/users, or the admin page), or begin with --demo in a new folder.",
        );
    }
}

/// What a signal asks for.
pub(super) enum Signal {
    Stop,
    Reload,
}

/// The signals that a server heeds, and whatever else goes on and on.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    /// Which of the three standard streams were a terminal at the start.
    #[cfg(unix)]
    terminals: [bool; 3],
}

#[cfg(unix)]
impl Signals {
    /// Listens, from now on.
    pub(super) fn listen() -> Result<Signals, String> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|e| format!("cannot listen for signals: {e}"));
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
            terminals: terminals(),
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => {
                // The terminal it was started from has been closed: none of the streams that were one is one any more.
                let had_one = self.terminals.contains(&true);
                let is_there = self.terminals.iter().zip(terminals()).any(|(before, now)| *before && now);
                if had_one && !is_there { Signal::Stop } else { Signal::Reload }
            }
        }
    }
}

#[cfg(unix)]
fn terminals() -> [bool; 3] {
    use std::io::{IsTerminal, stderr, stdin, stdout};
    [stdin().is_terminal(), stdout().is_terminal(), stderr().is_terminal()]
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> Result<Signals, String> {
        Ok(Signals {})
    }

    pub(super) async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Stop
    }
}
