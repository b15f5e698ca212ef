//! Lists of words or patterns.

use rusqlite::{Row, params};

use crate::model::error::{Error, Result};
use crate::model::moderation::list::{Draft, Keywords};
use crate::model::moderation::rule::Category;
use crate::model::moderation::usual;
use crate::store::{Read, Write};

use super::rules::revision_id;

const COLUMNS: &str =
    "list_id, name, description, category, is_csv, terms, created_at, updated_at, revision, usual, place";

fn list(row: &Row<'_>, app_id: &str) -> rusqlite::Result<Keywords> {
    let (id, category, terms): (String, String, String) = (row.get(0)?, row.get(3)?, row.get(5)?);
    let revision_id = revision_id(app_id, &id, row.get(8)?);
    let place = row.get::<_, Option<String>>(10)?.and_then(|place| serde_json::from_str(&place).ok());
    Ok(Keywords {
        id,
        name: row.get(1)?,
        description: row.get(2)?,
        category: Category::parse(&category).unwrap_or(Category::Word),
        is_csv: row.get(4)?,
        search_terms: serde_json::from_str(&terms).unwrap_or_default(),
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        revision_id,
        active: true,
        default: row.get(9)?,
        place,
    })
}

/// One that the server brings and nobody changed. It is as old as the app.
fn untouched(read: &Read<'_>, (app, app_id): (i64, &str), draft: Draft) -> Result<Keywords> {
    let (_, at) = crate::store::apps::title(read, app)?;
    Ok(Keywords {
        revision_id: revision_id(app_id, &draft.id, 1),
        id: draft.id,
        name: draft.name,
        description: draft.description,
        category: draft.category,
        is_csv: draft.is_csv,
        search_terms: draft.terms,
        created_at: at,
        updated_at: at,
        active: true,
        default: true,
        place: draft.place,
    })
}

/// The lists of the app, those of the server first, then the oldest first.
pub fn all(read: &Read<'_>, (app, app_id): (i64, &str)) -> Result<Vec<Keywords>> {
    let mut own = read.all(
        &format!("SELECT {COLUMNS} FROM moderation_lists WHERE app = ?1 ORDER BY created_at, list_id"),
        [app],
        |row| list(row, app_id),
    )?;
    let mut lists = Vec::new();
    for draft in usual::lists() {
        match own.iter().position(|own| own.id == draft.id) {
            Some(at) => lists.push(own.remove(at)),
            None => lists.push(untouched(read, (app, app_id), draft)?),
        }
    }
    lists.extend(own);
    Ok(lists)
}

pub fn find(read: &Read<'_>, (app, app_id): (i64, &str), id: &str) -> Result<Option<Keywords>> {
    let found = read.first(
        &format!("SELECT {COLUMNS} FROM moderation_lists WHERE app = ?1 AND list_id = ?2"),
        params![app, id],
        |row| list(row, app_id),
    )?;
    match found {
        Some(found) => Ok(Some(found)),
        None => {
            let brought = usual::lists().into_iter().find(|draft| draft.id == id);
            brought.map(|draft| untouched(read, (app, app_id), draft)).transpose()
        }
    }
}

/// What the list holds; nothing, where there is none.
pub fn terms(read: &Read<'_>, app: i64, id: &str) -> Result<Vec<String>> {
    Ok(find(read, (app, ""), id)?.map(|list| list.search_terms).unwrap_or_default())
}

/// How many lists of its own the app has.
pub fn count(read: &Read<'_>, app: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM moderation_lists WHERE app = ?1 AND usual = 0", [app])
}

/// Stores a list, or its next revision. `usual`: the server brings one of this id.
pub fn put(tx: &mut Write<'_>, app: i64, draft: &Draft, usual: bool) -> Result<()> {
    let terms = serde_json::to_string(&draft.terms).map_err(|e| Error::internal("moderation_lists", e))?;
    let place = draft.place.as_ref().map(serde_json::to_string).transpose();
    let place = place.map_err(|e| Error::internal("moderation_lists", e))?;
    // What the server brought is the first revision.
    tx.run(
        "INSERT INTO moderation_lists (app, list_id, revision, usual, name, description, category, is_csv, terms,
             created_at, updated_at, place)
         VALUES (?1, ?2, 1 + ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)
         ON CONFLICT (app, list_id) DO UPDATE SET revision = revision + 1, name = excluded.name,
             description = excluded.description, category = excluded.category, is_csv = excluded.is_csv,
             terms = excluded.terms, updated_at = excluded.updated_at, place = excluded.place",
        params![
            app,
            draft.id,
            usual,
            draft.name,
            draft.description,
            draft.category.as_str(),
            draft.is_csv,
            terms,
            tx.now(),
            place
        ],
    )?;
    tx.rules_changed(app);
    Ok(())
}

pub fn delete(tx: &mut Write<'_>, app: i64, id: &str) -> Result<()> {
    tx.run("DELETE FROM moderation_lists WHERE app = ?1 AND list_id = ?2", params![app, id])?;
    tx.rules_changed(app);
    Ok(())
}
