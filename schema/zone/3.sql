-- Who came, went or changed, one row for each role.

CREATE TABLE member_change (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  at        INTEGER NOT NULL,
  node      TEXT NOT NULL,
  role      TEXT NOT NULL,
  change    TEXT NOT NULL CHECK (change IN ('joined', 'left', 'changed')),
  state     TEXT NOT NULL, -- after it; of one that left, before
  addresses TEXT NOT NULL, -- JSON: ["192.0.2.1", ...]
  cause     TEXT NOT NULL
) STRICT;

CREATE VIEW member_history AS
  SELECT datetime(at, 'unixepoch') AS time, node, role, change, state,
         (SELECT group_concat(value, ' ') FROM json_each(addresses)) AS addresses, cause
  FROM member_change
  ORDER BY id DESC;
