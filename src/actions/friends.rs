//! Making and ending friendships, on the word of the app.

use super::{Outcome, Outcomes};
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Move;
use crate::model::ids::Uid;
use crate::model::user::User;
use crate::store::{Write, conversations, friends, users};

/// With `talk` each new friend has a conversation with the user from now on, though nothing was said yet.
pub fn add(tx: &mut Write<'_>, app: &App, uid: &Uid, others: &[String], talk: bool) -> Result<Outcomes> {
    let owner = users::person(tx, app, uid)?;
    let mut results = Outcomes::default();
    for text in others {
        let outcome = match add_one(tx, app, &owner, text, talk) {
            Ok(()) => Outcome::Done(Some("Created relationship with status accepted.".to_owned())),
            Err(error) => Outcome::Refused(error),
        };
        results.0.push((text.clone(), outcome));
    }
    Ok(results)
}

fn add_one(tx: &mut Write<'_>, app: &App, owner: &User, text: &str, talk: bool) -> Result<()> {
    let friend = users::person(tx, app, &Uid::from_path(text)?)?;
    if friend.id == owner.id {
        return Err(Code::SelfRelation.into());
    }
    if friends::are(tx, owner.id, friend.id)? {
        return Err(Code::AlreadyFriend.into());
    }
    friends::insert(tx, owner.id, friend.id)?;
    if talk {
        let conv = conversations::of_pair(tx, app, owner, &friend)?;
        if conv.last_id == 0 {
            conversations::list_empty(tx, &conv)?;
        }
    }
    tx.shift(Move::Friends { a: owner.id, b: friend.id, on: true });
    Ok(())
}

/// All or nothing: a uid that is no friend refuses the call.
pub fn remove(tx: &mut Write<'_>, app: &App, uid: &Uid, others: &[String]) -> Result<()> {
    let owner = users::person(tx, app, uid)?.id;
    for text in others {
        let friend = users::any(tx, app.id, &Uid::from_path(text)?)?.map(|user| user.id);
        let friend = match friend {
            Some(friend) if friends::are(tx, owner, friend)? => friend,
            _ => return Err(Error::new(Code::NotAFriend, format!("{text} is not a friend of {uid}."))),
        };
        friends::delete(tx, owner, friend)?;
        tx.shift(Move::Friends { a: owner, b: friend, on: false });
    }
    Ok(())
}
