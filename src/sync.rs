//! Locks, channels and threads of what threads share. Named here, so that a test can put those of a checker in their place:
//! see `tests/shuttle`.

pub use std::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic, mpsc};
pub use std::thread;
