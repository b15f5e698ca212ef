-- Schema 2 to 3. `schema.sql` says what each thing is for.

-- Lists of an app are counted and walked by what indexes hold alone. Some of schema 2 have these already.
DROP INDEX IF EXISTS users_by_name;
CREATE INDEX users_by_name ON users(app, name COLLATE NOCASE, id, deactivated_at) WHERE system = 0 AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS conversations_pairs ON conversations(app) WHERE user_a IS NOT NULL;
CREATE INDEX IF NOT EXISTS participants_changed ON participants(conv_id) WHERE hidden_id <> 0 OR updated_at > created_at;
