//! Blocking and unblocking.

use super::{Outcome, Outcomes};
use crate::model::caller::App;
use crate::model::error::{Code, Result};
use crate::model::event::Move;
use crate::model::ids::{Uid, unknown_uid};
use crate::store::{Write, blocks, conversations, users};

pub fn block(tx: &mut Write<'_>, app: &App, blocker: i64, uids: &[String]) -> Result<Outcomes> {
    each(uids, |text| {
        let blocked = users::person(tx, app, &Uid::from_path(text)?)?.id;
        if blocked == blocker {
            return Err(Code::BlockSelf.into());
        }
        // Nothing passes between the two from now on: neither could end a call with the other.
        if let Some(conv) = conversations::between(tx, blocker, blocked)? {
            super::calls::depart(tx, app, conv.id, blocker)?;
        }
        blocks::insert(tx, blocker, blocked)?;
        tx.shift(Move::Blocked { a: blocker, b: blocked, on: true });
        Ok(format!("The user with UID {text} has been blocked."))
    })
}

pub fn unblock(tx: &mut Write<'_>, app: &App, blocker: i64, uids: &[String]) -> Result<Outcomes> {
    each(uids, |text| {
        // Whatever became of them since.
        let blocked = users::ever(tx, app.id, &Uid::from_path(text)?)?.ok_or_else(|| unknown_uid(text))?.id;
        blocks::delete(tx, blocker, blocked)?;
        // He may have blocked, too: then the silence stays.
        if !blocks::between(tx, blocker, blocked)? {
            tx.shift(Move::Blocked { a: blocker, b: blocked, on: false });
        }
        Ok(format!("The user with UID {text} has been unblocked."))
    })
}

fn each(uids: &[String], mut act: impl FnMut(&str) -> Result<String>) -> Result<Outcomes> {
    Ok(Outcomes(
        uids.iter()
            .map(|text| {
                let outcome = match act(text) {
                    Ok(sentence) => Outcome::Done(Some(sentence)),
                    Err(error) => Outcome::Refused(error),
                };
                (text.clone(), outcome)
            })
            .collect(),
    ))
}
