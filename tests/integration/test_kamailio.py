#!/usr/bin/python3
"""contrib/kamailio: the dispatcher list of a real Kamailio is what the overlay is."""

import json
import subprocess
import unittest

from kamailio import Kamailio
from netns import NetnsOverlay
from overlay import PROGRAMS, SOURCE, wait_until

CONTRIB = SOURCE / "contrib" / "kamailio"
SANDBOX = SOURCE / "tests" / "support" / "sandbox.py"
MEMBERS = {
    "n1": {"addresses": ["192.0.2.1"], "roles": {"sip_proxy": {"weight": 100, "priority": 10}}},
    "n2": {"addresses": ["192.0.2.2", "198.51.100.2"],
           "roles": {"sip_proxy": {"state": "draining", "weight": 50, "priority": 20, "ports": {"sip.tcp": 5070}}, "conference_server": {}}},
    "n3": {"addresses": ["192.0.2.3", "2001:db8::3"], "roles": {"sip_proxy": {"weight": 0}}},
    "n4": {"addresses": ["192.0.2.4"], "roles": {"sip_proxy": {"ports": {"sip.tcp": 0}}, "media_relay": {}}},
}
EXPECTED = {  # (set, URI): state, priority, id, relative weight
    (1, "sip:192.0.2.1:5060;transport=tcp"): ("AX", 65525, "n1", 100),
    (1, "sip:192.0.2.2:5070;transport=tcp"): ("DX", 65515, "n2", 50),
    (1, "sip:198.51.100.2:5070;transport=tcp"): ("DX", 65515, "n2.2", 50),
    (1, "sip:192.0.2.3:5060;transport=tcp"): ("AX", 65525, "n3", 0),
    (3, "sip:192.0.2.2:5060;transport=tcp"): ("AX", 65525, "n2", 100),
    (3, "sip:198.51.100.2:5060;transport=tcp"): ("AX", 65525, "n2.2", 100),
}


class DispatcherList(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(NetnsOverlay())
        self.home = self.net.home("n1")
        self.list = self.home / "dispatcher.list"
        self.list.touch()

    def start_kamailio(self, reads=None):
        proxy = Kamailio(self.net, "n1", CONTRIB / "kamailio.cfg", resolver="127.0.0.1",
                         define={"THOR_DOMAIN": self.net.domain, "THOR_LIST": reads or self.list, "THOR_RPC": self.home / "run" / "rpc.sock"})
        self.addCleanup(proxy.kill)
        wait_until(lambda: proxy.rpc("core.version"), "Kamailio answers its RPC")
        return proxy

    def hook(self, members=None, text=None, inside=(), umask=0o022):
        """Runs the hook where Kamailio is; the names of its sockets belong to the network namespace."""
        document = {"members": [{"id": name, **what} for name, what in (MEMBERS if members is None else members).items()]}
        return subprocess.run([*self.net.inside("n1"), *inside, CONTRIB / "thor-kamailio", "--list", self.list, "--rpc", self.home / "run" / "rpc.sock"],
                              input=json.dumps(document) if text is None else text, capture_output=True, text=True, check=False, umask=umask)

    def taken(self, done):
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    @staticmethod
    def known(proxy):
        """All that Kamailio has."""
        result = proxy.rpc("dispatcher.list").get("result", {"RECORDS": []})
        return {(record["SET"]["ID"], target["DEST"]["URI"]): (target["DEST"]["FLAGS"], target["DEST"]["PRIORITY"], target["DEST"]["ATTRS"]["DUID"],
                                                              target["DEST"]["ATTRS"]["RWEIGHT"])
                for record in result["RECORDS"] for target in record["SET"]["TARGETS"]}

    def test_kamailio_has_what_the_overlay_is(self):
        with self.subTest("before it runs, the hook is to be tried again"):
            done = self.hook()
            self.assertEqual(1, done.returncode)
            self.assertIn("does it run", done.stderr)
        proxy = self.start_kamailio()
        with self.subTest("its start takes the list that is on disk"):
            self.assertEqual(EXPECTED, self.known(proxy))
        with self.subTest("again and again"):
            for _ in range(2):
                self.taken(self.hook())
            self.assertEqual(EXPECTED, self.known(proxy))
        with self.subTest("one leaves"):
            self.taken(self.hook({name: what for name, what in MEMBERS.items() if name != "n2"}))
            self.assertEqual({key: what for key, what in EXPECTED.items() if not what[2].startswith("n2")}, self.known(proxy))
        with self.subTest("nobody is left"):
            self.taken(self.hook({}))
            self.assertEqual({}, self.known(proxy))
        with self.subTest("input that is wrong changes nothing"):
            self.taken(self.hook())
            done = self.hook(text=json.dumps({"members": [{"id": "n1", "addresses": ["192.0.2.1 0 0\n1 sip:evil"]}]}))
            self.assertEqual(2, done.returncode)
            self.assertEqual(EXPECTED, self.known(proxy))
        with self.subTest("many members"):
            self.taken(self.hook({f"n{i}": {"addresses": [f"198.18.{i >> 8}.{i & 255}"], "roles": {"sip_proxy": {}}} for i in range(500)}))
            self.assertEqual(500, len(proxy.rpc("dispatcher.list", "short")["result"]["RECORDS"][0]["SET"]["TARGETS"]))

    def test_one_that_reads_another_list_is_noticed(self):
        other = self.home / "other.list"
        other.touch()
        self.start_kamailio(reads=other)
        done = self.hook()
        self.assertEqual(1, done.returncode)
        self.assertIn(f"is its list_file {self.list}", done.stderr)

    def test_the_sandbox_of_thor_node_lets_it_work(self):
        unit = self.net.directory / "thor-node.service"
        unit.write_text((PROGRAMS / "contrib" / "systemd" / "thor-node.service").read_text() + (CONTRIB / "thor-node.conf").read_text())
        proxy = self.start_kamailio()
        self.taken(self.hook(inside=(SANDBOX, unit, self.home, "--")))
        self.assertEqual(EXPECTED, self.known(proxy))

    def test_the_list_is_for_kamailio_to_read(self):
        self.hook(umask=0o077)
        self.assertEqual(0o644, self.list.stat().st_mode & 0o777)
        self.assertEqual(["dispatcher.list"], [file.name for file in self.home.iterdir() if file.is_file()], "nothing is left behind")


if __name__ == "__main__":
    unittest.main(verbosity=2)
