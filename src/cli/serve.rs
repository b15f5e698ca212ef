//! `hobnob serve`: the server, until a signal ends it.

use super::{Outcome, say};
use crate::actions::{self, demo};
use crate::config::Config;
use crate::model::limits::Rates;
use crate::model::time::Clock;
use crate::server::Server;
use crate::store::apps;
use crate::tls;

/// Flags of the server.
#[derive(clap::Args)]
pub struct Serve {
    #[command(flatten)]
    config: Config,
    /// Add five users and a public group to try things with
    #[arg(long)]
    demo: bool,
}

/// Serves.
pub async fn run(args: Serve) -> Outcome {
    let mut config = args.config;
    if args.demo {
        // Who tries things out is not counted, unless that is what he tries.
        config.rates.rate_limits.get_or_insert(Rates::Off);
    }
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
            let link = actions::admin::invite(tx)?;
            Ok(Some((app, link)))
        })
        .await
        .map_err(|e| e.plain())?;
    if demo {
        server.store.write("demo", demo::fill).await.map_err(|e| e.plain())?;
    }

    say(&format!("Hobnob {} is running. Data: {}", env!("CARGO_PKG_VERSION"), config.data().display()));
    if let Some(address) = server.http {
        say(&format!("  http://{address}"));
    }
    if let Some(address) = server.https {
        say(&format!("  https://{address}"));
        if config.tls_cert.is_none() {
            say(&format!("  certificate authority to trust: {}", tls::authority(config.data()).display()));
        }
    }
    if let Some((app, link)) = first {
        welcome(&server, &app, &link.secret);
    }
    if demo {
        say(&format!("Demo: users {} in the group {}.", demo::UIDS.join(", "), demo::GUID));
    }

    let failed = tokio::select! {
        signal = wait_for_signal() => signal.map(|()| None)?,
        why = server.failed() => Some(why),
    };
    say("Stopping.");
    server.stop().await;
    failed.map_or(Ok(()), Err)
}

/// What a newcomer needs, shown once: the keys are stored as digests and cannot be read again.
fn welcome(server: &Server, app: &actions::apps::Created, link: &str) {
    let secure = server.https.or(server.http).map(|address| address.to_string()).unwrap_or_default();
    let plain = match (server.http, server.https) {
        (Some(address), _) => format!("http://{address}"),
        (None, Some(address)) => format!("https://{address}"),
        (None, None) => String::new(),
    };
    say(&format!(
        "
This is the first start. Keep these, they are shown only now:
  app id        {app_id}
  region        {region}
  auth key      {auth_key}
  REST API key  {api_key}
  admin set-up  {plain}/admin/#setup={link}
                (the link is good once, for a day)

To point a client at this server:
  const settings = new CometChat.AppSettingsBuilder()
    .setRegion('{region}')
    .subscribePresenceForAllUsers()
    .autoEstablishSocketConnection(true)
    .overrideAdminHost('{secure}/v3')
    .overrideClientHost('{secure}/v3')
    .build();
  await CometChat.init('{app_id}', settings);
  await CometChat.login('some-uid', '{auth_key}');
",
        app_id = app.app_id,
        region = app.region,
        auth_key = app.auth_key,
        api_key = app.api_key,
    ));
}

async fn wait_for_signal() -> Outcome {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
        tokio::select! {
            _ = terminate.recv() => {}
            result = tokio::signal::ctrl_c() => result.map_err(|e| e.to_string())?,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(|e| e.to_string())?;
    Ok(())
}
