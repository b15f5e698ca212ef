//! Rows into messages as the contract shows them. Rows hold what was said; who said it, reactions, mentions and receipts
//! are put in from current rows, a few statements a page.

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use super::conversations::{self, Conv};
use super::messages::{Row, columns, row, unknown};
use super::purge::there;
use super::receipts::{self, Marks};
use super::rows::ids_text;
use super::sight::{self, Viewer};
use super::{Read, calls, extensions, groups, interactions, mentions, pins, presence, threads, users};
use crate::model::call::{CallEntity, CallStatus};
use crate::model::error::{Error, Result};
use crate::model::flags;
use crate::model::group::Group;
use crate::model::json::Object;
use crate::model::message::{Category, Data, Entities, Message, Party, ReactionCount, Receipt, Receipts, Subject};
use crate::model::user::User;

/// What is left of a message for those who must not read it any more: who wrote it, where, and what became of it.
pub fn shell(message: Message) -> Message {
    let data = Data {
        resource: message.data.resource,
        moderation: message.data.moderation,
        ..Data::of("{}".to_owned(), message.data.entities)
    };
    Message { data, tags: None, quoted_message: None, ..message }
}

/// A message just stored, whose sides are at hand: what [`all`] would read again.
pub fn fresh(row: Row, conversation: &str, sender: User, receiver: Party) -> Message {
    let entities = Entities::Sides { sender, receiver };
    assemble(row, conversation, entities, Vec::new())
}

/// The message of a row with the things it refers to; receipts and quotes are put in afterwards.
pub fn assemble(row: Row, conversation: &str, entities: Entities, reactions: Vec<ReactionCount>) -> Message {
    let (sender, receiver) = match &entities {
        Entities::Sides { sender, receiver } => (sender, receiver),
        Entities::Act { by, to, .. } => (by, to),
    };
    // Whoever looks has used none of its elements, as far as it is known here.
    let interactions = (row.category == Category::Interactive).then(Vec::new);
    Message {
        id: row.id,
        interactions: interactions.clone(),
        muid: row.muid,
        conversation_id: conversation.to_owned(),
        sender: sender.uid.clone(),
        receiver_type: receiver.kind(),
        receiver: receiver.name().to_owned(),
        category: row.category,
        kind: row.kind,
        data: Data {
            resource: row.resource,
            reactions,
            moderation: flags::state(row.flags),
            interactions,
            ..Data::of(row.data, entities)
        },
        sent_at: row.sent_at,
        updated_at: row.updated_at,
        edited_at: row.edited_at,
        edited_by: row.edited_by,
        deleted_at: row.deleted_at,
        deleted_by: row.deleted_by,
        parent_id: row.parent,
        reply_count: (row.reply_count > 0).then_some(row.reply_count),
        quoted_message_id: row.quoted,
        quoted_message: None,
        tags: row.tags,
        delivered_at: None,
        read_at: None,
        my_receipt: None,
        receipts: None,
        pinned_at: row.pinned_at,
        pinned_by: row.pinned_by,
        saved_at: None,
        thread_subscribed: None,
    }
}

/// Through whose eyes messages are shown, and what beside them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    pub viewer: Viewer,
    /// Say whether the viewer follows the thread.
    pub subscribed: bool,
    /// Say of users who are named whether there is a block between them and the viewer, and their tags.
    pub mentions_blocked: bool,
    pub mentions_tags: bool,
}

impl From<Viewer> for Look {
    fn from(viewer: Viewer) -> Self {
        Look { viewer, ..Look::default() }
    }
}

impl From<Option<i64>> for Look {
    /// Of a caller: no person is the app.
    fn from(person: Option<i64>) -> Self {
        Viewer::from(person).into()
    }
}

/// Rows into messages.
pub fn all(read: &Read<'_>, rows: Vec<Row>, look: impl Into<Look>) -> Result<Vec<Message>> {
    let look = look.into();
    let _veil = presence::veil(read, look.viewer.user())?;
    let (users, groups, conversations) = (HashMap::new(), HashMap::new(), HashMap::new());
    Shown { read, look, viewer: look.viewer.user(), users, groups, conversations }.messages(rows, true)
}

pub fn one(read: &Read<'_>, row: Row, look: impl Into<Look>) -> Result<Message> {
    let id = row.id;
    all(read, vec![row], look)?.pop().ok_or_else(|| unknown(id))
}

/// What is looked up once for a page.
struct Shown<'r, 'c> {
    read: &'r Read<'c>,
    look: Look,
    /// The one person who looks.
    viewer: Option<i64>,
    users: HashMap<i64, User>,
    groups: HashMap<i64, Group>,
    conversations: HashMap<i64, (Conv, Watch)>,
}

/// Receipts that matter for a page of one conversation: of each one's other side, and the viewer's own.
#[derive(Default)]
struct Watch {
    /// By whose messages: the marks that say "the other side has it".
    delivered: HashMap<i64, Marks>,
    read: HashMap<i64, Marks>,
    mine: Option<(Marks, Marks)>,
}

impl Shown<'_, '_> {
    fn user(&mut self, id: i64) -> Result<User> {
        if let Some(user) = self.users.get(&id) {
            return Ok(user.clone());
        }
        let user = users::by_id(self.read, id)?.in_message();
        self.users.insert(id, user.clone());
        Ok(user)
    }

    fn group(&mut self, id: i64) -> Result<Group> {
        if let Some(group) = self.groups.get(&id) {
            return Ok(group.clone());
        }
        let group = groups::by_id(self.read, id)?.in_message();
        self.groups.insert(id, group.clone());
        Ok(group)
    }

    fn messages(&mut self, rows: Vec<Row>, with_quotes: bool) -> Result<Vec<Message>> {
        self.look_around(&rows)?;
        let mut reactions = self.reactions(&rows)?;
        let naming = rows.iter().filter(|row| row.flags & flags::MENTION != 0).map(|row| row.id);
        let mut mentions = mentions::among(self.read, naming)?;
        let (saved, followed) = match self.viewer {
            Some(viewer) => {
                (pins::saved_among(self.read, viewer, rows.iter().map(|row| row.id))?, self.followed(&rows)?)
            }
            None => Default::default(),
        };
        rows.into_iter()
            .map(|mut row| {
                if row.flags & flags::POLL != 0 {
                    extensions::polls::put_in(self.read, &mut row, self.viewer)?;
                }
                let (id, thread) = (row.id, row.parent.unwrap_or(row.id));
                let mut message = self.message(row, reactions.remove(&id).unwrap_or_default(), with_quotes)?;
                for user in mentions.remove(&id).unwrap_or_default() {
                    message.data.mentions.push(self.mentioned(user)?);
                }
                message.saved_at = saved.get(&id).copied();
                message.thread_subscribed = followed.as_ref().map(|followed| followed.contains(&thread));
                Ok(message)
            })
            .collect()
    }

    /// Which threads of the page the viewer follows, if that is asked.
    fn followed(&self, rows: &[Row]) -> Result<Option<HashSet<i64>>> {
        let Some(viewer) = self.viewer.filter(|_| self.look.subscribed) else { return Ok(None) };
        threads::followed_among(self.read, viewer, rows.iter().map(|row| row.parent.unwrap_or(row.id))).map(Some)
    }

    /// Reads conversations and receipts of the page.
    fn look_around(&mut self, rows: &[Row]) -> Result<()> {
        let mut spans: HashMap<i64, (i64, i64)> = HashMap::new();
        for row in rows {
            let span = spans.entry(row.conv).or_insert((row.id, row.id));
            *span = (span.0.min(row.id), span.1.max(row.id));
        }
        for (id, (first, last)) in spans {
            let conv = conversations::by_id(self.read, id)?;
            let mut watch = Watch::default();
            let mark = |user, kind| receipts::marks(self.read, id, user, kind, first, last);
            // (whose messages, whose receipts count for them)
            let watched = match conv.kind {
                conversations::Kind::Pair(a, b) => vec![(a, b), (b, a)],
                conversations::Kind::Group(_) => vec![(receipts::ALL, receipts::ALL)],
            };
            for (author, reader) in watched {
                watch.delivered.insert(author, mark(reader, receipts::Kind::Delivered)?);
                watch.read.insert(author, mark(reader, receipts::Kind::Read)?);
            }
            if let Some(viewer) = self.viewer {
                watch.mine = Some((mark(viewer, receipts::Kind::Delivered)?, mark(viewer, receipts::Kind::Read)?));
            }
            self.conversations.insert(id, (conv, watch));
        }
        Ok(())
    }

    fn reactions(&self, rows: &[Row]) -> Result<HashMap<i64, Vec<ReactionCount>>> {
        let ids: Vec<i64> = rows.iter().filter(|row| row.flags & flags::REACTION != 0).map(|row| row.id).collect();
        let mut found: HashMap<i64, Vec<ReactionCount>> = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let ids = ids_text(ids);
        let counted = self.read.all(
            "SELECT message_id, min(reaction), count(*), max(user_id = ?2) FROM reactions
             WHERE message_id IN (SELECT value FROM json_each(?1)) AND user_id NOT IN (SELECT user_id FROM gone_users)
             GROUP BY message_id, key ORDER BY message_id, min(id)",
            params![ids, self.viewer.unwrap_or(0)],
            |row| {
                let count = ReactionCount { reaction: row.get(1)?, count: row.get(2)?, reacted_by_me: row.get(3)? };
                Ok((row.get(0)?, count))
            },
        )?;
        for (message, count) in counted {
            found.entry(message).or_default().push(count);
        }
        Ok(found)
    }

    fn message(&mut self, row: Row, reactions: Vec<ReactionCount>, with_quote: bool) -> Result<Message> {
        let sender = self.user(row.sender)?;
        let (kind, name, marks) = {
            let (conv, watch) = self
                .conversations
                .get(&row.conv)
                .ok_or_else(|| Error::internal("messages", format!("conversation {} not read", row.conv)))?;
            let author = match conv.kind {
                conversations::Kind::Pair(..) => row.sender,
                conversations::Kind::Group(_) => receipts::ALL,
            };
            let at = |marks: &HashMap<i64, Marks>| marks.get(&author).and_then(|marks| marks.at(row.id));
            let mine = watch.mine.as_ref().filter(|_| Some(row.sender) != self.viewer).map(|(delivered, read)| {
                Receipt { delivered_at: delivered.at(row.id), read_at: read.at(row.id), recipient: None }
            });
            let mine = mine.filter(|receipt| receipt.delivered_at.is_some() || receipt.read_at.is_some());
            (conv.kind, conv.name.clone(), (at(&watch.delivered), at(&watch.read), mine))
        };
        let receiver = match kind {
            conversations::Kind::Group(group) => Party::Group(self.group(group)?),
            conversations::Kind::Pair(a, b) => {
                let mut user = self.user(if row.sender == a { b } else { a })?;
                user.conversation_id = Some(name.clone());
                Party::User(user)
            }
        };
        let entities = self.entities(&row, &name, sender, receiver)?;
        let quoted = match row.quoted.filter(|_| with_quote) {
            Some(id) => self.quoted(&row, id)?,
            None => None,
        };
        let is_hidden = row.flags & flags::DISAPPROVED != 0;
        let mut message = assemble(row, &name, entities, reactions);
        if message.category == Category::Interactive
            && let Some(viewer) = self.viewer
        {
            message.interact(interactions::of(self.read, message.id, viewer)?);
        }
        // What is hidden nobody else has, how far they may have come since.
        let (delivered_at, read_at, my_receipt) = if is_hidden { Default::default() } else { marks };
        message.quoted_message = quoted.map(Box::new);
        message.delivered_at = delivered_at.or(read_at);
        message.read_at = read_at;
        message.my_receipt = my_receipt;
        Ok(message)
    }

    fn entities(&mut self, row: &Row, conv: &str, sender: User, receiver: Party) -> Result<Entities> {
        Ok(match (row.category, row.subject) {
            (Category::Action, None) => Entities::Act { by: sender, on: None, to: receiver },
            (Category::Action, Some(user)) => {
                let on = self.user(user)?.in_conversation(conv);
                let on = self.beside(on);
                Entities::Act { by: sender, on: Some(Subject::User(Box::new(on))), to: receiver }
            }
            (Category::Call, Some(call)) => {
                let call = calls::by_id(self.read, call)?;
                let called = match call.callee {
                    Some(callee) => Party::User(self.user(callee)?),
                    None => receiver.clone(),
                };
                let mut entity = CallEntity {
                    session_id: call.session_id,
                    status: call.status,
                    kind: call.kind,
                    conversation_id: conv.to_owned(),
                    initiator: self.user(call.initiator)?,
                    receiver: called,
                    initiated_at: call.initiated_at,
                    started_at: call.started_at,
                    joined_at: None,
                    ended_at: call.ended_at,
                    metadata: call.metadata,
                };
                // The call as it stood at this message, not as it ended.
                settle(&mut entity, &row.data, row.sent_at);
                Entities::Act { by: sender, on: Some(Subject::Call(Box::new(entity))), to: receiver }
            }
            _ => Entities::Sides { sender, receiver },
        })
    }

    /// A user who is named, with what was asked to be said of him.
    fn mentioned(&mut self, user: User) -> Result<User> {
        let tags = user.tags.clone().filter(|_| self.look.mentions_tags);
        let mut shown = user.entity();
        if let Some(viewer) = self.viewer.filter(|_| self.look.mentions_blocked) {
            shown = users::seen_by(self.read, shown, &self.user(viewer)?)?;
        }
        if self.look.mentions_tags {
            shown.tags = Some(tags.unwrap_or_default());
        }
        Ok(self.beside(shown))
    }

    /// Somebody who is told of and does not act. Of those who hear it together some may have a block with them, so nobody
    /// is told whether they are there.
    fn beside(&self, user: User) -> User {
        if self.look.viewer == Viewer::All { user.without_presence() } else { user }
    }

    fn quoted(&mut self, quoting: &Row, id: i64) -> Result<Option<Message>> {
        let found = self.read.first(
            concat!("SELECT ", columns!(), " FROM messages m WHERE m.id = ?1 AND ", there!()),
            [id],
            row,
        )?;
        match found {
            Some(row) if sight::sees_quoted(self.read, self.look.viewer, quoting, &row)? => {
                // What was read for the page stays for the messages after this one: for the quote alone less is read.
                let around = std::mem::take(&mut self.conversations);
                let shown = self.messages(vec![row], false);
                self.conversations = around;
                let mut quoted = shown?.pop();
                if let Some(Entities::Sides { sender, .. }) = quoted.as_mut().map(|quoted| &mut quoted.data.entities) {
                    *sender = self.beside(std::mem::take(sender));
                }
                Ok(quoted)
            }
            _ => Ok(None),
        }
    }
}

fn settle(call: &mut CallEntity, stored: &str, sent_at: i64) {
    let status = Object::parse(stored).and_then(|data| data.read::<String>("action"));
    call.status = status.as_deref().and_then(CallStatus::parse).unwrap_or(call.status);
    match call.status {
        CallStatus::Initiated => (call.started_at, call.ended_at) = (None, None),
        CallStatus::Ongoing => (call.joined_at, call.ended_at) = (Some(sent_at), None),
        _ => call.ended_at = Some(sent_at),
    }
}

/// Adds who has the message to it.
pub fn with_receipts(read: &Read<'_>, mut message: Message, row: &Row) -> Result<Message> {
    let had = match row.flags & flags::DISAPPROVED {
        0 => receipts::of_message(read, row.conv, row.id, row.sender)?,
        _ => Vec::new(),
    };
    let data = had
        .into_iter()
        .map(|had| {
            let recipient = Some(users::by_id(read, had.user)?.entity());
            Ok(Receipt { delivered_at: had.delivered_at.or(had.read_at), read_at: had.read_at, recipient })
        })
        .collect::<Result<Vec<_>>>()?;
    message.receipts = Some(Receipts { data });
    Ok(message)
}
