#!/usr/bin/python3
"""What all daemons have in common: GET /metrics, new configuration on SIGHUP, --check-config, and the manners of a systemd service."""

import http.client
import os
import re
import signal
import socket
import subprocess
import unittest
from unittest import mock

import overlaytest
from overlay import PROGRAMS, Overlay, wait_until

CONNECTIONS_MAX = 16
LIFE_DAYS = 365  # of a certificate that thor-ca issues


def request(where, path="/metrics", method="GET"):
    """The answer and its text."""
    address, _, port = where.rpartition(":")
    connection = http.client.HTTPConnection(address, int(port), timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


MACHINES = {"es1": "thor-eventserver", "m1": "thor-manager", "dns1": "thor-dns", "gw1": "thor-node", "db1": "thor-database"}


def start_all(net):
    """One of each daemon, by machine."""
    daemons = {"es1": net.start_event_server(), "m1": net.start_manager(), "dns1": net.start_dns(), "gw1": net.start_node("gw1", ["sip_proxy"]).wait_ready()}
    net.ca.issue("db1", ["thor_database"], net.home("db1") / "tls", net.node_addresses("db1"))
    net.configure("db1", {"database": {"uri": [{"uri": "mysql://thor@192.0.2.9/thor"}]}})
    return daemons | {"db1": net.start("db1", "thor-database").wait_ready()}


class Metrics(overlaytest.OverlayTest):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        for name, program in MACHINES.items():
            cls.net.drop_in(name, {"metrics": {program: f"{cls.net.address}:0"}})
        cls.daemons = start_all(cls.net)

    def text(self, name):
        return request(self.daemons[name].status()["metrics_listen"])[1]

    def shown(self, name, sample):
        wait_until(lambda: f"{sample}\n" in self.text(name), lambda: f"{sample} at {name}; there is\n{self.text(name)}")

    def test_each_daemon_answers(self):
        for name, program in MACHINES.items():
            with self.subTest(program):
                answer, text = request(self.daemons[name].status()["metrics_listen"])
                self.assertEqual((200, "text/plain; version=0.0.4; charset=utf-8"), (answer.status, answer.getheader("Content-Type")))
                self.assertIn(f'thor_build_info{{program="{program}",', text)
                days = float(re.search(r"^thor_certificate_days_left (\S+)$", text, re.M)[1])
                self.assertTrue(LIFE_DAYS - 1 < days <= LIFE_DAYS, days)

    def test_what_operators_watch_comes_first(self):
        for name in ("m1", "dns1"):
            self.shown(name, 'thor_role_active{role="sip_proxy"} 1')
            self.assertTrue(self.text(name).startswith("# HELP thor_role_active "), name)
        self.shown("dns1", 'thor_role_active{role="media_relay"} 0')

    def test_what_else_operators_ask_for(self):
        status = wait_until(lambda: self.daemons["dns1"].status(), "thor-dns answers")
        self.shown("dns1", f"thor_epoch_counter {status['epoch']['counter']}")
        self.shown("m1", f"thor_epoch_counter {status['epoch']['counter']}")
        self.shown("dns1", 'thor_feed_state{state="fresh"} 1')
        self.assertRegex(self.text("dns1"), r'(?m)^thor_dns_purges_total\{result="failed"\} \d+$')
        self.assertRegex(self.text("dns1"), r"(?m)^thor_zone_serial \d+$")
        for name in ("m1", "dns1", "gw1", "db1"):
            self.shown(name, f'thor_client_connected{{server="{self.net.event_servers[0]}"}} 1')
        with socket.create_connection(self.net.event_servers[0].split(":")) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.shown("es1", 'thor_eventserver_refused_total{reason="not_tls"} 1')

    def test_it_tells_no_secret(self):
        token = (self.net.home("dns1") / "state/pdns-token").read_text().strip()
        self.assertNotIn(token, self.text("dns1"))

    def test_there_is_nothing_else(self):
        where = self.daemons["gw1"].status()["metrics_listen"]
        self.assertEqual(404, request(where, "/")[0].status)
        answer = request(where, method="POST")[0]
        self.assertEqual((405, "GET"), (answer.status, answer.getheader("Allow")))

    def test_those_who_ask_nothing_are_cut_off(self):
        node = self.daemons["gw1"]
        address, _, port = node.status()["metrics_listen"].rpartition(":")
        idle = [self.enterContext(socket.create_connection((address, int(port)))) for _ in range(CONNECTIONS_MAX)]
        self.assertTrue(node.status()["ready"], "the daemon goes on")
        for connection in idle:
            connection.settimeout(30)
            self.assertEqual(b"", connection.recv(1))
        self.shown("gw1", f'thor_metrics_requests_total{{result="too_slow"}} {CONNECTIONS_MAX}')


class Reload(overlaytest.OverlayTest):
    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.event_server = self.net.start_event_server()
        self.node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.reloads = 0

    def reload(self, daemon, **tables):
        """Writes other tables and says so; returns what the daemon logs about it, once it has."""
        self.net.drop_in(daemon.name, tables)
        before = daemon.log_text()
        daemon.signal(signal.SIGHUP)
        said = re.compile(r"^.*(?:configuration reloaded|configuration not reloaded).*$", re.M)
        wait_until(lambda: said.search(daemon.log_text()[len(before):]), f"{daemon.name} has looked at its configuration")
        return daemon.log_text()[len(before):]

    def weight(self):
        return self.node.status()["roles"]["sip_proxy"]["weight"]

    def test_what_a_node_announces(self):
        incarnation = self.node.status()["incarnation"]
        self.reload(self.node, node={"site": "ams1", "role": {"sip_proxy": {"weight": 50}}})
        wait_until(lambda: self.weight() == 50, "the new weight is announced")
        member = wait_until(lambda: next((m for m in self.event_server.status()["members"] if m["sequence"] == 2), None), "it is published")
        self.assertEqual(("gw1", incarnation, "connected"), (member["id"], member["incarnation"], member["state"]))

        with self.subTest("a bad file changes nothing, and says where it is bad"):
            said = self.reload(self.node, log={"level": "debug"}, node={"role": {"sip_proxy": {"weight": 65536}}})
            self.assertRegex(said, r"error configuration not reloaded, the old one stays in force: \S+/conf\.d/test\.toml:\d+:10: weight in "
                                   r"\[node\.role\.sip_proxy\] must be 0 to 65535, not 65536")
            self.assertEqual(50, self.weight())
            self.assertNotIn(" debug ", self.node.log_text())

        with self.subTest("what the certificate does not allow changes nothing either"):
            self.reload(self.node, node={"roles": ["media_relay"]})
            wait_until(lambda: "[node] not reloaded, the old one stays in force: roles in [node] has" in self.node.log_text(), "that is said")
            self.assertEqual(50, self.weight())

        with self.subTest("the next good one is taken"):
            self.reload(self.node)
            wait_until(lambda: self.weight() == 100, "the weight is the default again")
        self.assertEqual(incarnation, self.node.status()["incarnation"], "the process is the same")

    def test_the_log_level(self):
        quiet = self.event_server.log_text()
        self.assertNotIn(" debug ", quiet)
        self.reload(self.event_server, log={"level": "debug"})
        self.node.stop()
        wait_until(lambda: re.search(r" debug session \d+ ended", self.event_server.log_text()), "a debug line")

    def test_the_place_of_the_metrics(self):
        self.reload(self.node, metrics={"thor-node": f"{self.net.address}:0"})
        first = self.node.status()["metrics_listen"]
        self.assertEqual(200, request(first)[0].status)

        other = f"{self.net.address}:{self.net.free_port()}"
        self.reload(self.node, metrics={"thor-node": other})
        self.assertEqual(200, request(other)[0].status)
        self.assertRaises(ConnectionError, request, first)

        with self.subTest("a place that is taken: the old one stays"):
            said = self.reload(self.node, metrics={"thor-node": self.net.event_servers[0]})
            self.assertIn(f"[metrics] not reloaded, the old one stays in force: cannot listen at {self.net.event_servers[0]}: Address already in use", said)
            self.assertEqual(200, request(other)[0].status)

        self.reload(self.node)
        self.assertNotIn("metrics_listen", self.node.status(), "off")
        self.assertRaises(ConnectionError, request, other)

    def test_the_rest_takes_a_restart(self):
        said = self.reload(self.node, overlay={"run_dir": "/elsewhere"}, dns={"slice": 0})
        self.assertIn("what changed in [overlay] takes a restart", said)
        self.assertTrue(self.node.status()["ready"], "it is where it was")
        self.assertNotIn("takes a restart", self.reload(self.node))


class CheckConfig(unittest.TestCase):
    def test_every_program_tells_good_from_bad(self):
        net = self.enterContext(Overlay())
        start_all(net)
        for name, program in MACHINES.items():
            def check(words, name=name, program=program):
                return subprocess.run([PROGRAMS / program, "--config", net.home(name) / "thor.toml", *words],
                                      capture_output=True, text=True, check=False, timeout=60)
            with self.subTest(program):
                good = check(["--check-config"])
                self.assertEqual((0, f"{program}: configuration and credentials are in order\n"), (good.returncode, good.stdout))
                net.drop_in(name, {"metrics": {program: "everywhere"}, "log": {"levle": "info"}})
                for words in (["--check-config"], []):
                    bad = check(words)
                    self.assertEqual(2, bad.returncode)
                    self.assertRegex(bad.stderr, rf"^{program}: \S+/test\.toml:\d+:\d+: {program} in \[metrics\] is wrong: "
                                                 rf'"everywhere" has no port\n{program}: \S+/test\.toml:\d+:1: unknown key "levle"')

    def test_every_program_needs_the_role_in_its_certificate(self):
        net = self.enterContext(Overlay())
        start_all(net)
        tls = net.home("intruder") / "tls"
        net.ca.issue("intruder", ["thor_monitor"], tls)
        for name, program in MACHINES.items():
            net.drop_in(name, {"overlay": {"certificate": str(tls / "intruder.crt"), "key": str(tls / "intruder.key")}})
            for words in (["--check-config"], []):
                with self.subTest(program, words=words):
                    bad = subprocess.run([PROGRAMS / program, "--config", net.home(name) / "thor.toml", *words],
                                         capture_output=True, text=True, check=False, timeout=60)
                    self.assertEqual(2, bad.returncode)
                    self.assertRegex(bad.stderr, f"^{program}: the certificate of intruder has no OU ")


class Manners(unittest.TestCase):
    """Those of a service with Type=notify."""

    def test_of_every_daemon(self):
        net = self.enterContext(Overlay())
        start_all(net)
        for name, program in MACHINES.items():  # from the second on without any event server
            with self.subTest(program):
                net.processes[list(MACHINES).index(name)].stop()
                words = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
                where = net.directory / f"{name}.notify"
                words.bind(str(where))
                words.settimeout(30)
                with mock.patch.dict(os.environ, NOTIFY_SOCKET=str(where), WATCHDOG_USEC="200000"):
                    daemon = net.start(name, program)
                self.assertEqual(["READY=1", "WATCHDOG=1", "WATCHDOG=1"], [words.recv(100).decode() for _ in range(3)])
                daemon.signal(signal.SIGTERM)
                while (word := words.recv(100).decode()) == "WATCHDOG=1":
                    pass
                self.assertEqual("STOPPING=1", word)
                self.assertEqual(0, daemon.child.wait(30))


if __name__ == "__main__":
    overlaytest.main()
