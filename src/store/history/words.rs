//! Messages by their words. What the index knows is asked of it, the rest is looked at: see `search`.
//!
//! Of the index the nearest messages are asked first that fit the first letters of what is searched for, and each is looked at.
//! A common word is met among them, and a page costs what it shows. Only what they leave open costs the lists of whole words.

use super::{Filter, Within};
use crate::model::error::Result;
use crate::model::page::Affix;
use crate::model::words::Question;
use crate::store::messages::Row;
use crate::store::query::Query;
use crate::store::rows::ids_text;
use crate::store::{Read, conversations, search};

/// The messages of a list that hold what is searched for, in the order of the list. In three parts: see `search`.
pub(super) fn find(
    read: &Read<'_>,
    app: i64,
    within: Within,
    filter: &Filter,
    search: &str,
    mut query: Query<'_>,
) -> Result<Vec<Row>> {
    let Some(question) = Question::parse(search) else { return Ok(Vec::new()) };
    let conversations = match within {
        Within::User(user) => conversations::of_user(read, user)?,
        _ => Vec::new(),
    };
    let place = match within {
        Within::Conversation { conv, .. } => search::Place::Conversation(conv),
        Within::Thread(parent) => search::Place::Thread(parent),
        Within::App => search::Place::App(app),
        Within::User(_) => search::Place::Conversations(&conversations),
    };
    let indexed = read.number("SELECT indexed_id FROM search_state", [])?;
    let general = query.mark();

    query.and("m.deleted_at IS NULL");
    query.and_value("found_in(m.data, ?)", search.to_owned());
    let direct = query.mark();
    query.and_value("m.id > ?", indexed);
    let mut rows = query.run(read, "messages m", "m.id", filter)?;
    query.back_to(&direct);
    query.and_value("m.id <= ?", indexed);
    rows.extend(query.run(read, "search_changes x CROSS JOIN messages m ON m.id = x.message_id", "m.id", filter)?);
    query.back_to(&general);

    let newer = filter.affix == Affix::Append;
    // What is left to ask the index, and from where on.
    let asked = match within {
        Within::User(_) => {
            let (found, edge) = own(read, app, filter, (search, &question, conversations.len()), &mut query)?;
            rows.extend(found);
            let exact = |_| search::expressions(&question.expression(), &place, filter.sender);
            let left = edge.map(exact).unwrap_or_default();
            left.into_iter().map(|expression| (expression, edge)).collect()
        }
        _ => near(read, filter, (search, &question, &place), &mut query, &mut rows)?,
    };
    query.and("NOT EXISTS (SELECT 1 FROM search_changes x WHERE x.message_id = s.rowid)");
    let general = query.mark();
    for (expression, edge) in asked {
        // The edge of the list, said of the index: it then begins there instead of walking to it.
        if let Some(id) = edge {
            query.and_value(if newer { "s.rowid > ?" } else { "s.rowid < ?" }, id);
        }
        query.and_value("s.words MATCH ?", expression);
        rows.extend(query.run(read, "search s CROSS JOIN messages m ON m.id = s.rowid", "s.rowid", filter)?);
        query.back_to(&general);
    }
    rows.sort_by_key(|row| if newer { row.id } else { -row.id });
    filter.cut(&mut rows);
    Ok(rows)
}

/// What is searched for, looked for among the nearest messages that fit its first letters, and then among those that have its
/// rarest word; found ones become `rows`. What the index is still to be asked in full, and from where on.
fn near(
    read: &Read<'_>,
    filter: &Filter,
    (search, question, place): (&str, &Question, &search::Place<'_>),
    query: &mut Query<'_>,
    rows: &mut Vec<Row>,
) -> Result<Vec<(String, Option<i64>)>> {
    let newer = filter.affix == Affix::Append;
    let at = |question: &str| search::expressions(question, place, filter.sender).remove(0);
    let exact = at(&question.expression());
    let (mut found, mut edge) = (Vec::new(), filter.id);
    if let Some(widened) = question.widened(search::PREFIX) {
        let ids = search::nearest(read, &at(&widened), newer, edge, search::LOOKS)?;
        found = of_ids(read, filter, &ids, Some(search), query)?;
        let mut is_over = filter.cut(&mut found) || ids.len() < search::LOOKS;
        edge = ids.last().copied().or(edge);
        if !is_over && let Some(rarest) = search::rarest(read, question, &ids)? {
            let most = 10 * search::LOOKS;
            let ids = search::nearest(read, &at(&rarest.expression()), newer, edge, most)?;
            found.extend(of_ids(read, filter, &ids, Some(search), query)?);
            is_over = filter.cut(&mut found) || ids.len() < most;
            edge = ids.last().copied().or(edge);
        }
        if is_over {
            rows.extend(found);
            return Ok(Vec::new());
        }
    }
    rows.extend(found);
    Ok(vec![(exact, edge)])
}

/// What somebody searches for in all their conversations: looked for in the whole app, and of each message asked whether they
/// see it. A rare word has a short list, and a common one is soon met among their own. What is neither is met too seldom for
/// that: from where the second value says, each of the conversations is to be asked for itself.
fn own(
    read: &Read<'_>,
    app: i64,
    filter: &Filter,
    (search, question, conversations): (&str, &Question, usize),
    query: &mut Query<'_>,
) -> Result<(Vec<Row>, Option<i64>)> {
    let newer = filter.affix == Affix::Append;
    let of_app = |asked: &str| search::expressions(asked, &search::Place::App(app), filter.sender).remove(0);
    let exact = of_app(&question.expression());
    let widened = question.widened(search::PREFIX).map(|widened| of_app(&widened));
    let looks = [search::LOOKS, 10 * search::LOOKS, search::looks_for(conversations)];
    let (mut rows, mut near, mut edge) = (Vec::new(), Vec::new(), filter.id);
    for (turn, most) in looks.into_iter().enumerate() {
        // Where none of the first ones had the words, more of them are not worth a look.
        if turn == 1 && widened.is_some() && rows.is_empty() {
            continue;
        }
        let (expression, test) = match &widened {
            Some(widened) if turn < 2 => (widened.clone(), Some(search)),
            Some(_) => match search::rarest(read, question, &near)? {
                Some(rarest) => (of_app(&rarest.expression()), Some(search)),
                None => (exact.clone(), None),
            },
            None => (exact.clone(), None),
        };
        near = search::nearest(read, &expression, newer, edge, most)?;
        rows.extend(of_ids(read, filter, &near, test, query)?);
        if filter.cut(&mut rows) || near.len() < most {
            return Ok((rows, None));
        }
        edge = near.last().copied();
    }
    Ok((rows, edge))
}

/// Those of these messages that meet the conditions, and hold the words if that is to be seen.
fn of_ids(
    read: &Read<'_>,
    filter: &Filter,
    ids: &[i64],
    words: Option<&str>,
    query: &mut Query<'_>,
) -> Result<Vec<Row>> {
    let general = query.mark();
    query.and("m.deleted_at IS NULL");
    if let Some(words) = words {
        query.and_value("found_in(m.data, ?)", words.to_owned());
    }
    let from = query.bound("json_each(?) i CROSS JOIN messages m ON m.id = i.value", ids_text(ids.iter().copied()));
    let found = query.run(read, &from, "m.id", filter);
    query.back_to(&general);
    found
}
