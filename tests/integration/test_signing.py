#!/usr/bin/python3
"""PowerDNS signs a zone of static_backend, and delv, ldns-verify-zone and a validator of our own (tests/support/validator.py) believe every answer.

Both connectors; NSEC, NSEC3, NSEC3 with opt-out and narrow NSEC3; every kind of denial that there is."""

import contextlib
import json
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import unittest

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from overlay import READY_S
from signing import make_key
from staticbackend import StaticBackend, start_pdns
from validator import Bogus, Validator

ZONE = "sip.example.com."
MEMBERS = 10
SCHEMA = pathlib.Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
MODES = {"nsec": {}, "nsec3": {"NSEC3PARAM": ["1 0 5 ab12"]}, "opt-out": {"NSEC3PARAM": ["1 1 0 -"]},
         "narrow": {"NSEC3PARAM": ["1 0 0 -"], "NSEC3NARROW": ["1"]}}
RECORDS = """
www A 203.0.113.80
deep.below.nothing TXT "a name with two empty ones above"
*.wild A 203.0.113.99
exact.wild TXT "not the wildcard"
*.far.below.wild TXT "a wildcard below another"
alias CNAME www.sip.example.com.
chain CNAME alias.sip.example.com.
away CNAME www.example.net.
lost CNAME nothing.sip.example.com.
*.aliases CNAME www.sip.example.com.
sub NS ns.sub.sip.example.com.
ns.sub A 203.0.113.53
safe NS ns.safe.sip.example.com.
ns.safe A 203.0.113.54
safe DS 1 13 2 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
cut.only NS ns.example.net.
cut.shared NS ns.example.net.
host.shared A 203.0.113.55
"""

# What is asked, and what has to come: (name, type, rcode, verdict). NODATA is NOERROR; the zone itself is "".
QUESTIONS = [
    ("", "SOA", "NOERROR", "secure"), ("", "DNSKEY", "NOERROR", "secure"), ("", "MX", "NOERROR", "secure"),
    ("www", "A", "NOERROR", "secure"), ("www", "AAAA", "NOERROR", "secure"), ("_sip._udp", "SRV", "NOERROR", "secure"),
    ("nobody", "A", "NXDOMAIN", "secure"), ("a.b.nobody", "A", "NXDOMAIN", "secure"), ("zzz", "A", "NXDOMAIN", "secure"),
    ("below.www", "A", "NXDOMAIN", "secure"), ("n99.node", "A", "NXDOMAIN", "secure"), ("n3.node", "SRV", "NOERROR", "secure"),
    ("node", "A", "NOERROR", "secure"), ("_udp", "A", "NOERROR", "secure"), ("nothing", "A", "NOERROR", "secure"),
    ("below.nothing", "TXT", "NOERROR", "secure"), ("beside.below.nothing", "TXT", "NXDOMAIN", "secure"),
    ("_xcap._tcp", "SRV", "NOERROR", "secure"), ("x._xcap._tcp", "SRV", "NXDOMAIN", "secure"),
    ("any.wild", "A", "NOERROR", "secure"), ("a.b.wild", "A", "NOERROR", "secure"), ("any.wild", "TXT", "NOERROR", "secure"),
    ("*.wild", "A", "NOERROR", "secure"), ("*.wild", "MX", "NOERROR", "secure"), ("exact.wild", "A", "NOERROR", "secure"),
    ("below.exact.wild", "A", "NXDOMAIN", "secure"), ("wild", "A", "NOERROR", "secure"), ("x.far.below.wild", "TXT", "NOERROR", "secure"),
    ("x.far.below.wild", "A", "NOERROR", "secure"), ("x.below.wild", "A", "NXDOMAIN", "secure"), ("far.below.wild", "A", "NOERROR", "secure"),
    ("alias", "A", "NOERROR", "secure"), ("chain", "A", "NOERROR", "secure"), ("chain", "TXT", "NOERROR", "secure"),
    ("lost", "A", "NOERROR", "secure"), ("any.aliases", "A", "NOERROR", "secure"), ("any.aliases", "TXT", "NOERROR", "secure"),
    ("sub", "A", "NOERROR", "insecure"), ("x.y.sub", "A", "NOERROR", "insecure"), ("ns.sub", "A", "NOERROR", "insecure"),
    ("sub", "DS", "NOERROR", "secure"), ("safe", "DS", "NOERROR", "secure"), ("safe", "A", "NOERROR", "secure"), ("x.safe", "A", "NOERROR", "secure"),
    ("x.cut.only", "A", "NOERROR", "insecure"), ("cut.only", "DS", "NOERROR", "secure"), ("only", "A", "NOERROR", "secure"),
    ("x.only", "A", "NXDOMAIN", "secure"), ("shared", "A", "NOERROR", "secure"), ("cut.shared", "DS", "NOERROR", "secure"),
]


def below(name):
    return f"{name}.{ZONE}" if name else ZONE


def absolute(row):
    """The content as a master file has it: PowerDNS's rows lack the last dot of a name at the end."""
    return row["content"] + "." * (row["qtype"] in ("NS", "CNAME", "SRV", "NAPTR"))


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=READY_S, check=False, **options)


class Signing(unittest.TestCase):
    variant = "http"

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="thor-signing-")))
        records = self.directory / "records"
        records.write_text("".join(f"{name}.{ZONE} 600 {rest}\n" for name, rest in
                                   (line.split(" ", 1) for line in RECORDS.strip().splitlines())))
        self.backend = StaticBackend(self.directory, "--members", str(MEMBERS), "--records", records)
        self.addCleanup(self.backend.kill)
        self.key = make_key()

    def sign(self, metadata):
        path = self.directory / "signing.json"
        path.write_text(json.dumps({"keys": [self.key], "metadata": metadata}))
        self.assertEqual(self.backend.command(f"sign {path}"), {})

    def start(self, mode, settings=None):
        """PowerDNS in front of the signed zone, and a validator that has its DNSKEY."""
        self.sign(MODES[mode])
        pdns, self.server = start_pdns(self.backend, self.directory, self.variant, ZONE, {"remote-dnssec": "yes"} | (settings or {}))
        self.addCleanup(pdns.kill)
        self.pdns = pdns
        keys = next(rrset for rrset in self.ask(ZONE, "DNSKEY").answer if rrset.rdtype == dns.rdatatype.DNSKEY)
        self.validator = Validator(ZONE, keys)
        anchor = self.directory / "anchor"
        anchor.write_text(f'trust-anchors {{ {ZONE} static-key {keys[0].flags} {keys[0].protocol} {int(keys[0].algorithm)} '
                          f'"{keys[0].to_text().split(" ", 3)[3]}"; }};\n')
        self.anchor = anchor

    def ask(self, name, rdtype):
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232)
        query.flags &= ~dns.flags.RD
        return dns.query.udp_with_fallback(query, self.server.address, port=self.server.port, timeout=READY_S)[0]

    def delv(self, name, rdtype):
        done = run("delv", f"@{self.server.address}", "-p", self.server.port, "-a", self.anchor, f"+root={ZONE}", "+nocdflag", name, rdtype)
        return done.stdout + done.stderr

    def check_answers(self):
        """Every question: what it is answered, that a validator believes it, and that delv does so, too."""
        for name, rdtype, rcode, verdict in QUESTIONS:
            with self.subTest(name=name, rdtype=rdtype):
                answer = self.ask(below(name), rdtype)
                self.assertEqual(dns.rcode.to_text(answer.rcode()), rcode, answer)
                try:
                    self.assertEqual(self.validator.judge(answer), verdict, answer)
                except Bogus as why:
                    self.fail(f"{why}\n{answer}")
                if not any(rrset.rdtype == dns.rdatatype.NS for rrset in answer.authority):  # delv would follow a referral
                    self.assertRegex(self.delv(below(name), rdtype), "fully validated|unsigned answer")

    def check_transfer(self):
        zone = self.directory / "zone"
        zone.write_text(run("dig", f"@{self.server.address}", "-p", self.server.port, ZONE, "AXFR", "+onesoa").stdout)
        done = run("ldns-verify-zone", zone)
        self.assertEqual((done.returncode, done.stdout), (0, "Zone is verified and complete\n"), done.stderr)

    def test_nsec(self):
        self.start("nsec")
        self.check_answers()
        self.check_transfer()

    def test_nsec3(self):
        self.start("nsec3")
        self.check_answers()
        self.check_transfer()

    def test_nsec3_with_opt_out(self):
        self.start("opt-out")
        self.check_answers()
        self.check_transfer()

    def test_narrow_nsec3(self):
        self.start("narrow")
        self.check_answers()

    def rows(self, method, **parameters):
        return self.backend.post(json.dumps({"method": method, "parameters": parameters}))[1]["result"]

    def rectified(self, metadata):
        """{(name, type): auth} as `pdnsutil rectify-zone` sets it on the same records; an empty non-terminal has the type ""."""
        home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="thor-rectify-")))
        with contextlib.closing(sqlite3.connect(home / "db")) as db:
            db.executescript(SCHEMA.read_text())
        (home / "pdns.conf").write_text(f"launch=gsqlite3\ngsqlite3-database={home}/db\ngsqlite3-dnssec=yes\n")
        zone = home / "zone"
        zone.write_text("".join(f"{row['qname']} {row['ttl']} IN {row['qtype']} {absolute(row)}\n" for row in self.rows("list", zonename=ZONE)))
        commands = [("load-zone", ZONE, zone), ("add-zone-key", ZONE, "ksk", "active", "ecdsa256"), ("rectify-zone", ZONE)]
        if metadata:
            commands.insert(2, ("set-nsec3", ZONE, metadata["NSEC3PARAM"][0]))
        for command in commands:
            done = run("pdnsutil", f"--config-dir={home}", *command)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with contextlib.closing(sqlite3.connect(home / "db")) as db:
            return {(f"{name}.", rdtype or ""): auth for name, rdtype, auth in db.execute("SELECT name, type, auth FROM records")}

    def test_auth_is_what_rectify_zone_sets(self):
        """But for empty non-terminals that are there for delegations alone: PowerDNS looks at theirs with opt-out only, where ours have an NSEC3."""
        for mode in ("nsec", "nsec3", "opt-out"):
            with self.subTest(mode=mode):
                self.sign(MODES[mode])
                theirs = self.rectified(MODES[mode])
                ours = {(row["qname"], row["qtype"]): row["auth"] for name in {name for name, _ in theirs}
                        for row in self.rows("lookup", qname=name, qtype="ANY")}
                self.assertEqual(ours, theirs | {(below("only"), ""): 1})


class QuietZone(unittest.TestCase):
    """The shipped configuration moves the serial of a signed zone each week, so that secondaries fetch new signatures before theirs expire."""

    WEEK_S = 7 * 86400

    def transferred(self, backend, directory, weeks):
        """What a secondary has that fetches the zone so many weeks from now: its serial, and when the first signature expires."""
        (library,) = pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        then = ["env", f"LD_PRELOAD={library}", f"FAKETIME=+{7 * weeks}d"]
        pdns, server = start_pdns(backend, directory, "http", ZONE, {"remote-dnssec": "yes"}, inside=then)
        self.addCleanup(pdns.kill)
        records = [record for rrsets in dns.query.xfr(server.address, ZONE, port=server.port, relativize=False)
                   for rrset in rrsets.answer for record in rrset]
        pdns.kill()
        return (next(record.serial for record in records if record.rdtype == dns.rdatatype.SOA),
                min(record.expiration for record in records if record.rdtype == dns.rdatatype.RRSIG))

    def test_every_week_brings_a_serial_and_signatures_that_last_longer_than_a_week(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="thor-quiet-")))
        backend = StaticBackend(directory)
        self.addCleanup(backend.kill)
        (directory / "signing.json").write_text(json.dumps({"keys": [make_key()], "metadata": {}}))
        backend.command(f"sign {directory / 'signing.json'}")
        now = time.time()
        serial = 0
        for weeks in (0, 1, 2, 5):
            with self.subTest(weeks=weeks):
                newer, expires = self.transferred(backend, directory, weeks)
                self.assertGreater(newer, serial)
                self.assertGreater(expires, now + (weeks + 1) * self.WEEK_S)
                serial = newer


class SigningOverUnix(Signing):
    variant = "unix"


if __name__ == "__main__":
    unittest.main()
