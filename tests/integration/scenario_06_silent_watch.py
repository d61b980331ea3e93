#!/usr/bin/python3
"""Scenario 6: an event server falls silent without a word. Who follows it notices, and what happens goes on being seen
through the others."""

import scenario
from overlay import wait_until


class SilentWatch(scenario.ScenarioTest):
    def test_an_isolated_event_server_hides_nothing(self):
        watch = self.watch()
        self.machine("es1").cut()
        self.net.start_node("n5", [scenario.ROLE])
        self.expect("n1", "n2", "n3", "n4", "n5")
        self.node["n1"].stop()
        self.expect("n2", "n3", "n4", "n5")
        self.node["n2"].kill()
        self.expect("n3", "n4", "n5")
        self.node["n3"].pause()
        self.expect("n4", "n5")
        self.node["n3"].resume()
        self.expect("n3", "n4", "n5")
        self.machine("es1").mend()
        for name in ("n3", "n4", "n5"):
            self.connected_everywhere(name)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.never_missing(watch, "n4")
        self.expect("n3", "n4", "n5")

    def test_a_name_server_that_hears_only_the_isolated_one_keeps_what_it_has(self):
        everybody, self.net.event_servers = self.net.event_servers, self.net.event_servers[:1]
        lonely = self.net.start_dns("dns2", pdns=["pdns2"])
        self.net.event_servers = everybody
        pdns, lonely_pdns = self.pdns[0], self.net.start_pdns("pdns2", dns="dns2")
        self.pdns = [pdns, lonely_pdns]
        self.expect(*self.node)
        self.machine("es1").cut()
        wait_until(lambda: lonely.status()["state"] != "fresh", "the name server knows that its watch is silent")
        self.node["n1"].stop()
        self.pdns = [pdns]
        self.expect("n2", "n3", "n4")
        self.pdns = [lonely_pdns]
        self.expect(*self.node)
        self.machine("es1").mend()
        self.pdns = [pdns, lonely_pdns]
        self.expect("n2", "n3", "n4")
        self.assertEqual("fresh", lonely.status()["state"])


if __name__ == "__main__":
    scenario.main()
