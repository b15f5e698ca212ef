-- Schema 1 to 2. `schema.sql` says what each thing is for.

-- A conversation is found by its two users or its group. Its name stands for nothing: that of a pair and that of another
-- pair, or of a group, may be the same. Until now they then shared one row, and strangers read each other.
CREATE TABLE conversations_2 (
  id              INTEGER PRIMARY KEY,
  app             INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name            TEXT    NOT NULL,
  user_a          INTEGER REFERENCES users(id) ON DELETE CASCADE,
  user_b          INTEGER REFERENCES users(id) ON DELETE CASCADE,
  group_id        INTEGER REFERENCES groups(id) ON DELETE CASCADE,
  last_id         INTEGER NOT NULL DEFAULT 0,
  preview_id      INTEGER NOT NULL DEFAULT 0,
  total           INTEGER NOT NULL DEFAULT 0,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;
INSERT INTO conversations_2 (id, app, name, user_a, user_b, group_id, last_id, preview_id, total, created_at, updated_at)
SELECT id, app, name, user_a, user_b, group_id, last_id, preview_id, total, created_at, updated_at FROM conversations;
DROP TABLE conversations;
ALTER TABLE conversations_2 RENAME TO conversations;
UPDATE conversations SET user_a = NULL, user_b = NULL WHERE id IN (SELECT conv_id FROM gone_conversations);

DROP INDEX messages_by_muid;
CREATE UNIQUE INDEX messages_by_muid ON messages(sender_id, muid, conv_id) WHERE muid IS NOT NULL;
CREATE INDEX participants_by_hidden ON participants(conv_id, hidden_id) WHERE hidden_id > 0;

-- The strangers' messages come out of such rows. Whose name can be read in more than one way:
CREATE TEMP TABLE shared AS
SELECT id, app, name, user_a, user_b, group_id FROM conversations
WHERE id NOT IN (SELECT conv_id FROM gone_conversations)
  AND CASE WHEN group_id IS NULL THEN instr(substr(name, instr(name, '_user_') + 1), '_user_') ELSE instr(name, '_user_') END > 0;

CREATE TEMP TABLE speakers AS
SELECT DISTINCT s.id AS conv, m.sender_id AS user
FROM shared s CROSS JOIN messages m ON m.conv_id = s.id WHERE m.category <> 'action';

-- Who has no place there, and whom they spoke to: with the sender, the name tells the other side. No place has in a
-- pair's who is neither of the two; in a group's who is no member and has left no trace of having been one.
CREATE TEMP TABLE strangers AS
SELECT x.conv, x.user, min(t.id) AS other
FROM speakers x JOIN shared s ON s.id = x.conv JOIN users u ON u.id = x.user
LEFT JOIN users t ON t.app = s.app
     AND t.uid IN (substr(s.name, length(u.uid) + 7), substr(s.name, 1, length(s.name) - length(u.uid) - 6))
     AND s.name = min(u.uid, t.uid) || '_user_' || max(u.uid, t.uid)
WHERE CASE WHEN s.group_id IS NULL THEN x.user NOT IN (s.user_a, s.user_b) ELSE
      NOT EXISTS (SELECT 1 FROM members k WHERE k.group_id = s.group_id AND k.user_id = x.user)
      AND NOT EXISTS (SELECT 1 FROM bans b WHERE b.group_id = s.group_id AND b.user_id = x.user)
      AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = s.group_id AND g.owner_id = x.user)
      AND NOT EXISTS (SELECT 1 FROM messages a WHERE a.conv_id = s.id AND a.category = 'action'
                      AND x.user IN (a.sender_id, a.subject_id)) END
GROUP BY x.conv, x.user;
-- An imported message of somebody who was a member long ago.
DELETE FROM strangers WHERE other IS NULL AND conv IN (SELECT id FROM shared WHERE group_id IS NOT NULL);

-- The conversations that come out. Without sides: what was said to somebody who is gone for good. It goes, too.
CREATE TEMP TABLE parted (id INTEGER PRIMARY KEY, conv INTEGER, a INTEGER, b INTEGER);
INSERT INTO parted (id, conv, a, b)
SELECT (SELECT max(id) FROM conversations) + row_number() OVER (ORDER BY conv, a, b), conv, a, b
FROM (SELECT DISTINCT conv, min(user, other) AS a, max(user, other) AS b FROM strangers);

-- Out of a group's all that the two said, even if one of them is a member: which of it was for the group cannot be told,
-- and what is in doubt goes where fewer read it.
CREATE TEMP TABLE moved (id INTEGER PRIMARY KEY, old INTEGER, conv INTEGER, seq INTEGER);
INSERT OR IGNORE INTO moved (id, old, conv)
SELECT m.id, p.conv, p.id
FROM parted p JOIN shared s ON s.id = p.conv CROSS JOIN messages m ON m.conv_id = p.conv
WHERE m.category <> 'action'
  AND CASE WHEN p.a IS NULL
           THEN m.sender_id IN (SELECT x.user FROM strangers x WHERE x.conv = p.conv AND x.other IS NULL)
           ELSE m.sender_id IN (p.a, p.b) AND (s.group_id IS NOT NULL OR m.sender_id NOT IN (s.user_a, s.user_b)) END
  AND NOT (s.group_id IS NOT NULL AND m.category = 'call'
           AND EXISTS (SELECT 1 FROM calls k WHERE k.id = m.subject_id AND k.callee_id IS NULL));
UPDATE moved SET seq = n.seq
FROM (SELECT v.id, sum(m.category IN ('message','custom','interactive')) OVER (PARTITION BY v.conv ORDER BY v.id) AS seq
      FROM moved v JOIN messages m ON m.id = v.id) AS n
WHERE n.id = moved.id;

INSERT INTO conversations (id, app, name, user_a, user_b, last_id, preview_id, total, created_at, updated_at)
SELECT p.id, c.app, iif(p.a IS NULL, '/' || p.id, c.name), p.a, p.b, max(v.id),
       coalesce(max(iif(m.flags & 1024 = 0, v.id, NULL)), 0), max(v.seq), min(m.sent_at), max(m.sent_at)
FROM parted p JOIN conversations c ON c.id = p.conv JOIN moved v ON v.conv = p.id JOIN messages m ON m.id = v.id
GROUP BY p.id;
INSERT INTO gone_conversations (conv_id) SELECT p.id FROM parted p JOIN conversations c ON c.id = p.id WHERE p.a IS NULL;
-- Neither of the two has read any of it.
INSERT OR IGNORE INTO participants (user_id, conv_id, created_at, updated_at, own_total)
SELECT u.id, c.id, c.created_at, c.updated_at,
       (SELECT count(*) FROM moved v JOIN messages m ON m.id = v.id
        WHERE v.conv = c.id AND m.sender_id = u.id AND m.category IN ('message','custom','interactive'))
FROM parted p JOIN conversations c ON c.id = p.id JOIN users u ON u.id IN (p.a, p.b);

-- Where they were they leave holes, as what is deleted does; what was deleted or hidden is a hole where they are now.
INSERT OR IGNORE INTO holes (conv_id, seq, sender_id)
SELECT v.old, m.seq, m.sender_id FROM moved v JOIN messages m ON m.id = v.id
WHERE m.category IN ('message','custom','interactive');
INSERT INTO holes (conv_id, seq, sender_id)
SELECT v.conv, v.seq, m.sender_id FROM moved v JOIN messages m ON m.id = v.id
WHERE m.category IN ('message','custom','interactive') AND (m.deleted_at IS NOT NULL OR m.flags & 512);

UPDATE messages SET conv_id = v.conv, seq = v.seq, pinned_at = NULL, pinned_by = NULL FROM moved v WHERE v.id = messages.id;
UPDATE mentions SET conv_id = v.conv FROM moved v WHERE v.id = mentions.message_id;
DELETE FROM mentions WHERE user_id = 0 AND message_id IN (SELECT id FROM moved);
INSERT OR IGNORE INTO search_changes SELECT id FROM moved;
UPDATE calls SET conv_id = p.id FROM parted p
WHERE calls.conv_id = p.conv AND min(calls.initiator_id, calls.callee_id) = p.a AND max(calls.initiator_id, calls.callee_id) = p.b;
-- What those made of them who had no business with them.
DELETE FROM reactions WHERE message_id IN (SELECT id FROM moved) AND NOT EXISTS (
  SELECT 1 FROM moved v JOIN participants p ON p.conv_id = v.conv WHERE v.id = message_id AND p.user_id = reactions.user_id);
DELETE FROM saved_messages WHERE message_id IN (SELECT id FROM moved) AND NOT EXISTS (
  SELECT 1 FROM moved v JOIN participants p ON p.conv_id = v.conv WHERE v.id = message_id AND p.user_id = saved_messages.user_id);
DELETE FROM thread_subscriptions WHERE parent_id IN (SELECT id FROM moved) AND NOT EXISTS (
  SELECT 1 FROM moved v JOIN participants p ON p.conv_id = v.conv WHERE v.id = parent_id AND p.user_id = thread_subscriptions.user_id);

-- Replies and quotes that now would lead from one conversation into another.
CREATE TEMP TABLE cut AS
SELECT m.id, m.parent_id AS parent, 0 AS quote FROM messages m JOIN messages o ON o.id = m.parent_id
WHERE m.conv_id IN (SELECT conv FROM parted UNION SELECT id FROM parted) AND o.conv_id <> m.conv_id
UNION ALL
SELECT m.id, NULL, 1 FROM messages m JOIN messages o ON o.id = m.quoted_id
WHERE m.conv_id IN (SELECT conv FROM parted UNION SELECT id FROM parted) AND o.conv_id <> m.conv_id;
UPDATE messages SET parent_id = NULL WHERE id IN (SELECT id FROM cut WHERE quote = 0);
UPDATE messages SET quoted_id = NULL WHERE id IN (SELECT id FROM cut WHERE quote = 1);
UPDATE messages SET reply_count = max(reply_count - (SELECT count(*) FROM cut WHERE parent = messages.id), 0),
       last_reply_at = (SELECT r.sent_at FROM messages r WHERE r.parent_id = messages.id ORDER BY r.id DESC LIMIT 1)
WHERE id IN (SELECT parent FROM cut);

UPDATE conversations SET last_id = coalesce((SELECT max(m.id) FROM messages m WHERE m.conv_id = conversations.id), 0),
       preview_id = coalesce((SELECT m.id FROM messages m WHERE m.conv_id = conversations.id AND m.flags & 1024 = 0
                              ORDER BY m.id DESC LIMIT 1), 0)
WHERE id IN (SELECT conv FROM parted);
UPDATE conversations SET updated_at = coalesce((SELECT m.sent_at FROM messages m WHERE m.id = preview_id), created_at)
WHERE id IN (SELECT conv FROM parted);
DROP TABLE cut;
DROP TABLE moved;
DROP TABLE parted;
DROP TABLE strangers;
DROP TABLE speakers;
DROP TABLE shared;

CREATE UNIQUE INDEX conversations_by_pair ON conversations(user_a, user_b) WHERE user_a IS NOT NULL;
CREATE INDEX conversations_by_b ON conversations(user_b) WHERE user_b IS NOT NULL;
CREATE UNIQUE INDEX conversations_by_group ON conversations(group_id) WHERE group_id IS NOT NULL;
CREATE INDEX conversations_by_name ON conversations(app, name);
-- Calls end when nobody is left in them. Who is in one now had a socket, and has until the grace after the start to come back.
ALTER TABLE call_participants ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call_participants ADD COLUMN away_since INTEGER;
UPDATE call_participants SET seen = 1 WHERE state IN ('ringing','joined');
-- Files know who brought them, and how much they are in all is kept.
ALTER TABLE attachments ADD COLUMN user_id INTEGER NOT NULL DEFAULT 0;
CREATE TABLE file_bytes (
  app         INTEGER NOT NULL,                 -- apps.id, as in attachments
  user_id     INTEGER NOT NULL,                 -- attachments.user_id; -1: all files of the app
  bytes       INTEGER NOT NULL,
  PRIMARY KEY (app, user_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER attachments_added AFTER INSERT ON attachments BEGIN
  INSERT INTO file_bytes (app, user_id, bytes) VALUES (NEW.app, -1, NEW.size), (NEW.app, NEW.user_id, NEW.size)
    ON CONFLICT (app, user_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER attachments_resized AFTER UPDATE OF size ON attachments WHEN NEW.size <> OLD.size BEGIN
  UPDATE file_bytes SET bytes = bytes + NEW.size - OLD.size WHERE app = NEW.app AND user_id IN (-1, NEW.user_id);
END;
CREATE TRIGGER attachments_removed AFTER DELETE ON attachments BEGIN
  UPDATE file_bytes SET bytes = bytes - OLD.size WHERE app = OLD.app AND user_id IN (-1, OLD.user_id);
  DELETE FROM file_bytes WHERE app = OLD.app AND user_id IN (-1, OLD.user_id) AND bytes <= 0;
END;
INSERT INTO file_bytes SELECT app, -1, sum(size) FROM attachments GROUP BY app HAVING sum(size) > 0;
INSERT INTO file_bytes SELECT app, 0, sum(size) FROM attachments GROUP BY app HAVING sum(size) > 0;

-- How many messages each user had sent at points of a conversation's past. Only the messages themselves still say it;
-- the newest mark fits the counter of the one who sent them.
ALTER TABLE participants ADD COLUMN own_seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX participants_pinned ON participants(user_id) WHERE pinned_at IS NOT NULL;
CREATE TABLE own_marks (
  conv_id     INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL,
  block       INTEGER NOT NULL,
  own         INTEGER NOT NULL,
  PRIMARY KEY (conv_id, user_id, block)
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE own AS
  SELECT conv_id, sender_id, seq >> 8 AS block, count(*) AS sent, max(seq) AS newest FROM messages
  WHERE category IN ('message','custom','interactive') GROUP BY 1, 2, 3;
UPDATE participants SET own_seq = o.newest
FROM (SELECT conv_id, sender_id, max(newest) AS newest FROM own GROUP BY 1, 2) o
WHERE participants.user_id = o.sender_id AND participants.conv_id = o.conv_id;
INSERT INTO own_marks
  SELECT o.conv_id, o.sender_id, o.block, max(coalesce(p.own_total, o.all_sent) - o.all_sent + o.upto, 0)
  FROM (SELECT conv_id, sender_id, block, sum(sent) OVER (PARTITION BY conv_id, sender_id) AS all_sent,
               sum(sent) OVER (PARTITION BY conv_id, sender_id ORDER BY block) AS upto FROM own) o
  LEFT JOIN participants p ON p.user_id = o.sender_id AND p.conv_id = o.conv_id
  WHERE p.user_id IS NULL OR o.block < p.own_seq >> 8;
DROP TABLE own;
CREATE TRIGGER participants_own AFTER UPDATE OF own_seq ON participants
WHEN NEW.own_seq >> 8 > OLD.own_seq >> 8 AND OLD.own_total > 0 BEGIN
  INSERT OR REPLACE INTO own_marks VALUES (OLD.conv_id, OLD.user_id, OLD.own_seq >> 8, OLD.own_total);
END;

-- How many deleted messages there are in each block of a conversation.
CREATE TABLE hole_sums (
  conv_id     INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  sender_id   INTEGER NOT NULL,
  block       INTEGER NOT NULL,
  holes       INTEGER NOT NULL,
  PRIMARY KEY (conv_id, sender_id, block)
) STRICT, WITHOUT ROWID;
INSERT INTO hole_sums
  SELECT conv_id, 0, seq >> 8, count(*) FROM holes GROUP BY 1, 3
  UNION ALL SELECT conv_id, sender_id, seq >> 8, count(*) FROM holes GROUP BY 1, 2, 3;
CREATE TRIGGER holes_more AFTER INSERT ON holes BEGIN
  INSERT OR IGNORE INTO hole_sums VALUES (NEW.conv_id, 0, NEW.seq >> 8, 0), (NEW.conv_id, NEW.sender_id, NEW.seq >> 8, 0);
  UPDATE hole_sums SET holes = holes + 1
  WHERE conv_id = NEW.conv_id AND sender_id IN (0, NEW.sender_id) AND block = NEW.seq >> 8;
END;
CREATE TRIGGER holes_fewer AFTER DELETE ON holes BEGIN
  UPDATE hole_sums SET holes = holes - 1
  WHERE conv_id = OLD.conv_id AND sender_id IN (0, OLD.sender_id) AND block = OLD.seq >> 8;
END;

-- Reactions that look the same are one; what cannot be seen is none.
CREATE TEMP TABLE keyed AS
SELECT id, message_id, user_id, reaction_form(reaction) AS form, reaction_key(reaction) AS key, reacted_at FROM reactions
WHERE NOT is_blank(reaction);
CREATE INDEX temp.keyed_by_key ON keyed(message_id, key, id);
CREATE TABLE reactions_2 (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id  INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  reaction    TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  reacted_at  INTEGER NOT NULL,
  UNIQUE (message_id, key, user_id)
) STRICT;
INSERT INTO reactions_2 (id, message_id, user_id, reaction, key, reacted_at)
SELECT k.id, k.message_id, k.user_id,
       (SELECT f.form FROM keyed f WHERE f.message_id = k.message_id AND f.key = k.key ORDER BY f.id LIMIT 1), k.key, k.reacted_at
FROM (SELECT min(id) AS first FROM keyed GROUP BY message_id, key, user_id) g CROSS JOIN keyed k ON k.id = g.first;
UPDATE messages SET flags = flags & ~64
WHERE id IN (SELECT message_id FROM reactions) AND id NOT IN (SELECT message_id FROM reactions_2);
DROP TABLE keyed;
DROP TABLE reactions;
ALTER TABLE reactions_2 RENAME TO reactions;
CREATE INDEX reactions_by_user ON reactions(user_id);
CREATE TRIGGER reactions_first AFTER INSERT ON reactions BEGIN
  UPDATE messages SET flags = flags | 64 WHERE id = NEW.message_id AND flags & 64 = 0;
END;
CREATE TRIGGER reactions_none AFTER DELETE ON reactions
WHEN NOT EXISTS (SELECT 1 FROM reactions WHERE message_id = OLD.message_id) BEGIN
  UPDATE messages SET flags = flags & ~64 WHERE id = OLD.message_id;
END;

-- A group has as many members as its list shows, and an owner who can rule it.
CREATE INDEX members_by_scope ON members(group_id, scope, joined_at);
UPDATE groups SET members_count = (SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id
                                   WHERE m.group_id = groups.id AND u.deactivated_at IS NULL);
UPDATE groups SET owner_id = coalesce(
    (SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id WHERE m.group_id = groups.id AND u.deactivated_at IS NULL
     ORDER BY CASE m.scope WHEN 'admin' THEN 0 WHEN 'moderator' THEN 1 ELSE 2 END, m.joined_at, m.user_id LIMIT 1),
    (SELECT s.id FROM users s WHERE s.app = groups.app AND s.system = 1), owner_id)
WHERE owner_id IN (SELECT id FROM users WHERE deactivated_at IS NOT NULL);
UPDATE members SET scope = 'admin' WHERE scope <> 'admin' AND (group_id, user_id) IN (SELECT id, owner_id FROM groups);
-- URLs of this server's own files lose the address they were uploaded by: it is put in when they are shown.
UPDATE messages SET data = stored_urls(data, (SELECT app_id FROM apps WHERE apps.id = messages.app))
WHERE flags & 2 <> 0 AND data LIKE '%/media/%';
UPDATE users SET avatar = stored_url(avatar, (SELECT app_id FROM apps WHERE apps.id = users.app))
WHERE avatar LIKE '%/media/%';
UPDATE groups SET icon = stored_url(icon, (SELECT app_id FROM apps WHERE apps.id = groups.app))
WHERE icon LIKE '%/media/%';
-- The words of names, and messages in the index anew: words are folded further than before.
CREATE TABLE name_words (
  app         INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  word        TEXT    NOT NULL,
  id          INTEGER NOT NULL,
  PRIMARY KEY (app, kind, word, id)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO name_words
  SELECT u.app, 0, w.value, u.id FROM users u, json_each(name_words(u.name)) w
  UNION ALL SELECT u.app, 1, w.value, u.id FROM users u, json_each(name_words(u.uid)) w
  UNION ALL SELECT g.app, 2, w.value, g.id FROM groups g, json_each(name_words(g.name)) w
  UNION ALL SELECT g.app, 3, w.value, g.id FROM groups g, json_each(name_words(g.guid)) w;
CREATE TRIGGER users_named AFTER INSERT ON users BEGIN
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 0, value, NEW.id FROM json_each(name_words(NEW.name));
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 1, value, NEW.id FROM json_each(name_words(NEW.uid));
END;
CREATE TRIGGER users_renamed AFTER UPDATE OF name, uid ON users
WHEN NEW.name <> OLD.name OR NEW.uid <> OLD.uid BEGIN
  DELETE FROM name_words WHERE app = OLD.app AND kind = 0 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.name)));
  DELETE FROM name_words WHERE app = OLD.app AND kind = 1 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.uid)));
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 0, value, NEW.id FROM json_each(name_words(NEW.name));
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 1, value, NEW.id FROM json_each(name_words(NEW.uid));
END;
CREATE TRIGGER users_unnamed AFTER DELETE ON users BEGIN
  DELETE FROM name_words WHERE app = OLD.app AND kind = 0 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.name)));
  DELETE FROM name_words WHERE app = OLD.app AND kind = 1 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.uid)));
END;
CREATE TRIGGER groups_named AFTER INSERT ON groups BEGIN
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 2, value, NEW.id FROM json_each(name_words(NEW.name));
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 3, value, NEW.id FROM json_each(name_words(NEW.guid));
END;
CREATE TRIGGER groups_renamed AFTER UPDATE OF name, guid ON groups
WHEN NEW.name <> OLD.name OR NEW.guid <> OLD.guid BEGIN
  DELETE FROM name_words WHERE app = OLD.app AND kind = 2 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.name)));
  DELETE FROM name_words WHERE app = OLD.app AND kind = 3 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.guid)));
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 2, value, NEW.id FROM json_each(name_words(NEW.name));
  INSERT OR IGNORE INTO name_words SELECT NEW.app, 3, value, NEW.id FROM json_each(name_words(NEW.guid));
END;
CREATE TRIGGER groups_unnamed AFTER DELETE ON groups BEGIN
  DELETE FROM name_words WHERE app = OLD.app AND kind = 2 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.name)));
  DELETE FROM name_words WHERE app = OLD.app AND kind = 3 AND id = OLD.id AND word IN (SELECT value FROM json_each(name_words(OLD.guid)));
END;
INSERT INTO search (search) VALUES ('delete-all');
DELETE FROM search_changes;
UPDATE search_state SET indexed_id = 0;

-- Time within the database.
CREATE TABLE clock (
  last         INTEGER NOT NULL,
  healed_at    INTEGER,
  healing      INTEGER,
  healing_from INTEGER
) STRICT;
INSERT INTO clock (last)
  SELECT max(coalesce((SELECT max(updated_at) FROM messages), 0), coalesce((SELECT max(updated_at) FROM conversations), 0));

CREATE TABLE app_peer_pins (
  user_id     INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  position    INTEGER NOT NULL,
  pinned_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX app_peer_pins_by_app ON app_peer_pins(app, position);
-- Who came into a group late did not get what was said before: the app's newest message before that time bounds it.
ALTER TABLE participants ADD COLUMN since_id INTEGER NOT NULL DEFAULT 0;
UPDATE participants SET since_id = coalesce(
    (SELECT m.id FROM messages m WHERE m.app = c.app AND m.sent_at > 0 AND m.sent_at < participants.created_at
     ORDER BY m.sent_at DESC LIMIT 1), 0)
FROM conversations c WHERE c.id = participants.conv_id AND c.group_id IS NOT NULL;

-- Replies are counted while everybody sees them, and none hangs on a message that is not there.
UPDATE messages SET reply_count = (SELECT count(*) FROM messages r WHERE r.parent_id = messages.id AND r.deleted_at IS NULL
                                   AND r.flags & 512 = 0) WHERE last_reply_at IS NOT NULL;
UPDATE messages SET last_reply_at = NULL WHERE last_reply_at IS NOT NULL AND reply_count = 0;
CREATE TABLE gone_parents (
  message_id  INTEGER PRIMARY KEY
) STRICT;
INSERT INTO gone_parents SELECT DISTINCT parent_id FROM messages r WHERE parent_id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM messages p WHERE p.id = r.parent_id);

-- Extensions.
CREATE TABLE app_extensions (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  extension   TEXT    NOT NULL,
  enabled     INTEGER NOT NULL,
  PRIMARY KEY (app, extension)
) STRICT, WITHOUT ROWID;

CREATE TABLE polls (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  question    TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX polls_by_name ON polls(app, name);
CREATE TRIGGER polls_made AFTER INSERT ON polls BEGIN
  UPDATE messages SET flags = flags | 2048 WHERE id = NEW.message_id;
END;
CREATE TABLE poll_options (
  message_id  INTEGER NOT NULL REFERENCES polls(message_id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  text        TEXT    NOT NULL,
  votes       INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE poll_votes (
  id          INTEGER PRIMARY KEY,
  message_id  INTEGER NOT NULL REFERENCES polls(message_id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  UNIQUE (message_id, user_id)
) STRICT;
CREATE INDEX poll_votes_by_option ON poll_votes(message_id, number, id);
CREATE INDEX poll_votes_by_user ON poll_votes(user_id);
CREATE TRIGGER poll_votes_more AFTER INSERT ON poll_votes BEGIN
  UPDATE poll_options SET votes = votes + 1 WHERE message_id = NEW.message_id AND number = NEW.number;
END;
CREATE TRIGGER poll_votes_fewer AFTER DELETE ON poll_votes BEGIN
  UPDATE poll_options SET votes = votes - 1 WHERE message_id = OLD.message_id AND number = OLD.number;
END;

CREATE TABLE stickers (
  id            INTEGER PRIMARY KEY,
  app           INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name          TEXT    NOT NULL UNIQUE,
  title         TEXT    NOT NULL,
  set_title     TEXT    NOT NULL,
  set_position  INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  attachment_id INTEGER NOT NULL REFERENCES attachments(id) ON DELETE CASCADE,
  created_at    INTEGER NOT NULL,
  removed_at    INTEGER
) STRICT;
CREATE INDEX stickers_by_app ON stickers(app, set_position, set_title, position, id) WHERE removed_at IS NULL;
CREATE INDEX stickers_all ON stickers(app);
CREATE INDEX stickers_by_attachment ON stickers(attachment_id);
CREATE TRIGGER stickers_gone AFTER DELETE ON stickers
WHEN NOT EXISTS (SELECT 1 FROM attachment_uses WHERE attachment_id = OLD.attachment_id) BEGIN
  UPDATE attachments SET expires_at = 0 WHERE id = OLD.attachment_id;
END;
DROP TRIGGER IF EXISTS attachments_unused;
CREATE TRIGGER attachments_unused AFTER DELETE ON attachment_uses
WHEN NOT EXISTS (SELECT 1 FROM attachment_uses WHERE attachment_id = OLD.attachment_id)
 AND NOT EXISTS (SELECT 1 FROM stickers WHERE attachment_id = OLD.attachment_id) BEGIN
  UPDATE attachments SET expires_at = 0 WHERE id = OLD.attachment_id;
END;

CREATE TABLE due (
  id          INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  kind        TEXT    NOT NULL CHECK (kind IN ('reminder','disappear')),
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  name        TEXT    NOT NULL UNIQUE,
  message_id  INTEGER,
  about       TEXT,
  time_ms     INTEGER NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX due_by_time ON due(at, id);
CREATE INDEX due_by_user ON due(user_id, kind, at);
CREATE INDEX due_by_app ON due(app);
CREATE UNIQUE INDEX due_once ON due(message_id) WHERE kind = 'disappear';

-- Users who were deactivated or deleted leave their groups in pieces.
CREATE TABLE ending_users (
  user_id     INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  uid         TEXT    NOT NULL,
  leaves      INTEGER NOT NULL,
  past_group  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A row to see whether what is written is kept.
CREATE TABLE health (
  beats       INTEGER NOT NULL,
  filler      BLOB
) STRICT;
INSERT INTO health (beats) VALUES (0);

-- Where what was imported came from (store/imports.rs), so that an import that was stopped goes on, and one that is done
-- again changes nothing.
CREATE TABLE imports (
  id            INTEGER PRIMARY KEY,
  app           INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  source        TEXT    NOT NULL,               -- id of the app it came from
  begun_at      INTEGER NOT NULL,
  finished_at   INTEGER,                        -- NULL: not whole yet
  UNIQUE (app, source)
) STRICT;
-- Which message became which. A row stays when its message goes: what was erased here is not imported again.
CREATE TABLE imported_messages (
  import        INTEGER NOT NULL REFERENCES imports(id) ON DELETE CASCADE,
  source_id     INTEGER NOT NULL,               -- its id there
  message_id    INTEGER NOT NULL,               -- messages.id here
  PRIMARY KEY (import, source_id)
) STRICT, WITHOUT ROWID;
-- Files whose name was taken here.
CREATE TABLE imported_files (
  import        INTEGER NOT NULL REFERENCES imports(id) ON DELETE CASCADE,
  source_name   TEXT    NOT NULL,               -- attachments.name there
  name          TEXT    NOT NULL,               -- attachments.name here
  PRIMARY KEY (import, source_name)
) STRICT, WITHOUT ROWID;

-- People are anonymised and erased in pieces, and what is done by those who run the server is noted.
CREATE INDEX attachments_by_user ON attachments(user_id, id) WHERE user_id > 0;
CREATE INDEX mutes_by_name ON mutes(id, type);
CREATE TABLE erasures (
  id          INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL,
  kind        TEXT    NOT NULL CHECK (kind IN ('anonymise','erase')),
  uid         TEXT,
  neutral     TEXT    NOT NULL,
  digest      TEXT    NOT NULL,
  step        INTEGER NOT NULL DEFAULT 0,
  position    INTEGER NOT NULL DEFAULT 0,
  counts      TEXT    NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX erasures_by_app ON erasures(app);
CREATE INDEX erasures_by_user ON erasures(user_id);
ALTER TABLE gone_conversations ADD COLUMN user_id INTEGER;
CREATE TABLE audit (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  actor       TEXT    NOT NULL,
  act         TEXT    NOT NULL,
  app         TEXT,
  target      TEXT,
  other       TEXT,
  details     TEXT
) STRICT;
CREATE INDEX audit_by_app ON audit(app, id);
CREATE INDEX audit_by_target ON audit(app, target) WHERE target IS NOT NULL;
CREATE INDEX audit_by_other ON audit(app, other) WHERE other IS NOT NULL;

-- Messages are kept for a time.
CREATE TABLE retention (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  kind        TEXT    NOT NULL CHECK (kind IN ('user','group')),
  days        INTEGER NOT NULL,
  looked_to   INTEGER NOT NULL DEFAULT 0,
  next_at     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (app, kind)
) STRICT, WITHOUT ROWID;

-- What is told outside.
CREATE TABLE webhooks (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  webhook_id  TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  url         TEXT    NOT NULL,
  basic_auth  INTEGER NOT NULL,
  username    TEXT    NOT NULL,
  password    TEXT    NOT NULL,
  enabled     INTEGER NOT NULL,
  retries     INTEGER NOT NULL,
  secret      TEXT    NOT NULL,
  old_secret  TEXT,
  old_until   INTEGER,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  passed      INTEGER NOT NULL,
  dropped     INTEGER NOT NULL DEFAULT 0,
  failing_at  INTEGER,
  ended       TEXT,
  UNIQUE (app, webhook_id)
) STRICT;
CREATE TABLE webhook_triggers (
  webhook     INTEGER NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  kind        TEXT    NOT NULL,
  since       INTEGER NOT NULL,
  PRIMARY KEY (webhook, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name        TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  data        TEXT    NOT NULL
) STRICT;
CREATE INDEX outbox_by_app ON outbox(app, id, kind);
CREATE INDEX outbox_by_time ON outbox(at);
CREATE TABLE outbox_sums (
  app         INTEGER PRIMARY KEY,
  events      INTEGER NOT NULL,
  bytes       INTEGER NOT NULL
) STRICT;
CREATE TRIGGER outbox_more AFTER INSERT ON outbox BEGIN
  INSERT INTO outbox_sums (app, events, bytes) VALUES (NEW.app, 1, octet_length(NEW.data) + 256)
    ON CONFLICT (app) DO UPDATE SET events = events + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER outbox_fewer AFTER DELETE ON outbox BEGIN
  UPDATE outbox_sums SET events = events - 1, bytes = bytes - octet_length(OLD.data) - 256 WHERE app = OLD.app;
  DELETE FROM outbox_sums WHERE app = OLD.app AND events <= 0;
END;
CREATE TABLE outbox_messages (
  event       INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  message     INTEGER NOT NULL,
  PRIMARY KEY (event, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_messages_by_message ON outbox_messages(message);
CREATE TRIGGER messages_untold AFTER DELETE ON messages BEGIN
  DELETE FROM outbox WHERE kind <> 'message_deleted'
    AND id IN (SELECT event FROM outbox_messages WHERE message = OLD.id);
END;
CREATE TABLE deliveries (
  webhook     INTEGER NOT NULL,
  event       INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  state       TEXT    NOT NULL CHECK (state IN ('delivered','waiting','failed')),
  tries       INTEGER NOT NULL,
  first_at    INTEGER,
  next_at     INTEGER,
  tried_at    INTEGER,
  took_ms     INTEGER,
  status      INTEGER,
  answer      TEXT,
  PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_event ON deliveries(event);
CREATE INDEX deliveries_due ON deliveries(webhook, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_failed ON deliveries(webhook, event) WHERE state = 'failed';
CREATE INDEX deliveries_waiting ON deliveries(webhook, event) WHERE state = 'waiting';
CREATE TABLE gone_webhooks (
  webhook     INTEGER PRIMARY KEY
) STRICT;
CREATE TRIGGER webhooks_gone AFTER DELETE ON webhooks BEGIN
  INSERT OR IGNORE INTO gone_webhooks (webhook) VALUES (OLD.id);
END;

-- Rules moderate messages.
CREATE TABLE moderation_rules (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  rule_id     TEXT    NOT NULL,
  revision    INTEGER NOT NULL,
  active      INTEGER NOT NULL,
  enabled     INTEGER NOT NULL,
  usual       INTEGER NOT NULL,
  body        TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (app, rule_id, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX moderation_rules_active ON moderation_rules(app, created_at, rule_id) WHERE active = 1;
CREATE TABLE moderation_lists (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  list_id     TEXT    NOT NULL,
  revision    INTEGER NOT NULL,
  usual       INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  description TEXT,
  category    TEXT    NOT NULL CHECK (category IN ('word','pattern','custom-api')),
  is_csv      INTEGER NOT NULL,
  terms       TEXT    NOT NULL,
  place       TEXT,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  UNIQUE (app, list_id)
) STRICT;
CREATE TABLE moderation_blocked (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL,
  rule_id     TEXT    NOT NULL,
  rule_name   TEXT    NOT NULL,
  revision_id TEXT    NOT NULL,
  condition   TEXT    NOT NULL,
  action      TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  status      TEXT
) STRICT;
CREATE INDEX moderation_blocked_by_app ON moderation_blocked(app, message_id) WHERE status IS NULL OR status <> 'approved';
CREATE TABLE submitted_messages (
  id          INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  nth         INTEGER NOT NULL,
  sender_id   INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  user_id     INTEGER REFERENCES users(id) ON DELETE CASCADE,
  group_id    INTEGER REFERENCES groups(id) ON DELETE CASCADE,
  muid        TEXT,
  category    TEXT    NOT NULL CHECK (category IN ('message','custom','interactive')),
  type        TEXT    NOT NULL,
  data        TEXT    NOT NULL,
  tags        TEXT,
  status      TEXT    NOT NULL CHECK (status IN ('approved','disapproved','pending')),
  sent_at     INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  edited_at   INTEGER,
  CHECK ((user_id IS NULL) <> (group_id IS NULL)),
  UNIQUE (app, nth)
) STRICT;
CREATE INDEX submitted_by_app ON submitted_messages(app, id, status, category, type, sender_id, user_id, group_id);
CREATE INDEX submitted_by_sender ON submitted_messages(sender_id, muid);
CREATE INDEX submitted_by_user ON submitted_messages(user_id) WHERE user_id IS NOT NULL;
CREATE INDEX submitted_by_group ON submitted_messages(group_id) WHERE group_id IS NOT NULL;

-- Admins have roles: those there are may do everything, as before. Codes of a device beside the password.
ALTER TABLE admins ADD COLUMN role TEXT NOT NULL DEFAULT 'owner' CHECK (role IN ('owner','admin','moderator','viewer'));
ALTER TABLE admins ADD COLUMN totp BLOB;
ALTER TABLE admins ADD COLUMN totp_since INTEGER;
ALTER TABLE admins ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;
CREATE TABLE admin_recovery (
  hash        BLOB    NOT NULL PRIMARY KEY,
  admin_id    INTEGER NOT NULL REFERENCES admins(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
ALTER TABLE admin_setup ADD COLUMN role TEXT NOT NULL DEFAULT 'owner' CHECK (role IN ('owner','admin','moderator','viewer'));
ALTER TABLE admin_setup ADD COLUMN admin_id INTEGER REFERENCES admins(id) ON DELETE CASCADE;
ALTER TABLE admin_setup ADD COLUMN made_by INTEGER REFERENCES admins(id) ON DELETE CASCADE;
ALTER TABLE admin_sessions ADD COLUMN address TEXT;
CREATE TABLE moderation_pending (
  message_id  INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  asks        TEXT    NOT NULL
) STRICT;
CREATE INDEX moderation_pending_by_app ON moderation_pending(app, message_id);
CREATE TABLE moderation_settings (
  app         INTEGER PRIMARY KEY REFERENCES apps(id) ON DELETE CASCADE,
  body        TEXT    NOT NULL
) STRICT;

-- Figures over time.
CREATE TABLE figures (
  span            INTEGER NOT NULL CHECK (span IN (60,3600)),
  at              INTEGER NOT NULL,
  messages        INTEGER NOT NULL,
  deliveries      INTEGER NOT NULL,
  requests        INTEGER NOT NULL,
  commits         INTEGER NOT NULL,
  commit_us       INTEGER NOT NULL,
  sockets         INTEGER NOT NULL,
  online          INTEGER NOT NULL,
  queued          INTEGER NOT NULL,
  database_bytes  INTEGER NOT NULL,
  wal_bytes       INTEGER NOT NULL,
  media_bytes     INTEGER NOT NULL,
  search_backlog  INTEGER NOT NULL,
  memory_bytes    INTEGER NOT NULL,
  PRIMARY KEY (span, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE app_figures (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  at          INTEGER NOT NULL,
  messages    INTEGER NOT NULL,
  PRIMARY KEY (app, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX app_figures_by_time ON app_figures(at);
-- Who an edit names that is hidden until somebody lets it pass is told of then.
ALTER TABLE mentions ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
-- An app has limits of its own.
ALTER TABLE apps ADD COLUMN limits TEXT;
