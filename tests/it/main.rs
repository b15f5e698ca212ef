//! The server from outside: real sockets and real requests against a real server with a database of its own.
//!
//! One binary, one module per capability. `harness` has the actors; a test is a short play with them.

mod harness;

mod admin;
mod apps;
mod blocks;
mod bots;
mod call_endings;
mod calling;
mod calls;
mod cli;
mod conversations;
mod counts;
mod disk;
mod dependencies;
mod durability;
mod echo;
mod endpoints;
mod errors;
mod everywhere;
mod friends;
mod golden;
mod gone;
mod groups;
mod imports;
mod interactive;
mod isolation;
mod keys;
mod layers;
mod media;
mod members;
mod mentions;
mod messages;
mod metrics;
mod moderation;
mod names;
mod notifications;
mod online;
mod order;
mod paging;
mod permissions;
mod pins;
mod presence;
mod rates;
mod reactions;
mod receipts;
mod roles;
mod search;
mod slow;
mod sockets;
mod state;
mod threads;
mod tokens;
mod upgrade;
mod users;
