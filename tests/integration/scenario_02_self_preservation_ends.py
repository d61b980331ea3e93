#!/usr/bin/python3
"""Scenario 2: most of a role really dies at once. The guard against mass withdrawal holds, and lets go in bounded time."""

import scenario
from overlay import wait_until


class SelfPreservationEnds(scenario.ScenarioTest):
    members = 5

    def test_three_of_five_lose_their_power(self):
        dead = ("n1", "n2", "n3")
        watch = self.watch()
        for name in dead:
            self.machine(name).cut()
        wait_until(lambda: self.alarm("mass_silence"), "the manager holds the role, with an alarm")
        self.assertEqual([set(self.node)], watch.members)
        self.expect("n4", "n5")
        self.assertTrue(self.alarm("mass_silence_believed"))
        for name in dead:
            self.machine(name).mend()
        self.expect(*self.node)
        self.never_missing(watch, "n4", "n5")


if __name__ == "__main__":
    scenario.main()
