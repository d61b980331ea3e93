#!/usr/bin/python3
"""The Python client, which was written from coordinator/wire/README.md alone: it joins a real event server, is seen, renews,
changes, leaves; and the vectors of that specification hold in it."""

import asyncio
import base64
import hashlib
import json
import re
import subprocess
import sys
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from overlay import SOURCE, Authority, Overlay, wait_until

sys.path.insert(0, str(SOURCE / "contrib" / "python"))
import thor_client  # noqa: E402
from thor_client import Client, Credentials, OutOfStep, Table, Untrusted, View  # noqa: E402

CLIENT = SOURCE / "contrib" / "python" / "thor_client.py"
NODE_ADDRESS = "192.0.2.1"


class Command:
    """thor_client.py as a command; its lines as they come."""

    def __init__(self, net, name, *options):
        tls = net.home(name) / "tls"
        self.out, self.err = (net.directory / f"{name}-{id(self)}.{kind}" for kind in ("out", "err"))
        servers = [word for server in net.event_servers for word in ("--server", server)]
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-B", CLIENT, "--certificate", tls / f"{name}.crt",
                 "--key", tls / f"{name}.key", "--ca", net.ca.certificate, "--crl", net.ca.revocations, *servers, *options],
                stdout=out, stderr=err)

    def messages(self, kind, **fields):
        whole_lines = self.out.read_text().rpartition("\n")[0].splitlines()
        found = [m for m in map(json.loads, whole_lines) if m["type"] == kind]
        return [m for m in found if all(m.get(name) == value for name, value in fields.items())]

    def wait_for(self, kind, count=1, **fields):
        def came():
            found = self.messages(kind, **fields)
            return found if len(found) >= count else None
        return wait_until(came, lambda: f"{count} {kind} with {fields}; errors: {self.err.read_text()}")

    def stop(self):
        self.child.terminate()
        return self.child.wait(10)


class JoiningTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = cls.enterClassContext(Overlay())
        cls.es1 = cls.net.start_event_server("es1")
        cls.es2 = cls.net.start_event_server("es2")
        cls.net.ca.issue("m1", ["thor_manager"], cls.net.home("m1") / "tls")
        cls.net.ca.issue("watcher", ["thor_monitor"], cls.net.home("watcher") / "tls")

    def watch(self):
        watcher = Command(self.net, "watcher", "--topic", "Thor.Presence", "--topic", "Thor.Leave")
        self.addCleanup(watcher.stop)
        watcher.wait_for("synced", count=4)
        return watcher

    def join(self, name):
        """Each test has a node of its own: event servers remember those of the tests before."""
        self.net.ca.issue(name, ["sip_proxy"], self.net.home(name) / "tls", [NODE_ADDRESS])
        node = Command(self.net, name, "--role", "sip_proxy", "--address", NODE_ADDRESS, "--topic", "Thor.Members",
                       "--incarnation-file", str(self.net.directory / f"{name}.incarnation"))
        self.addCleanup(node.child.kill)
        return node

    def credentials(self, name):
        tls = self.net.home(name) / "tls"
        return Credentials(tls / f"{name}.crt", tls / f"{name}.key", self.net.ca.certificate, self.net.ca.revocations)

    def test_joins_is_seen_renews_and_leaves(self):
        watcher = self.watch()
        node = self.join("n1")
        seen = watcher.wait_for("event", count=2, topic="Thor.Presence", author="n1")
        self.assertEqual({m["via"] for m in seen}, set(self.net.event_servers))
        for message in seen:
            self.assertEqual(message["body"]["roles"], {"sip_proxy": {}})
            self.assertEqual(message["body"]["addresses"], [NODE_ADDRESS])
            self.assertEqual(message["fact"]["state"], "connected")

        renewed = self.es1.metric("thor_eventserver_frames_total")
        beats = len(watcher.messages("heartbeat", members=1))
        watcher.wait_for("heartbeat", count=beats + 8, members=1)  # four seconds on two servers: longer than a lease
        self.assertGreaterEqual(self.es1.metric("thor_eventserver_frames_total"), renewed + 3)
        self.assertEqual([m["state"] for m in self.es1.status()["members"] if m["id"] == "n1"], ["connected"])

        self.assertEqual(node.stop(), 0)
        left = watcher.wait_for("event", count=2, topic="Thor.Leave", author="n1")
        self.assertGreater(left[0]["body"]["sequence"], seen[0]["body"]["sequence"])
        watcher.wait_for("heartbeat", members=0)
        self.assertEqual(watcher.messages("fact", id="n1", state="closed"), [])
        self.assertEqual(watcher.err.read_text(), "")

    def test_crash_is_seen_as_a_closed_connection(self):
        watcher = self.watch()
        node = self.join("n2")
        watcher.wait_for("event", count=2, topic="Thor.Presence", author="n2")
        node.child.kill()
        watcher.wait_for("fact", count=2, id="n2", state="closed")

    def test_a_newer_process_of_the_same_id_ends_the_older_for_good(self):
        watcher = self.watch()
        older = self.join("n3")
        first = watcher.wait_for("event", topic="Thor.Presence", author="n3")[0]["body"]["incarnation"]
        self.join("n3")
        self.assertEqual(older.child.wait(10), 1)
        self.assertIn("replaced by a newer process", older.err.read_text())
        wait_until(lambda: [m for m in watcher.messages("event", author="n3") if m["body"]["incarnation"] > first],
                   "the newer one is seen")

    def test_comes_back_when_its_event_server_does(self):
        watcher = self.watch()
        node = self.join("n4")
        node.wait_for("welcome", count=2)
        listening = self.net.event_servers[0]
        self.assertEqual(self.es1.stop(), 0)
        type(self).es1 = self.net.start_event_server("es1", listening)
        node.wait_for("welcome", count=2, server="es1")
        watcher.wait_for("event", count=3, topic="Thor.Presence", author="n4")
        self.assertEqual(node.stop(), 0)

    def test_as_a_module_it_publishes_and_follows_the_network_status(self):
        asyncio.run(asyncio.wait_for(self.publish_and_follow(), 30))

    async def publish_and_follow(self):
        manager = Client(self.credentials("m1"), self.net.event_servers, (), thor_client.next_incarnation(self.net.directory / "m1.incarnation"))
        member = {"id": "n9", "incarnation": 5, "sequence": 1, "addresses": ["192.0.2.9"], "roles": {}, "since": 1700000000}
        head = {"epoch": {"counter": 1700000000, "manager": "m1"}, "serial": 1}
        async with manager, Client(self.credentials("watcher"), self.net.event_servers, ["Thor.Members"]) as watcher:
            await self.up(manager)
            await self.up(watcher)
            await manager.publish("Thor.Members", head | {"kind": "full", "sequence": 1, "members": []})
            await manager.publish("Thor.Members", head | {"kind": "delta", "sequence": 2, "upserts": [member], "removals": []})
            await self.heard(watcher, lambda m: m.get("body", {}).get("kind") == "delta", len(watcher.links))
            self.assertEqual(watcher.view.members, {"n9": member})
            self.assertEqual((watcher.view.sequence, watcher.view.serial), (2, 1))

            await manager.publish("Thor.Members", head | {"kind": "beat", "sequence": 2, "digest": thor_client.digest({"n9": (5, 1)})})
            await self.heard(watcher, lambda m: m.get("body", {}).get("kind") == "beat", len(watcher.links))

            await manager.publish("Thor.Members", head | {"kind": "delta", "sequence": 9, "upserts": [], "removals": []})
            refused = await self.heard(manager, lambda m: m["type"] == "refused")
            self.assertEqual(refused["reason"], "full_status_needed")

    async def up(self, client):
        while not all(link.socket for link in client.links):
            await asyncio.sleep(0.01)

    async def heard(self, client, matches, times=1):
        async for message in client:
            if matches(message):
                times -= 1
                if times == 0:
                    return message

    def test_does_not_believe_what_does_not_verify(self):
        self.net.ca.issue("n1", ["sip_proxy"], self.net.home("n1") / "tls", [NODE_ADDRESS])
        n1, watcher = self.credentials("n1"), self.credentials("watcher")

        def event(body, topic="Thor.Presence", signer=n1, claimed=n1):
            text = json.dumps(body)
            return {"topic": topic, "body": text,
                    "signature": base64.b64encode(signer.sign(thor_client.signed_octets(topic, text))).decode(),
                    "certificate": base64.b64encode(claimed.der).decode()}
        good = event({"id": "n1", "roles": {"sip_proxy": {}}})
        self.assertEqual(watcher.check_event(good)[0].id, "n1")
        bad = {
            "another text": good | {"body": good["body"].replace("sip", "sap")},
            "another topic": good | {"topic": "Thor.Leave"},
            "another key": event({"id": "n1"}, claimed=watcher),
            "another id": event({"id": "n2"}),
            "another role": event({"id": "n1", "roles": {"media_relay": {}}}),
            "no manager": event({"kind": "full"}, topic="Thor.Members"),
            "not our CA": good | {"certificate": README_PUBLISH["certificate"]},
        }
        for what, forged in bad.items():
            with self.subTest(what), self.assertRaises(Untrusted):
                watcher.check_event(forged)


README_TEXT = (SOURCE / "coordinator" / "wire" / "README.md").read_text()
README_PUBLISH = next(m for m in map(json.loads, re.findall(r"^```json client\n(.*)$", README_TEXT, re.M)) if m["type"] == "publish")


class SpecificationTest(unittest.TestCase):
    def test_signature_vector(self):
        octets = thor_client.signed_octets(README_PUBLISH["topic"], README_PUBLISH["body"])
        self.assertIn(f"{len(octets)} octets, SHA-256 `{hashlib.sha256(octets).hexdigest()}`", README_TEXT)
        key = thor_client.ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.assertEqual(base64.b64encode(key.sign(octets)).decode(), README_PUBLISH["signature"])
        certificate = thor_client.x509.load_der_x509_certificate(base64.b64decode(README_PUBLISH["certificate"]))
        thor_client.verify(certificate.public_key(), base64.b64decode(README_PUBLISH["signature"]), octets)
        authority = thor_client.ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
        thor_client.verify(authority.public_key(), certificate.signature, certificate.tbs_certificate_bytes)

    def test_digest_vectors(self):
        vectors = {"5580fcd9098fe71f": {"n1": (1700000000000, 3)}, "9b886334f9b6297c": {"n2": (1700000000500, 1)},
                   "ce089fedf039ce63": {"n1": (1700000000000, 3), "n2": (1700000000500, 1)}, "0" * 16: {}}
        for expected, versions in vectors.items():
            self.assertEqual(thor_client.digest(versions), expected)


class FollowingTest(unittest.TestCase):
    """Sections 9 and 10, rule by rule."""

    @staticmethod
    def status(kind, sequence, counter=7, manager="m1", **more):
        return {"kind": kind, "epoch": {"counter": counter, "manager": manager}, "sequence": sequence, "serial": 1, **more}

    def view_at(self, sequence):
        view = View()
        self.assertTrue(view.fold(self.status("full", sequence, members=[])))
        return view

    def test_needs_a_full_status_first(self):
        with self.assertRaises(OutOfStep):
            View().fold(self.status("delta", 1, upserts=[], removals=[]))

    def test_never_goes_back(self):
        view = self.view_at(5)
        for status in (self.status("full", 4, members=[]), self.status("full", 9, counter=6, members=[]),
                       self.status("full", 9, manager="m0", members=[]), self.status("delta", 5, upserts=[], removals=[]),
                       self.status("delta", 4, upserts=[], removals=[]), self.status("beat", 4, digest="0" * 16)):
            self.assertFalse(view.fold(status), status)
        self.assertEqual((view.epoch, view.sequence), ((7, b"m1"), 5))

    def test_notices_gaps(self):
        for status in (self.status("delta", 7, upserts=[], removals=[]), self.status("beat", 6, digest="0" * 16),
                       self.status("delta", 1, counter=8, upserts=[], removals=[]), self.status("beat", 5, digest="0" * 15 + "1")):
            with self.subTest(status), self.assertRaises(OutOfStep):
                self.view_at(5).fold(status)

    def test_refuses_an_epoch_from_the_future(self):
        view = self.view_at(5)
        self.assertFalse(view.fold(self.status("full", 1, counter=1 << 50, members=[])))
        self.assertEqual(view.epoch, (7, b"m1"))

    def test_table_agrees_with_the_heartbeat_or_is_out_of_step(self):
        def fact(node, state):
            return {"id": node, "incarnation": 5, "sequence": 1, "state": state, "age_ms": 0}
        table = Table()
        for node, state in (("n1", "connected"), ("n2", "late"), ("n3", "closed"), ("n4", "connected")):
            table.on_fact(fact(node, state))
        table.on_leave({"id": "n4", "incarnation": 5, "sequence": 2})
        table.on_leave({"id": "n1", "incarnation": 5, "sequence": 1})  # not later than what is known
        table.check({"members": 2, "digest": thor_client.digest({"n1": (5, 1), "n2": (5, 1)})})
        with self.assertRaises(OutOfStep):
            table.check({"members": 2, "digest": thor_client.digest({"n1": (5, 1), "n3": (5, 1)})})


class Believing(unittest.TestCase):
    def test_nobody_on_any_of_the_revocation_lists(self):
        """While one CA replaces the other, each has its list."""
        net = self.enterContext(Overlay())
        cas = net.ca, Authority(net.directory / "ca2", net.domain)
        made = {}
        for number, ca in enumerate(cas):
            for name in (f"good{number}", f"bad{number}"):
                ca.issue(name, ["sip_proxy"], net.directory)
                made[name] = (net.directory / f"{name}.crt").read_bytes()
            ca.run("revoke", f"bad{number}")
        files = {kind: net.directory / f"both.{kind}" for kind in ("certificate", "revocations")}
        for kind, file in files.items():
            file.write_bytes(b"".join(getattr(ca, kind).read_bytes() for ca in cas))
        ours = Credentials(net.directory / "good0.crt", net.directory / "good0.key", files["certificate"], files["revocations"])
        for name, certificate in made.items():
            with self.subTest(name):
                der = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)
                if name.startswith("good"):
                    self.assertEqual(name, ours.check_certificate(der)[0].id)
                else:
                    self.assertRaisesRegex(Untrusted, "was revoked", ours.check_certificate, der)


if __name__ == "__main__":
    unittest.main()
