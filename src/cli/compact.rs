//! `hobnob compact`: puts the database file together anew.

use super::{Outcome, Target, open, say};
use crate::actions::erasures;
use crate::lock::Lock;

/// Where.
#[derive(clap::Args)]
pub struct Compact {
    #[command(flatten)]
    target: Target,
}

impl Compact {
    /// Does it; no server may run there, because all its writes would wait.
    pub async fn run(self) -> Outcome {
        let folder = self.target.folder.data.clone();
        let store = open(&self.target)?;
        let _lock = Lock::take(&folder)?;
        let before = size(&self.target);
        let done = async {
            store.compact().await?;
            store.write("compact", erasures::compacted).await?;
            store.empty_log().await
        };
        let done = done.await.map_err(|e| e.plain());
        store.close();
        done?;
        let after = size(&self.target);
        match self.target.json {
            true => say(&serde_json::json!({ "before": before, "after": after }).to_string()),
            false => say(&format!("{} MiB became {} MiB.", before >> 20, after >> 20)),
        }
        Ok(())
    }
}

fn size(target: &Target) -> u64 {
    std::fs::metadata(target.folder.database()).map_or(0, |file| file.len())
}
