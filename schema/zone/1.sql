-- zone.sqlite3, version 1: the published zones. Derived; what is written here by hand is written over.

-- What PowerDNS 4.7 with the gsqlite3 backend reads. Names without the last dot, lower-case; `prio` holds the first
-- number of MX and SRV; a name without records has one row without type. The last four tables stay empty: secrets and
-- metadata are the operator's.

CREATE TABLE domains (
  id              INTEGER PRIMARY KEY,
  name            VARCHAR(255) NOT NULL COLLATE NOCASE,
  master          VARCHAR(128) DEFAULT NULL,
  last_check      INTEGER DEFAULT NULL,
  type            VARCHAR(8) NOT NULL,
  notified_serial INTEGER DEFAULT NULL,
  account         VARCHAR(40) DEFAULT NULL,
  options         VARCHAR(65535) DEFAULT NULL,
  catalog         VARCHAR(255) DEFAULT NULL
);

CREATE UNIQUE INDEX name_index ON domains (name);
CREATE INDEX catalog_idx ON domains (catalog);

CREATE TABLE records (
  id        INTEGER PRIMARY KEY,
  domain_id INTEGER DEFAULT NULL REFERENCES domains (id) ON DELETE CASCADE ON UPDATE CASCADE,
  name      VARCHAR(255) DEFAULT NULL,
  type      VARCHAR(10) DEFAULT NULL,
  content   VARCHAR(65535) DEFAULT NULL,
  ttl       INTEGER DEFAULT NULL,
  prio      INTEGER DEFAULT NULL,
  disabled  BOOLEAN DEFAULT 0,
  ordername VARCHAR(255),
  auth      BOOL DEFAULT 1
);

CREATE INDEX records_lookup_idx ON records (name, type);
CREATE INDEX records_lookup_id_idx ON records (domain_id, name, type);
CREATE INDEX records_order_idx ON records (domain_id, ordername);

CREATE TABLE supermasters (
  ip         VARCHAR(64) NOT NULL,
  nameserver VARCHAR(255) NOT NULL COLLATE NOCASE,
  account    VARCHAR(40) NOT NULL
);

CREATE UNIQUE INDEX ip_nameserver_pk ON supermasters (ip, nameserver);

CREATE TABLE comments (
  id          INTEGER PRIMARY KEY,
  domain_id   INTEGER NOT NULL REFERENCES domains (id) ON DELETE CASCADE ON UPDATE CASCADE,
  name        VARCHAR(255) NOT NULL,
  type        VARCHAR(10) NOT NULL,
  modified_at INT NOT NULL,
  account     VARCHAR(40) DEFAULT NULL,
  comment     VARCHAR(65535) NOT NULL
);

CREATE INDEX comments_idx ON comments (domain_id, name, type);
CREATE INDEX comments_order_idx ON comments (domain_id, modified_at);

CREATE TABLE domainmetadata (
  id        INTEGER PRIMARY KEY,
  domain_id INT NOT NULL REFERENCES domains (id) ON DELETE CASCADE ON UPDATE CASCADE,
  kind      VARCHAR(32) COLLATE NOCASE,
  content   TEXT
);

CREATE INDEX domainmetaidindex ON domainmetadata (domain_id);

CREATE TABLE cryptokeys (
  id        INTEGER PRIMARY KEY,
  domain_id INT NOT NULL REFERENCES domains (id) ON DELETE CASCADE ON UPDATE CASCADE,
  flags     INT NOT NULL,
  active    BOOL,
  published BOOL DEFAULT 1,
  content   TEXT
);

CREATE INDEX domainidindex ON cryptokeys (domain_id);

CREATE TABLE tsigkeys (
  id        INTEGER PRIMARY KEY,
  name      VARCHAR(255) COLLATE NOCASE,
  algorithm VARCHAR(50) COLLATE NOCASE,
  secret    VARCHAR(255)
);

CREATE UNIQUE INDEX namealgoindex ON tsigkeys (name, algorithm);

-- What Thor reads at a restart. Times are Unix seconds; unsigned 64-bit numbers are stored as signed ones.

CREATE TABLE published (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  epoch_counter INTEGER NOT NULL,
  epoch_manager TEXT NOT NULL,
  sequence      INTEGER NOT NULL,
  serial        INTEGER NOT NULL,
  heard_at      INTEGER NOT NULL, -- when an active manager was last heard
  published_at  INTEGER NOT NULL,
  zones_digest  INTEGER NOT NULL, -- tells after a restart whether the zones are still the same
  cause         TEXT NOT NULL,
  version       TEXT NOT NULL     -- of the program that wrote it
) STRICT;

CREATE TABLE member (
  id          TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  sequence    INTEGER NOT NULL,
  since       INTEGER NOT NULL, -- admitted at
  addresses   TEXT NOT NULL,    -- JSON: ["192.0.2.1", ...]
  roles       TEXT NOT NULL,    -- JSON: {"sip_proxy": {"state": "active", "priority": 10, "weight": 100, "ports": {"sip.udp": 5060}}}
  site        TEXT NOT NULL,
  software    TEXT NOT NULL,
  attributes  TEXT NOT NULL,    -- JSON: {"key": "value"}
  changed_epoch    INTEGER NOT NULL, -- the status with which this row last changed
  changed_sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For people.

CREATE TABLE history (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  zone    TEXT NOT NULL,
  serial  INTEGER NOT NULL,
  change  TEXT NOT NULL CHECK (change IN ('+', '-')),
  name    TEXT NOT NULL,
  type    TEXT NOT NULL,
  ttl     INTEGER NOT NULL,
  content TEXT NOT NULL,
  cause   TEXT NOT NULL
) STRICT;

CREATE VIEW zone_now AS
  SELECT domains.name AS zone, records.name AS name, ttl, records.type AS type,
         iif(prio IS NULL, content, prio || ' ' || content) AS content
  FROM records JOIN domains ON domains.id = records.domain_id
  WHERE records.type IS NOT NULL
  ORDER BY zone, name, type, content;

CREATE VIEW role_now AS
  SELECT role.key AS role, member.id AS node, role.value ->> 'state' AS state,
         (SELECT group_concat(value, ' ') FROM json_each(addresses)) AS addresses,
         role.value ->> 'priority' AS priority, role.value ->> 'weight' AS weight, role.value -> 'ports' AS ports,
         site, datetime(since, 'unixepoch') AS since
  FROM member, json_each(roles) AS role
  ORDER BY role, node;

CREATE VIEW changes AS
  SELECT datetime(at, 'unixepoch') AS time, zone, serial, change, name, type, ttl, content, cause
  FROM history
  ORDER BY id DESC;
