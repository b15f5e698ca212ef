//! A row of the route table, and how the row for a request is found.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use actix_web::http::Method;

use super::access::{Access, Demand, Met, Who};
use super::rate::Class;
use super::reply::Reply;
use crate::model::error::Result;
use crate::model::extension::Extension;
use crate::model::feature::{Feature, Features};

type Answer = Pin<Box<dyn Future<Output = Result<Reply>>>>;

/// A row of the route table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// The contract's name for the operation.
    pub operation: &'static str,
    pub who: Who,
    /// What the call belongs to, for roles that have features switched off.
    pub features: Features,
    /// What it counts as among an app's requests.
    pub class: Class,
    /// The extension it belongs to, which an app may have off.
    pub extension: Option<Extension>,
    /// Takes multipart bodies besides JSON, and reads them itself: they are not held in memory.
    pub takes_files: bool,
    /// Which row it is, once it is in the table.
    pub at: usize,
    /// Takes a request that met the demand of `who`.
    pub(super) handler: Box<dyn Fn(Box<Met>) -> Answer + Send + Sync>,
}

fn route<D, F, Fut>(method: Method, path: &'static str, operation: &'static str, handler: F) -> Route
where
    D: Demand,
    F: Fn(Access<D>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply>> + 'static,
{
    Route {
        method,
        path,
        operation,
        who: D::WHO,
        features: Features::NONE,
        class: Class::Standard,
        extension: Extension::of_path(path),
        takes_files: false,
        at: 0,
        handler: Box::new(move |met| Box::pin(handler(Access::of(met)))),
    }
}

impl Route {
    /// Takes multipart bodies.
    pub fn with_files(self) -> Route {
        Route { takes_files: true, ..self }
    }

    /// Counts among logins and the like.
    pub fn core(self) -> Route {
        Route { class: Class::Core, ..self }
    }

    /// Counts among imports, and takes bodies as large as theirs.
    pub fn import(self) -> Route {
        Route { class: Class::Import, ..self }
    }

    /// Ties the row to features; one of them switched off for a role refuses the call to its users.
    pub fn feature(self, features: &[Feature]) -> Route {
        Route { features: Features::of(features), ..self }
    }
}

/// Lets rows read as a table.
#[derive(Clone, Copy)]
pub struct Row;

impl Row {
    /// A row: method, path, the contract's name for the operation, and its handler.
    pub fn on<D, F, Fut>(self, method: &Method, path: &'static str, operation: &'static str, handler: F) -> Route
    where
        D: Demand,
        F: Fn(Access<D>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply>> + 'static,
    {
        route(method.clone(), path, operation, handler)
    }
}

/// Finds the row for a request.
pub struct Router {
    routes: Vec<Route>,
    by_method: HashMap<Method, matchit::Router<usize>>,
}

impl Router {
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.iter_mut().enumerate().for_each(|(at, route)| route.at = at);
        let mut by_method: HashMap<Method, matchit::Router<usize>> = HashMap::new();
        for (at, route) in routes.iter().enumerate() {
            let inserted = by_method.entry(route.method.clone()).or_default().insert(route.path, at);
            // The table is part of the program; a test walks it, so this is never seen by a user.
            inserted.unwrap_or_else(|error| panic!("route {}: {error}", route.path));
        }
        Router { routes, by_method }
    }

    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The row, and the pieces of the path that it names, decoded.
    pub fn find(&self, method: &Method, path: &str) -> Option<(&Route, Vec<(String, String)>)> {
        let found = self.by_method.get(method)?.at(path).ok()?;
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let params = found.params.iter().map(|(key, value)| (key.to_owned(), decode(value))).collect();
        Some((&self.routes[*found.value], params))
    }
}
