#!/usr/bin/python3
"""One question, one answer: thor-lookup, the text port, libthor's router and the Python client name the same nodes, for the
vectors of coordinator/lookup with live members, and as members drain, crash and return. And what each does when it cannot answer."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import unittest

from overlay import PROGRAMS, SOURCE, Overlay, wait_until
from overlaytest import main

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
from thor_client import Client, Credentials  # noqa: E402
from thor_lookup import Node, Ring  # noqa: E402

THOR_LOOKUP = PROGRAMS / "thor-lookup"
VECTORS = json.loads((SOURCE / "coordinator/lookup/vectors.json").read_text())
SETS = [(f"v{number}", vector) for number, vector in enumerate(VECTORS["sets"]) if len(vector["nodes"]) <= 10]


def text_port(node):
    """Where the text port of a thor-node listens."""
    host, _, port = wait_until(lambda: node.status().get("text_port"), "the text port listens").rpartition(":")
    return host, int(port)


class Tool:
    """An existing tool: one connection to a text port."""

    def __init__(self, where):
        self.socket = socket.create_connection(where, 10)
        self.lines = self.socket.makefile("rb")

    def ask(self, question, end=b"\r\n"):
        self.socket.sendall(question.encode() + end)
        line = self.lines.readline()
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode()

    def close(self):
        self.lines.close()
        self.socket.close()


class SurfaceTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Overlay())
        self.net.start_event_server()
        self.net.start_manager()

    def user(self, name="ops", roles=("thor_monitor",), **overlay):
        """Somebody with nothing but a certificate."""
        self.net.ca.issue(name, list(roles), self.net.home(name) / "tls")
        self.net.configure(name, {}, state_dir="/nonexistent", run_dir="/nonexistent", **overlay)

    def thor_lookup(self, *words, name="ops", text=None):
        return subprocess.run([THOR_LOOKUP, "--config", self.net.home(name) / "thor.toml", *words], capture_output=True,
                              text=True, check=False, timeout=120, input=text)

    def lookup_json(self, role, keys, *words):
        """Of keys, in the order of the answer: id lists."""
        done = self.thor_lookup("--json", *words, "--", role, *keys)
        self.assertEqual(0, done.returncode, done.stderr)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([answer["key"] for answer in answers], list(keys))
        return [[node["id"] for node in answer["nodes"]] for answer in answers]

    def members(self):
        return json.loads(self.thor_lookup("--status").stdout)

    def wait_for_members(self, *names):
        wait_until(lambda: set(self.members()) == {"m1", *names}, lambda: f"{names} are members: {self.members()}", every_s=0.1)

    def node(self, name, roles=("sip_proxy",), listen=None, **table):
        port = {"lookup": {"listen": f"{self.net.address}:0" if listen is None else listen}}
        return self.net.start_node(name, list(roles), port | table)

    def tool(self, where):
        tool = Tool(where)
        self.addCleanup(tool.close)
        return tool


class VectorTest(SurfaceTest):
    """The members are those of the vectors: each set is a role of its own, with the weights and states of the set."""

    def credentials(self, name):
        tls = self.net.home(name) / "tls"
        return Credentials(tls / f"{name}.crt", tls / f"{name}.key", self.net.ca.certificate, self.net.ca.revocations)

    def client(self, name):
        return Client(self.credentials(name), self.net.event_servers, ["Thor.Members"], incarnation=1)

    def test_all_surfaces_give_the_nodes_of_the_vectors(self):
        roles = {}
        for role, vector in SETS:
            for node in vector["nodes"]:
                state = "draining" if node["draining"] else "active"
                roles.setdefault(node["id"], {})[role] = {"weight": node["weight"], "state": state}
        self.assertGreater(len(SETS), 8)
        addresses = {name: f"192.0.2.{number}" for number, name in enumerate(sorted(roles), 100)}
        for name, offers in roles.items():
            self.issue(name, offers, [addresses[name]])
        self.issue("archive1", ["message_archive"], ["192.0.2.99"])
        self.user()
        port = self.tool(text_port(self.node("gw1")))
        asyncio.run(self.ask_all(roles, addresses, port))

    def issue(self, name, roles, addresses):
        tls = self.net.home(name) / "tls"
        tls.mkdir(exist_ok=True)
        self.net.ca.run("issue", name, "--custom-role", *roles, "--address", *addresses, "--out", tls)

    async def ask_all(self, roles, addresses, port):
        async with contextlib.AsyncExitStack() as stack:
            for name, offers in roles.items():
                member = await stack.enter_async_context(self.client(name))
                await member.announce(offers, [addresses[name]])
            asking = await stack.enter_async_context(self.client("archive1"))
            await asking.announce({"message_archive": {}}, ["192.0.2.99"])
            await asking.synced()
            while not asking.view.members.keys() >= {*roles, "archive1", "gw1"}:
                await asyncio.wait_for(asking.__anext__(), 30)
            await asyncio.to_thread(self.wait_for_members, *roles, "archive1", "gw1")
            for role, vector in SETS:
                with self.subTest(vector["name"]):
                    await asyncio.to_thread(self.compare, role, vector, asking, addresses, port)

    def compare(self, role, vector, asking, addresses, port):
        # No command line has an octet 0; the text port's line ends at the end of a line.
        lookups = [one for one in vector["lookups"] if "\0" not in one["key"]]
        keys = [one["key"] for one in lookups]
        self.assertEqual([one["existing"] for one in lookups], self.lookup_json(role, keys, "--count", "10"))
        self.assertEqual([one["fresh"] for one in lookups], self.lookup_json(role, keys, "--count", "10", "--new"))
        for one in vector["lookups"]:
            for expected, fresh in ((one["existing"], False), (one["fresh"], True)):
                self.assertEqual(expected, [node["id"] for node in asking.lookup(role, one["key"], 10, fresh)], one["key"])
            if one["key"] and not set(one["key"]) & set("\r\n"):
                self.assertEqual(addresses[one["existing"][0]], port.ask(f"lookup {role} for {one['key']}"), one["key"])


class LiveTest(SurfaceTest):
    KEYS = [f"User{number}@Customer{number % 7}.example" for number in range(200)]

    def agree(self, nodes):
        """thor-lookup and the text port say what the ring of `nodes` says; home by key."""
        ring = Ring(nodes)
        expected = {key: ring.order(key)[0] for key in self.KEYS}
        done = self.thor_lookup("sip_proxy", "-", text="".join(f"{key}\n" for key in self.KEYS))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual({key: f"{node} {self.net.node_addresses(node)[0]}" for key, node in expected.items()}, dict(lines))
        for key in self.KEYS[:20]:
            home = self.net.node_addresses(expected[key])[0]
            wait_until(lambda: self.port.ask(f"lookup sip_proxy for {key}") == home, f"{key} is at {home}")
        return expected

    def test_keys_move_as_members_come_and_go(self):
        self.user()
        nodes = {name: self.node(name) for name in ("gw1", "gw2", "gw3")}
        self.wait_for_members(*nodes)
        self.port = self.tool(text_port(nodes["gw3"]))
        three = [Node("gw1"), Node("gw2"), Node("gw3")]
        before = self.agree(three)

        nodes["gw1"].kill()
        self.wait_for_members("gw2", "gw3")
        without = self.agree(three[1:])
        self.assertEqual({key for key in before if before[key] != without[key]}, {key for key in before if before[key] == "gw1"})
        self.assertEqual("No", self.port.ask(f"is_online {self.net.node_addresses('gw1')[0]} as sip_proxy"))

        self.net.start("gw1", "thor-node")
        self.wait_for_members("gw1", "gw2", "gw3")
        self.assertEqual(before, self.agree(three))
        self.assertEqual("Yes", self.port.ask(f"is_online {self.net.node_addresses('gw1')[0]} as sip_proxy"))

        self.assertTrue(nodes["gw2"].command("drain")["draining"])
        draining = [Node("gw1"), Node("gw2", draining=True), Node("gw3")]
        wait_until(lambda: "draining" in self.thor_lookup("sip_proxy").stdout, "gw2 drains", every_s=0.1)
        self.assertEqual(before, self.agree(draining), "what is there stays")
        ring = Ring(draining)
        self.assertEqual([ring.order(key, fresh=True)[:2] for key in self.KEYS], self.lookup_json("sip_proxy", self.KEYS, "--new", "--count", "2"))

    def test_prints_nodes_members_and_the_status(self):
        self.user()
        self.node("gw1", ["sip_proxy", "xcap_server"], attributes={"capacity": "250"})
        self.wait_for_members("gw1")
        address = self.net.node_addresses("gw1")[0]
        self.assertEqual(f"gw1 {address}\n", self.thor_lookup("sip_proxy", "alice@example.com").stdout)
        self.assertEqual(f"a\tgw1 {address}\nb\tgw1 {address}\n", self.thor_lookup("sip_proxy", "a", "b", "--count", "5").stdout)
        self.assertEqual(f"gw1 {address} active\n", self.thor_lookup("xcap_server").stdout)
        one = json.loads(self.thor_lookup("--json", "sip_proxy", "Alice@Example.com").stdout)
        self.assertEqual(("sip_proxy", "Alice@Example.com", "k-ff8d9819fc0e12bf"), (one["role"], one["key"], one["label"]))
        self.assertEqual((self.net.node_addresses("gw1"), "active", 100), tuple(one["nodes"][0][what] for what in ("addresses", "state", "weight")))
        self.assertEqual("active", json.loads(self.thor_lookup("--json", "sip_proxy").stdout)["state"])
        status = self.members()["gw1"]
        self.assertEqual((address, ["sip_proxy", "xcap_server"], "250"), (status["ip"], status["roles"], status["attributes"]["capacity"]))
        self.assertRegex(status["version"], "thor-node .")

    def test_the_python_client_as_a_command(self):
        self.user()
        for name in ("gw1", "gw2"):
            self.node(name)
        self.wait_for_members("gw1", "gw2")
        tls = self.net.home("ops") / "tls"
        done = subprocess.run([sys.executable, "-B", SOURCE / "contrib/python/thor_client.py", "--certificate", tls / "ops.crt", "--key", tls / "ops.key",
                               "--ca", self.net.ca.certificate, "--server", self.net.event_servers[0], "--topic", "Thor.Members",
                               "--lookup", "sip_proxy", "Alice@example.com", "--lookup", "xcap_server", "bob@example.com"],
                              capture_output=True, text=True, check=True, timeout=60)
        alice, bob = map(json.loads, done.stdout.splitlines())
        self.assertEqual(self.lookup_json("sip_proxy", ["Alice@example.com"], "--count", "3"), [[node["id"] for node in alice["nodes"]]])
        self.assertEqual({"role": "xcap_server", "key": "bob@example.com", "nodes": []}, bob)

    def test_the_status_shows_no_password(self):
        self.user()
        node = self.node("gw1", attributes={"dburi": "mysql://sipthor:s3cret@db1/sipthor"})
        self.wait_for_members("gw1")
        port = self.tool(text_port(node))
        wait_until(lambda: "gw1" in port.ask("status"), "the node knows itself")
        for text in (port.ask("status"), self.thor_lookup("--status").stdout):
            self.assertEqual("***", json.loads(text)["gw1"]["attributes"]["dburi"])
            self.assertNotIn("s3cret", text)


class TroubleTest(SurfaceTest):
    def test_says_that_nobody_offers_the_role(self):
        self.user()
        for words in (["sip_proxy", "alice@example.com"], ["sip_proxy"], ["--json", "sip_proxy", "a"], ["thor_manager", "a"]):
            done = self.thor_lookup(*words)
            self.assertEqual((3, ""), (done.returncode, done.stdout), words)
            self.assertIn("no member offers the role", done.stderr)

    def test_says_what_is_wrong_with_the_command_line(self):
        self.user()
        for words, why in (([], "a role is missing"), (["Sip-Proxy", "a"], "no role name"), (["sip_proxy", "--count", "2"], "about keys"),
                           (["sip_proxy", "a", "--count", "0"], "--count"), (["--status", "sip_proxy"], "stand alone"),
                           (["--status", "--check-config"], "stand alone"), (["--frobnicate"], "--frobnicate"), (["sip_proxy", "--timeout", "0"], "--timeout")):
            done = self.thor_lookup(*words)
            self.assertEqual(2, done.returncode, words)
            self.assertIn(why, done.stderr)
        self.assertEqual(0, self.thor_lookup("--help").returncode)
        self.assertRegex(self.thor_lookup("--version").stdout, r"^thor-lookup \d")

    def test_says_what_is_wrong_with_the_configuration(self):
        self.user()
        self.assertIn("in order", self.thor_lookup("--check-config").stdout)
        self.user("bad", key="/nonexistent/key")
        for words in (["--check-config"], ["sip_proxy"]):
            done = self.thor_lookup(*words, name="bad")
            self.assertEqual(2, done.returncode)
            self.assertIn("/nonexistent/key", done.stderr)
        self.user("typo", event_server=[])
        self.assertIn("did you mean", self.thor_lookup("sip_proxy", name="typo").stderr)
        self.assertEqual(2, self.thor_lookup("sip_proxy", name="missing").returncode)

    def test_says_that_nobody_is_there_after_the_timeout(self):
        self.user("alone", event_servers=[f"{self.net.address}:{self.net.free_port()}"])
        done = self.thor_lookup("sip_proxy", "--timeout", "1", name="alone")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("no network status within 1 s: no event server was reached", done.stderr)


class TextPortTest(SurfaceTest):
    """The limits are tested in unit/runtime; here is what the configuration decides."""

    def test_answers_before_the_network_is_known_and_after(self):
        self.net.options["event_servers"] = [f"{self.net.address}:{self.net.free_port()}"]
        node = self.node("gw1")
        port = self.tool(text_port(node))
        self.assertEqual("error: the network is not known yet", port.ask("lookup sip_proxy for a"))
        self.assertIn("there are: lookup ROLE for KEY", port.ask("anything else", end=b"\n"))

    def test_a_default_port_that_is_taken_is_a_warning(self):
        with socket.socket() as taken:
            with contextlib.suppress(OSError):  # somebody else of this machine may have it
                taken.bind(("127.0.0.1", 9500))
                taken.listen()
            self.net.ca.issue("gw1", ["sip_proxy"], self.net.home("gw1") / "tls", ["192.0.2.1"])
            self.net.configure("gw1", {"node": {}})
            node = self.net.start("gw1", "thor-node").wait_ready()
            self.assertIn("text port: cannot listen at 127.0.0.1:9500", node.log_text())
            self.assertEqual("", node.status()["text_port"])

    def test_a_configured_port_that_is_taken_ends_the_start(self):
        with socket.socket() as taken:
            taken.bind((self.net.address, 0))
            taken.listen()
            where = f"{self.net.address}:{taken.getsockname()[1]}"
            node = self.node("gw1", listen=where)
            self.assertEqual(1, node.child.wait(30))
            self.assertIn(f"text port: cannot listen at {where}", node.log_text())
            self.net.processes.remove(node)

    def test_other_machines_take_an_allow_list(self):
        for lookup, why in (({"listen": "0.0.0.0:9500"}, "is open to other machines"), ({"listen": "nonsense"}, "nonsense"),
                            ({"allow": ["192.0.2.1/24"]}, "192.0.2.1/24"), ({"port": 9500}, "unknown key")):
            self.net.ca.issue("gw1", ["sip_proxy"], self.net.home("gw1") / "tls", ["192.0.2.1"])
            self.net.configure("gw1", {"node": {"lookup": lookup}})
            done = subprocess.run([PROGRAMS / "thor-node", "--config", self.net.home("gw1") / "thor.toml", "--check-config"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(2, done.returncode, lookup)
            self.assertIn(why, done.stderr)
            self.assertIn("thor.toml:", done.stderr)
        node = self.node("gw1", listen="0.0.0.0:0")
        self.assertEqual(2, node.child.wait(30))
        self.net.processes.remove(node)

    def test_follows_its_configuration(self):
        node = self.node("gw1").wait_ready()
        first = text_port(node)
        self.eventually(first, "is_online 192.0.2.1 as sip_proxy", "Yes")
        other = self.net.free_port()
        for listen in (f"{self.net.address}:{other}", ""):
            self.net.configure("gw1", {"node": {"lookup": {"listen": listen}}})
            node.signal(signal.SIGHUP)
            wait_until(lambda: node.status().get("text_port") == listen, f"it listens at {listen!r}")
            with self.assertRaises(OSError):
                Tool(first)
            if listen:
                self.eventually((self.net.address, other), "is_online 192.0.2.1 as sip_proxy", "Yes")

    def eventually(self, where, question, answer):
        port = self.tool(where)
        wait_until(lambda: port.ask(question) == answer, f"{question} is answered with {answer}")


if __name__ == "__main__":
    main()
