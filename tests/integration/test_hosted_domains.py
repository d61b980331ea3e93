#!/usr/bin/python3
"""Hosted domains and static records: by command and by SQL, over both connectors of a real PowerDNS."""

import sqlite3
import subprocess

import overlaytest
from overlay import DOMAIN, PROGRAMS, Overlay, wait_until

NAPTR = {f'10 100 "s" "SIPS+D2T" "" _sips._tcp.{DOMAIN}.', f'20 100 "s" "SIP+D2T" "" _sip._tcp.{DOMAIN}.',
         f'30 100 "s" "SIP+D2U" "" _sip._udp.{DOMAIN}.'}


class HostedDomains(overlaytest.OverlayTest):
    """One thor-dns with two pdns_server processes in front, and members that come and go."""

    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.dns = cls.net.start_dns(pdns=["pdns-http", "pdns-unix"])
        # Caches that outlive every wait: what shows, PowerDNS was told of.
        caches = {"query-cache-ttl": 600, "negquery-cache-ttl": 600}
        cls.pdns = [cls.net.start_pdns(f"pdns-{variant}", variant, options=caches) for variant in ("http", "unix")]
        cls.database = cls.net.home("dns1") / "state" / "operator.sqlite3"

    # ---- what an operator does

    def thor_dns(self, *words):
        return subprocess.run([PROGRAMS / "thor-dns", "--config", self.net.home("dns1") / "thor.toml", *words],
                              capture_output=True, text=True, timeout=60, check=False)

    def done(self, *words):
        ran = self.thor_dns(*words)
        self.assertEqual(0, ran.returncode, f"{words}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def refused(self, code, why, *words):
        ran = self.thor_dns(*words)
        self.assertEqual(code, ran.returncode, f"{words}: {ran.stdout}{ran.stderr}")
        self.assertIn(why, ran.stderr)
        self.assertEqual(1, ran.stderr.count("\n"), f"more than a sentence: {ran.stderr}")

    def sql(self, text, *values):
        with sqlite3.connect(self.database, timeout=10) as db:
            db.execute("PRAGMA foreign_keys = ON")
            return db.execute(text, values).fetchall()

    # ---- what the name servers say

    def everywhere(self, name, rdtype, expected, rcode="NOERROR"):
        for pdns in self.pdns:
            wait_until(lambda server=pdns.server: self.agrees(server.ask(name, rdtype), rdtype, expected, rcode),
                       lambda server=pdns.server: f"{name} {rdtype} is {rcode} {sorted(expected)} at {server}; "
                                                  f"it is {server.ask(name, rdtype)}")

    def serials(self, zone):
        return {pdns.server.ask(zone, "SOA").message.answer[0][0].serial for pdns in self.pdns}

    def serial(self, zone):
        """The one that all come to: PowerDNS is told of a new serial last."""
        return wait_until(lambda: len(found := self.serials(zone)) == 1 and found, f"all answer {zone} with one serial").pop()

    def passes(self, zone, before):
        wait_until(lambda: min(self.serials(zone)) > before, lambda: f"the serial of {zone} is above {before}: {self.serials(zone)}")

    def resolves(self, domain):
        self.everywhere(domain, "NAPTR", NAPTR)
        self.everywhere(f"_sips._tcp.{domain}", "SRV", {f"100 100 5061 proxy.{DOMAIN}."})
        self.everywhere(f"_sip._tcp.{domain}", "SRV", {f"100 100 5060 proxy.{DOMAIN}."})
        self.everywhere(f"_sip._udp.{domain}", "SRV", {f"100 100 5060 proxy.{DOMAIN}."})
        self.everywhere(domain, "NS", {f"ns1.{DOMAIN}."})

    # ---- the tests

    def test_a_domain_by_command(self):
        domain = "customer.test"
        self.everywhere(domain, "SOA", [], rcode="REFUSED")
        said = self.done("domain", "add", domain)
        self.assertIn(f"{domain}. is served with serial ", said)
        self.everywhere(domain, "NAPTR", NAPTR)
        self.resolves(domain)
        self.assertEqual(int(said.split()[-1]), self.serial(domain))
        self.assertIn(f"{domain}. sip {self.serial(domain)}\n", self.done("domain", "list"))
        self.assertIn(f"{DOMAIN}. overlay\n", self.done("domain", "list"))

        self.done("record", "add", f"www.{domain}", "60", "A", "192.0.2.80")
        self.everywhere(f"www.{domain}", "A", ["192.0.2.80"])
        self.done("record", "add", f"_sip._udp.{domain}", "60", "SRV", "5", "0", "5062", f"gw.{domain}")
        self.everywhere(f"_sip._udp.{domain}", "SRV", [f"5 0 5062 gw.{domain}."])
        self.done("record", "add", f"www.{domain}", "60", "CAA", "0", "issue", '"ca.test"')
        self.assertEqual({f'www.{domain}. 60 A 192.0.2.80', f'_sip._udp.{domain}. 60 SRV 5 0 5062 gw.{domain}.',
                          f'www.{domain}. 60 CAA 0 issue "ca.test"'}, set(self.done("record", "list", domain).splitlines()))
        self.done("record", "remove", f"_sip._udp.{domain}", "SRV")
        self.everywhere(f"_sip._udp.{domain}", "SRV", [f"100 100 5060 proxy.{DOMAIN}."])
        self.done("record", "remove", f"www.{domain}", "A", "192.0.2.80")
        self.everywhere(f"www.{domain}", "A", [])

        self.assertIn(f"{domain}. is not served any more", self.done("domain", "remove", domain))
        self.everywhere(domain, "SOA", [], rcode="REFUSED")
        self.everywhere(f"_sip._udp.{domain}", "SRV", [], rcode="REFUSED")

    def test_a_domain_by_sql(self):
        domain = "sql.test"
        self.sql("INSERT INTO domains (name, template) VALUES (?, 'sip')", domain)
        self.resolves(domain)
        before = self.serial(domain)
        self.sql("INSERT INTO template_records (template, name, type, content) "
                 "VALUES ('sip', 'xcap', 'TXT', '\"https://xcap.{overlay}/xcap-root?{domain}\"')")
        self.everywhere(f"xcap.{domain}", "TXT", [f'"https://xcap.{DOMAIN}/xcap-root?{domain}"'])
        self.passes(domain, before)
        self.sql("DELETE FROM template_records WHERE name = 'xcap'")
        self.everywhere(f"xcap.{domain}", "TXT", [], rcode="NXDOMAIN")
        self.sql("DELETE FROM domains WHERE name = ?", domain)
        self.everywhere(domain, "SOA", [], rcode="REFUSED")

    def test_a_part_of_a_hosted_domain_becomes_one(self):
        self.done("domain", "add", "parent.test", "none")
        self.everywhere("www.child.parent.test", "A", [], rcode="NXDOMAIN")
        self.done("domain", "add", "child.parent.test", "none")
        self.done("record", "add", "www.child.parent.test", "60", "A", "192.0.2.1")
        self.everywhere("www.child.parent.test", "A", ["192.0.2.1"])
        self.done("domain", "remove", "child.parent.test")
        self.everywhere("www.child.parent.test", "A", [], rcode="NXDOMAIN")

    def test_a_member_changes_no_hosted_zone(self):
        domain = "quiet.test"
        self.done("domain", "add", domain)
        self.resolves(domain)
        before, overlay = self.serial(domain), self.serial(DOMAIN)
        gw = self.net.start_node("gw1", ["sip_proxy"])
        self.shows("proxy", "A", [self.net.node_addresses("gw1")[0]])
        self.assertEqual(0, gw.stop())
        self.shows("proxy", "A", [])
        self.passes(DOMAIN, overlay)
        self.assertEqual(before, self.serial(domain))
        self.resolves(domain)

    def test_static_records_of_the_overlay(self):
        said = self.done("record", "add", f"www.{DOMAIN}", "60", "A", "192.0.2.81")
        self.everywhere(f"www.{DOMAIN}", "A", ["192.0.2.81"])
        wait_until(lambda: self.serials(DOMAIN) == {int(said.split()[-1])}, "the serial that was told is answered")
        self.done("record", "remove", f"www.{DOMAIN}", "A")
        self.everywhere(f"www.{DOMAIN}", "A", [], rcode="NXDOMAIN")

    def test_what_would_not_be_served_is_refused(self):
        domain = "strict.test"
        self.done("domain", "add", domain)
        self.done("record", "add", f"alias.{domain}", "60", "CNAME", "www.example")
        for code, why, words in (
                (1, "is there already", ("domain", "add", domain)),
                (1, "there is no template nosuch; there are none, sip", ("domain", "add", "other.test", "nosuch")),
                (1, "the overlay's own domain", ("domain", "add", f"x.{DOMAIN}")),
                (1, "the overlay's own", ("domain", "remove", DOMAIN)),
                (1, "there is no domain nosuch.test.", ("domain", "remove", "nosuch.test")),
                (2, "empty label", ("domain", "add", "a..b")),
                (1, "no domain here holds www.nosuch.test.", ("record", "add", "www.nosuch.test", "60", "A", "192.0.2.1")),
                (1, "NS at the apex come from [[dns.name_server]]", ("record", "add", domain, "60", "NS", "ns.example")),
                (1, "an SOA stands at the apex", ("record", "add", f"www.{domain}", "60", "SOA", "a. b. 1 2 3 4 5")),
                (1, "a CNAME stands beside no other data", ("record", "add", domain, "60", "CNAME", "x.example")),
                (1, "a CNAME stands beside no other data", ("record", "add", f"alias.{domain}", "60", "A", "192.0.2.1")),
                (1, "belong to the members", ("record", "add", f"gw1.node.{DOMAIN}", "60", "A", "192.0.2.1")),
                (1, "those of role sip_proxy", ("record", "add", f"proxy.{DOMAIN}", "60", "A", "192.0.2.1")),
                (1, "a CNAME stands beside no other data", ("record", "add", f"proxy.{DOMAIN}", "60", "CNAME", "x.example")),
                (1, f"it would hide node.{DOMAIN}.", ("record", "add", f"node.{DOMAIN}", "60", "NS", "ns.example")),
                (2, "192.0.2.300", ("record", "add", f"www.{domain}", "60", "A", "192.0.2.300")),
                (2, "TTL", ("record", "add", f"www.{domain}", "-1s", "A", "192.0.2.1")),
                (2, "NOTYPE", ("record", "add", f"www.{domain}", "60", "NOTYPE", "x")),
                (1, "no such record", ("record", "remove", f"www.{domain}", "A")),
                (1, "there is no domain nosuch.test.", ("record", "list", "nosuch.test"))):
            with self.subTest(" ".join(words)):
                self.refused(code, why, *words)
        self.assertEqual(f"alias.{domain}. 60 CNAME www.example.\n", self.done("record", "list", domain))

    def test_rows_that_cannot_be_served_are_listed(self):
        domain = "careless.test"
        self.done("domain", "add", domain)
        id_ = self.sql("SELECT id FROM domains WHERE name = ?", domain)[0][0]
        self.sql("INSERT INTO records (domain_id, name, type, content) VALUES (?1, ?2, 'NS', 'ns.example'), "
                 "(?1, ?2, 'CNAME', 'x.example'), (?1, 'www.' || ?2, 'A', '192.0.2.2')", id_, domain)
        self.sql("INSERT INTO domains (name, template) VALUES (?, NULL)", f"inside.{DOMAIN}")
        self.sql("INSERT INTO template_records (id, template, name, type, content) VALUES (900, 'sip', 'x.{overlay}.', 'A', '192.0.2.1')")
        self.everywhere(f"www.{domain}", "A", ["192.0.2.2"])
        listed = wait_until(lambda: [row for row in self.dns.status()["not_served"] if "template_records row 900" in row]
                            and self.dns.status()["not_served"], "the row of the template is listed")
        text = "\n".join(listed)
        self.assertIn(f"{domain}. NS ns.example.: NS at the apex come from", text)
        self.assertIn(f"{domain}. CNAME x.example.: a CNAME stands beside no other data", text)
        self.assertIn(f"inside.{DOMAIN}.: it lies in the overlay's domain", text)
        self.assertRegex(text, rf"template_records row 900: x\.{{overlay}}\. A 192\.0\.2\.1: x\.{DOMAIN}\. is not at or below .*\(in ")
        self.assertIn("NS at the apex", self.thor_dns("record", "list", domain).stderr)
        self.sql("DELETE FROM template_records WHERE id = 900")
        self.sql("DELETE FROM domains WHERE name = ?", f"inside.{DOMAIN}")
        self.resolves(domain)

    def test_commands_work_while_the_daemon_is_stopped(self):
        net = self.enterContext(_Second())
        said = net.thor_dns("domain", "add", "early.test")
        self.assertEqual(0, said.returncode, said.stderr)
        self.assertIn("the daemon was not asked", said.stdout)
        dns = net.start("dns1", "thor-dns").wait_ready()
        self.assertEqual(1, dns.status()["hosted_domains"])


class _Second(Overlay):
    """A thor-dns that was configured and never started."""

    def __enter__(self):
        super().__enter__()
        self.ca.issue("dns1", ["thor_dnsmanager"], self.home("dns1") / "tls")
        state, run = self.home("dns1") / "state", self.home("dns1") / "run"
        self.event_servers = [f"{self.address}:{self.free_port()}"]  # nobody is there
        self.configure("dns1", {"dns": {"http": f"{self.address}:{self.free_port()}", "http_token_file": f"{state}/pdns-token",
                                        "unix_socket": f"{run}/pdns-remote.sock", "pdns_control": [f"{run}/none"],
                                        "name_server": [{"name": "ns1", "addresses": [self.address]}]}})
        return self

    def thor_dns(self, *words):
        return subprocess.run([PROGRAMS / "thor-dns", "--config", self.home("dns1") / "thor.toml", *words],
                              capture_output=True, text=True, timeout=60, check=False)


if __name__ == "__main__":
    overlaytest.main()
