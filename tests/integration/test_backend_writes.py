"""What real PowerDNS programs write through the remote backend, as edits: over HTTP (post_json, post and REST) and over the Unix socket.

static_backend (tests/support) takes every edit and only remembers it, so each test sees what PowerDNS meant and what arrived.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import dns.query
import dns.rcode
import dns.update

from overlay import READY_S
from staticbackend import TOKEN, StaticBackend, free_port, loopback, start_pdns

ZONE = "sip.example.com"
API_KEY = "api key of the test"
KEY_ID = 12  # of every key that static_backend takes
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="


def add(owner, rdtype, ttl, content):
    return ["add", f"{owner}.{ZONE}.", "", [[rdtype, ttl, content]]]


def replace(owner, rdtype, *records):
    return ["replace", f"{owner}.{ZONE}.", rdtype, [[rdtype, *record] for record in records]]


class Writes:
    """Mixed into one test case for each form that carries writes."""

    variant = "http"
    connection = None  # a remote-connection-string; None: the shipped one

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="thor-writes-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.backend = StaticBackend(cls.directory, "--edits", "--members", "3", "--slice", "0")
        cls.addClassCleanup(cls.backend.kill)
        cls.api = f"http://{loopback()}:{free_port(loopback())}"
        settings = {"remote-dnssec": "yes"}
        added = {"dnsupdate": "yes", "allow-dnsupdate-from": "127.0.0.0/8", "loglevel": "6", "webserver": "yes",
                 "webserver-address": loopback(), "webserver-port": cls.api.rsplit(":", 1)[1],
                    "webserver-allow-from": "127.0.0.0/8", "api": "yes", "api-key": API_KEY}
        if cls.connection is not None:
            settings["remote-connection-string"] = cls.connection(cls.backend)
        cls.pdns, cls.server = start_pdns(cls.backend, cls.directory, cls.variant, ZONE, settings, added)
        cls.addClassCleanup(cls.pdns.kill)

    def setUp(self):
        self.backend.command("edits")

    def tool(self, *words, expected=0):
        done = subprocess.run(["/usr/bin/pdnsutil", f"--config-dir={self.directory}", *words], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, expected, done)
        return done.stdout

    def edits(self):
        return self.backend.command("edits")["edits"]

    def zone_edit(self):
        """The one edit that was made, of the zone's records."""
        edits = self.edits()
        self.assertEqual(len(edits), 1, edits)
        self.assertEqual(edits[0]["zone"], f"{ZONE}.")
        return edits[0]

    def steps(self):
        """Those of the one edit, which changes some of the zone; the SOA aside, whose serial PowerDNS counts."""
        edit = self.zone_edit()
        self.assertFalse(edit["whole"])
        return [step for step in edit["steps"] if step[2] != "SOA"]

    def api_call(self, method, path, body):
        request = urllib.request.Request(f"{self.api}/api/v1/servers/localhost/{path}", json.dumps(body).encode(),
                                         {"X-API-Key": API_KEY}, method=method)
        with urllib.request.urlopen(request, timeout=READY_S) as response:
            return response.status, response.read()

    def update(self, *changes, expected=dns.rcode.NOERROR):
        message = dns.update.UpdateMessage(ZONE)
        for verb, *words in changes:
            getattr(message, verb)(*words)
        answer = dns.query.tcp(message, self.server.address, port=self.server.port, timeout=READY_S)
        self.assertEqual(answer.rcode(), expected, answer)

    # ---- pdnsutil

    def test_records(self):
        self.tool("add-record", ZONE, "new", "A", "300", "192.0.2.1")
        self.assertEqual(self.steps(), [replace("new", "A", (300, "192.0.2.1"))])
        self.tool("replace-rrset", ZONE, "xcap", "TXT", "60", '"other"')
        self.assertEqual(self.steps(), [replace("xcap", "TXT", (60, '"other"'))])
        self.tool("delete-rrset", ZONE, "xcap", "TXT")
        self.assertEqual(self.steps(), [replace("xcap", "TXT")])

    def test_a_record_joins_those_of_its_set(self):
        self.tool("add-record", ZONE, "ns1", "A", "3600", "192.0.2.54")
        self.assertEqual([[*step[:3], sorted(step[3])] for step in self.steps()],
                         [replace("ns1", "A", (3600, "192.0.2.53"), (3600, "192.0.2.54"))])

    def test_a_whole_zone(self):
        lines = [f"{ZONE}. 300 IN SOA ns1.{ZONE}. hostmaster.{ZONE}. 7 3600 600 1209600 15", f"{ZONE}. 3600 IN NS ns1.{ZONE}.",
                 *(f"h{i}.{ZONE}. 60 IN A 10.1.{i // 250}.{i % 250}" for i in range(1000))]
        zonefile = self.directory / "zone"
        zonefile.write_text("\n".join(lines) + "\n")
        self.tool("load-zone", ZONE, str(zonefile))
        edit = self.zone_edit()
        self.assertTrue(edit["whole"])
        self.assertEqual(len(edit["steps"]), len(lines))
        self.assertIn(add("h7", "A", 60, "10.1.0.7"), edit["steps"])

    def test_metadata(self):
        self.tool("set-meta", ZONE, "ALSO-NOTIFY", "192.0.2.1", "192.0.2.2")
        self.assertEqual(self.edits(), [{"metadata": "ALSO-NOTIFY", "zone": f"{ZONE}.", "values": ["192.0.2.1", "192.0.2.2"]}])

    def test_keys(self):
        printed = self.tool("add-zone-key", ZONE, "ksk", "active", "ecdsa256")
        self.assertIn(str(KEY_ID), printed)
        (added,) = self.edits()
        self.assertEqual((added["zone"], added["flags"], added["active"], added["published"]), (f"{ZONE}.", 257, True, True))
        self.assertIn("Algorithm: 13", added["key"])
        self.backend.command("keys")
        self.addCleanup(self.backend.command, "no keys")
        self.assertRegex(self.tool("list-keys", ZONE), rf"ECDSAP256SHA256 +{KEY_ID} ")
        for action, word in enumerate(("remove", "activate", "deactivate", "publish", "unpublish")):
            self.tool(f"{word}-zone-key", ZONE, str(KEY_ID))
            self.assertEqual(self.edits(), [{"key_edit": action, "zone": f"{ZONE}.", "id": KEY_ID}], word)
        self.assertNotIn("Private", self.backend.log.read_text())

    def test_tsig_keys(self):
        self.tool("import-tsig-key", "transfer", "hmac-sha256", SECRET)
        self.assertEqual(self.edits(), [{"tsig": "transfer.", "algorithm": "hmac-sha256.", "secret": SECRET}])
        self.backend.command("keys")
        self.addCleanup(self.backend.command, "no keys")
        self.assertEqual(self.tool("list-tsig-keys").split(), ["transfer.", "hmac-sha256.", SECRET])
        self.tool("delete-tsig-key", "transfer")
        self.assertEqual(self.edits(), [{"tsig": "transfer.", "algorithm": "", "secret": None}])
        self.assertNotIn(SECRET, self.backend.log.read_text())

    def test_a_command_of_the_operator(self):
        self.assertIn("1 zones (0 with keys)", self.tool("backend-cmd", "remote", "status"))

    # ---- DNS UPDATE

    def test_an_update_that_adds(self):
        self.update(("add", "new", 300, "A", "192.0.2.1"), ("add", "new", 300, "A", "192.0.2.2"))
        self.assertEqual(self.steps(), [add("new", "A", 300, "192.0.2.1"), add("new", "A", 300, "192.0.2.2")])

    def test_an_update_sees_its_own_changes(self):
        # PowerDNS reads the set before each change: with the published set in every answer the second deletion would bring
        # back what the first one took, and a record that goes and comes again would be lost.
        self.update(("delete", "ns1", "A", "192.0.2.53"), ("add", "ns1", 3600, "A", "192.0.2.53"))
        steps = self.steps()
        self.assertEqual(steps[0], replace("ns1", "A"))
        self.assertEqual(steps[-1], add("ns1", "A", 3600, "192.0.2.53"))
        self.update(*(("delete", "proxy", "A", f"10.0.0.{member}") for member in range(2)))
        self.assertEqual(self.steps()[-1], replace("proxy", "A", (30, "10.0.0.2")))

    # ---- the HTTP API

    def test_the_api_changes_records(self):
        records = [{"content": "192.0.2.7", "disabled": False}, {"content": "192.0.2.8", "disabled": False}]
        status, _ = self.api_call("PATCH", f"zones/{ZONE}.", {"rrsets": [
            {"name": f"api.{ZONE}.", "type": "A", "ttl": 60, "changetype": "REPLACE", "records": records},
            {"name": f"xcap.{ZONE}.", "type": "TXT", "changetype": "DELETE"}]})
        self.assertEqual(status, 204)
        self.assertEqual(self.steps(), [replace("api", "A", (60, "192.0.2.7"), (60, "192.0.2.8")), replace("xcap", "TXT")])

    def test_the_api_searches(self):
        with urllib.request.urlopen(urllib.request.Request(f"{self.api}/api/v1/servers/localhost/search-data?q=xcap*&max=10",
                                                           headers={"X-API-Key": API_KEY}), timeout=READY_S) as response:
            found = json.loads(response.read())
        self.assertIn(f"xcap.{ZONE}.", [one["name"] for one in found if one["object_type"] == "record"])


class OverPostJson(Writes, unittest.TestCase):
    variant = "http"


class OverPost(Writes, unittest.TestCase):
    @staticmethod
    def connection(backend):
        return f"http:url=http://{backend.http}/{TOKEN},post=1"


class OverUnix(Writes, unittest.TestCase):
    variant = "unix"


class OverRest(Writes, unittest.TestCase):
    """PowerDNS 4.7 writes records broken over REST: these are declined in words, and the rest works."""

    @staticmethod
    def connection(backend):
        return f"http:url=http://{backend.http}/{TOKEN}"

    @contextlib.contextmanager
    def declined(self):
        before = self.backend.refused("unsupported")
        yield
        self.assertGreater(self.backend.refused("unsupported"), before)
        self.assertEqual(self.edits(), [])

    def test_records(self):
        with self.declined():
            self.tool("replace-rrset", ZONE, "xcap", "TXT", "60", '"other"', expected=1)
        self.tool("delete-rrset", ZONE, "xcap", "TXT")  # names no record
        self.assertEqual(self.steps(), [replace("xcap", "TXT")])

    def test_a_record_joins_those_of_its_set(self):
        with self.declined():
            self.tool("add-record", ZONE, "ns1", "A", "3600", "192.0.2.54", expected=1)

    def test_a_whole_zone(self):
        # pdnsutil does not listen to what feedRecord is answered: without its records the zone must not become empty.
        zonefile = self.directory / "zone"
        zonefile.write_text(f"{ZONE}. 300 IN SOA ns1.{ZONE}. hostmaster.{ZONE}. 7 3600 600 1209600 15\n")
        with self.declined():
            self.tool("load-zone", ZONE, str(zonefile))

    def test_an_update_that_adds(self):
        with self.declined():
            self.update(("add", "new", 300, "A", "192.0.2.1"), expected=dns.rcode.SERVFAIL)

    def test_an_update_sees_its_own_changes(self):
        with self.declined():
            self.update(("delete", "proxy", "A", "10.0.0.0"), expected=dns.rcode.SERVFAIL)

    def test_the_api_changes_records(self):
        with self.declined(), self.assertRaises(urllib.error.HTTPError):
            self.api_call("PATCH", f"zones/{ZONE}.", {"rrsets": [
                {"name": f"api.{ZONE}.", "type": "A", "ttl": 60, "changetype": "REPLACE",
                 "records": [{"content": "192.0.2.7", "disabled": False}]}]})


if __name__ == "__main__":
    unittest.main(verbosity=2)
