//! `hobnob admin` and `hobnob admin-link`: letting people in to the admin page.

use clap::{Args, Subcommand};

use super::{Outcome, Target, in_line, open, say};
use crate::actions::admin::{self, Invitation};
use crate::actions::audit;
use crate::config::PublicArg;
use crate::lock;
use crate::model::admin::AdminRole;
use crate::model::audit::{Act, Actor};
use crate::model::error::Result;
use crate::model::time::date_and_time;
use crate::store::{Write, admins};

/// What can be done with admins.
#[derive(Subcommand)]
pub enum Command {
    /// Print a one-time link that makes an admin of a role; the first admin is an owner in any case
    Create {
        /// owner, admin, moderator or viewer
        #[arg(long, default_value = "admin")]
        role: String,
        #[command(flatten)]
        link: Link,
    },
    /// Print a one-time link that gives an admin a new password, whoever is locked out
    Reset {
        /// The admin's name
        name: String,
        /// Another role for them besides
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        link: Link,
    },
    /// List the admins with their numbers, roles and sessions
    List {
        #[command(flatten)]
        target: Target,
    },
}

/// Flags of whatever prints a link.
#[derive(Args)]
pub struct Link {
    #[command(flatten)]
    public: PublicArg,
    #[command(flatten)]
    target: Target,
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create { role, link } => {
            let role = AdminRole::parse(&role).map_err(|e| e.plain())?;
            print(link, move |tx| invite(tx, role)).await
        }
        Command::Reset { name, role, link } => {
            let role = role.map(|role| AdminRole::parse(&role)).transpose().map_err(|e| e.plain())?;
            let reset = move |tx: &mut Write<'_>| {
                let (id, _) = admins::find(tx, name.trim())?.ok_or_else(admins::unknown)?;
                if let Some(role) = role {
                    admin::set_role(tx, &Actor::Cli, id, role)?;
                }
                admin::reset(tx, &Actor::Cli, id)
            };
            print(link, reset).await
        }
        Command::List { target } => {
            let store = open(&target)?;
            let found = store.read(admins::list).await.map_err(|e| e.plain());
            store.close();
            let found = found?;
            if target.json {
                say(&serde_json::to_string(&found).map_err(|e| e.to_string())?);
                return Ok(());
            }
            for admin in found {
                let (role, code) = (admin.role.as_str(), if admin.totp { "with a code" } else { "" });
                let line = format!(
                    "{:>4}  {role:<9}  {:>2} sessions  {}  {code}",
                    admin.id,
                    admin.sessions,
                    in_line(&admin.name)
                );
                say(line.trim_end());
            }
            Ok(())
        }
    }
}

/// Makes a one-time link that makes an owner.
pub async fn link(args: Link) -> Outcome {
    print(args, |tx| invite(tx, AdminRole::Owner)).await
}

fn invite(tx: &mut Write<'_>, role: AdminRole) -> Result<Invitation> {
    let made = admin::invite_as(tx, role)?;
    audit::note(tx, &Actor::Cli, Act::AdminInvite, None, Some(role.as_str()))?;
    Ok(made)
}

/// Makes a link and prints it.
async fn print(args: Link, make: impl FnOnce(&mut Write<'_>) -> Result<Invitation> + Send + 'static) -> Outcome {
    let Link { public, target } = args;
    let store = open(&target)?;
    let made = store.write("admin link", make).await.map_err(|e| e.plain());
    store.close();
    let Invitation { secret, expires_at } = made?;
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
