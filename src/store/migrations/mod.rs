//! From an older schema to the current one.
//!
//! `schema.sql` is always the current schema; a database made by an older Hobnob takes the numbered steps between.
//! Each step is one transaction that also raises `user_version`, so a power cut leaves a database of one version or the
//! other, never between. Before the first step the whole database is copied beside itself, so that the way back is a
//! rename. A database of a newer Hobnob is refused: what it holds is not known here.
//!
//! A step is a file `NNNN.sql`, named by the version it leads to. It runs without foreign keys (tables are rebuilt in
//! steps) and is checked for broken ones before it is committed; the store's SQL functions are there.

mod made;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use self::made::statements;
pub use self::made::{missing, strange};
use super::db::SCHEMA;
use crate::durable;
use crate::model::error::{Error, Result};

/// The steps, the first leading from schema 1 to 2.
const STEPS: &[&str] =
    &[include_str!("0002.sql"), include_str!("0003.sql"), include_str!("0004.sql"), include_str!("0005.sql")];

/// `PRAGMA user_version` of a database made from `schema.sql` as it is now.
pub const VERSION: i64 = 1 + STEPS.len() as i64;

/// How often a start that takes long says how far it has come, and after how many steps of SQLite it looks at the clock.
const TELL: Duration = Duration::from_secs(5);
const LOOK: i32 = 1_000_000;

/// Brings the database at `path` from schema `from` to [`VERSION`]. Where that takes long, the log says how far it is.
pub fn migrate(connection: &Connection, path: &Path, from: i64) -> Result<()> {
    migrate_telling(connection, path, from, (TELL, LOOK), |line| log::info!("{line}"))
}

/// `Err`: the schema is of a newer version. What such a database holds is not known here, so it is not even copied.
pub fn refuse_newer(schema: i64) -> Result<()> {
    if (1..=VERSION).contains(&schema) {
        return Ok(());
    }
    let sentence = format!(
        "The database was made by a newer version of Hobnob (schema {schema}; this one knows up to {VERSION}). \
         Use that version, or a copy of the database from before it."
    );
    Err(Error::internal("database", sentence))
}

/// What is being done, for who waits for it.
type Doing = Arc<Mutex<String>>;

fn now_doing(doing: &Doing, what: String) {
    *doing.lock().unwrap_or_else(|e| e.into_inner()) = what;
}

fn migrate_telling(
    connection: &Connection,
    path: &Path,
    from: i64,
    (every, look): (Duration, i32),
    mut say: impl FnMut(String) + Send + 'static,
) -> Result<()> {
    refuse_newer(from)?;
    if from == VERSION {
        return Ok(());
    }
    let doing = Doing::default();
    let (shown, started, mut told) = (doing.clone(), Instant::now(), Instant::now());
    let tell = move || {
        if told.elapsed() >= every {
            told = Instant::now();
            let what = shown.lock().unwrap_or_else(|e| e.into_inner());
            say(format!("database: {what}; {} s so far", started.elapsed().as_secs()));
        }
        false
    };
    connection.progress_handler(look, Some(tell))?;
    let done = steps(connection, path, from, &doing);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    done
}

fn steps(connection: &Connection, path: &Path, from: i64, doing: &Doing) -> Result<()> {
    now_doing(doing, format!("a copy of schema {from} is made"));
    let copy = snapshot(connection, path, from)?;
    log::warn!("database: schema {from} becomes {VERSION}; as it was: {}", copy.display());
    connection.pragma_update(None, "foreign_keys", false)?;
    let done = (from..VERSION).try_for_each(|version| step(connection, version, doing));
    connection.pragma_update(None, "foreign_keys", true)?;
    done
}

/// The name of the copy that is kept of a database of schema `from`.
fn snapshot_path(path: &Path, from: i64) -> PathBuf {
    path.with_extension(format!("schema-{from}.db"))
}

/// Copies the database as it is. A copy that is there gives way, once the new one is whole: after a try that failed, or after
/// the way back, an older Hobnob may have served the folder for months.
fn snapshot(connection: &Connection, path: &Path, from: i64) -> Result<PathBuf> {
    let copy = snapshot_path(path, from);
    let unfinished = path.with_extension("snapshot");
    let _ = std::fs::remove_file(&unfinished);
    super::db::private_file(&unfinished)?;
    let name = unfinished.to_string_lossy().into_owned();
    connection.execute("VACUUM INTO ?1", [&name])?;
    durable::place(&unfinished, &copy).map_err(|e| Error::internal("snapshot", e))?;
    Ok(copy)
}

/// One step up from `version`, unless another process took it meanwhile.
fn step(connection: &Connection, version: i64, doing: &Doing) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = (|| {
        let now: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if now != version {
            return Ok(());
        }
        let pieces = statements(STEPS[version as usize - 1]);
        for (done, piece) in pieces.iter().enumerate() {
            now_doing(doing, format!("to schema {}, statement {} of {}", version + 1, done + 1, pieces.len()));
            connection.execute_batch(piece)?;
        }
        now_doing(doing, format!("to schema {}, references are checked", version + 1));
        if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
            return Err(Error::internal(
                "database",
                format!("broken references after the step to schema {}", version + 1),
            ));
        }
        connection.pragma_update(None, "user_version", version + 1)?;
        Ok(())
    })();
    match done {
        Ok(()) => Ok(connection.execute_batch("COMMIT")?),
        Err(error) => {
            let _ = connection.execute_batch("ROLLBACK");
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::made::words;
    use super::*;
    use crate::store::db;
    use std::collections::BTreeMap;
    use std::io::Read as _;

    /// A database as the first release with schema 1 left it, with a bit of everything in it.
    const SCHEMA_1: &[u8] = include_bytes!("../../../tests/it/fixtures/schema-1.db.gz");

    fn kept(dir: &Path) -> PathBuf {
        let path = dir.join("hobnob.db");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(SCHEMA_1).read_to_end(&mut bytes).expect("unpacks");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    fn open(path: &Path) -> Result<Connection> {
        db::open_writer(path, Arc::new(|_| false))
    }

    /// What a schema is, whatever the order in which it came about: columns of each table with their constraints, foreign
    /// keys, indexes and triggers.
    fn shape(connection: &Connection) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        let rows = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).expect("prepares");
            let columns = statement.column_count();
            let read = statement.query_map([], |row| {
                (0..columns)
                    .map(|n| row.get::<_, rusqlite::types::Value>(n).map(|v| format!("{v:?}")))
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
            let mut lines: Vec<String> = read.expect("runs").map(|row| row.expect("reads").join(" ")).collect();
            lines.sort();
            lines
        };
        let mut statement = connection
            .prepare(
                "SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
            )
            .expect("prepares");
        let things = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)));
        for thing in things.expect("runs") {
            let (kind, name, sql) = thing.expect("reads");
            let mut lines = match kind.as_str() {
                "table" => {
                    let mut lines = rows(&format!(
                        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo('{name}')"
                    ));
                    lines.extend(rows(&format!("SELECT \"from\", \"table\", \"to\", on_update, on_delete FROM pragma_foreign_key_list('{name}')")));
                    lines.extend(rows(&format!("SELECT strict, wr FROM pragma_table_list WHERE name = '{name}'")));
                    lines.extend(rows(&format!(
                        "SELECT l.\"unique\", l.origin, l.partial, (SELECT group_concat(coalesce(x.name, '') || x.coll) FROM pragma_index_xinfo(l.name) x WHERE x.key)
                         FROM pragma_index_list('{name}') l"
                    )));
                    // What the pragmas do not say.
                    let checks = words(&sql);
                    lines.extend(
                        checks
                            .match_indices("CHECK (")
                            .map(|(at, _)| checks[at..].split(" ,").next().unwrap_or_default().to_owned()),
                    );
                    lines
                }
                _ => vec![words(&sql)],
            };
            lines.sort();
            found.insert(format!("{kind} {name}"), lines);
        }
        found
    }

    #[test]
    fn an_old_database_comes_to_the_current_schema_and_is_kept_as_it_was() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = kept(dir.path());
        let admin = "INSERT INTO admins (name, password_hash, created_at) VALUES ('root', '', 1)";
        Connection::open(&path).expect("opens").execute_batch(admin).expect("an admin from before there were roles");
        let migrated = open(&path).expect("migrates");
        let role: String = migrated.query_row("SELECT role FROM admins", [], |row| row.get(0)).expect("reads");
        assert_eq!(role, "owner");
        let fresh = open(&dir.path().join("fresh.db")).expect("opens");
        let (is, want) = (shape(&migrated), shape(&fresh));
        for (name, lines) in &want {
            assert_eq!(is.get(name), Some(lines), "{name}");
        }
        assert_eq!(
            is.len(),
            want.len(),
            "{:?}",
            is.keys().filter(|name| !want.contains_key(*name)).collect::<Vec<_>>()
        );

        let copy = Connection::open(snapshot_path(&path, 1)).expect("the snapshot");
        let version =
            |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        assert_eq!((version(&copy), version(&migrated)), (Ok(1), Ok(VERSION)));
        let messages = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(messages(&copy), messages(&migrated));
        let whole: String = migrated.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("answers");
        assert_eq!(whole, "ok");
    }

    #[test]
    fn whatever_indexes_a_database_of_schema_2_has_it_comes_to_the_current_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let want = shape(&open(&dir.path().join("fresh.db")).expect("opens"));
        for (name, gone) in
            [("new.db", ""), ("old.db", "DROP INDEX conversations_pairs; DROP INDEX participants_changed;")]
        {
            let path = dir.path().join(name);
            let older = open(&path).expect("opens");
            older.execute_batch(gone).expect("dropped");
            older.execute_batch(SCHEMA_4_BRINGS).expect("dropped");
            older.pragma_update(None, "user_version", 2).expect("older");
            drop(older);
            assert_eq!(shape(&open(&path).expect("migrates")), want, "{name}");
        }
    }

    /// Takes away what the step to schema 4 brings.
    const SCHEMA_4_BRINGS: &str =
        "DROP INDEX messages_by_kind; DROP INDEX messages_by_tags; DROP INDEX messages_by_update;
         ALTER TABLE clock DROP COLUMN ordered_after;";

    #[test]
    fn messages_are_in_the_order_of_their_times_after_the_last_that_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = kept(dir.path());
        let current = open(&path).expect("migrates");
        let number =
            |connection: &Connection, sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
        let ids = "SELECT count(*) FROM messages WHERE id > 9000";
        current
            .execute_batch(
                "INSERT INTO messages (id, app, conv_id, sender_id, category, type, data, sent_at, updated_at, seq)
                 SELECT 9000 + value, app, conv_id, sender_id, 'message', 'text', '{}', 4000000000 + value / 3, 1, 1
                 FROM (SELECT app, conv_id, sender_id FROM messages LIMIT 1), (SELECT key AS value FROM json_each('[1,1,1,1,1,1,1,1,1,1]'))",
            )
            .expect("filled");
        assert_eq!(number(&current, ids), 9);
        drop(current);
        for (changed, want) in [
            ("UPDATE clock SET last = 6000000000", None),
            ("UPDATE messages SET sent_at = 5000000000 WHERE id = 9004", Some(9009)),
            ("UPDATE messages SET sent_at = 4000000000 WHERE id IN (9004, 9006)", Some(9006)),
            ("UPDATE messages SET sent_at = 4000000000 + id WHERE id > 9000", None),
            // From the future: what is sent next comes before it.
            ("UPDATE clock SET last = 4000000000 + 9007", Some(9009)),
            ("UPDATE messages SET sent_at = 1 WHERE id > 9007", Some(9009)),
        ] {
            let older = Connection::open(&path).expect("opens");
            db::add_functions(&older, Arc::new(|_| false)).expect("added");
            older.execute_batch(changed).expect("changed");
            // One that came to schema 4 before the future was thought of.
            older.execute_batch("UPDATE clock SET ordered_after = 0; PRAGMA user_version = 4").expect("older");
            let seen = |path: &Path| number(&open(path).expect("migrates"), "SELECT ordered_after FROM clock");
            let after = seen(&path);
            older.execute_batch(SCHEMA_4_BRINGS).expect("dropped");
            older.pragma_update(None, "user_version", 3).expect("older");
            drop(older);
            assert_eq!(seen(&path), after, "{changed}");
            assert!(want.map_or(after < 9000, |want| after == want), "{changed}: {after}");
        }
    }

    #[test]
    fn what_is_not_ours_is_told_from_what_a_release_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let fresh = open(&dir.path().join("fresh.db")).expect("opens");
        let older = Connection::open(kept(dir.path())).expect("opens");
        assert_eq!(strange(&older, 1).expect("reads"), []);
        let migrated = open(&dir.path().join("hobnob.db")).expect("migrates");
        for ours in [&fresh, &migrated] {
            assert_eq!(strange(ours, VERSION).expect("reads"), []);
        }
        fresh
            .execute_batch(
                "CREATE TRIGGER spy AFTER INSERT ON messages BEGIN DELETE FROM audit; END;
                 CREATE VIEW totals AS SELECT count(*) FROM messages;
                 CREATE VIRTUAL TABLE more USING fts5(words)",
            )
            .expect("made");
        let mut found = strange(&fresh, VERSION).expect("reads");
        found.sort();
        let expected = [("TABLE", "more"), ("TRIGGER", "spy"), ("VIEW", "totals")];
        assert_eq!(found, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
        let disguised =
            "DROP TRIGGER messages_gone; CREATE TRIGGER messages_gone AFTER INSERT ON messages BEGIN SELECT 1; END";
        fresh.execute_batch(disguised).expect("made");
        assert!(strange(&fresh, VERSION).is_err());
    }

    #[test]
    fn reactions_that_look_the_same_become_one_and_groups_have_an_owner_who_is_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = kept(dir.path());
        let old = Connection::open(&path).expect("opens");
        let first = |sql: &str| old.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
        let message = first("SELECT min(id) FROM messages WHERE category = 'message' AND deleted_at IS NULL");
        let (app, a) =
            (first("SELECT app FROM users WHERE system = 0 ORDER BY id LIMIT 1"), first("SELECT max(id) FROM users"));
        old.execute_batch(&format!(
            "DELETE FROM reactions WHERE message_id = {message};
             INSERT INTO users (id, app, uid, name, created_at, deactivated_at)
             VALUES ({a} + 1, {app}, 'heart', 'x', 1, NULL), ({a} + 2, {app}, 'second', 'x', 1, NULL), ({a} + 3, {app}, 'away', 'x', 1, 2);
             INSERT INTO reactions (message_id, user_id, reaction, reacted_at) VALUES
               ({message}, {a} + 1, '❤' || char(0xFE0F), 1), ({message}, {a} + 1, '❤', 2), ({message}, {a} + 2, '❤', 3),
               ({message}, {a} + 2, char(0x200B), 4), ({message} + 1, {a} + 1, ' ', 5);
             INSERT INTO groups (id, app, guid, name, type, owner_id, conv_id, members_count, created_at)
             VALUES (9001, {app}, 'orphan', 'x', 'public', {a} + 3, 0, 3, 1), (9002, {app}, 'empty', 'x', 'public', {a} + 3, 0, 1, 1);
             INSERT INTO members (group_id, user_id, scope, joined_at)
             VALUES (9001, {a} + 3, 'admin', 1), (9001, {a} + 1, 'participant', 2), (9001, {a} + 2, 'moderator', 3), (9002, {a} + 3, 'admin', 1);"
        ))
        .expect("filled");
        drop(old);
        let new = open(&path).expect("migrates");
        let rows = |sql: &str| -> Vec<(String, i64)> {
            let mut statement = new.prepare(sql).expect(sql);
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect(sql);
            rows.map(|row| row.expect("a row")).collect()
        };
        let heart = "❤\u{FE0F}".to_owned();
        assert_eq!(
            rows(&format!(
                "SELECT reaction, user_id FROM reactions WHERE message_id IN ({message}, {message} + 1) ORDER BY id"
            )),
            [(heart.clone(), a + 1), (heart, a + 2)]
        );
        assert_eq!(
            rows(
                "SELECT u.uid, g.members_count FROM groups g JOIN users u ON u.id = g.owner_id WHERE g.id > 9000 ORDER BY g.id"
            ),
            [("second".to_owned(), 2), ("app_system".to_owned(), 0)]
        );
        assert_eq!(
            rows("SELECT scope, user_id FROM members WHERE group_id = 9001 AND scope = 'admin' ORDER BY 2").len(),
            2
        );
        let flagged = format!("SELECT '', flags & 64 FROM messages WHERE id IN ({message}, {message} + 1) ORDER BY id");
        assert_eq!(rows(&flagged).iter().map(|row| row.1).collect::<Vec<_>>(), [64, 0]);
    }

    #[test]
    fn urls_of_own_files_lose_the_host_they_were_uploaded_by() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = kept(dir.path());
        let old = Connection::open(&path).expect("opens");
        let app: String = old.query_row("SELECT app_id FROM apps", [], |row| row.get(0)).expect("an app");
        let name = format!("{}.png", "ab".repeat(16));
        let url = format!("http://127.0.0.1:8080/media/{app}/{name}");
        let data = format!(
            r#"{{"url":"{url}","attachments":[{{"name":"a","url":"{url}"}},{{"url":"https://else/{name}"}}]}}"#
        );
        let ids = "(SELECT min(id) FROM messages WHERE category = 'message')";
        old.execute(&format!("UPDATE messages SET data = ?1, flags = flags | 2 WHERE id = {ids}"), [&data])
            .expect("set");
        old.execute("UPDATE users SET avatar = ?1 WHERE uid <> 'app_system'", [&url]).expect("set");
        old.execute("UPDATE groups SET icon = 'https://else/media/x.png'", []).expect("set");
        drop(old);
        let migrated = open(&path).expect("migrates");
        let text = |sql: &str| migrated.query_row(sql, [], |row| row.get::<_, String>(0)).expect(sql);
        let stored = format!("\u{FDD0}/media/{app}/{name}");
        let data = text(&format!("SELECT data FROM messages WHERE id = {ids}"));
        assert_eq!(
            data,
            format!(
                r#"{{"url":"{stored}","attachments":[{{"name":"a","url":"{stored}"}},{{"url":"https://else/{name}"}}]}}"#
            )
        );
        assert_eq!(text("SELECT avatar FROM users WHERE avatar IS NOT NULL LIMIT 1"), stored);
        assert_eq!(text("SELECT icon FROM groups LIMIT 1"), "https://else/media/x.png");
    }

    #[test]
    fn a_long_migration_says_how_far_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = kept(dir.path());
        let connection = Connection::open(&path).expect("opens");
        db::add_functions(&connection, Arc::new(|_| false)).expect("functions");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let says = lines.clone();
        migrate_telling(&connection, &path, 1, (Duration::ZERO, 10), move |line| {
            says.lock().expect("whole").push(line)
        })
        .expect("migrates");
        let heard = || lines.lock().expect("whole").clone();
        let count = statements(STEPS[0]).len();
        assert!(count > 50, "{count}");
        for part in [
            "a copy of schema 1 is made",
            &format!("to schema 2, statement 1 of {count}; 0 s"),
            "references are checked",
        ] {
            assert!(heard().iter().any(|line| line.contains(part)), "{part}: {:?}", heard());
        }
        // Nothing is said any more once it is done.
        let before = heard().len();
        connection.execute_batch("SELECT count(*) FROM messages a, users b, users c").expect("runs");
        assert_eq!(heard().len(), before);
    }

    #[test]
    fn the_copy_is_of_the_database_as_it_was_just_before() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = kept(dir.path());
        // Of a try that failed; an older Hobnob has served the folder since.
        std::fs::copy(&path, snapshot_path(&path, 1)).expect("copied");
        let old = Connection::open(&path).expect("opens");
        old.execute("UPDATE users SET name = 'since then'", []).expect("written");
        drop(old);
        open(&path).expect("migrates");
        let copy = Connection::open(snapshot_path(&path, 1)).expect("the snapshot");
        let name: String = copy.query_row("SELECT name FROM users LIMIT 1", [], |row| row.get(0)).expect("a name");
        assert_eq!(name, "since then");
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("hobnob.db");
        open(&path).expect("opens").pragma_update(None, "user_version", VERSION + 1).expect("set");
        let before = std::fs::read(&path).expect("reads");
        let refused = open(&path).expect_err("refused").plain();
        assert!(refused.contains("newer version of Hobnob") && refused.contains(&VERSION.to_string()), "{refused}");
        assert_eq!(std::fs::read(&path).expect("reads"), before);
    }
}
