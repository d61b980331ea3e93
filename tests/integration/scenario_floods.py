#!/usr/bin/python3
"""Floods of the event server's port from outside and of the backend's from the name server's own machine. Members and
answers are unaffected."""

import subprocess
import sys

import scenario
from overlay import DOMAIN, SOURCE

FLOOD_S = 12
TLS_BEGINS = "160301020001"  # the first octets of a TLS record that does not go on
SLOW_REQUEST = "504f5354202f20485454502f312e310d0a"  # POST / HTTP/1.1, and no more
WRONG_TOKEN = "POST /0123456789abcdef0123456789abcdef/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode().hex()


class Floods(scenario.ScenarioTest):
    def flood(self, source, address, port, opening):
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self.machine(source).inside, "/usr/bin/python3", "-B",
                                 SOURCE / "tests/support/flood.py", address, str(port), str(FLOOD_S), opening], stdout=subprocess.PIPE, text=True)

    def over(self, floods):
        for flood in floods:
            opened = int(flood.communicate()[0])
            self.assertEqual(0, flood.returncode)
            self.assertGreater(opened, 1000)
            print(f"a flood of {opened} connections is over", file=sys.stderr)

    def test_of_the_port_of_every_event_server(self):
        watch = self.watch()
        floods = [self.flood(source, self.machine(name).address, 8000, opening) for name in self.es
                  for source, opening in (("stranger1", TLS_BEGINS), ("stranger2", ""))]
        self.go_on(FLOOD_S / 2)
        self.unchanged(watch, settle_s=0)
        self.net.start_node("n5", [scenario.ROLE])
        self.expect(*self.node, "n5")
        self.assertTrue(all(flood.poll() is None for flood in floods), "n5 joined only after the floods")
        self.over(floods)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.never_missing(watch, *self.node)
        self.assertGreater(sum(self.es[name].metric("thor_eventserver_refused_total") for name in self.es), 0)

    def test_of_the_backend(self):
        watch = self.watch()
        port = int(self.net.http_backends["dns1"].rpartition(":")[2])
        floods = [self.flood("dns1", self.machine("dns1").address, port, opening) for opening in (SLOW_REQUEST, WRONG_TOKEN)]
        self.go_on(FLOOD_S / 2)
        self.unchanged(watch, settle_s=0)
        asked = [self.pdns[0].server.ask(f"nobody{number}.{DOMAIN}", "A").rcode for number in range(50)]
        self.assertEqual({"NXDOMAIN"}, set(asked), "names that are in no cache")
        self.net.start_node("n5", [scenario.ROLE])
        self.expect(*self.node, "n5")
        self.over(floods)
        self.never_missing(watch, *self.node)


if __name__ == "__main__":
    scenario.main()
