//! Messages of an app that is taken over, each with what others made of it in the same write.

use super::{Into, Was, limits};
use crate::actions::imports::{self, GroupMarks};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::Uid;
use crate::model::import::{self, Past};
use crate::model::json::Object;
use crate::model::message::{Category, Content, Receiver};
use crate::model::moderation::Verdict;
use crate::model::poll;
use crate::model::text::{is_reaction, reaction_form, reaction_key};
use crate::model::transfer::{self as lines, EVERYBODY};
use crate::store::imports as rows;
use crate::store::{Write, extensions, interactions, mentions, messages, reactions, threads};

/// What a message says, as it may be shown: what is emptied or told by the server is taken as it is.
fn content(line: &lines::Message, data: &str) -> Result<Content> {
    let category = Category::parse(&line.category).ok_or(Code::InvalidCategory)?;
    let data = Object::parse(data).ok_or(Code::InvalidData)?;
    if line.deleted_at.is_some() {
        return Ok(Content { category, kind: line.kind.clone(), data: Object::default() });
    }
    if !category.counts() {
        return Ok(Content { category, kind: line.kind.clone(), data });
    }
    let metadata = data.get("metadata").map(|raw| raw.to_owned());
    let mut content = Content::parse(Some(&line.category), Some(&line.kind), data, &limits())?;
    // As it was, byte for byte, with what extensions said.
    if let Some(metadata) = metadata.filter(|_| content.data.get("metadata").is_some()) {
        content.data.set("metadata", metadata);
    }
    Ok(content)
}

/// Stores a message with what belongs to it.
pub(super) fn take(tx: &mut Write<'_>, into: &Into, mut line: lines::Message, marks: &mut GroupMarks) -> Result<Was> {
    if rows::message_of(tx, into.import, line.id)?.is_some() {
        return Ok(Was::There);
    }
    let content = match into.place(tx, line.data.get())? {
        Some(data) => content(&line, &data)?,
        None => content(&line, line.data.get())?,
    };
    let app = &into.app;
    let subject = match (&line.on, &line.session_id) {
        (Some(uid), _) => Some(into.user(tx, "on", uid)?.id),
        (None, Some(session)) => Some(crate::store::calls::by_session(tx, app.id, session)?.id),
        (None, None) if content.category == Category::Call => {
            return Err(Error::field("sessionId", "A call message belongs to a call."));
        }
        (None, None) => None,
    };
    let here = |id: Option<i64>| id.map(|id| rows::message_of(tx, into.import, id)).transpose().map(Option::flatten);
    let (parent, quoted) = (here(line.parent_id)?, here(line.quoted_id)?);
    let named = match &line.mentions {
        Some(uids) => {
            let id = |uid: &String| match uid.as_str() {
                EVERYBODY => Ok(mentions::EVERYBODY),
                uid => into.user(tx, "mentions", uid).map(|user| user.id),
            };
            Some(uids.iter().map(id).collect::<Result<Vec<_>>>()?)
        }
        None => into.told.then(Vec::new),
    };
    let names = |(one, other): &(String, String)| Ok::<_, Error>((Uid::parse(one)?, Uid::parse(other)?));
    let row = import::Message {
        muid: line.muid.clone(),
        sender: Uid::parse(&line.sender).map_err(|error| Error::field("sender", error.plain()))?,
        receiver: Receiver::parse(Some(&line.receiver_type), Some(&line.receiver))?,
        content,
        tags: line.tags.take(),
        sent_at: line.sent_at,
        delivered_at: line.delivered_at,
        read_at: line.read_at,
        users: Vec::new(),
        group: None,
        past: Some(Past {
            id: line.id,
            between: line.between.as_ref().map(names).transpose()?,
            subject,
            parent,
            quoted,
            mentions: named,
            hidden: line.verdict.as_deref().and_then(Verdict::imported) == Some(Verdict::Disapproved),
        }),
    };
    let (stored, mark) = match imports::store(tx, app, row) {
        // Sent to the same conversation with the same muid: it came another way before.
        Err(error) if error.code == Code::ImportMuidExists => {
            let sender = into.user(tx, "sender", &line.sender)?;
            if let Some(known) = messages::of_muid(tx, sender.id, line.muid.as_deref().unwrap_or_default())?.pop() {
                rows::note_message(tx, into.import, line.id, known.id)?;
            }
            return Ok(Was::There);
        }
        done => done?,
    };
    marks.note(mark);
    rows::set_message(tx, &stored, &line)?;
    rows::note_message(tx, into.import, line.id, stored.id)?;
    let stored = messages::find(tx, app.id, stored.id)?;
    if let Some(parent) = parent.filter(|_| stored.is_seen_by_all()) {
        rows::add_reply(tx, parent, stored.sent_at)?;
        if !into.told {
            let starter = messages::find(tx, app.id, parent)?.sender;
            for user in [stored.sender, starter] {
                threads::follow(tx, user, parent, true)?;
            }
        }
    }
    beside(tx, into, &stored, line)?;
    Ok(Was::New)
}

/// What others made of a message.
fn beside(tx: &mut Write<'_>, into: &Into, stored: &messages::Row, line: lines::Message) -> Result<()> {
    let (app, id) = (into.app.id, stored.id);
    for one in line.reactions {
        let user = into.user(tx, "reactions", &one.uid)?;
        let key = reaction_key(&one.reaction);
        if !is_reaction(&key) {
            return Err(Error::field("reactions", "A reaction must be something that can be seen."));
        }
        let at = one.reacted_at.or(Some(line.sent_at));
        tx.dated(at, |tx| reactions::insert(tx, id, user.id, &key, &reaction_form(&one.reaction)))?;
    }
    for one in line.saved {
        let user = into.user(tx, "saved", &one.uid)?;
        rows::put_saved(tx, id, user.id, one.saved_at)?;
    }
    for one in line.followers {
        let user = into.user(tx, "followers", &one.uid)?;
        threads::follow(tx, user.id, id, one.subscribed != 0)?;
    }
    for one in line.interactions {
        let user = into.user(tx, "interactions", &one.uid)?;
        tx.dated(Some(one.interacted_at), |tx| interactions::insert(tx, id, user.id, &one.element_id))?;
    }
    for uid in line.goals_met {
        let user = into.user(tx, "goalsMet", &uid)?;
        interactions::set_met(tx, id, user.id)?;
    }
    if let Some(flagged) = line.flagged {
        rows::put_flagged(tx, app, id, &flagged)?;
        for one in &flagged.by {
            let user = into.user(tx, "flagged", &one.uid)?;
            rows::put_flag(tx, id, user.id, one)?;
        }
    }
    if let Some(blocked) = line.blocked {
        if !blocked.status.as_deref().is_none_or(|status| ["approved", "rejected"].contains(&status)) {
            return Err(Error::field("status", "The status of a blocked message is approved or rejected."));
        }
        crate::store::moderation::imports::put_blocked(tx, app, id, &blocked)?;
    }
    if let Some(asked) = line.poll {
        let (name, poll) = (asked.name, poll::Poll { question: asked.question, options: asked.options });
        extensions::polls::insert(tx, app, id, &name, &poll)?;
        for vote in asked.votes {
            let user = into.user(tx, "votes", &vote.uid)?;
            extensions::polls::vote(tx, id, user.id, vote.number)?;
        }
    }
    if let Some(due) = line.disappears {
        let user = into.user(tx, "disappears", &due.uid)?;
        rows::put_disappears(tx, app, id, user.id, &due)?;
    }
    Ok(())
}
