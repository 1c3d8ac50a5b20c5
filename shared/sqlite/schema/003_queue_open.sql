-- The queues that exist. Opening makes one, dropping removes it with all it holds.
CREATE TABLE queue (
  name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
