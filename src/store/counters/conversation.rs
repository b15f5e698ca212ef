//! The counts of one conversation: its total, its holes, and each user's copy.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::{Fixes, prepare};
use crate::model::error::Result;
use crate::store::conversations::BLOCK;

/// Messages that count as unread for others.
const COUNTED: &str = "category IN ('message','custom','interactive')";

/// A message of a conversation, as far as counting goes.
struct Message {
    id: i64,
    seq: i64,
    sender: i64,
    counts: bool,
    /// Neither deleted nor hidden by a review.
    is_seen: bool,
}

/// What stands, or once stood, at a place of the count.
struct Point {
    sender: i64,
    /// Who has it after their read point has it unread; `None`: it is not there any more, or hidden.
    unread_after: Option<i64>,
}

/// Counts of one user's copy, as they stand there.
struct Copy {
    user: i64,
    read_id: i64,
    read_total: i64,
    own_total: i64,
    own_read: i64,
    own_seq: i64,
}

pub(super) fn fixes(connection: &Connection, id: i64) -> Result<Fixes> {
    let mut fixes = Fixes::default();
    let sql = format!(
        "SELECT id, seq, sender_id, {COUNTED}, deleted_at IS NULL AND flags & 512 = 0 FROM messages WHERE conv_id = ?1 ORDER BY id"
    );
    let mut statement = prepare(connection, &sql)?;
    let messages = statement.query_map([id], |row| {
        Ok(Message {
            id: row.get(0)?,
            seq: row.get(1)?,
            sender: row.get(2)?,
            counts: row.get(3)?,
            is_seen: row.get(4)?,
        })
    })?;
    let messages = messages.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut statement = prepare(connection, "SELECT seq, sender_id FROM holes WHERE conv_id = ?1")?;
    let holes = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut holes = holes.collect::<rusqlite::Result<BTreeMap<i64, i64>>>()?;

    let mut points: BTreeMap<i64, Point> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.counts) {
        match (message.is_seen, holes.contains_key(&message.seq)) {
            (true, true) => {
                fixes.wrong += 1;
                fixes.add("DELETE FROM holes WHERE conv_id = ?1 AND seq = ?2", [id, message.seq]);
                holes.remove(&message.seq);
            }
            (false, false) => {
                fixes.wrong += 1;
                let values = [id, message.seq, message.sender];
                fixes.add("INSERT INTO holes (conv_id, seq, sender_id) VALUES (?1, ?2, ?3)", values);
                holes.insert(message.seq, message.sender);
            }
            _ => {}
        }
        let unread_after = message.is_seen.then_some(message.id);
        points.insert(message.seq, Point { sender: message.sender, unread_after });
    }
    for (&seq, &sender) in &holes {
        points.entry(seq).or_insert(Point { sender, unread_after: None });
    }
    hole_sums(connection, id, &holes, &mut fixes)?;

    let total = points.keys().chain(messages.iter().map(|message| &message.seq)).max().copied().unwrap_or(0);
    let kept: i64 = connection.query_row("SELECT total FROM conversations WHERE id = ?1", [id], |row| row.get(0))?;
    if kept != total {
        fixes.wrong += 1;
        fixes.add("UPDATE conversations SET total = ?2 WHERE id = ?1", [id, total]);
    }
    copies(connection, id, &Counted { messages: &messages, points: &points, total }, &mut fixes)?;
    Ok(fixes)
}

/// The sums of holes by block, once the holes themselves are right.
fn hole_sums(connection: &Connection, id: i64, holes: &BTreeMap<i64, i64>, fixes: &mut Fixes) -> Result<()> {
    let mut sums: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    for (&seq, &sender) in holes {
        *sums.entry((0, seq >> BLOCK)).or_default() += 1;
        *sums.entry((sender, seq >> BLOCK)).or_default() += 1;
    }
    let sql = "SELECT sender_id, block, holes FROM hole_sums WHERE conv_id = ?1 AND holes <> 0";
    let mut statement = prepare(connection, sql)?;
    let kept = statement.query_map([id], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    let kept = kept.collect::<rusqlite::Result<BTreeMap<(i64, i64), i64>>>()?;
    // A hole that was mended moves its sums with it, by the triggers: all of them are said anew.
    if kept == sums && fixes.wrong == 0 {
        return Ok(());
    }
    let missing = sums.iter().filter(|(key, sum)| kept.get(key) != Some(sum)).count();
    fixes.wrong += missing + kept.keys().filter(|key| !sums.contains_key(key)).count();
    fixes.add("DELETE FROM hole_sums WHERE conv_id = ?1", [id]);
    for ((sender, block), sum) in sums {
        fixes.add(
            "INSERT INTO hole_sums (conv_id, sender_id, block, holes) VALUES (?1, ?2, ?3, ?4)",
            [id, sender, block, sum],
        );
    }
    Ok(())
}

/// What a conversation counts.
struct Counted<'a> {
    messages: &'a [Message],
    points: &'a BTreeMap<i64, Point>,
    total: i64,
}

impl Counted<'_> {
    /// What the user should find unread.
    fn unread(&self, user: i64, read_id: i64) -> usize {
        let first = self.messages.partition_point(|message| message.id <= read_id);
        let after = self.messages.get(first..).unwrap_or_default().iter();
        after.filter(|message| message.counts && message.is_seen && message.sender != user).count()
    }

    /// What the counters of the copy make of it (see `store/conversations.rs`).
    fn by_counters(&self, copy: &Copy) -> i64 {
        if self.total <= copy.read_total {
            return 0;
        }
        let after = self.points.range(copy.read_total + 1..);
        let holes = after.filter(|(_, point)| point.unread_after.is_none() && point.sender != copy.user).count() as i64;
        ((self.total - copy.read_total) - (copy.own_total - copy.own_read) - holes).max(0)
    }

    /// The count at the read point: that before the first message after it.
    fn total_at(&self, read_id: i64) -> i64 {
        let first = self.messages.partition_point(|message| message.id <= read_id);
        self.messages.get(first).map_or(self.total, |next| next.seq - i64::from(next.counts))
    }
}

/// Each user's copy of the conversation.
fn copies(connection: &Connection, id: i64, counted: &Counted<'_>, fixes: &mut Fixes) -> Result<()> {
    let mut own: HashMap<i64, Vec<i64>> = HashMap::new();
    for (&seq, point) in counted.points {
        own.entry(point.sender).or_default().push(seq);
    }
    let sql = "SELECT user_id, read_id, read_total, own_total, own_read, own_seq FROM participants WHERE conv_id = ?1";
    let mut statement = prepare(connection, sql)?;
    let copies = statement.query_map([id], |row| {
        Ok(Copy {
            user: row.get(0)?,
            read_id: row.get(1)?,
            read_total: row.get(2)?,
            own_total: row.get(3)?,
            own_read: row.get(4)?,
            own_seq: row.get(5)?,
        })
    })?;
    for copy in copies {
        let copy = copy?;
        let seqs = own.get(&copy.user).map_or(&[][..], Vec::as_slice);
        if is_right(connection, id, counted, &copy, seqs)? {
            continue;
        }
        fixes.wrong += 1;
        let read_total = counted.total_at(copy.read_id);
        let own_read = seqs.partition_point(|seq| *seq <= read_total) as i64;
        let newest = seqs.last().copied().unwrap_or(0);
        fixes.add(
            "UPDATE participants SET read_total = ?3, own_total = ?4, own_read = ?5, own_seq = ?6 WHERE user_id = ?1 AND conv_id = ?2",
            [copy.user, id, read_total, seqs.len() as i64, own_read, newest],
        );
        // After that, because a newer `own_seq` notes a mark by itself.
        fixes.add("DELETE FROM own_marks WHERE conv_id = ?1 AND user_id = ?2", [id, copy.user]);
        for (block, sum) in marks(seqs) {
            fixes.add(
                "INSERT INTO own_marks (conv_id, user_id, block, own) VALUES (?1, ?2, ?3, ?4)",
                [id, copy.user, block, sum],
            );
        }
    }
    Ok(())
}

/// For each block in which the user wrote, but for their newest: how much they had written at its end.
fn marks(seqs: &[i64]) -> BTreeMap<i64, i64> {
    let newest = seqs.last().map_or(0, |seq| seq >> BLOCK);
    let ends = seqs.iter().enumerate().map(|(at, seq)| (seq >> BLOCK, at as i64 + 1));
    ends.filter(|(block, _)| *block < newest).collect()
}

fn is_right(connection: &Connection, id: i64, counted: &Counted<'_>, copy: &Copy, seqs: &[i64]) -> Result<bool> {
    if counted.by_counters(copy) != counted.unread(copy.user, copy.read_id) as i64 {
        return Ok(false);
    }
    let newest = seqs.last().copied().unwrap_or(0);
    match copy.own_total.cmp(&(seqs.len() as i64)) {
        std::cmp::Ordering::Greater => return Ok(false),
        // What they sent while they had no part in it is not in their own counts, on neither side of the read point.
        std::cmp::Ordering::Less => return Ok(true),
        std::cmp::Ordering::Equal => {}
    }
    // Who came back knows only the block of their newest.
    if copy.own_seq < newest || copy.own_seq >> BLOCK != newest >> BLOCK {
        return Ok(false);
    }
    let sql = "SELECT block, own FROM own_marks WHERE conv_id = ?1 AND user_id = ?2";
    let mut statement = prepare(connection, sql)?;
    let kept = statement.query_map([id, copy.user], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let kept = kept.collect::<rusqlite::Result<BTreeMap<i64, i64>>>()?;
    Ok(marks(seqs).iter().all(|(block, own)| kept.get(block) == Some(own)))
}
