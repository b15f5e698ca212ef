//! An app as lines of JSON (`model::transfer`), as of one moment.
//!
//! Each kind is one statement whose columns are the line's fields: what is NULL is left out, a name that ends in `:json`
//! holds JSON as it is, one in `:bool` a truth value. Rows are read one by one, so an export takes no more memory for a
//! large app. They come in an order that does not depend on internal ids, so that the same app gives the same lines
//! wherever it lies.
//!
//! Ids of messages in marks and receipts are those of the newest message they cover: what was erased or spent has none.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, named_params};

use super::backup::Moment;
use crate::model::error::Result;
use crate::model::transfer::FORM;

/// A kind of line, and what gives its rows. `:app` is apps.id, `:now` the moment in seconds.
pub struct Kind {
    pub name: &'static str,
    sql: &'static str,
}

/// The kinds, each after all that it names.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "extension",
        sql: "SELECT extension, enabled AS 'enabled:bool' FROM app_extensions WHERE app = :app ORDER BY extension",
    },
    Kind {
        name: "reason",
        sql: "SELECT id, name, description, nullif(usual, 0) AS 'usual:bool', created_at AS createdAt, updated_at AS updatedAt
              FROM flag_reasons WHERE app = :app ORDER BY created_at, id",
    },
    Kind { name: "notifications", sql: "SELECT settings AS 'settings:json' FROM notification_settings WHERE app = :app" },
    Kind {
        name: "list",
        sql: "SELECT list_id AS id, revision, name, description, category, nullif(is_csv, 0) AS 'isCsv:bool', terms AS 'terms:json',
                     json_extract(place, '$.url') AS url, nullif(json_extract(place, '$.username'), '') AS username,
                     created_at AS createdAt, updated_at AS updatedAt
              FROM moderation_lists WHERE app = :app ORDER BY list_id",
    },
    Kind {
        name: "rule",
        sql: "SELECT revision, body AS 'rule:json', created_at AS createdAt, updated_at AS updatedAt
              FROM moderation_rules WHERE app = :app AND active = 1 ORDER BY rule_id",
    },
    // Neither its password nor its secret: it comes in switched off.
    Kind {
        name: "webhook",
        sql: "SELECT w.webhook_id AS id, w.name, w.url, nullif(w.username, '') AS username, w.retries AS 'retries:bool',
                     (SELECT json_group_array(t.kind ORDER BY t.kind) FROM webhook_triggers t WHERE t.webhook = w.id) AS 'triggers:json',
                     w.created_at AS createdAt, w.updated_at AS updatedAt
              FROM webhooks w WHERE w.app = :app ORDER BY w.webhook_id",
    },
    Kind {
        name: "role",
        sql: "SELECT role, name, description, metadata AS 'metadata:json', settings AS 'settings:json',
                     permissions AS 'permissions:json', created_at AS createdAt, updated_at AS updatedAt,
                     (SELECT json_group_array(json_object('feature', f.feature, 'createdAt', f.created_at) ORDER BY f.feature)
                      FROM restricted_features f WHERE f.app = r.app AND f.role = r.role) AS 'restricted:json'
              FROM roles r WHERE app = :app ORDER BY role",
    },
    Kind {
        name: "user",
        sql: "SELECT u.uid, u.name, u.avatar, u.link, nullif(u.role, 'default') AS role, u.metadata AS 'metadata:json',
                     u.tags AS 'tags:json', u.status_message AS statusMessage, u.created_at AS createdAt,
                     u.updated_at AS updatedAt, u.last_active_at AS lastActiveAt, u.deactivated_at AS deactivatedAt,
                     u.deleted_at AS deletedAt, nullif(u.bot, 0) AS 'bot:bool', n.preferences AS 'preferences:json',
                     n.timezone, n.email, n.phno,
                     (SELECT json_group_array(json_object('type', m.type, 'id', m.id, 'until', m.until) ORDER BY m.type, m.id)
                      FROM mutes m WHERE m.user_id = u.id) AS 'mutes:json'
              FROM users u LEFT JOIN notification_choices n ON n.user_id = u.id
              WHERE u.app = :app AND u.system = 0 AND u.id NOT IN (SELECT user_id FROM gone_users) ORDER BY u.uid",
    },
    Kind {
        name: "friend",
        sql: "SELECT a.uid, b.uid AS friend, f.created_at AS createdAt
              FROM users a CROSS JOIN friends f ON f.user_id = a.id CROSS JOIN users b ON b.id = f.friend_id
              WHERE a.app = :app AND a.uid < b.uid AND a.id NOT IN (SELECT user_id FROM gone_users)
                AND b.id NOT IN (SELECT user_id FROM gone_users) ORDER BY a.uid, b.uid",
    },
    Kind {
        name: "block",
        sql: "SELECT a.uid, b.uid AS blocked, f.created_at AS createdAt
              FROM users a CROSS JOIN blocks f ON f.user_id = a.id CROSS JOIN users b ON b.id = f.blocked_id
              WHERE a.app = :app AND a.id NOT IN (SELECT user_id FROM gone_users)
                AND b.id NOT IN (SELECT user_id FROM gone_users) ORDER BY a.uid, b.uid",
    },
    Kind {
        name: "group",
        sql: "SELECT g.guid, g.name, g.type, nullif(g.password_hash, '') AS passwordHash, g.icon, g.description,
                     iif(o.id IN (SELECT user_id FROM gone_users), 'app_system', o.uid) AS owner,
                     g.metadata AS 'metadata:json', g.tags AS 'tags:json', g.permissions AS 'permissions:json',
                     g.created_at AS createdAt, g.updated_at AS updatedAt, g.updated_by AS updatedBy
              FROM groups g CROSS JOIN users o ON o.id = g.owner_id
              WHERE g.app = :app AND g.id NOT IN (SELECT group_id FROM gone_groups) ORDER BY g.guid",
    },
    Kind {
        name: "member",
        sql: "SELECT g.guid || '_member_' || u.uid AS memberId, g.guid, u.uid, m.scope, m.joined_at AS joinedAt
              FROM groups g CROSS JOIN members m ON m.group_id = g.id CROSS JOIN users u ON u.id = m.user_id
              WHERE g.app = :app AND g.id NOT IN (SELECT group_id FROM gone_groups)
                AND u.id NOT IN (SELECT user_id FROM gone_users) ORDER BY g.guid, u.uid",
    },
    Kind {
        name: "member",
        sql: "SELECT g.guid || '_member_' || u.uid AS memberId, g.guid, u.uid, m.scope, m.banned_at AS joinedAt, 1 AS 'isBanned:bool'
              FROM groups g CROSS JOIN bans m ON m.group_id = g.id CROSS JOIN users u ON u.id = m.user_id
              WHERE g.app = :app AND g.id NOT IN (SELECT group_id FROM gone_groups)
                AND u.id NOT IN (SELECT user_id FROM gone_users) ORDER BY g.guid, u.uid",
    },
    Kind {
        name: "file",
        sql: "SELECT f.name, f.title, f.mime_type AS mimeType, f.size, u.uid AS owner, f.created_at AS createdAt
              FROM attachments f LEFT JOIN users u ON u.id = f.user_id AND u.id NOT IN (SELECT user_id FROM gone_users)
              WHERE f.app = :app AND f.arrived_at IS NOT NULL AND f.expires_at IS NULL
                AND NOT (f.user_id IN (SELECT user_id FROM gone_users) AND NOT EXISTS (
                    SELECT 1 FROM attachment_uses a CROSS JOIN messages m ON m.id = a.message_id
                    WHERE a.attachment_id = f.id AND m.sender_id <> f.user_id))
              ORDER BY f.name",
    },
    Kind {
        name: "sticker",
        sql: "SELECT s.name, s.title, s.set_title AS setTitle, s.set_position AS setPosition, s.position, f.name AS file,
                     s.created_at AS createdAt, s.removed_at AS removedAt
              FROM stickers s CROSS JOIN attachments f ON f.id = s.attachment_id
              WHERE s.app = :app AND f.arrived_at IS NOT NULL AND f.expires_at IS NULL
              ORDER BY s.set_position, s.set_title, s.position, s.id",
    },
    // One that is under way ends with the export: nobody is in it elsewhere.
    Kind {
        name: "call",
        sql: "SELECT c.session_id AS sessionId, i.uid AS initiator, e.uid AS callee, g.guid, c.type, c.status,
                     c.metadata AS 'metadata:json', c.initiated_at AS initiatedAt, c.started_at AS startedAt,
                     coalesce(c.ended_at, :now) AS endedAt,
                     (SELECT json_group_array(json_object('uid', u.uid, 'joinedAt', p.joined_at,
                               'state', iif(p.state IN ('ringing','joined'), 'ended', p.state),
                               'leftAt', iif(p.state = 'joined', :now, p.left_at)) ORDER BY u.uid)
                      FROM call_participants p CROSS JOIN users u ON u.id = p.user_id WHERE p.call_id = c.id) AS 'participants:json'
              FROM calls c CROSS JOIN conversations v ON v.id = c.conv_id CROSS JOIN users i ON i.id = c.initiator_id
              LEFT JOIN users e ON e.id = c.callee_id LEFT JOIN groups g ON g.id = v.group_id
              WHERE c.app = :app AND c.conv_id NOT IN (SELECT conv_id FROM gone_conversations)
                AND i.id NOT IN (SELECT user_id FROM gone_users)
                AND coalesce(e.id, 0) NOT IN (SELECT user_id FROM gone_users) AND coalesce(e.id, g.id) IS NOT NULL
              ORDER BY c.initiated_at, c.id",
    },
    Kind {
        name: "message",
        sql: "SELECT m.id, m.muid, s.uid AS sender, iif(c.group_id IS NULL, 'user', 'group') AS receiverType,
                     coalesce(g.guid, iif(m.sender_id = c.user_a, b.uid, a.uid)) AS receiver,
                     iif(c.group_id IS NULL AND m.sender_id NOT IN (c.user_a, c.user_b), json_array(a.uid, b.uid), NULL) AS 'between:json',
                     m.category, m.type, m.data AS 'data:json', m.tags AS 'tags:json', m.sent_at AS sentAt,
                     nullif(m.updated_at, m.sent_at) AS updatedAt, m.edited_at AS editedAt, m.edited_by AS editedBy,
                     m.deleted_at AS deletedAt, m.deleted_by AS deletedBy,
                     (SELECT p.id FROM messages p WHERE p.id = m.parent_id AND p.conv_id = m.conv_id) AS parentId,
                     (SELECT q.id FROM messages q WHERE q.id = m.quoted_id AND q.conv_id = m.conv_id AND q.id < m.id) AS quotedId,
                     iif(m.reply_count > 0, m.last_reply_at, NULL) AS lastReplyAt,
                     m.resource, m.pinned_at AS pinnedAt, m.pinned_by AS pinnedBy,
                     (SELECT u.uid FROM users u WHERE m.category = 'action' AND u.id = m.subject_id) AS 'on',
                     (SELECT k.session_id FROM calls k WHERE m.category = 'call' AND k.id = m.subject_id) AS sessionId,
                     CASE m.flags & 768 WHEN 256 THEN 'approved' WHEN 512 THEN 'disapproved' END AS verdict,
                     (SELECT json_group_array(iif(x.user_id = 0, '*', u.uid) ORDER BY u.uid)
                      FROM mentions x LEFT JOIN users u ON u.id = x.user_id WHERE x.message_id = m.id AND m.flags & 128
                        AND x.user_id NOT IN (SELECT user_id FROM gone_users)) AS 'mentions:json',
                     (SELECT json_group_array(json_object('uid', u.uid, 'reaction', x.reaction, 'reactedAt', x.reacted_at) ORDER BY x.id)
                      FROM reactions x CROSS JOIN users u ON u.id = x.user_id WHERE x.message_id = m.id AND m.flags & 64
                        AND x.user_id NOT IN (SELECT user_id FROM gone_users)) AS 'reactions:json',
                     (SELECT json_group_array(json_object('uid', u.uid, 'savedAt', x.saved_at) ORDER BY u.uid)
                      FROM saved_messages x CROSS JOIN users u ON u.id = x.user_id WHERE x.message_id = m.id
                        AND x.user_id NOT IN (SELECT user_id FROM gone_users)) AS 'saved:json',
                     (SELECT json_group_array(json_object('uid', u.uid, 'subscribed', x.subscribed) ORDER BY u.uid)
                      FROM thread_subscriptions x CROSS JOIN users u ON u.id = x.user_id WHERE x.parent_id = m.id
                        AND x.user_id NOT IN (SELECT user_id FROM gone_users)) AS 'followers:json',
                     (SELECT json_group_array(json_object('uid', u.uid, 'elementId', x.element_id, 'interactedAt', x.interacted_at)
                                              ORDER BY u.uid, x.element_id)
                      FROM interactions x CROSS JOIN users u ON u.id = x.user_id WHERE m.category = 'interactive' AND x.message_id = m.id
                        AND x.user_id NOT IN (SELECT user_id FROM gone_users)) AS 'interactions:json',
                     (SELECT json_group_array(u.uid ORDER BY u.uid) FROM goals_met x CROSS JOIN users u ON u.id = x.user_id
                      WHERE m.category = 'interactive' AND x.message_id = m.id
                        AND x.user_id NOT IN (SELECT user_id FROM gone_users)) AS 'goalsMet:json',
                     (SELECT json_object('status', f.status, 'reviewedAt', f.reviewed_at, 'by', json((
                        SELECT json_group_array(json_object('uid', u.uid, 'reason', x.reason, 'remark', x.remark, 'flaggedAt', x.flagged_at)
                                                ORDER BY x.flagged_at, u.uid)
                        FROM message_flags x CROSS JOIN users u ON u.id = x.user_id WHERE x.message_id = m.id
                          AND x.user_id NOT IN (SELECT user_id FROM gone_users))))
                      FROM flagged_messages f WHERE f.message_id = m.id) AS 'flagged:json',
                     (SELECT json_object('ruleId', f.rule_id, 'ruleName', f.rule_name, 'revisionId', f.revision_id,
                        'condition', json(f.condition), 'action', json(f.action), 'createdAt', f.created_at,
                        'updatedAt', f.updated_at, 'status', f.status)
                      FROM moderation_blocked f WHERE f.message_id = m.id) AS 'blocked:json',
                     (SELECT json_object('name', f.name, 'question', f.question,
                        'options', json((SELECT json_group_array(o.text ORDER BY o.number) FROM poll_options o WHERE o.message_id = m.id)),
                        'votes', json((SELECT json_group_array(json_object('uid', u.uid, 'number', x.number) ORDER BY x.id)
                           FROM poll_votes x CROSS JOIN users u ON u.id = x.user_id WHERE x.message_id = m.id
                             AND x.user_id NOT IN (SELECT user_id FROM gone_users))))
                      FROM polls f WHERE f.message_id = m.id AND m.flags & 2048) AS 'poll:json',
                     (SELECT json_object('at', d.at, 'timeMs', d.time_ms, 'name', d.name, 'createdAt', d.created_at, 'uid', u.uid)
                      FROM due d CROSS JOIN users u ON u.id = d.user_id WHERE d.message_id = m.id AND d.kind = 'disappear') AS 'disappears:json'
              FROM messages m CROSS JOIN conversations c ON c.id = m.conv_id CROSS JOIN users s ON s.id = m.sender_id
              LEFT JOIN groups g ON g.id = c.group_id LEFT JOIN users a ON a.id = c.user_a LEFT JOIN users b ON b.id = c.user_b
              WHERE m.app = :app AND m.conv_id NOT IN (SELECT conv_id FROM gone_conversations)
                AND (c.group_id IS NOT NULL OR c.user_a IS NOT NULL)
                AND m.sender_id NOT IN (SELECT user_id FROM gone_users)
                AND NOT (m.category = 'action' AND coalesce(m.subject_id, 0) IN (SELECT user_id FROM gone_users))
                AND NOT (m.category = 'call' AND NOT EXISTS (SELECT 1 FROM calls k WHERE k.id = m.subject_id))
              ORDER BY m.id",
    },
    Kind {
        name: "conversation",
        sql: "SELECT iif(c.group_id IS NULL, json_array(min(a.uid, b.uid), max(a.uid, b.uid)), NULL) AS 'users:json', g.guid,
                     c.created_at AS createdAt, c.updated_at AS updatedAt
              FROM conversations c LEFT JOIN groups g ON g.id = c.group_id
              LEFT JOIN users a ON a.id = c.user_a LEFT JOIN users b ON b.id = c.user_b
              WHERE c.app = :app AND c.id NOT IN (SELECT conv_id FROM gone_conversations)
                AND (c.group_id IS NOT NULL OR c.user_a IS NOT NULL) ORDER BY c.name, g.guid, min(a.uid, b.uid)",
    },
    Kind {
        name: "mark",
        sql: "SELECT iif(c.group_id IS NULL, json_array(min(a.uid, b.uid), max(a.uid, b.uid)), NULL) AS 'users:json', g.guid, u.uid,
                     p.created_at AS createdAt, p.updated_at AS updatedAt,
                     (SELECT max(m.id) FROM messages m WHERE m.conv_id = c.id AND m.id <= p.delivered_id) AS deliveredId,
                     (SELECT max(m.id) FROM messages m WHERE m.conv_id = c.id AND m.id <= p.read_id) AS readId,
                     (SELECT max(m.id) FROM messages m WHERE m.conv_id = c.id AND m.id <= p.hidden_id) AS hiddenId,
                     (SELECT max(m.id) FROM messages m WHERE m.conv_id = c.id AND m.id <= p.since_id) AS sinceId,
                     p.tags AS 'tags:json', p.pinned_at AS pinnedAt, nullif(p.hidden_id < 0, 0) AS 'listed:bool'
              FROM conversations c CROSS JOIN participants p ON p.conv_id = c.id CROSS JOIN users u ON u.id = p.user_id
              LEFT JOIN groups g ON g.id = c.group_id LEFT JOIN users a ON a.id = c.user_a LEFT JOIN users b ON b.id = c.user_b
              WHERE c.app = :app AND c.id NOT IN (SELECT conv_id FROM gone_conversations)
                AND (c.group_id IS NOT NULL OR c.user_a IS NOT NULL)
                AND u.id NOT IN (SELECT user_id FROM gone_users) ORDER BY c.name, g.guid, min(a.uid, b.uid), u.uid",
    },
    Kind {
        name: "receipt",
        sql: "SELECT users AS 'users:json', guid, uid, iif(kind = 0, 'delivered', 'read') AS kind, upto, min(at) AS at FROM (
                SELECT c.name, iif(c.group_id IS NULL, json_array(min(a.uid, b.uid), max(a.uid, b.uid)), NULL) AS users, g.guid,
                       iif(r.user_id = 0, '*', u.uid) AS uid, r.kind, r.at,
                       (SELECT max(m.id) FROM messages m WHERE m.conv_id = c.id AND m.id <= r.upto) AS upto
                FROM conversations c CROSS JOIN receipts r ON r.conv_id = c.id LEFT JOIN users u ON u.id = r.user_id
                LEFT JOIN groups g ON g.id = c.group_id LEFT JOIN users a ON a.id = c.user_a LEFT JOIN users b ON b.id = c.user_b
                WHERE c.app = :app AND c.id NOT IN (SELECT conv_id FROM gone_conversations)
                  AND (c.group_id IS NOT NULL OR c.user_a IS NOT NULL)
                  AND (r.user_id = 0 OR u.id IS NOT NULL) AND r.user_id NOT IN (SELECT user_id FROM gone_users))
              WHERE upto IS NOT NULL GROUP BY name, guid, users, uid, kind, upto ORDER BY name, guid, users, uid, kind, upto",
    },
    Kind {
        name: "pin",
        sql: "SELECT iif(c.group_id IS NULL, json_array(min(a.uid, b.uid), max(a.uid, b.uid)), NULL) AS 'users:json', g.guid,
                     NULL AS peer, x.position, x.pinned_at AS pinnedAt
              FROM app_pins x CROSS JOIN conversations c ON c.id = x.conv_id LEFT JOIN groups g ON g.id = c.group_id
              LEFT JOIN users a ON a.id = c.user_a LEFT JOIN users b ON b.id = c.user_b
              WHERE x.app = :app AND c.id NOT IN (SELECT conv_id FROM gone_conversations)
                AND (c.group_id IS NOT NULL OR c.user_a IS NOT NULL)
              UNION ALL
              SELECT NULL, NULL, u.uid, x.position, x.pinned_at FROM app_peer_pins x CROSS JOIN users u ON u.id = x.user_id
              WHERE x.app = :app AND u.id NOT IN (SELECT user_id FROM gone_users) ORDER BY position",
    },
    Kind {
        name: "reminder",
        sql: "SELECT u.uid, d.name, (SELECT m.id FROM messages m WHERE m.id = d.message_id) AS messageId, d.about, d.at,
                     d.time_ms AS timeMs, d.created_at AS createdAt
              FROM due d CROSS JOIN users u ON u.id = d.user_id
              WHERE d.app = :app AND d.kind = 'reminder' AND u.id NOT IN (SELECT user_id FROM gone_users) ORDER BY d.at, d.name",
    },
];

/// An app that is exported.
#[derive(Clone, Debug)]
pub struct Exported {
    /// apps.id
    pub id: i64,
    pub app_id: String,
    pub name: String,
    region: String,
}

impl Exported {
    /// Its first line, at this time.
    pub fn head(&self, now: i64) -> String {
        let Exported { app_id, name, region, .. } = self;
        let hobnob = env!("CARGO_PKG_VERSION");
        serde_json::json!({ "app": {
            "form": FORM, "appId": app_id, "name": name, "region": region, "hobnob": hobnob, "exportedAt": now,
        } })
        .to_string()
    }
}

impl Moment {
    /// The app with this id.
    pub fn app(&self, app_id: &str) -> Result<Option<Exported>> {
        let sql = "SELECT id, app_id, name, region FROM apps WHERE app_id = ?1 AND deleted_at IS NULL";
        let found = self.connection.query_row(sql, [app_id], |row| {
            Ok(Exported { id: row.get(0)?, app_id: row.get(1)?, name: row.get(2)?, region: row.get(3)? })
        });
        Ok(found.optional()?)
    }

    /// Ids and names of all apps.
    pub fn apps(&self) -> Result<Vec<(String, String)>> {
        let mut statement =
            self.connection.prepare("SELECT app_id, name FROM apps WHERE deleted_at IS NULL ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Names of the app's files that are whole and shown.
    pub fn files_of<E: From<crate::model::error::Error>>(
        &self,
        app: &Exported,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = |error: rusqlite::Error| E::from(error.into());
        // As the lines of the kind `file`: those of somebody who is being erased are gone.
        let files = "SELECT f.name FROM attachments f
                     WHERE f.app = ?1 AND f.arrived_at IS NOT NULL AND f.expires_at IS NULL
                       AND NOT (f.user_id IN (SELECT user_id FROM gone_users) AND NOT EXISTS (
                           SELECT 1 FROM attachment_uses a CROSS JOIN messages m ON m.id = a.message_id
                           WHERE a.attachment_id = f.id AND m.sender_id <> f.user_id))
                     ORDER BY f.name";
        let mut statement = self.connection.prepare(files).map_err(sql)?;
        let mut rows = statement.query([app.id]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            each(&row.get::<_, String>(0).map_err(sql)?)?;
        }
        Ok(())
    }

    /// The lines of one kind. `each` may end it.
    pub fn lines<E: From<crate::model::error::Error>>(
        &self,
        kind: &Kind,
        app: &Exported,
        now: i64,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut text = String::new();
        let sql = |error: rusqlite::Error| E::from(error.into());
        let mut statement = self.connection.prepare(kind.sql).map_err(sql)?;
        let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = match statement.parameter_index(":now").map_err(sql)? {
            Some(_) => statement.query(named_params! { ":app": app.id, ":now": now }),
            None => statement.query(named_params! { ":app": app.id }),
        }
        .map_err(sql)?;
        let here = format!("\u{FDD0}/media/{}/", app.app_id);
        while let Some(row) = rows.next().map_err(sql)? {
            text.clear();
            write(&mut text, kind.name, &names, row).map_err(sql)?;
            // A file is named by its place in the export, whichever app it lies in.
            match text.contains(&here) {
                true => each(&text.replace(&here, "\u{FDD0}/media/"))?,
                false => each(&text)?,
            }
        }
        Ok(())
    }
}

fn write(text: &mut String, kind: &str, names: &[String], row: &Row<'_>) -> rusqlite::Result<()> {
    text.push_str("{\"");
    text.push_str(kind);
    text.push_str("\":{");
    let mut first = true;
    for (at, name) in names.iter().enumerate() {
        let (name, form) = name.split_once(':').unwrap_or((name, ""));
        let value = row.get_ref(at)?;
        let value = match (value, form) {
            (ValueRef::Null, _) => continue,
            (ValueRef::Integer(number), "bool") => (number != 0).to_string(),
            (ValueRef::Integer(number), _) => number.to_string(),
            (ValueRef::Text(bytes), "json") => {
                let json = String::from_utf8_lossy(bytes);
                if json == "[]" {
                    continue;
                }
                // Within a text there are none: between values they are space.
                json.replace(['\n', '\r'], " ")
            }
            (ValueRef::Text(bytes), _) => serde_json::to_string(&String::from_utf8_lossy(bytes)).unwrap_or_default(),
            (other, _) => {
                let kind = other.data_type();
                return Err(rusqlite::Error::InvalidColumnType(at, name.to_owned(), kind));
            }
        };
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        text.push('"');
        text.push_str(name);
        text.push_str("\":");
        text.push_str(&value);
    }
    text.push_str("}}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::db;

    /// Messages are read in the order of their ids and files by their names, those of all apps; nothing else is walked
    /// through, and what may be long is not sorted as a whole.
    #[test]
    fn an_export_walks_along_indexes() {
        let dir = tempfile::tempdir().unwrap();
        let connection = db::open_writer(&dir.path().join("t.db"), Arc::new(|_| false)).unwrap();
        for kind in KINDS {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", kind.sql)).unwrap();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let step: String = row.get(3).unwrap();
                let walks = step.starts_with("SCAN") && !step.contains("INDEX");
                let may = match kind.name {
                    "message" => step == "SCAN m",
                    // Of one app, and few; or of the subquery itself.
                    "pin" | "reminder" | "receipt" => step.contains("subquery") || step.contains("(subquery"),
                    _ => false,
                };
                assert!(!walks || may || step.starts_with("SCAN CONSTANT"), "{}: {step}", kind.name);
                assert!(
                    kind.name != "message" || !step.contains("TEMP B-TREE FOR ORDER BY") || step.contains("json"),
                    "{step}"
                );
            }
        }
    }
}
