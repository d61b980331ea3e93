#!/usr/bin/python3
"""contrib/mediaproxy: a relay is connected to every SIP proxy of a real overlay, and stays so while proxies come and go."""

import shutil
import sys

from netns import NetnsOverlay
from overlay import SOURCE, Process, wait_until
from overlaytest import OverlayTest, main

CONTRIB = SOURCE / "contrib" / "mediaproxy"
STAND_IN = SOURCE / "tests" / "integration" / "sip" / "mediaproxy_relay.py"
PORT = 25060
# The dispatcher of a proxy: takes relays.
DISPATCHER = f"import socket, sys\nlistener = socket.create_server((sys.argv[1], {PORT}))\nlinks = []\nwhile True:\n    links.append(listener.accept())\n"


class Relays(OverlayTest):
    def setUp(self):
        net = self.net = self.enterContext(NetnsOverlay())
        net.start_event_server()
        net.start_manager()
        self.address = {name: net.endpoint(name, PORT)[0] for name in ("n1", "n2", "n3")}
        self.node, self.dispatcher = {}, {}
        self.list = net.home("r1") / "dispatchers"
        net.start_node("r1", ["media_relay"], {"hook": [{"name": "mediaproxy", "roles": ["sip_proxy"],
                                                         "command": [str(CONTRIB / "thor-mediaproxy"), "--list", str(self.list)]}]})

    def start_proxy(self, name):
        self.dispatcher[name] = self.run_python(name, DISPATCHER, self.address[name])
        self.node[name] = self.net.start_node(name, ["sip_proxy"], addresses=[self.address[name], "2001:db8::1"])

    def run_python(self, machine, text, *words):
        process = Process(f"{machine}-python", [sys.executable, "-B", "-c", text, *words], self.net.directory / f"{machine}-python.log",
                          ("env", f"PYTHONPATH={self.net.home('r1')}", f"THOR_DISPATCHERS={self.list}", *self.net.inside(machine)))
        self.net.processes.append(process)
        self.addCleanup(process.kill)
        return process

    def start_relay(self):
        """MediaProxy's package, with our module in it."""
        package = self.net.home("r1") / "mediaproxy"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "scheduler.py").write_text("KeepRunning = True\n")
        shutil.copy(STAND_IN, package / "relay.py")
        shutil.copy(CONTRIB / "sipthor.py", package / "sipthor.py")
        return self.run_python("r1", "from mediaproxy.relay import MediaRelay\nMediaRelay().run()")

    def connected(self, relay, *names):
        expected = " ".join(sorted(f"{self.address[name]}:{PORT}" for name in names))

        def said():
            relay.check_running()
            return [line.removeprefix("connected to: ").strip() for line in relay.log_text().splitlines() if line.startswith("connected")][-1:]
        wait_until(lambda: said() == [expected], lambda: f"the relay is connected to {expected}; it says {said()}")

    def test_a_relay_is_connected_to_every_proxy(self):
        relay = self.start_relay()
        with self.subTest("those that are there, and one that joins"):
            self.start_proxy("n1")
            self.start_proxy("n2")
            self.connected(relay, "n1", "n2")
            self.start_proxy("n3")
            self.connected(relay, "n1", "n2", "n3")
        with self.subTest("one crashes, and returns"):
            self.node["n2"].kill()
            self.dispatcher["n2"].kill()
            self.connected(relay, "n1", "n3")
            self.start_proxy("n2")
            self.connected(relay, "n1", "n2", "n3")
        with self.subTest("one drains: its calls still need the relay"):
            self.assertNotIn("error", self.node["n1"].command("drain 600"))
            self.node["n3"].stop()
            self.connected(relay, "n1", "n2")
        with self.subTest("without the list, or with half of one, it stays"):
            before = len(relay.log_text())
            self.list.write_text(f"{self.address['n1']}\n")
            self.start_proxy("n3")
            self.connected(relay, "n1", "n2", "n3")
            self.assertEqual(1, relay.log_text()[before:].count("connected"))


if __name__ == "__main__":
    main()
