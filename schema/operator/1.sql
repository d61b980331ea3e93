-- operator.sqlite3, version 1: what the operator says.
--
-- Tables and columns are those of PowerDNS's gsqlite3 backend as far as they mean the same; `content` is the whole
-- content, the priority of MX and SRV included. Names are absolute, the last dot may be missing.

CREATE TABLE domains (
  id   INTEGER PRIMARY KEY AUTOINCREMENT, -- persistent: never given to another domain
  name TEXT NOT NULL COLLATE NOCASE UNIQUE
) STRICT;

CREATE TABLE records (
  id        INTEGER PRIMARY KEY,
  domain_id INTEGER NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
  name      TEXT NOT NULL COLLATE NOCASE,
  type      TEXT NOT NULL COLLATE NOCASE,
  content   TEXT NOT NULL,
  ttl       INTEGER NOT NULL DEFAULT 300 CHECK (ttl BETWEEN 0 AND 2147483647),
  disabled  INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  UNIQUE (domain_id, name, type, content)
) STRICT;

CREATE TABLE domainmetadata (
  id        INTEGER PRIMARY KEY,
  domain_id INTEGER NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
  kind      TEXT NOT NULL COLLATE NOCASE,
  content   TEXT NOT NULL
) STRICT;

CREATE INDEX domainmetadata_kind ON domainmetadata (domain_id, kind);

-- Grows with every change of any row, whoever makes it.
CREATE TABLE revision (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  counter INTEGER NOT NULL
) STRICT;

INSERT INTO revision VALUES (1, 0);

CREATE TRIGGER domains_inserted AFTER INSERT ON domains BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER domains_updated AFTER UPDATE ON domains BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER domains_deleted AFTER DELETE ON domains BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER records_inserted AFTER INSERT ON records BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER records_updated AFTER UPDATE ON records BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER records_deleted AFTER DELETE ON records BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER domainmetadata_inserted AFTER INSERT ON domainmetadata BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER domainmetadata_updated AFTER UPDATE ON domainmetadata BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER domainmetadata_deleted AFTER DELETE ON domainmetadata BEGIN UPDATE revision SET counter = counter + 1; END;
