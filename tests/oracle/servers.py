"""The name servers that are compared: a PowerDNS with its own gsqlite3 backend, and PowerDNS processes with thor-dns behind, on the same zones."""

import base64
import hashlib
import os
import pathlib
import sqlite3
import subprocess

from falsifier import Falsifier
from overlay import DOMAIN, SOURCE, Failure, Pdns, wait_until, with_options
from zones import MINIMUM_S, MODES, NS_TTL_S, SERIAL, SOA_TTL_S

LOAD_S = 120
SCHEMA = pathlib.Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")

# thor-dns makes SOA and NS of every zone of these.
MNAME, RNAME = f"ns1.{DOMAIN}.", f"hostmaster.{DOMAIN}."
SOA = {"mname": MNAME, "rname": RNAME, "refresh_s": 3600, "retry_s": 600, "expire_s": 1209600, "minimum_s": MINIMUM_S, "ttl_s": SOA_TTL_S}

# The same for all: every answer is made anew, and DNAME is processed.
SETTINGS = {"query-cache-ttl": 0, "negquery-cache-ttl": 0}
ADDED_SETTINGS = {"dname-processing": "yes"}


def zone_file(zone):
    """The zone as thor-dns is to serve it, as a master file."""
    timers = " ".join(str(SOA[key]) for key in ("refresh_s", "retry_s", "expire_s", "minimum_s"))
    lines = [f"{zone.apex} {SOA_TTL_S} IN SOA {MNAME} {RNAME} {SERIAL} {timers}", f"{zone.apex} {NS_TTL_S} IN NS {MNAME}"]
    lines += [f"{owner} {ttl} IN {rdtype} {content}" for owner, ttl, rdtype, content in zone.records]
    return "".join(line + "\n" for line in lines)


def key_of(zone):
    """A private key for ECDSAP256SHA256, the same for the same zone, as BIND's tools write it."""
    private = hashlib.sha256(zone.apex.encode()).digest()  # below the order of the curve, but for one in 2^32
    return f"Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: {base64.b64encode(private).decode()}\n"


class Reference:
    """pdns_server with gsqlite3, loaded by pdnsutil."""

    def __init__(self, net, zones):
        self.net = net
        self.home = net.home("reference")
        self.database = self.home / "pdns.sqlite3"
        self.load(zones)
        address, port = self.configure()
        self.pdns = Pdns("reference", self.home, net.directory / "reference.log", address, port, zones[0].apex)
        net.processes.append(self.pdns)
        self.pdns.wait_ready()

    def configure(self):
        address, port = self.net.endpoint("reference", 53)
        shipped = (SOURCE / "pdns-conf" / "unix" / "pdns.conf").read_text()
        shipped = shipped.replace("launch=remote\n", f"launch=gsqlite3\ngsqlite3-database={self.database}\ngsqlite3-dnssec=yes\n")
        shipped = "".join(line for line in shipped.splitlines(True) if not line.startswith("remote-"))
        options = SETTINGS | {"local-address": address, "local-port": port, "socket-dir": self.home / "run", "setgid": os.getgid()}
        added = "".join(f"{key}={value}\n" for key, value in ADDED_SETTINGS.items())
        (self.home / "pdns.conf").write_text(with_options(shipped, options) + added)
        return address, port

    def load(self, zones):
        self.configure()
        with sqlite3.connect(self.database) as db:
            db.executescript(SCHEMA.read_text())
        db.close()
        for zone in zones:
            file = self.home / "zone"
            file.write_text(zone_file(zone))
            self.pdnsutil("load-zone", zone.apex, file)
            self.sign(zone)
            self.pdnsutil("rectify-zone", zone.apex)

    def sign(self, zone):
        denial = MODES[zone.mode]
        if denial is None:
            return
        file = self.home / "key"
        file.write_text(key_of(zone))
        self.pdnsutil("import-zone-key", zone.apex, file, "active", "published", "ksk")
        if denial:
            self.pdnsutil("set-nsec3", zone.apex, denial["NSEC3PARAM"], *(["narrow"] if "NSEC3NARROW" in denial else []))

    def pdnsutil(self, *words):
        ran = subprocess.run(["pdnsutil", f"--config-dir={self.home}", *map(str, words)], capture_output=True, text=True, timeout=LOAD_S, check=False)
        if ran.returncode != 0:
            raise Failure(f"pdnsutil {' '.join(map(str, words))}: {ran.stdout}{ran.stderr}")


class Ours:
    """thor-dns with the zones as hosted domains, and a pdns_server in front of it for each connector; without any, one behind a falsifier."""

    def __init__(self, net, zones, connectors):
        self.net = net
        net.start_event_server()
        self.dns = net.start_dns(pdns=list(connectors), soa=SOA)
        self.database = net.home("dns1") / "state" / "operator.sqlite3"
        self.load(zones)
        wait_until(lambda: self.dns.status().get("hosted_domains") == len(zones), "thor-dns serves all zones", LOAD_S)
        self.pdns = {name: net.start_pdns(name, name, options=SETTINGS, added=ADDED_SETTINGS) for name in connectors}
        self.falsifier = None
        if not connectors:
            self.falsifier = Falsifier(net)
            options = SETTINGS | {"remote-connection-string": self.falsifier.connection_string}
            self.pdns["planted"] = net.start_pdns("planted", "unix", options=options, added=ADDED_SETTINGS)
        for zone in zones:
            for pdns in self.pdns.values():
                wait_until(lambda server=pdns.server, zone=zone: server.ask(zone.apex, "SOA").rcode == "NOERROR", f"{zone.apex} is served")

    def load(self, zones):
        with sqlite3.connect(self.database, timeout=10) as db:
            db.execute("PRAGMA foreign_keys = ON")
            for zone in zones:
                number = db.execute("INSERT INTO domains (name, template) VALUES (?, NULL)", (zone.apex,)).lastrowid
                db.executemany("INSERT INTO records (domain_id, name, ttl, type, content) VALUES (?, ?, ?, ?, ?)",
                               [(number, *record) for record in zone.records])
                self.sign(db, number, zone)
                db.execute("UPDATE domains SET serial = ? WHERE id = ?", (SERIAL, number))
        db.close()

    @staticmethod
    def sign(db, number, zone):
        denial = MODES[zone.mode]
        if denial is None:
            return
        db.execute("INSERT INTO cryptokeys (domain_id, flags, active, content) VALUES (?, 257, 1, ?)", (number, key_of(zone)))
        db.executemany("INSERT INTO domainmetadata (domain_id, kind, content) VALUES (?, ?, ?)", [(number, *entry) for entry in denial.items()])

    def not_served(self):
        return self.dns.status().get("not_served", [])
