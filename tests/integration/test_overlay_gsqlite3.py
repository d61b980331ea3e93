#!/usr/bin/python3
"""PowerDNS with its gsqlite3 backend on zone.sqlite3 (pdns-conf/emergency) answers every query as it does with thor-dns behind it.

The emergency mode, and an oracle: two independent ways from the same zone to an answer on the wire."""

import collections
import sqlite3

import dns.message
import dns.query
import dns.rdatatype
import dns.zone

import overlaytest
from overlay import DOMAIN, Overlay, wait_until

TYPES = ["A", "AAAA", "SRV", "NAPTR", "TXT", "SOA", "NS", "CNAME", "MX", "PTR", "CAA"]
OPERATOR_RECORDS = [
    ("www", "A", "203.0.113.80"), ("www", "AAAA", "2001:db8:80::1"), ("", "MX", f"10 mail.{DOMAIN}."),
    ("mail", "A", "203.0.113.25"), ("alias", "CNAME", f"www.{DOMAIN}."), ("away", "CNAME", "www.example.net."),
    ("deep.below.nothing", "TXT", '"a name with two empty ones above" "and two strings"'),
    ("*.wild", "A", "203.0.113.99"), ("exact.wild", "TXT", '"not the wildcard"'),
    ("sub", "NS", "ns.sub." + DOMAIN + "."), ("ns.sub", "A", "203.0.113.53"),
    ("caa", "CAA", '0 issue "ca.example.net"'),
]


def answer_of(message):
    """All that an answer says, without what may differ: id, order of records."""
    sections = []
    for section in (message.answer, message.authority, message.additional):
        sections.append(sorted(line.lower() for rrset in section for line in rrset.to_text().splitlines()))
    return message.rcode(), message.flags, sections


class SameAnswers(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns(lookup="none")  # gsqlite3 can hold no name that is made up
        self.pdns = [net.start_pdns()]
        net.start_node("gw1", ["sip_proxy"])
        net.start_node("gw2", ["sip_proxy", "media_relay"])
        net.start_node("multi1", ["xcap_server", "voicemail_server"])
        self.add_operator_records()
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        self.shows("_voicemail._tcp", "SRV", self.srv(9200, "multi1"))
        self.shows("caa", "CAA", ['0 issue "ca.example.net"'])
        wait_until(lambda: not self.dns.status()["divergent"], "the manager has passed the serial of the operator's change")

    def add_operator_records(self):
        with sqlite3.connect(self.net.home("dns1") / "state" / "operator.sqlite3", timeout=10) as operator:
            (zone,) = operator.execute("SELECT id FROM domains WHERE name LIKE ?", (DOMAIN + "%",)).fetchone()
            operator.executemany("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (?, ?, ?, ?, 600)",
                                 [(zone, f"{name}.{DOMAIN}" if name else DOMAIN, rdtype, content)
                                  for name, rdtype, content in OPERATOR_RECORDS])

    def questions(self, server):
        """Every name of the zone, every name above and some below and beside them, in every type, and in odd case."""
        zone = dns.zone.from_xfr(dns.query.xfr(server.address, DOMAIN, port=server.port, relativize=False), relativize=False)
        names = set()
        for name in zone.nodes:
            while name.is_subdomain(zone.origin):
                names.add(name.to_text())
                name = name.parent()
        names |= {f"nobody.{name}" for name in names} | {f"{letters}.wild.{DOMAIN}." for letters in ("x", "a.b", "exact", "y.exact")}
        names |= {"".join(c.upper() if i % 2 else c for i, c in enumerate(name)) for name in names}
        names |= {"example.net.", "example.", "."}
        return [(name, rdtype) for name in sorted(names) for rdtype in TYPES]

    def test_every_answer_is_the_same(self):
        ours = self.pdns[0].server
        serial = ours.ask(DOMAIN, "SOA").texts("SOA")
        theirs = self.net.start_pdns("pdns-sqlite", "emergency").server
        wait_until(lambda: theirs.ask(DOMAIN, "SOA").texts("SOA") == serial, "zone.sqlite3 holds the zone that is served")
        questions = self.questions(ours)
        counts, different = collections.Counter(), []
        for name, rdtype in questions:
            a, b = ours.ask(name, rdtype), theirs.ask(name, rdtype)
            self.assertNotIn("TIMEOUT", (a.rcode, b.rcode), f"{name} {rdtype}")
            counts[rdtype, a.rcode] += 1
            if answer_of(a.message) != answer_of(b.message):
                different.append(f"{name} {rdtype}\n--- thor-dns\n{a.message}\n--- gsqlite3\n{b.message}\n")
        self.assertEqual(serial, ours.ask(DOMAIN, "SOA").texts("SOA"), "the zone changed meanwhile")
        rcodes = sorted({rcode for _, rcode in counts})
        print(f"{len(questions)} queries by type and rcode, {len(different)} answered differently")
        print(f"{'':6}" + "".join(f"{rcode:>10}" for rcode in rcodes))
        for rdtype in TYPES:
            print(f"{rdtype:6}" + "".join(f"{counts[rdtype, rcode]:10}" for rcode in rcodes))
        self.assertEqual([], different[:3])


if __name__ == "__main__":
    overlaytest.main()
