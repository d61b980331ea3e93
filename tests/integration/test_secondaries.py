#!/usr/bin/python3
"""NSD and BIND follow the overlay's zone by NOTIFY and AXFR, whatever happens to managers, thor-dns and PowerDNS; no serial ever goes back."""

import socket
import sqlite3
import statistics
import threading
import time
import unittest

import dns.flags
import dns.message
import dns.opcode
import overlaytest
from dnssoftware import Bind, Nsd
from netns import NETWORK, OBSERVER, NetnsOverlay
from overlay import DOMAIN, wait_until

ROUNDS = 10
PDNS_RESENDS_WITHIN_S = 4  # a notification that nobody acknowledged
# So long that only a NOTIFY can be why a secondary has a change.
SOA = {"refresh_s": 86400, "retry_s": 7200}


class Ear(threading.Thread):
    """A secondary that does nothing but acknowledge; `heard` has the time of each NOTIFY."""

    def __init__(self):
        super().__init__(daemon=True)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((OBSERVER, 0))
        self.address = "{}:{}".format(*self.udp.getsockname())
        self.heard = []
        self.start()

    def run(self):
        while True:
            octets, sender = self.udp.recvfrom(4096)
            message = dns.message.from_wire(octets)
            if message.opcode() == dns.opcode.NOTIFY:
                self.heard.append(time.monotonic())
                message.flags |= dns.flags.QR
                self.udp.sendto(message.to_wire(), sender)


class Serials(threading.Thread):
    """Asks all servers for the SOA, some dozen times a second; `seen` has the serials of each, whenever they changed."""

    def __init__(self, servers):
        super().__init__(daemon=True)
        self.servers = servers
        self.seen = {name: [] for name in servers}
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.02):
            for name, server in self.servers.items():
                for text in server.ask(DOMAIN, "SOA", timeout_s=1).texts("SOA"):
                    serial = int(text.split()[2])
                    if self.seen[name][-1:] != [serial]:
                        self.seen[name].append(serial)

    def stop(self):
        self.ending.set()
        self.join()
        return self.seen


class Secondaries(overlaytest.OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay())
        self.es = [net.start_event_server(name) for name in ("es1", "es2")]
        self.manager = {name: net.start_manager(name) for name in ("m1", "m2")}
        self.dns = net.start_dns(soa=SOA)
        self.primary = net.start_pdns()
        self.pdns = [self.primary]
        self.ear = Ear()
        self.metadata("ALLOW-AXFR-FROM", f"{NETWORK}.0.0/16")
        for address in (net.endpoint("nsd", 53)[0], net.endpoint("bind", 53)[0], self.ear.address):
            self.metadata("ALSO-NOTIFY", address)
        wait_until(lambda: self.ear.heard, "the secondaries that were added are told of the zone")
        self.node = {name: net.start_node(name, ["sip_proxy"]) for name in ("gw1", "gw2")}
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        self.nsd = Nsd(net, self.primary.server, [DOMAIN]).wait_ready()
        self.bind = Bind(net, self.primary.server, [DOMAIN]).wait_ready()
        self.secondaries = [self.nsd, self.bind]
        self.follow("gw1", "gw2")

    def operator(self, statement, *values):
        with sqlite3.connect(self.net.home("dns1") / "state/operator.sqlite3", timeout=10) as database:
            database.execute(statement, values)

    def metadata(self, kind, value):
        self.operator("INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, ?, ? FROM domains "
                      "WHERE name NOT LIKE 'lookup.%'", kind, value)

    def follow(self, *proxies):
        """PowerDNS and both secondaries come to hold the same zone, with these proxies."""
        self.shows("_sip._udp", "SRV", self.srv(5060, *proxies))

        def all_same():
            zone = self.primary.server.transfer(DOMAIN)
            return zone and all(secondary.server.transfer(DOMAIN) == zone for secondary in self.secondaries)
        wait_until(all_same, lambda: "the secondaries hold the zone of PowerDNS: " + "; ".join(
            f"{one.name} {one.server.ask(DOMAIN, 'SOA')}" for one in [self.primary, *self.secondaries]))
        for secondary in self.secondaries:
            answer = secondary.server.ask(f"_sip._udp.{DOMAIN}", "SRV")
            self.assertEqual((True, self.srv(5060, *proxies)), (answer.authoritative, answer.texts("SRV")))

    def drain(self, name, again=False):
        self.assertNotIn("error", self.node[name].command("undrain" if again else "drain 600"))

    def start_again(self, name, program):
        return self.net.start(name, program).wait_ready()

    def test_a_change_is_notified_within_a_second_or_so(self):
        delays = []
        for number in range(ROUNDS):
            time.sleep(1 + 0.1 * number)  # PowerDNS sends its notifications once a second: at every moment of it
            before, heard = time.monotonic(), len(self.ear.heard)
            self.drain("gw2", again=number % 2)
            wait_until(lambda heard=heard: len(self.ear.heard) > heard, "a NOTIFY")
            delays.append(self.ear.heard[heard] - before)
        print(f"from the change to the NOTIFY at a secondary: p50 {statistics.median(delays):.2f} s, longest {max(delays):.2f} s")
        self.follow("gw1", "gw2")
        self.assertEqual(0, self.dns.metric(r'thor_dns_notifies_total\{result="failed"\}'))

    def test_changes_without_end_are_notified_once_a_second_and_the_last_one_too(self):
        told = r'thor_dns_notifies_total\{result="ok"\}'
        before, began = self.dns.metric(told), time.monotonic()
        while time.monotonic() < began + 3:
            self.drain("gw2")
            self.drain("gw2", again=True)
        self.drain("gw2")
        self.follow("gw1")
        self.assertLessEqual(self.dns.metric(told) - before, time.monotonic() - began + 2)

    def test_the_copies_follow_through_everything(self):
        watch = Serials({one.name: one.server for one in [self.primary, *self.secondaries]})
        self.addCleanup(watch.stop)
        with self.subTest("another manager takes over"):
            self.manager["m1"].kill()
            self.drain("gw2")
            self.follow("gw1")
        with self.subTest("no manager: thor-dns judges by itself"):
            self.manager["m2"].kill()
            wait_until(lambda: self.dns.status()["state"] == "degraded", "degraded")
            self.drain("gw2", again=True)
            self.follow("gw1", "gw2")
        with self.subTest("thor-dns restarts meanwhile"):
            self.assertEqual(0, self.dns.stop())
            self.dns = self.start_again("dns1", "thor-dns")
            wait_until(lambda: self.dns.status()["state"] == "degraded", "degraded")
            self.node["gw2"].kill()
            self.follow("gw1")
        with self.subTest("managers are back"):
            for name in self.manager:
                self.manager[name] = self.start_again(name, "thor-manager")
            wait_until(lambda: self.dns.status()["state"] == "fresh", "fresh")
            self.node["gw2"] = self.net.start("gw2", "thor-node")
            self.follow("gw1", "gw2")
        with self.subTest("thor-dns crashes"):
            self.dns.kill()
            self.dns = self.start_again("dns1", "thor-dns")
            wait_until(lambda: self.dns.status()["state"] == "fresh", "fresh")
            self.drain("gw2")
            self.follow("gw1")
        with self.subTest("the operator adds a record"):
            self.operator("INSERT INTO records (domain_id, name, type, content) SELECT id, 'www.' || name, 'A', '192.0.2.80' FROM domains "
                          "WHERE name NOT LIKE 'lookup.%'")
            self.shows("www", "A", ["192.0.2.80"])
            self.follow("gw1")
        with self.subTest("PowerDNS misses a change"):
            self.primary.stop()
            self.drain("gw2", again=True)
            wait_until(lambda: self.dns.metric(r'thor_dns_purges_total\{result="failed"\}'), "thor-dns cannot tell PowerDNS")
            self.pdns = [self.net.start_pdns()]
            self.primary = self.pdns[0]
            self.follow("gw1", "gw2")
        for name, serials in watch.stop().items():
            self.assertGreater(len(serials), 5, name)
            self.assertEqual(sorted(serials), serials, f"serials at {name}, each time they changed")

    def test_a_zone_of_which_nobody_knows_the_members_is_handed_to_nobody(self):
        copy = self.nsd.server.transfer(DOMAIN)
        self.dns.stop()
        for process in (*self.es, *self.manager.values()):
            process.kill()
        for file in (self.net.home("dns1") / "state").glob("zone.sqlite3*"):
            file.unlink()
        self.dns = self.start_again("dns1", "thor-dns")
        self.assertEqual("unknown", self.dns.status()["state"])
        wait_until(lambda: self.primary.server.ask(f"_sip._udp.{DOMAIN}", "SRV").rcode == "SERVFAIL", "the proxies are unknown")
        self.assertIsNone(self.primary.server.transfer(DOMAIN))
        for secondary in self.secondaries:
            self.assertEqual(copy, secondary.server.transfer(DOMAIN))
        heard = len(self.ear.heard)
        for name in ("es1", "es2"):
            self.start_again(name, "thor-eventserver")
        for name in self.manager:
            self.start_again(name, "thor-manager")
        wait_until(lambda: self.dns.status()["state"] == "fresh", "fresh")
        self.drain("gw2")
        self.follow("gw1")
        self.assertGreater(len(self.ear.heard), heard)


class NobodyAcknowledges(unittest.TestCase):
    """A zone whose secondary is never there."""

    def start(self, **options):
        net = self.enterContext(NetnsOverlay())
        net.start_event_server()
        net.start_manager()
        dns = net.start_dns()
        pdns = net.start_pdns(options=options)
        with sqlite3.connect(net.home("dns1") / "state/operator.sqlite3") as database:
            database.execute("INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, 'ALSO-NOTIFY', ? FROM domains", [f"{OBSERVER}:1"])
        return net, dns, pdns

    def test_powerdns_outlives_thor_dns_with_a_notification_to_send(self):
        net, dns, pdns = self.start()
        wait_until(lambda: dns.metric(r'thor_dns_notifies_total\{result="ok"\}'), "the notification is queued")
        dns.kill()
        time.sleep(PDNS_RESENDS_WITHIN_S)
        pdns.check_running()
        net.start("dns1", "thor-dns").wait_ready()
        wait_until(lambda: pdns.server.ask(DOMAIN, "SOA").rcode == "NOERROR", "it answers again")

    def test_a_refused_notification_is_told_and_holds_up_no_purge(self):
        net, dns, pdns = self.start(primary="no")
        wait_until(lambda: dns.metric(r'thor_dns_notifies_total\{result="failed"\}'), "the refusal is counted")
        self.assertRegex(dns.log_text(), r'PowerDNS does not notify secondaries, trying again .*: unexpected answer "PowerDNS not configured as primary')
        purged = dns.metric(r'thor_dns_purges_total\{result="ok"\}')
        net.start_node("gw1", ["sip_proxy"])
        wait_until(lambda: pdns.server.ask(f"_sip._udp.{DOMAIN}", "SRV").texts("SRV"), "gw1 shows")
        self.assertGreater(dns.metric(r'thor_dns_purges_total\{result="ok"\}'), purged)


if __name__ == "__main__":
    overlaytest.main()
