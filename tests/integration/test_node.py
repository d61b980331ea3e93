#!/usr/bin/python3
"""thor-node against real event servers: how it joins, what it says, and that it comes back after whatever happened, but never against a newer self."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import unittest
from unittest import mock

from overlay import DOMAIN, PROGRAMS, Overlay, Pdns, wait_until
from wirepeer import Closed, Identity, Peer

THOR_NODE = PROGRAMS / "thor-node"


class Listener(threading.Thread):
    """Subscribes to one event server and keeps what it says about members."""

    TOPICS = ("Thor.Presence", "Thor.Leave")

    def __init__(self, net, server):
        super().__init__(daemon=True)
        self.presences, self.leaves, self.facts = [], [], []
        self.peer = Peer(net, server, Identity.issue(net, "listener", ["thor_monitor"])).join(topics=self.TOPICS)
        self.start()

    def run(self):
        try:
            while True:
                message = self.peer.hear("event", "fact")
                if message["type"] == "fact":
                    self.facts.append((message["id"], message["state"]))
                elif message["topic"] == "Thor.Presence":
                    self.presences.append(json.loads(message["body"]))
                else:
                    self.leaves.append(json.loads(message["body"]))
        except (Closed, OSError):
            pass

    def stop(self):
        with contextlib.suppress(OSError):
            self.peer.tls.shutdown(socket.SHUT_RDWR)
        self.join()
        self.peer.tls.close()


class AuthorityServer(Pdns):
    """A name server with the bind backend: the domain as its operator's parent zone shows it."""

    def __init__(self, net, name="ns"):
        self.home = net.home(name)
        self.port = net.free_port()
        self.zone = self.home / "zone"
        (self.home / "named.conf").write_text(f'zone "{net.domain}" {{ type master; file "{self.zone}"; }};\n')
        (self.home / "pdns.conf").write_text(
            f"launch=bind\nbind-config={self.home}/named.conf\nlocal-address={net.address}\nlocal-port={self.port}\n"
            f"socket-dir={self.home}/run\nsecurity-poll-suffix=\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nwrite-pid=no\n")
        self.text = f"{net.address}:{self.port}"
        self.net = net
        self.serial = 0

    def show(self, servers):
        """Writes a zone in which the given "address:port" are the event servers, each under a name of its own."""
        self.serial += 1
        lines = [f"@ 5 IN SOA ns hostmaster {self.serial} 3600 600 86400 5", "@ 5 IN NS ns", f"ns 5 IN A {self.net.address}"]
        for number, server in enumerate(servers, 1):
            address, _, port = server.rpartition(":")
            lines += [f"_eventserver._tcp 5 IN SRV 10 0 {port} es{number}", f"es{number} 5 IN A {address}"]
        self.zone.write_text(f"$ORIGIN {DOMAIN}.\n" + "\n".join(lines) + "\n")

    def launch(self):
        log = self.net.directory / "ns.log"
        Pdns.__init__(self, "ns", self.home, log, self.net.address, self.port)
        self.net.processes.append(self)
        return self.wait_ready()

    def reload(self):
        subprocess.run(["pdns_control", f"--socket-dir={self.home}/run", "bind-reload-now", DOMAIN], check=True, capture_output=True)


class NodeTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Overlay())


    def listen(self):
        listener = Listener(self.net, self.net.event_servers[0])
        self.addCleanup(listener.stop)
        return listener

    def member(self, event_server, name="gw1"):
        """What an event server's status says about a member; {} when nothing."""
        return next((m for m in event_server.status().get("members", []) if m["id"] == name), {})

    def wait_member(self, event_server, state, name="gw1"):
        wait_until(lambda: self.member(event_server, name).get("state") == state, f"{name} is {state} at {event_server.name}")
        return self.member(event_server, name)

    def roles(self, node):
        return {role: offer["state"] for role, offer in node.status().get("roles", {}).items()}


class Joining(NodeTest):
    def test_a_certificate_and_a_list_of_event_servers_are_enough(self):
        first, second = self.net.start_event_server("es1"), self.net.start_event_server("es2")
        node = self.net.start_node("gw1", ["sip_proxy", "media_relay"]).wait_ready()
        for event_server in (first, second):
            self.wait_member(event_server, "connected")
        wait_until(lambda: len(node.status()["event_servers"]) == 2, "the node is connected to both")
        status = node.status()
        self.assertEqual(("gw1", DOMAIN), (status["id"], status["domain"]))
        self.assertEqual({"sip_proxy": "active", "media_relay": "active"}, self.roles(node))
        self.assertEqual(self.net.node_addresses("gw1"), status["addresses"], "those of the certificate")
        self.assertEqual(1, status["sequence"])
        self.assertGreater(status["certificate_days_left"], 0)

    def test_the_configuration_narrows_and_details_what_the_certificate_allows(self):
        event_server = self.net.start_event_server()
        seen = self.listen()
        address = self.net.node_addresses("gw1")[0]
        self.net.start_node("gw1", ["sip_proxy", "media_relay"], {
            "roles": ["sip_proxy"], "addresses": [address], "site": "ams1", "attributes": {"rack": "B7"},
            "role": {"sip_proxy": {"priority": 20, "weight": 50, "ports": {"sip.udp": 5070}, "check": []}}})
        wait_until(lambda: seen.presences, "the presence is published")
        said = seen.presences[0]
        self.assertEqual({"sip_proxy": {"state": "active", "priority": 20, "weight": 50, "ports": {"sip.udp": 5070}}}, said["roles"])
        self.assertEqual(([address], "ams1", {"rack": "B7"}), (said["addresses"], said["site"], said["attributes"]))
        self.wait_member(event_server, "connected")

    def test_without_any_address_the_local_one_is_announced(self):
        self.net.start_event_server()
        seen = self.listen()
        self.net.ca.issue("gw1", ["sip_proxy"], self.net.home("gw1") / "tls", [])
        self.net.configure("gw1", {"node": {}})
        self.net.start("gw1", "thor-node")
        wait_until(lambda: seen.presences, "the presence is published")
        self.assertEqual(["127.0.0.1"], seen.presences[0]["addresses"], "its end of the connection to the event server")

    def test_event_servers_are_found_by_dns_and_followed(self):
        first = self.net.start_event_server("es1")
        name_server = AuthorityServer(self.net)
        node = self.net.start_node("gw1", ["sip_proxy"], event_servers=[], resolvers=[name_server.text])
        wait_until(lambda: "SRV _eventserver._tcp" in node.log_text(), "a look-up fails: there is no name server yet")
        name_server.show(self.net.event_servers)
        name_server.launch()
        self.wait_member(first, "connected")

        second = self.net.start_event_server("es2")
        name_server.show(self.net.event_servers[1:])
        name_server.reload()
        first.kill()
        self.wait_member(second, "connected")
        wait_until(lambda: node.status()["event_servers"] == self.net.event_servers[1:], "only the new one is connected")


class Leaving(NodeTest):
    def setUp(self):
        super().setUp()
        self.event_server = self.net.start_event_server()
        self.seen = self.listen()

    def test_leaves_for_good(self):
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.assertEqual(0, node.stop())
        wait_until(lambda: self.seen.leaves, "it says Thor.Leave")
        leave = self.seen.leaves[0]
        self.assertEqual(("gw1", 2, 0), (leave["id"], leave["sequence"], leave.get("hold_ms", 0)))

    def test_asks_to_be_held_and_comes_back_with_a_greater_incarnation(self):
        node = self.net.start_node("gw1", ["sip_proxy"], {"on_stop": "hold", "hold_s": 7}).wait_ready()
        first = node.status()["incarnation"]
        self.assertEqual(0, node.stop())
        wait_until(lambda: self.seen.leaves, "it says Thor.Leave")
        self.assertEqual(7000, self.seen.leaves[0]["hold_ms"])
        again = self.net.start("gw1", "thor-node").wait_ready()
        self.assertGreater(again.status()["incarnation"], first)

    def test_a_crash_says_nothing(self):
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        node.kill()
        wait_until(lambda: ("gw1", "closed") in self.seen.facts, "the event server reports the end of the connection")
        self.assertEqual([], self.seen.leaves)


class Draining(NodeTest):
    def setUp(self):
        super().setUp()
        self.event_server = self.net.start_event_server()
        self.seen = self.listen()
        self.node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()

    def command(self, *words):
        """As an operator types it."""
        return subprocess.run([THOR_NODE, "--config", self.node.config, *words], capture_output=True, text=True, check=False)

    def states(self):
        return [p["roles"]["sip_proxy"]["state"] for p in self.seen.presences]

    def test_drains_and_undrains_on_command(self):
        self.assertEqual(0, self.command("drain", "600").returncode)
        wait_until(lambda: self.states()[-1:] == ["draining"], "the drain is announced")
        self.assertLessEqual(self.node.status()["drain_seconds_left"], 600)
        self.assertEqual(0, self.command("undrain").returncode)
        wait_until(lambda: self.states()[-1:] == ["active"], "the end of the drain is announced")
        self.assertEqual([1, 2, 3], [p["sequence"] for p in self.seen.presences])

    def test_a_drain_survives_a_crash(self):
        self.command("drain")
        self.node.kill()
        again = self.net.start("gw1", "thor-node").wait_ready()
        self.assertEqual({"sip_proxy": "draining"}, self.roles(again))
        self.assertEqual("draining", self.states()[-1], "from its first word on")
        self.assertGreater(again.status()["drain_seconds_left"], 3500)

    def test_a_drain_ends_by_itself(self):
        self.command("drain", "1")
        wait_until(lambda: self.states()[-2:] == ["draining", "active"], "it drained, and takes new work again")
        self.assertFalse(self.node.status()["draining"])
        self.node.kill()
        self.assertEqual({"sip_proxy": "active"}, self.roles(self.net.start("gw1", "thor-node").wait_ready()))

    def test_what_is_no_time_is_refused(self):
        for wrong in ("0", "-1", "soon", "604801", "1 2"):
            done = self.command("drain", "--", wrong)
            self.assertEqual(1, done.returncode, wrong)
            self.assertIn("seconds from 1 to 604800", done.stderr)
        self.assertFalse(self.node.status()["draining"])

    def test_status_and_metrics_are_for_people_and_programs(self):
        status = json.loads(self.command("status").stdout)
        self.assertEqual("thor-node", status["program"])
        self.assertIn("thor_node_draining 0\n", self.command("metrics").stdout)
        self.node.stop()
        stopped = self.command("status")
        self.assertEqual(1, stopped.returncode)
        self.assertIn("is the daemon running?", stopped.stderr)


class ComingBack(NodeTest):
    def test_an_event_server_that_crashed_is_connected_again(self):
        event_server = self.net.start_event_server()
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        before = node.status()
        event_server.kill()
        wait_until(lambda: node.status()["event_servers"] == [], "the node notices")
        again = self.net.start("es1", "thor-eventserver").wait_ready()
        member = self.wait_member(again, "connected")
        self.assertEqual((before["incarnation"], before["sequence"]), (member["incarnation"], member["sequence"]), "in the version it had")

    def test_an_event_server_that_hangs_is_left_and_connected_again(self):
        first, second = self.net.start_event_server("es1"), self.net.start_event_server("es2")
        node = self.net.start_node("gw1", ["sip_proxy"])
        wait_until(lambda: len(node.status().get("event_servers", [])) == 2, "both are connected")
        first.pause()
        wait_until(lambda: node.status()["event_servers"] == self.net.event_servers[1:], "the silent one is given up")
        self.assertEqual("connected", self.member(second)["state"])
        first.resume()
        wait_until(lambda: len(node.status()["event_servers"]) == 2, "it is connected again")

    def test_a_node_that_hung_goes_on(self):
        event_server = self.net.start_event_server()
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.wait_member(event_server, "connected")
        node.pause()
        self.wait_member(event_server, "late")
        node.resume()
        self.wait_member(event_server, "connected")

    def test_a_renewed_certificate_is_used_without_a_restart(self):
        event_server = self.net.start_event_server()
        seen = self.listen()
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        self.net.ca.run("renew", "gw1", "--role", "sip_proxy", "xcap_server", "--out", self.net.home("gw1") / "tls")
        node.signal(signal.SIGHUP)
        wait_until(lambda: seen.presences and "xcap_server" in seen.presences[-1]["roles"], "the new role is announced")
        self.wait_member(event_server, "connected")
        self.assertEqual([], seen.leaves)


class Replaced(NodeTest):
    def test_of_two_with_one_certificate_the_newer_stays_and_the_older_keeps_away(self):
        event_server = self.net.start_event_server()
        old = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        clone = self.net.home("clone")
        tables = (self.net.home("gw1") / "thor.toml").read_text()
        (clone / "thor.toml").write_text(tables.replace("/gw1/run", "/clone/run").replace("/gw1/state", "/clone/state"))
        new = self.net.start("clone", "thor-node").wait_ready()
        wait_until(lambda: old.status()["replaced"], "the older one knows")
        incarnation = new.status()["incarnation"]
        connections = event_server.log_text().count("gw1 at 127.0.0.1: connected")
        self.assertEqual(2, connections)

        # A new start of the older one, by a person, makes it the newer one. Nothing else changes sides.
        self.assertEqual(0, old.stop())
        self.assertEqual("connected", self.member(event_server)["state"], "its end is not the other's")
        self.assertEqual(incarnation, self.member(event_server)["incarnation"])
        back = self.net.start("gw1", "thor-node").wait_ready()
        wait_until(lambda: new.status()["replaced"], "the clone knows")
        self.assertFalse(back.status()["replaced"])
        self.assertEqual(3, event_server.log_text().count("gw1 at 127.0.0.1: connected"), "one connection for each start")


class UnderSystemd(NodeTest):
    """The manners of a service with Type=notify."""

    def test_says_when_it_is_ready_alive_and_stopping(self):
        words = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        where = self.net.directory / "notify"
        words.bind(str(where))
        words.settimeout(30)
        with mock.patch.dict(os.environ, NOTIFY_SOCKET=str(where), WATCHDOG_USEC="200000"):
            node = self.net.start_node("gw1", ["sip_proxy"])
        heard = [words.recv(100).decode() for _ in range(3)]
        self.assertEqual(["READY=1", "WATCHDOG=1", "WATCHDOG=1"], heard, "ready without any event server: it may start before them")
        node.signal(signal.SIGTERM)
        while heard[-1] == "WATCHDOG=1":
            heard.append(words.recv(100).decode())
        self.assertEqual("STOPPING=1", heard[-1])
        self.assertEqual(0, node.child.wait(30))


class Refusing(NodeTest):
    """What is wrong is said at once: where it is, and what to do."""

    def check(self, tables, name="gw1", roles=("sip_proxy",)):
        self.net.ca.issue(name, list(roles), self.net.home(name) / "tls", self.net.node_addresses(name))
        self.net.configure(name, tables)
        return self.run_node(name, "--check-config")

    def run_node(self, name, *words):
        return subprocess.run([THOR_NODE, "--config", self.net.home(name) / "thor.toml", *words],
                              capture_output=True, text=True, check=False, timeout=60)

    def test_configurations(self):
        for node, expected in (
                ({"roels": ["sip_proxy"]}, 'unknown key "roels" in [node] (did you mean "roles"?)'),
                ({"roles": ["SIP"]}, 'has "SIP", which is no role name'),
                ({"addresses": ["example.net"]}, 'has "example.net", which is no IP address'),
                ({"on_stop": "stay"}, "must be one of leave, hold"),
                ({"hold_s": 601}, "must be 1 to 600"),
                ({"role": {"sip_proxy": {"weight": 65536}}}, "must be 0 to 65535"),
                ({"role": {"sip_proxy": {"ports": {"sip.": 1}}}}, "[node] is out of bounds: roles.sip_proxy.ports")):
            with self.subTest(node):
                done = self.check({"node": node})
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertRegex(done.stderr, r"thor\.toml:\d+:\d+: ")
                self.assertIn(expected, done.stderr)

    def test_a_good_one_is_in_order(self):
        done = self.check({"node": {"roles": ["sip_proxy"]}})
        self.assertEqual((0, "thor-node: configuration and credentials are in order\n"), (done.returncode, done.stdout))

    def test_credentials(self):
        self.assertEqual(0, self.check({"node": {}}).returncode)
        key = self.net.home("gw1") / "tls/gw1.key"
        key.chmod(0o644)
        done = self.run_node("gw1", "--check-config")
        self.assertEqual(2, done.returncode)
        self.assertIn("unsafe_permissions", done.stderr)
        key.unlink()
        self.assertIn("unreadable", self.run_node("gw1").stderr)

    def test_what_the_certificate_does_not_allow(self):
        for node, expected in (
                ({"roles": ["media_relay"]}, 'roles in [node] has "media_relay", but the certificate of gw1 has no such OU'),
                ({"addresses": ["198.51.100.1"]}, "addresses in [node] has 198.51.100.1, which is no address of the certificate")):
            with self.subTest(node):
                for done in (self.check({"node": node}), self.run_node("gw1")):
                    self.assertEqual(2, done.returncode)
                    self.assertIn(expected, done.stderr)

    def test_a_certificate_without_a_role_to_offer(self):
        for done in (self.check({"node": {}}, "m1", ["thor_manager"]), self.run_node("m1")):
            self.assertEqual(2, done.returncode)
            self.assertIn("the certificate of m1 has no OU that is a role to offer", done.stderr)

    def test_a_second_one_on_the_machine(self):
        self.net.start_event_server()
        node = self.net.start_node("gw1", ["sip_proxy"]).wait_ready()
        second = self.run_node("gw1")
        self.assertEqual(1, second.returncode)
        self.assertIn("another process answers there", second.stderr)
        self.assertFalse(node.status()["replaced"], "it did not even take an incarnation")

    def test_command_lines(self):
        for words in (["--colour"], ["dance"], ["status", "twice"], ["--config"]):
            with self.subTest(words):
                self.assertEqual(2, subprocess.run([THOR_NODE, *words], capture_output=True, check=False).returncode)
        missing = subprocess.run([THOR_NODE, "--config", "/nonexistent/thor.toml"], capture_output=True, text=True, check=False)
        self.assertEqual(2, missing.returncode)
        self.assertIn("/nonexistent/thor.toml", missing.stderr)
        version = subprocess.run([THOR_NODE, "--version"], capture_output=True, text=True, check=True)
        self.assertRegex(version.stdout, r"^thor-node \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
