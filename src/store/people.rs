//! Users as the writer has them in memory: each message names two of them.
//!
//! What is held is what is in the database, as the transaction under way would read it. A batch that changes a user,
//! by whatever statement (a cascade, a trigger), hears of that from SQLite, and goes to the rows from there to its end, so
//! that nothing is kept of what is undone later. What another process commits shows at the beginning of a batch
//! (`Writer::look`). Who is online is asked each time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::db::Online;
use super::presence;
use crate::model::error::Result;
use crate::model::user::{Status, User};

/// So many are held. One more, and all are forgotten: those who write are soon there again.
const MOST: usize = 4_096;

/// Whoever has more than these bytes of metadata is read each time.
const METADATA: usize = 4 * 1024;

pub struct People {
    online: Online,
    /// A user was changed since the batch began.
    changed: Arc<AtomicBool>,
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<i64, Arc<User>>,
    /// Of an app (apps.id) by uid, who is not deleted.
    by_uid: HashMap<i64, HashMap<String, Arc<User>>>,
}

impl People {
    /// For the only connection that writes.
    pub fn new(connection: &Connection, online: Online) -> Result<People> {
        let changed = Arc::new(AtomicBool::new(false));
        let noted = changed.clone();
        connection.update_hook(Some(move |_, _: &str, table: &str, _| {
            if table == "users" {
                noted.store(true, Ordering::Relaxed);
            }
        }))?;
        Ok(People { online, changed, known: RefCell::default() })
    }

    /// The batch is over: kept or undone.
    pub fn settle(&self) {
        if self.changed.swap(false, Ordering::Relaxed) {
            self.forget();
        }
    }

    /// Another process may have changed them.
    pub fn forget(&self) {
        *self.known.borrow_mut() = Known::default();
    }

    pub fn by_id(&self, id: i64) -> Option<User> {
        self.found(|known| known.by_id.get(&id).cloned())
    }

    pub fn by_uid(&self, app: i64, uid: &str) -> Option<User> {
        self.found(|known| known.by_uid.get(&app)?.get(uid).cloned())
    }

    /// `app`: it was found by its uid in that one, and is not deleted.
    pub fn note(&self, app: Option<i64>, user: &User) {
        if !self.is_open(user.id) || user.metadata.as_ref().is_some_and(|raw| raw.get().len() > METADATA) {
            return;
        }
        let known = &mut *self.known.borrow_mut();
        if known.by_id.len() >= MOST {
            *known = Known::default();
        }
        let user = known.by_id.entry(user.id).or_insert_with(|| Arc::new(user.clone()));
        if let Some(app) = app {
            known.by_uid.entry(app).or_default().insert(user.uid.clone(), user.clone());
        }
    }

    fn found(&self, look: impl FnOnce(&Known) -> Option<Arc<User>>) -> Option<User> {
        let user = look(&self.known.borrow()).filter(|user| self.is_open(user.id))?;
        let status = if (self.online)(user.id) { Status::Available } else { Status::Offline };
        Some(User { status, ..User::clone(&user) })
    }

    /// Whether what is held is what the rows say, to whoever looks now.
    fn is_open(&self, user: i64) -> bool {
        !self.changed.load(Ordering::Relaxed) && !presence::is_hidden(user)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;
    use crate::model::error::{Code, Error};
    use crate::model::ids::Uid;
    use crate::model::time::Clock;
    use crate::model::user::{Profile, UserDraft};
    use crate::store::rows::{columns, user};
    use crate::store::{Hooks, Store, Write, apps, users};

    const USERS: i64 = 6;

    fn make(tx: &Write<'_>, app: i64, uid: &str) -> Result<User> {
        let draft = UserDraft { uid: Uid::parse(uid)?, name: uid.to_owned(), role: None, profile: Profile::default() };
        users::insert(tx, app, draft)
    }

    /// All that is known of them, and the same by the rows.
    fn shown(tx: &Write<'_>, app: i64) -> Result<[Vec<String>; 2]> {
        let text = |user: Option<User>| format!("{user:?}");
        let (mut known, mut rows) = (Vec::new(), Vec::new());
        let row = |sql: &str, key: &dyn rusqlite::ToSql| tx.first(sql, [key], user).map(text);
        for n in 0..USERS {
            let uid = format!("user{n}");
            let found = users::any(tx, app, &Uid::parse(&uid)?)?;
            let sql = concat!("SELECT ", columns!(), " FROM users u WHERE u.uid = ?1 AND u.deleted_at IS NULL");
            rows.push(row(sql, &uid)?);
            if let Some(found) = &found {
                known.push(text(users::by_id(tx, found.id).ok()));
                rows.push(row(concat!("SELECT ", columns!(), " FROM users u WHERE u.id = ?1"), &found.id)?);
            }
            known.push(text(found));
        }
        known.sort();
        rows.sort();
        Ok([known, rows])
    }

    /// Whatever changes a user, in whatever order, kept or undone: what is known is what the rows say.
    #[tokio::test]
    async fn what_is_known_is_what_the_rows_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let online = Arc::new(AtomicI64::new(0));
        let asked = online.clone();
        let hooks = Hooks {
            online: Arc::new(move |user| asked.load(Ordering::Relaxed) == user),
            ..Hooks::alone(Clock::fixed(1_795_000_000))
        };
        let store = Store::open(&path, 1, 99, hooks).unwrap();
        let app = store.write("t", |tx| apps::insert(tx, "App", "us")).await.unwrap().id;
        let other = rusqlite::Connection::open(&path).unwrap();
        other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        let mut dice = 7_u64;
        let mut roll = |most: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % most
        };
        for n in 0..USERS {
            store.write("t", move |tx| make(tx, app, &format!("user{n}"))).await.unwrap();
        }
        for step in 0..400 {
            let (what, whom, refused) = (roll(9), roll(USERS as u64), roll(3) == 0);
            online.store(1 + roll(USERS as u64 + 2) as i64, Ordering::Relaxed);
            if what == 0 {
                let sql = "UPDATE users SET status_message = ?2 WHERE uid = ?1";
                other.execute(sql, rusqlite::params![format!("user{whom}"), format!("outside {step}")]).unwrap();
            }
            let act = move |tx: &mut Write<'_>| {
                let [known, rows] = shown(tx, app)?;
                assert_eq!(known, rows, "before step {step}");
                let uid = format!("user{whom}");
                match what {
                    1 | 2 => tx.run("UPDATE users SET name = ?2 WHERE uid = ?1", [&uid, &format!("name {step}")])?,
                    3 => tx.run("UPDATE users SET deleted_at = 1, deactivated_at = 1 WHERE uid = ?1", [&uid])?,
                    4 => tx.run("UPDATE users SET deleted_at = NULL, deactivated_at = NULL WHERE uid = ?1", [&uid])?,
                    5 => tx.run("DELETE FROM users WHERE uid = ?1", [&uid])?,
                    // By a cascade.
                    6 => {
                        let passing = apps::insert(tx, "Passing", "us")?.id;
                        tx.run("UPDATE users SET app = ?2 WHERE uid = ?1", rusqlite::params![uid, passing])?;
                        let [known, rows] = shown(tx, passing)?;
                        assert_eq!(known.len(), rows.len());
                        tx.run("DELETE FROM apps WHERE id = ?1", [passing])?
                    }
                    7 if users::any(tx, app, &Uid::parse(&uid)?)?.is_none() => {
                        tx.run("DELETE FROM users WHERE uid = ?1", [&uid])?;
                        make(tx, app, &uid).map(|_| 1)?
                    }
                    _ => 0,
                };
                let [known, rows] = shown(tx, app)?;
                assert_eq!(known, rows, "in step {step}");
                if refused { Err(Error::from(Code::BadRequest)) } else { Ok(()) }
            };
            // Two in one batch as it happens: the second sees what the first left.
            let look = move |tx: &mut Write<'_>| {
                let [known, rows] = shown(tx, app)?;
                assert_eq!(known, rows, "after step {step}");
                Ok(())
            };
            let (done, looked) = tokio::join!(store.write("t", act), store.write("t", look));
            assert_eq!(done.err().map(|error| error.code), refused.then_some(Code::BadRequest), "step {step}");
            looked.unwrap();
        }
        store.close();
    }
}
