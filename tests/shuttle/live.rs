//! The server's own files, below the name they know themselves by.
#![allow(dead_code, unused_imports)]

#[path = "../../src/live/conn.rs"]
pub mod conn;
#[path = "../../src/live/hub/mod.rs"]
pub mod hub;

pub mod frame {
    pub use hobnob::live::frame::*;
}

pub mod meters {
    pub use hobnob::live::meters::*;
}

pub mod watched {
    pub use hobnob::live::watched::*;
}
