//! Sockets: who is connected, what they hear, and what they say.
//!
//! `hub` receives the stream of every commit and hands frames to connections; `conn` is one connection's bounded
//! queue; `socket` moves frames between a queue and the wire; `command` does what clients ask over it.

pub mod command;
pub mod conn;
pub mod frame;
pub mod hub;
pub mod meters;
pub mod socket;
pub mod watched;
