-- Hobnob's database: the current schema. New databases are created from this very file.
--
-- Databases of earlier versions are brought here by the steps in src/store/migrations.
--
-- Conventions
--   * `id` columns are internal surrogate keys and never leave the server, except messages.id, which is the
--     public message id. Public names (app id, uid, guid, conversation id) are text, lower case.
--   * Every table that belongs to an app reaches it by `app` (apps.id) or by one foreign key that does.
--   * Times are Unix seconds. Absent values are NULL.
--   * JSON columns hold text exactly as it was given (metadata, data) or a compact array (tags).
--   * Secrets: API keys, auth tokens and their socket tokens are random, so only SHA-256 is kept; passwords chosen
--     by people (password groups, admins) are argon2id in PHC form.

-- One row per app: a tenant, isolated from all others.
CREATE TABLE apps (
  id          INTEGER PRIMARY KEY,
  app_id      TEXT    NOT NULL UNIQUE,          -- public app id, 16 hex digits
  name        TEXT    NOT NULL,
  region      TEXT    NOT NULL,                 -- echoed to clients; names no place here
  created_at  INTEGER NOT NULL,
  deleted_at  INTEGER,                          -- set: refused everywhere, swept later
  limits      TEXT                              -- JSON, its own limits by name; NULL: all are the server's
) STRICT;

-- API keys (scope fullAccess = REST API key, authOnly = Auth Key).
CREATE TABLE api_keys (
  id          INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  hash        BLOB    NOT NULL UNIQUE,          -- SHA-256 of the key
  hint        TEXT    NOT NULL,                 -- first 4 characters, to tell keys apart in lists
  name        TEXT    NOT NULL,
  scope       TEXT    NOT NULL CHECK (scope IN ('fullAccess','authOnly')),
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_by_app ON api_keys(app);

-- Credentials of the management API, which makes and deletes apps. The key is a name, its secret is what proves.
CREATE TABLE management_keys (
  id          INTEGER PRIMARY KEY,
  key         TEXT    NOT NULL UNIQUE,          -- 20 hex digits
  hash        BLOB    NOT NULL,                 -- SHA-256 of the secret
  name        TEXT    NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;

-- People (and bots) of an app. Each app has one row with system = 1: 'app_system', the app acting as itself.
CREATE TABLE users (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,   -- never reused: holes and receipts name it without a foreign key
  app            INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  uid            TEXT    NOT NULL,              -- 1..100 of a-z 0-9 _ -, lower case
  name           TEXT    NOT NULL,
  avatar         TEXT,
  link           TEXT,
  role           TEXT    NOT NULL DEFAULT 'default',
  metadata       TEXT,                          -- JSON object; '@private' inside is for the app only
  status_message TEXT,
  tags           TEXT,                          -- JSON array of strings
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER,
  last_active_at INTEGER,
  deactivated_at INTEGER,                       -- set: cannot log in, not listed, not found
  deleted_at     INTEGER,                       -- set: soft-deleted; deactivated as well and never reactivated
  system         INTEGER NOT NULL DEFAULT 0,
  bot            INTEGER NOT NULL DEFAULT 0,
  UNIQUE (app, uid)
) STRICT;
CREATE INDEX users_bots ON users(app) WHERE bot = 1;
CREATE INDEX users_by_activity ON users(app, last_active_at);
-- Lists of an app: counted in it, and begun anywhere in it, without a look at the rows.
CREATE INDEX users_by_name ON users(app, name COLLATE NOCASE, id, deactivated_at) WHERE system = 0 AND deleted_at IS NULL;

-- One row per login: an auth token (one per device) and the socket token ("jwt") derived from it.
CREATE TABLE tokens (
  id          INTEGER PRIMARY KEY,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  hash        BLOB    NOT NULL UNIQUE,          -- SHA-256 of the auth token
  jwt_hash    BLOB    NOT NULL UNIQUE,          -- SHA-256 of the socket token
  hint        TEXT    NOT NULL,                 -- what lists show in place of the token
  created_at  INTEGER NOT NULL,
  platform    TEXT,
  device_id   TEXT,
  user_agent  TEXT,
  app_info    TEXT                              -- JSON as the client sent it
) STRICT;
CREATE INDEX tokens_by_user ON tokens(user_id, id);

-- Roles an app gives to its users; 'default' always exists.
CREATE TABLE roles (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  role        TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  description TEXT,
  metadata    TEXT,
  settings    TEXT,                             -- JSON {listUsers, sendMessagesTo}: all | friendsOnly
  permissions TEXT,                             -- JSON, values by permission; NULL: all have their defaults
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER,
  PRIMARY KEY (app, role)
) STRICT, WITHOUT ROWID;

-- Features of clients that are switched off for a role.
CREATE TABLE restricted_features (
  app         INTEGER NOT NULL,
  role        TEXT    NOT NULL,
  feature     TEXT    NOT NULL,                 -- without the prefix 'u.'
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (app, role, feature),
  FOREIGN KEY (app, role) REFERENCES roles(app, role) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Friendship is mutual: both directions are stored.
CREATE TABLE friends (
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  friend_id   INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (user_id, friend_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX friends_by_friend ON friends(friend_id);

-- user_id has blocked blocked_id (one way to create, two ways in effect).
CREATE TABLE blocks (
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  blocked_id  INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (user_id, blocked_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks(blocked_id);

CREATE TABLE groups (
  id             INTEGER PRIMARY KEY,
  app            INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  guid           TEXT    NOT NULL,
  name           TEXT    NOT NULL,
  type           TEXT    NOT NULL CHECK (type IN ('public','password','private')),
  password_hash  TEXT,                          -- argon2id, PHC form; set exactly for type 'password'
  icon           TEXT,
  description    TEXT,
  metadata       TEXT,
  tags           TEXT,
  owner_id       INTEGER NOT NULL REFERENCES users(id),
  conv_id        INTEGER NOT NULL,              -- its conversation, made with the group
  members_count  INTEGER NOT NULL DEFAULT 0,    -- members who are not deactivated, as lists show them
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER,
  updated_by     TEXT,
  permissions    TEXT,                          -- JSON, values by scope and permission; NULL: all have their defaults
  UNIQUE (app, guid)
) STRICT;
CREATE INDEX groups_by_owner ON groups(owner_id);
CREATE INDEX groups_by_name ON groups(app, name COLLATE NOCASE, id);

CREATE TABLE members (
  group_id    INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  scope       TEXT    NOT NULL CHECK (scope IN ('admin','moderator','participant')),
  joined_at   INTEGER NOT NULL,
  PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members(user_id, group_id);
-- Who comes next when the owner is gone.
CREATE INDEX members_by_scope ON members(group_id, scope, joined_at);

-- A ban removes the membership; scope is the one held before (NULL: was no member).
CREATE TABLE bans (
  group_id    INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  scope       TEXT,
  banned_at   INTEGER NOT NULL,
  PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bans_by_user ON bans(user_id);

-- The words of the names of people and groups, folded by model/words.rs: whoever changes the folding makes them anew in a
-- step of the schema.
CREATE TABLE name_words (
  app         INTEGER NOT NULL,                 -- apps.id
  kind        INTEGER NOT NULL,                 -- of what: 0 a user's name, 1 a uid, 2 a group's name, 3 a guid
  word        TEXT    NOT NULL,
  id          INTEGER NOT NULL,                 -- users.id, groups.id
  PRIMARY KEY (app, kind, word, id)
) STRICT, WITHOUT ROWID;
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

-- What is shared by all sides of a conversation. One-on-one rows are made by the first message, group rows with
-- the group. `total` counts the messages that count as unread for others, so that an unread count is a subtraction.
-- A row is found by its two users or by its group. Its name is for the outside and may stand for several: ids hold '_'.
CREATE TABLE conversations (
  id              INTEGER PRIMARY KEY,
  app             INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name            TEXT    NOT NULL,             -- conversationId: 'ann_user_bob', 'group_team'; of what is gone '/…'
  user_a          INTEGER REFERENCES users(id) ON DELETE CASCADE,   -- one-on-one: the two sides, user_a <= user_b by
  user_b          INTEGER REFERENCES users(id) ON DELETE CASCADE,   --   id; NULL once it is gone: others may begin anew
  group_id        INTEGER REFERENCES groups(id) ON DELETE CASCADE,
  last_id         INTEGER NOT NULL DEFAULT 0,   -- newest message; 0 = none
  preview_id      INTEGER NOT NULL DEFAULT 0,   -- newest message that shows as lastMessage: not every custom one does
  total           INTEGER NOT NULL DEFAULT 0,   -- messages counted so far; rises only
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX conversations_by_pair ON conversations(user_a, user_b) WHERE user_a IS NOT NULL;
CREATE INDEX conversations_by_b ON conversations(user_b) WHERE user_b IS NOT NULL;
CREATE UNIQUE INDEX conversations_by_group ON conversations(group_id) WHERE group_id IS NOT NULL;
CREATE INDEX conversations_by_name ON conversations(app, name);
-- Those of an app in the order of their rows. A message changes nothing here.
CREATE INDEX conversations_pairs ON conversations(app) WHERE user_a IS NOT NULL;

-- One user's copy of a conversation: how far it is read, and what he made of it.
--   unread = (conversations.total - read_total) - (own_total - own_read) - holes after read_total by others
CREATE TABLE participants (
  user_id       INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  conv_id       INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  delivered_id  INTEGER NOT NULL DEFAULT 0,     -- newest message id delivered to / read by this user;
  read_id       INTEGER NOT NULL DEFAULT 0,     --   each covers all earlier ones
  read_total    INTEGER NOT NULL DEFAULT 0,     -- conversations.total at the read point
  own_total     INTEGER NOT NULL DEFAULT 0,     -- counted messages this user sent here
  own_read      INTEGER NOT NULL DEFAULT 0,     -- own_total at the read point
  own_seq       INTEGER NOT NULL DEFAULT 0,     -- conversations.total at this user's newest counted message here
  hidden_id     INTEGER NOT NULL DEFAULT 0,     -- messages up to this id were deleted for this user
  since_id      INTEGER NOT NULL DEFAULT 0,     -- of a group: its newest message when the user came in
  tags          TEXT,
  pinned_at     INTEGER,                        -- set: this user pinned it in his list
  PRIMARY KEY (user_id, conv_id)
) STRICT, WITHOUT ROWID;
-- "Has everybody read it?" is the low end of these two.
CREATE INDEX participants_by_read ON participants(conv_id, read_id, user_id);
CREATE INDEX participants_by_delivered ON participants(conv_id, delivered_id, user_id);
-- Who has cleared it, and how far: they hear nothing of what is before that.
CREATE INDEX participants_by_hidden ON participants(conv_id, hidden_id) WHERE hidden_id > 0;
-- Copies that differ from how they began: cleared, or put into a list without a message. The app's own list takes the others
-- as they are (store/conversations/list.rs).
CREATE INDEX participants_changed ON participants(conv_id) WHERE hidden_id <> 0 OR updated_at > created_at;
CREATE INDEX participants_pinned ON participants(user_id) WHERE pinned_at IS NOT NULL;

-- How many counted messages a user had sent in a conversation at points of its past, so that a read point can be set
-- anywhere without walking through the history: one row for each block of 256 (conversations.total >> 8) in which the
-- user wrote, noted when they write in a later one or leave.
CREATE TABLE own_marks (
  conv_id     INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL,                 -- users.id
  block       INTEGER NOT NULL,
  own         INTEGER NOT NULL,                 -- participants.own_total at the end of the block
  PRIMARY KEY (conv_id, user_id, block)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER participants_own AFTER UPDATE OF own_seq ON participants
WHEN NEW.own_seq >> 8 > OLD.own_seq >> 8 AND OLD.own_total > 0 BEGIN
  INSERT OR REPLACE INTO own_marks VALUES (OLD.conv_id, OLD.user_id, OLD.own_seq >> 8, OLD.own_total);
END;

-- Conversations an app pins for everybody who has them, in display order.
CREATE TABLE app_pins (
  conv_id     INTEGER PRIMARY KEY REFERENCES conversations(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  position    INTEGER NOT NULL,
  pinned_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX app_pins_by_app ON app_pins(app, position);

-- Users whose conversations an app pins for whoever talks with them, in the same display order.
CREATE TABLE app_peer_pins (
  user_id     INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  position    INTEGER NOT NULL,             -- counted with those of app_pins
  pinned_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX app_peer_pins_by_app ON app_peer_pins(app, position);

-- `app` and `sender_id` are no foreign keys: they would be looked up for every message, and the whole history
-- searched when a user or an app goes. Whoever deletes one of these deletes its messages first.
CREATE TABLE messages (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,   -- public id: rises in commit order, never reused
  app           INTEGER NOT NULL,               -- conversations.app once more, to narrow by without a join
  conv_id       INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  sender_id     INTEGER NOT NULL,               -- users.id
  category      TEXT    NOT NULL,               -- message custom interactive action call
  type          TEXT    NOT NULL,
  data          TEXT    NOT NULL,               -- JSON object without what the server adds (entities, reactions …);
                                                -- URLs of own files without the address: U+FDD0/media/… (model/attachment.rs)
  subject_id    INTEGER,                        -- action: users.id of the member acted on; call: calls.id
  sent_at       INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  edited_at     INTEGER,
  edited_by     TEXT,
  deleted_at    INTEGER,                        -- set: the shell stays, data is emptied
  deleted_by    TEXT,
  parent_id     INTEGER,                        -- reply in the thread of that message
  quoted_id     INTEGER,
  reply_count   INTEGER NOT NULL DEFAULT 0,     -- replies that everybody sees: neither deleted nor hidden by a review
  last_reply_at INTEGER,                        -- of a message with a thread: when its newest reply was sent
  tags          TEXT,
  resource      TEXT,                           -- the client session that sent it
  muid          TEXT,                           -- the sender's own id: the same again in one conversation is a retry
  seq           INTEGER NOT NULL,               -- conversations.total after this message
  pinned_at     INTEGER,                        -- set: pinned for everybody in the conversation
  pinned_by     TEXT,
  flags         INTEGER NOT NULL DEFAULT 0      -- what it holds, a bit each (model/flags.rs): links, files, reactions …
) STRICT;
CREATE INDEX messages_by_conversation ON messages(conv_id, id);
-- What a period brought, without reading the messages. The condition always holds; only statements that repeat it
-- use this index, so that lists of an app, which go by id, are never sorted out of it.
CREATE INDEX messages_by_time ON messages(app, sent_at, sender_id, category) WHERE sent_at > 0;
CREATE UNIQUE INDEX messages_by_muid ON messages(sender_id, muid, conv_id) WHERE muid IS NOT NULL;
CREATE INDEX messages_by_parent ON messages(parent_id, id) WHERE parent_id IS NOT NULL;
-- Most messages have no flag, so this stays small, and what has one is found without walking past the rest.
CREATE INDEX messages_by_flags ON messages(conv_id, id, flags) WHERE flags <> 0;

-- The same of what is no plain text message, and of what has tags.
CREATE INDEX messages_by_kind ON messages(conv_id, id, category, type) WHERE category <> 'message' OR type <> 'text';
CREATE INDEX messages_by_tags ON messages(conv_id, id) WHERE tags IS NOT NULL;
-- What was changed since it was sent. "Changed since a time" is these and what was sent since.
CREATE INDEX messages_by_update ON messages(conv_id, updated_at, id) WHERE updated_at > sent_at;

-- Threads of a conversation and of an app, by their newest reply.
CREATE INDEX messages_by_thread ON messages(conv_id, last_reply_at, id) WHERE last_reply_at IS NOT NULL;
CREATE INDEX messages_threads ON messages(app, last_reply_at, id) WHERE last_reply_at IS NOT NULL;
CREATE INDEX messages_pinned ON messages(conv_id, pinned_at, id) WHERE pinned_at IS NOT NULL;
-- What was edited or deleted, for clients that catch up.
CREATE INDEX messages_by_change ON messages(conv_id, id) WHERE (edited_at IS NOT NULL OR deleted_at IS NOT NULL);

-- Who is named in a message ('<@uid:…>', '<@all:…>'), so that unread mentions are counted without reading messages.
CREATE TABLE mentions (
  user_id     INTEGER NOT NULL,                 -- users.id; 0 = everybody in the conversation
  conv_id     INTEGER NOT NULL,                 -- the message's
  message_id  INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  owed        INTEGER NOT NULL DEFAULT 0,       -- 1: an edit that was hidden brought it, and outside nobody was told yet
  PRIMARY KEY (user_id, conv_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_by_message ON mentions(message_id);
CREATE TRIGGER mentions_of_nobody AFTER DELETE ON users BEGIN
  DELETE FROM mentions WHERE user_id = OLD.id;
END;

-- What users can say is wrong with a message. A new app has the usual ones.
CREATE TABLE flag_reasons (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  id          TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  description TEXT,
  usual       INTEGER NOT NULL DEFAULT 0,       -- 1: came with the app
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (app, id)
) STRICT, WITHOUT ROWID;

-- Who flagged a message, and why: one flag of each user.
CREATE TABLE message_flags (
  message_id  INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  reason      TEXT    NOT NULL,                 -- flag_reasons.id at that time
  remark      TEXT,
  flagged_at  INTEGER NOT NULL,
  PRIMARY KEY (message_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_flags_by_user ON message_flags(user_id);

-- Messages that were flagged: waiting for a review, or reviewed. Hidden ones have a bit in messages.flags besides.
CREATE TABLE flagged_messages (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL,                 -- the message's
  status      TEXT CHECK (status IN ('approved','disapproved')),   -- NULL: waiting
  reviewed_at INTEGER
) STRICT;
CREATE INDEX flagged_waiting ON flagged_messages(app, message_id) WHERE status IS NULL;
CREATE INDEX flagged_reviewed ON flagged_messages(app, message_id) WHERE status IS NOT NULL;

-- Messages a user keeps in a list of his own.
CREATE TABLE saved_messages (
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  message_id  INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  saved_at    INTEGER NOT NULL,
  PRIMARY KEY (user_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX saved_messages_by_message ON saved_messages(message_id);

-- Who follows which thread: its starter, whoever replied or was named in it, and who asked to.
CREATE TABLE thread_subscriptions (
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  parent_id   INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  subscribed  INTEGER NOT NULL,                 -- 0: he said that he does not want to
  PRIMARY KEY (user_id, parent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_subscriptions_by_parent ON thread_subscriptions(parent_id);

-- Full-text index of messages; rowid = messages.id. It is filled a while after the message (see store/search.rs): what
-- it lacks is known from the next two tables and looked at directly. `words` is text folded by model/words.rs into
-- tokens between spaces, hence the plainest tokenizer; app, conversation, sender and thread are tokens, too.
CREATE VIRTUAL TABLE search USING fts5(words, content='', contentless_delete=1, tokenize='ascii', prefix='1 2 3');
-- Messages up to this id were put into the index once (one row).
CREATE TABLE search_state (
  indexed_id  INTEGER NOT NULL
) STRICT;
INSERT INTO search_state VALUES (0);
-- Messages that changed or went since, whichever way: the index must not be believed on them.
CREATE TABLE search_changes (
  message_id  INTEGER PRIMARY KEY
) STRICT;
CREATE TRIGGER messages_changed AFTER UPDATE OF data, app ON messages BEGIN
  INSERT OR IGNORE INTO search_changes VALUES (NEW.id);
END;
CREATE TRIGGER messages_gone AFTER DELETE ON messages BEGIN
  INSERT OR IGNORE INTO search_changes VALUES (OLD.id);
END;

-- Files kept in <data>/media for messages. The row is there before the file and goes after it, so nothing lies on disk
-- that no row speaks of.
CREATE TABLE attachments (
  id          INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL,                 -- apps.id; no foreign key: the row outlives the app until the file is gone
  name        TEXT    NOT NULL UNIQUE,          -- of the file and in its URL: 32 random hex digits and the extension
  title       TEXT    NOT NULL,                 -- what the sender calls the file
  mime_type   TEXT    NOT NULL,
  size        INTEGER NOT NULL,                 -- bytes: the most that may come, once arrived the true size
  ticket      BLOB,                             -- SHA-256 of the secret that allows its one upload
  created_at  INTEGER NOT NULL,
  arrived_at  INTEGER,                          -- NULL: the file is not whole
  expires_at  INTEGER,                          -- NULL: a message has it. Else: swept from then on, and not to be had
  user_id     INTEGER NOT NULL DEFAULT 0        -- users.id of who brought it; 0: the app itself, or brought before this was kept
) STRICT;
CREATE INDEX attachments_by_expiry ON attachments(expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX attachments_by_user ON attachments(user_id, id) WHERE user_id > 0;

-- How much the files are in all: the sums of attachments.size, kept by the triggers below.
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

-- Which messages show a file: forwarding one makes it two.
CREATE TABLE attachment_uses (
  message_id    INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  attachment_id INTEGER NOT NULL REFERENCES attachments(id) ON DELETE CASCADE,
  PRIMARY KEY (message_id, attachment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_uses_by_attachment ON attachment_uses(attachment_id);
-- The last message that showed it went, whichever way (deleted, or its group or app with it), and it is no sticker.
CREATE TRIGGER attachments_unused AFTER DELETE ON attachment_uses
WHEN NOT EXISTS (SELECT 1 FROM attachment_uses WHERE attachment_id = OLD.attachment_id)
 AND NOT EXISTS (SELECT 1 FROM stickers WHERE attachment_id = OLD.attachment_id) BEGIN
  UPDATE attachments SET expires_at = 0 WHERE id = OLD.attachment_id;
END;

-- A counted message that was deleted: no longer unread for those who had not read it.
CREATE TABLE holes (
  conv_id     INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  seq         INTEGER NOT NULL,
  sender_id   INTEGER NOT NULL,
  PRIMARY KEY (conv_id, seq)
) STRICT, WITHOUT ROWID;
-- How many of them there are in each block of 256 (seq >> 8), so that those after a read point need no walk.
CREATE TABLE hole_sums (
  conv_id     INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  sender_id   INTEGER NOT NULL,                 -- users.id of who had sent them; 0 = all
  block       INTEGER NOT NULL,
  holes       INTEGER NOT NULL,
  PRIMARY KEY (conv_id, sender_id, block)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER holes_more AFTER INSERT ON holes BEGIN
  INSERT OR IGNORE INTO hole_sums VALUES (NEW.conv_id, 0, NEW.seq >> 8, 0), (NEW.conv_id, NEW.sender_id, NEW.seq >> 8, 0);
  UPDATE hole_sums SET holes = holes + 1
  WHERE conv_id = NEW.conv_id AND sender_id IN (0, NEW.sender_id) AND block = NEW.seq >> 8;
END;
CREATE TRIGGER holes_fewer AFTER DELETE ON holes BEGIN
  UPDATE hole_sums SET holes = holes - 1
  WHERE conv_id = OLD.conv_id AND sender_id IN (0, OLD.sender_id) AND block = OLD.seq >> 8;
END;

-- When a user's mark moved: message m was read (delivered) at the `at` of the first row with upto >= m.
-- user_id 0 stands for "all other members" of a group.
CREATE TABLE receipts (
  conv_id     INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL,
  kind        INTEGER NOT NULL,                 -- 0 delivered, 1 read
  upto        INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  PRIMARY KEY (conv_id, user_id, kind, upto)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_time ON receipts(at);

CREATE TABLE reactions (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id  INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  reaction    TEXT    NOT NULL,                 -- as it is shown: of a message and key always the same
  key         TEXT    NOT NULL,                 -- what looks the same has the same (model/text.rs)
  reacted_at  INTEGER NOT NULL,
  UNIQUE (message_id, key, user_id)
) STRICT;
CREATE INDEX reactions_by_user ON reactions(user_id);
-- messages.flags, bit 64: has a reaction.
CREATE TRIGGER reactions_first AFTER INSERT ON reactions BEGIN
  UPDATE messages SET flags = flags | 64 WHERE id = NEW.message_id AND flags & 64 = 0;
END;
CREATE TRIGGER reactions_none AFTER DELETE ON reactions
WHEN NOT EXISTS (SELECT 1 FROM reactions WHERE message_id = OLD.message_id) BEGIN
  UPDATE messages SET flags = flags & ~64 WHERE id = OLD.message_id;
END;

-- Elements of an interactive message a user has used.
CREATE TABLE interactions (
  message_id    INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  user_id       INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  element_id    TEXT    NOT NULL,
  interacted_at INTEGER NOT NULL,
  PRIMARY KEY (message_id, user_id, element_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX interactions_by_user ON interactions(user_id);

-- Interactive messages that count as done for a user: their goal is met.
CREATE TABLE goals_met (
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  message_id  INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX goals_met_by_message ON goals_met(message_id);

-- Extensions that an app has switched off or on; without a row one is on wherever the server has it.
CREATE TABLE app_extensions (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  extension   TEXT    NOT NULL,                 -- its slug (model/extension.rs)
  enabled     INTEGER NOT NULL,
  PRIMARY KEY (app, extension)
) STRICT, WITHOUT ROWID;

-- Polls. The message holds the question as it was sent; options and votes are put into it when it is shown.
CREATE TABLE polls (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL,                 -- the message's
  name        TEXT    NOT NULL,                 -- what clients call it: 32 random hex digits
  question    TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX polls_by_name ON polls(app, name);
-- messages.flags, bit 2048: is a poll.
CREATE TRIGGER polls_made AFTER INSERT ON polls BEGIN
  UPDATE messages SET flags = flags | 2048 WHERE id = NEW.message_id;
END;
CREATE TABLE poll_options (
  message_id  INTEGER NOT NULL REFERENCES polls(message_id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,                 -- from 1
  text        TEXT    NOT NULL,
  votes       INTEGER NOT NULL DEFAULT 0,       -- rows of poll_votes, kept by the triggers below
  PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;
-- One vote of each user; it moves by being made anew, so ids rise with the time of votes.
CREATE TABLE poll_votes (
  id          INTEGER PRIMARY KEY,
  message_id  INTEGER NOT NULL REFERENCES polls(message_id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,                 -- poll_options.number
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

-- Stickers that an app has besides those in the program.
CREATE TABLE stickers (
  id            INTEGER PRIMARY KEY,
  app           INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name          TEXT    NOT NULL UNIQUE,        -- 32 random hex digits, for clients and admins
  title         TEXT    NOT NULL,               -- what people call it
  set_title     TEXT    NOT NULL,               -- stickers with the same are shown together
  set_position  INTEGER NOT NULL,               -- of its set among the sets
  position      INTEGER NOT NULL,               -- within its set
  attachment_id INTEGER NOT NULL REFERENCES attachments(id) ON DELETE CASCADE,
  created_at    INTEGER NOT NULL,
  removed_at    INTEGER                         -- set: not listed any more; messages that show it go on doing so
) STRICT;
CREATE INDEX stickers_by_app ON stickers(app, set_position, set_title, position, id) WHERE removed_at IS NULL;
CREATE INDEX stickers_all ON stickers(app);
CREATE INDEX stickers_by_attachment ON stickers(attachment_id);
CREATE TRIGGER stickers_gone AFTER DELETE ON stickers
WHEN NOT EXISTS (SELECT 1 FROM attachment_uses WHERE attachment_id = OLD.attachment_id) BEGIN
  UPDATE attachments SET expires_at = 0 WHERE id = OLD.attachment_id;
END;

-- What is to happen later, once: a reminder is sent, a message is deleted. One sweeper takes what is due; what waits costs
-- nothing, and nothing of it is in memory.
CREATE TABLE due (
  id          INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,                 -- when
  kind        TEXT    NOT NULL CHECK (kind IN ('reminder','disappear')),
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,   -- reminder: whose; disappear: who sent the message
  name        TEXT    NOT NULL UNIQUE,          -- 32 random hex digits: what clients call it
  message_id  INTEGER,                          -- the message it is about; no foreign key: one that is gone by then is passed over
  about       TEXT,                             -- of a reminder that is about no message: its text
  time_ms     INTEGER NOT NULL,                 -- `at` as it was asked for, in milliseconds
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX due_by_time ON due(at, id);
CREATE INDEX due_by_user ON due(user_id, kind, at);
CREATE INDEX due_by_app ON due(app);
CREATE UNIQUE INDEX due_once ON due(message_id) WHERE kind = 'disappear';

-- One row per call; every change of status is a message of category call besides.
CREATE TABLE calls (
  id            INTEGER PRIMARY KEY,
  app           INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  session_id    TEXT    NOT NULL,
  conv_id       INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  initiator_id  INTEGER NOT NULL REFERENCES users(id),
  callee_id     INTEGER REFERENCES users(id),   -- NULL: a group call
  type          TEXT    NOT NULL CHECK (type IN ('audio','video')),
  status        TEXT    NOT NULL,
  metadata      TEXT,
  initiated_at  INTEGER NOT NULL,
  started_at    INTEGER,
  ended_at      INTEGER,
  UNIQUE (app, session_id)
) STRICT;
-- At most one live call per conversation; "is busy" looks here.
CREATE INDEX calls_live ON calls(conv_id) WHERE ended_at IS NULL;
CREATE INDEX calls_by_conversation ON calls(conv_id);
CREATE INDEX calls_by_initiator ON calls(initiator_id);
CREATE INDEX calls_by_callee ON calls(callee_id) WHERE callee_id IS NOT NULL;
CREATE INDEX calls_by_app ON calls(app, initiated_at);

CREATE TABLE call_participants (
  call_id     INTEGER NOT NULL REFERENCES calls(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  state       TEXT    NOT NULL,                 -- ringing, joined, left, rejected, busy, unanswered, cancelled
  device      TEXT,                             -- the client session that joined
  joined_at   INTEGER,
  left_at     INTEGER,
  seen        INTEGER NOT NULL DEFAULT 0,       -- 1: had a socket since the call began; 0: speaks over REST, if at all
  away_since  INTEGER,                          -- live: no socket since then; NULL: has one
  PRIMARY KEY (call_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_participants_by_user ON call_participants(user_id, call_id);
CREATE INDEX call_participants_live ON call_participants(user_id) WHERE state IN ('ringing','joined');

-- Time within the database, which never runs backwards: one row (store/clock.rs).
CREATE TABLE clock (
  last         INTEGER NOT NULL,                -- the newest time used by a write
  healed_at    INTEGER,                         -- when the last jump forward was taken back
  healing      INTEGER,                         -- set: rows still bear times of it; which table is at hand,
  healing_from INTEGER,                         --   and from where on in it
  ordered_after INTEGER NOT NULL DEFAULT 0      -- messages.id: of later ones the times rise with the ids, so that a time is found
                                                --   among them by halves; what was imported, or bears times of a jump, is before
) STRICT;
INSERT INTO clock (last) VALUES (0);

-- One row, changed by each look at whether the server is ready: what it says means nothing, that it can be changed does.
CREATE TABLE health (
  beats       INTEGER NOT NULL,                 -- looks so far
  filler      BLOB                              -- zeros, while it is tried whether a full disk has room again
) STRICT;
INSERT INTO health (beats) VALUES (0);

-- Deleted for good, with rows that are still to be removed piece by piece (store/purge.rs): gone for everybody from the
-- moment they stand here. Nearly always empty.
CREATE TABLE gone_conversations (
  conv_id     INTEGER PRIMARY KEY REFERENCES conversations(id) ON DELETE CASCADE,
  user_id     INTEGER                           -- users.id with whose erasure it goes; NULL: by itself
) STRICT;
CREATE TABLE gone_groups (
  group_id    INTEGER PRIMARY KEY REFERENCES groups(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE gone_users (
  user_id     INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  looked_from INTEGER NOT NULL                  -- messages from this id on hold nothing of his any more
) STRICT;

-- Users who were deactivated or deleted and of whose groups some still do not know: done piece by piece (store/users.rs,
-- actions/users.rs). Nearly always empty.
CREATE TABLE ending_users (
  user_id     INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  uid         TEXT    NOT NULL,                 -- as they were called: events name them, and users.uid may be given up
  leaves      INTEGER NOT NULL,                 -- 1: deleted, their memberships end; 0: deactivated, they stay
  past_group  INTEGER NOT NULL DEFAULT 0        -- groups.id up to which nobody waits for their receipts any more
) STRICT;

-- People who were anonymised or erased and of whom something is left: taken away piece by piece (store/erasures.rs).
-- Nearly always empty.
CREATE TABLE erasures (
  id          INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  user_id     INTEGER NOT NULL,                 -- users.id; no foreign key: this outlives who is erased
  kind        TEXT    NOT NULL CHECK (kind IN ('anonymise','erase')),
  uid         TEXT,                             -- as they were called, until nothing is left that says it
  neutral     TEXT    NOT NULL,                 -- the uid that stands in its place
  digest      TEXT    NOT NULL,                 -- what the audit log calls them (actions/erasures.rs)
  step        INTEGER NOT NULL DEFAULT 0,       -- what is at hand (store/erasures.rs)
  position    INTEGER NOT NULL DEFAULT 0,       -- how far it has come
  counts      TEXT    NOT NULL DEFAULT '{}'     -- JSON: how many of what were taken away or changed so far
) STRICT;
CREATE INDEX erasures_by_app ON erasures(app);
CREATE INDEX erasures_by_user ON erasures(user_id);

-- How long an app keeps the messages of its conversations (store/retention.rs); without a row for ever.
CREATE TABLE retention (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  kind        TEXT    NOT NULL CHECK (kind IN ('user','group')),
  days        INTEGER NOT NULL,
  looked_to   INTEGER NOT NULL DEFAULT 0,       -- of this round: what was sent before is done
  next_at     INTEGER NOT NULL DEFAULT 0,       -- when the next round begins; 0: one is under way
  PRIMARY KEY (app, kind)
) STRICT, WITHOUT ROWID;

-- What was done by those who run the server and its apps. Rows stay as they are, except that the uid of who is erased
-- becomes a digest.
CREATE TABLE audit (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  actor       TEXT    NOT NULL,                 -- 'cli', 'server', 'admin NAME', 'key HINT', 'management NAME'
  act         TEXT    NOT NULL,                 -- noun.verb, like 'user.erase' (model/audit.rs)
  app         TEXT,                             -- apps.app_id as text: outlives the app; NULL: the whole server
  target      TEXT,                             -- what it was done to: a uid, a key's hint, a name
  other       TEXT,                             -- uid of the second person it concerns: on whose behalf, the other side
  details     TEXT                              -- JSON: counts, settings
) STRICT;
CREATE INDEX audit_by_app ON audit(app, id);
CREATE INDEX audit_by_target ON audit(app, target) WHERE target IS NOT NULL;
CREATE INDEX audit_by_other ON audit(app, other) WHERE other IS NOT NULL;

-- Messages erased for good whose replies are still to become ordinary messages.
CREATE TABLE gone_parents (
  message_id  INTEGER PRIMARY KEY               -- messages.id that was
) STRICT;

-- People who may use the admin page, the one-time links that let them in, and their sessions.
CREATE TABLE admins (
  id            INTEGER PRIMARY KEY,
  name          TEXT    NOT NULL UNIQUE,
  password_hash TEXT    NOT NULL,               -- argon2id
  created_at    INTEGER NOT NULL,
  role          TEXT    NOT NULL DEFAULT 'owner' CHECK (role IN ('owner','admin','moderator','viewer')),
  totp          BLOB,                           -- secret of their codes; to compute them it must be known, so no digest
  totp_since    INTEGER,                        -- when the first code was right; NULL: not asked for at log-in
  totp_step     INTEGER NOT NULL DEFAULT 0      -- the last code that was used, as its 30 seconds: none works twice
) STRICT;
CREATE TABLE admin_recovery (
  hash        BLOB    NOT NULL PRIMARY KEY,     -- SHA-256 of a code that stands in for one of a device; goes when used
  admin_id    INTEGER NOT NULL REFERENCES admins(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE admin_setup (
  hash        BLOB    NOT NULL PRIMARY KEY,     -- SHA-256 of the link's secret; the row goes when it is used
  created_at  INTEGER NOT NULL,                 -- good for a day (`actions::admin::LINK`)
  role        TEXT    NOT NULL DEFAULT 'owner' CHECK (role IN ('owner','admin','moderator','viewer')), -- what it makes
  admin_id    INTEGER REFERENCES admins(id) ON DELETE CASCADE, -- whom it gives a new password instead
  made_by     INTEGER REFERENCES admins(id) ON DELETE CASCADE -- the owner it goes with; NULL: made on the machine
) STRICT, WITHOUT ROWID;
CREATE TABLE admin_sessions (
  hash        BLOB    NOT NULL PRIMARY KEY,
  admin_id    INTEGER NOT NULL REFERENCES admins(id) ON DELETE CASCADE,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  address     TEXT                              -- from where they logged in, if that is known
) STRICT, WITHOUT ROWID;

-- Figures of the server over time, for the admin page (store/figures.rs): a row a minute for a day, a row an hour for a month.
CREATE TABLE figures (
  span            INTEGER NOT NULL CHECK (span IN (60,3600)), -- seconds
  at              INTEGER NOT NULL,                     -- when it began
  messages        INTEGER NOT NULL,                     -- sent in it
  deliveries      INTEGER NOT NULL,                     -- frames given to sockets
  requests        INTEGER NOT NULL,                     -- answered
  commits         INTEGER NOT NULL,                     -- of the writer
  commit_us       INTEGER NOT NULL,                     -- microseconds of these with their syncs, in all
  sockets         INTEGER NOT NULL,                     -- these three: the most in it, seen each second
  online          INTEGER NOT NULL,                     -- users
  queued          INTEGER NOT NULL,                     -- writes that waited
  database_bytes  INTEGER NOT NULL,                     -- of the file; these: at its end, of an hour the most
  wal_bytes       INTEGER NOT NULL,                     -- of the log beside it
  media_bytes     INTEGER NOT NULL,                     -- of files of messages
  search_backlog  INTEGER NOT NULL,                     -- messages that waited for the search index
  memory_bytes    INTEGER NOT NULL,                     -- of the process
  PRIMARY KEY (span, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE app_figures (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  at          INTEGER NOT NULL,                 -- when the hour began
  messages    INTEGER NOT NULL,                 -- sent in it; no row: none
  PRIMARY KEY (app, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX app_figures_by_time ON app_figures(at);

-- What a user chose about notifications, and where else he can be reached. Nothing here sends anything.
CREATE TABLE notification_choices (
  user_id     INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  preferences TEXT,                             -- JSON, what differs from the app's settings
  timezone    TEXT,                             -- IANA name
  email       TEXT,
  phno        TEXT                              -- with country code
) STRICT;

-- Conversations a user has muted.
CREATE TABLE mutes (
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  type        TEXT    NOT NULL CHECK (type IN ('oneOnOne','group')),
  id          TEXT    NOT NULL,                 -- uid or guid
  until       INTEGER NOT NULL,                 -- Unix milliseconds, as clients say it
  PRIMARY KEY (user_id, type, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mutes_by_name ON mutes(id, type);

-- Push tokens of devices; each belongs to one login and ends with it.
CREATE TABLE push_tokens (
  id          INTEGER PRIMARY KEY,
  user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  token_id    INTEGER NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,
  push_token  TEXT    NOT NULL,
  platform    TEXT    NOT NULL,
  provider_id TEXT    NOT NULL,
  type        TEXT    NOT NULL,                 -- chat | voip
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  UNIQUE (user_id, push_token)
) STRICT;
CREATE INDEX push_tokens_by_login ON push_tokens(token_id);

-- What an app chose about notifications.
CREATE TABLE notification_settings (
  app         INTEGER PRIMARY KEY REFERENCES apps(id) ON DELETE CASCADE,
  settings    TEXT    NOT NULL                  -- JSON, what differs from the defaults
) STRICT;

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

-- Where an app's events are told (src/out sends them), and how each of these does.
CREATE TABLE webhooks (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  webhook_id  TEXT    NOT NULL,                 -- what the app calls it
  name        TEXT    NOT NULL,
  url         TEXT    NOT NULL,
  basic_auth  INTEGER NOT NULL,
  username    TEXT    NOT NULL,
  password    TEXT    NOT NULL,                 -- sent as it is
  enabled     INTEGER NOT NULL,
  retries     INTEGER NOT NULL,                 -- whether what fails is tried again
  secret      TEXT    NOT NULL,                 -- signs what is sent: base64
  old_secret  TEXT,                             -- signs beside it until then
  old_until   INTEGER,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  passed      INTEGER NOT NULL,                 -- outbox.id up to which nothing waits here, except what deliveries say
  dropped     INTEGER NOT NULL DEFAULT 0,       -- events that were never delivered, because they became too old or too many
  failing_at  INTEGER,                          -- since when nothing arrives; NULL: the last try arrived
  ended       TEXT,                             -- why the server switched it off, if it did
  UNIQUE (app, webhook_id)
) STRICT;

-- What each is told.
CREATE TABLE webhook_triggers (
  webhook     INTEGER NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  kind        TEXT    NOT NULL,                 -- the trigger (model/trigger.rs)
  since       INTEGER NOT NULL,                 -- outbox.id of the newest event that was there before
  PRIMARY KEY (webhook, kind)
) STRICT, WITHOUT ROWID;

-- Events that are told outside, written with what they tell of; in the order of commits. They stay a while after they were
-- delivered, to be told again.
CREATE TABLE outbox (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name        TEXT    NOT NULL,                 -- random; the same on every try
  kind        TEXT    NOT NULL,                 -- the trigger (model/trigger.rs)
  at          INTEGER NOT NULL,
  data        TEXT    NOT NULL                  -- JSON
) STRICT;
CREATE INDEX outbox_by_app ON outbox(app, id, kind);
CREATE INDEX outbox_by_time ON outbox(at);
-- How many events of an app there are, and their bytes: of their data, and 256 for the rows around each.
CREATE TABLE outbox_sums (
  app         INTEGER PRIMARY KEY,              -- apps.id
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

-- Messages that an event holds: where one is removed for good, what was told of it goes with it.
CREATE TABLE outbox_messages (
  event       INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  message     INTEGER NOT NULL,                 -- messages.id
  PRIMARY KEY (event, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_messages_by_message ON outbox_messages(message);
-- That it was deleted is told all the same.
CREATE TRIGGER messages_untold AFTER DELETE ON messages BEGIN
  DELETE FROM outbox WHERE kind <> 'message_deleted'
    AND id IN (SELECT event FROM outbox_messages WHERE message = OLD.id);
END;

-- What became of an event at a webhook, once it was tried; without a row it was not yet.
CREATE TABLE deliveries (
  webhook     INTEGER NOT NULL,                 -- webhooks.id; those of one that is gone are removed in pieces
  event       INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  state       TEXT    NOT NULL CHECK (state IN ('delivered','waiting','failed')),
  tries       INTEGER NOT NULL,
  first_at    INTEGER,                          -- of these tries; NULL: none yet
  next_at     INTEGER,                          -- set exactly while it waits
  tried_at    INTEGER,
  took_ms     INTEGER,
  status      INTEGER,                          -- of HTTP; NULL: there was no answer
  answer      TEXT,                             -- how it began, or why there was none
  PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_event ON deliveries(event);
CREATE INDEX deliveries_due ON deliveries(webhook, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_failed ON deliveries(webhook, event) WHERE state = 'failed';
CREATE INDEX deliveries_waiting ON deliveries(webhook, event) WHERE state = 'waiting';
-- Webhooks that are gone and have deliveries left (store/purge.rs).
CREATE TABLE gone_webhooks (
  webhook     INTEGER PRIMARY KEY               -- webhooks.id
) STRICT;
CREATE TRIGGER webhooks_gone AFTER DELETE ON webhooks BEGIN
  INSERT OR IGNORE INTO gone_webhooks (webhook) VALUES (OLD.id);
END;

-- Rules by which messages are moderated. Each change is a revision; those the server brings have no row until they are changed
-- (model/moderation/usual.rs).
CREATE TABLE moderation_rules (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  rule_id     TEXT    NOT NULL,
  revision    INTEGER NOT NULL,
  active      INTEGER NOT NULL,                 -- 1: the one that applies
  enabled     INTEGER NOT NULL,
  usual       INTEGER NOT NULL,                 -- the server brings one of this id
  body        TEXT    NOT NULL,                 -- JSON (model/moderation/rule.rs)
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (app, rule_id, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX moderation_rules_active ON moderation_rules(app, created_at, rule_id) WHERE active = 1;

-- Lists of words or patterns that rules refer to.
CREATE TABLE moderation_lists (
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  list_id     TEXT    NOT NULL,
  revision    INTEGER NOT NULL,
  usual       INTEGER NOT NULL,                 -- the server brings one of this id
  name        TEXT    NOT NULL,
  description TEXT,
  category    TEXT    NOT NULL CHECK (category IN ('word','pattern','custom-api')),
  is_csv      INTEGER NOT NULL,
  terms       TEXT    NOT NULL,                 -- JSON array
  place       TEXT,                             -- JSON, of custom-api: the engine that is asked (model/moderation/ask.rs)
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  UNIQUE (app, list_id)
) STRICT;

-- Messages that a rule blocked, and why; status is what a moderator decided since.
CREATE TABLE moderation_blocked (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  app         INTEGER NOT NULL,                 -- the message's
  rule_id     TEXT    NOT NULL,
  rule_name   TEXT    NOT NULL,
  revision_id TEXT    NOT NULL,
  condition   TEXT    NOT NULL,                 -- JSON
  action      TEXT    NOT NULL,                 -- JSON array
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  status      TEXT                              -- approved | rejected
) STRICT;
CREATE INDEX moderation_blocked_by_app ON moderation_blocked(app, message_id) WHERE status IS NULL OR status <> 'approved';

-- Messages that an app asks about, which rules judge and nobody sends. The newest so many of an app (limit submitted_messages).
CREATE TABLE submitted_messages (
  id          INTEGER PRIMARY KEY,              -- of the numbers of messages: an id is one message, sent or not
  app         INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  nth         INTEGER NOT NULL,                 -- within the app, rising: the oldest go
  sender_id   INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  user_id     INTEGER REFERENCES users(id) ON DELETE CASCADE,
  group_id    INTEGER REFERENCES groups(id) ON DELETE CASCADE,
  muid        TEXT,
  category    TEXT    NOT NULL CHECK (category IN ('message','custom','interactive')),
  type        TEXT    NOT NULL,
  data        TEXT    NOT NULL,                 -- JSON, as in messages
  tags        TEXT,                             -- JSON array
  status      TEXT    NOT NULL CHECK (status IN ('approved','disapproved','pending')),
  sent_at     INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  edited_at   INTEGER,
  CHECK ((user_id IS NULL) <> (group_id IS NULL)),
  UNIQUE (app, nth)
) STRICT;
-- A list is narrowed without a look at its rows.
CREATE INDEX submitted_by_app ON submitted_messages(app, id, status, category, type, sender_id, user_id, group_id);
CREATE INDEX submitted_by_sender ON submitted_messages(sender_id, muid);
CREATE INDEX submitted_by_user ON submitted_messages(user_id) WHERE user_id IS NOT NULL;
CREATE INDEX submitted_by_group ON submitted_messages(group_id) WHERE group_id IS NOT NULL;

-- Messages about which an engine outside is being asked, or will be. Those that were sent are hidden until it has answered (flags
-- 512 and 4096); others were submitted. One that is gone goes from here with its turn.
CREATE TABLE moderation_pending (
  message_id  INTEGER PRIMARY KEY,
  app         INTEGER NOT NULL,                 -- the message's
  since       INTEGER NOT NULL,
  asks        TEXT    NOT NULL                  -- JSON array: the conditions it is asked about (model/moderation/engine.rs)
) STRICT;
CREATE INDEX moderation_pending_by_app ON moderation_pending(app, message_id);

-- How an app has engines asked; no row: as it is by default.
CREATE TABLE moderation_settings (
  app         INTEGER PRIMARY KEY REFERENCES apps(id) ON DELETE CASCADE,
  body        TEXT    NOT NULL                  -- JSON (model/moderation/ask.rs)
) STRICT;
