//! `hobnob test` from outside: the program as a test suite starts it.

mod control;
mod faults;
mod program;
mod ready;
mod wire;
