-- Messages of all queues; id is the order within a group. visible is when a
-- message that was received may be received again (milliseconds since 1970), 0
-- while nobody holds it. receipt is the nonce of the last receive.
CREATE TABLE message (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  queue         TEXT    NOT NULL,
  message_group TEXT    NOT NULL,
  deduplication TEXT    NOT NULL,
  body          TEXT    NOT NULL,
  sent          INTEGER NOT NULL,
  visible       INTEGER NOT NULL DEFAULT 0,
  receives      INTEGER NOT NULL DEFAULT 0,
  receipt       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX message_order ON message (queue, message_group, id);
CREATE INDEX message_held  ON message (queue, message_group, visible) WHERE visible > 0;

-- One row for each group that has messages: head is its first message, blocked
-- the time until which one of them is in flight, 0 for none. It lets a receiver
-- find the next free group in one seek, however long the backlog is.
CREATE TABLE message_group (
  queue         TEXT    NOT NULL,
  message_group TEXT    NOT NULL,
  head          INTEGER NOT NULL,
  blocked       INTEGER NOT NULL,
  PRIMARY KEY (queue, message_group)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_group_free ON message_group (queue, blocked, head);

-- Deduplication ids of the last five minutes; they outlive their messages.
CREATE TABLE deduplication (
  queue         TEXT    NOT NULL,
  message_group TEXT    NOT NULL,
  deduplication TEXT    NOT NULL,
  message       INTEGER NOT NULL,
  expires       INTEGER NOT NULL,
  PRIMARY KEY (queue, message_group, deduplication)
) STRICT, WITHOUT ROWID;

CREATE INDEX deduplication_expires ON deduplication (expires);
