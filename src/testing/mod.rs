//! A chat back end for test suites: a whole server that is thrown away, with a clock that can be turned.
//!
//! It is a user of [`server`](crate::server), as `cli::serve` is another. What makes it one for tests comes in by two doors
//! that no setting opens: the [`Ground`] a server stands on (a clock that is turned by hand, the same ids each time), and a
//! folder that goes with the process (`durable::let_go`), where nothing is synced. `tests/it/layers.rs` holds that nothing
//! else of the program names them.
//!
//! - [`settings`]: those of the server, without variables and files, and on loopback alone.
//! - [`seed`]: what is in it when it is ready.
//! - [`control`]: the API below `/_test`. It stands at the gate of the API (`api::gate`), so that it sees each request before
//!   anything else does.

mod control;
mod seed;
mod settings;
mod thread;
mod time;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::actions::apps::Created;
use crate::api::gate;
use crate::config::Config;
use crate::draft::Draft;
use crate::durable;
use crate::model::time::{Clock, Ids};
use crate::server::{Ground, Server};
use crate::tls;
use control::Control;
use seed::Seed;

/// The folder of moments that a test comes back to, beside that of the server.
const MOMENTS: &str = "moments";

/// What a server for tests is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Flags of the server, as `hobnob serve` takes them. Ports are free ones unless these name others.
    pub flags: Vec<String>,
    /// What is in it when it is ready; none: an app without anybody.
    pub seed: Option<PathBuf>,
    /// Pages that may reach it besides those of this machine: `https://app.test`.
    pub origins: Vec<String>,
}

/// What a seed may look like.
pub use seed::EXAMPLE;
pub use thread::{Running, start};

/// All that a test has to know; the line that `hobnob test` prints when it is ready.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    pub url: String,
    pub ws_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wss_url: Option<String>,
    /// The authority that made the certificate; clients of `https_url` trust it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    pub app_id: String,
    pub region: String,
    pub auth_key: String,
    pub api_key: String,
    /// The control API.
    pub control_url: String,
    /// What the SDK's `AppSettingsBuilder` is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Overrides>,
    /// The process that serves.
    pub pid: u32,
    pub version: &'static str,
}

/// Where the official SDKs find the server: `overrideAdminHost` and `overrideClientHost`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overrides {
    pub admin_host: String,
    pub client_host: String,
}

/// A server for tests that runs. All that it keeps goes when it stops, or is dropped.
pub struct Chat {
    pub ready: Ready,
    /// Levels of the log that the flags ask for.
    pub log: String,
    server: Server,
    folder: Folder,
    control: Arc<Control>,
    /// Keeps the journal.
    keeping: tokio::task::JoinHandle<()>,
}

/// A folder of its own that goes with its server, and of which nothing is synced.
struct Folder {
    draft: Draft,
    path: PathBuf,
}

impl Folder {
    fn new() -> Result<Folder, String> {
        let beside = std::env::temp_dir();
        let made = Draft::new(&beside).and_then(|draft| {
            let path = draft.path("data");
            durable::let_go(&path);
            durable::make_folder(&path, true)?;
            std::fs::create_dir(draft.path(MOMENTS))?;
            Ok(Folder { draft, path })
        });
        made.map_err(|e| format!("cannot make a folder in {}: {e}", beside.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        durable::has_gone(&self.path);
    }
}

impl Chat {
    /// Starts in the current actix system.
    pub async fn start(options: &Options) -> Result<Chat, String> {
        let folder = Folder::new()?;
        let config = settings::read(&folder.path, &options.flags)?;
        let others = options.origins.iter().map(|origin| settings::name_of(origin)).collect::<Result<Vec<_>, _>>()?;
        let now = Clock::default().now_ms();
        let seed = options.seed.as_ref().map_or_else(|| Ok(Seed::empty(now)), |path| Seed::read(path, now))?;
        let clock = Clock::by_hand(seed.at, seed.runs);
        let ids = Ids::same();
        let control = Arc::new(Control::new(clock.clone(), ids.clone(), folder.draft.path(MOMENTS), others));
        let server = Server::start_on(&config, Ground { clock, ids, gate: Some(control.clone()) }).await?;
        let (region, limits) = (config.region.region.clone(), config.limits()?);
        let made = match seed.sow(&server.store, &region, &limits).await {
            Ok(made) => made,
            Err(why) => {
                server.stop().await;
                return Err(why);
            }
        };
        let ready = Ready::of(&server, &config, made)?;
        let media = config.data().join("media");
        control.begin(ready.clone(), &server.store, &media).await.map_err(|e| e.plain())?;
        let kept = control.clone();
        let keeping = tokio::task::spawn_local(async move { kept.keep_journal().await });
        Ok(Chat { ready, log: config.watch.log, server, folder, control, keeping })
    }

    /// Waits until it cannot go on, and says why.
    pub async fn failed(&self) -> String {
        self.server.failed().await
    }

    /// Stops it; nothing is left of it.
    pub async fn stop(self) {
        self.control.end();
        self.keeping.abort();
        self.server.stop().await;
        drop(self.folder);
    }
}

impl Ready {
    fn of(server: &Server, config: &Config, app: Created) -> Result<Ready, String> {
        let http = server.http.ok_or("--http off: the tests that are to come need it")?;
        let authority = tls::authority(config.data());
        let ca_pem = server.https.map(|_| std::fs::read_to_string(&authority)).transpose();
        let host = server.client_host.as_ref().map(|host| format!("{host}/v3"));
        let Created { app_id, region, auth_key, api_key } = app;
        Ok(Ready {
            url: format!("http://{http}"),
            ws_url: format!("ws://{http}"),
            https_url: server.https.map(|https| format!("https://{https}")),
            wss_url: server.https.map(|https| format!("wss://{https}")),
            ca_pem: ca_pem.map_err(|e| format!("cannot read {}: {e}", authority.display()))?,
            app_id,
            region,
            auth_key,
            api_key,
            control_url: format!("http://{http}{}", gate::OWN),
            settings: host.map(|host| Overrides { admin_host: host.clone(), client_host: host }),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
        })
    }
}
