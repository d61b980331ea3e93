#!/usr/bin/python3
"""Roles as data: definitions that change while a real PowerDNS is asked."""

import signal
import subprocess
import threading
import unittest

import overlaytest
from overlay import DOMAIN, PROGRAMS, SOURCE, Overlay, wait_until

BILLING = """
role = "billing"
address = "billing"
null_target = true
[[srv]]
owner = "_billing._tcp"
port = 7000
[[uri]]
owner = "_http._tcp.billing"
target = "https://billing.{domain}/"
"""


class RoleTest(overlaytest.OverlayTest):
    """One thor-dns with a pdns_server for each connector in front."""

    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()
        self.dns = self.net.start_dns(pdns=["pdns-http", "pdns-unix"])
        self.pdns = [self.net.start_pdns("pdns-http", "http"), self.net.start_pdns("pdns-unix", "unix")]
        self.files = self.net.home("dns1") / "roles.d"

    def start_billing(self, name, table=None):
        """A node in a role that thor-ca does not know."""
        tls = self.net.home(name) / "tls"
        tls.mkdir()
        self.net.ca.run("issue", name, "--custom-role", "billing", "--address", *self.net.node_addresses(name), "--out", tls)
        return self.net.start_node(name, ["billing"], table)

    def reload(self, outcome="configuration reloaded"):
        """SIGHUP, and its end."""
        before = self.dns.log_text().count(outcome)
        self.dns.signal(signal.SIGHUP)
        wait_until(lambda: self.dns.log_text().count(outcome) > before, f"the log says: {outcome}")
        return self.dns.status()


    def settled_serial(self):
        """The serial once the manager has passed the step that thor-dns took by itself."""
        return wait_until(lambda: None if (status := self.dns.status())["divergent"] else status["serial"],
                          "the manager has passed our serial")


class Reload(RoleTest):
    def test_no_answer_is_lost(self):
        """Twenty reloads under continuous queries: what exists before and after is never missed."""
        self.net.start_node("gw1", ["sip_proxy", "xcap_server"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
        self.shows("gw1.node", "TXT", ['"sip_proxy=active" "xcap_server=active"'])
        asked = [("_sip._udp", "SRV"), ("proxy", "A"), ("", "NAPTR"), ("", "SOA"), ("xcap", "TXT"), ("gw1.node", "AAAA"),
                 ("_sips._tcp", "SRV"), ("ns1", "A")]
        wrong, counted, ending = [], [0, 0], threading.Event()

        def keep_asking(number, server):
            while not ending.is_set():
                for name, rdtype in asked:
                    answer = server.ask(f"{name}.{DOMAIN}" if name else DOMAIN, rdtype, timeout_s=10)
                    counted[number] += 1
                    if answer.rcode != "NOERROR" or not answer.texts(rdtype):
                        wrong.append((name, rdtype, answer))

        threads = [threading.Thread(target=keep_asking, args=(number, pdns.server)) for number, pdns in enumerate(self.pdns)]
        for thread in threads:
            thread.start()
        try:
            serial = self.dns.status()["serial"]
            built_in = (SOURCE / "coordinator/dns/roles/xcap_server.toml").read_text()
            for number in range(20):
                (self.files / "xcap.toml").write_text(f'{built_in}[[txt]]\nowner = "version{number}"\ntext = "{number}"\n')
                self.assertGreater(self.reload()["serial"], serial)
                serial = self.dns.status()["serial"]
                self.shows(f"version{number}", "TXT", [f'"{number}"'])
                asked_already = list(counted)
                wait_until(lambda before=asked_already: all(now >= was + len(asked) for now, was in zip(counted, before)),
                           "every name was asked for again, at each server")
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], wrong)
        self.shows("version18", "TXT", [], rcode="NXDOMAIN")

        with self.subTest("without a change nothing changes"):
            serial = self.settled_serial()
            self.assertEqual(serial, self.reload()["serial"])

    def test_a_broken_file_keeps_the_roles_that_are(self):
        (self.files / "billing.toml").write_text(BILLING)
        self.reload()
        serial = self.settled_serial()
        alarms = self.dns.metric("thor_alarms_total")
        (self.files / "other.toml").write_text('role = "other"\nadress = "other"\n')
        status = self.reload("configuration not reloaded")
        self.assertEqual(serial, status["serial"])
        self.assertIn("billing", status["roles"])
        self.assertNotIn("other", status["roles"])
        self.assertEqual(alarms + 1, self.dns.metric("thor_alarms_total"))
        self.assertIn(f'{self.files}/other.toml:2:1: unknown key "adress" (did you mean "address"?)', self.dns.log_text())

        checked = subprocess.run([PROGRAMS / "thor-dns", "--config", self.dns.config, "--check-config"],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(2, checked.returncode)
        self.assertIn(f"{self.files}/other.toml:2:1: ", checked.stderr)

        with self.subTest("nor does a definition that makes no zone here"):
            (self.files / "other.toml").write_text(f'role = "other"\n[[naptr]]\nservice = "O"\nreplacement = "nowhere.{DOMAIN}."\n')
            self.assertEqual(serial, self.reload("[dns] not reloaded")["serial"])
            self.assertEqual(alarms + 2, self.dns.metric("thor_alarms_total"))

        with self.subTest("and it is taken when it is repaired"):
            (self.files / "other.toml").write_text('role = "other"\naddress = "other"\n')
            self.assertGreater(self.reload()["serial"], serial)
            self.nodata("other", "A")

    def test_a_role_and_the_operators_records_at_its_names(self):
        """Where a role begins to publish, the operator's record rests; it is back when the role is gone."""
        www = f"billing.{DOMAIN}"
        database = self.net.home("dns1") / "state/operator.sqlite3"
        subprocess.run(["sqlite3", database, ".timeout 5000",
                        f"INSERT INTO records (domain_id, name, type, content, ttl) SELECT id, '{www}', 'A', '192.0.2.99', 60 FROM domains WHERE name = '{DOMAIN}';"],
                       check=True)
        self.shows("billing", "A", ["192.0.2.99"])
        (self.files / "billing.toml").write_text(BILLING)
        self.assertEqual(1, len(self.reload()["not_served"]))
        self.shows("billing", "A", [])
        self.nodata("billing", "A")
        (self.files / "billing.toml").unlink()
        self.assertEqual([], self.reload()["not_served"])
        self.shows("billing", "A", ["192.0.2.99"])

    def test_what_takes_a_restart_is_told(self):
        self.net.drop_in("dns1", {"dns": {"serving_threads": 2, "slice": 4}})
        self.reload("takes a restart")


class ReloadOfDelegatedZones(unittest.TestCase):
    def test_a_role_with_a_zone_of_its_own_takes_a_restart(self):
        with Overlay() as net:
            net.start_event_server()
            dns = net.start_dns(deployment="delegated")
            files = net.home("dns1") / "roles.d"

            def reload(outcome):
                before = dns.log_text().count(outcome)
                dns.signal(signal.SIGHUP)
                wait_until(lambda: dns.log_text().count(outcome) > before, f"the log says: {outcome}")
                return dns.status()["roles"]

            (files / "hidden.toml").write_text('role = "hidden"\npublic = false\n')
            self.assertIn("hidden", reload("12 roles"))
            (files / "billing.toml").write_text('role = "billing"\naddress = "billing"\n')
            self.assertNotIn("billing", reload(f"the zone billing.{DOMAIN}. is new: restart thor-dns"))
            self.assertEqual(0, dns.stop())
            dns = net.start("dns1", "thor-dns").wait_ready()
            self.assertIn("billing", dns.status()["roles"])


class Records(RoleTest):
    """Kinds of records that no built-in role has, as PowerDNS answers them."""

    def test_a_service_without_members_is_decidedly_not_available(self):
        (self.files / "billing.toml").write_text(BILLING)
        self.reload()
        self.shows("_billing._tcp", "SRV", ["0 0 0 ."])
        self.nodata("billing", "A")
        self.shows("_http._tcp.billing", "URI", [f'10 1 "https://billing.{DOMAIN}/"'])
        node = self.start_billing("b1")
        self.shows("_billing._tcp", "SRV", self.srv(7000, "b1"))
        self.assertEqual(0, node.stop())
        self.shows("_billing._tcp", "SRV", ["0 0 0 ."])

    def test_weight_by_capacity(self):
        (self.files / "billing.toml").write_text('role = "billing"\nweights = "capacity"\n[[srv]]\nowner = "_billing._tcp"\nport = 7000\n')
        self.reload()
        node = self.start_billing("b1", {"attributes": {"capacity": "250"}})
        self.start_billing("b2", {"attributes": {"capacity": "1000000"}})
        self.shows("_billing._tcp", "SRV", [f"10 250 7000 b1.node.{DOMAIN}.", f"10 65535 7000 b2.node.{DOMAIN}."])
        with self.subTest("which follows the member"):
            self.net.configure("b1", {"node": {"attributes": {"capacity": "300"}}})
            node.signal(signal.SIGHUP)
            self.shows("_billing._tcp", "SRV", [f"10 300 7000 b1.node.{DOMAIN}.", f"10 65535 7000 b2.node.{DOMAIN}."])

    def test_the_example_of_stun_and_turn(self):
        (self.files / "media_relay.toml").write_text((SOURCE / "contrib/examples/roles.d/media_relay.toml").read_text())
        self.reload()
        self.net.start_node("relay1", ["media_relay"])
        for owner, port in (("_stun._udp", 3478), ("_turn._udp", 3478), ("_turns._tcp", 5349)):
            self.shows(owner, "SRV", self.srv(port, "relay1"))


if __name__ == "__main__":
    overlaytest.main()
