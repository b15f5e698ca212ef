//! `hobnob admin-link`: letting people in to the admin page.

use super::{Outcome, Target, open, say};
use crate::actions;

/// Makes a one-time link.
pub async fn link(target: Target) -> Outcome {
    let store = open(&target)?;
    let link = store.write("admin link", actions::admin::invite).await.map_err(|e| e.plain())?;
    store.close();
    let line =
        if target.json { serde_json::json!({ "setup": link }).to_string() } else { format!("/admin/#setup={link}") };
    say(&line);
    Ok(())
}
