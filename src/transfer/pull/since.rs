//! After a pull: what the next one need not bring again. That is known for each app that took it over: another app here has
//! nothing yet.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use crate::durable;
use crate::transfer::Outcome;

use super::{Note, failed, read_note, write_note};

/// What was pulled is taken over by the app with this id: the next pull for it brings what was said since.
pub fn forget(folder: &Path, app_id: &str) -> Outcome<()> {
    if !read_note(folder)?.done {
        return Ok(());
    }
    let newest = newest_message(folder)?.max(since(folder, Some(app_id))).to_string();
    durable::put(&folder.join(name(app_id)), newest.as_bytes(), 0o600).map_err(|e| failed(folder, &e))?;
    // From here on no line of it counts.
    write_note(folder, &Note::default())?;
    for entry in fs::read_dir(folder).map_err(|e| failed(folder, &e))?.flatten() {
        let path = entry.path();
        let gone = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false if path.extension().is_some_and(|end| end == "jsonl") => fs::remove_file(&path),
            false => Ok(()),
        };
        gone.map_err(|e| failed(&path, &e))?;
    }
    Ok(())
}

/// The file that holds the newest message an app has.
fn name(app_id: &str) -> String {
    format!("since-{}", app_id.to_ascii_lowercase())
}

fn newest_message(folder: &Path) -> Outcome<u64> {
    let mut newest = 0;
    let Ok(file) = fs::File::open(folder.join("message.jsonl")) else { return Ok(newest) };
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| failed(folder, &e))?;
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        newest = newest.max(value["message"]["id"].as_u64().unwrap_or(0));
    }
    Ok(newest)
}

/// The newest message that the app with this id took over; 0: none, and no app that is not there yet has any.
pub(super) fn since(folder: &Path, app_id: Option<&str>) -> u64 {
    let text = app_id.and_then(|app_id| fs::read_to_string(folder.join(name(app_id))).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
