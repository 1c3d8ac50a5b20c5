-- One table of items. Text compares as bytes of UTF-8, as DynamoDB's sort keys do.
-- expires is in milliseconds since 1970, 0 for never. attributes is JSON.
CREATE TABLE item (
  partition  TEXT    NOT NULL,
  sort       TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  expires    INTEGER NOT NULL,
  attributes TEXT    NOT NULL,
  body       BLOB,
  PRIMARY KEY (partition, sort)
) STRICT, WITHOUT ROWID;

CREATE INDEX item_expires ON item (expires) WHERE expires > 0;
