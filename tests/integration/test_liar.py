#!/usr/bin/python3
"""A relay is not an author: an event server that forges, alters and replays what members say, against a real thor-manager and a real thor-dns that
also hear an honest one. Each lie is refused and counted, and nothing in DNS moves."""

import json
import re
import time

import overlaytest
from liar import Liar, signed
from overlay import DOMAIN, Authority, Overlay, wait_until
from wirepeer import Identity

ELSEWHERE = "198.51.100.66"
WRONG_WOULD_SHOW_S = 1


def altered(event, **changes):
    """Another body under the same signature."""
    return event | {"body": json.dumps(json.loads(event["body"]) | changes)}


class LiarTest(overlaytest.OverlayTest):
    @classmethod
    def setUpClass(cls):
        net = cls.net = cls.enterClassContext(Overlay())
        cls.liar = Liar(net)
        cls.addClassCleanup(cls.liar.stop)
        net.start_event_server("honest")
        cls.manager, cls.dns = net.start_manager(), net.start_dns()
        cls.pdns = [net.start_pdns()]
        cls.nodes = {name: net.start_node(name, ["sip_proxy"]) for name in ("gw1", "gw2")}
        for name in ("gw1", "gw2", "m1", "dns1"):
            wait_until(lambda name=name: name in cls.liar.links, f"{name} is connected to the liar, too")
        for name in ("m1", "dns1"):
            wait_until(lambda name=name: name in cls.liar.topics, f"{name} has subscribed there")
        wait_until(lambda: cls.dns.status().get("members") == 4, "they are all members")

    def setUp(self):
        self.in_order()
        self.status = self.dns.status()

    def in_order(self):
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        for name in ("gw1", "gw2"):
            self.shows(f"{name}.node", "A", self.net.node_addresses(name)[:1])

    def nothing_happened(self):
        self.in_order()
        now = self.dns.status()
        for what in ("serial", "members", "epoch"):
            self.assertEqual(self.status[what], now[what], what)
        self.assertNotIn("thor_withdrawals_total", self.manager.command("metrics")["metrics"])

    @staticmethod
    def counted(daemon, metric, **label):
        (name, value), = label.items()
        found = re.search(rf'^{metric}{{{name}="{value}"}} (\d+)$', daemon.command("metrics")["metrics"], re.M)
        return int(found[1]) if found else 0

    def assert_refused(self, listener, event, reason):
        daemon = {"m1": self.manager, "dns1": self.dns}[listener]
        before = self.counted(daemon, "thor_client_refused_events_total", reason=reason)
        self.liar.tell(listener, event)
        wait_until(lambda: self.counted(daemon, "thor_client_refused_events_total", reason=reason) > before, f"{listener} counts {reason}")
        self.assertRegex(daemon.log_text(), rf"warn  event server {self.liar.where}: dropped a {event['topic']}: .* \({reason}\)")

    def listeners(self, topic):
        return [name for name in ("m1", "dns1") if topic in self.liar.topics[name]]


class Forging(LiarTest):
    def test_what_members_say(self):
        gw1, gw2 = (self.liar.heard(name, "Thor.Presence") for name in ("gw1", "gw2"))
        said = json.loads(gw1["body"])
        version = {"id": "gw1", "incarnation": said["incarnation"], "sequence": said["sequence"] + 1}
        moved = said | version | {"addresses": [ELSEWHERE]}
        stranger = Authority(self.net.directory / "stranger", DOMAIN).directory
        lies = {
            "another address": (altered(gw1, **version, addresses=[ELSEWHERE]), "bad_signature"),
            "no role any more": (altered(gw1, **version, roles={}), "bad_signature"),
            "one octet": (gw1 | {"body": gw1["body"] + " "}, "bad_signature"),
            "the certificate of another member": (gw1 | {"certificate": gw2["certificate"]}, "bad_signature"),
            "the signature of another member": (gw1 | {"signature": gw2["signature"]}, "bad_signature"),
            "the signature of something else": (signed(Identity.of(self.net, "gw1"), "Thor.Leave", moved) | {"topic": "Thor.Presence"}, "bad_signature"),
            "signed by another member": (signed(Identity.of(self.net, "gw2"), "Thor.Presence", moved), "id_not_in_certificate"),
            "signed by the event server": (signed(self.liar.identity, "Thor.Presence", moved), "id_not_in_certificate"),
            "signed by the member, with a role it may not take": (
                signed(Identity.of(self.net, "gw1"), "Thor.Presence", moved | {"roles": {"media_relay": {}}}), "role_not_in_certificate"),
            "a certificate of another CA": (signed(Identity.forge(self.net, "gw1", ca=stranger), "Thor.Presence", moved), "untrusted"),
            "a certificate of yesterday": (signed(Identity.forge(self.net, "gw1", days=(-2, -1)), "Thor.Presence", moved), "expired"),
            "a leave that was none": (gw1 | {"topic": "Thor.Leave", "body": json.dumps(version)}, "bad_signature"),
            "a leave by another": (signed(self.liar.identity, "Thor.Leave", version), "id_not_in_certificate"),
        }
        for what, (event, reason) in lies.items():
            for listener in self.listeners(event["topic"]):
                with self.subTest(what, listener=listener):
                    self.assert_refused(listener, event, reason)
        self.nothing_happened()

    def test_the_network_status(self):
        full = self.liar.heard("m1", "Thor.Members", lambda body: body["kind"] == "full")
        said = json.loads(full["body"])
        epoch = self.dns.status()["epoch"]
        later = {"epoch": epoch | {"counter": epoch["counter"] + 1}, "sequence": 1, "serial": self.status["serial"] + 1}
        gone = {"kind": "delta", "epoch": epoch, "sequence": self.dns.status()["sequence"] + 1, "serial": self.status["serial"] + 1, "upserts": [],
                "removals": [{"id": "gw1", "reason": "left"}]}
        lies = {
            "nobody is there": (altered(full, **later, members=[]), "bad_signature"),
            "a higher epoch": (altered(full, **later), "bad_signature"),
            "a member has left": (full | {"body": json.dumps(gone)}, "bad_signature"),
            "signed by a member": (signed(Identity.of(self.net, "gw2"), "Thor.Members", said | later | {"members": []}), "not_a_manager"),
            "signed by the event server": (signed(self.liar.identity, "Thor.Members", said | later | {"members": []}), "not_a_manager"),
            "what a member says": (self.liar.heard("gw1", "Thor.Presence") | {"topic": "Thor.Members"}, "bad_signature"),
        }
        for what, (event, reason) in lies.items():
            for listener in ("m1", "dns1"):
                with self.subTest(what, listener=listener):
                    self.assert_refused(listener, event, reason)
        self.nothing_happened()

    def test_that_nobody_is_connected(self):
        """A fact needs no signature, so it needs the word of another event server."""
        for name in ("gw1", "gw2"):
            said = json.loads(self.liar.heard(name, "Thor.Presence")["body"])
            for state in ("late", "closed", "revoked", "expired"):
                self.liar.say("m1", type="fact", state=state, age_ms=10_000, **{key: said[key] for key in ("id", "incarnation", "sequence")})
        self.liar.tell("m1", self.liar.heard("gw1", "Thor.Presence"))
        time.sleep(WRONG_WOULD_SHOW_S)
        self.nothing_happened()


class Replaying(LiarTest):
    """What was said once is well signed for ever; it is told from news by its version."""

    def assert_stale(self, listener, event):
        daemon = {"m1": self.manager, "dns1": self.dns}[listener]
        before = self.counted(daemon, "thor_stale_events_total", topic=event["topic"])
        self.liar.tell(listener, event)
        wait_until(lambda: self.counted(daemon, "thor_stale_events_total", topic=event["topic"]) > before, f"{listener} counts a stale {event['topic']}")

    def test_what_a_member_said_before(self):
        node = self.nodes["gw1"]
        active = self.liar.heard("gw1", "Thor.Presence")
        node.command("drain")
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw2"))
        draining = self.liar.heard("gw1", "Thor.Presence", lambda body: body["roles"]["sip_proxy"]["state"] == "draining")

        with self.subTest("it took work then, now it drains"):
            self.assert_stale("m1", active)
            self.shows("gw1.node", "TXT", ['"sip_proxy=draining"'])
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw2"))

        node.command("undrain")
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1", "gw2"))
        with self.subTest("it drained then, now it takes work"):
            self.assert_stale("m1", draining)
            self.in_order()

        self.assertEqual(0, node.stop())
        left = self.liar.heard("gw1", "Thor.Leave")
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw2"))
        with self.subTest("it was there then, now it has left"):
            self.liar.tell("m1", active)
            self.liar.tell("m1", self.liar.heard("gw1", "Thor.Presence"))
            self.shows("gw1.node", "TXT", [])
            self.shows("_sip._udp", "SRV", self.srv(5060, "gw2"))

        self.nodes["gw1"] = self.net.start("gw1", "thor-node").wait_ready()
        self.in_order()
        with self.subTest("it left then, now it is back"):
            self.assert_stale("m1", left)
            self.in_order()

    def test_what_a_manager_said_before(self):
        full = self.liar.heard("m1", "Thor.Members", lambda body: body["kind"] == "full")
        self.nodes["gw2"].command("drain")
        self.shows("_sip._udp", "SRV", self.srv(5060, "gw1"))
        delta = self.liar.heard("m1", "Thor.Members", lambda body: body["kind"] == "delta")
        self.nodes["gw2"].command("undrain")
        self.in_order()
        with self.subTest("in this epoch"):
            for event in (full, delta):
                self.liar.tell("m1", event)  # to which it is an echo of its own words
                self.assert_stale("dns1", event)
            self.in_order()

        epoch = self.dns.status()["epoch"]["counter"]
        self.manager.stop()
        type(self).manager = self.net.start("m1", "thor-manager").wait_ready()
        wait_until(lambda: self.dns.status()["epoch"]["counter"] > epoch, "thor-dns follows the next epoch")
        wait_until(lambda: "m1" in self.liar.links, "it is connected to the liar again")
        status = self.dns.status()
        with self.subTest("in an epoch before"):
            for listener in ("m1", "dns1"):
                self.assert_stale(listener, full)
            self.in_order()
            self.assertEqual((status["epoch"], status["serial"]), (self.dns.status()["epoch"], self.dns.status()["serial"]))


if __name__ == "__main__":
    overlaytest.main()
