//! Where the messages of a list are among the ids: behind its cursor, and about the times it asks for.

use super::{Filter, Within};
use crate::model::error::Result;
use crate::model::page::Affix;
use crate::store::Read;
use crate::store::clock::{self, Ordered};
use crate::store::query::Query;

/// Ids between which the messages of a list are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Above this one.
    pub after: i64,
    /// Below this one.
    pub before: i64,
    /// Up to this one and from that one on: what is between bears no time that is asked for.
    pub gap: Option<(i64, i64)>,
    /// Changed at this time or later, and where that is among the ids.
    pub changed: Option<(i64, Ordered)>,
}

impl Span {
    /// By the cursor of the list, and by the times it asks for. One range of ids, so that whatever index is walked begins in it.
    pub(super) fn of(read: &Read<'_>, within: Within, filter: &Filter) -> Result<Span> {
        let newer = filter.affix == Affix::Append;
        let mut span = Span { after: 0, before: i64::MAX, gap: None, changed: None };
        if let Within::Conversation { hidden_id, .. } = within {
            span.after = hidden_id;
        }
        let id = filter.id.filter(|_| !filter.is_kept());
        match id {
            Some(id) if newer => span.after = span.after.max(id),
            Some(id) => span.before = id,
            None => {}
        }
        let cursor = filter.sent_at.filter(|_| filter.goes_by_time());
        let from = filter.from.max(cursor.filter(|_| newer).map(|at| at.saturating_add(1)));
        let edge = filter.updated_at.filter(|_| !filter.is_kept() && (filter.only_updates || id.is_none()));
        let after = edge.filter(|_| newer && !filter.only_updates).map(|at| clock::cursor(read, at)).transpose()?;
        if let Some(at) = filter.updated.from.max(after.map(|at| at.saturating_add(1))) {
            span.changed = Some((at, clock::since(read, at)?));
        }
        // Nothing is changed before it is sent.
        let upto =
            [filter.to, filter.updated.to, filter.edited.to].into_iter().flatten().map(|to| to.saturating_add(1));
        let to = upto.chain(cursor.filter(|_| !newer)).chain(edge.filter(|_| !newer)).min();
        if let Some(to) = to {
            span.before = span.before.min(clock::since(read, to)?.from);
        }
        if let Some(from) = from {
            span.since(clock::since(read, from)?);
        }
        Ok(span)
    }

    /// Nothing from before a time, as far as ids tell.
    pub(super) fn since(&mut self, time: Ordered) {
        match time.after <= self.after {
            true => self.after = self.after.max(time.from - 1),
            false => self.gap = Some((time.after, self.gap.map_or(time.from, |(_, from)| from.max(time.from)))),
        }
    }

    pub(super) fn narrow(self, query: &mut Query<'_>) {
        if self.after > 0 {
            query.and_value("m.id > ?", self.after);
        }
        if self.before < i64::MAX {
            query.and_value("m.id < ?", self.before);
        }
        if let Some((upto, from)) = self.gap {
            let either = [query.bound("m.id <= ?", upto), query.bound("m.id >= ?", from)].join(" OR ");
            query.and(&format!("({either})"));
        }
    }
}
