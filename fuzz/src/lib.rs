//! The targets of `tests/fuzz` for libFuzzer; see `README.md` here.

#[path = "../../tests/fuzz/targets.rs"]
pub mod targets;
#[path = "../../tests/fuzz/wire.rs"]
mod wire;
