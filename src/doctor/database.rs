//! The database: its pages, references, schema, time, files and counters.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::Finding;
use crate::actions::repair::{self, Piece};
use crate::model::attachment::folder_of;
use crate::model::error::Result;
use crate::model::time::Clock;
use crate::store::checkup::Checkup;
use crate::store::{self, Store};

/// A clock may be this far behind the newest message, in seconds: two machines are never quite of one mind.
const BEHIND: i64 = 5;

/// Names that are told at most.
const MOST: usize = 3;

/// What is found in the database without counting.
pub fn check(data: &Path, database: &Path, clock: &Clock) -> Vec<Finding> {
    // Before the rows are read: a file whose row is written first would else seem to be nobody's.
    let files = files_in(&data.join("media"));
    let schema = match store::schema(database) {
        Ok(schema) => schema,
        Err(error) => {
            let says = format!("cannot open {}: {}", database.display(), error.plain());
            return vec![Finding::fail("database", says, "restore a backup into an empty folder: hobnob restore")];
        }
    };
    let mut found = vec![version(schema)];
    if schema != store::SCHEMA {
        return found;
    }
    let looked = Checkup::open(database).and_then(|checkup| {
        Ok(vec![
            missing(checkup.missing()?),
            damage(checkup.damage()?),
            references(checkup.broken_references()?),
            time(checkup.newest_time()?, clock.now()),
            orphans(&checkup, data, &files)?,
            backlog(checkup.search_backlog()?),
        ])
    });
    match looked {
        Ok(more) => found.extend(more),
        Err(error) => found.push(Finding::fail(
            "database",
            format!("cannot be read: {}", error.plain()),
            "keep a copy of the folder, and restore a backup into an empty one: hobnob restore",
        )),
    }
    found
}

fn version(schema: i64) -> Finding {
    const CHECK: &str = "schema";
    match schema {
        0 => Finding::fail(CHECK, "the database is empty", "start the server there first"),
        older if older < store::SCHEMA => Finding::warn(
            CHECK,
            format!("the database is of an older Hobnob (schema {older}, now {})", store::SCHEMA),
            "start the server of this version, which brings it up to date and keeps a copy; the rest was not looked at",
        ),
        newer if newer > store::SCHEMA => Finding::fail(
            CHECK,
            format!("the database is of a newer Hobnob (schema {newer}; this one knows {})", store::SCHEMA),
            "use that version",
        ),
        same => Finding::ok(CHECK, format!("schema {same}, as it is now")),
    }
}

fn missing(found: Vec<String>) -> Finding {
    const CHECK: &str = "tables";
    match found.is_empty() {
        true => Finding::ok(CHECK, "every table, index and trigger is there"),
        false => Finding::fail(
            CHECK,
            format!("not there, or not as they should be: {}", some(&found)),
            "another program has changed the database: restore a backup",
        ),
    }
}

fn damage(found: Vec<String>) -> Finding {
    const CHECK: &str = "integrity";
    match found.is_empty() {
        true => Finding::ok(CHECK, "every page of the database is sound"),
        false => Finding::fail(
            CHECK,
            format!("the database is damaged: {}", found.join("; ")),
            "stop the server, keep a copy of the folder, and restore the newest backup; look at the disk and its cables",
        ),
    }
}

fn references(found: Vec<(String, usize)>) -> Finding {
    const CHECK: &str = "references";
    let tables: Vec<String> = found.iter().map(|(table, rows)| format!("{rows} in {table}")).collect();
    match tables.is_empty() {
        true => Finding::ok(CHECK, "no row refers to what is not there"),
        false => Finding::fail(
            CHECK,
            format!("rows refer to what is not there: {}", tables.join(", ")),
            "another program has written to the database: restore a backup",
        ),
    }
}

fn time(newest: i64, now: i64) -> Finding {
    const CHECK: &str = "clock";
    let behind = newest - now;
    match behind > BEHIND {
        true => Finding::warn(
            CHECK,
            format!("this machine's clock is {behind} seconds behind the newest time in the database"),
            "set the clock (NTP); until then new messages bear the newest time",
        ),
        false => Finding::ok(CHECK, "this machine's clock is not behind the newest time in the database"),
    }
}

/// Files below the folder of media, by name, with their sizes.
fn files_in(media: &Path) -> BTreeMap<String, u64> {
    let folders = std::fs::read_dir(media).into_iter().flatten().flatten();
    let folders = folders.filter(|entry| entry.file_name() != "drafts").map(|entry| entry.path());
    let entries = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?.len()))).collect()
}

fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST);
    let told = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{told} and {more} more") } else { told }
}

fn orphans(checkup: &Checkup, data: &Path, files: &BTreeMap<String, u64>) -> Result<Finding> {
    const CHECK: &str = "files";
    let mut lost = Vec::new();
    let mut shown = HashSet::new();
    checkup.shown_files(|name| {
        // One that came since the folder was read is there all the same.
        let there = files.contains_key(&name) || data.join("media").join(folder_of(&name)).join(&name).exists();
        if !there {
            lost.push(name.clone());
        }
        shown.insert(name);
    })?;
    let mut nobodys = Vec::new();
    for name in files.keys().filter(|name| !shown.contains(*name)) {
        if !checkup.knows_file(name)? {
            nobodys.push(name.clone());
        }
    }
    if !lost.is_empty() {
        let says = format!("{} files that messages show are not in the folder: {}", lost.len(), some(&lost));
        return Ok(Finding::fail(
            CHECK,
            says,
            "put them back from a backup (media/ in the archive), under the same names",
        ));
    }
    Ok(match nobodys.is_empty() {
        true => Finding::ok(CHECK, format!("{} files, each with its row", files.len())),
        false => Finding::warn(
            CHECK,
            format!("{} files in media/ belong to nothing: {}", nobodys.len(), some(&nobodys)),
            "they only take room, and can be removed",
        ),
    })
}

fn backlog((waiting, is_far): (i64, bool)) -> Finding {
    const CHECK: &str = "search";
    let says = format!("{} messages wait for the search index", waiting.max(0));
    match is_far {
        true => Finding::warn(CHECK, says, "they are found, slowly: leave the server running, it catches up by itself"),
        false => Finding::ok(CHECK, says),
    }
}

/// The pieces whose counters are wrong, and what is to be said of them.
pub fn recount(database: &Path) -> Result<(Vec<Piece>, Finding)> {
    let checkup = Checkup::open(database)?;
    let (mut wrong, mut rows) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for piece in checkup.pieces()? {
        let found = checkup.wrong(&piece)?;
        if found > 0 {
            *rows.entry(piece.counters()).or_default() += found;
            wrong.push(piece);
        }
    }
    let told: Vec<String> = rows.iter().map(|(name, rows)| format!("{name} ({rows})")).collect();
    let finding = match told.is_empty() {
        true => Finding::ok("counters", "every counter is what it counts"),
        false => {
            Finding::fail("counters", format!("wrong: {}", told.join("; ")), "hobnob doctor --repair counts them again")
        }
    };
    Ok((wrong, finding))
}

/// Mends those pieces, each in a write of its own; how many rows were wrong.
pub async fn mend(store: &Store, pieces: Vec<Piece>) -> Result<usize> {
    let mut mended = 0;
    for piece in pieces {
        mended += store.write("counters.mend", move |tx| repair::mend(tx, &piece)).await?;
    }
    Ok(mended)
}
