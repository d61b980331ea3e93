#!/usr/bin/python3
"""PowerDNS's own tools write the operator's data: pdnsutil, DNS UPDATE and the HTTP API, over both connectors; what is written is there at once,
on every name server, and what is refused changes nothing."""

import contextlib
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import textwrap
import threading

import dns.dnssec
import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

import overlaytest
from overlay import DOMAIN, PROGRAMS, Overlay, wait_until

API_KEY = "only-for-this-test"
NAPTR = {f'10 100 "s" "SIPS+D2T" "" _sips._tcp.{DOMAIN}.', f'20 100 "s" "SIP+D2T" "" _sip._tcp.{DOMAIN}.',
         f'30 100 "s" "SIP+D2U" "" _sip._udp.{DOMAIN}.'}
# BIND's format; made for this test, good for nothing else.
PRIVATE_KEY = """\
Private-key-format: v1.2
Algorithm: 13 (ECDSAP256SHA256)
PrivateKey: FNwFhLkmeAzgf5OBQlWCLNI8nZMO4cLPmL6S3YUcUCA=
"""


class Remote:
    """One connection of a PowerDNS: requests by method and parameters, replies as they came."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.ask("initialize")

    def send(self, method, **parameters):
        self.socket.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + b"\n")

    def receive(self):
        got = b""
        while True:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(got)
            got += piece
            with contextlib.suppress(ValueError):
                return json.loads(got)

    def ask(self, method, **parameters):
        self.send(method, **parameters)
        return self.receive()

    def result(self, method, **parameters):
        return self.ask(method, **parameters).get("result")

    def close(self):
        self.socket.close()


class Writes(overlaytest.OverlayTest):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.dns = cls.net.start_dns(pdns=["pdns-http", "pdns-unix"])
        cls.by_variant = {}
        for variant in ("http", "unix"):
            options = {"webserver": "yes", "webserver-address": cls.net.address, "webserver-port": cls.net.free_port(),
                       "webserver-allow-from": "127.0.0.0/8", "api": "yes", "api-key": API_KEY}
            cls.by_variant[variant] = cls.net.start_pdns(f"pdns-{variant}", variant, options=options)
            cls.by_variant[variant].api = options["webserver-port"]
        cls.pdns = list(cls.by_variant.values())
        cls.home = cls.net.home("dns1")
        cls.database = cls.home / "state/operator.sqlite3"
        cls.socket = cls.home / "run/pdns-remote.sock"
        gw = cls.net.start_node("gw1", ["sip_proxy"])
        gw.wait_ready()

    # ---- who writes

    def domain(self, name, template="sip"):
        """A hosted domain, which every pdns_server knows."""
        self.thor_dns("domain", "add", name, template)
        self.everywhere(name, "NS", {f"ns1.{DOMAIN}."})
        return name

    def thor_dns(self, *words):
        subprocess.run([PROGRAMS / "thor-dns", "--config", self.home / "thor.toml", *words], capture_output=True, text=True, timeout=60, check=True)

    def try_pdnsutil(self, variant, *words, text=None, **environment):
        return subprocess.run(["pdnsutil", f"--config-dir={self.net.home(f'pdns-{variant}')}", *words], input=text, capture_output=True, text=True,
                              timeout=120, check=False, env=os.environ | environment)

    def pdnsutil(self, variant, *words, text=None, **environment):
        ran = self.try_pdnsutil(variant, *words, text=text, **environment)
        self.assertEqual(0, ran.returncode, f"pdnsutil {words}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def refused(self, variant, *words):
        """pdnsutil does not always say so by its exit code."""
        before = self.rows()
        ran = self.try_pdnsutil(variant, *words)
        self.assertEqual(before, self.rows(), f"{words} wrote")
        return ran

    def api(self, variant, verb, path, body=None):
        pdns = self.by_variant[variant]
        link = http.client.HTTPConnection(self.net.address, pdns.api, timeout=30)
        link.request(verb, f"/api/v1/servers/localhost{path}", None if body is None else json.dumps(body),
                     {"X-API-Key": API_KEY, "Content-Type": "application/json"})
        reply = link.getresponse()
        text = reply.read().decode()
        link.close()
        return reply.status, json.loads(text) if text else None

    def nsupdate(self, variant, zone, *lines, key=None):
        server = self.by_variant[variant].server
        script = "\n".join([f"server {server.address} {server.port}", f"zone {zone}", *lines, "send"]) + "\n"
        return subprocess.run(["nsupdate", *(["-y", key] if key else [])], input=script, capture_output=True, text=True, timeout=60, check=False)

    def dig_transfer(self, variant, zone, key):
        """What dig gets of the zone; it verifies the signatures."""
        server = self.by_variant[variant].server
        return subprocess.run(["dig", "+time=10", "+tries=1", "-p", str(server.port), f"@{server.address}", "-y", key, zone, "AXFR"],
                              capture_output=True, text=True, timeout=60, check=False).stdout

    # ---- what is there

    def rows(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return [db.execute(f"SELECT * FROM {table}").fetchall()
                    for table in ("domains", "records", "domainmetadata", "cryptokeys", "tsigkeys")]

    def everywhere(self, name, rdtype, expected, rcode="NOERROR"):
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: self.agrees(server.ask(name, rdtype), rdtype, expected, rcode),
                       lambda server=pdns.server: f"{name} {rdtype} is {rcode} {sorted(expected)} at {server}; it is {server.ask(name, rdtype)}")

    def serial(self, zone):
        return int(self.pdns[0].server.ask(zone, "SOA").texts("SOA").pop().split()[2])

    def passes(self, zone, serial):
        wait_until(lambda: self.serial(zone) > serial, f"the serial of {zone} is above {serial}")

    # ---- pdnsutil

    def test_records_one_by_one(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"records-{variant}.test")
                before = self.serial(zone)
                self.pdnsutil(variant, "add-record", zone, "www", "A", "300", "192.0.2.1")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1"})
                self.pdnsutil(variant, "add-record", zone, "www", "A", "300", "192.0.2.2")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1", "192.0.2.2"})
                self.passes(zone, before)
                self.pdnsutil(variant, "replace-rrset", zone, "www", "A", "60", "192.0.2.3")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.3"})
                for rdtype, content, answer in (("MX", "10 mail.example.com", "10 mail.example.com."),
                                                ("TXT", '"a text" "of two"', '"a text" "of two"'),
                                                ("SRV", "1 2 3 www.example.com", "1 2 3 www.example.com."),
                                                ("CAA", '0 issue "ca.example"', '0 issue "ca.example"')):
                    self.pdnsutil(variant, "add-record", zone, "kinds", rdtype, content)
                    self.everywhere(f"kinds.{zone}", rdtype, {answer})
                self.pdnsutil(variant, "delete-rrset", zone, "www", "A")
                self.everywhere(f"www.{zone}", "A", set(), rcode="NXDOMAIN")

    def test_the_template_gives_way(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"template-{variant}.test")
                self.pdnsutil(variant, "replace-rrset", zone, "_sip._udp", "SRV", "60", f"5 0 5062 gw.{zone}")
                self.everywhere(f"_sip._udp.{zone}", "SRV", {f"5 0 5062 gw.{zone}."})
                self.pdnsutil(variant, "delete-rrset", zone, "_sip._udp", "SRV")
                self.everywhere(f"_sip._udp.{zone}", "SRV", {f"100 100 5060 proxy.{DOMAIN}."})
                self.refused(variant, "delete-rrset", zone, "_sip._udp", "SRV")

    def test_edit_zone(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"edit-{variant}.test")
                self.pdnsutil(variant, "add-record", zone, "old", "A", "192.0.2.1")
                editor = self.net.directory / f"editor-{variant}"
                editor.write_text(textwrap.dedent(f"""\
                    #!/bin/sh
                    for file; do :; done
                    sed -i '/^old/d' "$file"
                    echo 'new.{zone}. 60 IN A 192.0.2.9' >> "$file"
                    """))
                editor.chmod(0o755)
                said = self.pdnsutil(variant, "edit-zone", zone, text="ya\n", EDITOR=str(editor))
                self.assertIn("+new", said)
                self.everywhere(f"new.{zone}", "A", {"192.0.2.9"})
                self.everywhere(f"old.{zone}", "A", set(), rcode="NXDOMAIN")
                self.everywhere(zone, "NAPTR", NAPTR)

    def test_load_zone(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"load-{variant}.test")
                self.pdnsutil(variant, "add-record", zone, "old", "A", "192.0.2.1")
                file = self.net.directory / f"zone-{variant}"
                lines = [f"$ORIGIN {zone}.", f"@ 120 SOA a.{zone}. b.{zone}. 1 7200 900 1209600 60", f"@ 3600 NS elsewhere.{zone}.",
                         "_sip._udp 60 SRV 5 0 5062 gw", "alias 60 CNAME www", "*.wild 60 TXT \"anything\"",
                         "www 60 RRSIG A 13 3 60 20300101000000 20200101000000 1 @ AAAA"]
                lines += [f"n{number} 60 A 192.0.2.{number % 256}" for number in range(1000)]
                file.write_text("\n".join(lines) + "\n")
                self.pdnsutil(variant, "load-zone", zone, str(file))
                self.everywhere(f"n999.{zone}", "A", {"192.0.2.231"})
                self.everywhere(f"old.{zone}", "A", set(), rcode="NXDOMAIN")
                self.everywhere(f"x.wild.{zone}", "TXT", {'"anything"'})
                self.everywhere(f"_sip._udp.{zone}", "SRV", {f"5 0 5062 gw.{zone}."})
                self.everywhere(f"_sips._tcp.{zone}", "SRV", {f"100 100 5061 proxy.{DOMAIN}."})
                self.everywhere(zone, "NS", {f"ns1.{DOMAIN}."})
                soa = self.pdns[0].server.ask(zone, "SOA").texts("SOA").pop().split()
                self.assertEqual([f"a.{zone}.", f"b.{zone}."], soa[:2])
                self.assertEqual(["7200", "900", "1209600", "60"], soa[3:])
                self.assertGreater(int(soa[2]), 1_700_000_000)
                self.assertIn(f"left out: {zone}. NS: NS at the apex come from", self.dns.log_text())
                before = self.rows()
                file.write_text(file.read_text() + "bad 60 A 192.0.2.1\nbad 60 CNAME www\n")
                self.try_pdnsutil(variant, "load-zone", zone, str(file))
                self.assertEqual(before, self.rows(), "one bad record, and nothing is written")

    def test_the_overlays_own_zone(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                name = f"static-{variant}"
                before = self.serial(DOMAIN)
                self.pdnsutil(variant, "add-record", DOMAIN, name, "A", "192.0.2.80")
                self.everywhere(f"{name}.{DOMAIN}", "A", {"192.0.2.80"})
                self.passes(DOMAIN, before)
                for words in (("replace-rrset", DOMAIN, "proxy", "A", "60", "192.0.2.66"), ("delete-rrset", DOMAIN, "proxy", "A"),
                              ("replace-rrset", DOMAIN, "_sip._udp", "SRV", "60", "1 1 1 x.example."), ("delete-rrset", DOMAIN, "gw1.node", "A"),
                              ("add-record", DOMAIN, "x.node", "A", "192.0.2.66"), ("replace-rrset", DOMAIN, "@", "NS", "60", "ns.example.")):
                    self.refused(variant, *words)
                self.assertIn("proxy.thor.test. A: addresses here are those of role sip_proxy".replace("thor.test", DOMAIN), self.dns.log_text())
                self.pdnsutil(variant, "delete-rrset", DOMAIN, name, "A")
                self.everywhere(f"{name}.{DOMAIN}", "A", set(), rcode="NXDOMAIN")

    def test_serials(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"serial-{variant}.test")
                before = self.serial(zone)
                self.pdnsutil(variant, "increase-serial", zone)
                self.passes(zone, before)

    def test_metadata(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"meta-{variant}.test")
                self.pdnsutil(variant, "set-meta", zone, "ALLOW-AXFR-FROM", "192.0.2.1", "192.0.2.2")
                self.pdnsutil(variant, "add-meta", zone, "ALLOW-AXFR-FROM", "192.0.2.3")
                for other in self.by_variant:
                    said = self.pdnsutil(other, "get-meta", zone, "ALLOW-AXFR-FROM")
                    self.assertIn("192.0.2.1, 192.0.2.2, 192.0.2.3", said)
                self.pdnsutil(variant, "set-meta", zone, "ALLOW-AXFR-FROM")
                self.assertNotIn("192.0.2", self.pdnsutil(variant, "get-meta", zone))
                self.refused(variant, "set-presigned", zone)
                self.refused(variant, "set-meta", zone, "NSEC3PARAM", "1 0 9999 -")

    def test_tsig_keys(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                name = f"key-{variant}"
                self.pdnsutil(variant, "generate-tsig-key", name, "hmac-sha512")
                self.pdnsutil(variant, "import-tsig-key", f"{name}-2", "hmac-sha256", "c2VjcmV0IG9mIGEga2V5")
                for other in self.by_variant:
                    listed = self.pdnsutil(other, "list-tsig-keys")
                    self.assertIn(f"{name}. hmac-sha512. ", listed)
                    self.assertIn(f"{name}-2. hmac-sha256. c2VjcmV0IG9mIGEga2V5", listed)
                self.assertNotIn("c2VjcmV0IG9mIGEga2V5", self.dns.log_text())
                self.pdnsutil(variant, "delete-tsig-key", f"{name}-2")
                self.assertNotIn(f"{name}-2", self.pdnsutil(variant, "list-tsig-keys"))

    def test_transfers_with_a_key(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone, name, secret = self.domain(f"transfer-{variant}.test"), f"transfer-{variant}", "c2VjcmV0IG9mIGEgc2Vjb25kYXJ5"
                key = f"hmac-sha256:{name}:{secret}"
                self.pdnsutil(variant, "import-tsig-key", name, "hmac-sha256", secret)
                self.assertIn("Transfer failed", self.dig_transfer(variant, zone, key), "the key is for no zone")
                self.pdnsutil(variant, "activate-tsig-key", zone, name, "master")
                wait_until(lambda variant=variant, zone=zone, key=key: f"ns1.{DOMAIN}." in self.dig_transfer(variant, zone, key),
                           "the key lets its owner transfer the zone")
                whole = self.dig_transfer(variant, zone, key)
                self.assertRegex(whole, r"TSIG\s+hmac-sha256\. \d+ 300 32 ")
                self.assertNotIn("Couldn't verify signature", whole)
                self.assertIn("Transfer failed", self.dig_transfer(variant, zone, f"hmac-sha256:{name}:d3Jvbmcgc2VjcmV0"))
                self.pdnsutil(variant, "deactivate-tsig-key", zone, name, "master")
                wait_until(lambda variant=variant, zone=zone, key=key: "Transfer failed" in self.dig_transfer(variant, zone, key),
                           "the key is for no zone any more")

    def test_keys_of_a_zone(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"signed-{variant}.test")
                for pdns in self.pdns:
                    self.assertEqual(set(), pdns.server.ask(zone, "DNSKEY").texts("DNSKEY"), "and PowerDNS now has in mind that there are none")
                self.pdnsutil(variant, "secure-zone", zone)
                for pdns in self.pdns:
                    wait_until(lambda server=pdns.server: server.ask(zone, "DNSKEY").texts("DNSKEY"), "the new key is published")
                file = self.net.directory / f"key-{variant}"
                file.write_text(PRIVATE_KEY)
                said = self.pdnsutil(variant, "import-zone-key", zone, str(file), "zsk", "inactive")
                second = next(word for word in said.split() if word.isdigit())
                self.everywhere_keys(zone, 2)
                self.pdnsutil(variant, "activate-zone-key", zone, second)
                self.pdnsutil(variant, "unpublish-zone-key", zone, second)
                self.everywhere_keys(zone, 1)
                self.pdnsutil(variant, "publish-zone-key", zone, second)
                self.pdnsutil(variant, "deactivate-zone-key", zone, second)
                self.pdnsutil(variant, "remove-zone-key", zone, second)
                self.everywhere_keys(zone, 1)
                self.refused(variant, "remove-zone-key", zone, "999999")
                self.validates(zone, zone, "NAPTR")
                self.pdnsutil(variant, "add-record", zone, "www", "A", "192.0.2.1")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1"})
                self.validates(zone, f"www.{zone}", "A")
                self.assertNotIn("PrivateKey", self.dns.log_text())

    def everywhere_keys(self, zone, count):
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: len(server.ask(zone, "DNSKEY").texts("DNSKEY")) == count,
                       lambda server=pdns.server: f"{server} publishes {count} keys of {zone}: {server.ask(zone, 'DNSKEY')}")

    def validates(self, zone, name, rdtype):
        for pdns in self.pdns:
            with self.subTest(f"{name} {rdtype} at {pdns.name}"):
                def signed(what, server=pdns.server, kind=rdtype):
                    query = dns.message.make_query(what, kind, want_dnssec=True)
                    return dns.query.tcp(query, server.address, port=server.port, timeout=5)
                keys, answer = signed(zone, kind="DNSKEY"), signed(name)
                origin = dns.name.from_text(zone)
                dnskeys = {origin: keys.get_rrset(keys.answer, origin, dns.rdataclass.IN, dns.rdatatype.DNSKEY)}
                owner, kind = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
                dns.dnssec.validate(answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, kind),
                                    answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, dns.rdatatype.RRSIG, kind), dnskeys)

    # ---- DNS UPDATE

    def test_updates(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"update-{variant}.test")
                add = f"update add www.{zone} 60 A 192.0.2.1"
                self.assertIn("REFUSED", self.nsupdate(variant, zone, add).stderr, "nobody may, without metadata")
                self.pdnsutil(variant, "set-meta", zone, "ALLOW-DNSUPDATE-FROM", "127.0.0.0/8")

                def succeeds(*lines, key=None, zone=zone, variant=variant):
                    wait_until(lambda: self.nsupdate(variant, zone, *lines, key=key).returncode == 0, f"{lines} is done")
                succeeds(add, f"update add www.{zone} 60 TXT \"two at once\"")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1"})
                self.everywhere(f"www.{zone}", "TXT", {'"two at once"'})
                succeeds(f"update add www.{zone} 60 A 192.0.2.2")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1", "192.0.2.2"})
                succeeds(f"prereq yxrrset www.{zone} A", f"update delete www.{zone} A 192.0.2.1")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.2"})
                failed = self.nsupdate(variant, zone, f"prereq nxdomain www.{zone}", f"update delete www.{zone} A")
                self.assertIn("YXDOMAIN", failed.stderr)
                succeeds(f'update add way.{zone} 60 NAPTR 10 100 "s" "SIP+D2U" "" _sip._udp.{zone}')
                self.everywhere(f"way.{zone}", "NAPTR", {f'10 100 "s" "SIP+D2U" "" _sip._udp.{zone}.'})
                succeeds(f"update delete way.{zone} NAPTR")
                self.everywhere(f"way.{zone}", "NAPTR", set(), rcode="NXDOMAIN")
                before = self.serial(zone)
                succeeds(f"update delete www.{zone}")
                self.everywhere(f"www.{zone}", "A", set(), rcode="NXDOMAIN")
                self.passes(zone, before)

                key = ("laptop-" + variant, "c2VjcmV0IG9mIGEgbGFwdG9w")
                self.pdnsutil(variant, "import-tsig-key", key[0], "hmac-sha256", key[1])
                self.pdnsutil(variant, "set-meta", zone, "TSIG-ALLOW-DNSUPDATE", key[0])
                wait_until(lambda zone=zone, variant=variant, add=add: "REFUSED" in self.nsupdate(variant, zone, add).stderr,
                           "an update without the key is refused")
                self.assertNotEqual(0, self.nsupdate(variant, zone, add, key=f"hmac-sha256:{key[0]}:d3Jvbmc=").returncode)
                succeeds(add, key=f"hmac-sha256:{key[0]}:{key[1]}")
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1"})

    def test_updates_of_members_records_fail(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                self.pdnsutil(variant, "set-meta", DOMAIN, "ALLOW-DNSUPDATE-FROM", "127.0.0.0/8")
                add = f"update add updated-{variant}.{DOMAIN} 60 A 192.0.2.1"
                wait_until(lambda variant=variant, add=add: self.nsupdate(variant, DOMAIN, add).returncode == 0, "updates are allowed")
                self.everywhere(f"updated-{variant}.{DOMAIN}", "A", {"192.0.2.1"})
                before = self.rows()
                failed = self.nsupdate(variant, DOMAIN, f"update add more-{variant}.{DOMAIN} 60 A 192.0.2.1", f"update add proxy.{DOMAIN} 30 A 192.0.2.66")
                self.assertNotEqual(0, failed.returncode)
                self.assertEqual(before, self.rows(), "nothing of it was done")
                self.pdnsutil(variant, "set-meta", DOMAIN, "ALLOW-DNSUPDATE-FROM")

    # ---- the HTTP API

    def test_the_api(self):
        for variant in self.by_variant:
            with self.subTest(variant):
                zone = self.domain(f"api-{variant}.test")
                path = f"/zones/{zone}."

                def patch(*sets, path=path, variant=variant):
                    return self.api(variant, "PATCH", path, {"rrsets": list(sets)})

                def rrset(name, kind, *contents, zone=zone):
                    return {"name": f"{name}.{zone}.", "type": kind, "ttl": 60, "changetype": "REPLACE" if contents else "DELETE",
                            "records": [{"content": content, "disabled": False} for content in contents]}
                self.assertEqual((204, None), patch(rrset("www", "A", "192.0.2.1", "192.0.2.2"), rrset("text", "TXT", '"found by search"')))
                self.everywhere(f"www.{zone}", "A", {"192.0.2.1", "192.0.2.2"})
                status, whole = self.api(variant, "GET", path)
                self.assertEqual(200, status)
                self.assertIn(f"www.{zone}.", [one["name"] for one in whole["rrsets"]])
                status, found = self.api(variant, "GET", "/search-data?q=*found%20by%20search*&max=10")
                self.assertEqual([200, f"text.{zone}."], [status, *(one["name"] for one in found if zone in one["name"])])
                before = self.rows()
                status, _ = patch(rrset("www", "A"), rrset("broken", "CNAME", "a.example."), rrset("broken", "A", "192.0.2.1"))
                self.assertGreaterEqual(status, 400)
                self.assertEqual(before, self.rows())
                self.assertEqual((204, None), patch(rrset("www", "A")))
                self.everywhere(f"www.{zone}", "A", set(), rcode="NXDOMAIN")

                self.assertEqual(201, self.api(variant, "POST", f"{path}/metadata", {"kind": "ALSO-NOTIFY", "metadata": ["192.0.2.53"]})[0])
                self.assertEqual(["192.0.2.53"], self.api(variant, "GET", f"{path}/metadata/ALSO-NOTIFY")[1]["metadata"])
                self.assertIn(self.api(variant, "DELETE", f"{path}/metadata/ALSO-NOTIFY")[0], (200, 204))

                self.assertEqual(200, self.api(variant, "PUT", f"{path}/notify")[0])

                status, key = self.api(variant, "POST", f"{path}/cryptokeys", {"keytype": "csk", "active": True})
                self.assertEqual(201, status, key)
                self.everywhere_keys(zone, 1)
                self.assertEqual([key["id"]], [one["id"] for one in self.api(variant, "GET", f"{path}/cryptokeys")[1]])
                self.assertEqual(204, self.api(variant, "DELETE", f"{path}/cryptokeys/{key['id']}")[0])
                self.everywhere_keys(zone, 0)

                status, tsig = self.api(variant, "POST", "/tsigkeys", {"name": f"api-{variant}", "algorithm": "hmac-sha256"})
                self.assertEqual(201, status, tsig)
                self.assertIn(tsig["id"], [one["id"] for one in self.api(variant, "GET", "/tsigkeys")[1]])
                self.assertEqual(204, self.api(variant, "DELETE", f"/tsigkeys/{tsig['id']}")[0])
                self.assertGreaterEqual(self.api(variant, "POST", "/zones", {"name": f"new-{variant}.test.", "kind": "Native"})[0], 400)

    # ---- connections

    def begin(self, link, zone, trxid, domain_id=-1):
        self.assertIs(True, link.result("startTransaction", domain=zone, domain_id=domain_id, trxid=trxid))

    def feed(self, link, name, content, trxid):
        return link.result("feedRecord", rr={"qtype": "A", "qname": name, "qclass": 1, "content": content, "ttl": 60, "auth": 1}, trxid=trxid)

    def test_transactions_of_one_second_do_not_mix(self):
        zone = self.domain("mixed.test")
        one, two, third = (Remote(self.socket) for _ in range(3))
        for link in (one, two, third):
            self.addCleanup(link.close)
            self.begin(link, f"{zone}.", 1_800_000_000)
        for number in range(20):
            for link, address in ((one, 1), (two, 2), (third, 3)):
                self.assertIs(True, self.feed(link, f"n{number}.l{address}.{zone}.", f"192.0.2.{address}", 1_800_000_000))
        self.assertIs(True, one.result("commitTransaction", trxid=1_800_000_000))
        self.assertIs(True, two.result("abortTransaction", trxid=1_800_000_000))
        third.close()  # as when PowerDNS ends
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            written = db.execute("SELECT content, count(*) FROM records WHERE name LIKE '%.mixed.test' GROUP BY content").fetchall()
        self.assertEqual([("192.0.2.1", 20)], written)
        self.assertIs(False, two.result("commitTransaction", trxid=1_800_000_000), "it is over")

    def test_who_wrote_reads_what_he_wrote(self):
        zone = self.domain("own.test")
        missed = []

        def writes_and_reads(who, apex):
            with contextlib.closing(Remote(self.socket)) as writer, contextlib.closing(Remote(self.socket)) as reader:
                for number in range(25):
                    name = f"own{number}.{who}.{apex}."
                    writer.ask("startTransaction", domain=f"{apex}.", domain_id=-1, trxid=7)
                    self.feed(writer, name, "192.0.2.1", 7)
                    written = writer.result("commitTransaction", trxid=7)
                    if not written or [row["content"] for row in reader.result("lookup", qname=name, qtype="ANY")] != ["192.0.2.1"]:
                        missed.append((name, written))

        # Several at once, so that their changes come in bursts, whose publications are put off.
        together = [threading.Thread(target=writes_and_reads, args=(f"w{who}", apex)) for who in range(3) for apex in (zone, DOMAIN)]
        for one in together:
            one.start()
        for one in together:
            one.join()
        self.assertEqual([], missed)
        with contextlib.closing(Remote(self.socket)) as writer, contextlib.closing(Remote(self.socket)) as reader:
            for number in range(10):
                self.assertIs(True, writer.result("setDomainMetadata", name=f"{zone}.", kind="X-OWN", value=[str(number)]))
                self.assertEqual([str(number)], reader.result("getDomainMetadata", name=f"{zone}.", kind="X-OWN"))

    def test_a_writer_that_waits_holds_up_nobody(self):
        zone = self.domain("waits.test")
        writer, reader = Remote(self.socket), Remote(self.socket)
        self.addCleanup(writer.close)
        self.addCleanup(reader.close)
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # an operator in the middle of something
            writer.send("setDomainMetadata", name=f"{zone}.", kind="X-WAITS", value=["1"])
            for _ in range(200):
                self.assertTrue(reader.result("lookup", qname=f"{zone}.", qtype="ANY"))
            refused = writer.receive()
            self.assertIs(False, refused["result"])
            self.assertIn("another program holds a transaction", " ".join(refused["log"]))
            db.execute("ROLLBACK")
        self.assertIs(True, writer.result("setDomainMetadata", name=f"{zone}.", kind="X-WAITS", value=["1"]))
        self.assertEqual(1, self.dns.metric("thor_dns_edits_total{kind=\"metadata\",outcome=\"failed\"}".replace("{", "\\{").replace("}", "\\}")))

    def test_unknown_zones(self):
        link = Remote(self.socket)
        self.addCleanup(link.close)
        before = self.rows()
        self.assertIs(False, link.result("startTransaction", domain="nowhere.test.", domain_id=-1, trxid=1))
        self.assertIs(False, link.result("setDomainMetadata", name="nowhere.test.", kind="X", value=["1"]))
        self.assertIs(False, link.result("addDomainKey", name="nowhere.test.",
                                         key={"flags": 257, "active": True, "published": True, "content": PRIVATE_KEY}))
        self.assertEqual(before, self.rows())


class Follower(overlaytest.OverlayTest):
    def test_refuses_everything_and_names_the_writer(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()
        for name in ("dns1", "dns2"):
            self.net.start_dns(name, writer="dns1")
        follower = next(one for one in self.net.processes if one.name == "dns2")
        wait_until(lambda: follower.status()["operator"].get("in_step"), "the follower has a copy")
        link = {name: Remote(self.net.home(name) / "run/pdns-remote.sock") for name in ("dns1", "dns2")}
        for one in link.values():
            self.addCleanup(one.close)
        zone = f"{DOMAIN}."
        writes = (("setDomainMetadata", {"name": zone, "kind": "X-KIND", "value": ["1"]}),
                  ("addDomainKey", {"name": zone, "key": {"flags": 257, "active": True, "published": True, "content": PRIVATE_KEY}}),
                  ("setTSIGKey", {"name": "key.", "algorithm": "hmac-sha256.", "content": "c2VjcmV0"}))
        for method, parameters in writes:
            with self.subTest(method):
                refused = link["dns2"].ask(method, **parameters)
                self.assertIs(False, refused["result"])
                self.assertIn("this name server follows dns1: write there", " ".join(refused["log"]))
                self.assertTrue(link["dns1"].result(method, **parameters))
        link["dns2"].ask("startTransaction", domain=zone, domain_id=-1, trxid=1)
        link["dns2"].ask("feedRecord", rr={"qtype": "A", "qname": f"x.{zone}", "qclass": 1, "content": "192.0.2.1", "ttl": 60, "auth": 1}, trxid=1)
        self.assertIs(False, link["dns2"].result("commitTransaction", trxid=1))
        wait_until(lambda: link["dns2"].result("getDomainKeys", name=zone), "the follower has the writer's keys")
        self.assertEqual(link["dns1"].result("getDomainKeys", name=zone), link["dns2"].result("getDomainKeys", name=zone))
        wait_until(lambda: link["dns2"].result("getTSIGKey", name="key."), "the follower has the writer's TSIG key")
        self.assertEqual(link["dns1"].result("getTSIGKey", name="key."), link["dns2"].result("getTSIGKey", name="key."))


if __name__ == "__main__":
    overlaytest.main()
