#!/usr/bin/python3
"""Scenario 9: a role with very many members. By default every answer fits a datagram of 1,232 octets with the addresses of all
its targets; what does not fit is marked as cut off and whole over TCP."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from overlay import READY_S
from staticbackend import StaticBackend, start_pdns

DOMAIN = "sip.operator.example.com"
SIZES = (1, 9, 20, 30, 100, 500, 2000)
SLICE = 8          # of the built-in roles
DATAGRAM = 1232    # what every path carries in one piece
OLD_DATAGRAM = 512 # a client without EDNS
MESSAGE_RECORDS = 256  # of a role that is not sliced; more might not fit a DNS message
ROTATING = ("SRV", "A", "AAAA")


class Reply:
    """One message as it came over the wire."""

    def __init__(self, octets):
        self.size = len(octets)
        self.message = dns.message.from_wire(octets)
        self.rcode = dns.rcode.to_text(self.message.rcode())
        self.cut_off = bool(self.message.flags & dns.flags.TC)

    def records(self, rdtype):
        return {record.to_text() for rrset in self.message.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype) for record in rrset}

    def addressed(self):
        """The targets whose IPv4 and IPv6 addresses come along."""
        families = {}
        for rrset in self.message.additional:
            families.setdefault(rrset.name.to_text(), set()).add(dns.rdatatype.to_text(rrset.rdtype))
        return {name for name, types in families.items() if types >= {"A", "AAAA"}}


class Truncation(unittest.TestCase):
    """A platform whose members hold every built-in role, by thor-dns's own code, behind a real PowerDNS."""

    def serve(self, variant, *options):
        self.directory = directory = pathlib.Path(tempfile.mkdtemp(prefix="thor-truncation-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        directory.chmod(0o755)
        self.backend = StaticBackend(directory, "--domain", DOMAIN, *options)
        self.addCleanup(self.backend.kill)
        pdns, self.server = start_pdns(self.backend, directory, variant, DOMAIN)
        self.addCleanup(pdns.kill)

    def set_members(self, count):
        """PowerDNS keeps an answer for a second unless it is told, as thor-dns tells it."""
        self.backend.command(f"members {count}")
        subprocess.run(["/usr/bin/pdns_control", f"--socket-dir={self.directory}", "purge"], check=True, capture_output=True)

    def ask(self, name, rdtype, payload=None, tcp=False):
        """`payload`: what the client says it can take (EDNS), None without."""
        query = dns.message.make_query(name, rdtype, use_edns=0 if payload else -1, payload=payload or 0).to_wire()
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as client:
            client.settimeout(READY_S)
            client.connect((self.server.address, self.server.port))
            if not tcp:
                client.send(query)
                return Reply(client.recv(65535))
            client.sendall(len(query).to_bytes(2, "big") + query)
            with client.makefile("rb") as stream:
                return Reply(stream.read(int.from_bytes(stream.read(2), "big")))

    def rotating_names(self):
        """The names of the roles, with how many records they hold in all."""
        counts = {}
        for message in dns.query.xfr(self.server.address, DOMAIN, port=self.server.port, timeout=READY_S, lifetime=READY_S):
            for rrset in message.answer:
                rdtype = dns.rdatatype.to_text(rrset.rdtype)
                name = rrset.name.derelativize(dns.name.from_text(DOMAIN)).to_text()
                if rdtype in ROTATING and ".node." not in name and not name.startswith("ns1."):
                    counts[name, rdtype] = counts.get((name, rdtype), 0) + len(rrset)
        return counts

    def check(self, name, rdtype, expected):
        """Cut off or not over UDP, it is whole over TCP; `expected` records."""
        over_tcp = self.ask(name, rdtype, tcp=True)
        over_udp = self.ask(name, rdtype, DATAGRAM)
        old = self.ask(name, rdtype)
        for reply, most in ((over_tcp, 65535), (over_udp, DATAGRAM), (old, OLD_DATAGRAM)):
            self.assertEqual("NOERROR", reply.rcode)
            self.assertLessEqual(reply.size, most)
            if not reply.cut_off:
                self.assertEqual(expected, len(reply.records(rdtype)))
        self.assertFalse(over_tcp.cut_off)
        if rdtype == "SRV":
            self.assertEqual({text.split()[3] for text in over_tcp.records(rdtype)}, over_tcp.addressed())
        return over_tcp, over_udp, old

    def check_default(self, variant, members):
        names = self.rotating_names()
        self.assertLessEqual({"SRV", "A", "AAAA"}, {rdtype for _, rdtype in names})
        for (name, rdtype), count in names.items():
            with self.subTest(variant=variant, members=members, name=name, rdtype=rdtype):
                self.assertEqual(members, count, "a transfer holds all")
                over_tcp, over_udp, _ = self.check(name, rdtype, min(members, SLICE))
                self.assertFalse(over_udp.cut_off, f"{over_tcp.size} octets")
                if rdtype == "SRV":
                    self.assertEqual({text.split()[3] for text in over_udp.records(rdtype)}, over_udp.addressed())
        for rdtype in ("NAPTR", "SOA", "NS"):
            self.assertFalse(self.ask(DOMAIN, rdtype, DATAGRAM).cut_off, rdtype)

    def test_by_default_answers_fit(self):
        for variant in ("http", "unix"):
            self.serve(variant)
            for members in SIZES:
                if variant == "unix" and members > 100:
                    continue  # PowerDNS cannot read such a transfer over its Unix connector
                self.set_members(members)
                self.check_default(variant, members)

    def test_what_does_not_fit_is_cut_off_and_whole_over_tcp(self):
        with self.subTest("ids of a length that a slice does not fit with"):
            self.serve("http", "--node", "a-node-whose-id-is-as-long-as-some-clouds-make-them-")
            self.set_members(30)
            for (name, rdtype), _ in self.rotating_names().items():
                _, over_udp, old = self.check(name, rdtype, SLICE)
                self.assertEqual(rdtype == "SRV", over_udp.cut_off, name)
                self.assertEqual(rdtype == "SRV", old.cut_off, name)
        with self.subTest("every member in every answer, up to what a DNS message holds"):
            self.serve("http", "--slice", "0")
            for members in (20, 100, 2000):
                self.set_members(members)
                expected = min(members, MESSAGE_RECORDS)
                for name, rdtype in ((f"_sip._udp.{DOMAIN}", "SRV"), (f"proxy.{DOMAIN}", "A")):
                    over_tcp, over_udp, _ = self.check(name, rdtype, expected)
                    self.assertEqual(over_tcp.size > DATAGRAM, over_udp.cut_off)


if __name__ == "__main__":
    unittest.main(verbosity=2)
