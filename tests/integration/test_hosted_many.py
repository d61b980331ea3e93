#!/usr/bin/python3
"""Ten thousand hosted domains: start, list, restart, an edit, a template; and members that do not notice."""

import sqlite3
import statistics
import time

import overlaytest
from overlay import DOMAIN, Overlay, wait_until

DOMAINS = 10_000


class TenThousand(overlaytest.OverlayTest):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.net.start_event_server()
        cls.net.start_manager()
        cls.dns = cls.net.start_dns()
        cls.pdns = [cls.net.start_pdns()]
        cls.server = cls.pdns[0].server
        cls.database = cls.net.home("dns1") / "state" / "operator.sqlite3"

    def sql(self, text, *values):
        with sqlite3.connect(self.database, timeout=10) as db:
            db.execute(text, values)

    def answers(self, name, rdtype, expected, rcode="NOERROR"):
        wait_until(lambda: self.agrees(self.server.ask(name, rdtype), rdtype, expected, rcode),
                   lambda: f"{name} {rdtype} is {rcode} {sorted(expected)}; it is {self.server.ask(name, rdtype)}", timeout_s=60)

    def resolves(self, domain):
        self.answers(f"_sip._udp.{domain}", "SRV", {f"100 100 5060 proxy.{DOMAIN}."})

    def member_changes(self, count=5):
        """Median seconds from a drain to the answer without the member, and back."""
        node, spent = self.node, []
        with_member = set(self.srv(5060, "gw1"))
        for number in range(2 * count):
            began = time.monotonic()
            self.assertNotIn("error", node.command("drain 600" if number % 2 == 0 else "undrain"))
            expected = set() if number % 2 == 0 else with_member
            found, _ = self.server.watch(f"_sip._udp.{DOMAIN}", "SRV", lambda answer, e=expected: answer.texts("SRV") == e, 10)
            self.assertIsNotNone(found, "the member's change shows")
            spent.append(found - began)
        return statistics.median(spent)

    def test_their_life(self):
        self.node = self.net.start_node("gw1", ["sip_proxy"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
        alone_s = self.member_changes()

        with self.subTest("they come at once"):
            began = time.monotonic()
            self.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                     "INSERT INTO domains (name, template) SELECT 'c' || i || '.test', 'sip' FROM n", DOMAINS)
            self.resolves(f"c{DOMAINS}.test")
            self.resolves("c1.test")
            print(f"{DOMAINS} domains inserted -> answered: {time.monotonic() - began:.2f} s")
            self.assertEqual(DOMAINS, self.dns.status()["hosted_domains"])

        with self.subTest("a member's change takes no longer"):
            beside_s = self.member_changes()
            print(f"a member's change, median: {1000 * alone_s:.1f} ms alone, {1000 * beside_s:.1f} ms beside {DOMAINS} domains")

        with self.subTest("one more"):
            began = time.monotonic()
            self.sql("INSERT INTO domains (name, template) VALUES ('last.test', 'sip')")
            self.resolves("last.test")
            print(f"one more inserted -> answered: {time.monotonic() - began:.2f} s")

        with self.subTest("a row of the template"):
            before = self.server.ask("c77.test", "SOA").message.answer[0][0].serial
            began = time.monotonic()
            self.sql("INSERT INTO template_records (template, name, type, content) VALUES ('sip', 'info', 'TXT', '\"{domain}\"')")
            self.answers("info.c77.test", "TXT", {'"c77.test"'})
            print(f"a row in the template of {DOMAINS + 1} -> answered: {time.monotonic() - began:.2f} s")
            self.assertGreater(self.server.ask("c77.test", "SOA").message.answer[0][0].serial, before)

        with self.subTest("a restart"):
            self.assertEqual(0, self.dns.stop())
            began = time.monotonic()
            dns = self.net.start("dns1", "thor-dns").wait_ready()
            self.answers("info.c9999.test", "TXT", {'"c9999.test"'})
            memory = int(next(line for line in open(f"/proc/{dns.pid}/status", encoding="ascii") if line.startswith("VmRSS")).split()[1])
            print(f"restart -> answered: {time.monotonic() - began:.2f} s, {memory / 1024:.0f} MiB")
            self.assertEqual(DOMAINS + 1, dns.status()["hosted_domains"])
            wait_until(lambda: dns.status()["state"] == "fresh", "thor-dns follows the manager again")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))

        with self.subTest("zone.sqlite3 has them all"):
            zones = self.net.home("dns1") / "state" / "zone.sqlite3"

            def published():
                with sqlite3.connect(f"file:{zones}?mode=ro", uri=True) as db:
                    return db.execute("SELECT count(*) FROM domains").fetchone()[0]
            wait_until(lambda: published() == DOMAINS + 2, "all domains are on disk", timeout_s=120)

        with self.subTest("they go at once"):
            self.sql("DELETE FROM domains WHERE template = 'sip'")
            self.answers("c1.test", "SOA", [], rcode="REFUSED")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))


if __name__ == "__main__":
    overlaytest.main()
