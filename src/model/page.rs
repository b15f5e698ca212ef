//! Pages of lists, in the contract's two styles: by number, and by a cursor along message ids.

use serde::Serialize;
use utoipa::ToSchema;

/// A page by number: `page` starts at 1.
#[derive(Clone, Copy, Debug)]
pub struct PageAsk {
    pub page: i64,
    pub per_page: i64,
}

impl PageAsk {
    pub fn offset(&self) -> i64 {
        (self.page - 1).saturating_mul(self.per_page)
    }
}

/// Whole numbers from one to another, both included; an end that is not given is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl Range {
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// What is in this and in the other.
    pub fn and(self, other: Range) -> Range {
        let tighter = |one: Option<i64>, other: Option<i64>, of: fn(i64, i64) -> i64| match (one, other) {
            (Some(one), Some(other)) => Some(of(one, other)),
            (one, other) => one.or(other),
        };
        Range { from: tighter(self.from, other.from, i64::max), to: tighter(self.to, other.to, i64::min) }
    }
}

/// Some rows of a list and how many there are in all.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub total: i64,
}

impl<T> Page<T> {
    /// The page of a list that is short enough to be at hand as a whole.
    pub fn of(all: Vec<T>, ask: PageAsk) -> Self {
        let total = all.len() as i64;
        let (from, most) = (usize::try_from(ask.offset()), usize::try_from(ask.per_page));
        let items = all.into_iter().skip(from.unwrap_or(usize::MAX)).take(most.unwrap_or(0)).collect();
        Page { items, total }
    }
}

/// `meta.pagination` of the contract.
#[derive(Serialize, ToSchema)]
pub struct Pagination {
    /// Rows in all.
    pub total: i64,
    /// Rows of this page.
    pub count: i64,
    pub per_page: i64,
    pub current_page: i64,
    pub total_pages: i64,
}

impl Pagination {
    pub fn of<T>(page: &Page<T>, ask: PageAsk) -> Self {
        Pagination::counted(page.items.len() as i64, page.total, ask)
    }

    /// Of a page that was found by a cursor: nobody has counted what lies before it or how much is left, only whether
    /// anything is. Clients stop at the last page, and take the one at hand for the first.
    pub fn ahead(count: i64, per_page: i64, more: bool) -> Self {
        let more = i64::from(more);
        Pagination { total: count + more, count, per_page, current_page: 1, total_pages: 1 + more }
    }

    /// Of a page with `count` of `total` rows.
    pub fn counted(count: i64, total: i64, ask: PageAsk) -> Self {
        Pagination {
            total,
            count,
            per_page: ask.per_page,
            current_page: ask.page,
            total_pages: (total + ask.per_page - 1) / ask.per_page.max(1),
        }
    }
}

/// Which way a cursor moves: older (`prepend`) or newer (`append`) than the point it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Affix {
    Append,
    Prepend,
}

impl Affix {
    pub fn as_str(self) -> &'static str {
        match self {
            Affix::Append => "append",
            Affix::Prepend => "prepend",
        }
    }
}
