#!/usr/bin/python3
"""A signed overlay zone while members join and leave: a validating client that never stops asking believes every answer.

One question, one answer, no second try: a resolver would ask again and hide what a name server said in the milliseconds of a change."""

import collections
import contextlib
import random
import sqlite3
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import overlaytest
from herd import Herd
from overlay import DOMAIN, READY_S, Overlay, wait_until
from signing import make_key
from validator import Bogus, Validator

CHANGES = 40
CLIENTS = 3     # of each name server
# Names that stay, while some of their records change.
NAMES = ["node", "nobody.node", "nobody", "_sip._udp", "x._sip._udp", "proxy", "", "_udp"]
TYPES = ["A", "AAAA", "SRV", "TXT", "MX"]


class Client(threading.Thread):
    """Asks at random until it is told to stop, and keeps what was wrong."""

    def __init__(self, server, validator, moving, seed):
        super().__init__(daemon=True)
        self.server, self.validator, self.moving, self.dice = server, validator, moving, random.Random(seed)
        self.counts = collections.Counter()
        self.wrong = []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            name = self.dice.choice(NAMES + [f"{prefix}{member}.node" for member in self.moving[-5:] for prefix in ("", "x.")])
            query = dns.message.make_query(f"{name}.{DOMAIN}." if name else f"{DOMAIN}.", self.dice.choice(TYPES), want_dnssec=True, payload=1232)
            try:
                answer = dns.query.udp_with_fallback(query, self.server.address, port=self.server.port, timeout=READY_S)[0]
            except dns.exception.DNSException as failure:
                self.wrong.append(f"{query.question[0]}: {failure!r}")
                continue
            if answer.rcode() == dns.rcode.SERVFAIL:
                self.counts["SERVFAIL"] += 1
                continue
            try:
                self.counts[f"{dns.rcode.to_text(answer.rcode())} {self.validator.judge(answer)}"] += 1
            except Bogus as why:
                self.wrong.append(f"{why}\n{answer}")

    def end(self):
        self.stopping.set()
        self.join()


class SignedOverlay(overlaytest.OverlayTest):
    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()
        self.net.start_dns(pdns=["pdns", "pdns-unix"], node_grace_s=0)
        self.pdns = [self.net.start_pdns(options={"remote-dnssec": "yes"}),
                     self.net.start_pdns("pdns-unix", "unix", options={"remote-dnssec": "yes"})]
        self.herd = self.enterContext(Herd(self.net, CHANGES + 1, "sip_proxy"))
        self.herd.tell("start", 0, 1)
        self.shows("_sip._udp", "SRV", self.srv(5060, "h0"))
        self.online = [0]
        self.moving = ["h0", "h1"]  # members that came and went, and the next that comes

    def operator(self):
        return contextlib.closing(sqlite3.connect(self.net.home("dns1") / "state" / "operator.sqlite3", timeout=10, isolation_level=None))

    def write(self, *statements):
        """Statements about the overlay's zone, which is parameter :zone, in one transaction."""
        with self.operator() as db:
            db.execute("BEGIN IMMEDIATE")
            (zone,) = db.execute("SELECT id FROM domains WHERE name LIKE ?", (DOMAIN + "%",)).fetchone()
            for statement, values in statements:
                db.execute(statement, {"zone": zone} | values)
            db.execute("COMMIT")

    def sign(self):
        key = make_key()
        self.write(("INSERT INTO cryptokeys (domain_id, flags, active, published, content) VALUES (:zone, :flags, 1, 1, :content)",
                    {"flags": key["flags"], "content": key["content"]}))
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: self.keys(server) is not None, "the zone is signed")

    def deny_by(self, nsec3):
        """NSEC3 with these parameters, None: NSEC; and every name server does so."""
        statements = [("DELETE FROM domainmetadata WHERE domain_id = :zone AND kind = 'NSEC3PARAM'", {})]
        if nsec3:
            statements.append(("INSERT INTO domainmetadata (domain_id, kind, content) VALUES (:zone, 'NSEC3PARAM', :nsec3)", {"nsec3": nsec3}))
        self.write(*statements)
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: self.denies_by(server) == nsec3, lambda server=pdns.server: f"{self.denies_by(server)} is {nsec3}")

    @staticmethod
    def denies_by(server):
        query = dns.message.make_query(f"{DOMAIN}.", "MX", want_dnssec=True)
        answer = dns.query.udp(query, server.address, port=server.port, timeout=READY_S)
        records = [record for rrset in answer.authority if rrset.rdtype in (dns.rdatatype.NSEC, dns.rdatatype.NSEC3) for record in rrset]
        if len(records) != 1:
            return f"{records}"
        return " ".join(records[0].to_text().split(" ")[:4]) if records[0].rdtype == dns.rdatatype.NSEC3 else None

    def keys(self, server):
        query = dns.message.make_query(DOMAIN, "DNSKEY", want_dnssec=True)
        answer = dns.query.tcp(query, server.address, port=server.port, timeout=READY_S)
        return next((rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.DNSKEY), None)

    def change(self, number, dice):
        """A member comes, or one goes, and every name server shows it."""
        if len(self.online) > 1 and dice.random() < 0.5:
            gone = self.online.pop(dice.randrange(len(self.online)))
            self.moving.append(f"h{gone}")
            self.herd.tell("leave", gone, gone + 1)
        else:
            self.online.append(number)
            self.moving.append(f"h{number + 1}")
            self.herd.tell("start", number, number + 1)
        self.shows("_sip._udp", "SRV", self.srv(5060, *(f"h{member}" for member in self.online)))

    @contextlib.contextmanager
    def nothing_bogus(self):
        """While this is open clients ask; counts what they got, by rcode and verdict."""
        clients = [Client(pdns.server, Validator(DOMAIN, self.keys(pdns.server)), self.moving, number)
                   for number in range(CLIENTS) for pdns in self.pdns]
        counts = collections.Counter()
        try:
            yield counts
        finally:
            for client in clients:
                client.end()
                counts.update(client.counts)
        print(dict(counts))
        wrong = [one for client in clients for one in client.wrong]
        self.assertEqual(len(wrong), 0, "\n\n".join(wrong[:5]))

    def check_members(self):
        dice = random.Random(5)
        with self.nothing_bogus() as counts:
            for number in range(1, CHANGES + 1):
                self.change(number, dice)
                time.sleep(dice.random() / 5)  # changes at any moment of an answer, not each after the last
        for kind in ("NOERROR secure", "NXDOMAIN secure"):
            self.assertGreater(counts[kind], 10 * CHANGES)
        self.assertLess(counts["SERVFAIL"], counts.total() / 2)  # most questions are about what just changed, five times a second

    def test_members_come_and_go_with_nsec(self):
        self.sign()
        self.check_members()

    def test_members_come_and_go_with_nsec3(self):
        self.sign()
        self.deny_by("1 0 0 ab")
        self.check_members()

    def test_the_way_to_deny_changes(self):
        self.sign()
        with self.nothing_bogus():
            for nsec3 in ("1 0 0 ab", "1 0 3 ab", "1 1 0 -", None, "1 0 0 -"):
                self.deny_by(nsec3)


if __name__ == "__main__":
    overlaytest.main()
