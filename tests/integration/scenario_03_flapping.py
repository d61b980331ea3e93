#!/usr/bin/python3
"""Scenario 3: flapping, and false deaths under load. Short pauses change nothing, long ones are damped, and who was
itself paused accuses nobody."""

import time

import scenario
from overlay import wait_until

LEASE_S = 3.0


class Flapping(scenario.ScenarioTest):
    members = 8

    def test_members_that_pause_again_and_again(self):
        """n1 for half a lease and n2 for two, over and over."""
        watch = self.watch()
        rounds = 3
        for _ in range(rounds):
            began = time.monotonic()
            for name in ("n1", "n2"):
                self.node[name].pause()
            self.go_on(LEASE_S / 2)
            self.node["n1"].resume()
            wait_until(lambda: "n2" not in watch.members[-1] or time.monotonic() > began + 2 * LEASE_S, "two leases are over")
            self.go_on(max(0.0, began + 2 * LEASE_S - time.monotonic()))
            self.node["n2"].resume()
            self.go_on(LEASE_S / 2)
        self.never_missing(watch, *(self.node.keys() - {"n2"}))
        self.assertLessEqual(len(watch.members), 1 + 2 * rounds)
        self.assertTrue(self.alarm("flapping"), "n2 has to wait for its return")
        self.expect(*self.node)
        self.assertLessEqual(len(watch.members), 2 + 2 * rounds)

    def test_the_ones_that_judge_and_report_pause(self):
        watch = self.watch()
        for judges in (self.manager.values(), [self.es["es1"]], [self.es["es2"], self.es["es3"]]):
            for process in judges:
                process.pause()
            self.go_on(2 * LEASE_S)
            for process in judges:
                process.resume()
            self.go_on(LEASE_S / 2)
        for name in self.node:
            self.connected_everywhere(name)
        self.never_missing(watch, *self.node)
        self.assertEqual(1, len(watch.members))


if __name__ == "__main__":
    scenario.main()
