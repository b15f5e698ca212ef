//! The words of the house: pure types and rules, without I/O, clock or framework.
//!
//! Everything above speaks in these. Ids exist only if they are valid, drafts exist only if they may be written,
//! and `permission` answers who may do what.

pub mod admin;
pub mod answer;
pub mod app_limits;
pub mod attachment;
pub mod audit;
pub mod call;
pub mod caller;
pub mod conversation;
pub mod domain;
pub mod erasure;
pub mod error;
pub mod event;
pub mod extension;
pub mod feature;
pub mod flags;
pub mod group;
pub mod ids;
pub mod import;
pub mod json;
pub mod limits;
pub mod link;
pub mod mention;
pub mod message;
pub mod moderation;
pub mod nearest;
pub mod notification;
pub mod page;
pub mod party;
pub mod patch;
pub mod permission;
pub mod policy;
pub mod poll;
pub mod public;
pub mod qr;
pub mod reminder;
pub mod role;
pub mod sticker;
pub mod text;
pub mod time;
pub mod totp;
pub mod transfer;
pub mod trigger;
pub mod user;
pub mod webhook;
pub mod words;

pub use error::{Code, Error, Result};
