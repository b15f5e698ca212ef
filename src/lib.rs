//! Hobnob: a chat back end in one binary with one SQLite file.
//!
//! # The house
//!
//! ```text
//! model  <-  store  <-  actions  <-  api, live::command  <-  server  <-  cli  <-  main
//! model  <-  live::hub          store reaches the hub only through a closure handed in by `server`
//! ```
//!
//! - [`model`]: the words and rules. Pure: no I/O, no clock, no framework.
//! - [`store`]: all SQL, by noun. One writer thread with group commit, a pool of readers.
//! - [`actions`]: what can be done. Runs inside one write: checks, writes, announces.
//! - [`api`]: the REST API as one route table; a handler parses, calls once, replies.
//! - [`live`]: sockets. The hub takes the stream of commits to the connections.
//! - [`media`]: files of messages on disk, beside the database.
//! - [`chores`]: what is done beside the requests.
//! - [`cli`]: the command line, one noun a file.
//! - [`settings`]: where the value of a setting comes from: flag, variable, file, default.
//! - [`logging`]: lines to standard error; many of the same kind become a count.
//! - [`backup`]: all of a data folder in one file, and back.
//! - [`transfer`]: one app in a file, and out of it.
//! - [`doctor`]: what is wrong with a folder, its machine and the way in.
//! - [`durable`]: files that are there after a power cut; [`draft`]: what is not whole yet, and goes if it never is.
//! - [`lock`]: one server to a data folder.
//! - [`passwords`], [`turns`]: heavy work, a little at a time.
//! - `sync`: locks and threads, which a checker can stand in for.
//! - [`seats`]: connections of one address.
//! - [`systemd`]: what a supervisor is told, and sockets it hands over.
//! - [`outgoing`]: requests that leave the server; [`previews`]: those for links in messages.
//! - [`out`]: events for webhooks; [`engines`]: engines outside that judge messages.
//! - [`watch`]: what is counted, whose work a thread does, and the live tail; a leaf that any room may use.
//! - [`doors`]: listeners, and what comes in by them.
//! - [`testing`]: a server for test suites, on other ground than others stand on.
//! - [`server`], [`config`], [`network`], [`tls`]: putting it together.
//!
//! A noun has the same file name in every layer: `api/groups.rs`, `actions/groups.rs`, `store/groups.rs`,
//! `model/group.rs`.
//!
//! # A message, from POST to the other socket
//!
//! `api::messages::send` parses the body into a `Draft` and queues a write. In the writer thread `actions::messages::send`
//! checks who may write where, `store::messages::insert` stores the row, `store::conversations::touch` moves the
//! conversation up, and `tx.emit` notes the event. `store::writer` commits (one fsync for the whole batch), answers the
//! request, and hands the events to `live::hub`, which encodes the frame once and offers it to each connection's bounded
//! queue. `live::socket` writes it out.
//!
//! Who sees a message, and who hears what happens to it, is `store::sight`'s to say: lists, quotes, last messages and events
//! all go by it.
//!
//! # A kick
//!
//! `api::members::kick` → `actions::members::kick`: standing of the actor, `permission::may`, removal, an action message
//! emitted to the group *and* to the kicked, then `Move::Leave` in the same stream. The hub takes both in that order, so
//! the kicked hears of his kick and of nothing after it.
//!
//! # Where to add what
//!
//! A new operation: a row in `api::routes`, a handler beside its noun, an action if it writes, SQL in the store; then
//! `cargo run --example describe`, which writes down the API descriptions that are served. A new
//! limit: `model::limits`, with a setting in [`config`] if people will want to raise it. A new error: the table in
//! `model::error`.

pub mod actions;
pub mod api;
pub mod backup;
pub mod chores;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod doors;
pub mod draft;
pub mod durable;
pub mod engines;
pub mod live;
pub mod lock;
pub mod logging;
pub mod media;
pub mod model;
pub mod network;
pub mod out;
pub mod outgoing;
pub mod passwords;
pub mod previews;
pub mod seats;
pub mod server;
pub mod settings;
pub mod store;
mod sync;
pub mod systemd;
pub mod testing;
pub mod tls;
pub mod transfer;
pub mod turns;
pub mod watch;
