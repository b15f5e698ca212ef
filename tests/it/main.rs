//! The server from outside: real sockets and real requests against a real server with a database of its own.
//!
//! One binary, one module per capability. `harness` has the actors; a test is a short play with them.

#[allow(dead_code)] // A stage has more props than each play uses.
mod harness;

mod apps;
mod blocks;
mod calls;
mod conversations;
mod durability;
mod errors;
mod friends;
mod groups;
mod imports;
mod isolation;
mod layers;
mod media;
mod members;
mod messages;
mod metrics;
mod order;
mod permissions;
mod reactions;
mod search;
mod slow;
mod state;
mod users;
