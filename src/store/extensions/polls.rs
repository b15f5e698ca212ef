//! Polls and their votes. How many chose an option is counted by triggers; who did is read as far as it is shown.

use rusqlite::params;

use crate::model::error::Result;
use crate::model::extension::{Extension, inject};
use crate::model::json::{Object, to_raw};
use crate::model::poll::{Choice, Poll, Results, VOTER_BYTES, VOTERS, Voter};
use crate::store::messages::Row;
use crate::store::{Read, Write};

/// Makes the message a poll.
pub fn insert(tx: &Write<'_>, app: i64, message: i64, name: &str, poll: &Poll) -> Result<()> {
    tx.run(
        "INSERT INTO polls (message_id, app, name, question) VALUES (?1, ?2, ?3, ?4)",
        params![message, app, name, poll.question],
    )?;
    for (at, text) in poll.options.iter().enumerate() {
        tx.run(
            "INSERT INTO poll_options (message_id, number, text) VALUES (?1, ?2, ?3)",
            params![message, at as i64 + 1, text],
        )?;
    }
    Ok(())
}

/// The message of the poll with this name.
pub fn by_name(read: &Read<'_>, app: i64, name: &str) -> Result<Option<i64>> {
    read.first("SELECT message_id FROM polls WHERE app = ?1 AND name = ?2", params![app, name], |row| row.get(0))
}

/// Whether the poll has an option of this number; `None`: the message is no poll.
pub fn has_option(read: &Read<'_>, message: i64, number: i64) -> Result<Option<bool>> {
    read.first(
        "SELECT EXISTS (SELECT 1 FROM poll_options o WHERE o.message_id = p.message_id AND o.number = ?2)
         FROM polls p WHERE p.message_id = ?1",
        [message, number],
        |row| row.get(0),
    )
}

/// Moves the user's vote to the option; whether that changed anything.
pub fn vote(tx: &Write<'_>, message: i64, user: i64, number: i64) -> Result<bool> {
    let stands = tx.exists(
        "SELECT 1 FROM poll_votes WHERE message_id = ?1 AND user_id = ?2 AND number = ?3",
        [message, user, number],
    )?;
    if stands {
        return Ok(false);
    }
    tx.run("DELETE FROM poll_votes WHERE message_id = ?1 AND user_id = ?2", [message, user])?;
    tx.run("INSERT INTO poll_votes (message_id, user_id, number) VALUES (?1, ?2, ?3)", [message, user, number])?;
    Ok(true)
}

/// The poll as it stands. Who voted is shown up to a bound, the newest first, and the viewer's own vote in any case: that
/// is how a client knows it.
pub fn results(read: &Read<'_>, message: i64, viewer: Option<i64>) -> Result<Option<Results>> {
    let head = read.first("SELECT name, question FROM polls WHERE message_id = ?1", [message], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let Some((id, question)) = head else { return Ok(None) };
    let mut options = read.all(
        "SELECT number, text, votes FROM poll_options WHERE message_id = ?1 ORDER BY number",
        [message],
        |row| Ok(Choice { number: row.get(0)?, text: row.get(1)?, count: row.get(2)?, voters: Vec::new() }),
    )?;
    let share = VOTER_BYTES / options.len().max(1);
    for choice in options.iter_mut().filter(|choice| choice.count > 0) {
        let newest = read.all(
            "SELECT u.uid, u.name, u.avatar FROM poll_votes v CROSS JOIN users u ON u.id = v.user_id
             WHERE v.message_id = ?1 AND v.number = ?2 AND v.user_id NOT IN (SELECT user_id FROM gone_users)
             ORDER BY v.id DESC LIMIT ?3",
            [message, choice.number, VOTERS],
            voter,
        )?;
        let mut bytes = 0;
        for voter in newest {
            bytes += voter.bytes();
            if bytes > share && !choice.voters.is_empty() {
                break;
            }
            choice.voters.push(voter);
        }
    }
    if let Some((number, own)) = viewer.map(|viewer| of(read, message, viewer)).transpose()?.flatten()
        && let Some(choice) = options.iter_mut().find(|choice| choice.number == number)
        && !choice.voters.iter().any(|voter| voter.uid == own.uid)
    {
        choice.voters.push(own);
    }
    Ok(Some(Results { id, question, options }))
}

fn voter(row: &rusqlite::Row<'_>) -> rusqlite::Result<Voter> {
    Ok(Voter { uid: row.get(0)?, name: row.get(1)?, avatar: row.get(2)? })
}

/// The user's vote.
fn of(read: &Read<'_>, message: i64, user: i64) -> Result<Option<(i64, Voter)>> {
    read.first(
        "SELECT u.uid, u.name, u.avatar, v.number FROM poll_votes v CROSS JOIN users u ON u.id = v.user_id
         WHERE v.message_id = ?1 AND v.user_id = ?2",
        [message, user],
        |row| Ok((row.get(3)?, voter(row)?)),
    )
}

/// Puts the poll as it stands into the data of its message.
pub fn put_in(read: &Read<'_>, row: &mut Row, viewer: Option<i64>) -> Result<()> {
    let Some(results) = results(read, row.id, viewer)? else { return Ok(()) };
    let mut data = Object::parse(&row.data).unwrap_or_default();
    inject(&mut data, Extension::Polls, to_raw(&results));
    row.data = data.text();
    Ok(())
}

/// Notes that the message is another one than before, so that clients which were away find it among what changed.
pub fn touch(tx: &Write<'_>, message: i64, by: &str) -> Result<()> {
    tx.run(
        "UPDATE messages SET edited_at = ?2, edited_by = ?3, updated_at = ?2 WHERE id = ?1",
        params![message, tx.now(), by],
    )?;
    Ok(())
}
