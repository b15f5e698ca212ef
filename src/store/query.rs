//! A statement that grows by the conditions that were asked for. What was not asked for is not in it, so that the planner
//! sees what there is, and no row pays for it.

use rusqlite::{Row, ToSql};

use super::Read;
use crate::model::error::Result;
use crate::model::page::{PageAsk, Range};

/// Conditions and their values. Values are always bound.
#[derive(Default)]
pub(super) struct Query<'v> {
    pub sql: String,
    pub values: Vec<Box<dyn ToSql + 'v>>,
}

impl<'v> Query<'v> {
    pub fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// `condition` holds `?` where the value goes.
    pub fn and_value(&mut self, condition: &str, value: impl ToSql + 'v) {
        let condition = self.bound(condition, value);
        self.and(&condition);
    }

    pub fn and_any(&mut self, condition: &str, value: Option<impl ToSql + 'v>) {
        if let Some(value) = value {
            self.and_value(condition, value);
        }
    }

    /// `what` lies in the range.
    pub fn and_within(&mut self, what: &str, range: Range) {
        self.and_any(&format!("{what} >= ?"), range.from);
        self.and_any(&format!("{what} <= ?"), range.to);
    }

    /// A piece of SQL with the value in the place of its `?`.
    pub fn bound(&mut self, sql: &str, value: impl ToSql + 'v) -> String {
        self.values.push(Box::new(value));
        sql.replace('?', &format!("?{}", self.values.len()))
    }

    /// A point to come [`Query::back_to`].
    pub fn mark(&self) -> (usize, usize) {
        (self.sql.len(), self.values.len())
    }

    pub fn back_to(&mut self, mark: &(usize, usize)) {
        self.sql.truncate(mark.0);
        self.values.truncate(mark.1);
    }

    pub fn bind(&self) -> Vec<&dyn ToSql> {
        self.values.iter().map(|value| &**value).collect()
    }

    /// How many rows there are `from` that meet the conditions.
    pub fn count(&self, read: &Read<'_>, from: &str) -> Result<i64> {
        read.number(&format!("SELECT count(*) FROM {from} WHERE 1{}", self.sql), self.bind().as_slice())
    }

    /// A page of these rows.
    pub fn page<T>(
        &mut self,
        read: &Read<'_>,
        (columns, from, order): (&str, &str, &str),
        ask: PageAsk,
        row: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mark = self.mark();
        let limit = self.bound("LIMIT ?", ask.per_page) + &self.bound(" OFFSET ?", ask.offset());
        let sql = format!("SELECT {columns} FROM {from} WHERE 1{} ORDER BY {order} {limit}", self.sql);
        let found = read.all(&sql, self.bind().as_slice(), row);
        self.back_to(&mark);
        found
    }
}
