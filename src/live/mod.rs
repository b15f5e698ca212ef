//! Sockets: who is connected, what they hear, and what they say.
//!
//! `hub` receives the stream of every commit and hands frames to connections; `conn` is one connection's bounded
//! queue; `socket` moves frames between a queue and the wire; `command` does what clients ask over it.
//! `inbound`, `pace` and `patience` bound what a client makes the server hold and do, and how long it waits for one.

pub mod command;
pub mod conn;
#[cfg(test)]
mod echo;
pub mod frame;
pub mod hub;
pub mod inbound;
pub mod pace;
pub mod patience;
pub mod socket;
