#!/usr/bin/python3
"""lookup.<domain>: for every key PowerDNS answers with the members that coordinator/lookup/README.md says, computed here by contrib/python/thor_lookup.py."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

import overlaytest
from herd import Herd, address
from overlay import DOMAIN, READY_S, Overlay, wait_until
from validator import Validator

SOURCE = pathlib.Path(os.environ["THOR_SOURCE"])
sys.path.insert(0, str(SOURCE / "contrib/python"))

from thor_lookup import Node, Ring, dns_label, hash_label, hash_of_label, key_hash  # noqa: E402

ZONE = f"lookup.{DOMAIN}"
ROLE = "sip_proxy"
MEMBERS = 12
KEYS = [f"{'User' if number % 3 else 'user'}{number}@{'Example' if number % 2 else 'example'}.net" for number in range(1500)]
ODD_KEYS = [vector["key"] for vector in json.loads((SOURCE / "coordinator/lookup/vectors.json").read_text())["keys"]]


def labels_of(key):
    """Everything that DNS may be asked for instead of a key, as octets of a label."""
    octets = key.encode()
    out = [hash_label(key_hash(key)).encode(), hash_label(key_hash(key)).upper().encode()]
    if 1 <= len(octets) <= 63 and re.fullmatch(rb"[0-9A-Za-z*./:@_ \\-]+", octets):  # PowerDNS answers no others
        out += [octets, octets.upper(), octets.lower()]
    return out


def ask(server, label, rdtype="SRV", role=ROLE):
    """`label`: octets, or labels in presentation form."""
    if isinstance(label, bytes):
        name = dns.name.Name([label, role.encode(), *dns.name.from_text(ZONE).labels])
    else:
        name = dns.name.from_text(f"{label}.{role}.{ZONE}")
    return server.ask(name, rdtype)


class LookupZone(overlaytest.OverlayTest):
    """Two PowerDNS over both connectors, in front of one thor-dns, with the caches as they are shipped."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns(pdns=["pdns", "pdns-unix"], node_grace_s=0)
        self.pdns = [net.start_pdns(), net.start_pdns("pdns-unix", "unix")]
        self.herd = self.enterContext(Herd(net, MEMBERS, ROLE))
        self.online = {}

    def start(self, first, last):
        self.herd.tell("start", first, last)
        self.online |= {f"h{number}": Node(f"h{number}") for number in range(first, last)}
        self.settle()

    def settle(self):
        """Until every name server shows the members that are online, one by one: a role's answers are a slice."""
        for pdns in self.pdns:
            for number in range(MEMBERS):
                wanted = {address(number)} if f"h{number}" in self.online else set()
                wait_until(lambda server=pdns.server, name=f"h{number}.node.{DOMAIN}", wanted=wanted: server.ask(name, "A").texts("A") == wanted,
                           lambda number=number: f"h{number} is {'online' if f'h{number}' in self.online else 'gone'}")

    def expected(self, hashed):
        nodes = Ring(self.online.values()).order_of_hash(hashed)[:3]
        return {f"{10 * rank} 0 5061 {node}.node.{DOMAIN}." for rank, node in enumerate(nodes, 1)}

    def check(self, keys):
        """Every key, at every name server, is where the ring says."""
        for pdns in self.pdns:
            for key in keys:
                answer = ask(pdns.server, dns_label(key))
                self.assertEqual(answer.texts("SRV"), self.expected(key_hash(key)), f"{key} at {pdns.server}: {answer}")

    def home(self, key):
        return Ring(self.online.values()).order(key)[0]

    def test_every_key_is_where_the_ring_says(self):
        self.start(0, MEMBERS)
        self.check(KEYS)

        with self.subTest("awkward keys, in every form that DNS can be asked for"):
            for pdns in self.pdns:
                for key in ODD_KEYS:
                    for label in labels_of(key):
                        answer = ask(pdns.server, label)
                        self.assertEqual(answer.texts("SRV"), self.expected(hash_of_label(label)), f"{label} at {pdns.server}: {answer}")
                        self.assertTrue(answer.authoritative)
        with self.subTest("the address is that of the home"):
            for key in KEYS[:50] + ODD_KEYS:
                answer = ask(self.pdns[0].server, dns_label(key), "A")
                self.assertEqual(answer.texts("A"), {address(int(self.home(key)[1:]))})
                self.assertTrue(ask(self.pdns[0].server, dns_label(key), "AAAA").nodata)

    def test_a_change_shows_at_once_and_returns_exactly(self):
        self.start(0, 5)
        gateway = self.net.start_node("gw1", [ROLE])
        v4, _ = self.net.node_addresses("gw1")
        self.shows("gw1.node", "A", {v4})
        self.online["gw1"] = Node("gw1")
        keys = KEYS[:200]
        self.check(keys)  # whatever PowerDNS remembers, it remembers now
        before = {key: self.home(key) for key in keys}

        gateway.kill()
        self.shows("gw1.node", "A", (), rcode="NXDOMAIN")
        left = self.online.pop("gw1")
        self.check(keys)
        self.assertEqual({key for key in keys if self.home(key) != before[key]}, {key for key in keys if before[key] == "gw1"})

        self.net.start("gw1", "thor-node")
        self.shows("gw1.node", "A", {v4})
        self.online["gw1"] = left
        self.check(keys)
        self.assertEqual({key: self.home(key) for key in keys}, before)

    def test_weights_ports_and_draining(self):
        self.start(0, 2)
        gateway = self.net.start_node("gw1", [ROLE], table={"role": {ROLE: {"weight": 400, "ports": {"sips.tcp": 5099}}}})
        self.shows("gw1.node", "TXT", {'"sip_proxy=active"'})
        self.online["gw1"] = Node("gw1", 400)
        keys = KEYS[:100]

        def right(key):
            """At the port that the member announced."""
            return {text.replace("5061 gw1", "5099 gw1") for text in self.expected(key_hash(key))}

        for state in ("active", "draining"):
            with self.subTest(state):
                if state == "draining":
                    gateway.command("drain")
                    self.shows("gw1.node", "TXT", {'"sip_proxy=draining"'})
                for pdns in self.pdns:
                    for key in keys:
                        self.assertEqual(ask(pdns.server, dns_label(key)).texts("SRV"), right(key), key)
        at_home = sum(self.home(key) == "gw1" for key in KEYS)
        self.assertAlmostEqual(at_home / len(KEYS), 4 / 6, delta=0.05)

    def test_names_exist_as_configuration_says(self):
        self.start(0, 1)
        for pdns in self.pdns:
            server = pdns.server
            for name, rcode in ((f"alice.xcap_server.{ZONE}", "NOERROR"), (f"{ROLE}.{ZONE}", "NOERROR"), (f"alice.{ROLE}.{ZONE}", "NOERROR"),
                                (f"alice.unknown_role.{ZONE}", "NXDOMAIN"), (f"alice.media_relay.{ZONE}", "NXDOMAIN"), (f"alice.{ZONE}", "NXDOMAIN"),
                                (f"a.b.{ROLE}.{ZONE}", "NXDOMAIN"), (f"alice.thor_manager.{ZONE}", "NXDOMAIN")):
                answer = server.ask(name, "TXT")
                self.assertEqual(answer.rcode, rcode, f"{name} at {server}")
                self.assertEqual(answer.nodata, rcode == "NOERROR", f"{name} at {server}")
            self.assertTrue(server.ask(f"alice.xcap_server.{ZONE}", "SRV").nodata)
            self.assertEqual(server.ask(ZONE, "NS").texts("NS"), {f"ns1.{DOMAIN}."})
            self.assertEqual(server.ask(ZONE, "SOA").rcode, "NOERROR")
        with self.subTest("a transfer of the domain delegates it, and one of its own has no key"):
            server = self.pdns[0].server
            self.assertIn(f"{ZONE}. 3600 NS ns1.{DOMAIN}.", server.transfer(DOMAIN))
            self.assertEqual({line.split()[2] for line in server.transfer(ZONE)}, {"SOA", "NS"})
        with self.subTest("the emergency database, which could only deny the keys, has no such zone"):
            file = f"file:{self.net.home('dns1')}/state/zone.sqlite3?mode=ro"
            zones = subprocess.run(["sqlite3", file, "SELECT DISTINCT zone FROM zone_now"], capture_output=True, text=True, check=True).stdout.split()
            self.assertEqual(zones, [DOMAIN])

    def test_nobody_knows_without_the_overlay(self):
        self.net.start_event_server("es2")
        self.net.start_dns("dns2", pdns=["pdns2"], overlay={"event_servers": ["127.0.0.1:9"]})
        server = self.net.start_pdns("pdns2", dns="dns2", zone=DOMAIN).server
        self.assertEqual(ask(server, "alice").rcode, "SERVFAIL")
        self.assertEqual(server.ask(f"alice.unknown_role.{ZONE}", "SRV").rcode, "NXDOMAIN")


class OtherPlaces(overlaytest.OverlayTest):
    """Where the zone is not the public one of a whole domain."""

    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()

    def test_not_at_all(self):
        self.net.start_dns(lookup="none")
        server = self.net.start_pdns().server
        self.assertEqual(server.ask(f"alice.{ROLE}.{ZONE}", "SRV").rcode, "NXDOMAIN")

    def test_inside(self):
        self.net.start_dns(lookup="internal", internal={"pdns_control": [f"{self.net.home('inside')}/run/pdns.controlsocket"]})
        public = self.net.start_pdns()
        inside = self.net.start_pdns("inside", variant="internal", zone=ZONE)
        self.net.start_node("gw1", [ROLE])
        self.pdns = [inside]
        self.shows(f"alice.{ROLE}.lookup", "SRV", {f"10 0 5061 gw1.node.{DOMAIN}."})
        self.assertEqual(public.server.ask(f"alice.{ROLE}.{ZONE}", "SRV").rcode, "NXDOMAIN")

    def test_below_a_parent_that_is_hosted_elsewhere(self):
        daemon = self.net.start_dns(deployment="delegated")
        self.pdns = [self.net.start_pdns(zone=ZONE)]
        self.net.start_node("gw1", [ROLE])
        self.shows(f"alice.{ROLE}.lookup", "SRV", {f"10 0 5061 gw1.node.{DOMAIN}."})
        parent = subprocess.run([pathlib.Path(os.environ["THOR_BIN"]) / "thor-dns", "--config", daemon.config, "zone", "parent"],
                                capture_output=True, text=True, check=True).stdout
        self.assertIn(f"{ZONE}. 3600 IN NS ns1.{DOMAIN}.\n", parent)


class Signed(overlaytest.OverlayTest):
    """Narrow NSEC3 or no signature at all."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()
        self.dns = net.start_dns()
        self.pdns = [net.start_pdns(options={"remote-dnssec": "yes"})]
        net.start_node("gw1", [ROLE])
        net.start_node("gw2", [ROLE])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))

    def pdnsutil(self, *words):
        run = subprocess.run(["pdnsutil", f"--config-dir={self.net.home('pdns')}", *words], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout + run.stderr

    def query(self, name, rdtype):
        server = self.pdns[0].server
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232)
        return dns.query.udp_with_fallback(query, server.address, port=server.port, timeout=READY_S)[0]

    def keys(self):
        return next((rrset for rrset in self.query(ZONE, "DNSKEY").answer if rrset.rdtype == dns.rdatatype.DNSKEY), None)

    def test_only_narrow_nsec3_signs_it(self):
        with self.subTest("a key before it is refused, with what to do first"):
            self.pdnsutil("secure-zone", ZONE)
            self.assertIsNone(self.keys())
            wait_until(lambda: f"pdnsutil set-nsec3 {ZONE}. '1 0 0 -' narrow" in self.dns.log_text(), "the log says what to run")
        with self.subTest("so is a key after NSEC3 that is not narrow"):
            self.assertEqual(self.pdnsutil("set-nsec3", ZONE, "1 0 0 -")[0], 0)
            self.pdnsutil("secure-zone", ZONE)
            self.assertIsNone(self.keys())
        with self.subTest("the commands that the refusal names do it"):
            code, said = self.pdnsutil("set-nsec3", ZONE, "1 0 0 -", "narrow")
            self.assertEqual(code, 0, said)
            code, said = self.pdnsutil("secure-zone", ZONE)
            self.assertEqual(code, 0, said)
            wait_until(lambda: self.keys() is not None, "the zone is signed")
        self.believed()
        with self.subTest("and from then on it stays narrow"):
            self.pdnsutil("unset-nsec3", ZONE)
            self.pdnsutil("set-nsec3", ZONE, "1 0 0 -")
            self.pdnsutil("set-meta", ZONE, "NSEC3NARROW", "0")
            self.assertIn("NSEC3NARROW = 1\n", self.pdnsutil("get-meta", ZONE, "NSEC3NARROW")[1])
        self.believed()

    def believed(self):
        """What a validating client makes of answers and of each kind of denial."""
        validator = Validator(ZONE, self.keys())
        for name, rdtype, rcode in ((f"alice\\@example\\.net.{ROLE}", "SRV", "NOERROR"), (f"k-0123456789abcdef.{ROLE}", "A", "NOERROR"),
                                    (f"bob.{ROLE}", "AAAA", "NOERROR"), (f"bob.{ROLE}", "TXT", "NOERROR"), (f"*.{ROLE}", "SRV", "NOERROR"),
                                    ("bob.xcap_server", "SRV", "NOERROR"), (ROLE, "SRV", "NOERROR"), ("bob.nothing", "SRV", "NXDOMAIN"),
                                    (f"a.b.{ROLE}", "SRV", "NXDOMAIN"), ("nothing", "A", "NXDOMAIN")):
            answer = self.query(f"{name}.{ZONE}", rdtype)
            self.assertEqual(dns.rcode.to_text(answer.rcode()), rcode, f"{name} {rdtype}")
            self.assertEqual(validator.judge(answer), "secure", f"{name} {rdtype}")
            self.delv(f"{name}.{ZONE}", rdtype)

    def delv(self, name, rdtype):
        server = self.pdns[0].server
        with tempfile.NamedTemporaryFile("w", suffix=".keys") as anchors:
            for key in self.keys():
                flags, protocol, algorithm, *content = key.to_text().split()
                if flags == "257":
                    anchors.write(f'trust-anchors {{ "{ZONE}." static-key {flags} {protocol} {algorithm} "{"".join(content)}"; }};\n')
            anchors.flush()
            done = subprocess.run(["delv", f"@{server.address}", "-p", str(server.port), "-a", anchors.name, f"+root={ZONE}", "-4", name, rdtype],
                                  capture_output=True, text=True, check=False)
        self.assertIn("fully validated", done.stdout, f"{name} {rdtype}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    overlaytest.main()
