//! `hobnob test` from outside: the program as a test suite starts it.

mod program;
mod ready;
