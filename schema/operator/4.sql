-- operator.sqlite3, version 4: what zones are signed with, and what transfers and updates are.
--
-- Tables and columns are those of PowerDNS's gsqlite3 backend as far as they mean the same. Every name server of an overlay
-- has the same keys. This database is the only one that holds them.

CREATE TABLE cryptokeys (
  id        INTEGER PRIMARY KEY AUTOINCREMENT, -- persistent: never given to another key
  domain_id INTEGER NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
  flags     INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 65535), -- of the DNSKEY: 257 for KSK and CSK, 256 for ZSK
  active    INTEGER NOT NULL CHECK (active IN (0, 1)),
  published INTEGER NOT NULL DEFAULT 1 CHECK (published IN (0, 1)),
  content   TEXT NOT NULL -- the private key in BIND's format
) STRICT;

CREATE INDEX cryptokeys_domain ON cryptokeys (domain_id);

CREATE TABLE tsigkeys (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL COLLATE NOCASE UNIQUE,
  algorithm TEXT NOT NULL COLLATE NOCASE, -- "hmac-sha256"
  secret    TEXT NOT NULL -- base64
) STRICT;

CREATE TRIGGER cryptokeys_inserted AFTER INSERT ON cryptokeys BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER cryptokeys_updated AFTER UPDATE ON cryptokeys BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER cryptokeys_deleted AFTER DELETE ON cryptokeys BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER tsigkeys_inserted AFTER INSERT ON tsigkeys BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER tsigkeys_updated AFTER UPDATE ON tsigkeys BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER tsigkeys_deleted AFTER DELETE ON tsigkeys BEGIN UPDATE revision SET counter = counter + 1; END;
