//! Messages that an app asks about, which nobody sends: the newest of each app.
//!
//! Whom one is from or to takes it along when they go, and so does whoever it names: it is the app's question, and no
//! history of anybody.

use rusqlite::{Row, params};

use crate::model::error::{Code, Error, Result};
use crate::model::message::Category;
use crate::model::moderation::{Sides, State, To};
use crate::model::page::Affix;
use crate::store::rows::{ids_text, tags, tags_text};
use crate::store::{Read, Write, messages};

/// One as it is stored.
#[derive(Clone, Debug)]
pub struct Submitted {
    pub id: i64,
    pub sides: Sides,
    pub category: Category,
    pub kind: String,
    /// JSON object text
    pub data: String,
    pub tags: Option<Vec<String>>,
    pub muid: Option<String>,
    pub state: State,
    pub sent_at: i64,
    pub updated_at: i64,
    pub edited_at: Option<i64>,
}

/// What is shown of one: columns, and that neither side is on its way out.
macro_rules! one {
    () => {
        "SELECT id, sender_id, user_id, group_id, category, type, data, tags, muid, status, sent_at, updated_at, edited_at
         FROM submitted_messages
         WHERE sender_id NOT IN (SELECT user_id FROM gone_users)
           AND coalesce(user_id, 0) NOT IN (SELECT user_id FROM gone_users)
           AND coalesce(group_id, 0) NOT IN (SELECT group_id FROM gone_groups)"
    };
}

fn submitted(row: &Row<'_>) -> rusqlite::Result<Submitted> {
    let to = match (row.get::<_, Option<i64>>(2)?, row.get::<_, Option<i64>>(3)?) {
        (_, Some(group)) => To::Group(group),
        (user, None) => To::User(user.unwrap_or_default()),
    };
    let (category, status): (String, String) = (row.get(4)?, row.get(9)?);
    Ok(Submitted {
        id: row.get(0)?,
        sides: Sides { sender: row.get(1)?, to },
        category: Category::parse(&category).unwrap_or_default(),
        kind: row.get(5)?,
        data: row.get(6)?,
        tags: tags(row.get(7)?),
        muid: row.get(8)?,
        state: State::parse(&status).unwrap_or(State::Disapproved),
        sent_at: row.get(10)?,
        updated_at: row.get(11)?,
        edited_at: row.get(12)?,
    })
}

/// Rows that one write removes of those that are too many: some milliseconds, where the limit was lowered.
const PIECE: i64 = 100;

/// Stores one, with an id of its own; `kept`: so many of the app stay.
pub fn insert(tx: &Write<'_>, app: i64, new: &Submitted, kept: i64) -> Result<i64> {
    let id = messages::spend_id(tx)?;
    let nth = tx.number("SELECT coalesce(max(nth), 0) + 1 FROM submitted_messages WHERE app = ?1", [app])?;
    let (user, group) = columns(new.sides.to);
    tx.run(
        "INSERT INTO submitted_messages (id, app, nth, sender_id, user_id, group_id, category, type, data, tags, muid,
                                         status, sent_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            id,
            app,
            nth,
            new.sides.sender,
            user,
            group,
            new.category.as_str(),
            new.kind,
            new.data,
            tags_text(&new.tags),
            new.muid,
            new.state.as_str(),
            new.sent_at,
            new.updated_at
        ],
    )?;
    tx.run(
        "DELETE FROM submitted_messages WHERE id IN (
             SELECT id FROM submitted_messages WHERE app = ?1 AND nth <= ?2 ORDER BY nth LIMIT ?3)",
        [app, nth - kept.max(1), PIECE],
    )?;
    Ok(id)
}

fn columns(to: To) -> (Option<i64>, Option<i64>) {
    match to {
        To::User(user) => (Some(user), None),
        To::Group(group) => (None, Some(group)),
    }
}

/// Notes what it says since an edit, and what rules say of that.
pub fn update(tx: &Write<'_>, id: i64, data: &str, state: State) -> Result<()> {
    tx.run(
        "UPDATE submitted_messages SET data = ?2, status = ?3, updated_at = ?4, edited_at = ?4 WHERE id = ?1",
        params![id, data, state.as_str(), tx.now()],
    )?;
    Ok(())
}

/// Notes what engines outside say of it.
pub fn set_state(tx: &Write<'_>, id: i64, state: State) -> Result<()> {
    tx.run("UPDATE submitted_messages SET status = ?2 WHERE id = ?1", params![id, state.as_str()])?;
    Ok(())
}

pub fn delete(tx: &Write<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM submitted_messages WHERE id = ?1", [id])?;
    Ok(())
}

pub fn find(read: &Read<'_>, app: i64, id: i64) -> Result<Submitted> {
    let found = read.first(concat!(one!(), " AND app = ?1 AND id = ?2"), [app, id], submitted)?;
    found.ok_or_else(|| Error::new(Code::MessageNotFound, format!("No message with the id {id} was submitted.")))
}

/// The one with these sides that its sender gave this muid.
pub fn of_muid(read: &Read<'_>, sides: Sides, muid: &str) -> Result<Option<Submitted>> {
    let (user, group) = columns(sides.to);
    read.first(
        concat!(one!(), " AND sender_id = ?1 AND muid = ?2 AND user_id IS ?3 AND group_id IS ?4 ORDER BY id LIMIT 1"),
        params![sides.sender, muid, user, group],
        submitted,
    )
}

/// What a list is narrowed by; `None`: by nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// users.id
    pub sender: Option<i64>,
    /// users.id
    pub user: Option<i64>,
    /// groups.id
    pub group: Option<i64>,
    pub category: Option<Category>,
    pub kind: Option<String>,
    /// As in `data.moderation`.
    pub status: Option<String>,
}

/// A page by id: newer or older than `from`.
pub fn list(
    read: &Read<'_>,
    app: i64,
    filter: &Filter,
    (affix, from): (Affix, Option<i64>),
    limit: i64,
) -> Result<Vec<Submitted>> {
    macro_rules! narrowed {
        ($rest:literal) => {
            concat!(
                one!(),
                " AND app = ?1 AND (?4 IS NULL OR sender_id = ?4) AND (?5 IS NULL OR user_id = ?5)
                  AND (?6 IS NULL OR group_id = ?6) AND (?7 IS NULL OR category = ?7) AND (?8 IS NULL OR type = ?8)
                  AND (?9 IS NULL OR status = ?9) ",
                $rest
            )
        };
    }
    let sql = match affix {
        Affix::Append => narrowed!("AND id > coalesce(?2, 0) ORDER BY id LIMIT ?3"),
        Affix::Prepend => narrowed!("AND id < coalesce(?2, 9223372036854775807) ORDER BY id DESC LIMIT ?3"),
    };
    let category = filter.category.map(Category::as_str);
    let bounds =
        params![app, from, limit, filter.sender, filter.user, filter.group, category, filter.kind, filter.status];
    let mut found = read.all(sql, bounds, submitted)?;
    if affix == Affix::Prepend {
        found.reverse();
    }
    Ok(found)
}

/// Rows that one look for somebody's name takes in.
const LOOKS: i64 = 500;

/// Removes those behind this id that are from or to the user (users.id), or name them. How many were from or to them, and
/// where it goes on.
pub fn forget_person(tx: &Write<'_>, app: i64, (user, uid): (i64, &str), after: i64) -> Result<(i64, Option<i64>)> {
    let uid = uid.to_lowercase();
    let looked: Vec<(i64, bool, bool)> = tx.all(
        "SELECT id, sender_id = ?4 OR coalesce(user_id, 0) = ?4,
                instr(lower(data), '\"' || ?5 || '\"') > 0 OR instr(lower(data), '@uid:' || ?5) > 0
                    OR instr(lower(coalesce(tags, '')), '\"' || ?5 || '\"') > 0
         FROM submitted_messages WHERE app = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        params![app, after, LOOKS, user, uid],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let named = looked.iter().filter(|(_, own, named)| *own || *named).map(|(id, ..)| *id);
    tx.run("DELETE FROM submitted_messages WHERE id IN (SELECT value FROM json_each(?1))", [ids_text(named)])?;
    let own = looked.iter().filter(|(_, own, _)| *own).count() as i64;
    Ok((own, looked.last().map(|(id, ..)| *id)))
}
