#!/usr/bin/python3
"""Without any manager thor-dns judges the members itself, and follows a manager again when one is back; under policy `majority` it does not."""

import grp
import os
import shutil
import signal
import stat
import subprocess
import threading
import time

import overlaytest
from dnsclient import NameServer
from overlay import DOMAIN, PROGRAMS, Overlay, wait_until
from watcher import Figures

QUIET_S = 6  # longer than all waits of the judge, where nothing may change


class Proxies(threading.Thread):
    """Asks for the proxies all the time and keeps every set of them that was answered, in order."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = NameServer(server.address, server.port)
        self.seen = []
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.02):
            answer = self.server.ask(f"_sip._udp.{DOMAIN}", "SRV")
            now = frozenset(text.split()[3].split(".")[0] for text in answer.texts("SRV")) if answer.rcode == "NOERROR" else answer.rcode
            if self.seen[-1:] != [now]:
                self.seen.append(now)

    def stop(self):
        self.ending.set()
        self.join()
        return self.seen


class WithoutManager(overlaytest.OverlayTest):
    def setUp(self):
        self.net = self.enterContext(Overlay())

    def start(self, **overlay):
        net = self.net
        self.event_servers = [net.start_event_server("es1"), net.start_event_server("es2")]
        self.manager = net.start_manager(**overlay)
        self.dns = net.start_dns(overlay=overlay)
        self.pdns = [net.start_pdns()]
        self.gw1 = net.start_node("gw1", ["sip_proxy"])
        self.gw2 = net.start_node("gw2", ["sip_proxy"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))

    def becomes(self, state):
        wait_until(lambda: self.dns.status().get("state") == state, lambda: f"thor-dns is {state}: {self.dns.status()}")

    def serial(self):
        return self.dns.status()["serial"]

    def watch(self):
        proxies = Proxies(self.pdns[0].server)
        self.addCleanup(proxies.stop)
        return proxies

    def test_members_come_and_go_without_a_manager(self):
        self.start()
        net, before = self.net, self.serial()
        figures = Figures(net)
        self.addCleanup(figures.stop)

        with self.subTest("the last manager is killed, nodes join, leave and crash"):
            self.manager.kill()
            killed = time.monotonic()
            net.start_node("gw3", ["sip_proxy"])
            self.gw1.kill()
            self.assertEqual(0, self.gw2.stop())
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw3"))
            print(f"DNS shows join, leave and crash {time.monotonic() - killed:.1f} s after the last manager was killed")
            self.becomes("degraded")
            status = self.dns.status()
            self.assertTrue(status["divergent"])
            self.assertGreater(status["serial"], before)
            self.assertEqual({"es1", "es2"}, {server["id"] for server in status["judge"]["event_servers"] if server["counts"]})
            self.assertEqual(1, self.dns.metric("thor_divergent"))
            self.assertEqual(2, self.dns.metric("thor_judge_event_servers"))

        with self.subTest("the overlay hears of it"):
            wait_until(lambda: figures.of.get("dns1", {}).get("degraded"), "the figures say degraded")
            wait_until(lambda: figures.of["dns1"]["serial"] == self.serial(), "the figures have the serial")
            self.assertTrue(figures.of["dns1"]["divergent"])

        with self.subTest("a restart serves the same, and goes on judging"):
            before = self.serial()
            self.assertEqual(0, self.dns.stop())
            self.dns = net.start("dns1", "thor-dns").wait_ready()
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw3"))
            self.becomes("degraded")
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw3"))
            # The names of the nodes that left are forgotten, which is one step.
            self.assertIn(self.serial(), (before, before + 1))

        with self.subTest("a manager is back: nobody is missed, nobody flaps"):
            before = self.serial()
            proxies = self.watch()
            self.manager = net.start("m1", "thor-manager").wait_ready()
            self.becomes("fresh")
            time.sleep(QUIET_S)
            self.assertEqual([frozenset({"gw3"})], [seen for seen in proxies.stop() if seen != "SERVFAIL"])
            net.start_node("gw4", ["sip_proxy"])
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw3", "gw4"))
            wait_until(lambda: not self.dns.status()["divergent"], "the serial is the manager's again")
            self.assertGreater(self.serial(), before)

    def test_under_majority_the_zone_waits_for_a_manager(self):
        self.start(policy="majority", managers=1)
        before = self.serial()
        self.manager.kill()
        self.net.start_node("gw3", ["sip_proxy"])
        self.gw1.kill()
        self.becomes("stale")
        time.sleep(QUIET_S)
        self.assertEqual("stale", self.dns.status()["state"])
        self.assertEqual(before, self.serial())
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        self.net.start("m1", "thor-manager").wait_ready()
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw2", "gw3"))

    def test_all_event_servers_killed_leave_the_zone_as_it_is(self):
        self.start()
        before = self.serial()
        proxies = self.watch()
        self.manager.kill()
        self.becomes("degraded")
        for event_server in self.event_servers:
            event_server.kill()
        self.becomes("stale")
        time.sleep(QUIET_S)
        self.assertEqual([frozenset({"gw1", "gw2"})], proxies.stop())
        self.assertEqual(before, self.serial())

        with self.subTest("nor does a restart without them"):
            self.dns.kill()
            self.dns = self.net.start("dns1", "thor-dns").wait_ready()
            self.assertEqual("stale", self.dns.status()["state"])
            self.assertEqual(before, self.serial())
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))

        with self.subTest("nor does their return, with empty memories"):
            proxies = self.watch()
            for name in ("es1", "es2"):
                self.net.start(name, "thor-eventserver").wait_ready()
            self.becomes("degraded")
            time.sleep(QUIET_S)
            self.assertEqual([frozenset({"gw1", "gw2"})], [seen for seen in proxies.stop() if seen != "SERVFAIL"])
            self.assertEqual(before, self.serial())


class OneOfTheOverlay(overlaytest.OverlayTest):
    """thor-dns as a member, and as a service beside PowerDNS."""

    def setUp(self):
        net = self.net = self.enterContext(Overlay())
        net.start_event_server()
        net.start_manager()

    def test_it_announces_itself_and_tells_its_zone_which_does_not_show_that(self):
        dns = self.net.start_dns()
        wait_until(lambda: dns.status()["state"] == "fresh", "thor-dns follows the manager")
        wait_until(lambda: dns.status()["judge"]["members"] >= 2, "manager and thor-dns are members")
        self.pdns = [self.net.start_pdns()]
        server = self.pdns[0].server
        before = dns.status()["serial"]
        figures = Figures(self.net)
        self.addCleanup(figures.stop)
        self.net.start_dns("dns2", pdns=(), writer="dns1")
        wait_until(lambda: dns.status()["judge"]["members"] >= 3, "dns2 is a member")
        # Both begin with the serial of a zone that has heard no status yet, which may be what was told last.
        wait_until(lambda: figures.of.get("dns1", {}).get("serial") == before and figures.of["dns1"] == figures.of.get("dns2"),
                   lambda: f"both tell the zone with serial {before}: {figures.of}")
        self.assertEqual(before, dns.status()["serial"])
        for name in ("m1", "dns1", "dns2"):
            self.assertEqual("NXDOMAIN", server.ask(f"{name}.node.{DOMAIN}", "A").rcode)

    def test_the_older_of_two_with_one_certificate_goes_on_serving(self):
        dns = self.net.start_dns()
        self.pdns = [self.net.start_pdns()]
        tls = self.net.home("clone") / "tls"
        tls.mkdir()
        for kind in ("crt", "key"):
            shutil.copy(self.net.home("dns1") / f"tls/dns1.{kind}", tls / f"clone.{kind}")
        clone = self.net.start_dns("clone", pdns=())
        wait_until(lambda: dns.status()["replaced"], "the older one knows that it was replaced")
        self.assertFalse(clone.status()["replaced"])
        self.net.start_node("gw1", ["sip_proxy"])
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
        self.assertEqual("fresh", dns.status()["state"])
        wait_until(lambda: dns.status()["serial"] == clone.status()["serial"], "both follow the manager")
        self.assertGreaterEqual(dns.metric("thor_alarms_total"), 1)

    def test_renewed_credentials_are_used_at_once(self):
        dns = self.net.start_dns()
        self.net.start_node("gw1", ["sip_proxy"])
        wait_until(lambda: dns.status()["members"] >= 1, "gw1 is a member")
        tls = self.net.home("dns1") / "tls"
        for kind in ("crt", "key"):
            (tls / f"dns1.{kind}").unlink()
        self.net.ca.forget_issued()
        self.net.ca.issue("dns1", ["thor_dnsmanager"], tls)
        dns.signal(signal.SIGHUP)
        wait_until(lambda: dns.metric("thor_client_disconnections_total") == 1, "it connects anew with them")
        wait_until(lambda: dns.status()["event_servers"], "it is connected again")
        self.net.start_node("gw2", ["sip_proxy"])
        wait_until(lambda: self.net_has(dns, 2), "it follows the manager over the new connection")

    @staticmethod
    def net_has(dns, proxies):
        return dns.metric("thor_role_active") >= proxies

    def test_a_powerdns_that_has_not_started_yet_is_no_warning(self):
        dns = self.net.start_dns()
        self.net.start_node("gw1", ["sip_proxy"])
        wait_until(lambda: self.net_has(dns, 1), "gw1 is published")
        wait_until(lambda: dns.log_text().count("no PowerDNS to be told of changes yet") == 1, "that is said once")
        self.pdns = [self.net.start_pdns()]
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
        wait_until(lambda: "PowerDNS is there" in dns.log_text(), "its start is noticed")
        self.assertEqual(1, dns.log_text().count("no PowerDNS to be told"))
        self.assertNotIn("not told of a change", dns.log_text())

    def test_the_unix_socket_belongs_to_the_group_of_powerdns(self):
        group = grp.getgrgid(next((gid for gid in sorted(os.getgroups(), reverse=True) if gid != os.getegid()), os.getegid())
                             if os.geteuid() != 0 else grp.getgrnam("nogroup").gr_gid)
        self.net.start_dns(unix_group=group.gr_name)
        made = os.stat(self.net.home("dns1") / "run/pdns-remote.sock")
        self.assertEqual(group.gr_gid, made.st_gid)
        self.assertEqual(0o660, stat.S_IMODE(made.st_mode))

    def test_a_group_that_does_not_exist_is_refused(self):
        self.net.start_dns()
        config = self.net.home("dns1") / "thor.toml"
        config.write_text(config.read_text().replace("unix_socket =", 'unix_group = "no-such-group"\nunix_socket ='))
        done = subprocess.run([PROGRAMS / "thor-dns", "--config", config, "--check-config"], capture_output=True, text=True, check=False)
        self.assertEqual(2, done.returncode)
        self.assertRegex(done.stderr, r'thor\.toml:\d+:\d+: .*unix_group.*"no-such-group", which is no group of this machine')


if __name__ == "__main__":
    overlaytest.main()
