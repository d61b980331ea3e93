#!/usr/bin/python3
"""Scenario 4: paths that work in one direction only. A half-detached machine harms nobody, least of all the others."""

import scenario
from overlay import wait_until


class HalfDetachedNode(scenario.ScenarioTest):
    def not_connected(self, event_server, *members):
        for name in members:
            wait_until(lambda name=name: self.fact(event_server, name) != "connected", f"{event_server} misses {name}")

    def test_one_event_server_is_half_detached_from_some(self):
        es1 = self.machine("es1")
        watch = self.watch()
        for what, cut, missed in (
                ("n1 is not heard there", lambda: self.machine("n1").cut(es1, deaf=False), ["n1"]),
                ("n1 does not hear it", lambda: self.machine("n1").cut(es1, mute=False), ["n1"]),
                ("it hears no member, and says so", lambda: es1.cut(*(self.machine(name) for name in self.node), mute=False), self.node)):
            with self.subTest(what):
                cut()
                self.not_connected("es1", *missed)
                self.go_on(scenario.WRONG_WOULD_SHOW_S)
                for machine in (self.machine("n1"), es1):
                    machine.mend()
                for name in missed:
                    self.connected_everywhere(name, ["es1"])
        self.unchanged(watch, settle_s=2)

    def test_a_member_that_nobody_hears_goes_alone(self):
        watch = self.watch()
        self.machine("n1").cut(deaf=False)
        self.expect("n2", "n3", "n4")
        self.machine("n1").mend()
        self.expect(*self.node)
        self.go_on(scenario.WRONG_WOULD_SHOW_S)
        self.never_missing(watch, "n2", "n3", "n4")
        self.saw(watch, self.node, {"n2", "n3", "n4"}, self.node)


if __name__ == "__main__":
    scenario.main()
