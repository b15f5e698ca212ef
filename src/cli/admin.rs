//! `hobnob admin-link`: letting people in to the admin page.

use super::{Outcome, Target, open, say};
use crate::actions;
use crate::model::time::date_and_time;

/// Makes a one-time link.
pub async fn link(target: Target) -> Outcome {
    let store = open(&target)?;
    let link = store.write("admin link", actions::admin::invite).await.map_err(|e| e.plain())?;
    store.close();
    let actions::admin::Invitation { secret, expires_at } = link;
    let line = match target.json {
        true => serde_json::json!({ "setup": secret, "expiresAt": expires_at }).to_string(),
        false => format!("/admin/#setup={secret}\nIt is good once, until {} UTC.", minute(expires_at)),
    };
    say(&line);
    Ok(())
}

/// `2026-01-31 09:05` (UTC).
fn minute(at: i64) -> String {
    let at = date_and_time(at);
    format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
}
