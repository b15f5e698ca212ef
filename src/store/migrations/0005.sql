-- Schema 4 to 5. `schema.sql` says what each thing is for.

-- The step to 4 took the last message that is older than one before it. A message from the future, once imported, makes that of
-- those which are sent after it, so what comes up to it is in no order either.
UPDATE clock SET ordered_after = max(
  ordered_after,
  coalesce((SELECT max(id) FROM messages WHERE sent_at > last), 0),
  coalesce((
    SELECT max(id) FROM (
      SELECT id, sent_at, max(sent_at) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest FROM messages)
    WHERE sent_at < newest), 0));

-- A message whose app was mended (`hobnob doctor`) is one the index must not be believed on, too.
DROP TRIGGER messages_changed;
CREATE TRIGGER messages_changed AFTER UPDATE OF data, app ON messages BEGIN
  INSERT OR IGNORE INTO search_changes VALUES (NEW.id);
END;

-- A message that a review hid does not show as the last one of its conversation: the one before it does.
UPDATE conversations SET preview_id = coalesce((
  SELECT m.id FROM messages m WHERE m.conv_id = conversations.id AND m.id < preview_id AND m.flags & 1536 = 0
  ORDER BY m.id DESC LIMIT 1), 0)
WHERE preview_id > 0 AND EXISTS (SELECT 1 FROM messages m WHERE m.id = preview_id AND m.flags & 512);
