//! What narrows a list of messages, and which index leads to what that leaves.

use super::Within;
use crate::model::message::{Category, ReceiverType};
use crate::model::page::{Affix, Range};
use crate::store::messages::Row;

/// What a list of messages may be narrowed by, and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub affix: Affix,
    pub id: Option<i64>,
    pub sent_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub limit: i64,
    /// Bytes of `data` after which reading ends, though there may be more: with the message that goes beyond, so that who
    /// asks can tell. Two messages are read in any case.
    pub bytes: usize,
    /// Leave `data` empty, for rows that are only counted past.
    pub bare: bool,
    pub categories: Vec<String>,
    pub types: Vec<String>,
    /// Types that messages of the category `message` are limited to; others are not.
    pub message_types: Vec<String>,
    pub tags: Vec<String>,
    pub receiver_type: Option<ReceiverType>,
    pub sender: Option<i64>,
    /// Sent by one of these (users.id); none: by anybody.
    pub senders: Vec<i64>,
    pub updated: Range,
    /// Edited within this time; what was never edited is not.
    pub edited: Range,
    pub search: Option<String>,
    pub hide_deleted: bool,
    pub only_deleted: bool,
    pub hide_replies: bool,
    pub hide_quoted: bool,
    pub only_updates: bool,
    /// Messages the viewer has not read / not got.
    pub unread: bool,
    pub undelivered: bool,
    pub hide_blocked: bool,
    pub has_attachments: bool,
    /// Bits of the types asked for (`model::flags`); 0: any.
    pub attachment_types: i64,
    pub has_links: bool,
    pub has_reactions: bool,
    pub has_mentions: bool,
    /// Naming one of these users (users.id, or `mentions::EVERYBODY`); none: any.
    pub mentioned: Vec<i64>,
    /// Pinned for everybody; saved by the viewer.
    pub pinned: bool,
    pub saved: bool,
    /// Of a thread: with the message it hangs on.
    pub with_parent: bool,
    /// Interactive messages that are done for the viewer.
    pub goal_met: bool,
    pub viewer: Option<i64>,
}

impl Filter {
    /// Cuts rows, the nearest first, to what this asks for; whether there is no room for farther ones. What is read in
    /// several parts is cut like this after each: a part that ended for its bytes ends no nearer than the whole.
    pub(super) fn cut(&self, rows: &mut Vec<Row>) -> bool {
        let mut bytes = 0usize;
        let full = rows.iter().position(|row| {
            bytes += row.data.len();
            bytes > self.bytes
        });
        let most = full.map_or(usize::MAX, |at| (at + 1).max(2)).min(self.limit as usize);
        let is_full = rows.len() >= most;
        rows.truncate(most);
        is_full
    }

    /// Pinned and saved messages go by when that was, not by id.
    pub fn is_kept(&self) -> bool {
        (self.pinned || self.saved) && self.search.is_none()
    }

    /// Whether the time in the cursor decides. Beside an id it would lose other messages of that second.
    pub(super) fn goes_by_time(&self) -> bool {
        !self.is_kept() && self.id.is_none() && (self.updated_at.is_none() || self.only_updates)
    }

    /// Whether no plain text message can be in the list.
    pub(super) fn has_no_plain_text(&self) -> bool {
        let lacks = |list: &[String], what: &str| !list.is_empty() && !list.iter().any(|one| one == what);
        lacks(&self.categories, Category::Message.as_str())
            || [&self.types, &self.message_types].into_iter().any(|types| lacks(types, "text"))
            || (self.goal_met && self.viewer.is_some())
    }

    /// Whether something is asked for that few messages of a conversation have.
    pub(super) fn is_flagged(&self) -> bool {
        self.has_attachments
            || self.attachment_types != 0
            || self.has_links
            || self.has_reactions
            || self.has_mentions
            || !self.mentioned.is_empty()
    }

    /// Where the messages of a conversation are taken from: the index of what is rare where that is asked for, which the
    /// planner without statistics takes for none better than that of all.
    pub(super) fn source(&self, within: Within) -> &'static str {
        match within {
            Within::App | Within::Thread(_) => "messages m",
            _ => self.rare().unwrap_or("messages m"),
        }
    }

    /// The index of what is rare that leads to all that is asked for.
    pub(super) fn rare(&self) -> Option<&'static str> {
        Some(match self {
            _ if self.is_kept() => return None,
            _ if !self.tags.is_empty() => "messages m INDEXED BY messages_by_tags",
            _ if self.is_flagged() => "messages m INDEXED BY messages_by_flags",
            _ if self.has_no_plain_text() => "messages m INDEXED BY messages_by_kind",
            _ if self.only_updates || self.only_deleted || !self.edited.is_open() => {
                "messages m INDEXED BY messages_by_change"
            }
            _ => return None,
        })
    }

    /// Whether it asks for what is unread and nothing else narrows it, so that the counters of conversations answer it.
    pub fn is_plainly_unread(&self) -> bool {
        let Filter { affix, limit, receiver_type, viewer, .. } = *self;
        *self == Filter { unread: true, receiver_type, viewer, ..Filter::new(affix, limit) }
    }

    pub fn new(affix: Affix, limit: i64) -> Self {
        Filter {
            affix,
            id: None,
            sent_at: None,
            updated_at: None,
            from: None,
            to: None,
            limit,
            bytes: usize::MAX,
            bare: false,
            categories: Vec::new(),
            types: Vec::new(),
            message_types: Vec::new(),
            tags: Vec::new(),
            receiver_type: None,
            sender: None,
            senders: Vec::new(),
            updated: Range::default(),
            edited: Range::default(),
            search: None,
            hide_deleted: false,
            only_deleted: false,
            hide_replies: false,
            hide_quoted: false,
            only_updates: false,
            unread: false,
            undelivered: false,
            hide_blocked: false,
            has_attachments: false,
            attachment_types: 0,
            has_links: false,
            has_reactions: false,
            has_mentions: false,
            mentioned: Vec::new(),
            pinned: false,
            saved: false,
            with_parent: false,
            goal_met: false,
            viewer: None,
        }
    }
}
