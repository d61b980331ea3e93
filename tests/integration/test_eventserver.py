#!/usr/bin/python3
"""What a thor-eventserver does with bad input: a clear refusal for who sent it, a line in the log, a counter, and nobody else notices."""

import contextlib
import json
import pathlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from overlay import PROGRAMS, Authority, Overlay, wait_until
from wirepeer import BINARY, PONG, Closed, Identity, Peer, connect

NODE_ADDRESS = "192.0.2.1"
HALF_OPEN_MAX = 256
HALF_OPEN_PER_ADDRESS_MAX = 64
HANDSHAKE_DEADLINE_S = 5


class Bystander(threading.Thread):
    """A member in good standing, which notes every trouble it gets. Being called late is none when it was late."""

    RENEW_S = 0.25
    LATE_S = 1.0  # the event server waits for 1.5

    def __init__(self, net, server):
        super().__init__(daemon=True)
        self.peer = Peer(net, server, Identity.issue(net, "bystander", ["sip_proxy"], [NODE_ADDRESS]))
        self.peer.join(incarnation=7, topics=["Thor.Presence", "Thor.Leave"])
        self.peer.announce("bystander", 7)
        self.troubles = []
        self.events = []
        self.heartbeats = 0
        self.excused_until = 0.0
        self.over = threading.Event()
        self.start()

    def run(self):
        self.peer.tls.settimeout(self.RENEW_S)
        renewed = time.monotonic()
        while not self.over.is_set():
            if time.monotonic() >= renewed + self.RENEW_S:
                if time.monotonic() >= renewed + self.LATE_S:
                    self.excused_until = time.monotonic() + self.LATE_S
                self.peer.say(type="renew", incarnation=7, sequence=1)
                renewed = time.monotonic()
            try:
                self.take(self.peer.hear("fact", "heartbeat", "refused", "event"))
            except TimeoutError:
                continue
            except (Closed, OSError) as end:
                self.troubles.append(f"connection lost: {end}")
                return

    def take(self, message):
        if message["type"] == "heartbeat":
            self.heartbeats += 1
        elif message["type"] == "event":
            self.events.append(message)
        elif message["type"] == "refused" or (message["id"] == "bystander" and time.monotonic() > self.excused_until):
            self.troubles.append(message)

    def stop(self):
        self.over.set()
        self.join()
        self.peer.tls.close()


class EventServerTest(unittest.TestCase):
    """One event server for all tests, with a bystander that must never notice any of them."""

    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.address = f"{cls.net.address}:{cls.net.free_port()}"
        cls.net.ca.issue("es1", ["thor_eventserver"], cls.net.home("es1") / "tls")
        cls.net.configure("es1", {"eventserver": {"listen": [cls.address]}}, crl=str(cls.net.ca.revocations))
        cls.server = cls.net.start("es1", "thor-eventserver").wait_ready()
        cls.bystander = Bystander(cls.net, cls.address)
        cls.addClassCleanup(cls.bystander.stop)
        cls.numbers = iter(range(1000))

    def setUp(self):
        self.troubles_before = len(self.bystander.troubles)

    def tearDown(self):
        beats = self.bystander.heartbeats
        wait_until(lambda: self.bystander.heartbeats > beats or not self.bystander.is_alive(), "the bystander's next heartbeat")
        self.assertEqual(self.bystander.troubles[self.troubles_before:], [], "the bystander noticed")

    # ---- what the tests say

    def new_id(self):
        return f"n{next(self.numbers)}"

    def peer(self, identity=None, **how):
        return self.enterContext(Peer(self.net, self.address, identity, **how))

    def member(self, incarnation=5, topics=(), **how):
        """A new member, welcome but without a presence."""
        name = self.new_id()
        identity = Identity.issue(self.net, name, ["sip_proxy"], [NODE_ADDRESS])
        return name, self.peer(identity, **how).join(incarnation, topics)

    def counter(self, metric="refused", **labels):
        text = self.server.command("metrics")["metrics"]
        wanted = "".join(f'{name}="{value}"' for name, value in labels.items())
        found = re.search(rf"^thor_eventserver_{metric}_total{{{wanted}}} (\d+)", text, re.M)
        return int(found[1]) if found else 0

    @contextlib.contextmanager
    def refusal(self, reason, logged=None):
        """In this block something is refused: counted, and in the log."""
        counted = self.counter(reason=reason)
        yield
        wait_until(lambda: self.counter(reason=reason) > counted, f"counter {reason}")
        pattern = logged or rf"refused,? {reason}"
        # The same line comes once in ten seconds only.
        self.assertRegex(self.server.log_text(), pattern)

    def assert_tls_refused(self, reason, **how):
        """The handshake fails; in TLS 1.3 the client learns of it with its first read."""
        with self.refusal(reason), self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.peer(**how).upgrade()

    def assert_closed(self, peer, code):
        self.assertEqual(peer.hear_close().code, code)


class CertificateTest(EventServerTest):
    def test_no_certificate(self):
        self.assert_tls_refused("no_certificate")

    def test_certificate_of_another_ca(self):
        other = Authority(self.net.directory / "other-ca", self.net.domain)
        self.assert_tls_refused("untrusted", identity=Identity.forge(self.net, "stranger", ca=other.directory))

    def test_expired_certificate(self):
        self.assert_tls_refused("expired", identity=Identity.forge(self.net, "old", days=(-30, -1)))

    def test_certificate_of_tomorrow(self):
        self.assert_tls_refused("not_yet_valid", identity=Identity.forge(self.net, "early", days=(1, 30)))

    def assert_unauthorised(self, reason, **subject):
        with self.refusal(reason):
            peer = self.peer(Identity.forge(self.net, self.new_id(), **subject))
            self.assertIn(" 101 ", peer.upgrade())
            end = peer.hear_close()
        self.assertEqual(end.code, 4003)
        self.assertTrue(end.reason.startswith(f"{reason}: "), end.reason)

    def test_another_domain(self):
        self.assert_unauthorised("wrong_domain", domain="other.example")

    def test_id_that_is_no_dns_label(self):
        for name in ("Upper", "under_score", "dotted.name", "-hyphen", "x" * 64):
            with self.subTest(name):
                self.assert_unauthorised("bad_node_id", cn=name)

    def test_unit_that_is_no_role(self):
        self.assert_unauthorised("bad_role", roles=["Sip Proxy"])

    def test_tls_1_2(self):
        self.assert_tls_refused("tls_version", identity=Identity.of(self.net, "bystander"), version=ssl.TLSVersion.TLSv1_2)


class ClaimTest(EventServerTest):
    """A member whose certificate does not allow what it says. It stays connected, and nobody hears of it."""

    def assert_refused(self, reason, name, peer, act):
        events = len(self.bystander.events)
        with self.refusal(reason, logged=f"{name} at 127.0.0.1: refused {reason}: "):
            act()
            self.assertEqual(peer.hear("refused")["reason"], reason)
        peer.announce(name, 5)
        wait_until(lambda: len(self.bystander.events) > events, "the presence that is allowed")
        self.assertEqual([json.loads(e["body"])["id"] for e in self.bystander.events[events:]], [name])

    def test_another_id(self):
        name, peer = self.member()
        self.assert_refused("id_not_in_certificate", name, peer, lambda: peer.announce("bystander", 5))

    def test_another_role(self):
        name, peer = self.member()
        self.assert_refused("role_not_in_certificate", name, peer, lambda: peer.announce(name, 5, roles=["media_relay"]))

    def test_another_address(self):
        name, peer = self.member()
        self.assert_refused("address_not_in_certificate", name, peer, lambda: peer.announce(name, 5, addresses=["192.0.2.2"]))

    def test_another_signer(self):
        name, peer = self.member()
        other = Identity.of(self.net, "bystander")
        body = {"id": "bystander", "incarnation": 5, "sequence": 1, "addresses": [NODE_ADDRESS], "roles": {}}
        self.assert_refused("id_not_in_certificate", name, peer, lambda: peer.publish("Thor.Presence", body, other))

    def test_forged_signature(self):
        name, peer = self.member()
        stranger = Identity.forge(self.net, name)
        forged = Identity(peer.identity.certificate, stranger.key)
        body = {"id": name, "incarnation": 5, "sequence": 1, "addresses": [NODE_ADDRESS], "roles": {}}
        self.assert_refused("bad_signature", name, peer, lambda: peer.publish("Thor.Presence", body, forged))

    def test_network_status_of_a_member(self):
        name, peer = self.member()
        status = {"kind": "full", "epoch": {"counter": 1, "manager": name}, "sequence": 1, "serial": 1, "members": []}
        self.assert_refused("not_a_manager", name, peer, lambda: peer.publish("Thor.Members", status))

    def test_body_out_of_bounds(self):
        name, peer = self.member()
        bodies = ["{}", "[]", '{"id":"' + name + '","id":"x"}', '{"id":"Not A Label"}', "[" * 20000,
                  json.dumps({"id": name, "incarnation": 5, "sequence": 1, "addresses": ["192.0.2.1"], "roles": {"A": {}}}),
                  json.dumps({"id": name, "incarnation": 5, "sequence": 1 << 60, "addresses": ["192.0.2.1"], "roles": {}}),
                  json.dumps({"id": name, "incarnation": 5, "sequence": 1, "addresses": ["192.0.2.1"], "roles": {}, "site": "a\nb"})]
        for body in bodies[:-1]:
            with self.subTest(body[:60]), self.refusal("bad_body"):
                peer.publish("Thor.Presence", body)
                self.assertEqual(peer.hear("refused")["reason"], "bad_body")
        self.assert_refused("bad_body", name, peer, lambda: peer.publish("Thor.Presence", bodies[-1]))

    def test_stale_and_unknown_versions(self):
        name, peer = self.member()
        self.assert_refused("unknown_version", name, peer, lambda: peer.say(type="renew", incarnation=5, sequence=1))
        peer.announce(name, 5, sequence=3)
        with self.refusal("stale_version"):
            peer.announce(name, 5, sequence=2)
            self.assertEqual(peer.hear("refused")["reason"], "stale_version")


class FrameTest(EventServerTest):
    def test_malformed_frames(self):
        for text in ("", "nonsense", "[]", '{"type":"renew"}', '{"type":"hello","incarnation":1e3}', '{"a":1,"a":2}',
                     "[" * 60000, '{"type":"subscribe","topics":["Thor.Nothing"]}'):
            with self.subTest(text[:40]):
                _, peer = self.member()
                refused = self.counter("dropped", reason="not_json") + self.counter("dropped", reason="bad_field") \
                    + self.counter("dropped", reason="bad_topic")
                peer.send_frame(text.encode())
                self.assertIn(peer.hear("refused")["reason"], ("not_json", "bad_field", "bad_topic"))
                self.assert_closed(peer, 4001)
                self.assertEqual(self.counter("dropped", reason="not_json") + self.counter("dropped", reason="bad_field")
                                 + self.counter("dropped", reason="bad_topic"), refused + 1)

    def test_oversized_frame(self):
        before = self.counter("closed", reason="frame_too_large")
        _, peer = self.member()
        peer.send_frame(b"{" + b" " * (64 << 10) + b"}")
        self.assert_closed(peer, 1009)
        wait_until(lambda: self.counter("closed", reason="frame_too_large") > before, "counted")

    def test_frame_that_claims_to_be_huge(self):
        for declared in (65 << 10, 1 << 40, (1 << 63) - 1):
            with self.subTest(declared):
                _, peer = self.member()
                peer.send_frame(b"x" * ((64 << 10) + 1), declared=declared)
                self.assert_closed(peer, 1009)

    def test_oversized_frame_in_pieces(self):
        _, peer = self.member()
        peer.send_frame(b"x" * 60000, final=False)
        peer.send_frame(b"x" * 60000, opcode=0, final=False)
        self.assert_closed(peer, 1009)

    def test_binary_frame(self):
        _, peer = self.member()
        peer.send_frame(b"{}", opcode=BINARY)
        self.assert_closed(peer, 4001)

    def test_text_that_is_not_utf_8(self):
        _, peer = self.member()
        peer.send_frame(b'{"type":"\xff"}')
        self.assert_closed(peer, 1007)

    def test_reserved_opcode(self):
        _, peer = self.member()
        peer.send_frame(b"{}", opcode=5)
        self.assert_closed(peer, 1002)

    def test_something_before_hello(self):
        peer = self.peer(Identity.of(self.net, "bystander"))
        peer.upgrade()
        with self.refusal("unexpected_frame"):
            peer.say(type="subscribe", topics=["Thor.Members"])
            self.assertEqual(peer.hear("refused")["reason"], "unexpected_frame")
            self.assert_closed(peer, 4001)

    def test_frame_type_of_a_later_version(self):
        _, peer = self.member()
        with self.refusal("unknown_type"):
            peer.say(type="sing")
            self.assertEqual(peer.hear("refused")["reason"], "unknown_type")
        peer.say(type="subscribe", topics=["Thor.Members"])
        peer.hear("synced")

    def test_too_many_frames(self):
        _, peer = self.member()
        with self.refusal("too_many_frames"):
            for _ in range(150):
                peer.say(type="renew", incarnation=5, sequence=1)
            self.assert_closed(peer, 4005)

    def test_a_log_line_cannot_be_forged(self):
        _, peer = self.member()
        peer.say(type="subscribe\n2030-01-01T00:00:00.000Z error forged", topics=[])
        self.assertEqual(peer.hear("refused")["reason"], "unknown_type")
        self.assertNotIn("\n2030", self.server.log_text())


class ConnectionTest(EventServerTest):
    def test_wrong_subprotocol(self):
        for subprotocol in ("thor.v0", "", "chat"):
            with self.subTest(subprotocol), self.refusal("wrong_subprotocol"):
                peer = self.peer(Identity.of(self.net, "bystander"))
                self.assertIn(" 400 ", peer.upgrade(subprotocol))

    def test_subprotocol_among_others(self):
        self.assertIn(" 101 ", self.peer(Identity.of(self.net, "bystander")).upgrade("thor.v0, thor.v1"))

    def test_http_request(self):
        peer = self.peer(Identity.of(self.net, "bystander"))
        with self.refusal("not_websocket"):
            peer.tls.sendall(b"GET /status HTTP/1.1\r\nHost: es\r\n\r\n")
            answer = b"".join(iter(lambda: peer.tls.recv(65536), b""))
        self.assertIn(b" 400 ", answer)
        self.assertIn(b"thor.v1", answer)

    def test_endless_http_header(self):
        peer = self.peer(Identity.of(self.net, "bystander"))
        with self.refusal("not_websocket"):
            with contextlib.suppress(OSError):
                peer.tls.sendall(b"GET / HTTP/1.1\r\n" + b"X-More: of this\r\n" * 5000)
            self.assertIsNone(peer.hear_close().code)

    def test_plain_tcp_garbage(self):
        for octets in (b"GET / HTTP/1.1\r\nHost: es\r\n\r\n", b"\x00" * 1000, b"\xff" * 5, b"SSH-2.0-OpenSSH\r\n"):
            with self.subTest(octets[:10]), self.refusal("not_tls"):
                plain = connect(self.address)
                self.addCleanup(plain.close)
                plain.sendall(octets)
                with contextlib.suppress(ConnectionError):
                    while plain.recv(4096):
                        pass

    def test_connection_that_says_nothing(self):
        silent = connect(self.address)
        self.addCleanup(silent.close)
        half = self.peer(Identity.of(self.net, "bystander"))  # TLS done, no HTTP
        greeted = self.peer(Identity.of(self.net, "bystander"))
        greeted.upgrade()  # no hello
        before = self.counter("dropped", reason="no_hello")
        with self.refusal("handshake_timeout"):
            self.assertEqual(silent.recv(100), b"")
            self.assertIsNone(half.hear_close().code)
        self.assert_closed(greeted, 4001)
        self.assertEqual(self.counter("dropped", reason="no_hello"), before + 1)

    def test_peer_that_answers_no_ping(self):
        before = self.counter("closed", reason="no_pong")
        _, peer = self.member(incarnation=0)
        wait_until(lambda: self.counter("closed", reason="no_pong") > before, "the dead connection is found")
        self.assertIsNone(peer.hear_close().code)

    def test_listener_that_answers_pings_stays(self):
        _, peer = self.member(incarnation=0)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            peer.hear("heartbeat")


class SameIdTest(EventServerTest):
    def test_newer_incarnation_wins(self):
        name, older = self.member(incarnation=5)
        older.announce(name, 5)
        alarms = self.counter("alarms", kind="duplicate_id")
        newer = self.peer(older.identity).join(incarnation=6)
        newer.announce(name, 6)
        self.assert_closed(older, 4000)
        self.assertEqual(self.counter("alarms", kind="duplicate_id"), alarms + 1)
        self.assertIn(f"ALARM: {name} is announced by two", self.server.log_text())
        wait_until(lambda: [m for m in self.server.status()["members"] if (m["id"], m["incarnation"]) == (name, 6)], "the newer one")

    def test_older_incarnation_is_refused(self):
        name, newer = self.member(incarnation=6)
        newer.announce(name, 6)
        with self.refusal("stale_incarnation"):
            older = self.peer(newer.identity)
            older.upgrade()
            older.say(type="hello", incarnation=5, software="")
            self.assertEqual(older.hear("refused")["reason"], "stale_incarnation")
            self.assert_closed(older, 4000)
        newer.say(type="renew", incarnation=6, sequence=1)
        newer.hear("heartbeat")

    def test_listeners_may_share_a_certificate(self):
        name, member = self.member(incarnation=5)
        listeners = [self.peer(member.identity).join() for _ in range(3)]
        for listener in [member, *listeners]:
            listener.hear("heartbeat")


class RevocationTest(EventServerTest):
    def test_revoked_while_connected(self):
        name, peer = self.member()
        peer.announce(name, 5)
        wait_until(lambda: any(m["id"] == name for m in self.server.status()["members"]), "it is a member")
        self.net.ca.run("revoke", name)
        self.server.signal(signal.SIGHUP)
        self.assert_closed(peer, 4004)
        self.assertEqual(self.counter("alarms", kind="revoked"), 1)
        self.assertIn(f"ALARM: {name} at 127.0.0.1 is cut off, revoked", self.server.log_text())
        self.assertEqual([m["state"] for m in self.server.status()["members"] if m["id"] == name], ["revoked"])
        self.assert_tls_refused("revoked", identity=peer.identity)


class SlowSubscriberTest(EventServerTest):
    STATUS_OCTETS = 1 << 20
    MEMORY_OCTETS_MAX = 64 << 20

    def big_status(self, sequence):
        filler = {f"a{i}": "x" * 512 for i in range(32)}
        count = self.STATUS_OCTETS // 17_000
        members = [{"id": f"m{i}", "incarnation": 1, "sequence": 1, "addresses": ["192.0.2.9"], "roles": {}, "attributes": filler,
                    "since": 1700000000} for i in range(count)]
        return {"kind": "full", "epoch": {"counter": 1700000000, "manager": "m1"}, "sequence": sequence, "serial": 1, "members": members}

    def memory(self):
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10

    def test_subscriber_that_never_reads_is_dropped_and_only_it(self):
        manager = self.peer(Identity.issue(self.net, "m1", ["thor_manager"])).join(incarnation=5, topics=["Thor.Members"])
        manager.hear("synced")
        _, deaf = self.member(incarnation=0, topics=["Thor.Members"], receive_octets=4096)
        dropped, memory = self.counter("closed", reason="too_slow"), self.memory()
        for sequence in range(1, 25):
            deaf.send_frame(b"", PONG)  # it never reads, but shows signs of life
            manager.publish("Thor.Members", self.big_status(sequence))
            self.assertEqual(json.loads(manager.hear("event")["body"])["sequence"], sequence)  # who reads gets everything
        wait_until(lambda: self.counter("closed", reason="too_slow") == dropped + 1, "the deaf one is dropped")
        self.assertLess(self.memory() - memory, self.MEMORY_OCTETS_MAX)
        with contextlib.suppress(Closed):
            while True:
                deaf.hear("event")


class FloodTest(EventServerTest):
    """Half-open TLS connections from many addresses, renewed as fast as they are dropped, while members renew and join."""

    FLOOD_S = 2 * HANDSHAKE_DEADLINE_S

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def flood(self, over, opened):
        """From 32 addresses, with the beginning of a TLS record each, 40 new ones every 20 ms."""
        held = []
        while not over.is_set():
            for number in range(40):
                try:
                    half = connect(self.address, f"127.0.1.{1 + (opened[0] + number) % 32}")
                    half.sendall(b"\x16\x03\x01\x02\x00\x01")
                    held.append(half)
                except OSError:
                    continue
            opened[0] += 40
            for half in held[:-2000]:
                half.close()
            del held[:-2000]
            time.sleep(0.02)
        for half in held:
            half.close()

    def test_members_are_unaffected(self):
        over, opened = threading.Event(), [0]
        flooding = threading.Thread(target=self.flood, args=(over, opened))
        flooding.start()
        try:
            wait_until(lambda: self.server.status()["half_open"] >= HALF_OPEN_MAX, "all places are taken")
            until = time.monotonic() + self.FLOOD_S
            joined = 0
            while time.monotonic() < until:
                name, peer = self.member(topics=["Thor.Presence"])
                peer.announce(name, 5)
                peer.hear("heartbeat")
                self.assertLessEqual(self.server.status()["half_open"], HALF_OPEN_MAX)
                joined += 1
            name = self.new_id()
            stranger = self.peer(Identity.issue(self.net, name, ["sip_proxy"], [NODE_ADDRESS]), source="127.0.2.1")
            stranger.join(incarnation=5).hear("heartbeat")
        finally:
            over.set()
            flooding.join()
        self.assertGreater(joined, 3)
        self.assertGreater(opened[0], 2 * HALF_OPEN_MAX)
        self.assertGreater(self.counter(reason="evicted") + self.counter(reason="too_many_handshakes"), 0)

    def test_one_address_gets_no_more_than_its_share(self):
        held = [connect(self.address, "127.0.3.1") for _ in range(2 * HALF_OPEN_PER_ADDRESS_MAX)]
        try:
            wait_until(lambda: self.counter(reason="too_many_handshakes") >= HALF_OPEN_PER_ADDRESS_MAX, "the rest is refused")
            self.member()
        finally:
            for half in held:
                half.close()


class ProcessTest(unittest.TestCase):
    """Start, stop, configuration."""

    def setUp(self):
        self.net = self.enterContext(Overlay())

    def configure(self, **table):
        self.net.ca.issue("es1", ["thor_eventserver"], self.net.home("es1") / "tls")
        self.net.configure("es1", {"eventserver": table})
        return self.net.home("es1") / "thor.toml"

    def run_program(self, *words):
        return subprocess.run([PROGRAMS / "thor-eventserver", *words], capture_output=True, text=True, check=False, timeout=60)

    def test_wrong_configuration_is_refused_with_its_place(self):
        for table, complaint in [({"listen": ["nowhere"]}, "listen"), ({"listen": []}, "listen"), ({"lisen": ["127.0.0.1:0"]}, "lisen"),
                                 ({"address_ranges": ["192.0.2.0/33"]}, "address_ranges"), ({"listen": [7]}, "listen")]:
            with self.subTest(table):
                done = self.run_program("--config", str(self.configure(**table)), "--check-config")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, rf"thor\.toml:\d+.*{complaint}")

    def test_check_config_accepts_what_runs(self):
        done = self.run_program("--config", str(self.configure(listen=["127.0.0.1:0", "[::1]:0"])), "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_address_in_use_is_said(self):
        server = self.net.start_event_server("es1")
        taken = server.status()["listen"][0]
        self.net.ca.issue("es2", ["thor_eventserver"], self.net.home("es2") / "tls")
        self.net.configure("es2", {"eventserver": {"listen": [taken]}})
        done = self.run_program("--config", str(self.net.home("es2") / "thor.toml"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"cannot listen at {taken}", done.stderr)

    def test_stops_cleanly_and_tells_its_members(self):
        server = self.net.start_event_server("es1")
        identity = Identity.issue(self.net, "n1", ["sip_proxy"], [NODE_ADDRESS])
        with Peer(self.net, self.net.event_servers[0], identity) as peer:
            peer.join(incarnation=5)
            server.signal(signal.SIGTERM)
            self.assertEqual(peer.hear_close().code, 1001)
        self.assertEqual(server.child.wait(20), 0)
        self.assertFalse(server.control.exists())

    def test_peer_that_ignores_the_close_does_not_hold_up_the_stop(self):
        server = self.net.start_event_server("es1")
        with Peer(self.net, self.net.event_servers[0], Identity.issue(self.net, "n1", ["sip_proxy"])) as peer:
            peer.join()
            self.assertEqual(server.stop(), 0)

    def test_listens_at_several_places(self):
        self.configure(listen=["127.0.0.1:0", "[::1]:0", "[::]:0"])
        server = self.net.start("es1", "thor-eventserver").wait_ready()
        listening = server.status()["listen"]
        self.assertEqual([place.rpartition(":")[0] for place in listening], ["127.0.0.1", "[::1]", "[::]"])
        identity = Identity.issue(self.net, "n1", ["sip_proxy"])
        both_families = listening[2].rpartition(":")[2]
        for server_address in (listening[0], f"127.0.0.1:{both_families}"):
            with Peer(self.net, server_address, identity) as peer:
                peer.join().hear("heartbeat")

    def test_address_ranges_and_own_address(self):
        self.net.start_event_server("es1", address_ranges=["198.51.100.0/24"])
        identity = Identity.issue(self.net, "n1", ["sip_proxy"])  # without addresses
        with Peer(self.net, self.net.event_servers[0], identity, source="127.0.0.9") as peer:
            peer.join(incarnation=5, topics=["Thor.Presence"])
            for sequence, address in enumerate(("198.51.100.7", "127.0.0.9"), 1):
                peer.announce("n1", 5, sequence, [address])
                self.assertEqual(json.loads(peer.hear("event", "refused")["body"])["addresses"], [address])
            peer.announce("n1", 5, 3, ["203.0.113.1"])
            self.assertEqual(peer.hear("refused")["reason"], "address_not_in_certificate")

    def test_goes_on_accepting_after_it_ran_out_of_descriptors(self):
        self.configure(listen=[f"{self.net.address}:{self.net.free_port()}"])
        server = self.net.start("es1", "thor-eventserver").wait_ready()
        self.net.event_servers = server.status()["listen"]
        in_use = len(list(pathlib.Path(f"/proc/{server.pid}/fd").iterdir()))
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (in_use + 10, in_use + 10))
        held = [connect(self.net.event_servers[0]) for _ in range(30)]
        wait_until(lambda: "cannot accept a connection" in server.log_text(), "the error is logged")
        for connection in held:
            connection.close()
        with Peer(self.net, self.net.event_servers[0], Identity.issue(self.net, "n1", ["sip_proxy"])) as peer:
            peer.join().hear("heartbeat")
        self.assertGreater(server.metric("thor_eventserver_accept_errors_total"), 0)

    def test_metrics_and_status_come_from_the_program_itself(self):
        self.net.start_event_server("es1")
        config = str(self.net.home("es1") / "thor.toml")
        metrics = self.run_program("--config", config, "metrics")
        self.assertEqual(metrics.returncode, 0, metrics.stderr)
        self.assertIn("# TYPE thor_eventserver_members gauge", metrics.stdout)
        status = self.run_program("--config", config, "status")
        self.assertEqual(json.loads(status.stdout)["id"], "es1")


del EventServerTest  # a base, not a test

if __name__ == "__main__":
    unittest.main(verbosity=2)
