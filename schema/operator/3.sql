-- operator.sqlite3, version 3: whose data these are.
--
-- One name server of an overlay writes, the others follow it and hold copies. A copy has triggers that refuse writes and
-- name the writer. Which tables are copied stands in schema/store/replicated_tables.cpp.

CREATE TABLE writer (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  term      INTEGER NOT NULL CHECK (term >= 0),            -- 0: what the configuration says; each promotion takes the next one
  name      TEXT NOT NULL,                                 -- node id; '' before the first start
  follows   INTEGER NOT NULL CHECK (follows IN (0, 1)),    -- 1: a copy of the writer's data
  uncopied  INTEGER NOT NULL CHECK (uncopied IN (0, 1)),   -- 1: may hold edits made here that nobody has copied
  copied_at INTEGER NOT NULL                               -- unix time of the last copy; 0: never
) STRICT;

INSERT INTO writer VALUES (1, 0, '', 0, 1, 0);

-- With which data a promoted name server began to write.
CREATE TABLE takeovers (
  term   INTEGER PRIMARY KEY CHECK (term > 0),
  writer TEXT NOT NULL,
  digest INTEGER NOT NULL
) STRICT;
