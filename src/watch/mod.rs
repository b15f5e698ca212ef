//! What is seen of the server from outside: counters, the text they are shown as, whose work a thread does, and the live tail.
//!
//! A leaf: any room may count here, and nothing here knows a room. What is counted costs a relaxed atomic; what can be
//! asked when somebody looks (sizes, queues) is asked then, so it costs nothing while nobody does.

pub mod hide;
pub mod lines;
pub mod meter;
pub mod process;
pub mod request;
pub mod tail;
pub mod text;
