#!/usr/bin/python3
"""Scenario 14: one certificate on two machines, and a machine that gets another address. Identity is the certificate."""

import scenario
from overlay import wait_until


class Identity(scenario.ScenarioTest):
    members = 2

    def test_a_cloned_machine(self):
        """The newer process is n1 from now on. The older one stays away, so that the two do not take turns."""
        watch = self.watch()
        tls = self.net.home("n1") / "tls"
        self.net.configure("clone", {}, certificate=str(tls / "n1.crt"), key=str(tls / "n1.key"))
        clone = self.net.start("clone", "thor-node")
        wait_until(lambda: self.node["n1"].status().get("replaced"), "the older process knows that it was replaced")
        wait_until(lambda: self.alarm("identity_conflict") or any("ALARM" in server.log_text() for server in self.es.values()), "there is an alarm")
        self.connected_everywhere("n1")
        sessions = {name: server.metric("thor_eventserver_closed_total") for name, server in self.es.items()}
        self.unchanged(watch)
        self.assertEqual(sessions, {name: server.metric("thor_eventserver_closed_total") for name, server in self.es.items()},
                         "connections come and go")
        self.assertFalse(clone.status()["replaced"])

    def test_a_machine_gets_another_address(self):
        """Without addresses in its certificate a member has that of its connections."""
        self.node["mover"] = self.net.start_node("mover", [scenario.ROLE], addresses=())
        self.expect("n1", "n2", "mover")
        self.shows("mover.node", "A", [self.machine("mover").address])
        watch = self.watch()
        self.machine("mover").move("10.77.200.1")
        self.shows("mover.node", "A", ["10.77.200.1"])
        self.expect("n1", "n2", "mover")
        self.connected_everywhere("mover")
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.expect("n1", "n2", "mover")
        self.never_missing(watch, "n1", "n2")


if __name__ == "__main__":
    scenario.main()
