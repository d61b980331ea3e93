-- operator.sqlite3, version 2: hosted domains, made from templates.

CREATE TABLE templates (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE CHECK (name <> '' AND name <> 'none') -- "none" is what commands call no template
) STRICT;

-- In name and content `{domain}` stands for the hosted domain and `{overlay}` for the overlay's, both without the last dot.
CREATE TABLE template_records (
  id       INTEGER PRIMARY KEY,
  template TEXT NOT NULL COLLATE NOCASE REFERENCES templates (name) ON DELETE CASCADE ON UPDATE CASCADE,
  name     TEXT NOT NULL COLLATE NOCASE, -- relative to the hosted domain, or absolute with a last dot; "@" is the domain itself
  type     TEXT NOT NULL COLLATE NOCASE,
  content  TEXT NOT NULL,
  ttl      INTEGER NOT NULL DEFAULT 600 CHECK (ttl BETWEEN 0 AND 2147483647),
  UNIQUE (template, name, type, content)
) STRICT;

-- RFC 3263 section 4.1: the three NAPTR, TLS preferred, lead to the overlay's SRV records, one for each proxy. Clients without
-- NAPTR find SRV records at the domain itself, which lead to all proxies by their common name.
INSERT INTO templates (name) VALUES ('sip');
INSERT INTO template_records (template, name, type, content) VALUES
  ('sip', '@', 'NAPTR', '10 100 "s" "SIPS+D2T" "" _sips._tcp.{overlay}.'),
  ('sip', '@', 'NAPTR', '20 100 "s" "SIP+D2T" "" _sip._tcp.{overlay}.'),
  ('sip', '@', 'NAPTR', '30 100 "s" "SIP+D2U" "" _sip._udp.{overlay}.'),
  ('sip', '_sips._tcp', 'SRV', '100 100 5061 proxy.{overlay}.'),
  ('sip', '_sip._tcp', 'SRV', '100 100 5060 proxy.{overlay}.'),
  ('sip', '_sip._udp', 'SRV', '100 100 5060 proxy.{overlay}.');

ALTER TABLE domains ADD COLUMN template TEXT COLLATE NOCASE REFERENCES templates (name) ON UPDATE CASCADE; -- NULL: only what `records` says
ALTER TABLE domains ADD COLUMN serial INTEGER NOT NULL DEFAULT 0 CHECK (serial BETWEEN 0 AND 4294967295); -- SOA serial, kept by triggers

CREATE INDEX domains_template ON domains (template);

UPDATE domains SET serial = unixepoch();

-- The serial steps with everything that the zone is made of here, so that name servers with the same data have the same serials.
-- A copy of another name server's data is taken over without triggers, serials included.

CREATE TRIGGER serial_domain_inserted AFTER INSERT ON domains BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial, unixepoch())) WHERE id = NEW.id;
END;
CREATE TRIGGER serial_domain_updated AFTER UPDATE OF name, template ON domains BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE id = NEW.id;
END;
CREATE TRIGGER serial_record_inserted AFTER INSERT ON records BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE id = NEW.domain_id;
END;
CREATE TRIGGER serial_record_updated AFTER UPDATE ON records BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE id IN (OLD.domain_id, NEW.domain_id);
END;
CREATE TRIGGER serial_record_deleted AFTER DELETE ON records BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE id = OLD.domain_id;
END;
CREATE TRIGGER serial_template_record_inserted AFTER INSERT ON template_records BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE template = NEW.template;
END;
CREATE TRIGGER serial_template_record_updated AFTER UPDATE ON template_records BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE template IN (OLD.template, NEW.template);
END;
CREATE TRIGGER serial_template_record_deleted AFTER DELETE ON template_records BEGIN
  UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE template = OLD.template;
END;

CREATE TRIGGER templates_inserted AFTER INSERT ON templates BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER templates_updated AFTER UPDATE ON templates BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER templates_deleted AFTER DELETE ON templates BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER template_records_inserted AFTER INSERT ON template_records BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER template_records_updated AFTER UPDATE ON template_records BEGIN UPDATE revision SET counter = counter + 1; END;
CREATE TRIGGER template_records_deleted AFTER DELETE ON template_records BEGIN UPDATE revision SET counter = counter + 1; END;
