-- Schema 3 to 4. `schema.sql` says what each thing is for.

-- What is rare in a conversation is found without walking past all else.
CREATE INDEX messages_by_kind ON messages(conv_id, id, category, type) WHERE category <> 'message' OR type <> 'text';
CREATE INDEX messages_by_tags ON messages(conv_id, id) WHERE tags IS NOT NULL;
CREATE INDEX messages_by_update ON messages(conv_id, updated_at, id) WHERE updated_at > sent_at;

-- A time is found by halves among messages whose times rise with their ids: those after the last one that breaks this.
ALTER TABLE clock ADD COLUMN ordered_after INTEGER NOT NULL DEFAULT 0;
UPDATE clock SET ordered_after = coalesce((
  SELECT max(id) FROM (
    SELECT id, sent_at, max(sent_at) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest FROM messages)
  WHERE sent_at < newest), 0);
-- Rows that are still to be brought back from a jump of the clock.
UPDATE clock SET ordered_after = coalesce((SELECT max(id) FROM messages), 0) WHERE healing IS NOT NULL;
