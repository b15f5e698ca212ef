//! What an app pins for all its users: a conversation for whoever has it, or a user for whoever talks with them. Both kinds
//! stand in one display order; lists of conversations join the two tables.

use rusqlite::params;

use super::conversations::{Conv, conv};
use super::{Read, Write};
use crate::model::error::Result;

/// What is pinned.
#[derive(Clone, Debug)]
pub enum Of {
    Conversation {
        conv: Conv,
        created_at: i64,
        updated_at: i64,
    },
    /// Everybody's conversation with this user (users.id).
    Peer(i64),
}

impl Of {
    fn key(&self) -> (bool, i64) {
        match self {
            Of::Conversation { conv, .. } => (true, conv.id),
            Of::Peer(user) => (false, *user),
        }
    }
}

/// One of them, with when.
pub struct AppPin {
    pub of: Of,
    pub position: i64,
    pub pinned_at: i64,
}

/// What the app has pinned for everybody, in display order.
pub fn list(read: &Read<'_>, app: i64) -> Result<Vec<AppPin>> {
    let mut pins = read.all(
        "SELECT c.id, c.name, c.user_a, c.user_b, c.group_id, c.last_id, c.total, c.preview_id, c.created_at, c.updated_at,
                a.position, a.pinned_at
         FROM app_pins a JOIN conversations c ON c.id = a.conv_id WHERE a.app = ?1 ORDER BY a.position",
        [app],
        |row| {
            let of = Of::Conversation { conv: conv(row)?, created_at: row.get(8)?, updated_at: row.get(9)? };
            Ok(AppPin { of, position: row.get(10)?, pinned_at: row.get(11)? })
        },
    )?;
    pins.extend(read.all(
        "SELECT user_id, position, pinned_at FROM app_peer_pins WHERE app = ?1
         AND user_id NOT IN (SELECT user_id FROM gone_users)",
        [app],
        |row| Ok(AppPin { of: Of::Peer(row.get(0)?), position: row.get(1)?, pinned_at: row.get(2)? }),
    )?);
    pins.sort_by_key(|pin| pin.position);
    Ok(pins)
}

/// Replaces the list. What was pinned before keeps its time.
pub fn set(tx: &Write<'_>, app: i64, pins: &[Of]) -> Result<()> {
    let old = list(tx, app)?;
    tx.run("DELETE FROM app_pins WHERE app = ?1", [app])?;
    tx.run("DELETE FROM app_peer_pins WHERE app = ?1", [app])?;
    for (position, of) in pins.iter().enumerate() {
        let since = old.iter().find(|pin| pin.of.key() == of.key()).map_or(tx.now(), |pin| pin.pinned_at);
        let sql = match of {
            Of::Conversation { .. } => {
                "INSERT INTO app_pins (conv_id, app, position, pinned_at) VALUES (?1, ?2, ?3, ?4)"
            }
            Of::Peer(_) => "INSERT INTO app_peer_pins (user_id, app, position, pinned_at) VALUES (?1, ?2, ?3, ?4)",
        };
        tx.run(sql, params![of.key().1, app, position as i64, since])?;
    }
    Ok(())
}
