#!/usr/bin/python3
"""Scenario 15: maintenance. A draining member gets no new work and can still be reached, over restarts, and its drain ends by itself."""

import scenario
from overlay import wait_until


class Drain(scenario.ScenarioTest):
    members = 3

    def drained(self):
        """n1 is out of SRV, for good, and its name answers."""
        self.expect("n2", "n3")
        self.shows("n1.node", "A", [self.net.node_addresses("n1")[0]])
        self.shows("n1.node", "TXT", ['"sip_proxy=draining"'])

    def test_drain_survives_restarts_and_outages(self):
        watch = self.watch()
        self.assertNotIn("error", self.node["n1"].command("drain 600"))
        self.drained()
        for end in ("stop", "kill"):
            with self.subTest(f"{end} of the node"):
                getattr(self.node["n1"], end)()
                self.node["n1"] = self.net.start("n1", "thor-node").wait_ready()
                self.drained()
        with self.subTest("the event servers and the manager restart"):
            for name, server in self.es.items():
                server.kill()
                self.es[name] = self.net.start(name, "thor-eventserver").wait_ready()
            self.manager["m1"].kill()
            self.manager["m1"] = self.net.start("m1", "thor-manager").wait_ready()
            self.connected_everywhere("n1")
            self.drained()
        self.saw(watch, self.node, {"n2", "n3"})
        self.assertNotIn("error", self.node["n1"].command("undrain"))
        self.expect(*self.node)
        self.never_missing(watch, "n2", "n3")

    def test_drain_ends_by_itself(self):
        watch = self.watch()
        self.assertNotIn("error", self.node["n1"].command("drain 3"))
        self.drained()
        self.expect(*self.node)
        self.saw(watch, self.node, {"n2", "n3"}, self.node)


if __name__ == "__main__":
    scenario.main()
