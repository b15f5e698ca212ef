//! After a pull: what the next one need not bring again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::{Note, failed, read_note, write_note};
use crate::transfer::Outcome;

/// What was pulled is taken over: the next pull brings what was said since.
pub fn forget(folder: &Path) -> Outcome<()> {
    if !read_note(folder)?.done {
        return Ok(());
    }
    fs::write(folder.join(SINCE), newest_message(folder)?.to_string()).map_err(|e| failed(folder, &e))?;
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

/// Holds the newest message of an earlier pull.
const SINCE: &str = "since";

fn newest_message(folder: &Path) -> Outcome<u64> {
    let mut newest = since(folder);
    let Ok(file) = fs::File::open(folder.join("message.jsonl")) else { return Ok(newest) };
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| failed(folder, &e))?;
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        newest = newest.max(value["message"]["id"].as_u64().unwrap_or(0));
    }
    Ok(newest)
}

pub(super) fn since(folder: &Path) -> u64 {
    fs::read_to_string(folder.join(SINCE)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
