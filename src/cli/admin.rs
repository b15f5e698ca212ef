//! `hobnob admin-link`: letting people in to the admin page.

use clap::Args;

use super::{Outcome, Target, open, say};
use crate::actions;
use crate::config::PublicArg;
use crate::lock;
use crate::model::audit::{Act, Actor};
use crate::model::time::date_and_time;

/// Flags of `admin-link`.
#[derive(Args)]
pub struct Link {
    #[command(flatten)]
    public: PublicArg,
    #[command(flatten)]
    target: Target,
}

/// Makes a one-time link.
pub async fn link(args: Link) -> Outcome {
    let Link { public, target } = args;
    let store = open(&target)?;
    let link = store.write("admin link", |tx| {
        let link = actions::admin::invite(tx)?;
        actions::audit::note(tx, &Actor::Cli, Act::AdminInvite, None, None)?;
        Ok(link)
    });
    let link = link.await.map_err(|e| e.plain())?;
    store.close();
    let actions::admin::Invitation { secret, expires_at } = link;
    let running = lock::holder(&target.folder.data).and_then(|holder| holder.base);
    let base = public.public_host.map(|public| public.base("https")).or(running);
    if target.json {
        let url = base.as_deref().map(|base| url(base, &secret));
        say(&serde_json::json!({ "setup": secret, "url": url, "expiresAt": expires_at }).to_string());
        return Ok(());
    }
    say(&url(base.as_deref().unwrap_or(DEFAULT), &secret));
    if base.is_none() {
        say("No server runs on this folder: this is the address it has by default.");
    }
    say(&format!("It is good once, until {} UTC.", minute(expires_at)));
    Ok(())
}

/// `2026-01-31 09:05` (UTC).
fn minute(at: i64) -> String {
    let at = date_and_time(at);
    format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
}

/// Where a server listens that was told nothing else.
const DEFAULT: &str = "http://127.0.0.1:8080";

/// The address that makes an admin, at the server that is reached at `base`.
pub fn url(base: &str, link: &str) -> String {
    format!("{base}/admin/#setup={link}")
}
